"""Which column of a mart comes from which columns: read from dbt's compiled SQL with sqlglot.

Pure text work on what dbt has compiled; nothing here asks the database. Answers are kept in a
file by the hash of the SQL, since the analysis of a large model takes longer than its query.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ColumnSources = dict[str, list[tuple[str, str]]]
"""By column: the addresses ("schema.table") and columns that it is made of."""

NEXT = "__next"


def column_lineage(
    manifest: Mapping[str, Any],
    compiled_folder: Path,
    columns: Mapping[str, Mapping[str, str]],
    cache_file: Path,
) -> dict[str, ColumnSources]:
    """Lineage of every model whose SQL was compiled, by address.

    Args:
        manifest: dbt's manifest.
        compiled_folder: dbt's `target/compiled`.
        columns: types by column by address, of everything that models select from.
        cache_file: JSON file with the answers of earlier runs; written again when it grew.
    """
    cached = _read_cache(cache_file)
    answers: dict[str, ColumnSources] = {}
    kept: dict[str, Any] = {}
    for node in manifest["nodes"].values():
        if node["resource_type"] != "model":
            continue
        path = compiled_folder / node["package_name"] / node["original_file_path"]
        if not path.exists():
            continue
        address = f"{node['schema']}.{node['alias']}"
        text = path.read_text("utf-8").replace(NEXT, "")
        parents = _parent_columns(manifest, node, columns)
        key = hashlib.sha256(
            json.dumps([text, parents, sorted(columns.get(address, {}))]).encode()
        ).hexdigest()
        found = cached.get(key)
        if found is None:
            found = _analyse(text, parents, list(columns.get(address, {})))
        kept[key] = found
        answers[address] = {c: [(s[0], s[1]) for s in sources] for c, sources in found.items()}
    if kept != cached:
        cache_file.parent.mkdir(parents=True, exist_ok=True)
        partial = cache_file.with_suffix(".part")
        partial.write_text(json.dumps(kept), "utf-8")
        partial.replace(cache_file)
    return answers


def _read_cache(path: Path) -> dict[str, Any]:
    try:
        cached = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return cached if isinstance(cached, dict) else {}


def _parent_columns(
    manifest: Mapping[str, Any],
    node: Mapping[str, Any],
    columns: Mapping[str, Mapping[str, str]],
) -> dict[str, dict[str, str]]:
    parents = {}
    for unique_id in node["depends_on"]["nodes"]:
        parent = manifest["nodes"].get(unique_id) or manifest["sources"].get(unique_id)
        if parent is None:
            continue
        address = f"{parent['schema']}.{parent.get('alias') or parent['identifier']}"
        parents[address] = dict(columns.get(address, {}))
    return parents


def _analyse(
    text: str, parents: Mapping[str, Mapping[str, str]], names: list[str]
) -> dict[str, list[list[str]]]:
    """Sources of each named column; a column that sqlglot cannot follow has none."""
    from sqlglot import exp, parse_one
    from sqlglot.errors import SqlglotError
    from sqlglot.lineage import lineage
    from sqlglot.optimizer.qualify import qualify

    schema: dict[str, dict[str, dict[str, str]]] = {}
    for address, types in parents.items():
        schema_name, table = address.split(".", 1)
        schema.setdefault(schema_name, {})[table] = dict(types)
    try:
        tree = parse_one(text, dialect="postgres")
        for table_node in tree.find_all(exp.Table):
            table_node.set("catalog", None)
        qualified = qualify(
            tree, schema=schema, dialect="postgres", validate_qualify_columns=False
        ).sql(dialect="postgres")
    except SqlglotError:
        return {}
    found: dict[str, list[list[str]]] = {}
    for name in names:
        try:
            leaves = [
                node
                for node in lineage(name, qualified, schema=schema, dialect="postgres").walk()
                if not node.downstream
            ]
        except (SqlglotError, ValueError, KeyError):
            continue
        sources = set()
        for leaf in leaves:
            table = leaf.expression.find(exp.Table)
            if table is not None and f"{table.db}.{table.name}" in parents:
                column = exp.to_column(leaf.name).name
                sources.add((f"{table.db}.{table.name}", column))
        found[name] = [list(source) for source in sorted(sources)]
    return found
