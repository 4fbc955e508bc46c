"""What adapters' settings have in common: attrs converters and validators.

An adapter's class is made with ``field_transformer=typed``: a setting of
another type than its annotation, a number below zero or no number at all is
then refused by name. Converters leave what they cannot read as it is, for that.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from attrs import NOTHING, Attribute
from attrs.validators import and_

from ..errors import ConfigurationError
from .secrets import Secret

_T = TypeVar("_T")
_E = TypeVar("_E", bound=Enum)

_MOST = 1_000_000
"""Of any number: as minutes two years, and still a duration."""
_MEMBER = re.compile(r"(?:typing\.|collections\.abc\.|pathlib\.)?(\w+)(?:\[(.*)\])?", re.DOTALL)


# -- by annotation --


def typed(_class: type, fields: list[Attribute[Any]]) -> list[Attribute[Any]]:
    """An attrs field transformer: each setting is held to its annotation."""
    return [
        field.evolve(validator=and_(_fits, field.validator) if field.validator else _fits) for field in fields
    ]


def _fits(_adapter: object, setting: Attribute[Any], value: object) -> None:
    fault = misfit(setting.name, setting.type, value, default=setting.default)
    if fault is not None:
        raise fault


def misfit(
    name: str, annotation: object, value: object, *, default: object = NOTHING
) -> ConfigurationError | None:
    """Why a setting's value does not fit its annotation, without the value; None where it does.

    Annotations that no file could fill are not judged.
    """
    wanted = []
    for member in _members(annotation):
        fits, words = _FORMS.get(member[0], (None, ""))
        if fits is None or fits(value, member[1]):
            return None
        wanted.append(words)
    given = next((word for kind, word in _WORDS.items() if isinstance(value, kind)), "none of these")
    told = " or ".join(dict.fromkeys(word for word in wanted if word)) or "left out"
    return ConfigurationError(f"{name} has to be {told}, and is {given}", advice=_advice(name, default))


def settable(annotation: object) -> bool:
    """Whether a value of a file could fit: an object of code, such as a clock, is not for files."""
    members = [member for member, _ in _members(annotation)]
    return not members or any(member in _FORMS and member != "None" for member in members)


def _advice(name: str, default: object) -> str:
    if default is None or not isinstance(default, (bool, int, float, str)):
        return f"mend {name}, or leave it out where it may be"
    usual = str(default).lower() if isinstance(default, bool) else repr(default)
    return f"mend {name}, or leave it out for the usual {usual}"


def _members(annotation: object) -> list[tuple[str, str]]:
    """The parts of a union, each with what stands in its brackets; empty where there is nothing to read."""
    if annotation in (None, inspect.Parameter.empty):
        return []
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "[") - (letter == "]")
        if letter == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    found = [_MEMBER.fullmatch(part.strip().strip("\"'")) for part in parts]
    return [(match.group(1), match.group(2) or "") for match in found if match] if all(found) else [("", "")]


def _number(value: object, _within: str) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= _MOST


def _whole(value: object, within: str) -> bool:
    return isinstance(value, int) and _number(value, within)


def _listed(value: object, within: str) -> bool:
    if not isinstance(value, (list, tuple, set, frozenset)):
        return False
    return not within.startswith("str") or all(isinstance(item, str) for item in value)


def _table(value: object, within: str) -> bool:
    if not isinstance(value, Mapping):
        return False
    texts = within.replace(" ", "") == "str,str"
    return all(isinstance(key, str) and (not texts or isinstance(word, str)) for key, word in value.items())


_FORMS: Mapping[str, tuple[Callable[[Any, str], bool], str]] = {
    "bool": (lambda value, _: isinstance(value, bool), "true or false"),
    "int": (_whole, f"a whole number from 0 to {_MOST:,}"),
    "float": (_number, f"a number from 0 to {_MOST:,}"),
    "str": (lambda value, _: isinstance(value, str), "text"),
    "Path": (lambda value, _: isinstance(value, (str, Path)), "text"),
    "Secret": (lambda value, _: isinstance(value, Secret), "a credential"),
    "None": (lambda value, _: value is None, ""),
    **dict.fromkeys(("list", "tuple", "frozenset", "set", "Sequence", "Collection"), (_listed, "a list")),
    **dict.fromkeys(("dict", "Mapping"), (_table, "a table")),
}
"""By the name of a type: whether a value fits it, and what is said where it does not."""

_WORDS: Mapping[type, str] = {
    bool: "true or false",
    int: "another whole number",
    float: "another number",
    str: "text",
    Collection: "a list or table",
}


# -- validators --


def one_of(*known: str) -> Callable[[object, Any, str], None]:
    """A validator: the setting is one of these words."""

    def check(_adapter: object, setting: Any, value: str) -> None:
        if value not in known:
            raise ConfigurationError(f"{setting.name} is one of {', '.join(known)}")

    return check


def between(least: float, most: float = _MOST) -> Callable[[object, Any, float], None]:
    """A validator: the setting is a number from the one to the other."""

    def check(_adapter: object, setting: Any, value: float) -> None:
        if not least <= value <= most:
            raise ConfigurationError(
                f"{setting.name} is from {least:g} to {most:,.0f}",
                advice=_advice(setting.name, setting.default),
            )

    return check


# -- converters --


def words(values: str | Iterable[str]) -> frozenset[str]:
    """A converter: a set of words, given as such or as one text with blanks between."""
    found: Any = values.split() if isinstance(values, str) else values
    return frozenset(found) if _listed(found, "str") else found


def rows(kind: type[_T], given: Iterable[Any], *, of: str) -> tuple[_T, ...]:
    """For a converter: the tables of a list, each as a row of this class.

    Args:
        of: what the table is of, for the words of an error.
    """
    if not _listed(given, ""):
        return given  # type: ignore[return-value]
    found = tuple(_row(kind, row, of) for row in given)
    if not all(isinstance(row, kind) for row in found):
        raise ConfigurationError(f"the table of {of} has a row that is no table")
    return found


def _row(kind: type[_T], row: Any, of: str) -> _T:
    if not isinstance(row, Mapping):
        return row  # type: ignore[no-any-return]
    try:
        return kind(**row)
    except (TypeError, ValueError, ConfigurationError) as error:
        why = str(error)
    raise ConfigurationError(f"a row of the table of {of}: {why}")


def meanings(kind: type[_E], given: Mapping[str, Any], *, of: str) -> dict[str, _E]:
    """For a converter: a table of the customer's words to ours.

    Args:
        of: the setting, for the words of an error.
    """
    if not _table(given, ""):
        return given  # type: ignore[return-value]
    try:
        return {name: kind(word) for name, word in given.items()}
    except ValueError as error:
        why = str(error)
    raise ConfigurationError(f"{of}: {why}")
