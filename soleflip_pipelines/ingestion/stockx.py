"""StockX into `raw_stockx`: every stream's entry point under one name. No logic of its own."""

from __future__ import annotations

from soleflip_pipelines.ingestion.stockx_catalog import sync_products, sync_variants
from soleflip_pipelines.ingestion.stockx_listings import sync_listings
from soleflip_pipelines.ingestion.stockx_market import sync_market_data
from soleflip_pipelines.ingestion.stockx_orders import sync_order_details, sync_orders
from soleflip_pipelines.ingestion.stockx_refresh import sync_known_products
from soleflip_pipelines.ingestion.stockx_search import find_products

__all__ = [
    "find_products",
    "sync_known_products",
    "sync_listings",
    "sync_market_data",
    "sync_order_details",
    "sync_orders",
    "sync_products",
    "sync_variants",
]
