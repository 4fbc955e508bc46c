"""Query strings, limits and offset tokens."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from .answers import Problem

Pairs = tuple[tuple[str, str], ...]


class Query:
    """The parameters of one request; a repeated one means OR."""

    def __init__(self, text: str) -> None:
        self.pairs: Pairs = tuple(parse_qsl(text, keep_blank_values=True))
        self._sets: dict[str, frozenset[str]] = {}

    def many(self, name: str) -> frozenset[str]:
        if name not in self._sets:
            self._sets[name] = frozenset(v for k, v in self.pairs if k == name)
        return self._sets[name]

    def one(self, name: str) -> str | None:
        return next((v for k, v in self.pairs if k == name), None)

    def choice(self, name: str, allowed: Sequence[str]) -> frozenset[str]:
        values = self.many(name)
        if values - set(allowed):
            raise Problem(400, f"{name} must be one of {', '.join(allowed)}")
        return values

    def flag(self, name: str) -> bool | None:
        values = self.choice(name, ("true", "false"))
        return None if len(values) != 1 else values == {"true"}

    def milliseconds(self, name: str) -> int | None:
        text = self.one(name)
        if text is None:
            return None
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise Problem(400, f"{name} must be a time in milliseconds")
        return int(text)

    def window(self, name: str) -> tuple[int, int] | None:
        """The inclusive bounds of ``<name>_start`` and ``<name>_end``; None where neither is given."""
        start, end = self.milliseconds(f"{name}_start"), self.milliseconds(f"{name}_end")
        if start is None and end is None:
            return None
        return (-(10**18) if start is None else start, 10**18 if end is None else end)

    def limit(self) -> int:
        text = self.one("limit")
        if text is None:
            return 100
        if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= 100:
            raise Problem(400, "limit must be a number from 1 to 100")
        return int(text)


def within(window: tuple[int, int] | None, value: int | None) -> bool:
    """No window holds everything; no window holds a time that is null."""
    return window is None or (value is not None and window[0] <= value <= window[1])


class Offsets:
    """Makes offset tokens, and reads them back.

    A token is a percent-encoded JSON array, so the query string carries it
    encoded twice. What was asked along with it is remembered, to tell when a
    client changes its parameters from one page to the next.
    """

    def __init__(self, *, same_params: bool, decoded: bool) -> None:
        self._same_params = same_params
        self._decoded = decoded
        self._issued: OrderedDict[tuple[str, str], set[Pairs]] = OrderedDict()
        self._expired: set[tuple[str, str]] = set()

    def make(self, path: str, query: Query, position: Sequence[Any]) -> str:
        token = quote(json.dumps(position, separators=(",", ":")), safe="")
        self._issued.setdefault((path, token), set()).add(_rest(query))
        self._expired.discard((path, token))
        if len(self._issued) > 50_000:
            self._issued.popitem(last=False)
        return token

    def expire(self) -> None:
        """Refuse every token issued so far."""
        self._expired.update(self._issued)
        self._issued.clear()

    def read(self, path: str, query: Query) -> list[Any] | None:
        token = query.one("offset")
        if token is None:
            return None
        position = self._position(token)
        if self._decoded:
            token = quote(unquote(token), safe="")
        if (path, token) in self._expired:
            raise Problem(400, "offset is no longer good")
        asked = self._issued.get((path, token))
        if self._same_params and asked is not None and _rest(query) not in asked:
            raise Problem(400, "offset does not belong to these parameters")
        return position

    def _position(self, token: str) -> list[Any]:
        text = unquote(token)
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, list) or (text == token and not self._decoded):
            raise Problem(400, "invalid offset token")
        return value


def _rest(query: Query) -> Pairs:
    return tuple(sorted(pair for pair in query.pairs if pair[0] != "offset"))


def cut(
    items: Sequence[Mapping[str, Any]],
    query: Query,
    *,
    path: str,
    offsets: Offsets,
    at: Callable[[int, Mapping[str, Any]], Any] = lambda index, item: index,
) -> tuple[Sequence[Mapping[str, Any]], str | None]:
    """One page of a list that is kept in order: its items and the next token.

    The token is ``[at, id]`` of the next page's first item; where that one has
    gone meanwhile, the page starts at the place it had.
    """
    limit, position, start = query.limit(), offsets.read(path, query), 0
    if position is not None:
        if len(position) != 2 or not isinstance(position[0], int):
            raise Problem(400, "invalid offset token")
        start = next((i for i, item in enumerate(items) if item["id"] == position[1]), position[0])
    end = start + limit
    following = (
        offsets.make(path, query, [at(end, items[end]), items[end]["id"]]) if end < len(items) else None
    )
    return items[start:end], following
