"""What the ledger's and the CRM's SQLite databases have in common."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

BUSY_SECONDS = 30.0
"""How long to wait for another process that writes."""

CHECKPOINT_PAGES = 8_000
"""A page's commit changes the same few pages of the file again and again, and a bulk load in random
order most pages of a key's index: fewer checkpoints halve what that costs."""

_RIGHTS = "give the user that runs this the right to write the file and its folder, where SQLite makes more"
_DAMAGE = "look whether it is the right file, and put its backup in place if it is damaged"
_ADVICE = {
    sqlite3.SQLITE_FULL: "free space on its disk; the next run goes on from there, nothing was lost",
    sqlite3.SQLITE_READONLY: _RIGHTS,
    sqlite3.SQLITE_PERM: _RIGHTS,
    sqlite3.SQLITE_CANTOPEN: f"look at its path; {_RIGHTS}",
    sqlite3.SQLITE_BUSY: "another program is writing to it, or is in a transaction there: see that it ends",
    # Also said where the disk is too full for the files that SQLite makes beside a database.
    sqlite3.SQLITE_IOERR: "look at its disk, and at the free space there; the next run goes on from there",
    sqlite3.SQLITE_CORRUPT: _DAMAGE,
    sqlite3.SQLITE_NOTADB: _DAMAGE,
}
"""What to do about a fault of a database's file, by SQLite's primary result code
(https://www.sqlite.org/rescode.html)."""


def code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 where the error is of Python's own making."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def advice(error: sqlite3.Error) -> str:
    """What to do about it, where it is a fault of the file or its disk; else nothing."""
    return _ADVICE.get(code(error), "")


def words(error: sqlite3.Error) -> str:
    """What SQLite itself said, which names tables and files alone; Python's own words may repeat a value."""
    return str(error) if code(error) else type(error).__name__


def make_private(path: str | Path) -> None:
    """Make a new database's file so that its owner alone can open it; one that is there stays as it is.

    SQLite gives the files that it makes beside a database the database's own rights.
    Where the file cannot be made, SQLite is the one to say so.
    """
    if str(path) == ":memory:":
        return
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def use_wal(database: sqlite3.Connection, seconds: float) -> None:
    """Write-ahead logging, however many processes open the new database at once.

    SQLite does not wait at this statement for another's write to end, whatever
    the connection's timeout, since that could be a deadlock
    (https://www.sqlite.org/c3ref/busy_handler.html). Call it on a connection
    with no transaction open: then it is safe to ask again.

    Raises:
        sqlite3.OperationalError: still busy after ``seconds``.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            database.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(0.01)
