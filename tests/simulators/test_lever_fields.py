"""The simulated Lever: every field of every record, with its type and whether it can be null."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lever_client import NOW, World

from atsbridge.simulators.interface import Limits
from atsbridge.simulators.lever import LeverSimulator

Check = Callable[[Any], bool]
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
BUILT_IN = {"lead-new", "lead-reached-out", "lead-responded", "applicant-new", "offer"}


def uuid(value: Any) -> bool:
    return isinstance(value, str) and UUID.fullmatch(value) is not None


def text(value: Any) -> bool:
    return isinstance(value, str)


def flag(value: Any) -> bool:
    return isinstance(value, bool)


def number(value: Any) -> bool:
    return isinstance(value, int) and not flag(value)


def ms(value: Any) -> bool:
    return number(value) and 1_000_000_000_000 < value < 3_000_000_000_000


def stage(value: Any) -> bool:
    return value in BUILT_IN or uuid(value)


def null(check: Check) -> Check:
    return lambda value: value is None or check(value)


def many(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def one_of(*values: Any) -> Check:
    return lambda value: value in values


def shaped(
    fields: dict[str, Check], *, open_ended: bool = False, absent: frozenset[str] = frozenset()
) -> Check:
    def check(value: Any) -> bool:
        return isinstance(value, dict) and not list(faults(value, fields, open_ended, absent))

    return check


def faults(value: Any, fields: dict[str, Check], open_ended: bool, absent: frozenset[str]) -> Iterator[str]:
    yield from (f"{name} is missing" for name in fields.keys() - value.keys() - absent)
    if not open_ended:
        yield from (f"{name} is nowhere described" for name in value.keys() - fields.keys())
    for name in fields.keys() & value.keys():
        if not fields[name](value[name]):
            yield f"{name} is {value[name]!r}"


ARCHIVED = null(shaped({"reason": uuid, "archivedAt": ms}))
PHONE = shaped({"type": one_of("mobile", "home", "work", "skype", "other", None), "value": text})
CONSENT = shaped({"allowed": flag, "expiresAt": null(ms)})
PROTECTION = null(shaped({"store": CONSENT, "contact": CONSENT}, open_ended=True))
FORM = shaped({
    "id": uuid, "type": text, "text": text, "instructions": text, "fields": many(shaped({}, open_ended=True)),
    "baseTemplateId": uuid, "user": null(uuid), "referrer": null(uuid), "stage": stage, "createdAt": ms,
    "completedAt": null(ms),
})  # fmt: skip
CHANGE = shaped(
    {"toStageId": stage, "toStageIndex": number, "updatedAt": ms, "userId": uuid},
    absent=frozenset({"userId"}),
)
SECRECY = one_of("confidential", "non-confidential")

OPPORTUNITY: dict[str, Check] = {
    "id": uuid, "name": text, "headline": text, "location": text, "contact": uuid, "stage": stage,
    "stageChanges": many(CHANGE), "confidentiality": SECRECY, "phones": many(PHONE), "emails": many(text),
    "links": many(text), "tags": many(text), "sources": many(text), "archived": ARCHIVED,
    "origin": one_of("agency", "applied", "internal", "referred", "sourced", "university"),
    "sourcedBy": null(uuid), "owner": null(uuid), "followers": many(uuid), "applications": many(uuid),
    "createdAt": ms, "updatedAt": null(ms), "lastInteractionAt": ms, "lastAdvancedAt": ms,
    "snoozedUntil": null(ms), "urls": shaped({"list": text, "show": text}), "dataProtection": PROTECTION,
    "isAnonymized": flag, "opportunityLocation": text,
}  # fmt: skip
APPLICATION: dict[str, Check] = {
    "id": uuid, "opportunityId": uuid, "candidateId": uuid, "type": one_of("posting", "user", "referral"),
    "posting": null(uuid), "postingHiringManager": null(uuid), "postingOwner": null(uuid), "user": null(uuid),
    "name": null(text), "email": null(text), "company": null(text), "comments": null(text),
    "phone": null(PHONE), "links": many(text), "customQuestions": many(FORM), "archived": ARCHIVED,
    "requisitionForHire": null(
        shaped({"id": uuid, "requisitionCode": text, "hiringManagerOnHire": null(uuid)})
    ),
    "createdAt": ms, "ipAddress": null(text), "referer": null(text), "userAgent": null(text),
    "acceptLanguage": null(text), "timezone": null(text),
}  # fmt: skip
POSTING: dict[str, Check] = {
    "id": uuid, "text": text,
    "state": one_of("published", "internal", "closed", "draft", "pending", "rejected"),
    "distributionChannels": null(many(one_of("public", "internal"))), "user": null(uuid), "owner": null(uuid),
    "hiringManager": null(uuid), "confidentiality": SECRECY,
    "categories": shaped({
        "team": null(text), "department": null(text), "location": null(text), "allLocations": many(text),
        "commitment": null(text), "level": null(text),
    }),
    "tags": many(text),
    "content": shaped({
        "description": text, "descriptionHtml": text, "lists": many(shaped({"text": text, "content": text})),
        "closing": text, "closingHtml": text,
    }),
    "country": null(text), "followers": many(uuid), "reqCode": null(text), "requisitionCodes": many(text),
    "urls": null(shaped({"list": text, "show": text, "apply": text})),
    "workplaceType": one_of("unspecified", "onsite", "remote", "hybrid"), "createdAt": ms, "updatedAt": ms,
}  # fmt: skip
BAND = shaped({"currency": text, "interval": text, "min": number, "max": number})
REQUISITION: dict[str, Check] = {
    "id": uuid, "requisitionCode": text, "name": text,
    "status": one_of("open", "onHold", "closed", "draft", "rejected", "pending"), "backfill": flag,
    "confidentiality": SECRECY, "headcountTotal": lambda v: v == "unlimited" or number(v),
    "headcountHired": number, "headcountInfinite": flag, "creator": null(uuid), "owner": null(uuid),
    "hiringManager": null(uuid), "compensationBand": null(BAND), "employmentStatus": null(text),
    "location": null(text), "team": null(text), "department": null(text), "internalNotes": null(text),
    "postings": many(uuid), "offerIds": many(uuid),
    "approval": null(shaped({"steps": many(shaped({}, open_ended=True))}, open_ended=True)),
    "customFields": shaped({}, open_ended=True), "timeToFillStartAt": null(ms), "timeToFillEndAt": null(ms),
    "createdAt": ms, "updatedAt": ms, "closedAt": null(ms),
}  # fmt: skip
USER: dict[str, Check] = {
    "id": uuid, "name": text, "username": null(text), "email": null(text), "accessRole": text,
    "photo": null(text), "createdAt": ms, "deactivatedAt": null(ms), "externalDirectoryId": null(text),
    "linkedContactIds": null(many(uuid)), "jobTitle": null(text), "managerId": null(uuid),
}  # fmt: skip
REASON: dict[str, Check] = {
    "id": uuid, "text": text, "status": one_of("active", "inactive"), "type": one_of("hired", "non-hired"),
}  # fmt: skip
CONTACT: dict[str, Check] = {
    "id": uuid, "name": text, "headline": text, "isAnonymized": flag, "location": shaped({"name": text}),
    "emails": many(text), "phones": many(PHONE), "dataProtection": PROTECTION,
}  # fmt: skip
OFFER: dict[str, Check] = {
    "id": uuid, "posting": null(uuid), "createdAt": ms,
    "status": one_of(
        "draft", "approval-sent", "approved", "sent", "sent-manually", "opened", "denied", "signed"
    ),
    "creator": uuid, "fields": many(shaped({"text": text, "identifier": text, "value": lambda _: True})),
    "signatures": shaped({}, open_ended=True), "approved": null(flag), "approvedAt": null(ms),
    "sentAt": null(ms), "sentDocument": lambda _: True, "signedDocument": lambda _: True,
}  # fmt: skip
DESCRIBED = shaped({
    "id": stage, "text": text, "rank": lambda v: isinstance(v, (int, float)), "hasInterview": flag,
    "pipeline": one_of("lead", "applicant", "screen", "onsite", "offer"),
})  # fmt: skip


@pytest.fixture(scope="module")
def world() -> World:
    return World(1200)


def listed(world: World, path: str, **params: str) -> list[Any]:
    query = "&".join(f"{k}={v}" for k, v in {"confidentiality": "all", **params}.items())
    found, offset = [], ""
    while True:
        status, body = world.ask("GET", f"{path}?{query}{offset}")
        assert status == 200
        assert set(body) == {"data", "hasNext"} | ({"next"} if body["hasNext"] else set())
        found += body["data"]
        if not body["hasNext"]:
            return found
        offset = f"&offset={body['next'].replace('%', '%25')}"


def check(records: list[Any], fields: dict[str, Check], *, absent: frozenset[str] = frozenset()) -> None:
    assert records
    wrong = {fault for record in records for fault in faults(record, fields, False, absent)}
    assert not wrong


def varied(records: list[Any], *names: str) -> None:
    """Each of these fields is null in some records and something in others."""
    for name in names:
        values = [record.get(name) for record in records]
        assert any(v is None for v in values), f"{name} is never null"
        assert any(v is not None for v in values), f"{name} is always null"


def test_opportunities(world):
    found = listed(world, "/opportunities")
    check(found, OPPORTUNITY, absent=frozenset({"opportunityLocation"}))
    varied(
        found, "archived", "updatedAt", "snoozedUntil", "sourcedBy", "dataProtection", "opportunityLocation"
    )
    assert {len(o["applications"]) for o in found} == {0, 1}
    assert all(("opportunityLocation" in o) is bool(o["applications"]) for o in found)
    for o in found:
        times = [change["updatedAt"] for change in o["stageChanges"]]
        assert times == sorted(times)


def test_applications(world):
    found = [a for o in listed(world, "/opportunities", expand="applications") for a in o["applications"]]
    check(found, APPLICATION)
    assert all(a["opportunityId"] == a["candidateId"] for a in found)
    assert {a["type"] for a in found} == {"posting", "user", "referral"}
    assert all((a["user"] is not None) is (a["type"] == "referral") for a in found)
    varied(found, "archived", "requisitionForHire", "comments", "company", "phone", "email", "ipAddress",
           "postingHiringManager")  # fmt: skip
    assert any(a["customQuestions"] for a in found)


def test_postings(world):
    found = listed(world, "/postings")
    check(found, POSTING)
    varied(found, "distributionChannels", "hiringManager", "reqCode", "urls")
    assert {p["state"] for p in found} == {"published", "internal", "closed", "draft", "pending", "rejected"}
    assert all((p["urls"] is None) is (p["state"] in ("draft", "closed")) for p in found)
    assert any(p["tags"] for p in found)
    assert len({p["workplaceType"] for p in found}) == 4


def test_requisitions(world):
    found = listed(world, "/requisitions")
    check(found, REQUISITION)
    varied(found, "hiringManager", "compensationBand", "employmentStatus", "timeToFillStartAt", "closedAt")
    assert {r["status"] for r in found} == {"open", "onHold", "closed", "draft", "rejected", "pending"}
    assert all((r["headcountTotal"] == "unlimited") is r["headcountInfinite"] for r in found)
    assert {r["headcountInfinite"] for r in found} == {True, False}
    assert any(r["offerIds"] for r in found)


def test_hires_against_a_requisition_are_its_headcount(world):
    found = [a for o in listed(world, "/opportunities", expand="applications") for a in o["applications"]]
    hires = [a["requisitionForHire"]["id"] for a in found if a["requisitionForHire"]]
    counted = {r["id"]: r["headcountHired"] for r in listed(world, "/requisitions")}
    assert {key: hires.count(key) for key in counted} == counted


def test_users(world):
    found = listed(world, "/users", includeDeactivated="true")
    check(found, USER)
    varied(found, "deactivatedAt", "externalDirectoryId", "linkedContactIds", "jobTitle", "managerId")
    assert len({u["accessRole"] for u in found}) == 6  # one is a role of the customer's own
    one = next(u for u in found if u["externalDirectoryId"])
    assert listed(world, "/users", external_directory_id=one["externalDirectoryId"]) == [one]


def test_archive_reasons_and_stages(world):
    check(listed(world, "/archive_reasons"), REASON)
    check(listed(world, "/stages"), {"id": stage, "text": text})
    described = world.ask("GET", "/disposition_stages")[1]["data"]
    assert set(described) == {"stages", "archiveReasons"}
    assert many(DESCRIBED)(described["stages"])
    check(described["archiveReasons"], {**REASON, "type": one_of(None)})


def test_contacts(world):
    keys = {o["contact"] for o in listed(world, "/opportunities")}
    check([world.ask("GET", f"/contacts/{key}")[1]["data"] for key in keys], CONTACT)


def test_offers(world):
    found = [o for key in world.sim.account.offers for o in listed(world, f"/opportunities/{key}/offers")]
    check(found, OFFER)
    varied(found, "approved", "approvedAt", "sentAt")
    assert len({o["status"] for o in found}) > 5


def test_web_hooks(world):
    body = {"url": "https://a.example.com/", "event": "candidateHired"}
    made = world.ask("POST", "/webhooks", body)[1]["data"]
    conditions = shaped({"origins": many(text)})
    fields = {"id": uuid, "event": text, "url": text, "createdAt": ms, "updatedAt": ms}
    check([made], {**fields, "configuration": shaped({"conditions": conditions, "signatureToken": text})})
    check(listed(world, "/webhooks"), {**fields, "configuration": shaped({"conditions": conditions})})


def test_a_written_opportunity_has_every_field_too(world):
    body = world.put(world.active, "stage", {"stage": "offer"})[1]
    check([body["data"]], OPPORTUNITY)
    late = World(visible_after=60)
    check([late.put(late.active, "stage", {"stage": "offer"})[1]["data"]], OPPORTUNITY)


def test_an_expanded_opportunity_has_whole_records(world):
    expand = "&expand=".join(["applications", "stage", "owner", "followers", "sourcedBy", "contact"])
    found = listed(world, "/opportunities", expand=expand)
    people: dict[str, Check] = {"owner": shaped(USER), "sourcedBy": null(shaped(USER))}
    people |= {"followers": many(shaped(USER)), "contact": shaped(CONTACT)}
    objects = {"applications": many(shaped(APPLICATION)), "stage": shaped({"id": stage, "text": text})}
    check(found, {**OPPORTUNITY, **people, **objects}, absent=frozenset({"opportunityLocation"}))


def test_consent_has_lapsed_in_an_expanded_contact_as_well(world):
    one = next(o for o in listed(world, "/opportunities") if o["dataProtection"])
    consent = {"store": {"allowed": True, "expiresAt": int(NOW * 1000) - 1}}
    held = world.sim.account.contacts
    held[one["contact"]] = {**held[one["contact"]], "dataProtection": consent}
    read = world.ask("GET", f"/opportunities/{one['id']}?expand=contact")[1]["data"]
    assert read["contact"]["dataProtection"]["store"]["allowed"] is False
    assert read["contact"] == world.ask("GET", f"/contacts/{one['contact']}")[1]["data"]


RECORDED = os.environ.get("ATSBRIDGE_RECORDED_LEVER")
EXTRA = {"transcribeInterviews", "screening", "salaryRange"}
"""Fields of recorded postings that no page describes: new ones appear any time."""


@pytest.mark.skipif(RECORDED is None, reason="ATSBRIDGE_RECORDED_LEVER is not set: no recorded account")
def test_the_recorded_account_has_the_same_fields():
    recorded = World.of(LeverSimulator.from_folder(Path(RECORDED or ""), limits=Limits(None)))
    described = (("/opportunities", OPPORTUNITY), ("/requisitions", REQUISITION), ("/users", USER),
                 ("/archive_reasons", REASON), ("/stages", {"id": stage, "text": text}))  # fmt: skip
    for path, fields in described:
        check(listed(recorded, path), fields, absent=frozenset({"opportunityLocation"}))
    postings = [{k: v for k, v in p.items() if k not in EXTRA} for p in listed(recorded, "/postings")]
    check(postings, POSTING)


def test_a_fault_would_be_seen():
    good = json.loads('{"id": "offer", "text": "Offer"}')
    fields: dict[str, Check] = {"id": stage, "text": text}
    for bad in ({}, {"id": "offer"}, {**good, "text": None}, {**good, "more": 1}, {**good, "id": "nowhere"}):
        with pytest.raises(AssertionError):
            check([bad], fields)
