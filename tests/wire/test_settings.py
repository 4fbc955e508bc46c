"""What adapters' settings have in common."""

from __future__ import annotations

import pytest
from attrs import field, frozen

from atsbridge.errors import ConfigurationError
from atsbridge.wire.settings import one_of, words


@frozen
class Configured:
    region: str = field(default="global", validator=one_of("global", "eu"))
    reasons: frozenset[str] = field(factory=frozenset, converter=words)


def test_a_word_that_is_not_known_is_refused_with_those_that_are() -> None:
    assert Configured("eu").region == "eu"
    with pytest.raises(ConfigurationError, match="region is one of global, eu"):
        Configured("mars")


def test_words_are_a_list_or_one_text() -> None:
    assert Configured(reasons=["a", "b"]).reasons == Configured(reasons=" a  b ").reasons == {"a", "b"}
    assert Configured(reasons="").reasons == frozenset()
