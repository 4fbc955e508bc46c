"""`LeverSimulator`: the door of the simulated Lever, and what people do in its pages."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterable, Mapping
from email.utils import formatdate
from pathlib import Path
from typing import Any, ClassVar, Self

from attrs import evolve

from ..curl import curl
from ..interface import Accepted, HookPost, Limits, SimRequest, SimResponse, Simulator, Truth
from ..people import Inventor
from . import folders, generated, routes
from .access import AUDIENCES, EVERYTHING, RESOURCES, Access, Keyring, Meter
from .answers import Problem, Reply, dump, problem
from .asking import Ask
from .hooks import Delivery, Hooks
from .oauth import AuthServer, Client
from .options import SETTINGS, Options
from .people_at_work import PeopleAtWork
from .queries import Offsets, Query
from .records import Account
from .world import World

CALLBACK = "https://app.example.com/lever/callback"


class LeverSimulator(PeopleAtWork, Simulator):
    """Lever's Data API v1, after https://hire.lever.co/developer/documentation.

    Data is under ``/v1``, the authorisation server under ``/authorize`` and
    ``/oauth/token`` of the same port. ``credentials`` opens everything,
    confidential records included; `add_key` makes narrower ones.

    A folder of recorded pages holds one JSON file per listing, of whatever
    name: ``{"path": "/v1/stages", "pages": [{"params": {...}, "status": 200,
    "body": {"data": [...], "hasNext": false}}]}``. Paths understood are
    opportunities (with applications expanded or not), stages,
    disposition_stages, archive_reasons, postings, requisitions, users,
    sources, tags, the three ``/deleted`` lists and
    ``/v1/opportunities/<id>/offers``. `to_folder` writes the same form.

    Attributes:
        hook_outbox: deliveries to web hooks that wait to be posted.
        oauth_client: id, secret and redirect URI of a registered partner app.
        outage: None, or the status (500, 503) that every request gets.
    """

    name = "lever"
    settings: ClassVar[Mapping[str, str]] = SETTINGS

    def __init__(
        self,
        account: Account,
        *,
        seed: int = 1,
        limits: Limits | None = None,
        clock: Callable[[], float] | None = None,
        **settings: Any,
    ) -> None:
        if clock is not None:
            self.clock = clock
        self.limits = limits or Limits()
        self.accepted: list[Accepted] = []
        self.outage: int | None = None
        options = Options(**settings)
        hooks = Hooks(options, Inventor(seed * 7 + 3))
        self.world = World(account, options, Inventor(seed * 7 + 1), lambda: self.clock(), hooks)
        audience = options.audience or AUDIENCES[options.region]
        chance = random.Random(f"{seed} {options.region}")  # no region's credentials open another
        self.keyring = Keyring(options.region, chance, options.confidential_scope, audience)
        secret = self.keyring.secret("client-secret")
        self.oauth_client = {"client_id": "atsbridge", "client_secret": secret, "redirect_uri": CALLBACK}
        client = Client("atsbridge", secret, (CALLBACK,))
        self.auth_server = AuthServer(self.keyring, {client.id: client}, options.rotate_refresh)
        # The tokens that Lever's pages show, one for each group of events.
        self.credentials = {"api_key": self.add_key(), "hook_token": " ".join(hooks.tokens.values())}
        self._meter = Meter()
        self._offsets = Offsets(same_params=options.same_params, decoded=options.decoded_offsets)

    # -- seeding --

    @classmethod
    def generate(cls, applications: int, *, seed: int = 1, **settings: Any) -> Self:
        clock = settings.get("clock") or time.time
        return cls(generated.account(applications, seed=seed, now=clock()), seed=seed, **settings)

    @classmethod
    def from_folder(cls, folder: Path, *, invent_jobs: bool = False, seed: int = 1, **settings: Any) -> Self:
        """As recorded; ``invent_jobs`` deals the postings out to applications recorded without a body."""
        return cls(folders.read(Path(folder), invent_jobs=invent_jobs, seed=seed), seed=seed, **settings)

    def to_folder(self, folder: Path) -> None:
        """Save the account in the form that `from_folder` reads, one request per page."""
        access = Access("folder", EVERYTHING, True)

        def get(path: str, params: Mapping[str, str]) -> Any:
            pairs = tuple(params.items())
            return json.loads(self._answer("GET", path, _query(pairs), access=access).text)

        folders.write(Path(folder), get, with_offers=[k for k, v in self.account.offers.items() if v])

    # -- credentials and hooks --

    def permissions(self) -> tuple[str, ...]:
        """What the key of `credentials` can be granted, each for reading and writing."""
        return tuple(f"{resource}:{verb}" for resource in RESOURCES for verb in ("read", "write"))

    def revoke(self, permission: str) -> None:
        """Take a permission from that key; without the one to read, there is none to write either."""
        if permission not in self.permissions():
            raise ValueError(f"lever has no permission {permission}")
        key, resource = self.credentials["api_key"], permission.partition(":")[0]
        old = self.keyring.keys[key]
        left = {f"{resource}:read"} if permission.endswith(":write") else set[str]()
        others = {grant for grant in old.grants if grant.partition(":")[0] != resource}
        self.keyring.keys[key] = evolve(
            old, grants=frozenset(others | (left if old.allows(resource, "read") else set()))
        )

    def expire_tokens(self) -> bool:
        """End every access token; whether there was one."""
        had = bool(self.keyring.tokens)
        self.keyring.tokens.clear()
        return had

    def expire_cursors(self) -> bool:
        """Refuse every offset given out so far, with a 400."""
        self._offsets.expire()
        return True

    def obstacles(self) -> Mapping[str, Callable[[str], None]]:
        """What makes Lever refuse a move."""
        return {
            "the acting user is deactivated": lambda _: self.deactivate_user(self.acting_user),
            "the permission to write is taken back": lambda _: self.revoke("opportunities:write"),
            "the opportunity is deleted": self.delete,
        }

    def add_key(self, grants: Iterable[str] = EVERYTHING, *, confidential: bool = True) -> str:
        """A new API key for ``stages:read``, ``opportunities:write`` and the like."""
        return self.keyring.add_key(grants, confidential=confidential)

    @property
    def acting_user(self) -> str:
        """An active Super Admin, for ``perform_as``."""
        active = (u for u in self.account.users.values() if u["deactivatedAt"] is None)
        return str(next(u["id"] for u in active if u["accessRole"] == "super admin"))

    def configuration(self) -> Mapping[str, Any]:
        return {
            **self.credentials,
            "acting_user": self.acting_user,
            "confidential": True,
            "withdrawn_reasons": self.reasons("withdrawn"),
        }

    def first_steps(self, url: str) -> tuple[str, ...]:
        user, id = f"{self.credentials['api_key']}:", self.movable()
        read = curl(f"{url}/v1/opportunities?limit=1", user=user)
        if id is None:
            return (read,)
        target = f"{url}/v1/opportunities/{id}/stage?perform_as={self.acting_user}"
        body, headers = dump({"stage": self.stages_for(id)[0]}), {"Content-Type": "application/json"}
        return read, curl(target, user=user, headers=headers, method="PUT", data=body)

    @property
    def hook_outbox(self) -> list[Delivery]:
        return self.world.hooks.outbox

    @property
    def posts_hooks(self) -> bool:
        return self.world.hooks.has_local_receiver

    def hooks_due(self) -> list[HookPost]:
        return [self._post(delivery) for delivery in self.world.hooks.take_due(self.clock())]

    def _post(self, delivery: Delivery) -> HookPost:
        def answered(status: int | None) -> None:
            self.world.hooks.answered(delivery, status, self.clock())

        return HookPost(url=delivery.url, headers=delivery.headers, body=delivery.body, answered=answered)

    def deliveries(self) -> tuple[SimRequest, ...]:
        """What a web hook of Lever's pages for every event has been sent, signed with ``hook_token``."""
        return tuple(
            SimRequest("POST", "/", {name.lower(): value for name, value in sent.headers}, sent.body)
            for sent in self.world.hooks.told
        )

    def unsigned(self, delivery: SimRequest) -> SimRequest:
        """The same delivery without its signature, as somebody would forge it."""
        body = {k: v for k, v in json.loads(delivery.body).items() if k != "signature"}
        headers = {k: v for k, v in delivery.headers.items() if k != "lever-signature"}
        return evolve(delivery, headers=headers, body=dump(body).encode())

    # -- the API --

    def respond(self, request: SimRequest) -> SimResponse:
        now = self.clock()
        self.account.opportunities.settle(now)
        path, _, query = request.target.partition("?")
        try:
            reply = self._serve(request, path, query, now)
        except Problem as error:
            reply = problem(error, self.world.options.codes)
        body = reply.text.encode(errors="replace")
        headers = [
            ("Date", formatdate(now, usegmt=True)),
            ("server", "lever-data-api"),
            ("x-lever-region", self.world.options.region),
            *reply.headers,
        ]
        if body:
            headers.append(("Content-Type", "application/json; charset=utf-8"))
        return SimResponse(reply.status, tuple(headers), body)

    def _serve(self, request: SimRequest, path: str, text: str, now: float) -> Reply:
        if self.outage is not None:
            raise Problem(self.outage, "Lever is not available")
        query = Query(text)
        if path == "/authorize" and request.method == "GET":
            return self.auth_server.authorize(dict(query.pairs), now)
        if path == "/oauth/token" and request.method == "POST":
            return self.auth_server.token(request, now)
        if not path.startswith("/v1/"):
            raise Problem(404, "no such page")
        access = self.keyring.access(request.headers, now)
        creates = routes.creates_application(request.method, path.removeprefix("/v1"))
        self._meter.count(access, self.limits, now, creates=creates)
        # What can be read can be asked for its head; the server leaves the body out.
        method = "GET" if request.method == "HEAD" else request.method
        return self._answer(method, path, query, access=access, request=request)

    def _answer(
        self, method: str, path: str, query: Query, *, access: Access, request: SimRequest | None = None
    ) -> Reply:
        match = routes.find(method, path.removeprefix("/v1"))
        if match is None:
            raise Problem(404, "no such endpoint")
        route, ids = match
        if not access.allows(route.resource, route.verb):
            raise Problem(403, "this credential is not allowed to use this endpoint")
        body = _body(request) if request is not None and route.verb == "write" else None
        ask = Ask(self.world, self._offsets, access, path, query, ids, body)
        if request is None or route.verb == "read":
            return route.handler(ask)
        key = ids[0] if route.resource == "opportunities" else None
        before = self._truth_of(key)
        reply = route.handler(ask)
        self.accepted.append(
            Accepted(
                at=self.clock(),
                method=method,
                target=request.target,
                body=body,
                application=key,
                before=before,
                after=self._truth_of(key),
                actor=query.one("perform_as"),
            )
        )
        return reply

    def _truth_of(self, key: str | None) -> Truth | None:
        held = self.account.opportunities.actual.get(key) if key is not None else None
        return self.world.truth(held) if held is not None else None


def _query(pairs: tuple[tuple[str, str], ...]) -> Query:
    query = Query("")
    query.pairs = pairs
    return query


def _body(request: SimRequest) -> Any:
    """The JSON of a request, or None; a body of another content type is not looked at."""
    if not request.body or "json" not in request.headers.get("content-type", "").lower():
        return None
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        raise Problem(400, "the body is not JSON") from None
