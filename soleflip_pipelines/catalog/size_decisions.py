"""What the owner decides about sizes: a text that means otherwise than the rules read it.

Corrections are rows of `owner.size_correction`; `rules` loads them and `size` gives them precedence
at the next run.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

from soleflip_pipelines.catalog.audience import LETTERS
from soleflip_pipelines.catalog.brand import BrandDetector
from soleflip_pipelines.catalog.decisions import DecisionError
from soleflip_pipelines.catalog.identity_decisions import find_product
from soleflip_pipelines.catalog.rules import SizeCorrection, load_rules, size_text_key
from soleflip_pipelines.catalog.size import SizeParser
from soleflip_pipelines.catalog.size_result import SizeContext

SIZE_SYSTEMS = ("US", "UK", "EU", "CM", "KR", "ALPHA", "WAIST", "CAP", "ONE")
_CORRECT = """
insert into owner.size_correction
    (size_key, size_raw, brand, product_id, size_system, audience, size_value, note)
values (%s, %s, %s, %s, %s, %s, %s, %s)
"""
_DECISIONS = """
select
    'size' as kind, size_raw as about,
    concat_ws(' ', 'means', size_system, nullif(audience, ''), size_value) as decision,
    nullif(concat_ws(' ', nullif(brand, ''), nullif(product_id, '')), '') as brand,
    null as category, null as style_code, note, decided_at
from owner.size_correction
"""


def correct_size(
    conn: psycopg.Connection,
    raw: str,
    system: str,
    value: str,
    *,
    audience: str = "",
    brand: str | None = None,
    product: str | None = None,
    note: str | None = None,
) -> str:
    """Read a size text otherwise than the rules; returns the master size that it now is.

    Raises:
        DecisionError: the system or audience is none, the value is no size of it, brand and product
            are both named, or the text is corrected already.
    """
    system, audience = system.upper(), audience.lower()
    if system not in SIZE_SYSTEMS:
        raise DecisionError(f"{system} is no size system: choose one of {', '.join(SIZE_SYSTEMS)}")
    if audience and audience not in (*LETTERS, "kids", "unisex"):
        raise DecisionError(f"{audience} is no audience: choose one of {', '.join(LETTERS)}")
    if not raw.strip():
        raise DecisionError("the size text is blank: quote it as the source writes it")
    if brand and product:
        raise DecisionError("name a brand or a product, not both: a product has its brand")
    with conn.transaction():
        rules = load_rules(conn)
        named = (BrandDetector(rules).canonical(brand) or brand) if brand else ""
        product_id = find_product(conn, product).product_id if product else ""
        told = SizeCorrection(system, audience, value.strip())
        found = SizeParser(rules).corrected(told, SizeContext(named or None, audience, ""))
        if found.system != system:
            raise DecisionError(f"{value} is no size in {system}: it reads as {found.size_key}")
        key = size_text_key(raw)
        if (key, named, product_id) in rules.size_corrections:
            raise DecisionError(
                f'"{raw}" is corrected already: `soleflip catalog undo "{raw}"` takes that back'
            )
        conn.execute(_CORRECT, [key, raw, named, product_id, system, audience, told.value, note])
    return found.size_key


def undo_size(conn: psycopg.Connection, raw: str) -> int:
    """Take back all that was said of a size text; returns how many corrections that were."""
    return conn.execute(
        "delete from owner.size_correction where size_key = %s", [size_text_key(raw)]
    ).rowcount


def size_decisions(conn: psycopg.Connection) -> list[dict[str, Any]]:
    """All corrections of sizes, in the form of `decisions.decisions`."""
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(_DECISIONS).fetchall()
