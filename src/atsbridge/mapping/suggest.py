"""Proposes a first mapping from an ATS's live stage and reason names, for a person to correct."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from attrs import define, field

from ..ats.interface import Catalogue
from ..model import Answer, ApplicationStatus, Job, Reason, Stage, StageKind
from .kinds import guess_kind, guess_reason
from .plans import alive, by_pipeline
from .tables import MAX_NAME

R = TypeVar("R", Stage, Reason)

_NEVER_WRITTEN = frozenset({StageKind.HIRED, StageKind.UNMAPPED, StageKind.ARCHIVED})
_UNTYPED = frozenset({StageKind.OTHER, StageKind.UNMAPPED})


@define
class _Group:
    """The stages, or reasons, of all jobs that get one word of the CRM."""

    word: str
    name: str | None
    records: list[Stage | Reason] = field(factory=list)

    @property
    def picks(self) -> str:
        if self.name is not None:
            return f"[{_quote(self.name)}]"
        ids = dict.fromkeys(record.ref.id for record in self.records)
        return "[" + ", ".join(f"{{id = {_quote(i)}}}" for i in ids) + "]"


def suggest_mapping(jobs: Sequence[Job], catalogues: Mapping[str | None, Catalogue], *, vendor: str) -> str:
    """A commented TOML mapping that compiles on this very catalogue and writes nothing.

    Each stage name becomes a step of its own, since only the customer knows
    which of them their CRM tells apart; kinds are guessed by name.

    Args:
        vendor: its name, for the heading.
    """
    stages = _groups(_lists(catalogues), "Stage")
    reasons = _groups([c.reasons for _, c in _sorted(catalogues)], "Reason")
    kinds = {i: k for g in stages for i, k in _kinds(g).items()}
    leads = any(_kind(s, kinds) is StageKind.LEAD for g in stages for s in g.records)
    blocks = [
        _head(vendor, jobs=len(jobs)),
        _scope(leads=leads),
        *(_step(group, kinds) for group in stages),
        *_statuses(reasons),
        *(_reason(group) for group in reasons),
        _kinds_block(stages, kinds),
        _tail(reasons=bool(reasons)),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _sorted(catalogues: Mapping[str | None, Catalogue]) -> list[tuple[str | None, Catalogue]]:
    return sorted(catalogues.items(), key=lambda item: item[0] or "")


def _lists(catalogues: Mapping[str | None, Catalogue]) -> Iterable[Sequence[Stage]]:
    """Stages, in lists that a name is looked up in."""
    for _, catalogue in _sorted(catalogues):
        parts = by_pipeline(catalogue.stages)
        yield from parts.values() if len(parts) > 1 else [catalogue.stages]


def _groups(lists: Iterable[Sequence[R]], what: str) -> list[_Group]:
    """By name; a name that occurs twice in one list becomes two groups, named by their ids."""
    groups: dict[tuple[str, int], _Group] = {}
    taken: set[str] = set()
    seen: set[str] = set()
    for records in lists:
        met: dict[str, int] = {}
        for record in records:
            if not _writable_text(record.ref.id):
                continue
            name = record.name if record.name and _writable_text(record.name) else None
            key = (name or f"\0{record.ref.id}", met.get(name, 0) if name else 0)
            if name:
                met[name] = met.get(name, 0) + 1
            if record.ref.id in seen:
                continue
            seen.add(record.ref.id)
            if key not in groups:
                groups[key] = _Group(_free(taken, (name or f"{what} {record.ref.id[:100]}").strip()), name)
            groups[key].records.append(record)
    doubled = {name for name, n in groups if n > 0}
    for (name, _), group in groups.items():
        if name in doubled:
            group.name = None
    return list(groups.values())


def _free(taken: set[str], word: str) -> str:
    word = word[: MAX_NAME - 10]
    free, n = word, 1
    while free in taken:
        n += 1
        free = f"{word} ({n})"
    taken.add(free)
    return free


def _writable_text(text: str) -> bool:
    return bool(text.strip()) and len(text) <= MAX_NAME and not any("\ud800" <= c <= "\udfff" for c in text)


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _comment(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:80]


# --- stages --------------------------------------------------------------------------------------


def _kinds(group: _Group) -> dict[str, StageKind]:
    """What the mapping will say of the group's stages that the ATS does not type, by id."""
    guesses: dict[str, StageKind] = {}
    for stage in group.records:
        if isinstance(stage, Stage) and stage.kind in _UNTYPED:
            guess = guess_kind(stage.name or "")
            if guess is not StageKind.UNMAPPED:
                guesses[stage.ref.id] = guess
    return guesses


def _kind(stage: Stage | Reason, kinds: Mapping[str, StageKind]) -> StageKind:
    return kinds.get(stage.ref.id, stage.kind if isinstance(stage, Stage) else StageKind.OTHER)


def _step(group: _Group, kinds: Mapping[str, StageKind]) -> str:
    lines = [f"[steps.{_quote(group.word)}]", f"stages = {group.picks}"]
    found = {_kind(stage, kinds) for stage in group.records}
    if found & _NEVER_WRITTEN:
        why = (
            "written only if rules.hire names it" if StageKind.HIRED in found else "it may end an application"
        )
        lines.append(f"write = false    # {why}")
    elif not any(alive(s) and isinstance(s, Stage) and s.writable is not Answer.NO for s in group.records):
        lines.append("write = false    # the ATS lets nothing be moved there")
    return "\n".join(lines)


def _kinds_block(groups: Sequence[_Group], kinds: Mapping[str, StageKind]) -> str:
    lines = ["[kinds]    # guessed by name, for stages that the ATS does not type"]
    for group in groups:
        for record in group.records:
            if record.ref.id in kinds:
                name = _comment(record.name or "")
                lines.append(f"{_quote(record.ref.id)} = {_quote(kinds[record.ref.id])}    # {name}")
    return "\n".join(lines) if len(lines) > 1 else ""


# --- statuses and reasons ------------------------------------------------------------------------


def _means(reason: Stage | Reason) -> ApplicationStatus | None:
    """What a reason says by its name, where the ATS does not call it a withdrawal itself.

    What it calls a rejection may be called so for want of another word.
    """
    if not isinstance(reason, Reason) or reason.outcome is ApplicationStatus.HIRED:
        return None
    told = reason.outcome is ApplicationStatus.WITHDRAWN
    return reason.outcome if told else guess_reason(reason.name or "")


def _statuses(reasons: Sequence[_Group]) -> Iterator[str]:
    yield '[statuses."Active"]\nis = "active"'
    yield '[statuses."On hold"]\nis = "on_hold"\nwrite = false'
    yield '[statuses."Rejected"]\nis = "rejected"'
    withdrew = [g for g in reasons if all(_means(r) is ApplicationStatus.WITHDRAWN for r in g.records)]
    usable = [g for g in withdrew if all(alive(r) for r in g.records)]
    default = f"\nreason = {_quote(usable[0].word)}" if len(usable) == 1 else ""
    yield '[statuses."Withdrawn"]\nis = "withdrawn"' + default
    yield '[statuses."Hired"]\nis = "hired"\nwrite = false    # written only if rules.hire names it'
    yield '[statuses."Converted"]\nis = "converted"\nwrite = false'


def _reason(group: _Group) -> str:
    lines = [f"[reasons.{_quote(group.word)}]", f"reasons = {group.picks}"]
    if not any(alive(reason) for reason in group.records):
        lines.append("write = false    # no longer used in the ATS")
    means = {_means(reason) for reason in group.records}
    if means == {ApplicationStatus.WITHDRAWN}:
        told = {reason.outcome for reason in group.records if isinstance(reason, Reason)} == means
        lines.append('status = "withdrawn"' + ("" if told else "    # guessed by name"))
    return "\n".join(lines)


# --- the rest ------------------------------------------------------------------------------------


def _head(vendor: str, *, jobs: int) -> str:
    return (
        f"# A first mapping for {_comment(vendor)}, from its live stages and reasons ({jobs} jobs).\n"
        "# Each stage is a step of its own: rename the steps to what the CRM says, and join those it\n"
        "# does not tell apart (then `write` has to say which stage is written to).\n"
        "version = 1"
    )


def _scope(*, leads: bool) -> str:
    many = ", as many leads are," if leads else ""
    return (
        "[scope]\n"
        'jobs = "all"            # "open", or a list of job ids\n'
        "confidential = false    # true: confidential jobs and candidates come in too\n"
        f"prospects = false       # true: applications without a job{many} come in too\n"
        + ("leads = true            # sourced, and not applied yet\n" if leads else "")
        + "terminal = true         # applications that have ended"
    )


def _tail(*, reasons: bool) -> str:
    required = '["rejected", "withdrawn"]' if reasons else "[]"
    return (
        "[rules]\n"
        f"reason_required = {required}\n"
        "reactivate = false      # true: one that was rejected or withdrew may be made active again\n"
        "change_ended = false    # true: one that has ended may be moved, or get another reason\n"
        'hire = "off"            # or the steps and statuses that may hire, e.g. ["Hired"]\n'
        "# forward_only = true\n"
        "# not_after_days = 30\n\n"
        "[write]\n"
        'mode = "off"            # then shadow, pilot (with pilot_jobs), on\n'
        "cap_per_hour = 100"
    )
