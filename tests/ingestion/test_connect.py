"""`soleflip connect` as a person uses it, against a login of the test's own over real HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from soleflip_pipelines.clients.http import PartnerHttp
from soleflip_pipelines.clients.login import CodeLogin, listening
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.vault import open_vault

pytestmark = [pytest.mark.integration, pytest.mark.api]

SOLEFLIP = str(Path(sys.executable).with_name("soleflip"))
SECRETS = ("CANARY-key", "CANARY-secret", "CANARY-refresh", "CANARY-code", "CANARY-access")
EBAY_SCOPE = "https://api.ebay.com/oauth/api_scope/sell.fulfillment.readonly"


class Account:
    """A partner's login and interface: it gives a code, takes it once, and shows some orders."""

    def __init__(self, partner: Any) -> None:
        self.partner = partner
        self.asked: dict[str, str] = {}
        self.denies = False
        self.target: str | None = None
        partner.answer = self.answer

    def answer(self, call: Any) -> Any:
        if call.path.endswith("/authorize"):
            return self.authorize(call.query)
        if call.path.endswith("/token"):
            return self.token(call)
        if call.headers.get("authorization") != "Bearer CANARY-access":
            return self.partner.reply(401, {"message": "Unauthorized"})
        if call.path == "/alias/test":
            return self.partner.reply(body={"ok": True})
        if call.path.startswith("/ebay/"):
            orders = [{"orderId": "1", "sellerId": "demo-seller"}]
            return self.partner.reply(body={"total": 1234, "orders": orders})
        body = {"count": 1106, "pageNumber": 1, "hasNextPage": True, "orders": [{}]}
        return self.partner.reply(body=body)

    def authorize(self, query: dict[str, str]) -> Any:
        self.asked = query
        said = {"error": "access_denied"} if self.denies else {"code": "CANARY-code"}
        target = self.target or query["redirect_uri"]
        location = f"{target}?{urlencode({**said, 'state': query['state']})}"
        return self.partner.reply(302, headers={"Location": location})

    def token(self, call: Any) -> Any:
        form = call.form
        if form["grant_type"] == "refresh_token":
            good = form["refresh_token"] == "CANARY-refresh"
        else:
            good = form["code"] == "CANARY-code"
            good &= form["redirect_uri"] == self.asked["redirect_uri"]
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            good &= self.asked.get("code_challenge") in (None, challenge)
        basic = base64.b64encode(b"my-client:CANARY-secret").decode()
        is_client = call.headers.get("authorization") == f"Basic {basic}"
        if not is_client and form.get("client_secret") != "CANARY-secret":
            return self.partner.reply(401, {"error": "invalid_client"})
        if not good:
            return self.partner.reply(403, {"error": "invalid_grant"})
        claims = base64.urlsafe_b64encode(json.dumps({"email": "owner@example.com"}).encode())
        body = {"access_token": "CANARY-access", "expires_in": 43_200}
        if form["grant_type"] == "authorization_code":
            body |= {"refresh_token": "CANARY-refresh", "id_token": f"x.{claims.decode()}.y"}
        return self.partner.reply(body=body)


@pytest.fixture
def account(partner: Any) -> Account:
    return Account(partner)


class Terminal:
    """A `soleflip connect` under way."""

    def __init__(self, settings: Settings, url: str, *arguments: str, answers: str = "") -> None:
        assert settings.database_url is not None
        self.process = subprocess.Popen(
            [SOLEFLIP, "connect", *arguments],
            env={
                "PATH": "",
                "COLUMNS": "200",
                "SOLEFLIP_HOME": str(settings.home),
                "SOLEFLIP_DATABASE_URL": settings.database_url.get_secret_value(),
                "SOLEFLIP_MODE": "live",
                "STOCKX_API_URL": f"{url}/v2",
                "STOCKX_AUTH_URL": f"{url}/auth",
                "STOCKX_MIN_INTERVAL_S": "0",
                "EBAY_API_URL": f"{url}/ebay",
                "EBAY_AUTH_URL": f"{url}/ebay-auth",
                "ALIAS_API_URL": f"{url}/alias",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.say(answers)
        self.output = ""

    def say(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def link(self) -> str:
        """The authorize link, once the answer to it is awaited."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line
            if line.startswith(("The answer is awaited", "Then paste")):
                break
        else:
            pytest.fail(self.output)
        return next(line for line in self.output.splitlines() if line.startswith("http"))

    def end(self) -> tuple[int, str]:
        """Exit code and everything that was printed; no secret is."""
        rest, _ = self.process.communicate(timeout=60)
        self.output += rest
        assert not [secret for secret in SECRETS if secret in self.output]
        return self.process.returncode, self.output


@pytest.fixture
def live(settings: Settings) -> Iterator[Settings]:
    """The test's database, stamped as a live one."""
    live = settings.model_copy(update={"mode": "live"})
    with closing(connect(settings, autocommit=True)) as conn:
        conn.execute("update core.setting set setting_value = 'live' where setting_key = 'mode'")
    return live


def stored(settings: Settings) -> dict[str, str | None]:
    with closing(connect(settings, autocommit=True)) as conn:
        vault = open_vault(conn, settings)
        return {entry.name: vault.get(entry.name) for entry in vault.entries()}


def browse(link: str) -> httpx.Response:
    return httpx.get(link, follow_redirects=True, trust_env=False)


STOCKX_ANSWERS = "CANARY-key\nmy-client\nCANARY-secret\n"


def test_a_first_login_to_stockx(account: Account, live: Settings) -> None:
    terminal = Terminal(live, account.partner.url, "stockx", "--port", "0", answers=STOCKX_ANSWERS)
    link = terminal.link()
    page = browse(link)
    assert page.status_code == 200
    assert "soleflip has the login" in page.text
    code, output = terminal.end()
    assert code == 0, output
    assert "connected StockX as owner@example.com: 1,106 past orders are visible" in output
    asked = account.asked
    assert asked["scope"] == "offline_access openid"
    assert asked["audience"] == "gateway.stockx.com"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"].startswith("http://127.0.0.1:")
    found = stored(live)
    found.pop("STOCKX_GRANT")
    assert found == {
        "STOCKX_API_KEY": "CANARY-key",
        "STOCKX_CLIENT_ID": "my-client",
        "STOCKX_CLIENT_SECRET": "CANARY-secret",
        "STOCKX_REFRESH_TOKEN": "CANARY-refresh",
    }
    # The second time nothing needs to be typed.
    again = Terminal(live, account.partner.url, "stockx", "--port", "0")
    browse(again.link())
    assert again.end()[0] == 0


def test_a_login_to_ebay_by_a_pasted_address(account: Account, live: Settings) -> None:
    account.target = "https://example.com/thanks"
    terminal = Terminal(
        *(live, account.partner.url, "ebay", "--paste", "--ru-name", "My-Name-RuName"),
        answers="my-client\nCANARY-secret\n",
    )
    link = terminal.link()
    answer = httpx.get(link, trust_env=False).headers["location"]
    assert account.asked["redirect_uri"] == "My-Name-RuName"
    assert account.asked["scope"] == EBAY_SCOPE
    assert "code_challenge" not in account.asked
    terminal.say(f"{answer}\n")
    code, output = terminal.end()
    assert code == 0, output
    assert "connected eBay as demo-seller: 1,234 orders of the last 90 days" in output
    assert stored(live)["EBAY_REFRESH_TOKEN"] == "CANARY-refresh"


def test_alias_takes_a_token_that_works_and_no_other(account: Account, live: Settings) -> None:
    wrong = Terminal(live, account.partner.url, "alias", answers="wrong\n")
    code, output = wrong.end()
    assert code == 1
    assert "401" in output
    assert stored(live) == {}
    code, output = Terminal(live, account.partner.url, "alias", answers="CANARY-access\n").end()
    assert (code, stored(live)) == (0, {"ALIAS_TOKEN": "CANARY-access"}), output


def test_what_goes_wrong_is_one_sentence_and_stores_nothing(
    account: Account, live: Settings
) -> None:
    url = account.partner.url

    def begin(*more: str, answers: str = STOCKX_ANSWERS) -> Terminal:
        return Terminal(live, url, "stockx", *(more or ("--port", "0")), answers=answers)

    def sentence(terminal: Terminal) -> str:
        code, output = terminal.end()
        assert code == 1
        lines = [line for line in output.splitlines() if line.startswith("✗")]
        assert len(lines) == 1, output
        assert "Traceback" not in output
        return lines[0]

    late = begin("--port", "0", "--wait", "0.2")
    assert "no answer from StockX within 0 s" in sentence(late)

    refused = begin()
    account.denies = True
    assert browse(refused.link()).status_code == 400
    assert "StockX gave no access (access_denied)" in sentence(refused)
    account.denies = False

    strange = begin()
    address = dict(parse_qsl(urlsplit(strange.link()).query))["redirect_uri"]
    assert httpx.get(f"{address}/x", trust_env=False).status_code == 404
    assert browse(f"{address}?code=CANARY-code&state=forged").status_code == 400
    assert "its state differs" in sentence(strange)

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"port {port} is in use" in sentence(begin("--port", port))

    wrong_secret = begin(answers="CANARY-key\nmy-client\nanother secret\n")
    browse(wrong_secret.link())
    assert "check the client id, the client secret" in sentence(wrong_secret)

    assert "no value was given for STOCKX_CLIENT_ID" in sentence(begin(answers="CANARY-key\n\n"))
    assert stored(live) == {}


def test_the_browser_has_its_page_before_the_login_goes_on(partner: Any) -> None:
    """Who waits for the code ends the server, and would cut off a page that is still to come."""
    http = PartnerHttp(partner="StockX", base_url=partner.url)
    login = CodeLogin(http, f"{partner.url}/authorize", {}, "id", "/token")
    with listening(login, port=0) as receiver:
        target = urlsplit(receiver.address)
        with socket.create_connection((str(target.hostname), int(target.port or 0))) as browser:
            state = receiver.attempt.state
            browser.sendall(f"GET {target.path}?code=c&state={state} HTTP/1.0\r\n\r\n".encode())
            assert receiver.wait(10) == "c"
            browser.setblocking(False)
            assert b"soleflip has the login" in browser.recv(4096)
