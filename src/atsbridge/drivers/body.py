"""Reading an answer's body without trusting it: caps, gzip, and a proper end."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from ..errors import BadPayload

_MIB = 1024 * 1024


@frozen(kw_only=True)
class Caps:
    """How large one answer may be, on the wire and inflated.

    Beyond ``free_bytes`` it may not inflate to more than ``ratio`` times its size: listings come to
    some 10, XML full of empty elements to 50, and what is made to fill a memory to 1,000.
    """

    wire_bytes: int = 32 * _MIB
    inflated_bytes: int = 64 * _MIB
    free_bytes: int = 2 * _MIB
    ratio: int = 200

    def inflated_from(self, on_wire: int) -> int:
        """How many bytes so many may inflate to."""
        return min(self.inflated_bytes, max(self.free_bytes, on_wire * self.ratio))


class Body:
    """Collects an answer's body, inflated, and stops at the caps."""

    def __init__(self, caps: Caps, headers: Mapping[str, str]) -> None:
        self._caps = caps
        self._parts: list[bytes] = []
        self._on_wire = self._inflated = 0
        coding = headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("identity", "gzip", ""):
            raise BadPayload("the answer has a content coding that was not asked for")
        if int(headers.get("content-length", "0")) > caps.wire_bytes:
            raise BadPayload("the answer is larger than the cap on bytes received")
        self._inflater = zlib.decompressobj(wbits=31) if coding == "gzip" else None

    def feed(self, chunk: bytes) -> None:
        self._on_wire += len(chunk)
        if self._on_wire > self._caps.wire_bytes:
            raise BadPayload("the answer is larger than the cap on bytes received")
        if self._inflater is None:
            self._parts.append(chunk)
        else:
            self._inflate(self._inflater, chunk)

    def _inflate(self, inflater: Any, chunk: bytes) -> None:
        most = self._caps.inflated_from(self._on_wire)
        while chunk:
            if inflater.eof:  # RFC 1952, section 2.2: a gzip file is one or more members
                inflater = self._inflater = zlib.decompressobj(wbits=31)
            part = _decompress(inflater, chunk, most - self._inflated + 1)
            if part is None:
                raise BadPayload("the answer is not the gzip it says it is")
            self._inflated += len(part)
            if self._inflated > most:
                raise BadPayload("the answer is larger than the cap on inflated bytes")
            self._parts.append(part)
            chunk = inflater.unconsumed_tail or inflater.unused_data

    def whole(self, *, empty_is_fine: bool) -> bytes:
        if self._inflater is not None and not self._inflater.eof and (self._on_wire or not empty_is_fine):
            raise BadPayload("the answer's gzip has no end: it was cut short")
        return b"".join(self._parts)


def _decompress(inflater: Any, chunk: bytes, most: int) -> bytes | None:
    try:
        return bytes(inflater.decompress(chunk, most))
    except zlib.error:
        return None
