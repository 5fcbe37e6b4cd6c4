"""The part of an OAuth login that a person's browser takes: the link, the answer, its exchange.

The answer comes to a port on loopback, or as the address that the person pastes. What is asked of
whom is the caller's business, and so is where the tokens go (`commands/connect.py`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import queue
import re
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from soleflip_pipelines.clients.errors import PermanentPartnerError
from soleflip_pipelines.clients.http import PartnerHttp
from soleflip_pipelines.errors import SoleflipError

LOOPBACK = "127.0.0.1"
CALLBACK = "/callback"
READ_TIMEOUT_S = 10.0
_PLAIN = re.compile(r"[^\w .:-]")
_PAGE = "<!doctype html><meta charset=utf-8><title>soleflip</title><p>{text}"


class LoginFailed(SoleflipError):
    """A login did not come about; the text says why and what to do."""


@dataclass(frozen=True, repr=False)
class CodeLogin:
    """How a partner's authorization-code login goes.

    Attributes:
        http: the client on the host of the token endpoint.
        authorize_url: the address that the browser opens.
        authorize_parameters: what it is given beside the usual, such as `scope`.
        client_id: the application's id.
        token_path: the path of the token endpoint.
        form: what the exchange sends beside the usual.
        headers: what it sends as headers.
        has_pkce: whether the partner knows PKCE (RFC 7636).
    """

    http: PartnerHttp
    authorize_url: str
    authorize_parameters: Mapping[str, str]
    client_id: str
    token_path: str
    form: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    has_pkce: bool = False

    def begin(self, redirect_uri: str) -> Attempt:
        """A new attempt, whose answer goes to `redirect_uri`."""
        return Attempt(
            login=self,
            redirect_uri=redirect_uri,
            state=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(64) if self.has_pkce else None,
        )


@dataclass(frozen=True, repr=False)
class Attempt:
    """One attempt to log in: what ties its link, its answer and its exchange together."""

    login: CodeLogin
    redirect_uri: str
    state: str
    verifier: str | None

    @property
    def link(self) -> str:
        """The address to open in a browser; it holds no secret."""
        parameters = {
            "response_type": "code",
            "client_id": self.login.client_id,
            "redirect_uri": self.redirect_uri,
            **self.login.authorize_parameters,
            "state": self.state,
        }
        if self.verifier is not None:
            digest = hashlib.sha256(self.verifier.encode()).digest()
            parameters["code_challenge"] = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            parameters["code_challenge_method"] = "S256"
        return f"{self.login.authorize_url}?{urlencode(parameters)}"

    def code_in(self, address: str) -> str:
        """The code in the address to which the partner sent the browser.

        Raises:
            LoginFailed: the person said no, it belongs to another attempt, or there is none.
        """
        partner = self.login.http.partner
        said = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        if "error" in said:
            reason = _PLAIN.sub("", said["error"])[:60]
            raise LoginFailed(f"{partner} gave no access ({reason}): nothing was stored")
        if not hmac.compare_digest(said.get("state", "").encode(), self.state.encode()):
            raise LoginFailed(
                f"the answer does not belong to this login to {partner} (its state differs): "
                "nothing was stored; start again and open the new link"
            )
        if not said.get("code"):
            raise LoginFailed(f"{partner}'s answer holds no code: nothing was stored; start again")
        return said["code"]

    def exchange(self, code: str) -> dict[str, Any]:
        """The token endpoint's reply to the code.

        Raises:
            LoginFailed: the partner takes neither the code nor the client's credentials.
            PartnerError: it cannot be reached.
        """
        form = {
            **self.login.form,
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
        }
        if self.verifier is not None:
            form["code_verifier"] = self.verifier
        for secret in (code, self.verifier):
            if secret is not None:
                self.login.http.add_secret(secret)
        try:
            reply: dict[str, Any] = self.login.http.post_form(
                path=self.login.token_path, form=form, headers=self.login.headers
            )
        except PermanentPartnerError as error:
            raise LoginFailed(
                f"{error}: nothing was stored; check the client id, the client secret and the "
                f"redirect address {self.redirect_uri}, then start again"
            ) from None
        return reply


class Receiver:
    """An attempt whose answer the browser delivers to a port on loopback; see `listening`."""

    def __init__(self, attempt: Attempt, address: str) -> None:
        """`address` is where the browser is awaited."""
        self.attempt = attempt
        self.address = address
        self._answers: queue.Queue[str | LoginFailed] = queue.Queue()

    def wait(self, timeout_s: float) -> str:
        """The code.

        Raises:
            LoginFailed: no answer within `timeout_s` seconds, or not the one hoped for.
        """
        try:
            answer = self._answers.get(timeout=timeout_s)
        except queue.Empty:
            raise LoginFailed(
                f"no answer from {self.attempt.login.http.partner} within {timeout_s:,.0f} s: "
                "nothing was stored; start again, with --paste if the browser cannot reach this "
                "machine"
            ) from None
        if isinstance(answer, LoginFailed):
            raise answer
        return answer

    def judge(self, address: str) -> str | LoginFailed:
        """The code in the address at which a browser arrived, or why there is none."""
        try:
            return self.attempt.code_in(address)
        except LoginFailed as failure:
            return failure

    def deliver(self, answer: str | LoginFailed) -> None:
        """Hand an answer to who waits for it."""
        self._answers.put(answer)


@contextmanager
def listening(login: CodeLogin, port: int, redirect_uri: str | None = None) -> Iterator[Receiver]:
    """Begin an attempt and listen for its answer until the block ends.

    Args:
        login: how the login goes.
        port: on loopback; 0 takes a free one.
        redirect_uri: what the partner is told, if it is not the address listened at.

    Raises:
        LoginFailed: the port is taken.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = READ_TIMEOUT_S

        def do_GET(self) -> None:
            if urlsplit(self.path).path != CALLBACK:
                self.send_error(404)
                return
            answer = receiver.judge(self.path)
            is_good = isinstance(answer, str)
            text = "soleflip has the login." if is_good else "This login failed; see the terminal."
            try:
                self.send_response(200 if is_good else 400)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Cache-Control", "no-store")
                self.send_header("Referrer-Policy", "no-referrer")
                self.end_headers()
                self.wfile.write(_PAGE.format(text=f"{text} You may close this page.").encode())
            finally:
                # Who waits ends this server, so the browser gets its page first.
                receiver.deliver(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """The request line holds the code."""

    try:
        server = http.server.ThreadingHTTPServer((LOOPBACK, port), Handler)
    except OSError:
        raise LoginFailed(
            f"port {port} is in use by another program: choose another with --port"
        ) from None
    address = f"http://{LOOPBACK}:{server.server_port}{CALLBACK}"
    receiver = Receiver(login.begin(redirect_uri or address), address)
    threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


def name_in(reply: Mapping[str, Any]) -> str | None:
    """Who has logged in, by the `id_token` of a token endpoint's reply, or None.

    Its signature needs no check: it came straight from the token endpoint (OpenID Connect 3.1.3.7).
    """
    try:
        body = str(reply["id_token"]).split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        name = claims.get("email") or claims.get("sub")
    except (KeyError, IndexError, ValueError, AttributeError):
        return None
    return str(name) if name else None
