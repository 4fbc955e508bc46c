"""When a read is asked again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from atsbridge.errors import Throttled, Unavailable
from atsbridge.wire.retry import Retry, RetryBudget


def budget(chance: float = 0.5, **policy: float) -> RetryBudget:
    return RetryBudget(Retry(**policy), lambda: chance)  # type: ignore[arg-type]


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 40))
def test_a_wait_is_between_nothing_and_the_cap(chance: float, attempt: int) -> None:
    wait = budget(chance, attempts=100, cap_seconds=8).wait_seconds(Unavailable(), attempt)
    assert wait is not None
    assert 0 <= wait <= 8
    assert wait <= 0.5 * 2**attempt


@given(st.floats(0, 60))
def test_a_wait_asked_for_is_never_cut_short(asked: float) -> None:
    wait = budget().wait_seconds(Throttled(retry_after_seconds=asked), 1)
    assert wait is not None
    assert asked <= wait <= asked + 0.5


def test_the_cap_itself_is_waited_and_a_moment_more_is_not() -> None:
    assert budget().wait_seconds(Throttled(retry_after_seconds=60.0), 1) is not None
    assert budget().wait_seconds(Throttled(retry_after_seconds=60.001), 1) is None


def test_the_last_attempt_is_the_last() -> None:
    assert budget(attempts=3).wait_seconds(Unavailable(), 2) is not None
    assert budget(attempts=3).wait_seconds(Unavailable(), 3) is None


@given(st.lists(st.booleans(), max_size=200))
def test_retries_are_bounded_by_reserve_and_successes(history: list[bool]) -> None:
    """Never more retries than the reserve, and a tenth of the successes."""
    one, retries = budget(reserve=5, ratio=0.1), 0
    for succeeded in history:
        if succeeded:
            one.succeeded()
        else:
            retries += one.wait_seconds(Unavailable(), 1) is not None
    assert retries <= 5 + 0.1 * sum(history) + 1e-6


def test_giving_up_costs_no_retry() -> None:
    one = budget(reserve=1)
    assert one.wait_seconds(Throttled(retry_after_seconds=999), 1) is None
    assert one.wait_seconds(Unavailable(), 1) is not None
