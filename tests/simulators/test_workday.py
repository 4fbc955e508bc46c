"""The simulated Workday, asked as anybody would, against the traps of its pages."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from workday_client import DAY, NOW, World, by_job, id_of, inside, ref, results, w

from atsbridge.simulators.interface import Limits, SimRequest
from atsbridge.simulators.workday import WorkdaySimulator

INVALID = (
    "Validation error occurred. "
    "The next step or disposition chosen is invalid for the job application process."
)
ENDED = (
    "Validation error occurred. The Business Process must be in progress to move candidate to the next stage."
)
NOT_AUTHORISED = (
    "SOAP-ENV:Server.processingError",
    "Processing error occurred. The task submitted is not authorized.",
)
BAD_LOGIN = ("SOAP-ENV:Client.authenticationError", "invalid username or password")
MOVE = "Move_Candidate_Request"


@pytest.fixture
def world() -> World:
    return World()


# -- logging in --


def test_trap_14_a_login_needs_the_tenant_in_the_user_name(world: World) -> None:
    assert (
        world.call("Server_Timestamp_Get").findtext(w("Server_Timestamp_Data"))
        == "2026-09-21T07:13:20.000-07:00"
    )
    assert world.fault("Server_Timestamp_Get", security=world.security("isu_bridge")) == BAD_LOGIN
    assert (
        world.fault("Server_Timestamp_Get", security=world.security("isu_bridge@acme_preview")) == BAD_LOGIN
    )
    assert world.fault("Server_Timestamp_Get", security="") == BAD_LOGIN


def test_trap_4_a_bad_login_is_a_fault_without_detail_under_500(world: World) -> None:
    answer = world.post("Server_Timestamp_Get", security=world.security(password="no"))
    assert answer.status == 500
    assert inside(answer).find("detail") is None


def test_trap_4_retrying_a_wrong_password_locks_the_user() -> None:
    world = World(lock_after=3)
    for _ in range(3):
        assert world.fault("Server_Timestamp_Get", security=world.security(password="no")) == BAD_LOGIN
    assert world.fault("Server_Timestamp_Get") == BAD_LOGIN


def test_the_password_has_its_type(world: World) -> None:
    untyped = world.security().replace("#PasswordText", "#PasswordDigest")
    assert world.fault("Server_Timestamp_Get", security=untyped) == BAD_LOGIN


def token(world: World, path: str = "/ccx/oauth2/acme/token", **changes: str) -> Any:
    own = {**world.sim._client, **changes}
    pair = base64.b64encode(f"{own['client_id']}:{own['client_secret']}".encode()).decode()
    form = f"grant_type=refresh_token&refresh_token={own['refresh_token']}".encode()
    return world.sim.respond(SimRequest("POST", path, {"authorization": f"Basic {pair}"}, form))


def test_a_bearer_token_stands_for_the_security_block(world: World) -> None:
    given = json.loads(token(world).body)
    assert given["token_type"] == "Bearer" and "expires_in" not in given
    bearer = f"Bearer {given['access_token']}"
    assert world.call("Server_Timestamp_Get", security="", authorization=bearer) is not None
    _ = world.sim.expire_tokens()
    assert world.fault("Server_Timestamp_Get", security="", authorization=bearer) == BAD_LOGIN


def test_token_errors_tell_client_address_and_tenant_apart(world: World) -> None:
    assert token(world, client_secret="no").status == 401
    assert token(world, refresh_token="no").status == 401
    assert token(world, "/ccx/oauth2/acme/tokens").status == 404
    assert token(world, "/ccx/oauth2/acme_preview/token").status == 503


# -- addresses, versions, shapes --


def test_the_version_stands_in_the_path_or_in_the_attribute(world: World) -> None:
    bare = "/ccx/service/acme/Recruiting"
    assert world.call("Server_Timestamp_Get", path=bare, version="v45.0") is not None
    for path, version in ((bare, "v99.0"), (f"{bare}/v12.0", "v12.0"), (bare, "")):
        code, text = world.fault("Server_Timestamp_Get", path=path, version=version)
        assert text == "The web service or version is invalid for the requested operation"
        assert code.startswith("SOAP-ENV:Client")


@pytest.mark.parametrize(
    "name", ["Get_Job_Applications_Request", "Put_Candidate_Request", "Get_Workers_Request"]
)
def test_an_operation_of_another_service_or_of_none_is_invalid(world: World, name: str) -> None:
    """Texts that show Get_Job_Applications are machine-written; Get_Workers is another service's."""
    assert "is invalid for the requested operation" in world.fault(name)[1]


def test_the_wsdl_says_where_the_service_is(world: World) -> None:
    answer = world.sim.respond(SimRequest("GET", "/ccx/service/acme/Recruiting/v40.0?wsdl"))
    assert b"https://wd5-services1.myworkday.com/ccx/service/acme/Recruiting/v40.0" in answer.body


def test_another_tenant_is_not_there(world: World) -> None:
    assert world.post("Server_Timestamp_Get", path="/ccx/service/acme_impl1/Recruiting/v40.0").status == 404


def test_maintenance_is_an_html_page_with_503(world: World) -> None:
    world.sim.maintenance = True
    answer = world.post("Server_Timestamp_Get")
    assert (answer.status, answer.header("content-type")) == (503, "text/html")


def test_trap_11_a_name_is_flat_before_v34_and_nested_from_then_on(world: World) -> None:
    id = world.one()
    old = world.candidate(id, path="/ccx/service/acme/Recruiting/v26.1")
    new = world.candidate(id)
    assert old.findtext(w("Candidate_Data/Name_Data/First_Name"))
    assert new.findtext(w("Candidate_Data/Name_Data/First_Name")) is None
    nested = "Candidate_Data/Name_Data/Legal_Name/Name_Detail_Data/First_Name"
    assert new.findtext(w(nested)) == old.findtext(w("Candidate_Data/Name_Data/First_Name"))


def test_display_names_come_only_when_asked_for(world: World) -> None:
    id = world.one()
    for asked in (False, True):
        step = world.shown(id, descriptors=asked).find(w("Workflow_Step_Reference"))
        assert step is not None
        assert (step.get(w("Descriptor")) is not None) is asked


# -- pages --


def test_an_answer_is_xml_whatever_an_applicant_has_typed(world: World) -> None:
    id = world.sim.apply(name="Nul\x00 and \x1b[31m Byte", email="n@example.com")
    shown = world.candidate(id)
    assert (
        shown.findtext(w("Candidate_Data/Name_Data/Legal_Name/Name_Detail_Data/Last_Name")) == "and [31m Byte"
    )


def test_a_page_zero_is_a_fault(world: World) -> None:
    asked = "<w:Response_Filter><w:Page>0</w:Page></w:Response_Filter>"
    assert "Page Number cannot be zero." in world.fault("Get_Candidates_Request", asked)[1]


@pytest.mark.parametrize("count", ["0", "1000", "many"])
def test_a_count_is_from_1_to_999(world: World, count: str) -> None:
    asked = f"<w:Response_Filter><w:Count>{count}</w:Count></w:Response_Filter>"
    assert world.fault("Get_Candidates_Request", asked)[0] == "SOAP-ENV:Client.validationError"


def test_the_order_of_children_matters(world: World) -> None:
    asked = (
        "<w:Response_Group><w:Include_Reference>1</w:Include_Reference></w:Response_Group>"
        "<w:Response_Filter><w:Page>1</w:Page></w:Response_Filter>"
    )
    assert world.fault("Get_Candidates_Request", asked)[0] == "SOAP-ENV:Client.validationError"
    both = "<w:Request_References/><w:Request_Criteria/>"
    assert world.fault("Get_Candidates_Request", both)[0] == "SOAP-ENV:Client.validationError"
    twisted = "<w:Response_Filter><w:Count>5</w:Count><w:Page>1</w:Page></w:Response_Filter>"
    assert world.fault("Get_Candidates_Request", twisted)[0] == "SOAP-ENV:Client.validationError"


def test_an_answer_repeats_the_request_and_gives_the_figures(world: World) -> None:
    asked = "<w:Response_Filter><w:Page>2</w:Page><w:Count>7</w:Count></w:Response_Filter>"
    told = world.call("Get_Candidates_Request", asked)
    total, pages, shown, page = results(told)
    assert (pages, shown, page) == (-(-total // 7), 7, 2)
    assert [child.tag for child in told] == [
        w(n) for n in ("Response_Filter", "Response_Results", "Response_Data")
    ]


@pytest.mark.parametrize("pages", [0, 1])
def test_an_answer_without_results_has_no_data(pages: int) -> None:
    world = World(pages_when_empty=pages)
    asked = "<w:Request_Criteria><w:Last_Name>Nobody</w:Last_Name></w:Request_Criteria>"
    told = world.call("Get_Candidates_Request", asked)
    assert told.find(w("Response_Data")) is None
    assert told.findtext(w("Response_Results/Total_Pages")) == str(pages)


def test_trap_9_pages_drift_unless_the_moment_is_fixed(world: World) -> None:
    def crawl(at: str) -> list[str | None]:
        everybody = sorted({t.candidate or "" for t in world.sim.truth().values()})
        first = world.pages("Get_Candidates", count=999)
        assert {id_of(c, "Candidate_Reference") for c in first} >= set(everybody)
        stamp = "<w:As_Of_Entry_DateTime>" + at + "</w:As_Of_Entry_DateTime>" if at else ""
        seen: list[str | None] = []
        for page in range(1, 20):
            told = world.call(
                "Get_Candidates_Request",
                f"<w:Response_Filter>{stamp}<w:Page>{page}</w:Page><w:Count>10</w:Count></w:Response_Filter>",
            )
            seen += [id_of(c, "Candidate_Reference") for c in told.findall(w("Response_Data/Candidate"))]
            if page == 1:
                world.now += 60
                world.sim.delete(next(id for id in sorted(world.sim.truth()) if id.startswith(seen[0] or "")))
        return [wid for wid in everybody if wid not in seen]

    at = world.call("Server_Timestamp_Get").findtext(w("Server_Timestamp_Data")) or ""
    assert crawl(at) == []
    assert len(crawl("")) == 1


def test_a_moment_shows_what_was_so_then(world: World) -> None:
    id = world.one()
    before = world.sim.truth()[id].stage
    at = world.call("Server_Timestamp_Get").findtext(w("Server_Timestamp_Data"))
    world.now += 3600
    world.sim.move(id, world.sim.stages_for(id)[0])
    person = ref("Candidate_Reference", "WID", id.partition(":")[0])
    told = world.call(
        "Get_Candidates_Request",
        f"<w:Request_References>{person}</w:Request_References>"
        f"<w:Response_Filter><w:As_Of_Entry_DateTime>{at}</w:As_Of_Entry_DateTime></w:Response_Filter>",
    )
    steps = [
        id_of(a, "Workflow_Step_Reference", "Workflow_Step_ID") for a in told.iter(w("Job_Applied_To_Data"))
    ]
    assert before in steps
    assert id_of(world.shown(id), "Workflow_Step_Reference", "Workflow_Step_ID") != before


# -- requisitions --


def log(since: float, until: float) -> str:
    from atsbridge.simulators.workday.soap import when

    return (
        "<w:Request_Criteria><w:Transaction_Log_Criteria_Data><w:Transaction_Date_Range_Data>"
        f"<w:Updated_From>{when(since)}</w:Updated_From><w:Updated_Through>{when(until)}</w:Updated_Through>"
        "</w:Transaction_Date_Range_Data></w:Transaction_Log_Criteria_Data></w:Request_Criteria>"
    )


def test_the_transaction_log_tells_which_requisitions_changed(world: World) -> None:
    assert world.pages("Get_Job_Requisitions", log(NOW - 10, NOW), count=999) == []
    wid = next(w for w, r in world.sim.account.requisitions.items() if r["status"] == "OPEN")
    world.now += 100
    world.sim.close(wid)
    (changed,) = world.pages("Get_Job_Requisitions", log(NOW, world.now), count=999)
    assert id_of(changed, "Job_Requisition_Reference") == wid
    assert (
        id_of(changed, "Job_Requisition_Data/Job_Requisition_Status_Reference", "Job_Requisition_Status_ID")
        == "CLOSED"
    )


def test_a_clock_that_is_ahead_is_a_fault(world: World) -> None:
    _, text = world.fault("Get_Job_Requisitions_Request", log(NOW - 10, NOW + 60))
    assert "Updated Through must be less than or equal to Current Moment!" in text


def test_effective_moments_come_in_pairs(world: World) -> None:
    through = "</w:Transaction_Date_Range_Data>"
    effective = f"<w:Effective_From>2026-01-01T00:00:00Z</w:Effective_From>{through}"
    asked = log(NOW - 10, NOW).replace(through, effective)
    assert world.fault("Get_Job_Requisitions_Request", asked)[0] == "SOAP-ENV:Client.validationError"


def test_trap_16_one_unknown_requisition_fails_the_whole_call_unless_it_is_skipped(world: World) -> None:
    known = next(iter(world.sim.account.requisitions.values()))["id"]
    both = ref("Job_Requisition_Reference", "Job_Requisition_ID", known) + ref(
        "Job_Requisition_Reference", "Job_Requisition_ID", "R-99999"
    )
    code, text = world.fault(
        "Get_Job_Requisitions_Request", f"<w:Request_References>{both}</w:Request_References>"
    )
    assert code == "SOAP-ENV:Client.validationError"
    assert text == (
        "Validation error occurred. Invalid ID value.  'R-99999' is not a valid ID value for type = "
        "'Job_Requisition_ID'"
    )
    skipped = f'<w:Request_References w:Skip_Non_Existing_Instances="true">{both}</w:Request_References>'
    assert results(world.call("Get_Job_Requisitions_Request", skipped))[0] == 1


def test_an_evergreen_requisition_is_another_kind_of_object(world: World) -> None:
    wid = next(wid for wid, row in world.sim.account.requisitions.items() if row["evergreen"])
    listed = {id_of(j, "Job_Requisition_Reference") for j in world.pages("Get_Job_Requisitions", count=999)}
    assert wid not in listed
    one = f"<w:Request_References>{ref('Job_Requisition_Reference', 'WID', wid)}</w:Request_References>"
    assert "Invalid ID value" in world.fault("Get_Job_Requisitions_Request", one)[1]
    evergreens = world.pages("Get_Evergreen_Requisitions", count=999)
    assert [id_of(e, "Evergreen_Requisition_Reference") for e in evergreens] == [wid]


@pytest.mark.parametrize("by_wid", [True, False])
def test_candidates_of_an_evergreen_requisition(by_wid: bool) -> None:
    world = World(evergreen_by_wid=by_wid)
    wid = next(wid for wid, row in world.sim.account.requisitions.items() if row["evergreen"])
    if by_wid:
        assert world.pages("Get_Candidates", by_job(wid), count=999)
    else:
        assert "Invalid ID value" in world.fault("Get_Candidates_Request", by_job(wid))[1]


def test_an_application_on_an_evergreen_requisition_never_comes_to_an_offer(world: World) -> None:
    account = world.sim.account
    for candidate in account.candidates.values():
        for row in candidate["applications"]:
            if account.requisitions[row["requisition"]]["evergreen"]:
                stages = {step.stage for step in account.following(row)}
                assert not stages & {"OFFER", "CONTRACT", "READY_FOR_HIRE"}


def test_trap_15_the_id_of_a_state_can_be_renamed_by_the_tenant() -> None:
    world = World(status_ids={"OPEN": "Approved"})
    told = world.call("Get_Job_Requisitions_Request", descriptors=True)
    found = {
        (id_of(data, "Job_Requisition_Status_Reference", "Job_Requisition_Status_ID"),
         data.find(w("Job_Requisition_Status_Reference")).get(w("Descriptor")))  # type: ignore[union-attr]
        for data in told.iter(w("Job_Requisition_Data"))
    }  # fmt: skip
    assert ("Approved", "Open") in found


def test_trap_7_a_constrained_group_is_shown_a_part_without_a_word(world: World) -> None:
    everything = results(world.call("Get_Job_Requisitions_Request"))[0]
    world.sim.api.only_organisation = f"{1:032x}"
    assert 0 < results(world.call("Get_Job_Requisitions_Request"))[0] < everything / 2


def test_trap_13_confidential_requisitions_and_their_people_are_left_out_without_a_word(
    world: World,
) -> None:
    everything = results(world.call("Get_Job_Requisitions_Request"))[0]
    people = results(world.call("Get_Candidates_Request"))[0]
    id = world.one()
    world.sim.make_confidential(world.sim.truth()[id].job or "")
    assert results(world.call("Get_Job_Requisitions_Request"))[0] == everything - 1
    assert results(world.call("Get_Candidates_Request"))[0] < people


def test_postings_name_their_requisition(world: World) -> None:
    postings = world.pages("Get_Job_Postings", count=999)
    assert postings
    assert all(p.findtext(w("Job_Posting_Data/Job_Requisition_ID")) for p in postings)


# -- candidates --


def test_trap_3_a_stage_move_does_not_change_the_application_date(world: World) -> None:
    """No criterion finds what was moved: only the time of the status tells."""
    id = world.one()
    before = world.shown(id)
    world.now += DAY
    world.sim.move(id, world.sim.stages_for(id)[0])
    after = world.shown(id)
    assert after.findtext(w("Job_Application_Date")) == before.findtext(w("Job_Application_Date"))
    assert after.findtext(w("Status_Timestamp")) != before.findtext(w("Status_Timestamp"))
    from atsbridge.simulators.workday.soap import when

    since = f"<w:Request_Criteria><w:Applied_From>{when(NOW)}</w:Applied_From></w:Request_Criteria>"
    assert results(world.call("Get_Candidates_Request", since))[0] == 0
    unknown = f"<w:Request_Criteria><w:Updated_From>{when(NOW)}</w:Updated_From></w:Request_Criteria>"
    assert world.fault("Get_Candidates_Request", unknown)[0] == "SOAP-ENV:Client.validationError"


def test_creation_is_a_criterion_of_newer_versions_alone(world: World) -> None:
    asked = "<w:Request_Criteria><w:Created_From>2020-01-01T00:00:00Z</w:Created_From></w:Request_Criteria>"
    assert results(world.call("Get_Candidates_Request", asked))[0] > 0
    old = {"path": "/ccx/service/acme/Recruiting/v26.1"}
    assert world.fault("Get_Candidates_Request", asked, **old)[0] == "SOAP-ENV:Client.validationError"


def test_empty_criteria_find_nothing(world: World) -> None:
    assert results(world.call("Get_Candidates_Request", "<w:Request_Criteria/>"))[0] == 0
    assert results(world.call("Get_Candidates_Request"))[0] > 0


def test_trap_8_resumes_come_in_base64_unless_attachments_are_left_out(world: World) -> None:
    assert world.post("Get_Candidates_Request").body.count(b"File_Content>") > 20
    group = (
        "<w:Response_Group><w:Include_Reference>1</w:Include_Reference>"
        "<w:Exclude_All_Attachments>1</w:Exclude_All_Attachments></w:Response_Group>"
    )
    assert b"File_Content" not in world.post("Get_Candidates_Request", group).body
    old = {"path": "/ccx/service/acme/Recruiting/v26.1"}
    assert world.fault("Get_Candidates_Request", group, **old)[0] == "SOAP-ENV:Client.validationError"


@pytest.mark.parametrize("whole", [True, False])
def test_a_hit_comes_with_all_applications_of_the_candidate(whole: bool) -> None:
    world = World(whole_candidate=whole)
    twice = next(c for c in world.sim.account.candidates.values() if len(c["applications"]) > 1)
    jobs = {a["requisition"] for a in twice["applications"]}
    found = world.pages("Get_Candidates", by_job(sorted(jobs)[0]), count=999)
    shown = next(c for c in found if id_of(c, "Candidate_Reference") == twice["wid"])
    count = len(list(shown.iter(w("Job_Applied_To_Data"))))
    assert count == (len(twice["applications"]) if whole else len([
        a for a in twice["applications"] if a["requisition"] == sorted(jobs)[0]
    ]))  # fmt: skip


def test_trap_10_a_dispositioned_application_shows_its_last_active_stage(world: World) -> None:
    id = world.one()
    before = world.shown(id)
    world.sim.reject(id, world.sim.reasons("rejected")[0])
    after = world.shown(id)
    for name in ("Stage_Reference", "Workflow_Step_Reference"):
        assert id_of(after, name) == id_of(before, name)
    assert id_of(after, "Disposition_Reference", "Recruiting_Disposition_ID") == "NOT_QUALIFIED"
    assert before.find(w("Disposition_Reference")) is None


def test_trap_6_a_missing_domain_is_a_fault_and_a_missing_field_permission_is_silent(world: World) -> None:
    id = world.one()
    assert world.candidate(id).find(w("Candidate_Data/Name_Data")) is not None
    world.sim.revoke("Candidate Data: Personal Information")
    assert world.candidate(id).find(w("Candidate_Data/Name_Data")) is None
    assert world.candidate(id).find(w("Candidate_Data/Contact_Data")) is None
    for domain in (
        "Candidate Data: Job Application",
        "Job Requisition Data",
        "Manage: Evergreen Requisitions",
    ):
        world.sim.revoke(domain)
    for name in ("Get_Candidates", "Get_Job_Requisitions", "Get_Evergreen_Requisitions"):
        assert world.fault(f"{name}_Request") == NOT_AUTHORISED


def test_trap_5_a_permission_counts_only_once_the_changes_are_activated(world: World) -> None:
    world.sim.revoke("Job Requisition Data")
    world.sim.grant("Job Requisition Data")
    assert world.fault("Get_Job_Requisitions_Request") == NOT_AUTHORISED
    world.sim.activate_security_changes()
    assert results(world.call("Get_Job_Requisitions_Request"))[0] > 0


@pytest.mark.parametrize("hides", [False, True])
def test_a_purged_candidate_answers_with_blanks_or_not_at_all(hides: bool) -> None:
    world = World(purge_hides=hides)
    id = world.one()
    world.sim.anonymise(id)
    person = ref("Candidate_Reference", "WID", id.partition(":")[0])
    told = world.call(
        "Get_Candidates_Request",
        f'<w:Request_References w:Skip_Non_Existing_Instances="true">{person}</w:Request_References>',
    )
    found = told.find(w("Response_Data/Candidate"))
    assert (found is None) is hides
    if found is not None:
        names = found.find(w("Candidate_Data/Name_Data/Legal_Name/Name_Detail_Data"))
        assert names is not None and not any((name.text or "").strip() for name in names)


def test_reading_a_removed_candidate_fails_the_whole_call(world: World) -> None:
    id = world.one()
    world.sim.delete(id)
    person = ref("Candidate_Reference", "WID", id.partition(":")[0])
    assert (
        "Invalid ID value"
        in world.fault("Get_Candidates_Request", f"<w:Request_References>{person}</w:Request_References>")[1]
    )


# -- moving --


def test_a_move_answers_with_the_event_and_no_stage(world: World) -> None:
    id = world.one()
    there = world.sim.stages_for(id)[0]
    told = world.call(MOVE, world.move(id, there))
    assert [child.tag for child in told] == [w("Event_Reference")]
    assert world.sim.truth()[id].stage == there
    assert [a.application for a in world.sim.accepted] == [id]


def test_trap_1_a_move_without_parameters_succeeds_and_moves_nothing(world: World) -> None:
    id = world.one()
    before = world.sim.truth()[id]
    told = world.call(MOVE, f"<w:Move_Candidate_Data>{world.target(id)}</w:Move_Candidate_Data>")
    assert told.find(w("Event_Reference")) is not None
    assert world.sim.truth()[id] == before
    (accepted,) = world.sim.accepted
    assert accepted.before == accepted.after


@pytest.mark.parametrize(
    "inner",
    [
        ref("Recruiting_Stage_Reference", "Recruiting_Stage_ID", "OFFER"),
        ref("Disposition_Reference", "Recruiting_Disposition_ID", "NOT_QUALIFIED"),
    ],
)
def test_a_stage_or_disposition_in_the_data_block_is_no_known_form(world: World, inner: str) -> None:
    id = world.one()
    for content in (inner, world.target(id) + inner):
        asked = f"<w:Move_Candidate_Data>{content}</w:Move_Candidate_Data>"
        assert world.fault(MOVE, asked)[0] == "SOAP-ENV:Client.validationError"
    assert world.sim.accepted == []


def test_trap_2_a_stage_id_is_not_a_step_id(world: World) -> None:
    id = world.one()
    assert "Invalid ID value" in world.fault(MOVE, world.move(id, "OFFER"))[1]


def test_trap_2_a_step_that_is_not_next_or_of_another_process_is_invalid(world: World) -> None:
    id = world.one()
    account = world.sim.account
    here = account.steps[world.sim.truth()[id].stage or ""]
    far = [
        s
        for s in account.steps.values()
        if s.process == here.process and s.id not in (*here.following, here.id)
    ]
    other = [s for s in account.steps.values() if s.process != here.process]
    for step in (far[0], other[0], here):
        assert world.fault(MOVE, world.move(id, step.id))[1] == INVALID
    assert world.sim.accepted == []


def test_exactly_one_of_next_step_and_disposition_is_named(world: World) -> None:
    id = world.one()
    both = ref("Disposition_Step_Reference", "Workflow_Step_ID", "STEP_B__DISPOSITION_1")
    neither = world.move(id, "x").replace(ref("Next_Step_Reference", "Workflow_Step_ID", "x"), "")
    for content in (world.move(id, world.sim.stages_for(id)[0], more=both), neither):
        assert world.fault(MOVE, content)[0] == "SOAP-ENV:Client.validationError"


def test_a_disposition_step_ends_and_a_repeat_finds_nothing_in_progress(world: World) -> None:
    id = world.one()
    out = world.sim.account.ways_out(world.sim._find(id)[1])[0]
    asked = world.move(id, out.step, way="Disposition_Step_Reference")
    _ = world.call(MOVE, asked)
    assert world.sim.truth()[id].status == "rejected"
    assert world.sim.truth()[id].reason == f"{out.id}:{out.step}"
    assert world.fault(MOVE, asked)[1] == ENDED


def test_the_same_move_twice_is_invalid_unless_the_process_names_the_step_itself(world: World) -> None:
    id = world.one()
    asked = world.move(id, world.sim.stages_for(id)[0])
    _ = world.call(MOVE, asked)
    assert world.fault(MOVE, asked)[1] == INVALID
    again = World(self_steps=True)
    _ = again.call(MOVE, asked)
    _ = again.call(MOVE, asked)
    assert len(again.sim.accepted) == 2


def test_a_closed_requisition_has_nothing_in_progress(world: World) -> None:
    id = world.one()
    asked = world.move(id, world.sim.stages_for(id)[0])
    world.sim.close(world.sim.truth()[id].job or "")
    assert world.fault(MOVE, asked)[1] == ENDED


def test_a_hired_application_shows_no_flag_and_fills_its_requisition(world: World) -> None:
    id = world.one()
    job = world.sim.truth()[id].job or ""
    before = world.shown(id)
    world.sim.account.requisitions[job]["available"] = 1
    world.sim.hire(id)
    after = world.shown(id)
    assert {c.tag for c in after} == {c.tag for c in before}
    assert world.candidate(id).find(w("Candidate_Data/Worker_Reference")) is not None
    assert world.sim.account.requisitions[job]["status"] == "FILLED"
    assert world.fault(MOVE, world.move(id, "STEP_B__ACTION_1"))[1] == ENDED


def test_a_move_may_show_late() -> None:
    world = World(visible_after_seconds=45)
    id = world.one()
    there = world.sim.stages_for(id)[0]
    before = id_of(world.shown(id), "Workflow_Step_Reference", "Workflow_Step_ID")
    _ = world.call(MOVE, world.move(id, there))
    world.now += 44
    assert id_of(world.shown(id), "Workflow_Step_Reference", "Workflow_Step_ID") == before
    world.now += 2
    assert id_of(world.shown(id), "Workflow_Step_Reference", "Workflow_Step_ID") == there


def test_a_comment_is_refused_where_the_process_takes_none() -> None:
    comment = "<w:Comment_Data><w:Comment>Moved</w:Comment></w:Comment_Data>"
    for disabled in (False, True):
        world = World(comments_disabled=disabled)
        id = world.one()
        asked = world.move(id, world.sim.stages_for(id)[0], more=comment)
        if disabled:
            assert "configured to disable comment" in world.fault(MOVE, asked)[1]
        else:
            _ = world.call(MOVE, asked)


def test_a_candidate_and_a_requisition_name_precisely_one_application(world: World) -> None:
    id = world.one()
    truth = world.sim.truth()[id]
    whom = (
        "<w:Candidate_Criteria_Data>"
        + ref("Candidate_Reference", "WID", truth.candidate or "")
        + ref("Job_Requisition_Reference", "WID", truth.job or "")
        + "</w:Candidate_Criteria_Data>"
    )
    asked = world.move(id, world.sim.stages_for(id)[0]).replace(world.target(id), whom)
    _ = world.call(MOVE, asked)
    world.sim.reject(id, world.sim.reasons("rejected")[0])
    assert "precisely one Job Application Event in progress" in world.fault(MOVE, asked)[1]


def test_an_unknown_application_is_an_invalid_id_and_a_missing_permission_comes_first(world: World) -> None:
    asked = world.move("a:JOB_APPLICATION-6-0", "STEP_B__ACTION_2").replace("WID", "Job_Application_ID")
    assert (
        "'JOB_APPLICATION-6-0' is not a valid ID value for type = 'Job_Application_ID'"
        in world.fault(MOVE, asked)[1]
    )
    world.sim.revoke("Move Candidate")
    assert world.fault(MOVE, asked) == NOT_AUTHORISED


def test_trap_14_a_sandbox_refresh_keeps_reference_ids_and_changes_wids_and_the_password(
    world: World,
) -> None:
    id, old = world.one(), world.security()
    step = world.sim.account.steps[world.sim.stages_for(id)[0]]
    wid = step.wid
    world.sim.refresh_sandbox()
    assert world.fault("Server_Timestamp_Get", security=old) == BAD_LOGIN
    by_wid = world.move(id, wid).replace("Workflow_Step_ID", "WID")
    assert "Invalid ID value" in world.fault(MOVE, by_wid)[1]
    _ = world.call(MOVE, world.move(id, step.id))


# -- the report, and other services --


def basic(world: World, user: str = "isu_bridge") -> str:
    return "Basic " + base64.b64encode(f"{user}:{world.password}".encode()).decode()


def test_every_value_of_the_report_is_a_text_and_empty_columns_are_left_out(world: World) -> None:
    answer = world.report(query="?format=json", authorization=basic(world))
    rows = json.loads(answer.body)["Report_Entry"]
    assert len(rows) == len(world.sim.truth())
    for row in rows:
        assert all(isinstance(v, (str, list)) for v in row.values())
        assert "" not in row.values() and [] not in row.values()
    assert {row["Hired"] for row in rows} == {"0", "1"}
    assert any("Next_Steps" not in row for row in rows)
    assert rows[0]["Last_Functionally_Updated"].count(":") == 3


def test_the_report_is_the_only_place_that_tells_of_a_hire(world: World) -> None:
    id = world.one("hired")
    rows = json.loads(world.report(query="?format=json", authorization=basic(world, "isu_bridge@acme")).body)
    hired = {row["Application_ID"] for row in rows["Report_Entry"] if row["Hired"] == "1"}
    assert id.partition(":")[2] in hired


def test_a_prompt_narrows_the_report(world: World) -> None:
    job = world.sim.truth()[world.one()].job
    answer = world.report(query=f"?format=json&Job_Requisition={job}", authorization=basic(world))
    own = [id for id, t in world.sim.truth().items() if t.job == job]
    assert len(json.loads(answer.body)["Report_Entry"]) == len(own)


@pytest.mark.parametrize("format", ["csv", "simplexml"])
def test_the_report_comes_in_other_formats(world: World, format: str) -> None:
    answer = world.report(query=f"?format={format}", authorization=basic(world))
    assert answer.status == 200 and b"Job_Application_ID" in answer.body


def test_the_report_needs_a_login_and_to_be_shared(world: World) -> None:
    assert world.report(query="?format=json").status == 401
    assert world.report("lmcneil/Other", authorization=basic(world)).status == 404
    world.sim.revoke("Report: shared with the user")
    assert world.report(query="?format=json", authorization=basic(world)).status == 403


def test_workers_and_reference_ids_are_other_services(world: World) -> None:
    people = world.call("Get_Workers_Request", path="/ccx/service/acme/Human_Resources/v40.0")
    assert results(people)[0] == 6
    asked = (
        "<w:Request_Criteria><w:Reference_ID_Type>Workflow_Step_ID</w:Reference_ID_Type></w:Request_Criteria>"
    )
    told = world.call("Get_References_Request", asked, path="/ccx/service/acme/Integrations/v40.0")
    ids = {node.text for node in told.iter(w("ID"))}
    assert set(world.sim.account.steps) <= ids


def test_trap_12_an_application_in_parallel_stages_shows_one_by_soap_and_all_in_the_report(
    world: World,
) -> None:
    id = world.one()
    before = world.shown(id)
    world.sim.also_at(id, world.sim.stages_for(id)[0])
    after = world.shown(id)
    assert id_of(after, "Workflow_Step_Reference") == id_of(before, "Workflow_Step_Reference")
    assert len(after.findall(w("Stage_Reference"))) == 1
    rows = json.loads(world.report(query="?format=json", authorization=basic(world)).body)["Report_Entry"]
    (row,) = [row for row in rows if row["Application_ID"] == id.partition(":")[2]]
    assert row["Parallel_Stages"] == [{"Step": world.sim.stage_name(world.sim.stages_for(id)[0])}]


# -- criteria --


def seek(world: World, operation: str, criteria: str) -> int:
    asked = f"<w:Request_Criteria>{criteria}</w:Request_Criteria>"
    return results(world.call(f"{operation}_Request", asked))[0]


def test_candidates_are_sought_by_every_criterion_and_all_together(world: World) -> None:
    people = list(world.sim.account.candidates.values())
    hired = next(c for c in people if c["worker"])
    last = f"<w:Last_Name>{hired['last']}</w:Last_Name>"
    assert seek(world, "Get_Candidates", last) == sum(c["last"] == hired["last"] for c in people)
    first = f"<w:First_Name>{hired['first']}</w:First_Name>"
    assert seek(world, "Get_Candidates", first + last) >= 1
    assert world.fault("Get_Candidates_Request", f"<w:Request_Criteria>{first}</w:Request_Criteria>")
    assert (
        seek(world, "Get_Candidates", last + ref("Worker_Reference", "Employee_ID", hired["worker"][1])) == 1
    )
    assert seek(world, "Get_Candidates", ref("Pre-Hire_Reference", "WID", hired["prehire"][0])) == 1
    internal = "<w:Internal_Workers_Only>1</w:Internal_Workers_Only>"
    assert seek(world, "Get_Candidates", internal) == sum(c["worker"] is not None for c in people)
    for name, kind, id in (
        ("Recruiting_Stage_Reference", "Recruiting_Stage_ID", "REVIEW"),
        ("Applicant_Source_Reference", "Applicant_Source_ID", "REFERRAL"),
    ):
        assert 0 < seek(world, "Get_Candidates", ref(name, kind, id)) < len(people)
        assert seek(world, "Get_Candidates", ref(name, kind, "NONE")) == 0


def test_requisitions_and_postings_are_sought_by_every_criterion(world: World) -> None:
    jobs = [r for r in world.sim.account.requisitions.values() if not r["evergreen"]]
    one = jobs[0]
    open_now = [j["status"] == "OPEN" for j in jobs]
    there = [j["location"][1] == one["location"][1] for j in jobs]
    own = [j["organisation"] == one["organisation"] for j in jobs]
    for name, kind, id, fits in (
        ("Job_Requisition_Status_Reference", "Job_Requisition_Status_ID", "OPEN", open_now),
        ("Supervisory_Organization_Reference", "WID", one["organisation"][0], own),
        ("Primary_Location_Reference", "Location_ID", one["location"][1], there),
        ("Additional_Locations_Reference", "Location_ID", "Site_0", [False]),
    ):
        assert seek(world, "Get_Job_Requisitions", ref(name, kind, id)) == sum(fits), name
    everything = results(world.call("Get_Job_Postings_Request"))[0]
    assert (
        seek(world, "Get_Job_Postings", "<w:Job_Posting_Start_Date>2099-01-01</w:Job_Posting_Start_Date>")
        == 0
    )
    site = "<w:Job_Posting_Site_Name>External</w:Job_Posting_Site_Name>"
    assert seek(world, "Get_Job_Postings", site) == everything
    world.sim.close(one["wid"])
    active = "<w:Show_Only_Active_Job_Postings>1</w:Show_Only_Active_Job_Postings>"
    assert seek(world, "Get_Job_Postings", active) == everything - 1
    assert seek(world, "Get_Job_Postings", ref("Job_Requisition_Reference", "WID", one["wid"])) == 1


# -- accounts --


def test_the_same_seed_gives_the_same_tenant() -> None:
    one, two = (WorkdaySimulator.generate(30, seed=4, clock=lambda: NOW) for _ in range(2))
    assert one.truth() == two.truth()


def test_an_account_comes_from_recorded_answers(world: World, tmp_path: Path) -> None:
    for name in ("Get_Job_Requisitions", "Get_Candidates"):
        asked = "<w:Response_Filter><w:Count>999</w:Count></w:Response_Filter>"
        answer = world.post(f"{name}_Request", asked, descriptors=True)
        (tmp_path / f"{name}.1.xml").write_bytes(answer.body)
    again = WorkdaySimulator.from_folder(tmp_path, clock=lambda: NOW)
    evergreen = {wid for wid, row in world.sim.account.requisitions.items() if row["evergreen"]}
    real = {id: t for id, t in world.sim.truth().items() if t.job not in evergreen}
    read = {id: t for id, t in again.truth().items() if t.job not in evergreen}
    assert {id: t.stage for id, t in read.items()} == {id: t.stage for id, t in real.items()}


# -- the rest of its pages --


def test_answers_and_faults_come_under_the_prefixes_they_name(world: World) -> None:
    answer = world.post("Get_Candidates_Request", descriptors=True).body
    assert answer.count(b"<SOAP-ENV:Body") == 1 and b"<wd:Candidate>" in answer and b"wd:type=" in answer
    assert b"ns0" not in answer and b"ns1" not in answer
    fault = world.post("Server_Timestamp_Get", security="").body
    assert b'xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"' in fault
    assert b"<faultcode>SOAP-ENV:Client.authenticationError</faultcode>" in fault


@pytest.mark.parametrize(
    ("operation", "domain"),
    [
        ("Get_Job_Requisitions_Request", "Job Requisitions for Recruiting"),
        (MOVE, "Candidate Data: Job Application"),
        (MOVE, "Move_Candidate (Web Service)"),
    ],
)
def test_every_domain_and_policy_of_an_operation_is_needed(world: World, operation: str, domain: str) -> None:
    id = world.one()
    content = world.move(id, world.sim.stages_for(id)[0]) if operation == MOVE else ""
    world.sim.revoke(domain)
    assert world.fault(operation, content) == NOT_AUTHORISED
    assert world.sim.accepted == []


def test_workers_are_of_another_service_and_need_two_domains(world: World) -> None:
    path = {"path": "/ccx/service/acme/Human_Resources/v40.0"}
    assert results(world.call("Get_Workers_Request", **path))[0] > 0
    world.sim.revoke("Worker Data: Workers")
    assert world.fault("Get_Workers_Request", **path) == NOT_AUTHORISED


def test_prospects_and_pre_hires_are_missing_without_their_domains(world: World) -> None:
    everybody = world.pages("Get_Candidates", count=999)
    hired = [c for c in everybody if c.find(w("Candidate_Data/Pre-Hire_Reference")) is not None]
    prospects = [c for c in everybody if c.findtext(w("Candidate_Data/Prospect_Data/Prospect")) == "1"]
    assert hired and prospects
    world.sim.revoke("Manage Pre-Hire Process: Manage Pre-Hires")
    world.sim.revoke("Prospects")
    left = world.pages("Get_Candidates", count=999)
    assert len(left) == len(everybody) - len(prospects)
    assert all(c.find(w("Candidate_Data/Pre-Hire_Reference")) is None for c in left)


def group(*names: str) -> str:
    switches = "".join(f"<w:{name}>1</w:{name}>" for name in names)
    return f"<w:Response_Group>{switches}</w:Response_Group>"


@pytest.mark.parametrize("operation", ["Get_Job_Requisitions", "Get_Candidates"])
def test_a_reference_comes_where_it_is_included_or_no_group_is_given(world: World, operation: str) -> None:
    name = "Candidate" if operation == "Get_Candidates" else "Job_Requisition"
    path = w(f"Response_Data/{name}/{name}_Reference")
    other = "Exclude_All_Attachments" if name == "Candidate" else "Include_Roles"
    for asked, shown in (("", True), (group("Include_Reference"), True), (group(other), False)):
        assert (world.call(f"{operation}_Request", asked).find(path) is not None) is shown


def test_a_requisition_shows_what_its_version_has(world: World) -> None:
    path = "Response_Data/Job_Requisition/Job_Requisition_Data"
    spotlight = w(f"{path}/Hiring_Requirement_Data/Spotlight_Job")
    old = world.call("Get_Job_Requisitions_Request", path="/ccx/service/acme/Recruiting/v26.1")
    new = world.call("Get_Job_Requisitions_Request")
    assert old.find(spotlight) is None and new.findtext(spotlight) == "0"
    assert new.findtext(w(f"{path}/Job_Requisition_Detail_Data/Job_Description_Summary")) == "Work with us."
    roles = world.call("Get_Job_Requisitions_Request", group("Include_Roles"))
    assert roles.findtext(w(f"{path}/Role_Assignment_Data/Effective_Date"))


@pytest.mark.parametrize("offset", [False, True])
def test_a_date_may_come_with_an_offset(offset: bool) -> None:
    told = World(dates_with_offset=offset).call("Get_Job_Requisitions_Request")
    dates = [node.text or "" for node in told.iter(w("Recruiting_Start_Date"))]
    assert dates and all(date.endswith("-07:00") is offset and date[4] == date[7] == "-" for date in dates)


def test_postings_are_found_by_reference_and_by_site(world: World) -> None:
    first, second = world.pages("Get_Job_Postings", count=999)[:2]
    wid = id_of(first, "Job_Posting_Reference") or ""
    own = f"<w:Request_References>{ref('Job_Posting_Reference', 'WID', wid)}</w:Request_References>"
    assert results(world.call("Get_Job_Postings_Request", own))[0] == 1
    unknown = own.replace(wid, "f" * 32)
    assert "Invalid ID value" in world.fault("Get_Job_Postings_Request", unknown)[1]
    site = id_of(second, "Job_Posting_Data/Job_Posting_Site_Reference") or ""
    for id, found in ((site, True), ("f" * 32, False)):
        asked = f"<w:Request_Criteria>{ref('Job_Posting_Site_Reference', 'WID', id)}</w:Request_Criteria>"
        assert bool(results(world.call("Get_Job_Postings_Request", asked))[0]) is found
    assert first.findtext(w("Job_Posting_Data/Job_Posting_End_Date"))
    assert id_of(first, "Job_Posting_Data/Job_Posting_Location_Data/Primary_Location_Reference")


def test_an_effective_date_is_a_date(world: World) -> None:
    for text, good in (("2026-09-01", True), ("2026-09-01-08:00", True), ("soon", False)):
        asked = (
            f"<w:Response_Filter><w:As_Of_Effective_Date>{text}</w:As_Of_Effective_Date></w:Response_Filter>"
        )
        assert (world.post("Get_Candidates_Request", asked).status == 200) is good


def test_the_log_of_changes_has_two_parts_in_order(world: World) -> None:
    end = "</w:Transaction_Log_Criteria_Data>"
    types = "<w:Transaction_Type_References/>"
    assert world.call("Get_Job_Requisitions_Request", log(0, NOW).replace(end, types + end)) is not None
    odd = log(0, NOW).replace(end, "<w:Updated_Since/>" + end)
    assert world.fault("Get_Job_Requisitions_Request", odd)[0] == "SOAP-ENV:Client.validationError"


def test_reference_ids_are_listed_by_type_without_what_is_hidden(world: World) -> None:
    def listed(kind: str) -> set[str | None]:
        asked = f"<w:Request_Criteria><w:Reference_ID_Type>{kind}</w:Reference_ID_Type></w:Request_Criteria>"
        figures = "<w:Response_Filter><w:Count>999</w:Count></w:Response_Filter>"
        path = {"path": "/ccx/service/acme/Integrations/v40.0"}
        told = world.call("Get_References_Request", asked + figures, **path)
        return {data.findtext(w("ID")) for data in told.iter(w("Reference_ID_Data"))}

    jobs = world.sim.account.requisitions.values()
    assert listed("Workflow_Step_ID") == set(world.sim.account.steps)
    assert listed("Job_Requisition_ID") == {job["id"] for job in jobs if not job["evergreen"]}
    assert listed("Evergreen_Requisition_ID") == {job["id"] for job in jobs if job["evergreen"]}
    hidden = next(job for job in jobs if not job["evergreen"])
    world.sim.make_confidential(hidden["wid"])
    assert hidden["id"] not in listed("Job_Requisition_ID")


def test_a_move_names_one_step_and_its_comments_are_in_order(world: World) -> None:
    id = world.one()
    first, step = (
        world.sim.stages_for(id)[0],
        ref("Next_Step_Reference", "Workflow_Step_ID", "STEP_B__ACTION_2"),
    )
    invalid = "SOAP-ENV:Client.validationError"
    assert world.fault(MOVE, world.move(id, first, more=step))[0] == invalid
    for comment in (
        "<w:Text>Moved</w:Text>",
        ref("Worker_Reference", "WID", "f" * 32),
        ref("Worker_Reference", "WID", next(iter(world.sim.account.workers))) + "<w:Comment>x</w:Comment>",
    ):
        more = f"<w:Comment_Data>{comment}</w:Comment_Data>"
        assert world.fault(MOVE, world.move(id, first, more=more))[0] == invalid
    assert world.sim.accepted == []
    who = ref("Worker_Reference", "WID", next(iter(world.sim.account.workers)))
    more = f"<w:Comment_Data><w:Comment>Moved by CRM</w:Comment>{who}</w:Comment_Data>"
    told = world.call(MOVE, world.move(id, first, more=more), descriptors=True)
    event = told.find(w("Event_Reference"))
    job = world.sim.account.requisitions[world.sim.truth()[id].job or ""]
    assert event is not None
    assert (event.get(w("Descriptor")) or "").endswith(f" - {job['id']} {job['title']}")


def test_a_candidate_and_a_hidden_requisition_name_no_application(world: World) -> None:
    id = world.one()
    truth = world.sim.truth()[id]
    pair = ref("Candidate_Reference", "WID", truth.candidate or "") + ref(
        "Job_Requisition_Reference", "WID", truth.job or ""
    )
    content = world.move(id, world.sim.stages_for(id)[0]).replace(
        world.target(id), f"<w:Candidate_Criteria_Data>{pair}</w:Candidate_Criteria_Data>"
    )
    world.sim.make_confidential(truth.job or "")
    assert "does not have precisely one" in world.fault(MOVE, content)[1]


def test_an_access_token_may_run_out_and_be_refused_by_a_401() -> None:
    world = World(expires_in=3600, bearer_401=True)
    given = json.loads(token(world).body)
    assert given["expires_in"] == 3600
    bearer = {"security": "", "authorization": f"Bearer {given['access_token']}"}
    assert world.call("Server_Timestamp_Get", **bearer) is not None
    world.now += 3600
    assert world.post("Server_Timestamp_Get", **bearer).status == 401
    assert world.fault("Server_Timestamp_Get", security="") == BAD_LOGIN


def test_a_limit_says_how_long_to_wait() -> None:
    world = World(requests_per_minute=2, limits=Limits(1.0))
    assert [world.post("Server_Timestamp_Get").status for _ in range(3)] == [200, 200, 429]
    assert world.post("Server_Timestamp_Get").header("Retry-After") == "5"
    world.now += 61
    assert world.post("Server_Timestamp_Get").status == 200
    assert {World().post("Server_Timestamp_Get").status for _ in range(3)} == {200}


def test_the_wsdl_tells_operations_and_what_a_version_can_leave_out(world: World) -> None:
    def wsdl(path: str) -> bytes:
        return world.sim.respond(SimRequest("GET", f"/ccx/service/acme/{path}?wsdl")).body

    new, old = wsdl("Recruiting/v40.0"), wsdl("Recruiting/v26.1")
    assert b'"Move_Candidate"' in new and b'"Get_Candidates"' in new
    assert b"Exclude_All_Attachments" in new and b"Created_From" in new
    assert b"Exclude_All_Attachments" not in old and b"Created_From" not in old
    assert b'"Get_Workers"' in wsdl("Human_Resources/v40.0")
