"""Auth schemes are pure values: what they sign with, what they ask for, what they read."""

from __future__ import annotations

import json
from base64 import b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wirekit import ENDPOINT, NOW, TOKEN_URL, answer, rotating, token

from atsbridge.errors import BadPayload, ConfigurationError, Unauthorized
from atsbridge.testing.canaries import our_frames, shown
from atsbridge.wire import auth
from atsbridge.wire.auth import Basic, ClientCredentials, KeyHeader, MemoryTokens, UsernameToken
from atsbridge.wire.effects import Purpose, Request
from atsbridge.wire.xml import Element, local, read_xml


@pytest.mark.parametrize("key", ["", "a\nX-Other: b", " a", "a ", "schlüssel", "a\x7f"])
def test_a_key_that_no_header_can_carry_is_said_without_it(key: str) -> None:
    scheme = KeyHeader(name="X-Key", key=key)
    with pytest.raises(ConfigurationError, match="X-Key holds what no header can carry") as caught:
        scheme.headers(None)
    assert not key or repr(key)[1:-1] not in repr(caught.value)


def test_an_access_token_that_no_header_can_carry_is_no_token() -> None:
    with pytest.raises(BadPayload, match="no header"):
        client().read_token(answer(body={"access_token": "a\r\nX: y"}), None)


def client(**settings: object) -> ClientCredentials:
    parts = {
        "token_endpoint": ENDPOINT,
        "url": TOKEN_URL,
        "client_id": "id",
        "client_secret": "hush",
        **settings,
    }
    return ClientCredentials(**parts)  # type: ignore[arg-type]


def form(request: Request) -> dict[str, list[str]]:
    content, kind = request.content()
    assert kind == "application/x-www-form-urlencoded"
    return parse_qs(content.decode(), strict_parsing=True)


def test_basic_signs_with_the_credential() -> None:
    ((name, value),) = Basic(user="kéy", password="p:w").headers(None)
    assert name == "Authorization"
    assert b64decode(value.removeprefix("Basic ")).decode() == "kéy:p:w"
    assert Basic(user="key").endpoint is None


def test_a_bearer_needs_a_token() -> None:
    assert client().headers(token("abc")) == (("Authorization", "Bearer abc"),)
    with pytest.raises(Unauthorized):
        client().headers(None)


def test_the_client_goes_in_a_header_or_in_the_form() -> None:
    request = client().token_request(None)
    assert (request.purpose, request.method, request.url) == (Purpose.TOKEN, "POST", TOKEN_URL)
    assert form(request) == {"grant_type": ["client_credentials"]}
    assert b64decode(request.signature[0][1].removeprefix("Basic ")) == b"id:hush"
    request = client(basic=False, extra=(("sub", "42"),)).token_request(None)
    assert form(request) == {
        "grant_type": ["client_credentials"],
        "sub": ["42"],
        "client_id": ["id"],
        "client_secret": ["hush"],
    }
    assert request.signature == ()


def test_the_newest_refresh_token_is_used() -> None:
    assert form(rotating().token_request(None))["refresh_token"] == ["first"]
    assert form(rotating().token_request(token(refresh="second")))["refresh_token"] == ["second"]
    assert form(rotating().token_request(token()))["refresh_token"] == ["first"]


def test_a_token_answer_is_read() -> None:
    body = {"access_token": "a", "refresh_token": "r", "expires_in": 60, "scope": "jobs:read apps:read"}
    read = client().read_token(answer(200, body), None)
    assert read.access.reveal() == "a"
    assert read.refresh is not None and read.refresh.reveal() == "r"
    assert read.expires_at == NOW + timedelta(seconds=60)
    assert read.scopes == {"jobs:read", "apps:read"}


def test_a_refresh_token_that_is_not_given_again_is_kept() -> None:
    read = rotating().read_token(answer(200, {"access_token": "a"}), token(refresh="kept"))
    assert read.refresh is not None and read.refresh.reveal() == "kept"


@pytest.mark.parametrize(
    "at, moment",
    [
        ("2026-01-02T03:04:05Z", NOW),
        ("2026-01-02T03:04:05", NOW),
        ("2026-01-02T04:04:05+01:00", NOW),
        (int(NOW.timestamp()), NOW),
        (None, None),
        (True, None),
    ],
)
def test_the_expiry_in_its_many_forms(at: object, moment: datetime | None) -> None:
    read = client().read_token(answer(200, {"access_token": "a", "expires_at": at}), None)
    assert read.expires_at == moment


def test_scopes_and_subject_of_a_jwt() -> None:
    def part(data: object) -> str:
        return urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")

    jwt = f"{part({'alg': 'none'})}.{part({'sub': 7, 'scopes': ['a', 'b']})}.x"
    read = client().read_token(answer(200, {"access_token": jwt}), None)
    assert (read.subject, read.scopes) == ("7", frozenset("ab"))


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"null",
        b"{}",
        b'{"access_token": 5}',
        b'{"access_token": null}',
        b'{"access_token": "a", "expires_at": "soon"}',
    ],
)
def test_an_answer_without_a_token_is_no_token(body: bytes) -> None:
    with pytest.raises(BadPayload):
        client().read_token(answer(200, body), None)


values = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)


@given(expires_in=values, expires_at=values, scope=values, refresh=values, access=st.text())
def test_nothing_but_our_own_error_comes_out(expires_in, expires_at, scope, refresh, access) -> None:
    body = {"access_token": access, "expires_in": expires_in, "expires_at": expires_at}
    body |= {"scope": scope, "refresh_token": refresh}
    text = json.dumps(body)
    try:
        read = client().read_token(answer(200, text.encode()), None)
    except BadPayload as error:
        assert access not in str(error) or len(access) < 4
        return
    assert read.access.reveal() == access
    assert repr(read).count("<hidden>") >= 1


def test_a_token_is_renewed_before_it_expires() -> None:
    assert token(seconds=61).valid(NOW)
    assert not token(seconds=60).valid(NOW)
    assert auth.Token(access=auth.Secret("a")).valid(datetime.max.replace(tzinfo=UTC) - timedelta(days=1))


def test_tokens_of_connections_are_kept_apart() -> None:
    tokens = MemoryTokens()
    tokens.save("a", token("one"))
    assert tokens.load("b") is None
    assert tokens.load("a") == token("one")


def test_no_scheme_or_token_shows_itself() -> None:
    words = ["hush", "kept", "abc", "jane"]
    for value in (
        auth.Token(access=auth.Secret("abc"), subject="jane.doe@example.com"),
        UsernameToken(user="jane.doe@acme", password="hush"),
        client(),
        rotating(),
        Basic(user="hush"),
        token("abc", refresh="kept"),
        client().token_request(None),
    ):
        assert not [word for word in words if word in repr(value)]


def test_an_answer_that_cannot_be_read_leaves_no_token_in_the_message() -> None:
    with pytest.raises(BadPayload) as caught:
        client().read_token(answer(200, b'{"access_token": "abc", "expires_at": "abc"}'), None)
    assert "abc" not in shown(caught.value) + str(caught.value)
    assert caught.value.__cause__ is None
    assert list(our_frames(caught.value))


def test_a_user_name_token_is_one_block_of_a_soap_header_and_basic_for_all_else() -> None:
    scheme = UsernameToken(user="isu@acme", password="open sesame")
    ask = Request(operation="ask", method="POST", url="/soap", body=Element("{urn:a}Get"))
    signed = scheme.sign(ask, token=None, url="", now=NOW)
    assert signed.signature == () and [block.tag for block in signed.blocks] == [scheme.block]
    root = read_xml(signed.content()[0])
    texts = {local(node.tag): node.text for node in root.iter()}
    assert (texts["Username"], texts["Password"]) == ("isu@acme", "open sesame")
    (kind,) = {value for node in root.iter() for name, value in node.attrib.items() if name == "Type"}
    assert kind.endswith("#PasswordText")
    assert signed.unsigned_content() == ask.content()[0]
    assert "sesame" not in repr(signed) + repr(scheme)
    plain = scheme.sign(Request(operation="get", method="GET", url="/report"), token=None, url="", now=NOW)
    assert plain.blocks == () and plain.signature[0][1].startswith("Basic ")
