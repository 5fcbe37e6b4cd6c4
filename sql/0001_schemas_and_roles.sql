-- Schemas, the four roles and what each may touch.
-- Roles belong to the whole server: they are made only where they are missing, so two databases
-- of one server (sandbox and live) share them. They cannot log in; the login user is their member.

do $$
declare
    role_name text;
begin
    foreach role_name in array array[
        'soleflip_owner', 'soleflip_loader', 'soleflip_transformer', 'soleflip_reader'
    ] loop
        if not exists (select from pg_roles where rolname = role_name) then
            begin
                execute format('create role %I nologin', role_name);
            exception when duplicate_object or unique_violation then
                null;  -- a migration of the other database was faster
            end;
        end if;
        -- Since PostgreSQL 16 who makes a role may administer it, but not act as it.
        if not (
            case when current_setting('server_version_num')::integer >= 160000
                then pg_has_role(current_user, role_name, 'set')
                else pg_has_role(current_user, role_name, 'member')
            end
        ) then
            execute format('grant %I to current_user', role_name);
        end if;
    end loop;
end $$;

-- What only Python or a migration writes.
create schema raw_stockx authorization soleflip_owner;
create schema raw_awin authorization soleflip_owner;
create schema raw_csv authorization soleflip_owner;
create schema raw_ecb authorization soleflip_owner;
create schema integration authorization soleflip_owner;
create schema core authorization soleflip_owner;
create schema owner authorization soleflip_owner;
create schema enrichment authorization soleflip_owner;
create schema history authorization soleflip_owner;

-- What dbt writes in place. The marts' schemas are dbt's own: each publication makes them anew.
create schema reference authorization soleflip_transformer;
create schema staging authorization soleflip_transformer;

do $$
begin
    execute format('grant create, connect, temporary on database %I to soleflip_transformer',
                   current_database());
    execute format('grant connect, temporary on database %I to soleflip_loader',
                   current_database());
    execute format('grant connect on database %I to soleflip_reader', current_database());
    execute format('revoke create on schema public from public');
end $$;

grant usage on schema raw_stockx, raw_awin, raw_csv, raw_ecb, integration, core, owner,
    enrichment, history to soleflip_loader;
grant usage on schema raw_stockx, raw_awin, raw_csv, raw_ecb, integration, owner,
    enrichment, history to soleflip_transformer;
grant usage on schema reference, staging to soleflip_loader;
grant usage on schema integration to soleflip_reader;

alter default privileges for role soleflip_transformer in schema reference, staging
    grant select on tables to soleflip_loader;

alter role soleflip_reader set statement_timeout = '60s';
alter role soleflip_reader set idle_in_transaction_session_timeout = '30s';
