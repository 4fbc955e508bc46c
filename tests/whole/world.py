"""A whole account on loopback: simulator, server, CRM, ledger, bridge; vendor-neutral."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from attrs import define, field

from atsbridge import Bridge, Tuning, suggest_mapping
from atsbridge.ats.interface import Ats
from atsbridge.crm.sql import AppView, SqlCrm
from atsbridge.ledgers.sqlite import SqliteLedger
from atsbridge.model import Ref
from atsbridge.registry import Group, load
from atsbridge.simulators.interface import Limits, Simulator, Truth
from atsbridge.simulators.serve import Server, serve
from atsbridge.sync.ledger import Ledger
from atsbridge.testing.acts import USUAL, at_random

CONNECTION = "acme"
OURS = ("greenhouse", "lever")
QUICK = Tuning(rate_factor=None)


SIMULATORS: Mapping[str, type[Simulator]] = {name: load(Group.SIMULATOR, name) for name in OURS}
VENDORS = sorted(SIMULATORS)
CHILD = Path(__file__).with_name("child.py")
SHOWS_AFTER = {"visible_within_seconds": 0.3}
"""How long a write may stay hidden: in these tests, which wait for real, not long."""


def settings_for(vendor: str, simulator: Simulator) -> dict[str, Any]:
    """An adapter's settings for a simulator's account, as plain data."""
    adapter = load(Group.ATS, vendor)
    known = {field.name for field in attrs.fields(adapter)}
    shows = SHOWS_AFTER if load(Group.ATS, vendor).VENDOR.name == "greenhouse" else {}
    return {**simulator.settings_for(adapter), **{k: v for k, v in shows.items() if k in known}}


def adapter_for(vendor: str, simulator: Simulator) -> Ats:
    ats: Ats = load(Group.ATS, vendor)(connection=CONNECTION, **settings_for(vendor, simulator))
    return ats


def start_child(
    folder: Path, vendor: str, simulator: Simulator, url: str, verb: str, **tuning: Any
) -> subprocess.Popen[str]:
    """A process that pulls or pushes the account in this folder; ``mapping.toml`` is there already."""
    account = {"vendor": vendor, "settings": settings_for(vendor, simulator), "tuning": tuning}
    (folder / "account.json").write_text(json.dumps(account), "utf-8")
    return subprocess.Popen(
        [sys.executable, str(CHILD), str(folder), url, verb],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


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
    ats = adapter_for(vendor, sim)
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


WEIGHTS = {name: weight for name, weight in USUAL.items() if name not in ("anonymise", "merge", "bulk_move")}


def random_change(world: World, rng: random.Random) -> str:
    """One thing that people do in the ATS; returns what was done."""
    return at_random(world.simulator, rng, weights=WEIGHTS)
