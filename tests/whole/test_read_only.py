"""A ledger that cannot be written: a verb that would write is refused before anything is asked of the ATS."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
from postgres_server import PostgresServer
from test_killed_push import converges, outbox
from world import opened

from atsbridge.crm.sql import SqlCrm
from atsbridge.errors import LedgerError
from atsbridge.ledgers.sqlite import SqliteLedger
from atsbridge.sync.ledger import Control, Ledger, Where

VERBS = ["push", "pull", "sweep", "sync", "verify", "repair"]
READ_ONLY = "SQLite says: attempt to write a readonly database"
NOBODY = 65534


def query_only(path: Path, **settings: Any) -> sqlite3.Connection:
    made = sqlite3.connect(path, **settings)
    made.execute("PRAGMA query_only=ON")
    return made


def mode_ro(path: Path, **settings: Any) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, **settings)


def all_verbs_are_refused(told: dict[str, Any], read_only: dict[str, Any], folder: Path) -> list[LedgerError]:
    """What each says, at its first word; and once the ledger can be written, the change is made, once."""
    with outbox("lever", folder, count=2, seed=1, ledger=told) as s:
        before = len(s.w.server.requests)
        ledger = opened(folder, read_only)
        said = []
        with closing(ledger), s.w.reopen(ledger=ledger) as bridge:
            assert bridge.status()  # whoever only looks may
            for verb in VERBS:
                with pytest.raises(LedgerError) as caught:
                    getattr(bridge, verb)()
                said.append(caught.value)
        assert len(s.w.server.requests) == before
        assert not any(map(s.w.result, s.w.asked))
        converges(s, deaths=0)
        return said


@pytest.mark.parametrize("connect", [query_only, mode_ro])
def test_a_read_only_file_is_refused_before_anything_is_asked(
    connect: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "ledger.sqlite"
    told = {"plugin": "sqlite", "path": file}
    for error in all_verbs_are_refused(told, {**told, "connect": connect}, tmp_path):
        assert str(error) == f"the ledger's database {file} failed: {READ_ONLY}"
        assert "the right to write the file and its folder" in error.advice


def test_a_standby_of_postgresql_is_refused_before_anything_is_asked(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    told = {"plugin": "postgres", "dsn": postgres.dsn, "schema": postgres.schema()}
    dsn = f"{postgres.dsn} options='-c default_transaction_read_only=on'"
    for error in all_verbs_are_refused(told, {**told, "dsn": dsn}, tmp_path):
        assert f"server at {postgres.folder}, port 5432, failed" in str(error) and "25006" in str(error)
        assert "primary" in error.advice


# -- the rights of the file and of its folder --


@attrs.define
class Files:
    """A ledger and a CRM in a folder that others can come to."""

    folder: Path

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.sqlite"

    @property
    def crm(self) -> Path:
        return self.folder / "crm.sqlite"

    @contextmanager
    def rights(self, *, folder: int, file: int) -> Iterator[None]:
        """With these rights, for somebody whom rights hold back, as they do not root."""
        root = os.geteuid() == 0
        for path in (self.ledger, self.crm):
            path.chmod(file)
        self.folder.chmod(folder)
        if root:
            os.seteuid(NOBODY)
        try:
            yield
        finally:
            if root:
                os.seteuid(0)
            self.folder.chmod(0o700)


@pytest.fixture
def files() -> Iterator[Files]:
    above = Path(tempfile.mkdtemp(prefix="atsbridge-"))
    above.chmod(0o755)
    made = Files(above / "folder")
    made.folder.mkdir()
    SqliteLedger(made.ledger).close()
    with SqlCrm(made.crm) as crm:
        crm.check()
    yield made
    shutil.rmtree(above)


RIGHTS: dict[str, dict[str, int]] = {
    "the file": {"folder": 0o777, "file": 0o444},
    "its folder": {"folder": 0o555, "file": 0o666},
    "both": {"folder": 0o555, "file": 0o444},
    "not even to read": {"folder": 0o777, "file": 0o000},
    "nor to come to": {"folder": 0o600, "file": 0o666},
}


@pytest.mark.parametrize("what", RIGHTS)
def test_without_the_rights_it_says_which_file_and_what_to_do(what: str, files: Files) -> None:
    said = "attempt to write a readonly database" if what in list(RIGHTS)[:3] else "unable to open database"
    with files.rights(**RIGHTS[what]):
        with pytest.raises(LedgerError) as caught:
            write(SqliteLedger(files.ledger))
        with SqlCrm(files.crm) as crm:
            (finding,) = crm.check()
    assert f"{files.ledger} failed: SQLite says: {said}" in str(caught.value)
    assert "the right to write the file and its folder" in caught.value.advice
    assert not finding.ok
    assert f"{files.crm} failed: SQLite says: {said}" in finding.why and "the right to" in finding.why
    # With the rights it goes on, and has not changed.
    for path in files.folder.iterdir():
        path.chmod(0o600)
    ledger = SqliteLedger(files.ledger)
    assert ledger.look(lambda txn: txn.count(Control, Where())) == 0
    write(ledger)


def write(ledger: Ledger) -> None:
    with closing(ledger):
        ledger.do(lambda txn: txn.put([Control(connection="acme", paused=1)]))
