"""The write endpoints: guards, transitions, what each touches, what each refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from greenhouse_client import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from atsbridge.simulators.interface import SimRequest, Truth


def move(client: Client, application: Any, **body: Any) -> Any:
    body.setdefault("from_stage_id", application["job_interview_stage_id"])
    return client.post(f"applications/{application['id']}/move", body)


def reject(client: Client, application: Any, key: str = "WE_REJECTED_THEM", **body: Any) -> Any:
    body = {"rejection_reason_id": client.reason(key)} | body
    return client.post(f"applications/{application['id']}/reject", body)


def hire(client: Client, application: Any, **body: Any) -> Any:
    if "opening_id" not in body:
        body["opening_id"] = client.openings(application["job_id"])[0]["id"]
    return client.post(f"applications/{application['id']}/hire", body)


def next_stage(client: Client, application: Any) -> int:
    return client.stages(application["job_id"])[1]["id"]


# -- moving --


def test_move_is_204_empty_and_shows_on_reading():
    client = Client()
    application = client.active()
    target = next_stage(client, application)
    answer = move(client, application, to_stage_id=target)
    assert (answer.status, answer.body) == (204, b"")
    moved = client.one("applications", application["id"])
    assert moved["job_interview_stage_id"] == target
    assert moved["stage_name"] == client.one("job_interview_stages", target)["name"]
    assert moved["stage_id"] != application["stage_id"]


def test_move_closes_a_row_and_opens_one():
    client = Client()
    application = client.active()
    client.clock.now += 60
    move(client, application, to_stage_id=next_stage(client, application))
    new, old = client.get("application_stages", application_ids=application["id"]).json
    assert (old["id"], old["current"]) == (application["stage_id"], False)
    assert new["current"] and new["exited_at"] is None
    assert old["exited_at"] == new["entered_at"] == new["created_at"] == old["updated_at"]


def test_guard_refuses_a_stage_that_is_not_the_current_one():
    client = Client()
    application = client.active()
    first, second, third, *_ = (s["id"] for s in client.stages(application["job_id"]))
    assert move(client, application, from_stage_id=second, to_stage_id=third).status == 422
    assert move(client, application, to_stage_id=second).status == 204
    # The same once more: the stage has changed.
    again = move(client, application, to_stage_id=second)
    assert again.status == 422 and again.errors
    assert client.one("applications", application["id"])["job_interview_stage_id"] == second
    assert first != second
    assert len(client.sim.accepted) == 1


def test_guard_can_compare_with_the_row_id():
    client = Client(from_stage_id_is="stage_id")
    application = client.active()
    target = next_stage(client, application)
    assert move(client, application, to_stage_id=target).status == 422
    assert move(client, application, from_stage_id=application["stage_id"], to_stage_id=target).status == 204


def test_without_the_guard_any_from_stage_goes():
    client = Client(move_guard=False)
    application = client.active()
    assert (
        move(client, application, from_stage_id=1, to_stage_id=next_stage(client, application)).status == 204
    )


def test_advance_leaves_the_targets_out():
    client = Client()
    application = client.active()
    assert move(client, application).status == 204
    stages = client.stages(application["job_id"])
    for stage in stages[1:]:
        now = client.one("applications", application["id"])
        assert now["job_interview_stage_id"] == stage["id"]
        last = move(client, now)
    assert last.status == 422


def test_transfer_lands_on_the_first_stage_of_the_other_job():
    client = Client()
    application = client.active(1)
    open_jobs = [j for j in client.all("jobs", status="open") if j["id"] != application["job_id"]]
    job = open_jobs[0]["id"]
    first = client.stages(job)[0]["id"]
    both = move(client, application, to_job_id=job, to_stage_id=first)
    assert both.status == 422
    assert move(client, application, to_job_id=job).status == 204
    moved = client.one("applications", application["id"])
    assert (moved["job_id"], moved["job_interview_stage_id"]) == (job, first)
    template = next(j["id"] for j in client.all("jobs") if j["is_template"])
    assert move(client, moved, to_job_id=template).status == 422


def test_transfer_with_a_stage_is_a_setting():
    client = Client(transfer_takes_stage=True)
    application = client.active()
    job = next(j["id"] for j in client.all("jobs", status="open") if j["id"] != application["job_id"])
    second = client.stages(job)[1]["id"]
    assert move(client, application, to_job_id=job, to_stage_id=second).status == 204
    assert client.one("applications", application["id"])["job_interview_stage_id"] == second


def test_target_must_be_an_active_stage_of_the_same_job():
    client = Client()
    application = client.active()
    target = next_stage(client, application)
    foreign = next(
        s["id"] for s in client.all("job_interview_stages") if s["job_id"] != application["job_id"]
    )
    assert move(client, application, to_stage_id=foreign).status == 422
    assert move(client, application, to_stage_id=application["stage_id"]).status == 422
    client.sim.deactivate_stage(str(target))
    assert move(client, application, to_stage_id=target).status == 422


def test_a_move_may_mail_the_candidate():
    client = Client()
    application = client.active()
    target = next_stage(client, application)
    client.sim.account.extras.mailing_stages.clear()
    client.sim.account.extras.mailing_stages.add(target)
    move(client, application, to_stage_id=target)
    assert [(m.application, m.cause) for m in client.sim.mails] == [(application["id"], "move")]


@pytest.mark.parametrize(
    "body",
    [
        {"to_stage_id": 5},
        {"from_stage_id": "5"},
        {"from_stage_id": True},
        {"from_stage_id": 5, "stage": 6},
        {"from_stage_id": 5, "email_from_user_id": 6},
        [],
        "move",
    ],
)
def test_bad_bodies_are_422(body):
    client = Client()
    application = client.active()
    answer = client.post(f"applications/{application['id']}/move", body)
    assert answer.status == 422 and answer.errors
    assert client.sim.accepted == []


def test_broken_json_is_422_and_unknown_keys_may_be_let_through():
    client = Client(strict_bodies=False)
    application = client.active()
    assert client.send("POST", f"/v3/applications/{application['id']}/move", b"{").status == 422
    assert move(client, application, colour="red").status == 204


def test_a_body_is_sent_as_json():
    client = Client()
    application = client.active()
    headers = {"authorization": f"Bearer {client.token}", "content-type": "text/plain"}
    body = json.dumps({"from_stage_id": application["job_interview_stage_id"]}).encode()
    target = f"/v3/applications/{application['id']}/move"
    assert client.sim.respond(SimRequest("POST", target, headers, body)).status == 422
    headers["content-type"] = "application/json; charset=utf-8"
    assert client.sim.respond(SimRequest("POST", target, headers, body)).status == 204


def test_a_write_answers_with_nothing_but_says_where_the_limit_stands():
    client = Client(limits="sheet", rate_limit=1000)
    answer = move(client, client.active())
    assert (answer.status, answer.body) == (204, b"")
    assert answer.header("X-RateLimit-Remaining") and answer.header("Content-Type") is None


@pytest.mark.parametrize("space", ["job_interview_stage_id", "stage_id"])
def test_a_target_is_a_stage_of_the_job_in_either_id_space(space):
    client = Client(from_stage_id_is=space)
    application = client.active()
    # The row of another application that stands in the very stage that is meant.
    target = next_stage(client, application)
    rows = client.get("application_stages", job_interview_stage_ids=target).json
    here = application[space]
    assert move(client, application, from_stage_id=here, to_stage_id=rows[0]["id"]).status == 422
    assert move(client, application, from_stage_id=here, to_stage_id=target).status == 204


# Every way in which an unchanged move is refused, and how a plain client sees it.
REFUSALS = {
    "every stage it could go to is taken out of the job's plan": 422,
    "the scope to move is taken back": 403,
    "the acting user may not see the job any more": 403,
    "it was rejected meanwhile": 422,
    "it was hired meanwhile": 422,
    "it moved on meanwhile": 422,
    "the application is deleted": 404,
}


def test_every_obstacle_has_its_answer():
    assert REFUSALS.keys() == Client(20).sim.obstacles().keys()


@pytest.mark.parametrize("obstacle", REFUSALS)
def test_an_obstacle_makes_a_move_be_refused(obstacle):
    client = Client()
    application = client.active()
    target = next_stage(client, application)
    client.sim.obstacles()[obstacle](str(application["id"]))
    before = client.sim.truth()
    assert move(client, application, to_stage_id=target).status == REFUSALS[obstacle]
    assert client.sim.accepted == [] and client.sim.truth() == before


def test_unknown_application_is_404_or_as_set():
    assert Client(20).post("applications/5/move", {"from_stage_id": 1}).status == 404
    assert Client(20, unknown_id_status=422).post("applications/5/unreject").status == 422


# -- what a change touches --

TOUCHES = ("updated_at", "last_activity_at", "application_stages")


def touched(client: Client, application: Any, since: str) -> set[str]:
    """By which of three filters the change is found."""
    id, found = application["id"], set()
    for column in ("updated_at", "last_activity_at"):
        if client.get("applications", ids=id, **{column: f"gte|{since}"}).json:
            found.add(column)
    if client.get("application_stages", application_ids=id, updated_at=f"gte|{since}").json:
        found.add("application_stages")
    return found


def switches(kind: str, on: set[str]) -> dict[str, bool]:
    names = {
        "updated_at": f"{kind}_bumps_updated_at",
        "last_activity_at": f"{kind}_bumps_last_activity_at",
        "application_stages": f"{kind}_touches_application_stages",
    }
    return {switch: touch in on for touch, switch in names.items()}


@given(on=st.sets(st.sampled_from(TOUCHES)), by_person=st.booleans())
@settings(max_examples=16, deadline=None)
def test_a_move_touches_what_the_switches_say(on, by_person):
    client = Client(60, **switches("move", on))
    application = next(a for a in client.get("applications", status="active", prospect="false").json)
    target = client.sim.stages_for(str(application["id"]))[0]
    client.clock.now += 60
    since = client.sim.account.now()
    if by_person:
        client.sim.move(str(application["id"]), target)
    else:
        assert move(client, application, to_stage_id=int(target)).status == 204
    assert touched(client, application, since) == on


@given(on=st.sets(st.sampled_from(TOUCHES)))
@settings(max_examples=8, deadline=None)
def test_a_change_of_status_touches_what_the_switches_say(on):
    client = Client(60, **switches("status", on))
    application = next(a for a in client.get("applications", status="active", prospect="false").json)
    acts = (
        lambda: reject(client, application),
        lambda: client.post(f"applications/{application['id']}/unreject"),
    )
    for act in acts:
        client.clock.now += 60
        since = client.sim.account.now()
        assert act().status == 204
        assert touched(client, application, since) == on


def test_by_default_a_move_leaves_updated_at_alone():
    client = Client()
    application = client.active()
    client.clock.now += 60
    since = client.sim.account.now()
    move(client, application)
    assert touched(client, application, since) == {"last_activity_at", "application_stages"}
    reject(client, client.active(1))
    assert client.get("rejection_details", updated_at=f"gte|{since}").json


def test_a_write_shows_only_after_a_while():
    client = Client(visible_after=5)
    application = client.active()
    target = next_stage(client, application)
    move(client, application, to_stage_id=target)
    assert client.one("applications", application["id"]) == application
    assert len(client.get("application_stages", application_ids=application["id"]).json) == 1
    # What is really so has changed, and counts for the next write.
    assert client.sim.truth()[str(application["id"])].stage == str(target)
    assert move(client, application, to_stage_id=target).status == 422
    client.clock.now += 5
    assert client.one("applications", application["id"])["job_interview_stage_id"] == target
    assert len(client.get("application_stages", application_ids=application["id"]).json) == 2


def test_a_row_that_goes_is_seen_for_a_while():
    client = Client(visible_after=5)
    application = client.active()
    reject(client, application)
    client.clock.now += 10
    assert client.post(f"applications/{application['id']}/unreject").status == 204
    assert client.get("rejection_details", application_ids=application["id"]).json
    client.clock.now += 10
    assert client.get("rejection_details", application_ids=application["id"]).json == []
    listed = client.all("rejection_details", per_page=500)
    assert len({r["id"] for r in listed}) == len(listed)


# -- rejecting and back --


def test_reject_and_unreject():
    client = Client()
    application = client.active(1)
    answer = reject(client, application, notes="Sorry", custom_fields=[{"name_key": "why", "value": "x"}])
    assert (answer.status, answer.body) == (204, b"")
    rejected = client.one("applications", application["id"])
    assert rejected["status"] == "rejected" and rejected["stage_id"] is None
    (detail,) = client.get("rejection_details", application_ids=application["id"]).json
    assert detail["rejection_reason_id"] == rejected["rejection_reason_id"]
    assert detail["question_custom_fields"]["why"]["value"] == "x"
    assert client.sim.account.extras.notes[detail["rejection_note_id"]] == "Sorry"
    back = client.send("POST", f"/v3/applications/{application['id']}/unreject", b"{}")
    assert (back.status, back.body) == (204, b"")
    again = client.one("applications", application["id"])
    assert again["status"] == "in_process"
    assert again["job_interview_stage_id"] == application["job_interview_stage_id"]
    assert (again["rejection_reason_id"], again["rejected_at"]) == (None, None)
    assert client.get("rejection_details", application_ids=application["id"]).json == []
    assert client.sim.account.extras.notes == {}


def test_reason_may_outlive_unreject():
    client = Client(unreject_clears_reason=False)
    application = client.active()
    reject(client, application)
    client.post(f"applications/{application['id']}/unreject")
    assert client.one("applications", application["id"])["rejection_reason_id"] == client.reason()
    assert client.sim.truth()[str(application["id"])].reason is None


@pytest.mark.parametrize(
    ("key", "status"),
    [("WE_REJECTED_THEM", "rejected"), ("NONE_SPECIFIED", "rejected"), ("THEY_REJECTED_US", "withdrawn")],
)
def test_who_said_no_is_in_the_reasons_type(key, status):
    client = Client()
    application = client.active()
    reject(client, application, key)
    assert client.one("applications", application["id"])["status"] == "rejected"
    assert client.sim.truth()[str(application["id"])].status == status
    assert str(client.reason(key)) in client.sim.reasons(status)


def test_reject_twice_and_needless_unreject_are_422():
    client = Client()
    application = client.active()
    assert client.post(f"applications/{application['id']}/unreject").status == 422
    assert reject(client, application).status == 204
    assert reject(client, application).status == 422
    lenient = Client(second_reject_refused=False, needless_unreject_refused=False)
    application = lenient.active()
    assert lenient.post(f"applications/{application['id']}/unreject").status == 204
    assert [reject(lenient, application).status for _ in range(2)] == [204, 204]


def test_reject_needs_a_reason_that_exists():
    client = Client()
    application = client.active()
    assert client.post(f"applications/{application['id']}/reject", {}).status == 422
    assert reject(client, application, rejection_reason_id=1).status == 422
    assert client.send("POST", f"/v3/applications/{application['id']}/unreject", b'{"x":1}').status == 422


def test_reject_mails_only_if_told():
    client = Client()
    first, second = client.active(), client.active(1)
    reject(client, first)
    assert client.sim.mails == []
    sender = client.get("users", per_page=1).json[0]["id"]
    email = {"email_template_id": 4, "send_email_at": "2026-12-01T00:00:00Z", "email_from_user_id": sender}
    assert reject(client, second, rejection_email={"send_email_at": "soon"}).status == 422
    assert reject(client, second, rejection_email=email).status == 204
    assert [(m.cause, m.send_at) for m in client.sim.mails] == [("reject", "2026-12-01T00:00:00Z")]
    strict = Client(email_time_optional=False)
    assert reject(strict, strict.active(), rejection_email={"email_template_id": 4}).status == 422


def test_reject_voids_open_offers():
    client = Client(600)
    offer = client.get("offers", status="Created").json[0]
    application = client.one("applications", offer["application_id"])
    reject(client, application)
    voided = client.one("offers", offer["id"])
    assert voided["status"] == "Deprecated" and voided["resolved_at"]
    assert offer["id"] not in {o["id"] for o in client.all("offers", current_only="true")}


def test_reason_can_be_corrected():
    client = Client()
    application = client.active()
    reject(client, application)
    (detail,) = client.get("rejection_details", application_ids=application["id"]).json
    path, other = f"/v3/rejection_details/{detail['id']}", client.reason("THEY_REJECTED_US")
    answer = client.send("PATCH", path, b'{"rejection_reason_id":%d}' % other)
    assert answer.status == 200 and answer.json["rejection_reason_id"] == other
    assert client.one("applications", application["id"])["rejection_reason_id"] == other
    assert client.sim.truth()[str(application["id"])].status == "withdrawn"
    assert client.send("PATCH", path, b'{"rejection_note_id":1}').status == 422
    client.sim.authority.narrow("harvest:rejection_details:update")
    assert client.send("PATCH", path, b'{"rejection_reason_id":%d}' % other).status == 403


# -- hiring --


def test_hire_fills_its_opening_and_closes_the_job_with_the_last():
    client = Client()
    application = client.active()
    job = application["job_id"]
    openings = client.openings(job)
    start = {"start_date": "2026-12-01T00:00:00Z"}
    assert hire(client, application, opening_id=openings[0]["id"], **start).status == 204
    hired = client.one("applications", application["id"])
    assert (hired["status"], hired["stage_id"], hired["stage_name"]) == ("hired", None, None)
    filled = client.one("openings", openings[0]["id"])
    assert (filled["open"], filled["application_id"]) == (False, application["id"])
    reason = client.one("close_reasons", filled["close_reason_id"])
    assert reason["name"].startswith("Hire -")
    others = client.get("applications", job_ids=job, status="active").json
    for opening, other in zip(openings[1:], others, strict=False):
        assert client.one("jobs", job)["status"] == "open"
        assert hire(client, other, opening_id=opening["id"], close_reason_id=reason["id"]).status == 204
    closed = client.one("jobs", job)
    assert closed["status"] == "closed" and closed["closed_at"]


def test_opening_is_required_when_several_are_open():
    client = Client()
    application = client.active()
    assert client.post(f"applications/{application['id']}/hire").status == 422
    assert hire(client, application, opening_id=5).status == 422
    assert hire(client, application, close_reason_id=5).status == 422
    first, *rest = client.openings(application["job_id"])
    for opening in rest:
        client.sim.account["openings"].change(opening["id"], open=False)
    assert client.post(f"applications/{application['id']}/hire", {}).status == 204
    assert client.one("openings", first["id"])["application_id"] == application["id"]


def test_opening_rules_are_settings():
    client = Client(
        hire_requires_opening=False, hire_closes_job=False, hire_closes_opening=False, hire_answer=200
    )
    application = client.active()
    answer = client.post(f"applications/{application['id']}/hire")
    assert answer.status == 200 and answer.json["status"] == "hired"
    assert all(o["open"] for o in client.openings(application["job_id"]))


def test_hire_without_an_open_opening():
    for allowed, status in ((True, 204), (False, 422)):
        client = Client(hire_without_opening=allowed)
        application = client.active()
        client.sim.close_job(str(application["job_id"]))
        assert client.post(f"applications/{application['id']}/hire").status == status


def test_accepted_offer_names_the_opening():
    for defaults, status in ((True, 204), (False, 422)):
        client = Client(hire_defaults_from_offer=defaults)
        application = client.active()
        opening = client.openings(application["job_id"])[-1]["id"]
        client.sim.account.add(
            "offers", application_id=application["id"], opening_id=opening, status="Accepted"
        )
        assert client.post(f"applications/{application['id']}/hire").status == status


def test_answers_of_unreject_may_hold_the_record():
    client = Client(unreject_answer=200, has_rejection_reason_id=False)
    application = client.active()
    reject(client, application)
    answer = client.post(f"applications/{application['id']}/unreject")
    assert answer.status == 200 and answer.json["status"] == "in_process"
    assert "rejection_reason_id" not in answer.json


def test_hired_and_converted_are_terminal_for_the_api():
    client = Client(600)
    application = client.active()
    hire(client, application)
    for answer in (move(client, application), reject(client, application), hire(client, application)):
        assert answer.status == 422
    assert client.post(f"applications/{application['id']}/unreject").status == 422
    converted = client.get("applications", status="converted").json[0]
    assert reject(client, converted).status == 422


def test_rejected_applications_cannot_be_moved_or_hired():
    client = Client()
    application = client.active()
    reject(client, application)
    assert move(client, application).status == 422
    assert hire(client, application).status == 422


def test_closed_job_takes_writes_unless_set():
    for refuses, status in ((False, 204), (True, 422)):
        client = Client(closed_job_refuses_writes=refuses)
        application = client.active()
        client.sim.close_job(str(application["job_id"]))
        assert client.one("jobs", application["job_id"])["status"] == "closed"
        assert move(client, application).status == status


def test_closed_job_takes_nobody_back_where_it_takes_no_writes():
    for refuses, status in ((False, 204), (True, 422)):
        client = Client(closed_job_refuses_writes=refuses)
        application = client.active()
        under_way = client.all("applications", status="active", prospect="false")
        other = next(a for a in under_way if a["job_id"] != application["job_id"])
        reject(client, application)
        client.sim.close_job(str(application["job_id"]))
        assert client.post(f"applications/{application['id']}/unreject").status == status
        assert move(client, other, to_job_id=application["job_id"]).status == status


# -- prospects --


def test_prospects_are_converted_before_they_move():
    client = Client()
    prospect = client.get("applications", prospect="true", status="active").json[0]
    job = client.active()["job_id"]
    assert move(client, prospect, from_stage_id=1).status == 422
    assert client.post(f"applications/{prospect['id']}/hire").status == 422
    second = client.stages(job)[1]["id"]
    path = f"applications/{prospect['id']}/convert_to_candidate"
    assert client.post(path, {"job_id": job, "to_job_interview_stage_id": 1}).status == 422
    answer = client.post(path, {"job_id": job, "to_job_interview_stage_id": second})
    assert answer.status == 200
    made = client.one("applications", answer.json["id"])
    assert (made["candidate_id"], made["prospect"]) == (prospect["candidate_id"], False)
    assert made["job_interview_stage_id"] == second
    assert client.one("applications", prospect["id"])["status"] == "converted"
    assert client.post(path, {"job_id": job}).status == 422
    assert client.post(f"applications/{made['id']}/convert_to_candidate", {"job_id": job}).status == 422


def test_convert_lands_on_the_first_stage():
    client = Client(convert_answer=204)
    prospect = client.get("applications", prospect="true", status="active").json[0]
    job = client.active()["job_id"]
    answer = client.post(f"applications/{prospect['id']}/convert_to_candidate", {"job_id": job})
    assert (answer.status, answer.body) == (204, b"")
    newest = client.get("applications", per_page=1).json[0]
    assert newest["job_interview_stage_id"] == client.stages(job)[0]["id"]


# -- the log --


def test_accepted_writes_are_logged_with_before_and_after():
    client = Client()
    application = client.active()
    here, target = str(application["job_interview_stage_id"]), next_stage(client, application)
    move(client, application, from_stage_id=1, to_stage_id=target)
    move(client, application, to_stage_id=target)
    (entry,) = client.sim.accepted
    assert (entry.method, entry.target) == ("POST", f"/v3/applications/{application['id']}/move")
    assert entry.body == {"from_stage_id": int(here), "to_stage_id": target}
    assert entry.application == str(application["id"])
    assert entry.actor == str(client.sim.account.service_user)
    common = {"candidate": str(application["candidate_id"]), "job": str(application["job_id"])}
    assert entry.before == Truth(stage=here, status="active", history=(here,), **common)
    assert entry.after == Truth(stage=str(target), status="active", history=(here, str(target)), **common)


def test_truth_after_a_rejection_keeps_the_history():
    client = Client()
    application = client.active(1)
    history = client.sim.truth()[str(application["id"])].history
    reject(client, application)
    truth = client.sim.truth()[str(application["id"])]
    assert (truth.stage, truth.status, truth.reason) == (None, "rejected", str(client.reason()))
    assert truth.history == history and len(history) == 2


@given(
    action=st.sampled_from(["move", "reject", "unreject", "hire", "convert_to_candidate"]),
    body=st.binary(max_size=20)
    | st.sampled_from(
        [b"[" * 100_000, b'{"start_date": "0001-01-01T00:00:00+14:00", "from_stage_id": 1e400}']
    )
    | st.dictionaries(
        st.sampled_from(["from_stage_id", "rejection_reason_id", "start_date", "job_id", "rejection_email"]),
        st.none() | st.integers() | st.text(max_size=5) | st.floats() | st.dictionaries(st.text(), st.none()),
    ).map(lambda given: json.dumps(given).encode()),
)
@settings(max_examples=100, deadline=None)
def test_whatever_is_sent_is_answered_and_logged_if_accepted(fuzzed, action, body):
    log = len(fuzzed.sim.accepted)
    answer = fuzzed.send("POST", f"/v3/applications/{next(iter(fuzzed.sim.truth()))}/{action}", body)
    assert answer.status in (204, 422)
    assert len(fuzzed.sim.accepted) - log == (answer.status == 204)


@pytest.fixture(scope="module")
def fuzzed() -> Client:
    return Client(20)
