"""The Greenhouse simulator: the account, its people and its API put together."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from .. import people
from ..curl import TOKEN, curl, mint
from ..interface import Accepted, HookPost, Limits, SimRequest, SimResponse, Simulator, Truth
from .account import Account, Mail
from .api import Api
from .folder import read_folder, write_folder
from .hooks import HookDelivery, Hooks, Webhook
from .invent import Invention
from .listings import ACCESS, SCOPES
from .office import Office
from .refusals import invalid
from .settings import Settings, switch_names
from .tables import Record
from .tokens import Authority, Client
from .transitions import Transitions
from .windows import Windows
from .writes import Writes

CUSTOM = ("simulated-client", "simulated-secret")
PARTNER = ("simulated-partner", "simulated-partner-secret")
PARTNER_REDIRECT = "https://crm.example.com/connected"
HOOK_SECRET = "simulated-hook-secret"  # noqa: S105 - of a simulator
WITHDRAWN = "THEY_REJECTED_US"


def _secret(text: str) -> str:
    return f"{people.marks.secret}{text}"


class GreenhouseSimulator(Simulator):
    """Greenhouse Recruiting in memory: Harvest API v3, its OAuth endpoints, and web hooks.

    `from_folder` reads one JSON file per listing, ``{"path": "/v3/jobs", "pages":
    [{"params": {...}, "status": 200, "body": [...]}]}``, and `to_folder` writes them.

    `truth` holds what the account's own credential may see: applications of
    confidential jobs that were not granted to its service user, and of private
    candidates it may not read, are left out.

    Args:
        account: what is in it; an empty one has a service user and nothing else.
        clock: the vendor's clock, which everything reads.
        limits: what becomes of the rate limits.
        settings: see `Settings`.
    """

    name = "greenhouse"
    settings: ClassVar[Mapping[str, str]] = switch_names()

    def __init__(
        self,
        account: Account | None = None,
        *,
        clock: Callable[[], float] = time.time,
        limits: Limits | str = "sheet",
        **settings: Any,
    ) -> None:
        self.clock = clock
        self.limits = Limits.read(limits) if isinstance(limits, str) else limits
        self.switches = Settings(**settings)
        self.account = account or Account(self._time)
        self.account.clock = self._time
        self.accepted: list[Accepted] = []
        self.hooks = Hooks(self._time, self.switches)
        self._hook = Webhook(_secret(HOOK_SECRET), url=self.switches.hook_url)
        if self._hook.url:
            _ = self.hooks.save(self._hook)
        else:
            self.hooks.saved.append(self._hook)
        self.credentials = {"client_id": CUSTOM[0], "client_secret": _secret(CUSTOM[1])}
        self.partner_credentials = {
            "client_id": PARTNER[0],
            "client_secret": _secret(PARTNER[1]),
            "redirect_uri": PARTNER_REDIRECT,
        }
        self.transitions = Transitions(self.account, self.switches, self.hooks)
        self.office = Office(self.account, self.switches, self.hooks)
        self.authority = Authority(self._time, self.switches, active_user=self._is_active)
        self._staff()
        self.api = self._api()

    def _time(self) -> float:
        # Looked up anew each time, so that a clock put in later counts everywhere.
        return self.clock()

    def _staff(self) -> None:
        """A service user if there is none, and the two kinds of credential."""
        account, extras = self.account, self.account.extras
        if not account.service_user:
            known = sorted(extras.service_users)
            account.service_user = known[0] if known else self._service_user()
            extras.service_users.add(account.service_user)
            if self.switches.sees_private:
                extras.private_readers.add(account.service_user)
        user = account.service_user
        for client in (
            Client(id=CUSTOM[0], secret=_secret(CUSTOM[1]), user=user, scopes=SCOPES),
            Client(
                id=PARTNER[0],
                secret=_secret(PARTNER[1]),
                user=user,
                scopes=SCOPES,
                partner=True,
                redirect_uris=(PARTNER_REDIRECT,),
            ),
        ):
            self.authority.clients[client.id] = client

    def _service_user(self) -> int:
        name = "Integration Service User"
        user = self.account.add(
            "users", name=name, primary_email="", emails=[], site_admin=True, deactivated=False
        )
        return int(user["id"])

    def _is_active(self, user: int) -> bool:
        record = self.account["users"].find(user)
        return bool(record and not record["deactivated"])

    def _api(self) -> Api:
        writes = Writes(self.account, self.switches, self.transitions)
        return Api(
            self.account,
            self.switches,
            authority=self.authority,
            writes=writes,
            windows=(
                self._window(30.0, self.switches.rate_limit),
                self._window(60.0, self.switches.token_rate_limit),
            ),
            tell=self.accepted.append,
            state=self._state,
        )

    def _window(self, span: float, promised: int) -> Windows:
        return Windows(
            self._time,
            span,
            limit=lambda: max(1, round(promised * (self.limits.factor or 1.0))),
            enforced=lambda: self.limits.factor is not None,
        )

    # -- seeding --

    @classmethod
    def generate(cls, applications: int, *, seed: int = 1, **settings: Any) -> Self:
        switches = {k: v for k, v in settings.items() if k not in ("clock", "limits")}
        account = Account(settings.get("clock", time.time), seed=seed)
        Invention(account, Settings(**switches), seed=seed).fill(applications)
        return cls(account, **settings)

    @classmethod
    def from_folder(cls, folder: Path, **settings: Any) -> Self:
        account = Account(settings.get("clock", time.time))
        read_folder(account, folder)
        return cls(account, **settings)

    def to_folder(self, folder: Path) -> None:
        write_folder(self.account, folder)

    # -- what a test may do to a connection --

    def configuration(self) -> Mapping[str, Any]:
        """The credential, and the secret key of the account's web hook.

        Who acts is the credential's service user, so no ``acting_user`` is told.
        """
        return {**self.credentials, "hook_secret": self._hook.secret}

    def first_steps(self, url: str) -> tuple[str, ...]:
        client = ":".join(self.credentials[name] for name in ("client_id", "client_secret"))
        token = mint(curl(f"{url}/token", user=client, data="grant_type=client_credentials"))
        bearer, id = {"Authorization": f"Bearer {TOKEN}"}, self.movable()
        read = curl(f"{url}/v3/applications?per_page=1", headers=bearer)
        if id is None:
            return token, read
        here = self._find(id)[self.switches.from_stage_id_is]
        body = json.dumps({"from_stage_id": here, "to_stage_id": int(self.stages_for(id)[0])})
        headers = {**bearer, "Content-Type": "application/json"}
        return token, read, curl(f"{url}/v3/applications/{id}/move", headers=headers, data=body)

    def permissions(self) -> tuple[str, ...]:
        """The scopes that one asks a customer for who wants applications followed and written to."""
        return ACCESS

    def revoke(self, permission: str) -> None:
        """Untick a scope: any that there is, also for the tokens that are out."""
        if permission not in SCOPES:
            raise ValueError(f"greenhouse has no permission {permission}")
        self.authority.narrow(permission)

    def expire_tokens(self) -> bool:
        self.authority.revoke()
        return True

    def throttled(self) -> SimResponse:
        return self.api.throttled()

    def obstacles(self) -> Mapping[str, Callable[[str], None]]:
        """What makes Greenhouse refuse a move."""
        return {
            "every stage it could go to is taken out of the job's plan": self._deactivate_stages,
            "the scope to move is taken back": lambda _: self.revoke("harvest:applications:move"),
            "the acting user may not see the job any more": self._make_confidential,
            "it was rejected meanwhile": lambda id: self.reject(id, self.reasons("rejected")[0]),
            "it was hired meanwhile": self.hire,
            "it moved on meanwhile": lambda id: self.move(id, self.stages_for(id)[-1]),
            "the application is deleted": self.delete,
        }

    def _deactivate_stages(self, application: str) -> None:
        for stage in self.stages_for(application):
            self.deactivate_stage(stage)

    def _make_confidential(self, application: str) -> None:
        job = self._find(application)["job_id"]
        now = self.account.now()
        self.account["jobs"].change(job, confidential=True, updated_at=now)

    @property
    def posts_hooks(self) -> bool:
        return self.hooks.has_local_receiver

    def hooks_due(self) -> list[HookPost]:
        return [self._post(delivery) for delivery in self.hooks.take_due()]

    def _post(self, delivery: HookDelivery) -> HookPost:
        def answered(status: int | None) -> None:
            self.hooks.answered(delivery, status)

        url, headers = delivery.hook.url, delivery.headers
        return HookPost(url=url, headers=headers, body=delivery.body, answered=answered)

    def deliveries(self) -> tuple[SimRequest, ...]:
        """What the account's own web hook, which is for every event, has been sent."""
        return tuple(
            SimRequest("POST", "/", {name.lower(): value for name, value in sent.headers}, sent.body)
            for sent in self.hooks.outbox
            if sent.hook is self._hook
        )

    # -- the API --

    def respond(self, request: SimRequest) -> SimResponse:
        return self.api.respond(request)

    @property
    def origin(self) -> str | None:
        """What Link headers begin with, e.g. ``https://127.0.0.1:8099``; None takes the request's Host.

        A request does not say whether it came by TLS: without this, a loopback host is taken as plain
        http, unless X-Forwarded-Proto says otherwise.
        """
        return self.api.base_url

    @origin.setter
    def origin(self, url: str | None) -> None:
        self.api.base_url = url

    def expire_cursors(self) -> bool:
        self.api.cursors.expire()
        return True

    @property
    def hook_outbox(self) -> list[HookDelivery]:
        """All web hook deliveries so far, each with its headers and its body's bytes."""
        return self.hooks.outbox

    @property
    def mails(self) -> list[Mail]:
        """The messages that moves and rejections would have sent to candidates."""
        return self.account.mails

    # -- what is really so --

    def truth(self) -> Mapping[str, Truth]:
        sight = self.account.sight(self.account.service_user, "applications")
        seen = (a for a in self.account["applications"] if sight is None or sight(a))
        return {str(a["id"]): self._truth_of(a) for a in seen}

    def _state(self, id: int) -> Truth | None:
        application = self.account["applications"].find(id)
        return self._truth_of(application) if application else None

    def _truth_of(self, application: Record) -> Truth:
        status = application["status"]
        reason = application["rejection_reason_id"] if status == "rejected" else None
        if status == "in_process":
            status = "active"
        elif status == "rejected" and self.account.reason_key(reason) == WITHDRAWN:
            status = "withdrawn"
        history = (str(row["job_interview_stage_id"]) for row in self.account.held(application["id"]))
        return Truth(
            stage=_text(application["job_interview_stage_id"]),
            status=status,
            reason=_text(reason),
            candidate=str(application["candidate_id"]),
            job=_text(application["job_id"]),
            history=tuple(history),
        )

    def deleted(self) -> frozenset[str]:
        return frozenset(map(str, self.account.extras.deleted_applications))

    # -- what people do in the ATS's own pages --

    def stages_for(self, application: str) -> list[str]:
        record = self._find(application)
        if record["status"] != "in_process" or record["prospect"]:
            return []
        stages = self.account.stages(record["job_id"])
        return [str(s["id"]) for s in stages if s["id"] != record["job_interview_stage_id"]]

    def stage_name(self, stage: str) -> str:
        return str(self._stage(stage)["name"])

    def reasons(self, outcome: str) -> list[str]:
        if outcome not in ("rejected", "withdrawn"):
            # A hire needs none: close reasons belong to the opening.
            return []
        theirs = outcome == "withdrawn"
        reasons = self.account["rejection_reasons"]
        return [str(r["id"]) for r in reasons if (r["type"]["key"] == WITHDRAWN) is theirs]

    def move(self, application: str, stage: str) -> None:
        self.transitions.move(self._find(application), int(stage))

    def reject(self, application: str, reason: str) -> None:
        self.transitions.reject(self._find(application), int(reason), by=self._somebody())

    def reactivate(self, application: str) -> None:
        self.transitions.unreject(self._find(application))

    def hire(self, application: str) -> None:
        record = self._find(application)
        free = self.account.open_openings(record["job_id"]) if record["job_id"] else []
        self.transitions.hire(record, opening=free[0]["id"] if free else None)

    def unhire(self, application: str) -> None:
        """Only a person can: the API has no way."""
        self.transitions.unhire(self._find(application))

    def edit(self, application: str) -> None:
        self.office.edit(self._find(application))

    def apply(self, *, name: str, email: str | None, job: str | None = None) -> str:
        given, _, family = name.partition(" ")
        wanted = int(job) if job is not None else self._any_job()
        return str(self.office.apply(given, family, email=email, job=wanted)["id"])

    def _any_job(self) -> int:
        secret = self.account.secret_jobs(self.account.service_user)
        jobs = [
            job["id"]
            for job in self.account["jobs"]
            if job["status"] == "open" and not job["is_template"] and job["id"] not in secret
        ]
        if not jobs:
            raise ValueError("no job takes applications")
        return int(self.account.random.choice(jobs))

    def delete(self, application: str) -> None:
        self.office.delete_application(self._find(application))

    def delete_candidate(self, application: str) -> None:
        """Delete the person of an application, with everything."""
        self.office.delete_candidate(self._find(application)["candidate_id"])

    def anonymise(self, application: str) -> None:
        self.office.anonymise(self._find(application)["candidate_id"])

    def merge(self, loser: str, survivor: str) -> None:
        self.office.merge(self._find(loser)["candidate_id"], self._find(survivor)["candidate_id"])

    def rename_stage(self, stage: str, name: str) -> None:
        self.office.rename_stage(self._stage(stage)["id"], name)

    def deactivate_stage(self, stage: str) -> None:
        self.office.deactivate_stage(self._stage(stage)["id"])

    def close_job(self, job: str) -> None:
        """Close a job and its openings, unfilled."""
        if int(job) not in self.account["jobs"]:
            raise invalid(f"There is no job {job}.")
        self.office.close_job(int(job))

    def _find(self, application: str) -> Record:
        record = self.account["applications"].find(int(application))
        if record is None:
            raise invalid(f"There is no application {application}.")
        return record

    def _stage(self, stage: str) -> Record:
        record = self.account["job_interview_stages"].find(int(stage))
        if record is None:
            raise invalid(f"There is no stage {stage}.")
        return record

    def _somebody(self) -> int | None:
        return next(
            (int(u["id"]) for u in self.account["users"] if u["site_admin"] and u["primary_email"]), None
        )


def _text(id: object) -> str | None:
    return None if id is None else str(id)
