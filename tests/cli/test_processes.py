"""The command as a process of its own: signals, exit codes, a missing extra, a simulator on a port."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from atsbridge.simulators.interface import Limits
from atsbridge.simulators.lever import LeverSimulator
from atsbridge.simulators.serve import Server, serve

ATSBRIDGE = [sys.executable, "-m", "atsbridge.cli"]


def wait_for(happened: Callable[[], bool]) -> None:
    for _ in range(3000):
        if happened():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen in half a minute")


def pages(server: Server, start: int = 0) -> list[str]:
    return [r.target for r in list(server.requests)[start:] if r.target.startswith("/v1/opportunities?")]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_a_pull_that_goes_on(
    tmp_path: Path, environment: Mapping[str, str], stop: signal.Signals
) -> None:
    simulator = LeverSimulator.generate(800, limits=Limits(None))
    env = {**environment, "LEVER_API_KEY": simulator.credentials["api_key"]}

    def command(*arguments: str) -> subprocess.Popen[str]:
        line = [*ATSBRIDGE, *arguments, "--simulator", server.url]
        pipe = subprocess.PIPE
        return subprocess.Popen(line, cwd=tmp_path, env=env, stdout=pipe, stderr=pipe, text=True)

    with serve(simulator) as server:
        with command("init", "lever") as init:
            assert init.wait(60) == 0
        server.latency_seconds = 0.25
        with command("sync", "--pull") as first:
            wait_for(lambda: len(pages(server)) >= 3)
            first.send_signal(stop)
            out, err = first.communicate(timeout=60)
        before = pages(server)
        assert first.returncode == 130
        assert "goes on from there" in err
        assert "Traceback" not in err + out
        server.latency_seconds = 0.0
        seen = len(server.requests)
        with command("sync", "--pull", "--json") as second:
            out, err = second.communicate(timeout=120)
        assert second.returncode == 0, err
        resumed = pages(server, seen)
        assert "offset=" in resumed[0]
        # At most the page on the wire is asked for again.
        assert len(set(before) & set(resumed)) <= 1
        assert json.loads(out)["pull"]["created"] > 0
        with command("verify", "--json") as verify:
            out, _ = verify.communicate(timeout=120)
        found = json.loads(out)
        held = simulator.account.opportunities.actual.values()
        visible = sum(one.record["confidentiality"] == "non-confidential" for one in held)
        jobless = found["counts"].pop("out_of_scope")  # as the suggested mapping leaves them
        assert (verify.returncode, found["compared"], found["counts"]) == (0, visible, {})
        assert found["equal"] == visible - jobless
        assert not simulator.accepted


def test_a_simulator_prints_an_environment_and_ends_on_ctrl_c(
    tmp_path: Path, environment: Mapping[str, str]
) -> None:
    line = [*ATSBRIDGE, "simulate", "lever", "--limits", "off", "--applications", "60",
            "--setting", "visible_after=0.5"]  # fmt: skip
    pipe = subprocess.PIPE
    with subprocess.Popen(line, env={**environment}, stdout=pipe, stderr=pipe, text=True) as running:
        assert running.stdout is not None
        said = dict(running.stdout.readline().rstrip("\n").split("=", 1) for _ in range(5))
        settings = ("API_KEY", "HOOK_TOKEN", "CLIENT_ID", "CLIENT_SECRET", "REDIRECT_URI")
        assert set(said) == {f"LEVER_{setting}" for setting in settings}
        url = running.stdout.readline().removeprefix("# --simulator ").strip()
        env = {**environment, **said}
        init = subprocess.run(
            [*ATSBRIDGE, "init", "lever", "--simulator", url],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert init.returncode == 0, init.stderr
        assert (tmp_path / "mapping.toml").exists()
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
    assert running.returncode == 0
    assert "Traceback" not in err
    assert "curl -s -u" in err and f"{url}/v1/opportunities" in err


def test_a_wrong_switch_lists_those_there_are(command: Any) -> None:
    ended = command("simulate", "lever", "--setting", "nonsense=1")
    assert ended.code == 2
    for name in LeverSimulator.settings:
        assert name in ended.err


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_the_extra_there_is_a_clear_message(missing: str, environment: Mapping[str, str]) -> None:
    script = f"import sys; sys.modules[{missing!r}] = None; from atsbridge.cli import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", script], env={**environment}, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 2
    assert "pip install 'atsbridge[cli]'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_core_imports_no_command_line() -> None:
    script = (
        "import sys, atsbridge, atsbridge.connection;"
        "print([m for m in sys.modules if m.startswith(('atsbridge.cli', 'atsbridge.simulators'))])"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (ended.stdout, ended.stderr) == ("[]\n", "")


def test_a_closed_pipe_makes_no_noise(environment: Mapping[str, str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    line = [*ATSBRIDGE, "vendors", "show", "lever", "--json"]
    ended = subprocess.run(
        line, env={**environment}, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60
    )
    os.close(writer)
    assert ended.stderr == ""
