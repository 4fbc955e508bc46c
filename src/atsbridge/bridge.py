"""`Bridge` and `AsyncBridge`: one customer's connection, put together.

Both offer the same verbs. What a verb does is written once, as a flow; the two
differ in who runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from attrs import define, evolve

from .ats.interface import Ats
from .crm.interface import Crm
from .crm.local import AsyncLocalCrm
from .drivers._httpx import AsyncWire, SyncWire
from .drivers.aio import AsyncDriver
from .drivers.sync import SyncDriver
from .errors import AtsBridgeError, ConfigurationError, UnsupportedPair
from .ledgers.memory import MemoryLedger
from .mapping import MappingConfig, load_mapping, suggest_mapping
from .model import Kind, Ref
from .sync.budgets import LedgerBudgets
from .sync.check import CheckReport, check
from .sync.context import Context, Progress, Tuning, note_ended, worker_name
from .sync.explain import Explanation, explain
from .sync.hands import RealHands
from .sync.inbound import PullReport, pull, read_configuration
from .sync.leases import LeaseTurn, give_back
from .sync.ledger import Ledger, Txn
from .sync.outbound import PushReport, push
from .sync.plan import MappingChange, PlanReport, compare_mapping, plan
from .sync.reality import Reality
from .sync.runs import recorded
from .sync.status import StatusReport, set_paused, status
from .sync.sweep import sweep
from .sync.verify import RepairReport, VerifyReport, repair, verify
from .wire.auth import TokenStore
from .wire.client import Client
from .wire.effects import Flow, Perform
from .wire.guard import Guard, Permits

T = TypeVar("T")
MappingSource = MappingConfig | Path | str | Mapping[str, Any]


@define(kw_only=True)
class SyncReport:
    """What a sync came to: the push first, then the pull."""

    push: PushReport
    pull: PullReport

    def as_dict(self) -> dict[str, Any]:
        return {"push": self.push.as_dict(), "pull": self.pull.as_dict()}


class Driver(Protocol):
    """What runs the flows of a `Bridge`."""

    def run(self, flow: Flow[T]) -> T: ...

    def close(self) -> None: ...


class _Connection:
    """What both bridges are made of; no public name of its own."""

    def __init__(
        self,
        *,
        ats: Ats,
        crm: Crm,
        mapping: MappingSource,
        ledger: Ledger | None = None,
        approved: str | None = None,
        tokens: TokenStore | None = None,
        tuning: Tuning | None = None,
        progress: Callable[[Progress], None] | None = None,
        now: Callable[[], datetime] | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        config = mapping if isinstance(mapping, MappingConfig) else load_mapping(mapping)
        self._scheme = ats.auth()
        tuning = tuning or Tuning()
        client = Client(
            vendor=ats.VENDOR,
            connection=ats.connection,
            scheme=self._scheme,
            base=ats.host,
            rate_factor=tuning.rate_factor,
        )
        if tokens is not None:
            client.tokens = tokens
        self._context = Context(
            connection=ats.connection,
            ats=ats,
            client=client,
            crm=crm,
            ledger=ledger if ledger is not None else MemoryLedger(),
            mapping=config,
            permits=Permits(),
            approved=approved,
            tuning=tuning,
        )
        self._running: list[Context] = []
        client.turn = LeaseTurn(self._context)
        client.budgets = LedgerBudgets(self._context)
        if progress is not None:
            self._context.progress = progress
        if now is not None:
            self._context.now = client.now = now
        if clock is not None:
            client.clock = clock

    @property
    def connection(self) -> str:
        return self._context.connection

    @property
    def ats(self) -> Ats:
        """The adapter it was given."""
        return self._context.ats

    @property
    def crm(self) -> Crm:
        """The CRM connector it was given."""
        return self._context.crm

    @property
    def client(self) -> Client:
        """This connection's way to its ATS, for whoever runs an adapter's operations by themselves."""
        return self._context.client

    @property
    def ledger(self) -> Ledger:
        """The ledger it was given."""
        return self._context.ledger

    def ref(self, application_id: str) -> Ref:
        """The ref of one of this connection's applications."""
        return Ref(self.connection, Kind.APPLICATION, application_id)

    def _guard(self) -> Guard:
        ctx = self._context
        return Guard(vendor=ctx.ats.VENDOR, base=ctx.ats.host, scheme=self._scheme, permits=ctx.permits)

    def _sync(self, ctx: Context) -> Flow[SyncReport]:
        pushed = yield from push(ctx, RealHands(ctx))
        try:
            pulled = yield from pull(ctx)
        except AtsBridgeError as error:
            error.pushed = pushed
            raise
        return SyncReport(push=pushed, pull=pulled)

    def _push(self, ctx: Context) -> Flow[PushReport]:
        return (yield from push(ctx, RealHands(ctx)))

    def _suggest(self, ctx: Context) -> Flow[str]:
        found = yield from read_configuration(ctx)
        vendor = ctx.ats.VENDOR.title
        return suggest_mapping(list(found.jobs.values()), found.catalogues(), vendor=vendor)

    def forget_leases(self) -> None:
        """Give nothing back at the end of what runs now, as a process that dies would not."""
        for ctx in self._running:
            ctx.held.clear()

    def _begin(self, most_seconds: float | None = None) -> Context:
        """One run's context. It is a worker of its own: others may run on the same connection."""
        ctx = evolve(self._context, worker=worker_name(), most_seconds=most_seconds)
        self._running.append(ctx)
        return ctx

    def _end(self, ctx: Context) -> None:
        """Leases of a run that ended in an error are given back, so that the next need not wait.

        A token that it got and could not save is tried again.
        """
        with suppress(ConfigurationError):
            ctx.client.save_token()
        self._running[:] = [other for other in self._running if other is not ctx]
        held = list(ctx.held.values())
        ctx.held.clear()
        if not held:
            return
        try:
            ctx.ledger.do(lambda txn: _give_all_back(txn, held), durable=False)
        except BaseException:
            note_ended(ctx.worker)
            raise


def _give_all_back(txn: Txn, held: Sequence[Any]) -> None:
    for lease in held:
        give_back(txn, lease)


class Bridge(_Connection):
    """One customer's connection, for synchronous code.

    Args:
        ats: the adapter, configured.
        crm: the CRM connector.
        mapping: a file, a dict, or a loaded mapping.
        ledger: the bridge's memory; in this process alone where it is None.
        approved: the digest of the write surface that was approved; without it nothing is written.
        tokens: keeps access tokens between runs.
        at: ``http://127.0.0.1:PORT`` of a simulator, in place of the vendor's hosts.
        proxy: ``http://host:port``; the environment's proxies are never used.
        ca_file: certificates to trust, PEM, instead of the built-in list.
        tuning, progress: see `Tuning` and `Progress`.
        driver: makes, of the connection's guard, what runs the flows; the test kit brings one
            that needs neither socket nor time.
        now, clock: the wall clock, and seconds that only grow; tests bring their own.

    Use it as a context manager, or call `close`.
    """

    def __init__(
        self,
        *,
        at: str | None = None,
        proxy: str | None = None,
        ca_file: str | None = None,
        driver: Callable[[Guard], Driver] | None = None,
        **parts: Any,
    ) -> None:
        super().__init__(**parts)
        if isinstance(self._context.crm, AsyncLocalCrm):
            raise UnsupportedPair("a CRM of coroutines needs AsyncBridge")
        width = self._context.tuning.width
        self._driver: Driver
        if driver is not None:
            self._driver = driver(self._guard())
        else:
            wire = SyncWire(self._guard(), loopback=at, proxy=proxy, ca_file=ca_file, connections=width)
            self._driver = SyncDriver(wire, width=width)

    def _run(self, flow: Callable[[Context], Flow[T]], most_seconds: float | None = None) -> T:
        ctx = self._begin(most_seconds)
        try:
            return self._driver.run(flow(ctx))
        finally:
            self._end(ctx)

    def check(self) -> CheckReport:
        """Answer the three requirements of a rollout, without writing."""
        return self._run(check)

    def configuration(self) -> Reality:
        """Jobs, stages and reasons as the ATS has them now: what a mapping is made from."""
        return self._run(read_configuration)

    def suggest(self) -> str:
        """A first mapping from the live stages and reasons, as commented TOML; see `suggest_mapping`."""
        return self._run(self._suggest)

    def pull(self, *, full: bool = False, most_seconds: float | None = None) -> PullReport:
        """Bring what changed in the ATS into the CRM.

        Args:
            most_seconds: after so long at its records it ends behind the page that it is at, and the next
                pull goes on.
        """
        return self._run(lambda ctx: recorded(ctx, "pull", pull(ctx, full=full)), most_seconds)

    def sweep(self, *, limit: float = 0.1) -> PullReport:
        """Find and confirm deletions."""
        return self._run(lambda ctx: recorded(ctx, "sweep", sweep(ctx, limit=limit)))

    def push(self, *, most_seconds: float | None = None) -> PushReport:
        """Take in the CRM's changes and write them to the ATS.

        Args:
            most_seconds: after so long it begins with no more applications; the next push does.
        """
        return self._run(lambda ctx: recorded(ctx, "push", self._push(ctx)), most_seconds)

    def sync(self) -> SyncReport:
        """Intake, push, pull."""
        return self._run(lambda ctx: recorded(ctx, "sync", self._sync(ctx)))

    def plan(self) -> PlanReport:
        """What the next push would do; nothing is written."""
        return self._run(plan)

    def compare_mapping(self, new: MappingSource) -> MappingChange:
        """How many records another mapping would change."""
        config = new if isinstance(new, MappingConfig) else load_mapping(new)
        return self._run(lambda ctx: compare_mapping(ctx, config))

    def verify(self) -> VerifyReport:
        """Compare both sides and name every difference."""
        return self._run(lambda ctx: recorded(ctx, "verify", verify(ctx)))

    def repair(self) -> RepairReport:
        """Do what verify proposes."""
        return self._run(lambda ctx: recorded(ctx, "repair", repair(ctx)))

    def explain(self, application: Ref | str, *, ask: bool = False) -> Explanation:
        """The story of one application."""
        ref = self.ref(application) if isinstance(application, str) else application
        return self._run(lambda ctx: explain(ctx, ref, ask=ask))

    def status(self) -> StatusReport:
        """Where the connection stands; asks neither side."""
        return self._run(status)

    def pause(self, why: str = "") -> None:
        """Hold back every status write."""
        self._run(lambda ctx: set_paused(ctx, True, why=why))

    def resume(self) -> None:
        """Let status writes leave again; clears a stop."""
        self._run(lambda ctx: set_paused(ctx, False))

    def close(self) -> None:
        """Give back what this bridge opened; ledger and CRM are the caller's."""
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncBridge(_Connection):
    """One customer's connection, for asyncio. The same arguments and verbs as `Bridge`.

    Ledger and CRM transactions run on one thread of the bridge's own; a CRM of
    coroutines (`AsyncLocalCrm`) is awaited on the loop.
    """

    def __init__(
        self, *, at: str | None = None, proxy: str | None = None, ca_file: str | None = None, **parts: Any
    ) -> None:
        super().__init__(**parts)
        width = self._context.tuning.width
        wire = AsyncWire(self._guard(), loopback=at, proxy=proxy, ca_file=ca_file, connections=width)
        self._driver = AsyncDriver(wire)

    async def _run(self, flow: Callable[[Context], Flow[T]], most_seconds: float | None = None) -> T:
        ctx = self._begin(most_seconds)
        try:
            return await self._driver.run(flow(ctx))
        finally:
            await self._driver.perform(Perform(lambda: self._end(ctx)))

    async def check(self) -> CheckReport:
        """See `Bridge.check`."""
        return await self._run(check)

    async def configuration(self) -> Reality:
        """See `Bridge.configuration`."""
        return await self._run(read_configuration)

    async def suggest(self) -> str:
        """See `Bridge.suggest`."""
        return await self._run(self._suggest)

    async def pull(self, *, full: bool = False, most_seconds: float | None = None) -> PullReport:
        """See `Bridge.pull`."""
        return await self._run(lambda ctx: recorded(ctx, "pull", pull(ctx, full=full)), most_seconds)

    async def sweep(self, *, limit: float = 0.1) -> PullReport:
        """See `Bridge.sweep`."""
        return await self._run(lambda ctx: recorded(ctx, "sweep", sweep(ctx, limit=limit)))

    async def push(self, *, most_seconds: float | None = None) -> PushReport:
        """See `Bridge.push`."""
        return await self._run(lambda ctx: recorded(ctx, "push", self._push(ctx)), most_seconds)

    async def sync(self) -> SyncReport:
        """See `Bridge.sync`."""
        return await self._run(lambda ctx: recorded(ctx, "sync", self._sync(ctx)))

    async def plan(self) -> PlanReport:
        """See `Bridge.plan`."""
        return await self._run(plan)

    async def compare_mapping(self, new: MappingSource) -> MappingChange:
        """See `Bridge.compare_mapping`."""
        config = new if isinstance(new, MappingConfig) else load_mapping(new)
        return await self._run(lambda ctx: compare_mapping(ctx, config))

    async def verify(self) -> VerifyReport:
        """See `Bridge.verify`."""
        return await self._run(lambda ctx: recorded(ctx, "verify", verify(ctx)))

    async def repair(self) -> RepairReport:
        """See `Bridge.repair`."""
        return await self._run(lambda ctx: recorded(ctx, "repair", repair(ctx)))

    async def explain(self, application: Ref | str, *, ask: bool = False) -> Explanation:
        """See `Bridge.explain`."""
        ref = self.ref(application) if isinstance(application, str) else application
        return await self._run(lambda ctx: explain(ctx, ref, ask=ask))

    async def status(self) -> StatusReport:
        """See `Bridge.status`."""
        return await self._run(status)

    async def pause(self, why: str = "") -> None:
        """See `Bridge.pause`."""
        await self._run(lambda ctx: set_paused(ctx, True, why=why))

    async def resume(self) -> None:
        """See `Bridge.resume`."""
        await self._run(lambda ctx: set_paused(ctx, False))

    async def aclose(self) -> None:
        """See `Bridge.close`."""
        await self._driver.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.aclose()
