"""SAML assertions: what is said in them, that they are signed, and whose clock they are made by."""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from attrs import evolve
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from lxml import etree
from wirekit import ENDPOINT, TOKEN_URL, token

from atsbridge.errors import ConfigurationError, Unauthorized
from atsbridge.simulators.interface import SimRequest, SimResponse
from atsbridge.simulators.successfactors.oauth import key_pair
from atsbridge.testing.account import Account
from atsbridge.wire.effects import Purpose
from atsbridge.wire.saml import GRANT, SamlBearer, sign
from atsbridge.wire.secrets import Secret

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
DS = "{http://www.w3.org/2000/09/xmldsig#}"


def scheme(**changes: Any) -> SamlBearer:
    parts: dict[str, Any] = {
        "token_endpoint": ENDPOINT, "url": TOKEN_URL, "client_id": "key1", "private_key": key_pair()[0],
        "issuer": "key1", "subject": "sfapi_user", "audience": "www.example.com", "recipient": TOKEN_URL,
        "attributes": (("api_key", "key1"),), "again": (("new_token", "true"),),
        "extra": (("company_id", "acme"),), **changes,
    }  # fmt: skip
    return SamlBearer(**parts)


def assertion(made: SamlBearer, now: datetime = NOW) -> Any:
    form = dict(made.token_request_at(None, now).body)
    return etree.fromstring(b64decode(form["assertion"]))


def test_the_form_of_a_token_request() -> None:
    asked = scheme().token_request_at(None, NOW)
    assert (asked.method, asked.url, asked.purpose, asked.signature) == ("POST", TOKEN_URL, Purpose.TOKEN, ())
    form = dict(asked.body)
    assert (form["client_id"], form["grant_type"], form["company_id"]) == ("key1", GRANT, "acme")
    assert "new_token" not in form and "client_secret" not in form
    assert dict(scheme().token_request_at(token(), NOW).body)["new_token"] == "true"


def test_what_an_assertion_says() -> None:
    root = assertion(scheme())
    assert [child.tag.rpartition("}")[2] for child in root] == [
        "Issuer", "Signature", "Subject", "Conditions", "AuthnStatement", "AttributeStatement",
    ]  # fmt: skip
    assert (root.get("Version"), root.get("IssueInstant")) == ("2.0", "2026-11-23T10:00:00Z")
    assert root.findtext(f"{SAML}Issuer") == "key1"
    assert root.findtext(f".//{SAML}NameID") == "sfapi_user"
    assert root.findtext(f".//{SAML}Audience") == "www.example.com"
    confirmed = next(root.iter(f"{SAML}SubjectConfirmationData"))
    assert dict(confirmed.attrib) == {"NotOnOrAfter": "2026-11-23T10:10:00Z", "Recipient": TOKEN_URL}
    conditions = next(root.iter(f"{SAML}Conditions"))
    assert conditions.get("NotBefore") == "2026-11-23T09:50:00Z"
    assert conditions.get("NotOnOrAfter") == "2026-11-23T10:10:00Z"
    attribute = next(root.iter(f"{SAML}Attribute"))
    assert (attribute.get("Name"), attribute.findtext(f"{SAML}AttributeValue")) == ("api_key", "key1")
    assert root.get("ID") != assertion(scheme(), NOW + timedelta(microseconds=1)).get("ID")


def test_it_is_signed_over_the_whole() -> None:
    root = assertion(scheme())
    signature = root.find(f"{DS}Signature")
    reference = next(signature.iter(f"{DS}Reference"))
    assert reference.get("URI") == f"#{root.get('ID')}"
    methods = {e.get("Algorithm") for e in signature.iter() if e.get("Algorithm")}
    assert methods == {
        "http://www.w3.org/2001/10/xml-exc-c14n#",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "http://www.w3.org/2001/04/xmlenc#sha256",
        "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
    }


def test_values_are_escaped_and_never_become_markup() -> None:
    root = assertion(scheme(subject='<a/>"&', attributes=(("x", "</b>"),)))
    assert root.findtext(f".//{SAML}NameID") == '<a/>"&'
    assert root.findtext(f".//{SAML}AttributeValue") == "</b>"


def _elliptic() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.mark.parametrize("key", ["", "hush-hush", key_pair()[1], key_pair()[0][:200], _elliptic()])
def test_a_key_that_is_none_is_said_without_it(key: str) -> None:
    with pytest.raises(ConfigurationError, match="not an RSA key in PEM form") as seen:
        _ = scheme(private_key=key).token_request_at(None, NOW)
    told = f"{seen.value!r} {seen.value.advice}"
    assert not key or key not in told
    assert "hush" not in told


def test_a_key_may_be_one_line() -> None:
    pem = key_pair()[0]
    bare = "".join(pem.split("-----")[2].split())
    wanted = scheme(private_key=pem).token_request_at(None, NOW)
    for text in (bare, pem.replace("\n", "\\n"), f"\n{pem}\n\n"):
        assert scheme(private_key=text).token_request_at(None, NOW) == wanted


def test_neither_key_nor_issuer_nor_user_shows() -> None:
    attributes = (("api_key", "hush3"),)
    shown = repr(scheme(issuer="hush1", client_id="hush2", subject="hush4", attributes=attributes))
    assert "hush" not in shown and "PRIVATE" not in shown


def test_the_time_is_not_left_out() -> None:
    with pytest.raises(ConfigurationError, match="tells the time"):
        _ = scheme().token_request(None)


def test_what_is_signed_twice_in_a_second_is_the_same() -> None:
    first, second = (scheme().token_request_at(None, NOW).body for _ in range(2))
    assert first == second


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "signxml.signer", None)
    with pytest.raises(ConfigurationError, match="signxml is not installed") as seen:
        _ = sign(b"<a/>", id="a", private_key=Secret("x"))
    assert "atsbridge[saml]" in seen.value.advice


# -- whose clock --


@pytest.mark.parametrize("ahead", [-86_400.0, -3600.0, 3600.0, 86_400.0])
def test_an_assertion_is_made_by_the_vendors_clock_where_ours_is_wrong(ahead: float) -> None:
    account = Account.open("successfactors", applications=5)
    account.time.wall_ahead = ahead
    _ = account.bridge.pull()
    assert account.differences() == {}
    tokens = [status for request, status in account.driver.requests if request.target == "/oauth/token"]
    assert tokens[:2] == [401, 200]


def test_a_refusal_that_is_not_about_time_is_not_asked_again() -> None:
    account = Account.open("successfactors", applications=5)
    account.simulator.tokens.public_key = key_pair(1)[1]  # type: ignore[attr-defined]
    account = account.restarted()
    with pytest.raises(Unauthorized):
        _ = account.bridge.pull()
    asked = [r for r, _ in account.driver.requests if r.target == "/oauth/token"]
    assert len(asked) == 1


def test_a_vendor_whose_clock_jumps_is_asked_once_more_and_no_oftener() -> None:
    account = Account.open("successfactors", applications=5).restarted()
    hours = 0

    def jumping(request: SimRequest, respond: Any, _purpose: Purpose) -> SimResponse:
        nonlocal hours
        answer: SimResponse = respond(request)
        if request.target != "/oauth/token":
            return answer
        hours += 5
        date = format_datetime(account.time.wall() + timedelta(hours=hours), usegmt=True)
        return evolve(answer, status=401, headers=(("Content-Type", "application/json"), ("Date", date)))

    account.driver.meddle = jumping
    with pytest.raises(Unauthorized):
        _ = account.bridge.pull()
    assert hours == 10


@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT"])
def test_a_clock_that_is_years_off_is_not_believed(date: str) -> None:
    account = Account.open("successfactors", applications=5).restarted()

    def dated(request: SimRequest, respond: Any, _purpose: Purpose) -> SimResponse:
        answer: SimResponse = respond(request)
        headers = tuple((name, date if name.lower() == "date" else value) for name, value in answer.headers)
        return evolve(answer, headers=headers)

    account.driver.meddle = dated
    _ = account.bridge.pull()
    account.driver.meddle = None
    account.time.sleep(86_400)  # the token has run out: another is asked for, by our own clock
    _ = account.bridge.pull()
    tokens = [status for request, status in account.driver.requests if request.target == "/oauth/token"]
    assert set(tokens) == {200}
