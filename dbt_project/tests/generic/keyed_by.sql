{#- The key of a view that shows each row of a raw table once, or the numbered parts of each: it
    holds as long as the raw table's own key does, so that is what is looked for. Returns the raw
    table and the view's key if a primary key or unique index on `source_key` is missing. -#}
{% test keyed_by(model, columns, source, source_key) %}

select
    '{{ source }}' as keyless_table,
    '{{ columns | join(", ") }}' as key_of_view
where not exists (
    select
    from pg_index
    where
        pg_index.indrelid = '{{ source }}'::regclass
        and pg_index.indisunique
        and pg_index.indpred is null
        and (
            select array_agg(pg_attribute.attname::text order by pg_attribute.attname)
            from pg_attribute
            where
                pg_attribute.attrelid = pg_index.indrelid
                and pg_attribute.attnum = any(pg_index.indkey::smallint [])
        ) = array['{{ source_key | sort | join("', '") }}']
)

{% endtest %}
