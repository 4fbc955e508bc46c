"""Tokens, scopes, permissions, limits."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from greenhouse_client import Answer, Client

from atsbridge.simulators.interface import SimRequest


def claims(token: str) -> dict:
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def code_for(client: Client, **changes: str) -> dict[str, list[str]]:
    own = client.sim.partner_credentials
    query = {
        "client_id": own["client_id"],
        "redirect_uri": own["redirect_uri"],
        "response_type": "code",
        "state": "s1",
        "scope": "harvest:jobs:list harvest:applications:list",
    } | changes
    answer = client.sim.respond(SimRequest("GET", f"/authorize?{urlencode(query)}"))
    assert answer.status == 302
    location = answer.header("Location")
    assert location and location.startswith(own["redirect_uri"])
    return parse_qs(urlsplit(location).query)


def exchange(client: Client, code: str, **changes: str) -> Answer:
    redirect = client.sim.partner_credentials["redirect_uri"]
    return client.mint(
        partner=True,
        **({"grant_type": "authorization_code", "code": code, "redirect_uri": redirect} | changes),
    )


def test_token_reply_has_expires_at_and_no_expires_in():
    client = Client(20)
    reply = client.mint().json
    assert reply["token_type"] == "Bearer"
    assert "expires_in" not in reply
    expires = datetime.fromisoformat(reply["expires_at"]).timestamp()
    assert expires == pytest.approx(client.clock.now + 3600, abs=0.001)


def test_token_is_a_jwt_with_sub_and_scopes():
    client = Client(20)
    payload = claims(client.token)
    assert payload["sub"] == str(client.sim.account.service_user)
    assert "harvest:applications:move" in payload["scope"].split()
    listed = claims(Client(20, scope_claim="scopes").token)
    assert "harvest:jobs:list" in listed["scopes"]


def test_sub_chooses_the_acting_user():
    client = Client()
    admin = next(u["id"] for u in client.all("users") if u["site_admin"])
    client.act_as(admin)
    assert claims(client.token)["sub"] == str(admin)
    application = client.active()
    client.post(f"applications/{application['id']}/reject", {"rejection_reason_id": client.reason()})
    assert client.sim.accepted[-1].actor == str(admin)
    assert (
        client.get("rejection_details", application_ids=application["id"]).json[0]["rejected_by_id"] == admin
    )


@pytest.mark.parametrize("sub", ["1", "somebody"])
def test_unknown_sub_is_invalid_grant(sub):
    answer = Client(20).mint(sub=sub)
    assert (answer.status, answer.json["error"]) == (400, "invalid_grant")


def test_a_new_token_revokes_the_one_before():
    client = Client(20)
    client.mint()
    assert client.get("jobs").status == 401
    kept = Client(20, new_token_revokes=False)
    kept.mint()
    assert kept.get("jobs").status == 200


def test_an_expired_token_is_401():
    client = Client(20, token_lifetime=100)
    client.clock.now += 99
    assert client.get("jobs").status == 200
    client.clock.now += 1
    answer = client.get("jobs")
    assert answer.status == 401 and answer.errors


def test_wrong_secret_is_invalid_client():
    answer = Client(20).mint(secret="wrong")
    assert (answer.status, answer.json["error"]) == (401, "invalid_client")


def test_scope_that_was_not_granted_is_invalid_scope():
    answer = Client(20).mint(scope="harvest:jobs:destroy")
    assert (answer.status, answer.json["error"]) == (400, "invalid_scope")


def test_token_request_must_be_a_form():
    client = Client(20)
    own = client.sim.credentials
    basic = base64.b64encode(f"{own['client_id']}:{own['client_secret']}".encode()).decode()
    headers = {"authorization": f"Basic {basic}", "content-type": "application/json"}
    answer = client.sim.respond(SimRequest("POST", "/token", headers, b'{"grant_type":"client_credentials"}'))
    assert answer.status == 400


def test_each_credential_has_its_own_flow():
    client = Client(20)
    assert client.mint(partner=True).json["error"] == "unauthorized_client"
    assert client.mint(grant_type="refresh_token", refresh_token="x").json["error"] == "unauthorized_client"


def test_authorization_code_gives_a_pair():
    client = Client(20)
    back = code_for(client)
    assert back["state"] == ["s1"]
    reply = exchange(client, back["code"][0]).json
    assert reply["refresh_token"]
    assert claims(reply["access_token"])["scope"] == "harvest:applications:list harvest:jobs:list"
    client.token = reply["access_token"]
    assert client.get("jobs").status == 200
    assert client.get("users").status == 403


def test_code_is_good_once_and_for_a_minute():
    client = Client(20)
    code = code_for(client)["code"][0]
    assert exchange(client, code).status == 200
    assert exchange(client, code).json["error"] == "invalid_grant"
    late = code_for(client)["code"][0]
    client.clock.now += 60
    assert exchange(client, late).json["error"] == "invalid_grant"
    other = code_for(client)["code"][0]
    assert exchange(client, other, redirect_uri="https://else.example").json["error"] == "invalid_grant"


def test_authorize_refuses_scopes_it_cannot_grant():
    assert code_for(Client(20), scope="harvest:everything")["error"] == ["invalid_scope"]


def test_refresh_tokens_rotate_and_die_after_a_day():
    client = Client(20)
    first = exchange(client, code_for(client)["code"][0]).json["refresh_token"]
    renewed = client.mint(partner=True, grant_type="refresh_token", refresh_token=first)
    assert renewed.status == 200
    second = renewed.json["refresh_token"]
    assert second != first
    assert client.mint(partner=True, grant_type="refresh_token", refresh_token=first).status == 400
    client.clock.now += 24 * 3600
    dead = client.mint(partner=True, grant_type="refresh_token", refresh_token=second)
    assert dead.json["error"] == "invalid_grant"


def test_introspection_at_its_path():
    client = Client(20, introspection_path="/oauth/introspect")
    own = client.sim.credentials
    basic = base64.b64encode(f"{own['client_id']}:{own['client_secret']}".encode()).decode()
    seen = client.form("/oauth/introspect", basic, {"token": client.token}).json
    assert seen["active"] and "harvest:jobs:list" in seen["scope"].split()
    assert client.form("/oauth/introspect", basic, {"token": "x"}).json == {"active": False}


@pytest.mark.parametrize("name", ["jobs", "applications", "rejection_details", "users", "offers"])
def test_each_list_has_its_scope(name):
    client = Client(20)
    client.sim.authority.narrow(f"harvest:{name}:list")
    assert client.get(name, per_page=1).status == 403
    other = "sources"
    assert client.get(other, per_page=1).status == 200


@pytest.mark.parametrize("action", ["move", "reject", "unreject", "hire", "convert_to_candidate"])
def test_each_write_has_its_scope_seen_before_the_id(action):
    client = Client(20)
    assert client.post(f"applications/0/{action}", {}).status == 404
    client.sim.authority.narrow(f"harvest:applications:{action}")
    assert client.post(f"applications/0/{action}", {}).status == 403


def test_lists_need_a_site_admin_whatever_the_scopes():
    client = Client(20)
    plain = next(u["id"] for u in client.all("users") if not u["site_admin"] and not u["deactivated"])
    client.act_as(plain)
    for name in client.sim.account.tables:
        assert client.get(name, per_page=1).status == 403
    empty = Client(20, non_admin_lists="empty")
    empty.act_as(plain)
    answer = empty.get("jobs")
    assert (answer.status, answer.json) == (200, [])


def test_auth_failures_may_come_as_a_message():
    client = Client(20, auth_error_key="message")
    client.sim.authority.revoke()
    assert "message" in client.get("jobs").json


def test_writes_apply_the_users_own_job_permissions():
    client = Client()
    application = client.active()
    permissions = client.get("user_job_permissions", job_ids=application["job_id"]).json
    allowed = permissions[0]["user_id"]
    users = [u for u in client.all("users") if not u["site_admin"] and not u["deactivated"]]
    other = next(u["id"] for u in users if u["id"] not in {p["user_id"] for p in permissions})
    target, here = client.stages(application["job_id"])[1]["id"], application["job_interview_stage_id"]
    body = {"from_stage_id": here, "to_stage_id": target}
    client.act_as(other)
    assert client.post(f"applications/{application['id']}/move", body).status == 403
    client.sim.account["users"].change(allowed, deactivated=False, site_admin=False)
    client.act_as(allowed)
    assert client.post(f"applications/{application['id']}/move", body).status == 204


def test_confidential_jobs_are_hidden_unless_granted():
    client = Client(400)
    (secret,) = [j["id"] for j in client.sim.account["jobs"] if j["confidential"]]
    hidden = [a["id"] for a in client.sim.account["applications"] if a["job_id"] == secret]
    assert hidden
    assert client.get("jobs", ids=secret).json == []
    assert client.get("job_interview_stages", job_ids=secret).json == []
    assert client.get("applications", ids=hidden[0]).json == []
    assert client.get("application_stages", application_ids=hidden[0]).json == []
    assert client.post(f"applications/{hidden[0]}/unreject").status == 403
    assert str(hidden[0]) not in client.sim.truth()
    granted = Client(400, sees_confidential=True)
    assert len(granted.get("jobs", ids=secret).json) == 1
    assert str(hidden[0]) in granted.sim.truth()


def test_private_candidates_need_a_permission():
    client = Client(400, sees_private=False)
    private = [c["id"] for c in client.sim.account["candidates"] if c["private"]]
    assert private
    assert client.get("candidates", ids=private[0]).json == []
    assert client.get("applications", candidate_ids=private[0]).json == []
    assert Client(400).get("candidates", ids=private[0], private="true").json


def test_an_acting_user_who_is_deactivated_reads_and_writes_no_more():
    client = Client()
    application = client.active()
    client.sim.account["users"].change(client.sim.account.service_user, deactivated=True)
    assert client.get("jobs").status == 403
    body = {"from_stage_id": application["job_interview_stage_id"]}
    assert client.post(f"applications/{application['id']}/move", body).status == 403
    assert client.mint().json["error"] == "invalid_grant"


def test_api_keys_are_gone_and_nobody_acts_on_behalf_of_another():
    client = Client()
    application = client.active()
    key = base64.b64encode(b"an-api-key:").decode()
    basic = SimRequest("GET", "/v3/jobs", {"authorization": f"Basic {key}"})
    assert client.sim.respond(basic).status == 401
    other = next(u["id"] for u in client.all("users") if u["site_admin"] and not u["deactivated"])
    headers = {
        "authorization": f"Bearer {client.token}",
        "content-type": "application/json",
        "on-behalf-of": str(other),
    }
    body = json.dumps({"from_stage_id": application["job_interview_stage_id"]}).encode()
    target = f"/v3/applications/{application['id']}/move"
    assert client.sim.respond(SimRequest("POST", target, headers, body)).status == 204
    assert [a.actor for a in client.sim.accepted] == [str(client.sim.account.service_user)]


def test_a_partners_access_token_lives_an_hour():
    client = Client(20, token_lifetime=86_400.0)
    client.token = exchange(client, code_for(client)["code"][0]).json["access_token"]
    client.clock.now += 3599
    assert client.get("jobs").status == 200
    client.clock.now += 1
    assert client.get("jobs").status == 401


# -- what a test may do to a credential --


@pytest.mark.parametrize("scope", Client(20).sim.permissions())
def test_a_scope_taken_back_closes_what_it_opened_and_nothing_else(scope):
    client = Client(20)
    client.sim.revoke(scope)
    answers = {}
    for other in client.sim.permissions():
        _, name, action = other.split(":")
        answer = (
            client.get(name, per_page=1) if action == "list" else client.post(f"applications/0/{action}", {})
        )
        answers[other] = answer.status
    assert answers.pop(scope) == 403
    assert 403 not in answers.values()
    client.token = client.mint().json["access_token"]
    assert scope not in claims(client.token)["scope"].split()


def test_a_scope_that_nobody_knows_cannot_be_taken_back():
    with pytest.raises(ValueError, match="no permission"):
        Client(20).sim.revoke("harvest:everything")


def test_expired_tokens_are_401_and_a_new_one_is_good():
    client = Client(20)
    assert client.sim.expire_tokens()
    assert client.get("jobs").status == 401
    client.token = client.mint().json["access_token"]
    assert client.get("jobs").status == 200


# -- limits --


def test_what_is_answered_over_the_limit_can_be_had_without_going_there():
    client = Client(20, limits="sheet", rate_limit=1)
    told = Answer(client.sim.throttled())
    assert client.get("jobs").status == 200
    late = client.get("jobs")
    assert (late.status, late.json) == (told.status, told.json) == (429, {"errors": ["Too many requests."]})
    for name in ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After"):
        assert told.header(name) == late.header(name) is not None


def test_each_page_is_a_request_and_a_new_token_opens_no_new_window():
    client = Client(20, limits="sheet", rate_limit=3)
    first = client.get("applications", per_page=5)
    second = client.send("GET", first.next)
    assert second.header("X-RateLimit-Remaining") == "1"
    client.token = client.mint().json["access_token"]
    assert client.send("GET", second.next).header("X-RateLimit-Remaining") == "0"
    assert client.get("jobs").status == 429


def test_window_of_thirty_seconds_with_headers():
    client = Client(20, limits="sheet")
    for left in range(74, -1, -1):
        answer = client.get("sources")
        assert answer.status == 200
        assert answer.header("X-RateLimit-Limit") == "75"
        assert answer.header("X-RateLimit-Remaining") == str(left)
    reset = int(answer.header("X-RateLimit-Reset"))
    assert 0 < reset - client.clock.now <= 30 and reset % 30 == 0
    late = client.get("sources")
    assert late.status == 429
    wait = int(late.header("Retry-After"))
    assert client.clock.now + wait >= reset
    client.clock.now += wait
    assert client.get("sources").status == 200


def test_limit_is_a_setting_and_a_factor():
    client = Client(20, limits="x2", rate_limit=3)
    assert [client.get("sources").status for _ in range(7)] == [200] * 6 + [429]


def test_refused_requests_count_and_carry_headers():
    client = Client(20, limits="sheet", rate_limit=2)
    client.sim.authority.narrow("harvest:jobs:list")
    answer = client.get("jobs")
    assert answer.status == 403 and answer.header("X-RateLimit-Remaining") == "1"
    client.sim.authority.revoke()
    unknown = client.get("jobs")
    assert unknown.status == 401 and unknown.header("X-RateLimit-Limit") == "2"


def test_token_requests_have_a_window_of_their_own():
    client = Client(20, limits="sheet", token_rate_limit=3)
    assert [client.mint().status for _ in range(3)] == [200, 200, 429]
    assert client.mint().header("Retry-After")
    client.clock.now += 60
    assert client.mint().status == 200


def test_every_answer_has_date_and_request_id():
    client = Client(20)
    answer = client.get("jobs")
    assert answer.header("Date") == "Mon, 21 Sep 2026 14:13:20 GMT"
    assert answer.header("X-Request-Id") != client.get("jobs").header("X-Request-Id")
    assert Client(20, request_id=False).get("jobs").header("X-Request-Id") is None
