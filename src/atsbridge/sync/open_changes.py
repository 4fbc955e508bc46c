"""Whether a change is still open in the CRM: asked before its first write.

A ledger that was put back from a copy holds changes as unsent that have ended
since. The CRM was told how: it holds a change as open until it has its receipt.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from ..model import Kind, Ref, Result
from ..wire.effects import Flow, perform
from .context import Context
from .intake import end_unsent
from .ledger import IntentRow, Txn, Update, Where
from .outbox import Expand

_ENDED = "the CRM no longer holds it as open: a ledger newer than this one may have written it"


def end_closed(ctx: Context, names: Sequence[str], *, expand: Expand) -> Flow[None]:
    """Of the applications that are due: what has ended in the CRM ends here too, as REVIEW."""
    untried = yield from perform(lambda: ctx.ledger.look(lambda txn: _untried(txn, ctx, names)))
    if not untried:
        return
    held = yield from ctx.crm.statuses(sorted({_ref(update) for update in untried}))
    # Of an application that the CRM does not know it cannot say what is open; and where it holds another
    # change, that one comes by the feed.
    closed = {ref for ref, one in held.items() if one.event_id is None}
    ended = [update.event_id for update in untried if _ref(update) in closed]
    if ended:
        yield from perform(lambda: ctx.ledger.do(lambda txn: _end(txn, ctx, ended, expand)))


def _ref(update: Update) -> Ref:
    return Ref(update.connection, Kind.APPLICATION, update.application)


def _untried(txn: Txn, ctx: Context, names: Sequence[str]) -> list[Update]:
    """Open changes of the CRM's feed that no write was tried for.

    Of one that was enqueued in the ledger itself the CRM need not know.
    """
    theirs = Where(equal={"connection": ctx.connection}, among={"application": list(names)})
    tried = {intent.event_id for intent in txn.find(IntentRow, evolve(theirs, above={"attempts": 0}))}
    open_ones = evolve(theirs, equal={**theirs.equal, "open": 1, "enqueued": 0})
    return [u for u in txn.find(Update, open_ones) if u.event_id not in tried]


def _end(txn: Txn, ctx: Context, event_ids: Sequence[str], expand: Expand) -> None:
    wall = ctx.now().timestamp()
    for update in txn.get_many(Update, (ctx.connection,), event_ids).values():
        end_unsent(txn, update, result=Result.REVIEW, why=_ENDED, wall=wall, expand=expand)
