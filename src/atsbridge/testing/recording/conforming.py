"""`conforms_to`: a simulator is asked what a recording was asked, and the answers are compared."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from attrs import define, field
from vcr.persisters.filesystem import FilesystemPersister
from vcr.serializers import yamlserializer

from ...ats.interface import Ats
from ...simulators.interface import SimResponse, Simulator
from ...wire.client import Client
from ...wire.effects import Request
from ...wire.guard import Guard, match_host
from ...wire.xml import Element, soap_body
from ..account import adapter_for
from ..direct import DirectDriver, VirtualTime, as_received
from .cassettes import HEADERS, media_of
from .parts import HOST, Addresses, Place, Value, rewrite_body, shown, values_of
from .scrubbing import WORD

Shape = dict[tuple[str, ...], set[str]]
"""Places with ``[]`` for every position, and what was seen there: text, number, bool, null, list, dict."""


def conforms_to(simulator: Simulator, cassette: Path, *, ats: Ats | None = None) -> list[str]:
    """Every difference between what an ATS answered and what its simulator answers; none is conformance.

    Each recorded request is put to the simulator, in order, with the simulator's own ids in
    place of the recorded ones as they turn up in the answers, and signed for the simulator's
    account. Compared are the status, the headers that matter and the forms of the bodies.

    Args:
        cassette: of a `recorder`. The more alike the two accounts are, the more can be asked.
        ats: the adapter, configured for the simulator's account; else the registered one.
    """
    adapter = ats or adapter_for(simulator.name, simulator)
    comparison = _Comparison(_Asker(simulator, adapter), Addresses.of(adapter.VENDOR))
    requests, answers, *_ = FilesystemPersister.load_cassette(cassette, yamlserializer)
    for request, answer in zip(requests, answers, strict=True):
        comparison.compare(request, answer)
    return [*comparison.found, *comparison.of_shapes(), *comparison.of_unasked()]


class _NotThere(Exception):
    """A request names something that the simulator's answers have not shown."""


@define(eq=False)
class _Asker:
    """Signs requests for a simulator's account, and puts them to it."""

    simulator: Simulator
    ats: Ats
    client: Client = field(init=False)
    guard: Guard = field(init=False)
    driver: DirectDriver = field(init=False)

    def __attrs_post_init__(self) -> None:
        vendor, scheme = self.ats.VENDOR, self.ats.auth()
        time = VirtualTime(seconds=self.simulator.clock())
        self.guard = Guard(vendor=vendor, base=self.ats.host, scheme=scheme)
        self.driver = DirectDriver(self.guard, self.simulator, time)
        self.client = Client(
            vendor=vendor, connection=self.ats.connection, scheme=scheme, base=self.ats.host,
            rate_factor=None, clock=time.now, now=time.wall,
        )  # fmt: skip

    def ask(self, method: str, url: str, body: bytes, media: str) -> SimResponse:
        vendor, scheme = self.ats.VENDOR, self.client.scheme
        of_tokens = (url_form for endpoint in vendor.tokens for url_form in endpoint.urls)
        if any(match_host(form, vendor.host_slots, url) is not None for form in of_tokens):
            wanted = scheme.token_request_at(None, self.client.now())
            assert wanted is not None  # noqa: S101 - the vendor declares where tokens are asked for
            return self.simulator.respond(as_received(wanted, wanted.url))
        wanted = Request(
            operation="recorded", method=method, url=url, body=_as_sent(body, media),
            media="" if not body or "xml" in media else media,
        )  # fmt: skip
        token = self.driver.run(self.client.token())
        return self.simulator.respond(as_received(self.client.signed(wanted, token), url))


_SHORT = 4
"""What is shorter in a query is a number of something."""


@define(eq=False)
class _Comparison:
    asker: _Asker
    addresses: Addresses
    found: list[str] = field(factory=list)
    _learned: dict[str, Value] = field(factory=dict)
    _said: set[str] = field(factory=set)
    _shapes: dict[tuple[str, int], tuple[Shape, Shape]] = field(factory=dict)
    _asked: dict[str, bool] = field(factory=dict)

    def compare(self, request: Any, answer: Any) -> None:
        media, body = media_of(request.headers), request.body or b""
        what = f"{request.method} {self.addresses.operation(request.uri)}{_root(body, media)}"
        status, headers = answer["status"]["code"], answer["headers"]
        recorded = dict(values_of(answer["body"]["string"] or b"", media_of(headers)))
        try:
            got = self._ask(request, body, media)
        except _NotThere:
            self._asked.setdefault(what, False)
        else:
            self._asked[what] = True
            told = dict(values_of(got.body, media_of(dict(got.headers))))
            self.found += (f"{what}: {wrong}" for wrong in _of_heads(status, headers, got))
            if status == got.status:
                self._learn(recorded, told)
                shapes = self._shapes.setdefault((what, status), ({}, {}))
                for shape, values in zip(shapes, (recorded, told), strict=True):
                    _add(shape, values)
        self._said |= {str(v) for v in recorded.values() if not isinstance(v, bool) and v is not None}

    def _ask(self, request: Any, body: bytes, media: str) -> SimResponse:
        url = self.addresses.rewrite(request.uri, self._translated)
        if url is None:
            raise _NotThere
        return self.asker.ask(request.method, url, rewrite_body(body, media, self._translated), media)

    def _translated(self, place: Place, value: Value) -> Value:
        """What the simulator calls what the recording calls so."""
        name = place[0] if place else ""
        if isinstance(name, str) and name.startswith(HOST):
            return (self.asker.guard.slots or {})[name.removeprefix(HOST)]
        if isinstance(value, (bool, list, dict)) or value is None:
            return value
        if isinstance(name, str) and name.startswith("?") and len(str(value)) < _SHORT:
            return value  # how many, how far: no id
        if str(value) in self._learned:
            return self._learned[str(value)]
        return WORD.sub(self._word, value) if isinstance(value, str) else value

    def _word(self, found: re.Match[str]) -> str:
        word = found[0]
        if word not in self._learned and word in self._said:
            raise _NotThere
        return str(self._learned.get(word, word))

    def _learn(self, recorded: Mapping[Place, Value], told: Mapping[Place, Value]) -> None:
        for place, value in recorded.items():
            own = told.get(place)
            if isinstance(value, (str, int, float)) and isinstance(own, (str, int, float)):
                # A word of the vendor's own is the same on both sides, wherever it stands.
                self._learned[str(value)] = value if own == value else self._learned.get(str(value), own)

    def of_shapes(self) -> Iterator[str]:
        for (what, _), (recorded, told) in self._shapes.items():
            for here, there, who, other in (
                (recorded, told, "the recording", "the simulator"),
                (told, recorded, "the simulator", "the recording"),
            ):
                for place in here.keys() - there.keys():
                    if place[:-1] in there:
                        yield f"{what}: {who} has {_text(place)}, {other} never"
            for place in recorded.keys() & told.keys():
                kinds = [shape[place] - {"null"} for shape in (recorded, told)]
                if all(kinds) and not kinds[0] & kinds[1]:
                    yield (
                        f"{what}: {_text(place)} is {_list(kinds[0])} in the recording, "
                        f"and {_list(kinds[1])} in the simulator"
                    )

    def of_unasked(self) -> Iterator[str]:
        for what, asked in self._asked.items():
            if not asked:
                yield f"{what}: could not be asked, the simulator's account has nothing in its place"


def _of_heads(status: int, headers: Mapping[str, Any], got: SimResponse) -> Iterator[str]:
    if status != got.status:
        yield f"the recording answers {status}, the simulator {got.status}"
    for name, value in headers.items():
        if name.lower() not in HEADERS:
            continue
        own = got.header(name)
        if own is None:
            yield f"the recording has the header {name}, the simulator has not"
        elif name.lower() == "content-type" and _bare(value[0]) != _bare(own):
            yield f"the content type is {_bare(value[0])}, the simulator's {_bare(own)}"


def _add(shape: Shape, values: Mapping[Place, Value]) -> None:
    for place, value in values.items():
        names = tuple("[]" if isinstance(part, int) else part for part in place)
        for length in range(len(names)):
            _ = shape.setdefault(names[:length], set())
        shape.setdefault(names, set()).add(_kind(value))


def _kind(value: Value) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "text"
    return type(value).__name__ if isinstance(value, (list, dict)) else "number"


def _as_sent(body: bytes, media: str) -> Any:
    """A body as a request of the wire has it."""
    if not body:
        return None
    if "xml" in media:
        return _element(soap_body(body))
    return (
        tuple(parse_qsl(body.decode(), keep_blank_values=True)) if "urlencoded" in media else json.loads(body)
    )


def _element(found: ElementTree.Element) -> Element:
    children = tuple(_element(child) for child in found)
    return Element(
        found.tag, children, text=None if children else found.text, attributes=tuple(found.items())
    )


def _root(body: bytes, media: str) -> str:
    return f" {_element(soap_body(body)).tag.rpartition('}')[2]}" if "xml" in media and body else ""


def _bare(media: str) -> str:
    return media.partition(";")[0].strip().lower()


def _list(kinds: set[str]) -> str:
    return " or ".join(sorted(kinds))


def _text(place: tuple[str, ...]) -> str:
    return shown([0 if part == "[]" else part for part in place])
