{{ config(indexes=[{'columns': ['variant_id'], 'unique': true}]) }}

with

listings as (
    select * from {{ ref('listing') }}
    where is_active and variant_id is not null
),

stock as (
    select * from {{ ref('stock') }}
),

asks as (
    select
        variant_id,
        min(product_id::text)::uuid as product_id,
        count(*) as ask_count,
        count(*) filter (where platform = 'stockx') as stockx_ask_count,
        count(*) filter (where platform = 'alias') as alias_ask_count,
        count(distinct platform) as channel_count
    from listings
    group by variant_id
),

units as (
    select
        variant_id,
        count(*) filter (where is_in_house) as in_house_count,
        count(*) filter (where status = 'incoming') as incoming_count
    from stock
    where variant_id is not null and is_on_hand
    group by variant_id
),

counted as (
    select
        asks.variant_id,
        asks.product_id,
        asks.stockx_ask_count,
        asks.alias_ask_count,
        coalesce(units.in_house_count, 0) as in_house_count,
        coalesce(units.incoming_count, 0) as incoming_count,
        greatest(
            0, greatest(asks.stockx_ask_count, asks.alias_ask_count)
            - coalesce(units.in_house_count, 0)
        ) as asks_without_unit_count,
        greatest(0, asks.ask_count - coalesce(units.in_house_count, 0)) as most_oversold_count
    from asks
    left join units on asks.variant_id = units.variant_id
),

final as (
    select
        variant_id,
        product_id,
        stockx_ask_count,
        alias_ask_count,
        in_house_count,
        incoming_count,
        asks_without_unit_count,
        most_oversold_count,
        case
            when asks_without_unit_count > 0 and incoming_count >= asks_without_unit_count
                then 'offered before it is here'
            when asks_without_unit_count > 0 then 'offered without a unit'
            else 'one unit offered on several channels'
        end as reason,
        {{ build_id() }} as build_id
    from counted
    where most_oversold_count > 0
)

select * from final
