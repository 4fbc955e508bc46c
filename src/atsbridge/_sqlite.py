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
