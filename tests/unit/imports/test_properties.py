"""What holds for any file whatsoever: no traceback, no lost row, no changed text."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from soleflip_pipelines.imports import days, values
from soleflip_pipelines.imports.again import judge_again
from soleflip_pipelines.imports.files import FileRefused, open_file
from soleflip_pipelines.imports.kinds import PARSERS
from soleflip_pipelines.imports.seen import BITS, SeenHashes
from soleflip_pipelines.imports.values import BadValue, Decimals
from soleflip_pipelines.warehouse.loader import Record, Rejection, canonical_json
from tests.unit.imports.conftest import judged, records

pytestmark = pytest.mark.unit

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "cp1252"]
HEADER = ["Supplier", "Order No", "Line", "Order Date", "Product", "Qty", "Price (EUR)", "Note"]
VALID = "\r\n".join(
    [
        ";".join(HEADER),
        'Händler;A-1;1;03.04.2025;"Schuh; ""weiß""";1;1.234,50;Aa11',
        'Händler;A-1;2;03.04.2025;"Jacke\nrot";2;89,99 €;Bb22',
        "Händler;A-2;1;04.04.2025;Mütze;zwei;9,90;Cc33",
        "Händler;A-3;1;05.04.2025;Socken;3;4,90;Dd44",
        "Summe;;;;;7;;",
        "",
    ]
)
files = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
cells = settings(max_examples=300, deadline=None)


@files
@given(
    st.binary(max_size=200)
    | st.binary(max_size=120).map(lambda tail: VALID.encode() + tail)
    | st.text(max_size=80).map(lambda tail: (VALID + tail).encode("utf-16", "replace"))
    | st.text(st.sampled_from(';,"\r\n\t| =\0a1'), max_size=200).map(str.encode)
    | st.lists(st.text(st.sampled_from(';"\r\n1=N/Aa'), max_size=20), max_size=6).map(
        lambda lines: "\n".join([";".join(HEADER), *lines]).encode()
    )
)
def test_any_bytes_give_rows_or_quarantine_or_a_refusal(sheet: Path, content: bytes) -> None:
    try:
        rows, _ = judged(sheet, content)
        said = [row.reason for row in rows if isinstance(row, Rejection)]
    except FileRefused as refused:
        rows, said = [], [str(refused)]
    assert all(text and text.isprintable() for text in said)
    for row in rows:
        if isinstance(row, Record):
            assert row.key[0]
            assert canonical_json(row.payload)
        elif row.reason_code != "conflicting_duplicate":
            assert judge_again(row.raw, row.context, row.position) == row


@files
@given(st.integers(0, len(VALID.encode()) - 1), st.integers(0, 255))
@example(VALID.encode().index(b"\r\n"), 0)
@example(VALID.encode().index(b'"'), ord("x"))
def test_one_wrong_byte_loses_nothing_unseen(sheet: Path, place: int, value: int) -> None:
    body = bytearray(VALID.encode())
    body[place] = value
    try:
        rows, judge = judged(sheet, bytes(body))
    except FileRefused:
        return
    with open_file(sheet) as file:
        text = body.decode(file.encoding)
    read = csv.reader(io.StringIO(text, newline=""), delimiter=judge.header.delimiter, strict=True)
    assert len(rows) + judge.skipped == sum(any(c.strip() for c in line) for line in read)
    kept = "".join(
        str(row.payload["cells"]) if isinstance(row, Record) else row.raw for row in rows
    )
    for mark in re.findall(r"[ABCD][abcd]\d\d", text):
        assert mark in kept


@files
@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(ENCODINGS),
    st.sampled_from([("\n", csv.QUOTE_ALL), ("\r\n", csv.QUOTE_ALL), ("\r\n", csv.QUOTE_MINIMAL)]),
)
def test_text_survives_the_round_trip(
    sheet: Path, words: str, delimiter: str, encoding: str, style: tuple[str, int]
) -> None:
    if encoding == "cp1252":  # of which a few pairs of signs could as well be UTF-8
        words = "".join(c for c in words if c.isascii() or c in "äöüßÄÖÜéè")
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=style[0], quoting=style[1])
    writer.writerow(HEADER)
    writer.writerow(["Händler", "A", "1", "2025-04-03", "S-1", "1", "10", words])
    rows = records(sheet, out.getvalue().encode(encoding))
    assert [row["cells"]["Note"] for row in rows] == [words]
    assert rows[0]["supplier_name"] == "Händler"


@cells
@given(
    st.decimals(min_value=-(10**9) + 1, max_value=10**9 - 1, places=2),
    st.sampled_from([(",", "."), (".", ","), ("'", "."), (" ", ","), ("\u202f", ","), ("", ".")]),
    st.sampled_from(["{}", "{} €", "EUR {}", "${}", "{} CHF", "  {} "]),
)
def test_money_survives_every_locale(value: Decimal, marks: tuple[str, str], frame: str) -> None:
    written = f"{value:,.2f}".translate(str.maketrans({",": marks[0], ".": marks[1]}))
    found = values.money(frame.format(written))
    assert found is not None
    assert Decimal(found.amount) == value
    styles: dict[str, Decimals] = {",": "comma", ".": "point"}
    assert values.money(frame.format(written), styles[marks[1]]) == found


@cells
@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_days_survive_every_style(day: date) -> None:
    for style in ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%y", "%d %b %Y", "%B %d, %Y", "%b-%d-%y"):
        assert days.day(day.strftime(style)) == day.isoformat()
    assert days.day(day.strftime("%m/%d/%Y"), month_first=True) == day.isoformat()


@cells
@given(st.text(max_size=40) | st.text(st.sampled_from("0123456789.,-+'=()€$ EURT:/"), max_size=30))
def test_any_cell_is_read_or_refused_with_a_remedy(cell: str) -> None:
    for parse in PARSERS.values():
        try:
            found, remedy = parse(cell), None
        except BadValue as problem:
            found, remedy = None, problem.remedy
        assert found == (found.strip() if found else None)
        assert remedy is None or remedy.isprintable()
    values.folded_header(cell)
    values.currency_in(cell)


def test_the_valid_file_of_these_tests_meets_every_outcome(sheet: Path) -> None:
    rows, judge = judged(sheet, VALID)
    assert [type(row) for row in rows] == [Record, Record, Rejection, Record]
    assert judge.skipped == 2


@given(
    st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**32 - 1)), max_size=60)
)
@example([(0, 7), (1, 8)] + [(n << 40, n) for n in range(1_500)])
def test_the_table_of_hashes_is_a_dict(pairs: list[tuple[int, int]]) -> None:
    """But for 0 and the sign, which two hashes may share."""
    table, counter, oracle = SeenHashes(), SeenHashes(), dict[int, int]()
    for found, number in pairs:
        same = found & BITS or 1
        assert table.setdefault(found, number) == oracle.setdefault(same, number)
    for times in (1, 2):
        assert [counter.increment(found) for found in oracle] == [times] * len(oracle)
