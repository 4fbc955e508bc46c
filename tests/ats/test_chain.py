"""Chains where the stage decides: every way there is from one state to another, and why there is none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from atsbridge.ats.chain import StageChain
from atsbridge.ats.icims import VENDOR
from atsbridge.ats.interface import Catalogue, Unplannable
from atsbridge.model import Action, Answer, ApplicationStatus, Kind, Ref, Stage, StageKind, State

ACTIVE, REJECTED, WITHDRAWN, HIRED = (
    ApplicationStatus[name] for name in ("ACTIVE", "REJECTED", "WITHDRAWN", "HIRED")
)


def stage(id: str, kind: StageKind, *, pipeline: str = "p", writable: Answer = Answer.YES) -> Stage:
    ref = Ref("acme", Kind.STAGE, id)
    return Stage(
        ref=ref, read_at=datetime(2026, 1, 1, tzinfo=UTC), kind=kind, pipeline=pipeline, writable=writable
    )


STAGES = (
    stage("new", StageKind.APPLIED),
    stage("talk", StageKind.INTERVIEW),
    stage("check", StageKind.BACKGROUND, writable=Answer.NO),
    stage("unfit", StageKind.REJECTED),
    stage("late", StageKind.REJECTED),
    stage("gone", StageKind.WITHDRAWN),
    stage("gone-unseen", StageKind.WITHDRAWN, writable=Answer.NO),
    stage("hired", StageKind.HIRED),
    stage("odd", StageKind.UNMAPPED),
    stage("far", StageKind.INTERVIEW, pipeline="q"),
)


def chain(current: State, target: State) -> StageChain:
    return StageChain(
        vendor=VENDOR,
        current=current,
        target=target,
        catalogue=Catalogue(job=None, stages=STAGES),
        word="status",
        pipeline="the table",
    )


def planned(current: State, target: State) -> list[tuple[Action, str | None, str | None]]:
    return [(w.action, w.expected.stage, w.target.stage) for w in chain(current, target).writes()]


@pytest.mark.parametrize(
    ("current", "target", "writes"),
    [
        (State("new", ACTIVE), State("new", ACTIVE), [(Action.MOVE, "new", "new")]),
        (State("new", ACTIVE), State("talk", ACTIVE), [(Action.MOVE, "new", "talk")]),
        (State("unfit", REJECTED), State("talk", ACTIVE), [(Action.REACTIVATE, "unfit", "talk")]),
        (State("new", ACTIVE), State("late", REJECTED), [(Action.REJECT, "new", "late")]),
        (State("new", ACTIVE), State(None, WITHDRAWN), [(Action.WITHDRAW, "new", "gone")]),
        (State("unfit", REJECTED), State("late", REJECTED), [(Action.REJECT, "unfit", "late")]),
        (State("new", ACTIVE), State("hired", HIRED), [(Action.HIRE, "new", "hired")]),
        (
            State("new", ACTIVE),
            State("talk", WITHDRAWN),
            [(Action.MOVE, "new", "talk"), (Action.WITHDRAW, "talk", "gone")],
        ),
    ],
)
def test_the_way_there(current: State, target: State, writes: list[tuple[Action, str, str]]) -> None:
    assert planned(current, target) == writes


@pytest.mark.parametrize(
    ("current", "target", "why"),
    [
        (State("unfit", REJECTED), State(None, ACTIVE), "the change names none"),
        (
            State("new", ACTIVE),
            State(None, ApplicationStatus.ON_HOLD),
            "no way to make an application on_hold",
        ),
        (State("new", ACTIVE), State(None, REJECTED), "not one status that ends so but 2"),
        (State("unfit", REJECTED), State("talk", WITHDRAWN), "in the status of its end"),
        (State("new", ACTIVE), State("nowhere", ACTIVE), "within the table"),
        (State("new", ACTIVE), State("far", ACTIVE), "within the table"),
        (State("new", ACTIVE), State("odd", ACTIVE), "the mapping has to say what it is for"),
        (State("new", ACTIVE), State("unfit", ACTIVE), "that one means another"),
        (State("new", ACTIVE), State("check", ACTIVE), "from outside"),
        (State("odd", REJECTED), State("odd", REJECTED, "why"), "in one that ends so"),
    ],
)
def test_why_there_is_no_way(current: State, target: State, why: str) -> None:
    with pytest.raises(Unplannable, match=why):
        _ = chain(current, target).writes()


def test_an_end_that_is_not_named_is_one_within_reach() -> None:
    near = StageChain(
        vendor=VENDOR,
        current=State("new", ACTIVE),
        target=State(None, REJECTED),
        catalogue=Catalogue(job=None, stages=STAGES),
        word="status",
        pipeline="the table",
        within_reach=lambda here, stage: stage.ref.id == "late" and here.stage == "new",
    )
    assert [w.target.stage for w in near.writes()] == ["late"]
