"""An adapter as data, without credentials: for `vendors show` and for the first connection file."""

from __future__ import annotations

import inspect
import re
from typing import Any, get_args, get_type_hints

import attrs

from ..ats.interface import Ats
from ..connection import secret_settings
from ..errors import ConfigurationError


def describe(adapter: type[Ats]) -> dict[str, Any]:
    """Capabilities, settings and the full write surface of an adapter."""
    vendor = adapter.VENDOR
    streams = _streams(adapter)
    return {
        "name": vendor.name,
        "title": vendor.title,
        "api_version": vendor.api_version,
        "docs": vendor.docs,
        "docs_read": vendor.docs_read,
        "sunset": vendor.sunset,
        "hosts": dict(vendor.hosts),
        "rates": [f"{rate.requests} requests in {rate.per_seconds} s" for rate in vendor.rates],
        "streams": [
            {
                "name": stream.name,
                "kinds": sorted(stream.kinds),
                "incremental": stream.incremental,
                "scope": stream.scope.value,
                "sweeps": stream.sweeps,
            }
            for stream in streams
        ],
        "deletions": _deletions(adapter, streams),
        "reads": [{"name": r.name, "method": r.method, "path": r.path} for r in vendor.reads],
        "writes": [{**write.surface(), **write.semantics()} for write in vendor.writes],
        "unconfirmed": dict(vendor.unconfirmed),
        "settings": settings_of(adapter),
        "surface_digest": vendor.surface_digest,
    }


def _deletions(adapter: type[Ats], streams: Any) -> str:
    if any(stream.name.startswith("deleted") for stream in streams):
        return "the vendor lists them"
    if adapter.sweeps is not Ats.sweeps or any(stream.sweeps for stream in streams):
        return "found by a sweep (`atsbridge sync --sweep`)"
    return "not found"


def settings_of(adapter: Any) -> list[dict[str, Any]]:
    """The adapter's settings: name, default as text, whether it is a secret or required, and its note.

    Of a setting that is a list of tables ``row`` has the keys of each, with their defaults; None else.
    """
    notes, types = _notes(adapter), _types(adapter)
    secrets = secret_settings(adapter)
    found = []
    for one in attrs.fields(adapter):
        if one.name == "connection":
            continue
        required = one.default is attrs.NOTHING
        found.append(
            {
                "name": one.name,
                "secret": one.name in secrets,
                "required": required,
                "default": "required" if required else _default(one.default),
                "row": _row(types.get(one.name)),
                "note": notes.get(one.name, ""),
            }
        )
    return found


def _default(value: Any) -> str | None:
    if isinstance(value, attrs.Factory):  # type: ignore[arg-type]
        return "{}" if value.factory is dict else "[]"
    return None if value is None else str(value)


def _types(adapter: Any) -> dict[str, Any]:
    try:
        return get_type_hints(adapter)
    except NameError:  # of a name that its module imports for type checkers alone
        return {}


def _row(type_: Any) -> dict[str, Any] | None:
    within = next(iter(get_args(type_)), None)
    if not (isinstance(within, type) and attrs.has(within)):
        return None
    return {a.name: None if a.default is attrs.NOTHING else a.default for a in attrs.fields(within)}


def _notes(adapter: Any) -> dict[str, str]:
    """What the docstring's ``Args`` say of each setting."""
    _, _, text = (inspect.getdoc(adapter) or "").partition("Args:")
    entries = re.split(r"\n(?=    \w[\w, `]*:)", text)
    found: dict[str, str] = {}
    for entry in entries:
        names, colon, note = entry.strip().partition(":")
        if colon:
            for name in names.split(","):
                found[name.strip()] = " ".join(note.replace("``", "").split())
    return found


def sample(adapter: Any) -> Any:
    """An adapter with stand-ins for what it requires.

    A setting of a form of its own has one under ``example`` in its metadata.
    """
    required = (a for a in attrs.fields(adapter) if a.default is attrs.NOTHING)
    stand_ins = {a.name: a.metadata.get("example", "example") for a in required}
    return adapter(**stand_ins)


def _streams(adapter: Any) -> Any:
    try:
        return sample(adapter).streams()
    except (TypeError, ValueError, ConfigurationError):
        return ()
