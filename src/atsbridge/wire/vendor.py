"""`Vendor`: the declarative core of an adapter, its reads and status writes as data."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from attrs import field, frozen

from ..errors import GuardError
from ..model import CompareAndSet, SideEffect
from .effects import Purpose, Request
from .xml import Element

if TYPE_CHECKING:
    from .answers import AnswerRule, Complaints
    from .auth import TokenEndpoint
    from .budgets import RateLimit


class Signal(StrEnum):
    """What changes visibly when a write of this kind, or another's change, took effect."""

    COUNT = "count"
    """a history that grows by exactly one per write of this kind"""
    CHANGE = "change"
    """something that differs after any edit"""
    NONE = "none"


class Resend(StrEnum):
    """Whether a write whose answer was lost may be sent again once it has settled."""

    AFTER_SETTLE = "after_settle"
    NEVER = "never"


class SlotName(StrEnum):
    """Where a value in a write may come from: an intent's fields, and the token of the fresh read."""

    APPLICATION = "application"
    TARGET_STAGE = "target_stage"
    EXPECTED_STAGE = "expected_stage"
    REASON = "reason"
    ACTING_USER = "acting_user"
    TOKEN = "token"  # noqa: S105 - the application's concurrency token


SEPARATOR = ":"
"""Between the two parts of a composite id: an application named by a pair, a stage with a sub-stage."""


@frozen
class Slot:
    """A value in a write: its source, the pattern it must match in full, and its JSON type.

    Args:
        part: where the source is a composite id, ``first:second``, which of its parts this
            is: 0 or 1. None: the whole.
        alone: this part names the record by itself; else a write must name both parts.
        frame: constant texts before and after the value, where a body has an id inside a longer text.
    """

    name: SlotName
    pattern: str
    type: type[str] | type[int] = str
    part: int | None = None
    alone: bool = False
    frame: tuple[str, str] = ("", "")

    @property
    def key(self) -> str:
        """What names the slot in a path template: ``application``, or ``application.0`` for a part."""
        return self.name.value if self.part is None else f"{self.name.value}.{self.part}"

    def take(self, source: str | None) -> str | None:
        """This slot's own text of its source; None where the source has no such part."""
        if self.part is None or source is None:
            return source
        parts = source.split(SEPARATOR, 1)
        return parts[self.part] if self.part < len(parts) else None

    def value(self, text: str) -> str | int:
        """Raises `GuardError` where the text does not match."""
        if not re.fullmatch(self.pattern, text):
            raise GuardError(f"the {self.key} of a write is not of the form {self.pattern}")
        return text.join(self.frame) if any(self.frame) else self.type(text)

    def text(self, value: object) -> str | None:
        """The value as text, or None where it could not have come from this slot."""
        before, after = self.frame
        if type(value) is not (str if before or after else self.type):
            return None
        text = str(value)
        if not text.startswith(before) or not text[len(before) :].endswith(after):
            return None
        text = text[len(before) :].removesuffix(after)
        return text if re.fullmatch(self.pattern, text) else None


Shape: TypeAlias = "Slot | str | int | bool | Mapping[str, Any] | Sequence[Any] | Element | None"
"""A body: slots, constants, mappings and lists of these, or an element. A slot named twice has one value."""


Rows: TypeAlias = "Mapping[str, str | Rows]"
"""A list of objects with just these keys: by key the pattern of its texts, or rows of its own."""


@frozen(kw_only=True)
class Read:
    """A declared read: method, path template, query keys and, for a read by POST, body keys.

    Path templates name typed segments: ``/opportunities/{id}``; every segment
    must match its pattern in full, and so must the text under every body key
    that ``values`` names. A body key in ``rows`` holds a list of objects with
    just those keys, and every text in them matches its key's pattern; a key
    may hold such a list again: so are the filters of a search declared, and
    groups of them. A read by SOAP names the ``root`` that its body's
    element must be. A read that is not below the data address names the
    address that it is ``below``, with slots of the data address; its requests
    name their whole URL.
    """

    name: str
    method: str = "GET"
    path: str
    segments: Mapping[str, str] = field(factory=dict)
    query: frozenset[str] = frozenset()
    body: frozenset[str] = frozenset()
    values: Mapping[str, str] = field(factory=dict)
    rows: Mapping[str, Rows] = field(factory=dict)
    root: str = ""
    below: str = ""


@frozen(kw_only=True)
class StatusWrite:
    """A declared status write. No optional keys: a variant is a StatusWrite of its own.

    Args:
        path: template; each ``{slot}`` is one of ``slots`` by its key.
        query: every query key, with its slot or constant.
        body: the whole body's shape, or None where there is none.
        media: the body's media type, where it is not the usual one.
        cas, signal, visible_within_seconds, resend: see `reliability`, per write.
        side_effects: what else the vendor may do on it.
    """

    name: str
    method: str
    path: str
    slots: tuple[Slot, ...]
    query: tuple[tuple[str, Slot | str], ...] = ()
    body: Shape = None
    media: str = ""
    cas: CompareAndSet = CompareAndSet.NONE
    signal: Signal = Signal.NONE
    visible_within_seconds: float = 0.0
    resend: Resend = Resend.NEVER
    side_effects: frozenset[SideEffect] = frozenset()
    note: str = ""

    def render(self, values: Mapping[SlotName, str], *, deadline_seconds: float = 30.0) -> Request:
        """The one request that carries these values.

        Args:
            values: the whole sources; of a composite id a slot takes its own part.

        Raises:
            GuardError: a value is missing or not of its slot's form.
        """
        slots = {slot.key: slot for slot in self.slots}

        def fill(slot: Slot) -> str | int:
            text = slot.take(values.get(slot.name))
            if text is None:
                raise GuardError(f"the write {self.name} needs a value for {slot.key}")
            return slot.value(text)

        def segment(match: re.Match[str]) -> str:
            return quote(str(fill(slots[match.group(1)])), safe="")

        return Request(
            operation=self.name,
            method=self.method,
            url=re.sub(r"\{([\w.]+)\}", segment, self.path),
            query=tuple((k, str(fill(v)) if isinstance(v, Slot) else v) for k, v in self.query),
            body=_fill(self.body, fill),
            media=self.media,
            purpose=Purpose.WRITE,
            deadline_seconds=deadline_seconds,
        )

    def surface(self) -> dict[str, Any]:
        """This write as plain data, for people, `vendors show` and the digest."""
        return {
            "name": self.name,
            "method": self.method,
            "path": self.path,
            "slots": {s.key: {"pattern": s.pattern, "type": s.type.__name__} for s in self.slots},
            "query": {k: _plain(v) for k, v in self.query},
            "body": _plain(self.body),
            "media": self.media,
            "resend": self.resend.value,
        }

    def semantics(self) -> dict[str, Any]:
        return {
            "cas": self.cas.value,
            "signal": self.signal.value,
            "visible_within_seconds": self.visible_within_seconds,
            "side_effects": sorted(self.side_effects),
            "note": self.note,
        }


def _fill(shape: Any, fill: Any) -> Any:
    if isinstance(shape, Slot):
        return fill(shape)
    if isinstance(shape, Element):
        return Element(
            shape.tag,
            tuple(_fill(child, fill) for child in shape.children),
            text=_text(shape.text, fill),
            attributes=tuple((name, _text(value, fill)) for name, value in shape.attributes),
        )
    if isinstance(shape, Mapping):
        return {k: _fill(v, fill) for k, v in shape.items()}
    if isinstance(shape, (list, tuple)):
        return [_fill(v, fill) for v in shape]
    return shape


def _text(shape: Any, fill: Any) -> str | None:
    """What XML holds is text, whatever the slot's type."""
    return str(fill(shape)) if isinstance(shape, Slot) else shape


def _plain(shape: Any) -> Any:
    if isinstance(shape, Slot):
        return {"slot": shape.key, **({"frame": list(shape.frame)} if any(shape.frame) else {})}
    if isinstance(shape, Element):
        return {
            "element": shape.tag,
            "attributes": {name: _plain(value) for name, value in shape.attributes},
            "text": _plain(shape.text),
            "children": [_plain(child) for child in shape.children],
        }
    if isinstance(shape, Mapping):
        return {k: _plain(v) for k, v in shape.items()}
    if isinstance(shape, (list, tuple)):
        return [_plain(v) for v in shape]
    return {"constant": shape}


@frozen(kw_only=True)
class Vendor:
    """What an adapter declares once, as data.

    Args:
        name: registry name. title: the product's name.
        api_version: as the vendor names it. sunset: the day it ends, if known.
        docs: the vendor's own page. docs_read: the day it was read.
        hosts: every data origin that may be configured, by name (``eu``); a
            value may hold ``{slot}``s, each checked by ``host_slots``.
        reads, writes: the two closed lists.
        headers: constant headers that every read and write carries, such as an API version.
        block: the constant element in the SOAP header that every SOAP message carries.
        tokens: token endpoints of its auth schemes.
        rates: rate limits, as the vendor states them.
        concurrent: how many requests may be under way at a time, where the vendor says so.
        answers: where this vendor's answers mean something else than usual.
        complaints: where the body says what the status does not, and in which words.
        unconfirmed: settings whose default no vendor page confirms: name to why.
    """

    name: str
    title: str
    api_version: str
    docs: str
    docs_read: date
    hosts: Mapping[str, str]
    host_slots: Mapping[str, str] = field(factory=dict)
    reads: tuple[Read, ...]
    writes: tuple[StatusWrite, ...]
    headers: tuple[tuple[str, str], ...] = ()
    block: Element | None = None
    tokens: tuple[TokenEndpoint, ...] = ()
    rates: tuple[RateLimit, ...] = ()
    concurrent: int | None = None
    answers: tuple[AnswerRule, ...] = ()
    complaints: Complaints | None = None
    sunset: date | None = None
    unconfirmed: Mapping[str, str] = field(factory=dict)

    def can_name(self, application: str) -> bool:
        """Whether every status write could name an application of this id; one that none can is no record."""
        for slot, form in self._names:
            text = slot.take(application)
            if text is None or form.fullmatch(text) is None:
                return False
        return True

    @cached_property
    def _names(self) -> tuple[tuple[Slot, re.Pattern[str]], ...]:
        """The few different slots by which all the writes name an application: asked of every record read."""
        slots = {s for write in self.writes for s in write.slots if s.name is SlotName.APPLICATION}
        return tuple((slot, re.compile(slot.pattern)) for slot in slots)

    def write(self, name: str) -> StatusWrite:
        return next(w for w in self.writes if w.name == name)

    def surface(self) -> dict[str, Any]:
        """What may be written, in what shape, where to and how often, and where credentials are sent."""
        return {
            "vendor": self.name,
            "hosts": dict(self.hosts),
            "host_slots": dict(self.host_slots),
            "headers": [list(pair) for pair in self.headers],
            **({"block": _plain(self.block)} if self.block is not None else {}),
            **({"below": below} if (below := sorted({r.below for r in self.reads if r.below})) else {}),
            "tokens": [
                {"name": t.name, "urls": list(t.urls), "form": sorted(t.form), "headers": sorted(t.headers)}
                for t in sorted(self.tokens, key=lambda t: t.name)
            ],
            "writes": [w.surface() for w in sorted(self.writes, key=lambda w: w.name)],
        }

    @property
    def surface_digest(self) -> str:
        """SHA-256 of the surface; what a connection approves."""
        text = json.dumps(self.surface(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
