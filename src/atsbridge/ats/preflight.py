"""The words a preflight is written in: try a read, and say what its answer proves."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import Forbidden, NotFound, Unauthorized, VendorError
from ..wire.effects import Failed, Flow, Request, Response, request, together
from .interface import Finding, Proof


def ask(wanted: Request) -> Flow[Response | VendorError]:
    """One read, with the vendor's no as a value."""
    (outcome,) = yield from together([request(wanted)], 1)
    if not isinstance(outcome, Failed):
        return outcome.value
    if isinstance(outcome.error, VendorError):
        return outcome.error
    raise outcome.error


def proof_of_read(what: str, wanted: Request, answer: Response | VendorError, *, grant: str) -> Finding:
    """What the answer to one read shows.

    Args:
        what: the permission, in words.
        grant: what to ask the customer's ATS administrator for.
    """
    tried = f"{wanted.method} {wanted.url}"
    if not isinstance(answer, VendorError):
        return Finding(what=what, proof=Proof.PROVED, tried=tried)
    if isinstance(answer, (Unauthorized, Forbidden, NotFound)):
        status = f" answered {answer.status}"
        return Finding(what=what, proof=Proof.MISSING, tried=tried + status, ask=grant)
    return Finding(
        what=what,
        proof=Proof.UNPROVEN,
        tried=f"{tried}: {answer.message}",
        ask="try again; the ATS did not answer as it should",
    )


def reach(answers: Sequence[Response | VendorError], *, host: str) -> Finding:
    """Whether the API is reachable and the credential valid, from the answers of all reads."""
    what = "the API is reachable and the credential valid"
    tried = f"{len(answers)} reads below {host}"
    if any(not isinstance(a, VendorError) for a in answers):
        return Finding(what=what, proof=Proof.PROVED, tried=tried, needed_for="reach")
    first = next(a for a in answers if isinstance(a, VendorError))
    advice = {
        Unauthorized: "a new credential: this one is unknown, revoked or of another environment",
        Forbidden: "at least one read permission for this credential",
    }.get(type(first), "a look at the network path and the vendor's status page")
    return Finding(
        what=what,
        proof=Proof.MISSING,
        tried=f"{tried}; the first answered: {first.message}",
        ask=advice,
        needed_for="reach",
    )
