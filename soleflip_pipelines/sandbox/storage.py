"""The sandbox's two SQLite files: the business that is served, and the truth that is not.

Tables, and writing and finding rows; what the rows mean is decided by the makers. Both are written
under temporary names and renamed when whole, so a kill leaves the generation before it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

BUSINESS, TRUTH, PAPERS = "business.sqlite", "truth.sqlite", "papers"
# Raised whenever the generator makes something else of the same arguments.
GENERATOR_VERSION = "24"

_BUSINESS_TABLES = """
create table meta (key text primary key, value text not null) without rowid;
create table product (
    position integer primary key, product_id text not null, title text not null, brand text,
    product_type text not null, style_id text, url_key text not null, gender text not null,
    season text, released_on text, retail_price integer, colorway text, sizing text not null,
    size_group text not null, audience text not null, going_price real not null
);
create table variant (
    variant_id text primary key, product_position integer not null, number integer not null,
    name text not null, value text not null, gtins text not null
) without rowid;
create table draft_order (
    order_number text, product_position integer, variant_id text, amount text, currency text,
    status text, is_active integer, created_at text, updated_at text, inventory_type text,
    adjustments text, payout_in text, paid_in text
);
create table listing (
    listing_id text not null, product_position integer not null, variant_id text not null,
    status text not null, amount text, currency text, created_at text not null,
    updated_at text not null, order_number text, inventory_type text not null
);
create table ebay_order (
    order_id text not null, created_at text not null, modified_at text not null,
    fulfilment text not null, payment text not null, cancel text not null, fee text not null,
    lines text not null
);
create table alias_order (
    order_id text not null, purchase_order_number text not null, product_position integer not null,
    size text not null, status text not null, fulfilment text not null, price text not null,
    after_take text not null, sold_at text not null, updated_at text not null
);
create table alias_listing (
    listing_id text not null, product_position integer not null, size text not null,
    price text not null, created_at text not null
);
create table gtin (upc text primary key, variant_id text not null) without rowid;
create table blob (name text primary key, content blob not null) without rowid;
create table feed (
    feed_id text primary key, advertiser_id text not null, advertiser_name text not null,
    region text not null, membership text not null, name text not null, language text not null,
    vertical text not null, last_imported text not null, product_count integer not null
);
"""
# Orders are rewritten in order of creation: a page is then a range of positions, however deep.
_FINISH = """
create table sold_order (
    position integer primary key, history_position integer, order_number text not null,
    product_position integer not null, variant_id text not null, amount text not null,
    currency text not null, status text not null, created_at text not null,
    updated_at text not null, inventory_type text not null, adjustments text not null,
    payout_in text not null, paid_in text not null
);
insert into sold_order
select row_number() over by_time,
       case when is_active then null
            else sum(1 - is_active) over (by_time rows unbounded preceding) end,
       order_number, product_position, variant_id, amount, currency, status, created_at,
       updated_at, inventory_type, adjustments, payout_in, paid_in
from draft_order
window by_time as (order by created_at, order_number);
drop table draft_order;
create unique index sold_order_number on sold_order (order_number);
create unique index sold_order_history on sold_order (history_position);
create index sold_order_active on sold_order (position) where history_position is null;
create index sold_order_product on sold_order (product_position, position);
create index sold_order_variant on sold_order (variant_id, position);
create index sold_order_status on sold_order (status, position);
create index sold_order_created on sold_order (created_at);
create unique index product_id on product (product_id);
create index product_style on product (style_id);
create index variant_product on variant (product_position, number);
create unique index listing_id on listing (listing_id);
create unique index ebay_order_id on ebay_order (order_id);
create index ebay_order_created on ebay_order (created_at, order_id);
create index ebay_order_modified on ebay_order (modified_at, order_id);
create unique index alias_order_id on alias_order (order_id);
create index alias_order_sold on alias_order (sold_at, order_id);
create unique index alias_listing_id on alias_listing (listing_id);
"""
_TRUTH_TABLES = """
create table meta (key text primary key, value text not null) without rowid;
create table product (
    product_id text primary key, title text, brand text, parent_brand text, collaborators text,
    category text, style_code text
) without rowid;
create table sold_order (
    order_number text, status text, is_sale integer, sold_on text, amount text,
    currency text, gross text, transaction_fee text, processing_fee text, shipping_fee text,
    other_fee text, penalty text, net_payout text, line_key text, unit_no integer, method text,
    cost text, vat_due text, net_profit text, state text, platform text, order_line text,
    quantity integer, sources text, outbound_cost text, ordered_at text, product_id text,
    variant_id text,
    primary key (order_number, platform, order_line)
) without rowid;
create table payout_gap (
    platform text, order_number text, order_line text, reason text, amount text,
    primary key (order_number, platform, order_line, reason)
) without rowid;
create table payout (
    payout_ref text primary key, currency text, paid_on text, orders integer, total text,
    lacking text
) without rowid;
create table unit (
    line_key text, unit_no integer, supplier text, variant_id text, cost text, status text,
    order_number text, queue_no integer, lost_on text, primary key (line_key, unit_no)
) without rowid;
create table taking (
    line_key text, unit_no integer, platform text, order_number text, order_line text,
    sold_on text, back_on text, primary key (line_key, unit_no, sold_on)
) without rowid;
create table purchase_line (
    line_key text primary key, supplier text, reference text, unit_ref text, title text,
    purchased_on text, received_on text, quantity integer, unit_price text, shipping_total text,
    cashback_total text, currency text, vat_rate text, vat_scheme text
) without rowid;
create table rejected_row (position integer primary key, kind text, flaw text, marker text);
"""


class Writer:
    """Appends rows to a table in chunks of bounded size."""

    def __init__(self, connection: sqlite3.Connection, table: str, width: int) -> None:
        self._connection = connection
        marks = ",".join("?" * width)
        self._sql = f"insert into {table} values ({marks})"
        self._rows: list[Sequence[object]] = []

    def add(self, *row: object) -> None:
        """Append one row."""
        self._rows.append(row)
        if len(self._rows) >= 5_000:
            self.flush()

    def flush(self) -> None:
        """Write what is held back."""
        self._connection.executemany(self._sql, self._rows)
        self._rows.clear()


def _create(path: Path, tables: str) -> sqlite3.Connection:
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    # The file counts only once it is renamed, so its own crash safety would cost time for nothing.
    connection.executescript("pragma journal_mode = off; pragma synchronous = off;")
    connection.executescript(tables)
    connection.execute("begin")
    return connection


def create_business(path: Path) -> sqlite3.Connection:
    """A new, empty business file, inside a transaction."""
    return _create(path, _BUSINESS_TABLES)


def create_truth(path: Path) -> sqlite3.Connection:
    """A new, empty truth file, inside a transaction."""
    return _create(path, _TRUTH_TABLES)


def create_draft_lines(path: Path) -> sqlite3.Connection:
    """A scratch file that puts purchase lines into the order of their papers."""
    return _create(
        path,
        "create table line (supplier text, year integer, purchased_on text, reference text, "
        "line_no integer, cells text);",
    )


def create_draft_reports(path: Path) -> sqlite3.Connection:
    """A scratch file that puts the rows of the reports into their order."""
    return _create(path, "create table report (kind text, place text, cells text);")


def discard(connection: sqlite3.Connection) -> None:
    """Close a scratch file and delete it."""
    path = connection.execute("pragma database_list").fetchone()[2]
    connection.close()
    Path(path).unlink()


def finish_business(connection: sqlite3.Connection) -> None:
    """Sort the orders, build the indexes and close."""
    connection.execute("commit")
    connection.executescript(_FINISH)
    connection.execute("analyze")
    connection.close()


def finish_truth(connection: sqlite3.Connection) -> None:
    """Commit and close."""
    connection.execute("commit")
    connection.close()


def write_meta(connection: sqlite3.Connection, values: dict[str, str]) -> None:
    """Store what a file is about."""
    connection.executemany("insert or replace into meta values (?, ?)", values.items())


def open_read_only(path: Path) -> sqlite3.Connection:
    """Open a finished file for reading, rows addressable by name."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection


def read_meta(path: Path) -> dict[str, str] | None:
    """What a file is about, or None when there is no whole file."""
    if not path.is_file():
        return None
    try:
        connection = open_read_only(path)
        try:
            return {row[0]: row[1] for row in connection.execute("select key, value from meta")}
        finally:
            connection.close()
    except sqlite3.DatabaseError:
        return None


def pack(lines: Iterable[tuple[str, str, str]]) -> str:
    """Adjustments (label, amount, percentage) as compact JSON."""
    return json.dumps(list(lines), separators=(",", ":"))
