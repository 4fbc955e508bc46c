"""Rate budgets: how many requests a vendor allows, kept before it has to say so."""

from __future__ import annotations

from attrs import define, evolve, field, frozen

from .effects import Response


@frozen(kw_only=True)
class RateLimit:
    """A limit as the vendor states it: so many requests a period, with a burst.

    Args:
        requests, per_seconds: the steady rate.
        burst: how many at once; ``requests`` where the vendor has a fixed window.
        window: True where the count starts anew every ``per_seconds``.
        reserve: the share of a window that reads leave to status writes.
        reset_in_seconds: the vendor's reset header counts seconds from now; else it is unix time.
    """

    name: str = "requests"
    requests: float
    per_seconds: float
    burst: float | None = None
    window: bool = False
    reserve: float = 0.0
    reset_in_seconds: bool = False

    def times(self, factor: float) -> RateLimit:
        """The same limit, so many times as wide."""
        burst = None if self.burst is None else self.burst * factor
        return evolve(self, requests=self.requests * factor, burst=burst)


@define
class Budget:
    """What is left of one limit. Time is passed in, in monotonic seconds.

    `take` reserves a place and says how long to wait for it, so that askers
    side by side are served in turn. A fixed window is full again at its reset;
    a token bucket refills steadily.
    """

    limit: RateLimit
    _size: float = field(init=False)
    _level: float = field(init=False)
    _at: float | None = field(init=False, default=None)
    _reset_at: float = field(init=False, default=0.0)
    _blocked_until: float = field(init=False, default=0.0)

    def __attrs_post_init__(self) -> None:
        self._size = self._level = self.limit.burst or self.limit.requests

    def take(self, now: float, *, writes: bool = False) -> float:
        """Reserve one request; returns the seconds to wait before it may leave.

        Args:
            writes: it belongs to a status write, and may use what reads leave over.
        """
        wait = self._take_window(now, writes) if self.limit.window else self._take_bucket(now)
        return max(wait, self._blocked_until - now, 0.0)

    def give_back(self) -> None:
        """A place that was reserved is not used."""
        self._level += 1

    def _take_bucket(self, now: float) -> float:
        rate = self.limit.requests / self.limit.per_seconds
        if self._at is not None:
            self._level = min(self._size, self._level + (now - self._at) * rate)
        self._at = now
        self._level -= 1
        return -self._level / rate

    def _take_window(self, now: float, writes: bool) -> float:
        self._begin_window(now)
        self._level -= 1
        kept = 0.0 if writes else self.limit.reserve * self._size
        if self._level >= kept:
            return 0.0
        windows = int((kept - self._level - 1) // (self._size - kept))
        return self._reset_at - now + windows * self.limit.per_seconds

    def _begin_window(self, now: float) -> None:
        """A window that has ended is followed by the next one, with what the last one owes."""
        while now >= self._reset_at:
            self._level = min(self._size, self._level + self._size)
            self._reset_at = max(now, self._reset_at) + self.limit.per_seconds

    def learn(self, response: Response, now: float, wall: float) -> None:
        """Take over what the vendor's headers say: the limit's size, what is left, when it resets."""
        headers = response.headers
        size, left = headers.get("x-ratelimit-limit", ""), headers.get("x-ratelimit-remaining", "")
        reset = headers.get("x-ratelimit-reset", "")
        numbers = all(text.isascii() and text.isdigit() and len(text) <= 12 for text in (size, left, reset))
        if not (self.limit.window and numbers):
            return
        self._begin_window(now)  # else its reset would be put off, and who waited for it would owe for ever
        self._size = max(1.0, float(size))
        self._level = min(self._level, float(left))
        seconds = int(reset) if self.limit.reset_in_seconds else int(reset) - wall
        self._reset_at = now + min(max(0.0, seconds), self.limit.per_seconds)

    def block(self, now: float, seconds: float) -> None:
        """Let nothing leave for a while."""
        self._blocked_until = max(self._blocked_until, now + seconds)
