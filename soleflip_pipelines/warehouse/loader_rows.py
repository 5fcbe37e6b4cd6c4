"""From rows as a source yields them to chunks that the database can take.

Text, hash, what PostgreSQL cannot hold, and repeats within a chunk are settled here, in
memory and without any I/O; what the table already holds is settled by `loader`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from pydantic_core import PydanticSerializationError, from_json, to_json

from soleflip_pipelines.warehouse.batch import Page, RawTable, Record, Rejection

CHUNK_ROWS = 2_000
CHUNK_CHARS = 8 * 1024 * 1024
MAX_FIELDS = 2_000
MEANWHILE_ROWS = 50

PROBLEMS = {
    "missing_key": "a part of the key is missing",
    "bad_unicode": "half of a character pair without its other half",
    "bad_number": "a number that is not finite",
    "nul_character": "a NUL character, which PostgreSQL cannot hold",
}
ESCAPES = {ord("\\"): "\\\\", ord("\t"): "\\t", ord("\n"): "\\n", ord("\r"): "\\r"}


Key = tuple[str, ...]
# Key, payload as JSON, its hash, the text of its version or None, and its line. A plain tuple: of
# all the objects a row needs, this one is made for every row of every load. The payload itself is
# not kept: thousands of dictionaries alive at once cost more than all the rest of a re-read.
Prepared = tuple[Key, str, str, str | None, int]


@dataclass(slots=True)
class Chunk:
    """Some rows of a batch, one a key; `read` = rows + duplicate + rejections.

    Attributes:
        before: how many lines of the batch come before it.
        rows: by key, in the order in which they are to be written.
        pages: by place, the hashes of pages that end here and of the rows they made.
        is_noted: whether the fields of all its rows were noted as they came.
    """

    before: int
    read: int = 0
    duplicate: int = 0
    rows: dict[Key, Prepared] = field(default_factory=dict)
    rejections: list[tuple[int, Rejection]] = field(default_factory=list)
    pages: dict[str, tuple[str, str]] = field(default_factory=dict)
    is_noted: bool = False
    size: int = 0

    @property
    def is_full(self) -> bool:
        """Whether it has to be written before more comes."""
        return self.size > CHUNK_CHARS or self.read >= CHUNK_ROWS

    def add(self, row: Prepared) -> None:
        """Take a row; of equal keys the newer version stays, of equal versions the later row."""
        key, text, _, version, _ = row
        known = self.rows.setdefault(key, row)
        if known is not row:
            # The one that stays moves to the end: it is written where the later of them came.
            del self.rows[key]
            refused = [one for one in (known, row) if not _is_finite(one)]
            self._refuse(refused)
            if not refused:
                self.duplicate += 1
                self.rows[key] = known if _moment(version) < _moment(known[3]) else row
            elif len(refused) == 1:
                self.rows[key] = row if refused[0] is known else known
        self.size += len(text)

    def refuse_infinite(self) -> None:
        """Reject the rows whose numbers JSON does not have: to search all text costs a tenth."""
        refused = [row for row in self.rows.values() if not _is_finite(row)]
        self._refuse(refused)
        for row in refused:
            del self.rows[row[0]]

    def _refuse(self, rows: Iterable[Prepared]) -> None:
        for row in rows:
            refused = _rejection("bad_number", row[4], row[0], json.loads(row[1]))
            self.rejections.append((row[4], refused))


class KnownPage(NamedTuple):
    """A page that came before, word for word; its documents are kept as text, being thousands."""

    page: Page
    text: bytes
    keys: list[Key]
    rows_digest: str

    def again(self) -> Page:
        """The page with its documents."""
        return replace(self.page, documents=from_json(self.text))


class FieldPaths:
    """The names of fields that came: of the top level, and of objects on it as `outer.inner`."""

    def __init__(self) -> None:
        self._levels: dict[str, set[str]] = {"": set()}
        self._count = 0

    def note(self, payload: dict[str, Any]) -> None:
        """Remember what is new in a payload; names past the first two thousand are not kept."""
        levels = self._levels
        if not levels[""].issuperset(payload):
            self._add("", payload)
        for name, value in payload.items():
            if type(value) is dict and not (name in levels and levels[name].issuperset(value)):
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


class Chunks:
    """The rows of a batch in chunks of bounded size.

    Args:
        table: what the rows are for.
        fields: notes the fields that come, while `is_noting`.
        known: by place, what `Chunk.pages` said of the pages that were read before.
        are_stored: asked whether pages that are known still are what the table holds, once all
            that came before them is written; it then takes them, and no row is made of them.
        meanwhile: called again and again while rows are made ready.
    """

    def __init__(
        self,
        table: RawTable,
        fields: FieldPaths,
        known: Mapping[str, tuple[str, str]],
        are_stored: Callable[[Sequence[KnownPage]], bool],
        meanwhile: Callable[[], object],
    ) -> None:
        self._table = table
        self._newer_path = table.newer_by.split(".") if table.newer_by else ()
        self._fields = fields
        self.is_noting = True
        self._known = known
        self._are_stored = are_stored
        self._waiting: list[KnownPage] = []
        self._waiting_share = 0.0
        self._meanwhile = meanwhile
        self._chunk = Chunk(0)

    def of(self, rows: Iterable[Record | Rejection | Page]) -> Iterator[Chunk]:
        """Yield the chunks; there is none if there are no rows."""
        for row in rows:
            if isinstance(row, Page):
                yield from self._of_page(row)
                continue
            if self._waiting:
                yield from self._known_pages()
            self._take(row)
            if self._chunk.is_full:
                yield self._cut()
        yield from self._known_pages()
        if self._chunk.read or self._chunk.pages:
            yield self._cut()

    def _of_page(self, page: Page) -> Iterator[Chunk]:
        text = _text(page)
        digest = None if text is None else sha256(text).hexdigest()
        page_digest, rows_digest = self._known.get(page.place, (None, ""))
        if text is not None and digest == page_digest:
            keys: list[Key] = [(str(document[page.key]),) for document in page.documents]
            # The repeats of a page have to be told from what is unchanged.
            if len(set(keys)) == len(keys):
                known = KnownPage(replace(page, documents=()), text, keys, rows_digest)
                self._waiting.append(known)
                self._waiting_share += len(keys) / CHUNK_ROWS + len(text) / CHUNK_CHARS
                if self._waiting_share >= 1:
                    yield from self._known_pages()
                return
        yield from self._known_pages()
        yield from self._new_page(page, digest)

    def _known_pages(self) -> Iterator[Chunk]:
        """Have the pages that wait taken as they are, all at once, or else one by one."""
        waiting, self._waiting, self._waiting_share = self._waiting, [], 0.0
        if waiting and self._chunk.read:
            yield self._cut()
        if not waiting or self._keeps(waiting):
            return
        for known in waiting:
            if self._chunk.read:
                yield self._cut()
            if not self._keeps([known]):
                yield from self._new_page(known.again(), sha256(known.text).hexdigest())

    def _keeps(self, pages: Sequence[KnownPage]) -> bool:
        if not self._are_stored(pages):
            return False
        self._chunk.before += sum(len(page.keys) for page in pages)
        return True

    def _new_page(self, page: Page, digest: str | None) -> Iterator[Chunk]:
        taken = []
        for row in page.rows():
            taken.append(self._take(row))
            if self._chunk.is_full:
                yield self._cut()
        if digest is not None and taken and None not in taken:
            made = sha256("".join(map(str, taken)).encode()).hexdigest()
            self._chunk.pages[page.place] = digest, made

    def _take(self, row: Record | Rejection) -> str | None:
        """Add a row to the chunk; returns its hash, or None if it is refused."""
        chunk = self._chunk
        if not chunk.read:
            chunk.is_noted = self.is_noting
        chunk.read += 1
        if not chunk.read % MEANWHILE_ROWS:
            self._meanwhile()
        line = chunk.before + chunk.read
        ready: Prepared | Rejection
        if isinstance(row, Record):
            if chunk.is_noted:
                self._fields.note(row.payload)
            ready = _prepared(self._table, self._newer_path, row, line)
        else:
            ready = row
        if isinstance(ready, Rejection):
            chunk.rejections.append((line, ready))
            return None
        chunk.add(ready)
        return ready[2]

    def _cut(self) -> Chunk:
        full = self._chunk
        self._chunk = Chunk(full.before + full.read)
        return full


def copy_line(row: Prepared, end: str = "\n") -> str:
    """A line of COPY's text format; only key and text can hold what must be escaped."""
    key, text, digest, _, _ = row
    joined = key[0] if len(key) == 1 else "".join(key)
    if "\\" in joined or not joined.isprintable():
        key = tuple(part.translate(ESCAPES) for part in key)
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    columns = key[0] if len(key) == 1 else "\t".join(key)
    return f"{columns}\t{text}\t{digest}{end}"


def array_text(parts: Sequence[str]) -> str:
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


def _text(page: Page) -> bytes | None:
    try:
        return to_json(page.documents)
    except (UnicodeEncodeError, PydanticSerializationError):
        return None  # its rows will say why


def _prepared(
    table: RawTable, path: Sequence[str], record: Record, line: int
) -> Prepared | Rejection:
    """A record ready to be copied, or why PostgreSQL could not hold it; see `refuse_infinite`."""
    key, payload = record.key, record.payload
    if len(key) != len(table.key_columns):
        raise ValueError(f"{table.address} has the key {table.key_columns}, not {len(key)}")
    problem = "missing_key"
    if "" not in key:
        try:
            encoded = to_json(payload)
            text = encoded.decode()
            names = key[0] if len(key) == 1 else "".join(key)
            if not names.isascii():
                names.encode()
        except (UnicodeEncodeError, PydanticSerializationError):
            problem = "bad_unicode"
        else:
            # The letters \u0000 alone can also be a backslash that somebody wrote.
            is_suspect = "\\" in text and "\\u0000" in text
            if "\0" not in names and not (is_suspect and _has_nul(payload)):
                version = _version(path, payload) if path else None
                return key, text, sha256(encoded).hexdigest(), version, line
            problem = "nul_character"
    return _rejection(problem, line, key, payload)


def _rejection(problem: str, line: int, key: Key, payload: dict[str, Any]) -> Rejection:
    raw = json.dumps({"key": key, "payload": payload}, sort_keys=True)
    return Rejection(str(line), problem, PROBLEMS[problem], raw)


def _is_finite(row: Prepared) -> bool:
    text = row[1]
    if "NaN" in text or "Infinity" in text:
        try:
            canonical_json(json.loads(text))
        except ValueError:
            return False
    return True


def _has_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(inner) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return any(_has_nul(inner) for inner in value)
    return False


def _version(path: Sequence[str], payload: dict[str, Any]) -> str | None:
    value: object = payload
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) and value.isascii() and value.isprintable() else None


def _moment(version: str | None) -> datetime:
    """A version as a time; what is none is older than every time."""
    try:
        moment = datetime.fromisoformat(version or "")
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
