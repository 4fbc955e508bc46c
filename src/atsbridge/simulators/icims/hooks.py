"""Event notifications: gzipped JSON, signed or with a password, and now and then twice."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from attrs import define, field

from ..interface import HookPost, SimRequest
from .account import Account
from .answers import Row
from .signing import signed

_LINKS = {
    "applicantWorkflow": "Applicant Workflow", "person": "Person Profile", "job": "Job Profile",
    "user": "User Profile",
}  # fmt: skip
EVENT = "WorkFlowStatusChangeEvent"


@define(kw_only=True)
class Hooks:
    """What the customer set up in the pages, and what has been sent.

    Args:
        url: of the receiver.
        auth: ``hmac``, ``basic`` or ``oauth`` (whose token the receiver gave).
        twice: the same action gives two identical events.
        triggers: only these new statuses are told; empty for all.
    """

    account: Account
    clock: Callable[[], float]
    user: str
    secret: str
    url: str = "https://hooks.example.com/hooks/icims"
    auth: str = "hmac"
    token: str = ""
    twice: bool = False
    triggers: set[str] = field(factory=set)
    sent: list[SimRequest] = field(factory=list)
    taken: int = 0
    """How many of them a server has taken to post."""

    def due(self) -> list[HookPost]:
        """What nobody has posted yet: once each, for no page tells of retries."""
        found, self.taken = self.sent[self.taken :], len(self.sent)
        return [
            HookPost(url=self.url, headers=tuple(one.headers.items()), body=one.body, answered=_heard)
            for one in found
        ]

    def tell(self, row: Row, old: str | None, new: str | None, by: int | None) -> None:
        if self.triggers and new not in self.triggers:
            return
        ends = {
            "applicantWorkflow": "applicantworkflows",
            "job": "jobs",
            "person": "people",
            "user": "people",
        }
        ids = {"applicantWorkflow": row["id"], "person": row["person"], "job": row["job"], "user": by}
        links = [
            {"rel": rel, "title": _LINKS[rel], "url": self.account.url(ends[rel], id)}
            for rel, id in ids.items()
            if id is not None
        ]
        content = {
            "eventType": EVENT, "systemId": str(row["id"]), "customerId": str(self.account.customer),
            "jobId": str(row["job"]), "personId": str(row["person"]), "userId": str(by or ""),
            "oldStatus": old or "", "newStatus": new or "", "links": links,
        }  # fmt: skip
        for _ in range(2 if self.twice else 1):
            self._post(gzip.compress(json.dumps(content).encode(), mtime=0), links)

    def _post(self, body: bytes, links: list[Row]) -> None:
        parts = urlsplit(self.url)
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        headers = {
            "content-type": "application/json;charset=UTF-8",
            "content-encoding": "gzip",
            "host": parts.netloc,
            "link": ", ".join(f'<{link["url"]}>; rel="{link["rel"]}"' for link in links),
            "x-icims-date": time.strftime("%Y-%m-%dT%H:%M:%S+0000", time.gmtime(self.clock())),
        }
        if self.auth == "hmac":
            headers = signed(self.secret, self.user, "POST", target, headers, body)
        elif self.auth == "basic":
            pair = base64.b64encode(f"{self.user}:{self.secret}".encode()).decode()
            headers["authorization"] = f"Basic {pair}"
        else:
            headers["authorization"] = f"Bearer {self.token}"
        self.sent.append(SimRequest("POST", target, headers, body))


def _heard(_status: int | None) -> None:
    """Whatever the receiver says, it is not told again."""
