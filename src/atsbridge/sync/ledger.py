"""What the bridge remembers: the rows, and what a ledger must do with them.

A ledger stores rows and runs transactions; it knows nothing of the protocol.
All rules stand once in `atsbridge.sync`, as functions on a `Txn`. Columns hold
text, integers, floats, bytes or None; ledger times are seconds of the ledger's
own `Clock`, wall times are unix seconds. No row holds personal data.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import attrs
from attrs import frozen

T = TypeVar("T")


@frozen(kw_only=True)
class Row:
    """A row of a table; the first ``KEY`` fields are its primary key."""

    TABLE: ClassVar[str]
    KEY: ClassVar[int] = 2

    connection: str

    @classmethod
    @cache
    def columns(cls) -> tuple[str, ...]:
        return tuple(f.name for f in attrs.fields(cls))

    @property
    def key(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.columns()[: self.KEY])


R = TypeVar("R", bound=Row)


@frozen(kw_only=True)
class Control(Row):
    """One per connection: is it paused or stopped, and the counters."""

    TABLE: ClassVar[str] = "control"
    KEY: ClassVar[int] = 1

    paused: int = 0
    paused_why: str = ""
    stopped: str = ""
    next_delivery: int = 1
    next_number: int = 1
    feed: str | None = None
    mapping: str = ""
    meanings: str = ""
    generation: int = 0


@frozen(kw_only=True)
class Lease(Row):
    """Who may work on a lane; ``fence`` grows with every holder."""

    TABLE: ClassVar[str] = "lease"

    lane: str
    fence: int
    worker: str
    until: float
    boot: str


@frozen(kw_only=True)
class Position(Row):
    """How far a stream has been read: watermark, and the page cursor of an unfinished run.

    ``seen`` names the records of the page that is being given to the CRM; see `sync.given`.
    """

    TABLE: ClassVar[str] = "position"
    KEY: ClassVar[int] = 3

    stream: str
    job: str
    watermark: str | None = None
    cursor: str | None = None
    seen: str = ""
    pages: int = 0
    restarts: int = 0
    finished_at: float | None = None


@frozen(kw_only=True)
class Known(Row):
    """A record of the ATS, as last delivered to the CRM.

    ``digest`` is of the raw bytes, the reader's revision and the mapping.
    ``content`` is the record itself for jobs, stages and reasons only.
    """

    TABLE: ClassVar[str] = "known"
    KEY: ClassVar[int] = 3

    kind: str
    id: str
    digest: bytes | None
    read_at: float
    seen: int = 0
    deleted: str | None = None
    job: str | None = None
    stage: str | None = None
    status: str | None = None
    reason: str | None = None
    token: str | None = None
    delivery: int = 0
    content: str | None = None


@frozen(kw_only=True)
class Waiting(Row):
    """A record whose parent is not known yet; it is read again when the parent has come."""

    TABLE: ClassVar[str] = "waiting"
    KEY: ClassVar[int] = 3

    kind: str
    id: str
    parent_kind: str
    parent_id: str
    since: float


@frozen(kw_only=True)
class Quarantined(Row):
    """A record that could not be read, mapped or taken by the CRM."""

    TABLE: ClassVar[str] = "quarantined"
    KEY: ClassVar[int] = 3

    kind: str
    id: str
    path: str
    why: str
    digest: bytes | None = None
    first_at: float = 0.0
    last_at: float = 0.0
    times: int = 1


@frozen(kw_only=True)
class Enqueued(Row):
    """A StatusUpdate that the CRM has put here itself, not taken in yet; ``change`` is its JSON."""

    TABLE: ClassVar[str] = "enqueued"

    event_id: str
    change: str


@frozen(kw_only=True)
class Update(Row):
    """A StatusUpdate that was taken in. ``number`` is the order of intake.

    ``enqueued``: it came by the ledger's own table, and not by the CRM's feed.
    """

    TABLE: ClassVar[str] = "status_update"

    event_id: str
    application: str
    number: int
    sequence: int | None = None
    step: str | None = None
    status: str | None = None
    reason: str | None = None
    base_stage: str | None = None
    base_status: str | None = None
    base_delivery: int = 0
    base_token: str | None = None
    by_bridge: int = 0
    actor: str | None = None
    occurred_at: float | None = None
    taken_at: float = 0.0
    waits_for: str | None = None
    open: int = 1
    result: str | None = None
    receipt: str | None = None
    delivered: int = 0
    enqueued: int = 0


OPEN = ("pending", "leased", "in_flight", "settling")
"""The states of an intent that has not ended; else it is closed."""


@frozen(kw_only=True)
class IntentRow(Row):
    """One planned ATS write and where it stands.

    ``state`` is pending, leased, in_flight, settling or closed. ``open_attempt``
    counts attempts whose outcome is not known; ``signal`` belongs to the oldest
    of them. ``send_by``, ``settles_at`` and ``not_before`` are ledger times of ``boot``.
    """

    TABLE: ClassVar[str] = "intent"

    intent_id: str
    event_id: str
    application: str
    number: int
    part: int
    parts: int
    action: str
    target_stage: str | None
    target_status: str
    target_reason: str | None
    expected_stage: str | None
    expected_status: str
    acting_user: str | None = None
    after: str | None = None
    not_after: float | None = None
    state: str = "pending"
    not_before: float = 0.0
    boot: str = ""
    returns: int = 0
    attempts: int = 0
    open_attempts: int = 0
    accepted: int = 0
    sent: int = 0
    write: str | None = None
    signal: str | None = None
    request_digest: str | None = None
    send_by: float | None = None
    settles_at: float | None = None
    before: str | None = None
    after_state: str | None = None
    result: str | None = None
    why: str = ""
    gap: str | None = None
    overwritten: str | None = None
    evidence: str | None = None
    read_at: float | None = None
    closed_at: float | None = None


@frozen(kw_only=True)
class Attempt(Row):
    """One send: the append-only audit of what left for the ATS, without personal data."""

    TABLE: ClassVar[str] = "attempt"
    KEY: ClassVar[int] = 3

    intent_id: str
    number: int
    at: float
    write: str
    digest: str
    outcome: str = "open"
    answer: int | None = None
    request_id: str = ""
    answered_at: float | None = None


@frozen(kw_only=True)
class Turn(Row):
    """When a verb of a connection is due next, in ledger time of ``boot``."""

    TABLE: ClassVar[str] = "turn"

    verb: str
    due_at: float
    boot: str


@frozen(kw_only=True)
class BudgetRow(Row):
    """What is left of one of a vendor's rate limits, in ledger time of ``boot``; see `Budget`.

    ``stated`` is the size that the limit itself had.
    """

    TABLE: ClassVar[str] = "budget"

    name: str
    stated: float
    size: float
    level: float
    at: float | None
    reset_at: float
    blocked_until: float
    boot: str


@frozen(kw_only=True)
class Run(Row):
    """One call of a verb: when, and what it came to."""

    TABLE: ClassVar[str] = "run"
    KEY: ClassVar[int] = 2

    number: int
    verb: str
    started_at: float
    ended_at: float | None = None
    summary: str | None = None


ROWS: tuple[type[Row], ...] = (
    Control,
    Lease,
    Position,
    Known,
    Waiting,
    Quarantined,
    Enqueued,
    Update,
    IntentRow,
    Attempt,
    Turn,
    BudgetRow,
    Run,
)
"""Every table."""


@frozen(kw_only=True)
class Where:
    """Which rows: columns that equal a value, are one of several, or are at most or at least one."""

    equal: Mapping[str, Any] = attrs.field(factory=dict)
    among: Mapping[str, Sequence[Any]] = attrs.field(factory=dict)
    at_most: Mapping[str, Any] = attrs.field(factory=dict)
    at_least: Mapping[str, Any] = attrs.field(factory=dict)
    above: Mapping[str, Any] = attrs.field(factory=dict)

    def holds(self, row: Row) -> bool:
        """Whether a row is one of them; as in SQL, nothing compares with None but equality."""

        def value(name: str) -> Any:
            return getattr(row, name)

        return (
            all(value(k) == v for k, v in self.equal.items())
            and all(value(k) in vs for k, vs in self.among.items())
            and all(value(k) is not None and value(k) <= v for k, v in self.at_most.items())
            and all(value(k) is not None and value(k) >= v for k, v in self.at_least.items())
            and all(value(k) is not None and value(k) > v for k, v in self.above.items())
        )


LONGEST_ID = 512
"""Characters of an id: a database's index has room for no text of any length."""


def storable(text: object) -> str:
    """A text as every ledger can keep it: half a surrogate pair is no character of Unicode."""
    return str(text).encode("utf-8", "backslashreplace").decode()


class Txn(ABC):
    """One transaction on the rows of all connections. Not kept beyond its block."""

    @abstractmethod
    def get(self, row_type: type[R], *key: Any) -> R | None: ...

    @abstractmethod
    def get_many(self, row_type: type[R], prefix: tuple[Any, ...], last: Sequence[Any]) -> dict[Any, R]:
        """Rows whose key is ``prefix`` and one of ``last``, by that last part."""

    def get_columns(
        self, row_type: type[Row], columns: Sequence[str], prefix: tuple[Any, ...], last: Sequence[Any]
    ) -> dict[Any, tuple[Any, ...]]:
        """Some columns of the rows that `get_many` gives: much cheaper where only those are looked at."""
        rows = self.get_many(row_type, prefix, last)
        return {key: tuple(getattr(row, name) for name in columns) for key, row in rows.items()}

    @abstractmethod
    def find(
        self,
        row_type: type[R],
        where: Where,
        *,
        order: Sequence[str] = (),
        limit: int | None = None,
    ) -> list[R]:
        """Rows that hold, ordered by columns; a leading ``-`` turns one round."""

    def claim(
        self, row_type: type[R], where: Where, *, order: Sequence[str] = (), limit: int | None = None
    ) -> list[R]:
        """As `find`, but passing over what another transaction has claimed, and nobody waits for that.

        What it gives is this transaction's alone until its end.
        """
        return self.find(row_type, where, order=order, limit=limit)

    @abstractmethod
    def count(self, row_type: type[Row], where: Where) -> int: ...

    @abstractmethod
    def put(self, rows: Iterable[Row]) -> None:
        """Insert or replace by key; all of one type."""

    def put_unless_newer(self, rows: Iterable[R], column: str) -> list[R]:
        """As `put`, but a row whose value in a column is above the new one's stays.

        Returns:
            the rows that were not stored for that.
        """
        beaten: list[R] = []
        for row in rows:
            held = self.get(type(row), *row.key)
            if held is not None and getattr(held, column) > getattr(row, column):
                beaten.append(row)
            else:
                self.put([row])
        return beaten

    @abstractmethod
    def set(self, row_type: type[Row], where: Where, **values: Any) -> None:
        """Set columns on every row that holds."""

    @abstractmethod
    def delete(self, row_type: type[Row], where: Where) -> None: ...


class Clock(Protocol):
    """The ledger's time: seconds that only grow, within one boot."""

    @property
    def boot(self) -> str: ...

    def now(self) -> float: ...


class MonotonicClock:
    """The system's monotonic clock and the id of this boot."""

    def __init__(self) -> None:
        self.boot = _boot_id()

    def now(self) -> float:
        return time.monotonic()


_ABOUT = "about-"


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        # No boot id here: the moment of boot, coarsely. Where the wall clock is set, it changes within
        # one boot: that makes a window longer, and says nothing of a lease (`surely_another_boot`).
        return f"{_ABOUT}{round((time.time() - time.monotonic()) / 60)}"


def surely_another_boot(one: str, other: str) -> bool:
    """Whether two ids are of different boots of the machine: not where either is a mere guess."""
    return one != other and not one.startswith(_ABOUT) and not other.startswith(_ABOUT)


class Ledger(ABC):
    """The bridge's memory."""

    clock: Clock

    @abstractmethod
    def transaction(self, *, durable: bool = True) -> AbstractContextManager[Txn]:
        """A serialisable read-write transaction: all of it is kept, or nothing.

        Args:
            durable: on return it survives a power cut, and so does all that was committed
                before; else at least a crash of the process.
        """

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[Txn]:
        """A transaction that only reads."""

    @abstractmethod
    def close(self) -> None: ...

    def do(self, action: Callable[[Txn], T], *, durable: bool = True) -> T:
        with self.transaction(durable=durable) as txn:
            return action(txn)

    def look(self, action: Callable[[Txn], T]) -> T:
        with self.snapshot() as txn:
            return action(txn)
