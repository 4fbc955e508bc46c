"""The filters of the list endpoints: from a query parameter's text to a test of a record."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from . import times
from .refusals import invalid
from .tables import Record

Test = Callable[[Record], bool]
MOST_IDS = 50
ONE_ID = re.compile("[0-9]{1,19}")
OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "gte": operator.ge,
    "lte": operator.le,
    "gt": operator.gt,
    "lt": operator.lt,
}


@frozen
class Condition:
    """A test, and where it is "one of these values of that column", those, so that an index can serve it."""

    test: Test
    column: str | None = None
    values: frozenset[Any] = frozenset()


Filter = Callable[[str, str], Condition]
"""From a parameter's name and text to its condition; refuses a text it cannot read."""


def id_list(name: str, text: str) -> frozenset[int]:
    words = text.split(",")
    if len(words) > MOST_IDS:
        raise invalid(f"{name} takes at most {MOST_IDS} ids.")
    if not all(ONE_ID.fullmatch(word) for word in words):
        raise invalid(f"{name} must be a comma separated list of ids.")
    return frozenset(int(word) for word in words)


def among(column: str) -> Filter:
    """A comma list of ids, any of which the column holds."""

    def read(name: str, text: str) -> Condition:
        ids = id_list(name, text)
        return Condition(lambda record: record.get(column) in ids, column, ids)

    return read


def overlapping(column: str) -> Filter:
    """A comma list of ids, any of which is in the column's list."""

    def read(name: str, text: str) -> Condition:
        ids = id_list(name, text)
        return Condition(lambda record: not ids.isdisjoint(record.get(column) or ()))

    return read


def one_id(column: str) -> Filter:
    def read(name: str, text: str) -> Condition:
        if not ONE_ID.fullmatch(text):
            raise invalid(f"{name} must be an id.")
        wanted = int(text)
        return Condition(lambda record: record.get(column) == wanted or wanted in _listed(record.get(column)))

    return read


def text_is(column: str) -> Filter:
    """Exactly this text, case included."""
    return lambda _name, text: Condition(lambda record: record.get(column) == text)


def text_in(column: str) -> Filter:
    """Any of a comma list of texts."""

    def read(name: str, text: str) -> Condition:
        words = text.split(",")
        if len(words) > MOST_IDS:
            raise invalid(f"{name} takes at most {MOST_IDS} values.")
        return Condition(lambda record: record.get(column) in words)

    return read


def flag(column: str) -> Filter:
    def read(name: str, text: str) -> Condition:
        wanted = read_flag(name, text)
        return Condition(lambda record: bool(record.get(column)) is wanted)

    return read


def read_flag(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise invalid(f"{name} must be true or false.")
    return text == "true"


def word(column: str, vocabulary: Mapping[str, str]) -> Filter:
    """One of the query's words, which need not be the record's."""

    def read(name: str, text: str) -> Condition:
        if text not in vocabulary:
            raise invalid(f"{name} must be one of {', '.join(vocabulary)}.")
        wanted = vocabulary[text]
        return Condition(lambda record: record.get(column) == wanted)

    return read


def moment(column: str) -> Filter:
    """``operator|timestamp``, or two of them for a window: ``gte|T1|lte|T2``."""

    def read(name: str, text: str) -> Condition:
        bounds = _bounds(name, text, times.key)
        if len(bounds) == 1:
            (compare, bound), *_ = bounds
            return Condition(lambda r: (at := r.get(column)) is not None and compare(times.key(at), bound))
        return Condition(
            lambda r: (at := r.get(column)) is not None and all(c(times.key(at), b) for c, b in bounds)
        )

    return read


def date(column: str) -> Filter:
    """``operator|YYYY-MM-DD`` on a column that holds dates."""

    def read(name: str, text: str) -> Condition:
        bounds = _bounds(name, text, lambda word: times.key(word)[:10])
        return Condition(lambda r: (on := r.get(column)) is not None and all(c(on, b) for c, b in bounds))

    return read


def _bounds(name: str, text: str, read: Callable[[str], str]) -> list[tuple[Callable[[Any, Any], bool], str]]:
    parts = text.split("|")
    if len(parts) not in (2, 4) or not all(word in OPERATORS for word in parts[::2]):
        raise invalid(f"{name} must be operator|timestamp with an operator of {', '.join(OPERATORS)}.")
    try:
        return [(OPERATORS[sign], read(when)) for sign, when in zip(parts[::2], parts[1::2], strict=True)]
    except (ValueError, OverflowError):
        raise invalid(f"{name} holds something that is not an ISO 8601 timestamp.") from None


def email_is(_name: str, text: str) -> Condition:
    wanted = text.lower()
    return Condition(
        lambda record: any(e["value"].lower() == wanted for e in record.get("email_addresses") or ())
    )


def tagged(_name: str, text: str) -> Condition:
    return Condition(lambda record: text in (record.get("tags") or ()))


# A record shows an option's name only, so who filters by its id needs to know the two.
CUSTOM_OPTIONS: Mapping[int, tuple[str, str]] = {
    71001: ("employment_type", "Full-time"),
    71002: ("employment_type", "Part-time"),
    71003: ("employment_type", "Contract"),
}


def custom_option(name: str, text: str) -> Condition:
    """A custom field holds the option of this id."""
    if not ONE_ID.fullmatch(text):
        raise invalid(f"{name} must be an id.")
    key, value = CUSTOM_OPTIONS.get(int(text), ("", ""))
    return Condition(
        lambda record: ((record.get("custom_fields") or {}).get(key) or {}).get("value") == value != ""
    )


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def current_offers(name: str, text: str) -> Condition:
    """With ``true``, only the offers that no later version has superseded."""
    wanted = read_flag(name, text)
    return Condition(lambda offer: not wanted or offer.get("status") != "Deprecated")
