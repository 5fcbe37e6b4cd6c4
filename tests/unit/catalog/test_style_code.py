"""Style codes: each maker's grammar, cells, noise, and the numbers that are no codes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soleflip_pipelines.catalog.rules import Rules
from soleflip_pipelines.catalog.style_code import (
    StyleCodeExtractor,
    code_key,
    extract,
)
from tests.unit.catalog.detectors import LABELLER

pytestmark = pytest.mark.unit

EXTRACTOR = LABELLER.codes

IN_TEXT = [
    ("Nike Dunk Low DD1391-100 white black", None, "DD1391-100"),
    ("DD1391 100 dunk low", None, "DD1391-100"),
    ("nike-dunk-low-retro-white-black-dd1391-100", None, "DD1391-100"),
    ("Air Jordan 3 Retro 136064-125 (GS)", None, "136064-125"),
    ("adidas Samba OG B75807 cloud white", None, "B75807"),
    ("adidas-samba-og-2024-b75806", None, "B75806"),
    ("B75807", None, "B75807"),
    ("Laufschuh mit Dämpfung. | 1011B548.001", "ASICS", "1011B548-001"),
    ("New Balance 2002R M2002RDA rain cloud", None, "M2002RDA"),
    ("BB550WT1 New Balance 550 white", None, "BB550WT1"),
    ("Puma Speedcat 398846_02", None, "398846-02"),
    ("Vans Old Skool VN000D3HBKA", None, "VN000D3HBKA"),
    ("Converse Chuck 70 162058C", None, "162058C"),
    ("Crocs Classic Clog 10001-0DA", None, "10001-0DA"),
    ("UGG Tasman 5955-CHE", None, "5955-CHE"),
    ("Hoka Clifton 9 1127895-BBLC", None, "1127895-BBLC"),
    ("Timberland 6 Inch TB0A10061713", None, "TB0A10061713"),
    ("Salomon XT-6 L47445600", None, "L47445600"),
    ("LEGO Icons Concorde Set 10318", None, "10318"),
    ("BAPE Shark Hoodie 0ZXSWM999014Z", None, "0ZXSWM999014Z"),
    # the colour is part of the code, however it is set off
    ("L1212-18-CB5", "Lacoste", "L1212-18-CB5"),
    ("Lacoste Polo L1212 85 CM4", None, "L1212 85 CM4"),
]

NO_CODE = [
    "Nike Air Max 95 OG Neon (2020)",
    "Nike Air Force 1 Low (2016/2024)",
    "adidas ZX 8000 Aqua",
    "adidas ZX8000 Aqua",
    "adidas SL7200 White",
    "New Balance 990v6 Grey",
    "New Balance 2002R Sea Salt",
    "ASICS GT-2160 Cream",
    "adidas NMD R1 V3 FW2023",
    "Bearbrick 1000%",
    "Jordan 9 Demo High 85 SS2024",
    "EU 42 2/3",
    "Nike Air Max 720",
    "Order 2024-11-28",
    "Travis Scott AF100",
    "iPhone 15 Pro 256GB",
    "",
]


@pytest.mark.parametrize(("text", "brand", "code"), IN_TEXT)
def test_code_in_text(text: str, brand: str | None, code: str) -> None:
    found = extract(text, brand).first
    assert found is not None
    assert found.key == code_key(code)


@pytest.mark.parametrize("text", NO_CODE)
def test_years_scales_and_models_are_no_codes(text: str) -> None:
    assert EXTRACTOR.extract(text).codes == ()


@pytest.mark.parametrize(
    ("cell", "brand", "keys"),
    [
        ("555088-134/575441-134", "Jordan", ["555088134", "575441134"]),
        ("OMIA123S22LEA0010999 / OMIA123F22LEA0010999", "Off-White",
         ["OMIA123S22LEA0010999", "OMIA123F22LEA0010999"]),
        ("DQ9055- 010", "Nike", ["DQ9055010"]),
        ("(Gold) FV5029-003", "Jordan", ["FV5029003"]),
        ("AQ0818-148 S", "Nike", ["AQ0818148"]),
        ("dd1391-100", "Nike", ["DD1391100"]),
        ("DD1391100", None, ["DD1391100"]),
        ("dd1391\u2013100", "Nike", ["DD1391100"]),
        ("374915_01", "Puma", ["37491501"]),
        ("707850 UWV20 7162/HQ8850", "adidas", ["707850UWV207162", "HQ8850"]),
        ("XQZ-9981", None, ["XQZ9981"]),
        ("HEG-S-KAAAA", "Nintendo", ["HEGSKAAAA"]),
        ("N/A", "Supreme", []),
        ("-", None, []),
        (None, None, []),
        ("SS24", "Supreme", []),
        ("2023", None, []),
        ("FW1987", "adidas", ["FW1987"]),
    ],
)  # fmt: skip
def test_cells(cell: str | None, brand: str | None, keys: list[str]) -> None:
    assert sorted(EXTRACTOR.parse_field(cell, brand).keys) == sorted(keys)


def test_every_grammar_knows_its_example(rules: Rules) -> None:
    for rule in rules.style_code_rules:
        only = StyleCodeExtractor(replace(rules, brand_rules=(), style_code_rules=(rule,)))
        maker = rule.brand.split("|")[0] if rule.context == "brand" else None
        text = rule.example if rule.context == "cell" else f"A thing, {rule.example}, new"
        found = only.extract(text, maker).first
        assert found is not None, rule
        assert found.key in code_key(rule.example), rule


def test_a_code_is_evidence_of_its_maker() -> None:
    (witness,) = EXTRACTOR.parse_field("BB550PB1").witnesses
    assert (witness.brand, witness.is_strong) == ("New Balance", True)
    assert EXTRACTOR.parse_field("XQZ-9981").witnesses == ()
    assert EXTRACTOR.parse_field("1123190F-BBLC").witnesses == ()


def test_the_brand_decides_between_equal_grammars() -> None:
    hoka = EXTRACTOR.extract("1127895-BBLC", "Hoka").first
    ugg = EXTRACTOR.extract("1116109-CHE", "UGG").first
    assert hoka is not None
    assert ugg is not None
    assert (hoka.brand, ugg.brand) == ("Hoka", "UGG")


@settings(max_examples=100, deadline=None)
@given(
    case=st.sampled_from(IN_TEXT),
    noise=st.sampled_from(["", " (2023)", " US 9.5", " 100%", " neu", "."]),
    change=st.sampled_from([str.upper, str.lower]),
)
def test_case_and_noise_never_matter(
    case: tuple[str, str | None, str], noise: str, change: object
) -> None:
    assert callable(change)
    text, brand, code = case
    if " " not in text and "-" not in text:
        return  # a code alone in its cell is one because it is alone
    found = EXTRACTOR.extract(str(change(text)) + noise, brand).first
    assert found is not None
    assert found.key == code_key(code)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_read(text: str) -> None:
    for code in (*EXTRACTOR.extract(text).codes, *EXTRACTOR.parse_field(text).codes):
        assert code.key
        assert code.key == code_key(code.code)
