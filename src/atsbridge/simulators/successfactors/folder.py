"""A tenant from recorded answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .account import SYSTEM, Account
from .answers import Row, decode
from .schema import CODED, OPERATORS, Entity

_MEANT = (("hired", ("hired",)), ("withdrawn", ("withdr",)), ("disqualified", ("reject", "not ", "disqual")))


def load(account: Account, folder: Path, entities: Mapping[str, Entity]) -> None:
    """Every recorded list of an entity, and what its rows have expanded."""
    for name in entities:
        paths = sorted(folder.glob(f"{name}.json")) + sorted(folder.glob(f"{name}.*.json"))
        for path in paths:
            for shown in json.loads(path.read_text("utf-8"))["d"]["results"]:
                _ = _held(account, entities, name, shown)


def _held(account: Account, entities: Mapping[str, Entity], name: str, shown: Row) -> Row:
    entity = entities[name]
    row: Row = dict.fromkeys(entity.types)
    row |= {key: _plain(name, key, type, shown.get(key)) for key, type in entity.types.items()}
    row |= _missing(account, name, row)
    for key, navigation in entity.navigations.items():
        found = shown.get(key)
        inner = found.get("results", [found]) if isinstance(found, dict) else []
        for one in inner:
            if not isinstance(one, dict) or "__deferred" in one:
                continue
            held = _held(account, entities, navigation.target, one)
            if key in OPERATORS:
                held["operatorRole"] = OPERATORS[key]
            if name == "JobApplication" and key == "jobApplicationStatusAuditTrail":
                held["applicationId"] = row["applicationId"]
            if name == "JobApplicationStatusAuditTrail" and key == "jobAppStatus":
                row["item"] = held["appStatusId"]
    values = [row[key] for key in entity.keys]
    place: Any = values[0] if len(values) == 1 else tuple(values)
    return account[name].setdefault(place, row)


def _plain(entity: str, key: str, type: str, value: Any) -> Any:
    texts = CODED.get((entity, key))
    if texts is not None and isinstance(value, str):
        return texts.index(value) if value in texts else int(value) if value.isdigit() else None
    return decode(type, value)


def _missing(account: Account, name: str, row: Row) -> Row:
    """What a row needs here and no answer shows."""
    if name == "JobApplicationStatus":
        text = str(row["appStatusName"])
        system = {"New Application": "Default"}.get(text, text)
        words = text.lower()
        meant = next((m for m, hints in _MEANT if any(h in words for h in hints)), "active")
        return {
            "meant": "system" if system in SYSTEM else meant,
            "system": system if system in SYSTEM else None,
        }
    if name == "JobApplicationStatusAuditTrail":
        return {"applicationId": None, "item": None, "skippedStatus": row["skippedStatus"] or 0}
    if name == "JobApplication":
        return {"status": row["status"] or 0}
    if name == "JobRequisition":
        return {"department": None, "location": None, "deleted": row["deleted"] or "Not Deleted"}
    return {}
