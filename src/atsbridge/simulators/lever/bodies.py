"""New records, field by field in the order in which Lever gives them.

https://hire.lever.co/developer/documentation, the recorded fields of July 2026.
"""

from __future__ import annotations

from typing import Any

from .records import Record

NO_PERSON: Record = {"name": "", "headline": "", "location": "", "emails": [], "phones": [], "links": []}
"""An anonymised opportunity's personal fields."""

NO_APPLICANT: Record = {
    "name": None,
    "email": None,
    "company": None,
    "comments": None,
    "phone": None,
    "links": [],
    "customQuestions": [],
    "ipAddress": None,
    "referer": None,
    "userAgent": None,
    "acceptLanguage": None,
    "timezone": None,
}

APPLICATION_TYPES = {"applied": "posting", "referred": "referral"}


def contact(
    key: str,
    *,
    name: str,
    emails: list[str],
    phones: list[Record] | None = None,
    headline: str = "",
    location: str = "",
) -> Record:
    return {
        "id": key,
        "name": name,
        "headline": headline,
        "isAnonymized": False,
        "location": {"name": location},
        "emails": emails,
        "phones": phones or [],
        "dataProtection": None,
    }


def opportunity(
    key: str, person: Record, *, stage: str, origin: str, owner: str, at: int, changes: list[Record]
) -> Record:
    """An active one without application; ``person`` is its contact."""
    return {
        "id": key,
        "name": person["name"],
        "contact": person["id"],
        "headline": person["headline"],
        "stage": stage,
        "confidentiality": "non-confidential",
        "location": person["location"]["name"],
        "phones": person["phones"],
        "emails": person["emails"],
        "links": [],
        "archived": None,
        "tags": [],
        "sources": ["Applied" if origin == "applied" else "Added manually"],
        "stageChanges": changes,
        "origin": origin,
        "sourcedBy": owner if origin == "sourced" else None,
        "owner": owner,
        "followers": [owner],
        "applications": [],
        "createdAt": at,
        "updatedAt": None,
        "lastInteractionAt": changes[-1]["updatedAt"],
        "lastAdvancedAt": changes[-1]["updatedAt"],
        "snoozedUntil": None,
        "urls": {
            "list": "https://hire.lever.co/candidates",
            "show": f"https://hire.lever.co/candidates/{key}",
        },
        "isAnonymized": False,
        "dataProtection": None,
    }


def application(key: str, opportunity: Record, *, posting: Record | None, at: int) -> Record:
    """The application of an opportunity; ``posting`` is the whole posting."""
    referred = opportunity["origin"] == "referred"
    return {
        "id": key,
        "type": APPLICATION_TYPES.get(opportunity["origin"], "user"),
        "candidateId": opportunity["id"],
        "opportunityId": opportunity["id"],
        "posting": posting["id"] if posting else None,
        "postingHiringManager": posting["hiringManager"] if posting else None,
        "postingOwner": posting["owner"] if posting else None,
        "name": opportunity["name"] or None,
        "company": None,
        "phone": opportunity["phones"][0] if opportunity["phones"] else None,
        "email": opportunity["emails"][0] if opportunity["emails"] else None,
        "links": opportunity["links"],
        "comments": None,
        "user": opportunity["owner"] if referred else None,
        "customQuestions": [],
        "createdAt": at,
        "archived": opportunity["archived"],
        "requisitionForHire": None,
        "ipAddress": None,
        "referer": None,
        "userAgent": None,
        "acceptLanguage": None,
        "timezone": None,
    }


def user(key: str, *, name: str, email: str, role: str, at: int, deactivated: int | None) -> Record:
    return {
        "id": key,
        "name": name,
        "username": email.partition("@")[0],
        "email": email,
        "accessRole": role,
        "photo": None,
        "createdAt": at,
        "deactivatedAt": deactivated,
        "externalDirectoryId": None,
        "linkedContactIds": None,
        "jobTitle": None,
        "managerId": None,
    }


def posting(
    key: str, *, title: str, state: str, owner: str, department: str, city: str, code: str | None, at: int
) -> Record:
    site = f"https://jobs.lever.co/acme/{key}"
    urls = {"list": "https://jobs.lever.co/acme", "show": site, "apply": f"{site}/apply"}
    return {
        "id": key,
        "text": title,
        "state": state,
        "distributionChannels": ["public"] if state == "published" else None,
        "user": owner,
        "owner": owner,
        "hiringManager": None,
        "categories": {
            "commitment": "Full-time",
            "department": department,
            "level": None,
            "location": city,
            "team": f"{department} Core",
            "allLocations": [city],
        },
        "tags": [],
        "content": {
            "description": f"{title}.\n",
            "descriptionHtml": f"<div>{title}.</div>",
            "lists": [],
            "closing": "",
            "closingHtml": "",
        },
        "country": "US",
        "followers": [owner],
        "reqCode": None,
        "requisitionCodes": [code] if code else [],
        "urls": None if state in ("draft", "closed") else urls,  # as recorded
        "confidentiality": "non-confidential",
        "createdAt": at,
        "updatedAt": at,
        "workplaceType": "unspecified",
    }


def requisition(
    key: str, *, code: str, name: str, status: str, owner: str, postings: list[str], at: int
) -> Record:
    return {
        "id": key,
        "createdAt": at,
        "confidentiality": "non-confidential",
        "status": status,
        "name": name,
        "requisitionCode": code,
        "headcountTotal": 3,
        "headcountHired": 0,
        "headcountInfinite": False,
        "backfill": False,
        "creator": owner,
        "owner": owner,
        "hiringManager": None,
        "internalNotes": "",
        "compensationBand": None,
        "approval": {"steps": []},
        "employmentStatus": None,
        "location": None,
        "team": None,
        "department": None,
        "postings": postings,
        "offerIds": [],
        "timeToFillStartAt": None,
        "timeToFillEndAt": None,
        "updatedAt": at,
        "customFields": {},
        "closedAt": at if status == "closed" else None,
    }


def offer(key: str, *, posting: str, creator: str, status: str, at: int) -> Record:
    fields: list[dict[str, Any]] = [{"text": "Job title", "identifier": "job_title", "value": None}]
    return {
        "id": key,
        "posting": posting,
        "createdAt": at,
        "status": status,
        "creator": creator,
        "fields": fields,
        "signatures": {},
        "approved": None,
        "approvedAt": None,
        "sentAt": None,
        "sentDocument": None,
        "signedDocument": None,
    }
