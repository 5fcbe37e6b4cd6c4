{#- Totals of the model beside the same totals of where its rows come from. `totals`: name, here
    (made of counts and sums over the model, which an optional `where` narrows), there (a scalar
    query). The model is read once for all of them, and once more for each `where` with a query in
    it, which can be a join then; what several totals are compared with is worked out once. Returns
    one row per total that differs. -#}
{% test control_totals(model, totals) %}
{%- set theres = totals | map(attribute='there') | map('string') | unique(case_sensitive=true) | list %}

with here as (
    select
        {%- for total in totals %}
        {%- set where = total.where or 'true' %}
        {%- if 'select' in where %}
        (select {{ total.here }} from {{ model }} where {{ where }})
        {%- elif total.where %}
        ({{ modules.re.sub(
            '(?:count|sum)\((?:[^()]|\([^()]*\))*\)',
            '\\g<0> filter (where ' ~ (where | replace('\\', '\\\\')) ~ ')',
            total.here
        ) }})
        {%- else %}
        ({{ total.here }})
        {%- endif %}::numeric as total_{{ loop.index }},
        {%- endfor %}
        count(*) as row_count
    from {{ model }}
),

there as (
    select
        {%- for there in theres %}
        ({{ there }})::numeric as total_{{ loop.index }}
        {{- ',' if not loop.last }}
        {%- endfor %}
),

totals (total_name, here, there) as (
    {% for total in totals -%}
    select
        '{{ total.name }}',
        (select here.total_{{ loop.index }} from here),
        (select there.total_{{ theres.index(total.there | string) + 1 }} from there)
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
