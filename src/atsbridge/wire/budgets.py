"""Rate budgets: how many requests a vendor allows, kept before it has to say so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from attrs import Factory, define, evolve, field, frozen

from .effects import Response

T = TypeVar("T")


@frozen(kw_only=True)
class RateLimit:
    """A limit as the vendor states it: so many requests a period, with a burst.

    Args:
        requests, per_seconds: the steady rate.
        burst: how many at once; ``requests`` where the vendor has a fixed window.
        window: True where the count starts anew every ``per_seconds``.
        reserve: the share of a window that reads leave to status writes.
        reset_in_seconds: the vendor's reset header counts seconds from now; else it is unix time.
        share: of what the vendor's headers tell, so much is ours.
    """

    name: str = "requests"
    requests: float
    per_seconds: float
    burst: float | None = None
    window: bool = False
    reserve: float = 0.0
    reset_in_seconds: bool = False
    share: float = 1.0

    @property
    def size(self) -> float:
        """How many may leave at once."""
        return self.burst or self.requests

    def times(self, factor: float) -> RateLimit:
        """The same limit, so many times as wide."""
        burst = None if self.burst is None else self.burst * factor
        return evolve(self, requests=self.requests * factor, burst=burst, share=min(1.0, self.share * factor))


def _stated(budget: Budget) -> float:
    return budget.limit.size


@define
class Budget:
    """What is left of one limit. Time is passed in, in seconds of one clock that only grows.

    `take` reserves a place and says how long to wait for it, so that askers
    side by side are served in turn. A fixed window is full again at its reset;
    a token bucket refills steadily.

    Args:
        size: of the window or bucket; the vendor's headers may say another than the limit does.
        level: what is left of it; below 0 it is owed.
        at: when the bucket was last looked at. reset_at: when the window ends.
        blocked_until: nothing leaves before.
    """

    limit: RateLimit
    size: float = field(default=Factory(_stated, takes_self=True), kw_only=True)
    level: float = field(default=Factory(_stated, takes_self=True), kw_only=True)
    at: float | None = field(default=None, kw_only=True)
    reset_at: float = field(default=0.0, kw_only=True)
    blocked_until: float = field(default=0.0, kw_only=True)

    def take(self, now: float, *, writes: bool = False) -> float:
        """Reserve one request; returns the seconds to wait before it may leave.

        Args:
            writes: it belongs to a status write, and may use what reads leave over.
        """
        wait = self._take_window(now, writes) if self.limit.window else self._take_bucket(now)
        return max(wait, self.blocked_until - now, 0.0)

    def give_back(self) -> None:
        """A place that was reserved is not used."""
        self.level += 1

    def _take_bucket(self, now: float) -> float:
        rate = self.limit.requests / self.limit.per_seconds
        if self.at is not None:
            self.level = min(self.size, self.level + (now - self.at) * rate)
        self.at = now
        self.level -= 1
        return -self.level / rate

    def _take_window(self, now: float, writes: bool) -> float:
        self._begin_window(now)
        self.level -= 1
        kept = 0.0 if writes else self.limit.reserve * self.size
        if self.level >= kept:
            return 0.0
        windows = int((kept - self.level - 1) // (self.size - kept))
        return self.reset_at - now + windows * self.limit.per_seconds

    def _begin_window(self, now: float) -> None:
        """A window that has ended is followed by the next one, with what the last one owes."""
        while now >= self.reset_at:
            self.level = min(self.size, self.level + self.size)
            self.reset_at = max(now, self.reset_at) + self.limit.per_seconds

    def learn(self, response: Response, now: float, wall: float, *, age: float = 0.0) -> None:
        """Take over what the vendor's headers say: the limit's size, what is left, when it resets.

        Args:
            wall: unix seconds when the answer came.
            age: so many seconds ago.
        """
        headers = response.headers
        size, left = headers.get("x-ratelimit-limit", ""), headers.get("x-ratelimit-remaining", "")
        reset = headers.get("x-ratelimit-reset", "")
        numbers = all(text.isascii() and text.isdigit() and len(text) <= 12 for text in (size, left, reset))
        if not (self.limit.window and numbers):
            return
        self._begin_window(now)  # else its reset would be put off, and who waited for it would owe for ever
        self.size = max(1.0, float(size) * self.limit.share)
        seconds = int(reset) if self.limit.reset_in_seconds else int(reset) - wall
        reset_at = now - age + min(max(0.0, seconds), self.limit.per_seconds)
        if age and reset_at <= now:
            return  # it is of a window that is over
        self.level = min(self.level, float(left) * self.limit.share)
        self.reset_at = reset_at

    def block(self, now: float, seconds: float) -> None:
        """Let nothing leave for a while."""
        self.blocked_until = max(self.blocked_until, now + seconds)


Act = Callable[[Sequence[Budget], float], T]
"""What is done with budgets as they stand at a moment."""


class BudgetStore(Protocol):
    """Where a connection's budgets are kept for all processes that work on it."""

    def act(self, limits: Sequence[RateLimit], action: Act[T]) -> T:
        """Do something with the budgets of these limits, and keep what it makes of them, in one piece."""
        ...


@define
class OwnBudgets:
    """The budgets of one process that shares them with nobody.

    Args:
        clock: seconds that only grow.
    """

    clock: Callable[[], float]
    _held: dict[str, Budget] = field(factory=dict, init=False)

    def act(self, limits: Sequence[RateLimit], action: Act[T]) -> T:
        return action([self._held.setdefault(one.name, Budget(one)) for one in limits], self.clock())


def take_place(budgets: Sequence[Budget], now: float, *, most_seconds: float, writes: bool = False) -> float:
    """Take a place in every budget, unless that would be too far off; the seconds to wait for it."""
    wait = max(budget.take(now, writes=writes) for budget in budgets)
    if wait > most_seconds:
        for budget in budgets:
            budget.give_back()
    return wait
