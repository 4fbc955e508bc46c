"""Reads a mapping file, or a dict, into a `MappingConfig`; all its faults at once."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import attrs

from ..errors import MappingError
from ..model import (
    Application,
    ApplicationStatus,
    Candidate,
    Job,
    Kind,
    Reason,
    Record,
    Stage,
    StageKind,
    User,
)
from .faults import Faults, KeyPath, quoted
from .lines import key_lines, mend_toml
from .schema import (
    ActingUser,
    CustomField,
    Jobs,
    MappingConfig,
    Pick,
    Places,
    ReasonWord,
    Rules,
    Scope,
    Status,
    Step,
    Transform,
    WriteMode,
    Writing,
)
from .tables import Table, plain_data, read_name, read_word

MAX_BYTES = 1_000_000

RECORD_TYPES: Mapping[Kind, type[Record]] = {
    Kind.USER: User,
    Kind.REASON: Reason,
    Kind.JOB: Job,
    Kind.STAGE: Stage,
    Kind.CANDIDATE: Candidate,
    Kind.APPLICATION: Application,
}

# What the bridge itself needs: an allow-list cannot leave these out.
_KEPT: Mapping[Kind, frozenset[str]] = {
    Kind.JOB: frozenset({"title", "status", "confidential", "departments"}),
    Kind.CANDIDATE: frozenset({"confidential"}),
    Kind.APPLICATION: frozenset(
        {"candidate", "job", "stage", "stage_name", "status", "reason", "applied_at", "token"}
    ),
    Kind.STAGE: frozenset(a.name for a in attrs.fields(Stage)),
    Kind.REASON: frozenset(a.name for a in attrs.fields(Reason)),
}


def droppable(kind: Kind) -> tuple[str, ...]:
    """The fields of a record that an allow-list may leave out."""
    envelope = {a.name for a in attrs.fields(Record)}
    kept = _KEPT.get(kind, frozenset())
    return tuple(
        a.name for a in attrs.fields(RECORD_TYPES[kind]) if a.name not in envelope and a.name not in kept
    )


def load_mapping(source: Path | str | Mapping[str, Any]) -> MappingConfig:
    """Read one connection's mapping.

    Args:
        source: a file; or the text itself, TOML, or JSON where it begins with ``{``; or a dict.
            A ``str`` is a file's name if it is one line that ends in ``.toml`` or ``.json``.

    Raises:
        MappingError: with every fault of the file, each with its key path and, for TOML, its line.
    """
    if isinstance(source, Mapping):
        return _read(source, name="mapping", lines={})
    path = _as_path(source)
    text = _file_text(path) if path else str(source)
    name = path.name if path else "mapping"
    if len(text) > MAX_BYTES:
        _refuse(f"longer than {MAX_BYTES} characters", "map one connection per file")
    if text.lstrip().startswith("{"):
        return _read(_json(text), name=name, lines={})
    text = text.replace("\r\n", "\n")
    return _read(_toml(text), name=name, lines=key_lines(text))


def _as_path(source: Path | str) -> Path | None:
    if isinstance(source, Path):
        return source
    return Path(source) if "\n" not in source and source.endswith((".toml", ".json")) else None


def _refuse(what: str, mend: str) -> NoReturn:
    faults = Faults({})
    faults.add(("text",), what, mend)
    raise MappingError(faults.found)


def _file_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(4 * MAX_BYTES + 1)
        return content.decode("utf-8-sig")
    except OSError as error:
        _refuse(f"{path.name} cannot be read: {error.strerror}", "check the path")
    except (UnicodeDecodeError, ValueError):
        _refuse(f"{path.name} is not UTF-8 text", "save it as UTF-8")


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        _refuse(f"not TOML: {error}", mend_toml(error))
    except (RecursionError, ValueError):
        _refuse("not TOML: nested too deep, or a number out of range", "write plain tables")


def _json(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_constant)
    except (RecursionError, ValueError) as error:
        _refuse(f"not JSON: {error}", "mend the place it names")
    return data if isinstance(data, dict) else {}


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("a key occurs twice in one object")
    return table


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


# --- the tables ----------------------------------------------------------------------------------


def _read(source: Mapping[str, Any], *, name: str, lines: Mapping[KeyPath, int]) -> MappingConfig:
    faults = Faults(lines)
    root = Table(plain_data(source, faults), (), faults)
    version = root.raw("version")
    if version != 1 or isinstance(version, bool):
        root.fault("version", "this library reads version 1", "write version = 1")
    match = root.table("match")
    config = MappingConfig(
        scope=_scope(root.table("scope")),
        steps={word: _step(table) for word, table in _tables(root.table("steps"))},
        statuses={word: _status(table) for word, table in _tables(root.table("statuses"))},
        reasons={word: _reason(table) for word, table in _tables(root.table("reasons"))},
        kinds=_kinds(root.table("kinds")),
        fields=_fields(root.table("fields")),
        rules=_rules(root.table("rules")),
        writing=_writing(root.table("write")),
        acting_user=_acting_user(root.table("acting_user")),
        match_email=match.flag("email", True),
        source_name=name,
        lines=lines,
    )
    match.close()
    root.close()
    _cross_check(config, faults)
    faults.raise_any()
    return config


def _tables(parent: Table) -> list[tuple[str, Table]]:
    return [(word, Table(data, (*parent.path, word), parent.faults)) for word, data in parent.named()]


def _scope(table: Table) -> Scope:
    jobs = table.raw("jobs")
    kinds = table.words("kinds", Kind)
    known = [f"{kind}.{name}" for kind in Kind for name in droppable(kind)]
    fields = table.texts("fields") if "fields" in table else None
    for text in fields or ():
        if text not in known:
            otherwise = "name it as candidate.emails"
            table.fault(
                "fields",
                f"no such field: {quoted(text)}",
                table.faults.near(text, known, otherwise=otherwise),
            )
    scope = Scope(
        jobs=table.word("jobs", Jobs, Jobs.ALL) if isinstance(jobs, str) else table.texts("jobs") or Jobs.ALL,
        departments=table.texts("departments"),
        confidential=table.flag("confidential", False),
        prospects=table.flag("prospects", False),
        leads=table.flag("leads", True),
        terminal=table.flag("terminal", True),
        applied_since=table.day("applied_since"),
        kinds=frozenset(kinds) if "kinds" in table else frozenset(Kind),
        fields=fields,
    )
    if jobs == []:
        table.fault("jobs", "an empty list", 'name a job, or write "open" or "all"')
    table.close()
    return scope


def _pick(value: Any, *, path: KeyPath, faults: Faults) -> Pick | None:
    if not isinstance(value, dict):
        name = read_name(value, path=path, faults=faults)
        return None if name is None else Pick(name=name)
    table = Table(value, path, faults)
    name, id_ = table.text("name"), table.text("id")
    table.close()
    if name is not None and id_ is not None:
        faults.add(path, "both a name and an id", "keep one of them")
    elif name is None and id_ is None:
        faults.add(path, "neither a name nor an id", 'write "the name" or {id = "the id"}')
    else:
        return Pick(name=name, id=id_)
    return None


def _picks(table: Table, key: str) -> tuple[Pick, ...]:
    found = (_pick(value, path=path, faults=table.faults) for path, value in table.items(key))
    return tuple(pick for pick in found if pick is not None)


def _written_to(table: Table) -> Pick | bool | None:
    value = table.raw("write")
    if value is None or value is False:
        return value
    if value is True:
        table.fault("write", "true does not say where to", "name one, or leave it out")
        return None
    return _pick(value, path=(*table.path, "write"), faults=table.faults)


def _places(table: Table) -> Places:
    stages = _picks(table, "stages") if "stages" in table else None
    return Places(stages=stages, write=_written_to(table))


def _step(table: Table) -> Step:
    places = _places(table)
    if places.stages is None:
        if isinstance(places.write, Pick):
            places = attrs.evolve(places, stages=(places.write,))
        elif "jobs" not in table:
            table.fault("", "no stages", 'write stages = ["..."]')
    jobs: dict[str, Places] = {}
    for job_id, own in _tables(table.table("jobs")):
        jobs[job_id] = _places(own)
        own.close()
    table.close()
    return Step(places=places, jobs=jobs)


def _status(table: Table) -> Status:
    means = table.words("is", ApplicationStatus)
    if not table.items("is"):
        table.fault("is", "missing", 'say which status it is, e.g. is = "rejected"')
    write = table.raw("write")
    status = Status(
        means=means,
        steps=table.texts("step"),
        reason=table.text("reason"),
        write=None if write is None else table.flag("write", False),
        inward=table.flag("inward", True),
    )
    table.close()
    return status


_REASON_STATUSES = (ApplicationStatus.REJECTED, ApplicationStatus.WITHDRAWN, ApplicationStatus.HIRED)


def _reason(table: Table) -> ReasonWord:
    picks, write = _picks(table, "reasons"), _written_to(table)
    if not picks and isinstance(write, Pick):
        picks = (write,)
    elif not picks:
        table.fault("reasons", "no reasons", 'write reasons = ["..."]')
    means = table.words("status", ApplicationStatus)
    if len(means) > 1 or any(status not in _REASON_STATUSES for status in means):
        table.fault("status", "not how an application ends", "use one of rejected, withdrawn, hired")
    table.close()
    return ReasonWord(reasons=picks, write=write, status=means[0] if means else None)


def _kinds(table: Table) -> dict[str, StageKind]:
    kinds: dict[str, StageKind] = {}
    for name, value in table.named():
        path = (*table.path, name)
        kind = read_word(value, StageKind, path=path, faults=table.faults)
        if kind is StageKind.UNMAPPED:
            table.fault(name, "unmapped is no classification", "leave it out, or say what the stage is for")
        elif kind is not None:
            kinds[name] = kind
    return kinds


def _fields(table: Table) -> dict[str, CustomField]:
    fields: dict[str, CustomField] = {}
    for name, entry in _tables(table):
        path = tuple(
            part
            for where, part in entry.items("path")
            if (type(part) is int and 0 <= part < 1000)
            or read_name(part, path=where, faults=table.faults) is not None
        )
        if path and isinstance(entry.raw("path"), str):
            path = tuple(
                int(p) if p.isascii() and p.isdigit() and len(p) < 4 else p for p in str(path[0]).split(".")
            )
        if not path:
            entry.fault("path", "missing", 'say where the vendor keeps it, e.g. path = "customFields.level"')
        if "of" not in entry:
            entry.fault("of", "missing", 'say which record has it, e.g. of = "candidate"')
        fields[name] = CustomField(
            of=entry.word("of", Kind, Kind.CANDIDATE),
            path=path,
            transforms=entry.words("transforms", Transform),
            label=entry.text("label") or "",
        )
        entry.close()
    return fields


def _rules(table: Table) -> Rules:
    hire = table.raw("hire")
    rules = Rules(
        forward_only=table.flag("forward_only", False),
        jobs=table.texts("jobs"),
        not_after_days=table.number("not_after_days", least=1, most=3650),
        reason_required=frozenset(table.words("reason_required", ApplicationStatus)),
        hire=() if hire == "off" else table.texts("hire"),
        reactivate=table.flag("reactivate", False),
        change_ended=table.flag("change_ended", False),
    )
    if table.raw("jobs") == []:
        table.fault("jobs", "an empty list", "name a job, or leave it out to allow all")
    table.close()
    return rules


def _writing(table: Table) -> Writing:
    writing = Writing(
        mode=table.word("mode", WriteMode, WriteMode.OFF),
        pilot_jobs=table.texts("pilot_jobs"),
        cap_per_hour=table.number("cap_per_hour", least=1, most=1_000_000),
    )
    if writing.mode is WriteMode.PILOT and not writing.pilot_jobs:
        table.fault("pilot_jobs", "a pilot without jobs writes nothing", 'write pilot_jobs = ["job id"]')
    table.close()
    return writing


def _acting_user(table: Table) -> ActingUser:
    people: dict[str, str] = {}
    # Recruiters' names are personal data: a fault names the entry by its place.
    entries = table.raw("by_actor")
    path = (*table.path, "by_actor")
    if entries is not None and not isinstance(entries, dict):
        table.fault("by_actor", "expected a table", 'write by_actor = {"CRM user" = "ATS user id"}')
    for n, (actor, user) in enumerate(entries.items() if isinstance(entries, dict) else ()):
        read = read_name(user, path=(*path, n), faults=table.faults)
        if read is not None and read_name(actor, path=(*path, n), faults=table.faults) is not None:
            people[actor] = read
    acting = ActingUser(id=table.text("id"), by_actor=people)
    table.close()
    return acting


# --- what must agree within the file -------------------------------------------------------------


def _cross_check(config: MappingConfig, faults: Faults) -> None:
    shown: dict[tuple[ApplicationStatus, str | None], str] = {}
    for word, status in config.statuses.items():
        path: KeyPath = ("statuses", word)
        _known(status.steps, config.steps, path=(*path, "step"), what="step", faults=faults)
        if status.reason is not None:
            _known((status.reason,), config.reasons, path=(*path, "reason"), what="reason", faults=faults)
        if status.write and ApplicationStatus.HIRED in status.means and word not in config.rules.hire:
            faults.add(
                (*path, "write"),
                "it hires, and is not named in rules.hire",
                f"add {quoted(word)} to rules.hire, or write = false",
            )
        if status.inward:
            _shown_once(shown, word, status=status, faults=faults)
    words = {*config.steps, *config.statuses}
    _known(config.rules.hire, words, path=("rules", "hire"), what="step or status", faults=faults)


def _shown_once(
    shown: dict[tuple[ApplicationStatus, str | None], str], word: str, *, status: Status, faults: Faults
) -> None:
    for means in status.means:
        for step in status.steps or (None,):
            other = shown.setdefault((means, step), word)
            if other != word:
                faults.add(
                    ("statuses", word, "is"),
                    f"{means} is already shown as {quoted(other)}",
                    "tell them apart by step, or write inward = false here",
                )


def _known(words: Any, options: Any, *, path: KeyPath, what: str, faults: Faults) -> None:
    for word in words:
        if word not in options:
            otherwise = f"add it to {what}s, or use one that is there"
            faults.add(
                path, f"no such {what}: {quoted(word)}", faults.near(word, options, otherwise=otherwise)
            )
