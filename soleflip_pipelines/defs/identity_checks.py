"""Checks of what is taken for one product: doubled identities, and items that found none.

All are warnings: a person should look, and nothing is held up. No assets here.
"""

from collections.abc import Iterator, Mapping
from typing import Any, LiteralString

import dagster as dg
import psycopg

from soleflip_pipelines.catalog.matching import MatchReport
from soleflip_pipelines.defs.label_checks import EXAMPLES, specs, warning

DOUBLED = "no_doubled_identity"
MATCHED = "most_are_matched"
DECIDED = "none_is_undecided"
MOST_UNMATCHED = 0.10

_OF_IDENTITY = {
    DOUBLED: "No barcode, and no style code within one type of product, belongs to two products "
    "that the owner has not merged: `soleflip catalog merge`.",
}
_OF_MATCHES = {
    MATCHED: f"At most {MOST_UNMATCHED:.0%} of the lines have no known product and size.",
    DECIDED: "No item may be several products, or is but much like one: see `soleflip catalog "
    "undecided`, and decide with `assign`.",
}
_DOUBLED_SQL = """
    with variant as (
        select coalesce(own.our_product_id, merged.our_product_id, known.partner_product_id)
                   as product_id, known.gtins
        from staging.stg_stockx__variants as known
        left join enrichment.stockx_identity as own
            on own.kind = 'variant' and own.partner_id = known.partner_variant_id
        left join enrichment.stockx_identity as merged
            on merged.kind = 'product' and merged.partner_id = known.partner_product_id
    ),
    doubled as (
        select 'barcode ' || number as shared, min(product_id) as one, max(product_id) as other
        from variant cross join unnest(gtins) as number
        group by number having count(distinct product_id) > 1
        union all
        select concat_ws(' ', 'style code', style_key, product_type), min(partner_product_id),
               max(partner_product_id)
        from enrichment.product_label
        where platform = 'stockx' and style_key is not null and partner_product_id not in (
            select partner_id from enrichment.stockx_identity where kind = 'product'
        )
        group by style_key, product_type having count(*) > 1
    )
    select shared, one, other, count(*) over () from doubled order by shared limit %s
"""
# How much of what StockX names has the maker's own code, as the first choice for a SKU.
_CODES_SQL = """
    select round(avg((style_code is not null)::integer), 4)
    from enrichment.product_label where platform = 'stockx'
"""
# What names a line to a person, by the table of its match.
_UNMATCHED_SQL: Mapping[str, LiteralString] = {
    "enrichment.purchase_match": """
        select line_key, style_code from enrichment.purchase_match
        where partner_variant_id is null and match_method <> 'owner' order by line_key limit %s
    """,
    "enrichment.sale_match": """
        select concat_ws(' ', source, platform, order_number, order_line), style_code
        from enrichment.sale_match
        where partner_variant_id is null and match_method <> 'owner' order by 1 limit %s
    """,
    "enrichment.item_match": """
        select concat_ws(' ', kind, item_key), style_code from enrichment.item_match
        where partner_product_id is null and match_method <> 'owner' order by 1 limit %s
    """,
    "enrichment.offer_match": """
        select concat_ws(':', feed_id, aw_product_id), candidates #>> '{0,title}'
        from enrichment.offer_match where candidates <> '[]' order by 1 limit %s
    """,
}


def identity_checks(address: str) -> list[dg.AssetCheckSpec]:
    """The spec of what the identity of StockX's products is checked for."""
    return specs(address, _OF_IDENTITY)


def match_checks(address: str) -> list[dg.AssetCheckSpec]:
    """The specs of what matches are checked for; most offers are none of ours, and need not be."""
    names = [DECIDED] if address == "enrichment.offer_match" else [MATCHED, DECIDED]
    return specs(address, {name: _OF_MATCHES[name] for name in names})


def identity_results(conn: psycopg.Connection, address: str) -> Iterator[dg.AssetCheckResult]:
    """The result for the products as the owner's merges and splits make them."""
    doubled = conn.execute(_DOUBLED_SQL, [EXAMPLES]).fetchall()
    lines = "\n".join(f"- {shared}: {one} and {other}" for shared, one, other, _ in doubled)
    found = {
        "doubled": doubled[0][3] if doubled else 0,
        "for example": dg.MetadataValue.md(lines or "none"),
    }
    yield warning(address, DOUBLED, not doubled, found)


def match_results(
    conn: psycopg.Connection, address: str, report: MatchReport
) -> Iterator[dg.AssetCheckResult]:
    """The results for the matches that `report` has just brought up to date."""
    rows = conn.execute(_UNMATCHED_SQL[address], [EXAMPLES]).fetchall()
    examples = "\n".join(f"- {line} ({code or 'no style code'})" for line, code in rows)
    shown: dict[str, Any] = {
        "lines": report.total,
        "not matched": report.total - report.matched,
        "undecided": report.undecided,
        "for example": dg.MetadataValue.md(examples or "none"),
    }
    if address != "enrichment.offer_match":
        is_rare = report.total - report.matched <= MOST_UNMATCHED * report.total
        yield warning(address, MATCHED, is_rare, shown)
    yield warning(address, DECIDED, not report.undecided, shown)


def code_share(conn: psycopg.Connection) -> float | None:
    """The share (0 to 1) of StockX's products with the maker's own style code; None without any."""
    row = conn.execute(_CODES_SQL).fetchone()
    return None if row is None or row[0] is None else float(row[0])
