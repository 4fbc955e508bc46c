"""The exhaustive model check: every schedule of the real protocol, up to so many faults."""

from __future__ import annotations

import pytest
from attrs import evolve

from atsbridge.model import CompareAndSet, Result
from atsbridge.sync import outbound, policy, protocol
from atsbridge.sync.ledger import IntentRow
from atsbridge.testing.protocol import (
    SCENARIOS,
    Explored,
    Scenario,
    Violation,
    WriteClass,
    configurations,
    explore,
)
from atsbridge.testing.protocol.campaign import of_the_wire
from atsbridge.wire.vendor import Resend


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_every_schedule_of_one_fault_keeps_the_promises(name: str) -> None:
    found = explore(evolve(SCENARIOS[name], faults=1))
    told(found)
    assert found.states > 100 and found.histories > found.scenario.faults


SMALL = ("echo", "gone", "one change", "pair", "paused", "rejected meanwhile", "taken back")
"""Scenarios that are looked through in seconds, also with four faults."""


def told(found: Explored) -> None:
    print(f"{found.scenario}: {found.states} states, {found.steps} steps, {found.histories} histories")


@pytest.mark.parametrize("name", SMALL)
def test_every_schedule_of_four_faults_of_the_wire_keeps_the_promises(name: str) -> None:
    found = explore(of_the_wire(name, 4))
    told(found)
    assert found.histories > 20_000


def test_every_schedule_of_four_faults_of_any_kind_keeps_the_promises_for_one_change() -> None:
    found = explore(evolve(SCENARIOS["one change"], faults=4, moves=0))
    told(found)
    assert found.histories > 2_000_000


@pytest.mark.parametrize("kind", list(configurations()), ids=str)
def test_every_class_of_write_keeps_the_promises(kind: WriteClass) -> None:
    told(explore(evolve(of_the_wire("one change", 2), kind=kind)))


@pytest.mark.campaign
@pytest.mark.parametrize("name", sorted(set(SCENARIOS) - set(SMALL)))
def test_every_schedule_of_four_faults_of_the_wire_in_the_larger_scenarios(name: str) -> None:
    told(explore(of_the_wire(name, 4)))


@pytest.mark.campaign
@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_every_schedule_of_two_faults_of_any_kind(name: str) -> None:
    told(explore(evolve(SCENARIOS[name], faults=2)))


@pytest.mark.campaign
@pytest.mark.parametrize("faults", [3, 4])
def test_every_schedule_of_more_faults_of_any_kind_for_one_change(faults: int) -> None:
    told(explore(evolve(SCENARIOS["one change"], faults=faults)))


@pytest.mark.campaign
@pytest.mark.parametrize("kind", list(configurations()), ids=str)
@pytest.mark.parametrize("name", ["one change", "superseded", "pair"])
def test_every_class_of_write_with_three_faults(name: str, kind: WriteClass) -> None:
    told(explore(evolve(of_the_wire(name, 3), kind=kind)))


# --- the checker can fail: clauses of the protocol taken out one by one ---------------------------


def caught(scenario: Scenario) -> Violation:
    with pytest.raises(Violation) as seen:
        explore(scenario)
    assert seen.value.schedule
    return seen.value


def test_sending_again_without_settling_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    real = policy.decide

    def hasty(intent: IntentRow, *args: object, **kwargs: object) -> object:
        return real(intent, *args, **{**kwargs, "settled": True})  # type: ignore[arg-type]

    def now(txn: object, held: object, intent: IntentRow, *, until: float, accepted: bool = False) -> None:
        settle(txn, held, intent, until=0.0, accepted=accepted)  # type: ignore[arg-type]

    settle = protocol.settle
    monkeypatch.setattr(outbound, "decide", hasty)
    monkeypatch.setattr(outbound, "settle", now)
    late = evolve(SCENARIOS["one change"], faults=2).only("late request")
    assert "I1" in str(caught(late))


def test_applied_without_an_audit_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def blind(*_: object) -> policy.Close:
        return policy.Close(result=Result.APPLIED, gap=policy.Gap.AUDITED)

    monkeypatch.setattr(policy, "audit", blind)
    assert "I3" in str(caught(evolve(SCENARIOS["one change"], faults=1, moves=1)))


def test_writing_over_another_state_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "decide", lambda *_, **__: policy.Write())
    assert "I2" in str(caught(evolve(SCENARIOS["one change"], faults=1, moves=1)))


def test_a_schedule_beyond_the_timing_assumption_is_seen() -> None:
    """AFTER_SETTLE promises nothing where a request arrives later than its deadline: the checker shows it."""
    beyond = evolve(SCENARIOS["one change"], faults=2, beyond=True).only("late request")
    assert beyond.kind.resend is Resend.AFTER_SETTLE
    assert "I1" in str(caught(beyond))


@pytest.mark.parametrize(
    "cas, resend", [(CompareAndSet.VERSION, Resend.AFTER_SETTLE), (CompareAndSet.NONE, Resend.NEVER)]
)
def test_version_and_never_hold_beyond_it(cas: CompareAndSet, resend: Resend) -> None:
    scenario = SCENARIOS["one change"]
    kind = evolve(scenario.kind, cas=cas, resend=resend)
    found = explore(evolve(scenario, kind=kind, faults=2, beyond=True).only("late request", "lost answer"))
    assert found.states > 50
