"""What a stage's name says it is for: the crosswalk of the trade's words, and guesses by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from ..model import ApplicationStatus, StageKind

Meaning = tuple[StageKind, ApplicationStatus]

_WORDS: dict[StageKind, tuple[str, ...]] = {
    StageKind.APPLIED: ("new", "submitted", "created", "applied"),
    StageKind.REVIEW: ("reviewing", "short list", "review"),
    StageKind.SCREEN: ("screening", "screen"),
    StageKind.INTERVIEW: ("first interview", "second interview", "third interview", "interview"),
    StageKind.ASSESSMENT: ("assessment",),
    StageKind.REFERENCE: ("reference check",),
    StageKind.BACKGROUND: ("background check",),
    StageKind.OFFER: ("offered", "offer", "approved"),
    StageKind.PRE_HIRE: ("accepted", "onboarding"),
    StageKind.HIRED: ("hired",),
    StageKind.REJECTED: ("rejected", "not hired"),
    StageKind.WITHDRAWN: ("declined by candidate", "withdrawn"),
    StageKind.UNMAPPED: ("declined",),
}

ENDS: Mapping[StageKind, ApplicationStatus] = MappingProxyType(
    {
        StageKind.HIRED: ApplicationStatus.HIRED,
        StageKind.REJECTED: ApplicationStatus.REJECTED,
        StageKind.WITHDRAWN: ApplicationStatus.WITHDRAWN,
    }
)
"""The stages that end an application, and how."""


_SAYS_NOTHING = frozenset({StageKind.UNMAPPED, StageKind.ARCHIVED})


def standing_in(kind: StageKind) -> ApplicationStatus | None:
    """The status of an application that stands in such a stage; None where the kind does not tell."""
    return None if kind in _SAYS_NOTHING else ENDS.get(kind, ApplicationStatus.ACTIVE)


def _status(kind: StageKind) -> ApplicationStatus:
    return standing_in(kind) or ApplicationStatus.UNKNOWN


CROSSWALK: Mapping[str, Meaning] = MappingProxyType(
    {word: (kind, _status(kind)) for kind, words in _WORDS.items() for word in words}
)
"""The words that applicant tracking systems and their hubs use, and what they mean here."""

UNKNOWN_WORD: Meaning = (StageKind.UNMAPPED, ApplicationStatus.UNKNOWN)
"""What any other word means."""


def crosswalk(word: str) -> Meaning:
    """What a status word means; a word that nobody knows is UNMAPPED, never a default."""
    return CROSSWALK.get(_plain(word), UNKNOWN_WORD)


# Looked at in this order: what ends an application first, so that "Interview - rejected" is no
# interview, and "declined", which does not say who declined, before the offer that was declined.
_HINTS: tuple[tuple[StageKind, tuple[str, ...]], ...] = (
    (StageKind.WITHDRAWN, ("declined by candidate", "candidate declined", "withdrawn", "withdrew")),
    (
        StageKind.REJECTED,
        ("not hired", "not selected", "rejected", "rejection", "disqualified", "unsuccessful"),
    ),
    (StageKind.UNMAPPED, ("declined", "closed", "cancelled", "canceled")),
    (StageKind.ARCHIVED, ("archived", "archive")),
    (StageKind.PRE_HIRE, ("accepted", "onboarding", "pre hire", "prehire", "pre boarding", "preboarding")),
    (StageKind.HIRED, ("hired",)),
    (StageKind.REFERENCE, ("reference", "references")),
    (StageKind.BACKGROUND, ("background",)),
    (StageKind.ASSESSMENT, ("assessment", "test", "take home", "challenge", "assignment", "case study")),
    (StageKind.OFFER, ("offer", "offered", "approved")),
    (StageKind.LEAD, ("lead", "leads", "prospect", "sourced", "contacted", "reached out", "responded")),
    (StageKind.SCREEN, ("screen", "screening", "screened", "prescreen")),
    (StageKind.INTERVIEW, ("interview", "interviews", "onsite", "on site", "face to face", "panel")),
    (StageKind.REVIEW, ("review", "reviewing", "short list", "shortlist", "shortlisted")),
    (StageKind.APPLIED, ("applied", "applicant", "applicants", "application", "submitted", "new", "inbox")),
)


def guess_kind(name: str) -> StageKind:
    """What a stage is probably for, by its name; UNMAPPED where the name does not tell."""
    plain = _plain(name)
    if plain in CROSSWALK:
        return CROSSWALK[plain][0]
    padded = f" {plain} "
    return next(
        (kind for kind, hints in _HINTS if any(f" {hint} " in padded for hint in hints)), StageKind.UNMAPPED
    )


_CANDIDATE_DECIDED = (
    "withdrew",
    "withdrawn",
    "declined by candidate",
    "candidate declined",
    "offer declined",
)


def guess_reason(name: str) -> ApplicationStatus | None:
    """How an application that ended for this reason probably ended; None where the name does not tell."""
    padded = f" {_plain(name)} "
    if any(f" {hint} " in padded for hint in _CANDIDATE_DECIDED):
        return ApplicationStatus.WITHDRAWN
    return None


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name.casefold()).strip()
