"""The simulated Lever: status writes, web hooks, and what people do in its pages."""

from __future__ import annotations

import base64
import contextlib
import random
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lever_client import NOW, World

from atsbridge.simulators.interface import SimRequest
from atsbridge.simulators.lever import LeverSimulator

# -- stage --


def test_a_move_changes_stage_history_and_times():
    world = World()
    before, to = world.read(world.active), world.sim.stages_for(world.active)[3]
    after = world.stage(world.active, to)
    assert after == world.read(world.active)
    row = {"toStageId": to, "updatedAt": int(NOW * 1000), "userId": world.user}
    row["toStageIndex"] = [s.id for s in world.sim.account.stages].index(to)
    assert after["stageChanges"] == [*before["stageChanges"], row]
    assert (after["stage"], after["lastAdvancedAt"], after["updatedAt"]) == (
        to,
        int(NOW * 1000),
        int(NOW * 1000),
    )


@pytest.mark.parametrize("late", [0, 30])
def test_a_write_s_answer_is_as_a_read_would_be(late):
    world = World(visible_after=late)
    gone = {"allowed": True, "expiresAt": int(NOW * 1000) - 1}
    world.sim.world.touch(world.active, dataProtection={"store": gone})
    written = world.stage(world.active, "offer")
    assert written["dataProtection"]["store"]["allowed"] is False
    world.now += late
    assert world.read(world.active) == written


def test_any_stage_may_follow_any():
    world = World()
    for stage in [s.id for s in reversed(world.sim.account.stages)]:
        assert world.stage(world.active, stage)["stage"] == stage


def test_a_move_shows_in_the_list_at_its_new_place():
    world = World()
    world.stage(world.active, "offer")
    found = world.ask("GET", "/opportunities?stage_id=offer")[1]["data"]
    assert found[0]["id"] == world.active


def test_moving_an_archived_one_does_not_un_archive_it():
    world = World()
    before = world.read(world.rejected)
    after = world.stage(world.rejected, "offer" if before["stage"] != "offer" else "lead-new")
    assert after["stage"] != before["stage"]
    assert after["archived"] == before["archived"]
    assert world.sim.truth()[world.rejected].status == "rejected"


def test_the_same_move_twice_is_accepted_twice_and_leaves_one_row():
    world = World()
    first = world.stage(world.active, "offer")
    world.now += 5
    assert world.stage(world.active, "offer") == first
    assert len(world.sim.accepted) == 2


def test_a_second_row_for_the_same_stage_is_a_setting():
    world = World(same_stage_row=True)
    first = world.stage(world.active, "offer")
    world.now += 5
    second = world.stage(world.active, "offer")
    assert len(second["stageChanges"]) == len(first["stageChanges"]) + 1


def test_a_closed_posting_blocks_moves_only_by_setting():
    for blocks, status in ((False, 200), (True, 400)):
        world = World(closed_posting_blocks=blocks)
        posting = world.sim.account.postings[world.sim.truth()[world.active].job]
        posting["state"] = "closed"
        assert world.put(world.active, "stage", {"stage": "offer"})[0] == status


@pytest.mark.parametrize(
    "body", [None, {}, [], "offer", {"stage": None}, {"stage": 5}, {"stage": "nowhere"}, {"stage": ["offer"]}]
)
def test_a_bad_stage_is_400(body):
    world = World()
    before = world.sim.truth()
    assert world.put(world.active, "stage", body)[0] == 400
    assert (world.sim.truth(), world.sim.accepted) == (before, [])


def test_a_body_that_is_not_json_is_400():
    world = World()
    credential = base64.b64encode(f"{world.sim.credentials['api_key']}:".encode()).decode()
    for kind, content in (("application/json", b"{"), ("text/plain", b'{"stage": "offer"}')):
        headers = {"authorization": f"Basic {credential}", "content-type": kind}
        target = f"/v1/opportunities/{world.active}/stage"
        assert world.sim.respond(SimRequest("PUT", target, headers, content)).status == 400


def test_writes_of_an_unknown_opportunity_are_404():
    world = World()
    assert world.put("0d5f3d0a-0000-4000-8000-000000000000", "stage", {"stage": "offer"})[0] == 404
    assert world.put("0d5f3d0a-0000-4000-8000-000000000000", "archived", {"reason": None})[0] == 404


def test_writes_of_a_confidential_one_without_access_are_refused():
    for status in (403, 404):
        world = World(confidential_status=status)
        world.sim.set_confidential(world.active)
        key = world.sim.add_key(confidential=False)
        assert world.put(world.active, "stage", {"stage": "offer"}, api_key=key)[0] == status
        assert world.put(world.active, "stage", {"stage": "offer"})[0] == 200


def test_old_candidates_paths_write_too():
    world = World()
    assert world.ask("PUT", f"/candidates/{world.active}/stage", {"stage": "offer"})[0] == 200
    reason = world.reason("Timing")
    assert world.ask("PUT", f"/candidates/{world.active}/archived", {"reason": reason})[0] == 200
    assert [a.application for a in world.sim.accepted] == [world.active] * 2


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_whatever_a_body_holds_there_is_an_answer(value):
    for what, name in (("stage", "stage"), ("archived", "reason"), ("archived", "requisitionId")):
        assert SHARED.put(SHARED.active, what, {name: value})[0] in (200, 400)
    for name in ("url", "event", "configuration"):
        hook = {"url": "https://a.example.com/", "event": "candidateHired", name: value}
        assert SHARED.ask("POST", "/webhooks", hook)[0] in (201, 400)


SHARED = World(20)


# -- perform_as --


def test_perform_as_names_who_moved_and_is_optional():
    world = World()
    world.put(world.active, "stage", {"stage": "offer"})
    world.stage(world.active, "lead-new")
    nobody, somebody = world.read(world.active)["stageChanges"][-2:]
    assert "userId" not in nobody
    assert somebody["userId"] == world.user
    assert [a.actor for a in world.sim.accepted] == [None, world.user]


def test_perform_as_can_be_required():
    world = World(require_perform_as=True)
    assert world.put(world.active, "stage", {"stage": "offer"})[0] == 400
    assert world.put(world.active, "archived", {"reason": None})[0] == 400
    assert world.put(world.active, "stage", {"stage": "offer"}, user=world.user)[0] == 200


def test_perform_as_must_be_an_active_user():
    world = World()
    gone = next(u["id"] for u in world.sim.account.users.values() if u["deactivatedAt"])
    for user in (gone, "nobody", ""):
        assert world.put(world.active, "stage", {"stage": "offer"}, user=user)[0] == 400
        assert world.put(world.active, "archived", {"reason": world.reason("Timing")}, user=user)[0] == 400


def test_the_answers_to_unknown_ids_are_settings():
    world = World(unknown_target_status=404, bad_user_status=403)
    assert world.put(world.active, "stage", {"stage": "nowhere"})[0] == 404
    assert world.put(world.active, "stage", {"stage": 5})[0] == 400
    assert world.put(world.active, "archived", {"reason": "none"})[0] == 404
    hire = {"reason": world.reason("Hired"), "requisitionId": "none"}
    assert world.put(world.active, "archived", hire)[0] == 404
    assert world.put(world.active, "stage", {"stage": "offer"}, user="nobody")[0] == 403
    assert world.sim.accepted == []


def test_perform_as_is_no_header_and_no_body_key():
    world = World(require_perform_as=True)
    body = {"stage": "offer", "perform_as": world.user}
    assert world.put(world.active, "stage", body)[0] == 400


# -- archived --


def test_archiving_keeps_the_stage():
    world = World()
    before = world.read(world.active)
    after = world.archive(world.active, world.reason("Timing"))
    assert after["archived"] == {"reason": world.reason("Timing"), "archivedAt": int(NOW * 1000)}
    assert after["stage"] == before["stage"]
    assert after["stageChanges"] == before["stageChanges"]
    assert after["lastAdvancedAt"] == before["lastAdvancedAt"]
    assert after["updatedAt"] == int(NOW * 1000)


def test_archiving_may_advance_by_setting():
    world = World(archive_advances=True)
    assert world.archive(world.active, world.reason("Timing"))["lastAdvancedAt"] == int(NOW * 1000)


def test_the_application_is_archived_some_milliseconds_apart():
    world = World()
    archived = world.archive(world.active, world.reason("Timing"))["archived"]
    own = world.application(world.active)["archived"]
    assert own["reason"] == archived["reason"]
    assert 0 < archived["archivedAt"] - own["archivedAt"] < 1000


def test_null_reason_un_archives_and_nothing_is_terminal():
    world = World()
    for reason in ("Timing", "Withdrew", "Hired"):
        world.archive(world.active, world.reason(reason))
        after = world.archive(world.active, None)
        assert after["archived"] is None
        assert world.application(world.active)["archived"] is None
    assert world.sim.truth()[world.active].status == "active"


def test_un_archiving_an_active_one_changes_nothing():
    world = World()
    before = world.read(world.active)
    assert world.archive(world.active, None) == before
    assert len(world.sim.accepted) == 1
    strict = World(refuse_needless_unarchive=True)
    assert strict.put(strict.active, "archived", {"reason": None})[0] == 400


def test_archiving_again_keeps_or_renews_the_time_by_setting():
    for renews in (False, True):
        world = World(renew_archived_at=renews)
        first = world.archive(world.active, world.reason("Timing"))["archived"]["archivedAt"]
        world.now += 60
        again = world.archive(world.active, world.reason("Timing"))["archived"]["archivedAt"]
        other = world.archive(world.active, world.reason("Compensation"))["archived"]
        assert (again != first, other["archivedAt"] != first) == (renews, renews)
        assert other["reason"] == world.reason("Compensation")


@pytest.mark.parametrize(
    "body", [None, {}, [], {"reason": 5}, {"reason": ""}, {"reason": "x"}, {"stage": "offer"}]
)
def test_a_bad_reason_is_400(body):
    world = World()
    assert world.put(world.active, "archived", body)[0] == 400
    assert world.sim.accepted == []


def test_inactive_reasons_are_refused_unless_set_otherwise():
    body = {"reason": World().reason("Unresponsive (old)")}
    assert World().put(World().active, "archived", body)[0] == 400
    lenient = World(accept_inactive_reasons=True)
    assert lenient.put(lenient.active, "archived", body)[0] == 200


def test_withdrawn_is_what_the_customer_calls_so():
    world = World()
    world.archive(world.active, world.reason("Offer declined"))
    assert world.sim.truth()[world.active].status == "withdrawn"
    other = World(withdrawn_reasons="Timing")
    other.archive(other.active, other.reason("Offer declined"))
    assert other.sim.truth()[other.active].status == "rejected"
    assert other.sim.reasons("withdrawn") == [other.reason("Timing")]


def test_every_reason_of_type_hired_is_a_hire():
    world = World()
    for text in ("Hired", "Hired as contractor"):
        world.archive(world.active, world.reason(text))
        assert world.sim.truth()[world.active].status == "hired"


def test_clean_interviews_removes_them_only_when_asked():
    world = World()
    world.sim.schedule_interview(world.active)
    world.archive(world.active, world.reason("Timing"))
    assert len(world.sim.account.interviews[world.active]) == 1
    world.archive(world.active, world.reason("Timing"), cleanInterviews=True)
    assert not world.sim.account.interviews[world.active]
    assert world.put(world.active, "archived", {"reason": None, "cleanInterviews": "yes"})[0] == 400


# -- hire against a requisition --


def offered(world: World) -> tuple[str, str]:
    """An active opportunity with an offer that was sent, and the requisition of its posting."""
    for key, offers in world.sim.account.offers.items():
        if offers[0]["status"] != "sent" or world.sim.truth()[key].status != "active":
            continue
        for requisition in world.sim.account.requisitions.values():
            if offers[0]["posting"] in requisition["postings"]:
                return key, requisition["id"]
    raise AssertionError("no offers")


def test_a_hire_against_its_requisition_is_counted():
    world = World()
    key, requisition = offered(world)
    before = world.ask("GET", f"/requisitions/{requisition}")[1]["data"]["headcountHired"]
    world.archive(key, world.reason("Hired"), requisitionId=requisition)
    held = world.ask("GET", f"/requisitions/{requisition}")[1]["data"]
    assert held["headcountHired"] == before + 1
    assert world.application(key)["requisitionForHire"]["requisitionCode"] == held["requisitionCode"]
    world.archive(key, None)
    assert world.ask("GET", f"/requisitions/{requisition}")[1]["data"]["headcountHired"] == before
    assert world.application(key)["requisitionForHire"] is None


def test_a_requisition_needs_an_active_offer_of_its_posting():
    world = World()
    key, requisition = offered(world)
    others = [r for r in world.sim.account.requisitions if r != requisition]
    hired = world.reason("Hired")
    assert world.put(key, "archived", {"reason": hired, "requisitionId": others[0]})[0] == 400
    assert world.put(key, "archived", {"reason": hired, "requisitionId": "none"})[0] == 400
    timing = {"reason": world.reason("Timing"), "requisitionId": requisition}
    assert world.put(key, "archived", timing)[0] == 400
    assert world.put(key, "archived", {"reason": None, "requisitionId": requisition})[0] == 400
    assert world.put(world.active, "archived", {"reason": hired, "requisitionId": requisition})[0] == 400
    world.sim.account.offers[key][0]["status"] = "denied"
    assert world.put(key, "archived", {"reason": hired, "requisitionId": requisition})[0] == 400
    assert world.put(key, "archived", {"reason": hired})[0] == 200


# -- the log, and delayed visibility --


def test_the_log_has_each_accepted_write_with_before_and_after():
    world = World()
    before = world.sim.truth()[world.active]
    world.stage(world.active, "offer")
    world.put(world.active, "stage", {"stage": "nowhere"})
    world.now += 1
    world.archive(world.active, world.reason("Timing"), extra="kept in the log")
    moved, archived = world.sim.accepted
    assert (moved.before, moved.after) == (before, archived.before)
    assert moved.after.stage == "offer"
    assert moved.after.history == (*before.history, "offer")
    assert archived.after == world.sim.truth()[world.active]
    assert archived.body == {"reason": world.reason("Timing"), "extra": "kept in the log"}
    assert (archived.method, archived.at) == ("PUT", NOW + 1)
    assert archived.target == f"/v1/opportunities/{world.active}/archived?perform_as={world.user}"


def test_a_write_can_take_its_time_to_show():
    world = World(visible_after=30)
    before = world.read(world.active)
    assert world.stage(world.active, "offer")["stage"] == "offer"
    assert world.read(world.active) == before
    assert world.sim.truth()[world.active].stage == "offer"
    listed = world.ask("GET", f"/opportunities?updated_at_start={int(NOW * 1000)}")[1]["data"]
    assert listed == []
    world.now += 30
    assert world.read(world.active)["stage"] == "offer"


def test_delayed_writes_show_one_after_the_other_and_never_backwards():
    world = World(visible_after=30)
    first = world.read(world.active)["stage"]
    world.stage(world.active, "offer")
    world.now += 10
    world.stage(world.active, "lead-new")
    world.now += 5
    world.sim.move(world.active, "applicant-new")
    seen = []
    for _ in range(8):
        seen.append(world.read(world.active)["stage"])
        world.now += 5
    assert seen == [first] * 3 + ["offer"] * 2 + ["applicant-new"] * 3


def test_what_a_person_does_when_a_delayed_write_is_due_is_not_overtaken_by_it():
    world = World(visible_after=30)
    world.stage(world.active, "offer")
    world.now += 31
    world.sim.move(world.active, "lead-new")
    assert world.read(world.active)["stage"] == "lead-new"


def test_one_deleted_while_a_write_waits_stays_deleted():
    world = World(visible_after=30)
    world.stage(world.active, "offer")
    world.sim.delete(world.active)
    world.now += 31
    assert world.ask("GET", f"/opportunities/{world.active}")[0] == 404


# -- deletes and privacy --


def test_deleted_ones_are_gone_and_listed_with_when_and_by_whom():
    world = World()
    application = world.record(world.active)["applications"][0]
    world.sim.delete(world.active)
    ms = int(NOW * 1000)
    assert world.ask("GET", f"/opportunities/{world.active}")[0] == 404
    for kind, key in (("opportunities", world.active), ("applications", application)):
        found = world.ask("GET", f"/{kind}/deleted?deleted_at_start={ms}&deleted_at_end={ms}")[1]
        assert found == {"data": [{"id": key, "deletedAt": ms, "deletedBy": world.user}], "hasNext": False}
        assert world.ask("GET", f"/{kind}/deleted?deleted_at_start={ms + 1}")[1]["data"] == []
    assert world.sim.deleted() == {world.active}
    assert world.active not in world.sim.truth()


def test_deleted_lists_are_paged_and_posting_has_one():
    world = World()
    for key in list(world.sim.truth())[:5]:
        world.now += 1
        world.sim.delete(key)
    first = world.ask("GET", "/opportunities/deleted?limit=2&confidentiality=all")[1]
    rest = world.ask(
        "GET", f"/opportunities/deleted?limit=2&confidentiality=all&offset={quote(first['next'])}"
    )[1]
    assert len({i["id"] for i in first["data"] + rest["data"]}) == 4
    posting = next(iter(world.sim.account.postings))
    world.sim.delete_posting(posting)
    assert world.ask("GET", "/postings/deleted")[1]["data"][0]["id"] == posting
    assert world.ask("GET", f"/postings/{posting}")[0] == 404


def test_a_deleted_confidential_one_is_hidden_like_any_other():
    world = World()
    world.sim.set_confidential(world.active)
    world.sim.delete(world.active)
    assert world.ask("GET", "/opportunities/deleted")[1]["data"] == []
    assert len(world.ask("GET", "/opportunities/deleted?confidentiality=all")[1]["data"]) == 1


def test_anonymising_takes_the_person_and_leaves_the_rest():
    world = World()
    before = world.read(world.rejected)
    world.sim.anonymise(world.rejected)
    after = world.read(world.rejected)
    assert after["isAnonymized"] is True
    assert (after["name"], after["emails"], after["phones"], after["links"], after["headline"]) == (
        "",
        [],
        [],
        [],
        "",
    )
    for kept in ("stage", "archived", "contact", "createdAt", "stageChanges", "applications"):
        assert after[kept] == before[kept]
    assert world.application(world.rejected)["email"] is None
    assert world.ask("GET", f"/contacts/{after['contact']}")[1]["data"]["isAnonymized"] is True


def test_a_contact_is_anonymous_when_all_its_opportunities_are():
    world = World()
    one = world.sim.apply(name="Ada Borg", email="ada@example.com")
    two = world.sim.apply(name="Ada Borg", email="ADA@example.com")
    contact = world.read(one)["contact"]
    world.sim.anonymise(one)
    assert world.ask("GET", f"/contacts/{contact}")[1]["data"]["isAnonymized"] is False
    world.sim.anonymise(two)
    assert world.ask("GET", f"/contacts/{contact}")[1]["data"]["name"] == ""


# -- people --


def test_the_same_person_applying_twice_has_two_opportunities_and_one_contact():
    world = World()
    one = world.sim.apply(name="Ada Borg", email="ada@example.com")
    two = world.sim.apply(name="Ada B.", email="Ada@Example.com")
    assert one != two
    contact = world.sim.truth()[one].candidate
    assert contact == world.sim.truth()[two].candidate
    found = world.ask("GET", f"/opportunities?contact_id={contact}")[1]["data"]
    assert {o["id"] for o in found} == {one, two}


def test_an_applicant_stands_in_new_applicant_with_a_posting():
    world = World()
    job = list(world.sim.account.postings)[2]
    key = world.sim.apply(name="Ada Borg", email=None, job=job)
    record, truth = world.read(key), world.sim.truth()[key]
    assert (truth.stage, truth.status, truth.job) == ("applicant-new", "active", job)
    assert (record["emails"], record["origin"], record["updatedAt"]) == ([], "applied", int(NOW * 1000))
    assert world.application(key)["type"] == "posting"
    with pytest.raises(ValueError, match="no posting"):
        world.sim.apply(name="Ada Borg", email=None, job="none")


def test_a_sourced_lead_has_no_application():
    world = World()
    record = world.read(world.sim.source(name="Ada Borg", email="ada@example.com"))
    assert (record["applications"], record["stage"], record["origin"]) == ([], "lead-new", "sourced")


@pytest.mark.parametrize("act", ["move", "reject", "edit", "assign", "snooze", "merge", "anonymise"])
def test_what_people_do_gives_a_new_updated_at(act):
    world = World()
    other = world.sim.apply(name="Ada Borg", email="ada@example.com")
    world.now += 100
    {
        "move": lambda: world.sim.move(world.active, world.sim.stages_for(world.active)[0]),
        "reject": lambda: world.sim.reject(world.active, world.sim.reasons("rejected")[0]),
        "edit": lambda: world.sim.edit(world.active),
        "assign": lambda: world.sim.assign(world.active, world.user),
        "snooze": lambda: world.sim.snooze(world.active, world.now + 60),
        "merge": lambda: world.sim.merge(world.active, other),
        "anonymise": lambda: world.sim.anonymise(world.active),
    }[act]()
    found = world.ask("GET", f"/opportunities?updated_at_start={int(world.now * 1000)}")[1]["data"]
    assert world.active in {o["id"] for o in found}


def test_an_edit_changes_neither_stage_nor_status():
    world = World()
    before = world.sim.truth()
    for _ in range(6):
        was = world.read(world.active)
        world.sim.edit(world.active)
        assert world.read(world.active) != was
    assert world.sim.truth() == before


def test_a_merge_leaves_one_contact_and_both_opportunities():
    world = World()
    loser = world.sim.apply(name="Ada Borg", email="ada@example.com")
    survivor = world.sim.apply(name="Ada Borg", email="ada.borg@example.com")
    gone, kept = (world.sim.truth()[key].candidate for key in (loser, survivor))
    world.sim.merge(loser, survivor)
    assert {world.sim.truth()[key].candidate for key in (loser, survivor)} == {kept}
    assert world.ask("GET", f"/contacts/{gone}")[0] == 404
    assert world.read(loser)["emails"] == ["ada.borg@example.com", "ada@example.com"]
    assert world.sim.deleted() == frozenset()
    with pytest.raises(ValueError, match="one person"):
        world.sim.merge(loser, survivor)


def test_people_cannot_do_what_the_pages_do_not_offer():
    world = World()
    sim, here = world.sim, world.sim.truth()[world.active].stage
    for act in (
        lambda: sim.move(world.active, here),
        lambda: sim.move(world.active, "nowhere"),
        lambda: sim.move("none", "offer"),
        lambda: sim.reactivate(world.active),
        lambda: sim.reject(world.active, sim.reasons("hired")[0]),
        lambda: sim.reject(world.active, world.reason("Unresponsive (old)")),
        lambda: sim.delete("none"),
        lambda: sim.rename_stage("nowhere", "x"),
        lambda: sim.stage_name("nowhere"),
    ):
        with pytest.raises(ValueError):
            act()
    sim.hire(world.active)
    with pytest.raises(ValueError, match="cannot be hired"):
        sim.hire(world.active)
    assert sim.accepted == []


def test_stages_can_be_renamed_and_taken_out_of_the_pipeline():
    world = World()
    stage = world.sim.stages_for(world.active)[4]
    world.sim.rename_stage(stage, "Chat")
    assert world.sim.stage_name(stage) == "Chat"
    assert world.ask("GET", f"/stages/{stage}")[1]["data"] == {"id": stage, "text": "Chat"}
    world.stage(world.active, stage)
    world.sim.deactivate_stage(stage)
    assert world.ask("GET", f"/stages/{stage}")[0] == 404
    assert stage not in {s["id"] for s in world.ask("GET", "/stages")[1]["data"]}
    assert world.read(world.active)["stage"] == stage
    assert world.put(world.rejected, "stage", {"stage": stage})[0] == 400


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_after_any_history_lists_hold_exactly_what_is_true(seed):
    world, chance = World(40), random.Random(seed)
    for _ in range(60):
        world.now += chance.random() * 10
        _act(world.sim, chance)
    found = world.ask("GET", "/opportunities?confidentiality=all")[1]["data"]
    truth = world.sim.truth()
    assert sorted(o["id"] for o in found) == sorted(truth)
    for o in found:
        assert (o["stage"], o["contact"]) == (truth[o["id"]].stage, truth[o["id"]].candidate)
        assert (o["archived"] is None) == (truth[o["id"]].status == "active")
    since = world.ask("GET", f"/opportunities?confidentiality=all&updated_at_start={int(NOW * 1000)}")[1][
        "data"
    ]
    assert since == [o for o in found if (o["updatedAt"] or 0) >= int(NOW * 1000)]
    assert not set(truth) & world.sim.deleted()


def _act(sim: LeverSimulator, chance: random.Random) -> None:
    keys = list(sim.truth())
    one, other = chance.choice(keys), chance.choice(keys)
    acts = [
        lambda: sim.move(one, chance.choice(sim.stages_for(one))),
        lambda: sim.reject(one, chance.choice(sim.reasons("rejected"))),
        lambda: sim.reactivate(one),
        lambda: sim.hire(one),
        lambda: sim.edit(one),
        lambda: sim.apply(name="Ada Borg", email=None),
        lambda: sim.delete(one),
        lambda: sim.merge(one, other),
        lambda: sim.anonymise(one),
    ]
    with contextlib.suppress(ValueError):
        chance.choice(acts)()
