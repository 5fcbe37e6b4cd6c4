{#- The kind of a payout line. StockX words its labels anew every year ("MinTransactionFee",
    "Transaction Fee (8.0%)"), so only letters count, and the kind is what the label contains. -#}
{% macro fee_kind(label_sql) -%}
    case
        when lower({{ label_sql }}) like '%penalty%' then 'penalty'
        when regexp_replace(lower({{ label_sql }}), '[^a-z]', '', 'g') like '%transactionfee%'
            then 'transaction'
        when lower({{ label_sql }}) like 'payment proc%' then 'processing'
        when lower({{ label_sql }}) like 'shipping%' then 'shipping'
        else 'other'
    end
{%- endmacro %}

{#- What a line of no kind of its own is about; NULL where its label does not tell. -#}
{% macro other_line_kind(label_sql) -%}
    case
        when lower({{ label_sql }}) like '%dropoff%' or lower({{ label_sql }}) like '%drop-off%'
            then 'shipping'
        when lower({{ label_sql }}) ~ '(promo|discount|bonus|incentive|coupon)' then 'promotion'
        when lower({{ label_sql }}) like '%refund%' then 'refund'
    end
{%- endmacro %}

{#- The lines of one payout, typed; `list_sql` is the list that holds them. -#}
{% macro payout_lines(list_sql) -%}
    select
        adjustment.line_no::integer as line_no,
        adjustment.line ->> 'adjustmentType' as adjustment_type,
        {{ to_money("(adjustment.line ->> 'amount')") }} as amount,
        {{ to_numeric("(adjustment.line ->> 'percentage')") }} as percentage,
        {{ fee_kind("(adjustment.line ->> 'adjustmentType')") }} as fee_kind
    from jsonb_array_elements({{ list_sql }}) with ordinality as adjustment (line, line_no)
{%- endmacro %}
