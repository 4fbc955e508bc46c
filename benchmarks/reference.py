"""The reference: what a script of one evening would do for this one account, and no promise kept.

httpx, orjson, and one executemany a page and table; the same rows in the same
tables of both databases, at the same durability. It does not know what a
mapping is: steps and statuses stand in it as dicts. It checks nothing, maps
nothing else, cannot resume, and links no leads.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
from account import CONNECTION, HIRED, REASONS, STAGES

_KEY = b"reference"
_URL = "https://hire.lever.example.com/candidates/"
CRM, LEDGER = "crm.sqlite", "ledger.sqlite"
APPLICATIONS = (
    *("connection", "id", "candidate", "job", "stage", "status", "vendor_status", "reason"),
    *("confirmed_step", "confirmed_status", "confirmed_reason"),
    *("base_stage", "base_status", "base_delivery", "base_token"),
    *(
        "applied_at",
        "hired_at",
        "rejected_at",
        "stage_entered_at",
        "source",
        "source_type",
        "owner",
        "history",
    ),
    *("updated_at", "created_at", "url", "read_at"),
)
CANDIDATES = (
    *("connection", "id", "display_name", "emails", "phones", "links", "locations", "company", "tags"),
    *("source", "source_type", "confidential", "contactable", "updated_at", "url", "read_at"),
)
EMAILS = ("email", "connection", "candidate")
KNOWN = (
    *("connection", "kind", "id", "digest", "read_at", "seen", "job", "stage", "status", "reason"),
    *("token", "delivery"),
)
Row = tuple[Any, ...]


def prepare(folder: Path) -> None:
    """Both databases with the tables, keys and indexes that the bridge has, all of them empty."""
    from atsbridge.crm._schema import MIGRATIONS
    from atsbridge.ledgers._sql import migrations

    for name, scripts in (
        (CRM, [f"{s};" for m in MIGRATIONS for s in m]),
        (LEDGER, [t for _, t in migrations("sqlite")]),
    ):
        database = sqlite3.connect(folder / name)
        database.execute("PRAGMA journal_mode=WAL")
        database.executescript("".join(scripts))
        database.close()


def _open(folder: Path) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    """With the settings that the bridge's own databases have."""
    from atsbridge._sqlite import CHECKPOINT_PAGES
    from atsbridge.crm._database import CACHE_KIB

    crm = sqlite3.connect(folder / CRM, isolation_level=None)
    for pragma in ("synchronous=FULL", "secure_delete=ON", f"cache_size=-{CACHE_KIB}"):
        crm.execute(f"PRAGMA {pragma}")
    crm.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    ledger = sqlite3.connect(folder / LEDGER, isolation_level=None)
    ledger.execute("PRAGMA synchronous=NORMAL")
    ledger.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    return crm, ledger


def pull(origin: str, folder: Path, *, since: bool = False) -> float:
    """Everything, or what changed; seconds."""
    crm, ledger = _open(folder)
    start, number = time.perf_counter(), 0
    for records, read_at in _pages(origin, since):
        tables = _rows(records, read_at, number)
        number += len(records)
        _store(crm, {k: tables[k] for k in ("applications", "candidates", "candidate_emails")}, since)
        _store(ledger, {"known": tables["known"]}, since)
    spent = time.perf_counter() - start
    crm.close()
    ledger.close()
    return spent


def rescan(origin: str, folder: Path) -> float:
    """Everything again, to find by their digests that nothing has changed; seconds."""
    crm, ledger = _open(folder)
    start, changed = time.perf_counter(), 0
    for records, _ in _pages(origin, False):
        ids = orjson.dumps([record["id"] for record in records]).decode()
        held = dict(
            ledger.execute(
                "SELECT id, digest FROM known WHERE connection=? AND kind='application'"
                " AND id IN (SELECT value FROM json_each(?))",
                (CONNECTION, ids),
            )
        )
        changed += sum(held.get(record["id"]) != _digest(record) for record in records)
    spent = time.perf_counter() - start
    assert changed == 0, f"the reference saw {changed} changes where there were none"
    crm.close()
    ledger.close()
    return spent


def _pages(origin: str, since: bool) -> Iterator[tuple[list[dict[str, Any]], datetime]]:
    query = {"expand": "applications", "limit": "100", **({"updated_at_start": "0"} if since else {})}
    with httpx.Client(base_url=origin, trust_env=False) as client:
        while True:
            read_at = datetime.now(UTC)
            page = orjson.loads(client.get("/v1/opportunities", params=query).content)
            yield page["data"], read_at
            if not page["hasNext"]:
                return
            query["offset"] = page["next"]


def _store(database: sqlite3.Connection, tables: dict[str, tuple[Row, list[Row]]], again: bool) -> None:
    verb = "INSERT OR REPLACE" if again else "INSERT"
    database.execute("BEGIN IMMEDIATE")
    for table, (columns, rows) in tables.items():
        marks = ",".join("?" * len(columns))
        database.executemany(f"{verb} INTO {table} ({','.join(columns)}) VALUES ({marks})", rows)
    database.execute("COMMIT")


def _digest(record: dict[str, Any]) -> bytes:
    return hashlib.blake2b(orjson.dumps(record), key=_KEY, digest_size=16).digest()


def _iso(millis: int | None) -> str | None:
    return None if millis is None else datetime.fromtimestamp(millis / 1000, UTC).isoformat()


def _dump(value: Any) -> str | None:
    return orjson.dumps(value).decode() if value else None


def _history(changes: list[dict[str, Any]]) -> str | None:
    previous, rows = None, []
    for c in changes:
        rows.append((_iso(c["updatedAt"]), previous, c["toStageId"], c["userId"], "user"))
        previous = c["toStageId"]
    return _dump(rows)


def _rows(records: list[dict[str, Any]], read_at: datetime, number: int) -> dict[str, tuple[Row, list[Row]]]:
    at, seconds = read_at.isoformat(timespec="microseconds"), read_at.timestamp()
    applications, candidates, emails, known = [], [], [], []
    for place, r in enumerate(records, start=number + 1):
        id, contact, stage, archived = r["id"], r["contact"], r["stage"], r["archived"]
        job, changes, updated = r["applications"][0]["posting"], r["stageChanges"], _iso(r["updatedAt"])
        reason, ended = (archived["reason"], _iso(archived["archivedAt"])) if archived else (None, None)
        status = "active" if archived is None else "hired" if reason == HIRED else "rejected"
        token = f"{r['updatedAt']}/{len(changes)}/{reason}/{ended and ended.replace('T', ' ')}"
        source, url = r["sources"][0], _URL + id
        applications.append(
            (
                *(CONNECTION, id, contact, job, stage, status, "archived" if archived else "active", reason),
                *(STAGES[stage], status, REASONS.get(reason)),
                *(stage, status, place, token),
                *(_iso(r["applications"][0]["createdAt"]), ended if status == "hired" else None),
                *(ended if status == "rejected" else None, _iso(changes[-1]["updatedAt"])),
                *(source, r["origin"], r["owner"], _history(changes), updated, _iso(r["createdAt"]), url, at),
            )
        )
        place_name = {"raw": r["location"], "city": None, "region": None, "postcode": None, "country": None}
        candidates.append(
            (
                *(CONNECTION, contact, r["name"]),
                _dump([(email, "other", n == 0) for n, email in enumerate(r["emails"])]),
                _dump([(phone["value"], phone["type"]) for phone in r["phones"]]),
                _dump([(link, "other") for link in r["links"]]),
                _dump([place_name]) if r["location"] else None,
                *(r["headline"] or None, _dump(r["tags"]), source, r["origin"]),
                *(r["confidentiality"] == "confidential", "unknown", updated, url, at),
            )
        )
        emails += [(email.casefold(), CONNECTION, contact) for email in r["emails"]]
        moved = (job, stage, status, reason, token, place)
        known.append((CONNECTION, "application", id, _digest(r), seconds, 0, *moved))
        known.append((CONNECTION, "candidate", contact, None, seconds, 0, *(None,) * 5, 1))
    return {
        "applications": (APPLICATIONS, applications),
        "candidates": (CANDIDATES, candidates),
        "candidate_emails": (EMAILS, emails),
        "known": (KNOWN, known),
    }
