"""A PostgreSQL server of the test session's own, on a socket in a temporary folder.

It starts where a test first asks for it, in each worker of pytest-xdist, and
listens to no network. Where its programs are not there, the tests that need it
skip, and the session says so at its end.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Self

import pytest
from attrs import define, field

NO_SERVER = "no PostgreSQL server here"
_FOLDERS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql*/bin")
# The server ends with this process, however that ends: the pipe that `cat` reads from is closed.
_WHILE_WE_LIVE = '"$0" "$@" & cat; kill -QUIT $!; wait'
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "log_min_messages": "fatal",
}


@define
class PostgresServer:
    """Args: ``folder`` has its data and its socket."""

    programs: Path
    folder: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _numbers: Any = field(factory=count, init=False)

    @classmethod
    @contextmanager
    def running(cls, programs: Path) -> Iterator[Self]:
        """A new one, which leaves nothing behind."""
        # Of a short name: a socket's path may have some hundred characters.
        folder = Path(tempfile.mkdtemp(prefix="atsbridge-pg-"))
        if somebody := _as_somebody():
            os.chown(folder, somebody["user"], somebody["group"])
        folder.chmod(0o755)
        server = cls(programs, folder)
        try:
            server.init()
            server.start()
            yield server
        finally:
            server.stop()
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def dsn(self) -> str:
        return f"host={self.folder} user=postgres dbname=postgres"

    def schema(self) -> str:
        """The name of a schema that nobody has used yet."""
        return f"s{next(self._numbers)}"

    def init(self) -> None:
        told = [
            "-D",
            str(self._data),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ]
        subprocess.run(
            [self.programs / "initdb", *told], check=True, capture_output=True, timeout=120, **_as_somebody()
        )

    def start(self) -> None:
        settings = {**_SETTINGS, "unix_socket_directories": str(self.folder)}
        told = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _WHILE_WE_LIVE, self.programs / "postgres", "-D", self._data, *told],
                stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=self.folder, **_as_somebody(),
            )  # fmt: skip
        until = time.monotonic() + 60
        ready = [self.programs / "pg_isready", "-q", "-h", self.folder, "-U", "postgres"]
        while subprocess.run(ready, check=False).returncode:
            if time.monotonic() > until or self._process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text("utf-8", "replace"))
            time.sleep(0.05)

    def stop(self) -> None:
        """At once, as if it crashed."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait(60)
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def _data(self) -> Path:
        return self.folder / "data"


def _as_somebody() -> dict[str, Any]:
    """The server refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    pytest.skip(f"{NO_SERVER}: root has nobody to run it as")


@cache
def programs() -> Path | None:
    """The folder with initdb and postgres, if there is one."""
    folders = [path for pattern in _FOLDERS for path in sorted(Path("/").glob(pattern), reverse=True)]
    if on_path := shutil.which("initdb"):
        folders.insert(0, Path(on_path).resolve().parent)
    if config := shutil.which("pg_config"):
        told = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        folders.insert(0, Path(told.stdout.strip()))
    return next((f for f in folders if (f / "initdb").is_file() and (f / "postgres").is_file()), None)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The server, running; each test takes a `schema` of its own."""
    found = programs()
    if found is None:
        pytest.skip(f"{NO_SERVER}: neither pg_config, nor the PATH, nor the usual folders lead to one")
    with PostgresServer.running(found) as server:
        yield server


def warn_of_skips(reporter: Any) -> None:
    """Say at the end of a session that something was not tried."""
    skipped = [r for r in reporter.stats.get("skipped", []) if NO_SERVER in str(r.longrepr)]
    if skipped:
        reporter.section("PostgreSQL", sep="!", red=True, bold=True)
        reporter.line(
            f"WARNING: {len(skipped)} tests were skipped: {NO_SERVER}. The PostgreSQL ledger is untested."
        )
        reporter.line("On Debian and Ubuntu: apt-get install postgresql")
