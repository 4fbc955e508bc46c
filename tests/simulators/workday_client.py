"""Somebody who speaks SOAP to a simulated Workday by hand: text out, elements in."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from typing import Any

from atsbridge.simulators.interface import Limits, SimRequest, SimResponse
from atsbridge.simulators.workday import WorkdaySimulator

NOW = 1_790_000_000.0
DAY = 86_400
NS = "urn:com.workday/bsvc"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
TEXT = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText"

Node = ElementTree.Element


def w(path: str) -> str:
    """A path of names in Workday's namespace."""
    return "/".join(part if part in (".", "..", "*", "") else f"{{{NS}}}{part}" for part in path.split("/"))


def ref(name: str, kind: str, id: str) -> str:
    return f'<w:{name}><w:ID w:type="{kind}">{id}</w:ID></w:{name}>'


class World:
    """A simulator with a clock that stands still until told."""

    def __init__(self, count: int = 60, **settings: Any) -> None:
        self.now = NOW
        settings.setdefault("limits", Limits(None))
        self.sim = WorkdaySimulator.generate(count, seed=2, clock=lambda: self.now, **settings)

    @property
    def password(self) -> str:
        return str(self.sim._password)

    def security(self, user: str = "isu_bridge@acme", password: str | None = None) -> str:
        secret = self.password if password is None else password
        return (
            f'<s:Security xmlns:s="{WSSE}"><s:UsernameToken><s:Username>{user}</s:Username>'
            f'<s:Password Type="{TEXT}">{secret}</s:Password></s:UsernameToken></s:Security>'
        )

    def post(
        self,
        operation: str,
        content: str = "",
        *,
        security: str | None = None,
        path: str = "/ccx/service/acme/Recruiting/v40.0",
        version: str = "v40.0",
        descriptors: bool = False,
        **headers: str,
    ) -> SimResponse:
        common = (
            "<w:Workday_Common_Header><w:Include_Reference_Descriptors_In_Response>1"
            "</w:Include_Reference_Descriptors_In_Response></w:Workday_Common_Header>"
        )
        head = (self.security() if security is None else security) + (common if descriptors else "")
        text = (
            '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:w="urn:com.workday/bsvc">'
            f"<e:Header>{head}</e:Header><e:Body>"
            f'<w:{operation} w:version="{version}">{content}</w:{operation}></e:Body></e:Envelope>'
        )
        named = {"content-type": "text/xml; charset=utf-8"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return self.sim.respond(SimRequest("POST", path, named, text.encode()))

    def call(self, operation: str, content: str = "", **more: Any) -> Node:
        """The response element of a success."""
        answer = self.post(operation, content, **more)
        assert answer.status == 200, answer.body
        return inside(answer)

    def fault(self, operation: str, content: str = "", **more: Any) -> tuple[str, str]:
        """The code and the text of a fault, which always comes with 500."""
        answer = self.post(operation, content, **more)
        assert answer.status == 500 and (answer.header("content-type") or "").startswith("text/xml")
        told = inside(answer)
        assert told.tag.endswith("}Fault")
        return str(told.findtext("faultcode")), str(told.findtext("faultstring"))

    def pages(self, operation: str, criteria: str = "", *, count: int, at: str = "") -> list[Node]:
        """Every record of a listing, page by page."""
        found: list[Node] = []
        page = 1
        as_of = f"<w:As_Of_Entry_DateTime>{at}</w:As_Of_Entry_DateTime>" if at else ""
        while True:
            figures = f"<w:Page>{page}</w:Page><w:Count>{count}</w:Count>"
            asked = f"<w:Response_Filter>{as_of}{figures}</w:Response_Filter>"
            told = self.call(f"{operation}_Request", criteria + asked)
            found += told.findall(w("Response_Data/*"))
            if page >= int(told.findtext(w("Response_Results/Total_Pages")) or 0):
                return found
            page += 1

    def move(self, application: str, step: str, *, way: str = "Next_Step_Reference", more: str = "") -> str:
        """The request's content that moves an application (``candidate:application``)."""
        parameters = ref(way, "Workflow_Step_ID", step) + more
        return (
            f"<w:Dynamic_Business_Process_Parameters>{parameters}</w:Dynamic_Business_Process_Parameters>"
            f"<w:Move_Candidate_Data>{self.target(application)}</w:Move_Candidate_Data>"
        )

    def target(self, application: str) -> str:
        return ref("Job_Application_Reference", "WID", application.partition(":")[2])

    def report(
        self, name: str = "lmcneil/Job_Application_Status", query: str = "", **headers: str
    ) -> SimResponse:
        target = f"/ccx/service/customreport2/acme/{name}{query}"
        return self.sim.respond(SimRequest("GET", target, headers))

    def one(self, status: str = "active", *, movable: bool = True) -> str:
        """An application, that can be moved on where it is under way."""
        truth, jobs = self.sim.truth(), self.sim.account.requisitions
        usual = [id for id in sorted(truth) if not jobs[truth[id].job or ""]["evergreen"]]
        fits = [id for id in usual if truth[id].status == status]
        return next(id for id in fits if status != "active" or bool(self.sim.stages_for(id)) is movable)

    def candidate(self, application: str, **more: Any) -> Node:
        """The candidate of an application, by reference."""
        person = ref("Candidate_Reference", "WID", application.partition(":")[0])
        told = self.call(
            "Get_Candidates_Request", f"<w:Request_References>{person}</w:Request_References>", **more
        )
        found = told.find(w("Response_Data/Candidate"))
        assert found is not None
        return found

    def shown(self, application: str, **more: Any) -> Node:
        """The application itself, as its candidate shows it."""
        own = application.partition(":")[2]
        for applied in self.candidate(application, **more).iter(w("Job_Applied_To_Data")):
            if id_of(applied, "Job_Application_Reference") == own:
                return applied
        raise AssertionError("the candidate does not show it")


def inside(answer: SimResponse) -> Node:
    root = ElementTree.fromstring(answer.body)
    return root[0][0]


def id_of(node: Node, name: str, kind: str = "WID") -> str | None:
    """An id of a reference below a node."""
    for one in node.findall(w(f"{name}/ID")):
        if one.get(f"{{{NS}}}type") == kind:
            return one.text
    return None


def results(node: Node) -> tuple[int, ...]:
    """Total_Results, Total_Pages, Page_Results and Page."""
    names = ("Total_Results", "Total_Pages", "Page_Results", "Page")
    return tuple(int(node.findtext(w(f"Response_Results/{name}")) or -1) for name in names)


def by_job(wid: str) -> str:
    return f"<w:Request_Criteria>{ref('Job_Requisition_Reference', 'WID', wid)}</w:Request_Criteria>"


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text)
