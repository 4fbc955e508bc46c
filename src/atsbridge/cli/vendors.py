"""``atsbridge vendors``: which adapters there are, what each may write, and the approval of it."""

from __future__ import annotations

import json
from typing import Any

import click

from ..registry import Group, load, names
from .approval import write_approval
from .capabilities import matrix
from .example import describe
from .exits import Exit
from .opening import Options, json_option, on_connection
from .output import heading, printable, say, show_json, show_table


@click.group()
def vendors() -> None:
    """List adapters; show and approve what they may write."""


@vendors.command("list")
@json_option
def list_(*, as_json: bool) -> int:
    """List the installed adapters, and of ours what they can do. None is imported."""
    simulated, known = set(names(Group.SIMULATOR)), matrix()
    rows = [
        {"name": name, "simulator": name in simulated, "capabilities": known.get(name)}
        for name in names(Group.ATS)
    ]
    if as_json:
        show_json(rows)
    else:
        heads = ("adapter", "API", "reads", "deletions", "hooks", "writes", "ends on", "simulator")
        show_table(heads, [_row(row) for row in rows])
    return 0


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    told, simulator = row["capabilities"], "yes" if row["simulator"] else "no"
    if told is None:
        return (row["name"], f"see `vendors show {row['name']}`", "", "", "", "", "", simulator)
    streams = list(told["streams"].values())
    return (
        row["name"],
        told["api_version"],
        f"{streams.count('incremental')} of {len(streams)} incremental",
        told["deletions"].partition(" (")[0],
        "yes" if told["web_hooks"] else "no",
        ", ".join(told["writes"]),
        told["sunset"] or "none told",
        simulator,
    )


@vendors.command(short_help="Show what an adapter can do, and all it can write.")
@click.argument("name")
@json_option
def show(name: str, *, as_json: bool) -> int:
    """Show an adapter's capabilities and its whole write surface, for a security review."""
    described = describe(load(Group.ATS, name))
    if as_json:
        show_json(described)
    else:
        show_vendor(described)
    return 0


@vendors.command(short_help="Approve what the connection's adapter may write.")
@click.option("--yes", is_flag=True, help="Approve without asking.")
@on_connection
def approve(options: Options, *, yes: bool) -> int:
    """Approve the write surface of the connection's adapter, in the connection file.

    Until it is approved, and again whenever it changes, nothing is written to the ATS.
    """
    found = options.read()
    described = describe(load(Group.ATS, found.ats.plugin))
    digest: str = described["surface_digest"]
    if found.approved == digest:
        _tell(options, f"Already approved: {digest}", digest, changed=False)
        return Exit.OK
    if not options.as_json:
        show_writes(described)
    if not yes:
        if options.as_json:
            raise click.UsageError("--json cannot ask: add --yes once the surface has been reviewed")
        if not _confirmed(f"Approve these writes for the connection {found.name}?"):
            say("Not approved; nothing was changed.")
            return Exit.FOUND
    write_approval(found.path, digest)
    _tell(options, f"Approved in {found.path}: {digest}", digest, changed=True)
    return Exit.OK


def _confirmed(question: str) -> bool:
    try:
        return click.confirm(question, err=True)
    except click.Abort as ended:
        if not isinstance(ended.__context__, EOFError):
            raise
        raise click.UsageError(
            "nobody is there to be asked: add --yes once the surface has been reviewed"
        ) from None


def _tell(options: Options, text: str, digest: str, *, changed: bool) -> None:
    if options.as_json:
        options.show_json({"approved": digest, "changed": changed})
    else:
        say(text)


def show_vendor(described: dict[str, Any]) -> None:
    heading(f"{described['title']}, API {described['api_version']}")
    say(f"{described['docs']} (read {described['docs_read']})")
    if described["sunset"]:
        say(f"This API ends on {described['sunset']}.")
    rows = [
        (s["name"], ", ".join(s["kinds"]), "incremental" if s["incremental"] else "read whole", s["scope"])
        for s in described["streams"]
    ]
    show_table(("stream", "kinds", "how", "per"), rows, title="Reads")
    say(f"Deletions: {described['deletions']}")
    show_writes(described)
    if described["unconfirmed"]:
        show_table(("setting", "what nobody confirmed"), list(described["unconfirmed"].items()))
    show_table(
        ("setting", "default", ""), [(s["name"], s["default"], s["note"]) for s in described["settings"]]
    )


def show_writes(described: dict[str, Any]) -> None:
    heading("Everything this adapter can write")
    for write in described["writes"]:
        query = "&".join(f"{key}={_value(value)}" for key, value in write["query"].items())
        say(f"{write['name']}: {write['method']} {write['path']}{'?' + query if query else ''}")
        say(f"    body: {_body(write['body'])}")
        for slot, form in write["slots"].items():
            kind = "a number" if form["type"] == "int" else "text"
            say(f"    {{{slot}}} is {kind} of the form {form['pattern']}")
        say(
            f"    compare-and-set {write['cas']}, signal {write['signal']}, resend {write['resend']},"
            f" may also cause: {', '.join(write['side_effects']) or 'nothing known'}"
        )
        if write["note"]:
            say(f"    {write['note']}")
    say(f"To: {', '.join(described['hosts'].values())}, and nowhere else.")
    say(f"Digest of this surface: {described['surface_digest']}")


def _body(shape: Any) -> str:
    return "none" if shape == {"constant": None} else printable(_value(shape))


def _value(shape: Any) -> str:
    """A shape as it is sent: slots in braces, constants as JSON."""
    if isinstance(shape, dict) and "slot" in shape and set(shape) <= {"slot", "frame"}:
        return f"{{{shape['slot']}}}".join(shape.get("frame", ("", "")))
    if isinstance(shape, dict) and set(shape) == {"constant"}:
        return json.dumps(shape["constant"])
    if isinstance(shape, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {_value(v)}" for key, v in shape.items()) + "}"
    if isinstance(shape, list):
        return "[" + ", ".join(_value(v) for v in shape) + "]"
    return str(shape)
