"""What a kind of file is; the kinds themselves are data, in `kinds.yaml`.

A further kind is a further entry there (and a raw table). How files are opened is in `files.py`,
how rows are judged in `rows.py`, and the user's own layouts are `mapping.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import yaml

from soleflip_pipelines.imports import days, values
from soleflip_pipelines.imports.values import BadValue
from soleflip_pipelines.warehouse.loader import RawTable

Values = dict[str, str | None]
Parser = Callable[[str], str | None]

PARSERS: dict[str, Parser] = {
    "text": values.text,
    "lower_text": values.lower_text,
    "code": values.code,
    "gtin": values.gtin,
    "size_detail": values.size_detail,
    "amount": values.amount,
    "count": values.count,
    "rate": values.rate,
    "currency": values.currency,
    "vat_scheme": values.vat_scheme,
    "day": days.day,
    "moment": days.moment,
}


@dataclass(frozen=True)
class Field:
    """A canonical field.

    Attributes:
        kind_of: which parser reads it, by its name in `PARSERS`.
        parse: from a cell to canonical text.
        titles: the column titles that mean it, folded, the surest first.
        is_required: a row without it is refused, and a file without its column too.
        is_check_only: read to check or fill others, and not kept beside the cells.
        otherwise: the field that fills it where its own cell is blank.
    """

    name: str
    kind_of: str
    parse: Parser
    titles: tuple[str, ...]
    is_required: bool
    is_check_only: bool
    otherwise: str | None


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        about: one sentence for its user.
        fields: those that are kept, then those that only check.
        positive: must be over zero.
        not_negative: must not be under zero.
        one_of: at least one of these must be there, in the header and in each row.
        told_by: the header must have a column for at least one of these.
        is_yielding: such a header is part of many others: any kind that fits better wins.
        currency_code: of files that name none.
        numbered_within: rows without a number are numbered within these.
        usually_below: the bound under which most amounts lie; over ten times it a row is refused.
        finish: fills and checks what depends on several fields; may raise `BadValue`.
    """

    name: str
    about: str
    table: RawTable
    fields: tuple[Field, ...]
    positive: tuple[str, ...]
    not_negative: tuple[str, ...]
    one_of: tuple[str, ...]
    told_by: tuple[str, ...]
    is_yielding: bool
    currency_code: str | None
    numbered_within: tuple[str, ...]
    usually_below: Mapping[str, int]
    finish: Callable[[Values], None]
    key_patterns: tuple[str, ...]

    @cached_property
    def required(self) -> tuple[str, ...]:
        """Names of the required fields."""
        return tuple(field.name for field in self.fields if field.is_required)

    @cached_property
    def money_fields(self) -> tuple[str, ...]:
        """Names of the amounts: they share the row's currency, and their columns may carry it."""
        return tuple(field.name for field in self.fields if field.kind_of == "amount")

    @cached_property
    def check_only(self) -> tuple[Field, ...]:
        """The fields that are not kept."""
        return tuple(field for field in self.fields if field.is_check_only)

    def key(self, row: Values) -> str:
        """The natural key of finished values."""
        parts = {name: _Part(value or "") for name, value in row.items()}
        parts["article"] = _Part(row.get("style_code") or row.get("product_name") or "")
        keys = (pattern.format_map(parts) for pattern in self.key_patterns)
        return next(filter(None, keys), "")


class _Part(str):
    """A value within a key: as it is, `lower`, or as a code's `key` without its separators."""

    __slots__ = ()

    def __format__(self, manner: str) -> str:
        if manner == "key":
            return re.sub(r"[^A-Z0-9]", "", self.upper())
        return self.lower() if manner == "lower" else str(self)


@cache
def load_kinds() -> dict[str, Kind]:
    """All kinds by their name."""
    source = files("soleflip_pipelines.imports").joinpath("kinds.yaml")
    entries: dict[str, Any] = yaml.safe_load(source.read_text("utf-8"))["kinds"]
    return {name: _kind(name, entry) for name, entry in entries.items()}


def _kind(name: str, entry: dict[str, Any]) -> Kind:
    schema, table = entry["table"].split(".")
    return Kind(
        name=name,
        about=entry["about"],
        table=RawTable(schema, table, (entry["key_column"],)),
        fields=tuple(_field(field_name, spec) for field_name, spec in entry["fields"].items()),
        positive=tuple(entry.get("positive", ())),
        not_negative=tuple(entry.get("not_negative", ())),
        one_of=tuple(entry.get("one_of", ())),
        told_by=tuple(entry.get("told_by", ())),
        is_yielding=entry.get("yields", False),
        currency_code=entry.get("currency"),
        numbered_within=tuple(entry.get("numbered_within", ())),
        usually_below=entry.get("usually_below", {}),
        finish=FINISHES[entry.get("finish", "nothing")],
        key_patterns=tuple(entry["key"]),
    )


def _field(name: str, spec: dict[str, Any]) -> Field:
    return Field(
        name=name,
        kind_of=spec["as"],
        parse=PARSERS[spec["as"]],
        titles=tuple(title.strip() for title in spec["titles"].split(",")),
        is_required=spec.get("required", False),
        is_check_only=spec.get("check_only", False),
        otherwise=spec.get("otherwise"),
    )


def _settle_vat(row: Values) -> None:
    """A stated rate without a scheme is the ordinary scheme; nothing stated is no VAT."""
    if row["vat_scheme"] is None:
        row["vat_scheme"] = "standard" if Decimal(row["vat_rate"] or 0) > 0 else "none"
    if row["vat_scheme"] == "standard" and row["vat_rate"] is None:
        raise BadValue("missing_value", "vat_rate is needed where VAT can be deducted")


def _name_product(row: Values) -> None:
    """Some reports count in the column Item instead of naming the product there."""
    if not any(letter.isalpha() for letter in row["product_name"] or ""):
        row["product_name"] = row["sku_name"] or row["product_name"]


def _nothing(row: Values) -> None:
    """No field of this kind depends on another."""


FINISHES: dict[str, Callable[[Values], None]] = {
    "settle_vat": _settle_vat,
    "name_product": _name_product,
    "nothing": _nothing,
}
