"""Where a sale comes from: its rows in raw, their batches and files, and its state in words.

Only keys, batches and the fields that the marts hold are told; payloads may hold a buyer's data.
"""

from __future__ import annotations

import json

from soleflip_pipelines.explain.reading import Book
from soleflip_pipelines.explain.story import Row, Story, shown

SOURCES_SQL = """
    select source, door_line, payload_source, status_raw, status, amount, currency_code, sold_on,
           has_stated_fees
    from intermediate.int_sales__order_sources
    where order_key = %(order_key)s and not is_superseded
    order by source
"""
RAW_SQL = """
    with place as (
        select 'api' as door, 'raw_stockx.orders' as raw_table, order_number as natural_key,
               batch_id, first_seen_at, changed_at
        from raw_stockx.orders where %(platform)s = 'stockx' and order_number = %(number)s
        union all
        select 'api', 'raw_stockx.order_details', order_number, batch_id, first_seen_at, changed_at
        from raw_stockx.order_details where %(platform)s = 'stockx' and order_number = %(number)s
        union all
        select 'api', 'raw_ebay.orders', order_id, batch_id, first_seen_at, changed_at
        from raw_ebay.orders where %(platform)s = 'ebay' and order_id = %(number)s
        union all
        select 'api', 'raw_alias.orders', order_id, batch_id, first_seen_at, changed_at
        from raw_alias.orders
        where %(platform)s = 'alias' and order_id in (
            select order_id from staging.stg_alias__orders where order_number = %(number)s
        )
        union all
        select 'report', 'raw_csv.stockx_report', order_number, batch_id, first_seen_at, changed_at
        from raw_csv.stockx_report where %(platform)s = 'stockx' and order_number = %(number)s
        union all
        select 'report', 'raw_csv.ebay_report', line_key, batch_id, first_seen_at, changed_at
        from raw_csv.ebay_report
        where %(platform)s = 'ebay' and line_key in (
            select line_key from staging.stg_csv__ebay_report
            where order_number = %(number)s and line_id = any(%(door_lines)s)
        )
        union all
        select 'report', 'raw_csv.alias_report', order_number, batch_id, first_seen_at, changed_at
        from raw_csv.alias_report where %(platform)s = 'alias' and order_number = %(number)s
        union all
        select 'sheet', 'raw_csv.sales', sale_key, batch_id, first_seen_at, changed_at
        from raw_csv.sales
        where sale_key in (
            select sale_key from staging.stg_csv__sales
            where platform = %(platform)s and order_number = %(number)s
        )
    )
    select place.*, batch.batch_kind, batch.source as batch_source, batch.file_name,
           batch.window_from, batch.window_to, batch.finished_at, batch.dagster_run_id
    from place
    left join integration.import_batches as batch using (batch_id)
    order by door, raw_table, natural_key
"""
PAYLOAD_SQL = """
    select payload - 'shipment' - 'initiatedShipments' as facts
    from staging.stg_stockx__orders
    where %(platform)s = 'stockx' and order_number = %(number)s
    union all
    select order_facts from staging.stg_ebay__order_lines
    where %(platform)s = 'ebay' and order_id = %(number)s and line_item_id = %(line)s
    union all
    select order_facts from staging.stg_alias__orders
    where %(platform)s = 'alias' and order_number = %(number)s
"""
PLATFORMS = {"stockx": "StockX", "ebay": "eBay", "alias": "Alias", "private": "A private sale"}


def tell_doors(story: Story, book: Book, order: Row) -> list[Row]:
    """Tell by which doors the sale came in; gives what each door says of it."""
    sources = book.rows(SOURCES_SQL, order_key=order["order_key"])
    places = book.rows(
        RAW_SQL,
        platform=order["platform"],
        number=order["order_number"],
        door_lines=[source["door_line"] for source in sources],
    )
    places = [place for place in places if place["door"] in order["sources"]]
    says = [_sentence(source) for source in sources]
    if len(sources) > 1:
        says.append("One sale: each field is the API's, else the report's, else the sheet's.")
    story.tell("Where it comes from", says, map(_place, places))
    if not places:
        story.contradictions.append("no raw row of this sale is left: it cannot be traced")
    return sources


def tell_payload(story: Story, book: Book, order: Row) -> None:
    """Tell what the API sent, as far as it is not personal; null where no API knows the sale."""
    found = book.row(
        PAYLOAD_SQL,
        platform=order["platform"],
        number=order["order_number"],
        line=order["order_line"],
    )
    text = json.dumps(found and found["facts"], indent=2, ensure_ascii=False)
    story.tell("As the API sent it, without what is personal", text.splitlines())


def tell_status(story: Story, order: Row) -> None:
    """Tell the state as received and as mapped, and what follows from it."""
    who = PLATFORMS.get(order["platform"], order["platform"])
    meaning = f": {order['status_meaning']}" if order["status_meaning"] else ""
    said = (
        f'{who} says "{order["status_raw"]}"'
        if order["status_raw"]
        else "No API tells its state, and a file's row says only whether it was paid"
    )
    says = [f"{said}, which is {order['status']}{meaning}."]
    if order["is_sale"]:
        says.append(f"It counts as a sale of {order['sold_on']} (Berlin day on which it was sold).")
    else:
        says.append("It is no sale: no revenue, no fees, no cost; what remains is a penalty.")
    if order["returned_on"]:
        says.append(f"Its unit is back since {order['returned_on']} and can be sold again.")
    story.tell("State", says)


def _sentence(source: Row) -> str:
    payload = {"detail": ", as its detail call tells", "list": ", as the order list tells"}
    return (
        f"{source['source']}: {shown(source['amount'])} {shown(source['currency_code'])},"
        f" sold on {shown(source['sold_on'])}, {source['status']}"
        f"{payload.get(source['payload_source'], '')}"
    )


def _place(place: Row) -> Row:
    window = (
        f"{place['window_from'] or '':%Y-%m-%d} … {place['window_to'] or '':%Y-%m-%d}"
        if place["window_from"] and place["window_to"]
        else None
    )
    return {
        "door": place["door"],
        "raw_table": place["raw_table"],
        "key": place["natural_key"],
        "batch": f"#{place['batch_id']}",
        "read_from": place["file_name"] or window or place["batch_source"],
        "first_seen": place["first_seen_at"],
        "changed": place["changed_at"],
        "run": place["dagster_run_id"] and place["dagster_run_id"][:8],
    }
