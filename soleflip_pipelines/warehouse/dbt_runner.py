"""dbt in this process: one function that runs a command, and the manifest others read.

Where dbt's state lives and how its results become plain data belongs here; what is built and how
it is published belongs to `publish`. The project folder is only read: everything dbt writes goes
below `<home>/dbt`, one folder a target, since a change of target would void the partial parse.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.settings import PROJECT_ROOT, Settings, export_environment
from soleflip_pipelines.warehouse.connection import dbt_environment

Target = Literal["prepare", "publish"]

DBT_PROJECT = PROJECT_ROOT / "dbt_project"
NEXT = "__next"
SOURCE_SUFFIXES = (".sql", ".yml", ".csv", ".md")


class DbtFailed(SoleflipError):
    """dbt could not do what it was asked; the text names the first node and says why."""


@dataclass(frozen=True)
class NodeResult:
    """What became of one model, seed or test of a dbt run.

    Attributes:
        unique_id: dbt's id, such as `model.soleflip.order`.
        name: the model's or test's name, such as "order" or "order_rules".
        resource_type: "model", "seed", "test" or "unit_test".
        status: "success", "pass", "warn", "fail", "error" or "skipped".
        failures: rows that a test found; None where dbt does not count.
        message: dbt's own words, without terminal colours.
        seconds: time the node took.
        address: "schema.table" as published, of the node or of the model a test belongs to.
        query: of a test that found rows, the query that finds them.
    """

    unique_id: str
    name: str
    resource_type: str
    status: str
    failures: int | None
    message: str
    seconds: float
    address: str | None
    query: str | None = None

    @property
    def is_failed(self) -> bool:
        """Whether this result forbids to publish."""
        return self.status in ("error", "fail", "runtime error")


def state_folder(settings: Settings, target: Target) -> Path:
    """Where dbt keeps what it wrote for a target: manifest, partial parse, compiled SQL."""
    return settings.home / "dbt" / target


def run_dbt(
    settings: Settings,
    target: Target,
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    on_node: Callable[[NodeResult], None] | None = None,
) -> list[NodeResult]:
    """Run one dbt command in this process and return its nodes; a failed node is no exception.

    Args:
        settings: whose database and home.
        target: `prepare` (published schemas) or `publish` (side schemas).
        arguments: the command with its own options, such as `["build", "--select", "x"]`.
        environment: further variables that the project's macros read.
        on_node: called in one of dbt's threads whenever a node has ended.

    Raises:
        DbtFailed: dbt itself could not run: the project does not parse, no connection.
    """
    from dbt.cli.main import (
        dbtRunner,
    )  # three seconds of imports: only where dbt is used

    folder = state_folder(settings, target)
    folder.mkdir(parents=True, exist_ok=True)
    export_environment(
        {
            **dbt_environment(settings),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "DBT_AS_OF": settings.as_of.isoformat() if settings.as_of else "",
            **(environment or {}),
        }
    )
    places = {
        "--project-dir": DBT_PROJECT,
        "--profiles-dir": DBT_PROJECT,
        "--target": target,
        "--target-path": folder,
        "--log-path": settings.home / "dbt" / "logs",
    }
    quiet = [
        "--quiet",
        "--log-level",
        "none",
        "--log-level-file",
        "info",
        "--no-use-colors",
    ]
    if arguments[0] == "build":
        # The manifest comes from `parse`; a build would write it twice more, for nobody.
        quiet.append("--no-write-json")
    callbacks = [_node_callback(on_node)] if on_node else []
    outcome = dbtRunner(callbacks=callbacks).invoke(
        [*quiet, *arguments, *(str(part) for pair in places.items() for part in pair)]
    )
    if outcome.exception is not None:
        raise DbtFailed(f"dbt {arguments[0]}: {_plain(str(outcome.exception))}")
    results = getattr(outcome.result, "results", None) or []
    return [_node_result(result) for result in results]


def ensure_manifest(settings: Settings) -> Path:
    """The manifest with the published schemas; the project is parsed if it has changed.

    Raises:
        DbtFailed: the project does not parse.
    """
    folder = state_folder(settings, "prepare")
    manifest, stamp = folder / "manifest.json", folder / "manifest.sources"
    with _one_at_a_time(settings.home / "dbt" / "parse.lock"):
        digest = sources_digest(DBT_PROJECT.rglob("*"))
        if manifest.exists() and stamp.exists() and stamp.read_text("utf-8") == digest:
            return manifest
        run_dbt(settings, "prepare", ["parse"])
        stamp.write_text(digest, "utf-8")
    return manifest


def sources_digest(paths: Iterable[Path]) -> str:
    """One hash over the names and contents of the project's files among the paths."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        if path.suffix in SOURCE_SUFFIXES and path.is_file():
            digest.update(f"{path.relative_to(DBT_PROJECT)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


@contextmanager
def _one_at_a_time(lock_file: Path) -> Iterator[None]:
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _node_result(result: Any) -> NodeResult:
    node = result.node
    resource_type = str(getattr(node.resource_type, "value", node.resource_type))
    return NodeResult(
        unique_id=node.unique_id,
        name=node.name,
        resource_type=resource_type,
        status=str(getattr(result.status, "value", result.status)),
        failures=result.failures,
        message=_plain(result.message or ""),
        seconds=round(float(result.execution_time), 3),
        address=_address(node),
        query=node.compiled_code if result.failures and resource_type == "test" else None,
    )


def _address(node: Any) -> str | None:
    if getattr(node, "relation_name", None):
        return f"{str(node.schema).removesuffix(NEXT)}.{node.alias}"
    attached = getattr(node, "attached_node", None)
    if attached is None:
        return None
    # A test knows its model's id; the folder of both is the schema.
    folder = node.fqn[2] if node.fqn[1] == "marts" else node.fqn[1]
    return f"{folder}.{attached.rsplit('.', 1)[-1]}"


def _node_callback(on_node: Callable[[NodeResult], None]) -> Callable[[Any], None]:
    def callback(event: Any) -> None:
        if event.info.name != "NodeFinished":
            return
        node, result = event.data.node_info, event.data.run_result
        relation = node.node_relation
        on_node(
            NodeResult(
                unique_id=node.unique_id,
                name=node.node_name,
                resource_type=node.resource_type,
                status=result.status,
                failures=result.num_failures,
                message=_plain(result.message),
                seconds=round(result.execution_time, 3),
                address=(
                    f"{relation.schema.removesuffix(NEXT)}.{relation.alias}"
                    if relation.relation_name
                    else None
                ),
            )
        )

    return callback


def _plain(text: str) -> str:
    return " ".join(text.replace("\x1b[0m", "").split())
