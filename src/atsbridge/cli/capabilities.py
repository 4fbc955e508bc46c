"""What each built-in adapter can do, as one checked-in table: `capabilities.json` beside this file.

It is made from the adapters and from what their contract's run passed
(``nox -s matrix``), so that `vendors list` can show it without importing one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from importlib import resources
from typing import Any

from ..ats.interface import Ats
from .example import describe


def capabilities(adapter: type[Ats]) -> dict[str, Any]:
    """One adapter's row, from its own declarations."""
    shown = describe(adapter)
    return {
        "title": shown["title"],
        "api_version": shown["api_version"],
        "sunset": None if shown["sunset"] is None else shown["sunset"].isoformat(),
        "streams": {s["name"]: "incremental" if s["incremental"] else "whole" for s in shown["streams"]},
        "deletions": shown["deletions"],
        "web_hooks": adapter.read_hook is not Ats.read_hook,
        "writes": {
            w["name"]: {
                "compare_and_set": w["cas"],
                "signal": w["signal"],
                "resend": w["resend"],
                "side_effects": w["side_effects"],
            }
            for w in shown["writes"]
        },
        "unconfirmed": sorted(shown["unconfirmed"]),
    }


def matrix() -> dict[str, dict[str, Any]]:
    """The checked-in table, by the adapters' names."""
    text = resources.files("atsbridge.cli").joinpath("capabilities.json").read_text("utf-8")
    found: dict[str, dict[str, Any]] = json.loads(text)
    return found


def ending_soon(
    table: Mapping[str, Mapping[str, Any]], today: date, *, days: int = 180
) -> list[tuple[str, date, int]]:
    """APIs that end within so many days: name, last day, and days that are left."""
    ends = [(name, date.fromisoformat(row["sunset"])) for name, row in table.items() if row["sunset"]]
    left = [(name, end, (end - today).days) for name, end in ends]
    return sorted((one for one in left if one[2] < days), key=lambda one: one[1])
