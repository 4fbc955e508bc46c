"""The record of runs: when each verb ran and what it came to, for whoever looks after a connection."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from attrs import evolve

from ..errors import LeaseLost, LedgerBusy, failure_to_keep
from ..wire.effects import Failed, Flow, perform, together
from .context import Context
from .leases import control
from .ledger import Run, Txn, Where

_KEPT_SECONDS = 90 * 24 * 3600.0
_LISTS = ("differences", "left", "repaired", "receipts")


_OUTWARD = ("push", "sync")
_WAYS = (_OUTWARD, ("pull", "sync"), ("sweep",))
"""The verbs whose last run says whether a way works."""
_OTHERS = tuple(error.__name__ for error in (LedgerBusy, LeaseLost))
"""What a run ends with because another one does its work."""


class Told(Protocol):
    """A report that can be told as plain data."""

    def as_dict(self) -> dict[str, Any]: ...


R = TypeVar("R", bound=Told)


def recorded(ctx: Context, verb: str, flow: Flow[R]) -> Flow[R]:
    """Run a verb, and note in the ledger that it ran and how it ended.

    A run without an end was killed, or is still going.
    """
    row = yield from perform(lambda: ctx.ledger.do(lambda txn: _begin(txn, ctx, verb), durable=False))
    (outcome,) = yield from together([flow], 1)
    told: dict[str, Any]
    if isinstance(outcome, Failed):
        told = failure_to_keep(outcome.error)
    else:
        told = {k: len(v) if k in _LISTS else v for k, v in outcome.value.as_dict().items()}
    ended = evolve(row, ended_at=ctx.now().timestamp(), summary=json.dumps(told, default=str))
    # What a pull has read survives a crash of the ledger's server from here on: a push goes by it.
    yield from perform(lambda: ctx.ledger.do(lambda txn: _end(txn, ended)))
    if isinstance(outcome, Failed):
        raise outcome.error
    return outcome.value


def failing(txn: Txn, connection: str) -> list[Run]:
    """Of each way - outward, inward, sweep - the last run that ended, where it failed."""
    ended = (_last_ended(txn, connection, verbs) for verbs in _WAYS)
    found = {run.number: run for run in ended if run is not None and error_of(run)}
    return [found[number] for number in sorted(found)]


def outward_failing(txn: Txn, connection: str) -> Run | None:
    """The last run that took in the CRM's changes, where it failed."""
    run = _last_ended(txn, connection, _OUTWARD)
    return run if run is not None and error_of(run) else None


def error_of(run: Run) -> str:
    """The error that a run ended with, in words; empty where it ended well."""
    return str(json.loads(run.summary or "{}").get("error", ""))


def _last_ended(txn: Txn, connection: str, verbs: Sequence[str]) -> Run | None:
    where = Where(equal={"connection": connection}, among={"verb": verbs}, above={"ended_at": 0.0})
    rows = txn.find(Run, where, order=("-number",), limit=20)
    return next((run for run in rows if not error_of(run).startswith(_OTHERS)), None)


def _begin(txn: Txn, ctx: Context, verb: str) -> Run:
    counters = control(txn, ctx.connection)
    row = Run(
        connection=ctx.connection,
        number=counters.next_number,
        verb=verb,
        started_at=ctx.now().timestamp(),
    )
    txn.put([evolve(counters, next_number=counters.next_number + 1)])
    txn.put([row])
    old = Where(equal={"connection": ctx.connection}, at_most={"started_at": row.started_at - _KEPT_SECONDS})
    txn.delete(Run, old)
    return row


def _end(txn: Txn, ended: Run) -> None:
    """Keep, of runs that came to the same one after another, the first and the last: most find nothing."""
    txn.put([ended])
    mine = {"connection": ended.connection, "verb": ended.verb}
    last = txn.find(Run, Where(equal=mine), order=("-number",), limit=3)
    if len(last) == 3 and len({run.summary for run in last}) == 1:
        txn.delete(Run, Where(equal={**mine, "number": last[1].number}))
