"""For all tests: canaries, no network, printed seeds (see `atsbridge.testing.plugin`)."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["atsbridge.testing.plugin", "pytester"]

OFFLINE = {"ledgers", "mapping", "sync", "wire"}
"""Folders whose tests need no socket, not even to this machine."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        folder = item.path.relative_to(here).parts[0]
        if folder not in OFFLINE and not folder.endswith(".py"):
            item.add_marker(pytest.mark.loopback)
