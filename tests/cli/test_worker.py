"""`atsbridge worker`: one line a run, on a schedule, until Ctrl-C."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from postgres_server import PostgresServer

from atsbridge.connection import read_connection
from atsbridge.sync.ledger import Lease, Where

ATSBRIDGE = [sys.executable, "-m", "atsbridge.cli"]
LEDGERS = ["sqlite", "postgres"]


@pytest.fixture(params=LEDGERS)
def ready(link: Any, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A connection that writes, on either ledger."""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        schema = server.schema()
        monkeypatch.setenv("LEDGER_DSN", server.dsn)
        file = link.folder / "atsbridge.toml"
        told = f'[ledger]\nplugin = "postgres"\ndsn = "env:LEDGER_DSN"\nschema = "{schema}"\n\n'
        file.write_text(re.sub(r"(?ms)^\[ledger\].*?^(?=\[)", told, file.read_text()))
    link.write_on()
    assert link.run("vendors", "approve", "--yes").code == 0
    return link


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_what_is_due_runs_once_a_turn(ready: Any) -> None:
    first = ready.run("worker", "--once", "--json")
    assert first.code == 0, first.err
    ran = lines(first.out)
    assert [(r["connection"], r["verb"]) for r in ran] == [("acme", "pull"), ("acme", "push")]
    assert ran[0]["report"]["created"] > 0 and ran[1]["report"]["taken"] == 0
    ready.request_moves(2)
    assert ready.run("worker", "--once", "--json").out == ""  # nothing is due again yet
    # A shorter interval brings the next turn near: the run after it, at the latest, finds it come.
    often = ("worker", "--once", "--push-every", "0.001", "--pull-every", "0", "--json")
    again = [ran for _ in range(2) for ran in lines(ready.run(*often).out)]
    pushed = next(r for r in again if r["verb"] == "push")
    assert pushed["report"]["writes"] == 2 == len(ready.simulator.accepted)
    assert [r["result"] for r in pushed["report"]["receipts"]] == ["applied", "applied"]
    assert "pull" not in {r["verb"] for r in again}


def test_ctrl_c_ends_it_cleanly(ready: Any, environment: Mapping[str, str], tmp_path: Path) -> None:
    line = [*ATSBRIDGE, "worker", "--json", "--push-every", "0.2", "--simulator", ready.server.url]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        line, cwd=tmp_path, env={**environment}, stdout=pipe, stderr=pipe, text=True
    ) as running:
        assert running.stdout is not None
        said = [running.stdout.readline() for _ in range(4)]
        ready.server.latency_seconds = 0.3
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 0, err
    assert err == ""
    assert {(r["verb"], "report" in r) for r in lines("".join(said) + out)} == {
        ("push", True),
        ("pull", True),
    }
    kept = read_connection(tmp_path / "atsbridge.toml").make_ledger()
    leases = kept.look(lambda txn: txn.find(Lease, Where(equal={"connection": "acme"})))
    assert leases and all(lease.until == 0.0 for lease in leases)
    kept.close()


def test_a_failed_run_is_told_and_the_rest_goes_on(ready: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEVER_API_KEY", "another")
    ended = ready.run("worker", "--once", "--json")
    assert ended.code == 5
    ran = lines(ended.out)
    assert [(r["verb"], r["error"]["kind"]) for r in ran] == [
        ("pull", "Unauthorized"),
        ("push", "Unauthorized"),
    ]


def test_people_read_lines(link: Any) -> None:
    ended = link.run("worker", "--once", "--push-every", "0")
    assert ended.code == 0 and " acme pull: read " in ended.out


def test_one_name_twice_is_refused(link: Any) -> None:
    text = (link.folder / "atsbridge.toml").read_text()
    (link.folder / "other.toml").write_text(text)
    ended = link.run("worker", "--once", "--connection", "atsbridge.toml", "--connection", "other.toml")
    assert ended.code == 2 and "two connection files have one name" in ended.err
