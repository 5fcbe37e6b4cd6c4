with

source as (
    {{ unpacked(source('raw_stockx', 'variants'), ['variant_id']) }}
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
            select distinct number.gtin14
            from (
                select {{ to_gtin14("gtin.entry ->> 'identifier'") }} as gtin14
                from jsonb_array_elements({{ list_of("payload -> 'gtins'") }}) as gtin (entry)
                {{ once_a_row() }}
            ) as number
            where number.gtin14 is not null
            order by number.gtin14
        ) as gtins,
        changed_at
    from source
)

select * from renamed
