"""Deletes imported files whose time is over: they hold the personal data that raw has forgotten.

A file is kept as long as its table's `cells` are, counted from its import. Files of kinds without
such a rule hold nothing personal and stay.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import psycopg

from soleflip_pipelines.ingestion.inbox import DONE_FOLDER
from soleflip_pipelines.warehouse.retention import EVIDENCE_SQL

HASH_CHARS = 8  # of the content's hash, at the beginning of an imported file's name
EVIDENCE_PATH = ["imported file"]
RULES_SQL = """
    select raw_table, keep_days from compliance.retention_rule where json_path = '{cells}'
"""
BATCHES_SQL = """
    select left(file_sha256, %s), asset, max(finished_at) from integration.import_batches
    where batch_kind = 'file' and file_sha256 is not null group by 1, 2
"""


def remove_expired_originals(conn: psycopg.Connection, inbox: Path, today: date) -> dict[str, int]:
    """Delete the files of `imported/` whose rule says so, each with its evidence.

    Args:
        conn: a connection of the loader role, with no transaction open.
        inbox: the inbox's folder.
        today: the UTC day that the rules count back from.

    Returns:
        how many files went, by the table that they were imported into.
    """
    days: dict[str, int] = dict(conn.execute(RULES_SQL).fetchall())
    batches: dict[str, list[tuple[str, datetime]]] = {}
    for digest, asset, at in conn.execute(BATCHES_SQL, [HASH_CHARS]).fetchall():
        batches.setdefault(digest, []).append((asset, at))
    conn.commit()
    removed: Counter[str] = Counter()
    folder = inbox / DONE_FOLDER
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        for asset, imported_at in batches.get(path.name.partition("_")[0], ()):
            if asset not in days:
                continue
            day = today - timedelta(days=days[asset])
            if imported_at < datetime.combine(day, time(), UTC):
                with conn.transaction():
                    evidence = {"table": asset, "path": EVIDENCE_PATH, "day": day, "count": 1}
                    conn.execute(EVIDENCE_SQL, evidence)
                    path.unlink()
                removed[asset] += 1
                break
    return dict(removed)
