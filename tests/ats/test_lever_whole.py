"""Lever end to end: the simulator on a loopback port, a bridge, and a CRM in SQLite."""

from __future__ import annotations

import json
from contextlib import ExitStack
from urllib.parse import parse_qs, urlencode, urlsplit

import attrs
import pytest

from atsbridge import Bridge
from atsbridge.ats.interface import Proof
from atsbridge.ats.lever import Lever
from atsbridge.crm.sql import SqlCrm
from atsbridge.errors import AtsBridgeError, Forbidden
from atsbridge.model import Kind, Ref, TombstoneKind
from atsbridge.simulators.interface import Limits, SimRequest, SimResponse
from atsbridge.simulators.lever import LeverSimulator
from atsbridge.simulators.serve import serve
from atsbridge.sync.context import Tuning

QUICK = Tuning(rate_factor=None)
READS = ("opportunities", "applications", "postings", "requisitions", "stages", "archive_reasons", "users")
WRITE = "opportunities:write:admin"


class World(ExitStack):
    """A simulated account, and a bridge to it."""

    def __init__(self, tmp_path, *, intercept=None, sim=None, **settings):
        super().__init__()
        self.sim = sim or LeverSimulator.generate(60, limits=Limits(None))
        self.server = self.enter_context(serve(self.sim, intercept=intercept))
        self.crm = self.enter_context(SqlCrm(tmp_path / "crm.sqlite"))
        usual = {"acting_user": self.sim.acting_user, "confidential": True}
        self.ats = Lever(connection="acme", **{**usual, **(settings or self.sim.credentials)})
        mapping = {"version": 1, "scope": {"prospects": True, "confidential": True}}
        self.bridge = self.enter_context(
            Bridge(ats=self.ats, crm=self.crm, mapping=mapping, at=self.server.url, tuning=QUICK)
        )

    def asked(self):
        return [urlsplit(one.target).path for one in self.server.requests]

    def candidate(self, application):
        return self.crm.candidate(Ref("acme", Kind.CANDIDATE, self.sim.truth()[application].candidate))


@pytest.fixture
def world(tmp_path):
    with ExitStack() as stack:
        yield lambda **how: stack.enter_context(World(tmp_path, **how))


# -- OAuth --


def authorised(sim, *scopes):
    """The settings of an OAuth connection, as a person's consent gives them."""
    client = sim.oauth_client
    audience = "https://api.lever.co/v1/"
    asked = {**client, "response_type": "code", "audience": audience, "scope": " ".join(scopes)}
    del asked["client_secret"]
    answer = sim.respond(SimRequest("GET", f"/authorize?{urlencode(asked)}"))
    code = parse_qs(urlsplit(answer.header("location")).query)["code"][0]
    form = {**client, "grant_type": "authorization_code", "code": code}
    kind = {"content-type": "application/json"}
    reply = sim.respond(SimRequest("POST", "/oauth/token", kind, json.dumps(form).encode()))
    return {
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
        "refresh_token": json.loads(reply.body)["refresh_token"],
    }


@pytest.mark.parametrize("write, proof", [(True, Proof.PROVED), (False, Proof.MISSING)])
def test_the_token_s_scopes_are_held_against_what_is_needed(world, write, proof):
    sim = LeverSimulator.generate(60, limits=Limits(None))
    scopes = ["offline_access", "contacts:read:admin", *(f"{name}:read:admin" for name in READS)]
    found = world(sim=sim, **authorised(sim, *scopes, *([WRITE] if write else [])))
    report = found.bridge.check()
    proofs = {f.what: f.proof for f in report.access}
    assert proofs["write the stage and archive state of opportunities"] is proof
    assert proofs["read contacts"] is Proof.PROVED
    assert report.exit_code == (3 if write else 1)


def test_where_no_token_can_be_had_check_still_answers(world):
    sim = LeverSimulator.generate(60, limits=Limits(None))
    settings = {**authorised(sim, "offline_access", "stages:read:admin"), "client_secret": "wrong"}
    report = world(sim=sim, **settings).bridge.check()
    assert report.exit_code == 1
    assert report.access[0].proof is Proof.MISSING


def test_a_rotating_refresh_token_is_used_once_and_then_the_new_one(world):
    sim = LeverSimulator.generate(60, limits=Limits(None), rotate_refresh=True)
    scopes = ["offline_access", "contacts:read:admin", *(f"{name}:read:admin" for name in READS)]
    found = world(sim=sim, **authorised(sim, *scopes))
    assert found.bridge.pull().created
    sim.keyring.tokens.clear()
    found.bridge.pull(full=True)
    assert found.asked().count("/oauth/token") == 2


# -- web hooks --


def test_every_delivery_of_the_simulator_is_read_and_a_forged_one_is_not():
    sim = LeverSimulator.generate(60, limits=Limits(None))
    ats = Lever(connection="acme", **sim.credentials)
    key = sim.apply(name="Ada Borg", email="ada@example.com")
    contact = sim.truth()[key].candidate
    sim.move(key, "offer")
    sim.hire(key)
    sim.delete(key)
    assert len(sim.deliveries()) == 6
    for sent in sim.deliveries():
        hint = ats.read_hook(sent.headers, sent.body)
        assert hint.refs == (Ref("acme", Kind.APPLICATION, key), Ref("acme", Kind.CANDIDATE, contact))
        forged = sim.unsigned(sent)
        assert ats.read_hook(forged.headers, forged.body) is None
        assert attrs.evolve(ats, hook_token="another").read_hook(sent.headers, sent.body) is None


def test_deliveries_with_a_signature_header_are_read_by_setting():
    sim = LeverSimulator.generate(60, limits=Limits(None), hook_signature_header=True)
    ats = Lever(connection="acme", **sim.credentials, hook_signed="body")
    sim.move(next(iter(sim.truth())), "offer")
    (sent,) = sim.deliveries()
    assert ats.read_hook(sent.headers, sent.body).refs
    assert ats.read_hook(sent.headers, sent.body.replace(b"offer", b"other")) is None


# -- privacy --


def test_a_person_is_forgotten_although_the_contact_did_not_answer_at_first(world):
    down = [False]

    def intercept(request, respond):
        if down[0] and request.target.startswith("/v1/contacts/"):
            return SimResponse(403, (("Content-Type", "application/json"),), b'{"code":"Forbidden"}')
        return respond(request)

    found = world(intercept=intercept)
    key = found.sim.apply(name="Ada Borg", email="ada@example.com")
    found.bridge.pull()
    assert found.candidate(key).name == "Ada Borg"
    found.sim.anonymise(key)
    down[0] = True
    with pytest.raises(AtsBridgeError):
        found.bridge.pull()
    down[0] = False
    found.bridge.pull()
    gone = found.candidate(key)
    assert gone is None or (gone.name, gone.emails) == (None, ())


def test_who_lives_is_not_forgotten_although_their_contact_is_never_found(world):
    lost = [True]

    def intercept(request, respond):
        if lost[0] and request.target.startswith("/v1/contacts/"):
            body = b'{"code":"ResourceNotFound","message":"Contact was not found"}'
            return SimResponse(404, (("Content-Type", "application/json"),), body)
        return respond(request)

    found = world(intercept=intercept)
    one, two = (found.sim.apply(name="Ada Borg", email="ada@example.com") for _ in range(2))
    found.bridge.pull()
    found.sim.anonymise(one)
    found.bridge.pull()
    assert found.candidate(two).name == "Ada Borg"
    found.sim.anonymise(two)
    found.bridge.pull()
    gone = found.candidate(two)
    assert gone is None or (gone.name, gone.emails) == (None, ())


@pytest.mark.parametrize("status", [403, 404])
def test_what_was_made_confidential_is_lost_and_not_deleted(world, status):
    sim = LeverSimulator.generate(60, limits=Limits(None), confidential_status=status)
    key = next(iter(sim.truth()))
    sim.set_confidential(key)
    blind = sim.add_key(confidential=False)
    found = world(sim=sim, api_key=blind, hidden_is_404=status == 404, confidential=False)
    ref = Ref("acme", Kind.APPLICATION, key)
    gone = run(found, found.ats.get_application(ref))
    assert gone.tombstone.kind is TombstoneKind.LOST_ACCESS


def test_a_grant_that_was_taken_back_is_no_lost_record(world):
    sim = LeverSimulator.generate(60, limits=Limits(None))
    found = world(sim=sim, api_key=sim.add_key(["stages:read"]))
    with pytest.raises(Forbidden):
        run(found, found.ats.get_application(Ref("acme", Kind.APPLICATION, next(iter(sim.truth())))))


def run(found, operation):
    bridge = found.bridge
    return bridge._run(lambda ctx: ctx.client.run(operation))
