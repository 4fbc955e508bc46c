"""The SuccessFactors adapter: its readers, plans and answers, and the API's traps seen through a bridge."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from attrs import evolve

from atsbridge.ats.interface import Catalogue, Fresh, Gone, HookHint, HookReply, Proof, Unplannable
from atsbridge.ats.successfactors import (
    VENDOR,
    SuccessFactors,
    read_application,
    read_candidate,
    read_job,
    read_stage,
)
from atsbridge.errors import (
    BadPayload,
    BadRecord,
    ConfigurationError,
    Doubtful,
    Forbidden,
    GuardError,
    NotFound,
    Refused,
    Throttled,
    TooManyGone,
    Unauthorized,
    Unavailable,
)
from atsbridge.model import (
    Action,
    Answer,
    ApplicationStatus,
    Gap,
    Intent,
    JobStatus,
    Kind,
    Ref,
    Result,
    StageKind,
    State,
    TeamRole,
    TombstoneKind,
)
from atsbridge.simulators.interface import SimRequest, SimResponse
from atsbridge.testing.account import Account
from atsbridge.testing.histories import Weather, never_miss
from atsbridge.wire.answers import judge
from atsbridge.wire.effects import Purpose, Request, Response
from atsbridge.wire.guard import Guard, Permits
from atsbridge.wire.vendor import Resend, Signal

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
GIVEN: dict[str, Any] = {
    "connection": "acme", "api_host": "api4.successfactors.com", "company_id": "acme", "user_id": "u",
    "api_key": "key", "private_key": "pem", "hook_password": "hush",
}  # fmt: skip
ADAPTER = SuccessFactors(**GIVEN)
A, R, W, H, U = (
    ApplicationStatus.ACTIVE,
    ApplicationStatus.REJECTED,
    ApplicationStatus.WITHDRAWN,
    ApplicationStatus.HIRED,
    ApplicationStatus.UNKNOWN,
)
READ = Request(operation="list_JobApplication", method="GET", url="/JobApplication")
ONE = Request(operation="get_JobApplication", method="GET", url="/JobApplication(741L)")

APPLICATION: dict[str, Any] = {
    "applicationId": "741",
    "candidateId": "4148",
    "jobReqId": "2447",
    "appStatusSetItemId": "10",
    "status": "Open",
    "applicationDate": "/Date(1761000000000+0000)/",
    "lastModifiedDateTime": "/Date(1763700000000+0000)/",
    "hiredOn": None,
    "source": "Corporate: External",
    "anonymizedFlag": "N",
    "jobAppStatus": {"appStatusId": "10", "appStatusSetId": "21", "appStatusName": "Interview One"},
}


def application(**changes: Any) -> Any:
    (read,) = read_application("acme", AT, {**APPLICATION, **changes})
    return read


# -- readers --


@pytest.mark.parametrize(
    ("word", "hired_on", "means"),
    [
        ("Open", None, A),
        ("Non Applied", None, A),
        ("Disqualified", None, R),
        ("Closed", None, R),
        ("Withdraw", None, W),
        ("Open", "/Date(1763700000000+0000)/", H),
        ("Closed", "/Date(1763700000000+0000)/", H),
        ("Paused", None, U),
        ("0", None, U),
        (None, None, U),
    ],
)
def test_how_an_application_stands(word: Any, hired_on: Any, means: ApplicationStatus) -> None:
    read = application(status=word, hiredOn=hired_on)
    assert (read.status, read.vendor_status) == (means, word)
    assert (read.hired_at is not None) is (means is H)


def test_an_application() -> None:
    read = application()
    assert (read.ref.id, read.candidate.id, read.job.id) == ("741", "4148", "2447")
    assert (read.stage.id, read.stage_name, read.source.name) == (
        "10",
        "Interview One",
        "Corporate: External",
    )
    assert read.updated_at == datetime(2025, 11, 21, 4, 40, tzinfo=UTC)
    bare = application(appStatusSetItemId=None, jobAppStatus=None, source=None, lastModifiedDateTime="soon")
    assert (bare.stage, bare.stage_name, bare.source, bare.updated_at) == (None, None, None, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"applicationId": None},
        {"applicationId": "x1"},
        {"candidateId": "1) or (1"},
        {"jobReqId": None},
        {"status": "Saved"},
        {"status": "Draft Application"},
        {"appStatusSetItemId": "352"},
    ],
)
def test_what_is_no_application_is_not_read(changes: dict[str, Any]) -> None:
    with pytest.raises(BadRecord):
        application(**changes)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("/Date(1540209107000+0000)/", datetime(2018, 10, 22, 11, 51, 47, tzinfo=UTC)),
        ("/Date(1540209107000)/", datetime(2018, 10, 22, 11, 51, 47, tzinfo=UTC)),
        ("/Date(-1000+0000)/", datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("/Date(9999999999999999)/", None),
        ("/Date(x)/", None),
        (1540209107000, None),
        ("2018-10-22T11:51:47Z", None),
    ],
)
def test_times_are_milliseconds_in_a_text(text: Any, moment: Any) -> None:
    assert application(lastModifiedDateTime=text).updated_at == moment


@pytest.mark.parametrize(
    ("name", "kind", "writable"),
    [
        ("Forwarded", StageKind.LEAD, Answer.NO),
        ("Invited To Apply", StageKind.LEAD, Answer.NO),
        ("Default", StageKind.APPLIED, Answer.NO),
        ("Auto Disqualified", StageKind.REJECTED, Answer.NO),
        ("Withdrawn By Candidate", StageKind.WITHDRAWN, Answer.NO),
        ("Requisition Closed", StageKind.ARCHIVED, Answer.NO),
        ("Hired On Other Requisition", StageKind.ARCHIVED, Answer.NO),
        ("Declined DPCS", StageKind.WITHDRAWN, Answer.NO),
        ("Deleted On Demand By Candidate", StageKind.WITHDRAWN, Answer.NO),
        ("Deleted On Demand By Admin", StageKind.ARCHIVED, Answer.NO),
        ("Hired", StageKind.UNMAPPED, Answer.UNKNOWN),
        ("Interview One", StageKind.UNMAPPED, Answer.UNKNOWN),
    ],
)
def test_what_a_status_is_for(name: str, kind: StageKind, writable: Answer) -> None:
    data = {"appStatusId": "10", "appStatusSetId": "21", "appStatusName": name}
    (stage,) = read_stage("acme", AT, data)
    assert (stage.ref.id, stage.pipeline, stage.name) == ("10", "21", name)
    assert (stage.kind, stage.writable) == (kind, writable)
    with pytest.raises(BadRecord):
        read_stage("acme", AT, {**data, "appStatusSetId": None})


REQUISITION: dict[str, Any] = {
    "jobReqId": "2447",
    "internalStatus": "Approved",
    "statusSetId": "21",
    "deleted": "Not Deleted",
    "isDraft": False,
    "jobCode": "J1",
    "defaultLanguage": "en_US",
    "createdDateTime": "/Date(1757500000000+0000)/",
    "lastModifiedDateTime": "/Date(1763600000000+0000)/",
    "jobReqLocale": {
        "results": [
            {"locale": "de_DE", "jobTitle": "Dateningenieur"},
            {"locale": "en_US", "jobTitle": "Internal", "externalTitle": "Data Engineer",
             "externalJobDescription": "<p>x</p>"},
        ]
    },
    "recruiter": {"results": [{"usersSysId": "rquill", "firstName": "Rosa", "lastName": "Quill",
                               "email": "rosa@example.com"}, {"firstName": "Nobody"}]},
    "hiringManager": {"__deferred": {"uri": "x"}},
}  # fmt: skip


def requisition(**changes: Any) -> Any:
    (job,) = read_job("acme", AT, {**REQUISITION, **changes})
    return job


def test_a_requisition() -> None:
    job = requisition()
    assert (job.title, job.description_html, job.code) == ("Data Engineer", "<p>x</p>", "J1")
    assert (job.status, job.vendor_status, job.pipelines) == (JobStatus.OPEN, "Approved", ("21",))
    ((id, role, name, email),) = ((m.user_id, m.role, m.name, m.email) for m in job.hiring_team)
    assert (id, role, name, email) == ("rquill", TeamRole.RECRUITER, "Rosa Quill", "rosa@example.com")
    assert requisition(defaultLanguage="fr_FR").title == "Dateningenieur"
    assert requisition(jobReqLocale=None).title is None
    with pytest.raises(BadRecord):
        requisition(statusSetId=None)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"internalStatus": "1"}, JobStatus.OPEN),
        ({"internalStatus": "0"}, JobStatus.DRAFT),
        ({"internalStatus": "Pre-Approved"}, JobStatus.DRAFT),
        ({"internalStatus": "2"}, JobStatus.CLOSED),
        ({"internalStatus": "Closed"}, JobStatus.CLOSED),
        ({"internalStatus": "Frozen"}, JobStatus.UNKNOWN),
        ({"isDraft": True}, JobStatus.DRAFT),
    ],
)
def test_trap_4_a_requisitions_state_is_a_number_or_a_text(changes: Any, status: JobStatus) -> None:
    assert requisition(**changes).status is status


def test_a_deleted_requisition_carries_a_flag() -> None:
    assert requisition(deleted="Deleted").deleted.kind is TombstoneKind.DELETED
    (other,) = read_job("acme", AT, {**REQUISITION, "deleted": "Y"}, deleted_reads="Y")
    assert other.deleted is not None and requisition(deleted="Y").deleted is None


CANDIDATE: dict[str, Any] = {
    "candidateId": "4148", "primaryEmail": "amara@example.com", "contactEmail": "a.osei@example.com",
    "firstName": "Amara", "middleName": None, "lastName": "Osei", "cellPhone": "+44 1", "homePhone": "+44 2",
    "city": "Leeds", "zip": "LS1", "country": "United Kingdom", "currentCompany": "Acme",
    "currentTitle": "Nurse", "anonymized": None, "anonymizedDateTime": None,
}  # fmt: skip


def test_a_candidate() -> None:
    (person,) = read_candidate("acme", AT, CANDIDATE)
    assert [(e.value, e.primary) for e in person.emails] == [
        ("amara@example.com", True), ("a.osei@example.com", False),
    ]  # fmt: skip
    assert [(p.value, p.type) for p in person.phones] == [("+44 1", "mobile"), ("+44 2", "home")]
    assert (person.display_name, person.locations[0].city, person.company) == ("Amara Osei", "Leeds", "Acme")
    (same,) = read_candidate("acme", AT, {**CANDIDATE, "contactEmail": "amara@example.com"})
    assert len(same.emails) == 1
    (bare,) = read_candidate("acme", AT, {"candidateId": "1"})
    assert (bare.emails, bare.phones, bare.locations, bare.display_name) == ((), (), (), None)


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({"anonymized": "Y"}, True),
        ({"anonymized": "true"}, True),
        ({"anonymizedDateTime": "/Date(1763700000000+0000)/"}, True),
        ({"anonymized": "N"}, False),
        ({"anonymized": ""}, False),
    ],
)
def test_an_anonymised_candidate(changes: Any, gone: bool) -> None:
    (person,) = read_candidate("acme", AT, {**CANDIDATE, **changes})
    assert (person.deleted is not None) is gone
    assert not gone or (person.deleted.kind, person.display_name) == (TombstoneKind.ANONYMISED, None)


# -- answers --


def answered(body: Any, status: int = 200, **headers: str) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"content-type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
    return Response(status=status, headers=named, body=content, sent_at=AT)


def meaning(response: Response, asked: Request = READ) -> None:
    judge(asked, response, vendor="successfactors", rules=VENDOR.answers, complaints=VENDOR.complaints)


def error(code: str, words: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": {"lang": "en-US", "value": words}}}


@pytest.mark.parametrize(
    ("number", "status", "means"),
    [
        ("LGN0001", 404, Forbidden),
        ("LGN0002", 403, Forbidden),
        ("LGN0003", 403, Unauthorized),
        ("LGN0004", 403, Forbidden),
        ("LGN0005", 403, Unauthorized),
        ("LGN0006", 403, Unauthorized),
        ("LGN0007", 403, Unauthorized),
        ("LGN0008", 403, Forbidden),
        ("LGN0009", 403, Forbidden),
        ("LGN0010", 403, Forbidden),
        ("LGN0022", 401, Unauthorized),
        ("LGN0022", 403, Unauthorized),
        ("LGN9999", 401, Unauthorized),
        ("LGN9999", 403, Forbidden),
        ("COE0007", 400, Refused),
        ("COE0021", 400, Refused),
        ("COE0019", 400, Refused),
        ("COE0011", 404, NotFound),
    ],
)
def test_trap_15_the_number_in_brackets_decides_and_not_the_status(
    number: str, status: int, means: type
) -> None:
    with pytest.raises(means) as seen:
        meaning(answered(error("SOME_NAME", f"[{number}]the access token is expired"), status))
    assert type(seen.value) is means


GENERATING = error("", "OData metadata is being generated for the same instance in another thread")


@pytest.mark.parametrize(
    ("body", "status", "means"),
    [
        (GENERATING, 500, Unavailable),
        (b"The suite is currently under scheduled maintenance.", 503, Unavailable),
        (b"<html>gone</html>", 404, BadPayload),
        (b"{}", 404, BadPayload),
        (error("NotFound", "no such entity"), 404, NotFound),
        (b"slow down", 429, Throttled),
        (b"", 401, Unauthorized),
        (b"", 403, Forbidden),
        (b"<html>Sign in</html>", 403, Forbidden),
    ],
)  # fmt: skip
def test_what_other_answers_mean(body: Any, status: int, means: type) -> None:
    with pytest.raises(means) as seen:
        meaning(answered(body, status, retry_after="300"), ONE)
    assert type(seen.value) is means


def test_words_of_the_vendors_are_told_without_people() -> None:
    with pytest.raises(Refused) as seen:
        meaning(answered(error("COE_PROPERTY_NOT_FOUND", "[COE0021]Invalid property names: Amara Osei"), 400))
    assert "COE_PROPERTY_NOT_FOUND: Invalid property names" in str(seen.value)
    assert "Amara" not in str(seen.value)


# -- upserts --

SET, STRANGE = "21", "521"


def stage(id: str, kind: StageKind, *, set: str = SET, writable: Answer = Answer.UNKNOWN) -> Any:
    name = {"appStatusId": id, "appStatusSetId": set, "appStatusName": f"S{id}"}
    (read,) = read_stage("acme", AT, name)
    return evolve(read, kind=kind, writable=writable)


CATALOGUE = Catalogue(
    job=Ref("acme", Kind.JOB, "2447"),
    stages=(
        stage("3", StageKind.APPLIED, writable=Answer.NO),
        stage("4", StageKind.REJECTED, writable=Answer.NO),
        stage("5", StageKind.ARCHIVED, writable=Answer.NO),
        stage("10", StageKind.INTERVIEW),
        stage("11", StageKind.INTERVIEW),
        stage("12", StageKind.HIRED),
        stage("13", StageKind.REJECTED),
        stage("14", StageKind.WITHDRAWN),
        stage("15", StageKind.WITHDRAWN),
        stage("16", StageKind.UNMAPPED),
    ),
)


def plan(current: State, target: State) -> list[tuple[Action, str | None, ApplicationStatus]]:
    chain = ADAPTER.plan_writes(current, target, CATALOGUE)
    assert chain[0].expected == current
    for before, after in pairwise(chain):
        assert before.target == after.expected
    return [(p.action, p.target.stage, p.target.status) for p in chain]


@pytest.mark.parametrize(
    ("current", "target", "chain"),
    [
        (State("10", A), State("11", A), [(Action.MOVE, "11", A)]),
        (State("10", A), State("10", A), [(Action.MOVE, "10", A)]),
        (State("10", A), State(None, R), [(Action.REJECT, "13", R)]),
        (State("10", A), State("10", R), [(Action.REJECT, "13", R)]),
        (State("10", A), State("13", R), [(Action.REJECT, "13", R)]),
        (State("10", A), State("14", W), [(Action.WITHDRAW, "14", W)]),
        (State("10", A), State(None, H), [(Action.HIRE, "12", H)]),
        (State("10", A), State("11", R), [(Action.MOVE, "11", A), (Action.REJECT, "13", R)]),
        (State("13", R), State("10", A), [(Action.REACTIVATE, "10", A)]),
        (State("13", R), State("14", W), [(Action.WITHDRAW, "14", W)]),
        (State("4", R), State("13", R), [(Action.REJECT, "13", R)]),
        (State("10", U), State("11", A), [(Action.REACTIVATE, "11", A)]),
    ],
)
def test_what_is_planned(current: State, target: State, chain: Any) -> None:
    assert plan(current, target) == chain


@pytest.mark.parametrize(
    ("current", "target", "why"),
    [
        (State("10", A), State(None, W), "has not one status that ends so but 2"),
        (State("13", R), State(None, A), "names none"),
        (State("10", A), State("13", A), "means another"),
        (State("10", A), State("16", A), "has to say what it is for"),
        (State("10", A), State("5", R), "has to say what it is for"),
        (State("10", A), State("99", A), "not in it"),
        (State("10", A), State("99", R), "not in it"),
        (State("13", R), State("10", R), "keeps an application that has ended"),
        (State("10", A), State("10", ApplicationStatus.ON_HOLD), "has no way to make"),
        (State("4", R), State(None, ApplicationStatus.CONVERTED), "has no way to make"),
    ],
)
def test_what_there_is_no_way_to(current: State, target: State, why: str) -> None:
    with pytest.raises(Unplannable, match=why):
        plan(current, target)


def intent(action: Action, target: State, expected: State = State("10", A)) -> Intent:  # noqa: B008
    return Intent(
        intent_id="i", application=Ref("acme", Kind.APPLICATION, "741"), action=action, expected=expected,
        target=target, acting_user=None,
    )  # fmt: skip


def written(made: Intent, catalogue: Catalogue = CATALOGUE) -> Request:
    return ADAPTER.write_status(made, Fresh(application=application()), catalogue).request


@pytest.mark.parametrize(
    ("action", "target", "name"),
    [
        (Action.MOVE, State("11", A), "move"),
        (Action.REJECT, State("13", R), "end"),
        (Action.WITHDRAW, State("14", W), "end"),
        (Action.HIRE, State("12", H), "hire"),
        (Action.REACTIVATE, State("11", A), "reopen"),
    ],
)
def test_each_action_is_the_one_request(action: Action, target: State, name: str) -> None:
    made = written(intent(action, target))
    assert (made.operation, made.method, made.url, made.query) == (name, "POST", "/upsert", ())
    assert made.body == {
        "__metadata": {"uri": "JobApplication(741L)", "type": "SFOData.JobApplication"},
        "appStatusSetItemId": target.stage,
    }


def test_trap_2_an_id_of_another_set_is_never_rendered() -> None:
    strange = evolve(CATALOGUE, stages=(*CATALOGUE.stages, stage("597", StageKind.INTERVIEW, set=STRANGE)))
    for wanted, catalogue in (("597", CATALOGUE), ("597", strange), ("99", strange)):
        with pytest.raises(Unplannable, match="not in it"):
            _ = written(intent(Action.MOVE, State(wanted, A)), catalogue)
        with pytest.raises(Unplannable, match="not in it"):
            ADAPTER.plan_writes(State("10", A), State(wanted, A), catalogue)


def test_an_application_that_is_no_number_is_not_rendered() -> None:
    made = evolve(intent(Action.MOVE, State("11", A)), application=Ref("acme", Kind.APPLICATION, "7L)/x(1"))
    with pytest.raises(GuardError):
        _ = written(made)


def result(**changes: Any) -> Any:
    fine = {
        "key": "JobApplication/applicationId=741", "status": "OK", "editStatus": "UPSERTED", "message": None,
        "index": 0, "httpCode": 200, "inlineResults": None,
    }  # fmt: skip
    return {"d": [{**fine, **changes}]}


FAILED = {"key": None, "status": "ERROR", "editStatus": None}
MOVE = written(intent(Action.MOVE, State("11", A)))


@pytest.mark.parametrize(
    ("body", "means"),
    [
        (result(**FAILED, httpCode=500, message="You are not allowed to change the status."), Refused),
        (result(**FAILED, httpCode=400, message="Required fields are missing: candidateId."), Refused),
        (result(**FAILED, httpCode=403, message=None), Refused),
        (result(**FAILED, httpCode=500, message="Something went wrong"), Doubtful),
        (result(**FAILED, httpCode=None), Doubtful),
        (result(editStatus="INSERTED"), Doubtful),
        (result(editStatus="ACCEPTED"), Doubtful),
        (result(editStatus=None), Doubtful),
        (result(httpCode=202), Doubtful),
        (result(status="FINE"), Doubtful),
        (result(key="JobApplication/applicationId=7411"), Doubtful),
        (result(key=None), Doubtful),
        ({"d": []}, BadPayload),
        ({"d": [*result()["d"], *result()["d"]]}, BadPayload),
        ({"d": {"results": []}}, BadPayload),
        ({}, BadPayload),
        ([], BadPayload),
        (b"<feed/>", BadPayload),
    ],
)
def test_trap_1_an_upsert_is_what_its_result_says(body: Any, means: type) -> None:
    with pytest.raises(means) as seen:
        meaning(answered(body), MOVE)
    assert type(seen.value) is means


@pytest.mark.parametrize("edit", ["UPSERTED", "UPDATED"])
def test_an_upsert_that_was_done(edit: str) -> None:
    meaning(answered(result(editStatus=edit)), MOVE)


def test_an_upsert_may_also_fail_as_a_whole() -> None:
    with pytest.raises(Forbidden):
        meaning(answered(error("COE_UPSERT_FORBIDDEN", "[COE0020]no permission"), 403), MOVE)
    with pytest.raises(Refused):
        meaning(answered(error("COE_PROPERTY_NOT_FOUND", "[COE0021]Invalid"), 400), MOVE)


def test_the_settings_decide_what_may_be_claimed() -> None:
    made = intent(Action.MOVE, State("11", A))
    slow = SuccessFactors(**GIVEN, visible_within_seconds=30.0).declared(made)
    assert (slow.visible_within_seconds, slow.signal, slow.resend) == (
        30.0, Signal.COUNT, Resend.AFTER_SETTLE,
    )  # fmt: skip
    blind = SuccessFactors(**GIVEN, audit_trail=False).declared(made)
    assert (blind.signal, blind.resend) == (Signal.NONE, Resend.NEVER)


# -- hosts and tokens --


@pytest.mark.parametrize(
    ("host", "good"),
    [
        ("api4.successfactors.com", True),
        ("api012.successfactors.eu", True),
        ("api55.sapsf.eu", True),
        ("apisalesdemo4.successfactors.com", True),
        ("api-in10.sapsf.com", True),
        ("performancemanager4.successfactors.com", False),
        ("api4.successfactors.com.evil.example", False),
        ("api4.evil.example", False),
        ("api4.successfactors.com:8443", False),
        ("user@api4.successfactors.com", False),
        ("api4.successfactors.com/x", False),
        ("127.0.0.1", False),
        ("", False),
    ],
)
def test_the_host_is_one_of_saps_api_servers(host: str, good: bool) -> None:
    made = SuccessFactors(**{**GIVEN, "api_host": host})
    if good:
        assert Guard(vendor=VENDOR, base=made.host, scheme=made.auth(), permits=Permits()).slots
        return
    with pytest.raises(GuardError):
        _ = Guard(vendor=VENDOR, base=made.host, scheme=made.auth())


def test_a_token_is_asked_for_at_the_tenants_own_host_alone() -> None:
    account = Account.open("successfactors", applications=3)
    guard = account.driver.guard
    asked = guard.scheme.token_request_at(None, AT)
    assert asked is not None and guard.admit(asked, None) == "https://api4.successfactors.com/oauth/token"
    with pytest.raises(GuardError):
        _ = guard.admit(evolve(asked, url="https://api8.successfactors.com/oauth/token"), None)


@pytest.mark.parametrize("kind, name", [("email", "sfapi@example.com"), ("username", "sfapi@example.com")])
def test_the_api_user_may_be_named_otherwise(kind: str, name: str) -> None:
    account = Account.open("successfactors", applications=3)
    other = evolve(account.ats, user_id=name, name_id_is=kind)  # type: ignore[type-var]
    account.restarted(ats=other).bridge.pull()
    assert account.differences() == {}
    with pytest.raises(Unauthorized):
        account.restarted(ats=evolve(other, name_id_is="user_id")).bridge.pull()
    with pytest.raises(ConfigurationError, match="name_id_is is one of"):
        _ = evolve(other, name_id_is="nickname")


def test_another_issuer_may_be_agreed() -> None:
    account = Account.open("successfactors", applications=3)
    other = evolve(account.ats, issuer="www.successfactors.com")  # type: ignore[type-var]
    account.restarted(ats=other).bridge.pull()
    assert account.differences() == {}


@pytest.mark.parametrize("status", [401, 403])
def test_trap_15_an_expired_token_is_renewed_whatever_its_status(status: int) -> None:
    account = Account.open("successfactors", applications=6, expired_status=status)
    _ = account.bridge.pull()
    assert account.simulator.expire_tokens()
    _ = account.bridge.pull()
    forms = [r.body for r, _ in account.driver.requests if r.target == "/oauth/token"]
    assert [b"new_token=true" in form for form in forms] == [False, True]
    assert account.differences() == {}


# -- web hooks --


def delivery(body: Any, *, password: str = "hush", user: str = "atsbridge") -> Any:
    credential = base64.b64encode(f"{user}:{password}".encode()).decode()
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ADAPTER.read_hook({"authorization": f"Basic {credential}"}, content)


def test_a_delivery_is_a_hint() -> None:
    about = {"application_id": 4541, "job_application_status_id": 352, "candidate_id": 4148}
    hint = delivery({"job_application": about})
    assert isinstance(hint, HookHint)
    assert [(r.kind, r.id) for r in hint.refs] == [(Kind.APPLICATION, "4541"), (Kind.CANDIDATE, "4148")]
    assert isinstance(delivery({"job_application": {}}), HookReply)
    assert delivery({"other": 1}) is None and delivery([]) is None


def test_nothing_tells_one_delivery_from_the_next() -> None:
    """There, back and there again sends one body twice: who passed over the second would miss it."""
    hint = delivery({"job_application": {"application_id": 1}})
    assert isinstance(hint, HookHint) and hint.delivery_id == ""


@pytest.mark.parametrize("id", ["../../x?y#", "a", "", "1/2", 1.5, True, [1], "9" * 40])
def test_an_id_that_no_key_has_is_no_hint(id: Any) -> None:
    assert isinstance(delivery({"job_application": {"application_id": id, "candidate_id": id}}), HookReply)


@pytest.mark.parametrize(
    "content", [b"not json", b"[" * 100_000, b"\xff", b"null", b'{"job_application": 1}']
)
def test_what_is_logged_in_and_says_nothing_is_nothing(content: bytes) -> None:
    assert delivery(content) is None


def test_an_empty_password_is_none() -> None:
    with pytest.raises(ConfigurationError, match="is blank"):
        _ = SuccessFactors(**{**GIVEN, "hook_password": ""})


def test_a_delivery_that_is_not_logged_in_is_nothing() -> None:
    body = {"job_application": {"application_id": 1}}
    assert delivery(body, password="other") is None and delivery(body, user="other") is None
    assert ADAPTER.read_hook({}, json.dumps(body).encode()) is None
    assert ADAPTER.read_hook({"authorization": "Basic \u2603"}, b"{}") is None
    open_ = SuccessFactors(**{**GIVEN, "hook_password": None})
    empty = base64.b64encode(b"atsbridge:").decode()
    assert open_.read_hook({"authorization": f"Basic {empty}"}, json.dumps(body).encode()) is None


# -- through a bridge --


@pytest.fixture
def account() -> Account:
    account = Account.open("successfactors", applications=40)
    _ = account.bridge.pull()
    return account


def sim(account: Account) -> Any:
    return account.simulator


def active(account: Account) -> list[str]:
    truth = account.truth()
    return [id for id in sorted(truth) if truth[id].status == "active"]


def pushed(account: Account) -> Any:
    for _ in range(8):
        receipts = account.bridge.push().receipts
        if receipts:
            (receipt,) = receipts
            return receipt
        account.time.sleep(30)
    raise AssertionError("nothing came of it")


def own(account: Account, id: str, meant: str) -> list[str]:
    """The items of the application's own set that are meant for something."""
    row = sim(account).account["JobApplication"][int(id)]
    return [str(sim(account).account.item(s)) for s in sim(account)._own(row, meant)]


def asked(account: Account, path: str) -> list[str]:
    return [r.target for r, _ in account.driver.requests if r.target.startswith(f"/odata/v2/{path}?")]


SWITCHES: list[dict[str, Any]] = [
    {"moves_bump": False},
    {"repeats_add_history": True},
    {"hired_reads": "Closed"},
    {"closed_writes": True},
    {"comments_writable": False},
    {"text_states": False},
    {"expired_status": 403},
    {"hook_minutes": 15.0},
    {"url_limit": 1500},
]


@pytest.mark.parametrize("switch", SWITCHES, ids=str)
def test_it_holds_whatever_the_pages_leave_open(switch: dict[str, Any]) -> None:
    for seed in (1, 2):
        outcome = never_miss(
            lambda seed: Account.open("successfactors", seed=seed, **switch),
            seed=seed,
            weather=Weather(acts=50),
        )
        assert outcome.flawless, outcome
    account = Account.open("successfactors", **switch)
    _ = account.bridge.pull()
    moved, ended, hired = [id for id in active(account) if account.truth()[id].job != "2450"][:3]
    account.driver.meddle = _losing()
    _ = account.ask(moved, stage=next(s for s in account.simulator.stages_for(moved)))
    _ = account.ask(ended, stage=own(account, ended, "disqualified")[0], status="rejected")
    _ = account.ask(hired, stage=own(account, hired, "hired")[0], status="hired")
    for _ in range(6):
        _ = account.bridge.push()
        account.time.sleep(120)
    assert len(account.simulator.accepted) == 3
    told = {r.result for id in (moved, ended, hired) for r in account.crm.receipts_for(account.ref(id))}
    assert told == {Result.APPLIED}
    assert account.differences() == {}


def _losing() -> Any:
    """The answer to the first write of each is lost."""
    seen: set[bytes] = set()

    def meddle(request: SimRequest, respond: Any, purpose: Purpose) -> SimResponse | None:
        answer: SimResponse = respond(request)
        if purpose is Purpose.WRITE and request.body not in seen:
            seen.add(request.body)
            return None
        return answer

    return meddle


def test_trap_3_nobody_is_offered_basic() -> None:
    names = {field.name for field in SuccessFactors.__attrs_attrs__}  # type: ignore[attr-defined]
    assert not {"password", "user", "username"} & names
    account = Account.open("successfactors", applications=3)
    _ = account.bridge.pull()
    signed = [r.headers.get("authorization", "") for r, _ in account.driver.requests if "odata" in r.target]
    assert signed and all(text.startswith("Bearer ") for text in signed)


def test_trap_6_drafts_and_saved_jobs_are_left_out(account: Account) -> None:
    rows = sim(account).account["JobApplication"].values()
    assert any(row["status"] in (4, 6) for row in rows)
    assert set(account.views()) == set(account.truth())
    for target in asked(account, "JobApplication"):
        assert "status%20ne%204%20and%20status%20ne%206" in target
    assert account.bridge.status().quarantined == 0


def test_a_draft_that_is_sent_arrives(account: Account) -> None:
    row = next(r for r in sim(account).account["JobApplication"].values() if r["status"] in (4, 6))
    account.time.sleep(3600)
    sets = sim(account).account["JobRequisition"][row["jobReqId"]]["statusSetId"]
    row["applicationDate"] = account.time.vendor()
    sim(account).account.change(row, sim(account).account.named(sets, "Default"), by="u")
    account.time.sleep(60)
    _ = account.bridge.pull()
    assert str(row["applicationId"]) in account.views() and account.differences() == {}


def test_the_password_is_never_asked_for(account: Account) -> None:
    for path in ("Candidate", "JobApplication", "JobRequisition", "JobApplicationStatusAuditTrail"):
        for target in asked(account, path):
            assert "%24select=" in target and "password" not in target


def test_trap_8_a_tenant_without_some_fields_is_read_with_what_it_has() -> None:
    account = Account.open("successfactors", applications=20)
    for entity, name in (
        ("JobApplication", "source"), ("JobRequisition", "sourcer"), ("JobRequisition", "jobCode"),
        ("Candidate", "middleName"), ("JobApplicationStatusAuditTrail", "lastModifiedBy"),
    ):  # fmt: skip
        sim(account).remove_field(entity, name)
    _ = account.bridge.pull()
    assert account.differences() == {}
    # Each list reads the metadata once, and its following pages know.
    metadata = [r.target for r, _ in account.driver.requests if "$metadata" in r.target]
    assert metadata.count("/odata/v2/Candidate/$metadata") == 1
    id = active(account)[0]
    account.time.sleep(3600)
    account.simulator.move(id, account.simulator.stages_for(id)[0])
    _ = account.bridge.pull()
    assert account.differences() == {}
    fresh = account.fresh(id)
    assert isinstance(fresh, Fresh) and fresh.signals["move"]
    _ = account.ask(id, stage=account.simulator.stages_for(id)[0])
    assert pushed(account).result is Result.APPLIED


@pytest.mark.parametrize(
    ("entity", "name"),
    [("JobApplication", "status"), ("JobApplication", "jobAppStatus"), ("JobRequisition", "statusSetId")],
)
def test_trap_8_without_what_is_needed_it_stops_and_says_so(entity: str, name: str) -> None:
    account = Account.open("successfactors", applications=5)
    sim(account).remove_field(entity, name)
    with pytest.raises(Refused, match="COE_PROPERTY_NOT_FOUND"):
        _ = account.bridge.pull(full=True)


def test_trap_9_a_title_is_in_the_default_language(account: Account) -> None:
    titles = [job.title for job in account.bridge.configuration().jobs.values()]
    assert titles and not any(str(title).startswith("DE ") for title in titles)


@pytest.mark.parametrize(
    ("permission", "what"),
    [
        ("OData API Job Requisition Export", "read JobRequisition"),
        ("OData API Application Export", "read JobApplication"),
        ("OData API Candidate Export", "read Candidate"),
    ],
)
def test_trap_10_an_empty_list_is_no_proof_of_permission(
    account: Account, permission: str, what: str
) -> None:
    def finding() -> Any:
        return next(f for f in account.bridge.check().access if f.what == what)

    assert finding().proof is Proof.PROVED
    sim(account).revoke(permission)
    assert finding().proof is Proof.UNPROVEN and permission in finding().ask


def test_trap_10_what_is_hidden_all_at_once_is_not_taken_for_deleted(account: Account) -> None:
    sim(account).revoke("OData API Application Export")
    with pytest.raises(TooManyGone):
        _ = account.bridge.sweep()
    assert set(account.views()) == set(account.truth())


def test_trap_11_a_move_that_is_no_modification_is_found_in_the_trail() -> None:
    account = Account.open("successfactors", applications=30, moves_bump=False)
    _ = account.bridge.pull()
    account.time.sleep(7200)
    id = active(account)[0]
    account.simulator.move(id, account.simulator.stages_for(id)[0])
    account.time.sleep(60)
    _ = account.bridge.pull()
    assert account.differences() == {}
    blind = Account.open("successfactors", applications=30, moves_bump=False)
    blind = blind.restarted(ats=evolve(blind.ats, audit_trail=False))  # type: ignore[type-var]
    _ = blind.bridge.pull()
    blind.time.sleep(7200)
    blind.simulator.move(id, blind.simulator.stages_for(id)[0])
    blind.time.sleep(60)
    _ = blind.bridge.pull()
    assert set(blind.differences()) == {id}


def test_trap_12_who_was_forwarded_comes_as_a_lead_and_stands_where_they_were_put(account: Account) -> None:
    stages = account.bridge.configuration().stages
    leads = [i for i, t in account.truth().items() if stages[str(t.stage)].kind is StageKind.LEAD]
    assert leads and all(account.mirror()[id][1] == "active" for id in leads)
    account.time.sleep(60)
    there = account.simulator.stages_for(leads[0])[2]
    account.simulator.move(leads[0], there)
    _ = account.bridge.pull()
    assert account.mirror()[leads[0]] == (there, "active")


def test_trap_13_no_page_depends_on_a_session() -> None:
    account = Account.open("successfactors", applications=1300)
    seen = 0

    def between(_request: SimRequest) -> None:
        nonlocal seen
        seen += 1
        # Rows before the page vanish, and every session ends.
        rows = sorted(sim(account).account["JobApplication"])
        if seen % 2 and len(rows) > 1200:
            sim(account).account.delete(rows[0])
        _ = account.simulator.expire_cursors()

    account.driver.before = between
    _ = account.bridge.pull()
    account.driver.before = None
    missing = set(account.truth()) - set(account.views())
    assert missing == set()
    targets = asked(account, "JobApplication")
    assert not any(key in target for target in targets for key in ("paging", "skip", "cookie"))
    assert len([t for t in targets if "applicationId%20gt" in t]) >= 2


def test_several_rows_of_the_trail_under_one_number_are_all_read() -> None:
    """As where several people are ticked in a list, and a page ends among them."""
    account = Account.open("successfactors", applications=30, moves_bump=False)
    _ = account.bridge.pull()
    account.time.sleep(7200)
    _ = account.bridge.pull()
    account.time.sleep(7200)
    trail, before = sim(account).account["JobApplicationStatusAuditTrail"], set[int]()
    before |= set(trail)
    for id in active(account)[:8]:
        account.simulator.move(id, account.simulator.stages_for(id)[0])
    made = sorted(set(trail) - before)
    assert len(made) == 8
    for number in made[3:]:
        trail[number]["revNumber"] = made[-1]

    def meddle(request: SimRequest, respond: Any, purpose: Purpose) -> SimResponse:
        """A server that gives six rows a page."""
        answer: SimResponse = respond(request)
        if not request.target.startswith("/odata/v2/JobApplicationStatusAuditTrail?"):
            return answer
        rows = json.loads(answer.body)["d"]["results"]
        more = {"__next": "https://x"} if len(rows) > 6 else {}
        return evolve(answer, body=json.dumps({"d": {"results": rows[:6], **more}}).encode())

    account.driver.meddle = meddle
    account.time.sleep(60)
    _ = account.bridge.pull()
    assert account.differences() == {}


def test_trap_16_a_step_goes_to_the_status_of_the_applications_own_set(account: Account) -> None:
    stages, seen = account.bridge.configuration().stages, set()
    for id in active(account):
        if "Phone Screen" in str(account.views()[id].step):
            continue
        _ = account.change(id, step="Phone Screen")
        receipt = pushed(account)
        if receipt.result is Result.REFUSED:
            continue
        assert receipt.result is Result.APPLIED, receipt
        there = stages[str(account.truth()[id].stage)]
        job = account.bridge.configuration().jobs[str(account.truth()[id].job)]
        assert (there.name, job.pipelines) == ("Phone Screen", (there.pipeline,))
        seen.add(there.pipeline)
    assert seen == {"21", "521"}


def test_a_system_status_cannot_be_asked_for(account: Account) -> None:
    id = active(account)[0]
    _ = account.change(id, step="Withdrawn By Candidate", status="Withdrawn")
    receipt = pushed(account)
    assert (receipt.result, account.simulator.accepted) == (Result.REFUSED, [])


def test_a_refusal_under_200_ends_as_refused_in_the_vendors_words(account: Account) -> None:
    id = active(account)[0]
    _ = account.ask(id, stage=account.simulator.stages_for(id)[0])
    sim(account).api.demands = True
    receipt = pushed(account)
    assert receipt.result is Result.REFUSED and "fields" in receipt.why
    assert account.simulator.accepted == []


def test_a_withdrawal_is_a_status_of_the_customers_and_read_as_one(account: Account) -> None:
    id = active(account)[0]
    _ = account.ask(id, stage=own(account, id, "withdrawn")[0], status="withdrawn")
    assert pushed(account).result is Result.APPLIED
    fresh = account.fresh(id)
    assert isinstance(fresh, Fresh)
    # The ATS itself knows no difference.
    assert (fresh.application.vendor_status, fresh.state.status) == ("Disqualified", W)
    _ = account.bridge.pull()
    assert account.differences() == {}


def test_a_rejection_is_taken_back_to_a_step(account: Account) -> None:
    id = next(
        i for i, t in sorted(account.truth().items())
        if t.status == "rejected" and str(t.stage) in own(account, i, "disqualified")
    )  # fmt: skip
    stage = account.simulator.stages_for(id)[1]
    _ = account.ask(id, stage=stage, status="active")
    assert pushed(account).result is Result.APPLIED
    assert (account.truth()[id].status, account.truth()[id].stage) == ("active", stage)


def test_a_change_in_the_gap_is_seen_in_the_trail(account: Account) -> None:
    id = active(account)[0]
    there, other = account.simulator.stages_for(id)[:2]

    def meddle(request: SimRequest, respond: Any, purpose: Purpose) -> SimResponse:
        if purpose is Purpose.WRITE:
            account.simulator.move(id, other)
        answer: SimResponse = respond(request)
        return answer

    _ = account.ask(id, stage=there)
    account.driver.meddle = meddle
    receipt = pushed(account)
    assert (receipt.result, receipt.gap) == (Result.APPLIED_OVER_CHANGE, Gap.AUDITED)
    assert receipt.overwritten == (other,)


def test_statuses_that_were_skipped_are_not_counted(account: Account) -> None:
    id = active(account)[0]
    before = account.fresh(id)
    assert isinstance(before, Fresh)
    row = sim(account).account.trail(int(id))[-1]
    number = sim(account).account.number("JobApplicationStatusAuditTrail", 9001)
    sim(account).account["JobApplicationStatusAuditTrail"][number] = {
        **row, "revNumber": number, "skippedStatus": 1,
    }  # fmt: skip
    after = account.fresh(id)
    assert isinstance(after, Fresh)
    assert after.signals == before.signals
    assert tuple(t.to for t in after.application.history) == account.truth()[id].history


def test_a_row_of_the_trail_that_tells_no_status_leaves_nothing_to_count(account: Account) -> None:
    id = active(account)[0]

    def meddle(request: SimRequest, respond: Any, _purpose: Purpose) -> SimResponse:
        answer = respond(request)
        told = json.loads(answer.body)
        if "jobApplicationStatusAuditTrail" not in told["d"]:
            return answer
        rows = told["d"]["jobApplicationStatusAuditTrail"]["results"]
        rows.append({**rows[-1], "jobAppStatus": None})
        return SimResponse(answer.status, answer.headers, json.dumps(told).encode())

    account.driver.meddle = meddle
    part = account.fresh(id)
    assert isinstance(part, Fresh) and part.signals == {}


def test_an_application_that_is_gone_is_not_inserted_again(account: Account) -> None:
    id = active(account)[0]
    _ = account.ask(id, stage=account.simulator.stages_for(id)[0])
    account.simulator.delete(id)
    assert pushed(account).result is Result.REFUSED
    assert "/odata/v2/upsert" not in [r.target for r, _ in account.driver.requests]
    assert isinstance(account.fresh(id), Gone)


def test_ids_that_differ_are_never_written() -> None:
    """No page says that a status's id is what is written: where data show another, nothing is guessed."""
    account = Account.open("successfactors", applications=20, item_offset=300)
    _ = account.bridge.pull()
    assert account.views() == {} and account.bridge.status().quarantined == len(account.truth())
    finding = next(f for f in account.bridge.check().access if f.what.startswith("the id of a status"))
    assert finding.proof is Proof.MISSING and "appStatusSetItemId" in finding.ask
    fine = Account.open("successfactors", applications=20)
    finding = next(f for f in fine.bridge.check().access if f.what.startswith("the id of a status"))
    assert finding.proof is Proof.PROVED


def test_what_cannot_be_upserted_is_said_before_anything_is_written(account: Account) -> None:
    entity = sim(account).api.entities["JobApplication"]
    entity.upsertable = frozenset()
    finding = next(f for f in account.bridge.check().access if f.what.startswith("write the status"))
    assert finding.proof is Proof.MISSING and "refresh" in finding.ask


def test_an_anonymised_candidate_is_erased_and_a_deleted_application_found_by_a_sweep(
    account: Account,
) -> None:
    first, second = active(account)[:2]
    blank = account.views()[second].candidate
    assert blank is not None
    account.time.sleep(60)
    account.simulator.delete(first)
    account.simulator.anonymise(second)
    _ = account.bridge.pull()
    assert account.crm.candidate(blank).deleted and first in account.views()
    _ = account.bridge.sweep()
    assert first not in account.views() and second in account.views()


def test_a_deleted_requisition_is_told(account: Account) -> None:
    job = next(iter(account.bridge.configuration().jobs))
    account.time.sleep(60)
    sim(account).delete_requisition(job)
    _ = account.bridge.pull()
    assert job not in account.bridge.configuration().jobs


@pytest.mark.parametrize("path", ["JobApplication", "JobApplicationStatus", "Candidate"])
@pytest.mark.parametrize("tail", [{"__next": "https://evil.example/odata/v2/Users?$skiptoken=1"}, {}])
def test_a_next_link_is_a_sign_and_never_followed(path: str, tail: dict[str, str]) -> None:
    account = Account.open("successfactors", applications=20)
    shortened = 0

    def meddle(request: SimRequest, respond: Any, purpose: Purpose) -> SimResponse:
        """A server that gives half a page."""
        nonlocal shortened
        answer: SimResponse = respond(request)
        if purpose is Purpose.TOKEN or not request.target.startswith(f"/odata/v2/{path}?") or not tail:
            return answer
        told = json.loads(answer.body)["d"]
        if len(told["results"]) < 4:
            return answer
        shortened += 1
        half = {"results": told["results"][: len(told["results"]) // 2], **tail}
        return evolve(answer, body=json.dumps({"d": half}).encode())

    account.driver.meddle = meddle
    _ = account.bridge.pull()
    assert account.differences() == {} and (shortened > 1 or not tail)
    assert {r.headers["host"] for r, _ in account.driver.requests} == {"api4.successfactors.com"}


def test_a_page_that_has_more_and_tells_no_key_is_not_believed(account: Account) -> None:
    def meddle(request: SimRequest, respond: Any, purpose: Purpose) -> SimResponse:
        answer: SimResponse = respond(request)
        if purpose is not Purpose.READ:
            return answer
        return evolve(answer, body=b'{"d":{"results":[],"__next":"https://x"}}')

    account.driver.meddle = meddle
    with pytest.raises(BadPayload, match="no row of it tells a key"):
        _ = account.bridge.pull()


@pytest.mark.parametrize(
    "body", [b'{"results":[]}', b'{"d":{"results":[]},"x":1}', b'{"d":[]}', b'{"d":{"results":{}}}', b'{"d":']
)
def test_a_list_that_is_wrapped_otherwise_is_not_believed(account: Account, body: bytes) -> None:
    def meddle(request: SimRequest, respond: Any, purpose: Purpose) -> SimResponse:
        answer: SimResponse = respond(request)
        return evolve(answer, body=body) if purpose is Purpose.READ else answer

    account.driver.meddle = meddle
    with pytest.raises(BadPayload):
        _ = account.bridge.pull()


def test_a_fresh_read_without_its_trail_is_not_believed(account: Account) -> None:
    id = active(account)[0]

    def meddle(request: SimRequest, respond: Any, purpose: Purpose) -> SimResponse:
        answer: SimResponse = respond(request)
        if purpose is not Purpose.READ:
            return answer
        told = json.loads(answer.body)
        told["d"]["jobApplicationStatusAuditTrail"] = {"__deferred": {"uri": "x"}}
        return evolve(answer, body=json.dumps(told).encode())

    account.driver.meddle = meddle
    with pytest.raises(BadRecord, match="jobApplicationStatusAuditTrail"):
        _ = account.fresh(id)


def test_a_catalogue_holds_the_requisitions_own_set_alone(account: Account) -> None:
    client = account.bridge.client
    job = account.truth()[active(account)[0]].job
    catalogue = account.driver.run(
        client.run(account.ats.catalogue(Ref(account.ats.connection, Kind.JOB, str(job))))
    )
    pipelines = account.bridge.configuration().jobs[str(job)].pipelines
    assert {s.pipeline for s in catalogue.stages} == set(pipelines) and len(catalogue.stages) > 10
    assert account.driver.run(client.run(account.ats.catalogue(None))).stages == ()
