"""The money of a sale step by step: amount and rate, fees, VAT, profit, each computed anew.

Every figure is computed here from the values that the story shows and compared with the mart; what
differs is a contradiction. The definitions are those of docs/metrics.md.
"""

from __future__ import annotations

from decimal import Decimal

from soleflip_pipelines.explain.reading import Book
from soleflip_pipelines.explain.story import CENT, Row, Story, shown, to_cents, to_eur

ADJUSTMENTS_SQL = """
    select fee_kind, adjustment_type, amount
    from staging.stg_stockx__order_adjustments
    where order_number = %(number)s order by line_no
"""
EXPECTED_SQL = """
    select fees.*, rule.platform, rule.currency_code, rule.processing_fee_rate, rule.evidence
    from intermediate.int_finance__expected_fees as fees
    inner join reference.fee_rule as rule
        on rule.platform = %(platform)s and rule.currency_code = %(currency)s
            and rule.seller_level = 1 and rule.category = fees.category
            and rule.valid_from = fees.valid_from
    where fees.order_key = %(order_key)s
"""
VAT_SQL = """
    select piece.piece_no, unit.cost_eur, unit.vat_scheme, rule.regime, rule.vat_rate,
           rule.platform as rule_platform, rule.purchase_vat_scheme as rule_scheme,
           rule.valid_from, rule.note
    from (values (%(order_key)s::text)) as sale (order_key)
    left join intermediate.int_inventory__cost_matches as piece using (order_key)
    left join intermediate.int_inventory__units as unit
        on piece.line_key = unit.line_key and piece.unit_no = unit.unit_no
    left join lateral (
        select * from reference.vat_rule
        where platform in (%(platform)s, 'any')
            and purchase_vat_scheme in (unit.vat_scheme, 'any')
            and valid_from <= %(day)s and %(day)s <= coalesce(valid_to, 'infinity'::date)
        order by (platform = 'any'), (purchase_vat_scheme = 'any'), valid_from desc
        limit 1
    ) as rule on true
    order by piece.piece_no
"""
BOOKED_SQL = """
    select sum(amount_eur) as total from financial.transaction
    where order_id = %(order_id)s and statement = 'profit'
"""
KINDS = ("transaction", "processing", "shipping", "other")
LEVEL_SOURCES = {
    "quarter": "which most sales of its quarter were charged",
    "order": "which this sale names itself",
    "last": "which was charged last",
    "first": "since no sale names one yet",
}
UNKNOWN = {
    "no_cost": "no purchase is known for the unit that was sold, so its cost is not known",
    "no_rate": "no exchange rate of that day is known; run `soleflip run` to load the ECB's",
    "no_fees": "nobody stated the fees and the fee schedule has no row for this sale",
}


def tell_amount(story: Story, order: Row) -> None:
    """Tell the price, its currency and the rate that makes it euros."""
    gross = to_eur(order["amount"], order["fx_units_per_eur"]) if order["is_sale"] else Decimal(0)
    story.check("the gross sale", gross, order["gross_sale_eur"])
    pieces = f" for {order['quantity']} pieces" if order["quantity"] > 1 else ""
    says = [f"Price: {shown(order['amount'])} {shown(order['currency_code'])}{pieces}."]
    if order["fx_units_per_eur"] is None:
        says.append("No exchange rate of that day is known, so nothing is known in euros.")
    elif order["currency_code"] != "EUR":
        says.append(
            f"÷ {rate_of(order['fx_units_per_eur'], order['currency_code'], order['rate_on'])}"
            f" = {shown(gross)} EUR"
            if order["is_sale"]
            else f"The rate would be {shown(order['fx_units_per_eur'])}."
        )
    story.tell("Amount", says)


def rate_of(units_per_eur: Decimal, currency: str, rate_on: object) -> str:
    """A rate as a person reads it, with its day."""
    return f"{units_per_eur:f} {currency} per euro (ECB rate of {rate_on})"


def tell_fees(story: Story, book: Book, order: Row, sources: list[Row]) -> None:
    """Tell each fee, charged or expected, with the label or the rule that it comes from."""
    if order["fee_source"] == "none":
        story.tell("Fees", ["None: it is no sale."], _penalty_rows(book, order))
        return
    if order["fee_source"] == "expected":
        says, amounts, why = _expected(book, order)
    else:
        says, amounts, why = _charged(book, order, sources)
    rows = []
    for kind in KINDS:
        amount = amounts.get(kind)
        in_eur = to_eur(amount, order["fx_units_per_eur"])
        story.check(f"the {kind} fee", in_eur, order[f"{kind}_fee_eur"])
        if amount != 0:
            rows.append(_fee_row(f"{kind} fee", amount, order, in_eur, why.get(kind)))
    story.tell("Fees", says, rows + _penalty_rows(book, order))


def tell_vat(story: Story, book: Book, order: Row) -> None:
    """Tell the regime of each piece, the rule that names it and what is owed."""
    if not order["is_sale"]:
        return
    pieces = book.rows(
        VAT_SQL, order_key=order["order_key"], platform=order["platform"], day=order["sold_on"]
    )
    shares = _shares(order["gross_sale_eur"], pieces)
    owed = [_vat(piece, share) for piece, share in zip(pieces, shares, strict=True)]
    known = [due for due in owed if due is not None]
    total = sum(known, Decimal("0.00")) if len(known) == len(pieces) else None
    story.check("the VAT due", total, order["vat_due_eur"])
    says = []
    if any(piece["regime"] is None for piece in pieces):
        says.append("No rule applies: the regime follows from the purchase, which is not known.")
    rows = [
        {
            "piece": piece["piece_no"] or 1,
            "regime": piece["regime"],
            "rule": f"{piece['rule_platform']} / {piece['rule_scheme']} since {piece['valid_from']}"
            if piece["regime"]
            else None,
            "because": piece["note"],
            "computed": _vat_words(piece, share),
            "vat_due_eur": due,
        }
        for piece, share, due in zip(pieces, shares, owed, strict=True)
    ]
    story.tell("VAT", says, rows)


def tell_profit(story: Story, book: Book, order: Row) -> None:
    """Tell the profit as a sum whose last line is the mart's, or why it is not known."""
    steps = [
        ("gross sale", order["gross_sale_eur"]),
        *((f"− {kind} fee", _minus(order[f"{kind}_fee_eur"])) for kind in KINDS),
        ("= net payout", order["net_payout_eur"]),
        ("− cost of the unit", _minus(order["cost_eur"])),
        ("− outbound shipping", _minus(order["outbound_cost_eur"])),
        ("− VAT due", _minus(order["vat_due_eur"])),
        ("− penalty", _minus(order["penalty_eur"])),
        ("= net profit", order["net_profit"]),
    ]
    parts = [amount for name, amount in steps if not name.startswith("=")]
    story.check("the net payout", _total(parts[:5]), order["net_payout_eur"])
    story.check("the net profit", _total(parts), order["net_profit"])
    says = [f"State of the profit: {order['profit_state']}."]
    if order["net_profit"] is None:
        missing = [name.lstrip("− ") for name, amount in steps if amount is None and name[0] != "="]
        reason = UNKNOWN.get(order["profit_state"], "a step of it is not known")
        says.append(f"Not known, because {reason} (unknown: {', '.join(missing)}).")
    else:
        booked = (book.row(BOOKED_SQL, order_id=order["id"]) or {}).get("total")
        story.check("the sum of its lines in financial.transaction", booked or Decimal(0),
                    order["net_profit"])  # fmt: skip
    if order["outbound_cost"]:
        says.append(
            f"Outbound shipping: {shown(order['outbound_cost'])} {order['outbound_currency_code']}"
            " paid, says the sales sheet."
        )
        paid = to_eur(order["outbound_cost"], order["outbound_units_per_eur"])
        story.check("the outbound shipping", paid if order["is_sale"] else Decimal(0),
                    order["outbound_cost_eur"])  # fmt: skip
    if order["roi"] is not None:
        says.append(f"ROI: {order['net_profit']} ÷ {order['cost_eur']} = {order['roi']:.2%}")
    rows = [{"step": name, "amount_eur": amount} for name, amount in steps]
    story.tell("Profit", says, rows)


def expected_fees(book: Book, order: Row) -> tuple[list[str], dict[str, Decimal], dict[str, str]]:
    """What the schedule charges: the rule in words, each fee, and how it comes about.

    All three are blank where the schedule has no rule for the order's channel, currency and day.
    """
    rule = book.row(
        EXPECTED_SQL, order_key=order["order_key"], platform=order["platform"],
        currency=order["currency_code"],
    )  # fmt: skip
    if rule is None:
        return [], {}, {}
    rate, least = rule["transaction_fee_rate"], rule["minimum_fee"] or Decimal(0)
    amounts = {
        "transaction": max(to_cents(order["amount"] * rate), least),
        "processing": to_cents(order["amount"] * rule["processing_fee_rate"]),
        "shipping": rule["shipping_fee"],
        "other": Decimal(0),
    }
    why = {
        "transaction": f"max({order['amount']} × {rate:.2%}, minimum {least})",
        "processing": f"{order['amount']} × {rule['processing_fee_rate']:.2%}",
        "shipping": "the schedule's shipping fee",
    }
    level = f"level {rule['seller_level']}" if rule["seller_level"] else "no level of the schedule"
    says = [
        f"Rule: {rule['platform']}, {rule['currency_code']}, category {rule['category']}, valid"
        f" from {rule['valid_from']} ({rule['evidence']}); {rate:.2%} is {level},"
        f" {LEVEL_SOURCES[rule['level_source']]}."
    ]
    return says, amounts, why


def _expected(book: Book, order: Row) -> tuple[list[str], dict[str, Decimal], dict[str, str]]:
    says, amounts, why = expected_fees(book, order)
    amounts = amounts | {"other": order["other_fee"]} if amounts else {}
    return ["Expected: no payout is stated yet.", *says], amounts, why


def _charged(
    book: Book, order: Row, sources: list[Row]
) -> tuple[list[str], dict[str, Decimal], dict[str, str]]:
    if order["fee_source"] == "unknown":
        return [f"Not known: {UNKNOWN['no_fees']}."], {}, {}
    door = next((source["source"] for source in sources if source["has_stated_fees"]), "file")
    amounts = {kind: order[f"{kind}_fee"] for kind in KINDS}
    labels = _labels(book, order) if door == "api" and order["platform"] == "stockx" else {}
    says = [f"As charged, stated by the {'API' if door == 'api' else door}."]
    if order["platform"] == "ebay" and door == "api":
        says.append("eBay states one fee an order; it is split over the lines by what they cost.")
    if order["platform"] == "alias" and door == "api":
        says.append("Alias states what is left after its take: the fee is the difference.")
    return says, amounts, labels


def _labels(book: Book, order: Row) -> dict[str, str]:
    labels: dict[str, list[str]] = {}
    for line in book.rows(ADJUSTMENTS_SQL, number=order["order_number"]):
        text = f"{line['adjustment_type']}: {shown(line['amount'])}"
        labels.setdefault(line["fee_kind"], []).append(text)
    return {kind: "; ".join(texts) for kind, texts in labels.items()}


def _penalty_rows(book: Book, order: Row) -> list[Row]:
    if not order["penalty"]:
        return []
    why = _labels(book, order).get("penalty")
    return [_fee_row("penalty", order["penalty"], order, order["penalty_eur"], why)]


def _fee_row(
    name: str, amount: Decimal | None, order: Row, in_eur: Decimal | None, why: str | None
) -> Row:
    return {
        "fee": name,
        "amount": amount,
        "currency": order["currency_code"],
        "amount_eur": in_eur,
        "from": why,
    }


def _shares(gross: Decimal | None, pieces: list[Row]) -> list[Decimal | None]:
    """The price piece by piece: cents that do not divide go one each to the first."""
    if gross is None:
        return [None] * len(pieces)
    base = (gross / len(pieces)).quantize(CENT, "ROUND_DOWN")
    rest = int((gross - base * len(pieces)) / CENT)
    return [base + (CENT if number <= rest else 0) for number in range(1, len(pieces) + 1)]


def _vat(piece: Row, share: Decimal | None) -> Decimal | None:
    if piece["regime"] in ("intra_eu", "small_business"):
        return Decimal("0.00")
    if piece["regime"] is None or share is None:
        return None
    if piece["regime"] == "margin" and piece["cost_eur"] is None:
        return None
    taxed = share if piece["regime"] == "standard" else max(Decimal(0), share - piece["cost_eur"])
    return to_cents(taxed * piece["vat_rate"] / (1 + piece["vat_rate"]))


def _vat_words(piece: Row, share: Decimal | None) -> str:
    rate = piece["vat_rate"]
    if piece["regime"] == "standard":
        return f"{shown(share)} × {rate} ÷ {1 + rate}"
    if piece["regime"] == "margin":
        return f"max(0, {shown(share)} − {shown(piece['cost_eur'])}) × {rate} ÷ {1 + rate}"
    return "no VAT is due" if piece["regime"] else "not known"


def _minus(amount: Decimal | None) -> Decimal | None:
    return -amount if amount else amount


def _total(amounts: list[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if len(known) == len(amounts) else None
