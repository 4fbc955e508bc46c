"""The canaries: one planted leak per channel is caught, and an honest run shows none."""

from __future__ import annotations

import base64
import gc
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import attrs
import pytest

import atsbridge
from atsbridge import Bridge, Secret
from atsbridge.ats.lever import Lever
from atsbridge.crm.sql import SqlCrm
from atsbridge.errors import AtsBridgeError
from atsbridge.ledgers.sqlite import SqliteLedger
from atsbridge.registry import Group
from atsbridge.simulators.greenhouse import GreenhouseSimulator
from atsbridge.simulators.interface import Limits, SimRequest
from atsbridge.simulators.lever import LeverSimulator
from atsbridge.simulators.people import Inventor
from atsbridge.simulators.serve import serve
from atsbridge.testing import canaries
from atsbridge.testing.canaries import PLANTED, About, Watch, chain, our_frames, shown

LEAKS = """
import logging, sys, warnings
from pathlib import Path
import pytest
from atsbridge.crm.sql import SqlCrm
from atsbridge.errors import AtsBridgeError, BadPayload
from atsbridge.ledgers.memory import MemoryLedger
from atsbridge.ledgers.sqlite import SqliteLedger
from atsbridge.simulators.people import Inventor
from atsbridge.sync.ledger import Control, Quarantined
from atsbridge.testing.canaries import PLANTED

NAME = Inventor(1).person().name
log = logging.getLogger("atsbridge.sync")

def test_stdout():
    print("hello", NAME)

def test_stdout_that_the_test_reads(capsys):
    print("hello", NAME)
    capsys.readouterr()

def test_stderr():
    print(PLANTED.secret.upper(), file=sys.stderr)

def test_log_record():
    log.debug("moved %s", NAME)

def test_log_of_a_logger_that_does_not_propagate():
    alone = logging.getLogger("atsbridge.alone")
    alone.propagate = False
    alone.warning("moved %s", NAME)

def test_log_of_an_error():
    try:
        raise ValueError(NAME)
    except ValueError:
        log.exception("failed")

def test_message_of_an_error_nobody_sees():
    try:
        raise AtsBridgeError(f"no {NAME}")
    except AtsBridgeError:
        pass

def test_attribute_of_an_error():
    with pytest.raises(BadPayload):
        raise BadPayload("bad", request_id=NAME)

def test_traceback_local(monkeypatch):
    from atsbridge.wire import auth
    monkeypatch.setattr(auth, "b64encode", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        auth._basic(PLANTED.secret, "")

def test_traceback_of_a_cause(monkeypatch):
    from atsbridge.wire import auth
    monkeypatch.setattr(auth, "b64encode", lambda _: 1 / 0)
    with pytest.raises(RuntimeError):
        try:
            auth._basic(PLANTED.secret, "")
        except ZeroDivisionError as error:
            raise RuntimeError("no signature") from error

def test_traceback_of_a_failure():
    def hidden():
        raise AssertionError(f"not {NAME}")
    hidden()

def test_repr(canaries):
    canaries.look_at_value("a record", Inventor(1).person())

def test_value_that_a_bridge_returns(monkeypatch):
    from atsbridge import Bridge
    from atsbridge.bridge import _Connection
    bridge = object.__new__(Bridge)
    bridge._driver = type("Driver", (), {"run": lambda _self, flow: [NAME]})()
    monkeypatch.setattr(_Connection, "_begin", lambda _self, _most_seconds: None)
    monkeypatch.setattr(_Connection, "_end", lambda _self, _ctx: None)
    bridge._run(lambda _ctx: None)

def test_warning():
    warnings.warn(f"odd: {NAME}", UserWarning)

def test_ledger_column(tmp_path):
    ledger = SqliteLedger(tmp_path / "ledger.sqlite")
    row = Quarantined(connection="acme", kind="candidate", id="1", path="name", why=f"found {NAME}")
    ledger.do(lambda txn: txn.put([row]))
    ledger.close()

def test_ledger_in_memory(request):
    request.node.kept = ledger = MemoryLedger()
    ledger.do(lambda txn: txn.put([Control(connection="acme", paused_why=PLANTED.phone)]))

def test_secret_in_the_crm(tmp_path):
    crm = SqlCrm(tmp_path / "crm.sqlite")
    crm.add_lead("Ada", email=f"{PLANTED.secret}@example.com")
    crm.close()
"""

CHANNELS = {
    "test_stdout": "stdout",
    "test_stdout_that_the_test_reads": "stdout",
    "test_stderr": "stderr",
    "test_log_record": "log record of atsbridge.sync",
    "test_log_of_a_logger_that_does_not_propagate": "log record of atsbridge.alone",
    "test_log_of_an_error": "log record of atsbridge.sync: message",
    "test_message_of_an_error_nobody_sees": "error message",
    "test_attribute_of_an_error": "expected error: attributes",
    "test_traceback_local": "expected error: local user of auth.py:_basic",
    "test_traceback_of_a_cause": "expected error: local user of auth.py:_basic",
    "test_traceback_of_a_failure": "traceback: message",
    "test_repr": "a record (repr of Person)",
    "test_value_that_a_bridge_returns": "returned by a bridge (repr of list)",
    "test_ledger_column": "ledger ledger.sqlite, quarantined.why",
    "test_ledger_in_memory": "ledger in memory, control",
    "test_secret_in_the_crm": "CRM database crm.sqlite",
}

HONEST = """
import pytest
from atsbridge.crm.sql import SqlCrm
from atsbridge.simulators.people import Inventor

def test_an_honest_one():
    print("hello")

@pytest.mark.shows_people
def test_shows_people_on_purpose():
    print(Inventor(1).person().name)

def test_people_in_the_crm(tmp_path):
    crm = SqlCrm(tmp_path / "crm.sqlite")
    crm.add_lead(Inventor(1).person().name)
    crm.close()

def test_seeds(seed, rng):
    assert seed == SEEDS.setdefault("seed", seed)
    assert 0 <= rng.random() < 1

SEEDS = {}
"""

SHOWS_TOO_MUCH = """
import pytest
from atsbridge.testing.canaries import PLANTED

@pytest.mark.shows_people
def test_a_credential_is_never_shown_on_purpose():
    print(PLANTED.secret)
"""

NETWORK = """
import socket, pytest

def test_to_the_world():
    with pytest.raises(RuntimeError):
        socket.create_connection(("192.0.2.1", 9), timeout=1)

def test_a_name():
    socket.getaddrinfo("example.com", 80)

def test_loopback_unasked():
    socket.create_connection(("127.0.0.1", 9), timeout=1)

@pytest.mark.loopback
def test_loopback_asked():
    with socket.socket() as here:
        here.bind(("127.0.0.1", 0))
        here.listen()
        socket.create_connection(here.getsockname()).close()

@pytest.mark.loopback
def test_the_world_is_closed_to_those_who_asked_for_loopback():
    with pytest.raises(RuntimeError):
        socket.create_connection(("192.0.2.1", 9), timeout=1)
"""


@pytest.fixture
def inner(tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Runs tests in a process of their own, with the plugin; gives the exit code and the output.

    What the plugin says there is full of canaries, and is not printed here.
    """

    def run(text: str, *args: str) -> tuple[int, str]:
        (tmp_path / "conftest.py").write_text('pytest_plugins = ["atsbridge.testing.plugin"]')
        (tmp_path / "test_inner.py").write_text(text)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "--rootdir=.", *args],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(Path(atsbridge.__file__).parents[1])},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    return run


def test_one_planted_leak_per_channel_is_caught(inner) -> None:
    code, text = inner(LEAKS)
    assert code == pytest.ExitCode.TESTS_FAILED
    for name, channel in CHANNELS.items():
        report = text.partition(f"::{name}: canaries got out\n")[2]
        told = [line.strip() for line in report.splitlines()[:8] if line.startswith("  ")]
        assert any(line.startswith(channel) for line in told), name
    # A warning is known only after its test has been reported: the run fails for it.
    assert "::test_warning: warning shows the canary of a person" in text


def test_a_warning_alone_fails_the_run(inner) -> None:
    code, text = inner(
        "import warnings\nfrom atsbridge.testing.canaries import PLANTED\n"
        "def test_it():\n    warnings.warn(PLANTED.person)\n"
    )
    assert "1 passed, 1 warning" in text
    assert code == pytest.ExitCode.TESTS_FAILED


def test_an_honest_run_passes(inner) -> None:
    code, text = inner(HONEST, "--atsbridge-seed", "7")
    assert code == pytest.ExitCode.OK
    assert "4 passed" in text
    assert "atsbridge: canaries planted, seed 7" in text
    assert "of the run's 7" in text


def test_nobody_shows_a_credential_on_purpose(inner) -> None:
    code, text = inner(SHOWS_TOO_MUCH)
    assert code == pytest.ExitCode.TESTS_FAILED
    assert "canary of a secret" in text


def test_sockets_are_refused_unless_to_this_machine_and_asked_for(inner) -> None:
    _, text = inner(NETWORK)
    assert "2 failed, 3 passed, 4 errors" in text
    for name in (
        "test_to_the_world",
        "test_a_name",
        "test_loopback_unasked",
        "test_the_world_is_closed_to_those_who_asked_for_loopback",
    ):
        assert f"ERROR at teardown of {name}" in text


# -- planting --


def test_people_and_credentials_are_planted() -> None:
    person = Inventor(3, missing_email=0, missing_phone=0).person()
    watch = Watch()
    for value in (person.given, person.family, person.email, person.phone, person.company):
        watch.look("person", str(value))
        assert [hit.about for hit in watch.take()] == [About.PERSON]
    lever, greenhouse = LeverSimulator.generate(5), GreenhouseSimulator.generate(5)
    for value in (lever.credentials["api_key"], greenhouse.credentials["client_secret"]):
        watch.look("credential", value)
        assert [hit.about for hit in watch.take()] == [About.SECRET]


@pytest.mark.parametrize("before", range(3))
@pytest.mark.parametrize("after", range(3))
def test_a_credential_in_base64_is_seen(before: int, after: int) -> None:
    watch = Watch()
    text = "x" * before + PLANTED.secret + "y" * after
    watch.look("header", base64.b64encode(text.encode()).decode())
    assert [hit.about for hit in watch.take()] == [About.SECRET]


def test_a_greenhouse_token_is_a_canary_even_inside_its_base64() -> None:
    simulator = GreenhouseSimulator.generate(5)
    pair = f"{simulator.credentials['client_id']}:{simulator.credentials['client_secret']}"
    headers = {
        "authorization": "Basic " + base64.b64encode(pair.encode()).decode(),
        "content-type": "application/x-www-form-urlencoded",
        "host": "auth.greenhouse.io",
    }
    answer = simulator.respond(SimRequest("POST", "/token", headers, b"grant_type=client_credentials"))
    assert answer.status == 200, answer.body
    watch = Watch()
    watch.look("token", answer.body.decode())
    assert About.SECRET in [hit.about for hit in watch.take()]


def test_a_damaged_database_is_searched_byte_by_byte(tmp_path: Path) -> None:
    path, watch = tmp_path / "broken.sqlite", Watch()
    path.write_bytes(b"\xff\x00 no database " + PLANTED.person.encode())
    watch.look_at_database("ledger", path)
    assert [hit.channel for hit in watch.take()] == ["ledger broken.sqlite, bytes"]


# -- a whole run --


@pytest.fixture
def pulled(tmp_path: Path):
    """A bridge that has pulled an account full of canaries, and all there is around it."""
    simulator = LeverSimulator.generate(40, limits=Limits(None))
    key = simulator.credentials["api_key"]
    ats = Lever(connection="acme", api_key=key, acting_user=simulator.acting_user)
    with serve(simulator) as server:
        crm, ledger = SqlCrm(tmp_path / "crm.sqlite"), SqliteLedger(tmp_path / "ledger.sqlite")
        with Bridge(ats=ats, crm=crm, ledger=ledger, mapping={"version": 1}, at=server.url) as bridge:
            yield bridge, crm
        crm.close()
        ledger.close()


def test_no_object_of_the_package_shows_a_canary(pulled) -> None:
    """The repr of everything that can be reached from a bridge in the middle of its life."""
    bridge, crm = pulled
    kept = [bridge, bridge.pull(), bridge.verify(), bridge.status(), bridge.check(), crm.applications()]
    watch, seen = Watch(), 0
    for value in reachable(kept):
        module = type(value).__module__
        if module.startswith("atsbridge.") and not module.startswith("atsbridge.simulators"):
            seen += 1
            watch.look_at_value("reachable", value)
    assert seen > 100
    assert watch.take() == []


def test_every_record_hides_its_people(pulled) -> None:
    bridge, _ = pulled
    records = list(all_records(bridge))
    watch = Watch()
    for record in records:
        watch.look_at_value("record", record)
        watch.look("fields", str(attrs.asdict(record)))  # the canaries are really in them
    hits = watch.take()
    assert {hit.channel for hit in hits} == {"fields"}
    assert {"Candidate", "Application", "User"} <= {type(r).__name__ for r in records}


def all_records(bridge: Bridge):
    client, ats = bridge._context.client, bridge._context.ats
    for stream in ats.streams():
        if stream.scope.value == "connection":
            operation = stream.page(stream.start(None, None))
            page = bridge._driver.run(client.run(operation))
            for item in page.items:
                yield from item.read(item.raw.data)


def reachable(root: object):
    """Every object that can be reached, without going into modules, classes and code."""
    todo, seen = [root], set()
    stop = (type, type(sys), type(reachable), type(gc.collect))
    while todo:
        value = todo.pop()
        if id(value) in seen or isinstance(value, stop):
            continue
        seen.add(id(value))
        yield value
        if not isinstance(value, Secret):
            todo.extend(gc.get_referents(value))


def test_an_error_out_of_a_bridge_keeps_its_lines_and_loses_its_locals(pulled, monkeypatch) -> None:
    """A crash reporter that prints local variables finds the place, and nobody's data."""
    bridge, _ = pulled

    def broken(*_args: object, **_more: object) -> None:
        person = Inventor(1).person()
        raise ZeroDivisionError(f"at {len(person.name)}")

    monkeypatch.setattr(type(bridge._context.ledger), "do", broken)
    with pytest.raises((ZeroDivisionError, AtsBridgeError)) as caught:
        bridge.pull()
    traces = [traceback.walk_tb(error.__traceback__) for error in chain(caught.value)]
    frames = {frame.f_code.co_name: frame for trace in traces for frame, _line in trace}
    assert {"pull", "perform", "broken"} <= set(frames)
    assert frames["broken"].f_locals == {}
    ours = [frame for error in chain(caught.value) for frame in our_frames(error)]
    assert not [f for f in ours for v in f.f_locals.values() if PLANTED.person in shown(v)]


@pytest.mark.parametrize(("module", "watched"), [("acme_ats.adapter", True), ("acme_ats.simulator", False)])
def test_the_frames_of_a_plugin_are_watched_and_those_of_its_simulator_are_not(
    module: str, watched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {
        Group.ATS: [EntryPoint("acme", "acme_ats.adapter:Acme", Group.ATS)],
        Group.SIMULATOR: [EntryPoint("acme", "acme_ats.simulator:Acme", Group.SIMULATOR)],
    }
    monkeypatch.setattr(canaries, "entry_points", lambda *, group: there.get(group, []))
    canaries._watched.cache_clear()
    names: dict[str, Any] = {"__name__": module}
    exec("def read(person):\n    raise ZeroDivisionError\n", names)
    try:
        with pytest.raises(ZeroDivisionError) as caught:
            names["read"]("somebody")
        assert [frame.f_code.co_name for frame in our_frames(caught.value)] == (["read"] if watched else [])
    finally:
        canaries._watched.cache_clear()
