"""The user's own layouts: a YAML file says once how a foreign sheet maps to a kind.

Everything about a mapping that can be wrong is found when it is read, not when it is used. What a
mapping is applied to is `header.py`'s business.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.imports import values
from soleflip_pipelines.imports.kinds import Kind, Parser, load_kinds
from soleflip_pipelines.imports.values import BadValue

FOLDER = "mappings"
SUFFIXES = frozenset({".yaml", ".yml"})
MAX_BYTES = 64 * 1024


class MappingError(SoleflipError):
    """A mapping cannot be used; the text names the file, the key and what to do."""


class _Entry(BaseModel):
    """A mapping as its user writes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    match: list[str] = Field(min_length=1)
    columns: dict[str, str] = {}
    constants: dict[str, str] = {}
    date_order: Literal["day", "month"] = "day"
    decimal: Literal["auto", "comma", "point"] = "auto"
    cents: list[str] = []


@dataclass(frozen=True)
class FileMapping:
    """A mapping that is sound.

    Attributes:
        name: of its file.
        entry: as written, to be kept with the rows that it refuses.
        kind: the kind, with the mapping's ways of reading dates and numbers.
        match: titles that a header must all have, as `title_key`s.
        columns: the title of each canonical field, as `title_key`; empty: the kind's own titles.
        constants: canonical values of fields that have no column.
    """

    name: str
    entry: Mapping[str, Any]
    kind: Kind
    match: frozenset[str]
    columns: Mapping[str, str]
    constants: Mapping[str, str | None]


def title_key(title: str) -> str:
    """A title for exact comparison: only case and blanks do not matter."""
    return " ".join(title.split()).casefold()


def mapping_files(inbox: Path) -> list[Path]:
    """The mapping files of an inbox, by name."""
    folder = inbox / FOLDER
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.suffix in SUFFIXES and p.name[0] != ".")


def load_mappings(inbox: Path) -> list[FileMapping]:
    """All mappings of an inbox.

    Raises:
        MappingError: one of them is broken. None is used then: the file that it is meant for could
            fit another one and be read wrongly.
    """
    return [_load(path) for path in mapping_files(inbox)]


def parse_mapping(name: str, entry: object) -> FileMapping:
    """Check a mapping as loaded from YAML or JSON.

    Raises:
        MappingError: what is wrong with which key.
    """
    try:
        written = _Entry.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise _broken(name, place, f"{first['msg'].lower()}; see docs/csv-files.md") from None
    kind = load_kinds().get(written.kind)
    if kind is None:
        raise _broken(name, "kind", f"write one of {', '.join(load_kinds())}")
    kind = _in_style(kind, written)
    _check_names(name, kind, written)
    mapping = FileMapping(
        name=name,
        entry=written.model_dump(exclude_defaults=True),
        kind=kind,
        match=frozenset(title_key(title) for title in written.match),
        columns={field: title_key(title) for field, title in written.columns.items()},
        constants=_constants(name, kind, written.constants),
    )
    if mapping.columns:
        _check_complete(mapping)
    return mapping


def _load(path: Path) -> FileMapping:
    name = f"{FOLDER}/{path.name}"
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise _broken(name, "the file", f"it is larger than {MAX_BYTES // 1024} kB")
        # Every scalar stays the text it is: no dates, booleans or octal numbers.
        return parse_mapping(name, yaml.load(content.decode("utf-8-sig"), Loader=yaml.BaseLoader))
    except (OSError, UnicodeDecodeError) as error:
        raise _broken(name, "the file", f"it cannot be read ({error})") from None
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}" if mark else "the file"
        raise _broken(name, place, "it is no valid YAML: look at its indentation") from None


def _in_style(kind: Kind, written: _Entry) -> Kind:
    """The kind with parsers that read dates and amounts as the mapping says."""
    fields = []
    for field in kind.fields:
        if field.kind_of == "amount":
            divisor = 100 if field.name in written.cents else 1
            parse: Parser = partial(values.amount, decimals=written.decimal, divisor=divisor)
        elif field.kind_of in ("day", "moment"):
            read: Callable[..., str | None] = field.parse
            parse = partial(read, month_first=written.date_order == "month")
        else:
            parse = field.parse
        fields.append(replace(field, parse=parse))
    return replace(kind, fields=tuple(fields))


def _check_names(name: str, kind: Kind, written: _Entry) -> None:
    fields = {field.name for field in kind.fields if not field.is_check_only}
    for key, used in (("columns", written.columns), ("constants", written.constants)):
        for field in used:
            if field not in fields:
                remedy = f"{kind.name} have no such field; write one of {', '.join(sorted(fields))}"
                raise _broken(name, f"{key}.{field}", remedy)
    for field in written.cents:
        if field not in kind.money_fields:
            remedy = f"{field} is no amount; write one of {', '.join(kind.money_fields)}"
            raise _broken(name, "cents", remedy)
    for field in written.columns.keys() & written.constants.keys():
        remedy = "it stands under columns too; remove one"
        raise _broken(name, f"constants.{field}", remedy)


def _check_complete(mapping: FileMapping) -> None:
    kind, given = mapping.kind, {*mapping.columns, *mapping.constants}
    missing = [field for field in kind.required if field not in given]
    if kind.one_of and not given & set(kind.one_of):
        missing.append(" or ".join(kind.one_of))
    if missing:
        remedy = f"add {', '.join(missing)}, which {kind.name} need, here or under constants"
        raise _broken(mapping.name, "columns", remedy)


def _constants(name: str, kind: Kind, written: Mapping[str, str]) -> dict[str, str | None]:
    parsers = {field.name: field.parse for field in kind.fields}
    found: dict[str, str | None] = {}
    for field, cell in written.items():
        try:
            found[field] = parsers[field](cell)
        except BadValue as problem:
            raise _broken(name, f"constants.{field}", problem.remedy) from None
    return found


def _broken(name: str, place: str, remedy: str) -> MappingError:
    return MappingError(f"{name}, {place}: {remedy}")
