"""The kept queries as files: found by number and name, said in words, documented."""

from __future__ import annotations

import re

import pytest

from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.settings import PROJECT_ROOT
from soleflip_pipelines.warehouse.publish import SWAPPED_SCHEMAS
from soleflip_pipelines.warehouse.queries import (
    DASHBOARDS,
    QUESTIONS,
    Query,
    find_query,
    load_queries,
)

pytestmark = pytest.mark.unit


def test_the_questions_are_numbered_without_a_gap() -> None:
    assert [query.number for query in load_queries(QUESTIONS)] == list(range(1, 13))


@pytest.mark.parametrize("query", load_queries(QUESTIONS), ids=lambda query: query.name)
def test_a_question_says_what_it_leaves_out_and_is_documented(query: Query) -> None:
    text = " ".join((PROJECT_ROOT / "docs" / "questions.md").read_text("utf-8").split())
    assert query.title.endswith("?")
    assert f"## {query.number}. {query.title}" in text
    assert f"/{query.path.name})" in text
    assert query.notes == "" or query.notes.partition("Leaves out: ")[2] in text


@pytest.mark.parametrize(
    "query", load_queries(QUESTIONS) + load_queries(DASHBOARDS), ids=lambda query: query.name
)
def test_a_kept_query_reads_nothing_but_published_marts(query: Query) -> None:
    tables = re.findall(r"\b(?:from|join) ([a-z_]+)\.", query.sql)
    published = {*SWAPPED_SCHEMAS, "integration"} - {"intermediate"}
    assert tables
    assert set(tables) <= published


@pytest.mark.parametrize("name", ["3", "stock_worth", "Stock-Worth "])
def test_a_question_is_found_by_number_and_name(name: str) -> None:
    assert find_query(name).path.name == "03_stock_worth.sql"


def test_a_dashboard_query_is_found_by_name() -> None:
    assert find_query("ageing").path.parent == DASHBOARDS


@pytest.mark.parametrize("name", ["13", "0", "", "none"])
def test_what_cannot_be_asked_is_one_sentence_with_the_names(name: str) -> None:
    with pytest.raises(SoleflipError, match=r"say a number from 1 to 12, or one of earned"):
        find_query(name)
