"""``vendors list`` and ``vendors show``: what a security review reads."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

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
    assert command("vendors", "list", "--json").json == [
        {"name": name, "simulator": name in names(Group.SIMULATOR)} for name in names(Group.ATS)
    ]


def test_listing_imports_no_adapter_and_no_simulator() -> None:
    script = (
        "import sys; from atsbridge.cli.app import run; code = run(['vendors', 'list']);"
        "loaded = [m for m in sys.modules if m.startswith(('atsbridge.ats.lever', 'atsbridge.ats.greenhouse',"
        " 'atsbridge.simulators'))]; sys.exit(repr(loaded) if loaded else code)"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_an_unknown_vendor_is_named_with_its_neighbours(command: Any) -> None:
    ended = command("vendors", "show", "levr")
    assert ended.code == 2
    assert "lever" in ended.err
