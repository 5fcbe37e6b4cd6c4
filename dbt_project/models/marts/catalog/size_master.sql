{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['size_key'], 'unique': true},
]) }}

with

size_labels as (
    select * from {{ source('enrichment', 'size_label') }}
),

purchase_matches as (
    select * from {{ source('enrichment', 'purchase_match') }}
),

-- The surest reading of a size speaks for all that are the same size.
labelled as (
    select distinct on (size_key)
        size_key,
        size_system,
        audience,
        size_value,
        us_size,
        eu_size
    from size_labels
    order by
        size_key,
        confidence desc,
        (us_size is null) asc,
        size_raw collate "C",
        brand collate "C",
        audience_hint collate "C",
        category collate "C"
),

counted as (
    select
        size_key,
        count(distinct size_raw) as spelling_count
    from size_labels
    group by size_key
),

named_by_purchases as (
    select distinct size_key
    from purchase_matches
    where size_key is not null
),

final as (
    select
        {{ stable_id('size', ['coalesce(labelled.size_key, named_by_purchases.size_key)']) }}
            as id,
        coalesce(labelled.size_key, named_by_purchases.size_key) as size_key,
        labelled.size_system,
        labelled.audience,
        labelled.size_value,
        labelled.us_size,
        labelled.eu_size,
        coalesce(counted.spelling_count, 0) as spelling_count,
        {{ build_id() }} as build_id
    from labelled
    full outer join named_by_purchases on labelled.size_key = named_by_purchases.size_key
    left join counted on labelled.size_key = counted.size_key
)

select * from final
