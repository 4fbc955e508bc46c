"""Greenhouse end to end: the simulator on a loopback port, a bridge, and a CRM in SQLite."""

from __future__ import annotations

import base64
import itertools
import json
from collections import Counter
from contextlib import ExitStack
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from atsbridge import Bridge
from atsbridge.ats.greenhouse import VENDOR, Greenhouse
from atsbridge.ats.interface import Proof
from atsbridge.crm.sql import SqlCrm
from atsbridge.errors import Unauthorized
from atsbridge.ledgers.memory import MemoryLedger
from atsbridge.model import CompareAndSet, Kind, Ref, Result
from atsbridge.simulators.greenhouse import GreenhouseSimulator
from atsbridge.simulators.interface import Limits, SimRequest
from atsbridge.simulators.serve import serve
from atsbridge.sync.context import Tuning

INCREMENTAL = {
    "users",
    "rejection_reasons",
    "jobs",
    "job_interview_stages",
    "candidates",
    "applications_active",
    "application_stages",
    "applications",
}
QUICK = Tuning(rate_factor=None)


class World(ExitStack):
    """A simulated account, and a bridge that has everything in scope and may write."""

    def __init__(self, tmp_path, applications=80, *, intercept=None, adapter=None, **switches):
        super().__init__()
        self.sim = GreenhouseSimulator.generate(applications, limits=Limits(None), **switches)
        self.server = self.enter_context(serve(self.sim, intercept=intercept))
        self.crm = self.enter_context(SqlCrm(tmp_path / "crm.sqlite"))
        settings = {"visible_within_seconds": 0.0, **self.sim.credentials, **(adapter or {})}
        self.ats = Greenhouse(connection="acme", **settings)
        self.ledger = MemoryLedger()
        with Bridge(
            ats=self.ats, crm=self.crm, mapping={"version": 1}, at=self.server.url, tuning=QUICK
        ) as first:
            self.mapping = _opened(first.suggest())
        self.bridge = self.enter_context(
            Bridge(
                ats=self.ats,
                crm=self.crm,
                mapping=self.mapping,
                ledger=self.ledger,
                at=self.server.url,
                approved=VENDOR.surface_digest,
                tuning=QUICK,
            )
        )

    def __exit__(self, *raised):
        try:
            return super().__exit__(*raised)
        finally:
            assert not self.server.failures

    @property
    def truth(self):
        return {id: (t.stage, t.status, t.reason, t.candidate, t.job) for id, t in self.sim.truth().items()}

    @property
    def held(self):
        return {
            view.ref.id: (
                view.confirmed.stage,
                view.confirmed.status.value,
                view.confirmed.reason,
                view.candidate.id,
                view.job.id if view.job else None,
            )
            for view in self.crm.applications()
        }

    def pull(self):
        """A pull's report, and how often it asked for each listing."""
        before = len(self.server.requests)
        report = self.bridge.pull()
        asked = list(self.server.requests)[before:]
        return report, Counter(urlsplit(r.target).path.removeprefix("/v3/") for r in asked)

    def ref(self, id):
        return Ref("acme", Kind.APPLICATION, id)

    def active(self, *, job_open=False):
        """Applications that can be moved."""
        jobs = {str(j["id"]) for j in self.sim.account["jobs"] if j["status"] == "open"}
        return [
            id for id in self.truth if self.sim.stages_for(id) and (not job_open or self.truth[id][4] in jobs)
        ]

    def ended(self, status):
        return [id for id, t in self.truth.items() if t[1] == status]

    def hirable(self, openings=(0, 1)):
        """Applications for jobs with so many open openings."""
        account = self.sim.account
        return [id for id in self.active() if len(account.open_openings(int(self.truth[id][4]))) in openings]

    def change(self, id, **wanted):
        return self.crm.change_step(self.ref(id), actor="recruiter", **wanted)

    def reason_word(self, outcome):
        reason = self.sim.reasons(outcome)[0]
        return self.sim.account["rejection_reasons"].find(int(reason))["name"]


def _opened(text):
    """The suggested mapping, with everything in scope and all of it writable."""
    for old, new in (
        ('mode = "off"', 'mode = "on"'),
        ('hire = "off"', 'hire = ["Hired"]'),
        ("prospects = false", "prospects = true"),
        ("confidential = false", "confidential = true"),
        ("change_ended = false", "change_ended = true"),
        ('is = "hired"\nwrite = false', 'is = "hired"'),
    ):
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.fixture
def world(tmp_path):
    with ExitStack() as stack:
        yield lambda *args, **settings: stack.enter_context(World(tmp_path, *args, **settings))


# --- inbound -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"sees_confidential": True},
        {"sees_private": False},
        {"has_job_interview_stage_id": False},
        {"has_rejection_reason_id": False},
        {"security_concern": True},
    ],
    ids=str,
)
def test_a_full_pull_is_the_truth_as_far_as_the_credential_sees(world, switches):
    w = world(250, **switches)
    report, _ = w.pull()
    assert w.held == w.truth
    assert report.quarantined == report.waiting == 0
    found = w.bridge.verify()
    assert (found.compared, found.equal) == (len(w.truth), len(w.truth))


def test_jobs_come_with_their_team_and_posts_and_without_templates(world):
    w = world(60)
    w.pull()
    templates = {j["id"] for j in w.sim.account["jobs"] if j["is_template"]}
    secret = w.sim.account.secret_jobs(w.sim.account.service_user)
    jobs = {j["id"] for j in w.sim.account["jobs"]} - templates - secret
    assert templates and secret
    assert w.crm.count(Kind.JOB) == len(jobs)


@pytest.mark.parametrize("after", ["nothing", "changes"])
def test_a_sync_without_news_asks_once_per_stream(world, after):
    w = world(120)
    w.pull()
    if after == "changes":
        for id in w.active()[:5]:
            w.sim.move(id, w.sim.stages_for(id)[0])
        w.sim.hire(w.hirable()[0])
        w.pull()
    report, asked = w.pull()
    assert report.read == report.created == report.updated == 0
    assert set(report.pages) == INCREMENTAL and set(report.pages.values()) == {1}
    # Two of the streams are windows on the same listing.
    assert asked == Counter(dict.fromkeys(INCREMENTAL - {"applications_active"}, 1) | {"applications": 2})


SUBSETS = [s for n in (1, 2, 3) for s in itertools.combinations(("updated", "active", "rows"), n)]
SWITCHES = {
    "updated": "bumps_updated_at",
    "active": "bumps_last_activity_at",
    "rows": "touches_application_stages",
}


@pytest.mark.parametrize("moving", SUBSETS, ids="-".join)
def test_no_change_is_missed_whichever_time_moves_with_it(world, moving):
    switches = {
        f"{what}_{switch}": name in moving for what in ("move", "status") for name, switch in SWITCHES.items()
    }
    w = world(100, **switches)
    w.pull()
    sim, active = w.sim, w.active(job_open=True)
    *active, hired, taken_back = active
    rejected = w.ended("rejected")[:3]
    sim.hire(hired)
    for id in active[:6]:
        sim.move(id, sim.stages_for(id)[-1])
    sim.reject(active[6], sim.reasons("rejected")[0])
    sim.reject(active[7], sim.reasons("withdrawn")[0])
    for id in rejected:
        sim.reactivate(id)
    sim.move(rejected[0], sim.stages_for(rejected[0])[0])
    sim.hire(taken_back)
    sim.unhire(taken_back)
    sim.move(taken_back, sim.stages_for(taken_back)[0])
    new = sim.apply(name="Nina Novak", email="nina@example.com")
    sim.move(new, sim.stages_for(new)[0])
    w.pull()
    assert w.held == w.truth
    assert w.bridge.verify().equal == len(w.truth)


def test_a_change_between_two_pages_is_in_the_next_window(world):
    moved = []

    def intercept(request, respond):
        answer = respond(request)
        if "/v3/applications?" in request.target and "cursor" not in request.target and not moved:
            w = worlds[0]
            listed = {str(a["id"]) for a in json.loads(answer.body)}
            if len(listed) == 500:
                id = next(id for id in w.active() if id in listed)
                w.sim.move(id, w.sim.stages_for(id)[0])
                moved.append(id)
        return answer

    worlds = []
    w = world(620, intercept=intercept, move_bumps_last_activity_at=False)
    worlds.append(w)
    w.pull()
    assert moved and w.held != w.truth
    w.pull()
    assert w.held == w.truth


def test_an_expired_cursor_starts_its_window_anew(world):
    expired = []

    def intercept(request, respond):
        if "cursor=" in request.target and not expired:
            expired.append(request.target)
            worlds[0].sim.expire_cursors()
        return respond(request)

    worlds = []
    w = world(560, intercept=intercept)
    worlds.append(w)
    report, _ = w.pull()
    assert expired and report.restarts == 1
    assert w.held == w.truth


def test_a_page_link_is_followed_alone_and_exactly(world):
    w = world(560)
    w.pull()
    targets = [r.target for r in w.server.requests if "cursor=" in r.target]
    assert targets and all(list(parse_qs(urlsplit(t).query)) == ["cursor"] for t in targets)


def test_a_sweep_buries_what_was_deleted_and_asks_for_ids_alone(world):
    w = world(150)
    w.pull()
    gone = w.active()[:2] + w.ended("rejected")[:1]
    for id in gone[:2]:
        w.sim.delete(id)
    w.sim.delete_candidate(gone[2])
    loser, survivor = w.active()[:2]
    w.sim.merge(loser, survivor)
    before = len(w.server.requests)
    report = w.bridge.sweep()
    asked = [urlsplit(r.target) for r in list(w.server.requests)[before:]]
    assert all(parse_qs(a.query)["fields"] == ["id"] for a in asked)
    people = report.deleted - (len(w.sim.deleted()))
    assert people == 2  # the one deleted, and the loser of the merge
    w.pull()
    assert w.held == w.truth
    assert not w.bridge.verify().faults


def test_an_anonymised_person_is_a_tombstone_and_their_application_stays(world):
    w = world(80)
    w.pull()
    id = w.active()[0]
    w.sim.anonymise(id)
    w.pull()
    assert w.held == w.truth
    assert w.crm.candidate(w.crm.application(w.ref(id)).candidate).deleted


# --- outbound ------------------------------------------------------------------------------------


def _ask_for_much(w):
    """Changes of every kind, on applications of their own; the event ids."""
    steps = {s: w.sim.stage_name(s) for id in w.active() for s in w.sim.stages_for(id)}
    active = w.active()
    hired = w.hirable()[0]
    active.remove(hired)
    rejected, withdrawn = w.ended("rejected"), w.ended("withdrawn")
    events = [w.change(id, step=steps[w.sim.stages_for(id)[0]]) for id in active[:4]]
    events.append(w.change(active[4], status="Rejected", reason=w.reason_word("rejected")))
    events.append(w.change(active[5], status="Withdrawn", reason=w.reason_word("withdrawn")))
    second = steps[w.sim.stages_for(active[6])[0]]
    events.append(w.change(active[6], step=second, status="Rejected", reason=w.reason_word("rejected")))
    events.append(w.change(rejected[0], status="Active"))
    events.append(w.change(withdrawn[0], status="Active"))
    for id in rejected[1:3]:
        # One that has to be moved after it has come back, and one that is there already.
        last = w.sim.truth()[id].history[-1]
        named = {str(s["id"]): s["name"] for s in w.sim.account.stages(int(w.truth[id][4]))}
        other = next(s for s in named if s != last)
        events.append(w.change(id, step=named[last if id == rejected[2] else other], status="Active"))
    events.append(w.change(rejected[3], status="Hired"))
    events.append(w.change(hired, status="Hired"))
    # Two that Greenhouse has no way for.
    events.append(w.change(rejected[4], status="Withdrawn", reason=w.reason_word("withdrawn")))
    events.append(w.change(active[7], status="Rejected"))
    return events


@pytest.mark.parametrize("space", ["job_interview_stage_id", "stage_id"])
@pytest.mark.parametrize("newer_fields", [True, False])
def test_what_the_plan_predicts_is_what_the_push_does(world, space, newer_fields):
    switches = {"has_job_interview_stage_id": newer_fields, "has_rejection_reason_id": newer_fields}
    w = world(
        400,
        adapter={"from_stage_id_is": space},
        from_stage_id_is=space,
        hire_requires_opening=False,
        **switches,
    )
    w.pull()
    events = _ask_for_much(w)
    before = w.truth
    planned = w.bridge.plan()
    assert not w.sim.accepted and w.truth == before

    pushed = w.bridge.push()
    told = {r.event_id: r for r in pushed.receipts}
    assert list(told) == [r.event_id for r in planned.receipts] and set(told) == set(events)
    for predicted in planned.receipts:
        real = told[predicted.event_id]
        for name in ("result", "before", "after", "strength", "why", "gap", "progress", "side_effects"):
            assert getattr(predicted, name) == getattr(real, name), (name, real.why)
    assert pushed.results == {Result.APPLIED: len(events) - 2, Result.REFUSED: 2}
    assert pushed.writes == planned.writes == len(w.sim.accepted)
    assert w.held == w.truth
    assert not w.bridge.verify().differences
    assert not w.sim.mails or all(m.cause == "move" for m in w.sim.mails)
    assert not w.bridge.sync().push.writes
    assert w.held == w.truth


def test_moves_alone_have_the_strength_of_their_guard(world):
    w = world(80)
    w.pull()
    moved, rejected = w.active()[:2]
    w.change(moved, step=w.sim.stage_name(w.sim.stages_for(moved)[0]))
    w.change(rejected, status="Rejected", reason=w.reason_word("rejected"))
    strength = {r.application.id: r.strength for r in w.bridge.push().receipts}
    assert strength == {moved: CompareAndSet.STAGE, rejected: CompareAndSet.NONE}


@pytest.mark.parametrize("really", ["job_interview_stage_id", "stage_id"])
def test_the_wrong_id_space_is_refused_in_words_that_name_the_setting(world, really):
    (wrong,) = {"job_interview_stage_id", "stage_id"} - {really}
    w = world(80, adapter={"from_stage_id_is": wrong}, from_stage_id_is=really)
    w.pull()
    id = w.active()[0]
    w.change(id, step=w.sim.stage_name(w.sim.stages_for(id)[0]))
    before = w.truth
    (receipt,) = w.bridge.push().receipts
    assert receipt.result is Result.REFUSED and "from_stage_id_is" in receipt.why
    assert w.truth == before and not w.sim.accepted


def test_a_hire_that_would_have_to_name_an_opening_is_refused(world):
    w = world(400)
    w.pull()
    id = w.hirable(openings=(2, 3))[0]
    w.change(id, status="Hired")
    (receipt,) = w.bridge.push().receipts
    assert receipt.result is Result.REFUSED and "opening" in receipt.why
    assert w.truth[id][1] == "active"


def test_somebody_else_was_faster(world):
    w = world(80)
    w.pull()
    id = w.active()[0]
    w.change(id, step=w.sim.stage_name(w.sim.stages_for(id)[0]))
    w.sim.reject(id, w.sim.reasons("rejected")[0])
    (receipt,) = w.bridge.push().receipts
    assert receipt.result is Result.CONFLICT
    assert not w.sim.accepted and w.held == w.truth


def test_a_write_that_shows_late_is_waited_for(world):
    w = world(60, adapter={"visible_within_seconds": 0.4}, visible_after=0.2)
    w.pull()
    one, two = w.active()[:2]
    w.change(one, step=w.sim.stage_name(w.sim.stages_for(one)[0]))
    w.change(two, status="Rejected", reason=w.reason_word("rejected"))
    assert w.bridge.push().results == {Result.APPLIED: 2}
    assert w.held == w.truth and len(w.sim.accepted) == 2


def test_an_application_gone_meanwhile_is_refused_and_buried(world):
    w = world(60)
    w.pull()
    id = w.active()[0]
    w.change(id, step=w.sim.stage_name(w.sim.stages_for(id)[0]))
    w.sim.delete(id)
    (receipt,) = w.bridge.push().receipts
    assert receipt.result is Result.REFUSED and "gone" in receipt.why
    assert id not in w.held


# --- credentials and permissions -----------------------------------------------------------------


def test_a_partner_renews_its_refresh_token(world):
    w = world(60)
    own = w.sim.partner_credentials
    asked = {"client_id": own["client_id"], "redirect_uri": own["redirect_uri"], "response_type": "code"}
    code = parse_qs(urlsplit(w.sim.authority.authorize(urlencode(asked)).location).query)["code"][0]
    basic = base64.b64encode(f"{own['client_id']}:{own['client_secret']}".encode()).decode()
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": own["redirect_uri"]}
    headers = {"authorization": f"Basic {basic}", "content-type": "application/x-www-form-urlencoded"}
    answer = w.sim.respond(SimRequest("POST", "/token", headers, urlencode(form).encode()))
    partner = Greenhouse(
        connection="acme",
        client_id=own["client_id"],
        client_secret=own["client_secret"],
        refresh_token=json.loads(answer.body)["refresh_token"],
    )
    parts = {"ats": partner, "crm": w.crm, "mapping": w.mapping, "ledger": MemoryLedger(), "tuning": QUICK}
    with Bridge(at=w.server.url, **parts) as bridge:
        bridge.pull()
        assert w.held == w.truth
        w.sim.authority.revoke()
        bridge.pull()
    # The first refresh token has been used: it is worth nothing without the later ones.
    with Bridge(at=w.server.url, **parts) as bridge, pytest.raises(Unauthorized):
        bridge.pull()


def test_preflight_names_each_missing_scope(world):
    w = world(60)
    w.sim.authority.narrow("harvest:jobs:list", "harvest:applications:move")
    missing = [f.ask for f in w.bridge.check().access if f.proof is Proof.MISSING]
    # The second is known from the token alone: nothing was written.
    assert [("harvest:jobs:list" in ask, "harvest:applications:move" in ask) for ask in missing] == [
        (True, False),
        (False, True),
    ]


@pytest.mark.parametrize("lists", ["forbidden", "empty"])
@pytest.mark.parametrize("named", [True, False])
def test_preflight_sees_that_the_user_is_no_site_admin(world, lists, named):
    w = world(60, non_admin_lists=lists)
    user = str(w.sim.account.service_user)
    w.sim.account["users"].change(int(user), site_admin=False)
    adapter = Greenhouse(connection="acme", acting_user=user if named else None, **w.sim.credentials)
    with Bridge(ats=adapter, crm=w.crm, mapping=w.mapping, at=w.server.url, tuning=QUICK) as bridge:
        found = {f.what: f.proof for f in bridge.check().access}
    assert found["the user in whose name the token acts is an active Site Admin"] is Proof.MISSING


def test_the_acting_user_is_who_the_writes_are_by(world):
    w = world(60)
    admin = next(u for u in w.sim.account["users"] if u["site_admin"] and u["primary_email"])
    adapter = Greenhouse(
        connection="acme", acting_user=str(admin["id"]), visible_within_seconds=0.0, **w.sim.credentials
    )
    w.pull()
    id = w.active()[0]
    w.change(id, step=w.sim.stage_name(w.sim.stages_for(id)[0]))
    parts = {"crm": w.crm, "mapping": w.mapping, "ledger": w.ledger, "tuning": QUICK}
    with Bridge(ats=adapter, at=w.server.url, approved=VENDOR.surface_digest, **parts) as bridge:
        assert bridge.push().results == {Result.APPLIED: 1}
    assert [a.actor for a in w.sim.accepted] == [str(admin["id"])]
