"""A Secret never shows itself."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atsbridge.errors import ConfigurationError
from atsbridge.wire.secrets import Secret, optional_seal, optional_secret, secret


@given(st.text(min_size=4, alphabet="abcxyz0123456789"))
def test_no_way_of_showing_it_shows_it(text: str) -> None:
    one = Secret(f"sesame-{text}")
    ways = [repr(one), str(one), f"{one}", f"{one!s:>40}", "%s" % one, f"{[one]}", f"{one:x}"]  # noqa: UP031
    assert not [way for way in ways if "sesame" in way]
    assert one.reveal() == f"sesame-{text}"


def test_it_cannot_be_pickled_copied_deeply_or_written_as_json() -> None:
    one = Secret("sesame")
    for leave in (pickle.dumps, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError) as caught:
            leave(one)  # type: ignore[operator]
        assert "sesame" not in str(caught.value)


def test_bytes_that_are_no_text_are_said_without_them() -> None:
    stray = b"sesame-\xff".decode("utf-8", "surrogateescape")  # as os.environ gives them
    for one in (Secret(stray), Secret(lambda: stray)):
        with pytest.raises(ConfigurationError, match="no text") as caught:
            one.reveal()
        assert "sesame" not in repr([caught.value, caught.value.__context__, caught.value.__cause__])


def test_it_has_no_dict_and_its_source_is_not_iterated() -> None:
    one = Secret("sesame")
    assert not hasattr(one, "__dict__")
    with pytest.raises(TypeError):
        list(one)  # type: ignore[call-overload]


def test_a_callable_is_asked_each_time() -> None:
    words = iter(["one", "two"])
    one = Secret(lambda: next(words))
    assert (one.reveal(), one.reveal()) == ("one", "two")


def test_equal_secrets_are_equal_and_hash_alike_without_telling() -> None:
    assert Secret("a") == Secret(lambda: "a") != Secret("b")
    assert Secret("a") != "a"
    assert hash(Secret("a")) == hash(Secret("b"))


def test_converters() -> None:
    one = Secret("a")
    assert secret(one) is one
    assert secret("a") == one
    assert optional_secret(None) is None
    assert optional_secret("a") == one


@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
def test_what_web_hooks_are_known_by_is_not_blank(blank: str) -> None:
    with pytest.raises(ConfigurationError, match="blank"):
        optional_seal(blank)
    fetched = optional_seal(lambda: blank)  # looked at when it is needed
    assert fetched is not None and fetched.is_blank()
    assert optional_seal(None) is None and optional_seal("a") == Secret("a")
