"""Accounts as recorded pages, one file per listing.

Each file is ``{"path": "/v3/jobs", "pages": [{"params": {...}, "status": 200,
"body": [...]}]}``, where ``body`` is the array as answered. Pages with another
status than 200 are passed over; of a record on several pages the last counts.

Two things that records do not say are told by where they were seen: a
rejection reason is built in if it was on no page asked for without
``include_defaults=true`` (while there is such a page), and a user is a service
user if its primary e-mail is empty.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .account import Account
from .listings import LISTINGS
from .tables import Record, Table

PAGE = 500


def read_folder(account: Account, folder: Path) -> None:
    """Fill an empty account from the folder's files; raises ValueError for one that is no listing's."""
    for file in sorted(folder.glob("*.json")):
        recorded = json.loads(file.read_text(encoding="utf-8"))
        name = str(recorded["path"]).rstrip("/").rpartition("/")[2]
        if name not in LISTINGS:
            raise ValueError(f"{file.name}: {recorded['path']} is no list endpoint")
        pages = [page for page in recorded["pages"] if page.get("status", 200) == 200]
        records = {record["id"]: record for page in pages for record in page["body"]}
        for id in sorted(records):
            account.take(name, records[id])
        if name == "rejection_reasons":
            account.extras.default_reasons |= _built_in(pages, set(records))
    users = account["users"]
    account.extras.service_users |= {user["id"] for user in users if user["primary_email"] == ""}
    _complete(account)


def _built_in(pages: list[Any], ids: set[int]) -> set[int]:
    plain = [page for page in pages if "include_defaults" not in (page.get("params") or {})]
    return ids - {record["id"] for page in plain for record in page["body"]} if plain else set()


def _complete(account: Account) -> None:
    """Where the newer fields of an application were not recorded, take them from the older places."""
    for application in list(account["applications"]):
        row = account["application_stages"].find(application["stage_id"])
        detail = account.detail(application["id"])
        stage, reason = application["job_interview_stage_id"], application["rejection_reason_id"]
        if stage is None and row:
            stage = row["job_interview_stage_id"]
        if reason is None and detail:
            reason = detail["rejection_reason_id"]
        if (stage, reason) != (application["job_interview_stage_id"], application["rejection_reason_id"]):
            account["applications"].change(
                application["id"], job_interview_stage_id=stage, rejection_reason_id=reason
            )


def write_folder(account: Account, folder: Path) -> None:
    """Write all that the account holds, seen by somebody who may see everything."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in account.tables.items():
        pages = _pages(table)
        if name == "rejection_reasons":
            built_in = account.extras.default_reasons
            plain = [r for r in table if r["id"] not in built_in]
            every = [{**page, "params": {"include_defaults": "true"}} for page in pages]
            pages = [{"params": {}, "status": 200, "body": plain[::-1]}, *every]
        recorded = {"path": f"/v3/{name}", "pages": pages}
        (folder / f"{name}.json").write_text(json.dumps(recorded, ensure_ascii=False), encoding="utf-8")


def _pages(table: Table) -> list[dict[str, Any]]:
    records: list[Record] = list(table)[::-1]
    starts = range(0, max(len(records), 1), PAGE)
    return [
        {"params": {"per_page": str(PAGE)}, "status": 200, "body": records[at : at + PAGE]} for at in starts
    ]
