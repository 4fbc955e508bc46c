"""Web hooks: is a delivery really the vendor's? Looked at before anything in it is read."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Any

from .payload import object_in
from .secrets import Secret


def seal(key: Secret, message: bytes) -> str:
    """HMAC-SHA256 as lower-case hex; the key is the secret's text, as UTF-8."""
    return hmac.new(key.reveal().encode(), message, hashlib.sha256).hexdigest()


def sealed_by(keys: Iterable[Secret], message: bytes, given: str | None) -> bool:
    """Whether one of these secrets made this seal; compared in constant time.

    Args:
        keys: the secret, and while it is being replaced the old one too. A blank one seals nothing.
        message: what the vendor signs: as a rule the body, as it arrived.
        given: lower-case hex, from the delivery; None where there is none.
    """
    if given is None or not given.isascii():
        return False
    # Every key is tried, so that the time taken does not tell which one fits.
    fits = [hmac.compare_digest(seal(key, message), given) for key in keys if not key.is_blank()]
    return any(fits)


_MOST_BYTES = 1024 * 1024


def said(body: bytes) -> Mapping[str, Any] | None:
    """What a delivery says: a JSON object; None where it is anything else, which nobody trusts.

    Larger than 1 MiB it is not looked at: anybody can send one, and a seal may stand inside it.
    """
    return None if len(body) > _MOST_BYTES else object_in(body)
