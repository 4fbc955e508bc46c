"""One connection without a network: the tiny ATS, a CRM and a ledger in memory, and a driver of lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import define, evolve, field
from tiny_ats import CONNECTION, HOST, Account, TinyAts, body, moment, tiny_ats

from atsbridge.ats.interface import Catalogue, Fresh, PlannedWrite
from atsbridge.crm.interface import (
    Abilities,
    Crm,
    CrmFinding,
    Delivery,
    Feed,
    Held,
    Link,
    WriteResult,
    Written,
)
from atsbridge.drivers.scheduler import Scheduler
from atsbridge.errors import NoAnswer
from atsbridge.ledgers.memory import MemoryLedger
from atsbridge.mapping import MappingConfig, load_mapping
from atsbridge.model import (
    Action,
    Application,
    ApplicationStatus,
    Base,
    Kind,
    Reason,
    Receipt,
    Ref,
    Stage,
    State,
    StatusUpdate,
    Transition,
)
from atsbridge.sync.context import Context, Tuning
from atsbridge.sync.hands import RealHands
from atsbridge.sync.inbound import PullReport, pull
from atsbridge.sync.ledger import IntentRow, Known, Row, Update, Where
from atsbridge.sync.outbound import PushReport, push
from atsbridge.sync.outbox import Plan
from atsbridge.wire.client import Client
from atsbridge.wire.effects import Done, Failed, Flow, Perform, Permit, Request, Response, Send, Sleep
from atsbridge.wire.guard import Guard, Permits

ACTIVE, REJECTED = ApplicationStatus.ACTIVE, ApplicationStatus.REJECTED
START = 1000.0

MAPPING = """
version = 1
[scope]
prospects = true
[steps.A]
stages = ["A"]
[steps.B]
stages = ["B"]
[steps.C]
stages = ["C"]
[steps.H]
stages = ["H"]
[statuses.Active]
is = "active"
[statuses.Rejected]
is = "rejected"
[statuses.Withdrawn]
is = "withdrawn"
[statuses.Hired]
is = "hired"
[reasons.Unfit]
reasons = ["Unfit"]
[reasons.Left]
reasons = ["Left"]
[rules]
reactivate = true
hire = ["Hired"]
[write]
mode = "on"
"""


@define
class Clock:
    """One time for the ledger, the wire and the wall; it moves when it is told to.

    The wall's alone may be wrong, by ``wall_ahead`` seconds. By ``tick`` it goes on each time
    that somebody looks, as time really does.
    """

    value: float = START
    boot: str = "boot-0"
    wall_ahead: float = 0.0
    tick: Callable[[], float] | None = None

    def now(self) -> float:
        if self.tick is not None:
            self.value += self.tick()
        return self.value

    def wall(self) -> datetime:
        return moment(self.value + self.wall_ahead)


@define
class TinyCrm(Crm):
    """A CRM in memory: what it holds, its outbox, and everything it was told, in order.

    ``before`` is done before a call of this name, and ``fails`` is raised by the next.
    """

    abilities: frozenset[Abilities] = field(default=frozenset({Abilities.BASE, Abilities.SEQUENCE}))
    held: dict[Ref, Delivery] = field(factory=dict)
    offered: list[StatusUpdate] = field(factory=list)
    told: list[tuple[str, Any]] = field(factory=list)
    receipts: list[Receipt] = field(factory=list)
    requests: dict[Ref, StatusUpdate] = field(factory=dict)
    refuses: dict[str, Written] = field(factory=dict)
    fails: dict[str, Exception] = field(factory=dict)
    links: list[Link] = field(factory=list)
    page: int = 100
    before: dict[str, Callable[[], Any]] = field(factory=dict)

    def _say(self, what: str, about: Any) -> None:
        if what in self.before:
            self.before[what]()
        self.told.append((what, about))
        if what in self.fails:
            raise self.fails.pop(what)

    def write(self, batch: Sequence[Delivery]) -> Flow[Sequence[Written]]:
        self._say("write", [d.record.ref.id for d in batch])
        return [self._write(d) for d in batch]
        yield

    def _write(self, one: Delivery) -> Written:
        ref = one.record.ref
        if ref.id in self.refuses:
            return self.refuses[ref.id]
        before = self.held.get(ref)
        if before is not None and before.record.read_at > one.record.read_at:
            return Written(ref=ref, result=WriteResult.STALE)
        self.held[ref] = one
        result = WriteResult.UPDATED if before is not None else WriteResult.CREATED
        return Written(ref=ref, result=result)

    def changes(self, after: Any) -> Flow[Feed]:
        self._say("changes", after)
        at = after or 0
        found = self.offered[at : at + self.page]
        position = at + len(found)
        return Feed(updates=found, position=position, more=position < len(self.offered))
        yield

    def acknowledge(self, event_ids: Sequence[str]) -> Flow[None]:
        self._say("acknowledge", list(event_ids))
        return
        yield

    def receive(self, receipts: Sequence[Receipt]) -> Flow[None]:
        self._say("receive", [r.event_id for r in receipts])
        self.receipts.extend(receipts)
        for receipt in receipts:
            self._confirm(receipt)
            wanted = self.requests.get(receipt.application)
            if wanted is not None and wanted.event_id == receipt.event_id:
                del self.requests[receipt.application]
        return
        yield

    def _confirm(self, receipt: Receipt) -> None:
        """The confirmed part becomes the receipt's, unless a newer read is held."""
        held, after, read_at = self.held.get(receipt.application), receipt.after, receipt.read_at
        if held is None or after is None or read_at is None or held.record.read_at > read_at:
            return
        stage = Ref(CONNECTION, Kind.STAGE, after.stage) if after.stage else None
        record = evolve(held.record, stage=stage, status=after.status, read_at=read_at)  # type: ignore[call-arg]
        self.held[receipt.application] = evolve(held, record=record, base=receipt.base)

    def statuses(self, refs: Sequence[Ref]) -> Flow[Mapping[Ref, Held]]:
        if "statuses" in self.fails:
            raise self.fails.pop("statuses")
        found = {ref: self._held(ref, self.held[ref]) for ref in refs if ref in self.held}
        return found
        yield

    def _held(self, ref: Ref, one: Delivery) -> Held:
        wanted = self.requests.get(ref)
        record = one.record
        confirmed = record.state if isinstance(record, Application) and not record.deleted else None
        return Held(
            ref=ref,
            confirmed=confirmed,
            event_id=wanted.event_id if wanted else None,
            base=one.base,
            deleted=record.deleted is not None,
        )

    def refs(self, kind: Kind, after: str | None) -> Flow[tuple[Sequence[Ref], str | None]]:
        every = sorted(r for r, d in self.held.items() if r.kind is kind and d.record.deleted is None)
        some = [r for r in every if after is None or r.id > after][:2]
        return some, (some[-1].id if some and some[-1] != every[-1] else None)
        yield

    def check_access(self) -> Flow[tuple[CrmFinding, ...]]:
        return (CrmFinding(what="it is there", ok=True),)
        yield

    def match(self, candidates: Sequence[Ref], *, by_email: bool) -> Flow[Sequence[Link]]:
        self._say("match", ([c.id for c in candidates], by_email))
        return [link for link in self.links if link.candidate in candidates]
        yield


Happening = Callable[["World", Request], Response]
"""What becomes of a request, in place of a good answer."""


def lost_answer(world: World, asked: Request) -> Response:
    """It took effect, and nobody was told."""
    _ = world.account.answer(asked)
    raise NoAnswer("the connection ended", sent=True)


def lost_request(world: World, asked: Request) -> Response:
    """It may have been sent, and took no effect."""
    raise NoAnswer("no whole answer", sent=True)


def not_sent(world: World, asked: Request) -> Response:
    raise NoAnswer("no connection could be opened", sent=False)


def says(status: int, value: Any = None, **headers: str) -> Happening:
    """An answer in place of the account's."""
    return lambda world, asked: world.response(status, {} if value is None else value, **headers)


def first(change: Callable[[Account], Any], then: Happening | None = None) -> Happening:
    """Somebody is faster than this request."""

    def happen(world: World, asked: Request) -> Response:
        change(world.account)
        return then(world, asked) if then else world.good(asked)

    return happen


def after(change: Callable[[Account], Any]) -> Happening:
    """Somebody changes it between the effect of this request and the next read; the answer is empty."""

    def happen(world: World, asked: Request) -> Response:
        _ = world.account.answer(asked)
        change(world.account)
        return evolve(world.response(204, {}), body=b"")

    return happen


@define(kw_only=True)
class World:
    """One customer. ``writes`` and ``reads`` hold what happens to the next requests of that sort."""

    clock: Clock
    account: Account
    ats: TinyAts
    crm: TinyCrm
    ledger: MemoryLedger
    ctx: Context
    writes: list[Happening | None] = field(factory=list)
    reads: list[Happening | None] = field(factory=list)
    log: list[str] = field(factory=list)
    sequence: int = 0

    # -- the driver --

    def run(self, flow: Flow[Any]) -> Any:
        scheduler = Scheduler()
        run, jobs = scheduler.start(flow)
        waiting = list(jobs)
        while waiting:
            job = waiting.pop(0)
            waiting.extend(scheduler.resume(job.ticket, self.do(job.effect)))
        assert run.outcome is not None
        if isinstance(run.outcome, Failed):
            raise run.outcome.error
        return run.outcome.value

    def do(self, effect: Any) -> Done[Any] | Failed:
        try:
            return Done(self._do(effect))
        except Exception as error:
            return Failed(error)

    def _do(self, effect: Any) -> Any:
        match effect:
            case Request():
                return self.exchange(effect, None)
            case Send(request, permit):
                return self.exchange(request, permit)
            case Sleep(seconds):
                self.log.append(f"sleep {seconds:g}")
                self.clock.value += seconds
                return None
            case Perform(action):
                return action()
        raise AssertionError(effect)

    def exchange(self, asked: Request, permit: Permit | None) -> Response:
        guard = Guard(vendor=self.ats.VENDOR, base=HOST, scheme=self.ats.auth(), permits=self.ctx.permits)
        _ = guard.admit(asked, permit)
        self.log.append(f"{asked.method} {asked.url}")
        queue = self.writes if permit else self.reads
        happening = queue.pop(0) if queue else None
        return happening(self, asked) if happening else self.good(asked)

    def good(self, asked: Request) -> Response:
        return self.response(*self.account.answer(asked))

    def response(self, status: int, value: Any, **headers: str) -> Response:
        named = {"content-type": "application/json", "x-clock": repr(self.clock.value)}
        named |= {k.replace("_", "-"): v for k, v in headers.items()}
        return Response(status=status, headers=named, body=body(value), sent_at=self.now())

    def now(self) -> datetime:
        return self.clock.wall()

    # -- the verbs --

    def pull(self, **how: Any) -> PullReport:
        return self.run(pull(self.ctx, **how))  # type: ignore[no-any-return]

    def push(self) -> PushReport:
        return self.run(push(self.ctx, RealHands(self.ctx)))  # type: ignore[no-any-return]

    def receipt(self, event_id: str) -> Receipt:
        """The one receipt that the CRM was given for a change."""
        (found,) = [r for r in self.crm.receipts if r.event_id == event_id]
        return found

    # -- the recruiter --

    def wants(self, id: str, *, event_id: str = "", base: Base | None = None, **wanted: Any) -> str:
        """A recruiter changes an application in the CRM, on the base that the CRM holds."""
        self.sequence += 1
        ref = Ref(CONNECTION, Kind.APPLICATION, id)
        held = self.crm.held.get(ref)
        change = StatusUpdate(
            event_id=event_id or f"e{self.sequence}",
            application=ref,
            base=base or (held.base if held else None),
            **{"sequence": self.sequence, "occurred_at": self.now(), "actor": "recruiter", **wanted},
        )
        self.crm.offered.append(change)
        self.crm.requests[ref] = change
        return change.event_id

    # -- the ledger --

    def put(self, *rows: Row) -> None:
        for row in rows:
            self.ledger.do(lambda txn, row=row: txn.put([row]))  # type: ignore[misc]

    def stored_last(self, row: Row) -> None:
        """Let a row stand behind all others of its type: a ledger that is not asked for an order has none."""
        table = self.ledger.tables[type(row)]
        table[row.key] = table.pop(row.key)

    def rows(self, row_type: Any, **equal: Any) -> list[Any]:
        return self.ledger.look(lambda txn: txn.find(row_type, Where(equal=equal)))

    def row(self, row_type: Any, *key: Any) -> Any:
        return self.ledger.look(lambda txn: txn.get(row_type, CONNECTION, *key))

    def intent(self, id: str = "e1/0") -> IntentRow:
        return self.row(IntentRow, id)  # type: ignore[no-any-return]

    def update(self, id: str = "e1") -> Update:
        return self.row(Update, id)  # type: ignore[no-any-return]

    def known(self, id: str = "1") -> Known:
        return self.row(Known, "application", id)  # type: ignore[no-any-return]

    def other_worker(self) -> Context:
        """The same connection in another process."""
        return evolve(self.ctx, worker=f"{self.ctx.worker}-other")


def world(
    *applications: str,
    mapping: str | MappingConfig = MAPPING,
    tuning: Tuning | None = None,
    pulled: bool = True,
    settings: Mapping[str, Any] | None = None,
    **properties: Any,
) -> World:
    """A connection whose ATS has these applications, all in stage A, and whose CRM has them too.

    Args:
        properties: what the vendor's writes promise, see `tiny_ats`.
    """
    clock = Clock(START - 1)
    account = Account(clock=clock, lag=properties.get("visible_within_seconds", 0.0))
    for id in applications:
        _ = account.apply(id)
    clock.value = START
    ats = tiny_ats(account, settings=settings, **properties)
    crm, ledger = TinyCrm(), MemoryLedger(clock=clock)
    ctx = Context(
        connection=CONNECTION,
        ats=ats,
        client=Client(
            vendor=ats.VENDOR,
            connection=CONNECTION,
            scheme=ats.auth(),
            clock=clock.now,
            now=clock.wall,
            random=lambda: 0.5,
        ),
        crm=crm,
        ledger=ledger,
        mapping=mapping if isinstance(mapping, MappingConfig) else load_mapping(mapping),
        permits=Permits(),
        approved=ats.VENDOR.surface_digest,
        tuning=tuning or Tuning(),
        now=clock.wall,
        worker="here|1||w",
    )
    made = World(clock=clock, account=account, ats=ats, crm=crm, ledger=ledger, ctx=ctx)
    if pulled:
        _ = made.pull()
        clock.value += 10.0
        made.log.clear()
        crm.told.clear()
    return made


def rules(**changes: str) -> str:
    """The mapping with other lines: ``mode='mode = "off"'`` replaces the line that begins with mode."""
    lines = MAPPING.splitlines()
    for key, line in changes.items():
        lines = [line if text.startswith(f"{key} =") else text for text in lines]
    return "\n".join(lines)


# -- values for the pure parts --------------------------------------------------------------------


def application_ref(id: str = "1") -> Ref:
    return Ref(CONNECTION, Kind.APPLICATION, id)


def fresh(
    stage: str | None = "A",
    status: ApplicationStatus = ACTIVE,
    *,
    reason: str | None = None,
    history: Sequence[str] = (),
    signals: Mapping[str, str] | None = None,
    read_at: float = START,
    token: str = "1",
) -> Fresh:
    """A fresh read of application 1."""
    application = Application(
        ref=application_ref(),
        read_at=moment(read_at),
        stage=Ref(CONNECTION, Kind.STAGE, stage) if stage else None,
        status=status,
        reason=Ref(CONNECTION, Kind.REASON, reason) if reason else None,
        history=tuple(Transition(None, s) for s in history),
        token=token,
    )
    return Fresh(application=application, signals=signals or {})


def intent(**changes: Any) -> IntentRow:
    """An intent that moves application 1 from A to B, with nothing sent yet."""
    row: dict[str, Any] = {
        "connection": CONNECTION,
        "intent_id": "e1/0",
        "event_id": "e1",
        "application": "1",
        "number": 1,
        "part": 0,
        "parts": 1,
        "action": "move",
        "target_stage": "B",
        "target_status": "active",
        "target_reason": None,
        "expected_stage": "A",
        "expected_status": "active",
    }
    return IntentRow(**{**row, **changes})


def stage(id: str, **more: Any) -> Stage:
    return Stage(ref=Ref(CONNECTION, Kind.STAGE, id), read_at=moment(0), name=id, **more)


def reason(id: str, **more: Any) -> Reason:
    return Reason(ref=Ref(CONNECTION, Kind.REASON, id), read_at=moment(0), name=id, **more)


def catalogue(*stages: Stage, reasons: Sequence[Reason] = ()) -> Catalogue:
    return Catalogue(None, stages or (stage("A"), stage("B"), stage("C")), tuple(reasons))


def change(
    event_id: str = "e1", step: str | None = "B", *, sequence: int | None = 1, **more: Any
) -> StatusUpdate:
    """A recruiter's change of application 1, on delivery 7 in stage A."""
    given = {"base": Base("A", ACTIVE, 7), "actor": "recruiter", **more}
    return StatusUpdate(
        event_id=event_id, application=application_ref(), step=step, sequence=sequence, **given
    )


def unfolding(change: StatusUpdate, expected: State, job_id: str | None) -> Plan:
    """An expansion without a mapping: a move per letter of the step, then a rejection where it says so."""
    if change.reason == "refuse":
        return Plan(refused=f"rules: not from {expected.stage}")
    here, writes = expected, []
    for letter in change.step or "":
        there = evolve(here, stage=letter)
        writes.append(PlannedWrite(Action.MOVE, here, there))
        here = there
    if change.status == "Rejected":
        # It keeps the stage, or leaves it open where the change says so.
        there = State(None if change.reason == "open" else here.stage, REJECTED)
        writes.append(PlannedWrite(Action.REJECT, here, there))
    return Plan(writes=writes, acting_user="u1", not_after=5000.0 if change.reason == "soon" else None)
