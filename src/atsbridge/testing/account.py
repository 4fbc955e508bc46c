"""`Account`: one customer on a simulator, with a bridge to an embedded CRM, all in this thread.

::

    account = Account.open("lever", applications=40)
    account.bridge.pull()
    account.simulator.move(application, stage)     # the hiring manager moves on
    account.bridge.sync()
    assert account.differences() == {}
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from typing import Any, Self

from attrs import define, evolve, field

from ..ats.interface import Ats, Fresh, Gone
from ..bridge import Bridge
from ..crm.sql import AppView, SqlCrm
from ..ledgers.memory import MemoryLedger
from ..mapping import Engine, load_mapping
from ..mapping.kinds import standing_in
from ..model import Answer, ApplicationStatus, Ref, StageKind
from ..registry import Group, load
from ..simulators.interface import Limits, SimRequest, Simulator, Truth
from ..sync.context import Tuning
from ..sync.ledger import Ledger
from ..sync.reality import Interpreter, Reality
from ..wire.auth import TokenStore
from .direct import DirectDriver, Stopped, VirtualTime

CONNECTION = "acme"

Standing = tuple[str | None, str]
"""A stage id and a status."""


@define(kw_only=True)
class Account:
    """Both sides and the bridge between them.

    ``driver`` is where faults are put in; ``time`` is every clock there is.
    """

    simulator: Simulator
    ats: Ats
    crm: SqlCrm
    ledger: Ledger
    time: VirtualTime
    mapping: Mapping[str, Any]
    tuning: Tuning
    bridge: Bridge
    driver: DirectDriver
    _engine: Engine | None = field(default=None, init=False)

    @classmethod
    def open(
        cls,
        vendor: str,
        *,
        applications: int = 40,
        seed: int = 1,
        tuning: Tuning | None = None,
        **switches: Any,
    ) -> Self:
        """A generated account of a registered vendor, with nothing pulled yet.

        Args:
            switches: of the simulator.
        """
        kind: type[Simulator] = load(Group.SIMULATOR, vendor)
        time = VirtualTime()
        usual = {"limits": Limits(None), "clock": time.vendor}
        simulator = kind.generate(applications, seed=seed, **{**usual, **switches})
        return cls.of(simulator, lambda sim: adapter_for(vendor, sim), tuning=tuning, time=time)

    @classmethod
    def of(
        cls,
        simulator: Simulator,
        adapter: Callable[[Any], Ats],
        *,
        tuning: Tuning | None = None,
        crm: SqlCrm | None = None,
        ledger: Ledger | None = None,
        tokens: TokenStore | None = None,
        time: VirtualTime | None = None,
    ) -> Self:
        """The same for any simulator and the adapter made for it."""
        time = time or VirtualTime()
        simulator.clock = time.vendor
        ats, tuning = adapter(simulator), tuning or Tuning(rate_factor=None)
        crm, ledger = crm or SqlCrm(":memory:"), ledger or MemoryLedger(clock=time)
        drivers: list[DirectDriver] = []

        def bridge(mapping: Any) -> Bridge:
            def driver(guard: Any) -> DirectDriver:
                drivers.append(DirectDriver(guard, simulator, time))
                return drivers[-1]

            return Bridge(
                ats=ats, crm=crm, ledger=ledger, mapping=mapping, tuning=tuning, driver=driver, tokens=tokens,
                approved=ats.VENDOR.surface_digest, now=time.wall, clock=time.now,
            )  # fmt: skip

        first = bridge({"version": 1})
        mapping = opened_wide(first.suggest(), first.configuration())
        made = bridge(mapping)
        return cls(
            simulator=simulator,
            ats=ats,
            crm=crm,
            ledger=ledger,
            time=time,
            mapping=mapping,
            tuning=tuning,
            bridge=made,
            driver=drivers[-1],
        )

    def restarted(self, **parts: Any) -> Self:
        """The same account with another bridge, as another process would have.

        Args:
            parts: what is different about it: ``ats``, ``mapping``, ``tuning``.
        """
        drivers: list[DirectDriver] = []

        def driver(guard: Any) -> DirectDriver:
            drivers.append(DirectDriver(guard, self.simulator, self.time))
            return drivers[-1]

        own = {"ats": self.ats, "mapping": self.mapping, "tuning": self.tuning, **parts}
        bridge = Bridge(
            crm=self.crm, ledger=self.ledger, driver=driver, approved=own["ats"].VENDOR.surface_digest,
            now=self.time.wall, clock=self.time.now, **own,
        )  # fmt: skip
        return type(self)(
            simulator=self.simulator,
            crm=self.crm,
            ledger=self.ledger,
            time=self.time,
            bridge=bridge,
            driver=drivers[-1],
            **own,
        )

    # -- both sides --

    def ref(self, application: str) -> Ref:
        return self.bridge.ref(application)

    def truth(self) -> Mapping[str, Truth]:
        return self.simulator.truth()

    def views(self) -> dict[str, AppView]:
        """Every live application as the CRM has it."""
        return {view.ref.id: view for view in self.crm.applications() if not view.deleted}

    def mirror(self) -> dict[str, Standing]:
        """Stage and status of every live application, as the CRM has them confirmed."""
        return {id: (v.confirmed.stage, v.confirmed.status.value) for id, v in self.views().items()}

    def real(self) -> dict[str, Standing]:
        """The same, as the simulated ATS really has them."""
        return {id: (t.stage, t.status) for id, t in self.truth().items()}

    def differences(self) -> dict[str, tuple[Standing | None, Standing | None]]:
        """Where the two do not agree: the ATS's, then the CRM's; None where it is not there."""
        mirror, real = self.mirror(), self.real()
        ids = sorted(mirror.keys() | real.keys())
        return {id: (real.get(id), mirror.get(id)) for id in ids if mirror.get(id) != real.get(id)}

    def fresh(self, application: str) -> Fresh | Gone:
        """One application read afresh, as the bridge would see it."""
        client = self.bridge.client
        read = self.driver.run(client.run(self.ats.get_application(self.ref(application))))
        if isinstance(read, Gone):
            return read
        reality = self.bridge.configuration()
        told = Interpreter.of(self.ats, reality, self.engine).application(read.application)
        return evolve(read, application=told)

    def ends(self, job: str | None, stage: str) -> bool:
        """Whether an application that stands there has ended, or nobody knows."""
        known = self.engine.plan(job).stages.get(stage)
        return known is None or standing_in(known.kind) is not ApplicationStatus.ACTIVE

    # -- what people do --

    def change(self, application: str, **wanted: Any) -> str:
        """A recruiter changes an application in the CRM, in its own words; returns the event id."""
        return self.crm.change_step(self.ref(application), actor="recruiter", **wanted)

    def ask(
        self,
        application: str,
        *,
        stage: str | None = None,
        status: str | None = None,
        reason: str | None = None,
    ) -> str:
        """The same for a stage, status or reason of the ATS, put into the CRM's words by the mapping.

        Raises:
            ValueError: the mapping has no word for it.
        """
        job = self.truth()[application].job
        plan = self.engine.plan(job)
        statuses = {m.value: word for word, s in self.engine.config.statuses.items() for m in s.means}
        wanted = {
            "step": (stage, plan.steps),
            "status": (status, statuses),
            "reason": (reason, plan.reason_words),
        }
        for name, (value, words) in wanted.items():
            if value is not None and value not in words:
                raise ValueError(f"the mapping has no {name} for {value}")
        named = {name: words[value] for name, (value, words) in wanted.items() if value is not None}
        return self.change(application, **named)

    @property
    def engine(self) -> Engine:
        """The mapping, compiled against the account as it was when this was first asked for."""
        if self._engine is None:
            self._engine = self.bridge.configuration().compile(load_mapping(self.mapping))
        return self._engine

    def crash(self, run: Callable[[], object], *, at: int) -> bool:
        """Run something in a process that dies before its request number ``at``; whether it came so far.

        Its leases are not given back: the next worker waits until they have run out.
        """
        seen = 0

        def count(_request: SimRequest) -> None:
            nonlocal seen
            seen += 1
            if seen == at:
                self.bridge.forget_leases()
                raise Stopped

        self.driver.before = count
        try:
            run()
        except Stopped:
            self.time.sleep(self.tuning.lease_seconds + 1)
            return True
        finally:
            self.driver.before = None
        return False


def adapter_for(vendor: str, simulator: Simulator) -> Ats:
    """The registered adapter of a vendor, configured for a simulator's account."""
    adapter: Any = load(Group.ATS, vendor)
    ats: Ats = adapter(connection=CONNECTION, **simulator.settings_for(adapter))
    return ats


def opened_wide(suggested: str, reality: Reality) -> dict[str, Any]:
    """A suggested mapping with every record in scope, every write allowed, hiring too, and no cap.

    A stage that nothing can be moved to stays so.
    """
    mapping = tomllib.loads(suggested)
    mapping["scope"] = {**mapping["scope"], "prospects": True, "confidential": True, "terminal": True}
    mapping["write"] = {"mode": "on"}
    said = mapping.get("kinds", {})
    hiring = [s for s in reality.stages.values() if said.get(s.ref.id, s.kind) == StageKind.HIRED]
    picks = {pick for stage in hiring for pick in (stage.ref.id, stage.name)}
    steps = mapping.get("steps", {})
    hires = [word for word, step in steps.items() if picks & set(map(_name, step["stages"]))]
    closed = {pick for s in hiring if s.writable is Answer.NO for pick in (s.ref.id, s.name)}
    for word in hires:
        if closed & set(map(_name, steps[word]["stages"])):
            continue
        _ = mapping["steps"][word].pop("write", None)
    _ = mapping["statuses"]["Hired"].pop("write", None)
    allowed = {"hire": ["Hired", *hires], "reactivate": True, "change_ended": True}
    mapping["rules"] = {**mapping["rules"], **allowed}
    return mapping


def _name(stage: Any) -> str:
    """What a mapping picks a stage by: its name, or its id."""
    return str(next(iter(stage.values()))) if isinstance(stage, Mapping) else str(stage)
