"""The words of a load: raw tables, rows good and bad, where a batch comes from, what became of it.

Plain data without any I/O; `loader` works with it and exports it to everyone else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from soleflip_pipelines.errors import SoleflipError


class LoadError(SoleflipError):
    """The database refused a batch; nothing of it was kept. The text never quotes row contents.

    Attributes:
        is_transient: the same batch can succeed in a moment (lost connection, deadlock, no slot).
    """

    def __init__(self, message: str, *, is_transient: bool) -> None:
        super().__init__(message)
        self.is_transient = is_transient


@dataclass(frozen=True)
class RawTable:
    """A raw table and its natural key, in the order of the columns.

    Attributes:
        newer_by: dotted path of the payload's own time of change (ISO 8601), if the source has one:
            a version that is older than the stored one then never replaces it.
    """

    schema: str
    name: str
    key_columns: tuple[str, ...]
    newer_by: str | None = None

    @property
    def address(self) -> str:
        """`schema.table`: the name in the ledger, in Dagster and in dbt."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Record:
    """A row to load: its natural key as text, and the payload as received."""

    key: tuple[str, ...]
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that cannot be loaded: where it stood, why, and the row itself as it came.

    Attributes:
        context: what the row needs to be judged again from where it lies, such as its header.
    """

    position: str
    reason_code: str
    reason: str
    raw: str
    field: str | None = None
    context: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Documents that came together; one whose rows are all stored costs its hash alone.

    Attributes:
        place: where it stood, for a person, the same when the list is read again.
        documents: what is to be stored, as received.
        key: the field of a document that is the whole key of its row.
        judge: makes a document at a position the row that it is.
    """

    place: str
    documents: Sequence[Any]
    key: str
    judge: Callable[[Any, str], Record | Rejection]

    def rows(self) -> Iterator[Record | Rejection]:
        """The rows, one a document."""
        for number, document in enumerate(self.documents, start=1):
            yield self.judge(document, f"{self.place}, item {number}")


@dataclass(frozen=True)
class BatchSource:
    """Where a batch comes from; `file_sha256` makes a file load once and never again."""

    source: str
    kind: Literal["api", "feed", "file", "retry"]
    window_from: datetime | None = None
    window_to: datetime | None = None
    file_name: str | None = None
    file_sha256: str | None = None
    rows_declared: int | None = None
    dagster_run_id: str | None = None


@dataclass(frozen=True)
class BatchResult:
    """The ledger line of the raw table `asset`: `read` is the sum of the five outcomes.

    `is_repeat` says that this very file had been loaded before and the counts are those of then.
    """

    asset: str
    batch_id: int
    read: int
    inserted: int
    updated: int
    unchanged: int
    duplicate: int
    rejected: int
    is_repeat: bool = False
