"""The entities of the API: what each is keyed by, its properties, and where its navigations lead."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping

from attrs import define, field, frozen

Row = dict[str, object]

APPLICATION_STATUSES = (
    "Open", "Disqualified", "Closed", "Withdraw", "Saved", "Non Applied", "Draft Application",
)  # fmt: skip
REQUISITION_STATES = ("Pre-Approved", "Approved", "Closed")
POSTING_STATES = (
    "Failed", "Success", "Updated", "Deleted", "Pending", "Repost_Pending", "Repost_Success", "Expired",
)  # fmt: skip
CODED: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("JobApplication", "status"): APPLICATION_STATUSES,
    ("JobRequisition", "internalStatus"): REQUISITION_STATES,
    ("JobRequisitionPosting", "postingStatus"): POSTING_STATES,
}
"""What a read shows as text and a filter takes as the number of that text."""

UNFILTERABLE = frozenset(
    {
        ("JobApplicationStatusAuditTrail", "skippedStatus"),
        ("JobApplicationStatusAuditTrail", "statusComments"),
    }
)


@frozen
class Navigation:
    target: str
    many: bool


@define
class Entity:
    """One entity set.

    Args:
        types: the property names, each with its EDM type without ``Edm.``.
        permission: what the user needs to see all of it.
        upsertable: what may be written.
    """

    name: str
    keys: tuple[str, ...]
    types: dict[str, str]
    navigations: dict[str, Navigation] = field(factory=dict)
    permission: str = ""
    upsertable: frozenset[str] = frozenset()


def _types(**groups: str) -> dict[str, str]:
    return {name: type for type, names in groups.items() for name in names.split()}


def _one(**targets: str) -> dict[str, Navigation]:
    return {name: Navigation(target, False) for name, target in targets.items()}


def _many(**targets: str) -> dict[str, Navigation]:
    return {name: Navigation(target, True) for name, target in targets.items()}


OPERATORS = {
    "recruiter": "R", "hiringManager": "G", "coordinator": "C", "sourcer": "S", "secondRecruiter": "W",
    "vpOfStaffing": "Q", "approver": "V", "originator": "O",
}  # fmt: skip
"""Navigations to people, and the letter of their role; no page gives the letters but R."""

EXPORTS = {
    "JobRequisition": "OData API Job Requisition Export",
    "JobApplication": "OData API Application Export",
    "Candidate": "OData API Candidate Export",
    "JobOffer": "OData API Offer Letter Export",
}
UPDATE = "OData API Application Update"


def entities() -> dict[str, Entity]:
    """A tenant's entities; each tenant's own, for templates add and remove fields."""
    made = (
        Entity(
            "JobRequisition",
            ("jobReqId",),
            _types(
                Int64="jobReqId statusSetId templateId appTemplateId openingsFilled candidateProgress",
                String="internalStatus templateName templateType deleted jobCode jobGrade jobLevel jobRole"
                " country currency positionNumber defaultLanguage",
                Boolean="isDraft",
                Decimal="numberOpenings candidateHired salaryMin salaryMid salaryMax",
                DateTimeOffset="createdDateTime lastModifiedDateTime closedDateTime jobStartDate formDueDate",
            ),
            {
                **_many(
                    status="PicklistOption", jobReqLocale="JobRequisitionLocale",
                    jobReqPostings="JobRequisitionPosting", jobApplications="JobApplication",
                    location_objlist="FOLocation", **dict.fromkeys(OPERATORS, "JobRequisitionOperator"),
                ),
                **_one(
                    department_obj="FODepartment", location_obj="FOLocation", division_obj="FODivision",
                    businessUnit_obj="FOBusinessUnit", legalEntity_obj="FOCompany",
                    costCenter_obj="FOCostCenter",
                ),
            },
            EXPORTS["JobRequisition"],
        ),
        Entity(
            "JobRequisitionLocale",
            ("jobReqLocalId",),
            _types(
                Int64="jobReqLocalId jobReqId",
                String="locale jobTitle jobDescription externalTitle externalJobDescription status",
            ),
        ),
        Entity(
            "JobRequisitionPosting",
            ("jobPostingId",),
            _types(
                Int64="jobPostingId jobReqId",
                String="boardId boardName postingStatus postedBy",
                DateTimeOffset="postStartDateOffset postEndDateOffset lastModifiedDateTime",
                DateTime="postStartDate postEndDate",
            ),
        ),
        Entity(
            "JobRequisitionOperator",
            ("jobReqId", "operatorRole", "userName"),
            _types(
                Int64="jobReqId", String="usersSysId userName firstName lastName email phone operatorRole"
            ),
        ),
        Entity("PicklistOption", ("id",), _types(Int64="id", String="status externalCode"),
               _many(picklistLabels="PicklistLabel")),
        Entity("PicklistLabel", ("optionId", "locale"), _types(Int64="optionId", String="locale label")),
        *(
            Entity(f"FO{name}", ("externalCode",), _types(String="externalCode name"))
            for name in ("Department", "Location", "Division", "BusinessUnit", "Company", "CostCenter")
        ),
        # Of these the pages name no more than where they are reached from.
        Entity("Attachment", ("attachmentId",), _types(Int64="attachmentId", String="fileName")),
        *(
            Entity(name, ("id",), _types(Int64="id"))
            for name in (
                "JobApplicationInterview", "JobApplicationComments", "JobApplicationAudit",
                "CandidateEducation", "CandidateWorkExperience", "CandidateTags",
            )
        ),
        Entity(
            "JobApplicationStatus",
            ("appStatusId", "appStatusSetId"),
            _types(Int64="appStatusId appStatusSetId", String="appStatusName"),
            _many(jobAppStatusLabel="JobApplicationStatusLabel"),
        ),
        Entity(
            "JobApplicationStatusLabel",
            ("appStatusId", "locale"),
            _types(Int64="appStatusId", String="locale statusLabel candidateLabel"),
        ),
        Entity(
            "JobApplication",
            ("applicationId",),
            _types(
                Int64="applicationId candidateId jobReqId applicationTemplateId appStatusSetItemId",
                String="status nonApplicantStatus statusComments firstName middleName lastName contactEmail"
                " cellPhone homePhone address city zip country countryCode source sourceLabel referredBy"
                " owner jobAppGuid usersSysId lastModifiedBy lastModifiedByProxy anonymizedFlag",
                Decimal="averageRating",
                Int32="rating",
                DateTimeOffset="applicationDate lastModifiedDateTime hiredOn exportedOn snapShotDate"
                " anonymizedDate",
            ),
            {
                **_one(
                    jobAppStatus="JobApplicationStatus", candidate="Candidate",
                    jobRequisition="JobRequisition", resume="Attachment", coverLetter="Attachment",
                ),
                **_many(
                    statusId="PicklistOption", jobOffer="JobOffer",
                    jobApplicationStatusAuditTrail="JobApplicationStatusAuditTrail",
                    jobApplicationInterview="JobApplicationInterview",
                    jobApplicationComments="JobApplicationComments",
                    jobApplicationAudit="JobApplicationAudit",
                ),
            },
            EXPORTS["JobApplication"],
            frozenset({"appStatusSetItemId", "statusComments", "candidateId", "jobReqId", "applicationId",
                       "firstName", "lastName", "contactEmail", "cellPhone", "city", "country", "source"}),
        ),
        Entity(
            "JobApplicationStatusAuditTrail",
            ("revNumber",),
            _types(
                Int64="revNumber",
                Int32="revType skippedStatus",
                String="createdBy lastModifiedBy statusComments",
                DateTimeOffset="createdDateTime lastModifiedDateTime",
            ),
            _one(jobAppStatus="JobApplicationStatus", jobApplication="JobApplication"),
        ),
        Entity(
            "Candidate",
            ("candidateId",),
            _types(
                Int64="candidateId",
                String="primaryEmail contactEmail firstName middleName lastName cellPhone homePhone address"
                " city zip country currentCompany currentTitle usersSysId candidateLocale anonymized"
                " password",
                Boolean="externalCandidate consentToMarketing",
                DateTimeOffset="creationDateTime lastModifiedDateTime anonymizedDateTime"
                " privacyAcceptDateTime",
            ),
            {
                **_many(
                    jobsApplied="JobApplication", education="CandidateEducation", tags="CandidateTags",
                    outsideWorkExperience="CandidateWorkExperience",
                ),
                **_one(user="User", resume="Attachment"),
            },
            EXPORTS["Candidate"],
        ),
        Entity("User", ("userId",), _types(String="userId username firstName lastName email status")),
        Entity(
            "JobOffer",
            ("offerApprovalId",),
            _types(
                Int64="offerApprovalId applicationId version",
                String="internalStatus",
                DateTimeOffset="createdDate lastModifiedDate",
            ),
            {},
            EXPORTS["JobOffer"],
        ),
    )  # fmt: skip
    return {entity.name: entity for entity in made}


_EDMX = "http://schemas.microsoft.com/ado/2007/06/edmx"
_EDM = "http://schemas.microsoft.com/ado/2008/09/edm"
_SAP = "http://www.successfactors.com/edm/sap"


def metadata(found: Mapping[str, Entity]) -> bytes:
    """The metadata document of some entities."""
    root = ElementTree.Element(f"{{{_EDMX}}}Edmx", {"Version": "1.0"})
    services = ElementTree.SubElement(root, f"{{{_EDMX}}}DataServices")
    schema = ElementTree.SubElement(services, f"{{{_EDM}}}Schema", {"Namespace": "SFOData"})
    for entity in found.values():
        made = ElementTree.SubElement(schema, f"{{{_EDM}}}EntityType", {"Name": entity.name})
        key = ElementTree.SubElement(made, f"{{{_EDM}}}Key")
        for name in entity.keys:
            ElementTree.SubElement(key, f"{{{_EDM}}}PropertyRef", {"Name": name})
        for name, type in entity.types.items():
            upsertable = "true" if name in entity.upsertable else "false"
            ElementTree.SubElement(
                made,
                f"{{{_EDM}}}Property",
                {"Name": name, "Type": f"Edm.{type}", f"{{{_SAP}}}upsertable": upsertable},
            )
        for name, navigation in entity.navigations.items():
            ends = {"Relationship": f"SFOData.{name}_of_{entity.name}", "ToRole": navigation.target}
            ElementTree.SubElement(
                made,
                f"{{{_EDM}}}NavigationProperty",
                {"Name": name, "FromRole": entity.name, **ends},
            )
    content: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return content
