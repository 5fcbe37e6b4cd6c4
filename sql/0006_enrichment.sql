-- What Python decides: labels with their rule and confidence, matches, forecasts and prices.
set local role soleflip_owner;

create table enrichment.product_label (
    platform text not null,
    partner_product_id text not null,
    title text not null,
    brand text,
    parent_brand text,
    collaborators text[] not null default '{}',
    brand_rule text,
    brand_evidence text,
    brand_confidence numeric(4, 3) not null,
    category text,
    product_type text,
    category_rule text,
    category_confidence numeric(4, 3) not null,
    style_code text,
    style_key text,
    style_keys text[] not null default '{}',
    style_rule text,
    input_hash text not null,
    rule_version text not null,
    labelled_at timestamptz not null default now(),
    primary key (platform, partner_product_id)
);
comment on table enrichment.product_label is
    'One row per product of a partner: brand, category and style code with rule and confidence.';

create table enrichment.size_label (
    size_raw text not null,
    brand text not null,
    audience_hint text not null,
    category text not null,
    size_system text not null,
    audience text not null,
    size_value text,
    size_key text not null,
    us_size text,
    eu_size text,
    confidence numeric(4, 3) not null,
    rule_version text not null,
    labelled_at timestamptz not null default now(),
    primary key (size_raw, brand, audience_hint, category)
);
comment on table enrichment.size_label is
    'One row per size text in its context (blank = unknown): what it means, as a master size key.';

create table enrichment.purchase_match (
    line_key text primary key,
    platform text,
    partner_product_id text,
    partner_variant_id text,
    match_method text not null,
    match_score numeric(4, 3) not null,
    style_code text,
    size_key text,
    matched_at timestamptz not null default now()
);
comment on table enrichment.purchase_match is
    'One row per purchase line: the product and size it is, how that was found, or NULL for none.';

create table enrichment.offer_match (
    feed_id text not null,
    aw_product_id text not null,
    platform text not null,
    partner_product_id text not null,
    partner_variant_id text not null,
    match_method text not null,
    match_score numeric(4, 3) not null,
    matched_at timestamptz not null default now(),
    primary key (feed_id, aw_product_id)
);
comment on table enrichment.offer_match is
    'One row per affiliate offer that is a known variant, with the method and score of the match.';

create table enrichment.sales_forecast (
    level text not null check (level in ('total', 'brand', 'category')),
    series_key text not null,
    horizon_days integer not null check (horizon_days in (7, 14, 30)),
    forecast_from date not null,
    forecast_to date not null,
    units_forecast numeric(12, 2) not null,
    units_lower_80 numeric(12, 2) not null,
    units_upper_80 numeric(12, 2) not null,
    model text not null,
    model_params text not null,
    gate_passed boolean not null,
    fallback_reason text,
    trained_through date not null,
    history_days integer not null,
    made_at timestamptz not null default now(),
    primary key (level, series_key, horizon_days)
);
comment on table enrichment.sales_forecast is
    'One row per series and horizon: units expected to sell in the window, with an 80 % interval.';

create table enrichment.sales_forecast_daily (
    level text not null,
    series_key text not null,
    forecast_on date not null,
    units_forecast numeric(12, 4) not null,
    units_lower_80 numeric(12, 4) not null,
    units_upper_80 numeric(12, 4) not null,
    model text not null,
    primary key (level, series_key, forecast_on)
);
comment on table enrichment.sales_forecast_daily is
    'One row per series and coming day: units expected to sell, with an 80 % interval.';

create table enrichment.forecast_backtest (
    level text not null,
    series_key text not null,
    model text not null,
    horizon_days integer not null,
    window_count integer not null,
    mase numeric(10, 4),
    rmsse numeric(10, 4),
    wape numeric(10, 4),
    bias numeric(10, 4),
    coverage_80 numeric(6, 4),
    skill_vs_naive numeric(10, 4),
    is_served boolean not null,
    made_at timestamptz not null default now(),
    primary key (level, series_key, model, horizon_days)
);
comment on table enrichment.forecast_backtest is
    'One row per series, model and horizon: errors over rolling origins beside the seasonal naive.';

create table enrichment.price_recommendation (
    stock_id uuid primary key,
    platform text not null,
    partner_variant_id text,
    currency_code text not null,
    reference_price numeric(12, 2),
    break_even_price numeric(12, 2),
    recommended_sell_faster numeric(12, 2),
    recommended_earn_more numeric(12, 2),
    roi_percentage numeric(10, 2),
    profit_margin numeric(10, 2),
    expected_profit numeric(12, 2),
    market_confidence text check (market_confidence in ('high', 'medium', 'low')),
    confidence_score numeric(4, 3),
    is_floor_applied boolean not null default false,
    reason text not null,
    observed_at timestamptz,
    evidence jsonb not null default '{}',
    made_at timestamptz not null default now()
);
comment on table enrichment.price_recommendation is
    'One row per unit on hand: what to ask for it and why; prices are NULL where evidence is thin.';

grant select, insert, update, delete, truncate on all tables in schema enrichment
    to soleflip_loader;
grant select on all tables in schema enrichment to soleflip_transformer;
