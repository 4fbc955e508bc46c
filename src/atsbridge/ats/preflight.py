"""The words a preflight is written in: try a read, and say what its answer proves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import evolve

from ..errors import Forbidden, NotFound, Unauthorized, Unavailable, VendorError
from ..wire.auth import Token
from ..wire.effects import Failed, Flow, Request, Response, once, request, together
from .interface import Finding, Proof


def ask(wanted: Request) -> Flow[Response | VendorError]:
    """One read, with the vendor's no as a value."""
    (outcome,) = yield from together([request(wanted)], 1)
    if not isinstance(outcome, Failed):
        return outcome.value
    if isinstance(outcome.error, VendorError):
        return outcome.error
    raise outcome.error


def find(
    wanted: Request, *, beside: Request, rows: Callable[[Response], Sequence[object]]
) -> Flow[Response | VendorError]:
    """One record, or the vendor's no to it alone.

    Args:
        beside: a read that answers whatever becomes of the record, such as one page of its list.
        rows: what that page shows.

    Raises:
        VendorError: what ``beside`` is answered where it is refused too: such a no is to the whole
            address, or to the credential, and says nothing of the record.
        Forbidden: no other record shows either: many a vendor hides what a credential may not see
            without a word.
    """
    answer = yield from ask(wanted)
    if isinstance(answer, (NotFound, Forbidden)):
        yield from must_show(
            beside, rows=rows, vendor=answer.vendor, operation=wanted.operation, status=answer.status
        )
    return answer


def must_show(
    beside: Request,
    *,
    rows: Callable[[Response], Sequence[object]],
    vendor: str,
    operation: str,
    status: int | None = 200,
) -> Flow[None]:
    """That something of a kind shows, before an empty answer about one record is believed.

    Raises:
        Forbidden: nothing does: many a vendor hides what a credential may not see without a word.
    """
    # Once for all who ask side by side: a vendor may take no two searches at a time.
    key = (beside.operation, beside.url, beside.query)
    shown = yield from once(key, lambda: request(beside))
    if not rows(shown):
        raise nothing_shows(vendor=vendor, operation=operation, status=status)


def nothing_shows(*, vendor: str, operation: str, status: int | None) -> Forbidden:
    """What stops a connection that sees nothing of a kind any more."""
    return Forbidden(
        "no record of this kind shows at all",
        vendor=vendor,
        operation=operation,
        status=status,
        advice="ask whether the integration user has lost a permission: no error would say so",
    )


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


def try_listings(
    listings: Mapping[str, Request], *, host: str, grant: str
) -> Flow[tuple[list[Response | VendorError], list[Finding]]]:
    """Read one page of each listing: the answers, and what they show; reach first.

    Args:
        listings: by what each lists.
        grant: what to ask the administrator for, with ``{}`` where the listing's name goes.
    """
    answers: list[Response | VendorError] = []
    for wanted in listings.values():
        answers.append((yield from ask(wanted)))
    found = [
        proof_of_read(f"read {name}", wanted, answer, grant=grant.format(name))
        for (name, wanted), answer in zip(listings.items(), answers, strict=True)
    ]
    return answers, [reach(answers, host=host), *found]


def unproven_write(what: str, *, grant: str) -> Finding:
    """A write permission, which shows in nothing but a write."""
    tried = "nothing: a write permission shows only in a write"
    return Finding(what=what, proof=Proof.UNPROVEN, tried=tried, ask=grant, needed_for="write")


def with_scopes(
    findings: Sequence[Finding], token: Token | None, scopes: Mapping[str, str]
) -> tuple[Finding, ...]:
    """Findings with what the access token claims to grant; one that names no scopes proves nothing.

    Args:
        scopes: the scope that each finding needs, by what it is about.
    """
    if token is None or token.scopes is None:
        return tuple(findings)
    tried, granted = "the scopes that the access token names; nothing was written", token.scopes
    return tuple(
        finding
        if finding.what not in scopes
        else evolve(finding, proof=Proof.PROVED, tried=tried, ask="")
        if scopes[finding.what] in granted
        else evolve(finding, proof=Proof.MISSING, tried=tried)
        for finding in findings
    )


def reach(answers: Sequence[Response | VendorError], *, host: str) -> Finding:
    """Whether the API is reachable and the credential valid, from the answers of all reads."""
    what = "the API is reachable and the credential valid"
    tried = f"the first page of {len(answers)} listings below {host}"
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
        void=_void(answers),
    )


def _void(answers: Sequence[Response | VendorError]) -> str:
    """Why refusals and silence say nothing of single permissions, where they do not."""
    if isinstance(answers[0], Unauthorized):
        return "the credential itself is refused"
    return "the API cannot be reached" if all(isinstance(a, Unavailable) for a in answers) else ""
