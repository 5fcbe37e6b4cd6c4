"""`soleflip evaluate` and `soleflip detect`: how right the catalog's rules are, and why."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from soleflip_pipelines.catalog.evaluation import Evaluation, Kind, evaluate
from soleflip_pipelines.catalog.labeller import ProductLabeller
from soleflip_pipelines.catalog.rules import default_rules, load_rules
from soleflip_pipelines.catalog.size import SizeParser
from soleflip_pipelines.commands.support import owner_connection
from soleflip_pipelines.terminal import print_table

SHOWN = 10


def show_evaluation(kind: Kind, file: Path, console: Console, *, as_json: bool) -> None:
    """Measure a detector on a labelled file and print the scores."""
    result = evaluate(kind, file, default_rules())
    if as_json:
        console.print_json(data=result.as_dict())
        return
    _print_scores(result, console)


def show_detection(
    title: str, size: str | None, console: Console, *, is_own: bool, as_json: bool
) -> None:
    """Label one title, and a size in its context, with the rule and evidence of each answer.

    The project's rules need no database; with `is_own` the owner's decisions count as in a run.
    """
    if is_own:
        with owner_connection() as conn:
            rules = load_rules(conn)
    else:
        rules = default_rules()
    label = ProductLabeller(rules).label(title)
    found = {
        "brand": label.brand.brand,
        "parent_brand": label.brand.parent_brand,
        "sub_brand": label.brand.sub_brand,
        "collaborators": ", ".join(label.brand.collaborators) or None,
        "brand_rule": label.brand.rule,
        "brand_evidence": label.brand.evidence,
        "brand_confidence": label.brand.confidence,
        "category": label.category.category,
        "product_type": label.category.product_type,
        "category_rule": label.category.rule,
        "category_confidence": label.category.confidence,
        "style_codes": ", ".join(code.code for code in label.codes.codes) or None,
    }
    if size is not None:
        parsed = SizeParser(rules).parse(
            size, brand=label.brand.brand, audience=title, category=label.category.category
        )
        found |= {
            "size": parsed.size_key,
            "size_system": parsed.system,
            "size_audience": parsed.audience or None,
            "us_size": parsed.us_size,
            "eu_size": parsed.eu_size,
        }
    if as_json:
        console.print_json(data=found)
        return
    for name, value in found.items():
        shown = "[dim]–[/dim]" if value in (None, "") else str(value).replace("[", r"\[")
        console.print(f"{name.replace('_', ' '):20} {shown}", highlight=False, soft_wrap=True)


def _print_scores(result: Evaluation, console: Console) -> None:
    console.print(f"{result.kind}: {result.n:,} rows, {result.answered:,} answered")
    for name in (
        "coverage", "accuracy", "macro_accuracy", "precision", "recall", "precision_at_floor",
    ):  # fmt: skip
        share = getattr(result, name)
        text = "[dim]–[/dim]" if share is None else f"{share:.2%}"
        console.print(f"  {name.replace('_', ' '):18} {text}", highlight=False)
    console.print(f"  {'speed':18} {result.per_second:,.0f} a second", highlight=False)
    if result.confusion:
        pairs = Table("true", "said", "rows", title="mixed up most", title_justify="left")
        for expected, given, count in result.confusion:
            pairs.add_row(*(text.replace("[", r"\[") for text in (expected, given, f"{count:,}")))
        print_table(console, pairs)
    if not result.worst:
        return
    table = Table("asked", "true", "said", "rule", title="the worst", title_justify="left")
    for example in result.worst[:SHOWN]:
        cells = (example.get(k, "") for k in ("question", "expected", "given", "rule"))
        table.add_row(*(cell.replace("[", r"\[") for cell in cells))
    print_table(console, table)
