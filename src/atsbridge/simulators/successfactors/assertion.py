"""A SAML 2.0 assertion as a client would sign it: an example for who tries the simulator by hand."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any

_DS = "http://www.w3.org/2000/09/xmldsig#"
_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
_SHA = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
_SAML = "urn:oasis:names:tc:SAML:2.0"
_FORMAT = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
# The lines end within tags: between them a blank would be content, and signed.
_ASSERTION = """<saml2:Assertion xmlns:saml2="{saml}:assertion" ID="_first" Version="2.0" IssueInstant="{now}"
><saml2:Issuer>{api_key}</saml2:Issuer><saml2:Subject><saml2:NameID Format="{format}">{user}</saml2:NameID
><saml2:SubjectConfirmation Method="{saml}:cm:bearer"
><saml2:SubjectConfirmationData NotOnOrAfter="{end}" Recipient="https://{host}/oauth/token"
/></saml2:SubjectConfirmation></saml2:Subject><saml2:Conditions NotBefore="{begin}" NotOnOrAfter="{end}"
><saml2:AudienceRestriction><saml2:Audience>www.successfactors.com</saml2:Audience></saml2:AudienceRestriction
></saml2:Conditions><saml2:AttributeStatement><saml2:Attribute Name="api_key"
><saml2:AttributeValue>{api_key}</saml2:AttributeValue></saml2:Attribute></saml2:AttributeStatement
></saml2:Assertion>"""
_SIGNED_INFO = """<ds:SignedInfo xmlns:ds="{ds}"><ds:CanonicalizationMethod Algorithm="{c14n}"
/><ds:SignatureMethod Algorithm="{sha}"/><ds:Reference URI="#_first"><ds:Transforms
><ds:Transform Algorithm="{ds}enveloped-signature"/><ds:Transform Algorithm="{c14n}"/></ds:Transforms
><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>{digest}</ds:DigestValue
></ds:Reference></ds:SignedInfo>"""


def signed_assertion(*, api_key: str, user: str, host: str, private_key: str, now: float) -> str:
    """Base64 of an assertion that holds from ten minutes ago for a day.

    Args:
        private_key: PEM.
        now: unix seconds.
    """
    from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

    text = _ASSERTION.format(
        saml=_SAML, format=_FORMAT, api_key=api_key, user=user, host=host, now=_iso(now),
        begin=_iso(now - 600), end=_iso(now + 86_400),
    )  # fmt: skip
    root = etree.fromstring(text.encode())
    digest = base64.b64encode(hashlib.sha256(_canonical(root)).digest()).decode()
    info = etree.fromstring(_SIGNED_INFO.format(ds=_DS, c14n=_C14N, sha=_SHA, digest=digest).encode())
    signature = etree.Element(f"{{{_DS}}}Signature", nsmap={"ds": _DS})
    signature.append(info)
    value = etree.SubElement(signature, f"{{{_DS}}}SignatureValue")
    value.text = base64.b64encode(_sign(private_key, _canonical(info))).decode()
    root.insert(1, signature)
    return base64.b64encode(etree.tostring(root)).decode()


def _canonical(element: Any) -> bytes:
    from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

    content: bytes = etree.tostring(element, method="c14n", exclusive=True, with_comments=False)
    return content


def _sign(private_key: str, content: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding

    key: Any = serialization.load_pem_private_key(private_key.encode(), None)
    signed: bytes = key.sign(content, padding.PKCS1v15(), hashes.SHA256())
    return signed


def _iso(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
