"""A table from hash to a 32-bit number, at about 20 bytes an entry.

A dict takes seven times as much, and a file can have millions of keys to remember. Two different
keys of one hash are taken for one: in a file of millions that is rarer than a broken disk.
"""

from __future__ import annotations

from array import array
from itertools import count

FIRST_SLOTS = 1024
BITS = (1 << 63) - 1
NUMBER_BITS = (1 << 32) - 1


class SeenHashes:
    """What was seen, by hash."""

    def __init__(self) -> None:
        self._slots = FIRST_SLOTS
        self._hashes = array("q", [0]) * FIRST_SLOTS
        self._numbers = array("I", [0]) * FIRST_SLOTS
        self._size = 0

    def setdefault(self, found: int, number: int) -> int:
        """The number of a hash; a new one gets this number, cut to 32 bits."""
        number &= NUMBER_BITS
        slot = self._slot(found)
        if self._hashes[slot]:
            return self._numbers[slot]
        self._put(slot, found, number)
        return number

    def increment(self, found: int) -> int:
        """How often the hash was counted, this time included."""
        slot = self._slot(found)
        if self._hashes[slot]:
            self._numbers[slot] += 1
            return self._numbers[slot]
        self._put(slot, found, 1)
        return 1

    def _slot(self, found: int) -> int:
        """Where the hash stands or belongs; 0 marks a free slot, so it is taken for 1."""
        wanted = found & BITS or 1
        mask = self._slots - 1
        # A tuple's hash has weak lower bits.
        start = wanted ^ wanted >> 32
        for slot in count(start):
            stands = self._hashes[slot & mask]
            if not stands or stands == wanted:
                return slot & mask
        raise AssertionError("a table is never full")

    def _put(self, slot: int, found: int, number: int) -> None:
        self._hashes[slot] = found & BITS or 1
        self._numbers[slot] = number
        self._size += 1
        if 3 * self._size > 2 * self._slots:
            self._grow()

    def _grow(self) -> None:
        old = zip(self._hashes, self._numbers, strict=True)
        self._slots *= 2
        self._hashes = array("q", [0]) * self._slots
        self._numbers = array("I", [0]) * self._slots
        for stands, number in old:
            if stands:
                slot = self._slot(stands)
                self._hashes[slot] = stands
                self._numbers[slot] = number
