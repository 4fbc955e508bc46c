"""A pull that is killed at any page goes on where it stood, and ends equal to the ATS."""

from __future__ import annotations

import random
import re
import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from attrs import define
from workers import Killer, Workers
from world import CONNECTION, VENDORS, configured, simulated, suggested, world

from atsbridge.crm.sql import SqlCrm
from atsbridge.model import Kind
from atsbridge.registry import Group, load
from atsbridge.simulators.interface import SimRequest
from atsbridge.simulators.serve import Server, serve

APPLICATIONS = 20_000
# Listings of people and applications: what a killed pull must not read again from the start.
LISTINGS = {"greenhouse": ("/v3/candidates", "/v3/applications"), "lever": ("/v1/opportunities",)}
# 500 records a page, of 18,500 people and 20,000 applications; and 100.
PAGES = {"greenhouse": 77, "lever": 200}


@define
class Account:
    """A large account on a port, and the mapping that is proposed for it."""

    vendor: str
    simulator: Any
    server: Server
    killer: Killer
    mapping: str

    def workers(self, folder: Path) -> Workers:
        (folder / "mapping.toml").write_text(self.mapping, "utf-8")
        return Workers(self.vendor, self.simulator, self.server.url, folder)

    def pull(self, workers: Workers, *, page: int | None = None, **fate: Any) -> bool:
        """A worker pulls, and dies at a page or by its fate, if at all; whether it came to its end."""
        self.killer.aim(page)
        self.killer.victim = process = workers.start("pull", **fate)
        return not workers.was_killed(process)

    def check(self, folder: Path) -> None:
        """Nothing is missing, nothing is doubled, nothing is otherwise."""
        truth = self.simulator.truth()
        with SqlCrm(folder / "crm.sqlite") as crm:
            held = crm.applications()
            assert len(held) == len(truth) == crm.count(Kind.APPLICATION)
            mirror = {
                v.ref.id: (
                    v.confirmed.stage,
                    v.confirmed.status.value,
                    v.candidate.id if v.candidate else None,
                )
                for v in held
            }
            assert mirror == {id: (t.stage, t.status, t.candidate) for id, t in truth.items()}


@cache
def generated(vendor: str) -> Any:
    """Pulls leave it as it is, so that all tests may share it."""
    return simulated(vendor, APPLICATIONS, seed=3)


@pytest.fixture(scope="module", params=VENDORS)
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    vendor = request.param
    simulator = generated(vendor)

    def is_page(asked: SimRequest) -> bool:
        path, _, query = asked.target.partition("?")
        # Pages of the whole listing: not of what has changed since, of where that begins, of single records.
        other = re.search(r"updated_at|activity_at|per_page=1(&|$)|(^|&)ids=", query)
        return path in LISTINGS[vendor] and other is None

    killer = Killer(is_page)
    with serve(simulator, intercept=killer) as server, SqlCrm(":memory:") as crm:
        ats = load(Group.ATS, vendor)(connection=CONNECTION, **configured(vendor, simulator))
        yield Account(vendor, simulator, server, killer, suggested(ats, server.url, crm)[0])


def test_a_pull_killed_at_twenty_pages_goes_on_at_each(account: Account, tmp_path: Path) -> None:
    """One pull, killed twenty times: each worker asks for the very page that the last one died at."""
    rng = random.Random(7)
    workers = account.workers(tmp_path)
    stops = sorted(rng.sample(range(1, PAGES[account.vendor] + 1), 20))
    done: list[str] = []
    died_at: str | None = None
    for stop in stops:
        assert not account.pull(workers, page=stop - len(done))
        first, last = account.killer.seen[0], account.killer.seen[-1]
        assert first == (died_at or first) and not set(account.killer.seen) & set(done)
        done += account.killer.seen[:-1]
        died_at = last
    assert account.pull(workers)
    assert account.killer.seen[0] == died_at and not set(account.killer.seen) & set(done)
    account.check(tmp_path)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("vendor", VENDORS)
def test_a_pull_killed_around_its_commits_goes_on(vendor: str, after: bool, tmp_path: Path) -> None:
    """Between the CRM's commit and the ledger's there are two moments in which a page is half done."""
    rng = random.Random(8)
    with world(vendor, tmp_path, applications=1200, seed=3) as w:
        (tmp_path / "mapping.toml").write_text(w.mapping, "utf-8")
        workers = Workers(vendor, w.simulator, w.server.url, tmp_path)
        deaths = [
            workers.was_killed(
                workers.start("pull", commit=rng.randrange(8, 25), after=after, signal=signal.SIGKILL)
            )
            for _ in range(4)
        ]
        assert sum(deaths) >= 2
        workers.finish(workers.start("pull"))
        assert w.differences() == {}


@pytest.mark.campaign
@pytest.mark.parametrize(
    ("account", "page"), [(v, page) for v in VENDORS for page in range(1, PAGES[v] + 1)], indirect=["account"]
)
def test_a_pull_killed_at_every_page_goes_on_there(account: Account, page: int, tmp_path: Path) -> None:
    workers = account.workers(tmp_path)
    assert not account.pull(workers, page=page)
    *done, died_at = account.killer.seen
    assert account.pull(workers)
    again = account.killer.seen
    assert again[0] == died_at and not set(again) & set(done)
    assert len(done) + len(again) == PAGES[account.vendor]
    account.check(tmp_path)
