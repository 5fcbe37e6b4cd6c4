"""Which product and variant every item of a partner is, one way for all doors, in `enrichment`.

Purchase lines, affiliate offers, sales outside StockX, Alias listings, counted lines and product
lists are read in one form, recognised by `finder`, and written to the table of their kind with
method, score and, where nothing is sure, candidates. The owner's word wins over every rule.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, LiteralString, NamedTuple

import psycopg

from soleflip_pipelines.catalog.audience import audience_of
from soleflip_pipelines.catalog.bulk import Target, merge, only_row, stage
from soleflip_pipelines.catalog.catalogue import known_products
from soleflip_pipelines.catalog.finder import NO_MATCH, Line, Match, ProductFinder
from soleflip_pipelines.catalog.labeller import ProductLabeller
from soleflip_pipelines.catalog.match_sources import ITEMS, OFFERS, PURCHASES, SALES
from soleflip_pipelines.catalog.rules import Rules, load_rules
from soleflip_pipelines.catalog.seller_words import known_codes, named_size, read_label
from soleflip_pipelines.catalog.similarity import without_colour
from soleflip_pipelines.catalog.style_code import StyleCodes, code_key

_FOUND = (
    "partner_product_id", "partner_variant_id", "match_method", "match_score", "candidates",
)  # fmt: skip
_TOLD = (*_FOUND, "style_code", "size_key")
PURCHASE_MATCH = Target(
    table="purchase_match",
    keys=("line_key",),
    values=("platform", *_TOLD),
    stamp="matched_at",
)
OFFER_MATCH = Target(
    table="offer_match",
    keys=("feed_id", "aw_product_id"),
    values=("platform", *_FOUND),
    stamp="matched_at",
)
SALE_MATCH = Target(
    table="sale_match",
    keys=("source", "platform", "order_number", "order_line"),
    values=(*_TOLD, "rule_version"),
    stamp="matched_at",
)
ITEM_MATCH = Target(
    table="item_match",
    keys=("kind", "item_key"),
    values=(*_TOLD, "rule_version"),
    stamp="matched_at",
)
_DECISIONS = """
select kind, item_key, product_id from owner.identity_decision
where kind not in ('product', 'variant')
"""
Decisions = dict[tuple[str, str], str | None]


class Told(NamedTuple):
    """What a partner says of an item, in the order in which every source selects it.

    `label` are free words of a seller (of an offer, its description), `code` a field for codes;
    brand, category and style keys are those of the item's stored label, where it has one.
    """

    label: str | None
    code: str | None
    name: str | None
    brand_raw: str | None
    size_raw: str | None
    gtin: str | None
    audience: str | None
    colour: str | None
    brand: str | None
    category: str | None
    style_keys: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class MatchReport:
    """What a matching found; `methods` counts the rows by how they were recognised.

    `matched` are those with a variant; `undecided` have candidates and wait for a person.
    """

    total: int
    matched: int
    undecided: int
    written: int
    removed: int
    methods: dict[str, int] = field(default_factory=dict)

    def as_metadata(self) -> dict[str, Any]:
        """Flat figures for a run's metadata; the share is None where there is nothing to match."""
        return {
            "considered": self.total,
            "matched": self.matched,
            "matched_share": round(self.matched / self.total, 4) if self.total else None,
            "undecided": self.undecided,
            "written_now": self.written,
            "removed": self.removed,
            **{f"by_{method}": count for method, count in sorted(self.methods.items())},
        }


def match_purchases(conn: psycopg.Connection) -> MatchReport:
    """Find the product and variant of every purchase line; one transaction.

    An item whose product is known and whose size is not has no variant and half the score.
    """
    return _match(conn, PURCHASE_MATCH, PURCHASES)


def match_offers(conn: psycopg.Connection) -> MatchReport:
    """Find the product and variant of every affiliate offer; those of none are not kept."""
    return _match(conn, OFFER_MATCH, OFFERS)


def match_sales(conn: psycopg.Connection) -> MatchReport:
    """Find the product and variant of every sale that names no StockX variant."""
    return _match(conn, SALE_MATCH, SALES)


def match_items(conn: psycopg.Connection) -> MatchReport:
    """Find the product and variant of every listing, counted and listed article."""
    return _match(conn, ITEM_MATCH, ITEMS)


def _match(conn: psycopg.Connection, target: Target, query: LiteralString) -> MatchReport:
    methods: Counter[str] = Counter()
    with conn.transaction(), conn.cursor() as cur:
        rules = load_rules(conn)
        lines = cur.execute(query).fetchall()
        recogniser = Recogniser.load(cur, rules) if lines else None
        rows = recogniser.rows(lines, target, methods) if recogniser else iter(())
        stage(cur, target, rows)
        written = merge(cur, target, replace_all=True)
        matched, undecided = only_row(
            cur.execute(
                "select count(partner_variant_id), count(*) filter (where candidates <> '[]')"
                " from decided"
            )
        )
    return MatchReport(
        len(lines), matched, undecided, written.inserted + written.updated, written.deleted,
        dict(methods),
    )  # fmt: skip


class Recogniser:
    """Says of items what they are, by one set of rules, products and decisions."""

    def __init__(
        self, rules: Rules, labeller: ProductLabeller, finder: ProductFinder, decisions: Decisions
    ) -> None:
        """Take what is known; `decisions` go by kind and key of the item (None: none of ours)."""
        self._version = rules.version
        self._labeller, self._finder, self._decisions = labeller, finder, decisions
        self._memory: dict[Told, tuple[Match, str | None]] = {}

    @classmethod
    def load(cls, cur: psycopg.Cursor[Any], rules: Rules) -> Recogniser:
        """Read products and decisions from the database."""
        labeller = ProductLabeller(rules)
        finder = ProductFinder(known_products(cur, labeller), rules)
        decisions = {(kind, key): product for kind, key, product in cur.execute(_DECISIONS)}
        return cls(rules, labeller, finder, decisions)

    def rows(
        self, lines: list[tuple[Any, ...]], target: Target, methods: Counter[str]
    ) -> Iterator[tuple[Any, ...]]:
        """A row of the target for each line, counted by method; an offer that is nothing has none.

        Args:
            lines: keys of the target, then the decision's kind and key, then `Told`.
            target: the table that the rows are for.
            methods: is added to.
        """
        keys = len(target.keys)
        for line in lines:
            told = Told(*line[keys + 2 :])
            if told.style_keys is not None:
                told = told._replace(style_keys=tuple(told.style_keys))
            match, style_code = self.recognise(told, line[keys], line[keys + 1])
            methods[match.method] += 1
            if target is OFFER_MATCH and match.product is None and not match.candidates:
                continue
            found = self._found(match, style_code)
            yield (*line[:keys], *(found[name] for name in target.values))

    def recognise(self, told: Told, kind: str = "", key: str = "") -> tuple[Match, str | None]:
        """What an item is, and its style code; equal items (the sizes of an offer) are asked once.

        Args:
            told: what the partner says of it.
            kind: with `key`, how the owner names it.
            key: see `kind`.
        """
        if (kind, key) in self._decisions:
            line = self._line(told, told.name or "", told.size_raw, told.code)
            return self._finder.decided(line, self._decisions[kind, key]), told.code
        known = self._memory.get(told)
        if known is None:
            known = self._memory[told] = self._read(told)
        return known

    def _read(self, told: Told) -> tuple[Match, str | None]:
        """The first reading that means a variant, else the first that means a product.

        The code's field or label goes before the title, the size's field before label and title.
        """
        if told.style_keys is not None:
            name = without_colour(told.name or "", told.colour)
            line = self._line(told._replace(label=None), name, told.size_raw, None)
            line = replace(line, names_year=False)
            if line.brand and not line.style_keys:
                line = replace(line, style_keys=tuple(self._known_keys(told.label, line.brand)))
            return self._finder.find(line), None
        name = told.name or ""
        words = read_label(told.label, self._finder.knows, self._labeller.codes)
        sizes = dict.fromkeys((told.size_raw, words.size, named_size(name)))
        best: tuple[Match, str | None] = NO_MATCH, None
        codes = (told.code or words.code, *known_codes(name, self._finder.knows), None)
        for code in dict.fromkeys(codes):
            line = self._line(told, name, told.size_raw, code)
            style_code = self._style_code(told, name, code)
            for size in sizes:
                match = self._finder.find(replace(line, size_raw=size))
                if match.variant is not None:
                    return match, style_code
                if best[0].product is None and (
                    match.product is not None
                    or best[1] is None
                    or (match.candidates and not best[0].candidates)
                ):
                    best = match, style_code
        return best

    def _line(self, told: Told, name: str, size: str | None, code: str | None) -> Line:
        if told.style_keys is not None:
            brand, category, keys = told.brand, told.category, told.style_keys
        else:
            label = self._labeller.label(name, brand_raw=told.brand_raw, code_raw=code)
            key = code_key(code or "")
            keys = (key,) if self._finder.knows(key) else label.codes.keys
            brand, category = label.brand.brand, label.category.category
        return Line(
            name=name,
            size_raw=size,
            brand=brand,
            style_keys=keys,
            category=category,
            audience=audience_of(name) or audience_of(told.audience),
            gtin=told.gtin,
            partner_id=(told.code or told.label or "").strip().lower() or None,
        )

    def _known_keys(self, text: str | None, brand: str) -> Iterator[str]:
        """Keys of codes in a text that no grammar tells from other numbers, but the catalogue."""
        for code in known_codes(text, self._finder.knows):
            if self._finder.knows(code_key(code), brand):
                yield code_key(code)

    def _style_code(self, told: Told, name: str, code: str | None) -> str | None:
        if self._finder.knows(code_key(code or "")):
            return code
        label = self._labeller.label(name, brand_raw=told.brand_raw, code_raw=code)
        return _first(label.codes)

    def _found(self, match: Match, style_code: str | None) -> dict[str, Any]:
        candidates = [
            {
                "product_id": candidate.product.partner_product_id,
                "title": candidate.product.title,
                "why": candidate.why,
                "score": candidate.score,
            }
            for candidate in match.candidates
        ]
        return {
            "platform": "stockx" if match.product else None,
            "partner_product_id": match.product.partner_product_id if match.product else None,
            "partner_variant_id": match.variant.partner_variant_id if match.variant else None,
            "match_method": match.method,
            "match_score": Decimal(str(match.score)),
            "candidates": json.dumps(candidates),
            "style_code": style_code,
            "size_key": match.size.size_key if match.size else None,
            "rule_version": self._version,
        }


def _first(codes: StyleCodes) -> str | None:
    return codes.first.code if codes.first else None
