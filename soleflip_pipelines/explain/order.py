"""The whole story of an order, one for each of its lines.

This module finds the order and puts the chapters in order; what each tells is in its own module.
"""

from __future__ import annotations

from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.explain.doors import tell_doors, tell_payload, tell_status
from soleflip_pipelines.explain.money import tell_amount, tell_fees, tell_profit, tell_vat
from soleflip_pipelines.explain.reading import CANDIDATES, Book, NotFound, nearest
from soleflip_pipelines.explain.reconciliation import tell_reconciliation
from soleflip_pipelines.explain.story import Row, Story
from soleflip_pipelines.explain.units import tell_article, tell_units

ORDER_SQL = """
    select facts.*, known.order_key, known.partner_variant_id as queue_variant_id,
           known.product_name, known.style_id, known.has_stated_fees,
           known.payout_total, known.adjustments_total, known.transaction_fee,
           known.processing_fee, known.shipping_fee, known.other_fee, known.penalty,
           known.outbound_cost, known.outbound_currency_code,
           rate.rate_on, outbound_rate.units_per_eur as outbound_units_per_eur,
           status.meaning as status_meaning, product.name as catalog_name, variant.size_raw
    from sales."order" as facts
    inner join intermediate.int_sales__orders as known
        on facts.platform || '|' || facts.order_number || '|' || facts.order_line
            = known.order_key
    left join intermediate.int_finance__event_rates as rate
        on known.currency_code = rate.currency_code and known.sold_on = rate.event_on
    left join intermediate.int_finance__event_rates as outbound_rate
        on known.outbound_currency_code = outbound_rate.currency_code
            and known.sold_on = outbound_rate.event_on
    left join reference.order_status as status
        on facts.platform = status.platform
            and upper(btrim(facts.status_raw)) = status.status_raw
    left join catalog.product as product on facts.product_id = product.id
    left join catalog.variant as variant on facts.variant_id = variant.id
    where facts.platform = any(%(platforms)s) and facts.order_number = %(number)s
    order by facts.platform, facts.order_line collate "C"
"""
PLATFORMS_SQL = "select platform from platform.marketplace order by platform"
# Only what shares its beginning or its end can be a slip of the pen.
ALIKE_SQL = """
    select distinct order_number from sales."order"
    where platform = any(%(platforms)s) and (
        order_number ilike '%%' || %(number)s || '%%'
        or left(order_number, %(part)s) = left(%(number)s, %(part)s)
        or right(order_number, %(part)s) = right(%(number)s, %(part)s)
    )
    order by order_number limit %(limit)s
"""
LOADED_SQL = """
    select 'raw_stockx.orders' as raw_table from raw_stockx.orders where order_number = %(number)s
    union all
    select 'raw_ebay.orders' from raw_ebay.orders where order_id = %(number)s
    union all
    select 'raw_alias.orders' from raw_alias.orders
    where order_id = %(number)s or payload ->> 'purchase_order_number' = %(number)s
    limit 1
"""
REFUSED_SQL = """
    select rejected_id, asset, reason from integration.rejected_rows
    where status = 'open' and strpos(raw_row, %(number)s) > 0
        and asset in ('raw_stockx.orders', 'raw_ebay.orders', 'raw_alias.orders', 'raw_csv.sales',
                      'raw_csv.stockx_report', 'raw_csv.ebay_report', 'raw_csv.alias_report')
    order by rejected_id desc limit 1
"""
LEAST_NAME = 5


def explain_order(
    book: Book, number: str, platform: str | None = None, *, with_payload: bool = False
) -> list[Story]:
    """The story of each line of an order.

    Args:
        book: where to read.
        number: the order's number at its channel, as `sales.order` has it.
        platform: stockx, ebay, alias or private; None looks on all of them.
        with_payload: tell also what the API sent, without what is personal in it.

    Raises:
        NotFound: no such order; the text names the nearest ones, or what to run.
    """
    return [_tell(book, order, with_payload) for order in find_orders(book, number, platform)]


def find_orders(book: Book, number: str, platform: str | None) -> list[Row]:
    """The lines of an order with all that the chapters need.

    Raises:
        NotFound: no such order.
        SoleflipError: no such channel.
    """
    number = number.strip()
    known = [row["platform"] for row in book.rows(PLATFORMS_SQL)]
    if platform is not None and platform.lower() not in known:
        raise SoleflipError(f"there is no channel {platform}: say one of {', '.join(known)}")
    platforms = [platform.lower()] if platform else known
    found = book.rows(ORDER_SQL, platforms=platforms, number=number)
    if found:
        return found
    raise _not_found(book, number, platform, platforms)


def _not_found(book: Book, number: str, platform: str | None, platforms: list[str]) -> NotFound:
    """Why there is no such order: not built yet, refused, or misspelt."""
    loaded = book.row(LOADED_SQL, number=number)
    if loaded and platform is None:
        return NotFound(
            f"order {number} is loaded ({loaded['raw_table']}) and not in the published marts yet:"
            " run `soleflip run rebuild_marts`"
        )
    refused = book.row(REFUSED_SQL, number=number) if len(number) >= LEAST_NAME else None
    if refused:
        return NotFound(
            f"there is no order {number}, but a row of {refused['asset']} that names it was refused"
            f" ({refused['reason']}): see `soleflip rejected show {refused['rejected_id']}`"
        )
    part = min(4, max(1, len(number) // 2))
    alike = book.rows(ALIKE_SQL, platforms=platforms, number=number, part=part, limit=CANDIDATES)
    where = f" on {platform}" if platform else ""
    hint = nearest(number, [row["order_number"] for row in alike])
    return NotFound(f"there is no order {number}{where}{hint}")


def _tell(book: Book, order: Row, with_payload: bool) -> Story:
    line = f", line {order['order_line']}" if order["order_line"] != "1" else ""
    story = Story(f"Order {order['order_number']} on {order['platform']}{line}")
    sources = tell_doors(story, book, order)
    if with_payload:
        tell_payload(story, book, order)
    tell_status(story, order)
    tell_article(story, book, order, sources)
    tell_amount(story, order)
    tell_fees(story, book, order, sources)
    tell_units(story, book, order)
    tell_vat(story, book, order)
    tell_profit(story, book, order)
    tell_reconciliation(story, book, order)
    story.tell("Built", [f"Marts of build {order['build_id']}."])
    return story
