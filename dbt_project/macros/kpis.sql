{#- What every key figure is made of: sums over orders, by name. Sums of these sums are sums of all
    orders, so that days make weeks and months. -#}
{% macro kpi_measures() -%}
    {{ return({
        'order_count': 'count(*)',
        'sale_count': 'count(*) filter (where orders.is_sale)',
        'sold_unit_count': 'coalesce(sum(orders.quantity) filter (where orders.is_sale), 0)',
        'failed_count': "count(*) filter (
            where orders.status in ('failed_authentication', 'not_shipped', 'cancelled')
        )",
        'decided_count': "count(*) filter (where orders.status <> 'open')",
        'gross_sale_eur': 'coalesce(sum(orders.gross_sale_eur), 0)',
        'transaction_fee_eur': 'coalesce(sum(orders.transaction_fee_eur), 0)',
        'processing_fee_eur': 'coalesce(sum(orders.processing_fee_eur), 0)',
        'shipping_fee_eur': 'coalesce(sum(orders.shipping_fee_eur), 0)',
        'other_fee_eur': 'coalesce(sum(orders.other_fee_eur), 0)',
        'net_payout_eur': 'coalesce(sum(orders.net_payout_eur), 0)',
        'penalty_eur': 'coalesce(sum(orders.penalty_eur), 0)',
        'cost_eur': 'sum(orders.cost_eur) filter (where orders.is_sale)',
        'net_profit_eur': 'sum(orders.net_profit)',
        'told_gross_eur':
            'sum(orders.gross_sale_eur) filter (where orders.net_payout_eur is not null)',
        'costed_count':
            'count(*) filter (where orders.is_sale and orders.net_profit is not null)',
        'costed_gross_eur': 'sum(orders.gross_sale_eur) filter (
            where orders.is_sale and orders.net_profit is not null
        )',
        'costed_net_eur': 'sum(orders.gross_sale_eur - orders.vat_due_eur) filter (
            where orders.is_sale and orders.net_profit is not null
        )',
        'sale_profit_eur': 'sum(orders.net_profit) filter (where orders.is_sale)',
        'profit_cost_eur': 'sum(orders.cost_eur) filter (
            where orders.is_sale and orders.net_profit is not null
        )',
        'shelf_days': 'sum(orders.shelf_days) filter (
            where orders.is_sale and orders.net_profit is not null
        )',
        'cost_days': 'sum(orders.cost_days) filter (
            where orders.is_sale and orders.net_profit is not null
        )'
    }) }}
{%- endmacro %}

{#- The sums of all orders of a group. -#}
{% macro kpi_sums() -%}
    {%- for name, aggregate in kpi_measures().items() %}
        {{ aggregate }} as {{ name }}{{ ',' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#- What the sums change by where penalties are moved from the sale to the day they were charged. -#}
{% macro kpi_moved_penalties() -%}
    {%- for name in kpi_measures() %}
        {%- if name == 'penalty_eur' %}
        sum(moved.moved_eur)
        {%- elif name == 'net_profit_eur' %}
        -sum(moved.moved_eur) filter (where moved.net_profit is not null)
        {%- else %}
        null
        {%- endif %} as {{ name }}{{ ',' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#- The sums of these sums. -#}
{% macro kpi_sums_of_sums() -%}
    {%- for name in kpi_measures() %}
        sum({{ name }}) as {{ name }}{{ ',' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#- The key figures of a group, from its sums. What a sum over no order would be is 0 or NULL as it
    is over none that counts. -#}
{% macro kpi_figures() -%}
    coalesce(order_count, 0)::bigint as order_count,
    coalesce(sale_count, 0)::bigint as sale_count,
    coalesce(sold_unit_count, 0)::bigint as sold_unit_count,
    {%- for name in ('gross_sale_eur', 'transaction_fee_eur', 'processing_fee_eur',
                     'shipping_fee_eur', 'other_fee_eur', 'net_payout_eur', 'penalty_eur') %}
    coalesce({{ name }}, 0)::numeric(14, 2) as {{ name }},
    {%- endfor %}
    cost_eur::numeric(14, 2) as cost_eur,
    net_profit_eur::numeric(14, 2) as net_profit_eur,
    {{ ratio('costed_count', 'sale_count') }} as cost_coverage_count,
    {{ ratio('costed_gross_eur', 'gross_sale_eur') }} as cost_coverage_value,
    -- A sale whose fees nobody told says nothing of the share that they take.
    {{ ratio(
        'transaction_fee_eur + processing_fee_eur + shipping_fee_eur + other_fee_eur',
        'told_gross_eur'
    ) }} as take_rate,
    {{ ratio('transaction_fee_eur + processing_fee_eur + other_fee_eur', 'told_gross_eur') }}
        as take_rate_without_shipping,
    -- Under the floor of cost coverage a margin would speak for a few sales only.
    (case
        when costed_gross_eur >= {{ var('cost_coverage_floor') }} * gross_sale_eur
            then {{ ratio('sale_profit_eur', 'costed_net_eur') }}
    end)::numeric(12, 4) as net_margin,
    (case
        when costed_gross_eur >= {{ var('cost_coverage_floor') }} * gross_sale_eur
            then {{ ratio('sale_profit_eur', 'profit_cost_eur') }}
    end)::numeric(12, 4) as roi,
    -- ROI x 365 / mean days, weighted by cost, a day at least.
    (case
        when costed_gross_eur >= {{ var('cost_coverage_floor') }} * gross_sale_eur
            then {{ ratio('sale_profit_eur * 365', 'greatest(profit_cost_eur, cost_days)') }}
    end)::numeric(12, 4) as annualised_roi,
    (case
        when costed_gross_eur >= {{ var('cost_coverage_floor') }} * gross_sale_eur
            then {{ ratio('sale_profit_eur', 'shelf_days') }}
    end)::numeric(12, 4) as profit_per_shelf_day_eur,
    {{ ratio('failed_count', 'decided_count') }} as failed_sale_rate
{%- endmacro %}

{#- The names of the key figures, for those who only pick rows of analytics.kpi. -#}
{% macro kpi_names() -%}
    order_count,
    sale_count,
    sold_unit_count,
    gross_sale_eur,
    transaction_fee_eur,
    processing_fee_eur,
    shipping_fee_eur,
    other_fee_eur,
    net_payout_eur,
    penalty_eur,
    cost_eur,
    net_profit_eur,
    cost_coverage_count,
    cost_coverage_value,
    take_rate,
    take_rate_without_shipping,
    net_margin,
    roi,
    annualised_roi,
    profit_per_shelf_day_eur,
    failed_sale_rate
{%- endmacro %}

{#- Which of the grouped dimensions a row is of, and which member. -#}
{% macro kpi_member() -%}
    case
        when grouping(platform) = 0 then 'platform'
        when grouping(brand) = 0 then 'brand'
        when grouping(category) = 0 then 'category'
        when grouping(size_group) = 0 then 'size_group'
        else 'supplier'
    end as dimension,
    coalesce(platform, brand, category, size_group, supplier) as member
{%- endmacro %}

{#- A size in one of few groups, by what size_master says of it. -#}
{% macro size_group(system_sql, audience_sql, value_sql) -%}
    case
        when {{ system_sql }} = 'US' and {{ audience_sql }} in ('youth', 'toddler') then 'kids'
        when {{ system_sql }} = 'US' and {{ value_sql }} ~ '^\d+(\.\d+)?$'
            then
                case when {{ audience_sql }} = 'women' then 'women ' else 'men ' end
                || case
                    when {{ value_sql }}::numeric
                        < case when {{ audience_sql }} = 'women' then 7 else 8 end then 'small'
                    when {{ value_sql }}::numeric
                        < case when {{ audience_sql }} = 'women' then 9.5 else 11 end then 'core'
                    else 'large'
                end
        when {{ system_sql }} = 'ALPHA'
            then
                'apparel ' || case
                    when {{ value_sql }} in ('XXS', 'XS', 'S') then 'small'
                    when {{ value_sql }} in ('M', 'L') then 'core'
                    else 'large'
                end
        when {{ system_sql }} = 'EU' then 'EU only'
        when {{ system_sql }} in ('CAP', 'ONE') then 'one size and caps'
        else 'unknown'
    end
{%- endmacro %}
