"""Rate budgets in the ledger: processes beside each other take their places from one row."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from sync_world import World, world

from atsbridge.errors import Throttled
from atsbridge.sync.budgets import LedgerBudgets, place_for_lane
from atsbridge.sync.context import Context
from atsbridge.sync.ledger import BudgetRow
from atsbridge.wire.budgets import Budget, RateLimit, take_place

BUCKET = RateLimit(requests=2, per_seconds=1, burst=3)
WINDOW = RateLimit(name="day", requests=5, per_seconds=100, window=True)


def limited(w: World, *limits: RateLimit) -> Context:
    """A process of its own that works on the same connection, within these limits."""
    ctx = w.other_worker()
    ctx.client = evolve(w.ctx.client)
    ctx.client.limits, ctx.client.budgets = limits, LedgerBudgets(ctx)
    return ctx


def take(ctx: Context, *, most: float = 1000.0) -> float:
    found: float = LedgerBudgets(ctx).act(
        ctx.client.limits, lambda budgets, now: take_place(budgets, now, most_seconds=most)
    )
    return found


@pytest.mark.parametrize("limit", [BUCKET, WINDOW], ids=["bucket", "window"])
def test_processes_beside_each_other_wait_as_one_would(limit: RateLimit) -> None:
    w = world(pulled=False)
    one, two, alone = limited(w, limit), limited(w, limit), Budget(limit)
    for turn in range(12):
        assert take((one, two)[turn % 2]) == pytest.approx(alone.take(w.clock.now()))
        w.clock.value += 0.1 * turn


def test_what_is_too_far_off_takes_no_place() -> None:
    w = world(pulled=False)
    ctx = limited(w, BUCKET)
    for _ in range(3):
        assert take(ctx) == 0.0
    before = w.row(BudgetRow, "requests").level
    assert take(ctx, most=0.1) > 0.1
    assert w.row(BudgetRow, "requests").level == before


def test_another_process_begins_with_what_the_last_one_left() -> None:
    """As one that is started for each run does: it would have a whole day's requests each time."""
    w = world(pulled=False)
    for _ in range(5):
        assert take(limited(w, WINDOW)) == 0.0
    assert take(limited(w, WINDOW)) == pytest.approx(100.0)


def test_a_limit_that_is_another_by_now_begins_anew() -> None:
    w = world(pulled=False)
    for _ in range(5):
        _ = take(limited(w, WINDOW))
    assert take(limited(w, evolve(WINDOW, requests=7))) == 0.0


def test_another_boot_keeps_what_is_left_and_no_time() -> None:
    w = world(pulled=False)
    for _ in range(4):
        _ = take(limited(w, WINDOW))
    w.clock.boot, w.clock.value = "boot-1", 7.0
    assert [take(limited(w, WINDOW)) for _ in range(2)] == [0.0, pytest.approx(100.0)]
    assert w.row(BudgetRow, "day").boot == "boot-1"


def test_a_refusal_holds_back_the_other_process_at_once() -> None:
    w = world(pulled=False)
    one, two = limited(w, BUCKET), limited(w, BUCKET)
    one.client._note_throttling(Throttled("enough", retry_after_seconds=20.0))
    w.run(one.client._tell_budgets())
    assert take(two) == pytest.approx(20.0)


def test_a_claim_takes_the_place_of_its_first_request_in_the_same_transaction() -> None:
    w = world()
    ctx = limited(w, BUCKET)

    def claim_and_fail() -> None:
        with w.ledger.transaction() as txn:
            assert place_for_lane(txn, ctx) == 0.0
            raise KeyError

    with pytest.raises(KeyError):
        claim_and_fail()
    assert w.rows(BudgetRow) == []
    with w.ledger.transaction() as txn:
        waits = [place_for_lane(txn, ctx) for _ in range(5)]
    assert waits == [0.0, 0.0, 0.0, pytest.approx(0.5), pytest.approx(1.0)]
    ctx.client.keep_place(waits[-1] or 0.0)
    # The read has its place; the next one is behind it.
    assert w.run(ctx.client._place(writes=False)) == pytest.approx(1.0)
    assert w.run(ctx.client._place(writes=False)) == pytest.approx(1.5)


def test_a_push_takes_one_place_for_each_of_its_requests() -> None:
    w = world("1", "2", "3")
    w.ctx.client.limits = (RateLimit(requests=1, per_seconds=1e6, burst=1000),)
    w.ctx.client.budgets = LedgerBudgets(w.ctx)
    for id in ("1", "2", "3"):
        _ = w.wants(id, step="B")
    before = w.ctx.client.requests
    report = w.push()
    made = w.ctx.client.requests - before
    assert report.writes == 3 and made > 6
    assert 1000 - w.row(BudgetRow, "requests").level == pytest.approx(made, abs=0.01)


def test_without_limits_the_ledger_is_not_asked() -> None:
    w = world(pulled=False)
    ctx: Any = limited(w)
    with w.ledger.transaction() as txn:
        assert place_for_lane(txn, ctx) is None
    assert w.run(ctx.client._place(writes=True)) == 0.0
    assert w.rows(BudgetRow) == []
