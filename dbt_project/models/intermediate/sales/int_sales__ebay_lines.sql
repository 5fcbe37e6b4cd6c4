{#- An order is taken apart, and its fee split, once for all who read it. -#}
{{ config(indexes=[{'columns': ['order_id', 'line_item_id'], 'unique': true}]) }}

with

lines as (
    select * from {{ ref('stg_ebay__order_lines') }}
),

final as (
    select
        order_id,
        line_item_id,
        legacy_item_id,
        sku,
        product_name,
        quantity,
        line_amount,
        delivery_amount,
        currency_code,
        fulfilment_status_raw,
        payment_status_raw,
        cancel_state_raw,
        fee_amount,
        refund_amount,
        due_amount,
        ordered_at,
        ordered_on,
        ship_by_at,
        source_updated_at,
        batch_id
    from lines
)

select * from final
