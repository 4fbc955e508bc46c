"""Speaks to the simulated Lever as a program that knows only HTTP."""

from __future__ import annotations

import base64
import json
from typing import Any, Self
from urllib.parse import quote

from atsbridge.simulators.interface import Limits, SimRequest
from atsbridge.simulators.lever import LeverSimulator

NOW = 1_790_000_000.0


class World:
    """A simulator, its clock, and one active and one archived application with a posting."""

    def __init__(self, count: int = 120, **options: Any) -> None:
        self.now = NOW
        self.sim = LeverSimulator.generate(
            count, seed=6, clock=lambda: self.now, limits=Limits(None), **options
        )
        open_ones = [
            (key, t)
            for key, t in self.sim.truth().items()
            if t.job and t.stage != "offer" and self.record(key)["confidentiality"] != "confidential"
        ]
        self.active = next(key for key, t in open_ones if t.status == "active")
        self.rejected = next(key for key, t in open_ones if t.status == "rejected")
        self.user = self.sim.acting_user

    @classmethod
    def of(cls, sim: LeverSimulator) -> Self:
        """The same for a simulator made elsewhere, with nobody picked out."""
        self = cls.__new__(cls)
        self.now, self.sim, self.user = NOW, sim, sim.acting_user
        return self

    def record(self, key: str) -> dict[str, Any]:
        return self.sim.account.opportunities.actual[key].record

    def request(self, method: str, path: str, body: Any = None, *, api_key: str | None = None) -> SimRequest:
        credential = base64.b64encode(f"{api_key or self.sim.credentials['api_key']}:".encode()).decode()
        headers = {"authorization": f"Basic {credential}", "content-type": "application/json"}
        content = b"" if body is None else json.dumps(body).encode()
        return SimRequest(method, f"/v1{path}", headers, content)

    def ask(self, method: str, path: str, body: Any = None, **how: Any) -> tuple[int, Any]:
        response = self.sim.respond(self.request(method, path, body, **how))
        return response.status, json.loads(response.body) if response.body else None

    def read(self, key: str) -> dict[str, Any]:
        status, body = self.ask("GET", f"/opportunities/{key}")
        assert status == 200
        return body["data"]

    def application(self, key: str) -> dict[str, Any]:
        return self.ask("GET", f"/opportunities/{key}/applications")[1]["data"][0]

    def put(self, key: str, what: str, body: Any, *, user: str | None = None, **how: Any) -> tuple[int, Any]:
        query = f"?perform_as={quote(user)}" if user is not None else ""
        return self.ask("PUT", f"/opportunities/{key}/{what}{query}", body, **how)

    def stage(self, key: str, stage: str) -> dict[str, Any]:
        status, body = self.put(key, "stage", {"stage": stage}, user=self.user)
        assert status == 200, body
        return body["data"]

    def archive(self, key: str, reason: str | None, **more: Any) -> dict[str, Any]:
        status, body = self.put(key, "archived", {"reason": reason, **more}, user=self.user)
        assert status == 200, body
        return body["data"]

    def reason(self, text: str) -> str:
        return next(r["id"] for r in self.sim.account.reasons if r["text"] == text)
