{{ config(indexes=[{'columns': ['order_id', 'sequence_no'], 'unique': true}]) }}

with

seen as (
    select * from {{ source('history', 'order_status') }}
),

orders as (
    select * from {{ ref('order') }}
),

final as (
    select
        orders.id as order_id,
        row_number() over by_time as sequence_no,
        seen.platform,
        seen.order_number,
        seen.order_line,
        lag(seen.status) over by_time as previous_status,
        seen.status,
        seen.status_raw,
        seen.seen_at,
        seen.changed_at,
        lead(seen.seen_at) over by_time as seen_until,
        lead(seen.seen_at) over by_time is null as is_current,
        {{ build_id() }} as build_id
    from seen
    inner join orders
        on
            seen.platform = orders.platform
            and seen.order_number = orders.order_number
            and seen.order_line = orders.order_line
    window by_time as (partition by orders.id order by seen.seen_at)
)

select * from final
