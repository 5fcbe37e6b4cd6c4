"""The shared HTTP client against a real server that misbehaves."""

from __future__ import annotations

import io
import logging
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from soleflip_pipelines.clients import deadline, http, retries
from soleflip_pipelines.clients.errors import (
    PartnerDeferred,
    PartnerError,
    PermanentPartnerError,
    TransientPartnerError,
)
from soleflip_pipelines.clients.http import PartnerHttp
from soleflip_pipelines.clients.retries import MAX_ATTEMPTS

pytestmark = pytest.mark.api

PATH = "/list/apikey/CANARY/feeds"
GOOD = {"count": 0, "orders": []}


@pytest.fixture
def client(partner: Any) -> Iterator[PartnerHttp]:
    made = PartnerHttp(
        partner="Partner",
        base_url=partner.url,
        secrets=("CANARY-value",),
        first_wait_s=0.001,
        call_deadline_s=1.0,
    )
    yield made
    made.close()


def reply(partner: Any, **values: Any) -> Any:
    return partner.reply(**{"body": GOOD, **values})


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500, "body": {"errorMessage": "Failed"}},
        {"status": 408},
        {"status": 429},
        {"status": 503, "body": b""},
        {"status": 504, "body": b"<html>Gateway</html>", "headers": {"Content-Type": "text/html"}},
        {"body": b'{"count": 0, "ord'},
        {"body": b"<html>Hello</html>", "headers": {"Content-Type": "text/html"}},
        {"body": b""},
        {"body": b"[" * 200_000},
        {"status": 500, "body": b"[" * 60_000},
        {"body": {"unexpected": True}},
        {"body": {"errorMessage": "Failed to fetch"}},
        {"headers": {"Content-Type": "text/html"}},
        {"fault": "short"},
        {"fault": "reset"},
        {"fault": "drip", "body": b" " * 60},
        {"fault": "drip-headers"},
    ],
    ids=lambda fault: "-".join(f"{k}" for k in fault) + str(fault.get("status", "")),
)
def test_a_passing_fault_is_survived(
    partner: Any, client: PartnerHttp, fault: dict[str, Any]
) -> None:
    bad, good = reply(partner, **fault), reply(partner)
    partner.script(bad, bad, good)
    assert client.get_json(path="/orders", accept=lambda r: "orders" in r) == GOOD
    assert len(partner.calls) == 3


def test_half_a_character_pair_is_for_its_row_to_be_refused_for(
    partner: Any, client: PartnerHttp
) -> None:
    partner.script(reply(partner, body=b'{"orders": [{"name": "\\ud83d"}]}'))
    assert client.get_json(path="/orders") == {"orders": [{"name": "\ud83d"}]}


@pytest.mark.parametrize("fault", ["short", "reset"])
def test_a_reply_that_is_cut_anywhere_is_asked_for_again(
    partner: Any, client: PartnerHttp, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "MAX_FAULTS", 1_000)
    whole = reply(partner)
    for cut in range(len(whole.bytes())):
        partner.script(reply(partner, fault=fault, cut=cut), whole)
        assert client.get_json(path="/orders") == GOOD
    assert len(partner.calls) == 2 * len(whole.bytes())


def test_a_lasting_fault_ends_after_bounded_tries_in_one_sentence(
    partner: Any, client: PartnerHttp
) -> None:
    partner.script(reply(partner, status=500, body={"errorMessage": "no flex data"}))
    with pytest.raises(TransientPartnerError) as caught:
        client.get_json(path=PATH)
    assert len(partner.calls) == MAX_ATTEMPTS
    assert caught.value.status == 500
    assert str(caught.value) == (
        f"Partner: GET {partner.url}/list/apikey/***/feeds gave 500 (no flex data)"
    )


def test_a_client_does_not_retry_without_end(partner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "MAX_FAULTS", 5)
    client = PartnerHttp(partner="Partner", base_url=partner.url, first_wait_s=0.001)
    partner.script(reply(partner, status=500))
    for calls in (5, 6, 7):
        with pytest.raises(TransientPartnerError):
            client.get_json(path="/orders")
        assert len(partner.calls) == calls


def test_a_dead_host_is_told_from_a_slow_one() -> None:
    client = PartnerHttp(partner="Partner", base_url="http://127.0.0.1:9", first_wait_s=0.001)
    with pytest.raises(TransientPartnerError, match=r"gave no answer \(ConnectError\)"):
        client.get_json(path="/orders")


def test_a_name_that_does_not_exist_is_one_sentence() -> None:
    address = "http://nowhere.invalid"
    client = PartnerHttp(partner="Partner", base_url=address, first_wait_s=0.001)
    with pytest.raises(TransientPartnerError) as caught:
        client.get_json(path="/orders")
    assert str(caught.value) == (
        "Partner: GET http://nowhere.invalid/orders gave no answer, "
        "the name nowhere.invalid cannot be looked up (DNS)"
    )


def test_a_certificate_of_its_own_making_is_refused_at_once(
    partner: Any, self_signed: Path
) -> None:
    address = partner.speak_tls(self_signed)
    client = PartnerHttp(partner="Partner", base_url=address, first_wait_s=0.001)
    with pytest.raises(PermanentPartnerError) as caught:
        client.get_json(path="/orders", headers={"Authorization": "Bearer CANARY"})
    assert str(caught.value) == (
        f"Partner: GET {address}/orders gave no answer, "
        "its certificate is not trusted: self-signed certificate"
    )
    assert partner.calls == []


def test_a_certificate_that_is_vouched_for_is_taken_and_the_deadline_holds_within(
    partner: Any, self_signed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusting = ssl.create_default_context(cafile=self_signed)
    monkeypatch.setattr(deadline, "_authorities", lambda: trusting)
    partner.script(reply(partner), reply(partner, fault="drip-headers"))
    client = PartnerHttp(
        partner="Partner",
        base_url=partner.speak_tls(self_signed),
        first_wait_s=0.001,
        call_deadline_s=0.5,
    )
    assert client.get_json(path="/orders") == GOOD
    with pytest.raises(TransientPartnerError, match=r"gave no whole answer in time"):
        client.get_json(path="/orders")


def test_a_host_that_speaks_no_tls_is_one_sentence(partner: Any) -> None:
    address = partner.url.replace("http:", "https:")
    client = PartnerHttp(partner="Partner", base_url=address, first_wait_s=0.001)
    with pytest.raises(TransientPartnerError, match=r"no secure connection came about \(TLS: "):
        client.get_json(path="/orders")


@pytest.mark.parametrize("fault", ["drip", "drip-headers"])
def test_a_reply_that_trickles_in_ends_at_the_deadline(partner: Any, fault: str) -> None:
    partner.script(reply(partner, fault=fault, body=b" " * 10_000))
    client = PartnerHttp(
        partner="Partner", base_url=partner.url, first_wait_s=0.001, call_deadline_s=0.3
    )
    begun = time.monotonic()
    with pytest.raises(TransientPartnerError, match=r"gave no whole answer in time"):
        client.get_json(path="/orders")
    assert time.monotonic() - begun < 0.3 * MAX_ATTEMPTS + 2


def test_an_endless_reply_is_bounded(
    partner: Any, client: PartnerHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MAX_JSON_BYTES", 10_000)
    partner.script(reply(partner, body=b" " * 50_000))
    with pytest.raises(TransientPartnerError, match=r"a reply of more than 10,000 bytes"):
        client.get_json(path="/orders")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
def test_a_refusal_is_not_tried_again(partner: Any, client: PartnerHttp, status: int) -> None:
    partner.script(reply(partner, status=status, body={"message": "no"}))
    with pytest.raises(PermanentPartnerError, match=rf"gave {status} \(no\)") as caught:
        client.get_json(path="/orders")
    assert (caught.value.status, caught.value.method) == (status, "GET")
    assert len(partner.calls) == 1


def test_retry_after_is_waited_for_in_full(partner: Any, client: PartnerHttp) -> None:
    partner.script(reply(partner, status=429, headers={"Retry-After": "1"}), reply(partner))
    client.get_json(path="/orders")
    assert partner.calls[1].at - partner.calls[0].at >= 1.0


def test_retry_after_may_be_a_date(partner: Any, client: PartnerHttp) -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    partner.script(reply(partner, status=503, headers={"Retry-After": moment}), reply(partner))
    client.get_json(path="/orders")
    assert partner.calls[1].at - partner.calls[0].at >= 0.9


@pytest.mark.parametrize("header", ["86400", "garbage"])
def test_an_absurd_retry_after_is_neither_waited_for_nor_cut_short(
    partner: Any, client: PartnerHttp, header: str
) -> None:
    partner.script(reply(partner, status=429, headers={"Retry-After": header}))
    begun = time.monotonic()
    with pytest.raises(PartnerError) as caught:
        client.get_json(path="/orders")
    assert time.monotonic() - begun < 5
    if header == "86400":
        assert len(partner.calls) == 1
        assert isinstance(caught.value, PartnerDeferred)
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        assert abs(caught.value.resumes_at - tomorrow) < timedelta(minutes=1)
        assert str(caught.value).endswith(
            "it asks to wait 86,400 s: what is missing is read after "
            f"{caught.value.resumes_at:%Y-%m-%d %H:%M} UTC"
        )
    else:
        assert isinstance(caught.value, TransientPartnerError)
        assert len(partner.calls) == MAX_ATTEMPTS


def test_a_retry_at_once_is_no_hot_loop(partner: Any) -> None:
    partner.script(reply(partner, status=429, headers={"Retry-After": "0"}))
    client = PartnerHttp(partner="Partner", base_url=partner.url, first_wait_s=0.1)
    with pytest.raises(TransientPartnerError):
        client.get_json(path="/orders")
    gaps = [later.at - earlier.at for earlier, later in pairwise(partner.calls)]
    assert len(gaps) == MAX_ATTEMPTS - 1
    assert min(gaps) >= 0.1


def test_a_date_counts_from_the_clock_that_wrote_it(partner: Any, client: PartnerHttp) -> None:
    """A partner an hour behind that asks for two seconds does not ask for an hour and two."""
    now = datetime.now(UTC)
    theirs = {"Date": now + timedelta(hours=1), "Retry-After": now + timedelta(hours=1, seconds=1)}
    headers = {name: format_datetime(moment, usegmt=True) for name, moment in theirs.items()}
    partner.script(reply(partner, status=503, headers=headers), reply(partner))
    assert client.get_json(path="/orders") == GOOD
    assert partner.calls[1].at - partner.calls[0].at >= 1.0


@pytest.mark.parametrize(("hours", "words"), [(1, "behind"), (-1, "ahead of"), (0, None)])
def test_a_clock_that_is_off_is_said_once(
    partner: Any,
    client: PartnerHttp,
    caplog: pytest.LogCaptureFixture,
    hours: int,
    words: str | None,
) -> None:
    theirs = format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)
    partner.script(reply(partner, headers={"Date": theirs}))
    client.get_json(path="/orders")
    client.get_json(path="/orders")
    said = [record.getMessage() for record in caplog.records if "clock" in record.getMessage()]
    assert len(said) == (1 if words else 0)
    assert all(f"{words} Partner's: set it" in text for text in said)


def test_a_redirect_stays_on_the_host_or_is_refused(partner: Any, client: PartnerHttp) -> None:
    partner.script(
        reply(partner, status=307, body=b"", headers={"Location": "/elsewhere"}), reply(partner)
    )
    assert client.get_json(path="/orders") == GOOD
    assert partner.calls[-1].path == "/elsewhere"
    away = {"Location": "http://169.254.169.254/latest"}
    partner.script(reply(partner, status=302, body=b"", headers=away))
    with pytest.raises(PermanentPartnerError, match=r"another host \(169\.254\.169\.254\)"):
        client.get_json(path="/orders")


def test_proxies_of_the_environment_are_no_surprise(
    partner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    partner.script(reply(partner))
    assert PartnerHttp(partner="P", base_url=partner.url).get_json(path="/x") == GOOD


def test_each_try_passes_the_gate(partner: Any) -> None:
    passed: list[int] = []
    client = PartnerHttp(
        partner="P", base_url=partner.url, first_wait_s=0.001, before_call=lambda: passed.append(1)
    )
    partner.script(reply(partner, status=500), reply(partner))
    client.get_json(path="/orders")
    assert len(passed) == 2


def test_a_download_starts_over_after_a_cut_and_is_bounded(
    partner: Any, client: PartnerHttp
) -> None:
    body = b"0123456789" * 1000
    partner.script(reply(partner, body=body, fault="short"), reply(partner, body=body))
    file = io.BytesIO(b"old")
    assert client.download(path="/feed", into=file, max_bytes=20_000) == len(body)
    assert file.read() == body
    with pytest.raises(PermanentPartnerError, match="more than 100 bytes"):
        client.download(path="/feed", into=file, max_bytes=100)


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500, "body": {"message": "key CANARY-value is odd"}},
        {"status": 401, "body": {"message": "CANARY-value"}},
        {"body": b"CANARY"},
        {"fault": "reset"},
        {"status": 302, "body": b"", "headers": {"Location": "http://example.org/apikey/CANARY"}},
    ],
)
def test_no_secret_in_any_text_or_log(
    partner: Any,
    client: PartnerHttp,
    fault: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    partner.script(reply(partner, **fault))
    with pytest.raises(PartnerError) as caught:
        client.get_json(path=PATH, headers={"Authorization": "Bearer CANARY-value"})
    shown = "".join(
        f"{error!r} {error} {getattr(error, 'url', '')}"
        for error in (caught.value, caught.value.__cause__)
    )
    assert "CANARY" not in shown
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert "CANARY" not in caplog.text


@pytest.mark.parametrize("address", ["ftp://host", "no address", "http://"])
def test_an_address_that_is_none_is_refused_at_once(address: str) -> None:
    with pytest.raises(PermanentPartnerError, match="no web address"):
        PartnerHttp(partner="P", base_url=address)
