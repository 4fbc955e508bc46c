"""People in the ATS's own pages, web hooks, deletions and privacy, and how accounts are made and kept."""

from __future__ import annotations

import hashlib
import hmac
import json
from contextlib import suppress

import pytest
from greenhouse_client import Client, Clock
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from atsbridge.simulators.greenhouse import GreenhouseSimulator, Settings, Webhook


def last_hook(client: Client) -> dict:
    return json.loads(client.sim.hook_outbox[-1].body)


# -- people --


def test_somebody_applies_and_lands_in_the_first_stage():
    client = Client()
    job = client.active()["job_id"]
    id = client.sim.apply(name="Ada Novak", email="ada@example.com", job=str(job))
    record = client.one("applications", int(id))
    assert record["job_interview_stage_id"] == client.stages(job)[0]["id"]
    assert client.one("candidates", record["candidate_id"])["first_name"] == "Ada"
    assert last_hook(client)["action"] == "new_candidate_application"
    assert client.get("applications", per_page=1).json[0]["id"] == int(id)
    without = client.sim.apply(name="Ada Novak", email=None)
    assert client.one("candidates", int(client.sim.truth()[without].candidate))["email_addresses"] == []


def test_nobody_applies_to_templates_drafts_or_closed_jobs():
    client = Client()
    for job in client.all("jobs"):
        if job["is_template"] or job["status"] != "open":
            with pytest.raises(ValueError):
                client.sim.apply(name="A B", email=None, job=str(job["id"]))


def test_people_are_held_to_the_rules():
    sim = Client().sim
    hired = next(id for id, truth in sim.truth().items() if truth.status == "hired")
    active = next(id for id, t in sim.truth().items() if t.status == "active" and t.job)
    assert sim.stages_for(hired) == []
    reason = sim.reasons("rejected")[0]
    stage = sim.truth()[active].stage
    for refused in (
        lambda: sim.reject(hired, reason),
        lambda: sim.reactivate(hired),
        lambda: sim.reactivate(active),
        lambda: sim.move(active, stage),
        lambda: sim.move("5", stage),
        lambda: sim.reject(active, "5"),
        lambda: sim.stage_name("5"),
        lambda: sim.merge(active, active),
    ):
        with pytest.raises(ValueError):
            refused()
    assert sim.accepted == []


def test_a_hire_is_undone_by_a_person_alone():
    client = Client()
    application = client.active(1)
    id = str(application["id"])
    client.sim.hire(id)
    client.sim.unhire(id)
    back = client.one("applications", application["id"])
    assert (back["status"], back["job_interview_stage_id"]) == (
        "in_process",
        application["job_interview_stage_id"],
    )
    assert client.get("openings", application_ids=id).json == []
    assert last_hook(client)["action"] == "unhire_candidate"


def test_edit_changes_neither_stage_nor_status():
    client = Client()
    application = client.active()
    before = client.sim.truth()
    client.clock.now += 60
    since = client.sim.account.now()
    client.sim.edit(str(application["id"]))
    assert client.sim.truth() == before
    (found,) = client.get("applications", updated_at=f"gte|{since}").json
    assert found["id"] == application["id"]
    assert client.get("candidates", updated_at=f"gte|{since}").json


def test_renamed_stage_shows_on_applications_that_do_not_say_they_changed():
    client = Client()
    application = client.active()
    client.clock.now += 60
    client.sim.rename_stage(str(application["job_interview_stage_id"]), "First look")
    after = client.one("applications", application["id"])
    assert after == application | {"stage_name": "First look"}


def test_deactivated_stage_stays_in_the_history():
    client = Client()
    application = client.active()
    stage = application["job_interview_stage_id"]
    client.sim.deactivate_stage(str(stage))
    assert client.one("job_interview_stages", stage)["active"] is False
    assert client.one("applications", application["id"])["job_interview_stage_id"] == stage
    hook = last_hook(client)
    assert hook["action"] == "job_interview_stage_deleted"
    assert hook["payload"]["job_interview_stage"]["id"] == stage


# -- deletions and privacy --


def test_deleted_applications_vanish_without_a_trace():
    client = Client()
    application = client.active()
    id = str(application["id"])
    client.sim.delete(id)
    assert client.get("applications", ids=id).json == []
    assert client.get("application_stages", application_ids=id).json == []
    assert id not in client.sim.truth() and client.sim.deleted() == {id}
    assert client.post(f"applications/{id}/unreject").status == 404
    hook = last_hook(client)
    assert hook["action"] == "delete_application"
    assert hook["payload"]["application"]["candidate_id"] == application["candidate_id"]
    assert client.get("candidates", ids=application["candidate_id"]).json
    assert client.get("applications", include_deleted="true").status == 422


def test_deleted_candidate_takes_all_applications_in_one_message():
    client = Client()
    application = client.active()
    client.sim.delete_candidate(str(application["id"]))
    assert client.get("candidates", ids=application["candidate_id"]).json == []
    hook = last_hook(client)
    assert hook["action"] == "delete_candidate"
    assert application["id"] in hook["payload"]["deleted_application_ids"]
    assert len([d for d in client.sim.hook_outbox if d.action.startswith("delete")]) == 1


def test_merge_hands_the_applications_over():
    client = Client()
    loser, survivor = client.active(), client.active(1)
    client.sim.merge(str(loser["id"]), str(survivor["id"]))
    assert client.get("candidates", ids=loser["candidate_id"]).json == []
    assert client.one("applications", loser["id"])["candidate_id"] == survivor["candidate_id"]
    assert client.sim.truth()[str(loser["id"])].candidate == str(survivor["candidate_id"])
    hook = last_hook(client)
    assert hook["action"] == "merge_candidate"
    assert hook["payload"]["new_candidate_id"] == survivor["candidate_id"]
    assert hook["payload"]["person"]["id"] == loser["candidate_id"]
    # One message, which stands for the deletion too.
    assert [d.action for d in client.sim.hook_outbox] == ["merge_candidate"]


def test_anonymised_people_lose_their_name_and_keep_their_stage():
    client = Client()
    application = client.active(1)
    client.sim.anonymise(str(application["id"]))
    person = client.one("candidates", application["candidate_id"])
    assert (person["first_name"], person["last_name"]) == ("Anonymized", str(person["id"]))
    assert person["email_addresses"] == [] and person["company"] is None
    after = client.one("applications", application["id"])
    assert after["job_interview_stage_id"] == application["job_interview_stage_id"]
    assert after["location_address"] is None and after["created_at"] == application["created_at"]
    hook = last_hook(client)
    assert hook["action"] == "candidate_anonymized" and hook["payload"]["anonymized_fields"]


def test_anonymised_stage_data_looks_like_a_new_application():
    client = Client(anonymise_stage_data=True)
    application = client.active(1)
    client.clock.now += 60
    client.sim.anonymise(str(application["id"]))
    after = client.one("applications", application["id"])
    assert after["created_at"] > application["created_at"]
    first = client.stages(application["job_id"])[0]["id"]
    assert after["job_interview_stage_id"] == first
    assert client.sim.truth()[str(application["id"])].history == (str(first),)


# -- web hooks --


def test_hooks_keep_the_v1_shape_and_are_signed_over_the_raw_body():
    client = Client()
    application = client.active()
    person = application["candidate_id"]
    client.sim.account["candidates"].change(person, first_name="Zoë <b>")
    target = client.sim.stages_for(str(application["id"]))[0]
    client.sim.move(str(application["id"]), target)
    delivery = client.sim.hook_outbox[-1]
    secret = client.sim.configuration()["hook_secret"]
    mark = hmac.new(secret.encode(), delivery.body, hashlib.sha256).hexdigest()
    assert delivery.header("Signature") == f"sha256 {mark}"
    assert b"Zo\\u00eb \\u003cb\\u003e" in delivery.body
    hook = json.loads(delivery.body)
    shown = hook["payload"]["application"]
    assert hook["action"] == "candidate_stage_change"
    assert (shown["status"], shown["current_stage"]["id"]) == ("active", int(target))
    assert shown["jobs"][0]["id"] == application["job_id"]
    assert shown["candidate"]["first_name"] == "Zoë <b>"


def test_hooks_write_times_in_whole_seconds_as_v1_did():
    client = Client()
    id = str(client.active()["id"])
    client.clock.now += 0.125
    client.sim.reject(id, client.sim.reasons("rejected")[0])
    shown = last_hook(client)["payload"]["application"]
    assert client.one("applications", int(id))["rejected_at"] == "2026-09-21T14:13:20.375Z"
    assert shown["rejected_at"] == shown["last_activity_at"] == "2026-09-21T14:13:20Z"
    assert len(shown["applied_at"]) == 20
    assert shown["rejection_reason"]["id"] == int(client.sim.reasons("rejected")[0])


def test_what_its_own_hook_was_sent_is_signed_with_the_secret_it_is_configured_with():
    client = Client(20)
    other = Webhook("another")
    client.sim.hooks.save(other)
    client.sim.apply(name="A B", email=None)
    (sent,) = client.sim.deliveries()
    mark = hmac.new(client.sim.configuration()["hook_secret"].encode(), sent.body, hashlib.sha256)
    assert sent.headers["signature"] == f"sha256 {mark.hexdigest()}"
    assert json.loads(sent.body)["action"] == "new_candidate_application"
    forged = client.sim.unsigned(sent)
    assert "signature" not in forged.headers and forged.body == sent.body


def test_each_delivery_has_its_own_event_id():
    client = Client()
    id = str(client.active()["id"])
    client.sim.reject(id, client.sim.reasons("rejected")[0])
    client.sim.reactivate(id)
    client.sim.hire(id)
    assert [d.action for d in client.sim.hook_outbox] == [
        "reject_candidate",
        "unreject_candidate",
        "hire_candidate",
    ]
    assert len({d.header("Greenhouse-Event-ID") for d in client.sim.hook_outbox}) == 3


def test_saved_hook_has_its_headers_and_actions():
    client = Client()
    hook = Webhook("s", frozenset({"update_candidate"}), basic=("u", "p"), headers=(("X-Mine", "1"),))
    ping = client.sim.hooks.save(hook)
    assert json.loads(ping.body)["action"] == "ping"
    client.sim.edit(str(client.active()["id"]))
    (sent,) = [d for d in client.sim.hook_outbox if d.hook is hook and d is not ping]
    assert sent.action == "update_candidate"
    assert (sent.header("X-Mine"), sent.header("Authorization")) == ("1", "Basic dTpw")


def test_failed_ping_disables_the_hook():
    client = Client(20)
    hook = Webhook("s")
    client.sim.hooks.answered(client.sim.hooks.save(hook), 500)
    client.sim.apply(name="A B", email=None)
    assert [d.action for d in client.sim.hook_outbox if d.hook is hook] == ["ping"]
    hook.enabled = True
    client.sim.apply(name="A B", email=None)
    assert client.sim.hook_outbox[-1].hook is hook


def test_failed_deliveries_are_tried_seven_times():
    client = Client(20)
    client.sim.apply(name="A B", email=None)
    waits = []
    while due := client.sim.hooks.due():
        client.sim.hooks.answered(due[0], 503 if len(waits) % 2 else None)
        waits.append(due[0].due and (due[0].due - client.clock.now) / 60)
        client.clock.now = due[0].due or client.clock.now
    assert waits == [1, 15, 60, 120, 240, 480, None]


def test_answer_200_ends_a_delivery_and_202_only_if_set():
    for lenient in (False, True):
        client = Client(20, hook_accepts_any_2xx=lenient)
        client.sim.apply(name="A B", email=None)
        delivery = client.sim.hook_outbox[-1]
        client.sim.hooks.answered(delivery, 202)
        assert delivery.delivered is lenient
        client.sim.hooks.answered(delivery, 200)
        assert delivery.delivered and delivery.due is None


# -- accounts --


def test_same_seed_same_account():
    one, two = (GreenhouseSimulator.generate(150, seed=3, clock=Clock()) for _ in range(2))
    other = GreenhouseSimulator.generate(150, seed=4, clock=Clock())
    shown = [[list(t) for t in sim.account.tables.values()] for sim in (one, two, other)]
    assert shown[0] == shown[1] != shown[2]
    assert len(one.account["applications"]) == 150


def test_generated_account_has_all_kinds():
    sim = Client(1000).sim
    truth = sim.truth()
    assert {t.status for t in truth.values()} == {"active", "rejected", "withdrawn", "hired", "converted"}
    people = [t.candidate for t in truth.values()]
    assert len(set(people)) < len(people)
    now = sim.account.now()
    assert all(r["created_at"] <= r["updated_at"] <= now for t in sim.account.tables.values() for r in t)
    users = list(sim.account["users"])
    assert any(u["deactivated"] for u in users) and any(not u["site_admin"] for u in users)
    assert any(row["entered_at"] is None for row in sim.account["application_stages"])
    rejected = [r for r in sim.account["applications"] if r["status"] == "rejected"]
    assert all(sim.account.detail(r["id"]) for r in rejected)


def test_folder_and_back(tmp_path):
    client = Client()
    client.sim.to_folder(tmp_path)
    recorded = json.loads((tmp_path / "jobs.json").read_text())
    assert recorded["path"] == "/v3/jobs" and recorded["pages"][0]["status"] == 200
    again = GreenhouseSimulator.from_folder(tmp_path, clock=client.clock, limits="off")
    assert again.truth() == client.sim.truth()
    assert again.account.extras.default_reasons == client.sim.account.extras.default_reasons
    assert again.account.service_user == client.sim.account.service_user
    for name, table in client.sim.account.tables.items():
        assert list(again.account[name]) == list(table)
    id = again.apply(name="New Comer", email=None)
    assert int(id) > max(map(int, client.sim.truth()))


def test_folder_without_the_newer_fields_and_with_failed_pages(tmp_path):
    client = Client()
    client.sim.to_folder(tmp_path)
    file = tmp_path / "applications.json"
    recorded = json.loads(file.read_text())
    for record in (r for page in recorded["pages"] for r in page["body"]):
        del record["job_interview_stage_id"], record["rejection_reason_id"]
    recorded["pages"].insert(0, {"params": {}, "status": 429, "body": {"errors": ["wait"]}})
    file.write_text(json.dumps(recorded))
    again = GreenhouseSimulator.from_folder(tmp_path, clock=client.clock)
    assert again.truth() == client.sim.truth()
    (tmp_path / "other.json").write_text('{"path": "/v3/weather", "pages": []}')
    with pytest.raises(ValueError, match="weather"):
        GreenhouseSimulator.from_folder(tmp_path)


def test_empty_account_can_be_connected_to():
    clock = Clock()
    sim = GreenhouseSimulator(clock=clock)
    assert sim.truth() == {} and sim.deleted() == frozenset()
    assert {"client_id", "client_secret"} == set(sim.credentials)


def test_every_switch_is_explained_and_others_are_refused():
    assert set(GreenhouseSimulator.settings) == set(Settings.__slots__) - {"__weakref__"}
    assert all(GreenhouseSimulator.settings.values())
    with pytest.raises(TypeError):
        GreenhouseSimulator(no_such_switch=True)
    with pytest.raises(ValueError):
        GreenhouseSimulator(from_stage_id_is="stage_name")


class Histories(RuleBasedStateMachine):
    """Whatever people do, the account stays whole and the API shows what is so."""

    def __init__(self) -> None:
        super().__init__()
        self.client = Client(40)
        self.sim = self.client.sim

    def pick(self, at: int, status: str | None = None) -> str | None:
        ids = [id for id, t in self.sim.truth().items() if status is None or (t.status == status and t.job)]
        return ids[at % len(ids)] if ids else None

    @rule(at=st.integers(0, 999), to=st.integers(0, 9))
    def move(self, at, to):
        if (id := self.pick(at, "active")) and (stages := self.sim.stages_for(id)):
            self.sim.move(id, stages[to % len(stages)])

    @rule(at=st.integers(0, 999), theirs=st.booleans())
    def reject(self, at, theirs):
        if id := self.pick(at, "active"):
            self.sim.reject(id, self.sim.reasons("withdrawn" if theirs else "rejected")[0])

    @rule(at=st.integers(0, 999))
    def reactivate(self, at):
        if id := self.pick(at, "rejected"):
            self.sim.reactivate(id)

    @rule(at=st.integers(0, 999))
    def hire(self, at):
        if id := self.pick(at, "active"):
            self.sim.hire(id)

    @rule(at=st.integers(0, 999))
    def delete(self, at):
        if id := self.pick(at):
            self.sim.delete(id)

    @rule(at=st.integers(0, 999), other=st.integers(0, 999))
    def merge(self, at, other):
        loser, survivor = self.pick(at), self.pick(other)
        truth = self.sim.truth()
        if loser and survivor and truth[loser].candidate != truth[survivor].candidate:
            self.sim.merge(loser, survivor)

    @rule()
    def apply(self):
        with suppress(ValueError):  # the jobs may all have been filled
            self.sim.apply(name="New Person", email="new@example.com")

    @rule(seconds=st.integers(1, 600))
    def wait(self, seconds):
        self.client.clock.now += seconds
        self.client.token = self.client.mint().json["access_token"]

    @invariant()
    def lists_show_the_truth(self):
        listed = self.client.all("applications", per_page=500)
        truth = self.sim.truth()
        assert [str(a["id"]) for a in listed] == sorted(truth, key=int, reverse=True)
        rows = {r["id"]: r for r in self.client.all("application_stages", per_page=500)}
        current = {r["application_id"] for r in rows.values() if r["current"]}
        for application in listed:
            here = truth[str(application["id"])]
            stage = application["job_interview_stage_id"]
            assert here.stage == (str(stage) if stage else None)
            assert (application["id"] in current) is (application["stage_id"] is not None)
            if stage:
                assert rows[application["stage_id"]]["job_interview_stage_id"] == stage
            assert application["candidate_id"] in self.sim.account["candidates"]


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=8, stateful_step_count=20, deadline=None)


# -- a receiver on this machine --


def test_the_web_hook_posts_to_a_receiver_on_loopback_and_begins_with_a_ping():
    client = Client(20, hook_url="http://127.0.0.1:9/hooks")
    assert client.sim.posts_hooks and not Client(20).sim.posts_hooks
    (ping,) = client.sim.hooks_due()
    assert (ping.url, json.loads(ping.body)["action"]) == ("http://127.0.0.1:9/hooks", "ping")
    assert client.sim.hooks_due() == []
    ping.answered(200)
    client.sim.apply(name="A B", email=None)
    (post,) = client.sim.hooks_due()
    mark = hmac.new(client.sim.configuration()["hook_secret"].encode(), post.body, hashlib.sha256)
    assert dict(post.headers)["Signature"] == f"sha256 {mark.hexdigest()}"
    post.answered(500)
    assert client.sim.hooks_due() == []
    client.clock.now += 60
    (again,) = client.sim.hooks_due()
    assert (again.body, again.headers) == (post.body, post.headers)
    again.answered(None)
    assert client.sim.hook_outbox[-1].due == client.clock.now + 15 * 60


def test_a_receiver_that_fails_the_ping_is_sent_nothing_more():
    client = Client(20, hook_url="http://127.0.0.1:9/hooks")
    client.sim.hooks_due()[0].answered(None)
    client.sim.apply(name="A B", email=None)
    assert client.sim.hooks_due() == []


def test_what_a_hire_and_a_rejection_close_is_told_too():
    client = Client(200)
    offers = client.all("offers", status="Created", per_page=500)
    live = {a["id"] for a in client.all("applications", status="active", per_page=500)}
    offer = next(o for o in offers if o["application_id"] in live)
    client.sim.reject(str(offer["application_id"]), client.sim.reasons("rejected")[0])
    told = [json.loads(d.body) for d in client.sim.hook_outbox]
    (voided,) = [t["payload"] for t in told if t["action"] == "offer_updated"]
    assert (voided["id"], voided["status"]) == (offer["id"], "Deprecated")
    application = client.active()
    job = application["job_id"]
    spare = client.openings(job)[1:]
    for opening in spare:
        client.sim.account["openings"].change(opening["id"], open=False)
    client.sim.hire(str(application["id"]))
    told = [json.loads(d.body) for d in client.sim.hook_outbox]
    (closed,) = [t["payload"]["job"] for t in told if t["action"] == "job_updated"]
    assert (closed["id"], closed["status"]) == (job, "closed")
