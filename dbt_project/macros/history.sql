{#- Keeps the states that are not those seen last. A build that fails later has seen them, too. -#}
{% macro keep_order_status(orders) -%}
    insert into {{ source('history', 'order_status') }} (
        platform, order_number, order_line, seen_at, status, status_raw, changed_at, batch_id
    )
    select
        orders.platform,
        orders.order_number,
        orders.order_line,
        now(),
        orders.status,
        orders.status_raw,
        orders.changed_at,
        orders.batch_id
    from {{ orders }} as orders
    left join (
        select distinct on (platform, order_number, order_line)
            platform,
            order_number,
            order_line,
            status,
            status_raw
        from {{ source('history', 'order_status') }}
        order by platform, order_number, order_line, seen_at desc
    ) as seen using (platform, order_number, order_line)
    where
        seen.platform is null
        or seen.status <> orders.status
        or seen.status_raw is distinct from orders.status_raw
    on conflict do nothing
{%- endmacro %}
