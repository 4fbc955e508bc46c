"""What was given to the CRM by a worker that died before it could note that: it is read and given again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from attrs import evolve
from sync_world import World, application_ref, world
from tiny_ats import CONNECTION

from atsbridge.crm.interface import WriteResult, Written
from atsbridge.errors import CrmError, LeaseLost
from atsbridge.model import Kind, Ref
from atsbridge.sync.inbound import Puller, begin
from atsbridge.sync.ledger import Known, Lease, Position, Txn
from atsbridge.sync.pages import Sorted
from atsbridge.sync.sweep import sweep


class Death(BaseException):
    """The process is killed."""


@contextmanager
def dying(kind: Kind = Kind.APPLICATION) -> Iterator[None]:
    """Whoever runs in here dies when they would note that the CRM has taken something of a kind."""
    store = Puller.store

    def die(puller: Puller, txn: Txn, out: Sorted) -> None:
        if any(ref_kind == kind for ref_kind, _ in out.deliveries):
            raise Death
        store(puller, txn, out)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Death):
        patch.setattr(Puller, "store", die)
        yield


def by_pull(w: World) -> None:
    w.pull(full=True)


def by_refresh(w: World) -> None:
    puller = w.run(begin(w.ctx))
    puller.compile(())
    w.run(puller.refresh(application_ref()))


@pytest.mark.parametrize("read", [by_pull, by_refresh])
def test_what_is_back_to_the_bytes_that_the_ledger_has_is_given_again(read: Callable[[World], None]) -> None:
    w = world("1")
    app = w.account.apps["1"]
    states, updated = list(app.states), app.updated
    w.account.move("1", "B")
    with dying():
        read(w)
    assert w.crm.held[application_ref()].step == "B"
    app.states[:], app.updated = states, updated
    assert w.pull(full=True).read == 1
    assert w.crm.held[application_ref()].step == "A"


@pytest.mark.parametrize(("kind", "id"), [(Kind.APPLICATION, "4"), (Kind.CANDIDATE, "p4")])
def test_a_new_record_that_is_gone_before_it_was_noted_is_found_by_a_sweep(kind: Kind, id: str) -> None:
    w, ref = world("1", "2", "3"), Ref(CONNECTION, kind, id)
    w.account.apply("4")
    with dying(kind):
        w.pull()
    assert not w.crm.held[ref].record.deleted and w.ledger.look(lambda t: t.get(Known, *key(ref))) is None
    del w.account.apps["4"], w.account.people["p4"]
    w.run(sweep(w.ctx))
    assert w.crm.held[ref].record.deleted


def test_a_new_application_that_was_asked_for_and_is_gone_before_it_was_noted_is_found_by_a_sweep() -> None:
    w, ref = world("1", "2", "3"), application_ref("4")
    w.account.people["p4"] = {"id": "p4", "name": "Person 4"}
    w.pull()
    w.account.apply("4")
    with dying():
        puller = w.run(begin(w.ctx))
        puller.compile(())
        w.run(puller.refresh(ref))
    assert not w.crm.held[ref].record.deleted
    del w.account.apps["4"]
    w.run(sweep(w.ctx))
    assert w.crm.held[ref].record.deleted


def key(ref: Ref) -> tuple[str, str, str]:
    return (ref.connection, ref.kind.value, ref.id)


def test_what_the_crm_refuses_of_a_single_read_is_not_taken_for_known() -> None:
    w = world("1")
    w.account.apply("2")
    ref = application_ref("2")
    w.crm.refuses["2"] = Written(ref=ref, result=WriteResult.FAILED, why="no room")
    puller = w.run(begin(w.ctx))
    puller.compile(())
    w.run(puller.refresh(ref))
    assert w.ledger.look(lambda t: t.get(Known, *key(ref))) is None


def test_a_page_that_is_committed_is_not_doubted() -> None:
    w = world("1")
    w.account.move("1", "B")
    w.pull()
    assert w.row(Position, "applications", "").seen == ""
    assert w.pull(full=True).read == 0


def test_a_page_is_noted_before_the_crm_is_told_of_it() -> None:
    w = world("1")
    w.account.move("1", "B")
    noted: list[str] = []
    w.crm.before["write"] = lambda: noted.append(w.row(Position, "applications", "").seen)
    w.crm.fails["write"] = CrmError()
    with pytest.raises(CrmError):
        w.pull()
    assert noted == ['[["application", "1"]]']


def test_who_has_lost_the_lane_gives_nothing_to_the_crm() -> None:
    w = world("1")
    w.account.move("1", "B")

    def taken_over(world: World, asked: Any) -> Any:
        lease = world.row(Lease, "inbound")
        world.ledger.do(lambda t: t.put([evolve(lease, fence=lease.fence + 1, worker="another")]))
        return world.good(asked)

    told = len(w.crm.told)
    w.reads = [None] * 5 + [taken_over]
    with pytest.raises(LeaseLost):
        w.pull()
    assert [what for what, _ in w.crm.told[told:] if what == "write"] == []
    assert w.crm.held[application_ref()].step == "A"
