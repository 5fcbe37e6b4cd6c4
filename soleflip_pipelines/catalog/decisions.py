"""What the owner decides about labels: brands accepted or rejected, words, single products.

Decisions are rows of schema `owner`; they win over rules and reach the labels at the next run.
What waits for a decision is in `review`; how far a new word would reach is said before it is used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import psycopg
from psycopg.rows import dict_row

from soleflip_pipelines.catalog.brand import BrandDetector
from soleflip_pipelines.catalog.category import CATEGORIES
from soleflip_pipelines.catalog.evaluation import shipped_file
from soleflip_pipelines.catalog.phrases import PhraseIndex, phrase_words
from soleflip_pipelines.catalog.rules import BrandRule, Rules, load_rules, read_csv
from soleflip_pipelines.catalog.text import normalise, tokens
from soleflip_pipelines.errors import SoleflipError

EXAMPLES = 3
# With the brand field, as far as it spoke for the brand.
_TITLES = """
select
    title,
    brand,
    case
        when brand_rule like 'hint%' or brand_evidence like '%; brand field %' then brand
    end,
    review_reason is not distinct from 'new brand',
    count(*)
from enrichment.product_label
where brand_rule is distinct from 'owner:override'
group by 1, 2, 3, 4
order by title collate "C"
"""
_WAITING = """
select proposed_brand, count(*) from enrichment.product_label
where review_reason = 'new brand' group by 1
union all
select name, 0 from owner.brand_decision
"""
_DECIDE = """
insert into owner.brand_decision (name_key, name, is_accepted, brand, parent_brand, note)
values (%s, %s, %s, %s, %s, %s)
on conflict (name_key) do update set
    name = excluded.name, is_accepted = excluded.is_accepted, brand = excluded.brand,
    parent_brand = excluded.parent_brand, note = excluded.note, decided_at = now()
"""
_PATTERN = """
insert into owner.brand_pattern (pattern, brand, note) values (%s, %s, %s)
on conflict (pattern) do update set brand = excluded.brand, note = excluded.note,
    created_at = now()
"""
# Of a partner's product, or of one that the owner split off StockX's.
_TITLE = """
select title from enrichment.product_label
where platform = %(platform)s and partner_product_id = %(id)s
union all
select name from owner.split_product where %(platform)s = 'stockx' and product_id = %(id)s
"""
# What is not named stays as it was decided before.
_CORRECT = """
insert into owner.product_override as old
    (platform, partner_product_id, brand, category, style_code, note)
values (%s, %s, %s, %s, %s, %s)
on conflict (platform, partner_product_id) do update set
    brand = coalesce(excluded.brand, old.brand),
    category = coalesce(excluded.category, old.category),
    style_code = coalesce(excluded.style_code, old.style_code),
    note = coalesce(excluded.note, old.note), created_at = now()
"""
_DECISIONS = """
select 'brand' as kind, name as about,
    case when is_accepted then 'accepted' else 'rejected' end as decision,
    brand, null as category, null as style_code, note, decided_at
from owner.brand_decision
union all
select 'pattern', pattern, 'names', brand, null, null, note, created_at from owner.brand_pattern
union all
select 'product', platform || ' ' || partner_product_id, 'set', brand, category, style_code, note,
    created_at
from owner.product_override
order by decided_at desc, kind, about
"""


class DecisionError(SoleflipError):
    """A decision that cannot be taken; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Products or known titles of another brand that a new word would change."""

    brand: str
    count: int
    examples: list[str]


@dataclass(frozen=True, slots=True)
class Effect:
    """What a word would change: products of other brands, and those that have no sure brand.

    `known` are titles of other brands in the labelled set that ships with the project; such may
    come, though no product has one yet.
    """

    brand: str
    conflicts: list[Conflict]
    gained: int
    gained_examples: list[str]
    known: list[Conflict]

    def as_json(self) -> dict[str, Any]:
        """The effect for a script."""
        return asdict(self)


class _Stolen(defaultdict[str, list[tuple[str, int]]]):
    """By brand the titles that would change, each with how many products have it."""

    def __init__(self) -> None:
        super().__init__(list)


def effect_of_pattern(conn: psycopg.Connection, text: str, brand: str) -> Effect:
    """What the owner's pattern would change, wherever it stands in a title.

    Raises:
        DecisionError: the pattern has no letter or digit, or the brand no name.
    """
    rules = load_rules(conn)
    rule = BrandRule(
        _pattern(text), "brand", _brand_name(rules, brand), None, "any", 1000, is_owner=True
    )
    return _effect(conn, rules, rule)


def effect_of_accepting(
    conn: psycopg.Connection, name: str, as_name: str | None, parent: str | None
) -> Effect:
    """What accepting a brand would change beside the products that wait for it.

    Raises:
        DecisionError: no product waits under that name.
    """
    rules = load_rules(conn)
    written, waiting = _waiting(conn, rules, name)
    brand = _brand_name(rules, as_name or written)
    effect = _effect(conn, rules, BrandRule(written, "accepted", brand, parent, "start", 500))
    return replace(effect, gained=max(waiting, effect.gained))


def accept_brand(
    conn: psycopg.Connection,
    name: str,
    *,
    as_name: str | None = None,
    parent: str | None = None,
    note: str | None = None,
) -> None:
    """Take a name of a marketplace's brand field over as a brand, maybe under another name.

    Raises:
        DecisionError: no product waits under that name.
    """
    with conn.transaction():
        rules = load_rules(conn)
        written, _ = _waiting(conn, rules, name)
        house = _brand_name(rules, parent) if parent else None
        brand = _brand_name(rules, as_name or written)
        conn.execute(_DECIDE, [normalise(written), written, True, brand, house, note])


def reject_brand(conn: psycopg.Connection, name: str, *, note: str | None = None) -> int:
    """Say that a name of a marketplace's brand field is no brand; products that had it.

    Raises:
        DecisionError: no product waits under that name.
    """
    with conn.transaction():
        written, waiting = _waiting(conn, load_rules(conn), name)
        conn.execute(_DECIDE, [normalise(written), written, False, None, None, note])
    return waiting


def add_pattern(
    conn: psycopg.Connection, text: str, brand: str, *, note: str | None = None
) -> None:
    """Let words in a title name a brand, before any rule of the project.

    Raises:
        DecisionError: the pattern has no letter or digit, or the brand no name.
    """
    with conn.transaction():
        conn.execute(_PATTERN, [_pattern(text), _brand_name(load_rules(conn), brand), note])


def correct_product(
    conn: psycopg.Connection,
    platform: str,
    product_id: str,
    *,
    brand: str | None = None,
    category: str | None = None,
    style_code: str | None = None,
    note: str | None = None,
) -> str:
    """Decide brand, category or style code of one product; returns its title.

    Raises:
        DecisionError: there is no such product, category, or nothing to decide.
    """
    if not (brand or category or style_code):
        raise DecisionError("say what to set: --brand, --category or --style-code")
    if category and category not in CATEGORIES:
        raise DecisionError(f"{category} is no category: choose one of {', '.join(CATEGORIES)}")
    with conn.transaction():
        found = conn.execute(_TITLE, {"platform": platform, "id": product_id}).fetchone()
        if found is None:
            raise DecisionError(
                f"{platform} has no product {product_id}: `soleflip catalog review --json` and"
                " catalog.product (stockx_product_id) name the ids"
            )
        name = _brand_name(load_rules(conn), brand) if brand else None
        conn.execute(_CORRECT, [platform, product_id, name, category, style_code, note])
    return str(found[0])


def undo(conn: psycopg.Connection, about: str, product_id: str | None = None) -> int:
    """Take decisions back: of a pattern or brand by its words, of a product by platform and id.

    Raises:
        DecisionError: nothing was decided about that.
    """
    with conn.transaction():
        if product_id is not None:
            done = conn.execute(
                "delete from owner.product_override"
                " where platform = %s and partner_product_id = %s",
                [about, product_id],
            ).rowcount
        else:
            key = normalise(about)
            done = conn.execute(
                "delete from owner.brand_decision where name_key = %s", [key]
            ).rowcount
            done += conn.execute(
                "delete from owner.brand_pattern where pattern = %s", [_pattern(about)]
            ).rowcount
    if not done:
        what = f"{about} {product_id}" if product_id else about
        raise DecisionError(f"nothing is decided about {what}: see `soleflip catalog decisions`")
    return done


def decisions(conn: psycopg.Connection) -> list[dict[str, Any]]:
    """All that the owner decided, the newest first."""
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(_DECISIONS).fetchall()


def _effect(conn: psycopg.Connection, rules: Rules, rule: BrandRule) -> Effect:
    """Compare the titles that hold the rule's words, read with the rule and without it."""
    phrase = PhraseIndex([(rule.pattern, True)])
    before = BrandDetector(rules)
    after = BrandDetector(replace(rules, brand_rules=(rule, *rules.brand_rules)))
    stolen, known, gained = _Stolen(), _Stolen(), _Stolen()
    for title, brand, hint, is_proposed, count in (*conn.execute(_TITLES), *_labelled()):
        if not phrase.find(tokens(title)):
            continue
        new = after.detect(title, hint).brand
        if new is None or new in (brand, before.detect(title, hint).brand):
            continue
        kept = gained if brand is None or is_proposed else stolen if count else known
        kept[brand or ""].append((title, count))
    won = [row for rows in gained.values() for row in rows]
    return Effect(
        rule.brand,
        _conflicts(stolen),
        sum(count for _, count in won),
        [title for title, _ in won[:EXAMPLES]],
        _conflicts(known),
    )


def _labelled() -> Iterator[tuple[str, str, None, bool, int]]:
    """The shipped titles that have a brand, as no product's."""
    for row in read_csv(shipped_file("brand")):
        if row["title"] and row["brand"]:
            yield row["title"], row["brand"], None, False, 0


def _conflicts(stolen: _Stolen) -> list[Conflict]:
    found = [
        Conflict(brand, sum(n or 1 for _, n in rows), [title for title, _ in rows[:EXAMPLES]])
        for brand, rows in stolen.items()
    ]
    return sorted(found, key=lambda conflict: (-conflict.count, conflict.brand))


def _pattern(text: str) -> str:
    if not phrase_words(text):
        raise DecisionError(f"{text!r} has no letter or digit that a title could hold")
    return " ".join(text.casefold().split())


def _brand_name(rules: Rules, name: str) -> str:
    """The brand as the rules write it, or as the owner does where they do not know it."""
    written = " ".join(name.split())
    if not normalise(written):
        raise DecisionError(f"{name!r} is no name of a brand")
    return BrandDetector(rules).canonical(written) or written


def _waiting(conn: psycopg.Connection, rules: Rules, name: str) -> tuple[str, int]:
    """The name as the marketplaces write it, and how many products wait for it."""
    key = normalise(name)
    rows = conn.execute(_WAITING).fetchall()
    found = [(written, count) for written, count in rows if normalise(written or "") == key]
    if found:
        return max(found, key=lambda row: (row[1], row[0]))[0], sum(count for _, count in found)
    known = BrandDetector(rules).canonical(name)
    if known:
        raise DecisionError(
            f"{name} is known as {known}: correct products with `soleflip catalog set`, or words"
            " with `soleflip catalog pattern`"
        )
    raise DecisionError(
        f"no product waits for a brand {name}: `soleflip catalog review` lists them"
    )
