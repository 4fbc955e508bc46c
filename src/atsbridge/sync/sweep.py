"""The periodic sweep: finds what may have been deleted, and asks about each before believing it.

Listings shift under their reader, so a record that no page showed is only a
candidate for deletion. Each is confirmed by a read of its own.
"""

from __future__ import annotations

from attrs import evolve

from ..errors import BadRecord, GuardError, Refused, TooManyGone, Unavailable
from ..model import Kind, Ref, Tombstone
from ..wire.effects import Failed, Flow, perform, together
from .context import Context
from .inbound import Puller, PullReport, begin, pull
from .leases import control
from .ledger import Known, Txn, Where
from .pages import Sorted, tombstone

_AT_ONCE = 8
_CHUNK = 200


def sweep(ctx: Context, *, limit: float = 0.1) -> Flow[PullReport]:
    """Read everything that can be swept, and bury what is confirmed to be gone.

    Args:
        limit: the share of the known records that may seem gone before a person is asked; 1.0 asks nobody.

    Raises:
        TooManyGone: more than that (and more than 20) was not shown, or of a kind nothing at all: so
            it looks where the credential has lost a permission, and no error says so.
    """
    streams = ctx.ats.sweeps()
    if not streams:
        # The vendor lists its deletions: the ordinary pull reads them.
        return (yield from pull(ctx))
    number = yield from perform(lambda: ctx.ledger.do(lambda txn: _next_run(txn, ctx.connection)))
    kinds = sorted({kind.value for stream in streams for kind in stream.kinds})
    report = yield from pull(ctx, full=True, run=number, streams=streams)
    suspects, known = yield from perform(
        lambda: ctx.ledger.look(lambda txn: _unseen(txn, ctx, kinds, number))
    )
    report.suspects, total = len(suspects), sum(known.values())
    if len(suspects) > max(20, limit * total):
        raise TooManyGone(f"the sweep did not show {len(suspects)} of {total} known records")
    for kind, count in known.items():
        if limit < 1.0 and count > 1 and count == sum(row.kind == kind for row in suspects):
            raise TooManyGone(f"the sweep showed none of the {count} known records of kind {kind}")
    puller = yield from begin(ctx)
    puller.compile(())
    for start in range(0, len(suspects), _CHUNK):
        yield from _confirm(ctx, puller, suspects[start : start + _CHUNK])
    report.deleted += puller.report.deleted
    return report


def _next_run(txn: Txn, connection: str) -> int:
    row = control(txn, connection)
    txn.put([evolve(row, next_number=row.next_number + 1)])
    return row.next_number


def _unseen(txn: Txn, ctx: Context, kinds: list[str], number: int) -> tuple[list[Known], dict[str, int]]:
    """What the sweep did not show, and how many of each kind are known."""
    alive = {"connection": ctx.connection, "deleted": None}
    known = {kind: txn.count(Known, Where(equal={**alive, "kind": kind})) for kind in kinds}
    unseen = Where(equal=alive, among={"kind": kinds}, at_most={"seen": number - 1})
    return txn.find(Known, unseen), known


def _confirm(ctx: Context, puller: Puller, rows: list[Known]) -> Flow[None]:
    refs = [Ref(ctx.connection, Kind(row.kind), row.id) for row in rows]
    asked_at = ctx.now()
    puller.sorter.wall = asked_at.timestamp()
    answers = yield from together([ctx.client.run(ctx.ats.confirm_gone(ref)) for ref in refs], _AT_ONCE)
    out = Sorted()
    # What cannot be read is there, or nobody knows; where nothing can, the ATS is away.
    away = all(isinstance(answer, Failed) for answer in answers)
    passed_over = (BadRecord, GuardError) if away else (BadRecord, GuardError, Refused, Unavailable)
    for row, ref, answer in zip(rows, refs, answers, strict=True):
        if isinstance(answer, Failed):
            if isinstance(answer.error, passed_over):
                continue
            raise answer.error
        gone = answer.value
        if isinstance(gone, Tombstone):
            puller.bury(out, row, tombstone(ref, gone.kind, asked_at, into=gone.into))
    yield from puller.deliver(out)
    yield from perform(lambda: ctx.ledger.do(lambda txn: puller.store(txn, out)))
