"""A whole account on loopback: simulator, server, CRM, ledger, bridge; vendor-neutral."""

from __future__ import annotations

import random
import re
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from attrs import define, field

from atsbridge import Bridge, Tuning, suggest_mapping
from atsbridge.ats.interface import Ats, Fresh
from atsbridge.crm.sql import AppView, ReceiptView, SqlCrm
from atsbridge.model import Answer, Ref, Result, Stage
from atsbridge.registry import Group, load
from atsbridge.simulators.interface import Limits, Simulator, Truth
from atsbridge.simulators.serve import Server, serve
from atsbridge.sync.ledger import Clock, Ledger
from atsbridge.testing.chaos.dialects import DIALECTS, Dialect
from atsbridge.testing.chaos.judging import Asked
from atsbridge.wire.auth import MemoryTokens, TokenStore

CONNECTION = "acme"
QUICK = Tuning(rate_factor=None)

T = TypeVar("T")
State = tuple[str | None, str, str | None, str | None, str | None]
"""Stage, status, reason, candidate and job of one application."""


WRITERS = sorted(DIALECTS)
"""Every vendor of which somebody has told how its writes look from outside."""
VENDORS = ["greenhouse", "lever"]


def simulated(vendor: str, applications: int, **settings: Any) -> Simulator:
    """An account without limits."""
    made: Simulator = load(Group.SIMULATOR, vendor).generate(applications, limits=Limits(None), **settings)
    return made


def configured(vendor: str, simulator: Simulator) -> dict[str, Any]:
    """How an adapter is set up for a simulated account."""
    told = simulator.settings_for(load(Group.ATS, vendor))
    return {**told, **DIALECTS[vendor](simulator).settings()}


def seeds(count: int, *, start: int = 1) -> list[int]:
    return list(range(start, start + count))


def some(cases: Iterable[T], count: int) -> list[T]:
    """So many of all cases, in their order, and the same ones each time: the slice in the gate."""
    every = list(cases)
    return [every[place] for place in sorted(random.Random(len(every)).sample(range(len(every)), count))]


@define
class Ahead:
    """How far the clocks of a world have been put forward, in seconds."""

    seconds: float = 0.0

    def now(self) -> float:
        """The vendor's clock."""
        return time.time() + self.seconds


class LedgerClock:
    """The ledger's own clock, which time can be let pass on."""

    def __init__(self, own: Clock, ahead: Ahead) -> None:
        self.boot = own.boot
        self._own = own
        self._ahead = ahead

    def now(self) -> float:
        return self._own.now() + self._ahead.seconds


def opened(folder: Path, told: Mapping[str, Any] | None) -> Ledger:
    """The ledger of these settings; of a SQLite file in the folder where there are none."""
    settings = dict(told or {"plugin": "sqlite", "path": folder / "ledger.sqlite"})
    made: Ledger = load(Group.LEDGER, settings.pop("plugin"))(**settings)
    return made


@define(kw_only=True)
class World:
    """One customer: both sides and the bridge between them."""

    vendor: str
    simulator: Any
    server: Server
    ats: Ats
    crm: SqlCrm
    ledger: Ledger
    mapping: str
    stages: Mapping[str, Stage]
    bridge: Bridge
    dialect: Dialect
    tuning: Tuning
    ahead: Ahead
    tokens: TokenStore
    asked: dict[str, Asked] = field(factory=dict)

    # -- both sides --

    def truth(self) -> Mapping[str, Truth]:
        found: Mapping[str, Truth] = self.simulator.truth()
        return found

    def ref(self, id: str) -> Ref:
        return self.bridge.ref(id)

    def views(self) -> dict[str, AppView]:
        return {view.ref.id: view for view in self.crm.applications() if not view.deleted}

    def mirror(self) -> dict[str, State]:
        """Every live application, as the CRM has it confirmed."""
        return {
            id: (
                v.confirmed.stage,
                v.confirmed.status.value,
                v.confirmed.reason,
                v.candidate.id if v.candidate else None,
                v.job.id if v.job else None,
            )
            for id, v in self.views().items()
        }

    def real(self) -> dict[str, State]:
        """The same, as the simulated ATS really has them."""
        return {id: (t.stage, t.status, t.reason, t.candidate, t.job) for id, t in self.truth().items()}

    def differences(self) -> dict[str, tuple[State | None, State | None]]:
        """What is otherwise in the ATS and in the CRM, in this order."""
        mirror, real = self.mirror(), self.real()
        ids = mirror.keys() | real.keys()
        return {id: (real.get(id), mirror.get(id)) for id in ids if mirror.get(id) != real.get(id)}

    def fresh(self, id: str) -> Fresh:
        """One application, as the adapter reads it afresh."""
        read = self.bridge._context.client.run(self.ats.get_application(self.ref(id)))
        found = self.bridge._run(lambda _ctx: read)
        assert isinstance(found, Fresh)
        return found

    # -- bridges --

    def reopen(self, **changes: Any) -> Bridge:
        """Another bridge on the same ledger and CRM, as another worker would have."""
        parts: dict[str, Any] = {
            "ats": self.ats,
            "crm": self.crm,
            "ledger": self.ledger,
            "mapping": self.mapping,
            "approved": self.ats.VENDOR.surface_digest,
            "tuning": self.tuning,
            "at": self.server.url,
            "tokens": self.tokens,
            "now": lambda: datetime.fromtimestamp(self.ahead.now(), UTC),
        }
        return Bridge(**{**parts, **changes})

    def later(self, seconds: float = 120.0) -> None:
        """Let time pass, in the ATS and for the ledger: every open window closes."""
        self.ahead.seconds += seconds

    def settle(self) -> None:
        """Push until nothing waits, letting time pass in between."""
        for _ in range(12):
            report = self.bridge.push()
            if not report.settling + report.pending:
                return
            self.later()
        raise AssertionError(f"it does not come to rest: {report}")

    # -- people --

    def movable(self, count: int, rng: random.Random) -> list[str]:
        """Applications that recruiters can move to at least two other stages, of open jobs."""
        views = self.views()
        ids = [id for id, t in sorted(self.truth().items()) if t.status == "active" and id in views]
        ids = [id for id in ids if len(self.writable_for(id)) >= 2]
        return rng.sample(ids, min(count, len(ids)))

    def ended(self, status: str = "rejected") -> list[str]:
        """Applications that have ended so."""
        views = self.views()
        return [id for id, t in sorted(self.truth().items()) if t.status == status and id in views]

    def other_stage(self, id: str, rng: random.Random, *but: str | None) -> str:
        return rng.choice([stage for stage in self.writable_for(id) if stage not in but])

    def writable_for(self, id: str) -> list[str]:
        """Where people may move it in the ATS, without what may not be written from outside."""
        stages: list[str] = self.simulator.stages_for(id)
        return [stage for stage in stages if self.stages[stage].writable is not Answer.NO]

    def people(self, act: Callable[..., Any], *args: Any) -> Any:
        """Somebody acts in the ATS while its server is at work."""
        with self.server._lock:
            return act(*args)

    def change(self, id: str, **wanted: Any) -> str:
        """A recruiter changes an application in the CRM, in the CRM's words."""
        return self.crm.change_step(self.ref(id), actor="recruiter", **wanted)

    def ask(self, id: str, stage: str | None = None, *, status: str | None = None) -> str:
        """The same, told by the stage's id; it is remembered for the judge."""
        wanted: dict[str, Any] = {}
        if stage is not None:
            wanted["step"] = self.simulator.stage_name(stage)
        if status is not None:
            wanted |= {"status": status}
        if status in ("Rejected", "Withdrawn"):
            if self.ats.STAGE_DECIDES:
                stage = self.end_stage(id, status.lower())
                wanted["step"] = self.simulator.stage_name(stage)
            else:
                wanted |= self.reason_word(status.lower())
        event = self.change(id, **wanted)
        view = self.crm.application(self.ref(id))
        assert view.base is not None
        base = (view.base.stage, view.base.status.value == "active")
        self.asked[event] = Asked(
            event=event, application=id, sequence=view.sequence, stage=stage, status=status, base=base
        )
        return event

    def end_stage(self, id: str, outcome: str) -> str:
        """A stage of the application's own pipeline that ends it so, where its stage decides."""
        here = self.truth()[id].stage
        assert here is not None
        pipeline = self.stages[here].pipeline
        ends: list[str] = self.simulator.reasons(outcome)
        return next(end for end in ends if self.stages[end].pipeline == pipeline)

    def reason_word(self, outcome: str) -> dict[str, str]:
        """The CRM's word for a reason that ends an application so, where there is one."""
        words = tomllib.loads(self.mapping)["reasons"]
        for word, means in words.items():
            fits = means.get("status", "rejected") == outcome and means.get("write") is not False
            if fits and not word.startswith("Hired"):
                return {"reason": str(word)}
        assert not self.simulator.reasons(outcome), f"no reason for {outcome}"
        return {}

    def result(self, event: str) -> Result | None:
        """What the CRM was told of a change."""
        return next((receipt.result for receipt in self._receipts(event)), None)

    def told(self, event: str) -> str:
        """The same in words, as the recruiter reads it."""
        return next(receipt.text for receipt in self._receipts(event))

    def _receipts(self, event: str) -> list[ReceiptView]:
        receipts = self.crm.receipts_for(self.ref(self.asked[event].application))
        return [receipt for receipt in receipts if receipt.event_id == event]


@contextmanager
def world(
    vendor: str,
    folder: Path,
    *,
    applications: int = 60,
    seed: int = 1,
    simulator: Any = None,
    tuning: Tuning = QUICK,
    rules: Mapping[str, str] | None = None,
    intercept: Any = None,
    adapter: Mapping[str, Any] | None = None,
    crm: Callable[[Path], SqlCrm] = SqlCrm,
    ledger: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Iterator[World]:
    """A generated account on a port, with nothing pulled yet.

    Args:
        rules: replacements in the suggested mapping's text.
        adapter: settings of the adapter beside the usual ones.
        ledger: as in a connection file; see `opened`.
        settings: switches of the simulator.
    """
    ahead = Ahead()
    sim: Any = simulator or simulated(vendor, applications, seed=seed, clock=ahead.now, **settings)
    told = {**configured(vendor, sim), **(adapter or {})}
    ats = load(Group.ATS, vendor)(connection=CONNECTION, **told)
    with ExitStack() as stack:
        server = stack.enter_context(serve(sim, intercept=intercept))
        held = stack.enter_context(crm(folder / "crm.sqlite"))
        kept = opened(folder, ledger)
        kept.clock = LedgerClock(kept.clock, ahead)
        stack.callback(kept.close)
        mapping, stages = suggested(ats, server.url, held)
        for old, new in (rules or {}).items():
            assert old in mapping or vendor not in VENDORS, old
            mapping = mapping.replace(old, new)
        # Greenhouse may revoke a token when the next is asked for: workers that do not share one fight.
        tokens = MemoryTokens()
        parts: dict[str, Any] = {"approved": ats.VENDOR.surface_digest, "tuning": tuning, "at": server.url}
        parts["tokens"] = tokens
        parts["now"] = lambda: datetime.fromtimestamp(ahead.now(), UTC)
        bridge = stack.enter_context(Bridge(ats=ats, crm=held, ledger=kept, mapping=mapping, **parts))
        yield World(
            vendor=vendor,
            simulator=sim,
            server=server,
            ats=ats,
            crm=held,
            ledger=kept,
            mapping=mapping,
            stages=stages,
            bridge=bridge,
            dialect=DIALECTS[vendor](sim),
            tuning=tuning,
            ahead=ahead,
            tokens=tokens,
        )
    assert not server.failures, server.failures


def suggested(ats: Ats, url: str, crm: SqlCrm) -> tuple[str, Mapping[str, Stage]]:
    """The mapping that is proposed from the live stages, open wide and writing; and these stages."""
    with Bridge(ats=ats, crm=crm, mapping={"version": 1}, tuning=QUICK, at=url) as bridge:
        found = bridge.configuration()
    text = suggest_mapping(list(found.jobs.values()), found.catalogues(), vendor=ats.VENDOR.title)
    text = text.replace('mode = "off"', 'mode = "on"').replace("cap_per_hour = 100", "cap_per_hour = 1000000")
    # Every record in scope: the tests compare whole accounts. What has ended may be taken back.
    for key in ("prospects", "confidential", "terminal", "reactivate"):
        text, found_times = re.subn(rf"(?m)^{key} = \w+", f"{key} = true", text)
        assert found_times == 1, key
    return text, found.stages


def random_change(world: World, rng: random.Random) -> str | None:
    """One thing that people do in the ATS; returns what was done, or None where the ATS does not let them."""
    sim = world.simulator
    kind = rng.choices(
        ["move", "back", "reject", "reactivate", "edit", "apply", "delete", "hire"],
        [30, 10, 15, 12, 15, 10, 5, 3],
    )[0]
    try:
        if kind == "apply":
            sim.apply(name=f"New {rng.random()}", email=f"n{rng.randrange(10**9)}@example.com")
            return kind
        truth = world.truth()
        id = rng.choice(sorted(truth))
        if kind in ("move", "back"):
            before = truth[id].stage
            sim.move(id, rng.choice([s for s in sim.stages_for(id) if s != before]))
            if kind == "back" and before is not None:
                sim.move(id, before)
        elif kind == "reject":
            sim.reject(id, rng.choice(sim.reasons("rejected") + sim.reasons("withdrawn")))
        else:
            getattr(sim, kind)(id)
    except (ValueError, IndexError):
        return None
    return kind
