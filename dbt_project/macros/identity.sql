{#- The id of what the parts (text) name: the natural key's MD5 in the form of a UUID. NULL where a
    part is NULL: nothing is named then. -#}
{% macro stable_id(kind, parts) -%}
    md5('{{ kind }}|' || {{ parts | join(" || '|' || ") }})::uuid
{%- endmacro %}

{#- The build a row belongs to. From the environment at run time: a var would make each build parse
    the whole project again. -#}
{% macro build_id() -%}
    '{{ env_var('DBT_BUILD_ID', 'none') if execute else 'none' }}'::text
{%- endmacro %}

{#- What a product is known by: the marketplace's id, else its name. -#}
{% macro product_key(partner_product_id_sql, title_sql) -%}
    coalesce({{ partner_product_id_sql }}, 'unknown:' || {{ slug(title_sql) }})
{%- endmacro %}

{% macro slug(title_sql) -%}
    nullif(btrim(regexp_replace(lower({{ title_sql }}), '[^a-z0-9]+', '-', 'g'), '-'), '')
{%- endmacro %}

{#- The maker's code, else the marketplace's id, else a name made of the title. -#}
{% macro base_sku(style_code_sql, partner_product_id_sql, title_sql) -%}
    coalesce(
        nullif(btrim({{ style_code_sql }}), ''),
        'STOCKX-' || {{ partner_product_id_sql }},
        'STOCKX-UNKNOWN-' || {{ slug(title_sql) }}
    )
{%- endmacro %}

{#- What an article is known by that is counted: its variant, else the words that stand on it. -#}
{% macro item_key(variant_sql, name_sql, size_sql) -%}
    coalesce(
        {{ variant_sql }},
        'words:' || lower(coalesce({{ name_sql }}, '')) || '|' || lower(coalesce({{ size_sql }}, ''))
    )
{%- endmacro %}

{#- What the owner's merges and splits make of a StockX product and variant that `rows` names; the
    two joins that `our_product` and `our_variant` stand on. -#}
{% macro join_identity(rows) -%}
    left join {{ source('enrichment', 'stockx_identity') }} as variant_identity
        on
            variant_identity.kind = 'variant'
            and {{ rows }}.partner_variant_id = variant_identity.partner_id
    left join {{ source('enrichment', 'stockx_identity') }} as product_identity
        on
            product_identity.kind = 'product'
            and {{ rows }}.partner_product_id = product_identity.partner_id
{%- endmacro %}

{% macro our_product(rows) -%}
    coalesce(
        variant_identity.our_product_id,
        product_identity.our_product_id,
        {{ rows }}.partner_product_id
    )
{%- endmacro %}

{% macro our_variant(rows) -%}
    coalesce(variant_identity.our_variant_id, {{ rows }}.partner_variant_id)
{%- endmacro %}

{#- Why an item waits for a person: its size, or its product, is not sure. -#}
{% macro why_unmatched(partner_product_id_sql, candidates_sql) -%}
    case
        when {{ partner_product_id_sql }} is not null then 'no size'
        when {{ candidates_sql }} <> '[]' then 'several products'
        else 'no product'
    end
{%- endmacro %}
