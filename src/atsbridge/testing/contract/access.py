"""Access: the preflight proves what reading can prove, names what is missing, and never writes."""

from __future__ import annotations

import pytest

from ...ats.interface import Proof
from ...errors import Forbidden, Unauthorized
from ...simulators.interface import SimResponse
from ..account import Account
from .subject import Subject


class Access(Subject):
    """`check`, with every permission, with one taken back, and with none."""

    def test_with_everything_granted_nothing_is_missing(self, account: Account) -> None:
        report = account.bridge.check()
        assert [f for f in report.access if f.proof is Proof.MISSING] == []
        assert any(f.needed_for == "reach" and f.proof is Proof.PROVED for f in report.access)
        assert any(f.needed_for == "read" for f in report.access)
        for finding in report.access:
            assert finding.what and finding.tried
            assert (finding.ask == "") is (finding.proof is Proof.PROVED), finding

    def test_what_cannot_be_proved_by_reading_says_whom_to_ask(self, account: Account) -> None:
        report = account.bridge.check()
        writes = [f for f in report.access if f.needed_for == "write"]
        if not account.ats.VENDOR.writes:
            pytest.skip("this adapter writes nothing")
        assert writes, "a vendor that can be written to has a permission for it"
        assert report.exit_code == (3 if any(f.proof is Proof.UNPROVEN for f in report.access) else 0)

    def test_it_never_writes(self, account: Account) -> None:
        _ = account.bridge.check()
        assert account.simulator.accepted == []

    def test_a_permission_taken_back_is_named(self) -> None:
        names = self.open().simulator.permissions()
        if not names:
            pytest.skip("the simulator's credential has no single permissions")
        for name in names:
            account = self.open()
            account.simulator.revoke(name)
            report = account.bridge.check()
            shown = [f for f in report.access if f.proof is not Proof.PROVED]
            assert shown, f"{name} was taken back, and check proves everything"
            assert all(f.ask for f in shown)
            assert account.simulator.accepted == []

    def test_a_refused_credential_stops_and_says_so(self) -> None:
        account = self.open()
        account.driver.meddle = lambda *_: SimResponse(401, (("Content-Type", "application/json"),), b"{}")
        with pytest.raises((Unauthorized, Forbidden)) as seen:
            _ = account.bridge.pull()
        assert seen.value.advice
        report = account.bridge.check()
        assert report.exit_code == 1
        reach = [f for f in report.access if f.needed_for == "reach"]
        assert any(f.proof is Proof.MISSING and f.ask for f in reach)
        assert all(f.proof is not Proof.PROVED for f in report.access)
        assert account.mirror() == {}
