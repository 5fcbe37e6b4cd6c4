"""Searches StockX for what was bought or is watched and no order or listing has named.

A style code or GTIN that nobody at StockX knows is kept with the day and not asked for again for a
month. What a found product means for a purchase is the catalog's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import psycopg

from soleflip_pipelines.catalog.rules import default_rules
from soleflip_pipelines.catalog.style_code import StyleCodeExtractor, code_key
from soleflip_pipelines.clients.stockx import Json, StockXClient
from soleflip_pipelines.ingestion.access import open_stockx
from soleflip_pipelines.ingestion.chunks import Fetched, fetch_in_chunks
from soleflip_pipelines.ingestion.market_plan import PARTNER, calls_to_spend
from soleflip_pipelines.ingestion.steps import Log, stockx_workers
from soleflip_pipelines.ingestion.stockx_catalog import PRODUCT_FORM, PRODUCTS
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.loader import (
    BatchResult,
    BatchSource,
    Record,
    Rejection,
    load_batch,
)

AGAIN_AFTER = "30 days"
# A search, and the call for the product that it finds.
CALLS_A_SEARCH = 2
GTIN_DIGITS = frozenset({8, 12, 13, 14})

STATED_SQL = """
    select distinct stated.style_code, stated.gtin
    from (
        select payload ->> 'style_code' as style_code, null as gtin from raw_csv.purchases
        union all select payload ->> 'style_code', payload ->> 'gtin' from raw_csv.products
        union all select payload ->> 'style_code', null from raw_csv.stock_counts
        union all select style_code, null from owner.watch_item where platform = %(partner)s
    ) stated
    where coalesce(stated.style_code, '') <> '' or coalesce(stated.gtin, '') <> ''
    order by 1, 2
"""
KNOWN_CODES_SQL = """
    select distinct payload ->> 'styleId' from raw_stockx.products
    where coalesce(payload ->> 'styleId', '') <> ''
"""
KNOWN_GTINS_SQL = """
    select distinct lpad(gtin.entry ->> 'identifier', 14, '0')
    from raw_stockx.variants
    cross join jsonb_array_elements(
        case jsonb_typeof(payload -> 'gtins') when 'array' then payload -> 'gtins' else '[]' end
    ) as gtin (entry)
"""
SEARCHED_SQL = """
    select search_key from integration.product_search
    where partner = %(partner)s and searched_at > now() - %(again_after)s::interval
"""
NOTE_SQL = """
    insert into integration.product_search (partner, search_key, query, hit_count, searched_at)
    select %s, * from unnest(%s::text[], %s::text[], %s::integer[], %s::timestamptz[])
    on conflict (partner, search_key) do update set
        query = excluded.query, hit_count = excluded.hit_count, searched_at = excluded.searched_at
"""


@dataclass(frozen=True)
class Wanted:
    """A product to look for: by GTIN if `keys` is empty, else by a code with these keys."""

    search_key: str
    query: str
    keys: frozenset[str] = frozenset()


def find_products(
    settings: Settings, conn: psycopg.Connection, *, run_id: str | None = None, log: Log = print
) -> list[BatchResult]:
    """Load the products of codes and GTINs that stand in files or on the watch list.

    Args:
        settings: addresses, credentials, quota and pace.
        conn: a connection of the loader role.
        run_id: Dagster's run, for the ledger.
        log: told about the progress.

    Raises:
        PartnerError: StockX cannot be read; finished chunks are kept.
    """
    wanted = {item.search_key: item for item in _wanted(conn)}
    keys = list(wanted)[: calls_to_spend(settings, conn) // CALLS_A_SEARCH]
    conn.commit()
    if not wanted:
        return []
    log(f"search: {len(keys):,} of {len(wanted):,} unknown codes to look for")
    extractor = StyleCodeExtractor(default_rules())
    results: list[BatchResult] = []
    with open_stockx(settings) as client:

        def fetch(search_key: str) -> list[Json]:
            hits = _hits(client, wanted[search_key], extractor)
            return [client.product(product_id=product_id) for product_id in hits]

        for chunk in fetch_in_chunks(keys, fetch, workers=stockx_workers(settings)):
            origin = BatchSource("stockx", "api", dagster_run_id=run_id)
            after = partial(_note, [i for i in chunk if i.reply is not None or i.is_gone], wanted)
            results.append(load_batch(conn, PRODUCTS, _rows(chunk), origin, after=after))
            found = sum(bool(item.reply) for item in chunk)
            log(f"search: {found:,} of {len(chunk):,} found")
    return results


def _wanted(conn: psycopg.Connection) -> Iterator[Wanted]:
    """What is stated somewhere, unknown, and was not looked for lately."""
    stated = conn.execute(STATED_SQL, {"partner": PARTNER}).fetchall()
    known_codes = [row[0] for row in conn.execute(KNOWN_CODES_SQL)]
    plain = {code_key(code) for code in known_codes}
    asked = {
        row[0]
        for row in conn.execute(SEARCHED_SQL, {"partner": PARTNER, "again_after": AGAIN_AFTER})
    }
    codes = [code for code, _ in stated if code and code_key(code) not in plain]
    gtins = [gtin for code, gtin in stated if gtin and not code]
    if codes:
        yield from _unknown_codes(codes, known_codes, asked)
    if gtins:
        known_gtins = {row[0] for row in conn.execute(KNOWN_GTINS_SQL)}
        for gtin in gtins:
            is_gtin = gtin.isascii() and gtin.isdecimal() and len(gtin) in GTIN_DIGITS
            if is_gtin and gtin.zfill(14) not in known_gtins | asked:
                yield Wanted(gtin.zfill(14), gtin)


def _unknown_codes(
    codes: Iterable[str], known_codes: Iterable[str], asked: set[str]
) -> Iterator[Wanted]:
    extractor = StyleCodeExtractor(default_rules())
    known = {key for code in known_codes for key in extractor.parse_field(code).keys}
    for code in codes:
        found = extractor.parse_field(code)
        if found.first and found.first.key not in asked and known.isdisjoint(found.keys):
            yield Wanted(found.first.key, found.first.code, frozenset(found.keys))


def _hits(client: StockXClient, wanted: Wanted, extractor: StyleCodeExtractor) -> Iterator[str]:
    """The ids of the products meant; a search also gives what is merely near."""
    if not wanted.keys:
        yield str(client.variant_of_gtin(gtin=wanted.query).get("productId", ""))
        return
    for hit in client.search(query=wanted.query):
        keys = extractor.parse_field(str(hit.get("styleId") or "")).keys
        if not wanted.keys.isdisjoint(keys) and isinstance(hit.get("productId"), str):
            yield hit["productId"]


def _rows(chunk: list[Fetched[list[Json]]]) -> Iterator[Record | Rejection]:
    for item in chunk:
        for product in item.reply or ():
            yield PRODUCT_FORM.record(product, f"search for {item.key}")


def _note(
    settled: list[Fetched[list[Json]]], wanted: dict[str, Wanted], cur: psycopg.Cursor, _: int
) -> None:
    columns = [
        [item.key for item in settled],
        [wanted[item.key].query for item in settled],
        [len(item.reply or ()) for item in settled],
        [item.at for item in settled],
    ]
    cur.execute(NOTE_SQL, [PARTNER, *columns])
