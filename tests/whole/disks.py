"""Disks that have no room left: SQLite's own error, without filling a disk."""

from __future__ import annotations

import sqlite3
from typing import Any

from attrs import define


@define(eq=False)
class Disk:
    """Where SQLite databases lie; its `connect` is given to a ledger or a CRM.

    Args:
        room: how many more commits it takes that change something; None for any number.
        once: the one after that fails, and then there is room again.
    """

    room: int | None = None
    once: bool = False
    refused: int = 0

    def connect(self, path: Any, **settings: Any) -> sqlite3.Connection:
        made = sqlite3.connect(path, factory=_OnDisk, **settings)
        made.disk = self
        return made

    def takes(self) -> bool:
        if self.room is None:
            return True
        if self.room:
            self.room -= 1
            return True
        self.refused += 1
        if self.once:
            self.room = None
        return False


class _OnDisk(sqlite3.Connection):
    """In write-ahead mode it is at a commit that changes go to the disk."""

    disk: Disk
    _changes = 0

    def execute(self, sql: str, values: Any = (), /) -> sqlite3.Cursor:
        if sql.startswith("BEGIN"):
            self._changes = self.total_changes
        elif sql.startswith("CREATE"):
            self._changes = -1
        elif sql == "COMMIT" and self.total_changes > self._changes and not self.disk.takes():
            self._want_a_page_more()
        return super().execute(sql, values)

    def _want_a_page_more(self) -> None:
        (pages,) = super().execute("PRAGMA page_count").fetchone()
        super().execute(f"PRAGMA max_page_count={pages}")
        try:
            for number in range(100):  # those that are free take some
                super().execute(f"CREATE TABLE filler_{number} (x)")
        finally:
            super().execute("PRAGMA max_page_count=1073741823")
