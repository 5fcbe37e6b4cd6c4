"""The affiliate feeds of the generated business: shops' offers, one row a size, gzipped CSV.

Two shops with different columns, delimiters and habits; part of their shoes are also in the
marketplace's catalogue, to which the EAN is the bridge.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from functools import cache
from typing import TextIO

from soleflip_pipelines.sandbox.catalogue import CatalogueMaker, Product, Variant, slug
from soleflip_pipelines.sandbox.codes import stable_number, stream
from soleflip_pipelines.sandbox.lexicon import read_table

_MOST_ROWS = 20_000
_ROWS_PER_ORDER = 40
_SHARE_OF_SECOND = 0.1
_CATEGORY = {
    "m": ("Men's Footwear", "189"), "u": ("Men's Footwear", "189"),
    "w": ("Women's Footwear", "194"), "g": ("Children's Footwear", "614"),
    "p": ("Children's Footwear", "614"), "t": ("Children's Footwear", "614"),
}  # fmt: skip
_SUFFIX = {"w": " Damen", "g": " Kinder", "p": " Kleinkinder", "t": " Babys"}
_TEXT = (
    "Der {name} verbindet ein Obermaterial aus Leder und Mesh mit einer gedämpften "
    "Zwischensohle, damit jeder Schritt leicht bleibt. Eine griffige Außensohle sorgt für "
    "Halt – bei jedem Wetter, an jedem Tag."
)
_PATHS = {
    "apparel": "Apparel & Accessories > Clothing > Shirts & Tops",
    "sneakers": "Apparel & Accessories > Shoes",
}


def write_feeds(
    connection: sqlite3.Connection,
    maker: CatalogueMaker,
    shelf: Sequence[Product],
    seed: int,
    orders: int,
    until: date,
) -> int:
    """Make the feeds, store them with their entries in the feed list, and count their offers.

    Args:
        connection: the business file.
        maker: makes the products that only shops carry.
        shelf: products of the marketplace's catalogue that shops may carry too.
        seed: of the business.
        orders: scales the feeds; 40 rows an order, 20,000 at most, none without orders.
        until: the day of the last import.
    """
    rows = min(_MOST_ROWS, _ROWS_PER_ORDER * orders)
    rng = stream(seed, "feeds")
    second_rows = round(rows * _SHARE_OF_SECOND)
    others = maker.feed_only()
    wide = _shop(shelf, others, rng, ("shoe",), rows - second_rows)
    narrow = _shop(shelf, others, rng, ("shoe", "alpha"), second_rows)
    first = _Feed("21293", "10597", "sneaker-boulevard DE", "de", "DE", "Shoes", ",", _WIDE)
    second = _Feed("72291", "30347", "Loft & Lace (EU)", "en", "NL", "Fashion", "|", _NARROW)
    columns = [row["column"] for row in read_table("awin_columns.csv")]
    offers_made = 0
    for feed, offers, names in (
        (first, wide, columns),
        (second, narrow, [row["column"] for row in read_table("awin_columns_narrow.csv")]),
    ):
        body, count = feed.body(offers, names)
        offers_made += count
        stamp = f"{until - timedelta(days=1)} 03:{10 + int(feed.feed_id) % 40:02d}:00"
        connection.execute("insert into blob values (?, ?)", (f"feed-{feed.feed_id}", body))
        connection.execute(
            "insert into feed values (?, ?, ?, ?, 'Joined', ?, ?, ?, ?, ?)",
            (feed.feed_id, feed.merchant_id, feed.merchant, feed.region,
             f"{feed.merchant} {feed.vertical}", feed.language, feed.vertical, stamp, count),
        )  # fmt: skip
    return offers_made


def _shop(
    shelf: Sequence[Product],
    others: Iterator[Product],
    rng: random.Random,
    sizings: tuple[str, ...],
    rows: int,
) -> Iterator[tuple[Product, Variant, int, int]]:
    """Yield (product, variant, price in cents, stock) until `rows` are reached."""
    known = [p for p in shelf if p.sizing in sizings and p.collaborators == ()]
    rng.shuffle(known)
    known = known[: max(1, len(known) * 2 // 3)]
    left = rows
    while left > 0:
        is_known = bool(known) and rng.random() < 0.25
        product = known.pop() if is_known else next(p for p in others if p.sizing in sizings)
        cents = product.retail * 100 - rng.choice((0, 0, 1, 5))
        if rng.random() < 0.35:
            cents = round(cents * rng.choice((0.6, 0.7, 0.8, 0.9)))
        share = rng.uniform(0.4, 0.9)
        chosen = [v for v in product.variants if rng.random() < share][:left]
        for variant in chosen or product.variants[:1]:
            stock = 0 if rng.random() < 0.093 else rng.randrange(1, 13)
            yield product, variant, cents, stock
            left -= 1


@cache
def _german() -> dict[str, str]:
    return {row["english"]: row["german"] for row in read_table("german_colours.csv")}


def _ean(variant: Variant) -> str:
    # A shop has a number for every size, also where the marketplace lists none.
    if variant.gtins:
        return "0" + variant.gtins[0]
    return "2000029" + stable_number(6, variant.variant_id)


def _size(variant: Variant) -> str:
    return variant.size.conversions.get("eu") or variant.size.value


_Offer = tuple[Product, Variant, int, int]


def _wide_row(feed: _Feed, offer: _Offer) -> dict[str, str]:
    product, variant, cents, stock = offer
    number = stable_number(11, feed.feed_id, variant.variant_id)
    shop_id = "00" + stable_number(7, "shop", variant.variant_id)
    colour = _german().get(product.colorway.split("/")[0].split(" ")[-1].lower(), "mehrfarbig")
    base = product.title.split(" (")[0]
    name = f"{base}{_SUFFIX.get(product.audience, '')}, {colour}"
    category, category_id = _CATEGORY[product.audience]
    image = f"https://cdn.media.sneaker-boulevard.example/i/{product.index}_a?qlt=80"
    text = _TEXT.format(name=base) + (f" | {product.style_code}" if product.style_code else "")
    price = f"{cents / 100:.2f}"
    return {
        "aw_deep_link": f"https://www.awin1.com/pclick.php?p={number}&a=000000&m={feed.merchant_id}",
        "product_name": name,
        "aw_product_id": number,
        "merchant_product_id": shop_id,
        "merchant_image_url": image,
        "description": text,
        "merchant_category": category,
        "search_price": price,
        "merchant_name": feed.merchant,
        "merchant_id": feed.merchant_id,
        "category_name": category,
        "category_id": category_id,
        "aw_image_url": f"https://images2.productserve.com/?w=200&h=200&url={product.index}",
        "currency": "EUR",
        "delivery_cost": "0" if cents >= 8000 else "4",
        "merchant_deep_link": (
            f"https://www.sneaker-boulevard.example/product/{slug(base)}/{product.index}/"
        ),
        "language": feed.language,
        "display_price": f"EUR{price}",
        "data_feed_id": feed.feed_id,
        "brand_name": product.brand.name,
        "brand_id": stable_number(4, product.brand.name),
        "colour": colour,
        "model_number": shop_id,
        "delivery_time": "5 to 7 days",
        "in_stock": "1" if stock else "0",
        "stock_quantity": str(stock),
        "is_for_sale": "1",
        "aw_thumb_url": f"https://images2.productserve.com/?w=70&h=70&url={product.index}",
        "ean": _ean(variant),
        "Fashion:size": _size(variant),
    }


def _narrow_row(feed: _Feed, offer: _Offer) -> dict[str, str]:
    product, variant, cents, stock = offer
    number = stable_number(11, feed.feed_id, variant.variant_id)
    currency = "GBP" if product.index % 11 == 0 else "EUR"
    path = _PATHS["apparel" if product.category == "apparel" else "sneakers"]
    name = f'{product.title} "{product.colorway}"'
    return {
        "data_feed_id": feed.feed_id,
        "merchant_id": feed.merchant_id,
        "merchant_name": feed.merchant,
        "aw_product_id": number,
        "aw_deep_link": f"https://www.awin1.com/pclick.php?p={number}&a=000000&m={feed.merchant_id}",
        "image_url": f"https://img.loft-lace.example/{product.index}_1.jpg",
        "category_name": "Women's Clothing" if product.audience == "w" else "Men's Clothing",
        "category_id": "149" if product.audience == "w" else "137",
        "brand_name": product.brand.name,
        "merchant_product_id": f"lf_{stable_number(9, 'lf', variant.variant_id)}",
        "merchant_category": f"{path} > {product.brand.name}",
        "mpn": product.style_code or "",
        "product_name": name,
        "description": f"{product.title}.\nColour: {product.colorway}. As seen in store.",
        "merchant_deep_link": f"https://shop.loft-lace.example/p/{slug(product.title)}",
        "merchant_image_url": f"https://img.loft-lace.example/{product.index}_1.jpg",
        "currency": currency,
        "search_price": f"{cents / 100:.1f}" if cents % 10 == 0 else f"{cents / 100:.2f}",
        "in_stock": "1" if stock else "0",
        "is_for_sale": "1",
        "condition": "new",
        "product_type": product.product_type,
        "colour": product.colorway,
        "Fashion:suitable_for": {"w": "Female", "m": "Male"}.get(product.audience, "Unisex"),
        "Fashion:size": _size(variant),
        "ean": _ean(variant),
        "rrp_price": f"{product.retail:.2f}",
    }


_RowMaker = Callable[["_Feed", _Offer], dict[str, str]]
_WIDE: _RowMaker = _wide_row
_NARROW: _RowMaker = _narrow_row


class _Feed:
    """One shop's feed: who it is and how it writes."""

    def __init__(
        self, feed_id: str, merchant_id: str, merchant: str, language: str, region: str,
        vertical: str, delimiter: str, make_row: _RowMaker,
    ) -> None:  # fmt: skip
        self.feed_id, self.merchant_id, self.merchant = feed_id, merchant_id, merchant
        self.language, self.region, self.vertical = language, region, vertical
        self._delimiter, self._make_row = delimiter, make_row

    def body(self, offers: Iterable[_Offer], columns: Sequence[str]) -> tuple[bytes, int]:
        """The gzipped file and its number of rows; the same bytes for the same offers."""
        buffer = io.BytesIO()
        with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=3, mtime=0) as packed:
            text: TextIO = io.TextIOWrapper(packed, "utf-8", newline="")
            writer = csv.writer(text, delimiter=self._delimiter, lineterminator="\n")
            writer.writerow(columns)
            seen: set[str] = set()
            for offer in offers:
                row = self._make_row(self, offer)
                if row["aw_product_id"] not in seen:
                    seen.add(row["aw_product_id"])
                    writer.writerow([row.get(name, "") for name in columns])
            text.flush()
            text.detach()  # type: ignore[attr-defined]
        return buffer.getvalue(), len(seen)
