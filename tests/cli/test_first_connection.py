"""From nothing to a mapping, for every vendor: what `init` asks for is what `simulate` prints."""

from __future__ import annotations

import socket
import tomllib
from pathlib import Path
from typing import Any

import attrs
import pytest

from atsbridge.ats.interface import Ats
from atsbridge.cli.exits import MEANINGS, Exit
from atsbridge.cli.init import connection_text
from atsbridge.cli.simulate import customer_settings, environment, make_simulator
from atsbridge.cli.toml import as_toml
from atsbridge.connection import parse_connection, secret_settings
from atsbridge.errors import ConfigurationError
from atsbridge.registry import Group, load, names
from atsbridge.simulators.interface import Limits, SimRequest, SimResponse
from atsbridge.simulators.serve import serve
from atsbridge.wire.retry import RetryBudget

VENDORS = sorted({*names(Group.ATS)} & {*names(Group.SIMULATOR)})
CHOICES = [name for name in VENDORS if load(Group.ATS, name).LOGINS]


@pytest.fixture(params=VENDORS)
def account(request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A vendor's name and its simulator, whose credentials are in the environment, in an empty folder."""
    vendor: str = request.param
    simulator = make_simulator(vendor, applications=6, seed=1, limits=Limits(None))
    monkeypatch.chdir(tmp_path)
    for name, value in environment(vendor, simulator).items():
        monkeypatch.setenv(name, value)
    return vendor, simulator


def paste(file: Path, told: dict[str, Any]) -> None:
    """Put what the customer tells under ``[ats]``, as a person would."""
    lines = "".join(f"{name} = {as_toml(value)}\n" for name, value in told.items())
    file.write_text(file.read_text().replace("\n[crm]\n", f"\n{lines}\n[crm]\n", 1))


def test_what_is_printed_is_all_that_init_asks_for(account: Any, command: Any) -> None:
    vendor, simulator = account
    file = Path("atsbridge.toml")
    with serve(simulator) as server:
        at = ("--simulator", server.url)
        assert (first := command("init", vendor, "--json", *at)).code in (0, 2), first.out
        assert "missing" not in first.json
        Path("mapping.toml").unlink(missing_ok=True)
        paste(file, customer_settings(vendor, simulator))
        second = command("init", "--json", *at)
        assert second.json["written"] == [str(Path("mapping.toml").resolve())]
        assert tomllib.loads(Path("mapping.toml").read_text())["steps"]
        checked = command("check", "--json", *at)
        assert checked.code in (0, 3), checked.json


def test_nothing_that_is_told_for_the_connection_file_is_a_credential(account: Any) -> None:
    vendor, simulator = account
    told = customer_settings(vendor, simulator)
    assert not {*told} & {*secret_settings(load(Group.ATS, vendor)), *simulator.credentials}
    text = connection_text(vendor, name="acme", settings={}).replace(
        "\n[crm]\n", "\n" + "".join(f"{k} = {as_toml(v)}\n" for k, v in told.items()) + "\n[crm]\n"
    )
    assert {*told} <= {*parse_connection(text, Path("/somewhere/atsbridge.toml")).ats.settings}


def test_an_api_that_is_away_proves_nothing_of_a_permission(
    account: Any, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor, simulator = account
    monkeypatch.setattr(RetryBudget, "wait_seconds", lambda *_: None)
    Path("atsbridge.toml").write_text(connection_text(vendor, name="acme", settings={}))
    Path("mapping.toml").write_text("version = 1\n")
    paste(Path("atsbridge.toml"), customer_settings(vendor, simulator))
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    ended = command("check", "--json", "--simulator", f"http://127.0.0.1:{port}")
    assert ended.code == 1 and "`check` also an ATS out of reach" in MEANINGS[Exit.FOUND]
    (reach, *others) = sorted(ended.json["access"], key=lambda f: f["proof"] != "missing")
    assert (reach["needed_for"], reach["proof"]) == ("reach", "missing")
    told = {(f["proof"], f["tried"]) for f in others}
    assert told == {("unproven", "nothing that counts: the API cannot be reached")}


def test_a_list_of_users_that_is_away_does_not_say_that_nobody_acts(
    tmp_path: Path, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Greenhouse tells by that list who acts: https://harvestdocs.greenhouse.io"""
    simulator = make_simulator("greenhouse", applications=2, seed=1, limits=Limits(None))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(RetryBudget, "wait_seconds", lambda *_: None)
    for name, value in environment("greenhouse", simulator).items():
        monkeypatch.setenv(name, value)

    def no_users(asked: SimRequest, answer: Any) -> Any:
        return SimResponse(503) if asked.target.startswith("/v3/users") else answer(asked)

    with serve(simulator, intercept=no_users) as server:
        at = ("--simulator", server.url)
        assert command("init", "greenhouse", *at).code == 0
        found = command("check", "--json", *at).json["access"]
    (admin,) = [f for f in found if "Site Admin" in f["what"]]
    assert admin["proof"] == "unproven" and "not available" in admin["tried"]


# -- kinds of credentials --


def made(adapter: Any, given: tuple[str, ...]) -> Ats:
    """An adapter with what it requires, and some settings of its kinds of credentials."""
    wanted = [f for f in attrs.fields(adapter) if f.default is attrs.NOTHING or f.name in given]
    ats: Ats = adapter(**{f.name: f.metadata.get("example", "x") for f in wanted})
    return ats


@pytest.mark.parametrize("vendor", CHOICES)
def test_each_kind_of_credentials_signs_whole_and_alone(vendor: str) -> None:
    adapter = load(Group.ATS, vendor)
    for login in adapter.LOGINS:
        assert made(adapter, login).auth()
        for left_out in login:
            with pytest.raises(ConfigurationError, match="one whole kind of credentials"):
                made(adapter, tuple(name for name in login if name != left_out)).auth()
    with pytest.raises(ConfigurationError, match="one whole kind of credentials"):
        made(adapter, tuple(name for login in adapter.LOGINS for name in login)).auth()


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_first_file_can_sign_whichever_kind_is_begun(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = load(Group.ATS, vendor)
    begun: list[dict[str, str]] = [
        {},
        *({login[-1]: f"env:MINE_{login[-1].upper()}"} for login in adapter.LOGINS),
    ]
    for settings in begun:
        text = connection_text(vendor, name="acme", settings=settings)
        found = parse_connection(text, Path("/somewhere/atsbridge.toml"))
        for name in found.missing_variables():
            monkeypatch.setenv(name, _example(adapter, name))
        assert found.make_ats().auth()


def _example(adapter: Any, variable: str) -> str:
    ends = [f for f in attrs.fields(adapter) if variable.endswith(f.name.upper())]
    return str(max(ends, key=lambda f: len(f.name)).metadata.get("example", "x"))


def test_what_is_not_confirmed_is_a_comment_that_says_so() -> None:
    for vendor in VENDORS:
        adapter = load(Group.ATS, vendor)
        lines = connection_text(vendor, name="acme", settings={}).splitlines()
        for setting, doubt in adapter.VENDOR.unconfirmed.items():
            shown = [line for line in lines if line.startswith(f"# {setting} = ")]
            assert len(shown) == 1 and f"Not confirmed: {doubt}" in shown[0], (vendor, setting)


def test_a_table_of_the_customers_is_shown_by_its_row() -> None:
    lines = connection_text("icims", name="acme", settings={}).splitlines()
    (shown,) = [line for line in lines if line.startswith("# statuses = ")]
    row = tomllib.loads(shown.removeprefix("# "))["statuses"]
    assert row == [{"id": "...", "name": "...", "bin": "", "kind": "unmapped", "trigger": False}]


# -- a vendor that lists no stages --


def test_a_connection_without_the_customers_statuses_is_no_healthy_one(
    tmp_path: Path, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = make_simulator("icims", applications=6, seed=1, limits=Limits(None))
    monkeypatch.chdir(tmp_path)
    for name, value in environment("icims", simulator).items():
        monkeypatch.setenv(name, value)
    with serve(simulator) as server:
        at = ("--simulator", server.url)
        first = command("init", "icims", *at)
        assert first.code == 2 and "statuses, under [ats]" in first.err
        assert not Path("mapping.toml").exists()
        Path("mapping.toml").write_text("version = 1\n")
        ended = command("check", *at)
        assert ended.code == 1
        assert "FAULT" in ended.out.upper() and "ats.statuses" in ended.out
        assert command("check", "--json", *at).json["mapping"][0]["where"] == "ats.statuses"
        paste(Path("atsbridge.toml"), customer_settings("icims", simulator))
        assert command("check", "--json", *at).code == 3


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (1.5, "1.5"),
        ('a "b"\x7f\n', '"a \\"b\\"\\u007f\\n"'),
        ([], "[]"),
        (frozenset({"b", "a"}), '["a", "b"]'),
        ([{"a": 1}], "[{a = 1}]"),
        ({"a b": "c"}, '{"a b" = "c"}'),
    ],
)
def test_settings_as_toml(value: Any, text: str) -> None:
    assert as_toml(value) == text
    back = tomllib.loads(f"x = {text}")["x"]
    assert back == (sorted(value) if isinstance(value, frozenset) else value)
