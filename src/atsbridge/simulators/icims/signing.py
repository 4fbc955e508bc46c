"""``x-icims-v1-hmac-sha256``: how a request of either side is signed."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping

ALGORITHM = "x-icims-v1-hmac-sha256"
_HEADER = re.compile(rf"{ALGORITHM} user=([^,]*), ?signedheaders=([a-z0-9;-]+), ?signature=([0-9a-f]{{64}})")


def signature(secret: str, method: str, target: str, headers: Mapping[str, str], signed: list[str]) -> str:
    """The signature in lower-case hex.

    Args:
        target: path and query as sent. headers: names in lower case. signed: the headers signed.
    """
    path, _, query = target.partition("?")
    lines = sorted(f"{name}: {headers.get(name, '')}" for name in signed)
    canonical = "\n".join([method, path, query, *lines, "", ";".join(signed)])
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"{ALGORITHM}\n{headers.get('x-icims-date', '')}\n{digest}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def signed(
    secret: str, user: str, method: str, target: str, headers: Mapping[str, str], body: bytes
) -> dict[str, str]:
    """Headers with those of the signature; ``x-icims-date`` is among the given."""
    found = {**headers, "x-icims-content-sha256": hashlib.sha256(body).hexdigest()}
    names = sorted(found.keys() & {"content-type", "host", "x-icims-content-sha256", "x-icims-date"})
    mark = signature(secret, method, target, found, names)
    found["authorization"] = f"{ALGORITHM} user={user},signedheaders={';'.join(names)},signature={mark}"
    return found


def is_signed(
    secret: str, user: str, method: str, target: str, headers: Mapping[str, str], body: bytes
) -> bool:
    """Whether the authorization header is right; its parts are joined by a comma, with or without a space."""
    found = _HEADER.fullmatch(headers.get("authorization", ""))
    if found is None or found[1] != user:
        return False
    names = found[2].split(";")
    right = headers.get("x-icims-content-sha256") == hashlib.sha256(body).hexdigest()
    # Without the date and the hash a signature would hold for ever, and for any body.
    complete = {"x-icims-date", "x-icims-content-sha256"} <= set(names)
    return right and complete and signature(secret, method, target, headers, names) == found[3]
