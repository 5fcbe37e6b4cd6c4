"""Dropped files, from bytes to records: every dress of one content, and every kind of dirt."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from soleflip_pipelines.imports.again import corrected, judge_again
from soleflip_pipelines.imports.files import FileRefused, open_file
from soleflip_pipelines.imports.mapping import parse_mapping
from soleflip_pipelines.warehouse.loader import Record, Rejection
from soleflip_pipelines.warehouse.loader_rows import storable
from tests.unit.imports.conftest import judged, records, rejection

pytestmark = pytest.mark.unit

GERMAN = """Bestellnummer;Position;Lieferant;Bestelldatum;Artikel;Größe;Menge;Einzelpreis;Währung
B-1;1;Händler Süß;03.04.2025;"Schuh, weiß";42 2/3;1;1.234,50 €;EUR
B-1;2;Händler Süß;03.04.2025;"Jacke
rot";M;2;89,99 €;EUR
"""
ENGLISH = """Supplier,Order No,Line,Order Date,Product,Size,Qty,Unit Price
Shop,A-1,1,2025-04-03,Shoe,9,1,€100.00
"""


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"]
)
@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_one_german_content_in_every_dress(sheet: Path, encoding: str, delimiter: str) -> None:
    rows = records(sheet, GERMAN.replace(";", delimiter).encode(encoding))
    assert [row["supplier_name"] for row in rows] == ["Händler Süß"] * 2
    assert [row["unit_price"] for row in rows] == ["1234.50", "89.99"]
    assert [row["purchased_on"] for row in rows] == ["2025-04-03"] * 2
    assert [row["size"] for row in rows] == ["42 2/3", "M"]
    assert rows[1]["product_name"] == "Jacke rot"
    assert rows[1]["cells"]["Artikel"] == "Jacke\nrot"
    assert rows[0]["cells"]["Einzelpreis"] == "1.234,50 €"


def test_a_sale_of_the_hand_kept_sheet(sheet: Path) -> None:
    rows, judge = judged(
        sheet,
        "Plattform;Bestellnummer;Einheit;Verkaufsdatum;Verkaufspreis;Währung;Gebühren\n"
        "StockX;12345678-12345678;U-1;05.06.2024;150,00;EUR;12,30\n",
    )
    assert judge.header.kind.name == "sales"
    assert rows == [
        Record(
            ("stockx|12345678-12345678",),
            {
                "platform": "stockx", "order_number": "12345678-12345678", "unit_ref": "U-1",
                "sold_on": "2024-06-05", "product_name": None, "style_code": None, "size": None,
                "sale_price": "150.00", "currency_code": "EUR", "fees_total": "12.30",
                "shipping_paid": None, "payout_total": None,
                "cells": {
                    "Plattform": "StockX", "Bestellnummer": "12345678-12345678", "Einheit": "U-1",
                    "Verkaufsdatum": "05.06.2024", "Verkaufspreis": "150,00", "Währung": "EUR",
                    "Gebühren": "12,30",
                },
            },
        )
    ]  # fmt: skip


def test_titles_repeated_headers_blank_lines_and_totals_are_no_data(sheet: Path) -> None:
    header, first = ENGLISH.splitlines()
    content = "\n".join(
        ["Purchases of 2025", "", header, first, "", header, first.replace(",1,", ",2,", 1), ",,,,",
         "Total,,,,,,2,€200.00", ""]
    )  # fmt: skip
    rows, judge = judged(sheet, content)
    assert [row.key for row in rows if isinstance(row, Record)] == [
        ("shop|A-1|1",),
        ("shop|A-1|2",),
    ]
    assert judge.skipped == 4


def test_lines_without_a_number_are_counted_within_their_document(sheet: Path) -> None:
    header = "Supplier,Order No,Order Date,Product,Qty,Price (EUR)\n"
    lines = ["Shop,A,2025-04-03,Shoe,1,10", "Shop,A,2025-04-03,Shoe,zero,10",
             "Shop,B,2025-04-03,Shoe,1,10", "Shop,A,2025-04-03,Shoe,1,10"]  # fmt: skip
    rows, _ = judged(sheet, header + "\n".join(lines))
    keys = [row.key[0] for row in rows if isinstance(row, Record)]
    assert keys == ["shop|A|1", "shop|B|1", "shop|A|3"]


@pytest.mark.parametrize(
    ("old", "new", "code", "field"),
    [
        ("A-1", "", "missing_value", "purchase_ref"),
        ("Shop", "N/A", "missing_value", "supplier_name"),
        ("Shoe", "", "missing_value", "product_name"),
        ("2025-04-03", "soon", "bad_date", "purchased_on"),
        ("€100.00", "tbd", "bad_number", "unit_price"),
        ("€100.00", "€0.00", "not_positive", "unit_price"),
        ("€100.00", "100.00", "missing_currency", "currency_code"),
        (",9,1,", ",9,0,", "not_positive", "quantity"),
        (",9,1,", ",9,1", "row_shape", None),
        ("Shoe", "Shoe,and more", "row_shape", None),
    ],
)
def test_a_bad_row_says_where_and_what_to_do(
    sheet: Path, old: str, new: str, code: str, field: str | None
) -> None:
    header, row = ENGLISH.splitlines()
    other = row.replace(",1,2025", ",7,2025")
    found = rejection(sheet, "\n".join([header, other, row.replace(old, new)]))
    assert (found.reason_code, found.field) == (code, field)
    assert found.position == "sheet.csv:3"
    assert found.reason
    assert new in found.raw


def test_the_same_row_twice_is_a_repeat_but_a_differing_one_is_refused(sheet: Path) -> None:
    row = ENGLISH.splitlines()[1]
    rows, _ = judged(sheet, ENGLISH + row + "\n")
    assert [row.key for row in rows if isinstance(row, Record)] == [("shop|A-1|1",)] * 2
    cheaper = rejection(sheet, ENGLISH + row.replace("100.00", "10.00") + "\n")
    assert cheaper.reason_code == "conflicting_duplicate"


@pytest.mark.parametrize(
    ("header", "cell", "expected"),
    [("Price", "£10", "GBP"), ("Price (USD)", "10", "USD"), ("Price (CAD)", "$10", "CAD")],
)
def test_the_currency_stands_in_title_or_cell(
    sheet: Path, header: str, cell: str, expected: str
) -> None:
    content = f"Supplier,Order,Date,Product,Qty,{header}\nShop,A,2025-04-03,Shoe,1,{cell}\n"
    assert [row["currency_code"] for row in records(sheet, content)] == [expected]


def test_two_currencies_in_one_row_are_refused(sheet: Path) -> None:
    content = "Supplier,Order,Date,Product,Qty,Price,Currency\nShop,A,2025-04-03,Shoe,1,£10,EUR\n"
    assert rejection(sheet, content).reason_code == "currency_conflict"


@pytest.mark.parametrize(
    ("rate", "scheme", "expected"),
    [
        ("19 %", "", "standard"),
        ("", "", "none"),
        ("19 %", "Differenz", "margin"),
        ("0", "", "none"),
    ],
)
def test_a_rate_without_a_scheme_is_the_ordinary_one(
    sheet: Path, rate: str, scheme: str, expected: str
) -> None:
    content = (
        "Supplier,Order,Date,Product,Qty,Price (EUR),VAT,VAT Scheme\n"
        f"Shop,A,2025-04-03,Shoe,1,10,{rate},{scheme}\n"
    )
    assert [row["vat_scheme"] for row in records(sheet, content)] == [expected]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"\n\n \n", "it is empty"),
        (b"a,b,c\n1,2,3\n", "no kind of file fits its header.*none of its titles is known"),
        (b"Name,b,c\n1,2,3\n", "no kind of file fits its header.*its columns are: Name, b, c"),
        (ENGLISH.replace("Qty", "Note").encode(), "looks like purchases but has no column for qua"),
        (ENGLISH.replace("Size", "Supplier").encode(), '"Supplier" stands twice'),
        (ENGLISH.encode() + b'Shop,A,3,2025-04-03,"Shoe,9,1,1\n', "line 3 on it is no proper CSV"),
        (ENGLISH.encode() + b'Shop,A,3,2025-04-03,"Sh"oe,9,1,1\n', "quotation mark"),
        (ENGLISH.encode() + b"\x81\x8d\n", "neither UTF-8 nor"),
        (GERMAN.encode() + b"\xe4\n", "UTF-8 with damaged letters"),
        (b"PK\x03\x04\x00\x00\x81\x90", "it is an archive: unpack it"),
    ],
)
def test_a_file_that_cannot_be_read_whole_is_refused(
    sheet: Path, content: bytes, reason: str
) -> None:
    with pytest.raises(FileRefused, match=reason) as caught:
        judged(sheet, content)
    assert str(caught.value).startswith("sheet.csv was not imported: ")


def test_a_quote_that_swallows_many_lines_is_refused(sheet: Path) -> None:
    row = ENGLISH.splitlines()[1] + "\n"
    with pytest.raises(FileRefused, match="too many lines"):
        judged(sheet, ENGLISH + '"' + row * 60 + '"\n')


def test_links_pipes_and_folders_are_refused(tmp_path: Path) -> None:
    real = tmp_path / "real.csv"
    real.write_text(ENGLISH)
    link, pipe, folder = tmp_path / "link.csv", tmp_path / "pipe.csv", tmp_path / "folder.csv"
    link.symlink_to(real)
    os.mkfifo(pipe)
    folder.mkdir()
    for path in (link, pipe, folder, tmp_path / "missing.csv"):
        with pytest.raises(FileRefused), open_file(path):
            pass


@pytest.mark.parametrize(
    "name",
    ["..csv", "a..b.csv", "a\\b.csv", "a\nb.csv", "a\x1b[31m.csv", "\udcff.csv", "x" * 201],
)
def test_names_that_could_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(ENGLISH)
    with pytest.raises(FileRefused, match=r"plain, shorter name") as caught, open_file(path):
        pass
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", gzip.compress(ENGLISH.encode()), "archive: unpack it"),
        ("a.xlsx", b"PK\x03\x04xl/workbook.xml", "workbook: save the sheet as CSV"),
        ("a.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "workbook: save the sheet as CSV"),
        ("a.csv", b"%PDF-1.7 invoice", "PDF: export the table"),
        ("a.csv", b"\0" * 100_000, "no kind of file fits|no proper CSV"),
        ("a.csv", ENGLISH.encode() + b"x" * 1_100_000, "row of 1,000,000 characters"),
        ("a.csv", ENGLISH.encode() + b'"a\nb",' * 200_000, "row of 1,000,000 characters"),
        ("a.csv", ENGLISH.encode() + b"," * 2_000, "too many cells"),
        ("a.csv", ENGLISH.encode() + b'"' + b"x" * 200_000 + b'"\n', "field larger than"),
    ],
)
def test_what_is_no_sheet_or_beyond_all_bounds_is_refused(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    with pytest.raises(FileRefused, match=reason):
        judged(tmp_path / name, content)


def test_old_and_odd_line_ends_separators_and_spreadsheet_hints(sheet: Path) -> None:
    for content in (
        ENGLISH.replace("\n", "\r"),
        ENGLISH.replace("\n", "\r\n"),
        "sep=,\n" + ENGLISH,
    ):
        assert [row["purchase_ref"] for row in records(sheet, content)] == ["A-1"]


@pytest.mark.parametrize(
    ("old", "new", "code", "field"),
    [
        ("Shoe", "=SUM(A1:A9)", "formula", "product_name"),
        ("A-1", "4.01E+12", "shortened_number", "purchase_ref"),
        ("€100.00", "=B2*2", "formula", "unit_price"),
    ],
)
def test_what_a_spreadsheet_has_spoilt_is_refused_by_name(
    sheet: Path, old: str, new: str, code: str, field: str
) -> None:
    found = rejection(sheet, ENGLISH.replace(old, new))
    assert (found.reason_code, found.field) == (code, field)


def test_a_formula_that_only_protects_a_text_is_unwrapped(sheet: Path) -> None:
    (row,) = records(sheet, ENGLISH.replace("A-1", '"=""0123"""'))
    assert row["purchase_ref"] == "0123"
    assert row["cells"]["Order No"] == '="0123"'


def test_cells_keep_every_column_of_titles_that_repeat(sheet: Path) -> None:
    content = (
        "Supplier,Order No,Order Date,Product,Qty,Unit Price (EUR),Note,Note,,Note (2)\n"
        "Shop,A-1,2025-04-03,Shoe,1,9,a,b,c,d\n"
    )
    (row,) = records(sheet, content)
    assert list(row["cells"].values())[-4:] == ["a", "b", "c", "d"]


def test_a_refused_row_can_be_judged_again_and_be_corrected(sheet: Path) -> None:
    header = "Supplier,Order,Date,Product,Qty,Price (EUR)\n"
    found = rejection(sheet, header + 'Shop,A,2025-04-03,"Shoe, ""red""",1,10\nShop,A,soon,x,1,2\n')
    context = json.loads(json.dumps(found.context))
    assert judge_again(found.raw, context, found.position) == found
    again = judge_again(
        corrected(found.raw, context, {"Date": "04.05.2025"}), context, found.position
    )
    assert isinstance(again, Record)
    assert again.key == ("shop|A|2",)  # the second line of its document, as in the file
    assert again.payload["purchased_on"] == "2025-05-04"
    with pytest.raises(ValueError, match="no column Datum; write one of Supplier"):
        corrected(found.raw, context, {"Datum": "x"})


def test_a_character_that_no_database_holds_is_refused_until_it_is_gone(sheet: Path) -> None:
    found = rejection(sheet, ENGLISH.replace("shop", "sh\0p").replace("Shop", "Sh\0p"))
    assert (found.reason_code, found.position) == ("nul_character", "sheet.csv:2")
    kept = json.loads(storable(found)[0])["raw"]
    again = judge_again(kept, found.context, found.position)
    assert isinstance(again, Rejection)
    assert again.reason_code == "nul_character"


@pytest.mark.parametrize("context", [None, {}, {"kind": "letters", "header": [], "delimiter": ","}])
def test_a_row_of_which_too_little_was_kept_says_so(context: dict[str, Any] | None) -> None:
    again = judge_again("a,b", context, "old.csv:7")
    assert isinstance(again, Rejection)
    assert (again.reason_code, again.position) == ("not_readable", "old.csv:7")


def test_what_may_be_an_address_is_not_quoted(sheet: Path) -> None:
    with pytest.raises(FileRefused, match="none of its titles is known") as caught:
        judged(sheet, "Erika Canary,Musterweg 1,50667 Canary\nOtto Canary,Weg 2,10115 Canary\n")
    assert "Canary" not in str(caught.value)


def test_files_put_one_behind_the_other_keep_their_marks_and_headers(sheet: Path) -> None:
    second = ENGLISH.replace("A-1", "A-2").replace("Supplier", " supplier ")
    content = ENGLISH.encode("utf-8-sig") + second.encode("utf-8-sig")
    assert [row["purchase_ref"] for row in records(sheet, content)] == ["A-1", "A-2"]


def test_a_date_that_can_only_be_month_first_makes_the_others_doubtful(sheet: Path) -> None:
    header = "Supplier,Order,Date,Product,Qty,Price (USD)\n"
    content = header + "Shop,A,03/04/25,Shoe,1,10\nShop,B,03/25/25,Shoe,1,10\n"
    with pytest.raises(FileRefused, match=r"line 3 has a date with the month first.*`date_order"):
        judged(sheet, content)
    for order, outcomes in (("month", [Record, Record]), ("day", [Record, Rejection])):
        entry = {"kind": "purchases", "match": ["Supplier"], "date_order": order}
        rows, _ = judged(sheet, content, [parse_mapping("m.yaml", entry)])
        assert [type(row) for row in rows] == outcomes
