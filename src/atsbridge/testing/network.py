"""Faults of the network between a client and a simulator, on a real port.

`Faults` is given to `atsbridge.simulators.serve.serve` as ``intercept``. A plan
looks at each request as it arrives and says what goes wrong with it::

    faults = Faults(nth_write(1, LOSE_ANSWER))
    with serve(simulator, intercept=faults) as server:
        ...                       # the first write takes effect, and its answer never comes

Plans are plain functions from an `Arrival` to a `Fault` or None; `nth_write`,
`when` and `seeded` make the usual ones, `first_of` joins them. What was done is
in ``faults.history``.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeAlias

from attrs import define, field, frozen

from ..simulators.interface import SimRequest, SimResponse
from ..simulators.serve import Cut, Respond


class What(StrEnum):
    """What happens to a request."""

    PASS = "pass"  # noqa: S105 - a word, not a secret
    LOSE_REQUEST = "lose_request"
    LOSE_ANSWER = "lose_answer"
    LATE_REQUEST = "late_request"
    ANSWER = "answer"
    TRUNCATE = "truncate"
    SLOW = "slow"


@frozen(kw_only=True)
class Fault:
    """One fault; the names below and the functions after them make every kind.

    Args:
        response: what is answered in the simulator's place.
        seconds: how long a late request or a slow answer waits; None until `Faults.release`.
        share: how much of a truncated body is sent, from 0 up to but not 1.
    """

    what: What
    response: SimResponse | None = None
    seconds: float | None = None
    share: float = 0.5


PASS = Fault(what=What.PASS)
"""The request goes through."""

LOSE_REQUEST = Fault(what=What.LOSE_REQUEST)
"""The connection is dropped before the simulator sees the request."""

LOSE_ANSWER = Fault(what=What.LOSE_ANSWER)
"""The simulator acts, and the connection is dropped before its answer."""


def late_request(after_seconds: float | None = None) -> Fault:
    """The connection is dropped now; the simulator sees the request later, or at `Faults.release`."""
    return Fault(what=What.LATE_REQUEST, seconds=after_seconds)


def answer(status: int, body: bytes = b"", *, headers: tuple[tuple[str, str], ...] = ()) -> Fault:
    """This is answered, and the simulator never sees the request."""
    return Fault(what=What.ANSWER, response=SimResponse(status, headers, body))


def throttle(retry_after_seconds: int = 1) -> Fault:
    """429 with ``Retry-After``."""
    return answer(429, b"{}", headers=(("Retry-After", str(retry_after_seconds)),))


def truncate(share: float = 0.5) -> Fault:
    """The simulator acts; this share of its answer's body is sent, then the connection is dropped."""
    return Fault(what=What.TRUNCATE, share=share)


def slow(seconds: float | None = None) -> Fault:
    """The simulator acts at once; its answer waits so long, or until `Faults.release`."""
    return Fault(what=What.SLOW, seconds=seconds)


@frozen
class Arrival:
    """A request as a plan sees it; both numbers count from 1, ``write`` is None for a read."""

    number: int
    write: int | None
    request: SimRequest


Plan: TypeAlias = Callable[[Arrival], "Fault | None"]


def nth_write(number: int, fault: Fault) -> Plan:
    """The n-th write, counted from 1."""
    return lambda arrival: fault if arrival.write == number else None


def when(test: Callable[[SimRequest], bool], fault: Fault) -> Plan:
    """Every request that passes a test."""
    return lambda arrival: fault if test(arrival.request) else None


def seeded(seed: int, odds: Mapping[Fault, float]) -> Plan:
    """Each request at random: the same seed gives the n-th request the same fault."""
    faults, weights = list(odds), list(odds.values())
    rest = 1.0 - sum(weights)
    if rest < -1e-9:
        raise ValueError("the odds of all faults together are at most 1")

    def plan(arrival: Arrival) -> Fault | None:
        dice = random.Random(f"{seed}/{arrival.number}")  # noqa: S311 - a plan, not a secret
        return dice.choices([*faults, None], [*weights, max(0.0, rest)])[0]

    return plan


def first_of(*plans: Plan) -> Plan:
    """The first plan that has a fault for the request."""
    return lambda arrival: next((fault for plan in plans if (fault := plan(arrival))), None)


def is_write(request: SimRequest) -> bool:
    """Every method that changes something, save for a token request (a form sent by POST)."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return False
    return not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


@define(eq=False)
class Faults:
    """An interceptor for ``serve``: does to each request what the plan says.

    Args:
        plan: consulted in order of arrival, under a lock.
        writes: which requests count as writes; replace it where a vendor reads by POST.
    """

    plan: Plan
    writes: Callable[[SimRequest], bool] = field(default=is_write, kw_only=True)
    history: list[tuple[SimRequest, Fault]] = field(factory=list, init=False)
    _write_count: int = field(default=0, init=False)
    _held_count: int = field(default=0, init=False, repr=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)
    _late: dict[int, Callable[[], object]] = field(factory=dict, init=False, repr=False)
    _timers: list[threading.Timer] = field(factory=list, init=False, repr=False)
    _stopped: bool = field(default=False, init=False, repr=False)
    _released: threading.Event = field(factory=threading.Event, init=False, repr=False)

    def __call__(self, request: SimRequest, respond: Respond) -> SimResponse | Cut | None:
        fault = self._decide(request)
        match fault.what:
            case What.LOSE_REQUEST:
                return None
            case What.LOSE_ANSWER:
                respond(request)
                return None
            case What.LATE_REQUEST:
                self._hold(lambda: respond(request), fault.seconds)
                return None
            case What.ANSWER:
                return fault.response
            case What.TRUNCATE:
                response = respond(request)
                return Cut(response, int(len(response.body) * fault.share))
            case What.SLOW:
                response = respond(request)
                with self._lock:
                    released = self._released
                released.wait(fault.seconds)
                return response
            case What.PASS:
                return respond(request)

    def release(self) -> None:
        """Let every held request reach the simulator now, in order of arrival, and slow answers go."""
        with self._lock:
            late, self._late = self._late, {}
            timers, self._timers = self._timers, []
            self._released.set()
            if not self._stopped:
                self._released = threading.Event()
        for timer in timers:
            timer.cancel()
        for act in late.values():
            act()

    def stop(self) -> None:
        """Drop held requests: they never arrive. Slow answers go now; the server calls this at its end."""
        with self._lock:
            self._late = {}
            self._stopped = True
        self.release()

    @property
    def held(self) -> int:
        """How many late requests have not reached the simulator yet."""
        return len(self._late)

    def _decide(self, request: SimRequest) -> Fault:
        with self._lock:
            write = None
            if self.writes(request):
                self._write_count += 1
                write = self._write_count
            fault = self.plan(Arrival(len(self.history) + 1, write, request)) or PASS
            self.history.append((request, fault))
            return fault

    def _hold(self, act: Callable[[], object], seconds: float | None) -> None:
        with self._lock:
            self._held_count += 1
            number = self._held_count
            self._late[number] = act
            if seconds is not None:
                timer = threading.Timer(seconds, self._arrive, (number,))
                timer.daemon = True
                self._timers.append(timer)
                timer.start()

    def _arrive(self, number: int) -> None:
        with self._lock:
            act = self._late.pop(number, None)
        if act is not None:
            act()
