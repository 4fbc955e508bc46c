"""Single odd places in answers, each once found by changing answers at random: what becomes of them.

One record, row or id that is odd costs no more than itself; and where something cannot be told from an
odd answer, it is not told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from atsbridge.errors import BadPayload, BadRecord, Doubtful
from atsbridge.model import ApplicationStatus, Kind
from atsbridge.testing import Account
from atsbridge.testing.replayed import Replay, Replayed
from atsbridge.wire.streams import Item, Page

Edit = Callable[[Any], None]


@cache
def replay(vendor: str) -> Replay:
    return Replay.of(Account.open(vendor, applications=10))


def subject(vendor: str, name: str, rows: Callable[[Any], Any] = lambda _data: True) -> Replayed:
    """An operation of this name, whose first answer has something in it."""
    return next(
        s
        for s in replay(vendor).subjects
        if s.name.startswith(name) and rows(json.loads(s.specimens[0].body))
    )


def run(vendor: str, one: Replayed, edit: Edit, *, at: int = 0) -> Any:
    data = json.loads(one.specimens[at].body)
    edit(data)
    return replay(vendor).run(one, changed=one.asked[at], body=json.dumps(data).encode())


def put(*path: Any) -> Edit:
    """Put the last of these in the place that the others lead to."""

    def edit(data: Any) -> None:
        *way, name, value = path
        for part in way:
            data = data[part]
        data[name] = value

    return edit


@pytest.mark.parametrize("odd", ["https://evil.example", 12345, True, [], ""])
def test_lever_whatever_stands_for_archived_is_no_opportunity_under_way(odd: Any) -> None:
    fresh = run("lever", subject("lever", "a fresh read (active)"), put("data", "archived", odd))
    assert fresh.state.status is ApplicationStatus.UNKNOWN


def test_lever_a_stage_that_cannot_be_read_is_set_aside_alone() -> None:
    one = subject("lever", "a page of stages")
    page = run("lever", one, put("data", 1, "text", "\ud800"))
    assert _ids(page) == _ids(one.value)
    assert [_reads(item) for item in page.items] == [place != 1 for place in range(len(page.items))]
    assert page.items[2].read(page.items[2].raw.data) == one.value.items[2].read(one.value.items[2].raw.data)


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'{"data": []}'])
def test_lever_a_contact_that_is_none_leaves_it_open_who_is_anonymised(body: bytes) -> None:
    account = Account.open("lever", applications=10)
    account.simulator.anonymise(sorted(account.truth())[0])
    mine = Replay.of(account)
    for one in mine.subjects:
        for key in one.asked:
            if "/contacts/" in key[1] and one.stream:
                with pytest.raises(BadPayload):
                    mine.run(one, changed=key, body=body)
                return
    raise AssertionError("no contact was asked for")


def test_lever_a_user_that_is_none_is_no_crash() -> None:
    one = subject("lever", "the preflight")
    user = next(key for key in one.asked if "/users/" in key[1])
    assert replay("lever").run(one, changed=user, body=b"[]")


def test_icims_a_link_that_no_url_parser_takes() -> None:
    one = subject("icims", "a fresh read (active)", lambda data: data.get("links"))
    fresh = run("icims", one, put("links", 0, "url", "https://[/"))
    assert fresh.application == one.value.application


@pytest.mark.parametrize("odd", ["../x", "a b", "", None, 1.5, -1])
def test_icims_an_application_of_nobody_who_can_be_asked_for_is_set_aside_alone(odd: Any) -> None:
    one = subject("icims", "a page of applicantworkflows", lambda data: len(data["searchResults"]) > 1)
    at = next(n for n, key in enumerate(one.asked) if "/applicantworkflows/" in key[1])
    page = run("icims", one, put("associatedprofile", "id", odd), at=at)
    before, now = ({item.ids[0]: _reads(item) for item in p.items} for p in (one.value, page))
    assert all(before.values())
    (aside,) = [id for id, fine in now.items() if not fine]
    assert aside[0] is Kind.APPLICATION
    assert {id for id in before if id[0] is Kind.APPLICATION} <= set(now)


@pytest.mark.parametrize("odd", ["next", "1.5", "9" * 5000])
def test_successfactors_a_trail_without_order_is_no_history(odd: str) -> None:
    trail = ("d", "jobApplicationStatusAuditTrail", "results", 0, "revNumber", odd)
    with pytest.raises(BadRecord, match="revNumber"):
        run("successfactors", subject("successfactors", "a fresh read (active)"), put(*trail))


@pytest.mark.parametrize("odd", ["yes", 1, [], "9999-12-31T23:59:59Z"])
def test_successfactors_a_day_of_hiring_that_cannot_be_read_leaves_it_open(odd: Any) -> None:
    for status in ("active", "hired"):
        one = subject("successfactors", f"a fresh read ({status})")
        assert run("successfactors", one, put("d", "hiredOn", odd)).state.status is ApplicationStatus.UNKNOWN


@pytest.mark.parametrize("odd", [{}, [], None, 1])
def test_successfactors_an_upsert_that_says_nothing_sensible_is_in_doubt(odd: Any) -> None:
    with pytest.raises(Doubtful):
        run("successfactors", subject("successfactors", "a write"), put("d", 0, "editStatus", odd))


@pytest.mark.parametrize("odd", ["../x", "a b", "\u202e", "1" * 400])
def test_smartrecruiters_one_that_cannot_be_asked_for_is_set_aside_alone(odd: str) -> None:
    for listing in ("candidates", "jobs"):
        one = subject("smartrecruiters", f"a page of {listing}", lambda data: len(data["content"]) > 1)
        page = run("smartrecruiters", one, put("content", 0, "id", odd))
        assert len(page.rejected) == 1
        assert len(page.items) == len(one.value.items) - 1


@pytest.mark.parametrize("odd", ["", "zzz", 1, [], {"job": {}}, {"job": {"id": "../x"}}])
def test_smartrecruiters_an_assignment_that_cannot_be_read_is_no_deletion(odd: Any) -> None:
    one = subject("smartrecruiters", "a fresh read (active)")
    at = next(n for n, key in enumerate(one.asked) if "history" not in key[1])
    for place in (("primaryAssignment", odd), ("secondaryAssignments", odd), ("secondaryAssignments", [odd])):
        if place != ("secondaryAssignments", []):
            with pytest.raises(BadRecord):
                run("smartrecruiters", one, put(*place), at=at)


@pytest.mark.parametrize("odd", [None, True, "a", [], {}])
@pytest.mark.parametrize("listing", ["recruitingJobApplications", "recruitingCandidates"])
def test_oracle_a_row_that_is_none_is_set_aside_alone(listing: str, odd: Any) -> None:
    one = subject("oracle_recruiting", f"a page of {listing}", lambda data: len(data["items"]) > 1)
    page = run("oracle_recruiting", one, put("items", 0, odd))
    # Who is no person yet is left out of the candidates without a word.
    assert len(page.rejected) == (0 if odd == {} and listing == "recruitingCandidates" else 1)
    assert set(_ids(page)) >= set(_ids(one.value)[2:])


SWEPT = {
    "greenhouse": ("a page of sweep_candidates", (0, "id")),
    "oracle_recruiting": ("a page of sweep_recruitingCandidates", ("items", 0, "PersonId")),
    "successfactors": ("a page of sweep_Candidate", ("d", "results", 0, "candidateId")),
}


@pytest.mark.parametrize("vendor", SWEPT)
def test_in_a_sweep_one_without_an_id_hides_no_other(vendor: str) -> None:
    name, place = SWEPT[vendor]
    one = subject(vendor, name)
    page = run(vendor, one, put(*place, {}))
    assert len(page.rejected) == 1
    assert list(page.shown) == list(one.value.shown)[1:]


def test_greenhouse_a_stage_row_of_an_odd_application_stops_no_other() -> None:
    one = subject("greenhouse", "a page of application_stages", lambda data: len(data) > 1)
    page = run("greenhouse", one, put(0, "application_id", "zzz-nonsense"))
    assert page.items
    assert set(_ids(page)) <= set(_ids(one.value))


@pytest.mark.parametrize("name", ["id", "application_id", "current", "updated_at"])
def test_greenhouse_a_stage_row_that_cannot_be_read_is_set_aside_alone(name: str) -> None:
    one = subject("greenhouse", "a page of application_stages", lambda data: len(data) > 1)
    page = run("greenhouse", one, put(0, name, "\udce4"))
    assert len(page.rejected) == 1
    assert page.items


@pytest.mark.parametrize("odd", [b"1e400", b'"\\ud800"'])
def test_greenhouse_an_odd_stage_of_an_application_whose_row_has_changed_stops_no_other(odd: bytes) -> None:
    one = subject("greenhouse", "a page of application_stages", lambda data: len(data) > 1)
    body = re.sub(rb'"stage_id": ?\d+', lambda _: b'"stage_id": ' + odd, one.specimens[1].body, count=1)
    assert body != one.specimens[1].body
    page = replay("greenhouse").run(one, changed=one.asked[1], body=body)
    assert sum(not _reads(item) for item in page.items) + len(page.rejected) == 1
    assert len(page.items) + len(page.rejected) == len(one.value.items)


@pytest.mark.parametrize(
    "vendor, name, key",
    [
        ("recruitee", "a page of candidates", b'"disqualify_reason":'),
        ("successfactors", "a page of JobApplicationStatusAuditTrail", b'"hiredOn":'),
    ],
)
def test_a_key_twice_in_a_record_within_a_record_is_seen(vendor: str, name: str, key: bytes) -> None:
    """Whichever of the two was taken, it would be told as if nothing were odd."""
    one = next(s for s in replay(vendor).subjects if s.name == name and s.value.items)
    at = next(n for n, s in enumerate(one.specimens) if key in s.body)
    body = one.specimens[at].body.replace(key, key + b"null, " + key, 1)
    page = replay(vendor).run(one, changed=one.asked[at], body=body)
    assert page.rejected or any(not _reads(item) for item in page.items)


@pytest.mark.parametrize("odd", [b"1e400", b'"\\ud800"'])
def test_smartrecruiters_an_odd_time_of_a_change_stops_no_listing(odd: bytes) -> None:
    one = subject("smartrecruiters", "a page of jobs", lambda data: len(data["content"]) > 1)
    body = re.sub(rb'"updatedOn": ?"[^"]*"', lambda _: b'"updatedOn": ' + odd, one.specimens[0].body, count=1)
    page = replay("smartrecruiters").run(one, changed=one.asked[0], body=body)
    assert _ids(page) == _ids(one.value)


def test_smartrecruiters_a_listed_process_that_is_not_found_is_asked_for_again() -> None:
    one = subject("smartrecruiters", "a page of stages")
    with pytest.raises(BadPayload, match="process"):
        run("smartrecruiters", one, put("content", 0, "id", "zzz"))


def test_workday_an_application_beside_one_without_a_wid_is_no_deletion() -> None:
    one = next(s for s in replay("workday").subjects if s.name == "a fresh read (active)")
    own = one.value.application.ref.id.partition(":")[2].encode()
    body = one.specimens[0].body.replace(own, b"2026-02-30")
    assert body != one.specimens[0].body
    with pytest.raises(BadRecord, match="WID"):
        replay("workday").run(one, changed=one.asked[0], body=body)


def test_workday_whoever_a_row_of_the_report_may_be_about_is_set_aside() -> None:
    """Which row is odd nobody knows: of those who have none of their own, one may be hired."""
    for name in ("a page of applications", "a fresh read (active)"):
        one = next(s for s in replay("workday").subjects if s.name == name)
        at = next(n for n, s in enumerate(one.specimens) if s.body.startswith(b"{"))
        rows = json.loads(one.specimens[at].body)["Report_Entry"]
        if one.stream:
            page = run("workday", one, put("Report_Entry", 0, True), at=at)
            refused = [item.ids[0][1] for item in page.items if not _reads(item)]
            assert [id.partition(":")[2] for id in refused] == [rows[0]["Application_ID"]]
        else:
            with pytest.raises(BadRecord, match="report"):
                run("workday", one, lambda data: data.update(Report_Entry=[True]), at=at)


def _without(body: bytes, name: bytes) -> bytes:
    return re.sub(rb"<((?:\w+:)?" + name + rb")\b[^>]*>.*?</\1>", b"", body, flags=re.DOTALL)


def test_workday_a_candidate_without_data_is_no_deletion() -> None:
    one = next(s for s in replay("workday").subjects if s.name == "a fresh read (active)")
    body = _without(one.specimens[0].body, b"Candidate_Data")
    assert body != one.specimens[0].body
    with pytest.raises(BadPayload, match="without the data"):
        replay("workday").run(one, changed=one.asked[0], body=body)


def test_workday_applications_that_cannot_be_read_are_no_deletion() -> None:
    one = next(s for s in replay("workday").subjects if s.name == "a fresh read (active)")
    body = re.sub(
        rb"(<(?:\w+:)?Job_Application_Data>).*?(</(?:\w+:)?Job_Application_Data>)",
        rb"\1zzz\2",
        one.specimens[0].body,
        flags=re.DOTALL,
    )
    assert b">zzz<" in body
    with pytest.raises(BadPayload, match="without the data"):
        replay("workday").run(one, changed=one.asked[0], body=body)


@pytest.mark.parametrize("odd", [{}, [], True, 1, "zzz"])
def test_workday_a_flag_of_the_report_that_cannot_be_read_is_taken_for_no_answer(odd: Any) -> None:
    one = next(s for s in replay("workday").subjects if s.name == "a fresh read (active)")
    at = next(n for n, s in enumerate(one.specimens) if s.body.startswith(b"{"))
    own = one.value.application.ref.id.partition(":")[2]

    def edit(data: Any) -> None:
        next(row for row in data["Report_Entry"] if row.get("Application_ID") == own)["Hired"] = odd

    if isinstance(odd, str):  # a word that nobody knows
        assert run("workday", one, edit, at=at).state.status is ApplicationStatus.UNKNOWN
    else:
        with pytest.raises(BadRecord, match="Hired"):
            run("workday", one, edit, at=at)


@pytest.mark.parametrize("odd", ["../x", "zzz", "\u202e"])
def test_ashby_a_plan_that_cannot_be_asked_for_takes_no_stage_away(odd: str) -> None:
    one = subject("ashby", "a catalogue")
    with pytest.raises(BadPayload, match="interview plan"):
        run("ashby", one, put("results", "defaultInterviewPlanId", odd))


def test_workday_a_requisition_without_its_wid_is_not_the_one_asked_for() -> None:
    one = next(s for s in replay("workday").subjects if s.name == "a page of applications")
    at = next(n for n, s in enumerate(one.specimens) if b"Job_Requisition_Reference" in s.body)
    body = _without(one.specimens[at].body, b"Job_Requisition_Reference")
    with pytest.raises(BadPayload, match="another requisition"):
        replay("workday").run(one, changed=one.asked[at], body=body)


def _reads(item: Item) -> bool:
    try:
        return bool(item.read(item.raw.data))
    except BadRecord:
        return False


def _ids(page: Page) -> list[Any]:
    return [item.ids[0] for item in page.items]
