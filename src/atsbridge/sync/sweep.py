"""The periodic sweep: finds what may have been deleted, and asks about each before believing it.

Listings shift under their reader, so a record that no page showed is only a
candidate for deletion. Each is confirmed by a read of its own.
"""

from __future__ import annotations

from attrs import evolve

from ..errors import BadRecord, GuardError, TooManyGone
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
        limit: the share of the known records that may seem gone before a person is asked.

    Raises:
        TooManyGone: more than that (and more than 20) was not shown.
    """
    streams = ctx.ats.sweeps()
    if not streams:
        # The vendor lists its deletions: the ordinary pull reads them.
        return (yield from pull(ctx))
    number = yield from perform(lambda: ctx.ledger.do(lambda txn: _next_run(txn, ctx.connection)))
    kinds = sorted({kind.value for stream in streams for kind in stream.kinds})
    report = yield from pull(ctx, full=True, run=number, streams=streams)
    suspects, total = yield from perform(
        lambda: ctx.ledger.look(lambda txn: _unseen(txn, ctx, kinds, number))
    )
    report.suspects = len(suspects)
    if len(suspects) > max(20, limit * total):
        raise TooManyGone(f"the sweep did not show {len(suspects)} of {total} known records")
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


def _unseen(txn: Txn, ctx: Context, kinds: list[str], number: int) -> tuple[list[Known], int]:
    alive = {"connection": ctx.connection, "deleted": None}
    among = {"kind": kinds}
    total = txn.count(Known, Where(equal=alive, among=among))
    return txn.find(Known, Where(equal=alive, among=among, at_most={"seen": number - 1})), total


def _confirm(ctx: Context, puller: Puller, rows: list[Known]) -> Flow[None]:
    refs = [Ref(ctx.connection, Kind(row.kind), row.id) for row in rows]
    asked_at = ctx.now()
    puller.sorter.wall = asked_at.timestamp()
    answers = yield from together([ctx.client.run(ctx.ats.confirm_gone(ref)) for ref in refs], _AT_ONCE)
    out = Sorted()
    for row, ref, answer in zip(rows, refs, answers, strict=True):
        if isinstance(answer, Failed):
            if isinstance(answer.error, (BadRecord, GuardError)):
                continue  # it cannot be read, so it is there
            raise answer.error
        gone = answer.value
        if isinstance(gone, Tombstone):
            puller.bury(out, row, tombstone(ref, gone.kind, asked_at, into=gone.into))
    yield from puller.deliver(out)
    yield from perform(lambda: ctx.ledger.do(lambda txn: puller.store(txn, out)))
