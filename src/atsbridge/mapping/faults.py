"""Faults of a mapping, collected with where they are and how to mend them."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from attrs import frozen

from ..errors import MappingError

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys from the outermost table inwards; a number is a place in a list, from 0."""

_NEAR_LOOKUPS = 50
"""How many faults get near names: comparing is quadratic, and a file may hold thousands of bad names."""


@frozen
class Fault:
    """One thing that is wrong with a mapping.

    Args:
        path: the key path, e.g. ``steps."Phone Screen".write``.
        line: where the key stands, from 1; None where the source is no TOML text.
        what: what is wrong. mend: what to do about it.
    """

    path: str
    line: int | None
    what: str
    mend: str

    @property
    def place(self) -> str:
        return f"{self.path} (line {self.line})" if self.line else self.path

    def __str__(self) -> str:
        return f"{self.place}: {self.what}; {self.mend}"


def written(path: KeyPath) -> str:
    """A key path as it would be written in TOML."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        bare = part.isascii() and part.replace("-", "").replace("_", "").isalnum()
        text += ("." if text else "") + (part if bare else json.dumps(part))
    return text or "(the whole mapping)"


class Faults:
    """Collects faults, so that all are shown at once."""

    def __init__(self, lines: Mapping[KeyPath, int]) -> None:
        self._lines = lines
        self._found: list[Fault] = []
        self._lookups = 0

    def __len__(self) -> int:
        return len(self._found)

    @property
    def found(self) -> tuple[Fault, ...]:
        return tuple(self._found)

    def add(self, path: KeyPath, what: str, mend: str) -> None:
        fault = Fault(written(path), self.line(path), what, mend)
        if fault not in self._found[-20:]:
            self._found.append(fault)

    def line(self, path: KeyPath) -> int | None:
        """Of the key, else of the nearest table that holds it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._lines:
                return self._lines[path[:length]]
        return None

    def near(self, word: str, options: Iterable[str], *, otherwise: str) -> str:
        """How to mend an unknown word: the options that look like it, else advice."""
        self._lookups += 1
        if self._lookups > _NEAR_LOOKUPS or len(word) > 200:
            return otherwise
        known = {option.casefold(): option for option in options}
        close = difflib.get_close_matches(word.casefold(), known, n=3, cutoff=0.6)
        return "did you mean " + " or ".join(quoted(known[c]) for c in close) + "?" if close else otherwise

    def raise_any(self) -> None:
        if self._found:
            raise MappingError(self._found)


def quoted(word: str) -> str:
    return f'"{word}"' if len(word) <= 80 else f'"{word[:77]}..."'


def listed(words: Iterable[str], *, most: int = 3) -> str:
    """A few words by name, and how many more there are."""
    every = list(words)
    shown = ", ".join(quoted(word) for word in every[:most])
    return f"{shown} and {len(every) - most} more" if len(every) > most else shown
