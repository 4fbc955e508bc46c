"""The story of one application, from what the bridge knows."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from sync_world import World, application_ref, not_sent, rules, says, world
from tiny_ats import CONNECTION

from atsbridge.errors import ConfigurationError
from atsbridge.mapping import load_mapping
from atsbridge.sync.explain import Explanation, explain
from atsbridge.sync.ledger import Known, Quarantined, Waiting


def story(w: World, id: str = "1", **how: Any) -> Explanation:
    return w.run(explain(w.ctx, application_ref(id), **how))  # type: ignore[no-any-return]


def test_of_one_that_was_moved() -> None:
    w = world("1", "2", reasoned=True)
    w.wants("1", step="B")
    w.push()
    w.wants("1", step="C", status="Rejected", reason="Unfit")
    w.wants("2", step="B")
    w.push()
    told = story(w)
    assert told.application == "1" and told.now is None
    assert told.known is not None and (told.known["stage"], told.known["status"]) == ("C", "rejected")
    assert "content" not in told.known
    assert [u["event_id"] for u in told.updates] == ["e1", "e2"]
    assert [i["intent_id"] for i in told.intents] == ["e1/0", "e2/0", "e2/1"]
    assert [a["intent_id"] for a in told.attempts] == ["e1/0", "e2/0", "e2/1"]
    assert any("C" in line for line in told.mapped) and told.crm is not None
    assert (told.quarantined, told.waiting_for) == ("", "")
    assert told.as_dict()["application"] == "1"


def test_by_the_id_of_a_change_or_of_a_write() -> None:
    w = world("1", "2")
    w.wants("2", step="B")
    w.push()
    for id in ("2", "e1", "e1/0"):
        told = story(w, id)
        assert told.application == "2" and [u["event_id"] for u in told.updates] == ["e1"]
    assert told.crm is not None and told.crm["words"] == {"step": "B", "status": "Active", "reason": None}
    assert story(w, "e2").application == "e2"


def test_an_applications_own_id_goes_before_a_changes() -> None:
    w = world("e1", "2")
    w.wants("2", step="B")
    w.push()
    assert story(w, "e1").application == "e1" and story(w, "e1").updates == ()


def test_bytes_are_told_in_hexadecimal() -> None:
    known = story(world("1")).known
    assert known is not None and isinstance(known["digest"], str) and len(known["digest"]) == 32


def test_of_one_that_nobody_knows() -> None:
    told = story(world("1"), "9")
    assert (told.known, told.crm, told.mapped, told.updates, told.intents) == (None, None, (), (), ())


def test_another_connections_record_is_not_told() -> None:
    w = world("1")
    with pytest.raises(ConfigurationError, match="not of the connection acme"):
        w.run(explain(w.ctx, evolve(application_ref("1"), connection="globex"), ask=True))


def test_what_the_ats_says_now_is_asked_for_only_on_demand() -> None:
    w = world("1")
    w.account.move("1", "C")
    assert story(w).now is None and not w.log
    now = story(w, ask=True).now
    assert now is not None and (now["stage"], now["status"], now["reason"]) == ("C", "active", None)
    assert "read_at" in now
    w.account.apps["1"].gone = "deleted"
    assert story(w, ask=True).now == {"gone": "deleted"}
    w.reads = [says(401)]
    told = story(w, ask=True)
    assert told.now is not None and told.known is not None
    assert (told.now["error"].partition(":")[0], told.now["retryable"]) == ("Unauthorized", False)
    assert w.log == ["GET /applications/1"] * 3


def test_why_it_is_not_there() -> None:
    w = world("1")
    w.put(Quarantined(connection=CONNECTION, kind="application", id="1", path="stage", why="expected text"))
    w.put(
        Waiting(
            connection=CONNECTION, kind="application", id="1", parent_kind="job", parent_id="j9", since=0.0
        )
    )
    told = story(w)
    assert (told.quarantined, told.waiting_for) == ("stage: expected text", "job j9")


def test_why_it_is_left_out() -> None:
    w = world("1")
    w.put(evolve(w.known(), job=None))
    w.ctx.mapping = load_mapping(rules(prospects="prospects = false"))
    assert story(w).mapped[0].startswith("left out: scope.prospects is false")


def test_an_id_of_another_kind_is_known_for_what_it_is() -> None:
    w = world("1")
    (candidate,) = [row.id for row in w.rows(Known) if row.kind == "candidate"]
    assert story(w, "j1").known_as == ("job",) and story(w, candidate).known_as == ("candidate",)
    assert story(w).known_as == ()


def test_one_that_no_pull_has_brought_is_mapped_as_the_ats_shows_it() -> None:
    w = world("1")
    w.account.apply("2")
    w.account.apps["2"].job = None
    w.ctx.mapping = load_mapping(rules(prospects="prospects = false"))
    assert story(w, "2").mapped == ()
    asked = story(w, "2", ask=True)
    assert asked.known is None and asked.mapped[0].startswith("left out: scope.prospects is false")


def test_why_its_write_has_not_left() -> None:
    w = world("1", "2")
    w.wants("1", step="B")
    w.push()
    w.wants("2", step="B")
    w.reads = [not_sent] * 6
    w.push()
    assert story(w, "1").held_back == ""
    assert story(w, "2").held_back == "the ATS could not be read: NoAnswer: no connection could be opened"


def test_it_changes_nothing() -> None:
    w = world("1")
    before = {t: dict(rows) for t, rows in w.ledger.tables.items()}
    story(w, ask=True)
    assert w.ledger.tables == before
