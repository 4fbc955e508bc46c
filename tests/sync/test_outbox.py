"""The outbox: a change becomes a chain, and every end of a part is the end of what follows from it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve
from sync_world import ACTIVE, REJECTED, World, application_ref, change, fresh, intent, unfolding, world
from tiny_ats import CONNECTION, EPOCH, moment

from atsbridge.model import Base, CompareAndSet, Gap, Result, SideEffect, State, StatusUpdate
from atsbridge.sync.intake import take_in
from atsbridge.sync.ledger import Control, IntentRow, Known, Update
from atsbridge.sync.outbox import (
    Plan,
    as_update,
    base_of,
    close_intent,
    intents_of,
    left_by,
    state_left_by,
    unfold,
)
from atsbridge.sync.receipts import parse_receipt, state_text

WALL = EPOCH + 2000.0


def known(**changes: Any) -> Known:
    row: dict[str, Any] = {"stage": "A", "status": "active", "delivery": 7, "token": "t", "job": "j1"}
    row |= {"connection": CONNECTION, "kind": "application", "id": "1", "digest": b"d", "read_at": 0.0}
    return Known(**{**row, **changes})


def with_change(*changes: StatusUpdate) -> World:
    w = world(pulled=False)
    w.put(known())
    for one in changes:
        w.ledger.do(
            lambda txn, one=one: take_in(txn, [one], connection=CONNECTION, expand=unfolding, wall=WALL)  # type: ignore[misc]
        )
    return w


def end(w: World, id: str, result: Result, why: str = "w", **more: Any) -> None:
    w.ledger.do(
        lambda txn: close_intent(
            txn, w.intent(id), result=result, why=why, wall=WALL + 1, expand=unfolding, **more
        )
    )


def receipt(w: World, event_id: str = "e1") -> Any:
    text = w.update(event_id).receipt
    assert text is not None
    return parse_receipt(text)


def seen(stage: str | None = "B", status: Any = ACTIVE, *, at: float = 1000.0, token: str = "2") -> Any:
    return fresh(stage, status, read_at=at, token=token)


# -- unfolding --


def test_a_change_becomes_an_intent() -> None:
    w = with_change(change(reason="soon"))
    assert w.rows(IntentRow) == [intent(acting_user="u1", not_after=5000.0)]
    assert (w.update().open, w.update().waits_for) == (1, None)


def test_a_chain_has_one_part_per_write_each_after_the_other() -> None:
    w = with_change(change(step="BC", status="Rejected"))
    parts = w.rows(IntentRow)
    assert [(p.intent_id, p.part, p.parts, p.after) for p in parts] == [
        ("e1/0", 0, 3, None),
        ("e1/1", 1, 3, "e1/0"),
        ("e1/2", 2, 3, "e1/1"),
    ]
    assert [(p.action, p.expected_stage, p.target_stage, p.target_status) for p in parts] == [
        ("move", "A", "B", "active"),
        ("move", "B", "C", "active"),
        ("reject", "C", "C", "rejected"),
    ]


def test_what_the_rules_refuse_has_no_intent_and_a_receipt() -> None:
    w = with_change(change(reason="refuse"))
    assert not w.rows(IntentRow)
    assert (receipt(w).result, receipt(w).why, receipt(w).at) == (
        Result.REFUSED,
        "rules: not from A",
        datetime.fromtimestamp(WALL, UTC),
    )
    assert (w.update().open, w.update().result, w.update().delivered) == (0, "refused", 0)


def test_a_plan_of_nothing_is_refused() -> None:
    w = with_change(change(step=None))
    assert (receipt(w).result, receipt(w).why) == (Result.REFUSED, "nothing to write")


def test_a_refusal_goes_before_what_would_have_been_written() -> None:
    w = world(pulled=False)

    def both(update: StatusUpdate, expected: State, job: str | None) -> Plan:
        return evolve(unfolding(update, expected, job), refused="no")

    w.ledger.do(lambda txn: take_in(txn, [change()], connection=CONNECTION, expand=both, wall=WALL))
    assert receipt(w).why == "no" and not w.rows(IntentRow)


def test_the_expansion_is_given_the_job_that_is_known() -> None:
    jobs: list[Any] = []

    def noting(update: StatusUpdate, expected: State, job: str | None) -> Any:
        jobs.append((job, expected))
        return unfolding(update, expected, job)

    w = with_change(change())
    w.ledger.do(lambda txn: unfold(txn, w.update(), State("X", ACTIVE), expand=noting, wall=WALL))
    empty = with_change(change())
    empty.ledger.tables[Known].clear()
    empty.ledger.do(lambda txn: unfold(txn, empty.update(), State("A", ACTIVE), expand=noting, wall=WALL))
    assert jobs == [("j1", State("X", ACTIVE)), (None, State("A", ACTIVE))]


def test_a_change_comes_back_from_the_ledger_as_it_was() -> None:
    whole = change(
        "e9",
        "B",
        sequence=4,
        status="Rejected",
        reason="Unfit",
        base=Base("A", REJECTED, 7, "tok"),
        occurred_at=moment(5),
    )
    bare = change("e8", sequence=None, base=None, actor=None, occurred_at=None)
    w = with_change(whole, bare)
    assert as_update(w.update("e9")) == whole
    assert as_update(w.update("e8")) == bare
    assert base_of(w.update("e9")) == State("A", REJECTED)
    assert base_of(w.update("e8")).status.value == "unknown"


def test_the_year_1970_is_a_time() -> None:
    epoch = datetime.fromtimestamp(0, UTC)
    assert as_update(with_change(change(occurred_at=epoch)).update()).occurred_at == epoch


# -- closing --


def test_a_closed_intent_says_all_there_is() -> None:
    w = with_change(change())
    w.put(evolve(w.intent(), open_attempts=2))
    end(
        w,
        "e1/0",
        Result.APPLIED_OVER_CHANGE,
        "somebody",
        fresh=seen(at=900.0),
        gap=Gap.AUDITED,
        overwritten=("C", "H"),
        evidence={
            "cas": "version",
            "side_effects": ["mail"],
            "answer": 200,
            "write": "move",
            "request_id": "q",
        },
    )
    row = w.intent()
    assert (row.state, row.result, row.why, row.open_attempts) == (
        "closed",
        "applied_over_change",
        "somebody",
        0,
    )
    assert row.before == row.after_state == state_text(State("B", ACTIVE))
    assert (row.read_at, row.gap, row.closed_at) == (moment(900.0).timestamp(), "audited", WALL + 1)
    assert json.loads(row.overwritten or "") == ["C", "H"]
    told = receipt(w)
    assert (told.result, told.why, told.overwritten) == (Result.APPLIED_OVER_CHANGE, "somebody", ("C", "H"))
    assert (told.strength, told.side_effects, told.gap) == (
        CompareAndSet.VERSION,
        (SideEffect.MAIL,),
        Gap.AUDITED,
    )
    assert told.evidence == {"answer": 200, "write": "move", "request_id": "q"}
    assert (told.intent_ids, told.progress, told.read_at) == (("e1/0",), (1, 1), moment(900.0))
    assert (told.event_id, told.application) == ("e1", application_ref())


def test_closing_without_a_read_keeps_what_was_known() -> None:
    w = with_change(change())
    w.put(
        evolve(
            w.intent(),
            before='["A","active",null]',
            after_state='["B","active",null]',
            read_at=5.0,
            gap="unaudited",
            overwritten='["X"]',
            evidence='{"answer": 1}',
            attempts=3,
        )
    )
    end(w, "e1/0", Result.REVIEW)
    row = w.intent()
    assert (row.before, row.after_state) == ('["A","active",null]', '["B","active",null]')
    assert (row.read_at, row.gap, row.overwritten, row.evidence) == (
        5.0,
        "unaudited",
        '["X"]',
        '{"answer": 1}',
    )
    told = receipt(w)
    assert (told.before, told.after) == (State("A", ACTIVE), State("B", ACTIVE))
    assert (told.attempts, told.gap, told.evidence, told.strength) == (3, Gap.UNAUDITED, {"answer": 1}, None)
    assert told.progress == (0, 1)


def test_the_state_before_is_that_before_the_first_write() -> None:
    w = with_change(change())
    w.put(evolve(w.intent(), before=state_text(State("A", ACTIVE))))
    end(w, "e1/0", Result.APPLIED, fresh=seen())
    assert (receipt(w).before, receipt(w).after) == (State("A", ACTIVE), State("B", ACTIVE))


def test_an_intent_that_never_read_anything_has_no_states() -> None:
    w = with_change(change())
    end(w, "e1/0", Result.SUPERSEDED)
    told = receipt(w)
    assert (told.before, told.after, told.base, told.read_at) == (None, None, None, None)
    assert (told.gap, told.attempts, w.intent().before, w.intent().after_state) == (
        Gap.NOT_APPLICABLE,
        0,
        None,
        None,
    )


# -- what the ledger remembers of the re-read --


def test_a_changed_state_gets_a_new_delivery_number_and_the_receipt_carries_it() -> None:
    w = with_change(change())
    w.put(Control(connection=CONNECTION, next_delivery=50))
    end(w, "e1/0", Result.APPLIED, fresh=seen(at=900.0))
    assert w.known() == known(
        stage="B", delivery=50, token="2", read_at=moment(900.0).timestamp(), digest=None
    )
    assert receipt(w).base == Base("B", ACTIVE, 50, "2")
    assert w.row(Control).next_delivery == 51


def test_a_changed_status_or_reason_is_remembered_too() -> None:
    w = with_change(change())
    end(w, "e1/0", Result.CONFLICT, fresh=fresh("A", REJECTED, reason="r1"))
    assert (w.known().status, w.known().reason, w.known().delivery == 7) == ("rejected", "r1", False)


def test_an_unchanged_state_keeps_its_number() -> None:
    w = with_change(change())
    end(w, "e1/0", Result.REFUSED, fresh=seen("A"))
    assert (w.known().delivery, w.known().token) == (7, "2")
    assert receipt(w).base == Base("A", ACTIVE, 7, "2")


def test_an_older_read_teaches_nothing() -> None:
    w = with_change(change())
    there = known(read_at=moment(901.0).timestamp())
    w.put(there)
    end(w, "e1/0", Result.APPLIED, fresh=seen(at=900.0))
    assert w.known() == there


def test_a_read_after_the_clock_was_put_back_counts_and_keeps_the_later_date() -> None:
    ahead = moment(900_000.0).timestamp()
    w = with_change(change())
    w.put(known(read_at=ahead))
    end(w, "e1/0", Result.APPLIED, fresh=seen(at=900.0))
    assert (w.known().stage, w.known().read_at, w.intent("e1/0").read_at) == ("B", ahead, ahead)
    assert receipt(w).read_at == moment(900_000.0)


def test_a_read_of_the_same_moment_counts() -> None:
    w = with_change(change())
    w.put(known(read_at=moment(900.0).timestamp()))
    end(w, "e1/0", Result.APPLIED, fresh=seen(at=900.0))
    assert w.known().stage == "B"


def test_what_was_never_pulled_is_not_remembered() -> None:
    w = with_change(change())
    w.ledger.tables[Known].clear()
    end(w, "e1/0", Result.APPLIED, fresh=seen())
    assert w.known() is None and receipt(w).base is None


# -- chains --


@pytest.mark.parametrize("result", [Result.APPLIED, Result.ALREADY, Result.APPLIED_OVER_CHANGE])
def test_a_chain_goes_on_from_what_was_read(result: Result) -> None:
    w = with_change(change(step="BC"))
    end(w, "e1/0", result, fresh=seen("B"))
    assert (w.intent("e1/1").state, w.intent("e1/1").expected_stage) == ("pending", "B")
    assert w.update().open == 1 and w.update().receipt is None


def test_the_next_part_expects_where_the_vendor_put_it() -> None:
    w = with_change(change(step="", status="Rejected", reason="open"))
    first = w.intent("e1/0")
    w.put(evolve(first, parts=2))
    w.put(evolve(first, intent_id="e1/1", part=1, parts=2, expected_stage="A", target_stage="A"))
    end(w, "e1/0", Result.APPLIED, fresh=fresh("C", REJECTED))
    following = w.intent("e1/1")
    assert (following.expected_stage, following.expected_status) == ("C", "rejected")
    assert following.target_stage == "C"  # it was to stay where it is


def test_a_following_target_of_its_own_or_left_open_stays() -> None:
    w = with_change(change(step="", status="Rejected", reason="open"))
    first = w.intent("e1/0")
    for part, target in ((1, "B"), (2, None)):
        w.put(
            evolve(
                first, intent_id=f"e1/{part}", part=part, expected_stage=target and "A", target_stage=target
            )
        )
    end(w, "e1/0", Result.APPLIED, fresh=fresh("C", REJECTED))
    assert (w.intent("e1/1").target_stage, w.intent("e1/1").expected_stage) == ("B", "C")
    end(w, "e1/1", Result.APPLIED, fresh=fresh("B", REJECTED))
    assert (w.intent("e1/2").target_stage, w.intent("e1/2").expected_stage) == (None, "B")


@pytest.mark.parametrize(
    "result", [Result.CONFLICT, Result.REFUSED, Result.REVIEW, Result.DEAD, Result.SUPERSEDED]
)
def test_a_chain_falls_with_a_part_that_failed(result: Result) -> None:
    w = with_change(change(step="BCH"))
    end(w, "e1/0", Result.APPLIED, "", fresh=seen("B"))
    end(w, "e1/1", result, "because")
    fallen = w.intent("e1/2")
    assert (fallen.state, fallen.result, fallen.closed_at) == ("closed", result.value, WALL + 1)
    assert fallen.why == "fell with part 2 of 3: because"
    told = receipt(w)
    assert (told.result, told.why, told.progress) == (result, "because", (1, 3))
    assert told.intent_ids == ("e1/0", "e1/1", "e1/2")
    assert told.at == datetime.fromtimestamp(WALL + 1, UTC)


def test_the_receipt_carries_the_worst_of_a_chain_and_its_words() -> None:
    w = with_change(change(step="BC"))
    end(w, "e1/0", Result.APPLIED_OVER_CHANGE, "over", fresh=seen("B"), gap=Gap.AUDITED, overwritten=("H",))
    end(w, "e1/1", Result.APPLIED, "", fresh=seen("C", at=1001.0), gap=Gap.UNAUDITED)
    told = receipt(w)
    assert (told.result, told.why, told.gap) == (Result.APPLIED_OVER_CHANGE, "over", Gap.UNAUDITED)
    assert (told.before, told.after, told.progress) == (State("B", ACTIVE), State("C", ACTIVE), (2, 2))
    assert told.overwritten == ("H",)


def test_a_later_part_that_ends_first_leaves_the_chain_open() -> None:
    w = with_change(change(step="BC"))
    w.put(evolve(w.intent("e1/0"), sent=1, state="in_flight"))
    end(w, "e1/1", Result.SUPERSEDED, "changed again")
    assert w.update().open == 1
    end(w, "e1/0", Result.APPLIED, "", fresh=seen("B"))
    told = receipt(w)
    assert (told.result, told.why, told.progress) == (Result.SUPERSEDED, "changed again", (1, 2))


def test_a_change_that_has_ended_is_not_ended_again() -> None:
    w = with_change(change())
    end(w, "e1/0", Result.APPLIED, fresh=seen())
    before = w.update()
    w.put(evolve(w.intent(), state="pending", result=None))
    end(w, "e1/0", Result.REVIEW)
    assert w.update() == before


def test_an_intent_whose_change_is_not_there_ends_alone() -> None:
    w = with_change(change())
    w.ledger.tables[Update].clear()
    end(w, "e1/0", Result.APPLIED, fresh=seen())
    assert w.intent().result == "applied"


def test_of_parts_that_ended_alike_the_one_with_words_is_told() -> None:
    w = with_change(change(step="BC"))
    end(w, "e1/0", Result.APPLIED, "", fresh=seen("B"))
    end(w, "e1/1", Result.APPLIED, "moved on since", fresh=seen("H", at=1001.0))
    assert receipt(w).why == "moved on since"


def test_a_chain_is_in_order_however_it_was_stored() -> None:
    w = with_change(change(step="BC"))
    w.stored_last(w.intent("e1/0"))
    found = w.ledger.look(lambda txn: intents_of(txn, w.update()))
    assert [i.part for i in found] == [0, 1]


def test_intents_are_those_of_one_change_of_one_application() -> None:
    w = with_change(change(step="BC"), change("e2", "H", sequence=2))
    found = w.ledger.look(lambda txn: intents_of(txn, w.update("e1")))
    assert [i.intent_id for i in found] == ["e1/0", "e1/1"]


# -- what is left behind --


def row_after(result: str | None, after: str | None = "B", target: str = "B") -> IntentRow:
    text = state_text(State(after, ACTIVE)) if after else None
    return intent(result=result, after_state=text, target_stage=target, state="closed")


def test_what_was_read_is_left_behind_unless_somebody_moved_on() -> None:
    assert left_by(row_after("applied")) == State("B", ACTIVE)
    assert left_by(row_after("applied", after="C")) == State("B", ACTIVE)
    assert left_by(row_after("applied", after=None)) == State("B", ACTIVE)
    opened = intent(target_stage=None, after_state=state_text(State("C", ACTIVE, "r1")))
    assert left_by(opened) == State("C", ACTIVE, "r1")


@pytest.mark.parametrize(
    "results, left",
    [
        (["applied", "applied"], "C"),
        (["applied", "conflict"], "B"),
        (["already", "refused"], "B"),
        (["applied", "already"], "C"),
        (["applied_over_change", "refused"], "A"),
        (["refused", "refused"], "A"),
        (["review", "review"], "A"),
    ],
)
def test_the_state_that_a_change_left(results: list[str], left: str) -> None:
    w = with_change(change(step="BC"))
    for part, result in enumerate(results):
        w.put(evolve(w.intent(f"e1/{part}"), state="closed", result=result))
    assert w.ledger.look(lambda txn: state_left_by(txn, w.update())) == State(left, ACTIVE)


def test_a_change_without_intents_left_its_base() -> None:
    w = with_change(change(reason="refuse"))
    assert w.ledger.look(lambda txn: state_left_by(txn, w.update())) == State("A", ACTIVE)


def test_a_change_that_waited_is_mapped_on_the_state_that_was_left() -> None:
    w = with_change(change())
    w.put(evolve(w.intent(), sent=1, open_attempts=1, state="in_flight"))
    for event_id, number in (("e3", 9), ("e2", 8)):
        w.put(evolve(w.update(), event_id=event_id, number=number, step="C", waits_for="e1", sequence=number))
    w.put(evolve(w.update(), event_id="e4", application="2", waits_for="e1"))
    w.put(evolve(w.update(), event_id="e5", waits_for="e1", open=0))
    w.put(evolve(w.update(), event_id="e6", waits_for="e0"))
    end(w, "e1/0", Result.APPLIED, fresh=seen())
    assert (w.intent("e2/0").expected_stage, w.intent("e2/0").target_stage) == ("B", "C")
    assert w.update("e2").waits_for is None and w.update("e3").waits_for is None
    assert [i.event_id for i in w.rows(IntentRow)] == ["e1", "e2", "e3"]
    assert [w.row(Update, e).waits_for for e in ("e4", "e5", "e6")] == ["e1", "e1", "e0"]
