"""The Greenhouse adapter, by handing it responses."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import itertools
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, quote, urlsplit

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atsbridge.ats.greenhouse import (
    VENDOR,
    Greenhouse,
    change_mark,
    read_application,
    read_candidate,
    read_job,
    read_reason,
    read_stage,
    read_user,
)
from atsbridge.ats.interface import Catalogue, Fresh, Gone, Proof, Unplannable
from atsbridge.errors import (
    BadPayload,
    BadRecord,
    ConfigurationError,
    CursorLost,
    Forbidden,
    GuardError,
    NotFound,
    Refused,
)
from atsbridge.model import (
    Action,
    Answer,
    ApplicationStatus,
    Intent,
    JobStatus,
    Kind,
    LinkType,
    Ref,
    State,
    TeamRole,
    TombstoneKind,
)
from atsbridge.wire.answers import judge
from atsbridge.wire.auth import ClientCredentials, RefreshToken, Token
from atsbridge.wire.effects import Done, Failed, Once, Request, Response, Together
from atsbridge.wire.guard import Guard, authorise, full_url
from atsbridge.wire.paging import Marks, next_link
from atsbridge.wire.secrets import Secret

BASE = "https://harvest.greenhouse.io/v3"
NOW = datetime(2026, 10, 6, 12, 0, tzinfo=UTC)
ADAPTER = Greenhouse(connection="acme", client_id="id", client_secret="secret")
BY_ROW = attrs.evolve(ADAPTER, from_stage_id_is="stage_id")
A, R, W, H = (
    ApplicationStatus.ACTIVE,
    ApplicationStatus.REJECTED,
    ApplicationStatus.WITHDRAWN,
    ApplicationStatus.HIRED,
)

USER = {
    "id": 9001,
    "name": "Rita",
    "primary_email": "rita@example.com",
    "site_admin": True,
    "deactivated": False,
}
REASON = {
    "id": 8,
    "name": "Withdrew",
    "type": {"id": 2, "key": "THEY_REJECTED_US", "name": "They rejected us"},
}
JOB = {
    "id": 4000123,
    "name": "Senior Backend Engineer",
    "status": "open",
    "requisition_id": "ENG-204",
    "confidential": False,
    "is_template": False,
    "department_id": 7001,
    "office_ids": [501],
    "opened_at": "2026-02-03T09:00:00.000Z",
    "closed_at": None,
    "created_at": "2026-02-01T10:15:00.000Z",
    "updated_at": "2026-10-20T08:00:00.000Z",
}
STAGE = {"id": 88002, "job_id": 4000123, "name": "Phone Screen", "sort_order": 1, "active": True}
APPLICATION = {
    "id": 55501,
    "candidate_id": 33301,
    "job_id": 4000123,
    "status": "in_process",
    "stage_id": 990077,
    "job_interview_stage_id": 88002,
    "stage_name": "Phone Screen",
    "prospect": False,
    "rejected_at": None,
    "rejection_reason_id": None,
    "recruiter_id": 9001,
    "last_activity_at": "2026-10-05T14:20:11.000Z",
    "created_at": "2026-10-01T09:30:00.000Z",
    "updated_at": "2026-10-05T14:20:10.000Z",
}
CANDIDATE = {
    "id": 33301,
    "first_name": "Marta",
    "last_name": "Reis",
    "company": "Acme",
    "title": "Engineer",
    "email_addresses": [{"value": "marta@example.com", "type": "personal"}],
    "phone_numbers": [{"value": "+351 555", "type": "mobile"}],
    "addresses": [{"value": "Lisbon", "type": "home"}],
    "website_addresses": [{"value": "https://marta.example", "type": "portfolio"}],
    "social_media_addresses": [{"value": "linkedin.example/marta"}],
    "tags": ["referral"],
    "private": False,
    "can_email": True,
}
ROW = {
    "id": 990077,
    "application_id": 55501,
    "job_interview_stage_id": 88002,
    "entered_at": "2026-10-02T12:00:00.000Z",
    "current": True,
    "updated_at": "2026-10-02T12:00:00.000Z",
}


def reply(body, *, link=None, status=200, at=NOW):
    headers = {"content-type": "application/json", "date": at.strftime("%a, %d %b %Y %H:%M:%S GMT")}
    if link:
        headers["link"] = f'<{link}>; rel="next"'
    return Response(status=status, headers=headers, body=json.dumps(body).encode(), sent_at=at)


class Desk:
    """Answers requests by listing, and notes what was asked."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def run(self, operation):
        return self._flow(operation.flow())

    def _flow(self, flow):
        step = lambda: next(flow)  # noqa: E731
        while True:
            try:
                effect = step()
            except StopIteration as stop:
                return stop.value
            if isinstance(effect, Together):
                answer = self._together(effect)
            else:
                answer = self._flow(effect.flow()) if isinstance(effect, Once) else self._answer(effect)
            step = lambda answer=answer: flow.send(answer)  # noqa: E731

    def _together(self, effect):
        outcomes = []
        for flow in effect.flows:
            try:
                outcomes.append(Done(self._flow(flow)))
            except Exception as error:
                outcomes.append(Failed(error))
        return outcomes

    def _answer(self, wanted):
        assert isinstance(wanted, Request)
        # Whatever is asked, the guard would let it pass.
        url = Guard(vendor=VENDOR, base=BASE, scheme=ADAPTER.auth()).admit(wanted, None)
        parts = urlsplit(url)
        query = {k: v[0] for k, v in parse_qs(parts.query).items()}
        name = parts.path.removeprefix("/v3/")
        self.asked.append((name, query))
        answer = self.answers.get(name, [])
        answer = answer(query) if callable(answer) else answer
        answer = answer if isinstance(answer, Response) else reply(answer)
        judge(wanted, answer, vendor="greenhouse", rules=VENDOR.answers, complaints=VENDOR.complaints)
        return answer


def stream(name, adapter=ADAPTER):
    return next(s for s in (*adapter.streams(), *adapter.sweeps()) if s.name == name)


def start(name, watermark=None, adapter=ADAPTER):
    return stream(name, adapter).start(watermark, None)


# --- readers -------------------------------------------------------------------------------------

MANDATORY = [
    (read_user, USER, ["id"]),
    (read_reason, REASON, ["id"]),
    (read_job, JOB, ["id"]),
    (read_stage, STAGE, ["id", "job_id"]),
    (read_candidate, CANDIDATE, ["id"]),
    (lambda c, at, data: (read_application(c, at, data),), APPLICATION, ["id", "candidate_id"]),
]


@pytest.mark.parametrize(
    "read, example, name", [(read, example, name) for read, example, names in MANDATORY for name in names]
)
@pytest.mark.parametrize("broken", [None, "", [], {}, True, 1.5])
def test_a_mandatory_field_is_named_where_it_is_missing(read, example, name, broken):
    with pytest.raises(BadRecord) as caught:
        read("acme", NOW, {**example, name: broken})
    assert caught.value.path == name


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=5),
    st.lists(st.none() | st.text(max_size=3) | st.dictionaries(st.text(max_size=3), st.none()), max_size=2),
    st.dictionaries(st.sampled_from(["key", "value", "type"]), st.none() | st.integers(), max_size=2),
)


@given(st.data())
@pytest.mark.parametrize("read, example, names", MANDATORY)
def test_an_optional_field_never_fails(read, example, names, data):
    optional = sorted(set(example) - set(names))
    broken = data.draw(st.dictionaries(st.sampled_from(optional), JUNK, min_size=1))
    (found,) = read("acme", NOW, {**example, **broken})
    assert found.ref.id == str(example["id"])


@pytest.mark.parametrize("data", [None, [], "text", 7])
def test_what_is_no_object_is_a_bad_record(data):
    for read, _, _ in MANDATORY:
        with pytest.raises(BadRecord):
            read("acme", NOW, data)


def test_an_application_as_documented():
    found = read_application("acme", NOW, APPLICATION)
    assert found.ref == Ref("acme", Kind.APPLICATION, "55501")
    assert found.candidate == Ref("acme", Kind.CANDIDATE, "33301")
    assert found.job == Ref("acme", Kind.JOB, "4000123")
    assert found.state == State("88002", A)
    assert (found.stage_name, found.owner, found.vendor_status) == ("Phone Screen", "9001", "in_process")
    assert found.applied_at == datetime(2026, 10, 1, 9, 30, tzinfo=UTC)
    # The later of its two times: a change of stage need not move updated_at.
    assert found.updated_at == datetime(2026, 10, 5, 14, 20, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    "fields, state",
    [
        ({}, State("88002", A)),
        ({"rejection_reason_id": 8}, State("88002", A)),
        ({"status": "rejected", "rejection_reason_id": 8}, State(None, ApplicationStatus.UNKNOWN, "8")),
        ({"status": "rejected"}, State(None, R)),
        ({"status": "hired", "rejection_reason_id": 8}, State(None, H)),
        ({"status": "converted"}, State(None, ApplicationStatus.CONVERTED)),
        ({"status": "active"}, State(None, ApplicationStatus.UNKNOWN)),
        ({"status": None}, State(None, ApplicationStatus.UNKNOWN)),
    ],
)
def test_the_status_and_only_what_is_active_has_a_stage(fields, state):
    assert read_application("acme", NOW, {**APPLICATION, **fields}).state == state


def test_a_prospect_has_no_job():
    found = read_application("acme", NOW, {**APPLICATION, "prospect": True})
    assert (found.job, found.vendor_substatus) == (None, "prospect")


@pytest.mark.parametrize(
    "name, value",
    [
        ("status", "hired"),
        ("stage_id", 990078),
        ("job_interview_stage_id", 88003),
        ("rejection_reason_id", 9),
        ("updated_at", "2026-10-05T14:20:12.000Z"),
        ("last_activity_at", "2026-10-05T14:20:12.000Z"),
    ],
)
def test_any_edit_changes_the_mark(name, value):
    assert change_mark({**APPLICATION, name: value}) != change_mark(APPLICATION)


def test_the_token_is_the_row_only_where_moves_go_by_it():
    assert read_application("acme", NOW, APPLICATION, by_row=True).token == "990077"
    assert read_application("acme", NOW, APPLICATION).token == change_mark(APPLICATION)
    ended = {**APPLICATION, "status": "hired", "stage_id": None}
    assert read_application("acme", NOW, ended, by_row=True).token == change_mark(ended)


def test_the_history_is_in_the_order_of_entering_with_what_has_no_time_first():
    rows = [
        {**ROW, "id": 3, "job_interview_stage_id": 30, "entered_at": "2026-10-03T00:00:00.000Z"},
        {**ROW, "id": 9, "job_interview_stage_id": 10, "entered_at": None},
        {**ROW, "id": 2, "job_interview_stage_id": 20, "entered_at": "2026-10-02T00:00:00.000Z"},
        {**ROW, "id": 4, "job_interview_stage_id": None},
    ]
    history = read_application("acme", NOW, APPLICATION, rows=rows).history
    assert [(t.from_, t.to) for t in history] == [(None, "10"), ("10", "20"), ("20", "30")]


@pytest.mark.parametrize(
    "type, outcome",
    [
        ({"key": "THEY_REJECTED_US"}, W),
        ({"key": "WE_REJECTED_THEM"}, R),
        ({"key": "NONE_SPECIFIED"}, R),
        ({"key": "SECURITY_CONCERN"}, R),
        (None, R),
        ({"key": "SOMETHING_NEW"}, None),
    ],
)
def test_a_reason_says_who_ended_it(type, outcome):
    (reason,) = read_reason("acme", NOW, {**REASON, "type": type})
    assert reason.outcome is outcome


def test_a_job_with_its_team_and_posts():
    parts = {
        " owners": [{"user_id": 1, "type": "recruiter"}, {"user_id": 2, "type": "butler"}, {"user_id": None}],
        " managers": [{"user_id": 3}],
        " posts": [
            {"id": 5, "title": "Old", "live": False, "active": False, "content": "<p>old</p>"},
            {"id": 6, "title": "New", "live": True, "active": True, "content": "<p>new</p>"},
            {"title": "no id"},
        ],
    }
    (job,) = read_job("acme", NOW, {**JOB, **parts})
    assert (job.status, job.vendor_status, job.code) == (JobStatus.OPEN, "open", "ENG-204")
    assert [(m.user_id, m.role) for m in job.hiring_team] == [
        ("3", TeamRole.HIRING_MANAGER),
        ("1", TeamRole.RECRUITER),
        ("2", TeamRole.OTHER),
    ]
    assert [(p.id, p.status) for p in job.postings] == [("5", "deleted"), ("6", "live")]
    assert job.description_html == "<p>new</p>"
    (odd,) = read_job("acme", NOW, {**JOB, "status": "paused"})
    assert (odd.status, odd.vendor_status) == (JobStatus.UNKNOWN, "paused")


def test_a_candidate_as_documented():
    (person,) = read_candidate("acme", NOW, CANDIDATE)
    assert (person.given_name, person.family_name, person.display_name) == ("Marta", "Reis", "Marta Reis")
    assert [(e.value, e.primary) for e in person.emails] == [("marta@example.com", True)]
    assert [link.type for link in person.links] == [LinkType.PORTFOLIO, LinkType.LINKEDIN]
    assert (person.contactable, person.confidential) == (Answer.YES, False)
    assert read_candidate("acme", NOW, {**CANDIDATE, "can_email": False})[0].contactable is Answer.NO
    assert read_candidate("acme", NOW, {**CANDIDATE, "can_email": None})[0].contactable is Answer.UNKNOWN


@pytest.mark.parametrize("family, gone", [("33301", True), ("33302", False), ("Reis", False)])
def test_an_anonymised_person_is_known_by_their_name(family, gone):
    (person,) = read_candidate("acme", NOW, {**CANDIDATE, "first_name": "Anonymized", "last_name": family})
    assert (person.deleted is not None and person.deleted.kind is TombstoneKind.ANONYMISED) is gone
    assert (person.emails == ()) is gone


def test_an_inactive_stage_is_not_written():
    (stage,) = read_stage("acme", NOW, {**STAGE, "active": False})
    assert (stage.active, stage.writable) == (False, Answer.NO)
    assert stage.job == Ref("acme", Kind.JOB, "4000123")


# --- windows -------------------------------------------------------------------------------------


def link_to(name, cursor):
    return f"{BASE}/{name}?cursor={cursor}"


def test_all_is_read_first_and_the_watermark_moves_after_the_last_page():
    first = reply([CANDIDATE], link=link_to("candidates", "x%2By%3D"))
    desk = Desk(
        candidates=lambda query: first if "cursor" not in query else reply([], at=NOW + timedelta(hours=5))
    )
    page = desk.run(stream("candidates").page(start("candidates")))
    assert [i.ids for i in page.items] == [((Kind.CANDIDATE, "33301"),)]
    assert page.next is not None and page.watermark is None
    last = desk.run(stream("candidates").page(page.next))
    assert last.next is None
    # From when the reading began, not from when it ended, and an hour before that.
    assert last.watermark["since"] == (NOW - timedelta(hours=1)).timestamp()
    assert desk.asked == [("candidates", {"per_page": "500"}), ("candidates", {"cursor": "x+y="})]
    json.dumps([page.next, last.watermark])


def test_then_what_changed_since():
    desk = Desk()
    watermark = {"since": (NOW - timedelta(hours=1)).timestamp(), "marks": []}
    desk.run(stream("candidates").page(start("candidates", watermark)))
    ((_, query),) = desk.asked
    assert query == {"per_page": "500", "updated_at": "gte|2026-10-06T11:00:00.000Z"}


@pytest.mark.parametrize(
    "name, extra",
    [
        ("users", {"show_service_accounts": "true"}),
        ("rejection_reasons", {"include_defaults": "true"}),
        ("jobs", {}),
        ("job_interview_stages", {}),
        ("applications", {}),
    ],
)
def test_each_listing_is_asked_for_what_it_else_leaves_out(name, extra):
    desk = Desk()
    desk.run(stream(name).page(start(name)))
    assert desk.asked == [(name, {"per_page": "500", **extra})]


def test_a_page_link_goes_back_as_it_came():
    cursor = quote("a+b/c==%41", safe="")
    seen = []
    desk = Desk(applications=lambda query: reply([APPLICATION], link=link_to("applications", cursor)))
    page = desk.run(stream("applications").page(start("applications")))
    flow = stream("applications").page(page.next).flow()
    seen.append(next(flow))
    flow.close()
    assert full_url(BASE, seen[0]) == link_to("applications", cursor)


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v3/candidates?cursor=x",
        f"{BASE}/applications?cursor=x",
        f"{BASE}/candidates?cursor=x&per_page=5",
        f"{BASE}/candidates?cursor=",
        f"{BASE}/candidates",
        f"{BASE}/candidates/1?cursor=x",
        "http://harvest.greenhouse.io/v3/candidates?cursor=x",
    ],
)
def test_a_link_that_leads_elsewhere_is_not_followed(link):
    with pytest.raises(BadPayload):
        Desk(candidates=reply([], link=link)).run(stream("candidates").page(start("candidates")))


@pytest.mark.parametrize(
    "header, found",
    [
        ("", None),
        (f'<{BASE}/jobs?cursor=a>; rel="prev"', None),
        (f'<{BASE}/jobs?cursor=a>; rel="next"', "a"),
        (f"<{BASE}/jobs?cursor=a>; rel=next", "a"),
        (f'<{BASE}/jobs?cursor=a>; title="x, y"; REL="last Next"', "a"),
        (f'<{BASE}/jobs?cursor=a>; rel="prev", <{BASE}/jobs?cursor=b>;rel="next"', "b"),
    ],
)
def test_the_link_header(header, found):
    wanted = f"{BASE}/jobs?cursor={found}" if found else None
    assert next_link(header, listing=f"{BASE}/jobs", only="cursor") == wanted


@pytest.mark.parametrize("header", [f'{BASE}/jobs?cursor=a; rel="next"', "<>; rel=next", 'rel="next"'])
def test_a_broken_link_header_is_an_error_and_no_end(header):
    with pytest.raises(BadPayload):
        next_link(header, listing=f"{BASE}/jobs", only="cursor")


def test_the_same_link_twice_is_an_error():
    desk = Desk(candidates=reply([], link=link_to("candidates", "x")))
    page = desk.run(stream("candidates").page(start("candidates")))
    with pytest.raises(BadPayload):
        desk.run(stream("candidates").page(page.next))
    for operation in (stream("sweep_jobs").page({"link": link_to("jobs", "x")}), ADAPTER.catalogue(None)):
        with pytest.raises(BadPayload):
            Desk(
                jobs=reply([], link=link_to("jobs", "x")),
                job_interview_stages=reply([], link=link_to("job_interview_stages", "x")),
            ).run(operation)


def test_an_expired_cursor_is_lost_and_any_other_422_is_not():
    no = reply({"errors": ["The cursor has expired."]}, status=422)
    first = Desk(candidates=reply([], link=link_to("candidates", "x")))
    page = first.run(stream("candidates").page(start("candidates")))
    with pytest.raises(CursorLost):
        Desk(candidates=no).run(stream("candidates").page(page.next))
    with pytest.raises(Refused) as caught:
        Desk(candidates=no).run(stream("candidates").page(start("candidates")))
    assert not isinstance(caught.value, CursorLost)


def test_templates_are_no_jobs_and_parts_come_fifty_jobs_at_a_time():
    jobs = [{**JOB, "id": 100 + n, "is_template": n == 0} for n in range(61)]
    desk = Desk(
        jobs=jobs, job_owners=lambda query: [{"id": 1, "job_id": 101, "user_id": 7, "type": "sourcer"}]
    )
    page = desk.run(stream("jobs").page(start("jobs")))
    assert len(page.items) == 60
    asked = [query["job_ids"].count(",") + 1 for name, query in desk.asked if name == "job_owners"]
    assert asked == [50, 10]
    assert [q.get("active") for name, q in desk.asked if name == "job_posts"] == [
        None,
        None,
        "false",
        "false",
    ]
    (job,) = next(i for i in page.items if i.ids[0][1] == "101").read(
        next(i for i in page.items if i.ids[0][1] == "101").raw.data
    )
    assert [m.role for m in job.hiring_team] == [TeamRole.SOURCER, TeamRole.SOURCER]


def test_the_parts_of_a_job_are_asked_for_once_in_an_overlap_however_often_it_is_listed():
    desk = Desk(jobs=[{**JOB, "updated_at": "2026-10-06T11:30:00.000Z"}])
    page = desk.run(stream("jobs").page(start("jobs")))
    assert len(page.items) == 1
    for _ in range(3):
        before = len(desk.asked)
        page = desk.run(stream("jobs").page(start("jobs", page.watermark)))
        assert page.items == [] and [name for name, _ in desk.asked[before:]] == ["jobs"]


def test_jobs_without_details_ask_for_nothing_else():
    plain = attrs.evolve(ADAPTER, job_details=False)
    desk = Desk(jobs=[JOB])
    page = desk.run(stream("jobs", plain).page(start("jobs", adapter=plain)))
    assert [name for name, _ in desk.asked] == ["jobs"] and len(page.items) == 1


def test_what_has_no_id_is_rejected_alone():
    page = Desk(applications=[APPLICATION, {"candidate_id": 1}, None]).run(
        stream("applications").page(start("applications"))
    )
    assert len(page.items) == 1 and len(page.rejected) == 2


def test_an_application_names_its_candidate():
    page = Desk(applications=[APPLICATION]).run(stream("applications").page(start("applications")))
    assert page.items[0].ids == ((Kind.APPLICATION, "55501"), (Kind.CANDIDATE, "33301"))


def test_missing_newer_fields_are_asked_for_fifty_at_a_time():
    old = [{**APPLICATION, "id": n, "job_interview_stage_id": None} for n in range(1, 61)]
    del old[0]["job_interview_stage_id"]
    old += [{**APPLICATION, "id": 100, "status": "rejected", "stage_id": None}]
    old += [{**APPLICATION, "id": 101, "prospect": True, "job_interview_stage_id": None}]
    old += [{**APPLICATION, "id": 102, "status": "hired", "job_interview_stage_id": None}]

    def rows(query):
        assert query["current"] == "true"
        ids = query["application_ids"].split(",")
        return [{**ROW, "application_id": int(n), "job_interview_stage_id": 1000 + int(n)} for n in ids]

    desk = Desk(
        applications=old,
        application_stages=rows,
        rejection_details=[{"id": 1, "application_id": 100, "rejection_reason_id": 8}],
    )
    page = desk.run(stream("applications").page(start("applications")))
    found = {i.ids[0][1]: i.read(i.raw.data)[0].state for i in page.items}
    assert found["1"].stage == "1001" and found["60"].stage == "1060"
    assert found["100"] == State(None, ApplicationStatus.UNKNOWN, "8")
    assert found["101"].stage is None and found["102"].stage is None
    parents = [q["application_ids"].split(",") for name, q in desk.asked if name != "applications"]
    assert [len(ids) for ids in parents] == [50, 10, 1]


# --- the windows on what a change of stage moves ---------------------------------------------------

SINCE = {"since": (NOW - timedelta(hours=1)).timestamp(), "marks": []}


def test_the_window_on_activity_begins_when_it_is_first_asked():
    desk = Desk(applications=[APPLICATION])
    page = desk.run(stream("applications_active").page(start("applications_active")))
    assert (page.items, page.next) == ((), None)
    assert page.watermark["since"] == (NOW - timedelta(hours=1)).timestamp()
    desk.run(stream("applications_active").page(start("applications_active", page.watermark)))
    assert desk.asked[1][1] == {"per_page": "500", "last_activity_at": "gte|2026-10-06T11:00:00.000Z"}


def recent(n, **fields):
    return {**ROW, "id": n, "application_id": n, "updated_at": "2026-10-06T11:30:00.000Z", **fields}


def by_ids(query):
    return [{**APPLICATION, "id": int(n), "stage_id": int(n)} for n in query["ids"].split(",")]


def test_changed_stage_rows_bring_their_applications_fifty_at_a_time_and_once():
    desk = Desk(application_stages=[recent(n) for n in range(1, 71)], applications=by_ids)
    page = desk.run(stream("application_stages").page(start("application_stages", SINCE)))
    assert sorted(int(i.ids[0][1]) for i in page.items) == list(range(1, 71))
    assert [q["ids"].count(",") + 1 for n, q in desk.asked if n == "applications"] == [50, 20]
    again = desk.run(stream("application_stages").page(start("application_stages", page.watermark)))
    assert again.items == [] and len(desk.asked) == 4
    # And the third window still remembers.
    desk.run(stream("application_stages").page(start("application_stages", again.watermark)))
    assert len(desk.asked) == 5


def test_a_row_that_changes_once_more_is_asked_about_once_more():
    row = recent(5)
    desk = Desk(application_stages=lambda _: [row], applications=by_ids)
    page = desk.run(stream("application_stages").page(start("application_stages", SINCE)))
    row["updated_at"] = "2026-10-06T11:31:00.000Z"
    again = desk.run(stream("application_stages").page(start("application_stages", page.watermark)))
    assert len(again.items) == 1


@pytest.mark.parametrize("current, stands_on", [(True, 4), (True, None), (False, 5)])
def test_an_application_that_does_not_show_its_row_yet_is_asked_about_again(current, stands_on):
    desk = Desk(
        application_stages=[recent(5, current=current)],
        applications=[{**APPLICATION, "id": 5, "stage_id": stands_on}],
    )
    page = desk.run(stream("application_stages").page(start("application_stages", SINCE)))
    again = desk.run(stream("application_stages").page(start("application_stages", page.watermark)))
    assert len(again.items) == 1


def test_marks_are_bounded_so_that_a_cursor_stays_small():
    marks = Marks(before=frozenset(f"{n:016x}" for n in range(1200)))
    marks = marks.noting(f"{n:016x}" for n in range(5000))
    assert len(json.dumps(marks.json())) < 50_000


# --- one application -----------------------------------------------------------------------------


def test_a_fresh_read_is_two_requests():
    desk = Desk(applications=[APPLICATION], application_stages=[ROW])
    fresh = desk.run(ADAPTER.get_application(Ref("acme", Kind.APPLICATION, "55501")))
    assert isinstance(fresh, Fresh)
    assert [(n, q.get("ids") or q.get("application_ids")) for n, q in desk.asked] == [
        ("applications", "55501"),
        ("application_stages", "55501"),
    ]
    assert fresh.state == State("88002", A) and [t.to for t in fresh.application.history] == ["88002"]
    assert set(fresh.signals) == {w.name for w in VENDOR.writes}
    assert set(fresh.signals.values()) == {change_mark(APPLICATION)}


def test_a_fresh_read_finds_the_stage_in_the_rows():
    old = {k: v for k, v in APPLICATION.items() if k != "job_interview_stage_id"}
    desk = Desk(applications=[old], application_stages=[{**ROW, "id": 1, "current": False}, ROW])
    fresh = desk.run(ADAPTER.get_application(Ref("acme", Kind.APPLICATION, "55501")))
    assert fresh.state.stage == "88002" and len(desk.asked) == 2


class Without(Desk):
    """What is asked for by its id is not there; the rest of its kind is."""

    def _answer(self, wanted):
        answer = super()._answer(wanted)
        return attrs.evolve(answer, body=b"[]") if "ids" in dict(wanted.query) else answer


def test_an_empty_list_is_gone_and_another_record_is_no_answer():
    ref = Ref("acme", Kind.APPLICATION, "55501")
    gone = Without(applications=[{"id": 7}]).run(ADAPTER.get_application(ref))
    assert isinstance(gone, Gone) and gone.tombstone.kind is TombstoneKind.DELETED
    with pytest.raises(Forbidden, match="no record of this kind shows"):  # no Site Admin any more
        Desk(applications=[]).run(ADAPTER.get_application(ref))
    with pytest.raises(BadPayload, match="another record"):
        Desk(applications=[{**APPLICATION, "id": 55502}]).run(ADAPTER.get_application(ref))


@pytest.mark.parametrize(
    "kind, name", [("application", "applications"), ("candidate", "candidates"), ("job", "jobs")]
)
def test_a_sweep_lists_ids_and_each_miss_is_asked_about(kind, name):
    desk = Desk(**{name: [{"id": 7}]})
    page = desk.run(stream(f"sweep_{name}").page(start(f"sweep_{name}")))
    assert (list(page.shown), page.items, page.next) == ([(Kind(kind), "7")], (), None)
    assert desk.asked == [(name, {"per_page": "500", "fields": "id"})]
    assert desk.run(ADAPTER.confirm_gone(Ref("acme", Kind(kind), "7"))) is None
    eight = Ref("acme", Kind(kind), "8")
    others = Without(**{name: [{"id": 7}]})
    assert others.run(ADAPTER.confirm_gone(eight)).kind is TombstoneKind.DELETED
    with pytest.raises(Forbidden, match="no record of this kind shows"):
        Desk(**{name: []}).run(ADAPTER.confirm_gone(eight))
    with pytest.raises(BadPayload, match="another record"):
        desk.run(ADAPTER.confirm_gone(eight))
    assert Desk().run(ADAPTER.confirm_gone(Ref("acme", Kind.USER, "7"))) is None


def test_the_catalogue_is_of_one_job_or_of_all():
    desk = Desk(job_interview_stages=[STAGE], rejection_reasons=[REASON])
    found = desk.run(ADAPTER.catalogue(Ref("acme", Kind.JOB, "4000123")))
    assert [s.ref.id for s in found.stages] == ["88002"] and [r.ref.id for r in found.reasons] == ["8"]
    assert desk.asked[0][1]["job_ids"] == "4000123" and desk.asked[1][1]["include_defaults"] == "true"
    desk.run(ADAPTER.catalogue(None))
    assert "job_ids" not in desk.asked[2][1]


# --- planning ------------------------------------------------------------------------------------

EMPTY = Catalogue(None)
HERE, THERE = "88002", "88003"


def plan(current, target):
    writes = ADAPTER.plan_writes(current, target, EMPTY)
    # Each part begins where the one before ends.
    assert writes[0].expected == current
    for one, two in itertools.pairwise(writes):
        assert two.expected == one.target
    return [(w.action, w.target) for w in writes]


BACK = (Action.REACTIVATE, State(None, A))
MOVE = (Action.MOVE, State(THERE, A))
REJECT = (Action.REJECT, State(None, R, "8"))
WITHDRAW = (Action.WITHDRAW, State(None, W, "8"))
HIRE = (Action.HIRE, State(None, H))
NO = None
FROM = {
    "active": State(HERE, A),
    "rejected": State(None, R, "7"),
    "withdrawn": State(None, W, "7"),
    "hired": State(None, H),
    "converted": State(None, ApplicationStatus.CONVERTED),
    "unknown": State(None, ApplicationStatus.UNKNOWN, "7"),
}
TO = {
    "stay": State(HERE, A),
    "open": State(None, A),
    "move": State(THERE, A),
    "reject": State(None, R, "8"),
    "reject here": State(HERE, R, "8"),
    "move and reject": State(THERE, R, "8"),
    "withdraw": State(None, W, "8"),
    "hire": State(None, H),
    "move and hire": State(THERE, H),
    "hold": State(None, ApplicationStatus.ON_HOLD),
}
STAYS = {"active": {"stay", "open"}, "hired": {"hire"}}
CHAINS = {
    "active": {
        "move": [MOVE],
        "reject": [REJECT],
        "reject here": [REJECT],
        "move and reject": [MOVE, REJECT],
        "withdraw": [WITHDRAW],
        "hire": [HIRE],
        "move and hire": [MOVE, HIRE],
    },
    "rejected": {
        "stay": [BACK, (Action.MOVE, State(HERE, A))],
        "open": [BACK],
        "move": [BACK, MOVE],
        "hire": [BACK, HIRE],
        "move and hire": [BACK, MOVE, HIRE],
    },
}
CHAINS["withdrawn"] = CHAINS["rejected"]


@pytest.mark.parametrize("start", FROM)
@pytest.mark.parametrize("end", TO)
def test_the_chain_from_every_state_to_every_state(start, end):
    current, target = FROM[start], TO[end]
    if end in STAYS.get(start, ()):
        assert plan(current, target) == [(Action.MOVE, current)]
    elif end in CHAINS.get(start, {}):
        assert plan(current, target) == CHAINS[start][end]
    else:
        with pytest.raises(Unplannable):
            plan(current, target)


def test_a_rejection_needs_a_reason_and_a_hire_takes_none():
    with pytest.raises(Unplannable):
        plan(FROM["active"], State(None, R))
    assert plan(FROM["active"], State(None, H, "8")) == [HIRE]


# --- writing -------------------------------------------------------------------------------------


def fresh(adapter=ADAPTER, **fields):
    data = {**APPLICATION, **fields}
    return Fresh(application=read_application("acme", NOW, data, by_row=adapter._by_row, rows=[ROW]))


def intent(action, expected, target, **fields):
    return Intent(
        intent_id="e/0",
        application=Ref("acme", Kind.APPLICATION, "55501"),
        action=action,
        expected=expected,
        target=target,
        **fields,
    )


WRITES = [
    (
        ADAPTER,
        intent(Action.MOVE, State(HERE, A), State(THERE, A)),
        "move",
        {"from_stage_id": 88002, "to_stage_id": 88003},
    ),
    (
        BY_ROW,
        intent(Action.MOVE, State(HERE, A), State(THERE, A)),
        "move",
        {"from_stage_id": 990077, "to_stage_id": 88003},
    ),
    (ADAPTER, intent(Action.REJECT, State(HERE, A), REJECT[1]), "reject", {"rejection_reason_id": 8}),
    (ADAPTER, intent(Action.WITHDRAW, State(HERE, A), WITHDRAW[1]), "reject", {"rejection_reason_id": 8}),
    (ADAPTER, intent(Action.REACTIVATE, State(None, R), BACK[1]), "unreject", {}),
    (ADAPTER, intent(Action.HIRE, State(HERE, A), HIRE[1]), "hire", {}),
]


@pytest.mark.parametrize("adapter, wanted, path, body", WRITES)
def test_each_write_is_exactly_this_request(adapter, wanted, path, body):
    now = fresh(adapter)
    call = adapter.write_status(wanted, now, EMPTY)
    assert (call.request.method, call.request.url) == ("POST", f"/applications/55501/{path}")
    assert (call.request.body, call.request.query, call.request.headers) == (body, (), ())
    write = authorise(VENDOR, wanted, token=now.application.token, request=call.request)
    assert write.name == adapter.declared(wanted).name
    # Whatever the answer carries, the state is read again.
    assert call.parse(reply(APPLICATION)) is None and call.parse(reply([], status=204)) is None


def test_the_row_that_a_move_names_is_that_of_the_fresh_read():
    wanted = intent(Action.MOVE, State(HERE, A), State(THERE, A))
    call = BY_ROW.write_status(wanted, fresh(BY_ROW), EMPTY)
    with pytest.raises(GuardError):
        authorise(VENDOR, wanted, token="990078", request=call.request)
    with pytest.raises(GuardError):
        BY_ROW.write_status(wanted, fresh(BY_ROW, status="hired"), EMPTY)


def test_a_write_in_another_users_name_is_not_made():
    wanted = intent(Action.REJECT, State(HERE, A), REJECT[1], acting_user="9002")
    named = attrs.evolve(ADAPTER, acting_user="9002")
    for adapter in (ADAPTER, attrs.evolve(ADAPTER, acting_user="9001")):
        with pytest.raises(Unplannable):
            adapter.write_status(wanted, fresh(), EMPTY)
    assert named.write_status(wanted, fresh(), EMPTY)


@pytest.mark.parametrize(
    "action, allowed", [(Action.MOVE, False), (Action.HIRE, False), (Action.REJECT, True)]
)
def test_a_prospect_is_neither_moved_nor_hired(action, allowed):
    wanted = intent(action, State(HERE, A), State(THERE, A, "8"))
    prospect = fresh(prospect=True)
    if allowed:
        assert ADAPTER.write_status(wanted, prospect, EMPTY)
        return
    with pytest.raises(Unplannable):
        ADAPTER.write_status(wanted, prospect, EMPTY)


def test_the_setting_says_how_long_a_write_may_stay_hidden():
    wanted = intent(Action.HIRE, State(HERE, A), HIRE[1])
    assert ADAPTER.declared(wanted).visible_within_seconds == 5.0
    assert attrs.evolve(ADAPTER, visible_within_seconds=9.0).declared(wanted).visible_within_seconds == 9.0


@pytest.mark.parametrize("write", ["move", "move_by_row"])
def test_a_refused_move_names_the_setting(write):
    asked = Request(operation=write, method="POST", url="/applications/1/move")
    with pytest.raises(Refused) as caught:
        judge(asked, reply({"errors": ["x"]}, status=422), vendor="greenhouse", rules=VENDOR.answers)
    assert type(caught.value) is Refused and "from_stage_id_is" in caught.value.message


def test_what_a_dry_run_imagines():
    now = fresh().application
    moved = ADAPTER.imagine(now, intent(Action.MOVE, State(HERE, A), State(THERE, A)))
    assert moved.state == State(THERE, A)
    rejected = ADAPTER.imagine(moved, intent(Action.REJECT, State(THERE, A), REJECT[1]))
    assert rejected.state == State(None, R, "8")
    back = ADAPTER.imagine(rejected, intent(Action.REACTIVATE, rejected.state, BACK[1]))
    assert back.state == State(THERE, A)
    hired = ADAPTER.imagine(back, intent(Action.HIRE, back.state, HIRE[1]))
    assert hired.state == State(None, H)
    # By row, what has been taken back can be moved on in the same dry run.
    ended = fresh(BY_ROW, status="rejected", stage_id=None, rejection_reason_id=8)
    again = BY_ROW.imagine(ended.application, intent(Action.REACTIVATE, State(None, R), BACK[1]))
    onward = intent(Action.MOVE, State(HERE, A), State(THERE, A))
    assert BY_ROW.write_status(onward, Fresh(application=again), EMPTY)


# --- credentials, words, settings ----------------------------------------------------------------


def test_both_kinds_of_credential():
    scheme = attrs.evolve(ADAPTER, acting_user="9001").auth()
    assert isinstance(scheme, ClientCredentials)
    asked = scheme.token_request(None)
    assert asked.body == (("grant_type", "client_credentials"), ("sub", "9001"))
    assert asked.signature[0][1] == "Basic " + base64.b64encode(b"id:secret").decode()
    partner = attrs.evolve(ADAPTER, refresh_token="first").auth()
    assert isinstance(partner, RefreshToken) and partner.rotates
    assert partner.token_request(None).body == (("grant_type", "refresh_token"), ("refresh_token", "first"))
    for request in (asked, partner.token_request(None)):
        assert Guard(vendor=VENDOR, base=BASE, scheme=scheme).admit(request, None) == request.url


def jwt(**claims):
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


@pytest.mark.parametrize(
    "token, scopes, subject",
    [
        (jwt(sub="9001", scope="a b"), {"a", "b"}, "9001"),
        (jwt(sub=9001, scopes=["a"]), {"a"}, "9001"),
        (jwt(scope=7), None, None),
        ("opaque", None, None),
        ("a.b.c", None, None),
        (f"e30.{base64.urlsafe_b64encode(b'[1]').decode()}.c2ln", None, None),
    ],
)
def test_what_a_token_claims_is_shown(token, scopes, subject):
    answer = reply({"access_token": token, "expires_at": "2026-10-06T13:00:00.000Z"})
    read = ADAPTER.auth().read_token(answer, None)
    assert (read.scopes, read.subject) == (scopes and frozenset(scopes), subject)
    assert read.expires_at == NOW + timedelta(hours=1)


def test_write_permissions_are_unproven_unless_the_token_names_its_scopes():
    desk = Desk(users=[USER])
    findings = desk.run(ADAPTER.check_access())
    writes = [f for f in findings if f.what.startswith("write: ")]
    assert [f.proof for f in writes] == [Proof.UNPROVEN] * 4 and all("harvest:" in f.ask for f in writes)
    assert ADAPTER.with_grant(findings, None) == findings
    assert ADAPTER.with_grant(findings, Token(access=Secret("x"))) == findings
    token = Token(access=Secret("x"), scopes=frozenset({"harvest:applications:move"}))
    told = {
        f.what: f.proof for f in ADAPTER.with_grant(findings, token) if f.what in {w.what for w in writes}
    }
    assert told.pop("write: move") is Proof.PROVED and set(told.values()) == {Proof.MISSING}


def test_preflight_reads_one_record_of_each_listing():
    desk = Desk(users=[USER])
    findings = desk.run(ADAPTER.check_access())
    assert {name for name, _ in desk.asked} == {r.path[1:] for r in VENDOR.reads}
    assert all(query["per_page"] == "1" for _, query in desk.asked)
    assert {f.proof for f in findings if f.needed_for != "write"} == {Proof.PROVED}


@pytest.mark.parametrize(
    "body, words",
    [
        ({"errors": ["from_stage_id is not the current stage of the application."]},
         "from_stage_id is not the current stage of the application"),
        ({"errors": ["Marta Reis is already rejected."]}, "… is already rejected"),
        ({"errors": ["marta@example.com: 4711 is invalid", "stage"]}, "… is invalid stage"),
        ({"message": "Invalid or expired token"}, "Invalid or expired token"),
        ({"errors": {"name": "Marta"}}, "The ATS refused the request; nothing happened."),
        ([], "The ATS refused the request; nothing happened."),
        (b"<html>Marta</html>", "The ATS refused the request; nothing happened."),
    ],
)  # fmt: skip
def test_the_vendors_words_without_what_may_be_about_a_person(body, words):
    asked = Request(operation="reject", method="POST", url="/applications/1/reject")
    answer = (
        Response(status=422, body=body, sent_at=NOW) if isinstance(body, bytes) else reply(body, status=422)
    )
    with pytest.raises(Refused) as caught:
        judge(asked, answer, vendor="greenhouse", rules=VENDOR.answers, complaints=VENDOR.complaints)
    assert caught.value.message == words


@pytest.mark.parametrize(
    "body, meaning", [({"errors": ["Not found."]}, NotFound), ({"message": "no Route matched"}, BadPayload)]
)
def test_a_gateway_s_words_do_not_say_what_is_not_there(body, meaning):
    asked = Request(operation="list_jobs", method="GET", url="/jobs")
    with pytest.raises(meaning):
        judge(asked, reply(body, status=404), vendor="greenhouse", complaints=VENDOR.complaints)


# --- web hooks -----------------------------------------------------------------------------------

HOOKED = attrs.evolve(ADAPTER, hook_secret="s3cret with blanks")
EVENT = "0f8fad5b-d9cb-469f-a165-70867728950e"
MOVED = {
    "application": {
        "id": 55501,
        "status": "active",
        "current_stage": {"id": 88003, "name": "Onsite"},
        "candidate": {"id": 33301, "first_name": "Zo\u00eb"},
        "jobs": [{"id": 4000123}],
    }
}


def delivery(payload=MOVED, action="candidate_stage_change"):
    return json.dumps({"action": action, "payload": payload}).encode()


def seal(body, key="s3cret with blanks"):
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def heard(body, **headers):
    """What the adapter makes of a body that Greenhouse signed."""
    return HOOKED.read_hook(
        {"signature": f"sha256 {seal(body)}", "greenhouse-event-id": EVENT, **headers}, body
    )


def named(*refs):
    return tuple(Ref("acme", kind, id) for kind, id in refs)


APP, PERSON = (Kind.APPLICATION, "55501"), (Kind.CANDIDATE, "33301")


def test_a_delivery_is_a_hint_of_what_to_read_again():
    hint = heard(delivery())
    assert (hint.refs, hint.delivery_id, hint.answer) == (named(APP, PERSON), EVENT, 200)
    body = delivery()
    mixed = {"Signature": f"sha256 {seal(body)}", "Greenhouse-Event-ID": EVENT}
    assert HOOKED.read_hook(mixed, body) == hint


@pytest.mark.parametrize(
    "action, payload, refs",
    [
        (
            "delete_application",
            {"application": {"id": 55501, "candidate_id": 33301, "job_id": 4}},
            (APP, PERSON),
        ),
        (
            "delete_candidate",
            {"person": {"id": 33301}, "deleted_application_ids": [55501, 55502, 55501]},
            (APP, (Kind.APPLICATION, "55502"), PERSON),
        ),
        (
            "merge_candidate",
            {"person": {"id": 33301}, "new_candidate_id": 7},
            (PERSON, (Kind.CANDIDATE, "7")),
        ),
        ("candidate_anonymized", {"candidate_id": 33301, "anonymized_fields": ["full_name"]}, (PERSON,)),
        ("update_candidate", {"candidate": {"id": 33301}}, (PERSON,)),
        ("job_deleted", {"job": {"id": 4}}, ((Kind.JOB, "4"),)),
        (
            "job_interview_stage_deleted",
            {"job_interview_stage": {"id": 8, "job_id": 4, "active": False}},
            ((Kind.JOB, "4"), (Kind.STAGE, "8")),
        ),
        ("ping", {"web_hook_id": 1}, ()),
        ("an event of tomorrow", {}, ()),
    ],
)
def test_each_event_names_what_it_is_about_and_a_deletion_is_a_hint_too(action, payload, refs):
    assert heard(delivery(payload, action)).refs == named(*refs)


@pytest.mark.parametrize(
    "payload",
    [
        {"application": []},
        {"application": {"id": 5.5}},
        {"application": {"id": "../users"}},
        {"application": {"id": True, "candidate": "x"}},
        {"deleted_application_ids": {"id": 5}},
        {"deleted_application_ids": [None, [], 0, -1, "", 10**20]},
    ],
)
def test_whatever_a_payload_holds_names_at_most_ids(payload):
    assert heard(delivery(payload)).refs == ()


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b"\xff", b"[" * 100_000, delivery(None), delivery([])]
)
def test_what_is_signed_and_no_delivery_is_nothing(body):
    assert heard(body) is None


@pytest.mark.parametrize(
    "signature",
    [
        "",
        seal(delivery()),
        f"sha256  {seal(delivery())}",
        f"sha256={seal(delivery())}",
        f"sha1 {seal(delivery())}",
        f"sha256 {seal(delivery()).upper()}",
        f"sha256 {seal(delivery())}\n",
        f"sha256 {seal(delivery())[:-1]}",
        f"sha256 {'0' * 64}",
        f"sha256 {seal(delivery(), 'another')}",
        f"sha256 {seal(delivery() + b' ')}",
        f"sha256 {seal(delivery(), '')}",
    ],
)
def test_what_greenhouse_did_not_sign_is_nothing(signature):
    assert heard(delivery(), signature=signature) is None
    assert HOOKED.read_hook({"greenhouse-event-id": EVENT}, delivery()) is None


def test_the_signature_is_over_the_body_as_it_arrived():
    again = json.dumps(json.loads(delivery()), ensure_ascii=False, separators=(",", ":")).encode()
    assert again != delivery() and heard(delivery(), signature=f"sha256 {seal(again)}") is None
    assert heard(again).refs == named(APP, PERSON)


def test_without_a_secret_nothing_is_believed():
    signed = {"signature": f"sha256 {seal(delivery(), '')}"}
    for adapter in (ADAPTER, attrs.evolve(ADAPTER, hook_secret=lambda: " ")):
        assert adapter.read_hook(signed, delivery()) is None


@pytest.mark.parametrize("event", ["", "a b", "x" * 65, "../5", "\u00e9"])
def test_an_event_id_that_is_none_is_the_seal(event):
    assert heard(delivery(), **{"greenhouse-event-id": event}).delivery_id == seal(delivery())


# --- settings ------------------------------------------------------------------------------------


def test_every_unconfirmed_fact_is_a_setting_with_a_default():
    fields = {f.name: f for f in attrs.fields(Greenhouse)}
    for name in VENDOR.unconfirmed:
        assert fields[name].default is not attrs.NOTHING
    with pytest.raises(ConfigurationError):
        attrs.evolve(ADAPTER, from_stage_id_is="stage")


def test_reading_leaves_a_record_as_it_was():
    before = copy.deepcopy(APPLICATION)
    read_application("acme", NOW, APPLICATION, rows=[ROW])
    assert before == APPLICATION
