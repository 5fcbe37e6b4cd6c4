{#- The id of what the parts name; warehouse/ids.py is its twin in Python. -#}
{% macro stable_id(kind, parts) -%}
    md5(concat_ws('|', '{{ kind }}', {{ parts | join(', ') }}))::uuid
{%- endmacro %}

{#- The build a row belongs to. From the environment at run time: a var would make each build parse
    the whole project again. -#}
{% macro build_id() -%}
    '{{ env_var('DBT_BUILD_ID', 'none') if execute else 'none' }}'::text
{%- endmacro %}
