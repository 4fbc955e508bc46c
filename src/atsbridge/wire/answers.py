"""What an HTTP answer means: one table for all, which a vendor can overlay."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from attrs import frozen

from ..errors import (
    BadPayload,
    Doubtful,
    Forbidden,
    NotFound,
    Refused,
    Throttled,
    Unauthorized,
    Unavailable,
    VendorError,
)
from .effects import Purpose, Request, Response
from .words import is_code, shown

_BY_STATUS: dict[int, type[VendorError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    408: Unavailable,
    410: NotFound,
    425: Unavailable,
    429: Throttled,
}


@frozen(kw_only=True)
class AnswerRule:
    """Where one vendor's answer means something else.

    Args:
        meaning: the error it stands for.
        status: the HTTP answer it applies to; None for every one.
        operations: only these declared reads and writes; empty for all.
        when: a pure test of the request and its answer, where status alone does not tell.
        words: the message, or a reader of the vendor's own words.
    """

    meaning: type[VendorError]
    status: int | None = None
    operations: frozenset[str] = frozenset()
    when: Callable[[Request, Response], bool] | None = None
    message: str = ""

    def applies(self, request: Request, response: Response) -> bool:
        return (
            self.status in (None, response.status)
            and (not self.operations or request.operation in self.operations)
            and (self.when is None or self.when(request, response))
        )


@frozen
class Complaint:
    """What a body says is wrong: the vendor's code for it, and its words."""

    code: str
    words: str = ""


@frozen(kw_only=True)
class Complaints:
    """Where a vendor says in the body what the status does not.

    Args:
        read: finds the complaint in an answer; None where there is none. Looks at successes too,
            where the vendor answers those to what failed. It may raise `BadPayload`.
        meanings: the error that a code stands for.
        terms: words of this vendor's, in lower case, that its messages may show beside the trade's.
        otherwise: what a complaint with any other code means; None leaves that to the status, and
            makes a success of one that has none. Of a write that is refused so under a success,
            only reading tells what was done.
        decides: those of the statuses that leave open what was done (408, 425, 429, 5xx) under which
            the body decides all the same, as SOAP's faults under 500 do.
    """

    read: Callable[[Request, Response], Complaint | None]
    meanings: Mapping[str, type[VendorError]] = {}
    otherwise: type[VendorError] | None = None
    terms: frozenset[str] = frozenset()
    decides: frozenset[int] = frozenset()

    def told(self, complaint: Complaint) -> str:
        """The complaint as it may be shown."""
        code = complaint.code if complaint.code in self.meanings or is_code(complaint.code) else ""
        return ": ".join(part for part in (code, shown(complaint.words, also=self.terms)) if part)

    def meaning(self, complaint: Complaint, request: Request, status: int) -> type[VendorError] | None:
        """What a complaint makes of an answer; None where it adds nothing to the status."""
        if _is_open(status) and status not in self.decides:
            return None
        if complaint.code not in self.meanings and self.otherwise is Refused:
            return Doubtful if status < 300 and request.purpose is Purpose.WRITE else Refused
        return self.meanings.get(complaint.code, self.otherwise)


def judge(
    request: Request,
    response: Response,
    *,
    vendor: str,
    rules: Sequence[AnswerRule] = (),
    complaints: Complaints | None = None,
) -> None:
    """Raise what an answer means; return where it is a success.

    Args:
        rules: the vendor's overlay, looked at first, in order.
        complaints: how the vendor's bodies are read, looked at next. A vendor without them says of
            no record that it is not there.
    """
    rule = next((r for r in rules if r.applies(request, response)), None)
    status = response.status
    complaint = complaints.read(request, response) if complaints is not None else None
    said = complaints.meaning(complaint, request, status) if complaints and complaint else None
    if rule is None and said is None and 200 <= status < 300:
        _check_type(request, response, vendor)
        return
    meaning = rule.meaning if rule else said or _by_status(request, status, worded=complaint is not None)
    text = (rule.message if rule else "") or (complaints.told(complaint) if complaint and complaints else "")
    error = meaning(
        text, vendor=vendor, operation=request.operation, status=status, request_id=response.request_id
    )
    if isinstance(error, Throttled):
        error.retry_after_seconds = retry_after_seconds(response)
    raise error


def _is_open(status: int) -> bool:
    """Whether a status leaves open what the request has done, or will do."""
    return status >= 500 or status in (408, 425, 429)


def _by_status(request: Request, status: int, *, worded: bool) -> type[VendorError]:
    """What a status alone means.

    Any gateway or proxy answers 404 for any address. That a record is not there is believed of the
    vendor alone, in its own form of an error (``worded``), since what is not there is deleted in the
    CRM. A write is read back, whatever it was answered.
    """
    meaning = _BY_STATUS.get(status) or (Refused if 400 <= status < 500 else Unavailable)
    if meaning is NotFound and not worded and request.purpose is not Purpose.WRITE:
        return BadPayload
    return meaning


def _check_type(request: Request, response: Response, vendor: str) -> None:
    """A login page with 200 is no data: the body must be what the operation reads."""
    if not response.body:
        return
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not (kind.endswith(("json", "xml"))):
        raise BadPayload(
            f"the body is {kind or 'of no type'}, not data",
            vendor=vendor,
            operation=request.operation,
            status=response.status,
        )


def retry_after_seconds(response: Response) -> float | None:
    """``Retry-After`` in seconds, whether the vendor sends seconds or a date; else a reset header's."""
    now = _date(response) or response.sent_at
    text = response.headers.get("retry-after", "").strip()
    if _is_number(text):
        return _within(float(text))
    if text:
        try:
            return _within((parsedate_to_datetime(text) - now).total_seconds())
        except (ValueError, TypeError):
            return None
    reset = response.headers.get("x-ratelimit-reset", "")
    if _is_number(reset) and 9 <= len(reset) <= 12:
        return _within(int(reset) - now.timestamp())
    return None


_LONGEST_WAIT = 86_400.0
"""Seconds. No limit of any vendor lasts longer than a day: more than that is a mistake of the answer's."""


def _within(seconds: float) -> float:
    return min(max(0.0, seconds), _LONGEST_WAIT)


def _is_number(text: str) -> bool:
    # str.isdigit alone takes digits of every script, and raised ones that are no number.
    return text.isascii() and text.isdigit()


def safe_time(response: Response) -> datetime:
    """What a watermark is made of: the vendor's clock when it answered, or ours where that is behind.

    The earlier of two clocks makes a next read larger, and nothing else. A later
    one, from one server of the vendor's or a proxy whose clock is ahead, would
    have what changes until then never read.

    Raises:
        BadPayload: as `vendor_time` does.
    """
    return min(vendor_time(response), response.sent_at)


def vendor_time(response: Response) -> datetime:
    """The vendor's clock when it answered.

    Raises:
        BadPayload: there is no ``Date`` to tell it. Our own clock may be ahead, and what
            changed in between would never be read.
    """
    moment = _date(response)
    if moment is None:
        raise BadPayload(
            "the answer has no Date header that is a time, and without it the ATS's own time is not known",
            status=response.status,
            advice="look whether a proxy on the way takes it out; nothing was lost",
        )
    return moment


def _date(response: Response) -> datetime | None:
    try:
        moment = parsedate_to_datetime(response.headers["date"])
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
