"""Web hooks: subscriptions, and deliveries that wait to be posted.

The signature stands in the body and covers token and time, not the data; so
agree several open receivers, the vendor's own page was not read again.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import deque
from typing import Any

from attrs import define, evolve, field, frozen

from ..people import Inventor
from ..posting import on_loopback
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
GROUPS = ("application", "candidate", "interview", "contact")
"""What events begin with; Lever's pages show one signature token for each of these."""

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
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)


def sign(signature_token: str, message: bytes) -> str:
    return hmac.new(signature_token.encode(), message, hashlib.sha256).hexdigest()


@define
class Hooks:
    """Subscriptions by the API, those of Lever's pages, and what they have to deliver.

    Attributes:
        outbox: deliveries that wait to be posted.
        told: the last 10,000 events, each as a hook of Lever's pages for everything is sent it.
        tokens: the signature tokens of Lever's pages, by event group.
    """

    options: Options
    inventor: Inventor
    subscriptions: dict[str, Record] = field(factory=dict)
    in_pages: dict[str, Record] = field(factory=dict)
    outbox: list[Delivery] = field(factory=list)
    told: deque[Delivery] = field(factory=lambda: deque(maxlen=10_000))
    tokens: dict[str, str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.tokens = {group: self._secret() for group in GROUPS}

    def _secret(self) -> str:
        return f"{self.inventor.random.getrandbits(128):032x}"

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
        hook["configuration"] = {**hook["configuration"], "signatureToken": self._secret()}
        self.subscriptions[hook["id"]] = hook
        return hook

    def add_in_pages(self, url: str, event: str) -> Record:
        """One that a person adds in Lever's settings, signed with the token of its event group."""
        hook = {"id": self.inventor.uuid(), **self._fields({"url": url, "event": event}, {})}
        hook["configuration"]["signatureToken"] = self.tokens[_group(event)]
        self.in_pages[hook["id"]] = hook
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
        if not isinstance(url, str) or not (url.startswith("https://") or on_loopback(url)):
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
        about = {
            "opportunityId": opportunity["id"],
            "candidateId": opportunity["id"],
            "contactId": opportunity["contact"],
            **data,
        }
        self.told.append(self._delivery(event, self.tokens[_group(event)], about, now))
        for hook in self._all().values():
            origins = hook["configuration"]["conditions"]["origins"]
            if hook["event"] == event and opportunity["origin"] in origins:
                self._send(hook, about, now)

    def test_connection(self, key: str, now: float) -> None:
        """What the connection test of Lever's pages sends: signed, but about no opportunity."""
        self._send(self._all()[key], {}, now)

    def _all(self) -> dict[str, Record]:
        return {**self.subscriptions, **self.in_pages}

    def _send(self, hook: Record, data: Record, now: float) -> None:
        made = self._delivery(hook["event"], hook["configuration"]["signatureToken"], data, now)
        self.outbox.append(evolve(made, webhook=hook["id"], url=hook["url"]))

    def _delivery(self, event: str, signature_token: str, data: Record, now: float) -> Delivery:
        token, ms = f"{self.inventor.random.getrandbits(80):020x}", int(now * 1000)
        content = {
            "id": self.inventor.uuid(),
            "event": event,
            "triggeredAt": ms,
            "token": token,
            "signature": sign(signature_token, f"{token}{ms}".encode()),
            "data": data,
        }
        made = Delivery("", "", event, dump(content).encode(errors="replace"), now)
        if self.options.hook_signature_header:
            header = ("Lever-Signature", sign(signature_token, made.body))
            made = evolve(made, headers=(*made.headers, header))
        return made

    # -- posting --

    @property
    def has_local_receiver(self) -> bool:
        return any(on_loopback(hook["url"]) for hook in self._all().values())

    def take_due(self, now: float) -> list[Delivery]:
        """Deliveries to loopback whose time has come, out of the outbox."""
        due = [d for d in self.outbox if d.due <= now and on_loopback(d.url)]
        self.outbox[:] = [d for d in self.outbox if d not in due]
        return due

    def answered(self, delivery: Delivery, status: int | None, now: float) -> None:
        if status is None or not 200 <= status < 300:
            self.failed(delivery, now)

    def failed(self, delivery: Delivery, now: float) -> None:
        """The receiver's answer was not 2xx: queue it again, with growing waits, until Lever gives up."""
        if delivery.attempt <= self.options.hook_retries:
            wait = self.options.hook_wait_seconds * 4 ** (delivery.attempt - 1)
            self.outbox.append(evolve(delivery, attempt=delivery.attempt + 1, due=now + wait))


def _group(event: str) -> str:
    return next(group for group in GROUPS if event.startswith(group))


def public(hook: Record) -> Record:
    """A subscription as lists show it."""
    return {**hook, "configuration": {"conditions": hook["configuration"]["conditions"]}}
