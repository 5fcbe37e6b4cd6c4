"""docs/schema.md: every table, its grain, keys and columns, with a diagram a schema.

Names, types and keys are the database's, words are dbt's or the migrations' comments; nothing is
said here that is not said there. What a figure means belongs to docs/metrics.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from soleflip_pipelines.warehouse.side_schemas import COLUMNS_SQL, ColumnFacts

# The schemas in the order in which they are told, with what each is for.
SCHEMAS = {
    "catalog": "Products, variants, brands, categories and sizes.",
    "inventory": "Units in lots: what there is, where, since when and at what cost.",
    "sales": "Orders line by line with their profit, listings, and what happened to them.",
    "supplier": "Suppliers, purchases and their offers.",
    "integration": "The ledger: what was read, refused, planned and asked for.",
    "pricing": "Market prices and recommendations.",
    "analytics": "Key figures, summaries, goals and forecasts.",
    "compliance": "Permissions as granted, how long personal data stays, and what was removed.",
    "operations": "What is to be shipped by when, and how listings changed.",
    "core": "Credentials, settings and the state of the schema itself.",
    "auth": "Who may read or act.",
    "platform": "Marketplaces, their dated fees and levels.",
    "financial": "Every cent as a signed line, payouts, VAT, profit and loss.",
    "logging": "Runs, failures, bad rows and what was sent to partners.",
    "realtime": "Events in the order in which they became true.",
    "owner": "What the owner decided; it survives every rebuild and wins over rules.",
    "reference": "What the project knows, replaced from reviewed CSVs.",
    "enrichment": "What Python rules and models decided.",
    "history": "What grows in place, since no source keeps it.",
    "raw_stockx": "StockX as received.",
    "raw_ebay": "eBay as received.",
    "raw_alias": "Alias as received.",
    "raw_awin": "Awin as received.",
    "raw_csv": "Files as received.",
    "raw_ecb": "Reference rates as received.",
}
HEAD = """\
# The schemas

{count} tables in {schemas} schemas, written by `soleflip docs schema`: names, types and keys from
the database, words from dbt's descriptions and the migrations' comments. `make docs` serves the
same with lineage. Staging views and intermediate tables are steps in between and not listed.

Marts (catalog to analytics, operations, platform, financial) are built anew by each publication and
carry `build_id`. In the diagrams a line leads from a key to the row that it names.
"""
TABLES_SQL = """
    select namespace.nspname || '.' || relation.relname,
           coalesce(obj_description(relation.oid, 'pg_class'), ''),
           coalesce((
               select array_agg(attribute.attname::text order by place.position)
               from pg_index
               cross join unnest(pg_index.indkey::smallint[])
                   with ordinality as place (number, position)
               inner join pg_attribute as attribute
                   on attribute.attrelid = relation.oid and attribute.attnum = place.number
               where pg_index.indrelid = relation.oid and pg_index.indisprimary
           ), '{}')
    from pg_class as relation
    inner join pg_namespace as namespace on relation.relnamespace = namespace.oid
    where namespace.nspname = any(%s) and relation.relkind in ('r', 'v', 'm')
"""
FOREIGN_KEYS_SQL = """
    select child.nspname || '.' || here.relname, attribute.attname,
           parent.nspname || '.' || there.relname
    from pg_constraint as link
    inner join pg_class as here on link.conrelid = here.oid
    inner join pg_namespace as child on here.relnamespace = child.oid
    inner join pg_class as there on link.confrelid = there.oid
    inner join pg_namespace as parent on there.relnamespace = parent.oid
    inner join pg_attribute as attribute
        on attribute.attrelid = here.oid and attribute.attnum = link.conkey[1]
    where link.contype = 'f' and child.nspname = any(%s)
    order by 1, 2
"""
KINDS = {"r": "table", "v": "view", "m": "materialized view"}


@dataclass(frozen=True)
class Described:
    """A table with all that is said of it; `links` are columns and the addresses they lead to."""

    address: str
    kind: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[ColumnFacts, ...]
    links: tuple[tuple[str, str], ...]


def schema_page(conn: psycopg.Connection, manifest: Mapping[str, Any]) -> str:
    """The whole page as Markdown.

    Args:
        conn: of a role that may see all schemas; nothing but the catalog is read.
        manifest: dbt's, of the same project.
    """
    tables = _read(conn, manifest)
    by_schema = {
        schema: [table for table in tables if table.address.split(".")[0] == schema]
        for schema in SCHEMAS
    }
    present = {schema: found for schema, found in by_schema.items() if found}
    parts = [HEAD.format(count=len(tables), schemas=len(present))]
    for schema, found in present.items():
        parts += [f"## {schema}\n\n{SCHEMAS[schema]}\n", *_diagram(found)]
        parts += [_chapter(table) for table in found]
    return "\n".join(parts)


def _read(conn: psycopg.Connection, manifest: Mapping[str, Any]) -> list[Described]:
    names = list(SCHEMAS)
    nodes = {
        f"{node['schema']}.{node.get('alias') or node['name']}": node
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed")
    }
    keys, links = _tested(manifest, nodes)
    for address, column, target in conn.execute(FOREIGN_KEYS_SQL, [names]):
        links.setdefault(address, {})[column] = target
    facts = {row[0]: row[1:] for row in conn.execute(TABLES_SQL, [names])}
    found = []
    for schema, name, kind, columns in conn.execute(COLUMNS_SQL, [names]):
        address = f"{schema}.{name}"
        comment, primary = facts[address]
        node = nodes.get(address, {"description": "", "columns": {}})
        said = {n: c["description"] for n, c in node["columns"].items()}
        found.append(
            Described(
                address=address,
                kind=KINDS[kind],
                grain=_one_line(node["description"] or comment),
                key=tuple(primary) or keys.get(address, ()),
                columns=tuple(
                    ColumnFacts(n, data_type, _one_line(said.get(n) or text))
                    for n, data_type, text in columns
                ),
                links=tuple(sorted(links.get(address, {}).items())),
            )
        )
    return found


def _tested(
    manifest: Mapping[str, Any], nodes: Mapping[str, Any]
) -> tuple[dict[str, tuple[str, ...]], dict[str, dict[str, str]]]:
    """Keys and links by address, as dbt's tests promise them."""
    address_of = {node["unique_id"]: address for address, node in nodes.items()}
    by_name = {node["name"]: address for address, node in nodes.items()}
    keys: dict[str, tuple[str, ...]] = {}
    links: dict[str, dict[str, str]] = {}
    for node in manifest["nodes"].values():
        address = address_of.get(node.get("attached_node") or "")
        if node["resource_type"] != "test" or address is None:
            continue
        arguments = node["test_metadata"]["kwargs"]
        if node["test_metadata"]["name"] in ("grain", "keyed_by"):
            keys[address] = tuple(arguments["columns"])
        for link in arguments.get("links", ()):
            target = re.search(r"'(\w+)'\)", link["to"])
            if target and target[1] in by_name:
                links.setdefault(address, {})[link["column"]] = by_name[target[1]]
    return keys, links


def _diagram(tables: Sequence[Described]) -> Iterator[str]:
    """The entities of a schema with their keys, and where these lead; none without any."""
    if not any(table.key or table.links for table in tables):
        return
    lines = ["```mermaid", "erDiagram"]
    for table in tables:
        linked = [name for name, _ in table.links]
        shown = [c for c in table.columns if c.name in table.key or c.name in linked]
        lines.append(f"    {_entity(table.address)} {{")
        for column in shown:
            marks = [m for m, is_so in (("PK", column.name in table.key),
                                        ("FK", column.name in linked)) if is_so]  # fmt: skip
            data_type = re.sub(r"\W+", "_", column.data_type).strip("_")
            lines.append(f"        {data_type} {column.name} {', '.join(marks)}")
        lines.append("    }")
        lines += [
            f"    {_entity(table.address)} }}o--o| {_entity(target)} : {column}"
            for column, target in table.links
        ]
    yield "\n".join([*lines, "```", ""])


def _entity(address: str) -> str:
    return address.replace(".", "_")


def _chapter(table: Described) -> str:
    key = f" Key: {', '.join(table.key)}." if table.key else ""
    lines = [f"### {table.address}", "", f"{table.grain or '—'} *({table.kind})*{key}", ""]
    if not any(column.comment for column in table.columns):
        names = ", ".join(f"{c.name} ({c.data_type})" for c in table.columns)
        return "\n".join([*lines, f"Columns: {names}.", ""])
    lines += ["| column | type | meaning |", "| --- | --- | --- |"]
    for column in table.columns:
        meaning = column.comment.replace("|", "\\|")
        lines.append(f"| {column.name} | {column.data_type} | {meaning} |")
    return "\n".join([*lines, ""])


def _one_line(text: str) -> str:
    return " ".join(text.split())
