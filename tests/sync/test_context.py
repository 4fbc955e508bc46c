"""A connection put together: who works on it, and what may be written."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sync_world import world

from atsbridge.sync.context import Context, note_ended, surely_dead, worker_name

HERE = worker_name().split("|")[0]
SEEN = Path("/proc/self/ns/pid").readlink()
NO_SUCH_PROCESS = 2**22 + 1
"""Above the largest that Linux gives out."""


@pytest.mark.parametrize(
    "worker",
    [
        "w0.1",
        f"{HERE}|{NO_SUCH_PROCESS}|7|aa",
        f"elsewhere|{SEEN}|{NO_SUCH_PROCESS}|1|aa",
        f"{socket.gethostname()} another-boot|{SEEN}|{NO_SUCH_PROCESS}|1|aa",
        f"{HERE}|pid:[1]|{NO_SUCH_PROCESS}|1|aa",
        f"{HERE}||{NO_SUCH_PROCESS}|1|aa",
        f"{HERE}|{SEEN}|no|1|aa",
        f"{HERE}|{SEEN}|{os.getpid()}||aa",
        worker_name(),
    ],
    ids=[
        "old",
        "without",
        "elsewhere",
        "its name alone",
        "not seen",
        "no namespace",
        "no number",
        "no start",
        "we ourselves",
    ],
)
def test_nobody_is_called_dead_on_a_guess(worker: str) -> None:
    assert not surely_dead(worker)


def test_who_has_ended_in_this_process_is_dead() -> None:
    worker, other = worker_name(), worker_name()
    note_ended(worker)
    assert surely_dead(worker) and not surely_dead(other)


def test_two_workers_of_one_process_have_two_names() -> None:
    assert worker_name() != worker_name()


@pytest.mark.parametrize(
    "worker",
    [f"{HERE}|{SEEN}|{os.getpid()}|1|aa", f"{HERE}|{SEEN}|{NO_SUCH_PROCESS}|7|aa"],
    ids=["ours", "none"],
)
def test_a_process_that_has_ended_is_dead_also_where_its_number_was_given_again(worker: str) -> None:
    assert surely_dead(worker)


def test_one_whose_folder_is_hidden_is_not_called_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux can hide other users' processes (``hidepid``): that says nothing of whether they live."""
    lives = worker_name()
    monkeypatch.setattr(Path, "read_text", refused)
    assert not surely_dead(lives)


def refused(*_: object, **__: object) -> str:
    raise FileNotFoundError


def test_a_surface_is_approved_by_its_digest_alone() -> None:
    w = world(pulled=False)
    assert w.ctx.surface_approved
    for other in (None, "", w.ats.VENDOR.surface_digest[:-1]):
        w.ctx.approved = other
        assert not w.ctx.surface_approved


def test_without_another_clock_the_wall_clock_is_utc() -> None:
    w = world(pulled=False)
    parts = {
        name: getattr(w.ctx, name)
        for name in ("connection", "ats", "client", "crm", "ledger", "mapping", "permits")
    }
    ctx = Context(**parts)
    assert ctx.now().tzinfo is UTC and abs(ctx.now() - datetime.now(UTC)) < timedelta(hours=1)
    assert ctx.held == {} and not surely_dead(ctx.worker)
