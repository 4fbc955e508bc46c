"""A made-up Greenhouse account whose applications can be moved, in the shape of Harvest v3.

A listing is one page whatever its size: what is measured here are the writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from answers import NO_CONTENT, answer

STAGES = {name: 11 + place for place, name in enumerate(("Application Review", "Phone Screen", "Onsite"))}
REASONS = {"Underqualified": 31}
_JOB = 5
_TIMES = {"created_at": "2026-01-05T09:00:00.000Z", "updated_at": "2026-01-05T09:00:00.000Z"}


class Harvest:
    """All answers of one account of that many applications, each in the first stage of the one job."""

    def __init__(self, size: int) -> None:
        self.delay = 0.0
        self.writes = 0
        self._rows = 10 * size
        self._applications = {str(1 + n): self._application(n) for n in range(size)}
        self._history = {id: [self._row(id)] for id in self._applications}
        self._lists: dict[str, list[Any]] = {
            "users": [{"id": 1, "first_name": "Ada", "last_name": "Nilsson", "site_admin": True, **_TIMES}],
            "rejection_reasons": [{"id": id, "name": name, **_TIMES} for name, id in REASONS.items()],
            "jobs": [{"id": _JOB, "name": "Planner", "status": "open", "confidential": False, **_TIMES}],
            "job_interview_stages": [
                {"id": id, "name": name, "job_id": _JOB, "active": True, "sort_order": id, **_TIMES}
                for name, id in STAGES.items()
            ],
            "candidates": [self._candidate(n) for n in range(size)],
        }

    def _application(self, n: int) -> dict[str, Any]:
        return {
            "id": 1 + n,
            "candidate_id": 1_000_001 + n,
            "job_id": _JOB,
            "prospect": False,
            "status": "in_process",
            "job_interview_stage_id": STAGES["Application Review"],
            "stage_name": "Application Review",
            "stage_id": 10 + n,
            "recruiter_id": 1,
            "source_id": 7,
            "last_activity_at": _TIMES["updated_at"],
            **_TIMES,
        }

    def _candidate(self, n: int) -> dict[str, Any]:
        address = {"value": f"applicant.{n}@example.com", "type": "personal"}
        return {
            "id": 1_000_001 + n,
            "first_name": "Kofi",
            "last_name": f"Sato {n}",
            "email_addresses": [address],
            "phone_numbers": [{"value": f"+1 555 {n:07d}", "type": "mobile"}],
            "tags": [],
            "private": False,
            "can_email": True,
            **_TIMES,
        }

    def _row(self, application: str) -> dict[str, Any]:
        record = self._applications[application]
        return {
            "id": record["stage_id"],
            "application_id": record["id"],
            "job_interview_stage_id": record["job_interview_stage_id"],
            "current": True,
            "entered_at": record["updated_at"],
            **_TIMES,
        }

    def respond(self, method: str, target: str, body: bytes) -> bytes:
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        if parts.path == "/token":
            return answer({"access_token": "benchmark", "token_type": "bearer", "expires_in": 86_400})
        _, _, name, *rest = parts.path.split("/")
        if method == "POST":
            self._move(rest[0], json.loads(body)["to_stage_id"])
            return NO_CONTENT
        if name == "applications":
            return answer(list(self._chosen(query, "ids")))
        if name == "application_stages":
            rows = query.get("application_ids", [""])[0].split(",")
            return answer([row for id in rows for row in self._history.get(id, ())])
        return answer(self._lists[name])

    def _chosen(self, query: dict[str, list[str]], key: str) -> Iterable[Any]:
        if key in query:
            return (self._applications[id] for id in query[key][0].split(",") if id in self._applications)
        return self._applications.values()

    def _move(self, id: str, stage: int) -> None:
        self.writes += 1
        self._rows += 1
        name = next(name for name, other in STAGES.items() if other == stage)
        moved = {"job_interview_stage_id": stage, "stage_name": name, "stage_id": self._rows}
        self._applications[id] = {**self._applications[id], **moved}
        self._history[id] = [{**row, "current": False} for row in self._history[id]] + [self._row(id)]
