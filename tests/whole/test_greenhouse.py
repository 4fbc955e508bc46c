"""What is Greenhouse's alone, whole: which times move, cursors, sweeps, stage ids, openings and tokens."""

from __future__ import annotations

import base64
import json
import random
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from test_inbound import MOVING, SIZES, times_moved
from world import CONNECTION, World, world

from atsbridge.ats.greenhouse import Greenhouse
from atsbridge.ats.interface import Proof
from atsbridge.errors import Unauthorized
from atsbridge.ledgers.memory import MemoryLedger
from atsbridge.model import CompareAndSet, Kind, Result
from atsbridge.simulators.interface import SimRequest
from atsbridge.wire.auth import MemoryTokens

HIRES = {'hire = "off"': 'hire = ["Hired"]', 'is = "hired"\nwrite = false': 'is = "hired"'}


def greenhouse(folder: Path, applications: int = 80, **more: Any) -> Any:
    return world("greenhouse", folder, applications=applications, **more)


def hirable(w: World, *openings: int) -> str:
    """An application for a job with so many open openings."""
    account, active = w.simulator.account, w.movable(1000, random.Random(1))
    jobs = {id: w.truth()[id].job for id in active}
    return next(id for id, job in jobs.items() if len(account.open_openings(int(job or 0))) in openings)


# --- inbound -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "switches",
    [
        {"sees_confidential": True},
        {"sees_private": False},
        {"has_job_interview_stage_id": False},
        {"has_rejection_reason_id": False},
        {"security_concern": True},
    ],
    ids=str,
)
def test_a_full_pull_is_the_truth_as_far_as_the_credential_sees(
    switches: dict[str, bool], tmp_path: Path
) -> None:
    with greenhouse(tmp_path, 250, **switches) as w:
        report = w.bridge.pull()
        assert w.differences() == {}
        assert report.quarantined == report.waiting == 0
        found = w.bridge.verify()
        assert (found.compared, found.equal) == (len(w.truth()), len(w.truth()))


def test_jobs_come_without_templates_and_without_what_is_secret(tmp_path: Path) -> None:
    with greenhouse(tmp_path, 60) as w:
        w.bridge.pull()
        account = w.simulator.account
        templates = {job["id"] for job in account["jobs"] if job["is_template"]}
        secret = account.secret_jobs(account.service_user)
        jobs = {job["id"] for job in account["jobs"]} - templates - secret
        assert templates and secret
        assert w.crm.count(Kind.JOB) == len(jobs)


@pytest.mark.parametrize("moving", MOVING, ids=lambda times: "-".join(sorted(times)))
def test_no_change_is_missed_whichever_time_moves_with_it(moving: frozenset[str], tmp_path: Path) -> None:
    with greenhouse(tmp_path, 100, **times_moved("move", moving), **times_moved("status", moving)) as w:
        w.bridge.pull()
        w.ahead.seconds += 86_400.0
        sim = w.simulator
        hired, taken_back, *active = w.movable(12, random.Random(2))
        rejected = [id for id in w.ended() if w.truth()[id].job][:3]
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
        w.bridge.pull()
        assert w.differences() == {}


def test_an_expired_cursor_starts_its_window_anew(tmp_path: Path) -> None:
    expired: list[str] = []

    def intercept(request: SimRequest, respond: Any) -> Any:
        if "cursor=" in request.target and not expired:
            expired.append(request.target)
            w.simulator.expire_cursors()
        return respond(request)

    with greenhouse(tmp_path, SIZES["greenhouse"], intercept=intercept) as w:
        report = w.bridge.pull()
        assert expired and report.restarts == 1
        assert w.differences() == {}


def test_a_page_link_is_followed_alone_and_exactly(tmp_path: Path) -> None:
    with greenhouse(tmp_path, SIZES["greenhouse"]) as w:
        w.bridge.pull()
        targets = [r.target for r in w.server.requests if "cursor=" in r.target]
        assert targets and all(list(parse_qs(urlsplit(t).query)) == ["cursor"] for t in targets)


def test_a_sweep_buries_what_was_deleted_and_asks_for_ids_alone(tmp_path: Path) -> None:
    with greenhouse(tmp_path, 150) as w:
        w.bridge.pull()
        one, two, loser, survivor = w.movable(4, random.Random(1))
        w.simulator.delete(one)
        w.simulator.delete(two)
        w.simulator.delete_candidate(w.ended()[0])
        w.simulator.merge(loser, survivor)
        before = len(w.server.requests)
        report = w.bridge.sweep()
        asked = [urlsplit(r.target) for r in list(w.server.requests)[before:]]
        assert all(parse_qs(a.query)["fields"] == ["id"] for a in asked)
        people = report.deleted - len(w.simulator.deleted())
        assert people == 2  # the one deleted, and the loser of the merge
        w.bridge.pull()
        assert w.differences() == {}
        assert not w.bridge.verify().faults


def test_an_anonymised_person_is_a_tombstone_and_their_application_stays(tmp_path: Path) -> None:
    with greenhouse(tmp_path) as w:
        w.bridge.pull()
        (id,) = w.movable(1, random.Random(1))
        w.simulator.anonymise(id)
        w.bridge.pull()
        assert w.differences() == {}
        candidate = w.views()[id].candidate
        assert candidate is not None and w.crm.candidate(candidate).deleted


# --- outbound ------------------------------------------------------------------------------------


def test_moves_alone_have_the_strength_of_their_guard_and_a_rejection_mails_nobody(tmp_path: Path) -> None:
    with greenhouse(tmp_path) as w:
        w.bridge.pull()
        moved, rejected = w.movable(2, random.Random(1))
        w.ask(moved, w.simulator.stages_for(moved)[0])
        w.ask(rejected, status="Rejected")
        strength = {r.application.id: r.strength for r in w.bridge.push().receipts}
        assert strength == {moved: CompareAndSet.STAGE, rejected: CompareAndSet.NONE}
        assert int(rejected) not in {mail.application for mail in w.simulator.mails}


@pytest.mark.parametrize("really", ["job_interview_stage_id", "stage_id"])
def test_the_wrong_id_space_is_refused_in_words_that_name_the_setting(really: str, tmp_path: Path) -> None:
    (wrong,) = {"job_interview_stage_id", "stage_id"} - {really}
    with greenhouse(tmp_path, adapter={"from_stage_id_is": wrong}, from_stage_id_is=really) as w:
        w.bridge.pull()
        (id,) = w.movable(1, random.Random(1))
        w.ask(id, w.simulator.stages_for(id)[0])
        before = w.real()
        (receipt,) = w.bridge.push().receipts
        assert receipt.result is Result.REFUSED and "from_stage_id_is" in receipt.why
        assert w.real() == before and not w.simulator.accepted


def test_a_hire_that_would_have_to_name_an_opening_is_refused(tmp_path: Path) -> None:
    with greenhouse(tmp_path, 400, rules=HIRES) as w:
        w.bridge.pull()
        id = hirable(w, 2, 3)
        w.ask(id, status="Hired")
        (receipt,) = w.bridge.push().receipts
        assert receipt.result is Result.REFUSED and "opening" in receipt.why
        assert w.truth()[id].status == "active"


def test_a_hire_fills_the_one_opening_there_is(tmp_path: Path) -> None:
    with greenhouse(tmp_path, 400, rules=HIRES) as w:
        w.bridge.pull()
        id = hirable(w, 0, 1)
        w.ask(id, status="Hired")
        assert w.bridge.push().results == {Result.APPLIED: 1}
        assert w.truth()[id].status == "hired"
        w.bridge.sync()
        assert w.differences() == {}


# --- credentials and permissions -----------------------------------------------------------------


def test_a_partner_renews_its_refresh_token(tmp_path: Path) -> None:
    with greenhouse(tmp_path, 60) as w:
        own = w.simulator.partner_credentials
        asked = {"client_id": own["client_id"], "redirect_uri": own["redirect_uri"], "response_type": "code"}
        consent = w.simulator.authority.authorize(urlencode(asked)).location
        code = parse_qs(urlsplit(consent).query)["code"][0]
        basic = base64.b64encode(f"{own['client_id']}:{own['client_secret']}".encode()).decode()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": own["redirect_uri"]}
        headers = {
            "authorization": f"Basic {basic}",
            "content-type": "application/x-www-form-urlencoded",
        }
        answer = w.simulator.respond(SimRequest("POST", "/token", headers, urlencode(form).encode()))
        partner = Greenhouse(
            connection=CONNECTION,
            client_id=own["client_id"],
            client_secret=own["client_secret"],
            refresh_token=json.loads(answer.body)["refresh_token"],
        )
        parts: dict[str, Any] = {"ats": partner, "ledger": MemoryLedger()}
        with w.reopen(**parts, tokens=MemoryTokens()) as bridge:
            bridge.pull()
            assert w.differences() == {}
            w.simulator.authority.revoke()
            bridge.pull()
        # The first refresh token has been used: it is worth nothing without the later ones.
        with w.reopen(**parts, tokens=MemoryTokens()) as bridge, pytest.raises(Unauthorized):
            bridge.pull()


def test_preflight_names_each_missing_scope(tmp_path: Path) -> None:
    with greenhouse(tmp_path, 60) as w:
        w.simulator.authority.narrow("harvest:jobs:list", "harvest:applications:move")
        missing = [f.ask for f in w.bridge.check().access if f.proof is Proof.MISSING]
        # The second is known from the token alone: nothing was written.
        assert [("harvest:jobs:list" in ask, "harvest:applications:move" in ask) for ask in missing] == [
            (True, False),
            (False, True),
        ]


@pytest.mark.parametrize("lists", ["forbidden", "empty"])
@pytest.mark.parametrize("named", [True, False])
def test_preflight_sees_that_the_user_is_no_site_admin(lists: str, named: bool, tmp_path: Path) -> None:
    with greenhouse(tmp_path, 60, non_admin_lists=lists) as w:
        user = str(w.simulator.account.service_user)
        w.simulator.account["users"].change(int(user), site_admin=False)
        adapter = Greenhouse(
            connection=CONNECTION, acting_user=user if named else None, **w.simulator.credentials
        )
        with w.reopen(ats=adapter, tokens=MemoryTokens()) as bridge:
            found = {f.what: f.proof for f in bridge.check().access}
        assert found["the user in whose name the token acts is an active Site Admin"] is Proof.MISSING


def test_the_acting_user_is_who_the_writes_are_by(tmp_path: Path) -> None:
    with greenhouse(tmp_path, 60) as w:
        admin = next(u for u in w.simulator.account["users"] if u["site_admin"] and u["primary_email"])
        adapter = Greenhouse(
            connection=CONNECTION,
            acting_user=str(admin["id"]),
            visible_within_seconds=0.0,
            **w.simulator.credentials,
        )
        w.bridge.pull()
        (id,) = w.movable(1, random.Random(1))
        w.ask(id, w.simulator.stages_for(id)[0])
        with w.reopen(ats=adapter, tokens=MemoryTokens()) as bridge:
            assert bridge.push().results == {Result.APPLIED: 1}
        assert [a.actor for a in w.simulator.accepted] == [str(admin["id"])]
