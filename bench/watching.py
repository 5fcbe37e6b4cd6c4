"""What PostgreSQL and this process use while something runs: memory at its peak, and processor.

Linux alone: all of it is read from /proc. The server is the embedded one, so its processes are the
children of one whose number its data folder tells.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.embedded import EmbeddedPostgres

PROC = Path("/proc")
EVERY_S = 2.0
TICKS = os.sysconf("SC_CLK_TCK")
MB = 1024**2


@dataclass
class Use:
    """Seconds by the clock and of processor, and peaks in MB.

    The server's memory is what its processes hold together, a shared page counted once.
    """

    seconds: float = 0.0
    python_cpu: float = 0.0
    server_cpu: float = 0.0
    python_mb: float = 0.0
    server_mb: float = 0.0
    disk_mb: float = 0.0


@contextmanager
def watched(settings: Settings) -> Iterator[Use]:
    """Measure what happens inside the block; the figures are whole when it is left."""
    server = int((EmbeddedPostgres(settings.home).data_folder / "postmaster.pid").open().readline())
    use, ended = Use(), threading.Event()
    own_cpu = 0.0

    def sample() -> None:
        nonlocal own_cpu
        while not ended.wait(EVERY_S):
            use.python_mb = max(use.python_mb, _held_mb(os.getpid()))
            use.server_mb = max(use.server_mb, sum(_held_mb(pid) for pid in _family(server)))
            own_cpu = time.thread_time()

    begin, python, backend = time.monotonic(), time.process_time(), _server_cpu(server)
    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield use
    finally:
        ended.set()
        sampler.join()
        use.seconds = time.monotonic() - begin
        # Asking for the memory of a large server is work, too, but not that of what is measured.
        use.python_cpu = time.process_time() - python - own_cpu
        use.server_cpu = _server_cpu(server) - backend


def load() -> float:
    """How many processes wanted a processor in the last minute, on average."""
    return os.getloadavg()[0]


def _family(server: int) -> list[int]:
    with suppress(OSError):
        text = (PROC / str(server) / "task" / str(server) / "children").read_text("ascii")
        return [server, *(int(pid) for pid in text.split())]
    return []


def _held_mb(pid: int) -> float:
    """The process's share of memory: a page that n processes hold counts an nth part."""
    with suppress(OSError):
        for line in (PROC / str(pid) / "smaps_rollup").read_text("ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _server_cpu(server: int) -> float:
    """Of all its processes; those that have ended are counted by the one that started them."""
    total = 0
    for pid in _family(server):
        with suppress(OSError):
            fields = (PROC / str(pid) / "stat").read_text("utf-8").rpartition(")")[2].split()
            total += sum(int(field) for field in fields[11 : 15 if pid == server else 13])
    return total / TICKS
