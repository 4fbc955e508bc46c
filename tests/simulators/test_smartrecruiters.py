"""The simulated SmartRecruiters, asked as anybody would, against the traps of its pages."""

from __future__ import annotations

import base64
import json
import re
from typing import Any
from urllib.parse import unquote, urlencode

import pytest

from atsbridge.simulators.interface import Limits, SimRequest, SimResponse
from atsbridge.simulators.smartrecruiters import SmartRecruitersSimulator
from atsbridge.simulators.smartrecruiters.hooks import RETRY_AFTER_MINUTES, signature

NOW = 1_790_000_000.0
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
