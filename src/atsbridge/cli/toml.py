"""Settings as the lines of a connection file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any


def as_toml(value: Any) -> str:
    """A value as TOML: text, a number, truth value, list or table; several tables have a line each."""
    if isinstance(value, (bool, int, float)):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(str(k))} = {as_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, Iterable) and not isinstance(value, str):
        parts = [as_toml(one) for one in (sorted(value) if isinstance(value, (set, frozenset)) else value)]
        if len(parts) > 1 and parts[0].startswith("{"):
            return "[\n" + "".join(f"  {part},\n" for part in parts) + "]"
        return "[" + ", ".join(parts) + "]"
    text = value.value if isinstance(value, Enum) else value
    return json.dumps(str(text), ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else as_toml(name)
