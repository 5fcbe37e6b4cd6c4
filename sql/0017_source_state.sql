-- How each source stands: read to the end, put off, failed or not connected.
-- Marts are built although a source failed, so what they lack must be known to whoever reads them.
set local role soleflip_owner;

create table integration.source_state (
    asset text primary key,
    partner text not null,
    state text not null check (state in ('read', 'put_off', 'failed', 'not_connected')),
    detail text,
    dagster_run_id text,
    tried_at timestamptz not null default now(),
    read_at timestamptz
);
comment on table integration.source_state is
    'One row per table of a partner: what the last attempt to read it came to and why, and when it was last read to the end (UTC).';

grant select, insert, update on table integration.source_state to soleflip_loader;
grant select on table integration.source_state to soleflip_transformer;
grant select on table integration.source_state to soleflip_reader;
