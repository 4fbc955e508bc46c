"""The examples' own CRMs keep the rules that the embedded one keeps."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from deliveries import ACTIVE, app_ref, application, at, candidate, gone, run, run_async

from atsbridge.crm.interface import WriteResult
from atsbridge.model import Base, Kind, Receipt, Result, State, TombstoneKind

EXAMPLES = Path(__file__).parents[2] / "examples"
ONE = app_ref("1")


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec and spec.loader
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Played:
    """Either example, driven to the end of each call."""

    def __init__(self, crm: Any) -> None:
        self.crm = crm

    def __call__(self, verb: str, *args: Any) -> Any:
        flow = getattr(self.crm, verb)(*args)
        return asyncio.run(run_async(flow)) if hasattr(self.crm, "lock") else run(flow)

    def drag(self, step: str) -> str:
        if hasattr(self.crm, "lock"):
            return str(asyncio.run(self.crm.drag(ONE, step=step, actor="r")))
        ((card, _, _),) = self.crm.board()
        return str(self.crm.drag(card, column=step, actor="r"))

    def shown(self) -> str:
        if hasattr(self.crm, "lock"):
            return str(self.crm.cards[ONE].shown)
        return str(self.crm.board()[0][1])


@pytest.fixture(params=["local_crm", "async_local_crm"])
def played(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Played]:
    module = load(request.param)
    if request.param == "async_local_crm":
        yield Played(module.MemoryCrm())
        return
    crm = module.BoardCrm(tmp_path / "board.db")
    yield Played(crm)
    crm.db.close()


def receipt(event_id: str, result: Result = Result.APPLIED, *, minute: int = 5) -> Receipt:
    return Receipt(
        event_id=event_id,
        application=ONE,
        result=result,
        after=State("s2", ACTIVE),
        read_at=at(minute),
        base=Base("s2", ACTIVE, 2),
    )


def test_nothing_older_is_taken(played: Played) -> None:
    batch = [application("1", minute=1), candidate("1"), application("1", "s2", minute=2)]
    assert len(played("write", batch)) == 3
    assert played("write", [application("1", minute=1)])[0].result is WriteResult.STALE
    assert played("statuses", [ONE, app_ref("2")])[ONE].confirmed == State("s2", ACTIVE)


def test_a_change_goes_out_until_acknowledged_and_is_shown_until_its_receipt(played: Played) -> None:
    played("write", [application("1", delivery=4)])
    first, second = played.drag("step s2"), played.drag("step s3")
    played("write", [application("1", "s9", minute=1, delivery=5)])
    updates = played("changes", None).updates
    assert [(u.event_id, u.sequence, u.step) for u in updates] == [
        *((first, 1, "step s2"), (second, 2, "step s3"))
    ]
    assert updates[0].base == Base("s1", ACTIVE, 4, "token 0")
    played("acknowledge", [first, "unknown"])
    assert [u.event_id for u in played("changes", None).updates] == [second]
    played("receive", [receipt(first)])
    assert played.shown() == "step s3"
    played("receive", [receipt(second), receipt(second)])
    assert played.shown() == "step s3"
    one = played("statuses", [ONE])[ONE]
    assert (one.event_id, one.confirmed, one.base) == (None, State("s2", ACTIVE), Base("s2", ACTIVE, 2))


def test_a_refused_change_goes_back_and_an_old_receipt_confirms_nothing(played: Played) -> None:
    played("write", [application("1", "s7", minute=9)])
    event = played.drag("step s2")
    played("receive", [receipt(event, Result.CONFLICT)])
    assert played.shown() == "step s7"
    assert played("statuses", [ONE])[ONE].confirmed == State("s7", ACTIVE)


def test_what_is_gone_is_no_longer_listed(played: Played) -> None:
    live = application("1")
    played("write", [live])
    assert played("refs", Kind.APPLICATION, None) == ([ONE], None)
    played("write", [gone(live, TombstoneKind.DELETED, minute=1)])
    refs, more = played("refs", Kind.APPLICATION, None)
    assert (list(refs), more) == ([], None)
    assert played("statuses", [ONE])[ONE].deleted


def test_check_answers(played: Played) -> None:
    assert all(finding.ok for finding in played("check_access"))
