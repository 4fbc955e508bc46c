"""What comes to mean something reaches the records that stood in it, and costs nothing where none did."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from attrs import evolve, fields, frozen
from sync_world import MAPPING, World, world
from tiny_ats import CONNECTION, TinyAts

from atsbridge.mapping import load_mapping
from atsbridge.model import ApplicationStatus, Kind, Ref, StageKind
from atsbridge.registry import Group, load, names
from atsbridge.sync import meanings as module
from atsbridge.sync.ledger import Waiting
from atsbridge.sync.meanings import Meanings
from atsbridge.sync.reality import Reality
from atsbridge.testing.account import Account

BEFORE = Meanings.of(
    mapping="m",
    fitted="f",
    revision="1",
    outcomes={"r1": ApplicationStatus.REJECTED},
    kinds={"s1": StageKind.SCREEN},
    steps=[("s1", "Talk"), ("s2", "Talk")],
    words=[("r1", "Unfit")],
)


def after(**changes: Any) -> Meanings:
    same = {
        "mapping": "m",
        "fitted": "f",
        "revision": "1",
        "outcomes": {"r1": ApplicationStatus.REJECTED},
        "kinds": {"s1": StageKind.SCREEN},
        "steps": [("s1", "Talk"), ("s2", "Talk")],
        "words": [("r1", "Unfit")],
    }
    return Meanings.of(**{**same, **changes})


@pytest.mark.parametrize(
    "changes, new",
    [
        ({}, (set(), set())),
        ({"kinds": {"s1": StageKind.SCREEN, "s3": StageKind.REJECTED}}, ({"s3"}, set())),
        ({"kinds": {"s1": StageKind.SCREEN, "s3": StageKind.UNMAPPED}}, (set(), set())),
        ({"steps": [("s1", "Talk"), ("s2", "Talk"), ("s3", "Talk")]}, ({"s3"}, set())),
        ({"steps": [("s1", "Talk"), ("s2", "Offer")]}, ({"s2"}, set())),
        ({"steps": [("s1", "Talk")]}, (set(), set())),
        ({"words": [("r1", "Unfit"), ("r2", "Unfit")]}, (set(), {"r2"})),
        (
            {"outcomes": {"r1": ApplicationStatus.REJECTED, "r3": ApplicationStatus.WITHDRAWN}},
            (set(), {"r3"}),
        ),
    ],
)
def test_what_is_new_is_named_and_outdates_nothing_by_itself(changes: Any, new: Any) -> None:
    now = after(**changes)
    assert BEFORE.new_in(now) == new and not BEFORE.outdated_by(now)
    assert Meanings.parse("").new_in(now) == (set(), set())
    assert Meanings.parse(now.text()) == now


def held(w: World, id: str) -> str | None:
    return w.crm.held[Ref(CONNECTION, Kind.APPLICATION, id)].step


def misnamed(*ids: str) -> World:
    """Some stand in stage C, others in a stage whose name the mapping does not know."""
    w = world("1", "2")
    w.account.stages += [{"id": "D", "name": "Tpyo"}, {"id": "T", "name": "Typo"}]
    for id in ids:
        _ = w.account.apply(id, "D")
    w.ctx.mapping = load_mapping(MAPPING.replace('stages = ["C"]', 'stages = ["C", "Typo"]\nwrite = "C"'))
    _ = w.pull()
    _ = w.pull()
    assert all(held(w, id) is None for id in ids)
    return w


def mend(w: World) -> None:
    next(s for s in w.account.stages if s["id"] == "D")["name"] = "Typo"


@pytest.mark.parametrize("at_once", [1, 900])
def test_those_who_stand_in_a_stage_that_comes_to_fit_are_read_again_and_nobody_else(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", at_once)
    w = misnamed("7", "8")
    w.account.stages.append({"id": "0", "name": "Typo"})
    mend(w)
    report = w.pull()
    assert (held(w, "7"), held(w, "8"), report.rereads) == ("C", "C", 0)
    assert not w.rows(Waiting)
    assert w.pull().rereads == 0


def test_where_they_are_many_all_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ONE_BY_ONE", 1)
    w = misnamed("7", "8")
    mend(w)
    report = w.pull()
    assert (held(w, "7"), held(w, "8"), report.rereads) == ("C", "C", 1)
    assert w.pull().rereads == 0


def test_a_new_stage_that_fits_and_in_which_nobody_stands_has_nothing_read() -> None:
    w = misnamed()
    mend(w)
    w.account.stages.append({"id": "E", "name": "Else"})
    report = w.pull()
    assert report.rereads == 0 and not w.rows(Waiting)
    assert w.pull(full=True).read == 0


@frozen(kw_only=True)
class Set(TinyAts):
    READS_BY: ClassVar[tuple[str, ...]] = ("words", "table")
    words: frozenset[str] = frozenset()
    table: Any = ()
    other: int = 0


def test_a_setting_that_is_read_by_makes_another_reader_and_no_other_setting_does() -> None:
    usual = Set()
    assert usual.reader == Set.REVISION == evolve(usual, other=3).reader
    assert (
        len({usual.reader, evolve(usual, words=frozenset("ab")).reader, evolve(usual, table={"a": 1}).reader})
        == 3
    )
    assert evolve(usual, words=frozenset("ab")).reader == evolve(usual, words=frozenset("ba")).reader


def test_another_reader_has_every_stream_read_from_its_start_once(monkeypatch: pytest.MonkeyPatch) -> None:
    w = world("1", "2")
    _ = w.pull()
    assert w.pull().read == 0
    monkeypatch.setattr(type(w.ctx.ats), "REVISION", "next")
    report = w.pull()
    assert report.rereads == 1 and report.unchanged == 0 and report.read > 2
    report = w.pull()
    assert (report.rereads, report.read) == (0, 0)


LISTED_OR_REACHED_BY = {
    # where and as whom an ATS is reached, when and how much is asked for, and its web hooks
    *("connection", "user", "acting_user", "hook_user", "hook_path", "hook_signed", "scope", "audience"),
    *("api_host", "service_host", "pod", "region", "environment", "token_environment", "version"),
    *("customer_id", "company_id", "user_id", "tenant", "issuer", "name_id_is", "identity_domain"),
    *("page_size", "overlap_minutes", "overlap_hours", "parents_overlap_hours", "staleness_minutes"),
    *("visible_within_seconds", "incremental", "person_filter", "total_found"),
    # writes and their proof, and what is gone
    *("from_stage_id_is", "audit_trail", "hidden_is_404", "stage_body"),
    # stages, which are read whole at each pull
    *("statuses", "states", "omitted_sub_status"),
}


@pytest.mark.parametrize("vendor", names(Group.ATS))
def test_of_every_setting_it_is_said_whether_records_are_read_by_it(vendor: str) -> None:
    adapter = load(Group.ATS, vendor)
    settings = {f.name for f in fields(adapter) if "Secret" not in str(f.type)}
    assert set(adapter.READS_BY) == settings - LISTED_OR_REACHED_BY


@pytest.mark.parametrize("vendor, table", [("icims", "statuses"), ("oracle_recruiting", "states")])
def test_what_a_customers_tables_say_later_reaches_those_who_stood_there(vendor: str, table: str) -> None:
    account = Account.open(vendor, applications=20)
    full, truth = account.ats, account.truth()
    stood = {one.stage for one in truth.values() if one.status == "rejected"}
    part = tuple(s for s in getattr(full, table) if _stage(vendor, s) not in stood)
    assert len(part) < len(getattr(full, table))
    first = account.restarted(ats=evolve(full, job_states={}, **{table: part}), mapping={"version": 1})
    _ = first.bridge.pull()
    assert any(view.confirmed.status == "unknown" for view in first.crm.applications())
    account.time.sleep(7 * 86400.0)
    later = account.restarted(ats=full, mapping={"version": 1})
    assert later.bridge.pull().rereads == 1
    shown = {view.confirmed.status for view in later.crm.applications()}
    assert shown == {one.status for one in truth.values()}
    fresh = Account.open(vendor, applications=20).restarted(ats=full, mapping={"version": 1})
    _ = fresh.bridge.pull()
    assert _jobs(later) == _jobs(fresh)
    account.time.sleep(86400.0)
    assert later.bridge.pull().rereads == 0


def _stage(vendor: str, status: Any) -> str:
    return status.id if vendor == "icims" else f"{status.phase}:{status.state}"


def _jobs(account: Account) -> dict[str, str]:
    jobs = account.ledger.look(lambda txn: Reality.load(txn, account.ats.connection)).jobs
    return {id: job.status.value for id, job in jobs.items()}
