"""The default ledger: one SQLite file, by the standard library.

Write-ahead log; ``synchronous=FULL`` where a promise depends on it (every
transaction of the write-back protocol), NORMAL for inbound pages, whose loss
costs only reading them again. The schema is made by the numbered files in
``migrations/``.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .._sqlite import BUSY_SECONDS, CHECKPOINT_PAGES, advice, code, make_private, use_wal, words
from ..errors import LedgerError
from ..sync.ledger import Clock, Ledger, MonotonicClock, Row, Txn
from ._sql import NEWER, NO_TEXT, Dialect, SqlTxn, migrations, tables


class SqliteTxn(SqlTxn):
    """A transaction on one SQLite connection."""

    dialect = Dialect(name="sqlite", mark="?")
    tables = tables(dialect)

    def __init__(self, database: sqlite3.Connection, path: Path) -> None:
        super().__init__()
        self._database = database
        self._path = path

    def run(self, text: str, values: Sequence[Any], *, connection: str | None) -> sqlite3.Cursor:
        try:
            return self._database.execute(text, values)
        except sqlite3.Error as error:
            failure = _failure(self._path, error)
        except UnicodeEncodeError:
            failure = LedgerError(NO_TEXT)
        raise failure

    def upsert(self, row_type: type[Row], rows: Iterable[Sequence[Any]], *, only: str) -> int:
        try:
            return self._database.executemany(self.tables[row_type].upsert + only, rows).rowcount
        except sqlite3.Error as error:
            failure = _failure(self._path, error)
        except UnicodeEncodeError:
            failure = LedgerError(NO_TEXT)
        raise failure


def _failure(path: Path, error: sqlite3.Error) -> LedgerError:
    other = "look whether the file is a ledger, at its and its folder's rights, and at the free space"
    what_to_do = advice(error) or other
    if code(error) == sqlite3.SQLITE_FULL and _is_empty(path):  # what was a ledger before is refused sooner
        what_to_do = "free space on its disk and remove the empty file: there was no ledger yet"
    return LedgerError(f"the ledger's database {path} failed: SQLite says: {words(error)}", advice=what_to_do)


class SqliteLedger(Ledger):
    """One file holds the memory of any number of connections.

    Args:
        path: of the file; made where it is not there. An empty one is refused: it was a ledger, and
            begun anew it would know nothing of changes that were taken in.
        clock: replaces the system's monotonic clock.
        connect: how the database is opened; tests bring their own.

    Each thread gets a database connection of its own.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        clock: Clock | None = None,
        connect: Callable[..., sqlite3.Connection] = sqlite3.connect,
    ) -> None:
        self.path = Path(path)
        self.clock = clock or MonotonicClock()
        self._connect = connect
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._turn = threading.RLock()
        _must_not_be_emptied(self.path)
        try:
            migrate(self._database())
        except sqlite3.Error as error:
            raise _failure(self.path, error) from error

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Txn]:
        # Who waits for SQLite itself looks again after longer and longer sleeps.
        with self._turn:
            yield from self._transaction(self._database(), durable=durable)

    def _transaction(self, database: sqlite3.Connection, *, durable: bool) -> Iterator[Txn]:
        if getattr(self._local, "durable", None) is not durable:
            self._run(database, f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._local.durable = durable
        try:
            # Inside: whoever is interrupted while waiting for it must not leave the ledger locked.
            self._run(database, "BEGIN IMMEDIATE")
            with self._rows_read():
                txn = SqliteTxn(database, self.path)
                yield txn
                txn.write_all()
            self._run(database, "COMMIT")
        except BaseException:
            if database.in_transaction:
                self._run(database, "ROLLBACK")
            raise

    @contextmanager
    def snapshot(self) -> Iterator[Txn]:
        database = self._database()
        try:
            self._run(database, "BEGIN")
            with self._rows_read():
                yield SqliteTxn(database, self.path)
        finally:
            if database.in_transaction:
                self._run(database, "ROLLBACK")

    def close(self) -> None:
        with self._lock:
            while self._open:
                self._open.pop().close()
            self._local = threading.local()

    @contextmanager
    def _rows_read(self) -> Iterator[None]:
        """A statement may have run, and its rows fail one by one."""
        try:
            yield
            return
        except sqlite3.Error as error:
            # It stays in the new one's context, with all that Python repeats in it.
            error.args = (words(error),)
            failure = _failure(self.path, error)
        raise failure

    def _run(self, database: sqlite3.Connection, text: str) -> None:
        try:
            database.execute(text)
        except sqlite3.Error as error:
            raise _failure(self.path, error) from error

    def _database(self) -> sqlite3.Connection:
        database: sqlite3.Connection | None = getattr(self._local, "database", None)
        if database is None:
            make_private(self.path)
            try:
                database = self._connect(
                    self.path, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False
                )
                use_wal(database, BUSY_SECONDS)
                database.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
            except sqlite3.Error as error:
                if database is not None:
                    database.close()
                raise _failure(self.path, error) from error
            self._local.database = database
            with self._lock:
                self._open.append(database)
        return database


_BEING_MADE_SECONDS = 2.0
"""How long another process may take from making the file to SQLite's first page."""


def _must_not_be_emptied(path: Path) -> None:
    until = time.monotonic() + _BEING_MADE_SECONDS
    while _is_empty(path):
        if time.monotonic() > until:
            raise LedgerError(
                f"the ledger {path} is an empty file, which no ledger is",
                advice="put its backup in place; or remove the file, then pull, verify and repair",
            )
        time.sleep(0.02)


def _is_empty(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except OSError:  # not there, or SQLite is the one to say what is wrong
        return False


def migrate(database: sqlite3.Connection) -> None:
    """Bring a database to the newest schema, one transaction a step.

    Raises:
        LedgerError: the file was made by a newer release, or is damaged.
    """
    steps = migrations(SqliteTxn.dialect.name)
    newest = steps[-1][0]
    have = _schema(database)
    if have > newest:
        raise LedgerError(
            f"the ledger is of schema {have}, newer than this release knows ({newest})", advice=NEWER
        )
    for number, text in steps:
        if number > have:
            _step(database, number, text)


def _schema(database: sqlite3.Connection) -> int:
    (number,) = database.execute("PRAGMA user_version").fetchone()
    return int(number)


def _step(database: sqlite3.Connection, number: int, text: str) -> None:
    """One migration, unless another process has made it meanwhile."""
    database.execute("BEGIN IMMEDIATE")
    try:
        if _schema(database) < number:
            # Statement by statement: a script would end the transaction that it is in.
            for statement in _statements(text):
                database.execute(statement)
            database.execute(f"PRAGMA user_version={number}")
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def _statements(text: str) -> Iterator[str]:
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
