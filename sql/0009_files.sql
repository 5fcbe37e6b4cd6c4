-- Raw tables of the further kinds of file, and how long personal data is kept.
-- Personal columns of a file stand in its rows' `cells` alone; no view or mart reads those.
create schema compliance authorization soleflip_owner;
grant usage on schema compliance to soleflip_loader;

set local role soleflip_owner;

create table raw_csv.stockx_report (
    order_number text not null,
    payload jsonb not null,
    payload_hash text not null,
    first_seen_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    batch_id bigint not null references integration.import_batches,
    primary key (order_number)
);
comment on table raw_csv.stockx_report is 'One row per paid order of StockX''s seller sales report: canonical fields beside the cells as written.';

create table raw_csv.ebay_report (
    line_key text not null,
    payload jsonb not null,
    payload_hash text not null,
    first_seen_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    batch_id bigint not null references integration.import_batches,
    primary key (line_key)
);
comment on table raw_csv.ebay_report is 'One row per order line of eBay''s orders report: canonical fields beside the cells as written.';

create table raw_csv.alias_report (
    order_number text not null,
    payload jsonb not null,
    payload_hash text not null,
    first_seen_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    batch_id bigint not null references integration.import_batches,
    primary key (order_number)
);
comment on table raw_csv.alias_report is 'One row per sale of Alias''s sales file: canonical fields beside the cells as written.';

create table raw_csv.products (
    product_key text not null,
    payload jsonb not null,
    payload_hash text not null,
    first_seen_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    batch_id bigint not null references integration.import_batches,
    primary key (product_key)
);
comment on table raw_csv.products is 'One row per product of a product list: canonical fields beside the cells as written.';

create table raw_csv.stock_counts (
    count_key text not null,
    payload jsonb not null,
    payload_hash text not null,
    first_seen_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    batch_id bigint not null references integration.import_batches,
    primary key (count_key)
);
comment on table raw_csv.stock_counts is 'One row per line of a stock count: canonical fields beside the cells as written.';

grant select, insert, update, delete on all tables in schema raw_csv to soleflip_loader;
grant select on all tables in schema raw_csv to soleflip_transformer;

-- A refused row's text holds what its file holds, names and addresses too: not for viewers.
revoke select on table integration.rejected_rows from soleflip_reader;
grant select (
    rejected_id, batch_id, asset, source, position, field, reason_code, reason, row_hash, status,
    rejected_at, last_seen_at
) on table integration.rejected_rows to soleflip_reader;

create table compliance.retention_rule (
    raw_table text not null check (raw_table ~ '^(raw_[a-z]+|integration)\.[a-z][a-z0-9_]*$'),
    json_path text[] not null check (cardinality(json_path) > 0),
    keep_days integer not null check (keep_days >= 0),
    reason text not null,
    primary key (raw_table, json_path)
);
comment on table compliance.retention_rule is
    'How long what is personal stays in raw: after keep_days from a row''s first sight json_path is'
    ' removed from its payload; * stands for every element of a list. Change keep_days as you must.';

create table compliance.erasure_log (
    erasure_id bigint generated always as identity primary key,
    raw_table text not null,
    json_path text[] not null,
    seen_before_on date not null,
    row_count bigint not null check (row_count > 0),
    erased_at timestamptz not null default now()
);
comment on table compliance.erasure_log is
    'The evidence: one row per batch of rows from which a rule removed its path.';

create function compliance.without_path(document jsonb, path text[]) returns jsonb
language plpgsql immutable parallel safe as $$
begin
    if path[1] = '*' and jsonb_typeof(document) = 'array' then
        return (
            select coalesce(jsonb_agg(compliance.without_path(element, path[2:]) order by place),
                            '[]')
            from jsonb_array_elements(document) with ordinality as elements (element, place)
        );
    elsif jsonb_typeof(document) <> 'object' or not document ? path[1] then
        return document;
    elsif cardinality(path) = 1 then
        return document - path[1];
    end if;
    return jsonb_set(document, path[1:1],
                     compliance.without_path(document -> path[1], path[2:]));
end $$;
comment on function compliance.without_path is
    'A document without a path; * is every element of a list.';

insert into compliance.retention_rule (raw_table, json_path, keep_days, reason) values
    ('raw_csv.stockx_report', '{cells}', 730,
     'buyer and destination of a sale; claims end after two years'),
    ('raw_csv.ebay_report', '{cells}', 730,
     'buyer, address and tracking of a sale; claims end after two years'),
    ('raw_csv.alias_report', '{cells}', 730, 'buyer name of a sale; claims end after two years'),
    ('raw_csv.sales', '{cells}', 730, 'whatever a hand-kept sheet says of a buyer'),
    ('raw_csv.purchases', '{cells}', 3650,
     'private sellers; a purchase must be provable for ten years'),
    ('raw_ebay.orders', '{buyer}', 730, 'name, address and tax number of the buyer'),
    ('raw_ebay.orders', '{buyerCheckoutNotes}', 730, 'free text of the buyer'),
    ('raw_ebay.orders', '{fulfillmentHrefs}', 730, 'addresses that end in a tracking number'),
    ('raw_ebay.orders', '{fulfillmentStartInstructions,*,finalDestinationAddress}', 730,
     'address of the buyer'),
    ('raw_ebay.orders', '{fulfillmentStartInstructions,*,pickupStep}', 730,
     'where the buyer collects'),
    ('raw_ebay.orders', '{fulfillmentStartInstructions,*,shippingStep,shipTo}', 730,
     'name, address and telephone of the buyer'),
    ('raw_ebay.orders', '{lineItems,*,giftDetails}', 730,
     'name and address of the receiver of a gift'),
    ('raw_alias.orders', '{label_url}', 90, 'opens a label with the sender''s address'),
    ('raw_alias.orders', '{label_tracking_number}', 730, 'tracking number'),
    ('raw_alias.orders', '{customs_declaration,commercial_invoice_url}', 90,
     'opens an invoice with addresses'),
    ('raw_stockx.order_details', '{shipment,trackingNumber}', 730, 'tracking number'),
    ('raw_stockx.order_details', '{shipment,trackingUrl}', 730, 'tracking number'),
    ('raw_stockx.order_details', '{shipment,shippingLabelUrl}', 90,
     'opens a label with the sender''s address'),
    ('integration.rejected_rows', '{raw_row,open}', 365,
     'the text of a refused row that waits for a decision'),
    ('integration.rejected_rows', '{raw_row,decided}', 30,
     'the text of a refused row that was retried or discarded');

grant select on all tables in schema compliance to soleflip_loader;
grant insert on compliance.erasure_log to soleflip_loader;
