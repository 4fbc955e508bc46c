"""One history's world: both sides, the ledger between them, the workers, and every clock."""

from __future__ import annotations

import hashlib
import heapq
import math
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any, Self, cast

from attrs import define, evolve, field

from ...bridge import Bridge
from ...ledgers.sqlite import SqliteLedger
from ...model import Kind, Receipt, Ref
from ...simulators.interface import SimRequest, SimResponse, Simulator
from ...sync.context import Tuning
from ...wire.auth import MemoryTokens
from ...wire.effects import Purpose
from ...wire.guard import Guard
from ..copies import thawed
from ..direct import VirtualTime
from ..protocol import Violation
from .accounts import Connection, Kept, kept
from .crew import Sent, Worker
from .crm import UnrulyCrm
from .dialects import DIALECTS, Dialect
from .judging import Asked, Told
from .script import Script
from .storage import Disk
from .witness import Witness

TUNING = Tuning(rate_factor=None, patience_seconds=5.0)


@define(kw_only=True, eq=False)
class Tenant:
    """One customer: a connection, its ATS, and who stands between them."""

    connection: Connection
    simulator: Any
    dialect: Dialect
    witness: Witness
    tokens: MemoryTokens = field(factory=MemoryTokens)
    asked: dict[str, Asked] = field(factory=dict)
    writes: Counter[str] = field(factory=Counter)
    """How many accepted writes each permit's intent has had."""

    @classmethod
    def of(cls, vendor: str, connection: Connection, simulator: Simulator) -> Self:
        dialect = DIALECTS[vendor](simulator)
        return cls(connection=connection, simulator=simulator, dialect=dialect, witness=Witness(dialect))

    def authorise_anew(self) -> bool:
        """A person consents once more, as where a refresh token was lost; False where there is none."""
        given = self.dialect.authorised()
        if given is None:
            return False
        self.connection = evolve(self.connection, ats=evolve(cast(Any, self.connection.ats), **given))
        self.tokens = MemoryTokens()
        return True

    def ref(self, application: str) -> Ref:
        return Ref(self.connection.name, Kind.APPLICATION, application)


Meddle = Callable[[Sent, "Call"], "SimResponse | None"]


@define(eq=False)
class Call:
    """A request at the door of the ATS: what a fault may do with it."""

    world: World
    tenant: Tenant
    sent: Sent
    shown: Any

    def respond(self) -> SimResponse:
        """Let the ATS act and answer."""
        return self.world.arrive(self)


@define(eq=False)
class Armed:
    """A fault that waits for its request.

    Args:
        wants: whether a request is one of those that it is for.
        do: gives the answer in the place of the ATS's own, or None for none.
        left: for how many requests it stays.
    """

    name: str
    wants: Callable[[Sent], bool]
    do: Callable[[Call], SimResponse | None]
    left: int = 1


@define(eq=False)
class World:
    """What one history plays in."""

    script: Script
    time: VirtualTime
    tenants: list[Tenant]
    ledger: SqliteLedger
    crm: UnrulyCrm
    disk: Disk
    dice: random.Random
    chance: random.Random
    workers: list[Worker] = field(factory=list)
    armed: list[Armed] = field(factory=list)
    hits: Counter[str] = field(factory=Counter)
    gone: bool = False
    """Something may have left the ATS: a sweep has to find that."""
    lied: bool = False
    """A listing told what was not so: the next sweep finds it out."""
    furthest_ahead: float = 0.0
    """How far our own wall clock was ever ahead, in seconds."""
    power_went: bool = False
    token_lost: bool = False
    """A refresh token may be spent and the next one lost: a person has to authorise the connection anew."""
    behind: dict[str, SimRequest] = field(factory=dict)
    """What is really asked for behind a page token that the ATS did not give."""
    steps: int = 0
    requests: int = 0
    last_listing: SimResponse | None = None
    """The last answer to a read of a pull or sweep."""
    trace: list[str] = field(factory=list)
    _timers: list[tuple[float, int, Callable[[], None]]] = field(factory=list)
    _names: count[int] = field(factory=lambda: count(1))
    _receipts_read: int = 0
    _first_result: dict[str, Receipt] = field(factory=dict)

    @classmethod
    def open(cls, script: Script) -> Self:
        found: Kept = kept(script.vendor, script.account, script.number, pulled=script.pulled)
        time = VirtualTime(found.time.seconds, found.time.skew_seconds)
        simulators = thawed(found.simulators, time)
        tenants = [
            Tenant.of(script.vendor, connection, simulator)
            for connection, simulator in zip(found.connections, simulators, strict=True)
        ]
        for tenant, token in zip(tenants, found.tokens, strict=True):
            if token is not None:
                tenant.tokens.save(tenant.connection.name, token)
            tenant.witness.look()
        disk = Disk(found.ledger, script.loses)
        return cls(
            script=script,
            time=time,
            tenants=tenants,
            ledger=SqliteLedger(":memory:", clock=time, connect=disk.connect),
            crm=UnrulyCrm(":memory:", connect=Disk(found.crm).connect),
            disk=disk,
            dice=random.Random(f"steps/{script.seed}"),
            chance=random.Random(f"jitter/{script.seed}"),
        )

    def close(self) -> None:
        self.ledger.close()
        self.crm.close()

    def tell(self, words: str) -> None:
        self.trace.append(f"{self.time.seconds:.2f} {words}")

    def trace_hash(self) -> str:
        return hashlib.blake2b("\n".join(self.trace).encode(), digest_size=8).hexdigest()

    # -- workers --

    def hire(self, tenant: Tenant) -> Worker:
        """A new process that works on a connection."""

        def make(driver: Callable[[Guard], Any]) -> Bridge:
            connection = tenant.connection
            bridge = Bridge(
                ats=connection.ats, crm=self.crm, ledger=self.ledger, mapping=connection.config,
                tuning=TUNING, driver=driver, approved=connection.ats.VENDOR.surface_digest,
                now=self.time.wall, clock=self.time.now, tokens=tenant.tokens,
            )  # fmt: skip
            bridge.client.random = self.chance.random
            bridge._context.worker = name
            return bridge

        name = f"w{next(self._names)}"
        worker = Worker(
            name=name,
            make=make,
            network=lambda sent: self.exchange(tenant, sent),
            got=lambda who, answer: self._see(tenant, who, answer),
            time=self.time,
        )
        self.workers.append(worker)
        return worker

    def busy(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.busy]

    def step(self) -> bool:
        """Let one worker make one step; False where none can without time passing."""
        open_to = [(worker, worker.choices()) for worker in self.workers if worker.busy]
        total = sum(choices for _, choices in open_to)
        if not total:
            return False
        pick = self.dice.randrange(total) if total > 1 else 0
        for worker, choices in open_to:
            if pick < choices:
                words = worker.step(pick, self.dice)
                self.tell(f"{worker.name} {worker.verb}: {words}")
                self._count_down(worker)
                break
            pick -= choices
        self.steps += 1
        self._check_receipts()
        return True

    def _count_down(self, worker: Worker) -> None:
        if worker.steps_left is None or not worker.counting or not worker.busy:
            return
        worker.steps_left -= 1
        if worker.steps_left <= 0:
            self.kill(worker)

    def wait(self) -> bool:
        """Let time pass until a worker can go on; False where none is waiting for time."""
        times = [at for worker in self.workers if worker.busy and (at := worker.next_time()) is not None]
        if not times:
            return False
        self.pass_until(min(times))
        return True

    def pass_until(self, seconds: float) -> None:
        """Let time pass, and what was to happen by then."""
        while self._timers and self._timers[0][0] <= seconds:
            at, _, act = heapq.heappop(self._timers)
            self.time.seconds = max(self.time.seconds, at)
            act()
        self.time.seconds = max(self.time.seconds, seconds)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Have something happen after so many seconds."""
        heapq.heappush(self._timers, (self.time.seconds + seconds, next(self._names), act))

    # -- the network --

    def exchange(self, tenant: Tenant, sent: Sent) -> SimResponse | None:
        self.requests += 1
        self.pass_until(self.time.seconds)
        is_write = sent.permit is not None
        for worker in self.workers if is_write else ():
            if worker.asleep_until == math.inf:
                worker.asleep_until = self.time.seconds
        shown = tenant.witness.shown(sent.asked, to=sent.worker.name) if is_write else None
        if sent.request.purpose is Purpose.TOKEN:
            sent.worker.token_at_stake = True
        else:
            sent.worker.token_at_stake = False
        call = Call(self, tenant, self._really(sent), shown)
        for armed in self.armed:
            if armed.wants(sent):
                armed.left -= 1
                if armed.left <= 0:
                    self.armed.remove(armed)
                self.hits[armed.name] += 1
                self.tell(f"fault: {armed.name}")
                return armed.do(call)
        answer = call.respond()
        if is_listing(sent):
            self.last_listing = answer
        return answer

    def _really(self, sent: Sent) -> Sent:
        text = sent.asked.target + sent.asked.body.decode(errors="replace")
        real = next((asked for token, asked in self.behind.items() if token in text), None)
        return sent if real is None else evolve(sent, asked=real)

    def arrive(self, call: Call) -> SimResponse:
        """A request reaches the ATS."""
        tenant, sent = call.tenant, call.sent
        log: list[Any] = tenant.simulator.accepted
        before = len(log)
        respond: Callable[[SimRequest], SimResponse] = tenant.simulator.respond
        if sent.permit is None:
            response = respond(sent.asked)
            if len(log) > before:
                raise Violation("I6", f"{sent.request.operation} is no status write, and changed something")
            return response
        if not tenant.dialect.is_write(sent.asked):
            raise Violation("I6", f"{sent.request.operation} had a permit, and is no status write")
        response = tenant.witness.accept(sent.asked, call.shown, respond, who=sent.worker.name)
        accepted = len(log) - before
        tenant.writes[sent.permit.intent_id] += accepted
        if accepted:
            self.tell("accepted")
            tenant.witness.look()
        if tenant.writes[sent.permit.intent_id] > 1:
            raise Violation("I1", "two writes of one intent were accepted")
        return response

    def _see(self, tenant: Tenant, worker: Worker, answer: SimResponse) -> None:
        try:
            tenant.witness.see(answer, who=worker.name)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, SyntaxError, RecursionError):
            return  # an answer that was tampered with shows nothing

    # -- receipts --

    def _check_receipts(self) -> None:
        """I4: whatever is told of a change once is never told otherwise."""
        held = self.crm.receipts
        while self._receipts_read < len(held):
            receipt = held[self._receipts_read]
            self._receipts_read += 1
            first = self._first_result.setdefault(receipt.event_id, receipt)
            if first.result is not receipt.result:
                raise Violation("I4", f"a change was told to be {first.result}, and then {receipt.result}")

    def told(self, tenant: Tenant) -> dict[str, Told]:
        """What stands in the CRM of each change."""
        found = {}
        for application in {asked.application for asked in tenant.asked.values()}:
            for receipt in self.crm.receipts_for(tenant.ref(application)):
                found[receipt.event_id] = Told(receipt.result, receipt.text)
        return found

    # -- what may happen to the machine --

    def kill(self, worker: Worker) -> None:
        self.tell(f"{worker.name} dies")
        self.token_lost = self.token_lost or worker.token_at_stake
        worker.die()

    def cut_power(self) -> None:
        """Every process is gone, and with it what was not synced; the machine has booted anew."""
        for worker in self.workers:
            self.kill(worker)
        self.disk.cut_power()
        self.power_went = True
        self.time.boot = f"{self.time.boot}+"

    def wall_time(self) -> datetime:
        return datetime.fromtimestamp(self.time.seconds, UTC)


def is_read(sent: Sent) -> bool:
    return sent.permit is None and sent.request.purpose is Purpose.READ


def is_listing(sent: Sent) -> bool:
    """A read of a pull or a sweep."""
    return is_read(sent) and sent.worker.verb in ("pull", "sweep")


def is_write(sent: Sent) -> bool:
    return sent.permit is not None


def is_token(sent: Sent) -> bool:
    return sent.request.purpose is Purpose.TOKEN


def is_lane_read(sent: Sent) -> bool:
    """A read of a push."""
    return is_read(sent) and sent.worker.verb == "push"
