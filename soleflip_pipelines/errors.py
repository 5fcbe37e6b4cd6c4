"""The base of every error that soleflip raises on purpose.

The command line turns these into one sentence and exit code 1; anything else is a defect and keeps
its traceback. The subclasses live beside the code that raises them.
"""

from __future__ import annotations


class SoleflipError(Exception):
    """Something a person can act on; the text is one clear sentence without secrets or row data."""


class DatabaseUnavailable(SoleflipError):
    """The database cannot be reached, started or used; the text says why and what to do."""


class DatabaseAway(DatabaseUnavailable):
    """The database is out of reach or full at the moment: it can be waited for."""
