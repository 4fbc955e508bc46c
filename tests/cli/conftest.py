"""A command line in its own folder, connected to a simulator as a customer's would be to an ATS."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field, frozen

from atsbridge.cli.app import run
from atsbridge.crm.sql import SqlCrm
from atsbridge.model import ApplicationStatus, Kind
from atsbridge.simulators.interface import Limits
from atsbridge.simulators.lever import LeverSimulator
from atsbridge.simulators.serve import Server, serve


@frozen
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Ended]


@pytest.fixture(autouse=True)
def no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ATSBRIDGE_TRACEBACK", raising=False)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    def call(*arguments: str) -> Ended:
        capsys.readouterr()
        code = run(arguments)
        out, err = capsys.readouterr()
        return Ended(code, out, err)

    return call


@define
class Link:
    """A folder with a connection file and a mapping, and the simulator behind it."""

    folder: Path
    server: Server
    simulator: LeverSimulator
    _command: Command
    said: list[str] = field(factory=list)
    person: str = ""

    def run(self, *arguments: str) -> Ended:
        ended = self._command(*arguments, "--simulator", self.server.url)
        self.said += [ended.out, ended.err]
        return ended

    def crm(self) -> SqlCrm:
        return SqlCrm(self.folder / "atsbridge-crm.sqlite")

    def write_on(self) -> None:
        """Let changes leave, and take in the applications without a job: the tests count them all."""
        file = self.folder / "mapping.toml"
        text = file.read_text().replace('mode = "off"', 'mode = "on"')
        file.write_text(text.replace("prospects = false", "prospects = true"))

    def request_moves(self, number: int) -> list[str]:
        """A recruiter moves so many active applications to another step; gives their ids."""
        with self.crm() as crm:
            active = [a for a in crm.applications() if a.confirmed.status is ApplicationStatus.ACTIVE]
            steps = sorted({a.step for a in crm.applications() if a.step})
            for app in active[:number]:
                crm.change_step(
                    app.ref, step=next(s for s in steps if s != app.step), actor="Canary Recruiter"
                )
        return [app.ref.id for app in active[:number]]

    def count(self) -> int:
        with self.crm() as crm:
            return crm.count(Kind.APPLICATION)


@pytest.fixture
def link(tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> Iterator[Link]:
    simulator = LeverSimulator.generate(120, limits=Limits(None))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEVER_API_KEY", simulator.credentials["api_key"])
    monkeypatch.setenv("LEVER_ACTING_USER", simulator.acting_user)
    with serve(simulator) as server:
        made = Link(tmp_path, server, simulator, command)
        first = made.run("init", "lever", "--name", "acme", "--setting", "acting_user=env:LEVER_ACTING_USER")
        assert first.code == 0, first.err
        with (tmp_path / "atsbridge.toml").open("a") as file:
            file.write("\n[tuning]\nrate_factor = 1000\n")
        yield made
        assert not server.failures


@pytest.fixture
def environment() -> dict[str, str]:
    """For subprocesses: this one's, without what would change their output."""
    return {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "FORCE_COLOR", "ATSBRIDGE_TRACEBACK")}
