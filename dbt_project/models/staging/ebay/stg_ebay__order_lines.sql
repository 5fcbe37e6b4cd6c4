with

source as (
    {{ unpacked(source('raw_ebay', 'orders'), ['order_id']) }}
),

lines as (
    select
        source.*,
        line.entry as line,
        coalesce(line.entry ->> 'lineItemId', line.position::text) as line_item_id
    from source
    cross join lateral jsonb_array_elements(
        case
            when jsonb_typeof(source.payload -> 'lineItems') = 'array'
                then source.payload -> 'lineItems'
            else '[]'::jsonb
        end
    ) with ordinality as line (entry, position)
),

typed as (
    select
        order_id,
        line_item_id,
        payload,
        line,
        {{ blank_to_null("line ->> 'legacyItemId'") }} as legacy_item_id,
        coalesce({{ to_integer("line ->> 'quantity'") }}, 1) as quantity,
        -- What a promotion took off was never paid.
        {{ to_money(
            "coalesce(line #>> '{discountedLineItemCost,value}', line #>> '{lineItemCost,value}')"
        ) }} as line_amount,
        coalesce({{ to_money("line #>> '{deliveryCost,shippingCost,value}'") }}, 0)::numeric(12, 2)
            as delivery_amount,
        upper(line #>> '{lineItemCost,currency}') as currency_code,
        (
            select coalesce(sum({{ to_money("refund.entry #>> '{amount,value}'") }}), 0)
            from jsonb_array_elements(
                case
                    when jsonb_typeof(line -> 'refunds') = 'array' then line -> 'refunds'
                    else '[]'::jsonb
                end
            ) as refund (entry)
        )::numeric(12, 2) as refund_amount,
        {{ to_money("payload #>> '{totalMarketplaceFee,value}'") }} as order_fee,
        {{ to_money("payload #>> '{paymentSummary,totalDueSeller,value}'") }} as order_due,
        {{ to_timestamp_utc("payload ->> 'creationDate'") }} as ordered_at,
        {{ to_timestamp_utc("payload ->> 'lastModifiedDate'") }} as source_updated_at,
        batch_id,
        changed_at
    from lines
),

-- eBay states one fee an order: it splits by what the lines cost.
weighed as (
    select
        *,
        order_fee * 100 * case
            when sum(line_amount) over by_order > 0
                then coalesce(line_amount, 0) / sum(line_amount) over by_order
            else 1.0 / count(*) over by_order
        end as fee_cents
    from typed
    window by_order as (partition by order_id)
),

-- The cents that do not divide go one each to the largest rests, so that the lines add up.
split as (
    select
        *,
        (
            floor(fee_cents)
            + case
                when row_number() over (
                    partition by order_id
                    order by fee_cents - floor(fee_cents) desc, line_item_id collate "C"
                ) <= order_fee * 100 - sum(floor(fee_cents)) over (partition by order_id)
                    then 1
                else 0
            end
        ) / 100 as fee_amount,
        row_number() over (partition by order_id order by line_item_id collate "C") as line_no
    from weighed
),

settled as (
    select
        *,
        line_amount + delivery_amount - fee_amount - refund_amount as line_due
    from split
),

renamed as (
    select
        order_id,
        line_item_id,
        legacy_item_id,
        {{ blank_to_null("line ->> 'sku'") }} as sku,
        {{ blank_to_null("line ->> 'title'") }} as product_name,
        -- "EU-Schuhgröße: 44" is EU 44, whatever a bare 44 would mean elsewhere.
        (
            select
                concat_ws(
                    ' ',
                    case when aspect.entry ->> 'value' ~ '^[0-9]' then upper(
                        (regexp_match(aspect.entry ->> 'name', '\m(EU|UK|US|CM)\M', 'i'))[1]
                    ) end,
                    {{ blank_to_null("aspect.entry ->> 'value'") }}
                )
            from jsonb_array_elements(
                case
                    when jsonb_typeof(line -> 'variationAspects') = 'array'
                        then line -> 'variationAspects'
                    else '[]'::jsonb
                end
            ) with ordinality as aspect (entry, position)
            where aspect.entry ->> 'name' ~* '(size|größe|groesse)'
            order by aspect.position
            limit 1
        ) as size_raw,
        quantity,
        line_amount,
        delivery_amount,
        currency_code,
        coalesce(line ->> 'lineItemFulfillmentStatus', payload ->> 'orderFulfillmentStatus')
            as fulfilment_status_raw,
        payload ->> 'orderPaymentStatus' as payment_status_raw,
        payload #>> '{cancelStatus,cancelState}' as cancel_state_raw,
        fee_amount::numeric(12, 2) as fee_amount,
        refund_amount,
        -- What eBay pays for the order; a cent that the lines do not explain is the first line's.
        (
            line_due + case
                when line_no = 1 then order_due - sum(line_due) over (partition by order_id)
                when order_due is not null then 0
            end
        )::numeric(12, 2) as due_amount,
        ordered_at,
        {{ berlin_day('ordered_at') }} as ordered_on,
        {{ to_timestamp_utc("line #>> '{lineItemFulfillmentInstructions,shipByDate}'") }}
            as ship_by_at,
        source_updated_at,
        {{ only_keys("payload", [
            'orderId', 'creationDate', 'lastModifiedDate', 'orderFulfillmentStatus',
            'orderPaymentStatus', 'salesRecordReference', 'ebayCollectAndRemitTax',
            'pricingSummary', 'totalFeeBasisAmount', 'totalMarketplaceFee', 'program'
        ]) }} || jsonb_build_object(
            'totalDueSeller', payload #> '{paymentSummary,totalDueSeller}',
            'cancelState', payload #> '{cancelStatus,cancelState}',
            'lineItem', {{ only_keys("line", [
                'lineItemId', 'legacyItemId', 'legacyVariationId', 'sku', 'title', 'quantity',
                'soldFormat', 'listingMarketplaceId', 'purchaseMarketplaceId', 'lineItemCost',
                'discountedLineItemCost', 'deliveryCost', 'total', 'taxes', 'refunds',
                'appliedPromotions', 'lineItemFulfillmentStatus', 'variationAspects'
            ]) }}
        ) as order_facts,
        batch_id,
        changed_at
    from settled
)

select * from renamed
