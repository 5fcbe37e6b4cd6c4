"""Generated reference rates of the European Central Bank, as it publishes them.

A plausible random walk round true levels on TARGET business days; the file form is the bank's own.
"""

from __future__ import annotations

import io
import zipfile
from bisect import bisect_right
from datetime import date, timedelta
from decimal import Decimal

from soleflip_pipelines.sandbox.codes import stream

_LEVELS = {
    "USD": (1.085, 0.0045, 4), "JPY": (161.0, 0.006, 2), "BGN": (1.9558, 0.0, 4),
    "CZK": (25.1, 0.002, 3), "DKK": (7.4595, 0.0001, 4), "GBP": (0.853, 0.0035, 5),
    "HUF": (396.0, 0.004, 2), "PLN": (4.29, 0.003, 4), "SEK": (11.35, 0.004, 4),
    "CHF": (0.949, 0.0035, 4), "NOK": (11.62, 0.005, 4), "AUD": (1.66, 0.005, 4),
    "CAD": (1.49, 0.004, 4), "HKD": (8.46, 0.0045, 4), "ISK": (None, 0.0, 2),
}  # fmt: skip


def easter(year: int) -> date:
    """Easter Sunday in the Gregorian calendar (anonymous algorithm)."""
    a, b, c = year % 19, year // 100, year % 100
    d = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    e = (32 + 2 * (b % 4) + 2 * (c // 4) - d - c % 4) % 7
    f = d + e - 7 * ((a + 11 * d + 22 * e) // 451) + 114
    return date(year, f // 31, f % 31 + 1)


def is_published(day: date) -> bool:
    """Whether the bank publishes rates on that day (TARGET business day)."""
    if day.weekday() >= 5 or (day.month, day.day) in ((1, 1), (5, 1), (12, 25), (12, 26)):
        return False
    return day - easter(day.year) not in (timedelta(days=-2), timedelta(days=1))


class ReferenceRates:
    """Units of each currency for one euro, by business day from `first_day` to `last_day`."""

    def __init__(self, seed: int, first_day: date, last_day: date) -> None:
        rng = stream(seed, "rates")
        logs = dict.fromkeys(_LEVELS, 0.0)
        self._days: list[date] = []
        self._rates: list[dict[str, Decimal]] = []
        for offset in range((last_day - first_day).days + 1):
            day = first_day + timedelta(days=offset)
            if not is_published(day):
                continue
            row = {}
            for currency, (level, sd, digits) in _LEVELS.items():
                logs[currency] = 0.995 * logs[currency] + rng.gauss(0.0, sd)
                if level is not None:
                    row[currency] = Decimal(f"{level * 2.718281828 ** logs[currency]:.{digits}f}")
            self._days.append(day)
            self._rates.append(row)

    def on(self, day: date, currency: str) -> Decimal:
        """The rate of that day or of the last published day before it; 1 for EUR.

        Raises:
            KeyError: the currency is not published, or the day lies before the first rate.
        """
        if currency == "EUR":
            return Decimal(1)
        position = bisect_right(self._days, day) - 1
        if position < 0:
            raise KeyError(f"no rate on or before {day}")
        return self._rates[position][currency]

    def csv_text(self) -> str:
        """The bank's wide file: newest first, N/A where there is no rate, a comma at line ends."""
        lines = [f"Date,{','.join(_LEVELS)},"]
        for day, row in zip(reversed(self._days), reversed(self._rates), strict=True):
            cells = [str(row[c]) if c in row else "N/A" for c in _LEVELS]
            lines.append(f"{day.isoformat()},{','.join(cells)},")
        return "\n".join(lines) + "\n"

    def zip_bytes(self) -> bytes:
        """The file as the bank's download: `eurofxref-hist.zip` with one CSV inside."""
        buffer = io.BytesIO()
        entry = zipfile.ZipInfo("eurofxref-hist.csv", (1999, 1, 4, 0, 0, 0))
        entry.compress_type = zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(entry, self.csv_text())
        return buffer.getvalue()
