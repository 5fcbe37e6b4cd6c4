"""Processes are killed under the main job at seeded moments: one clean run makes everything whole.

`python -m bench.chaos` does many more such rounds.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.pipeline.chaos import (
    EVERYTHING,
    OF_A_RUN,
    Strikes,
    copied,
    heal,
    prepare,
    strike_run,
    strike_ui,
)
from tests.pipeline.installation import Installation

pytestmark = pytest.mark.integration

BUSINESS = {"orders": 200, "seed": 32}  # that of `finished`
WITHIN_S = 20.0


def test_what_is_killed_under_daemon_and_main_job_heals_by_one_run(
    finished: Installation, tmp_path: Path
) -> None:
    """First parts of the UI are killed at work, then a run, its server and the marketplaces."""
    prepare(tmp_path / "template", **BUSINESS)
    strikes = Strikes(Random(3))
    with copied(tmp_path / "template", tmp_path / "home") as installation:
        strike_ui(installation, strikes, ("run", "daemon"), WITHIN_S, "refresh_all")
        strike_run(installation, strikes, OF_A_RUN, WITHIN_S, "refresh_all")
        heal(installation, strikes, finished.contents(EVERYTHING), "refresh_all")
    assert strikes.problems == [], strikes.told
    assert len([line for line in strikes.told if "killed" in line]) >= len(OF_A_RUN)
