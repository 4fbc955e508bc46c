"""A made-up Lever account of any size: what the server serves and what the mapping says of it.

Every record depends on its place alone, so that two processes make the same
account without telling each other. Ids are in random order, as real ones are.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

CONNECTION = "bench"
PAGE = 500
_START = 1_700_000_000_000
_WORDS = ("Phone screen", "Manager screen", "On-site interview", "Reference check", "Background check")
_BUILT_IN = {"lead-new": "New lead", "lead-responded": "Responded", "applicant-new": "New applicant"}


def _uuid(seed: str) -> str:
    text = f"{Random(seed).getrandbits(128):032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


STAGES = {**_BUILT_IN, **{_uuid(f"stage {word}"): word for word in _WORDS}, "offer": "Offer"}
REASONS = {_uuid(f"reason {word}"): word for word in ("Underqualified", "Timing", "No response", "Hired")}
HIRED = next(id for id, word in REASONS.items() if word == "Hired")
USERS = tuple(_uuid(f"user {n}") for n in range(8))
POSTINGS = tuple(_uuid(f"posting {n}") for n in range(12))
_STAGE_IDS, _REASON_IDS = tuple(STAGES), tuple(REASONS)
_GIVEN = ("Isla", "Kofi", "Giulia", "Chidi", "Emil", "Enzo", "Priya", "Mateo")
_FAMILY = ("Haddad", "Toure", "Fischer", "Torres", "Sato", "Baptiste", "Nilsson", "Okafor")


def configuration() -> dict[str, list[dict[str, Any]]]:
    """The short listings, by path."""
    return {
        "/v1/stages": [{"id": id, "text": text} for id, text in STAGES.items()],
        "/v1/archive_reasons": [
            {"id": id, "text": text, "status": "active", "type": "hired" if id == HIRED else "non-hired"}
            for id, text in REASONS.items()
        ],
        "/v1/users": [
            {"id": id, "name": f"User {n}", "email": f"user.{n}@example.com", "createdAt": _START}
            for n, id in enumerate(USERS)
        ],
        "/v1/postings": [
            {
                "id": id,
                "text": f"Posting {n}",
                "state": "published",
                "confidentiality": "non-confidential",
                "createdAt": _START,
                "updatedAt": _START,
                "owner": USERS[0],
            }
            for n, id in enumerate(POSTINGS)
        ],
        "/v1/requisitions": [],
        "/v1/opportunities/deleted": [],
        "/v1/postings/deleted": [],
    }


def opportunity(place: int, *, changed: bool = False) -> dict[str, Any]:
    """One opportunity with its application, about 1.4 kB as JSON.

    Args:
        changed: as it is after one more move.
    """
    dice = Random(f"opportunity {place}")
    id, contact, owner = _uuid(f"{place}"), _uuid(f"contact {place}"), dice.choice(USERS)
    name = f"{dice.choice(_GIVEN)} {dice.choice(_FAMILY)}"
    email = f"{name.lower().replace(' ', '.')}.{place}@example.com"
    phone = {"type": "mobile", "value": f"+1 555 {place:07d}"}
    created = _START + dice.randrange(50_000_000_000)
    moves = [(dice.choice(_STAGE_IDS), created + n * 86_400_000) for n in range(dice.randint(1, 2) + changed)]
    ended = {"reason": dice.choice(_REASON_IDS), "archivedAt": moves[-1][1] + 1000}
    archived = ended if dice.random() < 0.35 else None
    return {
        "id": id,
        "name": name,
        "contact": contact,
        "headline": "Planner at Delta Foundry" if place % 2 else "",
        "stage": moves[-1][0],
        "confidentiality": "non-confidential",
        "location": "Leeds, United Kingdom" if place % 3 else "",
        "phones": [phone],
        "emails": [email],
        "links": [f"https://people.example.com/in/{place}"] if place % 4 else [],
        "archived": archived,
        "tags": ["Relocation", "Remote"] if place % 5 == 0 else [],
        "sources": ["Added manually"],
        "stageChanges": [{"toStageId": stage, "updatedAt": at, "userId": owner} for stage, at in moves],
        "origin": "applied",
        "sourcedBy": None,
        "owner": owner,
        "followers": [owner],
        "applications": [
            {
                "id": _uuid(f"application {place}"),
                "type": "user",
                "opportunityId": id,
                "posting": dice.choice(POSTINGS),
                "name": name,
                "email": email,
                "company": None,
                "createdAt": created,
                "archived": None,
            }
        ],
        "createdAt": created,
        "updatedAt": moves[-1][1],
        "lastInteractionAt": created,
        "lastAdvancedAt": moves[-1][1],
        "snoozedUntil": None,
        "urls": {
            "list": "https://hire.lever.example.com/candidates",
            "show": f"https://hire.lever.example.com/candidates/{id}",
        },
        "isAnonymized": False,
    }


def mapping(
    mode: str = "off", *, stages: Iterable[str] = STAGES.values(), reasons: Iterable[str] = REASONS.values()
) -> dict[str, Any]:
    """Every stage a step, every reason a word of its own."""
    statuses = {word: {"is": word} for word in ("active", "rejected", "withdrawn")}
    return {
        "version": 1,
        "scope": {"jobs": "all", "prospects": True, "terminal": True},
        "steps": {text: {"stages": [text]} for text in stages},
        "statuses": {**statuses, "hired": {"is": "hired", "write": False}},
        "reasons": {text: {"reasons": [text]} for text in reasons},
        "write": {"mode": mode, "cap_per_hour": 1_000_000},
    }
