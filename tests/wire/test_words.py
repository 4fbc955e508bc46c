"""No name gets through a vendor's message, whatever else is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from atsbridge.wire import words
from atsbridge.wire.words import is_code, shown


def test_the_words_of_the_trade_are_kept() -> None:
    assert shown("The next step is not valid for this job!") == "The next step is not valid for this job"


def test_what_may_be_a_person_is_left_out() -> None:
    assert shown("MARTA Reis, +351 555 010 100: stage\r\nunknown") == "… stage unknown"
    assert shown("Marta Reis") == ""
    assert shown("") == ""


@given(st.text(max_size=600))
def test_a_line_is_short_and_plain_whatever_comes(text: str) -> None:
    line = shown(text, also=frozenset({"frobnicated"}))
    assert len(line) <= 300
    assert all(word in ("…", "frobnicated") or word.lower() in words._COMMON for word in line.split())


def test_a_code_is_no_name() -> None:
    assert all(map(is_code, ("LGN0010", "application_not_found", "COE0021", "JBO-25014")))
    assert not any(map(is_code, ("Marta", "MARTA", "marta reis", "", "x" * 70, "a_b\n", "ines@example.com")))
