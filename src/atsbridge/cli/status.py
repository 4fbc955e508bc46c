"""``atsbridge status``: where the connection stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from .exits import Exit
from .opening import NO_MAPPING, Options, on_connection
from .output import heading, plural, say, show_table, time_text
from .reports import counts_text


@click.command()
@on_connection
def status(options: Options) -> int:
    """Show on one page where the connection stands. Asks neither side.

    Exit 5 if a person must act before changes can leave or records come in (a stop, an approval, a
    failure that does not pass by itself), 4 if the last run failed for what may pass.
    """
    found = options.read()
    mapped = found.mapping.exists()
    with options.bridge(mapping=None if mapped else NO_MAPPING) as bridge:
        report = {**bridge.status().as_dict(), "mapping": str(found.mapping) if mapped else None}
    if options.as_json:
        options.show_json(report)
    else:
        _show(report)
    if report["stopped"] or report["unapproved"] or any(not f["retryable"] for f in report["failing"]):
        return Exit.PERSON
    return Exit.LATER if report["failing"] else Exit.OK


def _show(report: dict[str, Any]) -> None:
    heading(f"Connection {report['connection']}")
    rows = [
        ("writes", _writing(report)),
        ("held back", report["held_back"] or "nothing"),
        *((f"failing: {f['verb']}", f"{time_text(f['at'])}, {_line(f['error'])}") for f in report["failing"]),
        ("records", ", ".join(plural(n, kind) for kind, n in report["known"].items())),
        ("writes under way", counts_text({k: n for k, n in report["intents"].items() if n})),
        ("changes that ended", counts_text(report["results"])),
        ("for a person", ", ".join(report["review"]) or "nothing"),
        ("quarantined", report["quarantined"]),
        ("waiting for a parent", report["waiting"]),
        ("receipts to deliver", report["undelivered"]),
        ("at work now", ", ".join(map(_lane, report["working"])) or "nobody"),
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
    if any(f["verb"] in ("push", "sync") for f in report["failing"]):
        say("changes that recruiters have made since may not be taken in yet: mend it, then `atsbridge sync`")
    if report["review"]:
        say("`atsbridge explain` with the id of a change tells what became of it")


def _lane(lane: str) -> str:
    """The application that somebody works on, by its id alone; or what else is worked on."""
    return lane.removeprefix("application/")


def _writing(report: dict[str, Any]) -> str:
    if report["mapping"] is None:
        return "no mapping yet: `atsbridge init` suggests a first one"
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
    return f"{run['verb']}, {time_text(run['ended_at'])}, {_how_ended(run['summary'] or {})}"


def _line(text: str) -> str:
    """Words of several lines as one."""
    return " ".join(text.split())


def _how_ended(told: Mapping[str, Any]) -> str:
    """What a run came to, as its exit code said it."""
    if error := told.get("error"):
        return f"failed: {_line(error)}"
    pushed = told.get("push", told)
    if pushed.get("stopped") or pushed.get("unapproved") or pushed.get("unavailable"):
        return f"not all was sent: {pushed.get('held_back') or 'the ATS could not be asked'}"
    results = pushed.get("results", {})
    if doubtful := results.get("review", 0) + results.get("dead", 0):
        return f"ended, {plural(doubtful, 'change')} for a person"
    if faults := told.get("counts", {}).get("fault"):
        return f"ended, {faults} unexplained"
    return "ended well"
