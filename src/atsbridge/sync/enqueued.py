"""Changes that a CRM has put into the ledger within a transaction of its own, until intake takes them."""

from __future__ import annotations

from datetime import UTC, datetime

from attrs import evolve
from cattrs.preconf.json import make_converter

from ..model import StatusUpdate
from .ledger import Enqueued, Txn, Where

_CONVERTER = make_converter()


def enqueued(update: StatusUpdate) -> Enqueued:
    """A change as a row. One that has neither sequence nor time has this one: rows have no order."""
    if update.sequence is None and update.occurred_at is None:
        update = evolve(update, occurred_at=datetime.now(UTC))
    return Enqueued(
        connection=update.application.connection,
        event_id=update.event_id,
        change=_CONVERTER.dumps(update),
    )


def is_repeat(row: Enqueued, kept: str) -> bool:
    """Whether the change that is kept under a row's event id is the row's, by what intake goes by."""
    was, now = (_CONVERTER.loads(change, StatusUpdate) for change in (kept, row.change))
    return content_of(was) == content_of(now)


def content_of(update: StatusUpdate) -> tuple[object, ...]:
    """What makes it this change and no other, whatever its id is."""
    return update.application.id, update.step, update.status, update.reason


def any_enqueued(txn: Txn, connection: str) -> bool:
    return txn.count(Enqueued, Where(equal={"connection": connection})) > 0


def take_enqueued(txn: Txn, connection: str, *, limit: int) -> list[StatusUpdate]:
    """Take so many changes at the most out of the ledger's table: by their ids, since more may have come."""
    rows = txn.find(Enqueued, Where(equal={"connection": connection}), order=("event_id",), limit=limit)
    taken = Where(equal={"connection": connection}, among={"event_id": [row.event_id for row in rows]})
    txn.delete(Enqueued, taken)
    return [_CONVERTER.loads(row.change, StatusUpdate) for row in rows]
