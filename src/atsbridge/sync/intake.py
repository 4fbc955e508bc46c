"""Intake: the CRM's changes into the outbox, in one transaction with the feed position."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from attrs import evolve

from ..model import BRIDGE_ACTOR, ApplicationStatus, Base, Kind, Receipt, Ref, Result, StatusUpdate
from .enqueued import content_of
from .leases import control
from .ledger import LONGEST_ID, Txn, Update, Where, storable
from .outbox import Expand, base_of, close_intent, finish, intents_of, state_left_by, unfold
from .receipts import receipt_text

_ODD = re.compile(r"odd/[0-9a-f]{64}")
"""Our own ids, of changes that could not be kept under the CRM's."""
_LATER = "a later change was taken in before it"
_MOST_AHEAD = 86_400.0
"""Seconds: a CRM's clock may be wrong, or go by another time zone."""


def take_in(
    txn: Txn,
    updates: Sequence[StatusUpdate],
    *,
    connection: str,
    expand: Expand,
    wall: float,
    enqueued: bool = False,
) -> list[str]:
    """Put changes into the outbox; returns the event ids taken, duplicates among them.

    A change that cannot be kept, or whose id is another's, is refused in its own receipt and stops
    no other.
    """
    for update in updates:
        odd = next(_oddities(update), "")
        held = None if odd else txn.get(Update, connection, update.event_id)
        if held is not None and not _is_same(held, update):
            odd = "its event id was used before, for another change"
        if odd:
            _refuse(txn, update, odd, connection, wall)
        elif held is None:
            _take(txn, update, connection, expand, wall, enqueued=enqueued)
        else:
            _tell_again(txn, held)
    return [update.event_id for update in updates]


def _tell_again(txn: Txn, held: Update) -> None:
    """Delivered once more: the same outcome, if there is one, is told once more."""
    if not held.open:
        txn.put([evolve(held, delivered=0)])


def _is_same(held: Update, update: StatusUpdate) -> bool:
    """Whether it is the change that was taken in under its id, delivered once more."""
    was = (held.application, held.step, held.status, held.reason)
    return was == content_of(update)


def _oddities(update: StatusUpdate) -> Iterator[str]:
    """Why a ledger cannot keep a change, with the field's name. A CRM of the user's own may give anything."""
    base, application = update.base, update.application
    if not isinstance(application, Ref):
        yield "its application is no Ref"
        return
    if base is not None and not isinstance(base, Base):
        yield "its base is no Base"
        return
    needed: dict[str, object] = {"event_id": update.event_id, "application": application.id}
    texts = {**needed, **{name: getattr(update, name) for name in ("step", "status", "reason", "actor")}}
    numbers: dict[str, object] = {"sequence": update.sequence}
    if base is not None:
        texts |= {"base.stage": base.stage, "base.token": base.token}
        numbers["base.delivery"] = base.delivery
        if not isinstance(base.status, ApplicationStatus):
            yield "its base.status is no ApplicationStatus"
        if base.delivery is None:
            yield "its base.delivery is missing"
    for name, text in texts.items():
        if text is None or text == "":
            if name in needed:
                yield f"its {name} is missing"
        elif not isinstance(text, str) or storable(text) != text:
            yield f"its {name} is no text in Unicode"
        elif name in needed and len(text) > LONGEST_ID:
            yield f"its {name} is longer than {LONGEST_ID} characters"
    for name, number in numbers.items():
        if number is not None and not (type(number) is int and -(2**63) <= number < 2**63):
            yield f"its {name} is no whole number of 64 bits"
    if update.occurred_at is not None and not _is_time(update.occurred_at):
        yield "its occurred_at is no time in UTC"


def _is_time(value: object) -> bool:
    try:
        return isinstance(value, datetime) and bool(datetime.fromtimestamp(value.timestamp(), UTC))
    except (ValueError, OverflowError, OSError):
        return False


def _refuse(txn: Txn, update: StatusUpdate, odd: str, connection: str, wall: float) -> None:
    """End a change that cannot be kept, alone: its receipt has the CRM's id as text, the row one of ours."""
    application = update.application
    if not isinstance(application, Ref):
        application = Ref(connection, Kind.APPLICATION, "")
    application = evolve(application, id=storable(application.id))
    content = repr((update.event_id, update.application, update.step, update.status, update.reason))
    key = f"odd/{sha256(storable(content).encode()).hexdigest()}"
    held = txn.get(Update, connection, key)
    if held is not None:
        _tell_again(txn, held)
        return
    receipt = Receipt(
        event_id=storable(update.event_id),
        application=application,
        result=Result.REFUSED,
        why=f"the CRM's change cannot be taken in: {odd}",
        at=datetime.fromtimestamp(wall, UTC),
    )
    row = Update(
        connection=connection,
        event_id=key,
        application=application.id[:LONGEST_ID],
        number=_next_number(txn, connection),
        taken_at=wall,
        open=0,
        result=receipt.result.value,
        receipt=receipt_text(receipt),
    )
    txn.put([row])


def _next_number(txn: Txn, connection: str) -> int:
    counters = control(txn, connection)
    txn.put([evolve(counters, next_number=counters.next_number + 1)])
    return counters.next_number


def _take(
    txn: Txn, update: StatusUpdate, connection: str, expand: Expand, wall: float, *, enqueued: bool
) -> None:
    number = _next_number(txn, connection)
    row = evolve(_row(update, connection, number=number, wall=wall), enqueued=int(enqueued))
    earlier = [u for u in _updates_of(txn, row) if not u.by_bridge]
    if row.by_bridge:
        finish(txn, row, result=Result.ALREADY, why="the bridge's own write came back", wall=wall)
        return
    if any(_order(u) > _order(row) for u in earlier):
        unnumbered = row.sequence is None and any(u.sequence is not None for u in earlier)
        why = "it has no sequence, and one that was taken in before it has" if unnumbered else _LATER
        finish(txn, row, result=Result.SUPERSEDED, why=why, wall=wall)
        return
    # The newest first: one that waits must have ended before the one it waits for.
    for older in reversed(earlier):
        why = "the recruiter changed it again"
        end_unsent(txn, older, result=Result.SUPERSEDED, why=why, wall=wall, expand=expand)
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


def _order(row: Update) -> tuple[Any, ...]:
    """By the CRM's sequence; where it has none, by the time of the change and its id, else by arrival.

    A sequence stays an int: as floats, neighbours beyond 2**53 are one number. A time that is days
    ahead of its arrival is no time of a change, and would make all that follow older: arrival counts.
    """
    if row.sequence is not None:
        return True, row.sequence
    if row.occurred_at is not None:
        absurd = row.occurred_at > row.taken_at + _MOST_AHEAD
        at = row.taken_at if absurd else row.occurred_at
        return False, at, row.occurred_at, row.event_id, row.number
    return False, row.taken_at, row.taken_at, "", row.number


def newer_exists(txn: Txn, row: Update) -> bool:
    """Whether a later change of the same application has been taken in."""
    return any(_order(u) > _order(row) for u in _updates_of(txn, row) if not u.by_bridge)


def _updates_of(txn: Txn, row: Update) -> list[Update]:
    where = Where(equal={"connection": row.connection, "application": row.application})
    # What could not be kept is no change that another could be older than.
    return [u for u in txn.find(Update, where, order=("number",)) if not _ODD.fullmatch(u.event_id)]


def end_unsent(txn: Txn, update: Update, *, result: Result, why: str, wall: float, expand: Expand) -> None:
    """Close every intent of a change that nothing was sent for."""
    if not update.open:
        return
    if update.waits_for is not None:
        finish(txn, update, result=result, why=why, wall=wall)
        return
    for intent in intents_of(txn, update):
        if intent.state != "closed" and not intent.sent:
            close_intent(txn, intent, result=result, why=why, wall=wall, expand=expand)
            return


def _was_sent(txn: Txn, row: Update) -> bool:
    """Found there already is not enough: that was somebody else's move, which the recruiter has not seen."""
    return any(i.sent for i in intents_of(txn, row))
