"""The effects: what logic may ask of the world, as values.

Vendor code and sync logic are generators that yield these and are sent the
answers; a driver makes them happen. Nothing here does input or output.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Generator, Hashable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeAlias, TypeVar, cast
from urllib.parse import urlencode

from attrs import field, frozen

from .xml import Element, envelope

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Json: TypeAlias = "str | int | float | bool | Sequence[Any] | Mapping[str, Any] | None"
"""What JSON can carry."""

Query: TypeAlias = tuple[tuple[str, str], ...]


class Purpose(StrEnum):
    """Why a request leaves; the guard has a closed list for each."""

    READ = "read"
    TOKEN = "token"  # noqa: S105 - a word, not a secret
    WRITE = "write"


def _hidden(value: object) -> str:
    return "<hidden>" if value else repr(value)


@frozen(kw_only=True)
class Request:
    """One HTTP request, before it is signed.

    Args:
        operation: the declared name, for errors and logs.
        method: ``GET``, ``POST``, ``PUT`` ...
        url: a path below the vendor's base URL, or an absolute URL on the
            vendor's origin (a page link, already checked).
        query: keys and values in order; encoded by whoever sends.
        body: JSON (dict, list), a form (tuple of pairs), the one `Element` of a SOAP
            body, or None.
        media: the body's media type, where the vendor wants another than is usual for it.
        headers: what the operation itself needs; never credentials.
        signature: the headers that the vendor's declaration and the auth scheme add;
            set by the wire kit alone.
        blocks: the elements that they put into the SOAP header; likewise.
        deadline_seconds: from the first byte sent to the last received.
    """

    operation: str
    method: str
    url: str = field(repr=_hidden)
    query: Query = field(default=(), repr=_hidden)
    body: Any = field(default=None, repr=_hidden)
    media: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=_hidden)
    signature: tuple[tuple[str, str], ...] = field(default=(), repr=_hidden)
    blocks: tuple[Element, ...] = field(default=(), repr=_hidden)
    purpose: Purpose = Purpose.READ
    deadline_seconds: float = 30.0

    def content(self) -> tuple[bytes, str | None]:
        """The body's bytes as they are sent, and their media type."""
        return self._content(self.blocks)

    def unsigned_content(self) -> bytes:
        """The body's bytes before auth: what a permit is bound to."""
        return self._content(())[0]

    def _content(self, blocks: tuple[Element, ...]) -> tuple[bytes, str | None]:
        if self.body is None:
            return b"", self.media or None
        if isinstance(self.body, tuple):
            return urlencode(self.body).encode(), self.media or "application/x-www-form-urlencoded"
        if isinstance(self.body, Element):
            return envelope(self.body, *blocks), self.media or "text/xml; charset=utf-8"
        text = json.dumps(self.body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode(), self.media or "application/json"


@frozen(kw_only=True)
class Response:
    """What came back: the status, headers (names in lower case), the whole body, inflated.

    ``sent_at`` is the wall clock (UTC) when the request left.
    """

    status: int
    headers: Mapping[str, str] = field(factory=dict, repr=_hidden)
    body: bytes = field(default=b"", repr=_hidden)
    sent_at: datetime

    @property
    def request_id(self) -> str:
        """The vendor's id of the request, under the usual header or one of the vendor's own.

        It goes into errors and receipts: what has not the form of an id is no id.
        """
        own = (n for n in sorted(self.headers) if n.endswith("-request-id") or n == "x-transaction")
        told = self.headers.get("x-request-id") or next((self.headers[name] for name in own), "")
        return told if re.fullmatch(r"[\w.:/=+{}-]{1,128}", told, re.ASCII) else ""


@frozen(kw_only=True)
class Permit:
    """The right to send one status write once. Minted by the engine after its commit.

    Bound to the SHA-256 of method, URL and body before auth, and to the
    monotonic time after which no socket may be opened for it.
    """

    intent_id: str
    write: str
    digest: str
    send_by: float
    nonce: str = field(repr=_hidden)


@frozen
class Send:
    """A status write. It goes to the wire exactly once per attempt; no retry layer sees it."""

    request: Request
    permit: Permit


@frozen
class Sleep:
    seconds: float


@frozen
class Perform(Generic[T_co]):
    """One complete ledger or CRM transaction, run where the driver keeps such work."""

    action: Callable[[], T_co]


@frozen
class Await(Generic[T_co]):
    """The same for a coroutine; only the async driver takes it."""

    action: Callable[[], Awaitable[T_co]]


@frozen
class Done(Generic[T_co]):
    value: T_co


@frozen
class Failed:
    error: Exception


Outcome: TypeAlias = "Done[T] | Failed"


@frozen
class Together(Generic[T]):
    """Run all flows to their end, at most ``limit`` at a time.

    Gives one `Done` or `Failed` each, in order. A failure cancels no sibling.
    """

    flows: Sequence[Flow[T]]
    limit: int


@frozen
class Once(Generic[T]):
    """Whoever asks for the same key while it runs gets the same answer.

    ``flow`` is made only if nobody is running it. A cancelled asker does not
    cancel it.
    """

    key: Hashable
    flow: Callable[[], Flow[T]]


Effect: TypeAlias = "Request | Send | Sleep | Perform[Any] | Await[Any] | Together[Any] | Once[Any]"
Flow: TypeAlias = "Generator[Effect, Any, T]"


# The typed helpers: the only places with a bare ``yield``.


def request(value: Request) -> Flow[Response]:
    return cast(Response, (yield value))


def send(value: Request, permit: Permit) -> Flow[Response]:
    return cast(Response, (yield Send(value, permit)))


def sleep(seconds: float) -> Flow[None]:
    yield Sleep(seconds)


def perform(action: Callable[[], T]) -> Flow[T]:
    return cast(T, (yield Perform(action)))


def await_(action: Callable[[], Awaitable[T]]) -> Flow[T]:
    return cast(T, (yield Await(action)))


def together(flows: Sequence[Flow[T]], limit: int) -> Flow[list[Done[T] | Failed]]:
    return cast("list[Done[T] | Failed]", (yield Together(flows, limit)))


def all_of(flows: Sequence[Flow[T]], limit: int) -> Flow[list[T]]:
    """The same where each has to succeed: what they gave, or the first error once all have ended."""
    found: list[T] = []
    for outcome in (yield from together(flows, limit)):
        if isinstance(outcome, Failed):
            raise outcome.error
        found.append(outcome.value)
    return found


def once(key: Hashable, flow: Callable[[], Flow[T]]) -> Flow[T]:
    return cast(T, (yield Once(key, flow)))
