"""The customer's report on job applications: all values are texts, and empty columns are left out."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ElementTree
from datetime import datetime

from .account import Row
from .api import Api
from .soap import PACIFIC, el, moment_of, tag


def rows(api: Api, *, job: str | None, since: str | None) -> list[Row]:
    """One row for each application that the user may see.

    Args:
        job, since: the report's two prompts, both optional.
    """
    account = api.account
    found: list[Row] = []
    after = moment_of(since, "Last_Changed_From")
    for candidate in account.past_candidates.all(account.clock()):
        for application in candidate["applications"]:
            requisition = account.requisitions[application["requisition"]]
            if not api.visible(requisition) or (job and job not in (requisition["wid"], requisition["id"])):
                continue
            if after is None or application["timestamp"] >= after:
                found.append(_row(api, application, requisition))
    return found


def _row(api: Api, application: Row, requisition: Row) -> Row:
    account = api.account
    step = account.steps[application["step"]]
    going = account.in_progress(application)
    moment = datetime.fromtimestamp(application["timestamp"], PACIFIC)
    cells: Row = {
        "Application_ID": application["wid"],
        "Job_Application_ID": application["id"],
        "Job_Requisition_ID": requisition["id"],
        "Process": step.process,
        "Current_Step": step.name,
        "Current_Step_ID": step.id,
        "Next_Steps": [
            {"Workflow_Step_ID": s.id, "Step": s.name}
            for s in (account.following(application) if going else [])
        ],
        "Disposition_Steps": [
            {"Workflow_Step_ID": d.step, "Step": d.name, "Recruiting_Disposition_ID": d.id}
            for d in (account.ways_out(application) if going else [])
        ],
        "Parallel_Stages": [{"Step": account.steps[id].name} for id in application["parallel"]],
        "Offer_Stage": step.name if step.stage == "OFFER" else "",
        "Hire_Stage": step.name if step.stage == "READY_FOR_HIRE" else "",
        "Hired": "1" if application["hired"] else "0",
        "Last_Functionally_Updated": moment.isoformat(timespec="microseconds"),
    }
    return {name: value for name, value in cells.items() if value}


def rendered(found: list[Row], format: str) -> tuple[bytes, str]:
    """The report in one of the formats of web services, and its content type."""
    if format == "json":
        return json.dumps({"Report_Entry": found}).encode(), "application/json"
    if format == "csv":
        table = io.StringIO()
        names = list(dict.fromkeys(name for row in found for name in row if isinstance(row[name], str)))
        writer = csv.DictWriter(table, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(found)
        return table.getvalue().encode(), "text/csv"
    root = el("Report_Data")
    for row in found:
        entry = ElementTree.SubElement(root, tag("Report_Entry"))
        for name, value in row.items():
            for one in value if isinstance(value, list) else [value]:
                cell = ElementTree.SubElement(entry, tag(name))
                if isinstance(one, str):
                    cell.text = one
                else:
                    cell.extend([el(key, text=text) for key, text in one.items()])
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True), "text/xml;charset=UTF-8"
