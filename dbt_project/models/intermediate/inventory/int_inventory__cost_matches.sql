{{ config(indexes=[
    {'columns': ['order_key', 'piece_no'], 'unique': true},
    {'columns': ['line_key', 'unit_no']},
]) }}

with recursive

orders as not materialized (
    select * from {{ ref('int_sales__orders') }}
    where is_sale or status = 'returned'
),

units as (
    select * from {{ ref('int_inventory__units') }}
),

links as (
    select * from {{ ref('int_inventory__sale_links') }}
),

-- Receipts, then returns, then sales: the order within one day.
events as (
    select
        units.partner_variant_id,
        units.available_on as event_on,
        1 as event_rank,
        1 as pieces,
        units.line_key as source_key,
        units.unit_no,
        null::timestamptz as sort_at,
        units.line_key as sort_key,
        null::text as sort_number,
        null::text as sort_line
    from units
    left join links
        on
            units.line_key = links.line_key
            and units.unit_no = links.unit_no
    where links.line_key is null and units.partner_variant_id is not null
    union all
    select
        coalesce(links.partner_variant_id, orders.partner_variant_id) as partner_variant_id,
        orders.returned_on as event_on,
        2 as event_rank,
        orders.quantity as pieces,
        orders.order_key as source_key,
        null::integer as unit_no,
        null::timestamptz as sort_at,
        orders.platform as sort_key,
        orders.order_number as sort_number,
        orders.order_line as sort_line
    from orders
    left join links on orders.order_key = links.order_key
    where
        orders.returned_on is not null
        and coalesce(links.partner_variant_id, orders.partner_variant_id) is not null
        and coalesce(links.gives_back, true)
    union all
    select
        orders.partner_variant_id,
        orders.sold_on as event_on,
        3 as event_rank,
        orders.quantity as pieces,
        orders.order_key as source_key,
        null::integer as unit_no,
        orders.ordered_at as sort_at,
        orders.platform as sort_key,
        orders.order_number as sort_number,
        orders.order_line as sort_line
    from orders
    left join links on orders.order_key = links.order_key
    where orders.partner_variant_id is not null and links.order_key is null
),

-- A sale that does not find all its pieces takes none, and leaves the stock as it was.
in_order as (
    select
        *,
        row_number() over in_line as seq,
        coalesce(
            enrichment.running_stock(case when event_rank < 3 then pieces else -pieces end) over (
                in_line rows between unbounded preceding and 1 preceding
            ),
            0
        ) as stock_before
    from events
    window in_line as (
        partition by partner_variant_id
        order by
            event_on,
            event_rank,
            sort_at nulls first,
            sort_key collate "C",
            sort_number collate "C",
            sort_line collate "C",
            unit_no
    )
),

-- The k-th piece that is taken is the k-th that became available.
numbered as (
    select
        in_order.partner_variant_id,
        in_order.event_rank,
        in_order.pieces,
        in_order.source_key,
        piece.piece_no,
        coalesce(in_order.unit_no, piece.piece_no) as source_no,
        row_number() over (
            partition by in_order.partner_variant_id, in_order.event_rank < 3
            order by in_order.seq, piece.piece_no
        ) as position
    from in_order
    cross join lateral generate_series(1, in_order.pieces) as piece (piece_no)
    where in_order.event_rank < 3 or in_order.stock_before >= in_order.pieces
),

taken as (
    select
        sales.source_key as order_key,
        sales.piece_no,
        sales.pieces,
        available.event_rank as source_rank,
        available.source_key,
        available.source_no
    from numbered as sales
    inner join numbered as available
        on
            sales.partner_variant_id = available.partner_variant_id
            and sales.position = available.position
            and available.event_rank < 3
    where sales.event_rank = 3
),

-- A unit that came back is the one its sale took, which may itself have come back before.
came_back as materialized (
    select
        taken.order_key,
        taken.piece_no,
        taken.source_rank,
        taken.source_key,
        taken.source_no
    from taken
    inner join orders on taken.order_key = orders.order_key
    where orders.returned_on is not null
    union all
    select
        order_key,
        1 as piece_no,
        1 as source_rank,
        line_key as source_key,
        unit_no as source_no
    from links
),

traced as (
    select
        order_key,
        piece_no,
        pieces,
        source_rank,
        source_key,
        source_no
    from taken
    union all
    select
        traced.order_key,
        traced.piece_no,
        traced.pieces,
        earlier.source_rank,
        earlier.source_key,
        earlier.source_no
    from traced
    inner join came_back as earlier
        on
            traced.source_rank = 2
            and traced.source_key = earlier.order_key
            and traced.source_no = earlier.piece_no
),

-- A piece that came back without a known unit leaves its sale without a known cost.
known as (
    select
        *,
        1 as known_count
    from traced
    where source_rank = 1 and pieces = 1
    union all
    select
        *,
        count(*) over (partition by order_key) as known_count
    from traced
    where source_rank = 1 and pieces > 1
),

matched as (
    select
        order_key,
        1 as piece_no,
        line_key,
        unit_no,
        'linked'::text as match_method
    from links
    union all
    select
        order_key,
        piece_no,
        source_key as line_key,
        source_no as unit_no,
        'fifo'::text as match_method
    from known
    where known_count = pieces
)

select * from matched
