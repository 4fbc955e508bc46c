"""Recruitee's adapter: what answers mean, what it plans and sends, and the switches of its simulator."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve

from atsbridge.ats.interface import Catalogue, Fresh, Gone, HookHint, HookReply, Proof, Unplannable
from atsbridge.ats.recruitee import (
    VENDOR,
    Recruitee,
    read_candidate,
    read_offer,
    read_placement,
    read_reason,
    read_stage,
)
from atsbridge.errors import (
    BadPayload,
    BadRecord,
    ConfigurationError,
    Forbidden,
    GuardError,
    NotFound,
    Refused,
    Throttled,
    Unauthorized,
    Unavailable,
)
from atsbridge.model import (
    Action,
    Application,
    ApplicationStatus,
    Intent,
    JobStatus,
    Kind,
    Reason,
    Ref,
    Result,
    SideEffect,
    Stage,
    StageKind,
    State,
    TombstoneKind,
)
from atsbridge.simulators.interface import SimRequest, SimResponse
from atsbridge.testing import Account
from atsbridge.testing.direct import Respond
from atsbridge.wire.answers import judge
from atsbridge.wire.effects import Purpose, Request, Response
from atsbridge.wire.hooks import seal
from atsbridge.wire.secrets import Secret
from atsbridge.wire.vendor import Resend, Signal

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
ADAPTER = Recruitee(
    connection="acme",
    company_id="acme",
    api_token="t",
    hook_secret="s",
    withdrawal_reasons=["Took another job"],
)
BY_TEXT = evolve(ADAPTER, reason_body="text")
A, R, W, H = (
    ApplicationStatus.ACTIVE,
    ApplicationStatus.REJECTED,
    ApplicationStatus.WITHDRAWN,
    ApplicationStatus.HIRED,
)


def row(**more: Any) -> dict[str, Any]:
    usual = {
        "id": 30111222, "candidate_id": "16737078", "offer_id": 2683651, "stage_id": 4074354,
        "created_at": "2026-11-01T15:14:36.900000Z", "updated_at": "2026-11-20T08:45:37.100000Z",
        "disqualified_at": None, "disqualify_reason": None, "reason_id": None, "hired_at": None,
        "hired_in_this_placement": False, "category": "interview",
    }  # fmt: skip
    return {**usual, **more}


OUT = {"disqualified_at": "2026-11-20T08:45:37.1Z", "disqualify_reason": "Not a fit", "reason_id": "7"}


# -- readers --


@pytest.mark.parametrize(
    ("told", "means", "word"),
    [
        ({}, A, "qualified"),
        (OUT, R, "disqualified"),
        ({**OUT, "disqualify_reason": "Took another job"}, W, "disqualified"),
        ({**OUT, "disqualify_reason": None, "reason_id": None}, R, "disqualified"),
        ({"hired_at": "2026-11-20T08:45:37.1Z"}, H, "hired"),
        ({"hired_in_this_placement": True}, H, "hired"),
        ({"category": "hire"}, H, "hired"),
        ({**OUT, "hired_at": "2026-11-20T08:45:37.1Z", "category": "hire"}, R, "disqualified"),
    ],
)
def test_how_a_placement_stands(told: Any, means: ApplicationStatus, word: str) -> None:
    (application,) = read_placement(ADAPTER, AT, row(**told))
    assert (application.status, application.vendor_status) == (means, word)
    assert application.stage == Ref("acme", Kind.STAGE, "4074354")
    assert (application.rejected_at is not None) is (means is R)
    assert (application.withdrawn_at is not None) is (means is W)


def test_trap_2_an_application_is_named_by_its_candidate_and_its_placement() -> None:
    (application,) = read_placement(ADAPTER, AT, row())
    assert application.ref == Ref("acme", Kind.APPLICATION, "16737078:30111222")
    assert application.candidate == Ref("acme", Kind.CANDIDATE, "16737078")
    assert application.job == Ref("acme", Kind.JOB, "2683651")
    with pytest.raises(BadRecord):
        read_placement(ADAPTER, AT, row(candidate_id=None))


def test_a_reason_is_the_customers_to_tell_and_is_named_as_writes_name_it() -> None:
    for adapter, id in ((ADAPTER, "7"), (BY_TEXT, "7:Not a fit")):
        (reason,) = read_reason(adapter, AT, {"id": 7, "name": "Not a fit", "position": 1})
        assert (reason.ref.id, reason.outcome) == (id, R)
        (application,) = read_placement(adapter, AT, row(**OUT))
        assert application.reason == reason.ref and application.reason_text == "Not a fit"
    (own,) = read_reason(ADAPTER, AT, {"id": 8, "name": "Took another job"})
    assert own.outcome is W
    (unknown,) = read_placement(ADAPTER, AT, row(**{**OUT, "reason_id": None}))
    assert (unknown.reason, unknown.reason_text) == (None, "Not a fit")


def test_one_name_of_a_reason_may_stand_alone_blanks_and_all() -> None:
    assert evolve(ADAPTER, withdrawal_reasons="Took another job").withdrawal_reasons == {"Took another job"}


@pytest.mark.parametrize(
    ("status", "means"),
    [
        ("draft", JobStatus.DRAFT),
        ("internal", JobStatus.OPEN),
        ("published", JobStatus.OPEN),
        ("closed", JobStatus.CLOSED),
        ("archived", JobStatus.ARCHIVED),
        ("frozen", JobStatus.UNKNOWN),
        (None, JobStatus.UNKNOWN),
    ],
)
def test_a_job(status: Any, means: JobStatus) -> None:
    offer = {
        "id": 2683651, "kind": "job", "status": status, "title": "Sales Lead", "department": "Sales",
        "department_id": 311, "location": "Rotterdam", "recruiter_id": 80432, "hiring_manager_id": None,
        "published_at": "2026-09-02T08:00:00.000000Z", "pipeline_template": {"id": 991, "stages": []},
    }  # fmt: skip
    (job,) = read_offer(ADAPTER, AT, offer)
    assert (job.status, job.vendor_status, job.pipelines) == (means, status, ("991",))
    assert [(d.name, d.id) for d in job.departments] == [("Sales", "311")]
    assert [member.user_id for member in job.hiring_team] == ["80432"]


@pytest.mark.parametrize(
    ("category", "group", "kind"),
    [
        ("apply", "default", StageKind.APPLIED),
        ("phone_screen", "default", StageKind.SCREEN),
        ("interview", "default", StageKind.INTERVIEW),
        ("hire", "default", StageKind.HIRED),
        ("custom", "hire", StageKind.HIRED),
        ("something else", None, StageKind.OTHER),
        (None, None, StageKind.OTHER),
        (7, 7, StageKind.OTHER),
    ],
)
def test_a_stage(category: Any, group: Any, kind: StageKind) -> None:
    told = {"id": 1, "name": "x", "category": category, "group": group, "position": 3, "pipeline": "991"}
    (stage,) = read_stage(ADAPTER, AT, told)
    assert (stage.kind, stage.terminal, stage.pipeline) == (kind, kind is StageKind.HIRED, "991")
    assert stage.side_effects == frozenset()
    (acts,) = read_stage(ADAPTER, AT, {**told, "acts": True})
    assert acts.side_effects == {SideEffect.AUTOMATION}


@pytest.mark.parametrize("mail", ["dana@example.com", {"normalized": "dana@example.com"}])
def test_trap_9_a_contact_is_a_text_or_an_object(mail: Any) -> None:
    told = {
        "id": 1,
        "name": "Dana Whitfield",
        "emails": [mail, None, 7, {}],
        "phones": "x",
        "source": "career_site",
    }
    (person,) = read_candidate(ADAPTER, AT, told)
    assert [e.value for e in person.emails] == ["dana@example.com"] and person.phones == ()


def test_trap_11_what_people_typed_is_kept_as_they_typed_it() -> None:
    (person,) = read_candidate(ADAPTER, AT, {"id": 1, "name": "<b>Ada</b> & Co", "emails": []})
    assert person.display_name == "<b>Ada</b> & Co"


def test_who_is_anonymised_and_who_is_only_not_shown() -> None:
    blank: dict[str, Any] = {"id": 1, "name": "", "emails": [], "phones": []}
    gone = read_candidate(ADAPTER, AT, blank)[0].deleted
    assert gone is not None and gone.kind is TombstoneKind.ANONYMISED
    named = evolve(ADAPTER, anonymised_name="Anonymized")
    assert read_candidate(named, AT, {**blank, "name": "Anonymized"})[0].deleted is not None
    assert read_candidate(named, AT, blank)[0].deleted is None
    assert read_candidate(ADAPTER, AT, {**blank, "phones": ["+31"]})[0].deleted is None
    with pytest.raises(BadRecord, match="not shown"):
        read_candidate(ADAPTER, AT, {"id": 1})


# -- answers --


def meaning(status: int, body: Any, *, purpose: Purpose = Purpose.READ) -> None:
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    answer = Response(status=status, headers={"content-type": "application/json"}, body=content, sent_at=AT)
    asked = Request(operation="get_candidate", method="GET", url="/candidates/1", purpose=purpose)
    judge(asked, answer, vendor="recruitee", rules=VENDOR.answers, complaints=VENDOR.complaints)


SAYS = {"errors": [{"code": "x", "message": "Stage id can't be blank for Ola Nowak"}]}


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, Unauthorized), (403, Forbidden), (422, Refused), (429, Throttled), (500, Unavailable)],
)
@pytest.mark.parametrize("body", [None, b"<html>", b"{", SAYS, {"errors": None}, {"error": ["No"]}, []])
def test_an_answer_is_read_by_its_status_whatever_its_body(status: int, error: type, body: Any) -> None:
    with pytest.raises(error) as seen:
        meaning(status, body)
    assert type(seen.value) is error


@pytest.mark.parametrize("body", [None, b"<html>", {"message": "No"}, {"errors": None}, {"errors": []}, []])
def test_a_404_that_is_not_in_the_vendors_form_says_nothing_of_a_record(body: Any) -> None:
    with pytest.raises(BadPayload):
        meaning(404, body)
    for own in (
        {"errors": [{"message": "Candidate not found"}]},
        {"error": ["Not found"], "error_fields": {}},
    ):
        with pytest.raises(NotFound):
            meaning(404, own)


def test_the_vendors_words_are_told_and_no_persons() -> None:
    with pytest.raises(Refused) as seen:
        meaning(422, SAYS)
    assert "blank" in str(seen.value) and "Ola" not in str(seen.value)


def test_trap_5_a_host_name_is_no_company() -> None:
    assert ADAPTER.host == "https://api.recruitee.com/c/acme"
    with pytest.raises(Forbidden, match="not a host name"):
        meaning(422, {"errors": [{"message": "Company id is invalid"}]})
    account = Account.open("recruitee")
    for company in ("acme.recruitee.com", "https://api.recruitee.com/c/acme", "Acme", "", "a/b"):
        with pytest.raises(GuardError):
            account.restarted(ats=evolve(_recruitee(account), company_id=company))
    numbered = account.restarted(ats=evolve(_recruitee(account), company_id="55210"))
    assert numbered.bridge.pull().created and numbered.differences() == {}
    other = account.restarted(ats=evolve(_recruitee(account), company_id="another"))
    with pytest.raises(Forbidden):
        _ = other.bridge.pull()


# -- planning and writing --

PIPELINE = ("1", StageKind.APPLIED), ("2", StageKind.INTERVIEW), ("9", StageKind.HIRED)
OTHER_PIPELINE = ("11", StageKind.APPLIED), ("19", StageKind.HIRED)
STAGES = tuple(
    Stage(ref=Ref("acme", Kind.STAGE, id), read_at=AT, pipeline=pipeline, kind=kind)
    for pipeline, stages in (("991", PIPELINE), ("992", OTHER_PIPELINE))
    for id, kind in stages
)
REASONS = tuple(
    Reason(ref=Ref("acme", Kind.REASON, id), read_at=AT, outcome=outcome)
    for id, outcome in (("7", R), ("8", W), ("7:Not a fit", R), ("8:two\nlines", W))
)
CATALOGUE = Catalogue(None, STAGES, REASONS)


def chain(current: State, target: State) -> list[tuple[Action, State]]:
    return [(part.action, part.target) for part in ADAPTER.plan_writes(current, target, CATALOGUE)]


@pytest.mark.parametrize(
    ("current", "target", "parts"),
    [
        (State("1", A), State("2", A), [(Action.MOVE, State("2", A))]),
        (State("1", A), State("1", A), [(Action.MOVE, State("1", A))]),
        (State("1", A), State(None, R, "7"), [(Action.REJECT, State("1", R, "7"))]),
        (State("1", A), State("1", W, "8"), [(Action.WITHDRAW, State("1", W, "8"))]),
        (
            State("1", A), State("2", R, "7"),
            [(Action.MOVE, State("2", A)), (Action.REJECT, State("2", R, "7"))],
        ),
        (State("1", R, "7"), State("1", A), [(Action.REACTIVATE, State("1", A))]),
        (State("1", R, "7"), State(None, A), [(Action.REACTIVATE, State("1", A))]),
        (
            State("1", R, "7"), State("2", A),
            [(Action.REACTIVATE, State("1", A)), (Action.MOVE, State("2", A))],
        ),
        (
            State("1", R, "7"), State("2", R, "7"),
            [
                (Action.REACTIVATE, State("1", A)), (Action.MOVE, State("2", A)),
                (Action.REJECT, State("2", R, "7")),
            ],
        ),
        (State("1", R, "7"), State("1", W, "8"), [(Action.WITHDRAW, State("1", W, "8"))]),
        (State("1", A), State("9", H), [(Action.HIRE, State("9", H))]),
        (State("11", A), State("11", H), [(Action.HIRE, State("19", H))]),
        (State("9", A), State("9", H), [(Action.HIRE, State("9", H))]),
        (
            State("1", W, "8"), State(None, H),
            [(Action.REACTIVATE, State("1", A)), (Action.HIRE, State("9", H))],
        ),
        (State("9", H), State(None, R, "7"), [(Action.REJECT, State("9", R, "7"))]),
        (State("9", R, "7"), State("9", W, "8"), [(Action.WITHDRAW, State("9", W, "8"))]),
    ],
)  # fmt: skip
def test_a_chain(current: State, target: State, parts: Any) -> None:
    assert chain(current, target) == parts


def test_trap_7_what_is_disqualified_is_qualified_by_a_part_of_its_own_before_a_move() -> None:
    first, second = ADAPTER.plan_writes(State("1", R, "7"), State("2", A), CATALOGUE)
    assert (first.action, first.expected.status) == (Action.REACTIVATE, R)
    assert (second.action, second.expected) == (Action.MOVE, first.target)


@pytest.mark.parametrize(
    ("current", "target", "why"),
    [
        (State("9", H), State("1", A), "no hire back"),
        (State("9", H), State("9", A), "no hire back"),
        (State("9", H), State("1", R, "7"), "no hire back"),
        (State("9", R, "7"), State("9", A), "qualified again in the stage that hires"),
        (State("9", R, "7"), State("1", A), "qualified again in the stage that hires"),
        (State("1", A), State("9", A), "hires by that stage"),
        (State("1", A), State("9", R, "7"), "hires by that stage"),
        (State("1", A), State("1", R), "names none"),
        (State("1", A), State("1", R, "6"), "names none"),
        (State("1", A), State("1", R, "8"), "the other end"),
        (State("1", A), State("1", W, "7"), "the other end"),
        (State("1", A), State("1", ApplicationStatus.ON_HOLD), "no way"),
        (State("5", A), State("5", H), "the pipeline has 2"),
    ],
)
def test_what_cannot_be_planned(current: State, target: State, why: str) -> None:
    with pytest.raises(Unplannable, match=why):
        chain(current, target)


def test_a_text_that_could_not_be_sent_as_it_stands_is_refused_in_words() -> None:
    with pytest.raises(Unplannable, match="as it stands"):
        BY_TEXT.plan_writes(State("1", A), State("1", W, "8:two\nlines"), CATALOGUE)


def written(adapter: Recruitee, action: Action, target: State) -> Any:
    ref = Ref("acme", Kind.APPLICATION, "16737078:30111222")
    intent = Intent(intent_id="i", application=ref, action=action, target=target, expected=State("1", A))
    fresh = Fresh(application=Application(ref=ref, read_at=AT))
    return adapter.declared(intent), adapter.write_status(intent, fresh, CATALOGUE).request


@pytest.mark.parametrize(
    ("adapter", "action", "target", "name", "path", "body"),
    [
        (ADAPTER, Action.MOVE, State("2", A), "change_stage", "change_stage", {"placement": {"stage_id": 2}}),
        (ADAPTER, Action.HIRE, State("9", H), "hire", "change_stage", {"placement": {"stage_id": 9}}),
        (
            evolve(ADAPTER, stage_body="flat"), Action.MOVE, State("2", A),
            "change_stage_flat", "change_stage", {"stage_id": 2},
        ),
        (
            evolve(ADAPTER, stage_body="flat"), Action.HIRE, State("9", H), "hire_flat", "change_stage",
            {"stage_id": 9},
        ),
        (ADAPTER, Action.REJECT, State("1", R, "7"), "disqualify", "disqualify", {"disqualify_reason_id": 7}),
        (
            ADAPTER, Action.WITHDRAW, State("1", W, "8"),
            "disqualify", "disqualify", {"disqualify_reason_id": 8},
        ),
        (
            BY_TEXT, Action.REJECT, State("1", R, "7:Not a fit"), "disqualify_by_text", "disqualify",
            {"placement": {"disqualify_reason": "Not a fit"}},
        ),
        (ADAPTER, Action.REACTIVATE, State("1", A), "requalify", "requalify", None),
    ],
)  # fmt: skip
def test_a_write(adapter: Recruitee, action: Action, target: State, name: str, path: str, body: Any) -> None:
    write, request = written(adapter, action, target)
    assert (write.name, request.method, request.body) == (name, "PATCH", body)
    assert request.url == f"/placements/30111222/{path}"
    assert (write.signal, write.resend) == (Signal.NONE, Resend.NEVER)
    assert write.visible_within_seconds == adapter.visible_within_seconds == 5.0


def test_what_no_page_confirms_is_said_to_be_beta() -> None:
    told = {write.name: write.note.startswith("beta") for write in VENDOR.writes}
    assert {name for name, beta in told.items() if beta} == {"disqualify", "disqualify_by_text", "requalify"}


def test_a_form_that_nobody_has_is_no_setting() -> None:
    for name in ("stage_body", "reason_body"):
        with pytest.raises(ConfigurationError, match=name):
            evolve(ADAPTER, **{name: "other"})


# -- web hooks --


def delivered(body: Any, *, secret: str = "s", signed: bool = True) -> HookHint | HookReply | None:
    content = json.dumps(body).encode()
    headers = {"x-recruitee-signature": seal(Secret(secret), content)} if signed else {}
    return ADAPTER.read_hook(headers, content)


MOVED = {
    "id": 990017, "attempt_count": 1, "created_at": "2026-11-20T15:22:10.004Z",
    "event_type": "candidate_moved", "event_subtype": "stage_changed",
    "payload": {"candidate": {"id": 4410021, "name": "Ada Berg"}},
}  # fmt: skip


def test_trap_2_a_hook_leads_to_the_candidate() -> None:
    hint = delivered(MOVED)
    assert isinstance(hint, HookHint)
    assert (hint.delivery_id, hint.refs) == ("990017", (Ref("acme", Kind.CANDIDATE, "4410021"),))
    assert hint.occurred_at == datetime(2026, 11, 20, 15, 22, 10, 4000, tzinfo=UTC)
    bare = delivered({name: value for name, value in MOVED.items() if name in ("payload", "event_type")})
    assert isinstance(bare, HookHint) and bare.delivery_id == ""
    assert delivered({"event_type": "offer_published", "payload": {"offer": {"id": 7}}}) == HookReply()


def test_trap_10_a_test_is_answered_unsigned_and_nothing_of_it_is_read() -> None:
    assert delivered({"test": True}, signed=False) == HookReply()
    assert delivered({**MOVED, "test": True}, signed=False) == HookReply()
    for word in ("true", 1, None, False):
        assert delivered({**MOVED, "test": word}, signed=False) is None
    assert delivered(MOVED, secret="another") is None
    assert evolve(ADAPTER, hook_secret=None).read_hook({}, json.dumps(MOVED).encode()) is None


# -- on the simulator, under its switches --


def _recruitee(account: Account) -> Recruitee:
    assert isinstance(account.ats, Recruitee)
    return account.ats


def _pushed(account: Account) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(6):
        found |= {r.event_id: r for r in account.bridge.push().receipts}
        account.time.sleep(120)
    return found


def _active(account: Account) -> str:
    return next(id for id, truth in sorted(account.truth().items()) if truth.status == "active")


@pytest.mark.parametrize(
    "switches",
    [
        {"stage_body": "flat"},
        {"stage_body": "both", "reason_body": "both"},
        {"reason_body": "text"},
        {"write_answer": "empty"},
        {"moves_touch": False},
        {"reason_ids": True},
        {"nested_candidates": True},
        {"contacts": "objects"},
        {"anonymised_as": "Anonymized"},
        {"activity_shown": False},
        {"retry_after": False},
        {"hook_offer": "neither"},
    ],
    ids=str,
)
def test_the_adapter_holds_under_every_switch(switches: Any) -> None:
    account = Account.open("recruitee", applications=20, **switches)
    _ = account.bridge.pull()
    assert account.differences() == {}
    one, other = [id for id, truth in sorted(account.truth().items()) if truth.status == "active"][:2]
    there = account.simulator.stages_for(one)[0]
    reason = account.simulator.reasons("withdrawn")[0]
    events = [account.ask(one, stage=there), account.ask(other, status="withdrawn", reason=reason)]
    receipts = _pushed(account)
    assert [receipts[event].result for event in events] == [Result.APPLIED] * 2
    assert account.truth()[one].stage == there
    assert (account.truth()[other].status, account.truth()[other].reason) == ("withdrawn", reason)
    account.simulator.anonymise(one)
    account.time.sleep(120)
    _ = account.bridge.sync()
    assert account.differences() == {}


def test_a_wrong_form_of_a_move_is_refused_in_the_vendors_words() -> None:
    account = Account.open("recruitee", stage_body="flat")
    _ = account.bridge.pull()
    account = account.restarted(ats=evolve(_recruitee(account), stage_body="nested"))
    event = account.ask(_active(account), stage=account.simulator.stages_for(_active(account))[0])
    receipt = _pushed(account)[event]
    assert receipt.result is Result.REFUSED and "Stage id" in receipt.why and "blank" in receipt.why
    assert account.simulator.accepted == []


def test_trap_1_talent_pools_are_no_jobs_and_nobody_in_them_has_applied() -> None:
    account = Account.open("recruitee")
    assert account.bridge.pull().waiting == 0
    simulator: Any = account.simulator
    pools = {str(id) for id, offer in simulator.account.offers.items() if offer["kind"] == "talent_pool"}
    assert pools and not pools & set(account.bridge.configuration().jobs)
    assert any(str(p["offer_id"]) in pools for p in simulator.account.placements.values())
    assert account.views().keys() == account.truth().keys()


def test_trap_3_a_search_whose_order_was_ignored_is_read_to_its_end() -> None:
    account = Account.open("recruitee", applications=130)
    _ = account.bridge.pull()
    account.time.sleep(7200)
    id = sorted(account.truth())[0]
    account.simulator.edit(id)
    account.time.sleep(60)
    account.driver.meddle = _without("sort_by")
    before = len(account.driver.requests)
    _ = account.bridge.pull()
    pages = [r.target for r, _ in account.driver.requests[before:] if "/search/" in r.target]
    assert len(pages) == 2
    simulator: Any = account.simulator
    mail = simulator.account.candidates[int(id.partition(":")[0])]["emails"][0]
    assert account.crm.candidate(Ref("acme", Kind.CANDIDATE, id.partition(":")[0])).emails == (mail,)


def test_trap_3_candidates_that_were_not_asked_for_are_not_taken() -> None:
    account = Account.open("recruitee")
    _ = account.bridge.pull()
    account.time.sleep(7200)
    account.simulator.edit(sorted(account.truth())[0])
    account.time.sleep(60)
    account.driver.meddle = _without("ids")
    with pytest.raises(BadPayload, match="other candidates"):
        _ = account.bridge.pull()


def _without(key: str) -> Callable[[SimRequest, Respond, Purpose], SimResponse]:
    """The vendor does not know this key of a query, and says nothing."""

    def meddle(asked: SimRequest, respond: Respond, _purpose: Purpose) -> SimResponse:
        path, _, query = asked.target.partition("?")
        kept = "&".join(pair for pair in query.split("&") if not pair.startswith(f"{key}="))
        return respond(evolve(asked, target=f"{path}?{kept}"))

    return meddle


def test_trap_4_what_the_index_shows_late_is_read_in_the_overlap() -> None:
    account = Account.open("recruitee", index_lag_seconds=300.0)
    _ = account.bridge.pull()
    account.time.sleep(3600)
    simulator: Any = account.simulator
    archived = {str(id) for id, offer in simulator.account.offers.items() if offer["status"] == "archived"}
    id = next(i for i, t in sorted(account.truth().items()) if t.job in archived and t.status == "active")
    account.simulator.move(id, account.simulator.stages_for(id)[0])
    account.time.sleep(60)
    _ = account.bridge.pull()
    assert id in account.differences()
    account.time.sleep(400)
    _ = account.bridge.pull()
    assert account.differences() == {}


def test_trap_4_a_move_that_is_no_activity_is_seen_in_its_job() -> None:
    account = Account.open("recruitee")
    _ = account.bridge.pull()
    account.time.sleep(3600)
    simulator: Any = account.simulator
    id = next(
        i for i, t in sorted(account.truth().items())
        if t.status == "active" and simulator.account.offers[int(t.job or 0)]["status"] != "archived"
    )  # fmt: skip
    account.simulator.move(id, account.simulator.stages_for(id)[0])
    simulator.account.activity[int(id.partition(":")[0])].pop()
    _ = account.bridge.pull()
    assert account.differences() == {}


def test_an_archived_job_is_read_until_it_has_been_read_since() -> None:
    account = Account.open("recruitee")
    _ = account.bridge.pull()
    simulator: Any = account.simulator
    offer = next(
        o for o in simulator.account.offers.values() if o["status"] == "published" and o["kind"] == "job"
    )

    def asked() -> bool:
        before = len(account.driver.requests)
        _ = account.bridge.pull()
        return any(f"/offers/{offer['id']}/" in r.target for r, _ in account.driver.requests[before:])

    account.time.sleep(3600)
    offer.update(status="archived", updated_at=account.time.seconds)
    assert asked()
    account.time.sleep(3600)
    assert asked()
    account.time.sleep(3600)
    assert not asked()
    offer.update(status="published", updated_at=account.time.seconds)
    assert asked()


def test_trap_6_a_hidden_job_stops_nobody_and_check_says_that_it_cannot_know() -> None:
    account = Account.open("recruitee")
    _ = account.bridge.pull()
    hidden = account.simulator.hide(_active(account))
    account.time.sleep(60)
    _ = account.bridge.pull()
    _ = account.bridge.sweep(limit=1.0)
    assert account.views().keys() == account.truth().keys() - hidden
    (every,) = [f for f in account.bridge.check().access if f.what == "see every job"]
    assert every.proof is Proof.UNPROVEN and every.ask


def test_trap_6_where_every_job_is_hidden_who_is_in_a_talent_pool_proves_nothing() -> None:
    account = Account.open("recruitee", applications=60)
    _ = account.bridge.pull()
    simulator: Any = account.simulator
    before, told = account.mirror(), account.truth()
    pools = {id for id, offer in simulator.account.offers.items() if offer["kind"] == "talent_pool"}
    pooled = {str(p["candidate_id"]) for p in simulator.account.placements.values() if p["offer_id"] in pools}
    under_way = [id for id in sorted(told) if told[id].status == "active"]
    shown = [id for id in under_way if id.partition(":")[0] in pooled]
    refused = next(id for id in under_way if id not in shown)
    events = [account.ask(id, stage=account.simulator.stages_for(id)[0]) for id in (shown[0], refused)]
    for id in told:
        _ = account.simulator.hide(id)
    for id in (shown[0], refused):  # placements left out, and a candidate refused
        with pytest.raises(Forbidden, match="no record of this kind shows"):
            _ = account.fresh(id)
    for _ in range(3):
        account.time.sleep(600)
        with suppress(Forbidden):
            _ = account.bridge.push()
        with pytest.raises(Forbidden):
            _ = account.bridge.sweep(limit=1.0)
    assert account.mirror() == before
    simulator.api.hidden.clear()
    account.bridge.resume()
    receipts = _pushed(account)
    assert [receipts[event].result for event in events] == [Result.APPLIED] * 2


def _gone_beside(offers: list[Any]) -> Gone | Fresh:
    """A fresh read of a placement that its candidate does not have any more, where these offers show."""
    account = Account.open("recruitee")
    pairs = itertools.pairwise(sorted(account.truth()))
    twice = next(one for one, other in pairs if one.partition(":")[0] == other.partition(":")[0])
    account.simulator.delete(twice)

    def meddle(asked: SimRequest, respond: Respond, _purpose: Purpose) -> SimResponse:
        path, _, query = asked.target.partition("?")
        if not path.endswith("/offers"):
            return respond(asked)
        offset = next(int(pair[7:]) for pair in query.split("&") if pair.startswith("offset="))
        body = json.dumps({"offers": offers[offset : offset + 100]}).encode()
        return SimResponse(200, (("Content-Type", "application/json"),), body)

    account.driver.meddle = meddle
    return account.fresh(twice)


POOL: dict[str, Any] = {"id": 1, "kind": "talent_pool", "candidates_count": 9}
JOB: dict[str, Any] = {"id": 2, "kind": "job", "candidates_count": 1}


@pytest.mark.parametrize(
    "offers",
    [
        [],
        [POOL],
        [{**JOB, "candidates_count": 0}],
        [{**JOB, "candidates_count": None}],
        [{**JOB, "candidates_count": "1"}],
        [{**JOB, "candidates_count": True}],
        [{"id": 2, "kind": "job"}],
        [{"id": 2, "candidates_count": 1}],
        [None, POOL],
        [{**JOB, "id": id, "candidates_count": 0} for id in range(1, 250)],
    ],
    ids=["none", "pool", "nobody", "null", "text", "true", "unsaid", "no kind", "no offer", "many"],
)
def test_trap_6_nobody_is_gone_where_no_job_shows_that_somebody_is_in(offers: list[Any]) -> None:
    with pytest.raises(Forbidden, match="no record of this kind shows"):
        _ = _gone_beside(offers)


@pytest.mark.parametrize("empty", [0, 1, 120, 250])
def test_trap_6_one_job_that_somebody_is_in_is_found_on_whatever_page(empty: int) -> None:
    rows = [{**JOB, "id": id, "candidates_count": 0} for id in range(10, 10 + empty)]
    read = _gone_beside([POOL, None, *rows, JOB])
    assert isinstance(read, Gone) and read.tombstone.kind is TombstoneKind.LOST_ACCESS


def test_trap_8_everybody_is_never_asked_for_at_once() -> None:
    account = Account.open("recruitee", applications=230)
    _ = account.bridge.pull()
    _ = account.bridge.sweep()
    _ = account.bridge.check()
    asked = [r.target for r, _ in account.driver.requests if "/candidates?" in r.target]
    assert asked and all("limit=" in target and "offset=" in target for target in asked)


def test_a_deletion_within_a_list_hides_nobody_behind_it() -> None:
    account = Account.open("recruitee", applications=150)
    doomed = sorted(account.truth(), key=lambda id: int(id.partition(":")[0]))[-8:]
    seen = 0

    def meddle(asked: SimRequest, respond: Respond, _purpose: Purpose) -> SimResponse:
        nonlocal seen
        answer = respond(asked)
        if "/candidates?" in asked.target and (seen := seen + 1) == 1:
            for id in doomed:
                account.simulator.delete(id)
        return answer

    account.driver.meddle = meddle
    _ = account.bridge.pull()
    account.driver.meddle = None
    simulator: Any = account.simulator
    known, _ = account.crm.read_refs(Kind.CANDIDATE, None)
    assert {str(id) for id in simulator.account.candidates} <= {ref.id for ref in known}


def test_a_placement_that_is_gone_from_its_candidate_is_no_deletion_for_certain() -> None:
    account = Account.open("recruitee")
    pairs = itertools.pairwise(sorted(account.truth()))
    twice = next(one for one, next_ in pairs if one.partition(":")[0] == next_.partition(":")[0])
    account.simulator.delete(twice)
    read = account.fresh(twice)
    assert isinstance(read, Gone) and read.tombstone.kind is TombstoneKind.LOST_ACCESS
    alone = _active(account)
    while account.truth().get(alone):
        account.simulator.delete(alone)
    simulator: Any = account.simulator
    simulator.account.candidates.pop(int(alone.partition(":")[0]), None)
    read = account.fresh(alone)
    assert isinstance(read, Gone) and read.tombstone.kind is TombstoneKind.DELETED


@pytest.mark.parametrize("body", [{}, {"stages": None}, {"stages": [7]}, {"stages": [{"id": 1}]}])
def test_a_pipeline_that_does_not_show_its_placements_is_no_empty_one(body: Any) -> None:
    account = Account.open("recruitee")
    answer = SimResponse(200, (("Content-Type", "application/json"),), json.dumps(body).encode())
    account.driver.meddle = lambda asked, respond, _: (
        answer if asked.target.endswith("/placements") else respond(asked)
    )
    with pytest.raises(BadPayload, match="no pipeline"):
        _ = account.bridge.pull()


def test_an_answer_about_another_candidate_is_not_taken() -> None:
    account = Account.open("recruitee")
    one, other = sorted(account.truth())[:2]

    def meddle(asked: SimRequest, respond: Respond, _purpose: Purpose) -> SimResponse:
        target = asked.target.replace(one.partition(":")[0], other.partition(":")[0])
        return respond(evolve(asked, target=target))

    account.driver.meddle = meddle
    with pytest.raises(BadPayload, match="candidate asked for"):
        _ = account.fresh(one)


def test_reasons_are_asked_for_once_a_day_and_for_one_that_is_new() -> None:
    account = Account.open("recruitee")

    def asked() -> int:
        before = len(account.driver.requests)
        _ = account.bridge.pull()
        return sum(r.target.endswith("/disqualify_reasons") for r, _ in account.driver.requests[before:])

    assert asked() > 1
    account.time.sleep(600)
    assert asked() == 1  # the stream's own
    simulator: Any = account.simulator
    new = simulator.account.add(simulator.account.reasons, name="Too far away", position=5)
    account.simulator.reject(_active(account), str(new["id"]))
    account.time.sleep(60)
    assert asked() > 1
    assert account.differences() == {}
    account.time.sleep(3600)
    _ = asked()  # who was rejected is in the overlap once more
    account.time.sleep(3600)
    assert asked() == 1
    account.time.sleep(timedelta(days=2).total_seconds())
    assert asked() > 1


def test_a_reason_that_is_listed_no_more_is_kept_as_a_text() -> None:
    account = Account.open("recruitee")
    simulator: Any = account.simulator
    id = _active(account)
    reason = account.simulator.reasons("rejected")[0]
    account.simulator.reject(id, reason)
    del simulator.account.reasons[int(reason)]
    read = account.driver.run(account.bridge.client.run(account.ats.get_application(account.ref(id))))
    assert isinstance(read, Fresh)
    assert (read.application.reason, read.application.reason_text) == (None, "Not a fit")


def test_both_listings_show_a_placement_alike() -> None:
    """Else every reading would take it for changed."""
    account = Account.open("recruitee")
    _ = account.bridge.pull()
    account.time.sleep(60)
    for id in sorted(account.truth())[:5]:
        account.simulator.edit(id)
    account.time.sleep(60)
    report = account.bridge.pull()
    people = {id.partition(":")[0] for id in sorted(account.truth())[:5]}
    assert report.read == len(people), report
