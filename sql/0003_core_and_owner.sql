-- Credentials, settings and what the owner decides. Nothing here is ever rebuilt.
set local role soleflip_owner;

create table core.system_config (
    config_key text primary key,
    value_encrypted text not null,
    description text,
    updated_at timestamptz not null default now()
);
comment on table core.system_config is
    'One row per credential, Fernet-encrypted and bound to its key; see warehouse/vault.py.';

create table core.setting (
    setting_key text primary key,
    setting_value text not null,
    updated_at timestamptz not null default now()
);
comment on table core.setting is
    'One row per fact about this database that the platform keeps: its mode, what dbt prepared.';

create table owner.brand_pattern (
    pattern text primary key,
    brand text not null,
    priority integer not null default 1000,
    note text,
    created_at timestamptz not null default now()
);
comment on table owner.brand_pattern is
    'One row per brand pattern of the owner; same form as reference.brand_rule, and wins over it.';

create table owner.product_override (
    platform text not null,
    partner_product_id text not null,
    brand text,
    category text,
    style_code text,
    note text,
    created_at timestamptz not null default now(),
    primary key (platform, partner_product_id)
);
comment on table owner.product_override is
    'One row per product whose brand, category or style code the owner has corrected.';

create table owner.sale_unit_link (
    order_platform text not null,
    order_number text not null,
    unit_ref text not null,
    note text,
    created_at timestamptz not null default now(),
    primary key (order_platform, order_number)
);
comment on table owner.sale_unit_link is
    'One row per sale whose purchased unit the owner named; it wins over every matching rule.';

grant select, insert, update, delete on core.system_config, core.setting to soleflip_loader;
grant select on core.setting to soleflip_transformer;
grant select, insert, update, delete on all tables in schema owner to soleflip_loader;
grant select on all tables in schema owner to soleflip_transformer;
grant usage on schema core to soleflip_transformer;
