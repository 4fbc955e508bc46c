"""``atsbridge init``: a first connection file and a first mapping."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ..ats.interface import Ats
from ..connection import ConnectionFile, parse_connection
from ..errors import ConfigurationError
from ..registry import Group, load
from .example import settings_of
from .exits import Exit
from .opening import NO_MAPPING, Options, on_connection
from .output import say
from .simulate import variable
from .toml import as_toml


@click.command()
@click.argument("vendor", required=False)
@click.option("--name", help="The connection's globally unique id.  [default: VENDOR]")
@click.option("--setting", "settings", multiple=True, metavar="K=V", help="A setting of the adapter; "
              "a credential only as env:NAME or keyring:SERVICE/USER.")  # fmt: skip
@on_connection
def init(options: Options, *, vendor: str | None, name: str | None, settings: tuple[str, ...]) -> int:
    """Write a commented connection file and, once the credentials are at hand, a first mapping.

    Run it twice: the first run writes the file and says which environment
    variables it names; with these set, the second reads the live stages and
    suggests a mapping, and exits with 2 while one is missing. Nothing that
    exists is overwritten.
    """
    done: dict[str, Any] = {"connection": str(options.connection), "written": []}
    if not options.connection.exists():
        if vendor is None:
            raise click.UsageError(f"there is no {options.connection} yet: name the VENDOR to begin with")
        text = connection_text(vendor, name=name or vendor, settings=_pairs(settings))
        parse_connection(text, options.connection)  # nothing is written that would be refused
        _write(options.connection, text, done)
    found = options.read()
    if vendor not in (None, found.ats.plugin) or name not in (None, found.name):
        raise ConfigurationError(
            f"{options.connection} is {found.name}'s, for {found.ats.plugin}; nothing was changed",
            advice="begin in an empty folder; or name another file by --connection, with a ledger and"
            " mapping of its own",
        )
    return _mapping(options, found, done)


def _mapping(options: Options, found: ConnectionFile, done: dict[str, Any]) -> int:
    missing = found.missing_variables()
    if found.mapping.exists():
        return _end(options, done, f"{found.mapping} is there already; it was left as it is.")
    at = f" --simulator {options.simulator}" if options.simulator else ""
    if missing:
        done["missing"] = missing
        code = Exit.OK if done["written"] else Exit.SETUP  # without them there was nothing to do
        return _end(
            options, done, f"Now set {', '.join(missing)}, and run `atsbridge init{at}` again.", code=code
        )
    with options.bridge(mapping=NO_MAPPING) as bridge:
        if bridge.ats.lacks_stages:
            raise ConfigurationError(
                f"{bridge.ats.VENDOR.title} lists no stages, and the connection names none: there is nothing"
                " to map",
                advice=f"list the customer's as {bridge.ats.STAGES_IN}, under [ats] in {options.connection},"
                " and run this again",
            )
        suggested = bridge.suggest()
    _write(found.mapping, suggested, done)
    done["next"] = ["atsbridge check", "atsbridge sync --pull", "atsbridge vendors approve"]
    again = f" (each with{at})" if at else ""
    return _end(
        options,
        done,
        f"Review {found.mapping}: it writes nothing until write.mode is changed.",
        f"Then: {'; '.join(done['next'])}{again}",
    )


def _end(options: Options, done: dict[str, Any], *lines: str, code: Exit = Exit.OK) -> int:
    if options.as_json:
        options.show_json(done)
    else:
        for path in done["written"]:
            say(f"Written: {path}")
        for line in lines:
            say(line)
    return code


def _write(path: Path, text: str, done: dict[str, Any]) -> None:
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    done["written"].append(str(path))


def _pairs(settings: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise click.UsageError(f"--setting {key}: write it as {key}=VALUE")
        pairs[key] = value
    return pairs


def connection_text(vendor: str, *, name: str, settings: Mapping[str, str]) -> str:
    """A commented connection file for an adapter.

    Raises:
        UnknownPlugin: no such adapter.
        ConfigurationError: a setting is none of the adapter's.
    """
    adapter = load(Group.ATS, vendor)
    known = settings_of(adapter)
    unknown = sorted(set(settings) - {s["name"] for s in known})
    if unknown:
        names = ", ".join(s["name"] for s in known)
        raise ConfigurationError(f"{unknown[0]} is no setting of {vendor}; known are {names}")
    head = _HEAD.format(name=json.dumps(name), vendor=json.dumps(vendor))
    # A refresh token may be good for one use: kept in memory alone, the next command would be logged out.
    rest = _REST.format(tokens="" if "refresh_token" in settings else "# ")
    return head + "\n".join([*_ats_lines(vendor, adapter, known, settings), rest])


def _ats_lines(
    vendor: str, adapter: type[Ats], known: Sequence[Mapping[str, Any]], given: Mapping[str, str]
) -> Iterator[str]:
    """A line a setting: what is needed by the name of its environment variable, all else as a comment."""
    login, others = _login(adapter, known, given)
    credentials = {*login, *(name for one in others for name in one)}
    told = not others
    for setting in known:
        key, secret = setting["name"], setting["secret"]
        if key in credentials and not told:
            told = True
            yield f"# One kind of credentials: {'; or '.join(', '.join(one) for one in (login, *others))}."
        note = _note(setting, adapter.VENDOR.unconfirmed)
        reference = json.dumps(f"env:{variable(vendor, key)}")
        if key in given:
            yield f"{key} = {_toml(given[key], secret=secret)}{note}"
        elif key in login or setting["required"]:
            yield f"{key} = {reference}{note}"
        elif secret or key in credentials:
            yield f"# {key} = {reference}{note}"
        else:
            yield f"# {key} = {_example(setting)}{note}"


def _login(
    adapter: type[Ats], known: Sequence[Mapping[str, Any]], given: Mapping[str, str]
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The kind of credentials of which most settings are given, else the usual one; and the others."""
    if adapter.LOGINS:
        login = max(adapter.LOGINS, key=lambda one: len(given.keys() & {*one}))
        return login, [one for one in adapter.LOGINS if one != login]
    secrets = [s for s in known if s["secret"]]
    if not secrets or any(s["required"] or s["name"] in given for s in secrets):
        return (), []
    return (secrets[0]["name"],), []


def _note(setting: Mapping[str, Any], unconfirmed: Mapping[str, str]) -> str:
    doubt = unconfirmed.get(setting["name"])
    told = [setting["note"], f"Not confirmed: {doubt}." if doubt else ""]
    return f"    # {' '.join(filter(None, told))}" if any(told) else ""


def _example(setting: Mapping[str, Any]) -> str:
    """A setting's default; of a list of tables one row, its keys with theirs."""
    if setting["row"] is None:
        return _shown(setting["default"])
    return as_toml([{key: "..." if value is None else value for key, value in setting["row"].items()}])


def _toml(text: str, *, secret: bool) -> str:
    """A setting as a TOML value: a number, truth value, list or empty table, where it looks like one."""
    looks_typed = re.fullmatch(r"true|false|\[.*\]|\{\}|(0|[1-9]\d*)(\.\d+)?", text)
    return text if looks_typed and not secret else json.dumps(text, ensure_ascii=False)


def _shown(default: str | None) -> str:
    return (
        '""'
        if default is None
        else _toml(default.lower() if default in ("True", "False") else default, secret=False)
    )


_HEAD = """\
# One customer's connection. It holds no credential: only where to find it,
#   env:NAME                the environment variable NAME
#   keyring:SERVICE/USER    the system's keyring
version = 1
name = {name}    # globally unique, and part of every key: never change it

[ats]
vendor = {vendor}
"""

_REST = """
[crm]
plugin = "sql"                    # the embedded CRM; a service has its own
path = "atsbridge-crm.sqlite"

[ledger]
plugin = "sqlite"                 # what the bridge remembers; keep it as long as the connection lives
path = "atsbridge-ledger.sqlite"

[mapping]
file = "mapping.toml"             # the customer's stages, statuses and reasons in the CRM's words

{tokens}[tokens]
{tokens}keyring = "atsbridge"           # keeps access and rotating refresh tokens between runs

# [network]
# proxy = "http://proxy.example.com:3128"
# ca_file = "ca.pem"

# Written by `atsbridge vendors approve`; until then nothing is written to the ATS.
[approved]
surface = ""
"""
