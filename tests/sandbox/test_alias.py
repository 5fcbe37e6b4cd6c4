"""Alias's paths of the sandbox: shapes, pages by token, filters and errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from soleflip_pipelines.sandbox import storage
from soleflip_pipelines.sandbox.codes import style_key

pytestmark = pytest.mark.api
Call = Callable[..., Any]
_TEXT = (
    "id", "status", "fulfillment_status", "catalog_id", "catalog_name", "catalog_brand",
    "catalog_sku", "sales_channel", "purchase_order_number", "listing_id", "sold_at", "updated_at",
)  # fmt: skip


def _all(alias: Call, path: str, **query: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    token = ""
    while True:
        more = {"pagination_token": token} if token else {}
        body = alias(path, page_size=5, **query, **more).json()
        found += body["results"]
        token = body["pagination"]["next_page_token"]
        if not token:
            return found


def test_orders_page_by_page(alias: Call, business: Path) -> None:
    orders = _all(alias, "/orders")
    assert len({order["id"] for order in orders}) == len(orders) > 5
    served = storage.open_read_only(business / storage.BUSINESS)
    assert served.execute("select count(*) from alias_order").fetchone()[0] == len(orders)
    sold = [order["sold_at"] for order in orders]
    assert sold == sorted(sold, reverse=True)
    for order in orders:
        assert all(isinstance(order[name], str) for name in _TEXT)
        assert isinstance(order["size"], (int, float))
        price, rest = order["price_cents"], order["price_cents_after_take"]
        assert isinstance(price, int)
        assert 0 < rest < price
        assert price % 100 == 0
        assert style_key(order["catalog_id"]).endswith(style_key(order["catalog_sku"]))
    one = alias(f"/orders/{orders[0]['id']}")
    assert one.json() == orders[0]
    assert one.headers["x-request-id"]


def test_orders_by_status(alias: Call) -> None:
    orders = _all(alias, "/orders")
    statuses = {order["status"] for order in orders}
    assert {"ORDER_STATUS_COMPLETED", "ORDER_STATUS_CANCELED"} < statuses
    for status in statuses:
        found = _all(alias, "/orders", facet_filters=f"status:{status}")
        assert found == [order for order in orders if order["status"] == status]


def test_listings(alias: Call) -> None:
    listings = _all(alias, "/listings")
    assert len({listing["id"] for listing in listings}) == len(listings) > 5
    assert all(isinstance(listing["price_cents"], str) for listing in listings)
    assert alias(f"/listings/{listings[0]['id']}").json() == listings[0]


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("/orders", {"page_size": 51}, 400, 3),
        ("/orders", {"page_size": "many"}, 400, 3),
        ("/orders", {"pagination_token": "nonsense"}, 400, 3),
        ("/orders", {"facet_filters": "price:1"}, 400, 3),
        ("/orders/unknown", {}, 404, 5),
        ("/listings/unknown", {}, 404, 5),
    ],
)
def test_errors(alias: Call, path: str, query: dict[str, object], status: int, code: int) -> None:
    answer = alias(path, **query)
    assert answer.status_code == status
    body = answer.json()
    assert (body["code"], body["details"]) == (code, [])
    assert body["message"]


def test_the_token(alias: Call, client: httpx.Client) -> None:
    assert alias("/test").json() == {"ok": True}
    refused = client.get("/alias/api/v1/test", headers={"Authorization": "Bearer x"})
    assert (refused.status_code, refused.json()["code"]) == (401, 16)
