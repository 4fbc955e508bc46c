"""Histories that catch what they are meant to catch, and that every adapter of ours comes through."""

from __future__ import annotations

import pytest

from atsbridge.testing import Account
from atsbridge.testing.histories import Weather, never_miss

VENDORS = (
    "ashby",
    "greenhouse",
    "icims",
    "lever",
    "oracle_recruiting",
    "recruitee",
    "smartrecruiters",
    "successfactors",
    "workday",
)


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_missed_while_our_own_clock_is_set(vendor: str, seed: int) -> None:
    outcome = never_miss(
        lambda seed: Account.open(vendor, seed=seed),
        seed=seed,
        weather=Weather(acts=60, resets=0.5),
    )
    assert outcome.flawless, outcome


@pytest.mark.campaign
@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("hundred", range(10))
def test_nothing_is_missed_in_a_thousand_histories(vendor: str, hundred: int) -> None:
    seeds = range(100 * hundred, 100 * (hundred + 1))
    played = [never_miss(lambda seed: Account.open(vendor, seed=seed), seed=seed) for seed in seeds]
    assert [outcome for outcome in played if not outcome.flawless] == []


def test_weather_is_drawn_with_every_uncertainty() -> None:
    drawn = [Weather.drawn(seed) for seed in range(60)]
    for name in ("skew_seconds", "late_seconds", "resets"):
        values = [getattr(weather, name) for weather in drawn]
        assert 0.0 in values and any(values), name
    assert Weather.drawn(7) == Weather.drawn(7)
