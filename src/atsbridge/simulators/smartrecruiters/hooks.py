"""Web hooks: subscriptions, the handshake that activates them, signed deliveries and their retries."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from attrs import define, field, frozen

from ..interface import SimRequest
from ..posting import ask, on_loopback
from .answers import Refusal, Row

EVENTS = frozenset(
    """
    candidate.created candidate.updated candidate.deleted application.created application.status.updated
    application.fields.updated application.onboarding-status.updated application.attachment.created
    application.source.updated application.screening-answers.created application.screening-answers.updated
    job.created job.updated job.status.updated job.hiring-team.updated job.ad.created job.ad.updated
    job.ad.postings.updated position.created position.updated position.deleted offer.created offer.updated
    interview.created interview.updated interview.canceled
    """.split()  # noqa: SIM905 - as a list it would be a page long
) | {
    f"{what}.{kind}"
    for what in ("job.approval", "offer.approval")
    for kind in (
        "created", "approved", "rejected", "abandoned", "step.approved", "step.rejected", "comment.created"
    )
} | {f"{what}.approver.{kind}" for what in ("job", "offer") for kind in ("skipped", "delegated")}  # fmt: skip
RETRY_AFTER_MINUTES = (1, 3, 10, 45, 120, 240, 480, 720, 1080, 1440)
"""The last and the first five are the vendor's; what is between them it does not say."""
ECHO_SECONDS, ANSWER_SECONDS = 20.0, 5.0
KEY_OVERLAP_SECONDS, MOST_KEYS = 86_400, 16
_BASE = "https://api.smartrecruiters.com"


@define
class Delivery:
    """One message; ``due`` is when it is tried next, None once it is done or given up."""

    request: SimRequest
    subscription: str
    due: float | None
    tries: int = 0


def signature(secret: str, headers: dict[str, str], body: bytes) -> str:
    """v1: the link is signed as it stands, with its angle brackets."""
    names = ("event-id", "event-name", "event-version", "link")
    parts = [
        headers["smartrecruiters-timestamp"].encode(),
        body,
        *(headers.get(n, "").encode() for n in names),
    ]
    return hmac.new(secret.encode(), b".".join(parts), hashlib.sha256).hexdigest()


@frozen
class Key:
    """A secret, and when it was made."""

    secret: str
    at: float


def shake_hands(url: str, secret: str) -> tuple[int, str | None]:
    """Asked of receivers on loopback; those elsewhere are taken to answer as they should."""
    if not on_loopback(url):
        return 200, secret
    answer = ask(url, {"X-Hook-Secret": secret}, b"", answer_seconds=ECHO_SECONDS)
    return (answer[0], answer[1].get("x-hook-secret")) if answer else (0, None)


@define(kw_only=True)
class Hooks:
    """The subscriptions of an account.

    Args:
        receive: the receiver's answer to a handshake: status, and the X-Hook-Secret that it sends back.
    """

    uuid: Callable[[], str]
    clock: Callable[[], float]
    rows: dict[str, Row] = field(factory=dict)
    keys: dict[str, list[Key]] = field(factory=dict)
    """The secrets of a subscription, the newest first; one that was replaced still signs for a day."""
    outbox: list[Delivery] = field(factory=list)
    logs: dict[str, list[Row]] = field(factory=dict)
    receive: Callable[[str, str], tuple[int, str | None]] = shake_hands

    def create(self, body: Row) -> Row:
        events, extra = body.get("events"), body.get("callbackAuthentication") or {}
        mail = body.get("alertingEmailAddress", body.get("alertEmailAddress"))
        if not isinstance(body.get("callbackUrl"), str) or not isinstance(mail, str):
            raise Refusal(400, "INVALID_REQUEST", "callbackUrl and alertingEmailAddress are needed")
        if not isinstance(extra, dict) or not all(isinstance(value, str) for value in extra.values()):
            raise Refusal(400, "INVALID_REQUEST", "callbackAuthentication does not fit")
        if not isinstance(events, list) or not events or not all(map(_is_event, events)):
            raise Refusal(422, "INVALID_EVENT", "There is no such event")
        shown = [{"name": e["name"], "version": e.get("version", "v1")} for e in events]
        row = {"id": self.uuid(), "callbackUrl": body["callbackUrl"], "events": shown, "status": "inactive"}
        self.rows[row["id"]] = {**row, "auth": extra}
        return row

    def find(self, id: str) -> Row:
        if id not in self.rows:
            raise Refusal(404, "SUBSCRIPTION_NOT_FOUND", "There is no such subscription")
        return self.rows[id]

    def shown(self, row: Row) -> Row:
        return {key: value for key, value in row.items() if key != "auth"}

    def activate(self, id: str) -> None:
        row, secret = self.find(id), self.uuid()
        if self.receive(row["callbackUrl"], secret) != (200, secret):
            raise Refusal(409, "ACTIVATION_FAILED", "The callback did not answer with the X-Hook-Secret")
        row["status"] = "active"

    def new_key(self, id: str, secret: str | None = None) -> str:
        held = self.keys.setdefault(self.find(id)["id"], [])
        held.insert(0, Key(secret or self.uuid(), self.clock()))
        del held[MOST_KEYS:]
        return held[0].secret

    def _signing(self, id: str) -> list[str]:
        """The newest, and those whose successor is not yet a day old."""
        held, since = self.keys.get(id, []), self.clock() - KEY_OVERLAP_SECONDS
        older = [old.secret for new, old in pairwise(held) if new.at > since]
        return [key.secret for key in held[:1]] + older

    def tell(self, event: str, body: Row, path: str) -> None:
        for id, row in self.rows.items():
            wanted = next((e for e in row["events"] if e["name"] == event), None)
            if wanted is not None and row["status"] == "active":
                self._post(id, row, wanted, body, path)

    def _post(self, id: str, row: Row, event: Row, content: Any, path: str) -> None:
        body = json.dumps(content, separators=(",", ":")).encode()
        headers = {
            "content-type": "application/json", "event-id": self.uuid(), "event-name": event["name"],
            "event-version": event["version"], "link": f"<{_BASE}{path}>; rel=self",
            "smartrecruiters-timestamp": str(int(self.clock())),
        }  # fmt: skip
        if keys := self._signing(id):
            marks = ";".join(f"v1={signature(key, headers, body)}" for key in keys)
            headers["smartrecruiters-signature"] = marks
        if name := row["auth"].get("headerName"):
            headers[name.lower()] = row["auth"].get("headerValue", "")
        request = SimRequest("POST", row["callbackUrl"], headers, body)
        self.outbox.append(Delivery(request, id, self.clock()))

    def due(self) -> list[Delivery]:
        now = self.clock()
        return [d for d in self.outbox if d.due is not None and d.due <= now]

    def answered(self, delivery: Delivery, status: int | None) -> None:
        """202 alone is success; who fails to the last is suspended."""
        delivery.tries += 1
        good = status == 202
        sent = delivery.request
        entry = {
            "status": "successful" if good else "failed", "timestamp": self.clock(),
            "requestDetails": {"url": sent.target, "body": sent.body.decode(), "headers": dict(sent.headers)},
        }  # fmt: skip
        self.logs.setdefault(delivery.subscription, []).append(entry)
        delivery.due = None
        if good:
            return
        if delivery.tries <= len(RETRY_AFTER_MINUTES):
            delivery.due = self.clock() + 60 * RETRY_AFTER_MINUTES[delivery.tries - 1]
        elif delivery.subscription in self.rows:
            self.rows[delivery.subscription]["status"] = "suspended"


def _is_event(event: Any) -> bool:
    return (
        isinstance(event, dict)
        and isinstance(event.get("name"), str)
        and event["name"] in EVENTS
        and isinstance(event.get("version", "v1"), str)
    )
