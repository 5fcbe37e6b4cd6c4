with

source as (
    {{ unpacked(source('raw_csv', 'stock_counts'), ['count_key']) }}
),

renamed as (
    select
        count_key,
        {{ to_date("payload ->> 'counted_on'") }} as counted_on,
        {{ blank_to_null("payload ->> 'location'") }} as location,
        {{ blank_to_null("payload ->> 'product_name'") }} as product_name,
        {{ blank_to_null("payload ->> 'style_code'") }} as style_code_raw,
        {{ blank_to_null("payload ->> 'size'") }} as size_raw,
        {{ blank_to_null("payload ->> 'unit_ref'") }} as unit_ref,
        coalesce({{ to_integer("payload ->> 'quantity'") }}, 1) as quantity,
        batch_id
    from source
)

select * from renamed
