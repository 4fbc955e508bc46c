"""A pull that is killed at any page goes on where it stood, and ends equal to the ATS."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from world import suggested

from atsbridge.ats.lever import Lever
from atsbridge.crm.sql import SqlCrm
from atsbridge.model import Kind
from atsbridge.simulators.interface import Limits, SimRequest, SimResponse
from atsbridge.simulators.lever import LeverSimulator
from atsbridge.simulators.serve import Server, serve

APPLICATIONS = 20_000
PAGES = APPLICATIONS // 100
CHILD = Path(__file__).with_name("pull_child.py")


class Killer:
    """Kills the process that asks for page ``page`` of the opportunities, before it is answered."""

    def __init__(self) -> None:
        self.page: int | None = None
        self.child: subprocess.Popen[str] | None = None
        self.asked = 0

    def __call__(self, request: SimRequest, respond: Any) -> SimResponse:
        if request.target.startswith("/v1/opportunities?"):
            self.asked += 1
            if self.asked == self.page and self.child is not None:
                os.kill(self.child.pid, signal.SIGKILL)
        return respond(request)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def account() -> Iterator[tuple[LeverSimulator, Server, Killer, str]]:
    simulator = LeverSimulator.generate(APPLICATIONS, seed=3, limits=Limits(None))
    killer = Killer()
    with serve(simulator, intercept=killer) as server:
        crm = SqlCrm(":memory:")
        ats = Lever(connection="acme", api_key=simulator.credentials["api_key"], confidential=True)
        mapping = suggested(ats, server.url, crm)
        crm.close()
        yield simulator, server, killer, mapping


def start(folder: Path, server: Server, simulator: LeverSimulator) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(CHILD), str(folder), server.url, simulator.credentials["api_key"]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed_at(page: int, account: tuple[LeverSimulator, Server, Killer, str], folder: Path) -> None:
    simulator, server, killer, mapping = account
    (folder / "mapping.toml").write_text(mapping, "utf-8")
    killer.asked, killer.page = 0, page
    killer.child = first = start(folder, server, simulator)
    _, errors = first.communicate()
    assert first.returncode == -signal.SIGKILL, errors
    killer.page, killer.asked = None, 0
    second = start(folder, server, simulator)
    out, errors = second.communicate()
    assert second.returncode == 0, errors
    pages = int(out.split()[0])
    # It goes on at the page it was killed at; one more listing follows a full read.
    assert pages <= PAGES - page + 4, (page, pages)
    crm = SqlCrm(folder / "crm.sqlite")
    try:
        views = {v.ref.id: (v.confirmed.stage, v.confirmed.status.value) for v in crm.applications()}
        truth = {id: (t.stage, t.status) for id, t in simulator.truth().items()}
        assert views == truth
        assert crm.count(Kind.APPLICATION) == len(truth)
        people = {v.candidate.id for v in crm.applications() if v.candidate}
        assert people == {t.candidate for t in simulator.truth().values()}
    finally:
        crm.close()


@pytest.mark.parametrize("page", sorted(random.Random(7).sample(range(1, PAGES + 1), 20)))
def test_a_pull_killed_at_a_page_goes_on_there(
    page: int, account: tuple[LeverSimulator, Server, Killer, str], tmp_path: Path
) -> None:
    killed_at(page, account, tmp_path)


@pytest.mark.campaign
@pytest.mark.parametrize("page", range(1, PAGES + 1))
def test_a_pull_killed_at_every_page_goes_on_there(
    page: int, account: tuple[LeverSimulator, Server, Killer, str], tmp_path: Path
) -> None:
    killed_at(page, account, tmp_path)
