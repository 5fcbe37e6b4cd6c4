-- How the state of an order changed, as build by build saw it: no channel keeps a history of it.
set local role soleflip_owner;

create table history.order_status (
    platform text not null,
    order_number text not null,
    order_line text not null,
    seen_at timestamptz not null,
    status text not null,
    status_raw text,
    changed_at timestamptz,
    batch_id bigint,
    primary key (platform, order_number, order_line, seen_at)
);
comment on table history.order_status is
    'One row per change of an order line''s state, and its first one: what it was when a build saw'
    ' it. Append-only; written by the build of intermediate.int_sales__orders.';

grant select, insert on table history.order_status to soleflip_transformer;
grant select on table history.order_status to soleflip_loader;
