"""The simulated Lever: keys, OAuth, limits and errors."""

from __future__ import annotations

import base64
import json
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from atsbridge.simulators.interface import Limits, SimRequest, SimResponse
from atsbridge.simulators.lever import LeverSimulator

NOW = 1_790_000_000.0
DAY = 86_400
SCOPE = "offline_access opportunities:read:admin stages:read:admin users:read:admin"
AUDIENCE = "https://api.lever.co/v1/"


class World:
    """A simulator with a clock that stands still until told."""

    def __init__(self, count: int = 30, **settings: Any) -> None:
        self.now = NOW
        settings.setdefault("limits", Limits(None))
        self.sim = LeverSimulator.generate(count, seed=2, clock=lambda: self.now, **settings)

    def ask(self, method: str, target: str, body: Any = None, **headers: str) -> SimResponse:
        content = b"" if body is None else json.dumps(body).encode()
        headers.setdefault("content-type", "application/json")
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.sim.respond(SimRequest(method, target, names, content))

    def keyed(self, method: str, target: str, body: Any = None, *, key: str | None = None) -> SimResponse:
        return self.ask(method, target, body, authorization=basic(key or self.sim.credentials["api_key"]))

    def bearer(self, target: str, token: str) -> SimResponse:
        return self.ask("GET", target, authorization=f"Bearer {token}")

    # -- OAuth --

    def authorize(self, **changed: str) -> SimResponse:
        client = self.sim.oauth_client
        query = {
            "client_id": client["client_id"],
            "redirect_uri": client["redirect_uri"],
            "state": "s 1",
            "response_type": "code",
            "scope": SCOPE,
            "prompt": "consent",
            "audience": AUDIENCE,
        }
        query.update(changed)
        return self.ask("GET", f"/authorize?{urlencode({k: v for k, v in query.items() if v})}")

    def code(self, **changed: str) -> str:
        return answer(self.authorize(**changed))["code"]

    def token(self, *, form: bool = False, **fields: str) -> SimResponse:
        client = self.sim.oauth_client
        fields = {"client_id": client["client_id"], "client_secret": client["client_secret"], **fields}
        if not form:
            return self.ask("POST", "/oauth/token", fields)
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return self.sim.respond(SimRequest("POST", "/oauth/token", kind, urlencode(fields).encode()))

    def exchange(self, code: str, **changed: str) -> SimResponse:
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.callback, **changed}
        return self.token(**fields)

    def refresh(self, token: str) -> SimResponse:
        return self.token(grant_type="refresh_token", refresh_token=token)

    @property
    def callback(self) -> str:
        return self.sim.oauth_client["redirect_uri"]


def basic(key: str, password: str = "") -> str:
    return "Basic " + base64.b64encode(f"{key}:{password}".encode()).decode()


def loaded(response: SimResponse) -> Any:
    return json.loads(response.body)


def answer(response: SimResponse) -> dict[str, str]:
    """What the redirect of ``/authorize`` carries."""
    assert response.status == 302
    query = parse_qs(urlsplit(response.header("location") or "").query)
    return {name: values[0] for name, values in query.items()}


# -- keys --


def test_a_key_is_the_user_name_with_an_empty_password():
    world = World()
    key = world.sim.credentials["api_key"]
    assert world.ask("GET", "/v1/stages", authorization=basic(key)).status == 200
    assert world.ask("GET", "/v1/stages", authorization=basic(key, "secret")).status == 401


@pytest.mark.parametrize(
    "header", [None, "", "Basic", "Basic !!!", "Basic é", basic("other"), "Bearer x", "Digest x", basic("")]
)
def test_a_bad_credential_is_401(header):
    headers = {} if header is None else {"authorization": header}
    response = World().ask("GET", "/v1/stages", **headers)
    assert response.status == 401
    assert loaded(response)["code"] == "Unauthorized"


@pytest.mark.parametrize(
    ("grant", "target"),
    [
        ("opportunities", "/v1/opportunities"),
        ("opportunities", "/v1/opportunities/deleted"),
        ("opportunities", "/v1/candidates"),
        ("applications", "/v1/applications/deleted"),
        ("postings", "/v1/postings"),
        ("requisitions", "/v1/requisitions"),
        ("stages", "/v1/stages"),
        ("stages", "/v1/disposition_stages"),
        ("archive_reasons", "/v1/archive_reasons"),
        ("users", "/v1/users"),
        ("sources", "/v1/sources"),
        ("tags", "/v1/tags"),
        ("webhooks", "/v1/webhooks"),
    ],
)
def test_each_endpoint_needs_its_grant(grant, target):
    world = World()
    granted = world.sim.add_key([f"{grant}:read"])
    without = world.sim.add_key(f"{r}:write" for r in ("contacts", "offers"))
    assert world.keyed("GET", target, key=granted).status == 200
    response = world.keyed("GET", target, key=without)
    assert (response.status, loaded(response)["code"]) == (403, "Forbidden")


def test_reading_is_not_writing_but_writing_is_reading():
    world = World()
    key, body = next(iter(world.sim.truth())), {"stage": "offer"}
    reader, writer = (world.sim.add_key([f"opportunities:{verb}"]) for verb in ("read", "write"))
    target = f"/v1/opportunities/{key}"
    assert world.keyed("PUT", f"{target}/stage", body, key=reader).status == 403
    assert world.keyed("PUT", f"{target}/stage", body, key=writer).status == 200
    assert world.keyed("GET", target, key=writer).status == 200
    assert len(world.sim.accepted) == 1


def test_preflight_reads_all_answer():
    world = World()
    for path in ("users?limit=1", "stages", "archive_reasons", "postings?limit=1", "requisitions?limit=1"):
        assert world.keyed("GET", f"/v1/{path}").status == 200
    user = loaded(world.keyed("GET", f"/v1/users/{world.sim.acting_user}"))["data"]
    assert user["deactivatedAt"] is None


# -- errors and headers --


def test_errors_have_a_code_and_a_message():
    response = World().keyed("GET", "/v1/opportunities?limit=0")
    assert response.status == 400
    assert loaded(response)["code"] == "BadRequestError"
    assert loaded(response)["message"]


def test_code_names_are_a_setting():
    response = World(codes={400: "InvalidArgument"}).keyed("GET", "/v1/opportunities?limit=0")
    assert loaded(response)["code"] == "InvalidArgument"


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/v1/nothing"),
        ("GET", "/v1/"),
        ("GET", "/v2/stages"),
        ("DELETE", "/v1/stages"),
        ("POST", "/v1/opportunities"),
        ("PATCH", "/v1/opportunities/x"),
        ("GET", "/v1/opportunities/x/stage"),
        ("GET", "/v1/webhooks/x"),
        ("PUT", "/v1/opportunities/x/snooze"),
        ("GET", "/oauth/token"),
    ],
)
def test_what_does_not_exist_is_404_whatever_the_method(method, target):
    response = World().keyed(method, target, {})
    assert (response.status, loaded(response)["code"]) == (404, "ResourceNotFound")


def test_a_path_segment_is_decoded_once_and_stays_one_segment():
    world = World()
    stage = world.sim.account.stages[0].id
    assert world.keyed("GET", f"/v1/stages/{stage.replace('-', '%2D')}").status == 200
    assert world.keyed("GET", "/v1/users%2Fx").status == 404
    assert world.keyed("GET", "/v1/stages/..%2Fusers").status == 404


@pytest.mark.parametrize(("status", "code"), [(500, "ServerError"), (503, "ServiceUnavailable")])
def test_an_outage_answers_everything(status, code):
    world = World()
    world.sim.outage = status
    response = world.keyed("GET", "/v1/stages")
    assert (response.status, loaded(response)["code"]) == (status, code)
    world.sim.outage = None
    assert world.keyed("GET", "/v1/stages").status == 200


def test_every_answer_has_the_vendor_s_clock_and_names():
    world = World(region="eu")
    for response in (world.keyed("GET", "/v1/stages"), world.ask("GET", "/v1/stages")):
        assert parsedate_to_datetime(response.header("date") or "").timestamp() == NOW
        assert response.header("server") == "lever-data-api"
        assert response.header("x-lever-region") == "eu"


# -- limits --


def statuses(world: World, count: int, target: str = "/v1/stages", **how: Any) -> list[int]:
    return [world.keyed(how.get("method", "GET"), target, key=how.get("key")).status for _ in range(count)]


def test_twenty_at_once_then_ten_a_second():
    world = World(limits=Limits())
    assert statuses(world, 22) == [200] * 20 + [429] * 2
    world.now += 0.5
    assert statuses(world, 7) == [200] * 5 + [429] * 2
    world.now += 60
    assert statuses(world, 21) == [200] * 20 + [429]


def test_too_many_gives_no_hint_when_to_come_back():
    world = World(limits=Limits())
    response = [world.keyed("GET", "/v1/stages") for _ in range(21)][-1]
    assert (response.status, loaded(response)["code"]) == (429, "TooManyRequests")
    names = {name.lower() for name, _ in response.headers}
    assert not {n for n in names if n == "retry-after" or "ratelimit" in n}


def test_each_key_has_its_own_bucket_whoever_calls():
    world = World(limits=Limits())
    other = world.sim.add_key()
    assert statuses(world, 21)[-1] == 429
    assert statuses(world, 1, key=other) == [200]


def test_a_refused_write_changes_nothing():
    world = World(limits=Limits())
    key = next(iter(world.sim.truth()))
    statuses(world, 20)
    before = world.sim.truth()
    assert world.keyed("PUT", f"/v1/opportunities/{key}/stage", {"stage": "offer"}).status == 429
    assert (world.sim.truth(), world.sim.accepted) == (before, [])


def test_what_would_create_applications_is_held_to_two_a_second():
    world = World(limits=Limits())
    assert statuses(world, 3, "/v1/postings/x/apply", method="POST") == [404, 404, 429]
    world.now += 0.5
    assert statuses(world, 2, "/v1/opportunities", method="POST") == [404, 429]
    assert statuses(world, 1) == [200]


def test_limits_can_be_widened_and_switched_off():
    assert statuses(World(limits=Limits.read("x2")), 41) == [200] * 40 + [429]
    assert statuses(World(limits=Limits.read("off")), 100) == [200] * 100


# -- OAuth --


def test_authorisation_comes_back_with_code_and_state():
    response = World().authorize()
    assert (response.header("location") or "").startswith("https://app.example.com/lever/callback?")
    assert set(answer(response)) == {"code", "state"}
    assert answer(response)["state"] == "s 1"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"audience": ""}, "invalid_request"),
        ({"audience": "https://api.lever.co/v1"}, "invalid_request"),
        ({"audience": "https://api.sandbox.lever.co/v1/"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
    ],
)
def test_a_faulty_authorisation_comes_back_with_an_error(changed, error):
    found = answer(World().authorize(**changed))
    assert found["error"] == error
    assert "code" not in found


@pytest.mark.parametrize("changed", [{"client_id": "other"}, {"redirect_uri": "https://evil.example.com/"}])
def test_an_unknown_client_is_not_redirected(changed):
    response = World().authorize(**changed)
    assert response.status == 400
    assert response.header("location") is None


def test_only_a_super_admin_can_consent():
    world = World()
    world.sim.auth_server.consents = False
    assert answer(world.authorize())["error"] == "access_denied"


@pytest.mark.parametrize("form", [True, False])
def test_a_code_becomes_tokens_by_form_or_json(form):
    world = World()
    fields = {"grant_type": "authorization_code", "code": world.code(), "redirect_uri": world.callback}
    reply = loaded(world.token(form=form, **fields))
    assert set(reply) == {"access_token", "refresh_token", "expires_in", "scope", "token_type"}
    assert (reply["expires_in"], reply["scope"], reply["token_type"]) == (3600, SCOPE, "Bearer")
    assert world.bearer("/v1/stages", reply["access_token"]).status == 200


def test_no_refresh_token_without_offline_access():
    world = World()
    assert "refresh_token" not in loaded(world.exchange(world.code(scope="stages:read:admin")))


def test_a_code_works_once_and_not_for_long_and_only_with_its_redirect_uri():
    world = World()
    code = world.code()
    assert world.exchange(code).status == 200
    assert loaded(world.exchange(code))["error"] == "invalid_grant"
    assert world.exchange(world.code(), redirect_uri="https://app.example.com/other").status == 400
    late = world.code()
    world.now += 601
    assert loaded(world.exchange(late))["error"] == "invalid_grant"


def test_a_wrong_secret_or_grant_type_gets_no_token():
    world = World()
    assert world.exchange(world.code(), client_secret="wrong").status == 401
    assert loaded(world.token(grant_type="password"))["error"] == "unsupported_grant_type"
    assert world.ask("POST", "/oauth/token", ["not an object"]).status == 400


def test_an_access_token_lives_an_hour():
    world = World()
    token = loaded(world.exchange(world.code()))["access_token"]
    world.now += 3599
    assert world.bearer("/v1/stages", token).status == 200
    world.now += 2
    assert world.bearer("/v1/stages", token).status == 401


def test_a_refresh_gives_a_new_access_token_and_keeps_the_refresh_token():
    world = World()
    refresh = loaded(world.exchange(world.code()))["refresh_token"]
    replies = [loaded(world.refresh(refresh)) for _ in range(2)]
    assert all("refresh_token" not in reply for reply in replies)
    assert world.bearer("/v1/stages", replies[1]["access_token"]).status == 200


def test_with_rotation_the_old_refresh_token_dies():
    world = World(rotate_refresh=True)
    refresh = loaded(world.exchange(world.code()))["refresh_token"]
    renewed = loaded(world.refresh(refresh))["refresh_token"]
    assert renewed != refresh
    assert loaded(world.refresh(refresh))["error"] == "invalid_grant"
    assert world.refresh(renewed).status == 200


def test_a_refresh_token_dies_of_90_idle_days_and_after_a_year():
    world = World()
    idle, used = (loaded(world.exchange(world.code()))["refresh_token"] for _ in range(2))
    for _ in range(6):
        world.now += 60 * DAY
        assert world.refresh(used).status == 200
    assert world.refresh(idle).status == 400
    world.now += 10 * DAY
    assert world.refresh(used).status == 400


def test_scopes_are_enforced():
    world = World()
    token = loaded(world.exchange(world.code()))["access_token"]
    assert world.bearer("/v1/users", token).status == 200
    assert world.bearer("/v1/postings", token).status == 403
    key = next(iter(world.sim.truth()))
    response = world.ask(
        "PUT", f"/v1/opportunities/{key}/stage", {"stage": "offer"}, authorization=f"Bearer {token}"
    )
    assert response.status == 403


def test_confidential_records_need_their_own_scope():
    world = World(300)
    counts = []
    for scope in ("opportunities:read:admin", "opportunities:read:admin confidential:access:admin"):
        token = loaded(world.exchange(world.code(scope=scope)))["access_token"]
        counts.append(
            len(loaded(world.bearer("/v1/opportunities?confidentiality=confidential", token))["data"])
        )
    assert counts[0] == 0 < counts[1]


def test_each_token_has_its_own_bucket():
    world = World(limits=Limits())
    one, two = (loaded(world.exchange(world.code()))["access_token"] for _ in range(2))
    assert [world.bearer("/v1/stages", one).status for _ in range(21)][-1] == 429
    assert world.bearer("/v1/stages", two).status == 200


def test_a_token_of_production_names_the_signing_key_on_the_sandbox():
    production = World()
    token = loaded(production.exchange(production.code()))["access_token"]
    response = World(region="sandbox").bearer("/v1/stages", token)
    assert response.status == 401
    assert "signing key" in loaded(response)["message"]


def test_each_region_has_its_own_audience():
    world = World(region="sandbox")
    assert answer(world.authorize())["error"] == "invalid_request"
    assert "code" in answer(world.authorize(audience="https://api.sandbox.lever.co/v1/"))


def test_the_audience_can_be_another():
    world = World(region="eu", audience=AUDIENCE)
    assert "code" in answer(world.authorize())
    assert answer(world.authorize(audience="https://api.eu.lever.co/v1/"))["error"] == "invalid_request"


@pytest.mark.parametrize("form", [True, False])
def test_a_refresh_is_form_or_json(form):
    world = World()
    token = loaded(world.exchange(world.code()))["refresh_token"]
    reply = world.token(form=form, grant_type="refresh_token", refresh_token=token)
    assert (reply.status, loaded(reply)["scope"], loaded(reply)["expires_in"]) == (200, SCOPE, 3600)
    wrong = world.token(form=form, grant_type="refresh_token", refresh_token=token, client_secret="wrong")
    assert (wrong.status, loaded(wrong)["error"]) == (401, "invalid_client")


def test_the_name_of_the_confidential_scope_is_a_setting():
    world = World(300, confidential_scope="secret:read:admin")
    assert answer(world.authorize(scope="confidential:access:admin"))["error"] == "invalid_scope"
    code = world.code(scope="opportunities:read:admin secret:read:admin")
    token = loaded(world.exchange(code))["access_token"]
    assert loaded(world.bearer("/v1/opportunities?confidentiality=confidential", token))["data"]


def test_a_key_of_another_account_or_region_is_unknown():
    key = World().sim.credentials["api_key"]
    assert World().keyed("GET", "/v1/stages", key=key).status == 200
    for region in ("sandbox", "eu"):
        assert World(region=region).keyed("GET", "/v1/stages", key=key).status == 401
    assert World().keyed("GET", "/v1/stages", key=World().sim.add_key()).status == 401


def test_what_can_be_read_can_be_asked_for_its_head():
    world = World()
    head, whole = world.keyed("HEAD", "/v1/stages"), world.keyed("GET", "/v1/stages")
    assert (head.status, head.headers) == (200, whole.headers)
    assert world.keyed("HEAD", "/v1/nothing").status == 404
    assert world.ask("HEAD", "/v1/stages").status == 401


@pytest.mark.parametrize("query", ["%", "limit=%zz", "&&&", "=", "a=b=c", "limit=1&limit=200", "x=\x00", "+"])
def test_an_odd_query_string_is_answered(query):
    assert World().keyed("GET", f"/v1/opportunities?{query}").status in (200, 400)


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PATCH", "get", "", "\u00fc"])
def test_an_unknown_method_is_404(method):
    assert World().keyed(method, "/v1/stages").status == 404


def test_a_permission_can_be_taken_back():
    world = World()
    key, stage = next(iter(world.sim.truth())), {"stage": "offer"}
    target = f"/v1/opportunities/{key}"
    world.sim.revoke("opportunities:write")
    assert (world.keyed("GET", target).status, world.keyed("PUT", f"{target}/stage", stage).status) == (
        200,
        403,
    )
    world.sim.revoke("opportunities:read")
    world.sim.revoke("opportunities:write")
    assert world.keyed("GET", target).status == 403
    assert world.keyed("GET", "/v1/stages").status == 200
    with pytest.raises(ValueError, match="no permission"):
        world.sim.revoke("moon:read")


def test_offsets_and_tokens_can_be_made_to_expire():
    world = World(300)
    assert world.sim.expire_tokens() is False
    token = loaded(world.exchange(world.code()))["access_token"]
    assert world.sim.expire_tokens() is True
    assert world.bearer("/v1/stages", token).status == 401
    target = "/v1/opportunities?offset="
    offset = urlencode({"offset": loaded(world.keyed("GET", "/v1/opportunities"))["next"]})[7:]
    assert world.keyed("GET", target + offset).status == 200
    world.sim.expire_cursors()
    assert world.keyed("GET", target + offset).status == 400
    world.keyed("GET", "/v1/opportunities")  # gives it out anew
    assert world.keyed("GET", target + offset).status == 200


@pytest.mark.parametrize("obstacle", World(1).sim.obstacles())
def test_each_obstacle_refuses_a_move(obstacle):
    world = World()
    key, user = next(iter(world.sim.truth())), world.sim.acting_user
    target = f"/v1/opportunities/{key}/stage?perform_as={user}"
    world.sim.obstacles()[obstacle](key)
    assert world.keyed("PUT", target, {"stage": "offer"}).status in (400, 403, 404)
    assert world.sim.accepted == []
