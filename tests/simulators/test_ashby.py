"""The simulated Ashby, asked as anybody would, against the traps of its pages."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from atsbridge.simulators.ashby import AshbySimulator
from atsbridge.simulators.ashby.hooks import waits_seconds
from atsbridge.simulators.interface import Limits, SimRequest, SimResponse

NOW = 1_790_000_000.0
DAY = 86_400
NOBODY = "4c5d6e7f-0000-4a00-8b00-000000000011"


class World:
    """A simulator with a clock that stands still until told."""

    def __init__(self, count: int = 40, **settings: Any) -> None:
        self.now = NOW
        settings.setdefault("limits", Limits(None))
        self.sim = AshbySimulator.generate(count, seed=2, clock=lambda: self.now, **settings)

    def ask(self, method: str, body: Any = None, *, key: str | None = None, **headers: str) -> SimResponse:
        credential = base64.b64encode(f"{key or self.sim.credentials['api_key']}:".encode()).decode()
        named = {"content-type": "application/json", "authorization": f"Basic {credential}"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = json.dumps({} if body is None else body).encode()
        return self.sim.respond(SimRequest("POST", f"/{method}", named, content))

    def call(self, method: str, **body: Any) -> Any:
        """The body of a success."""
        answer = self.ask(method, body)
        told = json.loads(answer.body)
        assert (answer.status, told["success"]) == (200, True), told
        return told

    def refused(self, method: str, **body: Any) -> str:
        """The code of a refusal under 200."""
        answer = self.ask(method, body)
        told = json.loads(answer.body)
        assert (answer.status, told["success"]) == (200, False)
        assert told["errors"] == [told["errorInfo"]["code"]] and "results" not in told
        return str(told["errorInfo"]["code"])

    def all(self, method: str, **body: Any) -> tuple[list[Any], str]:
        """Every record of a list, and its sync token."""
        found: list[Any] = []
        cursor: dict[str, str] = {}
        while True:
            told = self.call(method, **body, **cursor)
            found += told["results"]
            if not told["moreDataAvailable"]:
                return found, told.get("syncToken", "")
            assert "syncToken" not in told
            cursor = {"cursor": told["nextCursor"]}

    def one(self, status: str = "active", **wanted: Any) -> str:
        truth = self.sim.truth()
        return next(id for id in sorted(truth) if truth[id].status == status and self._fits(id, wanted))

    def _fits(self, id: str, wanted: dict[str, Any]) -> bool:
        shown = self.info(id)
        return all(shown["currentInterviewStage"][key] == value for key, value in wanted.items())

    def info(self, id: str) -> Any:
        return self.call("application.info", applicationId=id)["results"]

    def stage(self, id: str, type: str) -> str:
        """A stage of that type of the application's own plan."""
        here = self.info(id)["currentInterviewStage"]
        stages = self.call("interviewStage.list", interviewPlanId=here["interviewPlanId"])["results"]
        return next(str(s["id"]) for s in stages if s["type"] == type and s["id"] != here["id"])

    def reason(self, kind: str) -> str:
        reasons = self.call("archiveReason.list")["results"]
        return next(str(r["id"]) for r in reasons if r["reasonType"] == kind)

    def change(self, id: str, type: str, **more: Any) -> Any:
        stage = self.stage(id, type)
        return self.call("application.changeStage", applicationId=id, interviewStageId=stage, **more)[
            "results"
        ]


@pytest.fixture
def world() -> World:
    return World()


# -- the envelope, keys and permissions --


def test_trap_1_a_refusal_is_a_200_that_says_it_is_no_success(world: World) -> None:
    assert world.refused("application.info", applicationId=NOBODY) == "application_not_found"


def test_trap_2_a_wrong_key_is_403_and_a_missing_one_401(world: World) -> None:
    assert world.ask("job.list", key="another").status == 403
    assert world.ask("job.list", authorization="").status == 401
    world.sim.deactivated = True
    assert world.ask("job.list").status == 403


@pytest.mark.parametrize(
    ("method", "permission"),
    [
        ("application.list", "candidatesRead"),
        ("candidate.list", "candidatesRead"),
        ("application.changeStage", "candidatesWrite"),
        ("application.change_stage", "candidatesWrite"),
        ("job.list", "jobsRead"),
        ("jobInterviewPlan.info", "jobsRead"),
        ("interviewPlan.list", "interviewsRead"),
        ("archiveReason.list", "hiringProcessMetadataRead"),
        ("user.list", "organizationRead"),
        ("apiKey.info", "apiKeysRead"),
    ],
)
def test_each_method_wants_its_permission(world: World, method: str, permission: str) -> None:
    assert world.ask(method).status == 200
    world.sim.revoke(permission)
    answer = world.ask(method)
    assert (answer.status, json.loads(answer.body)["errors"]) == (403, ["missing_endpoint_permission"])
    with pytest.raises(ValueError, match="no permission"):
        world.sim.revoke("offersRead")


def test_a_key_tells_its_scopes(world: World) -> None:
    scopes = world.call("apiKey.info")["results"]["scopes"]
    assert {"jobs:read", "candidates:read", "candidates:write"} <= set(scopes)
    world.sim.revoke("candidatesWrite")
    assert "candidates:write" not in world.call("apiKey.info")["results"]["scopes"]


def test_answers_tell_the_version_and_the_request(world: World) -> None:
    answer = world.ask("version.list", ashby_version="2026-01-01")
    assert (answer.header("Ashby-Version"), answer.header("Ashby-Version-Status")) == ("2026-01-01", "active")
    assert answer.header("x-ashby-request-id")
    assert world.ask("version.list", ashby_version="2024-01-01").status == 400


def test_a_body_is_an_object_of_known_keys_of_their_types(world: World) -> None:
    assert json.loads(world.ask("job.list", []).body)["errors"] == ["invalid_input"]
    for body in ({"offset": 1}, {"limit": "100"}, {"limit": 101}, {"limit": 0}, {"limit": True}):
        assert world.refused("job.list", **body) == "invalid_input"
    assert json.loads(world.ask("job.list", content_type="text/plain").body)["success"] is False
    assert world.ask("candidate.delete").status == 404


def test_a_refusal_may_lack_its_info_or_tell_objects() -> None:
    told = json.loads(World(error_info=False).ask("job.list", {"limit": 0}).body)
    assert told == {"success": False, "errors": ["invalid_input"]}
    told = json.loads(World(error_objects=True).ask("job.list", {"limit": 0}).body)
    assert told["errors"] == [{"message": "limit is 1 to 100", "parameter": "limit"}]


def test_over_the_limit_it_says_how_long_to_wait() -> None:
    world = World(limits=Limits(0.005), partner=True)
    assert [world.ask("version.list").status for _ in range(6)] == [200] * 5 + [429]
    answer = world.ask("version.list")
    assert (answer.header("Retry-After"), answer.header("X-RateLimit-Scope")) == ("2", "integration-partner")
    world.now += 61
    assert world.ask("version.list").status == 200


def test_in_maintenance_reads_work_and_writes_fail(world: World) -> None:
    id = world.one()
    body = {"applicationId": id, "interviewStageId": world.stage(id, "Active")}
    world.sim.maintenance = True
    assert world.ask("application.changeStage", body).status == 503
    assert world.info(id) and world.sim.accepted == []


# -- pages and sync tokens --


def test_trap_3_the_sync_token_comes_with_the_last_page_alone() -> None:
    world = World(230)
    first = world.call("application.list")
    assert len(first["results"]) == 100 and first["moreDataAvailable"] and "syncToken" not in first
    found, token = world.all("application.list")
    assert {a["id"] for a in found} == set(world.sim.truth()) and len(found) == 230
    assert len(token) == 9 and token.isalnum()


def test_a_token_brings_what_has_changed_since_it_was_given(world: World) -> None:
    _, token = world.all("application.list")
    assert world.all("application.list", syncToken=token)[0] == []
    id = world.one()
    world.sim.move(id, world.sim.stages_for(id)[0])
    assert [a["id"] for a in world.all("application.list", syncToken=token)[0]] == [id]


def test_what_changes_behind_the_reader_is_in_the_next_run() -> None:
    world = World(150)
    page = world.call("application.list")
    id = next(a["id"] for a in page["results"] if a["status"] == "Active")
    world.sim.edit(id)
    last = world.call("application.list", cursor=page["nextCursor"])
    assert [a["id"] for a in world.all("application.list", syncToken=last["syncToken"])[0]] == [id]


def test_a_deletion_is_in_no_run(world: World) -> None:
    _, token = world.all("application.list")
    id = world.one()
    world.sim.delete(id)
    assert world.all("application.list", syncToken=token)[0] == []
    assert world.refused("application.info", applicationId=id) == "application_not_found"
    assert id in world.sim.deleted()


def test_trap_4_too_much_has_changed_for_an_incremental_run() -> None:
    world = World(150, incremental_pages=1)
    _, token = world.all("application.list")
    for id in world.sim.truth():
        world.sim.edit(id)
    assert world.refused("application.list", syncToken=token) == "incremental_sync_too_large"
    assert len(world.all("application.list")[0]) == 150


def test_tokens_and_cursors_run_out() -> None:
    world = World(150)
    page, (_, token) = world.call("application.list"), world.all("application.list")
    world.now += 2 * 3600
    assert world.refused("application.list", cursor=page["nextCursor"]) == "next_cursor_expired"
    world.now += 8 * DAY
    assert world.refused("application.list", syncToken=token) == "sync_token_expired"
    _, token = world.all("application.list")
    assert world.sim.expire_watermarks()
    assert world.refused("application.list", syncToken=token) == "sync_token_expired"
    page = world.call("application.list")
    assert world.sim.expire_cursors()
    assert world.refused("application.list", cursor=page["nextCursor"]) == "next_cursor_expired"


@pytest.mark.parametrize("token", ["", "99vGA7xrP9", "99vGA7xr_", "zzzzzzzzz"])
def test_a_token_that_was_never_given_is_invalid(world: World, token: str) -> None:
    assert world.refused("application.list", syncToken=token) == "sync_token_invalid"


def test_a_token_is_of_one_list_and_a_cursor_of_one_request() -> None:
    world = World(150)
    _, token = world.all("job.list")
    assert world.refused("application.list", syncToken=token) == "sync_token_invalid"
    cursor = world.call("application.list")["nextCursor"]
    assert world.refused("application.list", cursor=cursor, status="Active") == "invalid_next_cursor"
    assert world.refused("candidate.list", cursor=cursor) == "invalid_next_cursor"
    assert world.refused("application.list", cursor="e30") == "invalid_next_cursor"


# -- what lists leave out, and filters --


def test_trap_5_drafts_archived_and_deactivated_ones_must_be_asked_for(world: World) -> None:
    states = ["Draft", "Open", "Closed", "Archived"]
    assert "Draft" not in {job["status"] for job in world.all("job.list")[0]}
    assert {job["status"] for job in world.all("job.list", status=states)[0]} == set(states)
    for method, key in (
        ("user.list", "includeDeactivated"),
        ("archiveReason.list", "includeArchived"),
        ("interviewPlan.list", "includeArchived"),
    ):
        short, _ = world.all(method)
        assert len(world.all(method, **{key: True})[0]) == len(short) + 1


def test_trap_10_confidential_jobs_are_missing_without_a_word() -> None:
    world, id = World(), ""
    id = world.one()
    job = world.info(id)["job"]["id"]
    body = {"applicationId": id, "interviewStageId": world.stage(id, "Active")}
    world.sim.hide_job(id)
    assert job not in {j["id"] for j in world.all("job.list")[0]}
    assert id not in {a["id"] for a in world.all("application.list")[0]}
    assert world.refused("application.changeStage", **body) == "application_not_found"
    world.sim.api.sees_confidential = True
    assert id in {a["id"] for a in world.all("application.list")[0]}


def test_trap_12_applications_are_listed_by_one_status_and_jobs_by_several(world: World) -> None:
    assert world.refused("application.list", status=["Active"]) == "invalid_input"
    assert world.refused("job.list", status="Open") == "invalid_input"
    by_status = {
        s: world.all("application.list", status=s)[0] for s in ("Active", "Lead", "Hired", "Archived")
    }
    assert all(by_status.values()) and sum(map(len, by_status.values())) == len(world.sim.truth())
    assert all(a["status"] == status for status, rows in by_status.items() for a in rows)


def test_trap_9_leads_are_listed_among_the_applications_unless_a_status_is_asked_for(world: World) -> None:
    everything, _ = world.all("application.list")
    leads = {a["id"] for a in everything if a["status"] == "Lead"}
    assert leads and {a["id"] for a in world.all("application.list", status="Lead")[0]} == leads
    assert not leads & {a["id"] for a in world.all("application.list", status="Active")[0]}
    kinds = {a["currentInterviewStage"]["type"] for a in everything if a["id"] in leads}
    assert kinds == {"Lead"}


def test_trap_11_times_are_filtered_in_milliseconds_and_shown_in_iso(world: World) -> None:
    assert world.refused("application.list", createdAfter="2026-09-01T00:00:00.000Z") == "invalid_input"
    edge = int((NOW - 50 * DAY) * 1000)
    later = {a["id"] for a in world.all("application.list", createdAfter=edge)[0]}
    everything, _ = world.all("application.list")
    assert later == {a["id"] for a in everything if a["createdAt"] > "2026-08-02T14:13:20.000Z"}
    assert 0 < len(later) < len(everything)


def test_trap_14_what_is_typed_as_text_may_be_null_and_what_is_optional_absent(world: World) -> None:
    jobs, _ = world.all("job.list")
    assert {j["brandId"] for j in jobs} == {None}
    stages = world.call(
        "interviewStage.list",
        interviewPlanId=world.info(world.one())["currentInterviewStage"]["interviewPlanId"],
    )["results"]
    assert None in {stage["interviewStageGroupId"] for stage in stages}
    history = world.info(world.one())["applicationHistory"]
    assert "leftStageAt" not in history[-1]


def test_trap_15_a_requisitions_own_id_is_free_text(world: World) -> None:
    jobs, _ = world.all("job.list")
    assert "ENG-201" in {j["customRequisitionId"] for j in jobs}


# -- stages and plans --


def test_jobs_share_plans_and_one_may_have_two(world: World) -> None:
    jobs, _ = world.all("job.list", status=["Open"])
    plans = [tuple(j["interviewPlanIds"]) for j in jobs]
    assert any(len(p) == 2 for p in plans) and len({p[0] for p in plans}) < len(plans)
    told = world.call("jobInterviewPlan.info", jobId=jobs[0]["id"])["results"]
    listed = world.call("interviewStage.list", interviewPlanId=told["interviewPlanId"])["results"]
    assert [s["id"] for s in told["stages"]] == [s["id"] for s in listed]
    assert listed == sorted(listed, key=lambda s: s["orderInInterviewPlan"])
    assert world.call("interviewStage.info", interviewStageId=listed[0]["id"])["results"] == listed[0]


def test_trap_7_archived_is_a_stage_of_each_plan_whatever_its_title(world: World) -> None:
    plans, _ = world.all("interviewPlan.list")
    titles = set()
    for plan in plans:
        stages = world.call("interviewStage.list", interviewPlanId=plan["id"])["results"]
        titles |= {s["title"] for s in stages if s["type"] == "Archived"}
        assert [s["type"] for s in stages].count("Hired") == 1
    assert titles == {"Archived", "Not now"}


def test_trap_6_another_plan_changes_every_stage_id_of_a_jobs_applications(world: World) -> None:
    id = world.one()
    before = world.info(id)
    other = next(
        p["id"]
        for p in world.all("interviewPlan.list")[0]
        if p["id"] != before["currentInterviewStage"]["interviewPlanId"]
    )
    world.sim.switch_plan(before["job"]["id"], other)
    after = world.info(id)
    assert after["currentInterviewStage"]["interviewPlanId"] == other
    assert after["currentInterviewStage"]["type"] == before["currentInterviewStage"]["type"]
    sent = [json.loads(d.body) for d in world.sim.deliveries()][-1]
    mapped = {
        m["fromInterviewStageId"]: m["toInterviewStageId"] for m in sent["data"]["interviewStageMappings"]
    }
    assert sent["action"] == "interviewPlanTransition"
    assert mapped[before["currentInterviewStage"]["id"]] == after["currentInterviewStage"]["id"]
    stale = {"applicationId": id, "interviewStageId": before["currentInterviewStage"]["id"]}
    assert world.refused("application.changeStage", **stale) == "interview_stage_not_found"


# -- changing the stage --


def test_a_move_answers_with_the_new_state_and_shows_in_sync(world: World) -> None:
    id = world.one(type="PreInterviewScreen")
    _, token = world.all("application.list")
    before = world.info(id)
    world.now += 5
    shown = world.change(id, "Active")
    assert (shown["status"], shown["currentInterviewStage"]["type"]) == ("Active", "Active")
    assert shown["updatedAt"] > before["updatedAt"] and "applicationHistory" not in shown
    assert [a["id"] for a in world.all("application.list", syncToken=token)[0]] == [id]
    (accepted,) = world.sim.accepted
    assert (accepted.application, accepted.after) == (id, world.sim.truth()[id])


def test_the_history_grows_by_one_with_each_move(world: World) -> None:
    id = world.one(type="PreInterviewScreen")
    before = world.info(id)["applicationHistory"]
    stage = world.change(id, "Active")["currentInterviewStage"]["id"]
    history = world.call("application.listHistory", applicationId=id)["results"]
    assert len(history) == len(before) + 1
    assert [e["stageNumber"] for e in history] == list(range(len(history)))
    assert history[-1]["stageId"] == stage and "leftStageAt" not in history[-1] and history[-2]["leftStageAt"]


@pytest.mark.parametrize("adds", [False, True])
def test_the_same_change_twice_is_a_success_again(adds: bool) -> None:
    world = World(repeats_add_history=adds)
    id = world.one()
    body = {"applicationId": id, "interviewStageId": world.stage(id, "Active")}
    world.call("application.changeStage", **body)
    before = len(world.info(id)["applicationHistory"])
    world.call("application.changeStage", **body)
    assert len(world.info(id)["applicationHistory"]) == before + adds


def test_an_archive_stage_wants_a_reason_and_no_other_takes_one(world: World) -> None:
    id, reason = world.one(), world.reason("RejectedByOrg")
    end = {"applicationId": id, "interviewStageId": world.stage(id, "Archived")}
    assert world.refused("application.changeStage", **end) == "invalid_input"
    assert (
        world.refused("application.changeStage", **end, archiveReasonId=NOBODY) == "archive_reason_not_found"
    )
    move = {"applicationId": id, "interviewStageId": world.stage(id, "Active")}
    assert world.refused("application.changeStage", **move, archiveReasonId=reason) == "invalid_input"
    assert world.sim.accepted == []
    shown = world.call("application.changeStage", **end, archiveReasonId=reason)["results"]
    assert (shown["status"], shown["archiveReason"]["id"]) == ("Archived", reason)
    assert shown["archivedAt"] and world.sim.truth()[id].status == "rejected"


def test_a_reason_of_the_candidates_is_a_withdrawal(world: World) -> None:
    id = world.one()
    world.change(id, "Archived", archiveReasonId=world.reason("RejectedByCandidate"))
    assert world.sim.truth()[id].status == "withdrawn"


@pytest.mark.parametrize("stays", [False, True])
def test_trap_8_what_leaves_the_archive_loses_its_reason_and_maybe_its_time(stays: bool) -> None:
    world = World(keeps_archived_at=stays)
    id = world.one("rejected")
    shown = world.change(id, "Active")
    assert (shown["status"], shown["archiveReason"], "archivedAt" in shown) == ("Active", None, stays)


@pytest.mark.parametrize("leaves", [False, True])
def test_what_is_hired_may_not_be_taken_back(leaves: bool) -> None:
    world = World(leaves_hired=leaves)
    id = world.one("hired")
    body = {"applicationId": id, "interviewStageId": world.stage(id, "Active")}
    if leaves:
        assert world.call("application.changeStage", **body)["results"]["status"] == "Active"
    else:
        assert world.refused("application.changeStage", **body) == "invalid_input"


def test_trap_13_a_hire_may_need_an_offer_or_an_opening(world: World) -> None:
    id = world.one()
    job = world.sim.account["job"].rows[world.info(id)["job"]["id"]]
    body = {"applicationId": id, "interviewStageId": world.stage(id, "Hired")}
    job["needsOffer"] = True
    assert world.refused("application.changeStage", **body) == "invalid_input"
    world.sim.account.approved.add(id)
    opening = world.sim.account.add("opening", filledBy=NOBODY)
    job["needsOpening"] = "none yet"
    assert world.refused("application.changeStage", **body) == "invalid_input"
    job["needsOpening"] = opening["id"]
    assert world.refused("application.changeStage", **body) == "opening_in_use"
    assert world.sim.truth()[id].status == "active"
    opening["filledBy"] = None
    assert world.call("application.changeStage", **body)["results"]["status"] == "Hired"
    assert "needsOffer" not in world.call("job.info", id=job["id"])["results"]


def test_before_november_2026_that_was_a_server_error() -> None:
    world = World(impossible_is_500=True)
    id = world.one()
    assert world.ask("application.changeStage", {"applicationId": id, "interviewStageId": 5}).status == 500


def test_a_stage_of_another_plan_is_not_found(world: World) -> None:
    id = world.one()
    here = world.info(id)["currentInterviewStage"]["interviewPlanId"]
    other = next(p["id"] for p in world.all("interviewPlan.list")[0] if p["id"] != here)
    stage = world.call("interviewStage.list", interviewPlanId=other)["results"][0]["id"]
    for wrong in (stage, NOBODY):
        body = {"applicationId": id, "interviewStageId": wrong}
        assert world.refused("application.changeStage", **body) == "interview_stage_not_found"
        assert world.refused("application.change_stage", **body) == "interview_stage_not_found"


def test_a_mail_wants_a_template_and_an_address(world: World) -> None:
    id, reason = world.one(), world.reason("RejectedByOrg")
    body = {"applicationId": id, "interviewStageId": world.stage(id, "Archived"), "archiveReasonId": reason}
    mail = {"communicationTemplateId": NOBODY}
    refused = world.refused("application.changeStage", **body, archiveEmail=mail)
    assert refused == "communication_template_not_found"
    world.sim.api.templates.add(NOBODY)
    world.sim.account["candidate"].rows[world.info(id)["candidate"]["id"]]["primaryEmailAddress"] = None
    assert world.refused("application.changeStage", **body, archiveEmail=mail) == "invalid_input"
    assert world.sim.truth()[id].status == "active"


def test_a_transfer_wants_all_four_ids(world: World) -> None:
    id = world.one()
    jobs, _ = world.all("job.list", status=["Open"])
    job = next(j for j in jobs if j["id"] != world.info(id)["job"]["id"])
    stages = world.call("interviewStage.list", interviewPlanId=job["defaultInterviewPlanId"])["results"]
    body = {"applicationId": id, "jobId": job["id"], "interviewStageId": stages[1]["id"]}
    assert world.refused("application.transfer", **body) == "invalid_input"
    body["interviewPlanId"] = job["defaultInterviewPlanId"]
    assert world.call("application.transfer", **body)["results"]["job"]["id"] == job["id"]


# -- web hooks --


def test_trap_16_a_hire_sends_three_under_one_id(world: World) -> None:
    before = len(world.sim.deliveries())
    world.change(world.one(), "Hired")
    sent = [json.loads(d.body) for d in world.sim.deliveries()[before:]]
    assert [d["action"] for d in sent] == ["candidateHire", "candidateStageChange", "applicationUpdate"]
    assert len({d["webhookActionId"] for d in sent}) == 1
    assert all(d["data"]["application"]["status"] == "Hired" for d in sent)


def test_the_signature_is_over_the_raw_body(world: World) -> None:
    world.sim.edit(world.one())
    sent = world.sim.deliveries()[-1]
    key = world.sim.credentials["hook_secret"].encode()
    mark = hmac.new(key, sent.body, hashlib.sha256).hexdigest()
    assert sent.headers["ashby-signature"] == f"sha256={mark}"
    assert "ashby-signature" not in world.sim.unsigned(sent).headers


def test_deletions_and_merges_name_candidates(world: World) -> None:
    loser, survivor = sorted(world.sim.truth())[:2]
    gone, stays = world.sim.truth()[loser].candidate, world.sim.truth()[survivor].candidate
    world.sim.merge(loser, survivor)
    assert world.sim.truth()[loser].candidate == stays
    assert world.refused("candidate.info", id=gone) == "candidate_not_found"
    merged = json.loads(world.sim.deliveries()[-1].body)["data"]
    assert merged == {"deletedCandidate": {"id": gone}, "mergedCandidate": {"id": stays}}
    world.sim.delete(survivor)
    assert json.loads(world.sim.deliveries()[-1].body)["data"] == {"candidate": {"id": stays}}
    assert {loser, survivor} <= world.sim.deleted()


def test_a_hook_is_pinged_and_not_enabled_unless_it_answers(world: World) -> None:
    world.sim.api.scopes.add("apiKeysWrite")
    wanted = {"requestUrl": "https://x.example/h", "secretToken": "s"}
    made = world.call("webhook.create", webhookType="applicationUpdate", **wanted)["results"]
    assert made["enabled"] and json.loads(world.sim.deliveries()[-1].body)["action"] == "ping"
    world.sim.hooks.receive = lambda _hook: None
    assert world.call("webhook.update", webhookId=made["id"], enabled=True)["results"]["enabled"] is False
    world.sim.hooks.receive = lambda _hook: 500
    made = world.call("webhook.create", webhookType="applicationUpdate", **wanted)["results"]
    assert world.call("webhook.info", webhookId=made["id"])["results"]["enabled"] is False
    assert world.refused("webhook.create", webhookType="jobCreate", **wanted) == "invalid_input"
    world.call("webhook.delete", webhookId=made["id"])
    assert world.refused("webhook.info", webhookId=made["id"]) == "webhook_not_found"


def test_a_delivery_is_tried_ten_times_or_never_again() -> None:
    assert waits_seconds(500)[:4] == [10, 30, 70, 150] and len(waits_seconds(None)) == 9
    assert all(waits_seconds(answer) == [] for answer in (401, 403, 404, 405, 410))


# -- people and deletion --


def test_only_who_has_no_living_application_is_anonymised(world: World) -> None:
    with pytest.raises(ValueError, match="archived or hired"):
        world.sim.anonymise(world.one())
    id = world.one("rejected")
    world.sim.anonymise(id)
    blank = world.call("candidate.info", id=world.sim.truth()[id].candidate)["results"]
    assert (blank["name"], blank["emailAddresses"], blank["primaryEmailAddress"]) == ("", [], None)
    assert id in world.sim.truth()


def test_a_deletion_needs_a_permission_of_its_own(world: World) -> None:
    id = world.one()
    assert world.ask("application.delete", {"applicationId": id}).status == 403
    world.sim.api.scopes.add("candidatesDelete")
    assert world.call("application.delete", applicationId=id)["results"] == {"applicationId": id}
    assert id in world.sim.deleted()


# -- recorded accounts --


def test_an_account_of_recorded_answers(tmp_path: Path) -> None:
    world = World(12)
    for method, body in (
        ("application.list", {}),
        ("archiveReason.list", {"includeArchived": True}),
        ("interviewPlan.list", {"includeArchived": True}),
        ("candidate.list", {}),
        ("job.list", {}),
    ):
        (tmp_path / f"{method}.json").write_bytes(world.ask(method, body).body)
    copy = AshbySimulator.from_folder(tmp_path, clock=lambda: NOW, limits=Limits(None))
    real = {id: (t.stage, t.status, t.reason, t.job) for id, t in world.sim.truth().items()}
    assert {id: (t.stage, t.status, t.reason, t.job) for id, t in copy.truth().items()} == real
