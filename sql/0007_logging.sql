-- The run log: what went wrong in a run, in one sentence, where SQL and `soleflip status` see it.
create schema logging authorization soleflip_owner;
grant usage on schema logging to soleflip_loader, soleflip_transformer, soleflip_reader;

set local role soleflip_owner;

create table logging.run_failure (
    dagster_run_id text primary key,
    job_name text not null,
    failed_steps text not null,
    message text not null,
    failed_at timestamptz not null
);
comment on table logging.run_failure is
    'One row per failed run: the steps that failed and the first error, without any secret.';

grant select, insert, update on logging.run_failure to soleflip_loader;
grant select on logging.run_failure to soleflip_transformer, soleflip_reader;
