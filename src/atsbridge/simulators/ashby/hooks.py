"""Web hooks: one type each, a ping when they are made, several for one action under one id."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

from attrs import define, field

from ..interface import SimRequest
from .answers import Row, invalid

TYPES = frozenset(
    """
    applicationSubmit applicationUpdate candidateStageChange candidateHire candidateDelete candidateMerge
    interviewPlanTransition jobPostingUpdate jobPostingPublish jobPostingUnpublish offerCreate offerUpdate
    offerDelete jobCreate jobUpdate openingCreate
    """.split()  # noqa: SIM905 - as a list it would be a page long
)
NOT_BY_API = frozenset({"jobCreate", "jobUpdate", "openingCreate"})
FINAL = frozenset({401, 403, 404, 405, 410})
"""Answers after which a delivery is not tried again."""


def waits_seconds(answer: int | None) -> list[int]:
    """How long after each failed try the next one comes: ten tries, or none."""
    return [] if answer in FINAL else [(2**n - 1) * 10 for n in range(1, 10)]


@define(kw_only=True)
class Hooks:
    """The web hooks of an account, and what they have sent.

    Args:
        receive: the receiver's answer to a ping, None for no answer.
    """

    uuid: Callable[[], str]
    rows: dict[str, Row] = field(factory=dict)
    sent: list[SimRequest] = field(factory=list)
    receive: Callable[[Row], int | None] = lambda _hook: 200

    def create(self, body: Row, *, by_api: bool = True) -> Row:
        if body.get("webhookType") not in TYPES - (NOT_BY_API if by_api else frozenset()):
            raise invalid("no such type of web hook", "webhookType")
        if not isinstance(body.get("requestUrl"), str) or not isinstance(body.get("secretToken"), str):
            raise invalid("requestUrl and secretToken are needed")
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
        self._post(row, {"action": "ping", "data": {"webhookActionType": "ping"}})
        answer = self.receive(row)
        row["enabled"] = bool(row["enabled"]) and answer is not None and answer <= 400

    def tell(self, types: tuple[str, ...], data: Any) -> None:
        """One action: a delivery for each of its types that somebody wants."""
        action = self.uuid()
        for type in types:
            for row in self.rows.values():
                if row["enabled"] and row["webhookType"] == type:
                    self._post(row, {"webhookActionId": action, "action": type, "data": data})

    def _post(self, row: Row, content: Any) -> None:
        body = json.dumps(content).encode()
        headers = {"content-type": "application/json"}
        if row["secretToken"]:
            mark = hmac.new(row["secretToken"].encode(), body, hashlib.sha256).hexdigest()
            headers["ashby-signature"] = f"sha256={mark}"
        self.sent.append(SimRequest("POST", row["requestUrl"], headers, body))
