"""How processes of ours hang together. What they do is none of this module's business."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """For `preexec_fn`: have the system end this child when its parent dies, however it dies.

    Only Linux can do that; elsewhere nothing happens. The parent is the thread that started the
    child, so start it from one that lives as long as the work.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def end_worker_with_parent() -> None:
    """The same for a worker of `multiprocessing` that is at work already; of others nothing."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        end_with_parent()
        if not parent.is_alive():
            os.kill(os.getpid(), signal.SIGTERM)
