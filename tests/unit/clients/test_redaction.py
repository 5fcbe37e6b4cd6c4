"""Nothing secret survives redaction, and nothing else is lost."""

from __future__ import annotations

import pytest

from soleflip_pipelines.clients.redaction import redact, redact_url, without_query

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "https://productdata.awin.com/datafeed/list/apikey/CANARY",
            "https://productdata.awin.com/datafeed/list/apikey/***",
        ),
        (
            "https://productdata.awin.com/datafeed/download/apikey/CANARY/language/en/fid/1/",
            "https://productdata.awin.com/datafeed/download/apikey/***/language/en/fid/1/",
        ),
        (
            "https://ui.awin.com/productdata-darwin-download/publisher/12/CANARY/1/feedList",
            "https://ui.awin.com/productdata-darwin-download/publisher/12/***/1/feedList",
        ),
        ("https://u:CANARY@host/x", "https://host/x"),
        (
            "https://cdn/x.png?Expires=1&Key-Pair-Id=CANARY&Signature=CANARY&page=2",
            "https://cdn/x.png?Expires=***&Key-Pair-Id=***&Signature=***&page=2",
        ),
        ("https://host/oauth?refresh_token=CANARY&a=b", "https://host/oauth?refresh_token=***&a=b"),
        ("https://host/orders?pageNumber=3", "https://host/orders?pageNumber=3"),
    ],
)
def test_addresses_lose_their_keys_only(url: str, expected: str) -> None:
    assert redact_url(url) == expected


@pytest.mark.parametrize(
    "name",
    [
        "code", "auth_code", "authCode", "authorization_code", "device-code", "user_code",
        "verificationCode", "code_verifier", "codeChallenge", "token", "access_token", "id_token",
        "client_secret", "clientSecret", "api_key", "apikey", "x-api-key", "X-Amz-Signature",
        "X-Amz-Security-Token", "password", "AWSAccessKeyId",
    ],
)  # fmt: skip
def test_a_parameter_that_grants_something_is_hidden(name: str) -> None:
    for url in (f"https://host/x?{name}=CANARY&page=2", f"GET /x?page=2&{name}=CANARY gave 500"):
        assert redact_url(url) == url.replace("CANARY", "***")


@pytest.mark.parametrize(
    "name",
    [
        "currencyCode", "currency_code", "countryCode", "country-code", "languageCode", "styleCode",
        "statusCode", "postcode", "codec", "pageNumber", "fromDate", "gtin",
    ],
)  # fmt: skip
def test_a_parameter_that_grants_nothing_stays_readable(name: str) -> None:
    url = f"https://host/market-data?{name}=EUR&page=2"
    assert redact_url(url) == url


def test_known_values_and_bearers_go_wherever_they_stand() -> None:
    text = redact("token CANARY-1 sent as Bearer abc.DEF-123 twice: CANARY-1", ["CANARY-1"])
    assert text == "token *** sent as Bearer *** twice: ***"


def test_a_very_short_secret_does_not_shred_the_text() -> None:
    assert redact("a plain sentence", ["a"]) == "a plain sentence"


def test_signed_links_keep_only_their_place() -> None:
    assert without_query("https://cdn/label.png?Signature=x#y") == "https://cdn/label.png"
