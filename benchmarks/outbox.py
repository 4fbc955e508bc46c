"""Intake and drain of the outbox, against the bare database writing the same rows.

    python benchmarks/outbox.py                # 2,000 changes, SQLite and PostgreSQL, 1 and 2 workers
    python benchmarks/outbox.py --changes 500 --json

The wire answers at once and within the process, and the CRM is in memory: what
is left is the engine and the ledger. ``intake`` takes the changes in (the
connection is paused, so that nothing leaves), ``drain`` brings them to their
receipts: a read, a write and its answer each.

The bare database gets the same rows in the same tables by the same statements,
transaction by transaction and as durable: what the bridge wrote is noted in a
run of its own and played again by the bare driver, with no row read and no
Python object made of one. With two workers both sides are two processes that
begin together, of which each plays every other transaction.

``budget`` is a drain of 50 connections beside each other in one process, each
under Lever's ten requests a second, against the time that those requests must
take by that limit alone.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import server
from account import CONNECTION, STAGES, USERS, mapping
from attrs import define, field

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "ledgers"))

GOALS = {"intake": 1.5, "drain": 2.0, "budget": 1.1}
_BEGIN_SECONDS = 1.0


# -- both sides of the bridge --------------------------------------------------------------------


def crm_of(changes: Sequence[Any]) -> Any:
    """A CRM in memory that offers these changes, 200 at a time, and holds them open."""
    from atsbridge.crm.interface import Abilities, Feed, Held, WriteResult, Written
    from atsbridge.crm.local import LocalCrm

    class MemoryCrm(LocalCrm):
        abilities = frozenset({Abilities.BASE, Abilities.SEQUENCE})

        def __init__(self) -> None:
            self.bases: dict[str, Any] = {}
            self.receipts: list[Any] = []
            self.offered: list[Any] = list(changes)

        def write_batch(self, batch: Sequence[Any]) -> Sequence[Written]:
            self.bases.update((d.record.ref.id, d.base) for d in batch if d.base is not None)
            return [Written(ref=d.record.ref, result=WriteResult.UPDATED) for d in batch]

        def read_changes(self, after: Any) -> Feed:
            at = after or 0
            some = self.offered[at : at + 200]
            return Feed(updates=some, position=at + len(some), more=at + len(some) < len(self.offered))

        def acknowledge_events(self, event_ids: Sequence[str]) -> None:
            pass

        def take_receipts(self, receipts: Sequence[Any]) -> None:
            self.receipts.extend(receipts)

        def read_statuses(self, refs: Sequence[Any]) -> Mapping[Any, Held]:
            return {ref: Held(ref=ref, confirmed=None, event_id=_event(ref.id)) for ref in refs}

        def read_refs(self, kind: Any, after: str | None) -> tuple[Sequence[Any], str | None]:
            return (), None

        def check(self) -> tuple[Any, ...]:
            return ()

    return MemoryCrm()


def _event(application: str) -> str:
    return f"event-{application}"


def changes_for(crm: Any, count: int, connection: str = CONNECTION) -> list[Any]:
    """A move for each of so many applications, from where the CRM has seen them."""
    from atsbridge.model import Kind, Ref, StatusUpdate

    found = []
    for number, (id, base) in enumerate(sorted(crm.bases.items())):
        if base.status != "active":
            continue
        step = next(step for stage, step in STAGES.items() if stage != base.stage)
        found.append(
            StatusUpdate(
                event_id=_event(id), application=Ref(connection, Kind.APPLICATION, id), step=step,
                base=base, actor="recruiter", sequence=number + 1,
            )
        )  # fmt: skip
    assert len(found) >= count, f"the account has only {len(found)} active applications"
    return found[:count]


@define
class AtOnce:
    """A driver whose requests are answered within the process, at once, behind the connection's guard."""

    guard: Any
    account: Any

    def run(self, flow: Any) -> Any:
        from atsbridge.drivers.scheduler import Scheduler
        from atsbridge.wire.effects import Failed

        scheduler = Scheduler()
        run, jobs = scheduler.start(flow)
        ready = list(reversed(jobs))
        while run.outcome is None:
            job = ready.pop()
            ready.extend(reversed(scheduler.resume(job.ticket, self.do(job.effect))))
        if isinstance(run.outcome, Failed):
            raise run.outcome.error
        return run.outcome.value

    def do(self, effect: Any) -> Any:
        from atsbridge.wire.effects import Done, Failed, Perform, Send, Sleep

        try:
            if isinstance(effect, Perform):
                return Done(effect.action())
            if isinstance(effect, Sleep):
                return Done(time.sleep(effect.seconds))
            asked, permit = (effect.request, effect.permit) if isinstance(effect, Send) else (effect, None)
            return Done(self.exchange(asked, permit))
        except Exception as error:
            return Failed(error)

    def exchange(self, asked: Any, permit: Any = None) -> Any:
        from atsbridge.wire.effects import Response

        admitted = self.guard.admit(asked, permit)
        body = b"" if asked.body is None else json.dumps(asked.body).encode()
        url = urlsplit(admitted)
        answer = self.account.respond(asked.method, f"{url.path}?{url.query}", body)
        head, _, told = answer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        return Response(
            status=int(lines[0].split(" ")[1]), headers=headers, body=told, sent_at=datetime.now(UTC)
        )

    def close(self) -> None:
        pass


def bridge(ledger: Any, crm: Any, account: Any, *, connection: str = CONNECTION, paced: bool = False) -> Any:
    """A connection; ``paced`` keeps to Lever's rate, and sleeps for it as in earnest."""
    from atsbridge import Bridge
    from atsbridge.ats.lever import Lever
    from atsbridge.drivers.sync import SyncDriver
    from atsbridge.sync.context import Tuning

    ats = Lever(connection=connection, api_key="benchmark", acting_user=USERS[0])  # type: ignore[arg-type]
    return Bridge(
        ats=ats,
        crm=crm,
        ledger=ledger,
        mapping=mapping("on"),
        tuning=Tuning(rate_factor=1.0 if paced else None, width=4 if paced else 16),
        approved=ats.VENDOR.surface_digest,
        driver=lambda guard: SyncDriver(AtOnce(guard, account), width=4) if paced else AtOnce(guard, account),
    )


# -- the ledgers, and the same rows by the bare driver ---------------------------------------------


@define
class Played:
    """What the bridge wrote: each transaction's durability, and its statements with their rows."""

    transactions: list[tuple[bool, list[tuple[str, list[Any]]]]] = field(factory=list)

    @contextmanager
    def noting(self, ledger: Any) -> Iterator[None]:
        """Note what is written meanwhile; one thread at a time."""
        kind = type(ledger)
        with ledger.transaction() as txn:
            of = type(txn)
        begun, run, upsert = kind.transaction, of.run, of.upsert
        noted: list[tuple[str, list[Any]]] = []

        @contextmanager
        def transaction(ledger: Any, *, durable: bool = True) -> Iterator[Any]:
            noted.clear()
            with begun(ledger, durable=durable) as txn:
                yield txn
            if noted or durable:
                self.transactions.append((durable, list(noted)))

        def running(txn: Any, text: str, values: Any, *, connection: str | None) -> Any:
            if text.startswith("DELETE"):
                noted.append((text, [tuple(values)]))
            return run(txn, text, values, connection=connection)

        def upserting(txn: Any, row_type: Any, rows: Any, *, only: str) -> int:
            kept = [tuple(row) for row in rows]
            noted.append((txn.tables[row_type].upsert + only, kept))
            return int(upsert(txn, row_type, kept, only=only))

        kind.transaction, of.run, of.upsert = transaction, running, upserting
        try:
            yield
        finally:
            kind.transaction, of.run, of.upsert = begun, run, upsert


class Sqlite:
    """Ledgers in files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._number = 0

    def place(self) -> str:
        self._number += 1
        return str(self.folder / f"ledger-{self._number}.sqlite")

    @staticmethod
    def open(place: str) -> Any:
        from atsbridge.ledgers.sqlite import SqliteLedger

        return SqliteLedger(place)

    @staticmethod
    def play(place: str, transactions: Sequence[tuple[bool, Any]]) -> None:
        from atsbridge._sqlite import BUSY_SECONDS, CHECKPOINT_PAGES

        database = sqlite3.connect(place, isolation_level=None, timeout=BUSY_SECONDS)
        database.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        was = None
        for durable, statements in transactions:
            if durable is not was:
                database.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                was = durable
            database.execute("BEGIN IMMEDIATE")
            for text, rows in statements:
                database.executemany(text, rows)
            database.execute("COMMIT")
        database.close()


class Postgres:
    """Ledgers in schemas of a server of our own, whose commits do reach the disk."""

    def __init__(self, running: Any) -> None:
        self.server = running

    def place(self) -> str:
        return json.dumps([self.server.dsn, self.server.schema()])

    @staticmethod
    def open(place: str) -> Any:
        from atsbridge.ledgers.postgres import PostgresLedger

        dsn, schema = json.loads(place)
        return PostgresLedger(dsn, schema=schema)

    @staticmethod
    def play(place: str, transactions: Sequence[tuple[bool, Any]]) -> None:
        import psycopg

        dsn, schema = json.loads(place)
        with psycopg.connect(dsn, autocommit=True) as database:
            database.execute(f"SET search_path TO {schema}".encode())
            cursor = database.cursor()
            for durable, statements in transactions:
                kept = "on" if durable else "off"
                cursor.execute(f"BEGIN; SET LOCAL synchronous_commit TO {kept}".encode())
                for text, rows in statements:
                    # A DELETE has one row of values; what is stored goes as arrays, a column each.
                    deletes = text.startswith("DELETE")
                    columns = rows[0] if deletes else [list(column) for column in zip(*rows, strict=True)]
                    cursor.execute(text.encode(), columns)
                cursor.execute("COMMIT")


KINDS: dict[str, Any] = {"sqlite": Sqlite, "postgres": Postgres}


# -- what is measured ------------------------------------------------------------------------------


@define(kw_only=True)
class Account:
    """One account, its changes, and where its ledger is."""

    kind: str
    place: str
    size: int
    changes: list[Any]

    def made(self) -> Any:
        account = server.Account(self.size)
        account.tell_single(self.size)
        return account


def prepared(kind: str, ledgers: Any, count: int) -> Account:
    """A ledger that has pulled the account, and changes of it that nobody has taken in."""
    found = Account(kind=kind, place=ledgers.place(), size=2 * count, changes=[])
    ledger, crm = KINDS[kind].open(found.place), crm_of(())
    with bridge(ledger, crm, found.made()) as one:
        one.pull()
    ledger.close()
    found.changes = changes_for(crm, count)
    return found


def intake(account: Account) -> float:
    """Seconds to take all changes in."""
    ledger = KINDS[account.kind].open(account.place)
    with bridge(ledger, crm_of(account.changes), account.made()) as one:
        one.pause()
        start = time.perf_counter()
        taken = one.push().taken
        spent = time.perf_counter() - start
        one.resume()
    ledger.close()
    assert taken == len(account.changes), f"{taken} were taken in"
    return spent


def drain(account: Account) -> int:
    """Bring what was taken in to its receipts; how many were delivered here."""
    ledger, crm = KINDS[account.kind].open(account.place), crm_of(())
    with bridge(ledger, crm, account.made()) as one:
        one.push()
    ledger.close()
    assert all(receipt.result == "applied" for receipt in crm.receipts)
    return len(crm.receipts)


def noted(kind: str, ledgers: Any, count: int) -> tuple[Any, Any]:
    """What intake and drain write."""
    account, found = prepared(kind, ledgers, count), []
    ledger, crm = KINDS[kind].open(account.place), crm_of(account.changes)
    with bridge(ledger, crm, account.made()) as one:
        for paused in (True, False):
            if paused:
                one.pause()
            else:
                one.resume()
            played = Played()
            with played.noting(ledger):
                one.push()
            found.append(played.transactions)
    ledger.close()
    assert len(crm.receipts) == count
    return found[0], found[1]


def side_by_side(jobs: Sequence[Callable[[], object]]) -> float:
    """Seconds from the moment at which all these processes begin to the last one's end."""
    context = multiprocessing.get_context("fork")
    at, ends = time.monotonic() + _BEGIN_SECONDS, context.SimpleQueue()

    def run(job: Callable[[], object]) -> None:
        time.sleep(max(0.0, at - time.monotonic()))
        job()
        ends.put(time.monotonic())

    processes = [context.Process(target=run, args=(job,)) for job in jobs]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    return max(ends.get() for _ in processes) - at


def compared(kind: str, ledgers: Any, count: int, rounds: int) -> dict[str, Any]:
    """Medians of seconds, by what was done and by how many workers."""
    taken, drained = noted(kind, ledgers, count)
    seconds: dict[str, list[float]] = {}

    def note(what: str, spent: float) -> None:
        seconds.setdefault(what, []).append(spent)

    for turn in range(rounds):
        for workers in (1, 2):
            account = prepared(kind, ledgers, count)
            spent = intake(account)
            if workers == 1:
                note("intake", spent)
            note(f"drain {workers}", side_by_side([lambda account=account: drain(account)] * workers))
            play, place = KINDS[kind].play, prepared(kind, ledgers, 1).place
            if workers == 1:
                start = time.perf_counter()
                play(place, taken)
                note("intake bare", time.perf_counter() - start)
            else:
                play(place, taken)
            parts = [drained[n::workers] for n in range(workers)]
            note(
                f"drain {workers} bare",
                side_by_side([lambda part=part, place=place: play(place, part) for part in parts]),
            )
        print(f"{kind}, round {turn + 1} of {rounds}", file=sys.stderr)
    found = {name: median(values) for name, values in seconds.items()}
    return {
        name: {
            "seconds": round(found[name], 3),
            "bare": round(found[f"{name} bare"], 3),
            "ratio": round(found[name] / found[f"{name} bare"], 2),
        }
        for name in found
        if not name.endswith("bare")
    }


def budget(folder: Path, connections: int, count: int) -> dict[str, Any]:
    """A drain of many connections beside each other, each under the vendor's rate."""
    from atsbridge.ats.lever import VENDOR
    from atsbridge.ledgers.sqlite import SqliteLedger

    (rate,) = VENDOR.rates
    ledger = SqliteLedger(folder / "budget.sqlite")
    bridges, crms = [], []
    for number in range(connections):
        account, name = server.Account(2 * count), f"{CONNECTION}-{number}"
        account.tell_single(2 * count)
        first = crm_of(())
        with bridge(ledger, first, account, connection=name) as one:
            one.pull()
        crms.append(crm_of(changes_for(first, count, name)))
        bridges.append(bridge(ledger, crms[-1], account, connection=name, paced=True))
    start = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        reports = list(pool.map(lambda one: one.push(), bridges))
    spent = time.perf_counter() - start
    for one in bridges:
        one.close()
    ledger.close()
    assert all(len(crm.receipts) == count for crm in crms)
    most = max(report.requests for report in reports)
    ideal = (most - (rate.burst or rate.requests)) * rate.per_seconds / rate.requests
    return {
        "connections": connections,
        "requests": sum(report.requests for report in reports),
        "seconds": round(spent, 2),
        "ideal": round(ideal, 2),
        "ratio": round(spent / ideal, 2),
    }


@contextmanager
def ledgers_of(kind: str, folder: Path) -> Iterator[Any]:
    if kind == "sqlite":
        yield Sqlite(folder)
        return
    import postgres_server

    programs = postgres_server.programs()
    if programs is None:
        raise SystemExit("no PostgreSQL server here: --ledgers sqlite measures the other alone")
    postgres_server._SETTINGS["fsync"] = "on"  # the tests' own saves it
    with postgres_server.PostgresServer.running(programs) as running:
        yield Postgres(running)


def show(found: dict[str, Any]) -> None:
    for kind in KINDS:
        for name, of in found.get(kind, {}).items():
            what, _, workers = name.partition(" ")
            whose = f", {workers} worker{'s' * (workers > '1')}" if workers else ""
            goal = GOALS[what]
            verdict = "met" if of["ratio"] <= goal else "NOT met"
            print(
                f"{what + whose:20}{kind:10}{of['ratio']:6.2f} times the bare database"
                f" ({of['seconds']:.2f} s, {of['bare']:.2f} s)   goal {goal:g}: {verdict}"
            )
    if of := found.get("budget"):
        verdict = "met" if of["ratio"] <= GOALS["budget"] else "NOT met"
        print(
            f"budget              {of['connections']} connections, {of['requests']} requests:"
            f" {of['ratio']:.2f} times the {of['ideal']:.1f} s of their rate"
            f"   goal {GOALS['budget']:g}: {verdict}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--changes", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ledgers", nargs="*", choices=sorted(KINDS), default=sorted(KINDS, reverse=True))
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found: dict[str, Any] = {"changes": given.changes, "python": sys.version.split()[0]}
    for kind in given.ledgers:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="atsbridge-bench-")))
            ledgers = stack.enter_context(ledgers_of(kind, folder))
            found[kind] = compared(kind, ledgers, given.changes, given.rounds)
    if given.connections:
        with tempfile.TemporaryDirectory(prefix="atsbridge-bench-") as scratch:
            found["budget"] = budget(Path(scratch), given.connections, 50)
    if given.json:
        print(json.dumps(found, indent=1))
    else:
        show(found)


if __name__ == "__main__":
    main()
