"""Records as rows: for each kind, its table and the pure function to a tuple.

Written for speed where it counts (candidates and applications): one tuple per
record, in the order of the table's columns, and what is empty is NULL. There
an enum's word is its ``_value_``, which costs a third of ``value``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any

import attrs
from attrs import frozen

from ..model import (
    Application,
    Candidate,
    CustomValue,
    Email,
    Job,
    Kind,
    Link,
    Location,
    Phone,
    Reason,
    Record,
    Stage,
    Tombstone,
    TombstoneKind,
    Transition,
    User,
)
from .interface import Delivery

Row = tuple[Any, ...]

_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode
_quoted = json.encoder.encode_basestring_ascii
_BOOL = {True: "true", False: "false"}

_ENVELOPE = ("updated_at", "created_at", "url", "custom", "deleted", "deleted_at", "merged_into", "read_at")
_DELETED = slice(-4, None)
_CUSTOM = -5


@frozen
class Table:
    """Where one kind is kept, and the SQL for it.

    ``own`` are the columns between the key and the envelope; ``personal``
    the columns that are blanked when the ATS has deleted or anonymised.
    """

    name: str
    own: tuple[str, ...]
    row: Callable[[Delivery], Row]
    personal: frozenset[str] = frozenset()

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return ("connection", "id", *self.own, *_ENVELOPE)

    # Table and column names are constants of this module; values are bound. The ids come as one JSON
    # list, so that the statement's text, and so its plan, is the same for every batch.

    @cached_property
    def select(self) -> str:
        return (
            f"SELECT {', '.join(self.columns)} FROM {self.name} "  # noqa: S608
            "WHERE connection = ? AND id IN (SELECT value FROM json_each(?))"
        )

    @cached_property
    def upsert(self) -> str:
        sets = ", ".join(f"{column} = excluded.{column}" for column in self.columns[2:])
        return (
            f"INSERT INTO {self.name} ({', '.join(self.columns)}) "  # noqa: S608
            f"VALUES ({', '.join('?' * len(self.columns))}) "
            f"ON CONFLICT (connection, id) DO UPDATE SET {sets} WHERE excluded.read_at >= read_at"
        )

    @cached_property
    def _blank(self) -> tuple[int, ...]:
        return tuple(i for i, column in enumerate(self.columns) if column in self.personal)

    def tombstone(self, row: Row, held: Row | None) -> Row:
        """What stays of a record that the ATS no longer shows.

        The rest of a tombstone says nothing, so what was held is kept, without
        the personal part where the ATS has erased the person.
        """
        left = list(held or row)
        left[_DELETED] = row[_DELETED]
        if row[-4] in _ERASED:
            left[_CUSTOM] = None
            for place in self._blank:
                left[place] = None
        return tuple(left)


_ERASED = frozenset({TombstoneKind.DELETED.value, TombstoneKind.ANONYMISED.value})


@lru_cache(maxsize=4096)
def stamp(at: datetime) -> str:
    """A time as text that sorts as the times do. A page's records share theirs, hence the cache."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def read_stamp(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _json(value: Any) -> str | None:
    return _encode(value) if value else None


def _plain(values: tuple[Any, ...]) -> str | None:
    return _encode([attrs.asdict(value) for value in values]) if values else None


def _custom(custom: Mapping[str, CustomValue]) -> str | None:
    return _encode({name: attrs.asdict(value) for name, value in custom.items()}) if custom else None


def _envelope(record: Record) -> Row:
    gone = record.deleted
    return (
        None if record.updated_at is None else record.updated_at.isoformat(),
        None if record.created_at is None else record.created_at.isoformat(),
        record.url,
        _custom(record.custom) if record.custom else None,
        *((None, None, None) if gone is None else _tombstone(gone)),
        stamp(record.read_at),
    )


def _tombstone(gone: Tombstone) -> Row:
    return gone.kind.value, _time(gone.at), gone.into.id if gone.into else None


def _user(delivery: Delivery) -> Row:
    r = delivery.record
    assert isinstance(r, User)  # noqa: S101 - the table was chosen by the type
    return r.ref.connection, r.ref.id, r.name, r.email, r.active, *_envelope(r)


def _reason(delivery: Delivery) -> Row:
    r = delivery.record
    assert isinstance(r, Reason)  # noqa: S101
    outcome = r.outcome.value if r.outcome else None
    own = (r.name, r.by.value, r.scope.value, r.active, outcome)
    return r.ref.connection, r.ref.id, *own, *_envelope(r)


def _job(delivery: Delivery) -> Row:
    r = delivery.record
    assert isinstance(r, Job)  # noqa: S101
    return (
        r.ref.connection,
        r.ref.id,
        r.title,
        r.code,
        r.requisition_id,
        r.status.value,
        r.vendor_status,
        r.confidential,
        r.employment_type.value if r.employment_type else None,
        r.workplace.value,
        _plain(r.departments),
        _plain(r.locations),
        _plain(r.hiring_team),
        _plain(r.postings),
        r.description_html,
        _time(r.opened_at),
        _time(r.closed_at),
        *_envelope(r),
    )


def _stage(delivery: Delivery) -> Row:
    r = delivery.record
    assert isinstance(r, Stage)  # noqa: S101
    return (
        r.ref.connection,
        r.ref.id,
        r.name,
        r.job.id if r.job else None,
        r.scope.value,
        r.order,
        r.group,
        r.active,
        r.kind.value,
        r.terminal,
        r.writable.value,
        _json(sorted(r.needs)),
        _json(sorted(r.side_effects)),
        *_envelope(r),
    )


def _candidate(delivery: Delivery) -> Row:
    r = delivery.record
    assert isinstance(r, Candidate)  # noqa: S101
    return (
        r.ref.connection,
        r.ref.id,
        r.given_name,
        r.family_name,
        r.display_name,
        _emails(r.emails) if r.emails else None,
        _phones(r.phones) if r.phones else None,
        _links(r.links) if r.links else None,
        _locations(r.locations) if r.locations else None,
        r.company,
        r.title,
        _list(map(_quoted, r.tags)) if r.tags else None,
        r.source.name if r.source else None,
        r.source.type._value_ if r.source else None,
        r.confidential,
        r.contactable._value_,
        *_envelope(r),
    )


# What nearly every candidate and application has is put together by hand: an encoder that takes
# anything, and `attrs.asdict`, cost as much as all the rest of a row.


def _list(parts: Iterable[str]) -> str:
    return f"[{','.join(parts)}]"


def _text(value: str | None) -> str:
    return "null" if value is None else _quoted(value)


def _emails(emails: Sequence[Email]) -> str:
    return _list([f'[{_quoted(e.value)},"{e.type._value_}",{_BOOL[e.primary]}]' for e in emails])


def _phones(phones: Sequence[Phone]) -> str:
    return _list([f"[{_quoted(p.value)},{_text(p.type)}]" for p in phones])


def _links(links: Sequence[Link]) -> str:
    return _list([f'[{_quoted(link.url)},"{link.type._value_}"]' for link in links])


def _locations(locations: Sequence[Location]) -> str:
    return _list(map(_location, locations))


def _location(place: Location) -> str:
    return (
        f'{{"raw":{_text(place.raw)},"city":{_text(place.city)},"region":{_text(place.region)},'
        f'"postcode":{_text(place.postcode)},"country":{_text(place.country)}}}'
    )


def _application(delivery: Delivery) -> Row:
    r = delivery.record
    assert isinstance(r, Application)  # noqa: S101
    base = delivery.base
    return (
        r.ref.connection,
        r.ref.id,
        r.candidate.id if r.candidate else None,
        r.job.id if r.job else None,
        r.stage.id if r.stage else None,
        r.stage_name,
        r.status._value_,
        r.vendor_status,
        r.vendor_substatus,
        r.reason.id if r.reason else None,
        r.reason_text,
        delivery.step,
        delivery.status,
        delivery.reason,
        *(
            (base.stage, base.status._value_, base.delivery, base.token)
            if base is not None
            else (None, None, None, None)
        ),
        None if r.applied_at is None else r.applied_at.isoformat(),
        None if r.hired_at is None else r.hired_at.isoformat(),
        None if r.rejected_at is None else r.rejected_at.isoformat(),
        None if r.withdrawn_at is None else r.withdrawn_at.isoformat(),
        None if r.stage_entered_at is None else r.stage_entered_at.isoformat(),
        r.source.name if r.source else None,
        r.source.type._value_ if r.source else None,
        r.owner,
        _history(r) if r.history else None,
        *_envelope(r),
    )


def _history(application: Application) -> str:
    return _list(map(_transition, application.history))


def _transition(t: Transition) -> str:
    at = "null" if t.at is None else f'"{t.at.isoformat()}"'
    return f'[{at},{_text(t.from_)},{_quoted(t.to)},{_text(t.actor)},"{t.actor_kind._value_}"]'


_JOB = (
    *("title", "code", "requisition_id", "status", "vendor_status", "confidential"),
    *("employment_type", "workplace", "departments", "locations", "hiring_team", "postings"),
    *("description_html", "opened_at", "closed_at"),
)
_STAGE = (
    *("name", "job", "scope", "position", "group_name", "active"),
    *("kind", "terminal", "writable", "needs", "side_effects"),
)
_CANDIDATE_PERSONAL = (
    *("given_name", "family_name", "display_name"),
    *("emails", "phones", "links", "locations", "company", "title"),
)
_CANDIDATE = (*_CANDIDATE_PERSONAL, "tags", "source", "source_type", "confidential", "contactable")
_APPLICATION = (
    *("candidate", "job", "stage", "stage_name", "status", "vendor_status", "vendor_substatus"),
    *("reason", "reason_text", "confirmed_step", "confirmed_status", "confirmed_reason"),
    *("base_stage", "base_status", "base_delivery", "base_token"),
    *("applied_at", "hired_at", "rejected_at", "withdrawn_at", "stage_entered_at"),
    *("source", "source_type", "owner", "history"),
)

TABLES: Mapping[type[Record], Table] = {
    User: Table("users", ("name", "email", "active"), _user, frozenset({"name", "email"})),
    Reason: Table("reasons", ("name", "decided_by", "scope", "active", "outcome"), _reason),
    Job: Table("jobs", _JOB, _job),
    Stage: Table("stages", _STAGE, _stage),
    Candidate: Table("candidates", _CANDIDATE, _candidate, frozenset({*_CANDIDATE_PERSONAL, "tags", "url"})),
    # The free text beside a reason is about the person.
    Application: Table("applications", _APPLICATION, _application, frozenset({"reason_text"})),
}

TABLE_OF: Mapping[Kind, str] = {
    Kind.USER: "users",
    Kind.REASON: "reasons",
    Kind.JOB: "jobs",
    Kind.STAGE: "stages",
    Kind.CANDIDATE: "candidates",
    Kind.APPLICATION: "applications",
}
