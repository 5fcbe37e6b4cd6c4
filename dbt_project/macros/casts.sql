{#-
    Text of a partner to a type. What does not fit becomes NULL, so that one odd row never stops a
    view; the loaders quarantine rows that lack what they must have.
-#}
{% macro to_numeric(text_sql) -%}
    case when {{ text_sql }} ~ '^\s*[-+]?\d{1,12}(\.\d+)?\s*$' then ({{ text_sql }})::numeric end
{%- endmacro %}

{% macro to_money(text_sql) -%}
    (case
        when {{ text_sql }} ~ '^\s*[-+]?\d{1,10}(\.\d+)?\s*$'
            then round(({{ text_sql }})::numeric, 2)
    end)::numeric(12, 2)
{%- endmacro %}

{% macro to_integer(text_sql) -%}
    case when {{ text_sql }} ~ '^\s*[-+]?\d{1,9}\s*$' then ({{ text_sql }})::integer end
{%- endmacro %}

{#- A time without a zone is UTC, as the partners' documents say. -#}
{% macro to_timestamp_utc(text_sql) -%}
    case
        when {{ text_sql }} ~ '^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}.*([zZ]|[-+]\d{2}:?(\d{2})?)$'
            then ({{ text_sql }})::timestamptz
        when {{ text_sql }} ~ '^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}[:.0-9]*)?$'
            then ({{ text_sql }})::timestamp at time zone 'UTC'
    end
{%- endmacro %}

{% macro to_date(text_sql) -%}
    case when {{ text_sql }} ~ '^\d{4}-\d{2}-\d{2}' then left({{ text_sql }}, 10)::date end
{%- endmacro %}

{#- Partners write "nothing" as a blank or as N/A. -#}
{% macro blank_to_null(text_sql) -%}
    case when btrim({{ text_sql }}) not in ('', 'N/A', 'n/a') then btrim({{ text_sql }}) end
{%- endmacro %}

{#- GTINs come as UPC, EAN-13 or GTIN-8: padded to 14 digits they can be compared. A number whose
    check digit is wrong is none. -#}
{% macro to_gtin14(text_sql) -%}
    enrichment.gtin14({{ text_sql }})
{%- endmacro %}

{#- Whole cents, as a number or as text, to an amount of the currency. -#}
{% macro cents_to_money(text_sql) -%}
    (case when {{ text_sql }} ~ '^-?\d{1,12}$' then ({{ text_sql }})::numeric / 100 end)::numeric(12, 2)
{%- endmacro %}

{#- An object with the named keys alone: what marts show of a payload, so that a buyer's name or
    address can never be among it. -#}
{% macro only_keys(object_sql, keys) -%}
    (
        select coalesce(jsonb_object_agg(entry.key, entry.value), '{}')
        from jsonb_each({{ object_sql }}) as entry
        where entry.key in ('{{ keys | join("', '") }}')
    )
{%- endmacro %}

{#- A list of a payload; empty where there is none, or something else. -#}
{% macro list_of(json_sql) -%}
    case when jsonb_typeof({{ json_sql }}) = 'array' then {{ json_sql }} else '[]'::jsonb end
{%- endmacro %}

{#- A payload as it is in memory, at the end of a CTE that is worked out once a row: a long one is
    stored compressed, and each field that is read of it would unpack it again. -#}
{% macro in_memory(payload_sql) -%}
    ({{ payload_sql }}) || '{}'
{%- endmacro %}

{#- The rows of a table of raw, each payload unpacked once; its keys can still be looked up. -#}
{% macro unpacked(relation, keys) -%}
    select
        raw.{{ keys | join(', raw.') }},
        raw.first_seen_at,
        raw.changed_at,
        raw.batch_id,
        unpacked.payload
    from {{ relation }} as raw
    cross join lateral (
        select {{ in_memory('raw.payload') }} as payload where true {{ once_a_row() }}
    ) as unpacked
{%- endmacro %}
