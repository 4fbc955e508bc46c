"""Typed access to payloads: mandatory fields fail with their path, optional fields never fail."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ..errors import BadRecord
from ..model import LinkType

_SITES = {"linkedin.com": LinkType.LINKEDIN, "github.com": LinkType.GITHUB}
_SITE = re.compile(
    r"(?:[a-z][a-z0-9+.-]*:)?(?://)?(?:[^/?#@]*@)?(?:[^/?#@:.]+\.)*"
    rf"({'|'.join(map(re.escape, _SITES))})(?::[0-9]*)?(?:[/?#]|$)",
    re.IGNORECASE,
)
"""A URL, its scheme perhaps missing, whose host is one of these or below it."""


def record(data: Any) -> Mapping[str, Any]:
    """The record itself, which must be an object."""
    if not isinstance(data, dict):
        raise BadRecord("", f"expected an object, found {type(data).__name__}")
    return data


def need_id(data: Mapping[str, Any], name: str, *, form: str | None = None) -> str:
    """A mandatory id, as text; an integer is taken too.

    Args:
        form: what it must match in full, where a request is to carry it: one that none can is a
            fault of its record, found before the request.
    """
    value = data.get(name)
    id = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(id, str) or not id:
        raise BadRecord(name, f"expected an id, found {type(value).__name__}")
    if form is not None and not re.fullmatch(form, id):
        raise BadRecord(name, "an id of another form than this ATS's")
    return id


def opt_id(data: Mapping[str, Any], name: str) -> str | None:
    value = data.get(name)
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def opt_text(data: Mapping[str, Any], name: str) -> str | None:
    """Text, or None where it is empty or something else."""
    value = data.get(name)
    return value if isinstance(value, str) and value else None


def opt_bool(data: Mapping[str, Any], name: str) -> bool | None:
    value = data.get(name)
    return value if isinstance(value, bool) else None


def opt_int(data: Mapping[str, Any], name: str) -> int | None:
    value = data.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def opt_object(data: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    value = data.get(name)
    return value if isinstance(value, dict) else None


def texts(data: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The texts of a list; whatever else it holds is passed over."""
    value = data.get(name)
    return tuple([v for v in value if isinstance(v, str) and v]) if isinstance(value, list) else ()


def objects(data: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    value = data.get(name)
    return iter([v for v in value if isinstance(v, dict)] if isinstance(value, list) else ())


def from_millis(value: Any) -> datetime | None:
    """Unix milliseconds to a time; None for anything else, or outside what a calendar holds."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    try:
        return datetime.fromtimestamp(value / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def to_millis(seconds: float) -> int:
    """Unix seconds as the milliseconds of a query; none before 1970."""
    return max(0, int(seconds * 1000))


def link_type(url: str) -> LinkType:
    """Whose site a link leads to, by its host."""
    found = _SITE.match(url)
    return _SITES[found[1].lower()] if found else LinkType.OTHER


def from_iso(value: Any) -> datetime | None:
    """ISO 8601 to a time in UTC; None for anything else. A time without zone is taken as UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
