"""What a receipt does to the CRM, and how it reads to a recruiter."""

from __future__ import annotations

import sqlite3

from ..model import ApplicationStatus, Base, Gap, Receipt, Ref, Result, State, Words
from ._rows import stamp

_TEXT = {
    Result.APPLIED: "Done: the ATS now shows {after}.",
    Result.ALREADY: "Nothing to do: the ATS already showed {after}.",
    Result.APPLIED_OVER_CHANGE: "Done, but over a change made in the ATS meanwhile: {overwritten}.",
    Result.CONFLICT: "Not sent: the ATS had moved on to {after} meanwhile, and the ATS wins.",
    Result.REFUSED: "Not done: {why}.",
    Result.SUPERSEDED: "Not sent: a newer change of the same application took its place.",
    Result.REVIEW: "In doubt, a person should look at both sides: {why}.",
    Result.DEAD: "Given up after {attempts} attempts: {why}.",
}


def receipt_text(receipt: Receipt, stage_name: str | None = None) -> str:
    """A receipt as one or two sentences for the person who made the change."""
    text = _TEXT[receipt.result].format(
        after=_state_text(receipt.after, stage_name),
        overwritten=", ".join(receipt.overwritten) or "which one is not known",
        why=receipt.why.rstrip(". ") or "no reason was given",
        attempts=receipt.attempts,
    )
    done, planned = receipt.progress
    if 0 < done < planned:
        text += f" {done} of {planned} steps were done."
    if receipt.result is Result.APPLIED and receipt.gap is Gap.UNAUDITED:
        text += " This ATS cannot show whether somebody else changed it at the same moment."
    return text


def _state_text(state: State | None, stage_name: str | None) -> str:
    if state is None:
        return "this"
    stage = stage_name or state.stage
    if state.status is ApplicationStatus.ACTIVE:
        return stage or state.status.value
    return f"{state.status.value} (in {stage})" if stage else state.status.value


def take_receipt(db: sqlite3.Connection, receipt: Receipt) -> None:
    """Take one receipt; the same event's second receipt changes nothing."""
    if _store(db, receipt) == 0:
        return
    ref = receipt.application
    held = db.execute(
        "SELECT read_at, request_event FROM applications WHERE connection = ? AND id = ?",
        (ref.connection, ref.id),
    ).fetchone()
    if held is None:
        return
    read_at, request_event = held
    if receipt.after is not None and receipt.read_at is not None and stamp(receipt.read_at) >= read_at:
        _confirm(db, receipt, receipt.after)
    if request_event == receipt.event_id:
        db.execute(
            "UPDATE applications SET requested_step = NULL, requested_status = NULL,"
            " requested_reason = NULL, request_event = NULL WHERE connection = ? AND id = ?",
            (ref.connection, ref.id),
        )


def _store(db: sqlite3.Connection, receipt: Receipt) -> int:
    ref = receipt.application
    sequence = db.execute("SELECT sequence FROM outbox WHERE event_id = ?", (receipt.event_id,)).fetchone()
    name = _stage_name(db, ref, receipt.after.stage) if receipt.after else None
    return db.execute(
        "INSERT INTO receipts (event_id, connection, application, sequence, result, text, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (event_id) DO NOTHING",
        (
            receipt.event_id,
            ref.connection,
            ref.id,
            sequence[0] if sequence else 0,
            receipt.result.value,
            receipt_text(receipt, name),
            stamp(receipt.at) if receipt.at else None,
        ),
    ).rowcount


def _stage_name(db: sqlite3.Connection, application: Ref, stage: str | None) -> str | None:
    """The name as the catalogue has it, else as an application had it."""
    row = db.execute(
        "SELECT name FROM stages WHERE connection = ? AND id = ?", (application.connection, stage)
    ).fetchone()
    row = (
        row
        or db.execute(
            "SELECT stage_name FROM applications WHERE connection = ? AND id = ? AND stage IS ?",
            (application.connection, application.id, stage),
        ).fetchone()
    )
    return row[0] if row else None


def _confirm(db: sqlite3.Connection, receipt: Receipt, after: State) -> None:
    ref = receipt.application
    words = receipt.words or Words()
    db.execute(
        "UPDATE applications SET stage = ?, stage_name = ?, status = ?, reason = ?,"
        " confirmed_step = ?, confirmed_status = ?, confirmed_reason = ?, read_at = ?"
        " WHERE connection = ? AND id = ?",
        (
            after.stage,
            _stage_name(db, ref, after.stage),
            after.status.value,
            after.reason,
            words.step,
            words.status,
            words.reason,
            stamp(receipt.read_at) if receipt.read_at else None,
            ref.connection,
            ref.id,
        ),
    )
    if receipt.base is not None:
        _set_base(db, ref, receipt.base)


def _set_base(db: sqlite3.Connection, ref: Ref, base: Base) -> None:
    db.execute(
        "UPDATE applications SET base_stage = ?, base_status = ?, base_delivery = ?, base_token = ?"
        " WHERE connection = ? AND id = ?",
        (base.stage, base.status.value, base.delivery, base.token, ref.connection, ref.id),
    )
