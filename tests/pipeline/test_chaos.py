"""Processes are killed under the main job at seeded moments: one clean run makes everything whole.

`python -m bench.chaos` does many more such rounds.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.pipeline.chaos import EVERYTHING, Strikes, copied, heal, prepare, strike_run, strike_ui
from tests.pipeline.installation import Installation

pytestmark = pytest.mark.integration

BUSINESS = {"orders": 200, "seed": 32}  # that of `finished`
WITHIN_S = 25.0


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared installation with an embedded server of its own."""
    home = tmp_path_factory.mktemp("chaos") / "template"
    prepare(home, **BUSINESS)
    return home


def test_what_is_killed_under_the_main_job_heals(
    template: Path, finished: Installation, tmp_path: Path
) -> None:
    strikes = Strikes(Random(3))
    with copied(template, tmp_path / "home") as installation:
        strike_run(installation, strikes, 3, WITHIN_S, "refresh_all")
        heal(installation, strikes, finished.contents(EVERYTHING), "refresh_all")
    assert strikes.problems == [], strikes.told


def test_what_is_killed_under_the_daemon_heals(
    template: Path, finished: Installation, tmp_path: Path
) -> None:
    strikes = Strikes(Random(2))
    with copied(template, tmp_path / "home") as installation:
        strike_ui(installation, strikes, 3, WITHIN_S, "refresh_all")
        heal(installation, strikes, finished.contents(EVERYTHING), "refresh_all")
    assert strikes.problems == [], strikes.told
