"""A disk that is full, under the ledger, the embedded CRM or both: the run says so, and the next one goes on.

No change is lost for it, and nothing is written twice.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import attrs
import pytest
from disks import Disk
from test_at_most_once import Scene
from test_killed_push import converges, outbox
from world import VENDORS

from atsbridge.crm.sql import SqlCrm
from atsbridge.errors import AtsBridgeError, CrmError, LedgerError
from atsbridge.ledgers import sqlite
from atsbridge.ledgers.sqlite import SqliteLedger
from atsbridge.testing.chaos.crm import UnrulyCrm

COMMITS = 60
"""As many as a push of two changes makes to ledger and CRM, or more."""
FULL = "SQLite says: database or disk is full"


@attrs.define
class Disks:
    """Those of the ledger and of the CRM, which may be the same."""

    ledger: Disk
    crm: Disk

    @classmethod
    def two(cls) -> Disks:
        return cls(Disk(), Disk())

    @classmethod
    def one(cls) -> Disks:
        disk = Disk()
        return cls(disk, disk)

    @contextmanager
    def outbox(self, vendor: str, folder: Path, *, count: int = 2, seed: int = 1) -> Iterator[Scene]:
        ledger = {"plugin": "sqlite", "path": folder / "ledger.sqlite", "connect": self.ledger.connect}
        crm = partial(UnrulyCrm, connect=self.crm.connect)
        with outbox(vendor, folder, count=count, seed=seed, ledger=ledger, crm=crm) as s:
            yield s


def says_what_to_do(error: AtsBridgeError, folder: Path) -> None:
    """Where, in SQLite's own words, and how to go on."""
    name = "crm.sqlite" if isinstance(error, CrmError) else "ledger.sqlite"
    assert f"database {folder / name} failed: {FULL}" in str(error)
    assert "free space" in error.advice and "nothing was lost" in error.advice


def applied(s: Scene) -> None:
    converges(s, deaths=0)


@pytest.mark.parametrize("vendor", VENDORS)
def test_nothing_is_asked_of_the_ats_while_the_ledgers_disk_is_full(vendor: str, tmp_path: Path) -> None:
    disks = Disks.two()
    with disks.outbox(vendor, tmp_path) as s:
        before = len(s.w.server.requests)
        disks.ledger.room = 0
        for verb in (s.w.bridge.push, s.w.bridge.pull, s.w.bridge.sweep):
            with pytest.raises(LedgerError) as caught:
                verb()
            says_what_to_do(caught.value, tmp_path)
        assert len(s.w.server.requests) == before and not s.witness.arrived
        disks.ledger.room = None
        applied(s)


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize(("disk", "error"), [("ledger", LedgerError), ("crm", CrmError)])
def test_an_accepted_write_that_there_was_no_room_to_note_or_to_tell_is_settled_by_the_next_push(
    vendor: str, disk: str, error: type[AtsBridgeError], tmp_path: Path
) -> None:
    disks = Disks.two()
    full = getattr(disks, disk)
    with disks.outbox(vendor, tmp_path) as s:
        s.witness.answered = lambda _number, _id: setattr(full, "room", 0)
        with pytest.raises(error) as caught:
            s.w.bridge.push()
        says_what_to_do(caught.value, tmp_path)
        assert s.witness.writes and not any(map(s.w.result, s.w.asked))
        s.witness.answered = lambda _number, _id: None
        full.room = None
        applied(s)


@pytest.mark.parametrize("disk", ["ledger", "crm"])
def test_what_could_not_be_stored_comes_with_the_next_pull(disk: str, tmp_path: Path) -> None:
    disks = Disks.two()
    with disks.outbox("lever", tmp_path) as s:
        for number in range(3):
            s.w.simulator.apply(name=f"New {number}", email=f"new{number}@example.com")
        s.w.later()
        getattr(disks, disk).room = 1 if disk == "ledger" else 0
        with pytest.raises((LedgerError, CrmError)) as caught:
            s.w.bridge.pull()
        says_what_to_do(caught.value, tmp_path)
        getattr(disks, disk).room = None
        s.w.bridge.pull()
        assert s.w.differences() == {}
        applied(s)


def full_at(vendor: str, commit: int, folder: Path, *, once: bool) -> bool:
    """Whether one disk of both was full at a push's n-th commit, for that commit alone or from it on."""
    disks = Disks.one()
    with disks.outbox(vendor, folder, seed=commit) as s:
        disks.ledger.room, disks.ledger.once = commit - 1, once
        try:
            s.w.bridge.push()
        except (LedgerError, CrmError) as error:
            says_what_to_do(error, folder)
            assert disks.ledger.refused
        else:
            assert not disks.ledger.refused
        disks.ledger.room = None
        applied(s)
        return disks.ledger.refused > 0


@pytest.mark.parametrize(
    ("vendor", "commit", "once"),
    [("lever", 4, True), ("lever", 9, False), ("greenhouse", 7, True), ("greenhouse", 12, False)],
)
def test_a_push_that_finds_the_disk_full_at_a_commit(
    vendor: str, commit: int, once: bool, tmp_path: Path
) -> None:
    assert full_at(vendor, commit, tmp_path, once=once)


@pytest.mark.campaign
@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("once", [True, False])
def test_a_push_that_finds_the_disk_full_at_any_commit(vendor: str, once: bool, tmp_path: Path) -> None:
    for commit in range(1, COMMITS + 1):
        folder = tmp_path / str(commit)
        folder.mkdir()
        if not full_at(vendor, commit, folder, once=once):
            break
    assert 15 < commit < COMMITS


def test_a_check_of_the_crm_says_that_its_disk_is_full(tmp_path: Path) -> None:
    with SqlCrm(tmp_path / "crm.sqlite", connect=Disk(room=0).connect) as crm:
        (finding,) = crm.check()
    assert not finding.ok
    assert f"{tmp_path / 'crm.sqlite'} failed: {FULL}; free space" in finding.why


def test_a_ledger_that_finds_no_room_for_itself_is_made_when_there_is(tmp_path: Path) -> None:
    disk = Disk(room=0)
    with pytest.raises(LedgerError) as caught:
        SqliteLedger(tmp_path / "ledger.sqlite", connect=disk.connect)
    says_what_to_do(caught.value, tmp_path)
    disk.room = None
    SqliteLedger(tmp_path / "ledger.sqlite", connect=disk.connect).close()


# -- in earnest --


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of four megabytes, where there may be one."""
    folder = tmp_path / "small"
    folder.mkdir()
    told = ["mount", "-t", "tmpfs", "-o", "size=4m", "atsbridge", str(folder)]
    if subprocess.run(told, capture_output=True, check=False).returncode:
        pytest.skip("a file system of one's own takes root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(ballast: Path) -> None:
    """Leave not a byte."""
    with suppress(OSError), ballast.open("ab", buffering=0) as file:
        while file.write(bytes(4096)):
            """There was room."""


@pytest.mark.campaign
@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("moment", ["in_gap", "answered"])
def test_a_disk_that_fills_up_in_earnest(vendor: str, moment: str, small: Path) -> None:
    """When a write is under way, or the ATS has accepted it."""
    ballast = small / "ballast"
    with outbox(vendor, small, count=2, seed=1) as s:
        setattr(s.witness, moment, lambda _number, _id: fill(ballast))
        with pytest.raises((LedgerError, CrmError)) as caught:
            s.w.bridge.push()
        says_what_to_do(caught.value, small)
        assert s.witness.writes
        setattr(s.witness, moment, lambda _number, _id: None)
        ballast.unlink()
        applied(s)


@pytest.mark.campaign
def test_what_a_full_disk_leaves_of_a_new_ledger_is_said(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_BEING_MADE_SECONDS", 0.1)
    fill(small / "ballast")
    path = small / "ledger.sqlite"
    with pytest.raises(LedgerError, match=FULL) as caught:
        SqliteLedger(path)
    assert "remove the empty file" in caught.value.advice
    (small / "ballast").unlink()
    with pytest.raises(LedgerError, match="is an empty file"):
        SqliteLedger(path)
    path.unlink()
    SqliteLedger(path).close()
