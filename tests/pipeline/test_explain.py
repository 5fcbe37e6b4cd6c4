"""Explanations and kept queries on a whole generated business: no order contradicts its mart."""

from __future__ import annotations

from collections import Counter

import pytest

from soleflip_pipelines.explain.forecast import explain_forecast
from soleflip_pipelines.explain.order import explain_order
from soleflip_pipelines.explain.payout import explain_payout
from soleflip_pipelines.explain.product import explain_product
from soleflip_pipelines.explain.reading import NotFound, open_book
from soleflip_pipelines.settings import load_settings
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.queries import DASHBOARDS, QUESTIONS, answer, load_queries
from tests.pipeline.installation import Installation

pytestmark = [pytest.mark.integration, pytest.mark.api]

ORDERS = """
    select distinct platform, order_number,
        case
            when penalty_eur > 0 then 'penalty'
            when profit_state = 'not_a_sale' then status
            when quantity > 1 then 'several pieces'
            when profit_state = 'reconciled' then currency_code
            else profit_state
        end
    from sales."order"
"""


def test_every_order_adds_up_and_leads_to_its_raw_rows(finished: Installation) -> None:
    kinds: Counter[object] = Counter()
    with open_book(load_settings(finished.environment)) as book:
        for platform, number, kind in finished.query(ORDERS):
            kinds[kind] += 1
            for explain in (explain_order, explain_payout):
                for told in explain(book, str(number), str(platform)):
                    assert told.contradictions == [], told.subject
        for (style_code,) in finished.query("select sku from catalog.product limit 20"):
            for told in explain_product(book, str(style_code)):
                assert told.contradictions == [], told.subject
    assert {"penalty", "returned", "no_cost", "estimated", "USD", "EUR", "GBP"} <= set(kinds)


def test_a_payout_of_several_orders_tells_each_of_them(finished: Installation) -> None:
    ((ref, count),) = finished.query(
        "select payout_ref, order_count from financial.payout order by order_count desc limit 1"
    )
    with open_book(load_settings(finished.environment)) as book:
        told = explain_payout(book, str(ref))
    assert len(told) == count > 1
    assert all(any(str(ref) in part.title for part in story.sections) for story in told)


def test_every_forecast_tells_its_history_its_errors_and_its_interval(
    finished: Installation,
) -> None:
    series = finished.query("select distinct series_key from analytics.sales_forecast")
    assert series
    with open_book(load_settings(finished.environment)) as book:
        for (key,) in series:
            for told in explain_forecast(book, str(key)):
                assert told.contradictions == [], told.subject
                by_title = {section.title.split(",")[0]: section for section in told.sections}
                assert {row["model"] for row in by_title["Backtest"].rows} >= {"seasonal_naive"}
                assert [row["days"] for row in by_title["Expected units"].rows] == [7, 14, 30]
                assert by_title["History"].rows
        with pytest.raises(NotFound, match="a brand or category needs 30 units"):
            explain_forecast(book, "no such brand")


def test_the_questions_of_an_owner_have_answers(finished: Installation) -> None:
    with connect(load_settings(finished.environment), "reader", autocommit=True) as conn:
        empty = {
            query.name
            for query in load_queries(QUESTIONS) + load_queries(DASHBOARDS)
            if not answer(conn, query)[1]
        }
    # A small business may owe nobody anything, and offer nothing under the market.
    assert empty <= {"wrong_payouts", "dead_stock", "offers_to_buy", "to_ship"}


def test_the_owner_links_a_sale_without_a_unit(finished: Installation) -> None:
    ((platform, number, unit),) = finished.query(
        "select platform, order_number, suggested_unit from sales.cost_queue"
        " where suggested_unit is not null order by order_number limit 1"
    )
    sale = (str(platform), str(number))
    links = "select order_platform, order_number, unit_ref, note from owner.sale_unit_link"
    assert str(unit) in finished.with_environment(COLUMNS="250").soleflip("stock", "queue").stdout
    finished.soleflip("stock", "link", *sale, str(unit), "--note", "it was that one")
    try:
        assert finished.query(links) == [(*sale, unit, "it was that one")]
    finally:
        finished.soleflip("stock", "unlink", *sale)
    assert finished.query(links) == []
    for wrong, complaint in (
        (("stockx", "S-none", str(unit)), "there is no order S-none of stockx"),
        ((*sale, "nothing#1"), "names no single unit"),
    ):
        refused = finished.soleflip("stock", "link", *wrong, check=False)
        assert refused.returncode == 1
        assert complaint in refused.stdout + refused.stderr
    assert finished.soleflip("stock", "unlink", *sale, check=False).returncode == 1
