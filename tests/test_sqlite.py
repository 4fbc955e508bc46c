"""Opening a database that another process is making."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from atsbridge._sqlite import use_wal
from atsbridge.crm._database import Database
from atsbridge.ledgers.sqlite import SqliteLedger


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new.sqlite"


@pytest.fixture
def other(path: Path) -> Iterator[sqlite3.Connection]:
    """Another process, in the middle of its first transaction."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield database


def open_ledger(path: Path) -> None:
    SqliteLedger(path).close()


def open_crm(path: Path) -> None:
    database = Database(path, [("CREATE TABLE t (x)",)])
    with database.snapshot():
        pass
    database.close()


@pytest.mark.parametrize("opens", [open_ledger, open_crm])
def test_it_waits_for_the_other(opens: Callable[[Path], Any], path: Path, other: sqlite3.Connection) -> None:
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(opens, path)
        with pytest.raises(TimeoutError):
            opening.result(timeout=0.2)
        other.execute("COMMIT")
        opening.result()


def test_it_does_not_wait_for_ever(path: Path, other: sqlite3.Connection) -> None:
    with closing(sqlite3.connect(path)) as database, pytest.raises(sqlite3.OperationalError, match="locked"):
        use_wal(database, 0.05)


def test_what_is_no_database_is_said_at_once(path: Path) -> None:
    path.write_text("no database, " * 100)
    with closing(sqlite3.connect(path)) as database, pytest.raises(sqlite3.DatabaseError, match="not a data"):
        use_wal(database, 3600)


@pytest.mark.parametrize("opened", [open_ledger, open_crm])
def test_a_new_database_is_its_owners_alone(opened: Callable[[Path], None], path: Path) -> None:
    before = os.umask(0o022)
    try:
        opened(path)
        with closing(sqlite3.connect(path)) as database:
            database.execute("BEGIN IMMEDIATE")
            database.execute("CREATE TABLE other (x)")
            rights = {
                file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.glob("new.sqlite*")
            }
    finally:
        os.umask(before)
    assert len(rights) == 3 and set(rights.values()) == {0o600}


@pytest.mark.parametrize("opened", [open_ledger, open_crm])
def test_a_database_that_is_there_keeps_its_rights(opened: Callable[[Path], None], path: Path) -> None:
    opened(path)
    path.chmod(0o640)
    opened(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_an_interrupted_transaction_locks_nobody_out(path: Path) -> None:
    ledger = SqliteLedger(path)
    run = ledger._run

    def interrupt(database: sqlite3.Connection, text: str) -> None:
        run(database, text)
        if text.startswith("BEGIN"):
            raise KeyboardInterrupt

    ledger._run = interrupt  # type: ignore[method-assign]
    for begin in (ledger.transaction, ledger.snapshot):
        with pytest.raises(KeyboardInterrupt), begin():
            raise AssertionError("it is never entered")
    ledger._run = run  # type: ignore[method-assign]
    with ledger.transaction():  # nothing is open any more
        pass
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0.1)) as other_process:
        other_process.execute("BEGIN IMMEDIATE")
    ledger.close()


def test_an_interrupted_transaction_of_the_crm_locks_nobody_out(path: Path) -> None:
    database = Database(path, [("CREATE TABLE t (x)",)])
    with database.transaction() as opened:
        pass

    class Interrupting:
        """Ctrl-C comes just after a transaction has begun."""

        def __getattr__(self, name: str) -> Any:
            return getattr(opened, name)

        def execute(self, text: str) -> sqlite3.Cursor:
            done = opened.execute(text)
            if text.startswith("BEGIN"):
                raise KeyboardInterrupt
            return done

    database._db = Interrupting()  # type: ignore[assignment]
    for begin in (database.transaction, database.snapshot):
        with pytest.raises(KeyboardInterrupt), begin():
            raise AssertionError("it is never entered")
    database._db = opened
    with database.transaction():  # nothing is open any more
        pass
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0.1)) as other_process:
        other_process.execute("BEGIN IMMEDIATE")
    database.close()
