"""The user's own layouts: what a mapping can say, and what is said of a broken one."""

from __future__ import annotations

from pathlib import Path

import pytest

from soleflip_pipelines.imports.again import judge_again
from soleflip_pipelines.imports.files import FileRefused
from soleflip_pipelines.imports.mapping import FileMapping, MappingError, load_mappings
from soleflip_pipelines.warehouse.loader import Record
from tests.unit.imports.conftest import judged, records, rejection

pytestmark = pytest.mark.unit

VINTED = """
kind: sales
match: [Vorgang, "Erlös in Cent"]
columns:
  order_number: Vorgang
  sold_on: Tag
  product_name: Was
  sale_price: Erlös in Cent
  fees_total: Gebühr
constants: {platform: Vinted, currency_code: EUR}
date_order: month
decimal: point
cents: [sale_price]
"""
SHEET = "Vorgang;Tag;Was;Erlös in Cent;Gebühr;Notiz\nV-1;03/04/25;Shoe;12950;1.234;x\n"


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "mappings").mkdir()
    return tmp_path


def mappings(inbox: Path, *texts: str) -> list[FileMapping]:
    for number, text in enumerate(texts):
        (inbox / "mappings" / f"m{number}.yaml").write_text(text, "utf-8")
    return load_mappings(inbox)


def test_a_mapping_says_what_the_columns_mean(inbox: Path, sheet: Path) -> None:
    (row,) = records(sheet, SHEET, mappings(inbox, VINTED))
    kept = {key: value for key, value in row.items() if value is not None and key != "cells"}
    assert kept == {
        "platform": "vinted", "order_number": "V-1", "sold_on": "2025-03-04",
        "product_name": "Shoe", "sale_price": "129.5", "fees_total": "1.234",
        "currency_code": "EUR",
    }  # fmt: skip
    assert row["cells"]["Notiz"] == "x"


def test_without_columns_the_titles_of_the_kind_count(inbox: Path, sheet: Path) -> None:
    text = "kind: alias_report\nmatch: [ORDER_NUMBER, CREDIT_DATE]\ncents: [sale_price]\n"
    content = "ORDER_NUMBER,NAME,PRODUCT_PRICE_CENTS_SALE_PRICE,CREDIT_DATE\n1,Shoe,22000,1/2/25\n"
    (row,) = records(sheet, content, mappings(inbox, text))
    assert (row["sale_price"], row["credited_on"]) == ("220", "2025-02-01")


@pytest.mark.parametrize(
    ("decimal", "cell", "amount"),
    [("comma", "1.234", "1234"), ("comma", "1,234", "1.234"), ("point", "1,234.5", "1234.5")],
)
def test_the_decimal_mark_is_as_the_mapping_says(
    inbox: Path, sheet: Path, decimal: str, cell: str, amount: str
) -> None:
    text = VINTED.replace("decimal: point", f"decimal: {decimal}").replace("cents:", "#")
    (row,) = records(sheet, SHEET.replace("12950", f"{cell}"), mappings(inbox, text))
    assert row["sale_price"] == amount
    refused = rejection(sheet, SHEET.replace("12950", "1.2.3"), mappings(inbox, text))
    assert refused.reason_code == "bad_number"


def test_a_mapping_comes_before_the_titles_and_the_longer_match_before_the_shorter(
    inbox: Path, sheet: Path
) -> None:
    header = "Supplier,Order,Date,Product,Qty,Price (EUR),Platform Note\n"
    row = "Shop,A,03/04/25,Shoe,1,10,x\n"
    american = "kind: purchases\nmatch: [supplier, PLATFORM  note]\ndate_order: month\n"
    short = "kind: purchases\nmatch: [Supplier]\n"
    (found,) = records(sheet, header + row, mappings(inbox, american, short))
    assert found["purchased_on"] == "2025-03-04"
    with pytest.raises(FileRefused, match=r"m0.yaml and mappings/m1.yaml both match it"):
        judged(sheet, header + row, mappings(inbox, american, american.replace("month", "day")))


def test_a_mapping_whose_column_is_gone_refuses_the_file(inbox: Path, sheet: Path) -> None:
    with pytest.raises(FileRefused, match=r"m0.yaml matches it, but it has no column Tag"):
        judged(sheet, SHEET.replace("Tag", "Datum"), mappings(inbox, VINTED))


def test_a_row_that_a_mapping_refused_is_judged_again_with_it(inbox: Path, sheet: Path) -> None:
    found = rejection(sheet, SHEET.replace("12950", "tbd"), mappings(inbox, VINTED))
    again = judge_again(found.raw.replace("tbd", "990"), found.context, found.position)
    assert isinstance(again, Record)
    assert again.payload["sale_price"] == "9.9"
    assert again.payload["platform"] == "vinted"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: sales", "kind: letters", "kind: write one of purchases, sales"),
        ("kind: sales", "", "kind: field required"),
        ("match:", "matches:", "match: field required|matches: extra inputs"),
        ("match: [Vorgang, \"Erlös in Cent\"]", "match: []", "match: list should have at least 1"),
        ("  sold_on: Tag", "  bought_on: Tag", "columns.bought_on: sales have no such field"),
        ("  sold_on: Tag", "", "columns: add sold_on, which sales need"),
        ("  sold_on: Tag", "  sold_on: [Tag]", "columns.sold_on: input should be a valid string"),
        ("EUR}", "Taler}", "constants.currency_code: write a code such as EUR"),
        ("platform: Vinted,", "sold_on: 1.2.25,", "constants.sold_on: it stands under columns too"),
        ("date_order: month", "date_order: us", "date_order: input should be 'day' or 'month'"),
        ("cents: [sale_price]", "cents: [size]", "cents: size is no amount; write one of sale_pr"),
        ("constants:", "colour: red\nconstants:", "colour: extra inputs are not permitted"),
        ("columns:", "columns: [", "line .*: it is no valid YAML"),
        (VINTED, "- a\n- b\n", "the file: input should be a valid dictionary"),
        (VINTED, "", "the file: input should be a valid dictionary"),
        (VINTED, "[" * 1_100, "it is no valid YAML"),
        (VINTED, "x: y\n" * 20_000, "the file: it is larger than 64 kB"),
    ],
)  # fmt: skip
def test_a_broken_mapping_says_file_key_and_what_to_do(
    inbox: Path, old: str, new: str, said: str
) -> None:
    assert old in VINTED
    with pytest.raises(MappingError, match=said) as caught:
        mappings(inbox, VINTED.replace(old, new))
    assert str(caught.value).startswith("mappings/m0.yaml, ")


def test_what_is_no_regular_file_is_no_mapping(inbox: Path) -> None:
    (inbox / "mappings" / "link.yaml").symlink_to("/etc/hostname")
    with pytest.raises(MappingError, match=r"mappings/link.yaml, the file: it cannot be read"):
        load_mappings(inbox)


def test_an_inbox_without_mappings_has_none(tmp_path: Path) -> None:
    assert load_mappings(tmp_path) == []
