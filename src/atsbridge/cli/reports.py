"""How the bridge's reports look to people, and which exit they lead to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ..model import Result
from ..sync.inbound import PullReport
from ..sync.outbound import PushReport
from ..sync.plan import PlanReport, receipt_dict
from .exits import Exit
from .names import Names
from .output import plural, say, show_table

_COUNTS = (
    "read", "created", "updated", "already_held", "left_out", "waiting", "overtaken", "unchanged", "deleted",
    "linked", "to_review", "quarantined", "restarts", "suspects",
)  # fmt: skip


def show_pull(report: Mapping[str, Any]) -> None:
    """Pages per stream, and what became of the records."""
    show_table(("stream", "pages"), [(name, pages) for name, pages in report["pages"].items()])
    counts = [f"{report[name]} {name.replace('_', ' ')}" for name in _COUNTS if report.get(name)]
    say(", ".join(counts) or "nothing changed")
    say(plural(report["requests"], "request"))


def push_dict(report: PushReport) -> dict[str, Any]:
    """A push for programs, with every receipt."""
    return {**report.as_dict(), "receipts": [receipt_dict(r) for r in report.receipts]}


def done_dict(reports: Mapping[str, PushReport | PullReport | None]) -> dict[str, Any]:
    """What was done, for programs: by verb, without what was not."""
    return {
        verb: push_dict(report) if isinstance(report, PushReport) else report.as_dict()
        for verb, report in reports.items()
        if report is not None
    }


def show_receipts(receipts: Sequence[Mapping[str, Any]], names: Names, *, limit: int = 60) -> None:
    """Receipts as a table, and how many there are of each result."""
    if not receipts:
        say("no change of a recruiter became final")
        return
    rows = [(r["result"].upper(), r["application"], receipt_text(r, names)) for r in receipts[:limit]]
    show_table(("result", "application", "what"), rows)
    if len(receipts) > limit:
        say(f"... and {len(receipts) - limit} more; --json has them all")
    say(counts_text(Counter(r["result"] for r in receipts)))


def receipt_text(receipt: Mapping[str, Any], names: Names) -> str:
    """From where to where, and why; each as far as the receipt says it."""
    before, after = names.state(receipt["before"]), names.state(receipt["after"])
    states = " -> ".join(dict.fromkeys(state for state in (before, after) if state))
    over = f"over {', '.join(receipt['overwritten'])}" if receipt["overwritten"] else ""
    return "; ".join(text for text in (states, receipt["why"], over) if text)


def exit_of_writes(report: PushReport | PlanReport) -> Exit:
    """Which exit a push leads to, or one that is foretold."""
    if report.stopped or report.unapproved:
        return Exit.PERSON
    if any(receipt.result in (Result.REVIEW, Result.DEAD) for receipt in report.receipts):
        return Exit.FOUND
    return Exit.LATER if report.unavailable else Exit.OK


def counts_text(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in sorted(counts.items())) or "none"
