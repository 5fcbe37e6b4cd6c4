"""How right the rules in force are on the labelled files that ship with the project, kept.

Measured again only when the rules or those files have changed; `enrichment.catalog_accuracy` has
the last figures. How a file is measured belongs to `evaluation`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from soleflip_pipelines.catalog.evaluation import SHIPPED, Kind, evaluate, shipped_file
from soleflip_pipelines.catalog.rules import Rules, load_rules

# Least share of right answers, below which the rules have lost what they could.
FLOORS: Mapping[Kind, float] = {
    "brand": 0.97,
    "category": 0.97,
    "style-code": 0.98,
    "size": 0.99,
}
_KNOWN = """
select
    kind, row_count, answered_count, coverage::float as coverage, accuracy::float as accuracy,
    macro_accuracy::float as macro_accuracy, recall::float as recall, worst
from enrichment.catalog_accuracy
order by kind
"""
_IS_KNOWN = """
select array_agg(kind order by kind) = %s from enrichment.catalog_accuracy
where rule_version = %s and labelled_hash = %s
"""
_WRITE = """
insert into enrichment.catalog_accuracy (
    kind, rule_version, labelled_hash, row_count, answered_count, coverage, accuracy,
    macro_accuracy, recall, worst
)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The last figures of one kind; shares are 0 to 1, None where there is nothing to share.

    `worst` has `examples` (wrong answers first), `confusion` (expected, given, rows) and
    `precision_at_floor`, the share that is right of the answers that are least sure.
    """

    kind: Kind
    row_count: int
    answered_count: int
    coverage: float | None
    accuracy: float | None
    macro_accuracy: float | None
    recall: float | None
    worst: dict[str, Any]

    @property
    def is_right_enough(self) -> bool:
        """Whether the share of right answers is not below the floor of its kind."""
        return self.accuracy is not None and self.accuracy >= FLOORS[self.kind]


@dataclass(frozen=True, slots=True)
class AccuracyReport:
    """The figures in force, and whether this call measured them."""

    is_measured_now: bool
    rule_version: str
    figures: list[Accuracy]


def measure_shipped(conn: psycopg.Connection) -> AccuracyReport:
    """Measure the rules in force, the owner's included, unless that is done; one transaction."""
    digest = hashlib.sha256()
    for kind in sorted(SHIPPED):
        digest.update(shipped_file(kind).read_bytes())
    labelled_hash = digest.hexdigest()[:16]
    with conn.transaction(), conn.cursor(row_factory=class_row(Accuracy)) as cur:
        rules = load_rules(conn)
        known = conn.execute(_IS_KNOWN, [sorted(SHIPPED), rules.version, labelled_hash]).fetchone()
        is_new = known != (True,)
        if is_new:
            _measure(conn, rules, labelled_hash)
        figures = cur.execute(_KNOWN).fetchall()
    return AccuracyReport(is_new, rules.version, figures)


def _measure(conn: psycopg.Connection, rules: Rules, labelled_hash: str) -> None:
    conn.execute("delete from enrichment.catalog_accuracy")
    for kind in SHIPPED:
        found = evaluate(kind, shipped_file(kind), rules)
        worst = {
            "examples": found.worst,
            "confusion": found.confusion,
            "precision_at_floor": found.precision_at_floor,
        }
        conn.execute(
            _WRITE,
            [
                kind, rules.version, labelled_hash, found.n, found.answered, found.coverage,
                found.accuracy, found.macro_accuracy, found.recall, Jsonb(worst),
            ],
        )  # fmt: skip
