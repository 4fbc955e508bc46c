"""A pull that is killed at any page goes on where it stood, and ends equal to the ATS."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from world import SIMULATORS, VENDORS, adapter_for, start_child, suggested

from atsbridge.crm.sql import SqlCrm
from atsbridge.model import Kind
from atsbridge.simulators.interface import Limits, SimRequest, SimResponse, Simulator
from atsbridge.simulators.serve import Server, serve

APPLICATIONS = 20_000
GATE = 8
"""Pages at which a pull is killed in the gate; the campaign takes every one."""


@define(eq=False)
class Killer:
    """Kills the process that asks for page ``page``, before it is answered."""

    page: int | None = None
    child: subprocess.Popen[str] | None = None
    asked: int = 0
    first: int = 0
    """How many pages were asked for before the first of candidates or applications."""

    def __call__(self, request: SimRequest, respond: Any) -> SimResponse:
        if request.method == "GET":
            self.asked += 1
            if not self.first and request.target.partition("?")[0].endswith(
                ("/candidates", "/opportunities")
            ):
                self.first = self.asked - 1
            if self.asked == self.page and self.child is not None:
                os.kill(self.child.pid, signal.SIGKILL)
        return respond(request)  # type: ignore[no-any-return]


@define(eq=False)
class Large:
    """A large account on a port, and how many pages an undisturbed pull of it takes."""

    vendor: str
    simulator: Simulator
    server: Server
    killer: Killer
    mapping: str
    pages: int = field(default=0)

    def pull(self, folder: Path, *, killed_at: int | None = None) -> int:
        """Pull in a process of its own; how many pages it asked for."""
        (folder / "mapping.toml").write_text(self.mapping, "utf-8")
        self.killer.asked, self.killer.page, self.killer.first = 0, killed_at, 0
        child = self.killer.child = start_child(folder, self.vendor, self.simulator, self.server.url, "pull")
        out, errors = child.communicate()
        assert child.returncode == (0 if killed_at is None else -signal.SIGKILL), errors
        assert killed_at is not None or json.loads(out)["quarantined"] == 0
        return self.killer.asked


@pytest.fixture(scope="module", params=VENDORS)
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Large]:
    simulator = SIMULATORS[request.param].generate(APPLICATIONS, seed=3, limits=Limits(None))
    killer = Killer()
    with serve(simulator, intercept=killer) as server:
        crm = SqlCrm(":memory:")
        mapping = suggested(adapter_for(request.param, simulator), server.url, crm)
        crm.close()
        made = Large(request.param, simulator, server, killer, mapping)
        folder = tmp_path_factory.mktemp("undisturbed")
        made.pages = made.pull(folder)
        is_mirrored(made, folder)
        shutil.rmtree(folder)
        yield made


def killed_at(page: int, large: Large, folder: Path) -> None:
    large.pull(folder, killed_at=page)
    again = large.pull(folder)
    is_mirrored(large, folder)
    # It goes on at the page it was killed at: what was committed is not asked for again, but for the
    # pages of configuration, which the mapping is held against, and what a full read is followed by.
    assert page - 1 + again <= large.pages + large.killer.first + 4, (page, again, large.pages)
    shutil.rmtree(folder)


def is_mirrored(large: Large, folder: Path) -> None:
    """Nothing is missing, and nothing is there twice."""
    crm = SqlCrm(folder / "crm.sqlite")
    try:
        views = {v.ref.id: (v.confirmed.stage, v.confirmed.status.value) for v in crm.applications()}
        truth = {id: (t.stage, t.status) for id, t in large.simulator.truth().items()}
        assert views == truth
        assert crm.count(Kind.APPLICATION) == len(truth)
        people = {v.candidate.id for v in crm.applications() if v.candidate}
        assert people == {t.candidate for t in large.simulator.truth().values()}
    finally:
        crm.close()


def test_a_pull_killed_at_a_page_goes_on_there(large: Large, tmp_path: Path) -> None:
    pages = random.Random(7).sample(range(1, large.pages + 1), GATE)
    for page in sorted(pages):
        folder = tmp_path / str(page)
        folder.mkdir()
        killed_at(page, large, folder)


@pytest.mark.campaign
def test_a_pull_killed_at_every_page_goes_on_there(large: Large, tmp_path: Path) -> None:
    for page in range(1, large.pages + 1):
        folder = tmp_path / str(page)
        folder.mkdir()
        killed_at(page, large, folder)
