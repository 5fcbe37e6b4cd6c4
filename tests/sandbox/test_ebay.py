"""eBay's paths of the sandbox: contract, filters, pages, errors, and nothing older than told."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from soleflip_pipelines.sandbox import storage
from tests.sandbox.conftest import KEYS, UNTIL

pytestmark = pytest.mark.api
Call = Callable[..., Any]
Problems = Callable[[str, Any], list[str]]
TWO_YEARS = f"creationdate:[{UNTIL - timedelta(days=729)}T00:00:00.000Z..]"


def _all(ebay: Call, **query: object) -> list[dict[str, Any]]:
    """Every order of a list, page by page along `next`."""
    found: list[dict[str, Any]] = []
    body = ebay("/order", **{"filter": TWO_YEARS, "limit": 7} | query).json()
    while True:
        found += body["orders"]
        if "next" not in body:
            assert len(found) == body["total"]
            return found
        body = ebay(body["next"]).json()


def test_orders_have_the_form_of_the_contract(ebay: Call, ebay_problems: Problems) -> None:
    page = ebay("/order", filter=TWO_YEARS, limit=200).json()
    assert ebay_problems("OrderSearchPagedCollection", page) == []
    assert ebay_problems("OrderSearchPagedCollection", page | {"offset": "0"})
    assert ebay_problems("Order", page["orders"][0] | {"orderNumber": "1"})
    seen = set()
    for order in page["orders"]:
        seen.add((order["cancelStatus"]["cancelState"], order["orderPaymentStatus"]))
        detail = ebay(f"/order/{order['orderId']}").json()
        assert ebay_problems("Order", detail) == []
        is_cancelled = order["cancelStatus"]["cancelState"] == "CANCELED"
        assert order["cancelStatus"]["cancelRequests"] == []
        assert bool(detail["cancelStatus"]["cancelRequests"]) == is_cancelled
    assert seen >= {
        ("NONE_REQUESTED", "PAID"),
        ("NONE_REQUESTED", "FULLY_REFUNDED"),
        ("NONE_REQUESTED", "PARTIALLY_REFUNDED"),
        ("CANCELED", "FULLY_REFUNDED"),
    }


def test_amounts_add_up(ebay: Call) -> None:
    def amount(value: dict[str, str]) -> Decimal:
        assert value["currency"] == "EUR"
        return Decimal(value["value"])

    for order in _all(ebay, limit=200):
        lines = order["lineItems"]
        total = sum(amount(line["total"]) for line in lines)
        assert amount(order["pricingSummary"]["total"]) == total
        back = sum(amount(r["amount"]) for r in order["paymentSummary"]["refunds"])
        fee = amount(order["totalMarketplaceFee"])
        assert amount(order["paymentSummary"]["totalDueSeller"]) == total - back - fee
        assert (fee == 0) == (order["orderPaymentStatus"] == "FULLY_REFUNDED")
        for line in lines:
            delivery = amount(line["deliveryCost"]["shippingCost"])
            assert amount(line["lineItemCost"]) + delivery == amount(line["total"])


def test_pages_are_everything_once_oldest_first(ebay: Call, business: Path) -> None:
    orders = _all(ebay)
    numbers = [order["orderId"] for order in orders]
    served = storage.open_read_only(business / storage.BUSINESS)
    true = [row[0] for row in served.execute("select order_id from ebay_order")]
    assert sorted(numbers) == sorted(true)
    assert len(set(numbers)) == len(numbers) > 7
    created = [order["creationDate"] for order in orders]
    assert created == sorted(created)


def test_filters(ebay: Call) -> None:
    orders = _all(ebay)
    middle = sorted(order["lastModifiedDate"] for order in orders)[len(orders) // 2]
    changed = _all(ebay, filter=f"lastmodifieddate:[{middle}..]")
    assert {o["orderId"] for o in changed} == {
        o["orderId"] for o in orders if o["lastModifiedDate"] >= middle
    }
    moments = [order["lastModifiedDate"] for order in changed]
    assert moments == sorted(moments)
    both = _all(ebay, filter=f"{TWO_YEARS},lastmodifieddate:[{middle}..]")
    assert both == orders
    unsent = _all(ebay, filter=f"{TWO_YEARS},orderfulfillmentstatus:{{NOT_STARTED|IN_PROGRESS}}")
    assert {o["orderFulfillmentStatus"] for o in unsent} == {"NOT_STARTED"}
    recent = ebay("/order", limit=200).json()["orders"]
    first = min(o["creationDate"] for o in recent)
    assert datetime.fromisoformat(first).date() >= UNTIL - timedelta(days=90)
    wanted = [o["orderId"] for o in orders[:3]]
    chosen = ebay("/order", orderIds=",".join(wanted)).json()["orders"]
    assert [o["orderId"] for o in chosen] == wanted


def test_what_is_older_than_two_years_stands_on_the_report_alone(
    ebay: Call, business: Path
) -> None:
    truth = storage.open_read_only(business / storage.TRUTH)
    rows = truth.execute("select * from sold_order where platform = 'ebay'").fetchall()
    old = {row["order_number"] for row in rows if "api" not in row["sources"]}
    assert old
    assert all("report" in row["sources"] for row in rows if row["order_number"] in old)
    assert old.isdisjoint(order["orderId"] for order in _all(ebay))
    assert ebay(f"/order/{min(old)}").status_code == 404


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"limit": 201}, 31100),
        ({"limit": 0}, 31100),
        ({"offset": -1}, 31000),
        ({"filter": "paid:[x..]"}, 30700),
        ({"filter": "orderfulfillmentstatus:{SENT}"}, 30800),
        ({"filter": "creationdate:[2026-01-01..oops]"}, 30810),
        ({"filter": "creationdate:[..2026-01-01T00:00:00.000Z]"}, 30820),
        ({"filter": "creationdate:[2021-01-01T00:00:00.000Z..]"}, 30830),
        (
            {"filter": "creationdate:[2026-02-01T00:00:00.000Z..2026-01-01T00:00:00.000Z]"},
            30840,
        ),
        ({"filter": "creationdate:[2199-01-01T00:00:00.000Z..]"}, 30850),
        ({"orderIds": ",".join(["01-00000-00001"] * 51)}, 30900),
        ({"fieldGroups": "EVERYTHING"}, 32800),
    ],
)
def test_errors(ebay: Call, ebay_problems: Problems, query: dict[str, object], error: int) -> None:
    answer = ebay("/order", **query)
    assert answer.status_code == 400
    (found,) = answer.json()["errors"]
    assert ebay_problems("Error", found) == []
    assert found["errorId"] == error


def test_unknown_orders_and_bad_tokens(ebay: Call, client: httpx.Client) -> None:
    assert ebay("/order/17-00000-00000").status_code == 404
    assert ebay("/order/x").json()["errors"][0]["errorId"] == 32100
    bare = client.get("/ebay/sell/fulfillment/v1/order")
    assert bare.status_code == 401
    assert bare.json()["errors"][0]["errorId"] == 1001
    form = {"grant_type": "refresh_token", "refresh_token": KEYS.ebay_refresh_token}
    path = "/ebay/identity/v1/oauth2/token"
    assert client.post(path, data=form, auth=("x", "y")).json()["error"] == "invalid_client"
    pair = (KEYS.ebay_client_id, KEYS.ebay_client_secret)
    wrong = client.post(path, data=form | {"refresh_token": "x"}, auth=pair)
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_grant")


def test_the_seller_has_habits(full_business: Path) -> None:
    """Most labels name code and size, some titles the code, and a few nothing at all."""
    served = storage.open_read_only(full_business / storage.BUSINESS)
    lines = [
        line
        for row in served.execute("select lines from ebay_order")
        for line in json.loads(row[0])
    ]
    labelled = sum(line[2] is not None for line in lines)
    assert 0.7 < labelled / len(lines) < 0.95
    assert any(line[2] is None and line[7] for line in lines)
    assert any(line[4] == 2 for line in lines)
    assert any(
        len(json.loads(row[0])) > 1 for row in served.execute("select lines from ebay_order")
    )
    assert all(len(line[3]) <= 80 for line in lines)
