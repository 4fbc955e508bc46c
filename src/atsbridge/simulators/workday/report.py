"""The customer's report on job applications: all values are texts, and empty columns are left out."""

from __future__ import annotations

from datetime import datetime

from .account import Row
from .api import Api
from .soap import PACIFIC, moment_of


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
