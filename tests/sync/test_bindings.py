"""Names in a mapping keep their meaning while what they name is renamed."""

from __future__ import annotations

import pytest
from attrs import evolve
from sync_world import MAPPING, reason, stage
from tiny_ats import CONNECTION

from atsbridge.mapping import load_mapping
from atsbridge.model import Kind, Reason, Ref, Stage
from atsbridge.sync.bindings import Bindings, reason_names, stage_names

CONFIG = load_mapping(MAPPING)
WIDE = load_mapping(
    MAPPING
    + '\n[steps.Wide]\nstages = ["X", {id = "9"}]\nwrite = "X"\n[steps.Wide.jobs.j1]\nstages = ["Y"]\n'
    + '[kinds]\n"Z" = "screen"\n[reasons.More]\nreasons = ["Other", {id = "8"}]\nwrite = "Other"\n'
)


def named(id: str, name: str, job: str | None = None) -> Stage:
    owner = Ref(CONNECTION, Kind.JOB, job) if job else None
    return evolve(stage(id), name=name, job=owner)


def cause(id: str, name: str) -> Reason:
    return evolve(reason(id), name=name)


def restored(bound: Bindings, *stages: Stage) -> dict[str, str | None]:
    found, _ = bound.under_old_names(CONFIG, stages, ())
    return {s.ref.id: s.name for s in found}


BOUND = Bindings.of(CONFIG, [named("1", "A"), named("2", "B")], [cause("r1", "Unfit")])


def test_every_name_that_a_mapping_uses() -> None:
    assert stage_names(WIDE) == {"A", "B", "C", "H", "X", "Y", "Z"}
    assert reason_names(WIDE) == {"Unfit", "Left", "Other"}


def test_only_names_that_are_used_are_bound() -> None:
    made = Bindings.of(
        CONFIG, [named("1", "A"), named("2", "Unused"), named("3", "A", "j1")], [cause("r9", "Unused")]
    )
    assert made == Bindings({"": {"A": "1"}, "j1": {"A": "3"}}, {})


def test_a_name_is_that_of_its_own_pipeline() -> None:
    first, second = (evolve(stage(id), name="A", pipeline=f"p{id}") for id in "12")
    made = Bindings.of(CONFIG, [first, second], [])
    assert made == Bindings({"p1": {"A": "1"}, "p2": {"A": "2"}}, {})
    assert restored(made, evolve(first, name="Intake"), second) == {"1": "A", "2": "A"}


def test_bindings_are_kept_as_text() -> None:
    assert Bindings.parse(BOUND.text()) == BOUND
    assert Bindings.parse("") == Bindings()


def test_a_renamed_stage_is_found_under_the_name_that_the_mapping_knows() -> None:
    assert restored(BOUND, named("1", "Intake"), named("2", "B")) == {"1": "A", "2": "B"}


def test_a_renamed_reason_too() -> None:
    _, reasons = BOUND.under_old_names(CONFIG, (), [cause("r1", "Not a fit")])
    assert [r.name for r in reasons] == ["Unfit"]


@pytest.mark.parametrize(
    "stages",
    [
        [named("7", "Intake")],  # never bound
        [named("1", "B")],  # its new name means something to the mapping
        [named("1", "Intake"), named("7", "A")],  # another has taken the old name up
        [named("1", "Intake", "j1")],  # bound for the account, and it is a job's
    ],
)
def test_a_name_never_falls_over_to_another(stages: list[Stage]) -> None:
    assert restored(BOUND, *stages) == {s.ref.id: s.name for s in stages}


def test_two_that_changed_names_with_each_other_are_what_they_are_called_now() -> None:
    assert restored(BOUND, named("1", "B"), named("2", "A")) == {"1": "B", "2": "A"}


def test_a_stage_without_a_name_is_bound_to_nothing() -> None:
    assert Bindings.of(CONFIG, [evolve(stage("1"), name=None)], ()) == Bindings()
