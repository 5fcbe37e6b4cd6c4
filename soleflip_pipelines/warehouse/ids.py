"""Ids that soleflip makes itself: the same on every rebuild, and the same in Python and in SQL.

The SQL twin is the dbt macro `stable_id`; both are the natural key's MD5 in the form of a UUID.
"""

from __future__ import annotations

import hashlib
from uuid import UUID


def stable_id(kind: str, *parts: str) -> UUID:
    """The id of what `parts` name, such as `stable_id("product", "stockx", "a1b2")`."""
    natural_key = "|".join((kind, *parts))
    return UUID(hashlib.md5(natural_key.encode(), usedforsecurity=False).hexdigest())
