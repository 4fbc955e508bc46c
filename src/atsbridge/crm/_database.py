"""One SQLite database: opened late, migrated, shared between threads under a lock."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

from .._sqlite import BUSY_SECONDS, CHECKPOINT_PAGES, advice, make_private, use_wal, words
from ..errors import CrmError

CACHE_KIB = 16_384
"""A bulk load with ids in random order touches most pages of a key's index: the cache holds the index."""

Migration = tuple[str, ...]


class Database:
    """One connection under a lock, so that ``:memory:`` is one database for all threads.

    The driver's thread and a recruiter's thread may use it by turns; each
    transaction holds the lock from its beginning to its commit. Other processes
    may use the same file: writers wait for each other at the database's door.

    Args:
        path: a file, made if absent, or ``:memory:``.
        migrations: in order; the database's ``user_version`` counts those done.
        connect: how the database is opened; tests bring their own.
    """

    def __init__(
        self,
        path: str | Path,
        migrations: Sequence[Migration],
        *,
        connect: Callable[..., sqlite3.Connection] = sqlite3.connect,
    ) -> None:
        self.path = str(path)
        self._connect_to = connect
        self._migrations = migrations
        self._lock = RLock()
        self._db: sqlite3.Connection | None = None
        self._closed = False
        self._durable = True

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """One write transaction; what it did is undone if the block raises.

        With ``durable`` it survives a power cut from the moment it has
        committed (https://www.sqlite.org/pragma.html#pragma_synchronous).

        Raises:
            CrmError: a fault of the database's file or its disk.
        """
        with self._lock, self._faults_named():
            db = self._open()
            self._sync(db, durable)
            try:
                # Inside: whoever is interrupted here must not leave the database locked.
                db.execute("BEGIN IMMEDIATE")
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Reads that all see the same state."""
        with self._lock, self._faults_named():
            db = self._open()
            try:
                db.execute("BEGIN")
                yield db
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")

    def close(self) -> None:
        """Close for good. May be called twice."""
        with self._lock:
            if self._db is not None:
                self._db.close()
            self._db = None
            self._closed = True

    @contextmanager
    def _faults_named(self) -> Iterator[None]:
        """A fault of the file or its disk says where it is, what SQLite said, and what to do."""
        try:
            yield
            return
        except sqlite3.Error as error:
            if not (what_to_do := advice(error)):
                raise
            what = f"the CRM's database {self.path} failed: SQLite says: {words(error)}"
            failure = CrmError(what, advice=what_to_do)
        raise failure

    def _open(self) -> sqlite3.Connection:
        if self._closed:
            raise CrmError("the CRM's database is closed", advice="open it anew, and close it last")
        if self._db is None:
            self._db = self._connect()
        return self._db

    def _connect(self) -> sqlite3.Connection:
        make_private(self.path)
        db = self._connect_to(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            use_wal(db, BUSY_SECONDS)
            db.execute("PRAGMA synchronous = FULL")
            # What was blanked must not stay readable in the file's free space.
            db.execute("PRAGMA secure_delete = ON")
            db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            migrate(db, self._migrations)
        except BaseException:
            db.close()
            raise
        return db

    def _sync(self, db: sqlite3.Connection, durable: bool) -> None:
        if durable != self._durable:
            db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable


def migrate(db: sqlite3.Connection, migrations: Sequence[Migration]) -> None:
    """Bring the schema to the newest version; all missing steps are one transaction.

    Raises:
        CrmError: a newer release has written this database.
    """
    if _version(db) == len(migrations):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        # Looked at again under the lock: another process may have been quicker.
        done = _version(db)
        if done > len(migrations):
            raise CrmError(
                "a newer release of atsbridge has written this CRM database",
                advice="install that release, or give this one a database of its own",
            )
        for statement in (s for migration in migrations[done:] for s in migration):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {len(migrations)}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])
