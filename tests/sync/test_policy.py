"""The write-back policy, clause by clause: what a read means before a send, and after one."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from attrs import evolve
from sync_world import ACTIVE, REJECTED, catalogue, fresh, intent, reason, stage
from tiny_ats import write_of

from atsbridge.ats.interface import Gone
from atsbridge.errors import Doubtful, Forbidden, Refused, StateChanged, Throttled, Unauthorized
from atsbridge.model import (
    Action,
    Answer,
    ApplicationStatus,
    CompareAndSet,
    Gap,
    Need,
    Result,
    StageKind,
    State,
    Tombstone,
    TombstoneKind,
)
from atsbridge.sync.policy import (
    Back,
    Close,
    Settle,
    Write,
    audit,
    confirm,
    decide,
    expected_of,
    target_of,
    unwritable,
)
from atsbridge.wire.vendor import Resend, Signal

HIRED = ApplicationStatus.HIRED
SAID_YES = "the vendor said yes and nothing shows it"
MOVED_ON = "moved on in the ATS since"
IN_BETWEEN = "somebody changed it while it was being written"
COUNT = write_of(Action.MOVE, signal=Signal.COUNT)
CHANGE = write_of(Action.MOVE, signal=Signal.CHANGE)
NO_SIGNAL = write_of(Action.MOVE, signal=Signal.NONE)


def read(stage: str | None = "A", *entered: str, mark: str = "", **more: Any) -> Any:
    """A fresh read with this history; its signal is the history's length unless a mark is given."""
    signals = {"move": mark or str(len(entered))}
    return fresh(stage, history=entered, signals=signals, **more)


def sent(*, open_attempts: int = 1, signal: str | None = "0", **changes: Any) -> Any:
    return intent(open_attempts=open_attempts, sent=1, attempts=open_attempts, signal=signal, **changes)


def decided(row: Any, seen: Any, *, write: Any = COUNT, settled: bool = True, known: Any = None) -> Any:
    return decide(row, seen, write=write, catalogue=known or catalogue(), settled=settled)


def closed(result: Result, why: str = "", **more: Any) -> Close:
    return Close(result=result, why=why, **more)


# -- nothing is in doubt --


def test_an_intent_says_what_it_expects_and_wants() -> None:
    row = intent(target_reason="r1", target_status="rejected", expected_status="on_hold")
    assert expected_of(row) == State("A", ApplicationStatus.ON_HOLD)
    assert target_of(row) == State("B", REJECTED, "r1")


def test_at_expected_it_is_written() -> None:
    assert decided(intent(), read("A")) == Write()


def test_at_target_it_is_already() -> None:
    assert decided(intent(), read("B")) == closed(Result.ALREADY, "it was there before anything was sent")


@pytest.mark.parametrize(
    "seen", [read("C"), read("A", status=REJECTED), read("B", status=REJECTED), read(None)]
)
def test_elsewhere_it_is_a_conflict(seen: Any) -> None:
    assert decided(intent(), seen) == closed(
        Result.CONFLICT, "the ATS has moved on since the recruiter acted"
    )


@pytest.mark.parametrize(
    "kind, words",
    [
        (TombstoneKind.DELETED, "the application is gone from the ATS"),
        (TombstoneKind.ANONYMISED, "the application is gone from the ATS"),
        (TombstoneKind.MERGED, "the application is merged into another"),
        (TombstoneKind.LOST_ACCESS, "the application is no longer visible to this credential"),
    ],
)
def test_what_is_gone_is_refused_unless_something_may_have_been_written(
    kind: TombstoneKind, words: str
) -> None:
    gone = Gone(tombstone=Tombstone(kind))
    refused = closed(Result.REFUSED, words)
    review = closed(Result.REVIEW, f"the write was sent and may have been done, and {words}")
    assert decided(intent(), gone, settled=False) == refused
    assert decided(sent(), gone, settled=False) == review
    assert confirm(sent(), gone, write=COUNT, refusal=None) == review
    assert confirm(sent(), gone, write=COUNT, refusal=Refused("no")) == refused
    assert confirm(sent(), gone, write=COUNT, refusal=Doubtful("yes, but")) == review
    assert confirm(sent(open_attempts=2), gone, write=COUNT, refusal=Refused("no")) == review


# -- what cannot be written --

STAGES = {
    "missing": (stage("A"),),
    "inactive": (stage("B", active=False),),
    "not writable": (stage("B", writable=Answer.NO),),
    "needy": (stage("B", needs=frozenset({Need.OTHER})),),
    "unmapped": (stage("B", kind=StageKind.UNMAPPED),),
    "hired": (stage("B", kind=StageKind.HIRED),),
    "rejected": (stage("B", kind=StageKind.REJECTED),),
    "withdrawn": (stage("B", kind=StageKind.WITHDRAWN),),
    "archived": (stage("B", kind=StageKind.ARCHIVED),),
}
NOT_WRITABLE = "stage_not_writable: the stage is inactive, or needs what a status write cannot carry"


@pytest.mark.parametrize(
    "what, words",
    [
        ("missing", "stage_gone: the ATS has no such stage for this job"),
        ("inactive", NOT_WRITABLE),
        ("not writable", NOT_WRITABLE),
        ("needy", NOT_WRITABLE),
        ("unmapped", "stage_unmapped: what the stage means is not known"),
        ("hired", "stage_ends: a move may not end an application"),
        ("rejected", "stage_ends: a move may not end an application"),
        ("withdrawn", "stage_ends: a move may not end an application"),
        ("archived", "stage_ends: a move may not end an application"),
    ],
)
def test_a_stage_that_cannot_be_written_is_refused(what: str, words: str) -> None:
    known = catalogue(*STAGES[what])
    assert unwritable(intent(), known) == words
    assert decided(intent(), read("A"), known=known) == closed(Result.REFUSED, words)


@pytest.mark.parametrize(
    "there",
    [
        stage("B"),
        stage("B", active=True, writable=Answer.YES),
        stage("B", needs=frozenset({Need.REASON, Need.ACTING_USER})),
        stage("B", kind=StageKind.INTERVIEW),
    ],
)
def test_any_other_stage_can_be_written(there: Any) -> None:
    assert unwritable(intent(), catalogue(there)) is None


def test_a_stage_that_ends_can_be_written_by_what_ends() -> None:
    known = catalogue(stage("B", kind=StageKind.HIRED))
    assert unwritable(intent(action="hire", target_status="hired"), known) is None
    assert unwritable(intent(action="reject", target_status="rejected"), known) is None


@pytest.mark.parametrize("target", [None, "A"])
def test_a_stage_that_is_kept_or_left_open_is_not_looked_at(target: str | None) -> None:
    assert unwritable(intent(action="reject", target_stage=target), catalogue(stage("X"))) is None


def test_a_stage_of_an_application_that_has_none_is_looked_at() -> None:
    assert unwritable(intent(expected_stage=None), catalogue(stage("X"))) is not None


@pytest.mark.parametrize("reasons", [(), (reason("r1", active=False),), (reason("r2"),)])
def test_a_reason_that_is_not_there_is_refused(reasons: Any) -> None:
    row = intent(action="reject", target_stage="A", target_status="rejected", target_reason="r1")
    assert (
        unwritable(row, catalogue(reasons=reasons))
        == "reason_gone: the ATS has no such reason, or it is inactive"
    )


@pytest.mark.parametrize(
    "action, outcome, fits",
    [
        ("reject", None, True),
        ("reject", REJECTED, True),
        ("reject", ApplicationStatus.WITHDRAWN, True),
        ("reject", HIRED, False),
        ("hire", None, True),
        ("hire", HIRED, True),
        ("hire", REJECTED, False),
    ],
)
def test_a_reason_says_how_it_ends(action: str, outcome: Any, fits: bool) -> None:
    row = intent(action=action, target_stage="A", target_reason="r1")
    found = unwritable(row, catalogue(reasons=[reason("r1", active=True, outcome=outcome)]))
    words = "reason_ends_otherwise: the reason's outcome is not this action's"
    assert found == (None if fits else words)


# -- an answer was lost --


def test_before_the_window_closes_nothing_is_concluded() -> None:
    for seen in (read("A"), read("B", "B"), read("C", "C")):
        assert decided(sent(), seen, settled=False) == Settle()


def test_at_target_the_gap_is_audited() -> None:
    assert decided(sent(), read("B", "B")) == closed(Result.APPLIED, gap=Gap.AUDITED)
    assert decided(sent(), read("B", "C", "B")) == closed(
        Result.APPLIED_OVER_CHANGE, IN_BETWEEN, gap=Gap.AUDITED, overwritten=("C",)
    )


@pytest.mark.parametrize(
    "cas, resend, again",
    [
        (CompareAndSet.VERSION, Resend.NEVER, True),
        (CompareAndSet.VERSION, Resend.AFTER_SETTLE, True),
        (CompareAndSet.STAGE, Resend.NEVER, False),
        (CompareAndSet.STAGE, Resend.AFTER_SETTLE, True),
        (CompareAndSet.NONE, Resend.NEVER, False),
        (CompareAndSet.NONE, Resend.AFTER_SETTLE, True),
    ],
)
def test_unchanged_it_is_sent_again_where_the_write_allows(
    cas: CompareAndSet, resend: Resend, again: bool
) -> None:
    write = write_of(Action.MOVE, signal=Signal.CHANGE, cas=cas, resend=resend)
    found = decided(sent(signal="v1"), read("A", mark="v1"), write=write)
    review = closed(Result.REVIEW, "no answer came, nothing changed, and it may not be sent again")
    assert found == (Write() if again else review)


@pytest.mark.parametrize(
    "seen, write",
    [
        (read("A", mark="v2"), CHANGE),  # away and back
        (read("C", mark="v1"), CHANGE),  # elsewhere
        (read("A", mark="v1", status=REJECTED), CHANGE),
        (read("A", mark="v1"), NO_SIGNAL),  # nothing could prove it
    ],
)
def test_anything_else_is_for_a_person(seen: Any, write: Any) -> None:
    again = attrs.evolve(write, resend=Resend.AFTER_SETTLE, cas=CompareAndSet.VERSION)
    assert decided(sent(signal="v1"), seen, write=again) == closed(
        Result.REVIEW, "no answer came, and the application has changed since"
    )


def test_a_signal_that_was_never_read_proves_nothing() -> None:
    """Nor where the ATS still shows none: neither read says that nothing happened in between."""
    again = attrs.evolve(CHANGE, resend=Resend.AFTER_SETTLE, cas=CompareAndSet.VERSION)
    for seen in (read("A", mark="v1"), fresh("A", signals={})):
        assert decided(sent(signal=None), seen, write=again).result is Result.REVIEW
    assert decided(sent(signal="v1"), fresh("A", signals={}), write=again).result is Result.REVIEW
    assert decided(sent(signal="v1"), read("A", mark="v1"), write=again) == Write()


# -- the vendor said yes --


def accepted(row: Any, seen: Any, write: Any = COUNT) -> Any:
    return confirm(row, seen, write=write, refusal=None)


def test_accepted_and_one_step_is_ours() -> None:
    assert accepted(sent(), read("B", "B")) == closed(Result.APPLIED, gap=Gap.AUDITED)
    assert accepted(sent(signal="2"), read("B", "X", "A", "B")) == closed(Result.APPLIED, gap=Gap.AUDITED)


def test_accepted_and_more_than_one_step_was_an_overwrite() -> None:
    assert accepted(sent(signal="1"), read("B", "A", "C", "H", "B")) == closed(
        Result.APPLIED_OVER_CHANGE, IN_BETWEEN, gap=Gap.AUDITED, overwritten=("C", "H")
    )


def test_accepted_without_a_count_is_not_audited() -> None:
    for write in (CHANGE, NO_SIGNAL):
        assert accepted(sent(), read("B", "C", "B"), write) == closed(Result.APPLIED, gap=Gap.UNAUDITED)


def test_accepted_and_at_target_without_a_step_is_for_a_person() -> None:
    assert accepted(sent(signal="1"), read("B", "B")) == closed(Result.REVIEW, SAID_YES, gap=Gap.AUDITED)


UNCOUNTED = "its history could not be read, which would tell whether somebody else changed it meanwhile"


@pytest.mark.parametrize(
    "row, seen",
    [
        (sent(signal=None), read("B", "X", "A", "B")),  # not read before: all of it is no overwrite
        (sent(signal=None), read("B", "B")),
        (sent(signal="2"), fresh("B", history=("X", "A", "C", "B"), signals={})),  # nor whole after
        (sent(signal="2"), fresh("B", signals={})),
    ],
)
def test_what_was_not_counted_is_applied_and_not_audited(row: Any, seen: Any) -> None:
    """A history that could not be read is none of length 0."""
    unaudited = closed(Result.APPLIED, UNCOUNTED, gap=Gap.UNAUDITED)
    assert audit(row, seen, COUNT) == accepted(row, seen) == unaudited
    assert decided(row, seen) == refused(row, seen, Doubtful("half")) == unaudited


@pytest.mark.parametrize("signal, signals", [(None, {"move": "3"}), ("1", {})])
def test_what_was_not_counted_and_moved_on_is_for_a_person(signal: Any, signals: Any) -> None:
    seen = fresh("C", history=("A", "B", "C"), signals=signals)
    assert accepted(sent(signal=signal), seen) == closed(Result.REVIEW, SAID_YES)


def test_accepted_and_moved_on_is_applied() -> None:
    assert accepted(sent(), read("C", "B", "C")) == closed(Result.APPLIED, MOVED_ON, gap=Gap.AUDITED)


def test_accepted_over_a_change_and_moved_on() -> None:
    assert accepted(sent(), read("C", "H", "B", "C")) == closed(
        Result.APPLIED_OVER_CHANGE, MOVED_ON, gap=Gap.AUDITED, overwritten=("H",)
    )


@pytest.mark.parametrize("entered", [("B",), ("B", "H", "B"), ("H", "B")])
def test_accepted_and_ended_in_the_ats_meanwhile_is_for_a_person(entered: tuple[str, ...]) -> None:
    """Its stage is ours, its status is not: whether that came before or after, no history tells."""
    why = "it was moved, and its status was changed in the ATS at the same moment"
    assert accepted(sent(), read("B", *entered, status=REJECTED)) == closed(
        Result.REVIEW, why, gap=Gap.AUDITED
    )


def test_entered_twice_the_later_is_taken_for_ours() -> None:
    assert accepted(sent(), read("C", "B", "H", "B", "C", "A")) == closed(
        Result.APPLIED_OVER_CHANGE, MOVED_ON, gap=Gap.AUDITED, overwritten=("B", "H")
    )


@pytest.mark.parametrize(
    "row, seen, write",
    [
        (sent(), read("C", "C"), COUNT),  # nothing shows ours
        (sent(), read("A"), COUNT),
        (sent(signal="1"), read("C", "B", "C"), COUNT),  # an entry before ours is not ours
        (sent(), read("C", "B", "C"), CHANGE),  # a history that need not be whole
        (sent(action="hire"), read("C", "B", "C"), COUNT),  # its history does not tell hires
        (sent(target_stage=None, target_status="rejected", action="reject"), read("C"), CHANGE),
    ],
)
def test_accepted_and_nothing_shows_it_is_for_a_person(row: Any, seen: Any, write: Any) -> None:
    assert accepted(row, seen, write) == closed(Result.REVIEW, SAID_YES)


# -- the vendor said no --


def refused(row: Any, seen: Any, error: Any = None, write: Any = COUNT) -> Any:
    return confirm(row, seen, write=write, refusal=error or Refused("closed job"))


def test_refused_at_expected_carries_the_vendors_words() -> None:
    assert refused(sent(), read("A")) == closed(Result.REFUSED, "the vendor refused: closed job")
    assert refused(sent(), read("A"), Forbidden("may not")) == closed(
        Result.REFUSED, "the vendor refused: may not"
    )


def test_refused_at_target_is_already() -> None:
    assert refused(sent(), read("B", "B")) == closed(Result.ALREADY, "the vendor refused, and it is there")


def test_refused_elsewhere_is_a_conflict() -> None:
    assert refused(sent(), read("C", "C")) == closed(
        Result.CONFLICT, "the vendor refused: the ATS has moved on"
    )


@pytest.mark.parametrize("error", [Unauthorized("who?"), StateChanged("newer")])
def test_what_may_be_tried_again_goes_back(error: Any) -> None:
    assert refused(sent(), read("A"), error) == Back(error.message)


def test_throttled_goes_back_for_at_least_as_long_as_the_vendor_says() -> None:
    assert refused(sent(), read("A"), Throttled("slow", retry_after_seconds=7.0)) == Back("slow", 7.0)
    later = Throttled("slow", retry_after_seconds=3600.0)
    assert refused(sent(returns=7), read("A"), later) == Back("slow", 3600.0)


@pytest.mark.parametrize("asked", [None, 0.0, 1.0])
@pytest.mark.parametrize("returns, wait", [(0, 1.0), (1, 4.0), (4, 256.0), (5, 900.0), (9, 900.0)])
def test_throttled_waits_longer_each_time(asked: float | None, returns: int, wait: float) -> None:
    throttled = Throttled("slow", retry_after_seconds=asked)
    assert refused(sent(returns=returns), read("A"), throttled) == Back("slow", wait)


def test_a_refusal_behind_an_attempt_in_doubt_leaves_that_one_in_doubt() -> None:
    two = sent(open_attempts=2)
    assert refused(two, read("A"), Throttled("slow", retry_after_seconds=1.0)) == Settle()
    assert refused(two, read("A")) == Settle()


def test_a_doubtful_answer_at_target_is_audited() -> None:
    """A yes with a warning may have been what brought it there."""
    assert refused(sent(), read("B", "B"), Doubtful("half")) == closed(Result.APPLIED, gap=Gap.AUDITED)
    assert refused(sent(), read("B", "B")) == closed(Result.ALREADY, "the vendor refused, and it is there")


@pytest.mark.parametrize(
    "seen",
    [
        read("H", "C", "B", "H"),
        read("H", "B", "H"),
        read("A", "B", "A"),
        read("C", "C"),
        read("A", status=REJECTED),
    ],
)
def test_a_doubtful_answer_is_no_refusal_where_something_has_changed(seen: Any) -> None:
    """What was written over, or moved on since, is told as it is of a plain yes."""
    told = refused(sent(), seen, Doubtful("half"))
    assert told == confirm(sent(), seen, write=COUNT, refusal=None)
    assert told.result in (Result.APPLIED_OVER_CHANGE, Result.APPLIED, Result.REVIEW)


def test_a_doubtful_answer_is_a_refusal_where_nothing_has_changed() -> None:
    assert refused(sent(), read("A"), Doubtful("half")).result is Result.REFUSED


def test_a_time_that_has_changed_is_no_news_of_where_it_is() -> None:
    """Where it is as before: the half that was done may have moved the time."""
    seen = evolve(read("A"), signals={"move": "later"})
    assert confirm(sent(), seen, write=CHANGE, refusal=Doubtful("half")).result is Result.REFUSED


def test_a_refusal_behind_an_attempt_in_doubt_at_target_is_audited() -> None:
    two = sent(open_attempts=2)
    assert refused(two, read("B", "B")) == closed(Result.APPLIED, gap=Gap.AUDITED)
    assert refused(two, read("B", "H", "B")).result is Result.APPLIED_OVER_CHANGE


@pytest.mark.parametrize("seen", [read("C", "C"), read("A", "C", "A"), read("A", status=REJECTED)])
def test_a_refusal_behind_an_attempt_in_doubt_and_a_change_is_for_a_person(seen: Any) -> None:
    assert refused(sent(open_attempts=2), seen) == closed(
        Result.REVIEW, "an earlier attempt is in doubt, and the application has changed"
    )


def test_a_target_that_names_no_stage_or_reason_is_met_by_any() -> None:
    row = intent(target_stage=None, target_status="active", expected_status="rejected")
    assert decided(row, read("C", status=ACTIVE)).result is Result.ALREADY
    reasoned = intent(target_status="rejected", target_reason="r1", target_stage="A", action="reject")
    assert decided(reasoned, read("A", status=REJECTED, reason="r1")).result is Result.ALREADY
    assert decided(reasoned, read("A", status=REJECTED, reason="r2")).result is Result.CONFLICT
