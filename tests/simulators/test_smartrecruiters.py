"""The simulated SmartRecruiters, asked as anybody would, against the traps of its pages."""

from __future__ import annotations

import base64
import http.server
import json
import re
import threading
from typing import Any, ClassVar
from urllib.parse import unquote, urlencode

import pytest

from atsbridge.simulators.interface import Limits, SimRequest, SimResponse
from atsbridge.simulators.smartrecruiters import SmartRecruitersSimulator
from atsbridge.simulators.smartrecruiters.hooks import RETRY_AFTER_MINUTES, signature

NOW = 1_790_000_000.0
DEEP = b"[" * 100_000
HOOKS = "/webhooks-api/v201907/subscriptions"


class World:
    """A simulator with a clock that stands still until told, asked with an API key."""

    def __init__(self, count: int = 40, **settings: Any) -> None:
        self.now = NOW
        settings.setdefault("limits", Limits(None))
        self.sim = SmartRecruitersSimulator.generate(count, seed=2, clock=lambda: self.now, **settings)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> SimResponse:
        named = {"content-type": "application/json", "x-smarttoken": self.sim.known["api_key"]}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = b"" if body is None else json.dumps(body).encode()
        return self.sim.respond(SimRequest(method, path, named, content))

    def get(self, path: str, **query: str) -> Any:
        answer = self.ask("GET", path + (f"?{urlencode(query)}" if query else ""))
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def all(self, path: str, **query: str) -> list[Any]:
        found, more = [], {}
        while True:
            page = self.get(path, **query, **more)
            found += page["content"]
            if not page.get("nextPageId"):
                return found
            more = {"pageId": page["nextPageId"]}

    def token(self, **form: str) -> SimResponse:
        known = self.sim.known
        usual = {
            "grant_type": "client_credentials", "client_id": known["client_id"],
            "client_secret": known["client_secret"],
        }  # fmt: skip
        content = urlencode({**usual, **form}).encode()
        return self.sim.respond(SimRequest("POST", "/identity/oauth/token", {}, content))

    def bearer(self) -> dict[str, str]:
        token = json.loads(self.token().body)["access_token"]
        return {"x_smarttoken": "", "authorization": f"Bearer {token}"}

    def one(self, stage: str = "NEW") -> str:
        return next(id for id, truth in sorted(self.sim.truth().items()) if truth.stage == stage)

    def put(self, id: str, **body: Any) -> SimResponse:
        candidate, _, job = id.partition(":")
        return self.ask("PUT", f"/candidates/{candidate}/jobs/{job}/status", body)

    def history(self, id: str) -> Any:
        candidate, _, job = id.partition(":")
        return self.get(f"/candidates/{candidate}/jobs/{job}/status/history")

    def application(self, id: str) -> Any:
        candidate, _, job = id.partition(":")
        return self.get(f"/candidates/{candidate}/jobs/{job}")


@pytest.fixture
def world() -> World:
    return World()


# -- credentials, limits, errors --


def test_an_api_key_may_do_everything_and_a_token_what_its_scopes_say(world: World) -> None:
    headers = world.bearer()
    assert world.ask("GET", "/candidates", **headers).status == 200
    world.sim.revoke("candidates_read")
    answer = world.ask("GET", "/candidates", **headers)
    assert answer.status == 403
    assert json.loads(answer.body)["errors"][0]["code"] == "OAuthPermissionsException"
    assert world.ask("GET", "/candidates").status == 200


def test_a_token_is_asked_for_by_form_or_basic_and_runs_out(world: World) -> None:
    told = json.loads(world.token().body)
    assert told["token_type"] == "Bearer" and told["expires_in"] == 1800
    assert "candidates_manage" in told["scope"].split() and "refresh_token" not in told
    known = world.sim.known
    coded = base64.b64encode(f"{known['client_id']}:{known['client_secret']}".encode()).decode()
    basic = SimRequest(
        "POST", "/identity/oauth/token", {"authorization": f"Basic {coded}"}, b"grant_type=client_credentials"
    )
    assert world.sim.respond(basic).status == 200
    assert world.token(client_secret="another").status == 401
    assert world.token(grant_type="password").status == 400
    headers = world.bearer()
    world.now += 1801
    assert world.ask("GET", "/jobs", **headers).status == 401
    assert world.ask("GET", "/jobs", x_smarttoken="another").status == 401


def test_trap_9_scopes_are_not_enough(world: World) -> None:
    world.sim.role_writes = False
    candidate, _, job = world.one().partition(":")
    path = f"/candidates/{candidate}/jobs/{job}/status"
    assert world.ask("PUT", path, {"status": "IN_REVIEW"}, **world.bearer()).status == 403
    assert world.sim.accepted == []


def test_over_ten_a_second_it_is_429_without_a_word_of_how_long() -> None:
    world = World(limits=Limits(1.0))
    answers = [world.ask("GET", "/configuration/company") for _ in range(11)]
    assert [a.status for a in answers] == [200] * 10 + [429]
    assert answers[0].header("X-RateLimit-Limit") == "10" and answers[-1].header("Retry-After") is None
    assert answers[0].header("X-RateLimit-Concurrent-Limit") == "8"
    world.now += 1.1
    assert world.ask("GET", "/configuration/company").status == 200


def test_trap_1_one_search_for_candidates_at_a_time() -> None:
    world = World(limits=Limits(1.0), search_seconds=0.4)
    assert [world.ask("GET", "/candidates").status for _ in range(2)] == [200, 429]
    assert world.ask("GET", "/jobs").status == 200
    world.now += 0.5
    assert world.ask("GET", "/candidates").status == 200


def test_errors_have_a_message_and_codes_or_no_body_at_all() -> None:
    told = json.loads(World().ask("GET", "/candidates/nobody").body)
    assert set(told) == {"message", "errors"} and told["errors"][0]["code"] == "CANDIDATE_NOT_FOUND"
    answer = World(plain_errors=True).ask("GET", "/candidates/nobody")
    assert (answer.status, answer.body) == (404, b"")


# -- pages --


def test_trap_3_pages_of_ten_and_a_page_id_until_there_is_none() -> None:
    world = World(130)
    answer = world.ask("GET", "/candidates")
    page = json.loads(answer.body)
    assert (page["limit"], len(page["content"])) == (10, 10)
    link = re.fullmatch(r'<(/candidates\?limit=10&pageId=(.+))>; rel="next"', answer.header("Link") or "")
    assert link is not None and unquote(link[2]) == page["nextPageId"]
    everybody = world.all("/candidates", limit="100")
    assert {c["id"] for c in everybody} == {id.partition(":")[0] for id in world.sim.truth()}
    assert len(everybody) > 90
    for limit in ("0", "101", "x"):
        assert world.ask("GET", f"/candidates?limit={limit}").status == 400
    assert world.ask("GET", "/candidates?pageId=nonsense").status == 400
    assert world.ask("GET", "/jobs?" + urlencode({"pageId": page["nextPageId"]})).status == 400
    assert world.sim.expire_cursors()
    assert world.ask("GET", "/candidates?" + urlencode({"pageId": page["nextPageId"]})).status == 400


def test_configuration_lists_have_no_pages(world: World) -> None:
    for name in ("rejection-reasons", "withdrawal-reasons", "hiring-processes", "departments"):
        told = world.get(f"/configuration/{name}")
        assert told["totalFound"] == len(told["content"]) > 0 and "nextPageId" not in told


def test_candidates_without_an_application_are_not_listed(world: World) -> None:
    id = world.one()
    candidate = id.partition(":")[0]
    for own in [i for i in world.sim.truth() if i.startswith(candidate)]:
        world.sim.unassign(own)
    assert candidate not in {c["id"] for c in world.all("/candidates")}
    assert world.get(f"/candidates/{candidate}")["primaryAssignment"] is None


def test_filters_go_together_and_unknown_ones_are_refused(world: World) -> None:
    id = world.one("REJECTED")
    candidate, _, job = id.partition(":")
    found = world.all("/candidates", status="REJECTED", jobId=job)
    assert candidate in {c["id"] for c in found}
    assert world.ask("GET", "/candidates?subStatus=Trial+day").status == 400
    assert world.ask("GET", "/candidates?status=IN-REVIEW").status == 400
    assert world.ask("GET", "/candidates?sort=x").status == 400
    assert world.ask("GET", "/candidates?updatedAfter=yesterday").status == 400
    world.sim.edit(id)
    world.now += 5
    assert [c["id"] for c in world.all("/candidates", updatedAfter="2026-09-21T14:13:19.000Z")] == [candidate]


def test_what_changes_shows_late_in_the_search_and_at_once_in_a_read() -> None:
    world = World(index_seconds=60.0)
    assert world.all("/candidates")
    id = world.one()
    candidate = id.partition(":")[0]
    world.now += 600
    assert world.put(id, status="IN_REVIEW").status == 204
    since = {"updatedAfter": "2026-09-21T14:20:00.000Z"}
    assert world.all("/candidates", **since) == []
    assert world.get(f"/candidates/{candidate}")["updatedOn"] > since["updatedAfter"]
    world.now += 61
    assert [c["id"] for c in world.all("/candidates", **since)] == [candidate]


def test_a_change_of_status_may_leave_the_candidates_time_alone() -> None:
    for moves in (True, False):
        world = World(status_bumps_updated=moves)
        id, since = world.one(), "2026-09-21T14:13:19.000Z"
        assert world.put(id, status="IN_REVIEW").status == 204
        assert bool(world.all("/candidates", updatedAfter=since)) is moves


# -- what is shown --


def test_trap_2_the_list_hides_the_other_assignments_status(world: World) -> None:
    several = [c for c in world.all("/candidates") if c["secondaryAssignments"]]
    assert several
    for summary in several:
        assert all(
            set(a) == {"job"} and set(a["job"]) == {"id", "actions"} for a in summary["secondaryAssignments"]
        )
        assert "reasonOfRejection" not in summary["primaryAssignment"]
        detail = world.get(f"/candidates/{summary['id']}")
        assert all("status" in a for a in detail["secondaryAssignments"])


def test_trap_4_who_applies_again_to_a_job_has_the_one_assignment(world: World) -> None:
    first = world.sim.apply(name="Ola Nowak", email="ola@example.com")
    again = world.sim.apply(name="Ola Nowak", email="ola@example.com", job=first.partition(":")[2])
    assert first == again and len(world.history(first)["content"]) == 1


def test_an_application_has_no_ids_inside(world: World) -> None:
    shown = world.application(world.one())
    assert not {"id", "job", "candidateId"} & set(shown) and shown["status"] == "NEW"


def test_empty_members_are_null_or_left_out() -> None:
    world = World()
    assert world.application(world.one())["subStatus"] is None
    world = World(nulls=False)
    assert "subStatus" not in world.application(world.one())
    assert "subStatus" not in world.history(world.one())["content"][0]


def test_a_template_is_a_job_that_says_so_in_its_detail_alone(world: World) -> None:
    jobs = world.all("/jobs")
    assert all("template" not in job for job in jobs)
    assert any(world.get(f"/jobs/{job['id']}")["template"] for job in jobs)
    assert {"CREATED", "ON_HOLD", "CANCELLED", "PENDING_APPROVAL"} <= {
        row["status"] for row in World(0).sim.account.jobs.values()
    }


def test_a_cancelled_job_may_still_be_published(world: World) -> None:
    assert any(j["status"] == "CANCELLED" and j["postingStatus"] == "PUBLIC" for j in world.all("/jobs"))


def test_trap_12_a_jobs_status_rises_and_never_falls(world: World) -> None:
    id = world.sim.apply(name="A B", email=None)
    job = world.sim.account.jobs[id.partition(":")[2]]
    job["status"] = "CREATED"
    assert world.put(id, status="INTERVIEW").status == 204
    assert world.get(f"/jobs/{job['id']}")["status"] == "INTERVIEW"
    assert world.put(id, status="REJECTED").status == 204
    assert world.get(f"/jobs/{job['id']}")["status"] == "INTERVIEW"
    job["status"] = "ON_HOLD"
    assert world.put(id, status="OFFERED").status == 204 and job["status"] == "ON_HOLD"


def test_dates_of_a_career_may_be_a_year_or_a_month(world: World) -> None:
    candidate = world.one().partition(":")[0]
    school = world.get(f"/candidates/{candidate}")["education"][0]
    assert (school["startDate"], school["endDate"]) == ("2014", "2018-05")


def test_users_ids_are_of_two_forms_and_some_have_left(world: World) -> None:
    users = world.all("/user-api/v201804/users")
    assert {len(u["id"]) for u in users} == {24, 36} and not all(u["active"] for u in users)


# -- the write --


def test_a_move_is_204_without_a_body_and_one_more_line(world: World) -> None:
    id = world.one()
    answer = world.put(id, status="INTERVIEW", subStatus="2nd interview")
    assert (answer.status, answer.body) == (204, b"")
    shown = world.application(id)
    assert (shown["status"], shown["subStatus"]) == ("INTERVIEW", "2nd interview")
    lines = world.history(id)["content"]
    assert [line["status"] for line in lines] == ["INTERVIEW", "NEW"]
    (write,) = world.sim.accepted
    assert (write.application, write.after.stage) == (id, "INTERVIEW:2nd interview")


def test_trap_5_a_reason_is_an_id_in_a_write_and_an_object_in_a_read(world: World) -> None:
    id, reason = world.one(), world.sim.reasons("rejected")[0]
    assert world.put(id, status="REJECTED", reason={"id": reason}).status == 400
    assert world.put(id, status="REJECTED", reason=world.sim.reasons("withdrawn")[0]).status == 422
    assert world.put(id, status="IN_REVIEW", reason=reason).status == 422
    assert world.put(id, status="REJECTED", reason=reason).status == 204
    assert world.application(id)["reasonOfRejection"]["id"] == reason
    assert world.put(id, status="WITHDRAWN").status == 204
    assert world.application(id)["reasonOfRejection"] is None
    assert World(reason_required=True).put(World().one(), status="REJECTED").status == 422


def test_trap_6_sub_statuses_are_compared_letter_by_letter(world: World) -> None:
    id = world.one()
    for text in ("2nd Interview", "2nd interview ", "Phone screen", "Assessment centre"):
        assert world.put(id, status="INTERVIEW", subStatus=text).status == 422, text
    assert world.put(id, status="INTERVIEW", subStatus="2nd interview").status == 204
    world.sim.rename_stage("INTERVIEW:2nd interview", "Final")
    assert world.application(id)["subStatus"] == "2nd interview"
    other = world.one()
    assert world.put(other, status="INTERVIEW", subStatus="2nd interview").status == 422
    assert world.put(other, status="INTERVIEW", subStatus="Final").status == 204
    carried = World(rename_carries=True)
    id = carried.one()
    assert carried.put(id, status="INTERVIEW", subStatus="2nd interview").status == 204
    carried.sim.rename_stage("INTERVIEW:2nd interview", "Final")
    assert carried.application(id)["subStatus"] == "Final"


@pytest.mark.parametrize(
    "status", ["IN-REVIEW", "OFFER", "HIRE", "ARCHIVED", "TRANSFERRED", "LEAD", "", None]
)
def test_trap_10_words_of_other_vocabularies_are_refused(world: World, status: Any) -> None:
    assert world.put(world.one(), status=status).status == 422
    assert World(invalid=400).put(World().one(), status=status).status == 400


def test_a_lead_is_made_new_first(world: World) -> None:
    id = world.one("LEAD")
    assert world.put(id, status="INTERVIEW").status == 422
    assert [world.put(id, status=status).status for status in ("NEW", "INTERVIEW")] == [204, 204]
    assert World(lead_first=False).put(World().one("LEAD"), status="INTERVIEW").status == 204


def test_an_end_is_taken_back_by_a_status_where_that_is_allowed() -> None:
    assert World().put(World().one("HIRED"), status="IN_REVIEW").status == 204
    assert World(leaves_ended=False).put(World().one("HIRED"), status="IN_REVIEW").status == 422


def test_without_a_sub_status_there_is_none_or_the_first() -> None:
    for first, shown in ((False, None), (True, "1st interview")):
        world = World(first_sub_status=first)
        id = world.one()
        assert world.put(id, status="INTERVIEW").status == 204
        assert world.application(id)["subStatus"] == shown


def test_a_status_set_once_more_may_add_a_line() -> None:
    for repeats, lines in ((False, 2), (True, 3)):
        world = World(repeats_add_history=repeats)
        id = world.one()
        assert [world.put(id, status="IN_REVIEW").status for _ in range(2)] == [204, 204]
        assert world.history(id)["totalFound"] == lines


def test_a_status_call_knows_four_members_and_says_no_in_four_ways(world: World) -> None:
    id = world.one()
    candidate = id.partition(":")[0]
    assert world.put(id, status="IN_REVIEW", note="x").status == 400
    assert world.put("nobody:nothing", status="IN_REVIEW").status == 404
    assert world.put(f"{candidate}:nothing", status="IN_REVIEW").status == 404
    world.sim.api.unseen.add(candidate)
    assert world.put(id, status="IN_REVIEW").status == 403
    assert candidate not in {c["id"] for c in world.all("/candidates")}
    world.sim.api.unseen.clear()
    world.sim.api.clashes.add(id)
    assert world.put(id, status="IN_REVIEW").status == 409
    assert world.sim.accepted == []


def test_the_older_call_acts_on_the_primary_assignment(world: World) -> None:
    summary = next(c for c in world.all("/candidates") if c["secondaryAssignments"])
    first = summary["primaryAssignment"]["job"]["id"]
    assert world.ask("PUT", f"/candidates/{summary['id']}/status", {"status": "HIRED"}).status in (204, 422)
    assert {a.application for a in world.sim.accepted} <= {f"{summary['id']}:{first}"}


def test_trap_11_two_people_of_one_address_and_name_clash(world: World) -> None:
    one = world.sim.apply(name="Ola Nowak", email="ola@example.com").partition(":")[0]
    two = world.sim.apply(name="Ola Nowak", email="o@example.com").partition(":")[0]
    answer = world.ask("PATCH", f"/candidates/{two}", {"email": "ola@example.com"})
    assert answer.status == 409 and one != two
    assert json.loads(answer.body)["errors"][0]["code"] == "CANDIDATE_DATA_CONFLICT"


def test_trap_13_there_is_no_list_of_a_candidates_applications(world: World) -> None:
    candidate = world.one().partition(":")[0]
    assert world.ask("GET", f"/candidates/{candidate}/applications").status == 404


def test_the_deleted_and_the_anonymised_vanish_without_a_trace(world: World) -> None:
    for act in (world.sim.delete, world.sim.anonymise):
        id = world.one()
        act(id)
        candidate, _, job = id.partition(":")
        assert world.ask("GET", f"/candidates/{candidate}").status == 404
        assert world.ask("GET", f"/candidates/{candidate}/jobs/{job}").status == 404
        assert candidate not in {c["id"] for c in world.all("/candidates")}
        assert id in world.sim.deleted() and id not in world.sim.truth()


def test_of_two_merged_people_one_id_may_lead_to_the_other() -> None:
    world = World(merged_status=301)
    loser, survivor = world.sim.apply(name="A B", email=None), world.sim.apply(name="C D", email=None)
    world.sim.merge(loser, survivor)
    answer = world.ask("GET", f"/candidates/{loser.partition(':')[0]}")
    assert (answer.status, answer.header("Location")) == (301, f"/candidates/{survivor.partition(':')[0]}")


def test_a_deleted_job_is_not_found(world: World) -> None:
    taken = world.one().partition(":")[2]
    with pytest.raises(ValueError, match="applied"):
        world.sim.delete_job(taken)
    applied = {id.partition(":")[2] for id in world.sim.truth()}
    free = next(id for id in world.sim.account.jobs if id not in applied)
    world.sim.delete_job(free)
    assert world.ask("GET", f"/jobs/{free}").status == 404
    assert free not in {job["id"] for job in world.all("/jobs")}


def test_of_two_merged_people_one_id_disappears(world: World) -> None:
    loser, survivor = world.sim.apply(name="A B", email=None), world.sim.apply(name="C D", email=None)
    world.sim.merge(loser, survivor)
    assert world.ask("GET", f"/candidates/{loser.partition(':')[0]}").status == 404
    assert f"{survivor.partition(':')[0]}:{loser.partition(':')[2]}" in world.sim.truth()


# -- web hooks --


def test_trap_8_the_signature_is_the_vendors_own_sample() -> None:
    headers = {
        "smartrecruiters-timestamp": "1574080897", "event-id": "123", "event-name": "application.created",
        "event-version": "v201910", "link": "<http://smartrecruiters.com/endpoint>; rel=self",
    }  # fmt: skip
    mark = signature("HeBVky2bccvvkcXPimH8c", headers, b'{"job_id":"jid","candidate_id":"cid"}')
    assert mark == "2e9291f10d44ca10204a4cd81b05d73b6a316b2b605d4e2e0e0b37b40198ce1f"


def test_trap_7_a_delivery_says_who_and_not_what(world: World) -> None:
    id = world.one()
    assert world.put(id, status="IN_REVIEW").status == 204
    sent = world.sim.deliveries()[-1]
    candidate, _, job = id.partition(":")
    assert json.loads(sent.body) == {"job_id": job, "candidate_id": candidate}
    assert sent.headers["event-name"] == "application.status.updated"
    assert (
        sent.headers["link"]
        == f"<https://api.smartrecruiters.com/candidates/{candidate}/jobs/{job}>; rel=self"
    )
    assert sent.headers["smartrecruiters-signature"] == "v1=" + signature(
        world.sim.known["hook_secret"], dict(sent.headers), sent.body
    )


def test_trap_7_only_202_is_received_and_a_subscription_that_fails_is_suspended(world: World) -> None:
    hooks = world.sim.hooks
    world.sim.edit(world.one())
    (delivery,) = hooks.due()
    waited = []
    while delivery.due is not None:
        waited.append(round((delivery.due - world.now) / 60))
        world.now = delivery.due
        hooks.answered(delivery, 200)
    assert waited[1:] == list(RETRY_AFTER_MINUTES) and waited[1:6] == [1, 3, 10, 45, 120]
    (row,) = hooks.rows.values()
    assert row["status"] == "suspended"
    log = world.get(f"{HOOKS}/{row['id']}/callbacks-log")
    assert {entry["status"] for entry in log} <= {"failed"} and log
    fresh = World()
    fresh.sim.edit(fresh.one())
    (delivery,) = fresh.sim.hooks.due()
    fresh.sim.hooks.answered(delivery, 202)
    assert delivery.due is None and next(iter(fresh.sim.hooks.rows.values()))["status"] == "active"


def test_a_subscription_is_active_once_the_callback_sends_the_secret_back(world: World) -> None:
    for key in ("alertingEmailAddress", "alertEmailAddress"):
        body = {
            "callbackUrl": "https://a.example/h", key: "a@example.com",
            "events": [{"name": "job.created", "version": "v201910"}, {"name": "candidate.deleted"}],
            "callbackAuthentication": {"headerName": "X-Own", "headerValue": "own"},
        }  # fmt: skip
        made = json.loads(world.ask("POST", HOOKS, body).body)
        assert made["status"] == "inactive" and made["events"][0]["version"] == "v201910"
    path = f"{HOOKS}/{made['id']}"
    for answer in ((200, None), (202, "echo"), (500, None)):
        world.sim.hooks.receive = lambda _url, secret, answer=answer: (answer[0], answer[1] and secret)
        assert world.ask("PUT", f"{path}/activation").status == 409
    world.sim.hooks.receive = lambda _url, secret: (200, secret)
    assert world.ask("PUT", f"{path}/activation").status == 204
    assert world.get(path)["status"] == "active"
    assert world.ask("GET", f"{path}/secret-key").status == 404
    keys = [json.loads(world.ask("POST", f"{path}/secret-key").body)["secretKey"] for _ in range(2)]
    assert world.get(f"{path}/secret-key")["secretKey"] == keys[-1]
    world.sim.delete(world.one())
    sent = world.sim.deliveries()[-1]
    assert sent.headers["x-own"] == "own"
    marks = [f"v1={signature(key, dict(sent.headers), sent.body)}" for key in reversed(keys)]
    assert sent.headers["smartrecruiters-signature"] == ";".join(marks)
    assert isinstance(world.get(HOOKS), list)
    assert world.ask("DELETE", path).status == 204 and world.ask("GET", path).status == 404
    assert world.ask("POST", HOOKS, {**body, "events": [{"name": "application.deleted"}]}).status == 422
    assert World(subscriptions_paged=True).get(HOOKS)["totalFound"] == 1


# -- what a client of the pages finds --


def test_each_credential_has_its_own_ten_a_second_and_publications_two() -> None:
    world = World(limits=Limits(1.0))
    bearer = world.bearer()
    asked = [world.ask("GET", "/configuration/company") for _ in range(11)]
    assert asked[-1].status == 429
    answer = world.ask("GET", "/jobs", **bearer)
    assert (answer.status, answer.header("X-RateLimit-Remaining")) == (200, "9")
    path = f"/jobs/{next(iter(world.sim.account.jobs))}/publication"
    answers = [world.ask("GET", path, **bearer) for _ in range(3)]
    assert [a.status for a in answers] == [200, 200, 429]
    assert answers[0].header("X-RateLimit-Limit") == "2"
    scaled = World(limits=Limits(3.0)).ask("GET", "/jobs")
    assert (scaled.header("X-RateLimit-Limit"), scaled.header("X-RateLimit-Remaining")) == ("30", "29")


def _beside(world: World, path: str, others: list[str], **headers: str) -> SimResponse:
    named = {"x-smarttoken": world.sim.known["api_key"], **headers}
    return world.sim.respond(
        SimRequest("GET", path, named, beside=tuple(SimRequest("GET", o, named) for o in others))
    )


def test_eight_side_by_side_and_one_search_for_candidates() -> None:
    world = World(limits=Limits(1.0))
    answer = _beside(world, "/jobs", ["/candidates"] * 7)
    assert (answer.status, answer.header("X-RateLimit-Concurrent-Remaining")) == (200, "0")
    assert _beside(world, "/jobs", ["/jobs"] * 8).status == 429
    assert _beside(world, "/candidates?limit=1", ["/candidates?limit=2"]).status == 429
    assert _beside(world, "/candidates?limit=1", ["/candidates/someone"]).status == 200
    alone = SimRequest("GET", "/candidates", {"x-smarttoken": "of another"})
    key = {"x-smarttoken": world.sim.known["api_key"]}
    assert world.sim.respond(SimRequest("GET", "/candidates", key, beside=(alone,))).status == 200
    off = World(limits=Limits(None))
    assert _beside(off, "/candidates", ["/candidates"] * 20).status == 200


def test_the_link_to_the_next_page_keeps_what_was_asked() -> None:
    world = World(130)
    answer = world.ask("GET", "/candidates?status=NEW&limit=2&status=REJECTED")
    link = re.fullmatch(r'<(.+)>; rel="next"', answer.header("Link") or "")
    assert link is not None
    seen = json.loads(answer.body)["content"]
    while link is not None:
        answer = world.ask("GET", link[1])
        seen += json.loads(answer.body)["content"]
        link = re.fullmatch(r'<(.+)>; rel="next"', answer.header("Link") or "")
    rows = world.sim.account.candidates.values()
    wanted = {"NEW", "REJECTED"}
    assert {c["id"] for c in seen} == {
        row["id"] for row in rows if wanted & {a["status"] for a in row["assignments"].values()}
    }


def test_offset_has_ended_and_is_no_first_page_for_ever() -> None:
    assert World().ask("GET", "/candidates?offset=10").status == 400
    assert World().ask("GET", "/jobs?offset=10").status == 400
    world = World(offset_paging=True)
    whole = [c["id"] for c in world.all("/candidates", limit="100")]
    assert [c["id"] for c in world.get("/candidates", offset="10")["content"]] == whole[10:20]
    assert world.get("/candidates", offset="1000")["content"] == []
    assert world.ask("GET", "/candidates?offset=x").status == 400


def test_every_filter_of_the_search_for_candidates_filters(world: World) -> None:
    everybody = world.all("/candidates", limit="100")
    city = next(c["location"]["city"] for c in everybody if c["location"])
    there = world.all("/candidates", location=city)
    assert 0 < len(there) < len(everybody) and {c["location"]["city"] for c in there} == {city}
    row = world.sim.account.candidates[everybody[3]["id"]]
    row["properties"] = [{"id": "p1", "label": "Shift", "value": {"id": "v1", "label": "Night"}}]
    row["consent"] = {"status": "GIVEN"}
    for name, value in (("propertyId", "p1"), ("propertyValueId", "v1"), ("consentStatus", "GIVEN")):
        assert [c["id"] for c in world.all("/candidates", **{name: value})] == [row["id"]], name
        assert world.all("/candidates", **{name: "another"}) == []
    assert world.all("/candidates", averageRating="4.5") == []
    assert len(world.all("/candidates", averageRating="0")) == len(everybody)
    assert world.ask("GET", "/candidates?averageRating=x").status == 400
    assert world.get(f"/candidates/{row['id']}/properties")["content"] == row["properties"]


def test_every_filter_of_jobs_filters(world: World) -> None:
    jobs = world.all("/jobs")
    one = jobs[1]
    asked = {
        "city": one["location"]["city"], "department": one["department"]["id"], "q": one["refNumber"],
        "postingStatus": "NOT_PUBLISHED", "status": "ON_HOLD",
    }  # fmt: skip
    for name, value in asked.items():
        found = world.all("/jobs", **{name: value})
        assert 0 < len(found) < len(jobs), name
    assert world.all("/jobs", department=one["department"]["label"])
    assert len(world.all("/jobs", language="en")) == len(jobs) and world.all("/jobs", language="de") == []
    assert world.ask("GET", "/user-api/v201804/users?q=x").status == 400


def test_a_time_without_a_zone_is_utc(world: World) -> None:
    world.sim.edit(world.one())
    assert len(world.all("/candidates", updatedAfter="2026-09-21T14:13:19")) == 1
    assert world.all("/candidates", updatedAfter="2026-09-21T14:13:20.000Z") == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/candidates/{c}/jobs/{j}/status"), ("PATCH", "/candidates/{c}"), ("POST", HOOKS),
        ("PUT", "/jobs/{j}/status"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "body", [b"", b"{", DEEP, b"[]", b"null", b'"x"', b"7", b'{"events":[1],"status":[]}']
)
def test_a_body_of_another_shape_is_refused_and_not_done(method: str, path: str, body: bytes) -> None:
    world = World()
    candidate, _, job = world.one().partition(":")
    target = path.format(c=candidate, j=job)
    headers = {"content-type": "application/json", "x-smarttoken": world.sim.known["api_key"]}
    for named in (headers, {**headers, "content-type": "text/plain"}):
        assert world.sim.respond(SimRequest(method, target, named, body)).status in (400, 422)
    assert world.sim.accepted == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"callbackUrl": "http://hooks.example.com/h"}, 400), ({"callbackUrl": 7}, 400),
        ({"alertingEmailAddress": None}, 400), ({"events": "job.created"}, 422), ({"events": [7]}, 422),
        ({"events": [{"name": ["x"]}]}, 422), ({"events": []}, 422), ({"callbackAuthentication": "x"}, 400),
    ],
)  # fmt: skip
def test_a_subscription_that_does_not_fit_is_refused(world: World, change: Any, status: int) -> None:
    body = {
        "callbackUrl": "https://a.example/h", "alertingEmailAddress": "a@example.com",
        "events": [{"name": "job.created"}], **change,
    }  # fmt: skip
    assert world.ask("POST", HOOKS, body).status == status


def test_every_event_of_the_list_can_be_subscribed_to(world: World) -> None:
    groups = {
        "job.approval.": "created approved rejected abandoned step.approved step.rejected comment.created",
        "offer.approver.": "skipped delegated", "candidate.": "created updated deleted",
        "application.": "onboarding-status.updated attachment.created screening-answers.updated",
    }  # fmt: skip
    events = [{"name": f"{group}{name}"} for group, names in groups.items() for name in names.split()]
    body = {"callbackUrl": "https://a.example/h", "alertingEmailAddress": "a@example.com", "events": events}
    answer = world.ask("POST", HOOKS, body)
    assert answer.status == 201 and len(json.loads(answer.body)["events"]) == len(events)


def test_a_key_that_was_replaced_signs_for_one_day_more(world: World) -> None:
    (row,) = world.sim.hooks.rows.values()
    first = world.sim.known["hook_secret"]
    second = json.loads(world.ask("POST", f"{HOOKS}/{row['id']}/secret-key").body)["secretKey"]
    marks = []
    for seconds in (0, 86_399, 86_400):
        world.now = NOW + seconds
        world.sim.edit(world.one())
        marks.append(world.sim.deliveries()[-1])
    for sent, keys in zip(marks, ((second, first), (second, first), (second,)), strict=True):
        signed = ";".join(f"v1={signature(key, dict(sent.headers), sent.body)}" for key in keys)
        assert sent.headers["smartrecruiters-signature"] == signed


def test_who_is_new_is_told_of_once(world: World) -> None:
    first = world.sim.apply(name="Ola Nowak", email="ola@example.com")
    told = [sent.headers["event-name"] for sent in world.sim.deliveries()]
    assert told == ["candidate.created", "application.created"]
    jobs = [id for id in world.sim.account.jobs if id != first.partition(":")[2]]
    _ = world.sim.apply(name="Ola Nowak", email="ola@example.com", job=jobs[0])
    assert [sent.headers["event-name"] for sent in world.sim.deliveries()][2:] == ["application.created"]


class _Receiver(http.server.BaseHTTPRequestHandler):
    """Sends the secret of a handshake back, if its path says so, and takes what is delivered."""

    taken: ClassVar[list[str | None]] = []

    def do_POST(self) -> None:
        secret = self.headers.get("x-hook-secret")
        self.send_response(200 if secret else 202)
        if secret and self.path == "/right":
            self.send_header("X-Hook-Secret", secret)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.taken.append(self.headers.get("event-name"))

    def log_message(self, *_about: Any) -> None:
        pass


def test_a_receiver_on_loopback_is_really_shaken_hands_with(world: World) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), _Receiver) as receiver:
        thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            for path, status, stands in (("/wrong", 409, "inactive"), ("/right", 204, "active")):
                body = {
                    "callbackUrl": f"http://127.0.0.1:{receiver.server_port}{path}",
                    "alertingEmailAddress": "a@example.com", "events": [{"name": "job.created"}],
                }  # fmt: skip
                id = json.loads(world.ask("POST", HOOKS, body).body)["id"]
                assert world.ask("PUT", f"{HOOKS}/{id}/activation").status == status
                assert world.get(f"{HOOKS}/{id}")["status"] == stands
        finally:
            receiver.shutdown()
            thread.join()


def test_a_delivery_waits_five_seconds_for_its_answer(world: World) -> None:
    (row,) = world.sim.hooks.rows.values()
    row["callbackUrl"] = "http://127.0.0.1:9/h"
    world.sim.edit(world.one())
    (post,) = world.sim.hooks_due()
    assert post.answer_seconds == 5.0


def test_a_jobs_status_can_be_set_to_some_and_its_history_grows(world: World) -> None:
    job = next(row for row in world.all("/jobs") if row["status"] in ("SOURCING", "INTERVIEW", "OFFER"))
    path = f"/jobs/{job['id']}/status"
    before = world.get(f"{path}/history")["totalFound"]
    for status in ("CREATED", "PENDING_APPROVAL", "x", None):
        assert world.ask("PUT", path, {"status": status}).status == 422
    assert world.ask("PUT", path, {"status": "CANCELLED"}).status == 204
    assert world.get(f"/jobs/{job['id']}")["status"] == "CANCELLED"
    rows = world.get(f"{path}/history")
    assert rows["totalFound"] == before + 1 and rows["content"][0]["status"] == "CANCELLED"
    assert world.ask("PUT", path, {"status": "CANCELLED"}, **world.bearer()).status == 403


def test_whatever_is_written_is_in_the_log(world: World) -> None:
    candidate = world.one().partition(":")[0]
    assert world.ask("PATCH", f"/candidates/{candidate}", {"assignments": {}}).status == 400
    assert world.ask("PATCH", f"/candidates/{candidate}", {"firstName": "Ola"}).status == 200
    assert world.ask("DELETE", f"/candidates/{candidate}").status == 204
    assert [(a.method, a.application) for a in world.sim.accepted] == [("PATCH", None), ("DELETE", None)]


def test_a_day_to_start_on_is_a_date_time(world: World) -> None:
    assert world.put(world.one(), status="HIRED", startsOn="soon").status == 422
    id = world.one()
    assert world.put(id, status="HIRED", startsOn="2026-12-01T00:00:00.000Z").status == 204
    assert world.application(id)["startsOn"] == "2026-12-01T00:00:00.000Z"


def test_what_is_shown_has_the_members_of_the_pages(world: World) -> None:
    summary = next(c for c in world.all("/candidates") if c["location"])
    assert {"lat", "lng", "countryCode"} <= set(summary["location"])
    detail = world.get(f"/candidates/{summary['id']}")
    assert {
        "institution",
        "degree",
        "major",
        "current",
        "location",
        "startDate",
        "endDate",
        "description",
    } <= (set(detail["education"][0]))
    job = world.get(f"/jobs/{world.all('/jobs')[0]['id']}")
    assert {"details", "hiringTeam", "publications", "positions", "applyOnWeb"} == set(job["actions"])
    assert set(job["creator"]) == {"id", "firstName", "lastName"}
    assert "statusHistory" not in job
    posted = {row["postingStatus"] for row in World(200).all("/jobs")}
    assert posted == {"PUBLIC", "INTERNAL", "NOT_PUBLISHED", "PRIVATE"}


def test_what_is_empty_is_left_out_of_lists_too() -> None:
    world = World(nulls=False)
    summary = next(c for c in world.all("/candidates") if c["primaryAssignment"]["status"] == "NEW")
    assert "subStatus" not in summary["primaryAssignment"]
    assert None not in world.get(f"/candidates/{summary['id']}").values()


@pytest.mark.parametrize(
    "place", [b'["candidates",-1,0]', b'["candidates","x",0]', b'["candidates",{},0]', b"7"]
)
def test_a_page_id_of_ones_own_making_is_refused(world: World, place: bytes) -> None:
    query = urlencode({"pageId": base64.b64encode(place).decode()})
    assert world.ask("GET", f"/candidates?{query}").status == 400


# -- recorded answers --


def test_an_account_from_recorded_answers(tmp_path: Any) -> None:
    world = World()
    summary = next(c for c in world.all("/candidates") if c["secondaryAssignments"])
    recorded = {
        "candidate": world.get(f"/candidates/{summary['id']}"), "jobs.1": world.get("/jobs", limit="100"),
        "rejection-reasons": world.get("/configuration/rejection-reasons"),
        "withdrawal-reasons": world.get("/configuration/withdrawal-reasons"),
        "users": world.get("/user-api/v201804/users"),
    }  # fmt: skip
    for name, answer in recorded.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(answer))
    sim = SmartRecruitersSimulator.from_folder(tmp_path, clock=lambda: NOW, limits=Limits(None))
    truth = {id: (t.stage, t.reason) for id, t in world.sim.truth().items() if id.startswith(summary["id"])}
    assert {id: (t.stage, t.reason) for id, t in sim.truth().items()} == truth
