"""How requisitions, candidates, postings and workers show."""

from __future__ import annotations

import re
from collections.abc import Set

from .account import Account, Row
from .asking import Asked
from .criteria import SITE
from .soap import Ids, Node, el, leaf, reference, when

FLAT_NAMES_UNTIL = (34, 0)
PRE_HIRES = "Manage Pre-Hire Process: Manage Pre-Hires"


def requisition_node(account: Account, row: Row, asked: Asked) -> Node:
    """In the shape of the version: all is optional, and no time of change is told."""
    name = _name(asked, f"{row['id']} {row['title']}")
    parts = []
    if asked.wants("Include_Job_Requisition_Definition_Data", default=True):
        parts += [*_definition(row), _hiring(account, row, asked)]
    organisation = None
    if asked.wants("Include_Organizations", default=False) or asked.group is None:
        organisation = _org(row, asked)
    roles = _roles(account, row, asked) if asked.wants("Include_Roles", default=False) else []
    data = el("Job_Requisition_Data", _status(account, row, asked), *parts, organisation, *roles)
    own = reference("Job_Requisition_Reference", account.requisition_ids(row), name)
    return el("Job_Requisition", own if asked.wants("Include_Reference", default=True) else None, data)


def evergreen_node(account: Account, row: Row, asked: Asked) -> Node:
    name = _name(asked, f"{row['id']} {row['title']}")
    data = el("Evergreen_Requisition_Data", _status(account, row, asked), *_definition(row), _org(row, asked))
    own = reference("Evergreen_Requisition_Reference", account.requisition_ids(row), name)
    return el("Evergreen_Requisition", own, data)


def _status(account: Account, row: Row, asked: Asked) -> Node | None:
    wid, label, id = account.statuses[row["status"]]
    ids: Ids = (("WID", wid), ("Job_Requisition_Status_ID", id))
    return reference("Job_Requisition_Status_Reference", ids, _name(asked, label))


def _definition(row: Row) -> list[Node]:
    return [
        el(
            "Job_Requisition_Detail_Data",
            leaf("Job_Posting_Title", row["title"]), leaf("Positions_Allocated", row["allocated"]),
            leaf("Positions_Available", row["available"]),
            leaf("Job_Description_Summary", re.sub("<[^>]*>", "", row["description"])),
            leaf("Job_Description", row["description"]),
            leaf("Available_for_Recruiting", row["status"] == "OPEN"),
        )
    ]  # fmt: skip


def _hiring(account: Account, row: Row, asked: Asked) -> Node:
    place: Ids = (("WID", row["location"][0]), ("Location_ID", row["location"][1]))
    hours: Ids = (("WID", row["hours"][0]), ("Position_Time_Type_ID", row["hours"][1]))
    return el(
        "Hiring_Requirement_Data",
        leaf("Recruiting_Start_Date", account.date(row["start"])),
        leaf("Target_Hire_Date", account.date(row["target"])),
        reference("Primary_Location_Reference", place, _name(asked, row["location"][2])),
        reference("Time_Type_Reference", hours, _name(asked, row["hours"][1].replace("_", " "))),
        leaf("Scheduled_Weekly_Hours", "37.5"),
        leaf("Spotlight_Job", False) if asked.version >= FLAT_NAMES_UNTIL else None,
    )  # fmt: skip


def _org(row: Row, asked: Asked) -> Node | None:
    wid, id, name = row["organisation"]
    ids: Ids = (("WID", wid), ("Organization_Reference_ID", id))
    return reference("Supervisory_Organization_Reference", ids, _name(asked, name))


def _roles(account: Account, row: Row, asked: Asked) -> list[Node]:
    found = []
    for role, worker in row["roles"]:
        person = account.workers[worker]
        who: Ids = (("WID", person["wid"]), ("Employee_ID", person["id"]))
        kind: Ids = (("WID", role[0]), ("Organization_Role_ID", role[1]))
        found.append(
            el(
                "Role_Assignment_Data",
                reference("Role_Reference", kind, _name(asked, role[2])),
                reference("Role_Assignee_Reference", who, _name(asked, person["name"])),
                leaf("Effective_Date", account.date(row["start"])),
            )
        )
    return found


def candidate_node(account: Account, row: Row, asked: Asked, *, granted: Set[str]) -> Node:
    """What the user's domains let show; the rest is missing without a word."""
    ids: Ids = (("WID", row["wid"]), ("Candidate_ID", row["id"]))
    personal = "Candidate Data: Personal Information" in granted
    name = f"{row['first']} {row['last']}".strip()
    data = el(
        "Candidate_Data",
        leaf("Candidate_ID", row["id"]),
        _ref_or_none("Pre-Hire_Reference", row["prehire"] if PRE_HIRES in granted else None, "Applicant_ID"),
        _ref_or_none("Worker_Reference", row["worker"], "Employee_ID"),
        _name_data(row, asked) if personal else None,
        _contact(row) if personal else None,
        *(_links(row, asked) if "Candidate Data: Other Information" in granted else []),
        el("Status_Data", leaf("Do_Not_Hire", row["do_not_hire"]), leaf("Withdrawn", row["withdrawn"])),
        el("Prospect_Data", leaf("Prospect", row["prospect"])),
        _born(row) if personal else None,
        *(_application(account, row, a, asked, granted) for a in row["applications"]),
    )  # fmt: skip
    own = reference("Candidate_Reference", ids, _name(asked, name))
    return el("Candidate", own if asked.wants("Include_Reference", default=True) else None, data)


def _born(row: Row) -> Node | None:
    """Shown to a user with more domains than needed."""
    return el("Personal_Information_Data", leaf("Date_of_Birth", row["born"])) if row["born"] else None


def _name_data(row: Row, asked: Asked) -> Node:
    names = (el("First_Name", text=row["first"]), el("Last_Name", text=row["last"]))
    if asked.version < FLAT_NAMES_UNTIL:
        return el("Name_Data", *names)
    return el("Name_Data", el("Legal_Name", el("Name_Detail_Data", *names)))


def _contact(row: Row) -> Node | None:
    if not (row["phone"] or row["email"] or row["city"] or row["purged"]):
        return None
    place = el("Location_Data", leaf("City", row["city"])) if row["city"] else None
    return el("Contact_Data", leaf("Phone_Number", row["phone"]), leaf("Email_Address", row["email"]), place)


def _links(row: Row, asked: Asked) -> list[Node]:
    kind: Ids = (("WID", f"{1024:032x}"), ("Social_Network_Meta_Type_ID", "LINKEDIN"))
    return [
        el(
            "Social_Media_Account_Data",
            reference("Social_Network_Type_Reference", kind, _name(asked, "LinkedIn")),
            leaf("Social_Network_Account_URL", url),
        )
        for url in row["links"]
    ]


def _application(account: Account, candidate: Row, row: Row, asked: Asked, granted: Set[str]) -> Node:
    requisition = account.requisitions[row["requisition"]]
    step = account.steps[row["step"]]
    stage = account.stages[step.stage][1]
    disposition = account.dispositions.get(row["disposition"] or "")
    ends: Ids | None = (
        (("WID", disposition.wid), ("Recruiting_Disposition_ID", disposition.id)) if disposition else None
    )
    title = f"{requisition['id']} {requisition['title']}"
    own: Ids = (("WID", row["wid"]), ("Job_Application_ID", row["id"]))
    at: Ids = (("WID", step.wid), ("Workflow_Step_ID", step.id))
    source: Ids = (("WID", row["source"][0]), ("Applicant_Source_ID", row["source"][1]))
    applied = el(
        "Job_Applied_To_Data",
        reference("Job_Application_Reference", own, None),
        leaf("Job_Application_ID", row["id"]) if asked.version >= FLAT_NAMES_UNTIL else None,
        reference("Job_Requisition_Reference", account.requisition_ids(requisition), _name(asked, title)),
        leaf("Job_Application_Date", when(row["date"])),
        reference("Stage_Reference", account.stage_ids(step.stage), _name(asked, stage)),
        reference("Workflow_Step_Reference", at, _name(asked, step.name)),
        reference("Disposition_Reference", ends, _name(asked, disposition.name if disposition else "")),
        leaf("Status_Timestamp", when(row["timestamp"])),
        reference("Source_Reference", source, _name(asked, row["source"][2])),
    )  # fmt: skip
    attached = None
    hidden = asked.wants("Exclude_All_Attachments", default=False)
    if candidate["resume"] and not hidden and "Candidate Data: Attachments" in granted:
        attached = el(
            "Resume_Attachment_Data",
            leaf("ID", f"RESUME-{row['id']}"), leaf("Filename", "resume.pdf"),
            leaf("File_Content", candidate["resume"]),
        )  # fmt: skip
    return el("Job_Application_Data", applied, attached)


def posting_node(account: Account, row: Row, asked: Asked) -> Node:
    requisition = account.requisitions[row["requisition"]]
    title = f"{requisition['id']} {requisition['title']}"
    place: Ids = (("WID", requisition["location"][0]), ("Location_ID", requisition["location"][1]))
    hours: Ids = (("WID", requisition["hours"][0]), ("Position_Time_Type_ID", requisition["hours"][1]))
    site: Ids = (("WID", SITE[0]), ("Job_Posting_Site_ID", SITE[1]))
    data = el(
        "Job_Posting_Data",
        leaf("Job_Posting_ID", row["id"]), leaf("Job_Posting_Title", requisition["title"]),
        leaf("Job_Posting_Description", requisition["description"]),
        reference("Job_Posting_Site_Reference", site, _name(asked, SITE[2])),
        leaf("External_Job_Path", f"/job/{row['id']}"),
        leaf("External_Apply_URL", f"https://jobs.example.com/job/{row['id']}/apply"),
        reference("Job_Requisition_Reference", account.requisition_ids(requisition), _name(asked, title)),
        leaf("Job_Requisition_ID", requisition["id"]),
        el(
            "Job_Posting_Location_Data",
            reference("Primary_Location_Reference", place, _name(asked, requisition["location"][2])),
        ),
        leaf("Job_Posting_Start_Date", account.date(requisition["start"])),
        leaf("Job_Posting_End_Date", account.date(requisition["target"])), leaf("Primary_Posting", True),
        reference("Time_Type_Reference", hours, _name(asked, requisition["hours"][1].replace("_", " "))),
        _org(requisition, asked),
    )  # fmt: skip
    ids: Ids = (("WID", row["wid"]), ("Job_Posting_ID", row["id"]))
    own = reference("Job_Posting_Reference", ids, _name(asked, requisition["title"]))
    return el("Job_Posting", own if asked.wants("Include_Reference", default=True) else None, data)


def worker_node(row: Row, asked: Asked) -> Node:
    ids: Ids = (("WID", row["wid"]), ("Employee_ID", row["id"]))
    data = el("Worker_Data", leaf("Worker_ID", row["id"]))
    return el("Worker", reference("Worker_Reference", ids, _name(asked, row["name"])), data)


def _ref_or_none(name: str, pair: tuple[str, str] | None, kind: str) -> Node | None:
    return None if pair is None else reference(name, (("WID", pair[0]), (kind, pair[1])), None)


def _name(asked: Asked, text: str) -> str | None:
    return text if asked.descriptors else None
