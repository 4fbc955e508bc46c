"""What may leave, by the lists in `tests/allowlist`, which are made from no adapter."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

from attrs import field, frozen

from atsbridge.simulators.interface import SimRequest
from atsbridge.simulators.serve import Served

LISTS = Path(__file__).parents[1] / "allowlist"


@frozen
class Allowed:
    """One row of a list: method, path, the query keys that may stand behind it, and the body of a write."""

    method: str
    path: re.Pattern[str]
    query: frozenset[str]
    body: Any = None
    types: Mapping[str, str] = field(factory=dict, repr=False)

    def fits(self, method: str, target: str) -> bool:
        parts = urlsplit(target)
        keys = parse_qs(parts.query, keep_blank_values=True).keys()
        return method == self.method and self.path.fullmatch(parts.path) is not None and keys <= self.query

    def permits(self, body: bytes) -> bool:
        """Whether a write's body is the row's, to the last key, with values of the right form alone."""
        if isinstance(self.body, dict) and "xml" in self.body:
            (asked,) = ElementTree.fromstring(body).findall(
                "{http://schemas.xmlsoap.org/soap/envelope/}Body/*"
            )
            return _is_element(self.body, asked, self.types)
        if self.body is None:
            return body == b""
        return _is(self.body, json.loads(body or b"{}"), self.types)


def _is(shape: Any, value: Any, types: Mapping[str, str]) -> bool:
    if isinstance(shape, dict) and {"slot", "type"} <= shape.keys():
        start, end = shape.get("frame", ("", ""))
        pattern = re.escape(start) + f"(?:{types[shape['type']]})" + re.escape(end)
        return isinstance(value, int | str) and re.fullmatch(pattern, str(value)) is not None
    if isinstance(shape, dict):
        same = isinstance(value, dict) and value.keys() == shape.keys()
        return same and all(_is(shape[key], value[key], types) for key in shape)
    return bool(shape == value)


def _is_element(shape: Mapping[str, Any], element: ElementTree.Element, types: Mapping[str, str]) -> bool:
    children, attributes = shape.get("children", ()), shape.get("attributes", {})
    return (
        element.tag == shape["xml"]
        and _is(attributes, dict(element.attrib), types)
        and _is(shape.get("text"), element.text, types)
        and len(element) == len(children)
        and all(_is_element(one, within, types) for one, within in zip(children, element, strict=True))
    )


@frozen
class Surface:
    reads: tuple[Allowed, ...]
    writes: tuple[Allowed, ...]
    tokens: tuple[re.Pattern[str], ...]

    def foreign(self, requests: Iterable[Served], *, reads_alone: bool = False) -> list[Served]:
        """The requests that are in no list."""
        return [r for r in requests if not self._is_allowed(r, reads_alone=reads_alone)]

    def _is_allowed(self, request: Served, *, reads_alone: bool) -> bool:
        if self.is_token_request(request):
            return True
        rows = self.reads if reads_alone else (*self.reads, *self.writes)
        return any(row.fits(request.method, request.target) for row in rows)

    def is_token_request(self, request: Served) -> bool:
        return request.method == "POST" and any(path.fullmatch(request.target) for path in self.tokens)

    def allows(self, write: SimRequest) -> bool:
        """Whether a write that the ATS took is one of the list."""
        return any(row.fits(write.method, write.target) and row.permits(write.body) for row in self.writes)


@cache
def surface_of(vendor: str) -> Surface:
    told = json.loads((LISTS / f"{vendor}.json").read_text("utf-8"))
    types = {name: kind["pattern"] for name, kind in told["types"].items()}

    def pattern(url: str) -> str:
        """Of a path with slots: ``{name:type}`` is one of the types, ``{name}`` one segment of any form."""
        parts = re.split(r"\{([\w.]+)(?::(\w+))?\}", urlsplit(url).path)
        slots = [f"(?:{types[kind]})" if kind else "[^/]+" for kind in parts[2::3]]
        return "".join(re.escape(text) + slot for text, slot in zip(parts[::3], [*slots, ""], strict=True))

    def row(entry: dict[str, Any]) -> Allowed:
        url = entry["path"] if entry["path"].startswith("https://") else told["hosts"][0] + entry["path"]
        path = re.compile(pattern(url))
        return Allowed(entry["method"], path, frozenset(entry["query"]), entry.get("body"), types)

    return Surface(
        tuple(map(row, told["reads"])),
        tuple(map(row, told["writes"])),
        tuple(re.compile(pattern(url)) for entry in told["tokens"] for url in entry["urls"]),
    )
