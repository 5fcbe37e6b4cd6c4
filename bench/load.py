"""How fast batches load: first time, unchanged, and with one row in a hundred changed.

Runs in a throw-away server of its own: `python -m bench.load [rows]`.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from soleflip_pipelines.settings import load_settings
from soleflip_pipelines.warehouse.connection import connect, prepare_database
from soleflip_pipelines.warehouse.embedded import EmbeddedPostgres
from soleflip_pipelines.warehouse.loader import BatchSource, RawTable, Record, load_batch

OFFERS = RawTable("raw_awin", "offers", ("feed_id", "aw_product_id"))


def offers(count: int, changed_every: int | None) -> Iterator[Record]:
    for number in range(count):
        is_changed = changed_every is not None and number % changed_every == 0
        payload = {
            "product_name": f"Runner Low {number % 997} White/Black",
            "description": "Leather upper, rubber sole, padded collar. " * 4,
            "search_price": "129.90" if is_changed else "139.90",
            "merchant_name": "A shop", "brand_name": "A brand", "in_stock": "1",
            "aw_deep_link": f"https://example.invalid/pclick?p={number}&a=1&m=2",
            "ean": f"{number:013}", "merchant_category": "Shoes > Sneakers",
        }  # fmt: skip
        yield Record(("1", str(number)), payload)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory(prefix="soleflip-bench-") as folder:
        server = EmbeddedPostgres(Path(folder))
        try:
            settings = load_settings({"SOLEFLIP_HOME": folder})
            prepare_database(settings)
            with connect(settings) as conn:
                for title, every in (("first", None), ("unchanged", None), ("1 % changed", 100)):
                    begin = time.perf_counter()
                    origin = BatchSource("bench", "feed")
                    result = load_batch(conn, OFFERS, offers(count, every), origin)
                    seconds = time.perf_counter() - begin
                    print(
                        f"{title:12} {count / seconds:>9,.0f} rows/s  {seconds:6.1f} s  "
                        f"{result.inserted} new, {result.updated} changed"
                    )
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"peak memory of the loader: {peak:.0f} MB")
        finally:
            server.stop()


if __name__ == "__main__":
    main()
