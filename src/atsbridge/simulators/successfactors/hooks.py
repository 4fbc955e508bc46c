"""Integration Center: what the customer's trigger posts when a status changes.

New applications, forwarded and invited people are not reported; edits of a candidate are.
There is no signature: the customer chooses how the receiver is logged in to.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

from attrs import define, field

from ..interface import SimRequest
from .answers import Row


@define(kw_only=True)
class Hooks:
    """What has been triggered, and when it is due.

    Args:
        minutes: how long after the change a delivery leaves.
    """

    clock: Callable[[], float]
    user: str
    password: str
    minutes: float = 0.0
    waiting: list[tuple[float, SimRequest]] = field(factory=list)

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
        self.waiting.append((due, SimRequest("POST", "/hooks/successfactors", headers, body)))

    def sent(self) -> tuple[SimRequest, ...]:
        now = self.clock()
        return tuple(request for due, request in self.waiting if due <= now)
