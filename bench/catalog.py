"""How right and how fast the catalog's rules are: `python -m bench.catalog [FOLDER]`.

Measured are the labelled files that ship and every labelled file of a folder, told by its columns.
Speed counts brand and category together, in titles a second of one core's own time.
"""

from __future__ import annotations

import csv
import gc
import gzip
import io
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from soleflip_pipelines.catalog.brand import FLOOR
from soleflip_pipelines.catalog.evaluation import (
    NEEDED,
    Evaluation,
    Kind,
    evaluate,
    evaluate_shipped,
    shipped_file,
)
from soleflip_pipelines.catalog.labeller import ProductLabeller
from soleflip_pipelines.catalog.rules import Rules, load_rules_from_csv
from soleflip_pipelines.catalog.text import tokens

EXAMPLES = 5
NO_BRAND = "no brand"
COLOURS = "Black White Red Blue Green Grey Sail Bone Cream Navy Volt Pink".split()
DISTINCT = 20_000
REPEATS = 20


def columns_of(path: Path) -> list[str]:
    """The names in the first row of a CSV (also .gz)."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return next(csv.reader(io.StringIO(raw.decode("utf-8-sig"))), [])


def kinds_of(path: Path) -> list[Kind]:
    """What a file can be measured for: every kind whose columns it has."""
    names = set(columns_of(path))
    return [kind for kind, needed in NEEDED.items() if all(names & set(some) for some in needed)]


def show(name: str, result: Evaluation) -> None:
    shares = ("coverage", "accuracy", "macro_accuracy", "recall", "precision_at_floor")
    texts = [f"{share.replace('_', ' ')} {_share(getattr(result, share))}" for share in shares]
    print(f"{name}: {result.n:,} rows, {', '.join(texts)}")
    for expected, given, count in result.confusion[:EXAMPLES]:
        print(f"    {count}x {expected} taken for {given}")
    for example in result.worst[:EXAMPLES]:
        said = example.get("given", "nothing")
        print(f"    {example['question']!r}: {said}, not {example.get('expected', 'nothing')}")


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"


def brands_of_unbranded(rules: Rules) -> list[tuple[str, str]]:
    """The shipped titles that hold only ordinary words, with the brand that the rules give."""
    detector = ProductLabeller(rules).brands
    with shipped_file("brand").open(encoding="utf-8", newline="") as file:
        titles = [row["title"] for row in csv.DictReader(file) if row["source"] == NO_BRAND]
    found = ((title, detector.detect(title).brand) for title in titles)
    return [(title, brand) for title, brand in found if brand is not None]


def titles_a_second(rules: Rules, titles: Sequence[str], *, is_known: bool) -> float:
    """Brand and category of titles, fresh or (`is_known`) all seen before."""
    labeller = ProductLabeller(rules)
    tokens.cache_clear()
    if is_known:
        _label(labeller, titles)
    gc.collect()  # what building the detectors left behind is not the titles' cost
    begin = time.process_time()
    _label(labeller, titles)
    return len(titles) / max(time.process_time() - begin, 1e-9)


def _label(labeller: ProductLabeller, titles: Iterable[str]) -> None:
    for title in titles:
        labeller.categories.detect(title, brand=labeller.brands.detect(title))


def main(arguments: Sequence[str]) -> None:
    rules = load_rules_from_csv()
    for kind, result in evaluate_shipped(rules).items():
        show(f"shipped, {kind}", result)
    taken = brands_of_unbranded(rules)
    print(f"titles that name no brand: {len(taken)} got one at a floor of {FLOOR} {taken}")
    for folder in map(Path, arguments):
        for path in sorted([*folder.glob("*.csv"), *folder.glob("*.csv.gz")]):
            for kind in kinds_of(path):
                show(f"{path.name}, {kind}", evaluate(kind, path, rules))
    with shipped_file("brand").open(encoding="utf-8", newline="") as file:
        titles = [row["title"] for row in csv.DictReader(file)]
    many = [f"{title} {colour}" for colour in COLOURS for title in titles][:DISTINCT]
    fresh = max(titles_a_second(rules, many, is_known=False) for _ in range(3))
    known = titles_a_second(rules, titles * REPEATS, is_known=True)
    print(f"brand and category: {fresh:,.0f} distinct, {known:,.0f} repeated titles a second")


if __name__ == "__main__":
    main(sys.argv[1:])
