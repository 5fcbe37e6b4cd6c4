"""The rules of the catalog as data: brands, categories, style codes and size charts.

Rows come from the reviewed CSVs of `dbt_project/seeds/catalog`, either as files or as the tables
of schema `reference` that dbt makes of them, and from the owner's own tables. What the rules decide
is in `brand`, `category`, `style_code` and `size`.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from soleflip_pipelines.catalog.text import normalise
from soleflip_pipelines.settings import PROJECT_ROOT

SEEDS = PROJECT_ROOT / "dbt_project" / "seeds" / "catalog"
# To be raised when code changes what equal rules decide: labels made before are then redone.
CODE_VERSION = 7

Row = Mapping[str, str | None]
# `accepted` are names from marketplaces that the owner took over as brands.


@dataclass(frozen=True, slots=True)
class BrandRule:
    """One pattern; `scope` says where it counts, as the seed `brand_rule` explains."""

    pattern: str
    kind: str
    brand: str
    parent_brand: str | None
    scope: str
    priority: int
    category: str | None = None
    is_owner: bool = False

    @property
    def name(self) -> str:
        """How results refer to the rule."""
        return f"{'owner' if self.is_owner else self.kind}:{self.pattern}"


@dataclass(frozen=True, slots=True)
class BrandInfo:
    """What is known of a brand beside its patterns; `tier` is maker, label or artist."""

    brand: str
    tier: str
    rolls_up: bool
    default_category: str | None
    default_product_type: str | None
    size_chart: str | None


@dataclass(frozen=True, slots=True)
class CategoryRule:
    """One word or phrase; `role` is noun, soft_noun, silhouette, material, ignore, product_type."""

    phrase: str
    match: str
    role: str
    category: str | None
    product_type: str | None
    language: str


@dataclass(frozen=True, slots=True)
class StyleCodeRule:
    """One maker's grammar; `context` is none, brand (must be named) or cell (must stand alone)."""

    brand: str
    regex: str
    template: str
    context: str
    priority: int
    evidence: str
    example: str


@dataclass(frozen=True, slots=True)
class SizeRow:
    """One size of a maker's chart, each system as it is written there."""

    brand: str
    audience: str
    us_size: str
    uk_size: str | None
    eu_size: str | None
    cm_size: str | None


@dataclass(frozen=True, slots=True)
class SizeCorrection:
    """What a size text means by the owner's word; `audience` is blank where the context decides."""

    system: str
    audience: str
    value: str


@dataclass(frozen=True)
class Rules:
    """All rules of one moment and their version.

    `rejected_names` are normalised texts of brand fields that the owner says name no brand;
    `size_corrections` go by the text's `size_text_key`, brand and StockX product (blank: any), and
    are no part of the version, since no label of a product depends on them.
    """

    brand_rules: tuple[BrandRule, ...]
    brand_info: Mapping[str, BrandInfo]
    category_rules: tuple[CategoryRule, ...]
    style_code_rules: tuple[StyleCodeRule, ...]
    size_chart: tuple[SizeRow, ...]
    version: str
    rejected_names: frozenset[str] = frozenset()
    size_corrections: Mapping[tuple[str, str, str], SizeCorrection] = field(default_factory=dict)


TABLES = ("brand_rule", "brand_info", "category_rule", "style_code_rule", "size_chart")
# A digest of each table as it lies: equal ones are equal rules, another order is but read again.
_CONTENTS = sql.SQL(" union all ").join(
    sql.SQL("select md5(string_agg(t::text, chr(10))) from {} as t").format(sql.Identifier(*name))
    for name in (
        *(("reference", table) for table in TABLES),
        ("owner", "brand_pattern"),
        ("owner", "brand_decision"),
    )
)
_latest: dict[str, Rules] = {}


def load_rules_from_csv(folder: Path = SEEDS) -> Rules:
    """The rules of the reviewed files alone.

    Raises:
        FileNotFoundError: one of the five files is not in `folder`.
    """
    return build_rules({table: read_csv(folder / f"{table}.csv") for table in TABLES}, ())


@lru_cache(maxsize=1)
def default_rules() -> Rules:
    """The rules of the project's own files, read once."""
    return load_rules_from_csv()


def load_rules(conn: psycopg.Connection) -> Rules:
    """The rules in force: schema `reference`, and the owner's words that win over them.

    Each step of a run asks for them; they are read and sorted anew only when they have changed.
    """
    with conn.cursor(row_factory=dict_row) as cur:
        contents = str(cur.execute(_CONTENTS).fetchall())
        if contents not in _latest:
            rules = _read_rules(cur)
            _latest.clear()
            _latest[contents] = rules
        rules = _latest[contents]
        cur.execute("select * from owner.size_correction")
        sizes = {
            (row["size_key"], row["brand"], row["product_id"]): SizeCorrection(
                row["size_system"], row["audience"], row["size_value"]
            )
            for row in cur
        }
    return replace(rules, size_corrections=sizes)


def _read_rules(cur: psycopg.Cursor[dict[str, Any]]) -> Rules:
    tables: dict[str, list[Row]] = {}
    for table in TABLES:
        cur.execute(sql.SQL("select * from reference.{}").format(sql.Identifier(table)))
        tables[table] = [_as_text(row) for row in cur]
    cur.execute("select pattern, brand, priority from owner.brand_pattern")
    owner = [_as_text(row) for row in cur]
    cur.execute("select name, is_accepted, brand, parent_brand from owner.brand_decision")
    return build_rules(tables, owner, [_as_text(row) for row in cur])


def size_text_key(raw: str) -> str:
    """What two spellings of a size text have in common: no case, no blanks, a decimal point."""
    return "".join(raw.casefold().split()).replace(",", ".")


def build_rules(
    tables: Mapping[str, Iterable[Row]], owner: Iterable[Row], decisions: Iterable[Row] = ()
) -> Rules:
    """Typed rules of raw rows; equal rows give an equal version whatever their order.

    Args:
        tables: the rows of `TABLES`.
        owner: the owner's patterns: pattern, brand, priority.
        decisions: the owner's word on brand fields: name, is_accepted, brand, parent_brand.
    """
    known = {table: [dict(row) for row in tables[table]] for table in TABLES}
    own = [dict(row) for row in owner]
    decided = [dict(row) for row in decisions]
    accepted = [row for row in decided if row["brand"]]
    brand_rules = [_brand_rule(row) for row in known["brand_rule"]]
    parents = {rule.brand: rule.parent_brand for rule in brand_rules if rule.parent_brand}
    parents |= {row["brand"] or "": row["parent_brand"] for row in accepted if row["parent_brand"]}
    brand_rules += [_accepted_rule(row, parents) for row in accepted]
    brand_rules += [_owner_rule(row, parents) for row in own]
    return Rules(
        brand_rules=tuple(sorted(brand_rules, key=_brand_order)),
        brand_info={row["brand"] or "": _brand_info(row) for row in known["brand_info"]},
        category_rules=tuple(
            sorted(map(_category_rule, known["category_rule"]), key=lambda rule: rule.phrase)
        ),
        style_code_rules=tuple(
            sorted(
                map(_style_code_rule, known["style_code_rule"]),
                key=lambda rule: (-rule.priority, rule.brand, rule.regex),
            )
        ),
        size_chart=tuple(map(_size_row, known["size_chart"])),
        version=_version({**known, "owner": own, "decision": decided}),
        rejected_names=frozenset(
            normalise(row["name"] or "") for row in decided if not row["brand"]
        ),
    )


def _brand_order(rule: BrandRule) -> tuple[bool, int, str, str]:
    return (not rule.is_owner, -rule.priority, rule.pattern, rule.brand)


def _version(tables: Mapping[str, list[dict[str, str | None]]]) -> str:
    lines = sorted(
        json.dumps([table, {k: v for k, v in sorted(row.items()) if v}])
        for table, rows in tables.items()
        for row in rows
    )
    return hashlib.sha256("\n".join([str(CODE_VERSION), *lines]).encode()).hexdigest()[:16]


def read_csv(path: Path) -> list[Row]:
    """The rows of one reviewed file; empty cells are None."""
    with path.open(encoding="utf-8", newline="") as file:
        return [{k: v.strip() or None for k, v in row.items()} for row in csv.DictReader(file)]


def _as_text(row: Mapping[str, object]) -> Row:
    """A row of the database as its file has it, where a truth value is written small."""
    texts = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in row.items()}
    return {k: (texts[k].strip() or None) if v is not None else None for k, v in row.items()}


def _brand_rule(row: Row) -> BrandRule:
    return BrandRule(
        pattern=row["pattern"] or "",
        kind=row["kind"] or "brand",
        brand=row["brand"] or "",
        parent_brand=row["parent_brand"],
        scope=row["scope"] or "any",
        priority=int(row["priority"] or 0),
        category=row["category"],
    )


def _owner_rule(row: Row, parents: Mapping[str, str | None]) -> BrandRule:
    brand = row["brand"] or ""
    return BrandRule(
        pattern=row["pattern"] or "",
        kind="brand",
        brand=brand,
        parent_brand=parents.get(brand),
        scope="any",
        priority=int(row["priority"] or 0),
        is_owner=True,
    )


def _accepted_rule(row: Row, parents: Mapping[str, str | None]) -> BrandRule:
    """A name that came as a brand field counts there, and where a title begins with it."""
    brand = row["brand"] or ""
    return BrandRule(
        pattern=row["name"] or "",
        kind="accepted",
        brand=brand,
        parent_brand=parents.get(brand),
        scope="start",
        priority=500,
    )


def _brand_info(row: Row) -> BrandInfo:
    return BrandInfo(
        brand=row["brand"] or "",
        tier=row["tier"] or "label",
        rolls_up=(row["rolls_up"] or "").casefold() in ("true", "t", "yes"),
        default_category=row["default_category"],
        default_product_type=row["default_product_type"],
        size_chart=row["size_chart"],
    )


def _category_rule(row: Row) -> CategoryRule:
    return CategoryRule(
        phrase=row["phrase"] or "",
        match=row["match"] or "word",
        role=row["role"] or "noun",
        category=row["category"],
        product_type=row["product_type"],
        language=row["language"] or "en",
    )


def _style_code_rule(row: Row) -> StyleCodeRule:
    return StyleCodeRule(
        brand=row["brand"] or "",
        regex=row["regex"] or "",
        template=row["template"] or "",
        context=row["context"] or "none",
        priority=int(row["priority"] or 0),
        evidence=row["evidence"] or "weak",
        example=row["example"] or "",
    )


def _size_row(row: Row) -> SizeRow:
    return SizeRow(
        brand=row["brand"] or "",
        audience=row["audience"] or "",
        us_size=row["us_size"] or "",
        uk_size=row["uk_size"],
        eu_size=row["eu_size"],
        cm_size=row["cm_size"],
    )
