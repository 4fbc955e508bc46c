"""Pagers: nothing is skipped between two spans, and a listing that goes in circles is an error."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atsbridge.errors import BadPayload, WatermarkLost
from atsbridge.wire.paging import Headway, Span, Tally, linked_token, next_token

OVERLAP = timedelta(minutes=10)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def walk(cursor: Any, tokens: list[str | None], began: datetime) -> tuple[Any, Any]:
    """Go through pages with these tokens after each; gives the last page's next cursor and watermark."""
    following, watermark = cursor, None
    for one in tokens:
        span = Span.of(json.loads(json.dumps(following)))
        following, watermark = span.seen(began).after(one, overlap=OVERLAP)
        began += timedelta(minutes=1)
    return following, watermark


def test_the_first_read_is_of_everything() -> None:
    following, watermark = walk(Span.first(None), ["a", "b", None], BEGAN)
    assert following is None
    assert watermark == {"since": BEGAN.timestamp() - 600}


def test_the_next_read_is_of_what_changed_since_before_the_last_began() -> None:
    span = Span.of(Span.first({"since": 5.0}))
    assert (span.since, span.token, span.again) == (5.0, None, False)


def test_a_first_read_that_misses_changes_is_followed_by_one_from_before_its_start() -> None:
    following, watermark = walk(Span.first(None, again=True), ["a", None], BEGAN)
    assert watermark is None
    span = Span.of(following)
    assert (span.since, span.again, span.began, span.token) == (BEGAN.timestamp() - 600, False, None, None)
    later = BEGAN + timedelta(hours=1)
    assert walk(following, [None], later) == (None, {"since": later.timestamp() - 600})


@given(st.lists(st.text(min_size=1, max_size=5), max_size=6, unique=True), st.integers(0, 5000))
def test_spans_leave_no_gap(tokens: list[str], minutes: int) -> None:
    """A span begins no later than the overlap before the one before it began, however long that took."""
    _, watermark = walk(Span.first(None), [*tokens, None], BEGAN)
    later = BEGAN + timedelta(minutes=minutes)
    _, second = walk(Span.first(watermark), [*tokens, None], later)
    assert Span.of(Span.first(watermark)).since == BEGAN.timestamp() - 600
    assert second == {"since": later.timestamp() - 600}


def test_the_same_page_token_twice_is_an_error() -> None:
    span = Span.of(Span.first(None)).seen(BEGAN)
    following, _ = span.after("a", overlap=OVERLAP)
    with pytest.raises(BadPayload):
        Span.of(following).after("a", overlap=OVERLAP)


@pytest.mark.parametrize(
    "envelope, token",
    [
        ({"hasNext": False}, None),
        ({"hasNext": False, "next": "x"}, None),
        ({"hasNext": True, "next": "x"}, "x"),
    ],
)
def test_an_envelope_says_whether_there_is_more(envelope: dict[str, Any], token: str | None) -> None:
    assert next_token(envelope, more="hasNext", token="next") == token


@pytest.mark.parametrize(
    "envelope",
    [
        {},
        {"next": "x"},
        {"hasNext": True},
        {"hasNext": True, "next": ""},
        {"hasNext": True, "next": 5},
        {"hasNext": None, "next": None},
        {"hasNext": 0},
        {"hasNext": "false"},
        {"hasNext": 1, "next": "x"},
    ],
)
def test_an_envelope_that_does_not_say_is_an_error_and_no_end(envelope: dict[str, Any]) -> None:
    with pytest.raises(BadPayload):
        next_token(envelope, more="hasNext", token="next")


@pytest.mark.parametrize("since", [253_402_300_800.0, -1e11, 1e300, float("inf"), float("nan")])
def test_a_watermark_that_no_calendar_holds_is_lost(since):
    with pytest.raises(WatermarkLost):
        Span.of(Span.first({"since": since}))


# --- a token in a link ---------------------------------------------------------------------------

NEXT = "/things?limit=10&page=a%2Bb%3D"


@pytest.mark.parametrize(
    "header",
    [
        f'<{NEXT}>; rel="next"',
        f"<{NEXT}>; rel=next",
        f'<{NEXT}>; title="a, b"; rel="next"',
        f'<{NEXT}>;REL = "prefetch Next"',
        f'</things?page=z>; rel="prev", <{NEXT}>; rel=next, </things>; rel=first',
        '</things?page=a+b=&limit=10>; rel="next"',
        f'<https://api.example{NEXT}>; rel="next"',
    ],
)
def test_a_link_tells_the_token_of_the_next_page_in_every_form_of_rfc_8288(header: str) -> None:
    listings = ["/things", "https://api.example/things"]
    assert linked_token(header, listings=listings, key="page") == "a+b="


@pytest.mark.parametrize("header", ["", f'<{NEXT}>; rel="prev"', f"<{NEXT}>", '<>; rel="nextish"'])
def test_no_link_to_a_next_page_is_the_end(header: str) -> None:
    assert linked_token(header, listings=["/things"], key="page") is None


@pytest.mark.parametrize(
    "header",
    [
        '</others?page=a>; rel="next"',
        '<https://elsewhere.example/things?page=a>; rel="next"',
        '</things?limit=10>; rel="next"',
        '</things?page=>; rel="next"',
        '</things?page=a&page=b>; rel="next"',
        '/things?page=a; rel="next"',
    ],
)
def test_a_link_that_cannot_be_read_is_no_end(header: str) -> None:
    with pytest.raises(BadPayload):
        linked_token(header, listings=["/things"], key="page")


def tallied(*pages: tuple[int, int | None]) -> bool:
    """Whether a listing with so many entries a page, and such a figure with each, ended too early."""
    cursor: Any = {}
    for shown, found in pages:
        cursor = json.loads(json.dumps(Tally.of(cursor).after(shown, found).json()))
    return Tally.of(cursor).short


def test_an_end_before_all_that_was_found_is_none() -> None:
    assert tallied((0, 1)) and tallied((10, 25), (10, 25)) and tallied((10, None), (5, 16))
    assert not tallied((0, 0)) and not tallied((10, 25), (10, 25), (5, 25)) and not tallied((10, None))


def test_who_comes_or_goes_while_a_listing_is_read_makes_no_end_too_early() -> None:
    assert not tallied((10, 20), (10, 21)) and not tallied((10, 20), (9, 19)) and not tallied((10, 9))


# --- is it getting anywhere? ---------------------------------------------------------------------


def follow(pages):
    """How many pages are followed; an error where they do not come to an end."""
    headway, number = Headway("things"), 0
    for number, ids in enumerate(pages, start=1):
        headway.turn_to({"page": number})
        headway.saw(ids)
    return number


def test_a_listing_may_be_empty_for_long_and_may_show_all_of_it_once_more():
    whole = [[f"{page}-{n}" for n in range(3)] for page in range(5_000)]
    assert follow([*whole, *whole]) == 10_000
    assert follow([*[[]] * 1_000, ["a"], *[[]] * 1_000]) == 2_001


@pytest.mark.parametrize(
    "pages",
    [
        [["a", "b"]],
        [[]],
        [["a"], ["b"], []],
        [list(order) for order in itertools.permutations("abcdefg")],
        [list(few) for few in itertools.combinations("abcdefghijklmnop", 5)],
    ],
    ids=["the first page", "empty pages", "a circle", "the same rows in another order", "in other company"],
)
def test_a_listing_that_shows_nothing_new_for_ever_is_an_error(pages):
    with pytest.raises(BadPayload, match="showed nothing new"):
        follow(itertools.islice(itertools.cycle(pages), 5_000))


def test_a_page_that_shows_one_row_more_is_headway():
    assert follow([["first", n] for n in range(3_000)]) == 3_000


def test_a_cursor_comes_once_and_is_short():
    headway = Headway("things")
    headway.turn_to(None)
    headway.turn_to({"after": 1})
    for cursor in ({"after": 1}, {"after": "x" * 70_000}):
        with pytest.raises(BadPayload, match="too long, or twice"):
            headway.turn_to(cursor)
