"""Web hooks: signed deliveries in the shape of Harvest v1, with the vendor's ping and retries.

https://developers.greenhouse.io/webhooks.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import uuid
from collections.abc import Callable
from typing import Any

from attrs import define, field

from ..posting import on_loopback
from .account import Account
from .settings import Settings
from .tables import Record

RETRY_AFTER_MINUTES = (1, 15, 60, 120, 240, 480)


@define
class Webhook:
    """One saved web hook.

    Args:
        actions: those it is for; empty for all.
        basic: user and password of an Authorization header.
        headers: further headers the customer set.
        url: posted to if it is on loopback; anything else is only kept in the outbox.
    """

    secret: str
    actions: frozenset[str] = frozenset()
    basic: tuple[str, str] | None = None
    headers: tuple[tuple[str, str], ...] = ()
    enabled: bool = True
    url: str = ""


@define
class HookDelivery:
    """One message to be posted; ``due`` is when its next attempt is, None once it is done or given up."""

    action: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    due: float | None
    hook: Webhook = field(repr=False)
    attempts: int = 0
    delivered: bool = False

    def header(self, name: str) -> str | None:
        return next((v for k, v in self.headers if k.lower() == name.lower()), None)


class Hooks:
    """The web hooks of an account and what they have sent."""

    def __init__(self, clock: Callable[[], float], settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._random = random.Random(8)
        self.saved: list[Webhook] = []
        self.outbox: list[HookDelivery] = []

    def save(self, hook: Webhook) -> HookDelivery:
        """Save a web hook, as a person does; returns the ping, whose failure disables the hook."""
        self.saved.append(hook)
        return self._post(hook, "ping", {"web_hook_id": len(self.saved)})

    def emit(self, action: str, payload: Record) -> None:
        for hook in self.saved:
            if hook.enabled and (not hook.actions or action in hook.actions):
                self._post(hook, action, payload)

    def due(self) -> list[HookDelivery]:
        now = self._clock()
        return [d for d in self.outbox if d.due is not None and d.due <= now]

    @property
    def has_local_receiver(self) -> bool:
        return any(on_loopback(hook.url) for hook in self.saved)

    def take_due(self) -> list[HookDelivery]:
        """Deliveries to loopback whose time has come; each waits then for how it is `answered`."""
        taken = [delivery for delivery in self.due() if on_loopback(delivery.hook.url)]
        for delivery in taken:
            delivery.due = None
        return taken

    def answered(self, delivery: HookDelivery, status: int | None) -> None:
        """Note how an attempt was answered; None for a timeout or a broken connection."""
        delivery.attempts += 1
        good = status is not None and (
            status == 200 or (self._settings.hook_accepts_any_2xx and 200 <= status < 300)
        )
        delivery.delivered, delivery.due = good, None
        if good:
            return
        if delivery.action == "ping":
            delivery.hook.enabled = False
        elif delivery.attempts <= len(RETRY_AFTER_MINUTES):
            delivery.due = self._clock() + 60 * RETRY_AFTER_MINUTES[delivery.attempts - 1]

    def _post(self, hook: Webhook, action: str, payload: Record) -> HookDelivery:
        body = escaped({"action": action, "payload": payload})
        delivery = HookDelivery(action, self._headers(hook, body), body, self._clock(), hook)
        self.outbox.append(delivery)
        return delivery

    def _headers(self, hook: Webhook, body: bytes) -> tuple[tuple[str, str], ...]:
        event = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        mark = hmac.new(hook.secret.encode(), body, hashlib.sha256).hexdigest()
        headers = [
            ("Content-Type", "application/json"),
            ("User-Agent", "Greenhouse"),
            ("Greenhouse-Event-ID", event),
            ("Signature", f"sha256 {mark}"),
        ]
        if hook.basic:
            headers.append(
                ("Authorization", "Basic " + base64.b64encode(":".join(hook.basic).encode()).decode())
            )
        return (*headers, *hook.headers)


def escaped(value: object) -> bytes:
    """JSON with everything beyond ASCII, and ``<``, ``>`` and ``&``, as ``\\u`` escapes."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").encode()


# -- payloads --


def application_payload(account: Account, application: Record) -> Record:
    """An application as web hooks show it: `active`, a current_stage and jobs, as v1 did."""
    stage = account["job_interview_stages"].find(application["job_interview_stage_id"])
    reason = account["rejection_reasons"].find(application["rejection_reason_id"])
    source = account["sources"].find(application["source_id"])
    candidate = account["candidates"].find(application["candidate_id"])
    job = account["jobs"].find(application["job_id"])
    status = application["status"]
    here = f"{application['candidate_id']}?application_id={application['id']}"
    return {
        "id": application["id"],
        "rejected_at": _time(application["rejected_at"]),
        "prospect": application["prospect"],
        "status": "active" if status == "in_process" else status,
        "applied_at": _time(application["created_at"]),
        "last_activity_at": _time(application["last_activity_at"]),
        "url": f"https://app.greenhouse.io/people/{here}",
        "source": source and {"id": source["id"], "name": source["name"]},
        "credited_to": None,
        "rejection_reason": reason and {k: reason[k] for k in ("id", "name", "type")},
        "rejection_details": None,
        "current_stage": stage and {"id": stage["id"], "name": stage["name"], "interviews": []},
        "custom_fields": application["custom_fields"],
        "candidate": candidate and candidate_payload(candidate),
        "jobs": [job_payload(job)] if job else [],
    }


def _time(text: str | None) -> str | None:
    """As v1 wrote times: in whole seconds."""
    return text and text[:19] + "Z"


def candidate_payload(candidate: Record) -> Record:
    return {k: candidate[k] for k in ("id", "first_name", "last_name", "email_addresses")}


def job_payload(job: Record) -> Record:
    return {k: job[k] for k in ("id", "name", "requisition_id", "status")}


def about(account: Account, application: Record) -> dict[str, Any]:
    return {"application": application_payload(account, application)}
