"""Categories: nouns, silhouettes, models, German compounds, and the marketplace's own word."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soleflip_pipelines.catalog.brand_facts import FOOTWEAR
from soleflip_pipelines.catalog.category import (
    CATEGORIES,
    CategoryResult,
)
from soleflip_pipelines.catalog.rules import Rules
from tests.unit.catalog.detectors import LABELLER

pytestmark = pytest.mark.unit

BRANDS, DETECTOR = LABELLER.brands, LABELLER.categories

CASES = [
    ("Nike Air Force 1 Low Triple White", "sneakers"),
    ("Jordan 12 Retro Cherry", "sneakers"),
    ("Gel-Kayano 14 Cream", "sneakers"),
    ("adidas Samba OG Cloud White", "sneakers"),
    ("BAPE STA Low Patent Blue", "sneakers"),
    # garments before models
    ("Jordan 4 Thunder Hoodie", "apparel"),
    ("Nike Air Max T-Shirt White", "apparel"),
    ("Jordan 4 Tee White", "apparel"),
    ("Nike Book 1 Mirage", "sneakers"),
    ("New Balance 550 White Green", "sneakers"),
    ("Jordan Flight Fleece Sweatpants Grey", "apparel"),
    ("adidas Adicolor Firebird Track Top", "apparel"),
    ("Carhartt Detroit Jacket Hamilton Brown", "apparel"),
    ("Supreme Box Logo Hooded Sweatshirt Red", "apparel"),
    # but the full name of a shoe before a theme
    ("Jordan 11 Retro Low Cap and Gown", "sneakers"),
    ("Nike Dunk Low Jersey Mesh", "sneakers"),
    ("Nike Air Force 1 Low Sweater Knit", "sneakers"),
    ("adidas Nite Jogger Black", "sneakers"),
    ("Nike SB Dunk Low Backboard Deck", "sneakers"),
    # other footwear
    ("Crocs Classic Clog Lightning McQueen", "other footwear"),
    ("UGG Tasman Slipper Chestnut", "other footwear"),
    ("adidas Adilette 22 Slides Desert Sand", "other footwear"),
    ("Birkenstock Boston Suede Taupe", "other footwear"),
    ("Timberland 6 Inch Premium Wheat", "other footwear"),
    ("Dr. Martens 1460 Smooth Black", "other footwear"),
    ("Gucci Horsebit Loafer", "other footwear"),
    # heads, bags, small things
    ("New Era 59FIFTY Yankees Navy", "headwear"),
    ("Supreme Camp Cap Camo", "headwear"),
    ("Carhartt WIP Watch Hat Beanie", "headwear"),
    ("Jordan Essentials Backpack", "bags"),
    ("Puffer Tote", "bags"),
    ("Louis Vuitton Keepall 55", "bags"),
    ("Fendi Baguette Chain Midi", "bags"),
    ("Loewe Puzzle Small", "bags"),
    ("Palace of Versailles Puzzle", "collectibles"),
    # what a label made with a maker of something else
    ("Supreme JBL Flip", "electronics"),
    ("Supreme Rimowa Check In", "bags"),
    ("Supreme The North Face Steep Tech", "apparel"),
    ("Barbie x Crocs Cozzzy Sandal", "other footwear"),
    ("Nike Everyday Crew Socks (3 Pack)", "accessories"),
    ("Off-White Industrial Belt Yellow", "accessories"),
    ("Casio G-Shock GA-2100", "accessories"),
    ("Oakley Frogskins Prizm", "accessories"),
    ("Omega x Swatch MoonSwatch Mission to Moon", "accessories"),
    # things
    ("Bearbrick Andy Warhol 1000%", "collectibles"),
    ("LEGO adidas Originals Superstar Shoe", "collectibles"),
    ("Pokemon TCG Evolving Skies Elite Trainer Box", "collectibles"),
    ("Supreme Skateboard Deck Red", "collectibles"),
    ("Funko Pop Spider-Man", "collectibles"),
    ("Sony PlayStation 5 Slim", "electronics"),
    ("Nintendo Switch OLED White", "electronics"),
    ("Apple AirPods Max Silver", "electronics"),
    ("PlayStation Logo T-Shirt", "apparel"),
    # traps inside words
    ("New Balance 2002R Steel", "sneakers"),
    ("Stone Island Hydrotee Capstan Overshirt", "apparel"),
    # German feeds, compounds and both spellings of an umlaut
    ("Nike Kapuzenpullover Herren schwarz", "apparel"),
    ("The North Face Daunenjacke, gelb", "apparel"),
    ("adidas Trainingshose Damen", "apparel"),
    ("Nike Laufschuhe Pegasus, weiß", "sneakers"),
    ("Timberland Winterstiefel", "other footwear"),
    ("Birkenstock Sandalen, braun", "other footwear"),
    ("Carhartt WIP Mütze grün", "headwear"),
    ("Carhartt WIP Muetze gruen", "headwear"),
    ("Eastpak Rucksack schwarz", "bags"),
    ("Jordan Umhängetasche", "bags"),
    ("Levi's Ledergürtel", "accessories"),
    ("Nike Tennissocken 3er Pack", "accessories"),
    ("Snickers Workwear Stretch Hose Holstertaschen", "apparel"),
    # languages whose heads come first
    ("Plecak Fjällräven Kånken Laptop 15", "bags"),
    ("Zapatillas Joma Top Flex", "sneakers"),
    ("Robe pull Sézane", "apparel"),
    ("Borsa Gucci con cintura", "bags"),
    # a colour of shoes, a thing of others; nicknames in quotes; names that hold a noun
    ("Reebok Classic Leather Brick", "sneakers"),
    ("Supreme Clay Brick Red", "accessories"),
    ("Classic Clog 'Trekky Crew'", "other footwear"),
    ("SL 72 OG 'Blue Cap'", "sneakers"),
    ("Schoenen Dr. Martens 1461 cherry", "other footwear"),
    ("Baby Jogger City Mini GT2", "accessories"),
]


def _category(title: str, product_type: str | None = None) -> CategoryResult:
    return DETECTOR.detect(title, brand=BRANDS.detect(title), product_type=product_type)


@pytest.mark.parametrize(("title", "category"), CASES)
def test_category_of_title(title: str, category: str) -> None:
    result = _category(title)
    assert result.category == category, result
    assert result.rule


@pytest.mark.parametrize("title", ["", "Zzz", "1234", "Artful Steel", "Operation"])
def test_nothing_speaks_for_a_category(title: str) -> None:
    assert _category(title).category is None


@pytest.mark.parametrize(
    ("title", "product_type", "category"),
    [
        # the type bounds the answer, the title makes it finer
        ("Nike Everything Tee", "sneakers", "sneakers"),
        ("UGG Tasman Slipper", "sneakers", "other footwear"),
        ("Some Unknown Thing", "sneakers", "sneakers"),
        ("Some Unknown Thing", "shoes", "other footwear"),
        ("Nike Something New", "streetwear", "apparel"),
        ("Supreme Shoulder Bag", "streetwear", "bags"),
        ("Supreme Camp Cap", "accessories", "headwear"),
        ("Charizard Base Set", "trading cards", "collectibles"),
        ("Jodie Mini", "handbags", "bags"),
        ("Pegasus 41, schwarz", "Men's Footwear", "sneakers"),
        ("Align 25", "Apparel & Accessories > Clothing > Pants", "apparel"),
        ("Ledergürtel", "Accessoires", "accessories"),
        # an unknown type says nothing
        ("Nike Dunk Low", "dinosaurs", "sneakers"),
        ("Nike Dunk Low", "N/A", "sneakers"),
    ],
)
def test_the_marketplaces_type_comes_first(title: str, product_type: str, category: str) -> None:
    assert _category(title, product_type).category == category


def test_sizes_are_the_last_witness() -> None:
    unknown = BRANDS.detect("Zzz")
    assert DETECTOR.detect("Zzz", brand=unknown, size_systems=["WAIST"]).category == "apparel"
    assert DETECTOR.detect("Zzz", brand=unknown, size_systems=["US", "EU"]).category == "sneakers"
    assert DETECTOR.detect("Zzz Cap", brand=unknown, size_systems=["ALPHA"]).category == "headwear"


def test_what_comes_with_a_thing_is_not_the_thing() -> None:
    assert _category("Nike Jacket with Backpack Straps").category == "apparel"
    assert _category("adidas Tasche mit Schuhfach").category == "bags"


def test_every_rule_fires(rules: Rules) -> None:
    for rule in rules.category_rules:
        words = rule.phrase.replace("#", "3")
        expected = {rule.category} if rule.category else FOOTWEAR
        if rule.role == "product_type":
            assert _category("Zzz", words).category in expected, rule
        elif rule.role == "ignore":
            assert DETECTOR.detect(f"Zzz {words}").category is None, rule
        else:
            title = f"Winter{words}" if rule.match == "ending" else f"Zzz {words}"
            result = DETECTOR.detect(title)
            assert result.category in expected, (rule, result)


@settings(max_examples=100, deadline=None)
@given(
    case=st.sampled_from(CASES),
    change=st.sampled_from([str.upper, str.lower, str.title, str.swapcase]),
    noise=st.sampled_from(["", " (W)", "  ", " \u2122", "!"]),
)
def test_case_and_noise_never_matter(case: tuple[str, str], change: object, noise: str) -> None:
    assert callable(change)
    title, category = case
    assert _category(str(change(title)) + noise).category == category


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.none() | st.text(max_size=20))
def test_any_text_gets_one_of_eight_or_none(title: str, product_type: str | None) -> None:
    assert _category(title, product_type).category in (None, *CATEGORIES)
