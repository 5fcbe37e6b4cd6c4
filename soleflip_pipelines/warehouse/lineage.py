"""Which column of a mart comes from which columns: read from dbt's compiled SQL with sqlglot.

Pure text work on what dbt has compiled; nothing here asks the database.
"""

from __future__ import annotations

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
) -> dict[str, ColumnSources]:
    """Lineage of every model whose SQL was compiled, by address.

    Args:
        manifest: dbt's manifest.
        compiled_folder: dbt's `target/compiled`.
        columns: types by column by address, of everything that models select from.
    """
    answers: dict[str, ColumnSources] = {}
    for node in manifest["nodes"].values():
        path = compiled_folder / node["package_name"] / node["original_file_path"]
        if node["resource_type"] != "model" or not path.exists():
            continue
        text = path.read_text("utf-8").replace(NEXT, "")
        parents = _parent_columns(manifest, node, columns)
        answers[f"{node['schema']}.{node['alias']}"] = _analyse(text, parents)
    return answers


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


def _analyse(text: str, parents: Mapping[str, Mapping[str, str]]) -> ColumnSources:
    """Sources of each column of a query; nothing where sqlglot cannot follow it."""
    from sqlglot import exp, parse_one
    from sqlglot.errors import SqlglotError
    from sqlglot.lineage import lineage

    schema: dict[str, Any] = {}
    for address, types in parents.items():
        schema_name, table = address.split(".", 1)
        schema.setdefault(schema_name, {})[table] = dict(types)
    try:
        tree = parse_one(text, dialect="postgres")
        for table_node in tree.find_all(exp.Table):
            table_node.set("catalog", None)
        # All columns at once and without trimming: several times faster than one by one.
        columns = lineage(
            None, tree, schema=schema, dialect="postgres", trim_selects=False, copy=False
        )
    except SqlglotError:
        return {}
    found: ColumnSources = {}
    for name, root in columns.items():
        sources = set()
        for leaf in root.walk():
            origin = leaf.expression.find(exp.Table)
            if leaf.downstream or origin is None:
                continue
            address = f"{origin.db}.{origin.name}"
            if address in parents:
                sources.add((address, exp.to_column(leaf.name).name))
        found[name] = sorted(sources)
    return found
