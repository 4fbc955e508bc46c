"""SmartRecruiters' adapter: what answers mean, what it plans and sends, and the switches of its simulator."""

from __future__ import annotations

import hmac
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from attrs import evolve

from atsbridge.ats.interface import Catalogue, Fresh, Gone, HookHint, HookReply, Proof, Unplannable
from atsbridge.ats.smartrecruiters import (
    VENDOR,
    SmartRecruiters,
    read_candidate,
    read_job,
    read_reason,
    read_stage,
    read_user,
)
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
    Unavailable,
)
from atsbridge.model import (
    Action,
    Answer,
    Application,
    ApplicationStatus,
    Candidate,
    Gap,
    Intent,
    JobStatus,
    Kind,
    Reason,
    Ref,
    Result,
    StageKind,
    State,
    Workplace,
)
from atsbridge.simulators.interface import SimResponse
from atsbridge.sync.ledger import Quarantined, Where
from atsbridge.testing import Account
from atsbridge.testing.direct import DirectDriver
from atsbridge.wire.answers import judge
from atsbridge.wire.effects import Purpose, Request, Response
from atsbridge.wire.vendor import Resend, Signal

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
ADAPTER = SmartRecruiters(connection="acme", api_key="key", hook_secret="HeBVky2bccvvkcXPimH8c")
A, R, W, H = (
    ApplicationStatus.ACTIVE,
    ApplicationStatus.REJECTED,
    ApplicationStatus.WITHDRAWN,
    ApplicationStatus.HIRED,
)
PERSON, JOB, OTHER = (f"00000000-0000-4000-8000-{n:012d}" for n in (1, 2, 3))
PAIR = f"{PERSON}:{JOB}"


def held(status: str | None = "INTERVIEW", job: str = JOB, **more: Any) -> dict[str, Any]:
    return {"job": {"id": job, "title": "Nurse"}, "status": status, **more}


def person(*assignments: Any, **more: Any) -> dict[str, Any]:
    first, *others = [*assignments, None]
    return {
        "id": PERSON, "firstName": "Ola", "lastName": "Nowak", "email": "ola@example.com",
        "createdOn": "2026-11-01T08:00:00.000Z", "updatedOn": "2026-11-21T10:00:00.000Z",
        "primaryAssignment": first, "secondaryAssignments": [o for o in others if o], **more,
    }  # fmt: skip


def applications(*assignments: Any) -> list[Application]:
    return [r for r in read_candidate("acme", AT, person(*assignments)) if isinstance(r, Application)]


# -- readers --


@pytest.mark.parametrize(
    ("status", "sub", "stage", "means"),
    [
        ("LEAD", None, "LEAD", A),
        ("INTERVIEW", "1st interview", "INTERVIEW:1st interview", A),
        ("OFFERED", "", "OFFERED", A),
        ("HIRED", None, "HIRED", H),
        ("REJECTED", None, "REJECTED", R),
        ("WITHDRAWN", None, "WITHDRAWN", W),
        ("TRANSFERRED", None, "TRANSFERRED", ApplicationStatus.CONVERTED),
        ("IN-REVIEW", None, "IN-REVIEW", ApplicationStatus.UNKNOWN),
        (None, "1st interview", None, ApplicationStatus.UNKNOWN),
    ],
)
def test_how_an_application_stands(status: Any, sub: Any, stage: Any, means: ApplicationStatus) -> None:
    (read,) = applications(held(status, subStatus=sub))
    assert (read.status, read.stage.id if read.stage else None) == (means, stage)
    assert read.ref.id == PAIR and read.candidate == Ref("acme", Kind.CANDIDATE, PERSON)


def test_trap_2_each_assignment_is_an_application_with_its_own_status() -> None:
    reason = {"id": "r-12", "label": "Not enough experience"}
    one, two = applications(held(), held("REJECTED", OTHER, reasonOfRejection=reason, source="Indeed"))
    assert (one.status, two.status, two.ref.id) == (A, R, f"{PERSON}:{OTHER}")
    # Trap 5: an object in a read.
    assert (two.reason, two.reason_text) == (Ref("acme", Kind.REASON, "r-12"), "Not enough experience")
    assert two.source is not None and two.source.name == "Indeed"
    assert applications() == []
    with pytest.raises(BadRecord):
        applications({"status": "NEW"})


def test_a_candidate() -> None:
    data = person(
        phoneNumber="+48", web={"linkedin": "https://l.example", "skype": "x"}, tags=["silver", 3],
        location={"city": "Krakow", "country": "Poland"},
        experience=[{"title": "Nurse", "company": "Clinic"}],
        education=[{"startDate": "2014", "endDate": "2014-05"}],
    )  # fmt: skip
    (read,) = read_candidate("acme", AT, data)
    assert isinstance(read, Candidate)
    assert (read.display_name, read.emails[0].value, read.phones[0].value) == (
        "Ola Nowak",
        "ola@example.com",
        "+48",
    )
    assert (len(read.links), read.tags, read.company, read.title) == (1, ("silver",), "Clinic", "Nurse")
    (bare,) = read_candidate("acme", AT, {"id": PERSON, "email": None})
    assert isinstance(bare, Candidate) and (bare.emails, bare.locations, bare.display_name) == ((), (), None)


@pytest.mark.parametrize(
    ("status", "means"),
    [
        ("CREATED", JobStatus.DRAFT),
        ("PENDING_APPROVAL", JobStatus.DRAFT),
        ("SOURCING", JobStatus.OPEN),
        ("OFFER", JobStatus.OPEN),
        ("ON_HOLD", JobStatus.ON_HOLD),
        ("FILLED", JobStatus.FILLED),
        ("CANCELLED", JobStatus.CLOSED),
        ("Sourcing", JobStatus.UNKNOWN),
        (None, JobStatus.UNKNOWN),
    ],
)
def test_a_job(status: Any, means: JobStatus) -> None:
    data = {
        "id": JOB, "title": "Nurse", "refNumber": "REQ-118", "status": status, "postingStatus": "PUBLIC",
        "department": {"id": "4021", "label": "Clinics"},
        "location": {"city": "Krakow", "country": "Poland", "remote": True},
    }  # fmt: skip
    (job,) = read_job("acme", AT, data)
    assert (job.status, job.vendor_status, job.requisition_id) == (means, status, "REQ-118")
    assert (job.postings[0].status, job.workplace) == ("PUBLIC", Workplace.REMOTE)
    assert (job.departments[0].name, job.locations[0].name) == ("Clinics", "Krakow, Poland")


def test_a_stage_a_reason_and_a_user() -> None:
    (stage,) = read_stage("acme", AT, {"id": "INTERVIEW:a: b", "order": 4, "active": True, "writable": True})
    assert (stage.name, stage.kind, stage.terminal, stage.writable) == (
        "a: b",
        StageKind.INTERVIEW,
        False,
        Answer.YES,
    )
    (odd,) = read_stage("acme", AT, {"id": "LIMBO"})
    assert (odd.kind, odd.terminal, odd.writable) == (StageKind.UNMAPPED, True, Answer.NO)
    (reason,) = read_reason("acme", AT, {"id": "a1", "label": "Commute"}, status=W)
    assert (reason.outcome, reason.by) == (W, "candidate")
    (user,) = read_user("acme", AT, {"id": "0" * 24, "firstName": "A", "lastName": "B", "active": False})
    assert (user.name, user.active) == ("A B", False)


# -- answers --


def meaning(status: int, body: Any = None, *, page: bool = False) -> None:
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    response = Response(status=status, headers={"content-type": "application/json"}, body=content, sent_at=AT)
    query = (("pageId", "x"),) if page else ()
    asked = Request(operation="list_jobs", method="GET", url="/jobs", query=query)
    judge(asked, response, vendor="smartrecruiters", rules=VENDOR.answers, complaints=VENDOR.complaints)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Refused),
        (403, Forbidden),
        (409, Refused),
        (422, Refused),
        (429, Throttled),
        (503, Unavailable),
    ],
)
@pytest.mark.parametrize(
    "body", [None, b"<html>", b"{", {"message": "No", "errors": [{"code": "X_Y"}]}, {"errors": None}, []]
)
def test_an_answer_is_read_by_its_status_whatever_its_body(status: int, error: type, body: Any) -> None:
    with pytest.raises(error) as seen:
        meaning(status, body)
    assert type(seen.value) is error


@pytest.mark.parametrize("body", [None, b"<html>", b"{", {"message": "No"}, {"errors": None}, []])
def test_a_404_without_a_code_says_nothing_of_a_record(body: Any) -> None:
    with pytest.raises(BadPayload):
        meaning(404, body)
    with pytest.raises(NotFound):
        meaning(404, {"message": "No", "errors": [{"code": "CANDIDATE_NOT_FOUND"}]})


def test_the_vendors_words_are_told_and_no_persons() -> None:
    told = {"message": "m", "errors": [{"code": "CANDIDATE_DATA_CONFLICT", "message": "Ola Nowak clashes"}]}
    with pytest.raises(Refused) as seen:
        meaning(409, told)
    assert "CANDIDATE_DATA_CONFLICT" in str(seen.value) and "Ola" not in str(seen.value)


def test_a_page_id_that_is_refused_is_a_lost_cursor() -> None:
    with pytest.raises(CursorLost):
        meaning(400, {"message": "no"}, page=True)


# -- planning and writing --

REASONS = (
    Reason(ref=Ref("acme", Kind.REASON, "no"), read_at=AT, outcome=R),
    Reason(ref=Ref("acme", Kind.REASON, "gone"), read_at=AT, outcome=W),
)
CATALOGUE = Catalogue(job=None, reasons=REASONS)


def chain(current: State, target: State) -> list[tuple[Action, str | None]]:
    return [(part.action, part.target.stage) for part in ADAPTER.plan_writes(current, target, CATALOGUE)]


@pytest.mark.parametrize(
    ("current", "target", "parts"),
    [
        (State("NEW", A), State("INTERVIEW:x", A), [(Action.MOVE, "INTERVIEW:x")]),
        (State("NEW", A), State("NEW", A), [(Action.MOVE, "NEW")]),
        (State("LEAD", A), State("INTERVIEW", A), [(Action.MOVE, "NEW"), (Action.MOVE, "INTERVIEW")]),
        (State("LEAD", A), State("NEW", A), [(Action.MOVE, "NEW")]),
        (State("LEAD", A), State(None, H), [(Action.MOVE, "NEW"), (Action.HIRE, "HIRED")]),
        (State("LEAD", A), State(None, R), [(Action.REJECT, "REJECTED")]),
        (State("NEW", A), State(None, R, "no"), [(Action.REJECT, "REJECTED")]),
        (
            State("NEW", A),
            State("OFFERED", W, "gone"),
            [(Action.MOVE, "OFFERED"), (Action.WITHDRAW, "WITHDRAWN")],
        ),
        (State("REJECTED", R, "no"), State("IN_REVIEW", A), [(Action.REACTIVATE, "IN_REVIEW")]),
        (State("REJECTED", R), State(None, H), [(Action.HIRE, "HIRED")]),
        (State("REJECTED", R, "old"), State("REJECTED", R, "no"), [(Action.REJECT, "REJECTED")]),
    ],
)
def test_a_chain(current: State, target: State, parts: Any) -> None:
    assert chain(current, target) == parts


@pytest.mark.parametrize(
    ("current", "target"),
    [
        (State("REJECTED", R), State(None, A)),
        (State("NEW", A), State("LEAD", A)),
        (State("NEW", A), State("REJECTED", A)),
        (State("NEW", A), State("TRANSFERRED", A)),
        (State("NEW", A), State("LIMBO", A)),
        (State("NEW", A), State(None, R, "gone")),
        (State("NEW", A), State(None, W, "no")),
        (State("NEW", A), State(None, H, "no")),
        (State("NEW", A), State(None, ApplicationStatus.ON_HOLD)),
        (State("HIRED", H), State("NEW", R)),
        (State("TRANSFERRED", ApplicationStatus.CONVERTED), State("NEW", A)),
    ],
)
def test_what_cannot_be_planned(current: State, target: State) -> None:
    with pytest.raises(Unplannable):
        chain(current, target)


IN_REVIEW = State("IN_REVIEW", A)


def written(action: Action, target: State, *, expected: State = IN_REVIEW, id: str = PAIR) -> Any:
    intent = Intent(
        intent_id="i",
        application=Ref("acme", Kind.APPLICATION, id),
        action=action,
        target=target,
        expected=expected,
    )
    fresh = Fresh(application=applications(held("NEW"))[0])
    return ADAPTER.declared(intent), ADAPTER.write_status(intent, fresh, CATALOGUE).request


@pytest.mark.parametrize(
    ("action", "target", "name", "body"),
    [
        (Action.MOVE, State("OFFERED", A), "move", {"status": "OFFERED"}),
        (
            Action.MOVE, State("INTERVIEW:2nd interview", A), "move_to_sub_status",
            {"status": "INTERVIEW", "subStatus": "2nd interview"},
        ),
        (Action.REACTIVATE, State("NEW", A), "reopen", {"status": "NEW"}),
        (Action.REJECT, State("REJECTED", R, "no"), "reject", {"status": "REJECTED", "reason": "no"}),
        (Action.REJECT, State("REJECTED", R), "reject_without_reason", {"status": "REJECTED"}),
        (
            Action.WITHDRAW, State("WITHDRAWN", W, "gone"), "withdraw",
            {"status": "WITHDRAWN", "reason": "gone"},
        ),
        (Action.HIRE, State("HIRED", H), "hire", {"status": "HIRED"}),
    ],
)  # fmt: skip
def test_a_write(action: Action, target: State, name: str, body: Any) -> None:
    write, request = written(action, target)
    assert (write.name, request.method, request.body) == (name, "PUT", body)
    assert request.url == f"/candidates/{PERSON}/jobs/{JOB}/status"
    assert (write.signal, write.resend) == (Signal.COUNT, Resend.AFTER_SETTLE)


@pytest.mark.parametrize(
    "stage", ["LEAD", "REJECTED", "INTERVIEW: x", "INTERVIEW:x\n", "NEW:x", "INTERVIEW:"]
)
def test_what_is_no_status_or_sub_status_is_not_sent(stage: str) -> None:
    with pytest.raises(GuardError):
        written(Action.MOVE, State(stage, A))
    with pytest.raises(GuardError):
        written(Action.MOVE, State("NEW", A), id=PERSON)


def test_another_reason_for_the_same_end_proves_nothing_by_the_history() -> None:
    again = State("REJECTED", R, "old")
    write, _ = written(Action.REJECT, State("REJECTED", R, "no"), expected=again)
    assert (write.signal, write.resend) == (Signal.NONE, Resend.NEVER)


# -- configuration and hooks --


@pytest.mark.parametrize(
    "given", [{}, {"client_id": "a"}, {"api_key": "k", "client_id": "a", "client_secret": "b"}]
)
def test_there_is_one_credential_and_it_is_whole(given: Any) -> None:
    with pytest.raises(ConfigurationError):
        _ = SmartRecruiters(connection="acme", **given).auth()


BODY = b'{"job_id":"jid","candidate_id":"cid"}'
HEADERS = {
    "smartrecruiters-timestamp": "1574080897", "event-id": "123", "event-name": "application.created",
    "event-version": "v201910", "link": "<http://smartrecruiters.com/endpoint>; rel=self",
    "smartrecruiters-signature": "v1=2e9291f10d44ca10204a4cd81b05d73b6a316b2b605d4e2e0e0b37b40198ce1f",
}  # fmt: skip


def delivered(event: str, data: Any, key: str = "HeBVky2bccvvkcXPimH8c") -> Any:
    """What a delivery comes to that the vendor has signed; of bytes, as they are."""
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    headers = {**HEADERS, "event-name": event}
    parts = [headers[name].encode() for name in ("event-id", "event-name", "event-version", "link")]
    seal = hmac.digest(key.encode(), b".".join([b"1574080897", body, *parts]), "sha256").hex()
    return ADAPTER.read_hook({**headers, "smartrecruiters-signature": f"v1={seal}"}, body)


def test_trap_8_the_vendors_own_sample_is_believed_link_and_all() -> None:
    """Trap 7: 202, for 200 is a failure. Its ids are of a form that no request can carry."""
    assert ADAPTER.read_hook(HEADERS, BODY) == HookReply(answer=202)
    several = {**HEADERS, "smartrecruiters-signature": f"v1=00;{HEADERS['smartrecruiters-signature']}"}
    assert ADAPTER.read_hook(several, BODY) == HookReply(answer=202)


def test_a_delivery_names_what_it_is_about() -> None:
    read = delivered("application.status.updated", {"job_id": JOB, "candidate_id": PERSON})
    assert isinstance(read, HookHint) and (read.answer, read.delivery_id) == (202, "123")
    assert [(r.kind, r.id) for r in read.refs] == [(Kind.APPLICATION, PAIR), (Kind.CANDIDATE, PERSON)]
    (job,) = delivered("job.updated", {"id": JOB}).refs
    assert (job.kind, job.id) == (Kind.JOB, JOB)


@pytest.mark.parametrize("odd", ["", "a/../b", "1", 1, None, [], {"id": JOB}, f"{JOB} ", "\u0660" * 24])
def test_an_id_that_no_request_can_carry_is_no_hint(odd: Any) -> None:
    assert delivered("job.updated", {"id": odd}) == HookReply(answer=202)
    half = delivered("application.created", {"candidate_id": PERSON, "job_id": odd})
    assert [(r.kind, r.id) for r in half.refs] == [(Kind.CANDIDATE, PERSON)]
    assert delivered("application.created", {"candidate_id": odd, "job_id": JOB}) == HookReply(answer=202)


@pytest.mark.parametrize(
    "content", [b"", b"not json", b"[" * 100_000, b"\xff", b"[]", b"null", b'{"a":1,"a":2}']
)
def test_what_is_signed_and_says_nothing_is_nothing(content: bytes) -> None:
    assert delivered("job.updated", content) is None


@pytest.mark.parametrize("name", ["hook_secret", "hook_secret_before"])
def test_a_blank_secret_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="blank"):
        _ = evolve(ADAPTER, **{name: " "})


@pytest.mark.parametrize("name", sorted(HEADERS))
def test_a_delivery_that_is_changed_anywhere_is_nothing(name: str) -> None:
    assert ADAPTER.read_hook({**HEADERS, name: HEADERS[name].strip("<") + "0"}, BODY) is None
    assert ADAPTER.read_hook(HEADERS, BODY + b" ") is None


def test_a_handshake_is_sent_back_and_nothing_else_of_it() -> None:
    read = ADAPTER.read_hook({"x-hook-secret": "abc-1"}, b"")
    assert read == HookReply(answer=200, headers=(("X-Hook-Secret", "abc-1"),))
    for value in ("a\r\nSet-Cookie: x", "", "a b", "ä", "a" * 300):
        assert ADAPTER.read_hook({"x-hook-secret": value}, b"") is None


# -- on the simulator, under its switches --


@pytest.mark.parametrize(
    "switches",
    [
        {"credential": "api_key"},
        {"nulls": False},
        {"plain_errors": True},
        {"scope_in_token": False},
        {"repeats_add_history": True},
        {"invalid": 400},
        {"lead_first": False},
    ],
)
def test_the_adapter_holds_under_every_switch(switches: Any) -> None:
    account = Account.open("smartrecruiters", applications=20, **switches)
    _ = account.bridge.pull()
    assert account.differences() == {}
    id = next(i for i, t in sorted(account.truth().items()) if t.stage == "NEW")
    event = account.ask(id, stage="INTERVIEW:2nd interview")
    receipts = _pushed(account)
    assert receipts[event].result is Result.APPLIED and receipts[event].gap == "audited"
    assert account.truth()[id].stage == "INTERVIEW:2nd interview"


def _pushed(account: Account) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(6):
        found |= {r.event_id: r for r in account.bridge.push().receipts}
        account.time.sleep(120)
    return found


def test_a_change_that_moves_no_time_is_found_by_a_sweep() -> None:
    account = Account.open("smartrecruiters", applications=20, status_bumps_updated=False)
    _ = account.bridge.pull()
    account.time.sleep(7200)
    _ = account.bridge.pull()
    id = next(i for i, t in sorted(account.truth().items()) if t.stage == "NEW")
    account.time.sleep(7200)
    account.simulator.move(id, "OFFERED")
    _ = account.bridge.sweep()
    assert account.differences() == {}


def test_a_second_application_that_is_back_to_what_it_was_is_read_again() -> None:
    """One entry has all of a person's applications: its bytes are those of before the bridge's own move."""
    account = Account.open("smartrecruiters", applications=20, status_bumps_updated=False)
    people: dict[str, list[str]] = {}
    for id, truth in account.truth().items():
        people.setdefault(truth.candidate or "", []).append(id)
    ids = next(ids for ids in people.values() if len(ids) > 1)
    for id in ids:
        account.simulator.move(id, "IN_REVIEW")
    _ = account.bridge.pull(full=True)
    for id in ids:
        event = account.ask(id, stage="INTERVIEW:2nd interview")
        assert _pushed(account)[event].result is Result.APPLIED
        account.simulator.move(id, "IN_REVIEW")
        _ = account.bridge.sweep()
        assert account.differences() == {}


def test_what_the_search_shows_late_is_read_in_the_overlap() -> None:
    account = Account.open("smartrecruiters", applications=20, index_seconds=120.0)
    account.time.sleep(600)
    _ = account.bridge.pull()
    id = next(i for i, t in sorted(account.truth().items()) if t.stage == "NEW")
    account.simulator.move(id, "OFFERED")
    _ = account.bridge.pull()
    assert id in account.differences()
    account.time.sleep(180)
    _ = account.bridge.pull()
    assert account.differences() == {}


def test_in_the_overlap_only_what_is_new_is_asked_for_again() -> None:
    account = Account.open("smartrecruiters", applications=30)
    _ = account.bridge.pull()
    account.time.sleep(60)
    id = sorted(account.truth())[0]
    account.simulator.edit(id)
    _ = account.bridge.pull()
    before = len(account.driver.requests)
    account.time.sleep(30)
    _ = account.bridge.pull()
    asked = [r.target for r, _ in account.driver.requests[before:]]
    assert not [target for target in asked if target.startswith("/candidates/")]


def altering(change: Any) -> Any:
    """Answers that are JSON, with `change(target, body, headers)` made to them."""

    def meddle(asked: Any, respond: Any, _purpose: Any) -> SimResponse:
        answer = respond(asked)
        if answer.status != 200 or "/oauth/" in asked.target:
            return answer
        told, headers = json.loads(answer.body), dict(answer.headers)
        change(asked.target, told, headers)
        return SimResponse(200, tuple(headers.items()), json.dumps(told).encode())

    return meddle


@pytest.mark.parametrize("time", [None, "", 3, "missing"])
def test_who_tells_no_time_of_change_is_read_whenever_they_are_listed(time: Any) -> None:
    """Else the second change within an overlap would be taken for the first, and never be read."""
    account = Account.open("smartrecruiters", applications=20)

    def change(_target: str, told: Any, _headers: Any) -> None:
        for row in (told, *told.get("content", ())):
            if time == "missing":
                row.pop("updatedOn", None)
            elif "updatedOn" in row:
                row["updatedOn"] = time

    account.driver.meddle = altering(change)
    _ = account.bridge.pull()
    id = next(i for i, t in sorted(account.truth().items()) if t.stage == "NEW")
    for stage in ("OFFERED", "NEW"):
        account.time.sleep(60)
        account.simulator.move(id, stage)
        _ = account.bridge.pull()
        assert account.differences() == {}


@pytest.mark.parametrize("form", ['<{}>; rel="next"', "</x>; rel=prev, <{}>; title=a; rel=next"])
def test_a_list_goes_on_where_its_header_alone_says_so(form: str) -> None:
    account = Account.open("smartrecruiters", applications=40)

    def change(target: str, told: Any, headers: Any) -> None:
        headers.pop("Link", None)
        if token := told.pop("nextPageId", ""):
            headers["Link"] = form.format(f"{target.partition('?')[0]}?limit=10&pageId={quote(token)}")

    account.driver.meddle = altering(change)
    _ = account.bridge.pull()
    assert len(account.truth()) > 10 and account.differences() == {}


@pytest.mark.parametrize(
    ("header", "told"),
    [('</candidates?pageId=>; rel="next"', None), ("", 3), ('</jobs?pageId=x>; rel="next"', "")],
)
def test_a_next_page_that_cannot_be_read_is_no_end(header: str, told: Any) -> None:
    account = Account.open("smartrecruiters", applications=40)

    def change(target: str, body: Any, headers: Any) -> None:
        if target.startswith("/candidates?"):
            body["nextPageId"], headers["Link"] = told, header

    account.driver.meddle = altering(change)
    with pytest.raises(BadPayload):
        _ = account.bridge.pull()


@pytest.mark.parametrize("listing", ["/candidates?", "/jobs?", "/user-api/v201804/users?"])
def test_an_end_before_all_that_was_found_is_no_end(listing: str) -> None:
    """Once it is read anew; where it stays so the pull ends, and goes on from there when it is whole."""
    account = Account.open("smartrecruiters", applications=40)
    cut, times = [True], [0]

    def change(target: str, told: Any, headers: Any) -> None:
        if target.startswith(listing) and cut[0] and len(told["content"]) > 1:
            times[0] += 1
            told.pop("nextPageId", None)
            headers.pop("Link", None)
            told["content"] = told["content"][:1]
            told["totalFound"] = max(2, told["totalFound"])

    account.driver.meddle = altering(change)
    with pytest.raises(CursorLost, match="before it had shown"):
        _ = account.bridge.pull()
    assert times[0] == 4
    cut[0] = False
    _ = account.bridge.pull()
    assert account.differences() == {}
    cut[0] = True
    careless = evolve(account.ats, total_found="ignored")
    _ = account.restarted(ats=careless).bridge.pull(full=True)


def test_a_short_list_that_shows_less_than_it_found_is_not_believed() -> None:
    account = Account.open("smartrecruiters", applications=8)

    def change(target: str, told: Any, _headers: Any) -> None:
        if target.endswith("/rejection-reasons"):
            _ = told["content"].pop()

    account.driver.meddle = altering(change)
    with pytest.raises(BadPayload, match="more than it shows"):
        _ = account.bridge.pull()


def test_templates_are_no_jobs() -> None:
    account = Account.open("smartrecruiters", applications=20)
    _ = account.bridge.pull()
    simulator: Any = account.simulator
    templates = {job["id"] for job in simulator.account.jobs.values() if job["template"]}
    assert templates and not templates & set(account.bridge.configuration().jobs)


def test_trap_9_a_role_that_may_not_write_is_told_in_the_receipt_or_stops() -> None:
    account = Account.open("smartrecruiters", applications=20)
    _ = account.bridge.pull()
    id = next(i for i, t in sorted(account.truth().items()) if t.stage == "NEW")
    event = account.ask(id, stage="IN_REVIEW")
    account.simulator.role_writes = False  # type: ignore[attr-defined]
    receipts = _pushed(account)
    assert account.simulator.accepted == []
    assert account.bridge.status().stopped or receipts[event].result is Result.REFUSED


@pytest.mark.parametrize("plain", [True, False])
def test_who_is_listed_and_hidden_is_set_aside_and_the_rest_is_read(plain: bool) -> None:
    account = Account.open("smartrecruiters", applications=30, hidden_listed=True, plain_errors=plain)
    hidden = account.simulator.hide(sorted(account.truth())[0])
    _ = account.bridge.pull()
    assert hidden and account.differences().keys() == hidden
    (held,) = account.ledger.look(lambda txn: txn.find(Quarantined, Where(equal={"connection": "acme"})))
    assert held.id in hidden and "access group" in held.why
    account.simulator.api.unseen.clear()  # type: ignore[attr-defined]
    _ = account.bridge.sweep()
    assert account.differences() == {} and account.bridge.status().quarantined == 0


@pytest.mark.parametrize(("status", "body"), [(403, b"{}"), (404, b"")])
def test_a_job_that_is_listed_and_not_shown_is_set_aside_and_the_rest_is_read(
    status: int, body: bytes
) -> None:
    account = Account.open("smartrecruiters", applications=30)
    job = account.truth()[sorted(account.truth())[0]].job
    refused = SimResponse(status, (("Content-Type", "application/json"),), body)
    account.driver.meddle = lambda asked, respond, _: (
        refused if asked.target == f"/jobs/{job}" else respond(asked)
    )
    _ = account.bridge.pull()
    waiting = {id for id, truth in account.truth().items() if truth.job == job}
    assert account.differences().keys() == waiting
    account.driver.meddle = None
    account.time.sleep(60)
    _ = account.bridge.pull()
    assert account.differences() == {}


def test_a_scope_that_is_lost_within_a_page_hides_nobody() -> None:
    """Who may not even list any more stops, and begins again where the page began."""
    account = Account.open("smartrecruiters", applications=30)
    simulator: Any = account.simulator
    first: list[str] = []

    def lose(asked: Any, respond: Any, _purpose: Any) -> SimResponse:
        if asked.target.startswith("/candidates/") and not first:
            first.append(asked.target)
            simulator.revoke("candidates_read")
        answer: SimResponse = respond(asked)
        return answer

    account.driver.meddle = lose
    with pytest.raises(Forbidden, match="OAuthPermissionsException"):
        _ = account.bridge.pull()
    assert first and account.bridge.status().quarantined == 0
    simulator.scopes.add("candidates_read")
    _ = account.bridge.pull()
    assert account.differences() == {}


def test_trap_1_who_is_looked_for_side_by_side_is_searched_for_once() -> None:
    """Whether a 404 is of one record a search tells, and one search at a time is allowed."""
    account = Account.open("smartrecruiters", applications=40)
    _ = account.bridge.pull()
    people = sorted({id.partition(":")[0] for id in account.truth()})[:16]
    for id in [next(i for i in sorted(account.truth()) if i.startswith(person)) for person in people]:
        account.simulator.delete(id)
    before = len(account.driver.requests)
    _ = account.bridge.sweep(limit=1.0)
    asked = [(r.target.partition("?")[0], status) for r, status in account.driver.requests[before:]]
    missing = asked.index(next(one for one in asked if one[1] == 404))
    refused = sum(status == 404 for _, status in asked)
    # Eight are confirmed at a time.
    assert refused > 2 * len(people) and asked[missing:].count(("/candidates", 200)) <= refused // 4
    assert account.differences() == {}


def test_every_read_may_take_as_long_as_the_vendor_advises(monkeypatch: pytest.MonkeyPatch) -> None:
    """https://developers.smartrecruiters.com/docs/rate-limiting: 128 seconds."""
    account = Account.open("smartrecruiters", applications=8)
    deadlines: dict[str, float] = {}
    exchange = DirectDriver.exchange

    def note(driver: DirectDriver, request: Request, permit: Any = None) -> Response:
        deadlines[request.operation] = request.deadline_seconds
        return exchange(driver, request, permit)

    monkeypatch.setattr(DirectDriver, "exchange", note)
    _ = account.bridge.check()
    _ = account.bridge.pull()
    assert isinstance(account.fresh(sorted(account.truth())[0]), Fresh)
    reads = {read.name for read in VENDOR.reads}
    assert reads <= deadlines.keys() and {deadlines[name] for name in reads} == {128.0}


def test_trap_6_a_sub_status_that_the_account_has_no_more_is_refused_in_the_vendors_words() -> None:
    account = Account.open("smartrecruiters", applications=20)
    _ = account.bridge.pull()
    id = next(i for i, t in sorted(account.truth().items()) if t.stage == "NEW")
    event = account.ask(id, stage="INTERVIEW:2nd interview")
    account.simulator.rename_stage("INTERVIEW:2nd interview", "Final")
    receipt = _pushed(account)[event]
    assert receipt.result is Result.REFUSED and "INVALID_SUB_STATUS" in receipt.why
    assert account.simulator.accepted == []


@pytest.mark.parametrize("status", [404, 301])
def test_who_was_merged_into_another_is_gone_whatever_their_id_leads_to(status: int) -> None:
    account = Account.open("smartrecruiters", applications=20, merged_status=status)
    _ = account.bridge.pull()
    loser, survivor = sorted(account.truth())[0], sorted(account.truth())[-1]
    event = account.ask(loser, stage="INTERVIEW:2nd interview")
    account.simulator.merge(loser, survivor)
    assert _pushed(account)[event].result is Result.REFUSED
    account.time.sleep(60)
    _ = account.bridge.sync()
    _ = account.bridge.sweep()
    assert account.differences() == {}


@pytest.mark.parametrize(
    ("location", "error"),
    [
        (f"/candidates/{OTHER}", NotFound),
        (f"https://api.smartrecruiters.com/candidates/{OTHER}", NotFound),
        (f"/candidates/{PERSON}", Unavailable),
        (f"https://evil.example/candidates/{OTHER}", Unavailable),
        (f"/login?next=/candidates/{OTHER}", Unavailable),
        (f"/candidates?q={OTHER}", Unavailable),
        ("", Unavailable),
    ],
)
def test_a_redirect_to_anything_but_another_candidate_is_no_end_of_anybody(location: str, error: Any) -> None:
    asked = Request(operation="get_candidate", method="GET", url=f"/candidates/{PERSON}")
    answer = Response(status=302, headers={"location": location}, sent_at=AT)
    with pytest.raises(error):
        judge(asked, answer, vendor="smartrecruiters", rules=VENDOR.answers)


def test_a_deleted_job_is_found_by_a_sweep() -> None:
    """No web hook and no list tells of it."""
    account = Account.open("smartrecruiters", applications=20)
    _ = account.bridge.pull()
    simulator: Any = account.simulator
    job = account.truth()[sorted(account.truth())[0]].job
    for id in [id for id, truth in account.truth().items() if truth.job == job]:
        simulator.unassign(id)
    before = account.crm.count(Kind.JOB)
    simulator.delete_job(job)
    _ = account.bridge.sweep()
    assert account.crm.count(Kind.JOB) == before - 1
    assert account.differences() == {}


@pytest.mark.parametrize("name", ["Final ", "x" * 101, "a\u2066b"])
def test_a_sub_status_that_cannot_be_written_says_so_before(name: str) -> None:
    account = Account.open("smartrecruiters", applications=8)
    account.simulator.rename_stage("INTERVIEW:2nd interview", name)
    catalogue = account.driver.run(account.bridge.client.run(account.ats.catalogue(None)))
    odd, usual = catalogue.stage(f"INTERVIEW:{name}"), catalogue.stage("INTERVIEW:1st interview")
    assert odd is not None and usual is not None
    assert (odd.writable, usual.writable) == (Answer.NO, Answer.YES)


@pytest.mark.parametrize(
    ("own", "named", "host"),
    [("sandbox", "", "api.sandbox"), ("sandbox", "production", "api"), ("production", "", "api")],
)
def test_tokens_come_from_the_environment_that_is_named(own: str, named: str, host: str) -> None:
    adapter = SmartRecruiters(
        connection="acme", environment=own, token_environment=named, client_id="c", client_secret="s"
    )
    scheme: Any = adapter.auth()
    assert scheme.url == f"https://{host}.smartrecruiters.com/identity/oauth/token"


def test_check_proves_the_scope_by_the_token_and_nothing_for_a_key() -> None:
    for credential, proof in (("oauth", Proof.PROVED), ("api_key", Proof.UNPROVEN)):
        account = Account.open("smartrecruiters", applications=8, credential=credential)
        (write,) = [f for f in account.bridge.check().access if f.needed_for == "write"]
        assert write.proof is proof


def test_where_the_first_sub_status_is_taken_a_bare_one_is_not_written() -> None:
    account = Account.open("smartrecruiters", applications=20, first_sub_status=True)
    adapter = SmartRecruiters(connection="acme", omitted_sub_status="first", **account.simulator.credentials)
    account = account.restarted(ats=adapter)
    catalogue = account.driver.run(account.bridge.client.run(adapter.catalogue(None)))
    bare, sub = catalogue.stage("INTERVIEW"), catalogue.stage("INTERVIEW:1st interview")
    assert bare is not None and sub is not None
    assert (bare.writable, sub.writable) == (Answer.NO, Answer.YES)


def test_who_is_taken_off_a_job_is_gone_and_stays_a_candidate() -> None:
    account = Account.open("smartrecruiters", applications=20)
    _ = account.bridge.pull()
    id = sorted(account.truth())[0]
    account.simulator.unassign(id)  # type: ignore[attr-defined]
    assert isinstance(account.fresh(id), Gone)
    _ = account.bridge.sweep()
    assert account.differences() == {}


def test_an_application_whose_history_is_not_found_is_there_and_proves_nothing() -> None:
    account = Account.open("smartrecruiters", applications=8)
    body = b'{"message": "No history", "errors": [{"code": "APPLICATION_NOT_FOUND"}]}'
    missing = SimResponse(404, (("Content-Type", "application/json"),), body)
    account.driver.meddle = lambda asked, respond, _: (
        missing if asked.target.endswith("/status/history") else respond(asked)
    )
    fresh = account.fresh(sorted(account.truth())[0])
    assert isinstance(fresh, Fresh) and fresh.signals == {}


@pytest.mark.parametrize("missing", ["before", "after", "a line without a status"])
def test_a_history_that_was_not_read_claims_nothing_of_the_gap(missing: str) -> None:
    """Taken for one of no lines, every line of it would be somebody's change that was written over."""
    account = Account.open("smartrecruiters", applications=16)
    _ = account.bridge.pull()
    id = next(i for i, t in sorted(account.truth().items()) if t.status == "active" and len(t.history) > 1)
    written = False

    def meddle(asked: Any, respond: Any, purpose: Purpose) -> SimResponse:
        nonlocal written
        written = written or purpose is Purpose.WRITE
        answer = respond(asked)
        if not asked.target.endswith("/status/history") or written is not (missing == "after"):
            return answer
        if missing != "a line without a status":
            body = b'{"message": "No history", "errors": [{"code": "APPLICATION_NOT_FOUND"}]}'
            return SimResponse(404, (("Content-Type", "application/json"),), body)
        told = json.loads(answer.body)
        told["content"][-1]["status"] = None
        return SimResponse(200, answer.headers, json.dumps(told).encode())

    there = next(s for s in account.simulator.stages_for(id) if s == "OFFERED")
    _ = account.ask(id, stage=there)
    account.driver.meddle = meddle
    told = list(account.bridge.push().receipts)
    account.time.sleep(60)  # until it is sure to show
    (receipt,) = told + account.bridge.push().receipts
    assert (receipt.result, receipt.gap, receipt.overwritten) == (Result.APPLIED, Gap.UNAUDITED, ())
