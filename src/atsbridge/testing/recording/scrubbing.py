"""Everything that is not named is replaced, by something of the same form, the same by the same.

A word is replaced letter by letter and digit by digit, so that ids, addresses and
numbers still look like what they are, and a composite id still holds the ids it is made
of. What is drawn depends on a key that is in no file: nobody can try out whose name it was.
"""

from __future__ import annotations

import hmac
import random
import re
import secrets
import string
from collections.abc import Callable

from attrs import define, field

from .parts import HOST, Addresses, Place, Value, names_of

_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?)(Z|[+-]\d\d:?\d\d)?", re.ASCII
)
_EPOCH = re.compile(r"(/Date\()(-?\d+)((?:[+-]\d{4})?\)/)", re.ASCII)
"""A time as OData 2 has it."""
_HEX = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,}")
WORD = re.compile(rf"{_HEX.pattern}|[^\W_]+")
_SCHEME = re.compile(r"https?://")
_TRIES = 200
"""To find a word of the same form that is still free; after that it may be longer."""

_PARTS_OF_A_TIME = ((2000, 30), (1, 12), (1, 28), (0, 24), (0, 60), (0, 60))
"""Year, month, day, hour, minute, second: the lowest, and how many there are to draw from."""


@define
class Scrubber:
    """Replaces values, and remembers by what.

    Args:
        addresses: what a URL of the vendor is made of.
        keep: the ends of the places whose values stay, as patterns of names.
        maps: the ends of the places of objects whose keys are values, likewise.
        key: secret; what one key replaced, it replaces again by the same.
    """

    addresses: Addresses
    keep: tuple[tuple[str, ...], ...]
    maps: tuple[tuple[str, ...], ...] = ()
    key: bytes = field(factory=lambda: secrets.token_bytes(32), repr=False)
    _kept: dict[tuple[str, ...], bool] = field(factory=dict, init=False, repr=False)
    _made: dict[str, str] = field(factory=dict, init=False, repr=False)
    _taken: set[str] = field(factory=set, init=False, repr=False)

    def keeps(self, place: Place) -> bool:
        names = names_of(place)
        if names not in self._kept:
            # What is in the vendor's address is what a connection is configured with.
            self._kept[names] = bool(names) and (
                names[0].startswith(HOST) or any(_ends(names, end) for end in self.keep)
            )
        return self._kept[names]

    def is_map(self, place: Place) -> bool:
        """Whether the keys of the object at this place are values."""
        names = names_of(place)
        return any(_ends(names, end) for end in self.maps)

    def __call__(self, place: Place, value: Value) -> Value:
        """A `Change`: what stands at this place from now on."""
        if value is None or isinstance(value, (bool, list, dict)):
            return value
        if self.keeps(place):
            # Nothing else may come to look like it.
            self._taken.update(WORD.findall(str(value)))
            return value
        if isinstance(value, str):
            of_query = str(place[0]).startswith("?") if place else False
            return self._pieces(value) if of_query else self.text(value)
        sign = "-" if value < 0 else ""
        if isinstance(value, int):
            return int(sign + self._word(str(abs(value))))
        if value - value != 0:  # not a finite number
            return value
        whole, _, rest = f"{abs(value):f}".partition(".")
        return float(f"{sign}{self._word(whole)}.{self._word(rest)}")

    def url(self, url: str) -> str:
        return self.addresses.rewrite(url, self) or self._pieces(url)

    def text(self, text: str) -> str:
        if _TIME.fullmatch(text):
            return self._word(text, self._time)
        if found := _EPOCH.fullmatch(text):
            return found[1] + self._word(found[2]) + found[3]
        if re.search(r"\s", text):
            return self._word(text)
        return self.url(text) if _SCHEME.match(text) else self._pieces(text)

    def _pieces(self, text: str) -> str:
        scheme = _SCHEME.match(text)
        start = scheme.end() if scheme else 0
        return text[:start] + WORD.sub(lambda found: self._word(found[0]), text[start:])

    def _word(self, text: str, draw: Callable[[str, random.Random], str] | None = None) -> str:
        """Another word of the same form, which stands for no other."""
        if text in self._made or not any(c.isalnum() for c in text):
            return self._made.get(text, text)
        made, number = text, 0
        while made == text or made in self._taken:
            seed = hmac.digest(self.key, f"{number} {text}".encode("utf-8", "surrogatepass"), "sha256")
            rng = random.Random(seed)  # noqa: S311 - what nobody may guess is its seed
            made = (draw or _letters)(text, rng)
            number += 1
            if number > _TRIES:  # nearly every word of this form is taken
                made += rng.choice(string.digits[1:]) * (number // _TRIES)
        self._made[text] = made
        self._taken.add(made)
        return made

    @staticmethod
    def _time(text: str, rng: random.Random) -> str:
        found = _TIME.fullmatch(text)
        assert found is not None  # noqa: S101 - it is asked only where it fits
        parts = iter(_PARTS_OF_A_TIME)

        def draw(digits: re.Match[str]) -> str:
            low, count = next(parts, (0, 10 ** len(digits[0])))
            return str(low + rng.randrange(count)).zfill(len(digits[0]))

        return re.sub(r"\d+", draw, found[1]) + (found[2] or "")


def _ends(names: tuple[str, ...], end: tuple[str, ...]) -> bool:
    return len(end) <= len(names) and all(map(_named, names[-len(end) :], end))


def _named(name: str, pattern: str) -> bool:
    # Not fnmatch, to which the question mark of a query's key means something.
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name) is not None


def words(text: str) -> list[str]:
    """What is replaced one by one in a text without blanks."""
    return WORD.findall(text)


def _letters(text: str, rng: random.Random) -> str:
    lower = "abcdef" if _HEX.fullmatch(text) else string.ascii_lowercase
    made = ""
    for letter in text:
        if letter.isdecimal():
            # No number may begin with a zero.
            made += rng.choice(string.digits if made else string.digits[1:])
        elif letter.isalnum():
            made += rng.choice(lower.upper() if letter.isupper() else lower)
        else:
            made += letter
    return made
