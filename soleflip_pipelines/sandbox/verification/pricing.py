"""The marts of prices: the market as the sandbox served it, and what is recommended on it.

What to ask for is a judgement that no truth holds. What it would earn is arithmetic, worked out
here anew from the truth's cost and the generator's own fees, and so is the price that just covers
the cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from statistics import median

from soleflip_pipelines.sandbox import payouts
from soleflip_pipelines.sandbox.payouts import CENT, money
from soleflip_pipelines.sandbox.verification.comparison import Comparison, Field, Row
from soleflip_pipelines.sandbox.verification.sides import Sides, market, ratio

_FIGURES = {
    "lowest_ask": "lowestAskAmount",
    "highest_bid": "highestBidAmount",
    "sell_faster": "sellFasterAmount",
    "earn_more": "earnMoreAmount",
    "flex_lowest_ask": "flexLowestAskAmount",
}
_WATCHED = "select * from watched order by variant_id"
_MART_MARKET = """
select m.platform, m.partner_variant_id as variant_id, m.partner_product_id as product_id,
       m.currency_code as currency, m.lowest_ask, m.highest_bid, m.sell_faster, m.earn_more,
       m.flex_lowest_ask, m.lowest_ask_eur, m.highest_bid_eur, m.spread,
       v.stockx_variant_id as linked_variant_id, p.stockx_product_id as linked_product_id
from pricing.market_price m
left join catalog.variant v on v.id = m.variant_id
left join catalog.product p on p.id = m.product_id
order by m.platform collate "C", m.partner_variant_id collate "C", m.currency_code collate "C"
"""
_MART_HISTORY = """
select platform, partner_variant_id as variant_id, max(product_name) as title,
       array_agg(distinct array[lowest_ask, highest_bid, sell_faster, earn_more, flex_lowest_ask])
           as looks
from pricing.price_history
where currency_code = 'EUR'
group by platform, partner_variant_id
order by platform collate "C", partner_variant_id collate "C"
"""
_ON_HAND = """
select line_key, unit_no, cost, variant_id, product_id, status <> 'incoming' as is_here
from units
where is_owned
order by line_key, unit_no
"""
_MART_RECOMMENDATIONS = """
select s.line_key, s.unit_no, r.cost_eur, r.partner_variant_id as variant_id, r.currency_code,
       r.stock_status <> 'incoming' as is_here, r.reference_price, r.break_even_price,
       r.recommended_sell_faster, r.recommended_earn_more, r.roi_percentage, r.profit_margin,
       r.expected_profit, r.market_confidence, r.is_floor_applied, r.reason
from pricing.price_recommendation r
left join inventory.stock s on s.id = r.stock_id
order by s.line_key collate "C", s.unit_no
"""
_CHARGED = """
select o.transaction_fee / o.gross from orders o
where o.platform = 'stockx' and o.is_sale and o.is_seen and o.currency = 'EUR'
  and o.sold_on between date(:today, '-180 days') and :today
  and o.transaction_fee + 0 > :minimum + 0
order by o.sold_on desc, o.order_number desc
limit 20
"""
# By the labels that were found; those are judged product by product.
_MULTIPLIERS = """
select l.brand, count(*) as sales,
       ratio(euros(o.gross), sum(p.retail_price * o.quantity)) as multiplier,
       percentile(o.gross / (1.0 * p.retail_price * o.quantity), 0.25, 4) as p25,
       percentile(o.gross / (1.0 * p.retail_price * o.quantity), 0.75, 4) as p75
from orders o
join served.product p using (product_id)
join label l using (product_id)
where o.is_sale and p.retail_price > 0
group by l.brand
order by l.brand
"""
_MART_MULTIPLIERS = """
select brand, sale_count as sales, multiplier, multiplier_p25 as p25, multiplier_p75 as p75
from pricing.brand_multiplier
order by brand collate "C"
"""


def _markets(sides: Sides) -> Iterator[Row]:
    """What the sandbox has served of each size's market: one book a day, the newest last."""
    for row in sides.truth.execute(_WATCHED):
        looks = [
            {name: market(row["going_price"], row["variant_id"], day, figure)
             for name, figure in _FIGURES.items()}
            for day in sides.days
        ]  # fmt: skip
        yield {"platform": "stockx", **row, "looks": looks}


def _book(true: Row, found: Row) -> Iterator[Field]:
    """The book of the day on which it was looked at; the newest one if it fits none."""
    looks = true["looks"]
    seen = [str(found[name].normalize()) if found[name] is not None else None for name in _FIGURES]
    fitting = [look for look in looks if [_plain(v) for v in look.values()] == seen]
    book = fitting[-1] if fitting else looks[-1]
    yield from ((name, value, found[name]) for name, value in book.items())
    ask, bid = book["lowest_ask"], book["highest_bid"]
    yield "currency", "EUR", found["currency"]
    yield "lowest_ask_eur", ask, found["lowest_ask_eur"]
    yield "highest_bid_eur", bid, found["highest_bid_eur"]
    spread = ratio(2 * (int(ask) - int(bid)), int(ask) + int(bid)) if ask and bid else None
    yield "spread", spread, found["spread"]
    for name in ("product_id", "linked_product_id"):
        yield name, true["product_id"], found[name]
    yield "linked_variant_id", true["variant_id"], found["linked_variant_id"]


def _plain(value: str | None) -> str | None:
    return None if value is None else str(Decimal(value).normalize())


def _history(true: Row, found: Row) -> Iterator[Field]:
    """Every look ever taken is one of the books that were served."""
    served = {tuple(_plain(v) for v in look.values()) for look in true["looks"]}
    for look in found["looks"]:
        seen = tuple(None if v is None else str(v.normalize()) for v in look)
        yield "look", True, seen in served


def _fee_level(sides: Sides) -> Decimal:
    """The account's transaction rate: the level nearest to what it was charged of late."""
    minimum = payouts.MINIMUM_FEE["EUR"]
    rows = sides.truth.execute(_CHARGED, {**sides.parameters, "minimum": str(minimum)})
    charged = [row[0] for row in rows]
    if not charged:
        return Decimal(payouts.LEVEL_RATES[0])
    middle = Decimal(str(median(charged)))
    return min(map(Decimal, payouts.LEVEL_RATES), key=lambda rate: abs(rate - middle))


def _earned(price: Decimal, rate: Decimal, cost: Decimal) -> Decimal:
    """Profit of a sale in EUR; supplies to the marketplace bear no VAT."""
    fee = max(money(price * rate), payouts.MINIMUM_FEE["EUR"])
    fixed = Decimal(payouts.SHIPPING["EUR"])
    return price - fee - money(price * payouts.PROCESSING_RATE) - fixed - cost


def _on_hand(sides: Sides) -> Iterator[Row]:
    rate = _fee_level(sides)
    for row in sides.truth.execute(_ON_HAND):
        yield {**row, "rate": rate}


def _recommended(true: Row, found: Row) -> Iterator[Field]:
    rate, cost, more = true["rate"], Decimal(true["cost"]), found["recommended_earn_more"]
    floor, faster = found["break_even_price"], found["recommended_sell_faster"]
    yield "cost_eur", cost, found["cost_eur"]
    yield "variant_id", true["variant_id"], found["variant_id"]
    yield "is_here", true["is_here"], found["is_here"]
    yield "currency_code", "EUR", found["currency_code"]
    profit = money(_earned(more, rate, cost)) if more is not None else None
    yield "expected_profit", profit, found["expected_profit"]
    yield "roi_percentage", _percent(profit, cost), found["roi_percentage"]
    yield "profit_margin", _percent(profit, more), found["profit_margin"]
    yield "a price has a reference", True, more is None or found["reference_price"] is not None
    yield "a size that is not known has no price", True, bool(true["variant_id"]) or more is None
    if floor is not None:
        yield "break_even covers", True, _earned(floor, rate, cost) >= 0
        yield "break_even is the lowest", True, _earned(floor - CENT, rate, cost) < 0
        for name, price in (("earn_more", more), ("sell_faster", faster)):
            yield f"{name} over the floor", True, price is None or price >= floor
    yield "faster is not dearer", True, None in (more, faster) or faster <= more


def _percent(part: Decimal | None, whole: Decimal | None) -> str | None:
    return None if part is None or not whole else ratio(100 * part, whole, 2)


_VARIANT, _UNIT = ("platform", "variant_id"), ("line_key", "unit_no")
COMPARISONS = (
    Comparison("pricing.market_price", _VARIANT, _markets, _MART_MARKET, _book),
    Comparison("pricing.price_history", _VARIANT, _markets, _MART_HISTORY, _history),
    Comparison(
        "pricing.price_recommendation", _UNIT, _on_hand, _MART_RECOMMENDATIONS, _recommended
    ),
    Comparison("pricing.brand_multiplier", ("brand",), _MULTIPLIERS, _MART_MULTIPLIERS),
)
