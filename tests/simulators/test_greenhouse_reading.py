"""The list endpoints: pages, cursors, filters, and what each leaves out."""

from __future__ import annotations

import pytest
from greenhouse_client import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from atsbridge.simulators.greenhouse import times
from atsbridge.simulators.interface import SimRequest

DAY = 86_400


@pytest.fixture(scope="module")
def client() -> Client:
    return Client(600)


def test_every_list_answers_a_bare_array_of_whole_records(client):
    for name, table in client.sim.account.tables.items():
        records = client.get(name).json
        assert isinstance(records, list)
        assert records or len(table) == 0
        for record in records:
            assert {"id", "created_at", "updated_at"} <= record.keys()


def test_default_page_is_a_hundred_ids_descending(client):
    ids = [a["id"] for a in client.get("applications").json]
    assert len(ids) == 100
    assert ids == sorted(ids, reverse=True)


@given(per_page=st.integers(1, 500))
@settings(max_examples=20, deadline=None)
def test_pages_of_any_size_show_everything_once(client, per_page):
    ids = [s["id"] for s in client.all("job_interview_stages", per_page=per_page)]
    assert ids == sorted(set(ids), reverse=True)
    secret = client.sim.account.secret_jobs(client.sim.account.service_user)
    stages = client.sim.account["job_interview_stages"]
    assert set(ids) == {s["id"] for s in stages if s["job_id"] not in secret}


@pytest.mark.parametrize("per_page", ["0", "501", "many", "-1"])
def test_per_page_out_of_bounds_is_422(client, per_page):
    assert client.get("jobs", per_page=per_page).status == 422


def test_link_says_next_and_nothing_at_the_end(client):
    answer = client.get("rejection_reasons", include_defaults="true", per_page=8)
    assert answer.next
    assert client.send("GET", answer.next).header("Link") is None
    # A page that is just full is the last one.
    assert client.get("rejection_reasons", include_defaults="true", per_page=9).header("Link") is None


def test_link_stays_on_the_host_that_was_asked(client):
    headers = {"authorization": f"Bearer {client.token}", "host": "127.0.0.1:8099"}
    answer = client.sim.respond(SimRequest("GET", "/v3/users?per_page=1", headers))
    assert answer.header("Link").startswith("<http://127.0.0.1:8099/v3/users?cursor=")
    told = SimRequest("GET", "/v3/users?per_page=1", headers | {"x-forwarded-proto": "https"})
    assert client.sim.respond(told).header("Link").startswith("<https://127.0.0.1:8099/v3/users?")
    client.sim.origin = "https://127.0.0.1:9"
    try:
        assert client.sim.respond(told).header("Link").startswith("<https://127.0.0.1:9/v3/users?")
    finally:
        client.sim.origin = None


def test_cursor_carries_the_filters(client):
    found = client.all("applications", status="rejected", per_page=7, fields="id,status")
    assert len(found) > 7
    assert {tuple(a) for a in found} == {("id", "status")}
    assert {a["status"] for a in found} == {"rejected"}


def test_cursor_must_be_alone(client):
    answer = client.send("GET", client.get("jobs", per_page=1).next + "&per_page=1")
    assert answer.status == 422
    assert answer.errors == ["When passing a cursor, do not include other query params."]


def test_cursor_of_another_list_or_of_nobody_is_422(client):
    cursor = client.get("jobs", per_page=1).next.partition("=")[2]
    assert client.get("users", cursor=cursor).status == 422
    assert client.get("jobs", cursor="x" + cursor).status == 422
    assert client.get("jobs", cursor="").status == 422


def test_cursor_expires():
    client = Client(20, cursor_lifetime=60)
    following = client.get("jobs", per_page=1).next
    client.clock.now += 61
    assert client.send("GET", following).status == 422
    again = client.get("jobs", per_page=1).next
    assert client.send("GET", again).status == 200
    client.sim.expire_cursors()
    assert client.send("GET", again).status == 422


def test_paging_misses_nothing_that_stays_while_others_go():
    client = Client()
    first = client.get("applications", per_page=50)
    for application in [*first.json[:3], first.json[-1]]:
        client.sim.delete(str(application["id"]))
    rest, answer = [], first
    while answer.next:
        answer = client.send("GET", answer.next)
        rest += [a["id"] for a in answer.json]
    below = first.json[-1]["id"]
    assert rest == [id for id in sorted(map(int, client.sim.truth()), reverse=True) if id < below]


# -- filters --


@pytest.mark.parametrize("name", ["jobs", "rejection_details", "application_stages", "users"])
def test_unknown_parameters_are_refused(client, name):
    answer = client.get(name, colour="red")
    assert answer.status == 422 and "colour" in answer.errors[0]


def test_a_filter_of_one_list_is_unknown_to_another(client):
    assert client.get("applications", job_ids="1").status == 200
    assert client.get("rejection_details", job_ids="1").status == 422
    assert client.get("jobs", last_activity_at="gte|2026-01-01T00:00:00Z").status == 422
    assert client.get("rejection_reasons", show_service_accounts="true").status == 422


def test_ids_finds_and_unknown_ids_are_an_empty_list(client):
    wanted = [a["id"] for a in client.get("applications", per_page=3).json]
    answer = client.get("applications", ids=",".join(map(str, reversed(wanted))))
    assert [a["id"] for a in answer.json] == wanted
    missing = client.get("applications", ids="1")
    assert (missing.status, missing.json) == (200, [])


@pytest.mark.parametrize("parameter", ["ids", "job_ids", "stage_ids"])
def test_at_most_fifty_ids(client, parameter):
    assert client.get("applications", **{parameter: ",".join(map(str, range(50)))}).status == 200
    assert client.get("applications", **{parameter: ",".join(map(str, range(51)))}).status == 422
    assert client.get("applications", **{parameter: "one"}).status == 422


@pytest.mark.parametrize("sign", ["gte", "lte", "gt", "lt"])
def test_time_filters(client, sign):
    records = list(client.sim.account["rejection_details"])
    bound = records[len(records) // 2]["updated_at"]
    compare = {"gte": bound.__le__, "lte": bound.__ge__, "gt": bound.__lt__, "lt": bound.__gt__}[sign]
    found = client.all("rejection_details", updated_at=f"{sign}|{bound}", per_page=500)
    visible = {r["id"] for r in client.all("rejection_details", per_page=500)}
    assert {r["id"] for r in found} == {r["id"] for r in records if compare(r["updated_at"])} & visible


def test_time_window_and_other_spellings(client):
    created = sorted(a["created_at"] for a in client.all("applications", per_page=500))
    low, high = created[100], created[200]
    found = client.all("applications", created_at=f"gte|{low}|lte|{high}", per_page=500)
    assert len(found) == 101
    offset = low.replace("Z", "+00:00")
    assert len(client.all("applications", created_at=f"gte|{offset}|lte|{high}", per_page=500)) == 101


@pytest.mark.parametrize("text", ["2026-01-01T00:00:00Z", "since|2026-01-01T00:00:00Z", "gte|soon", "gte|"])
def test_bad_time_filters_are_422(client, text):
    assert client.get("jobs", updated_at=text).status == 422


def test_created_and_updated_together_are_refused(client):
    when = "gte|2020-01-01T00:00:00Z"
    assert client.get("jobs", created_at=when, updated_at=when).status == 422


def test_fields_select(client):
    assert set(client.get("users", fields="id,site_admin,deactivated").json[0]) == {
        "id",
        "site_admin",
        "deactivated",
    }
    assert client.get("users", fields="id,shoe_size").status == 422
    assert client.get("users", fields=",".join(["id"] * 51)).status == 422
    lenient = Client(20, unknown_fields_refused=False)
    assert set(lenient.get("users", fields="id,shoe_size").json[0]) == {"id"}


def test_status_is_asked_as_active_and_answered_as_in_process(client):
    assert {a["status"] for a in client.get("applications", status="active").json} == {"in_process"}
    assert client.get("applications", status="in_process").status == 422
    for word in ("rejected", "hired", "converted"):
        assert {a["status"] for a in client.get("applications", status=word).json} == {word}


def test_stage_id_is_a_row_of_application_stages(client):
    application = client.active(1)
    row = client.one("application_stages", application["stage_id"])
    assert row["application_id"] == application["id"]
    assert row["job_interview_stage_id"] == application["job_interview_stage_id"]
    assert row["current"] and row["exited_at"] is None
    assert client.get("job_interview_stages", ids=application["stage_id"]).json == []
    by_row = client.get("applications", stage_ids=application["stage_id"]).json
    assert [a["id"] for a in by_row] == [application["id"]]
    assert client.get("applications", stage_ids=application["job_interview_stage_id"]).json == []


def test_terminal_states_and_prospects_have_no_stage(client):
    for application in client.all("applications", per_page=500):
        stands = application["status"] == "in_process" and not application["prospect"]
        for column in ("stage_id", "job_interview_stage_id", "stage_name"):
            assert (application[column] is not None) is stands
        if application["status"] in ("rejected", "hired"):
            held = client.get("application_stages", application_ids=application["id"]).json
            assert held and not any(row["current"] for row in held)


def test_current_rows_age():
    client = Client(token_lifetime=7 * DAY)
    application = client.active()
    (row,) = client.get("application_stages", application_ids=application["id"], current="true").json
    client.clock.now += 3 * DAY
    again = client.one("application_stages", row["id"])
    assert again["days_in_stage"] == row["days_in_stage"] + 3
    assert again["updated_at"] == row["updated_at"]


def test_prospects_and_template_jobs_are_in_the_lists(client):
    prospects = client.all("applications", prospect="true", per_page=500)
    assert prospects and all(p["job_id"] is None for p in prospects)
    listed = {p["id"] for p in client.all("applications", per_page=500)}
    assert {p["id"] for p in prospects} <= listed
    wanted = next(p["prospective_job_ids"][0] for p in prospects if p["prospective_job_ids"])
    assert client.get("applications", prospective_job_ids=wanted).json
    assert any(job["is_template"] for job in client.all("jobs"))


def test_stage_name_is_exact(client):
    assert client.get("applications", stage_name="Application Review").json
    assert client.get("applications", stage_name="application review").json == []


def test_built_in_reasons_are_left_out_unless_asked_for(client):
    own = {r["id"] for r in client.get("rejection_reasons").json}
    every = client.get("rejection_reasons", include_defaults="true").json
    assert own < {r["id"] for r in every}
    assert {r["type"]["key"] for r in every} == {"WE_REJECTED_THEM", "THEY_REJECTED_US", "NONE_SPECIFIED"}
    flagged = Client(20, security_concern=True).get("rejection_reasons").json
    assert "SECURITY_CONCERN" in {r["type"]["key"] for r in flagged}


def test_deleted_posts_are_left_out_unless_asked_for(client):
    shown, gone = client.all("job_posts"), client.all("job_posts", active="false")
    assert gone
    assert not any(p["active"] for p in gone) and all(p["active"] for p in shown)


def test_service_users_are_left_out_unless_asked_for(client):
    service = client.sim.account.service_user
    assert client.get("users", ids=service).json == []
    (user,) = client.get("users", ids=service, show_service_accounts="true").json
    assert user["primary_email"] == "" and user["site_admin"] and not user["deactivated"]
    assert client.get("users", deactivated="true").json


def test_inactive_stages_are_kept(client):
    old = client.get("job_interview_stages", active="false").json
    assert old and old[0]["job_id"]
    assert {s["id"] for s in old} <= {s["id"] for s in client.all("job_interview_stages")}


def test_candidate_filters(client):
    person = next(c for c in client.all("candidates") if c["email_addresses"])
    email = person["email_addresses"][0]["value"]
    assert [c["id"] for c in client.get("candidates", email=email.upper()).json] == [person["id"]]
    assert "applications" not in person
    assert client.get("candidates", tag="nobody has it").json == []


def test_job_and_opening_and_offer_filters(client):
    jobs = client.all("jobs")
    assert {j["status"] for j in client.all("jobs", status="open")} == {"open"}
    assert client.get("jobs", status="shut").status == 422
    one = next(j for j in jobs if j["requisition_id"])
    assert client.get("jobs", requisition_id=one["requisition_id"]).json
    assert all(501 in j["office_ids"] for j in client.all("jobs", office_id=501))
    assert client.get("jobs", custom_field_option_id=71001).json
    assert client.get("jobs", custom_field_option_id=71002).json == []
    assert all(o["open"] for o in client.all("openings", open="true"))
    assert client.get("openings", open="maybe").status == 422
    assert {o["status"] for o in client.all("offers", status="Accepted")} == {"Accepted"}
    assert client.get("offers", sent_on="gte|2999-01-01").json == []
    assert client.get("offers", current_only="true").json


def test_no_get_by_id_but_for_reasons_and_bulk_requests(client):
    application = client.get("applications", per_page=1).json[0]["id"]
    assert client.send("GET", f"/v3/applications/{application}").status == 404
    assert client.send("GET", "/v3/jobs/1").status == 404
    reason = client.reason()
    assert client.send("GET", f"/v3/rejection_reasons/{reason}").json["id"] == reason
    assert client.send("GET", "/v3/rejection_reasons/1").status == 404
    bulk = "0f8fad5b-d9cb-469f-a165-70867728950e"
    assert client.send("GET", f"/v3/bulk_requests/{bulk}").status == 404
    client.sim.account.extras.bulk_requests[bulk] = {"id": bulk, "status": "completed"}
    assert client.send("GET", f"/v3/bulk_requests/{bulk}").status == 200
    assert Client(20, single_application_get=True).get("applications/1").status == 404
    bold = Client(20, single_application_get=True)
    id = bold.get("applications", per_page=1).json[0]["id"]
    assert bold.get(f"applications/{id}").json["id"] == id


def test_newer_fields_may_be_missing():
    client = Client(20, has_job_interview_stage_id=False, has_rejection_reason_id=False)
    record = client.get("applications", per_page=1).json[0]
    assert "job_interview_stage_id" not in record and "rejection_reason_id" not in record
    assert "stage_id" in record
    assert set(client.get("applications", fields="id,rejection_reason_id").json[0]) == {"id"}


def test_the_words_of_v1_are_gone(client):
    for name in ("job_stages", "scheduled_interviews"):
        assert client.get(name).status == 404
    for word in ("page", "skip_count", "created_after"):
        assert client.get("applications", **{word: "1"}).status == 422
    application = client.active()
    for action in ("advance", "transfer_to_job"):
        body = {"from_stage_id": application["job_interview_stage_id"]}
        assert client.post(f"applications/{application['id']}/{action}", body).status == 404
    for word in ("applied_at", "jobs", "current_stage", "rejection_reason", "credited_to"):
        assert word not in application


def test_rows_made_up_afterwards_have_no_time_of_entering():
    rows = Client(1000).all("application_stages", per_page=500)
    assert any(row["entered_at"] is None for row in rows)
    assert all(row["exited_at"] is None for row in rows if row["current"])


def test_what_is_asked_by_one_time_is_not_ordered_by_it(client):
    found = client.all("applications", last_activity_at="gte|2020-01-01T00:00:00Z", per_page=500)
    active = [a["last_activity_at"] for a in found]
    assert [a["id"] for a in found] == sorted((a["id"] for a in found), reverse=True)
    assert active != sorted(active, reverse=True)


def test_times_have_milliseconds_and_ids_exceed_32_bits(client):
    record = client.get("applications", per_page=1).json[0]
    assert record["created_at"] == times.key(record["created_at"])
    assert record["id"] > 2**32


def test_unknown_paths_and_methods_are_404(client):
    assert client.get("departures").status == 404
    assert client.send("DELETE", "/v3/candidates/1").status == 404
    assert client.send("POST", "/v3/jobs").status == 404


def test_stages_are_per_job_with_like_names(client):
    stages = client.all("job_interview_stages")
    reviews = [s for s in stages if s["name"] == "Application Review"]
    assert len({s["id"] for s in reviews}) == len({s["job_id"] for s in reviews}) > 3
    assert {s["sort_order"] for s in reviews} == {0}


ODD = st.text(max_size=12) | st.sampled_from(
    ["²", "1_0", "9" * 5000, "gte|0001-01-01T00:00:00+14:00", "\x00", ","]
)


@given(
    name=st.sampled_from(["jobs", "applications", "offers", "users", "candidates"]),
    parameters=st.dictionaries(
        st.sampled_from(
            ["ids", "per_page", "cursor", "updated_at", "fields", "status", "sent_on", "job_ids", "private"]
        ),
        ODD,
        max_size=3,
    ),
)
@settings(max_examples=100, deadline=None)
def test_whatever_is_asked_is_answered(client, name, parameters):
    answer = client.get(name, **parameters)
    assert answer.status in (200, 422)
    assert answer.status == 200 or answer.errors
