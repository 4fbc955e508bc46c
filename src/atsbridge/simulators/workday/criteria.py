"""What a Get request seeks: every criterion of the schema, all of them together."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from attrs import frozen

from .account import Account, Row
from .soap import Node, child, date_of, day, every, flag, ids_of, in_order, moment_of, text_of, validation

CANDIDATE = (
    "First_Name", "Last_Name", "Candidate_Email_Address", "Pre-Hire_Reference", "Worker_Reference",
    "Job_Requisition_Reference", "Recruiting_Stage_Reference", "Applicant_Source_Reference", "Applied_From",
    "Applied_Through", "Internal_Workers_Only", "Created_From", "Created_Through",
)  # fmt: skip
"""The last two are of newer versions alone."""
REQUISITION = (
    "Transaction_Log_Criteria_Data", "Job_Requisition_Status_Reference",
    "Supervisory_Organization_Reference", "Primary_Location_Reference", "Additional_Locations_Reference",
    "Field_And_Parameter_Criteria_Data",
)  # fmt: skip
POSTING = (
    "Job_Posting_Start_Date", "Job_Posting_End_Date", "Job_Posting_Site_Name", "Job_Posting_Site_Reference",
    "Supervisory_Organization_Reference", "Job_Requisition_Reference", "Show_Only_Active_Job_Postings",
)  # fmt: skip
SITE = (f"{768:032x}", "External_Careers", "External")
"""WID, reference id and name."""
_TIMES = ("Applied_From", "Applied_Through", "Created_From", "Created_Through")


def sought(criteria: Node | None, name: str) -> set[str]:
    """All ids, of whatever type, that a criterion names."""
    return {id for node in every(criteria, name) for _, id in ids_of(node)}


def among(wanted: Collection[str], *ids: str) -> bool:
    """Whether nothing is asked for, or one of these is."""
    return not wanted or any(id in wanted for id in ids)


def requisition_fits(account: Account, row: Row, criteria: Node | None) -> bool:
    """All but the log of changes."""
    wid, _, id = account.statuses[row["status"]]
    return (
        among(sought(criteria, "Job_Requisition_Status_Reference"), wid, id)
        and among(sought(criteria, "Supervisory_Organization_Reference"), *row["organisation"][:2])
        and among(sought(criteria, "Primary_Location_Reference"), *row["location"][:2])
        # No requisition here has a second place.
        and not sought(criteria, "Additional_Locations_Reference")
    )


def log_range(criteria: Node | None, now: float) -> tuple[float, float] | None:
    """The range of the log of changes that is asked for."""
    log = child(criteria, "Transaction_Log_Criteria_Data")
    if log is None:
        return None
    in_order(log, "Transaction_Date_Range_Data", "Transaction_Type_References")
    span = child(log, "Transaction_Date_Range_Data")
    in_order(span, "Updated_From", "Updated_Through", "Effective_From", "Effective_Through")
    since = moment_of(text_of(span, "Updated_From"), "Updated_From")
    until = moment_of(text_of(span, "Updated_Through"), "Updated_Through")
    if until is not None and until > now:
        raise validation("Updated Through must be less than or equal to Current Moment!")
    if (text_of(span, "Effective_From") is None) is not (text_of(span, "Effective_Through") is None):
        raise validation("Effective From and Effective Through come in pairs")
    return since if since is not None else 0.0, until if until is not None else now


def posting_fits(requisition: Row, criteria: Node | None) -> bool:
    begins = day(requisition["start"])
    since, until = (_date(criteria, f"Job_Posting_{end}_Date") for end in ("Start", "End"))
    site = text_of(criteria, "Job_Posting_Site_Name")
    return (
        among(sought(criteria, "Job_Requisition_Reference"), requisition["wid"], requisition["id"])
        and among(sought(criteria, "Supervisory_Organization_Reference"), *requisition["organisation"][:2])
        and (not flag(criteria, "Show_Only_Active_Job_Postings") or requisition["status"] == "OPEN")
        and (since is None or begins >= since)
        and (until is None or begins <= until)
        # All are on the one site there is.
        and (site is None or site == SITE[2])
        and among(sought(criteria, "Job_Posting_Site_Reference"), *SITE[:2])
    )


def _date(criteria: Node | None, name: str) -> str | None:
    return date_of(text_of(criteria, name), name)


@frozen
class Candidates:
    """What is asked of candidates, and of one application of theirs.

    Args:
        jobs: WIDs of requisitions; None for all.
    """

    account: Account
    criteria: Node
    jobs: frozenset[str] | None
    times: Mapping[str, float | None]

    @classmethod
    def read(cls, account: Account, criteria: Node, jobs: frozenset[str] | None) -> Candidates:
        if text_of(criteria, "First_Name") and not text_of(criteria, "Last_Name"):
            raise validation("First Name needs Last Name")
        times = {name: moment_of(text_of(criteria, name), name) for name in _TIMES}
        return cls(account, criteria, jobs, times)

    @property
    def about_applications(self) -> bool:
        names = (
            "Recruiting_Stage_Reference",
            "Applicant_Source_Reference",
            "Applied_From",
            "Applied_Through",
        )
        return self.jobs is not None or any(child(self.criteria, name) is not None for name in names)

    def person_fits(self, row: Row) -> bool:
        pairs = (("First_Name", "first"), ("Last_Name", "last"), ("Candidate_Email_Address", "email"))
        texts = [(text_of(self.criteria, name), row[key] or "") for name, key in pairs]
        references = (("Pre-Hire_Reference", "prehire"), ("Worker_Reference", "worker"))
        return (
            all(not wanted or wanted.casefold() == have.casefold() for wanted, have in texts)
            and all(among(sought(self.criteria, name), *(row[key] or ())) for name, key in references)
            and (row["worker"] is not None or not flag(self.criteria, "Internal_Workers_Only"))
            and _within(row["created"], self.times["Created_From"], self.times["Created_Through"])
        )

    def application_fits(self, application: Row) -> bool:
        stage = self.account.steps[application["step"]].stage
        wid = self.account.stages[stage][0]
        return (
            (self.jobs is None or application["requisition"] in self.jobs)
            and among(sought(self.criteria, "Recruiting_Stage_Reference"), stage, wid)
            and among(sought(self.criteria, "Applicant_Source_Reference"), *application["source"][:2])
            and _within(application["date"], self.times["Applied_From"], self.times["Applied_Through"])
        )


def _within(moment: float, since: float | None, until: float | None) -> bool:
    return (since is None or moment >= since) and (until is None or moment <= until)
