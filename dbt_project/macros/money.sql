{#- An amount in euros: half a cent rounds away from zero, once, here. NULL where no rate is known;
    nothing is nothing at any rate. -#}
{% macro to_eur(amount_sql, units_per_eur_sql) -%}
    round(
        case when ({{ amount_sql }}) = 0 then 0 else ({{ amount_sql }}) / {{ units_per_eur_sql }} end,
        2
    )::numeric(12, 2)
{%- endmacro %}

{#- A ratio of two sums with four decimals, of counts too; NULL when there is nothing to divide by. -#}
{% macro ratio(numerator_sql, denominator_sql) -%}
    round(({{ numerator_sql }})::numeric / nullif({{ denominator_sql }}, 0), 4)::numeric(12, 4)
{%- endmacro %}

{#- VAT owed on one sale, by regime. Margin scheme: on the margin alone, and never negative. -#}
{% macro vat_due(regime_sql, gross_sale_sql, gross_purchase_sql, rate_sql) -%}
    round(
        case {{ regime_sql }}
            when 'intra_eu' then 0
            when 'small_business' then 0
            when 'standard' then {{ gross_sale_sql }} * {{ rate_sql }} / (1 + {{ rate_sql }})
            when 'margin'
                then
                    case
                        when {{ gross_purchase_sql }} is not null
                            then greatest(0, {{ gross_sale_sql }} - {{ gross_purchase_sql }})
                    end * {{ rate_sql }} / (1 + {{ rate_sql }})
        end,
        2
    )::numeric(12, 2)
{%- endmacro %}

{#- The expected transaction fee in the currency of the price. -#}
{% macro expected_fee(price_sql, rate_sql, minimum_sql) -%}
    greatest(round({{ price_sql }} * {{ rate_sql }}, 2), coalesce({{ minimum_sql }}, 0))
{%- endmacro %}

{#- CTEs that end with `rated`: of each event (currency_code, event_on) the rate of its day. -#}
{% macro rates_of_events() -%}
reference_rates as (
    select * from {{ ref('stg_ecb__reference_rates') }}
),

-- No rate is published on weekends and bank holidays: the last one before holds.
published as (
    select
        currency_code,
        rate_on,
        units_per_eur,
        lead(rate_on, 1, 'infinity'::date) over (
            partition by currency_code
            order by rate_on
        ) as next_rate_on
    from reference_rates
),

rated as (
    select
        events.currency_code,
        events.event_on,
        case when events.currency_code = 'EUR' then events.event_on else published.rate_on end
            as rate_on,
        case when events.currency_code = 'EUR' then 1 else published.units_per_eur end
            as units_per_eur
    from events
    left join published
        on
            events.currency_code = published.currency_code
            and events.event_on >= published.rate_on
            and events.event_on < published.next_rate_on
    where
        events.currency_code is not null
        and events.event_on is not null
)
{%- endmacro %}
