"""Where a model may answer what the rules left open, and the one model that there is.

A model learns from the owner's own labels alone, fills only gaps, says how sure it is, and is used
only while it beats the rules in cross-validation. Which labels those are and what is kept of the
comparison belongs to `fallback_trial`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from soleflip_pipelines.catalog.brand import FLOOR
from soleflip_pipelines.catalog.text import normalise

RULE = "classifier"
FOLDS = 5
# Fewer labels, or fewer filled gaps, say nothing about how right a model is.
LEAST_LABELS = 40
LEAST_FILLED = 5
LEAST_PRECISION = 0.9
# A label seen once cannot be learned from some titles and tried on others.
LEAST_TITLES = 2


class Guess(NamedTuple):
    """The likeliest label of a title and its probability (0 to 1)."""

    value: str
    confidence: float


class FallbackModel(Protocol):
    """What can learn labels of titles; equal training must give equal guesses."""

    def fit(self, titles: Sequence[str], labels: Sequence[str]) -> None:
        """Learn: one label a title, at least two different ones."""

    def guess(self, titles: Sequence[str]) -> list[Guess]:
        """The likeliest label of each title, in their order."""


class Labelled(NamedTuple):
    """A title, what the owner says it is, and what the rules say (None: nothing)."""

    title: str
    confirmed: str
    by_rules: str | None


@dataclass(frozen=True, slots=True)
class Trial:
    """How a model did on the owner's labels, each guessed by a model that had not seen its title.

    `rules_right_count` are labels that the rules alone get right, `with_model_right_count` those
    that are right once the model fills the gaps, `filled_count` the gaps that it filled.
    """

    version: str
    label_count: int
    rules_right_count: int
    with_model_right_count: int
    filled_count: int
    filled_right_count: int

    @property
    def is_better(self) -> bool:
        """Whether the model beats the rules, and is seldom wrong where it answers."""
        return (
            self.filled_count >= LEAST_FILLED
            and self.with_model_right_count > self.rules_right_count
            and self.filled_right_count >= LEAST_PRECISION * self.filled_count
        )


class TitleClassifier:
    """Logistic regression on the words of a title and the parts of its words."""

    def __init__(self) -> None:
        """Nothing is learned yet; scikit-learn is loaded only here, since that takes a second."""
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline, make_union

        words = TfidfVectorizer(
            preprocessor=normalise, token_pattern=r"\S+", ngram_range=(1, 2), sublinear_tf=True
        )
        parts = TfidfVectorizer(preprocessor=normalise, analyzer="char_wb", ngram_range=(3, 4))
        self._model: Any = make_pipeline(
            make_union(words, parts), LogisticRegression(C=30.0, tol=0.01)
        )

    def fit(self, titles: Sequence[str], labels: Sequence[str]) -> None:
        """Learn the labels."""
        from threadpoolctl import threadpool_limits

        # Threads cost more than they give on a matrix this small.
        with threadpool_limits(limits=1):
            self._model.fit(list(titles), list(labels))

    def guess(self, titles: Sequence[str]) -> list[Guess]:
        """The likeliest label of each title."""
        if not titles:
            return []
        names = self._model.classes_
        return [
            Guess(str(names[row.argmax()]), round(float(row.max()), 3))
            for row in self._model.predict_proba(list(titles))
        ]


def version_of(rows: Sequence[Labelled]) -> str:
    """What tells two trainings apart: the titles, their labels, and what the rules say of them."""
    lines = sorted("\t".join((row.title, row.confirmed, row.by_rules or "")) for row in rows)
    return hashlib.sha256("\n".join([RULE, "1", *lines]).encode()).hexdigest()[:12]


def trained(rows: Sequence[Labelled], make: Callable[[], FallbackModel]) -> FallbackModel | None:
    """A model that has learned the rows; None where there are no two labels to tell apart."""
    if len({row.confirmed for row in rows}) < 2:
        return None
    model = make()
    model.fit([row.title for row in rows], [row.confirmed for row in rows])
    return model


def try_out(rows: Sequence[Labelled], make: Callable[[], FallbackModel] = TitleClassifier) -> Trial:
    """Cross-validate a model on the owner's labels, against the rules alone.

    Args:
        rows: distinct titles. The folds follow their texts, so the order never matters.
        make: a fresh model.
    """
    version = version_of(rows)
    right = sum(row.by_rules == row.confirmed for row in rows)
    counts = Counter(row.confirmed for row in rows)
    known = [row for row in rows if counts[row.confirmed] >= LEAST_TITLES]
    if len(rows) < LEAST_LABELS or len({row.confirmed for row in known}) < 2:
        return Trial(version, len(rows), right, right, 0, 0)
    ordered = sorted(rows, key=lambda row: hashlib.sha256(row.title.encode()).digest())
    filled = filled_right = 0
    for fold in range(FOLDS):
        model = trained([row for i, row in enumerate(ordered) if i % FOLDS != fold], make)
        gaps = [row for row in ordered[fold::FOLDS] if row.by_rules is None]
        if model is None:
            continue
        for row, guess in zip(gaps, model.guess([row.title for row in gaps]), strict=True):
            if guess.confidence >= FLOOR:
                filled += 1
                filled_right += guess.value == row.confirmed
    return Trial(version, len(rows), right, right + filled_right, filled, filled_right)
