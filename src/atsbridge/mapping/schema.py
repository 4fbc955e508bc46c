"""One customer's mapping as values: what a mapping file says, before it meets an ATS."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from enum import Enum, StrEnum
from functools import cached_property
from typing import Any

import attrs
from attrs import field, frozen

from ..model import ApplicationStatus, Kind, StageKind
from .faults import KeyPath


class WriteMode(StrEnum):
    """What happens to a recruiter's change: nothing, all but the send, some jobs, or all."""

    OFF = "off"
    SHADOW = "shadow"
    PILOT = "pilot"
    ON = "on"


class Jobs(StrEnum):
    """Which jobs are in scope, where they are not listed by id."""

    OPEN = "open"
    ALL = "all"


class Transform(StrEnum):
    """What may be done to a custom field's value: a closed set."""

    STRIP = "strip"
    LOWER = "lower"
    UPPER = "upper"
    FIRST = "first"
    JOIN = "join"
    DATE = "date"
    INT = "int"
    BOOL = "bool"


@frozen
class Pick:
    """A stage or a reason of the ATS, by its name or by its id."""

    name: str | None = None
    id: str | None = None

    def __str__(self) -> str:
        return f'"{self.name}"' if self.id is None else f'with id "{self.id}"'


@frozen(kw_only=True)
class Scope:
    """Which records concern the CRM at all."""

    jobs: Jobs | tuple[str, ...] = Jobs.ALL
    departments: tuple[str, ...] = ()
    confidential: bool = False
    prospects: bool = False
    leads: bool = True
    terminal: bool = True
    applied_since: date | None = None
    kinds: frozenset[Kind] = frozenset(Kind)
    fields: tuple[str, ...] | None = None


@frozen(kw_only=True)
class Places:
    """The stages a step stands for, and the one it writes to.

    ``write`` is None for "the only one", False for "none: this step is read, never written".
    ``stages`` is None where a per-job override leaves them as they are.
    """

    stages: tuple[Pick, ...] | None = None
    write: Pick | bool | None = None


@frozen(kw_only=True)
class Step:
    places: Places
    jobs: Mapping[str, Places] = field(factory=dict)


@frozen(kw_only=True)
class Status:
    """A CRM word for how an application ended.

    ``steps`` narrows it to these steps; ``reason`` is the CRM reason used where
    the recruiter gave none; ``inward`` False: it can be asked for, and is never shown.
    """

    means: tuple[ApplicationStatus, ...]
    steps: tuple[str, ...] = ()
    reason: str | None = None
    write: bool | None = None
    inward: bool = True


@frozen(kw_only=True)
class ReasonWord:
    reasons: tuple[Pick, ...]
    write: Pick | bool | None = None
    status: ApplicationStatus | None = None


@frozen(kw_only=True)
class CustomField:
    """A vendor's field that the canonical model does not have."""

    of: Kind
    path: tuple[str | int, ...]
    transforms: tuple[Transform, ...] = ()
    label: str = ""


@frozen(kw_only=True)
class Rules:
    """Which changes may leave."""

    forward_only: bool = False
    jobs: tuple[str, ...] = ()
    not_after_days: int | None = None
    reason_required: frozenset[ApplicationStatus] = frozenset()
    hire: tuple[str, ...] = ()
    reactivate: bool = False
    change_ended: bool = False


@frozen(kw_only=True)
class Writing:
    mode: WriteMode = WriteMode.OFF
    pilot_jobs: tuple[str, ...] = ()
    cap_per_hour: int | None = None


def _hidden(value: Mapping[str, str]) -> str:
    return f"<{len(value)} hidden>"


@frozen(kw_only=True)
class ActingUser:
    id: str | None = None
    by_actor: Mapping[str, str] = field(factory=dict, repr=_hidden)


@frozen(kw_only=True)
class MappingConfig:
    """A mapping that is sound in itself. Whether it fits an ATS, `compile_mapping` tells."""

    scope: Scope = Scope()
    steps: Mapping[str, Step] = field(factory=dict)
    statuses: Mapping[str, Status] = field(factory=dict)
    reasons: Mapping[str, ReasonWord] = field(factory=dict)
    kinds: Mapping[str, StageKind] = field(factory=dict)
    fields: Mapping[str, CustomField] = field(factory=dict)
    rules: Rules = Rules()
    writing: Writing = Writing()
    acting_user: ActingUser = ActingUser()
    match_email: bool = True
    source_name: str = field(default="mapping", eq=False)
    lines: Mapping[KeyPath, int] = field(factory=dict, eq=False, repr=False)

    @cached_property
    def digest(self) -> str:
        """Hash of what the mapping says: comments, order of tables and the file's name play no part."""
        values = attrs.asdict(
            self,
            filter=lambda a, _: a.name not in ("source_name", "lines"),
            value_serializer=_plain,
        )
        return stable_digest(values)

    @cached_property
    def inward_digest(self) -> str:
        """Hash of what decides how a record is read; of what may leave, nothing plays a part."""
        inward = attrs.evolve(
            self,
            steps={word: _read_only(step) for word, step in self.steps.items()},
            statuses={w: attrs.evolve(s, reason=None, write=None) for w, s in self.statuses.items()},
            reasons={w: attrs.evolve(r, write=None) for w, r in self.reasons.items()},
            rules=Rules(),
            writing=Writing(),
            acting_user=ActingUser(),
        )
        return inward.digest


def _read_only(step: Step) -> Step:
    jobs = {id: Places(stages=own.stages) for id, own in step.jobs.items() if own.stages is not None}
    return Step(places=Places(stages=step.places.stages), jobs=jobs)


def stable_digest(values: object) -> str:
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _plain(_owner: type | None, _field: Any, value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(str(item) for item in value)
    return value.value if isinstance(value, Enum) else value
