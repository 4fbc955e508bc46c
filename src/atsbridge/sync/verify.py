"""Verify: read both sides and name every difference; repair does what verify proposes.

A difference is either explained (pending, conflict, unmapped, quarantined,
waiting, out of scope, newer than the last read) or it is a fault.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import attrs
from attrs import define, evolve, field, frozen

from ..crm.interface import Held
from ..errors import BadRecord, GuardError
from ..model import Application, Kind, Receipt, Ref, Result, State
from ..wire.effects import Flow, perform
from ..wire.paging import Headway
from ..wire.streams import Stream
from .context import Context, Progress
from .inbound import Puller, begin, read_page
from .leases import control
from .ledger import Known, Quarantined, Run, Txn, Update, Waiting, Where
from .reality import Interpreter, Reality


class Why(StrEnum):
    """What a difference is; FAULT alone is unexplained.

    PENDING is a change, or its receipt, on its way; CONFLICT one that ended
    without effect, or in doubt, while the CRM does not know or still shows it.
    """

    PENDING = "pending"
    CONFLICT = "conflict"
    UNMAPPED = "unmapped"
    QUARANTINED = "quarantined"
    WAITING = "waiting"
    OUT_OF_SCOPE = "out_of_scope"
    NEWER = "newer"
    DELETED = "deleted"
    FAULT = "fault"


@frozen(kw_only=True)
class Difference:
    """One application on which the sides do not agree.

    ``ats`` and ``crm`` are the two states in words, ``wanted`` what the recruiter asks for, in the CRM's.
    ``propose`` is what `repair` would do: ``pull`` it again, ``bury`` it, ``end`` the change that the
    CRM holds open, or nothing.
    """

    application: str
    why: Why
    ats: str
    crm: str
    propose: str = ""
    wanted: str = ""


@define(kw_only=True)
class VerifyReport:
    compared: int = 0
    equal: int = 0
    differences: list[Difference] = field(factory=list)
    requests: int = 0

    @property
    def counts(self) -> dict[str, int]:
        words = [d.why.value for d in self.differences]
        return {word: words.count(word) for word in sorted(set(words))}

    @property
    def faults(self) -> int:
        return sum(d.why is Why.FAULT for d in self.differences)

    @property
    def exit_code(self) -> int:
        return 1 if self.faults else 0

    def as_dict(self) -> dict[str, Any]:
        return {**attrs.asdict(self), "counts": self.counts, "exit_code": self.exit_code}


@frozen
class _Seen:
    """What the ATS showed of an application during this verification."""

    application: Application
    left_out: str | None
    mapped: bool


def verify(ctx: Context) -> Flow[VerifyReport]:
    """Compare every application of the ATS with what the CRM holds. Changes nothing."""
    before = ctx.client.requests
    report = VerifyReport()
    known = yield from perform(lambda: ctx.ledger.look(lambda txn: Reality.load(txn, ctx.connection)))
    interpreter = Interpreter.of(ctx.ats, known, known.compile(ctx.mapping))
    shown: set[str] = set()
    for stream in ctx.ats.streams():
        if Kind.APPLICATION in stream.kinds and not stream.deletions:
            yield from _compare_stream(ctx, stream, interpreter, known, shown, report)
    yield from _compare_rest(ctx, shown, report)
    report.requests = ctx.client.requests - before
    return report


def _compare_stream(
    ctx: Context,
    stream: Stream,
    interpreter: Interpreter,
    known: Reality,
    shown: set[str],
    report: VerifyReport,
) -> Flow[None]:
    jobs: Sequence[str | None] = [None] if stream.scope == "connection" else sorted(known.jobs)
    for job in jobs:
        cursor, headway = stream.start(None, job), Headway(stream.name)
        while cursor is not None:
            page = yield from read_page(ctx, stream, cursor, headway)
            seen: dict[Ref, _Seen] = {}
            for item in page.items:
                try:
                    records = item.read(item.raw.data)
                except (BadRecord, TypeError, ValueError, KeyError, AttributeError):
                    continue
                for record in records:
                    if isinstance(record, Application) and record.ref.id not in shown:
                        seen[record.ref] = _look_at(record, interpreter, known)
                        shown.add(record.ref.id)
            yield from _compare(ctx, seen, known, report)
            ctx.progress(Progress(verb="verify", what=stream.name, done=report.compared))
            cursor = page.next


def _look_at(record: Application, interpreter: Interpreter, known: Reality) -> _Seen:
    app = interpreter.application(record)
    job = known.jobs.get(app.job.id) if app.job else None
    mapped = app.stage is None or interpreter.engine.step(app) is not None
    return _Seen(app, interpreter.engine.in_scope(app, job=job), mapped)


def _compare(ctx: Context, seen: Mapping[Ref, _Seen], known: Reality, report: VerifyReport) -> Flow[None]:
    if not seen:
        return
    held = yield from ctx.crm.statuses(list(seen))
    notes = yield from perform(lambda: ctx.ledger.look(lambda txn: _notes(txn, ctx, [r.id for r in seen])))
    if any(one.event_id is not None and one.event_id not in notes.taken for one in held.values()):
        # The feed first: what is taken in meanwhile is in the one or the other.
        offered = yield from _offered(ctx)
        notes = yield from perform(
            lambda: ctx.ledger.look(lambda txn: _notes(txn, ctx, [r.id for r in seen], offered))
        )
    for ref, one in seen.items():
        report.compared += 1
        difference = _judge(ref, one, held.get(ref), notes, known)
        if difference is None:
            report.equal += 1
        else:
            report.differences.append(difference)


@frozen
class _Notes:
    """What the ledger knows that may explain a difference."""

    known: Mapping[str, Known]
    quarantined: frozenset[str]
    waiting: frozenset[str]
    pending: frozenset[str]
    conflict: frozenset[str]
    for_a_person: frozenset[str]
    taken: frozenset[str]
    pulled_at: float
    offered: frozenset[str]
    """Events that are in the CRM's feed and not taken in; asked for where one is held open and not known."""


_SHOWS_WITHIN = 900.0
"""How late a change may show in a list, at most: one older than that when the last pull began was missed."""
_RECENT = 50
"""How many runs back a pull that came to its end is looked for."""
_FOR_A_PERSON = ("review", "dead", "conflict")
"""Results after which the sides are left as they are."""


def _notes(txn: Txn, ctx: Context, ids: Sequence[str], offered: frozenset[str] = frozenset()) -> _Notes:
    mine = {"connection": ctx.connection}
    kind = Kind.APPLICATION.value
    prefix = (ctx.connection, kind)
    updates = txn.find(Update, Where(equal=mine, among={"application": list(ids)}))
    ended = [u for u in updates if u.result in _FOR_A_PERSON]
    # What has ended and was not told yet is as good as on its way: the next push tells it.
    untold = [u for u in updates if not u.delivered]
    return _Notes(
        txn.get_many(Known, prefix, list(ids)),
        frozenset(txn.get_many(Quarantined, prefix, list(ids))),
        frozenset(txn.get_many(Waiting, prefix, list(ids))),
        frozenset(u.application for u in untold if u not in ended),
        frozenset(u.application for u in untold if u in ended),
        frozenset(u.event_id for u in ended),
        frozenset(u.event_id for u in updates),
        _pulled_at(txn, ctx),
        offered,
    )


def _offered(ctx: Context) -> Flow[frozenset[str]]:
    """The event ids of the CRM's feed, from where intake stands; nothing is taken in."""
    row = yield from perform(lambda: ctx.ledger.look(lambda txn: control(txn, ctx.connection)))
    position, found = json.loads(row.feed) if row.feed else None, set[str]()
    while True:
        feed = yield from ctx.crm.changes(position)
        found.update(update.event_id for update in feed.updates)
        if not feed.more or not feed.updates:
            return frozenset(found)
        position = feed.position


def _pulled_at(txn: Txn, ctx: Context) -> float:
    """When the last pull began that came to its end; 0 where none did."""
    pulls = Where(equal={"connection": ctx.connection}, among={"verb": ["pull", "sync"]})
    for run in txn.find(Run, pulls, order=("-number",), limit=_RECENT):
        if run.summary is not None and "error" not in json.loads(run.summary):
            return run.started_at
    return 0.0


def _words(state: State | None, known: Reality) -> str:
    """A state as people read it: its stage by name, where that is known."""
    if state is None:
        return "nothing"
    stage = known.stages.get(state.stage or "")
    return f"{(stage.name if stage else None) or state.stage or 'no stage'}, {state.status}"


def _wanted(held: Held | None) -> str:
    """What a change that the CRM holds open asks for; nothing where it holds none."""
    if held is None or held.event_id is None:
        return ""
    return ", ".join(filter(None, (held.requested_step, held.requested_status, held.requested_reason)))


def _judge(ref: Ref, one: _Seen, held: Held | None, notes: _Notes, known: Reality) -> Difference | None:
    state = one.application.state
    ats, crm = _words(state, known), _words(held.confirmed if held else None, known)

    def difference(why: Why, propose: str = "") -> Difference:
        return Difference(
            application=ref.id, why=why, ats=ats, crm=crm, propose=propose, wanted=_wanted(held)
        )

    if one.left_out is not None:
        return difference(Why.OUT_OF_SCOPE) if held is None or held.deleted else None
    if held is None or held.deleted or held.confirmed is None or not held.confirmed.same(state):
        if ref.id in notes.quarantined:
            return difference(Why.QUARANTINED)
        if ref.id in notes.waiting:
            return difference(Why.WAITING)
        if ref.id in notes.pending:
            return difference(Why.PENDING)
        if ref.id in notes.conflict:
            return difference(Why.CONFLICT)
        return difference(*_late(one.application, notes))
    if held.event_id is not None:
        if held.event_id not in notes.taken | notes.offered:
            # It was acknowledged by another ledger than this one, and nobody will ever end it.
            return difference(Why.FAULT, "end")
        return difference(Why.CONFLICT if held.event_id in notes.for_a_person else Why.PENDING)
    if not one.mapped:
        return difference(Why.UNMAPPED)
    return None


def _late(application: Application, notes: _Notes) -> tuple[Why, str]:
    """A state newer than the last read is for the next pull; anything else is a fault."""
    known = notes.known.get(application.ref.id)
    changed = application.updated_at or application.created_at
    if known is None:
        # Nothing says when it was looked for, but the last pull that came to its end.
        missed = changed is not None and changed.timestamp() <= notes.pulled_at
        return (Why.FAULT if missed else Why.NEWER), "pull"
    newer = changed is not None and changed.timestamp() > known.read_at
    missed = changed is not None and changed.timestamp() + _SHOWS_WITHIN <= notes.pulled_at
    return (Why.NEWER if newer and not missed else Why.FAULT), "pull"


def _compare_rest(ctx: Context, shown: set[str], report: VerifyReport) -> Flow[None]:
    """What the CRM holds and the ATS did not show: each asked about, since absence proves nothing."""
    after: str | None = None
    while True:
        refs, after = yield from ctx.crm.refs(Kind.APPLICATION, after)
        for ref in refs:
            if ref.connection != ctx.connection or ref.id in shown:
                continue
            report.compared += 1
            try:
                gone = yield from ctx.client.run(ctx.ats.confirm_gone(ref))
            except (BadRecord, GuardError):
                report.differences.append(
                    Difference(application=ref.id, why=Why.QUARANTINED, ats="unreadable", crm="held")
                )
                continue
            if gone is None:
                report.equal += 1
                continue
            report.differences.append(
                Difference(
                    application=ref.id, why=Why.DELETED, ats=gone.kind.value, crm="held", propose="bury"
                )
            )
        if after is None:
            return


@define(kw_only=True)
class RepairReport:
    repaired: list[str] = field(factory=list)
    left: list[Difference] = field(factory=list)

    def as_dict(self) -> dict[str, Any]:
        return attrs.asdict(self)


def repair(ctx: Context) -> Flow[RepairReport]:
    """Do what verify proposes: read each such application afresh and bring it in; the ATS is only read."""
    found = yield from verify(ctx)
    report = RepairReport(left=[d for d in found.differences if not d.propose])
    lost = [d.application for d in found.differences if d.propose == "end"]
    yield from _end_lost(ctx, lost)
    report.repaired += lost
    wanted = [d for d in found.differences if d.propose not in ("", "end")]
    if not wanted:
        return report
    puller: Puller = yield from begin(ctx)
    puller.compile(())
    for difference in wanted:
        ref = Ref(ctx.connection, Kind.APPLICATION, difference.application)
        if (yield from puller.refresh(ref, missed=difference.why is Why.DELETED, in_crm=True)):
            report.repaired.append(difference.application)
        else:
            report.left.append(evolve(difference, why=Why.QUARANTINED, propose=""))
    return report


def _end_lost(ctx: Context, applications: Sequence[str]) -> Flow[None]:
    """Receipts for changes that no ledger knows any more: what became of them, a person has to see."""
    if not applications:
        return
    held = yield from ctx.crm.statuses([Ref(ctx.connection, Kind.APPLICATION, id) for id in applications])
    receipts = [
        Receipt(
            event_id=one.event_id,
            application=ref,
            result=Result.REVIEW,
            why="the ledger does not know it: it was taken in by one that was lost, or is newer",
            at=ctx.now(),
        )
        for ref, one in held.items()
        if one.event_id is not None
    ]
    yield from ctx.crm.receive(receipts)
