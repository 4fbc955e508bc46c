"""How a batch of deliveries becomes rows: what is new, newer, the same or too old."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence

from ..model import Candidate, Record
from ..wire.collecting import uncollected
from ._rows import TABLES, Row, Table
from .interface import Delivery, WriteResult, Written

UNSTORABLE = (UnicodeError, OverflowError, sqlite3.DataError, sqlite3.InterfaceError)
"""What one record's own content can raise, for example half of a surrogate pair in a name."""


@uncollected
def write_all(db: sqlite3.Connection, batch: Sequence[Delivery]) -> list[Written]:
    """Write a batch, kind by kind; one result each, in order."""
    places: dict[tuple[type[Record], str], list[int]] = {}
    for place, delivery in enumerate(batch):
        record = delivery.record
        places.setdefault((type(record), record.ref.connection), []).append(place)
    results: dict[int, WriteResult] = {}
    for (kind, connection), mine in places.items():
        written = _write_kind(db, TABLES[kind], connection, [batch[place] for place in mine])
        results.update(zip(mine, written, strict=True))
    return [Written(ref=d.record.ref, result=results[place]) for place, d in enumerate(batch)]


def write_each(db: sqlite3.Connection, batch: Sequence[Delivery]) -> list[Written]:
    """The same, one by one, so that a record that cannot be stored fails alone."""
    return [_write_one(db, delivery) for delivery in batch]


def _write_one(db: sqlite3.Connection, delivery: Delivery) -> Written:
    db.execute("SAVEPOINT one")
    try:
        return write_all(db, (delivery,))[0]
    except UNSTORABLE as error:
        db.execute("ROLLBACK TO one")
        why = f"it cannot be stored as it is ({type(error).__name__})"
        return Written(ref=delivery.record.ref, result=WriteResult.FAILED, why=why)
    finally:
        db.execute("RELEASE one")


def _write_kind(
    db: sqlite3.Connection, table: Table, connection: str, deliveries: Sequence[Delivery]
) -> list[WriteResult]:
    rows = [table.row(delivery) for delivery in deliveries]
    held: dict[str, Row] = {
        row[1]: row for row in db.execute(table.select, (connection, json.dumps([row[1] for row in rows])))
    }
    at_first = dict(held)
    changed: list[Row] = []
    results = []
    for row, delivery in zip(rows, deliveries, strict=True):
        before = held.get(row[1])
        if before is not None and row[-1] < before[-1]:
            results.append(WriteResult.STALE)
            continue
        if delivery.record.deleted is not None:
            row = table.tombstone(row, before)
        results.append(_result(row, before))
        held[row[1]] = row
        changed.append(row)
    db.executemany(table.upsert, changed)
    if table is TABLES[Candidate]:
        _index_emails(db, table, {row[1]: held[row[1]] for row in changed}.values(), at_first)
    return results


def _result(row: Row, before: Row | None) -> WriteResult:
    if before is None:
        return WriteResult.CREATED
    return WriteResult.UNCHANGED if row[:-1] == before[:-1] else WriteResult.UPDATED


# --- the e-mails of live candidates, for matching ------------------------------------------------


def normal_email(text: str | None) -> str | None:
    """An e-mail as it is compared: no spaces around it, no letter case.

    No more than that: dots and plus signs may well tell two people apart.
    """
    return (text or "").strip().casefold() or None


def normal_emails(emails: str | None) -> set[str]:
    """The comparable e-mails in a candidate's column."""
    found = (normal_email(value) for value, *_ in json.loads(emails)) if emails else ()
    return {email for email in found if email}


_NONE: set[tuple[str, str, str]] = set()


def _index_emails(db: sqlite3.Connection, table: Table, rows: Iterable[Row], before: dict[str, Row]) -> None:
    emails, deleted = table.columns.index("emails"), table.columns.index("deleted")

    def indexed(row: Row | None) -> set[tuple[str, str, str]]:
        if row is None or row[emails] is None or row[deleted]:
            return _NONE
        return {(email, row[0], row[1]) for email in normal_emails(row[emails])}

    gone: list[tuple[str, str, str]] = []
    new: list[tuple[str, str, str]] = []
    for row in rows:
        held = before.get(row[1])
        if held is not None and held[emails] == row[emails] and held[deleted] == row[deleted]:
            continue
        was, now = indexed(held), indexed(row)
        gone += was - now
        new += now - was
    db.executemany("DELETE FROM candidate_emails WHERE email = ? AND connection = ? AND candidate = ?", gone)
    db.executemany("INSERT INTO candidate_emails (email, connection, candidate) VALUES (?, ?, ?)", new)
