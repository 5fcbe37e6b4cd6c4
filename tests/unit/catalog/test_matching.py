"""What an offer's texts say beyond its stored label."""

from __future__ import annotations

import pytest

from soleflip_pipelines.catalog.finder import ProductFinder
from soleflip_pipelines.catalog.labeller import ProductLabeller
from soleflip_pipelines.catalog.matching import Recogniser, Told
from soleflip_pipelines.catalog.rules import default_rules
from soleflip_pipelines.catalog.variant_finder import Product, Variant

pytestmark = pytest.mark.unit


def product(name: str, title: str, brand: str, code: str) -> Product:
    return Product(
        partner_product_id=name,
        title=title,
        brand=brand,
        category="other footwear",
        gender="men",
        style_keys=(code,),
        variants=(Variant(f"{name}-9", "9", {"us m": "9", "eu": "42.5"}),),
    )


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    products = [
        product("old", "Clarks Wallabee Chestnut", "Clarks", "51113495"),
        product("new", "Clarks Wallabee Chestnut (2025)", "Clarks", "14067818"),
        product("boot", "Dr. Martens 1460 Smooth", "Dr. Martens", "11822006"),
    ]
    rules = default_rules()
    return Recogniser(rules, ProductLabeller(rules), ProductFinder(products, rules), {})


@pytest.mark.parametrize(
    ("description", "keys", "method", "expected"),
    [
        ("A shoe for every day. | 14067818", (), "style_code", "new"),
        # A shop does not name the year, and a number that is another maker's code is a number.
        ("A shoe for every day.", (), "none", None),
        ("A shoe for every day. | 11822006", (), "none", None),
        ("A shoe for every day. | 14067818", ("51113495",), "style_code", "old"),
    ],
)
def test_a_number_in_an_offers_description_counts_where_its_maker_has_it_as_a_code(
    recogniser: Recogniser,
    description: str,
    keys: tuple[str, ...],
    method: str,
    expected: str | None,
) -> None:
    told = Told(
        label=description,
        code=None,
        name="Clarks Wallabee Chestnut, kastanie",
        brand_raw=None,
        size_raw="42.5",
        gtin=None,
        audience=None,
        colour="kastanie",
        brand="Clarks",
        category="other footwear",
        style_keys=keys,
    )
    match, _ = recogniser.recognise(told)
    found = match.product.partner_product_id if match.product else None
    assert (match.method, found) == (method, expected)
    if expected is None:
        assert [one.product.partner_product_id for one in match.candidates] == ["old", "new"]
