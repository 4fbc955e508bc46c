"""Canaries: marked values in every credential and person field, and where they must never be seen.

`PLANTED` is woven into what the simulators invent. A `Watch` is shown whatever
a program gives away (output, log records, errors with the local variables of
their frames, reprs, databases) and notes a `Hit` for each canary in it.
"""

from __future__ import annotations

import sqlite3
import sysconfig
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from enum import StrEnum
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import quote

from attrs import define, field, frozen

from ..registry import Group
from ..simulators.people import Marks

PLANTED = Marks(person="Qzpersonq", phone="8314159265", secret="qzsecretq")  # noqa: S106 - a canary
"""What is planted while tests run."""

_EXCERPT = 60


class About(StrEnum):
    """Whose canary it is."""

    PERSON = "person"
    SECRET = "secret"  # noqa: S105 - a word


@frozen
class Hit:
    """One canary where none may be: in which channel, and the words around it."""

    channel: str
    about: About
    excerpt: str

    def __str__(self) -> str:
        return f"{self.channel} shows the canary of a {self.about}: {self.excerpt}"


def _hidden_in_base64(word: str) -> tuple[str, ...]:
    """What of a word is the same in every base64 text that holds it, for each of three alignments."""
    forms = []
    for before in range(3):
        text = b64encode(b"\0" * before + word.encode()).decode()
        whole = (before + len(word)) // 3 * 4
        forms.append(text[4 if before else 0 : whole])
    return tuple(forms)


@define
class Watch:
    """Notes every canary in what it is shown."""

    marks: Marks = PLANTED
    hits: list[Hit] = field(factory=list, init=False)
    _folded: tuple[tuple[str, About], ...] = field(init=False)
    _exact: tuple[tuple[str, About], ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        marks = self.marks
        self._folded = (
            (marks.secret.lower(), About.SECRET),
            (marks.secret.encode().hex(), About.SECRET),
            (marks.person.lower(), About.PERSON),
            (marks.phone, About.PERSON),
        )
        # Basic credentials and JWTs are base64, whose letters mean more than themselves.
        self._exact = tuple((form, About.SECRET) for form in _hidden_in_base64(marks.secret))

    def look(self, channel: str, text: str, *, people: bool = False) -> None:
        """Note the canaries of a text; with ``people`` it may show persons."""
        folded = text.lower()
        for words, within in ((self._folded, folded), (self._exact, text)):
            for word, about in words:
                if about is About.PERSON and people:
                    continue
                at = within.find(word)
                if at >= 0:
                    excerpt = text[max(0, at - _EXCERPT) : at + len(word) + _EXCERPT]
                    self.hits.append(Hit(channel, about, repr(excerpt)))

    def look_at_value(self, channel: str, value: object) -> None:
        """The repr and the text of a value."""
        self.look(f"{channel} (repr of {type(value).__name__})", shown(value))
        if type(value).__str__ is not object.__str__:
            self.look(f"{channel} (text of {type(value).__name__})", shown(value, str))

    def look_at_error(self, channel: str, error: BaseException, *, frames: bool = True) -> None:
        """What an error says, and what a report with local variables would show of its frames.

        The frames are those of the package, and of libraries that it called;
        likewise for the causes and contexts that a traceback prints.
        """
        for one in chain(error):
            self.look(f"{channel}: message", f"{shown(one, str)} {shown(one)} {shown(one.args)}")
            attributes = {k: v for k, v in vars(one).items() if k != "__notes__"}
            self.look(f"{channel}: attributes", shown(attributes))
            self.look(f"{channel}: notes", shown(getattr(one, "__notes__", ())))
            for frame in our_frames(one) if frames else ():
                self._look_at_frame(channel, frame)

    def _look_at_frame(self, channel: str, frame: FrameType) -> None:
        where = f"{Path(frame.f_code.co_filename).name}:{frame.f_code.co_name}"
        for name, value in frame.f_locals.items():
            self.look(f"{channel}: local {name} of {where}", shown(value))

    def look_at_database(self, channel: str, path: Path, *, people: bool = False) -> None:
        """Every text and blob of a SQLite file, then its raw bytes, free space included."""
        if not path.is_file():
            return
        before = len(self.hits)
        try:
            with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as database:
                for column, text in _contents(database):
                    self.look(f"{channel} {path.name}, {column}", text, people=people)
        except sqlite3.Error:
            pass  # damaged on purpose; its bytes are looked at all the same
        if len(self.hits) == before:
            for file in (path, path.with_name(f"{path.name}-wal")):
                if file.is_file():
                    text = file.read_bytes().decode("latin-1")
                    self.look(f"{channel} {file.name}, bytes", text, people=people)

    def take(self) -> list[Hit]:
        """The hits so far, each channel and canary once; they are forgotten here."""
        found, self.hits = self.hits, []
        return list({(hit.channel, hit.about): hit for hit in found}.values())


def shown(value: object, how: Callable[[object], str] = repr) -> str:
    """A value's repr (or text), as a crash reporter would get it; a broken one shows nothing."""
    try:
        return how(value)
    except Exception:
        return ""


def chain(error: BaseException) -> Iterator[BaseException]:
    """An error, its causes and all contexts, printed or not; groups with their members."""
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        todo += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            todo.extend(one.exceptions)


_LIBRARIES = tuple(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib"))
_TESTERS = ("atsbridge.simulators", "atsbridge.testing")
_IN_USE = (Group.ATS, Group.CRM, Group.LEDGER)


def our_frames(error: BaseException) -> Iterator[FrameType]:
    """The frames of the package and its plugins in an error's traceback, and of the libraries below them."""
    inside = False
    trace = error.__traceback__
    while trace is not None:
        frame, trace = trace.tb_frame, trace.tb_next
        module = str(frame.f_globals.get("__name__", ""))
        testers, ours = _watched()
        if module.startswith(testers):
            inside = False  # where the package is installed, its own testers look like a library too
        elif module.startswith(ours):
            inside = True
            yield frame
        elif inside and frame.f_code.co_filename.startswith(_LIBRARIES):
            yield frame


@cache
def _watched() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Where the names of modules begin that test, and of those that are watched; a plugin is a package."""
    simulators = (point.module for point in entry_points(group=Group.SIMULATOR))
    plugins = (point.module for group in _IN_USE for point in entry_points(group=group))
    packages = {f"{module.partition('.')[0]}." for module in plugins}
    return (*_TESTERS, *simulators), ("atsbridge.", *packages)


def _contents(database: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Each column's name and, row by row, what it holds as text."""
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        rows = database.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - a name from the schema
        names = [column[0] for column in rows.description]
        for row in rows:
            for name, value in zip(names, row, strict=True):
                if isinstance(value, (str, bytes)):
                    yield f"{table}.{name}", _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")
