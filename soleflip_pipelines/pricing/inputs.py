"""What pricing reads from the published marts, as plain Python values in EUR.

What belongs here is SQL and its translation into the types of the pure modules. Nothing is decided
here, save which seller level the account's own fees show.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from typing import Any
from uuid import UUID

import psycopg

from soleflip_pipelines.pricing.fees import FeeRule, Vat
from soleflip_pipelines.pricing.reference import EVIDENCE_DAYS, Market, Sale

PLATFORM = "stockx"
CURRENCY = "EUR"
_ANY = "any"
_MARTS = (
    "inventory.stock",
    "catalog.product",
    "catalog.variant",
    'sales."order"',
    "pricing.market_price",
    "pricing.brand_multiplier",
    "platform.fee_schedule",
    "reference.vat_rule",
)

_UNITS_SQL = """
    select
        s.id, v.stockx_variant_id, s.product_id, s.cost_eur, s.vat_scheme,
        coalesce(p.name, s.product_name), coalesce(v.size_raw, s.size_raw),
        (p.retail_price * b.multiplier)::float8
    from inventory.stock as s
    left join catalog.variant as v on v.id = s.variant_id
    left join catalog.product as p on p.id = s.product_id
    left join pricing.brand_multiplier as b on b.brand = p.brand
    where s.is_on_hand
    order by s.id
"""
_SALES_SQL = """
    select o.product_id, o.sold_on, o.partner_variant_id, o.gross_sale_eur::float8
    from sales."order" as o
    where o.is_sale and o.platform = %s and o.sold_on between %s and %s
        and o.gross_sale_eur > 0 and o.partner_variant_id is not null
        and o.product_id in (
            select s.product_id from inventory.stock as s
            where s.is_on_hand
        )
    order by o.product_id, o.sold_on, o.order_number
"""
# One row a variant: the EUR book where there is one, else the newest other one, converted.
_MARKET_SQL = """
    select distinct on (partner_variant_id)
        partner_variant_id, observed_at, lowest_ask_eur, highest_bid_eur,
        round(sell_faster / fx_units_per_eur, 2), round(earn_more / fx_units_per_eur, 2)
    from pricing.market_price
    where platform = %s and fx_units_per_eur > 0
    order by partner_variant_id, (currency_code = 'EUR') desc, observed_at desc, currency_code
"""
_FEES_SQL = """
    select seller_level, transaction_fee_rate, processing_fee_rate, minimum_fee,
        coalesce(shipping_fee, 0)
    from platform.fee_schedule
    where platform = %s and currency_code = %s and category = %s
        and valid_from <= %s and coalesce(valid_to, 'infinity') >= %s
    order by seller_level
"""
_CHARGED_SQL = """
    select (transaction_fee_eur / gross_sale_eur)::float8
    from sales."order"
    where is_sale and platform = %s and currency_code = %s and gross_sale_eur > 0
        and sold_on between %s and %s and fee_source = 'charged'
        and transaction_fee_eur > %s
    order by sold_on desc, order_number desc
    limit 20
"""
_VAT_SQL = """
    select platform, purchase_vat_scheme, regime, vat_rate
    from reference.vat_rule
    where platform in (%s, %s) and valid_from <= %s and coalesce(valid_to, 'infinity') >= %s
    order by platform, purchase_vat_scheme
"""


@dataclass(frozen=True)
class Unit:
    """One unit on hand; `variant_id` is the marketplace's, None if the unit was not recognised.

    `prior` is retail times the brand's multiplier in EUR, where both are known.
    """

    stock_id: UUID
    variant_id: str | None
    product_id: UUID | None
    cost: Decimal | None
    vat_scheme: str | None
    name: str | None
    size: str | None
    prior: float | None


@dataclass(frozen=True)
class VatRules:
    """Regime and rate by VAT scheme of the purchase; "any" stands for schemes without a row."""

    by_scheme: Mapping[str, tuple[Any, Decimal]]

    def for_unit(self, unit: Unit) -> Vat:
        """The regime under which this unit is sold; without a rule, no VAT is assumed due."""
        regime, rate = self.by_scheme.get(
            unit.vat_scheme or "", self.by_scheme.get(_ANY, ("intra_eu", Decimal(0)))
        )
        return Vat(regime, rate, unit.cost or Decimal(0))


@dataclass(frozen=True)
class Inputs:
    """Everything one run of recommendations needs; sales are grouped by product."""

    units: Sequence[Unit]
    sales: Mapping[UUID, Sequence[Sale]]
    markets: Mapping[str, Market]
    fees: FeeRule | None
    vat: VatRules


def read_inputs(conn: psycopg.Connection[Any], today: date) -> Inputs | None:
    """Read units on hand and the evidence for their prices; None before the first publication."""
    if not all(_exists(conn, name) for name in _MARTS):
        return None
    units = [Unit(*row) for row in conn.execute(_UNITS_SQL)]
    first_day = today - timedelta(days=EVIDENCE_DAYS)
    sales: dict[UUID, list[Sale]] = defaultdict(list)
    for product_id, *sale in conn.execute(_SALES_SQL, [PLATFORM, first_day, today]):
        sales[product_id].append(Sale(*sale))
    markets = {variant: Market(*book) for variant, *book in conn.execute(_MARKET_SQL, [PLATFORM])}
    return Inputs(units, sales, markets, _fee_rule(conn, today), _vat_rules(conn, today))


def _exists(conn: psycopg.Connection[Any], name: str) -> bool:
    row = conn.execute("select to_regclass(%s)", [name]).fetchone()
    return bool(row and row[0])


def _fee_rule(conn: psycopg.Connection[Any], today: date) -> FeeRule | None:
    """Today's rule for the seller level that the fees charged lately come closest to.

    Sales at the minimum fee say nothing about the level. Without any other sale in 180 days the
    level is the lowest, whose fees are the highest.
    """
    found = conn.execute(_FEES_SQL, [PLATFORM, CURRENCY, _ANY, today, today]).fetchall()
    if not found:
        return None
    rules = [FeeRule(*row[1:]) for row in found]
    first_day = today - timedelta(days=EVIDENCE_DAYS)
    charged = [
        rate
        for (rate,) in conn.execute(
            _CHARGED_SQL, [PLATFORM, CURRENCY, first_day, today, rules[0].minimum_fee]
        )
    ]
    if not charged:
        return rules[0]
    rate = Decimal(repr(round(median(charged), 6)))
    return min(rules, key=lambda rule: abs(rule.transaction_rate - rate))


def _vat_rules(conn: psycopg.Connection[Any], today: date) -> VatRules:
    """The platform's own rules, or those for any platform if it has none."""
    rows = conn.execute(_VAT_SQL, [PLATFORM, _ANY, today, today]).fetchall()
    own = {scheme: (regime, rate) for platform, scheme, regime, rate in rows if platform != _ANY}
    general = {scheme: (regime, rate) for _, scheme, regime, rate in rows}
    return VatRules(own or general)
