{#- The key of the model: never NULL, never twice. Returns the offending keys. -#}
{% test grain(model, columns, not_null=[]) %}

select
    {{ columns | join(', ') }},
    count(*) as row_count
from {{ model }}
group by {{ columns | join(', ') }}
having
    count(*) > 1
    {% for column in columns -%}
    or {{ column }} is null
    {% endfor -%}
    {% for column in not_null -%}
    or bool_or({{ column }} is null)
    {% endfor %}
{% endtest %}
