"""Pagers: how vendors cut their listings into pages, as pure functions on cursors.

A cursor is a JSON object that an adapter gives back to itself. `Span` is the
one for listings by time: first everything, then what changed since before
that read began, as often as the engine asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Self

from attrs import evolve, frozen

from ..errors import BadPayload
from .effects import Json


@frozen(kw_only=True)
class Span:
    """Where a listing by time stands.

    Args:
        since: only what changed at or after this vendor time; None reads all.
        began: the vendor's time at this span's first answer.
        token: the vendor's own page token.
        again: after the end, one more span from before ``began`` follows.
    """

    since: float | None = None
    began: float | None = None
    token: str | None = None
    again: bool = False

    @classmethod
    def first(cls, watermark: Json, *, again: bool = False) -> Json:
        """The first cursor: from a watermark, or of everything (and then ``again``)."""
        if isinstance(watermark, Mapping):
            return cls(since=float(watermark["since"])).json()
        return cls(again=again).json()

    @classmethod
    def of(cls, cursor: Any) -> Self:
        return cls(**cursor)

    def json(self) -> Json:
        return {"since": self.since, "began": self.began, "token": self.token, "again": self.again}

    def seen(self, answered_at: datetime) -> Self:
        """With the time of the first answer noted."""
        return self if self.began is not None else evolve(self, began=answered_at.timestamp())

    def after(self, token: str | None, *, overlap: timedelta) -> tuple[Json, Json]:
        """The next cursor and the watermark, one of them None.

        Args:
            token: of the page after this one, or None at the end.
            overlap: how far the next span reaches back before this one began.
        """
        if token is not None:
            if token == self.token:
                raise BadPayload("the listing gave the same page token twice")
            return evolve(self, token=token).json(), None
        began = self.began or 0.0
        back = began - overlap.total_seconds()
        return (Span(since=back).json(), None) if self.again else (None, {"since": back})


def next_token(envelope: Mapping[str, Any], *, more: str, token: str) -> str | None:
    """The page token of an envelope that says whether there is more.

    Raises:
        BadPayload: it does not say so, or says there is more and gives no token.
    """
    has_more, value = envelope.get(more), envelope.get(token)
    if has_more is False:
        return None
    if has_more is not True or not isinstance(value, str) or not value:
        raise BadPayload(f"the envelope's {more!r} and {token!r} do not fit together")
    return value
