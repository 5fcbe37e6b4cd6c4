"""OAuth logins: a refresh token turned into access tokens, and a code into a first refresh token.

One session serves all threads; the token store makes one process at a time renew, and what the
others find is what that one got. Where the tokens lie is `ingestion/token_store.py`'s business.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from soleflip_pipelines.clients.errors import PartnerError, PermanentPartnerError
from soleflip_pipelines.clients.http import PartnerHttp

LEEWAY_S = 60.0
UNSTATED_LIFE_S = 600.0
REFUSALS = frozenset({400, 401, 403})

T = TypeVar("T")


@dataclass(frozen=True)
class Grant:
    """What a login has given so far; its text shows none of it.

    Attributes:
        refresh_token: the one to use next.
        older_tokens: those it came after, newest first; a provider that rotates tokens takes the
            last one a little longer.
        access_token: the newest one, if it is known.
        life_s: how many seconds from now the access token is to be used, leeway deducted.
    """

    refresh_token: str
    older_tokens: tuple[str, ...] = ()
    access_token: str | None = None
    life_s: float = 0.0

    def __repr__(self) -> str:
        return f"Grant({self.life_s:.0f} s left)"


class LockedGrant(Protocol):
    """The stored grant while no other process can reach it."""

    def read(self) -> Grant:
        """The newest state."""
        ...

    def save(self, grant: Grant) -> None:
        """Keep the state that follows the one read."""
        ...


class TokenStore(Protocol):
    """Keeps a login's tokens over runs and lets one process at a time renew them."""

    def exclusive(self) -> AbstractContextManager[LockedGrant]:
        """Waits for all other processes; what was saved is kept when the block ends well."""
        ...


class LoginRefused(PermanentPartnerError):
    """The partner's login took neither the token nor the client's credentials."""


class RefreshTokenSession:
    """Access tokens of one login; safe to share between threads.

    Args:
        http: the client on the host of the token endpoint.
        token_path: the path of the token endpoint.
        form: what a refresh sends beside `grant_type` and `refresh_token`.
        headers: what it sends as headers, such as `basic_authorization`.
        tokens: where the tokens live.
        partner: the partner's key, as in `soleflip connect <partner>`.
        guide: the document that explains the login.
    """

    def __init__(
        self,
        *,
        http: PartnerHttp,
        token_path: str,
        form: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        tokens: TokenStore,
        partner: str,
        guide: str,
    ) -> None:
        """Nothing is sent before the first token is asked for."""
        self._http = http
        self._token_path = token_path
        self._form = dict(form)
        self._headers = dict(headers or {})
        self._tokens = tokens
        self._partner = partner
        self._guide = guide
        self._lock = threading.Lock()
        self._access_token = ""
        self._good_until = 0.0

    def authorized(self, send: Callable[[str], T]) -> T:
        """What `send` returns when given an access token; after a 401 it is given a new one.

        Raises:
            LoginRefused: no token is to be had.
            PartnerError: what `send` raised; a 401 only if a token that was made for it, after
                another was rejected, was rejected as well.
        """
        token, _ = self._token(rejected=None)
        is_new = False
        while True:
            try:
                return send(token)
            except PermanentPartnerError as error:
                if error.status != 401 or is_new:
                    raise
            token, is_new = self._token(rejected=token)

    def access_token(self) -> str:
        """A token that is good for some time yet."""
        return self._token(rejected=None)[0]

    def renew(self, rejected: str) -> str:
        """A token other than the one that the partner has just rejected."""
        return self._token(rejected=rejected)[0]

    def _token(self, *, rejected: str | None) -> tuple[str, bool]:
        """A token, and whether the partner was asked for it just now."""
        with self._lock:
            is_new = False
            if self._access_token == rejected or time.monotonic() >= self._good_until:
                with self._tokens.exclusive() as stored:
                    grant = stored.read()
                    # Another process may have renewed it while this one waited.
                    if grant.access_token in (None, rejected) or grant.life_s <= 0:
                        grant = self._renewed(grant)
                        stored.save(grant)
                        is_new = True
                self._take(grant)
            return self._access_token, is_new

    def _take(self, grant: Grant) -> None:
        assert grant.access_token is not None
        self._http.add_secret(grant.access_token)
        self._access_token = grant.access_token
        self._good_until = time.monotonic() + grant.life_s

    def _renewed(self, grant: Grant) -> Grant:
        """The grant after a refresh, with the newest token or else with one that it came after."""
        refusal: LoginRefused | None = None
        for token in dict.fromkeys((grant.refresh_token, *grant.older_tokens)):
            self._http.add_secret(token)
            try:
                reply = self._asked(
                    {**self._form, "grant_type": "refresh_token", "refresh_token": token}
                )
            except LoginRefused as error:
                refusal = refusal or error
                if not _is_invalid_grant(error):
                    break
            else:
                return granted(self._http, reply, used=token)
        assert refusal is not None
        raise refusal

    def _asked(self, form: dict[str, str]) -> Any:
        try:
            return self._http.post_form(path=self._token_path, form=form, headers=self._headers)
        except PermanentPartnerError as error:
            if error.status not in REFUSALS:
                raise
            name = self._partner.upper()
            hint = (
                f"the login has ended: log in again with `soleflip connect {self._partner}` or "
                f"check {name}_REFRESH_TOKEN"
                if _is_invalid_grant(error)
                else f"the login was refused: check {name}_CLIENT_ID and {name}_CLIENT_SECRET"
            )
            raise LoginRefused(
                f"{error}: {hint}; see {self._guide}",
                partner=error.partner,
                status=error.status,
                method=error.method,
                url=error.url,
            ) from None


def granted(http: PartnerHttp, reply: Mapping[str, Any], *, used: str | None = None) -> Grant:
    """The grant that a token endpoint's reply stands for; its tokens are masked from then on.

    Args:
        http: the client that got the reply.
        reply: the parsed JSON.
        used: the refresh token that was presented, which stays good where none is sent back.

    Raises:
        PartnerError: the reply lacks a token.
    """
    access, refresh = (reply.get(name) for name in ("access_token", "refresh_token"))
    refresh = refresh or used
    if not (isinstance(access, str) and access and isinstance(refresh, str) and refresh):
        raise PartnerError(f"{http.partner}: the login gave no token", partner=http.partner)
    http.add_secret(access)
    http.add_secret(refresh)
    older = () if used is None or used == refresh else (used,)
    return Grant(refresh, older, access, _usable_s(reply.get("expires_in")))


def basic_authorization(client_id: str, client_secret: str) -> dict[str, str]:
    """The header by which a client names itself (RFC 7617)."""
    pair = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode("ascii")
    return {"Authorization": f"Basic {pair}"}


def _usable_s(stated: object) -> float:
    """The part of a token's life in which it is used: never all of it, clocks and calls drift."""
    try:
        life_s = float(stated)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        life_s = UNSTATED_LIFE_S
    return max(life_s - LEEWAY_S, life_s / 2)


def _is_invalid_grant(error: PartnerError) -> bool:
    # The code that RFC 6749 prescribes is part of the error's text.
    return "invalid_grant" in str(error)
