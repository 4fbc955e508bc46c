"""``atsbridge explain``: the story of one application."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from ..bridge import Bridge
from ..crm.sql import SqlCrm
from ..model import Kind, Ref
from ..sync.explain import Explanation
from ..sync.ledger import Known
from .exits import Exit
from .names import Names
from .opening import Options, on_connection
from .output import heading, plain, say, show_table, time_text
from .reports import receipt_text

Facts = Iterable[tuple[str, object]]


@click.command()
@click.argument("application", metavar="APP")
@click.option("--ask", is_flag=True, help="Also read it in the ATS now.")
@on_connection
def explain(options: Options, *, application: str, ask: bool) -> int:
    """Tell what was read of one application, which rule mapped it, what was decided, sent and answered.

    APP is the ATS's id of the application, the address of its page there, or the id of a change of it,
    as `atsbridge status` shows it. Exit 1 if nothing is known of it; with --ask, 4 or 5 if the ATS could
    not be asked, beside all that is known without it.
    --json has every row of the ledger, whole.
    """
    with options.bridge() as bridge:
        application = _id_in(bridge, application)
        found = bridge.explain(application, ask=ask)
        person, names = _person(bridge, bridge.ref(found.application)), Names.known_to(bridge)
    report = {**found.as_dict(), "candidate_name": person}
    if options.as_json:
        options.show_json(report)
    else:
        _show(options.public(plain(report)), names, known=_known(found))
    if found.now and "error" in found.now:
        return Exit.LATER if found.now["retryable"] else Exit.PERSON
    return Exit.OK if _known(found) else Exit.FOUND


def _id_in(bridge: Bridge, text: str) -> str:
    """The application's id in an address: the last part that is one, else the last of all."""
    if "://" not in text:
        return text
    parts = [part for part in re.split(r"[/?&=#]+", text) if part]
    prefix = (bridge.connection, Kind.APPLICATION.value)
    known = bridge.ledger.look(lambda txn: txn.get_many(Known, prefix, parts))
    return next((part for part in reversed(parts) if part in known), parts[-1])


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


def _show(report: Mapping[str, Any], names: Names, *, known: bool) -> None:
    heading(f"Application {report['application']}")
    if report["candidate_name"]:
        say(f"candidate: {report['candidate_name']}")
    if not known:
        say(f"nothing is known of it: {_why_unknown(report)}")
    if report["quarantined"]:
        say(f"in quarantine: {report['quarantined']}")
    if report["waiting_for"]:
        say(f"waits for {report['waiting_for']}, which the ATS has not shown")
    if report["not_taken_in"]:
        say(f"not taken in yet: {report['not_taken_in']}")
    if report["known"]:
        _section("What was read", [_read(report["known"], names)])
    if report["mapped"]:
        heading("How it was mapped")
        for line in report["mapped"]:
            say(f"- {line}")
    _section("What recruiters asked for", [_asked(row, names) for row in report["updates"]])
    _section(
        "What was to be written", [_to_write(row, names, report["held_back"]) for row in report["intents"]]
    )
    _section("What was sent", [_sent(row) for row in report["attempts"]])
    if report["crm"]:
        _section("What the CRM holds", [_held(report["crm"], names)])
    if report["now"]:
        _section("What the ATS says now", [_now(report["now"], names, known=known)])


def _why_unknown(report: Mapping[str, Any]) -> str:
    if report["known_as"]:
        return f"this is the id of a {report['known_as'][0]}, not of an application"
    if report["now"] is None:
        return "hidden from the credential, not pulled yet, or no application's id; --ask asks the ATS"
    if "error" in report["now"]:
        return "and the ATS could not be asked"
    if "gone" in report["now"]:
        return "the ATS knows no application of this id; is it a candidate's or a job's?"
    return (
        "the ATS shows it to who asks for it, and no pull has brought it: newer than the last one, or"
        " confidential (the ATS's lists leave those out unless the connection file asks for them)"
    )


def _section(title: str, stories: Sequence[Facts]) -> None:
    if not stories:
        return
    heading(title)
    for number, story in enumerate(stories, start=1):
        facts = [(name, value) for name, value in story if value not in (None, "")]
        show_table((str(number) if len(stories) > 1 else "", ""), facts)


# -- rows of the ledger, as people read them --


def _read(row: Mapping[str, Any], names: Names) -> Facts:
    return (
        ("job", _named(row["job"], names.jobs)),
        ("stage", _named(row["stage"], names.stages)),
        ("status", row["status"]),
        ("reason", _named(row["reason"], names.reasons)),
        ("in the ATS it is", row["deleted"]),
        ("read", time_text(row["read_at"])),
    )


def _asked(row: Mapping[str, Any], names: Names) -> Facts:
    receipt = json.loads(row["receipt"]) if row["receipt"] else None
    base = {"stage": row["base_stage"], "status": row["base_status"]} if row["base_status"] else None
    return (
        ("change", row["event_id"]),
        ("step", row["step"]),
        ("status", row["status"]),
        ("reason", row["reason"]),
        ("by", row["actor"]),
        ("on", time_text(row["occurred_at"])),
        ("who saw", names.state(base) or "not said by the CRM"),
        ("taken in", time_text(row["taken_at"])),
        ("waits for", row["waits_for"]),
        ("result", (row["result"] or "none yet").upper()),
        ("receipt", receipt_text(receipt, names) if receipt else ""),
        ("told the CRM", ("yes" if row["delivered"] else "not yet") if receipt else ""),
    )


def _to_write(row: Mapping[str, Any], names: Names, held_back: str) -> Facts:
    target = {"stage": row["target_stage"], "status": row["target_status"], "reason": row["target_reason"]}
    expected = {"stage": row["expected_stage"], "status": row["expected_status"]}
    return (
        ("change", f"{row['event_id']}, part {row['part'] + 1} of {row['parts']}"),
        ("what", f"{row['action']}: {names.state(target)}"),
        ("only if", names.state(expected)),
        ("as user", row["acting_user"]),
        ("where it stands", row["state"]),
        ("held back", held_back if row["state"] == "pending" else ""),
        ("attempts", row["attempts"]),
        ("result", (row["result"] or "").upper()),
        ("why", row["why"]),
        ("gap", row["gap"]),
        ("overwritten", ", ".join(json.loads(row["overwritten"] or "[]"))),
        ("ended", time_text(row["closed_at"])),
    )


def _sent(row: Mapping[str, Any]) -> Facts:
    answer = f", answer {row['answer']}" if row["answer"] is not None else ""
    return (
        ("attempt", f"{row['number']}, {row['write']}"),
        ("sent", time_text(row["at"])),
        ("outcome", f"{row['outcome']}{answer}"),
        ("answered", time_text(row["answered_at"])),
        ("request", row["request_id"]),
    )


def _held(row: Mapping[str, Any], names: Names) -> Facts:
    return (
        ("confirmed", names.state(row["confirmed"]) or "nothing"),
        ("in its words", ", ".join(filter(None, (row["words"] or {}).values()))),
        ("requested step", row["requested_step"]),
        ("requested status", row["requested_status"]),
        ("requested reason", row["requested_reason"]),
        ("change", row["event_id"]),
        ("deleted", "yes" if row["deleted"] else ""),
    )


def _now(row: Mapping[str, Any], names: Names, *, known: bool) -> Facts:
    if "error" in row:
        return (("could not be asked", row["error"]),)
    if "gone" in row:
        return (("gone", row["gone"] if known else "no such application"),)
    read = datetime.fromisoformat(row["read_at"]).timestamp()
    return (("state", names.state(row)), ("read", time_text(read)))


def _named(id: str | None, called: Mapping[str, str]) -> str | None:
    return f"{called[id]} (id {id})" if id is not None and id in called else id
