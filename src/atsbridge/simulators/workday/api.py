"""The operations: what is read, and the one write."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from attrs import define, field

from ..interface import Accepted, Truth
from .account import NOT_ALLOWED, NOT_ONE, Account, Row, key_of
from .asking import Asked
from .criteria import (
    CANDIDATE,
    POSTING,
    REQUISITION,
    Candidates,
    log_range,
    posting_fits,
    requisition_fits,
)
from .shapes import candidate_node, evergreen_node, posting_node, requisition_node, worker_node
from .soap import (
    Node,
    child,
    el,
    every,
    ids_of,
    in_order,
    invalid_id,
    leaf,
    local,
    not_authorised,
    only_one,
    reference,
    validation,
    when,
)

REQUISITION_GROUP = (
    "Include_Reference", "Include_Job_Requisition_Definition_Data",
    "Include_Job_Requisition_Restrictions_Data", "Include_Qualifications",
    "Include_Job_Requisition_Attachments", "Include_Organizations", "Include_Roles",
)  # fmt: skip
NO_COMMENT = (
    "This Business Process has been configured to disable comment. Please remove the comment or change "
    "the setting in the Business Process Policy or tenant setup."
)
FIRST_WITH_MORE = (27, 0)
"""From here on candidates can be sought by creation, and attachments left out: after v26.1."""

NEEDS: Mapping[str, tuple[str, ...]] = {
    "Get_Job_Requisitions": ("Job Requisition Data", "Job Requisitions for Recruiting"),
    "Get_Evergreen_Requisitions": ("Manage: Evergreen Requisitions",),
    "Get_Job_Postings": ("Job Postings",),
    "Get_Candidates": ("Candidate Data: Job Application", "Get_Candidates (Web Service)"),
    "Get_Workers": ("Worker Data: Public Worker Reports", "Worker Data: Workers"),
    "Move_Candidate": (
        "Move Candidate",
        "Candidate Data: Edit Job Application",
        "Candidate Data: Job Application",
        "Move_Candidate (Web Service)",
    ),
}


@define(kw_only=True)
class Api:
    """Answers one request each, for whoever has logged in.

    Args:
        granted: the permissions that are active.
        comments_disabled: the process takes no comments.
        sees_confidential: confidential requisitions and all that belongs to them show.
        only_organisation: a constrained security group: requisitions of this organisation alone show.
        evergreen_by_wid: candidates can be sought by the WID of an evergreen requisition.
    """

    account: Account
    accepted: list[Accepted]
    granted: set[str]
    comments_disabled: bool = False
    sees_confidential: bool = False
    only_organisation: str | None = None
    evergreen_by_wid: bool = True
    whole_candidate: bool = True
    seen: list[str] = field(factory=list)

    def call(self, root: Node, *, actor: str, descriptors: bool, version: tuple[int, int]) -> Node | None:
        """The answer; None where the service has no such operation."""
        name = local(root)
        if name == "Server_Timestamp_Get":
            data = el("Server_Timestamp_Data", text=when(self.account.clock()))
            return el("Server_Timestamp", data)
        operation = name.removesuffix("_Request")
        work: Mapping[str, Callable[[Asked], Node]] = {
            "Get_Job_Requisitions": self.requisitions,
            "Get_Evergreen_Requisitions": self.evergreens,
            "Get_Job_Postings": self.postings,
            "Get_Candidates": self.get_candidates,
            "Get_Workers": self.get_workers,
            "Get_References": self.references,
        }
        if operation not in (*work, "Move_Candidate") or operation == name:
            return None
        if not set(NEEDS.get(operation, ())) <= self.granted:
            raise not_authorised()
        if operation == "Move_Candidate":
            return self.move(root, actor=actor, descriptors=descriptors, version=version)
        asked = Asked.read(root, now=self.account.clock(), descriptors=descriptors, version=version)
        return work[operation](asked)

    # -- what this user may see --

    def visible(self, requisition: Row | None) -> bool:
        if requisition is None:
            return False
        mine = self.only_organisation in (None, requisition["organisation"][0])
        return mine and (self.sees_confidential or not requisition["confidential"])

    def _requisition(self, kind: str, id: str, at: float, *, evergreen: bool | None = False) -> Row | None:
        names = {"WID": "wid", "Job_Requisition_ID": "id", "Evergreen_Requisition_ID": "id"}
        for row in self.account.past_requisitions.all(at):
            fits = evergreen is None or row["evergreen"] is evergreen
            if fits and kind in names and row[names[kind]] == id and self.visible(row):
                return row
        return None

    # -- reading --

    def requisitions(self, asked: Asked) -> Node:
        in_order(asked.references, "Job_Requisition_Reference")
        in_order(asked.criteria, *REQUISITION)
        in_order(asked.group, *REQUISITION_GROUP)
        named = asked.named(
            "Job_Requisition_Reference", lambda kind, id: self._requisition(kind, id, asked.at),
            type="Job_Requisition_ID",
        )  # fmt: skip
        rows = self._requisitions_by(asked) if asked.references is None else named or []
        show = lambda row: requisition_node(self.account, row, asked)  # noqa: E731
        return asked.answer("Get_Job_Requisitions", rows, show)

    def _requisitions_by(self, asked: Asked) -> list[Row]:
        span = log_range(asked.criteria, self.account.clock())
        log = self.account.past_requisitions
        return [
            row
            for row in log.all(asked.at)
            if not row["evergreen"]
            and self.visible(row)
            and (span is None or log.changed(row["wid"], *span))
            and requisition_fits(self.account, row, asked.criteria)
        ]

    def evergreens(self, asked: Asked) -> Node:
        in_order(asked.references, "Evergreen_Requisition_Reference")
        named = asked.named(
            "Evergreen_Requisition_Reference",
            lambda kind, id: self._requisition(kind, id, asked.at, evergreen=True),
            type="Evergreen_Requisition_ID",
        )  # fmt: skip
        rows = (
            [r for r in self.account.past_requisitions.all(asked.at) if r["evergreen"] and self.visible(r)]
            if asked.references is None
            else named or []
        )
        show = lambda row: evergreen_node(self.account, row, asked)  # noqa: E731
        return asked.answer("Get_Evergreen_Requisitions", rows, show)

    def postings(self, asked: Asked) -> Node:
        in_order(asked.references, "Job_Posting_Reference")
        in_order(asked.criteria, *POSTING)
        jobs, find = self.account.requisitions, self._posting
        named = asked.named("Job_Posting_Reference", find, type="Job_Posting_ID")
        rows = [
            posting
            for posting in (self.account.postings.values() if asked.references is None else named or [])
            if self.visible(jobs.get(posting["requisition"]))
            and posting_fits(jobs[posting["requisition"]], asked.criteria)
        ]
        show = lambda row: posting_node(self.account, row, asked)  # noqa: E731
        return asked.answer("Get_Job_Postings", rows, show)

    def _posting(self, kind: str, id: str) -> Row | None:
        name = {"WID": "wid", "Job_Posting_ID": "id"}.get(kind)
        return next((p for p in self.account.postings.values() if name and p[name] == id), None)

    def get_candidates(self, asked: Asked) -> Node:
        more = asked.version >= FIRST_WITH_MORE
        in_order(asked.references, "Candidate_Reference")
        in_order(asked.criteria, *(CANDIDATE if more else CANDIDATE[:-2]))
        in_order(
            asked.group,
            *(("Include_Reference", "Exclude_All_Attachments") if more else ("Include_Reference",)),
        )
        if asked.references is not None:
            find = lambda kind, id: self._candidate(kind, id, asked.at)  # noqa: E731
            rows = asked.named("Candidate_Reference", find, type="Candidate_ID") or []
        else:
            rows = self._candidates_by(asked)
        shown = [row for row in (self._shown(row) for row in rows) if row is not None]
        show = lambda row: candidate_node(self.account, row, asked, granted=self.granted)  # noqa: E731
        return asked.answer("Get_Candidates", shown, show)

    def _candidate(self, kind: str, id: str, at: float) -> Row | None:
        name = {"WID": "wid", "Candidate_ID": "id"}.get(kind)
        return next((c for c in self.account.past_candidates.all(at) if name and c[name] == id), None)

    def _shown(self, candidate: Row) -> Row | None:
        """Without applications on requisitions that this user may not see."""
        if candidate["prospect"] and "Prospects" not in self.granted:
            return None
        own = candidate["applications"]
        left = [a for a in own if self.visible(self.account.requisitions.get(a["requisition"]))]
        return {**candidate, "applications": left} if left or not own else None

    def _candidates_by(self, asked: Asked) -> list[Row]:
        criteria = asked.criteria
        rows = list(self.account.past_candidates.all(asked.at))
        if criteria is None:
            return rows
        if not len(criteria):
            return []
        wanted = asked.named(
            "Job_Requisition_Reference", lambda kind, id: self._sought(kind, id, asked.at),
            type="Job_Requisition_ID", within=criteria,
        )  # fmt: skip
        jobs = None if wanted is None else frozenset(row["wid"] for row in wanted)
        seeking = Candidates.read(self.account, criteria, jobs)
        found = []
        for row in filter(seeking.person_fits, rows):
            fits = [a for a in row["applications"] if seeking.application_fits(a)]
            if fits or not seeking.about_applications:
                found.append(row if self.whole_candidate else {**row, "applications": fits})
        return found

    def _sought(self, kind: str, id: str, at: float) -> Row | None:
        either = None if kind == "WID" and self.evergreen_by_wid else False
        return self._requisition(kind, id, at, evergreen=either)

    def get_workers(self, asked: Asked) -> Node:
        find = lambda kind, id: self._worker(kind, id)  # noqa: E731
        rows = asked.named("Worker_Reference", find, type="Employee_ID")
        listed = list(self.account.workers.values()) if rows is None else rows
        return asked.answer("Get_Workers", listed, lambda row: worker_node(row, asked))

    def _worker(self, kind: str, id: str) -> Row | None:
        name = {"WID": "wid", "Employee_ID": "id"}.get(kind)
        return next((w for w in self.account.workers.values() if name and w[name] == id), None)

    def references(self, asked: Asked) -> Node:
        """All reference ids of a type; of the service Integrations."""
        kind = next((n.text for n in asked.root.iter() if local(n) == "Reference_ID_Type"), None)
        account = self.account
        tables: Mapping[str | None, list[tuple[str, str, str]]] = {
            "Workflow_Step_ID": [(s.wid, s.id, s.name) for s in account.steps.values()],
            "Recruiting_Stage_ID": [(wid, id, name) for id, (wid, name) in account.stages.items()],
            "Recruiting_Disposition_ID": [(d.wid, d.id, d.name) for d in account.dispositions.values()],
            "Job_Requisition_Status_ID": [(wid, id, name) for wid, name, id in account.statuses.values()],
            **{
                name: [
                    (r["wid"], r["id"], r["title"])
                    for r in account.requisitions.values()
                    if self.visible(r) and r["evergreen"] is evergreen
                ]
                for name, evergreen in (("Job_Requisition_ID", False), ("Evergreen_Requisition_ID", True))
            },
        }
        rows: list[Row] = [{"wid": w, "id": i, "name": n} for w, i, n in tables.get(kind, [])]

        def show(row: Row) -> Node:
            name = row["name"] if asked.descriptors else None
            data = el("Reference_ID_Data", leaf("ID", row["id"]), leaf("Reference_ID_Type", kind))
            return el("Reference_ID", reference("Reference_ID_Reference", (("WID", row["wid"]),), name), data)

        return asked.answer("Get_References", rows, show)

    # -- the write --

    def move(self, root: Node, *, actor: str, descriptors: bool, version: tuple[int, int]) -> Node:
        in_order(root, "Dynamic_Business_Process_Parameters", "Move_Candidate_Data")
        parameters, data = (
            child(root, "Dynamic_Business_Process_Parameters"),
            child(root, "Move_Candidate_Data"),
        )
        if data is None or len(data) != 1:
            raise validation("Move_Candidate_Data is a choice of exactly one")
        in_order(data, "Job_Application_Reference", "Event_Reference", "Candidate_Criteria_Data")
        candidate, application = self._whom(data[0])
        before = self.account.truth(candidate, application)
        if parameters is not None:
            self._go(parameters, candidate, application)
        self._note(root, candidate, application, before, actor)
        job = self.account.requisitions[application["requisition"]]
        about = f"{candidate['first']} {candidate['last']} - {job['id']} {job['title']}"
        name = f"Job Application: {about}" if descriptors else None
        event = reference("Event_Reference", (("WID", application["event"]),), name)
        return el("Move_Candidate_Response", event, version=f"v{version[0]}.{version[1]}")

    def _whom(self, named: Node) -> tuple[Row, Row]:
        if local(named) == "Candidate_Criteria_Data":
            return self._only_one(named)
        kind, id = next(ids_of(named), ("WID", ""))
        if local(named) == "Event_Reference":
            pairs = [(c, a) for c in self.account.candidates.values() for a in c["applications"]]
            found = next((pair for pair in pairs if kind == "WID" and pair[1]["event"] == id), None)
        else:
            found = self.account.application(kind, id)
        if found is None or not self.visible(self.account.requisitions.get(found[1]["requisition"])):
            raise invalid_id(kind, id)
        return found

    def _only_one(self, criteria: Node) -> tuple[Row, Row]:
        person, job = child(criteria, "Candidate_Reference"), child(criteria, "Job_Requisition_Reference")
        if person is None or job is None:
            raise validation("Candidate_Criteria_Data needs a candidate and a job requisition")
        people, jobs = {id for _, id in ids_of(person)}, {id for _, id in ids_of(job)}
        account = self.account
        found = [
            (c, a)
            for c in account.candidates.values()
            if people & {c["wid"], c["id"]}
            for a in c["applications"]
            if jobs & {a["requisition"], account.requisitions[a["requisition"]]["id"]}
            and account.in_progress(a)
            and self.visible(account.requisitions[a["requisition"]])
        ]
        if len(found) != 1:
            raise validation(NOT_ONE)
        return found[0]

    def _go(self, parameters: Node, candidate: Row, application: Row) -> None:
        in_order(parameters, "Next_Step_Reference", "Disposition_Step_Reference", "Comment_Data")
        target = only_one(parameters, "Next_Step_Reference", "Disposition_Step_Reference")
        self._check_comments(every(parameters, "Comment_Data"))
        kind, id = next(ids_of(target), ("Workflow_Step_ID", ""))
        steps = {s.id: s.wid for s in self.account.steps.values()}
        ends = {d.step: d.step_wid for d in self.account.dispositions.values()}
        known = {**steps, **ends}
        by_wid = {wid: step for step, wid in known.items()}
        step = by_wid.get(id) if kind == "WID" else id if kind == "Workflow_Step_ID" and id in known else None
        if step is None:
            raise invalid_id(kind, id)
        if step not in (steps if local(target) == "Next_Step_Reference" else ends):
            raise validation(NOT_ALLOWED)
        self.account.advance(candidate, application, step, late=True)

    def _check_comments(self, comments: list[Node]) -> None:
        if comments and self.comments_disabled:
            raise validation(NO_COMMENT)
        for comment in comments:
            in_order(comment, "Comment", "Worker_Reference")
            worker = child(comment, "Worker_Reference")
            ids = [] if worker is None else list(ids_of(worker))
            if worker is not None and not any(self._worker(*one) for one in ids):
                raise invalid_id(*(ids[0] if ids else ("WID", "")))

    def _note(self, root: Node, candidate: Row, application: Row, before: Truth, actor: str) -> None:
        self.accepted.append(
            Accepted(
                at=self.account.clock(),
                method="POST",
                target="Move_Candidate",
                body=[local(node) for node in root.iter()],
                application=key_of(candidate, application),
                before=before,
                after=self.account.truth(candidate, application),
                actor=actor,
            )
        )


def http_date(seconds: float) -> str:
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(seconds))
