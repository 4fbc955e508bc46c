"""The simulated iCIMS, asked as anybody would, against the traps of its pages."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from atsbridge.simulators.icims import IcimsSimulator
from atsbridge.simulators.icims.signing import is_signed, signature
from atsbridge.simulators.interface import Limits, SimRequest, SimResponse

NOW = 1_790_000_000.0
DEEP = b"[" * 100_000
DAY = 86_400
ROOT = "/customers/1234"
FIELDS = "status,baseprofile,associatedprofile,source"


class World:
    """A simulator with a clock that stands still until told."""

    def __init__(self, count: int = 40, **settings: Any) -> None:
        self.now = NOW
        settings.setdefault("limits", Limits(None))
        self.sim = IcimsSimulator.generate(count, seed=2, clock=lambda: self.now, **settings)
        self.token = self.mint()

    def mint(self, **form: str) -> str:
        return str(json.loads(self.asked_token(**form).body)["access_token"])

    def asked_token(self, **form: str) -> SimResponse:
        known = self.sim.credentials
        body = {
            "grant_type": "client_credentials",
            "client_id": known["client_id"],
            "client_secret": known["client_secret"],
            "audience": "https://api.icims.com/v1/",
            **form,
        }
        return self.sim.respond(SimRequest("POST", "/oauth/token", {}, urlencode(body).encode()))

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> SimResponse:
        named = {"authorization": f"Bearer {self.token}", "content-type": "application/json;charset=UTF-8"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = b"" if body is None else json.dumps(body).encode()
        return self.sim.respond(SimRequest(method, f"{ROOT}/{path}", named, content))

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def code(self, method: str, path: str, body: Any = None) -> tuple[int, list[int]]:
        answer = self.ask(method, path, body)
        told = json.loads(answer.body)["errors"]
        heads = [value for name, value in answer.headers if name == "X-Error"]
        assert heads == [f"{one['errorCode']}:{one['errorMessage']}" for one in told]
        return answer.status, [one["errorCode"] for one in told]

    def search(self, table: str, *filters: Any, staleness: int | None = 0, **group: Any) -> list[int]:
        query = "" if staleness is None else f"?staleness={staleness}"
        asked = {"filters": [_filter(*f) for f in filters], "operator": "&", **group}
        answer = self.ask("POST", f"search/{table}{query}", asked)
        assert answer.status == 200, answer
        return [row["id"] for row in json.loads(answer.body).get("searchResults", [])]

    def one(self, status: str = "active") -> str:
        truth = self.sim.truth()
        return next(id for id in sorted(truth) if truth[id].status == status)

    def patch(self, id: str, status: Any) -> SimResponse:
        return self.ask("PATCH", f"applicantworkflows/{id}", {"status": status})


def _filter(name: str, operator: str, *values: str) -> dict[str, Any]:
    return {"name": name, "operator": operator, "value": list(values)}


@pytest.fixture
def world() -> World:
    return World()


# -- who may ask --


def test_a_token_holds_a_day_and_a_bad_client_gets_none(world: World) -> None:
    assert world.ask("GET", "v2/lists").status == 200
    world.now += DAY
    assert world.code("GET", "v2/lists") == (401, [6])
    refused = world.asked_token(client_secret="another")
    assert (refused.status, json.loads(refused.body)) == (401, {"error": "access_denied"})
    assert world.asked_token(audience="https://api-eu.icims.com/v1/").status == 401


def test_who_asks_for_more_than_500_tokens_in_ten_minutes_is_blocked(world: World) -> None:
    answers = [world.asked_token().status for _ in range(500)]
    assert answers == [200] * 499 + [429]
    world.now += 600
    assert world.asked_token().status == 200


def test_basic_and_a_signature_are_taken_too_and_401_names_the_schemes(world: World) -> None:
    pair = base64.b64encode(f"{world.sim.user}:{world.sim.password}".encode()).decode()
    assert world.ask("GET", "v2/lists", authorization=f"Basic {pair}").status == 200
    refused = world.ask("GET", "v2/lists", authorization="Basic xx")
    assert refused.status == 401
    assert "x-icims-v1-hmac-sha256" in (refused.header("WWW-Authenticate") or "")


def test_the_signature_is_that_of_the_sheets_vector() -> None:
    headers = {
        "content-type": "application/json",
        "host": "api.icims.com",
        "x-icims-date": "2026-11-23T10:00:00Z",
        "x-icims-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    }
    target = "/customers/1234/applicantworkflows/19288?fields=status,baseprofile"
    mark = signature("test-secret", "GET", target, headers, sorted(headers))
    assert mark == "5dbac5c7224e5a6f0c8e89140c2dbb5d8125a8cc3ca2f05dcb84e2520f2925f9"
    for glue in (",", ", "):
        parts = glue.join(["user=u", f"signedheaders={';'.join(sorted(headers))}", f"signature={mark}"])
        signed = {**headers, "authorization": f"x-icims-v1-hmac-sha256 {parts}"}
        assert is_signed("test-secret", "u", "GET", target, signed, b"")
        assert not is_signed("test-secret", "u", "GET", target, signed, b"x")
        assert not is_signed("test-secret", "u", "POST", target, signed, b"")


# -- limits --


def test_trap_1_the_days_calls_are_shared_with_every_other_integration() -> None:
    world = World(limits=Limits(1.0))
    first = world.ask("GET", "v2/lists")
    assert (first.header("x-ratelimit-limit"), first.header("x-ratelimit-remaining")) == ("10000", "9999")
    world.sim.used_elsewhere = 9_998
    assert world.ask("GET", "v2/lists").header("x-ratelimit-remaining") == "0"
    over = world.ask("GET", "v2/lists")
    assert (over.status, over.header("Retry-After")) == (429, None)
    world.now = (NOW // DAY + 1) * DAY
    world.token = world.mint()
    assert world.ask("GET", "v2/lists").header("x-ratelimit-remaining") == "9999"


def test_trap_12_the_reset_is_seconds_to_midnight_and_no_time(world: World) -> None:
    reset = int(world.ask("GET", "v2/lists").header("x-ratelimit-reset") or 0)
    assert (NOW + reset) % DAY == 0 and 0 < reset <= DAY


def test_every_answer_has_an_id_and_maintenance_is_503(world: World) -> None:
    ids = {world.ask("GET", "v2/lists").header("x-transaction") for _ in range(3)}
    assert len(ids) == 3 and None not in ids
    world.sim.maintenance = True
    assert world.ask("GET", "v2/lists").status == 503
    world.sim.maintenance, world.sim.failing = False, True
    assert world.code("GET", "v2/lists") == (500, [0])


# -- search --


def test_a_search_gives_ids_in_order_and_an_empty_one_no_list_at_all(world: World) -> None:
    ids = world.search("applicantworkflows", ("applicantworkflow.id", ">", "0"))
    assert ids == sorted(map(int, world.sim.truth()))
    answer = world.ask(
        "POST", "search/jobs?staleness=0", {"filters": [_filter("job.id", "<", "1")], "operator": "&"}
    )
    assert json.loads(answer.body) == {}


def test_a_search_gives_a_thousand_and_the_next_page_begins_after_the_last_id() -> None:
    world = World(1100)
    first = world.search("applicantworkflows", ("applicantworkflow.id", ">", "0"))
    assert len(first) == 1000
    rest = world.search("applicantworkflows", ("applicantworkflow.id", ">", str(first[-1])))
    assert sorted(first + rest) == sorted(map(int, world.sim.truth()))


def test_a_search_without_a_filter_is_refused(world: World) -> None:
    assert world.code("POST", "search/jobs", {"filters": [], "operator": "&"})[0] == 400
    assert world.code("POST", "search/jobs", {})[0] == 400


def test_trap_2_a_search_may_be_fifteen_minutes_old(world: World) -> None:
    wanted = ("applicantworkflow.status", "=", "C38357")
    assert world.search("applicantworkflows", wanted, staleness=None) == []
    id = world.one()
    world.sim.move(id, "C38357")
    world.now += 14 * 60
    assert world.search("applicantworkflows", wanted, staleness=None) == []
    assert world.search("applicantworkflows", wanted, staleness=20) == []
    assert world.search("applicantworkflows", wanted, staleness=1) == [int(id)]
    assert world.search("applicantworkflows", wanted, staleness=None) == [int(id)]


def test_a_change_of_status_moves_the_updated_date_to_the_minute(world: World) -> None:
    world.now = NOW // 60 * 60 + 3 * 60 + 30
    id = world.one()
    world.sim.move(id, "C38357")
    minute = "2026-09-21 2:16 PM"
    assert world.get(f"applicantworkflows/{id}?fields=updateddate")["updateddate"] == minute
    assert world.search("applicantworkflows", ("applicantworkflow.updateddate", "=", minute)) == [int(id)]
    # Whatever happened within the minute is not after it.
    assert world.search("applicantworkflows", ("applicantworkflow.updateddate", ">", minute)) == []


def test_groups_ranges_macros_and_several_values(world: World) -> None:
    name, every = (
        "applicantworkflow.status",
        world.search("applicantworkflows", ("applicantworkflow.id", ">", "0")),
    )
    ended = world.search("applicantworkflows", (name, "=", "C40001", "C40002", "C40003", "C50001"))
    truth = world.sim.truth()
    assert [str(id) for id in ended] == [str(id) for id in every if truth[str(id)].status != "active"]
    labelled = world.search("applicantworkflows", (name, "=", "Rejected - Not Qualified"))
    assert labelled == world.search("applicantworkflows", (name, "=", "C40001"))
    either = {"filters": [_filter(name, "=", "C40001"), _filter(name, "=", "C40002")], "operator": "|"}
    both = world.search("applicantworkflows", children=[either])
    assert both == world.search("applicantworkflows", (name, "=", "C40001", "C40002"))
    macro = {
        "name": "applicantworkflow.createddate",
        "operator": "=",
        "value": ["{DATE:START}{DATE:-90}"],
        "secondaryValue": ["{DATE:END}"],
    }
    recent = world.search("applicantworkflows", filters=[macro])
    assert 0 < len(recent) < len(every)
    open_ended = world.search("applicantworkflows", filters=[{**macro, "value": []}])
    assert open_ended == every
    assert world.search("applicantworkflows", (name, "!=", "C40001")) == [
        id for id in every if id not in labelled
    ]


def test_groups_nest_to_any_depth_and_each_says_how_it_is_joined(world: World) -> None:
    every = world.search("applicantworkflows", ("applicantworkflow.id", ">", "0"))
    first, last = every[0], every[-1]
    ends = {"operator": "|", "filters": [
        _filter("applicantworkflow.id", "=", str(first)), _filter("applicantworkflow.id", "=", str(last)),
    ]}  # fmt: skip
    nested = {"operator": "&", "filters": [], "children": [ends]}
    after = ("applicantworkflow.id", ">", str(first))
    assert world.search("applicantworkflows", after, children=[nested]) == [last]
    assert world.search("applicantworkflows", after, children=[nested], operator="|") == every
    assert world.search("applicantworkflows", filters=[], children=[nested]) == [first, last]
    empty = {"operator": "&", "children": [{"filters": [], "operator": "|"}]}
    assert world.code("POST", "search/applicantworkflows", empty)[0] == 400
    odd = {"filters": [_filter("applicantworkflow.id", ">", "0")], "operator": "xor"}
    assert world.code("POST", "search/applicantworkflows?staleness=0", odd)[0] == 400


def test_a_search_may_not_take_a_staleness_of_none_at_all() -> None:
    world = World(fresh_search=False)
    asked = {"filters": [_filter("job.id", ">", "0")], "operator": "&"}
    assert world.code("POST", "search/jobs?staleness=0", asked)[0] == 400
    assert world.ask("POST", "search/jobs?staleness=1", asked).status == 200


def test_open_jobs_are_found_by_their_portal_and_a_get_may_search_too() -> None:
    world = World(search_by_get=True)
    posted = world.search("jobs", ("job.postedto", "=", "101"))
    assert posted == world.search("jobs", ("job.folder", "=", "Approved"))
    asked = quote(json.dumps({"filters": [_filter("job.folder", "=", "D31001")], "operator": "&"}))
    assert [row["id"] for row in world.get(f"search/jobs?searchJson={asked}")["searchResults"]] == posted


def test_trap_6_filters_have_other_names_than_fields_and_depend_on_the_customer() -> None:
    world = World(lacking="person.updateddate")
    names = world.get("search/filtersSchema")["properties"]
    assert "applicantworkflow.job.id" in names and "baseprofile" not in names
    assert "person.updateddate" not in names
    asked = {"filters": [_filter("person.updateddate", ">", "2026-01-01")], "operator": "&"}
    assert world.code("POST", "search/people", asked)[0] == 400
    assert "searchResults" in world.get("search/resultsSchema")["properties"]


def test_who_is_not_in_the_group_may_not_search(world: World) -> None:
    world.sim.revoke("search")
    assert world.ask("POST", "search/jobs", {"filters": [_filter("job.id", ">", "0")]}).status == 403
    with pytest.raises(ValueError, match="no permission"):
        world.sim.revoke("offers")


# -- profiles --


def test_without_fields_a_part_comes_back_and_what_is_not_set_is_left_out(world: World) -> None:
    id = world.one()
    assert set(world.get(f"applicantworkflows/{id}")) == {*FIELDS.split(","), "links"}
    row = world.sim.account["applicantworkflows"][int(id)]
    row["sourcename"] = None
    assert "sourcename" not in world.get(f"applicantworkflows/{id}?fields=sourcename,status")


def test_the_other_fields_of_a_workflow_and_the_shapes_of_fields() -> None:
    world = World(120)
    fields = "acceptdeclinedate,assessmentresults"
    hired = world.get(f"applicantworkflows/{world.one('hired')}?fields={fields}")
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", hired["acceptdeclinedate"])
    assert {"assessmentname", "assessmentdate", "assessmentscore"} <= hired["assessmentresults"][0].keys()
    assert set(world.get(f"applicantworkflows/{world.one()}?fields={fields}")) == {"links"}
    job = min(world.sim.account["jobs"])
    assert world.get(f"jobs/{job}?fields=updateddate")["updateddate"].endswith("M")
    shapes = world.get("profiledefinitions/v1/submittal/baseprofile/schema")["properties"]
    assert shapes["baseprofile"]["properties"]["id"] == {"type": "integer"}


def test_trap_3_a_missing_permission_is_a_missing_key_and_no_error(world: World) -> None:
    id = world.one()
    world.sim.revoke("status")
    shown = world.get(f"applicantworkflows/{id}?fields={FIELDS}")
    assert "status" not in shown and "baseprofile" in shown
    assert world.code("GET", "profiledefinitions/v1/submittal/status/schema")[0] == 404
    assert "status" not in world.get("profiledefinitions/v1/submittal/schema")["properties"]


def test_trap_4_a_workflow_may_have_no_status(world: World) -> None:
    id = world.one()
    world.sim.clear_status(id)
    assert "status" not in world.get(f"applicantworkflows/{id}?fields={FIELDS}")
    assert world.sim.truth()[id].stage is None


def test_trap_5_a_label_changes_and_the_id_stays(world: World) -> None:
    id = world.one()
    world.sim.reject(id, "C40001")
    world.sim.reactivate(id)
    world.sim.rename_stage("D10100", "Recently Applied")
    status = world.get(f"applicantworkflows/{id}?fields=status")["status"]
    assert status == {"id": "D10100", "value": "Recently Applied", "formattedvalue": "Recently Applied"}


def test_trap_10_one_person_and_one_job_are_one_workflow(world: World) -> None:
    workflows = world.sim.account["applicantworkflows"].values()
    pairs = [(w["job"], w["person"]) for w in workflows]
    assert len(set(pairs)) == len(pairs)
    assert len({person for _, person in pairs}) < len(pairs), "nobody has applied twice"
    job, person = pairs[0]
    body = {"baseprofile": job, "associatedprofile": person}
    assert world.code("POST", "applicantworkflows", body)[0] == 400
    found = world.get(f"applicantworkflows/person/{person}/job/{job}?fields=status")
    assert found["links"][1]["url"].endswith(f"/jobs/{job}")


def test_trap_14_no_access_is_a_404_whose_code_alone_tells(world: World) -> None:
    id = world.one()
    assert world.code("GET", "applicantworkflows/99") == (404, [2])
    world.sim.hide(id)
    assert world.code("GET", f"applicantworkflows/{id}") == (404, [3])
    assert int(id) not in world.search("applicantworkflows", ("applicantworkflow.id", ">", "0"))
    world.sim.revoke("people")
    assert world.code("GET", f"people/{world.sim.truth()[id].candidate}") == (404, [3])


def test_a_name_that_is_not_lower_case_is_a_warning_under_200(world: World) -> None:
    answer = world.ask("GET", f"applicantworkflows/{world.one()}?fields=Status")
    told = json.loads(answer.body)
    assert (answer.status, told["warnings"][0]["errorCode"]) == (200, 4)
    assert answer.header("X-Warning") == "4:Status: Field name must be all lowercase."
    assert "status" not in told and "Status" not in told


def test_no_list_tells_the_statuses(world: World) -> None:
    names = world.get("v2/lists")["lists"]
    assert "lists.notes.rejection" in names and not [n for n in names if "status" in n or "workflow" in n]
    folders = world.get("v2/lists/lists.job.folders")["nodes"]
    assert "D31001" in {node["id"] for node in folders}


def test_what_is_deleted_is_404_and_in_no_search(world: World) -> None:
    id = world.one()
    world.sim.delete(id)
    assert world.code("GET", f"applicantworkflows/{id}") == (404, [2])
    assert int(id) not in world.search("applicantworkflows", ("applicantworkflow.id", ">", "0"))
    assert id in world.sim.deleted()


def test_a_merge_takes_the_losers_id_and_leaves_its_workflows(world: World) -> None:
    truth, one = world.sim.truth(), world.one()
    jobs: dict[str | None, set[str | None]] = {}
    for told in truth.values():
        jobs.setdefault(told.candidate, set()).add(told.job)
    other = next(id for id in sorted(truth) if not jobs[truth[id].candidate] & jobs[truth[one].candidate])
    world.sim.merge(one, other)
    assert world.sim.truth()[one].candidate == truth[other].candidate
    assert world.code("GET", f"people/{truth[one].candidate}") == (404, [2])


# -- writing --


def test_a_write_is_204_with_the_workflows_address(world: World) -> None:
    id = world.one()
    answer = world.patch(id, {"id": "C38357"})
    assert (answer.status, answer.body) == (204, b"")
    assert (answer.header("location") or "").endswith(f"/applicantworkflows/{id}")
    (accepted,) = world.sim.accepted
    assert (accepted.application, accepted.after and accepted.after.stage) == (id, "C38357")
    assert world.patch(id, {"id": "C38357"}).status == 204
    assert world.code("PATCH", "applicantworkflows/99", {"status": {"id": "C38357"}}) == (404, [2])


def test_every_way_to_end_and_take_back_is_the_same_call(world: World) -> None:
    id = world.one()
    for status, meant in (("C40001", "rejected"), ("D10100", "active"), ("C50001", "hired")):
        assert world.patch(id, {"id": status}).status == 204
        assert world.sim.truth()[id].status == meant
    # Null deletes a value.
    assert world.patch(id, None).status == 204
    assert world.sim.truth()[id].stage is None


def test_trap_13_a_write_fails_on_fields_that_were_not_sent(world: World) -> None:
    id = world.one()
    before = world.sim.truth()[id]
    world.sim.require(id)
    body = {"status": {"id": "C38357"}}
    assert world.code("PATCH", f"applicantworkflows/{id}", body) == (400, [1, 1])
    assert world.sim.truth()[id] == before and world.sim.accepted == []


def test_trap_8_a_2xx_with_a_warning_has_not_written_all() -> None:
    settings: list[dict[str, Any]] = [{"unknown_status": "warned"}, {"unpermitted": "warned"}]
    for setting in settings:
        world = World(**setting)
        id = world.one()
        before = world.sim.truth()[id]
        if "unpermitted" in setting:
            world.sim.revoke("write")
        answer = world.patch(id, {"id": "C38357" if "unpermitted" in setting else "C99999"})
        assert answer.status == 204 and (answer.header("X-Warning") or "").startswith("4:status")
        assert world.sim.truth()[id] == before and world.sim.accepted == []


def test_an_unknown_status_or_no_permission_is_refused_by_default(world: World) -> None:
    id = world.one()
    assert world.code("PATCH", f"applicantworkflows/{id}", {"status": {"id": "C99999"}})[0] == 400
    world.sim.revoke("write")
    assert world.code("PATCH", f"applicantworkflows/{id}", {"status": {"id": "C38357"}})[0] == 403
    assert world.sim.accepted == []


def test_another_customer_is_out_of_sight_and_a_body_may_be_too_large(world: World) -> None:
    named = {"authorization": f"Bearer {world.token}"}
    other = world.sim.respond(SimRequest("GET", "/customers/4321/v2/lists", named, b""))
    assert (other.status, json.loads(other.body)["errors"][0]["errorCode"]) == (404, 3)
    large = {"status": {"id": "C38357"}, "source": "x" * 1_000_001}
    assert world.ask("PATCH", f"applicantworkflows/{world.one()}", large).status == 413
    assert world.sim.accepted == []


def test_a_workflow_is_made_for_a_job_and_a_person(world: World) -> None:
    job, person = min(world.sim.account["jobs"]), min(world.sim.account["people"])
    body = {"baseprofile": job, "associatedprofile": person, "source": "x", "status": {"id": "D10100"}}
    made = world.ask("POST", "applicantworkflows", body)
    id = (made.header("location") or "").rpartition("/")[2]
    assert made.status == 201 and world.sim.truth()[id].job == str(job)
    assert world.code("POST", "applicantworkflows", {"baseprofile": job}) == (400, [1])


def test_nothing_can_be_deleted(world: World) -> None:
    assert world.ask("DELETE", f"applicantworkflows/{world.one()}").status == 404


# -- events --


def test_an_event_is_gzipped_and_signed_over_method_and_path(world: World) -> None:
    id = world.one()
    world.sim.move(id, "C38357")
    (sent,) = world.sim.deliveries()
    told = json.loads(gzip.decompress(sent.body))
    assert (told["eventType"], told["systemId"], told["newStatus"]) == (
        "WorkFlowStatusChangeEvent",
        id,
        "C38357",
    )
    assert all(isinstance(told[key], str) for key in told if key != "links")
    assert {link["rel"] for link in told["links"]} == {"applicantWorkflow", "job", "person", "user"}
    secret = world.sim.credentials["hook_secret"]
    assert is_signed(secret, "icims", "POST", "/hooks/icims", sent.headers, sent.body)
    assert not is_signed(secret, "icims", "POST", "/hooks/other", sent.headers, sent.body)


def test_trap_9_a_write_by_the_api_fires_only_where_the_setting_says_so() -> None:
    for fires in (False, True):
        world = World(api_fires=fires)
        assert world.patch(world.one(), {"id": "C38357"}).status == 204
        assert bool(world.sim.deliveries()) is fires
    kinds = {row["id"]: row for row in world.sim.configuration()["statuses"]}
    assert kinds["C38358"]["trigger"] is True


def test_events_can_be_limited_to_some_statuses_and_carry_a_token() -> None:
    world = World(hook_auth="oauth")
    world.sim.hooks.triggers, world.sim.hooks.token = {"C38357"}, "given"
    id = world.one()
    world.sim.reject(id, "C40001")
    assert world.sim.deliveries() == ()
    world.sim.reactivate(id)
    world.sim.move(id, "C38357")
    (sent,) = world.sim.deliveries()
    assert sent.headers["authorization"] == "Bearer given"


def test_the_same_action_may_send_the_same_event_twice() -> None:
    world = World(twice=True, hook_auth="basic")
    world.sim.move(world.one(), "C38357")
    first, second = world.sim.deliveries()
    assert first == second and first.headers["authorization"].startswith("Basic ")


def test_an_events_links_are_titled_as_recorded(world: World) -> None:
    world.sim.move(world.one(), "C38357")
    links = json.loads(gzip.decompress(world.sim.deliveries()[0].body))["links"]
    assert [(link["rel"], link["title"]) for link in links] == [
        ("applicantWorkflow", "Applicant Workflow"), ("person", "Person Profile"), ("job", "Job Profile"),
        ("user", "User Profile"),
    ]  # fmt: skip


def test_events_are_posted_to_a_receiver_on_loopback_once_and_nowhere_else() -> None:
    world = World(hook_url="http://127.0.0.1:9000/in?of=icims")
    world.sim.move(world.one(), "C38357")
    assert world.sim.posts_hooks
    (post,) = world.sim.hooks_due()
    headers = dict(post.headers)
    assert (post.url, headers["host"]) == ("http://127.0.0.1:9000/in?of=icims", "127.0.0.1:9000")
    assert is_signed(
        world.sim.credentials["hook_secret"], "icims", "POST", "/in?of=icims", headers, post.body
    )
    post.answered(500)
    assert world.sim.hooks_due() == []
    elsewhere = World()
    elsewhere.sim.move(elsewhere.one(), "C38357")
    assert not elsewhere.sim.posts_hooks and not elsewhere.sim.hooks_due()


# -- what a client of the pages finds --


@pytest.mark.parametrize(
    "asked",
    [
        {"filters": {"name": "job.id"}}, {"filters": ["job.id"]}, {"filters": 7},
        {"filters": [_filter("job.id", ">", "0")], "children": 7},
        {"filters": [_filter("job.id", ">", "0")], "children": ["x"]},
        {"filters": [_filter("job.id", ">", "0")], "children": [{"filters": "x"}]},
        {"filters": [_filter("job.id", ">", "0")], "operator": "xor"},
        {"filters": [_filter("job.id", "like", "0")]}, {"filters": [_filter("job.name", "=", "0")]},
        {"filters": [_filter("job.id", "=", "x")]}, {"filters": [{"name": "job.id", "value": "1"}]},
        {"filters": [{"name": ["job.id"], "value": ["1"]}]},
        {"filters": [_filter("job.updateddate", ">", "soon")]},
        {"filters": [{"name": "job.id", "value": ["1"], "secondaryValue": ["9"], "operator": ">"}]},
    ],
)  # fmt: skip
def test_a_search_of_another_shape_is_refused_whatever_there_is_to_find(asked: Any) -> None:
    for world in (World(), World(0)):
        if world.sim.truth() == {}:
            world.sim.account["jobs"].clear()
        assert world.code("POST", "search/jobs?staleness=0", asked)[0] == 400


@pytest.mark.parametrize(
    "body", [b"", b"{", DEEP, b"[]", b"null", b"7", b'{"status":"C38357"}', b'{"status":{"id":7}}']
)
def test_a_body_of_another_shape_writes_nothing(world: World, body: bytes) -> None:
    headers = {"authorization": f"Bearer {world.token}", "content-type": "application/json"}
    for method, path in (("PATCH", f"applicantworkflows/{world.one()}"), ("POST", "applicantworkflows")):
        assert world.sim.respond(SimRequest(method, f"{ROOT}/{path}", headers, body)).status == 400
    assert world.sim.accepted == []


def test_a_blank_in_a_query_may_be_a_plus() -> None:
    world = World(search_by_get=True)
    asked = {"filters": [_filter("applicantworkflow.createddate", ">", "2020-01-01 4:00 AM")]}
    query = urlencode({"searchJson": json.dumps(asked), "staleness": "0"})
    assert "+" in query
    found = world.get(f"search/applicantworkflows?{query}")["searchResults"]
    assert len(found) == len(world.sim.truth())


def test_a_write_holds_other_fields_too_and_null_deletes_one(world: World) -> None:
    id = world.one()
    before = world.sim.truth()[id]
    answer = world.ask("PATCH", f"applicantworkflows/{id}", {"sourcename": "Fair", "source": ""})
    assert (answer.status, answer.header("X-Warning")) == (204, None)
    shown = world.get(f"applicantworkflows/{id}?fields=source,sourcename")
    assert shown["sourcename"] == "Fair" and "source" not in shown
    assert world.sim.truth()[id] == before and len(world.sim.accepted) == 1


def test_a_name_in_capitals_is_a_warning_and_not_written(world: World) -> None:
    body = {"StartDate": "2026-01-01", "status": {"id": "C38357"}, "nothing": 1}
    answer = world.ask("PATCH", f"applicantworkflows/{world.one()}", body)
    told = [value for name, value in answer.headers if name == "X-Warning"]
    assert told == ["4:StartDate: Field name must be all lowercase.", "4:nothing: Unknown field."]


def test_a_required_field_may_be_given_in_the_same_write(world: World) -> None:
    id = world.one()
    world.sim.require(id)
    told = world.code("PATCH", f"applicantworkflows/{id}", {"status": {"id": "C38357"}, "field12345": "x"})
    assert told == (400, [1])
    world.sim.api.required_empty[int(id)] = ["field12345"]
    body = {"status": {"id": "C38357"}, "field12345": "x"}
    assert world.ask("PATCH", f"applicantworkflows/{id}", body).status == 204


def test_a_workflow_cannot_be_made_in_a_status_that_is_not_there(world: World) -> None:
    job, person = min(world.sim.account["jobs"]), min(world.sim.account["people"])
    body = {"baseprofile": job, "associatedprofile": person, "status": {"id": "C99999"}}
    assert world.code("POST", "applicantworkflows", body)[0] == 400 and world.sim.accepted == []


def test_a_persons_fields_and_their_resume(world: World) -> None:
    staff = min(world.sim.account["people"])
    assert world.get(f"people/{staff}?fields=folder")["folder"]["value"] == "Current Employee"
    rows = world.sim.account["people"].values()
    one = next(row for row in rows if row["addresses"] and row["resume"])
    address = world.get(f"people/{one['id']}?fields=addresses")["addresses"][0]
    assert {"entry", "addressstreet1", "addresscity", "addresszip", "addresscountry", "addresstype"} == set(
        address
    )
    answer = world.ask("GET", f"people/{one['id']}/fields/resume/binary")
    assert answer.status == 200 and answer.body.startswith(b"%PDF")
    assert answer.header("Content-Type") == "application/octet-stream"
    one["resume"] = None
    assert world.code("GET", f"people/{one['id']}/fields/resume/binary") == (404, [2])
    world.sim.revoke("people")
    assert world.code("GET", f"people/{one['id']}/fields/resume/binary") == (404, [3])


def test_lists_have_pages_and_those_of_jobs_and_people_are_apart(world: World) -> None:
    first = world.get("v2/lists/lists.job.folders?size=2")
    path = first["_links"]["next"]["href"].partition(f"{ROOT}/")[2]
    last = world.get(path)
    assert [len(page["nodes"]) for page in (first, last)] == [2, 1] and last["_links"] == {}
    assert {n["id"] for page in (first, last) for n in page["nodes"]} == set(world.sim.account.folders)
    assert [n["value"] for n in world.get("v2/lists/lists.person.folders")["nodes"]] == [
        "Current Employee", "Active Candidate",
    ]  # fmt: skip
    assert world.get("v2/lists/lists.notes.rejection")["nodes"]
    for size in ("0", "1001", "x"):
        assert world.code("GET", f"v2/lists/lists.sources?size={size}")[0] == 400


def test_more_than_some_side_by_side_is_a_429_that_uses_nothing_up() -> None:
    world = World(limits=Limits(1.0))
    named = {"authorization": f"Bearer {world.token}"}
    other = SimRequest("GET", f"{ROOT}/v2/lists", named)
    token = SimRequest("POST", "/oauth/token")

    def ask(*beside: SimRequest) -> SimResponse:
        return world.sim.respond(SimRequest("GET", f"{ROOT}/v2/lists", named, beside=beside))

    assert ask(other, other, other, token).status == 200
    over = ask(other, other, other, other)
    assert (over.status, over.header("x-ratelimit-remaining")) == (429, "9999")
    world.sim.side_by_side = 0
    assert ask(*[other] * 20).status == 200


# -- seeding --


def test_the_same_seed_gives_the_same_account() -> None:
    assert World().sim.truth() == World().sim.truth()


def test_recorded_answers_make_an_account(tmp_path: Path) -> None:
    url = "https://api.icims.com/customers/1234"
    shown = {
        "associatedprofile": {"id": 2468, "value": "Amara Osei", "profile": f"{url}/people/2468"},
        "baseprofile": {"id": 4471, "value": "Data Engineer", "profile": f"{url}/jobs/4471"},
        "status": {"id": "D10100", "value": "Recently Applied", "formattedvalue": "Recently Applied"},
        "source": "Other (Please Specify)",
    }
    _ = (tmp_path / "applicantworkflows.19288.json").write_text(json.dumps(shown))
    person = {"firstname": "Amara", "lastname": "Osei", "email": "amara.osei@example.com"}
    _ = (tmp_path / "people.2468.json").write_text(json.dumps(person))
    world = World()
    world.sim = IcimsSimulator.from_folder(tmp_path, clock=lambda: NOW, limits=Limits(None))
    world.token = world.mint()
    again = world.get(f"applicantworkflows/19288?fields={FIELDS}")
    assert {name: again[name] for name in shown} == shown
    assert world.get("people/2468")["email"] == "amara.osei@example.com"
    assert world.get("jobs/4471")["jobtitle"] == "Data Engineer"
