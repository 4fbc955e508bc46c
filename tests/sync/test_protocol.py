"""The protocol's transactions: what may be claimed, what may leave, and where every attempt is left."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from sync_world import ACTIVE, START, World, change, fresh, intent, unfolding, world
from tiny_ats import CONNECTION, write_of

from atsbridge.errors import LeaseLost
from atsbridge.model import Action, Gap, Result, State
from atsbridge.sync.context import Context, Tuning
from atsbridge.sync.intake import take_in
from atsbridge.sync.leases import lane_of, take
from atsbridge.sync.ledger import Attempt, Control, IntentRow, Lease, Update
from atsbridge.sync.policy import Close
from atsbridge.sync.protocol import (
    Armed,
    Claim,
    NotArmed,
    answered,
    arm,
    back,
    claim,
    close,
    due,
    next_look,
    over_cap,
    release,
    settle,
    stop,
)
from atsbridge.sync.receipts import parse_receipt, state_text
from atsbridge.wire.vendor import Signal

WALL = 2000.0
MOVE = write_of(Action.MOVE, signal=Signal.COUNT)


def outbox(*changes: Any) -> World:
    """A world whose outbox holds these changes, or one."""
    w = world(pulled=False)
    given = changes or (change(),)
    w.ledger.do(lambda txn: take_in(txn, given, connection=CONNECTION, expand=unfolding, wall=WALL))
    return w


def claimed(
    w: World, application: str = "1", *, ctx: Context | None = None, wall: float = WALL
) -> Claim | None:
    return w.ledger.do(lambda txn: claim(txn, ctx or w.ctx, application, expand=unfolding, wall=wall))


def held(w: World) -> Claim:
    found = claimed(w)
    assert found is not None
    return found


def armed(w: World, by: Claim, **changes: Any) -> Armed | NotArmed:
    how: dict[str, Any] = {
        "write": MOVE,
        "fresh": fresh("A", signals={"move": "3"}),
        "digest": "d",
        "hidden_seconds": 0.0,
        "cap": None,
        "expand": unfolding,
        "wall": WALL,
    }
    return w.ledger.do(lambda txn: arm(txn, w.ctx, by, **{**how, **changes}))


def is_free(w: World) -> bool:
    row = w.row(Lease, lane_of("1"))
    return row is None or row.until == 0.0


def result(w: World, event_id: str = "e1") -> tuple[str | None, str]:
    row = w.update(event_id)
    return row.result, parse_receipt(row.receipt).why if row.receipt else ""


def dues(w: World, **how: Any) -> list[str]:
    return w.ledger.look(lambda txn: due(txn, w.ctx, w.clock.now(), **how))


# -- what is due --


def rows(*given: dict[str, Any]) -> World:
    w = world(pulled=False)
    for number, changes in enumerate(given, 1):
        named = {"intent_id": f"e{number}/0", "event_id": f"e{number}", "number": number, "boot": "boot-0"}
        w.put(intent(**{**named, "application": str(number), **changes}))
    return w


@pytest.mark.parametrize("state", ["pending", "leased", "in_flight", "settling"])
def test_every_open_state_is_due(state: str) -> None:
    assert dues(rows({"state": state})) == ["1"]


def test_what_is_closed_or_anothers_is_not_due() -> None:
    assert dues(rows({"state": "closed"}, {"connection": "globex"})) == []


def test_what_must_wait_is_due_when_its_time_has_come() -> None:
    w = rows({"not_before": START + 1}, {"not_before": START})
    assert dues(w) == ["2"]
    w.clock.value += 1
    assert dues(w) == ["1", "2"]


def test_times_of_another_boot_hold_nobody_back() -> None:
    assert dues(rows({"not_before": START + 1, "boot": "boot-9"})) == ["1"]


def test_only_the_oldest_of_an_application_counts() -> None:
    first = {"application": "1", "not_before": START + 1}
    assert dues(rows(first, {"application": "1"}, {})) == ["3"]
    w = rows({"application": "1"}, {"application": "1"})
    assert dues(w) == ["1"]


def test_the_parts_of_a_chain_are_in_order() -> None:
    w = rows({"part": 1, "application": "1"})
    w.put(intent(intent_id="e1/9", part=0, number=1, boot="boot-0", not_before=START + 5))
    assert dues(w) == []


def test_who_has_had_their_turn_is_passed_over() -> None:
    w = rows({}, {}, {})
    assert dues(w, without={"1", "3"}) == ["2"]


def test_no_more_than_the_limit_oldest_first() -> None:
    w = rows({"number": 3}, {"number": 2}, {"number": 1})
    assert dues(w) == ["3", "2", "1"]
    assert dues(w, limit=2) == ["3", "2"]
    w = rows(*[{} for _ in range(1001)])
    assert len(dues(w)) == 1000


# -- when to look again --


def look_in(w: World) -> float | None:
    until = w.ledger.look(lambda txn: next_look(txn, w.ctx, w.clock.now()))
    return None if until is None else until - w.clock.now()


@pytest.mark.parametrize("state", ["pending", "in_flight", "settling"])
def test_the_earliest_that_waits_says_when_to_look(state: str) -> None:
    w = rows({"not_before": START + 9}, {"not_before": START + 4, "state": state}, {"not_before": START + 6})
    assert look_in(w) == 4.0


@pytest.mark.parametrize(
    "row",
    [
        {"not_before": START},
        {"not_before": START + 1, "state": "closed"},
        {"not_before": START + 1, "state": "leased"},
        {"not_before": START + 1, "boot": "boot-9"},
        {"not_before": START + 1, "connection": "globex"},
    ],
)
def test_nothing_waits(row: dict[str, Any]) -> None:
    assert look_in(rows(row)) is None


# -- claim --


def test_the_oldest_intent_is_claimed_under_a_lease() -> None:
    w = outbox(change("e1", "BC"))
    got = held(w)
    assert got.intent == w.intent("e1/0") and got.lease == w.row(Lease, "application/1")
    assert (got.intent.state, got.intent.boot, got.intent.expected_stage) == ("leased", "boot-0", "A")
    assert got.lease.until == START + 60


def test_a_chain_is_worked_on_in_order() -> None:
    w = outbox(change("e1", "BC"))
    w.stored_last(w.intent("e1/0"))
    by = held(w)
    assert by.intent.part == 0
    w.ledger.do(lambda txn: release(txn, by))
    w.put(evolve(w.intent("e1/0"), state="closed", result="applied"))
    assert held(w).intent.part == 1


def test_an_older_intent_of_the_application_comes_first() -> None:
    w = outbox(change("e1", "B"))
    w.put(evolve(w.intent(), sent=1, open_attempts=1, state="in_flight", not_before=START + 5, boot="boot-0"))
    w.put(intent(intent_id="e0/0", event_id="e0", number=0, application="2"))
    w.put(intent(intent_id="e2/0", event_id="e2", number=2))
    assert claimed(w) is None
    assert is_free(w)


def test_nothing_is_claimed_where_nothing_is_open() -> None:
    w = outbox()
    w.put(evolve(w.intent(), state="closed"))
    assert claimed(w) is None and w.row(Lease, "application/1") is None
    assert claimed(w, "2") is None


@pytest.mark.parametrize("control", [{"paused": 1}, {"stopped": "401"}])
def test_nothing_is_claimed_while_paused_or_stopped(control: dict[str, Any]) -> None:
    w = outbox()
    w.put(Control(connection=CONNECTION, next_number=2, **control))
    assert claimed(w) is None
    assert w.intent().state == "pending" and w.row(Lease, "application/1") is None


def test_nothing_is_claimed_that_another_worker_holds() -> None:
    w = outbox()
    assert claimed(w, ctx=w.other_worker()) is not None
    before = w.intent()
    assert claimed(w) is None and w.intent() == before
    w.clock.value += 60
    assert held(w).lease.fence == 2


def test_what_must_wait_is_put_back_as_it_was() -> None:
    w = outbox()
    w.put(evolve(w.intent(), state="leased", not_before=START + 1, boot="boot-0"))
    assert claimed(w) is None
    assert w.intent().state == "pending" and is_free(w)
    w.put(evolve(w.intent(), state="in_flight", sent=1, open_attempts=1))
    assert claimed(w) is None
    assert w.intent().state == "settling"
    w.clock.value += 1
    assert held(w).intent.state == "settling"


def test_a_newer_change_ends_what_was_not_sent() -> None:
    w = outbox()
    w.put(evolve(w.update(), event_id="e2", sequence=2, number=2))
    assert claimed(w) is None
    assert result(w) == ("superseded", "the recruiter changed it again")
    assert w.intent().closed_at == WALL and is_free(w)


def test_a_newer_change_does_not_end_what_was_sent() -> None:
    w = outbox()
    w.put(evolve(w.update(), event_id="e2", sequence=2, number=2))
    w.put(evolve(w.intent(), sent=1, open_attempts=1, state="settling", not_after=1.0, boot="boot-0"))
    assert held(w).intent.state == "settling"


@pytest.mark.parametrize("wall, ends", [(5000.0, False), (5000.5, True)])
def test_what_has_expired_is_refused(wall: float, ends: bool) -> None:
    w = outbox(change(reason="soon"))
    assert (claimed(w, wall=wall) is None) is ends
    why = "expired: the change is older than the mapping lets leave"
    assert result(w) == (("refused", why) if ends else (None, ""))
    if ends:
        assert w.intent().closed_at == wall and is_free(w)


def test_an_intent_without_its_change_is_still_worked_on() -> None:
    w = outbox()
    w.ledger.tables[Update].clear()
    assert held(w).intent.state == "leased"


@pytest.mark.parametrize("returns, ends", [(7, False), (8, True)])
def test_after_so_many_returns_it_is_dead(returns: int, ends: bool) -> None:
    w = outbox()
    w.put(evolve(w.intent(), returns=returns, why="the ATS was down"))
    assert (claimed(w) is None) is ends
    if ends:
        assert result(w) == ("dead", "gave up after it went back 8 times: the ATS was down")
        assert w.intent().closed_at == WALL and is_free(w)


def test_an_attempt_in_doubt_is_never_given_up_in_silence() -> None:
    w = outbox()
    w.put(evolve(w.intent(), returns=8, sent=1, open_attempts=1, state="settling", boot="boot-0"))
    assert claimed(w) is None
    assert result(w)[0] == "review"


# -- another boot --


def test_after_another_boot_other_waits_are_over() -> None:
    w = outbox()
    w.put(evolve(w.intent(), not_before=9e9, boot="boot-9"))
    got = held(w)
    assert (got.intent.not_before, got.intent.boot) == (0.0, "boot-0")


@pytest.mark.parametrize(
    "send_by, settles_at, until", [(500.0, 620.0, 130.0), (500.0, 510.0, 40.0), (None, None, 40.0)]
)
def test_after_another_boot_an_open_window_starts_anew(
    send_by: float | None, settles_at: float | None, until: float
) -> None:
    """The longest time to the first byte, then the window it had, or the deadline at least."""
    w = outbox()
    w.put(
        evolve(
            w.intent(),
            sent=1,
            open_attempts=1,
            state="in_flight",
            boot="boot-9",
            send_by=send_by,
            settles_at=settles_at,
        )
    )
    assert claimed(w) is None
    row = w.intent()
    assert (row.state, row.boot, row.not_before, row.settles_at) == (
        "settling",
        "boot-0",
        START + until,
        START + until,
    )
    w.clock.value += until
    assert held(w).intent.settles_at == START + until


# -- the cap --


@pytest.mark.parametrize("cap, over", [(None, False), (3, False), (2, True), (1, True), (0, True)])
def test_the_cap_counts_the_attempts_of_the_last_hour(cap: int | None, over: bool) -> None:
    w = world(pulled=False)
    for number, (connection, at) in enumerate(
        [(CONNECTION, WALL), (CONNECTION, WALL - 3600), (CONNECTION, WALL - 3600.5), ("globex", WALL)]
        + [(CONNECTION, WALL + 1)] * 3  # by a clock that was ahead
    ):
        w.put(Attempt(connection=connection, intent_id="x", number=number, at=at, write="move", digest=""))
    assert w.ledger.look(lambda txn: over_cap(txn, w.ctx, cap, wall=WALL)) is over


def test_the_cap_counts_nothing_that_is_dated_later_than_now() -> None:
    w = world(pulled=False)
    w.put(Attempt(connection=CONNECTION, intent_id="x", number=1, at=WALL + 1, write="move", digest=""))
    assert not w.ledger.look(lambda txn: over_cap(txn, w.ctx, 1, wall=WALL))


@pytest.mark.parametrize(
    "outcome, counts",
    [
        ("refused", False),
        ("not sent", False),
        ("open", True),
        ("accepted", True),
        ("no answer", True),
        ("doubtful", True),
    ],
)
def test_the_cap_counts_no_attempt_that_wrote_nothing(outcome: str, counts: bool) -> None:
    w = world(pulled=False)
    row = Attempt(connection=CONNECTION, intent_id="x", number=1, at=WALL, write="move", digest="")
    w.put(evolve(row, outcome=outcome))
    assert w.ledger.look(lambda txn: over_cap(txn, w.ctx, 1, wall=WALL)) is counts


# -- arm --


def test_an_attempt_is_on_record_before_it_leaves() -> None:
    w = outbox()
    by = held(w)
    got = armed(w, by, hidden_seconds=5.0)
    assert isinstance(got, Armed)
    assert (
        got.intent
        == w.intent()
        == evolve(
            by.intent,
            state="in_flight",
            attempts=1,
            open_attempts=1,
            sent=1,
            write="move",
            signal="3",
            request_digest="d",
            send_by=START + 9,
            settles_at=START + 9 + 30 + 5,
            not_before=START + 9 + 30 + 5,
            before=state_text(State("A", ACTIVE)),
        )
    )
    assert w.rows(Attempt) == [
        Attempt(connection=CONNECTION, intent_id="e1/0", number=1, at=WALL, write="move", digest="d")
    ]


def test_it_must_leave_while_the_lease_holds_by_the_local_clock() -> None:
    w = outbox()
    by = held(w)
    w.clock.value += 55.0
    w.ctx.client.clock = lambda: 77.0
    got = armed(w, by)
    assert isinstance(got, Armed)
    assert (got.send_by, got.intent.send_by) == (77.0 + 4.0, START + 55 + 4)


def test_the_local_clock_is_read_before_the_ledgers() -> None:
    w = outbox()
    by, order = held(w), []

    class Noting:
        boot = "boot-0"

        def now(self) -> float:
            order.append("ledger")
            return START

    def local() -> float:
        order.append("local")
        return 1.0

    w.ctx.client.clock, w.ledger.clock = local, Noting()
    armed(w, by)
    assert order[0] == "local"


@pytest.mark.parametrize("left, leaves", [(1.5, True), (1.0, False), (0.5, False)])
def test_too_late_in_the_lease_nothing_leaves(left: float, leaves: bool) -> None:
    w = outbox()
    by = held(w)
    w.clock.value = by.lease.until - left
    got = armed(w, by)
    assert isinstance(got, Armed) is leaves
    if not leaves:
        assert got == NotArmed(ended=False) and w.intent().state == "leased" and not w.rows(Attempt)


@pytest.mark.parametrize("control", [{"paused": 1}, {"stopped": "401"}])
def test_paused_or_stopped_meanwhile_nothing_leaves(control: dict[str, Any]) -> None:
    w = outbox()
    by = held(w)
    w.put(Control(connection=CONNECTION, next_number=2, **control))
    assert armed(w, by) == NotArmed(ended=False)


def test_over_the_cap_nothing_leaves() -> None:
    w = outbox()
    by = held(w)
    assert armed(w, by, cap=0) == NotArmed(ended=False)
    assert isinstance(armed(w, by, cap=1), Armed)


def test_a_newer_change_taken_in_meanwhile_ends_it() -> None:
    w = outbox()
    by = held(w)
    w.put(evolve(w.update(), event_id="e2", sequence=2, number=2))
    assert armed(w, by) == NotArmed(ended=True)
    assert result(w)[0] == "superseded" and not w.rows(Attempt)


def test_expired_meanwhile_it_ends() -> None:
    w = outbox(change(reason="soon"))
    by = held(w)
    assert armed(w, by, wall=5001.0) == NotArmed(ended=True)
    assert result(w)[0] == "refused" and w.intent().closed_at == 5001.0


def test_closed_or_gone_meanwhile_nothing_leaves() -> None:
    w = outbox()
    by = held(w)
    w.put(evolve(w.intent(), state="closed"))
    assert armed(w, by) == NotArmed(ended=True)
    w.ledger.tables[IntentRow].clear()
    assert armed(w, by) == NotArmed(ended=True) and not w.rows(Attempt)


def test_another_worker_has_taken_over() -> None:
    w = outbox()
    by = held(w)
    w.clock.value += 61
    w.ledger.do(lambda txn: take(txn, w.other_worker(), lane_of("1")))
    before = w.intent()
    none: dict[str, Any] = {}
    for use in (
        lambda txn: arm(
            txn,
            w.ctx,
            by,
            write=MOVE,
            fresh=fresh(),
            digest="d",
            hidden_seconds=0,
            cap=None,
            expand=unfolding,
            wall=WALL,
        ),
        lambda txn: settle(txn, by, by.intent, until=1.0),
        lambda txn: back(txn, by, by.intent, why="", unsent=True),
        lambda txn: close(
            txn,
            by,
            by.intent,
            Close(result=Result.APPLIED),
            fresh=None,
            evidence=none,
            expand=unfolding,
            wall=1,
        ),
    ):
        with pytest.raises(LeaseLost, match="application/1"):
            w.ledger.do(use)
    w.ledger.do(lambda txn: release(txn, by))  # nothing of ours to free
    assert w.intent() == before and w.row(Lease, lane_of("1")).until > w.clock.value
    assert not w.rows(Attempt)


def second(w: World, by: Claim, **changes: Any) -> IntentRow:
    """The second attempt behind one whose answer was lost."""
    w.put(evolve(w.intent(), **changes))
    got = armed(w, by, fresh=fresh("A", signals={"move": "9"}))
    assert isinstance(got, Armed)
    return got.intent


def test_a_second_attempt_keeps_the_signal_and_state_of_the_first() -> None:
    w = outbox(change(), change("e0", sequence=0))
    by = held(w)
    w.put(evolve(w.update(), event_id="e2", sequence=2, number=9))  # too late to supersede what was sent
    row = second(
        w, by, sent=1, open_attempts=1, attempts=1, signal="3", before=state_text(State("X", ACTIVE))
    )
    assert (row.attempts, row.open_attempts, row.signal) == (2, 2, "3")
    assert row.before == state_text(State("X", ACTIVE))
    assert [a.number for a in w.rows(Attempt)] == [2]


def test_an_attempt_behind_refused_ones_has_a_signal_of_its_own() -> None:
    w = outbox()
    row = second(w, held(w), sent=0, open_attempts=0, attempts=3, signal="3")
    assert (row.attempts, row.open_attempts, row.signal) == (4, 1, "9")


def test_a_write_without_a_signal_stores_none() -> None:
    w = outbox()
    got = armed(w, held(w), fresh=fresh("A"))
    assert isinstance(got, Armed) and got.intent.signal is None


# -- after the answer --


def test_what_became_of_an_attempt_is_noted_on_it() -> None:
    w = outbox()
    got = armed(w, held(w))
    assert isinstance(got, Armed)
    w.ledger.do(
        lambda txn: answered(
            txn, got.intent, outcome="refused", evidence={"answer": 422, "request_id": "q1"}, wall=WALL + 3
        )
    )
    row = w.row(Attempt, "e1/0", 1)
    assert (row.outcome, row.answer, row.request_id, row.answered_at) == ("refused", 422, "q1", WALL + 3)
    w.ledger.do(lambda txn: answered(txn, got.intent, outcome="x", evidence={}, wall=1.0))
    row = w.row(Attempt, "e1/0", 1)
    assert (row.answer, row.request_id) == (None, "")
    w.ledger.do(lambda txn: answered(txn, intent(attempts=7), outcome="x", evidence={}, wall=1.0))
    assert len(w.rows(Attempt)) == 1


def test_settling_is_a_state_with_a_time() -> None:
    w = outbox()
    by = held(w)
    got = armed(w, by)
    assert isinstance(got, Armed)
    w.ledger.do(lambda txn: settle(txn, by, got.intent, until=START + 3))
    assert (w.intent().state, w.intent().not_before, w.intent().accepted) == ("settling", START + 3, 0)
    w.ledger.do(lambda txn: settle(txn, by, got.intent, until=START + 4, accepted=True))
    assert w.intent().accepted == 1
    w.ledger.do(lambda txn: settle(txn, by, w.intent(), until=START + 5))
    assert w.intent().accepted == 1


def send_back(w: World, by: Claim, row: IntentRow, **how: Any) -> IntentRow:
    w.ledger.do(lambda txn: back(txn, by, row, **{"why": "down", "unsent": True, **how}))
    return w.intent()


def test_a_refused_attempt_leaves_nothing_behind() -> None:
    w = outbox()
    by = held(w)
    got = armed(w, by)
    assert isinstance(got, Armed)
    row = send_back(w, by, got.intent, later=START + 7)
    assert (row.state, row.open_attempts, row.sent, row.returns) == ("pending", 0, 0, 1)
    assert (row.not_before, row.why) == (START + 7, "down")
    row = send_back(w, by, evolve(row, open_attempts=1))
    assert (row.not_before, row.returns) == (0.0, 2)


def test_what_was_never_armed_goes_back_alone() -> None:
    w = outbox()
    by = held(w)
    row = send_back(w, by, by.intent, unsent=False)
    assert (row.state, row.open_attempts, row.sent, row.returns, row.not_before) == ("pending", 0, 0, 1, 0.0)


def test_an_earlier_attempt_in_doubt_stays_in_doubt() -> None:
    w = outbox()
    by = held(w)
    doubt = evolve(by.intent, open_attempts=2, sent=1, settles_at=START + 50)
    row = send_back(w, by, doubt, later=START + 7)
    assert (row.state, row.open_attempts, row.sent, row.not_before) == ("settling", 1, 1, START + 50)
    assert send_back(w, by, doubt, later=START + 90).not_before == START + 90
    row = send_back(w, by, evolve(doubt, open_attempts=1, settles_at=None), unsent=False)
    assert (row.state, row.open_attempts, row.not_before) == ("settling", 1, 0.0)


def test_what_intake_has_closed_does_not_come_back() -> None:
    w = outbox()
    by = held(w)
    w.put(evolve(w.intent(), state="closed", result="superseded"))
    before = w.intent()
    assert send_back(w, by, by.intent) == before
    w.ledger.do(
        lambda txn: close(
            txn,
            by,
            by.intent,
            Close(result=Result.APPLIED),
            fresh=None,
            evidence={},
            expand=unfolding,
            wall=1.0,
        )
    )
    assert w.intent() == before


def test_closing_carries_everything_that_the_policy_said() -> None:
    w = outbox()
    by = held(w)
    step = Close(result=Result.APPLIED_OVER_CHANGE, why="somebody", gap=Gap.AUDITED, overwritten=("C",))
    w.ledger.do(
        lambda txn: close(
            txn,
            by,
            evolve(by.intent, attempts=4),
            step,
            fresh=fresh("B"),
            evidence={"answer": 200},
            expand=unfolding,
            wall=WALL + 9,
        )
    )
    row = w.intent()
    assert (row.state, row.result, row.why, row.gap, row.overwritten) == (
        "closed",
        "applied_over_change",
        "somebody",
        "audited",
        '["C"]',
    )
    assert (row.evidence, row.after_state, row.attempts, row.closed_at) == (
        '{"answer": 200}',
        state_text(State("B", ACTIVE)),
        4,
        WALL + 9,
    )
    assert result(w) == ("applied_over_change", "somebody")


# -- letting go --


def test_a_lane_is_freed_and_what_was_only_looked_at_is_pending_again() -> None:
    w = outbox()
    by = held(w)
    w.ledger.do(lambda txn: release(txn, by))
    assert w.intent().state == "pending" and is_free(w)
    assert claimed(w, ctx=w.other_worker()) is not None


@pytest.mark.parametrize("state", ["in_flight", "settling", "closed"])
def test_letting_go_changes_no_other_state(state: str) -> None:
    w = outbox()
    by = held(w)
    w.put(evolve(w.intent(), state=state))
    w.ledger.do(lambda txn: release(txn, by))
    assert w.intent().state == state and is_free(w)


def test_letting_go_of_what_the_ledger_no_longer_has_frees_the_lane() -> None:
    w = outbox()
    by = held(w)
    lost = evolve(by, intent=evolve(by.intent, intent_id="never/0"))
    w.ledger.do(lambda txn: release(txn, lost))
    assert is_free(w)


def test_stopping_says_why() -> None:
    w = outbox()
    w.ledger.do(lambda txn: stop(txn, w.ctx, "401"))
    assert w.row(Control).stopped == "401" and w.row(Control).next_number == 2


def test_tuning_is_the_callers() -> None:
    w = outbox()
    w.ctx.tuning = Tuning(
        send_limit_seconds=20.0, margin_seconds=3.0, deadline_seconds=10.0, lease_seconds=15.0
    )
    got = armed(w, held(w), hidden_seconds=2.0)
    assert isinstance(got, Armed)
    assert (got.intent.send_by, got.intent.settles_at) == (START + 12, START + 24)
