{#- How the server works on one model. The set is always built whole, so rows are met with rows by
    hash: where the planner takes a table of a million rows for one row, a loop over it would take
    hours. -#}
{% macro build_settings() -%}
    set local enable_nestloop = off;
    set local work_mem = '128MB';
    set local maintenance_work_mem = '256MB';
    set local jit = off
{%- endmacro %}

{#- Statistics of what was just built, before others read it: a table made a moment ago is planned
    as if it held a few rows. A table of a set never changes, so there is nothing to clean up. -#}
{% macro analyze_this() -%}
    {%- if config.get('materialized') in ('table', 'materialized_view') -%}
        {%- if config.get('materialized') == 'table' -%}
            alter table {{ this }} set (autovacuum_enabled = off);
        {%- endif -%}
        analyze {{ this }}
    {%- endif -%}
{%- endmacro %}

{#- Whether a unique index of the model that a test is of stands on just these columns: making it has
    proved that no two rows agree in them. -#}
{% macro is_unique_by_index(columns) -%}
    {%- set found = namespace(is_unique=false) -%}
    {%- if execute -%}
        {%- for index in graph.nodes[model.attached_node].config.get('indexes') or [] -%}
            {%- if index.unique and index.columns | sort == columns | sort -%}
                {%- set found.is_unique = true -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found.is_unique) }}
{%- endmacro %}

{#- At the end of a CTE: each of its columns is worked out once a row. Without it the planner writes an
    expression out again wherever a later CTE names it, and from step to step that multiplies. In
    quotes, because only a constant from the start leaves the planner free to share the work between
    processes; a bare 0 is converted to bigint too late for it. -#}
{% macro once_a_row() -%}
    offset '0'
{%- endmacro %}

{#- An index as dbt makes it; with `nulls_equal` a unique one takes NULL for a value like any. -#}
{% macro postgres__get_create_index_sql(relation, index_dict) -%}
    {%- set known = {'columns': index_dict.columns, 'unique': index_dict.unique or false} -%}
    {%- set index = adapter.parse_index(known) -%}
    create {{ 'unique ' if index.unique }}index if not exists "{{ index.render(relation) }}"
    on {{ relation }} ({{ index.columns | join(', ') }})
    {{- ' nulls not distinct' if index_dict.nulls_equal }}
{%- endmacro %}
