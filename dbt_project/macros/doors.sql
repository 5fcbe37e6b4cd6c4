{#- The columns of an order as any door states it, in one order and with one type: what a door does
    not know is NULL. -#}
{% macro door_columns(source, platform_sql, known) -%}
    {%- set columns = {
        'order_number': 'text', 'door_line': 'text', 'order_line': 'text',
        'is_superseded': 'boolean', 'listing_id': 'text', 'partner_product_id': 'text',
        'partner_variant_id': 'text', 'product_name': 'text', 'style_id': 'text',
        'quantity': 'integer', 'status_raw': 'text', 'status': 'text', 'is_to_ship': 'boolean',
        'ordered_at': 'timestamptz', 'sold_on': 'date', 'returned_on': 'date',
        'amount': 'numeric', 'currency_code': 'text', 'has_stated_fees': 'boolean',
        'payout_total': 'numeric', 'adjustments_total': 'numeric', 'transaction_fee': 'numeric',
        'processing_fee': 'numeric', 'shipping_fee': 'numeric', 'other_fee': 'numeric',
        'transaction_fee_rate': 'numeric', 'shipping_credit': 'numeric', 'promotion': 'numeric',
        'refund': 'numeric', 'paid_total': 'numeric', 'paid_currency_code': 'text',
        'paid_on': 'date', 'changed_at': 'timestamptz',
        'penalty': 'numeric', 'outbound_cost': 'numeric', 'ship_by_at': 'timestamptz',
        'inventory_type': 'text', 'ebay_item_id': 'text', 'payload_source': 'text',
        'raw_key': 'text', 'batch_id': 'bigint'
    } -%}
    {%- set defaults = {'door_line': "'1'", 'order_line': "'1'", 'is_superseded': 'false',
        'quantity': '1', 'is_to_ship': 'false', 'has_stated_fees': 'false'} -%}
    {%- for name in known if name not in columns -%}
        {{ exceptions.raise_compiler_error('no such column of a door: ' ~ name) }}
    {%- endfor -%}
    '{{ source }}'::text as source,
    {{ platform_sql }}::text as platform
    {%- for name, type in columns.items() %},
    ({{ known.get(name, defaults.get(name, 'null')) }})::{{ type }} as {{ name }}
    {%- endfor %}
{%- endmacro %}

{#- A field from the surest door that knows it, and one from the door that was chosen for it. -#}
{% macro of_first_door(column) -%}
    coalesce(api.{{ column }}, report.{{ column }}, sheet.{{ column }})
{%- endmacro %}

{% macro of_door(door_sql, column) -%}
    case {{ door_sql }}
        when 'api' then api_{{ column }}
        when 'report' then report_{{ column }}
        when 'sheet' then sheet_{{ column }}
    end
{%- endmacro %}
