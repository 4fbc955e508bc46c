"""How Ashby answers: the envelope, refusals under 200, page cursors and sync tokens."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

Row = dict[str, Any]
ENDPOINTS = ("application", "candidate", "job", "user", "offer", "interviewPlan", "interviewSchedule")
"""The lists that give sync tokens, in the order that tokens number them."""
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_MINUTES_FROM = 1_577_836_800  # 2020-01-01
_AGES, _AGE_BITS, _MINUTE_BITS, _SEQUENCE_BITS = 8, 3, 24, 23
"""Nine digits of base 62 are 53 bits, three of them the list's number: enough for eight million changes."""


class Refusal(Exception):
    """Ashby says no: a code and a message, as a rule under HTTP 200."""

    impossible = False
    """What came as a server error once."""

    def __init__(self, code: str, message: str = "", *, status: int = 200, parameter: str = "") -> None:
        super().__init__(code)
        self.code, self.message, self.status, self.parameter = code, message or code, status, parameter


def invalid(message: str, parameter: str = "") -> Refusal:
    return Refusal("invalid_input", message, parameter=parameter)


def impossible(message: str, code: str = "invalid_input") -> Refusal:
    """A change of stage that cannot be, as it is said since 2026-11-09."""
    refusal = Refusal(code, message)
    refusal.impossible = True
    return refusal


def iso(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


@frozen(kw_only=True)
class SyncToken:
    """What a sync token of nine characters stands for: nobody but the vendor knows, and it needs no memory.

    Args:
        list: which list it is of. age: tokens of an earlier one have been expired at once.
        minute: when it was given. sequence: all changes up to this one are known.
    """

    list: str
    age: int
    minute: int
    sequence: int

    @classmethod
    def at(cls, list: str, *, now: float, sequence: int, age: int) -> SyncToken:
        minute = int(now - _MINUTES_FROM) // 60
        return cls(list=list, age=age % _AGES, minute=minute, sequence=sequence)

    def text(self) -> str:
        number = ENDPOINTS.index(self.list)
        for value, bits in (
            (self.age, _AGE_BITS), (self.minute, _MINUTE_BITS), (self.sequence, _SEQUENCE_BITS),
        ):  # fmt: skip
            number = number << bits | value
        digits = ""
        for _ in range(9):
            number, digit = divmod(number, 62)
            digits = _DIGITS[digit] + digits
        return digits

    @classmethod
    def read(cls, text: Any, *, list: str) -> SyncToken:
        if not isinstance(text, str) or len(text) != 9 or any(c not in _DIGITS for c in text):
            raise Refusal("sync_token_invalid", "The sync token is invalid")
        number = 0
        for digit in text:
            number = number * 62 + _DIGITS.index(digit)
        parts = []
        for bits in (_SEQUENCE_BITS, _MINUTE_BITS, _AGE_BITS):
            number, value = number >> bits, number & (1 << bits) - 1
            parts.append(value)
        if number >= len(ENDPOINTS) or ENDPOINTS[number] != list:
            raise Refusal("sync_token_invalid", "The sync token is of another list")
        return cls(list=list, sequence=parts[0], minute=parts[1], age=parts[2])

    def holds(self, *, age: int, now: float, days: float) -> bool:
        """Whether it has not expired."""
        return self.age == age % _AGES and now - (self.minute * 60 + _MINUTES_FROM) <= days * 86_400


@frozen(kw_only=True)
class Cursor:
    """Where a listing stands: it goes with the request that it was given to, and with no other.

    Args:
        place: of the first row not looked at yet. sequence: of changes, when the listing began.
        asked: a mark of list, filters and sync token. age: as a token's.
    """

    place: int
    sequence: int
    asked: str
    age: int
    given: float

    def text(self) -> str:
        parts = [self.place, self.sequence, self.asked, self.age, int(self.given)]
        return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: Any, *, asked: str) -> Cursor:
        try:
            place, sequence, mark, age, given = json.loads(
                base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            )
        except (ValueError, TypeError, binascii.Error):
            raise Refusal("invalid_next_cursor", "The cursor is invalid") from None
        if mark != asked:
            raise Refusal("invalid_next_cursor", "The cursor is of another request")
        return cls(place=place, sequence=sequence, asked=mark, age=age, given=given)


def mark_of(list: str, body: Row) -> str:
    """What a cursor remembers of the request it belongs to."""
    filters = {key: value for key, value in body.items() if key not in ("cursor", "limit")}
    return hashlib.blake2b(json.dumps([list, filters], sort_keys=True).encode(), digest_size=6).hexdigest()
