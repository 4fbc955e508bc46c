"""The simulated Oracle Recruiting, asked as anybody would, against the traps of its pages."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from atsbridge.simulators.interface import Limits, SimRequest, SimResponse
from atsbridge.simulators.oracle_recruiting import OracleRecruitingSimulator
from atsbridge.simulators.oracle_recruiting.simulator import ACTION, MOVE, SCOPE

NOW = 1_790_000_000.0
DEEP = b"[" * 100_000
BASE = "/hcmRestApi/resources/11.13.18.05"
JOBS, PEOPLE, APPLICATIONS = (
    "recruitingJobRequisitions",
    "recruitingCandidates",
    "recruitingJobApplications",
)


class World:
    """A simulator with a clock that stands still until told."""

    def __init__(self, count: int = 40, **settings: Any) -> None:
        self.now = NOW
        settings.setdefault("limits", Limits(None))
        self.sim = OracleRecruitingSimulator.generate(count, seed=2, clock=lambda: self.now, **settings)

    @property
    def authorization(self) -> str:
        given = self.sim.credentials
        pair = f"{given.get('user')}:{given.get('password')}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    def ask(
        self, path: str, *, method: str = "GET", body: Any = None, headers: Any = None, **query: Any
    ) -> SimResponse:
        named = {"authorization": self.authorization, "rest-framework-version": "4", **(headers or {})}
        named = {name: value for name, value in named.items() if value}
        text = "&".join(f"{k}={quote(str(v), safe=':,')}" for k, v in query.items())
        target = path if path.startswith("/") else f"{BASE}/{path}"
        content = b"" if body is None else json.dumps(body).encode()
        return self.sim.respond(SimRequest(method, f"{target}?{text}" if text else target, named, content))

    def call(self, path: str, **options: Any) -> Any:
        answer = self.ask(path, **options)
        assert answer.status == 200, (answer.status, answer.body)
        return json.loads(answer.body)

    def act(self, id: str, action: str, body: Any, **headers: str) -> SimResponse:
        named = {"content-type": ACTION, **headers}
        path = f"{APPLICATIONS}/{id}/action/{action}"
        return self.ask(path, method="POST", body=body, headers=named)

    def one(self, status: str = "active") -> str:
        truth, open = self.sim.truth(), self.sim.account.requisitions
        return next(
            id for id in sorted(truth)
            if truth[id].status == status and open[int(truth[id].job or 0)]["PhaseName"] == "Open"
        )  # fmt: skip

    def body(self, stage: str, **more: Any) -> dict[str, Any]:
        phase, _, state = stage.partition(":")
        return {"phaseId": int(phase), "stateId": int(state), **more}

    def key(self, id: str, name: str) -> str:
        """A state of the application's process, by its name."""
        account = self.sim.account
        row = account.applications[int(id)]
        return next(s.key for s in account.process(row) if s.name == name)


@pytest.fixture
def world() -> World:
    return World()


# -- section 2: access and framework versions --


@pytest.mark.parametrize("header", ["", "Basic eDp5", "Bearer none", "nonsense"])
def test_a_wrong_login_is_a_401(world: World, header: str) -> None:
    assert world.ask(JOBS, headers={"authorization": header}).status == 401


def test_client_credentials_need_the_literal_scope() -> None:
    world = World(oauth=True)
    given = world.sim.credentials
    pair = base64.b64encode(f"{given['client_id']}:{given['client_secret']}".encode()).decode()

    def token(form: str, basic: str = pair) -> SimResponse:
        request = SimRequest("POST", "/oauth2/v1/token", {"authorization": f"Basic {basic}"}, form.encode())
        return world.sim.respond(request)

    form = f"grant_type=client_credentials&scope={quote(SCOPE, safe='')}"
    told = json.loads(token(form).body)
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 3600)
    bearer = {"authorization": f"Bearer {told['access_token']}"}
    assert world.ask(JOBS, headers=bearer).status == 200
    world.now += 3601
    assert world.ask(JOBS, headers=bearer).status == 401
    assert token("grant_type=client_credentials&scope=other").status == 400
    assert token(form, "eDp5").status == 401


def test_the_versions_are_listed(world: World) -> None:
    (item,) = world.call("/hcmRestApi/resources")["items"]
    assert item["version"] == "11.13.18.05" and item["isLatest"]
    assert item["adf:extension"]["defaultFrameworkVersion"] == "1"
    assert world.call("/hcmRestApi/resources/latest/" + JOBS)["count"]


def test_trap_15_without_the_version_header_it_is_version_1(world: World) -> None:
    bare = {"rest-framework-version": ""}
    shown = world.call(JOBS, headers=bare, expand="publishedJobs")["items"][0]
    assert isinstance(shown["publishedJobs"], list)
    both = "RequisitionId > 1;RequisitionNumber = '4471'"
    assert world.call(JOBS, headers=bare, q=both)["count"] == 1
    assert world.ask(JOBS, headers=bare, q=both.replace(";", " and ")).status == 400
    refused = world.ask(JOBS, headers=bare, q="Nothing = 1")
    assert refused.header("content-type") == "text/plain" and not refused.body.startswith(b"{")


@pytest.mark.parametrize(
    "version, collection, plain", [("2", False, True), ("3", True, True), ("4", True, False)]
)
def test_what_each_version_answers(world: World, version: str, collection: bool, plain: bool) -> None:
    header = {"rest-framework-version": version}
    shown = world.call(JOBS, headers=header, expand="publishedJobs")["items"][0]
    assert isinstance(shown["publishedJobs"], dict) is collection
    both = "RequisitionId > 1 and RequisitionNumber = '4471'"
    assert world.call(JOBS, headers=header, q=both)["count"] == 1
    refused = world.ask(JOBS, headers=header, q="RequisitionId > 1;RequisitionId > 2")
    assert refused.status == 400 and (refused.header("content-type") == "text/plain") is plain


def test_a_400_of_version_4_says_why_and_its_status_is_a_string(world: World) -> None:
    told = json.loads(world.ask(JOBS, q="Nothing = 1").body)
    assert told["status"] == "400" and told["o:errorDetails"][0]["detail"]
    assert world.ask(JOBS, headers={"rest-framework-version": "9"}).status == 400
    assert world.ask(JOBS, headers={"accept": "text/xml"}).status == 406
    assert world.ask(JOBS, method="PUT").status == 405
    assert world.ask("recruitingCEJobs").status == 404
    world.sim.frameworks = (1, 2, 3)
    assert world.ask(JOBS).status == 400


def test_trap_17_a_500_has_no_body(world: World) -> None:
    world.sim.failing = True
    answer = world.ask(JOBS)
    assert (answer.status, answer.body) == (500, b"")


@pytest.mark.parametrize("status", [503, 302])
def test_maintenance_is_a_page_of_html_or_leads_to_one(world: World, status: int) -> None:
    world.sim.maintenance = status
    answer = world.ask(JOBS)
    assert answer.status == status and answer.header("content-type") == "text/html"
    assert (answer.header("location") is None) is (status == 503)


def test_rows_of_one_value_come_in_another_order_each_time(world: World) -> None:
    def ids(order: str) -> list[int]:
        return [r["JobApplicationId"] for r in world.call(APPLICATIONS, limit=500, orderBy=order)["items"]]

    for row in world.sim.account.applications.values():
        row["LastModifiedDate"] = 1_780_000_000_000
    assert ids("LastModifiedDate:asc") != ids("LastModifiedDate:asc")
    both = "LastModifiedDate:asc,JobApplicationId:asc"
    assert ids(both) == ids(both) == sorted(ids(both))


@pytest.mark.parametrize("status", [403, 404])
def test_without_a_role_on_a_requisition_its_applications_are_hidden(status: int) -> None:
    world = World(hidden_status=status)
    id = world.one()
    hidden = world.sim.hide(id)
    assert id in hidden < world.sim.truth().keys()
    listed = {str(row["JobApplicationId"]) for row in world.call(APPLICATIONS, limit=500)["items"]}
    assert listed and not listed & hidden
    assert world.ask(f"{APPLICATIONS}/{id}").status == status
    assert world.act(id, "move", world.body(world.sim.stages_for(id)[0])).status == status


# -- section 4: collections --


def test_pages_by_offset_until_there_is_no_more(world: World) -> None:
    seen: list[int] = []
    while True:
        page = world.call(APPLICATIONS, limit=7, offset=len(seen), totalResults="true")
        seen += [row["JobApplicationId"] for row in page["items"]]
        assert page["totalResults"] == 40
        if not page["hasMore"]:
            break
    assert len(set(seen)) == len(seen) == 40
    assert world.call(APPLICATIONS)["limit"] == 25
    assert world.call(APPLICATIONS, limit=9999)["limit"] == 500


def test_trap_1_after_the_ceiling_there_is_silently_no_more() -> None:
    world = World(ceiling=20)
    assert world.call(APPLICATIONS, limit=10)["hasMore"] is True
    last = world.call(APPLICATIONS, limit=10, offset=10)
    assert (last["count"], last["hasMore"]) == (10, False)
    past = world.call(APPLICATIONS, limit=10, offset=20)
    assert (past["items"], past["hasMore"]) == ([], False)


def test_trap_2_without_a_data_role_there_is_nothing_and_no_error(world: World) -> None:
    id = world.one()
    world.sim.revoke("data role on job requisitions")
    for name in (JOBS, APPLICATIONS, PEOPLE):
        page = world.call(name)
        assert (page["items"], page["hasMore"]) == ([], False)
    assert world.ask(f"{APPLICATIONS}/{id}").status == 403
    assert World(hidden_status=404).sim.api.hidden_status == 404


def test_trap_13_candidates_by_number_or_person_are_not_held_to_data_roles(world: World) -> None:
    world.sim.revoke("data role on job requisitions")
    assert world.call(f"{PEOPLE}/187476")["CandidateNumber"] == "187476"
    assert world.call(PEOPLE, q="PersonId = 300000233333333")["count"] == 1


def test_without_a_role_it_is_a_403(world: World) -> None:
    world.sim.revoke("Use REST Service - Candidates Read Only")
    assert world.ask(PEOPLE).status == 403
    assert world.ask(JOBS).status == 200


def test_trap_4_a_plus_in_q_is_a_blank(world: World) -> None:
    good = world.call(APPLICATIONS, q="LastModifiedDate > '2026-03-01T00:00:00.000Z'")
    assert good["count"] > 0
    wrong = f"{BASE}/{APPLICATIONS}?q=LastModifiedDate%20%3E%20'2026-03-01T00:00:00+00:00'"
    assert world.ask(wrong).status == 400


def test_trap_5_times_come_with_and_without_a_fraction(world: World) -> None:
    rows = world.call(APPLICATIONS, limit=500)["items"]
    fractions = {"." in row["LastModifiedDate"] for row in rows}
    assert fractions == {True, False}
    assert all(row["LastModifiedDate"].endswith("+00:00") for row in rows)


def test_trap_6_the_key_of_a_requisition_is_a_hash(world: World) -> None:
    row = world.call(JOBS, limit=1)["items"][0]
    href = row["links"][0]["href"]
    key = href.rpartition("/")[2]
    assert key != str(row["RequisitionId"])
    assert world.call(f"{JOBS}/{key}")["RequisitionId"] == row["RequisitionId"]
    assert world.ask(f"{JOBS}/{row['RequisitionId']}").status == 404
    assert "links" not in world.call(JOBS, limit=1, onlyData="true")["items"][0]


def test_trap_7_ids_are_long_whole_numbers(world: World) -> None:
    row = world.call(APPLICATIONS, limit=1)["items"][0]
    for name in ("JobApplicationId", "CandidatePersonId", "RequisitionId", "PhaseId"):
        assert type(row[name]) is int and len(str(row[name])) == 15


def test_trap_8_fields_win_over_expand(world: World) -> None:
    row = world.call(PEOPLE, limit=1, fields="PersonId", expand="candidatePhones", onlyData="true")["items"][
        0
    ]
    assert list(row) == ["PersonId"]
    assert world.ask(PEOPLE, fields="Nothing").status == 400
    assert world.ask(PEOPLE, expand="nothing").status == 400


def test_trap_9_the_internal_listing_answers_with_nothing(world: World) -> None:
    assert world.call("recruitingUIJobApplicationPhasesStates")["items"] == []
    id = world.one()
    path, body = "recruitingUIJobApplications/action/fetchMoveActionMetadata", {"submissionId": int(id)}
    answer = world.ask(path, method="POST", body=body, headers={"content-type": ACTION})
    assert answer.status == 200 and json.loads(answer.body)["result"]


def test_trap_10_no_supported_resource_lists_phases_or_states(world: World) -> None:
    for name in ("recruitingJobApplicationPhases", "recruitingSelectionProcesses", "recruitingPhases"):
        assert world.ask(name).status == 404


@pytest.mark.parametrize("q", ["RequisitionId = 300000211111111", "StateName = 'New'"])
def test_trap_12_what_is_not_queryable_is_a_400_and_describe_tells(q: str) -> None:
    world = World(not_queryable="RequisitionId StateName")
    assert World().ask(APPLICATIONS, q=q).status == 200
    refused = world.ask(APPLICATIONS, q=q)
    assert refused.status == 400 and b"The query parameter is invalid" in refused.body
    about = world.call(f"{APPLICATIONS}/describe")["Resources"][APPLICATIONS]
    by_name = {a["name"]: a["queryable"] for a in about["attributes"]}
    assert by_name["RequisitionId"] is False and by_name["LastModifiedDate"] is True
    assert {"move", "withdraw"} <= {a["name"] for a in about["item"]["actions"]}


def test_an_operator_that_an_attribute_does_not_know_is_a_400(world: World) -> None:
    for q in ("RequisitionId like '3%'", "ConfirmedFlag > true", "RequisitionId = 'x'", "StateName = New"):
        assert world.ask(APPLICATIONS, q=q).status == 400, q
    assert world.call(APPLICATIONS, q="StateName like 'To Be%' or StateName = 'New'")["count"]
    assert world.call(JOBS, q="RequisitionNumber in ('4471','4472')")["count"] == 2


def test_trap_14_descriptions_are_base64(world: World) -> None:
    row = world.call(JOBS, limit=1)["items"][0]
    assert base64.b64decode(row["ExternalDescriptionHTML"]).startswith(b"<p>")


def test_trap_16_an_expanded_child_stops_at_25(world: World) -> None:
    rows = world.call(JOBS, expand="publishedJobs", limit=10)["items"]
    long = next(row for row in rows if row["publishedJobs"]["hasMore"])
    assert long["publishedJobs"]["count"] == 25
    href = long["publishedJobs"]["links"][0]["href"].removeprefix("https://acme.fa.us2.oraclecloud.com")
    rest = world.call(href, offset=25)
    assert (rest["count"], rest["hasMore"]) == (5, False)


def test_one_application_by_finder_and_by_path(world: World) -> None:
    id = world.one()
    (found,) = world.call(APPLICATIONS, finder=f"PrimaryKey;JobApplicationId={id}")["items"]
    assert found["JobApplicationId"] == world.call(f"{APPLICATIONS}/{id}")["JobApplicationId"]
    assert world.ask(f"{APPLICATIONS}/1").status == 404
    assert world.call(f"{APPLICATIONS}/{id}/child/attachments")["items"] == []


def test_a_candidate_may_have_no_person(world: World) -> None:
    rows = world.call(PEOPLE, limit=500)["items"]
    assert [row["PersonId"] for row in rows].count(None) == 1


def test_a_deleted_candidate_is_a_404(world: World) -> None:
    assert world.ask(f"{PEOPLE}/187476", method="DELETE").status == 204
    assert world.ask(f"{PEOPLE}/187476").status == 404


# -- section 7: actions --


def test_a_move_names_phase_and_state_and_shows_at_once(world: World) -> None:
    id = world.one()
    there = world.sim.stages_for(id)[-1]
    answer = world.act(id, "move", world.body(there, comments="by hand"))
    assert (answer.status, json.loads(answer.body)) == (200, {"result": {}})
    row = world.call(f"{APPLICATIONS}/{id}")
    assert f"{row['PhaseId']}:{row['StateId']}" == there == world.sim.truth()[id].stage
    (accepted,) = world.sim.accepted
    assert (accepted.application, accepted.actor) == (id, "integration.user")


def test_a_move_may_be_answered_by_nothing() -> None:
    world = World(empty_answers=True)
    id = world.one()
    answer = world.act(id, "move", world.body(world.sim.stages_for(id)[0]))
    assert (answer.status, answer.body) == (204, b"")


@pytest.mark.parametrize(
    "kind", ["application/json", "", "application/vnd.oracle.adf.action+json; charset=utf-8"]
)
def test_trap_3_an_action_needs_its_own_content_type(world: World, kind: str) -> None:
    id = world.one()
    body = world.body(world.sim.stages_for(id)[0])
    assert world.act(id, "move", body, **{"content-type": kind}).status == 415
    assert world.sim.accepted == []
    other = World(wrong_type_status=400)
    assert other.act(id, "move", body, **{"content-type": kind}).status == 400


@pytest.mark.parametrize("name", ["Extended", "Accepted", "Processed", "Pending Manual Processing"])
def test_trap_11_offer_and_hr_states_are_not_reached_by_a_move(world: World, name: str) -> None:
    id = world.one()
    assert world.act(id, "move", world.body(world.key(id, name))).status == 400
    assert world.sim.accepted == []


def test_a_state_of_another_phase_or_process_is_refused(world: World) -> None:
    id = world.one()
    own = {s.phase for s in world.sim.account.process(world.sim.account.applications[int(id)])}
    other = next(s for s in world.sim.account.states.values() if s.phase not in own)
    assert world.act(id, "move", world.body(other.key)).status == 400
    phase = world.sim.stages_for(id)[0].partition(":")[0]
    assert world.act(id, "move", {"phaseId": int(phase), "stateId": 99}).status == 400


@pytest.mark.parametrize(
    "change", [{"phaseId": "1"}, {"stateId": None}, {"reasonId": "x"}, {"note": "x"}, {"comments": 1}]
)
def test_a_body_of_another_shape_is_refused(world: World, change: Any) -> None:
    id = world.one()
    assert world.act(id, "move", {**world.body(world.sim.stages_for(id)[0]), **change}).status == 400
    assert world.act(id, "move", {"stateId": 1}).status == 400


def test_a_rejection_takes_a_reason_of_its_group_or_none(world: World) -> None:
    id = world.one()
    there = world.key(id, "Rejected by Employer")
    assert world.act(id, "move", world.body(there, reasonId=300000180000013)).status == 400
    assert world.act(id, "move", world.body(there, reasonId=300000180000011)).status == 200
    assert world.sim.truth()[id].status == "rejected"
    assert world.sim.account.given[int(id)] == 300000180000011
    # Nothing shows it.
    assert "300000180000011" not in json.dumps(world.call(f"{APPLICATIONS}/{id}"))
    assert world.act(id, "move", world.body(world.sim.stages_for(id)[0])).status == 200
    assert world.sim.truth()[id].status == "active"


def test_to_withdraw_is_an_action_of_its_own(world: World) -> None:
    id = world.one()
    assert world.act(id, "withdraw", {"reasonId": 1}).status == 400
    assert world.act(id, "withdraw", {}).status == 200
    assert world.sim.truth()[id].status == "withdrawn"


@pytest.mark.parametrize("repeats, status", [("refused", 400), ("noop", 200)])
def test_a_move_to_where_it_stands(repeats: str, status: int) -> None:
    world = World(repeats=repeats)
    id = world.one()
    before = world.sim.truth()[id]
    assert world.act(id, "move", world.body(before.stage or "")).status == status
    assert world.sim.truth()[id] == before


def test_what_stands_in_the_way_of_a_move() -> None:
    for name in World().sim.obstacles():
        world = World()
        id = world.one()
        there = world.sim.stages_for(id)[-1]
        world.sim.obstacles()[name](id)
        assert world.act(id, "move", world.body(there)).status in (400, 403), name
        assert world.sim.accepted == []


def test_who_may_not_move_is_not_told_so_by_describe(world: World) -> None:
    id = world.one()
    world.sim.revoke(MOVE)
    about = world.call(f"{APPLICATIONS}/describe")["Resources"][APPLICATIONS]
    assert "move" in {a["name"] for a in about["item"]["actions"]}
    assert world.act(id, "move", world.body(world.sim.stages_for(id)[0])).status == 403


def test_an_unknown_application_is_a_404(world: World) -> None:
    assert world.act("1", "move", {"phaseId": 1, "stateId": 1}).status == 404
    assert world.act(world.one(), "returnToPriorState", {}).status == 404


def test_an_unconfirmed_application_is_listed_and_cannot_be_moved(world: World) -> None:
    row = next(r for r in world.call(APPLICATIONS, limit=500)["items"] if not r["ConfirmedFlag"])
    id = str(row["JobApplicationId"])
    assert id not in world.sim.truth()
    assert world.act(id, "move", world.body(f"{row['PhaseId']}:2")).status == 400
    assert world.act(id, "confirm", {}).status == 200
    assert id in world.sim.truth()


# -- what people do, and seeding --


def test_a_hire_goes_its_own_way_and_is_counted(world: World) -> None:
    id = world.one()
    job = world.sim.account.requisitions[int(world.sim.truth()[id].job or 0)]
    before = job["HiredCount"]
    world.sim.hire(id)
    assert world.sim.truth()[id].status == "hired" and job["HiredCount"] == before + 1
    assert world.call(f"{APPLICATIONS}/{id}")["StateName"] == "Processed"


@pytest.mark.parametrize("bumps", [True, False])
def test_a_move_may_leave_the_time_as_it_was(bumps: bool) -> None:
    world = World(moves_bump=bumps)
    id = world.one()
    before = world.call(f"{APPLICATIONS}/{id}")["LastModifiedDate"]
    world.sim.move(id, world.sim.stages_for(id)[0])
    assert (world.call(f"{APPLICATIONS}/{id}")["LastModifiedDate"] != before) is bumps


def test_a_deleted_application_leaves_nothing(world: World) -> None:
    id = world.one()
    world.sim.delete(id)
    assert world.ask(f"{APPLICATIONS}/{id}").status == 404 and id in world.sim.deleted()


def test_an_account_from_recorded_pages_is_the_same(world: World, tmp_path: Path) -> None:
    for name, child in ((JOBS, "publishedJobs"), (PEOPLE, "candidatePhones"), (APPLICATIONS, "")):
        pages = [world.ask(name, limit=25, offset=n, **({"expand": child} if child else {})) for n in (0, 25)]
        for number, page in enumerate(pages):
            (tmp_path / f"{name}.{number}.json").write_bytes(page.body)
    again = OracleRecruitingSimulator.from_folder(tmp_path, clock=lambda: NOW)
    plain = {id: (t.stage, t.status, t.candidate, t.job) for id, t in world.sim.truth().items()}
    assert {id: (t.stage, t.status, t.candidate, t.job) for id, t in again.truth().items()} == plain


# -- what a client of the pages finds --


def test_a_pod_without_rows_knows_its_attributes_all_the_same() -> None:
    world = World(0)
    for name, moved in ((APPLICATIONS, "LastModifiedDate"), (JOBS, "RequisitionLastModifiedDate")):
        page = world.call(name, q=f"{moved} > '2030-01-01T00:00:00Z'", orderBy=f"{moved}:asc")
        assert page["items"] == []
    about = World().call(f"{APPLICATIONS}/describe")["Resources"][APPLICATIONS]["attributes"]
    assert about == world.call(f"{APPLICATIONS}/describe")["Resources"][APPLICATIONS]["attributes"]
    # No value is there to tell that it is a number.
    assert world.call(JOBS, q="PositionId = 5")["items"] == []
    assert world.call(APPLICATIONS, q="ConfirmedFlag = true")["items"] == []


def test_only_data_has_no_links_at_any_level(world: World) -> None:
    page = world.call(JOBS, limit=2, expand="publishedJobs", onlyData="true")
    assert "links" not in page
    assert all("links" not in row and "links" not in row["publishedJobs"] for row in page["items"])
    assert "links" in world.call(JOBS, limit=2)


@pytest.mark.parametrize("version", ["1", "2", "4"])
def test_an_items_links_lead_to_its_children(version: str) -> None:
    world = World()
    rows = world.call(JOBS, expand="publishedJobs", headers={"rest-framework-version": version})["items"]
    links = {link["rel"]: link["href"] for link in rows[2]["links"]}
    path = links["child"].partition(BASE)[2].lstrip("/")
    page = world.call(path, limit=100)
    assert (page["count"], page["hasMore"]) == (30, False)


def test_the_finder_of_a_requisition_takes_its_hash(world: World) -> None:
    row = world.call(JOBS, limit=1)["items"][0]
    key = row["links"][0]["href"].rpartition("/")[2]
    found = world.call(JOBS, finder=f"PrimaryKey;recruitingJobRequisitionsUniqID={key}")
    assert [r["RequisitionId"] for r in found["items"]] == [row["RequisitionId"]]
    assert world.ask(JOBS, finder=f"PrimaryKey;key={key}").status == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PATCH", "{a}/{id}", 405), ("DELETE", "{a}/{id}", 405), ("POST", "{a}", 405), ("PUT", "{p}/1", 405),
        ("GET", "{a}/{id}/action/move", 405), ("PUT", "{a}/{id}/action/move", 405),
        ("POST", "{a}/{id}/child/attachments", 405), ("POST", "{a}/describe", 405),
        ("POST", "{a}/{id}/action/approve", 404), ("POST", "recruitingThings", 404),
        ("PATCH", "recruitingThings/1", 404), ("POST", "{p}/1/action/move", 404),
        ("GET", "{a}/{id}/child/interviews", 404),
    ],
)  # fmt: skip
def test_another_method_is_a_405_and_another_path_a_404(method: str, path: str, status: int) -> None:
    world = World()
    where = path.format(a=APPLICATIONS, p=PEOPLE, id=world.one())
    assert world.ask(where, method=method, body={}, headers={"content-type": ACTION}).status == status
    assert world.sim.accepted == []


def test_an_option_that_is_not_there_is_refused_everywhere(world: World) -> None:
    id = world.one()
    for path in (APPLICATIONS, f"{APPLICATIONS}/{id}", f"{APPLICATIONS}/{id}/child/attachments"):
        assert world.ask(path, expandAll="true").status == 400
    assert world.ask(f"{APPLICATIONS}/{id}", q="StateName = 'New'").status == 400
    assert world.call(f"{APPLICATIONS}/{id}", fields="StateId", onlyData="true").keys() == {"StateId"}


@pytest.mark.parametrize("body", [b"", b"{", DEEP, b"[]", b"null", b"7", b'{"phaseId":"1","stateId":[]}'])
def test_a_body_that_is_no_object_of_the_action_is_a_400(world: World, body: bytes) -> None:
    headers = {
        "authorization": world.authorization, "content-type": ACTION, "rest-framework-version": "4",
    }  # fmt: skip
    for path in (f"{APPLICATIONS}/{world.one()}/action/move",):
        assert world.sim.respond(SimRequest("POST", f"{BASE}/{path}", headers, body)).status == 400
    path = f"{BASE}/recruitingUIJobApplications/action/fetchMoveActionMetadata"
    assert world.sim.respond(SimRequest("POST", path, headers, body)).status in (400, 404)
    assert world.sim.accepted == []


def test_whatever_is_written_is_in_the_log(world: World) -> None:
    id = world.one()
    assert world.act(id, "confirm", {}).status == 200
    assert world.ask(f"{PEOPLE}/187476", method="DELETE").status == 204
    assert [(a.method, a.target.rpartition("/")[2]) for a in world.sim.accepted] == [
        ("POST", "confirm"), ("DELETE", "187476"),
    ]  # fmt: skip


def test_the_same_seed_gives_the_same_account() -> None:
    one, two = World().ask(APPLICATIONS, limit=500), World().ask(APPLICATIONS, limit=500)
    assert one.body == two.body
