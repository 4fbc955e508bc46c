"""The simulated Recruitee, asked as anybody would, against the traps of its pages."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from atsbridge.simulators.interface import Limits, SimRequest, SimResponse
from atsbridge.simulators.recruitee import RecruiteeSimulator
from atsbridge.simulators.recruitee.simulator import COMPANY_ID, PER_MINUTE

NOW = 1_790_000_000.0


class World:
    """A simulator with a clock that stands still until told, asked with the token."""

    def __init__(self, count: int = 40, **settings: Any) -> None:
        self.now = NOW
        settings.setdefault("limits", Limits(None))
        self.sim = RecruiteeSimulator.generate(count, seed=2, clock=lambda: self.now, **settings)

    def ask(
        self, method: str, path: str, body: Any = None, *, company: Any = "acme", **headers: str
    ) -> SimResponse:
        token = self.sim.credentials["api_token"]
        named = {"authorization": f"Bearer {token}", **headers}
        content = b"" if body is None else json.dumps(body).encode()
        return self.sim.respond(SimRequest(method, f"/c/{company}{path}", named, content))

    def get(self, path: str, **query: Any) -> Any:
        answer = self.ask("GET", path + (f"?{urlencode(query)}" if query else ""))
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def refused(self, answer: SimResponse) -> tuple[int, str]:
        (error,) = json.loads(answer.body)["errors"]
        return answer.status, error["message"]

    def ids(self, **query: Any) -> list[int]:
        return [row["id"] for row in self.get("/candidates", **query)["candidates"]]

    def search(self, *filters: Any, **query: Any) -> Any:
        return self.get("/search/new/candidates", filters_json=json.dumps(filters), **query)

    def one(self, status: str = "active") -> tuple[str, str]:
        """Candidate and placement of the first application that stands so."""
        name = next(id for id, truth in sorted(self.sim.truth().items()) if truth.status == status)
        candidate, _, placement = name.partition(":")
        return candidate, placement

    def placement(self, candidate: str, id: str) -> Any:
        shown = self.get(f"/candidates/{candidate}")["candidate"]["placements"]
        return next((row for row in shown if str(row["id"]) == id), None)

    def stage(self, candidate: str, id: str, place: int = 0) -> int:
        return int(self.sim.stages_for(f"{candidate}:{id}")[place])


@pytest.fixture
def world() -> World:
    return World()


# -- the traps, by their numbers --


def test_trap_1_talent_pools_stand_among_the_jobs(world: World) -> None:
    kinds = {offer["kind"] for offer in world.get("/offers")["offers"]}
    assert kinds == {"job", "talent_pool"}
    pools = {o["id"] for o in world.get("/offers")["offers"] if o["kind"] == "talent_pool"}
    (pool,) = pools
    held = [p for stage in world.get(f"/offers/{pool}/placements")["stages"] for p in stage["placements"]]
    assert held
    assert not {f"{p['candidate_id']}:{p['id']}" for p in held} & world.sim.truth().keys()


@pytest.mark.parametrize("where", ["offer", "offers", "neither"])
def test_trap_2_a_hook_names_a_candidate_and_perhaps_a_job_and_no_placement(where: str) -> None:
    world = World(hook_offer=where)
    candidate, placement = world.one()
    world.sim.move(f"{candidate}:{placement}", str(world.stage(candidate, placement)))
    sent = json.loads(world.sim.deliveries()[-1].body)
    assert (sent["event_type"], sent["event_subtype"]) == ("candidate_moved", "stage_changed")
    payload = sent["payload"]
    assert str(payload["candidate"]["id"]) == candidate
    assert payload["details"].keys() == {"from_stage", "to_stage"}
    assert payload.keys() & {"offer", "offers"} == ({where} - {"neither"})
    assert "placement" not in json.dumps(payload)


def test_trap_2_no_request_reads_a_placement_by_its_own_id(world: World) -> None:
    _, placement = world.one()
    assert world.ask("GET", f"/placements/{placement}").status == 404


def test_trap_3_what_is_not_known_is_ignored_and_the_answer_is_of_everything(world: World) -> None:
    everybody = world.ids(limit=1000)
    assert world.ids(limit=1000, updated_after="2030-01-01T00:00") == everybody
    total = world.search()["total"]
    assert world.search({"field": "updated_at", "gte": 9e9})["total"] == total == len(everybody)
    assert world.search(query="nobody at all")["total"] == total
    assert world.get("/offers", scope="open")["offers"] == world.get("/offers")["offers"]


def test_trap_3_of_two_filters_about_one_thing_the_later_counts_alone(world: World) -> None:
    stages = [{"filter": "stages", "name": {"in": [name]}} for name in ("Hired", "Interview")]
    both, last = world.search(*stages), world.search(stages[1])
    assert both == last != world.search(stages[0])
    assert 0 < last["total"] < world.search()["total"]


def test_trap_4_the_index_is_behind_what_the_database_shows() -> None:
    world = World(index_lag_seconds=60.0)
    name = world.sim.apply(name="Ada Berg", email="ada@example.com")
    candidate = int(name.partition(":")[0])
    assert world.ids(limit=1) == [candidate]
    latest = {"sort_by": "last_activity_at_desc", "limit": 1}
    assert world.search(**latest)["hits"][0]["id"] != candidate
    world.now += 61
    assert world.search(**latest)["hits"][0]["id"] == candidate
    world.sim.delete(name)
    assert world.ask("GET", f"/candidates/{candidate}").status == 404
    assert world.search(**latest)["hits"][0]["id"] == candidate
    world.now += 61
    assert world.search(**latest)["hits"][0]["id"] != candidate


def test_trap_5_a_company_is_a_number_or_a_subdomain_and_no_host(world: World) -> None:
    for company in (COMPANY_ID, "acme"):
        assert world.ask("GET", "/admins?limit=1", company=company).status == 200
    assert world.refused(world.ask("GET", "/offers", company="acme.recruitee.com")) == (
        422, "Company id is invalid",
    )  # fmt: skip
    assert world.ask("GET", "/offers", company="another").status == 403


def test_trap_6_a_job_that_the_tokens_owner_does_not_see_is_missing_without_a_word(world: World) -> None:
    candidate, placement = world.one()
    job = world.sim.truth()[f"{candidate}:{placement}"].job
    before = len(world.get("/offers", scope="default,archived")["offers"])
    hidden = world.sim.hide(f"{candidate}:{placement}")
    assert len(world.get("/offers", scope="default,archived")["offers"]) == before - 1
    shown = {
        f"{p['candidate_id']}:{p['id']}"
        for c in world.get("/candidates")["candidates"]
        for p in c["placements"]
    }
    assert hidden and not hidden & shown
    assert world.ask("GET", f"/offers/{job}/placements").status == 403
    moved = world.ask("PATCH", f"/placements/{placement}/change_stage", {"placement": {"stage_id": 1}})
    assert moved.status == 403
    assert world.ask("GET", "/offers", authorization="Bearer somebody").status == 401


def test_trap_7_a_move_of_who_is_disqualified_qualifies_them_again(world: World) -> None:
    candidate, placement = world.one("rejected")
    before = world.placement(candidate, placement)
    assert before["disqualified_at"] and before["disqualify_reason"] in ("Not a fit", "Position filled")
    stages = {
        s["id"] for s in world.get(f"/offers/{before['offer_id']}")["offer"]["pipeline_template"]["stages"]
    }
    assert before["stage_id"] in stages
    there = min(stages - {before["stage_id"]})
    answer = world.ask("PATCH", f"/placements/{placement}/change_stage", {"placement": {"stage_id": there}})
    assert answer.status == 200
    after = world.placement(candidate, placement)
    assert (after["stage_id"], after["disqualified_at"], after["disqualify_reason"]) == (there, None, None)
    subtypes = [json.loads(post.body).get("event_subtype") for post in world.sim.deliveries()[-2:]]
    assert subtypes == ["requalified", "stage_changed"]


def test_trap_8_without_limit_and_offset_everybody_is_in_one_answer() -> None:
    world = World(150)
    assert len(world.ids()) == len(world.sim.account.candidates) == 150
    assert len(world.ids(limit=20)) == 20
    assert len(world.ids(offset=0)) == 100


@pytest.mark.parametrize("contacts", ["text", "objects"])
def test_trap_9_contacts_are_texts_or_objects(contacts: str) -> None:
    world = World(contacts=contacts)
    found = [mail for c in world.get("/candidates")["candidates"] for mail in c["emails"]]
    assert found
    for mail in found:
        assert isinstance(mail, str) if contacts == "text" else set(mail) == {"normalized"}


def test_trap_10_a_test_comes_unsigned_and_everything_else_signed(world: World) -> None:
    world.sim.apply(name="Ada Berg", email="ada@example.com")
    ping, *others = world.sim.deliveries()
    assert json.loads(ping.body) == {"test": True}
    assert "x-recruitee-signature" not in ping.headers
    assert ping.headers["user-agent"] == "Recruitee-Webhooks"
    key = world.sim.credentials["hook_secret"].encode()
    assert others
    for post in others:
        assert post.headers["x-recruitee-signature"] == hmac.new(key, post.body, hashlib.sha256).hexdigest()


def test_trap_11_what_people_typed_comes_as_they_typed_it(world: World) -> None:
    name = world.sim.apply(name="<b>Ada</b> & Co", email="ada@example.com")
    assert world.get(f"/candidates/{name.partition(':')[0]}")["candidate"]["name"] == "<b>Ada</b> & Co"


# -- lists --


def test_jobs_by_scope_title_and_view(world: World) -> None:
    def statuses(**query: Any) -> set[str]:
        return {offer["status"] for offer in world.get("/offers", view_mode="brief", **query)["offers"]}

    assert statuses() == statuses(scope="not_archived") == {"published", "closed"}
    assert statuses(scope="archived") == {"archived"}
    assert statuses(scope="default,archived") == {"published", "closed", "archived"}
    assert statuses(scope="published") == {"published"}
    first = world.get("/offers")["offers"][0]
    found = world.get("/offers", q=first["title"].upper())
    assert first in found["offers"] and found["meta"]["total_count"] == len(found["offers"])
    assert "pipeline_template" not in world.get("/offers", view_mode="brief")["offers"][0]
    assert len(world.get("/offers", limit=1, offset=1)["offers"]) == 1


def test_a_job_shows_its_pipeline_and_its_counts(world: World) -> None:
    for offer in world.get("/offers")["offers"]:
        own = [t for t in world.sim.truth().values() if t.job == str(offer["id"])]
        if offer["kind"] != "job":
            continue
        out = sum(t.status in ("rejected", "withdrawn") for t in own)
        assert (offer["candidates_count"], offer["disqualified_candidates_count"]) == (len(own), out)
        stages = offer["pipeline_template"]["stages"]
        assert sum(stage["placements_count"] for stage in stages) == len(own)
        assert [stage["locked"] for stage in stages] == [True, False, False, False, False, True]
        alone = world.get(f"/offers/{offer['id']}")
        assert alone["offer"] == offer and alone["references"][0]["type"] == "Admin"


def test_pipeline_templates_are_listed_without_their_stages(world: World) -> None:
    offer = world.get("/offers")["offers"][0]["id"]
    listed = world.get(f"/offers/{offer}/pipeline_templates")["pipeline_templates"]
    assert len(listed) == 3 and not any("stages" in template for template in listed)


@pytest.mark.parametrize("nested", [False, True])
def test_a_jobs_placements_stand_stage_by_stage_the_disqualified_among_them(nested: bool) -> None:
    world = World(nested_candidates=nested, reason_ids=nested)
    truth, seen = world.sim.truth(), {}
    for job in {t.job for t in truth.values()}:
        for stage in world.get(f"/offers/{job}/placements")["stages"]:
            assert stage["placements_count"] == len(stage["placements"])
            for held in stage["placements"]:
                who = held["candidate"]["id"] if nested else held["candidate_id"]
                assert ("disqualify_reason_id" in held) is nested
                seen[f"{who}:{held['id']}"] = (str(stage["id"]), held["disqualified_at"] is not None)
    assert seen == {id: (t.stage, t.status in ("rejected", "withdrawn")) for id, t in truth.items()}


def test_candidates_by_every_filter(world: World) -> None:
    everybody = world.ids(limit=1000)
    assert everybody == sorted(everybody, key=lambda id: -world.sim.account.candidates[id]["created_at"])
    assert world.ids(ids=f"{everybody[3]},{everybody[5]},999999", limit=10) == [everybody[3], everybody[5]]
    out, still = world.ids(disqualified="true", limit=1000), world.ids(qualified="1", limit=1000)
    assert out and still and set(out) | set(still) <= set(everybody) and set(out) != set(everybody)
    job = world.get("/offers")["offers"][0]
    own = world.ids(offer_id=job["id"], limit=1000)
    assert len(own) == job["candidates_count"]
    assert set(own) <= set(world.ids(query=job["title"], limit=1000))
    middle = world.get(f"/candidates/{everybody[20]}")["candidate"]
    assert len(world.ids(created_after=middle["created_at"][:19], limit=1000)) == 21
    assert world.ids(with_messages="true", limit=1000) == []
    assert world.refused(world.ask("GET", "/candidates?created_after=yesterday"))[0] == 422


def test_a_candidate_brings_the_jobs_and_stages_of_their_placements(world: World) -> None:
    candidate, placement = world.one()
    shown = world.get(f"/candidates/{candidate}")
    held = world.placement(candidate, placement)
    beside = {(one["type"], one["id"]): one for one in shown["references"]}
    assert beside["Offer", held["offer_id"]]["kind"] == "job"
    assert beside["Stage", held["stage_id"]]["category"]
    assert world.get(f"/candidates/{candidate}/notes") == {"notes": []}


def test_the_search_is_cut_and_sorted_and_takes_no_more_than_ten_thousand(world: World) -> None:
    everybody = world.search(limit=10_000)
    assert everybody["total"] == len(everybody["hits"]) == 40
    assert world.ask("GET", "/search/new/candidates?limit=10001").status == 500
    pages = [world.search(limit=15, page=n, sort_by="created_at_asc")["hits"] for n in (1, 2, 3)]
    times = [hit["created_at"] for page in pages for hit in page]
    assert [len(page) for page in pages] == [15, 15, 10] and times == sorted(times)
    latest = [hit["last_activity_at"] for hit in world.search(sort_by="last_activity_at_desc")["hits"]]
    assert latest == sorted(latest, reverse=True)
    since = {"field": "created_at", "gte": NOW - 30 * 86_400}
    assert 0 < world.search(since)["total"] < 40
    hidden = World(activity_shown=False).search()["hits"]
    assert not any("last_activity_at" in hit for hit in hidden)


@pytest.mark.parametrize(
    "one",
    [
        {"field": "status", "in": ["disqualified"]},
        {"field": "disqualify_reasons", "has_any": True},
        {"filter": "jobs", "status": {"in": ["archived"]}},
    ],
)
def test_a_filter_of_the_search_leaves_some_out(world: World, one: Any) -> None:
    assert 0 < world.search(one)["total"] < 40


def test_reasons_users_and_departments(world: World) -> None:
    reasons = world.get("/disqualify_reasons")["disqualify_reasons"]
    assert [r["position"] for r in reasons] == [1, 2, 3, 4] and set(reasons[0]) == {"id", "name", "position"}
    assert len(world.get("/admins", limit=2)["admins"]) == 2
    assert len(world.get("/departments")["departments"]) == 3


# -- limits and refusals --


def test_more_than_sixty_a_minute_is_429_and_a_second_later_one_more_goes() -> None:
    for told in (True, False):
        world = World(limits=Limits(1.0), retry_after=told)
        assert [world.ask("GET", "/departments").status for _ in range(PER_MINUTE)] == [200] * PER_MINUTE
        answer = world.ask("GET", "/departments")
        assert (answer.status, answer.header("Retry-After")) == (429, "1" if told else None)
        world.now += 1
        assert world.ask("GET", "/departments").status == 200
        assert world.ask("GET", "/departments").status == 429


def test_every_answer_has_the_time(world: World) -> None:
    for path in ("/offers", "/nothing"):
        assert world.ask("GET", path).header("Date") == "Mon, 21 Sep 2026 14:13:20 GMT"


@pytest.mark.parametrize("ability", RecruiteeSimulator().permissions())
def test_what_the_role_may_not_do_is_403(world: World, ability: str) -> None:
    _, placement = world.one()
    world.sim.revoke(ability)
    asked = {
        "see jobs": ("GET", "/offers"),
        "see candidates": ("GET", "/candidates"),
        "see disqualify reasons": ("GET", "/disqualify_reasons"),
        "manage candidates": ("PATCH", f"/placements/{placement}/requalify"),
    }
    assert world.ask(*asked[ability]).status == 403
    assert world.ask("GET", "/departments").status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/offers/7"), ("GET", "/offers/x/placements"), ("GET", "/candidates/7"),
        ("GET", "/candidates/x"), ("PATCH", "/placements/7/requalify"), ("PUT", "/offers/7"),
        ("DELETE", "/candidates/7"), ("GET", "/x"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_404(world: World, method: str, path: str) -> None:
    assert world.ask(method, path).status == 404


# -- writes --


@pytest.mark.parametrize("taken", ["nested", "flat", "both"])
def test_a_move_takes_one_form_of_body_or_both(taken: str) -> None:
    world = World(stage_body=taken)
    candidate, placement = world.one()
    forms = {"nested": lambda id: {"placement": {"stage_id": id}}, "flat": lambda id: {"stage_id": id}}
    for form, body in forms.items():
        there = world.stage(candidate, placement)
        answer = world.ask("PATCH", f"/placements/{placement}/change_stage", body(there))
        if taken in (form, "both"):
            assert answer.status == 200
            assert json.loads(answer.body)["placement"]["stage_id"] == there
        else:
            assert world.refused(answer) == (422, "Stage id can't be blank")
    accepted = 2 if taken == "both" else 1
    assert [a.application for a in world.sim.accepted] == [f"{candidate}:{placement}"] * accepted


def test_a_stage_of_another_pipeline_is_422(world: World) -> None:
    _, placement = world.one()
    own = {s["id"] for s in world.sim.account.stages(world.sim.account.placements[int(placement)])}
    foreign = next(id for id in world.sim.account.stage_names if id not in own)
    answer = world.ask("PATCH", f"/placements/{placement}/change_stage", {"placement": {"stage_id": foreign}})
    assert world.refused(answer) == (422, "Stage is invalid")
    assert world.sim.accepted == []


def test_the_stage_that_hires_sets_the_day_and_another_takes_it_away(world: World) -> None:
    candidate, placement = world.one()
    stages = world.sim.account.stages(world.sim.account.placements[int(placement)])
    url = f"/placements/{placement}/change_stage"
    assert world.ask("PATCH", url, {"placement": {"stage_id": stages[-1]["id"]}}).status == 200
    hired = world.placement(candidate, placement)
    assert hired["hired_at"] and hired["hired_in_this_placement"]
    assert world.sim.truth()[f"{candidate}:{placement}"].status == "hired"
    assert world.ask("PATCH", url, {"placement": {"stage_id": stages[1]["id"]}}).status == 200
    assert world.placement(candidate, placement)["hired_at"] is None


@pytest.mark.parametrize("taken", ["id", "text", "both"])
def test_a_rejection_takes_one_form_of_body_or_both_and_can_be_taken_back(taken: str) -> None:
    world = World(reason_body=taken)
    candidate, placement = world.one()
    reason = world.get("/disqualify_reasons")["disqualify_reasons"][0]
    forms = {
        "id": {"disqualify_reason_id": reason["id"]},
        "text": {"placement": {"disqualify_reason": reason["name"]}},
    }
    for form, body in forms.items():
        answer = world.ask("PATCH", f"/placements/{placement}/disqualify", body)
        if taken in (form, "both"):
            assert answer.status == 200
        else:
            assert world.refused(answer) == (422, "Disqualify reason can't be blank")
    shown = world.placement(candidate, placement)
    assert shown["disqualify_reason"] == reason["name"] and shown["disqualified_at"]
    assert world.ask("PATCH", f"/placements/{placement}/requalify").status == 200
    assert world.placement(candidate, placement)["disqualified_at"] is None
    again = world.ask("PATCH", f"/placements/{placement}/requalify")
    assert world.refused(again) == (422, "Placement is not disqualified")


def test_a_write_may_be_answered_without_a_word() -> None:
    world = World(write_answer="empty")
    candidate, placement = world.one()
    body = {"placement": {"stage_id": world.stage(candidate, placement)}}
    answer = world.ask("PATCH", f"/placements/{placement}/change_stage", body)
    assert (answer.status, answer.body, len(world.sim.accepted)) == (204, b"", 1)


@pytest.mark.parametrize("touches", [True, False])
def test_a_move_may_leave_the_time_of_the_placement(touches: bool) -> None:
    world = World(moves_touch=touches)
    candidate, placement = world.one()
    before = world.placement(candidate, placement)["updated_at"]
    world.sim.move(f"{candidate}:{placement}", str(world.stage(candidate, placement)))
    assert (world.placement(candidate, placement)["updated_at"] != before) is touches


def test_a_candidate_is_put_into_a_job_once_and_taken_out_again(world: World) -> None:
    candidate, _ = world.one()
    held = {p["offer_id"] for p in world.get(f"/candidates/{candidate}")["candidate"]["placements"]}
    other = next(
        o["id"] for o in world.get("/offers")["offers"] if o["id"] not in held and o["kind"] == "job"
    )
    body = {"candidate_id": int(candidate), "offer_id": other}
    made = world.ask("POST", "/placements", body)
    assert made.status == 201
    placement = json.loads(made.body)["placement"]
    first = world.get(f"/offers/{other}")["offer"]["pipeline_template"]["stages"][0]["id"]
    assert placement["stage_id"] == first
    assert world.ask("POST", "/placements", body).status == 422
    assert world.ask("DELETE", f"/placements/{placement['id']}").status == 204
    assert world.placement(candidate, str(placement["id"])) is None
    assert f"{candidate}:{placement['id']}" in world.sim.deleted()
    assert world.ask("POST", "/placements", {"offer_id": other}).status == 422


def test_a_body_that_is_no_object_is_refused(world: World) -> None:
    _, placement = world.one()
    for body in ([], "x"):
        assert world.ask("PATCH", f"/placements/{placement}/requalify", body).status == 400


# -- what people do --


def test_a_stage_that_is_locked_or_in_use_stays(world: World) -> None:
    locked = next(s["id"] for t in world.sim.account.templates.values() for s in t["stages"] if s["locked"])
    used = next(truth.stage for truth in world.sim.truth().values())
    for stage in (str(locked), used):
        assert stage is not None
        with pytest.raises(ValueError, match="can't be removed"):
            world.sim.deactivate_stage(stage)


def test_whoever_has_other_placements_loses_one_and_anybody_else_is_deleted(world: World) -> None:
    counts: dict[str, list[str]] = {}
    for name in world.sim.truth():
        counts.setdefault(name.partition(":")[0], []).append(name)
    twice = next(names for names in counts.values() if len(names) == 2)
    candidate = twice[0].partition(":")[0]
    world.sim.delete(twice[0])
    assert world.ask("GET", f"/candidates/{candidate}").status == 200
    world.sim.delete(twice[1])
    left = [p for p in world.sim.account.placements.values() if str(p["candidate_id"]) == candidate]
    assert world.ask("GET", f"/candidates/{candidate}").status == (200 if left else 404)
    assert set(twice) <= world.sim.deleted()


def test_the_same_seed_gives_the_same_account() -> None:
    assert World().get("/candidates") == World().get("/candidates")
    assert World().sim.truth() == World().sim.truth()


def test_recorded_answers_make_an_account(tmp_path: Path) -> None:
    world = World()
    for name, path in (
        ("admins", "/admins"), ("departments", "/departments"), ("disqualify_reasons", "/disqualify_reasons"),
        ("offers", "/offers?scope=default,archived"), ("candidates", "/candidates"),
    ):  # fmt: skip
        (tmp_path / f"{name}.json").write_text(json.dumps(world.get(path)))
    again = RecruiteeSimulator.from_folder(tmp_path, clock=lambda: NOW, limits=Limits(None))
    assert again.truth() == world.sim.truth()
    candidate = next(iter(again.account.candidates))
    asked = SimRequest("GET", f"/c/acme/candidates/{candidate}", world_headers(again))
    assert json.loads(again.respond(asked).body)["candidate"]["id"] == candidate


def world_headers(sim: RecruiteeSimulator) -> dict[str, str]:
    return {"authorization": f"Bearer {sim.credentials['api_token']}"}
