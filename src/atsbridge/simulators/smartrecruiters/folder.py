"""An account from recorded answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .account import Account
from .answers import Row

_BLANK: Row = {
    "internal": False, "firstName": None, "lastName": None, "email": None, "location": None, "tags": [],
    "consent": {"status": "REQUIRED"}, "phoneNumber": None, "web": {}, "education": [], "experience": [],
    "properties": [],
}  # fmt: skip
_BLANK_JOB: Row = {
    "title": "", "refNumber": None, "postingStatus": "NOT_PUBLISHED", "status": "CREATED", "template": False,
    "department": {"id": "", "label": "", "description": ""}, "location": None, "hiringTeam": [],
}  # fmt: skip


def load(account: Account, folder: Path) -> None:
    """Every recorded answer by its name; see `SmartRecruitersSimulator`."""
    for name, table in (("rejection-reasons", account.rejection), ("withdrawal-reasons", account.withdrawal)):
        table |= {row["id"]: row for row in _rows(folder, name)}
    account.processes |= {row["id"]: row for row in _rows(folder, "hiring-process")}
    for row in _rows(folder, "users"):
        account.put("users", row)
    for row in (*_rows(folder, "jobs"), *_rows(folder, "job")):
        at = row.get("createdOn", account.now())
        times = {"createdOn": at, "updatedOn": at, "lastActivityOn": at}
        account.put("jobs", {**_BLANK_JOB, **times, **{k: v for k, v in row.items() if k != "actions"}})
    for row in _rows(folder, "candidate"):
        account.put("candidates", _candidate(account, row))


def _rows(folder: Path, name: str) -> list[Row]:
    """Of a list's ``content``, or the one record that an answer is."""
    paths = sorted(folder.glob(f"{name}.json")) + sorted(folder.glob(f"{name}.*.json"))
    answers: list[Any] = [json.loads(path.read_text("utf-8")) for path in paths]
    return [row for answer in answers for row in answer.get("content", [answer])]


def _candidate(account: Account, shown: Row) -> Row:
    times = {"createdOn": account.now(), "updatedOn": account.now()}
    ends = ("primaryAssignment", "secondaryAssignments", "actions", "averageRating")
    row = {**_BLANK, **times, **{key: value for key, value in shown.items() if key not in ends}}
    row |= {"assignments": {}, "primary": None}
    for held in (shown.get("primaryAssignment"), *shown.get("secondaryAssignments", [])):
        if held:
            job = held["job"]["id"]
            row["primary"] = row["primary"] or job
            row["assignments"][job] = _assignment(held, row["updatedOn"])
            if job not in account.jobs:
                at = {"createdOn": row["createdOn"], "updatedOn": row["createdOn"]}
                named = {"id": job, "title": held["job"].get("title", ""), "lastActivityOn": row["updatedOn"]}
                account.put("jobs", {**_BLANK_JOB, **at, **named})
    return row


def _assignment(held: Row, at: str) -> Row:
    status, sub = held["status"], held.get("subStatus")
    return {
        "status": status, "subStatus": sub, "startsOn": held.get("startsOn"), "source": held.get("source"),
        "reasonOfRejection": (held.get("reasonOfRejection") or {}).get("id"),
        "reasonOfWithdrawal": (held.get("reasonOfWithdrawal") or {}).get("id"), "onboardingStatus": None,
        "history": [{"changedOn": at, "status": status, "subStatus": sub}],
    }  # fmt: skip
