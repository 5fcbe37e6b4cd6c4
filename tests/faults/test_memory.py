"""What unpacks to far more than it weighs is refused before memory grows with it."""

from __future__ import annotations

import gzip
import multiprocessing
import os
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

from soleflip_pipelines.sandbox.keys import Keys
from soleflip_pipelines.settings import Settings
from tests.faults.memory import read_feeds, read_inbox
from tests.faults.test_matrix import FEED, made
from tests.faults.whole_run import order_fault, pointed_at, serving

pytestmark = [pytest.mark.integration, pytest.mark.api, pytest.mark.usefixtures("no_waiting")]

MIB = 1024 * 1024
BOMB_BYTES = 256 * MIB
MOST_GROWTH_BYTES = 32 * MIB


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(made(tmp_path_factory, 1), Keys()) as url:
        yield url


@pytest.fixture(scope="module")
def reader() -> Iterator[ProcessPoolExecutor]:
    """A process that does nothing but read, so that the memory it takes is the reading's."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        yield process


def test_a_feed_that_unpacks_without_end_costs_no_memory(
    settings: Settings, sandbox: str, reader: ProcessPoolExecutor
) -> None:
    order_fault(sandbox, path=FEED, kind="gzip_bomb", times=1)
    said, growth = reader.submit(read_feeds, pointed_at(settings, sandbox, Keys())).result()
    assert any("unpacks to implausibly many bytes" in line for line in said), said
    assert growth < MOST_GROWTH_BYTES


def test_bombs_in_the_inbox_cost_no_memory(settings: Settings, reader: ProcessPoolExecutor) -> None:
    folder = settings.inbox_folder
    folder.mkdir(parents=True)
    packed = gzip.compress(bytes(16 * MIB)) * (BOMB_BYTES // (16 * MIB))
    for name in ("feed.csv.gz", "disguised.csv"):
        (folder / name).write_bytes(packed)
    with zipfile.ZipFile(folder / "sheets.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as zips:
        zips.writestr("sheet.csv", bytes(BOMB_BYTES))
    with (folder / "one_line.csv").open("wb") as sparse:
        sparse.write(b"Style,Size,Quantity\nDD1391-100,42,1\n")
        sparse.truncate(BOMB_BYTES)
    then = time.time() - 60
    for path in folder.iterdir():
        os.utime(path, (then, then))
    said, growth = reader.submit(read_inbox, settings).result()
    refused = [line for line in said if "was not imported: " in line]
    assert sorted(line.partition(" was not imported: ")[0] for line in refused) == [
        "disguised.csv", "feed.csv.gz", "one_line.csv", "sheets.zip",
    ]  # fmt: skip
    assert sum("it is an archive" in line for line in refused) == 3
    assert sum("a row of 1,000,000 characters" in line for line in refused) == 1
    assert growth < MOST_GROWTH_BYTES
