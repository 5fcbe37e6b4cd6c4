{{ config(indexes=[{'columns': ['order_key'], 'unique': true}]) }}

with

orders as (
    select * from {{ ref('int_sales__orders') }}
    where (is_sale or status = 'returned') and quantity = 1
),

units as not materialized (
    select * from {{ ref('int_inventory__units') }}
),

hand_kept_sales as (
    select * from {{ ref('stg_csv__sales') }}
),

owner_links as (
    select * from {{ source('owner', 'sale_unit_link') }}
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

-- A mark names a unit if one purchase line of one piece carries it.
marked_units as (
    select
        unit_ref,
        min(line_key) as line_key,
        1 as unit_no,
        min(partner_variant_id) as partner_variant_id
    from units
    where unit_ref is not null
    group by unit_ref
    having count(*) = 1 and max(line_quantity) = 1
),

-- Any unit is named by its purchase line and its number in it.
numbers as (
    select distinct unit_ref
    from wanted
    where unit_ref ~ '#[0-9]{1,6}$'
),

numbered_units as (
    select
        named.unit_ref,
        units.line_key,
        units.unit_no,
        units.partner_variant_id
    from numbers as named
    inner join units
        on
            regexp_replace(named.unit_ref, '#[0-9]+$', '') = units.line_key
            and substring(named.unit_ref from '#([0-9]+)$')::integer = units.unit_no
),

named_units as (
    select * from marked_units
    union all
    select numbered_units.*
    from numbered_units
    left join marked_units on numbered_units.unit_ref = marked_units.unit_ref
    where marked_units.unit_ref is null
),

-- A reference is to an order: of several lines the one that sold the unit's size has the unit.
chosen as (
    select distinct on (wanted.platform, wanted.order_number)
        orders.order_key,
        orders.platform,
        orders.order_number,
        orders.order_line,
        orders.is_sale,
        orders.ordered_at,
        named_units.line_key,
        named_units.unit_no,
        named_units.partner_variant_id,
        wanted.priority
    from wanted
    inner join named_units on wanted.unit_ref = named_units.unit_ref
    inner join orders
        on
            wanted.platform = orders.platform
            and wanted.order_number = orders.order_number
    order by
        wanted.platform,
        wanted.order_number,
        wanted.priority,
        coalesce(orders.partner_variant_id = named_units.partner_variant_id, false) desc,
        orders.order_line
),

-- Never two sales on one unit: the owner's word first, then the earlier sale. A sale that was
-- returned may share the unit with the one that came after it.
ranked as (
    select
        *,
        row_number() over (
            partition by line_key, unit_no, is_sale
            order by priority, ordered_at, platform, order_number
        ) as claim_no,
        bool_or(is_sale) over (partition by line_key, unit_no) as is_sold_for_good
    from chosen
),

links as (
    select
        order_key,
        line_key,
        unit_no,
        partner_variant_id,
        not is_sale and not is_sold_for_good and claim_no = 1 as gives_back
    from ranked
    where claim_no = 1 or not is_sale
)

select * from links
