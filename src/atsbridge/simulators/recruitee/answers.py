"""How Recruitee answers: its errors, its times and the pages of its lists."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]
Query = Mapping[str, str]
USUAL, MOST = 100, 1000
"""How many a list shows where no limit is given, and at the most."""
TRUE = ("true", "1")
_TIMES = (
    "created_at", "updated_at", "published_at", "closed_at", "disqualified_at", "hired_at", "last_message_at",
    "last_activity_at",
)  # fmt: skip


class Refusal(Exception):
    """Recruitee says no: a status, and words; a code where it has one."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code

    def body(self) -> Row:
        return {
            "errors": [
                {"code": self.code, "message": self.message} if self.code else {"message": self.message}
            ]
        }


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def shown(row: Row) -> Row:
    """A row as the API shows it: its times as texts with microseconds."""
    return {**row, **{name: iso(row[name]) for name in _TIMES if row.get(name) is not None}}


def kept(row: Row) -> Row:
    """The other way round: the times of a recorded row as unix seconds."""
    times = {name: datetime.fromisoformat(row[name]).timestamp() for name in _TIMES if row.get(name)}
    return {**row, **times}


def earlier(row: Row, seconds: float) -> None:
    """Let all that a row tells have happened so much earlier."""
    row.update({name: row[name] - seconds for name in _TIMES if row.get(name) is not None})


def number(text: str) -> int:
    if not re.fullmatch("[0-9]{1,18}", text):
        raise Refusal(404, "Not found", "not_found")
    return int(text)


def since(text: str | None) -> float:
    """``yyyy-mm-ddThh:mm[:ss]``; the beginning of time where it is not given."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() if text else 0.0
    except ValueError:
        raise Refusal(422, "Created after is invalid") from None


def page(rows: Sequence[Row], asked: Query) -> list[Row]:
    first, limit = number(asked.get("offset", "0")), number(asked.get("limit", str(USUAL)))
    return list(rows[first : first + min(MOST, limit)])
