"""The values in a message, each with its place: one walk through URLs, JSON, XML and forms."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, Self, TypeAlias
from urllib.parse import parse_qsl, quote, unquote, urlencode

from attrs import frozen

from ...errors import BadPayload
from ...wire.vendor import Vendor
from ...wire.xml import local, read_xml

Place: TypeAlias = "tuple[str | int, ...]"
"""Names, and positions in lists: ``("data", 0, "id")``; in a URL ``("{id}",)`` and ``("?limit",)``."""
Value: TypeAlias = "str | int | float | bool | list[Any] | dict[str, Any] | None"
Change: TypeAlias = Callable[[Place, Value], Value]
"""What becomes of a value; lists and objects come only where they are empty."""

HOST = "//"
"""Begins the place of what stands in a slot of the vendor's address: ``("//tenant",)``."""
_NAME = re.compile(r"[$@A-Za-z_](?:(?![0-9]{4})[\w$.:-]){0,63}", re.ASCII)
"""What a key in JSON looks like that is a name; any other is a value."""


@frozen
class Addresses:
    """The addresses that a vendor declares: their own words, and slots with values in them."""

    forms: tuple[re.Pattern[str], ...]
    keys: frozenset[str] = frozenset()
    """Of queries: those that the vendor declares; any other is a value."""

    @classmethod
    def of(cls, vendor: Vendor) -> Self:
        hosts = tuple(vendor.hosts.values())
        declared: set[tuple[str, str]] = set()
        for read in vendor.reads:
            declared |= set(product((read.below,) if read.below else hosts, (read.path,)))
        declared |= set(product(hosts, (write.path for write in vendor.writes)))
        declared |= {(url, "") for endpoint in vendor.tokens for url in endpoint.urls}
        forms = [_form(host, path, vendor) for host, path in sorted(declared)]
        # Where two fit, the one with more words of its own is meant.
        keys = {key for read in vendor.reads for key in read.query}
        keys |= {key for write in vendor.writes for key, _ in write.query}
        return cls(tuple(sorted(forms, key=lambda form: len(form.groupindex))), frozenset(keys))

    def rewrite(self, url: str, change: Change) -> str | None:
        """The URL with every value in it changed; None where the vendor declares no such address."""
        address, question, query = url.partition("?")
        form, found = self._fitting(address)
        if form is None or found is None:
            return None
        # From the end, so that what is not yet changed stays where it was.
        for name in sorted(form.groupindex, key=lambda name: -form.groupindex[name]):
            start, end = found.span(name)
            value = str(change((_place_of(name),), unquote(address[start:end])))
            address = address[:start] + quote(value, safe="") + address[end:]
        pairs = [
            (key, str(change((f"?{key}",), value)))
            if key in self.keys
            else (str(change(("?*",), key)), str(change(("?*",), value)))
            for key, value in parse_qsl(query, keep_blank_values=True)
        ]
        return f"{address}{question}{urlencode(pairs, quote_via=quote)}"

    def operation(self, url: str) -> str:
        """What two requests have in common that ask for the same: the path, with its slots' names."""

        def named(place: Place, value: Value) -> Value:
            return value if str(place[0]).startswith(HOST) else str(place[0])

        found = self.rewrite(url.partition("?")[0], named)
        return "another address" if found is None else "/" + unquote(found).split("/", 3)[-1]

    def _fitting(self, address: str) -> tuple[re.Pattern[str] | None, re.Match[str] | None]:
        for form in self.forms:
            if found := form.fullmatch(address):
                return form, found
        return None, None


def _form(host: str, path: str, vendor: Vendor) -> re.Pattern[str]:
    text = "".join(
        f"(?P<h{n}_{part}>{vendor.host_slots.get(part, '[^/]+')})" if n % 2 else re.escape(part)
        for n, part in enumerate(re.split(r"\{(\w+)\}", host))
    )
    return re.compile(
        text
        + "".join(
            f"(?P<p{n}_{part.replace('.', '_')}>[^/?]+?)" if n % 2 else re.escape(part)
            for n, part in enumerate(re.split(r"\{([\w.]+)\}", path))
        )
    )


def _place_of(group: str) -> str:
    kind, _, name = group.partition("_")
    return f"{HOST}{name}" if kind.startswith("h") else f"{{{name}}}"


def _no_map(place: Place) -> bool:
    return False


def rewrite_body(
    body: bytes, media: str, change: Change, *, is_map: Callable[[Place], bool] = _no_map
) -> bytes:
    """A body with every value in it changed.

    Of what is neither JSON, XML nor a form the whole is one value.

    Args:
        is_map: whether an object's keys are values, though they look like names of fields.
    """
    if not body.strip():
        return body
    if "urlencoded" in media:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        return urlencode(
            [(_key(key, (), change), str(change((_word(key),), value))) for key, value in pairs]
        ).encode()
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return _rewrite_text(body, change)
    made = _rewrite_json(data, (), change, is_map)
    return json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode()


def _rewrite_text(body: bytes, change: Change) -> bytes:
    try:
        root = read_xml(body)
    except BadPayload:
        return str(change((), body.decode("utf-8", "replace"))).encode()
    _rewrite_element(root, (local(root.tag),), change)
    content: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return content


def _rewrite_json(data: Any, place: Place, change: Change, is_map: Callable[[Place], bool]) -> Any:
    if data and isinstance(data, dict):
        # The mark keeps it from being taken for a name by whoever reads it next.
        marked = "~" if is_map(place) else ""
        return {
            _key(marked + key, place, change): _rewrite_json(
                value, (*place, _word(marked + key)), change, is_map
            )
            for key, value in data.items()
        }
    if data and isinstance(data, list):
        return [_rewrite_json(item, (*place, n), change, is_map) for n, item in enumerate(data)]
    return change(place, data)


def _key(key: str, place: Place, change: Change) -> str:
    return key if _NAME.fullmatch(key) else str(change((*place, "*"), key))


def _word(key: str) -> str:
    return key if _NAME.fullmatch(key) else "*"


def _rewrite_element(element: ElementTree.Element, place: Place, change: Change) -> None:
    for name, value in element.attrib.items():
        element.set(name, str(change((*place, f"@{local(name)}"), value)))
    if element.text and element.text.strip():
        element.text = str(change(place, element.text))
    element.tail = None
    seen: Counter[str] = Counter()
    for child in element:
        _rewrite_element(child, (*place, local(child.tag), seen[child.tag]), change)
        seen[child.tag] += 1


def values_of(body: bytes, media: str) -> list[tuple[Place, Value]]:
    """Every value in a body, in order, with its place."""
    found: list[tuple[Place, Value]] = []

    def note(place: Place, value: Value) -> Value:
        found.append((place, value))
        return value

    _ = rewrite_body(body, media, note)
    return found


def names_of(place: Place) -> tuple[str, ...]:
    """A place without positions."""
    return tuple(part for part in place if isinstance(part, str))


def shown(place: Sequence[str | int]) -> str:
    """A place for people: ``data[].id``."""
    return "".join("[]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".") or "the body"
