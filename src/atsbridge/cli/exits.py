"""What the command line ends with: each exit code and what it tells a program."""

from __future__ import annotations

from enum import IntEnum

from ..errors import (
    AtsBridgeError,
    ConfigurationError,
    Forbidden,
    LeaseLost,
    LedgerBusy,
    LedgerError,
    TooManyGone,
    Unauthorized,
)


class Exit(IntEnum):
    """One sense each; `MEANINGS` words them."""

    OK = 0
    FOUND = 1
    SETUP = 2
    UNPROVEN = 3
    LATER = 4
    PERSON = 5
    FAULT = 70
    INTERRUPTED = 130


MEANINGS: dict[Exit, str] = {
    Exit.OK: "done; nothing needs a person",
    Exit.FOUND: "done, and something is wrong: a fault, a missing permission, a change in doubt;"
    " of `check` also an ATS out of reach",
    Exit.SETUP: "the command, the connection file or the mapping needs mending; nothing was done",
    Exit.UNPROVEN: "`check` alone: nothing is missing, but something could not be proved without writing",
    Exit.LATER: "try again later: the ATS, the CRM or another worker; nothing was lost",
    Exit.PERSON: "a person must act: a credential, permission or approval, a file or disk, or what is gone",
    Exit.FAULT: "a fault in atsbridge or in a plugin",
    Exit.INTERRUPTED: "interrupted; the same command goes on from there",
}


def exit_of(error: AtsBridgeError) -> Exit:
    """Which exit an error leads to, by what the caller should do about it."""
    if isinstance(error, ConfigurationError):
        return Exit.SETUP
    if isinstance(error, (Unauthorized, Forbidden, TooManyGone)):
        return Exit.PERSON
    if error.retryable or isinstance(error, (LedgerBusy, LeaseLost)):
        return Exit.LATER
    if isinstance(error, LedgerError):
        return Exit.PERSON
    return Exit.FOUND


def table() -> str:
    """The exit codes as ``--help`` shows them."""
    return "\n".join(f"  {code.value:>3}  {meaning}" for code, meaning in MEANINGS.items())
