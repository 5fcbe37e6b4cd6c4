-- Credentials: which key encrypts each, and who changed or renewed one when. Never a value.
set local role soleflip_owner;

alter table core.system_config add column key_id text;
comment on column core.system_config.key_id is
    'Fingerprint of the Fernet key that encrypted the row; null for rows older than this column.';

create table core.secret_event (
    event_id bigint generated always as identity primary key,
    config_key text not null,
    action text not null check (action in ('set', 'removed', 'renewed', 'rotated', 're-encrypted')),
    actor text not null,
    happened_at timestamptz not null default clock_timestamp()
);
comment on table core.secret_event is
    'One row per change of a stored credential: set, removed, re-encrypted with another key, or, '
    'for a login, its access token renewed or its refresh token rotated by the partner.';

grant select, insert on core.secret_event to soleflip_loader;
