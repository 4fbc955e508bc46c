"""A push from the recruiter's click to the receipt: every result, by what the ATS answers."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve
from sync_world import (
    ACTIVE,
    REJECTED,
    START,
    Happening,
    World,
    after,
    first,
    lost_answer,
    lost_request,
    not_sent,
    rules,
    says,
    world,
)
from tiny_ats import CONNECTION, EPOCH, moment

from atsbridge.ats.greenhouse import VENDOR as GREENHOUSE
from atsbridge.ats.interface import Unplannable
from atsbridge.errors import (
    BadPayload,
    CrmError,
    Doubtful,
    GuardError,
    LeaseLost,
    MappingError,
    NoAnswer,
    TooLate,
)
from atsbridge.ledgers.memory import MemoryLedger
from atsbridge.mapping import load_mapping
from atsbridge.model import (
    BRIDGE_ACTOR,
    Action,
    Base,
    CompareAndSet,
    Gap,
    Receipt,
    Result,
    State,
    TombstoneKind,
    Words,
)
from atsbridge.sync.context import Tuning
from atsbridge.sync.hands import RealHands
from atsbridge.sync.ledger import Attempt, Control, IntentRow, Lease, Update, Waiting
from atsbridge.sync.outbound import push
from atsbridge.sync.status import set_paused
from atsbridge.wire.effects import Request, Response
from atsbridge.wire.vendor import Resend, Signal

SETTLED = 9.0 + 30.0
"""From the record of an attempt until its answer can no longer matter."""


def pushed(*happenings: Happening | None, **how: Any) -> World:
    """A recruiter moves application 1 to B, and this happens to the writes."""
    w = world("1", **how)
    w.wants("1", step="B")
    w.writes = list(happenings)
    w.push()
    return w


def later(w: World, seconds: float) -> World:
    w.clock.value += seconds
    w.push()
    return w


def told(w: World, event_id: str = "e1") -> tuple[Result, str]:
    receipt = w.receipt(event_id)
    return receipt.result, receipt.why


def another(world: World, asked: Request) -> Response:
    """A cache in between answers with what somebody else asked for."""
    return world.good(evolve(asked, url="/applications/2"))


def test_a_read_about_another_application_decides_nothing() -> None:
    w = world("1", "2")
    w.account.change("2", stage="C")
    w.wants("1", step="B")
    w.reads = [None, another]
    w.push()
    assert w.account.log == [] and w.intent().state == "pending" and not w.crm.receipts
    assert told(later(w, 900))[0] is Result.APPLIED


def test_an_answer_to_a_write_about_another_application_is_read_again() -> None:
    def answer_of_another(world: World, asked: Request) -> Response:
        _ = world.good(asked)
        return world.good(evolve(asked, method="GET", url="/applications/2", body=None))

    w = world("1", "2")
    w.wants("1", step="B")
    w.writes = [answer_of_another]
    w.push()
    assert told(w)[0] is Result.APPLIED and w.log[-1] == "GET /applications/1"


# -- every result --


def test_applied_and_audited() -> None:
    w = pushed()
    assert w.receipt("e1") == Receipt(
        event_id="e1",
        application=w.crm.receipts[0].application,
        result=Result.APPLIED,
        intent_ids=("e1/0",),
        before=State("A", ACTIVE),
        after=State("B", ACTIVE),
        progress=(1, 1),
        strength=CompareAndSet.NONE,
        gap=Gap.AUDITED,
        evidence={"write": "move", "answer": 200, "request_id": ""},
        attempts=1,
        at=moment(1010),
        read_at=moment(1010),
        base=Base("B", ACTIVE, w.known().delivery, "2"),
        words=Words("B", "Active", None),
    )
    assert w.account.log == [("1", "move", "B")]
    assert w.log == ["GET /catalogue", "GET /applications/1", "PUT /applications/1/move"]


def test_applied_and_unaudited() -> None:
    assert pushed(signal=Signal.CHANGE).receipt("e1").gap is Gap.UNAUDITED


def test_already() -> None:
    w = world("1")
    w.wants("1", step="B")
    w.account.move("1", "B")
    w.push()
    assert told(w) == (Result.ALREADY, "it was there before anything was sent")
    assert not w.account.log and w.receipt("e1").attempts == 0


def test_conflict_and_the_crm_is_told_where_it_stands() -> None:
    w = world("1")
    w.wants("1", step="B")
    w.account.move("1", "C")
    w.push()
    assert told(w) == (Result.CONFLICT, "the ATS has moved on since the recruiter acted")
    held = w.crm.held[w.receipt("e1").application]
    assert (held.step, held.base) == ("C", w.receipt("e1").base)
    assert w.receipt("e1").words == Words("C", "Active", None) and not w.account.log


def test_applied_over_a_change_says_what_was_overwritten() -> None:
    w = pushed(first(lambda a: a.move("1", "C")))
    assert told(w) == (Result.APPLIED_OVER_CHANGE, "somebody changed it while it was being written")
    assert w.receipt("e1").overwritten == ("C",)


def test_applied_and_moved_on_since() -> None:
    w = pushed(after(lambda a: a.move("1", "C")))
    assert told(w) == (Result.APPLIED, "moved on in the ATS since")
    assert w.receipt("e1").after == State("C", ACTIVE)


def test_a_yes_that_nothing_shows_is_for_a_person() -> None:
    w = pushed(says(200, {"id": "1", "status": "active", "stage": "A", "history": []}))
    assert told(w) == (Result.REVIEW, "the vendor said yes and nothing shows it")


def test_superseded() -> None:
    w = world("1")
    w.wants("1", step="B")
    w.wants("1", step="C")
    w.push()
    assert told(w) == (Result.SUPERSEDED, "the recruiter changed it again")
    assert told(w, "e2")[0] is Result.APPLIED and w.account.log == [("1", "move", "C")]


def test_our_own_echo_is_already() -> None:
    w = world("1")
    w.wants("1", step="B", actor=BRIDGE_ACTOR)
    w.push()
    assert told(w)[0] is Result.ALREADY and w.log == ["GET /catalogue"]


def test_dead_after_too_many_returns() -> None:
    w = world("1", tuning=Tuning(returns=3))
    w.wants("1", step="B")
    w.writes = [not_sent] * 3
    for _ in range(4):
        w.push()
    result, why = told(w)
    assert result is Result.DEAD
    assert why.startswith("gave up after it went back 3 times: ") and "no connection could be opened" in why
    assert not w.account.log and len(w.rows(Attempt)) == 3
    assert {a.outcome for a in w.rows(Attempt)} == {"not sent"}


def test_a_yes_with_a_warning_is_a_write_and_counts_as_one() -> None:
    def warned(made: World, asked: Request) -> Response:
        raise Doubtful(status=200)

    w = world("1")
    w.wants("1", step="B")
    w.writes = [warned]
    assert w.push().writes == 1
    assert [a.outcome for a in w.rows(Attempt)] == ["doubtful"]


@pytest.mark.parametrize("resend", [Resend.AFTER_SETTLE, Resend.NEVER])
@pytest.mark.parametrize("meanwhile", ["nothing", "it is taken back", "a newer change"])
def test_a_yes_with_a_warning_that_cannot_be_looked_at_stays_in_doubt(resend: Resend, meanwhile: str) -> None:
    """It may have taken effect: what the next read shows is no news of an unsent change."""

    def warned(made: World, asked: Request) -> Response:
        _ = made.account.answer(asked)
        raise Doubtful(status=200)

    w = world("1", resend=resend)
    w.wants("1", step="B")
    w.writes, w.reads = [warned], [None, None, *[says(503)] * 9]
    w.push()
    assert (w.intent().state, w.intent().open_attempts) == ("settling", 1)
    assert [a.outcome for a in w.rows(Attempt)] == ["doubtful"]
    w.reads.clear()
    if meanwhile == "it is taken back":
        w.account.move("1", "A")
    if meanwhile == "a newer change":
        w.wants("1", step="C")
    later(w, 3600.0)
    expected = Result.REVIEW if meanwhile == "it is taken back" else Result.APPLIED
    assert told(w)[0] is expected
    then = [("1", "move", "C")] if meanwhile == "a newer change" else []
    assert w.account.log == [("1", "move", "B"), *then]


def test_a_write_whose_credential_is_refused_twice_stops_the_connection() -> None:
    w = world("1", "2")
    w.wants("1", step="B")
    w.wants("2", step="B")
    w.writes = [says(401)] * 50
    report = w.push()
    assert report.stopped and report.results == {} and report.pending == 2
    assert len(w.rows(Attempt)) <= 4 and not w.account.log
    w.writes.clear()
    w.run(set_paused(w.ctx, False))
    assert w.push().results == {"applied": 2}


def test_a_write_whose_credential_is_refused_once_goes_again() -> None:
    w = world("1")
    w.wants("1", step="B")
    w.writes = [says(401)]
    report = w.push()
    assert (report.stopped, report.results) == (False, {"applied": 1})


def test_those_behind_the_first_thousand_have_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atsbridge.sync.outbound.DUE_AT_ONCE", 3)
    monkeypatch.setattr("atsbridge.sync.protocol.due.__kwdefaults__", {"without": (), "limit": 3})
    ids = [str(number) for number in range(1, 9)]
    w = world(*ids, visible_within_seconds=60.0)
    for id in ids:
        w.wants(id, step="B")
    report = w.push()
    assert (report.writes, report.settling, report.pending) == (8, 8, 0)


def test_a_rate_limit_that_lasts_outlives_many_pushes_and_counts_as_no_write() -> None:
    """Where each write is turned away with "in a second", nothing is given up within the hour's half."""
    w = world("1")
    w.wants("1", step="B")
    w.writes = [says(429, retry_after="1")] * 7
    begun, pushes = w.clock.value, 0
    while w.writes:
        report, pushes = w.push(), pushes + 1
        assert (report.writes, report.pending, report.results) == (0, 1, {})
        assert "next try at" in report.held_back
        w.clock.value += 300.0
    assert pushes > 5 and w.clock.value - begun > 1800.0
    w.clock.value += 900.0
    assert w.push().results == {"applied": 1} and len(w.account.log) == 1


# -- refused, by each cause --

REFUSED_BY_THE_MAPPING = {
    "mode off": (rules(mode='mode = "off"'), {}, "write.mode: writing is off"),
    "shadow": (
        rules(mode='mode = "shadow"'),
        {},
        "write.mode: shadow; this would have gone: move to B, active",
    ),
    "pilot": (rules(mode='mode = "pilot"\npilot_jobs = ["j2"]'), {}, "write.mode: this is a pilot"),
    "scope": (rules(prospects='prospects = true\njobs = ["j2"]'), {}, "scope: scope.jobs does not name"),
    "rule": (rules(hire='hire = "off"'), {"status": "Hired"}, "rules.hire: it would hire"),
    "mapping": (rules(), {"step": "Z"}, "steps: no step"),
    "nothing named": (rules(), {"step": None}, "steps: the change names neither"),
    "vendor offers no way": (rules(), {"step": "H"}, "vendor: nobody is moved to H"),
    "too old": (
        rules(hire='hire = ["Hired"]\nnot_after_days = 2'),
        {"occurred_at": moment(1000) - timedelta(days=3)},
        "rules.not_after_days: the change is older than 2 days",
    ),
}


@pytest.mark.parametrize("cause", sorted(REFUSED_BY_THE_MAPPING))
def test_refused_before_anything_is_read(cause: str) -> None:
    mapping, wanted, words = REFUSED_BY_THE_MAPPING[cause]
    w = world("1")
    w.ctx.mapping = load_mapping(mapping)
    w.wants("1", **{"step": "B", **wanted})
    w.push()
    result, why = told(w)
    assert (result, why[: len(words)]) == (Result.REFUSED, words)
    assert w.log == ["GET /catalogue"] and not w.rows(IntentRow)


def test_refused_when_it_has_expired_before_it_could_leave() -> None:
    w = world("1", mapping=rules(hire='hire = ["Hired"]\nnot_after_days = 1'))
    w.wants("1", step="B")
    w.run(set_paused(w.ctx, True))
    w.push()
    w.run(set_paused(w.ctx, False))
    later(w, 86401.0)
    assert told(w) == (Result.REFUSED, "rules.not_after_days: the change is older than 1 days")
    assert not w.account.log


def not_found_again(w: World) -> bool:
    """One "not found" buries nothing; a second one, some time later, does."""
    doubted = w.known().deleted is None
    w.clock.value += 61
    w.pull()
    return doubted and w.known().deleted == "deleted"


@pytest.mark.parametrize(
    "gone, into, words",
    [
        ("deleted", None, "gone from the ATS"),
        ("merged", "9", "merged into another"),
        ("anonymised", None, "gone"),
    ],
)
def test_refused_because_it_is_gone_and_the_crm_hears_of_that(gone: str, into: Any, words: str) -> None:
    w = world("1")
    w.wants("1", step="B")
    w.account.apps["1"].gone, w.account.apps["1"].merged_into = gone, into
    w.push()
    assert told(w)[0] is Result.REFUSED and words in told(w)[1]
    if gone == "deleted":
        assert not_found_again(w)
    buried = w.crm.held[w.receipt("e1").application].record.deleted
    assert buried is not None and (buried.kind, w.known().deleted) == (TombstoneKind(gone), gone)
    assert (buried.into.id if buried.into else None) == into
    assert not w.account.log


@pytest.mark.parametrize("gone", ["anonymised", "deleted"])
def test_what_a_push_finds_gone_is_buried_though_our_clock_was_put_back(gone: str) -> None:
    w = world("1")
    w.wants("1", step="B")
    w.account.apps["1"].gone = gone
    w.clock.wall_ahead = -600.0
    w.push()
    if gone == "deleted":
        assert not_found_again(w)
    assert w.crm.held[w.receipt("e1").application].record.deleted is not None
    assert w.known().deleted == gone


@pytest.mark.parametrize("status", [400, 403, 409, 422])
def test_refused_by_the_vendor_in_its_own_words(status: int) -> None:
    w = pushed(says(status, {"error": "the job is closed"}, x_request_id="q7"))
    assert told(w) == (Result.REFUSED, "the vendor refused: the job is closed")
    assert w.receipt("e1").evidence == {"write": "move", "answer": status, "request_id": "q7"}
    (attempt,) = w.rows(Attempt)
    assert (attempt.outcome, attempt.answer, attempt.request_id) == ("refused", status, "q7")
    assert w.log.count("PUT /applications/1/move") == 1


def test_a_422_of_greenhouse_names_the_setting_of_its_two_id_spaces() -> None:
    w = world("1")
    vendor = evolve(w.ats.VENDOR, answers=GREENHOUSE.answers)
    w.ctx.client.vendor = vendor
    w.wants("1", step="B")
    w.writes = [says(422, {"error": "x"})]
    w.push()
    assert told(w)[0] is Result.REFUSED and "from_stage_id_is" in told(w)[1]


def test_refused_since_the_stage_is_no_longer_there() -> None:
    w = world("1")
    w.wants("1", step="B")
    w.run(set_paused(w.ctx, True))
    w.push()
    w.run(set_paused(w.ctx, False))
    w.account.stages[1]["active"] = False
    w.ctx.mapping = load_mapping(rules().replace('stages = ["B"]', 'stages = ["B"]\nwrite = false'))
    later(w, 1000.0)
    assert told(w)[0] is Result.REFUSED and told(w)[1].startswith('steps: step "B" cannot be written')


# -- after the vendor's no --


def test_refused_and_there_is_already() -> None:
    w = pushed(first(lambda a: a.move("1", "B"), says(409)))
    assert told(w) == (Result.ALREADY, "the vendor refused, and it is there")


def test_refused_and_elsewhere_is_a_conflict() -> None:
    w = pushed(first(lambda a: a.move("1", "C"), says(409)))
    assert told(w) == (Result.CONFLICT, "the vendor refused: the ATS has moved on")


def test_refused_and_gone() -> None:
    w = pushed(first(lambda a: a.apps.pop("1"), says(404)))
    assert told(w)[0] is Result.REFUSED and not_found_again(w)


def test_a_refusal_that_may_not_show_yet_is_looked_at_again_after_a_while() -> None:
    """Refused since somebody had done it already: their move takes its time to show."""
    w = pushed(
        first(lambda a: a.change("1", stage="B", lag=4.0), says(409)),
        visible_within_seconds=5.0,
    )
    assert told(w)[0] is Result.ALREADY and "sleep 5" in w.log


def test_unauthorised_is_tried_again_and_then_stops_the_connection() -> None:
    w = world("1")
    w.wants("1", step="B")
    w.writes = [says(401)]
    w.reads = [None, None, says(401)]  # catalogue, before, and after the write
    report = w.push()
    assert report.held_back.startswith("stopped: the ATS could not be read: Unauthorized: ")
    assert (w.intent().state, w.intent().sent, report.pending) == ("pending", 0, 1)
    assert w.push().writes == 0
    w.run(set_paused(w.ctx, False))
    assert w.push().results == {"applied": 1} and len(w.account.log) == 1


def test_forbidden_as_a_whole_stops_the_connection_and_costs_the_intent_nothing() -> None:
    w = world("1")
    w.wants("1", step="B")
    w.reads = [None, says(403)]
    report = w.push()
    assert report.held_back.startswith("stopped: the ATS could not be read: Forbidden: ")
    assert (w.intent().state, w.intent().returns) == ("pending", 0)
    assert w.row(Control).stopped


def test_throttled_is_tried_again_when_the_vendor_says() -> None:
    w = pushed(says(429, retry_after="3"))
    assert told(w)[0] is Result.APPLIED and "sleep 3" in w.log
    assert [a.outcome for a in w.rows(Attempt)] == ["refused", "accepted"]
    assert w.receipt("e1").attempts == 2


def test_a_failed_compare_and_set_is_read_again_and_written_again() -> None:
    w = pushed(first(lambda a: a.change("1")), cas=CompareAndSet.VERSION, signal=Signal.CHANGE)
    assert told(w)[0] is Result.APPLIED and w.receipt("e1").strength is CompareAndSet.VERSION
    assert [a.outcome for a in w.rows(Attempt)] == ["refused", "accepted"]
    assert w.account.log == [("1", "move", "B")]


def test_a_failed_compare_and_set_of_another_stage_is_a_conflict() -> None:
    w = pushed(first(lambda a: a.move("1", "C")), cas=CompareAndSet.STAGE)
    assert told(w)[0] is Result.CONFLICT and not w.account.log


# -- the answer was lost --


def test_a_lost_answer_settles_and_is_found_applied() -> None:
    w = pushed(lost_answer)
    assert (w.intent().state, w.intent().not_before) == ("settling", 1010.0 + SETTLED)
    assert not w.crm.receipts and [a.outcome for a in w.rows(Attempt)] == ["no answer"]
    later(w, SETTLED - 11.0)  # the push waits no longer than its patience
    assert not w.crm.receipts
    later(w, 11.0)
    assert (told(w)[0], w.receipt("e1").gap) == (Result.APPLIED, Gap.AUDITED)
    assert w.account.log == [("1", "move", "B")]


def test_a_push_waits_for_what_settles_within_its_patience() -> None:
    w = pushed(lost_answer, tuning=Tuning(patience_seconds=SETTLED))
    assert f"sleep {SETTLED:g}" in w.log and told(w)[0] is Result.APPLIED


def test_a_lost_request_is_sent_once_more_where_the_write_allows_it() -> None:
    w = later(pushed(lost_request, resend=Resend.AFTER_SETTLE), SETTLED)
    assert told(w)[0] is Result.APPLIED
    assert w.account.log == [("1", "move", "B")] and w.receipt("e1").attempts == 2


def test_a_lost_request_is_for_a_person_where_it_may_not_be_sent_again() -> None:
    w = later(pushed(lost_request), SETTLED)
    assert told(w) == (Result.REVIEW, "no answer came, nothing changed, and it may not be sent again")
    assert not w.account.log


def test_moved_away_and_back_meanwhile_is_for_a_person() -> None:
    w = pushed(lost_request, resend=Resend.AFTER_SETTLE)
    w.account.move("1", "C")
    w.account.move("1", "A")
    assert told(later(w, SETTLED)) == (
        Result.REVIEW,
        "no answer came, and the application has changed since",
    )


def test_an_overwrite_is_found_though_the_answer_was_lost() -> None:
    w = later(pushed(first(lambda a: a.move("1", "C"), lost_answer)), SETTLED)
    assert told(w)[0] is Result.APPLIED_OVER_CHANGE and w.receipt("e1").overwritten == ("C",)


def test_a_lost_answer_and_gone_is_for_a_person_to_look_at() -> None:
    w = pushed(lost_answer)
    w.account.apps.pop("1")
    assert told(later(w, SETTLED))[0] is Result.REVIEW and not_found_again(w)


def test_accepted_and_gone_is_for_a_person_to_look_at() -> None:
    """The move may have fired what took it away; that it was not done cannot be said."""
    w = pushed(after(lambda a: a.apps.pop("1")))
    assert len(w.account.log) == 1
    assert told(w)[0] is Result.REVIEW and not_found_again(w)


def test_a_5xx_says_nothing_of_what_happened() -> None:
    w = pushed(first(lambda a: a.write("1", "move", {"to": "B"}), says(503)))
    assert w.intent().state == "settling"
    assert told(later(w, SETTLED))[0] is Result.APPLIED and len(w.account.log) == 1


def test_a_refused_resend_leaves_the_first_attempt_in_doubt_and_ends() -> None:
    w = pushed(lost_request, tuning=Tuning(returns=2), resend=Resend.AFTER_SETTLE)
    for _ in range(4):
        w.writes = [says(422)]
        later(w, SETTLED + 1)
    assert told(w)[0] is Result.REVIEW and not w.account.log


def test_a_refused_resend_and_a_change_is_for_a_person() -> None:
    w = pushed(lost_request, resend=Resend.AFTER_SETTLE)
    w.writes = [first(lambda a: a.move("1", "C"), says(422))]
    assert told(later(w, SETTLED)) == (
        Result.REVIEW,
        "an earlier attempt is in doubt, and the application has changed",
    )


# -- what shows late --


def test_what_shows_late_is_waited_for() -> None:
    w = pushed(visible_within_seconds=5.0)
    assert told(w)[0] is Result.APPLIED and "sleep 5" in w.log
    assert [a.outcome for a in w.rows(Attempt)] == ["accepted"]
    assert w.receipt("e1").evidence == {"write": "move", "answer": 200, "request_id": ""}


@pytest.mark.parametrize("hidden", [0.0, 5.0])
def test_the_evidence_of_an_accepted_write_is_the_answer_itself(hidden: float) -> None:
    w = world("1", visible_within_seconds=hidden)

    def answers(world: World, asked: Request) -> Response:
        _ = world.account.answer(asked)
        return evolve(world.response(204, {}, x_request_id="q9"), body=b"")

    w.writes = [answers]
    w.wants("1", step="B")
    w.push()
    assert w.receipt("e1").evidence == {"write": "move", "answer": 204, "request_id": "q9"}
    (sent,) = w.rows(Attempt)
    assert (sent.answer, sent.request_id) == (204, "q9")


def test_what_becomes_due_between_two_looks_is_not_left_behind(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(60):
        ids = [str(number) for number in range(1, 9)]
        w = world(*ids, visible_within_seconds=5.0, tuning=Tuning(patience_seconds=9.0))
        for id in ids:
            w.wants(id, step="B")
        w.clock.tick = lambda: rng.uniform(0.0, 0.01)
        report = w.push()
        assert (report.settling, report.results) == (0, {"applied": len(ids)})


def test_what_shows_later_than_a_push_has_patience_is_left_to_the_next() -> None:
    w = pushed(visible_within_seconds=60.0)
    assert (w.intent().state, w.intent().accepted) == ("settling", 1)
    w.account.lag = 0.0
    assert told(later(w, 60.0))[0] is Result.APPLIED and len(w.account.log) == 1


def test_an_accepted_write_whose_re_read_failed_is_confirmed_later() -> None:
    w = world("1")
    w.wants("1", step="B")
    w.writes = [after(lambda a: None)]
    w.reads = [None, None, *[says(500)] * 9]
    w.push()
    w.reads.clear()
    assert w.intent().state == "settling" and w.intent().accepted == 1
    w.push()
    assert told(w)[0] is Result.APPLIED and len(w.account.log) == 1
    assert w.receipt("e1").evidence["answer"] == 204


def test_a_refused_write_whose_re_read_failed_is_decided_anew() -> None:
    w = world("1")
    w.wants("1", step="B")
    w.writes = [says(409)]
    w.reads = [None, None, *[says(500)] * 9]
    w.push()
    w.reads.clear()
    assert (w.intent().state, w.intent().sent, w.intent().returns) == ("pending", 0, 0)
    assert w.push().results == {"applied": 1} and len(w.account.log) == 1


# -- what cannot be read --


def test_an_ats_that_is_down_costs_an_intent_nothing() -> None:
    w = world("1")
    w.wants("1", step="B")
    for _ in range(3):
        w.reads = [None, *[says(500)] * 9] if not w.rows(IntentRow) else [says(500)] * 9
        w.push()
    assert (w.intent().returns, w.intent().state, w.intent().attempts) == (0, "pending", 0)
    assert "the ATS could not be read: Unavailable" in w.intent().why
    w.reads.clear()
    assert w.push().results == {"applied": 1}


def test_a_record_that_cannot_be_read_gives_up_in_the_end() -> None:
    w = world("1", tuning=Tuning(returns=2))
    w.wants("1", step="B")
    w.account.apps["1"].unreadable = True
    for _ in range(3):
        w.push()
    assert told(w)[0] is Result.DEAD and "BadRecord: status: expected text" in told(w)[1]


# -- chains --


def rejecting(w: World, **wanted: Any) -> World:
    w.wants("1", **{"step": "B", "status": "Rejected", "reason": "Unfit", **wanted})
    w.push()
    return w


def test_a_chain_of_two_writes_is_one_receipt() -> None:
    w = rejecting(world("1", reasoned=True))
    receipt = w.receipt("e1")
    assert (receipt.result, receipt.progress, receipt.attempts) == (Result.APPLIED, (2, 2), 2)
    assert receipt.intent_ids == ("e1/0", "e1/1")
    assert (receipt.before, receipt.after) == (State("A", ACTIVE), State("B", REJECTED, "r1"))
    assert receipt.gap is Gap.UNAUDITED  # a rejection leaves no trace in the history
    assert w.account.log == [("1", "move", "B"), ("1", "reject", "r1")]
    assert receipt.words == Words("B", "Rejected", "Unfit")


def test_a_chain_falls_with_its_second_part_and_says_how_far_it_came() -> None:
    w = world("1", reasoned=True)
    w.writes = [None, says(422, {"error": "no"})]
    rejecting(w)
    receipt = w.receipt("e1")
    assert (receipt.result, receipt.progress) == (Result.REFUSED, (1, 2))
    assert receipt.after == State("B", ACTIVE) and w.account.log == [("1", "move", "B")]


def test_a_chain_falls_with_its_first_part() -> None:
    w = world("1", reasoned=True)
    w.writes = [says(422, {"error": "no"})]
    rejecting(w)
    assert (w.receipt("e1").result, w.receipt("e1").progress) == (Result.REFUSED, (0, 2))
    assert w.intent("e1/1").why.startswith("fell with part 1 of 2: ") and not w.account.log


def test_the_worst_of_a_chain_is_told() -> None:
    w = world("1", reasoned=True)
    w.writes = [first(lambda a: a.move("1", "C")), None]
    rejecting(w)
    receipt = w.receipt("e1")
    assert (receipt.result, receipt.progress, receipt.overwritten) == (
        Result.APPLIED_OVER_CHANGE,
        (2, 2),
        ("C",),
    )


def test_a_change_in_the_middle_of_a_chain_is_a_conflict() -> None:
    w = world("1", reasoned=True)
    w.reads = [None, None, first(lambda a: a.move("1", "C"))]  # before the second part
    rejecting(w)
    assert (w.receipt("e1").result, w.receipt("e1").progress) == (Result.CONFLICT, (1, 2))
    assert w.account.log == [("1", "move", "B")]


def test_taking_a_rejection_back_goes_on_from_where_the_vendor_put_it() -> None:
    w = world("1", reasoned=True)
    w.account.clears_stage = True
    w.account.move("1", "C")
    w.account.change("1", status="rejected", stage=None, reason="r1")
    w.pull()
    w.wants("1", step="B", status="Active")
    w.push()
    assert [entry[1:] for entry in w.account.log] == [("reactivate", None), ("move", "B")]
    assert told(w)[0] is Result.APPLIED and w.receipt("e1").after == State("B", ACTIVE)


# -- several changes, several applications --


def test_two_changes_on_the_same_base_follow_each_other() -> None:
    w = pushed(lost_answer)
    w.wants("1", step="C")
    w.push()
    assert w.update("e2").waits_for == "e1"
    later(w, SETTLED)
    assert [r.result for r in w.crm.receipts] == [Result.APPLIED, Result.APPLIED]
    assert w.account.log == [("1", "move", "B"), ("1", "move", "C")]


def test_another_application_does_not_wait() -> None:
    w = world("1", "2")
    w.wants("1", step="B")
    w.writes = [lost_answer]
    w.wants("2", step="C")
    report = w.push()
    assert (report.settling, report.writes, report.results) == (1, 2, {"applied": 1})
    assert w.receipt("e2").result is Result.APPLIED


def test_one_application_that_cannot_be_read_stops_no_other() -> None:
    w = world("1", "2")
    w.wants("1", step="B")
    w.wants("2", step="B")
    w.account.apps["1"].unreadable = True
    report = w.push()
    assert report.results == {"applied": 1} and report.pending == 1


# -- what holds writes back --


def test_a_surface_that_was_not_approved_writes_nothing() -> None:
    w = world("1")
    w.ctx.approved = "another"
    w.wants("1", step="B")
    report = w.push()
    assert "not the one approved" in report.held_back and (report.taken, report.pending) == (1, 1)
    assert not w.account.log and w.log == ["GET /catalogue"]
    w.ctx.approved = w.ats.VENDOR.surface_digest
    assert w.push().results == {"applied": 1}


def test_shadow_needs_no_approval() -> None:
    w = world("1", mapping=rules(mode='mode = "shadow"'))
    w.ctx.approved = None
    w.wants("1", step="B")
    report = w.push()
    assert (report.held_back, report.results) == ("", {"refused": 1})


@pytest.mark.parametrize("why, words", [("holidays", "paused: holidays"), ("", "paused")])
def test_paused_changes_are_taken_in_and_wait(why: str, words: str) -> None:
    w = world("1")
    w.wants("1", step="B")
    w.run(set_paused(w.ctx, True, why=why))
    report = w.push()
    assert (report.held_back, report.taken, report.pending, report.writes) == (words, 1, 1, 0)
    w.run(set_paused(w.ctx, False))
    assert w.push().results == {"applied": 1}


def test_over_the_cap_the_rest_waits_for_the_next_hour() -> None:
    w = world("1", "2", mapping=rules(mode='mode = "on"\ncap_per_hour = 1'))
    w.wants("1", step="B")
    w.wants("2", step="B")
    report = w.push()
    assert (report.results, report.pending, len(w.account.log)) == ({"applied": 1}, 1, 1)
    hour = datetime.fromtimestamp(EPOCH + START + 10 + 3600, UTC).strftime("%H:%M:%S UTC")
    assert report.held_back == f"over the cap: 1 of 1 writes in the last hour, next at {hour}"
    later(w, 3601.0)
    assert len(w.account.log) == 2 and w.push().held_back == ""


def test_a_mapping_that_does_not_fit_takes_nothing_in() -> None:
    w = world("1")
    w.wants("1", step="B")
    w.account.stages.clear()
    w.ctx.mapping = load_mapping(rules().replace('["B"]', '["Nowhere"]'))
    with pytest.raises(MappingError):
        w.push()
    assert not w.crm.told


def test_the_catalogue_is_read_again_when_it_has_grown_old() -> None:
    w = world("1")
    w.push()
    w.clock.value += 600.0
    w.push()
    assert w.log.count("GET /catalogue") == 1
    w.clock.value += 0.5
    w.push()
    assert w.log.count("GET /catalogue") == 2


def test_the_catalogue_is_read_again_where_the_clock_was_ahead_when_it_was_read() -> None:
    w = world("1")
    w.clock.wall_ahead = 3e7
    w.push()
    w.clock.wall_ahead = 0.0
    w.push()
    assert w.log.count("GET /catalogue") == 2


# -- an adapter that does not do as it declares --


def test_an_adapter_that_asks_for_another_write_is_refused() -> None:
    w = world("1", reasoned=False)

    class Rogue(type(w.ats)):  # type: ignore[misc]
        def declared(self, intent: Any) -> Any:
            return self.VENDOR.write("hire")

    w.ctx.ats = Rogue(account=w.account)
    w.wants("1", step="B")
    w.push()
    assert told(w)[0] is Result.REFUSED
    assert not w.account.log and not w.rows(Attempt)


def test_values_that_are_not_the_intents_are_refused() -> None:
    w = world("1", "2")

    class Rogue(type(w.ats)):  # type: ignore[misc]
        def write_status(self, intent: Any, current: Any, catalogue: Any) -> Any:
            other = evolve(intent.application, id="2")
            return super().write_status(evolve(intent, application=other), current, catalogue)

    w.ctx.ats = Rogue(account=w.account)
    w.wants("1", step="B")
    w.push()
    assert told(w)[0] is Result.REFUSED and "values that are not its intent's" in told(w)[1]
    assert not w.account.log and not w.rows(Attempt)


def test_what_the_adapter_will_not_render_is_refused() -> None:
    w = world("1")

    class Unwilling(type(w.ats)):  # type: ignore[misc]
        def write_status(self, intent: Any, current: Any, catalogue: Any) -> Any:
            raise Unplannable("not today")

    w.ctx.ats = Unwilling(account=w.account)
    w.wants("1", step="B")
    w.push()
    assert told(w) == (Result.REFUSED, "not today")


def test_receipts_are_delivered_before_the_failure_of_a_lane_is_raised() -> None:
    """A fault of the adapter with one application ends the push, and is nothing to the others."""
    w = world("1", "2", "3")

    class Broken(type(w.ats)):  # type: ignore[misc]
        def write_status(self, intent: Any, current: Any, catalogue: Any) -> Any:
            if intent.application.id == "2":
                raise RuntimeError("a fault")
            return super().write_status(intent, current, catalogue)

    w.ctx.ats = Broken(account=w.account)
    for id in "123":
        w.wants(id, step="B")
    with pytest.raises(RuntimeError, match="a fault"):
        w.push()
    assert [(r.application.id, r.result) for r in w.crm.receipts] == [
        ("1", Result.APPLIED),
        ("3", Result.APPLIED),
    ]


def test_what_the_adapter_will_not_render_again_stays_in_doubt() -> None:
    w = pushed(lost_request, resend=Resend.AFTER_SETTLE)

    class Unwilling(type(w.ats)):  # type: ignore[misc]
        def write_status(self, intent: Any, current: Any, catalogue: Any) -> Any:
            raise Unplannable("not today")

    w.ctx.ats = Unwilling(account=w.account)
    assert told(later(w, SETTLED)) == (Result.REVIEW, "not today")


def test_a_body_changed_after_it_was_authorised_does_not_leave() -> None:
    w = world("1")
    bodies: list[Any] = []
    ready = w.ctx.client.ready

    class Rogue(type(w.ats)):  # type: ignore[misc]
        def write_status(self, intent: Any, current: Any, catalogue: Any) -> Any:
            call = super().write_status(intent, current, catalogue)
            bodies.append(call.request.body)
            return call

    class Changing(RealHands):
        def ready(self) -> Any:
            bodies[0]["to"] = "C"
            return ready()

    w.ctx.ats = Rogue(account=w.account)
    w.wants("1", step="B")
    w.run(push(w.ctx, Changing(w.ctx)))
    assert bodies[0] == {"to": "C"} and w.account.log == [("1", "move", "B")]


def test_a_guard_that_refuses_at_the_wire_sends_nothing_and_tries_again() -> None:
    w = pushed(first(lambda a: None, _refusing))
    assert (w.intent().state, w.intent().returns, w.account.log) == ("pending", 1, [])
    assert w.push().results == {"applied": 1}


def _refusing(world: World, asked: Any) -> Any:
    raise GuardError("not this one")


class OddReads(RealHands):
    """Of one application the answer is never what the vendor promises."""

    def read(self, ref: Any) -> Any:
        raise BadPayload("not JSON")
        yield


def test_odd_answers_cost_an_intent_nothing() -> None:
    """What cannot be told from a breakdown of the ATS must not end what recruiters want."""
    w = world("1")
    w.wants("1", step="B")
    for _ in range(20):
        w.run(push(w.ctx, OddReads(w.ctx)))
        w.clock.value += 900
    assert (w.intent().state, w.intent().returns, w.account.log) == ("pending", 0, [])
    assert "BadPayload" in w.run(push(w.ctx, OddReads(w.ctx))).held_back
    assert w.push().results == {"applied": 1}


def test_what_the_ledger_kept_back_has_not_left() -> None:
    w = world("1")
    w.wants("1", step="B")

    class Lost(RealHands):
        def send(self, *_: Any, **__: Any) -> Any:
            raise LeaseLost("another worker")
            yield

    assert w.run(push(w.ctx, Lost(w.ctx))).writes == 0
    assert not w.account.log


def test_a_feed_position_that_is_no_json_says_so_and_takes_nothing_in() -> None:
    w = world("1")
    w.wants("1", step="B")

    class Odd(type(w.crm)):  # type: ignore[misc]
        def changes(self, after: Any) -> Any:
            feed = yield from super().changes(after)
            return evolve(feed, position=object())

    w.crm.__class__ = Odd
    with pytest.raises(CrmError, match="position that is no JSON: a object"):
        w.push()
    assert not w.rows(Update)


# -- receipts --


def test_receipts_are_delivered_after_the_record_they_speak_of() -> None:
    w = pushed()
    assert [t for t in w.crm.told if t[0] in ("write", "receive")] == [("write", ["1"]), ("receive", ["e1"])]
    assert w.update().delivered == 1 and not w.crm.requests


def test_receipts_that_the_crm_did_not_take_are_delivered_again() -> None:
    w = world("1")
    w.wants("1", step="B")
    w.crm.fails["receive"] = CrmError()
    with pytest.raises(CrmError):
        w.push()
    assert w.update().delivered == 0 and w.update().result == "applied"
    report = w.push()
    assert (report.results, report.writes, len(w.account.log)) == ({"applied": 1}, 0, 1)
    assert w.push().results == {} and w.update().delivered == 1


def test_a_receipt_is_told_again_when_its_change_comes_again() -> None:
    w = pushed()
    w.crm.offered.append(w.crm.offered[0])
    w.push()
    assert [r.event_id for r in w.crm.receipts] == ["e1", "e1"] and len(w.account.log) == 1
    assert w.crm.receipts[0] == w.crm.receipts[1]


def test_many_receipts_come_in_batches() -> None:
    w = world("1")
    for _ in range(205):
        w.wants("1", step="Z")
    w.push()
    batches = [len(t[1]) for t in w.crm.told if t[0] == "receive"]
    assert sum(batches) == 205 and max(batches) == 200


def test_the_report_counts() -> None:
    w = world("1", "2", "3")
    w.wants("1", step="B")
    w.wants("2", step="Z")
    w.wants("3", step="C")
    w.writes = [None, lost_answer]
    told = w.push().as_dict()
    assert told == {
        "taken": 3,
        "writes": 2,
        "results": {"refused": 1, "applied": 1},
        "settling": 1,
        "pending": 0,
        "held_back": "",
        "stopped": False,
        "unapproved": False,
        "unavailable": False,
        "unfinished": False,
        "requests": 5,
        "drift": [],
    }


def test_leases_are_given_back_at_the_end() -> None:
    w = pushed()
    assert [x.until for x in w.rows(Lease) if x.lane == "application/1"] == [0.0] and not w.ctx.held.get(
        "application/1"
    )


def test_a_lane_that_another_worker_holds_is_left_to_it() -> None:
    w = world("1")
    w.wants("1", step="B")
    lease = Lease(connection=CONNECTION, lane="application/1", fence=5, worker="x", until=9e9, boot="boot-0")
    w.put(lease)
    report = w.push()
    assert (report.pending, report.writes) == (1, 0) and w.row(Lease, "application/1") == lease


def test_a_worker_that_lost_its_lease_while_sending_changes_nothing() -> None:
    w = world("1")
    w.wants("1", step="B")

    def overtaken(world: World, asked: Any) -> Any:
        held = world.row(Lease, "application/1")
        world.put(evolve(held, fence=held.fence + 1, worker="x", until=9e9))
        return world.good(asked)

    w.writes = [overtaken]
    report = w.push()
    assert (report.results, w.intent().state) == ({}, "in_flight")
    assert w.row(Lease, "application/1").worker == "x"
    assert not w.crm.receipts


def test_no_answer_is_no_answer_whether_sent_or_not_known() -> None:
    def unknown(world: World, asked: Any) -> Any:
        raise NoAnswer("cut off")

    assert pushed(unknown).intent().state == "settling"


# -- what the mapping says of a write --


@pytest.mark.parametrize(
    "mapping, user",
    [
        ("", "u0"),
        ('\n[acting_user]\nid = "u1"\n', "u1"),
        ('\n[acting_user]\nid = "u1"\nby_actor = {recruiter = "u2"}\n', "u2"),
    ],
)
def test_in_whose_name_it_is_written(mapping: str, user: str) -> None:
    w = world("1", mapping=rules() + mapping)

    class Named(type(w.ats)):  # type: ignore[misc]
        @property
        def default_acting_user(self) -> str:
            return "u0"

    w.ctx.ats = Named(account=w.account)
    w.wants("1", step="B")
    w.push()
    assert w.intent().acting_user == user


def test_the_expiry_is_that_of_the_mapping() -> None:
    w = world("1", mapping=rules(hire='hire = ["Hired"]\nnot_after_days = 2'))
    w.wants("1", step="B")
    w.push()
    assert w.intent().not_after == moment(1010).timestamp() + 2 * 86400
    assert pushed().intent().not_after is None


def test_shadow_tells_every_part_of_a_chain() -> None:
    w = rejecting(world("1", reasoned=True, mapping=rules(mode='mode = "shadow"')))
    assert told(w)[1].endswith("would have gone: move to B, active; reject to B, rejected, Unfit")


def test_shadow_names_the_stage_as_people_do() -> None:
    w = world("1", mapping=rules(mode='mode = "shadow"').replace('["B"]', '[{id = "B"}]'), pulled=False)
    next(stage for stage in w.account.stages if stage["id"] == "B")["name"] = "Phone screen"
    w.pull()
    w.wants("1", step="B")
    w.push()
    assert told(w)[1].endswith("this would have gone: move to Phone screen, active")


def test_a_fault_of_an_adapter_stops_the_push_and_is_not_hidden() -> None:
    w = world("1", "2")

    class Faulty(type(w.ats)):  # type: ignore[misc]
        def get_application(self, last_known: Any) -> Any:
            if last_known.id == "1":
                raise ZeroDivisionError
            return super().get_application(last_known)

    w.ctx.ats = Faulty(account=w.account)
    w.wants("1", step="B")
    w.wants("2", step="B")
    with pytest.raises(ZeroDivisionError):
        w.push()
    assert w.account.log == [("2", "move", "B")] and w.ctx.held["application/1"].until == w.clock.value + 60


def test_patience_is_for_all_waits_of_a_push_together() -> None:
    w = world("1", visible_within_seconds=6.0, reasoned=True)
    rejecting(w)
    assert w.log.count("sleep 6") == 1 and w.intent("e1/1").state == "settling"
    assert told(later(w, 6.0))[0] is Result.APPLIED


def test_a_feed_of_many_pages_is_read_to_its_end_and_an_empty_page_ends_it() -> None:
    w = world("1", "2", "3")
    w.crm.page = 1
    for id in "123":
        w.wants(id, step="B")
    assert w.push().taken == 3
    assert [t[1] for t in w.crm.told if t[0] == "changes"] == [None, 1, 2]
    w.crm.told.clear()
    assert w.push().taken == 0
    assert [t[0] for t in w.crm.told] == ["changes"]


def test_the_crm_is_only_told_what_was_read_for_the_receipt() -> None:
    """A second application read in the same run does not go out with the first one's receipt."""
    w = world("1", "2")
    w.wants("1", step="B")
    w.wants("2", step="B")
    w.account.move("2", "C")
    w.push()
    assert [t[1] for t in w.crm.told if t[0] == "write"] == [["1", "2"]]
    assert w.crm.held[w.receipt("e2").application].step == "C"


def test_an_attempt_is_safe_from_a_power_cut_before_it_leaves_and_an_end_before_it_is_told() -> None:
    w = world("1")
    last: list[bool] = []
    at: dict[str, bool] = {}

    class Noting(MemoryLedger):
        def transaction(self, *, durable: bool = True) -> Any:
            last.append(durable)
            return super().transaction(durable=durable)

    noting = Noting(clock=w.clock)
    noting.tables = w.ledger.tables
    w.ctx.ledger = noting

    def leaving(made: World, asked: Any) -> Any:
        at["sent"] = last[-1]
        return made.good(asked)

    w.writes = [leaving]
    w.crm.before["write"] = lambda: at.update(told=last[-1])
    w.wants("1", step="B")
    w.push()
    assert at == {"sent": True, "told": True}
    assert not all(last)  # what need not survive does not wait for the disk


def test_an_adapter_that_declares_one_write_and_asks_for_another_is_refused() -> None:
    w = world("1", reasoned=True)

    class Rogue(type(w.ats)):  # type: ignore[misc]
        def write_status(self, intent: Any, current: Any, catalogue: Any) -> Any:
            return super().write_status(evolve(intent, action=Action.WITHDRAW), current, catalogue)

    w.ctx.ats = Rogue(account=w.account)
    w.wants("1", status="Rejected", reason="Unfit")
    w.push()
    assert told(w) == (
        Result.REFUSED,
        "the adapter declares reject for this intent and asks for withdraw",
    )
    assert not w.account.log and not w.rows(Attempt)


def test_a_fault_of_the_wire_is_not_taken_for_an_answer() -> None:
    def faulty(made: World, asked: Any) -> Any:
        raise ZeroDivisionError

    w = world("1")
    w.wants("1", step="B")
    w.writes = [faulty]
    with pytest.raises(ZeroDivisionError):
        w.push()
    assert (w.intent().state, w.intent().sent) == ("in_flight", 1)


def test_a_refused_resend_leaves_one_attempt_open_and_waits_its_window() -> None:
    w = pushed(lost_request, resend=Resend.AFTER_SETTLE)
    w.writes = [says(422)]
    later(w, SETTLED)
    row = w.intent()
    assert (row.state, row.open_attempts, row.attempts, row.returns) == ("settling", 1, 2, 1)
    assert row.not_before == row.settles_at == w.clock.value + SETTLED
    assert [a.outcome for a in w.rows(Attempt)] == ["no answer", "refused"]


@pytest.mark.parametrize("there", ["C", "B"])
def test_a_refusal_is_looked_at_twice_only_while_nothing_shows(there: str) -> None:
    w = pushed(first(lambda a: a.move("1", there), says(409)), visible_within_seconds=5.0)
    assert "sleep 5" not in w.log and w.receipt("e1").result in (Result.CONFLICT, Result.ALREADY)


def test_a_refusal_where_nothing_is_hidden_is_looked_at_once() -> None:
    assert pushed(says(409)).log.count("GET /applications/1") == 2


def test_progress_is_told() -> None:
    w = world("1")
    seen: list[Any] = []
    w.ctx.progress = seen.append
    w.wants("1", step="B")
    w.push()
    assert [(p.verb, p.what, p.done) for p in seen] == [("push", "applied", 1)]


def test_one_that_was_found_gone_is_new_again_should_it_come_back() -> None:
    w = world("1")
    w.wants("1", step="B")
    w.account.apps["1"].gone = "deleted"
    w.push()
    assert not_found_again(w) and w.known().digest is None
    w.account.apps["1"].gone = None
    w.clock.value += 1
    w.pull(full=True)
    assert w.known().deleted is None


def test_one_not_found_that_passes_buries_nothing() -> None:
    w = world("1")
    w.wants("1", step="B")
    w.account.apps["1"].gone = "deleted"
    w.push()
    w.account.apps["1"].gone = None
    w.clock.value += 61
    w.pull()
    assert (w.known().deleted, w.crm.held[w.receipt("e1").application].record.deleted) == (None, None)
    assert w.ledger.look(lambda txn: txn.get(Waiting, w.ctx.connection, "application", "1")) is None


def test_a_good_read_by_a_push_clears_the_suspicion() -> None:
    w = world("1")
    w.wants("1", step="B")
    w.account.apps["1"].gone = "deleted"
    w.push()
    w.account.apps["1"].gone = None
    w.wants("1", step="C")
    w.push()
    w.account.apps["1"].gone = "deleted"  # passing, once more: nothing says the same
    w.clock.value += 61
    w.wants("1", step="B")
    w.push()
    assert w.known().deleted is None


def test_a_second_not_found_right_after_the_first_is_not_yet_believed() -> None:
    w = world("1")
    w.wants("1", step="B")
    w.account.apps["1"].gone = "deleted"
    w.push()
    w.wants("1", step="C")
    w.push()
    w.pull()
    assert w.known().deleted is None


def test_what_came_too_late_to_be_sent_is_tried_again_and_costs_nothing() -> None:
    def late(made: World, asked: Any) -> Any:
        raise TooLate

    w = pushed(*[late] * 20)
    for _ in range(19):
        w.push()
    assert (w.intent().state, w.intent().returns, w.intent().attempts) == ("pending", 0, 20)
    w.push()
    assert told(w) == (Result.APPLIED, "") and w.account.log


def test_a_push_whose_time_is_over_begins_with_no_more_and_the_next_one_does() -> None:
    ids = [str(number) for number in range(1, 41)]
    w = world(*ids)
    for id in ids:
        _ = w.wants(id, step="B")
    w.ctx.most_seconds = 1.0
    w.clock.tick = lambda: 0.02
    reports = [w.push()]
    while reports[-1].unfinished:
        assert reports[-1].writes and reports[-1].pending
        reports.append(w.push())
    assert len(reports) > 1 and sum(report.writes for report in reports) == len(ids)
    assert {result for report in reports for result in report.results} == {"applied"}


def test_twice_as_many_applications_are_worked_on_as_requests_may_be_under_way() -> None:
    w = world(*map(str, range(1, 9)), tuning=Tuning(width=2))
    for id in range(1, 9):
        w.wants(str(id), step="B")
    most = 0

    def counted(made: World, asked: Any) -> Any:
        nonlocal most
        most = max(most, sum(lane.startswith("application/") for lane in w.ctx.held))
        return made.good(asked)

    w.writes = [counted] * 8
    w.push()
    assert most == 4 and [r.result for r in w.crm.receipts] == [Result.APPLIED] * 8
