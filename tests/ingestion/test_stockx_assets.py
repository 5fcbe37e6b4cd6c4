"""StockX's assets as Dagster runs them: periods, pauses of the partner, visible staleness."""

from __future__ import annotations

from typing import Any

import dagster as dg
import psycopg
import pytest

from soleflip_pipelines.defs import raw_stockx
from soleflip_pipelines.defs.resources import WarehouseResource
from soleflip_pipelines.defs.run_job import NothingToReadAgain, steps_to_read_again
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.loader import BatchSource, RawTable, Record, load_batch

pytestmark = [pytest.mark.integration, pytest.mark.api, pytest.mark.usefixtures("no_waiting")]

NO_ORDERS = {"count": 0, "pageNumber": 1, "hasNextPage": False, "orders": []}


@pytest.fixture
def run(partner_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Materializes assets against the test's database and partner; returns result and checks."""

    def materialize(*assets: dg.AssetsDefinition, **options: Any) -> Any:
        settings = options.pop("settings", partner_settings)
        monkeypatch.setattr("soleflip_pipelines.defs.resources.get_settings", lambda: settings)
        result = dg.materialize(assets, resources={"warehouse": WarehouseResource()}, **options)
        return result, {check.check_name: check for check in result.get_asset_check_evaluations()}

    return materialize


def answer(partner: Any, last: Any) -> None:
    """Let the login work, and everything else have this answer."""
    token = partner.reply(body={"access_token": "access", "expires_in": 43_200})
    partner.answer = lambda call: token if call.path.endswith("/oauth/token") else last


def test_a_pause_that_the_partner_asks_for_is_a_warning_with_the_time(
    partner: Any, run: Any
) -> None:
    answer(partner, partner.reply(429, {"message": "Slow down"}, {"Retry-After": "86400"}))
    result, checks = run(raw_stockx.raw_stockx_orders)
    assert result.success
    check = checks["read_to_the_end"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    text = check.metadata["what is missing"].text
    assert "gave 429 (Slow down); it asks to wait 86,400 s: what is missing is read after" in text
    assert checks["ledger_balances"].passed


def test_a_period_is_read_again_from_the_ui(partner: Any, run: Any) -> None:
    answer(partner, partner.reply(body=NO_ORDERS))
    again = {"created_from": "2025-02-01", "created_to": "2025-02-28"}
    ops = {"raw_stockx_orders": {"config": again}}
    result, checks = run(raw_stockx.raw_stockx_orders, run_config={"ops": ops})
    assert result.success
    assert checks["read_to_the_end"].passed
    assert partner.calls[-1].query["fromDate"] == "2025-01-31"
    assert partner.calls[-1].query["toDate"] == "2025-03-01"


def test_the_command_line_finds_the_steps_that_read_a_period() -> None:
    resources = {"warehouse": WarehouseResource()}
    assets = [raw_stockx.raw_stockx_orders, raw_stockx.raw_stockx_listings]
    jobs = [dg.define_asset_job(f"{a.op.name}_job", dg.AssetSelection.assets(a)) for a in assets]
    found = dg.Definitions(assets=assets, jobs=jobs, resources=resources)
    orders, listings = (found.resolve_job_def(job.name) for job in jobs)
    steps = steps_to_read_again(orders, {"full_read": True})
    assert steps == {"raw_stockx_orders": {"config": {"full_read": True}}}
    with pytest.raises(NothingToReadAgain, match="raw_stockx_listings_job reads no period again"):
        steps_to_read_again(listings, {"full_read": True})


def test_what_the_quota_leaves_out_shows_as_stale(
    partner: Any, run: Any, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    products = RawTable("raw_stockx", "products", ("product_id",))
    rows = [Record((f"p{number}",), {"productId": f"p{number}"}) for number in range(3)]
    load_batch(conn, products, rows, BatchSource("stockx", "api"))
    conn.execute(
        "insert into owner.watch_item (partner_product_id)"
        " select product_id from raw_stockx.products"
    )
    conn.commit()
    answer(partner, partner.reply(body=[]))
    scant = partner_settings.model_copy(update={"stockx_daily_quota": 2})
    result, checks = run(raw_stockx.raw_stockx_market_data, settings=scant)
    assert result.success
    check = checks["stale_market"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    expected = "1 of 3 stale (1 never seen, 1 left for tomorrow), oldest look 2"
    assert check.metadata["watched"].text.startswith(expected)
    result, checks = run(raw_stockx.raw_stockx_market_data)
    assert checks["stale_market"].passed
