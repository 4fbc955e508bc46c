"""From a request to its answer: the routes, and in which order a request is checked."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable
from email.utils import formatdate
from typing import Any

from attrs import evolve, frozen

from ..interface import Accepted, SimRequest, SimResponse, Truth
from . import times
from .account import Account
from .listings import APPLICATION_STAGES, LISTINGS, REJECTION_REASONS, USERS, Listing
from .queries import Cursors, Query, missing_fields, read_query
from .refusals import Refused
from .settings import Settings
from .tables import Record, Row, Table, encode
from .tokens import Authority, Grant, OAuthRefused
from .windows import Headers, Windows
from .writes import Outcome, Writes, read_body

ACTION = re.compile(r"/v3/applications/([0-9]{1,19})/(move|reject|unreject|hire|convert_to_candidate)")
DETAIL = re.compile(r"/v3/rejection_details/([0-9]{1,19})")
SINGLE = re.compile(r"/v3/(rejection_reasons|applications)/([0-9]{1,19})")
BULK = re.compile(r"/v3/bulk_requests/([0-9a-fA-F-]{36})")
JSON = (("Content-Type", "application/json"),)
ORIGIN = "https://harvest.greenhouse.io"


@frozen
class Call:
    """A data request with whose it is."""

    request: SimRequest
    path: str
    query: str
    grant: Grant


class Api:
    """The HTTP face of an account.

    Args:
        tell: called with every accepted write.
        state: the truth of one application, for the log.
    """

    base_url: str | None = None
    """What links to further pages begin with; else the Host the request named."""

    def __init__(
        self,
        account: Account,
        settings: Settings,
        *,
        authority: Authority,
        writes: Writes,
        windows: tuple[Windows, Windows],
        tell: Callable[[Accepted], None],
        state: Callable[[int], Truth | None],
    ) -> None:
        self.cursors = Cursors(account.clock, settings.cursor_lifetime)
        self._account = account
        self._settings = settings
        self._authority = authority
        self._writes = writes
        self._data_window, self._token_window = windows
        self._tell = tell
        self._state = state
        for name, table in account.tables.items():
            table.hidden_fields = missing_fields(LISTINGS[name], settings)

    def respond(self, request: SimRequest) -> SimResponse:
        path, _, query = request.target.partition("?")
        if path in ("/token", "/authorize", self._settings.introspection_path):
            response = self._oauth(request, path, query)
        else:
            response = self._data(request, path, query)
        common: Headers = (("Date", formatdate(self._account.clock(), usegmt=True)),)
        if self._settings.request_id:
            common += (
                ("X-Request-Id", str(uuid.UUID(int=self._account.random.getrandbits(128), version=4))),
            )
        return evolve(response, headers=(*response.headers, *common))

    def throttled(self) -> SimResponse:
        """What is answered to a data request over the limit."""
        return self._refusal(Refused(429, "Too many requests."), self._data_window.refused())

    # -- tokens --

    def _oauth(self, request: SimRequest, path: str, query: str) -> SimResponse:
        allowed, headers = self._token_window.take(self._token_key(request))
        if not allowed:
            return _json(429, {"errors": ["Too many requests."]}, headers)
        try:
            if path == "/authorize" and request.method == "GET":
                return SimResponse(302, (("Location", self._authority.authorize(query).location), *headers))
            if path == "/token" and request.method == "POST":
                return _json(200, self._authority.token(request), headers)
            if path == self._settings.introspection_path and request.method == "POST":
                return _json(200, self._authority.introspect(request), headers)
        except OAuthRefused as refused:
            body = {"error": refused.error, "error_description": str(refused)}
            return _json(refused.status, body, headers)
        return _json(404, {"errors": ["Not found."]}, headers)

    def _token_key(self, request: SimRequest) -> str:
        try:
            return self._authority.client(request).id
        except OAuthRefused:
            return f"caller {request.caller}"

    # -- data --

    def _data(self, request: SimRequest, path: str, query: str) -> SimResponse:
        try:
            grant = self._authority.check(request.headers.get("authorization"))
        except Refused as refused:
            allowed, headers = self._data_window.take(f"caller {request.caller}")
            return self._refusal(refused if allowed else Refused(429, "Too many requests."), headers)
        allowed, headers = self._data_window.take(grant.client)
        try:
            if not allowed:
                raise Refused(429, "Too many requests.")
            response = self._route(Call(request, path, query, grant))
        except Refused as refused:
            return self._refusal(refused, headers)
        return evolve(response, headers=(*response.headers, *headers))

    def _refusal(self, refused: Refused, headers: Headers) -> SimResponse:
        if refused.status in (401, 403) and self._settings.auth_error_key == "message":
            return _json(refused.status, {"message": str(refused)}, headers)
        return _json(refused.status, {"errors": list(refused.texts)}, headers)

    def _route(self, call: Call) -> SimResponse:
        method, path = call.request.method, call.path
        listing = LISTINGS.get(path.removeprefix("/v3/")) if path.startswith("/v3/") else None
        if method == "GET":
            if listing:
                return self._list(call, listing)
            if match := SINGLE.fullmatch(path):
                return self._single(call, match[1], int(match[2]))
            if match := BULK.fullmatch(path):
                return self._bulk(call, match[1])
        if method == "POST" and (match := ACTION.fullmatch(path)):
            return self._act(call, int(match[1]), match[2])
        if method == "PATCH" and (match := DETAIL.fullmatch(path)):
            return self._correct(call, int(match[1]))
        raise Refused(404, "Not found.")

    def _need(self, call: Call, scope: str) -> None:
        if scope not in call.grant.scopes:
            raise Refused(403, f"The scope {scope} is missing.")

    def _is_admin(self, user: int) -> bool:
        record = self._account["users"].find(user)
        return bool(record and record["site_admin"] and not record["deactivated"])

    # -- lists --

    def _list(self, call: Call, listing: Listing) -> SimResponse:
        self._need(call, listing.scope)
        admin = self._is_admin(call.grant.user)
        # Whatever the scopes: lists are for Site Admins. https://harvestdocs.greenhouse.io/docs/authentication
        if not admin and self._settings.non_admin_lists == "forbidden":
            raise Refused(403, "You do not have permission to list this resource.")
        query = read_query(listing, call.query, cursors=self.cursors, settings=self._settings)
        rows = self._page(listing, query, call.grant.user) if admin else []
        page, more = rows[: query.per_page], len(rows) > query.per_page
        body = b"[" + b",".join(self._render(listing, query, row) for row in page) + b"]"
        if not more:
            return SimResponse(200, JSON, body)
        cursor = self.cursors.write(listing, query.parameters, page[-1].data["id"])
        link = f'<{self._origin(call.request)}{call.path}?cursor={cursor}>; rel="next"'
        return SimResponse(200, (*JSON, ("Link", link)), body)

    def _origin(self, request: SimRequest) -> str:
        if self.base_url:
            return self.base_url.rstrip("/")
        host = request.headers.get("host")
        if host is None:
            return ORIGIN
        plain = "http" if host.partition(":")[0] in ("127.0.0.1", "localhost", "[") else "https"
        return f"{request.headers.get('x-forwarded-proto', plain)}://{host}"

    def _page(self, listing: Listing, query: Query, user: int) -> list[Row]:
        """A page's rows, and one more if there is a next page."""
        table = self._account[listing.name]
        tests = [condition.test for condition in query.conditions]
        tests += [t for t in (self._account.sight(user, listing.name), self._left_out(listing, query)) if t]
        rows = table.scan(self._account.clock(), below=query.below, among=_narrowest(table, query))
        found: list[Row] = []
        for row in rows:
            if all(test(row.data) for test in tests):
                found.append(row)
                if len(found) > query.per_page:
                    break
        return found

    def _left_out(self, listing: Listing, query: Query) -> Callable[[Record], bool] | None:
        """Built-in reasons and service users are left out unless asked for."""
        extras = self._account.extras
        hidden = {REJECTION_REASONS.name: extras.default_reasons, USERS.name: extras.service_users}.get(
            listing.name
        )
        if query.widened or not hidden:
            return None
        return lambda record: record["id"] not in hidden

    def _render(self, listing: Listing, query: Query, row: Row) -> bytes:
        table = self._account[listing.name]
        ages = listing is APPLICATION_STAGES and row.data["current"]
        if not ages and query.fields is None:
            return table.render(row)
        record = self._aged(row.data) if ages else row.data
        return encode(record if query.fields is None else {name: record.get(name) for name in query.fields})

    def _aged(self, record: Record) -> Record:
        """A current application_stages row, with the days it has lasted by now."""
        if not record["entered_at"]:
            return record
        lasted = self._account.clock() - times.seconds(record["entered_at"])
        return {**record, "days_in_stage": max(int(lasted // times.DAY), 0)}

    # -- single records, of which there are few --

    def _single(self, call: Call, name: str, id: int) -> SimResponse:
        if name == "applications" and not self._settings.single_application_get:
            raise Refused(404, "Not found.")
        self._need(call, f"harvest:{name}:list")
        if not self._is_admin(call.grant.user):
            raise Refused(403, "You do not have permission to read this resource.")
        table = self._account[name]
        row = table.shown(id, self._account.clock())
        sight = self._account.sight(call.grant.user, name)
        if row is None or (sight and not sight(row.data)):
            raise Refused(self._settings.unknown_id_status, "Not found.")
        return SimResponse(200, JSON, table.render(row))

    def _bulk(self, call: Call, id: str) -> SimResponse:
        self._need(call, "harvest:bulk_requests:list")
        found = self._account.extras.bulk_requests.get(id.lower())
        if found is None:
            raise Refused(self._settings.unknown_id_status, "Not found.")
        return _json(200, found, ())

    # -- writes --

    def _act(self, call: Call, id: int, action: str) -> SimResponse:
        self._need(call, f"harvest:applications:{action}")
        body = read_body(call.request)
        application = self._for_write(call, self._account["applications"].find(id))
        actor = call.grant.user
        return self._written(
            call,
            body,
            application["id"],
            lambda: self._writes.on_application(action, application, body, actor=actor),
        )

    def _correct(self, call: Call, id: int) -> SimResponse:
        self._need(call, "harvest:rejection_details:update")
        body = read_body(call.request)
        detail = self._account["rejection_details"].find(id)
        application = self._account["applications"].find(detail["application_id"]) if detail else None
        found = self._for_write(call, application)
        return self._written(call, body, found["id"], lambda: self._writes.correct_reason(detail or {}, body))

    def _for_write(self, call: Call, application: Record | None) -> Record:
        if application is None:
            raise Refused(self._settings.unknown_id_status, "Not found.")
        user = call.grant.user
        sight = self._account.sight(user, "applications")
        jobs = (
            [application["job_id"]] if application["job_id"] else application["prospective_job_ids"] or [None]
        )
        if (sight and not sight(application)) or not any(self._account.may_act(user, job) for job in jobs):
            raise Refused(403, "You do not have permission for that job.")
        return application

    def _written(self, call: Call, body: Any, id: int, act: Callable[[], Outcome]) -> SimResponse:
        now, lag = self._account.clock(), self._account.lag
        before = self._state(id)
        lag.until = now + self._settings.visible_after if self._settings.visible_after else None
        try:
            outcome = act()
        finally:
            lag.until = None
        self._tell(
            Accepted(
                at=now,
                method=call.request.method,
                target=call.request.target,
                body=body,
                application=str(id),
                before=before,
                after=self._state(id),
                actor=str(call.grant.user),
            )
        )
        if outcome.record is None:
            return SimResponse(outcome.status)
        gone = missing_fields(LISTINGS[outcome.listing], self._settings)
        return _json(outcome.status, {k: v for k, v in outcome.record.items() if k not in gone}, ())


def _narrowest(table: Table, query: Query) -> tuple[str, frozenset[Any]] | None:
    """The condition that an index serves best: ids before parents."""
    usable = [c for c in query.conditions if c.column and (c.column == "id" or table.has(c.column))]
    best = min(usable, key=lambda c: c.column != "id", default=None)
    return (best.column, best.values) if best and best.column else None


def _json(status: int, body: object, headers: Iterable[tuple[str, str]]) -> SimResponse:
    return SimResponse(status, (*JSON, *headers), encode(body))
