{{ config(indexes=[{'columns': ['line_key', 'unit_no'], 'unique': true}]) }}

with

counted as (
    select * from {{ ref('int_inventory__stock_counts') }}
),

expected as (
    select * from {{ ref('int_inventory__count_expectations') }}
    where partner_variant_id is not null
),

listings as (
    select * from {{ ref('stg_stockx__listings') }}
),

-- What lies at the marketplace cannot be found at home.
consigned as (
    select
        partner_variant_id,
        count(*) as consigned_count
    from listings
    where upper(status_raw) = 'ACTIVE' and inventory_type = 'FLEX'
    group by partner_variant_id
),

counted_items as (
    select
        counted_on,
        item_key,
        sum(quantity) as counted_count
    from counted
    group by counted_on, item_key
),

expected_items as (
    select
        counted_on,
        item_key,
        min(partner_product_id) as partner_product_id,
        count(*) as expected_count
    from expected
    group by counted_on, item_key
),

compared as (
    select
        expected_items.*,
        counted_items.item_key is not null as is_counted,
        coalesce(counted_items.counted_count, 0) as counted_count,
        sum(least(expected_items.expected_count, coalesce(counted_items.counted_count, 0)))
            over same_day
        / sum(expected_items.expected_count) over same_day as found_share
    from expected_items
    left join counted_items
        on
            expected_items.counted_on = counted_items.counted_on
            and expected_items.item_key = counted_items.item_key
    window same_day as (partition by expected_items.counted_on)
),

-- A list that names few of the articles is no count of the others; and a row whose size is not
-- known may be any size of its product.
judged as (
    select
        compared.counted_on,
        compared.item_key,
        greatest(
            0,
            compared.expected_count - compared.counted_count
            - coalesce(consigned.consigned_count, 0)
        ) as missing_count,
        row_number() over (
            partition by compared.item_key
            order by compared.counted_on desc
        ) as count_no
    from compared
    left join consigned on compared.item_key = consigned.partner_variant_id
    where
        (compared.is_counted or compared.found_share >= {{ var('complete_count_share') }})
        and not exists (
            select 1
            from counted
            where
                counted.counted_on = compared.counted_on
                and counted.partner_product_id = compared.partner_product_id
                and counted.partner_variant_id is null
                and counted.item_key like 'words:%'
        )
),

-- Of the units that no later sale has proved to be there: those that were counted by their own mark
-- are found, and those that came first to a count are missed first, the newest among them.
candidates as (
    select
        expected.line_key,
        expected.unit_no,
        expected.item_key,
        min(expected.counted_on) as first_missed_on,
        row_number() over (
            partition by expected.item_key
            order by
                min(expected.counted_on) asc,
                expected.available_on desc,
                expected.line_key collate "C" desc,
                expected.unit_no desc
        ) as place
    from expected
    inner join judged
        on
            expected.counted_on = judged.counted_on
            and expected.item_key = judged.item_key
    left join counted
        on
            expected.counted_on = counted.counted_on
            and expected.unit_ref = counted.unit_ref
    where expected.is_still_held
    group by expected.line_key, expected.unit_no, expected.item_key, expected.available_on
    having
        max(expected.counted_on) filter (where counted.count_key is not null)
        is distinct from max(expected.counted_on)
        and bool_or(judged.count_no = 1)
),

-- It has been missing since the count after the last one that missed fewer.
lost as (
    select
        candidates.line_key,
        candidates.unit_no,
        min(judged.counted_on) as lost_on
    from candidates
    inner join judged
        on
            candidates.item_key = judged.item_key
            and candidates.first_missed_on <= judged.counted_on
    where
        not exists (
            select 1
            from judged as later
            where
                later.item_key = judged.item_key
                and later.counted_on >= judged.counted_on
                and later.missing_count < candidates.place
        )
    group by candidates.line_key, candidates.unit_no
)

select * from lost
