"""Sizes of the generated products: the run a product comes in, its conversions, its spellings.

Pure functions over the size charts; which size sells is decided in `demand`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from soleflip_pipelines.sandbox.lexicon import SIZE_COLUMNS, Lexicon

# Shares of sales by US men's size; what is not named sells rarely.
_MEN = {
    "4": 2.2, "5": 3.6, "6": 4.0, "7": 3.9, "7.5": 3.0, "8": 5.4, "8.5": 5.3, "9": 9.7, "9.5": 8.7,
    "10": 11.1, "10.5": 8.8, "11": 9.3, "11.5": 4.5, "12": 7.3, "13": 4.6, "14": 1.8,
}  # fmt: skip
_LETTER_RUN = {"XS": 3.0, "S": 14.0, "M": 28.0, "L": 28.0, "XL": 19.0, "XXL": 8.0}
_WAIST_RUN = {"28": 6.0, "30": 18.0, "32": 30.0, "34": 26.0, "36": 14.0, "38": 6.0}
_SOCK_RUN = {"S / Men's 6-8": 1.0, "M / Men's 8-10": 3.0, "L / Men's 10-13": 3.0}
_CAP_RUN = {"7": 2.0, "7 1/8": 3.0, "7 1/4": 4.0, "7 3/8": 4.0, "7 1/2": 3.0, "7 5/8": 1.0}
_GRADE_SCHOOL = ("3.5", "4", "4.5", "5", "5.5", "6", "6.5", "7")
_PRE_SCHOOL = ("10.5C", "11C", "11.5C", "12C", "12.5C", "13C", "13.5C", "1Y", "1.5Y", "2Y", "3Y")
_TODDLER = ("2C", "3C", "4C", "5C", "6C", "7C", "8C", "9C", "10C")
_ONE_SIZE = "N/A"
_PREFIX = {
    "us m": "US M",
    "us w": "US W",
    "us": "US",
    "uk": "UK",
    "eu": "EU",
    "cm": "CM",
    "kr": "KR",
}


@dataclass(frozen=True)
class Size:
    """One size of a run: the marketplace's value, its conversions and how well it sells.

    `conversions` maps a size type ("us m", "eu" …) to the bare value; the default type is first.
    """

    value: str
    default_type: str | None
    conversions: dict[str, str]
    weight: float


def _shoe_weight(us_men: str) -> float:
    return _MEN.get(us_men, 1.2 if us_men.endswith(".5") else 0.6)


def _kids(sizes: Sequence[str], suffix: str) -> tuple[Size, ...]:
    return tuple(Size(s + suffix, "us", {"us": s + suffix}, 1.0) for s in sizes)


def _chart_run(rows: Sequence[dict[str, str]], default: str) -> tuple[Size, ...]:
    run = []
    for row in rows:
        conversions = {kind: row[column] for kind, column in SIZE_COLUMNS.items() if row[column]}
        if "cm" in conversions:
            conversions["kr"] = f"{float(conversions['cm']) * 10:g}"
        if default not in conversions:
            continue
        value = conversions[default] + ("W" if default == "us w" else "")
        ordered = {default: conversions[default], **conversions}
        run.append(Size(value, default, ordered, _shoe_weight(row["us_m"])))
    return tuple(run)


def _grade_school(rows: Sequence[dict[str, str]]) -> tuple[Size, ...]:
    sizes = []
    for row in rows:
        if row["us_m"] in _GRADE_SCHOOL:
            extra = {kind: row[kind] for kind in ("uk", "eu", "cm") if row[kind]}
            sizes.append(Size(row["us_m"] + "Y", "us", {"us": row["us_m"] + "Y", **extra}, 1.0))
    return tuple(sizes)


def _letters(run: dict[str, float]) -> tuple[Size, ...]:
    return tuple(Size(value, None, {}, weight) for value, weight in run.items())


def size_run(lexicon: Lexicon, sizing: str, group: str, audience: str) -> tuple[Size, ...]:
    """The sizes a product is made in.

    Args:
        lexicon: has the size charts.
        sizing: shoe, alpha, waist, sock, cap or one.
        group: the brand's size group, used for shoes.
        audience: m, w, g (grade school), p (pre-school), t (toddler) or u.
    """
    named = {
        "alpha": _LETTER_RUN,
        "waist": _WAIST_RUN,
        "sock": _SOCK_RUN,
        "cap": _CAP_RUN,
        "one": {_ONE_SIZE: 1.0},
    }
    if sizing != "shoe":
        return _letters(named[sizing])
    if audience == "p":
        return _kids(_PRE_SCHOOL, "")
    if audience == "t":
        return _kids(_TODDLER, "")
    rows = lexicon.charts.get(f"{group}_w" if audience == "w" else group)
    rows = rows or lexicon.charts[group]
    if audience == "g":
        return _grade_school(rows) or _kids(_GRADE_SCHOOL, "Y")
    if audience == "w":
        return _chart_run(rows, "us w")
    return _chart_run(rows, "us m") or _chart_run(rows, "eu")


def wire_conversions(run: Sequence[Size], size: Size) -> list[dict[str, str]]:
    """Conversions as the marketplace words them: prefixed, and told apart where sizes share one.

    Two men's sizes that are both UK 6 read "UK 6 (EU 39)" and "UK 6 (EU 40)".
    """
    out = []
    for kind, value in size.conversions.items():
        text = f"{_PREFIX[kind]} {value}"
        shared = sum(other.conversions.get(kind) == value for other in run) > 1
        if shared and kind in ("uk", "cm", "kr"):
            other_kind = "eu" if kind == "uk" else str(size.default_type)
            if other_kind in size.conversions:
                text += f" ({_PREFIX[other_kind]} {size.conversions[other_kind]})"
        out.append({"size": text, "type": kind})
    return out


def _shoe_spellings(run: Sequence[Size], size: Size) -> list[str]:
    value = size.value
    if size.default_type == "eu":
        return [value, f"EU {value}", value.replace(".", ",")]
    spellings = [value, f"US {value}", f"US {value.replace('.', ',')}"]
    eu = size.conversions.get("eu")
    if eu and sum(other.conversions.get("eu") == eu for other in run) == 1:
        spellings += [f"EU {eu}", f"EU {eu.replace('.', ',')}"]
    if size.default_type == "us w" and "us m" in size.conversions:
        spellings.append(f"{value} / {size.conversions['us m']}M")
    return spellings


def supplier_spelling(run: Sequence[Size], size: Size, rng: random.Random) -> str:
    """The size as a supplier's paper may word it; always means exactly one size of the run."""
    if size.value == _ONE_SIZE:
        return rng.choice(["N/A", "One Size", "OS", ""])
    if size.default_type is None:
        return "2XL" if size.value == "XXL" and rng.random() < 0.5 else size.value
    return rng.choice(_shoe_spellings(run, size))
