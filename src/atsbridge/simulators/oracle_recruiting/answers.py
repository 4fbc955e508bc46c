"""How the pod says no, and how it writes times."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]

_TITLES = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    406: "Not Acceptable", 412: "Precondition Failed", 415: "Unsupported Media Type",
}  # fmt: skip


class Refusal(Exception):
    """A request is refused; only a 400 says why."""

    def __init__(self, status: int, detail: str = "", *, path: str = "") -> None:
        super().__init__(detail)
        self.status, self.detail, self.path = status, detail, path

    def body(self, version: int) -> tuple[str, bytes]:
        """Media type and body, by the framework version that was asked for."""
        title = _TITLES.get(self.status, "Error")
        if self.status >= 500:
            return "text/plain", b""
        if version < 4:
            return "text/plain", (self.detail or title).encode()
        found: Row = {"title": title, "status": str(self.status)}
        if self.status == 400:
            found["o:errorDetails"] = [
                {"detail": self.detail, "o:errorCode": "IRC-1000400", "o:errorPath": self.path}
            ]
        return "application/vnd.oracle.adf.error+json", json.dumps(found).encode()


def bad(detail: str, *, path: str = "") -> Refusal:
    return Refusal(400, detail, path=path)


def shown_time(millis: int | None) -> str | None:
    """ISO 8601 with an offset; with a fraction only where there is one."""
    if millis is None:
        return None
    moment = datetime.fromtimestamp(millis / 1000, UTC)
    return moment.isoformat(timespec="milliseconds" if millis % 1000 else "seconds")


def read_time(text: str) -> int:
    """Raises ValueError; a time needs a zone, as ``Z`` or an offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return round(moment.timestamp() * 1000)
