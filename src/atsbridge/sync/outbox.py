"""The outbox: how a change becomes a chain of intents, and how each of them ends.

Functions on a `Txn`, so that every step of the protocol is one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from attrs import evolve, frozen

from ..ats.interface import Fresh, PlannedWrite
from ..model import (
    WORST_FIRST,
    Action,
    ApplicationStatus,
    Base,
    Gap,
    Kind,
    Ref,
    Result,
    State,
    StatusUpdate,
)
from .ages import overtaken
from .leases import reserve_deliveries
from .ledger import IntentRow, Known, Txn, Update, Where
from .policy import expected_of, target_of
from .receipts import GOES_ON, make_receipt, parse_state, receipt_text, state_text

_LEFT_BEHIND = (Result.APPLIED.value, Result.ALREADY.value)


@frozen(kw_only=True)
class Plan:
    """What a change comes to: a chain of single writes, or why it does not leave."""

    writes: Sequence[PlannedWrite] = ()
    refused: str = ""
    acting_user: str | None = None
    not_after: float | None = None


Expand = Callable[[StatusUpdate, State, str | None], Plan]
"""Maps a change on an expected state (and the job's id) to a chain, and checks scope, mode and rules."""


def as_update(row: Update) -> StatusUpdate:
    """The change as the CRM gave it."""
    base = None
    if row.base_status is not None:
        base = Base(row.base_stage, ApplicationStatus(row.base_status), row.base_delivery, row.base_token)
    return StatusUpdate(
        event_id=row.event_id,
        application=Ref(row.connection, Kind.APPLICATION, row.application),
        step=row.step,
        status=row.status,
        reason=row.reason,
        base=base,
        actor=row.actor,
        sequence=row.sequence,
        occurred_at=datetime.fromtimestamp(row.occurred_at, UTC) if row.occurred_at is not None else None,
    )


def base_of(row: Update) -> State:
    return State(row.base_stage, ApplicationStatus(row.base_status or ApplicationStatus.UNKNOWN))


def intents_of(txn: Txn, row: Update | IntentRow) -> list[IntentRow]:
    """The chain of a change, in order."""
    where = Where(
        equal={"connection": row.connection, "application": row.application, "event_id": row.event_id}
    )
    return txn.find(IntentRow, where, order=("part",))


def state_left_by(txn: Txn, row: Update) -> State:
    """What a later change on the same base may expect, once this one has ended."""
    intents = intents_of(txn, row)
    for intent in reversed(intents):
        if intent.result in _LEFT_BEHIND:
            return left_by(intent)
    return expected_of(intents[0]) if intents else base_of(row)


def left_by(intent: IntentRow) -> State:
    """What an intent has left behind: as it was re-read, unless the ATS has moved on since.

    Where somebody has moved on, that is theirs: nothing of ours may expect it.
    """
    target = target_of(intent)
    read = parse_state(intent.after_state) if intent.after_state else target
    return read if read.meets(target) else target


def unfold(txn: Txn, row: Update, expected: State, *, expand: Expand, wall: float) -> None:
    """Map a change on the state it expects, and put its chain into the outbox."""
    known = txn.get(Known, row.connection, Kind.APPLICATION.value, row.application)
    plan = expand(as_update(row), expected, known.job if known else None)
    opened = evolve(row, waits_for=None)
    txn.put([opened])
    if plan.refused or not plan.writes:
        finish(txn, opened, result=Result.REFUSED, why=plan.refused or "nothing to write", wall=wall)
        return
    previous: str | None = None
    for part, planned in enumerate(plan.writes):
        intent = _intent(row, planned, plan, part=part, previous=previous)
        txn.put([intent])
        previous = intent.intent_id


def _intent(row: Update, planned: PlannedWrite, plan: Plan, *, part: int, previous: str | None) -> IntentRow:
    return IntentRow(
        connection=row.connection,
        intent_id=f"{row.event_id}/{part}",
        event_id=row.event_id,
        application=row.application,
        number=row.number,
        part=part,
        parts=len(plan.writes),
        action=Action(planned.action).value,
        target_stage=planned.target.stage,
        target_status=planned.target.status.value,
        target_reason=planned.target.reason,
        expected_stage=planned.expected.stage,
        expected_status=planned.expected.status.value,
        acting_user=plan.acting_user,
        after=previous,
        not_after=plan.not_after,
    )


def close_intent(
    txn: Txn,
    intent: IntentRow,
    *,
    result: Result,
    why: str,
    wall: float,
    expand: Expand,
    fresh: Fresh | None = None,
    gap: Gap | None = None,
    overwritten: tuple[str, ...] = (),
    evidence: Mapping[str, Any] | None = None,
) -> None:
    """End an intent; its chain goes on from the state re-read, or falls with it."""
    known, read_at = _known_before(txn, intent, fresh, wall) if fresh else (None, intent.read_at)
    closed = evolve(
        intent,
        state="closed",
        result=result.value,
        why=why,
        open_attempts=0,
        before=intent.before or (state_text(fresh.state) if fresh else None),
        after_state=state_text(fresh.state) if fresh else intent.after_state,
        read_at=read_at,
        gap=gap.value if gap else intent.gap,
        overwritten=json.dumps(overwritten) if overwritten else intent.overwritten,
        evidence=json.dumps(dict(evidence)) if evidence else intent.evidence,
        closed_at=wall,
    )
    txn.put([closed])
    if known is not None and fresh is not None:
        _remember(txn, known, fresh)
    rest = [i for i in intents_of(txn, closed) if i.part > closed.part and i.state != "closed"]
    if rest and result in GOES_ON:
        _pass_on(txn, closed, rest[0])
        return
    for fallen in rest:
        words = f"fell with part {closed.part + 1} of {closed.parts}: {why}"
        txn.put([evolve(fallen, state="closed", result=result.value, why=words, closed_at=wall)])
    if any(i.state != "closed" for i in intents_of(txn, closed)):
        return  # an earlier part is still on its way; the chain ends with it
    update = txn.get(Update, closed.connection, closed.event_id)
    if update is not None and update.open:
        _finish_chain(txn, update, wall=wall, expand=expand)


def _pass_on(txn: Txn, closed: IntentRow, following: IntentRow) -> None:
    """The next part expects the result of this one, as it was read."""
    left = left_by(closed)
    changes: dict[str, Any] = {"expected_stage": left.stage, "expected_status": left.status.value}
    # A target that leaves the stage open (None) stays open.
    if following.target_stage is not None and following.target_stage == following.expected_stage:
        changes["target_stage"] = left.stage
    txn.put([evolve(following, **changes)])


def _known_before(txn: Txn, intent: IntentRow, fresh: Fresh, wall: float) -> tuple[Known | None, float]:
    """What a read is to replace, dated as that read; None where the read teaches nothing. And that date."""
    read_at = fresh.application.read_at.timestamp()
    known = txn.get(Known, intent.connection, Kind.APPLICATION.value, intent.application)
    if known is None or overtaken(read_at, held=known.read_at, now=wall):
        return None, read_at
    read_at = max(read_at, known.read_at)
    return evolve(known, read_at=read_at), read_at


def _remember(txn: Txn, known: Known, fresh: Fresh) -> None:
    """What the ATS last said, with a new delivery number where stage or status changed."""
    state = fresh.state
    same = (known.stage, known.status) == (state.stage, state.status.value)
    number = known.delivery if same else reserve_deliveries(txn, known.connection, 1)
    txn.put(
        [
            evolve(
                known,
                stage=state.stage,
                status=state.status.value,
                reason=state.reason,
                token=fresh.application.token,
                delivery=number,
                digest=None,
            )
        ]
    )


def _finish_chain(txn: Txn, update: Update, *, wall: float, expand: Expand) -> None:
    intents = intents_of(txn, update)
    results = [Result(i.result) for i in intents if i.result is not None]
    worst = min(results, key=WORST_FIRST.index)
    why = next((i.why for i in intents if i.result == worst.value and i.why), "")
    finish(txn, update, result=worst, why=why, wall=wall, intents=intents)
    _release(txn, update, wall=wall, expand=expand)


def _release(txn: Txn, update: Update, *, wall: float, expand: Expand) -> None:
    """Changes that waited for this one are mapped now, on the state it left."""
    where = Where(
        equal={
            "connection": update.connection,
            "application": update.application,
            "waits_for": update.event_id,
            "open": 1,
        }
    )
    for waiting in txn.find(Update, where, order=("number",)):
        unfold(txn, waiting, state_left_by(txn, update), expand=expand, wall=wall)


def finish(
    txn: Txn, update: Update, *, result: Result, why: str, wall: float, intents: list[IntentRow] | None = None
) -> None:
    """End a change: its receipt is written with it, and delivered later."""
    receipt = make_receipt(txn, update, result, why, intents or [], wall)
    ended = evolve(update, open=0, waits_for=None, result=result.value, receipt=receipt_text(receipt))
    txn.put([ended])
