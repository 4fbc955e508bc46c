"""An account from recorded answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .account import TITLES, Account, Status
from .answers import Row

_WRITTEN = (
    "jobid",
    "jobtitle",
    "joblocation",
    "positioncategory",
    "positiontype",
    "numberofpositions",
    "overview",
)
_PERSON = ("firstname", "middlename", "lastname", "email", "addresses", "phones")


def load(account: Account, folder: Path) -> None:
    """Every recorded profile, and what profiles name where their own answer was not recorded."""
    for path in sorted(folder.glob("*.json")):
        table, _, id = path.stem.partition(".")
        if table in TITLES:
            _LOADERS[table](account, int(id), json.loads(path.read_text("utf-8")))
    every = [id for table in TITLES for id in account[table]]
    account.last = max([account.last, *every])


def _put(account: Account, table: str, id: int, values: Row) -> None:
    held = account[table].get(id, {})
    moment = account.clock()
    account[table][id] = {"id": id, "created": moment, "updated": moment, **held, **values}


def _named(account: Account, table: str, reference: Any) -> int | None:
    """The id of a reference; whom it names is made where nobody has recorded them."""
    if not isinstance(reference, dict):
        return None
    id, name = int(reference["id"]), str(reference.get("value", ""))
    if id not in account[table]:
        given, _, family = name.partition(" ")
        empty = dict.fromkeys(_WRITTEN if table == "jobs" else _PERSON)
        own = {"jobtitle": name} if table == "jobs" else {"firstname": given, "lastname": family}
        _put(account, table, id, {**empty, "folder": None, **own})
    return id


def _job(account: Account, id: int, shown: Row) -> None:
    folder = shown.get("folder") or {}
    if folder:
        account.folders[folder["id"]] = folder["value"]
    people = {name: _named(account, "people", shown.get(name)) for name in ("hiringmanager", "recruiter")}
    plain = {name: shown.get(name) for name in _WRITTEN}
    _put(account, "jobs", id, {**plain, **people, "folder": folder.get("id")})


def _somebody(account: Account, id: int, shown: Row) -> None:
    folder = shown.get("folder") or {}
    if folder:
        account.person_folders[folder["id"]] = folder["value"]
    _put(account, "people", id, {**{n: shown.get(n) for n in _PERSON}, "folder": folder.get("id")})


def _workflow(account: Account, id: int, shown: Row) -> None:
    status = shown.get("status")
    if status and status["id"] not in account.statuses:
        # What a recorded status means is the customer's to say.
        account.statuses[status["id"]] = Status(
            id=status["id"], name=status["value"], bin=str(shown.get("bin", "")), kind="other"
        )
    values = {
        "job": _named(account, "jobs", shown["baseprofile"]),
        "person": _named(account, "people", shown["associatedprofile"]),
        "status": status["id"] if status else None,
        "source": shown.get("source"),
        "sourcename": shown.get("sourcename"),
    }
    _put(account, "applicantworkflows", id, values)


_LOADERS = {"jobs": _job, "people": _somebody, "applicantworkflows": _workflow}
