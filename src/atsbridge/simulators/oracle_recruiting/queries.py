"""``q``: joined by ``;`` in framework 1, by ``and`` and ``or`` from 2 on."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from .answers import Row, bad, read_time

Test = Callable[[Row], bool]
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge,
}  # fmt: skip
_TERM = re.compile(r"\s*(\w+)\s*(!=|<=|>=|=|<|>|\blike\b|\bin\b)\s*(.*?)\s*", re.DOTALL)
_TOKEN = re.compile(r"'(?:[^']|'')*'|\(|\)|;|[^\s'();]+|\s+")
_NOT_HERE = "URL request parameter q cannot be used in this context."


def read(text: str, *, version: int, types: Mapping[str, str], queryable: Callable[[str], bool]) -> Test:
    """A test of rows.

    Args:
        types: of every attribute: ``integer``, ``string``, ``time``, ``boolean`` or ``number``.
        queryable: whether an attribute may be asked by.
    """
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != text or not text.strip():
        raise bad(_NOT_HERE)
    if version >= 2 and ";" in tokens:
        raise bad(_NOT_HERE)
    if version == 1:
        return _every([_term(part, types, queryable) for part in _split(tokens, ";")])
    either = [
        _every([_term(part, types, queryable) for part in _split(_TOKEN.findall(one), "and")])
        for one in _split(tokens, "or")
    ]
    return lambda row: any(test(row) for test in either)


def _split(tokens: list[str], mark: str) -> list[str]:
    parts = [""]
    for token in tokens:
        if token.lower() == mark:
            parts.append("")
        else:
            parts[-1] += token
    return parts


def _every(tests: list[Test]) -> Test:
    return lambda row: all(test(row) for test in tests)


def _term(text: str, types: Mapping[str, str], queryable: Callable[[str], bool]) -> Test:
    found = _TERM.fullmatch(text)
    if found is None:
        raise bad(_NOT_HERE)
    name, sign, value = found.groups()
    if name not in types or not queryable(name):
        raise bad("The query parameter is invalid.", path=f"/{name}")
    kind = types[name]
    if sign == "like":
        return _like(name, kind, value)
    if sign == "in":
        if not re.fullmatch(r"\(.*\)", value):
            raise bad(_NOT_HERE)
        wanted = [_value(part.strip(), kind) for part in value[1:-1].split(",")]
        return lambda row: row.get(name) in wanted
    if kind == "boolean" and sign not in ("=", "!="):
        raise bad(f"The operator {sign} is not supported for the attribute {name}.")
    other, compare = _value(value, kind), _COMPARE[sign]
    return lambda row: row.get(name) is not None and compare(row[name], other)


def _like(name: str, kind: str, value: str) -> Test:
    if kind != "string":
        raise bad(f"The operator like is not supported for the attribute {name}.")
    text = re.escape(_value(value, kind)).replace("%", ".*").replace(r"\*", ".*")
    return lambda row: re.fullmatch(text, row.get(name) or "", re.IGNORECASE) is not None


def _value(text: str, kind: str) -> Any:
    quoted = len(text) > 1 and text[0] == text[-1] == "'"
    bare = text[1:-1].replace("''", "'") if quoted else text
    try:
        if kind == "time":
            return read_time(bare)
        if kind == "string":
            if not quoted:
                raise ValueError("a string without quotes")
            return bare
        if quoted:
            raise ValueError("a number in quotes")
        if kind == "boolean":
            return {"true": True, "false": False}[bare]
        return int(bare) if kind == "integer" else float(bare)
    except (ValueError, KeyError):
        raise bad(_NOT_HERE) from None
