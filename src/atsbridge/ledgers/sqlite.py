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
from importlib import resources
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

from attrs import frozen

from .._sqlite import BUSY_SECONDS, CHECKPOINT_PAGES, make_private, use_wal
from ..errors import LedgerError
from ..sync.ledger import ROWS, Clock, Ledger, MonotonicClock, Row, Txn, Where
from ..wire.collecting import uncollected

R = TypeVar("R", bound=Row)
_CHUNK = 500


class SqliteTxn(Txn):
    """A transaction on one SQLite connection; statements are made from the row types."""

    def __init__(self, database: sqlite3.Connection, path: Path) -> None:
        self._database = database
        self._path = path

    def get(self, row_type: type[R], *key: Any) -> R | None:
        table = _TABLES[row_type]
        values = self._run(table.by_key, key).fetchone()
        return None if values is None else table.make(values)

    @uncollected
    def get_many(self, row_type: type[R], prefix: tuple[Any, ...], last: Sequence[Any]) -> dict[Any, R]:
        table = _TABLES[row_type]
        found = map(table.make, self._chunks(row_type, table.select, prefix, last))
        name = row_type.columns()[row_type.KEY - 1]
        return {getattr(row, name): row for row in found}

    def get_columns(
        self, row_type: type[Row], columns: Sequence[str], prefix: tuple[Any, ...], last: Sequence[Any]
    ) -> dict[Any, tuple[Any, ...]]:
        names = ", ".join((row_type.columns()[row_type.KEY - 1], *columns))
        found = self._chunks(row_type, f"SELECT {names} FROM {row_type.TABLE} ", prefix, last)
        return {values[0]: values[1:] for values in found}

    def _chunks(
        self, row_type: type[Row], select: str, prefix: tuple[Any, ...], last: Sequence[Any]
    ) -> Iterator[tuple[Any, ...]]:
        """What is selected of the rows with these keys, in pieces that SQLite takes."""
        *first, name = row_type.columns()[: row_type.KEY]
        where = "".join(f"{n}=? AND " for n in first)
        for start in range(0, len(last), _CHUNK):
            part = last[start : start + _CHUNK]
            marks = ",".join("?" * len(part))
            yield from self._run(f"{select}WHERE {where}{name} IN ({marks})", (*prefix, *part))

    def find(
        self, row_type: type[R], where: Where, *, order: Sequence[str] = (), limit: int | None = None
    ) -> list[R]:
        clause, values = _where(where)
        if order:
            terms = (f"{n[1:]} DESC" if n.startswith("-") else n for n in order)
            clause += " ORDER BY " + ", ".join(terms)
        if limit is not None:
            clause, values = clause + " LIMIT ?", (*values, limit)
        return self._rows(row_type, clause, values)

    def count(self, row_type: type[Row], where: Where) -> int:
        clause, values = _where(where)
        return int(self._run(f"SELECT count(*) FROM {row_type.TABLE} {clause}", values).fetchone()[0])

    def put(self, rows: Iterable[Row]) -> None:
        _ = self._put(list(rows))

    def put_unless_newer(self, rows: Iterable[R], column: str) -> list[R]:
        batch = list(rows)
        if self._put(batch, unless_newer=column) == len(batch):
            return []
        held = ((row, self.get(type(row), *row.key)) for row in batch)
        return [row for row, there in held if there and getattr(there, column) > getattr(row, column)]

    def _put(self, batch: list[R], *, unless_newer: str = "") -> int:
        """Sort the rows and store them; how many were stored."""
        if not batch:
            return 0
        row_type = type(batch[0])
        table = _TABLES[row_type]
        # In the order of the table, a page of records in random order touches each leaf but once.
        batch.sort(key=table.key)
        only = f" WHERE {row_type.TABLE}.{unless_newer} <= excluded.{unless_newer}" if unless_newer else ""
        try:
            return self._database.executemany(table.upsert + only, map(table.values, batch)).rowcount
        except sqlite3.Error as error:
            raise _failure(self._path, error) from error

    def set(self, row_type: type[Row], where: Where, **values: Any) -> None:
        clause, given = _where(where)
        sets = ", ".join(f"{n}=?" for n in values)
        self._run(f"UPDATE {row_type.TABLE} SET {sets} {clause}", (*values.values(), *given))

    def delete(self, row_type: type[Row], where: Where) -> None:
        clause, values = _where(where)
        self._run(f"DELETE FROM {row_type.TABLE} {clause}", values)

    def _rows(self, row_type: type[R], clause: str, values: Sequence[Any]) -> list[R]:
        table = _TABLES[row_type]
        return list(map(table.make, self._run(table.select + clause, values)))

    def _run(self, text: str, values: Sequence[Any]) -> sqlite3.Cursor:
        try:
            return self._database.execute(text, values)
        except sqlite3.Error as error:
            raise _failure(self._path, error) from error


@frozen
class _Table:
    """A row type in SQL and back, put together once: that costs more than to run it."""

    select: str
    by_key: str
    upsert: str
    key: Callable[[Row], Any]
    values: Callable[[Row], tuple[Any, ...]]
    make: Callable[[tuple[Any, ...]], Any]

    @classmethod
    def of(cls, row_type: type[Row]) -> _Table:
        columns, keys = row_type.columns(), row_type.columns()[: row_type.KEY]
        names, marks = ", ".join(columns), ",".join("?" * len(columns))
        sets = ", ".join(f"{n}=excluded.{n}" for n in columns[row_type.KEY :])
        select = f"SELECT {names} FROM {row_type.TABLE} "
        return cls(
            select=select,
            by_key=f"{select}WHERE {' AND '.join(f'{n}=?' for n in keys)}",
            upsert=f"INSERT INTO {row_type.TABLE} ({names}) VALUES ({marks})"
            f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {sets}",
            key=attrgetter(*keys),
            values=attrgetter(*columns),
            make=_maker(row_type),
        )


def _maker(row_type: type[Row]) -> Callable[[tuple[Any, ...]], Any]:
    """Makes a row of its columns, past the `__init__` that frozen classes pay dearly for."""
    setters = [getattr(row_type, name).__set__ for name in row_type.columns()]

    def make(values: tuple[Any, ...]) -> Any:
        row = row_type.__new__(row_type)
        for put, value in zip(setters, values, strict=True):
            put(row, value)
        return row

    return make


_TABLES = {row_type: _Table.of(row_type) for row_type in ROWS}


def _where(where: Where) -> tuple[str, tuple[Any, ...]]:
    terms: list[str] = []
    values: list[Any] = []
    for sign, columns in (
        ("IS", where.equal),
        ("<=", where.at_most),
        (">=", where.at_least),
        (">", where.above),
    ):
        for name, value in columns.items():
            terms.append(f"{name} {sign} ?")
            values.append(value)
    for name, several in where.among.items():
        terms.append(f"{name} IN ({','.join('?' * len(several))})")
        values.extend(several)
    return ("WHERE " + " AND ".join(terms) if terms else ""), tuple(values)


def _failure(path: Path, error: sqlite3.Error) -> LedgerError:
    """SQLite's own words name tables and files, never values."""
    return LedgerError(
        f"the ledger's database {path} failed: {error}",
        advice="look whether the file is a ledger, at its and its folder's rights, and at the free space",
    )


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
        _must_not_be_emptied(self.path)
        try:
            migrate(self._database())
        except sqlite3.Error as error:
            raise _failure(self.path, error) from error

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Txn]:
        database = self._database()
        if getattr(self._local, "durable", None) is not durable:
            self._run(database, f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._local.durable = durable
        try:
            # Inside: whoever is interrupted while waiting for it must not leave the ledger locked.
            self._run(database, "BEGIN IMMEDIATE")
            yield SqliteTxn(database, self.path)
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
            yield SqliteTxn(database, self.path)
        finally:
            if database.in_transaction:
                self._run(database, "ROLLBACK")

    def close(self) -> None:
        with self._lock:
            while self._open:
                self._open.pop().close()
            self._local = threading.local()

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
    while path.exists() and path.stat().st_size == 0:
        if time.monotonic() > until:
            raise LedgerError(
                f"the ledger {path} is an empty file, which no ledger is",
                advice="put its backup in place; to begin anew, remove the file, then run verify and repair",
            )
        time.sleep(0.02)


def migrations() -> list[tuple[int, str]]:
    """The numbered migrations, oldest first: number and SQL."""
    folder = resources.files("atsbridge.ledgers").joinpath("migrations")
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return [(int(f.name.partition("_")[0]), f.read_text("utf-8")) for f in files]


def migrate(database: sqlite3.Connection) -> None:
    """Bring a database to the newest schema, one transaction a step.

    Raises:
        LedgerError: the file was made by a newer release, or is damaged.
    """
    steps = migrations()
    newest = steps[-1][0]
    have = _schema(database)
    if have > newest:
        raise LedgerError(f"the ledger is of schema {have}, newer than this release knows ({newest})")
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
