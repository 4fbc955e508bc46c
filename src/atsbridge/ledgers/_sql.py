"""What ledgers in a database share: statements made from the row types, and the numbered migrations."""

from __future__ import annotations

from abc import abstractmethod
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


@frozen(kw_only=True)
class Dialect:
    """In what one database's SQL differs from another's.

    Args:
        name: as a migration of this database alone has it in its file's name.
        mark: stands for a value.
        arrays: several values can be one; else each has its mark.
        null_is_least: without being told.
    """

    name: str
    mark: str
    arrays: bool
    null_is_least: bool

    def among(self, column: str, values: Sequence[Any]) -> tuple[str, Sequence[Any]]:
        """That a column is one of several values, and what is bound to it."""
        if self.arrays:
            return f"{column} = ANY({self.mark})", [list(values)]
        return f"{column} IN ({','.join(self.mark for _ in values)})", values

    def where(self, where: Where) -> tuple[str, list[Any]]:
        """The clause, and what is bound to it."""
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
        """The clause for columns, a leading ``-`` turning one round; None first of all."""
        terms = []
        for name in order:
            column, falling = name.lstrip("-"), name.startswith("-")
            term = f"{column} DESC" if falling else column
            if not self.null_is_least and column in _TABLES[row_type].nullable:
                term += " NULLS LAST" if falling else " NULLS FIRST"
            terms.append(term)
        return " ORDER BY " + ", ".join(terms) if terms else ""


@frozen
class _Table:
    """A row type in SQL and back, put together once: that costs more than to run it."""

    select: str
    by_key: str
    upsert: str
    nullable: frozenset[str]
    key: Callable[[Row], Any]
    values: Callable[[Row], tuple[Any, ...]]
    make: Callable[[tuple[Any, ...]], Any]

    @classmethod
    def of(cls, row_type: type[Row]) -> _Table:
        """The statements have ``?`` for each value."""
        columns, keys = row_type.columns(), row_type.columns()[: row_type.KEY]
        names, marks = ", ".join(columns), ",".join("?" * len(columns))
        sets = ", ".join(f"{n}=excluded.{n}" for n in columns[row_type.KEY :])
        select = f"SELECT {names} FROM {row_type.TABLE} "
        return cls(
            select=select,
            by_key=f"{select}WHERE {' AND '.join(f'{n}=?' for n in keys)}",
            upsert=f"INSERT INTO {row_type.TABLE} ({names}) VALUES ({marks})"
            f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {sets}",
            nullable=frozenset(f.name for f in attrs.fields(row_type) if "None" in str(f.type)),
            key=attrgetter(*keys),
            values=attrgetter(*columns),
            make=_maker(row_type),
        )

    def marked(self, dialect: Dialect) -> _Table:
        """The same with a database's own marks."""
        by_key, upsert = (text.replace("?", dialect.mark) for text in (self.by_key, self.upsert))
        return attrs.evolve(self, by_key=by_key, upsert=upsert)


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
_TABLES: Tables = {row_type: _Table.of(row_type) for row_type in ROWS}


def tables(dialect: Dialect) -> Tables:
    """Every row type's statements in a database's SQL."""
    return {row_type: table.marked(dialect) for row_type, table in _TABLES.items()}


class Found(Protocol):
    """What a database's cursor gives back."""

    def fetchone(self) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...


class SqlTxn(Txn):
    """A transaction in a database; a subclass says how its statements are run.

    Attributes:
        dialect, tables: of that database.
    """

    dialect: Dialect
    tables: Tables

    @abstractmethod
    def run(self, text: str, values: Sequence[Any], *, connection: str | None) -> Found:
        """Run a statement about the rows of one connection, or of all of them."""

    @abstractmethod
    def run_many(self, text: str, rows: Iterable[Sequence[Any]], *, connections: set[str]) -> int:
        """Run a statement once for each row; how many rows were changed by it."""

    def get(self, row_type: type[R], *key: Any) -> R | None:
        table = self.tables[row_type]
        values = self.run(table.by_key, key, connection=key[0]).fetchone()
        return None if values is None else table.make(values)

    @uncollected
    def get_many(self, row_type: type[R], prefix: tuple[Any, ...], last: Sequence[Any]) -> dict[Any, R]:
        table = self.tables[row_type]
        found = map(table.make, self._chunks(row_type, table.select, prefix, last))
        name = row_type.columns()[row_type.KEY - 1]
        return {getattr(row, name): row for row in found}

    def get_columns(
        self, row_type: type[Row], columns: Sequence[str], prefix: tuple[Any, ...], last: Sequence[Any]
    ) -> dict[Any, tuple[Any, ...]]:
        names = ", ".join((row_type.columns()[row_type.KEY - 1], *columns))
        found = self._chunks(row_type, f"SELECT {names} FROM {row_type.TABLE} ", prefix, last)
        return {values[0]: values[1:] for values in found}

    def _chunks(
        self, row_type: type[Row], select: str, prefix: tuple[Any, ...], last: Sequence[Any]
    ) -> Iterator[tuple[Any, ...]]:
        """What is selected of the rows with these keys, in pieces that every database takes."""
        *first, name = row_type.columns()[: row_type.KEY]
        where = "".join(f"{n}={self.dialect.mark} AND " for n in first)
        for start in range(0, len(last), _CHUNK):
            among, part = self.dialect.among(name, last[start : start + _CHUNK])
            text = f"{select}WHERE {where}{among}"
            yield from self.run(text, (*prefix, *part), connection=prefix[0])

    def find(
        self, row_type: type[R], where: Where, *, order: Sequence[str] = (), limit: int | None = None
    ) -> list[R]:
        text, values = self.select(row_type, where, order, limit)
        found = self.run(text, values, connection=where.equal.get("connection"))
        return list(map(self.tables[row_type].make, found))

    def select(
        self, row_type: type[Row], where: Where, order: Sequence[str], limit: int | None
    ) -> tuple[str, Sequence[Any]]:
        """The statement that finds rows, and what is bound to it."""
        clause, values = self.dialect.where(where)
        clause += self.dialect.order(row_type, order)
        if limit is not None:
            clause += f" LIMIT {int(limit)}"
        return self.tables[row_type].select + clause, values

    def count(self, row_type: type[Row], where: Where) -> int:
        clause, values = self.dialect.where(where)
        text = f"SELECT count(*) FROM {row_type.TABLE} {clause}"
        return int(self.run(text, values, connection=where.equal.get("connection")).fetchone()[0])

    def put(self, rows: Iterable[Row]) -> None:
        _ = self._put(list(rows))

    def put_unless_newer(self, rows: Iterable[R], column: str) -> list[R]:
        batch = list(rows)
        if self._put(batch, unless_newer=column) == len(batch):
            return []
        held = ((row, self.get(type(row), *row.key)) for row in batch)
        return [row for row, there in held if there and getattr(there, column) > getattr(row, column)]

    def _put(self, batch: list[R], *, unless_newer: str = "") -> int:
        """Sort the rows and store them; how many were stored."""
        if not batch:
            return 0
        row_type = type(batch[0])
        table = self.tables[row_type]
        # In the order of the table, a page of records in random order touches each leaf but once.
        batch.sort(key=table.key)
        only = f" WHERE {row_type.TABLE}.{unless_newer} <= excluded.{unless_newer}" if unless_newer else ""
        connections = {row.connection for row in batch}
        return self.run_many(table.upsert + only, map(table.values, batch), connections=connections)

    def set(self, row_type: type[Row], where: Where, **values: Any) -> None:
        clause, given = self.dialect.where(where)
        sets = ", ".join(f"{n}={self.dialect.mark}" for n in values)
        text = f"UPDATE {row_type.TABLE} SET {sets} {clause}"
        self.run(text, (*values.values(), *given), connection=where.equal.get("connection"))

    def delete(self, row_type: type[Row], where: Where) -> None:
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
