"""What the owner wants to know after a run: a dozen figures from the published marts.

Every figure is one query on a mart; nothing is computed here that a mart does not hold.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

ORDERS_SQL = """
    select count(*),
           count(*) filter (where is_sale),
           coalesce(sum(gross_sale_eur) filter (where is_sale), 0),
           sum(net_profit),
           count(*) filter (where is_sale and cost_eur is not null),
           sum(gross_sale_eur) filter (where is_sale and cost_eur is not null),
           max(build_id)
    from sales."order"
"""
STOCK_SQL = """
    select count(*), coalesce(sum(cost_eur), 0)
    from inventory.stock where is_on_hand
"""
COUNTS_SQL = """
    select (select count(*) from catalog.product),
           (select count(style_code) from catalog.product),
           (select count(*) from catalog.brand where product_count > 0),
           (select count(*) from catalog.category where product_count > 0),
           (select count(*) from staging.stg_awin__offers where is_listed),
           (select count(*) from analytics.sales_forecast),
           (select count(*) filter (where gate_passed) from analytics.sales_forecast),
           (select count(*) filter (where recommended_earn_more is not null)
            from pricing.price_recommendation),
           (select count(*) from pricing.price_recommendation),
           (select count(*) from integration.rejected_rows where status = 'open')
"""


@dataclass(frozen=True)
class Summary:
    """The state of the business after a run. Money in EUR; shares from 0 to 1, NULL as None."""

    orders: int
    sales: int
    gross_sale_eur: Decimal
    net_profit_eur: Decimal | None
    cost_coverage_count: float | None
    cost_coverage_value: float | None
    products: int
    products_with_style_code: int
    brands: int
    categories: int
    offers: int
    units_on_hand: int
    stock_value_eur: Decimal
    forecasts: int
    forecasts_by_model: int
    recommendations: int
    units_to_price: int
    rejected_rows: int
    build_id: str | None


def read_summary(conn: psycopg.Connection) -> Summary:
    """Read the figures from the published marts; the connection must be able to read them."""
    orders, sales, gross, profit, costed, costed_value, build_id = _row(conn, ORDERS_SQL)
    units, stock_value = _row(conn, STOCK_SQL)
    products, coded, brands, categories, offers, forecasts, passed, priced, to_price, rejected = (
        _row(conn, COUNTS_SQL)
    )
    return Summary(
        orders=orders,
        sales=sales,
        gross_sale_eur=gross,
        net_profit_eur=profit,
        cost_coverage_count=costed / sales if sales else None,
        cost_coverage_value=float(costed_value or 0) / float(gross) if gross else None,
        products=products,
        products_with_style_code=coded,
        brands=brands,
        categories=categories,
        offers=offers,
        units_on_hand=units,
        stock_value_eur=stock_value,
        forecasts=forecasts,
        forecasts_by_model=passed,
        recommendations=priced,
        units_to_price=to_price,
        rejected_rows=rejected,
        build_id=build_id,
    )


def _row(conn: psycopg.Connection, query: str) -> tuple[Any, ...]:
    row = conn.execute(query.encode()).fetchone()
    assert row is not None
    return row


def as_json(summary: Summary) -> dict[str, Any]:
    """The summary as plain JSON values; money as text, so that no cent is lost."""
    return {
        name: str(value) if isinstance(value, Decimal) else value
        for name, value in asdict(summary).items()
    }


def print_summary(summary: Summary, step_seconds: dict[str, float], console: Console) -> None:
    """Print the figures, where the time went, and what to try next."""
    table = Table(title="soleflip", show_header=False, title_justify="left", box=None)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="dim")
    for row in _rows(summary):
        table.add_row(*row)
    console.print()
    console.print(table)
    if step_seconds:
        slow = sorted(step_seconds.items(), key=lambda item: -item[1])
        shown = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in slow[:6])
        total = sum(step_seconds.values())
        console.print(
            f"\n[bold]Time[/bold] {total:.0f} s in {len(slow)} steps: {shown}", highlight=False
        )


def _rows(summary: Summary) -> list[tuple[str, str, str]]:
    returned = summary.orders - summary.sales
    coded = summary.products_with_style_code / summary.products if summary.products else None
    return [
        ("Orders", f"{summary.orders:,}", f"{returned:,} of them cancelled, failed or returned"),
        ("Gross sales", _eur(summary.gross_sale_eur), "what the buyers' bids agreed to"),
        (
            "Net profit",
            _eur(summary.net_profit_eur),
            f"after fees and cost, for the {_share(summary.cost_coverage_count)} of sales "
            f"({_share(summary.cost_coverage_value)} by value) whose cost is known",
        ),
        (
            "Products",
            f"{summary.products:,}",
            f"in {summary.categories} categories, {_share(coded)} with the maker's style code",
        ),
        ("Brands", f"{summary.brands:,}", "with at least one product"),
        ("Affiliate offers", f"{summary.offers:,}", "listed now"),
        ("Stock", _eur(summary.stock_value_eur), f"{summary.units_on_hand:,} units, at cost"),
        (
            "Forecasts",
            f"{summary.forecasts:,}",
            f"{summary.forecasts_by_model:,} by a model that beat the naive one",
        ),
        (
            "Prices",
            f"{summary.recommendations:,}",
            f"recommended, of {summary.units_to_price:,} units on hand",
        ),
        (
            "Rejected rows",
            f"{summary.rejected_rows:,}",
            "kept with their reasons: soleflip rejected list",
        ),
    ]


def _eur(value: Decimal | None) -> str:
    return "unknown" if value is None else f"{value:,.2f} EUR"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
