"""What of StockX's market is worth a call today, and what has to wait for tomorrow's quota.

The calls left of the day, less a reserve for orders, go to what is in stock or listed, then to what
sold lately, the owner's watch list and the rest; within a class the longest unseen comes first. The
plan lies in `integration.fetch_plan` for people to see; making the calls is not done here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import psycopg
from psycopg import sql
from psycopg.errors import UndefinedColumn, UndefinedTable

from soleflip_pipelines.ingestion.quota import calls_used
from soleflip_pipelines.settings import Settings

PARTNER = "stockx"
# Orders are read every hour until midnight; their calls are not to be spent on prices.
RESERVE_SHARE = 0.1
SOLD_WITHIN = timedelta(days=120)
REFUSED_AGAIN_AFTER = timedelta(days=7)
STALE_AFTER = timedelta(hours=24)
CLASSES = ("in_stock", "listed", "sold", "watched", "dormant")

# Whatever was bought may be in stock as long as no marts are published, or only those of an
# earlier version of this project.
BOUGHT_SQL = sql.SQL(
    "select partner_product_id from enrichment.purchase_match where platform = 'stockx'"
)
PUBLISHED_STOCK_SQL = sql.SQL(
    """
    select product.stockx_product_id
    from inventory.stock as stock
    join catalog.product as product on product.id = stock.product_id
    where stock.is_on_hand
    """
)
PLAN_SQL = sql.SQL("""
    with named (class_no, product_id) as (
        select 1, stocked.product_id from ({in_stock}) as stocked (product_id)
        union all
        select case when upper(payload ->> 'status') = 'ACTIVE' then 2 else 5 end,
               payload #>> '{{product,productId}}'
        from raw_stockx.listings
        union all
        select 3, payload #>> '{{product,productId}}' from raw_stockx.orders
        where left(payload ->> 'createdAt', 10) >= %(sold_from)s
        union all
        select 4, partner_product_id from owner.watch_item where platform = %(partner)s
        union all
        select 4, p.product_id
        from owner.watch_item w
        join raw_stockx.products p on {key_of_watch} = {key_of_product}
        where w.platform = %(partner)s
        union all
        select 5, bought.product_id from ({bought}) as bought (product_id)
    ),
    wanted as (
        select named.product_id, min(named.class_no) as class_no
        from named join raw_stockx.products using (product_id) group by named.product_id
    ),
    ranked as (
        select
            wanted.product_id, wanted.class_no,
            case
                when plan.refused_at > now() - %(refused_for)s then 'refused'
                when plan.last_observed_at >= now() - %(max_age)s then 'fresh'
            end as settled,
            row_number() over (
                partition by coalesce(plan.refused_at > now() - %(refused_for)s, false)
                    or coalesce(plan.last_observed_at >= now() - %(max_age)s, false)
                order by wanted.class_no, plan.last_observed_at nulls first, wanted.product_id
            ) as place
        from wanted
        left join integration.fetch_plan as plan
            on plan.partner = %(partner)s and plan.partner_product_id = wanted.product_id
    ),
    dropped as (
        update integration.fetch_plan as plan set decision = 'dropped', decided_at = now()
        where plan.partner = %(partner)s and plan.decision <> 'dropped'
          and not exists (
              select from wanted where wanted.product_id = plan.partner_product_id
          )
    )
    insert into integration.fetch_plan as plan (
        partner, partner_product_id, value_class, decision, for_day
    )
    select
        %(partner)s, product_id, (%(classes)s::text[])[class_no],
        coalesce(settled, case when place <= %(budget)s then 'planned' else 'deferred' end),
        %(today)s::date
            + case when settled is null and place > %(budget)s then 1 else 0 end
    from ranked
    on conflict (partner, partner_product_id) do update set
        value_class = excluded.value_class, decision = excluded.decision,
        for_day = excluded.for_day, decided_at = now()
""")
PLANNED_SQL = """
    select partner_product_id from integration.fetch_plan
    where partner = %(partner)s and decision = 'planned'
    order by array_position(%(classes)s::text[], value_class), last_observed_at nulls first,
        partner_product_id
"""
DEFERRED_SQL = """
    select count(*) from integration.fetch_plan
    where partner = %(partner)s and decision = 'deferred'
"""
NOTE_SQL = """
    update integration.fetch_plan as plan
    set decision = case when noted.is_refused then 'refused' else 'fresh' end,
        last_observed_at = case when noted.is_refused then plan.last_observed_at else noted.at end,
        refused_at = case when noted.is_refused then noted.at end
    from unnest(%s::text[], %s::timestamptz[], %s::boolean[]) as noted (product_id, at, is_refused)
    where plan.partner = %s and plan.partner_product_id = noted.product_id
"""
STALE_SQL = """
    select value_class, count(*),
        count(*) filter (where last_observed_at is null),
        count(*) filter (where last_observed_at < now() - %(stale_after)s),
        count(*) filter (where decision = 'deferred'),
        min(last_observed_at)
    from integration.fetch_plan
    where partner = %(partner)s and decision not in ('dropped', 'refused')
    group by value_class order by array_position(%(classes)s::text[], value_class)
"""


@dataclass(frozen=True)
class Noted:
    """What became of a planned call: when its reply was there (UTC), and whether it refused."""

    product_id: str
    at: datetime
    is_refused: bool


@dataclass(frozen=True)
class ClassState:
    """How well a class of products is observed; `oldest_at` is UTC, None if nothing was seen."""

    value_class: str
    products: int
    never_seen: int
    too_old: int
    deferred: int
    oldest_at: datetime | None

    @property
    def is_stale(self) -> bool:
        """Something of it was not seen within the last day."""
        return self.never_seen + self.too_old > 0


def calls_to_spend(settings: Settings, conn: psycopg.Connection) -> int:
    """The calls that are left of the UTC day when the orders' reserve is kept."""
    quota = settings.stockx_daily_quota
    return max(0, quota - int(quota * RESERVE_SHARE) - calls_used(conn, PARTNER))


def plan_market(
    settings: Settings, conn: psycopg.Connection, *, today_utc: date, max_age: timedelta
) -> tuple[list[str], int]:
    """Decide for every product that is wanted, write it down, and return what to ask for now.

    Args:
        settings: quota and business day.
        conn: a connection of the loader role; the plan is committed.
        today_utc: the day whose quota is spent.
        max_age: a product seen within this time is left alone.

    Returns:
        StockX's product ids, the most valuable first, and how many had to be left for tomorrow.
    """
    names = {"partner": PARTNER, "classes": list(CLASSES)}
    given = {
        **names,
        "sold_from": (settings.today() - SOLD_WITHIN).isoformat(),
        "refused_for": REFUSED_AGAIN_AFTER,
        "max_age": max_age,
        "budget": calls_to_spend(settings, conn),
        "today": today_utc,
    }
    try:
        with conn.transaction():
            conn.execute(_plan_statement(PUBLISHED_STOCK_SQL), given)
    except (UndefinedColumn, UndefinedTable):
        conn.execute(_plan_statement(BOUGHT_SQL), given)
    found = conn.execute(PLANNED_SQL, names).fetchall()
    deferred = conn.execute(DEFERRED_SQL, names).fetchone()
    conn.commit()
    return [row[0] for row in found], deferred[0] if deferred else 0


def _plan_statement(in_stock: sql.SQL) -> sql.Composed:
    keys = "upper(regexp_replace({}, '[^[:alnum:]]', '', 'g'))"
    return PLAN_SQL.format(
        in_stock=in_stock,
        bought=BOUGHT_SQL,
        key_of_watch=sql.SQL(keys).format(sql.SQL("w.style_code")),
        key_of_product=sql.SQL(keys).format(sql.SQL("p.payload ->> 'styleId'")),
    )


def note_calls(cur: psycopg.Cursor, calls: Sequence[Noted]) -> None:
    """Write down what became of planned calls, in the transaction that keeps their replies."""
    columns = [[c.product_id for c in calls], [c.at for c in calls], [c.is_refused for c in calls]]
    cur.execute(NOTE_SQL, [*columns, PARTNER])


def market_state(conn: psycopg.Connection) -> list[ClassState]:
    """How stale the market is, class by class, the most valuable first."""
    params = {"partner": PARTNER, "classes": list(CLASSES), "stale_after": STALE_AFTER}
    return [ClassState(*row) for row in conn.execute(STALE_SQL, params)]
