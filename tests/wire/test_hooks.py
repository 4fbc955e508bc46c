"""Signatures of web hooks."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atsbridge.wire import hooks
from atsbridge.wire.hooks import said, seal, sealed_by
from atsbridge.wire.secrets import Secret


def sign(key: str, message: bytes) -> str:
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()


def signed_by(keys: list[str], message: bytes, claimed: str | None) -> bool:
    return sealed_by([Secret(key) for key in keys], message, claimed)


KEYS = st.text(min_size=1, max_size=8).filter(str.strip)  # a blank one seals nothing


@given(st.lists(KEYS, min_size=1, max_size=3), st.binary(max_size=40), st.data())
def test_any_of_the_keys_will_do(keys, message, data):
    key = data.draw(st.sampled_from(keys))
    assert seal(Secret(key), message) == sign(key, message)
    assert signed_by(keys, message, sign(key, message))


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_another_message_or_key_will_not(message, other):
    claimed = sign("key", message)
    assert signed_by(["key"], other, claimed) is (other == message)
    assert not signed_by(["another", "keys"], message, claimed)


@given(st.integers(0, 63), st.characters())
def test_no_letter_of_a_signature_may_be_another(place, letter):
    claimed = sign("key", b"m")
    changed = claimed[:place] + letter + claimed[place + 1 :]
    assert signed_by(["key"], b"m", changed) is (changed == claimed)


@pytest.mark.parametrize(
    "claimed", ["", "0", sign("key", b"m").upper(), sign("key", b"m") + "0", "\u0661" * 64]
)
def test_what_is_no_signature_is_none(claimed):
    assert not signed_by(["key"], b"m", claimed)


def test_an_empty_key_signs_nothing():
    for blank in ("", " ", "\t\n"):
        assert not signed_by([blank, ""], b"m", sign(blank, b"m"))
    assert not signed_by([], b"m", sign("", b"m"))
    assert not signed_by(["key"], b"m", None)


def test_it_is_compared_in_constant_time_with_every_key(monkeypatch):
    compared = []

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(hooks.hmac, "compare_digest", compare)
    claimed = sign("b", b"m")
    assert signed_by(["a", "b", "c"], b"m", claimed)
    assert compared == [(sign(key, b"m"), claimed) for key in "abc"]


def test_a_delivery_says_something_where_it_is_an_object_of_no_great_size():
    assert said(b'{"a": 1}' + b" " * 1_000_000) == {"a": 1}
    for body in (b'{"a": 1}' + b" " * 1_048_576, b"[]", b"null", b"", b"not json", b"{" * 100_000):
        assert said(body) is None
