"""``atsbridge status``: where the connection stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from .opening import Options, on_connection
from .output import heading, plural, say, show_table, time_text
from .reports import counts_text


@click.command()
@on_connection
def status(options: Options) -> int:
    """Show on one page where the connection stands. Asks neither side."""
    with options.bridge() as bridge:
        report = bridge.status().as_dict()
    if options.as_json:
        options.show_json(report)
    else:
        _show(report)
    return 0


def _show(report: dict[str, Any]) -> None:
    heading(f"Connection {report['connection']}")
    rows = [
        ("writes", _writing(report)),
        ("held back", report["held_back"] or "nothing"),
        ("records", ", ".join(plural(n, kind) for kind, n in report["known"].items())),
        ("writes under way", counts_text({k: n for k, n in report["intents"].items() if n})),
        ("changes that ended", counts_text(report["results"])),
        ("for a person", ", ".join(report["review"]) or "nothing"),
        ("quarantined", report["quarantined"]),
        ("waiting for a parent", report["waiting"]),
        ("receipts to deliver", report["undelivered"]),
        ("at work now", ", ".join(report["working"]) or "nobody"),
        ("last run", _last_run(report["runs"])),
    ]
    show_table(("", ""), rows)
    streams = [
        (name, time_text(stream["finished_at"]), "yes" if stream["unfinished"] else "")
        for name, stream in report["streams"].items()
    ]
    if streams:
        show_table(("stream", "last read to its end", "unfinished"), streams)
    else:
        say("nothing was read yet: `atsbridge sync`")


def _writing(report: dict[str, Any]) -> str:
    text = f"mode {report['write_mode']}"
    if not report["surface_approved"]:
        text += ", surface not approved"
    return text


def _last_run(runs: Sequence[Mapping[str, Any]]) -> str:
    """What ran last, and the error it ended with, if any."""
    if not runs:
        return "none"
    run = runs[0]
    if run["ended_at"] is None:
        return f"{run['verb']}, begun {time_text(run['started_at'])} and not ended"
    error = (run["summary"] or {}).get("error")
    how = f"failed: {error}" if error else "ended well"
    return f"{run['verb']}, {time_text(run['ended_at'])}, {how}"
