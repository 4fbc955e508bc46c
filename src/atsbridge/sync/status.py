"""Where a connection stands, on one page."""

from __future__ import annotations

import json
from typing import Any

import attrs
from attrs import evolve, frozen

from ..model import Kind
from ..wire.effects import Flow, perform
from .context import Context
from .holding import awaits_approval, held_back
from .leases import control, is_live
from .ledger import (
    OPEN,
    IntentRow,
    Known,
    Lease,
    Position,
    Quarantined,
    Run,
    Txn,
    Update,
    Waiting,
    Where,
    storable,
)
from .runs import failing


@frozen(kw_only=True)
class StatusReport:
    """One true page.

    Args:
        held_back: why writes that are pending have not left; empty where nothing holds them back.
        unapproved: changes wait until a person approves the write surface.
        failing: of pushing, pulling and sweeping, the last run where that failed: verb, time, error, and
            whether it may pass by itself. Changes made in the CRM since may not be taken in.
        known: live records by kind. streams: each stream's last finished read.
        intents: open intents by state. results: closed changes by result.
        review: event ids that wait for a person. working: lanes under a lease. runs: the last five.
    """

    connection: str
    paused: str | None
    stopped: str
    held_back: str
    unapproved: bool
    failing: tuple[dict[str, Any], ...]
    write_mode: str
    surface_approved: bool
    known: dict[str, int]
    streams: dict[str, dict[str, Any]]
    intents: dict[str, int]
    results: dict[str, int]
    review: tuple[str, ...]
    quarantined: int
    waiting: int
    undelivered: int
    working: tuple[str, ...]
    runs: tuple[dict[str, Any], ...]

    def as_dict(self) -> dict[str, Any]:
        return attrs.asdict(self)


def status(ctx: Context) -> Flow[StatusReport]:
    """Read the ledger alone; asks neither side."""
    return (yield from perform(lambda: ctx.ledger.look(lambda txn: _status(txn, ctx))))


def _status(txn: Txn, ctx: Context) -> StatusReport:
    mine = {"connection": ctx.connection}
    row = control(txn, ctx.connection)
    updates = txn.find(Update, Where(equal={**mine, "open": 0}), order=("number",))
    leases = [x for x in txn.find(Lease, Where(equal=mine)) if is_live(x, ctx)]
    runs = txn.find(Run, Where(equal=mine), order=("-number",), limit=5)
    intents = {s: txn.count(IntentRow, Where(equal={**mine, "state": s})) for s in OPEN}
    return StatusReport(
        connection=ctx.connection,
        paused=(row.paused_why or "paused") if row.paused else None,
        stopped=row.stopped,
        held_back=held_back(txn, ctx),
        unapproved=intents["pending"] > 0 and awaits_approval(ctx),
        failing=tuple(_failure(run) for run in failing(txn, ctx.connection)),
        write_mode=ctx.mapping.writing.mode.value,
        surface_approved=ctx.surface_approved,
        known={k.value: _live(txn, ctx, k) for k in Kind},
        streams={
            _name(p): _position(p) for p in txn.find(Position, Where(equal=mine), order=("stream", "job"))
        },
        intents=intents,
        results=_counts([u.result for u in updates if u.result]),
        review=tuple(u.event_id for u in updates if u.result in ("review", "dead")),
        quarantined=txn.count(Quarantined, Where(equal=mine)),
        waiting=txn.count(Waiting, Where(equal=mine)),
        undelivered=txn.count(Update, Where(equal={**mine, "open": 0, "delivered": 0})),
        working=tuple(lease.lane for lease in leases),
        runs=tuple(
            {**attrs.asdict(r), "summary": json.loads(r.summary) if r.summary else None} for r in runs
        ),
    )


def _live(txn: Txn, ctx: Context, kind: Kind) -> int:
    return txn.count(Known, Where(equal={"connection": ctx.connection, "kind": kind.value, "deleted": None}))


def _name(position: Position) -> str:
    return f"{position.stream}/{position.job}" if position.job else position.stream


def _position(position: Position) -> dict[str, Any]:
    return {"finished_at": position.finished_at, "unfinished": position.cursor is not None}


def _failure(run: Run) -> dict[str, Any]:
    told = json.loads(run.summary or "{}")
    # A run of a release before this one does not say whether it may pass.
    retryable = bool(told.get("retryable"))
    return {"verb": run.verb, "at": run.ended_at, "error": told["error"], "retryable": retryable}


def _counts(words: list[str]) -> dict[str, int]:
    return {word: words.count(word) for word in sorted(set(words))}


def set_paused(ctx: Context, paused: bool, *, why: str = "") -> Flow[None]:
    """Hold back every status write, or let them go on; resuming also clears a stop."""

    def action(txn: Txn) -> None:
        row = control(txn, ctx.connection)
        stopped = row.stopped if paused else ""
        txn.put(
            [evolve(row, paused=int(paused), paused_why=storable(why) if paused else "", stopped=stopped)]
        )

    yield from perform(lambda: ctx.ledger.do(action))
