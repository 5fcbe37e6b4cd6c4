"""Generates the whole business from (seed, orders, until) into a folder, with its truth.

Calls the makers product by product, so memory does not grow with the number of orders. The same
arguments give the same bytes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path

from soleflip_pipelines.sandbox import storage
from soleflip_pipelines.sandbox.alias_orders import AliasMaker
from soleflip_pipelines.sandbox.books import Books
from soleflip_pipelines.sandbox.catalogue import CatalogueMaker, Product, product_counts
from soleflip_pipelines.sandbox.codes import stream
from soleflip_pipelines.sandbox.costing import (
    Unit,
    lot_units,
    match_variant,
    order_truth,
)
from soleflip_pipelines.sandbox.demand import Calendar, PricePath, sale_counts
from soleflip_pipelines.sandbox.ebay_orders import EbayMaker
from soleflip_pipelines.sandbox.feeds import write_feeds
from soleflip_pipelines.sandbox.lexicon import load_lexicon
from soleflip_pipelines.sandbox.orders import OrderMaker
from soleflip_pipelines.sandbox.payout_gaps import GapMaker
from soleflip_pipelines.sandbox.payouts import FeeSchedule
from soleflip_pipelines.sandbox.purchases import PurchaseMaker
from soleflip_pipelines.sandbox.rates import ReferenceRates
from soleflip_pipelines.sandbox.sales_sheet import SheetMaker
from soleflip_pipelines.sandbox.trade import Sale

DEFAULT_SEED = 20261122
_WARM_UP_DAYS = 420
_LISTED_SHARE = 0.6
# Every so many sizes on the shelf one has lost a pair; and of so many asks one is for a pair that
# lies in the marketplace's own store.
_SIZES_A_LOSS, _FIRST_LOSS = 30, 10
_ASKS_A_CONSIGNED = 25
# Products that shops may carry too are chosen from so many; bounds memory.
_SHELF = 4_000
_ORDERS_A_STRANGER = 180


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


def is_readable(folder: Path) -> bool:
    """Whether this version of the sandbox can serve the business that lies in a folder."""
    business = storage.read_meta(folder / storage.BUSINESS) or {}
    return business.get("generator") == storage.GENERATOR_VERSION


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
    shutil.rmtree(target / what.generation_id, ignore_errors=True)
    papers.rename(target / what.generation_id)
    (work / storage.TRUTH).rename(folder / storage.TRUTH)
    (work / storage.BUSINESS).rename(folder / storage.BUSINESS)
    work.rmdir()
    for old in target.iterdir():
        if old.name != what.generation_id:
            shutil.rmtree(old)


class _Builder:
    """One run of the generator: lets the makers work product by product."""

    def __init__(self, work: Path, papers: Path, what: Generation) -> None:
        self._what = what
        self._calendar = Calendar(what.seed, what.until)
        first, last = self._calendar.first_day, what.until - timedelta(days=1)
        self._rates = ReferenceRates(what.seed, first - timedelta(days=_WARM_UP_DAYS), last)
        self._maker = CatalogueMaker(load_lexicon(), what.seed, what.until)
        fees = FeeSchedule(what.orders, first, what.until)
        gaps = GapMaker(stream(what.seed, "gaps"), fees, self._rates, what.until)
        self._orders = OrderMaker(
            stream(what.seed, "orders"), self._calendar, fees, self._rates, gaps
        )
        self._ebay = EbayMaker(stream(what.seed, "ebay"), self._calendar)
        self._alias = AliasMaker(stream(what.seed, "alias"), self._calendar, self._rates, what.seed)
        self._purchases = PurchaseMaker(stream(what.seed, "purchases"), self._calendar, self._rates)
        self._sheet = SheetMaker(stream(what.seed, "sheet"), first, what.orders)
        self._dice = stream(what.seed, "stock")
        self._shelved = self._asked = 0
        self._books = Books(work, papers, what.seed, what.until)

    def build(self) -> None:
        """Make everything and close the books."""
        sold, total = product_counts(self._what.orders)
        counts = sale_counts(self._what.seed, sold, self._what.orders) if sold else []
        shelf: list[Product] = []
        for position, product in enumerate(self._maker.products(total)):
            self._deal(product, self._path(product), counts[position] if position < sold else 0)
            if len(shelf) < _SHELF:
                shelf.append(product)
        for product in islice(self._maker.feed_only(), self._what.orders // _ORDERS_A_STRANGER):
            self._buy_stranger(product)
        self._books.write_papers(self._purchases.suppliers)
        self._sheet.add_flaws()
        self._books.write_sheet(self._sheet.rows, self._sheet.flawed)
        self._books.write_reports()
        self._books.tally["offers"] = write_feeds(
            self._books.business, self._maker, shelf, self._what.seed, self._what.orders,
            self._what.until,
        )  # fmt: skip
        self._books.business.execute(
            "insert into blob values (?, ?)", ("eurofxref-hist.zip", self._rates.zip_bytes())
        )
        self._books.close(
            {
                "generation_id": self._what.generation_id,
                "generator": storage.GENERATOR_VERSION,
                "seed": str(self._what.seed),
                "orders": str(self._what.orders),
                "until": self._what.until.isoformat(),
            }
        )

    def _path(self, product: Product) -> PricePath:
        return PricePath(product, self._calendar, stream(self._what.seed, f"p{product.index}"))

    def _deal(self, product: Product, path: PricePath, count: int) -> None:
        """Buy and sell a product `count` times; what never sells is stock."""
        self._books.add_product(product, path.at(self._calendar.days))
        sales, orders_of_many = self._sell(product, path, count)
        lots = list(
            self._purchases.lots(product, path, sales)
            if count
            else self._purchases.stock_lots(product, path)
        )
        units: dict[str, list[Unit]] = defaultdict(list)
        for lot in lots:
            self._books.add_line(lot)
            if lot.flaw is None:
                units[lot.variant.variant_id] += lot_units(lot, self._rates)
        by_variant: dict[str, list[Sale]] = defaultdict(list)
        for sale in sales:
            by_variant[sale.variant.variant_id].append(sale)
        for variant in product.variants:
            self._settle(
                by_variant[variant.variant_id], units[variant.variant_id], orders_of_many,
                variant.variant_id,
            )  # fmt: skip
        self._books.reports.add_count(product, [u for many in units.values() for u in many])
        is_listed = self._list_stock(product, path, units)
        # What was neither sold nor listed, nobody who reads the marketplace can know of.
        if sales or is_listed:
            self._books.add_true_product(product)

    def _sell(
        self, product: Product, path: PricePath, count: int
    ) -> tuple[list[Sale], frozenset[str]]:
        """Sell a product on every marketplace, `count` times on StockX.

        Returns:
            The lines sold, oldest day first, and the numbers of orders that have several.
        """
        if not count:
            return [], frozenset()
        sales = list(self._orders.sales(product, path, count))
        for position, sale in enumerate(sales):
            self._books.add_order(sale)
            if self._books.reports.has_stockx(sale):
                self._books.reports.add_stockx(sale)
                sales[position] = replace(sale, doors=("api", "report"))
        many = set()
        for order in self._ebay.orders(product, path, count):
            self._books.add_ebay_order(order)
            sales += [line.sale for line in order.lines]
            many |= {order.order_id} if len(order.lines) > 1 else set()
        for alias_order in self._alias.orders(product, path, count):
            self._books.add_alias_order(alias_order)
            sales.append(alias_order.sale)
        sales.sort(key=lambda sale: (sale.sold_on, sale.ordered_at, sale.key))
        return sales, frozenset(many)

    def _settle(
        self, sales: Sequence[Sale], units: Sequence[Unit], orders_of_many: frozenset[str],
        variant_id: str,
    ) -> None:  # fmt: skip
        """Find the truth of a variant's sales and units."""
        noted, links = self._sheet.pick(sales, units, orders_of_many)
        matches = match_variant(units, noted, links)
        for sale in noted:
            self._books.add_truth(sale, order_truth(sale, matches.get(sale.key), self._rates))
            for unit in matches[sale.key][0] if sale.key in matches else ():
                self._books.add_taking(unit, sale)
        if all(sale.status != "RETURNED" for sale in sales):
            self._lose(units)
        for unit in units:
            self._books.add_unit(unit, variant_id)

    def _lose(self, units: Sequence[Unit]) -> None:
        """Now and then the newest unit of a size is gone."""
        shelved = [unit for unit in units if unit.is_in_house]
        self._shelved += bool(shelved)
        if shelved and self._shelved % _SIZES_A_LOSS == _FIRST_LOSS:
            newest = max(shelved, key=lambda u: (u.lot.available_on, u.lot.line_key, u.unit_no))
            newest.is_lost = True

    def _buy_stranger(self, product: Product) -> None:
        """Buy something that the marketplace never showed: stock that no rule may recognise."""
        for lot in islice(self._purchases.stock_lots(product, self._path(product)), 1):
            self._books.add_line(lot)
            for unit in lot_units(lot, self._rates) if lot.flaw is None else ():
                self._books.add_unit(unit, None)

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
                self._asked += 1
                self._books.add_listing(
                    product, unit.lot.variant, status, str(round(price)), moment,
                    is_consigned=self._asked % _ASKS_A_CONSIGNED == 0
                    and not any(other.is_lost for other in held),
                )  # fmt: skip
                if status == "ACTIVE" and price > 90:
                    self._books.add_alias_listing(product, unit.lot.variant, price * 1.1, moment)
                is_listed_once = True
        return is_listed_once
