"""The tables of the embedded CRM, as numbered migrations.

Records of the ATS are keyed by connection and ATS id. Parents are not
enforced: an application may arrive before its job or its candidate. Times are
ISO 8601 in UTC, always with microseconds where they are compared as text.
"""

from __future__ import annotations

from ._database import Migration

_ENVELOPE = """
    updated_at TEXT, created_at TEXT, url TEXT, custom TEXT,
    deleted TEXT, deleted_at TEXT, merged_into TEXT,
    read_at TEXT NOT NULL,
    UNIQUE (connection, id)
"""

_FIRST: Migration = (
    # --- what the ATS says: one table per kind ---
    f"""CREATE TABLE users (
        connection TEXT NOT NULL, id TEXT NOT NULL,
        name TEXT, email TEXT, active INTEGER,
        {_ENVELOPE})""",
    f"""CREATE TABLE reasons (
        connection TEXT NOT NULL, id TEXT NOT NULL,
        name TEXT, decided_by TEXT, scope TEXT, active INTEGER, outcome TEXT,
        {_ENVELOPE})""",
    f"""CREATE TABLE jobs (
        connection TEXT NOT NULL, id TEXT NOT NULL,
        title TEXT, code TEXT, requisition_id TEXT, status TEXT, vendor_status TEXT,
        confidential INTEGER, employment_type TEXT, workplace TEXT,
        departments TEXT, locations TEXT, hiring_team TEXT, postings TEXT,
        description_html TEXT, opened_at TEXT, closed_at TEXT,
        {_ENVELOPE})""",
    f"""CREATE TABLE stages (
        connection TEXT NOT NULL, id TEXT NOT NULL,
        name TEXT, job TEXT, scope TEXT, position INTEGER, group_name TEXT, active INTEGER,
        kind TEXT, terminal INTEGER, writable TEXT, needs TEXT, side_effects TEXT,
        {_ENVELOPE})""",
    f"""CREATE TABLE candidates (
        connection TEXT NOT NULL, id TEXT NOT NULL,
        given_name TEXT, family_name TEXT, display_name TEXT,
        emails TEXT, phones TEXT, links TEXT, locations TEXT, company TEXT, title TEXT,
        tags TEXT, source TEXT, source_type TEXT, confidential INTEGER, contactable TEXT,
        {_ENVELOPE})""",
    """CREATE INDEX candidates_merged ON candidates (connection, merged_into)
        WHERE merged_into IS NOT NULL""",
    # Of live candidates alone; lets an arriving applicant be compared with the others.
    """CREATE TABLE candidate_emails (
        email TEXT NOT NULL, connection TEXT NOT NULL, candidate TEXT NOT NULL,
        PRIMARY KEY (email, connection, candidate)) WITHOUT ROWID""",
    # `stage` to `reason_text`: the ATS's words. `confirmed_*`: the CRM's words for them.
    # `requested_*` and `sequence` are a recruiter's, and no upsert names them.
    # No index but the key: with ids in random order each one costs a bulk load more than the rows do.
    f"""CREATE TABLE applications (
        connection TEXT NOT NULL, id TEXT NOT NULL,
        candidate TEXT, job TEXT,
        stage TEXT, stage_name TEXT, status TEXT NOT NULL, vendor_status TEXT, vendor_substatus TEXT,
        reason TEXT, reason_text TEXT,
        confirmed_step TEXT, confirmed_status TEXT, confirmed_reason TEXT,
        base_stage TEXT, base_status TEXT, base_delivery INTEGER, base_token TEXT,
        applied_at TEXT, hired_at TEXT, rejected_at TEXT, withdrawn_at TEXT, stage_entered_at TEXT,
        source TEXT, source_type TEXT, owner TEXT, history TEXT,
        requested_step TEXT, requested_status TEXT, requested_reason TEXT, request_event TEXT,
        sequence INTEGER NOT NULL DEFAULT 0,
        {_ENVELOPE})""",
    # --- what recruiters do, and what became of it ---
    """CREATE TABLE outbox (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        event_id TEXT NOT NULL UNIQUE,
        connection TEXT NOT NULL, application TEXT NOT NULL,
        step TEXT, status TEXT, reason TEXT,
        base_stage TEXT, base_status TEXT, base_delivery INTEGER, base_token TEXT,
        actor TEXT NOT NULL, sequence INTEGER NOT NULL,
        occurred_at TEXT NOT NULL, acknowledged_at TEXT)""",
    "CREATE INDEX outbox_open ON outbox (number) WHERE acknowledged_at IS NULL",
    """CREATE TABLE receipts (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        event_id TEXT NOT NULL UNIQUE,
        connection TEXT NOT NULL, application TEXT NOT NULL,
        sequence INTEGER NOT NULL, result TEXT NOT NULL, text TEXT NOT NULL, at TEXT)""",
    "CREATE INDEX receipts_application ON receipts (connection, application, sequence)",
    # --- people who were here before they applied ---
    """CREATE TABLE leads (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT, email TEXT, normal_email TEXT,
        ats_connection TEXT, ats_candidate TEXT, added_at TEXT NOT NULL)""",
    "CREATE INDEX leads_email ON leads (normal_email) WHERE normal_email IS NOT NULL",
    "CREATE INDEX leads_candidate ON leads (ats_connection, ats_candidate) WHERE ats_candidate IS NOT NULL",
    """CREATE TABLE links (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        connection TEXT NOT NULL, candidate TEXT NOT NULL, lead INTEGER NOT NULL REFERENCES leads (id),
        rule TEXT NOT NULL, made_by TEXT, made_at TEXT NOT NULL, undone_by TEXT, undone_at TEXT)""",
    # An applicant is linked to at most one lead: the database itself holds it.
    "CREATE UNIQUE INDEX links_candidate ON links (connection, candidate) WHERE undone_at IS NULL",
    "CREATE INDEX links_lead ON links (lead)",
    """CREATE TABLE reviews (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        connection TEXT NOT NULL, candidate TEXT NOT NULL,
        rule TEXT NOT NULL, why TEXT NOT NULL, options TEXT NOT NULL, rivals TEXT NOT NULL,
        raised_at TEXT NOT NULL, closed_at TEXT, closed_by TEXT)""",
    "CREATE INDEX reviews_candidate ON reviews (connection, candidate)",
)

MIGRATIONS: tuple[Migration, ...] = (_FIRST,)
"""Only ever appended to: a database out there has done the first ones."""
