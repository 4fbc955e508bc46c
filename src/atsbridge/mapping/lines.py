"""On which line of a TOML text each key stands: the one thing `tomllib` does not tell.

The text is known to be valid when it comes here, so the scanner only has to
find its way, not to judge. What is not valid is told by `mend_toml`.
"""

from __future__ import annotations

import re
import tomllib

from .faults import KeyPath

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}' r"|'''.*?'{3,5}" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'", re.DOTALL
)
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}\n#]+")


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line, from 1, of every key, table header and list entry."""
    scanner = _Scanner(text)
    try:
        scanner.document()
    except (IndexError, RecursionError, AttributeError):  # no line is better than no fault
        return scanner.lines
    return scanner.lines


def mend_toml(error: tomllib.TOMLDecodeError) -> str:
    """How to mend a text that is no TOML: its parser names a line, unless it ran out of text."""
    if "at end of document" in str(error):
        return "something is left open: look from the last line upwards for a missing bracket, quote or value"
    return "mend the line it names"


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self._counted_to = 0
        self._line = 1
        self._tables: dict[KeyPath, int] = {}

    def document(self) -> None:
        prefix: KeyPath = ()
        self._skip(_SPACE)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                prefix = self._header()
            else:
                self._pair(prefix)
            self._skip(_SPACE)

    def _header(self) -> KeyPath:
        double = self.text.startswith("[[", self.at)
        line = self._here()
        self.at += 2 if double else 1
        path = self._inside(self._key())
        self.at = self.text.index("]", self.at) + (2 if double else 1)
        if double:
            _ = self.lines.setdefault(path, line)
            self._tables[path] = self._tables.get(path, -1) + 1
            path = (*path, self._tables[path])
        self._note(path, line)
        return path

    def _inside(self, keys: list[str]) -> KeyPath:
        """A header's path with the place of each list of tables it goes through: always its last entry."""
        path: KeyPath = ()
        for n, key in enumerate(keys):
            path = (*path, key)
            if n < len(keys) - 1 and path in self._tables:
                path = (*path, self._tables[path])
        return path

    def _pair(self, prefix: KeyPath) -> None:
        line = self._here()
        path = (*prefix, *self._key())
        self._note(path, line)
        self._skip(_SPACE)
        self.at += 1  # the equals sign
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        self._skip(_SPACE)
        first = self.text[self.at]
        if first in "\"'":
            self._skip(_STRING)
        elif first in "[{":
            self.at += 1
            self._skip(_SPACE)
            place = 0
            while self.text[self.at] not in "]}":
                if first == "{":
                    self._pair(path)
                else:
                    self._note((*path, place), self._here())
                    self._value((*path, place))
                    place += 1
                self._skip(_SPACE)
                if self.text[self.at] == ",":
                    self.at += 1
                self._skip(_SPACE)
            self.at += 1
        else:
            self._skip(_SCALAR)

    def _key(self) -> list[str]:
        keys: list[str] = []
        while True:
            self._skip(_SPACE)
            if self.text[self.at] in "\"'":
                start = self.at
                self._skip(_STRING)
                keys.append(str(tomllib.loads("k = " + self.text[start : self.at])["k"]))
            else:
                start = self.at
                self._skip(_BARE)
                keys.append(self.text[start : self.at])
            self._skip(_SPACE)
            if self.text[self.at] != ".":
                return keys
            self.at += 1

    def _note(self, path: KeyPath, line: int) -> None:
        for length in range(1, len(path)):
            _ = self.lines.setdefault(path[:length], line)
        self.lines[path] = line

    def _here(self) -> int:
        self._line += self.text.count("\n", self._counted_to, self.at)
        self._counted_to = self.at
        return self._line

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self.text, self.at)
        if found is None or (found.end() == self.at and pattern is not _SPACE):
            raise IndexError(self.at)
        self.at = found.end()
