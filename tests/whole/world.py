"""A whole account on loopback: simulator, server, CRM, ledger, bridge; vendor-neutral."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import define, field

from atsbridge import Bridge, Tuning, suggest_mapping
from atsbridge.ats.interface import Ats
from atsbridge.ats.lever import Lever
from atsbridge.crm.sql import AppView, SqlCrm
from atsbridge.ledgers.sqlite import SqliteLedger
from atsbridge.model import Ref
from atsbridge.simulators.interface import Limits, Simulator, Truth
from atsbridge.simulators.lever import LeverSimulator
from atsbridge.simulators.serve import Server, serve
from atsbridge.sync.ledger import Ledger

CONNECTION = "acme"
QUICK = Tuning(rate_factor=None)


def _lever(simulator: Any) -> Ats:
    withdrawn = simulator.reasons("withdrawn")
    return Lever(
        connection=CONNECTION,
        api_key=simulator.credentials["api_key"],
        acting_user=simulator.acting_user,
        confidential=True,
        withdrawn_reasons=withdrawn,
    )


SIMULATORS: Mapping[str, type[Simulator]] = {"lever": LeverSimulator}
ADAPTERS: Mapping[str, Callable[[Any], Ats]] = {"lever": _lever}
VENDORS = sorted(SIMULATORS)


def seeds(count: int, *, start: int = 1) -> list[int]:
    return list(range(start, start + count))


@define(kw_only=True)
class World:
    """One customer: both sides and the bridge between them."""

    simulator: Any
    server: Server
    ats: Ats
    crm: SqlCrm
    ledger: Ledger
    mapping: str
    bridge: Bridge
    random: random.Random = field(factory=lambda: random.Random(1))

    def truth(self) -> Mapping[str, Truth]:
        return self.simulator.truth()

    def ref(self, id: str) -> Ref:
        return self.bridge.ref(id)

    def views(self) -> dict[str, AppView]:
        return {view.ref.id: view for view in self.crm.applications() if not view.deleted}

    def mirror(self) -> dict[str, tuple[str | None, str]]:
        """Stage and status of every live application, as the CRM has them confirmed."""
        return {id: (v.confirmed.stage, v.confirmed.status.value) for id, v in self.views().items()}

    def real(self) -> dict[str, tuple[str | None, str]]:
        """The same, as the simulated ATS really has them."""
        return {id: (t.stage, t.status) for id, t in self.truth().items()}

    def reopen(self, **changes: Any) -> Bridge:
        """Another bridge on the same ledger and CRM, as another process would have."""
        parts: dict[str, Any] = {
            "ats": self.ats,
            "crm": self.crm,
            "ledger": self.ledger,
            "mapping": self.mapping,
            "approved": self.ats.VENDOR.surface_digest,
            "tuning": QUICK,
            "at": self.server.url,
        }
        return Bridge(**{**parts, **changes})

    def change(self, id: str, **wanted: Any) -> str:
        """A recruiter changes an application in the CRM."""
        return self.crm.change_step(self.ref(id), actor="recruiter", **wanted)

    def steps(self) -> dict[str, str]:
        """Stage id to step, for stages that stand in the suggested mapping under their own name."""
        return {stage: self.simulator.stage_name(stage) for id in self.truth() for stage in self._stages(id)}

    def _stages(self, id: str) -> list[str]:
        try:
            return list(self.simulator.stages_for(id))
        except ValueError:
            return []


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
    **settings: Any,
) -> Iterator[World]:
    """A generated account on a port, with nothing pulled yet.

    Args:
        rules: replacements in the suggested mapping's text.
        settings: switches of the simulator.
    """
    sim = simulator or SIMULATORS[vendor].generate(applications, seed=seed, limits=Limits(None), **settings)
    ats = ADAPTERS[vendor](sim)
    with serve(sim, intercept=intercept) as server:
        crm, ledger = SqlCrm(folder / "crm.sqlite"), SqliteLedger(folder / "ledger.sqlite")
        try:
            mapping = suggested(ats, server.url, crm)
            for old, new in (rules or {}).items():
                assert old in mapping, old
                mapping = mapping.replace(old, new)
            parts = {"approved": ats.VENDOR.surface_digest, "tuning": tuning, "at": server.url}
            with Bridge(ats=ats, crm=crm, ledger=ledger, mapping=mapping, **parts) as bridge:
                yield World(
                    simulator=sim,
                    server=server,
                    ats=ats,
                    crm=crm,
                    ledger=ledger,
                    mapping=mapping,
                    bridge=bridge,
                    random=random.Random(seed),
                )
        finally:
            crm.close()
            ledger.close()
        assert not server.failures, server.failures


def suggested(ats: Ats, url: str, crm: SqlCrm) -> str:
    """The mapping that is proposed from the live stages, open wide and writing."""
    with Bridge(ats=ats, crm=crm, mapping={"version": 1}, tuning=QUICK, at=url) as bridge:
        found = bridge.configuration()
    text = suggest_mapping(list(found.jobs.values()), found.catalogues(), vendor=ats.VENDOR.title)
    text = text.replace('mode = "off"', 'mode = "on"').replace("cap_per_hour = 100", "cap_per_hour = 1000000")
    return widened(text)


def widened(text: str) -> str:
    """Every record in scope: the tests compare whole accounts."""
    import re

    text = re.sub(r"(?m)^(prospects|confidential|terminal) = \w+", r"\1 = true", text)
    assert "[scope]" in text
    for key in ("prospects", "confidential", "terminal"):
        if not re.search(rf"(?m)^{key} = true", text):
            text = text.replace("[scope]", f"[scope]\n{key} = true", 1)
    return text


def random_change(world: World, rng: random.Random) -> str:
    """One thing that people do in the ATS; returns what was done."""
    sim = world.simulator
    ids = sorted(world.truth())
    kind = rng.choices(
        ["move", "back", "reject", "reactivate", "edit", "apply", "delete", "hire"],
        [30, 10, 15, 12, 15, 10, 5, 3],
    )[0]
    try:
        if kind == "apply":
            sim.apply(name=f"New {rng.random()}", email=f"n{rng.randrange(10**9)}@example.com")
            return kind
        id = rng.choice(ids)
        if kind in ("move", "back"):
            stages = [s for s in sim.stages_for(id) if s != world.truth()[id].stage]
            before = world.truth()[id].stage
            sim.move(id, rng.choice(stages))
            if kind == "back" and before is not None:
                sim.move(id, before)
        elif kind == "reject":
            sim.reject(id, rng.choice(sim.reasons("rejected") + sim.reasons("withdrawn")))
        else:
            getattr(sim, kind)(id)
    except (ValueError, IndexError):
        return "refused"
    return kind
