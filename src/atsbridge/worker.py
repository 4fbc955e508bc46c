"""`Worker`: keeps connections in step, on a schedule, in one process.

Several processes may do so at once on the same ledgers: they share the turns.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
from attrs import define, field, frozen

from .bridge import Bridge
from .errors import AtsBridgeError, LedgerUnavailable
from .sync.turns import arrange, overdue, take_turn

_LATER = {"sweep", "verify"}
_LOOK_SECONDS = 5.0


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


@define
class Worker:
    """Runs what is due, one verb at a time, the longest overdue of all connections first.

    An error of one run is told and no more: the verb's next turn comes.

    Args:
        bridges: one or several connections, each with its ledger.
        schedule: for all of them.
        tell: called after each run.
    """

    bridges: Sequence[Bridge]
    schedule: Schedule = field(factory=Schedule, kw_only=True)
    tell: Callable[[Ran], object] = field(default=lambda _ran: None, kw_only=True)
    _arranged: set[str] = field(factory=set, init=False)

    def run(self, stop: threading.Event | None = None) -> None:
        """Work until ``stop`` is set, which is looked at between two runs."""
        stop = stop or threading.Event()
        while not stop.is_set():
            ran, wait_seconds = self.step()
            if not ran:
                # Not longer: another worker may fail to do what it has taken.
                _ = stop.wait(min(wait_seconds, _LOOK_SECONDS))

    def step(self) -> tuple[bool, float]:
        """Run what has been due longest, if anything is.

        Returns:
            whether something ran, and in how many seconds something will be due.
        """
        looks = [look for bridge in self.bridges if (look := self._look(bridge)) is not None]
        longest = max(looks, key=lambda look: look.overdue_seconds, default=None)
        if longest is None or longest.overdue_seconds < 0:
            return False, -longest.overdue_seconds if longest else _LOOK_SECONDS
        if self._take(longest):
            self.tell(self._run(longest.bridge, longest.verb))
        return True, 0.0

    def _look(self, bridge: Bridge) -> _Look | None:
        """What a connection waits for; None where its ledger cannot be asked now."""
        ledger, name, every = bridge.ledger, bridge.connection, self.schedule.every
        try:
            if name not in self._arranged:
                ledger.do(lambda txn: arrange(txn, ledger.clock, name, every, later=_LATER))
                self._arranged.add(name)
            return _Look(bridge, *ledger.look(lambda txn: overdue(txn, ledger.clock, name, every)))
        except LedgerUnavailable as error:
            self.tell(Ran(connection=name, verb="worker", seconds=0.0, error=error))
            return None

    def _take(self, look: _Look) -> bool:
        ledger, name, verb = look.bridge.ledger, look.bridge.connection, look.verb
        every = self.schedule.every[verb]
        try:
            return ledger.do(lambda txn: take_turn(txn, ledger.clock, name, verb, every_seconds=every))
        except LedgerUnavailable:
            return False  # told by the next look

    def _run(self, bridge: Bridge, verb: str) -> Ran:
        begun = time.monotonic()
        report, error = None, None
        try:
            report = getattr(bridge, verb)()
        except AtsBridgeError as failed:
            error = failed
        took = time.monotonic() - begun
        return Ran(connection=bridge.connection, verb=verb, seconds=took, report=report, error=error)


@frozen
class _Look:
    """The verb of a connection that has been due longest; below zero, how soon it will be."""

    bridge: Bridge
    overdue_seconds: float
    verb: str
