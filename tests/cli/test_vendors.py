"""``vendors list`` and ``vendors show``: what a security review reads."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from atsbridge.cli.capabilities import capabilities, ending_soon, matrix
from atsbridge.registry import Group, load, names


@pytest.mark.parametrize("name", names(Group.ATS))
def test_the_whole_surface_is_shown(command: Any, name: str) -> None:
    vendor = load(Group.ATS, name).VENDOR
    shown = command("vendors", "show", name, "--json").json
    assert shown["surface_digest"] == vendor.surface_digest
    assert [w["name"] for w in shown["writes"]] == [w.name for w in vendor.writes]
    for listed, declared in zip(shown["writes"], vendor.writes, strict=True):
        assert listed.items() >= declared.surface().items()
        assert listed["cas"] == declared.cas.value
        assert set(listed) >= {"signal", "visible_within_seconds", "resend", "side_effects"}
    assert shown["streams"]
    assert shown["unconfirmed"] == dict(vendor.unconfirmed)
    said = command("vendors", "show", name).out.replace("\n", "")
    for write in vendor.writes:
        assert f"{write.method} {write.path}" in said
    assert vendor.surface_digest in said


def test_the_list(command: Any) -> None:
    told = command("vendors", "list", "--json").json
    assert [(row["name"], row["simulator"]) for row in told] == [
        (name, name in names(Group.SIMULATOR)) for name in names(Group.ATS)
    ]
    assert {row["name"]: row["capabilities"] for row in told} == matrix()
    said = command("vendors", "list").out
    assert all(name in said for name in names(Group.ATS)) and "incremental" in said
    rows = [line.split() for line in said.splitlines() if line.split()[0] in names(Group.ATS)]
    assert len(rows) == len(told) and not [row for row in rows if "-" in row]
    assert all("none told" in " ".join(row) for row in rows)


def test_what_a_third_partys_adapter_can_do_is_shown_by_itself(command: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("atsbridge.cli.vendors.matrix", dict)
    assert "vendors show lever" in command("vendors", "list").out
    assert command("vendors", "list", "--json").json[0]["capabilities"] is None


def test_the_checked_in_table_is_what_the_adapters_declare() -> None:
    """Made anew by `nox -s matrix`, which runs the contract too."""
    ours = {name: load(Group.ATS, name) for name in names(Group.ATS)}
    declared = {n: capabilities(a) for n, a in ours.items() if a.__module__.startswith("atsbridge.")}
    table = matrix()
    assert {n: {k: v for k, v in row.items() if k != "contract"} for n, row in table.items()} == declared
    assert all(row["contract"]["passed"] > 40 for row in table.values())


def test_an_api_that_ends_soon_is_told() -> None:
    table = {"a": {"sunset": "2027-01-31"}, "b": {"sunset": None}, "c": {"sunset": "2027-06-30"}}
    today = date(2026, 11, 25)
    assert ending_soon(table, today) == [("a", date(2027, 1, 31), 67)]
    assert [name for name, *_ in ending_soon(table, today, days=400)] == ["a", "c"]
    assert ending_soon(table, date(2027, 3, 1), days=1) == [("a", date(2027, 1, 31), -29)]


def test_an_unknown_vendor_is_named_with_its_neighbours(command: Any) -> None:
    ended = command("vendors", "show", "levr")
    assert ended.code == 2
    assert "lever" in ended.err
