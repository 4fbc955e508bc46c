"""Reading a closed schema: tables taken key by key, and every surprise a fault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar

from .faults import Faults, KeyPath, quoted

E = TypeVar("E", bound=StrEnum)

MAX_ENTRIES = 10_000
MAX_DEPTH = 12
MAX_NAME = 500

# Its keys are people: no fault may name them.
_PERSONAL: KeyPath = ("acting_user", "by_actor")


def plain_data(source: Mapping[Any, Any], faults: Faults) -> dict[str, Any]:
    """A copy made of plain dicts, lists and scalars, within the limits; what is neither becomes a fault."""
    left = MAX_ENTRIES

    def copy(value: Any, path: KeyPath) -> Any:
        nonlocal left
        left -= 1
        if left < 0 or len(path) > MAX_DEPTH:
            return None
        if isinstance(value, Mapping):
            return copy_table(value, path)
        if isinstance(value, (list, tuple)):
            return [copy(item, (*path, n)) for n, item in enumerate(value[: left + 1])]
        if type(value) in (str, int, float, bool, date, datetime):
            return value
        faults.add(
            _PERSONAL if path[: len(_PERSONAL)] == _PERSONAL else path,
            f"a value of type {type(value).__name__}",
            "use text, numbers, dates, lists or tables",
        )
        return None

    def copy_table(value: Mapping[Any, Any], path: KeyPath) -> dict[str, Any]:
        table: dict[str, Any] = {}
        for key, item in value.items():
            if left < 0:
                break
            if not isinstance(key, str):
                faults.add(path, f"a key of type {type(key).__name__}", "keys are text")
                continue
            table[str(key)] = copy(item, (*path, str(key)))
        return table

    data = copy_table(source, ())
    if left < 0:
        faults.add(
            (), f"more than {MAX_ENTRIES} entries", "map one connection per file, and names instead of ids"
        )
    return data


class Table:
    """One table being read. `close` makes a fault of every key nobody asked for."""

    def __init__(self, data: Any, path: KeyPath, faults: Faults) -> None:
        self.path = path
        self.faults = faults
        self._asked: set[str] = set()
        self._data: dict[str, Any] = {}
        if isinstance(data, dict):
            self._data = data
        elif data is not None:
            self.fault("", f"expected a table, found {_kind(data)}", "write it as a table")

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def fault(self, key: str, what: str, mend: str) -> None:
        self.faults.add((*self.path, key) if key else self.path, what, mend)

    def raw(self, key: str) -> Any:
        self._asked.add(key)
        return self._data.get(key)

    def close(self) -> None:
        for key in self._data:
            if key not in self._asked:
                known = sorted(self._asked)
                otherwise = "known keys are " + ", ".join(known) if known else "leave it out"
                self.fault(key, "unknown key", self.faults.near(key, known, otherwise=otherwise))

    # -- scalars --

    def flag(self, key: str, default: bool) -> bool:
        value = self.raw(key)
        if isinstance(value, bool) or value is None:
            return default if value is None else value
        self.fault(key, f"expected true or false, found {_kind(value)}", "write true or false")
        return default

    def number(self, key: str, *, least: int, most: int) -> int | None:
        value = self.raw(key)
        if value is None or (type(value) is int and least <= value <= most):
            return value
        self.fault(key, "not a whole number in range", f"write a number from {least} to {most}")
        return None

    def day(self, key: str) -> date | None:
        value = self.raw(key)
        if isinstance(value, datetime):
            return value.date()
        if isinstance(value, str):
            try:
                return date.fromisoformat(value)
            except ValueError:
                value = ""
        if value is None or isinstance(value, date):
            return value
        self.fault(key, "not a date", "write it as 2024-01-31")
        return None

    def text(self, key: str) -> str | None:
        value = self.raw(key)
        return None if value is None else self._text(value, (*self.path, key))

    def word(self, key: str, options: type[E], default: E) -> E:
        value = self.raw(key)
        found = (
            None if value is None else read_word(value, options, path=(*self.path, key), faults=self.faults)
        )
        return default if found is None else found

    # -- lists --

    def items(self, key: str) -> list[tuple[KeyPath, Any]]:
        """A list's entries with their paths; a single value stands for a list of one."""
        value = self.raw(key)
        if value is None:
            return []
        if not isinstance(value, list):
            return [((*self.path, key), value)]
        return [((*self.path, key, n), item) for n, item in enumerate(value) if item is not None]

    def texts(self, key: str) -> tuple[str, ...]:
        found = (self._text(item, path) for path, item in self.items(key))
        return tuple(dict.fromkeys(text for text in found if text is not None))

    def words(self, key: str, options: type[E]) -> tuple[E, ...]:
        found = (read_word(item, options, path=path, faults=self.faults) for path, item in self.items(key))
        return tuple(dict.fromkeys(word for word in found if word is not None))

    # -- tables --

    def table(self, key: str) -> Table:
        return Table(self.raw(key), (*self.path, key), self.faults)

    def named(self) -> Iterator[tuple[str, Any]]:
        """Every entry of a table whose keys are the customer's own words."""
        for key in self._data:
            self._asked.add(key)
            if self._text(key, (*self.path, key)) is not None:
                yield key, self._data[key]

    def _text(self, value: Any, path: KeyPath) -> str | None:
        return read_name(value, path=path, faults=self.faults)


def read_name(value: Any, *, path: KeyPath, faults: Faults) -> str | None:
    """A name or an id, taken literally."""
    if not isinstance(value, str):
        faults.add(path, f"expected text, found {_kind(value)}", "put it in quotes")
    elif not value.strip():
        faults.add(path, "empty text", "name something or leave the key out")
    elif len(value) > MAX_NAME:
        faults.add(path, f"longer than {MAX_NAME} characters", "use the id instead")
    elif any("\ud800" <= char <= "\udfff" for char in value):
        faults.add(path, "text that no file can hold (half a character)", "write the whole character")
    else:
        return value
    return None


def read_word(value: Any, options: type[E], *, path: KeyPath, faults: Faults) -> E | None:
    """One of a closed set of words."""
    known = [option.value for option in options]
    if isinstance(value, str) and value in known:
        return options(value)
    advice = "use one of " + ", ".join(known)
    if isinstance(value, str):
        shown = quoted(value.encode("utf-8", "replace").decode())
        faults.add(path, f"unknown word {shown}", faults.near(value, known, otherwise=advice))
    else:
        faults.add(path, f"expected a word, found {_kind(value)}", advice)
    return None


def _kind(value: Any) -> str:
    names = {dict: "a table", list: "a list", str: "text", bool: "true or false", int: "a number"}
    return names.get(type(value), f"a {type(value).__name__}")
