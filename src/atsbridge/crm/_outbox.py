"""What recruiters changed, kept until the bridge has taken it in."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from ..model import Kind, Ref, StatusUpdate
from ..wire.effects import Json
from ._views import named, read_base
from .interface import Feed

FEED_PAGE = 500


def request_change(
    db: sqlite3.Connection,
    application: Ref,
    *,
    step: str | None,
    status: str | None,
    reason: str | None,
    actor: str,
    now: str,
) -> str:
    """Set the request and put its event into the outbox, with the base of this moment.

    Raises:
        LookupError: the application is not held, or gone from the ATS.
    """
    event_id = uuid4().hex
    taken = db.execute(
        "UPDATE applications SET requested_step = ?, requested_status = ?, requested_reason = ?,"
        " request_event = ?, sequence = sequence + 1"
        " WHERE connection = ? AND id = ? AND deleted IS NULL",
        (step, status, reason, event_id, application.connection, application.id),
    ).rowcount
    if not taken:
        raise LookupError(f"the CRM holds no live application {application}")
    db.execute(
        "INSERT INTO outbox (event_id, connection, application, step, status, reason,"
        " base_stage, base_status, base_delivery, base_token, actor, sequence, occurred_at)"
        " SELECT request_event, connection, id, requested_step, requested_status, requested_reason,"
        " base_stage, base_status, base_delivery, base_token, ?, sequence, ?"
        " FROM applications WHERE connection = ? AND id = ?",
        (actor, now, application.connection, application.id),
    )
    return event_id


def read_feed(db: sqlite3.Connection, connection: str | None, after: Json) -> Feed:
    """The events not yet acknowledged, a page at a time.

    The position counts within one pass alone; the last page's is None, so the
    next pass begins again with the oldest event that is still open. That makes
    the feed safe to lose an acknowledgement: nothing is ever passed by.
    """
    cursor = db.cursor()
    cursor.row_factory = named
    number = after.get("number", 0) if isinstance(after, Mapping) else 0
    rows = cursor.execute(
        "SELECT * FROM outbox WHERE acknowledged_at IS NULL AND number > ?"
        " AND (? IS NULL OR connection = ?) ORDER BY number LIMIT ?",
        (number, connection, connection, FEED_PAGE + 1),
    ).fetchall()
    page, more = rows[:FEED_PAGE], len(rows) > FEED_PAGE
    position = {"number": page[-1]["number"]} if more else None
    return Feed(updates=tuple(map(_read_update, page)), position=position, more=more)


def _read_update(row: dict[str, Any]) -> StatusUpdate:
    return StatusUpdate(
        event_id=row["event_id"],
        application=Ref(row["connection"], Kind.APPLICATION, row["application"]),
        step=row["step"],
        status=row["status"],
        reason=row["reason"],
        base=read_base(row),
        actor=row["actor"],
        sequence=row["sequence"],
        occurred_at=datetime.fromisoformat(row["occurred_at"]),
    )


def acknowledge(db: sqlite3.Connection, event_ids: Sequence[str], now: str) -> None:
    db.execute(
        "UPDATE outbox SET acknowledged_at = ? WHERE acknowledged_at IS NULL"
        " AND event_id IN (SELECT value FROM json_each(?))",
        (now, json.dumps(list(event_ids))),
    )
