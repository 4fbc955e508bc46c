"""Which fields of a record reach the CRM: the allow-list, and the custom fields that the mapping names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import attrs
from attrs import frozen

from ..model import CustomValue, Kind, Record
from .reading import RECORD_TYPES, droppable
from .schema import CustomField, MappingConfig, Transform

_YES = frozenset({"true", "yes", "y", "1", "on"})
_NO = frozenset({"false", "no", "n", "0", "off"})
_MOST = 100_000
"""Longest text a custom field may carry."""


class _Unfit(Exception):
    """A value that a transform cannot be applied to; the field is left out."""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _Unfit
    return value


def _first(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if not value:
        raise _Unfit
    return value[0]


def _join(value: Any) -> str:
    if not isinstance(value, list) or not all(isinstance(item, (str, int, float)) for item in value):
        raise _Unfit
    return ", ".join(str(item) for item in value)


def _date(value: Any) -> str:
    try:
        return datetime.fromisoformat(_text(value).strip()).date().isoformat()
    except ValueError:
        pass
    raise _Unfit


def _int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise _Unfit
    try:
        return int(value)
    except ValueError:
        pass
    raise _Unfit


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().casefold() if isinstance(value, (str, int)) else ""
    if word not in _YES | _NO:
        raise _Unfit
    return word in _YES


_TRANSFORMS: Mapping[Transform, Callable[[Any], Any]] = {
    Transform.STRIP: lambda value: _text(value).strip(),
    Transform.LOWER: lambda value: _text(value).lower(),
    Transform.UPPER: lambda value: _text(value).upper(),
    Transform.FIRST: _first,
    Transform.JOIN: _join,
    Transform.DATE: _date,
    Transform.INT: _int,
    Transform.BOOL: _bool,
}


@frozen
class _Custom:
    name: str
    path: tuple[str | int, ...]
    steps: tuple[Callable[[Any], Any], ...]
    dated: bool
    label: str

    def read(self, raw: Mapping[str, Any]) -> CustomValue | None:
        """The value, or None: a custom field never fails a record."""
        value: Any = raw
        for part in self.path:
            value = _inside(value, part)
        if value is None:
            return None
        try:
            for step in self.steps:
                value = step(value)
        except _Unfit:
            return None
        kind = "date" if self.dated else _TYPES.get(type(value), "")
        if not kind or (isinstance(value, str) and len(value) > _MOST):
            return None
        return CustomValue(kind, value, self.label)


_TYPES: Mapping[type, str] = {str: "text", bool: "bool", int: "int", float: "number"}


def _inside(value: Any, part: str | int) -> Any:
    if isinstance(value, Mapping):
        return value.get(str(part))
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return None


@frozen
class Shape:
    """Compiled: the fields to empty and the custom fields to read, per kind."""

    dropped: Mapping[Kind, Mapping[str, Any]]
    custom: Mapping[Kind, tuple[_Custom, ...]]

    def apply(self, record: Record, raw: Mapping[str, Any] | None) -> Record:
        """The record as the CRM may see it; the same object where nothing is left out or added."""
        kind = record.ref.kind
        dropped, custom = self.dropped.get(kind), self.custom.get(kind)
        if not dropped and not custom:
            return record
        changes: dict[str, Any] = {}
        if dropped:
            changes = {name: empty for name, empty in dropped.items() if getattr(record, name) != empty}
        if custom and raw is not None:
            values = {field.name: value for field in custom if (value := field.read(raw)) is not None}
            if values:
                changes["custom"] = {**record.custom, **values}
        return attrs.evolve(record, **changes) if changes else record


def compile_shape(config: MappingConfig) -> Shape:
    dropped = {}
    allowed = config.scope.fields
    for kind in Kind if allowed is not None else ():
        named = {text.partition(".")[2] for text in allowed or () if text.startswith(f"{kind}.")}
        if named:
            defaults = {a.name: a.default for a in attrs.fields(RECORD_TYPES[kind])}
            dropped[kind] = {name: defaults[name] for name in droppable(kind) if name not in named}
    custom: dict[Kind, tuple[_Custom, ...]] = {}
    for name, field in config.fields.items():
        custom[field.of] = (*custom.get(field.of, ()), _compiled(name, field))
    return Shape(dropped, custom)


def _compiled(name: str, field: CustomField) -> _Custom:
    steps = tuple(_TRANSFORMS[transform] for transform in field.transforms)
    dated = bool(field.transforms) and field.transforms[-1] is Transform.DATE
    return _Custom(name, field.path, steps, dated, field.label or name)
