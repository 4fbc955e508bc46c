"""A few lines of client for the tests of the Greenhouse simulator: it drives `respond` and nothing else."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

from atsbridge.simulators.greenhouse import GreenhouseSimulator
from atsbridge.simulators.interface import SimRequest, SimResponse

NOW = 1_790_000_000.25
FORM = "application/x-www-form-urlencoded"


class Clock:
    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Client:
    """A generated account, the clock it reads, and a token for it."""

    def __init__(self, applications: int = 200, **settings: Any) -> None:
        self.clock = Clock()
        settings.setdefault("limits", "off")
        self.sim = GreenhouseSimulator.generate(applications, seed=7, clock=self.clock, **settings)
        self.token = self.mint().json["access_token"]

    def mint(self, *, partner: bool = False, secret: str | None = None, **form: str) -> Answer:
        own = self.sim.partner_credentials if partner else self.sim.credentials
        basic = base64.b64encode(f"{own['client_id']}:{secret or own['client_secret']}".encode()).decode()
        form = {"grant_type": "client_credentials"} | form
        return self.form("/token", basic, form)

    def form(self, path: str, basic: str, form: dict[str, str]) -> Answer:
        headers = {"authorization": f"Basic {basic}", "content-type": FORM}
        return Answer(self.sim.respond(SimRequest("POST", path, headers, urlencode(form).encode())))

    def act_as(self, user: int) -> None:
        self.token = self.mint(sub=str(user)).json["access_token"]

    def get(self, path: str, **params: Any) -> Answer:
        query = f"?{urlencode(params)}" if params else ""
        return self.send("GET", f"/v3/{path}{query}")

    def post(self, path: str, body: Any = None) -> Answer:
        return self.send("POST", f"/v3/{path}", b"" if body is None else json.dumps(body).encode())

    def send(self, method: str, target: str, body: bytes = b"") -> Answer:
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        return Answer(self.sim.respond(SimRequest(method, target, headers, body)))

    def all(self, path: str, **params: Any) -> list[Any]:
        """Every page of a list."""
        answer = self.get(path, **params)
        records = list(answer.json)
        while answer.next:
            answer = self.send("GET", answer.next)
            records += answer.json
        return records

    def one(self, path: str, id: int) -> Any:
        (record,) = self.get(path, ids=id).json
        return record

    # -- finding something to work on --

    def active(self, stage: int = 0) -> Any:
        """An application in process, in the stage of that place of an open job of several openings."""
        for application in self.all("applications", status="active", prospect="false", per_page=500):
            job = self.one("jobs", application["job_id"])
            stages = self.stages(job["id"])
            here = [s["id"] for s in stages].index(application["job_interview_stage_id"])
            if job["status"] == "open" and here == stage and len(self.openings(job["id"])) > 1:
                return application
        raise AssertionError("the account has none")

    def stages(self, job: int) -> list[Any]:
        stages = self.get("job_interview_stages", job_ids=job, active="true").json
        return sorted(stages, key=lambda s: s["sort_order"])

    def openings(self, job: int) -> list[Any]:
        return self.get("openings", job_ids=job, open="true").json

    def reason(self, key: str = "WE_REJECTED_THEM") -> int:
        reasons = self.get("rejection_reasons", include_defaults="true").json
        return next(r["id"] for r in reasons if r["type"]["key"] == key)


class Answer:
    def __init__(self, response: SimResponse) -> None:
        self.status = response.status
        self.body = response.body
        self.header = response.header

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def next(self) -> str | None:
        """The target of the next page."""
        link = self.header("Link")
        if link is None:
            return None
        url, _, rel = link.partition(">")
        assert rel == '; rel="next"'
        return url.removeprefix("<https://harvest.greenhouse.io")

    @property
    def errors(self) -> list[str]:
        return self.json["errors"]
