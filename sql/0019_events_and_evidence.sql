-- What others may want to hear of at once, who may do what, and what each run, test and write to
-- the outside did. The tables of events and evidence are only ever added to.
create schema realtime authorization soleflip_owner;
create schema auth authorization soleflip_owner;
grant usage on schema realtime to soleflip_loader, soleflip_transformer, soleflip_reader;
grant usage on schema auth to soleflip_loader, soleflip_transformer, soleflip_reader;
grant usage on schema compliance to soleflip_reader;
grant select on table public.soleflip_migration to soleflip_owner;

set local role soleflip_owner;

create table realtime.event (
    event_id bigint generated always as identity primary key,
    event_key text not null unique,
    event_type text not null check (event_type ~ '^[a-z]+\.[a-z_]+$'),
    subject text not null,
    occurred_at timestamptz not null,
    recorded_at timestamptz not null default clock_timestamp(),
    payload jsonb not null,
    attempt_count integer not null default 0,
    claimed_by text,
    claimed_at timestamptz,
    last_error text,
    delivered_at timestamptz,
    constraint event_claim_is_whole check ((claimed_by is null) = (claimed_at is null))
);
comment on table realtime.event is
'One row per thing that happened and that others may want to hear of, written in the transaction'
' that made it true; event_id is the order in which they became true. Who delivers claims the'
' lowest undelivered ones (`for update skip locked`) and sets delivered_at; a claim that is old'
' was that of a process that died.';
comment on column realtime.event.event_key is
'What happened to what, once: the same thing noticed again is no second event.';
comment on column realtime.event.subject is 'Address and id of what it happened to.';
create index event_undelivered_idx on realtime.event (event_id) where delivered_at is null;
create index event_recorded_idx on realtime.event (recorded_at);

-- Two writers at once would commit in another order than that of their numbers, and a reader who
-- remembers the last number it saw would miss the slower one's events.
create function realtime.in_order() returns trigger
language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('realtime.event', 0));
    return null;
end $$;
create trigger event_in_order before insert on realtime.event
for each statement execute function realtime.in_order();

create function realtime.rows_refused() returns trigger
language plpgsql as $$
begin
    insert into realtime.event (event_key, event_type, subject, occurred_at, payload)
    select
        'rows.refused|' || new.batch_id,
        'rows.refused',
        'integration.import_batches ' || new.batch_id,
        new.finished_at,
        jsonb_build_object('asset', new.asset, 'source', new.source, 'row_count', count(*))
    from integration.rejected_rows
    where batch_id = new.batch_id
    having count(*) > 0
    on conflict (event_key) do nothing;
    return null;
end $$;
comment on function realtime.rows_refused is
'An event for a batch that refused rows which had not been refused before.';
create trigger batch_with_refused_rows after update of rows_rejected on integration.import_batches
for each row when (new.rows_rejected > 0) execute function realtime.rows_refused();

create table history.listing_change (
    platform text not null,
    listing_id text not null,
    seen_at timestamptz not null,
    status text not null,
    is_active boolean not null,
    ask_price numeric(12, 2),
    currency_code text,
    changed_at timestamptz,
    primary key (platform, listing_id, seen_at)
);
comment on table history.listing_change is
'One row per state of an own listing (status and ask) as a publication found it. Append-only.';

create table logging.run_log (
    dagster_run_id text not null,
    step text not null,
    job_name text not null,
    status text not null,
    started_at timestamptz,
    ended_at timestamptz,
    seconds numeric(12, 3),
    rows_read bigint,
    rows_changed bigint,
    primary key (dagster_run_id, step)
);
comment on table logging.run_log is
'One row per ended run (step *) and per step of it: how it ended, how long it took, and how many'
' rows its batches read and inserted or updated. Kept when Dagster''s own records are purged.';
create index run_log_time_idx on logging.run_log (ended_at);

create table logging.test_failure (
    build_id text not null,
    test_name text not null,
    table_address text,
    severity text not null check (severity in ('error', 'warn')),
    row_count bigint not null,
    bad_rows jsonb not null default '[]',
    found_at timestamptz not null default now(),
    primary key (build_id, test_name)
);
comment on table logging.test_failure is
'One row per test of the marts that found bad rows in a build, with the first of them.';

create table logging.outside_write (
    write_id bigint generated always as identity primary key,
    partner text not null,
    method text not null,
    path text not null,
    outcome text not null,
    sent_at timestamptz not null default clock_timestamp(),
    answered_at timestamptz
);
comment on table logging.outside_write is
'One row per request that could change something at a partner, written before it is sent: outcome'
' is "sent" until the answer is known. Addresses are without parameters, so without any secret.';

create view auth.account as
select
    member.rolname as account_name,
    member.rolcanlogin as can_log_in,
    member.rolsuper as is_superuser,
    member.rolcreaterole as can_make_roles,
    nullif(member.rolconnlimit, -1) as connection_limit,
    member.rolvaliduntil as valid_until,
    array(
        select granted.rolname::text
        from pg_auth_members as link
        inner join pg_roles as granted on link.roleid = granted.oid
        where link.member = member.oid and granted.rolname like 'soleflip\_%'
        order by granted.rolname
    ) as acts_as
from pg_roles as member
where
    member.rolname like 'soleflip\_%'
    or exists (
        select
        from pg_auth_members as link
        inner join pg_roles as granted on link.roleid = granted.oid
        where link.member = member.oid and granted.rolname like 'soleflip\_%'
    );
comment on view auth.account is
'One row per role of PostgreSQL that may read or act here: soleflip''s own and their members, as'
' PostgreSQL has them now. Who logs in to the user interface comes beside it.';

create view compliance.permission as
select
    account.account_name,
    place.nspname::text as schema_name,
    has_schema_privilege(account.account_name, place.oid, 'create') as can_create,
    count(*) as table_count,
    count(*) filter (where may.reads) as readable_count,
    count(*) filter (where may.adds) as insertable_count,
    count(*) filter (where may.changes) as changeable_count
from auth.account as account
cross join pg_namespace as place
inner join pg_class as relation
    on place.oid = relation.relnamespace and relation.relkind in ('r', 'v', 'm')
cross join lateral (
    select
        has_schema_privilege(account.account_name, place.oid, 'usage')
        and has_any_column_privilege(account.account_name, relation.oid, 'select') as reads,
        has_schema_privilege(account.account_name, place.oid, 'usage')
        and has_table_privilege(account.account_name, relation.oid, 'insert') as adds,
        has_schema_privilege(account.account_name, place.oid, 'usage')
        and has_table_privilege(account.account_name, relation.oid, 'update, delete, truncate')
            as changes
) as may
where place.nspname !~ '^(pg_|information_schema$)' and not account.is_superuser
group by account.account_name, place.oid, place.nspname;
comment on view compliance.permission is
'One row per account and schema: how many of its tables the account may read, add to and change,'
' as PostgreSQL has granted it now.';

create view core.schema_version as
select
    name as migration_name,
    sha256,
    applied_at
from public.soleflip_migration;
comment on view core.schema_version is
'One row per migration that this database has, as it was applied.';

grant select, insert on table realtime.event to soleflip_loader;
grant select, insert on table realtime.event to soleflip_transformer;
grant select on table realtime.event to soleflip_reader;
grant update (attempt_count, claimed_by, claimed_at, last_error, delivered_at)
on table realtime.event to soleflip_loader;
grant select on table history.listing_change to soleflip_loader;
grant select, insert on table history.listing_change to soleflip_transformer;
grant select, insert on table logging.run_log to soleflip_loader;
grant select on table logging.run_log to soleflip_reader;
grant select, insert on table logging.test_failure to soleflip_transformer;
grant select on table logging.test_failure to soleflip_loader;
grant select on table logging.test_failure to soleflip_reader;
grant select, insert on table logging.outside_write to soleflip_loader;
grant update (outcome, answered_at) on table logging.outside_write to soleflip_loader;
grant select on table logging.outside_write to soleflip_reader;
grant select on table auth.account to soleflip_loader;
grant select on table auth.account to soleflip_reader;
grant select on table compliance.permission to soleflip_loader;
grant select on table compliance.permission to soleflip_reader;
grant select on table compliance.retention_rule to soleflip_reader;
grant select on table compliance.erasure_log to soleflip_reader;
grant select on table core.schema_version to soleflip_loader;
