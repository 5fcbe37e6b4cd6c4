with

orders as (
    select * from {{ ref('int_sales__orders') }}
),

units as (
    select * from {{ ref('int_inventory__units') }}
),

hand_kept_sales as (
    select * from {{ ref('stg_csv__sales') }}
),

owner_links as (
    select * from {{ source('owner', 'sale_unit_link') }}
),

-- A reference names a unit if one purchase line of one piece carries it.
named_units as (
    select
        unit_ref,
        min(line_key) as line_key
    from units
    where unit_ref is not null
    group by unit_ref
    having count(*) = 1 and max(line_quantity) = 1
),

wanted as (
    select
        order_platform as platform,
        order_number,
        unit_ref,
        1 as priority
    from owner_links
    union all
    select
        platform,
        order_number,
        unit_ref,
        2 as priority
    from hand_kept_sales
    where unit_ref is not null
),

chosen as (
    select distinct on (wanted.platform, wanted.order_number)
        wanted.platform,
        wanted.order_number,
        named_units.line_key,
        wanted.priority
    from wanted
    inner join named_units on wanted.unit_ref = named_units.unit_ref
    order by wanted.platform, wanted.order_number, wanted.priority
),

-- Never two sales on one unit: the owner's word first, then the earlier sale. A sale that was
-- returned may share the unit with the one that came after it.
ranked as (
    select
        chosen.platform,
        chosen.order_number,
        chosen.line_key,
        orders.is_sale,
        row_number() over (
            partition by chosen.line_key, orders.is_sale
            order by
                chosen.priority, orders.ordered_at, orders.platform, orders.order_number
        ) as claim_no,
        bool_or(orders.is_sale) over (partition by chosen.line_key) as is_sold_for_good
    from chosen
    inner join orders
        on
            chosen.platform = orders.platform
            and chosen.order_number = orders.order_number
    where orders.is_sale or orders.status = 'returned'
),

links as (
    select
        platform,
        order_number,
        line_key,
        1 as unit_no,
        not is_sale and not is_sold_for_good and claim_no = 1 as gives_back
    from ranked
    where claim_no = 1 or not is_sale
)

select * from links
