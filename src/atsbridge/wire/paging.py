"""Pagers: how vendors cut their listings into pages, as pure functions on cursors.

A cursor is a JSON object that an adapter gives back to itself. `Span` is the
one for listings by time: first everything, then what changed since before
that read began, as often as the engine asks.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from urllib.parse import parse_qsl

from attrs import define, evolve, field, frozen

from ..errors import BadPayload, WatermarkLost
from .effects import Json

_MARKS = 1200
_CURSOR_BYTES = 64 * 1024
_IDLE_PAGES = 1_000
_ROWS = 100_000
# RFC 8288, section 3: <target>; name=value; name="value", ...
_LINK = re.compile(r"""<([^<>]*)>((?:\s*;\s*[\w!#$&+.^`|~-]+\s*(?:=\s*(?:"[^"]*"|[^",;\s]*))?)*)""")
_ELSEWHERE = "the link to the next page leads elsewhere than to a page of this listing"
_REL = re.compile(r""";\s*rel\s*=\s*(?:"([^"]*)"|([^",;\s]*))""", re.IGNORECASE)


@frozen(kw_only=True)
class Span:
    """Where a listing by time stands.

    Args:
        since: only what changed at or after this vendor time; None reads all.
        began: the vendor's time at this span's first answer.
        token: the vendor's own page token.
        again: after the end, one more span from before ``began`` follows.
    """

    since: float | None = None
    began: float | None = None
    token: str | None = None
    again: bool = False

    @classmethod
    def first(cls, watermark: Json, *, again: bool = False) -> Json:
        """The first cursor: from a watermark, or of everything (and then ``again``)."""
        if isinstance(watermark, Mapping):
            return cls(since=float(watermark["since"])).json()
        return cls(again=again).json()

    @classmethod
    def of(cls, cursor: Any) -> Self:
        """The span at a cursor.

        Raises:
            WatermarkLost: no calendar has the time since which it reads, so nobody can be asked for it.
        """
        span = cls(**cursor)
        try:
            _ = span.since is None or datetime.fromtimestamp(span.since, UTC)
            return span
        except (ValueError, OverflowError, OSError):
            pass
        raise WatermarkLost("the watermark is no time")

    def json(self) -> Json:
        return {"since": self.since, "began": self.began, "token": self.token, "again": self.again}

    def seen(self, answered_at: datetime) -> Self:
        """With the time of the first answer noted."""
        return self if self.began is not None else evolve(self, began=answered_at.timestamp())

    def after(self, token: str | None, *, overlap: timedelta) -> tuple[Json, Json]:
        """The next cursor and the watermark, one of them None.

        Args:
            token: of the page after this one, or None at the end.
            overlap: how far the next span reaches back before this one began.
        """
        if token is not None:
            if token == self.token:
                raise BadPayload("the listing gave the same page token twice")
            return evolve(self, token=token).json(), None
        began = self.began or 0.0
        back = began - overlap.total_seconds()
        return (Span(since=back).json(), None) if self.again else (None, {"since": back})


@frozen(kw_only=True)
class Tally:
    """How much of what a listing says it has found its pages have shown.

    Args:
        shown: entries of the pages so far.
        found: the smallest figure that a page gave; None where none did, which says nothing. Who comes
            while it is read raises the figure and need not be shown, who goes lowers it.
    """

    shown: int = 0
    found: int | None = None

    @classmethod
    def of(cls, cursor: Any) -> Self:
        return cls(**cursor)

    def json(self) -> Json:
        return {"shown": self.shown, "found": self.found}

    def after(self, shown: int, found: int | None) -> Self:
        """With one page more."""
        known = [figure for figure in (self.found, found) if figure is not None]
        return evolve(self, shown=self.shown + shown, found=min(known, default=None))

    @property
    def short(self) -> bool:
        """Whether an end here would be none."""
        return self.found is not None and self.shown < self.found


@define
class Headway:
    """Whether a listing that is followed page by page is getting anywhere.

    Empty pages are legal, and a listing may show again what it has shown: at the most all of it once
    more, where a first reading is followed by one of what changed meanwhile. One that has done nothing
    else on 1,000 pages in a row, and on more than those that brought something, has no end. What a
    page brings is the rows that no page before it showed, in whatever order and company.

    The last 100,000 rows and more are remembered one by one, those before them by their page.

    Args:
        listing: its name, for errors.
    """

    listing: str
    _cursors: set[str] = field(factory=set, init=False)
    _pages: set[int] = field(factory=set, init=False)
    _rows: set[int] = field(factory=set, init=False)
    _older: set[int] = field(factory=set, init=False)
    _idle: int = field(default=0, init=False)

    def turn_to(self, cursor: Json) -> None:
        """A page is about to be asked for.

        Raises:
            BadPayload: by a cursor that is longer than 64 kB, or that was used before.
        """
        text = json.dumps(cursor, sort_keys=True)
        if len(text) > _CURSOR_BYTES or text in self._cursors:
            raise BadPayload(f"the listing of {self.listing} gave a page cursor that is too long, or twice")
        self._cursors.add(text)

    def saw(self, records: Iterable[object]) -> None:
        """What a page showed: an id, or a digest, of each record.

        Raises:
            BadPayload: the listing does not come to an end.
        """
        rows = frozenset(map(hash, records))
        new = rows - self._rows - self._older
        fresh = bool(new) and hash(rows) not in self._pages
        self._idle = 0 if fresh else self._idle + 1
        if fresh:
            self._pages.add(hash(rows))
            self._rows |= new
            if len(self._rows) > _ROWS:
                self._older, self._rows = self._rows, set()
        if self._idle > _IDLE_PAGES + len(self._pages):
            raise BadPayload(
                f"the listing of {self.listing} goes on, and {self._idle} pages in a row showed nothing new"
            )


def next_token(envelope: Mapping[str, Any], *, more: str, token: str) -> str | None:
    """The page token of an envelope that says whether there is more.

    Raises:
        BadPayload: it does not say so, or says there is more and gives no token.
    """
    has_more, value = envelope.get(more), envelope.get(token)
    if has_more is False:
        return None
    if has_more is not True or not isinstance(value, str) or not value:
        raise BadPayload(f"the envelope's {more!r} and {token!r} do not fit together")
    return value


def next_link(header: str, *, listing: str, only: str) -> str | None:
    """The next page's address from a ``Link`` header (RFC 8288); None at the end.

    Args:
        listing: the address of the listing without its query; the link must be of it.
        only: the one query key that the link carries.

    Raises:
        BadPayload: the header speaks of a next page and gives no such link.
    """
    target = _next_target(header)
    if target is None:
        return None
    path, _, query = target.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    if path != listing or [key for key, _ in pairs] != [only] or not pairs[0][1]:
        raise BadPayload(_ELSEWHERE)
    return target


def linked_token(header: str, *, listings: Collection[str], key: str) -> str | None:
    """The next page's token from a ``Link`` header, which is not followed itself; None at the end.

    Args:
        listings: the addresses of the listing without their query; the link must be of one.
        key: of its query, with the token.

    Raises:
        BadPayload: the header speaks of a next page and gives no such link.
    """
    target = _next_target(header)
    if target is None:
        return None
    path, _, query = target.partition("?")
    # A token in base64 has no blanks: where its plus was not encoded it is a plus.
    pairs = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)
    tokens = [value for name, value in pairs if name == key]
    if path not in listings or len(tokens) != 1 or not tokens[0]:
        raise BadPayload(_ELSEWHERE)
    return tokens[0]


def _next_target(header: str) -> str | None:
    """Where the link to the next page leads."""
    for target, parameters in _LINK.findall(header):
        rel = _REL.search(parameters)
        if rel is not None and "next" in (rel[1] or rel[2]).lower().split():
            return str(target)
    # To stop here as if all were read would lose what follows.
    if re.search(r"\bnext\b", _LINK.sub("", header), re.IGNORECASE):
        raise BadPayload("the Link header names a next page and cannot be read")
    return None


def mark_of(*parts: object) -> str:
    """A short mark of one version of one row."""
    text = "\x1f".join(map(str, parts))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


@frozen(kw_only=True)
class Marks:
    """Which rows of an overlap have been dealt with already.

    Windows overlap, because vendors show changes late. Where a row costs
    requests of its own, those of the last window need not be made again. Only
    so many marks are kept: what is forgotten is merely dealt with once more.

    Args:
        before: left by the window before this one.
        now: of this window so far.
    """

    before: frozenset[str] = frozenset()
    now: tuple[str, ...] = ()

    @classmethod
    def after(cls, watermark: Json) -> Self:
        """The marks of a new window, from the watermark of the last one."""
        return cls(before=frozenset(watermark["marks"])) if isinstance(watermark, Mapping) else cls()

    @classmethod
    def of(cls, cursor: Any) -> Self:
        return cls(before=frozenset(cursor["before"]), now=tuple(cursor["now"]))

    def json(self) -> Json:
        return {"before": sorted(self.before), "now": list(self.now)}

    def noting(self, marks: Iterable[str]) -> Self:
        return evolve(self, now=tuple(dict.fromkeys((*self.now, *marks)))[:_MARKS])
