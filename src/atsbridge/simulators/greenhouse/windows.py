"""Fixed windows: so many requests per credential in each, and headers that say where one stands."""

from __future__ import annotations

import math
from collections.abc import Callable

from attrs import define

Headers = tuple[tuple[str, str], ...]


@define
class _Count:
    window: float
    used: int


class Windows:
    """A limit per fixed window, counted by key.

    Args:
        span: seconds a window lasts; windows begin at multiples of it.
        limit: requests per window; asked for anew each time.
        enforced: whether anybody is ever turned away.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        span: float,
        *,
        limit: Callable[[], int],
        enforced: Callable[[], bool],
    ) -> None:
        self._clock = clock
        self._span = span
        self._limit = limit
        self._enforced = enforced
        self._counts: dict[str, _Count] = {}

    def take(self, key: str) -> tuple[bool, Headers]:
        """Whether one more request may pass, and the answer's headers either way."""
        now = self._clock()
        window = now // self._span
        count = self._counts.setdefault(key, _Count(window, 0))
        if count.window != window:
            count.window, count.used = window, 0
        limit = self._limit()
        if count.used >= limit and self._enforced():
            return False, self.refused()
        count.used += 1 if self._enforced() else 0
        return True, self._headers(limit, max(limit - count.used, 0))

    def refused(self) -> Headers:
        """The headers of an answer to whoever has used up this window."""
        now = self._clock()
        wait = math.ceil(self._end(now) - now)
        return (*self._headers(self._limit(), 0), ("Retry-After", str(max(1, wait))))

    def _headers(self, limit: int, left: int) -> Headers:
        return (
            ("X-RateLimit-Limit", str(limit)),
            ("X-RateLimit-Remaining", str(left)),
            ("X-RateLimit-Reset", str(int(self._end(self._clock())))),
        )

    def _end(self, now: float) -> float:
        return (now // self._span + 1) * self._span
