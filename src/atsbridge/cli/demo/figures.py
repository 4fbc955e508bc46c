"""A recorded account's figures: counted in the recording itself, and in the CRM after the pull."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...crm.sql import AppView, SqlCrm
from ...model import ApplicationStatus, Kind

Figures = dict[str, int]


def recorded_lever(folder: Path) -> Figures:
    """From the recorded pages of a Lever account; nothing of the bridge or the simulator is used."""
    listings = _listings(folder)
    opportunities = {o["id"]: o for o in listings.get("/v1/opportunities", [])}.values()
    reasons = {r["id"]: r for r in listings.get("/v1/archive_reasons", [])}
    ended = [_ending(reasons, o["archived"]["reason"]) for o in opportunities if o["archived"]]
    return {
        "opportunities": len(opportunities),
        "contacts": len({o["contact"] for o in opportunities}),
        "active": sum(o["archived"] is None for o in opportunities),
        "archived": len(ended),
        **{f"archived: {how}": ended.count(how) for how in ("hired", "withdrew", "declined", "other")},
        "without application": sum(not o["applications"] for o in opportunities),
        "with an empty name": sum(not o["name"] for o in opportunities),
        "without e-mail": sum(not o["emails"] for o in opportunities),
        "stages": len(listings.get("/v1/stages", [])),
        "postings": len(listings.get("/v1/postings", [])),
        "requisitions": len(listings.get("/v1/requisitions", [])),
    }


def _listings(folder: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for file in sorted(folder.glob("*.json")):
        content = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(content, dict) and "pages" in content:
            pages = [p["body"]["data"] for p in content["pages"] if p["status"] == 200]
            found[content["path"]] = [item for page in pages if isinstance(page, list) for item in page]
    return found


def _ending(reasons: Mapping[str, Mapping[str, Any]], reason: str) -> str:
    held = reasons.get(reason, {})
    if held.get("type") == "hired":
        return "hired"
    return {"withdrew": "withdrew", "offer declined": "declined"}.get(str(held.get("text")).lower(), "other")


def arrived(crm: SqlCrm, *, but: Sequence[AppView]) -> Figures:
    """The same figures as the CRM has them, without those who applied during the demo.

    A CRM keeps no mark for an opportunity that has no application, so that figure is not here.
    """
    left_out = {app.ref for app in but}
    strangers = {app.candidate for app in but}
    apps = [app for app in crm.applications() if app.ref not in left_out]
    people = {app.candidate for app in apps if app.candidate} - strangers
    held = {ref: crm.candidate(ref) for ref in people}
    ended = [_how(app) for app in apps if app.confirmed.status is not ApplicationStatus.ACTIVE]
    return {
        "opportunities": len(apps),
        "contacts": len(people),
        "active": sum(app.confirmed.status is ApplicationStatus.ACTIVE for app in apps),
        "archived": len(ended),
        **{f"archived: {how}": ended.count(how) for how in ("hired", "withdrew", "declined", "other")},
        "with an empty name": sum(not held[app.candidate].name for app in apps if app.candidate in held),
        "without e-mail": sum(not held[app.candidate].emails for app in apps if app.candidate in held),
        "stages": crm.count(Kind.STAGE),
        "postings and requisitions": crm.count(Kind.JOB),
    }


def _how(app: AppView) -> str:
    if app.confirmed.status is ApplicationStatus.HIRED:
        return "hired"
    if app.confirmed.status is ApplicationStatus.WITHDRAWN:
        return "declined" if "declined" in (app.confirmed_reason or "").lower() else "withdrew"
    return "other"
