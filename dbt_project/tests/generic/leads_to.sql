{#- Each filled key leads to a row of the other model. `links`: column, to, field.
    Returns one row per dangling key. -#}
{% test leads_to(model, links) %}

{% for link in links -%}
select distinct
    '{{ link.column }}' as key_column,
    child.{{ link.column }}::text as dangling_key
from {{ model }} as child
left join {{ link.to }} as parent on child.{{ link.column }} = parent.{{ link.field }}
where
    child.{{ link.column }} is not null
    and parent.{{ link.field }} is null
{{ 'union all' if not loop.last }}
{% endfor %}
{% endtest %}
