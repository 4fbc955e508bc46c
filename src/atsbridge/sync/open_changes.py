"""What is asked again before the first write of a change: may it leave, and is it open in the CRM?

A change may wait for hours, over a cap say, and the mapping change meanwhile: its
mode, its scope, its rules. And a ledger that was put back from a copy holds changes
as unsent that have ended since, or been replaced. The CRM knows: it holds a change
as open until it has its receipt, or the recruiter has changed the application again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve

from ..model import Kind, Ref, Result
from ..wire.effects import Flow, perform
from .context import Context
from .intake import end_unsent
from .ledger import IntentRow, Known, Txn, Update, Where
from .outbox import Expand, as_update, intents_of
from .policy import expected_of

_ENDED = "the CRM no longer holds it as open: a ledger newer than this one may have written it"
_REPLACED = "the CRM holds a later change in its place"


def end_forbidden(ctx: Context, *, expand: Expand) -> Flow[None]:
    """What the mapping lets leave no more ends as REFUSED, with the rule, as it would at intake."""

    def find(txn: Txn) -> list[tuple[Update, str]]:
        found = ((u, _refusal(txn, u, expand)) for u in txn.find(Update, Where(equal={**mine, "open": 1})))
        return [(update, why) for update, why in found if why]

    def end(txn: Txn) -> None:
        for update, why in find(txn):
            _end(txn, ctx, [update], result=Result.REFUSED, why=why, expand=expand)

    mine = {"connection": ctx.connection}
    if (yield from perform(lambda: ctx.ledger.look(find))):
        yield from perform(lambda: ctx.ledger.do(end))


def _refusal(txn: Txn, update: Update, expand: Expand) -> str:
    """Why the mapping, as it is now, does not let the rest of a change leave; empty where it does."""
    intents = intents_of(txn, update)
    if all(intent.sent or intent.state == "closed" for intent in intents):
        return ""  # nothing is left; or it waits for another, and is mapped when that has ended
    known = txn.get(Known, update.connection, Kind.APPLICATION.value, update.application)
    return expand(as_update(update), expected_of(intents[0]), known.job if known else None).refused


def end_closed(ctx: Context, names: Sequence[str], *, expand: Expand) -> Flow[None]:
    """Of the applications that are due: what the CRM does not hold as open ends here too.

    As REVIEW where it holds none of the application; as SUPERSEDED where it holds another, which
    this ledger has yet to take in, or has lost.
    """
    # Of one that was enqueued in the ledger itself the CRM need not know.
    theirs = Where(equal={"connection": ctx.connection, "enqueued": 0}, among={"application": list(names)})
    untried = yield from perform(lambda: ctx.ledger.look(lambda txn: _untried(txn, theirs)))
    if not untried:
        return
    held = yield from ctx.crm.statuses(sorted({_ref(update) for update in untried}))
    # Of an application that the CRM does not know it cannot say what is open.
    holds = {ref.id: one.event_id for ref, one in held.items()}
    gone = [u for u in untried if holds.get(u.application, u.event_id) != u.event_id]
    if gone:
        yield from perform(lambda: ctx.ledger.do(lambda txn: _end_all(txn, ctx, gone, holds, expand)))


def _ref(update: Update) -> Ref:
    return Ref(update.connection, Kind.APPLICATION, update.application)


def _untried(txn: Txn, where: Where) -> list[Update]:
    """Open changes that no write was tried for."""
    found = txn.find(Update, evolve(where, equal={**where.equal, "open": 1}))
    of_theirs = {"application": list(dict.fromkeys(update.application for update in found))}
    connection = {"connection": where.equal["connection"]}
    tries = Where(equal=connection, among=of_theirs, above={"attempts": 0})
    tried = {intent.event_id for intent in txn.find(IntentRow, tries)} if found else set()
    return [update for update in found if update.event_id not in tried]


def _end_all(
    txn: Txn, ctx: Context, gone: Sequence[Update], holds: Mapping[str, str | None], expand: Expand
) -> None:
    others = [other for u in gone if (other := holds[u.application]) is not None]
    here = txn.get_many(Update, (ctx.connection,), others).values()
    judged = {u.event_id for u in here if u.open or u.result == Result.SUPERSEDED.value}
    for update in txn.get_many(Update, (ctx.connection,), [u.event_id for u in gone]).values():
        other = holds[update.application]
        if other is None:
            _end(txn, ctx, [update], result=Result.REVIEW, why=_ENDED, expand=expand)
        elif other not in judged:  # of two that are open here, or were, their order decides
            _end(txn, ctx, [update], result=Result.SUPERSEDED, why=_REPLACED, expand=expand)


def _end(
    txn: Txn, ctx: Context, updates: Sequence[Update], *, result: Result, why: str, expand: Expand
) -> None:
    wall = ctx.now().timestamp()
    for update in updates:
        end_unsent(txn, update, result=result, why=why, wall=wall, expand=expand)
