"""Whether a change is still open in the CRM: asked before its first write.

A ledger that was put back from a copy holds changes as unsent that have ended
since. The CRM was told how: it holds a change as open until it has its receipt.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve, frozen

from ..model import Kind, Ref, Result
from ..wire.effects import Flow, perform
from .context import Context
from .intake import end_unsent
from .ledger import IntentRow, Txn, Update, Where
from .outbox import Expand

_ENDED = "the CRM no longer holds it as open: a ledger newer than this one may have written it"


@frozen
class _Looked:
    """Open changes that no write was tried for, and every event id that is known of their applications."""

    untried: Sequence[Update]
    known: frozenset[str]


def still_open(ctx: Context, names: Sequence[str], *, expand: Expand) -> Flow[list[str]]:
    """The applications to go on with, of those that are due.

    What has ended in the CRM ends here as REVIEW. Where the CRM holds a change
    that was not taken in, its application waits for the next intake.
    """
    looked = yield from perform(lambda: ctx.ledger.look(lambda txn: _look(txn, ctx, names)))
    if not looked.untried:
        return list(names)
    held = yield from ctx.crm.statuses(sorted({_ref(update) for update in looked.untried}))
    # Of an application that the CRM does not know it cannot say what is open.
    told = [(update, held[_ref(update)].event_id) for update in looked.untried if _ref(update) in held]
    ended = [update.event_id for update, event in told if event is None]
    if ended:
        yield from perform(lambda: ctx.ledger.do(lambda txn: _end(txn, ctx, ended, expand)))
    waiting = {update.application for update, event in told if event not in looked.known}
    return [name for name in names if name not in waiting]


def _ref(update: Update) -> Ref:
    return Ref(update.connection, Kind.APPLICATION, update.application)


def _look(txn: Txn, ctx: Context, names: Sequence[str]) -> _Looked:
    theirs = Where(equal={"connection": ctx.connection}, among={"application": list(names)})
    updates = txn.find(Update, theirs)
    tried = {intent.event_id for intent in txn.find(IntentRow, evolve(theirs, above={"attempts": 0}))}
    untried = [u for u in updates if u.open and u.event_id not in tried]
    return _Looked(untried, frozenset(u.event_id for u in updates))


def _end(txn: Txn, ctx: Context, event_ids: Sequence[str], expand: Expand) -> None:
    wall = ctx.now().timestamp()
    for update in txn.get_many(Update, (ctx.connection,), event_ids).values():
        end_unsent(txn, update, result=Result.REVIEW, why=_ENDED, wall=wall, expand=expand)
