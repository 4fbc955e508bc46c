"""`Secret`: a value that never shows itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NoReturn

from ..errors import ConfigurationError

_HALF_PAIR = re.compile("[\ud800-\udfff]")
"""What Python makes of bytes that are not UTF-8 (PEP 383)."""


class Secret:
    """A credential, given as text or as a callable that fetches it when it is needed.

    Its repr, str and format show nothing, and it cannot be pickled.
    """

    __slots__ = ("_source",)

    def __init__(self, source: str | Callable[[], str]) -> None:
        self._source = source

    def reveal(self) -> str:
        """The text itself; for the code that signs requests, and nobody else.

        Raises:
            ConfigurationError: it is not Unicode, such as an environment variable with stray bytes;
                what would encode it later would name the whole of it in its own error.
        """
        text = self._source if isinstance(self._source, str) else self._source()
        if _HALF_PAIR.search(text):
            raise ConfigurationError(
                "a credential holds bytes that are no text", advice="set it again, as UTF-8 or plain ASCII"
            )
        return text

    def is_blank(self) -> bool:
        """Whether there is nothing in it: whoever guesses that has it."""
        return not self.reveal().strip()

    def __repr__(self) -> str:
        return "Secret(<hidden>)"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.reveal() == other.reveal()

    def __hash__(self) -> int:
        return hash(Secret)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled")


def secret(value: str | Secret | Callable[[], str]) -> Secret:
    """An attrs converter: whatever was given, as a `Secret`."""
    return value if isinstance(value, Secret) else Secret(value)


def optional_secret(value: str | Secret | Callable[[], str] | None) -> Secret | None:
    """The same for a credential that may be absent."""
    return None if value is None else secret(value)


def optional_seal(value: str | Secret | Callable[[], str] | None) -> Secret | None:
    """The same for what web hooks are known by.

    Raises:
        ConfigurationError: it is blank, so that anybody could make it. One that is fetched when it
            is needed is looked at then, and a blank one is believed no delivery.
    """
    if isinstance(value, str) and Secret(value).is_blank():
        raise ConfigurationError(
            "the secret of the web hooks is blank", advice="set it as the ATS has it, or leave it out"
        )
    return optional_secret(value)
