"""The generated catalogue: products with their truth, and the variants each is made in.

Draws titles, codes, retail prices and release days; what sells when and for how much is `demand`.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate, count

from soleflip_pipelines.sandbox.codes import stable_uuid, stream, style_code, style_key, upc
from soleflip_pipelines.sandbox.lexicon import Brand, Lexicon, Model
from soleflip_pipelines.sandbox.sizes import Size, size_run

FEED_ONLY_FROM = 10_000_000
DEFAULT_ORDERS = 1106
DEFAULT_PRODUCTS = 712
DEFAULT_SOLD_PRODUCTS = 681
_AUDIENCE_MARK = {"w": "(Women's)", "g": "(GS)", "p": "(PS)", "t": "(TD)"}
_GENDER = {"m": "men", "w": "women", "g": "kids", "p": "kids", "t": "kids", "u": "unisex"}
_KIDS_PRICE = {"g": 0.75, "p": 0.5, "t": 0.4}
_NO_CODE_CHANCE = 0.012
# What a seller of this size still deals in, EUR.
_DEAREST = 700.0
_NO_BRAND_CHANCE = 0.05
_EVERGREEN_CHANCE = 0.62


@dataclass(frozen=True)
class Variant:
    """A size of a product; `gtins` are its 12-digit UPCs (0 to 2)."""

    variant_id: str
    name: str
    size: Size
    gtins: tuple[str, ...]


@dataclass(frozen=True)
class Product:
    """A product as the marketplace shows it, beside what is true of it.

    `brand_shown` and `style_id` are what the marketplace says and may be absent; `brand`, `parent`,
    `collaborators`, `category` and `style_code` are the truth. `retail` is EUR, `level` what it
    sells for as a multiple of retail. `released_on` None means long ago and always available.
    """

    index: int
    product_id: str
    title: str
    brand: Brand
    brand_shown: str | None
    collaborators: tuple[str, ...]
    category: str
    product_type: str
    sizing: str
    style_id: str | None
    gender: str
    audience: str
    colorway: str
    season: str | None
    released_on: date
    is_evergreen: bool
    retail: int
    level: float
    url_key: str
    variants: tuple[Variant, ...]

    @property
    def style_code(self) -> str | None:
        """The maker's code: the first of several that the marketplace joins with a slash."""
        return self.style_id.split("/")[0].strip() if self.style_id else None


def product_counts(orders: int) -> tuple[int, int]:
    """How many products sell, and how many there are with those that are only in stock."""
    if orders <= DEFAULT_ORDERS:
        sold = min(orders, round(DEFAULT_SOLD_PRODUCTS * orders / DEFAULT_ORDERS) or 1)
    else:
        sold = round(DEFAULT_SOLD_PRODUCTS * (orders / DEFAULT_ORDERS) ** 0.45)
    spare = round(sold * (DEFAULT_PRODUCTS / DEFAULT_SOLD_PRODUCTS - 1))
    return (sold, sold + spare) if orders else (0, 0)


def slug(text: str) -> str:
    """Lower-case ASCII words joined by hyphens, as in the marketplace's addresses."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain.replace("'", "")).strip("-")


class CatalogueMaker:
    """Makes products one after the other; titles and style codes are never repeated."""

    def __init__(self, lexicon: Lexicon, seed: int, until: date) -> None:
        self._lexicon = lexicon
        self._seed = seed
        self._until = until
        self._rng = stream(seed, "catalogue")
        self._titles: set[str] = set()
        self._codes: set[str] = set()
        brands = list(lexicon.brands.values())
        self._by_brand = {b.name: [m for m in lexicon.models if m.brand is b] for b in brands}
        self._brands = [b for b in brands if self._by_brand[b.name]]
        self._brand_weights = [b.weight for b in self._brands]

    def products(self, wanted: int) -> Iterator[Product]:
        """Yield `wanted` products: every brand and every pinned title first, as far as they fit."""
        queue: list[Model] = []
        if wanted >= len(self._brands) * 3:
            queue = [*self._lexicon.pinned]
            queue += [self._pick(self._by_brand[b.name]) for b in self._brands]
            self._rng.shuffle(queue)
        for index in range(wanted):
            model = queue.pop() if queue else self._draw()
            yield self._make(index, model)

    def feed_only(self) -> Iterator[Product]:
        """Yield, without end, shoes and clothes that shops carry and the seller never dealt in."""
        sizes = ("shoe", "alpha")
        models = [m for m in self._lexicon.models if m.sizing in sizes and m.heat <= 1.2]
        weights = list(accumulate(m.weight * m.brand.weight for m in models))
        for number in count():
            model = self._rng.choices(models, cum_weights=weights)[0]
            yield self._make(FEED_ONLY_FROM + number, model)

    def _pick(self, models: list[Model]) -> Model:
        return self._rng.choices(models, [m.weight for m in models])[0]

    def _draw(self) -> Model:
        brand = self._rng.choices(self._brands, self._brand_weights)[0]
        return self._pick(self._by_brand[brand.name])

    def _title(self, model: Model) -> tuple[str, str, str]:
        """An unused title with its audience and colourway; a year tells equal ones apart."""
        rng = self._rng
        for attempt in range(60):
            audience = rng.choice(model.audiences)
            name, colorway = rng.choice(model.colours)
            title = model.title.format(c=name)
            if attempt >= 8:
                title += f" ({self._until.year - rng.randrange(1, 9)})"
            mark = _AUDIENCE_MARK.get(audience)
            if mark and mark not in title:
                title += f" {mark}"
            if title not in self._titles:
                break
        else:
            title = f"{title} Release {len(self._titles)}"
        self._titles.add(title)
        return title, audience, colorway

    def _code(self, brand: Brand) -> str | None:
        if self._rng.random() < _NO_CODE_CHANCE:
            return None
        while code := style_code(brand.grammar, self._rng):
            if style_key(code) not in self._codes:
                self._codes.add(style_key(code))
                return code
        return None

    def _style_id(self, brand: Brand, audience: str) -> str | None:
        """The marketplace's style field: a code, now and then two (adult and grade school)."""
        code = self._code(brand)
        if code and audience in "mw" and brand.grammar in ("nike", "crocs", "ugg"):
            draw = self._rng.random()
            second = self._code(brand) if draw < 0.03 else None
            if second:
                return f"{code}/{second}" if draw < 0.02 else f"{code} / {second}"
        return code

    def _released(self) -> tuple[date, bool]:
        evergreen = self._rng.random() < _EVERGREEN_CHANCE
        age = self._rng.randrange(1200, 3200) if evergreen else self._rng.randrange(20, 1150)
        return self._until - timedelta(days=age), evergreen

    def _make(self, index: int, model: Model) -> Product:
        rng = self._rng
        title, audience, colorway = self._title(model)
        released_on, evergreen = self._released()
        product_id = stable_uuid(self._seed, "product", index)
        style_id = self._style_id(model.brand, audience)
        shown = None if rng.random() < _NO_BRAND_CHANCE else model.brand.name
        season = None
        if model.category not in ("sneakers", "other footwear") and rng.random() < 0.4:
            season = f"{'SS' if released_on.month < 7 else 'FW'}{released_on.year % 100}"
        return Product(
            index=index,
            product_id=product_id,
            title=title,
            brand=model.brand,
            brand_shown=shown,
            collaborators=model.collaborators,
            category=model.category,
            product_type=model.product_type,
            sizing=model.sizing,
            style_id=style_id,
            gender=_GENDER[audience],
            audience=audience,
            colorway=colorway,
            season=season,
            released_on=released_on,
            is_evergreen=evergreen,
            retail=max(10, round(model.retail * _KIDS_PRICE.get(audience, 1.0) / 5) * 5),
            level=min(model.heat * rng.lognormvariate(-0.36, 0.22), _DEAREST / model.retail),
            url_key=f"{slug(title)}-{index}" if rng.random() < 0.05 else slug(title),
            variants=self._variants(index, title, model, audience),
        )

    def _variants(self, index: int, title: str, model: Model, audience: str) -> tuple[Variant, ...]:
        run = size_run(self._lexicon, model.sizing, model.brand.size_group, audience)
        stem = "-".join(slug(title).title().split("-"))
        return tuple(
            Variant(
                stable_uuid(self._seed, "variant", index, number),
                f"{stem}:{number}",
                size,
                _gtins(self._rng, index, number),
            )
            for number, size in enumerate(run)
        )


def _gtins(rng: random.Random, index: int, number: int) -> tuple[str, ...]:
    if rng.random() < 0.07:
        return ()
    is_foreign = index >= FEED_ONLY_FROM
    base = index % FEED_ONLY_FROM * 80 + number * 2 + (500_000_000 if is_foreign else 0)
    return (upc(base), upc(base + 1)) if rng.random() < 0.15 else (upc(base),)
