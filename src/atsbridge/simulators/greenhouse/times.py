"""The vendor's way of writing times: ISO 8601, UTC, milliseconds, a closing Z."""

from __future__ import annotations

from datetime import UTC, datetime

DAY = 86_400.0


def stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds(text: str) -> float:
    """The unix time of an ISO 8601 text; without an offset it is taken as UTC."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def key(text: str) -> str:
    """The text in the one form in which two times compare as texts do."""
    if len(text) == 24 and text.endswith("Z"):
        return text
    moment = datetime.fromisoformat(text)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
