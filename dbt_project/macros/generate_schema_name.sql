{#- The folder's schema as it is; while a new set is built, `<schema>__next` for what is swapped. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- set schema_name = (custom_schema_name or target.schema) | trim -%}
    {%- set is_swapped = node.resource_type == 'model' and 'staging' not in node.fqn -%}
    {{- schema_name -}}{{- '__next' if target.name == 'publish' and is_swapped -}}
{%- endmacro %}
