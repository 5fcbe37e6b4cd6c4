"""Finding lines among known products: by code, by title, by size, and never by a guess."""

from __future__ import annotations

from dataclasses import replace

import pytest

from soleflip_pipelines.catalog.finder import Line, ProductFinder
from soleflip_pipelines.catalog.rules import default_rules
from soleflip_pipelines.catalog.variant_finder import Product, Variant

pytestmark = pytest.mark.unit

DUNK = Product(
    partner_product_id="dunk",
    title="Nike Dunk Low Retro Grey Fog",
    brand="Nike",
    category="sneakers",
    gender="men",
    style_keys=("DD1391103",),
    variants=(
        Variant("d9", "9", {"us m": "9", "us w": "10.5", "uk": "8", "eu": "42.5", "cm": "27"}),
        Variant("d95", "9.5", {"us m": "9.5", "us w": "11", "uk": "8.5", "eu": "43", "cm": "27.5"}),
        Variant("d65", "6.5", {"us m": "6.5", "uk": "6", "eu": "39", "cm": "24.5"}),
        Variant("d7", "7", {"us m": "7", "uk": "6", "eu": "40", "cm": "25"}),
    ),
)
TEE = Product(
    partner_product_id="tee",
    title="Jordan Rare Air Tee White",
    brand="Jordan",
    category="apparel",
    gender="men",
    style_keys=("FV5029010",),
    variants=(Variant("tee-l", "L"), Variant("tee-xxl", "XXL")),
)
SHOE = Product(
    partner_product_id="shoe",
    title="Jordan 4 Retro Rare Air",
    brand="Jordan",
    category="sneakers",
    gender="men",
    style_keys=("FV5029010",),
    variants=(Variant("shoe-9", "9", {"us m": "9", "eu": "42.5"}),),
)
BAG = Product(
    partner_product_id="bag",
    title="Supreme Shoulder Bag Red",
    brand="Supreme",
    category="bags",
    gender="unisex",
    style_keys=(),
    variants=(Variant("bag-one", "N/A"),),
)
FINDER = ProductFinder([DUNK, TEE, SHOE, BAG], default_rules())


def _line(
    name: str = "", size: str | None = None, keys: tuple[str, ...] = (), brand: str | None = None
) -> Line:
    return Line(name, size, brand, keys)


@pytest.mark.parametrize(
    "size", ["9", "US 9", "EU 42,5", "42.5", "UK 8", "27 cm", "9M / 10.5W", "US M 9", "10.5W"]
)
def test_every_spelling_of_a_size_finds_the_variant(size: str) -> None:
    match = FINDER.find(_line("", size, ("DD1391103",)))
    assert match.variant is not None
    assert match.variant.partner_variant_id == "d9"
    assert (match.method, match.score) == ("style_code", 1.0)


def test_a_size_that_two_variants_share_finds_none() -> None:
    match = FINDER.find(_line("", "UK 6", ("DD1391103",)))
    assert match.product is DUNK
    assert match.variant is None
    assert match.score == 0.5


def test_one_code_on_two_products_is_decided_by_the_size() -> None:
    assert FINDER.find(_line("", "2XL", ("FV5029010",))).product is TEE
    assert FINDER.find(_line("", "EU 42.5", ("FV5029010",))).product is SHOE


def test_a_tie_is_no_match() -> None:
    assert FINDER.find(_line("Rare Air", "XXXL", ("FV5029010",))).method == "none"
    twin = replace(DUNK, partner_product_id="twin")
    assert ProductFinder([DUNK, twin], default_rules()).find(
        _line(DUNK.title, "9", DUNK.style_keys)
    ).method == "none"  # fmt: skip


def test_without_a_code_the_exact_title_counts() -> None:
    match = FINDER.find(_line("supreme shoulder bag  RED", "One Size"))
    assert (match.method, match.variant and match.variant.partner_variant_id) == (
        "title",
        "bag-one",
    )


def test_a_like_title_with_another_barcode_waits_for_a_person() -> None:
    variants = (Variant("bag-one", "N/A", gtins=("00190000216805",)),)
    finder = ProductFinder([replace(BAG, variants=variants)], default_rules())
    line = _line(BAG.title, "One Size")
    for title in (BAG.title, "Supreme Sholder Bag Red"):
        match = finder.find(replace(line, name=title, gtin="00195000813788"))
        assert (match.method, match.variant) == ("none", None)
        assert [found.product.title for found in match.candidates] == [BAG.title]
    assert finder.find(line).method == "title"
    assert FINDER.find(replace(line, gtin="00195000813788")).method == "title"


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("Nike Dunk Low Retro Grey Fog Shoes", "title_fuzzy"),
        ("Nike Dunk Low Grey Fog", "none"),
        ("Nike Dunk Low Retro Fog Grey", "none"),
        ("Supreme Sholder Bag Red", "title_fuzzy"),
        ("Dunk Low Retro Grey Fog Men's", "title_fuzzy"),
        ("Nike Dunk Low Retro Grey Fog (W)", "none"),
        ("Nike Dunk Low Retro Grey Fog Black", "none"),
        ("Nike Dunk High Retro Grey Fog", "none"),
        ("Nike Dunk Low Retro White Black", "none"),
        ("Jordan 3 Retro Rare Air", "none"),
        ("Supreme Bag", "none"),
        ("", "none"),
    ],
)
def test_similar_titles_count_only_when_nothing_else_is_meant(name: str, method: str) -> None:
    assert FINDER.find(_line(name, "9")).method == method


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("Nike Dunk Low Rettro Grey Fog (TD)", "title_fuzzy"),
        ("Nike Dunk Low Retro Grey Fog Toddler", "title_fuzzy"),
        ("Nike Dunk Low Retro Grey Fog (PS)", "none"),
        ("Nike Dunk Low Retro Grey Fog Little Kids", "none"),
    ],
)
def test_a_preschoolers_shoe_is_not_the_toddlers(name: str, method: str) -> None:
    toddlers = replace(DUNK, title="Nike Dunk Low Retro Grey Fog (TD)", other_titles=())
    finder = ProductFinder([toddlers], default_rules())
    assert finder.find(_line(name, "9")).method == method
