with

source as (
    select * from {{ source('raw_stockx', 'variants') }}
),

conversions as (
    select
        source.variant_id as partner_variant_id,
        lower(conversion.entry ->> 'type') as size_type,
        conversion.entry ->> 'size' as size_text,
        conversion.position
    from source
    cross join lateral jsonb_array_elements(
        case
            when jsonb_typeof(source.payload #> '{sizeChart,availableConversions}') = 'array'
                then source.payload #> '{sizeChart,availableConversions}'
            else '[]'::jsonb
        end
    ) with ordinality as conversion (entry, position)
    where conversion.entry ->> 'type' is not null
),

-- "CM 23.5 (US M 4.5)" is 23.5: the system stands in front, a note may stand behind.
renamed as (
    select distinct on (partner_variant_id, size_type)
        partner_variant_id,
        size_type,
        size_text,
        btrim(regexp_replace(
            regexp_replace(size_text, '^(US M|US W|US|UK|EU|CM|KR|JP) ', ''),
            ' *\(.*\)$', ''
        )) as size_value
    from conversions
    order by partner_variant_id, size_type, position
)

select * from renamed
