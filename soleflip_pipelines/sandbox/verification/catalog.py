"""The marts of the catalogue: products and their labels, sizes, and the words labels come from.

Brand and category are detected: they are compared with the truth to a floor, product by product.
What is counted by them, here and elsewhere, is then compared exactly by the labels that were found.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from soleflip_pipelines.sandbox.codes import style_key
from soleflip_pipelines.sandbox.lexicon import load_lexicon
from soleflip_pipelines.sandbox.payloads import run_of
from soleflip_pipelines.sandbox.sizes import Size
from soleflip_pipelines.sandbox.verification.comparison import Comparison, Field, Row
from soleflip_pipelines.sandbox.verification.sides import Sides

LABEL_FLOOR = 0.97
_PRODUCTS = """
with sold as (
    select product_id, sum(quantity) as sales, euros(gross) as gross, max(sold_on) as last_on
    from orders where is_sale group by product_id
)
select t.product_id, t.title, t.style_code, p.gender, p.colorway, p.released_on as release_on,
       p.retail_price, coalesce(sales, 0) as sales,
       divided(gross, sales) as avg_price, last_on, m.lowest_ask, m.highest_bid
from main.product t
join served.product p using (product_id)
left join sold s using (product_id)
left join product_market m using (product_id)
order by product_id
"""
_MART_PRODUCTS = """
select stockx_product_id as product_id, name as title, style_code, gender, colorway, release_on,
       retail_price, sale_count as sales, avg_resale_price as avg_price,
       last_sold_on as last_on, lowest_ask, highest_bid, sku
from catalog.product
order by stockx_product_id collate "C"
"""
_LABELS = "select * from main.product order by product_id"
_MART_LABELS = """
select stockx_product_id as product_id, brand, category
from catalog.product
order by stockx_product_id collate "C"
"""
_BRANDS = """
select l.brand as name, count(*) as products, parent,
       iif(l.brand = 'Unknown', 'none', 'rules') as origin
from label l
left join (select brand, max(parent_brand) as parent from main.product group by brand) t
    on t.brand = l.brand
group by l.brand
order by l.brand
"""
_MART_BRANDS = """
select name, product_count as products, parent_brand as parent, origin
from catalog.brand
where product_count > 0
order by name collate "C"
"""
_CATEGORIES = """
select category as name, count(*) as products from label group by category order by category
"""
_MART_CATEGORIES = """
select name, product_count as products
from catalog.category
where product_count > 0
order by name collate "C"
"""
# The rules are the project's own knowledge: what can be known of them is that every brand that is
# dealt in has some, and that all of a brand's rules lead to its row.
_PATTERNS = "select distinct brand as name, 1 as is_linked from label order by brand"
_MART_PATTERNS = """
select p.brand as name, bool_and(b.name is not null and b.name = p.brand) as is_linked
from catalog.brand_patterns p
left join catalog.brand b on b.id = p.brand_id
where p.brand in (select brand from catalog.product)
group by p.brand
order by p.brand collate "C"
"""
# Each product's brand is a known one and its title says it, so that hardly any should wait; and
# nobody has decided otherwise since, so that the first label is the one in force.
_SURE = "select product_id, 0 as waits from main.product order by product_id"
_MART_SURE = """
select p.stockx_product_id as product_id, q.item_key is not null as waits
from catalog.product p
left join catalog.review_queue q on q.product_id = p.id and q.kind = 'product'
order by p.stockx_product_id collate "C"
"""
_HISTORY = """
select product_id, brand, category from label order by product_id
"""
_MART_HISTORY = """
select p.stockx_product_id as product_id, h.brand, h.category
from catalog.brand_history h
join catalog.product p on p.id = h.product_id
where h.is_current
order by p.stockx_product_id collate "C"
"""
# The labelled set is the project's own: what can be said is what it must not fall below.
_KINDS = """
select column1 as kind, 1 as is_right
from (values ('brand'), ('category'), ('size'), ('style-code'))
order by kind
"""
_MART_KINDS = """
select kind, accuracy >= 0.97 as is_right
from catalog.detection_accuracy
order by kind collate "C"
"""
_MART_VARIANTS = """
select v.stockx_variant_id as variant_id, p.stockx_product_id as product_id, v.size_raw as size,
       v.size_key, v.us_size as us, v.eu_size as eu, array_to_string(v.gtins, ' ') as gtins
from catalog.variant v
left join catalog.product p on p.id = v.product_id
order by v.stockx_variant_id collate "C"
"""
_MART_SIZES = """
select size_key, us_size as us
from catalog.size_master
where size_key in (select size_key from catalog.variant)
order by size_key collate "C"
"""
_MART_CONVERSIONS = """
select brand, audience, us_size as us, uk_size as uk, eu_size as eu, cm_size as cm
from catalog.size_conversion
order by brand collate "C", audience collate "C", us_size collate "C"
"""
_CHART_OF = {
    "ASICS": "asics", "Converse": "converse", "Crocs": "crocs", "New Balance": "new_balance",
    "Nike": "nike", "Puma": "puma", "UGG": "ugg", "Vans": "vans", "adidas": "adidas",
}  # fmt: skip


def _product_fields(true: Row, found: Row) -> Iterator[Field]:
    """Codes without their dashes and blanks; the maker's code, where there is one, is the SKU."""
    for name, value in true.items():
        if name != "style_code":
            yield name, value, found[name]
    code = style_key(true["style_code"] or "")
    yield "style_code", code, style_key(found["style_code"] or "")
    stem = code or style_key(f"STOCKX-{true['product_id']}")
    yield "sku", True, style_key(found["sku"]).startswith(stem)


def _if_told(true: Row, found: Row) -> Iterator[Field]:
    """Each column, save what the marts do not say: their charts and rules have gaps."""
    yield from ((name, value, found[name]) for name, value in true.items()
                if found[name] is not None or name not in ("parent", "eu", "uk", "cm"))  # fmt: skip


def _fold(text: str | None) -> str:
    plain = unicodedata.normalize("NFKD", text or "").encode("ascii", "ignore").decode()
    return "".join(sign for sign in plain.lower() if sign.isalnum())


def _brand(true: Row, found: Row) -> Iterator[Field]:
    """The parent or a partner of the true brand is not wrong as a brand."""
    names = (true["brand"], true["parent_brand"], *true["collaborators"].split("|"))
    is_right = bool(found["brand"]) and _fold(found["brand"]) in map(_fold, names)
    yield "brand", true["brand"], true["brand"] if is_right else found["brand"]


def _category(true: Row, found: Row) -> Iterator[Field]:
    yield "category", true["category"], found["category"]


def _size_key(sizing: str, size: Size) -> str | None:
    """The name of a size in the marts; None where there is but one size."""
    bare = size.value.rstrip("WYC")
    if size.default_type:
        system, _, audience = size.default_type.upper().partition(" ")
        return " ".join(filter(None, (system, audience or size.value[len(bare) :], bare)))
    if sizing == "one":
        return None
    if sizing == "waist":
        return f"W{size.value}"
    return f"CAP {size.value}" if sizing == "cap" else f"ALPHA {size.value.split(' ')[0]}"


def _variants(sides: Sides) -> Iterator[Row]:
    for row in sides.truth.execute(
        "select v.variant_id, v.number, v.gtins, p.* from served.variant v "
        "join served.product p on p.position = v.product_position "
        "join main.product t using (product_id) order by v.variant_id"
    ):
        size = run_of(row)[row["number"]]
        is_us = (size.default_type or "").startswith("us")
        yield {
            "variant_id": row["variant_id"],
            "product_id": row["product_id"],
            "size": size.value if row["sizing"] != "one" else None,
            "size_key": _size_key(row["sizing"], size),
            "us": size.value if is_us else "?",
            "eu": size.conversions.get("eu", "?"),
            "gtins": " ".join(f"00{upc}" for upc in sorted(row["gtins"].split())),
        }


def _sizes(sides: Sides) -> Iterator[Row]:
    sizes = {row["size_key"]: row["us"] for row in _variants(sides) if row["size_key"]}
    yield from ({"size_key": key, "us": sizes[key]} for key in sorted(sizes))


def _conversions(_: Sides) -> Iterator[Row]:
    """The sandbox's charts; it knows fewer sizes than the marts, and of other brands."""
    charts = load_lexicon().charts
    for brand, chart in _CHART_OF.items():
        for audience, column in (("men", "us_m"), ("women", "us_w")):
            rows = charts.get(f"{chart}_w" if audience == "women" else chart) or charts[chart]
            for row in sorted(rows, key=lambda line: line[column]):
                if row[column]:
                    sizes = {name: row[name] or "?" for name in ("uk", "eu", "cm")}
                    yield {"brand": brand, "audience": audience, "us": row[column], **sizes}


# What StockX names is itself, and each purchase line is the variant that was bought.
_ITEMS = """
select 'product' as kind, product_id as item_key, product_id, null as variant_id,
       'partner_id' as method
from main.product
union all
select 'purchase', l.line_key, p.product_id, l.variant_id, '?'
from lines l
left join served.product p on p.position = l.product_position
union all
select 'variant', v.variant_id, p.product_id, v.variant_id, 'partner_id'
from served.variant v
join served.product p on p.position = v.product_position
join main.product t using (product_id)
order by 1, 2
"""
_MART_ITEMS = """
select i.kind, i.item_key, p.stockx_product_id as product_id, v.stockx_variant_id as variant_id,
       i.match_method as method
from catalog.item_identity i
left join catalog.product p on p.id = i.product_id
left join catalog.variant v on v.id = i.variant_id
where i.kind in ('product', 'purchase', 'variant')
order by i.kind collate "C", i.item_key collate "C"
"""

_PRODUCT, _NAME = ("product_id",), ("name",)
COMPARISONS = (
    Comparison("catalog.product", _PRODUCT, _PRODUCTS, _MART_PRODUCTS, _product_fields),
    Comparison("catalog.product", _PRODUCT, _LABELS, _MART_LABELS, _brand, LABEL_FLOOR, "(brand)"),
    Comparison(
        "catalog.product", _PRODUCT, _LABELS, _MART_LABELS, _category, LABEL_FLOOR, "(category)"
    ),
    Comparison("catalog.brand", _NAME, _BRANDS, _MART_BRANDS, _if_told),
    Comparison("catalog.category", _NAME, _CATEGORIES, _MART_CATEGORIES),
    Comparison("catalog.brand_patterns", _NAME, _PATTERNS, _MART_PATTERNS),
    Comparison("catalog.review_queue", _PRODUCT, _SURE, _MART_SURE, floor=LABEL_FLOOR),
    Comparison("catalog.detection_accuracy", ("kind",), _KINDS, _MART_KINDS),
    Comparison("catalog.brand_history", _PRODUCT, _HISTORY, _MART_HISTORY),
    Comparison("catalog.variant", ("variant_id",), _variants, _MART_VARIANTS, _if_told),
    Comparison("catalog.item_identity", ("kind", "item_key"), _ITEMS, _MART_ITEMS),
    Comparison("catalog.size_master", ("size_key",), _sizes, _MART_SIZES),
    Comparison(
        "catalog.size_conversion",
        ("brand", "audience", "us"),
        _conversions,
        _MART_CONVERSIONS,
        _if_told,
        is_overlap=True,
    ),
)
