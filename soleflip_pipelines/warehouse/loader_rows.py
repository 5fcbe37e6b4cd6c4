"""From rows as a source yields them to chunks that the database can take.

Canonical text, hash, what PostgreSQL cannot hold, and repeats within a chunk are settled here, in
memory and without any I/O; what the table already holds is settled by `loader`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from soleflip_pipelines.warehouse.batch import RawTable, Record, Rejection

CHUNK_ROWS = 5_000
CHUNK_CHARS = 8 * 1024 * 1024
MAX_FIELDS = 2_000

# One encoder for all rows: `json.dumps` would make one for each.
_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode


class Prepared(NamedTuple):
    """A row that is ready: its place in the batch, canonical text, hash, and version if known."""

    line: int
    text: str
    digest: str
    version: str | None


@dataclass
class Chunk:
    """Some rows of a batch, one a key; `read` = rows + duplicates + rejections."""

    rows: dict[tuple[str, ...], Prepared] = field(default_factory=dict)
    rejections: list[tuple[int, Rejection]] = field(default_factory=list)
    read: int = 0
    duplicate: int = 0
    size: int = 0

    def add(self, key: tuple[str, ...], row: Prepared) -> None:
        """Take a row; of equal keys the newer version stays, of equal versions the later row."""
        known = self.rows.get(key)
        if known is not None:
            self.duplicate += 1
            if _moment(row.version) < _moment(known.version):
                return
        self.rows[key] = row
        self.size += len(row.text)

    @property
    def is_full(self) -> bool:
        """Whether the next row belongs to another chunk."""
        return self.size > CHUNK_CHARS or len(self.rows) + len(self.rejections) >= CHUNK_ROWS


class FieldPaths:
    """The names of fields that came: of the top level, and of objects on it as `outer.inner`."""

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self._top: set[str] = set()
        self._inner: dict[str, set[str]] = {}

    def note(self, payload: dict[str, Any]) -> None:
        """Remember what is new in a payload; names past the first two thousand are not kept."""
        if not payload.keys() <= self._top and len(self.paths) < MAX_FIELDS:
            self._top |= payload.keys()
            self.paths |= payload.keys()
        for name, value in payload.items():
            if type(value) is dict and not value.keys() <= self._inner.setdefault(name, set()):
                self._inner[name] |= value.keys()
                if len(self.paths) < MAX_FIELDS:
                    self.paths.update(f"{name}.{inner}" for inner in value)


def chunks(
    table: RawTable, rows: Iterable[Record | Rejection], fields: FieldPaths
) -> Iterator[Chunk]:
    """The rows of a batch in chunks of bounded size; there is none if there are no rows."""
    chunk = Chunk()
    for line, row in enumerate(rows, start=1):
        chunk.read += 1
        prepared = _prepared(table, row, line) if isinstance(row, Record) else row
        if isinstance(prepared, Rejection):
            chunk.rejections.append((line, prepared))
        else:
            assert isinstance(row, Record)
            fields.note(row.payload)
            chunk.add(row.key, prepared)
        if chunk.is_full:
            yield chunk
            chunk = Chunk()
    if chunk.read:
        yield chunk


def canonical_json(payload: dict[str, Any]) -> str:
    """The one text of a payload: keys sorted, no blanks.

    Raises:
        ValueError: a number that JSON does not have (NaN, infinity).
    """
    return _encode(payload)


def payload_hash(text: str) -> str:
    """SHA-256 of a payload's canonical text, as 64 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def storable(rejection: Rejection) -> tuple[str, str]:
    """A rejection as JSON, what PostgreSQL cannot hold made visible in it, and its row's hash."""
    digest = hashlib.sha256(rejection.raw.encode("utf-8", "backslashreplace")).hexdigest()
    return _encode(_visible(asdict(rejection))), digest


def _visible(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\\u0000").encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_visible(name): _visible(inner) for name, inner in value.items()}
    return [_visible(inner) for inner in value] if isinstance(value, list | tuple) else value


def _prepared(table: RawTable, record: Record, line: int) -> Prepared | Rejection:
    """Text, hash and version of a record, or why PostgreSQL could not hold it."""
    key = record.key
    if len(key) != len(table.key_columns):
        raise ValueError(f"{table.address} has the key {table.key_columns}, not {len(key)}")
    problem = "missing_key", "a part of the key is missing"
    if all(key):
        try:
            text = _encode(record.payload)
            digest = payload_hash(text)
            "".join(key).encode()
        except UnicodeEncodeError:
            problem = "bad_unicode", "half of a character pair without its other half"
        except ValueError:
            problem = "bad_number", "a number that is not finite"
        else:
            # The letters \u0000 alone can also be a backslash that somebody wrote.
            if not ("\\u0000" in text and _has_nul(record.payload)) and not _has_nul(key):
                version = _version(table, record.payload) if table.newer_by else None
                return Prepared(line, text, digest, version)
            problem = "nul_character", "a NUL character, which PostgreSQL cannot hold"
    raw = json.dumps({"key": key, "payload": record.payload}, sort_keys=True)
    return Rejection(str(line), problem[0], problem[1], raw)


def _has_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(inner) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return any(_has_nul(inner) for inner in value)
    return False


def _version(table: RawTable, payload: dict[str, Any]) -> str | None:
    value: object = payload
    for name in (table.newer_by or "").split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None


def _moment(version: str | None) -> datetime:
    """A version as a time; what is none is older than every time."""
    try:
        moment = datetime.fromisoformat(version or "")
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
