"""Reference rates out of either file form, and credentials out of either place."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soleflip_pipelines.clients.credentials import credential
from soleflip_pipelines.clients.ecb import EcbClient, ReferenceRate
from soleflip_pipelines.clients.errors import BrokenFeed, MissingCredential
from soleflip_pipelines.clients.http import PartnerHttp
from soleflip_pipelines.settings import load_settings

pytestmark = pytest.mark.unit

TABLE = b"Date,USD,JPY,CYP,\n2025-01-03,1.0299,161.98,N/A,\n2025-01-02,1.0321,N/A,N/A,\n"


class OneFile:
    """Stands for the network: every download is this file."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def download(self, *, into: BinaryIO, **_: object) -> int:
        into.write(self.body)
        into.seek(0)
        return len(self.body)


def rates(body: bytes) -> list[ReferenceRate]:
    return list(EcbClient(http=cast(PartnerHttp, OneFile(body))).reference_rates())


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, body in members.items():
            archive.writestr(name.replace("_", "."), body)
    return buffer.getvalue()


@pytest.mark.parametrize("body", [TABLE, zipped(hist_csv=TABLE)], ids=["csv", "zip"])
def test_a_wide_table_becomes_rows_and_days_without_a_rate_are_left_out(body: bytes) -> None:
    assert rates(body) == [
        ReferenceRate(date(2025, 1, 3), "USD", "1.0299"),
        ReferenceRate(date(2025, 1, 3), "JPY", "161.98"),
        ReferenceRate(date(2025, 1, 2), "USD", "1.0321"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        b"Date,USD\nyesterday,1.1\n",
        zipped(a_csv=TABLE)[:60],
        zipped(a_csv=TABLE, b_csv=TABLE),
    ],
)
def test_a_damaged_table_is_refused(body: bytes) -> None:
    with pytest.raises(BrokenFeed, match="the reference rates were not loaded"):
        rates(body)


@given(st.binary(max_size=200).map(lambda tail: b"Date,USD\n" + tail) | st.binary(max_size=200))
def test_any_bytes_give_rates_or_a_refusal(body: bytes) -> None:
    with suppress(BrokenFeed):
        assert all(rate.units_per_eur for rate in rates(body))


class Stored(dict[str, str]):
    """Stands for the vault."""


def test_the_environment_wins_over_the_vault(tmp_path: Path) -> None:
    home = {"SOLEFLIP_HOME": str(tmp_path)}
    vault = Stored(STOCKX_API_KEY="from the vault")
    named = load_settings({**home, "STOCKX_API_KEY": "from the environment"})
    assert credential(named, vault, "STOCKX_API_KEY") == "from the environment"
    assert credential(load_settings(home), vault, "STOCKX_API_KEY") == "from the vault"


def test_a_missing_credential_names_the_variable_and_the_guide(tmp_path: Path) -> None:
    home = {"SOLEFLIP_HOME": str(tmp_path)}
    settings = load_settings({**home, "SOLEFLIP_MODE": "live"})
    with pytest.raises(MissingCredential, match=r"STOCKX_CLIENT_ID .*docs/connect-stockx\.md"):
        credential(settings, Stored(), "STOCKX_CLIENT_ID")
    with pytest.raises(MissingCredential, match=r"AWIN_API_KEY .*docs/connect-awin\.md"):
        credential(settings, Stored(), "AWIN_API_KEY")
    with pytest.raises(MissingCredential, match="soleflip sandbox start"):
        credential(load_settings(home), Stored(), "AWIN_API_KEY")
