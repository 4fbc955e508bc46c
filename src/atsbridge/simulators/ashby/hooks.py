"""Web hooks: one type each, a ping when they are made, several for one action under one id."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable

from attrs import define, evolve, field, frozen

from ..interface import SimRequest
from ..posting import on_loopback
from .answers import Row, invalid

TYPES = frozenset(
    """
    applicationSubmit applicationUpdate candidateStageChange candidateHire candidateDelete candidateMerge
    interviewPlanTransition jobPostingUpdate jobPostingPublish jobPostingUnpublish jobPostingDelete
    offerCreate offerUpdate offerDelete jobCreate jobUpdate openingCreate
    """.split()  # noqa: SIM905 - as a list it would be a page long
)
NOT_BY_API = frozenset({"jobCreate", "jobUpdate", "openingCreate"})
FINAL = frozenset({401, 403, 404, 405, 410})
"""Answers after which a delivery is not tried again."""


def waits_seconds(answer: int | None) -> list[int]:
    """How long after each failed try the next one comes: ten tries, or none."""
    return [] if answer in FINAL else [(2**n - 1) * 10 for n in range(1, 10)]


@frozen
class Delivery:
    """One POST to a receiver on loopback, not before ``due`` (unix seconds)."""

    hook: str
    request: SimRequest
    due: float
    ping: bool = False
    failed: int = 0


@define(kw_only=True)
class Hooks:
    """The web hooks of an account, and what they have sent.

    Args:
        receive: what a receiver that is not on loopback answers to a ping, None for no answer.
    """

    uuid: Callable[[], str]
    clock: Callable[[], float]
    outbox: list[Delivery] = field(factory=list)
    rows: dict[str, Row] = field(factory=dict)
    sent: list[SimRequest] = field(factory=list)
    receive: Callable[[Row], int | None] = lambda _hook: 200

    def create(self, body: Row, *, by_api: bool = True) -> Row:
        if body.get("webhookType") not in TYPES - (NOT_BY_API if by_api else frozenset()):
            raise invalid("no such type of web hook", "webhookType")
        if not isinstance(body.get("requestUrl"), str) or not isinstance(body.get("secretToken"), str):
            raise invalid("requestUrl and secretToken are needed")
        if by_api and not body["requestUrl"].startswith(("https://", "http://")):
            raise invalid("requestUrl is no address", "requestUrl")
        row = {
            "id": self.uuid(),
            "enabled": True,
            **{k: body[k] for k in ("webhookType", "requestUrl", "secretToken")},
        }
        self.rows[row["id"]] = row
        self._ping(row)
        return row

    def update(self, row: Row, body: Row) -> Row:
        row |= {key: body[key] for key in ("enabled", "requestUrl", "secretToken") if key in body}
        self._ping(row)
        return row

    def _ping(self, row: Row) -> None:
        content = {"webhookActionId": self.uuid(), "action": "ping", "data": {"webhookActionType": "ping"}}
        self._post(row, content)
        if not on_loopback(row["requestUrl"]):
            self._pinged(row, self.receive(row))

    def _pinged(self, row: Row, answer: int | None) -> None:
        row["enabled"] = bool(row["enabled"]) and answer is not None and answer <= 400

    def tell(self, events: Row) -> None:
        """One action: a delivery for each of its types that somebody wants, of the type's data."""
        action = self.uuid()
        for type, data in events.items():
            for row in self.rows.values():
                if row["enabled"] and row["webhookType"] == type:
                    self._post(row, {"webhookActionId": action, "action": type, "data": data})

    @property
    def has_local_receiver(self) -> bool:
        return any(on_loopback(row["requestUrl"]) for row in self.rows.values())

    def take_due(self) -> list[Delivery]:
        """Deliveries whose time has come, out of the outbox."""
        now = self.clock()
        due = [delivery for delivery in self.outbox if delivery.due <= now]
        self.outbox[:] = [delivery for delivery in self.outbox if delivery.due > now]
        return due

    def answered(self, delivery: Delivery, status: int | None) -> None:
        """A ping that fails disables its hook; anything else is tried again, unless the answer was final."""
        if delivery.ping:
            if (row := self.rows.get(delivery.hook)) is not None:
                self._pinged(row, status)
            return
        waits = waits_seconds(status)
        if (status is None or not 200 <= status < 300) and delivery.failed < len(waits):
            due = self.clock() + waits[delivery.failed]
            self.outbox.append(evolve(delivery, due=due, failed=delivery.failed + 1))

    def _post(self, row: Row, content: Row) -> None:
        body = json.dumps(content).encode()
        headers = {"content-type": "application/json"}
        if row["secretToken"]:
            mark = hmac.new(row["secretToken"].encode(), body, hashlib.sha256).hexdigest()
            headers["ashby-signature"] = f"sha256={mark}"
        self.sent.append(SimRequest("POST", row["requestUrl"], headers, body))
        if on_loopback(row["requestUrl"]):
            ping = content["action"] == "ping"
            self.outbox.append(Delivery(row["id"], self.sent[-1], self.clock(), ping))
