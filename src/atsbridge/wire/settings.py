"""What adapters' settings have in common: attrs converters and validators."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..errors import ConfigurationError


def words(values: str | Iterable[str]) -> frozenset[str]:
    """A converter: a set of words, given as such or as one text with blanks between."""
    return frozenset(values.split() if isinstance(values, str) else values)


def one_of(*known: str) -> Callable[[object, Any, str], None]:
    """A validator: the setting is one of these words."""

    def check(_adapter: object, setting: Any, value: str) -> None:
        if value not in known:
            raise ConfigurationError(f"{setting.name} is one of {', '.join(known)}")

    return check
