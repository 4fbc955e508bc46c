"""What ``atsbridge simulate`` tells a stranger to do by hand, done."""

from __future__ import annotations

import base64
import json
import re
import shlex
import urllib.request
from typing import Any

import pytest

from atsbridge.registry import Group, load
from atsbridge.simulators.curl import TOKEN, curl, mint
from atsbridge.simulators.interface import Limits
from atsbridge.simulators.serve import serve

VENDORS: list[tuple[str, dict[str, Any]]] = [
    ("ashby", {}),
    ("greenhouse", {}),
    ("greenhouse", {"from_stage_id_is": "stage_id"}),
    ("icims", {}),
    ("lever", {"require_perform_as": True}),
    ("oracle_recruiting", {}),
    ("oracle_recruiting", {"oauth": True}),
    ("smartrecruiters", {}),
    ("smartrecruiters", {"credential": "api_key"}),
    ("successfactors", {}),
    ("workday", {}),
    ("workday", {"oauth": True}),
]


class Shell:
    """As much of a shell and of curl as the commands are made of."""

    def __init__(self) -> None:
        self.token = ""
        self.sent: list[str] = []

    def run(self, command: str) -> tuple[int, bytes]:
        if command.startswith("TOKEN=$("):
            inner = command.removeprefix("TOKEN=$(").partition(" | sed ")[0]
            status, body = self.run(inner)
            found = re.search(rb'"access_token": ?"([^"]*)"', body)
            assert found, body
            self.token = found[1].decode()
            return status, body
        return self._curl(shlex.split(command.replace(TOKEN, self.token)))

    def _curl(self, words: list[str]) -> tuple[int, bytes]:
        program, silent, *options, url = words
        assert (program, silent) == ("curl", "-s")
        pairs = list(zip(options[::2], options[1::2], strict=True))
        given = dict(pairs)
        headers = dict(value.split(": ", 1) for option, value in pairs if option == "-H")
        if "-u" in given:
            headers["Authorization"] = f"Basic {base64.b64encode(given['-u'].encode()).decode()}"
        data = given["-d"].encode() if "-d" in given else None
        if data is not None:  # as curl has it
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        method = given.get("-X", "GET" if data is None else "POST")
        self.sent.append(method)
        asked = urllib.request.Request(url, data, headers, method=method)
        with urllib.request.urlopen(asked) as answer:
            return int(answer.status), bytes(answer.read())


@pytest.mark.parametrize(("vendor", "settings"), VENDORS, ids=str)
def test_a_stranger_reads_and_writes(vendor: str, settings: dict[str, Any]) -> None:
    simulator = load(Group.SIMULATOR, vendor).generate(40, seed=3, limits=Limits(None), **settings)
    application = simulator.movable()
    target = simulator.stages_for(application)[0]
    with serve(simulator) as server:
        shell = Shell()
        *first, read, write = simulator.first_steps(server.url)
        for command in first:
            assert shell.run(command)[0] == 200
        status, body = shell.run(read)
        assert status == 200 and len(body) > 300
        assert shell.run(write)[0] in (200, 204)
    (accepted,) = simulator.accepted
    assert accepted.application == application
    assert simulator.truth()[application].stage == target


@pytest.mark.parametrize("vendor", sorted({vendor for vendor, _ in VENDORS}))
def test_an_account_without_applications_can_be_read(vendor: str) -> None:
    simulator = load(Group.SIMULATOR, vendor).generate(0, seed=3, limits=Limits(None))
    assert simulator.movable() is None
    with serve(simulator) as server:
        shell = Shell()
        assert [shell.run(command)[0] for command in simulator.first_steps(server.url)][-1] == 200
    assert simulator.accepted == []


def test_a_command_is_quoted_for_the_shell() -> None:
    command = curl("http://127.0.0.1:1/a?b=c&d=$e", user="k'ey:", data=json.dumps({"a": "it's"}))
    assert shlex.split(command) == [
        "curl", "-s", "-u", "k'ey:", "-d", '{"a": "it\'s"}', "http://127.0.0.1:1/a?b=c&d=$e",
    ]  # fmt: skip
    assert curl("u", headers={"Authorization": f"Bearer {TOKEN}"}).endswith(
        '"Authorization: Bearer $TOKEN" u'
    )
    assert mint("curl -s u").startswith("TOKEN=$(curl -s u | sed ")
