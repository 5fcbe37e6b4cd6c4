{#- The key of the model: never NULL but where it may be, never twice. Where a unique index on these columns has just
    proved the second, rows are only looked through for NULL. Returns the offending keys. -#}
{% test grain(model, columns, not_null=[], nullable=[]) %}

{%- set filled = columns | reject('in', nullable) | list + not_null %}

{%- if is_unique_by_index(columns) %}

select {{ columns | join(', ') }}
from {{ model }}
where
    {% for column in filled -%}
    {{ column }} is null{{ ' or' if not loop.last }}
    {% endfor %}

{%- else %}

select
    {{ columns | join(', ') }},
    count(*) as row_count
from {{ model }}
group by {{ columns | join(', ') }}
having
    count(*) > 1
    {% for column in filled -%}
    or bool_or({{ column }} is null)
    {% endfor %}

{%- endif %}
{% endtest %}
