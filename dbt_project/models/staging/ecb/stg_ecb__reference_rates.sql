with

source as (
    select * from {{ source('raw_ecb', 'reference_rates') }}
),

renamed as (
    select
        rate_on,
        currency_code,
        {{ to_numeric("payload ->> 'units_per_eur'") }} as units_per_eur
    from source
)

select * from renamed
where units_per_eur > 0
