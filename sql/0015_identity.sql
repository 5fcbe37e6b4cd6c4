-- Which items of partners are one product: the owner's word, what it does, and what is undecided.
set local role soleflip_owner;

create table owner.identity_decision (
    kind text not null check (
        kind in ('product', 'variant', 'purchase', 'sale', 'offer', 'listing', 'count', 'list')
    ),
    item_key text not null,
    product_id text,
    previous_product_id text,
    note text,
    decided_at timestamptz not null default now(),
    primary key (kind, item_key)
);
comment on table owner.identity_decision is
    'One row per item of a partner whose product the owner decided; wins over every rule. A merged'
    ' StockX product, a StockX variant split off, or a line, offer or listing by its key; product_id'
    ' is the product that it is (NULL: none of ours).';
comment on column owner.identity_decision.previous_product_id is
    'What the item was taken for when that was decided.';

create table owner.split_product (
    product_id text primary key check (product_id like 'own-%'),
    name text not null,
    like_product_id text not null,
    style_code text,
    created_at timestamptz not null default now()
);
comment on table owner.split_product is
    'One row per product that the owner split off another one, whose brand and category it keeps.';

create table owner.size_correction (
    size_key text not null,
    size_raw text not null,
    brand text not null default '',
    product_id text not null default '',
    size_system text not null,
    audience text not null default '',
    size_value text not null,
    note text,
    decided_at timestamptz not null default now(),
    primary key (size_key, brand, product_id)
);
comment on table owner.size_correction is
    'One row per size text that the owner reads otherwise than the rules: of all products, of a'
    ' brand or of one StockX product (blank: any); the narrowest wins. size_key is the text without'
    ' case and blanks.';

create table enrichment.stockx_identity (
    kind text not null check (kind in ('product', 'variant')),
    partner_id text not null,
    our_product_id text not null,
    our_variant_id text,
    decided_at timestamptz not null default now(),
    primary key (kind, partner_id),
    check ((kind = 'variant') = (our_variant_id is not null))
);
comment on table enrichment.stockx_identity is
    'One row per StockX product and variant that the owner''s merges and splits make another one of'
    ' ours; what is not here is itself.';

alter table enrichment.purchase_match add column candidates jsonb not null default '[]';
alter table enrichment.sale_match add column candidates jsonb not null default '[]';
alter table enrichment.item_match add column candidates jsonb not null default '[]';
alter table enrichment.offer_match
    add column candidates jsonb not null default '[]',
    alter column platform drop not null,
    alter column partner_product_id drop not null,
    alter column partner_variant_id drop not null;
comment on table enrichment.offer_match is
    'One row per affiliate offer that is a known product, or may be one (candidates), with the'
    ' method and score of the match.';

alter table enrichment.size_label add column partner_product_id text not null default '';
alter table enrichment.size_label
    drop constraint size_label_pkey,
    add primary key (size_raw, brand, audience_hint, category, partner_product_id);
comment on column enrichment.size_label.partner_product_id is
    'StockX product for which alone the owner corrected the size; blank where all are meant.';

create function enrichment.gtin14(raw text) returns text
language sql immutable parallel safe
return (
    select
        case
            when
                (
                    3 * (
                        digit[1] + digit[3] + digit[5] + digit[7] + digit[9] + digit[11]
                        + digit[13]
                    )
                    + digit[2] + digit[4] + digit[6] + digit[8] + digit[10] + digit[12] + digit[14]
                ) % 10 = 0
                then lpad(btrim(raw), 14, '0')
        end
    from (select string_to_array(lpad(btrim(raw), 14, '0'), null)::integer[] as digit) as number
    where btrim(raw) ~ '^(\d{8}|\d{12,14})$' and btrim(raw) !~ '^0+$'
);
comment on function enrichment.gtin14 is
    'A GTIN-8, UPC, EAN-13 or GTIN-14 as 14 digits; NULL where it is none or its check digit is not'
    ' right.';

grant select, insert, update, delete on owner.identity_decision to soleflip_loader;
grant select, insert, update, delete on owner.split_product to soleflip_loader;
grant select, insert, update, delete on owner.size_correction to soleflip_loader;
grant select on owner.identity_decision to soleflip_transformer;
grant select on owner.split_product to soleflip_transformer;
grant select on owner.size_correction to soleflip_transformer;
grant select, insert, update, delete, truncate on enrichment.stockx_identity to soleflip_loader;
grant select on enrichment.stockx_identity to soleflip_transformer;
