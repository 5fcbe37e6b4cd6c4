"""What each channel would net for each unit in the house, worked out from the truth's own figures.

Of StockX and Alias the generator's fees are known; of the others the share that the sales of a
year were charged stands for them, as in the mart.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from soleflip_pipelines.sandbox.payouts import money
from soleflip_pipelines.sandbox.verification.comparison import Comparison, Row
from soleflip_pipelines.sandbox.verification.shelf import after_fees, charged_rate
from soleflip_pipelines.sandbox.verification.sides import Sides, market, ratio

_VAT = Decimal("0.19")
_SHARES = """
select platform, ratio(euros(minus(gross, net_payout)), euros(gross)) as share from orders
where is_sale and is_told and platform not in ('stockx', 'alias')
    and sold_on > date(:today, '-365 days')
group by platform
"""
_ALIAS = "select in_euros('5.00', 'USD', :today)"
_MART = """
select s.line_key, s.unit_no, c.platform, c.cost_eur as cost, c.at_price_eur as price,
       c.fees_eur as fees, c.net_payout_eur as payout, c.vat_due_eur as vat,
       c.net_profit_eur as profit, c.roi, c.place
from analytics.channel_comparison c
join inventory.stock s on s.id = c.stock_id
order by s.line_key collate "C", s.unit_no, c.platform collate "C"
"""


def _nets(sides: Sides) -> Iterator[Row]:
    """A row a unit and channel; none once the day was moved on, when sizes were seen on others."""
    if len(sides.days) > 1:
        return
    going = dict(sides.truth.execute("select variant_id, going_price from watched").fetchall())
    shares = dict(sides.truth.execute(_SHARES, sides.parameters).fetchall())
    alias = Decimal(sides.truth.execute(_ALIAS, sides.parameters).fetchone()[0])
    rate = charged_rate(sides)
    for unit in sides.truth.execute(
        "select * from units where status = 'on_hand' order by line_key, unit_no"
    ):
        variant = unit["variant_id"]
        ask = variant in going and market(
            going[variant], variant, sides.days[-1], "lowestAskAmount"
        )
        if not ask:
            continue
        price = Decimal(ask)
        payouts = {
            "stockx": after_fees(price, rate),
            "alias": price - money(price * Decimal("0.095")) - alias,
            **{name: price - money(price * Decimal(share)) for name, share in shares.items()},
        }
        yield from _ranked(unit, price, payouts)


def _ranked(unit: Row, price: Decimal, payouts: dict[str, Decimal]) -> Iterator[Row]:
    cost = Decimal(unit["cost"])
    taxed = price if unit["vat_scheme"] == "standard" else max(Decimal(0), price - cost)
    vat = {
        name: Decimal(0) if name in ("stockx", "alias") else money(taxed * _VAT / (1 + _VAT))
        for name in payouts
    }
    profits = {name: payout - vat[name] - cost for name, payout in payouts.items()}
    places = sorted(profits, key=lambda name: (-profits[name], name))
    for name in sorted(payouts):
        yield {
            "line_key": unit["line_key"], "unit_no": unit["unit_no"], "platform": name,
            "cost": cost, "price": price, "fees": price - payouts[name], "payout": payouts[name],
            "vat": vat[name], "profit": profits[name], "roi": ratio(profits[name], cost),
            "place": places.index(name) + 1,
        }  # fmt: skip


COMPARISONS = (
    Comparison(
        "analytics.channel_comparison",
        ("line_key", "unit_no", "platform"),
        _nets,
        _MART,
        is_overlap=True,
    ),
)
