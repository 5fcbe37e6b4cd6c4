{#- Rules that each row must obey, by name. As in a check constraint, NULL (unknown) passes.
    Returns one row per broken rule and row; only rows that break one are taken apart. -#}
{% test rows_hold(model, rules) %}

select
    rule.rule_name,
    to_jsonb(checked) as broken_row
from {{ model }} as checked
cross join lateral (
    values
    {%- for name, condition in rules.items() %}
    ('{{ name }}', ({{ condition }})){{ ',' if not loop.last }}
    {%- endfor %}
) as rule (rule_name, holds)
where
    rule.holds is false
    and (
        {%- for condition in rules.values() %}
        ({{ condition }}) is false{{ ' or' if not loop.last }}
        {%- endfor %}
    )

{% endtest %}
