"""What custom labels and titles say of code and size."""

from __future__ import annotations

import pytest

from soleflip_pipelines.catalog.seller_words import known_codes, named_size, read_label
from soleflip_pipelines.catalog.style_code import StyleCodeExtractor

pytestmark = pytest.mark.unit


KNOWN = {"DV0982100", "555088134", "GY6385", "37491501", "OO52038438", "OO5203", "I09889988XX"}
KNOWN |= {"HEGSXJAUT"}


@pytest.mark.parametrize(
    ("label", "code", "size"),
    [
        ("DV0982-100-US10.5", "DV0982-100", "US 10.5"),
        ("dv0982-100 us w 8", "DV0982-100", "US W 8"),
        ("555088-134 / EU 42,5", "555088-134", "EU 42,5"),
        ("GY6385_EU42 2/3", "GY6385", "EU 42 2/3"),
        ("GY6385_9", "GY6385", "9"),
        ("DV0982-100-6Y", "DV0982-100", "6Y"),
        ("DV0982-100", "DV0982-100", None),
        ("374915-01", "374915-01", None),
        # The longest known code counts, whatever part of it some grammar would take for one.
        ("OO5203-8438", "OO5203-8438", None),
        ("I098899_88_XX-L", "I098899_88_XX", "L"),
        # Codes that the catalogue lacks, by their maker's grammar.
        ("Size 10 DD1391-100", "DD1391-100", "10"),
        ("DD1391-100 Größe 44", "DD1391-100", "44"),
        ("Regal 4", "REGAL 4", None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_labels(
    codes: StyleCodeExtractor, label: str | None, code: str | None, size: str | None
) -> None:
    words = read_label(label, KNOWN.__contains__, codes)
    assert (words.code, words.size) == (code, size)


def test_words_of_a_title_that_are_known_codes() -> None:
    title = "Oakley Radar (OO5203-8438), 2005 gy6385 NEU"
    assert list(known_codes(title, KNOWN.__contains__)) == ["OO5203-8438", "GY6385"]
    # Letters alone are a code where a dash joins them, and a word where none does.
    assert list(known_codes("Console HEG-S-XJAUT", KNOWN.__contains__)) == ["HEG-S-XJAUT"]
    assert list(known_codes("Console HEGSXJAUT", KNOWN.__contains__)) == []


@pytest.mark.parametrize(
    ("title", "size"),
    [
        ("Nike Dunk Low DD1391-100 Gr. 44", "44"),
        ("Air Jordan 1 EU 42.5 neu", "EU 42.5"),
        ("Yeezy 350 US9", "US 9"),
        ("Air Max 97 weiss", None),
        ("Focus 10 Shoe", None),
        (None, None),
    ],
)
def test_titles(title: str | None, size: str | None) -> None:
    assert named_size(title) == size
