"""From rows as a source yields them to chunks that the database can take.

Text, hash, what PostgreSQL cannot hold, and repeats within a chunk are settled here, in
memory and without any I/O; what the table already holds is settled by `loader`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from soleflip_pipelines.warehouse.batch import RawTable, Record, Rejection

CHUNK_ROWS = 5_000
CHUNK_CHARS = 8 * 1024 * 1024
MAX_FIELDS = 2_000

ESCAPES = {ord("\\"): "\\\\", ord("\t"): "\\t", ord("\n"): "\\n", ord("\r"): "\\r"}


Key = tuple[str, ...]
# Key, payload as JSON, its hash, and the text of its version or None. A plain tuple: of all the
# objects a row needs, this one is made for every row of every load.
Prepared = tuple[Key, str, str, str | None]


@dataclass
class Chunk:
    """Some rows of a batch, one a key; `read` = rows + duplicates + rejections.

    Attributes:
        first: the line of the batch that `rows[0]` stands for.
        rows: by line; None where a line was refused or repeats another's key.
    """

    first: int
    rows: list[Prepared | None] = field(default_factory=list)
    rejections: list[tuple[int, Rejection]] = field(default_factory=list)
    duplicate: int = 0
    size: int = 0
    _places: dict[Key, int] = field(default_factory=dict)

    @property
    def read(self) -> int:
        """How many lines the chunk stands for."""
        return len(self.rows)

    def lines(self) -> list[tuple[int, Prepared]]:
        """The rows with their lines."""
        return [(line, row) for line, row in enumerate(self.rows, self.first) if row is not None]

    def picked(self, lines: list[int]) -> list[tuple[int, Prepared]]:
        """The rows of some lines."""
        return [(line, row) for line in lines if (row := self.rows[line - self.first]) is not None]

    def add(self, row: Prepared) -> None:
        """Take a row; of equal keys the newer version stays, of equal versions the later row."""
        here = len(self.rows)
        place = self._places.setdefault(row[0], here)
        if place != here:
            self.duplicate += 1
            known = self.rows[place]
            if known is not None and _moment(row[3]) < _moment(known[3]):
                self.rows.append(None)
                return
            self.rows[place] = None
            self._places[row[0]] = here
        self.rows.append(row)
        self.size += len(row[1])

    def refuse(self, rejection: Rejection) -> None:
        """Take a line that is no row."""
        self.rejections.append((self.first + len(self.rows), rejection))
        self.rows.append(None)


class FieldPaths:
    """The names of fields that came: of the top level, and of objects on it as `outer.inner`."""

    def __init__(self) -> None:
        self._levels: dict[str, set[str]] = {"": set()}
        self._count = 0

    def note(self, payload: dict[str, Any]) -> None:
        """Remember what is new in a payload; names past the first two thousand are not kept."""
        levels = self._levels
        if not payload.keys() <= levels[""]:
            self._add("", payload)
        for name, value in payload.items():
            if type(value) is dict and not (name in levels and value.keys() <= levels[name]):
                self._add(name, value)

    def paths(self) -> list[str]:
        """All of them, in order."""
        return sorted(
            f"{name}.{inner}" if name else inner
            for name, inners in self._levels.items()
            for inner in inners
        )

    def _add(self, name: str, level: dict[str, Any]) -> None:
        if self._count < MAX_FIELDS:
            known = self._levels.setdefault(name, set())
            self._count += len(level.keys() - known)
            known.update(level)


def chunks(
    table: RawTable, rows: Iterable[Record | Rejection], fields: FieldPaths
) -> Iterator[Chunk]:
    """The rows of a batch in chunks of bounded size; there is none if there are no rows."""
    chunk = Chunk(1)
    for row in rows:
        if isinstance(row, Record):
            fields.note(row.payload)
            prepared = _prepared(table, row, chunk)
            if isinstance(prepared, tuple):
                chunk.add(prepared)
            else:
                chunk.refuse(prepared)
        else:
            chunk.refuse(row)
        if chunk.size > CHUNK_CHARS or len(chunk.rows) >= CHUNK_ROWS:
            yield chunk
            chunk = Chunk(chunk.first + chunk.read)
    if chunk.rows:
        yield chunk


def copy_line(key: Key, text: str, *more: str) -> str:
    """A line of COPY's text format; only key and text can hold what must be escaped."""
    parts: Iterable[str] = key
    joined = "".join(key)
    if "\\" in joined or not joined.isprintable():
        parts = [part.translate(ESCAPES) for part in key]
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    return "\t".join((*parts, text, *more)) + "\n"


def array_text(parts: list[str]) -> str:
    """An array of texts as PostgreSQL reads it; many times faster than one parameter a part."""
    if any(sign in "\t".join(parts) for sign in ('"', "\\")):
        parts = [part.replace("\\", "\\\\").replace('"', '\\"') for part in parts]
    return '{"' + '","'.join(parts) + '"}' if parts else "{}"


def canonical_json(payload: dict[str, Any]) -> str:
    """The one text of a payload: keys sorted, no blanks.

    Raises:
        ValueError: a number that JSON does not have (NaN, infinity).
    """
    return json.dumps(
        payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def storable(rejection: Rejection) -> tuple[str, str]:
    """A rejection as JSON, what PostgreSQL cannot hold made visible in it, and its row's hash."""
    digest = sha256(rejection.raw.encode("utf-8", "backslashreplace")).hexdigest()
    return json.dumps(_visible(asdict(rejection)), ensure_ascii=False), digest


def _visible(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\\u0000").encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_visible(name): _visible(inner) for name, inner in value.items()}
    return [_visible(inner) for inner in value] if isinstance(value, list | tuple) else value


def _prepared(table: RawTable, record: Record, chunk: Chunk) -> Prepared | Rejection:
    """A record ready to be copied, or why PostgreSQL could not hold it."""
    key, payload = record.key, record.payload
    if len(key) != len(table.key_columns):
        raise ValueError(f"{table.address} has the key {table.key_columns}, not {len(key)}")
    problem = "missing_key", "a part of the key is missing"
    if "" not in key:
        try:
            encoded = to_json(payload)
            text = encoded.decode()
            if "NaN" in text or "Infinity" in text:
                canonical_json(payload)
            names = key[0] if len(key) == 1 else "".join(key)
            if not names.isascii():
                names.encode()
        except (UnicodeEncodeError, PydanticSerializationError):
            problem = "bad_unicode", "half of a character pair without its other half"
        except ValueError:
            problem = "bad_number", "a number that is not finite"
        else:
            # The letters \u0000 alone can also be a backslash that somebody wrote.
            if "\0" not in names and not ("\\u0000" in text and _has_nul(payload)):
                version = _version(table.newer_by, payload) if table.newer_by else None
                return key, text, sha256(encoded).hexdigest(), version
            problem = "nul_character", "a NUL character, which PostgreSQL cannot hold"
    raw = json.dumps({"key": key, "payload": payload}, sort_keys=True)
    return Rejection(str(chunk.first + chunk.read), problem[0], problem[1], raw)


def _has_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(inner) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return any(_has_nul(inner) for inner in value)
    return False


def _version(path: str, payload: dict[str, Any]) -> str | None:
    value: object = payload
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) and value.isascii() and value.isprintable() else None


def _moment(version: str | None) -> datetime:
    """A version as a time; what is none is older than every time."""
    try:
        moment = datetime.fromisoformat(version or "")
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
