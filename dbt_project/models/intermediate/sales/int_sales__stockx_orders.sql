{#- A payload is taken apart once for all who read it. -#}
{{ config(indexes=[{'columns': ['order_number'], 'unique': true}]) }}

with

orders as (
    select * from {{ ref('stg_stockx__orders') }}
),

final as (
    select
        order_number,
        listing_id,
        partner_product_id,
        partner_variant_id,
        product_name,
        style_id,
        variant_value,
        sale_price,
        currency_code,
        status_raw,
        inventory_type,
        ordered_at,
        ordered_on,
        source_updated_at,
        has_payout,
        payout_total,
        payout_currency_code,
        ship_by_at,
        payload_source,
        {{ list_of("payload #> '{payout,adjustments}'") }} as adjustments,
        batch_id
    from orders
)

select * from final
