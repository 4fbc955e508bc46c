"""A PostgreSQL server that stops and starts again under a push or a pull, or stays away for a while.

It stops as if it crashed, so that what no commit had waited for the disk with is lost. The run in which
that happens says so, the next goes on: no change is lost, and nothing is written twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import psycopg
import pytest
from postgres_server import PostgresServer
from psycopg_pool.base import AttemptWithBackoff
from test_at_most_once import Scene
from test_killed_push import converges, outbox
from world import VENDORS

from atsbridge.errors import LeaseLost, LedgerError, LedgerUnavailable
from atsbridge.ledgers import postgres as ledgers
from atsbridge.model import Result

COMMITS = 45
"""As many as a push of two changes makes, or more."""
MOMENTS = ["before", "unheard", "after", "lost"]
"""The server goes down before it has committed; before anybody hears that it has; or after that, where
those commits alone count that have waited for the disk, or all, the last of which are lost then."""
ONE = ["lever", pytest.param("greenhouse", marks=pytest.mark.campaign)]


@pytest.fixture(scope="module")
def of_the_module(postgres: PostgresServer) -> Iterator[PostgresServer]:
    with PostgresServer.running(postgres.programs) as own:
        with psycopg.connect(own.dsn, autocommit=True) as database:
            # By itself it takes to the disk what no commit waits for, and so hides that a crash can lose it.
            database.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
        own.restart()
        yield own


@pytest.fixture
def server(of_the_module: PostgresServer) -> Iterator[PostgresServer]:
    """One that may be stopped: nobody else uses it."""
    yield of_the_module
    of_the_module.restart()


@pytest.fixture
def ledger(server: PostgresServer) -> dict[str, Any]:
    return {"plugin": "postgres", "dsn": server.dsn, "schema": server.schema()}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is away is waited for, but not for long."""
    monkeypatch.setattr(AttemptWithBackoff, "INITIAL_DELAY", 0.03)
    monkeypatch.setattr(ledgers, "_RECONNECT_SECONDS", 0.15)
    monkeypatch.setattr(ledgers, "_TURN_SECONDS", 0.2)
    monkeypatch.setattr(ledgers, "WAIT_SECONDS", 0.6)


@attrs.define
class Breakdown:
    """Restarts the server at the n-th commit to it that counts, by the transaction's statements."""

    server: PostgresServer
    moment: str
    commit: int
    counts: Callable[[list[str]], bool]
    seen: int = 0
    _texts: dict[int, list[str]] = attrs.field(factory=dict, init=False)

    def around(self, execute: Callable[..., Any]) -> Callable[..., Any]:
        def fated(cursor: Any, text: str, values: Any = None) -> Any:
            database = id(cursor.connection)
            if text.startswith("BEGIN"):
                self._texts[database] = []
            self._texts[database].append(text)
            if text != "COMMIT" or not self.counts(self._texts[database]):
                return execute(cursor, text, values)
            self.seen += 1
            if self.seen != self.commit:
                return execute(cursor, text, values)
            if self.moment == "before":
                self.server.restart()
                return execute(cursor, text, values)
            done = execute(cursor, text, values)
            self.server.restart()
            return execute(cursor, "SELECT 1") if self.moment == "unheard" else done

        return fated


def waits_for_the_disk(texts: list[str]) -> bool:
    return "synchronous_commit TO on" in texts[0]


@contextmanager
def waiting(vendor: str, folder: Path, ledger: dict[str, Any], *, count: int, seed: int) -> Iterator[Scene]:
    """Changes that nobody has pushed yet; what was pulled has come to the server's disk meanwhile."""
    with outbox(vendor, folder, count=count, seed=seed, ledger=ledger) as s:
        s.w.bridge.resume()  # any commit that waits for the disk takes those before it along
        yield s


def says_what_to_do(error: LedgerUnavailable, server: PostgresServer) -> bool:
    """What has happened, where, and how to go on."""
    text = str(error)
    assert str(server.folder) in text and ("was lost" in text or "cannot be reached" in text), text
    return error.retryable and "whether its server runs" in error.advice


def broken_down(
    vendor: str, commit: int, moment: str, server: PostgresServer, folder: Path, *, verb: str = "push"
) -> bool:
    """Whether there was such a commit."""
    ledger = {"plugin": "postgres", "dsn": server.dsn, "schema": server.schema()}
    counts = waits_for_the_disk if moment == "after" else bool
    breakdown = Breakdown(server, moment, commit, counts)
    with (
        pytest.MonkeyPatch.context() as patch,
        waiting(vendor, folder, ledger, count=2, seed=commit) as s,
    ):
        if verb == "pull":
            s.w.simulator.apply(name="New", email="new@example.com")
            s.w.later()
        patch.setattr(ledgers, "_execute", breakdown.around(ledgers._execute))
        ended: LedgerUnavailable | None = None
        try:
            getattr(s.w.bridge, verb)()
        except LedgerUnavailable as error:
            ended = error
        except LeaseLost:  # the lease is among what was lost
            assert moment == "lost"
        patch.undo()
        broke = breakdown.seen >= commit
        # What was committed is committed: whoever comes next has another connection, and goes on.
        # What was lost may be missed by the run, or not.
        assert moment == "lost" or (ended is not None) == (broke and moment != "after")
        assert ended is None or moment == "lost" or says_what_to_do(ended, server)
        converges(s, deaths=1)
        return broke


@pytest.mark.parametrize(
    ("vendor", "moment", "commit"),
    [
        ("greenhouse", "before", 12),
        ("greenhouse", "unheard", 5),
        ("greenhouse", "after", 4),
        ("greenhouse", "lost", 11),
        ("lever", "lost", 11),
        ("lever", "before", 8),
        ("lever", "unheard", 13),
        ("lever", "after", 2),
    ],
)
def test_a_restart_at_a_commit_of_a_push(
    vendor: str, moment: str, commit: int, server: PostgresServer, tmp_path: Path
) -> None:
    assert broken_down(vendor, commit, moment, server, tmp_path)


@pytest.mark.parametrize(("moment", "commit"), [("before", 2), ("unheard", 3)])
def test_a_restart_at_a_commit_of_a_pull(
    moment: str, commit: int, server: PostgresServer, tmp_path: Path
) -> None:
    assert broken_down("lever", commit, moment, server, tmp_path, verb="pull")


@pytest.mark.campaign
@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_restart_at_every_commit_of_a_push(
    vendor: str, moment: str, server: PostgresServer, tmp_path: Path
) -> None:
    for commit in range(1, COMMITS + 1):
        folder = tmp_path / str(commit)
        folder.mkdir()
        if not broken_down(vendor, commit, moment, server, folder):
            break
    assert (3 if moment == "after" else 15) < commit < COMMITS


@pytest.mark.parametrize("vendor", ONE)
def test_a_restart_between_two_pushes_costs_nobody_an_error(
    vendor: str, server: PostgresServer, ledger: dict[str, Any], tmp_path: Path
) -> None:
    with waiting(vendor, tmp_path, ledger, count=2, seed=2) as s:
        s.w.bridge.push()
        server.restart()
        asked = {asked.application for asked in s.w.asked.values()}
        id = next(id for id in s.w.movable(40, s.rng) if id not in asked)
        s.w.ask(id, s.w.other_stage(id, s.rng))
        s.w.bridge.push()
        assert [s.w.result(event) for event in s.w.asked] == [Result.APPLIED] * 3
        converges(s, deaths=0)


@pytest.mark.parametrize("vendor", ONE)
@pytest.mark.usefixtures("quick")
def test_a_server_that_goes_down_when_a_write_was_accepted(
    vendor: str, server: PostgresServer, ledger: dict[str, Any], tmp_path: Path
) -> None:
    """It stays away: the run ends; once it is back the next one settles the write, and sends no second."""
    with waiting(vendor, tmp_path, ledger, count=1, seed=3) as s:
        s.witness.answered = lambda _number, _id: server.stop()
        for _ in range(2):  # the second run does not come so far
            with pytest.raises(LedgerUnavailable) as caught:
                s.w.bridge.push()
            assert says_what_to_do(caught.value, server)
        assert len(s.witness.writes) == 1
        s.witness.answered = lambda _number, _id: None
        server.start()
        s.end()
        assert Counter(map(s.w.result, s.w.asked)) == {Result.APPLIED: 1}
        assert len(s.witness.writes) == 1


def test_an_attempt_that_the_server_has_lost_is_not_sent(
    server: PostgresServer, ledger: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was committed, and lost in the crash before the commit that was to take it to the disk."""
    on_record: list[int] = []

    def look(_number: int, _id: str) -> None:
        with psycopg.connect(server.dsn) as database:
            (row,) = database.execute(f"SELECT count(*) FROM {ledger['schema']}.attempt").fetchall()
            on_record.append(row[0])

    with waiting("lever", tmp_path, ledger, count=1, seed=3) as s:
        s.witness.in_gap = look
        arming = Breakdown(server, "after", 1, lambda texts: any("INTO attempt " in t for t in texts))
        monkeypatch.setattr(ledgers, "_execute", arming.around(ledgers._execute))
        with suppress(LedgerError):
            s.w.bridge.push()
        assert arming.seen
        s.end()
        assert on_record == [1]
