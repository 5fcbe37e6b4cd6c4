"""Fees, VAT and the inverse: which price leaves how much."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soleflip_pipelines.pricing.fees import (
    CENT,
    FeeRule,
    Vat,
    VatRegime,
    break_even,
    cents,
    net_proceeds,
    price_for,
)
from soleflip_pipelines.pricing.recommend import judge

pytestmark = pytest.mark.unit

D = Decimal
LEVEL_1 = FeeRule(D("0.09"), D("0.03"))
WITH_MINIMUM = FeeRule(D("0.09"), D("0.03"), minimum_fee=D("5.00"), shipping=D("6.00"))
NO_VAT = Vat("small_business")


def test_the_worked_example_without_vat() -> None:
    outcome = judge(D("199.99"), LEVEL_1, NO_VAT, D("130.00"))
    assert D("199.99") - outcome.payout == D("24.00")
    assert outcome.payout == D("175.99")
    assert outcome.profit == D("45.99")
    assert outcome.roi_percentage == D("35.38")
    assert outcome.profit_margin == D("23.00")


def test_the_worked_example_under_the_margin_scheme() -> None:
    vat = Vat("margin", D("0.19"), purchase_gross=D("120.00"))
    outcome = judge(D("199.99"), LEVEL_1, vat, D("130.00"))
    assert outcome.vat_due == D("12.77")
    assert outcome.profit == D("33.22")
    assert outcome.roi_percentage == D("25.55")


def test_standard_vat_is_part_of_the_price_and_no_revenue() -> None:
    outcome = judge(D("119.00"), FeeRule(D(0), D(0)), Vat("standard", D("0.19")), D("80.00"))
    assert outcome.vat_due == D("19.00")
    assert outcome.profit == D("20.00")
    assert outcome.profit_margin == D("20.00")


def test_supply_to_the_marketplace_owes_no_vat() -> None:
    assert Vat("intra_eu", D("0.19")).due(D("200")) == 0


def test_a_loss_under_the_margin_scheme_gives_no_refund() -> None:
    assert Vat("margin", D("0.19"), D("150")).due(D("100")) == 0


@pytest.mark.parametrize(
    ("price", "fee"),
    [("55.55", "5.00"), ("55.56", "5.00"), ("55.61", "5.00"), ("55.62", "5.01"), ("200", "18.00")],
)
def test_the_minimum_fee_rules_cheap_sales(price: str, fee: str) -> None:
    assert WITH_MINIMUM.transaction_fee(D(price)) == D(fee)


def test_cents_round_half_away_from_zero() -> None:
    assert cents(D("1.005")) == D("1.01")
    assert cents(D("-1.005")) == D("-1.01")


def test_break_even_on_both_branches_of_the_fee() -> None:
    cheap = break_even(D("20.00"), WITH_MINIMUM, NO_VAT)
    dear = break_even(D("100.00"), WITH_MINIMUM, NO_VAT)
    assert cheap == D("31.96")  # (20 + 5 + 6) / 0.97, the minimum fee applies
    assert dear == D("120.45")  # (100 + 6) / 0.88
    assert net_proceeds(cheap, WITH_MINIMUM, NO_VAT) == D("20.00")
    assert net_proceeds(dear, WITH_MINIMUM, NO_VAT) == D("100.00")


def test_a_rule_that_eats_everything_has_no_break_even() -> None:
    with pytest.raises(ValueError, match="leave nothing"):
        break_even(D("10"), FeeRule(D("0.9"), D("0.1")), NO_VAT)


amounts = st.decimals(min_value=0, max_value=3000, places=2)
rates = st.decimals(min_value=0, max_value=D("0.2"), places=3)
rules = st.builds(
    FeeRule,
    rates,
    st.decimals(min_value=0, max_value=D("0.05"), places=3),
    st.decimals(min_value=0, max_value=20, places=2),
    st.decimals(min_value=0, max_value=15, places=2),
)
regimes = st.sampled_from(["intra_eu", "standard", "margin", "small_business"])


@given(amounts, rules, regimes, amounts)
def test_the_inverse_is_the_lowest_price_that_reaches_the_target(
    target: Decimal, fees: FeeRule, regime: VatRegime, purchase: Decimal
) -> None:
    vat = Vat(regime, D("0.19"), purchase)
    price = price_for(target, fees, vat)
    assert net_proceeds(price, fees, vat) >= target
    assert price == 0 or net_proceeds(price - CENT, fees, vat) < target


@given(amounts, rules, regimes)
def test_breaking_even_leaves_no_more_than_a_cent_or_two(
    cost: Decimal, fees: FeeRule, regime: VatRegime
) -> None:
    vat = Vat(regime, D("0.19"), cost)
    floor = break_even(cost, fees, vat)
    if floor > 0:
        assert 0 <= net_proceeds(floor, fees, vat) - cost <= D("0.02")
