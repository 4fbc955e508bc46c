"""Outbound: the CRM's changes into the outbox, and the outbox into the ATS.

Applications proceed side by side, the intents of one strictly in order. The
rules are in `policy`, the transactions in `protocol`; here is only the order
in which reads, commits and sends follow each other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from attrs import define, evolve, field

from ..ats.interface import Catalogue, Fresh, Gone, Unplannable
from ..crm.interface import Abilities, Delivery
from ..errors import (
    BadPayload,
    BadRecord,
    CrmError,
    Doubtful,
    Forbidden,
    GuardError,
    LeaseLost,
    LedgerError,
    NotFound,
    Refused,
    Throttled,
    TooLate,
    Unauthorized,
    Unavailable,
    VendorError,
)
from ..mapping import Engine, Refusal, WriteMode
from ..model import Action, Application, Intent, Kind, Receipt, Ref, Result, State, StatusUpdate, Words
from ..wire.client import proves_nothing_happened
from ..wire.effects import Failed, Flow, perform, sleep, together
from ..wire.guard import authorise, digest, full_url
from ..wire.operations import Call
from ..wire.vendor import StatusWrite
from .absences import clear, is_believed, suspect
from .ages import no_earlier, overtaken
from .context import Context, Progress
from .enqueued import any_enqueued, take_enqueued
from .hands import Accepted, Hands
from .holding import awaits_approval, held_back
from .intake import take_in
from .leases import control, flush
from .ledger import Control, IntentRow, Known, Position, Txn, Update, Where
from .open_changes import end_closed, end_forbidden
from .outbox import Plan
from .pages import tombstone
from .policy import Back, Close, Settle, Write, confirm, decide, expected_of, target_of
from .protocol import (
    DUE_AT_ONCE,
    Armed,
    Claim,
    NotArmed,
    answered,
    arm,
    back,
    claim,
    close,
    due,
    next_look,
    release,
    settle,
    stop,
)
from .reality import Interpreter, Reality, application_from
from .receipts import parse_receipt

_BATCH = 200


@define(kw_only=True)
class PushReport:
    """What a push came to.

    ``writes`` left and were not refused.
    ``receipts`` are those delivered to the CRM by it; ``drift`` says where the mapping no longer
    fits the ATS; ``held_back`` why not all has left; ``stopped`` that the ATS refused the
    credential, and a person has to resume; ``unapproved`` that changes wait until a person approves
    the write surface; ``unavailable`` that the ATS could not be asked for all; ``unfinished`` that its
    time was over before all had been worked on.
    """

    taken: int = 0
    writes: int = 0
    receipts: list[Receipt] = field(factory=list)
    settling: int = 0
    pending: int = 0
    held_back: str = ""
    stopped: bool = False
    unapproved: bool = False
    unavailable: bool = False
    unfinished: bool = False
    requests: int = 0
    drift: list[str] = field(factory=list)

    @property
    def results(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for receipt in self.receipts:
            counts[receipt.result] = counts.get(receipt.result, 0) + 1
        return counts

    def as_dict(self) -> dict[str, Any]:
        return {
            "taken": self.taken,
            "writes": self.writes,
            "results": self.results,
            "settling": self.settling,
            "pending": self.pending,
            "held_back": self.held_back,
            "stopped": self.stopped,
            "unapproved": self.unapproved,
            "unavailable": self.unavailable,
            "unfinished": self.unfinished,
            "requests": self.requests,
            "drift": self.drift,
        }


def push(ctx: Context, hands: Hands) -> Flow[PushReport]:
    """Take in the CRM's changes and bring the outbox to rest, as far as it can be now.

    Raises:
        MappingError: the mapping does not fit the ATS; nothing was taken in or sent.
        CrmError: the CRM failed; its changes and receipts stay.
    """
    before = ctx.client.requests
    outbound = yield from prepare(ctx, hands)
    yield from outbound.intake()
    yield from outbound.drain()
    yield from outbound.deliver_receipts()
    yield from outbound.tally()
    outbound.report.requests = ctx.client.requests - before
    outbound.report.drift = [str(fault) for fault in outbound.engine.drift]
    return outbound.report


def prepare(ctx: Context, hands: Hands) -> Flow[Outbound]:
    """Compile the mapping against the ATS's configuration, read again where it has grown old."""

    def load(txn: Txn) -> tuple[Reality, Position | None]:
        return Reality.load(txn, ctx.connection), txn.get(Position, ctx.connection, "catalogue", "")

    known, read = yield from perform(lambda: ctx.ledger.look(load))
    age = ctx.now().timestamp() - (read.finished_at or 0.0) if read else None
    if age is None or not 0 <= age <= ctx.tuning.catalogue_seconds:  # below 0: the clock was ahead
        catalogue = yield from hands.catalogue()
        known = known.with_records([*catalogue.stages, *catalogue.reasons])
        mark = Position(
            connection=ctx.connection, stream="catalogue", job="", finished_at=ctx.now().timestamp()
        )
        yield from perform(lambda: ctx.ledger.do(lambda txn: txn.put([mark]), durable=False))
    engine = known.compile(ctx.mapping)
    return Outbound(ctx=ctx, hands=hands, reality=known, engine=engine)


@define(kw_only=True)
class Outbound:
    """One run of outbound work."""

    ctx: Context
    hands: Hands
    reality: Reality
    engine: Engine
    report: PushReport = field(factory=PushReport)
    _interpreter: Interpreter = field(init=False)
    _fresh: dict[Ref, Fresh] = field(factory=dict, init=False)
    _is_over: Callable[[], bool] = field(default=lambda: False, init=False)

    def __attrs_post_init__(self) -> None:
        self._interpreter = Interpreter.of(self.ctx.ats, self.reality, self.engine)

    @property
    def _wall(self) -> float:
        return self.ctx.now().timestamp()

    # -- intake --

    def intake(self) -> Flow[None]:
        """What was enqueued, then all that the feed holds; committed with its position, then acknowledged.

        What was taken in before, and waits still, is judged by the mapping as it is now.
        """
        ctx = self.ctx
        if Abilities.BASE not in ctx.crm.abilities:
            self.report.held_back = "the CRM cannot store the base of a change: it is inbound only"
            return
        yield from end_forbidden(ctx, expand=self.expand)
        row = yield from self._intake_enqueued()
        position = json.loads(row.feed) if row.feed else None
        while True:
            feed = yield from ctx.crm.changes(position)
            position = feed.position
            text = _position_text(position)
            taken = yield from perform(
                lambda: ctx.ledger.do(lambda txn: self._take_in(txn, feed.updates, text))
            )
            if taken:
                yield from ctx.crm.acknowledge(taken)
                self.report.taken += len(taken)
            if not feed.more or not feed.updates:
                return

    def _intake_enqueued(self) -> Flow[Control]:
        """What was enqueued in the ledger itself; then, where the CRM's feed stands."""

        name = self.ctx.connection

        def look(txn: Txn) -> tuple[bool, Control]:
            return any_enqueued(txn, name), control(txn, name)

        def take(txn: Txn) -> int:
            updates = take_enqueued(txn, name, limit=_BATCH)
            taken = take_in(txn, updates, connection=name, expand=self.expand, wall=self._wall, enqueued=True)
            return len(taken)

        while True:
            more, row = yield from perform(lambda: self.ctx.ledger.look(look))
            if not more:
                return row
            taken = yield from perform(lambda: self.ctx.ledger.do(take))
            self.report.taken += taken

    def _take_in(self, txn: Txn, updates: Sequence[StatusUpdate], position: str) -> list[str]:
        # What names no application at all is nobody else's either.
        own = [
            u
            for u in updates
            if getattr(u.application, "connection", self.ctx.connection) == self.ctx.connection
        ]
        taken = take_in(txn, own, connection=self.ctx.connection, expand=self.expand, wall=self._wall)
        row = control(txn, self.ctx.connection)
        txn.put([evolve(row, feed=position)])
        return taken

    def expand(self, update: StatusUpdate, expected: State, job_id: str | None) -> Plan:
        """Map a change and check scope, mode and rules; pure."""
        engine, job = self.engine, self.reality.jobs.get(job_id or "")
        target = engine.target(update, expected=expected, job_id=job_id)
        if isinstance(target, Refusal):
            return Plan(refused=str(target))
        refusal = engine.allows(update, expected=expected, target=target, job=job, now=self.ctx.now())
        if refusal is not None:
            return Plan(refused=str(refusal))
        try:
            writes = self.ctx.ats.plan_writes(expected, target, engine.catalogue(job_id))
        except Unplannable as error:
            return Plan(refused=f"vendor: {error.message}")
        if engine.mode is WriteMode.SHADOW:
            catalogue = engine.catalogue(job_id)
            words = "; ".join(f"{w.action} to {_words(w.target, catalogue)}" for w in writes)
            return Plan(refused=f"write.mode: shadow; this would have gone: {words}")
        late = engine.not_after(update)
        user = engine.acting_user(update) or self.ctx.ats.default_acting_user
        return Plan(writes=writes, acting_user=user, not_after=late.timestamp() if late else None)

    # -- draining --

    def drain(self) -> Flow[None]:
        """Work on everything that is due, until only what must wait is left."""
        if awaits_approval(self.ctx):
            return
        waited, clock, tried = 0.0, self.ctx.ledger.clock, set[str]()
        self._is_over = self.ctx.time_is_over()
        while True:
            # One moment for both questions: what becomes due between them would be left behind.
            looked = clock.now()
            names = yield from perform(
                lambda: self.ctx.ledger.look(lambda txn: due(txn, self.ctx, looked, without=tried))
            )
            yield from end_closed(self.ctx, names, expand=self.expand)
            (lanes,) = yield from together([self._lanes(names)], 1)
            # Whatever ended one lane, the CRM is told of the others.
            yield from self.deliver_receipts()
            if isinstance(lanes, Failed):
                raise lanes.error
            progressed = lanes.value
            if self.report.unfinished:
                return
            if progressed:
                continue
            if len(names) == DUE_AT_ONCE:
                tried.update(names)  # those behind have their turn as well
                continue
            until = yield from perform(
                lambda: self.ctx.ledger.look(lambda txn: next_look(txn, self.ctx, looked))
            )
            if until is None:
                return
            wait = max(0.0, until - clock.now())
            if waited + wait > self.ctx.tuning.patience_seconds:
                return
            waited += wait
            tried.clear()
            yield from sleep(wait)

    def _lanes(self, names: Sequence[str]) -> Flow[bool]:
        # Twice as many applications as requests: the wire is busy while others wait for the ledger.
        width = self.ctx.client.side_by_side(2 * self.ctx.tuning.width)
        outcomes = yield from together([self.lane(name) for name in names], width)
        for outcome in outcomes:
            if isinstance(outcome, Failed) and not isinstance(outcome.error, (Unavailable, LeaseLost)):
                raise outcome.error
        return any(not isinstance(o, Failed) and o.value for o in outcomes)

    def lane(self, application: str) -> Flow[bool]:
        """The intents of one application, in order; whether anything came of it."""
        if self._is_over():
            self.report.unfinished = True
            return False
        progressed = False
        held = yield from perform(lambda: self._do(lambda txn: self._claim(txn, application)))
        while held is not None:
            if held.wait_seconds is not None:
                self.ctx.client.keep_place(held.wait_seconds)
            go_on = yield from self.work(held)
            progressed = progressed or go_on
            held = yield from self._next(held, go_on=go_on and not self._is_over())
        return progressed

    def _next(self, held: Claim, *, go_on: bool) -> Flow[Claim | None]:
        """Free the lane; with the same commit claim what comes next in it, if it may go on."""

        def action(txn: Txn) -> Claim | None:
            release(txn, held)
            return self._claim(txn, held.intent.application) if go_on else None

        following: Claim | None = yield from perform(lambda: self._do(action))
        if following is None:
            _ = self.ctx.held.pop(held.lease.lane, None)
        return following

    def _claim(self, txn: Txn, application: str) -> Claim | None:
        held = claim(txn, self.ctx, application, expand=self.expand, wall=self._wall)
        if held is not None:
            self.ctx.held[held.lease.lane] = held.lease
        return held

    def _do(self, action: Any) -> Any:
        # Only the record of an attempt must survive a power cut before its bytes leave.
        return self.ctx.ledger.do(action, durable=False)

    def work(self, held: Claim) -> Flow[bool]:
        """One intent as far as it can go now; whether its application may go on."""
        intent = held.intent
        ref = Ref(self.ctx.connection, Kind.APPLICATION, intent.application)
        try:
            fresh = yield from self._read(ref)
        except (VendorError, BadRecord, GuardError) as error:
            yield from self._unread(held, intent, error)
            return False
        write, planned = self._declared(intent)
        if intent.accepted:
            step = confirm(intent, fresh, write=write, refusal=None)
            return (yield from self._after(held, intent, step, fresh, write, {}))
        settled = self.ctx.ledger.clock.now() >= (intent.settles_at or 0.0)
        catalogue = self.engine.catalogue(self._job_of(fresh))
        step = decide(intent, fresh, write=write, catalogue=catalogue, settled=settled)
        if not isinstance(step, Write):
            return (yield from self._after(held, intent, step, fresh, write, {}))
        assert isinstance(fresh, Fresh)  # noqa: S101 - `decide` closes what is gone
        return (yield from self._send(held, planned, fresh, write, catalogue))

    def _declared(self, intent: IntentRow) -> tuple[StatusWrite, Intent]:
        planned = _as_intent(intent)
        return self.ctx.ats.declared(planned), planned

    def _read(self, ref: Ref) -> Flow[Fresh | Gone]:
        fresh = yield from self.hands.read(ref)
        return self._interpreted(fresh)

    def _interpreted(self, fresh: Fresh | Gone) -> Fresh | Gone:
        if isinstance(fresh, Fresh):
            application = self._interpreter.application(fresh.application)
            fresh = evolve(fresh, application=application)
            self._fresh[application.ref] = fresh
        return fresh

    def _job_of(self, fresh: Fresh | Gone) -> str | None:
        job = fresh.application.job if isinstance(fresh, Fresh) else None
        return job.id if job else None

    # -- one attempt --

    def _send(
        self, held: Claim, planned: Intent, fresh: Fresh, write: StatusWrite, catalogue: Catalogue
    ) -> Flow[bool]:
        intent = held.intent
        try:
            call = _own(
                self.ctx.ats.write_status(planned, fresh, catalogue), self.ctx.tuning.deadline_seconds
            )
            token = fresh.application.token
            meant = authorise(self.ctx.ats.VENDOR, planned, token=token, request=call.request)
            if meant.name != write.name:
                raise GuardError(
                    f"the adapter declares {write.name} for this intent and asks for {meant.name}"
                )
        except (Unplannable, GuardError) as error:
            # An earlier attempt that is in doubt stays in doubt.
            result = Result.REVIEW if intent.open_attempts else Result.REFUSED
            step = Close(result=result, why=error.message)
            return (yield from self._after(held, intent, step, fresh, write, {}))
        try:
            yield from self.hands.ready()
        except VendorError as error:
            yield from self._unread(held, intent, error)
            return False
        sealed = digest(full_url(self.ctx.ats.host, call.request), call.request)
        armed = yield from perform(lambda: self._arm(held, write, fresh, sealed))
        if isinstance(armed, NotArmed):
            return armed.ended
        permit = self.ctx.permits.mint(
            intent.intent_id, write=write.name, digest=sealed, send_by=armed.send_by
        )
        sending = self.hands.send(planned, write, call, permit, armed=armed.intent)
        (outcome,) = yield from together([sending], 1)
        if isinstance(outcome, Failed):
            self.report.writes += _may_have_written(outcome.error)
            return (yield from self._refused(held, armed.intent, outcome.error, write))
        self.report.writes += 1
        return (yield from self._accepted(held, armed.intent, outcome.value, write))

    def _arm(self, held: Claim, write: StatusWrite, fresh: Fresh, sealed: str) -> Armed | NotArmed:
        hidden = self.hands.hidden_seconds(write)
        # It is made to survive a power cut by the hands, before its bytes leave.
        with self.ctx.ledger.transaction(durable=False) as txn:
            return arm(
                txn,
                self.ctx,
                held,
                write=write,
                fresh=fresh,
                digest=sealed,
                hidden_seconds=hidden,
                cap=self.engine.cap_per_hour,
                expand=self.expand,
                wall=self._wall,
            )

    def _accepted(self, held: Claim, intent: IntentRow, said: Accepted, write: StatusWrite) -> Flow[bool]:
        hidden = self.hands.hidden_seconds(write)
        evidence = _evidence(write, said.answer, said.request_id)
        if hidden > 0:
            until = self.ctx.ledger.clock.now() + hidden
            noted = evolve(intent, evidence=json.dumps(evidence))
            yield from perform(lambda: self._settle(held, noted, until, "accepted", evidence, accepted=True))
            return False
        if said.carried is not None:
            fresh = self._interpreted(said.carried)
        else:
            again = yield from self._reread(held, intent, evidence=evidence)
            if again is None:
                return False
            fresh = again
        step = confirm(intent, fresh, write=write, refusal=None)
        return (yield from self._after(held, intent, step, fresh, write, evidence, outcome="accepted"))

    def _refused(self, held: Claim, intent: IntentRow, error: Exception, write: StatusWrite) -> Flow[bool]:
        if not isinstance(error, (VendorError, GuardError, BadRecord)):
            raise error
        evidence = _evidence(write, getattr(error, "status", None), getattr(error, "request_id", ""))
        if proves_nothing_happened(error) and not isinstance(error, (Unauthorized, Throttled)):
            # To have come too late is the bridge's own doing, and costs the intent nothing.
            count = not isinstance(error, TooLate)
            self._note_unavailable(error)
            yield from self._back(held, intent, why=str(error), unsent=True, count=count, outcome="not sent")
            return False
        if not isinstance(error, (Refused, NotFound, Forbidden, Unauthorized, Throttled)):
            until = intent.settles_at or 0.0
            yield from perform(lambda: self._settle(held, intent, until, "no answer", evidence))
            return False
        doubtful = isinstance(error, Doubtful)
        fresh = yield from self._reread(held, intent, refused_by=write, evidence=evidence, doubtful=doubtful)
        if fresh is None:
            return False
        step = confirm(intent, fresh, write=write, refusal=error)
        if isinstance(step, Back) and isinstance(error, Unauthorized) and intent.why == step.why:
            # Twice in a row, with a read that was answered in between: a person must mend the credential.
            yield from self._back(held, intent, why=step.why, unsent=True, count=False, outcome="refused")
            why = f"the ATS refused a write: {type(error).__name__}: {error.message}"
            yield from perform(lambda: self._do(lambda txn: stop(txn, self.ctx, why)))
            return False
        outcome = "doubtful" if doubtful else "refused"
        return (yield from self._after(held, intent, step, fresh, write, evidence, outcome=outcome))

    def _reread(
        self,
        held: Claim,
        intent: IntentRow,
        *,
        refused_by: StatusWrite | None = None,
        evidence: Mapping[str, Any],
        doubtful: bool = False,
    ) -> Flow[Fresh | Gone | None]:
        """Read after an answer; None where the ATS cannot be read now, and the intent has been put off."""
        ref = Ref(self.ctx.connection, Kind.APPLICATION, intent.application)
        try:
            fresh = yield from self._read(ref)
            hidden = self.hands.hidden_seconds(refused_by) if refused_by else 0.0
            if hidden > 0 and isinstance(fresh, Fresh) and fresh.state.same(expected_of(intent)):
                yield from sleep(hidden)
                fresh = yield from self._read(ref)
            return fresh
        except (VendorError, BadRecord) as error:
            if doubtful:
                # It proved nothing: the attempt stays open, as one without an answer does.
                until = intent.settles_at or 0.0
                yield from perform(lambda: self._settle(held, intent, until, "doubtful", evidence))
                return None
            if refused_by is not None:
                # The refusal proved that nothing happened: what to do now, the next read decides.
                yield from self._unread(held, intent, error, unsent=True, outcome="refused")
                return None
            noted = evolve(intent, evidence=json.dumps(evidence))
            # It need not wait, and is left to the next push: this one has just asked in vain.
            yield from perform(lambda: self._settle(held, noted, 0.0, "accepted", evidence, accepted=True))
            return None

    def _settle(
        self,
        held: Claim,
        intent: IntentRow,
        until: float,
        outcome: str,
        evidence: Mapping[str, Any],
        *,
        accepted: bool = False,
    ) -> None:
        def action(txn: Txn) -> None:
            settle(txn, held, intent, until=until, accepted=accepted)
            answered(txn, intent, outcome=outcome, evidence=evidence, wall=self._wall)

        self._do(action)

    def _back(
        self,
        held: Claim,
        intent: IntentRow,
        *,
        why: str,
        unsent: bool,
        count: bool = True,
        later_seconds: float = 0.0,
        outcome: str = "",
    ) -> Flow[None]:
        returned = intent if count else evolve(intent, returns=intent.returns - 1)
        later = self.ctx.ledger.clock.now() + later_seconds if later_seconds else 0.0

        def action(txn: Txn) -> None:
            back(txn, held, returned, why=why, unsent=unsent, later=later)
            if outcome:
                answered(txn, intent, outcome=outcome, evidence={}, wall=self._wall)

        yield from perform(lambda: self._do(action))

    def _unread(
        self,
        held: Claim,
        intent: IntentRow,
        error: VendorError | BadRecord | GuardError,
        *,
        unsent: bool = False,
        outcome: str = "",
    ) -> Flow[None]:
        """Put an intent off whose application could not be read.

        An ATS that is down costs the intent nothing, a refused credential stops
        the connection; what remains is this one record's fault, and is counted.
        """
        why = f"the ATS could not be read: {type(error).__name__}: {error.message}"
        count = not isinstance(error, (Unavailable, Unauthorized, Forbidden))
        self._note_unavailable(error)
        yield from self._back(held, intent, why=why, unsent=unsent, count=count, outcome=outcome)
        if isinstance(error, (Unauthorized, Forbidden)):
            yield from perform(lambda: self._do(lambda txn: stop(txn, self.ctx, why)))

    def _note_unavailable(self, error: Exception) -> None:
        """A bad answer is one record's; all else that makes the ATS unavailable concerns the next as well."""
        if isinstance(error, Unavailable) and not isinstance(error, BadPayload):
            self.report.unavailable = True

    def _after(
        self,
        held: Claim,
        intent: IntentRow,
        step: Close | Write | Settle | Back,
        fresh: Fresh | Gone,
        write: StatusWrite,
        evidence: Mapping[str, Any],
        *,
        outcome: str = "",
    ) -> Flow[bool]:
        """Carry out what the policy said."""
        if isinstance(step, Settle):
            until, answer = intent.settles_at or 0.0, int(bool(outcome))
            # A refusal behind an attempt in doubt counts as a return: it may not go on for ever.
            refused = evolve(
                intent,
                open_attempts=max(1, intent.open_attempts - answer),
                returns=intent.returns + answer,
            )
            yield from perform(lambda: self._settle(held, refused, until, outcome, evidence))
            return False
        if isinstance(step, Back):
            wait = step.later_seconds
            yield from self._back(
                held, intent, why=step.why, unsent=True, later_seconds=wait, outcome=outcome
            )
            return True
        assert isinstance(step, Close)  # noqa: S101 - `confirm` never says Write
        told = evidence or (json.loads(intent.evidence) if intent.evidence else _evidence(write, None))
        seen = fresh if isinstance(fresh, Fresh) else None

        def action(txn: Txn) -> None:
            close(txn, held, intent, step, fresh=seen, evidence=told, expand=self.expand, wall=self._wall)
            if outcome:
                answered(txn, intent, outcome=outcome, evidence=told, wall=self._wall)
            if seen is not None:
                clear(txn, Ref(self.ctx.connection, Kind.APPLICATION, intent.application))

        yield from perform(lambda: self._do(action))
        if isinstance(fresh, Gone):
            yield from self._bury(intent, fresh)
        self.ctx.progress(Progress(verb="push", what=step.result, done=self.report.writes))
        return True

    def _bury(self, intent: IntentRow, gone: Gone) -> Flow[None]:
        """The tombstone of an application that was found gone, where that is believed already."""
        ref = Ref(self.ctx.connection, Kind.APPLICATION, intent.application)
        mark, key = gone.tombstone, (ref.connection, ref.kind.value, ref.id)

        def believed(txn: Txn) -> tuple[Known | None, bool]:
            known = txn.get(Known, *key)
            if known is None or known.deleted or is_believed(txn, ref, mark.kind, wall=self._wall):
                return known, True
            suspect(txn, ref, wall=self._wall)
            return known, False

        held, gone_for_good = yield from perform(lambda: self._do(believed))
        if not gone_for_good:
            return
        record = tombstone(ref, mark.kind, self.ctx.now(), into=mark.into)
        if held is not None:
            # It replaces what is held, whenever that was read.
            record = no_earlier(record, held.read_at)
        yield from self.ctx.crm.write([Delivery(record=record)])
        read_at = record.read_at.timestamp()

        def note(txn: Txn) -> None:
            known = txn.get(Known, *key)
            if known is not None:
                buried = evolve(known, deleted=mark.kind.value, read_at=max(known.read_at, read_at))
                txn.put([evolve(buried, digest=None)])

        yield from perform(lambda: self._do(note))

    # -- receipts --

    def deliver_receipts(self) -> Flow[None]:
        """Tell the CRM what has ended: the application as it was re-read, then the receipts."""
        ctx = self.ctx
        where = Where(equal={"connection": ctx.connection, "delivered": 0, "open": 0})
        while True:
            if not (yield from perform(lambda: ctx.ledger.look(lambda txn: txn.count(Update, where)))):
                return
            # What the CRM is told must survive a power cut, which the closing commits may not.
            rows, known = yield from perform(lambda: flush(ctx, lambda txn: self._undelivered(txn, where)))
            if not rows:  # another worker has told it meanwhile
                return
            receipts = [self._worded(parse_receipt(row.receipt), known) for row in rows if row.receipt]
            deliveries = [d for r in receipts if (d := self._delivery(r)) is not None]
            if deliveries:
                yield from ctx.crm.write(deliveries)
            yield from ctx.crm.receive(receipts)
            told = [evolve(row, delivered=1) for row in rows]
            yield from perform(lambda: self._do(lambda txn: txn.put(told)))
            self.report.receipts.extend(receipts)

    def _undelivered(self, txn: Txn, where: Where) -> tuple[list[Update], dict[str, Known]]:
        rows = txn.find(Update, where, order=("number",), limit=_BATCH)
        ids = sorted({row.application for row in rows})
        return rows, txn.get_many(Known, (self.ctx.connection, Kind.APPLICATION.value), ids)

    def _worded(self, receipt: Receipt, known: Mapping[str, Known]) -> Receipt:
        """A receipt with its state after in the CRM's words."""
        row = known.get(receipt.application.id)
        if row is None or receipt.after is None:
            return receipt
        after = receipt.after
        app = application_from(evolve(row, stage=after.stage, status=after.status.value, reason=after.reason))
        words = Words(self.engine.step(app), self.engine.status(app), self.engine.reason(app))
        return evolve(receipt, words=words)

    def _delivery(self, receipt: Receipt) -> Delivery | None:
        """The inbound refresh that goes with a receipt, where this run has read the application."""
        fresh = self._fresh.pop(receipt.application, None)
        if fresh is None or receipt.base is None or not isinstance(fresh.application, Application):
            return None
        app = fresh.application
        if receipt.read_at is not None:
            at = receipt.read_at.timestamp()
            if overtaken(app.read_at.timestamp(), held=at, now=self._wall):
                return None
            app = no_earlier(app, at)
        if (receipt.base.stage, receipt.base.status) != (fresh.state.stage, fresh.state.status):
            return None
        return Delivery(
            record=self.engine.shape(app),
            step=self.engine.step(app),
            status=self.engine.status(app),
            reason=self.engine.reason(app),
            base=receipt.base,
        )

    def tally(self) -> Flow[None]:
        """Count what stays open, and say what holds it back."""

        def count(txn: Txn) -> None:
            report, mine = self.report, {"connection": self.ctx.connection}
            report.settling = txn.count(IntentRow, Where(equal={**mine, "state": "settling"}))
            waiting = Where(equal=mine, among={"state": ["pending", "leased", "in_flight"]})
            report.pending = txn.count(IntentRow, waiting)
            report.stopped = bool(control(txn, self.ctx.connection).stopped)
            report.unapproved = report.pending > 0 and awaits_approval(self.ctx)
            report.held_back = report.held_back or held_back(txn, self.ctx)

        yield from perform(lambda: self.ctx.ledger.look(count))


def _position_text(position: Any) -> str:
    """A feed's position as the ledger keeps it."""
    try:
        return json.dumps(position)
    except (TypeError, ValueError, RecursionError):
        pass
    raise CrmError(
        f"the CRM's feed of changes gave a position that is no JSON: a {type(position).__name__}",
        advice="mend the CRM connector: a position is of dicts, lists, texts, numbers, true, false and null",
    )


def _own(call: Call[Fresh | None], deadline_seconds: float) -> Call[Fresh | None]:
    """A call that its adapter cannot change any more: what is authorised is what is sealed and sent."""
    asked = call.request
    return Call(evolve(asked, body=deepcopy(asked.body), deadline_seconds=deadline_seconds), call.parse)


def _may_have_written(error: Exception) -> bool:
    if isinstance(error, (Refused, NotFound, Forbidden)):
        return isinstance(error, Doubtful)
    # The ledger is asked before the bytes leave.
    return not (isinstance(error, LedgerError) or proves_nothing_happened(error))


def _words(state: State, catalogue: Catalogue) -> str:
    """A target in the ATS's own names."""
    stage, reason = catalogue.stage(state.stage), catalogue.reason(state.reason)
    said = (stage and stage.name) or state.stage, state.status, reason and reason.name
    return ", ".join(str(part) for part in said if part)


def _as_intent(row: IntentRow) -> Intent:
    return Intent(
        intent_id=row.intent_id,
        application=Ref(row.connection, Kind.APPLICATION, row.application),
        action=Action(row.action),
        target=target_of(row),
        expected=expected_of(row),
        acting_user=row.acting_user,
        after=row.after,
    )


def _evidence(write: StatusWrite, answer: int | None, request_id: str = "") -> dict[str, Any]:
    return {
        "write": write.name,
        "cas": write.cas.value,
        "side_effects": sorted(write.side_effects),
        "answer": answer,
        "request_id": request_id,
    }
