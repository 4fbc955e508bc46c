"""What ledgers in a database share: statements made from the row types, and the numbered migrations."""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import resources
from operator import attrgetter
from typing import Any, Protocol, TypeVar

import attrs
from attrs import frozen

from ..sync.ledger import ROWS, Row, Txn, Where
from ..wire.collecting import uncollected

R = TypeVar("R", bound=Row)
_CHUNK = 500
_SIGNS = (("equal", "="), ("at_most", "<="), ("at_least", ">="), ("above", ">"))


NEWER = "install the release that wrote it, or a newer one; it was not touched"
"""What to do about a ledger of a newer schema."""

NO_TEXT = "the ledger was given a text that is none in Unicode; nothing of that transaction was kept"

Bound = tuple[str, Sequence[Any]]
"""A piece of a statement, and the values that are bound to its marks."""


@frozen(kw_only=True)
class Dialect:
    """How one database's SQL is put; what every one understands, unless it says otherwise.

    Args:
        name: as a migration of this database alone has it in its file's name.
        mark: stands for a value.
    """

    name: str
    mark: str

    def among(self, column: str, values: Sequence[Any]) -> Bound:
        """That a column is one of several values."""
        return f"{column} IN ({','.join(self.mark for _ in values)})", values

    def with_keys(self, row_type: type[Row], prefix: Sequence[Any], last: Sequence[Any]) -> Bound:
        """The rows whose key is a prefix and one of several last parts."""
        *first, name = row_type.columns()[: row_type.KEY]
        among, values = self.among(name, last)
        return f"WHERE {' AND '.join([*(f'{n}={self.mark}' for n in first), among])}", (*prefix, *values)

    def rows(self, row_type: type[Row]) -> str:
        """Where an INSERT has its rows from."""
        return f"VALUES ({','.join(self.mark for _ in row_type.columns())})"

    def nulls_first(self, *, falling: bool) -> str:
        """Said behind a column that may be NULL, so that NULL is the least."""
        return ""

    def where(self, where: Where) -> Bound:
        terms: list[str] = []
        bound: list[Any] = []
        for field, sign in _SIGNS:
            for column, value in getattr(where, field).items():
                if value is None and sign == "=":
                    terms.append(f"{column} IS NULL")
                else:
                    terms.append(f"{column} {sign} {self.mark}")
                    bound.append(value)
        for column, values in where.among.items():
            term, several = self.among(column, values)
            terms.append(term)
            bound.extend(several)
        return ("WHERE " + " AND ".join(terms) if terms else ""), bound

    def order(self, row_type: type[Row], order: Sequence[str]) -> str:
        """For columns, a leading ``-`` turning one round; NULL is the least."""
        types, terms = types_of(row_type), []
        for name in order:
            column, falling = name.lstrip("-"), name.startswith("-")
            nulls = self.nulls_first(falling=falling) if "None" in types[column] else ""
            terms.append(f"{column}{' DESC' if falling else ''}{nulls}")
        return " ORDER BY " + ", ".join(terms) if terms else ""


_TYPES = {row_type: {field.name: str(field.type) for field in attrs.fields(row_type)} for row_type in ROWS}


def types_of(row_type: type[Row]) -> Mapping[str, str]:
    """The type of each column, as it is written in the row type."""
    return _TYPES[row_type]


@frozen
class _Table:
    """A row type in SQL and back, put together once: that costs more than to run it."""

    select: str
    by_key: str
    upsert: str
    key: Callable[[Row], tuple[Any, ...]]
    values: Callable[[Row], tuple[Any, ...]]
    make: Callable[[tuple[Any, ...]], Any]

    @classmethod
    def of(cls, row_type: type[Row], dialect: Dialect) -> _Table:
        columns, keys = row_type.columns(), row_type.columns()[: row_type.KEY]
        names = ", ".join(columns)
        sets = ", ".join(f"{n}=excluded.{n}" for n in columns[row_type.KEY :])
        select = f"SELECT {names} FROM {row_type.TABLE} "
        return cls(
            select=select,
            by_key=f"{select}WHERE {' AND '.join(f'{n}={dialect.mark}' for n in keys)}",
            upsert=f"INSERT INTO {row_type.TABLE} ({names}) {dialect.rows(row_type)}"
            f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {sets}",
            key=attrgetter(*keys) if len(keys) > 1 else lambda row: row.key,
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


Tables = Mapping[type[Row], _Table]


def tables(dialect: Dialect) -> Tables:
    """Every row type's statements in a database's SQL."""
    return {row_type: _Table.of(row_type, dialect) for row_type in ROWS}


class Found(Protocol):
    """What a database's cursor gives back."""

    def fetchone(self) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...


class SqlTxn(Txn):
    """A transaction in a database; a subclass says how its statements are run.

    What it has read or put by key it does not read again: nobody else changes it meanwhile.
    What is put is written in one statement a table, before the next one that looks
    through that table, or before the commit.

    Attributes:
        dialect, tables: of that database.
    """

    dialect: Dialect
    tables: Tables

    def __init__(self) -> None:
        self._seen: dict[type[Row], dict[tuple[Any, ...], Any]] = defaultdict(dict)
        self._unwritten: dict[type[Row], dict[tuple[Any, ...], Any]] = {}

    @abstractmethod
    def run(self, text: str, values: Sequence[Any], *, connection: str | None) -> Found:
        """Run a statement about the rows of one connection, or of all of them."""

    @abstractmethod
    def upsert(self, row_type: type[Row], rows: Iterable[Sequence[Any]], *, only: str) -> int:
        """Insert rows of these values, or replace those that a clause, if any, allows; how many it were."""

    def get(self, row_type: type[R], *key: Any) -> R | None:
        seen: dict[tuple[Any, ...], R | None] = self._seen[row_type]
        if key not in seen:
            table = self.tables[row_type]
            values = self.run(table.by_key, key, connection=key[0]).fetchone()
            seen[key] = None if values is None else table.make(values)
        return seen[key]

    @uncollected
    def get_many(self, row_type: type[R], prefix: tuple[Any, ...], last: Sequence[Any]) -> dict[Any, R]:
        table, seen = self.tables[row_type], self._seen[row_type]
        wanted = [part for part in last if (*prefix, part) not in seen]
        seen.update(((*prefix, part), None) for part in wanted)
        for row in map(table.make, self._chunks(row_type, table.select, prefix, wanted)):
            seen[table.key(row)] = row
        return {part: row for part in last if (row := seen[*prefix, part]) is not None}

    def get_columns(
        self, row_type: type[Row], columns: Sequence[str], prefix: tuple[Any, ...], last: Sequence[Any]
    ) -> dict[Any, tuple[Any, ...]]:
        self.write(row_type)
        names = ", ".join((row_type.columns()[row_type.KEY - 1], *columns))
        found = self._chunks(row_type, f"SELECT {names} FROM {row_type.TABLE} ", prefix, last)
        return {values[0]: values[1:] for values in found}

    def _chunks(
        self, row_type: type[Row], select: str, prefix: tuple[Any, ...], last: Sequence[Any]
    ) -> Iterator[tuple[Any, ...]]:
        """What is selected of the rows with these keys, in pieces that every database takes."""
        for start in range(0, len(last), _CHUNK):
            clause, values = self.dialect.with_keys(row_type, prefix, last[start : start + _CHUNK])
            yield from self.run(select + clause, values, connection=prefix[0])

    def find(
        self, row_type: type[R], where: Where, *, order: Sequence[str] = (), limit: int | None = None
    ) -> list[R]:
        self.write(row_type)
        text, values = self.select(row_type, where, order, limit)
        table = self.tables[row_type]
        rows = list(map(table.make, self.run(text, values, connection=where.equal.get("connection"))))
        self._seen[row_type].update((table.key(row), row) for row in rows)
        return rows

    def select(self, row_type: type[Row], where: Where, order: Sequence[str], limit: int | None) -> Bound:
        """The statement that finds rows."""
        clause, values = self.dialect.where(where)
        clause += self.dialect.order(row_type, order)
        if limit is not None:
            clause += f" LIMIT {int(limit)}"
        return self.tables[row_type].select + clause, values

    def count(self, row_type: type[Row], where: Where) -> int:
        self.write(row_type)
        clause, values = self.dialect.where(where)
        text = f"SELECT count(*) FROM {row_type.TABLE} {clause}"
        return int(self.run(text, values, connection=where.equal.get("connection")).fetchone()[0])

    def put(self, rows: Iterable[Row]) -> None:
        for row in rows:
            row_type = type(row)
            key = self.tables[row_type].key(row)
            self._seen[row_type][key] = self._unwritten.setdefault(row_type, {})[key] = row

    def put_unless_newer(self, rows: Iterable[R], column: str) -> list[R]:
        batch = list(rows)
        if not batch:
            return []
        self._forget(type(batch[0]))
        if self._put(batch, unless_newer=column) == len(batch):
            return []
        held = ((row, self.get(type(row), *row.key)) for row in batch)
        return [row for row, there in held if there and getattr(there, column) > getattr(row, column)]

    def write(self, row_type: type[Row]) -> None:
        """Write what was put into a table."""
        rows = self._unwritten.pop(row_type, None)
        if rows:
            _ = self._put(list(rows.values()))

    def write_all(self) -> None:
        """Write all that was put."""
        for row_type in list(self._unwritten):
            self.write(row_type)

    def _forget(self, row_type: type[Row]) -> None:
        """Before a statement that changes rows of a table by itself."""
        self.write(row_type)
        self._seen[row_type].clear()

    def _put(self, batch: list[R], *, unless_newer: str = "") -> int:
        """Sort the rows and store them; how many were stored."""
        row_type = type(batch[0])
        table = self.tables[row_type]
        # In the order of the table, a page of records in random order touches each leaf but once.
        batch.sort(key=table.key)
        only = f" WHERE {row_type.TABLE}.{unless_newer} <= excluded.{unless_newer}" if unless_newer else ""
        return self.upsert(row_type, map(table.values, batch), only=only)

    def set(self, row_type: type[Row], where: Where, **values: Any) -> None:
        self._forget(row_type)
        clause, given = self.dialect.where(where)
        sets = ", ".join(f"{n}={self.dialect.mark}" for n in values)
        text = f"UPDATE {row_type.TABLE} SET {sets} {clause}"
        self.run(text, (*values.values(), *given), connection=where.equal.get("connection"))

    def delete(self, row_type: type[Row], where: Where) -> None:
        self._forget(row_type)
        clause, values = self.dialect.where(where)
        text = f"DELETE FROM {row_type.TABLE} {clause}"
        self.run(text, values, connection=where.equal.get("connection"))


def migrations(dialect: str) -> list[tuple[int, str]]:
    """The numbered migrations of one database, oldest first: number and SQL.

    They are written once, in SQLite's words; one that is for a single database
    has its name before the ending.
    """
    folder = resources.files("atsbridge.ledgers").joinpath("migrations")
    found = []
    for file in folder.iterdir():
        stem, *only, ending = file.name.split(".")
        if ending == "sql" and only in ([], [dialect]):
            found.append((int(stem.partition("_")[0]), file.read_text("utf-8")))
    return sorted(found)
