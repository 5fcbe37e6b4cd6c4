"""The word lists the generated business draws from: brands, models, colourways, size charts.

Reads the CSV files beside it and nothing else; how products are put together is in `catalogue`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

SIZE_COLUMNS = {"us m": "us_m", "us w": "us_w", "uk": "uk", "eu": "eu", "cm": "cm"}


@dataclass(frozen=True)
class Brand:
    """A maker: its owner, the grammar of its style codes, its size charts, its share of sales."""

    name: str
    parent: str | None
    grammar: str
    size_group: str
    weight: float


@dataclass(frozen=True)
class Model:
    """A title pattern with what is true of every product made from it; `retail` is EUR."""

    brand: Brand
    collaborators: tuple[str, ...]
    category: str
    product_type: str
    sizing: str
    audiences: str
    retail: int
    heat: float
    weight: float
    title: str
    colours: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Lexicon:
    """Everything the catalogue is made of; `charts` maps a chart to its rows, small sizes first."""

    brands: dict[str, Brand]
    models: tuple[Model, ...]
    pinned: tuple[Model, ...]
    charts: dict[str, tuple[dict[str, str], ...]]


def read_table(name: str) -> Iterator[dict[str, str]]:
    """The rows of a CSV file in the sandbox's data folder, as dictionaries."""
    text = files("soleflip_pipelines.sandbox").joinpath("data", name).read_text("utf-8")
    yield from csv.DictReader(io.StringIO(text, newline=""))


def _colours(text: str, palettes: dict[str, list[tuple[str, str]]]) -> tuple[tuple[str, str], ...]:
    if text.startswith("@"):
        return tuple(palettes[text[1:]])
    return tuple((name, name) for name in text.split("|"))


@cache
def load_lexicon() -> Lexicon:
    """Read the data files once.

    Raises:
        KeyError: a model names a brand or palette that is not in its file.
    """
    brands = {
        row["brand"]: Brand(
            row["brand"],
            row["parent_brand"] or None,
            row["grammar"],
            row["size_group"],
            float(row["weight"]),
        )
        for row in read_table("brands.csv")
    }
    palettes: dict[str, list[tuple[str, str]]] = {}
    for row in read_table("colourways.csv"):
        palettes.setdefault(row["palette"], []).append((row["name"], row["colorway"]))

    def models(name: str) -> tuple[Model, ...]:
        return tuple(
            Model(
                brands[row["brand"]],
                tuple(c for c in row["collaborators"].split("|") if c),
                row["category"],
                row["product_type"],
                row["sizing"],
                row["audience"],
                int(row["retail"]),
                float(row["heat"]),
                float(row["weight"]),
                row["title"],
                _colours(row["colours"], palettes),
            )
            for row in read_table(name)
        )

    charts: dict[str, list[dict[str, str]]] = {}
    for row in read_table("size_charts.csv"):
        charts.setdefault(row["chart"], []).append(row)
    return Lexicon(
        brands,
        models("models.csv"),
        models("pinned.csv"),
        {chart: tuple(rows) for chart, rows in charts.items()},
    )
