"""How iCIMS says no: in the body and once more in the headers."""

from __future__ import annotations

import time
from typing import Any

Row = dict[str, Any]

INTERNAL, REQUIRED, NOT_FOUND, NO_ACCESS, FIELD, CREDENTIALS = 0, 1, 2, 3, 4, 6


class Refusal(Exception):
    """An HTTP answer of 400 and up, with one or several errors: code and words each."""

    def __init__(self, status: int, *errors: tuple[int, str]) -> None:
        super().__init__(errors[0][1] if errors else str(status))
        self.status, self.errors = status, errors


def not_found(what: str) -> Refusal:
    return Refusal(404, (NOT_FOUND, f"{what} not found."))


def no_access(what: str) -> Refusal:
    """The same status as for what is not there: the code alone tells them apart."""
    return Refusal(404, (NO_ACCESS, f"{what} access denied."))


def noted(errors: tuple[tuple[int, str], ...], *, key: str = "errors") -> Row:
    return {key: [{"errorMessage": words, "errorCode": code} for code, words in errors]}


def day(seconds: float) -> str:
    """A date alone: ``2026-11-22``."""
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def moment(seconds: float) -> str:
    """A date with a time, to the minute, UTC: ``2026-11-22 4:00 AM``."""
    at = time.gmtime(seconds)
    half = "AM" if at.tm_hour < 12 else "PM"
    return f"{at.tm_year:04d}-{at.tm_mon:02d}-{at.tm_mday:02d} {at.tm_hour % 12 or 12}:{at.tm_min:02d} {half}"
