"""A tenant from recorded answers: what they name is all that there is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from defusedxml.ElementTree import fromstring

from .account import Account, Disposition, Row, Step
from .soap import Node, child, every, flag, ids_of, moment_of, tag, text_of

PROCESS = "Job Application"


def load(account: Account, folder: Path) -> None:
    """Requisitions, then candidates; steps, stages and dispositions as they are met."""
    for node in _records(folder, "Get_Job_Requisitions", "Job_Requisition"):
        _requisition(account, node)
    for node in _records(folder, "Get_Candidates", "Candidate"):
        _candidate(account, node)
    for step in account.steps.values():
        # Nobody recorded what may follow: anything else.
        step.following = [other for other in account.steps if other != step.id]


def _records(folder: Path, operation: str, name: str) -> Iterator[Node]:
    for path in sorted(folder.glob(f"{operation}*.xml")):
        root: Node = fromstring(path.read_bytes(), forbid_dtd=True)
        for data in root.iter(tag("Response_Data")):
            yield from every(data, name)


def _ids(node: Node | None) -> tuple[str, str, str]:
    """WID, reference id and display name."""
    found = dict(ids_of(node)) if node is not None else {}
    wid = found.pop("WID", "")
    own = next(iter(found.values()), wid)
    return wid, own, (node.get(tag("Descriptor")) if node is not None else None) or own


def _requisition(account: Account, node: Node) -> None:
    wid, id, name = _ids(child(node, "Job_Requisition_Reference"))
    data = child(node, "Job_Requisition_Data")
    detail, hiring = child(data, "Job_Requisition_Detail_Data"), child(data, "Hiring_Requirement_Data")
    status = _ids(child(data, "Job_Requisition_Status_Reference"))
    label = status[2].upper()
    account.statuses.setdefault(label, (status[0], status[2], status[1]))
    row: Row = {
        "wid": wid, "id": id, "title": text_of(detail, "Job_Posting_Title") or name, "status": label,
        "evergreen": False, "organisation": _ids(child(data, "Supervisory_Organization_Reference")),
        "location": _ids(child(hiring, "Primary_Location_Reference")),
        "hours": _ids(child(hiring, "Time_Type_Reference"))[:2],
        "description": text_of(detail, "Job_Description") or "",
        "allocated": int(float(text_of(detail, "Positions_Allocated") or 1)),
        "available": int(float(text_of(detail, "Positions_Available") or 0)),
        "start": account.clock(), "target": account.clock(), "confidential": False, "process": PROCESS,
        "roles": [],
    }  # fmt: skip
    account.keep_requisition(row)


def _unlisted(ids: tuple[str, str, str], *, evergreen: bool) -> Row:
    """A requisition that no recorded list shows, such as an evergreen one."""
    none = ("", "", "")
    return {
        "wid": ids[0], "id": ids[1], "title": ids[2], "status": "OPEN", "evergreen": evergreen,
        "organisation": none, "location": none, "hours": ("", ""), "description": "", "allocated": 1,
        "available": 1, "start": 0.0, "target": 0.0, "confidential": False, "process": PROCESS, "roles": [],
    }  # fmt: skip


def _candidate(account: Account, node: Node) -> None:
    wid, id, _ = _ids(child(node, "Candidate_Reference"))
    data = child(node, "Candidate_Data")
    names = child(data, "Name_Data")
    names = child(child(names, "Legal_Name"), "Name_Detail_Data") or names
    contact, status = child(data, "Contact_Data"), child(data, "Status_Data")
    place = child(contact, "Location_Data")
    applications = [
        _application(account, applied)
        for part in every(data, "Job_Application_Data")
        for applied in every(part, "Job_Applied_To_Data")
    ]
    row: Row = {
        "wid": wid, "id": id, "first": text_of(names, "First_Name") or "",
        "last": text_of(names, "Last_Name") or "", "email": text_of(contact, "Email_Address"),
        "phone": text_of(contact, "Phone_Number"), "city": text_of(place, "City"), "links": [],
        "withdrawn": flag(status, "Withdrawn"), "do_not_hire": flag(status, "Do_Not_Hire"),
        "prospect": flag(child(data, "Prospect_Data"), "Prospect"), "worker": None, "prehire": None,
        "applications": applications, "resume": None, "created": account.clock(), "purged": False,
        "born": None,
    }  # fmt: skip
    account.keep(row)


def _application(account: Account, node: Node) -> Row:
    wid, id, _ = _ids(child(node, "Job_Application_Reference"))
    stage = _ids(child(node, "Stage_Reference"))
    account.stages.setdefault(stage[1], (stage[0], stage[2]))
    step = _ids(child(node, "Workflow_Step_Reference"))
    if not step[1]:
        step = (account.wid(), f"STEP_{stage[1]}", stage[2])
    account.steps.setdefault(step[1], Step(step[0], step[1], step[2], stage[1], PROCESS))
    named = child(node, "Job_Requisition_Reference")
    requisition = _ids(named)
    if requisition[0] not in account.requisitions:
        kinds = {kind for kind, _ in ids_of(named)} if named is not None else set()
        account.keep_requisition(_unlisted(requisition, evergreen="Evergreen_Requisition_ID" in kinds))
    disposition = child(node, "Disposition_Reference")
    way = None
    if disposition is not None:
        own = _ids(disposition)
        way = f"STEP_{own[1]}"
        account.dispositions.setdefault(
            way, Disposition(own[0], own[1], own[2], account.wid(), way, PROCESS, "rejected")
        )
    moment = moment_of(text_of(node, "Status_Timestamp"), "Status_Timestamp") or account.clock()
    return {
        "wid": wid, "id": id, "requisition": requisition[0], "step": step[1], "disposition": way,
        "date": moment_of(text_of(node, "Job_Application_Date"), "Job_Application_Date") or moment,
        "timestamp": moment, "hired": False, "parallel": [], "event": account.wid(),
        "source": _ids(child(node, "Source_Reference")),
    }  # fmt: skip
