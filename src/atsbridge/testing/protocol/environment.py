"""The state of everything: ledger, ATS, requests on their way, workers, the recruiter's feed, and time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from ...ledgers.memory import Tables
from .model_ats import Account, Asked

START_TIME = 1000.0


@frozen
class Answer:
    """What an effect gave a lane, and when: enough to bring a lane back to where it stood."""

    value: Any
    raised: bool
    at: float


@frozen(kw_only=True)
class Worker:
    """One worker: idle where ``effect`` is None, else before this effect of its lane.

    Args:
        generation: grows when it dies and another takes its place.
        answers: what its lane was given so far.
        shown: how many of the ATS's states its last read showed.
        asleep_until, frozen: it waits; it has stopped for a while.
    """

    place: int
    generation: int = 0
    effect: str | None = None
    answers: tuple[Answer, ...] = ()
    shown: int = 0
    asleep_until: float | None = None
    frozen: bool = False

    @property
    def name(self) -> str:
        return f"w{self.place}.{self.generation}"


@frozen
class Flight:
    """A request that has left and may still arrive."""

    intent_id: str
    sequence: int
    asked: Asked
    shown: int
    sent_at: float


@frozen(kw_only=True)
class World:
    """One state of the whole. ``log`` is what the verdicts need of the ATS's own log."""

    tables: Tables
    now: float = START_TIME
    boot: int = 0
    booted_at: float = 0.0
    account: Account = field(factory=Account)
    flights: tuple[Flight, ...] = ()
    workers: tuple[Worker, ...]
    feed: tuple[int, ...] = ()
    taken: frozenset[int] = frozenset()
    faults: int
    moves: int
    pauses: int = 0
    log: Log


@frozen(kw_only=True)
class Log:
    """What the ATS has seen of us, and what people did.

    Args:
        accepted: intent ids of accepted writes, once per acceptance, with their sequence.
        over: intents whose write was accepted over a state that its last read did not show.
        asked: events of which a request has left.
        foreign: people have changed the application.
    """

    accepted: tuple[tuple[str, int], ...] = ()
    over: frozenset[str] = frozenset()
    asked: frozenset[str] = frozenset()
    foreign: bool = False

    def count(self, intent_id: str) -> int:
        return sum(i == intent_id for i, _ in self.accepted)


class ModelClock:
    """The ledger's clock, turned by the explorer."""

    def __init__(self) -> None:
        self.boot = "boot-0"
        self.value = START_TIME

    def now(self) -> float:
        return self.value


def copied(tables: Tables) -> Tables:
    return {row_type: dict(rows) for row_type, rows in tables.items()}


Rows = Mapping[tuple[Any, ...], Any]
