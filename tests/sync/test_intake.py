"""Intake: every change is taken in once, the newest wins, and what was sent is waited for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve
from sync_world import ACTIVE, REJECTED, World, change, fresh, unfolding, world
from tiny_ats import CONNECTION, EPOCH, moment

from atsbridge.errors import CrmError
from atsbridge.ledgers.sqlite import SqliteLedger
from atsbridge.model import BRIDGE_ACTOR, Base, Kind, Ref, Result, State, StatusUpdate
from atsbridge.sync.intake import newer_exists, take_in
from atsbridge.sync.ledger import Control, IntentRow, Txn, Update, Where
from atsbridge.sync.outbox import close_intent
from atsbridge.sync.receipts import parse_receipt

WALL = 2000.0
AGAIN = "the recruiter changed it again"


def take(w: World, *changes: StatusUpdate, wall: float = WALL) -> list[str]:
    return w.ledger.do(lambda txn: take_in(txn, changes, connection=CONNECTION, expand=unfolding, wall=wall))


def taken(*changes: StatusUpdate) -> World:
    w = world(pulled=False)
    take(w, *changes)
    return w


def sent(w: World, id: str = "e1/0", **more: Any) -> None:
    w.put(evolve(w.intent(id), **{"sent": 1, "open_attempts": 1, "state": "in_flight", **more}))


def end(w: World, id: str, result: Result, stage: str | None = None) -> None:
    seen = fresh(stage) if stage else None
    w.ledger.do(
        lambda txn: close_intent(
            txn, w.intent(id), result=result, why="w", wall=WALL, expand=unfolding, fresh=seen
        )
    )


def outcome(w: World, event_id: str) -> tuple[str | None, str]:
    row = w.update(event_id)
    return row.result, parse_receipt(row.receipt).why if row.receipt else ""


# -- taking in --


class Lookalike:
    """Says that it is the text that it is shown as."""

    def __str__(self) -> str:
        return "Active"

    def __eq__(self, other: object) -> bool:
        return other == "Active"

    def __hash__(self) -> int:
        return hash("Active")


NO_TEXT, NO_NUMBER = "is no text in Unicode", "is no whole number of 64 bits"
ODD: list[tuple[dict[str, Any], str]] = [
    ({"event_id": "e\ud800"}, f"event_id {NO_TEXT}"),
    ({"application": Ref(CONNECTION, Kind.APPLICATION, "1\ud800")}, f"application {NO_TEXT}"),
    ({"event_id": "e" * 513}, "event_id is longer than 512 characters"),
    (
        {"application": Ref(CONNECTION, Kind.APPLICATION, "1" * 513)},
        "application is longer than 512 characters",
    ),
    ({"step": "B\ud800"}, f"step {NO_TEXT}"),
    ({"status": 7}, f"status {NO_TEXT}"),
    ({"status": Lookalike()}, f"status {NO_TEXT}"),
    ({"reason": "\ud800"}, f"reason {NO_TEXT}"),
    ({"actor": "Jo \ud800"}, f"actor {NO_TEXT}"),
    ({"base": Base("A\ud800", ACTIVE, 7)}, f"base.stage {NO_TEXT}"),
    ({"base": Base("A", ACTIVE, 7, "\ud800")}, f"base.token {NO_TEXT}"),
    ({"base": Base("A", ACTIVE, 2**63)}, f"base.delivery {NO_NUMBER}"),
    ({"sequence": 2**63}, f"sequence {NO_NUMBER}"),
    ({"sequence": -(2**63) - 1}, f"sequence {NO_NUMBER}"),
    ({"sequence": 1.5}, f"sequence {NO_NUMBER}"),
    ({"sequence": True}, f"sequence {NO_NUMBER}"),
    ({"occurred_at": datetime(1, 1, 1)}, "occurred_at is no time in UTC"),
    ({"occurred_at": "2026-01-01"}, "occurred_at is no time in UTC"),
    ({"event_id": None}, "event_id is missing"),
    ({"event_id": 5}, f"event_id {NO_TEXT}"),
    ({"application": None}, "application is no Ref"),
    ({"application": Ref(CONNECTION, Kind.APPLICATION, "")}, "application is missing"),
    ({"base": {"stage": "A"}}, "base is no Base"),
    ({"base": Base("A", "active", 7)}, "base.status is no ApplicationStatus"),  # type: ignore[arg-type]
    ({"base": Base("A", ACTIVE, None)}, "base.delivery is missing"),  # type: ignore[arg-type]
]


def plain(text: object) -> str:
    """As a receipt tells it: a CRM that cannot store it would lose everybody's."""
    return str(text).encode("utf-8", "backslashreplace").decode()


@pytest.mark.parametrize(("odd", "why"), ODD)
def test_a_change_that_cannot_be_kept_is_refused_alone(odd: dict[str, Any], why: str) -> None:
    w = world(pulled=False)
    ledger = SqliteLedger(":memory:", clock=w.ledger.clock)
    bad = evolve(change("e1"), **odd)

    def take(txn: Txn) -> list[str]:
        both = [bad, change("e2", sequence=2)]
        return take_in(txn, both, connection=CONNECTION, expand=unfolding, wall=WALL)

    def rows() -> list[Update]:
        mine = Where(equal={"connection": CONNECTION})
        return ledger.look(lambda txn: txn.find(Update, mine, order=("number",)))

    assert ledger.do(take) == [bad.event_id, "e2"]
    refused, good = rows()
    assert (good.event_id, good.number, good.open) == ("e2", 2, 1)
    assert refused.event_id.startswith("odd/")
    assert (refused.open, refused.result, refused.taken_at) == (0, "refused", WALL)
    receipt = parse_receipt(refused.receipt or "")
    named = bad.application.id if isinstance(bad.application, Ref) else ""
    assert (receipt.event_id, receipt.application.id) == (plain(bad.event_id), plain(named))
    assert (receipt.result, receipt.at) == (Result.REFUSED, moment(WALL - EPOCH))
    assert receipt.why.startswith(f"the CRM's change cannot be taken in: its {why}")
    ledger.do(lambda txn: txn.put([evolve(refused, delivered=1)]))
    ledger.do(take)
    assert rows() == [refused, good]  # delivered once more, it is told once more
    ledger.close()


@pytest.mark.parametrize("sequence", [2**63 - 1, -(2**63)])
def test_a_sequence_of_64_bits_is_kept(sequence: int) -> None:
    assert taken(change(sequence=sequence)).update("e1").sequence == sequence


def test_without_sequence_and_time_the_order_of_intake_counts() -> None:
    w = world(pulled=False)
    take(w, change("e2", sequence=None), wall=WALL)
    take(w, change("e1", sequence=None), wall=WALL + 1)
    assert outcome(w, "e2") == ("superseded", AGAIN) and w.update("e1").open


def test_an_event_id_that_was_used_for_another_change_costs_that_change_alone() -> None:
    """A CRM that numbers per application: what is refused says so, and no change is lost in silence."""
    w = world("1", "2")
    w.wants("1", step="B")
    w.wants("2", step="B")
    w.crm.offered[1] = evolve(w.crm.offered[1], event_id="e1")
    w.push()
    results = {r.application.id: (r.event_id, r.result, r.why) for r in w.crm.receipts}
    assert results["1"][:2] == ("e1", Result.APPLIED)
    assert results["2"][:2] == ("e1", Result.REFUSED) and "used before" in results["2"][2]


def test_sequences_are_compared_as_whole_numbers() -> None:
    w = taken(change("e2", sequence=2**60 + 1), change("e1", "C", sequence=2**60))
    assert outcome(w, "e1")[0] == "superseded" and w.update("e2").open


def test_a_change_is_kept_as_the_crm_gave_it() -> None:
    w = world(pulled=False)
    given = change(
        status="Rejected",
        reason="open",
        base=Base("A", REJECTED, 7, "tok"),
        occurred_at=moment(5),
        sequence=3,
    )
    assert take(w, given) == ["e1"]
    assert w.update() == Update(
        connection=CONNECTION,
        event_id="e1",
        application="1",
        number=1,
        sequence=3,
        step="B",
        status="Rejected",
        reason="open",
        base_stage="A",
        base_status="rejected",
        base_delivery=7,
        base_token="tok",
        by_bridge=0,
        actor="recruiter",
        occurred_at=EPOCH + 5,
        taken_at=WALL,
    )


def test_changes_are_numbered_in_the_order_of_intake() -> None:
    w = taken(change("e1"), change("e2", sequence=2))
    assert [w.update(e).number for e in ("e1", "e2")] == [1, 2]
    assert w.row(Control).next_number == 3
    assert [i.number for i in w.rows(IntentRow)] == [1, 2]


def test_the_same_event_twice_is_one_change() -> None:
    w = world(pulled=False)
    assert take(w, change(), change()) == ["e1", "e1"]
    assert take(w, change()) == ["e1"]
    assert [i.target_stage for i in w.rows(IntentRow)] == ["B"]
    assert w.row(Control).next_number == 2


def test_an_ended_change_delivered_again_is_told_again() -> None:
    w = taken(change())
    end(w, "e1/0", Result.APPLIED)
    w.put(evolve(w.update(), delivered=1))
    receipt = w.update().receipt
    take(w, change())
    assert (w.update().delivered, w.update().receipt) == (0, receipt)


def test_an_open_change_delivered_again_stays_as_it_is() -> None:
    w = taken(change())
    w.put(evolve(w.update(), delivered=1))
    before = w.update()
    take(w, change())
    assert w.update() == before


def test_a_change_without_a_base_is_refused() -> None:
    w = taken(change(base=None))
    why = "no base: the CRM did not say which ATS state the recruiter saw"
    assert outcome(w, "e1") == ("refused", why) and not w.rows(IntentRow)
    row = w.update()
    assert (row.base_stage, row.base_status, row.base_delivery, row.base_token) == (None, None, 0, None)


# -- our own echo --


def test_our_own_write_that_comes_back_is_already_and_takes_no_part() -> None:
    w = taken(change("e1", sequence=1), change("echo", "C", sequence=9, actor=BRIDGE_ACTOR))
    assert outcome(w, "echo") == ("already", "the bridge's own write came back")
    assert w.update("echo").by_bridge == 1 and w.update("e1").open == 1
    take(w, change("e2", "C", sequence=2))
    assert w.update("e2").open == 1  # the echo's later number supersedes nothing
    assert not w.ledger.look(lambda txn: newer_exists(txn, w.update("e2")))


def test_an_echo_that_was_sent_is_not_waited_for() -> None:
    w = taken(change("e1"))
    sent(w)
    w.put(evolve(w.update(), by_bridge=1))
    take(w, change("e2", "C", sequence=2))
    assert w.update("e2").waits_for is None and w.intent("e2/0").expected_stage == "A"


# -- the newest wins --


def test_a_later_change_supersedes_what_was_not_sent() -> None:
    w = taken(change("e1"), change("e2", "C", sequence=2))
    assert outcome(w, "e1") == ("superseded", AGAIN)
    assert w.intent("e1/0").why == AGAIN and w.intent("e1/0").closed_at == WALL
    assert w.update("e2").open == 1 and w.intent("e2/0").expected_stage == "A"


def test_a_change_that_comes_late_is_superseded_at_once() -> None:
    w = taken(change("e2", "C", sequence=2), change("e1", sequence=1))
    assert outcome(w, "e1") == ("superseded", "a later change was taken in before it")
    assert [i.event_id for i in w.rows(IntentRow)] == ["e2"]


def test_a_change_that_comes_late_is_superseded_though_the_newer_was_refused() -> None:
    w = taken(change("e2", "C", sequence=2, reason="refuse"), change("e1", sequence=1))
    assert outcome(w, "e1")[0] == "superseded"


def test_a_refused_change_supersedes_too() -> None:
    w = taken(change("e1"), change("e2", "C", sequence=2, base=None))
    assert (outcome(w, "e1")[0], outcome(w, "e2")[0]) == ("superseded", "refused")


def test_equal_numbers_do_not_supersede_each_other_as_late() -> None:
    w = taken(change("e1"), change("e2", "C", sequence=1))
    assert outcome(w, "e1")[0] == "superseded" and w.update("e2").open == 1
    assert not any(w.ledger.look(lambda txn, e=e: newer_exists(txn, w.update(e))) for e in ("e1", "e2"))  # type: ignore[misc]


def test_a_sequence_goes_before_the_time() -> None:
    w = taken(
        change("e1", sequence=2, occurred_at=moment(4)), change("e2", sequence=1, occurred_at=moment(5))
    )
    assert outcome(w, "e2")[0] == "superseded" and w.update("e1").open == 1


def test_without_a_sequence_the_time_of_the_change_decides_and_then_its_id() -> None:
    def at(id: str, seconds: float | None) -> StatusUpdate:
        return change(id, sequence=None, occurred_at=moment(seconds) if seconds is not None else None)

    w = taken(at("e1", 5.0), at("e2", 4.0))
    assert outcome(w, "e2")[0] == "superseded" and w.update("e1").open == 1
    w = taken(at("e2", 5.0), at("e1", 5.0))
    assert outcome(w, "e1")[0] == "superseded" and w.update("e2").open == 1
    w = taken(at("e1", 5.0), at("e2", 5.0))
    assert outcome(w, "e1")[0] == "superseded" and w.update("e2").open == 1


def test_without_sequence_and_time_the_time_of_intake_decides() -> None:
    w = world(pulled=False)
    take(w, change("e2", sequence=None), wall=3000.0)
    take(w, change("e1", sequence=None), wall=2000.0)
    assert outcome(w, "e1")[0] == "superseded" and w.update("e2").open == 1


def test_another_application_and_another_connection_are_left_alone() -> None:
    w = taken(change("e1"))
    take(w, evolve(change("e2", sequence=2), application=Ref(CONNECTION, change().application.kind, "2")))
    w.ledger.do(
        lambda txn: take_in(txn, [change("e3", sequence=3)], connection="globex", expand=unfolding, wall=WALL)
    )
    assert w.update("e1").open == 1 and w.update("e2").open == 1
    assert not w.ledger.look(lambda txn: newer_exists(txn, w.update("e1")))


def test_newer_is_who_comes_after() -> None:
    w = taken(change("e1"), change("e2", sequence=2))
    assert w.ledger.look(lambda txn: newer_exists(txn, w.update("e1")))
    assert not w.ledger.look(lambda txn: newer_exists(txn, w.update("e2")))


def test_a_change_that_has_ended_stays_ended() -> None:
    w = taken(change("e1"))
    end(w, "e1/0", Result.CONFLICT)
    before = w.update("e1")
    take(w, change("e2", sequence=2))
    assert w.update("e1") == before


# -- what was sent is waited for --


def test_an_open_write_is_waited_for() -> None:
    w = taken(change("e1"))
    sent(w)
    take(w, change("e2", "C", sequence=2))
    assert w.update("e1").open == 1 and w.update("e2").waits_for == "e1"
    assert [i.event_id for i in w.rows(IntentRow)] == ["e1"]
    end(w, "e1/0", Result.APPLIED, "B")
    assert (w.intent("e2/0").expected_stage, w.update("e2").waits_for) == ("B", None)


def test_a_write_of_another_base_is_not_waited_for() -> None:
    w = taken(change("e1"))
    sent(w)
    take(w, change("e2", "C", sequence=2, base=Base("A", ACTIVE, 8)))
    assert w.update("e2").waits_for is None and w.intent("e2/0").expected_stage == "A"


def test_a_change_that_waits_is_superseded_by_a_newer_one_which_waits_in_its_place() -> None:
    w = taken(change("e1"))
    sent(w)
    take(w, change("e2", "C", sequence=2), change("e3", "H", sequence=3))
    assert outcome(w, "e2") == ("superseded", AGAIN) and w.update("e2").waits_for is None
    assert w.update("e3").waits_for == "e1"
    end(w, "e1/0", Result.APPLIED, "B")
    assert [i.intent_id for i in w.rows(IntentRow)] == ["e1/0", "e3/0"]


@pytest.mark.parametrize("last", ["e1", "e2"])
def test_a_refused_attempt_that_was_waited_for_is_superseded_and_nothing_is_released(last: str) -> None:
    w = taken(change("e1"))
    sent(w)
    take(w, change("e2", "C", sequence=2))
    sent(w, sent=0, open_attempts=0, state="pending")
    w.stored_last(w.update(last))
    take(w, change("e3", "H", sequence=3))
    assert [outcome(w, e)[0] for e in ("e1", "e2", "e3")] == ["superseded", "superseded", None]
    assert [i.intent_id for i in w.rows(IntentRow)] == ["e1/0", "e3/0"]


def test_an_applied_write_of_the_same_base_is_built_upon() -> None:
    w = taken(change("e1"))
    sent(w)
    end(w, "e1/0", Result.APPLIED, "B")
    take(w, change("e2", "C", sequence=2))
    assert w.intent("e2/0").expected_stage == "B"


def test_a_write_that_ended_otherwise_leaves_what_it_expected() -> None:
    w = taken(change("e1"))
    sent(w)
    end(w, "e1/0", Result.CONFLICT, "H")
    take(w, change("e2", "C", sequence=2))
    assert w.intent("e2/0").expected_stage == "A"


def test_a_write_that_built_upon_another_and_failed_leaves_what_it_expected_itself() -> None:
    w = taken(change("e1"))
    sent(w)
    end(w, "e1/0", Result.APPLIED, "B")
    take(w, change("e2", "C", sequence=2))
    sent(w, "e2/0")
    end(w, "e2/0", Result.REFUSED)
    take(w, change("e3", "H", sequence=3))
    assert w.intent("e3/0").expected_stage == "B"


def test_what_was_found_there_already_was_somebody_elses() -> None:
    w = taken(change("e1"))
    end(w, "e1/0", Result.ALREADY, "B")
    take(w, change("e2", "C", sequence=2))
    assert w.intent("e2/0").expected_stage == "A"


def test_of_several_that_were_sent_the_latest_counts() -> None:
    w = taken(change("e1"))
    sent(w)
    end(w, "e1/0", Result.APPLIED, "B")
    take(w, change("e2", "C", sequence=2))
    sent(w, "e2/0")
    end(w, "e2/0", Result.APPLIED, "C")
    take(w, change("e3", "H", sequence=3))
    assert w.intent("e3/0").expected_stage == "C"


def test_the_latest_is_by_sequence_not_by_intake() -> None:
    w = taken(change("e2", "C", sequence=2))
    sent(w, "e2/0")
    end(w, "e2/0", Result.APPLIED, "C")
    take(w, change("e1", "B", sequence=1))
    first = w.intent("e2/0")
    w.put(evolve(first, intent_id="e1/0", event_id="e1", target_stage="B", after_state=None))
    take(w, change("e3", "H", sequence=3))
    assert w.intent("e3/0").expected_stage == "C"


def test_a_sent_part_keeps_its_chain_and_the_unsent_rest_falls() -> None:
    w = taken(change("e1", "BC"))
    sent(w)
    take(w, change("e2", "H", sequence=2))
    assert (w.intent("e1/0").state, w.intent("e1/1").result) == ("in_flight", "superseded")
    assert w.update("e1").open == 1 and w.update("e2").waits_for == "e1"
    end(w, "e1/0", Result.APPLIED, "B")
    assert outcome(w, "e1") == ("superseded", AGAIN)
    assert w.intent("e2/0").expected_stage == "B"


def test_a_part_that_was_there_already_stays_and_the_next_is_superseded() -> None:
    w = taken(change("e1", "BC"))
    end(w, "e1/0", Result.ALREADY, "B")
    take(w, change("e2", "H", sequence=2))
    assert [w.intent(f"e1/{n}").result for n in range(2)] == ["already", "superseded"]
    assert outcome(w, "e1") == ("superseded", AGAIN)


def test_only_the_first_unsent_part_is_closed_and_takes_the_rest_along() -> None:
    w = taken(change("e1", "BCH"), change("e2", "C", sequence=2))
    assert [w.intent(f"e1/{n}").why for n in range(3)] == [
        AGAIN,
        f"fell with part 1 of 3: {AGAIN}",
        f"fell with part 1 of 3: {AGAIN}",
    ]


# -- with the feed --


def test_the_feed_position_is_stored_with_the_changes_and_acknowledged_after() -> None:
    w = world("1", "2")
    w.crm.page = 1
    w.wants("1", step="B")
    w.wants("2", step="C")
    stored: list[tuple[Any, int]] = []
    w.crm.before["acknowledge"] = lambda: stored.append((w.row(Control).feed, len(w.rows(Update))))
    assert w.push().taken == 2
    told = [t for t in w.crm.told if t[0] in ("changes", "acknowledge")]
    assert told == [("changes", None), ("acknowledge", ["e1"]), ("changes", 1), ("acknowledge", ["e2"])]
    assert stored == [("1", 1), ("2", 2)]
    w.push()
    assert w.crm.told[-1] == ("changes", 2)


def test_a_change_is_kept_though_it_could_not_be_acknowledged() -> None:
    w = world("1")
    w.wants("1", step="B")
    w.crm.fails["acknowledge"] = CrmError()
    with pytest.raises(CrmError):
        w.push()
    assert w.update().open == 1 and not w.account.log
    assert w.push().results == {"applied": 1}
    assert len(w.account.log) == 1


def test_nothing_is_kept_of_changes_that_could_not_all_be_taken_in() -> None:
    w = world("1")

    def failing(update: StatusUpdate, expected: State, job: str | None) -> Any:
        if update.event_id == "e2":
            raise RuntimeError
        return unfolding(update, expected, job)

    with pytest.raises(RuntimeError):
        w.ledger.do(
            lambda txn: take_in(
                txn,
                [change("e1"), change("e2", sequence=2)],
                connection=CONNECTION,
                expand=failing,
                wall=WALL,
            )
        )
    assert not w.rows(Update) and not w.rows(IntentRow)


def test_changes_of_another_connection_are_passed_over() -> None:
    w = world("1")
    w.crm.offered.append(evolve(change(), application=Ref("globex", change().application.kind, "1")))
    assert w.push().taken == 0
    assert not w.rows(Update) and w.row(Control).feed == "1"


def test_a_crm_without_bases_is_inbound_only() -> None:
    w = world("1")
    w.wants("1", step="B")
    w.crm.abilities = frozenset()
    report = w.push()
    assert report.held_back == "the CRM cannot store the base of a change: it is inbound only"
    assert not w.rows(Update) and not w.account.log


@pytest.mark.parametrize("enqueued", [False, True])
def test_a_change_is_kept_with_where_it_came_from(enqueued: bool) -> None:
    w, one = world(pulled=False), change("e1")
    w.ledger.do(
        lambda txn: take_in(txn, [one], connection=CONNECTION, expand=unfolding, wall=WALL, enqueued=enqueued)
    )
    assert w.update("e1").enqueued == int(enqueued)


def test_what_could_not_be_kept_is_older_than_nothing() -> None:
    """A good change that happened before the odd one was taken in is no older than that."""
    early = change("e2", sequence=None, occurred_at=datetime.fromtimestamp(WALL - 60, UTC))
    w = world(pulled=False)
    take(w, evolve(change("e1", sequence=None), reason="\ud800"))
    take(w, early)
    assert w.update("e2").result is None and w.intent("e2/0").state == "pending"


def test_without_sequence_and_time_the_order_is_that_of_arrival() -> None:
    w = world(pulled=False)
    first, second = (change(id, sequence=None, occurred_at=None) for id in ("b", "a"))
    take(w, first, second)
    assert (outcome(w, "b"), w.update("a").result) == (("superseded", AGAIN), None)


def test_a_clock_that_was_ahead_makes_no_later_change_older() -> None:
    def at(id: str, wall: float) -> StatusUpdate:
        return change(id, sequence=None, occurred_at=datetime.fromtimestamp(wall, UTC))

    w = world(pulled=False)
    take(w, at("e1", WALL + 1e6), at("e0", WALL + 1e6 + 1))
    assert (outcome(w, "e1"), w.update("e0").result) == (("superseded", AGAIN), None)
    take(w, at("e2", WALL + 30), wall=WALL + 60)
    assert (outcome(w, "e0"), w.update("e2").result) == (("superseded", AGAIN), None)
    take(w, at("e3", WALL + 20), wall=WALL + 61)
    assert outcome(w, "e3")[0] == "superseded"
    take(w, change("e4", sequence=None, occurred_at=None), wall=WALL + 62)
    assert (outcome(w, "e2"), w.update("e4").result) == (("superseded", AGAIN), None)


def test_a_clock_that_is_hours_ahead_orders_its_changes_as_they_were_made() -> None:
    def at(id: str, wall: float) -> StatusUpdate:
        return change(id, sequence=None, occurred_at=datetime.fromtimestamp(wall, UTC))

    day = 86_400.0
    for ahead in (3600.0, day):
        w = world(pulled=False)
        take(w, at("e2", 9 * day + ahead), wall=9 * day)
        take(w, at("e1", 9 * day + ahead - 100), wall=9 * day + 60)
        assert outcome(w, "e1")[0] == "superseded" and w.update("e2").open == 1


def test_an_id_may_be_as_long_as_an_index_can_hold_and_a_word_longer() -> None:
    w = taken(change("e" * 512, actor="a" * 600))
    assert w.update("e" * 512).open == 1


def test_why_a_change_is_older_is_said_as_it_is() -> None:
    """By its time alone; and where one of several before it has a sequence."""
    early, late = (datetime.fromtimestamp(WALL - n, UTC) for n in (60, 30))
    w = taken(change("e1", sequence=None, occurred_at=late), change("e2", sequence=None, occurred_at=early))
    assert outcome(w, "e2") == ("superseded", "a later change was taken in before it")
    take(w, change("e3", sequence=1))
    take(w, change("e4", sequence=None, occurred_at=late))
    assert outcome(w, "e4") == ("superseded", "it has no sequence, and one that was taken in before it has")


@pytest.mark.parametrize("when", [None, datetime(2030, 1, 1, tzinfo=UTC)])
def test_a_change_without_a_sequence_is_older_than_one_with(when: datetime | None) -> None:
    w = taken(change("e1", sequence=1))
    take(w, change("e2", sequence=None, occurred_at=when))
    assert outcome(w, "e2") == ("superseded", "it has no sequence, and one that was taken in before it has")


def test_an_id_that_only_begins_like_one_of_ours_is_the_crms() -> None:
    w = taken(change(f"odd/{'0' * 64}x", sequence=2))
    take(w, change("e1", sequence=1))
    assert outcome(w, "e1")[0] == "superseded"
