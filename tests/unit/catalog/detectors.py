"""The detectors by the project's own rules, built once for all tests of a process."""

from __future__ import annotations

from soleflip_pipelines.catalog.labeller import ProductLabeller
from soleflip_pipelines.catalog.rules import default_rules

LABELLER = ProductLabeller(default_rules())
