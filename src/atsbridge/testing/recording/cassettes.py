"""`recorder`: vcrpy, set up so that a cassette replays and shows nobody."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import Any

import vcr
from attrs import define, field
from vcr.stubs import httpx_stubs

# By name, so that a vcrpy without them is an error: what it cannot find it would leave as it is.
from vcr.stubs.httpx_stubs import CannotOverwriteExistingCassetteException, _make_vcr_request

from ...errors import AtsBridgeError
from ...wire.vendor import Vendor
from .parts import Addresses, Place, Value, rewrite_body, shown, values_of
from .scrubbing import Scrubber, words

# Below this level vcrpy logs every request and answer in full.
logging.getLogger("vcr").setLevel(logging.WARNING)

HEADERS = frozenset({"content-type", "date", "link", "retry-after"})
"""The headers of an answer that stay. Those of a request do not, but for its content type."""
TOKEN_ANSWER = ("expires_in", "expires_at", "token_type")
"""What stays of the answer of a token endpoint: how long it holds (RFC 6749, section 5.1)."""

_RELATION = re.compile(r""";\s*rel\s*=\s*"?(next|prev|first|last|self)\b"?""", re.IGNORECASE)
_OTHER_PARTS = "it has other parts"


class NotRecorded(AtsBridgeError):
    """The cassette has no answer for this request."""

    def __init__(self, *, cassette: Any, failed_request: Any) -> None:
        near = cassette.find_requests_with_most_matches(failed_request)
        reasons = {why for _, passed, failed in near if "address" in passed for _, why in failed}
        # The recorded request that has the same parts is the one that was meant.
        why = next(iter(sorted(reasons, key=lambda why: why == _OTHER_PARTS)), "none is recorded")
        super().__init__(
            f"the cassette has no answer left for this {failed_request.method}: {why}",
            advice="record anew, or name what differs in `keep`",
        )


def recorder(
    vendor: Vendor,
    *,
    keep: Iterable[str] = (),
    maps: Iterable[str] = (),
    headers: Iterable[str] = (),
    key: bytes | None = None,
) -> vcr.VCR:
    """A `vcr.VCR` for one vendor: ``with recorder(...).use_cassette(PATH):``.

    Without the file it records; with it, it replays, and a request that is not in it is an
    error. Names and forms stay, and of the values only those that ``keep`` names.

    Args:
        keep: where values stay: the name of a field (``hasNext``) or the end of its path
            (``stage.text``), an attribute (``@type``), a key of a query (``?limit``), a
            slot of a path (``{id}``); ``Include_*`` names all that begin so.
        maps: the objects whose keys are values too, as ``keep`` names fields: where each key is
            somebody's name, nothing but this list tells it from the name of a field.
        headers: of answers, that stay besides `HEADERS`.
        key: where several recordings shall call the same thing by the same name; keep it secret.
    """
    secret = {} if key is None else {"key": key}
    tape = _Tape(
        Scrubber(Addresses.of(vendor), _ends((*TOKEN_ANSWER, *keep)), _ends(maps), **secret),
        HEADERS | {name.lower() for name in headers},
    )
    made = vcr.VCR(
        record_mode=vcr.mode.ONCE,
        match_on=("method", "address", "values"),
        decode_compressed_response=True,
        before_save_interaction=tape.scrub,
        after_load_interaction=tape.learn,
        custom_patches=(
            (httpx_stubs, _make_vcr_request.__name__, as_sent),
            (httpx_stubs, CannotOverwriteExistingCassetteException.__name__, NotRecorded),
        ),
    )
    made.register_matcher("address", tape.address)
    made.register_matcher("values", tape.values)
    return made


def _ends(names: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """The ends of places that names say, part by part."""
    return tuple(tuple(name.split(".")) for name in names)


def as_sent(request: Any, body: bytes) -> Any:
    """A request of httpx as vcrpy has it, at the vendor's own address, also where another stood in for it.

    Our wire gives httpx the origin alone, and the admitted target beside it, so that nothing reads it anew.
    """
    made = _make_vcr_request(request, body)
    target = request.extensions.get("target")
    if target is not None:
        made.uri = f"https://{made.headers['host']}{target.decode('ascii')}"
    return made


@define(eq=False)
class _Tape:
    """vcrpy's hooks."""

    scrubber: Scrubber
    headers: frozenset[str]
    _said: set[str] = field(factory=set, init=False, repr=False)

    def scrub(self, request: Any, response: Any) -> tuple[Any, Any]:
        media = media_of(request.headers)
        request.uri = self.scrubber.url(request.uri)
        request.headers = {"Content-Type": media} if media else {}
        request.body = self._rewritten(request.body or b"", media)
        body = response["body"]["string"] or b""
        # The words beside the number may be anybody's.
        response["status"] = {"code": response["status"]["code"], "message": ""}
        response["body"] = {"string": self._rewritten(body, media_of(response["headers"]))}
        response["headers"] = {
            name: [self._header(name, value) for value in values]
            for name, values in response["headers"].items()
            if name.lower() in self.headers
        }
        return request, response

    def _rewritten(self, body: bytes, media: str) -> bytes:
        return rewrite_body(body, media, self.scrubber, is_map=self.scrubber.is_map)

    def _header(self, name: str, value: str) -> str:
        if name.lower() != "link":
            return value
        return ", ".join(
            f"<{self.scrubber.url(url.lstrip(' ,<'))}>{_relations(rest)}"
            for url, rest in (part.split(">", 1) for part in value.split(", <") if ">" in part)
        )

    def learn(self, request: Any, response: Any) -> tuple[Any, Any]:
        """What a cassette says, so that at replay a value that it never said is known to be a new one."""
        media = media_of(response["headers"])
        for _, value in values_of(response["body"]["string"] or b"", media):
            self._said.update(words(str(value)), (str(value),))
        return request, response

    def address(self, asked: Any, recorded: Any) -> None:
        """vcrpy's matcher: whether two requests go to the same address, whatever stands in its slots."""
        mine, theirs = (self.scrubber.addresses.operation(request.uri) for request in (asked, recorded))
        if mine != theirs:
            raise AssertionError("it has another address")

    def values(self, asked: Any, recorded: Any) -> None:
        """vcrpy's matcher: whether a request asks for what the recorded one asked for.

        Where they differ, one of the two must be something that no answer of the cassette
        has said: a credential, a time, a word that the adapter brings.
        """
        mine, theirs = self._values(asked), self._values(recorded)
        if [place for place, _ in mine] != [place for place, _ in theirs]:
            raise AssertionError(_OTHER_PARTS)
        for (place, value), (_, before) in zip(mine, theirs, strict=True):
            if value == before:
                continue
            # In a path even a short one is an id; elsewhere it is anybody's.
            telling = 1 if str(place[0]).startswith("{") else 4
            if self.scrubber.keeps(place) or self._differ(str(value), str(before), telling):
                raise AssertionError(f"{shown(place)} is another")

    def _differ(self, asked: str, recorded: str, telling: int) -> bool:
        mine, theirs = words(asked), words(recorded)
        pairs = zip(mine, theirs, strict=True) if len(mine) == len(theirs) else [(asked, recorded)]
        return any(a != b and len(a) >= telling and {a, b} <= self._said for a, b in pairs)

    def _values(self, request: Any) -> list[tuple[Place, Value]]:
        found: list[tuple[Place, Value]] = []

        def note(place: Place, value: Value) -> Value:
            found.append((place, value))
            return value

        _ = self.scrubber.addresses.rewrite(request.uri, note)
        return [*found, *values_of(request.body or b"", media_of(request.headers))]


def _relations(parameters: str) -> str:
    """Of a link's parameters those that say which page it leads to."""
    return "".join(f'; rel="{found.lower()}"' for found in _RELATION.findall(parameters))


def media_of(headers: Any) -> str:
    """The content type, of one side's headers or the other's; empty where there is none."""
    found = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    return str(found[0] if isinstance(found, list) else found)
