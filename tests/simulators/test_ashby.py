"""The simulated Ashby, asked as anybody would, against the traps of its pages."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from atsbridge.simulators.ashby import AshbySimulator
from atsbridge.simulators.ashby.hooks import waits_seconds
from atsbridge.simulators.interface import Limits, SimRequest, SimResponse, Truth

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

    def template(self, title: str) -> str:
        templates = self.call("communicationTemplate.list")["results"]
        return next(str(t["id"]) for t in templates if t["title"] == title)

    def with_mail(self) -> str:
        """An active application of somebody with an address."""
        truth, addressed = self.sim.truth(), "primaryEmailAddress"
        return next(
            id
            for id in sorted(truth)
            if truth[id].status == "active" and addressed in self.info(id)["candidate"]
        )

    def truth(self, offer: Any) -> Truth:
        return self.sim.truth()[offer["applicationId"]]

    def change(self, id: str, type: str, **more: Any) -> Any:
        stage = self.stage(id, type)
        return self.call("application.changeStage", applicationId=id, interviewStageId=stage, **more)[
            "results"
        ]


@pytest.fixture
def world() -> World:
    return World()


# -- the envelope, keys and permissions --


def test_a_refusal_is_a_200_that_says_it_is_no_success(world: World) -> None:
    assert world.refused("application.info", applicationId=NOBODY) == "application_not_found"


def test_a_wrong_key_is_403_and_a_missing_one_401(world: World) -> None:
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


def test_the_sync_token_comes_with_the_last_page_alone() -> None:
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


def test_too_much_has_changed_for_an_incremental_run() -> None:
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


def test_drafts_archived_and_deactivated_ones_must_be_asked_for(world: World) -> None:
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


def test_confidential_jobs_are_missing_without_a_word() -> None:
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


def test_applications_are_listed_by_one_status_and_jobs_by_several(world: World) -> None:
    assert world.refused("application.list", status=["Active"]) == "invalid_input"
    assert world.refused("job.list", status="Open") == "invalid_input"
    by_status = {
        s: world.all("application.list", status=s)[0] for s in ("Active", "Lead", "Hired", "Archived")
    }
    assert all(by_status.values()) and sum(map(len, by_status.values())) == len(world.sim.truth())
    assert all(a["status"] == status for status, rows in by_status.items() for a in rows)
    assert {a["currentInterviewStage"]["type"] for a in by_status["Lead"]} == {"Lead"}


def test_times_are_filtered_in_milliseconds_and_shown_in_iso(world: World) -> None:
    assert world.refused("application.list", createdAfter="2026-09-01T00:00:00.000Z") == "invalid_input"
    edge = int((NOW - 50 * DAY) * 1000)
    later = {a["id"] for a in world.all("application.list", createdAfter=edge)[0]}
    everything, _ = world.all("application.list")
    assert later == {a["id"] for a in everything if a["createdAt"] > "2026-08-02T14:13:20.000Z"}
    assert 0 < len(later) < len(everything)


def test_a_requisitions_own_id_is_free_text_and_brands_may_be_null(world: World) -> None:
    jobs, _ = world.all("job.list")
    assert "ENG-201" in {j["customRequisitionId"] for j in jobs} and {j["brandId"] for j in jobs} == {None}


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


def test_archived_is_a_stage_of_each_plan_whatever_its_title(world: World) -> None:
    plans, _ = world.all("interviewPlan.list")
    titles = set()
    for plan in plans:
        stages = world.call("interviewStage.list", interviewPlanId=plan["id"])["results"]
        titles |= {s["title"] for s in stages if s["type"] == "Archived"}
        assert [s["type"] for s in stages].count("Hired") == 1
    assert titles == {"Archived", "Not now"}


def test_another_plan_changes_every_stage_id_of_a_jobs_applications(world: World) -> None:
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
    sent = [json.loads(d.body) for d in world.sim.deliveries()][-2]
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
def test_what_leaves_the_archive_loses_its_reason_and_maybe_its_time(stays: bool) -> None:
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


def test_a_hire_may_need_an_offer_or_an_opening(world: World) -> None:
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
    world.sim.account["job"].rows[world.info(id)["job"]["id"]]["needsOffer"] = True
    hire = {"applicationId": id, "interviewStageId": world.stage(id, "Hired")}
    assert world.ask("application.changeStage", hire).status == 500
    assert world.refused("application.changeStage", applicationId=id, interviewStageId=5) == "invalid_input"


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
    mail = {"communicationTemplateId": world.template("Thank you, but no")}
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


def test_a_hire_sends_three_under_one_id(world: World) -> None:
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


# -- the rest of its pages --


def test_the_scheme_of_the_key_is_read_in_any_case(world: World) -> None:
    named = base64.b64encode(f"{world.sim.credentials['api_key']}:".encode()).decode()
    assert world.ask("job.list", authorization=f"basic {named}").status == 200
    assert world.ask("job.list", authorization=f"Bearer {named}").status == 403


def test_a_long_history_comes_in_pages(world: World) -> None:
    id = world.one(type="PreInterviewScreen")
    for _ in range(3):
        world.sim.move(id, world.sim.stages_for(id)[0])
    whole = world.call("application.listHistory", applicationId=id)["results"]
    first = world.call("application.listHistory", applicationId=id, limit=2)
    assert first["moreDataAvailable"] and first["results"] == whole[:2] and "syncToken" not in first
    rest = world.call("application.listHistory", applicationId=id, limit=100, cursor=first["nextCursor"])
    assert rest == {"success": True, "results": whole[2:], "moreDataAvailable": False}
    other = world.one("rejected")
    wrong = {"applicationId": other, "cursor": first["nextCursor"]}
    assert world.refused("application.listHistory", **wrong) == "invalid_next_cursor"


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("application.list", {"status": "active"}),
        ("application.list", {"expand": ["candidate"]}),
        ("application.info", {"applicationId": NOBODY, "expand": ["everything"]}),
        ("job.list", {"status": ["open"]}),
        ("job.list", {"expand": ["hiringTeam"]}),
    ],
)
def test_a_word_that_a_key_does_not_take_is_refused(world: World, method: str, body: dict[str, Any]) -> None:
    assert world.refused(method, **body) == "invalid_input"


def test_jobs_show_more_where_it_is_asked_for(world: World) -> None:
    plain = world.call("job.list", status=["Open"])["results"][0]
    assert not {"location", "openings", "compensation"} & set(plain)
    more = {"expand": ["location", "openings"], "includeUnpublishedJobPostingsIds": True}
    job = next(j for j in world.call("job.list", **more)["results"] if j["id"] == plain["id"])
    assert job["location"]["id"] == job["locationId"] and len(job["openings"]) == 1
    assert set(plain["jobPostingIds"]) < set(job["jobPostingIds"])
    assert world.call("job.info", id=job["id"], **more)["results"] == job
    found = world.call("job.search", title=plain["title"])["results"]
    assert plain in found and world.call("job.search", title="no such title")["results"] == []


def test_places_departments_and_sources_have_lists(world: World) -> None:
    jobs, _ = world.all("job.list")
    for method, key in (("location.list", "locationId"), ("department.list", "departmentId")):
        assert {job[key] for job in jobs} <= {row["id"] for row in world.call(method)["results"]}
    sources = {row["id"]: row for row in world.call("source.list")["results"]}
    applications, _ = world.all("application.list")
    assert all(sources[a["source"]["id"]] == a["source"] for a in applications)
    short = world.call("closeReason.list")["results"]
    assert len(world.call("closeReason.list", includeArchived=True)["results"]) == len(short) + 1
    assert world.call("customField.list")["results"] and world.call("interviewSchedule.list")["syncToken"]
    groups = {row["id"] for row in world.call("interviewStageGroup.list")["results"]}
    stages = [
        stage
        for plan in world.all("interviewPlan.list")[0]
        for stage in world.call("interviewStage.list", interviewPlanId=plan["id"])["results"]
    ]
    # Null is seen, though the vendor's own description says it is a string.
    assert {stage["interviewStageGroupId"] for stage in stages} == {*groups, None}


def test_postings_are_filtered_by_what_is_asked(world: World) -> None:
    published = world.call("jobPosting.list")["results"]
    all_of_them = world.call("jobPosting.list", includeUnpublishedJobPostings=True)["results"]
    listed = world.call("jobPosting.list", listedOnly=True)["results"]
    internal = world.call("jobPosting.list", jobBoardId="internal")["results"]
    assert len(listed) < len(published) < len(all_of_them)
    assert internal and {posting["externalLink"] for posting in internal} == {None}
    assert all(posting["isListed"] and not any(key[0] == "_" for key in posting) for posting in listed)
    place = published[0]["locationName"]
    assert world.call("jobPosting.list", location=place)["results"]
    assert world.call("jobPosting.list", location=place.lower())["results"] == []
    one = world.call("jobPosting.info", jobPostingId=published[0]["id"])["results"]
    assert one == published[0] and len(one["publishedDate"]) == len("2026-01-01")
    job = world.sim.account["job"].rows[one["jobId"]]
    job["confidential"] = True
    assert world.refused("jobPosting.info", jobPostingId=one["id"]) == "job_posting_not_found"
    assert one not in world.call("jobPosting.list")["results"]


def test_offers_and_openings() -> None:
    world = World(120, scopes="offersRead")
    offers, token = world.all("offer.list")
    taken, _ = world.all("offer.list", acceptanceStatus=["Accepted"])
    waiting, _ = world.all("offer.list", offerStatus=["WaitingOnCandidateResponse"])
    assert taken and waiting and len(taken) + len(waiting) == len(offers)
    assert world.all("offer.list", syncToken=token)[0] == []
    assert world.refused("offer.list", offerStatus=["Signed"]) == "invalid_input"
    assert world.all("offer.list", approvalStatus=["Rejected"])[0] == []
    one = taken[0]
    assert world.all("offer.list", applicationId=one["applicationId"])[0] == [one]
    assert world.call("offer.info", offerId=one["id"])["results"] == one
    assert world.info(one["applicationId"])["status"] == "Hired"
    opening = world.call("opening.list")["results"][0]
    assert world.call("opening.info", openingId=opening["id"])["results"] == opening
    assert world.call("opening.search", identifier=opening["identifier"])["results"] == [opening]
    assert World().ask("offer.list").status == 403


def test_confidential_candidates_are_missing_as_their_applications_are(world: World) -> None:
    id, job = world.one(), world.sim.truth()[world.one()].job
    elsewhere = next(other for other, truth in world.sim.truth().items() if truth.job != job)
    person = world.sim.truth()[id].candidate
    assert world.call("candidate.info", id=person)["results"]["applicationIds"] == [id]
    world.sim.hide_job(id)
    assert world.refused("candidate.info", id=person) == "candidate_not_found"
    assert person not in {c["id"] for c in world.all("candidate.list")[0]}
    assert person not in {c["id"] for c in world.call("candidate.search", name="")["results"]}
    world.sim.merge(id, elsewhere)
    stays = world.sim.truth()[elsewhere].candidate
    assert world.call("candidate.info", id=stays)["results"]["applicationIds"] == [elsewhere]


def test_who_nobody_has_mapped_is_not_found(world: World) -> None:
    assert world.refused("candidate.info", externalMappingId="crm-1") == "candidate_not_found"
    assert world.refused("candidate.info") == "invalid_input"


def test_an_application_is_found_by_its_form_and_shows_what_is_asked_for(world: World) -> None:
    id = world.one()
    more = ["openings", "applicationFormSubmissions", "referrals"]
    shown = world.call("application.info", applicationId=id, expand=more)["results"]
    form = shown["applicationFormSubmissions"][0]["id"]
    assert world.call("application.info", submittedFormInstanceId=form)["results"] == world.info(id)
    assert shown["openings"] == [] and shown["referrals"] == [] and "openings" not in world.info(id)
    unknown = world.refused("application.info", submittedFormInstanceId=NOBODY)
    assert unknown == "application_not_found"
    # Personal data that nobody should keep.
    assert shown["submitterClientIp"] and shown["submitterUserAgent"]


@pytest.mark.parametrize(
    ("at", "goes"),
    [
        (None, "2026-09-22T09:32:00+00:00"),
        ("2020-01-01T00:00:00Z", "2026-09-21T14:13:20+00:00"),
        ("2026-11-24T08:00:00", "2026-11-24T08:00:00+00:00"),
        ("2026-11-24T08:00:00+02:00", "2026-11-24T06:00:00+00:00"),
    ],
)
def test_a_rejections_mail_goes_the_next_morning_or_when_it_is_told(
    world: World, at: str | None, goes: str
) -> None:
    id, reason = world.with_mail(), world.reason("RejectedByOrg")
    mail = {"communicationTemplateId": world.template("Thank you, but no")} | ({"sendAt": at} if at else {})
    world.change(id, "Archived", archiveReasonId=reason, archiveEmail=mail)
    (sent,) = world.sim.account.mails
    assert (sent.application, sent.at) == (id, datetime.fromisoformat(goes).timestamp())
    # What is archived already is sent none.
    here = world.info(id)["currentInterviewStage"]["id"]
    again = {"applicationId": id, "interviewStageId": here, "archiveReasonId": reason, "archiveEmail": mail}
    world.call("application.changeStage", **again)
    assert len(world.sim.account.mails) == 1


def test_a_mail_that_cannot_be_leaves_the_stage_as_it_is() -> None:
    world = World(mails_fail=True)
    id = world.with_mail()
    end = {"applicationId": id, "interviewStageId": world.stage(id, "Archived")}
    end["archiveReasonId"] = world.reason("RejectedByOrg")
    for title, more, code in (
        ("Invitation to interview", {}, "communication_template_not_allowed"),
        ("Thank you, but no", {"sendAt": "tomorrow"}, "invalid_input"),
        ("Thank you, but no", {}, "archive_email_failed"),
    ):
        mail = {"communicationTemplateId": world.template(title), **more}
        assert world.refused("application.changeStage", **end, archiveEmail=mail) == code
    assert world.info(id)["status"] == "Active" and world.sim.account.mails == []
    assert world.call("application.changeStage", **end)["results"]["status"] == "Archived"


@pytest.mark.parametrize(
    ("needs", "code"),
    [("offer", "invalid_input"), ("opening", "invalid_input"), ("free_opening", "opening_in_use")],
)
def test_every_hire_may_lack_something(needs: str, code: str) -> None:
    world = World(hire_needs=needs)
    id = world.one(type="PreInterviewScreen")
    stage = world.stage(id, "Hired")
    assert world.refused("application.changeStage", applicationId=id, interviewStageId=stage) == code
    assert world.info(id)["status"] == "Active" and world.sim.accepted == []


def test_a_transfer_that_is_refused_changes_nothing() -> None:
    world = World(leaves_hired=False)
    id = world.one("hired")
    here = world.info(id)["job"]["id"]
    job = next(j for j in world.all("job.list", status=["Open"])[0] if j["id"] != here)
    stages = world.call("interviewStage.list", interviewPlanId=job["defaultInterviewPlanId"])["results"]
    body = {
        "applicationId": id, "jobId": job["id"], "interviewPlanId": job["defaultInterviewPlanId"],
        "interviewStageId": stages[2]["id"], "startAutomaticActivities": True,
    }  # fmt: skip
    assert world.refused("application.transfer", **body) == "invalid_input"
    assert world.info(id)["job"]["id"] == here and world.sim.accepted == []


def test_every_write_is_in_the_log() -> None:
    world = World(scopes="candidatesDelete")
    id, ended = world.one(), world.one("rejected")
    source = world.call("source.list")["results"][0]["id"]
    user = world.call("user.list")["results"][0]
    shown = world.call("application.update", applicationId=id, sourceId=source, creditedToUserId=user["id"])
    assert (shown["results"]["source"]["id"], shown["results"]["creditedToUser"]) == (source, user)
    assert world.ask("application.updateHistory", {"applicationId": id}).status == 403
    person = world.sim.truth()[ended].candidate
    assert world.call("candidate.anonymize", candidateId=person)["results"]["emailAddresses"] == []
    living = world.sim.truth()[id].candidate
    assert world.refused("candidate.anonymize", candidateId=living) == "invalid_input"
    world.call("application.delete", applicationId=id)
    assert [(entry.target, entry.application) for entry in world.sim.accepted] == [
        ("/application.update", id), ("/candidate.anonymize", None), ("/application.delete", id),
    ]  # fmt: skip
    assert world.call("user.search", email=user["email"])["results"] == [user]


def test_successes_may_warn_and_limits_may_not_say_for_how_long() -> None:
    world = World(warning="deprecated_parameter", retry_after=False, requests_per_minute=2, limits=Limits(1))
    assert world.call("job.list")["warnings"] == ["deprecated_parameter"]
    assert "warnings" not in json.loads(world.ask("job.info", {"id": NOBODY}).body)
    answer = world.ask("job.list")
    assert (answer.status, answer.header("Retry-After")) == (429, None)


def test_a_token_still_says_what_it_knows_after_a_million_changes(world: World) -> None:
    world.sim.account.sequence = 3_000_000
    id = world.one()
    world.sim.edit(id)
    _, token = world.all("application.list")
    assert len(token) == 9 and world.all("application.list", syncToken=token)[0] == []
    world.sim.edit(id)
    assert [a["id"] for a in world.all("application.list", syncToken=token)[0]] == [id]


def test_a_hire_tells_of_its_offer_and_another_plan_of_the_job(world: World) -> None:
    id = next(o["applicationId"] for o in world.sim.account["offer"] if world.truth(o).status == "active")
    before = len(world.sim.deliveries())
    world.change(id, "Hired")
    world.sim.switch_plan(world.info(id)["job"]["id"], world.all("interviewPlan.list")[0][-1]["id"])
    hire, moved, _, transition, job = [json.loads(d.body) for d in world.sim.deliveries()[before:]]
    assert hire["data"]["offer"]["applicationId"] == id and set(moved["data"]) == {"application"}
    assert (transition["action"], job["action"]) == ("interviewPlanTransition", "jobUpdate")
    assert transition["webhookActionId"] == job["webhookActionId"] != hire["webhookActionId"]
    assert "job" not in transition["data"] and set(job["data"]) == {"job"}


# -- web hooks to a receiver on this machine --

RECEIVER = "http://127.0.0.1:9/hooks"


def subscribed(world: World) -> Any:
    told = world.call("webhook.create", webhookType="applicationUpdate", requestUrl=RECEIVER, secretToken="s")
    return told["results"]


def test_a_receiver_on_loopback_is_pinged_and_disabled_if_it_fails() -> None:
    world = World(scopes="apiKeysWrite")
    assert not world.sim.posts_hooks
    hook = subscribed(world)
    assert world.sim.posts_hooks and hook["enabled"]
    (ping,) = world.sim.hooks_due()
    sent = json.loads(ping.body)
    assert (ping.url, sent["action"]) == (RECEIVER, "ping") and sent["webhookActionId"]
    ping.answered(401)
    assert world.call("webhook.info", webhookId=hook["id"])["results"]["enabled"] is False
    assert world.sim.hooks_due() == []


def test_a_delivery_is_posted_again_ten_times_in_all() -> None:
    world = World(scopes="apiKeysWrite")
    subscribed(world)
    world.sim.hooks_due()[0].answered(200)
    world.sim.edit(world.one())
    (first,) = world.sim.hooks_due()
    first.answered(500)
    bodies = {first.body}
    for n in range(1, 10):
        world.now += (2**n - 1) * 10 - 1
        assert world.sim.hooks_due() == []
        world.now += 1
        (again,) = world.sim.hooks_due()
        bodies.add(again.body)
        again.answered(None)
    world.now += DAY
    assert world.sim.hooks_due() == [] and len(bodies) == 1
    key = hmac.new(b"s", first.body, hashlib.sha256).hexdigest()
    assert dict(first.headers)["ashby-signature"] == f"sha256={key}"
    world.sim.edit(world.one())
    (other,) = world.sim.hooks_due()
    other.answered(410)
    world.now += DAY
    assert world.sim.hooks_due() == []
