"""Which unit a sale took, why that one, and how its landed cost came about.

The queue is shown as it is published: units of the size in the order in which they came, each with
the sales that took it. How the queue is made belongs to the dbt model of cost matches.
"""

from __future__ import annotations

from decimal import Decimal

from soleflip_pipelines.explain.money import rate_of
from soleflip_pipelines.explain.reading import Book
from soleflip_pipelines.explain.story import CENT, Row, Story, shown, to_eur

UNITS_SQL = """
    select match.piece_no, match.match_method, unit.unit_no, unit.available_on, unit.cost_eur,
           unit.partner_variant_id, line.*,
           purchase_line.line_cost_eur, rate.units_per_eur, rate.rate_on, batch.file_name,
           batch.finished_at as loaded_at,
           unit.match_method as product_match_method
    from intermediate.int_inventory__cost_matches as match
    inner join intermediate.int_inventory__units as unit
        on match.line_key = unit.line_key and match.unit_no = unit.unit_no
    inner join staging.stg_csv__purchases as line on match.line_key = line.line_key
    inner join intermediate.int_inventory__purchase_lines as purchase_line
        on match.line_key = purchase_line.line_key
    left join intermediate.int_finance__purchase_rates as rate
        on line.currency_code = rate.currency_code and line.purchased_on = rate.event_on
    left join integration.import_batches as batch on line.batch_id = batch.batch_id
    where match.order_key = %(order_key)s
    order by match.piece_no
"""
QUEUE_SQL = """
    select unit.line_key, unit.unit_no, unit.available_on, taker.order_key, taker.order_number,
           taker.order_line, taker.platform, taker.sold_on, taker.returned_on, taker.ordered_at,
           match.match_method
    from intermediate.int_inventory__units as unit
    left join intermediate.int_inventory__cost_matches as match
        on unit.line_key = match.line_key and unit.unit_no = match.unit_no
    left join intermediate.int_sales__orders as taker on match.order_key = taker.order_key
    where unit.partner_variant_id = %(variant)s
    order by unit.available_on, unit.line_key collate "C", unit.unit_no, taker.sold_on,
        taker.ordered_at, taker.order_key
"""
REFERENCE_SQL = """
    select unit_ref, 'you named the unit (owner.sale_unit_link)' as said_by, 1 as rank
    from owner.sale_unit_link
    where order_platform = %(platform)s and order_number = %(number)s
    union all
    select unit_ref, 'the sales sheet names the unit', 2
    from staging.stg_csv__sales
    where platform = %(platform)s and order_number = %(number)s and unit_ref is not null
    order by rank limit 1
"""
SALE_MATCH_SQL = """
    select source, match_method, match_score, style_code, size_key
    from enrichment.sale_match
    where platform = %(platform)s and order_number = %(number)s and order_line = any(%(lines)s)
    order by source
"""
REASON_SQL = "select reason from sales.cost_queue where order_id = %(order_id)s"
QUEUE_SHOWN = 12


def tell_article(story: Story, book: Book, order: Row, sources: list[Row]) -> None:
    """Tell which product and size it is taken for, and how that was recognised."""
    says = [
        f"Sold as: {shown(order['product_name'])}, style code {shown(order['style_id'])}.",
        f"In the catalogue: {shown(order['catalog_name'])}, size {shown(order['size_raw'])}"
        f" (StockX variant {shown(order['partner_variant_id'])}).",
    ]
    matches = book.rows(
        SALE_MATCH_SQL, platform=order["platform"], number=order["order_number"],
        lines=[source["door_line"] for source in sources],
    )  # fmt: skip
    if not matches and order["platform"] == "stockx":
        says.append("StockX names product and size itself.")
    story.tell("What was sold", says, matches)


def tell_units(story: Story, book: Book, order: Row) -> None:
    """Tell the units that the sale took and why, or why it took none."""
    if not order["is_sale"] and order["status"] != "returned":
        story.tell("Unit and cost", ["It took no unit: it is no sale."])
        return
    units = book.rows(UNITS_SQL, order_key=order["order_key"])
    variant = order["queue_variant_id"]
    if units and units[0]["match_method"] == "linked":
        variant = units[0]["partner_variant_id"]
    queue = book.rows(QUEUE_SQL, variant=variant) if variant else []
    says, costs = [], [_landed(story, unit) for unit in units]
    if not units:
        reason = book.row(REASON_SQL, order_id=order["id"]) or {"reason": "it was given back"}
        says.append(f"No unit is known for it: {reason['reason']}.")
    elif units[0]["match_method"] == "linked":
        says.append(_linked(book, order))
    else:
        says.append(_first_in(queue, order))
    says += [sentence for cost in costs for sentence in cost]
    story.tell("Unit and cost", says, map(_unit_row, units))
    if queue:
        _tell_queue(story, queue, order)
    if order["is_sale"]:
        known = [unit["cost_eur"] for unit in units if unit["cost_eur"] is not None]
        total = sum(known, Decimal(0)) if units and len(known) == len(units) else None
        story.check("the cost", total, order["cost_eur"])


def _unit_row(unit: Row) -> Row:
    return {
        "purchase_line": unit["line_key"],
        "unit": unit["unit_no"],
        "supplier": unit["supplier_name"],
        "unit_ref": unit["unit_ref"],
        "bought": unit["purchased_on"],
        "received": unit["received_on"],
        "file": f"{unit['file_name'] or 'batch'} (#{unit['batch_id']})",
        "recognised_by": unit["product_match_method"],
        "cost_eur": unit["cost_eur"],
    }


def _linked(book: Book, order: Row) -> str:
    found = book.row(REFERENCE_SQL, platform=order["platform"], number=order["order_number"])
    if found is None:
        return "Linked by a reference that is not there any more: build the marts again."
    return f'Linked: {found["said_by"]} "{found["unit_ref"]}".'


def _first_in(queue: list[Row], order: Row) -> str:
    here = {(row["line_key"], row["unit_no"]) for row in queue
            if row["available_on"] <= order["sold_on"]}  # fmt: skip
    earlier = [row for row in queue if row["order_key"] and _is_earlier(row, order)]
    gone = {(row["line_key"], row["unit_no"]) for row in earlier
            if row["returned_on"] is None or row["returned_on"] > order["sold_on"]}  # fmt: skip
    pieces = "the one" if order["quantity"] == 1 else f"the {order['quantity']}"
    units = "1 unit was" if len(here) == 1 else f"{len(here)} units were"
    return (
        f"First in, first out within the size: {units} there by {order['sold_on']},"
        f" {len(gone & here)} of them taken by earlier sales; {pieces} that had waited longest"
        " went to this one."
    )


def _is_earlier(row: Row, order: Row) -> bool:
    mine = (order["sold_on"], order["ordered_at"], order["order_key"])
    return bool((row["sold_on"], row["ordered_at"], row["order_key"]) < mine)


def _tell_queue(story: Story, queue: list[Row], order: Row) -> None:
    rows = [
        {
            "unit": f"{row['line_key']} #{row['unit_no']}",
            "there_since": row["available_on"],
            "taken_by": row["order_key"] and f"{row['platform']} {row['order_number']}",
            "sold_on": row["sold_on"],
            "back_on": row["returned_on"],
            "how": row["match_method"],
            "": "← this sale" if row["order_key"] == order["order_key"] else "",
        }
        for row in queue
    ]
    mine = next((n for n, row in enumerate(rows) if row[""]), len(rows))
    first = max(0, min(mine - QUEUE_SHOWN // 2, len(rows) - QUEUE_SHOWN))
    shown_rows = rows[first : first + QUEUE_SHOWN]
    left = len(rows) - len(shown_rows)
    says = [f"… and {left} more rows of the queue."] if left else []
    story.tell("The units of this size, and who took them", says, shown_rows)


def _landed(story: Story, unit: Row) -> list[str]:
    """The landed cost of the unit's purchase line and of the unit, in words; checked on the way."""
    currency, quantity = unit["currency_code"], unit["quantity"]
    shipping = unit["shipping_total"] or Decimal(0)
    cashback = unit["cashback_total"] or Decimal(0)
    if unit["unit_price"] is None:
        return [f"{unit['line_key']}: its file has no price, so the cost is not known."]
    total = quantity * unit["unit_price"] + shipping
    words = f"{unit['line_key']}: {quantity} × {unit['unit_price']:,}"
    words += f" + {shipping} shipping = {total:,} {currency}" if shipping else f" {currency}"
    if unit["vat_scheme"] == "standard":
        if unit["vat_rate"] is None:
            return [f"{words}; its VAT rate is missing, so the cost is not known."]
        total /= 1 + unit["vat_rate"]
        words += f"; ÷ {1 + unit['vat_rate']:.2f}, since the VAT in it can be deducted"
    else:
        words += f"; with its VAT (scheme {unit['vat_scheme']})"
    total -= cashback
    words += f"; − {cashback} cashback" if cashback else ""
    if currency != "EUR" and unit["units_per_eur"]:
        words += f"; ÷ {rate_of(unit['units_per_eur'], currency, unit['rate_on'])}"
    line_cost = to_eur(total, unit["units_per_eur"])
    story.check(f"the landed cost of {unit['line_key']}", line_cost, unit["line_cost_eur"])
    if line_cost is None:
        return [f"{words}; no exchange rate of {unit['purchased_on']} is known."]
    base = (line_cost / quantity).quantize(CENT, "ROUND_DOWN")
    rest = int((line_cost - base * quantity) / CENT)
    extra = CENT * (1 if rest > 0 else -1) if unit["unit_no"] <= abs(rest) else Decimal(0)
    story.check(f"the cost of unit {unit['unit_no']} of {unit['line_key']}", base + extra,
                unit["cost_eur"])  # fmt: skip
    words += f" = {line_cost:,} EUR"
    if quantity > 1:
        words += f"; ÷ {quantity} units = {base:,}"
        words += f", and the first {abs(rest)} take a cent of the rest each" if rest else ""
        words += f"; unit {unit['unit_no']}: {base + extra:,} EUR"
    return [f"{words}."]
