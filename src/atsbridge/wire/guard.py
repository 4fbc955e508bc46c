"""Is this request allowed for this vendor? The last question before a socket is opened.

Three closed lists and nothing else: declared reads, the token request of the
declared auth scheme, and the rendered, declared status write of a committed
intent, for which the engine has minted a `Permit`.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from attrs import define, evolve, field, frozen

from ..errors import GuardError
from ..model import Action, Intent
from .auth import Scheme
from .effects import Permit, Purpose, Request
from .vendor import Read, Rows, Slot, SlotName, StatusWrite, Vendor
from .xml import Element, is_plain

_PLAIN_HEADERS = frozenset({"accept"})
_SCALARS = frozenset({str, int, float, bool})
_DEPTH = 10
"""How deep a body may nest; no read or status write comes near."""
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# What some server or proxy on the way may take for the end of a segment, or decode once more.
_NOT_IN_A_SEGMENT = re.compile(r"[/\\%?#;\x00-\x1f\x7f]")
_TYPED = re.compile(r"([^{}]*)\{([^{}]+)\}([^{}]*)")
"""A segment of a path template with a value in it, alone or between constant texts."""
_TURNS_A_REQUEST = re.compile(r"method|override|original|rewrite|forwarded|content-|\bhost\b")
"""In the name of a header that makes another request of a declared one; no auth scheme needs it."""


def full_url(base: str, request: Request) -> str:
    """The absolute URL, query included, exactly as it will be sent."""
    url = request.url if request.url.startswith("https://") else base + request.url
    if not request.query:
        return url
    if "?" in url:
        raise GuardError("a request has either a query of its own or a page link's")
    # quote, not quote_plus: a token that is percent-encoded already must have its % encoded again.
    return f"{url}?{urlencode(request.query, quote_via=quote)}"


def digest(url: str, request: Request) -> str:
    """SHA-256 of method, URL and body, before auth."""
    parts = (request.method.encode(), url.encode(), request.unsigned_content())
    return hashlib.sha256(b"".join(len(p).to_bytes(8, "big") + p for p in parts)).hexdigest()


@define
class Permits:
    """The rights to write that the engine has minted and the wire has not yet spent."""

    _live: dict[str, Permit] = field(factory=dict, init=False, repr=False)

    def mint(self, intent_id: str, *, write: str, digest: str, send_by: float) -> Permit:
        """Only after the commit that records the attempt. Good for one send."""
        nonce = secrets.token_hex(16)
        permit = Permit(intent_id=intent_id, write=write, digest=digest, send_by=send_by, nonce=nonce)
        self._live[nonce] = permit
        return permit

    def spend(self, permit: Permit) -> None:
        """Raises `GuardError` for a permit that was not minted here, or has been used."""
        if self._live.pop(permit.nonce, None) != permit:
            raise GuardError("this permit was never given out, or has been used")


def match_host(template: str, patterns: Mapping[str, str], address: str) -> dict[str, str] | None:
    """The values of a host template's slots in an address; None where it is of another form."""
    parts = re.split(r"\{(\w+)\}", template)
    form = "".join(
        f"({patterns.get(part, '(?!)')})" if place % 2 else re.escape(part)
        for place, part in enumerate(parts)
    )
    found = re.fullmatch(form, address)
    if found is None or _CONTROL.search(address):
        return None
    values: dict[str, str] = {}
    for name, value in zip(parts[1::2], found.groups(), strict=True):
        if values.setdefault(name, value) != value:
            return None
    return values


def _check_base(guard: Guard, _field: object, base: str) -> None:
    if guard.slots is None:
        raise GuardError(f"{guard.vendor.name} declares no such data address")


@frozen(kw_only=True)
class Guard:
    """What one connection may send.

    Args:
        vendor: the declared lists.
        base: the connection's data address, one that the vendor declares.
        scheme: the connection's auth scheme.
        permits: where the engine's permits are spent; None where nothing may be written.
    """

    vendor: Vendor
    base: str = field(validator=_check_base)
    scheme: Scheme
    permits: Permits | None = None

    @property
    def slots(self) -> Mapping[str, str] | None:
        """What stands in the slots of the data address; None where the vendor declares no such address."""
        matches = (match_host(t, self.vendor.host_slots, self.base) for t in self.vendor.hosts.values())
        return next((values for values in matches if values is not None), None)

    def admit(self, request: Request, permit: Permit | None) -> str:
        """The URL to open.

        Raises:
            GuardError: the request is not on its list; nothing must be sent.
        """
        if not _is_plain_request(request):
            raise GuardError(
                "a request is a plain Request of plain values, its query and headers pairs of text"
            )
        self._headers(request)
        if request.purpose is Purpose.WRITE and permit is not None:
            return self._admit_write(request, permit)
        if permit is not None:
            raise GuardError("only a status write may have a permit")
        if request.purpose is Purpose.READ:
            return self._admit_read(request)
        if request.purpose is Purpose.TOKEN:
            return self._admit_token(request)
        raise GuardError("a request is a read, a token request, or a status write with a permit")

    def _admit_read(self, request: Request) -> str:
        url = full_url(self.base, request)
        path, query = _below(self._address(request), url)
        for read in self.vendor.reads:
            if read.name != request.operation or read.method != request.method:
                continue
            if match_path(read.path, read.segments, path) is None:
                continue
            unknown = {k for k, _ in query} - read.query
            if unknown:
                raise GuardError(f"the read {read.name} does not declare the query keys {sorted(unknown)}")
            if not _body_allowed(request, read):
                raise GuardError(f"the read {read.name} does not declare this body")
            return url
        raise GuardError(f"{self.vendor.name} declares no read {request.operation} by this method and path")

    def _admit_token(self, request: Request) -> str:
        endpoint = self.scheme.endpoint
        if endpoint is None or endpoint not in self.vendor.tokens:
            raise GuardError(f"{self.vendor.name} declares no such token endpoint")
        if request.method != "POST" or request.query or not self._is_of(endpoint.urls, request.url):
            raise GuardError("the token request goes elsewhere than its endpoint")
        if type(request.body) is not tuple:
            raise GuardError("a token request carries a form")
        keys = [key for key, _ in request.body]
        if len(set(keys)) != len(keys) or not set(keys) <= endpoint.form:
            raise GuardError("the token request has form keys that its endpoint does not declare")
        if not {name.lower() for name, _ in request.signature} <= endpoint.headers:
            raise GuardError("the token request has headers that its endpoint does not declare")
        return request.url

    def _is_of(self, urls: tuple[str, ...], url: str) -> bool:
        """Whether an address is one of these, and of the data address's own account where it names it."""
        own = self.slots or {}
        found = (match_host(template, self.vendor.host_slots, url) for template in urls)
        return any(
            values is not None and all(own.get(name, value) == value for name, value in values.items())
            for values in found
        )

    def _admit_write(self, request: Request, permit: Permit) -> str:
        if self.permits is None:
            raise GuardError("nothing may be written on this connection")
        if not request.url.startswith("/"):
            raise GuardError("a status write names its path below the vendor's address")
        write = self._declared(permit.write, request)
        if match_write(write, request) is None:
            raise GuardError(f"the request is not of the declared form of {write.name}")
        url = full_url(self.base, request)
        if permit.digest != digest(url, request):
            raise GuardError("the request is not the one that the permit was given for")
        _ = _below(self.base, url)
        self.permits.spend(permit)
        return url

    def _declared(self, name: str, request: Request) -> StatusWrite:
        write = next((w for w in self.vendor.writes if w.name == name), None)
        if write is None or request.operation != name:
            raise GuardError(f"{self.vendor.name} declares no write of this name")
        return write

    def _headers(self, request: Request) -> None:
        for name, value in (*request.headers, *request.signature):
            if not _TOKEN.fullmatch(name) or _CONTROL.search(value):
                raise GuardError("a header name or value holds forbidden characters")
            if _TURNS_A_REQUEST.search(name.lower()):
                raise GuardError("a header would make another request of this one")
        if not {name.lower() for name, _ in request.headers} <= _PLAIN_HEADERS:
            raise GuardError("an operation adds a header that is not a plain one")
        added = {
            name.lower() for name, value in request.signature if (name, value) not in self.vendor.headers
        }
        if not added <= self.scheme.adds:
            raise GuardError("the signature adds a header that neither vendor nor auth scheme declares")
        added_blocks = [block.tag for block in request.blocks if block != self.vendor.block]
        if added_blocks not in ([], [self.scheme.block]):
            raise GuardError("the signature adds an element that neither vendor nor auth scheme declares")
        if request.blocks and not isinstance(request.body, Element):
            raise GuardError("only a SOAP message has a header for elements")

    def _address(self, request: Request) -> str:
        """What a read's path is below: the data address, or the read's own with that one's slots."""
        read = next((r for r in self.vendor.reads if r.name == request.operation and r.below), None)
        own = self.slots or {}
        return self.base if read is None else re.sub(r"\{(\w+)\}", lambda m: own[m.group(1)], read.below)


def _below(base: str, url: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The path below an address and the query; raises where the URL leads anywhere else."""
    if _CONTROL.search(url) or not url.isascii() or any(c in url for c in "\\#@; "):
        raise GuardError("a URL holds characters that have no place in it")
    prefix = base + "/"
    if not url.startswith(prefix):
        raise GuardError("the URL is not below the vendor's address")
    parts = urlsplit(url)
    path = parts.path[len(urlsplit(base).path) :]
    if any(segment in ("", ".", "..") for segment in _decoded_segments(path)):
        raise GuardError("the path holds an empty or a dot segment")
    try:
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        return path, tuple(query)
    except ValueError:
        pass
    raise GuardError("the query is not made of keys and values")


def _decoded_segments(path: str) -> list[str]:
    return [unquote(segment) for segment in path.split("/")[1:]]


def match_path(template: str, patterns: Mapping[str, str], path: str) -> dict[str, str] | None:
    """The values of a template's typed segments in a path, or None where it does not fit.

    Every value must be one segment, or what its template leaves of one (``/people({id})``),
    in the one canonical percent-encoding.
    """
    wanted, given = template.split("/"), path.split("/")
    if len(wanted) != len(given):
        return None
    values: dict[str, str] = {}
    for want, have in zip(wanted, given, strict=True):
        typed = _TYPED.fullmatch(want)
        if typed is None:
            if want != have:
                return None
            continue
        before, name, after = typed.groups()
        if not have.startswith(before) or not have[len(before) :].endswith(after):
            return None
        text = have[len(before) :].removesuffix(after)
        value = unquote(text)
        if quote(value, safe="") != text or _NOT_IN_A_SEGMENT.search(value):
            return None
        if not re.fullmatch(patterns[name], value):
            return None
        if values.setdefault(name, value) != value:
            return None
    return values


def _is_plain_request(request: Request) -> bool:
    """Whether nothing in it can show the guard one thing and the wire another, as a subclass could."""
    return (
        type(request) is Request
        and type(request.purpose) is Purpose
        and all(type(t) is str for t in (request.operation, request.method, request.url, request.media))
        and all(_are_pairs(part) for part in (request.query, request.headers, request.signature))
        and type(request.blocks) is tuple
        and all(map(is_plain, request.blocks))
        and _is_plain_body(request.body)
    )


def _are_pairs(value: object) -> bool:
    return type(value) is tuple and all(
        type(pair) is tuple and len(pair) == 2 and all(type(text) is str for text in pair) for pair in value
    )


def _is_plain_body(body: object) -> bool:
    if type(body) is tuple:
        return _are_pairs(body)
    return is_plain(body) if isinstance(body, Element) else _is_plain_json(body, _DEPTH)


def _is_plain_json(value: object, depth: int) -> bool:
    if type(value) is dict:
        return depth > 0 and all(type(k) is str and _is_plain_json(v, depth - 1) for k, v in value.items())
    if type(value) is list:
        return depth > 0 and all(_is_plain_json(item, depth - 1) for item in value)
    return value is None or type(value) in _SCALARS


def _body_allowed(request: Request, read: Read) -> bool:
    body = request.body
    if body is None:
        fits = not read.root
    elif isinstance(body, Element):
        fits = body.tag == read.root
    else:
        fits = (
            isinstance(body, dict)
            and request.method != "GET"
            and set(body) <= read.body
            and all(
                _rows_allowed(value, read.rows[key])
                if key in read.rows
                else _value_allowed(value, read.values.get(key))
                for key, value in body.items()
            )
        )
    return fits and not request.media


def _rows_allowed(rows: object, declared: Rows) -> bool:
    """A search's filters: objects of the declared keys, whose texts are of the declared forms."""

    def fits(row: object) -> bool:
        return (
            isinstance(row, dict)
            and set(row) == set(declared)
            and all(_within_row(value, declared[key]) for key, value in row.items())
        )

    return isinstance(rows, list) and all(map(fits, rows))


def _within_row(value: object, declared: str | Rows) -> bool:
    if not isinstance(declared, str):
        return _rows_allowed(value, declared)
    texts = value if isinstance(value, list) else [value]
    return all(isinstance(text, str) and re.fullmatch(declared, text) for text in texts)


def _value_allowed(value: object, pattern: str | None) -> bool:
    """A read asks with single values or lists of them; objects are what records are written with."""
    if pattern is not None:
        return isinstance(value, str) and re.fullmatch(pattern, value) is not None
    return all(not isinstance(one, (dict, list)) for one in (value if isinstance(value, list) else [value]))


def match_write(write: StatusWrite, request: Request) -> dict[str, str] | None:
    """The slots' values, by slot key, of a request if it is exactly this declared write; else None."""
    if request.method != write.method or request.headers or request.media != write.media:
        return None
    patterns = {slot.key: slot.pattern for slot in write.slots}
    values = match_path(write.path, patterns, request.url)
    if values is None or [k for k, _ in request.query] != [k for k, _ in write.query]:
        return None
    for (_, shape), (_, value) in zip(write.query, request.query, strict=True):
        if not _match(_as_text(shape), value, values):
            return None
    return values if _match(write.body, request.body, values) else None


def _as_text(shape: Any) -> Any:
    """The shape of what is text on the wire, whatever the slot's type."""
    return evolve(shape, type=str) if isinstance(shape, Slot) else shape


def _match(shape: Any, value: Any, values: dict[str, str]) -> bool:
    if isinstance(shape, Slot):
        text = shape.text(value)
        return text is not None and values.setdefault(shape.key, text) == text
    if isinstance(shape, Element):
        return isinstance(value, Element) and _match_element(shape, value, values)
    if isinstance(shape, Mapping):
        return (
            isinstance(value, dict)
            and list(value) == list(shape)
            and all(_match(shape[k], value[k], values) for k in shape)
        )
    if isinstance(shape, (list, tuple)):
        return (
            isinstance(value, list)
            and len(value) == len(shape)
            and all(_match(s, v, values) for s, v in zip(shape, value, strict=True))
        )
    return type(value) is type(shape) and bool(value == shape)


def _match_element(shape: Element, value: Element, values: dict[str, str]) -> bool:
    return (
        value.tag == shape.tag
        and [name for name, _ in value.attributes] == [name for name, _ in shape.attributes]
        and all(_match(_as_text(s), v, values) for s, v in zip(shape.parts, value.parts, strict=True))
        and len(value.children) == len(shape.children)
        and all(_match_element(s, v, values) for s, v in zip(shape.children, value.children, strict=True))
    )


def authorise(vendor: Vendor, intent: Intent, *, token: str | None, request: Request) -> StatusWrite:
    """The declared write that a request is, if it carries this intent's own values and no others.

    Raises:
        GuardError: it is no declared write, or a value comes from elsewhere.
    """
    write = next((w for w in vendor.writes if w.name == request.operation), None)
    values = match_write(write, request) if write and _is_plain_request(request) else None
    if write is None or values is None or not _names(write, SlotName.APPLICATION, values):
        raise GuardError(f"{vendor.name} declares no write of the form of {request.operation}")
    if intent.action is Action.MOVE and not _names(write, SlotName.TARGET_STAGE, values):
        raise GuardError(f"the write {write.name} moves nothing, and its intent is a move")
    own = {
        SlotName.APPLICATION: intent.application.id,
        SlotName.TARGET_STAGE: intent.target.stage,
        SlotName.EXPECTED_STAGE: intent.expected.stage,
        SlotName.REASON: intent.target.reason,
        SlotName.ACTING_USER: intent.acting_user,
        SlotName.TOKEN: token,
    }
    slots = {slot.key: slot for slot in write.slots}
    wrong = sorted(
        key
        for key, value in values.items()
        if key not in slots or slots[key].take(own[slots[key].name]) != value
    )
    if wrong:
        raise GuardError(f"the write {write.name} carries values that are not its intent's: {wrong}")
    return write


def _names(write: StatusWrite, name: SlotName, values: Mapping[str, str]) -> bool:
    """Whether a write names this and can mean no other: whole, in both parts, or in the one that does."""
    slots = [slot for slot in write.slots if slot.name is name and slot.key in values]
    return any(slot.part is None or slot.alone for slot in slots) or {slot.part for slot in slots} == {0, 1}
