"""Rate budgets hold whatever the pattern of requests."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from wirekit import answer

from atsbridge.wire.budgets import Budget, RateLimit

pauses = st.lists(st.floats(0, 3), min_size=1, max_size=80)


def leave(budget: Budget, gaps: list[float]) -> list[float]:
    """When requests that arrive with these gaps may leave."""
    now, times = 100.0, []
    for gap in gaps:
        now += gap
        times.append(now + budget.take(now))
    return times


@given(pauses, st.integers(1, 6), st.integers(1, 10))
def test_a_bucket_never_lets_more_through_than_rate_and_burst(
    gaps: list[float], rate: int, burst: int
) -> None:
    times = leave(Budget(RateLimit(requests=rate, per_seconds=1, burst=burst)), gaps)
    for i, start in enumerate(times):
        for j in range(i, len(times)):
            assert j - i + 1 <= burst + rate * (times[j] - start) + 1 + 1e-6


@given(pauses, st.integers(1, 5), st.sampled_from((1.0, 2.5)))
def test_a_window_is_never_overfull(gaps: list[float], requests: int, seconds: float) -> None:
    """Counted in the windows that begin with the first request."""
    times = leave(Budget(RateLimit(requests=requests, per_seconds=seconds, window=True)), gaps)
    assert times == sorted(times)
    for start in times:
        assert sum(start <= t < start + seconds - 1e-6 for t in times) <= 2 * requests


@given(pauses)
def test_nobody_waits_for_a_budget_that_is_not_used_up(gaps: list[float]) -> None:
    budget = Budget(RateLimit(requests=1000, per_seconds=1))
    assert leave(budget, gaps) == [100.0 + sum(gaps[: i + 1]) for i in range(len(gaps))] or all(
        budget.take(1e6 + i) == 0 for i in range(3)
    )


def test_a_bucket_serves_in_turn() -> None:
    budget = Budget(RateLimit(requests=2, per_seconds=1, burst=1))
    assert [budget.take(0.0) for _ in range(4)] == [0.0, 0.5, 1.0, 1.5]


def test_a_window_fills_one_after_the_other() -> None:
    budget = Budget(RateLimit(requests=2, per_seconds=10, window=True))
    assert [budget.take(0.0) for _ in range(5)] == [0.0, 0.0, 10.0, 10.0, 20.0]


def test_a_block_holds_everybody() -> None:
    budget = Budget(RateLimit(requests=100, per_seconds=1))
    budget.block(0.0, 30.0)
    budget.block(0.0, 5.0)
    assert budget.take(10.0) == pytest.approx(20.0)
    assert budget.take(31.0) == 0.0


def test_the_vendors_headers_are_believed() -> None:
    budget = Budget(RateLimit(requests=50, per_seconds=10, window=True))
    budget.take(0.0)
    headers = {"x_ratelimit_limit": "50", "x_ratelimit_remaining": "0", "x_ratelimit_reset": "1700000004"}
    budget.learn(answer(200, [], **headers), 0.0, 1_700_000_000.0)
    assert budget.take(0.0) == pytest.approx(4.0)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x_ratelimit_limit": "50", "x_ratelimit_remaining": "many", "x_ratelimit_reset": "4"},
        {"x_ratelimit_limit": "-1", "x_ratelimit_remaining": "0", "x_ratelimit_reset": "4"},
    ],
)
def test_headers_that_make_no_sense_are_passed_over(headers: dict[str, str]) -> None:
    budget = Budget(RateLimit(requests=50, per_seconds=10, window=True))
    budget.learn(answer(200, [], **headers), 0.0, 0.0)
    assert budget.take(0.0) == 0.0


def test_of_what_the_headers_tell_a_share_is_ours() -> None:
    """Who is to leave half to other integrations does so also where the vendor tells the whole."""
    budget = Budget(RateLimit(requests=50, per_seconds=10, window=True).times(0.5))
    headers = {"x_ratelimit_limit": "80", "x_ratelimit_remaining": "60", "x_ratelimit_reset": "1700000004"}
    for _ in range(2):
        budget.learn(answer(200, [], **headers), 0.0, 1_700_000_000.0)
    assert (budget.size, budget.level) == (40.0, 25.0)
    budget.learn(answer(200, [], **{**headers, "x_ratelimit_remaining": "20"}), 0.0, 1_700_000_000.0)
    assert budget.level == 10.0


def test_a_reset_far_away_blocks_for_one_window_at_most() -> None:
    budget = Budget(RateLimit(requests=5, per_seconds=10, window=True))
    budget.take(0.0)
    headers = {"x_ratelimit_limit": "5", "x_ratelimit_remaining": "0", "x_ratelimit_reset": "9999999999"}
    budget.learn(answer(200, [], **headers), 0.0, 1_700_000_000.0)
    assert budget.take(0.0) <= 10.0


def test_a_limit_scales() -> None:
    assert RateLimit(requests=10, per_seconds=1, burst=20).times(0.5) == RateLimit(
        requests=5, per_seconds=1, burst=10, share=0.5
    )
    assert RateLimit(requests=10, per_seconds=1).times(3).burst is None


def test_reads_leave_a_reserve_to_status_writes() -> None:
    budget = Budget(RateLimit(requests=10, per_seconds=100, window=True, reserve=0.2))
    assert [budget.take(0.0) for _ in range(8)] == [0.0] * 8
    assert budget.take(0.0) == 100.0
    budget.give_back()
    assert [budget.take(0.0, writes=True) for _ in range(2)] == [0.0, 0.0]
    assert budget.take(0.0, writes=True) == 100.0


def test_a_reset_may_count_seconds() -> None:
    budget = Budget(RateLimit(requests=5, per_seconds=86_400, window=True, reset_in_seconds=True))
    budget.take(0.0)
    headers = {"x_ratelimit_limit": "5", "x_ratelimit_remaining": "0", "x_ratelimit_reset": "9299"}
    budget.learn(answer(200, [], **headers), 50.0, 1_700_000_000.0)
    assert budget.take(50.0) == 9299.0


def test_a_place_that_is_given_back_is_free_again() -> None:
    budget = Budget(RateLimit(requests=1, per_seconds=60, window=True))
    assert (budget.take(0.0), budget.take(0.0)) == (0.0, 60.0)
    budget.give_back()
    budget.give_back()
    assert budget.take(0.0) == 0.0


@given(st.integers(2, 20), st.integers(0, 19), st.floats(0, 29), st.lists(st.floats(0, 2), max_size=200))
def test_a_vendor_that_tells_what_is_left_is_asked_as_often_as_it_allows(
    size: int, used: int, begun: float, pauses: list[float]
) -> None:
    """The window that was waited for is used up, not its first place alone."""
    budget = Budget(RateLimit(requests=size, per_seconds=30, window=True))
    now, ends, left, refused = 1000.0, 1030.0 - begun, max(0, size - used), 0
    for pause in [*pauses, *[0.0] * (3 * size)]:
        now += pause
        now += budget.take(now)
        while now >= ends:
            ends, left = ends + 30, size
        refused += left == 0
        left = max(0, left - 1)
        told = {"x-ratelimit-limit": size, "x-ratelimit-remaining": left, "x-ratelimit-reset": int(ends + 1)}
        headers = {name: str(value) for name, value in told.items()}
        budget.learn(evolve(answer(200), headers=headers), now, now)
    assert now <= 1000 + sum(pauses) + 30 * (len(pauses) / size + 3 + 2)
    assert refused <= 1


def test_what_an_answer_said_of_a_window_that_is_over_counts_no_more() -> None:
    """It may be told late: the others have begun the next window by then."""
    budget = Budget(RateLimit(requests=5, per_seconds=10, window=True, reset_in_seconds=True))
    _ = budget.take(0.0)
    told = answer(
        200, {}, **{"x-ratelimit-limit": "5", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "4"}
    )
    assert [budget.take(11.0) for _ in range(2)] == [0.0, 0.0]
    budget.learn(told, 12.0, 0.0, age=9.0)
    assert [budget.take(12.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    budget.learn(told, 12.0, 0.0, age=1.0)
    assert budget.take(12.0) == pytest.approx(3.0)
