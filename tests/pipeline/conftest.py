"""Installations for the tests of the whole pipeline; each has a business of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from soleflip_pipelines.warehouse.embedded import ServerAddress
from tests.conftest import create_database
from tests.pipeline.installation import Installation


@pytest.fixture(scope="session")
def new_installation(
    server: ServerAddress, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Installation]]:
    """Makes installations with a small business of their own; stops their sandboxes at the end."""
    made: list[Installation] = []

    def make(*, orders: int, seed: int) -> Installation:
        home = tmp_path_factory.mktemp("installation")
        name = f"pipeline_{len(made)}_{home.name}".lower()
        create_database(server, name)
        environment = {
            **{k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "TMPDIR")},
            "SOLEFLIP_HOME": str(home),
            "SOLEFLIP_DATABASE_URL": server.url(name),
            "SOLEFLIP_AS_OF": "2026-07-01",
        }
        installation = Installation(environment, server.url(name))
        made.append(installation)
        installation.soleflip(
            *("sandbox", "reset", "--orders", str(orders), "--seed", str(seed)),
            *("--until", "2026-06-30"),
        )
        return installation

    yield make
    for installation in made:
        installation.soleflip("sandbox", "stop", check=False)


@pytest.fixture(scope="session")
def finished(new_installation: Callable[..., Installation]) -> Installation:
    """An installation whose main job ran once, undisturbed; tests only read it."""
    installation = new_installation(orders=200, seed=32)
    installation.soleflip("run")
    return installation
