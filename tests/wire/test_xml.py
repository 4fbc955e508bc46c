"""XML: what is built from values, what is taken from strangers, and what is refused."""

from __future__ import annotations

import contextlib
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atsbridge.errors import BadPayload, GuardError
from atsbridge.wire.xml import (
    SOAP,
    Element,
    as_data,
    document,
    envelope,
    every,
    first,
    is_plain,
    read_xml,
    soap_body,
    text_of,
)

NS = "urn:example"
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r", exclude_categories=["Cc", "Cs", "Cn"]))


def el(name: str, *children: Element, **more: object) -> Element:
    return Element(f"{{{NS}}}{name}", children, **more)  # type: ignore[arg-type]


@given(TEXTS, TEXTS)
def test_what_is_written_is_read_back(text: str, value: str) -> None:
    root = read_xml(document(el("a", el("b", text=text, attributes=(("k", value),)))))
    assert (root[0].text or "", root[0].get("k")) == (text, value)


def test_a_value_cannot_break_out_of_its_element() -> None:
    sent = document(el("a", text="</a><b>&c;]]>"))
    assert read_xml(sent).text == "</a><b>&c;]]>"
    assert b"<b>" not in sent


@pytest.mark.parametrize("text", ["\x00", "a\x08", "\ud800", "\ufffe"])
def test_what_xml_cannot_carry_is_refused(text: str) -> None:
    with pytest.raises(GuardError):
        document(el("a", text=text))
    with pytest.raises(GuardError):
        document(el("a", attributes=(("k", text),)))


def test_an_envelope_has_one_body_and_at_most_one_header_block() -> None:
    root = read_xml(envelope(el("ask"), el("who")))
    assert [child.tag for child in root] == [f"{{{SOAP}}}Header", f"{{{SOAP}}}Body"]
    assert soap_body(envelope(el("ask"))).tag == f"{{{NS}}}ask"
    assert b"Header" not in envelope(el("ask"))


BOMB = b"""<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>"""
HOSTILE = {
    "entities": BOMB,
    "external": b"""<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>""",
    "dtd": b"""<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd"><a/>""",
    "utf-16": BOMB.decode().encode("utf-16"),
    "deep": b"<a>" * 300 + b"</a>" * 300,
    "large": b"<a>" + b"<b/>" * 500_000 + b"</a>",
    "half": b"<a><b></a>",
    "twice": b"<a/><a/>",
    "nothing": b"",
    "html": b"<!doctype html><html><body>maintenance<br></body></html>",
    "odd encoding": b"<?xml version='1.0' encoding='utf-99'?><a/>",
    "not utf-8": b"<a>\xff</a>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents_are_bad_payloads(name: str) -> None:
    with pytest.raises(BadPayload) as seen:
        read_xml(HOSTILE[name])
    assert "passwd" not in str(seen.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(BadPayload):
        read_xml(content)


@pytest.mark.parametrize(
    "content",
    [
        document(el("a")),
        document(Element(f"{{{SOAP}}}Envelope")),
        document(Element(f"{{{SOAP}}}Envelope", (Element(f"{{{SOAP}}}Body", (el("a"), el("b"))),))),
    ],
)
def test_what_is_no_soap_message_is_a_bad_payload(content: bytes) -> None:
    with pytest.raises(BadPayload):
        soap_body(content)


def test_data_is_by_local_names_whatever_the_prefix() -> None:
    one = ElementTree.fromstring(
        f'<x:a xmlns:x="{NS}"><x:b x:k="1">t</x:b><x:b/><x:c><x:d>u</x:d></x:c></x:a>'
    )
    other = ElementTree.fromstring(f'<a xmlns="{NS}" xmlns:y="{NS}"><b y:k="1">t</b><b/><c><d>u</d></c></a>')
    assert as_data(one) == as_data(other) == {"b": [{"@k": "1", "#": "t"}, ""], "c": [{"d": ["u"]}]}


def test_paths_through_data() -> None:
    data = {"b": [{"@k": "1", "#": "t"}, "u", ""], "c": [{"d": ["v"]}, {"d": ["w"]}]}
    assert [text_of(b) for b in every(data, "b")] == ["t", "u", None]
    assert list(every(data, "c", "d")) == ["v", "w"]
    assert (first(data, "c", "d"), first(data, "nope", "d"), text_of(data, "b")) == ("v", None, "t")
    assert text_of(data, "b", "@k") == "1"
    assert text_of("plain") == "plain" and list(every("plain", "x")) == []


class Sly(str):
    """A text that is none."""


@pytest.mark.parametrize(
    "value",
    [
        "text",
        Element("a", text=Sly("t")),
        Element("a", [Element("b")]),  # type: ignore[arg-type]
        Element("a", (Element("b", attributes=(("k", 1),)),)),
        Element(Sly("a")),
    ],
)
def test_only_plain_elements_are_plain(value: object) -> None:
    assert not is_plain(value)
    assert is_plain(Element("a", (Element("b", text="t", attributes=(("k", "v"),)),)))


def test_a_repr_shows_no_text() -> None:
    assert "hush" not in repr(Element("a", (Element("b", text="hush", attributes=(("k", "hush"),)),)))
