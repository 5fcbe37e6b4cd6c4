with

counts as (
    select * from {{ ref('stg_csv__stock_counts') }}
    where counted_on is not null
),

item_matches as (
    select * from {{ source('enrichment', 'item_match') }}
    where kind = 'count'
),

units as (
    select * from {{ ref('int_inventory__units') }}
),

named_units as (
    select
        unit_ref,
        min({{ item_key('partner_variant_id', 'product_name', 'size_raw') }}) as item_key
    from units
    where unit_ref is not null
    group by unit_ref
    having count(*) = 1
),

counted as (
    select
        counts.count_key,
        counts.counted_on,
        coalesce(
            named_units.item_key,
            {{ item_key(
                'item_matches.partner_variant_id',
                'coalesce(counts.product_name, counts.style_code_raw)',
                'counts.size_raw'
            ) }}
        ) as item_key,
        item_matches.partner_product_id,
        item_matches.partner_variant_id,
        coalesce(counts.product_name, counts.style_code_raw) as product_name,
        counts.size_raw,
        counts.unit_ref,
        lower(counts.location) as location,
        counts.quantity
    from counts
    left join item_matches on counts.count_key = item_matches.item_key
    left join named_units on counts.unit_ref = named_units.unit_ref
)

select * from counted
