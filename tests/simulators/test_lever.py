"""The simulated Lever: lists, filters, single reads and whole accounts."""

from __future__ import annotations

import base64
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atsbridge.simulators.interface import Limits, SimRequest
from atsbridge.simulators.lever import LeverSimulator
from atsbridge.simulators.people import Inventor

NOW = 1_790_000_000.0
MS = int(NOW * 1000)


def new(count: int = 400, **settings: Any) -> LeverSimulator:
    return LeverSimulator.generate(count, seed=4, clock=lambda: NOW, limits=Limits(None), **settings)


def get(sim: LeverSimulator, path: str, *, key: str | None = None, **params: Any) -> tuple[int, Any]:
    """Ask with an API key; a parameter that is a list is repeated."""
    credential = base64.b64encode(f"{key or sim.credentials['api_key']}:".encode()).decode()
    target = f"/v1{path}?{urlencode(params, doseq=True)}"
    response = sim.respond(SimRequest("GET", target, {"authorization": f"Basic {credential}"}))
    return response.status, json.loads(response.body)


def pages(sim: LeverSimulator, path: str, *, key: str | None = None, **params: Any) -> list[Any]:
    found, offset = [], {}
    while True:
        status, body = get(sim, path, key=key, **params, **offset)
        assert status == 200, body
        found.append(body)
        if not body["hasNext"]:
            return found
        offset = {"offset": body["next"]}


def items(sim: LeverSimulator, path: str, *, key: str | None = None, **params: Any) -> list[Any]:
    return [item for page in pages(sim, path, key=key, **params) for item in page["data"]]


def ids(found: list[Any]) -> set[str]:
    return {item["id"] for item in found}


@pytest.fixture(scope="module")
def sim() -> LeverSimulator:
    """For tests that only read."""
    return new()


@pytest.fixture(scope="module")
def everything(sim: LeverSimulator) -> list[Any]:
    return items(sim, "/opportunities", confidentiality="all", expand="applications")


# -- pages --


def test_a_full_read_gives_every_opportunity_once(sim, everything):
    assert len(everything) == 400
    assert ids(everything) == set(sim.truth())


def test_order_is_stage_rank_then_last_advanced_descending_then_id(sim, everything):
    rank = {s["id"]: s["rank"] for s in get(sim, "/disposition_stages")[1]["data"]["stages"]}
    keys = [(rank[o["stage"]], -o["lastAdvancedAt"], o["id"]) for o in everything]
    assert keys == sorted(keys)


def test_stages_and_disposition_stages_have_one_order(sim):
    plain = get(sim, "/stages")[1]["data"]
    rich = get(sim, "/disposition_stages")[1]["data"]["stages"]
    assert [s["id"] for s in plain] == [s["id"] for s in rich]
    assert set(plain[0]) == {"id", "text"}
    assert {s["pipeline"] for s in rich} == {"lead", "applicant", "screen", "onsite", "offer"}


def test_next_is_absent_on_the_last_page(sim):
    all_pages = pages(sim, "/opportunities", confidentiality="all")
    assert [len(p["data"]) for p in all_pages] == [100, 100, 100, 100]
    assert "next" not in all_pages[-1]
    assert all(isinstance(p["next"], str) for p in all_pages[:-1])


def test_offset_token_is_percent_encoded_and_names_the_next_page_s_first_record(sim):
    first, second = pages(sim, "/opportunities", limit=100)[:2]
    assert first["next"].startswith("%5B")
    assert quote(unquote(first["next"]), safe="") == first["next"]
    rank, advanced, key = json.loads(unquote(first["next"]))
    assert (advanced, key) == (second["data"][0]["lastAdvancedAt"], second["data"][0]["id"])
    assert rank > 0


def test_a_token_that_was_decoded_is_refused(sim):
    token = get(sim, "/opportunities")[1]["next"]
    assert get(sim, "/opportunities", offset=unquote(token))[0] == 400
    lenient = new(decoded_offsets=True)
    token = get(lenient, "/opportunities")[1]["next"]
    assert get(lenient, "/opportunities", offset=unquote(token))[0] == 200


def test_other_parameters_on_a_later_page_are_refused(sim):
    token = get(sim, "/opportunities", limit=50, archived="false")[1]["next"]
    assert get(sim, "/opportunities", limit=50, archived="false", offset=token)[0] == 200
    assert get(sim, "/opportunities", limit=49, archived="false", offset=token)[0] == 400
    lenient = new(same_params=False)
    token = get(lenient, "/opportunities", limit=50)[1]["next"]
    assert get(lenient, "/opportunities", limit=49, offset=token)[0] == 200


def test_a_token_of_an_earlier_process_still_works(sim):
    token = get(sim, "/opportunities")[1]["next"]
    assert get(new(), "/opportunities", offset=token)[0] == 200


@pytest.mark.parametrize("token", ["%5B1%5D", "nonsense", "", "%7B%7D", "%5B%22a%22%2C1%2C%22b%22%5D"])
def test_an_invalid_token_is_refused(sim, token):
    assert get(sim, "/opportunities", offset=token)[0] == 400


@pytest.mark.parametrize(
    ("limit", "status"), [(0, 400), (1, 200), (100, 200), (101, 400), ("x", 400), ("", 400)]
)
def test_limit_is_1_to_100(sim, limit, status):
    assert get(sim, "/opportunities", limit=limit)[0] == status


def test_one_that_moves_back_while_paging_is_missed_and_one_that_moves_on_is_seen_twice():
    sim = new(confidential_status=403)
    first = get(sim, "/opportunities", confidentiality="all")[1]
    early, stages = first["data"][0]["id"], [s["id"] for s in get(sim, "/stages")[1]["data"]]
    last = pages(sim, "/opportunities", confidentiality="all")[-1]["data"][-1]["id"]
    sim.move(early, stages[-2] if stages[-1] == first["data"][0]["stage"] else stages[-1])
    sim.move(last, stages[0])
    body, later = first, []
    while body["hasNext"]:
        body = get(sim, "/opportunities", confidentiality="all", offset=body["next"])[1]
        later += body["data"]
    assert early in ids(later)
    assert last not in ids(first["data"]) | ids(later)
    repaired = items(sim, "/opportunities", confidentiality="all", updated_at_start=MS)
    assert ids(repaired) == {early, last}


@given(st.integers(1, 100))
def test_the_page_size_changes_nothing_but_the_pages(limit):
    found = items(SHARED, "/opportunities", limit=limit)
    assert [o["id"] for o in found] == [o["id"] for o in items(SHARED, "/opportunities")]


SHARED = new(150)


@pytest.mark.parametrize(
    "path", ["/users", "/postings", "/requisitions", "/tags", "/stages", "/archive_reasons"]
)
def test_every_list_can_be_paged(sim, path):
    assert items(sim, path, limit=2) == items(sim, path)
    assert len(pages(sim, path, limit=2)) > 1


# -- filters --


@pytest.mark.parametrize(
    ("name", "field"),
    [("created_at", "createdAt"), ("updated_at", "updatedAt"), ("advanced_at", "lastAdvancedAt")],
)
def test_time_windows_are_inclusive_at_both_ends(sim, everything, name, field):
    times = sorted({o[field] for o in everything if o[field] is not None})
    start, end = times[len(times) // 3], times[len(times) // 2]
    found = items(
        sim, "/opportunities", confidentiality="all", **{f"{name}_start": start, f"{name}_end": end}
    )
    assert ids(found) == {o["id"] for o in everything if o[field] is not None and start <= o[field] <= end}
    assert {start, end} <= {o[field] for o in found}


def test_archived_window_is_inclusive(sim, everything):
    times = sorted(o["archived"]["archivedAt"] for o in everything if o["archived"])
    window = {"archived_at_start": times[3], "archived_at_end": times[9]}
    assert len(items(sim, "/opportunities", confidentiality="all", **window)) == 7


def test_null_updated_at_is_never_matched_by_a_window(sim, everything):
    assert any(o["updatedAt"] is None for o in everything)
    found = items(sim, "/opportunities", confidentiality="all", updated_at_start=0)
    assert ids(found) == {o["id"] for o in everything if o["updatedAt"] is not None}


def test_a_wide_updated_window_keeps_the_list_order(sim, everything):
    found = items(sim, "/opportunities", confidentiality="all", updated_at_start=0, limit=7)
    assert [o["id"] for o in found] == [o["id"] for o in everything if o["updatedAt"] is not None]


def test_a_time_must_be_milliseconds(sim):
    assert get(sim, "/opportunities", updated_at_start="2026-01-01")[0] == 400


@given(
    st.text(max_size=30),
    st.sampled_from(["limit", "offset", "updated_at_start", "snoozed", "expand", "origin"]),
)
def test_whatever_a_parameter_holds_there_is_an_answer(value, name):
    status, body = get(SHARED, "/opportunities", **{name: value})
    assert (status, set(body)) == (400, {"code", "message"}) or (status == 200 and "data" in body)


@pytest.mark.parametrize("name", ["limit", "created_at_start", "offset"])
def test_a_very_long_number_is_refused(sim, name):
    assert get(sim, "/opportunities", **{name: "9" * 5000})[0] == 400


def test_archived_filter_and_its_absence(sim, everything):
    everyone = {"confidentiality": "all"}
    archived = items(sim, "/opportunities", archived="true", **everyone)
    active = items(sim, "/opportunities", archived="false", **everyone)
    assert ids(archived) == {o["id"] for o in everything if o["archived"]}
    assert ids(archived) | ids(active) == ids(everything)
    assert get(sim, "/opportunities", archived="maybe")[0] == 400


def test_snoozed_filter_looks_at_the_clock(sim, everything):
    found = items(sim, "/opportunities", confidentiality="all", snoozed="true")
    assert ids(found) == {o["id"] for o in everything if (o["snoozedUntil"] or 0) > MS}
    assert found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stage_id", lambda o: o["stage"]),
        ("origin", lambda o: o["origin"]),
        ("contact_id", lambda o: o["contact"]),
        ("location", lambda o: o.get("opportunityLocation")),
        ("email", lambda o: o["emails"][0] if o["emails"] else None),
        ("tag", lambda o: o["tags"][0] if o["tags"] else None),
        ("source", lambda o: o["sources"][0]),
        ("archive_reason_id", lambda o: o["archived"]["reason"] if o["archived"] else None),
        ("posting_id", lambda o: o["applications"][0]["posting"] if o["applications"] else None),
    ],
)
def test_a_repeated_parameter_means_or(sim, everything, name, value):
    everyone = {"confidentiality": "all"}
    first, second = (
        sorted({value(o) for o in everything if value(o)})[:2] if name != "source" else ("Applied",) * 2
    )
    both = items(sim, "/opportunities", **{name: [first, second]}, **everyone)
    one = ids(items(sim, "/opportunities", **{name: first}, **everyone))
    other = ids(items(sim, "/opportunities", **{name: second}, **everyone))
    assert ids(both) == one | other
    assert {o["id"] for o in everything if value(o) == first} <= one
    assert one and len(one) < len(everything)


def test_whose_place_the_location_filter_means_is_a_setting(everything):
    person = new(location_of_person=True)
    for one in (o for o in everything if o["location"] and o["location"] != o.get("opportunityLocation")):
        found = items(person, "/opportunities", confidentiality="all", location=one["location"])
        assert ids(found) == {o["id"] for o in everything if o["location"] == one["location"]}
        return


def test_archived_posting_filter_holds_only_archived_ones(sim, everything):
    posting = next(o["applications"][0]["posting"] for o in everything if o["archived"] and o["applications"])
    found = items(sim, "/opportunities", confidentiality="all", archived_posting_id=posting)
    wanted = {
        o["id"]
        for o in everything
        if o["archived"] and o["applications"] and o["applications"][0]["posting"] == posting
    }
    assert ids(found) == wanted


def test_filters_of_different_names_mean_and(sim, everything):
    one = next(o for o in everything if o["emails"] and not o["archived"])
    assert items(sim, "/opportunities", email=one["emails"][0], archived="true", confidentiality="all") == []
    assert items(sim, "/opportunities", contact_id=one["contact"], email="x@example.com") == []


# -- confidentiality --


def test_lists_hide_confidential_records_silently(sim, everything):
    hidden = {o["id"] for o in everything if o["confidentiality"] == "confidential"}
    assert hidden
    assert ids(items(sim, "/opportunities")) == ids(everything) - hidden
    assert ids(items(sim, "/opportunities", confidentiality="confidential")) == hidden
    assert get(sim, "/opportunities", confidentiality="secret")[0] == 400


def test_without_access_asking_for_confidential_records_gives_none(sim, everything):
    key = sim.add_key(confidential=False)
    hidden = {o["id"] for o in everything if o["confidentiality"] == "confidential"}
    assert ids(items(sim, "/opportunities", key=key, confidentiality="all")) == ids(everything) - hidden
    assert items(sim, "/opportunities", key=key, confidentiality="confidential") == []


def test_one_confidential_record_without_access_is_refused(sim, everything):
    key = sim.add_key(confidential=False)
    hidden = next(o["id"] for o in everything if o["confidentiality"] == "confidential")
    assert get(sim, f"/opportunities/{hidden}", key=key)[0] == 403
    assert get(sim, f"/opportunities/{hidden}")[0] == 200
    other = new(confidential_status=404)
    assert get(other, f"/opportunities/{hidden}", key=other.add_key(confidential=False))[0] == 404


def test_confidential_jobs_are_hidden_too():
    sim = new(2000)
    for path in ("/postings", "/requisitions"):
        everyone = items(sim, path, confidentiality="all")
        hidden = [p["id"] for p in everyone if p["confidentiality"] == "confidential"]
        assert hidden
        assert ids(items(sim, path)) == ids(everyone) - set(hidden)
        assert get(sim, f"{path}/{hidden[0]}", key=sim.add_key(confidential=False))[0] == 403


# -- expand and include --


def test_expand_replaces_ids_by_objects(sim):
    fields = ["applications", "stage", "owner", "followers", "sourcedBy", "contact"]
    plain = get(sim, "/opportunities", limit=100)[1]["data"]
    rich = get(sim, "/opportunities", limit=100, expand=fields)[1]["data"]
    for before, after in zip(plain, rich, strict=True):
        assert after["stage"]["id"] == before["stage"]
        assert after["owner"]["id"] == before["owner"]
        assert [u["id"] for u in after["followers"]] == before["followers"]
        assert [a["id"] for a in after["applications"]] == before["applications"]
        assert after["contact"]["id"] == before["contact"]
        assert (after["sourcedBy"] or {}).get("id") == before["sourcedBy"]
    assert isinstance(rich[0]["contact"]["location"], dict)


def test_include_drops_all_else(sim):
    found = get(sim, "/opportunities", include=["applications", "name"])[1]["data"]
    assert {frozenset(o) for o in found} == {frozenset({"applications", "name"})}
    one = get(sim, "/opportunities", limit=1)[1]["data"][0]["id"]
    assert set(get(sim, f"/opportunities/{one}", include="stage")[1]["data"]) == {"stage"}


def test_expand_wins_over_include(sim):
    found = get(sim, "/opportunities", include="id", expand="stage")[1]["data"][0]
    assert set(found) == {"id", "stage"}
    assert isinstance(found["stage"], dict)


def test_include_can_be_repeated_and_names_what_an_expand_gives_too(sim):
    named = get(sim, "/opportunities", include=["id", "owner", "followers"], expand="owner")[1]["data"][0]
    assert set(named) == {"id", "owner", "followers"}
    assert named["owner"]["email"]
    assert get(sim, "/opportunities", include="nothing")[1]["data"][0] == {}


def test_include_followers_drops_nothing(sim):
    found = get(sim, "/opportunities", include="followers")[1]["data"][0]
    assert {"name", "stage", "followers"} <= set(found)


def test_followers_can_be_left_out_of_lists():
    sim = new(50, followers_in_lists=False)
    listed = get(sim, "/opportunities")[1]["data"][0]
    assert "followers" not in listed
    assert "followers" in get(sim, "/opportunities", include="followers")[1]["data"][0]
    expanded = get(sim, "/opportunities", expand="followers")[1]["data"][0]
    assert all(u["email"] for u in expanded["followers"])
    assert "followers" in get(sim, f"/opportunities/{listed['id']}")[1]["data"]


# -- single reads --


def test_one_opportunity_is_as_listed(sim, everything):
    one = everything[17]
    assert get(sim, f"/opportunities/{one['id']}", expand="applications")[1] == {"data": one}


def test_applications_of_an_opportunity(sim, everything):
    one = next(o for o in everything if o["applications"])
    status, body = get(sim, f"/opportunities/{one['id']}/applications")
    assert (status, body) == (200, {"data": one["applications"], "hasNext": False})
    application = one["applications"][0]
    assert application["opportunityId"] == application["candidateId"] == one["id"]
    path = f"/opportunities/{one['id']}/applications/{application['id']}"
    assert get(sim, path)[1] == {"data": application}
    assert get(sim, f"/opportunities/{one['id']}/applications/other")[0] == 404


def test_a_lead_without_posting_has_no_application_and_no_location(sim, everything):
    leads = [o for o in everything if not o["applications"]]
    assert leads
    assert all("opportunityLocation" not in o for o in leads)
    assert get(sim, f"/opportunities/{leads[0]['id']}/applications")[1]["data"] == []
    assert sim.truth()[leads[0]["id"]].job is None


def test_old_candidates_paths_still_answer(sim, everything):
    key = everything[0]["id"]
    assert get(sim, f"/candidates/{key}") == get(sim, f"/opportunities/{key}")
    assert get(sim, f"/candidates/{key}/applications") == get(sim, f"/opportunities/{key}/applications")
    assert get(sim, "/candidates", limit=3)[1]["data"] == get(sim, "/opportunities", limit=3)[1]["data"]


def test_offers_of_an_opportunity(sim, everything):
    one = next(o for o in everything if o["stage"] == "offer" and o["applications"])
    offers = get(sim, f"/opportunities/{one['id']}/offers")[1]["data"]
    assert [o["posting"] for o in offers] == [one["applications"][0]["posting"]]
    assert offers[0]["status"] == "sent"


@pytest.mark.parametrize(
    "path", ["opportunities", "postings", "requisitions", "stages", "archive_reasons", "users", "contacts"]
)
def test_an_unknown_id_is_not_found(sim, path):
    status, body = get(sim, f"/{path}/0d5f3d0a-0000-4000-8000-000000000000")
    assert status == 404
    assert set(body) == {"code", "message"}


@pytest.mark.parametrize("path", ["postings", "requisitions", "stages", "archive_reasons", "users"])
def test_one_of_each_list_can_be_read(sim, path):
    for item in items(sim, f"/{path}")[:3]:
        assert get(sim, f"/{path}/{item['id']}")[1] == {"data": item}


def test_built_in_stages_have_words_for_ids(sim):
    found = [s["id"] for s in get(sim, "/stages")[1]["data"]]
    words = {"lead-new", "lead-reached-out", "lead-responded", "applicant-new", "offer"}
    assert words < set(found)
    assert {len(key) for key in set(found) - words} == {36}


def test_contacts_are_read_by_id_only(sim, everything):
    one = everything[5]
    contact = get(sim, f"/contacts/{one['contact']}")[1]["data"]
    assert contact["name"] == one["name"] or one["isAnonymized"]
    assert get(sim, "/contacts")[0] == 404


# -- the other lists --


def test_posting_filters(sim):
    everyone = items(sim, "/postings", confidentiality="all")
    one = everyone[0]
    for name, value in [
        ("state", one["state"]),
        ("location", one["categories"]["location"]),
        ("department", one["categories"]["department"]),
        ("team", one["categories"]["team"]),
        ("commitment", one["categories"]["commitment"]),
        ("group", one["categories"]["department"]),
        ("distributionChannel", "public"),
    ]:
        assert one["id"] in ids(items(sim, "/postings", **{name: value})), name
        assert items(sim, "/postings", **{name: "closed" if name == "state" else "none"}) != everyone
    window = {"updated_at_start": one["updatedAt"], "updated_at_end": one["updatedAt"]}
    assert ids(items(sim, "/postings", **window)) == {one["id"]}
    assert get(sim, "/postings", state="open")[0] == 400


def test_postings_expand_and_include(sim):
    found = get(sim, "/postings", expand=["user", "owner", "hiringManager", "followers"])[1]["data"][0]
    assert found["owner"]["email"] and found["user"]["email"] and found["followers"][0]["email"]
    managers = {u["id"] for p in items(sim, "/postings", expand="hiringManager") if (u := p["hiringManager"])}
    assert managers == {p["hiringManager"] for p in items(sim, "/postings")} - {None}
    assert set(get(sim, "/postings", include=["id", "text"])[1]["data"][0]) == {"id", "text"}


def test_requisitions_filters_and_no_updated_filter(sim):
    everyone = items(sim, "/requisitions", confidentiality="all")
    one = everyone[0]
    assert ids(items(sim, "/requisitions", requisition_code=one["requisitionCode"])) == {one["id"]}
    window = {"created_at_start": one["createdAt"], "created_at_end": one["createdAt"]}
    assert ids(items(sim, "/requisitions", **window)) == {one["id"]}
    assert {r["status"] for r in items(sim, "/requisitions", status="closed")} == {"closed"}
    assert len(items(sim, "/requisitions", updated_at_start=MS)) == len(items(sim, "/requisitions"))
    assert items(new(requisitions_updated_filter=True), "/requisitions", updated_at_start=MS) == []


def test_archive_reasons_have_several_hires_and_inactive_ones(sim):
    found = items(sim, "/archive_reasons")
    assert Counter(r["type"] for r in found)["hired"] == 2
    assert "inactive" in {r["status"] for r in found}
    assert {r["type"] for r in items(sim, "/archive_reasons", type="hired")} == {"hired"}
    assert len(items(new(reason_type_filter=False), "/archive_reasons", type="hired")) == len(found)
    assert {r["type"] for r in get(sim, "/disposition_stages")[1]["data"]["archiveReasons"]} == {None}


def test_deactivated_users_are_hidden_by_default(sim):
    active, everyone = items(sim, "/users"), items(sim, "/users", includeDeactivated="true")
    assert {u["deactivatedAt"] for u in active} == {None}
    assert len(everyone) == len(active) + 2
    assert ids(items(sim, "/users", email=active[0]["email"].upper())) == {active[0]["id"]}
    assert {u["accessRole"] for u in items(sim, "/users", accessRole="super admin")} == {"super admin"}
    assert items(sim, "/users", external_directory_id="none") == []


def test_consent_lapses_without_a_new_updated_at():
    clock = [NOW]
    sim = LeverSimulator.generate(400, seed=4, clock=lambda: clock[0], limits=Limits(None))
    consenting = [
        o for o in items(sim, "/opportunities") if (o["dataProtection"] or {}).get("store", {}).get("allowed")
    ]
    one = consenting[0]
    clock[0] = one["dataProtection"]["store"]["expiresAt"] / 1000 + 1
    later = get(sim, f"/opportunities/{one['id']}")[1]["data"]
    assert later["dataProtection"]["store"]["allowed"] is False
    assert later["updatedAt"] == one["updatedAt"]


# -- accounts --


def test_a_generated_account_has_what_real_ones_have(everything):
    count = Counter(
        {
            "null updatedAt": sum(o["updatedAt"] is None for o in everything),
            "archived": sum(o["archived"] is not None for o in everything),
            "no application": sum(not o["applications"] for o in everything),
            "no email": sum(not o["emails"] for o in everything),
            "empty name": sum(o["name"] == "" and not o["isAnonymized"] for o in everything),
            "snoozed": sum(o["snoozedUntil"] is not None for o in everything),
            "anonymised": sum(o["isAnonymized"] for o in everything),
            "confidential": sum(o["confidentiality"] == "confidential" for o in everything),
            "same person": len(everything) - len({o["contact"] for o in everything}),
        }
    )
    assert all(count.values()), count
    assert max(o["createdAt"] for o in everything) < MS
    for o in everything:
        assert o["stageChanges"][-1]["toStageId"] == o["stage"]
        assert o["createdAt"] <= o["lastAdvancedAt"] < MS


def test_application_s_archived_at_differs_from_the_opportunity_s(everything):
    both = [o for o in everything if o["archived"] and o["applications"]]
    assert both
    assert all(o["applications"][0]["archived"]["archivedAt"] < o["archived"]["archivedAt"] for o in both)


def test_the_same_seed_gives_the_same_account():
    assert items(new(60), "/opportunities") == items(new(60), "/opportunities")
    other = LeverSimulator.generate(60, seed=5, clock=lambda: NOW)
    assert set(other.truth()) != set(new(60).truth())


def test_a_folder_gives_back_what_was_saved(tmp_path):
    sim = new(250)
    sim.delete(next(iter(sim.truth())))
    sim.to_folder(tmp_path)
    again = LeverSimulator.from_folder(tmp_path, clock=lambda: NOW, limits=Limits(None))
    for path in ("/opportunities", "/opportunities/deleted", "/postings", "/requisitions"):
        params = {"confidentiality": "all"} | ({"expand": "applications"} if path == "/opportunities" else {})
        assert items(again, path, **params) == items(sim, path, **params)
    for path in ("/stages", "/archive_reasons", "/tags", "/sources"):
        assert items(again, path) == items(sim, path)
    assert again.truth() == sim.truth()
    assert again.deleted() == sim.deleted()
    assert again.account.offers == sim.account.offers


def test_a_folder_without_opportunities_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no recorded opportunities"):
        LeverSimulator.from_folder(tmp_path)


def test_settings_are_described_and_unknown_ones_refused():
    assert all(LeverSimulator.settings.values())
    assert {"visible_after", "same_stage_row", "renew_archived_at"} <= set(LeverSimulator.settings)
    with pytest.raises(TypeError):
        new(10, colour="blue")
    assert new(10, codes="400=InvalidArgument", same_stage_row="true").world.options.codes == {
        400: "InvalidArgument"
    }


# -- the recorded account --

RECORDED = os.environ.get("ATSBRIDGE_RECORDED_LEVER")


@pytest.fixture
def recording(tmp_path, capsys) -> Path:
    """The recorded account, else a generated folder of the same form, said aloud."""
    if RECORDED:
        return Path(RECORDED)
    with capsys.disabled():
        print("\nATSBRIDGE_RECORDED_LEVER is not set: a generated folder stands in for the recorded account")
    sim = new(250)
    sim.to_folder(tmp_path)
    (tmp_path / "opportunities.json").write_text(json.dumps(_without_bodies(sim)))
    return tmp_path


def _without_bodies(sim: LeverSimulator) -> dict[str, Any]:
    """A listing that was recorded without expanding anything."""
    params, recorded = {"limit": "100", "confidentiality": "all"}, []
    for body in pages(sim, "/opportunities", **params):
        recorded.append({"params": dict(params), "status": 200, "body": body})
        params["offset"] = body.get("next", "")
        params = {k: v for k, v in params.items() if v}
    return {"path": "/v1/opportunities", "pages": recorded}


def test_a_recording_is_played_back_page_for_page(recording):
    sim = LeverSimulator.from_folder(recording, clock=lambda: NOW, limits=Limits(None))
    for file in recording.glob("*.json"):
        content = json.loads(file.read_text())
        for page in content["pages"]:
            assert get(sim, content["path"].removeprefix("/v1"), **page["params"])[1] == page["body"], (
                file.name
            )


def test_invented_jobs_are_dealt_out_and_otherwise_there_are_none(recording):
    plain = LeverSimulator.from_folder(recording, clock=lambda: NOW)
    assert {t.job for t in plain.truth().values()} == {None}
    dealt = LeverSimulator.from_folder(recording, invent_jobs=True, clock=lambda: NOW, limits=Limits(None))
    found = items(dealt, "/opportunities", expand="applications", confidentiality="all")
    postings = {a["posting"] for o in found for a in o["applications"]}
    assert postings == set(dealt.account.postings)
    again = LeverSimulator.from_folder(recording, invent_jobs=True, clock=lambda: NOW)
    assert again.truth() == dealt.truth()


@pytest.mark.skipif(RECORDED is None, reason="ATSBRIDGE_RECORDED_LEVER is not set: no recorded account")
def test_the_recorded_account_in_figures():
    sim = LeverSimulator.from_folder(Path(RECORDED or ""), limits=Limits(None))
    found = items(sim, "/opportunities")
    reasons = {r["id"]: r["text"] for r in items(sim, "/archive_reasons")}
    archived = Counter(reasons[o["archived"]["reason"]] for o in found if o["archived"])
    assert len(found) == 1004
    assert len({o["contact"] for o in found}) == 973
    assert sum(o["archived"] is None for o in found) == 658
    assert (archived["Hired"], archived["Withdrew"], archived["Offer declined"]) == (43, 52, 4)
    assert sum(archived.values()) == 346
    assert Counter(t.status for t in sim.truth().values()) == {
        "active": 658,
        "rejected": 247,
        "withdrawn": 56,
        "hired": 43,
    }
    assert sum(not o["applications"] for o in found) == 33
    assert sum(o["name"] == "" for o in found) == 12
    assert sum(not o["emails"] for o in found) == 954
    assert sum(o["updatedAt"] is None for o in found) == 964
    lists = {p: len(items(sim, p)) for p in ("/stages", "/postings", "/requisitions")}
    assert lists == {"/stages": 11, "/postings": 6, "/requisitions": 24}


# -- people --


def test_invented_people_are_those_of_the_seed():
    one, two = Inventor(3), Inventor(3)
    assert [one.person() for _ in range(50)] == [two.person() for _ in range(50)]
    assert one.uuid() == two.uuid() != Inventor(4).uuid()
    assert one.uuid()[14] == "4"


def test_no_two_invented_people_share_an_address():
    inventor = Inventor(1)
    people = [inventor.person() for _ in range(15_000)]
    for values in ([p.email for p in people if p.email], [p.phone for p in people if p.phone]):
        assert len(set(values)) == len(values)
    assert any(p.email is None for p in people)
