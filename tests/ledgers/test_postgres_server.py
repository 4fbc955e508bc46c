"""What the test session says where there is no PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import postgres_server
import pytest
from postgres_server import NO_SERVER, PostgresServer, programs, warn_of_skips


class Reporter:
    """Args: ``reasons`` of the tests that were skipped."""

    def __init__(self, *reasons: str) -> None:
        self.stats = {"skipped": [SimpleNamespace(longrepr=("file", 1, f"Skipped: {r}")) for r in reasons]}
        self.said: list[str] = []

    def section(self, title: str, **_: Any) -> None:
        self.said.append(title)

    def line(self, text: str) -> None:
        self.said.append(text)


def test_that_it_was_not_tried_is_said_aloud() -> None:
    reporter = Reporter(f"{NO_SERVER}: why", "something else", f"{NO_SERVER}: why")
    warn_of_skips(reporter)
    assert reporter.said[0] == "PostgreSQL" and reporter.said[1].startswith("WARNING: 2 tests were skipped")


def test_where_all_was_tried_nothing_is_said() -> None:
    reporter = Reporter("something else")
    warn_of_skips(reporter)
    assert reporter.said == []


def test_without_its_programs_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(postgres_server, "_FOLDERS", ())
    programs.cache_clear()
    assert programs() is None
    programs.cache_clear()


def test_it_ends_with_the_process_that_started_it(postgres: PostgresServer) -> None:
    """However that ends: the pipe is all that holds it."""
    with PostgresServer.running(postgres.programs) as own:
        process = own._process
        assert process is not None and process.stdin is not None
        assert (own.folder / "data" / "postmaster.pid").exists()
        process.stdin.close()
        assert process.wait(30) is not None
        assert not (own.folder / "data" / "postmaster.pid").exists()
        own._process = None
    assert not Path(own.folder).exists()
