"""Two and three workers on one PostgreSQL ledger: nothing is lost, and nothing is written twice."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import attrs
import pytest
from postgres_server import PostgresServer
from test_at_most_once import STILL, Scene
from test_killed_push import UNGUARDED, asleep_at_commit, killed_at_commit, outbox, workers_of
from witness import judge
from world import VENDORS, opened, some

from atsbridge.errors import LedgerBusy
from atsbridge.model import Result
from atsbridge.simulators.interface import SimRequest, SimResponse
from atsbridge.sync.ledger import Attempt, Where
from atsbridge.sync.outbound import PushReport
from atsbridge.testing.network import LOSE_ANSWER, Arrival, nth_write

CHANGES = 12
NARROW = attrs.evolve(STILL, width=2)
"""Each worker has few applications in hand at a time, so that the others find some."""


@pytest.fixture
def ledger(postgres: PostgresServer) -> dict[str, Any]:
    """A new schema, as a connection file tells of it."""
    return {"plugin": "postgres", "dsn": postgres.dsn, "schema": postgres.schema()}


@contextmanager
def busy(vendor: str, folder: Path, ledger: dict[str, Any], **settings: Any) -> Iterator[Scene]:
    """An outbox that takes so long that all the workers have a part in it."""
    told = {"tuning": NARROW, **UNGUARDED[vendor], **settings}
    with outbox(vendor, folder, count=CHANGES, seed=11, ledger=ledger, **told) as s:
        s.witness.in_gap = lambda _number, _id: time.sleep(0.1)
        yield s


def all_was_done_once(s: Scene, reports: list[Any]) -> None:
    """Each change applied, each of its parts by one write; and more than one worker had a part in it."""
    judge(s.witness)
    assert Counter(s.w.result(event) for event in s.w.asked) == {Result.APPLIED: CHANGES}
    parts = CHANGES + (0 if s.w.ats.STAGE_DECIDES else 1)  # one of them is of two
    assert len(s.witness.writes) == parts == sum(report["writes"] for report in reports)
    assert sum(report["writes"] > 0 for report in reports) > 1
    assert s.w.ledger.look(lambda txn: txn.count(Attempt, Where(equal={"connection": "acme"}))) == parts


@pytest.mark.parametrize(("vendor", "count"), [("lever", 3), ("greenhouse", 2)])
def test_processes_share_the_work_of_a_connection(
    vendor: str, count: int, ledger: dict[str, Any], tmp_path: Path
) -> None:
    with busy(vendor, tmp_path, ledger) as s:
        workers = attrs.evolve(workers_of(s.w, tmp_path, ledger=ledger), tuning=NARROW)
        processes = [workers.start("push") for _ in range(count)]
        all_was_done_once(s, [workers.finish(process) for process in processes])


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("own", [True, False], ids=["ledgers of their own", "one ledger"])
def test_threads_share_the_work_of_a_connection(
    vendor: str, own: bool, ledger: dict[str, Any], tmp_path: Path
) -> None:
    def work(_number: int) -> Any:
        kept = opened(tmp_path, ledger) if own else s.w.ledger
        with s.w.reopen(ledger=kept) as bridge:
            report = bridge.push().as_dict()
        if own:
            kept.close()
        return report

    with busy(vendor, tmp_path, ledger) as s, ThreadPoolExecutor(3) as pool:
        all_was_done_once(s, list(pool.map(work, range(3))))


def test_one_worker_reads_for_a_connection(ledger: dict[str, Any], tmp_path: Path) -> None:
    caught: list[BaseException | None] = []

    def pull_too(arrival: Arrival) -> None:
        """While the first is reading."""
        if not caught and "/opportunities" in arrival.request.target:
            caught.append(None)
            kept = opened(tmp_path, ledger)
            with s.w.reopen(ledger=kept) as bridge, ThreadPoolExecutor() as pool:
                caught[0] = pool.submit(bridge.pull).exception(20)
            kept.close()

    with outbox("lever", tmp_path, count=1, seed=1, ledger=ledger) as s:
        s.witness.plan = pull_too
        s.w.bridge.pull()
    assert [type(error) for error in caught] == [LedgerBusy]


def test_a_worker_that_lost_its_lease_while_it_read_sends_nothing(
    ledger: dict[str, Any], tmp_path: Path
) -> None:
    """What it has read is of before the other's write, whose answer was lost: the ATS cannot tell it."""
    with outbox("lever", tmp_path, count=1, seed=3, ledger=ledger) as s:
        (asked,) = s.w.asked.values()
        reports: list[PushReport] = []
        faults = s.witness.faults

        def slowly(request: SimRequest, respond: Any) -> SimResponse | None:
            response = faults(request, respond)
            if asked.application in request.target and request.method == "GET" and not reports:
                s.w.later(s.w.tuning.lease_seconds)
                s.witness.plan = nth_write(1, LOSE_ANSWER)
                with s.w.reopen() as other:
                    reports.append(PushReport())  # its own reads are no occasion
                    reports.append(other.push())
            return response

        s.witness.faults = slowly  # type: ignore[assignment]
        report = s.w.bridge.push()
        s.witness.faults = faults
        assert (reports[1].writes, reports[1].settling, report.writes) == (1, 1, 0)
        s.end()
        assert s.w.result(asked.event) is Result.APPLIED and len(s.witness.writes) == 1


# -- killed, and asleep --


@pytest.mark.parametrize(
    ("vendor", "around", "commit"),
    some([(v, a, c) for v in VENDORS for a in ("before", "after") for c in range(4, 25)], 4),
)
def test_a_push_killed_around_a_commit_converges(
    vendor: str, around: str, commit: int, ledger: dict[str, Any], tmp_path: Path
) -> None:
    assert killed_at_commit(vendor, commit, after=around == "after", folder=tmp_path, ledger=ledger)


@pytest.mark.parametrize(("vendor", "attempt"), [("lever", 1), ("greenhouse", 3)])
def test_a_worker_that_sleeps_beyond_its_lease_sends_nothing(
    vendor: str, attempt: int, ledger: dict[str, Any], tmp_path: Path
) -> None:
    assert asleep_at_commit(vendor, attempt, tmp_path, attempts=True, ledger=ledger)


def test_what_a_machine_that_died_had_in_hand_is_taken_when_its_lease_ends(
    ledger: dict[str, Any], tmp_path: Path
) -> None:
    """Nobody can look whether a process of another machine still lives."""
    with outbox("lever", tmp_path, count=1, seed=3, ledger=ledger) as s:

        def kill(_number: int, _id: str) -> None:
            worker.kill()
            wait([worker.sentinel])

        s.witness.answered = kill
        workers = workers_of(s.w, tmp_path, ledger=ledger, host="elsewhere")
        worker = workers.start("push")
        assert workers.was_killed(worker)
        (event,) = s.w.asked
        report = s.w.bridge.push()
        assert report.pending == 1 and s.w.result(event) is None
        s.w.later(s.w.tuning.lease_seconds)
        s.end()
        assert s.w.result(event) is Result.APPLIED and len(s.witness.writes) == 1
