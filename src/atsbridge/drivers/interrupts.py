"""What a driver does when it is told to stop while a token is being asked for.

To ask may spend the refresh token that is at hand; the next one is in the
answer alone. So from before the question leaves until the answer is saved,
the signals that end a program are held back, however many come, and are let
through then. A time limit holds whatever happens; SIGQUIT and SIGKILL are
nobody's to hold.
"""

from __future__ import annotations

import inspect
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any, TypeAlias

from attrs import define, field

from ..wire.effects import Perform, Purpose, Request
from .scheduler import Job

_LOG = logging.getLogger("atsbridge")
_WAITING = (
    "interrupted while a token is asked for: the answer is awaited and saved first, since the token "
    "before it may be spent by now; that takes %.0f seconds at the most"
)
_ENDING = [number for number in signal.Signals if number.name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")]
_OPENING_SECONDS = 60.0
"""To open a connection, and to save: added to a request's deadline, which begins with its first byte."""

_Handler: TypeAlias = "Callable[[int, FrameType | None], Any] | int | None"


@define(eq=False)
class Signals:
    """The signals that end this process, held back while somebody holds them.

    Only the main thread can, and only there do they raise anything: elsewhere
    nothing happens. What was replaced is put back, unless somebody has set
    another handler meanwhile; a signal's default of ending the process is held
    back and put back likewise, and one that is ignored stays so.

    Args:
        clock: seconds that only grow.
    """

    clock: Callable[[], float] = time.monotonic
    _holders: int = field(default=0, init=False)
    _until: float = field(default=0.0, init=False)
    _before: dict[int, _Handler] = field(factory=dict, init=False)
    _came: dict[int, None] = field(factory=dict, init=False)

    def hold(self, seconds: float) -> bool:
        """From now on until `let_go`, and for so long at the most; False where it cannot be done here."""
        if not _is_main():
            return False
        self._holders += 1
        self._until = max(self._until, self.clock() + seconds)
        for number in _ENDING:
            handler = signal.getsignal(number)
            if handler == self._note or not (callable(handler) or handler == signal.SIG_DFL):
                continue
            self._before[number] = handler  # first: a signal may come between the two lines
            _ = signal.signal(number, self._note)
        return True

    def let_go(self) -> None:
        """Put back what was there once nobody holds any more, and let through what came.

        Raises:
            BaseException: whatever the handler of a signal raises that was held back.
        """
        self._holders -= 1
        if self._holders:
            return
        if not _is_main():  # what was put in place stays, and holds nothing back any more
            while self._came:
                signal.raise_signal(self._came.popitem()[0])
            return
        try:
            for number, handler in self._before.items():
                if signal.getsignal(number) == self._note:
                    _ = signal.signal(number, handler)
        finally:  # one that comes just now may raise here
            self._let_through()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if not self._holders or self.clock() > self._until:
            self._handle(number, frame)
        elif number not in self._came:
            self._came[number] = None
            _LOG.warning(_WAITING, self._until - self.clock())

    def _let_through(self) -> None:
        while self._came:
            number, _ = self._came.popitem()
            try:
                self._handle(number, inspect.currentframe())
            except BaseException:
                self._let_through()  # the others too, whatever the first one raises
                raise

    def _handle(self, number: int, frame: FrameType | None) -> None:
        handler = self._before[number]
        if callable(handler):
            handler(number, frame)
        else:
            _ = signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)


def _is_main() -> bool:
    """Signals are handled there alone: what another thread holds holds nothing, and is not counted."""
    return threading.current_thread() is threading.main_thread()


signals = Signals()
"""Handlers are the process's, so there is one of these for all drivers of a process."""


@define(eq=False)
class Keeping:
    """Follows, among the jobs of one scheduler, the token requests and what keeps their answers.

    A token's flow is followed through the Performs right after its answer; it
    is let go with anything else it wants, or with its end.
    """

    _followed: set[int] = field(factory=set, init=False)
    _holding: bool = field(default=False, init=False)

    def __contains__(self, ticket: int) -> bool:
        return ticket in self._followed

    def follow(self, jobs: Iterable[Job], *, after: int | None = None) -> None:
        """Jobs that are about to begin, now that the one before them has its outcome."""
        for job in jobs:
            effect = job.effect
            if isinstance(effect, Request) and effect.purpose is Purpose.TOKEN:
                self._hold(effect.deadline_seconds + _OPENING_SECONDS)
                self._followed.add(job.ticket)
            elif after in self._followed and job.in_once and isinstance(effect, Perform):
                self._followed.add(job.ticket)
        if after is not None:
            self._followed.discard(after)

    def let_through(self) -> None:
        """Where nothing is followed any more, what was held back; to be called last, as it may raise."""
        if not self._followed:
            self.end()

    def end(self) -> None:
        """Follow nothing any more. May raise as `let_through` does."""
        self._followed.clear()
        if self._holding:
            self._holding = False
            signals.let_go()

    def _hold(self, seconds: float) -> None:
        if not self._holding:
            self._holding = signals.hold(seconds)
