"""Scores of labelled files: what counts as right, what is left out, what a bad file says."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pytest

from soleflip_pipelines.catalog.evaluation import EvaluationError, as_kind, evaluate
from soleflip_pipelines.catalog.rules import Rules

pytestmark = pytest.mark.unit


def written(path: Path, header: str, *rows: tuple[str, ...]) -> Path:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header.split(","))
    writer.writerows(rows)
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def test_brand_scores(rules: Rules, tmp_path: Path) -> None:
    file = written(
        tmp_path / "titles.csv.gz",
        "title,brand,brand_also_ok,source",
        ("Air Jordan 4 Retro Bred", "Air Jordan", "", "one"),
        ("Yeezy Boost 350 V2 Zebra", "Yeezy", "", "one"),
        ("adidas Samba OG", "Nike", "", "one"),
        ("Nike Dunk Low x Stussy", "Stussy", "Nike|Nike SB", "two"),
        ("Zzyzx Quuxly Frobnicator", "Frobozz", "", "two"),
        ("a title without a label", "", "", "two"),
    )
    result = evaluate("brand", file, rules)
    assert (result.n, result.answered) == (5, 4)
    assert (result.coverage, result.accuracy, result.recall) == (0.8, 0.75, 0.6)
    assert result.macro_accuracy == pytest.approx((2 / 3 + 1) / 2, abs=1e-4)
    assert [w["question"] for w in result.worst] == ["adidas Samba OG", "Zzyzx Quuxly Frobnicator"]
    assert result.worst[0]["given"] == "adidas"
    assert result.confusion == [("Nike", "adidas", 1)]
    assert result.as_dict()["confusion"] == result.confusion


def test_precision_at_the_floor_is_that_of_the_least_sure(rules: Rules, tmp_path: Path) -> None:
    file = written(
        tmp_path / "items.csv",
        "title,category",
        ("Supreme Box Logo Hoodie", "apparel"),
        ("Chanel Something Nice", "bags"),  # only what the brand mostly makes
        ("Chanel Something Else", "electronics"),
    )
    result = evaluate("category", file, rules)
    assert (result.answered, result.precision_at_floor) == (3, 0.5)
    sure = written(tmp_path / "one.csv", "title,category", ("Nike Hoodie", "apparel"))
    assert evaluate("category", sure, rules).precision_at_floor is None


def test_coarse_category_holds_the_finer_ones(rules: Rules, tmp_path: Path) -> None:
    file = written(
        tmp_path / "items.csv",
        "Item,category,category_also_ok",
        ("Nike Dunk Low Panda", "footwear", ""),
        ("Crocs Classic Clog Black", "footwear", ""),
        ("Supreme Box Logo Hoodie", "clothing", ""),
        ("New Era 59Fifty Cap", "apparel", "headwear"),
        ("Nike Tech Fleece Jacket", "bag", ""),
    )
    result = evaluate("category", file, rules)
    assert (result.n, result.accuracy) == (5, 0.8)


def test_silence_is_right_where_there_is_no_code(rules: Rules, tmp_path: Path) -> None:
    file = written(
        tmp_path / "texts.csv",
        "text,style_code,brand",
        ("nike-dunk-low-dd1391-100", "DD1391-100", "Nike"),
        ("Sample pair, DD1391 100 / other", "DD1391-100/DD1391-101", "Nike"),
        ("Best sneakers of 2024", "", ""),
        ("Nike Air Max 97", "n/a", "Nike"),
    )
    result = evaluate("style-code", file, rules)
    assert (result.answered, result.precision, result.recall) == (2, 1.0, 1.0)
    assert result.worst == []


def test_sizes_by_system_value_and_audience(rules: Rules, tmp_path: Path) -> None:
    file = written(
        tmp_path / "sizes.csv",
        "size_raw,item_context,system,gender,value",
        ("10.0", "Nike Dunk Low", "US", "men", "10"),
        ("9.5W", "Nike Dunk Low", "US", "women", "9.5"),
        ("9.5W", "Nike Dunk Low", "US", "men", "9.5"),
        ("XL", "Supreme Hoodie", "ALPHA", "", "XL"),
        ("N/A", "KAWS Figure", "NONE", "", ""),
        ("EU 42 2/3", "adidas Samba", "EU", "", "42 2/3"),
        ("34W/32L", "Levi's 501 jeans", "WAIST", "", "34/32"),
    )
    result = evaluate("size", file, rules)
    assert result.n == 7
    assert result.accuracy == pytest.approx(6 / 7, abs=1e-4)
    assert result.worst[0]["expected"] == "US men 9.5"


def test_bad_files_are_explained(rules: Rules, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="no such file"):
        evaluate("brand", tmp_path / "none.csv", rules)
    with pytest.raises(EvaluationError, match="needs the column title or Item, brand"):
        evaluate("brand", written(tmp_path / "x.csv", "a,b", ("1", "2")), rules)
    binary = tmp_path / "x.csv.gz"
    binary.write_bytes(b"\x00\x01 no gzip")
    with pytest.raises(EvaluationError, match="no CSV that can be read"):
        evaluate("brand", binary, rules)
    with pytest.raises(EvaluationError, match="choose one of"):
        as_kind("colour")
    assert as_kind("style_code") == "style-code"


def test_empty_file_has_no_shares(rules: Rules, tmp_path: Path) -> None:
    result = evaluate("brand", written(tmp_path / "e.csv", "title,brand"), rules)
    assert (result.n, result.coverage, result.accuracy) == (0, None, None)
