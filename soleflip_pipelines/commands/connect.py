"""`soleflip connect`: log in to an account once; its tokens go into the vault.

Nothing is stored before the partner has said yes, and then everything at once. What a login sends
is in `clients/login.py`, how its tokens are used afterwards in `clients/oauth.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from soleflip_pipelines.commands.secrets import ask_secret
from soleflip_pipelines.commands.support import running_settings
from soleflip_pipelines.errors import SoleflipError

if TYPE_CHECKING:
    from soleflip_pipelines.clients.login import CodeLogin
    from soleflip_pipelines.settings import Settings

app = typer.Typer(help="Connect your accounts, once each.", no_args_is_help=True)
console = Console()

Values = dict[str, str]
Port = Annotated[int, typer.Option(help="Port on 127.0.0.1 for the browser's answer.")]
Wait = Annotated[float, typer.Option(help="Seconds to wait for the browser's answer.")]
Paste = Annotated[
    bool, typer.Option("--paste", help="Paste the address at which the browser ends up instead.")
]


@app.command()
def stockx(
    port: Port = 8719,
    redirect_uri: Annotated[
        str | None, typer.Option(help="The callback address of your application, if another.")
    ] = None,
    paste: Paste = False,
    wait: Wait = 300,
) -> None:
    """Log in to StockX; docs/connect-stockx.md has the steps."""
    settings, values, asked = _prepared("stockx")
    from soleflip_pipelines.clients import stockx as client
    from soleflip_pipelines.clients.http import PartnerHttp
    from soleflip_pipelines.clients.login import CodeLogin
    from soleflip_pipelines.clients.oauth import granted

    secret = values["STOCKX_CLIENT_SECRET"]
    with closing(
        PartnerHttp(partner="StockX", base_url=settings.stockx_auth_url, secrets=(secret,))
    ) as http:
        login = CodeLogin(
            http=http,
            authorize_url=f"{settings.stockx_auth_url}/authorize",
            authorize_parameters={"scope": client.SCOPE, "audience": client.AUDIENCE},
            client_id=values["STOCKX_CLIENT_ID"],
            token_path=client.TOKEN_PATH,
            form={"client_id": values["STOCKX_CLIENT_ID"], "client_secret": secret},
            has_pkce=True,
        )
        reply = _logged_in(login, port, redirect_uri, paste=paste, wait_s=wait)
        _put(settings, {**asked, "STOCKX_REFRESH_TOKEN": granted(http, reply).refresh_token})
    _show(settings, "StockX", reply, _stockx_account)


@app.command()
def ebay(
    ru_name: Annotated[
        str, typer.Option("--ru-name", prompt="RuName", help="eBay's name of your redirect.")
    ],
    port: Port = 8719,
    paste: Paste = False,
    wait: Wait = 300,
) -> None:
    """Log in to eBay; docs/connect-ebay.md has the steps."""
    settings, values, asked = _prepared("ebay")
    from soleflip_pipelines.clients import ebay as client
    from soleflip_pipelines.clients.http import PartnerHttp
    from soleflip_pipelines.clients.login import CodeLogin
    from soleflip_pipelines.clients.oauth import basic_authorization, granted

    client_id, secret = values["EBAY_CLIENT_ID"], values["EBAY_CLIENT_SECRET"]
    with closing(
        PartnerHttp(partner="eBay", base_url=settings.ebay_api_url, secrets=(secret,))
    ) as http:
        login = CodeLogin(
            http=http,
            authorize_url=f"{settings.ebay_auth_url}/oauth2/authorize",
            authorize_parameters={"scope": client.SCOPE},
            client_id=client_id,
            token_path=client.TOKEN_PATH,
            headers=basic_authorization(client_id, secret),
        )
        reply = _logged_in(login, port, ru_name, paste=paste, wait_s=wait)
        _put(settings, {**asked, "EBAY_REFRESH_TOKEN": granted(http, reply).refresh_token})
    _show(settings, "eBay", reply, _ebay_account)


@app.command()
def alias() -> None:
    """Store and try Alias's personal access token; docs/connect-alias.md has the steps."""
    from soleflip_pipelines.clients.alias import AliasClient
    from soleflip_pipelines.clients.http import PartnerHttp

    settings = running_settings(console)
    _refuse_shadowed(settings, "ALIAS_TOKEN")
    token = _asked("ALIAS_TOKEN")
    with closing(PartnerHttp(partner="Alias", base_url=settings.alias_api_url)) as http:
        if not AliasClient(api=http, token=token).test():
            raise SoleflipError("Alias does not take this token: nothing was stored")
    _put(settings, {"ALIAS_TOKEN": token})
    console.print("[green]connected[/green] Alias: the token was tried and stored")


def _prepared(partner: str) -> tuple[Settings, Values, Values]:
    """The settings, the application's credentials, and those among them that had to be asked for.

    What is stored is read in any case, so that a wrong key is told before anybody logs in.
    """
    from soleflip_pipelines.clients.credentials import CREDENTIALS, from_settings
    from soleflip_pipelines.warehouse.connection import connect, prepare_database
    from soleflip_pipelines.warehouse.vault import open_vault

    settings = running_settings(console)
    names = CREDENTIALS[partner]
    _refuse_shadowed(settings, names[-1])
    prepare_database(settings)
    with closing(connect(settings, autocommit=True)) as conn:
        vault = open_vault(conn, settings)
        stored = {name: vault.get(name) for name in names}
    known = {name: from_settings(settings, name) or stored[name] for name in names[:-1]}
    asked = {name: _asked(name) for name, value in known.items() if value is None}
    return settings, {name: value or asked[name] for name, value in known.items()}, asked


def _refuse_shadowed(settings: Settings, name: str) -> None:
    """In sandbox mode the sandbox says it, and a login may be tried beside that."""
    from soleflip_pipelines.clients.credentials import from_settings

    if settings.mode == "live" and from_settings(settings, name):
        raise SoleflipError(
            f"{name} is set in the environment or in .env, where it wins over the vault: remove it "
            "there, then connect again"
        )


def _asked(name: str) -> str:
    value = ask_secret(name)
    if not value:
        raise SoleflipError(f"no value was given for {name}: nothing was stored")
    return value


def _logged_in(
    login: CodeLogin, port: int, redirect_uri: str | None, *, paste: bool, wait_s: float
) -> dict[str, Any]:
    """The token endpoint's reply, after the person has logged in with a browser."""
    from soleflip_pipelines.clients.login import LOOPBACK, listening

    if paste:
        attempt = login.begin(redirect_uri or f"http://{LOOPBACK}:{port}/callback")
        _show_link(attempt.link, attempt.redirect_uri)
        console.print("Then paste the address at which the browser ended up, and press Enter:")
        return attempt.exchange(attempt.code_in(sys.stdin.readline().strip()))
    with listening(login, port, redirect_uri) as receiver:
        _show_link(receiver.attempt.link, receiver.attempt.redirect_uri)
        console.print(f"The answer is awaited at {receiver.address}", highlight=False)
        return receiver.attempt.exchange(receiver.wait(wait_s))


def _show_link(link: str, redirect_uri: str) -> None:
    console.print("Open this address in a browser and agree:\n")
    console.print(link, soft_wrap=True, markup=False, highlight=False)
    console.print(f"\nIt leads back to {redirect_uri}", soft_wrap=True, highlight=False)


def _put(settings: Settings, values: Values) -> None:
    """Store all of the values, or none."""
    from soleflip_pipelines.warehouse.connection import connect, prepare_database
    from soleflip_pipelines.warehouse.vault import open_vault

    prepare_database(settings)
    with closing(connect(settings, autocommit=True)) as conn, conn.transaction():
        vault = open_vault(conn, settings)
        for name, value in values.items():
            vault.set(name, value)


def _show(
    settings: Settings,
    name: str,
    reply: dict[str, Any],
    account: Callable[[Settings], tuple[str | None, str]],
) -> None:
    """Use the login once, as a run would, and say what it opens."""
    from soleflip_pipelines.clients.login import name_in

    # In sandbox mode the sandbox's own login would be tried instead of the one just stored.
    stored = {"stockx_refresh_token": None, "ebay_refresh_token": None}
    owner, seen = account(settings.model_copy(update=stored))
    owner = owner or name_in(reply)
    who = f" as {owner}" if owner else ""
    console.print(f"[green]connected[/green] {name}{who}: {seen}", highlight=False)


def _stockx_account(settings: Settings) -> tuple[str | None, str]:
    from soleflip_pipelines.ingestion.access import open_stockx

    with open_stockx(settings) as client:
        count = client.past_order_count(created_to=datetime.now(UTC).date())
    return None, f"{count:,} past orders are visible"


def _ebay_account(settings: Settings) -> tuple[str | None, str]:
    from soleflip_pipelines.ingestion.access import open_ebay

    with open_ebay(settings) as client:
        seller, count = client.account()
    return seller, f"{count:,} orders of the last 90 days are visible"
