"""Web hooks: subscriptions, and deliveries that wait to be posted.

The signature stands in the body and covers token and time, not the data; so
agree several open receivers, the vendor's own page was not read again.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from attrs import define, evolve, field, frozen

from ..people import Inventor
from .answers import Problem, dump
from .options import Options
from .records import Record

EVENTS = (
    "applicationCreated",
    "candidateHired",
    "candidateStageChange",
    "candidateArchiveChange",
    "candidateDeleted",
    "interviewCreated",
    "interviewUpdated",
    "interviewDeleted",
    "contactCreated",
    "contactUpdated",
)
ORIGINS = ("applied", "sourced", "referred", "university", "internal", "agency")


@frozen
class Delivery:
    """One POST that Lever would make, not before ``due`` (unix seconds)."""

    webhook: str
    url: str
    event: str
    body: bytes
    due: float
    attempt: int = 1


def sign(signature_token: str, token: str, triggered_at: int) -> str:
    return hmac.new(signature_token.encode(), f"{token}{triggered_at}".encode(), hashlib.sha256).hexdigest()


@define
class Hooks:
    options: Options
    inventor: Inventor
    subscriptions: dict[str, Record] = field(factory=dict)
    outbox: list[Delivery] = field(factory=list)

    # -- subscriptions --

    def create(self, body: Record, now: float) -> Record:
        """The new subscription, with the signature token that nobody shows again."""
        ms = int(now * 1000)
        hook = {
            "id": self.inventor.uuid(),
            **self._fields(body, {}),
            "createdAt": ms,
            "updatedAt": ms,
        }
        token = f"{self.inventor.random.getrandbits(128):032x}"
        hook["configuration"] = {**hook["configuration"], "signatureToken": token}
        self.subscriptions[hook["id"]] = hook
        return hook

    def update(self, key: str, body: Record, now: float) -> Record:
        old = self._held(key)
        new = {**old, **self._fields(body, old), "updatedAt": int(now * 1000)}
        new["configuration"] = {
            **new["configuration"],
            "signatureToken": old["configuration"]["signatureToken"],
        }
        self.subscriptions[key] = new
        return public(new)

    def delete(self, key: str) -> None:
        self._held(key)
        del self.subscriptions[key]

    def _held(self, key: str) -> Record:
        if key not in self.subscriptions:
            raise Problem(404, "webhook was not found")
        return self.subscriptions[key]

    def _fields(self, body: Record, old: Record) -> Record:
        url, event = body.get("url", old.get("url")), body.get("event", old.get("event"))
        schemes = ("https://", "http://") if self.options.http_hooks else ("https://",)
        if not isinstance(url, str) or not url.startswith(schemes):
            raise Problem(400, "url must be an https address")
        if event not in EVENTS:
            raise Problem(400, f"event must be one of {', '.join(EVENTS)}")
        configuration = body.get("configuration", old.get("configuration", {}))
        conditions = configuration.get("conditions", {}) if isinstance(configuration, dict) else None
        origins = conditions.get("origins", list(ORIGINS)) if isinstance(conditions, dict) else None
        if not isinstance(origins, list) or not set(map(str, origins)) <= set(ORIGINS):
            raise Problem(400, "configuration.conditions.origins must be a list of origins")
        return {"url": url, "event": event, "configuration": {"conditions": {"origins": origins}}}

    # -- deliveries --

    def fire(self, event: str, opportunity: Record, now: float, **data: Any) -> None:
        for hook in self.subscriptions.values():
            origins = hook["configuration"]["conditions"]["origins"]
            if hook["event"] == event and opportunity["origin"] in origins:
                ids = {
                    "opportunityId": opportunity["id"],
                    "candidateId": opportunity["id"],
                    "contactId": opportunity["contact"],
                }
                self._deliver(hook, {**ids, **data}, now)

    def test_connection(self, key: str, now: float) -> None:
        """What the connection test of Lever's pages sends: signed, but about no opportunity."""
        self._deliver(self._held(key), {}, now)

    def _deliver(self, hook: Record, data: Record, now: float) -> None:
        token, ms = f"{self.inventor.random.getrandbits(80):020x}", int(now * 1000)
        body = {
            "id": self.inventor.uuid(),
            "event": hook["event"],
            "triggeredAt": ms,
            "token": token,
            "signature": sign(hook["configuration"]["signatureToken"], token, ms),
            "data": data,
        }
        self.outbox.append(
            Delivery(hook["id"], hook["url"], hook["event"], dump(body).encode(errors="replace"), now)
        )

    def failed(self, delivery: Delivery, now: float) -> None:
        """The receiver's answer was not 2xx: queue it again, with growing waits, until Lever gives up."""
        if delivery.attempt <= self.options.hook_retries:
            wait = 60.0 * 4 ** (delivery.attempt - 1)
            self.outbox.append(evolve(delivery, attempt=delivery.attempt + 1, due=now + wait))


def public(hook: Record) -> Record:
    """A subscription as lists show it."""
    return {**hook, "configuration": {"conditions": hook["configuration"]["conditions"]}}
