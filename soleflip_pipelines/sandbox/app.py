"""The sandbox's ASGI application: marketplaces, feeds, rates, and its own switchboard.

Puts routes, gate and store together; `server` runs it as a process.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from soleflip_pipelines.sandbox.alias_routes import Alias
from soleflip_pipelines.sandbox.clock import advance
from soleflip_pipelines.sandbox.ebay_routes import Ebay
from soleflip_pipelines.sandbox.faults import fault_routes
from soleflip_pipelines.sandbox.gate import Gate, GateMiddleware
from soleflip_pipelines.sandbox.keys import Keys, Limits
from soleflip_pipelines.sandbox.logins import Logins
from soleflip_pipelines.sandbox.stockx_routes import StockX
from soleflip_pipelines.sandbox.store import Store

_LIST_COLUMNS = (
    "Advertiser ID", "Advertiser Name", "Primary Region", "Membership Status", "Feed ID",
    "Feed Name", "Language", "Vertical", "Last Imported", "Last Checked", "No of products", "URL",
)  # fmt: skip


def create_app(
    folder: Path,
    *,
    keys: Keys | None = None,
    limits: Limits | None = None,
    instance: str = "",
) -> Starlette:
    """The local marketplaces on the business in `folder`.

    Args:
        folder: where `business.generate` left the business.
        keys: what clients must present; the well-known sandbox keys by default.
        limits: rate and daily limits of the StockX paths; none by default.
        instance: what the health path calls itself, so that a caller knows its own service.
    """
    keys = keys or Keys()
    gate = Gate(keys, limits or Limits(), Logins(keys))
    store = Store(folder)
    routes = [
        *gate.logins.routes(),
        *StockX(store).routes(),
        *Ebay(store).routes(),
        *Alias(store).routes(),
        *_awin_routes(store, gate),
        Route("/ecb/stats/eurofxref/eurofxref-hist.zip", _ecb(store), methods=["GET"]),
        *_own_routes(folder, store, gate, instance),
    ]
    return Starlette(routes=routes, middleware=[Middleware(GateMiddleware, gate=gate)])


def _ecb(store: Store) -> Callable[[Request], Awaitable[Response]]:
    async def reference_rates(_: Request) -> Response:
        body = store.blob("eurofxref-hist.zip") or b""
        return Response(body, media_type="application/zip")

    return reference_rates


def _awin_routes(store: Store, gate: Gate) -> list[Route]:
    async def feed_list(request: Request) -> Response:
        if request.path_params["key"] != gate.keys.awin_key:
            return PlainTextResponse("Invalid API key", 401)
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(_LIST_COLUMNS)
        base = str(request.base_url).rstrip("/")
        for feed in store.all("select * from feed order by feed_id"):
            url = (
                f"{base}/awin/datafeed/download/apikey/{gate.keys.awin_key}"
                f"/language/{feed['language']}/fid/{feed['feed_id']}/rid/0/hasEnhancedFeeds/0"
                "/format/csv/compression/gzip/adultcontent/1/"
            )
            writer.writerow(
                (feed["advertiser_id"], feed["advertiser_name"], feed["region"],
                 feed["membership"], feed["feed_id"], feed["name"], feed["language"],
                 feed["vertical"], feed["last_imported"], feed["last_imported"],
                 f"{feed['product_count']:,}", url)
            )  # fmt: skip
        return Response(buffer.getvalue().encode(), media_type="text/csv")

    async def download(request: Request) -> Response:
        parts = request.path_params["rest"].strip("/").split("/")
        wanted = dict(zip(parts[0::2], parts[1::2], strict=False))
        if wanted.get("apikey") != gate.keys.awin_key:
            return PlainTextResponse("Invalid API key", 401)
        body = store.blob(f"feed-{wanted.get('fid')}")
        if body is None:
            return PlainTextResponse("Feed not found", 404)
        # The body is a gzip file in its own right, so nothing announces an encoding.
        return Response(body, media_type="application/octet-stream")

    return [
        Route("/awin/datafeed/list/apikey/{key}", feed_list, methods=["GET"]),
        Route("/awin/datafeed/download/{rest:path}", download, methods=["GET"]),
    ]


def _own_routes(folder: Path, store: Store, gate: Gate, instance: str) -> list[Route]:
    async def health(_: Request) -> Response:
        return JSONResponse(
            {"status": "ok", "instance": instance, "generation": store.meta("generation_id")}
        )

    async def requests(_: Request) -> Response:
        return JSONResponse(dict(gate.requests))

    async def let_time_pass(request: Request) -> Response:
        try:
            days = int((await request.json())["days"])
        except (ValueError, KeyError, TypeError):
            return JSONResponse({"message": "send the number of days"}, 400)
        if not 1 <= days <= 365:
            return JSONResponse({"message": "days must be 1 to 365"}, 400)
        passed = advance(folder, days)
        return JSONResponse({"orders_moved": passed.moved, "orders_new": passed.new})

    async def set_options(request: Request) -> Response:
        try:
            options = dict(await request.json())
            rotates = bool(options.pop("rotate_refresh_tokens", gate.logins.stockx.rotates))
            skew = float(options.pop("date_skew_s", gate.date_skew_s))
        except (ValueError, TypeError) as problem:
            return JSONResponse({"message": str(problem)}, 400)
        if options:
            return JSONResponse({"message": f"unknown option {min(options)}"}, 400)
        gate.logins.stockx.rotates, gate.date_skew_s = rotates, skew
        return JSONResponse({"rotate_refresh_tokens": rotates, "date_skew_s": skew})

    return [
        Route("/_sandbox/advance", let_time_pass, methods=["POST"]),
        Route("/_sandbox/options", set_options, methods=["POST"]),
        Route("/_sandbox/health", health, methods=["GET"]),
        Route("/_sandbox/requests", requests, methods=["GET"]),
        *fault_routes(gate.faults),
    ]
