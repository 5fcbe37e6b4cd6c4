-- The ledger: what ran, what it read, what it refused and where each stream stands.
-- It is written in the transaction that writes the rows, and is the authority on what was done.
set local role soleflip_owner;

create table integration.import_batches (
    batch_id bigint generated always as identity primary key,
    asset text not null,
    source text not null,
    batch_kind text not null check (batch_kind in ('api', 'feed', 'file')),
    dagster_run_id text,
    window_from timestamptz,
    window_to timestamptz,
    file_name text,
    file_sha256 text,
    rows_declared bigint,
    rows_read bigint not null,
    rows_inserted bigint not null,
    rows_updated bigint not null,
    rows_unchanged bigint not null,
    rows_duplicate bigint not null,
    rows_rejected bigint not null,
    started_at timestamptz not null,
    finished_at timestamptz not null default clock_timestamp(),
    constraint ledger_balances check (
        rows_read = rows_inserted + rows_updated + rows_unchanged + rows_duplicate + rows_rejected
    )
);
comment on table integration.import_batches is
    'One row per committed batch of one raw table; rows_read is the sum of the five outcomes.';
create index import_batches_asset_idx on integration.import_batches (asset, batch_id desc);
create unique index import_batches_file_once_idx
    on integration.import_batches (asset, file_sha256) where batch_kind = 'file';

create table integration.rejected_rows (
    rejected_id bigint generated always as identity primary key,
    batch_id bigint not null references integration.import_batches,
    asset text not null,
    source text not null,
    position text not null,
    field text,
    reason_code text not null,
    reason text not null,
    raw_row text not null,
    row_hash text not null,
    status text not null default 'open' check (status in ('open', 'retried', 'discarded')),
    rejected_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    unique (asset, row_hash)
);
comment on table integration.rejected_rows is
    'One row per distinct input row that was refused: as it came, where it stood, and why.';

create table integration.sync_state (
    stream text primary key,
    cursor jsonb not null,
    batch_id bigint references integration.import_batches,
    updated_at timestamptz not null default now()
);
comment on table integration.sync_state is
    'One row per stream: the cursor that was committed together with the rows it covers.';

create table integration.quota_use (
    partner text not null,
    quota_day date not null,
    call_count integer not null,
    last_call_at timestamptz not null,
    primary key (partner, quota_day)
);
comment on table integration.quota_use is
    'One row per partner and UTC day: the calls that all processes together have made.';

grant select, insert, update on all tables in schema integration to soleflip_loader;
grant select on all tables in schema integration to soleflip_transformer, soleflip_reader;
