"""Lists that come in pages and move while they are read: read again until they hold still.

How a partner counts, skips or continues is its client's business; here is only what can be told
from the rows that came and from how many the partner says there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

MAX_PASSES = 3

Warn = Callable[[str], None]
Declare = Callable[[int], None]


@dataclass(frozen=True)
class Page:
    """A page of a list.

    Attributes:
        items: its rows as they came, without those that the page before it held too.
        total: how many the partner says the whole list has.
        joins: whether it goes on where the page before it ended, as far as that can be told.
    """

    items: list[Any]
    total: int
    joins: bool = True


def settled_pages(
    read: Callable[[], Iterator[Page]], *, id_key: str, name: str, warn: Warn, declare: Declare
) -> Iterator[list[Any]]:
    """The rows of a list by pages, the whole list again while it moves.

    A row that leaves a list while it is read pulls a later one past the reader. Then the distinct
    ids are not as many as the total, or the total differs from page to page, or pages do not join.
    Rows of equal times may change places for ever: in the end they are whole if they are as many.

    Args:
        read: one reading of the list from its start.
        id_key: what names a row; one without it counts as a row of its own.
        name: what the warning calls the list.
        warn: told when the list would not hold still; what was seen has been yielded.
        declare: told, at the end, how many rows there are according to the partner.
    """
    for reading in range(1, MAX_PASSES + 1):
        seen: set[str] = set()
        totals: set[int] = set()
        nameless = 0
        joins = True
        for page in read():
            known = len(seen) + nameless
            totals.add(page.total)
            joins &= page.joins
            for item in page.items:
                found = item.get(id_key) if isinstance(item, dict) else None
                nameless += found is None
                seen.update([str(found)] if found is not None else [])
            yield page.items
            if len(seen) + nameless == known and page.items:
                break  # a page of nothing new: the list repeats itself
        if totals == {len(seen) + nameless} and (joins or reading == MAX_PASSES):
            declare(*totals)
            return
    declare(max(totals, default=0))
    warn(
        f"{name} kept changing over {MAX_PASSES} readings "
        f"({len(seen):,} of {max(totals, default=0):,} seen); the next run reads it again"
    )
