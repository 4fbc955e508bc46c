"""When words change their meaning, what was read before is read anew; not when there are merely more."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from sync_world import MAPPING, world
from tiny_ats import CONNECTION

from atsbridge.errors import MappingError
from atsbridge.mapping import load_mapping
from atsbridge.model import ApplicationStatus, StageKind
from atsbridge.sync.ledger import Control, Known, Position
from atsbridge.sync.meanings import Meanings, settle_meanings

NOW = {
    "mapping": "m",
    "fitted": "f",
    "revision": "1",
    "outcomes": {"r1": ApplicationStatus.REJECTED},
    "kinds": {"s1": StageKind.SCREEN},
}


def meanings(**changes: Any) -> Meanings:
    return Meanings.of(**{**NOW, **changes})


@pytest.mark.parametrize(
    "changes, outdated",
    [
        ({}, False),
        ({"outcomes": {"r1": ApplicationStatus.REJECTED, "r2": ApplicationStatus.HIRED}}, False),
        ({"kinds": {"s1": StageKind.SCREEN, "s2": StageKind.OFFER}}, False),
        ({"outcomes": {}, "kinds": {}}, False),
        ({"fitted": "other"}, False),
        ({"mapping": "other"}, True),
        ({"revision": "2"}, True),
        ({"outcomes": {"r1": ApplicationStatus.WITHDRAWN}}, True),
        ({"kinds": {"s1": StageKind.REJECTED}}, True),
    ],
)
def test_what_is_new_outdates_nothing_and_what_is_other_does(changes: Any, outdated: bool) -> None:
    assert meanings().outdated_by(meanings(**changes)) is outdated
    assert Meanings.parse(meanings(**changes).text()) == meanings(**changes)


def test_before_the_first_there_is_nothing_to_outdate() -> None:
    assert not Meanings.parse("").outdated_by(meanings())
    assert Meanings.parse("").fitted == ""


def test_what_an_earlier_release_stored_still_says_which_mapping_fitted() -> None:
    assert Meanings({"mapping": "whole"}).fitted == "whole"
    assert meanings().fitted == "f"


def test_the_streams_named_are_read_from_their_start_and_no_others() -> None:
    w = world("1")
    for name in ("applications", "jobs"):
        row = Position(connection=CONNECTION, stream=name, job="", watermark="1", cursor="2")
        w.put(row)

    def settle(now: Meanings) -> tuple[int, bool]:
        return w.ctx.ledger.do(lambda txn: settle_meanings(txn, CONNECTION, now, ["applications"]))

    before = w.ctx.ledger.look(lambda txn: txn.get(Control, CONNECTION))
    first, _ = settle(meanings())
    assert settle(meanings()) == (first, False)
    assert settle(meanings(mapping="other")) == (first + 1, True)
    assert settle(meanings(mapping="other")) == (first + 1, False)
    held = {p.stream: (p.watermark, p.cursor) for p in w.rows(Position)}
    assert held["applications"] == (None, None) and held["jobs"] == ("1", "2")
    assert before is None or before.generation <= first


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": 'mode = "off"\ncap_per_hour = 3'},
        {"hire": "forward_only = true"},
        {"prospects": 'prospects = true\n[acting_user]\nid = "u1"'},
        {"stages": 'stages = ["A"]\nwrite = false'},
    ],
)
def test_what_concerns_writing_alone_has_nothing_read_anew(changes: dict[str, str]) -> None:
    w = world("1", "2")
    mapping = MAPPING.replace('stages = ["A"]', changes.pop("stages", 'stages = ["A"]'))
    for key, line in changes.items():
        mapping = "\n".join(line if text.startswith(f"{key} =") else text for text in mapping.splitlines())
    w.ctx.mapping = load_mapping(mapping)
    assert w.ctx.mapping.digest != load_mapping(MAPPING).digest
    report = w.pull()
    assert (report.rereads, report.read) == (0, 0) and report.unchanged > 0
    assert w.pull(full=True).read == 0


def test_another_mapping_is_told_of_every_record() -> None:
    w = world("1")
    _ = w.pull()
    assert w.pull().rereads == 0
    w.ctx.mapping = evolve(w.ctx.mapping, match_email=not w.ctx.mapping.match_email)
    if w.ctx.mapping.digest == load_mapping(MAPPING).digest:
        w.ctx.mapping = load_mapping(MAPPING.replace("prospects = true", "prospects = false"))
    report = w.pull()
    assert (report.rereads, w.pull().rereads) == (1, 0)


def test_what_no_longer_fits_stops_nothing_and_is_told() -> None:
    w = world("1")
    _ = w.pull()
    w.account.stages = [stage for stage in w.account.stages if stage["id"] != "B"]
    for row in w.rows(Known, kind="stage", id="B"):
        w.put(evolve(row, deleted="deleted", content=None))
    report = w.pull()
    assert any("B" in fault for fault in report.drift), report.drift
    assert w.push().drift == report.drift


def test_what_never_fitted_is_refused() -> None:
    w = world("1")
    w.account.stages = [stage for stage in w.account.stages if stage["id"] != "B"]
    w.ctx.mapping = load_mapping(MAPPING + "\n")
    for row in w.rows(Known, kind="stage"):
        w.put(evolve(row, deleted="deleted", content=None))
    w.put(Control(connection=CONNECTION))
    with pytest.raises(MappingError):
        _ = w.pull()
