"""For all tests: canaries, no network, printed seeds (`atsbridge.testing.plugin`), a PostgreSQL server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import postgres_server
import pytest

pytest_plugins = ["atsbridge.testing.plugin", "pytester"]
postgres = postgres_server.postgres

OFFLINE = {"ledgers", "mapping", "sync", "wire"}
"""Folders whose tests need no socket, not even to this machine."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        folder = item.path.relative_to(here).parts[0]
        if folder not in OFFLINE and not folder.endswith(".py"):
            item.add_marker(pytest.mark.loopback)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """For ``-n auto``: one more than there are cores, since a third of the tests' time is waiting."""
    return (os.cpu_count() or 1) + 1


def pytest_terminal_summary(terminalreporter: Any) -> None:
    postgres_server.warn_of_skips(terminalreporter)
