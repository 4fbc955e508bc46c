"""Our own adapters keep the contract that plugins have to keep."""

from __future__ import annotations

from atsbridge.testing import AtsContract


class TestAshby(AtsContract):
    vendor = "ashby"


class TestGreenhouse(AtsContract):
    vendor = "greenhouse"
    otherwise = frozenset({"move_by_row"})


class TestIcims(AtsContract):
    vendor = "icims"
    applications = 16


class TestSmartRecruiters(AtsContract):
    vendor = "smartrecruiters"
    applications = 16


class TestOracleRecruiting(AtsContract):
    vendor = "oracle_recruiting"


class TestRecruitee(AtsContract):
    vendor = "recruitee"
    otherwise = frozenset({"change_stage_flat", "hire_flat", "disqualify_by_text"})


class TestSuccessFactors(AtsContract):
    vendor = "successfactors"


class TestLever(AtsContract):
    vendor = "lever"


class TestWorkday(AtsContract):
    vendor = "workday"
