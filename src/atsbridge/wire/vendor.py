"""`Vendor`: the declarative core of an adapter, its reads and status writes as data."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from attrs import field, frozen

from ..errors import GuardError
from ..model import CompareAndSet, SideEffect
from .effects import Purpose, Request

if TYPE_CHECKING:
    from .answers import AnswerRule
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


@frozen
class Slot:
    """A value in a write: its source, the pattern it must match in full, and its JSON type."""

    name: SlotName
    pattern: str
    type: type[str] | type[int] = str

    def value(self, text: str) -> str | int:
        """Raises `GuardError` where the text does not match."""
        if not re.fullmatch(self.pattern, text):
            raise GuardError(f"the {self.name} of a write is not of the form {self.pattern}")
        return self.type(text)

    def text(self, value: object) -> str | None:
        """The value as text, or None where it could not have come from this slot."""
        if type(value) is not self.type:
            return None
        text = str(value)
        return text if re.fullmatch(self.pattern, text) else None


Shape: TypeAlias = "Slot | str | int | bool | Mapping[str, Any] | Sequence[Any] | None"
"""A body: slots, constants, mappings and lists of these. A slot named twice has one value."""


@frozen(kw_only=True)
class Read:
    """A declared read: method, path template, query keys and, for a read by POST, body keys.

    Path templates name typed segments: ``/opportunities/{id}``; every segment
    must match its pattern in full.
    """

    name: str
    method: str = "GET"
    path: str
    segments: Mapping[str, str] = field(factory=dict)
    query: frozenset[str] = frozenset()
    body: frozenset[str] = frozenset()


@frozen(kw_only=True)
class StatusWrite:
    """A declared status write. No optional keys: a variant is a StatusWrite of its own.

    Args:
        path: template; each ``{slot}`` is one of ``slots`` by name.
        query: every query key, with its slot or constant.
        body: the whole body's shape, or None where there is none.
        cas, signal, visible_within_seconds, resend: see `reliability`, per write.
        side_effects: what else the vendor may do on it.
    """

    name: str
    method: str
    path: str
    slots: tuple[Slot, ...]
    query: tuple[tuple[str, Slot | str], ...] = ()
    body: Shape = None
    cas: CompareAndSet = CompareAndSet.NONE
    signal: Signal = Signal.NONE
    visible_within_seconds: float = 0.0
    resend: Resend = Resend.NEVER
    side_effects: frozenset[SideEffect] = frozenset()
    note: str = ""

    def render(self, values: Mapping[SlotName, str], *, deadline_seconds: float = 30.0) -> Request:
        """The one request that carries these values.

        Raises:
            GuardError: a value is missing or not of its slot's form.
        """
        slots = {slot.name.value: slot for slot in self.slots}

        def fill(slot: Slot) -> str | int:
            if slot.name not in values:
                raise GuardError(f"the write {self.name} needs a value for {slot.name}")
            return slot.value(values[slot.name])

        def segment(match: re.Match[str]) -> str:
            return quote(str(fill(slots[match.group(1)])), safe="")

        return Request(
            operation=self.name,
            method=self.method,
            url=re.sub(r"\{(\w+)\}", segment, self.path),
            query=tuple((k, str(fill(v)) if isinstance(v, Slot) else v) for k, v in self.query),
            body=_fill(self.body, fill),
            purpose=Purpose.WRITE,
            deadline_seconds=deadline_seconds,
        )

    def surface(self) -> dict[str, Any]:
        """This write as plain data, for people, `vendors show` and the digest."""
        return {
            "name": self.name,
            "method": self.method,
            "path": self.path,
            "slots": {s.name.value: {"pattern": s.pattern, "type": s.type.__name__} for s in self.slots},
            "query": {k: _plain(v) for k, v in self.query},
            "body": _plain(self.body),
        }

    def semantics(self) -> dict[str, Any]:
        return {
            "cas": self.cas.value,
            "signal": self.signal.value,
            "visible_within_seconds": self.visible_within_seconds,
            "resend": self.resend.value,
            "side_effects": sorted(self.side_effects),
            "note": self.note,
        }


def _fill(shape: Any, fill: Any) -> Any:
    if isinstance(shape, Slot):
        return fill(shape)
    if isinstance(shape, Mapping):
        return {k: _fill(v, fill) for k, v in shape.items()}
    if isinstance(shape, (list, tuple)):
        return [_fill(v, fill) for v in shape]
    return shape


def _plain(shape: Any) -> Any:
    if isinstance(shape, Slot):
        return {"slot": shape.name.value}
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
        tokens: token endpoints of its auth schemes.
        rates: rate limits, as the vendor states them.
        answers: where this vendor's answers mean something else than usual.
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
    tokens: tuple[TokenEndpoint, ...] = ()
    rates: tuple[RateLimit, ...] = ()
    answers: tuple[AnswerRule, ...] = ()
    sunset: date | None = None
    unconfirmed: Mapping[str, str] = field(factory=dict)

    def write(self, name: str) -> StatusWrite:
        return next(w for w in self.writes if w.name == name)

    @property
    def surface_digest(self) -> str:
        """Hash of all that may be written, in what shape and where to; what a connection approves."""
        surface = {
            "vendor": self.name,
            "hosts": dict(self.hosts),
            "writes": [w.surface() for w in sorted(self.writes, key=lambda w: w.name)],
        }
        text = json.dumps(surface, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
