"""The iCIMS adapter against its simulator: what the contract for all vendors does not ask."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve

from atsbridge.ats.icims import Icims, read_application, read_candidate, read_job, read_stage
from atsbridge.ats.interface import Gone, HookHint, HookReply, Proof
from atsbridge.errors import BadPayload, BadRecord, ConfigurationError, Forbidden, Refused, Throttled
from atsbridge.model import (
    Answer,
    ApplicationStatus,
    JobStatus,
    Kind,
    Ref,
    Result,
    StageKind,
    TombstoneKind,
)
from atsbridge.simulators.icims import IcimsSimulator
from atsbridge.simulators.interface import Limits, SimRequest, SimResponse
from atsbridge.sync.context import Tuning
from atsbridge.testing import Account
from atsbridge.wire.effects import Response

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ROOT = "https://api.icims.com/customers/1234"


def opened(**more: Any) -> Account:
    account = Account.open("icims", **{"applications": 24, **more})
    _ = account.bridge.pull()
    return account


def sim(account: Account) -> Any:
    return account.simulator


def an_active(account: Account) -> str:
    truth = account.truth()
    return next(id for id in sorted(truth) if truth[id].status == "active" and truth[id].stage != "C38357")


def asked(account: Account, since: int = 0) -> list[str]:
    """Method and path of every request so far."""
    return [f"{r.method} {r.target.partition('?')[0]}" for r, _ in account.driver.requests[since:]]


def pushed(account: Account, event: str) -> Any:
    found: dict[str, Any] = {}
    for _ in range(6):
        found |= {r.event_id: r for r in account.bridge.push().receipts}
        account.time.sleep(120)
    return found[event]


# -- how many requests: see tests/test_quota.py too --


def test_what_has_changed_costs_a_request_each_and_its_person_none() -> None:
    account = opened(applications=200)
    account.time.sleep(7200)
    _ = account.bridge.pull()
    quiet = len(account.driver.requests)
    account.time.sleep(7200)
    _ = account.bridge.pull()
    quiet = len(account.driver.requests) - quiet
    account.time.sleep(7200)
    moved = [id for id, t in account.truth().items() if t.status == "active" and t.stage != "C38357"][:60]
    for id in moved:
        account.simulator.move(id, "C38357")
    account.time.sleep(60)
    before = len(account.driver.requests)
    _ = account.bridge.pull()
    made = asked(account, before)
    assert account.differences() == {}
    assert sum("/applicantworkflows/" in line and line.startswith("GET") for line in made) == len(moved)
    assert not any("/people/" in line for line in made)
    # The status schema, one search for jobs and one for applications.
    assert quiet == 3
    # Beside them one that tells whose person is to be read.
    assert len(made) == quiet + len(moved) + 1 <= (quiet + len(moved)) * 1.05


def test_more_than_a_thousand_are_sought_page_by_page() -> None:
    account = opened(applications=1040)
    searches = [line for line in asked(account) if line == "POST /customers/1234/search/applicantworkflows"]
    # Twice for all, then once for what changed meanwhile, which is nothing.
    assert (len(searches), account.differences()) == (3, {})
    for id in account.truth():
        account.simulator.edit(id)
    account.time.sleep(60)
    before = len(account.driver.requests)
    _ = account.bridge.pull()
    read = [
        line for line in asked(account, before) if line.startswith("GET /customers/1234/applicantworkflows/")
    ]
    assert len(set(read)) == len(read) == 1040


# -- reading --


def test_trap_2_every_search_asks_for_no_old_result() -> None:
    account = opened()
    searches = [r for r, _ in account.driver.requests if "/search/" in r.target]
    assert searches and all(r.target.endswith("?staleness=0") for r in searches)
    account = opened()
    account = account.restarted(ats=evolve(account.ats, staleness_minutes=1))
    _ = account.bridge.pull()
    assert any(r.target.endswith("?staleness=1") for r, _ in account.driver.requests)


def test_where_a_search_takes_no_staleness_of_none_a_minute_is_set() -> None:
    picky = IcimsSimulator.generate(6, limits=Limits(None), fresh_search=False)
    with pytest.raises(Refused):
        _ = Account.of(picky, lambda _sim: Icims(connection="acme", **picky.configuration()))
    told = {**picky.configuration(), "staleness_minutes": 1}
    account = Account.of(picky, lambda _sim: Icims(connection="acme", **told))
    _ = account.bridge.pull()
    assert account.differences() == {}


def test_a_search_that_is_fifteen_minutes_old_all_the_same_loses_nothing() -> None:
    account = opened()

    def cached(asked: SimRequest, respond: Any, _purpose: Any) -> SimResponse:
        answer: SimResponse = respond(
            evolve(asked, target=asked.target.replace("staleness=0", "staleness=15"))
        )
        return answer

    account.driver.meddle = cached
    for minutes in (3, 3, 16, 1, 20):
        account.simulator.move(an_active(account), "C38357")
        account.time.sleep(minutes * 60)
        _ = account.bridge.pull()
    account.time.sleep(16 * 60)
    _ = account.bridge.pull()
    assert account.differences() == {}


def test_trap_3_a_status_that_may_not_be_seen_stops_the_reading() -> None:
    account = opened()
    before = account.mirror()
    account.simulator.revoke("status")
    account.time.sleep(3600)
    account.simulator.edit(an_active(account))
    with pytest.raises(Forbidden) as seen:
        _ = account.bridge.pull()
    assert "Status" in seen.value.advice
    assert account.mirror() == before
    with pytest.raises(Forbidden):
        _ = account.fresh(an_active(account))
    report = account.bridge.check()
    assert any(f.what == "see the field status" and f.proof is Proof.MISSING for f in report.access)


def test_trap_3_without_job_or_person_in_sight_an_application_is_put_aside() -> None:
    account = opened()
    id = an_active(account)

    def blind(asked: SimRequest, respond: Any, _purpose: Any) -> SimResponse:
        answer: SimResponse = respond(asked)
        if f"/applicantworkflows/{id}" not in asked.target:
            return answer
        shown = {k: v for k, v in json.loads(answer.body).items() if k != "associatedprofile"}
        return evolve(answer, body=json.dumps(shown).encode())

    account.driver.meddle = blind
    account.simulator.edit(id)
    account.time.sleep(60)
    _ = account.bridge.pull()
    assert account.bridge.status().quarantined == 1


def test_trap_4_an_application_without_status_stands_nowhere() -> None:
    account = opened()
    id = an_active(account)
    sim(account).clear_status(id)
    account.time.sleep(60)
    _ = account.bridge.pull()
    assert account.mirror()[id] == (None, "unknown")
    assert account.differences() == {}


def test_trap_5_a_renamed_status_is_the_same_status() -> None:
    account = opened()
    id = an_active(account)
    account.simulator.rename_stage("C38357", "Last Interview")
    account.simulator.move(id, "C38357")
    account.time.sleep(60)
    _ = account.bridge.pull()
    assert account.mirror()[id] == ("C38357", "active")


def test_a_status_that_is_not_in_the_table_is_read_and_never_written() -> None:
    account = opened()
    told: Any = account.ats
    rows = tuple(s for s in told.statuses if s.id != "C38357")
    id = an_active(account)
    account.simulator.move(id, "C38357")
    short = Account.of(account.simulator, lambda _sim: evolve(told, statuses=rows))
    _ = short.bridge.pull()
    assert short.differences() == {id: (("C38357", "active"), ("C38357", "unknown"))}
    assert "C38357" not in short.bridge.configuration().stages


def test_trap_9_a_status_that_triggers_something_is_never_written() -> None:
    account = opened()
    stage = account.bridge.configuration().stages["C38358"]
    assert stage.writable is Answer.NO and stage.side_effects


def test_trap_10_a_person_of_several_workflows_is_read_once() -> None:
    account = opened(applications=80)
    people = [line for line in asked(account) if "/people/" in line]
    assert len(people) == len(set(people)) < len(account.truth())


def test_one_search_asks_for_all_that_may_have_changed_and_a_second_one_for_people_only_if_it_finds() -> None:
    account = opened()
    account.time.sleep(7200)
    before = len(account.driver.requests)
    _ = account.bridge.pull()
    account.time.sleep(7200)
    account.simulator.move(an_active(account), "C38357")
    _ = account.bridge.pull()
    searches = [
        json.loads(r.body)
        for r, _ in account.driver.requests[before:]
        if r.target.startswith("/customers/1234/search/applicantworkflows")
    ]
    updated, created = "applicantworkflow.updateddate", "applicantworkflow.createddate"
    of_person = "applicantworkflow.person.updateddate"
    assert [(s["operator"], [f["name"] for f in s["filters"]]) for s in searches] == [
        ("&", ["applicantworkflow.id"])
    ] * 3
    assert [(g["operator"], [f["name"] for f in g["filters"]]) for s in searches for g in s["children"]] == [
        ("|", [updated, created, of_person]),
        ("|", [updated, created, of_person]),
        ("|", [created, of_person]),
    ]


def test_a_bulk_edit_between_the_two_searches_leaves_no_person_out() -> None:
    """Both end at their thousandth, and what the second tells of people may end before the first."""
    account = opened(applications=1300)
    account.time.sleep(7200)
    rows = sorted(sim(account).account["applicantworkflows"].items())
    people = sim(account).account["people"]
    for _, row in rows[200:]:
        people[row["person"]]["firstname"] = "Edited"
        sim(account).account.touch(people[row["person"]])
    account.time.sleep(60)
    searched = 0

    def bulk(asked: SimRequest, respond: Any, _purpose: Any) -> SimResponse:
        nonlocal searched
        answer: SimResponse = respond(asked)
        if "/search/applicantworkflows" in asked.target:
            searched += 1
            if searched == 1:
                for _, row in rows[:200]:
                    sim(account).account.touch(people[row["person"]])
        return answer

    account.driver.meddle = bulk
    before = len(account.driver.requests)
    _ = account.bridge.pull()
    read = {line for line in asked(account, before) if "/people/" in line}
    assert {f"GET /customers/1234/people/{row['person']}" for _, row in rows[200:]} <= read


def test_a_person_who_changed_is_read_again() -> None:
    account = opened()
    id = an_active(account)
    account.time.sleep(7200)
    row = sim(account).account["people"][int(account.truth()[id].candidate or "")]
    row["firstname"] = "Renamed"
    sim(account).account.touch(row)
    account.time.sleep(60)
    before = len(account.driver.requests)
    _ = account.bridge.pull()
    assert f"GET /customers/1234/people/{row['id']}" in asked(account, before)


@pytest.mark.parametrize(
    "body",
    [
        b'{"searchResults":[{"id":2},{"id":1}]}',
        b'{"searchResults":[{"id":1},{"id":1}]}',
        b'{"searchResults":[{"id":"1"},{"id":"2"}]}',
        b'{"searchResults":{}}',
        b"[]",
    ],
)
def test_a_search_that_is_not_in_order_is_no_result(body: bytes) -> None:
    account = Account.open("icims", applications=6)

    def broken(asked: SimRequest, respond: Any, _purpose: Any) -> SimResponse:
        answer: SimResponse = respond(asked)
        return evolve(answer, body=body) if "/search/" in asked.target else answer

    account.driver.meddle = broken
    with pytest.raises(BadPayload):
        _ = account.bridge.pull()
    assert account.mirror() == {}


@pytest.mark.parametrize("odd", [True, "1", 0, -1, 1.0, None, [], 10**18])
def test_a_result_of_a_search_that_is_no_id_is_set_aside_alone(odd: Any) -> None:
    account = Account.open("icims", applications=6)

    def broken(asked: SimRequest, respond: Any, _purpose: Any) -> SimResponse:
        answer: SimResponse = respond(asked)
        if "/search/" not in asked.target or asked.method != "POST":
            return answer
        told = json.loads(answer.body)
        told["searchResults"] = [*told.get("searchResults", []), {"id": odd}]
        return evolve(answer, body=json.dumps(told).encode())

    account.driver.meddle = broken
    assert account.bridge.pull().quarantined and account.differences() == {}


def test_trap_14_lost_sight_and_deleted_are_told_apart() -> None:
    account = opened()
    hidden, deleted = sorted(account.truth())[:2]
    sim(account).hide(hidden)
    account.simulator.delete(deleted)
    for id, kind in ((hidden, TombstoneKind.LOST_ACCESS), (deleted, TombstoneKind.DELETED)):
        found = account.fresh(id)
        assert isinstance(found, Gone) and found.tombstone.kind is kind


def test_a_404_that_is_not_icims_own_is_no_deletion() -> None:
    account = opened()
    account.driver.meddle = lambda *_: SimResponse(404, (("Content-Type", "text/html"),), b"<html></html>")
    with pytest.raises(BadPayload):
        _ = account.fresh(an_active(account))


def test_check_names_a_search_filter_that_the_customer_does_not_have() -> None:
    account = Account.open("icims", applications=6, lacking="applicantworkflow.person.updateddate")
    what = "the filters that find changes"
    (found,) = [f for f in account.bridge.check().access if f.what == what]
    assert found.proof is Proof.MISSING and "applicantworkflow.person.updateddate" in found.ask
    told: Any = account.ats
    without = account.restarted(ats=evolve(told, person_filter=False))
    assert [f.proof for f in without.bridge.check().access if f.what == what] == [Proof.PROVED]
    _ = without.bridge.pull()
    assert without.differences() == {}


# -- the quota --


def test_trap_1_and_12_a_tenth_of_the_day_is_left_over_and_nothing_is_asked_before_midnight() -> None:
    account = Account.open("icims", applications=24, limits=Limits(1.0), tuning=Tuning())
    _ = account.bridge.pull()
    sim(account).used_elsewhere = 10_000 - len(account.driver.requests) - 300
    # The first answer tells how much is left: less than the tenth that reads leave over.
    with pytest.raises(Throttled) as seen:
        _ = account.bridge.pull()
    assert (seen.value.retry_after_seconds or 0) > 60
    before = len(account.driver.requests)
    with pytest.raises(Throttled):
        _ = account.bridge.pull()
    assert len(account.driver.requests) == before


# -- writing --


def test_trap_13_a_required_field_that_is_empty_is_told_as_a_refusal() -> None:
    account = opened()
    id = an_active(account)
    event = account.ask(id, stage="C38357")
    sim(account).require(id)
    receipt = pushed(account, event)
    assert receipt.result is Result.REFUSED and "FIELD_REQUIRED" in receipt.why
    assert account.simulator.accepted == []


@pytest.mark.parametrize("setting", ["unknown_status", "unpermitted"])
def test_trap_8_a_2xx_with_a_warning_is_not_taken_for_done(setting: str) -> None:
    account = opened(**{setting: "warned"})
    id = an_active(account)
    event = account.ask(id, stage="C38357")
    if setting == "unpermitted":
        account.simulator.revoke("write")
    else:
        account.simulator.deactivate_stage("C38357")
    receipt = pushed(account, event)
    assert receipt.result is Result.REFUSED and "WARNED" in receipt.why
    assert account.simulator.accepted == [] and account.differences() == {}


def test_a_write_carries_the_status_and_nothing_else() -> None:
    account = opened()
    id = an_active(account)
    receipt = pushed(account, account.ask(id, stage="C38357"))
    assert receipt.result is Result.APPLIED
    (sent,) = [r for r, _ in account.driver.requests if r.method == "PATCH"]
    assert sent.target == f"/customers/1234/applicantworkflows/{id}"
    assert (json.loads(sent.body), sent.headers["content-type"]) == (
        {"status": {"id": "C38357"}},
        "application/json;charset=UTF-8",
    )


def test_where_several_statuses_reject_the_change_names_one() -> None:
    account = opened()
    id = an_active(account)
    assert pushed(account, account.ask(id, status="rejected")).result is Result.REFUSED
    assert pushed(account, account.ask(id, stage="C40002", status="rejected")).result is Result.APPLIED
    assert account.real()[id] == ("C40002", "rejected")


# -- how it is reached --


def test_trap_7_customers_in_the_eu_are_asked_there_alone() -> None:
    ats = Icims(
        connection="a", customer_id=1234, client_id="i", client_secret="s", api_host="api-eu.icims.com"
    )
    scheme: Any = ats.auth()
    assert ats.host == "https://api-eu.icims.com/customers/1234"
    assert scheme.url == "https://login.icims.eu/oauth/token"
    assert dict(scheme.extra) == {"audience": "https://api-eu.icims.com/v1/"}


def test_an_integration_user_logs_in_with_a_password() -> None:
    account = Account.open("icims", applications=6)
    told: Any = account.ats
    mine = sim(account)
    ats = evolve(told, client_id=None, client_secret=None, user=mine.user, password=mine.password)
    other = Account.of(mine, lambda _sim: ats)
    _ = other.bridge.pull()
    assert other.differences() == {}
    with pytest.raises(ConfigurationError, match="client_id"):
        _ = evolve(told, client_id=None).auth()


@pytest.mark.parametrize(
    "wrong",
    [
        {"statuses": [{"id": "C1"}]},
        {"statuses": [{"id": "C1", "name": "x", "kind": "?"}]},
        {"job_states": {"C1": "?"}},
    ],
)
def test_a_table_that_cannot_be_read_says_why(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"status|job_states"):
        _ = Icims(connection="a", customer_id=1, **wrong)


# -- hooks --


@pytest.mark.parametrize("auth", ["hmac", "basic"])
def test_an_event_is_a_hint_and_its_twin_the_same_one(auth: str) -> None:
    account = opened(hook_auth=auth, twice=True)
    id = an_active(account)
    account.simulator.move(id, "C38357")
    hints = [account.ats.read_hook(sent.headers, sent.body) for sent in account.simulator.deliveries()]
    assert len(hints) == 2 and hints[0] == hints[1]
    assert isinstance(hints[0], HookHint)
    assert {(r.kind, r.id) for r in hints[0].refs} >= {(Kind.APPLICATION, id)}


def test_an_event_for_another_path_customer_or_body_is_nothing() -> None:
    account = opened()
    account.simulator.move(an_active(account), "C38357")
    (sent,) = account.simulator.deliveries()
    told: Any = account.ats
    assert told.read_hook(sent.headers, sent.body) is not None
    assert evolve(told, hook_path="/hooks/other").read_hook(sent.headers, sent.body) is None
    assert evolve(told, customer_id="9").read_hook(sent.headers, sent.body) is None
    assert evolve(told, hook_user="other").read_hook(sent.headers, sent.body) is None
    assert told.read_hook(sent.headers, gzip.compress(b"{}")) is None
    late = {**sent.headers, "x-icims-date": "2030-01-01T00:00:00+0000"}
    assert told.read_hook(late, sent.body) is None
    assert told.read_hook(sent.headers, sent.body[:-9]) is None


@pytest.mark.parametrize("odd", ["", "a/../b", "0", "1x", -1, 1.5, None, [], {"id": "1"}, "\u0661"])
def test_an_id_that_no_request_can_carry_is_no_hint(odd: Any) -> None:
    account = opened(hook_auth="basic")
    account.simulator.move(an_active(account), "C38357")
    (sent,) = account.simulator.deliveries()
    event = json.loads(gzip.decompress(sent.body))

    def read(**changes: Any) -> Any:
        return account.ats.read_hook(sent.headers, json.dumps({**event, **changes}).encode())

    assert Kind.APPLICATION in {ref.kind for ref in read().refs}
    assert Kind.APPLICATION not in {ref.kind for ref in read(systemId=odd).refs}
    assert read(systemId=odd, personId=odd, jobId=odd) == HookReply()


@pytest.mark.parametrize("content", [b"", b"not json", b"[]", b"null", b"\xff", b'{"a":1,"a":2}'])
def test_what_is_signed_and_says_nothing_is_nothing(content: bytes) -> None:
    account = opened(hook_auth="basic")
    account.simulator.move(an_active(account), "C38357")
    (sent,) = account.simulator.deliveries()
    assert account.ats.read_hook(sent.headers, content) is None


@pytest.mark.parametrize("blank", ["", " "])
def test_a_blank_secret_is_refused_and_is_nobodys_login(blank: str) -> None:
    account = opened(hook_auth="basic")
    account.simulator.move(an_active(account), "C38357")
    (sent,) = account.simulator.deliveries()
    told: Any = account.ats
    with pytest.raises(ConfigurationError, match="blank"):
        _ = evolve(told, hook_secret=blank)
    login = b64encode(f"{told.hook_user}:{blank}".encode()).decode()
    open_ = evolve(told, hook_secret=lambda: blank)
    assert open_.read_hook({**sent.headers, "authorization": f"Basic {login}"}, sent.body) is None


def test_a_bomb_is_not_inflated() -> None:
    account = opened(hook_auth="basic")
    account.simulator.move(an_active(account), "C38357")
    (sent,) = account.simulator.deliveries()
    whole = gzip.decompress(sent.body)
    assert account.ats.read_hook(sent.headers, gzip.compress(whole + b" " * 1000)) is not None
    assert account.ats.read_hook(sent.headers, gzip.compress(whole + b" " * (8 << 20))) is None


# -- readers --


def test_a_job_is_read_whole() -> None:
    shown = {
        "jobid": "2026-4471", "jobtitle": "Data Engineer",
        "folder": {"id": "D31001", "value": "Approved", "formattedvalue": "Approved"},
        "joblocation": {"id": 12, "companyid": 88, "value": "Leeds - 1 Example St "},
        "recruiter": {"id": 95, "value": "Rosa Quill"}, "overview": "<p>x</p>",
        "links": [{"rel": "self", "url": f"{ROOT}/jobs/4471"}],
    }  # fmt: skip
    (job,) = read_job("a", NOW, "4471", shown, states={"D31001": JobStatus.OPEN})
    assert (job.title, job.code, job.status, job.vendor_status) == (
        "Data Engineer", "2026-4471", JobStatus.OPEN, "Approved",
    )  # fmt: skip
    assert job.locations[0].name == "Leeds - 1 Example St" and job.hiring_team[0].name == "Rosa Quill"
    with pytest.raises(BadRecord, match="another record"):
        _ = read_job("a", NOW, "4472", shown, states={})


def test_an_application_is_read_whole_and_without_job_or_person_not_at_all() -> None:
    shown: dict[str, Any] = {
        "associatedprofile": {"id": 2468}, "baseprofile": {"id": 4471},
        "status": {"id": "D10100", "value": "Recently Applied"}, "source": "Other",
        "updateddate": "2026-11-22 12:05 AM", "createddate": "2026-11-21 12:05 PM",
    }  # fmt: skip
    (read,) = read_application("a", NOW, "19288", shown)
    assert read.updated_at == datetime(2026, 11, 22, 0, 5, tzinfo=UTC)
    assert read.applied_at == datetime(2026, 11, 21, 12, 5, tzinfo=UTC)
    assert read.stage is not None and read.stage.id == "D10100"
    assert read.status is ApplicationStatus.UNKNOWN
    for name in ("associatedprofile", "baseprofile"):
        with pytest.raises(BadRecord):
            _ = read_application("a", NOW, "19288", {**shown, name: None})


def test_an_emptied_person_is_anonymised() -> None:
    read: list[tuple[Any, Any]]
    blank = {"firstname": "", "lastname": None, "email": ""}
    read = [(blank, ()), ({"addresses": []}, blank), ({"firstname": ""}, ("lastname", "email"))]
    for data, shown in read:
        (person,) = read_candidate("a", NOW, "1", data, shown=frozenset(shown))
        assert person.deleted is not None and person.deleted.kind is TombstoneKind.ANONYMISED
    reached = {"phones": [{"phonenumber": "+44 7700 900123"}]}
    read = [({"addresses": []}, ()), (reached, ()), ({"lastname": ""}, ("firstname",))]
    for data, shown in read:
        with pytest.raises(BadRecord, match="not shown"):
            _ = read_candidate("a", NOW, "1", data, shown=frozenset(shown))
    (person,) = read_candidate("a", NOW, "1", reached, shown=frozenset(blank))
    assert person.deleted is None
    (other,) = read_candidate(
        "a",
        NOW,
        "1",
        {"firstname": "Amara", "addresses": [{"addresscity": "Leeds", "addresscountry": {"abbrev": "GB"}}]},
    )
    assert (other.locations[0].city, other.locations[0].country) == ("Leeds", "GB")


def blanked(account: Account) -> set[Ref]:
    people = {v.candidate for v in account.views().values() if v.candidate is not None}
    return {ref for ref in people if account.crm.candidate(ref).deleted}


@pytest.mark.parametrize("schema", ["without", 404, 403, "whole"])
def test_whom_the_login_group_may_not_view_any_more_is_not_anonymised(
    schema: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = opened()
    people = len(account.views())
    truly = an_active(account)
    account.simulator.anonymise(truly)
    answer, lost = sim(account).respond, {"firstname", "middlename", "lastname", "email", "phones"}

    def respond(request: SimRequest) -> SimResponse:
        response: SimResponse = answer(request)
        about_schema = request.target.endswith("/profiledefinitions/v1/person/schema")
        if about_schema and schema == "whole":
            return response
        if about_schema and schema != "without":
            return evolve(
                response, status=schema, body=b'{"errors": [{"errorCode": 3, "errorMessage": "x"}]}'
            )
        if response.status != 200 or not (about_schema or "/people/" in request.target):
            return response
        data = json.loads(response.body)
        seen = data["properties"] if about_schema else data
        for name in lost & seen.keys():
            del seen[name]
        return evolve(response, body=json.dumps(data).encode())

    monkeypatch.setattr(sim(account), "respond", respond, raising=False)
    account.time.sleep(3600)
    for full in (False, True):
        report = account.bridge.pull(full=full)
        assert report.deleted == 0 and (report.quarantined > 0 or (schema == "whole" and not full))
        # Whom the applications do not call by a name either is, if the schema shows the fields.
        assert blanked(account) == ({account.views()[truly].candidate} if schema == "whole" else set())
    assert len(account.views()) == people
    # The view is given back.
    monkeypatch.setattr(sim(account), "respond", answer, raising=False)
    _ = account.bridge.pull(full=True)
    assert blanked(account) == {account.views()[truly].candidate}
    assert account.bridge.status().quarantined == 0 and account.differences() == {}


def test_whether_people_can_be_seen_is_asked_only_where_somebody_has_no_name() -> None:
    account = opened()
    schema = "GET /customers/1234/profiledefinitions/v1/person/schema"
    assert schema not in asked(account)
    account.simulator.anonymise(an_active(account))
    account.time.sleep(3600)
    _ = account.bridge.pull()
    assert asked(account).count(schema) == 1
    assert (
        len({v.candidate for v in account.views().values() if account.crm.candidate(v.candidate).deleted})
        == 1
    )


def test_a_status_nobody_named_is_unmapped() -> None:
    (stage,) = read_stage("a", NOW, {"id": "C1", "name": "x"})
    assert (stage.kind, stage.terminal) == (StageKind.UNMAPPED, None)


def test_an_answers_own_id_is_told() -> None:
    guid = "{0b5e1c52-7f0e-4c58-9f43-8a3c1b0e77d1}"
    assert Response(status=200, headers={"x-transaction": guid}, sent_at=NOW).request_id == guid
