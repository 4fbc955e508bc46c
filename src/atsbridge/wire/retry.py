"""When a read is asked again: full jitter, a cap, and a budget, so that a storm is not fed."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field, frozen

from ..errors import Throttled, Unavailable


@frozen(kw_only=True)
class Retry:
    """The policy.

    Args:
        attempts: in all, the first included.
        base_seconds, cap_seconds: the n-th wait is drawn evenly from 0 to base * 2**n, at most the cap.
        ratio: retries allowed per success, once ``reserve`` is used up.
    """

    attempts: int = 6
    base_seconds: float = 0.5
    cap_seconds: float = 60.0
    ratio: float = 0.1
    reserve: float = 20.0


@define
class RetryBudget:
    """Counts what may still be asked again on one connection."""

    policy: Retry
    random: Callable[[], float]
    _left: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._left = self.policy.reserve

    def succeeded(self) -> None:
        self._left = min(self.policy.reserve, self._left + self.policy.ratio)

    def wait_seconds(self, error: Unavailable, attempt: int) -> float | None:
        """How long to wait before attempt ``attempt`` + 1, or None to give up now.

        A vendor that asks for more than the cap is not slept out: the caller
        stops, and its work is taken up later.
        """
        if attempt >= self.policy.attempts or self._left < 1:
            return None
        asked = error.retry_after_seconds if isinstance(error, Throttled) else None
        if asked is not None:
            if asked > self.policy.cap_seconds:
                return None
            wait = asked + self.random() * self.policy.base_seconds
        else:
            wait = self.random() * min(self.policy.cap_seconds, self.policy.base_seconds * 2**attempt)
        self._left -= 1
        return wait
