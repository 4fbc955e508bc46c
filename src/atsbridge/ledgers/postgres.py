"""A ledger for many workers: one schema of a PostgreSQL database.

Every change is made under a lock on its connection's rows, which the server
frees at the transaction's end: what one worker reads there and then writes, no
other changes in between, and no customer's work waits for another's. Ledger
time is the server's, so that leases and windows mean the same to every worker.
What a worker does between two transactions is under a lease, never a lock.

Everything is set for the transaction alone, nothing for the session: a pooler
such as PgBouncer may stand in between.

A CRM in the same database can hand a change over within its own transaction: `enqueue`.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from hashlib import blake2b
from typing import Any, TypeVar

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import tuple_row
from psycopg.types.string import StrDumper
from psycopg_pool import ConnectionPool, PoolTimeout

from ..errors import AtsBridgeError, ConfigurationError, LedgerError, LedgerUnavailable, UnsupportedPair
from ..model import StatusUpdate
from ..sync.enqueued import enqueued, is_repeat
from ..sync.ledger import Clock, Ledger, Row, Txn, Where
from ..wire.secrets import Secret
from ._sql import NEWER, NO_TEXT, Bound, Dialect, SqlTxn, migrations, tables, types_of

R = TypeVar("R", bound=Row)
_DSN = "postgresql://USER:PASSWORD@HOST/DATABASE"
_MOST_CONNECTIONS = 1000
WAIT_SECONDS = 30.0
"""How long to wait for a connection to the server, or for another worker's transaction."""

_TURN_SECONDS = 5.0
_RECONNECT_SECONDS = 4.0
"""The pool tries again at ever longer intervals, and would see minutes late that the server is back. After
so long it gives up, and who waits for a connection has it begin anew at their next turn, which is later."""

FROZEN_SECONDS = 15.0
"""After so long inside a transaction without a word, the server ends it: its worker has been stopped."""

_NOW = "extract(epoch FROM clock_timestamp())::float8"
_TYPES = {"INTEGER": "BIGINT", "REAL": "DOUBLE PRECISION", "BLOB": "BYTEA", "TEXT": 'TEXT COLLATE "C"'}
_ARRAYS = {"str": "text", "int": "int8", "float": "float8", "bytes": "bytea"}
_SQLITE_TYPES = re.compile(rf"\b({'|'.join(_TYPES)})\b")
_CONNECT_SECONDS = 10
_PIPELINES = psycopg.capabilities.has_pipeline()
_ESCAPE = "\x1a"
Database = psycopg.Connection[Any]
Cursor = psycopg.Cursor[Any]
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")


class ServerClock:
    """The server's time, which all workers share.

    It is looked at as each transaction begins; from there on this machine's
    monotonic clock goes on, so the machine's own idea of the time never counts.
    """

    boot = "server"
    """One for ever: the server's time has a meaning after any boot."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._last = 0.0
        self._lock = threading.Lock()

    def set(self, server_seconds: float) -> None:
        self._ahead = server_seconds - time.monotonic()

    def now(self) -> float:
        with self._lock:
            self._last = max(self._last, time.monotonic() + self._ahead)
            return self._last


class PostgresDialect(Dialect):
    """Several values are one array: a page of rows is one statement, however many they are."""

    def among(self, column: str, values: Sequence[Any]) -> Bound:
        return f"{column} = ANY({self.mark})", [list(values)]

    def with_keys(self, row_type: type[Row], prefix: Sequence[Any], last: Sequence[Any]) -> Bound:
        # Not by `among`: before a table's first ANALYZE the planner takes the connection for a good key,
        # and filters all its rows for each page of a first load. Joined so, it cannot but use the whole key.
        names, types = row_type.columns()[: row_type.KEY], types_of(row_type)
        *first, name = (f"{self.mark}::{_ARRAYS[types[n]]}" for n in names)
        told = ", ".join(f"{mark} AS {n}" for mark, n in zip(first, names, strict=False))
        wanted = f"SELECT {told}, unnest({name}[]) AS {names[-1]}"
        return f"JOIN ({wanted}) AS wanted USING ({', '.join(names)})", [*prefix, list(last)]

    def rows(self, row_type: type[Row]) -> str:
        arrays = (_ARRAYS[kind.partition(" ")[0]] for kind in types_of(row_type).values())
        return f"SELECT * FROM unnest({', '.join(f'{self.mark}::{kind}[]' for kind in arrays)})"

    def nulls_first(self, *, falling: bool) -> str:
        return " NULLS LAST" if falling else " NULLS FIRST"


class PostgresTxn(SqlTxn):
    """A transaction on one connection to the server, with whose first statement it begins.

    Args:
        begin: gives a connection on which a transaction was begun with one more statement.
        schema: names the locks.
        clock: set as each lock is granted, which may have taken its time.
        locks: a change waits for those of the same connection; one that reads alone does not.
    """

    dialect = PostgresDialect(name="postgres", mark="%s")
    tables = tables(dialect)

    def __init__(
        self, begin: Callable[[str], Database], schema: str, clock: ServerClock, *, locks: bool
    ) -> None:
        super().__init__()
        self._begin = begin
        self._schema = schema
        self._clock = clock
        self._locks = locks
        self._locked: set[str | None] = set()
        self.database: Database | None = None

    def run(self, text: str, values: Sequence[Any], *, connection: str | None) -> Cursor:
        return _execute(self._locking(connection).cursor(), text, values)

    def put(self, rows: Iterable[Row]) -> None:
        batch = list(rows)
        for connection in sorted({row.connection for row in batch}):
            _ = self._locking(connection)
        super().put(batch)

    def upsert(self, row_type: type[Row], rows: Iterable[Sequence[Any]], *, only: str) -> int:
        several = list(rows)
        text, stored = self.tables[row_type].upsert + only, 0
        database = [self._locking(connection) for connection in sorted({row[0] for row in several})][-1]
        for part in _each_key_once(several, row_type.KEY):
            columns = [list(column) for column in zip(*part, strict=True)]
            stored += _execute(database.cursor(), text, columns).rowcount
        return stored

    def claim(
        self, row_type: type[R], where: Where, *, order: Sequence[str] = (), limit: int | None = None
    ) -> list[R]:
        # Without the connection's lock: who looks for something to do waits for nobody.
        self.write(row_type)
        text, values = self.select(row_type, where, order, limit)
        found = _execute(self._begun(f"SELECT {_NOW}").cursor(), f"{text} FOR UPDATE SKIP LOCKED", values)
        return list(map(self.tables[row_type].make, found))

    def commit(self) -> None:
        """Write what was put, in one round trip where the driver can, and commit."""
        if self.database is None:
            return
        failure: LedgerError | None = None
        try:
            with self.database.pipeline() if len(self._unwritten) > 1 and _PIPELINES else nullcontext():
                self.write_all()
        except psycopg.Error as error:
            failure = _failure(error, self.database)
        if failure is not None:
            raise failure
        if _execute(self.database.cursor(), "COMMIT").statusmessage != "COMMIT":
            raise LedgerError("the transaction had failed, and was not committed")

    def _begun(self, first: str) -> Database:
        """The connection, with the transaction begun and, if need be for that, one more statement run."""
        if self.database is None:
            self.database = self._begin(first)
        return self.database

    def _locking(self, connection: str | None) -> Database:
        """The connection, holding the rows of a CRM connection, or of all, until the transaction's end."""
        if not self._locks or connection in self._locked or None in self._locked:
            return self._begun(f"SELECT {_NOW}")
        if connection is None:
            locks = f"pg_advisory_xact_lock({_key(self._schema)})"
        else:
            shared = f"pg_advisory_xact_lock_shared({_key(self._schema)})"
            locks = f"{shared}, pg_advisory_xact_lock({_key(self._schema, connection)})"
        # From left to right: the time is that at which the lock was granted.
        lock = f"SELECT {locks}, {_NOW}"
        if self.database is None:
            self.database = self._begin(lock)
        else:
            self._clock.set(_last(_execute(self.database.cursor(), lock)))
        self._locked.add(connection)
        return self.database


def _each_key_once(rows: Sequence[Sequence[Any]], key: int) -> list[list[Sequence[Any]]]:
    """Rows in parts, none with two of one key: no statement may change a row twice."""
    parts: list[list[Sequence[Any]]] = []
    times: dict[tuple[Any, ...], int] = {}
    for row in rows:
        place = times[tuple(row[:key])] = times.get(tuple(row[:key]), -1) + 1
        if place == len(parts):
            parts.append([])
        parts[place].append(row)
    return parts


class PostgresLedger(Ledger):
    """One schema holds the memory of any number of connections, for any number of workers.

    Args:
        dsn: ``postgresql://user:password@host/database``, or ``key=value`` pairs.
        schema: made where it is not there; lower-case letters, digits and ``_``.
        clock: replaces the server's clock.
        most: how many connections to the server this process has at a time.

    Raises:
        ConfigurationError: the DSN or the schema's name is not usable.
        LedgerUnavailable: the server does not answer, or does not let this user in.
        LedgerError: the schema was made by a newer release, or may not be made.
    """

    def __init__(
        self, dsn: str | Secret, *, schema: str = "atsbridge", clock: Clock | None = None, most: int = 4
    ) -> None:
        self.schema = _checked(schema)
        if not 1 <= most <= _MOST_CONNECTIONS:
            raise ConfigurationError(f"most is from 1 to {_MOST_CONNECTIONS} connections to the server")
        self._dsn = dsn if isinstance(dsn, Secret) else Secret(dsn)
        self._server = ServerClock()
        self._down = False
        self.clock = clock or self._server
        self._begin = (
            f'SET LOCAL search_path TO "{schema}";'
            # A role or database may have set fewer digits, and what is read back is compared.
            "SET LOCAL extra_float_digits TO 3;"
            f"SET LOCAL lock_timeout TO '{WAIT_SECONDS:.0f}s';"
            f"SET LOCAL idle_in_transaction_session_timeout TO '{FROZEN_SECONDS:.0f}s'"
        )
        migrate(self._dsn, schema)
        self._pool: ConnectionPool[Database] = ConnectionPool(
            conninfo=lambda: _conninfo(self._dsn),
            kwargs={"autocommit": True},
            configure=_takes_any_text,
            min_size=0,
            max_size=most,
            open=True,
            reconnect_timeout=_RECONNECT_SECONDS,
            num_workers=1,
            name=f"atsbridge, schema {schema}",
        )

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Txn]:
        kept = f"SET LOCAL synchronous_commit TO {'on' if durable else 'off'}"
        with self._transaction(f"BEGIN ISOLATION LEVEL READ COMMITTED; {kept}", locks=True) as txn:
            yield txn

    @contextmanager
    def snapshot(self) -> Iterator[Txn]:
        with self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", locks=False) as txn:
            yield txn

    def close(self) -> None:
        self._pool.close()

    @contextmanager
    def _transaction(self, begin: str, *, locks: bool) -> Iterator[Txn]:
        def begun(first: str) -> Database:
            return self._begun(f"{begin}; {self._begin}; {first}")

        txn = PostgresTxn(begun, self.schema, self._server, locks=locks)
        try:
            yield txn
            txn.commit()
        finally:
            if txn.database is not None:
                self._give_back(txn.database)

    def _begun(self, begin: str) -> Database:
        """A connection with a transaction begun; one that the server has closed meanwhile is given up."""
        for last in (*[False] * self._pool.max_size, True):
            database = self._connection()
            try:
                found = _last(_execute(database.cursor(), begin))
            except BaseException as error:
                self._give_back(database)
                if last or not isinstance(error, LedgerUnavailable):
                    raise
            else:
                self._server.set(found)
                return database
        raise AssertionError("the last one returns or raises")

    def _give_back(self, database: Database) -> None:
        """What was not committed is undone."""
        try:
            with suppress(psycopg.Error):
                database.rollback()
        finally:
            self._pool.putconn(database)

    def _connection(self) -> Database:
        until = time.monotonic() + WAIT_SECONDS
        while (database := self._in_turn()) is None:
            over = time.monotonic() >= until
            # Where it was away for all of that time, whoever has yet to tidy up does not wait as long again.
            if over or self._down:
                self._down = True
                with _connected(self._dsn):  # whose failure says what is wrong
                    self._down = False
            if over:
                raise LedgerUnavailable(
                    f"no connection to the ledger's server was free within {WAIT_SECONDS:.0f} seconds",
                    advice="what was under way is taken up again; if it happens often, raise `most`",
                )
        self._down = False
        return database

    def _in_turn(self) -> Database | None:
        """A connection of the pool; None where it has none to give for a while."""
        try:
            return self._pool.getconn(min(_TURN_SECONDS, WAIT_SECONDS))
        except PoolTimeout:
            return None
        except psycopg.Error as error:
            failure = _failure(error)
        raise failure


def _last(cursor: Cursor) -> float:
    """The last value that the last of several statements has found."""
    while cursor.nextset():
        """Those before it found nothing."""
    return float((cursor.fetchone() or (0.0,))[-1])


def _execute(cursor: Cursor, text: str, values: Sequence[Any] | None = None) -> Cursor:
    try:
        return cursor.execute(text.encode(), values)
    except psycopg.Error as error:
        failure = _failure(error, cursor.connection)
    except UnicodeEncodeError:
        failure = LedgerError(NO_TEXT)
    raise failure


def _failure(error: psycopg.Error, database: Database | None = None) -> LedgerError:
    """What went wrong and where, without the values that the server's own words may repeat."""
    where = f"the ledger's server{_place(database)}"
    code = error.sqlstate or ""
    advice = next((text for start, text in _ADVICE.items() if code.startswith(start)), "")
    # Of a value that is beyond a limit of the server's it makes no other of it to try again.
    if not isinstance(error, psycopg.OperationalError) or code.startswith("54"):
        return LedgerError(f"{where} failed: {type(error).__name__}, SQLSTATE {code}", advice=advice)
    if code:
        return LedgerUnavailable(f"{where} failed: {type(error).__name__}, SQLSTATE {code}", advice=advice)
    return LedgerUnavailable(f"the connection to {where} was lost ({type(error).__name__})")


_ADVICE = {
    "53100": "free space on the disk of the ledger's server; then the next run goes on, nothing was lost",
    "25006": "it takes no changes: have the DSN name the primary, or say `target_session_attrs=read-write`",
    "42501": "give the ledger's user the right to its schema and tables",
}
"""By SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html), where a person has to act."""


def _place(database: Database | None) -> str:
    with suppress(psycopg.Error):  # one that has been closed here knows no more
        if database is not None:
            return f" at {database.info.host}, port {database.info.port},"
    return ""


def _conninfo(dsn: Secret) -> str:
    """The DSN, with a time-out for a server that does not answer at all.

    Raises:
        ConfigurationError: it is none.
    """
    text = dsn.reveal()
    try:
        told: dict[str, Any] = {"connect_timeout": _CONNECT_SECONDS, **conninfo_to_dict(text)}
        return make_conninfo(**{**told, "client_encoding": "utf8"})
    except psycopg.ProgrammingError:
        wrong = "the ledger's DSN cannot be read"  # its own words may repeat the password
    raise ConfigurationError(wrong, advice=_DSN)


def _to_server(text: str) -> str:
    """PostgreSQL's text has no NUL; whatever a vendor or a CRM says does not fail for it."""
    if "\0" in text or _ESCAPE in text:
        return text.replace(_ESCAPE, f"{_ESCAPE}1").replace("\0", f"{_ESCAPE}0")
    return text


def _from_server(text: str) -> str:
    if _ESCAPE in text:
        return text.replace(f"{_ESCAPE}0", "\0").replace(f"{_ESCAPE}1", _ESCAPE)
    return text


class _TextDumper(StrDumper):
    def dump(self, obj: str) -> Buffer | None:
        return super().dump(_to_server(obj))


class _TextLoader(Loader):
    def load(self, data: Buffer) -> str:
        return _from_server(bytes(data).decode())


def _takes_any_text(database: Database) -> None:
    database.adapters.register_dumper(str, _TextDumper)
    database.adapters.register_loader("text", _TextLoader)


def _key(schema: str, name: str = "") -> int:
    """An advisory lock is a number; two names that share one wait for each other, and no more."""
    text = f"atsbridge {schema}/{name}".encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), signed=True)


def enqueue(connection: Any, update: StatusUpdate, *, schema: str = "atsbridge") -> None:
    """Put a recruiter's change into the ledger within the caller's own transaction.

    It is committed, or rolled back, with whatever else that transaction does.
    The next push takes it in; such a CRM's own feed of changes stays empty.

    Args:
        connection: to the ledger's database: psycopg's, psycopg2's or Django's, or a ``Connection``
            or ``Session`` of SQLAlchemy over one of these drivers.
        schema: the ledger's.

    Raises:
        ConfigurationError: the schema's name is not usable.
        UnsupportedPair: the connection is an asynchronous one; with SQLAlchemy, use ``run_sync``.
        LedgerError: another change waits under the same event id. One that was taken in already
            is seen by intake: this one is refused in its own receipt then.
    """
    if isinstance(connection, psycopg.AsyncConnection) or hasattr(connection, "run_sync"):
        raise UnsupportedPair("enqueue needs a synchronous connection; with SQLAlchemy, use run_sync")
    if not any(hasattr(connection, name) for name in ("cursor", "exec_driver_sql", "connection")):
        raise UnsupportedPair(
            f"enqueue cannot use a {type(connection).__name__}",
            advice="give it the connection, or SQLAlchemy's Connection or Session, of your own transaction",
        )
    row = enqueued(update)
    text = f'INSERT INTO "{_checked(schema)}".{row.TABLE} ({", ".join(row.columns())})'
    # Not DO NOTHING: that gives no row back, and the one in its way may be taken in before it is looked at.
    text += " VALUES (%s, %s, %s) ON CONFLICT (connection, event_id)"
    text += f" DO UPDATE SET change = {row.TABLE}.change RETURNING change"
    values = tuple(_to_server(getattr(row, name)) for name in row.columns())
    if not hasattr(connection, "cursor") and not hasattr(connection, "exec_driver_sql"):
        connection = connection.connection()  # of SQLAlchemy's session
    if hasattr(connection, "exec_driver_sql"):
        # Past its driver's own connection: SQLAlchemy must know of the transaction.
        (kept,) = connection.exec_driver_sql(text, values).one()
    else:
        # Whatever kind of rows the caller likes.
        plain: dict[str, Any] = {"row_factory": tuple_row} if hasattr(connection, "row_factory") else {}
        with closing(connection.cursor(**plain)) as cursor:
            cursor.execute(text, values)
            found = cursor.fetchone()
        kept = found["change"] if isinstance(found, Mapping) else found[0]
    if not is_repeat(row, _from_server(kept)):
        raise LedgerError(
            "the change's event id was used before, for another change that waits for intake",
            advice="give each change an id of its own; only the same change put in again has the same",
        )


def _checked(schema: str) -> str:
    """The schema's name, which no statement can have as a bound value."""
    if not _SCHEMA.fullmatch(schema):
        raise ConfigurationError("a schema's name has lower-case letters, digits and '_' alone, at most 63")
    return schema


# -- the schema ---------------------------------------------------------------------------------


def migrate(dsn: Secret, schema: str) -> None:
    """Bring a schema to the newest form, in one transaction, whoever else is at work.

    No other worker is in a transaction meanwhile. A migration only adds, each
    column with a default, so that workers of the release before go on.

    Raises:
        LedgerUnavailable, LedgerError: see `PostgresLedger`.
    """
    with _connected(dsn) as database:
        cursor = database.cursor()
        if _pending(cursor, schema):
            with database.transaction():
                _execute(cursor, "SELECT pg_advisory_xact_lock(%s)", [_key(schema)])
                for number, text in _pending(cursor, schema):
                    _step(cursor, schema, number, text)


def _pending(cursor: Cursor, schema: str) -> list[tuple[int, str]]:
    """The migrations that a schema has not seen yet."""
    steps = migrations(PostgresTxn.dialect.name)
    # Not `to_regclass`: what that remembers may be older than a lock that was waited for.
    look = "SELECT FROM pg_tables WHERE schemaname = %s AND tablename = 'schema_version'"
    if _execute(cursor, look, [schema]).fetchone() is None:
        return steps
    have = _last(_execute(cursor, f'SELECT max(number) FROM "{schema}".schema_version'))
    if have > steps[-1][0]:
        raise LedgerError(
            f"the ledger is of schema {have:.0f}, newer than this release knows ({steps[-1][0]})",
            advice=NEWER,
        )
    return [(number, text) for number, text in steps if number > have]


def _step(cursor: Cursor, schema: str, number: int, text: str) -> None:
    # Not "IF NOT EXISTS": that asks for the right to make one also where there is one.
    if _execute(cursor, "SELECT FROM pg_namespace WHERE nspname = %s", [schema]).fetchone() is None:
        _execute(cursor, f'CREATE SCHEMA "{schema}"')
    _execute(cursor, f'SET LOCAL search_path TO "{schema}"; {in_postgres(text)}')
    _execute(cursor, "CREATE TABLE IF NOT EXISTS schema_version (number BIGINT PRIMARY KEY)")
    _execute(cursor, "INSERT INTO schema_version VALUES (%s)", [number])


def in_postgres(text: str) -> str:
    """A migration, as it is written for SQLite, in PostgreSQL's words."""
    return _SQLITE_TYPES.sub(lambda found: _TYPES[found.group()], text.replace(" WITHOUT ROWID", ""))


_TURNED_AWAY = re.compile(r"authentication failed|no password supplied|no pg_hba\.conf entry|does not exist")
"""What a server says that answers and lets nobody in: libpq has no code for it, and the server may say it in
another language; then it counts as one that cannot be reached."""


def _unconnected(words: str) -> AtsBridgeError:
    """Why there is no connection: it is no use to try again where the DSN is wrong."""
    if "invalid integer value" in words:
        return ConfigurationError(f"the ledger's DSN cannot be used: {words}", advice=_DSN)
    if "FATAL" in words and _TURNED_AWAY.search(words):
        return LedgerError(
            f"the ledger's server turns the connection away: {words}",
            advice="look at user, password and database in its DSN, and at the server's pg_hba.conf",
        )
    return LedgerUnavailable(f"the ledger's server cannot be reached: {words}")


@contextmanager
def _connected(dsn: Secret) -> Iterator[Database]:
    """A connection of its own: unlike a pool's, its failure says what is wrong."""
    try:
        database = psycopg.connect(_conninfo(dsn), autocommit=True)
    except psycopg.OperationalError as error:
        # The words are of host, port and user.
        failure = _unconnected(" ".join(str(error).split()))
    else:
        with database:
            yield database
        return
    raise failure
