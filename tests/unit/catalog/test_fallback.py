"""The model that fills gaps: on where it beats the rules on unseen titles, off everywhere else."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from soleflip_pipelines.catalog.fallback import (
    LEAST_LABELS,
    Guess,
    Labelled,
    TitleClassifier,
    Trial,
    trained,
    try_out,
    version_of,
)

pytestmark = pytest.mark.unit

MODELS = {"Zork": ("Blivet", "Wumpus"), "Quux": ("Frobber", "Gizmoid"), "Plugh": ("Xyzzic",)}
COLOURS = "Black White Red Blue Green Grey Sail Navy Pink Olive Brown Silver".split()


def rows(by_rules: str | None = None) -> list[Labelled]:
    """Sixty titles of brands that no rule knows, told by their models."""
    return [
        Labelled(f"{model} {colour} {at}", brand, by_rules)
        for brand, models in MODELS.items()
        for model in models
        for at, colour in enumerate(COLOURS)
    ]


def test_it_helps_where_the_owners_labels_show_a_pattern() -> None:
    trial = try_out(rows())
    assert trial.label_count == 60
    assert trial.rules_right_count == 0
    assert trial.filled_right_count >= 0.9 * trial.filled_count > 40
    assert trial.is_better
    model = trained(rows(), TitleClassifier)
    assert model is not None
    guess = model.guess(["Wumpus Sand 44"])[0]
    assert guess.value == "Zork"
    assert guess.confidence >= 0.6
    assert model.guess([]) == []


def test_it_stays_off_where_titles_do_not_tell_the_label() -> None:
    titles = [row.title for row in rows()]
    noise = [Labelled(title, "ABCDE"[at * 7 % 5], None) for at, title in enumerate(titles)]
    trial = try_out(noise)
    assert not trial.is_better
    assert trial.filled_right_count < 0.9 * max(trial.filled_count, 1)


def test_it_stays_off_where_the_rules_leave_no_gap_or_labels_are_few() -> None:
    known = [row._replace(by_rules=row.confirmed) for row in rows()]
    trial = try_out(known)
    assert (trial.rules_right_count, trial.with_model_right_count) == (60, 60)
    assert not trial.is_better
    few = try_out(rows()[: LEAST_LABELS - 1])
    assert (few.label_count, few.filled_count, few.is_better) == (LEAST_LABELS - 1, 0, False)
    assert not try_out([]).is_better
    one = [Labelled(f"Blivet {at}", "Zork", None) for at in range(60)]
    assert not try_out(one).is_better


def test_more_right_is_not_enough_where_a_tenth_is_wrong() -> None:
    assert Trial("v", 100, 50, 68, 20, 18).is_better
    assert not Trial("v", 100, 50, 67, 20, 17).is_better
    assert not Trial("v", 100, 50, 54, 4, 4).is_better


def test_the_order_of_the_labels_never_matters() -> None:
    assert version_of(rows()) == version_of(rows()[::-1])
    assert version_of(rows()) != version_of(rows()[1:])
    assert try_out(rows()) == try_out(rows()[::-1])


def test_another_model_can_take_its_place() -> None:
    class Parrot:
        """Says of every title what it heard most."""

        def fit(self, _: Sequence[str], labels: Sequence[str]) -> None:
            self.label = max(labels, key=list(labels).count)

        def guess(self, titles: Sequence[str]) -> list[Guess]:
            return [Guess(self.label, 0.7) for _ in titles]

    trial = try_out(rows(), Parrot)
    assert trial.filled_count == 60
    assert not trial.is_better
