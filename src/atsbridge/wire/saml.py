"""SAML 2.0 bearer assertions (RFC 7522): a token for what a private key has signed.

The assertion is built from values and signed by signxml (extra ``saml``).
"""

from __future__ import annotations

import hashlib
import logging
from base64 import b64encode
from contextvars import ContextVar
from datetime import datetime, timedelta
from textwrap import wrap

from attrs import field, frozen

from ..errors import ConfigurationError
from .auth import OAuthTokens, Token
from .effects import Request
from .secrets import Secret, secret
from .xml import Element, document

GRANT = "urn:ietf:params:oauth:grant-type:saml2-bearer"
_SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
_BY_PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"  # noqa: S105 - a name
_SKEW = timedelta(minutes=10)


_signing: ContextVar[bool] = ContextVar("atsbridge_signing", default=False)


def _no_record(_record: logging.LogRecord) -> bool:
    """signxml's debug log shows all that is signed; it says nothing of our assertions."""
    return not _signing.get()


logging.getLogger("signxml.processor").addFilter(_no_record)


@frozen(kw_only=True)
class SamlBearer(OAuthTokens):
    """OAuth 2.0 with an assertion that this side makes and signs.

    Args:
        private_key: PEM, or its base64 in one line.
        issuer, subject, audience, recipient: as the assertion has them; the issuer may be a key.
        attributes: names and values of its attribute statement.
        again: form keys that ask for another token than the one given before.
    """

    client_secret: Secret = field(converter=secret, default=Secret(""))
    private_key: Secret = field(converter=secret)
    issuer: Secret = field(converter=secret)
    subject: str = field(repr=False)
    audience: str
    recipient: str
    attributes: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    again: tuple[tuple[str, str], ...] = ()
    tells_time: bool = True

    def token_request(self, previous: Token | None) -> Request:
        raise ConfigurationError("an assertion tells the time; it is asked for with token_request_at")

    def token_request_at(self, previous: Token | None, now: datetime) -> Request:
        form = (
            ("client_id", self.client_id.reveal()),
            ("grant_type", GRANT),
            ("assertion", b64encode(self._signed(now)).decode("ascii")),
            *(self.again if previous is not None else ()),
        )
        return self._asked((*form, *self.extra))

    def _signed(self, now: datetime) -> bytes:
        own = f"{self.issuer.reveal()} {self.subject} {now.isoformat()}"
        id = "_" + hashlib.sha256(own.encode()).hexdigest()[:32]
        return sign(document(self._assertion(id, now)), id=id, private_key=self.private_key)

    def _assertion(self, id: str, now: datetime) -> Element:
        begin, end = _text(now - _SKEW), _text(now + _SKEW)
        confirmed = _element(
            "SubjectConfirmationData", attributes=(("NotOnOrAfter", end), ("Recipient", self.recipient))
        )
        subject = _element(
            "Subject",
            _element("NameID", text=self.subject, attributes=(("Format", _UNSPECIFIED),)),
            _element("SubjectConfirmation", confirmed, attributes=(("Method", _BEARER),)),
        )
        restriction = _element("AudienceRestriction", _element("Audience", text=self.audience))
        conditions = _element(
            "Conditions", restriction, attributes=(("NotBefore", begin), ("NotOnOrAfter", end))
        )
        context = _element("AuthnContext", _element("AuthnContextClassRef", text=_BY_PASSWORD))
        told = (("AuthnInstant", _text(now)), ("SessionIndex", id))
        attributes = [
            _element("Attribute", _element("AttributeValue", text=value), attributes=(("Name", name),))
            for name, value in self.attributes
        ]
        return _element(
            "Assertion",
            _element("Issuer", text=self.issuer.reveal()),
            # Where signxml puts the signature: the schema wants it after the issuer.
            Element(_SIGNATURE, attributes=(("Id", "placeholder"),)),
            subject,
            conditions,
            _element("AuthnStatement", context, attributes=told),
            _element("AttributeStatement", *attributes),
            attributes=(("ID", id), ("Version", "2.0"), ("IssueInstant", _text(now))),
        )


def _element(
    name: str, *children: Element, text: str | None = None, attributes: tuple[tuple[str, str], ...] = ()
) -> Element:
    return Element(f"{{{_SAML}}}{name}", children, text=text, attributes=attributes)


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _pem(text: str) -> str:
    """A key in PEM, also where it came as one line: with its line ends written out, or as base64 alone."""
    text = text.replace("\\n", "\n").strip()
    if "-----BEGIN" in text:
        return text
    lines = "\n".join(wrap("".join(text.split()), 64))
    return f"-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n"


def sign(content: bytes, *, id: str, private_key: Secret) -> bytes:
    """A document with an enveloped signature: RSA-SHA256, exclusive canonicalisation.

    Args:
        content: our own document, with a placeholder where the signature goes.
        id: of the element that is signed, the root.

    Raises:
        ConfigurationError: signxml is not installed, or the key is no RSA key in PEM.
    """
    try:
        from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]
        from signxml.algorithms import CanonicalizationMethod
        from signxml.signer import XMLSigner
    except ImportError:
        raise ConfigurationError(
            "this ATS wants a signed SAML assertion, and the package signxml is not installed",
            advice="pip install 'atsbridge[saml]'",
        ) from None
    signer = XMLSigner(
        signature_algorithm="rsa-sha256",
        digest_algorithm="sha256",
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    root, key = etree.fromstring(content), _pem(private_key.reveal()).encode()
    quiet = _signing.set(True)
    try:
        signed = signer.sign(root, key=key, reference_uri=id)
    except (ValueError, TypeError, AttributeError):
        signed = None
    finally:
        _signing.reset(quiet)
    if signed is None:
        raise ConfigurationError(
            "the private key is not an RSA key in PEM form",
            advice="give the key whose certificate was registered, unencrypted: from -----BEGIN to -----END,"
            " or the base64 between",
        )
    told: bytes = etree.tostring(signed, encoding="utf-8", xml_declaration=True)
    return told
