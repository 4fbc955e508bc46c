"""``$filter``: read once, then asked of every row."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import define, frozen

from .answers import PROPERTY, Refusal, malformed
from .schema import CODED, UNFILTERABLE, Entity

Test = Callable[[Any], bool]
Walk = Callable[[str, Any, str], Any]
"""From an entity's row along a navigation: entity name, row, navigation to another row or None."""

_TOKEN = re.compile(
    r"\s*(?:(?P<time>(?:datetimeoffset|datetime)'[^']*')|(?P<text>'(?:[^']|'')*')"
    r"|(?P<number>-?\d+(?:\.\d+)?[LlMmDdFf]?)(?![\w.])|(?P<word>[A-Za-z_][\w/$.]*)|(?P<mark>[(),]))"
)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq, "ne": operator.ne, "gt": operator.gt, "ge": operator.ge, "lt": operator.lt,
    "le": operator.le,
}  # fmt: skip
_FUNCTIONS = ("substringof", "startswith", "endswith")


@frozen
class Path:
    """A property, perhaps behind navigations to one."""

    steps: tuple[str, ...]


def moment(text: str) -> float:
    """An OData time in unix seconds; granularity is the second."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise malformed(f"invalid date literal: {text}") from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


@define
class Parser:
    """A recursive descent through one filter of one entity."""

    entities: Mapping[str, Entity]
    entity: str
    walk: Walk
    tokens: list[tuple[str, str]]
    at: int = 0

    @classmethod
    def read(cls, text: str, *, entities: Mapping[str, Entity], entity: str, walk: Walk) -> Test:
        tokens, place = list[tuple[str, str]](), 0
        while text[place:].strip():
            found = _TOKEN.match(text, place)
            if found is None or found.lastgroup is None:
                raise malformed(f"invalid filter: {text}")
            tokens.append((found.lastgroup, found.group(found.lastgroup)))
            place = found.end()
        parser = cls(entities, entity, walk, tokens)
        test = parser._either()
        if parser.at != len(tokens):
            raise malformed(f"invalid filter: {text}")
        return test

    def _peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def _take(self, text: str | None = None) -> tuple[str, str]:
        token = self._peek()
        if token[0] == "end" or (text is not None and token[1] != text):
            raise malformed("invalid filter")
        self.at += 1
        return token

    def _either(self) -> Test:
        tests = [self._all()]
        while self._peek() == ("word", "or"):
            self._take()
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._peek() == ("word", "and"):
            self._take()
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def _one(self) -> Test:
        if self._peek() == ("word", "not"):
            self._take()
            inner = self._one()
            return lambda row: not inner(row)
        if self._peek() == ("mark", "("):
            self._take()
            inner = self._either()
            self._take(")")
            return inner
        if self._peek()[1] in _FUNCTIONS:
            return self._function()
        left = self._operand()
        name = self._take()[1]
        if name not in _COMPARE:
            raise malformed(f"invalid operator {name}")
        return self._comparison(name, left, self._operand())

    def _function(self) -> Test:
        name = self._take()[1]
        self._take("(")
        first = self._operand()
        self._take(",")
        second = self._operand()
        self._take(")")
        if self._peek()[1] in ("eq",):  # substringof('x', y) eq true
            self._take()
            self._take("true")
        needle, hay = (first, second) if name == "substringof" else (second, first)

        def test(row: Any) -> bool:
            text, part = self._value(hay, row), self._value(needle, row)
            if not isinstance(text, str) or not isinstance(part, str):
                return False
            found = {"substringof": part in text, "startswith": text.startswith(part)}
            return found.get(name, text.endswith(part))

        return test

    def _operand(self) -> Any:
        group, text = self._take()
        if group == "text":
            return text[1:-1].replace("''", "'")
        if group == "time":
            return moment(text.partition("'")[2][:-1])
        if group == "number":
            bare = text.rstrip("LlMmDdFf")
            return float(bare) if "." in bare else int(bare)
        if group == "word" and text in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[text]
        if group == "word":
            return self._path(text)
        raise malformed("invalid filter")

    def _path(self, text: str) -> Path:
        entity, steps = self.entities[self.entity], text.split("/")
        for step in steps[:-1]:
            navigation = entity.navigations.get(step)
            if navigation is None or navigation.many:
                raise Refusal(PROPERTY, f"Invalid property names: '{self.entity}/{text}'.")
            entity = self.entities[navigation.target]
        if steps[-1] not in entity.types:
            raise Refusal(PROPERTY, f"Invalid property names: '{entity.name}/{steps[-1]}'.")
        if (entity.name, steps[-1]) in UNFILTERABLE:
            raise malformed(f"{steps[-1]} is not filterable")
        return Path(tuple(steps))

    def _value(self, operand: Any, row: Any) -> Any:
        if not isinstance(operand, Path):
            return operand
        entity = self.entity
        for step in operand.steps[:-1]:
            row = self.walk(entity, row, step) if row is not None else None
            entity = self.entities[entity].navigations[step].target
        value = None if row is None else row.get(operand.steps[-1])
        if self.entities[entity].types[operand.steps[-1]] in ("DateTimeOffset", "DateTime") and value:
            return int(value)
        return value

    def _comparison(self, name: str, left: Any, right: Any) -> Test:
        compare, coded = _COMPARE[name], self._coded(left)

        def test(row: Any) -> bool:
            a, b = self._value(left, row), self._value(right, row)
            if coded:
                # The number, in quotes or not; a text is no number, and equals none.
                b = int(b) if isinstance(b, str) and b.isdigit() else b
            elif isinstance(a, int) and isinstance(b, str) and b.isdigit():
                b = int(b)
            if a is None or b is None or isinstance(a, str) is not isinstance(b, str):
                return (name == "ne") is (a is not b and a != b) if name in ("eq", "ne") else False
            return compare(a, b)

        return test

    def _coded(self, operand: Any) -> bool:
        return isinstance(operand, Path) and any(property == operand.steps[-1] for _, property in CODED)
