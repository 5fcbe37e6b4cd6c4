"""Makers' size charts: one size in the other systems, where that has exactly one answer.

Charts differ by brand and audience and are not always invertible (Nike men's UK 6 is US 6.5 and
7), so a question without one answer has none. How a size is written is read in `size_text`
and `size_number`.
"""

from __future__ import annotations

from collections.abc import Mapping

from soleflip_pipelines.catalog.rules import Rules

KIDS = ("youth", "toddler")


class SizeCharts:
    """The charts of one set of rules; a brand may use another's (Jordan Nike's)."""

    def __init__(self, rules: Rules) -> None:
        """Index the rows by size in each system."""
        self._chart_of: Mapping[str, str] = {
            info.brand: info.size_chart for info in rules.brand_info.values() if info.size_chart
        }
        self._us: dict[tuple[str, str, str, str], set[str]] = {}
        self._eu: dict[tuple[str, str, str], str] = {}
        for row in rules.size_chart:
            systems = {"UK": row.uk_size, "EU": row.eu_size, "CM": row.cm_size}
            for system, size in systems.items():
                if size:
                    key = (row.brand, row.audience, system, size)
                    self._us.setdefault(key, set()).add(row.us_size)
            if row.eu_size:
                self._eu[row.brand, row.audience, row.us_size] = row.eu_size

    def to_us(
        self, brand: str | None, audiences: tuple[str, ...], system: str, size: str
    ) -> tuple[str, str] | None:
        """The audience and US number of a UK, EU or CM size, or None where that is open."""
        chart = self._chart_of.get(brand or "", brand or "")
        answers = {
            (audience, us)
            for audience in audiences
            for us in self._us.get((chart, audience, system, size), ())
        }
        return answers.pop() if len(answers) == 1 else None

    def to_eu(self, brand: str | None, audience: str, us_size: str) -> str | None:
        """The EU size of a US number, or None where no chart says it."""
        chart = self._chart_of.get(brand or "", brand or "")
        return self._eu.get((chart, audience, us_size))
