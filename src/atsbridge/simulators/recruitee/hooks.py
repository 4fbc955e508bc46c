"""The web hook: what it posts, signed with the secret that its dialog shows."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable

from attrs import define, field

from ..interface import SimRequest
from .answers import Row, iso

USER_AGENT = "Recruitee-Webhooks"


def signature(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@define(kw_only=True)
class Hooks:
    """One subscription, to every event of candidates.

    Args:
        names: where a delivery has the job: ``offer``, ``offers``, or ``neither``.
    """

    clock: Callable[[], float]
    secret: str = field(repr=False)
    company: Row
    names: str = "offer"
    sent: list[SimRequest] = field(factory=list)

    def ping(self) -> SimRequest:
        """What is posted before anybody has seen the secret; unless it is answered 200, there is no hook."""
        return self._post({"test": True}, signed=False)

    def tell(self, person: Row, offer: Row | None, event: str, subtype: str | None, details: Row) -> None:
        who = {name: person[name] for name in ("id", "name", "emails", "phones")}
        payload: Row = {"candidate": who, "company": self.company, "details": details}
        if offer is not None and self.names != "neither":
            job = {name: offer[name] for name in ("id", "title", "kind")}
            payload[self.names] = job if self.names == "offer" else [job]
        body = {
            "id": 990_000 + len(self.sent), "attempt_count": 1, "created_at": iso(self.clock()),
            "event_type": event, "event_subtype": subtype, "payload": payload,
        }  # fmt: skip
        self.sent.append(self._post(body))

    def _post(self, body: Row, *, signed: bool = True) -> SimRequest:
        content = json.dumps(body).encode()
        headers = {"content-type": "application/json", "user-agent": USER_AGENT}
        if signed:
            headers["x-recruitee-signature"] = signature(self.secret, content)
        return SimRequest("POST", "/hooks/recruitee", headers, content)
