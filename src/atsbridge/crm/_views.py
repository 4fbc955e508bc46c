"""What people see of the embedded CRM, as values."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from typing import Any

from attrs import field, frozen

from ..model import ActorKind, ApplicationStatus, Base, Kind, Ref, Result, State, Transition, personal
from ._rows import read_stamp


@frozen(kw_only=True)
class ReceiptView:
    """What became of one change, in words."""

    event_id: str
    result: Result
    text: str
    at: datetime | None = None


@frozen(kw_only=True)
class AppView:
    """One application as a recruiter sees it.

    ``step``, ``status`` and ``reason`` are what is shown: the requested ones
    while a request is open (`pending`), else the confirmed ones. A confirmed
    step that the mapping has no word for shows as the ATS's stage name, or its id.
    """

    ref: Ref
    candidate: Ref | None
    candidate_name: str | None = personal()
    job: Ref | None
    job_title: str | None
    lead_id: str | None
    step: str | None
    status: str | None
    reason: str | None
    confirmed: State
    stage_name: str | None
    confirmed_step: str | None
    confirmed_status: str | None
    confirmed_reason: str | None
    requested_step: str | None
    requested_status: str | None
    requested_reason: str | None
    event_id: str | None
    sequence: int
    base: Base | None
    receipt: ReceiptView | None
    history: tuple[Transition, ...]
    applied_at: datetime | None
    read_at: datetime
    deleted: bool
    url: str | None

    @property
    def pending(self) -> bool:
        """Whether a recruiter's change still waits for its receipt."""
        return self.event_id is not None


@frozen(kw_only=True)
class CandidateView:
    """One applicant, and the lead they were, if any."""

    ref: Ref
    name: str | None = personal()
    emails: tuple[str, ...] = personal(())
    lead_id: str | None
    deleted: bool


@frozen(kw_only=True)
class Lead:
    """A person the recruiters knew first, and the applicants they became."""

    id: str
    name: str | None = personal()
    email: str | None = personal()
    candidates: tuple[Ref, ...] = ()


@frozen(kw_only=True)
class Review:
    """A question for a person: which lead, if any, is this applicant?"""

    id: str
    candidate: Ref
    rule: str
    why: str
    options: tuple[str, ...]
    rivals: tuple[Ref, ...]
    raised_at: datetime = field(repr=False)


APPLICATIONS = """
SELECT a.connection, a.id, a.candidate, a.job, a.stage, a.stage_name, a.status, a.reason,
    a.confirmed_step, a.confirmed_status, a.confirmed_reason,
    a.requested_step, a.requested_status, a.requested_reason, a.request_event, a.sequence,
    a.base_stage, a.base_status, a.base_delivery, a.base_token,
    a.history, a.applied_at, a.read_at, a.deleted, a.url,
    coalesce(c.display_name,
        nullif(trim(coalesce(c.given_name, '') || ' ' || coalesce(c.family_name, '')), '')) AS candidate_name,
    j.title AS job_title, l.lead AS lead,
    r.event_id AS receipt_event, r.result AS receipt_result, r.text AS receipt_text, r.at AS receipt_at
FROM applications a
LEFT JOIN candidates c ON c.connection = a.connection AND c.id = a.candidate
LEFT JOIN jobs j ON j.connection = a.connection AND j.id = a.job
LEFT JOIN links l ON l.connection = a.connection AND l.candidate = a.candidate AND l.undone_at IS NULL
LEFT JOIN receipts r ON r.number = (
    SELECT number FROM receipts WHERE connection = a.connection AND application = a.id
    ORDER BY sequence DESC, number DESC LIMIT 1)
"""
"""The last receipt is that of the newest change, not the one that happened to arrive last."""


def named(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    """A row factory: column name to value."""
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


def read_base(row: dict[str, Any]) -> Base | None:
    if row["base_delivery"] is None:
        return None
    status = ApplicationStatus(row["base_status"])
    return Base(row["base_stage"], status, row["base_delivery"], row["base_token"])


def read_application(row: dict[str, Any]) -> AppView:
    connection = row["connection"]
    pending = row["request_event"] is not None
    shown_step = row["confirmed_step"] or row["stage_name"] or row["stage"]
    shown_status = row["confirmed_status"] or row["status"]
    return AppView(
        ref=Ref(connection, Kind.APPLICATION, row["id"]),
        candidate=_ref(connection, Kind.CANDIDATE, row["candidate"]),
        candidate_name=row["candidate_name"],
        job=_ref(connection, Kind.JOB, row["job"]),
        job_title=row["job_title"],
        lead_id=None if row["lead"] is None else str(row["lead"]),
        step=(row["requested_step"] if pending else None) or shown_step,
        status=(row["requested_status"] if pending else None) or shown_status,
        reason=(row["requested_reason"] if pending else None) or row["confirmed_reason"],
        confirmed=State(row["stage"], ApplicationStatus(row["status"]), row["reason"]),
        stage_name=row["stage_name"],
        confirmed_step=row["confirmed_step"],
        confirmed_status=row["confirmed_status"],
        confirmed_reason=row["confirmed_reason"],
        requested_step=row["requested_step"],
        requested_status=row["requested_status"],
        requested_reason=row["requested_reason"],
        event_id=row["request_event"],
        sequence=row["sequence"],
        base=read_base(row),
        receipt=read_receipt(row),
        history=_history(row["history"]),
        applied_at=read_stamp(row["applied_at"]),
        read_at=datetime.fromisoformat(row["read_at"]),
        deleted=row["deleted"] is not None,
        url=row["url"],
    )


def read_receipt(row: dict[str, Any]) -> ReceiptView | None:
    if row["receipt_event"] is None:
        return None
    return ReceiptView(
        event_id=row["receipt_event"],
        result=Result(row["receipt_result"]),
        text=row["receipt_text"],
        at=read_stamp(row["receipt_at"]),
    )


def _history(text: str | None) -> tuple[Transition, ...]:
    return tuple(
        Transition(at=read_stamp(at), to=to, from_=from_, actor=actor, actor_kind=ActorKind(actor_kind))
        for at, from_, to, actor, actor_kind in (json.loads(text) if text else ())
    )


def read_candidate(row: dict[str, Any]) -> CandidateView:
    name = row["display_name"] or " ".join(filter(None, (row["given_name"], row["family_name"])))
    return CandidateView(
        ref=Ref(row["connection"], Kind.CANDIDATE, row["id"]),
        name=name or None,
        emails=tuple(value for value, *_ in json.loads(row["emails"] or "[]")),
        lead_id=None if row["lead"] is None else str(row["lead"]),
        deleted=row["deleted"] is not None,
    )


def read_review(row: dict[str, Any]) -> Review:
    return Review(
        id=str(row["id"]),
        candidate=Ref(row["connection"], Kind.CANDIDATE, row["candidate"]),
        rule=row["rule"],
        why=row["why"],
        options=tuple(json.loads(row["options"])),
        rivals=tuple(Ref(row["connection"], Kind.CANDIDATE, one) for one in json.loads(row["rivals"])),
        raised_at=datetime.fromisoformat(row["raised_at"]),
    )


def _ref(connection: str, kind: Kind, id_: str | None) -> Ref | None:
    return None if id_ is None else Ref(connection, kind, id_)
