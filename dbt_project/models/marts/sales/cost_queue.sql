with

orders as (
    select * from {{ ref('order') }}
),

stock as not materialized (
    select * from {{ ref('stock') }}
),

units_of_variant as (
    select
        variant_id,
        count(*) as unit_count,
        count(*) filter (where is_sold) as sold_count
    from stock
    where variant_id is not null
    group by variant_id
),

queue as (
    select
        orders.id as order_id,
        orders.platform,
        orders.order_number,
        orders.order_line,
        orders.quantity,
        orders.product_id,
        orders.variant_id,
        orders.sold_on,
        orders.gross_sale_eur,
        case
            when orders.cost_match_method is not null then 'unit without a known cost'
            when orders.variant_id is null then 'sale without a variant'
            when units_of_variant.unit_count is null then 'no purchase of this variant'
            when units_of_variant.unit_count = units_of_variant.sold_count
                then 'every purchased unit is sold'
            when orders.quantity > 1 then 'too few units for all pieces'
            else 'units came after the sale'
        end as reason,
        coalesce(units_of_variant.unit_count, 0) as purchased_unit_count,
        orders.cost_match_method is null and orders.quantity = 1 as can_be_linked
    from orders
    left join units_of_variant on orders.variant_id = units_of_variant.variant_id
    where orders.is_sale and orders.cost_eur is null
),

-- First the unsold units of the size, then those of the product, what has no known size before
-- other sizes, if they were there by the day of the sale. Each sale is offered a unit of its own.
same_size as (
    select
        sales.order_id,
        units.id as stock_id,
        case
            when units.available_on > sales.sold_on
                then 'same size, dated ' || units.available_on - sales.sold_on
                    || ' days after the sale'
            else 'same size, there on the day of the sale'
        end as suggestion
    from (
        select
            order_id,
            variant_id,
            sold_on,
            row_number() over (
                partition by variant_id
                order by sold_on, order_id
            ) as place
        from queue
        where variant_id is not null and can_be_linked
    ) as sales
    inner join (
        select
            id,
            variant_id,
            available_on,
            row_number() over (
                partition by variant_id
                order by available_on, line_key collate "C", unit_no
            ) as place
        from stock
        where is_on_hand and variant_id is not null
    ) as units
        on
            sales.variant_id = units.variant_id
            and sales.place = units.place
),

same_product as (
    select
        sales.order_id,
        units.id as stock_id,
        case
            when units.variant_id is null then 'same product, of no known size'
            else 'same product, of another size'
        end as suggestion
    from (
        select
            queue.order_id,
            queue.product_id,
            queue.sold_on,
            row_number() over (
                partition by queue.product_id
                order by queue.sold_on, queue.order_id
            ) as place
        from queue
        left join same_size on queue.order_id = same_size.order_id
        where same_size.order_id is null and queue.product_id is not null and queue.can_be_linked
    ) as sales
    inner join (
        select
            stock.id,
            stock.product_id,
            stock.variant_id,
            stock.available_on,
            row_number() over (
                partition by stock.product_id
                order by
                    stock.variant_id is null desc,
                    stock.available_on,
                    stock.line_key collate "C",
                    stock.unit_no
            ) as place
        from stock
        left join same_size on stock.id = same_size.stock_id
        where stock.is_on_hand and same_size.stock_id is null and stock.product_id is not null
    ) as units
        on
            sales.product_id = units.product_id
            and sales.place = units.place
            and sales.sold_on >= units.available_on
),

suggestions as (
    select * from same_size
    union all
    select * from same_product
),

final as (
    select
        queue.order_id,
        queue.platform,
        queue.order_number,
        queue.order_line,
        queue.quantity,
        queue.product_id,
        queue.variant_id,
        queue.sold_on,
        queue.gross_sale_eur,
        queue.reason,
        queue.purchased_unit_count,
        suggestions.suggestion,
        suggestions.stock_id as suggested_stock_id,
        stock.line_key || '#' || stock.unit_no as suggested_unit,
        stock.cost_eur as suggested_cost_eur,
        {{ build_id() }} as build_id
    from queue
    left join suggestions on queue.order_id = suggestions.order_id
    left join stock on suggestions.stock_id = stock.id
)

select * from final
