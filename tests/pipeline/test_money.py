"""Money of a real run: gaps have their true reasons, exports balance, the ledger adds up."""

from __future__ import annotations

import csv
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.sandbox import storage
from soleflip_pipelines.settings import load_settings
from soleflip_pipelines.warehouse.bookings import Period, write_datev, write_profit_and_loss
from tests.pipeline.installation import Installation

pytestmark = pytest.mark.integration

YEAR = 2026


def test_planted_gaps_are_found_with_their_reason_and_no_other(finished: Installation) -> None:
    truth = storage.open_read_only(finished.home / "sandbox" / storage.TRUTH)
    planted = {
        tuple(row)
        for row in truth.execute(
            "select g.platform, g.order_number, g.order_line, g.reason from payout_gap g"
            " join sold_order o using (platform, order_number, order_line)"
            " where o.status in ('completed', 'not_shipped')"
        )
    }
    found = set(
        finished.query(
            "select platform, order_number, order_line, unnest(gap_reasons)"
            " from financial.payout_reconciliation where status in ('completed', 'not_shipped')"
        )
    )
    right = len(planted & found)
    print(f"{len(planted)} gaps planted, {right} found with their reason, {len(found)} claimed")
    assert {reason for *_, reason in planted} >= {"level change", "unexplained", "shipping"}
    assert right / len(planted) >= 0.99
    explained = {row for row in found if row[3] not in ("unexplained", "missing payout")}
    assert explained <= planted


def test_every_cent_is_booked_and_balances(finished: Installation) -> None:
    ((profits, lost, earned, bought, stock, unknown),) = finished.query(
        """
        select (select sum(net_profit) from sales."order"),
               -sum(amount_eur) filter (where kind = 'loss'),
               sum(amount_eur) filter (where statement = 'profit'
                   and kind not in ('cost of goods', 'loss')
                   and profit_state not in ('no_cost', 'no_fees', 'no_rate')),
               sum(amount_eur) filter (where kind = 'goods'),
               sum(amount_eur) filter (where statement = 'stock'),
               coalesce(sum(amount_eur) filter (where kind = 'issue'
                   and profit_state in ('no_cost', 'no_fees', 'no_rate')), 0)
        from financial.transaction
        """
    )
    assert lost > 0
    assert profits - lost == earned - bought + stock - unknown
    unbalanced = finished.query(
        "select purchase_item_id from financial.transaction where statement = 'purchasing'"
        " group by 1 having sum(amount_eur) <> 0 union all"
        " select t.order_id from financial.transaction t join financial.payout_reconciliation r"
        " on r.id = t.order_id where t.statement = 'settlement' and r.fx_effect_eur is not null"
        " group by 1 having sum(t.amount_eur) <> 0"
    )
    assert unbalanced == []


@pytest.mark.parametrize(("chart", "year"), [("SKR03", 2025), ("skr04", YEAR)])
def test_the_datev_file_balances_to_the_profit_and_loss(
    finished: Installation, tmp_path: Path, chart: str, year: int
) -> None:
    settings = load_settings(finished.environment)
    datev, pnl = tmp_path / "datev.csv", tmp_path / "pnl.csv"
    count = write_datev(settings, datev, Period(year), chart=chart, adviser=1001, client=1)
    write_profit_and_loss(settings, pnl, Period(year))
    with datev.open(encoding="cp1252", newline="") as file:
        header, columns, *bookings = csv.reader(file, delimiter=";")
    assert header[0] == "EXTF"
    assert header[12:16] == [f"{year}0101", "4", f"{year}0101", f"{year}1231"]
    assert len(bookings) == count > 100
    booked: dict[str, Decimal] = defaultdict(Decimal)
    for row in bookings:
        line = dict(zip(columns, row, strict=True))
        amount = Decimal(line["Umsatz (ohne Soll/Haben-Kz)"].replace(",", "."))
        assert amount > 0
        assert line["Konto"]
        assert line["Gegenkonto (ohne BU-Schlüssel)"]
        booked[line["Belegfeld 2"]] += amount if line["Soll/Haben-Kennzeichen"] == "H" else -amount
    with pnl.open(encoding="utf-8", newline="") as file:
        stated: dict[str, Decimal] = defaultdict(Decimal)
        for each in csv.DictReader(file, delimiter=";"):
            stated[each["line"]] += Decimal(each["amount_eur"])
    assert stated["gross sales"] == booked["sale"] > 0
    assert stated["transaction fees"] == booked["transaction "] < 0
    assert stated["cost of goods"] == booked["cost of good"] < 0
    assert stated["fx effect"] == booked["fx effect"]
    assert stated["lost stock"] == booked["loss"]
    assert (booked["loss"] < 0) == (year == YEAR)
    assert stated["net profit"] == sum(
        amount
        for kind, amount in booked.items()
        if kind not in ("payout", "fx effect", "goods", "input vat", "cashback", "payment")
    )


def test_an_export_never_overwrites_and_names_an_unknown_chart(
    finished: Installation, tmp_path: Path
) -> None:
    settings, file = load_settings(finished.environment), tmp_path / "pnl.csv"
    write_profit_and_loss(settings, file, Period(YEAR, 6))
    with pytest.raises(SoleflipError, match="exists already"):
        write_profit_and_loss(settings, file, Period(YEAR, 6))
    with pytest.raises(SoleflipError, match="the chart SKR99 has no account for"):
        write_datev(settings, tmp_path / "d.csv", Period(YEAR), chart="SKR99", adviser=1, client=1)


def test_a_state_seen_first_is_kept(finished: Installation) -> None:
    assert finished.query(
        "select count(*) filter (where is_current), count(distinct order_id)"
        " from sales.order_status_history"
    ) == finished.query('select count(*), count(*) from sales."order"')
