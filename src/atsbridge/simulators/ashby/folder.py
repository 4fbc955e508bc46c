"""An account from recorded answers."""

from __future__ import annotations

import json
from pathlib import Path

from .account import Account
from .answers import Row

_LISTS = {
    "user.list": "user",
    "archiveReason.list": "archiveReason",
    "interviewPlan.list": "interviewPlan",
    "interviewStage.list": "interviewStage",
    "interviewStageGroup.list": "interviewStageGroup",
    "job.list": "job",
    "jobPosting.list": "jobPosting",
    "candidate.list": "candidate",
    "opening.list": "opening",
    "source.list": "source",
    "department.list": "department",
    "location.list": "location",
    "closeReason.list": "closeReason",
    "customField.list": "customField",
    "communicationTemplate.list": "communicationTemplate",
    "offer.list": "offer",
}


def load(account: Account, folder: Path) -> None:
    """Every recorded list, and what applications embed where its own list was not recorded."""
    for method, table in _LISTS.items():
        for row in _results(folder, method):
            account.put(table, row)
    for shown in _results(folder, "application.list"):
        account.put("application", _application(account, shown))


def _results(folder: Path, method: str) -> list[Row]:
    paths = sorted(folder.glob(f"{method}.json")) + sorted(folder.glob(f"{method}.*.json"))
    return [row for path in paths for row in json.loads(path.read_text("utf-8"))["results"]]


def _application(account: Account, shown: Row) -> Row:
    stage, person, job = shown["currentInterviewStage"], shown["candidate"], shown["job"]
    reason = shown.get("archiveReason")
    _held(account, "interviewStage", stage)
    plan = {"id": stage["interviewPlanId"], "title": "", "isArchived": False}
    _held(account, "interviewPlan", plan)
    _held(account, "job", {"confidential": False, "status": "Open", "hiringTeam": [], "brandId": None} | job
          | {"defaultInterviewPlanId": plan["id"], "interviewPlanIds": [plan["id"]],
             "createdAt": shown["createdAt"], "openedAt": None, "closedAt": None})  # fmt: skip
    blank: Row = {
        "primaryEmailAddress": None,
        "primaryPhoneNumber": None,
        "emailAddresses": [],
        "applicationIds": [],
    }
    _held(account, "candidate", {**blank, "createdAt": shown["createdAt"], **person})
    if reason:
        _held(account, "archiveReason", {k: v for k, v in reason.items() if k != "customFields"})
    entry = {
        "id": account.uuid(), "stageId": stage["id"], "title": stage["title"],
        "enteredStageAt": shown["updatedAt"], "stageNumber": 0, "allowedActions": ["none"], "actorId": None,
    }  # fmt: skip
    ended = {"archivedAt": shown["archivedAt"]} if shown.get("archivedAt") else {}
    return {
        "id": shown["id"], "createdAt": shown["createdAt"], "updatedAt": shown["updatedAt"],
        "candidate": person["id"], "job": job["id"], "stage": stage["id"], "lastStage": stage,
        "reason": reason["id"] if reason else None, "history": shown.get("applicationHistory") or [entry],
        "source": shown.get("source"), **ended,
    }  # fmt: skip


def _held(account: Account, table: str, row: Row) -> None:
    if row["id"] not in account[table].rows:
        account.put(table, row)
