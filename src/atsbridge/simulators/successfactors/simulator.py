"""`SuccessFactorsSimulator`: one tenant, one API user, and whatever people do in SuccessFactors' pages."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, unquote, urlencode

from attrs import define, field

from .. import people
from ..curl import TOKEN, curl, mint
from ..interface import Accepted, HookPost, Limits, SimRequest, SimResponse, Simulator, Truth
from ..posting import on_loopback
from .account import CLOSED, NOT_SUBMITTED, OPEN, Account, Impossible
from .answers import (
    BASIC,
    ENDPOINT,
    INTERNAL_EXPIRED,
    MISSING_CREDENTIALS,
    NO_ADMIN,
    ODATA_OFF,
    TOKEN_EXPIRED,
    TOKEN_FORMAT,
    TOKEN_INVALID,
    URL_LENGTH,
    WRONG_HOST,
    Refusal,
    Row,
    TokenRefusal,
    malformed,
)
from .api import Api
from .assertion import signed_assertion
from .folder import load
from .hooks import Hooks
from .invent import candidate, fill
from .oauth import GRANT, Tokens, key_pair
from .schema import EXPORTS, UPDATE

HOST = "api4.successfactors.com"
COMPANY = "acmeCorpT1"
USER = "sfapi_user"
_ROOT = "/odata/v2/"
_ATOM = b'<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom"></feed>'


@define(eq=False, kw_only=True)
class SuccessFactorsSimulator(Simulator):
    """SuccessFactors Recruiting in memory.

    `from_folder` reads recorded lists as they came, ``<Entity>[.<anything>].json`` each, such as
    ``JobApplication.2.json``: their rows, and what those have expanded, are the tenant.
    """

    name: ClassVar[str] = "successfactors"
    settings: ClassVar[Mapping[str, str]] = {
        "moves_bump": "a change of status moves the application's lastModifiedDateTime",
        "repeats_add_history": "writing the status it is in adds a row to the trail",
        "hired_reads": "the derived status of who is hired: Open or Closed",
        "item_offset": "what is written is the status id plus this; 0: they are the same",
        "closed_writes": "applications of a closed requisition can be written to",
        "comments_writable": "statusComments can be written by upsert",
        "demands": "upserts need candidateId and jobReqId in the body, as some templates have it",
        "text_states": "internalStatus of requisitions reads as text; False: as its number",
        "deleted_reads": "what the flag of a deleted requisition reads",
        "expired_code": "what an expired token is answered with: LGN0022 or LGN0006",
        "expired_status": "the HTTP status of LGN0022, an expired token: 401 or 403",
        "hook_minutes": "how long after a change its web hook leaves; 15 has been seen",
        "hook_url": "the receiver's address; posted to where it is plain http of this machine",
        "url_limit": "how many characters a URL may have; no page gives the number",
    }

    clock: Callable[[], float] = time.time
    limits: Limits = field(factory=Limits)
    seed: int = 1
    moves_bump: bool = True
    repeats_add_history: bool = False
    hired_reads: str = "Open"
    item_offset: int = 0
    closed_writes: bool = False
    comments_writable: bool = True
    demands: bool = False
    text_states: bool = True
    deleted_reads: str = "Deleted"
    expired_code: str = "LGN0022"
    expired_status: int = 401
    hook_minutes: float = 0.0
    hook_url: str = "https://hooks.example.com/hooks/successfactors"
    url_limit: int = 8000
    accepted: list[Accepted] = field(factory=list)
    credentials: Mapping[str, str] = field(init=False)
    account: Account = field(init=False)
    hooks: Hooks = field(init=False)
    tokens: Tokens = field(init=False)
    api: Api = field(init=False)
    maintenance: bool = False
    generating: bool = False
    """The metadata is being made in another thread, and every query fails meanwhile."""
    odata: bool = True
    admin: bool = True
    """The API user has the permission that all of OData needs."""
    _sessions: int = 0

    def __attrs_post_init__(self) -> None:
        mark = people.marks.secret
        private, public = key_pair()
        self.account = Account(
            clock=self._clock, moves_bump=self.moves_bump, repeats_add_history=self.repeats_add_history,
            hired_code={"Open": OPEN, "Closed": CLOSED}[self.hired_reads], item_offset=self.item_offset,
            closed_writes=self.closed_writes, tell=self._changed,
        )  # fmt: skip
        self.credentials = {
            "api_host": HOST,
            "company_id": COMPANY,
            "user_id": USER,
            "api_key": f"ak{mark}{self.seed:08d}",
            # In one line, so that it can be exported; the armour says nothing.
            "private_key": "".join(private.split("-----")[2].split()),
            "hook_user": "atsbridge",
            "hook_password": f"hp{mark}{self.seed:08d}",
        }
        self.hooks = Hooks(
            clock=self._clock, user="atsbridge", password=self.credentials["hook_password"],
            minutes=self.hook_minutes, url=self.hook_url,
        )  # fmt: skip
        self.tokens = Tokens(
            clock=self._clock, host=HOST, company=COMPANY, api_key=self.credentials["api_key"],
            public_key=public, users={USER: "sfapi@example.com"}, mark=mark,
        )  # fmt: skip
        self.api = Api(
            account=self.account, host=HOST, user=USER, accepted=self.accepted, demands=self.demands,
            comments_writable=self.comments_writable, text_states=self.text_states,
        )  # fmt: skip

    def _clock(self) -> float:
        return self.clock()

    def first_steps(self, url: str) -> tuple[str, ...]:
        """With an assertion that holds for a day: no shell signs one."""
        given = self.credentials
        assertion = signed_assertion(
            api_key=given["api_key"], user=USER, host=HOST, private_key=key_pair()[0], now=self.clock()
        )
        form = {
            "company_id": COMPANY, "client_id": given["api_key"], "grant_type": GRANT, "assertion": assertion
        }  # fmt: skip
        token = mint(curl(f"{url}/oauth/token", data=urlencode(form)))
        headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/json"}
        read, id = curl(f"{url}{_ROOT}JobApplication?$top=1", headers=headers), self.movable()
        if id is None:
            return token, read
        about = {"uri": f"JobApplication({id}L)", "type": "SFOData.JobApplication"}
        body = json.dumps({"__metadata": about, "appStatusSetItemId": self.stages_for(id)[0]})
        headers = {**headers, "Content-Type": "application/json"}
        return token, read, curl(f"{url}{_ROOT}upsert", headers=headers, data=body)

    # -- seeding --

    @classmethod
    def generate(cls, applications: int, *, seed: int = 1, **settings: Any) -> Self:
        sim = cls(seed=seed, **settings)
        sim.account.tell = sim._silent
        fill(sim.account, applications, seed=seed)
        sim.account.tell = sim._changed
        return sim

    @classmethod
    def from_folder(cls, folder: Path, **settings: Any) -> Self:
        sim = cls(**settings)
        load(sim.account, folder, sim.api.entities)
        return sim

    def _silent(self, _application: Row) -> None:
        """What was done before anybody listened."""

    def _changed(self, application: Row) -> None:
        status = self.account.status(application["appStatusSetItemId"])
        self.hooks.tell(application, status["appStatusId"] if status else None)

    # -- the API --

    def respond(self, request: SimRequest) -> SimResponse:
        if self.maintenance:
            text = b"The suite is currently under scheduled maintenance."
            return self._answered(503, text, kind="text/plain")
        path, _, asked = request.target.partition("?")
        try:
            if len(request.target) > self.url_limit:
                raise Refusal(URL_LENGTH, "The URL is too long")
            if path.startswith("/oauth/"):
                return self._oauth(path, request)
            if not path.startswith(_ROOT):
                raise Refusal(ENDPOINT, "invalid endpoint")
            self._log_in(request)
            return self._odata(unquote(path.removeprefix(_ROOT)), _query(asked), request)
        except Refusal as refusal:
            return self._answered(refusal.status, refusal.body())
        except TokenRefusal as refusal:
            return self._answered(refusal.status, refusal.body())

    def _oauth(self, path: str, request: SimRequest) -> SimResponse:
        if path == "/oauth/token" and request.method == "POST":
            return self._answered(200, self.tokens.answer(request.body))
        if path == "/oauth/validate" and request.method == "GET":
            self._log_in(request)
            return self._answered(200, {})
        # To have SAP make the assertion is insecure, and withdrawn: KBA 3462403.
        raise Refusal(ENDPOINT, "invalid endpoint")

    def _log_in(self, request: SimRequest) -> None:
        host = request.headers.get("host", HOST).partition(":")[0]
        if re.fullmatch(r".*\.(successfactors|sapsf)\.\w+", host) and not host.startswith("api"):
            raise Refusal(WRONG_HOST, "this authentication type is not allowed on a non-API server")
        if not self.odata:
            raise Refusal(ODATA_OFF, "OData API feature is not enabled for the company")
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        if not scheme:
            raise Refusal(MISSING_CREDENTIALS, "no credentials")
        if scheme == "Basic":
            raise Refusal(BASIC, "basic authentication is disabled, or the IP address is not allowed")
        if scheme != "Bearer" or not re.fullmatch(r"[\w+/=.-]+", text):
            raise Refusal(TOKEN_FORMAT, "the OAuth token is malformed")
        state = self.tokens.state_of(text)
        if state == "unknown":
            raise Refusal(TOKEN_INVALID, "Invalid OAuth token")
        if state == "expired":
            why = "The access token is either rejected or expired"
            if self.expired_code == INTERNAL_EXPIRED.number:
                raise Refusal(INTERNAL_EXPIRED, why)
            raise Refusal(TOKEN_EXPIRED, why, status=self.expired_status)

    def _odata(self, path: str, query: dict[str, str], request: SimRequest) -> SimResponse:
        if self.generating:
            why = "OData metadata is being generated for the same instance in another thread"
            return self._answered(500, {"error": {"code": "", "message": {"lang": "en-US", "value": why}}})
        if not self.admin:
            raise Refusal(NO_ADMIN, "the user lacks the permission of OData API administration")
        session = self._session(request)
        wants_json = "json" in request.headers.get("accept", "") or query.get("$format", "").lower() == "json"
        if path == "upsert" and request.method == "POST":
            found: Any = {"d": self.api.upsert(_body(request), query)}
            kind = "json"
        elif request.method == "GET":
            kind, found = self.api.get(path, query, session)
        else:
            raise malformed(f"{request.method} is not supported here")
        if kind == "xml":
            return self._answered(200, found, kind="application/xml", session=session)
        if not wants_json:
            return self._answered(200, _ATOM, kind="application/atom+xml", session=session)
        return self._answered(200, found, session=session)

    def _session(self, request: SimRequest) -> str:
        """The caller's own, by the cookie; a new one for whoever sends none."""
        found = re.search(r"JSESSIONID=(s\d+)", request.headers.get("cookie", ""))
        if found is not None:
            return found[1]
        self._sessions += 1
        return f"s{self._sessions}"

    def _answered(
        self, status: int, body: Any, *, kind: str = "application/json", session: str = ""
    ) -> SimResponse:
        headers = [
            ("Content-Type", f"{kind};charset=utf-8"),
            ("Date", time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(self.clock()))),
        ]
        if session:
            headers += [
                ("Set-Cookie", f"JSESSIONID={session}; Secure; HttpOnly"),
                ("X-CSRF-Token", f"csrf-{session}"),
            ]
        content = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
        return SimResponse(status, tuple(headers), content)

    def throttled(self) -> SimResponse:
        """No limit is in force. No page shows what one looks like; SAP advises to wait 300 s."""
        text = b'{"error":{"code":"RATE_LIMIT","message":{"lang":"en-US","value":"Too many requests"}}}'
        return SimResponse(429, (("Content-Type", "application/json"), ("Retry-After", "20")), text)

    # -- what a test may do to a connection --

    def expire_tokens(self) -> bool:
        self.tokens.expire_all()
        return True

    def expire_cursors(self) -> bool:
        """The sessions are over, and with them their snapshots."""
        self.api.age += 1
        return True

    def permissions(self) -> tuple[str, ...]:
        return (*EXPORTS.values(), UPDATE)

    def revoke(self, permission: str) -> None:
        if permission not in self.permissions():
            raise ValueError(f"the role has no permission {permission}")
        self.api.granted.discard(permission)

    def operate(self, requisition: str) -> None:
        """The API user becomes a sourcer of a requisition: without Export that is what it sees."""
        id = int(requisition)
        self.account["JobRequisitionOperator"][(id, "S", USER)] = {
            "jobReqId": id, "usersSysId": USER, "userName": USER, "firstName": "API", "lastName": "User",
            "email": "sfapi@example.com", "phone": None, "operatorRole": "S",
        }  # fmt: skip

    def obstacles(self) -> Mapping[str, Callable[[str], None]]:
        return {
            "the requisition is closed": self.close_requisition,
            "the user may no longer write": lambda _id: self.revoke(UPDATE),
            "the template wants more in the body": self._demand,
        }

    def _demand(self, _application: str) -> None:
        self.api.demands = True

    def close_requisition(self, application: str) -> None:
        self.account.close(self._requisition(self._find(application)))

    def deliveries(self) -> tuple[SimRequest, ...]:
        return self.hooks.sent()

    @property
    def posts_hooks(self) -> bool:
        return on_loopback(self.hook_url)

    def hooks_due(self) -> Sequence[HookPost]:
        return self.hooks.due() if self.posts_hooks else ()

    # -- what is really so --

    def truth(self) -> Mapping[str, Truth]:
        return {str(row["applicationId"]): self.account.truth(row) for row in self.account.submitted()}

    def deleted(self) -> frozenset[str]:
        return frozenset(map(str, self.account.gone))

    # -- what people do --

    def _find(self, application: str) -> Row:
        row = self.account["JobApplication"].get(int(application) if application.isdigit() else -1)
        if row is None or row["status"] in NOT_SUBMITTED:
            raise ValueError("there is no such application")
        return row

    def _requisition(self, row: Row) -> Row:
        found: Row = self.account["JobRequisition"][row["jobReqId"]]
        return found

    def _active(self, application: str) -> Row:
        row = self._find(application)
        if self.account.truth(row).status != "active":
            raise ValueError("the application has ended")
        return row

    def _own(self, row: Row, meant: str) -> list[Row]:
        found = self.account.statuses(self.account.set_of(row))
        return [status for status in found if status["meant"] == meant]

    def stages_for(self, application: str) -> list[str]:
        row = self._find(application)
        items = [self.account.item(status) for status in self._own(row, "active")]
        return [str(item) for item in items if item != row["appStatusSetItemId"]]

    def stage_name(self, stage: str) -> str:
        status = self.account.status(int(stage))
        if status is None:
            raise ValueError("there is no such status")
        return str(status["appStatusName"])

    def reasons(self, outcome: str) -> list[str]:
        """The statuses that end so: there are no reasons beside them."""
        meant = {"rejected": "disqualified", "withdrawn": "withdrawn"}.get(outcome)
        rows = self.account["JobApplicationStatus"].values()
        return [str(self.account.item(row)) for row in rows if row["meant"] == meant]

    def move(self, application: str, stage: str) -> None:
        row = self._active(application)
        if stage not in map(str, (self.account.item(s) for s in self._own(row, "active"))):
            raise ValueError("the status is not one of its set that can be moved to")
        status = self.account.status(int(stage))
        assert status is not None  # noqa: S101 - it has just been found
        self.account.change(row, status, by="user1")

    def reject(self, application: str, reason: str) -> None:
        """A status of the set, or the one of the same name in the application's own set."""
        row, named = self._active(application), self.stage_name(reason)
        ends = [*self._own(row, "disqualified"), *self._own(row, "withdrawn")]
        found = [status for status in ends if status["appStatusName"] == named]
        if not found:
            raise ValueError("its set has no such status")
        self.account.change(row, found[0], by="user1")

    def reactivate(self, application: str) -> None:
        row = self._find(application)
        if self.account.truth(row).status == "active":
            raise ValueError("the application is active")
        if self._requisition(row)["internalStatus"] == 2:
            raise ValueError("the requisition is closed")
        self.account.change(row, self._own(row, "active")[0], by="user1")

    def hire(self, application: str) -> None:
        row = self._active(application)
        self.account.change(row, self._own(row, "hired")[0], by="user1")

    def end_by_system(self, application: str, status: str) -> None:
        """What the candidate, a rule or the requisition's end does: a status that nobody can pick."""
        row = self._find(application)
        self.account.change(row, self.account.named(self.account.set_of(row), status), by="rcmuser")

    def edit(self, application: str) -> None:
        row = self._find(application)
        row["source"] = f"Source {self.account.number('source', 1)}"
        self.account.touch(row)
        self._changed(row)

    def apply(self, *, name: str, email: str | None, job: str | None = None) -> str:
        account = self.account
        given, _, family = name.partition(" ")
        person = people.Person(given, family, email, None, "", "", "")
        somebody = candidate(account, person, self.clock())
        account["Candidate"][somebody["candidateId"]] = somebody
        usable = [j for j in account["JobRequisition"].values() if j["internalStatus"] == 1]
        place = account["JobRequisition"][int(job)] if job else usable[somebody["candidateId"] % len(usable)]
        status = account.named(place["statusSetId"], "Default")
        row = account.apply(requisition=place, candidate=somebody, status=status)
        return str(row["applicationId"])

    def delete(self, application: str) -> None:
        self.account.delete(self._find(application)["applicationId"])

    def anonymise(self, application: str) -> None:
        self.account.anonymise(self.account["Candidate"][self._find(application)["candidateId"]])

    def merge(self, loser: str, survivor: str) -> None:
        raise ValueError("no page says what a merge does to applications")

    def delete_requisition(self, job: str) -> None:
        """Softly: the flag alone says so."""
        row = self.account["JobRequisition"][int(job)]
        row["deleted"] = self.deleted_reads
        self.account.touch(row)

    def rename_stage(self, stage: str, name: str) -> None:
        status = self.account.status(int(stage))
        if status is None:
            raise ValueError("there is no such status")
        status["appStatusName"] = name
        self.account["JobApplicationStatusLabel"][(status["appStatusId"], "en_US")]["statusLabel"] = name

    def deactivate_stage(self, stage: str) -> None:
        """It leaves its set; nobody may stand in it, or have stood."""
        status = self.account.status(int(stage))
        if status is None or status["meant"] == "system":
            raise ValueError("the status stays")
        rows = self.account["JobApplication"].values()
        trail = self.account["JobApplicationStatusAuditTrail"].values()
        items = {row["appStatusSetItemId"] for row in rows} | {row["item"] for row in trail}
        same = [s for s in self.account.statuses(status["appStatusSetId"]) if s["meant"] == status["meant"]]
        if int(stage) in items or len(same) < 2:
            raise ValueError("the status is in use")
        del self.account["JobApplicationStatus"][(status["appStatusId"], status["appStatusSetId"])]

    # -- what an administrator does --

    def remove_field(self, entity: str, name: str) -> None:
        """A template loses a field or a navigation: whoever asks for it gets nothing at all."""
        found = self.api.entities[entity]
        if found.types.pop(name, None) is None:
            del found.navigations[name]


def _query(text: str) -> dict[str, str]:
    """Keys and values as they were before encoding; a plus is a blank, as in every form."""
    return dict(parse_qsl(text, keep_blank_values=True))


def _body(request: SimRequest) -> Any:
    if "json" not in request.headers.get("content-type", "json"):
        raise malformed("the content type is not supported")
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        raise malformed("the body is not JSON") from None


__all__ = ["HOST", "Impossible", "SuccessFactorsSimulator"]
