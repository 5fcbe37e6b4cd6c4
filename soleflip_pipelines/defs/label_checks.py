"""Checks of what the catalog rules decided: does a person need to look? All are warnings.

A rule that abstains is no error and holds nothing up. What products are taken for one is checked in
`identity_checks`, what every raw table is checked for in `checks`; no assets here.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import psycopg

from soleflip_pipelines.catalog.accuracy import FLOORS, Accuracy, AccuracyReport
from soleflip_pipelines.catalog.product_labelling import BrandMix, LabelReport
from soleflip_pipelines.catalog.size_labelling import SizeReport

ABSTENTIONS = "few_abstentions"
BRAND_MIX = "steady_brand_mix"
SIZES = "sizes_are_understood"
RIGHT = "right_enough"
EXAMPLES = 10
_WORST_COLUMNS = ("question", "expected", "given", "rule")
MOST_ABSTAINED = 0.05
MOST_UNKNOWN_SIZES = 0.02
# Half the sum of all changes of shares: what part of the products would have to change brand.
MOST_SHIFTED = 0.10
# A mix of fewer products shifts by chance.
LEAST_PRODUCTS = 50

_OF_PRODUCTS = {
    ABSTENTIONS: f"At most {MOST_ABSTAINED:.0%} of each partner's products have no brand or no "
    "category that is sure enough. See them with `soleflip catalog review`.",
    BRAND_MIX: f"The brands of each partner's products moved by at most {MOST_SHIFTED:.0%} against "
    "the run before; more is a new range, or a rule that goes too far.",
}
_OF_SIZES = {
    SIZES: f"At most {MOST_UNKNOWN_SIZES:.0%} of the size texts are understood by no rule."
}
_OF_ACCURACY = {
    RIGHT: "Of the labelled set that ships with the project the rules in force, the owner's "
    "included, get right: "
    + ", ".join(f"{kind} at least {floor:.0%}" for kind, floor in FLOORS.items())
    + ".",
}
_ABSTAINED_SQL = """
    select platform, count(*), count(*) filter (where brand is null),
           count(*) filter (where category is null), count(review_reason)
    from enrichment.product_label group by platform order by platform
"""
_UNKNOWN_SIZES_SQL = """
    select size_raw, min(brand), count(*) from enrichment.size_label
    where size_system = 'OTHER' group by size_raw order by count(*) desc, size_raw limit %s
"""


def product_checks(address: str) -> list[dg.AssetCheckSpec]:
    """The specs of what labels of products are checked for."""
    return specs(address, _OF_PRODUCTS)


def size_checks(address: str) -> list[dg.AssetCheckSpec]:
    """The spec of what labels of sizes are checked for."""
    return specs(address, _OF_SIZES)


def accuracy_checks(address: str) -> list[dg.AssetCheckSpec]:
    """The spec of what the measured accuracy is checked for."""
    return specs(address, _OF_ACCURACY)


def product_results(
    conn: psycopg.Connection, address: str, report: LabelReport
) -> Iterator[dg.AssetCheckResult]:
    """The results for labels of products that `report` has just brought up to date."""
    rows = conn.execute(_ABSTAINED_SQL).fetchall()
    table = "\n".join(
        f"| {platform} | {total:,} | {no_brand:,} | {no_category:,} | {waiting:,} |"
        for platform, total, no_brand, no_category, waiting in rows
    )
    head = "| partner | products | no brand | no category | to review |\n|---|---|---|---|---|\n"
    rare = all(max(row[2], row[3]) <= MOST_ABSTAINED * row[1] for row in rows)
    yield warning(address, ABSTENTIONS, rare, {"labels": dg.MetadataValue.md(head + table)})
    shifts = {
        platform: brand_shift(before, report.mix_after.get(platform, {}))
        for platform, before in report.mix_before.items()
        if sum(before.values()) >= LEAST_PRODUCTS
    }
    moved = "\n".join(
        f"- {line}" for platform in shifts for line in _movers(platform, report)[:EXAMPLES]
    )
    yield warning(
        address,
        BRAND_MIX,
        all(shift <= MOST_SHIFTED for shift in shifts.values()),
        {
            **{f"shift of {platform}": round(shift, 4) for platform, shift in shifts.items()},
            "moved most": dg.MetadataValue.md(moved or "nothing"),
        },
    )


def size_results(
    conn: psycopg.Connection, address: str, report: SizeReport
) -> Iterator[dg.AssetCheckResult]:
    """The result for labels of sizes."""
    rows = conn.execute(_UNKNOWN_SIZES_SQL, [EXAMPLES]).fetchall()
    lines = "\n".join(f"- {raw} ({brand or 'no brand'}): {n:,}" for raw, brand, n in rows)
    yield warning(
        address,
        SIZES,
        report.unknown <= MOST_UNKNOWN_SIZES * report.contexts,
        {
            "sizes": report.contexts,
            "not understood": report.unknown,
            "for example": dg.MetadataValue.md(lines or "none"),
        },
    )


def accuracy_results(address: str, report: AccuracyReport) -> Iterator[dg.AssetCheckResult]:
    """The result for the measured accuracy."""
    short = [figure.kind for figure in report.figures if not figure.is_right_enough]
    yield warning(address, RIGHT, not short, {"below their floor": ", ".join(short) or "none"})


def accuracy_metadata(report: AccuracyReport) -> dict[str, Any]:
    """Figures, confused pairs and worst examples of every kind, as tables that the UI shows."""
    head = (
        "| | rows | coverage | right | mean of sources | recall | right at the floor |\n"
        "|---|---|---|---|---|---|---|\n"
    )
    table = "\n".join(
        f"| {figure.kind} | {figure.row_count:,} | {_percent(figure.coverage)} "
        f"| {_percent(figure.accuracy)} | {_percent(figure.macro_accuracy)} "
        f"| {_percent(figure.recall)} | {_percent(figure.worst.get('precision_at_floor'))} |"
        for figure in report.figures
    )
    return {
        "measured now": report.is_measured_now,
        "rule_version": report.rule_version,
        "accuracy": dg.MetadataValue.md(head + table),
        **{f"confused, {f.kind}": dg.MetadataValue.md(_confused(f)) for f in report.figures},
        **{f"worst of {f.kind}": dg.MetadataValue.md(_worst(f)) for f in report.figures},
    }


def _confused(figure: Accuracy) -> str:
    pairs = figure.worst["confusion"]
    if not pairs:
        return "none"
    lines = (f"| {_cell(true)} | {_cell(said)} | {count:,} |" for true, said, count in pairs)
    return "| true | said | rows |\n|---|---|---|\n" + "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "/")


def _worst(figure: Accuracy) -> str:
    examples = figure.worst["examples"][:EXAMPLES]
    if not examples:
        return "none"
    cells = (tuple(_cell(example.get(name, "")) for name in _WORST_COLUMNS) for example in examples)
    head = "| asked | true | said | rule |\n|---|---|---|---|\n"
    return head + "\n".join(f"| {' | '.join(row)} |" for row in cells)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.2%}"


def brand_shift(before: Mapping[str, int], after: Mapping[str, int]) -> float:
    """The share of products (0 to 1) that changed sides between two mixes of brands."""
    return sum(abs(change) for change in _changes(before, after).values()) / 2


def _changes(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, float]:
    old, new = sum(before.values()) or 1, sum(after.values()) or 1
    return {
        brand: after.get(brand, 0) / new - before.get(brand, 0) / old for brand in {*before, *after}
    }


def _movers(platform: str, report: LabelReport) -> list[str]:
    mixes: tuple[BrandMix, BrandMix] = (report.mix_before, report.mix_after)
    before, after = (mix.get(platform, {}) for mix in mixes)
    changes = sorted(_changes(before, after).items(), key=lambda item: (-abs(item[1]), item[0]))
    return [
        f"{platform} {brand}: {before.get(brand, 0):,} → {after.get(brand, 0):,} ({change:+.1%})"
        for brand, change in changes
        if abs(change) >= 0.001
    ]


def specs(address: str, checks: Mapping[str, str]) -> list[dg.AssetCheckSpec]:
    """A spec for each name with its description."""
    return [
        dg.AssetCheckSpec(name, asset=address.split("."), description=description)
        for name, description in checks.items()
    ]


def warning(address: str, name: str, passed: bool, metadata: dict[str, Any]) -> dg.AssetCheckResult:
    """A result that holds nothing up when it has not passed."""
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=address.split("."),
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=metadata,
    )
