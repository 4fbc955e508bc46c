"""An account from recorded answers."""

from __future__ import annotations

import json
from pathlib import Path

from .account import Account
from .answers import Row, kept


def load(account: Account, folder: Path) -> None:
    """Every recorded list; pipelines as jobs show them, placements as candidates do."""
    for name, table in (
        ("admins", account.admins),
        ("departments", account.departments),
        ("disqualify_reasons", account.reasons),
    ):
        table.update({row["id"]: row for row in _listed(folder, name)})
    for offer in map(kept, _listed(folder, "offers")):
        template = offer.pop("pipeline_template")
        account.templates[template["id"]] = template
        account.stage_names.update({stage["id"]: stage["name"] for stage in template["stages"]})
        account.offers[offer["id"]] = {"recruiter_id": None, **offer, "template": template["id"]}
    ids = {row["name"]: id for id, row in account.reasons.items()}
    for person in map(kept, _listed(folder, "candidates")):
        for placement in map(kept, person.pop("placements")):
            reason = placement.get("disqualify_reason")
            own = {"reason_id": ids.get(reason), "disqualify_reason": reason, "hired_by_id": None}
            account.placements[placement["id"]] = {**own, **placement}
        account.candidates[person["id"]] = {"last_message_at": None, "phones": [], **person}
        account.activity[person["id"]] = [person["updated_at"]]
    tables = (account.admins, account.reasons, account.offers, account.candidates, account.placements)
    account.last_id = max((id for table in tables for id in table), default=account.last_id)


def _listed(folder: Path, name: str) -> list[Row]:
    paths = sorted(folder.glob(f"{name}.json")) + sorted(folder.glob(f"{name}.*.json"))
    return [row for path in paths for row in json.loads(path.read_text("utf-8"))[name]]
