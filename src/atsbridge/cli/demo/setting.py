"""The demo's setting: a simulator on a port, an embedded CRM, a ledger, a mapping and a bridge."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs
from attrs import define, field, frozen

from ...ats.interface import Ats
from ...bridge import Bridge
from ...crm.interface import Feed
from ...crm.sql import SqlCrm
from ...ledgers.sqlite import SqliteLedger
from ...mapping import MappingConfig, load_mapping
from ...model import ApplicationStatus
from ...registry import Group, load
from ...simulators.interface import Limits, Simulator
from ...simulators.serve import Server, serve
from ...sync.context import Tuning
from ...sync.reality import Reality
from ...wire.effects import Json

CONNECTION = "demo"


@define
class Clock:
    """The simulated ATS's: half an hour of its own can pass in a moment.

    It is behind until then, since a vendor's clock that is ahead is never believed.
    """

    behind_seconds: float = 1800.0

    def __call__(self) -> float:
        return time.time() - self.behind_seconds

    def let_pass(self) -> None:
        self.behind_seconds = 0.0


class EchoingCrm(SqlCrm):
    """The embedded CRM behind a bad line: one event is delivered twice, and its acknowledgement is lost."""

    echoes: str | None = None
    """The event id."""

    delivered = 0
    """How often that event was delivered."""

    def read_changes(self, after: Json) -> Feed:
        feed = super().read_changes(after)
        again = [update for update in feed.updates if update.event_id == self.echoes]
        self.delivered += 2 * len(again)
        return attrs.evolve(feed, updates=[*feed.updates, *again])

    def acknowledge_events(self, event_ids: Sequence[str]) -> None:
        super().acknowledge_events([event for event in event_ids if event != self.echoes])


@frozen(kw_only=True)
class Vocabulary:
    """The CRM's words for the ATS's stages and reasons, as its recruiters see them in their menus."""

    config: MappingConfig
    reality: Reality

    def step(self, stage: str) -> str | None:
        """The step that is written to this stage, if any."""
        record = self.reality.stages.get(stage)
        for word, step in self.config.steps.items():
            if step.places.write is False:
                continue
            for pick in step.places.stages or ():
                if pick.id == stage or (record and pick.name is not None and pick.name == record.name):
                    return word
        return None

    def reason(self, reason: str, *, status: ApplicationStatus) -> str | None:
        record = self.reality.reasons.get(reason)
        for word, one in self.config.reasons.items():
            if one.write is False or (one.status or ApplicationStatus.REJECTED) != status:
                continue
            for pick in one.reasons:
                if pick.id == reason or (record and pick.name is not None and pick.name == record.name):
                    return word
        return None


@define(kw_only=True)
class Setting:
    """Everything the story plays on."""

    simulator: Simulator
    clock: Clock
    server: Server
    crm: EchoingCrm
    bridge: Bridge
    adapter: type[Ats]
    words: Vocabulary
    files: Sequence[Path] = field(factory=list)
    limits: str = "off"


@contextmanager
def prepare(
    vendor: str, simulator: Simulator, *, clock: Clock, folder: Path | None, limits: str = "off"
) -> Iterator[Setting]:
    """Put the setting together in a folder, a temporary one where it is None."""
    chosen = Limits.read(limits)
    adapter = load(Group.ATS, vendor)
    with ExitStack() as stack:
        home = folder or Path(stack.enter_context(TemporaryDirectory(prefix="atsbridge-demo-")))
        server = stack.enter_context(serve(simulator, limits=chosen))
        files = [home / "atsbridge-crm.sqlite", home / "atsbridge-ledger.sqlite"]
        crm, ledger = EchoingCrm(files[0]), SqliteLedger(files[1])
        stack.callback(crm.close)
        stack.callback(ledger.close)
        parts: dict[str, Any] = {
            "ats": adapter(connection=CONNECTION, **settings_for(adapter, simulator)),
            "crm": crm,
            "ledger": ledger,
            "approved": adapter.VENDOR.surface_digest,
            "tuning": Tuning(rate_factor=chosen.factor),
            "at": server.url,
        }
        with Bridge(mapping={"version": 1}, **parts) as first:
            text, reality = write_mode_on(first.suggest()), first.configuration()
        (home / "mapping.toml").write_text(text, encoding="utf-8")
        yield Setting(
            simulator=simulator,
            clock=clock,
            server=server,
            crm=crm,
            bridge=stack.enter_context(Bridge(mapping=text, **parts)),
            adapter=adapter,
            words=Vocabulary(config=load_mapping(text), reality=reality),
            files=files,
            limits=limits,
        )


def settings_for(adapter: Any, simulator: Simulator) -> dict[str, Any]:
    """An adapter's settings for a simulator: its configuration, acting user, and confidential records too."""
    known = {a.name for a in attrs.fields(adapter)}
    offered: dict[str, Any] = {**simulator.configuration(), "confidential": True}
    if isinstance(user := getattr(simulator, "acting_user", None), str):
        offered["acting_user"] = user
    return {name: value for name, value in offered.items() if name in known}


def write_mode_on(suggested: str) -> str:
    """The suggested mapping, with everything in scope, writing switched on and rejections taken back."""
    switches = {"mode": '"on"', **dict.fromkeys(("confidential", "prospects", "reactivate"), "true")}
    for key, value in switches.items():
        suggested = re.sub(rf'(?m)^{key} = ("\w+"|true|false)', f"{key} = {value}", suggested)
    return re.sub(r"(?m)^cap_per_hour = \d+", "cap_per_hour = 1000", suggested)
