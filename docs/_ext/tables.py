"""What the documentation says of adapters, simulators, ledger and command line, read off the code itself.

Every function gives reStructuredText. Nothing here needs Sphinx, so the tests read the same text.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from atsbridge.ats.interface import Ats
from atsbridge.cli import example
from atsbridge.registry import Group, load
from atsbridge.sync import ledger
from atsbridge.wire.budgets import RateLimit
from atsbridge.wire.vendor import Read, Slot, StatusWrite, Vendor
from atsbridge.wire.xml import Element, local

_MEANING = {
    "version": "VERSION: the vendor refuses if anything is newer",
    "stage": "STAGE: the vendor refuses if the stage is another; blind to away and back",
    "none": "NONE: read just before, and nothing more",
}
_VISIBLE = {
    "count": "COUNT: a history grows by exactly one",
    "change": "CHANGE: something differs after any edit",
    "none": "NONE",
}


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, widths: str = "auto") -> str:
    """A list-table; a cell may hold inline markup and line breaks."""
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in [heads, *rows]:
        for n, cell in enumerate(row):
            first, *rest = (cell or "\u2013").split("\n")
            lines.append(f"   {'* -' if n == 0 else '  -'} {first}")
            lines += [f"       {line}" for line in rest]
    return "\n".join(lines) + "\n"


def code(text: object) -> str:
    return f"``{text}``" if str(text) else ""


def words(values: Iterable[object]) -> str:
    return ", ".join(code(value) for value in sorted(map(str, values)))


# --- vendors -------------------------------------------------------------------------------------


def adapter(name: str) -> type[Ats]:
    found: type[Ats] = load(Group.ATS, name)
    return found


def vendor_page(name: str) -> str:
    """All that a vendor's page generates, in its order."""
    cls = adapter(name)
    parts = [
        _facts(cls.VENDOR),
        "What can be read, as streams\n" + "~" * 28 + "\n\n" + streams(cls),
        "What can be written\n" + "~" * 19 + "\n\n" + writes(cls.VENDOR),
        "The write surface\n" + "~" * 17 + "\n\n" + surface(cls.VENDOR),
        "Reads\n~~~~~\n\n" + reads(cls.VENDOR),
        "Settings of the connection\n" + "~" * 26 + "\n\n" + configuration(cls),
        "Settings that no vendor page confirms\n" + "~" * 37 + "\n\n" + unconfirmed(cls.VENDOR),
    ]
    return "\n\n".join(parts)


def _facts(vendor: Vendor) -> str:
    rates = "; ".join(map(_rate, vendor.rates))
    rows = [
        ("API version", vendor.api_version),
        ("Vendor's page", f"{vendor.docs} (read {vendor.docs_read.isoformat()})"),
        ("Ends on", vendor.sunset.isoformat() if vendor.sunset else "no date known"),
        ("Data hosts", "\n".join(f"| {code(name)}: {code(url)}" for name, url in vendor.hosts.items())),
        ("Token hosts", "\n".join(f"| {code(url)}" for end in vendor.tokens for url in end.urls)),
        ("Kept to at most", rates),
        ("Digest of the write surface", code(vendor.surface_digest)),
    ]
    return table(("Fact", vendor.title), rows, widths="25 75")


def _rate(rate: RateLimit) -> str:
    text = f"{rate.requests:g} requests in {rate.per_seconds:g} s"
    return f"{text}, in a burst {rate.burst:g}" if rate.burst else text


def sample(cls: type[Ats]) -> Ats:
    """An adapter with made-up settings: its streams are the same for every account."""
    made: Ats = example.sample(cls)
    return made


def streams(cls: type[Ats]) -> str:
    rows = [
        (
            code(s.name),
            words(k.value for k in s.kinds),
            "since a watermark" if s.incremental else "whole, each time",
            str(s.scope.value) if hasattr(s.scope, "value") else str(s.scope),
        )
        for s in sample(cls).streams()
    ]
    return table(("Stream", "Gives", "Read", "Scope"), rows)


def writes(vendor: Vendor) -> str:
    rows = [
        (
            code(w.name),
            _MEANING[w.cas.value],
            _VISIBLE[w.signal.value],
            f"{w.visible_within_seconds:g} s",
            "once it has settled" if w.resend.value == "after_settle" else "never",
            words(e.value for e in w.side_effects) or "none known",
            w.note,
        )
        for w in vendor.writes
    ]
    heads = ("Write", "Compare-and-set", "Signal", "Visible within", "Sent again", "Side effects", "Note")
    return table(heads, rows)


def surface(vendor: Vendor) -> str:
    """Every request that can change something in the ATS, in full."""
    lines = [".. code-block:: text", ""]
    for write in vendor.writes:
        lines += [f"   {line}".rstrip() for line in _drawn(write)] + [""]
    return "\n".join(lines)


def _drawn(write: StatusWrite) -> list[str]:
    lines = [f"{write.name}", f"    {write.method} {write.path}"]
    for key, value in write.query:
        lines.append(f"    ?{key}={_slot(value)}")
    if isinstance(write.body, Element):
        lines += ["    the body of a SOAP message:", *(f"      {line}" for line in _element(write.body))]
    else:
        lines.append(f"    body: {_slot(write.body)}" if write.body is not None else "    no body")
    lines += [f"    {{{s.key}}}: {s.type.__name__} of the form {s.pattern}" for s in write.slots]
    return lines


def _element(shape: Element) -> list[str]:
    """An element by local names, a line each; slots in braces."""
    inside = "".join(
        f" {local(key)}={_slot(value) if isinstance(value, Slot) else value}"
        for key, value in shape.attributes
    )
    name = local(shape.tag)
    if not shape.children:
        text = _slot(shape.text) if isinstance(shape.text, Slot) else shape.text or ""
        return [f"<{name}{inside}>{text}</{name}>"]
    within = [f"  {line}" for child in shape.children for line in _element(child)]
    return [f"<{name}{inside}>", *within, f"</{name}>"]


def _slot(shape: Any) -> str:
    if isinstance(shape, Slot):
        return f"{{{shape.key}}}".join(shape.frame)
    if isinstance(shape, dict):
        return "{" + ", ".join(f'"{k}": {_slot(v)}' for k, v in shape.items()) + "}"
    if isinstance(shape, (list, tuple)):
        return "[" + ", ".join(map(_slot, shape)) + "]"
    return "null" if shape is None else repr(shape)


def reads(vendor: Vendor) -> str:
    rows = [(code(r.name), _request(r), words(r.query), words(r.body)) for r in vendor.reads]
    if any(r.body for r in vendor.reads):
        return table(("Read", "Request", "Query keys", "Body keys"), rows)
    return table(("Read", "Request", "Query keys"), [row[:3] for row in rows])


def _request(read: Read) -> str:
    """Method and path; where it is not below the data address, and which element its body is."""
    below = [f"below {code(read.below)}"] if read.below else []
    root = [f"a SOAP message with {code(local(read.root))}"] if read.root else []
    return "\n".join([code(f"{read.method} {read.path}"), *below, *root])


def configuration(cls: type[Ats]) -> str:
    from atsbridge.cli.example import settings_of

    rows = [
        (code(s["name"]), "must be given" if s["required"] else code(s["default"] or ""), s["note"])
        for s in settings_of(cls)
    ]
    return table(("Setting", "Default", "What it is"), rows, widths="28 20 52")


def unconfirmed(vendor: Vendor) -> str:
    rows = [(code(name), why) for name, why in vendor.unconfirmed.items()]
    return table(("Setting", "What is not confirmed, and the default"), rows) if rows else "None.\n"


# --- simulators ----------------------------------------------------------------------------------


def simulator_settings(name: str) -> str:
    simulator = load(Group.SIMULATOR, name)
    rows = [(code(key), says) for key, says in simulator.settings.items()]
    return table(("Setting", "What it does"), rows, widths="30 70")


# --- the ledger ----------------------------------------------------------------------------------


def ledger_tables() -> str:
    parts = []
    for row in ledger_rows():
        doc = " ".join((inspect.getdoc(row) or "").split("\n\n")[0].split())
        columns = ", ".join(code(a.name) for a in attrs.fields(row))
        parts.append(f"``{table_name(row)}``\n   {doc}\n\n   Columns: {columns}.\n")
    return "\n".join(parts)


def ledger_rows() -> list[type[Any]]:
    """The row classes of the ledger, in the order they are written down."""
    return [
        value
        for value in vars(ledger).values()
        if isinstance(value, type) and attrs.has(value) and table_name(value)
    ]


def table_name(row: type[Any]) -> str:
    return str(getattr(row, "TABLE", "") or "")


# --- the command line ----------------------------------------------------------------------------


def command_line() -> str:
    return "\n\n".join(_command(path, command) for path, command in commands() if not _is_group(command))


def exit_codes() -> str:
    from atsbridge.cli.exits import MEANINGS

    rows = [(str(code.value), _plain(meaning)) for code, meaning in MEANINGS.items()]
    return table(("Code", "Meaning"), rows, widths="10 90")


def commands() -> list[tuple[tuple[str, ...], Any]]:
    """Every command of the command line, by its words; the root has none."""
    from atsbridge.cli.app import cli

    return _below(cli, ())


def _below(command: Any, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    import click

    found = [(path, command)]
    if _is_group(command):
        context = click.Context(command)
        for name in command.list_commands(context):
            sub = command.get_command(context, name)
            if sub is not None and not sub.hidden:
                found += _below(sub, (*path, name))
    return found


def _is_group(command: Any) -> bool:
    return hasattr(command, "list_commands")


def _command(path: tuple[str, ...], command: Any) -> str:
    import click

    title = " ".join(("atsbridge", *path))
    context = click.Context(command, info_name=title)
    usage = " ".join(command.collect_usage_pieces(context))
    rows = []
    for param in command.params:
        record = param.get_help_record(context)
        if record:
            rows.append((code(record[0]), _plain(record[1])))
    text = inspect.cleandoc(command.help or "").replace("\b\n", "")
    text = text.replace("\f", "")
    body = [
        f"``{title}``",
        "~" * (len(title) + 4),
        "",
        _escaped(text),
        "",
        f"Usage: ``{title} {usage}``".strip(),
        "",
    ]
    return "\n".join([*body, table(("Option", "What it does"), rows, widths="35 65") if rows else ""])


def _plain(text: str) -> str:
    return _escaped(" ".join(text.split()))


def _escaped(text: str) -> str:
    """Help is plain text: its backquotes become code, its other signs stay as they are."""
    text = re.sub(r"([*|_\\])", r"\\\1", text)
    return re.sub(r"`+([^`]+)`+", lambda m: code(m.group(1).replace("\\", "")), text)
