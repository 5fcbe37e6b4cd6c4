"""The house's rules about who may import and read what, checked on the source itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from soleflip_pipelines.settings import PROJECT_ROOT

PACKAGE = PROJECT_ROOT / "soleflip_pipelines"
SHELL = (PACKAGE / "defs", PACKAGE / "definitions.py")

pytestmark = pytest.mark.unit


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every imported module of a file with its line, `from x import y` as `x` and `x.y`."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            yield node.module or "", node.lineno
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno


def is_shell(path: Path) -> bool:
    return any(path == part or part in path.parents for part in SHELL)


def test_dagster_stays_in_the_shell() -> None:
    found = [
        f"{path}:{line} imports {name}"
        for path in modules()
        if not is_shell(path)
        for name, line in imports(path)
        if name.split(".")[0].startswith("dagster")
    ]
    assert not found


def test_only_settings_reads_the_environment() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path in modules()
        if path.name != "settings.py"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in ("environ", "getenv", "environb")
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    ]
    assert not found


def test_the_truth_is_read_by_the_sandbox_alone() -> None:
    """What decides whether the marts are right must not be able to make them so."""
    found = [
        f"{path}:{line} imports {name}"
        for path in modules()
        if PACKAGE / "sandbox" not in path.parents
        for name, line in imports(path)
        if "sandbox" in name.split(".") and path.parent.name != "commands" and path.name != "cli.py"
    ]
    assert not found
    named = [
        str(path)
        for path in modules()
        if PACKAGE / "sandbox" not in path.parents and "truth.sqlite" in path.read_text("utf-8")
    ]
    assert not named


def test_the_generated_truth_owes_nothing_to_the_pipeline() -> None:
    """The sandbox computes its truth by itself: only settings, errors and its own modules."""
    allowed = ("soleflip_pipelines.sandbox", "soleflip_pipelines.settings")
    allowed += ("soleflip_pipelines.errors",)
    found = [
        f"{path}:{line} imports {name}"
        for path in sorted((PACKAGE / "sandbox").rglob("*.py"))
        if path.name not in ("verify.py", "server.py")
        for name, line in imports(path)
        if name.startswith("soleflip_pipelines.") and not name.startswith(allowed)
    ]
    assert not found


def test_assets_are_named_never_imported() -> None:
    """A second module that imports an asset object makes it a second definition."""
    helpers = {
        "checks",
        "identity_checks",
        "label_checks",
        "resources",
        "support",
        "run_job",
        "run_log",
        "instance",
    }
    found = [
        f"{path}:{line} imports {name}"
        for path in sorted((PACKAGE / "defs").rglob("*.py"))
        for name, line in imports(path)
        if name.startswith("soleflip_pipelines.defs.") and name.split(".")[2] not in helpers
    ]
    assert not found


def test_every_module_says_what_belongs_in_it() -> None:
    bare = [
        str(path)
        for path in modules()
        if path.name != "__init__.py" and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert not bare


def test_package_files_are_empty() -> None:
    filled = [str(p) for p in PACKAGE.rglob("__init__.py") if p.read_text("utf-8").strip()]
    assert not filled


def test_no_module_grows_into_a_heap() -> None:
    long = {
        str(path.relative_to(PROJECT_ROOT)): count
        for path in modules()
        if (count := len(path.read_text("utf-8").splitlines())) > 400
    }
    assert not long


def test_the_lock_names_versions_and_no_addresses() -> None:
    assert "://" not in (PROJECT_ROOT / "constraints.txt").read_text("utf-8")
