"""The preflight: what is missing, what is faulty, and what could not be proved."""

from __future__ import annotations

from typing import Any

import pytest
from sync_world import MAPPING, World, rules, says, world

from atsbridge.ats.interface import Finding, Proof
from atsbridge.crm.interface import CrmFinding
from atsbridge.mapping import Severity, load_mapping
from atsbridge.sync.check import CheckReport, check
from atsbridge.wire.operations import Routine


def checked(w: World) -> CheckReport:
    return w.run(check(w.ctx))  # type: ignore[no-any-return]


def with_findings(w: World, *findings: Finding) -> World:
    class Asked(type(w.ats)):  # type: ignore[misc]
        def check_access(self) -> Any:
            def flow() -> Any:
                return findings
                yield

            return Routine(flow)

    w.ctx.ats = Asked(account=w.account)
    return w


def test_all_is_well() -> None:
    w = world("1", pulled=False)
    report = checked(w)
    assert report.exit_code == 0 and [f.proof for f in report.access] == [Proof.PROVED]
    assert not [f for f in report.mapping if f.severity is Severity.FAULT]
    assert (report.surface, report.surface_approved, report.write_mode) == (
        w.ats.VENDOR.surface_digest,
        True,
        "on",
    )
    assert all(line.startswith("GET ") for line in w.log) and not any(w.ledger.tables.values())


def test_without_reach_the_mapping_is_not_held_against_anything() -> None:
    w = world("1", pulled=False)
    w.reads = [says(401)]
    report = checked(w)
    assert (report.mapping, report.exit_code, len(w.log)) == ((), 1, 1)


def test_of_a_credential_that_is_refused_nothing_else_is_said_to_be_missing() -> None:
    refused = Finding(
        what="reach",
        proof=Proof.MISSING,
        tried="t",
        ask="a new one",
        needed_for="reach",
        void="it is refused",
    )
    missing = Finding(what="users", proof=Proof.MISSING, tried="t", ask="read access to users")
    report = checked(with_findings(world(pulled=False), refused, missing))
    assert report.access[0] == refused and report.exit_code == 1
    assert (report.access[1].proof, report.access[1].ask) == (Proof.UNPROVEN, "")
    assert report.access[1].tried == "nothing that counts: it is refused"


def test_confidential_records_that_only_the_mapping_wants() -> None:
    w = world(pulled=False, mapping=rules(prospects="prospects = true\nconfidential = true"))
    assert "scope.confidential" not in [f.where for f in checked(w).mapping]

    class Open(type(w.ats)):  # type: ignore[misc]
        reads_confidential = False

    w.ctx.ats = Open(account=w.account)
    (finding,) = [f for f in checked(w).mapping if f.where == "scope.confidential"]
    assert finding.severity is Severity.WARNING and finding.line == 5
    w.ctx.mapping = load_mapping(MAPPING)
    assert "scope.confidential" not in [f.where for f in checked(w).mapping]


def test_what_is_missing_is_more_than_what_is_unproven() -> None:
    unproven = Finding(what="x", proof=Proof.UNPROVEN, tried="t", needed_for="write")
    missing = Finding(what="y", proof=Proof.MISSING, tried="t", needed_for="read")
    assert checked(with_findings(world(pulled=False), unproven)).exit_code == 3
    report = checked(with_findings(world(pulled=False), unproven, missing))
    assert report.exit_code == 1 and report.mapping  # reached, so the mapping was looked at


def test_a_mapping_that_does_not_fit() -> None:
    w = world(pulled=False)
    w.ctx.mapping = load_mapping(MAPPING.replace('["B"]', '["Nowhere"]'))
    report = checked(w)
    assert report.exit_code == 1 and any(f.severity is Severity.FAULT for f in report.mapping)


def test_stages_that_cannot_be_read() -> None:
    w = world(pulled=False)
    w.reads = [None, *[says(500)] * 9]
    (finding,) = checked(w).mapping
    assert (finding.severity, finding.where) == (Severity.FAULT, "stages")
    assert finding.what.startswith("the ATS's stages could not be read: ")


@pytest.mark.parametrize("mode, code", [("on", 1), ("pilot", 1), ("shadow", 0), ("off", 0)])
def test_a_surface_that_was_not_approved_matters_where_something_is_written(mode: str, code: int) -> None:
    w = world(pulled=False, mapping=rules(mode=f'mode = "{mode}"\npilot_jobs = ["j1"]'))
    w.ctx.approved = None
    report = checked(w)
    assert (report.surface_approved, report.write_mode, report.exit_code) == (False, mode, code)


def test_a_crm_that_is_not_well() -> None:
    w = world(pulled=False)

    class Ill(type(w.crm)):  # type: ignore[misc]
        def check_access(self) -> Any:
            return (CrmFinding(what="it is there", ok=False),)
            yield

    w.ctx.crm = Ill()
    assert checked(w).exit_code == 1


def test_a_crm_without_bases_is_said_to_be_inbound_only() -> None:
    w = world(pulled=False)
    w.crm.abilities = frozenset()
    report = checked(w)
    assert report.crm[-1].why == "no: inbound only" and report.exit_code == 0


def test_it_tells_as_plain_data() -> None:
    told = checked(world(pulled=False)).as_dict()
    assert (told["exit_code"], told["write_mode"], told["crm"][0]["abilities"]) == (0, "on", [])
