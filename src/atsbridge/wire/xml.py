"""XML for vendors that speak it: elements as values, a SOAP envelope around one, and a hardened reader.

Names are written as `xml.etree` writes them: ``{namespace}name``. What is sent is
built from values and serialised by the standard library; what is received is
parsed without DTD, entities or network (extra ``xml``), and becomes plain data
that readers look into with `first` and `every`.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import field, frozen

from ..errors import BadPayload, ConfigurationError, GuardError

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"

_DEPTH = 200
_ELEMENTS = 500_000
# As much of https://www.w3.org/TR/xml-names/#NT-QName as any request needs, with its namespace.
_NAME = re.compile(r"(?:\{[^{}<>&\"'\s]+\})?[A-Za-z_][A-Za-z0-9_.-]*")
# https://www.w3.org/TR/xml/#charsets: what no XML document can hold, escaped or not.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@frozen
class Element:
    """One element of a request. In the shape of a `StatusWrite`, texts and values may be slots.

    Args:
        tag: ``{namespace}name``.
        children: elements, in order. text: what an element without children holds.
        attributes: names and values, in order.
    """

    tag: str
    children: tuple[Element, ...] = ()
    text: Any = field(default=None, kw_only=True, repr=False)
    attributes: tuple[tuple[str, Any], ...] = field(default=(), kw_only=True, repr=False)

    @property
    def parts(self) -> tuple[Any, ...]:
        """The text and the attributes' values: where a slot may stand."""
        return (self.text, *(value for _, value in self.attributes))


def is_plain(value: object) -> bool:
    """Whether this is an `Element` of plain text all the way down, and nothing that only looks like one.

    Names are looked at too: the serialiser writes them as they are, and one with markup in it would be
    elements, or another message, that nobody has seen.
    """
    return (
        type(value) is Element
        and _is_name(value.tag)
        and (value.text is None or type(value.text) is str)
        and type(value.attributes) is tuple
        and all(type(pair) is tuple and list(map(type, pair)) == [str, str] for pair in value.attributes)
        and all(_is_name(name) for name, _ in value.attributes)
        and len(dict(value.attributes)) == len(value.attributes)
        and type(value.children) is tuple
        and all(is_plain(child) for child in value.children)
    )


def _is_name(value: object) -> bool:
    return type(value) is str and _NAME.fullmatch(value) is not None


def envelope(body: Element, *blocks: Element) -> bytes:
    """A SOAP 1.1 message.

    Args:
        body: the one element of its body. blocks: those of its header, if any.

    Raises:
        GuardError: an element holds what XML cannot carry.
    """
    head = (Element(f"{{{SOAP}}}Header", blocks),) if blocks else ()
    whole = Element(f"{{{SOAP}}}Envelope", (*head, Element(f"{{{SOAP}}}Body", (body,))))
    return document(whole)


def document(root: Element) -> bytes:
    """The bytes of a document with this root."""
    content: bytes = ElementTree.tostring(_tree(root), encoding="utf-8", xml_declaration=True)
    return content


def _tree(element: Element) -> ElementTree.Element:
    made = ElementTree.Element(element.tag, dict(element.attributes))
    for text in element.parts:
        if text is not None and _NOT_XML.search(text):
            raise GuardError("a value holds characters that XML cannot carry")
    made.text = element.text
    made.extend([_tree(child) for child in element.children])
    return made


def read_xml(content: bytes) -> ElementTree.Element:
    """The root of a document that somebody else wrote.

    Raises:
        BadPayload: it is no well-formed XML, nests too deep, has more than 500,000 elements, or brings
            a DTD or entities.
    """
    try:
        from defusedxml.common import DefusedXmlException
        from defusedxml.ElementTree import DefusedXMLParser
    except ImportError:
        raise ConfigurationError(
            "this ATS answers in XML, and the package defusedxml is not installed",
            advice="pip install 'atsbridge[xml]'",
        ) from None
    parser = DefusedXMLParser(target=_Builder(), forbid_dtd=True)
    try:
        parser.feed(content)
        root: ElementTree.Element = parser.close()
        return root
    except DefusedXmlException:
        wrong = "the body brings a DTD or entities of its own"
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        wrong = f"the body is not well-formed XML ({type(error).__name__})"
    raise BadPayload(wrong)


class _Builder(ElementTree.TreeBuilder):
    """Builds the tree, and stops where it is deeper or larger than that of any answer."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = self._elements = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> ElementTree.Element:
        self._depth += 1
        self._elements += 1
        if self._depth > _DEPTH or self._elements > _ELEMENTS:
            raise ValueError("too deep or too large")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> ElementTree.Element:
        self._depth -= 1
        return super().end(tag)


def soap_body(content: bytes) -> ElementTree.Element:
    """The one element in the body of a SOAP message; a fault is one too.

    Raises:
        BadPayload: it is no SOAP message.
    """
    root = read_xml(content)
    body = root.find(f"{{{SOAP}}}Body")
    if root.tag != f"{{{SOAP}}}Envelope" or body is None or len(body) != 1:
        raise BadPayload("the body is not a SOAP message with one element in it")
    return body[0]


def as_data(element: ElementTree.Element) -> Any:
    """An element as plain data, by local names, whatever prefixes its sender likes.

    An element with nothing but text is that text. Any other is a mapping: each
    child's name to the list of those children, each attribute's to its value
    under ``@name``, and text beside attributes under ``#``.
    """
    if not len(element) and not element.attrib:
        return element.text or ""
    data: dict[str, Any] = {f"@{local(name)}": value for name, value in element.attrib.items()}
    for child in element:
        data.setdefault(local(child.tag), []).append(as_data(child))
    if not len(element) and element.text:
        data["#"] = element.text
    return data


def local(name: str) -> str:
    """A name without its namespace."""
    return name.rpartition("}")[2]


def every(data: Any, *path: str) -> Iterator[Any]:
    """All values at a path of names through what `as_data` made."""
    if not path:
        yield data
        return
    found = data.get(path[0]) if isinstance(data, Mapping) else None
    for value in found if isinstance(found, list) else () if found is None else (found,):
        yield from every(value, *path[1:])


def first(data: Any, *path: str) -> Any:
    """The first value at a path; None where there is none."""
    return next(every(data, *path), None)


def text_of(data: Any, *path: str) -> str | None:
    """The first text at a path; None where there is none or it is empty."""
    found = first(data, *path)
    if isinstance(found, Mapping):
        found = found.get("#")
    return found if isinstance(found, str) and found else None
