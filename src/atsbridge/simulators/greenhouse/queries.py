"""From the query of a list request to what it asks for, and cursors from page to page.

https://harvestdocs.greenhouse.io/docs/pagination
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from attrs import evolve, frozen

from .conditions import Condition, read_flag
from .listings import APPLICATIONS, JOB_POSTS, PLAIN, Listing
from .refusals import invalid
from .settings import Settings

DEFAULT_PER_PAGE = 100
MOST_PER_PAGE = 500
MOST_FIELDS = 50
EXPIRED = "The cursor is invalid or has expired. Start again without one."


@frozen
class Query:
    """One list request, understood.

    Args:
        parameters: the first request's, which a cursor carries on.
        below: only ids under this one.
        widened: whether the records that are else left out were asked for.
    """

    parameters: Mapping[str, str]
    per_page: int
    fields: tuple[str, ...] | None
    conditions: tuple[Condition, ...]
    widened: bool = False
    below: int | None = None


class Cursors:
    """Opaque to the client: where to go on and with which filters, signed, and good for a while only."""

    def __init__(self, clock: Callable[[], float], lifetime: float | None) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self._series = 0

    def expire(self) -> None:
        """Make every cursor given out so far useless."""
        self._series += 1

    def write(self, listing: Listing, parameters: Mapping[str, str], below: int) -> str:
        state = [listing.name, dict(parameters), below, self._series, self._clock()]
        text = urlsafe_b64encode(json.dumps(state, separators=(",", ":")).encode()).decode().rstrip("=")
        return f"{text}.{self._mark(text)}"

    def read(self, listing: Listing, cursor: str) -> tuple[dict[str, str], int]:
        text, _, mark = cursor.rpartition(".")
        if not text or not hmac.compare_digest(mark.encode(), self._mark(text).encode()):
            raise invalid(EXPIRED)
        name, parameters, below, series, at = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        late = self._lifetime is not None and self._clock() - at > self._lifetime
        if name != listing.name or series != self._series or late:
            raise invalid(EXPIRED)
        return parameters, below

    def _mark(self, text: str) -> str:
        return hmac.new(b"cursor", text.encode(), hashlib.sha256).hexdigest()[:16]


def read_query(listing: Listing, text: str, *, cursors: Cursors, settings: Settings) -> Query:
    """What the query asks for; refuses with 422 what the vendor would."""
    parameters = dict(parse_qsl(text, keep_blank_values=True))
    if "cursor" not in parameters:
        return _first(listing, parameters, settings)
    if len(parameters) > 1:
        raise invalid("When passing a cursor, do not include other query params.")
    carried, below = cursors.read(listing, parameters["cursor"])
    return evolve(_first(listing, carried, settings), below=below)


def _first(listing: Listing, parameters: Mapping[str, str], settings: Settings) -> Query:
    unknown = [name for name in parameters if not listing.takes(name)]
    if unknown:
        raise invalid(f"Unknown query parameters: {', '.join(unknown)}.")
    if "created_at" in parameters and "updated_at" in parameters:
        raise invalid("Do not filter by created_at and updated_at together.")
    wide = listing.widened_by
    conditions = [
        make(name, value)
        for name, value in parameters.items()
        if name not in PLAIN and (make := listing.filter_for(name))
    ]
    return Query(
        parameters=parameters,
        per_page=_per_page(parameters.get("per_page")),
        fields=_fields(listing, parameters.get("fields"), settings),
        conditions=tuple(_unsaid(listing, parameters, conditions)),
        widened=wide is not None and wide in parameters and read_flag(wide, parameters[wide]),
    )


def _unsaid(listing: Listing, parameters: Mapping[str, Any], conditions: list[Condition]) -> list[Condition]:
    # Deleted posts are left out unless asked for: https://harvestdocs.greenhouse.io/reference/get_v3-job-posts
    if listing is JOB_POSTS and "active" not in parameters:
        return [*conditions, Condition(lambda post: bool(post.get("active")))]
    return conditions


def _per_page(text: str | None) -> int:
    if text is None:
        return DEFAULT_PER_PAGE
    if not text.isdecimal() or len(text) > 3 or not 1 <= int(text) <= MOST_PER_PAGE:
        raise invalid(f"per_page must be between 1 and {MOST_PER_PAGE}.")
    return int(text)


def _fields(listing: Listing, text: str | None, settings: Settings) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(text.split(","))
    if len(names) > MOST_FIELDS:
        raise invalid(f"fields takes at most {MOST_FIELDS} names.")
    unknown = [name for name in names if name not in listing.words]
    if unknown and settings.unknown_fields_refused:
        raise invalid(f"Unknown fields: {', '.join(unknown)}.")
    gone = missing_fields(listing, settings)
    return tuple(name for name in names if name in listing.words and name not in gone)


def missing_fields(listing: Listing, settings: Settings) -> frozenset[str]:
    """The newer fields that this account's records lack."""
    if listing is not APPLICATIONS:
        return frozenset()
    present = {
        "job_interview_stage_id": settings.has_job_interview_stage_id,
        "rejection_reason_id": settings.has_rejection_reason_id,
    }
    return frozenset(name for name, there in present.items() if not there)
