{{ config(indexes=[{'columns': ['day', 'band_no'], 'unique': true}]) }}

with

holdings as (
    select * from {{ ref('int_inventory__holdings') }}
),

stock as (
    select * from {{ ref('stock') }}
),

bands (band_no, age_band, least_days, most_days) as (
    values
    (1, '0-30', 0, 30),
    (2, '31-60', 31, 60),
    (3, '61-90', 61, 90),
    (4, '91-120', 91, 120),
    (5, '121-180', 121, 180),
    (6, '181+', 181, null)
),

held as (
    select
        holdings.held_from,
        coalesce(holdings.held_until, stock.lost_on, 'infinity'::date) as held_until,
        stock.available_on,
        stock.cost_eur
    from holdings
    inner join stock
        on
            holdings.line_key = stock.line_key
            and holdings.unit_no = stock.unit_no
),

-- A unit enters a band on one day and leaves it on another: two rows, however long it lies there.
stays as (
    select
        bands.band_no,
        greatest(
            held.held_from,
            case when bands.band_no > 1 then held.available_on + bands.least_days end
        ) as enters_on,
        least(held.held_until, held.available_on + bands.most_days + 1) as leaves_on,
        held.available_on,
        held.cost_eur
    from held
    inner join bands
        on
            (bands.band_no = 1 or held.held_until > held.available_on + bands.least_days)
            and held.held_from <= coalesce(held.available_on + bands.most_days, 'infinity'::date)
),

-- Cost times age is a day's number times the cost less the cost times the number of the first day.
steps as (
    select
        enters_on as day,
        band_no,
        count(*) as unit_count,
        sum(cost_eur) as cost_eur,
        sum(cost_eur * (available_on - date '2000-01-01')) as cost_from
    from stays
    where enters_on < leaves_on
    group by enters_on, band_no
    union all
    select
        leaves_on as day,
        band_no,
        -count(*) as unit_count,
        -sum(cost_eur) as cost_eur,
        -sum(cost_eur * (available_on - date '2000-01-01')) as cost_from
    from stays
    where enters_on < leaves_on and leaves_on <= {{ business_today() }}
    group by leaves_on, band_no
),

days as (
    select day::date as day
    from generate_series(
        (select min(day) from steps)::timestamp,
        ({{ business_today() }})::timestamp,
        interval '1 day'
    ) as calendar (day)
    where exists (select 1 from steps)
),

by_band as (
    select
        days.day,
        bands.band_no,
        bands.age_band,
        sum(sum(steps.unit_count)) over by_time as unit_count,
        sum(sum(steps.cost_eur)) over by_time as cost_eur,
        sum(sum(steps.cost_from)) over by_time as cost_from
    from days
    cross join bands
    left join steps
        on
            days.day = steps.day
            and bands.band_no = steps.band_no
    group by days.day, bands.band_no, bands.age_band
    window by_time as (
        partition by bands.band_no
        order by days.day
    )
),

final as (
    select
        day,
        band_no,
        age_band,
        coalesce(unit_count, 0)::bigint as unit_count,
        coalesce(cost_eur, 0)::numeric(14, 2) as cost_eur,
        coalesce(cost_eur * (day - date '2000-01-01') - cost_from, 0)::numeric(16, 2)
            as capital_days_eur,
        {{ build_id() }} as build_id
    from by_band
)

select * from final
