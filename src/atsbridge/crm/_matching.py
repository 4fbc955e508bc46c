"""Linking an arriving applicant to the lead they were: certain, or a question for a person."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import groupby

from attrs import frozen

from ..model import Ref
from ._writing import normal_emails
from .interface import Link

BY_REF, BY_EMAIL, BY_PERSON = "ats_ref", "email", "person"


@frozen
class _Found:
    """What the rules say of one applicant: leads, and other applicants with the same claim."""

    rule: str
    leads: tuple[int, ...]
    rivals: tuple[str, ...] = ()
    ruled_out: bool = False

    @property
    def certain(self) -> bool:
        return len(self.leads) == 1 and not self.rivals and not self.ruled_out

    @property
    def why(self) -> str:
        if len(self.leads) > 1:
            return "several leads fit"
        if self.rivals:
            return "several applicants fit this lead"
        return "another link of this applicant was undone by a person"


def match_all(db: sqlite3.Connection, refs: Sequence[Ref], now: str, *, by_email: bool) -> list[Link]:
    """Link or raise a review; what fits no lead is left out.

    By ATS ref, else by a unique normalised e-mail; a name alone never links. A
    link that a person has undone is not made again.
    """
    links: list[Link] = []
    if db.execute("SELECT 1 FROM leads LIMIT 1").fetchone() is None:
        return links
    for connection, group in groupby(sorted(refs), key=lambda ref: ref.connection):
        links += _match(db, connection, list(group), now, by_email=by_email)
    return links


def _match(
    db: sqlite3.Connection, connection: str, refs: Sequence[Ref], now: str, *, by_email: bool
) -> Iterator[Link]:
    ids = json.dumps([ref.id for ref in refs])
    linked = _linked(db, connection, ids)
    found = (_by_email(db, connection, ids) if by_email else {}) | _by_ref(db, connection, ids)
    for ref in refs:
        if ref.id in linked:
            lead, rule = linked[ref.id]
            yield Link(candidate=ref, lead_id=str(lead), rule=rule, certain=True)
        elif ref.id in found and (claim := _without_undone(db, ref, found[ref.id])).leads:
            yield _settle(db, ref, claim, now)


def _settle(db: sqlite3.Connection, ref: Ref, claim: _Found, now: str) -> Link:
    if claim.certain:
        make_link(db, ref, claim.leads[0], rule=claim.rule, by=None, now=now)
        return Link(candidate=ref, lead_id=str(claim.leads[0]), rule=claim.rule, certain=True)
    options = tuple(str(lead) for lead in claim.leads)
    _raise_review(db, ref, claim, json.dumps(options), now)
    return Link(candidate=ref, lead_id=None, rule=claim.rule, certain=False, options=options)


def make_link(db: sqlite3.Connection, ref: Ref, lead: int, *, rule: str, by: str | None, now: str) -> None:
    """Link an applicant to a lead, and close the questions about that applicant."""
    db.execute(
        "INSERT INTO links (connection, candidate, lead, rule, made_by, made_at) VALUES (?, ?, ?, ?, ?, ?)",
        (ref.connection, ref.id, lead, rule, by, now),
    )
    close_reviews(db, ref, by=by, now=now)


def undo_link(db: sqlite3.Connection, ref: Ref, *, by: str, now: str) -> bool:
    """Undo an applicant's link, if there is one. The row stays, so that no rule makes it again."""
    undone = db.execute(
        "UPDATE links SET undone_at = ?, undone_by = ?"
        " WHERE connection = ? AND candidate = ? AND undone_at IS NULL",
        (now, by, ref.connection, ref.id),
    )
    return undone.rowcount > 0


def close_reviews(db: sqlite3.Connection, ref: Ref, *, by: str | None, now: str) -> None:
    db.execute(
        "UPDATE reviews SET closed_at = ?, closed_by = ?"
        " WHERE connection = ? AND candidate = ? AND closed_at IS NULL",
        (now, by, ref.connection, ref.id),
    )


def _raise_review(db: sqlite3.Connection, ref: Ref, claim: _Found, options: str, now: str) -> None:
    """Ask once: the same question is not asked again, whether it is open or was answered."""
    rivals = json.dumps(claim.rivals)
    db.execute(
        "INSERT INTO reviews (connection, candidate, rule, why, options, rivals, raised_at)"
        " SELECT ?, ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM reviews"
        " WHERE connection = ? AND candidate = ? AND options = ? AND rivals = ?)",
        (
            *(ref.connection, ref.id, claim.rule, claim.why, options, rivals, now),
            *(ref.connection, ref.id, options, rivals),
        ),
    )


def _linked(db: sqlite3.Connection, connection: str, ids: str) -> dict[str, tuple[int, str]]:
    rows = db.execute(
        "SELECT candidate, lead, rule FROM links WHERE connection = ? AND undone_at IS NULL"
        " AND candidate IN (SELECT value FROM json_each(?))",
        (connection, ids),
    )
    return {candidate: (lead, rule) for candidate, lead, rule in rows}


def _without_undone(db: sqlite3.Connection, ref: Ref, claim: _Found) -> _Found:
    rows = db.execute(
        "SELECT lead FROM links WHERE connection = ? AND candidate = ? AND undone_at IS NOT NULL",
        (ref.connection, ref.id),
    )
    undone = {lead for (lead,) in rows}
    leads = tuple(lead for lead in claim.leads if lead not in undone)
    return _Found(claim.rule, leads, claim.rivals, ruled_out=bool(undone))


def _by_ref(db: sqlite3.Connection, connection: str, ids: str) -> dict[str, _Found]:
    """Leads that name the candidate, or whose own applicant was merged into this one."""
    rows = db.execute(
        "SELECT ats_candidate, id FROM leads"
        " WHERE ats_connection = :connection AND ats_candidate IN (SELECT value FROM json_each(:ids))"
        " UNION SELECT loser.merged_into, links.lead FROM candidates loser JOIN links"
        " ON links.connection = loser.connection AND links.candidate = loser.id AND links.undone_at IS NULL"
        " WHERE loser.connection = :connection"
        " AND loser.merged_into IN (SELECT value FROM json_each(:ids)) ORDER BY 1, 2",
        {"connection": connection, "ids": ids},
    )
    return {
        candidate: _Found(BY_REF, tuple(lead for _, lead in group))
        for candidate, group in groupby(rows, key=lambda row: str(row[0]))
    }


def _by_email(db: sqlite3.Connection, connection: str, ids: str) -> dict[str, _Found]:
    rows = db.execute(
        "SELECT id, emails FROM candidates WHERE connection = ? AND deleted IS NULL"
        " AND emails IS NOT NULL AND id IN (SELECT value FROM json_each(?))",
        (connection, ids),
    )
    emails = {candidate: normal_emails(column) for candidate, column in rows}
    leads = _leads_by_email(db, sorted(set().union(*emails.values())))
    found = {}
    for candidate, mine in emails.items():
        fits = sorted({lead for email in mine for lead in leads.get(email, ())})
        if fits:
            rivals = _rivals(db, connection, candidate, mine & leads.keys(), fits)
            found[candidate] = _Found(BY_EMAIL, tuple(fits), rivals)
    return found


def _leads_by_email(db: sqlite3.Connection, emails: Sequence[str]) -> dict[str, list[int]]:
    leads: dict[str, list[int]] = {}
    rows = db.execute(
        "SELECT normal_email, id FROM leads WHERE normal_email IN (SELECT value FROM json_each(?))",
        (json.dumps(emails),),
    )
    for email, lead in rows:
        leads.setdefault(email, []).append(lead)
    return leads


def _rivals(
    db: sqlite3.Connection, connection: str, candidate: str, emails: set[str], leads: Sequence[int]
) -> tuple[str, ...]:
    """Other live applicants of the same ATS who use the e-mail or are linked to the lead.

    One whose link to the lead was undone has no claim to it any more. The same
    person in two ATSs is no riddle: both are linked.
    """
    rows = db.execute(
        "SELECT candidate FROM candidate_emails WHERE connection = :connection"
        " AND email IN (SELECT value FROM json_each(:emails)) AND candidate NOT IN ("
        "  SELECT candidate FROM links WHERE connection = :connection AND undone_at IS NOT NULL"
        "  AND lead IN (SELECT value FROM json_each(:leads)))"
        " UNION SELECT links.candidate FROM links JOIN candidates"
        "  ON candidates.connection = links.connection AND candidates.id = links.candidate"
        " WHERE links.connection = :connection AND undone_at IS NULL AND deleted IS NULL"
        " AND lead IN (SELECT value FROM json_each(:leads)) ORDER BY 1",
        {"connection": connection, "emails": json.dumps(sorted(emails)), "leads": json.dumps(list(leads))},
    )
    return tuple(other for (other,) in rows if other != candidate)
