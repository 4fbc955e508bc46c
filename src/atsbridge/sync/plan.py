"""The dry run: what the next push would do, found by doing it with imagined hands.

The same intake, policy and protocol run on a ledger laid over the real one.
What leaves for the ATS are declared reads; what the CRM would be told is
collected instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from attrs import define, evolve, field, frozen

from ..ats.interface import Fresh
from ..crm.interface import Crm, CrmFinding, Delivery, Feed, Held, WriteResult, Written
from ..mapping import Engine, MappingConfig
from ..model import Application, Intent, Kind, Receipt, Ref
from ..wire.effects import Flow, Json, perform
from ..wire.guard import Permits
from ..wire.vendor import Signal
from .context import Context
from .hands import ImaginedHands, RealHands
from .ledger import OPEN, IntentRow, Known, Where
from .outbound import Outbound, prepare
from .overlay import OverlayLedger
from .reality import Reality, application_from


@frozen(kw_only=True)
class PlanReport:
    """What a push would come to.

    Args:
        receipts: as the push would deliver them.
        writes: how many status writes would leave.
        held_back: why nothing, or no more, would leave, where that is so.
        waiting: intents that a push could not settle yet. held: each of them, what it would write.
        stopped, unapproved: whether a person has to act before anything leaves; see `PushReport`.
        unavailable: whether the ATS could not be asked for all of it.
    """

    receipts: tuple[Receipt, ...]
    writes: int
    held_back: str
    waiting: int
    stopped: bool = False
    unapproved: bool = False
    unavailable: bool = False
    held: tuple[dict[str, Any], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "writes": self.writes,
            "held_back": self.held_back,
            "stopped": self.stopped,
            "unapproved": self.unapproved,
            "unavailable": self.unavailable,
            "waiting": self.waiting,
            "held": list(self.held),
            "receipts": [receipt_dict(r) for r in self.receipts],
        }


def receipt_dict(receipt: Receipt) -> dict[str, Any]:
    """A receipt as plain data, for tables and ``--json``."""
    return {
        "event_id": receipt.event_id,
        "application": receipt.application.id,
        "result": receipt.result.value,
        "why": receipt.why,
        "before": _state(receipt.before),
        "after": _state(receipt.after),
        "strength": receipt.strength.value if receipt.strength else None,
        "gap": receipt.gap.value,
        "overwritten": list(receipt.overwritten),
        "side_effects": [s.value for s in receipt.side_effects],
        "progress": list(receipt.progress),
        "attempts": receipt.attempts,
    }


def _state(state: Any) -> dict[str, Any] | None:
    return None if state is None else attrs.asdict(state)


def plan(ctx: Context) -> Flow[PlanReport]:
    """What the next push would do; nothing is written anywhere."""
    silent = SilentCrm(ctx.crm)
    # Whose turn it is to ask for a token, and what is left of the rate, are rows of the ledger: a dry run
    # asks without taking one, and keeps to the rate by itself.
    client = evolve(ctx.client, turn=None, budgets=None)
    dry = evolve(ctx, client=client, ledger=OverlayLedger(ctx.ledger), crm=silent, permits=Permits())
    counted = frozenset(w.name for w in ctx.ats.VENDOR.writes if w.signal is Signal.COUNT)
    hands = ImaginedHands(RealHands(dry), lambda fresh, intent: _imagine(dry, fresh, intent), counted)
    outbound: Outbound = yield from prepare(dry, hands)
    yield from outbound.intake()
    yield from outbound.drain()
    yield from outbound.deliver_receipts()
    yield from outbound.tally()
    report = outbound.report
    mine = Where(equal={"connection": ctx.connection}, among={"state": OPEN})
    held = yield from perform(
        lambda: dry.ledger.look(lambda txn: txn.find(IntentRow, mine, order=("number", "part")))
    )
    return PlanReport(
        receipts=tuple(report.receipts),
        writes=report.writes,
        held_back=report.held_back,
        waiting=report.settling + report.pending,
        stopped=report.stopped,
        unapproved=report.unapproved,
        unavailable=report.unavailable,
        held=tuple(_held(row) for row in held),
    )


def _held(row: IntentRow) -> dict[str, Any]:
    target = {"stage": row.target_stage, "status": row.target_status, "reason": row.target_reason}
    return {"event_id": row.event_id, "application": row.application, "action": row.action, "target": target}


def _imagine(ctx: Context, fresh: Fresh, intent: Intent) -> Fresh:
    imagined = ctx.ats.imagine(fresh.application, intent)
    return evolve(fresh, application=evolve(imagined, read_at=ctx.now()))


@define
class SilentCrm(Crm):
    """A CRM that can be read; what it would be told is dropped."""

    below: Crm
    told: set[str] = field(factory=set)

    @property
    def abilities(self) -> Any:  # type: ignore[override]
        return self.below.abilities

    def write(self, batch: Sequence[Delivery]) -> Flow[Sequence[Written]]:
        return [Written(ref=d.record.ref, result=WriteResult.UNCHANGED) for d in batch]
        yield

    def changes(self, after: Json) -> Flow[Feed]:
        """The feed as it is; a feed of what is not acknowledged yet is read once."""
        feed = yield from self.below.changes(after)
        new = [u for u in feed.updates if u.event_id not in self.told]
        self.told.update(u.event_id for u in new)
        return evolve(feed, updates=new, more=feed.more and bool(new))

    def acknowledge(self, event_ids: Sequence[str]) -> Flow[None]:
        return
        yield

    def receive(self, receipts: Sequence[Receipt]) -> Flow[None]:
        return
        yield

    def statuses(self, refs: Sequence[Ref]) -> Flow[Mapping[Ref, Held]]:
        return (yield from self.below.statuses(refs))

    def refs(self, kind: Kind, after: str | None) -> Flow[tuple[Sequence[Ref], str | None]]:
        return (yield from self.below.refs(kind, after))

    def check_access(self) -> Flow[tuple[CrmFinding, ...]]:
        return (yield from self.below.check_access())


@frozen(kw_only=True)
class MappingChange:
    """What another mapping would do to what the CRM holds.

    Args:
        changed: applications in the scope of both whose step, status or reason would read otherwise.
        leaving: those that the new scope leaves out. joining: those that it lets in.
        total: applications known.
        records: each of them: id, step, status and reason before and after, and what leaves it out then.
        untold: keys that differ, of whose effect the ledger knows too little to tell.
    """

    changed: int
    total: int
    records: tuple[dict[str, Any], ...]
    write_mode: str
    leaving: int = 0
    joining: int = 0
    untold: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return attrs.asdict(self)


def compare_mapping(ctx: Context, new: MappingConfig) -> Flow[MappingChange]:
    """How many records another mapping would change; from the ledger alone.

    Raises:
        MappingError: the new mapping does not fit the ATS.
    """
    where = Where(equal={"connection": ctx.connection, "kind": Kind.APPLICATION.value, "deleted": None})
    known, rows = yield from perform(
        lambda: ctx.ledger.look(lambda txn: (Reality.load(txn, ctx.connection), txn.find(Known, where)))
    )
    old_engine, new_engine = known.compile(ctx.mapping), known.compile(new)
    records: list[dict[str, Any]] = []
    counts = dict.fromkeys(("changed", "leaving", "joining"), 0)
    for row in rows:
        app = application_from(row)
        was_out, is_out = old_engine.in_scope(app), new_engine.in_scope(app)
        before, after = _words(old_engine, app), _words(new_engine, app)
        if was_out is not None and is_out is not None:
            continue
        if was_out is is_out is None and before == after:
            continue
        counts["joining" if was_out else "leaving" if is_out else "changed"] += 1
        records.append({"application": row.id, "before": before, "after": after, "left_out": is_out})
    dated = new.scope.applied_since != ctx.mapping.scope.applied_since
    return MappingChange(
        **counts,
        total=len(rows),
        records=tuple(records),
        write_mode=new_engine.mode.value,
        untold=("scope.applied_since",) if dated else (),
    )


def _words(engine: Engine, app: Application) -> tuple[str | None, ...]:
    return engine.step(app), engine.status(app), engine.reason(app)
