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
