"""The code location loaded once for the session, against a migrated but empty warehouse."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from soleflip_pipelines.defs.run_job import load_definitions
from soleflip_pipelines.settings import Settings, get_settings
from soleflip_pipelines.warehouse.embedded import ServerAddress
from tests.conftest import create_database, settings_for


@pytest.fixture(scope="session")
def location_settings(
    server: ServerAddress, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """Settings that the definitions of this session see as the process's own."""
    create_database(server, "code_location", template=template_database)
    home = tmp_path_factory.mktemp("code_location")
    settings = settings_for(server, "code_location", home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOLEFLIP_HOME", str(home))
        patch.setenv("SOLEFLIP_DATABASE_URL", server.url("code_location"))
        get_settings.cache_clear()
        yield settings
    get_settings.cache_clear()


@pytest.fixture(scope="session")
def definitions(location_settings: Settings) -> dg.Definitions:
    """Everything the code location defines."""
    return load_definitions(location_settings)
