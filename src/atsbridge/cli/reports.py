"""How the bridge's reports look to people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from .output import say, show_table

_COUNTS = (
    "read", "created", "updated", "unchanged", "deleted", "linked", "to_review", "left_out", "waiting",
    "quarantined", "restarts", "suspects",
)  # fmt: skip


def show_pull(report: Mapping[str, Any]) -> None:
    """Pages per stream, and what became of the records."""
    show_table(("stream", "pages"), [(name, pages) for name, pages in report["pages"].items()])
    counts = [f"{report[name]} {name.replace('_', ' ')}" for name in _COUNTS if report.get(name)]
    say(", ".join(counts) or "nothing changed")
    say(f"{report['requests']} requests")


def show_receipts(receipts: Sequence[Mapping[str, Any]], *, limit: int = 60) -> None:
    """Receipts as a table, and how many there are of each result."""
    if not receipts:
        say("no change of a recruiter became final")
        return
    rows = [
        (
            r["result"].upper(),
            r["application"],
            state_text(r["before"]),
            state_text(r["after"]),
            r["strength"],
            r["why"],
        )
        for r in receipts[:limit]
    ]
    show_table(("result", "application", "before", "after", "strength", "why"), rows)
    if len(receipts) > limit:
        say(f"... and {len(receipts) - limit} more; --json has them all")
    say(counts_text(Counter(r["result"] for r in receipts)))


def state_text(state: Mapping[str, Any] | None) -> str:
    if state is None:
        return ""
    return f"{state['status']} in {state['stage'] or 'no stage'}"


def counts_text(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in sorted(counts.items())) or "none"
