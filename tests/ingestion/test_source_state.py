"""What a failing, half or not connected partner leaves behind: a state, a sentence, other steps."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import psycopg
import pytest

from soleflip_pipelines.clients.errors import BrokenFeed
from soleflip_pipelines.defs import raw_alias, raw_ebay
from soleflip_pipelines.defs.resources import WarehouseResource
from soleflip_pipelines.defs.source_state import (
    SourcesFailed,
    integration_source_state,
    mart_checks,
    raw_ancestors,
)
from soleflip_pipelines.ingestion.login_end import login_end
from soleflip_pipelines.ingestion.source_state import (
    SourceState,
    failure_sentence,
    is_anything_connected,
    read_source,
    read_states,
)
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.loader import BatchSource, RawTable, Record, load_batch
from soleflip_pipelines.warehouse.vault import open_vault

pytestmark = pytest.mark.integration

EBAY = ("ebay_client_id", "ebay_client_secret", "ebay_refresh_token")
ORDERS = "raw_ebay.orders"


def nothing(*_: object, **__: object) -> None:
    """A stream that finds nothing new."""


def broken(*_: object, **__: object) -> None:
    raise BrokenFeed("eBay gave 500 for /order: it said why", partner="eBay")


def connected(settings: Settings) -> Settings:
    secrets = {name.upper(): "x" for name in (*EBAY, "alias_token")}
    return settings.model_copy(
        update={k.lower(): type(settings.database_url)(v) for k, v in secrets.items()}  # type: ignore[misc]
    )


def read(settings: Settings, conn: psycopg.Connection, *streams: Any, run: str = "1") -> Any:
    lines: list[str] = []
    state = read_source(settings, conn, [ORDERS], streams, run_id=run, log=lines.append)
    return state, lines


def test_a_partner_that_is_not_connected_is_skipped(
    settings: Settings, conn: psycopg.Connection
) -> None:
    state, lines = read(settings, conn, broken)
    assert (state.state, state.read_at) == ("not_connected", None)
    assert lines == ["eBay is not connected: skipped (docs/connect-ebay.md)"]
    assert not state.is_behind
    assert failure_sentence([state]) is None


def test_a_partner_that_is_connected_by_half_fails_and_names_what_lacks(
    settings: Settings, conn: psycopg.Connection
) -> None:
    half = connected(settings).model_copy(update={"ebay_refresh_token": None})
    state, _ = read(half, conn, nothing)
    assert state.state == "failed"
    assert "EBAY_REFRESH_TOKEN is not set" in str(state.detail)
    assert is_anything_connected(half, conn)


def test_what_was_read_before_stays_known_when_a_partner_fails(
    settings: Settings, conn: psycopg.Connection
) -> None:
    given = connected(settings)
    good, _ = read(given, conn, nothing)
    assert (good.state, good.is_behind) == ("read", False)
    bad, _ = read(given, conn, broken, run="2")
    assert bad.is_behind
    assert bad.read_at == good.read_at
    assert [state.state for state in read_states(conn, "2")] == ["failed"]
    assert read_states(conn, "1") == []
    sentence = failure_sentence([bad])
    assert sentence == (
        "eBay could not be read (raw_ebay.orders: eBay gave 500 for /order: it said why), what "
        f"builds on it uses what was there before: last read to the end on "
        f"{good.read_at:%Y-%m-%d %H:%M} UTC"
    )


def test_a_defect_is_no_failure_of_the_partner(
    settings: Settings, conn: psycopg.Connection
) -> None:
    def defect(*_: object, **__: object) -> None:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        read(connected(settings), conn, defect)
    assert read_states(conn) == []


def test_a_table_that_was_not_read_for_two_days_is_behind(
    settings: Settings, conn: psycopg.Connection
) -> None:
    given = connected(settings)
    read(given, conn, nothing)
    conn.execute("update integration.source_state set read_at = now() - interval '49 hours'")
    conn.commit()
    state, _ = read(settings, conn, nothing)
    assert state.state == "not_connected"
    assert state.is_behind


def test_files_are_a_source_of_their_own(settings: Settings, conn: psycopg.Connection) -> None:
    assert not is_anything_connected(settings, conn)
    sales = RawTable("raw_csv", "sales", ("sale_key",))
    origin = BatchSource("inbox", "file", file_name="a.csv", file_sha256="0" * 64)
    load_batch(conn, sales, [Record(("1",), {"a": "1"})], origin)
    assert is_anything_connected(settings, conn)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Materializes eBay's and Alias's orders, whose streams are these, and what comes after."""

    def materialize(settings: Settings, ebay: Any, alias: Any) -> dg.ExecuteInProcessResult:
        monkeypatch.setattr("soleflip_pipelines.defs.resources.get_settings", lambda: settings)
        monkeypatch.setattr(raw_ebay, "sync_ebay_orders", ebay)
        monkeypatch.setattr(raw_alias, "sync_alias_orders", alias)

        @dg.asset(deps=[["raw_ebay", "orders"], ["raw_alias", "orders"]], key=["sales", "order"])
        def mart() -> None:
            """What builds on both."""

        tables = {"sales.order": frozenset({ORDERS}), "sales.other": frozenset({"raw_ecb.x"})}
        result = dg.materialize(
            [
                raw_ebay.raw_ebay_orders,
                raw_alias.raw_alias_orders,
                integration_source_state,
                mart,
                mart_checks(tables),
            ],
            resources={"warehouse": WarehouseResource()},
            selection=dg.AssetSelection.all() | dg.AssetSelection.all_asset_checks(),
            raise_on_error=False,
        )
        assert isinstance(result, dg.ExecuteInProcessResult)
        return result

    return materialize


def test_a_failing_partner_fails_the_run_but_not_what_builds_on_it(
    run: Any, settings: Settings
) -> None:
    result = run(connected(settings), ebay=broken, alias=nothing)
    assert not result.success
    failures = [e for e in result.all_events if e.is_step_failure]
    assert [event.step_key for event in failures] == ["integration_source_state"]
    cause = failures[0].step_failure_data.error.cause
    assert cause.cls_name == SourcesFailed.__name__
    assert "eBay could not be read" in cause.message
    assert "Alias" not in cause.message
    made = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}
    assert "sales/order" in made
    checks = {
        (c.asset_key.to_user_string(), c.check_name): c
        for c in result.get_asset_check_evaluations()
    }
    read_check = checks["raw_ebay/orders", "read_to_the_end"]
    assert (read_check.passed, read_check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert checks["raw_alias/orders", "read_to_the_end"].passed
    mart = checks["sales/order", "sources_known"]
    assert (mart.passed, mart.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "never read to the end" in mart.metadata[ORDERS].text


def test_one_connected_partner_is_enough_and_none_is_not(run: Any, settings: Settings) -> None:
    alone = connected(settings).model_copy(update=dict.fromkeys(EBAY))
    assert run(alone, ebay=broken, alias=nothing).success
    none = alone.model_copy(update={"alias_token": None})
    result = run(none, ebay=nothing, alias=nothing)
    assert not result.success
    failure = next(event for event in result.all_events if event.is_step_failure)
    assert "STOCKX_API_KEY is not set" in failure.step_failure_data.error.cause.message


def test_a_mart_is_traced_back_to_the_tables_of_partners() -> None:
    def model(schema: str, name: str, layer: str) -> dict[str, Any]:
        fqn = ["soleflip", layer, schema, name]
        return {"resource_type": "model", "schema": schema, "alias": name, "fqn": fqn}

    manifest = {
        "nodes": {
            "staged": model("staging", "stg", "staging"),
            "mart": model("sales", "order", "marts"),
            "own": model("catalog", "product", "marts"),
        },
        "sources": {
            "raw": {"schema": "raw_ebay", "identifier": "orders"},
            "file": {"schema": "raw_csv", "identifier": "sales"},
        },
        "parent_map": {"staged": ["raw", "file"], "mart": ["staged"], "own": ["file"]},
    }
    assert raw_ancestors(manifest) == {"sales.order": {ORDERS}}


def test_a_state_says_up_to_when_a_source_is_known() -> None:
    at = datetime(2026, 6, 1, 5, 30, tzinfo=UTC)
    state = SourceState(ORDERS, "ebay", "failed", "no", at, at)
    assert state.as_of == "last read to the end on 2026-06-01 05:30 UTC"


def test_the_end_of_a_login_is_told_ahead(settings: Settings, conn: psycopg.Connection) -> None:
    assert login_end(settings, conn, "ebay") is None
    with psycopg.connect(str(settings.database_url.get_secret_value())) as owner:  # type: ignore[union-attr]
        event = (
            "insert into core.secret_event (config_key, action, actor, happened_at)"
            " values ('EBAY_REFRESH_TOKEN', 'set', 'test', now() - make_interval(days => %s))"
        )
        owner.execute(event, [500])
    near = login_end(settings, conn, "ebay")
    assert near is not None
    assert near.needs_care
    assert near.text.endswith("run `soleflip connect ebay` before that")
    open_vault(conn, settings).set("EBAY_REFRESH_TOKEN", "CANARY")
    renewed = login_end(settings, conn, "ebay")
    assert renewed is not None
    assert not renewed.needs_care
    assert login_end(settings, conn, "stockx") is None


def test_a_login_in_env_is_warned_of_since_nobody_knows_its_end(
    settings: Settings, conn: psycopg.Connection
) -> None:
    assert login_end(connected(settings), conn, "ebay") is None
    unknown = login_end(connected(settings).model_copy(update={"mode": "live"}), conn, "ebay")
    assert unknown is not None
    assert unknown.needs_care
    assert unknown.ends_at is None
    assert "`soleflip connect ebay`" in unknown.text
