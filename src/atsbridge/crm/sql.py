"""`SqlCrm`: the embedded recruiting CRM, in one SQLite file.

A real little CRM: leads, jobs, candidates, applications with the ATS's
confirmed state and the recruiter's request apart, an outbox, receipts shown on
the application, and matching of applicants to leads. It needs nothing but the
standard library, and shows what any CRM in the user's own database has to do.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..errors import CrmError
from ..model import ApplicationStatus, Kind, Receipt, Ref, State
from ..wire.effects import Json
from . import _matching, _outbox, _views
from ._database import Database
from ._receipts import take_receipt
from ._rows import TABLE_OF, stamp
from ._schema import MIGRATIONS
from ._views import AppView, CandidateView, Lead, ReceiptView, Review
from ._writing import UNSTORABLE, normal_email, write_all, write_each
from .interface import Abilities, CrmFinding, Delivery, Feed, Held, Link, Written
from .local import LocalCrm

__all__ = ["AppView", "CandidateView", "Lead", "ReceiptView", "Review", "SqlCrm"]

REFS_PAGE = 1000


class SqlCrm(LocalCrm):
    """A recruiting CRM in one SQLite file.

    The database is opened by the first call, on whatever thread makes it. One
    connection serves all threads, under a lock: recruiters' calls may come from
    other threads than the bridge's. Other processes may use the same file.

    Args:
        path: the file, made if absent, or ``:memory:``.
        connection: narrows the change feed and `refs` to one connection, for a
            CRM that several bridges share. None: all.
        durable_writes: whether each inbound batch survives a power cut from
            its commit on, as everything else here does. Without it a power cut
            may cost the last batches, which the ledger takes for delivered:
            `verify` finds them and `repair` brings them back.
        connect: how the database is opened; tests bring their own.
    """

    abilities = frozenset({Abilities.BASE, Abilities.SEQUENCE, Abilities.MATCH})

    def __init__(
        self,
        path: str | Path,
        *,
        connection: str | None = None,
        durable_writes: bool = True,
        connect: Callable[..., sqlite3.Connection] = sqlite3.connect,
    ) -> None:
        self._database = Database(path, MIGRATIONS, connect=connect)
        self._connection = connection
        self._durable_writes = durable_writes

    def __repr__(self) -> str:
        return f"SqlCrm({self._database.path!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database for good. May be called twice."""
        self._database.close()

    # --- what the bridge calls -------------------------------------------------------------------

    def write_batch(self, batch: Sequence[Delivery]) -> Sequence[Written]:
        """One transaction; a record that cannot be stored fails alone."""
        try:
            with self._database.transaction(durable=self._durable_writes) as db:
                return write_all(db, batch)
        except UNSTORABLE:
            with self._database.transaction(durable=self._durable_writes) as db:
                return write_each(db, batch)

    def read_changes(self, after: Json) -> Feed:
        with self._database.snapshot() as db:
            return _outbox.read_feed(db, self._connection, after)

    def acknowledge_events(self, event_ids: Sequence[str]) -> None:
        with self._database.transaction() as db:
            _outbox.acknowledge(db, event_ids, _now())

    def take_receipts(self, receipts: Sequence[Receipt]) -> None:
        with self._database.transaction() as db:
            for receipt in receipts:
                take_receipt(db, receipt)

    def read_statuses(self, refs: Sequence[Ref]) -> Mapping[Ref, Held]:
        held: dict[Ref, Held] = {}
        for connection, group in groupby(sorted(refs), key=lambda ref: ref.connection):
            ids = json.dumps([ref.id for ref in group])
            rows = self._read(
                "SELECT * FROM applications WHERE connection = ? AND id IN (SELECT value FROM json_each(?))",
                (connection, ids),
            )
            held |= {one.ref: one for one in map(_held, rows)}
        return held

    def read_refs(self, kind: Kind, after: str | None) -> tuple[Sequence[Ref], str | None]:
        """Live records only, a thousand a page, in the order of connection and id."""
        connection, last = json.loads(after) if after else ("", "")
        rows = self._read(
            f"SELECT connection, id FROM {TABLE_OF[kind]} WHERE (connection, id) > (?, ?)"  # noqa: S608
            " AND deleted IS NULL AND (? IS NULL OR connection = ?) ORDER BY connection, id LIMIT ?",
            (connection, last, self._connection, self._connection, REFS_PAGE),
        )
        refs = [Ref(row["connection"], kind, row["id"]) for row in rows]
        more = json.dumps([refs[-1].connection, refs[-1].id]) if len(refs) == REFS_PAGE else None
        return refs, more

    def check(self) -> tuple[CrmFinding, ...]:
        """Open the database and begin to write, without a change."""
        try:
            with self._database.transaction() as db:
                # BEGIN IMMEDIATE alone is content with a file that can only be read.
                db.execute("DELETE FROM applications WHERE 0")
        except (CrmError, sqlite3.Error, OSError) as error:
            why = f"SQLite says {type(error).__name__}; look at the file's path, rights and free space"
            if isinstance(error, CrmError):
                why = f"{error}; {error.advice}" if error.advice else str(error)
            return (CrmFinding(what="the CRM's database can be written", ok=False, why=why),)
        return (CrmFinding(what="the CRM's database can be written", ok=True, abilities=self.abilities),)

    def match_candidates(self, refs: Sequence[Ref], *, by_email: bool = True) -> Sequence[Link]:
        """Those that were linked or need a review; an applicant who was no lead is left out."""
        with self._database.transaction() as db:
            return _matching.match_all(db, refs, _now(), by_email=by_email)

    # --- what recruiters call: applications ------------------------------------------------------

    def change_step(
        self,
        application: Ref,
        *,
        step: str | None = None,
        status: str | None = None,
        reason: str | None = None,
        actor: str,
    ) -> str:
        """Change an application's step or status, as a recruiter does; gives the event id.

        Shown at once as requested, and confirmed or taken back by its receipt.
        A newer change replaces an open one.

        Raises:
            ValueError: neither step nor status was named.
            LookupError: the application is not held, or gone from the ATS.
        """
        if step is None and status is None:
            raise ValueError("a change names a step, a status, or both")
        with self._database.transaction() as db:
            return _outbox.request_change(
                db, application, step=step, status=status, reason=reason, actor=actor, now=_now()
            )

    def application(self, ref: Ref) -> AppView:
        """One application, as it is shown.

        Raises:
            LookupError: it is not held.
        """
        rows = self._read(
            _views.APPLICATIONS + "WHERE a.connection = ? AND a.id = ?", (ref.connection, ref.id)
        )
        if not rows:
            raise LookupError(f"the CRM holds no application {ref}")
        return _views.read_application(rows[0])

    def applications(
        self,
        *,
        connection: str | None = None,
        candidate: Ref | None = None,
        job: Ref | None = None,
        pending: bool | None = None,
        deleted: bool | None = False,
        limit: int | None = None,
    ) -> list[AppView]:
        """The applications that fit all of what is given, in the order of their refs."""
        where, values = ["1"], []
        for column, value in (("a.connection", connection), ("a.candidate", candidate), ("a.job", job)):
            if isinstance(value, Ref):
                where.append(f"a.connection = ? AND {column} = ?")
                values += [value.connection, value.id]
            elif value is not None:
                where.append(f"{column} = ?")
                values.append(value)
        for column, wanted in (("a.request_event", pending), ("a.deleted", deleted)):
            if wanted is not None:
                where.append(f"{column} IS {'NOT ' if wanted else ''}NULL")
        end = f" WHERE {' AND '.join(where)} ORDER BY a.connection, a.id LIMIT ?"
        rows = self._read(_views.APPLICATIONS + end, (*values, -1 if limit is None else limit))
        return [_views.read_application(row) for row in rows]

    def receipts_for(self, ref: Ref) -> list[ReceiptView]:
        """What became of an application's changes, oldest change first."""
        rows = self._read(
            "SELECT event_id AS receipt_event, result AS receipt_result, text AS receipt_text,"
            " at AS receipt_at FROM receipts WHERE connection = ? AND application = ?"
            " ORDER BY sequence, number",
            (ref.connection, ref.id),
        )
        return [view for row in rows if (view := _views.read_receipt(row))]

    def count(self, kind: Kind) -> int:
        """How many live records of a kind are held."""
        (row,) = self._read(
            f"SELECT count(*) AS n FROM {TABLE_OF[kind]} WHERE deleted IS NULL"  # noqa: S608
        )
        return int(row["n"])

    # --- what recruiters call: people ------------------------------------------------------------

    def add_lead(self, name: str | None, email: str | None = None, *, candidate: Ref | None = None) -> str:
        """Add a person who has not applied yet; gives the lead's id.

        Args:
            candidate: the ATS's ref of this person, where it is already known.
        """
        ats = (candidate.connection, candidate.id) if candidate else (None, None)
        with self._database.transaction() as db:
            row = db.execute(
                "INSERT INTO leads (name, email, normal_email, ats_connection, ats_candidate, added_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (name, email, normal_email(email), *ats, _now()),
            )
            return str(row.lastrowid)

    def leads(self) -> list[Lead]:
        """All leads in the order they were added, each with the applicants it became."""
        linked: dict[int, list[Ref]] = {}
        for row in self._read("SELECT connection, candidate, lead FROM links WHERE undone_at IS NULL"):
            linked.setdefault(row["lead"], []).append(
                Ref(row["connection"], Kind.CANDIDATE, row["candidate"])
            )
        return [
            Lead(
                id=str(row["id"]),
                name=row["name"],
                email=row["email"],
                candidates=tuple(linked.get(row["id"], ())),
            )
            for row in self._read("SELECT id, name, email FROM leads ORDER BY id")
        ]

    def candidate(self, ref: Ref) -> CandidateView:
        """One applicant.

        Raises:
            LookupError: not held.
        """
        rows = self._read(
            "SELECT c.*, l.lead FROM candidates c LEFT JOIN links l ON l.connection = c.connection"
            " AND l.candidate = c.id AND l.undone_at IS NULL WHERE c.connection = ? AND c.id = ?",
            (ref.connection, ref.id),
        )
        if not rows:
            raise LookupError(f"the CRM holds no candidate {ref}")
        return _views.read_candidate(rows[0])

    def lead_of(self, candidate: Ref) -> str | None:
        """The lead that an applicant is linked to, or None."""
        rows = self._read(
            "SELECT lead FROM links WHERE connection = ? AND candidate = ? AND undone_at IS NULL",
            (candidate.connection, candidate.id),
        )
        return str(rows[0]["lead"]) if rows else None

    def link(self, candidate: Ref, lead_id: str, *, actor: str) -> None:
        """Link an applicant to a lead by hand, in place of any other link; answers its reviews.

        Raises:
            LookupError: no such lead.
        """
        with self._database.transaction() as db:
            if not db.execute("SELECT 1 FROM leads WHERE id = ?", (lead_id,)).fetchone():
                raise LookupError(f"the CRM holds no lead {lead_id}")
            _matching.undo_link(db, candidate, by=actor, now=_now())
            _matching.make_link(db, candidate, int(lead_id), rule=_matching.BY_PERSON, by=actor, now=_now())

    def undo_link(self, candidate: Ref, *, actor: str) -> bool:
        """Undo an applicant's link; it is not made again by itself. False: there was none."""
        with self._database.transaction() as db:
            return _matching.undo_link(db, candidate, by=actor, now=_now())

    def reviews(self) -> list[Review]:
        """The open questions, oldest first: which lead, if any, is this applicant?"""
        rows = self._read("SELECT * FROM reviews WHERE closed_at IS NULL ORDER BY id")
        return [_views.read_review(row) for row in rows]

    def dismiss_review(self, candidate: Ref, *, actor: str) -> None:
        """Answer an applicant's reviews with: none of these leads."""
        with self._database.transaction() as db:
            _matching.close_reviews(db, candidate, by=actor, now=_now())

    def _read(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        with self._database.snapshot() as db:
            cursor = db.cursor()
            cursor.row_factory = _views.named
            return cursor.execute(sql, values).fetchall()


def _held(row: dict[str, Any]) -> Held:
    return Held(
        ref=Ref(row["connection"], Kind.APPLICATION, row["id"]),
        confirmed=State(row["stage"], ApplicationStatus(row["status"]), row["reason"]),
        requested_step=row["requested_step"],
        requested_status=row["requested_status"],
        requested_reason=row["requested_reason"],
        event_id=row["request_event"],
        base=_views.read_base(row),
        deleted=row["deleted"] is not None,
    )


def _now() -> str:
    return stamp(datetime.now(UTC))
