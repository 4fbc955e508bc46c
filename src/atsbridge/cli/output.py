"""What the command line says: tables and progress for people, JSON for programs.

Results go to stdout, progress and errors to stderr. With ``--json``, stdout
is one JSON document and nothing else, an error included.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..sync.context import Progress

PERSONAL = frozenset({"actor", "acting_user", "by_actor", "candidate_name", "name_of_person"})
"""Keys of reports whose values name a person."""

HIDDEN = "<hidden>"
_WIDTH = 110
_WORD = 40
"""A column of words no longer than this, ids for instance, is never folded: they are there to be copied."""


def console(*, stderr: bool = False) -> Console:
    """A console that is plain, and as wide as needed, where nobody watches."""
    stream = sys.stderr if stderr else sys.stdout
    watched = stream.isatty()
    return Console(
        file=stream, width=None if watched else _WIDTH, highlight=False, soft_wrap=not watched, emoji=False
    )


def say(text: str = "", *, stderr: bool = False) -> None:
    """One line of plain text; nothing in it is taken for markup, nor obeyed by a terminal."""
    console(stderr=stderr).print(printable(text), markup=False)


def heading(text: str) -> None:
    console().print(f"\n[bold]{escape(printable(text))}[/bold]")


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """A table; cells are text as it is, None is shown as a dash."""
    table = Table(title=escape(title) or None, title_justify="left", header_style="bold", box=None)
    cells = [[_cell(cell) for cell in row] for row in rows]
    for number, column in enumerate(columns):
        words = all(" " not in row[number] and len(row[number]) <= _WORD for row in cells)
        table.add_column(escape(column), overflow="fold", no_wrap=words)
    for row in cells:
        table.add_row(*row)
    console().print(table)


def _cell(value: object) -> str:
    return "-" if value is None or value == "" else escape(printable(str(value)))


def printable(text: str) -> str:
    """Text of the ATS without what a terminal would obey, or what would look like a line of ours."""
    return "".join(c if c.isprintable() else "�" for c in text)


def show_json(value: object, *, indent: int | None = 2) -> None:
    """One JSON document on stdout; on one line where ``indent`` is None."""
    sys.stdout.write(json.dumps(plain(value), ensure_ascii=True, indent=indent, sort_keys=False) + "\n")
    sys.stdout.flush()


def time_text(seconds: float | None) -> str:
    """A time of the ledger as people read it; nothing for None."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def plural(number: int, noun: str) -> str:
    """``1 write``, ``2 writes``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def plain(value: Any) -> Any:
    """A report as JSON has it: enums by value, times as text, sets sorted."""
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {str(k.value if isinstance(k, Enum) else k): plain(v) for k, v in value.items()}
    if isinstance(value, (frozenset, set)):
        return sorted(str(plain(v)) for v in value)
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def without_people(value: Any) -> Any:
    """The same report with every personal field hidden."""
    if isinstance(value, Mapping):
        return {k: _hide(v) if k in PERSONAL else without_people(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_people(v) for v in value]
    return value


def _hide(value: object) -> object:
    return value if value in (None, "", ()) else HIDDEN


class ProgressLine:
    """One line on stderr that moves while somebody watches, and nothing at all where nobody does."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._watched = not quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._shown = False

    def __call__(self, progress: Progress) -> None:
        if not self._watched:
            return
        of = f" of {progress.total}" if progress.total is not None else ""
        pages = f", page {progress.pages}" if progress.pages else ""
        line = printable(f"{progress.verb} {progress.what}: {progress.done}{of}{pages}")[:100]
        sys.stderr.write(f"\r\x1b[2K{line}")
        sys.stderr.flush()
        self._shown = True

    def clear(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()
            self._shown = False
