"""The Oracle Recruiting adapter: readers, plans, answers, and the traps of its pages through a bridge."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve

from atsbridge.ats.interface import Catalogue, Finding, Fresh, Gone, Proof, Unplannable
from atsbridge.ats.oracle_recruiting import (
    VENDOR,
    OracleRecruiting,
    read_application,
    read_candidate,
    read_job,
    read_stage,
)
from atsbridge.errors import (
    BadPayload,
    BadRecord,
    ConfigurationError,
    CursorLost,
    Forbidden,
    NotFound,
    Refused,
    TooManyGone,
    Unavailable,
)
from atsbridge.model import (
    Action,
    ApplicationStatus,
    Gap,
    Intent,
    JobStatus,
    Kind,
    Receipt,
    Ref,
    Result,
    StageKind,
    State,
    TombstoneKind,
)
from atsbridge.simulators.interface import SimRequest, SimResponse
from atsbridge.simulators.oracle_recruiting import OracleRecruitingSimulator
from atsbridge.testing import Account
from atsbridge.wire.answers import judge
from atsbridge.wire.effects import Purpose, Request, Response
from atsbridge.wire.payload import read_json
from atsbridge.wire.vendor import Signal

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ACTIVE, REJECTED, WITHDRAWN, HIRED = (
    ApplicationStatus.ACTIVE,
    ApplicationStatus.REJECTED,
    ApplicationStatus.WITHDRAWN,
    ApplicationStatus.HIRED,
)


def opened(applications: int = 30, *, adapter: Any = None, **switches: Any) -> Account:
    account = Account.open("oracle_recruiting", applications=applications, **switches)
    if adapter:
        account = account.restarted(ats=evolve(account.ats, **adapter))
    _ = account.bridge.pull()
    return account


def simulator(account: Account) -> OracleRecruitingSimulator:
    assert isinstance(account.simulator, OracleRecruitingSimulator)
    return account.simulator


def movable(account: Account) -> str:
    sim = simulator(account)
    truth, jobs = sim.truth(), sim.account.requisitions
    return next(
        id for id in sorted(truth)
        if truth[id].status == "active" and jobs[int(truth[id].job or 0)]["PhaseName"] == "Open"
    )  # fmt: skip


def pushed(account: Account, event: str) -> Receipt:
    for _ in range(6):
        found = [r for r in account.bridge.push().receipts if r.event_id == event]
        if found:
            return found[0]
        account.time.sleep(60)
    raise AssertionError("it never came to an end")


def findings(account: Account) -> dict[str, Finding]:
    return {f.what: f for f in account.bridge.check().access}


def targets(account: Account, since: int = 0) -> list[str]:
    return [request.target for request, _ in account.driver.requests[since:]]


# -- answers --


@pytest.mark.parametrize(
    "status, kind, body, meaning, words",
    [
        (
            400,
            "application/vnd.oracle.adf.error+json",
            b'{"title":"Bad Request","status":"400","o:errorDetails":[{"detail":"The state is not valid",'
            b'"o:errorCode":"IRC-1234567","o:errorPath":"/stateId"}]}',
            Refused,
            "IRC-1234567",
        ),
        (400, "text/plain", b"The state is not valid", Refused, "state is not valid"),
        (404, "application/json", b'{"title":"Not Found","status":"404"}', NotFound, ""),
        (404, "application/json", b"{}", BadPayload, ""),
        # A page of the gateway says nothing about a record.
        (404, "text/html", b"<html></html>", BadPayload, ""),
        (403, "application/json", b"", Forbidden, ""),
        (500, "", b"", Unavailable, ""),
        (503, "text/html", b"<html>maintenance</html>", Unavailable, ""),
        (302, "text/html", b"<html>moved</html>", Unavailable, ""),
        (200, "text/html", b"<html>login</html>", BadPayload, ""),
    ],
)
def test_what_an_answer_means(status: int, kind: str, body: bytes, meaning: Any, words: str) -> None:
    asked = Request(operation="get_application", method="GET", url="/x")
    answer = Response(status=status, headers={"content-type": kind}, body=body, sent_at=NOW)
    with pytest.raises(meaning) as raised:
        judge(asked, answer, vendor=VENDOR.name, rules=VENDOR.answers, complaints=VENDOR.complaints)
    assert words in str(raised.value)


def test_every_request_pins_the_framework_version() -> None:
    account = opened()
    for request, _ in account.driver.requests:
        assert request.headers["rest-framework-version"] == "4"


def test_a_move_carries_the_media_type_of_actions_and_two_numbers() -> None:
    account = opened()
    id = movable(account)
    there = account.simulator.stages_for(id)[-1]
    assert pushed(account, account.ask(id, stage=there)).result is Result.APPLIED
    (write,) = [r for r, _ in account.driver.requests if r.method == "POST"]
    assert write.headers["content-type"] == "application/vnd.oracle.adf.action+json"
    phase, _, state = there.partition(":")
    assert json.loads(write.body) == {"phaseId": int(phase), "stateId": int(state)}


def test_an_empty_answer_to_a_move_is_a_success() -> None:
    account = opened(empty_answers=True)
    id = movable(account)
    event = account.ask(id, stage=account.simulator.stages_for(id)[-1])
    assert pushed(account, event).result is Result.APPLIED


# -- settings --


def test_it_logs_in_by_password_or_by_client_credentials() -> None:
    assert opened(oauth=True).mirror()
    with pytest.raises(ConfigurationError):
        _ = OracleRecruiting(connection="x", pod="acme.fa.us2.oraclecloud.com").auth()


@pytest.mark.parametrize("pod", ["evil.example", "acme.fa.us2.oraclecloud.com.evil.example", "a/b", "A.fa.x"])
def test_a_host_of_somebody_else_is_refused(pod: str) -> None:
    with pytest.raises(ConfigurationError):
        _ = OracleRecruiting(connection="x", pod=pod, user="u", password="p")


@pytest.mark.parametrize("wrong", [{"page_size": 1}, {"page_size": 501}, {"job_states": {"Offen": "offen"}}])
def test_a_setting_that_cannot_be_is_refused_at_once(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        _ = OracleRecruiting(connection="x", pod="acme.fa.us2.oraclecloud.com", **wrong)


def test_a_row_of_the_table_that_lacks_something_is_named() -> None:
    with pytest.raises(ConfigurationError, match="table of states"):
        _ = OracleRecruiting(connection="x", pod="acme.fa.us2.oraclecloud.com", states=[{"phase": 1}])


# -- readers --


def application(**changes: Any) -> dict[str, Any]:
    return {
        "JobApplicationId": 300000222222222, "CandidatePersonId": 300000233333333,
        "RequisitionId": 300000211111111, "ProcessId": 300000161356718, "PhaseId": 300000161356720,
        "PhaseName": "Interview", "StateId": 8, "StateName": "To Be Interviewed", "ConfirmedFlag": True,
        "LastModifiedDate": "2026-11-20T07:00:00.250+00:00", **changes,
    }  # fmt: skip


def test_a_stage_is_the_pair_of_phase_and_state() -> None:
    read = read_application("acme", NOW, application())
    assert read.stage is not None and read.stage.id == "300000161356720:8"
    assert read.stage_name == "Interview: To Be Interviewed"
    assert read.status is ApplicationStatus.UNKNOWN
    assert read_application("acme", NOW, application(StateId=None)).stage is None


def test_trap_7_ids_past_what_a_float_can_tell_apart_are_kept_to_the_digit() -> None:
    long = json.dumps(application(JobApplicationId=999999999999999998, StateId=999999999999999997))
    read = read_application("acme", NOW, read_json(long.encode()))
    assert read.ref.id == "999999999999999998"
    assert read.stage is not None and read.stage.id == "300000161356720:999999999999999997"
    for id in (3e14, "3e14", -1, 0, True, None):
        with pytest.raises(BadRecord):
            _ = read_application("acme", NOW, application(JobApplicationId=id))


def test_trap_5_times_are_read_with_and_without_a_fraction() -> None:
    whole = read_application("acme", NOW, application(LastModifiedDate="2026-11-20T07:00:00+00:00"))
    parts = read_application("acme", NOW, application())
    assert whole.updated_at == datetime(2026, 11, 20, 7, tzinfo=UTC)
    assert parts.updated_at == datetime(2026, 11, 20, 7, 0, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize("flag", [False, "N", "false"])
def test_an_application_that_was_never_confirmed_is_none(flag: Any) -> None:
    with pytest.raises(BadRecord):
        _ = read_application("acme", NOW, application(ConfirmedFlag=flag))


def test_unconfirmed_applications_are_not_brought_in() -> None:
    account = opened()
    rows = simulator(account).account.applications.values()
    drafts = {str(r["JobApplicationId"]) for r in rows if not r["ConfirmedFlag"]}
    assert drafts and not drafts & account.mirror().keys()


def test_trap_14_a_description_is_decoded() -> None:
    text = base64.b64encode(b"<p>x</p>").decode()
    job = {"RequisitionId": 7, "PhaseName": "Offen", "ExternalDescriptionHTML": text}
    (read,) = read_job("acme", NOW, job, states={"Offen": JobStatus.OPEN})
    assert (read.description_html, read.status) == ("<p>x</p>", JobStatus.OPEN)
    (read,) = read_job("acme", NOW, {**job, "ExternalDescriptionHTML": "not base64"}, states={})
    assert (read.description_html, read.status) == (None, JobStatus.UNKNOWN)


@pytest.mark.parametrize("wrapped", [True, False])
def test_children_are_a_collection_or_an_array(wrapped: bool) -> None:
    phone = {"PhoneType": "MOBILE", "CountryCodeNumber": "44", "AreaCode": None, "PhoneNumber": "7700900123"}
    shown: Any = {"items": [phone]} if wrapped else [phone]
    (read,) = read_candidate("acme", NOW, {"PersonId": 7, "LastName": "Duarte", "candidatePhones": shown})
    assert [p.value for p in read.phones] == ["+44 7700900123"]


def test_who_has_no_name_and_no_way_to_be_reached_is_anonymised() -> None:
    blank = {"PersonId": 7, "FirstName": None, "LastName": None, "DisplayName": "", "Email": None}
    (read,) = read_candidate("acme", NOW, {**blank, "candidatePhones": {"items": []}})
    assert read.deleted is not None and read.deleted.kind is TombstoneKind.ANONYMISED
    for name in ("FirstName", "LastName", "DisplayName", "Email"):
        with pytest.raises(BadRecord, match="not shown"):
            _ = read_candidate("acme", NOW, {key: value for key, value in blank.items() if key != name})


def blanked(account: Account) -> set[Ref]:
    people = {v.candidate for v in account.views().values() if v.candidate is not None}
    return {ref for ref in people if account.crm.candidate(ref).deleted}


def test_whom_the_user_may_not_see_any_more_is_not_anonymised(monkeypatch: pytest.MonkeyPatch) -> None:
    account = opened()
    people = len(account.views())
    truly = movable(account)
    account.simulator.anonymise(truly)
    answer = simulator(account).respond
    lost = {"FirstName", "LastName", "DisplayName", "Email", "candidatePhones"}

    def respond(request: SimRequest) -> SimResponse:
        response = answer(request)
        if response.status != 200 or "/recruitingCandidates" not in request.target:
            return response
        data = json.loads(response.body)
        items = [{key: row[key] for key in row.keys() - lost} for row in data["items"]]
        return evolve(response, body=json.dumps({**data, "items": items}).encode())

    monkeypatch.setattr(simulator(account), "respond", respond, raising=False)
    account.time.sleep(3600)
    for full in (False, True):
        report = account.bridge.pull(full=full)
        assert report.deleted == 0 and report.quarantined > 0
        assert not blanked(account)
    assert len(account.views()) == people
    monkeypatch.setattr(simulator(account), "respond", answer, raising=False)
    _ = account.bridge.pull(full=True)
    assert blanked(account) == {account.views()[truly].candidate}
    assert account.bridge.status().quarantined == 0


# -- reading through a bridge --


@pytest.mark.parametrize("page_size", [2, 7, 10])
def test_trap_1_what_is_past_the_ceiling_is_read_by_time(page_size: int, monkeypatch: Any) -> None:
    monkeypatch.setattr("atsbridge.ats.oracle_recruiting._CEILING", 10)
    account = opened(60, adapter={"page_size": page_size}, ceiling=10)
    assert account.differences() == {}


def same_time(account: Account) -> None:
    for row in simulator(account).account.applications.values():
        row["LastModifiedDate"] = 1_780_000_000_000


def test_rows_of_one_time_are_read_by_offset() -> None:
    account = Account.open("oracle_recruiting", applications=30)
    account = account.restarted(ats=evolve(account.ats, page_size=4))
    same_time(account)
    _ = account.bridge.pull()
    assert account.differences() == {}


def test_more_rows_of_one_time_than_the_ceiling_are_an_error_and_no_end(monkeypatch: Any) -> None:
    monkeypatch.setattr("atsbridge.ats.oracle_recruiting._CEILING", 10)
    account = Account.open("oracle_recruiting", applications=30, ceiling=10)
    account = account.restarted(ats=evolve(account.ats, page_size=5))
    same_time(account)
    with pytest.raises(BadPayload, match="one and the same LastModifiedDate"):
        _ = account.bridge.pull()


def test_rows_of_one_time_that_shift_begin_the_window_anew() -> None:
    account = Account.open("oracle_recruiting", applications=30)
    account = account.restarted(ats=evolve(account.ats, page_size=5))
    same_time(account)
    shifted: list[str] = []

    def shift(request: Any, respond: Any, _purpose: Purpose) -> SimResponse:
        if "offset=4&" in request.target and "recruitingJobApplications?" in request.target and not shifted:
            # One would be made up for by the row that is shown twice.
            for id in sorted(account.truth())[:3]:
                account.simulator.edit(id)
                shifted.append(id)
        answer: SimResponse = respond(request)
        return answer

    account.driver.meddle = shift
    try:
        _ = account.bridge.pull()
    except CursorLost:
        _ = account.bridge.pull()
    assert shifted
    assert account.differences() == {}


def test_trap_4_times_are_asked_for_with_z() -> None:
    account = opened()
    account.time.sleep(7200)
    before = len(account.driver.requests)
    _ = account.bridge.pull()
    asked = [t for t in targets(account, before) if "q=" in t]
    assert asked and all("+00" not in t and "%2B" not in t and "Z%27" in t for t in asked)


def test_trap_8_fields_and_expand_are_never_combined() -> None:
    assert all(not ("fields=" in t and "expand=" in t) for t in targets(opened()))


def test_trap_16_phones_past_the_25th_are_asked_for() -> None:
    account = Account.open("oracle_recruiting", applications=20)
    rows = simulator(account).account.candidates.values()
    row = next(r for r in rows if r["candidatePhones"])
    row["candidatePhones"] = [{**row["candidatePhones"][0], "PhoneNumber": f"555{n:04}"} for n in range(30)]
    _ = account.bridge.pull()
    number = row["CandidateNumber"]
    assert any(f"/{number}/child/candidatePhones" in t for t in targets(account))


@pytest.mark.parametrize("number", ["187476", "18/74 76", None])
def test_trap_16_who_cannot_be_asked_for_keeps_the_25_phones(number: Any) -> None:
    """Gone since the listing, or of a number that no path can hold: the page goes on."""
    account = Account.open("oracle_recruiting", applications=20)
    rows = simulator(account).account.candidates
    row = next(r for r in rows.values() if r["candidatePhones"])
    row["candidatePhones"] = [{**row["candidatePhones"][0], "PhoneNumber": f"555{n:04}"} for n in range(30)]
    row["CandidateNumber"] = number
    missing = SimResponse(
        404, (("Content-Type", "application/json"),), b'{"title": "Not Found", "status": "404"}'
    )
    account.driver.meddle = lambda asked, respond, _: missing if "/child/" in asked.target else respond(asked)
    _ = account.bridge.pull()
    assert account.differences() == {}


def test_an_application_in_a_state_that_is_not_in_the_table_is_there_and_unknown() -> None:
    account = opened()
    id = movable(account)
    here = account.truth()[id].stage
    states = tuple(s for s in account.ats.states if f"{s.phase}:{s.state}" != here)  # type: ignore[attr-defined]
    account = account.restarted(ats=evolve(account.ats, states=states))
    read = account.driver.run(account.bridge.client.run(account.ats.get_application(account.ref(id))))
    assert isinstance(read, Fresh) and (read.state.stage, read.state.status) == (
        here,
        ApplicationStatus.UNKNOWN,
    )


def test_trap_9_no_internal_resource_is_asked_for() -> None:
    account = opened()
    _ = account.bridge.check()
    assert not any(word in t for t in targets(account) for word in ("recruitingCE", "recruitingUI", "ICE"))


def test_trap_6_no_requisition_is_asked_for_by_a_key() -> None:
    assert not any("/recruitingJobRequisitions/" in t for t in targets(opened()))


def test_where_moves_leave_the_time_as_it_was_all_is_read() -> None:
    account = opened(adapter={"incremental": False}, moves_bump=False)
    id = movable(account)
    account.simulator.move(id, account.simulator.stages_for(id)[-1])
    account.time.sleep(60)
    _ = account.bridge.pull()
    assert account.differences() == {}


def test_trap_10_without_a_table_states_are_learned_from_applications() -> None:
    account = Account.open("oracle_recruiting", applications=60)
    bare = Account.of(account.simulator, lambda _sim: evolve(account.ats, states=()))
    _ = bare.bridge.pull()
    stood_in = {t.stage for t in bare.truth().values()}
    assert {s.ref.id for s in bare.bridge.configuration().stages.values()} == stood_in
    job = bare.truth()[movable(bare)].job
    client = bare.bridge.client
    found = bare.driver.run(client.run(bare.ats.catalogue(Ref("acme", Kind.JOB, job or ""))))
    assert found.stages and all(s.kind is StageKind.UNMAPPED for s in found.stages)


def test_what_is_deleted_is_found_by_a_sweep() -> None:
    account = opened()
    id = movable(account)
    account.simulator.delete(id)
    account.time.sleep(3600)
    _ = account.bridge.sweep(limit=1.0)
    assert id not in account.mirror()
    assert isinstance(account.fresh(id), Gone)


# -- check --


def test_trap_2_nothing_shown_proves_nothing() -> None:
    account = opened()
    simulator(account).revoke("data role on job requisitions")
    found = findings(account)["read recruitingJobApplications"]
    assert found.proof is Proof.UNPROVEN and "data role" in found.ask


@pytest.mark.parametrize(
    "name",
    [
        "LastModifiedDate", "RequisitionLastModifiedDate", "RequisitionId", "CandLastModifiedDate",
        "PersonId",
    ],
)  # fmt: skip
def test_trap_12_what_q_takes_no_more_is_found_by_check(name: str) -> None:
    account = opened()
    simulator(account).api.not_queryable = frozenset({name})
    (found,) = [f for what, f in findings(account).items() if "ask" in what and f.proof is Proof.MISSING]
    assert name in found.tried and found.ask
    if name.endswith("Date"):
        account.time.sleep(60)
        with pytest.raises(Refused):
            _ = account.bridge.pull()


def test_trap_15_a_pod_without_the_pinned_version_of_the_framework_is_found_by_check() -> None:
    account = opened()
    simulator(account).frameworks = (1, 2, 3)
    # Refused for its version, this request too: what the pod knows is not told.
    (found,) = [f for what, f in findings(account).items() if "framework" in what]
    assert found.proof is not Proof.PROVED and found.ask
    simulator(account).frameworks = (4,)
    assert {f.proof for what, f in findings(account).items() if "framework" in what} == {Proof.PROVED}


@pytest.mark.parametrize("status", [403, 404])
def test_trap_2_who_loses_the_data_role_loses_no_application(status: int) -> None:
    """All of them are answered as if they were hidden, or had never been."""
    account = opened(hidden_status=status)
    id = movable(account)
    event = account.ask(id, stage=account.simulator.stages_for(id)[-1])
    before = account.mirror()
    simulator(account).revoke("data role on job requisitions")
    report = account.bridge.push()
    assert report.stopped and event not in {r.event_id for r in report.receipts}
    with pytest.raises((Forbidden, TooManyGone)):
        _ = account.bridge.sweep()
    with pytest.raises(Forbidden, match="no record of this kind shows at all"):
        _ = account.bridge.sweep(limit=1.0)
    assert account.mirror() == before


def test_trap_13_without_the_data_role_a_candidate_is_still_found() -> None:
    account = opened()
    simulator(account).revoke("data role on job requisitions")
    there = account.truth()[movable(account)].candidate or ""
    gone = max(int(t.candidate or 0) for t in account.truth().values()) + 1000
    client, found = account.bridge.client, []
    for person in (there, str(gone)):
        asked = account.ats.confirm_gone(Ref("acme", Kind.CANDIDATE, person))
        found.append(account.driver.run(client.run(asked)))
    assert found[0] is None
    assert found[1] is not None and found[1].kind is TombstoneKind.DELETED


@pytest.mark.parametrize("hidden", [True, False])
def test_a_404_is_a_deletion_unless_it_may_be_a_hidden_application(hidden: bool) -> None:
    account = opened(adapter={"hidden_is_404": hidden}, hidden_status=404)
    id = movable(account)
    assert simulator(account).hide(id)
    gone = account.fresh(id)
    kind = TombstoneKind.LOST_ACCESS if hidden else TombstoneKind.DELETED
    assert isinstance(gone, Gone) and gone.tombstone.kind is kind


# -- plans --


def catalogue(account: Account, id: str) -> Catalogue:
    return account.engine.catalogue(account.truth()[id].job)


def test_trap_11_states_of_offers_and_hires_are_refused_in_words() -> None:
    account = opened()
    id = movable(account)
    here = State(account.truth()[id].stage, ACTIVE)
    known = catalogue(account, id)
    closed = next(s.ref.id for s in known.stages if s.name == "Offer: Extended")
    for target in (State(closed, ACTIVE), State(None, HIRED)):
        with pytest.raises(Unplannable):
            _ = account.ats.plan_writes(here, target, known)


def test_a_rejection_is_the_state_of_its_own_phase() -> None:
    account = opened()
    id = movable(account)
    here = State(account.truth()[id].stage, ACTIVE)
    (part,) = account.ats.plan_writes(here, State(None, REJECTED), catalogue(account, id))
    assert part.action is Action.REJECT
    assert (part.target.stage or "").partition(":")[0] == (here.stage or "").partition(":")[0]


def test_a_state_of_another_process_is_refused() -> None:
    account = opened()
    id = movable(account)
    truth = account.truth()
    other = next(
        t for t in truth.values() if t.stage not in {s.ref.id for s in catalogue(account, id).stages}
    )
    with pytest.raises(Unplannable, match="process"):
        _ = account.ats.plan_writes(
            State(truth[id].stage, ACTIVE), State(other.stage, ACTIVE), catalogue(account, id)
        )


def test_what_stands_where_it_is_to_go_is_not_moved() -> None:
    """A repeated move is refused, or is one more entry and one more mail."""
    account = opened()
    id = movable(account)
    there = account.simulator.stages_for(id)[-1]
    event = account.ask(id, stage=there)
    account.simulator.move(id, there)
    assert pushed(account, event).result is Result.ALREADY
    assert account.simulator.accepted == []


def test_what_a_move_undid_in_the_gap_no_read_tells_and_the_receipt_says_so() -> None:
    """Time and author of the last change are ours after a move; the change before it is shown nowhere."""
    account = opened()
    id = movable(account)
    event = account.ask(id, stage=account.simulator.stages_for(id)[-1])

    def reject(request: Any, respond: Any, purpose: Purpose) -> SimResponse:
        if purpose is Purpose.WRITE:
            account.simulator.reject(id, account.simulator.reasons("rejected")[0])
        answer: SimResponse = respond(request)
        return answer

    account.driver.meddle = reject
    receipt = pushed(account, event)
    assert (receipt.result, receipt.gap) == (Result.APPLIED, Gap.UNAUDITED)
    assert account.truth()[id].status == "active"


@pytest.mark.parametrize("incremental", [True, False])
def test_a_time_that_moves_do_not_move_is_no_signal(incremental: bool) -> None:
    account = opened(adapter={"incremental": incremental})
    id = movable(account)
    here, there = (
        State(account.truth()[id].stage, ACTIVE),
        State(account.simulator.stages_for(id)[-1], ACTIVE),
    )
    intent = Intent(
        intent_id="i", application=account.ref(id), action=Action.MOVE, target=there, expected=here
    )  # fmt: skip
    signal = account.ats.declared(intent).signal
    assert signal is (Signal.CHANGE if incremental else Signal.NONE)


def test_a_move_whose_answer_was_lost_is_never_sent_again() -> None:
    account = opened()
    id = movable(account)
    event = account.ask(id, stage=account.simulator.stages_for(id)[-1])
    lost: list[str] = []

    def lose(request: Any, respond: Any, purpose: Purpose) -> SimResponse | None:
        if purpose is Purpose.WRITE and not lost:
            lost.append(request.target)
            return None
        answer: SimResponse = respond(request)
        return answer

    account.driver.meddle = lose
    assert pushed(account, event).result is Result.REVIEW
    assert account.simulator.accepted == []


def test_there_is_no_other_action_than_the_move() -> None:
    assert {w.path.rpartition("/")[2] for w in VENDOR.writes} == {"move"}


def test_a_stage_from_the_table_says_whether_it_can_be_moved_to() -> None:
    row = {
        "process": "1", "phase": "2", "phase_name": "Offer", "state": "3", "name": "Draft", "kind": "offer",
        "movable": False, "order": 0,
    }  # fmt: skip
    (stage,) = read_stage("acme", NOW, row)
    assert (stage.ref.id, stage.writable.value, stage.pipeline) == ("2:3", "no", "1")


def test_a_state_whose_kind_the_table_does_not_say_is_not_written() -> None:
    """It may be one that ends an application."""
    row = {"process": "1", "phase": "2", "phase_name": "Offer", "state": "3", "name": "Rejected by Employer"}
    adapter = OracleRecruiting(connection="acme", pod="acme.fa.us2.oraclecloud.com", states=(row,))
    assert adapter.states[0].kind is StageKind.UNMAPPED
    account = opened()
    id = movable(account)
    table = [evolve(state, kind=StageKind.UNMAPPED) for state in account.ats.states]  # type: ignore[attr-defined]
    blind = evolve(account.ats, states=tuple(table))
    catalogue = account.driver.run(account.bridge.client.run(blind.catalogue(account.views()[id].job)))
    here, there = account.truth()[id].stage, account.simulator.stages_for(id)[-1]
    with pytest.raises(Unplannable):
        _ = blind.plan_writes(
            State(here, ApplicationStatus.ACTIVE), State(there, ApplicationStatus.ACTIVE), catalogue
        )
