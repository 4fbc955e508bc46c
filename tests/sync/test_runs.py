"""The record of runs: how each ended, and for how long it is kept."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from sync_world import START, World, says, world
from tiny_ats import CONNECTION, EPOCH

from atsbridge.errors import CrmError, LedgerError, Unauthorized
from atsbridge.sync.inbound import pull
from atsbridge.sync.ledger import Control, Run
from atsbridge.sync.runs import recorded
from atsbridge.sync.verify import verify

DAY = 24 * 3600.0


def runs(w: World) -> list[Run]:
    return w.rows(Run)


def test_a_run_says_when_and_what_it_came_to() -> None:
    w = world("1", pulled=False)
    during: list[Any] = []
    w.crm.before["write"] = lambda: during.extend(runs(w)) if not during else None
    report = w.run(recorded(w.ctx, "pull", pull(w.ctx)))
    assert report.created == 10
    (one,) = runs(w)
    assert (one.number, one.verb, one.started_at, one.ended_at) == (1, "pull", EPOCH + START, EPOCH + START)
    assert '"created": 10' in (one.summary or "")
    assert (during[0].ended_at, during[0].summary) == (None, None)


def test_lists_are_counted_not_told() -> None:
    w = world("1")
    w.account.move("1", "B")
    w.run(recorded(w.ctx, "verify", verify(w.ctx)))
    assert '"differences": 1' in (runs(w)[0].summary or "")


def test_a_run_that_failed_says_by_what_and_raises_it() -> None:
    w = world("1", pulled=False)
    w.reads = [says(401)]
    with pytest.raises(Unauthorized):
        w.run(recorded(w.ctx, "pull", pull(w.ctx)))
    (one,) = runs(w)
    assert one.ended_at is not None
    assert (one.summary or "").startswith('{"error": "Unauthorized: tiny list_')


@pytest.mark.parametrize("error", [ValueError, CrmError, LedgerError])
def test_of_an_error_of_somebody_elses_code_its_text_is_not_kept(error: type[Exception]) -> None:
    w = world("1", pulled=False)
    w.crm.fails["write"] = error("422: jane.doe@example.com exists")
    with pytest.raises(error, match="jane"):
        w.run(recorded(w.ctx, "pull", pull(w.ctx)))
    (one,) = runs(w)
    told = json.loads(one.summary or "")["error"]
    assert re.fullmatch(rf"{error.__name__} at sync_world.py, line \d+", told)


def test_runs_are_numbered_with_the_connections_own_counter() -> None:
    w = world("1")
    for _ in range(2):
        w.run(recorded(w.ctx, "verify", verify(w.ctx)))
    assert [r.number for r in runs(w)] == [1, 2] and w.row(Control).next_number == 3


def test_of_runs_that_came_to_the_same_the_first_and_the_last_are_kept() -> None:
    """A worker pushes some thousand times a day, and mostly finds nothing."""
    w = world("1")
    for number in range(9):
        if number == 5:
            w.account.move("1", "B")
        w.run(recorded(w.ctx, "verify", verify(w.ctx)))
        w.run(recorded(w.ctx, "pull" if number == 2 else "check", verify(w.ctx)))
    verified = [r.number for r in runs(w) if r.verb == "verify"]
    assert verified == [1, 9, 11, 17]
    assert [r.number for r in runs(w) if r.verb == "pull"] == [6]


def test_runs_older_than_ninety_days_are_forgotten() -> None:
    w = world("1")
    now = EPOCH + w.clock.value
    for number, (age, connection) in enumerate(
        [(90 * DAY, CONNECTION), (89 * DAY, CONNECTION), (99 * DAY, "globex")], 50
    ):
        w.put(Run(connection=connection, number=number, verb="pull", started_at=now - age))
    w.run(recorded(w.ctx, "verify", verify(w.ctx)))
    assert sorted(r.number for r in runs(w)) == [1, 51, 52]
