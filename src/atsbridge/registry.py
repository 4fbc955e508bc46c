"""Finds adapters, CRMs, ledgers and simulators by their entry points; ours come through the same door.

Nothing is imported before it is asked for, and a broken plugin breaks nobody else.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from difflib import get_close_matches
from enum import StrEnum
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from attrs import frozen

from .errors import UnknownPlugin


class Group(StrEnum):
    """The entry-point groups."""

    ATS = "atsbridge.ats"
    CRM = "atsbridge.crm"
    LEDGER = "atsbridge.ledgers"
    SIMULATOR = "atsbridge.simulators"


_CALLED = {
    Group.ATS: "ATS adapter",
    Group.CRM: "CRM connector",
    Group.LEDGER: "ledger",
    Group.SIMULATOR: "simulator",
}


@frozen
class Plugin:
    """An installed plugin: its name, where it comes from, and what is wrong with it, if anything."""

    name: str
    group: Group
    value: str
    package: str
    broken: str = ""


def names(group: Group) -> list[str]:
    """What is installed in a group, sorted."""
    return sorted({point.name for point in entry_points(group=group)})


def load(group: Group, name: str) -> Any:
    """The class registered under a name.

    Raises:
        UnknownPlugin: nothing of that name is installed, two packages claim it, or it cannot be imported.
    """
    found = [point for point in entry_points(group=group) if point.name == name]
    targets = {point.value for point in found}
    if len(targets) > 1:
        raise UnknownPlugin(
            f"two packages register {name!r} in {group}: {', '.join(sorted(targets))}",
            advice="uninstall one of the two",
        )
    if not found:
        raise UnknownPlugin(_unknown(group, name))
    try:
        return found[0].load()
    except Exception as error:  # whatever a plugin raises while it is imported
        where = _package(found[0])
        raise UnknownPlugin(
            f"{name!r} of {where} cannot be imported: {type(error).__name__}: {error}",
            advice=_to_import(found[0], error),
        ) from error


def _to_import(point: EntryPoint, error: Exception) -> str:
    """What to do about a plugin that cannot be imported."""
    package = _package(point)
    if isinstance(error, ModuleNotFoundError):
        extra = _extra(point, error.name or "")
        return f"pip install '{package}[{extra}]'" if extra else f"install another release of {package}"
    if isinstance(error, ImportError) and error.name is None:
        # As psycopg without libpq: it is there, and says itself that something it needs is not.
        return "see to what the error names: a library of the system, mostly"
    return f"install another release of {package}"


def plugins(group: Group) -> Iterator[Plugin]:
    """Every plugin of a group, imported to see whether it works."""
    for point in sorted(entry_points(group=group), key=lambda p: p.name):
        try:
            point.load()
        except Exception as error:  # a broken plugin is listed as such
            yield Plugin(point.name, group, point.value, _package(point), f"{type(error).__name__}: {error}")
        else:
            yield Plugin(point.name, group, point.value, _package(point))


def _unknown(group: Group, name: str) -> str:
    installed = names(group)
    near = get_close_matches(name, installed, n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    what = _CALLED[group]
    listed = ", ".join(installed) or "none"
    return f"no {what} {name!r} is installed{hint} (there are: {listed})"


_OF_AN_EXTRA = re.compile(r"([\w.-]+).*extra *== *['\"]([^'\"]+)['\"]")


def _extra(point: EntryPoint, module: str) -> str:
    """The smallest extra of a plugin's package that brings a module; empty where none does."""
    required = (point.dist.requires if point.dist is not None else None) or []
    pairs = [match.groups() for text in required if (match := _OF_AN_EXTRA.match(text))]
    size = Counter(extra for _, extra in pairs)
    top = module.partition(".")[0]
    bring = [extra for package, extra in pairs if package.replace("-", "_").lower() == top.lower()]
    return min(bring, key=lambda extra: size[extra], default="")


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "an unknown package"
