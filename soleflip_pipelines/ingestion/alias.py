"""Alias's orders and own listings into `raw_alias`.

Alias's lists have no "changed since" and say nothing of their order, so each is read whole; what
has not changed costs a hash.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg

from soleflip_pipelines.clients.alias import Json
from soleflip_pipelines.clients.redaction import without_query
from soleflip_pipelines.ingestion.access import open_alias
from soleflip_pipelines.ingestion.fields import DocumentForm, Money, is_amount, is_moment, is_text
from soleflip_pipelines.ingestion.steps import Log
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.loader import (
    BatchResult,
    BatchSource,
    Page,
    RawTable,
    load_batch,
)

ORDERS = RawTable("raw_alias", "orders", ("order_id",), newer_by="updated_at")
LISTINGS = RawTable("raw_alias", "listings", ("listing_id",), newer_by="updated_at")


def is_number(value: object) -> bool:
    """A number that names something: digits, as a number or as text."""
    return is_text(value) or (isinstance(value, int) and not isinstance(value, bool))


CENTS = Money("USD", "not below zero", is_cents=True)
TIMES = {"updated_at": is_moment, "created_at": is_moment}
ORDER_FORM = DocumentForm(
    key="id",
    required={
        "id": is_text,
        "status": is_text,
        "purchase_order_number": is_number,
        "price_cents": Money("USD", "above zero", is_cents=True),
        "sold_at": is_moment,
    },
    optional={"price_cents_after_take": CENTS, "size": is_amount, **TIMES},
)
LISTING_FORM = DocumentForm(
    key="id",
    required={"id": is_text, "status": is_text},
    optional={"price_cents": CENTS, "size": is_amount, **TIMES},
)


def sync_alias_orders(
    settings: Settings, conn: psycopg.Connection, *, run_id: str | None = None, log: Log = print
) -> list[BatchResult]:
    """Read all orders into `raw_alias.orders`, in one batch.

    Args:
        settings: address and credential.
        conn: a connection of the loader role.
        run_id: Dagster's run, for the ledger.
        log: told about the progress.

    Raises:
        MissingCredential: Alias's token is not set.
        PartnerError: Alias cannot be read; nothing of the batch is kept.
    """
    return _sync(settings, conn, ORDERS, ORDER_FORM, run_id, log)


def sync_alias_listings(
    settings: Settings, conn: psycopg.Connection, *, run_id: str | None = None, log: Log = print
) -> list[BatchResult]:
    """Read all own listings into `raw_alias.listings`; the rest as in `sync_alias_orders`."""
    return _sync(settings, conn, LISTINGS, LISTING_FORM, run_id, log)


def _sync(
    settings: Settings,
    conn: psycopg.Connection,
    table: RawTable,
    form: DocumentForm,
    run_id: str | None,
    log: Log,
) -> list[BatchResult]:
    def rows() -> Iterator[Page]:
        pages = client.order_pages if table is ORDERS else client.listing_pages
        for number, page in enumerate(pages(warn=log), start=1):
            yield form.page([_unsigned(item) for item in page], f"{table.name}, page {number}")

    with open_alias(settings) as client:
        origin = BatchSource("alias", "api", dagster_run_id=run_id)
        result = load_batch(conn, table, rows(), origin)
    log(
        f"Alias {table.name}: {result.read:,} read, {result.inserted:,} new, "
        f"{result.updated:,} changed"
    )
    return [result]


def _unsigned(document: Any) -> Any:
    """The document with its links cut down to what neither opens anything nor changes by itself."""
    if not isinstance(document, dict):
        return document
    return {name: _cut(name, value) for name, value in document.items()}


def _cut(name: str, value: Any) -> Any:
    if name.endswith("_url") and isinstance(value, str):
        return without_query(value)
    cut: Json | Any = _unsigned(value)
    return cut
