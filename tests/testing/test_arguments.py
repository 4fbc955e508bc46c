"""The words that the campaigns' commands are given."""

from __future__ import annotations

from argparse import ArgumentTypeError

import pytest

from atsbridge.testing.arguments import positive, span


def test_a_number_above_0() -> None:
    assert positive("12") == 12


@pytest.mark.parametrize("text", ["0", "-1", "", "x", "1.5", "\u0662"])
def test_what_is_no_number_above_0(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        _ = positive(text)


@pytest.mark.parametrize(("text", "found"), [("3:5", range(3, 5)), (":4", range(4)), ("4", range(4))])
def test_numbers_from_one_up_to_another(text: str, found: range) -> None:
    assert span(text) == found


@pytest.mark.parametrize("text", ["10:5", "5:5", "a:b", "", ":", "-3:4"])
def test_what_has_no_number_in_it(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        _ = span(text)
