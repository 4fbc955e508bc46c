"""``atsbridge explain``: the story of one application."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from ..bridge import Bridge
from ..crm.sql import SqlCrm
from ..model import Ref
from ..sync.explain import Explanation
from .exits import Exit
from .opening import Options, on_connection
from .output import heading, plain, say, show_table


@click.command()
@click.argument("application", metavar="APP")
@click.option("--ask", is_flag=True, help="Also read it in the ATS now.")
@on_connection
def explain(options: Options, *, application: str, ask: bool) -> int:
    """Tell what was read of one application, which rule mapped it, what was decided, sent and answered.

    APP is the ATS's id of the application. Exit 1 if nothing is known of it.
    """
    with options.bridge() as bridge:
        found = bridge.explain(application, ask=ask)
        person = _person(bridge, bridge.ref(application))
    report = {**found.as_dict(), "candidate_name": person}
    if options.as_json:
        options.show_json(report)
    else:
        _show(options.public(plain(report)))
    return Exit.OK if _known(found) else Exit.FOUND


def _known(found: Explanation) -> bool:
    return bool(found.known or found.updates or found.quarantined or found.waiting_for or found.crm)


def _person(bridge: Bridge, ref: Ref) -> str | None:
    """The candidate's name, where the embedded CRM holds it."""
    crm = bridge.crm
    if not isinstance(crm, SqlCrm):
        return None
    try:
        return crm.application(ref).candidate_name
    except LookupError:
        return None


def _show(report: Mapping[str, Any]) -> None:
    heading(f"Application {report['application']}")
    if report["candidate_name"]:
        say(f"candidate: {report['candidate_name']}")
    if report["quarantined"]:
        say(f"in quarantine: {report['quarantined']}")
    if report["waiting_for"]:
        say(f"waits for {report['waiting_for']}")
    _section("What was read", [report["known"]] if report["known"] else [])
    if report["mapped"]:
        heading("How it was mapped")
        for line in report["mapped"]:
            say(f"- {line}")
    _section("What recruiters asked for", report["updates"])
    _section("What was to be written", report["intents"])
    _section("What was sent", report["attempts"])
    _section("What the CRM holds", [report["crm"]] if report["crm"] else [])
    _section("What the ATS says now", [report["now"]] if report["now"] else [])


def _section(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    heading(title)
    for number, row in enumerate(rows, start=1):
        facts = [(key, value) for key, value in row.items() if value not in (None, "", 0, [], {})]
        show_table((str(number) if len(rows) > 1 else "", ""), facts)
