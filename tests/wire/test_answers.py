"""What HTTP answers mean, and how an overlay changes it."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from wirekit import NOW, READ, answer

from atsbridge.errors import (
    BadPayload,
    CursorLost,
    Doubtful,
    Forbidden,
    NotFound,
    Refused,
    StateChanged,
    Throttled,
    Unauthorized,
    Unavailable,
    VendorError,
)
from atsbridge.wire.answers import (
    AnswerRule,
    Complaint,
    Complaints,
    judge,
    retry_after_seconds,
    safe_time,
    vendor_time,
)
from atsbridge.wire.effects import Purpose, Request, Response

WRITE = evolve(READ, purpose=Purpose.WRITE)
MEANINGS = {
    301: Unavailable,
    307: Unavailable,
    400: Refused,
    401: Unauthorized,
    403: Forbidden,
    404: BadPayload,
    408: Unavailable,
    409: Refused,
    410: BadPayload,
    422: Refused,
    425: Unavailable,
    429: Throttled,
    500: Unavailable,
    599: Unavailable,
}


@pytest.mark.parametrize("status, meaning", MEANINGS.items())
def test_every_answer_has_its_meaning(status: int, meaning: type[VendorError]) -> None:
    with pytest.raises(VendorError) as caught:
        judge(READ, answer(status, x_request_id="r-1"), vendor="example")
    error = caught.value
    assert type(error) is meaning
    assert (error.vendor, error.operation, error.status, error.request_id) == (
        "example",
        "list_things",
        status,
        "r-1",
    )


@pytest.mark.parametrize(
    ("headers", "id"),
    [
        ({"x_request_id": "r", "x_acme_request_id": "a"}, "r"),
        ({"x_acme_request_id": "a"}, "a"),
        ({"x_request_id": "", "x_acme_request_id": "a"}, "a"),
        ({"request_ids": "a"}, ""),
        ({}, ""),
    ],
)
def test_a_request_has_its_id_under_the_usual_header_or_the_vendors_own(
    headers: dict[str, str], id: str
) -> None:
    assert answer(500, **headers).request_id == id


@given(st.integers(100, 599))
def test_nothing_but_2xx_is_a_success(status: int) -> None:
    try:
        judge(READ, answer(status, []), vendor="example")
    except VendorError:
        assert not 200 <= status < 300
    else:
        assert 200 <= status < 300


@pytest.mark.parametrize("kind", ["application/json", "application/vnd.api+json; charset=utf-8", "TEXT/XML"])
def test_data_is_data(kind: str) -> None:
    judge(READ, answer(200, [], content_type=kind), vendor="example")


@pytest.mark.parametrize("kind", ["text/html", "text/plain", "", "application/jsonp", "image/png"])
def test_what_is_no_data_is_refused_with_200(kind: str) -> None:
    with pytest.raises(BadPayload):
        judge(READ, answer(200, b"<html>", content_type=kind), vendor="example")


def test_an_empty_body_needs_no_type() -> None:
    judge(READ, answer(204, b"", content_type=""), vendor="example")


def test_an_overlay_is_looked_at_first_and_in_order() -> None:
    rules = (
        AnswerRule(meaning=CursorLost, status=400, operations=frozenset({"list_things"})),
        AnswerRule(meaning=StateChanged, status=409),
        AnswerRule(meaning=Forbidden, when=lambda _request, response: b"denied" in response.body),
        AnswerRule(meaning=Refused, status=200, message="a failure in disguise"),
    )
    for response, meaning in (
        (answer(400, []), CursorLost),
        (answer(409, []), StateChanged),
        (answer(200, {"error": "denied"}), Forbidden),
        (answer(200, {}), Refused),
        (answer(422, {}), Refused),
    ):
        with pytest.raises(VendorError) as caught:
            judge(READ, response, vendor="example", rules=rules)
        assert type(caught.value) is meaning
    elsewhere = AnswerRule(meaning=CursorLost, status=400, operations=frozenset({"other"}))
    with pytest.raises(Refused):
        judge(READ, answer(400, []), vendor="example", rules=(elsewhere,))


def complaints(**parts: Any) -> Complaints:
    def read(_asked: Request, response: Response) -> Complaint | None:
        data = json.loads(response.body)
        return Complaint(data["code"], data.get("words", "")) if "code" in data else None

    return Complaints(read=read, **parts)


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize("purpose", Purpose)
def test_that_a_record_is_not_there_is_the_vendors_own_word_alone(status: int, purpose: Purpose) -> None:
    asked = evolve(READ, purpose=purpose)
    with pytest.raises(NotFound):
        judge(asked, answer(status, {"code": "gone"}), vendor="example", complaints=complaints())
    for other in (answer(status, {}), answer(status, [])):
        with pytest.raises(VendorError) as caught:
            judge(asked, other, vendor="example", complaints=complaints())
        # A write is read back: that one was not done is for the read to say.
        assert type(caught.value) is (NotFound if purpose is Purpose.WRITE else BadPayload)


def test_the_vendors_words_are_the_message() -> None:
    with pytest.raises(Refused, match="stage is closed"):
        judge(READ, answer(422, {"code": "x", "words": "stage is closed"}), vendor="example",
              complaints=complaints())  # fmt: skip


def test_a_success_that_complains_is_an_error() -> None:
    known = complaints(meanings={"gone": NotFound}, otherwise=Refused)
    with pytest.raises(NotFound) as seen:
        judge(READ, answer(200, {"code": "gone"}), vendor="example", complaints=known)
    assert seen.value.status == 200
    with pytest.raises(Refused):
        judge(READ, answer(200, {"code": "new"}), vendor="example", complaints=known)
    judge(READ, answer(200, {}), vendor="example", complaints=known)


def test_a_complaint_that_means_nothing_leaves_it_to_the_status() -> None:
    judge(READ, answer(200, {"code": "x"}), vendor="example", complaints=complaints())
    with pytest.raises(Forbidden):
        judge(READ, answer(403, {"code": "x"}), vendor="example", complaints=complaints())


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503, 599])
def test_no_body_makes_a_definite_no_of_what_the_status_leaves_open(status: int) -> None:
    """A gateway may wrap, cache or make up a body while the write is still on its way."""
    said = complaints(meanings={"gone": NotFound}, otherwise=Refused)
    for code in ("gone", "new"):
        with pytest.raises(VendorError) as caught:
            judge(WRITE, answer(status, {"code": code}), vendor="example", complaints=said)
        assert type(caught.value) is MEANINGS.get(status, Unavailable)


def test_a_vendor_may_say_that_its_bodies_decide_under_a_status() -> None:
    said = complaints(meanings={"gone": NotFound}, decides=frozenset({500}))
    with pytest.raises(NotFound):
        judge(WRITE, answer(500, {"code": "gone"}), vendor="example", complaints=said)
    with pytest.raises(Unavailable):
        judge(WRITE, answer(503, {"code": "gone"}), vendor="example", complaints=said)


@pytest.mark.parametrize(
    "asked, status, meaning",
    [("write", 200, Doubtful), ("write", 299, Doubtful), ("write", 400, Refused), ("read", 200, Refused)],
)
def test_a_success_that_refuses_a_write_by_an_unknown_code_is_doubtful(
    asked: str, status: int, meaning: type[VendorError]
) -> None:
    said = complaints(meanings={"gone": NotFound}, otherwise=Refused)
    request = WRITE if asked == "write" else READ
    with pytest.raises(VendorError) as caught:
        judge(request, answer(status, {"code": "new"}), vendor="example", complaints=said)
    assert type(caught.value) is meaning
    with pytest.raises(NotFound):
        judge(request, answer(status, {"code": "gone"}), vendor="example", complaints=said)


def test_a_rule_comes_before_a_complaint() -> None:
    rule = AnswerRule(meaning=CursorLost, status=400)
    with pytest.raises(CursorLost):
        judge(READ, answer(400, {"code": "x"}), vendor="example", rules=(rule,),
              complaints=complaints(otherwise=Refused))  # fmt: skip


def test_a_complaint_shows_its_code_and_the_words_of_the_trade() -> None:
    said = complaints(terms=frozenset({"frobnicated"}))
    told = said.told(Complaint("bad_stage", "Marta Reis (ines@example.com) cannot be frobnicated."))
    assert told == "bad_stage: … cannot be frobnicated"
    assert said.told(Complaint("Marta", "Reis")) == ""
    assert complaints(meanings={"gone": NotFound}).told(Complaint("gone")) == "gone"


def test_without_words_a_body_never_shows() -> None:
    with pytest.raises(Refused) as caught:
        judge(READ, answer(422, {"message": "Ada Lovelace is no candidate"}), vendor="example")
    assert "Ada" not in str(caught.value) + repr(caught.value)


@pytest.mark.parametrize(
    "headers, seconds",
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "Fri, 02 Jan 2026 03:04:35 GMT"}, 30.0),
        ({"retry_after": "Fri, 02 Jan 2026 03:04:35 GMT", "date": "Fri, 02 Jan 2026 03:04:15 GMT"}, 20.0),
        ({"retry_after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "-5"}, None),
        ({"retry_after": "1e9"}, None),
        ({"retry_after": "99999999999"}, 86_400.0),  # no vendor's limit lasts longer than a day
        ({"retry_after": "9" * 400}, 86_400.0),
        ({"retry_after": "Fri, 31 Dec 9999 23:59:59 GMT"}, 86_400.0),
        ({"x_ratelimit_reset": str(int(NOW.timestamp()) + 12)}, 12.0),
        ({"x_ratelimit_reset": "12"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_seconds(answer(429, **headers)) == seconds
    with pytest.raises(Throttled) as caught:
        judge(READ, answer(429, **headers), vendor="example")
    assert caught.value.retry_after_seconds == seconds


@given(st.text(max_size=40))
def test_headers_of_any_kind_do_no_harm(text: str) -> None:
    response = answer(429, retry_after=text, x_ratelimit_reset=text, date=text)
    wait = retry_after_seconds(response)
    assert wait is None or wait >= 0
    with suppress(BadPayload):
        assert vendor_time(response).tzinfo is not None


def test_a_watermark_is_made_of_the_clock_that_is_behind() -> None:
    for ahead in (-3600, 0, 3600):
        told = answer(200, date=format_datetime(NOW + timedelta(seconds=ahead), usegmt=True))
        assert safe_time(told) == min(vendor_time(told), told.sent_at)
    assert safe_time(told) == told.sent_at < vendor_time(told)


def test_the_vendors_clock_is_the_date_header() -> None:
    assert vendor_time(answer(200, date="Fri, 02 Jan 2026 04:00:00 GMT")).hour == 4


@pytest.mark.parametrize("headers", [{}, {"date": ""}, {"date": "yesterday"}])
def test_without_the_vendors_clock_there_is_no_time(headers: dict[str, str]) -> None:
    """Our own may be ahead of it, and a watermark made of it would skip what changed in between."""
    with pytest.raises(BadPayload, match="no Date header") as caught:
        vendor_time(answer(200, **headers))
    assert "proxy" in caught.value.advice
