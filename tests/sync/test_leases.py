"""Leases: one holder at a time, a fence that only grows, and nobody waits for the dead."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from sync_world import World, world
from tiny_ats import CONNECTION

from atsbridge.errors import LeaseLost, LedgerBusy
from atsbridge.ledgers.memory import MemoryTxn
from atsbridge.sync.context import Context, worker_name
from atsbridge.sync.leases import (
    INBOUND,
    TOKEN,
    LeaseTurn,
    check,
    control,
    flush,
    give_back,
    is_held,
    keep,
    lane_of,
    reserve_deliveries,
    take,
)
from atsbridge.sync.ledger import Control, Lease

LANE = lane_of("1")


def taken(w: World, ctx: Context | None = None) -> Lease:
    return w.ledger.do(lambda txn: take(txn, ctx or w.ctx, LANE))


def test_a_lane_is_named_after_its_application() -> None:
    """Under these names workers of every release meet."""
    assert (INBOUND, TOKEN) == ("inbound", "token")
    assert lane_of("1") == "application/1" != lane_of("2")


def test_a_lease_says_who_and_until_when() -> None:
    w = world(pulled=False)
    lease = taken(w)
    assert lease == Lease(
        connection=CONNECTION, lane=LANE, fence=1, worker=w.ctx.worker, until=1060.0, boot="boot-0"
    )
    assert w.row(Lease, LANE) == lease


def test_two_holders_are_one_too_many() -> None:
    w = world(pulled=False)
    taken(w)
    with pytest.raises(LedgerBusy, match=r"another worker holds application/1 for 60 s more"):
        taken(w, w.other_worker())


def test_who_holds_it_may_take_it_again_and_the_fence_grows() -> None:
    w = world(pulled=False)
    first, second = taken(w), taken(w)
    assert (first.fence, second.fence) == (1, 2)
    assert not w.ledger.look(lambda txn: is_held(txn, first))
    assert w.ledger.look(lambda txn: is_held(txn, second))


def test_another_lane_and_another_connection_are_free() -> None:
    w = world(pulled=False)
    taken(w)
    assert w.ledger.do(lambda txn: take(txn, w.other_worker(), "application/2")).fence == 1
    other = w.other_worker()
    other.connection = "globex"
    assert taken(w, other).fence == 1


def test_an_expired_lease_is_taken_over_and_its_holder_finds_out() -> None:
    w = world(pulled=False)
    old = taken(w)
    w.clock.value = old.until - 0.001
    with pytest.raises(LedgerBusy):
        taken(w, w.other_worker())
    w.clock.value = old.until
    new = taken(w, w.other_worker())
    assert new.fence == old.fence + 1
    for use in (check, lambda txn, lease: keep(txn, w.ctx, lease)):
        with pytest.raises(LeaseLost, match="another worker has taken over application/1"):
            w.ledger.do(lambda txn, use=use: use(txn, old))  # type: ignore[misc]
    w.ledger.do(lambda txn: check(txn, new))


def test_an_expired_lease_that_nobody_took_is_still_held() -> None:
    w = world(pulled=False)
    old = taken(w)
    w.clock.value += 1000.0
    longer = w.ledger.do(lambda txn: keep(txn, w.ctx, old))
    assert longer.until == w.clock.value + 60.0 and longer.fence == old.fence
    assert w.row(Lease, LANE) == longer


def test_the_same_fence_of_another_worker_is_not_ours() -> None:
    w = world(pulled=False)
    lease = taken(w)
    w.put(Lease(connection=CONNECTION, lane=LANE, fence=lease.fence, worker="x", until=9e9, boot="boot-0"))
    assert not w.ledger.look(lambda txn: is_held(txn, lease))


def test_nothing_is_held_where_there_is_no_row() -> None:
    w = world(pulled=False)
    lease = Lease(connection=CONNECTION, lane=LANE, fence=1, worker=w.ctx.worker, until=9e9, boot="boot-0")
    assert not w.ledger.look(lambda txn: is_held(txn, lease))


def test_a_boot_that_is_only_guessed_to_be_another_frees_no_live_lease() -> None:
    """Without a boot id of the kernel's, setting the wall clock changes the guess under a living worker."""
    w = world(pulled=False)
    w.clock.boot = "about-1000"
    lease = taken(w)
    w.clock.boot = "about-1007"
    for now in (w.clock.value, lease.until - 0.5):
        w.clock.value = now
        with pytest.raises(LedgerBusy):
            taken(w, w.other_worker())
    w.clock.value = lease.until
    assert taken(w, w.other_worker()).fence == lease.fence + 1


def test_a_lease_with_more_left_than_any_of_this_guessed_boot_can_have_is_over() -> None:
    w = world(pulled=False)
    w.clock.boot = "about-1000"
    lease = taken(w)
    w.clock.boot, w.clock.value = "about-2000", lease.until - w.ctx.tuning.lease_seconds - 1
    assert taken(w, w.other_worker()).fence == lease.fence + 1


@pytest.mark.parametrize("now", [1.0, 1059.0, 1061.0])
def test_after_another_boot_every_lease_is_over(now: float) -> None:
    w = world(pulled=False)
    old = taken(w)
    w.clock.boot, w.clock.value = "boot-1", now
    assert taken(w, w.other_worker()).fence == old.fence + 1


def test_within_one_boot_a_longer_lease_than_ours_is_held_to_its_end() -> None:
    w = world(pulled=False)
    lease = taken(w)
    w.put(evolve(lease, until=lease.until + 500))
    with pytest.raises(LedgerBusy):
        taken(w, w.other_worker())


def test_a_turn_is_one_workers_until_it_is_given_back() -> None:
    w = world(pulled=False)
    mine, theirs = LeaseTurn(w.ctx), LeaseTurn(w.other_worker())
    assert mine.take() is True and theirs.take() is False
    theirs.give_back()  # what was not taken cannot be given back
    assert theirs.take() is False
    mine.give_back()
    assert theirs.take() is True and mine.take() is False
    mine.give_back()
    assert mine.take() is False


def test_two_runs_of_one_bridge_do_not_have_the_turn_at_once() -> None:
    """Each would spend the refresh token that is at hand."""
    turn = LeaseTurn(world(pulled=False).ctx)
    assert turn.take() is True and turn.take() is False
    turn.give_back()
    assert turn.take() is True


def test_a_turn_costs_no_fsync_and_a_flush_is_nothing_else() -> None:
    w = world(pulled=False)
    seen: list[bool] = []
    inner = type(w.ledger).transaction

    def transaction(ledger: Any, *, durable: bool = True) -> Any:
        seen.append(durable)
        return inner(ledger, durable=durable)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(w.ledger), "transaction", transaction)
        turn = LeaseTurn(w.ctx)
        assert turn.take()
        turn.give_back()
        assert seen == [False, False]
        seen.clear()
        assert flush(w.ctx, lambda txn: 7) == 7
        assert seen == [True]


def test_a_flush_changes_a_row_since_a_database_syncs_nothing_for_who_has_only_read() -> None:
    w = world(pulled=False)
    puts: list[Any] = []
    inner = MemoryTxn.put

    def put(txn: Any, rows: Any) -> None:
        puts.extend(rows)
        inner(txn, rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MemoryTxn, "put", put)
        flush(w.ctx, lambda txn: None)
    assert [type(row) for row in puts] == [Control]


def test_given_back_it_is_free_but_the_fence_is_kept() -> None:
    w = world(pulled=False)
    lease = taken(w)
    w.ledger.do(lambda txn: give_back(txn, lease))
    assert taken(w, w.other_worker()).fence == 2


def test_a_lost_lease_cannot_be_given_back() -> None:
    w = world(pulled=False)
    old = taken(w)
    w.clock.value = old.until
    new = taken(w, w.other_worker())
    w.ledger.do(lambda txn: give_back(txn, old))
    assert w.row(Lease, LANE) == new


def test_the_lease_of_a_process_that_has_ended_is_free() -> None:
    w = world(pulled=False)
    host, namespace, pid, _started, _ = worker_name().split("|")
    w.ctx.worker = "|".join((host, namespace, pid, "1", "aa"))  # this number, started at another time
    taken(w)
    assert taken(w, w.other_worker()).fence == 2


def test_a_living_process_keeps_its_lease() -> None:
    w = world(pulled=False)
    w.ctx.worker = worker_name()
    taken(w)
    other = w.other_worker()
    other.worker = worker_name()
    with pytest.raises(LedgerBusy):
        taken(w, other)


def test_delivery_numbers_are_given_out_once() -> None:
    w = world(pulled=False)
    got = [
        w.ledger.do(lambda txn, count=count: reserve_deliveries(txn, CONNECTION, count))
        for count in (5, 1, 3)
    ]
    assert got == [1, 6, 7]
    assert w.row(Control).next_delivery == 10
    assert w.ledger.do(lambda txn: reserve_deliveries(txn, "globex", 1)) == 1


def test_a_connection_begins_with_a_clean_slate() -> None:
    w = world(pulled=False)
    assert w.ledger.look(lambda txn: control(txn, "globex")) == Control(connection="globex")
