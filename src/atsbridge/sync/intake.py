"""Intake: the CRM's changes into the outbox, in one transaction with the feed position."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from ..model import BRIDGE_ACTOR, Result, StatusUpdate
from .leases import control
from .ledger import Txn, Update, Where
from .outbox import Expand, base_of, close_intent, finish, intents_of, state_left_by, unfold


def take_in(
    txn: Txn, updates: Sequence[StatusUpdate], *, connection: str, expand: Expand, wall: float
) -> list[str]:
    """Put changes into the outbox; returns the event ids taken, duplicates among them."""
    for update in updates:
        held = txn.get(Update, connection, update.event_id)
        if held is None:
            _take(txn, update, connection, expand, wall)
        elif not held.open:
            # Delivered once more: the same outcome is told once more.
            txn.put([evolve(held, delivered=0)])
    return [update.event_id for update in updates]


def _take(txn: Txn, update: StatusUpdate, connection: str, expand: Expand, wall: float) -> None:
    counters = control(txn, connection)
    row = _row(update, connection, number=counters.next_number, wall=wall)
    txn.put([evolve(counters, next_number=counters.next_number + 1)])
    earlier = [u for u in _updates_of(txn, row) if not u.by_bridge]
    if row.by_bridge:
        finish(txn, row, result=Result.ALREADY, why="the bridge's own write came back", wall=wall)
        return
    if any(_order(u) > _order(row) for u in earlier):
        finish(txn, row, result=Result.SUPERSEDED, why="a later change was taken in before it", wall=wall)
        return
    # The newest first: one that waits must have ended before the one it waits for.
    for older in reversed(earlier):
        _supersede(txn, older, by=row, wall=wall, expand=expand)
    if row.base_status is None:
        why = "no base: the CRM did not say which ATS state the recruiter saw"
        finish(txn, row, result=Result.REFUSED, why=why, wall=wall)
        return
    sent = [u for u in earlier if u.base_delivery == row.base_delivery and _was_sent(txn, u)]
    if not sent:
        unfold(txn, row, base_of(row), expand=expand, wall=wall)
        return
    latest = txn.get(Update, connection, max(sent, key=_order).event_id)
    assert latest is not None  # noqa: S101 - read in this transaction
    if latest.open:
        txn.put([evolve(row, waits_for=latest.event_id)])
    else:
        unfold(txn, row, state_left_by(txn, latest), expand=expand, wall=wall)


def _row(update: StatusUpdate, connection: str, *, number: int, wall: float) -> Update:
    base = update.base
    return Update(
        connection=connection,
        event_id=update.event_id,
        application=update.application.id,
        number=number,
        sequence=update.sequence,
        step=update.step,
        status=update.status,
        reason=update.reason,
        base_stage=base.stage if base else None,
        base_status=base.status.value if base else None,
        base_delivery=base.delivery if base else 0,
        base_token=base.token if base else None,
        by_bridge=int(update.actor == BRIDGE_ACTOR),
        actor=update.actor,
        occurred_at=update.occurred_at.timestamp() if update.occurred_at else None,
        taken_at=wall,
    )


def _order(row: Update) -> tuple[float, str]:
    """By the CRM's sequence; where it has none, by the time of the change and its id."""
    if row.sequence is not None:
        return float(row.sequence), ""
    return (row.occurred_at or row.taken_at), row.event_id


def newer_exists(txn: Txn, row: Update) -> bool:
    """Whether a later change of the same application has been taken in."""
    return any(_order(u) > _order(row) for u in _updates_of(txn, row) if not u.by_bridge)


def _updates_of(txn: Txn, row: Update) -> list[Update]:
    where = Where(equal={"connection": row.connection, "application": row.application})
    return txn.find(Update, where, order=("number",))


def _supersede(txn: Txn, older: Update, *, by: Update, wall: float, expand: Expand) -> None:
    """Close every intent of an older change that nothing was sent for."""
    if not older.open:
        return
    why = "the recruiter changed it again"
    if older.waits_for is not None:
        finish(txn, older, result=Result.SUPERSEDED, why=why, wall=wall)
        return
    for intent in intents_of(txn, older):
        if intent.state != "closed" and not intent.sent:
            close_intent(txn, intent, result=Result.SUPERSEDED, why=why, wall=wall, expand=expand)
            return


def _was_sent(txn: Txn, row: Update) -> bool:
    """Found there already is not enough: that was somebody else's move, which the recruiter has not seen."""
    return any(i.sent for i in intents_of(txn, row))
