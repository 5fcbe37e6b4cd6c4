"""The model in force for labels that the rules leave open: what it learns from, and its trial.

It learns from the owner's overrides and from brand fields that the owner accepted. A trial is made
again only when those labels, or what the rules say of them, have changed; the last one is kept in
`enrichment.fallback_trial`. What a model and a trial are belongs to `fallback`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import psycopg

from soleflip_pipelines.catalog.brand import FLOOR, BrandResult
from soleflip_pipelines.catalog.category import CategoryResult
from soleflip_pipelines.catalog.fallback import (
    RULE,
    FallbackModel,
    Guess,
    Labelled,
    TitleClassifier,
    Trial,
    trained,
    try_out,
    version_of,
)
from soleflip_pipelines.catalog.labeller import ProductLabel, ProductLabeller

Kind = Literal["brand", "category"]
KINDS: tuple[Kind, ...] = ("brand", "category")
# The latest labels of so many titles are enough, and a matter of seconds.
MOST_LABELS = 5_000
_CONFIRMED = """
select title, brand_raw, type_raw, code_raw, coalesce(own_brand, decision.brand), own_category
from product_input
left join owner.brand_decision as decision
    on decision.is_accepted and lower(decision.name) = lower(product_input.brand_raw)
where title <> '' and coalesce(own_brand, decision.brand, own_category) is not null
order by title collate "C", own_brand nulls last, own_category nulls last
limit %s
"""
_KNOWN = """
select version, label_count, rules_right_count, with_model_right_count, filled_count,
    filled_right_count
from enrichment.fallback_trial where kind = %s and version = %s
"""
_KEEP = """
insert into enrichment.fallback_trial as old (
    kind, version, label_count, rules_right_count, with_model_right_count, filled_count,
    filled_right_count, is_used
)
values (%s, %s, %s, %s, %s, %s, %s, %s)
on conflict (kind) do update set
    version = excluded.version, label_count = excluded.label_count,
    rules_right_count = excluded.rules_right_count,
    with_model_right_count = excluded.with_model_right_count,
    filled_count = excluded.filled_count, filled_right_count = excluded.filled_right_count,
    is_used = excluded.is_used, tried_at = now()
where old.version is distinct from excluded.version
"""


@dataclass(slots=True)
class Fallback:
    """The models in force by what they guess, and the trials of all; empty where none is better."""

    trials: Mapping[Kind, Trial]
    _rows: Mapping[Kind, Sequence[Labelled]] = field(default_factory=dict)
    _make: Callable[[], FallbackModel] = TitleClassifier
    _models: dict[Kind, FallbackModel | None] = field(default_factory=dict)

    @property
    def version(self) -> str | None:
        """What tells the models in force apart; None for none."""
        used = [f"{kind}:{trial.version}" for kind, trial in self.trials.items() if trial.is_better]
        return " ".join(used) or None

    def fill(self, titles: Sequence[str], labels: Sequence[ProductLabel]) -> list[ProductLabel]:
        """The labels with their gaps filled where a model is sure enough."""
        filled = list(labels)
        gaps: Mapping[Kind, Callable[[ProductLabel], bool]] = {
            "brand": lambda label: label.brand.brand is None,
            "category": lambda label: label.category.category is None,
        }
        for kind, is_open in gaps.items():
            places = [at for at, label in enumerate(filled) if is_open(label)]
            guesses = self._guess(kind, [titles[at] for at in places])
            for at, guess in zip(places, guesses, strict=False):
                if guess.confidence >= FLOOR:
                    filled[at] = self._with(filled[at], kind, guess)
        return filled

    def _guess(self, kind: Kind, titles: Sequence[str]) -> list[Guess]:
        if not titles or not self.trials[kind].is_better:
            return []
        if kind not in self._models:
            self._models[kind] = trained(self._rows[kind], self._make)
        model = self._models[kind]
        return model.guess(titles) if model is not None else []

    def _with(self, label: ProductLabel, kind: Kind, guess: Guess) -> ProductLabel:
        if kind == "category":
            category = CategoryResult(guess.value, None, RULE, guess.confidence)
            return replace(label, category=category)
        trial = self.trials["brand"]
        brand = BrandResult(
            brand=guess.value,
            collaborators=label.brand.collaborators,
            rule=RULE,
            evidence=f"{RULE} {trial.version}, learned from {trial.label_count} labels of yours",
            confidence=guess.confidence,
        )
        return replace(label, brand=brand)


def fallback_in_force(
    cur: psycopg.Cursor[Any],
    labeller: ProductLabeller,
    make: Callable[[], FallbackModel] = TitleClassifier,
) -> Fallback:
    """Try the models on the owner's labels, unless that is done, and say which are used.

    Args:
        cur: in the transaction that holds the table `product_input`.
        labeller: the rules in force.
        make: a fresh model.
    """
    confirmed = cur.execute(_CONFIRMED, [MOST_LABELS]).fetchall()
    rows: dict[Kind, list[Labelled]] = {"brand": [], "category": []}
    for title, brand_raw, type_raw, code_raw, brand, category in confirmed:
        label = labeller.label(title, brand_raw=brand_raw, type_raw=type_raw, code_raw=code_raw)
        if brand:
            rows["brand"].append(Labelled(title, brand, label.brand.brand))
        if category:
            rows["category"].append(Labelled(title, category, label.category.category))
    distinct = {kind: list(_first_of_each(rows[kind])) for kind in KINDS}
    trials = {kind: _trial(cur, kind, distinct[kind], make) for kind in KINDS}
    return Fallback(trials, distinct, make)


def _first_of_each(rows: Iterable[Labelled]) -> Iterable[Labelled]:
    """One row a title: a title with two labels has the first."""
    return {row.title: row for row in reversed(list(rows))}.values()


def _trial(
    cur: psycopg.Cursor[Any],
    kind: Kind,
    rows: Sequence[Labelled],
    make: Callable[[], FallbackModel],
) -> Trial:
    known = cur.execute(_KNOWN, [kind, version_of(rows)]).fetchone()
    if known is not None:
        return Trial(*known)
    trial = try_out(rows, make)
    cur.execute(
        _KEEP,
        [
            kind, trial.version, trial.label_count, trial.rules_right_count,
            trial.with_model_right_count, trial.filled_count, trial.filled_right_count,
            trial.is_better,
        ],
    )  # fmt: skip
    return trial
