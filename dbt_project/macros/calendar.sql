{#- The business day of a moment: Berlin, with its daylight saving time. -#}
{% macro berlin_day(timestamp_sql) -%}
    (({{ timestamp_sql }}) at time zone 'Europe/Berlin')::date
{%- endmacro %}

{#- Today as a business day; DBT_AS_OF (from SOLEFLIP_AS_OF) pins it. Read when the SQL is compiled,
    never while parsing, so that a new day does not throw the partial parse away. -#}
{% macro business_today() -%}
    {%- set as_of = env_var('DBT_AS_OF', '') if execute else '' -%}
    {%- if as_of -%}
        date '{{ as_of }}'
    {%- else -%}
        (now() at time zone 'Europe/Berlin')::date
    {%- endif -%}
{%- endmacro %}
