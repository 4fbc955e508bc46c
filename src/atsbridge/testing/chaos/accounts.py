"""The accounts that histories play in: invented once a process, and copied for each seed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any

from attrs import frozen

from ...ats.interface import Ats
from ...ledgers.sqlite import SqliteLedger
from ...mapping import Engine, MappingConfig, load_mapping
from ...model import Answer, Stage
from ...registry import Group, load
from ...simulators.interface import Limits, Simulator
from ...wire.auth import MemoryTokens, Token
from ..account import Account
from ..copies import frozen_copy
from ..direct import VirtualTime
from .crm import UnrulyCrm
from .dialects import DIALECTS
from .storage import Disk

APPLICATIONS = 3
SKEWS = (0.0, 400.0, -400.0)
"""How far the vendor's clock is ahead of ours, for each number of an account."""


@frozen(kw_only=True)
class Connection:
    """What never changes about one connection: shared by all seeds.

    Args:
        stages_of: the stages of each job (of all, under None) that an application could be moved to.
    """

    name: str
    ats: Ats
    config: MappingConfig
    engine: Engine
    stages: Mapping[str, Stage]
    stages_of: Mapping[str | None, list[str]]


@frozen(kw_only=True)
class Kept:
    """A whole account at a moment: what a history begins with."""

    connections: tuple[Connection, ...]
    simulators: bytes
    tokens: tuple[Token | None, ...]
    ledger: bytes
    crm: bytes
    time: VirtualTime


def sorts(vendor: str) -> Mapping[str, float]:
    """The sorts of accounts that a vendor has, with their weights."""
    dialect = DIALECTS[vendor]
    found = {"plain": 80.0, "twins": 6.0}
    if dialect.shows_late:
        found["late"] = 14.0
    if dialect.silent:
        found["silent"] = 6.0
    if dialect.short_pages:
        found["short pages"] = 8.0
    if dialect.rotating:
        found["rotating tokens"] = 14.0
    return found


@cache
def kept(vendor: str, sort: str, number: int, *, pulled: bool) -> Kept:
    """The account of that sort and number; the same in every process."""
    time, disk, crm_disk = VirtualTime(skew_seconds=SKEWS[number]), Disk(), Disk()
    ledger = SqliteLedger(":memory:", clock=time, connect=disk.connect)
    crm = UnrulyCrm(":memory:", connect=crm_disk.connect)
    names = ("acme", "beta") if sort == "twins" else ("acme",)
    tokens = MemoryTokens()
    accounts = [_opened(vendor, sort, number, name, time, ledger, crm, tokens) for name in names]
    connections = tuple(_connection(account) for account in accounts)
    if pulled:
        for account in accounts:
            _ = account.bridge.pull()
            _ = account.bridge.push()
    _ = crm.applications()  # a database is opened by its first use
    simulators = [account.simulator for account in accounts]
    found = Kept(
        connections=connections,
        simulators=frozen_copy(simulators),
        tokens=tuple(tokens.load(name) for name in names),
        ledger=disk.keep(),
        crm=crm_disk.keep(),
        time=time,
    )
    ledger.close()
    crm.close()
    return found


def _opened(
    vendor: str,
    sort: str,
    number: int,
    name: str,
    time: VirtualTime,
    ledger: SqliteLedger,
    crm: UnrulyCrm,
    tokens: MemoryTokens,
) -> Account:
    dialect = DIALECTS[vendor]
    switches: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    match sort:
        case "late":
            assert dialect.shows_late is not None
            switches[dialect.shows_late] = 8.0
            settings["visible_within_seconds"] = 10.0
        case "silent":
            switches |= dialect.silent
            settings |= dialect.silent_settings
        case "short pages":
            settings |= dialect.short_pages
        case "rotating tokens":
            switches |= dialect.rotating
    kind: type[Simulator] = load(Group.SIMULATOR, vendor)
    simulator = kind.generate(
        APPLICATIONS, seed=100 + number, limits=Limits(None), clock=time.vendor, **switches
    )
    for id in list(simulator.truth()):
        with suppress(ValueError):
            simulator.reactivate(id)

    def adapter(sim: Simulator) -> Ats:
        made: Any = load(Group.ATS, vendor)
        told = {**sim.settings_for(made), **dialect(sim).settings(), **settings}
        if sort == "rotating tokens":
            told = {name: value for name, value in told.items() if name not in sim.credentials}
            told |= dialect(sim).authorised() or {}
        ats: Ats = made(connection=name, **told)
        return ats

    return Account.of(simulator, adapter, ledger=ledger, crm=crm, tokens=tokens, time=time)


def _connection(account: Account) -> Connection:
    reality = account.bridge.configuration()
    config = load_mapping(account.mapping)
    simulator, truths = account.simulator, account.simulator.truth()
    by_job: dict[str | None, set[str]] = {None: set()}
    for id, truth in truths.items():
        with suppress(ValueError):
            own = set(simulator.stages_for(id)) | ({truth.stage} if truth.stage else set())
            for job in (truth.job, None):
                by_job.setdefault(job, set()).update(own)
    writable = {id for id, stage in reality.stages.items() if stage.writable is not Answer.NO}
    return Connection(
        name=account.bridge.connection,
        ats=account.ats,
        config=config,
        engine=reality.compile(config),
        stages=reality.stages,
        stages_of={job: sorted(own & writable) for job, own in by_job.items()},
    )
