"""`Worker`: keeps connections in step, on a schedule, in one process.

Several processes may do so at once on the same ledgers: they share the turns.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

import attrs
from attrs import define, field, frozen

from .bridge import Bridge
from .errors import AtsBridgeError, LedgerError, type_and_place
from .sync.turns import arrange, hurry, overdue, take_turn

_LATER = {"sweep", "verify"}
_BOUNDED = {"push", "pull"}
_LOOK_SECONDS = 5.0
_MOST_SECONDS = 60.0
"""A ledger that fails again and again is looked at each so many."""


@frozen(kw_only=True)
class Schedule:
    """Seconds between two runs of a verb on one connection; None never runs it.

    ``push`` takes in the CRM's changes and drains the outbox; the first sweep
    and the first verify are due after one interval.
    """

    push: float | None = 10.0
    pull: float | None = 120.0
    sweep: float | None = 24 * 3600.0
    verify: float | None = 7 * 24 * 3600.0

    @property
    def every(self) -> Mapping[str, float]:
        return {verb: seconds for verb, seconds in attrs.asdict(self).items() if seconds is not None}


@frozen(kw_only=True)
class Ran:
    """One run of a verb: its report, or what went wrong."""

    connection: str
    verb: str
    seconds: float
    report: Any = None
    error: AtsBridgeError | None = None


@frozen
class Step:
    """The connection and verb whose turn it was; or, where none was due, in how many seconds one will be.

    ``unfinished`` is a turn whose time was over before all was done.
    """

    turn: tuple[str, str] | None
    wait_seconds: float = 0.0
    unfinished: bool = False


@define
class Worker:
    """Runs what is due, one verb at a time, the longest overdue of all connections first.

    An error of one run is told and no more: the verb's next turn comes. What
    has much to do keeps nobody else waiting: a push or pull ends after a
    while, and goes on behind all that has been due meanwhile.

    Args:
        bridges: one or several connections, each with its ledger.
        schedule: for all of them.
        most_seconds: how long a push or pull may be at its records.
        tell: called after each run.
    """

    bridges: Sequence[Bridge]
    schedule: Schedule = field(factory=Schedule, kw_only=True)
    most_seconds: float = field(default=60.0, kw_only=True)
    tell: Callable[[Ran], object] = field(default=lambda _ran: None, kw_only=True)
    _arranged: set[str] = field(factory=set, init=False)
    _not_before: dict[str, float] = field(factory=dict, init=False)
    _alone_for: dict[str, float] = field(factory=dict, init=False)

    def run(self, stop: threading.Event | None = None) -> None:
        """Work until ``stop`` is set, which is looked at between two runs."""
        stop = stop or threading.Event()
        while not stop.is_set():
            step = self.step()
            if step.turn is None:
                # Not longer: the schedule in the ledger may change.
                _ = stop.wait(min(step.wait_seconds, _LOOK_SECONDS))

    def once(self) -> None:
        """Run what is due, each verb of a connection until it is done, and end."""
        done: set[tuple[str, str]] = set()
        while (step := self.step(but=done)).turn is not None:
            if not step.unfinished:
                done.add(step.turn)

    def step(self, *, but: Collection[tuple[str, str]] = ()) -> Step:
        """Run what has been due longest, if anything is; ``but`` for some turns."""
        looks = [look for bridge in self.bridges if (look := self._look(bridge, but)) is not None]
        longest = max(looks, key=lambda look: look.overdue_seconds, default=None)
        if longest is None or longest.overdue_seconds < 0:
            return Step(None, -longest.overdue_seconds if longest else _LOOK_SECONDS)
        unfinished = False
        if self._take(longest):
            ran = self._run(longest.bridge, longest.verb)
            unfinished = bool(getattr(ran.report, "unfinished", False))
            if unfinished:
                self._go_on_soon(longest)
            self.tell(ran)
        return Step((longest.bridge.connection, longest.verb), unfinished=unfinished)

    def _look(self, bridge: Bridge, but: Collection[tuple[str, str]]) -> _Look | None:
        """What a connection waits for; None where its ledger cannot be asked now."""
        ledger, name, every = bridge.ledger, bridge.connection, self.schedule.every
        verbs = [verb for verb in every if (name, verb) not in but]
        if not verbs or self._not_before.get(name, 0.0) > time.monotonic():
            return None
        try:
            if name not in self._arranged:
                ledger.do(lambda txn: arrange(txn, ledger.clock, name, every, later=_LATER))
                self._arranged.add(name)
            found = ledger.look(lambda txn: overdue(txn, ledger.clock, name, verbs))
        except LedgerError as error:
            self._leave_alone(name, error)
            return None
        if found is None:  # somebody has put another ledger, or emptied its table
            self._arranged.discard(name)
            return None
        return _Look(bridge, *found)

    def _take(self, look: _Look) -> bool:
        ledger, name, verb = look.bridge.ledger, look.bridge.connection, look.verb
        every = self.schedule.every[verb]
        try:
            taken = ledger.do(lambda txn: take_turn(txn, ledger.clock, name, verb, every_seconds=every))
        except LedgerError as error:
            self._leave_alone(name, error)
            return False
        self._alone_for.pop(name, None)
        return taken

    def _leave_alone(self, name: str, error: LedgerError) -> None:
        """For a while: its failing may take its time, each time, and all others wait meanwhile."""
        last = self._alone_for.get(name)
        self._alone_for[name] = wait = min(2 * last, _MOST_SECONDS) if last else _LOOK_SECONDS
        self._not_before[name] = time.monotonic() + wait
        self.tell(Ran(connection=name, verb="worker", seconds=0.0, error=error))

    def _run(self, bridge: Bridge, verb: str) -> Ran:
        begun = time.monotonic()
        report, error = None, None
        try:
            report = getattr(bridge, verb)(
                **({"most_seconds": self.most_seconds} if verb in _BOUNDED else {})
            )
        except AtsBridgeError as failed:
            error = failed
        except Exception as fault:
            # Of the bridge's own, or of what somebody has plugged in: the other connections go on.
            error = AtsBridgeError(
                f"a fault that nobody had foreseen: {type_and_place(fault)}",
                advice="tell whoever maintains what it names; the verb's next turn comes",
            )
        took = time.monotonic() - begun
        return Ran(connection=bridge.connection, verb=verb, seconds=took, report=report, error=error)

    def _go_on_soon(self, look: _Look) -> None:
        """Its next turn is due now, and so behind all that has been due before."""
        ledger, name, verb = look.bridge.ledger, look.bridge.connection, look.verb
        with suppress(LedgerError):  # told when its next turn is taken
            ledger.do(lambda txn: hurry(txn, ledger.clock, name, verb))


@frozen
class _Look:
    """The verb of a connection that has been due longest; below zero, how soon it will be."""

    bridge: Bridge
    overdue_seconds: float
    verb: str
