"""Strict reading of JSON bodies, keeping each listed record's own bytes.

`read_list` splits a listing into `Raw` records, so that a digest is taken of
the bytes as received and an unchanged record is never turned into objects.
With the ``fast`` extra (msgspec) a record is only scanned until it is asked
for; without it the standard library parses once and remembers where each
record stood. What costs most of strictness, that no key stands twice in an
object, is looked at in the records that are read, not in those that merely
are as they were.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..errors import BadPayload, BadRecord
from .collecting import uncollected

try:
    import msgspec
except ImportError:  # the `fast` extra is not installed
    if TYPE_CHECKING:
        raise
    msgspec = None

_SPACE = " \t\n\r"
_ELEMENTS = 2_000_000
"""Values in a body, at the most: some 130 MB of the smallest objects. A page of 100,000 records has fewer."""
_HALF_PAIR = re.compile("[\ud800-\udfff]")


class Raw:
    """One record: its bytes as received, and its data when asked for.

    Args:
        data: what the bytes say, strictly read.
        loose: what they say where only a look at it tells if a key stands twice.
    """

    __slots__ = ("_data", "_loose", "content")

    def __init__(self, content: bytes, data: Any = None, *, loose: Any = None) -> None:
        self.content = content
        self._data = data
        self._loose = loose

    def __repr__(self) -> str:
        return f"<Raw {len(self.content)} bytes>"

    @classmethod
    def of(cls, data: Any) -> Raw:
        """A record that several answers were merged into; its bytes are its own JSON."""
        return cls(json.dumps(data, sort_keys=True, separators=(",", ":")).encode(), data)

    @property
    def digest(self) -> bytes:
        return hashlib.blake2b(self.content, digest_size=16).digest()

    @property
    def data(self) -> Any:
        """The parsed record.

        Raises:
            BadRecord: the bytes are not strict JSON, or hold text no database can keep.
        """
        if self._data is None:
            loose = self._loose
            try:
                plain = loose is not None and _is_plain(self.content, loose)
                self._data = loose if plain else _strict(self.content)
            except ValueError as error:
                wrong = str(error)
            else:
                self._loose = None
                return self._data
            raise BadRecord("", wrong)  # `_loose` stays: `peek` goes on to say what it said before
        return self._data

    def peek(self, name: str) -> Any:
        """One field, for an id: without reading the rest, and without the checks of `data`.

        Raises:
            BadRecord: the record is not an object, or the field holds text no database can keep.
        """
        known = self._loose if self._data is None else self._data
        try:
            if known is None:
                known = _peek(self.content, name)
            if not isinstance(known, dict):
                raise BadRecord("", f"expected an object, found {type(known).__name__}")
            value = known.get(name)
            if isinstance(value, str):
                _ = value.encode()
            return value
        except ValueError as error:
            wrong = f"not strict JSON ({type(error).__name__})"
        raise BadRecord(name, wrong)


def read_json(body: bytes) -> Any:
    """A whole body as strict JSON.

    Raises:
        BadPayload: not UTF-8, not JSON, NaN or Infinity, a key twice, nested too deep, or more than
            2,000,000 values: which is told by the bytes alone, before any object is made.
    """
    try:
        _refuse_too_many(body)
        return _strict(body)
    except ValueError as error:
        wrong = str(error)
    raise BadPayload(f"the body is not strict JSON: {wrong}")


def object_in(body: bytes) -> Mapping[str, Any] | None:
    """The JSON object that a body is; None where it is anything else."""
    try:
        found = read_json(body)
    except BadPayload:
        return None
    return found if isinstance(found, dict) else None


@uncollected
def read_list(body: bytes, key: str | None = None) -> tuple[Mapping[str, Any], list[Raw]]:
    """Split a listing into its envelope and its records.

    Args:
        body: the answer's body.
        key: the envelope's key that holds the list; None where the body is the list.

    Returns:
        The envelope without that key (empty where there is none), and the records.

    Raises:
        BadPayload: as `read_json`, or there is no list where one should be.
    """
    try:
        _refuse_too_many(body)
        return _split(body, key)
    except (ValueError, RecursionError) as error:
        wrong = str(error)
    raise BadPayload(f"the body is not the promised list: {wrong}")


def _refuse_too_many(body: bytes) -> None:
    """Each value but the first of a list or object follows a comma, and each first one an opening."""
    if len(body) <= _ELEMENTS:  # it cannot have so many
        return
    if sum(body.count(mark) for mark in (b",", b"[", b"{")) > _ELEMENTS:
        raise ValueError(f"it may hold more than {_ELEMENTS:,} values")


def _split(body: bytes, key: str | None) -> tuple[Mapping[str, Any], list[Raw]]:
    if msgspec is not None:
        try:
            return _split_bytes(body, key)
        except ValueError:
            # It refuses a whole body for half a surrogate pair in one record, which an applicant may write.
            pass
    return _split_text(body, key)


def _strict(body: bytes) -> Any:
    if msgspec is not None:
        data = _exact(body)
        if data is not None:
            return data
    text = _text(body)
    data = _decode(text)
    if "\\ud" in text or "\\uD" in text:
        _refuse_surrogates(data)
    return data


def _decode(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except RecursionError:
        pass
    raise ValueError("nested too deep")


def _text(body: bytes) -> str:
    if body.startswith(b"\xef\xbb\xbf"):
        raise ValueError("it starts with a byte order mark")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        at = error.start
    raise ValueError(f"it is not UTF-8 at byte {at}")


def _refuse_surrogates(data: Any) -> None:
    if _HALF_PAIR.search(json.dumps(data, ensure_ascii=False)):
        raise ValueError("it holds half a surrogate pair")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return result


def _constant(_name: str) -> Any:
    raise ValueError("NaN and Infinity are not JSON")


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number is too large")
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_float)
_LOOSE = json.JSONDecoder(parse_constant=_constant, parse_float=_float)


def _is_plain(content: bytes, data: Any) -> bool:
    """Whether loosely parsed data is surely what strict reading gives; False where that is not certain.

    Each key ends in a quote and a colon. Where the text has as many of those as
    the data has keys, none was lost by standing twice: what could make the text
    have fewer, white space before a colon, is excluded, and so are half surrogates.
    """
    if any(doubt in content for doubt in _DOUBTS) or b" :" in content:
        return False
    return content.count(b'":') == _keys(data)


# Looked for byte by byte, which is ten times as fast as longer words: line ends stand only between
# values, and without a backslash there is no half of a pair.
_DOUBTS = (b"\\", b"\t", b"\n", b"\r")
_CONTAINERS = frozenset({dict, list})


def _keys(data: Any) -> int:
    total, inside = 0, [data]
    for value in inside:  # it grows while it is walked
        if type(value) is dict:
            total += len(value)
            value = value.values()
        elif type(value) is not list:
            continue
        inside += [part for part in value if type(part) in _CONTAINERS]
    return total


def _split_text(body: bytes, key: str | None) -> tuple[Mapping[str, Any], list[Raw]]:
    text = _text(body)
    at = _skip(text, 0)
    if key is None:
        records, at = _records(text, at)
        _end(text, at)
        return {}, records
    envelope: dict[str, Any] = {}
    found: list[Raw] | None = None
    at = _expect(text, at, "{")
    while text[at : at + 1] != "}":
        name, at = _DECODER.raw_decode(text, at)
        if not isinstance(name, str) or name in envelope or (name == key and found is not None):
            raise ValueError("the envelope's keys are broken")
        at = _expect(text, _skip(text, at), ":")
        if name == key:
            found, at = _records(text, at)
        else:
            envelope[name], at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
            if text[at : at + 1] == "}":
                raise ValueError("a comma too many")
        elif text[at : at + 1] != "}":
            raise ValueError("the envelope is cut off")
    _end(text, at + 1)
    if found is None:
        raise ValueError(f"there is no {key!r}")
    _refuse_surrogates(envelope)
    return envelope, found


def _records(text: str, at: int) -> tuple[list[Raw], int]:
    at = _expect(text, at, "[")
    records: list[Raw] = []
    decode, ascii_only = _LOOSE.raw_decode, text.isascii()
    encoding = "ascii" if ascii_only else "utf-8"
    if text[at : at + 1] == "]":
        return records, at + 1
    while True:
        data, end = decode(text, at)
        records.append(Raw(text[at:end].encode(encoding), loose=data))
        mark = text[end : end + 1]
        if mark not in _ENDS:
            end = _skip(text, end)
            mark = text[end : end + 1]
        at = end + 1
        if text[at : at + 1] in _SPACE:
            at = _skip(text, at)
        if mark == "]":
            return records, at
        if mark != ",":
            raise ValueError("the list is cut off")


_ENDS = frozenset(",]")


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _expect(text: str, at: int, mark: str) -> int:
    if text[at : at + 1] != mark:
        raise ValueError(f"expected {mark!r}")
    return _skip(text, at + 1)


def _end(text: str, at: int) -> None:
    if _skip(text, at) != len(text):
        raise ValueError("there is more after the end")


def _split_bytes(body: bytes, key: str | None) -> tuple[Mapping[str, Any], list[Raw]]:
    _ = _text(body)
    try:
        if key is None:
            return {}, [Raw(bytes(raw)) for raw in _LIST.decode(body)]
        parts = _ENVELOPE.decode(body)
        if key not in parts:
            raise ValueError(f"there is no {key!r}")
        listed = bytes(parts.pop(key))
        records = [Raw(bytes(raw)) for raw in _LIST.decode(listed)]
        # msgspec takes a key that stands twice, and of two lists would lose one.
        _ = _strict(_without(body, listed))
        return {name: _strict(bytes(raw)) for name, raw in parts.items()}, records
    except msgspec.DecodeError as error:
        wrong = str(error)
    raise ValueError(wrong)


def _without(body: bytes, listed: bytes) -> bytes:
    """A body with ``null`` for the first of such bytes in it; sought by their beginning, which is faster."""
    at = body.find(listed[:_BEGINNING])
    end = at + len(listed)
    if body[at:end] != listed:  # something before it begins alike
        return body.replace(listed, b"null", 1)
    return body[:at] + b"null" + body[end:]


_BEGINNING = 64


def _exact(body: bytes) -> Any:
    """What msgspec reads, if written again it is the same bytes; else None.

    msgspec takes a key that stands twice. Where not one byte is lost there is none,
    nor anything else that strict reading refuses.
    """
    try:
        data = msgspec.json.decode(body)
        return data if msgspec.json.encode(data) == body else None
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return None


def _peek(content: bytes, name: str) -> Any:
    if msgspec is None or not content.startswith(b"{"):
        return _LOOSE.decode(_text(content))
    return {name: _head(name).decode(content).value}


@lru_cache(maxsize=64)
def _head(name: str) -> Any:
    return msgspec.json.Decoder(msgspec.defstruct("Head", [("value", Any, None)], rename={"value": name}))


if msgspec is not None:
    _LIST = msgspec.json.Decoder(list[msgspec.Raw])
    _ENVELOPE = msgspec.json.Decoder(dict[str, msgspec.Raw])
