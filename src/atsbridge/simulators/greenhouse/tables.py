"""Records of one kind, kept in the order in which the vendor lists them.

Ids are held sorted, so that a page costs what it shows and nothing is sorted
again; each record keeps its JSON once it has been rendered.
"""

from __future__ import annotations

import json
from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from attrs import define

Record = dict[str, Any]


@define
class Row:
    """One state of a record; a change makes a new row, so an old one can still be shown."""

    data: Record
    raw: bytes | None = None


@define
class Lag:
    """Until when the changes made now stay unseen by readers; None shows them at once."""

    until: float | None = None


class Table:
    """All records of one listing.

    Args:
        name: the listing's name.
        indexed: columns by which records are looked up.
        lag: shared by the tables of an account.
    """

    def __init__(self, name: str, *, indexed: Iterable[str], lag: Lag) -> None:
        self.name = name
        self.hidden_fields: frozenset[str] = frozenset()
        self._rows: dict[int, Row] = {}
        self._order: list[int] = []
        self._index: dict[str, dict[Any, set[int]]] = {column: {} for column in indexed}
        self._lag = lag
        self._pending: dict[int, list[tuple[float, Row | None]]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, id: object) -> bool:
        return id in self._rows

    def __iter__(self) -> Iterator[Record]:
        """As things really are, oldest id first."""
        return (row.data for id in self._order if (row := self._rows.get(id)))

    # -- as things really are --

    def insert(self, data: Record) -> Record:
        id = data["id"]
        if id in self._rows:
            raise ValueError(f"{self.name} has {id} already")
        self._keep_old(id)
        self._rows[id] = Row(data)
        self._place(id)
        self._file(id, data)
        return data

    def change(self, id: int, **changes: Any) -> Record:
        old = self._rows[id].data
        self._keep_old(id)
        self._unfile(id, old)
        data = {**old, **changes}
        self._rows[id] = Row(data)
        self._file(id, data)
        return data

    def remove(self, id: int) -> None:
        self._keep_old(id)
        self._unfile(id, self._rows.pop(id).data)
        if id not in self._pending:
            del self._order[bisect_left(self._order, id)]

    def find(self, id: object) -> Record | None:
        row = self._rows.get(id) if isinstance(id, int) else None
        return row.data if row else None

    def where(self, column: str, value: object) -> list[Record]:
        """The records with this value in an indexed column, oldest id first."""
        return [self._rows[id].data for id in sorted(self._index[column].get(value, ()))]

    def has(self, column: str) -> bool:
        return column in self._index

    # -- as readers see them --

    def shown(self, id: int, now: float) -> Row | None:
        self._settle(now)
        pending = self._pending.get(id)
        return pending[0][1] if pending else self._rows.get(id)

    def scan(
        self, now: float, *, below: int | None = None, among: tuple[str, Collection[Any]] | None = None
    ) -> Iterator[Row]:
        """What readers see, highest id first, from under ``below``; ``among``: an indexed column's values."""
        self._settle(now)
        for id in self._ids(below, among):
            pending = self._pending.get(id)
            row = pending[0][1] if pending else self._rows.get(id)
            if row is not None:
                yield row

    def render(self, row: Row) -> bytes:
        if row.raw is None:
            row.raw = encode({k: v for k, v in row.data.items() if k not in self.hidden_fields})
        return row.raw

    def _ids(self, below: int | None, among: tuple[str, Collection[Any]] | None) -> Iterable[int]:
        if among is None:
            end = len(self._order) if below is None else bisect_left(self._order, below)
            return (self._order[at] for at in range(end - 1, -1, -1))
        column, values = among
        if column == "id":
            found = {v for v in values if v in self._rows or v in self._pending}
        else:
            found = set().union(*(self._index[column].get(value, ()) for value in values))
            # A record whose change is not seen yet may still be filed under its old value for readers.
            found |= self._pending.keys()
        return sorted((id for id in found if below is None or id < below), reverse=True)

    # -- keeping --

    def _place(self, id: int) -> None:
        if not self._order or id > self._order[-1]:
            self._order.append(id)
        elif self._order[bisect_left(self._order, id)] != id:
            insort(self._order, id)

    def _file(self, id: int, data: Record) -> None:
        for column, index in self._index.items():
            index.setdefault(data.get(column), set()).add(id)

    def _unfile(self, id: int, data: Record) -> None:
        for column, index in self._index.items():
            index[data.get(column)].discard(id)

    def _keep_old(self, id: int) -> None:
        if self._lag.until is not None:
            self._pending.setdefault(id, []).append((self._lag.until, self._rows.get(id)))

    def _settle(self, now: float) -> None:
        for id in list(self._pending):
            left = [(until, row) for until, row in self._pending[id] if until > now]
            if left:
                self._pending[id] = left
                continue
            del self._pending[id]
            if id not in self._rows:
                del self._order[bisect_left(self._order, id)]


def encode(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
