"""Every error of atsbridge, sorted by what the caller should do.

::

    AtsBridgeError
    ├── ConfigurationError          mend the set-up, then try again
    │   ├── MappingError            a list of faults, each with its key path
    │   ├── UnknownPlugin           no such adapter, CRM, ledger or simulator
    │   ├── UnsupportedPair         these two parts cannot work together
    │   └── SurfaceNotApproved      the adapter's write surface is not the approved one
    ├── VendorError                 the ATS answered, or failed to
    │   ├── Unavailable             try later: 5xx, time-out, no connection
    │   │   ├── Throttled           try after `retry_after_seconds`
    │   │   ├── NoAnswer            sent, and nothing came back: the outcome is unknown
    │   │   │   └── Untrusted       the server's certificate is not trusted; nothing was sent
    │   │   └── BadPayload          the body is not what the vendor promises
    │   ├── Unauthorized            a person must renew the credential
    │   ├── Forbidden               a person must grant a permission
    │   ├── NotFound                the record is gone, or hidden from us
    │   ├── Refused                 the vendor's definite no; nothing happened
    │   │   ├── StateChanged        its compare-and-set failed: somebody was faster
    │   │   └── Doubtful            a yes with a warning: what was done, reading must tell
    │   ├── CursorLost              the listing restarts from its window's start
    │   └── WatermarkLost           the stream is read anew in full
    ├── CrmError                    the CRM failed; inbound work stays
    ├── TooManyGone                 a sweep misses so much that a person should look
    ├── BadRecord                   one record is unreadable; it goes to quarantine
    ├── GuardError                  a request outside the declared surface; nothing was sent
    │   └── TooLate                 the send window closed before the socket opened
    └── LedgerError                 the bridge's own memory
        ├── LeaseLost               another worker took over; this one stops
        ├── LedgerBusy              another worker holds the lease
        └── LedgerUnavailable       its server cannot be reached now

No error carries a secret or a person's data. The first line of each docstring
is the message used when none is given.
"""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class AtsBridgeError(Exception):
    """atsbridge could not go on."""

    retryable: bool = False
    advice: str = ""
    pushed: Any = None
    pulled: Any = None
    """Of a `sync` that failed after its push or its pull: the reports of what was done before."""

    def __init__(self, message: str = "", *, advice: str = "") -> None:
        text = message or (type(self).__doc__ or "").strip().splitlines()[0]
        super().__init__(text)
        self.advice = advice or type(self).advice

    def __reduce__(self) -> tuple[Any, ...]:
        # Not by calling the class, as exceptions usually are: what it was called with is not its message.
        return _remade, (type(self), self.args, dict(vars(self)))

    @property
    def message(self) -> str:
        return str(self.args[0])


def _remade(error: type[AtsBridgeError], args: tuple[Any, ...], fields: dict[str, Any]) -> AtsBridgeError:
    """An error as it was, in another process or as a copy."""
    made = error.__new__(error, *args)
    vars(made).update(fields)
    return made


class ConfigurationError(AtsBridgeError):
    """The configuration is not usable."""

    advice = "mend what is named, in the connection file or in the call; trying again alone does not help"


class MappingError(ConfigurationError):
    """The mapping has faults.

    Args:
        faults: one line each: key path, what is wrong, how to mend it.
    """

    advice = "mend the mapping where the faults say so, each with its key, and load it again"

    def __init__(self, faults: Sequence[object]) -> None:
        self.faults = tuple(faults)
        count = len(self.faults)
        head = f"the mapping has {count} fault{'s' if count != 1 else ''}"
        lines = (" ".join(str(fault).splitlines()) for fault in self.faults)
        super().__init__("\n".join([head, *(f"  {line}" for line in lines)]))


class UnknownPlugin(ConfigurationError):
    """No plugin of this name is installed."""

    advice = "use the name of one that is there, or install the package that brings it"


class UnsupportedPair(ConfigurationError):
    """These two parts cannot work together."""

    advice = "take another in place of one of the two"


class SurfaceNotApproved(ConfigurationError):
    """The write surface of this adapter is not the one approved for the connection."""

    advice = "`atsbridge vendors approve` shows it whole, and asks whether it is approved"


class VendorError(AtsBridgeError):
    """The ATS did not do as asked.

    Args:
        vendor: registry name, e.g. ``lever``.
        operation: the declared read or write, e.g. ``list_opportunities``.
        status: the HTTP answer, or None where there was none.
        request_id: the vendor's id of the request, where it gives one.
    """

    def __init__(
        self,
        message: str = "",
        *,
        vendor: str = "",
        operation: str = "",
        status: int | None = None,
        request_id: str = "",
        advice: str = "",
    ) -> None:
        super().__init__(message, advice=advice)
        self.vendor = vendor
        self.operation = operation
        self.status = status
        self.request_id = request_id

    def __str__(self) -> str:
        where = " ".join(part for part in (self.vendor, self.operation) if part)
        code = f" [{self.status}]" if self.status is not None else ""
        trace = f" (request {self.request_id})" if self.request_id else ""
        return f"{where}{code}: {self.message}{trace}" if where else f"{self.message}{code}{trace}"


class Unavailable(VendorError):
    """The ATS is not available."""

    retryable = True
    advice = "try again later; nothing was lost"


class Throttled(Unavailable):
    """The ATS asks for fewer requests."""

    def __init__(
        self, message: str = "", *, retry_after_seconds: float | None = None, **where: object
    ) -> None:
        super().__init__(message, **where)  # type: ignore[arg-type]
        self.retry_after_seconds = retry_after_seconds


class NoAnswer(Unavailable):
    """The request may have reached the ATS, but no answer came back."""

    def __init__(self, message: str = "", *, sent: bool = True, **where: object) -> None:
        super().__init__(message, **where)  # type: ignore[arg-type]
        self.sent = sent


class Untrusted(NoAnswer):
    """The server's certificate is not trusted; nothing was sent."""

    retryable = False
    advice = (
        "look at the server's certificate; behind a proxy that makes its own, name the proxy's CA by ca_file"
    )

    def __init__(self, message: str = "", **where: object) -> None:
        super().__init__(message, **{"sent": False, **where})  # type: ignore[arg-type]


class BadPayload(Unavailable):
    """The answer is not what the vendor promises."""


class Unauthorized(VendorError):
    """The ATS does not accept the credential."""

    advice = "renew the credential with the customer's ATS administrator"


class Forbidden(VendorError):
    """The credential lacks a permission."""

    advice = "ask the customer's ATS administrator for the permission; `atsbridge check` names it"


class NotFound(VendorError):
    """The record is not there, or hidden from this credential."""

    advice = "look for it in the ATS; if it is there, ask the ATS administrator who may see it"


class Refused(VendorError):
    """The ATS refused the request; nothing happened."""

    advice = "its own words say why; `atsbridge check` tells whether a permission or the mapping is at fault"


class StateChanged(Refused):
    """The ATS holds a newer state than the one this write was made for."""


class Doubtful(Refused):
    """The ATS said yes and warned that not all of it may have been done."""


class CursorLost(VendorError):
    """The ATS no longer knows the page cursor."""

    retryable = True
    advice = "pull again: the listing is read from its start"


class WatermarkLost(VendorError):
    """The ATS no longer knows the watermark."""

    retryable = True
    advice = "pull again: all is read anew"


class CrmError(AtsBridgeError):
    """The CRM failed."""

    retryable = True
    advice = "look at the CRM and its connector, then try again: what it did not take is delivered once more"


class TooManyGone(AtsBridgeError):
    """A sweep does not find a large part of what is known."""

    advice = "look whether the credential lost a permission; then sweep again with the higher limit"


class BadRecord(AtsBridgeError):
    """A record cannot be read.

    Args:
        path: where in the record, e.g. ``stageChanges[0].updatedAt``.
        why: what was expected and which type was found; never the value.
    """

    advice = "look at the record in the ATS at that place; it comes in by itself once it reads well"

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why


class GuardError(AtsBridgeError):
    """The request is outside the declared surface; nothing was sent."""

    advice = "this is a fault of the adapter; compare it with `atsbridge vendors show NAME`"


class TooLate(GuardError):
    """The send window closed before the request left; nothing was sent."""

    retryable = True
    advice = "the work is taken up again by the next push"


class LedgerError(AtsBridgeError):
    """The ledger failed."""

    advice = "look at the ledger's database and its rights; what was committed is safe"


class LeaseLost(LedgerError):
    """Another worker has taken over this work."""

    retryable = True
    advice = "nothing: the other worker goes on with it"


class LedgerBusy(LedgerError):
    """Another worker holds the lease."""

    retryable = True
    advice = "wait for the other worker to end, or for its lease to expire"


class LedgerUnavailable(LedgerError):
    """The ledger's server cannot be reached now."""

    retryable = True
    advice = "look at the ledger's address and whether its server runs; what was under way is taken up again"


def type_and_place(error: Exception) -> str:
    """An exception of somebody else's code without its text, which may hold a person's data or a secret."""
    place = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        place = f" at {Path(frame.f_code.co_filename).name}, line {line}"
    return f"{type(error).__name__}{place}"


def failure_to_keep(error: Exception) -> dict[str, object]:
    """What may be stored of an error as plain data: its words, and whether it may pass by itself."""
    retryable = isinstance(error, AtsBridgeError) and error.retryable
    return {"error": words_to_keep(error), "retryable": retryable}


def words_to_keep(error: Exception) -> str:
    """What may be stored of an error: the text where atsbridge itself raised it, else type and place."""
    module = ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        module = frame.f_globals.get("__name__", "")
    ours = isinstance(error, AtsBridgeError) and module.partition(".")[0] == __package__
    return f"{type(error).__name__}: {error}" if ours else type_and_place(error)
