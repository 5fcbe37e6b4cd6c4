"""Sizes: every spelling of a size has one key, conversions are exact or absent."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soleflip_pipelines.catalog.audience import audience_of
from soleflip_pipelines.catalog.rules import Rules
from soleflip_pipelines.catalog.size import parse_size
from soleflip_pipelines.catalog.size_chart import SizeCharts

pytestmark = pytest.mark.unit

# text, brand, audience, category -> system, audience, value, key
CASES = [
    # as the marketplace writes variants
    ("10", "Nike", "men", "sneakers", "US", "men", "10", "US M 10"),
    ("5W", "Nike", "women", "sneakers", "US", "women", "5", "US W 5"),
    ("3.5Y", "Nike", "child", "sneakers", "US", "youth", "3.5", "US Y 3.5"),
    ("7C", "Nike", "toddler", "sneakers", "US", "toddler", "7", "US C 7"),
    ("3J", "Crocs", "kids", "other footwear", "US", "youth", "3", "US Y 3"),
    ("11K", "adidas", "kids", "sneakers", "US", "toddler", "11", "US C 11"),
    ("9.5W/8M", "Nike", "", "sneakers", "US", "unisex", "8", "US M 8"),
    ("9.5W / 8M", "Nike", "women", "sneakers", "US", "women", "9.5", "US W 9.5"),
    ("M10/W12", "Crocs", "", "other footwear", "US", "unisex", "10", "US M 10"),
    # as people write them
    ("US 10.5", None, "men", "sneakers", "US", "men", "10.5", "US M 10.5"),
    ("10,5 US", None, "men", "sneakers", "US", "men", "10.5", "US M 10.5"),
    ("US10", None, "", "", "US", "", "10", "US M 10"),
    ("Men's US 10", None, "", "", "US", "men", "10", "US M 10"),
    ("US 7.5 (W)", None, "", "", "US", "women", "7.5", "US W 7.5"),
    ("10.5 D(M) US", None, "", "", "US", "", "10.5", "US M 10.5"),
    ("9 2E", None, "men", "sneakers", "US", "men", "9", "US M 9"),
    ("10\u00bd", None, "men", "sneakers", "US", "men", "10.5", "US M 10.5"),
    # other systems through the maker's chart
    ("EU 44", "Nike", "men", "sneakers", "EU", "men", "44", "US M 10"),
    ("Gr. 42,5", "Jordan", "men", "sneakers", "EU", "men", "42.5", "US M 9"),
    ("42.5", "Jordan", "women", "sneakers", "EU", "women", "42.5", "US W 10.5"),
    ("31.5", "Nike", "Children's Footwear", "sneakers", "EU", "kids", "31.5", "US C 13.5"),
    ("UK 9", "Nike", "men", "sneakers", "UK", "men", "9", "US M 10"),
    ("CM 28", "Nike", "men", "sneakers", "CM", "men", "28", "US M 10"),
    ("KR 280", "Nike", "men", "sneakers", "KR", "men", "280", "US M 10"),
    # thirds
    ("EU 42 2/3", "adidas", "men", "sneakers", "EU", "men", "42 2/3", "US M 9"),
    ("42,67", "adidas", "men", "sneakers", "EU", "men", "42 2/3", "US M 9"),
    ("42\u2154", "adidas", "men", "sneakers", "EU", "men", "42 2/3", "US M 9"),
    ("EU 43 1/3", "Yeezy", "", "sneakers", "EU", "men", "43 1/3", "US M 9.5"),
    ("36 2/3 EU", "adidas", "women", "sneakers", "EU", "women", "36 2/3", "US W 5.5"),
    # what has no single answer stays as it is
    ("UK 6", "Nike", "men", "sneakers", "UK", "men", "6", "UK 6"),
    ("CM 24", "Nike", "men", "sneakers", "CM", "men", "24", "CM 24"),
    ("CM 23.5 (US M 4.5)", "Nike", "men", "sneakers", "CM", "men", "23.5", "US M 4.5"),
    ("CM 23.5 (US M 5)", "Nike", "men", "sneakers", "CM", "men", "23.5", "US M 5"),
    ("EU 44", "Vans", "men", "sneakers", "EU", "men", "44", "EU 44"),
    ("EU 44", None, "men", "sneakers", "EU", "men", "44", "EU 44"),
    # clothes
    ("XXL", "", "", "apparel", "ALPHA", "", "XXL", "ALPHA XXL"),
    ("2XL", "", "", "apparel", "ALPHA", "", "XXL", "ALPHA XXL"),
    ("3xl", "", "", "apparel", "ALPHA", "", "XXXL", "ALPHA XXXL"),
    ("Medium", "", "", "apparel", "ALPHA", "", "M", "ALPHA M"),
    ("Small/Medium", "", "", "apparel", "ALPHA", "", "S/M", "ALPHA S/M"),
    ("US L", "", "", "apparel", "ALPHA", "", "L", "ALPHA L"),
    ("S / Men's 9-10", "", "", "accessories", "ALPHA", "", "S", "ALPHA S"),
    ("34W/32L", "", "", "apparel", "WAIST", "", "34/32", "W34 L32"),
    ("W34 L32", "", "", "apparel", "WAIST", "", "34/32", "W34 L32"),
    ("34x32", "", "", "apparel", "WAIST", "", "34/32", "W34 L32"),
    ("32", "", "", "apparel", "WAIST", "", "32", "W32"),
    ("36/38", "", "", "apparel", "EU", "", "36-38", "EU 36-38"),
    ("EU 42/44", "", "", "apparel", "EU", "", "42-44", "EU 42-44"),
    ("128", "", "", "apparel", "HEIGHT", "kids", "128", "HEIGHT 128"),
    ("18-24M", "", "", "apparel", "AGE", "kids", "18-24", "AGE 18-24M"),
    # other languages name a size before it and an age behind it
    ("taglia M", "", "", "apparel", "ALPHA", "", "M", "ALPHA M"),
    ("T.40", "Nike", "men", "sneakers", "EU", "men", "40", "US M 7"),
    ("NO SIZE", "", "", "apparel", "ONE", "", None, "ONE"),
    ("12 ans", "", "kids", "apparel", "AGE", "kids", "12", "AGE 12Y"),
    ("Weite 34 L\u00e4nge 32", "", "", "apparel", "WAIST", "", "34/32", "W34 L32"),
    ("Gr. 38", "", "", "apparel", "EU", "", "38", "EU 38"),
    ("62/68", "", "toddler", "apparel", "HEIGHT", "toddler", "62-68", "HEIGHT 62-68"),
    ("M/M", "", "", "apparel", "ALPHA", "", "M", "ALPHA M"),
    ("80 D", "", "", "apparel", "BRA", "", "80D", "BRA 80D"),
    ("M4 W6", "Crocs", "", "other footwear", "US", "unisex", "4", "US M 4"),
    ("35L", "", "", "bags", "OTHER", "", "35L", "OTHER 35L"),
    # heads, cards and what has no size
    ("7 1/4", "", "", "headwear", "CAP", "", "7 1/4", "CAP 7 1/4"),
    ("7.25", "", "", "headwear", "CAP", "", "7 1/4", "CAP 7 1/4"),
    ("59 cm", "", "", "headwear", "CM", "", "59", "CM 59"),
    ("PSA 10", "", "", "collectibles", "GRADE", "", "10", "PSA 10"),
    ("One Size", "", "", "bags", "ONE", "", None, "ONE"),
    ("O/S", "", "", "bags", "ONE", "", None, "ONE"),
    ("N/A", "", "", "bags", "NONE", "", None, "ONE"),
    ("", "", "", "", "NONE", "", None, "ONE"),
    ("256GB", "", "", "electronics", "OTHER", "", "256GB", "OTHER 256GB"),
]


@pytest.mark.parametrize(
    ("raw", "brand", "audience", "category", "system", "shown", "value", "key"), CASES
)
def test_size(
    raw: str,
    brand: str | None,
    audience: str,
    category: str,
    system: str,
    shown: str,
    value: str | None,
    key: str,
) -> None:
    size = parse_size(raw, brand=brand, audience=audience, category=category)
    assert (size.system, size.audience, size.value, size.size_key) == (system, shown, value, key)
    assert 0 < size.confidence <= 1


def test_equal_sizes_in_the_text_are_kept() -> None:
    size = parse_size("EU 42 / US 8.5", brand="Nike", audience="men", category="sneakers")
    assert (size.size_key, size.us_size, size.eu_size) == ("US M 8.5", "8.5", "42")
    assert "US W 9.5" in parse_size("8M / 9.5W").also


def test_us_and_eu_are_written_as_the_marketplace_does() -> None:
    women = parse_size("EU 39", brand="Nike", audience="women", category="sneakers")
    assert (women.us_size, women.eu_size) == ("8W", "39")
    youth = parse_size("6Y", brand="Jordan", audience="kids", category="sneakers")
    assert (youth.us_size, youth.eu_size) == ("6Y", "38.5")


@pytest.mark.parametrize(
    ("text", "audience"),
    [
        ("men", "men"),
        ("Women's Footwear", "women"),
        ("Nike Dunk Low (W)", "women"),
        ("Jordan 1 Mid (GS)", "youth"),
        ("Jordan 1 Mid (TD)", "toddler"),
        ("ASICS GT-2160 Damen, weiss", "women"),
        ("child", "kids"),
        ("unisex", "unisex"),
        ("Unisex Kids", "kids"),
        ("Nike Womenswear", ""),
        (None, ""),
    ],
)
def test_audience(text: str | None, audience: str) -> None:
    assert audience_of(text) == audience


def test_adidas_thirds_are_exact(rules: Rules) -> None:
    """Every adidas EU size lies a third of a size apart, and comes back from its US size."""
    charts = SizeCharts(rules)
    sizes = [row for row in rules.size_chart if (row.brand, row.audience) == ("adidas", "men")]
    thirds = []
    for row in sizes:
        whole, _, part = (row.eu_size or "").partition(" ")
        thirds.append(int(whole) * 3 + {"": 0, "1/3": 1, "2/3": 2}[part])
        assert charts.to_us("adidas", ("men",), "EU", row.eu_size or "") == ("men", row.us_size)
    assert thirds == list(range(thirds[0], thirds[0] + 2 * len(thirds), 2))


def test_charts_are_monotone_and_unique(rules: Rules) -> None:
    seen = set()
    last: dict[tuple[str, str], float] = {}
    for row in rules.size_chart:
        chart = (row.brand, row.audience)
        assert (*chart, row.us_size) not in seen
        seen.add((*chart, row.us_size))
        assert float(row.us_size) > last.get(chart, 0.0)
        last[chart] = float(row.us_size)


@settings(max_examples=100, deadline=None)
@given(
    case=st.sampled_from(CASES),
    change=st.sampled_from([str.upper, str.lower]),
    noise=st.sampled_from(["", " ", "  "]),
)
def test_case_and_blanks_never_matter(
    case: tuple[str, str | None, str, str, str, str, str | None, str], change: object, noise: str
) -> None:
    assert callable(change)
    raw, brand, audience, category, *_, key = case
    text = noise + str(change(raw)) + noise
    size = parse_size(text, brand=brand, audience=audience, category=category)
    assert size.size_key == key


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=20), st.sampled_from(["", "sneakers", "apparel", "headwear", "bags"]))
def test_any_text_gets_a_key(raw: str, category: str) -> None:
    size = parse_size(raw, brand="Nike", audience="men", category=category)
    assert size.size_key
    assert size == parse_size(raw, brand="Nike", audience="men", category=category)


@pytest.mark.parametrize("raw", ["327 1/4", "KR 7 1/4", "9.5 ½"])
def test_a_fraction_where_none_can_be_stays_text(raw: str) -> None:
    assert "1/" in (parse_size(raw, brand="Nike", audience="men", category="sneakers").value or "")
