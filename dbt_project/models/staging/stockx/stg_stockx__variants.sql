with

source as (
    select * from {{ source('raw_stockx', 'variants') }}
),

renamed as (
    select
        variant_id as partner_variant_id,
        payload ->> 'productId' as partner_product_id,
        payload ->> 'variantName' as variant_name,
        {{ blank_to_null("payload ->> 'variantValue'") }} as size_raw,
        payload #>> '{sizeChart,defaultConversion,size}' as default_size,
        lower(payload #>> '{sizeChart,defaultConversion,type}') as default_size_type,
        array(
            select distinct {{ to_gtin14("gtin.entry ->> 'identifier'") }} as gtin14
            from jsonb_array_elements(
                case
                    when jsonb_typeof(payload -> 'gtins') = 'array' then payload -> 'gtins'
                    else '[]'::jsonb
                end
            ) as gtin (entry)
            where {{ to_gtin14("gtin.entry ->> 'identifier'") }} is not null
            order by 1
        ) as gtins,
        changed_at
    from source
)

select * from renamed
