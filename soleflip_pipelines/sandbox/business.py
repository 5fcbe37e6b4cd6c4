"""Generates the whole business from (seed, orders, until) into a folder, with its truth.

Calls the makers product by product, so memory does not grow with the number of orders. The same
arguments give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from soleflip_pipelines.sandbox import storage
from soleflip_pipelines.sandbox.catalogue import CatalogueMaker, Product, Variant, product_counts
from soleflip_pipelines.sandbox.codes import stable_uuid, stream
from soleflip_pipelines.sandbox.costing import (
    OrderTruth,
    Unit,
    lot_units,
    match_variant,
    order_truth,
)
from soleflip_pipelines.sandbox.demand import Calendar, PricePath, sale_counts
from soleflip_pipelines.sandbox.feeds import write_feeds
from soleflip_pipelines.sandbox.lexicon import load_lexicon
from soleflip_pipelines.sandbox.orders import OrderMaker
from soleflip_pipelines.sandbox.payouts import FeeSchedule
from soleflip_pipelines.sandbox.purchases import PurchaseMaker
from soleflip_pipelines.sandbox.rates import ReferenceRates
from soleflip_pipelines.sandbox.sales_sheet import SheetMaker
from soleflip_pipelines.sandbox.supplier_files import (
    SupplierPen,
    write_purchase_file,
    write_sales_sheet,
)
from soleflip_pipelines.sandbox.trade import OPEN, Lot, Sale

DEFAULT_SEED = 20261122
_WARM_UP_DAYS = 420
_LISTED_SHARE = 0.6


@dataclass(frozen=True)
class Generation:
    """What was generated: its arguments and an id that stands for them."""

    seed: int
    orders: int
    until: date

    @property
    def generation_id(self) -> str:
        """The same for the same arguments and generator."""
        text = f"{storage.GENERATOR_VERSION}|{self.seed}|{self.orders}|{self.until}"
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def current_generation(folder: Path) -> str | None:
    """The id of the whole generation in a folder, or None when there is none or only a part."""
    business = storage.read_meta(folder / storage.BUSINESS)
    truth = storage.read_meta(folder / storage.TRUTH)
    if not business or not truth:
        return None
    generation = business.get("generation_id")
    is_whole = generation and generation == truth.get("generation_id")
    papers = folder / storage.PAPERS / str(generation)
    return generation if is_whole and papers.is_dir() else None


def generate(folder: Path, what: Generation) -> None:
    """Generate a business into `folder`, replacing the one that is there only when whole."""
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob(".next-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    work = folder / f".next-{os.getpid()}"
    papers = work / what.generation_id
    papers.mkdir(parents=True)
    _Builder(work, papers, what).build()
    target = folder / storage.PAPERS
    target.mkdir(exist_ok=True)
    for old in target.iterdir():
        shutil.rmtree(old)
    papers.rename(target / what.generation_id)
    (work / storage.TRUTH).rename(folder / storage.TRUTH)
    (work / storage.BUSINESS).rename(folder / storage.BUSINESS)
    work.rmdir()


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + (
        f"{moment.microsecond // 1000:03d}Z"
    )


class _Builder:
    """One run of the generator; holds the makers and the open files."""

    def __init__(self, work: Path, papers: Path, what: Generation) -> None:
        self._papers = papers
        self._what = what
        self._calendar = Calendar(what.seed, what.until)
        first, last = self._calendar.first_day, what.until - timedelta(days=1)
        self._rates = ReferenceRates(what.seed, first - timedelta(days=_WARM_UP_DAYS), last)
        self._maker = CatalogueMaker(load_lexicon(), what.seed, what.until)
        fees = FeeSchedule(what.orders, first, what.until)
        self._orders = OrderMaker(stream(what.seed, "orders"), self._calendar, fees, self._rates)
        self._purchases = PurchaseMaker(stream(what.seed, "purchases"), self._calendar, self._rates)
        self._sheet = SheetMaker(stream(what.seed, "sheet"), first, what.orders)
        self._dice = stream(what.seed, "stock")
        self._pens: dict[str, SupplierPen] = {}
        self._tally: dict[str, int] = defaultdict(int)
        self._business = storage.create_business(work / storage.BUSINESS)
        self._truth = storage.create_truth(work / storage.TRUTH)
        self._lines = storage.create_draft_lines(work / "lines.sqlite")
        self._open_writers()

    def _open_writers(self) -> None:
        self._products = storage.Writer(self._business, "product", 16)
        self._variants = storage.Writer(self._business, "variant", 6)
        self._gtins = storage.Writer(self._business, "gtin", 2)
        self._drafts = storage.Writer(self._business, "draft_order", 12)
        self._listings = storage.Writer(self._business, "listing", 9)
        self._true_products = storage.Writer(self._truth, "product", 7)
        self._true_orders = storage.Writer(self._truth, "sold_order", 20)
        self._true_units = storage.Writer(self._truth, "unit", 7)
        self._rejected = storage.Writer(self._truth, "rejected_row", 4)
        self._draft_lines = storage.Writer(self._lines, "line", 6)

    def build(self) -> None:
        sold, total = product_counts(self._what.orders)
        counts = sale_counts(self._what.seed, sold, self._what.orders) if sold else []
        shelf: list[Product] = []
        for position, product in enumerate(self._maker.products(total)):
            path = PricePath(product, self._calendar, stream(self._what.seed, f"p{position}"))
            count = counts[position] if position < sold else 0
            self._deal(product, path, count)
            if len(shelf) < 4_000:
                shelf.append(product)
        self._write_papers()
        self._tally["offers"] = write_feeds(
            self._business, self._maker, shelf, self._what.seed, self._what.orders,
            self._what.until,
        )  # fmt: skip
        self._close()

    def _deal(self, product: Product, path: PricePath, count: int) -> None:
        self._add_product(product, path)
        sales = list(self._orders.sales(product, path, count)) if count else []
        lots = list(
            self._purchases.lots(product, path, sales)
            if count
            else self._purchases.stock_lots(product, path)
        )
        for lot in lots:
            self._add_line(lot)
        units: dict[str, list[Unit]] = defaultdict(list)
        for lot in lots:
            if lot.flaw is None:
                units[lot.variant.variant_id] += lot_units(lot, self._rates)
        by_variant: dict[str, list[Sale]] = defaultdict(list)
        for sale in sales:
            by_variant[sale.variant.variant_id].append(sale)
        for variant in product.variants:
            self._settle(variant, by_variant[variant.variant_id], units[variant.variant_id])
        is_listed = self._list_stock(product, path, units)
        # What was neither sold nor listed, nobody who reads the marketplace can know of.
        if sales or is_listed:
            self._add_true_product(product)

    def _settle(self, variant: Variant, sales: Sequence[Sale], units: Sequence[Unit]) -> None:
        links = self._sheet.pick(sales, units)
        matches = match_variant(units, sales, links)
        for sale in sales:
            self._add_order(sale, order_truth(sale, matches.get(sale.order_number), self._rates))
        self._tally["units"] += len(units)
        for unit in units:
            if unit.sale:
                status = "sold"
            else:
                status = "on_hand" if unit.lot.received_on else "incoming"
            self._true_units.add(
                unit.lot.line_key, unit.unit_no, unit.lot.supplier.name, variant.variant_id,
                str(unit.cost), status, unit.sale.order_number if unit.sale else None,
            )  # fmt: skip

    def _add_product(self, product: Product, path: PricePath) -> None:
        self._products.add(
            product.index, product.product_id, product.title, product.brand_shown,
            product.product_type, product.style_id, product.url_key, product.gender,
            product.season, product.released_on.isoformat(), product.retail, product.colorway,
            product.sizing, product.brand.size_group, product.audience,
            path.at(self._calendar.days),
        )  # fmt: skip
        for number, variant in enumerate(product.variants):
            self._variants.add(
                variant.variant_id, product.index, number, variant.name, variant.size.value,
                " ".join(variant.gtins),
            )  # fmt: skip
            for upc in variant.gtins:
                self._gtins.add(upc, variant.variant_id)

    def _add_true_product(self, product: Product) -> None:
        self._tally["products"] += 1
        self._true_products.add(
            product.product_id, product.title, product.brand.name, product.brand.parent,
            "|".join(product.collaborators), product.category, product.style_code,
        )  # fmt: skip

    def _add_order(self, sale: Sale, truth: OrderTruth) -> None:
        self._drafts.add(
            sale.order_number, sale.product.index, sale.variant.variant_id, sale.amount_text,
            sale.currency, sale.status, int(sale.status in OPEN), _iso(sale.ordered_at),
            _iso(sale.updated_at), sale.inventory_type,
            storage.pack((a.label, str(a.amount), a.percentage) for a in sale.adjustments),
            sale.payout_in,
        )  # fmt: skip
        fees, unit = truth.fees, truth.unit
        self._true_orders.add(
            sale.order_number, truth.status, int(truth.is_sale), sale.sold_on.isoformat(),
            f"{sale.price:.2f}", sale.currency, str(truth.gross), str(fees["transaction"]),
            str(fees["processing"]), str(fees["shipping"]), str(fees["other"]),
            str(fees["penalty"]), _text(truth.net_payout), unit.lot.line_key if unit else None,
            unit.unit_no if unit else None, truth.method, _text(truth.cost), "0.00",
            _text(truth.net_profit), truth.state,
        )  # fmt: skip
        if sale.status in OPEN:
            self._add_listing(
                sale.product, sale.variant, "MATCHED", sale.amount_text, sale.ordered_at, sale
            )

    def _add_line(self, lot: Lot) -> None:
        name = lot.supplier.name
        if name not in self._pens:
            self._pens[name] = SupplierPen.of(
                lot.supplier.layout, stream(self._what.seed, f"pen {name}")
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
            self._tally["purchase_lines"] += 1

    def _reject(self, kind: str, flaw: str, marker: str) -> None:
        self._tally["rejected_rows"] += 1
        self._rejected.add(None, kind, flaw, marker)

    def _list_stock(self, product: Product, path: PricePath, units: dict[str, list[Unit]]) -> bool:
        """List part of what is on hand, one unit at least; say whether there was one."""
        held = [u for many in units.values() for u in many if u.sale is None]
        is_listed_once = False
        for unit in held:
            if unit.lot.received_on is None and is_listed_once:
                continue
            if self._dice.random() < _LISTED_SHARE or not is_listed_once:
                draw = self._dice.random()
                status = "ACTIVE" if draw < 0.9 else "INACTIVE" if draw < 0.96 else "CANCELED"
                price = path.at(self._calendar.days) * self._dice.uniform(1.0, 1.25)
                day = max(unit.lot.available_on, self._calendar.first_day)
                age = max(1, (self._what.until - day).days)
                moment = datetime.combine(self._what.until, datetime.min.time(), UTC) - timedelta(
                    days=self._dice.uniform(0.2, age), seconds=self._dice.randrange(3600)
                )
                self._add_listing(product, unit.lot.variant, status, str(round(price)), moment)
                is_listed_once = True
        return is_listed_once

    def _add_listing(
        self, product: Product, variant: Variant, status: str, amount: str, moment: datetime,
        sale: Sale | None = None,
    ) -> None:  # fmt: skip
        if sale:
            listing_id = stable_uuid(0, "order listing", sale.order_number)
        else:
            key = f"{variant.variant_id}|{moment.timestamp()}"
            listing_id = stable_uuid(self._what.seed, "listing", key)
        self._listings.add(
            listing_id, product.index, variant.variant_id,
            status, None if status == "CANCELED" else amount, sale.currency if sale else "EUR",
            _iso(moment - timedelta(days=9) if sale else moment), _iso(moment),
            sale.order_number if sale else None,
        )  # fmt: skip

    def _write_papers(self) -> None:
        self._draft_lines.flush()
        for name, year in self._lines.execute(
            "select distinct supplier, year from line order by 1, 2"
        ).fetchall():
            rows = self._lines.execute(
                "select cells from line where supplier = ? and year = ? "
                "order by purchased_on, reference, line_no",
                (name, year),
            )
            words = "".join(c if c.isalnum() else "_" for c in name.lower()).strip("_")
            layout = next(s.layout for s in self._purchases.suppliers if s.name == name)
            write_purchase_file(
                self._papers / f"purchases_{words}_{year}.csv",
                layout,
                (json.loads(row[0]) for row in rows),
                stream(self._what.seed, f"file {name} {year}"),
            )
        self._sheet.add_flaws()
        if self._sheet.rows:
            write_sales_sheet(self._papers / "sales_stockx_history.csv", self._sheet.rows)
        self._tally["sheet_rows"] = len(self._sheet.rows) - len(self._sheet.flawed)
        for flaw, cells in self._sheet.flawed:
            self._reject("sales", flaw, cells["product_name"])

    def _close(self) -> None:
        for writer in vars(self).values():
            if isinstance(writer, storage.Writer):
                writer.flush()
        self._business.execute(
            "insert into blob values (?, ?)", ("eurofxref-hist.zip", self._rates.zip_bytes())
        )
        meta = {
            "generation_id": self._what.generation_id,
            "seed": str(self._what.seed),
            "orders": str(self._what.orders),
            "until": self._what.until.isoformat(),
        }
        counted = ("products", "units", "purchase_lines", "sheet_rows", "offers", "rejected_rows")
        storage.write_meta(self._business, meta)
        storage.write_meta(self._truth, meta | {key: str(self._tally[key]) for key in counted})
        storage.finish_business(self._business)
        storage.finish_truth(self._truth)
        storage.discard(self._lines)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
