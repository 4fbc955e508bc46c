"""Two customers with the very same ids, at the same time: nothing of one is ever with the other.

Both accounts are invented from one seed, so that every id of one is an id of the other too; only people,
credentials and the connection's id differ. Their verbs run interleaved, effect by effect, on one ledger
and one CRM database, or on a database each.
"""

from __future__ import annotations

import logging
import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
from attrs import define
from postgres_server import PostgresServer

from atsbridge.crm.sql import SqlCrm
from atsbridge.drivers.scheduler import Run, Scheduler
from atsbridge.ledgers.postgres import PostgresLedger
from atsbridge.ledgers.sqlite import SqliteLedger
from atsbridge.registry import Group, load
from atsbridge.simulators import people
from atsbridge.simulators.interface import Limits
from atsbridge.simulators.people import Marks
from atsbridge.sync.hands import RealHands
from atsbridge.sync.inbound import pull
from atsbridge.sync.ledger import ROWS, Ledger, Where
from atsbridge.sync.outbound import push
from atsbridge.sync.status import status
from atsbridge.sync.sweep import sweep
from atsbridge.sync.verify import verify
from atsbridge.testing import Account, VirtualTime
from atsbridge.testing.canaries import Hit, Watch
from atsbridge.testing.contract.subject import elsewhere
from atsbridge.wire.effects import Done, Failed, Flow, Sleep

pytestmark = pytest.mark.shows_people

VENDORS = ["ashby", "greenhouse", "lever", "successfactors", "workday"]
"""Keys, tokens, Basic, signed assertions, and credentials in the message."""
MARKS = {
    "alder": Marks(person="Qzalderq", phone="7205550111", secret="qzaldersecretq"),
    "birch": Marks(person="Qzbirchq", phone="7205550222", secret="qzbirchsecretq"),
}


@define
class Side:
    """One customer, and what is looked for on the other side."""

    name: str
    account: Account
    marks: Marks

    def ids(self) -> set[str]:
        return set(self.account.truth())

    def mirror(self) -> dict[str, Any]:
        return {
            view.ref.id: (view.confirmed.stage, view.confirmed.status.value)
            for view in self.account.crm.applications(connection=self.name)
            if not view.deleted
        }


@contextmanager
def marked(marks: Marks) -> Iterator[None]:
    """Whatever is invented meanwhile carries these."""
    before, people.marks = people.marks, marks
    try:
        yield
    finally:
        people.marks = before


def opened(vendor: str, name: str, ledger: Ledger, crm: SqlCrm, time: VirtualTime) -> Side:
    marks = MARKS[name]
    with marked(marks):
        simulator = load(Group.SIMULATOR, vendor).generate(20, seed=7, limits=Limits(None), clock=time.vendor)
    kind = load(Group.ATS, vendor)
    account = Account.of(
        simulator,
        lambda sim: kind(connection=name, **sim.settings_for(kind)),
        ledger=ledger,
        crm=crm,
        time=time,
    )
    return Side(name, account, marks)


def interleaved(sides: Sequence[Side], verb: Callable[[Any], Flow[Any]]) -> list[Any]:
    """The verb on each side, one effect of each in turn, and what each came to."""
    at_work: list[tuple[Side, Any, Scheduler, Run, list[Any]]] = []
    for side in sides:
        ctx, scheduler = side.account.bridge._begin(), Scheduler()
        run, ready = scheduler.start(verb(ctx))
        at_work.append((side, ctx, scheduler, run, ready))
    while any(run.outcome is None for *_, run, _ in at_work):
        for side, _, scheduler, run, ready in at_work:
            if run.outcome is not None or not ready:
                continue
            job = ready.pop(0)
            if isinstance(job.effect, Sleep):
                side.account.time.sleep(job.effect.seconds)
                outcome: Any = Done(None)
            else:
                outcome = side.account.driver._do(job)
            ready.extend(scheduler.resume(job.ticket, outcome))
    for side, ctx, *_ in at_work:
        side.account.bridge._end(ctx)
    for *_, run, _ in at_work:
        if isinstance(run.outcome, Failed):
            raise run.outcome.error
    return [run.outcome.value for *_, run, _ in at_work if isinstance(run.outcome, Done)]


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


@pytest.fixture
def sqlite(tmp_path: Path, time: VirtualTime) -> Iterator[Ledger]:
    with closing(SqliteLedger(tmp_path / "ledger.sqlite")) as made:
        made.clock = time
        yield made


@pytest.fixture
def in_postgres(postgres: PostgresServer, time: VirtualTime) -> Iterator[Ledger]:
    with closing(PostgresLedger(postgres.dsn, schema=postgres.schema())) as made:
        made.clock = time
        yield made


def pushed(ctx: Any) -> Flow[Any]:
    return (yield from push(ctx, RealHands(ctx)))


def swept(ctx: Any) -> Flow[Any]:
    return (yield from sweep(ctx, limit=1.0))


def play(sides: tuple[Side, Side], rng: random.Random) -> dict[str, list[Any]]:
    """Some hours of both: reading, changes of recruiters and in the ATS, sweeps, verification."""
    said: dict[str, list[Any]] = {side.name: [] for side in sides}

    def both(*verbs: Callable[[Any], Flow[Any]]) -> None:
        for verb in verbs:
            for side, report in zip(sides, interleaved(sides, verb), strict=True):
                said[side.name].append(report)

    both(pull)
    for _ in range(3):
        sides[0].account.time.sleep(3600)
        for side in sides:
            change(side, rng)
        sides[0].account.time.sleep(600)
        both(pushed, pull)
    sides[0].account.time.sleep(600)
    both(pushed, swept, verify, status)
    for side in sides:
        said[side.name] += [side.account.bridge.explain(id) for id in sorted(side.ids())]
    return said


def change(side: Side, rng: random.Random) -> None:
    """A recruiter asks for a move of an application, which the other side has by the same id; people act."""
    account, truth = side.account, side.account.truth()
    movable = [
        id
        for id in sorted(truth)
        if truth[id].status == "active" and id in side.mirror() and elsewhere(account, id)
    ]
    if movable:
        id = rng.choice(movable)
        _ = account.ask(id, stage=rng.choice(elsewhere(account, id)))
    alive = [id for id in sorted(truth) if truth[id].status == "active" and id not in movable]
    with marked(side.marks):
        if len(alive) > 1:
            account.simulator.edit(alive[-1])
            account.simulator.delete(alive[-2])
        _ = account.simulator.apply(
            name=f"{side.marks.person} {rng.randrange(10**6)}", email=f"{side.marks.person}@example.com"
        )


# -- looking --


def kept(ledger: Ledger, name: str) -> str:
    """Every row of a connection."""
    found = [
        row
        for kind in ROWS
        for row in ledger.look(lambda txn, kind=kind: list(txn.find(kind, Where(equal={"connection": name}))))
    ]
    assert found
    return repr(found)


def crm_rows(path: Path, name: str) -> str:
    """Every row of the CRM's tables that is a connection's; each table but the leads says whose it is."""
    rows: list[Any] = []
    with closing(sqlite3.connect(path)) as database:
        tables = [n for (n,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            columns = [c[1] for c in database.execute(f"PRAGMA table_info({table})")]
            if "connection" in columns:
                rows += database.execute(f"SELECT * FROM {table} WHERE connection = ?", (name,))
    assert rows
    return repr(rows)


def canaries(side: Side, other: Side, texts: dict[str, str]) -> list[Hit]:
    """What of the other one is in what was sent, kept, logged and said on this side."""
    watch = Watch(marks=other.marks)
    for request, _ in side.account.driver.requests:
        sent = f"{request.method} {request.target} {dict(request.headers)} {request.body!r}"
        watch.look("request", sent)
    for channel, text in texts.items():
        watch.look(channel, text)
    return watch.hits


@pytest.mark.parametrize("vendor", VENDORS)
def test_nothing_of_one_is_with_the_other(
    vendor: str, sqlite: Ledger, time: VirtualTime, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    crm = tmp_path / "crm.sqlite"
    with closing(SqlCrm(crm)) as both:
        stay_apart(vendor, time, sqlite, [both, both], [crm, crm], caplog)


def test_nor_with_a_crm_each(
    sqlite: Ledger, time: VirtualTime, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = [tmp_path / f"{name}.sqlite" for name in MARKS]
    with closing(SqlCrm(paths[0], connection="alder")) as one, closing(SqlCrm(paths[1])) as two:
        stay_apart("lever", time, sqlite, [one, two], paths, caplog)


def test_nor_on_postgres(
    in_postgres: Ledger, time: VirtualTime, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    crm = tmp_path / "crm.sqlite"
    with closing(SqlCrm(crm)) as both:
        stay_apart("lever", time, in_postgres, [both, both], [crm, crm], caplog)


def stay_apart(
    vendor: str,
    time: VirtualTime,
    ledger: Ledger,
    crms: Sequence[SqlCrm],
    paths: Sequence[Path],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Play both, and look for each one's marks in what was sent, kept, logged and said of the other."""
    caplog.set_level(logging.DEBUG)
    one, two = (opened(vendor, name, ledger, crm, time) for name, crm in zip(MARKS, crms, strict=True))
    assert one.ids() == two.ids()
    said = play((one, two), random.Random(3))
    for side, other, path in ((one, two, paths[0]), (two, one, paths[1])):
        texts = {
            "ledger": kept(ledger, side.name),
            "CRM": crm_rows(path, side.name),
            "what people see": repr(
                list(map(attrs.astuple, side.account.crm.applications(connection=side.name)))
            ),
            "reports": repr([_plain(report) for report in said[side.name]]),
        }
        assert canaries(side, other, texts) == []
        assert other.name not in texts["ledger"] + texts["reports"]
        # So that finding nothing means something: its own are there.
        assert {"CRM", "request", "what people see"} <= {hit.channel for hit in canaries(side, side, texts)}
        agree(side, said[side.name])
    for mark in (part for marks in MARKS.values() for part in (marks.person, marks.phone, marks.secret)):
        assert mark.lower() not in caplog.text.lower()


def agree(side: Side, reports: Sequence[Any]) -> None:
    """Each is in step with its own account, and its changes have arrived there."""
    assert side.mirror() == {id: (t.stage, t.status) for id, t in side.account.truth().items()}
    receipts = [receipt for report in reports for receipt in getattr(report, "receipts", ())]
    results = [receipt.result.value for receipt in receipts]
    assert "applied" in results and set(results) <= {"applied", "refused"}, results
    assert len(side.account.simulator.accepted) == results.count("applied")


def _plain(report: Any) -> Any:
    return report.as_dict() if hasattr(report, "as_dict") else report
