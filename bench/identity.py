"""How surely items find their product: `python -m bench.identity [SEED ...]`.

For each seed a business is generated, of which a fifth of the products is hidden from the
catalogue: what finds an answer there finds a wrong one. Asked are the offers of its shops, with all
their evidence and with ever less of it, and the catalogue's own titles with one word misspelt.
Precision is right answers / answers, recall right answers / items whose product is known.
"""

from __future__ import annotations

import csv
import gzip
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path

from soleflip_pipelines.catalog.audience import audience_of
from soleflip_pipelines.catalog.finder import SIMILAR, Line, Match, ProductFinder
from soleflip_pipelines.catalog.labeller import ProductLabeller
from soleflip_pipelines.catalog.matching import Recogniser, Told
from soleflip_pipelines.catalog.rules import Rules, default_rules
from soleflip_pipelines.catalog.variant_finder import Product, Variant
from soleflip_pipelines.sandbox import storage
from soleflip_pipelines.sandbox.business import Generation, generate
from soleflip_pipelines.sandbox.codes import stable_number
from soleflip_pipelines.sandbox.payloads import run_of

SEEDS = (20261122, 7, 4242)
ORDERS = 1106
UNTIL = date(2026, 11, 22)
HIDDEN = 0.2
THRESHOLDS = (0.75, 0.80, 0.85, SIMILAR, 0.92, 0.96)
Asked = tuple[str, Told]


class Score:
    """Answers by method, and how many of them were right."""

    def __init__(self) -> None:
        self.given: Counter[str] = Counter()
        self.right: Counter[str] = Counter()
        self.known = 0
        self.to_review = 0

    def note(self, match: Match, product_id: str | None, variant_id: str | None) -> None:
        """Count an answer: right is the product, and the variant where one is named."""
        self.known += product_id is not None
        self.to_review += bool(match.candidates)
        if match.product is None:
            return
        is_right = match.product.partner_product_id == product_id
        if match.variant is not None and variant_id is not None:
            is_right = is_right and match.variant.partner_variant_id == variant_id
        self.given[match.method] += 1
        self.right[match.method] += is_right

    def show(self, name: str) -> None:
        """Print the shares, and those of each method."""
        given, right = self.given.total(), self.right.total()
        methods = ", ".join(
            f"{method} {self.right[method]:,}/{count:,}" for method, count in self.given.items()
        )
        print(
            f"  {name:28} precision {right / max(1, given):8.3%}  recall"
            f" {right / max(1, self.known):8.3%}  to review {self.to_review:5,}  {methods}"
        )


def catalogue(folder: Path, labeller: ProductLabeller) -> Iterator[Product]:
    """The served products as the pipeline knows them once labelled."""
    served = storage.open_read_only(folder / storage.BUSINESS)
    sizes: dict[int, list[Variant]] = defaultdict(list)
    rows = served.execute("select * from product order by position").fetchall()
    runs = {row["position"]: run_of(row) for row in rows}
    for row in served.execute("select * from variant order by product_position, number"):
        size = runs[row["product_position"]][row["number"]]
        gtins = tuple(f"00{upc}" for upc in row["gtins"].split())
        sizes[row["product_position"]].append(
            Variant(row["variant_id"], size.value, dict(size.conversions), gtins)
        )
    for row in rows:
        label = labeller.label(
            row["title"], brand_raw=row["brand"], type_raw=row["product_type"],
            code_raw=row["style_id"], is_code_field_kept=True,
        )  # fmt: skip
        yield Product(
            row["product_id"], row["title"], label.brand.brand, label.category.category,
            row["gender"], label.codes.keys, tuple(sizes[row["position"]]),
        )  # fmt: skip


def offers(folder: Path, labeller: ProductLabeller) -> Iterator[Asked]:
    """Every offer of the shops, with its key, as `matching` reads it of the warehouse."""
    served = storage.open_read_only(folder / storage.BUSINESS)
    for feed_id, content in served.execute(
        "select f.feed_id, b.content from feed f join blob b on b.name = 'feed-' || f.feed_id"
    ).fetchall():
        lines = gzip.decompress(content).decode().splitlines()
        delimiter = max(",|", key=lines[0].count)
        for row in csv.DictReader(lines, delimiter=delimiter):
            name, code = row["product_name"], row.get("mpn") or None
            label = labeller.label(
                name, brand_raw=row["brand_name"], type_raw=row["merchant_category"],
                code_raw=code, description=row["description"],
            )  # fmt: skip
            yield f"{feed_id}:{row['aw_product_id']}", Told(
                None, None, name, None, row["Fashion:size"], row["ean"].zfill(14),
                row["merchant_category"], row["colour"], label.brand.brand,
                label.category.category, label.codes.keys,
            )  # fmt: skip


def misspelt(title: str, rng: random.Random) -> str | None:
    """The title with two letters of one long word changed places; None without such a word."""
    words = title.split()
    places = [i for i, word in enumerate(words) if len(word) > 5 and word.isalpha()]
    if not places:
        return None
    place = rng.choice(places)
    at = rng.randrange(1, len(words[place]) - 2)
    word = words[place]
    words[place] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words) if words[place] != word else None


def measure(seed: int, rules: Rules, folder: Path) -> None:
    """Print all figures of one seed."""
    labeller, rng = ProductLabeller(rules), random.Random(seed)
    generate(folder, Generation(seed, ORDERS, UNTIL))
    products = list(catalogue(folder, labeller))
    known = [product for product in products if rng.random() >= HIDDEN]
    truth = {
        f"{feed}:{stable_number(11, feed, variant.partner_variant_id)}": (
            product.partner_product_id, variant.partner_variant_id,
        )
        for product in known
        for variant in product.variants
        for feed in ("21293", "72291")
    }  # fmt: skip
    asked = list(offers(folder, labeller))
    begin = time.perf_counter()
    recogniser = Recogniser(rules, labeller, ProductFinder(known, rules), {})
    answers = [recogniser.recognise(told) for _, told in asked]
    taken = time.perf_counter() - begin
    print(f"seed {seed}: {len(asked):,} offers, {len(known):,} products, {taken:.2f} s")
    _score(asked, (match for match, _ in answers), truth).show("all evidence")
    less: tuple[tuple[str, Callable[[Told], Told]], ...] = (
        ("without barcode", lambda told: told._replace(gtin=None)),
        ("without barcode and code", lambda told: told._replace(gtin=None, style_keys=())),
    )
    for name, change in less:
        found = (recogniser.recognise(change(told))[0] for _, told in asked)
        _score(asked, found, truth).show(name)
    wrong = [(p, misspelt(p.title, rng)) for p in products]
    ids = {product.partner_product_id for product in known}
    for threshold in THRESHOLDS:
        finder, score = ProductFinder(known, rules, similar=threshold), Score()
        for product, title in wrong:
            if title is not None:
                brand = labeller.label(title).brand.brand
                match = finder.find(Line(title, None, brand, (), audience=audience_of(title)))
                own = product.partner_product_id
                score.note(match, own if own in ids else None, None)
        score.show(f"misspelt, alike from {threshold:.2f}")


def _score(
    asked: Iterable[Asked], found: Iterable[Match], truth: dict[str, tuple[str, str]]
) -> Score:
    score = Score()
    for (key, _), match in zip(asked, found, strict=True):
        score.note(match, *truth.get(key, (None, None)))
    return score


def main(arguments: list[str]) -> None:
    """Measure each seed in a folder of its own."""
    for seed in map(int, arguments or SEEDS):
        with tempfile.TemporaryDirectory(prefix="soleflip-bench-") as folder:
            measure(seed, default_rules(), Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
