"""A ledger laid over another one: reads fall through, nothing is ever written below. For dry runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Any, TypeVar, cast

import attrs

from .ledger import Ledger, Row, Txn, Where

R = TypeVar("R", bound=Row)
Own = dict[type[Row], dict[tuple[Any, ...], Row | None]]


class OverlayTxn(Txn):
    """A transaction whose changes stay above."""

    def __init__(self, below: Txn, own: Own) -> None:
        self._below = below
        self._own = own
        self._undo: list[tuple[type[Row], tuple[Any, ...], bool, Row | None]] = []

    def get(self, row_type: type[R], *key: Any) -> R | None:
        own = self._own.setdefault(row_type, {})
        return cast("R | None", own[key]) if key in own else self._below.get(row_type, *key)

    def get_many(self, row_type: type[R], prefix: tuple[Any, ...], last: Sequence[Any]) -> dict[Any, R]:
        found = self._below.get_many(row_type, prefix, last)
        own = self._own.setdefault(row_type, {})
        for part in last:
            if (*prefix, part) in own:
                row = cast("R | None", own[(*prefix, part)])
                if row is None:
                    _ = found.pop(part, None)
                else:
                    found[part] = row
        return found

    def find(
        self, row_type: type[R], where: Where, *, order: Sequence[str] = (), limit: int | None = None
    ) -> list[R]:
        own = self._own.setdefault(row_type, {})
        most = None if limit is None else limit + len(own)
        rows = [r for r in self._below.find(row_type, where, order=order, limit=most) if r.key not in own]
        rows.extend(cast(R, r) for r in own.values() if r is not None and where.holds(r))
        return ordered(rows, order, limit)

    def count(self, row_type: type[Row], where: Where) -> int:
        return len(self.find(row_type, where))

    def put(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self._change(type(row), row.key, row)

    def set(self, row_type: type[Row], where: Where, **values: Any) -> None:
        self.put([attrs.evolve(row, **values) for row in self.find(row_type, where)])

    def delete(self, row_type: type[Row], where: Where) -> None:
        for row in self.find(row_type, where):
            self._change(row_type, row.key, None)

    def _change(self, row_type: type[Row], key: tuple[Any, ...], row: Row | None) -> None:
        own = self._own.setdefault(row_type, {})
        self._undo.append((row_type, key, key in own, own.get(key)))
        own[key] = row

    def undo(self) -> None:
        for row_type, key, was_there, before in reversed(self._undo):
            if was_there:
                self._own[row_type][key] = before
            else:
                _ = self._own[row_type].pop(key, None)


def ordered(rows: list[R], order: Sequence[str], limit: int | None) -> list[R]:
    """Rows sorted by columns, a leading ``-`` turning one round, None first as in SQL."""
    for name in reversed(order):
        column = name.lstrip("-")
        rows.sort(
            key=lambda row: (getattr(row, column) is not None, getattr(row, column)),
            reverse=name.startswith("-"),
        )
    return rows if limit is None else rows[:limit]


class OverlayLedger(Ledger):
    """Everything of ``below`` can be read, and changed here alone."""

    def __init__(self, below: Ledger) -> None:
        self.clock = below.clock
        self._below = below
        self._own: Own = {}
        self._lock = RLock()

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Txn]:
        with self._lock, self._below.snapshot() as txn:
            overlay = OverlayTxn(txn, self._own)
            try:
                yield overlay
            except BaseException:
                overlay.undo()
                raise

    @contextmanager
    def snapshot(self) -> Iterator[Txn]:
        with self._lock, self._below.snapshot() as txn:
            yield OverlayTxn(txn, self._own)

    def close(self) -> None:
        """What was changed here is forgotten."""
        self._own.clear()
