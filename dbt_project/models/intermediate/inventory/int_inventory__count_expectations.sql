with

counted as (
    select * from {{ ref('int_inventory__stock_counts') }}
),

units as (
    select * from {{ ref('int_inventory__units') }}
),

holdings as (
    select * from {{ ref('int_inventory__holdings') }}
),

days as (
    select
        counted_on,
        array_agg(distinct location) filter (where location is not null) as locations,
        bool_or(location is null) as is_everywhere
    from counted
    group by counted_on
),

-- What was in the house that evening, in the counted places.
expected as (
    select
        days.counted_on,
        {{ item_key('units.partner_variant_id', 'units.product_name', 'units.size_raw') }}
            as item_key,
        holdings.line_key,
        holdings.unit_no,
        holdings.held_until is null as is_still_held,
        units.unit_ref,
        units.partner_product_id,
        units.partner_variant_id,
        units.product_name,
        units.size_raw,
        units.available_on,
        units.cost_eur
    from days
    inner join holdings
        on
            days.counted_on >= holdings.held_from
            and days.counted_on < coalesce(holdings.held_until, 'infinity'::date)
    inner join units
        on
            holdings.line_key = units.line_key
            and holdings.unit_no = units.unit_no
            and days.counted_on >= units.received_on
            and (
                days.is_everywhere
                or units.location is null
                or exists (
                    -- A place within a counted place is counted with it.
                    select 1
                    from unnest(days.locations) as counted_place (name)
                    where starts_with(lower(units.location) || ' ', counted_place.name || ' ')
                )
            )
)

select * from expected
