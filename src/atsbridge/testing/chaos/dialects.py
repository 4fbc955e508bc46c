"""What each vendor's writes and answers look like from outside: what the witness must know to read them.

Written from the vendors' pages, like the lists of what may leave, and from no
adapter. A vendor that is added to `DIALECTS` is judged wherever a `Witness`
stands, and drawn by every seed of the chaos.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit
from xml.etree import ElementTree

from attrs import evolve, frozen

from ...simulators.interface import Accepted, SimRequest, SimResponse
from ..network import is_write

Pair = tuple[str | None, bool]
"""A stage, and whether the application is active."""


@frozen
class Shown:
    """What one read showed: stage, whether it is active, and how many stages were entered, if told."""

    pair: Pair
    entered: int | None


class Dialect(ABC):
    """One vendor's, with the account that is simulated."""

    job_pipelines = True
    """Each job has stages of its own."""
    counted: frozenset[str] = frozenset()
    """The kinds of writes after which the vendor's history tells what came between."""
    counts_ending_anew = True
    """So it does for another reason of an end that was there, which is no entry of some histories."""
    compared: frozenset[str] = frozenset()
    """The kinds of writes that name the stage they expect, and are refused from another one."""
    asks_for_tokens = False
    """The credential is not sent itself: it is given for access tokens."""
    anywhere = True
    """A move may go from any stage of a pipeline to any other."""
    resends = True
    """A write that has had no effect once all doubt is over may be sent again."""
    moves_ended = True
    """An application that has ended is moved like any other."""
    ends_anew = False
    """A move takes an end back: whoever has ended is reopened, moved and ended anew."""
    reopens_alone = True
    """The end of an application can be taken back without naming a stage."""
    shows_late: str | None = "visible_after"
    """The simulator's switch for how long a write does not show, where the vendor's page tells of such."""
    rotating: ClassVar[Mapping[str, Any]] = {}
    """Switches of the simulator with which a refresh token is used once; see `authorised`."""
    ways: ClassVar[Mapping[str, str]] = {}
    """Stages that only one other can be reached from, and that one: on its way elsewhere a move makes two."""
    silent: ClassVar[Mapping[str, Any]] = {}
    """Switches of the simulator with which a change does not move the time that listings go by."""
    silent_settings: ClassVar[Mapping[str, Any]] = {}
    """What the adapter has to be told of such an account."""
    short_pages: ClassVar[Mapping[str, Any]] = {}
    """Settings of the adapter with which even a small account has several pages."""
    read_is_one = True
    """A fresh read of an application is one request, or shows in one all that counts."""
    reads_show_a_person = False
    """A read of one application shows all of its person's."""
    lists_history = False
    """A listing shows each application's history, not only a read of it alone."""
    checked = 3
    """Exit code of a check with all permissions: 3 where some cannot be proved by reading.

    What Lever's key may do, say, is known only to who made it; Greenhouse's token names its scopes.
    """

    def __init__(self, simulator: Any) -> None:
        self.simulator = simulator

    def settings(self) -> Mapping[str, Any]:
        """Settings of the adapter beside those that the simulated account tells."""
        return {"visible_within_seconds": 0.0}

    def authorised(self) -> Mapping[str, Any] | None:
        """The adapter's credentials as a person's consent gives them anew: a refresh token that is used once.

        None: this vendor gives none.
        """
        return None

    def empty_page(self, answer: SimResponse, token: str) -> SimResponse | None:
        """A page without records, and more behind this token; None where there is none such."""
        return None

    def is_write(self, request: SimRequest) -> bool:
        return is_write(request)

    @abstractmethod
    def application(self, request: SimRequest) -> str:
        """Of a write."""

    @abstractmethod
    def shown(self, response: SimResponse) -> Iterable[tuple[str, Shown]]:
        """What an answer shows of single applications, if it is about one person or application alone."""

    def told_beside(self, response: SimResponse) -> Iterable[tuple[str, Pair]]:
        """What an answer about many tells of some that the reads of each alone do not show."""
        return ()

    @abstractmethod
    def target(self, request: SimRequest) -> str:
        """The stage that a move names."""

    def kinds(self, request: SimRequest, write: Accepted) -> frozenset[str]:
        """``move``, ``reactivate``, ``end``: which of them a write may be.

        Here for vendors that have one write for all: what it did tells of an end,
        and that a move is one out of the end only the one who asked for it knows.
        """
        assert write.after is not None
        return frozenset({"move", "reactivate"} if write.after.status == "active" else {"end"})


class Lever(Dialect):
    job_pipelines = False
    counted = frozenset({"move"})
    lists_history = True
    rotating: ClassVar[Mapping[str, Any]] = {"rotate_refresh": True}

    def settings(self) -> Mapping[str, Any]:
        return {}

    def authorised(self) -> Mapping[str, Any]:
        client = self.simulator.oauth_client
        scopes = " ".join(f"{name}:admin" for name in self.simulator.permissions())
        known = {"client_id": client["client_id"], "client_secret": client["client_secret"]}
        asked = {
            "client_id": client["client_id"], "redirect_uri": client["redirect_uri"], "response_type": "code",
            "audience": "https://api.lever.co/v1/", "scope": f"offline_access {scopes}",
        }  # fmt: skip
        page = self.simulator.respond(SimRequest("GET", f"/authorize?{urlencode(asked)}"))
        code = parse_qs(urlsplit(page.header("location")).query)["code"][0]
        form = {**client, "grant_type": "authorization_code", "code": code}
        kind = {"content-type": "application/json"}
        answer = self.simulator.respond(SimRequest("POST", "/oauth/token", kind, json.dumps(form).encode()))
        return {**known, "refresh_token": json.loads(answer.body)["refresh_token"]}

    def empty_page(self, answer: SimResponse, token: str) -> SimResponse | None:
        if b'"hasNext"' not in answer.body:
            return None
        return evolve(answer, body=json.dumps({"data": [], "hasNext": True, "next": token}).encode())

    def application(self, request: SimRequest) -> str:
        return _in_path(r"/v1/opportunities/([^/?]+)", request)

    def shown(self, response: SimResponse) -> Iterable[tuple[str, Shown]]:
        one = _object(response, "data")
        if "stageChanges" not in one:
            return
        yield one["id"], Shown((one["stage"], one["archived"] is None), len(one["stageChanges"]))

    def target(self, request: SimRequest) -> str:
        return str(json.loads(request.body)["stage"])

    def kinds(self, request: SimRequest, write: Accepted) -> frozenset[str]:
        if request.target.partition("?")[0].endswith("/stage"):
            return frozenset({"move"})
        return frozenset({"reactivate" if write.body == {"reason": None} else "end"})


class Greenhouse(Dialect):
    silent: ClassVar[Mapping[str, Any]] = {"move_bumps_updated_at": False, "status_bumps_updated_at": False}
    compared = frozenset({"move"})
    asks_for_tokens = True
    moves_ended = False
    checked = 0

    def application(self, request: SimRequest) -> str:
        return _in_path(r"/v3/applications/([^/?]+)", request)

    def shown(self, response: SimResponse) -> Iterable[tuple[str, Shown]]:
        one = _object(response)
        if not {"job_interview_stage_id", "candidate_id"} <= one.keys():
            return
        held = one["job_interview_stage_id"]
        stage = None if held is None else str(held)
        yield str(one["id"]), Shown((stage, one["status"] == "in_process"), None)

    def target(self, request: SimRequest) -> str:
        return str(json.loads(request.body)["to_stage_id"])

    def kinds(self, request: SimRequest, write: Accepted) -> frozenset[str]:
        verb = request.target.partition("?")[0].rpartition("/")[2]
        return frozenset({{"move": "move", "unreject": "reactivate"}.get(verb, "end")})


class Ashby(Dialect):
    """Every request is a POST, and every status write is a change of stage."""

    def empty_page(self, answer: SimResponse, token: str) -> SimResponse | None:
        if b'"moreDataAvailable"' not in answer.body:
            return None
        page = {"success": True, "results": [], "moreDataAvailable": True, "nextCursor": token}
        return evolve(answer, body=json.dumps(page).encode())

    checked = 0
    counted = frozenset({"move", "end", "reactivate"})
    counts_ending_anew = False
    reopens_alone = False
    shows_late = None

    def is_write(self, request: SimRequest) -> bool:
        return request.target == "/application.changeStage"

    def application(self, request: SimRequest) -> str:
        return str(json.loads(request.body)["applicationId"])

    def shown(self, response: SimResponse) -> Iterable[tuple[str, Shown]]:
        one = _object(response, "results")
        if "applicationHistory" not in one or "currentInterviewStage" not in one:
            return
        active = one["status"] in ("Active", "Lead")
        stage = one["currentInterviewStage"]["id"]
        yield one["id"], Shown((stage, active), len(one["applicationHistory"]))

    def target(self, request: SimRequest) -> str:
        return str(json.loads(request.body)["interviewStageId"])


class OracleRecruiting(Dialect):
    """One action for all, which names a phase and a state in it; no history is shown."""

    silent: ClassVar[Mapping[str, Any]] = {"moves_bump": False}
    silent_settings: ClassVar[Mapping[str, Any]] = {"incremental": False}
    short_pages: ClassVar[Mapping[str, Any]] = {"page_size": 2}
    resends = False
    reopens_alone = False
    shows_late = None

    def application(self, request: SimRequest) -> str:
        return _in_path(r"/hcmRestApi/resources/[\w.]+/recruitingJobApplications/([^/?]+)", request)

    def shown(self, response: SimResponse) -> Iterable[tuple[str, Shown]]:
        one = _object(response)
        if not {"JobApplicationId", "PhaseId", "StateId"} <= one.keys():
            return
        stage = f"{one['PhaseId']}:{one['StateId']}"
        ended = one["StateName"] in ("Rejected by Employer", "Withdrawn by Candidate", "Processed")
        yield str(one["JobApplicationId"]), Shown((stage, not ended), None)

    def target(self, request: SimRequest) -> str:
        body = json.loads(request.body)
        return f"{body['phaseId']}:{body['stateId']}"


class Icims(Dialect):
    """One write for all, of the one field that says stage and end; nothing tells what came between."""

    job_pipelines = False
    asks_for_tokens = True
    resends = False
    reopens_alone = False
    reopens_unseen = True
    shows_late = None

    def is_write(self, request: SimRequest) -> bool:
        return request.method == "PATCH"

    def application(self, request: SimRequest) -> str:
        return _in_path(r"/customers/\d+/applicantworkflows/([^/?]+)", request)

    def shown(self, response: SimResponse) -> Iterable[tuple[str, Shown]]:
        one = _object(response)
        if not {"baseprofile", "associatedprofile", "links"} <= one.keys():
            return
        stage = one["status"]["id"] if "status" in one else None
        ended = {id for end in ("rejected", "withdrawn", "hired") for id in self._ending(end)}
        own = urlsplit(one["links"][0]["url"]).path.rpartition("/")[2]
        yield own, Shown((stage, stage is not None and stage not in ended), None)

    def _ending(self, end: str) -> Iterable[str]:
        """The statuses that the customer's table names so."""
        rows = self.simulator.configuration()["statuses"]
        return (row["id"] for row in rows if row["kind"] == end)

    def target(self, request: SimRequest) -> str:
        return str(json.loads(request.body)["status"]["id"])


class SmartRecruiters(Dialect):
    """Every status write is one call; an application is named by its path, in two parts."""

    reads_show_a_person = True
    ways: ClassVar[Mapping[str, str]] = {"LEAD": "NEW"}
    silent: ClassVar[Mapping[str, Any]] = {"status_bumps_updated": False}
    job_pipelines = False
    asks_for_tokens = True
    counted = frozenset({"move", "end", "reactivate"})
    reopens_alone = False
    shows_late = None
    checked = 0

    def is_write(self, request: SimRequest) -> bool:
        return request.method == "PUT"

    def application(self, request: SimRequest) -> str:
        found = re.match(r"/candidates/([^/?]+)/jobs/([^/?]+)/status", request.target)
        assert found is not None, request.target
        return f"{found[1]}:{found[2]}"

    def shown(self, response: SimResponse) -> Iterable[tuple[str, Shown]]:
        one = _object(response)
        if "secondaryAssignments" not in one or "phoneNumber" not in one:
            return
        for held in filter(None, (one["primaryAssignment"], *one["secondaryAssignments"])):
            status, sub = held["status"], held["subStatus"]
            stage = f"{status}:{sub}" if sub else status
            active = status not in ("HIRED", "REJECTED", "WITHDRAWN", "TRANSFERRED")
            yield f"{one['id']}:{held['job']['id']}", Shown((stage, active), None)

    def target(self, request: SimRequest) -> str:
        body = json.loads(request.body)
        return f"{body['status']}:{body['subStatus']}" if "subStatus" in body else str(body["status"])


class Recruitee(Dialect):
    """A placement is read with its candidate alone, and written by the second part of its name here."""

    reads_show_a_person = True
    resends = False
    shows_late = None
    ends_anew = True

    def __init__(self, simulator: Any) -> None:
        super().__init__(simulator)
        self._names: dict[str, str] = {}
        """Of each placement that was shown: a write names no candidate, and it may be gone by then."""

    def application(self, request: SimRequest) -> str:
        return self._names[_in_path(r"/c/[^/]+/placements/(\d+)/", request)]

    def shown(self, response: SimResponse) -> Iterable[tuple[str, Shown]]:
        one = _object(response, "candidate")
        for held in one.get("placements", ()):
            active = held["disqualified_at"] is None and not held["hired_in_this_placement"]
            name = self._names[str(held["id"])] = f"{one['id']}:{held['id']}"
            yield name, Shown((str(held["stage_id"]), active), None)

    def target(self, request: SimRequest) -> str:
        return str(json.loads(request.body)["placement"]["stage_id"])

    def kinds(self, request: SimRequest, write: Accepted) -> frozenset[str]:
        assert write.after is not None
        verb = request.target.partition("?")[0].rpartition("/")[2]
        moved = "move" if write.after.status == "active" else "end"
        return frozenset({{"change_stage": moved, "requalify": "reactivate"}.get(verb, "end")})


class SuccessFactors(Dialect):
    """Every status write is an upsert of one key of an application."""

    silent: ClassVar[Mapping[str, Any]] = {"moves_bump": False}
    asks_for_tokens = True
    counted = frozenset({"move", "end", "reactivate"})
    reopens_alone = False
    shows_late = None

    def is_write(self, request: SimRequest) -> bool:
        return request.target.partition("?")[0] == "/odata/v2/upsert"

    def application(self, request: SimRequest) -> str:
        found = re.search(r"JobApplication\((\d+)L\)", json.loads(request.body)["__metadata"]["uri"])
        assert found is not None
        return found[1]

    def shown(self, response: SimResponse) -> Iterable[tuple[str, Shown]]:
        one = _object(response, "d")
        if "applicationId" not in one or "appStatusSetItemId" not in one:
            return
        stage = str(one["appStatusSetItemId"])
        outcomes = ("rejected", "withdrawn", "hired")
        ends = {id for outcome in outcomes for id in self.simulator.reasons(outcome)}
        ended = stage in ends or self.simulator.stage_name(stage) in _ENDS_OF_EVERY_SET
        yield str(one["applicationId"]), Shown((stage, not ended), None)

    def target(self, request: SimRequest) -> str:
        return str(json.loads(request.body)["appStatusSetItemId"])


_ENDS_OF_EVERY_SET = frozenset(
    {
        "Auto Disqualified", "Withdrawn By Candidate", "Requisition Closed", "Hired On Other Requisition",
        "Declined DPCS", "Deleted On Demand By Candidate", "Deleted On Demand By Admin",
    }
)  # fmt: skip
"""The system statuses that end an application (SAP KBA 2528046)."""


class Workday(Dialect):
    """SOAP: the first element of the body says what is asked for."""

    reads_show_a_person = True
    read_is_one = False
    short_pages: ClassVar[Mapping[str, Any]] = {"page_size": 1}
    anywhere = False
    resends = False
    moves_ended = False
    shows_late = "visible_after_seconds"

    def is_write(self, request: SimRequest) -> bool:
        return b"Move_Candidate_Request" in request.body

    def application(self, request: SimRequest) -> str:
        wid = _wid(_elements(request.body), "Job_Application_Reference")
        return next((id for id in self.simulator.truth() if id.endswith(f":{wid}")), f":{wid}")

    def shown(self, response: SimResponse) -> Iterable[tuple[str, Shown]]:
        if b"Get_Candidates_Response" not in response.body:
            return
        candidates = _elements(response.body).findall(f".//{_WD}Candidate")
        for one in candidates if len(candidates) == 1 else ():
            whose = _wid(one, "Candidate_Reference")
            for applied in one.iter(f"{_WD}Job_Applied_To_Data"):
                step = applied.findtext(
                    f"{_WD}Workflow_Step_Reference/{_WD}ID[@{_WD}type='Workflow_Step_ID']"
                )
                active = applied.find(f"{_WD}Disposition_Reference") is None
                yield f"{whose}:{_wid(applied, 'Job_Application_Reference')}", Shown((step, active), None)

    def told_beside(self, response: SimResponse) -> Iterable[tuple[str, Pair]]:
        """That somebody was hired, only the report says, of a whole requisition at once."""
        if b'"Report_Entry"' not in response.body:
            return
        hired = [row for row in json.loads(response.body)["Report_Entry"] if row.get("Hired") == "1"]
        wids = {row["Application_ID"]: row["Current_Step_ID"] for row in hired}
        for id in self.simulator.truth() if wids else ():
            if (step := wids.get(id.partition(":")[2])) is not None:
                yield id, (step, False)

    def target(self, request: SimRequest) -> str:
        found = _elements(request.body).findtext(f".//{_WD}Next_Step_Reference/{_WD}ID")
        assert found is not None
        return found

    def kinds(self, request: SimRequest, write: Accepted) -> frozenset[str]:
        return frozenset({"move" if b"Next_Step_Reference" in request.body else "end"})


_WD = "{urn:com.workday/bsvc}"


def _elements(content: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(content)


def _wid(within: ElementTree.Element, reference: str) -> str | None:
    return within.findtext(f".//{_WD}{reference}/{_id('WID')}")


def _id(type: str) -> str:
    return f"{_WD}ID[@{_WD}type='{type}']"


DIALECTS: Mapping[str, type[Dialect]] = {
    "ashby": Ashby,
    "greenhouse": Greenhouse,
    "icims": Icims,
    "lever": Lever,
    "oracle_recruiting": OracleRecruiting,
    "recruitee": Recruitee,
    "smartrecruiters": SmartRecruiters,
    "successfactors": SuccessFactors,
    "workday": Workday,
}


def _in_path(pattern: str, request: SimRequest) -> str:
    found = re.match(pattern, request.target)
    assert found is not None, request.target
    return found[1]


def _object(response: SimResponse, key: str | None = None) -> Mapping[str, Any]:
    """The one object that a JSON answer holds, under a key or bare or as a list of one; else an empty one."""
    data = json.loads(response.body)
    if key is not None:
        data = data.get(key) if isinstance(data, dict) else None
    one = data[0] if isinstance(data, list) and len(data) == 1 else data
    return one if isinstance(one, dict) else {}
