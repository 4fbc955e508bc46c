"""The Lever adapter, by handing it responses."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atsbridge.ats import lever
from atsbridge.ats.interface import Catalogue, Fresh, Gone, Proof, Unplannable
from atsbridge.ats.lever import (
    VENDOR,
    Lever,
    read_opportunity,
    read_posting,
    read_reason,
    read_requisition,
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
    Throttled,
    Unavailable,
)
from atsbridge.model import (
    Action,
    Answer,
    Application,
    ApplicationStatus,
    Candidate,
    Intent,
    JobStatus,
    Kind,
    LinkType,
    Ref,
    StageKind,
    State,
    TombstoneKind,
)
from atsbridge.wire.answers import judge
from atsbridge.wire.auth import Basic, RefreshToken, Token
from atsbridge.wire.effects import Done, Failed, Once, Response, Together
from atsbridge.wire.guard import Guard, authorise, full_url
from atsbridge.wire.secrets import Secret

BASE = "https://api.lever.co/v1"
NOW = datetime(2026, 10, 6, 12, 0, tzinfo=UTC)
MILLIS = 1_790_000_000_000
ADAPTER = Lever(connection="acme", api_key="key", acting_user="u-1")
A, R, W, H = (
    ApplicationStatus.ACTIVE,
    ApplicationStatus.REJECTED,
    ApplicationStatus.WITHDRAWN,
    ApplicationStatus.HIRED,
)

OPPORTUNITY = {
    "id": "o-1",
    "contact": "c-1",
    "name": "Ines Duarte",
    "headline": "Acme Ltd",
    "stage": "s-1",
    "confidentiality": "non-confidential",
    "location": "Porto",
    "phones": [{"type": "mobile", "value": "+351 555"}],
    "emails": ["ines@example.com"],
    "links": ["https://linkedin.com/in/ines"],
    "archived": None,
    "tags": ["x"],
    "sources": ["Job site"],
    "origin": "applied",
    "owner": "u-2",
    "applications": [{"id": "a-1", "posting": "p-1", "createdAt": MILLIS - 5000}],
    "stageChanges": [
        {"toStageId": "applicant-new", "toStageIndex": 0, "updatedAt": MILLIS - 2000, "userId": "u-2"},
        {"toStageId": "s-1", "toStageIndex": 1, "updatedAt": MILLIS - 1000, "userId": None},
    ],
    "createdAt": MILLIS - 9000,
    "updatedAt": MILLIS,
    "snoozedUntil": None,
    "isAnonymized": False,
    "urls": {"show": "https://hire.lever.co/candidates/o-1"},
}
ENDED = {**OPPORTUNITY, "archived": {"reason": "r-1", "archivedAt": MILLIS + 1000}}
POSTING = {
    "id": "p-1",
    "text": "Backend Engineer",
    "state": "published",
    "categories": {"commitment": "Full-time", "department": "R&D", "team": "Core", "location": "Porto"},
    "requisitionCodes": ["ENG-204"],
    "content": {"descriptionHtml": "<p>x</p>"},
    "urls": {"list": "https://l", "show": "https://s"},
    "owner": "u-1",
    "hiringManager": "u-2",
    "confidentiality": "confidential",
    "workplaceType": "remote",
    "createdAt": MILLIS,
    "updatedAt": MILLIS,
}
REQUISITION = {
    "id": "q-1",
    "name": "Backend",
    "status": "onHold",
    "requisitionCode": "ENG-204",
    "postings": ["p-1"],
}
STAGE = {"id": "s-1", "text": "Phone"}
REASON = {"id": "r-1", "text": "Underqualified", "type": "non-hired", "status": "active"}
USER = {"id": "u-1", "name": "Rita", "email": "rita@example.com", "createdAt": MILLIS, "deactivatedAt": None}


def reply(data, *, status=200, at=NOW, **envelope):
    headers = {"content-type": "application/json", "date": at.strftime("%a, %d %b %Y %H:%M:%S GMT")}
    body = json.dumps({"data": data, **envelope}).encode()
    return Response(status=status, headers=headers, body=body, sent_at=at)


def no(status, code):
    """A refusal in Lever's own form."""
    body = json.dumps({"code": code, "message": "no"}).encode()
    return attrs.evolve(reply({}, status=status), body=body)


def listing(data, *, then=None, at=NOW):
    return reply(data, at=at, hasNext=then is not None, **({"next": then} if then else {}))


class Desk:
    """Answers requests by path, and notes what was asked."""

    def __init__(self, answers=None):
        self.answers = answers or {}
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
            if isinstance(effect, Once):
                answer = self._flow(effect.flow())
            else:
                answer = self._together(effect) if isinstance(effect, Together) else self._answer(effect)
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
        parts = urlsplit(Guard(vendor=VENDOR, base=BASE, scheme=ADAPTER.auth()).admit(wanted, None))
        query = {k: v[0] for k, v in parse_qs(parts.query).items()}
        path = parts.path.removeprefix("/v1")
        self.asked.append((path, query))
        answer = self.answers.get(path, listing([]))
        answer = answer(query) if callable(answer) else answer
        judge(wanted, answer, vendor="lever", rules=VENDOR.answers, complaints=VENDOR.complaints)
        return answer


def stream(name, adapter=ADAPTER):
    return next(s for s in adapter.streams() if s.name == name)


def start(name, watermark=None, adapter=ADAPTER):
    return stream(name, adapter).start(watermark, None)


def read(opportunity, **how):
    """The candidate, if there is one, and the application."""
    found = read_opportunity("acme", NOW, opportunity, **how)
    people = [r for r in found if isinstance(r, Candidate)]
    (application,) = [r for r in found if isinstance(r, Application)]
    return (people[0] if people else None), application


# --- readers -------------------------------------------------------------------------------------

READERS = [
    (read_user, USER, ["id"]),
    (read_reason, REASON, ["id"]),
    (read_stage, STAGE, ["id"]),
    (read_posting, POSTING, ["id"]),
    (read_requisition, REQUISITION, ["id"]),
    (read_opportunity, OPPORTUNITY, ["id", "contact"]),
]


@pytest.mark.parametrize("read, example, name", [(r, e, name) for r, e, names in READERS for name in names])
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
    st.dictionaries(
        st.sampled_from(["id", "value", "type", "reason"]), st.none() | st.integers(), max_size=2
    ),
)


@given(st.data())
@pytest.mark.parametrize("read, example, names", READERS)
def test_an_optional_field_never_fails(read, example, names, data):
    optional = sorted(set(example) - set(names))
    broken = data.draw(st.dictionaries(st.sampled_from(optional), JUNK, min_size=1))
    found = read("acme", NOW, {**example, **broken})
    assert str(example["id"]) in {record.ref.id for record in found}


def test_an_opportunity_as_documented():
    person, application = read(OPPORTUNITY)
    assert application.ref == Ref("acme", Kind.APPLICATION, "o-1")
    assert application.candidate == person.ref == Ref("acme", Kind.CANDIDATE, "c-1")
    assert application.job == Ref("acme", Kind.JOB, "p-1")
    assert application.state == State("s-1", A)
    assert [(t.from_, t.to, t.actor) for t in application.history] == [
        (None, "applicant-new", "u-2"),
        ("applicant-new", "s-1", None),
    ]
    assert application.stage_entered_at == application.history[-1].at
    assert (person.display_name, person.company) == ("Ines Duarte", "Acme Ltd")
    assert [(e.value, e.primary) for e in person.emails] == [("ines@example.com", True)]
    assert person.links[0].type is LinkType.LINKEDIN


def test_an_opportunity_without_a_posting_has_no_job():
    for applications in ([], None, ["a-1"], [{"posting": None}]):
        assert read({**OPPORTUNITY, "applications": applications})[1].job is None


def test_a_stage_is_an_id_or_an_object():
    assert read({**OPPORTUNITY, "stage": {"id": "s-9", "text": "x"}})[1].state.stage == "s-9"


def test_what_is_archived_keeps_its_stage_and_its_reason_says_how_it_ended():
    assert read(ENDED)[1].state == State("s-1", ApplicationStatus.UNKNOWN, "r-1")
    assert read(ENDED)[1].vendor_status == "archived"


@pytest.mark.parametrize(
    "reason, withdrawn, outcome",
    [
        ({"type": "hired"}, (), H),
        ({"type": "hired"}, ("r-1",), H),
        ({"type": "non-hired"}, (), R),
        ({"type": "non-hired"}, ("r-1",), W),
        ({"type": "non-hired"}, ("r-2",), R),
        ({"type": None}, (), None),
        ({"type": "something-new"}, (), None),
        ({"type": None}, ("r-1",), W),
    ],
)
def test_a_reason_says_how_it_ended(reason, withdrawn, outcome):
    (found,) = read_reason("acme", NOW, {**REASON, **reason}, withdrawn=frozenset(withdrawn))
    assert found.outcome is outcome


def test_a_snooze_is_no_status():
    later = int((NOW + timedelta(days=1)).timestamp() * 1000)
    snoozed = read({**OPPORTUNITY, "snoozedUntil": later})[1]
    assert (snoozed.status, snoozed.vendor_substatus) == (A, "snoozed")
    assert read({**OPPORTUNITY, "snoozedUntil": 1000})[1].vendor_substatus is None


@pytest.mark.parametrize(
    "change",
    [
        {"updatedAt": MILLIS + 1},
        {"stageChanges": OPPORTUNITY["stageChanges"][:1]},
        {"archived": {"reason": "r-1", "archivedAt": MILLIS}},
        {"archived": {"reason": "r-2", "archivedAt": MILLIS}},
    ],
)
def test_any_edit_changes_the_token(change):
    assert read({**OPPORTUNITY, **change})[1].token != read(OPPORTUNITY)[1].token


def test_an_anonymised_contact_is_a_tombstone_and_an_anonymised_opportunity_alone_is_not():
    blank = {**OPPORTUNITY, "isAnonymized": True}
    person, application = read(blank)
    assert person is None and application.ref.id == "o-1"
    person, application = read(blank, blanked=frozenset({"c-1"}))
    assert person.deleted.kind is TombstoneKind.ANONYMISED and person.emails == ()
    assert application.deleted is None


def test_a_posting_and_a_requisition_are_jobs():
    (posting,) = read_posting("acme", NOW, POSTING)
    assert (posting.status, posting.code, posting.confidential) == (JobStatus.OPEN, "ENG-204", True)
    assert [n.name for n in posting.departments] == ["R&D", "Core"]
    (requisition,) = read_requisition("acme", NOW, REQUISITION)
    assert (requisition.status, [p.id for p in requisition.postings]) == (JobStatus.ON_HOLD, ["p-1"])
    assert posting.url == posting.postings[0].url == "https://s"
    (odd,) = read_posting("acme", NOW, {**POSTING, "state": "dreaming"})
    assert (odd.status, odd.vendor_status) == (JobStatus.UNKNOWN, "dreaming")


@pytest.mark.parametrize("state", ["open", "onHold", "closed", "draft", "pending", "rejected"])
def test_every_recorded_status_of_a_requisition_is_known(state):
    (found,) = read_requisition("acme", NOW, {**REQUISITION, "status": state})
    assert found.status is not JobStatus.UNKNOWN


def test_who_was_sourced_has_not_applied():
    assert read(OPPORTUNITY)[1].applied_at.timestamp() * 1000 == MILLIS - 5000
    assert read({**OPPORTUNITY, "applications": []})[1].applied_at is None


SOON, GONE = (int((NOW + timedelta(days=d)).timestamp() * 1000) for d in (1, -1))


@pytest.mark.parametrize(
    "protection, contactable",
    [
        (None, Answer.UNKNOWN),
        ({}, Answer.UNKNOWN),
        ({"contact": None}, Answer.UNKNOWN),
        ({"contact": {"allowed": "yes"}}, Answer.UNKNOWN),
        ({"contact": {"allowed": True, "expiresAt": None}}, Answer.YES),
        ({"contact": {"allowed": True, "expiresAt": SOON}}, Answer.YES),
        ({"contact": {"allowed": True, "expiresAt": GONE}}, Answer.NO),
        ({"contact": {"allowed": False, "expiresAt": None}}, Answer.NO),
        ({"store": {"allowed": True, "expiresAt": None}}, Answer.UNKNOWN),
    ],
)
def test_consent_says_who_may_be_contacted(protection, contactable):
    assert read({**OPPORTUNITY, "dataProtection": protection})[0].contactable is contactable


def test_built_in_stages_are_known_by_their_ids():
    (lead,) = read_stage("acme", NOW, {"id": "lead-new", "text": "New lead"})
    (own,) = read_stage("acme", NOW, STAGE)
    assert (lead.kind, own.kind) == (StageKind.LEAD, StageKind.OTHER)


# --- streams -------------------------------------------------------------------------------------


def test_all_is_read_first_then_what_changed_meanwhile_and_only_then_the_watermark_moves():
    # updatedAt is null on what was never touched: a first load by time would miss it.
    untouched = {**OPPORTUNITY, "updatedAt": None}
    token = "%5B1%2C%22x%22%5D"

    def pages(query):
        if "updated_at_start" in query:
            return listing([], at=NOW + timedelta(hours=9))
        return (
            listing([], at=NOW + timedelta(hours=5))
            if "offset" in query
            else listing([untouched], then=token)
        )

    desk = Desk({"/opportunities": pages})
    operate = stream("opportunities").page
    page = desk.run(operate(start("opportunities")))
    assert page.items[0].ids == ((Kind.APPLICATION, "o-1"), (Kind.CANDIDATE, "c-1"))
    assert page.watermark is None
    page = desk.run(operate(page.next))
    assert page.watermark is None
    page = desk.run(operate(page.next))
    assert page.next is None
    began, overlap = NOW + timedelta(hours=9), timedelta(minutes=5)
    assert page.watermark == {"since": (began - overlap).timestamp()}
    since = str(int((NOW - overlap).timestamp() * 1000))
    paths = {path for path, _ in desk.asked}
    assert paths == {"/opportunities"}
    assert [q.get("updated_at_start") for _, q in desk.asked] == [None, None, since]
    assert [q.get("offset") for _, q in desk.asked] == [None, token, None]
    assert all(q["expand"] == "applications" and q["limit"] == "100" for _, q in desk.asked)


def test_a_watermark_is_where_the_next_window_begins():
    desk = Desk()
    page = desk.run(stream("postings").page(start("postings", {"since": 1000.0})))
    assert desk.asked == [("/postings", {"limit": "100", "updated_at_start": "1000000"})]
    assert page.next is None and page.watermark["since"] == (NOW - timedelta(minutes=5)).timestamp()


@pytest.mark.parametrize("token", ["%5B1%2C2%5D", "a+b/c=", "ä"])
def test_an_offset_goes_back_as_it_came_encoded_once_more(token):
    desk = Desk({"/postings": lambda query: listing([], then=token)})
    page = desk.run(stream("postings").page(start("postings")))
    flow = stream("postings").page(page.next).flow()
    url = full_url(BASE, next(flow))
    flow.close()
    assert parse_qs(urlsplit(url).query)["offset"] == [token]


@pytest.mark.parametrize(
    "envelope",
    [{}, {"hasNext": True}, {"hasNext": True, "next": ""}, {"hasNext": "true", "next": "x"}, {"next": "x"}],
)
def test_an_envelope_that_does_not_say_whether_there_is_more_is_an_error(envelope):
    with pytest.raises(BadPayload):
        Desk({"/postings": reply([], **envelope)}).run(stream("postings").page(start("postings")))


def test_the_same_offset_twice_is_an_error():
    desk = Desk({"/postings": lambda query: listing([], then="x")})
    page = desk.run(stream("postings").page(start("postings")))
    with pytest.raises(BadPayload):
        desk.run(stream("postings").page(page.next))


def test_an_offset_that_is_no_longer_good_is_a_lost_cursor():
    no = reply({}, status=400)
    desk = Desk({"/postings": lambda query: no if "offset" in query else listing([], then="x")})
    page = desk.run(stream("postings").page(start("postings")))
    with pytest.raises(CursorLost):
        desk.run(stream("postings").page(page.next))


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" ,\n", " : ")])
def test_only_the_contacts_of_anonymised_opportunities_are_asked_and_once_each(separators):
    listed = [
        OPPORTUNITY,
        {**OPPORTUNITY, "id": "o-2", "contact": "c-2", "isAnonymized": True},
        {**OPPORTUNITY, "id": "o-3", "contact": "c-2", "isAnonymized": True},
        {**OPPORTUNITY, "id": "o-4", "contact": "c-4", "isAnonymized": True},
        {**OPPORTUNITY, "id": "o-5", "contact": "c-5", "isAnonymized": True},
    ]
    body = json.dumps({"data": listed, "hasNext": False}, separators=separators).encode()

    def opportunities(query):
        if "contact_id" in query:
            return listing([o for o in listed if o["contact"] == query["contact_id"]])
        return attrs.evolve(listing([]), body=body)

    desk = Desk(
        {
            "/opportunities": opportunities,
            "/contacts/c-2": reply({"id": "c-2", "isAnonymized": True}),
            "/contacts/c-4": reply({"id": "c-4", "isAnonymized": False}),
            "/contacts/c-5": no(404, "ResourceNotFound"),
        }
    )
    page = desk.run(stream("opportunities").page(start("opportunities")))
    once = ["/contacts/c-2", "/contacts/c-4", "/contacts/c-5"]
    assert [path for path, _ in desk.asked[1:4]] == once
    of_five = ("/opportunities", {"limit": "100", "contact_id": "c-5"})
    assert desk.asked[4:] == [("/contacts/c-5", {}), of_five]  # not found: once more, then by other means
    found = [record for item in page.items for record in item.read(item.raw.data)]
    gone = {r.ref.id for r in found if isinstance(r, Candidate) and r.deleted}
    alive = {r.ref.id for r in found if isinstance(r, Candidate) and not r.deleted}
    assert (gone, alive) == ({"c-2", "c-5"}, {"c-1"})
    assert sum(isinstance(r, Application) for r in found) == 5


def test_one_passing_not_found_blanks_no_contact():
    answers = iter([no(404, "ResourceNotFound"), reply({"id": "c-1", "isAnonymized": False})])
    blank = {**OPPORTUNITY, "isAnonymized": True}
    desk = Desk({"/opportunities": listing([blank]), "/contacts/c-1": lambda _query: next(answers)})
    page = desk.run(stream("opportunities").page(start("opportunities")))
    found = [record for item in page.items for record in item.read(item.raw.data)]
    assert not [r for r in found if isinstance(r, Candidate) and r.deleted]


BLANK = {**OPPORTUNITY, "isAnonymized": True}
ALSO = {**BLANK, "id": "o-2"}


def page_without_a_contact(of_contact, **settings):
    """A page with one anonymised opportunity, whose contact is not found however often it is asked for."""
    adapter = attrs.evolve(ADAPTER, **settings)
    desk = Desk(
        {
            "/opportunities": lambda query: of_contact if "contact_id" in query else listing([BLANK]),
            "/contacts/c-1": no(404, "ResourceNotFound"),
        }
    )
    page = desk.run(stream("opportunities", adapter).page(start("opportunities", adapter=adapter)))
    (item,) = page.items
    return desk, item


@pytest.mark.parametrize("listed", [[BLANK], [BLANK, ALSO]])
def test_who_is_not_found_is_blank_where_all_their_opportunities_are(listed):
    _, item = page_without_a_contact(listing(listed))
    person, application = item.read(item.raw.data)
    assert person.deleted.kind is TombstoneKind.ANONYMISED and application.ref.id == "o-1"


@pytest.mark.parametrize("live", [{"isAnonymized": False}, {"isAnonymized": None}])
def test_who_is_not_found_is_alive_where_one_of_their_opportunities_is(live):
    _, item = page_without_a_contact(listing([BLANK, {**ALSO, **live}]))
    (application,) = item.read(item.raw.data)
    assert isinstance(application, Application)


@pytest.mark.parametrize(
    "of_contact",
    [
        listing([]),
        listing([{**ALSO, "contact": "c-2"}]),
        listing([BLANK, {**ALSO, "contact": "c-2"}]),
        listing([BLANK, {**ALSO, "contact": None}]),
        listing([BLANK, None]),
        listing([BLANK], then="x"),
    ],
    ids=["none", "of another", "of another too", "of nobody", "no record", "not all of them"],
)
def test_where_their_opportunities_do_not_tell_that_record_is_set_aside_alone(of_contact):
    _, item = page_without_a_contact(of_contact)
    assert item.ids[0] == (Kind.APPLICATION, "o-1")
    with pytest.raises(BadRecord, match="contact: ") as caught:
        item.read(item.raw.data)
    assert caught.value.path == "contact"


@pytest.mark.parametrize("status, error", [(403, Forbidden), (404, NotFound), (500, Unavailable)])
def test_opportunities_of_a_contact_that_cannot_be_listed_blank_nobody(status, error):
    with pytest.raises(error):
        page_without_a_contact(no(status, "Any"))


def test_the_opportunities_of_a_contact_are_asked_for_with_the_confidential_ones():
    desk, _ = page_without_a_contact(listing([BLANK]), confidential=True)
    assert desk.asked[-1][1] == {"limit": "100", "contact_id": "c-1", "confidentiality": "all"}


@pytest.mark.parametrize("contact", ["contact_1", "a/b", "..", "x" * 65])
def test_a_contact_whose_id_no_request_can_carry_stops_no_page(contact):
    odd = {**OPPORTUNITY, "id": "o-2", "contact": contact, "isAnonymized": True}
    desk = Desk({"/opportunities": listing([OPPORTUNITY, odd])})
    page = desk.run(stream("opportunities").page(start("opportunities")))
    assert [path for path, _ in desk.asked] == ["/opportunities"]
    assert [item.ids[0][1] for item in page.items] == ["o-1", "o-2"]


@pytest.mark.parametrize("status, error", [(403, Forbidden), (500, Unavailable), (429, Throttled)])
def test_a_contact_that_does_not_answer_is_not_taken_as_one_that_is_there(status, error):
    # The record would not be read again, and the person's data would stay.
    blank = {**OPPORTUNITY, "isAnonymized": True}
    desk = Desk({"/opportunities": listing([blank]), "/contacts/c-1": reply({}, status=status)})
    with pytest.raises(error):
        desk.run(stream("opportunities").page(start("opportunities")))


@pytest.mark.parametrize(
    "name, path, kind",
    [
        ("deleted_opportunities", "/opportunities/deleted", Kind.APPLICATION),
        ("deleted_postings", "/postings/deleted", Kind.JOB),
    ],
)
def test_lists_of_deletions_are_tombstones(name, path, kind):
    desk = Desk({path: listing([{"id": "x-1", "deletedAt": MILLIS}])})
    page = desk.run(stream(name).page(start(name)))
    assert list(page.deleted) == [Ref("acme", kind, "x-1")] and page.items == ()
    assert desk.asked == [(path, {"limit": "100", "deleted_at_start": "0"})]
    desk.run(stream(name).page(start(name, page.watermark)))
    since = int((NOW - timedelta(minutes=5)).timestamp() * 1000)
    assert desk.asked[1][1]["deleted_at_start"] == str(since)


def test_a_deletion_without_an_id_is_rejected_alone():
    desk = Desk({"/opportunities/deleted": listing([{"id": "x-1"}, {"deletedAt": MILLIS}, None])})
    page = desk.run(stream("deleted_opportunities").page(start("deleted_opportunities")))
    assert [ref.id for ref in page.deleted] == ["x-1"]
    assert [path for path, _ in page.rejected] == ["[1].id", "[2]."]


def test_short_lists_are_read_whole_each_time_and_stages_keep_their_place():
    def pages(query):
        return listing([{"id": "s-2", "text": "b"}]) if "offset" in query else listing([STAGE], then="x")

    desk = Desk({"/stages": pages})
    page = desk.run(stream("stages").page(start("stages", {"since": 5.0})))
    last = desk.run(stream("stages").page(page.next))
    orders = [i.read(i.raw.data)[0].order for p in (page, last) for i in p.items]
    assert orders == [0, 1] and not stream("stages").incremental
    assert all(set(q) <= {"limit", "offset"} for _, q in desk.asked)


def test_confidential_records_are_asked_for_only_where_that_is_set():
    secret = attrs.evolve(ADAPTER, confidential=True)
    for name in ("opportunities", "postings", "requisitions", "deleted_opportunities", "deleted_postings"):
        for adapter, wanted in ((ADAPTER, None), (secret, "all")):
            desk = Desk()
            desk.run(stream(name, adapter).page(start(name, adapter=adapter)))
            assert desk.asked[0][1].get("confidentiality") == wanted


def test_what_has_no_id_is_rejected_alone():
    desk = Desk({"/opportunities": listing([OPPORTUNITY, {"id": "o-9"}, None])})
    page = desk.run(stream("opportunities").page(start("opportunities")))
    assert len(page.items) == 1 and len(page.rejected) == 2


# --- one application -----------------------------------------------------------------------------


def get(answer, *, listed=None, **settings):
    desk = Desk({"/opportunities/o-1": answer, "/opportunities": listed or listing([OPPORTUNITY])})
    adapter = attrs.evolve(ADAPTER, **settings)
    return desk.run(adapter.get_application(Ref("acme", Kind.APPLICATION, "o-1")))


def test_a_fresh_read_has_a_signal_for_every_write():
    fresh = get(reply(OPPORTUNITY))
    assert isinstance(fresh, Fresh) and set(fresh.signals) == {w.name for w in VENDOR.writes}
    # A move is counted; archiving changes no history, so it has only the token.
    assert fresh.signals["move"] == "2"
    assert {fresh.signals[n] for n in ("archive", "hire", "unarchive")} == {fresh.application.token}


@pytest.mark.parametrize("changes", [None, "none", [], [{"toStageId": "s"}, {}], [3]])
def test_moves_are_counted_only_where_all_of_them_were_read(changes):
    fresh = get(reply({**OPPORTUNITY, "stageChanges": changes}))
    assert fresh.signals.get("move") == ("0" if changes == [] else None)


@pytest.mark.parametrize(
    "status, kind",
    [(404, TombstoneKind.DELETED), (410, TombstoneKind.DELETED), (403, TombstoneKind.LOST_ACCESS)],
)
def test_what_cannot_be_read_any_more_is_gone(status, kind):
    gone = get(no(status, "Any"))
    assert isinstance(gone, Gone) and gone.tombstone.kind is kind


@pytest.mark.parametrize("status, error", [(403, Forbidden), (404, NotFound), (500, Unavailable)])
def test_an_endpoint_that_says_no_as_a_whole_hides_no_single_record(status, error):
    with pytest.raises(error):
        get(no(404, "ResourceNotFound"), listed=no(status, "Any"))


def test_where_nothing_shows_at_all_nothing_is_gone():
    with pytest.raises(Forbidden, match="no record of this kind shows at all"):
        get(no(404, "ResourceNotFound"), listed=listing([]))


@pytest.mark.parametrize("body", [b"", b"<html>404</html>", b'{"message": "no Route matched"}', b"[]"])
def test_a_404_that_is_not_levers_own_is_no_deletion(body):
    with pytest.raises(BadPayload):
        get(attrs.evolve(no(404, "ResourceNotFound"), body=body))


def test_a_listing_that_does_not_answer_hides_no_single_record():
    with pytest.raises(Unavailable):
        get(reply({}, status=403), listed=reply({}, status=503))


def test_where_what_is_hidden_is_404_no_read_deletes():
    gone = get(no(404, "ResourceNotFound"), hidden_is_404=True)
    assert gone.tombstone.kind is TombstoneKind.LOST_ACCESS


def test_the_catalogue_has_all_stages_and_reasons():
    desk = Desk({"/stages": listing([STAGE]), "/archive_reasons": listing([REASON])})
    found = desk.run(ADAPTER.catalogue(None))
    assert [s.ref.id for s in found.stages] == ["s-1"] and [r.ref.id for r in found.reasons] == ["r-1"]


# --- planning ------------------------------------------------------------------------------------

EMPTY = Catalogue(None)
HERE, THERE = "s-1", "s-2"
BACK = (Action.REACTIVATE, State(HERE, A))
MOVE = (Action.MOVE, State(THERE, A))


def ending(action, status, stage=HERE):
    return (action, State(stage, status, "r-2"))


FROM = {
    "active": State(HERE, A),
    "rejected": State(HERE, R, "r-1"),
    "withdrawn": State(HERE, W, "r-1"),
    "hired": State(HERE, H, "r-1"),
    "unknown": State(HERE, ApplicationStatus.UNKNOWN, "r-1"),
}
ENDINGS = {"reject": (Action.REJECT, R), "withdraw": (Action.WITHDRAW, W), "hire": (Action.HIRE, H)}


def expected_chain(start, end, stage):
    """Out of the archive, to the stage, into the archive: whichever of the three is needed."""
    if end == "open":
        back = [] if start == "active" else [BACK]
        return back + ([MOVE] if stage == THERE else []) or [(Action.MOVE, FROM[start])]
    action, status = ENDINGS[end]
    here = FROM[start]
    move = [(Action.MOVE, attrs.evolve(here, stage=THERE))] if stage == THERE else []
    return [*move, ending(action, status, THERE if stage == THERE else HERE)]


@pytest.mark.parametrize("start", FROM)
@pytest.mark.parametrize("end", ["open", *ENDINGS])
@pytest.mark.parametrize("stage", [None, HERE, THERE])
def test_the_chain_from_every_state_to_every_state(start, end, stage):
    status = A if end == "open" else ENDINGS[end][1]
    target = State(stage, status, None if end == "open" else "r-2")
    writes = ADAPTER.plan_writes(FROM[start], target, EMPTY)
    assert [(w.action, w.target) for w in writes] == expected_chain(start, end, stage)
    assert writes[0].expected == FROM[start]
    for before, after in itertools.pairwise(writes):
        assert after.expected == before.target
    assert writes[-1].target.meets(target)


def test_what_has_ended_as_wanted_is_not_ended_again_when_it_is_moved():
    target = State(THERE, R, "r-1")
    writes = ADAPTER.plan_writes(FROM["rejected"], target, EMPTY)
    assert [(w.action, w.target) for w in writes] == [(Action.MOVE, target)]


def test_what_is_there_already_is_one_part_that_changes_nothing():
    for state in (FROM["active"], FROM["rejected"]):
        assert [(w.expected, w.target) for w in ADAPTER.plan_writes(state, state, EMPTY)] == [(state, state)]


@pytest.mark.parametrize("target", [State(HERE, R), State(HERE, ApplicationStatus.ON_HOLD), State(HERE, H)])
def test_an_end_without_reason_or_without_a_word_is_not_planned(target):
    with pytest.raises(Unplannable):
        ADAPTER.plan_writes(FROM["active"], target, EMPTY)


# --- writing -------------------------------------------------------------------------------------


def intent(action, target, **fields):
    return Intent(
        intent_id="e/0",
        application=Ref("acme", Kind.APPLICATION, "o-1"),
        action=action,
        expected=FROM["active"],
        target=target,
        acting_user="u-1",
        **fields,
    )


@pytest.mark.parametrize(
    "action, target, path, body",
    [
        (Action.MOVE, State(THERE, A), "stage", {"stage": THERE}),
        (Action.REJECT, State(HERE, R, "r-2"), "archived", {"reason": "r-2"}),
        (Action.WITHDRAW, State(HERE, W, "r-2"), "archived", {"reason": "r-2"}),
        (Action.HIRE, State(HERE, H, "r-3"), "archived", {"reason": "r-3"}),
        (Action.REACTIVATE, State(HERE, A), "archived", {"reason": None}),
    ],
)
def test_each_write_is_exactly_this_request(action, target, path, body):
    wanted = intent(action, target)
    call = ADAPTER.write_status(wanted, get(reply(OPPORTUNITY)), EMPTY)
    assert (call.request.method, call.request.url) == ("PUT", f"/opportunities/o-1/{path}")
    assert (call.request.body, call.request.query, call.request.headers) == (
        body,
        (("perform_as", "u-1"),),
        (),
    )
    assert authorise(VENDOR, wanted, token=None, request=call.request).name == ADAPTER.declared(wanted).name
    assert call.parse(reply(ENDED)).state.reason == "r-1"


@pytest.mark.parametrize("id", ["o/1", "../users", "o 1", "", "x" * 65, "ö", "o-1?x=1"])
def test_an_id_of_another_form_is_never_sent(id):
    wanted = attrs.evolve(intent(Action.MOVE, State(id, A)))
    with pytest.raises(GuardError):
        ADAPTER.write_status(wanted, get(reply(OPPORTUNITY)), EMPTY)


def test_nobody_acts_for_no_one():
    wanted = attrs.evolve(intent(Action.MOVE, State(THERE, A)), acting_user=None)
    with pytest.raises(Unplannable):
        ADAPTER.write_status(wanted, get(reply(OPPORTUNITY)), EMPTY)


# --- credentials and preflight ---------------------------------------------------------------------


def test_the_kinds_of_credential():
    assert isinstance(ADAPTER.auth(), Basic)
    app = Lever(connection="acme", client_id="i", client_secret="s", refresh_token="r", region="sandbox")
    scheme = app.auth()
    assert isinstance(scheme, RefreshToken) and "sandbox" in scheme.url
    assert set(dict(scheme.token_request(None).body)) == {
        "grant_type",
        "refresh_token",
        "client_id",
        "client_secret",
    }
    with pytest.raises(ConfigurationError):
        Lever(connection="acme", client_id="i").auth()


@pytest.mark.parametrize(
    "user, proof",
    [
        (reply(USER), Proof.PROVED),
        (reply({**USER, "deactivatedAt": MILLIS}), Proof.MISSING),
        (no(404, "ResourceNotFound"), Proof.MISSING),
    ],
)
def test_preflight_looks_at_the_acting_user(user, proof):
    findings = Desk({"/users/u-1": user}).run(ADAPTER.check_access())
    assert {f.what: f.proof for f in findings}["the acting user exists"] is proof


def test_preflight_names_the_read_that_is_not_granted():
    findings = Desk({"/requisitions": reply({}, status=403)}).run(ADAPTER.check_access())
    assert [f.what for f in findings if f.proof is Proof.MISSING and f.needed_for == "read"] == [
        "read requisitions"
    ]


@pytest.mark.parametrize("setting", ["region", "hook_signed"])
def test_a_word_that_no_setting_knows_is_refused(setting):
    with pytest.raises(ConfigurationError, match=f"{setting} is one of"):
        attrs.evolve(ADAPTER, **{setting: "mars"})


def test_reasons_may_be_given_as_one_text():
    assert attrs.evolve(ADAPTER, withdrawn_reasons="r-1 r-2").withdrawn_reasons == {"r-1", "r-2"}
    assert attrs.evolve(ADAPTER, withdrawn_reasons=["r-1"]).withdrawn_reasons == {"r-1"}


def checked(answers, adapter=ADAPTER):
    return {f.what: f for f in Desk({"/users/u-1": reply(USER), **answers}).run(adapter.check_access())}


@pytest.mark.parametrize(
    "opportunities, contact, proof",
    [
        (listing([OPPORTUNITY]), reply({"id": "c-1"}), Proof.PROVED),
        (listing([OPPORTUNITY]), reply({}, status=403), Proof.MISSING),
        (listing([]), None, Proof.UNPROVEN),
        (listing([{"id": "o-9"}]), None, Proof.UNPROVEN),
        (reply({}), None, Proof.UNPROVEN),
        (reply({}, status=403), None, Proof.UNPROVEN),
    ],
)
def test_preflight_tries_the_contact_of_an_opportunity(opportunities, contact, proof):
    found = checked({"/opportunities": opportunities, "/contacts/c-1": contact})
    assert found["read contacts"].proof is proof


def test_preflight_cannot_tell_no_confidential_records_from_hidden_ones():
    def answer(shown):
        return lambda query: listing(shown if query.get("confidentiality") == "confidential" else [])

    secret = attrs.evolve(ADAPTER, confidential=True)
    assert "see confidential records" not in checked({})
    for shown, proof in (([OPPORTUNITY], Proof.PROVED), ([], Proof.UNPROVEN)):
        found = checked({"/opportunities": answer(shown)}, secret)["see confidential records"]
        assert (found.proof, bool(found.ask)) == (proof, proof is Proof.UNPROVEN)


@pytest.mark.parametrize(
    "scopes, proof",
    [
        (None, Proof.UNPROVEN),
        ({"opportunities:write:admin"}, Proof.PROVED),
        ({"opportunities:read:admin"}, Proof.MISSING),
        (set(), Proof.MISSING),
    ],
)
def test_the_scopes_of_a_token_prove_the_write_permission(scopes, proof):
    findings = tuple(checked({}).values())
    token = Token(access=Secret("x"), scopes=None if scopes is None else frozenset(scopes))
    found = {f.what: f for f in ADAPTER.with_grant(findings, token)}
    what = "write the stage and archive state of opportunities"
    assert (found[what].proof, bool(found[what].ask)) == (proof, proof is not Proof.PROVED)
    assert {w: f for w, f in found.items() if w != what} == {f.what: f for f in findings if f.what != what}
    assert ADAPTER.with_grant(findings, None) == findings


# --- web hooks -----------------------------------------------------------------------------------

HOOKED = attrs.evolve(ADAPTER, hook_token="other s3cret")
TOLD = {"opportunityId": "o-1", "candidateId": "o-1", "contactId": "c-1", "toStageId": "s-2"}


def signature(key, message):
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()


def delivery(key="s3cret", *, token="f4b5c6", at=MILLIS, data=TOLD, **other):
    mark = signature(key, f"{token}{at}".encode())
    said = {"id": "d-1", "event": "candidateStageChange", "triggeredAt": at, "token": token, "data": data}
    return json.dumps({**said, "signature": mark, **other}).encode()


def test_a_delivery_is_a_hint_of_what_to_read_again():
    hint = HOOKED.read_hook({}, delivery())
    assert hint.refs == (Ref("acme", Kind.APPLICATION, "o-1"), Ref("acme", Kind.CANDIDATE, "c-1"))
    assert hint.occurred_at.timestamp() * 1000 == MILLIS
    assert hint.delivery_id == signature("s3cret", f"f4b5c6{MILLIS}".encode())


def test_the_connection_test_of_the_pages_is_ours_and_names_nothing():
    assert HOOKED.read_hook({}, delivery(data={})).refs == ()


@pytest.mark.parametrize(
    "data", [None, [], {"opportunityId": 5.5}, {"opportunityId": "../users"}, {"contactId": ""}]
)
def test_whatever_the_unsigned_data_holds_names_at_most_ids(data):
    assert HOOKED.read_hook({}, delivery(data=data)).refs == ()


@pytest.mark.parametrize(
    "body",
    [
        delivery("another"),
        delivery(""),
        delivery(signature=None),
        delivery(signature="0" * 64),
        delivery(signature=signature("s3cret", b"f4b5c6")),
        delivery(token="other", signature=signature("s3cret", f"f4b5c6{MILLIS}".encode())),
        delivery(at=MILLIS + 1, signature=signature("s3cret", f"f4b5c6{MILLIS}".encode())),
        delivery(at=str(MILLIS)),
        delivery(at=None),
        delivery(token=None),
        delivery(token=""),
        delivery(at=True),
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        delivery().replace(b'"token"', b'"token": "x", "token"'),
    ],
)
def test_what_lever_did_not_sign_is_nothing(body):
    assert HOOKED.read_hook({}, body) is None


def test_without_a_signature_token_nothing_is_believed():
    assert ADAPTER.read_hook({}, delivery()) is None
    for empty in ("", " "):
        with pytest.raises(ConfigurationError, match="is blank"):
            attrs.evolve(ADAPTER, hook_token=empty)


def test_one_signature_is_one_delivery_whatever_is_made_of_token_and_time():
    # "f4b5c6" + "179..." and "f4b5c61" + "79..." are one message.
    moved = delivery(token=f"f4b5c6{str(MILLIS)[:1]}", at=int(str(MILLIS)[1:]))
    first, again = HOOKED.read_hook({}, delivery()), HOOKED.read_hook({}, moved)
    assert first.occurred_at != again.occurred_at
    assert first.delivery_id == again.delivery_id


def test_a_signature_in_the_header_covers_the_body_as_it_arrived():
    header = attrs.evolve(HOOKED, hook_signed="body")
    body = delivery(signature="unused")
    mark = signature("s3cret", body)
    assert header.read_hook({"lever-signature": mark}, body).delivery_id == mark
    assert header.read_hook({"Lever-Signature": mark}, body) is not None
    assert header.read_hook({"lever-signature": mark}, body + b" ") is None
    assert header.read_hook({}, delivery()) is None
    assert HOOKED.read_hook({"lever-signature": mark}, body) is None


def test_a_signature_in_the_header_is_looked_at_before_anything_is_read(monkeypatch):
    read = []
    monkeypatch.setattr(lever, "said", lambda body: read.append(body))
    header = attrs.evolve(HOOKED, hook_signed="body")
    assert header.read_hook({"lever-signature": "0" * 64}, delivery()) is None and read == []
    assert header.read_hook({"lever-signature": signature("s3cret", b"[]")}, b"[]") is None and read == [
        b"[]"
    ]


def test_every_unconfirmed_fact_is_a_setting_with_a_default():
    fields = {f.name: f for f in attrs.fields(Lever)}
    for name in VENDOR.unconfirmed:
        assert fields[name].default is not attrs.NOTHING
