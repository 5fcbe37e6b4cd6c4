"""What a publication changes for its readers: events for the outbox, and the history of listings.

The two sets of marts are compared before the new one is put in its place; what differs is written
in the very transaction that does so, hence once and only if it becomes true. Who hears of it, and
when, is not decided here.
"""

from __future__ import annotations

from datetime import date

import psycopg
from psycopg import sql

NEXT = "__next"
# What happened longer ago is history that was only now read in, and no news.
NEWS_DAYS = 30
DEMAND_DAYS = 90
DEMAND_UNITS = 3
LOW_STOCK = 1
PRICE_DROP = 0.10
ON_HAND = ["incoming", "available", "listed", "consigned", "returned"]

# The tables of the published set that are compared; where there is none yet, an empty one.
_COMPARED = {
    "old_order": ("sales", "order"),
    "old_stock": ("inventory", "stock"),
    "old_price": ("pricing", "market_price"),
    "old_payout": ("financial", "payout_reconciliation"),
}
_EMPTY = """
    create temporary view {name} as select * from {new} where false
"""
_PUBLISHED = """
    create temporary view {name} as select * from {old}
"""
_EVENTS = """
    create temporary table news_event as
    with

    orders as (
        select new.*, old.status as old_status,
               old.id is null as is_new, product.name as product_name,
               new.platform || '|' || new.order_number || '|' || new.order_line as name
        from sales__next."order" as new
        left join pg_temp.old_order as old on new.id = old.id
        left join catalog__next.product as product on new.product_id = product.id
        where old.id is null and new.sold_on > %(today)s - %(news_days)s
           or new.status <> old.status
    ),

    told as (
        select orders.*, jsonb_build_object(
            'platform', platform, 'order_number', order_number, 'order_line', order_line,
            'product_name', product_name, 'quantity', quantity, 'status', status,
            'amount', amount, 'currency_code', currency_code, 'net_payout_eur', net_payout_eur,
            'net_profit_eur', net_profit, 'profit_state', profit_state
        ) as payload
        from orders
    ),

    demand as (
        select product_id, sum(quantity) as unit_count
        from sales__next."order"
        where is_sale and product_id is not null and sold_on > %(today)s - %(demand_days)s
        group by product_id
        having sum(quantity) >= %(demand_units)s
    ),

    held as (
        select product_id, count(*) as unit_count from inventory__next.stock
        where status = any(%(on_hand)s) group by product_id
    ),

    held_before as (
        select product_id, count(*) as unit_count from pg_temp.old_stock
        where status = any(%(on_hand)s) group by product_id
    )

    select 'order.sold|' || name as event_key, 'order.sold' as event_type,
           'sales.order ' || id as subject, ordered_at as occurred_at, payload
    from told
    where is_new and is_sale
    union all
    select 'order.status_changed|' || name || '|' || status || '|' || %(build_id)s,
           'order.status_changed', 'sales.order ' || id, now(),
           payload || jsonb_build_object('status_before', old_status)
    from told
    where status <> old_status
    union all
    select 'payout.gap_found|' || new.platform || '|' || new.order_number || '|' || new.order_line
               || '|' || %(build_id)s,
           'payout.gap_found', 'financial.payout_reconciliation ' || new.id, now(),
           jsonb_build_object(
               'platform', new.platform, 'order_number', new.order_number,
               'order_line', new.order_line, 'currency_code', new.currency_code,
               'payout_gap', new.payout_gap, 'gap_reason', new.gap_reason
           )
    from financial__next.payout_reconciliation as new
    left join pg_temp.old_payout as old on new.id = old.id
    where new.is_open and old.is_open is not true
      and (old.id is not null or new.open_since > %(today)s - %(news_days)s)
    union all
    select 'price.dropped|' || new.partner_variant_id || '|' || new.currency_code || '|'
               || %(build_id)s,
           'price.dropped', 'catalog.variant ' || new.variant_id, new.observed_at,
           jsonb_build_object(
               'stockx_variant_id', new.partner_variant_id, 'currency_code', new.currency_code,
               'lowest_ask', new.lowest_ask, 'lowest_ask_before', old.lowest_ask
           )
    from pricing__next.market_price as new
    inner join pg_temp.old_price as old
        on new.partner_variant_id = old.partner_variant_id
           and new.currency_code = old.currency_code
    where new.lowest_ask <= old.lowest_ask * (1 - %(price_drop)s::numeric)
      and new.variant_id in (
          select variant_id from inventory__next.stock where status = any(%(on_hand)s)
      )
    union all
    select 'stock.low|' || product.id || '|' || %(build_id)s, 'stock.low',
           'catalog.product ' || product.id, now(),
           jsonb_build_object(
               'sku', product.sku, 'product_name', product.name,
               'on_hand_count', coalesce(held.unit_count, 0),
               'sold_in_90_days_count', demand.unit_count
           )
    from demand
    inner join catalog__next.product as product on demand.product_id = product.id
    left join held on demand.product_id = held.product_id
    left join held_before on demand.product_id = held_before.product_id
    where coalesce(held.unit_count, 0) <= %(low_stock)s
      and (%(is_first)s or held_before.unit_count > %(low_stock)s)
"""
_LISTINGS = """
    create temporary table news_listing as
    with last_seen as (
        select distinct on (platform, listing_id) *
        from history.listing_change
        order by platform, listing_id, seen_at desc
    )
    select new.platform, new.listing_id, new.status, new.is_active, new.ask_price,
           new.currency_code, new.updated_at as changed_at
    from sales__next.listing as new
    left join last_seen as old
        on new.platform = old.platform and new.listing_id = old.listing_id
    where (new.status, new.is_active, new.ask_price, new.currency_code)
        is distinct from (old.status, old.is_active, old.ask_price, old.currency_code)
"""
_RECORD = """
    insert into realtime.event (event_key, event_type, subject, occurred_at, payload)
    select event_key, event_type, subject, occurred_at, payload from pg_temp.news_event
    order by occurred_at, event_key
    on conflict (event_key) do nothing;
    insert into history.listing_change (
        platform, listing_id, seen_at, status, is_active, ask_price, currency_code, changed_at
    )
    select platform, listing_id, now(), status, is_active, ask_price, currency_code, changed_at
    from pg_temp.news_listing
"""


def gather_news(conn: psycopg.Connection, build_id: str, today: date) -> None:
    """Compare the new set with the published one; what differs waits in temporary tables.

    Args:
        conn: an autocommit connection of the transformer role, which then swaps the sets.
        build_id: of the new set.
        today: the Berlin day it was built for.
    """
    is_first = False
    for name, (schema, table) in _COMPARED.items():
        old = sql.Identifier(schema, table)
        found = conn.execute("select to_regclass(%s)", [old.as_string(conn)]).fetchone()
        is_missing = found == (None,)
        is_first = is_first or is_missing
        form = _EMPTY if is_missing else _PUBLISHED
        new = sql.Identifier(schema + NEXT, table)
        conn.execute(sql.SQL(form).format(name=sql.Identifier(name), old=old, new=new))
    conn.execute(
        _EVENTS,
        {
            "build_id": build_id,
            "today": today,
            "is_first": is_first,
            "news_days": NEWS_DAYS,
            "demand_days": DEMAND_DAYS,
            "demand_units": DEMAND_UNITS,
            "low_stock": LOW_STOCK,
            "price_drop": PRICE_DROP,
            "on_hand": ON_HAND,
        },
    )
    conn.execute(_LISTINGS)
    # Else the views would keep the old set from being dropped.
    conn.execute(sql.SQL("drop view {}").format(sql.SQL(", ").join(map(sql.Identifier, _COMPARED))))


def record_news(conn: psycopg.Connection) -> None:
    """Write what was gathered; called in the transaction that makes it true."""
    conn.execute(_RECORD)
