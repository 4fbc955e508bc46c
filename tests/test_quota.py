"""What iCIMS is asked for, as `benchmarks/quota.py` counts it, on small accounts."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "quota.py"


@pytest.fixture(scope="module")
def quota() -> Any:
    found = importlib.util.spec_from_file_location("quota", SCRIPT)
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_a_first_reading_stays_within_5_percent_of_the_fewest_requests(quota: Any) -> None:
    found = quota.first(400)
    assert found["fewest"] <= found["made"] <= found["fewest"] * quota.GOAL


def test_what_has_changed_stays_within_5_percent_of_the_fewest_requests(quota: Any) -> None:
    found = quota.windows(400, 100)
    changed = found["changed"]
    # The schema, the search that tells of people, and two applications that have to tell whose person it is.
    assert changed["made"] == changed["fewest"] + 4 <= changed["fewest"] * quota.GOAL
    assert found["again"] == changed["made"]


def test_a_crash_at_any_request_costs_a_page_at_most(quota: Any) -> None:
    page_and_search = 24 + 1
    assert 0 < quota.crash(40, crashes=12)["most"] <= page_and_search
