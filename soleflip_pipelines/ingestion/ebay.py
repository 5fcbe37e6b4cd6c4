"""eBay's orders into `raw_ebay`, window by window, each with its cursor.

A whole reading goes through the last two years by creation date, all that eBay gives out; after it
only what eBay says was modified is read. A cursor is eBay's time, so our clock may be wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time

import psycopg

from soleflip_pipelines.clients.ebay import EbayClient, Json
from soleflip_pipelines.ingestion.access import open_ebay
from soleflip_pipelines.ingestion.chunks import fetch_in_chunks
from soleflip_pipelines.ingestion.ebay_windows import (
    Window,
    moment_of,
    period_windows,
    planned_windows,
)
from soleflip_pipelines.ingestion.fields import (
    DocumentForm,
    Money,
    Sign,
    is_amount,
    is_moment,
    is_text,
)
from soleflip_pipelines.ingestion.periods import Period
from soleflip_pipelines.ingestion.steps import UNPACED_WORKERS, Log
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.loader import (
    BatchResult,
    BatchSource,
    Page,
    RawTable,
    Record,
    Rejection,
    load_batch,
    read_cursor,
)

ORDERS = RawTable("raw_ebay", "orders", ("order_id",), newer_by="lastModifiedDate")

NOT_CANCELLED = (None, "", "NONE_REQUESTED")


def is_money(value: object) -> bool:
    """An amount: a decimal in text with its currency."""
    return (
        isinstance(value, dict) and is_amount(value.get("value")) and is_text(value.get("currency"))
    )


def is_pieces(value: object) -> bool:
    """One or more pieces."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def is_entries(value: object) -> bool:
    """A list of objects."""
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)


def is_lines(value: object) -> bool:
    """One or more objects."""
    return bool(value) and is_entries(value)


def of_value(place: str, sign: Sign = "any") -> dict[str, Money]:
    """The check of the amount itself at a place of an amount with its currency."""
    return {f"{place}.value": Money(f"{place}.currency", sign)}


ORDER_FORM = DocumentForm(
    key="orderId",
    required={
        "orderId": is_text,
        "creationDate": is_moment,
        "lastModifiedDate": is_moment,
        "orderFulfillmentStatus": is_text,
        "orderPaymentStatus": is_text,
        "lineItems": is_lines,
        "lineItems.lineItemId": is_text,
        "lineItems.quantity": is_pieces,
        "lineItems.lineItemCost": is_money,
        **of_value("lineItems.lineItemCost", "above zero"),
    },
    optional={
        "lineItems.deliveryCost.shippingCost": is_money,
        **of_value("lineItems.deliveryCost.shippingCost", "not below zero"),
        "lineItems.refunds": is_entries,
        "lineItems.refunds.amount": is_money,
        **of_value("lineItems.refunds.amount"),
        "totalMarketplaceFee": is_money,
        **of_value("totalMarketplaceFee"),
        "paymentSummary.totalDueSeller": is_money,
        **of_value("paymentSummary.totalDueSeller"),
    },
)


def sync_ebay_orders(
    settings: Settings,
    conn: psycopg.Connection,
    *,
    run_id: str | None = None,
    log: Log = print,
    period: Period | None = None,
    full_read: bool = False,
) -> list[BatchResult]:
    """Read eBay's orders into `raw_ebay.orders`, one batch a window.

    Args:
        settings: address and credentials.
        conn: a connection of the loader role.
        run_id: Dagster's run, for the ledger.
        log: told about the progress.
        period: read the orders created in it and nothing else.
        full_read: read all that eBay gives out again, now or, if that is stopped, in later runs.

    Raises:
        MissingCredential: one of eBay's credentials is not set.
        PartnerError: eBay cannot be read; finished windows are kept, and the next run goes on
            after them.
    """
    now = _now(settings)
    cursor = read_cursor(conn, ORDERS.address) or {}
    conn.commit()
    planned = planned_windows({} if full_read else cursor, now)
    results: list[BatchResult] = []
    with open_ebay(settings) as client:
        for window in period_windows(period, cursor, now) if period else planned:
            reading = _Reading(client, window, cursor, now, log)
            results.append(reading.load(conn, run_id))
            if not reading.is_settled:
                break  # what comes after it would move the cursor past it
            cursor = reading.following
    return results


class _Reading:
    """One window's rows as they come, and the cursor that they lead to."""

    def __init__(
        self, client: EbayClient, window: Window, cursor: Json, now: datetime, log: Log
    ) -> None:
        field = "created" if window.is_by_creation else "modified"
        end = f" to {window.end:%Y-%m-%d}" if window.end else ""
        self._name = f"eBay orders {field} from {window.start:%Y-%m-%d}{end}"
        self.is_settled = True
        # Filled while the rows stream by, and saved after the last of them.
        self.following = dict(cursor)
        self._client, self._window, self._now, self._log = client, window, now, log
        self._left: list[str] = []
        self._declared = 0

    def load(self, conn: psycopg.Connection, run_id: str | None) -> BatchResult:
        """Read the window into one batch, with its cursor."""
        start, end = self._window.start, self._window.end or self._now
        result = load_batch(
            conn,
            ORDERS,
            self._rows(),
            BatchSource("ebay", "api", window_from=start, window_to=end, dagster_run_id=run_id),
            cursor=(ORDERS.address, self.following),
            declared=lambda: self._declared,
        )
        self._log(
            f"{self._name}: {result.read:,} read, {result.inserted:,} new, "
            f"{result.updated:,} changed"
        )
        return result

    def _rows(self) -> Iterator[Record | Rejection | Page]:
        """The orders, those with a cancellation as their detail call gives them."""
        for order_id, found in self._details(self.following.pop("left", [])).items():
            yield ORDER_FORM.record(found, order_id)
        newest: datetime | None = None
        for number, page in enumerate(self._pages(), start=1):
            details = self._details([order["orderId"] for order in page if _is_cancelled(order)])
            orders = [details.get(_text(listed, "orderId"), listed) for listed in page]
            yield ORDER_FORM.page(orders, f"{self._name}, page {number}")
            for listed in page:
                changed = _text(listed, "lastModifiedDate")
                if is_moment(changed):
                    newest = max(moment_of(changed), newest or moment_of(changed))
        self._finish(newest)

    def _pages(self) -> Iterator[list[Json]]:
        def warn(text: str) -> None:
            self._log(text)
            self.is_settled = False

        def declare(count: int) -> None:
            self._declared = count

        start, end = self._window.start, self._window.end
        if self._window.is_by_creation:
            return self._client.created_order_pages(
                created_from=start, created_to=end, warn=warn, declare=declare
            )
        return self._client.modified_order_pages(
            modified_from=start, modified_to=end, warn=warn, declare=declare
        )

    def _details(self, order_ids: list[str]) -> dict[str, Json]:
        """The documents that came; those that may still come are noted for the next run."""
        found: dict[str, Json] = {}

        def fetch(order_id: str) -> Json:
            return self._client.order(order_id=order_id)

        for chunk in fetch_in_chunks(order_ids, fetch, workers=UNPACED_WORKERS):
            for item in chunk:
                if item.reply is not None and item.reply.get("orderId") == item.key:
                    found[item.key] = item.reply
                    continue
                why = item.error or "eBay sent another order than asked for"
                self._log(f"eBay order {item.key} is kept as the list gives it: {why}")
                if not item.is_gone and item.key not in self._left:
                    self._left.append(item.key)
        return found

    def _finish(self, newest: datetime | None) -> None:
        if self.is_settled:
            self.following.clear()
            self.following.update(self._window.cursor)
            if newest is not None and self._window.end is None and not self._window.is_by_creation:
                # A time beyond ours would be a mistake that hides every change until then.
                seen_to = max(min(newest, self._now), moment_of(self.following["modified_to"]))
                self.following["modified_to"] = seen_to.isoformat()
        if self._left:
            self.following["left"] = self._left


def _now(settings: Settings) -> datetime:
    """Our time, or the day that the settings pretend it to be."""
    if settings.as_of is None:
        return datetime.now(UTC)
    return datetime.combine(settings.as_of, time.min, UTC)


def _text(order: object, name: str) -> str:
    value = order.get(name) if isinstance(order, dict) else None
    return value if isinstance(value, str) else ""


def _is_cancelled(order: Json) -> bool:
    """Whether a cancellation was asked for, which only the detail call tells in full."""
    status = order.get("cancelStatus") if _text(order, "orderId") else None
    return isinstance(status, dict) and status.get("cancelState") not in NOT_CANCELLED
