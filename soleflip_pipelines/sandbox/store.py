"""Finds rows of the business file for the routes: products, variants, orders, listings, feeds.

Reads only. It follows the file when a reset replaces it under a running service.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from soleflip_pipelines.sandbox import storage

Row = sqlite3.Row
_ORDERS = """
select o.*, p.product_id, p.title, p.style_id, v.name as variant_name, v.value as variant_value
from sold_order o
join product p on p.position = o.product_position
join variant v on v.variant_id = o.variant_id
"""
_LISTINGS = """
select l.*, p.product_id, p.title, p.style_id, v.name as variant_name, v.value as variant_value,
       o.status as order_status
from listing l
join product p on p.position = l.product_position
join variant v on v.variant_id = l.variant_id
left join sold_order o on o.order_number = l.order_number
"""


@dataclass
class Filter:
    """SQL conditions joined by "and", with their values."""

    conditions: list[str] = field(default_factory=list)
    values: list[object] = field(default_factory=list)

    def add(self, condition: str, *values: object) -> None:
        """Add a condition."""
        self.conditions.append(condition)
        self.values += values

    def add_any(self, column: str, values: Sequence[str]) -> None:
        """The column is one of the values; no values, no condition."""
        if values:
            self.add(f"{column} in ({','.join('?' * len(values))})", *values)

    @property
    def where(self) -> str:
        """The where clause, or nothing."""
        return f" where {' and '.join(self.conditions)}" if self.conditions else ""


@dataclass(frozen=True)
class Page:
    """Which part of a result is wanted: number from 1, and size."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        """Rows before the page."""
        return (self.number - 1) * self.size


class Store:
    """The business file of a folder, opened when first needed."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / storage.BUSINESS
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None

    def _read(self) -> sqlite3.Connection:
        stat = self._path.stat()
        identity = (stat.st_ino, stat.st_mtime_ns)
        if self._connection is None or identity != self._identity:
            if self._connection is not None:
                self._connection.close()
            self._connection = storage.open_read_only(self._path)
            self._identity = identity
        return self._connection

    def all(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Every row of a query."""
        return self._read().execute(sql, values).fetchall()

    def one(self, sql: str, values: Sequence[object] = ()) -> Row | None:
        """The first row of a query, or None."""
        row: Row | None = self._read().execute(sql, values).fetchone()
        return row

    def meta(self, key: str) -> str:
        """What the business is about: generation_id, seed, orders, until."""
        row = self.one("select value from meta where key = ?", (key,))
        return str(row[0]) if row else ""

    def blob(self, name: str) -> bytes | None:
        """A stored file."""
        row = self.one("select content from blob where name = ?", (name,))
        return bytes(row[0]) if row else None

    def product(self, product_id: str) -> Row | None:
        """A product by its id."""
        return self.one("select * from product where product_id = ?", (product_id,))

    def product_at(self, position: int) -> Row:
        """A product by its position."""
        return self.all("select * from product where position = ?", (position,))[0]

    def variants(self, product: Row) -> list[Row]:
        """The variants of a product."""
        return self.all(
            "select * from variant where product_position = ? order by number",
            (product["position"],),
        )

    def variant(self, variant_id: str) -> Row | None:
        """A variant by its id."""
        return self.one("select * from variant where variant_id = ?", (variant_id,))

    def variant_by_gtin(self, upc: str) -> Row | None:
        """A variant by one of its UPCs (12 digits)."""
        return self.one(
            "select variant.* from gtin join variant using (variant_id) where upc = ?", (upc,)
        )

    def search(self, query: str, page: Page) -> tuple[int, list[Row]]:
        """Products whose title has every word of the query, or whose style code begins with it."""
        found = Filter()
        words = query.split()
        titles = " and ".join("title like ?" for _ in words)
        found.add(f"(style_id like ? or ({titles}))", f"%{query}%", *(f"%{w}%" for w in words))
        return self._page("select * from product", "product", found, "position", page)

    def order(self, number: str) -> Row | None:
        """An order by its number."""
        return self.one(f"{_ORDERS} where o.order_number = ?", (number,))

    def orders(self, found: Filter, page: Page) -> tuple[int, list[Row]]:
        """Orders that a filter on `o` lets through, newest first."""
        return self._page(_ORDERS, "sold_order o", found, "o.position desc", page)

    def history(self, since: str | None, before: str | None, page: Page) -> tuple[int, list[Row]]:
        """Closed orders of a window of creation, newest first: a range of positions, so that a
        deep page of a large history costs no more than the first.
        """
        edge = (
            "select history_position from sold_order where history_position is not null "
            "and created_at {} ? order by created_at {}, order_number {} limit 1"
        )
        low = self.one(edge.format(">=", "asc", "asc"), (since or "",))
        high = self.one(edge.format("<", "desc", "desc"), (before or "9999",))
        count = max(0, high[0] - low[0] + 1) if low and high else 0
        if low is None or high is None or count <= page.offset:
            return count, []
        top = high[0] - page.offset
        rows = self.all(
            f"{_ORDERS} where o.history_position between ? and ? order by o.history_position desc",
            (max(low[0], top - page.size + 1), top),
        )
        return count, rows

    def ebay_order(self, number: str, since: str) -> Row | None:
        """An order of eBay by its number, if it was created since a moment."""
        return self.one(
            "select * from ebay_order where order_id = ? and created_at >= ?", (number, since)
        )

    def ebay_orders(
        self, found: Filter, column: str, limit: int, offset: int
    ) -> tuple[int, list[Row]]:
        """Orders of eBay that a filter lets through, in order of one of their dates."""
        count = self.all(f"select count(*) from ebay_order{found.where}", found.values)[0][0]
        rows = self.all(
            f"select * from ebay_order{found.where} order by {column}, order_id limit ? offset ?",
            [*found.values, limit, offset],
        )
        return count, rows

    def alias_orders(self, found: Filter, limit: int) -> list[Row]:
        """Orders of Alias that a filter on `a` and `p` lets through, the last sold first."""
        return self._alias("alias_order", "sold_at desc, a.order_id desc", found, limit)

    def alias_listings(self, found: Filter, limit: int) -> list[Row]:
        """Own listings on Alias that a filter on `a` and `p` lets through, the newest first."""
        return self._alias("alias_listing", "created_at desc, a.listing_id desc", found, limit)

    def _alias(self, table: str, order: str, found: Filter, limit: int) -> list[Row]:
        return self.all(
            f"select a.*, p.title, p.brand, p.style_id from {table} a "
            f"join product p on p.position = a.product_position{found.where} "
            f"order by a.{order} limit ?",
            [*found.values, limit],
        )

    def listings(self, found: Filter, page: Page) -> tuple[int, list[Row]]:
        """Own listings that a filter on `l` and `p` lets through."""
        table = "listing l join product p on p.position = l.product_position"
        return self._page(_LISTINGS, table, found, "l.rowid", page)

    def listing(self, listing_id: str) -> Row | None:
        """An own listing by its id."""
        return self.one(f"{_LISTINGS} where l.listing_id = ?", (listing_id,))

    def _page(
        self, select: str, table: str, found: Filter, order: str, page: Page
    ) -> tuple[int, list[Row]]:
        count = self.all(f"select count(*) from {table}{found.where}", found.values)[0][0]
        rows = self.all(
            f"{select}{found.where} order by {order} limit ? offset ?",
            [*found.values, page.size, page.offset],
        )
        return count, rows
