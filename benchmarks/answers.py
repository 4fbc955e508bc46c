"""What the servers of the benchmarks answer with: whole HTTP answers, as bytes."""

from __future__ import annotations

import json
from typing import Any

_DATE = "Tue, 24 Nov 2026 00:00:00 GMT"
NO_CONTENT = f"HTTP/1.1 204 No Content\r\nDate: {_DATE}\r\n\r\n".encode()


def answer(value: Any) -> bytes:
    """JSON, as compact as vendors send it."""
    body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    head = f"HTTP/1.1 200 OK\r\nDate: {_DATE}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
