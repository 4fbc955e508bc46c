"""How SmartRecruiters answers: its errors, its times and its page ids."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]
Query = dict[str, list[str]]
STATUSES = (
    "LEAD", "NEW", "IN_REVIEW", "INTERVIEW", "OFFERED", "HIRED", "REJECTED", "WITHDRAWN", "TRANSFERRED",
)  # fmt: skip
LIVING = STATUSES[:5]
SUBDIVIDED = ("IN_REVIEW", "INTERVIEW", "OFFERED")
"""The statuses that may have sub-statuses."""
MOST, USUAL = 100, 10


class Refusal(Exception):
    """SmartRecruiters says no: a status, a code in the body, and words."""

    def __init__(self, status: int, code: str, message: str = "", *, location: str = "") -> None:
        super().__init__(code)
        self.status, self.code, self.message, self.location = status, code, message or code, location

    def body(self) -> Row:
        return {"message": self.message, "errors": [{"code": self.code, "message": self.message}]}


def iso(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def moment_of(query: Query, name: str) -> float | None:
    """A time in a query; None where it is not asked for."""
    if name not in query:
        return None
    try:
        return datetime.fromisoformat(query[name][0]).timestamp()
    except ValueError:
        raise Refusal(400, "INVALID_PARAMETER", f"{name} is no date-time") from None


def page_id(listing: str, place: int, age: int) -> str:
    return base64.b64encode(json.dumps([listing, place, age]).encode()).decode()


def place_of(text: str, listing: str, age: int) -> int:
    """Where the page of an id begins."""
    try:
        whose, place, given = json.loads(base64.b64decode(text, validate=True))
    except (ValueError, TypeError, binascii.Error):
        whose, place, given = "", 0, -1
    if whose != listing or given != age:
        raise Refusal(400, "INVALID_PAGE_ID", "The page id is not valid")
    return int(place)


def limit_of(query: Query) -> int:
    text = query.get("limit", [str(USUAL)])[0]
    if not text.isdigit() or not 1 <= int(text) <= MOST:
        raise Refusal(400, "INVALID_PARAMETER", "limit is 1 to 100")
    return int(text)


def unpaged(rows: Sequence[Row]) -> Row:
    return {"totalFound": len(rows), "content": list(rows)}
