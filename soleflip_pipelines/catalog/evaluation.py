"""How right the detectors are on anybody's labelled file: answers, scores and the worst examples.

A file is measured with the rules it is given; nothing is learned from it and nothing is written.
What an answer is made of belongs to the detectors.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from soleflip_pipelines.catalog.brand import FLOOR
from soleflip_pipelines.catalog.labeller import ProductLabeller
from soleflip_pipelines.catalog.labels import (
    audience_label,
    categories_of,
    code_keys,
    is_same_size,
    system_label,
)
from soleflip_pipelines.catalog.rules import Rules
from soleflip_pipelines.catalog.size import SizeParser
from soleflip_pipelines.catalog.text import is_blank, normalise
from soleflip_pipelines.errors import SoleflipError

Kind = Literal["brand", "category", "style-code", "size"]
Row = Mapping[str, str]

WORST = 20
PAIRS = 10
# How far above the floor of confidence an answer counts as unsure.
NEAR_FLOOR = 0.2
# The labelled files that come with the package.
SHIPPED: Mapping[Kind, str] = {
    "brand": "brand_category.csv",
    "category": "brand_category.csv",
    "style-code": "style_code.csv",
    "size": "size.csv",
}
TITLE_COLUMNS = ("title", "Item")
NEEDED: Mapping[Kind, tuple[tuple[str, ...], ...]] = {
    "brand": (TITLE_COLUMNS, ("brand",)),
    "category": (TITLE_COLUMNS, ("category",)),
    "style-code": (("text",), ("style_code",)),
    "size": (("size_raw",), ("system",), ("value",)),
}


class EvaluationError(SoleflipError):
    """The labelled file cannot be used; the text says why."""


@dataclass(frozen=True)
class Answer:
    """One row: what was asked, what is true (blank: nothing), what was said (blank: nothing)."""

    question: str
    expected: str
    given: str
    is_right: bool
    group: str
    rule: str
    confidence: float


@dataclass(frozen=True)
class Evaluation:
    """The scores of one file; shares are 0 to 1, None where nothing was there to divide by.

    `coverage` is answered ÷ n, `accuracy` right ÷ answered, `macro_accuracy` its mean over the
    sources (over the labels where the file names no source), `precision` right ÷ answered,
    `recall` right ÷ rows that have an answer, `precision_at_floor` the precision of the answers
    that are least sure, just above the confidence under which there is none. `confusion` holds the
    pairs mixed up most, as expected, given and rows. `worst` are wrong answers first, then missing
    ones. `per_second` counts the time of one core, not what else the machine does.
    """

    kind: str
    n: int
    answered: int
    coverage: float | None
    accuracy: float | None
    macro_accuracy: float | None
    precision: float | None
    recall: float | None
    precision_at_floor: float | None
    per_second: float
    confusion: list[tuple[str, str, int]]
    worst: list[dict[str, str]]

    def as_dict(self) -> dict[str, object]:
        """The scores for JSON."""
        return asdict(self)


def as_kind(text: str) -> Kind:
    """The kind that a word names.

    Raises:
        EvaluationError: it names none.
    """
    for kind in NEEDED:
        if text.strip().casefold().replace("_", "-") == kind:
            return kind
    raise EvaluationError(f"{text} cannot be evaluated: choose one of {', '.join(NEEDED)}")


def evaluate(kind: Kind, path: Path, rules: Rules) -> Evaluation:
    """Measure a detector on a labelled CSV (also .gz).

    Args:
        kind: which detector; `NEEDED` says which columns it asks for.
        path: the file; its first row names the columns. Rows without a label are left out, save
            for style codes, where blank says that there is none.
        rules: the rules to measure.

    Raises:
        EvaluationError: no such file, no table, or a column is missing.
    """
    rows = _read(kind, path)
    answer = _answerer(kind, rules)
    began = time.process_time()
    answers = [answer(row) for row in rows]
    seconds = max(time.process_time() - began, 1e-9)
    return _scored(kind, answers, len(answers) / seconds)


def shipped_file(kind: Kind) -> Path:
    """The labelled file of a kind that comes with the package."""
    return Path(__file__).parent / "labelled" / SHIPPED[kind]


def evaluate_shipped(rules: Rules) -> dict[Kind, Evaluation]:
    """The scores of every detector on the labelled files that come with the package."""
    return {kind: evaluate(kind, shipped_file(kind), rules) for kind in SHIPPED}


def _read(kind: Kind, path: Path) -> list[Row]:
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise EvaluationError(f"{path.name}: there is no such file") from None
    except (OSError, ValueError) as error:
        problem = str(error).splitlines()[0]
        raise EvaluationError(f"{path.name} is no CSV that can be read: {problem}") from None
    missing = [" or ".join(names) for names in NEEDED[kind] if not set(names) & set(frame.columns)]
    if missing:
        raise EvaluationError(f"{path.name}: a {kind} file needs the column {', '.join(missing)}")
    rows: list[Row] = [
        {str(name): str(cell) for name, cell in row.items()} for row in frame.to_dict("records")
    ]
    if kind == "size":
        return [row for row in rows if row["system"].strip()]  # NONE is a label, too
    return rows if kind == "style-code" else [row for row in rows if not is_blank(row[kind])]


def _answerer(kind: Kind, rules: Rules) -> Callable[[Row], Answer]:
    labeller = ProductLabeller(rules)
    if kind == "size":
        sizes = SizeParser(rules)
        return lambda row: _size(row, sizes, labeller)
    answerers: Mapping[Kind, Callable[[Row, ProductLabeller], Answer]] = {
        "brand": _brand,
        "category": _category,
        "style-code": _style_code,
    }
    return lambda row: answerers[kind](row, labeller)


def _title(row: Row) -> str:
    return row.get("title") or row.get("Item") or ""


def _also(row: Row, column: str) -> list[str]:
    return [name for name in row.get(column, "").split("|") if not is_blank(name)]


def _brand(row: Row, labeller: ProductLabeller) -> Answer:
    """Right is the label's brand or one that is not wrong either; a sub-brand answers too."""
    found = labeller.brands.detect(_title(row))

    def canonical(name: str) -> str:
        return normalise(labeller.brands.canonical(name) or name)

    fitting = {canonical(name) for name in (row["brand"], *_also(row, "brand_also_ok"))}
    said = {canonical(name) for name in (found.brand, found.sub_brand) if name}
    group = row.get("source") or row["brand"]
    is_right = bool(said & fitting)
    return Answer(
        _title(row), row["brand"], found.brand or "", is_right, group, found.rule or "",
        found.confidence,
    )  # fmt: skip


def _category(row: Row, labeller: ProductLabeller) -> Answer:
    """Right is the label's category, or one that a coarser label such as `footwear` holds."""
    found = labeller.categories.detect(_title(row), brand=labeller.brands.detect(_title(row)))
    said = found.category or ""
    fitting = categories_of((row["category"], *_also(row, "category_also_ok")))
    group = row.get("source") or row["category"]
    return Answer(
        _title(row), row["category"], said, said in fitting, group, found.rule or "",
        found.confidence,
    )  # fmt: skip


def _style_code(row: Row, labeller: ProductLabeller) -> Answer:
    """Right is a code with the key of one of the label's codes, or silence where there is none."""
    brand = row.get("brand")
    known = labeller.brands.canonical(brand) or labeller.brands.detect(row["text"]).brand
    first = labeller.codes.extract(row["text"], known).first
    keys = code_keys(row["style_code"])
    said = first.code if first else ""
    is_right = first.key in keys if first else not keys
    group = row.get("source") or row.get("kind") or brand or ""
    expected = row["style_code"] if keys else ""
    return Answer(row["text"], expected, said, is_right, group, first.rule if first else "", 1.0)


def _size(row: Row, sizes: SizeParser, labeller: ProductLabeller) -> Answer:
    """Right is the system with the value, and the audience where the label names one."""
    context = row.get("item_context", "")
    label = labeller.label(context) if context else None
    found = sizes.parse(
        row["size_raw"],
        brand=label.brand.brand if label else None,
        audience=context,
        category=label.category.category if label else None,
    )
    system, gender = system_label(row["system"]), row.get("gender", "")
    is_right = is_same_size(found, system, gender, row["value"])
    expected = " ".join(part for part in (system, audience_label(gender), row["value"]) if part)
    said = " ".join(part for part in (found.system, found.audience, found.value) if part)
    is_answered = found.system != "OTHER" or system == "OTHER"
    group = row.get("source") or system
    return Answer(
        row["size_raw"], expected, said if is_answered else "", is_right, group, "",
        found.confidence,
    )  # fmt: skip


def _scored(kind: Kind, answers: Sequence[Answer], per_second: float) -> Evaluation:
    answered = [a for a in answers if a.given]
    right = sum(a.is_right for a in answered)
    groups: dict[str, list[bool]] = defaultdict(list)
    for a in answered:
        groups[a.group].append(a.is_right)
    unsure = [a.is_right for a in answered if a.confidence < FLOOR + NEAR_FLOOR]
    means = [sum(marks) / len(marks) for marks in groups.values()]
    mixed = Counter((a.expected, a.given) for a in answered if not a.is_right)
    wrong = sorted((a for a in answers if not a.is_right), key=lambda a: not a.given)
    return Evaluation(
        kind=kind,
        n=len(answers),
        answered=len(answered),
        coverage=_share(len(answered), len(answers)),
        accuracy=_share(right, len(answered)),
        macro_accuracy=_share(sum(means), len(means)),
        precision=_share(right, len(answered)),
        recall=_share(right, sum(bool(a.expected) for a in answers)),
        precision_at_floor=_share(sum(unsure), len(unsure)),
        per_second=round(per_second, 1),
        confusion=[(*pair, count) for pair, count in mixed.most_common(PAIRS)],
        worst=[
            {k: v for k, v in asdict(a).items() if isinstance(v, str) and v} for a in wrong[:WORST]
        ],
    )


def _share(part: float, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
