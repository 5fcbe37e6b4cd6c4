"""Keys, tokens, limits, pages and ordered faults of the sandbox's service."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from soleflip_pipelines.sandbox.keys import Limits
from tests.sandbox.conftest import KEYS, refresh, serving

pytestmark = pytest.mark.api
Call = Callable[..., Any]
LISTINGS = "/stockx/v2/selling/listings"


def test_refresh_gives_a_bearer_and_no_refresh_token(client: httpx.Client) -> None:
    answer = refresh(client)
    assert answer.status_code == 200
    body = answer.json()
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 43_200
    assert "refresh_token" not in body


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"grant_type": "client_credentials"}, "unauthorized_client"),
        ({"client_secret": "wrong"}, "access_denied"),
        ({"refresh_token": "wrong"}, "invalid_grant"),
    ],
)
def test_refresh_refuses(client: httpx.Client, changes: dict[str, str], error: str) -> None:
    answer = refresh(client, **changes)
    assert answer.status_code in (401, 403)
    assert answer.json()["error"] == error
    assert answer.json()["error_description"]


def test_both_headers_are_needed(client: httpx.Client) -> None:
    token = refresh(client).json()["access_token"]
    bearer, key = {"Authorization": f"Bearer {token}"}, {"x-api-key": KEYS.api_key}
    assert client.get(LISTINGS, headers=bearer | key).status_code == 200
    assert client.get(LISTINGS, headers=key).status_code == 401
    assert client.get(LISTINGS, headers={"Authorization": "Bearer x"} | key).status_code == 401
    no_key = client.get(LISTINGS, headers=bearer)
    assert (no_key.status_code, no_key.json()) == (403, {"message": "Forbidden"})


def _headers(client: httpx.Client) -> dict[str, str]:
    token = refresh(client).json()["access_token"]
    return {"Authorization": f"Bearer {token}", "x-api-key": KEYS.api_key}


def test_one_request_a_second(business: Path) -> None:
    with serving(business, Limits(per_second=1.0)) as client:
        headers = _headers(client)
        assert client.get(LISTINGS, headers=headers).status_code == 200
        refused = client.get(LISTINGS, headers=headers)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")


def test_daily_quota_without_retry_after(business: Path) -> None:
    with serving(business, Limits(per_day=3, sends_retry_after=False)) as client:
        headers = _headers(client)
        answers = [client.get(LISTINGS, headers=headers) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert "Retry-After" not in answers[-1].headers


@pytest.mark.parametrize("path", ["/selling/orders/active", "/selling/orders/history"])
@pytest.mark.parametrize("size", [7, 100])
def test_pages_together_are_everything_once(stockx: Call, path: str, size: int) -> None:
    numbers: list[str] = []
    page, more = 0, True
    while more:
        page += 1
        body = stockx(path, pageNumber=page, pageSize=size).json()
        numbers += [order["orderNumber"] for order in body["orders"]]
        more = body["hasNextPage"]
    assert len(numbers) == len(set(numbers)) == body["count"] > 0
    assert stockx(path, pageNumber=page + 1, pageSize=size).json()["orders"] == []


def test_history_by_day_of_creation(stockx: Call) -> None:
    """Windows that touch cover everything once, with and without another filter."""
    whole = stockx("/selling/orders/history", pageSize=1).json()["count"]
    completed = stockx("/selling/orders/history", pageSize=1, orderStatus="COMPLETED").json()
    found, found_completed, first = 0, 0, date(2023, 11, 1)
    while first < date(2026, 12, 1):
        last = first + timedelta(days=90)
        window = {"fromDate": str(first), "toDate": str(last), "pageSize": 100}
        body = stockx("/selling/orders/history", **window).json()
        assert all(str(first) <= o["createdAt"][:10] <= str(last) for o in body["orders"])
        found += body["count"]
        narrow = stockx("/selling/orders/history", orderStatus="COMPLETED", **window).json()
        assert {o["status"] for o in narrow["orders"]} <= {"COMPLETED"}
        found_completed += narrow["count"]
        first = last + timedelta(days=1)
    assert (found, found_completed) == (whole, completed["count"])


def test_filters_by_product_and_variant(stockx: Call) -> None:
    order = stockx("/selling/orders/history", pageSize=1).json()["orders"][0]
    for name, value in (
        ("productId", order["product"]["productId"]),
        ("variantId", order["variant"]["variantId"]),
    ):
        hits = stockx("/selling/orders/history", pageSize=100, **{name: value}).json()["orders"]
        assert order["orderNumber"] in [hit["orderNumber"] for hit in hits]
        key = name.removesuffix("Id")
        assert {hit[key][name] for hit in hits} == {value}


def _order_fault(client: httpx.Client, kind: str, **more: object) -> None:
    fault = {"path": "/stockx/v2/selling", "kind": kind, "times": 1, **more}
    assert client.post("/_sandbox/faults", json=fault).status_code == 201


@pytest.mark.parametrize(
    ("kind", "status", "marker"),
    [
        ("status", 503, "message"),
        ("html504", 504, "<html>"),
        ("errorMessage", 500, "errorMessage"),
        ("rate_limit", 429, "Too many"),
        ("expired_token", 401, "Unauthorized"),
    ],
)
def test_a_fault_happens_as_often_as_ordered(
    client: httpx.Client, stockx: Call, kind: str, status: int, marker: str
) -> None:
    _order_fault(client, kind, status=status)
    answer = stockx("/selling/listings")
    assert answer.status_code == status
    assert marker in answer.text
    if kind != "expired_token":
        assert stockx("/selling/listings").status_code == 200


def test_a_truncated_answer_is_no_json(client: httpx.Client, stockx: Call) -> None:
    _order_fault(client, "truncated")
    answer = stockx("/selling/listings")
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        answer.json()


def test_a_cut_connection(client: httpx.Client, stockx: Call) -> None:
    _order_fault(client, "reset")
    with pytest.raises(httpx.RemoteProtocolError):
        stockx("/selling/listings")
    assert stockx("/selling/listings").status_code == 200


@pytest.mark.parametrize(("kind", "left"), [("shift", slice(1, None)), ("vanish", slice(0, -1))])
def test_a_page_shifts_and_a_document_is_whole_or_none(
    client: httpx.Client, ebay: Call, kind: str, left: slice
) -> None:
    """A document with a part of it left out would be a lie that no reader can see through."""
    path = "/ebay/sell/fulfillment/v1/order"
    listed = ebay("/order", limit=50).json()["orders"]
    client.post("/_sandbox/faults", json={"path": path, "kind": kind})
    assert ebay("/order", limit=50).json()["orders"] == listed[left]
    document = ebay(f"/order/{listed[0]['orderId']}").json()
    client.post("/_sandbox/faults", json={"path": path, "kind": kind})
    assert ebay(f"/order/{listed[0]['orderId']}").json() == document


def test_faults_can_be_taken_back_and_nonsense_is_refused(
    client: httpx.Client, stockx: Call
) -> None:
    _order_fault(client, "status", times=100)
    assert client.delete("/_sandbox/faults").json() == {"faults": 0}
    assert stockx("/selling/listings").status_code == 200
    assert client.post("/_sandbox/faults", json={"kind": "earthquake"}).status_code == 400


def test_requests_are_counted(client: httpx.Client, stockx: Call) -> None:
    def counted() -> int:
        return int(client.get("/_sandbox/requests").json().get(f"GET {LISTINGS}", 0))

    before = counted()
    stockx("/selling/listings")
    stockx("/selling/listings")
    assert counted() == before + 2


def _feed_rows(client: httpx.Client, feed: dict[str, str], delimiter: str) -> list[dict[str, str]]:
    answer = client.get(feed["URL"])
    assert answer.content[:2] == b"\x1f\x8b"
    assert "content-encoding" not in answer.headers
    text = io.StringIO(gzip.decompress(answer.content).decode("utf-8"), newline="")
    return list(csv.DictReader(text, delimiter=delimiter))


def test_awin_feeds(client: httpx.Client) -> None:
    listed = client.get(f"/awin/datafeed/list/apikey/{KEYS.awin_key}")
    feeds = list(csv.DictReader(io.StringIO(listed.text)))
    assert len(feeds) == 2
    wide, narrow = (_feed_rows(client, feed, d) for feed, d in zip(feeds, ",|", strict=True))
    assert (len(wide[0]), len(narrow[0])) == (92, 36)
    for feed, rows in zip(feeds, (wide, narrow), strict=True):
        assert int(feed["No of products"].replace(",", "")) == len(rows)
        assert len({row["aw_product_id"] for row in rows}) == len(rows)
    filled = {name for row in wide for name, cell in row.items() if cell}
    assert len(filled) in (28, 29, 30)
    assert any('"' in row["product_name"] for row in narrow)


def test_awin_refuses_a_bad_key(client: httpx.Client) -> None:
    assert client.get("/awin/datafeed/list/apikey/wrong").status_code == 401
    assert client.get("/awin/datafeed/download/apikey/wrong/fid/21293/").status_code == 401


def test_feed_meets_catalogue_by_ean(client: httpx.Client, stockx: Call) -> None:
    listed = client.get(f"/awin/datafeed/list/apikey/{KEYS.awin_key}")
    wide = _feed_rows(client, next(csv.DictReader(io.StringIO(listed.text))), ",")
    known = 0
    for row in wide[:: len(wide) // 80]:
        answer = stockx(f"/catalog/products/variants/gtins/{row['ean']}")
        if answer.status_code == 200:
            known += 1
            sizes = [c["size"] for c in answer.json()["sizeChart"]["availableConversions"]]
            value = answer.json()["variantValue"]
            assert row["Fashion:size"] == value or f"EU {row['Fashion:size']}" in sizes
    assert known > 0


def test_reference_rates(client: httpx.Client) -> None:
    body = client.get("/ecb/stats/eurofxref/eurofxref-hist.zip").content
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        lines = archive.read("eurofxref-hist.csv").decode().splitlines()
    assert lines[0].startswith("Date,USD,")
    assert lines[0].endswith(",")
    days = [date.fromisoformat(line.split(",")[0]) for line in lines[1:]]
    assert days == sorted(days, reverse=True)
    assert all(day.weekday() < 5 for day in days)
    assert days[0] < date(2026, 11, 22)
    assert days[-1] < date(2023, 5, 1)
