"""Reference price, confidence, recommendation and its guard rails."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soleflip_pipelines.pricing.confidence import confidence
from soleflip_pipelines.pricing.evidence import evidence_of
from soleflip_pipelines.pricing.fees import FeeRule, Vat, net_proceeds
from soleflip_pipelines.pricing.inputs import Inputs, Unit, VatRules
from soleflip_pipelines.pricing.recommend import (
    Recommendation,
    VariantView,
    ladder,
    recommend,
    view_variant,
)
from soleflip_pipelines.pricing.reference import Market, Sale, market_price, reference_price
from soleflip_pipelines.pricing.schema import validate
from soleflip_pipelines.pricing.service import price_units

pytestmark = pytest.mark.unit

D = Decimal
TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FEES = FeeRule(D("0.09"), D("0.03"), D("5.00"), D("6.00"))
VAT = Vat("intra_eu", D("0.19"))


def sale(days_ago: int, price: float, variant: str = "10") -> Sale:
    return Sale(TODAY - timedelta(days=days_ago), variant, price)


def market(
    ask: str | None = None, bid: str | None = None, hours: float = 1, faster: str | None = None
) -> Market:
    return Market(
        NOW - timedelta(hours=hours),
        D(ask) if ask else None,
        D(bid) if bid else None,
        D(faster) if faster else None,
    )


def view(sales: list[Sale], book: Market | None = None, prior: float | None = None) -> VariantView:
    return view_variant("10", sales, book, prior, TODAY, NOW)


def price(
    sales: list[Sale], book: Market | None = None, cost: str | None = "60", vat: Vat = VAT
) -> Recommendation:
    return recommend(view(sales, book), FEES, vat, D(cost) if cost else None)


def test_a_narrow_book_is_its_midpoint_and_a_wide_one_the_ask_with_a_haircut() -> None:
    assert market_price(market("110", "90")) == 100.0
    assert market_price(market("200", "90")) == pytest.approx(194.0)
    assert market_price(market("200")) == pytest.approx(194.0)
    assert market_price(market(None, "90")) == 90.0


def test_a_bid_above_the_ask_is_taken_as_it_is() -> None:
    assert market_price(market("100", "104")) == 102.0


def test_equal_observations_give_their_price() -> None:
    sales = [sale(k, 120.0) for k in range(5)]
    found = reference_price("10", sales, market("126", "114"), None, TODAY, NOW)
    assert found is not None
    assert found.price == pytest.approx(120.0)
    assert set(found.parts) == {"last_sales", "level", "market"}


def test_last_sales_are_a_median_of_five_within_sixty_days() -> None:
    sales = [sale(k, 100.0 + k) for k in range(10)] + [sale(61, 900.0)]
    found = reference_price("10", sales, None, None, TODAY, NOW)
    assert found is not None
    assert found.parts["last_sales"].price == 102.0


def test_other_sizes_count_with_the_own_sizes_premium() -> None:
    sales = [sale(k, 100.0, "9") for k in range(10)] + [sale(k, 150.0) for k in range(5)]
    found = reference_price("10", sales, None, None, TODAY, NOW)
    assert found is not None
    # Five own sales take half of log(150 / 100).
    assert found.parts["product"].price == pytest.approx(100 * 1.5**0.5)


def test_old_sales_and_old_books_weigh_less() -> None:
    fresh = reference_price("10", [sale(1, 100.0)], market("210", "190"), None, TODAY, NOW)
    stale = reference_price("10", [sale(150, 100.0)], market("210", "190"), None, TODAY, NOW)
    late = reference_price("10", [sale(1, 100.0)], market("210", "190", 150), None, TODAY, NOW)
    assert fresh is not None
    assert stale is not None
    assert late is not None
    assert stale.price > fresh.price > late.price


def test_retail_fills_in_only_what_is_missing() -> None:
    full = reference_price("10", [], market("105", "95"), 300.0, TODAY, NOW)
    weak = reference_price("10", [], market("105", "95", hours=120), 300.0, TODAY, NOW)
    assert full is not None
    assert weak is not None
    assert "prior" not in full.parts
    assert 0 < weak.parts["prior"].weight <= 0.25
    assert 100 < weak.price < 130


def test_nothing_known_no_reference() -> None:
    assert reference_price("10", [], None, None, TODAY, NOW) is None


def test_placeholder_asks_and_old_books_are_no_market() -> None:
    assert market("999999").usable(NOW) is None
    assert market("120", "100", hours=24 * 8).usable(NOW) is None
    usable = market("999999", "90").usable(NOW)
    assert usable is not None
    assert usable.lowest_ask is None


def test_confidence_of_a_liquid_variant_is_high_and_of_none_low() -> None:
    liquid = [sale(k % 20, 100.0 + k % 3) for k in range(60)]
    sure = confidence("10", liquid, market("102", "100"), TODAY, NOW)
    assert sure.label == "high"
    assert sure.score >= 0.9
    unsure = confidence("10", [], None, TODAY, NOW)
    assert (unsure.label, unsure.score) == ("low", 0.0)


def test_confidence_is_low_when_the_book_is_a_day_old() -> None:
    liquid = [sale(k % 20, 100.0) for k in range(60)]
    assert confidence("10", liquid, market("102", "100", hours=25), TODAY, NOW).label == "low"
    assert confidence("10", liquid, None, TODAY, NOW).label == "low"


def test_prices_are_whole_rounded_down_and_traceable() -> None:
    result = price([], market("113", "107"))
    assert result.reference_price == D("110.00")
    assert result.sell_faster == D("107")  # the bid; 0.97 of the reference would be 106
    assert result.earn_more == D("112")
    assert result.at_earn_more is not None
    assert result.at_earn_more.profit == net_proceeds(D("112"), FEES, VAT) - D("60")
    assert result.reason == "priced"
    kept = evidence_of(view([], market("113", "107")), result, FEES, VAT, D("60"))
    assert kept["lowest_ask"] == "113"
    assert kept["reference_parts"]["market"] == {"price": 110.0, "weight": 1.0}
    assert kept["at_earn_more"]["profit"] == str(result.at_earn_more.profit)


def test_a_standing_bid_beats_a_lower_ask_price() -> None:
    result = price([sale(1, 90.0)] * 5, market("125", "120"))
    assert result.sell_faster == D("120")
    assert result.earn_more == D("120")


def test_fast_goes_below_the_lowest_ask_and_the_vendors_figure() -> None:
    sales = [sale(k, 100.0) for k in range(8)]
    assert price(sales, market("80", "40")).sell_faster == D("79")
    assert price(sales, market("99", "70", faster="86.50")).sell_faster == D("86")


def test_a_vendor_figure_below_the_floor_is_ignored() -> None:
    sales = [sale(k, 100.0) for k in range(8)]
    result = price(sales, market("110", "70", faster="20"))
    assert result.sell_faster is not None
    assert result.break_even_price is not None
    assert result.sell_faster > result.break_even_price


@pytest.mark.parametrize(
    ("sales", "book"),
    [
        ([], None),
        ([sale(1, 100.0)], None),
        ([], market("100")),
        ([], market(None, "100")),
        ([sale(181, 100.0)], market("100")),
        ([sale(1, 100.0, "9")], market("100")),
        ([sale(1, 100.0)], market("100", "90", hours=24 * 8)),
    ],
    ids=["nothing", "sale", "ask", "bid", "old sale", "other size", "old book"],
)
def test_less_than_two_pieces_of_evidence_give_no_price(
    sales: list[Sale], book: Market | None
) -> None:
    result = price(sales, book)
    assert result.sell_faster is None
    assert result.earn_more is None
    assert result.reference_price is None
    assert result.reason.startswith("too little evidence")


def test_without_cost_there_are_prices_but_no_profit() -> None:
    result = price([], market("113", "107"), cost=None)
    assert result.earn_more == D("112")
    assert result.break_even_price is None
    assert result.at_earn_more is not None
    assert result.at_earn_more.profit is None
    assert result.at_earn_more.roi_percentage is None
    assert "no cost known" in result.reason


def test_above_the_market_the_patient_price_is_the_floor_and_there_is_no_fast_one() -> None:
    result = price([], market("113", "107"), cost="120")
    assert result.is_floor_applied
    assert result.sell_faster is None
    assert result.break_even_price == D("143.19")
    assert result.earn_more == D("144")
    assert result.at_earn_more is not None
    assert result.at_earn_more.profit is not None
    assert result.at_earn_more.profit >= 0
    assert "cannot sell fast above break even" in result.reason


def test_a_floor_out_of_reach_gives_no_price() -> None:
    result = price([], market("113", "107"), cost="900")
    assert result.earn_more is None
    assert result.sell_faster is None
    assert "out of the market's reach" in result.reason


def test_no_fee_rule_no_price() -> None:
    result = recommend(view([], market("113", "107")), None, VAT, D("60"))
    assert result.earn_more is None
    assert "no fee rule" in result.reason


money = st.decimals(min_value=1, max_value=2000, places=2)
histories = st.lists(
    st.builds(
        Sale,
        st.integers(0, 200).map(lambda k: TODAY - timedelta(days=k)),
        st.sampled_from(["10", "9"]),
        st.floats(5, 2000),
    ),
    max_size=12,
)
books = st.none() | st.builds(
    Market,
    st.floats(0, 300).map(lambda h: NOW - timedelta(hours=h)),
    st.none() | money | st.just(D("999999")),
    st.none() | money,
    st.none() | money,
)


@given(histories, books, st.none() | money, st.none() | st.floats(1, 3000))
def test_whatever_the_market_says_the_guard_rails_hold(
    sales: list[Sale], book: Market | None, cost: Decimal | None, prior: float | None
) -> None:
    judged = view_variant("10", sales, book, prior, TODAY, NOW)
    result = recommend(judged, FEES, VAT, cost)
    given_prices = [p for p in (result.sell_faster, result.earn_more) if p is not None]
    assert result.reason
    assert 0 <= judged.confidence.score <= 1
    if judged.evidence_count < 2:
        assert not given_prices
    for asked in given_prices:
        assert asked == asked.to_integral_value()
        assert result.reference_price is not None
        assert D("0.5") * result.reference_price <= asked <= 3 * result.reference_price
        assert result.break_even_price is None or asked >= result.break_even_price
    if len(given_prices) == 2:
        assert given_prices[0] <= given_prices[1]


@given(money, st.none() | money)
def test_the_ladder_falls_and_stays_above_the_floor(
    reference: Decimal, floor: Decimal | None
) -> None:
    steps = ladder(reference, floor)
    assert steps == sorted(steps, reverse=True)
    assert floor is None or min(steps) >= floor


def test_units_of_one_variant_share_its_market_and_keep_their_own_cost() -> None:
    product = UUID(int=7)
    units = [
        Unit(UUID(int=1), "10", product, D("50.00"), "standard", "Shoe", "10", None),
        Unit(UUID(int=2), "10", product, D("80.00"), "margin", "Shoe", "10", None),
        Unit(UUID(int=3), None, None, D("80.00"), "margin", "Unknown", None, None),
    ]
    rules = VatRules({"any": ("intra_eu", D("0.19"))})
    inputs = Inputs(units, {}, {"10": market("113", "107")}, FEES, rules)
    first, second, unknown = price_units(inputs, TODAY, NOW)
    assert first.view is second.view
    assert first.result.earn_more == second.result.earn_more == D("112")
    assert first.result.break_even_price != second.result.break_even_price
    assert unknown.view is None
    assert unknown.result.reason.startswith("not matched")


def _frame(**changes: object) -> pd.DataFrame:
    row = {
        "stock_id": UUID(int=1),
        "platform": "stockx",
        "currency_code": "EUR",
        "reference_price": D("100.00"),
        "break_even_price": D("80.00"),
        "recommended_sell_faster": D("97.00"),
        "recommended_earn_more": D("102.00"),
        "roi_percentage": D("12.00"),
        "market_confidence": "low",
        "confidence_score": D("0.300"),
        "reason": "priced",
    }
    return pd.DataFrame([{**row, **changes}])


def test_the_schema_accepts_what_is_written_and_names_what_is_not() -> None:
    assert validate(_frame()).empty
    nothing = dict.fromkeys(
        ["reference_price", "break_even_price", "recommended_sell_faster"]
        + ["recommended_earn_more", "roi_percentage", "market_confidence", "confidence_score"]
    )
    assert validate(_frame(**nothing)).empty
    assert validate(_frame().iloc[:0]).empty
    assert not validate(_frame(recommended_sell_faster=D("103"))).empty
    assert not validate(_frame(break_even_price=D("98"))).empty
    assert not validate(_frame(market_confidence="certain")).empty
    assert not validate(_frame(reference_price=None)).empty
