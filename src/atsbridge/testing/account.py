"""`Account`: one customer on a simulator, with a bridge to an embedded CRM, all in this thread.

::

    account = Account.open("lever", applications=40)
    account.bridge.pull()
    account.simulator.move(application, stage)     # the hiring manager moves on
    account.bridge.sync()
    assert account.differences() == {}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Self

from attrs import define

from ..ats.interface import Ats
from ..bridge import Bridge
from ..crm.sql import AppView, SqlCrm
from ..ledgers.memory import MemoryLedger
from ..model import Ref
from ..registry import Group, load
from ..simulators.interface import Limits, Simulator, Truth
from ..sync.context import Tuning
from ..sync.ledger import Ledger
from .direct import DirectDriver, VirtualTime

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
    mapping: str
    tuning: Tuning
    bridge: Bridge
    driver: DirectDriver

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
                ats=ats, crm=crm, ledger=ledger, mapping=mapping, tuning=tuning, driver=driver,
                approved=ats.VENDOR.surface_digest, now=time.wall, clock=time.now,
            )  # fmt: skip

        mapping = opened_wide(bridge({"version": 1}).suggest())
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

    # -- what people do --

    def change(self, application: str, **wanted: Any) -> str:
        """A recruiter changes an application in the CRM; returns the event id."""
        return self.crm.change_step(self.ref(application), actor="recruiter", **wanted)


def adapter_for(vendor: str, simulator: Simulator) -> Ats:
    """The registered adapter of a vendor, configured for a simulator's account."""
    adapter: Any = load(Group.ATS, vendor)
    ats: Ats = adapter(connection=CONNECTION, **simulator.settings_for(adapter))
    return ats


def opened_wide(suggested: str) -> str:
    """A suggested mapping with every record in scope, and writing switched on without a cap."""
    text = suggested.replace('mode = "off"', 'mode = "on"')
    text = re.sub(r"(?m)^cap_per_hour = \d+", "cap_per_hour = 1000000", text)
    for key in ("prospects", "confidential", "terminal"):
        text, found = re.subn(rf"(?m)^{key} = \w+", f"{key} = true", text)
        if not found:
            text = text.replace("[scope]", f"[scope]\n{key} = true", 1)
    return text
