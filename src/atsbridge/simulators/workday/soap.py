"""SOAP as Workday speaks it: envelopes, references, and faults, which all come with HTTP 500."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
BSVC = "urn:com.workday/bsvc"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
PASSWORD_TEXT = (
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText"  # noqa: S105
)
BAD_LOGIN = "Client.authenticationError"
PACIFIC = timezone(timedelta(hours=-7))

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML 1.0 document can carry (https://www.w3.org/TR/xml/#charsets), whoever typed it."""

Node = ElementTree.Element
Ids = tuple[tuple[str, str], ...]
"""What a reference holds: the type of each id, and the id; the WID first."""


class Fault(Exception):
    """Workday says no."""

    def __init__(self, code: str, text: str, detail: tuple[str, str] | None = None) -> None:
        super().__init__(text)
        self.code, self.text, self.detail = code, text, detail


def validation(message: str, xpath: str = "") -> Fault:
    return Fault("Client.validationError", f"Validation error occurred. {message}", (message, xpath))


def processing(message: str) -> Fault:
    return Fault("Server.processingError", f"Processing error occurred. {message}", (message, ""))


def not_authorised() -> Fault:
    return processing("The task submitted is not authorized.")


def bad_login() -> Fault:
    return Fault(BAD_LOGIN, "invalid username or password")


def invalid_id(kind: str, value: str) -> Fault:
    return validation(f"Invalid ID value.  '{value}' is not a valid ID value for type = '{kind}'")


# -- building --


def tag(name: str) -> str:
    return f"{{{BSVC}}}{name}"


def el(name: str, *children: Node | None, text: object = None, **attributes: str) -> Node:
    """An element in Workday's namespace, as its attributes are; None among the children is left out."""
    node = Node(tag(name), {tag(key): _NOT_IN_XML.sub("", value) for key, value in attributes.items()})
    node.text = None if text is None else _NOT_IN_XML.sub("", str(text))
    node.extend([child for child in children if child is not None])
    return node


def leaf(name: str, value: object) -> Node | None:
    """An element with text; none for no value. Booleans are 0 and 1."""
    if value is None:
        return None
    return el(name, text=int(value) if isinstance(value, bool) else value)


def reference(name: str, ids: Ids | None, descriptor: str | None) -> Node | None:
    """A reference; with its display name where that was asked for."""
    if ids is None:
        return None
    shown = {} if descriptor is None else {"Descriptor": descriptor}
    return el(name, *(el("ID", text=value, type=kind) for kind, value in ids), **shown)


def envelope(content: Node) -> bytes:
    root = Node(f"{{{ENVELOPE}}}Envelope")
    body = ElementTree.SubElement(root, f"{{{ENVELOPE}}}Body")
    body.append(content)
    whole: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return _with_prefixes(whole)


def _with_prefixes(text: bytes) -> bytes:
    """Under Workday's own prefixes: the text of ``faultcode`` names one of them."""
    for found, uri, prefix in (
        (b"ns0", ENVELOPE.encode(), b"SOAP-ENV"),
        (b"ns1", BSVC.encode(), b"wd"),
    ):
        text = text.replace(b'xmlns:%s="%s"' % (found, uri), b'xmlns:%s="%s"' % (prefix, uri))
        for before in (b"<%s:", b"</%s:"):
            text = text.replace(before % found, before % prefix)
        for name in (b"type", b"Descriptor", b"version", b"Skip_Non_Existing_Instances", b"Add_Only"):
            text = text.replace(b' %s:%s="' % (found, name), b' %s:%s="' % (prefix, name))
    return text


def fault_envelope(fault: Fault) -> bytes:
    node = Node(f"{{{ENVELOPE}}}Fault")
    ElementTree.SubElement(node, "faultcode").text = f"SOAP-ENV:{fault.code}"
    ElementTree.SubElement(node, "faultstring").text = fault.text
    if fault.detail is not None:
        message, xpath = fault.detail
        detail = ElementTree.SubElement(node, "detail")
        if fault.code.startswith("Server"):
            detail.append(el("Processing_Fault", el("Detail_Message", text=message)))
        else:
            error = (leaf("Message", message), leaf("Detail_Message", message), leaf("Xpath", xpath))
            detail.append(el("Validation_Fault", el("Validation_Error", *error)))
    return envelope(node)


# -- reading --


def parse(content: bytes) -> tuple[Node | None, Node]:
    """The SOAP header, if any, and the one element of the body."""
    try:
        root = fromstring(content, forbid_dtd=True)
    except (DefusedXmlException, ElementTree.ParseError, ValueError):
        raise validation("The request is not well-formed XML") from None
    body = root.find(f"{{{ENVELOPE}}}Body")
    if root.tag != f"{{{ENVELOPE}}}Envelope" or body is None or len(body) != 1:
        raise validation("The request is not a SOAP message with one element in its body")
    return root.find(f"{{{ENVELOPE}}}Header"), body[0]


def local(node: Node) -> str:
    if not str(node.tag).startswith(f"{{{BSVC}}}"):
        raise validation(f"Element '{str(node.tag).rpartition('}')[2]}' is not of the namespace {BSVC}")
    return str(node.tag).rpartition("}")[2]


def child(node: Node | None, name: str) -> Node | None:
    return None if node is None else node.find(tag(name))


def every(node: Node | None, name: str) -> list[Node]:
    return [] if node is None else node.findall(tag(name))


def text_of(node: Node | None, name: str) -> str | None:
    found = child(node, name)
    return None if found is None else (found.text or "").strip()


def flag(node: Node | None, name: str, *, default: bool = False) -> bool:
    text = text_of(node, name)
    return default if text is None else text in ("1", "true")


def ids_of(node: Node) -> Iterator[tuple[str, str]]:
    """The type and value of every id of a reference."""
    for one in every(node, "ID"):
        yield one.get(tag("type"), ""), (one.text or "").strip()


def only_one(node: Node, *names: str) -> Node:
    """The child of a choice of exactly one, which may be followed by others.

    Raises:
        Fault: none of them is there, or more than one.
    """
    found = [one for name in names for one in every(node, name)]
    if len(found) != 1:
        raise validation(f"{local(node)} is a choice of exactly one", f"/ns0:{local(node)}[1]")
    return found[0]


def in_order(node: Node | None, *names: str) -> None:
    """Children are a sequence: those and no others, in this order."""
    if node is None:
        return
    place = 0
    for one in node:
        name = local(one)
        if name not in names:
            raise validation(f"Element '{name}' is not expected", f"/ns0:{local(node)}[1]/ns0:{name}[1]")
        if names.index(name) < place:
            raise validation(f"Element '{name}' is not expected here", f"/ns0:{local(node)}[1]")
        place = names.index(name)


# -- times --


def when(seconds: float) -> str:
    """A dateTime as Workday writes it: milliseconds and the Pacific offset."""
    moment = datetime.fromtimestamp(int(seconds * 1000) / 1000, PACIFIC)
    return moment.isoformat(timespec="milliseconds")


def day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, PACIFIC).date().isoformat()


def moment_of(text: str | None, name: str) -> float | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise validation(f"'{text}' is not a valid dateTime value for {name}") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def date_of(text: str | None, name: str) -> str | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        raise validation(f"'{text}' is not a valid date value for {name}") from None


def joined(names: Iterable[str]) -> str:
    return " ".join(names)
