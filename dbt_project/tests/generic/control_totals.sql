{#- Totals of the model beside the same totals of where its rows come from. `totals`: name, here
    (an aggregate over the model, with an optional `where`), there (a scalar query).
    Returns one row per total that differs. -#}
{% test control_totals(model, totals) %}

with totals (total_name, here, there) as (
    {% for total in totals -%}
    select
        '{{ total.name }}',
        (
            select ({{ total.here }})::numeric
            from {{ model }}
            where {{ total.where | default('true') }}
        ),
        ({{ total.there }})::numeric
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    total_name,
    here,
    there
from totals
where here is distinct from there

{% endtest %}
