"""Receipts as text and back, and what a chain comes to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve
from sync_world import ACTIVE, REJECTED, application_ref, intent, world
from tiny_ats import CONNECTION, moment

from atsbridge.model import (
    Base,
    CompareAndSet,
    Gap,
    Receipt,
    Result,
    SideEffect,
    State,
    Words,
)
from atsbridge.sync.ledger import Known, Update
from atsbridge.sync.receipts import (
    GOES_ON,
    make_receipt,
    parse_receipt,
    parse_state,
    receipt_text,
    state_text,
)

UPDATE = Update(connection=CONNECTION, event_id="e1", application="1", number=1)


def made(*intents: Any, known: Known | None = None) -> Receipt:
    w = world(pulled=False)
    if known is not None:
        w.put(known)
    return w.ledger.look(lambda txn: make_receipt(txn, UPDATE, Result.APPLIED, "w", list(intents), 7.0))


@pytest.mark.parametrize("state", [State(None, ACTIVE), State("A", REJECTED, "r1"), State('"\n', ACTIVE)])
def test_a_state_comes_back_as_it_was(state: State) -> None:
    assert parse_state(state_text(state)) == state


def test_a_receipt_comes_back_as_it_was() -> None:
    full = Receipt(
        event_id="e1",
        application=application_ref(),
        result=Result.APPLIED_OVER_CHANGE,
        why="w",
        intent_ids=("e1/0",),
        before=State("A", ACTIVE),
        after=State("B", REJECTED, "r"),
        overwritten=("C",),
        progress=(1, 2),
        strength=CompareAndSet.STAGE,
        gap=Gap.AUDITED,
        side_effects=(SideEffect.MAIL,),
        evidence={"answer": 200, "request_id": "q"},
        attempts=2,
        at=moment(1),
        read_at=moment(2),
        base=Base("B", REJECTED, 7, "t"),
        words=Words("B", "Rejected", None),
    )
    bare = Receipt(event_id="e1", application=application_ref(), result=Result.REFUSED)
    assert parse_receipt(receipt_text(full)) == full
    assert parse_receipt(receipt_text(bare)) == bare


def test_of_a_chain_the_first_before_the_last_after_and_the_last_evidence() -> None:
    told = made(
        intent(
            before=state_text(State("A", ACTIVE)),
            after_state=state_text(State("B", ACTIVE)),
            read_at=3.0,
            evidence='{"cas": "none", "answer": 200}',
            attempts=2,
            result="applied",
            overwritten='["X"]',
        ),
        intent(
            intent_id="e1/1",
            before=state_text(State("B", ACTIVE)),
            after_state=state_text(State("C", ACTIVE)),
            read_at=4.0,
            evidence='{"cas": "stage", "answer": 204, "side_effects": ["mail"], "secret": 1}',
            attempts=1,
            result="refused",
            overwritten='["Y"]',
        ),
        intent(intent_id="e1/2"),
    )
    assert (told.before, told.after) == (State("A", ACTIVE), State("C", ACTIVE))
    assert (told.read_at, told.at) == (datetime.fromtimestamp(4, UTC), datetime.fromtimestamp(7, UTC))
    assert (told.strength, told.evidence) == (CompareAndSet.STAGE, {"answer": 204})
    assert (told.attempts, told.progress, told.overwritten) == (3, (1, 3), ("X", "Y"))
    assert told.intent_ids == ("e1/0", "e1/1", "e1/2") and told.side_effects == (SideEffect.MAIL,)


@pytest.mark.parametrize(
    "gaps, weakest",
    [
        ([], Gap.NOT_APPLICABLE),
        (["not_applicable"], Gap.NOT_APPLICABLE),
        (["audited", "not_applicable"], Gap.AUDITED),
        (["audited", "unaudited"], Gap.UNAUDITED),
    ],
)
def test_the_gap_of_a_chain_is_its_weakest(gaps: list[str], weakest: Gap) -> None:
    assert made(*(intent(gap=gap) for gap in gaps)).gap is weakest


def test_the_next_base_is_what_the_ledger_has_delivered() -> None:
    known = Known(
        connection=CONNECTION,
        kind="application",
        id="1",
        digest=None,
        read_at=0.0,
        stage="B",
        status="active",
        delivery=9,
        token="t",
    )
    after = intent(after_state=state_text(State("B", ACTIVE)))
    assert made(after, known=known).base == Base("B", ACTIVE, 9, "t")
    assert made(after).base is None
    assert made(intent(), known=known).base is None  # nothing was read
    assert made(after, known=evolve(known, status=None)).base is None


def test_a_chain_goes_on_after_what_reached_its_target() -> None:
    assert set(GOES_ON) == {Result.APPLIED, Result.ALREADY, Result.APPLIED_OVER_CHANGE}
