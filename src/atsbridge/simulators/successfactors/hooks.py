"""Integration Center: what the customer's trigger posts when a status changes.

New applications, forwarded and invited people are not reported; edits of a candidate are.
There is no signature: the customer chooses how the receiver is logged in to.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import urlsplit

from attrs import define, field

from ..interface import HookPost, SimRequest
from .answers import Row


@define(kw_only=True)
class Hooks:
    """What has been triggered, and when it is due.

    Args:
        minutes: how long after the change a delivery leaves.
        url: of the receiver.
    """

    clock: Callable[[], float]
    user: str
    password: str
    minutes: float = 0.0
    url: str = "https://hooks.example.com/hooks/successfactors"
    waiting: list[tuple[float, SimRequest]] = field(factory=list)
    taken: int = 0
    """How many of them a server has taken to post."""

    def tell(self, application: Row, status: int | None) -> None:
        item = application["appStatusSetItemId"]
        about = {
            "application_id": application["applicationId"], "job_application_status_id": item,
            "candidate_id": application["candidateId"], "application_status_id": status,
        }  # fmt: skip
        credential = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        headers = {"content-type": "application/json", "authorization": f"Basic {credential}"}
        body = json.dumps({"job_application": about}).encode()
        due = self.clock() + self.minutes * 60
        parts = urlsplit(self.url)
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        self.waiting.append((due, SimRequest("POST", target, headers, body)))

    def sent(self) -> tuple[SimRequest, ...]:
        now = self.clock()
        return tuple(request for due, request in self.waiting if due <= now)

    def due(self) -> list[HookPost]:
        """What nobody has posted yet: once each, for no page tells of retries."""
        sent = self.sent()
        found, self.taken = sent[self.taken :], len(sent)
        return [
            HookPost(url=self.url, headers=tuple(one.headers.items()), body=one.body, answered=_heard)
            for one in found
        ]


def _heard(_status: int | None) -> None:
    """Whatever the receiver says, it is not told again."""
