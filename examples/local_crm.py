"""A CRM of your own: plain sqlite3 tables, as a small service might have them.

Your tables, your keys, your words. What the bridge needs of them is little:
a place for the ATS's ref, the confirmed state and the request apart, the base,
and an outbox. Nothing here is a table of atsbridge.

Run it; it needs no account::

    python examples/local_crm.py
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from atsbridge.crm.interface import CrmFinding, Delivery, Feed, Held, WriteResult, Written
from atsbridge.crm.local import LocalCrm
from atsbridge.model import (
    Application,
    ApplicationStatus,
    Base,
    Candidate,
    Kind,
    Receipt,
    Record,
    Ref,
    State,
    StatusUpdate,
)
from atsbridge.wire.effects import Json

SCHEMA = """
CREATE TABLE IF NOT EXISTS person (
    person_id INTEGER PRIMARY KEY, ats_key TEXT UNIQUE, name TEXT, gone INTEGER, read_at TEXT);
CREATE TABLE IF NOT EXISTS candidacy (
    candidacy_id INTEGER PRIMARY KEY, ats_key TEXT UNIQUE, person_key TEXT, gone INTEGER, read_at TEXT,
    column_name TEXT, outcome TEXT,      -- where the card stands on our board
    confirmed TEXT, base TEXT,           -- what the ATS said last, as JSON
    wanted_column TEXT, wanted_outcome TEXT, wanted_by TEXT, changes INTEGER DEFAULT 0,
    note TEXT);                          -- what became of the last change
CREATE TABLE IF NOT EXISTS outbox (
    event_id TEXT PRIMARY KEY, candidacy INTEGER, column_name TEXT, outcome TEXT, base TEXT,
    actor TEXT, change INTEGER, at TEXT);
"""


class BoardCrm(LocalCrm):
    """Cards on a board. One method is one transaction: `with self.db` commits or rolls back."""

    def __init__(self, path: str | Path) -> None:
        # The bridge may call from another thread than the one that made it, but never from two at once.
        self.db = sqlite3.connect(path, check_same_thread=False)
        self.db.row_factory = sqlite3.Row
        self.db.executescript(SCHEMA)

    # --- the board's own calls ---

    def drag(self, card: int, *, column: str, actor: str) -> str:
        """A recruiter drags a card: the request, its base and its event, in one transaction."""
        event_id = uuid4().hex
        with self.db:
            self.db.execute(
                "UPDATE candidacy SET wanted_column = ?, wanted_by = ?, changes = changes + 1"
                " WHERE candidacy_id = ?",
                (column, event_id, card),
            )
            self.db.execute(
                "INSERT INTO outbox SELECT ?, candidacy_id, ?, NULL, base, ?, changes, ?"
                " FROM candidacy WHERE candidacy_id = ?",
                (event_id, column, actor, datetime.now(UTC).isoformat(), card),
            )
        return event_id

    def board(self) -> list[tuple[int, str, str]]:
        """Card, column and note: the wanted column while a change is under way."""
        rows = self.db.execute(
            "SELECT candidacy_id, coalesce(wanted_column, column_name, '?'), coalesce(note, '')"
            " FROM candidacy WHERE NOT gone ORDER BY candidacy_id"
        )
        return [(card, column, note) for card, column, note in rows]

    # --- what the bridge calls ---

    def write_batch(self, batch: Sequence[Delivery]) -> Sequence[Written]:
        with self.db:
            return [Written(ref=d.record.ref, result=self._write(d)) for d in batch]

    def _write(self, delivery: Delivery) -> WriteResult:
        record = delivery.record
        if not isinstance(record, Candidate | Application):
            return WriteResult.UNCHANGED  # this board has no use for jobs, stages, reasons and users
        table = "person" if isinstance(record, Candidate) else "candidacy"
        held = self.db.execute(
            f"SELECT read_at FROM {table} WHERE ats_key = ?", (key(record.ref),)
        ).fetchone()
        if held and datetime.fromisoformat(held["read_at"]) > record.read_at:
            return WriteResult.STALE
        values = self._values(record, delivery) | {
            "gone": record.deleted is not None,
            "read_at": record.read_at.isoformat(),
        }
        self._upsert(table, {"ats_key": key(record.ref), **values})
        return WriteResult.UPDATED if held else WriteResult.CREATED

    def _values(self, record: Record, delivery: Delivery) -> dict[str, object]:
        if isinstance(record, Candidate):
            name = record.display_name or f"{record.given_name or ''} {record.family_name or ''}".strip()
            return {"name": None if record.deleted else name}
        if not isinstance(record, Application) or record.deleted:
            return {}
        return {
            "person_key": key(record.candidate) if record.candidate else None,
            "column_name": delivery.step,
            "outcome": delivery.status,
            "confirmed": to_json(record.state),
            "base": to_json(delivery.base),
        }

    def _upsert(self, table: str, values: Mapping[str, object]) -> None:
        sets = ", ".join(f"{name} = excluded.{name}" for name in values)
        self.db.execute(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})"
            f" ON CONFLICT (ats_key) DO UPDATE SET {sets}",
            tuple(values.values()),
        )

    def read_changes(self, after: Json) -> Feed:
        """All that is in the outbox: an acknowledged event is deleted from it."""
        rows = self.db.execute(
            "SELECT o.*, c.ats_key FROM outbox o JOIN candidacy c ON c.candidacy_id = o.candidacy"
            " ORDER BY o.rowid"
        )
        return Feed(updates=[self._update(row) for row in rows], position=None)

    def _update(self, row: sqlite3.Row) -> StatusUpdate:
        return StatusUpdate(
            event_id=row["event_id"],
            application=ref_of(row["ats_key"]),
            step=row["column_name"],
            status=row["outcome"],
            base=read_base(row["base"]),
            actor=row["actor"],
            sequence=row["change"],
            occurred_at=datetime.fromisoformat(row["at"]),
        )

    def acknowledge_events(self, event_ids: Sequence[str]) -> None:
        with self.db:
            self.db.executemany("DELETE FROM outbox WHERE event_id = ?", [(one,) for one in event_ids])

    def take_receipts(self, receipts: Sequence[Receipt]) -> None:
        with self.db:
            for receipt in receipts:
                self._take(receipt)

    def _take(self, receipt: Receipt) -> None:
        card = key(receipt.application)
        row = self.db.execute("SELECT * FROM candidacy WHERE ats_key = ?", (card,)).fetchone()
        if row is None:
            return
        self.db.execute(
            "UPDATE candidacy SET note = ? WHERE ats_key = ?", (f"{receipt.result}: {receipt.why}", card)
        )
        newer = receipt.read_at and receipt.read_at >= datetime.fromisoformat(row["read_at"])
        if receipt.after and receipt.read_at and newer:
            # The board's own word for it comes with the next pull, unless it is the one we asked for.
            column = row["wanted_column"] if row["wanted_by"] == receipt.event_id else row["column_name"]
            self.db.execute(
                "UPDATE candidacy SET confirmed = ?, base = coalesce(?, base), column_name = ?, read_at = ?"
                " WHERE ats_key = ?",
                (
                    to_json(receipt.after),
                    to_json(receipt.base),
                    column if receipt.result in ("applied", "already") else row["column_name"],
                    receipt.read_at.isoformat(),
                    card,
                ),
            )
        self.db.execute(
            "UPDATE candidacy SET wanted_column = NULL, wanted_outcome = NULL, wanted_by = NULL"
            " WHERE ats_key = ? AND wanted_by = ?",
            (card, receipt.event_id),
        )

    def read_statuses(self, refs: Sequence[Ref]) -> Mapping[Ref, Held]:
        held = {}
        for ref in refs:
            row = self.db.execute("SELECT * FROM candidacy WHERE ats_key = ?", (key(ref),)).fetchone()
            if row is not None:
                held[ref] = Held(
                    ref=ref,
                    confirmed=read_state(row["confirmed"]),
                    requested_step=row["wanted_column"],
                    requested_status=row["wanted_outcome"],
                    event_id=row["wanted_by"],
                    base=read_base(row["base"]),
                    deleted=bool(row["gone"]),
                )
        return held

    def read_refs(self, kind: Kind, after: str | None) -> tuple[Sequence[Ref], str | None]:
        table = {Kind.CANDIDATE: "person", Kind.APPLICATION: "candidacy"}.get(kind)
        if table is None:
            return (), None
        rows = self.db.execute(
            f"SELECT ats_key FROM {table} WHERE NOT gone AND ats_key > ? ORDER BY ats_key LIMIT 500",
            (after or "",),
        ).fetchall()
        refs = [ref_of(row["ats_key"]) for row in rows]
        return refs, rows[-1]["ats_key"] if len(rows) == 500 else None

    def check(self) -> tuple[CrmFinding, ...]:
        self.db.execute("SELECT 1 FROM candidacy LIMIT 1").fetchone()
        return (CrmFinding(what="the board can be reached", ok=True, abilities=self.abilities),)


# --- small change: keys and states as text ---


def key(ref: Ref) -> str:
    """An ATS's ids are unique per connection and kind only, so all three are the key."""
    return json.dumps([ref.connection, ref.kind, ref.id])


def ref_of(text: str) -> Ref:
    connection, kind, id_ = json.loads(text)
    return Ref(connection, Kind(kind), id_)


def to_json(value: State | Base | None) -> str | None:
    if value is None:
        return None
    if isinstance(value, Base):
        return json.dumps([value.stage, value.status, value.delivery, value.token])
    return json.dumps([value.stage, value.status, value.reason])


def read_state(text: str | None) -> State | None:
    if text is None:
        return None
    stage, status, reason = json.loads(text)
    return State(stage, ApplicationStatus(status), reason)


def read_base(text: str | None) -> Base | None:
    if text is None:
        return None
    stage, status, delivery, token = json.loads(text)
    return Base(stage, ApplicationStatus(status), delivery, token)


def main() -> None:
    """On a simulator; for an account of yours give its key, and leave ``at`` out."""
    from atsbridge.ats.lever import Lever
    from atsbridge.bridge import Bridge
    from atsbridge.ledgers.sqlite import SqliteLedger
    from atsbridge.simulators.lever import LeverSimulator
    from atsbridge.simulators.serve import serve

    account, crm = LeverSimulator.generate(100), BoardCrm("board.db")
    mapping = {"version": 1, "steps": {"Phone Screen": {"stages": ["Recruiter screen"]}}}
    ats = Lever(connection="acme", api_key=account.credentials["api_key"])
    with serve(account) as server:
        ledger = SqliteLedger("ledger.db")
        with Bridge(ats=ats, crm=crm, ledger=ledger, mapping=mapping, at=server.url) as bridge:
            bridge.sync()
    for card, column, note in crm.board():
        print(card, column, note)


if __name__ == "__main__":
    main()
