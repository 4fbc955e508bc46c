"""SQLite databases in memory that can be kept, put back, and lose what was not synced.

In write-ahead mode a commit under ``synchronous=FULL`` is on the disk with all
that was committed before it, and one under NORMAL may be lost to a power cut
(https://www.sqlite.org/pragma.html#pragma_synchronous). A `Disk` remembers the
database as it was at the last commit of the first kind.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from attrs import define, field


@define(eq=False)
class Disk:
    """Where one database lives; its `connect` is given to a ledger or a CRM.

    Args:
        content: of a database that was there before.
        loses: a power cut may come: what is synced has to be remembered.
    """

    content: bytes = b""
    loses: bool = False
    database: _Connection | None = field(default=None, init=False)

    def connect(self, _path: object, **settings: Any) -> sqlite3.Connection:
        made = sqlite3.connect(":memory:", factory=_Connection, **settings)
        made.disk = self
        if self.content:
            made.deserialize(self.content)
        self.database = made
        return made

    def keep(self) -> bytes:
        """The whole database as it is now."""
        assert self.database is not None
        return self.database.serialize()

    def cut_power(self) -> None:
        """What was not synced is gone."""
        assert self.database is not None
        self.database.deserialize(self.content)

    def close(self) -> None:
        if self.database is not None:
            self.database.close()


class _Connection(sqlite3.Connection):
    disk: Disk
    synced = True

    def execute(self, sql: str, values: Any = (), /) -> sqlite3.Cursor:
        found = super().execute(sql, values)
        if sql.startswith("PRAGMA synchronous"):
            self.synced = sql.rstrip().endswith("FULL")
        elif sql == "COMMIT" and self.synced and self.disk.loses:
            self.disk.content = self.serialize()
        return found
