"""Signatures of web hooks, checked without telling by time what they should have been."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

_HEX = hashlib.sha256().digest_size * 2


def signed_by(keys: Iterable[str], message: bytes, claimed: str) -> bool:
    """Whether ``claimed`` is the lower-case hex HMAC-SHA256 of a message under one of the keys.

    Every key is tried, whichever fits. An empty key signs nothing.
    """
    if len(claimed) != _HEX or not claimed.isascii():
        return False
    fits = [
        hmac.compare_digest(hmac.new(key.encode(), message, hashlib.sha256).hexdigest(), claimed)
        for key in keys
        if key
    ]
    return any(fits)
