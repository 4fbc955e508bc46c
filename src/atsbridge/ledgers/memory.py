"""A ledger in memory: for tests, demos and dry runs. It forgets everything at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Any, TypeVar, cast

import attrs

from ..sync.ledger import ROWS, Clock, Ledger, MonotonicClock, Row, Txn, Where
from ..sync.overlay import ordered

R = TypeVar("R", bound=Row)
Tables = dict[type[Row], dict[tuple[Any, ...], Row]]


class MemoryTxn(Txn):
    """A transaction on dictionaries; it notes what it changed, so that it can be undone."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._undo: list[tuple[type[Row], tuple[Any, ...], Row | None]] = []

    def get(self, row_type: type[R], *key: Any) -> R | None:
        return cast("R | None", self._tables[row_type].get(key))

    def get_many(self, row_type: type[R], prefix: tuple[Any, ...], last: Sequence[Any]) -> dict[Any, R]:
        table = self._tables[row_type]
        found = ((part, table.get((*prefix, part))) for part in last)
        return {part: cast(R, row) for part, row in found if row is not None}

    def find(
        self, row_type: type[R], where: Where, *, order: Sequence[str] = (), limit: int | None = None
    ) -> list[R]:
        return ordered([cast(R, r) for r in self._tables[row_type].values() if where.holds(r)], order, limit)

    def count(self, row_type: type[Row], where: Where) -> int:
        return sum(where.holds(row) for row in self._tables[row_type].values())

    def put(self, rows: Iterable[Row]) -> None:
        for row in rows:
            table, key = self._tables[type(row)], row.key
            self._undo.append((type(row), key, table.get(key)))
            table[key] = row

    def set(self, row_type: type[Row], where: Where, **values: Any) -> None:
        self.put([attrs.evolve(row, **values) for row in self.find(row_type, where)])

    def delete(self, row_type: type[Row], where: Where) -> None:
        for row in self.find(row_type, where):
            self._undo.append((row_type, row.key, self._tables[row_type].pop(row.key)))

    def undo(self) -> None:
        for row_type, key, before in reversed(self._undo):
            if before is None:
                self._tables[row_type].pop(key, None)
            else:
                self._tables[row_type][key] = before


class MemoryLedger(Ledger):
    """Args: ``clock`` replaces the system's monotonic clock."""

    def __init__(self, *, clock: Clock | None = None) -> None:
        self.clock = clock or MonotonicClock()
        self.tables: Tables = {row_type: {} for row_type in ROWS}
        self._lock = RLock()

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Txn]:
        with self._lock:
            txn = MemoryTxn(self.tables)
            try:
                yield txn
            except BaseException:
                txn.undo()
                raise

    @contextmanager
    def snapshot(self) -> Iterator[Txn]:
        with self._lock:
            yield MemoryTxn(self.tables)

    def close(self) -> None:
        """Nothing to give back."""
