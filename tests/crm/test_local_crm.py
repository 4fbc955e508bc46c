"""The two bases for a user's own CRM."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from atsbridge.crm.interface import Crm, CrmFinding, Delivery, Feed, Held, WriteResult, Written
from atsbridge.crm.local import AsyncLocalCrm, LocalCrm
from atsbridge.errors import CrmError
from atsbridge.model import Kind, Receipt, Ref
from atsbridge.testing.deliveries import app_ref, application, play


class Noted(LocalCrm):
    """Notes what it was asked, and answers or raises as told."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.error = error

    def note(self, name: str, given: Any) -> None:
        self.asked.append((name, given))
        if self.error:
            raise self.error

    def write_batch(self, batch: Sequence[Delivery]) -> Sequence[Written]:
        self.note("write_batch", batch)
        return [Written(ref=delivery.record.ref, result=WriteResult.CREATED) for delivery in batch]

    def read_changes(self, after: Any) -> Feed:
        self.note("read_changes", after)
        return Feed(updates=(), position=7)

    def acknowledge_events(self, event_ids: Sequence[str]) -> None:
        self.note("acknowledge_events", event_ids)

    def take_receipts(self, receipts: Sequence[Receipt]) -> None:
        self.note("take_receipts", receipts)

    def read_statuses(self, refs: Sequence[Ref]) -> Mapping[Ref, Held]:
        self.note("read_statuses", refs)
        return {ref: Held(ref=ref, confirmed=None) for ref in refs}

    def read_refs(self, kind: Kind, after: str | None) -> tuple[Sequence[Ref], str | None]:
        self.note("read_refs", (kind, after))
        return (), "on"

    def check(self) -> tuple[CrmFinding, ...]:
        self.note("check", None)
        return (CrmFinding(what="reach", ok=True),)


class AsyncNoted(AsyncLocalCrm):
    """The same, in coroutines that give way first."""

    def __init__(self, error: Exception | None = None) -> None:
        self.inner = Noted(error)

    async def write_batch(self, batch: Sequence[Delivery]) -> Sequence[Written]:
        await asyncio.sleep(0)
        return self.inner.write_batch(batch)

    async def read_changes(self, after: Any) -> Feed:
        await asyncio.sleep(0)
        return self.inner.read_changes(after)

    async def acknowledge_events(self, event_ids: Sequence[str]) -> None:
        self.inner.acknowledge_events(event_ids)

    async def take_receipts(self, receipts: Sequence[Receipt]) -> None:
        self.inner.take_receipts(receipts)

    async def read_statuses(self, refs: Sequence[Ref]) -> Mapping[Ref, Held]:
        return self.inner.read_statuses(refs)

    async def read_refs(self, kind: Kind, after: str | None) -> tuple[Sequence[Ref], str | None]:
        return self.inner.read_refs(kind, after)

    async def check(self) -> tuple[CrmFinding, ...]:
        return self.inner.check()


def noted(crm: Crm) -> list[tuple[str, Any]]:
    return crm.asked if isinstance(crm, Noted) else crm.inner.asked  # type: ignore[attr-defined]


REFS = (app_ref("1"),)
BATCH = (application("1"),)
CALLS: dict[str, Any] = {
    "write_batch": lambda crm: crm.write(BATCH),
    "read_changes": lambda crm: crm.changes({"at": 1}),
    "acknowledge_events": lambda crm: crm.acknowledge(["e"]),
    "take_receipts": lambda crm: crm.receive([]),
    "read_statuses": lambda crm: crm.statuses(REFS),
    "read_refs": lambda crm: crm.refs(Kind.JOB, "x"),
    "check": lambda crm: crm.check_access(),
}


@pytest.mark.parametrize("make", [Noted, AsyncNoted])
def test_each_flow_calls_its_method_and_gives_its_answer(make: Any) -> None:
    crm = make()
    answers = [play(call(crm)) for call in CALLS.values()]
    assert noted(crm) == [
        ("write_batch", BATCH),
        ("read_changes", {"at": 1}),
        ("acknowledge_events", ["e"]),
        ("take_receipts", []),
        ("read_statuses", REFS),
        ("read_refs", (Kind.JOB, "x")),
        ("check", None),
    ]
    assert answers[0][0].result is WriteResult.CREATED
    assert answers[1].position == 7
    assert answers[4].keys() == set(REFS)
    assert answers[5] == ((), "on")
    assert answers[6][0].ok


@pytest.mark.parametrize("make", [Noted, AsyncNoted])
@pytest.mark.parametrize("method", [m for m in CALLS if not m.startswith(("ack", "take"))])
def test_an_answer_of_another_kind_names_the_method(make: Any, method: str) -> None:
    crm = make()
    gives: Any = (lambda *_: True) if make is Noted else (lambda *_: asyncio.sleep(0, True))
    setattr(crm, method, gives)
    with pytest.raises(CrmError, match=rf"{make.__name__}\.{method} gave bool in place of a "):
        play(CALLS[method](crm))


@pytest.mark.parametrize("make", [Noted, AsyncNoted])
def test_a_crm_without_leads_links_none(make: Any) -> None:
    crm = make()
    assert play(crm.match(REFS, by_email=True)) == ()


@pytest.mark.parametrize("make", [Noted, AsyncNoted])
@pytest.mark.parametrize("name", sorted(CALLS))
def test_an_exception_names_class_method_type_and_place_and_nothing_else(make: Any, name: str) -> None:
    error = ValueError("canary@example.org")
    crm = make(error)
    with pytest.raises(CrmError) as caught:
        play(CALLS[name](crm))
    *_, (_, line) = traceback.walk_tb(error.__traceback__)
    place = f"test_local_crm.py, line {line}"
    assert str(caught.value) == f"{make.__name__}.{name} raised ValueError at {place}"
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize("make", [Noted, AsyncNoted])
def test_a_crm_error_goes_through_as_it_is(make: Any) -> None:
    error = CrmError("closed for the night", advice="come back at eight")
    crm = make(error)
    with pytest.raises(CrmError) as caught:
        play(crm.write(BATCH))
    assert caught.value is error


@pytest.mark.parametrize("make", [Noted, AsyncNoted])
@pytest.mark.parametrize("answer", [(), (Written(ref=app_ref("2"), result=WriteResult.CREATED),)])
def test_results_that_do_not_fit_the_batch_are_refused(make: Any, answer: Any) -> None:
    crm = make()
    inner = crm if isinstance(crm, Noted) else crm.inner
    inner.write_batch = lambda batch: answer  # type: ignore[method-assign]
    with pytest.raises(CrmError, match="one result for each"):
        play(crm.write(BATCH))
