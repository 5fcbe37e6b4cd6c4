"""Where the makers of the business write: the served file, the truth, and the papers.

Turns products, sales, lots and units into rows and keeps count; what they are is decided by the
makers, what the tables look like in `storage`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from soleflip_pipelines.sandbox import storage
from soleflip_pipelines.sandbox.alias_orders import AliasOrder, is_carried
from soleflip_pipelines.sandbox.catalogue import Product, Variant
from soleflip_pipelines.sandbox.codes import stable_uuid, stream
from soleflip_pipelines.sandbox.costing import OrderTruth, Unit
from soleflip_pipelines.sandbox.ebay_orders import EbayOrder
from soleflip_pipelines.sandbox.reports import Reports
from soleflip_pipelines.sandbox.supplier_files import (
    Row,
    SupplierPen,
    write_purchase_file,
    write_sales_sheet,
)
from soleflip_pipelines.sandbox.trade import OPEN, Lot, Sale, Supplier

_COUNTED = (
    "products", "units", "purchase_lines", "sheet_rows", "offers", "rejected_rows", "order_lines",
    "ebay_orders", "alias_orders", "alias_listings", "stockx_report_rows", "ebay_report_rows",
    "alias_report_rows", "product_rows", "stock_count_rows",
)  # fmt: skip


def iso(moment: datetime) -> str:
    """A moment as the marketplace writes it: UTC with milliseconds."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def seconds(moment: datetime) -> str:
    """A moment as Alias writes it: UTC, whole seconds."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


class Books:
    """The open files of one generation; nothing counts before `close`."""

    def __init__(self, work: Path, papers: Path, seed: int, until: date) -> None:
        self._papers = papers
        self._seed = seed
        self._counted_on = until - timedelta(days=1)
        self._pens: dict[str, SupplierPen] = {}
        self.tally: dict[str, int] = defaultdict(int)
        self.business = storage.create_business(work / storage.BUSINESS)
        self._truth = storage.create_truth(work / storage.TRUTH)
        self._lines = storage.create_draft_lines(work / "lines.sqlite")
        self._products = storage.Writer(self.business, "product", 16)
        self._variants = storage.Writer(self.business, "variant", 6)
        self._gtins = storage.Writer(self.business, "gtin", 2)
        self._drafts = storage.Writer(self.business, "draft_order", 13)
        self._listings = storage.Writer(self.business, "listing", 10)
        self._true_products = storage.Writer(self._truth, "product", 7)
        self._ebay = storage.Writer(self.business, "ebay_order", 8)
        self._alias = storage.Writer(self.business, "alias_order", 10)
        self._alias_listings = storage.Writer(self.business, "alias_listing", 5)
        self._true_orders = storage.Writer(self._truth, "sold_order", 28)
        self._true_gaps = storage.Writer(self._truth, "payout_gap", 5)
        self._true_payouts = storage.Writer(self._truth, "payout", 6)
        self._true_units = storage.Writer(self._truth, "unit", 9)
        self._true_takings = storage.Writer(self._truth, "taking", 7)
        self._true_lines = storage.Writer(self._truth, "purchase_line", 14)
        self._rejected = storage.Writer(self._truth, "rejected_row", 4)
        self._draft_lines = storage.Writer(self._lines, "line", 6)
        self.reports = Reports(work, papers, until)

    def add_product(self, product: Product, going_price: float) -> None:
        """Put a product with its sizes into the served catalogue; the price is EUR."""
        self._products.add(
            product.index, product.product_id, product.title, product.brand_shown,
            product.product_type, product.style_id, product.url_key, product.gender,
            product.season, product.released_on.isoformat(), product.retail, product.colorway,
            product.sizing, product.brand.size_group, product.audience,
            going_price,
        )  # fmt: skip
        for number, variant in enumerate(product.variants):
            self._variants.add(
                variant.variant_id, product.index, number, variant.name, variant.size.value,
                " ".join(variant.gtins),
            )  # fmt: skip
            for upc in variant.gtins:
                self._gtins.add(upc, variant.variant_id)

    def add_true_product(self, product: Product) -> None:
        """Note the truth of a product that the marketplace shows to its seller."""
        self.tally["products"] += 1
        self._true_products.add(
            product.product_id, product.title, product.brand.name, product.brand.parent,
            "|".join(product.collaborators), product.category, product.style_code,
        )  # fmt: skip
        self.reports.add_product(product)

    def add_order(self, sale: Sale) -> None:
        """Put an order of StockX on file, with its listing while it is open."""
        self._drafts.add(
            sale.order_number, sale.product.index, sale.variant.variant_id, sale.amount_text,
            sale.currency, sale.status, int(sale.status in OPEN), iso(sale.ordered_at),
            iso(sale.updated_at), sale.inventory_type,
            storage.pack((a.label, str(a.amount), a.percentage) for a in sale.adjustments),
            sale.payout_in, sale.paid_in,
        )  # fmt: skip
        if sale.status in OPEN:
            self.add_listing(
                sale.product, sale.variant, "MATCHED", sale.amount_text, sale.ordered_at, sale
            )

    def add_ebay_order(self, order: EbayOrder) -> None:
        """Put an order of eBay on file and on its report, as far as each shows it."""
        if "api" in order.lines[0].sale.doors:
            self.tally["ebay_orders"] += 1
            self._ebay.add(
                order.order_id, iso(order.created_at), iso(order.modified_at), order.fulfilment,
                order.payment, order.cancel, str(order.fee),
                json.dumps(
                    [
                        [x.sale.order_line, x.item_id, x.sku, x.title, x.sale.quantity,
                         str(x.cost), str(x.delivery), x.aspect, str(x.refund)]
                        for x in order.lines
                    ],
                    ensure_ascii=False,
                ),
            )  # fmt: skip
        for line in order.lines:
            if "report" in line.sale.doors:
                self.reports.add_ebay(order, line)

    def add_alias_order(self, order: AliasOrder) -> None:
        """Put an order of Alias on file, and on its report if that year has it."""
        self.tally["alias_orders"] += 1
        sale = order.sale
        self._alias.add(
            order.order_id, sale.order_number, sale.product.index, sale.variant.size.value,
            order.status, order.fulfilment, str(order.price), str(order.after_take),
            seconds(sale.ordered_at), seconds(sale.updated_at),
        )  # fmt: skip
        if "report" in sale.doors:
            self.reports.add_alias(order)

    def add_truth(self, sale: Sale, truth: OrderTruth) -> None:
        """Note what a sale came to; a unit is named where it was one."""
        self.tally["order_lines"] += 1
        fees = truth.fees
        unit = truth.units[0] if len(truth.units) == 1 else None
        is_known = sale.is_recognisable or unit is not None
        self._true_orders.add(
            sale.order_number, truth.status, int(truth.is_sale), sale.sold_on.isoformat(),
            f"{sale.price:.2f}", sale.currency, str(truth.gross), str(fees["transaction"]),
            str(fees["processing"]), str(fees["shipping"]), str(fees["other"]),
            str(fees["penalty"]), _text(truth.net_payout), unit.lot.line_key if unit else None,
            unit.unit_no if unit else None, truth.method, _text(truth.cost), _text(truth.vat_due),
            _text(truth.net_profit), truth.state, sale.platform, sale.order_line, sale.quantity,
            ",".join(sale.doors), str(truth.outbound), iso(sale.ordered_at),
            sale.product.product_id if is_known else None,
            sale.variant.variant_id if is_known else None,
        )  # fmt: skip

        for reason, amount in sale.gaps:
            self._true_gaps.add(*sale.key, reason, str(amount))

    def add_unit(self, unit: Unit, variant_id: str | None) -> None:
        """Note the truth of a purchased unit; no variant for what the marketplace never showed."""
        self.tally["units"] += 1
        status = "on_hand" if unit.lot.received_on else "incoming"
        self._true_units.add(
            unit.lot.line_key, unit.unit_no, unit.lot.supplier.name, variant_id,
            str(unit.cost), "sold" if unit.sale else status,
            unit.sale.order_number if unit.sale else None, unit.queue_no,
            self._counted_on.isoformat() if unit.is_lost else None,
        )  # fmt: skip

    def add_taking(self, unit: Unit, sale: Sale) -> None:
        """Note that a sale took a unit, and when it came back if it did."""
        back_on = sale.updated_on.isoformat() if sale.status == "RETURNED" else None
        self._true_takings.add(
            unit.lot.line_key, unit.unit_no, *sale.key, sale.sold_on.isoformat(), back_on
        )

    def add_line(self, lot: Lot) -> None:
        """Put a purchase line on its supplier's paper."""
        name = lot.supplier.name
        if name not in self._pens:
            self._pens[name] = SupplierPen.of(
                lot.supplier.layout, stream(self._seed, f"pen {name}")
            )
        row = self._pens[name].row(lot)
        cells = json.dumps(row, ensure_ascii=False)
        self._draft_lines.add(
            name, lot.purchased_on.year, lot.purchased_on.isoformat(), lot.reference, lot.line_no,
            cells,
        )  # fmt: skip
        if lot.flaw:
            marker = row["product_name"] or row["purchase_ref"]
            self._reject("purchases", lot.flaw, marker)
        else:
            self.tally["purchase_lines"] += 1
            self._true_lines.add(
                lot.line_key, name, lot.reference, lot.unit_ref, lot.product.title,
                lot.purchased_on.isoformat(), lot.received_on and lot.received_on.isoformat(),
                lot.quantity, str(lot.unit_price), str(lot.shipping_total),
                str(lot.cashback_total), lot.supplier.currency, str(lot.supplier.vat_rate),
                lot.supplier.vat_scheme,
            )  # fmt: skip

    def _reject(self, kind: str, flaw: str, marker: str) -> None:
        self.tally["rejected_rows"] += 1
        self._rejected.add(None, kind, flaw, marker)

    def add_listing(
        self, product: Product, variant: Variant, status: str, amount: str, moment: datetime,
        sale: Sale | None = None, *, is_consigned: bool = False,
    ) -> None:  # fmt: skip
        """Put an own listing on file: of a sale, or of stock at a moment."""
        if sale:
            listing_id = stable_uuid(0, "order listing", sale.order_number)
        else:
            key = f"{variant.variant_id}|{moment.timestamp()}"
            listing_id = stable_uuid(self._seed, "listing", key)
        self._listings.add(
            listing_id, product.index, variant.variant_id,
            status, None if status == "CANCELED" else amount, sale.currency if sale else "EUR",
            iso(moment - timedelta(days=9) if sale else moment), iso(moment),
            sale.order_number if sale else None, "FLEX" if is_consigned else "STANDARD",
        )  # fmt: skip

    def write_papers(self, suppliers: Iterable[Supplier]) -> None:
        """Write a file for each supplier and year, lines in order of purchase."""
        self._draft_lines.flush()
        layouts = {supplier.name: supplier.layout for supplier in suppliers}
        for name, year in self._lines.execute(
            "select distinct supplier, year from line order by 1, 2"
        ).fetchall():
            rows = self._lines.execute(
                "select cells from line where supplier = ? and year = ? "
                "order by purchased_on, reference, line_no",
                (name, year),
            )
            words = "".join(c if c.isalnum() else "_" for c in name.lower()).strip("_")
            write_purchase_file(
                self._papers / f"purchases_{words}_{year}.csv",
                layouts[name],
                (json.loads(row[0]) for row in rows),
                stream(self._seed, f"file {name} {year}"),
            )

    def add_alias_listing(
        self, product: Product, variant: Variant, amount: float, moment: datetime
    ) -> None:
        """Put an own listing on Alias on file, in whole US dollars."""
        if not is_carried(product):
            return
        self.tally["alias_listings"] += 1
        listing_id = stable_uuid(self._seed, "alias listing", variant.variant_id, moment)
        self._alias_listings.add(
            listing_id, product.index, variant.size.value, f"{amount:.0f}", seconds(moment)
        )

    def write_reports(self) -> None:
        """Write the marketplaces' reports and the owner's lists."""
        counts, planted = self.reports.write()
        for kind, count in counts.items():
            name = {"products": "product", "stock_count": "stock_count"}.get(kind, f"{kind}_report")
            self.tally[f"{name}_rows"] = count
        for kind, flaw, marker in planted:
            self._reject(kind, flaw, marker)
        for payout_ref, paid in self.reports.payouts.items():
            self._true_payouts.add(
                payout_ref, paid.currency, paid.paid_on.isoformat(), paid.orders, str(paid.total),
                str(paid.lacking),
            )  # fmt: skip

    def write_sheet(self, rows: list[Row], flawed: list[tuple[str, Row]]) -> None:
        """Write the sheet of past sales; the flawed ones are among its rows."""
        if rows:
            write_sales_sheet(self._papers / "sales_history.csv", rows)
        self.tally["sheet_rows"] = len(rows) - len(flawed)
        for flaw, cells in flawed:
            self._reject("sales", flaw, cells["product_name"])

    def close(self, meta: dict[str, str]) -> None:
        """Write what is held back, what the files are about, and the indexes."""
        for writer in vars(self).values():
            if isinstance(writer, storage.Writer):
                writer.flush()
        storage.write_meta(self.business, meta)
        storage.write_meta(self._truth, meta | {key: str(self.tally[key]) for key in _COUNTED})
        storage.finish_business(self.business)
        storage.finish_truth(self._truth)
        storage.discard(self._lines)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
