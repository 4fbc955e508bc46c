"""The token endpoint: a SAML 2.0 assertion, signed with the client's key, for a token of a day.

Signatures are checked here with lxml and cryptography themselves, not with the library that
the adapter signs with.
"""

from __future__ import annotations

import base64
import binascii
import copy
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from attrs import define, field, frozen

from .answers import TokenRefusal

LIFE_SECONDS = 86_399
GRANT = "urn:ietf:params:oauth:grant-type:saml2-bearer"
_SAML, _DS = "{urn:oasis:names:tc:SAML:2.0:assertion}", "{http://www.w3.org/2000/09/xmldsig#}"
_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
_SIGNATURE = (
    "Unable to verify the signature of the SAML assertion. Please ensure that the assertion has a signature"
    " and the key pairs match the client ID"
)
_LOGIN = "Unable to authenticate the client (Login failed - invalid user)"


@cache
def key_pair(number: int = 0) -> tuple[str, str]:
    """A private key and its public half, as PEM texts; made once a process, for it takes a while.

    Args:
        number: another number gives another pair.
    """
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa
    except ImportError:
        raise ImportError("this simulator needs the extra `saml`: pip install 'atsbridge[saml]'") from None
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


@frozen
class Granted:
    """One access token that was given out."""

    text: str
    until: float


@define(kw_only=True)
class Tokens:
    """What the endpoint knows: its clients, its users, and the tokens it has given.

    Args:
        users: the userIds that may log in; a login name or an e-mail needs an attribute of its own.
    """

    clock: Callable[[], float]
    host: str
    company: str
    api_key: str
    public_key: str
    users: dict[str, str]
    mark: str = ""
    granted: list[Granted] = field(factory=list)
    expired: set[str] = field(factory=set)
    count: int = 0

    def answer(self, body: bytes) -> dict[str, Any]:
        """The token answer to a form.

        Raises:
            TokenRefusal: in the endpoint's own words.
        """
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        if form.get("grant_type") != GRANT:
            raise TokenRefusal("Unsupported grant type", status=400)
        if form.get("company_id") != self.company:
            raise TokenRefusal("Unable to authenticate the client (Invalid company id)")
        if form.get("client_id") != self.api_key:
            raise TokenRefusal("Unable to authenticate the client (Invalid client id)")
        self._check(form.get("assertion", ""))
        token = self._current() if form.get("new_token") != "true" else None
        if token is None:
            self.count += 1
            text = base64.b64encode(f"tokenContent=u:{self.count}{self.mark}".encode()).decode()
            token = Granted(text, self.clock() + LIFE_SECONDS)
            self.granted.append(token)
        left = int(token.until - self.clock())
        return {"access_token": token.text, "token_type": "Bearer", "expires_in": left}

    def _current(self) -> Granted | None:
        """The token that still runs: who asks again gets it again, dead at the gate or not."""
        last = self.granted[-1] if self.granted else None
        return last if last is not None and last.until > self.clock() else None

    def state_of(self, text: str) -> str:
        """``good``, ``expired`` or ``unknown``."""
        found = next((token for token in self.granted if token.text == text), None)
        if found is None:
            return "unknown"
        return "expired" if text in self.expired or found.until <= self.clock() else "good"

    def expire_all(self) -> None:
        self.expired |= {token.text for token in self.granted}

    # -- the assertion --

    def _check(self, text: str) -> None:
        from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

        try:
            content = base64.b64decode(text, validate=True)
            safe = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
            root = etree.fromstring(content, safe)
        except (binascii.Error, ValueError, etree.XMLSyntaxError):
            raise TokenRefusal("The SAML assertion cannot be read", status=400) from None
        if root.tag != f"{_SAML}Assertion":
            raise TokenRefusal("The SAML assertion cannot be read", status=400)
        try:
            self._check_signature(root)
            self._check_subject(root)
            self._check_times(root)
        except (AttributeError, StopIteration, ValueError, TypeError):
            # A part is not there, or is not what it should be.
            raise TokenRefusal("The SAML assertion cannot be read", status=400) from None

    def _check_subject(self, root: Any) -> None:
        attributes = {
            a.get("Name"): (a.findtext(f"{_SAML}AttributeValue") or "")
            for a in root.iter(f"{_SAML}Attribute")
        }
        issuer = (root.findtext(f"{_SAML}Issuer") or "").strip()
        if issuer not in (self.api_key, "www.successfactors.com") or (
            attributes.get("api_key", issuer) != self.api_key
        ):
            raise TokenRefusal("Unable to authenticate the client (Invalid issuer)")
        audience = root.findtext(f".//{_SAML}Audience")
        recipient = next(root.iter(f"{_SAML}SubjectConfirmationData")).get("Recipient")
        ours = (f"https://{self.host}/oauth/token", f"https://{self.host}/odata/v2")
        if audience != "www.successfactors.com" or recipient not in ours:
            raise TokenRefusal("The SAML assertion is not meant for this server")
        name = (root.findtext(f".//{_SAML}NameID") or "").strip()
        if attributes.get("use_username") == "true" or attributes.get("use_email") == "true":
            known = name in self.users.values()
        else:
            known = name in self.users
        if not known:
            raise TokenRefusal(_LOGIN)

    def _check_times(self, root: Any) -> None:
        now = self.clock()
        conditions = next(root.iter(f"{_SAML}Conditions"))
        confirmed = next(root.iter(f"{_SAML}SubjectConfirmationData"))
        begin = conditions.get("NotBefore")
        if begin and now < _seconds(begin):
            raise TokenRefusal("The SAML assertion is not valid yet")
        for element in (conditions, confirmed):
            end = element.get("NotOnOrAfter")
            if end is None or now >= _seconds(end):
                raise TokenRefusal("The SAML assertion has expired")

    def _check_signature(self, root: Any) -> None:
        signature: Any = root.find(f"{_DS}Signature")
        info: Any = signature.find(f"{_DS}SignedInfo") if signature is not None else None
        if signature is None or info is None:
            raise TokenRefusal(_SIGNATURE)
        references = info.findall(f"{_DS}Reference")
        if len(references) != 1 or references[0].get("URI") not in ("", f"#{root.get('ID')}"):
            raise TokenRefusal(_SIGNATURE)
        transforms = [t.get("Algorithm") for t in references[0].iter(f"{_DS}Transform")]
        method = info.find(f"{_DS}SignatureMethod").get("Algorithm")
        signed = _canonical(info, info.find(f"{_DS}CanonicalizationMethod").get("Algorithm"))
        value = base64.b64decode("".join((signature.findtext(f"{_DS}SignatureValue") or "").split()))
        digest = base64.b64decode("".join((references[0].findtext(f"{_DS}DigestValue") or "").split()))
        by = references[0].find(f"{_DS}DigestMethod").get("Algorithm")
        whole = _canonical(_without(root, signature), transforms[-1] if len(transforms) > 1 else "")
        made = hashlib.new("sha1" if by.endswith("sha1") else "sha256", whole).digest()
        if _ENVELOPED not in transforms or made != digest or not self._verifies(value, signed, method):
            raise TokenRefusal(_SIGNATURE)

    def _verifies(self, value: bytes, signed: bytes, method: str) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import padding

        key: Any = serialization.load_pem_public_key(self.public_key.encode())
        algorithm = hashes.SHA1() if method.endswith("rsa-sha1") else hashes.SHA256()  # noqa: S303
        try:
            key.verify(value, signed, padding.PKCS1v15(), algorithm)
        except InvalidSignature:
            return False
        return True


def _canonical(element: Any, algorithm: str) -> bytes:
    from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

    exclusive = algorithm.startswith(_EXCLUSIVE)
    content: bytes = etree.tostring(element, method="c14n", exclusive=exclusive, with_comments=False)
    return content


def _without(root: Any, signature: Any) -> Any:
    """The assertion without its signature, and the text after it left where it was."""
    whole = copy.deepcopy(root)
    inner = whole.find(signature.tag)
    before = inner.getprevious()
    if inner.tail and before is not None:
        before.tail = (before.tail or "") + inner.tail
    whole.remove(inner)
    return whole


def _seconds(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
