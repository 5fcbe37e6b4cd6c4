"""eBay's pages under whatever happens between them: a row that stays is read, or it is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soleflip_pipelines.clients import ebay
from soleflip_pipelines.clients.http import PartnerHttp
from soleflip_pipelines.clients.oauth import Grant

pytestmark = pytest.mark.api

START = datetime(2026, 6, 1, tzinfo=UTC)


class Tokens:
    """A login in memory."""

    @contextmanager
    def exclusive(self) -> Iterator[Tokens]:
        yield self

    def read(self) -> Grant:
        return Grant("refresh", access_token="access", life_s=3600)

    def save(self, grant: Grant) -> None:
        """Not needed: the token is good."""


def client_of(partner: Any) -> ebay.EbayClient:
    http = PartnerHttp(partner="eBay", base_url=partner.url)
    return ebay.EbayClient(
        api=http, auth=http, client_id="client", client_secret="secret", tokens=Tokens()
    )


def changed(rows: list[str], kind: str, place: int, name: str) -> list[str]:
    """The list after an order has left it, come into it or moved to one of its ends."""
    place %= max(len(rows), 1)
    if kind == "come":
        return [*rows[:place], name, *rows[place:]]
    rest = rows[:place] + rows[place + 1 :]
    moved = rows[place : place + 1]
    return {"leave": rest, "to the end": rest + moved, "to the front": moved + rest}[kind]


@pytest.mark.parametrize("kinds", [("leave", "come"), ("to the end",), ("to the front",)])
@given(data=st.data())
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_rows_that_stay_are_read_or_it_is_said(
    partner: Any, monkeypatch: pytest.MonkeyPatch, kinds: tuple[str, ...], data: st.DataObject
) -> None:
    monkeypatch.setattr(ebay, "PAGE_SIZE", 3)
    rows = [str(number) for number in range(data.draw(st.integers(0, 12), label="rows"))]
    changes = st.tuples(st.sampled_from(kinds), st.integers(0, 20))
    plan = data.draw(st.lists(st.lists(changes, max_size=3), max_size=4), label="changes")
    stayed = set(rows)
    calls = 0

    def answer(call: Any) -> Any:
        nonlocal rows, calls
        for place, change in enumerate(plan[calls] if calls < len(plan) else ()):
            rows = changed(rows, *change, name=f"new-{calls}-{place}")
            stayed.intersection_update(rows)
        calls += 1
        start = int(call.query["offset"])
        end = start + int(call.query["limit"])
        page = {"total": len(rows), "orders": [{"orderId": row} for row in rows[start:end]]}
        return partner.reply(body={**page, "next": "more"} if end < len(rows) else page)

    partner.answer = answer
    warnings: list[str] = []
    declared: list[int] = []
    pages = client_of(partner).modified_order_pages(
        modified_from=START, modified_to=None, warn=warnings.append, declare=declared.append
    )
    seen = {order["orderId"] for page in pages for order in page}
    assert stayed <= seen or warnings
    assert len(declared) == 1
    assert calls < 60
