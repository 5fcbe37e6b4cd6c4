"""The StockX client: tokens that expire or rotate, and lists that move while they are read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soleflip_pipelines.clients import stockx
from soleflip_pipelines.clients.errors import PermanentPartnerError, TransientPartnerError
from soleflip_pipelines.clients.http import PartnerHttp
from soleflip_pipelines.clients.oauth import Grant
from soleflip_pipelines.clients.paging import MAX_PASSES
from soleflip_pipelines.clients.retries import MAX_ATTEMPTS
from soleflip_pipelines.clients.stockx import (
    MORE_PAGES,
    PAGE_SIZE,
    AppCredentials,
    StockXClient,
)

pytestmark = pytest.mark.api


class Tokens:
    """A token store in memory."""

    def __init__(self) -> None:
        self.token = "refresh-1"
        self._lock = threading.Lock()

    @contextmanager
    def exclusive(self) -> Iterator[Tokens]:
        with self._lock:
            yield self

    def read(self) -> Grant:
        return Grant(self.token)

    def save(self, grant: Grant) -> None:
        self.token = grant.refresh_token


class Seller:
    """What the scripted StockX holds: orders, tokens that it accepts, and what happens between."""

    def __init__(self, partner: Any) -> None:
        self.partner = partner
        self.orders = [f"{number:08d}-1" for number in range(250)]
        self.good_tokens: set[str] = set()
        self.refreshes = 0
        self.rotates = False
        self.before_page: Callable[[int], None] = lambda _: None
        partner.answer = self.answer

    def answer(self, call: Any) -> Any:
        if call.path.endswith("/oauth/token"):
            self.refreshes += 1
            token = f"access-{self.refreshes}"
            self.good_tokens = {token}
            body = {"access_token": token, "expires_in": 43_200}
            if self.rotates:
                body["refresh_token"] = f"refresh-{self.refreshes + 1}"
            return self.partner.reply(body=body)
        if call.headers.get("x-api-key") != "key":
            return self.partner.reply(403, {"message": "Forbidden"})
        if call.headers.get("authorization", "").removeprefix("Bearer ") not in self.good_tokens:
            return self.partner.reply(401, {"message": "Unauthorized"})
        number = int(call.query["pageNumber"])
        self.before_page(number)
        return self.partner.reply(body=self.page(number, int(call.query["pageSize"])))

    def page(self, number: int, size: int) -> dict[str, Any]:
        items = self.orders[(number - 1) * size : number * size]
        return {
            "count": len(self.orders),
            "pageSize": size,
            "pageNumber": number,
            "hasNextPage": number * size < len(self.orders),
            "orders": [{"orderNumber": order} for order in items],
        }


@pytest.fixture
def seller(partner: Any, no_waiting: None) -> Seller:
    return Seller(partner)


def client_of(
    seller: Seller, *, tokens: Tokens | None = None, api_key: str = "key"
) -> StockXClient:
    return StockXClient(
        api=PartnerHttp(partner="StockX", base_url=seller.partner.url),
        auth=PartnerHttp(partner="StockX", base_url=seller.partner.url),
        app=AppCredentials(api_key, "client", "secret"),
        tokens=tokens or Tokens(),
    )


@pytest.fixture
def client(seller: Seller) -> StockXClient:
    return client_of(seller)


def read(client: StockXClient) -> tuple[set[str], list[str]]:
    warnings: list[str] = []
    pages = client.active_order_pages(warn=warnings.append)
    return {order["orderNumber"] for page in pages for order in page}, warnings


def test_all_pages_are_read_with_one_login(seller: Seller) -> None:
    assert read(client_of(seller)) == (set(seller.orders), [])
    assert seller.refreshes == 1
    assert [call.query["pageSize"] for call in seller.partner.calls[1:]] == [str(PAGE_SIZE)] * 3
    form = seller.partner.calls[0].form
    assert form["grant_type"] == "refresh_token"
    assert form["audience"] == "gateway.stockx.com"


def test_a_token_that_expires_in_mid_run_is_renewed_and_the_page_asked_again(
    seller: Seller,
) -> None:
    expired: list[int] = []

    def expire_once(number: int) -> None:
        if number == 1 and not expired:
            expired.append(number)
            seller.good_tokens = set()

    seller.before_page = expire_once
    assert read(client_of(seller)) == (set(seller.orders), [])
    assert seller.refreshes == 2


def test_a_second_401_stops_and_names_the_setting(seller: Seller) -> None:
    client = client_of(seller)
    original = seller.answer

    def refuse_all(call: Any) -> Any:
        if call.path.endswith("/oauth/token"):
            return original(call)
        return seller.partner.reply(401, {"message": "Unauthorized"})

    seller.partner.answer = refuse_all
    with pytest.raises(PermanentPartnerError, match=r"check STOCKX_API_KEY; see docs/connect-sto"):
        read(client)
    assert seller.refreshes == 2


def test_a_wrong_key_is_one_clear_sentence(seller: Seller) -> None:
    with pytest.raises(PermanentPartnerError) as caught:
        read(client_of(seller, api_key="wrong"))
    assert "gave 403 (Forbidden): the key was refused; check STOCKX_API_KEY" in str(caught.value)


def test_a_refused_login_names_its_settings(seller: Seller) -> None:
    body = {"error": "invalid_grant", "error_description": "Unknown or invalid refresh token."}
    seller.partner.script(seller.partner.reply(403, body))
    with pytest.raises(PermanentPartnerError) as caught:
        read(client_of(seller))
    text = str(caught.value)
    assert "invalid_grant: Unknown or invalid refresh token." in text
    assert "log in again with `soleflip connect stockx` or check STOCKX_REFRESH_TOKEN" in text


def test_a_rotated_token_is_kept_and_used_next(seller: Seller) -> None:
    seller.rotates = True
    tokens = Tokens()
    read(client_of(seller, tokens=tokens))
    assert tokens.token == "refresh-2"
    read(client_of(seller, tokens=tokens))
    assert seller.partner.calls[-4].form["refresh_token"] == "refresh-2"


def test_threads_share_one_refresh(seller: Seller) -> None:
    client = client_of(seller)
    threads = [threading.Thread(target=read, args=(client,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seller.refreshes == 1


def test_a_row_that_leaves_while_pages_are_read_costs_no_other_row(seller: Seller) -> None:
    moved: list[str] = []

    def remove_one(number: int) -> None:
        if number == 2 and not moved:
            moved.append(seller.orders.pop(0))

    seller.before_page = remove_one
    seen, warnings = read(client_of(seller))
    assert seen >= set(seller.orders)
    assert warnings == []


def test_a_row_that_arrives_while_pages_are_read_is_seen(seller: Seller) -> None:
    def add_once(number: int) -> None:
        if number == 2 and "new" not in seller.orders:
            seller.orders.insert(0, "new")

    seller.before_page = add_once
    assert read(client_of(seller)) == (set(seller.orders), [])


@pytest.mark.parametrize("kind", ["leave", "come"])
@given(data=st.data())
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_rows_that_stay_are_read_or_it_is_said(
    seller: Seller,
    client: StockXClient,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    data: st.DataObject,
) -> None:
    monkeypatch.setattr(stockx, "PAGE_SIZE", 3)
    seller.orders = [str(number) for number in range(data.draw(st.integers(0, 12), label="rows"))]
    stayed = set(seller.orders)
    places = st.lists(st.integers(0, 20), max_size=3)
    plan = data.draw(st.lists(places, max_size=4), label="changes")

    def move(_: int) -> None:
        for place in plan.pop(0) if plan else ():
            at = place % max(len(seller.orders), 1)
            new = [f"new-{len(plan)}-{place}"] if kind == "come" else []
            seller.orders[at : at + (kind == "leave")] = new
            stayed.intersection_update(seller.orders)

    seller.before_page = move
    seen, warnings = read(client)
    assert stayed <= seen or warnings


def test_a_list_that_never_holds_still_is_said_so(seller: Seller) -> None:
    seller.before_page = lambda number: seller.orders.pop(0) if number > 1 else None
    seen, warnings = read(client_of(seller))
    assert len(warnings) == 1
    assert "kept changing over 3 readings" in warnings[0]
    assert seen


def test_a_list_that_repeats_itself_ends(seller: Seller) -> None:
    original = seller.page

    def endless(number: int, size: int) -> dict[str, Any]:
        return {**original(1, size), "hasNextPage": True}

    seller.page = endless  # type: ignore[method-assign]
    seen, warnings = read(client_of(seller))
    assert len(seen) == PAGE_SIZE
    assert len(warnings) == 1


def test_a_list_that_never_ends_is_left_after_what_it_said_it_holds(seller: Seller) -> None:
    asked: list[int] = []

    def endless(number: int, size: int) -> dict[str, Any]:
        asked.append(number)
        orders = [{"orderNumber": f"{len(asked)}-{place}"} for place in range(size)]
        return {"count": 250, "pageNumber": number, "hasNextPage": True, "orders": orders}

    seller.page = endless  # type: ignore[method-assign]
    seen, warnings = read(client_of(seller))
    assert max(asked) == 250 // PAGE_SIZE + MORE_PAGES + 1
    assert len(asked) == MAX_PASSES * max(asked)
    assert len(seen) == len(asked) * PAGE_SIZE
    assert len(warnings) == 1


def test_an_error_in_the_body_of_a_good_reply_is_no_document(seller: Seller) -> None:
    original, left = seller.answer, [{"statusCode": 500, "errorMessage": "no flex data"}]

    def fail_once(call: Any) -> Any:
        if call.path.endswith("/oauth/token"):
            return original(call)
        body = left.pop() if left else {"orderNumber": "A"}
        return seller.partner.reply(body=body)

    seller.partner.answer = fail_once
    assert client_of(seller).order(order_number="A") == {"orderNumber": "A"}
    left.extend([{"errorMessage": "no flex data"}] * MAX_ATTEMPTS)
    with pytest.raises(TransientPartnerError, match=r"unexpected form \(no flex data\)"):
        client_of(seller).order(order_number="A")


def test_what_past_orders_say_of_their_number_is_passed_on(seller: Seller) -> None:
    declared: list[int] = []
    pages = client_of(seller).past_order_pages(warn=print, declare=declared.append)
    assert sum(len(page) for page in pages) == 250
    assert declared == [250]
    assert client_of(seller).past_order_count(created_to=date(2026, 6, 30)) == 250
    query = seller.partner.calls[-1].query
    assert query == {"toDate": "2026-06-30", "pageNumber": "1", "pageSize": "1"}


def test_an_empty_list_is_only_believed_with_a_count_of_zero(seller: Seller) -> None:
    seller.page = lambda number, _: {  # type: ignore[method-assign]
        "count": 5, "pageNumber": number, "hasNextPage": False, "orders": [],
    }  # fmt: skip
    with pytest.raises(TransientPartnerError, match="unexpected form"):
        read(client_of(seller))
    seller.orders.clear()
    del seller.page
    assert read(client_of(seller)) == (set(), [])
