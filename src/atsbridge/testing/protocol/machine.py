"""What can happen next: every step of the real flows, every fault, every person, and time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime
from typing import Any, cast

from attrs import define, evolve, field

from ...ats.interface import Fresh, Gone
from ...errors import (
    LeaseLost,
    NoAnswer,
    NotFound,
    Refused,
    StateChanged,
    Throttled,
    TooLate,
    Unauthorized,
    Unavailable,
)
from ...ledgers.memory import MemoryLedger
from ...mapping import load_mapping
from ...model import Base, Intent, Kind, Ref, State, StatusUpdate, TombstoneKind
from ...sync.context import Context
from ...sync.hands import Accepted
from ...sync.ledger import Attempt, Control, IntentRow, Known, Lease, Update
from ...sync.outbound import Outbound
from ...sync.protocol import due
from ...sync.reality import Reality
from ...sync.receipts import parse_receipt
from ...sync.status import set_paused
from ...wire.client import Client
from ...wire.effects import Done, Failed, Flow, Perform, Permit, Request, Send, Sleep, Together
from ...wire.guard import Permits
from ...wire.operations import Call
from ...wire.vendor import StatusWrite
from . import verdicts
from .crm import ModelCrm
from .environment import Answer, Flight, Log, ModelClock, Worker, World, copied
from .model_ats import (
    ACTIVE,
    APPLICATION,
    CONNECTION,
    EPOCH,
    ID,
    REJECTED,
    Account,
    Entry,
    after_write,
    asked_of,
    configuration,
    fresh_read,
    model_ats,
)
from .scenarios import Change, Scenario

Lane = Generator[Any, Any, bool]
Step = tuple[str, World, bool]
"""What happens, the world after it, and whether it happens by itself: no fault, and nobody's doing."""

_PERSON = "person"
_INTAKE_DIES = (3, 4)
"""After so many effects of intake: before changes are committed, and before they are acknowledged."""


class ModelHands:
    """Yields the read and the send; the machine answers them."""

    def read(self, ref: Ref) -> Flow[Fresh | Gone]:
        found = yield Request(operation="read", method="GET", url=f"/applications/{ref.id}")
        return cast("Fresh | Gone", found)

    def catalogue(self) -> Flow[Any]:
        raise NotImplementedError("the model's configuration is given")

    def ready(self) -> Flow[None]:
        return
        yield

    def send(
        self,
        intent: Intent,
        write: StatusWrite,
        call: Call[Fresh | None],
        permit: Permit,
        *,
        armed: IntentRow,
    ) -> Flow[Accepted]:
        return cast("Accepted", (yield Send(call.request, permit)))

    def hidden_seconds(self, write: StatusWrite) -> float:
        return write.visible_within_seconds


def _mapping(scenario: Scenario) -> dict[str, Any]:
    rules: dict[str, Any] = {"reactivate": True, "change_ended": True}
    if scenario.not_after_days is not None:
        rules["not_after_days"] = scenario.not_after_days
    return {
        "version": 1,
        "scope": {"prospects": True, "terminal": True},
        "steps": {name: {"stages": [name]} for name in "ABCH"},
        "statuses": {"Active": {"is": "active"}, "Rejected": {"is": "rejected", "reason": "R"}},
        "reasons": {"R": {"reasons": ["R"]}},
        "rules": rules,
        "write": {"mode": "on"},
    }


@define
class Machine:
    """One scenario, set up; `steps` is a function from a world to what can follow it."""

    scenario: Scenario
    clock: ModelClock = field(factory=ModelClock)
    crm: ModelCrm = field(factory=ModelCrm)
    ledger: MemoryLedger = field(init=False)
    doing: str = field(default="", init=False)
    """What is being tried: the last line of a schedule that ends in a violation."""
    _now: float = field(default=0.0, init=False)
    _outbounds: dict[str, Outbound] = field(factory=dict, init=False)
    _config: Any = field(init=False)
    _reality: Reality = field(init=False)
    _engine: Any = field(init=False)
    _ats: Any = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.ledger = MemoryLedger(clock=self.clock)
        self._ats = model_ats(self.scenario.kind, clears_stage=self.scenario.clears_stage)
        self._config = load_mapping(_mapping(self.scenario))
        self._reality = Reality.of(configuration())
        self._engine = self._reality.compile(self._config)

    def outbound(self, worker: str) -> Outbound:
        """The real outbound work of one worker. It keeps nothing that a lane goes by."""
        if worker not in self._outbounds:
            context = Context(
                connection=CONNECTION,
                ats=self._ats,
                client=Client(
                    vendor=self._ats.VENDOR,
                    connection=CONNECTION,
                    scheme=self._ats.auth(),
                    clock=lambda: self._now,
                ),
                crm=self.crm,
                ledger=self.ledger,
                mapping=self._config,
                permits=Permits(),
                approved=self._ats.VENDOR.surface_digest,
                tuning=self.scenario.tuning,
                now=lambda: datetime.fromtimestamp(EPOCH + self._now, UTC),
                worker=worker,
            )
            self._outbounds[worker] = Outbound(
                ctx=context, hands=ModelHands(), reality=self._reality, engine=self._engine
            )
        return self._outbounds[worker]

    def start(self) -> World:
        """Everything at rest, the application as it was delivered to the CRM, the changes in its feed."""
        scenario = self.scenario
        tables = copied(MemoryLedger(clock=self.clock).tables)
        state = scenario.start
        known = Known(
            connection=CONNECTION,
            kind=Kind.APPLICATION.value,
            id=ID,
            digest=None,
            read_at=EPOCH,
            stage=state.stage,
            status=state.status.value,
            delivery=1,
        )
        tables[Known][known.key] = known
        row = Control(connection=CONNECTION, next_delivery=2)
        tables[Control][row.key] = row
        return World(
            tables=tables,
            account=Account(entries=(Entry(state, "start", False),)),
            workers=tuple(Worker(place=n) for n in range(scenario.workers)),
            feed=tuple(range(len(scenario.changes))),
            faults=scenario.faults,
            moves=scenario.moves,
            pauses=scenario.pauses,
            log=Log(),
        )

    # -- what can follow --

    def steps(self, world: World) -> Iterator[Step]:
        """Everything that can happen next."""
        self._set(world)
        stoppage = control_of(world)
        working = not stoppage.paused and not stoppage.stopped
        names = self._due(world) if working else []
        for worker in world.workers:
            if worker.effect is not None:
                yield from self._stepped(world, worker)
            elif names:
                yield from self._begun(world, worker)
        yield from self._taken_in(world)
        yield from self._people(world)
        for flight in world.flights:
            rest = tuple(f for f in world.flights if f is not flight)
            for label, after, _ in self._arrived(evolve(world, flights=rest), flight):
                yield f"a late request arrives: {label}", after, True
        yield from self._breakdowns(world)
        yield from self._switches(world, stoppage)
        yield from self._time(world, waiting=bool(names))

    def _set(self, world: World) -> None:
        self.ledger.tables = world.tables
        self.clock.boot = f"boot-{world.boot}"
        self._set_time(world, world.now)

    def _set_time(self, world: World, now: float) -> None:
        self._now, self.clock.value = now, now - world.booted_at

    def _fault(self, world: World, name: str) -> World | None:
        """The world with one fault fewer to come; None where this one may not happen."""
        if name not in self.scenario.possible or not world.faults:
            return None
        return evolve(world, faults=world.faults - 1)

    def _due(self, world: World) -> list[str]:
        context = self.outbound("looks").ctx
        return self.ledger.look(lambda txn: due(txn, context, self.ledger.clock.now()))

    # -- workers --

    def _begun(self, world: World, worker: Worker) -> Iterator[Step]:
        lane = self.outbound(worker.name).lane(ID)
        effect = next(lane)
        yield self._perform(world, evolve(worker, effect="claim", answers=()), lane, effect)

    def _resumed(self, world: World, worker: Worker) -> tuple[Lane, Any]:
        """The worker's lane, brought to where it stood by the answers it was given."""
        lane = self.outbound(worker.name).lane(ID)
        effect = next(lane)
        for answer in worker.answers:
            self._set_time(world, answer.at)
            effect = lane.throw(answer.value) if answer.raised else lane.send(answer.value)
        self._set_time(world, world.now)
        return lane, effect

    def _stepped(self, world: World, worker: Worker) -> Iterator[Step]:
        worker = evolve(worker, frozen=False)
        if worker.effect == "read":
            yield from self._reads(world, worker)
        elif worker.effect == "send":
            yield from self._sends(world, worker)
        elif worker.effect == "sleep":
            if world.now >= (worker.asleep_until or 0.0):
                awake = evolve(worker, asleep_until=None)
                yield f"{worker.name} wakes", self._answered(world, awake, None), True
        else:
            lane, effect = self._resumed(world, worker)
            yield self._perform(world, worker, lane, effect)

    def _perform(self, world: World, worker: Worker, lane: Lane, effect: Any) -> Step:
        assert isinstance(effect, Perform)  # noqa: S101 - what the lane stands before
        self.doing = f"{worker.name}: {worker.effect}"
        before = world.tables
        after = evolve(world, tables=copied(before))
        self.ledger.tables = after.tables
        answer = _tried(effect.action, world.now)
        label = f"{worker.name}: {worker.effect}" + (f" ({_named(answer.value)})" if answer.raised else "")
        after = self._went_on(after, worker, lane, answer)
        verdicts.committed(before, after, self.scenario)
        self._set(world)
        return label, after, True

    def _answered(self, world: World, worker: Worker, value: Any, *, raised: bool = False) -> World:
        """The world after a worker was given an answer."""
        lane, _ = self._resumed(world, worker)
        return self._went_on(world, worker, lane, Answer(value, raised, world.now))

    def _went_on(self, world: World, worker: Worker, lane: Lane, answer: Answer) -> World:
        try:
            effect = lane.throw(answer.value) if answer.raised else lane.send(answer.value)
        except (StopIteration, LeaseLost, Unavailable):
            return _with(world, _idle(worker))
        except Exception as error:
            raise verdicts.Violation("I10", f"a push ends in {type(error).__name__}: {error}") from error
        name = _effect_name(effect, lane, worker.effect)
        if name == "claim":
            # From here on the lane does what a lane that begins anew would do.
            return _with(world, _idle(worker))
        sleeps = world.now + effect.seconds if isinstance(effect, Sleep) else None
        answers = (*worker.answers, answer)
        return _with(world, evolve(worker, effect=name, answers=answers, asleep_until=sleeps))

    def _reads(self, world: World, worker: Worker) -> Iterator[Step]:
        shown = world.account.shown(world.now)
        fresh = fresh_read(world.account, shown, kind=self.scenario.kind, now=world.now)
        reader = evolve(worker, shown=shown)
        yield f"{worker.name} reads {_shown(fresh)}", self._answered(world, reader, fresh), True
        for name, error in (("read fails", Unavailable()), ("read 401", Unauthorized())):
            faulty = self._fault(world, name)
            if faulty is not None:
                yield f"{worker.name}: {name}", self._answered(faulty, worker, error, raised=True), False

    # -- sending --

    def _sends(self, world: World, worker: Worker) -> Iterator[Step]:
        _, effect = self._resumed(world, worker)
        assert isinstance(effect, Together)  # noqa: S101 - what the lane stands before
        sent = next(cast("Generator[Any, Any, Any]", effect.flows[0]))
        flight = self._flight(world, worker, sent)

        def told(label: str, after: World, outcome: Any, free: bool) -> Step:
            return f"{worker.name} {label}", self._answered(after, worker, [outcome]), free

        if self.scenario.keeps_send_by and world.now > sent.permit.send_by:
            yield told("sends too late", world, Failed(TooLate()), True)
            return
        left = evolve(world, log=evolve(world.log, asked=world.log.asked | {_event(flight.intent_id)}))
        for label, after, reply in self._arrived(left, flight):
            yield told(f"sends: {label}", after, reply, True)
            lost = self._fault(after, "lost answer")
            if lost is not None:
                yield told(f"sends: {label}, and the answer is lost", lost, Failed(NoAnswer()), False)
            bare = self._fault(after, "accepted, no record")
            if bare is not None and isinstance(reply, Done) and reply.value.carried is not None:
                yield told(f"sends: {label}, without the record", bare, Done(Accepted()), False)
        for name, error in (
            ("lost request", NoAnswer()),
            ("not sent", NoAnswer(sent=False)),
            ("401", Unauthorized()),
            ("429", Throttled()),
            ("422", Refused()),
        ):
            faulty = self._fault(left, name)
            if faulty is not None:
                yield told(f"sends: {name}", faulty, Failed(error), False)
        late = self._fault(left, "late request")
        if late is not None:
            on_its_way = evolve(late, flights=(*late.flights, flight))
            yield told("sends: it is on its way", on_its_way, Failed(NoAnswer()), False)

    def _flight(self, world: World, worker: Worker, sent: Send) -> Flight:
        intent_id = sent.permit.intent_id
        rows = world.tables[Attempt].values()
        if not any(isinstance(r, Attempt) and r.digest == sent.permit.digest for r in rows):
            raise verdicts.Violation("I6", f"{intent_id} was sent, and no attempt of it is on record")
        asked = asked_of(sent.request.operation, sent.request.body)
        return Flight(intent_id, _sequence(self.scenario, intent_id), asked, worker.shown, world.now)

    def _arrived(self, world: World, flight: Flight) -> Iterator[tuple[str, World, Any]]:
        """The ATS decides on a request: what, the world after it, and the answer."""
        account, scenario = world.account, self.scenario
        if account.gone is not None:
            yield "not found", world, Failed(NotFound())
            return
        after = after_write(
            account, flight.asked, clears_stage=scenario.clears_stage, moves_ended=scenario.moves_ended
        )
        if isinstance(after, str):
            yield f"refused, {after}", world, Failed(StateChanged() if after == "changed" else Refused(after))
            return
        self.doing = f"the ATS accepts {flight.intent_id}"
        log = verdicts.accepted(world, flight, after, scenario)
        delays = (0.0, scenario.kind.visible) if scenario.kind.visible else (0.0,)
        for delay in delays:
            moved = flight.asked.action.value == "move"
            visible_at = world.now + delay if delay else 0.0
            changed = account.changed(after, flight.intent_id, moved=moved, visible_at=visible_at)
            accepted = evolve(world, account=changed, log=log)
            record: Any = None
            if not scenario.kind.visible:
                record = fresh_read(changed, len(changed.entries), kind=scenario.kind, now=world.now)
            yield f"accepted{', shows later' if delay else ''}", accepted, Done(Accepted(carried=record))

    # -- the recruiter --

    def _taken_in(self, world: World) -> Iterator[Step]:
        if any(w.effect in ("read", "send", "sleep") for w in world.workers):
            return  # the same as before that worker's next transaction
        for place in world.feed:
            change = self.scenario.changes[place]
            base = self._base(world, change)
            if base is None:
                continue
            free = place == world.feed[0]
            chosen = world if free else self._fault(world, "disorder")
            if chosen is not None:
                yield from self._intake(chosen, place, base, free=free)
        again = self._fault(world, "again")
        for place in sorted(world.taken) if again is not None else ():
            base = self._base(world, self.scenario.changes[place])
            if base is not None and again is not None:
                yield from self._intake(again, place, base, free=False)

    def _base(self, world: World, change: Change) -> Base | None:
        first = Base(self.scenario.start.stage, self.scenario.start.status, 1)
        if not change.on_receipt:
            return first
        held = world.tables[Update].get((CONNECTION, self.scenario.changes[0].event_id))
        if not isinstance(held, Update) or held.receipt is None:
            return None
        return parse_receipt(held.receipt).base or first

    def _intake(self, world: World, place: int, base: Base, *, free: bool) -> Iterator[Step]:
        """The real intake of one change; with a fault, the process ends before one of its effects."""
        change = self.scenario.changes[place]
        update = StatusUpdate(
            event_id=change.event_id,
            application=APPLICATION,
            step=change.step,
            status=change.status,
            base=base,
            actor=change.actor,
            sequence=change.sequence,
            occurred_at=datetime.fromtimestamp(EPOCH + 1000.0, UTC),
        )
        yield f"{change.event_id} is taken in", self._run_intake(world, place, update, None), free
        dying = self._fault(world, "crash")
        for dies_before in _INTAKE_DIES if dying is not None else ():
            assert dying is not None  # noqa: S101 - the loop is empty else
            after = self._run_intake(dying, place, update, dies_before)
            yield f"{change.event_id} is taken in, and intake dies before effect {dies_before}", after, False

    def _run_intake(self, world: World, place: int, update: StatusUpdate, dies_before: int | None) -> World:
        self.doing = f"{update.event_id} is taken in"
        after = evolve(world, tables=copied(world.tables))
        self._set(after)
        self.crm.offered[:], self.crm.acknowledged[:] = [update], []
        _run(self.outbound("intake").intake(), dies_before)
        verdicts.committed(world.tables, after, self.scenario)
        self._set(world)
        acknowledged = update.event_id in self.crm.acknowledged
        feed = tuple(p for p in world.feed if p != place or not acknowledged)
        taken = (
            world.taken | {place} if (CONNECTION, update.event_id) in after.tables[Update] else world.taken
        )
        return evolve(after, feed=feed, taken=taken)

    # -- people, breakdowns, time --

    def _people(self, world: World) -> Iterator[Step]:
        """What people do in the ATS, right before something that can see it."""
        if not world.moves or world.account.gone is not None:
            return
        if not world.flights and not any(w.effect in ("read", "send") for w in world.workers):
            return
        left = evolve(world, moves=world.moves - 1, log=evolve(world.log, foreign=True))
        for deed in self.scenario.people:
            account = self._done_by_person(world.account, deed)
            if account is not None:
                yield f"a person: {deed}", evolve(left, account=account), False

    def _done_by_person(self, account: Account, deed: str) -> Account | None:
        here = account.state
        if deed in ("delete", "merge"):
            return evolve(account, gone=TombstoneKind.DELETED if deed == "delete" else TombstoneKind.MERGED)
        if deed == "reject":
            state = State(None if self.scenario.clears_stage else here.stage, REJECTED, "R")
            return account.changed(state, _PERSON, moved=False) if here.status is ACTIVE else None
        if deed == "reactivate":
            stage = next(e.state.stage for e in reversed(account.entries) if e.state.stage)
            state = State(stage, ACTIVE)
            return account.changed(state, _PERSON, moved=False) if here.status is REJECTED else None
        if here.status is not ACTIVE or here.stage == deed:
            return None
        return account.changed(State(deed, ACTIVE), _PERSON, moved=True)

    def _breakdowns(self, world: World) -> Iterator[Step]:
        dying = self._fault(world, "crash")
        stopping = self._fault(world, "pause")
        for worker in world.workers:
            if worker.effect is None:
                continue
            if dying is not None and worker.effect != "read":
                yield f"{worker.name} dies before: {worker.effect}", _dead(dying, worker), False
            if stopping is not None and not worker.frozen and worker.effect != "sleep":
                frozen = _with(stopping, evolve(worker, frozen=True))
                yield f"{worker.name} stops for a while before: {worker.effect}", frozen, False
        booting = self._fault(world, "reboot")
        if booting is not None and world.boot < 1:
            for worker in world.workers:
                booting = _dead(booting, worker)
            yield "the machine boots anew", evolve(booting, boot=world.boot + 1, booted_at=world.now), False

    def _switches(self, world: World, stoppage: Control) -> Iterator[Step]:
        if stoppage.paused or stoppage.stopped:
            yield "a person resumes", self._paused(world, False), True
        elif world.pauses:
            yield "a person pauses", self._paused(evolve(world, pauses=world.pauses - 1), True), False

    def _paused(self, world: World, paused: bool) -> World:
        after = evolve(world, tables=copied(world.tables))
        self._set(after)
        _run(set_paused(self.outbound("person").ctx, paused), None)
        self._set(world)
        return after

    def _time(self, world: World, *, waiting: bool) -> Iterator[Step]:
        """Time goes on to the next moment that matters, where nobody is about to do something."""
        if any(w.effect is not None and not w.frozen and w.asleep_until is None for w in world.workers):
            return
        idle = any(w.effect is None for w in world.workers)
        chosen = self._fault(world, "pause") if waiting and idle else world
        moment = min((m for m in self._moments(world) if m > world.now), default=None)
        if chosen is None or moment is None:
            return
        deadline = self.scenario.tuning.deadline_seconds
        if not self.scenario.beyond and any(moment >= f.sent_at + deadline for f in world.flights):
            return  # what is on its way arrives before
        yield f"time goes on by {moment - world.now:g} s", evolve(chosen, now=moment), chosen is world

    def _moments(self, world: World) -> Iterator[float]:
        boot = f"boot-{world.boot}"
        for row in world.tables[IntentRow].values():
            assert isinstance(row, IntentRow)  # noqa: S101 - what the table holds
            if row.state != "closed" and row.boot == boot:
                yield from (world.booted_at + t for t in (row.not_before, row.settles_at or 0.0))
            if row.state != "closed" and row.not_after is not None:
                yield row.not_after - EPOCH + 1
        for lease in world.tables[Lease].values():
            assert isinstance(lease, Lease)  # noqa: S101 - what the table holds
            if lease.boot == boot:
                yield world.booted_at + lease.until
        for worker in world.workers:
            if worker.asleep_until is not None:
                yield worker.asleep_until
            if worker.effect == "send":
                send_by = worker.answers[-1].value.send_by
                yield from (send_by, send_by + 1)
        yield from (entry.visible_at for entry in world.account.entries)

    # -- at rest --

    def check_rest(self, world: World) -> None:
        """Deliver the receipts, with a worker that dies on the way, and judge.

        Raises:
            Violation: something has not come to rest, or the CRM was not told.
        """
        self.doing = "and so it rests"
        after = evolve(world, tables=copied(world.tables))
        self._set(after)
        self.crm.told.clear()
        deliver = self.outbound("receipts").deliver_receipts
        _run(deliver(), 2)
        first = list(self.crm.told)
        self.crm.told.clear()
        _run(deliver(), None)
        if first and [r.event_id for r in first] != [r.event_id for r in self.crm.told]:
            raise verdicts.Violation("I4", "a receipt was not told again after the worker had died")
        verdicts.at_rest(after, self.scenario, self.crm.told)
        self._set(world)


def control_of(world: World) -> Control:
    row = world.tables[Control].get((CONNECTION,))
    assert isinstance(row, Control)  # noqa: S101 - the start puts it there
    return row


def _tried(action: Callable[[], Any], now: float) -> Answer:
    try:
        return Answer(action(), False, now)
    except Exception as error:
        return Answer(error, True, now)


def _run(flow: Flow[Any], dies_before: int | None) -> None:
    """Run a flow of transactions alone; or only the first few of them."""
    done = 0
    try:
        effect: Any = next(flow)
        while dies_before is None or done < dies_before:
            assert isinstance(effect, Perform)  # noqa: S101 - intake and receipts do nothing else
            effect = flow.send(effect.action())
            done += 1
    except StopIteration:
        return


def _effect_name(effect: Any, lane: Lane, previous: str | None) -> str:
    if isinstance(effect, Request):
        return "read"
    if isinstance(effect, Together):
        return "send"
    if isinstance(effect, Sleep):
        return "sleep"
    if getattr(getattr(lane, "gi_yieldfrom", None), "__name__", "") != "perform":
        return "commit"
    return "claim" if previous == "give back" else "give back"


def _with(world: World, worker: Worker) -> World:
    return evolve(world, workers=tuple(worker if w.place == worker.place else w for w in world.workers))


def _idle(worker: Worker) -> Worker:
    return Worker(place=worker.place, generation=worker.generation)


def _dead(world: World, worker: Worker) -> World:
    """The worker's process has ended, as anybody on this machine can see: its leases are free."""
    tables = copied(world.tables)
    for key, lease in tables[Lease].items():
        if isinstance(lease, Lease) and lease.worker == worker.name:
            tables[Lease][key] = evolve(lease, until=0.0)
    reborn = Worker(place=worker.place, generation=worker.generation + 1)
    return _with(evolve(world, tables=tables), reborn)


def _event(intent_id: str) -> str:
    return intent_id.rpartition("/")[0]


def _sequence(scenario: Scenario, intent_id: str) -> int:
    event = _event(intent_id)
    return next(c.sequence for c in scenario.changes if c.event_id == event)


def _named(value: Any) -> str:
    return type(value).__name__


def _shown(fresh: Fresh | Gone) -> str:
    if isinstance(fresh, Gone):
        return fresh.tombstone.kind
    return f"{fresh.state.stage}, {fresh.state.status}"
