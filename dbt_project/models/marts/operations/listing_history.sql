{{ config(materialized='view') }}

with

changes as (
    select * from {{ source('history', 'listing_change') }}
),

final as (
    select
        {{ stable_id('listing', ['platform', 'listing_id']) }} as id,
        platform,
        listing_id,
        seen_at,
        changed_at,
        status,
        is_active,
        ask_price,
        currency_code,
        (ask_price - lag(ask_price) over states)::numeric(12, 2) as ask_change,
        lead(seen_at) over states is null as is_latest,
        {{ build_id() }} as build_id
    from changes
    window states as (partition by platform, listing_id order by seen_at)
)

select * from final
