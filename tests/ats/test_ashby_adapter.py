"""The Ashby adapter: its readers, plans and answers, and the traps of the API seen through a bridge."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve

from atsbridge.ats.ashby import (
    VENDOR,
    Ashby,
    read_application,
    read_candidate,
    read_job,
    read_reason,
    read_stage,
    read_user,
)
from atsbridge.ats.interface import Catalogue, Fresh, HookHint, HookReply, Proof, Unplannable
from atsbridge.errors import (
    BadPayload,
    BadRecord,
    ConfigurationError,
    CursorLost,
    Forbidden,
    GuardError,
    NotFound,
    Refused,
    Throttled,
    Unauthorized,
    Unavailable,
    WatermarkLost,
)
from atsbridge.model import (
    Action,
    ApplicationStatus,
    EmploymentType,
    Gap,
    Intent,
    JobStatus,
    Kind,
    LinkType,
    Need,
    ReasonBy,
    Ref,
    Result,
    SideEffect,
    StageKind,
    StageScope,
    State,
    TeamRole,
    TombstoneKind,
)
from atsbridge.simulators.interface import SimRequest, SimResponse
from atsbridge.testing.account import Account
from atsbridge.testing.histories import Weather, never_miss
from atsbridge.wire.answers import judge
from atsbridge.wire.effects import Purpose, Request, Response
from atsbridge.wire.hooks import seal
from atsbridge.wire.secrets import Secret

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
ADAPTER = Ashby(connection="acme", api_key="key", hook_secret="hush")
A, R, W, H = (
    ApplicationStatus.ACTIVE,
    ApplicationStatus.REJECTED,
    ApplicationStatus.WITHDRAWN,
    ApplicationStatus.HIRED,
)
READ = Request(operation="list_application", method="POST", url="/application.list", body={})


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


PLAN, OTHER = uuid(1), uuid(2)


def stage_data(id: str, type: str, *, title: str = "", plan: str = PLAN, order: int = 0) -> dict[str, Any]:
    return {
        "id": id, "title": title or type, "type": type, "orderInInterviewPlan": order,
        "interviewStageGroupId": None, "interviewPlanId": plan,
    }  # fmt: skip


APPLICATION = {
    "id": uuid(11),
    "createdAt": "2026-09-05T14:13:34.127Z",
    "updatedAt": "2026-10-28T21:07:41.644Z",
    "status": "Active",
    "candidate": {"id": uuid(12), "name": "Ines Duarte"},
    "currentInterviewStage": stage_data(uuid(13), "Active", title="Technical Screen"),
    "source": {"id": uuid(14), "title": "LinkedIn"},
    "archiveReason": None,
    "job": {"id": uuid(15), "title": "Backend Engineer"},
}
REASON = {"id": uuid(16), "text": "Lacks Skills", "reasonType": "RejectedByOrg", "isArchived": False}


def application(**changes: Any) -> Any:
    (read,) = read_application("acme", AT, {**APPLICATION, **changes})
    return read


# -- readers --


@pytest.mark.parametrize(
    ("status", "reason", "means"),
    [
        ("Active", None, A),
        ("Lead", None, A),
        ("Hired", None, H),
        ("Archived", None, R),
        ("Archived", REASON, R),
        ("Archived", {**REASON, "reasonType": "Other"}, R),
        ("Archived", {**REASON, "reasonType": "RejectedByCandidate"}, W),
        ("Archived", {**REASON, "reasonType": "RejectedByRobot"}, ApplicationStatus.UNKNOWN),
        ("Archived", "RejectedByOrg", ApplicationStatus.UNKNOWN),
        ("Paused", None, ApplicationStatus.UNKNOWN),
        (None, None, ApplicationStatus.UNKNOWN),
    ],
)
def test_how_an_application_stands(status: Any, reason: Any, means: ApplicationStatus) -> None:
    assert application(status=status, archiveReason=reason).status is means


def test_trap_8_an_end_is_timed_by_the_status_and_not_by_what_is_left_of_it() -> None:
    ended = {"archivedAt": "2026-11-23T10:00:00.000Z", "status": "Archived"}
    moment = datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert application(**ended, archiveReason=REASON).rejected_at == moment
    withdrew = application(**ended, archiveReason={**REASON, "reasonType": "RejectedByCandidate"})
    assert (withdrew.rejected_at, withdrew.withdrawn_at) == (None, moment)
    # Whether archivedAt vanishes when an application leaves the archive, no page says.
    back = application(**{**ended, "status": "Active"})
    assert (back.rejected_at, back.withdrawn_at, back.status) == (None, None, A)


def test_an_application() -> None:
    read = application(creditedToUser={"id": uuid(17)}, archiveReason=REASON)
    assert (read.ref.id, read.candidate.id, read.job.id) == (uuid(11), uuid(12), uuid(15))
    assert (read.stage.id, read.stage_name, read.owner) == (uuid(13), "Technical Screen", uuid(17))
    assert (read.reason.id, read.reason_text, read.source.name) == (uuid(16), "Lacks Skills", "LinkedIn")
    assert read.token == "2026-10-28T21:07:41.644Z" and read.applied_at == read.created_at
    bare = application(**dict.fromkeys(("job", "currentInterviewStage", "source", "creditedToUser")))
    assert (bare.job, bare.stage, bare.source, bare.owner) == (None, None, None, None)
    with pytest.raises(BadRecord):
        application(candidate=None)


def test_trap_14_null_and_absent_are_read_alike() -> None:
    optional = ("createdAt", "updatedAt", "source", "archiveReason", "job", "currentInterviewStage")
    absent = {key: value for key, value in APPLICATION.items() if key not in optional}
    assert application(**dict.fromkeys(optional)) == read_application("acme", AT, absent)[0]


def test_a_history_is_told_in_the_order_of_its_numbers() -> None:
    rows = [
        {"stageId": uuid(2), "stageNumber": 1, "enteredStageAt": "2026-09-06T00:00:00Z", "actorId": uuid(5)},
        {"stageId": uuid(1), "stageNumber": 0, "enteredStageAt": "2026-09-05T00:00:00Z", "actorId": None},
        {"stageNumber": 2},
    ]
    first, second = application(applicationHistory=rows).history
    assert (first.to, first.from_, second.to, second.from_) == (uuid(1), None, uuid(2), uuid(1))
    assert (first.actor_kind, second.actor_kind, second.actor) == ("unknown", "user", uuid(5))
    assert application(applicationHistory=rows).stage_entered_at == datetime(2026, 9, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("word", "kind", "terminal", "needs", "effects"),
    [
        ("Lead", StageKind.LEAD, False, set(), set()),
        ("PreInterviewScreen", StageKind.REVIEW, False, set(), set()),
        ("Active", StageKind.OTHER, False, set(), {SideEffect.AUTOMATION}),
        ("Offer", StageKind.OFFER, False, set(), set()),
        ("Hired", StageKind.HIRED, True, set(), {SideEffect.OPENING_FILL}),
        ("Archived", StageKind.ARCHIVED, True, {Need.REASON}, set()),
        ("Limbo", StageKind.UNMAPPED, False, set(), set()),
    ],
)
def test_what_a_stage_is_for(word: str, kind: StageKind, terminal: bool, needs: set, effects: set) -> None:
    (stage,) = read_stage("acme", AT, stage_data(uuid(3), word, title="Hired!", order=4))
    assert (stage.kind, stage.terminal, stage.needs, stage.side_effects) == (kind, terminal, needs, effects)
    assert (stage.pipeline, stage.job, stage.scope, stage.order) == (PLAN, None, StageScope.PIPELINE, 4)
    with pytest.raises(BadRecord):
        read_stage("acme", AT, {**stage_data(uuid(3), word), "interviewPlanId": None})


def test_a_job() -> None:
    data = {
        "id": uuid(4), "title": "Nurse", "status": "Draft", "confidential": True,
        "employmentType": "FullTime",
        "departmentId": uuid(5), "locationId": None, "customRequisitionId": "ENG-204",
        "defaultInterviewPlanId": OTHER, "interviewPlanIds": [PLAN, OTHER],
        "hiringTeam": [
            {"userId": uuid(6), "email": "r@example.com", "firstName": "Rita", "role": "Hiring Manager"},
            {"userId": uuid(7), "role": "Bystander"},
            {"role": "Nobody"},
        ],
        "openedAt": None, "createdAt": "2026-02-04T08:15:58.104Z",
    }  # fmt: skip
    (job,) = read_job("acme", AT, data)
    assert (job.status, job.vendor_status, job.confidential) == (JobStatus.DRAFT, "Draft", True)
    # The usual plan first.
    assert job.pipelines == (OTHER, PLAN) and job.requisition_id == "ENG-204"
    assert job.employment_type is EmploymentType.FULL_TIME and job.departments[0].id == uuid(5)
    assert [(m.user_id, m.role, m.name) for m in job.hiring_team] == [
        (uuid(6), TeamRole.HIRING_MANAGER, "Rita"),
        (uuid(7), TeamRole.OTHER, None),
    ]
    (bare,) = read_job("acme", AT, {"id": uuid(4), "status": "Frozen", "employmentType": "Gig"})
    assert (bare.status, bare.pipelines, bare.locations) == (JobStatus.UNKNOWN, (), ())
    assert bare.employment_type is EmploymentType.OTHER


def test_a_reason_and_a_user() -> None:
    (reason,) = read_reason("acme", AT, {**REASON, "isArchived": True})
    assert (reason.by, reason.outcome, reason.active) == (ReasonBy.ORGANISATION, R, False)
    (other,) = read_reason("acme", AT, {"id": uuid(1), "reasonType": "Whim"})
    assert (other.by, other.outcome, other.active) == (ReasonBy.UNKNOWN, None, None)
    (user,) = read_user("acme", AT, {"id": uuid(2), "firstName": "A", "lastName": "B", "isEnabled": False})
    assert (user.name, user.active) == ("A B", False)


MAIL = {"value": "ines@example.com", "type": "Work", "isPrimary": True}


def test_a_candidate() -> None:
    data = {
        "id": uuid(1), "name": "Ines Duarte", "emailAddresses": [MAIL, {"type": "Work"}],
        "phoneNumbers": [], "primaryPhoneNumber": {"value": "+351555", "type": "Personal"},
        "socialLinks": [{"type": "LinkedIn", "url": "https://l.example"}, {"type": "Blog"}],
        "tags": [{"id": uuid(2), "title": "Silver"}], "location": {"locationSummary": "Porto"},
        "profileUrl": "https://app.ashbyhq.com/x", "position": "Engineer", "company": None,
    }  # fmt: skip
    (person,) = read_candidate("acme", AT, data)
    assert [(e.value, e.type, e.primary) for e in person.emails] == [("ines@example.com", "work", True)]
    assert [p.value for p in person.phones] == ["+351555"]
    assert [(link.url, link.type) for link in person.links] == [("https://l.example", LinkType.LINKEDIN)]
    assert (person.tags, person.locations[0].raw, person.title) == (("Silver",), "Porto", "Engineer")
    assert person.deleted is None


@pytest.mark.parametrize(
    ("data", "setting", "blank"),
    [
        ({"name": ""}, "", True),
        ({"name": None}, "", True),
        ({"name": "", "primaryEmailAddress": MAIL}, "", False),
        ({"name": "", "phoneNumbers": [{"value": "+1"}]}, "", False),
        ({"name": "Ines Duarte"}, "", False),
        ({"name": "Anonymized"}, "Anonymized", True),
        ({"name": ""}, "Anonymized", False),
    ],
)
def test_an_anonymised_candidate_is_known_by_what_is_left(data: Any, setting: str, blank: bool) -> None:
    (person,) = read_candidate("acme", AT, {"id": uuid(1), **data}, anonymised_name=setting)
    assert (person.deleted is not None) is blank
    assert not blank or person.deleted.kind is TombstoneKind.ANONYMISED


# -- answers --


def answered(body: Any, status: int = 200, **headers: str) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"content-type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
    return Response(status=status, headers=named, body=content, sent_at=AT)


def meaning(response: Response) -> Any:
    judge(READ, response, vendor="ashby", rules=VENDOR.answers, complaints=VENDOR.complaints)


def refusal(code: str) -> dict[str, Any]:
    return {"success": False, "errors": [code], "errorInfo": {"code": code, "message": "Not found"}}


@pytest.mark.parametrize("status, error", [(429, Throttled), (500, Unavailable), (503, Unavailable)])
@pytest.mark.parametrize("code", ["invalid_input", "application_not_found", "never_heard_of"])
def test_a_body_refuses_nothing_under_a_status_that_leaves_it_open(
    status: int, error: type, code: str
) -> None:
    with pytest.raises(error) as seen:
        meaning(answered(refusal(code), status))
    assert type(seen.value) is error


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("sync_token_expired", WatermarkLost),
        ("sync_token_invalid", WatermarkLost),
        ("incremental_sync_too_large", WatermarkLost),
        ("next_cursor_expired", CursorLost),
        ("invalid_next_cursor", CursorLost),
        ("application_not_found", NotFound),
        ("missing_endpoint_permission", Forbidden),
        ("interview_stage_not_found", Refused),
        ("invalid_input", Refused),
        ("opening_in_use", Refused),
        ("never_heard_of", Refused),
        ("", Refused),
    ],
)
@pytest.mark.parametrize("info", [True, False])
def test_what_a_code_means(code: str, error: type, info: bool) -> None:
    body = refusal(code)
    if not info:
        body["errorInfo"] = None
    with pytest.raises(error) as seen:
        meaning(answered(body))
    assert type(seen.value) is error and code in str(seen.value)


def test_a_refusal_in_objects_is_told_without_what_was_sent() -> None:
    wrong = [{"message": "Ines Duarte is not a valid stage", "parameter": "interviewStageId"}]
    with pytest.raises(Refused) as seen:
        meaning(answered({"success": False, "errors": wrong}))
    assert "invalid_input" in str(seen.value) and "valid stage" in str(seen.value)
    assert "Ines" not in str(seen.value)


@pytest.mark.parametrize("errors", [None, [], "no", [None], [[]]])
def test_a_refusal_without_a_code_is_one_all_the_same(errors: Any) -> None:
    with pytest.raises(Refused):
        meaning(answered({"success": False, "errors": errors}))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"results": []}, BadPayload),
        ({"success": "true", "results": []}, BadPayload),
        ({"success": 1}, BadPayload),
        (b'{"success":tru', BadPayload),
        (b'{"success":false,"success":true}', BadPayload),
    ],
)
def test_trap_1_an_answer_has_to_say_that_it_is_a_success(body: Any, error: type) -> None:
    with pytest.raises(error):
        meaning(answered(body))
    assert meaning(answered({"results": [], "success": True})) is None
    assert meaning(answered(b'{"success":true,"results":[]}')) is None


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, refusal("unauthorized"), Unauthorized),
        (403, refusal("invalid_api_key"), Unauthorized),
        (403, b"", Unauthorized),
        (403, refusal("missing_endpoint_permission"), Forbidden),
        (429, refusal("rate_limited"), Throttled),
        (500, refusal("internal_error"), Unavailable),
        (503, b"<html>", Unavailable),
        (503, b"{", Unavailable),
    ],
)
def test_under_another_status_a_code_nobody_knows_says_less_than_the_status(
    status: int, body: Any, error: type
) -> None:
    with pytest.raises(error) as seen:
        meaning(answered(body, status, retry_after="7", x_ashby_request_id="01JR"))
    assert type(seen.value) is error and seen.value.request_id == "01JR"
    assert not isinstance(seen.value, Throttled) or seen.value.retry_after_seconds == 7


# -- planning --

REVIEW, SCREEN, HIRED, ENDED = uuid(21), uuid(22), uuid(23), uuid(24)
ROLE_PLAY, NOT_NOW = uuid(32), uuid(34)


def catalogue() -> Catalogue:
    """A job with two plans. The second's archive stage comes first, and is called otherwise."""
    rows = [
        stage_data(NOT_NOW, "Archived", title="Not now", plan=OTHER, order=1),
        stage_data(ROLE_PLAY, "Active", plan=OTHER),
        stage_data(REVIEW, "PreInterviewScreen"),
        stage_data(SCREEN, "Active", title="Archived candidates", order=2),
        stage_data(HIRED, "Hired", order=8),
        stage_data(uuid(25), "Archived", title="Archived (old)", order=12),
        stage_data(ENDED, "Archived", order=10),
    ]
    return Catalogue(None, tuple(s for row in rows for s in read_stage("acme", AT, row)))


def planned(current: State, target: State) -> list[tuple[Action, State, State]]:
    chain = ADAPTER.plan_writes(current, target, catalogue())
    return [(p.action, p.expected, p.target) for p in chain]


REVIEWED, SCREENED, REJECTED = State(REVIEW, A), State(SCREEN, A), State(ENDED, R, "why")


def test_a_move_is_one_write() -> None:
    assert planned(REVIEWED, SCREENED) == [(Action.MOVE, REVIEWED, SCREENED)]


def test_to_stay_is_a_part_that_is_there_already() -> None:
    assert planned(REVIEWED, REVIEWED) == [(Action.MOVE, REVIEWED, REVIEWED)]


@pytest.mark.parametrize(("status", "action"), [(R, Action.REJECT), (W, Action.WITHDRAW)])
def test_an_end_goes_to_the_plans_own_archive_stage_found_by_its_type(
    status: ApplicationStatus, action: Action
) -> None:
    assert planned(REVIEWED, State(REVIEW, status, "why")) == [
        (action, REVIEWED, State(ENDED, status, "why"))
    ]
    other = State(ROLE_PLAY, A)
    assert planned(other, State(ROLE_PLAY, status, "why")) == [(action, other, State(NOT_NOW, status, "why"))]


def test_an_end_elsewhere_is_a_move_and_an_end() -> None:
    assert planned(REVIEWED, State(SCREEN, R, "why")) == [
        (Action.MOVE, REVIEWED, SCREENED),
        (Action.REJECT, SCREENED, REJECTED),
    ]


def test_an_archive_stage_that_is_named_is_the_one() -> None:
    named = State(uuid(25), R, "why")
    assert planned(REVIEWED, named) == [(Action.REJECT, REVIEWED, named)]


def test_a_hire_is_a_move_to_the_plans_stage_of_that_type_and_has_no_reason() -> None:
    there = State(HIRED, H)
    assert planned(REVIEWED, State(REVIEW, H, "why")) == [(Action.HIRE, REVIEWED, there)]
    assert planned(REVIEWED, there) == [(Action.HIRE, REVIEWED, there)]


def test_out_of_the_archive_is_a_move_to_a_stage_that_is_named() -> None:
    assert planned(REJECTED, SCREENED) == [(Action.REACTIVATE, REJECTED, SCREENED)]
    assert planned(State(HIRED, H), SCREENED) == [(Action.REACTIVATE, State(HIRED, H), SCREENED)]


def test_another_reason_is_given_in_the_stage_of_the_end() -> None:
    again = State(ENDED, W, "their")
    assert planned(REJECTED, again) == [(Action.WITHDRAW, REJECTED, again)]
    assert planned(State(HIRED, H), State(HIRED, R, "why")) == [(Action.REJECT, State(HIRED, H), REJECTED)]


@pytest.mark.parametrize(
    ("current", "target", "why"),
    [
        (REVIEWED, State(REVIEW, R), "with a reason only"),
        (REVIEWED, State(REVIEW, ApplicationStatus.ON_HOLD), "no way to make"),
        (REVIEWED, State(ROLE_PLAY, A), "within an interview plan"),
        (REVIEWED, State(NOT_NOW, R, "why"), "within an interview plan"),
        (REVIEWED, State(ENDED, A), "does not ask for an end"),
        (REVIEWED, State(HIRED, A), "does not ask for an end"),
        (REJECTED, State(ENDED, A), "names none"),
        (REJECTED, State(None, A), "names none"),
        (REJECTED, State(HIRED, A), "does not ask for an end"),
        (REJECTED, State(SCREEN, R, "other"), "in the stage of its end"),
        (State(ROLE_PLAY, A), State(ROLE_PLAY, H), "shows no stage of type hired"),
        # The plan of a stage that has left it is not known, and there are two.
        (State(uuid(99), A), State(uuid(99), R, "why"), "shows no stage of type archived"),
    ],
)
def test_what_there_is_no_way_to(current: State, target: State, why: str) -> None:
    with pytest.raises(Unplannable, match=why):
        planned(current, target)


def test_the_plan_of_a_stage_that_has_left_it_is_the_jobs_only_one() -> None:
    one = Catalogue(None, tuple(s for s in catalogue().stages if s.pipeline == PLAN))
    here = State(uuid(99), A)
    (part,) = ADAPTER.plan_writes(here, State(uuid(99), R, "why"), one)
    assert part.target == REJECTED


def intent(action: Action, expected: State, target: State) -> Intent:
    ref = Ref("acme", Kind.APPLICATION, uuid(11))
    return Intent(intent_id="i", application=ref, action=action, expected=expected, target=target)


@pytest.mark.parametrize(
    ("action", "expected", "target", "name", "keys"),
    [
        (Action.MOVE, REVIEWED, SCREENED, "move", 2),
        (Action.REACTIVATE, REJECTED, SCREENED, "reopen", 2),
        (Action.HIRE, REVIEWED, State(HIRED, H), "hire", 2),
        (Action.REJECT, REVIEWED, State(ENDED, R, uuid(16)), "archive", 3),
        (Action.WITHDRAW, State(ENDED, R), State(ENDED, W, uuid(16)), "rearchive", 3),
    ],
)
def test_each_action_is_the_one_request(
    action: Action, expected: State, target: State, name: str, keys: int
) -> None:
    call = ADAPTER.write_status(intent(action, expected, target), None, catalogue())  # type: ignore[arg-type]
    assert (call.request.operation, call.request.method) == (name, "POST")
    assert call.request.url == "/application.changeStage"
    whole = {"applicationId": uuid(11), "interviewStageId": target.stage, "archiveReasonId": uuid(16)}
    assert call.request.body == dict(list(whole.items())[:keys])
    # The history is what tells of a change in between, and the answer has none.
    assert call.parse(answered({"success": True, "results": APPLICATION})) is None


def test_a_reason_that_is_no_id_is_not_rendered() -> None:
    wanted = intent(Action.REJECT, REVIEWED, State(ENDED, R, "Lacks skills"))
    with pytest.raises(GuardError):
        _ = ADAPTER.write_status(wanted, None, catalogue())  # type: ignore[arg-type]


def test_how_long_a_write_may_stay_hidden_is_a_setting() -> None:
    slow = evolve(ADAPTER, visible_within_seconds=5.0)
    assert slow.declared(intent(Action.MOVE, REVIEWED, SCREENED)).visible_within_seconds == 5.0


# -- web hooks --


def delivered(body: Any, *, key: str = "hush", scheme: str = "sha256") -> Any:
    content = json.dumps(body).encode()
    return ADAPTER.read_hook({"ashby-signature": f"{scheme}={seal(Secret(key), content)}"}, content)


def test_trap_16_three_deliveries_of_one_action_have_ids_of_their_own() -> None:
    body = {"webhookActionId": "w", "data": {"application": APPLICATION}}
    hints = [delivered({**body, "action": action}) for action in ("candidateHire", "applicationUpdate")]
    assert [h.delivery_id for h in hints] == ["w/candidateHire", "w/applicationUpdate"]
    assert all(h.refs == (ADAPTER.ref(Kind.APPLICATION, uuid(11)),) for h in hints)


@pytest.mark.parametrize(
    ("data", "refs"),
    [
        ({"candidate": {"id": "c"}}, [(Kind.CANDIDATE, "c")]),
        (
            {"deletedCandidate": {"id": "a"}, "mergedCandidate": {"id": "b"}},
            [(Kind.CANDIDATE, "a"), (Kind.CANDIDATE, "b")],
        ),
        ({"job": {"id": "j"}}, [(Kind.JOB, "j")]),
        ({"jobId": "j", "fromInterviewPlan": {"id": "p"}}, [(Kind.JOB, "j")]),
    ],
)
def test_what_a_delivery_hints_at(data: Any, refs: list[tuple[Kind, str]]) -> None:
    hint = delivered({"webhookActionId": "w", "action": "a", "data": data})
    assert isinstance(hint, HookHint) and [(r.kind, r.id) for r in hint.refs] == refs


def test_without_the_name_of_its_action_a_delivery_is_told_by_its_seal() -> None:
    bodies = [{"data": {"application": {"id": id}}} for id in ("a", "b")]
    first, again, other = (delivered(body).delivery_id for body in (bodies[0], bodies[0], bodies[1]))
    assert first == again != other and first == seal(Secret("hush"), json.dumps(bodies[0]).encode())


@pytest.mark.parametrize("id", ["../x", "a/b", "x?y#", "", "a" * 65, 7.5, ["a"]])
def test_an_id_that_no_path_carries_is_no_hint(id: Any) -> None:
    data = {"application": {"id": id}, "jobId": id}
    assert delivered({"webhookActionId": "w", "action": "a", "data": data}) == HookReply()


@pytest.mark.parametrize("content", [b"not json", b"[" * 100_000, b"\xff", b"[]", b"null", b'{"data": 1}'])
def test_what_is_sealed_and_says_nothing_is_nothing(content: bytes) -> None:
    headers = {"ashby-signature": f"sha256={seal(Secret('hush'), content)}"}
    assert ADAPTER.read_hook(headers, content) is None


@pytest.mark.parametrize("blank", ["", " "])
def test_a_blank_secret_is_refused_and_seals_nothing(blank: str) -> None:
    with pytest.raises(ConfigurationError, match="blank"):
        _ = evolve(ADAPTER, hook_secret=blank)
    content = b'{"data": {"application": {"id": "a"}}}'
    mark = hmac.new(blank.encode(), content, hashlib.sha256).hexdigest()
    open_ = evolve(ADAPTER, hook_secret=lambda: blank)
    assert open_.read_hook({"ashby-signature": f"sha256={mark}"}, content) is None


def test_a_ping_is_answered_and_hints_at_nothing() -> None:
    ping = {"action": "ping", "data": {"webhookActionType": "ping"}}
    assert delivered(ping) == HookReply()
    assert delivered(ping, key="other") is None and delivered(ping, scheme="sha1") is None
    assert delivered({"data": None}) is None and delivered([]) is None
    assert Ashby(connection="acme", api_key="k").read_hook({"ashby-signature": "sha256="}, b"{}") is None


# -- through a bridge --


@pytest.fixture
def account() -> Account:
    account = Account.open("ashby", applications=40)
    _ = account.bridge.pull()
    return account


def plan_of(account: Account, id: str) -> str:
    return str(account.simulator.account.plan_of(account.simulator.account["application"].rows[id]))  # type: ignore[attr-defined]


def active(account: Account) -> list[str]:
    truth = account.truth()
    return [id for id in sorted(truth) if truth[id].status == "active"]


def pushed(account: Account) -> Any:
    (receipt,) = account.bridge.push().receipts
    return receipt


def bodies(account: Account, method: str) -> list[dict[str, Any]]:
    return [json.loads(r.body) for r, _ in account.driver.requests if r.target == f"/{method}"]


def test_a_plan_whose_id_no_request_can_carry_stops_no_pull() -> None:
    account = Account.open("ashby", applications=12)

    def odd(request: SimRequest, respond: Any, _purpose: Purpose) -> SimResponse:
        answer: SimResponse = respond(request)
        if request.target != "/interviewPlan.list":
            return answer
        data = json.loads(answer.body)
        data["results"].append({**data["results"][0], "id": "plan/7"})
        return evolve(answer, body=json.dumps(data).encode())

    account.driver.meddle = odd
    report = account.bridge.pull()
    assert account.differences() == {} and report.quarantined == 1


SWITCHES: list[dict[str, Any]] = [
    {"keeps_archived_at": True},
    {"repeats_add_history": True},
    {"leaves_hired": False},
    {"anonymised_name": "Anonymized"},
    {"impossible_is_500": True},
    {"error_info": False},
    {"error_objects": True},
    {"incremental_pages": 1},
    {"sync_days": 0.02, "cursor_minutes": 0.2},
    {"sees_confidential": True},
]


@pytest.mark.parametrize("switch", SWITCHES, ids=str)
def test_it_holds_whatever_the_pages_leave_open(switch: dict[str, Any]) -> None:
    for seed in (1, 2):
        outcome = never_miss(
            lambda seed: Account.open("ashby", seed=seed, applications=130, **switch),
            seed=seed,
            weather=Weather(acts=50),
        )
        assert outcome.flawless, outcome
    account = Account.open("ashby", **switch)
    _ = account.bridge.pull()
    moved, ended, hired = active(account)[:3]
    # The answer to the first write of each is lost.
    account.driver.meddle = _losing(account)
    _ = account.ask(
        moved, stage=next(s for s in account.simulator.stages_for(moved) if s in steps(account, moved))
    )
    _ = account.ask(ended, status="rejected", reason=account.simulator.reasons("rejected")[0])
    _ = account.ask(hired, status="hired")
    for _ in range(6):
        _ = account.bridge.push()
        account.time.sleep(120)
    assert len(account.simulator.accepted) == 3
    assert {r.result for id in (moved, ended, hired) for r in account.crm.receipts_for(account.ref(id))} == {
        Result.APPLIED
    }
    assert account.differences() == {}


def _losing(account: Account) -> Any:
    seen: set[bytes] = set()

    def meddle(request: SimRequest, respond: Any, purpose: Purpose) -> SimResponse | None:
        answer: SimResponse = respond(request)
        if purpose is Purpose.WRITE and request.body not in seen:
            seen.add(request.body)
            return None
        return answer

    return meddle


def test_every_request_pins_the_version(account: Account) -> None:
    for request, _ in account.driver.requests:
        assert request.headers["accept"] == "application/json; version=1"
        assert request.headers["ashby-version"] == "2026-01-01"
        assert request.headers["content-type"] == "application/json"


def test_trap_5_drafts_archived_reasons_and_who_has_left_are_read(account: Account) -> None:
    found = account.bridge.configuration()
    assert JobStatus.DRAFT in {job.status for job in found.jobs.values()}
    assert False in {reason.active for reason in found.reasons.values()}
    assert account.crm.count(Kind.USER) == 6
    assert bodies(account, "user.list")[0]["includeDeactivated"] is True


def test_a_token_is_kept_and_sent_with_the_same_filters() -> None:
    account = Account.open("ashby", applications=230)
    _ = account.bridge.pull()
    first = bodies(account, "application.list")
    assert [sorted(b) for b in first] == [["limit"], ["cursor", "limit"], ["cursor", "limit"]]
    account.driver.requests.clear()
    _ = account.bridge.pull()
    (again,) = bodies(account, "application.list")
    assert sorted(again) == ["limit", "syncToken"] and len(again["syncToken"]) == 9
    (jobs,) = bodies(account, "job.list")
    assert jobs["status"] == ["Draft", "Open", "Closed", "Archived"] and "syncToken" in jobs


def test_trap_4_a_bulk_change_too_large_for_a_sync_is_read_in_full() -> None:
    account = Account.open("ashby", applications=150, incremental_pages=1)
    _ = account.bridge.pull()
    for id in active(account):
        account.simulator.move(id, account.simulator.stages_for(id)[-1])
    report = account.bridge.pull()
    assert report.restarts == 1 and account.differences() == {}


def test_trap_3_a_page_that_is_not_the_last_gives_no_watermark(account: Account) -> None:
    def meddle(request: SimRequest, respond: Any, purpose: Purpose) -> SimResponse:
        answer = respond(request)
        told = json.loads(answer.body)
        if "syncToken" in told and request.target == "/application.list":
            del told["syncToken"]
            return evolve(answer, body=json.dumps(told).encode())
        return answer

    account.driver.meddle = meddle
    with pytest.raises(BadPayload, match="no sync token"):
        _ = account.bridge.pull()


def test_trap_6_another_plan_for_a_job_moves_every_application_of_it(account: Account) -> None:
    id = active(account)[0]
    job, plan = account.truth()[id].job, plan_of(account, id)
    event = account.ask(
        id, stage=next(s for s in account.simulator.stages_for(id) if s in steps(account, id))
    )
    plans = account.simulator.account["interviewPlan"].rows  # type: ignore[attr-defined]
    account.simulator.switch_plan(job, next(p for p in plans if p != plan))  # type: ignore[attr-defined]
    receipt = pushed(account)
    assert (receipt.event_id, receipt.result) == (event, Result.CONFLICT)
    _ = account.bridge.pull()
    assert account.differences() == {} and account.simulator.accepted == []
    assert account.views()[id].confirmed_step is not None


def steps(account: Account, id: str) -> set[str]:
    """Stages of its plan that the mapping writes to."""
    plan = account.engine.plan(account.truth()[id].job).along(account.truth()[id].stage)
    return set(plan.writes.values())


def test_in_a_job_with_two_plans_each_application_stays_in_its_own(account: Account) -> None:
    jobs = account.bridge.configuration().jobs.values()
    job = next(j for j in jobs if len(j.pipelines) == 2)
    seen = set()
    for id in active(account):
        truth = account.truth()[id]
        if truth.job != job.ref.id or truth.stage is None:
            continue
        plan = plan_of(account, id)
        step = "Application Review" if account.views()[id].step != "Application Review" else "Offer"
        _ = account.change(id, step=step)
        assert pushed(account).result is Result.APPLIED
        assert plan_of(account, id) == plan and account.views()[id].confirmed_step == step
        seen.add(plan)
    assert seen == set(job.pipelines)


def test_trap_7_a_rejection_finds_the_archive_stage_under_whatever_title(account: Account) -> None:
    reason = account.simulator.reasons("rejected")[0]
    titles = set()
    for id in active(account)[:12]:
        _ = account.ask(id, status="rejected", reason=reason)
        assert pushed(account).result is Result.APPLIED
        titles.add(account.simulator.stage_name(str(account.truth()[id].stage)))
    assert titles == {"Archived", "Not now"} and account.differences() == {}


def test_out_of_the_archive_with_a_step(account: Account) -> None:
    id = next(id for id, t in sorted(account.truth().items()) if t.status == "rejected")
    stage = next(s for s in account.simulator.stages_for(id) if s in steps(account, id))
    _ = account.ask(id, stage=stage, status="active")
    assert pushed(account).result is Result.APPLIED
    assert (account.truth()[id].status, account.truth()[id].stage) == ("active", stage)


def test_another_reason_for_who_is_rejected(account: Account) -> None:
    id = next(id for id, t in sorted(account.truth().items()) if t.status == "rejected")
    reason = account.simulator.reasons("withdrawn")[0]
    _ = account.ask(id, status="withdrawn", reason=reason)
    receipt = pushed(account)
    assert (receipt.result, receipt.gap) == (Result.APPLIED, Gap.UNAUDITED)
    assert (account.truth()[id].status, account.truth()[id].reason) == ("withdrawn", reason)


@pytest.mark.parametrize("need", ["needsOffer", "needsOpening"])
def test_trap_13_a_hire_that_needs_more_is_refused_in_words(account: Account, need: str) -> None:
    id = active(account)[0]
    account.simulator.account["job"].rows[account.truth()[id].job][need] = uuid(1)  # type: ignore[attr-defined]
    _ = account.ask(id, status="hired")
    receipt = pushed(account)
    assert receipt.result is Result.REFUSED and "invalid_input" in receipt.why
    assert account.truth()[id].status == "active"


def test_a_change_in_the_gap_is_seen_in_the_history(account: Account) -> None:
    id = active(account)[0]
    here = account.truth()[id].stage
    there, other = [s for s in account.simulator.stages_for(id) if s in steps(account, id)][:2]

    def meddle(request: SimRequest, respond: Any, purpose: Purpose) -> SimResponse:
        if purpose is Purpose.WRITE:
            account.simulator.move(id, other)
        return respond(request)

    _ = account.ask(id, stage=there)
    account.driver.meddle = meddle
    receipt = pushed(account)
    assert (receipt.result, receipt.gap) == (Result.APPLIED_OVER_CHANGE, Gap.AUDITED)
    assert receipt.overwritten == (other,) and here != there


def test_trap_9_leads_can_be_left_out_and_come_in_when_they_apply(account: Account) -> None:
    leads = {id for id, t in account.truth().items() if _kind(account, t.stage) == "Lead"}
    assert leads <= set(account.views())
    mapping = {**account.mapping, "scope": {**account.mapping["scope"], "leads": False}}
    short = Account.open("ashby", applications=40).restarted(mapping=mapping)
    _ = short.bridge.pull()
    assert leads and set(short.views()) == set(short.truth()) - leads
    id = sorted(leads)[0]
    review = next(s for s in short.simulator.stages_for(id) if _kind(short, s) == "PreInterviewScreen")
    short.simulator.move(id, review)
    _ = short.bridge.pull()
    assert short.mirror()[id] == (review, "active")
    # A lead again: what the CRM holds is kept up to date.
    back = next(s for s in short.simulator.stages_for(id) if _kind(short, s) == "Lead")
    short.simulator.move(id, back)
    _ = short.bridge.pull()
    assert short.mirror()[id] == (back, "active")


def _kind(account: Account, stage: str | None) -> str:
    return str(account.simulator.account["interviewStage"].rows[stage]["type"])  # type: ignore[attr-defined]


def test_trap_10_a_job_that_becomes_confidential_is_gone_to_a_sweep(account: Account) -> None:
    id = active(account)[0]
    job = account.truth()[id].job
    hidden = {i for i, t in account.truth().items() if t.job == job}
    account.simulator.hide_job(id)  # type: ignore[attr-defined]
    _ = account.bridge.pull()
    assert hidden <= set(account.views())
    _ = account.bridge.sweep(limit=1.0)
    assert not hidden & set(account.views()) and len(account.views()) == 40 - len(hidden)


def test_a_deleted_candidate_is_found_by_a_sweep_and_an_anonymised_one_by_a_pull(account: Account) -> None:
    first, second = [id for id, t in sorted(account.truth().items()) if t.status == "rejected"][:2]
    gone, blank = (account.views()[id].candidate for id in (first, second))
    assert gone is not None and blank is not None
    account.simulator.delete(first)
    account.simulator.anonymise(second)
    _ = account.bridge.pull()
    assert first in account.views()
    assert account.crm.candidate(blank).deleted and not account.crm.candidate(gone).deleted
    _ = account.bridge.sweep()
    assert first not in account.views() and second in account.views()
    assert account.crm.candidate(gone).deleted


def blanked(account: Account) -> set[Ref]:
    people = {v.candidate for v in account.views().values() if v.candidate is not None}
    return {ref for ref in people if account.crm.candidate(ref).deleted}


def test_whom_the_key_may_not_see_any_more_is_not_anonymised(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for setting in ("", "Anonymized"):
        for data in ({}, {"phoneNumbers": [{"value": "+1"}]}):
            with pytest.raises(BadRecord, match="not shown"):
                _ = read_candidate("acme", AT, {"id": uuid(1), **data}, anonymised_name=setting)
    truly = next(id for id, t in sorted(account.truth().items()) if t.status == "rejected")
    account.simulator.anonymise(truly)
    answer, people = account.simulator.respond, len(account.views())
    lost = {"name", "primaryEmailAddress", "emailAddresses", "primaryPhoneNumber", "phoneNumbers"}

    def respond(request: SimRequest) -> SimResponse:
        response = answer(request)
        if response.status != 200 or not request.target.endswith("/candidate.list"):
            return response
        data = json.loads(response.body)
        rows = [{key: row[key] for key in row.keys() - lost} for row in data["results"]]
        return evolve(response, body=json.dumps({**data, "results": rows}).encode())

    monkeypatch.setattr(account.simulator, "respond", respond, raising=False)
    account.time.sleep(3600)
    for full in (False, True):
        report = account.bridge.pull(full=full)
        assert report.deleted == 0 and report.quarantined > 0
        assert not blanked(account)
    assert len(account.views()) == people
    monkeypatch.setattr(account.simulator, "respond", answer, raising=False)
    _ = account.bridge.pull(full=True)
    assert blanked(account) == {account.views()[truly].candidate}
    assert account.bridge.status().quarantined == 0


def test_who_may_not_show_a_scope_is_told_what_to_ask_for(account: Account) -> None:
    def write() -> Any:
        return next(f for f in account.bridge.check().access if f.needed_for == "write")

    assert write().proof is Proof.PROVED
    account.simulator.revoke("candidatesWrite")
    assert write().proof is Proof.MISSING and "Candidates: write" in write().ask
    account.simulator.revoke("apiKeysRead")
    assert write().proof is Proof.UNPROVEN and "API keys: read" in write().ask


def changing(account: Account, change: Any) -> Any:
    """Answers with their body changed by `change(request, body)`."""

    def meddle(request: SimRequest, respond: Any, purpose: Purpose) -> SimResponse:
        answer = respond(request)
        told = json.loads(answer.body)
        change(request, told)
        return evolve(answer, body=json.dumps(told).encode())

    return meddle


def test_without_a_time_of_change_another_reason_has_no_signal(account: Account) -> None:
    id = active(account)[0]
    assert account.fresh(id).signals["rearchive"] == account.fresh(id).application.token

    def timeless(request: SimRequest, told: Any) -> None:
        if request.target == "/application.info":
            told["results"]["updatedAt"] = None

    account.driver.meddle = changing(account, timeless)
    fresh = account.fresh(id)
    assert "rearchive" not in fresh.signals and set(fresh.signals) == {"move", "hire", "archive", "reopen"}


@pytest.mark.parametrize("path", ["/archiveReason.list", "/interviewStage.list"])
def test_a_list_without_pages_that_has_more_is_not_believed(path: str) -> None:
    account = Account.open("ashby", applications=5)

    def more(request: SimRequest, told: Any) -> None:
        if request.target == path:
            told["moreDataAvailable"] = True

    account.driver.meddle = changing(account, more)
    with pytest.raises(BadPayload, match="has more than it shows"):
        _ = account.bridge.pull()


def test_a_fresh_read_without_its_history_is_not_believed(account: Account) -> None:
    id = active(account)[0]
    account.driver.meddle = changing(account, lambda _, told: told["results"].pop("applicationHistory"))
    with pytest.raises(BadRecord, match="applicationHistory"):
        _ = account.fresh(id)


def test_an_entry_of_the_history_that_tells_no_stage_leaves_nothing_to_count(account: Account) -> None:
    id = active(account)[0]
    whole = account.fresh(id)
    assert isinstance(whole, Fresh) and "move" in whole.signals

    def change(asked: SimRequest, told: Any) -> None:
        if asked.target == "/application.info":
            told["results"]["applicationHistory"][0]["stageId"] = None

    account.driver.meddle = changing(account, change)
    part = account.fresh(id)
    assert isinstance(part, Fresh) and "move" not in part.signals
