"""The forms that some vendors need: SOAP, composite ids, media types, constant headers, hosts with slots.

Like `test_guard`, these functions take no fixtures, and are run against every mutant of the guard.
"""

from __future__ import annotations

from datetime import date

import pytest
from attrs import evolve

from atsbridge.errors import GuardError
from atsbridge.model import Action, ApplicationStatus, Intent, Kind, Ref, State
from atsbridge.wire.auth import KeyHeader, RefreshToken, Scheme, TokenEndpoint
from atsbridge.wire.effects import Purpose, Request
from atsbridge.wire.guard import Guard, Permits, authorise, digest, full_url, match_host, match_write
from atsbridge.wire.vendor import Read, Slot, SlotName, StatusWrite, Vendor
from atsbridge.wire.xml import Element

NS = "{urn:toy}"
BASE = "https://north.toy.example/v1"
WORD = r"[a-z0-9]{1,20}"

PERSON = Slot(SlotName.APPLICATION, WORD, part=0)
JOB = Slot(SlotName.APPLICATION, WORD, part=1)
WHOLE = Slot(SlotName.APPLICATION, r"[a-z0-9:]{1,40}")
PHASE = Slot(SlotName.TARGET_STAGE, r"[0-9]{1,18}", int, part=0)
STATE = Slot(SlotName.TARGET_STAGE, r".{1,40}", part=1)
STAGE = Slot(SlotName.TARGET_STAGE, WORD)
REASON = Slot(SlotName.REASON, r"[0-9]{1,9}", int)

PAIRED = StatusWrite(
    name="paired",
    method="POST",
    path="/people/{application.0}/jobs/{application.1}/move",
    slots=(PERSON, JOB, PHASE, STATE),
    body={"phase": PHASE, "state": STATE},
    media="application/vnd.toy.action+json",
)
HALF = StatusWrite(
    name="half", method="POST", path="/people/{application.0}/move", slots=(PERSON, STAGE), body={"to": STAGE}
)
HALF_A_STAGE = StatusWrite(
    name="half_a_stage", method="POST", path="/all/{application}", slots=(WHOLE, PHASE), body={"to": PHASE}
)
SOAP_MOVE = StatusWrite(
    name="soap_move",
    method="POST",
    path="/soap",
    slots=(WHOLE, STAGE, REASON),
    body=Element(
        f"{NS}Move",
        (
            Element(f"{NS}Who", text=WHOLE, attributes=((f"{NS}type", "id"),)),
            Element(f"{NS}To", (Element(f"{NS}Id", text=STAGE),), attributes=((f"{NS}why", REASON),)),
        ),
        attributes=((f"{NS}version", "1"),),
    ),
)
ENDPOINT = TokenEndpoint(
    name="token",
    urls=("https://{sub}.toy.example/token", "https://{domain}.id.example/token"),
    form=frozenset({"grant_type", "refresh_token"}),
)
VENDOR = Vendor(
    name="toy",
    title="Toy",
    api_version="1",
    docs="https://toy.example",
    docs_read=date(2026, 1, 1),
    hosts={"main": "https://{sub}.toy.example/v1"},
    host_slots={"sub": r"[a-z]{1,9}", "domain": r"idcs-[a-z]{1,9}"},
    headers=(("X-Version", "4"),),
    reads=(
        Read(name="ask", method="POST", path="/soap", root=f"{NS}Get"),
        Read(name="list", path="/people"),
        Read(name="search", method="POST", path="/search", body=frozenset({"q"})),
    ),
    writes=(PAIRED, HALF, HALF_A_STAGE, SOAP_MOVE),
    tokens=(ENDPOINT,),
)


class Signs(Scheme):
    """Puts one element into the SOAP header."""

    block = f"{NS}Security"


BLOCK = Element(f"{NS}Security", (Element(f"{NS}User", text="u"),))
ASK = Request(operation="ask", method="POST", url="/soap", body=Element(f"{NS}Get", (Element(f"{NS}Page"),)))
VALUES = {SlotName.APPLICATION: "p1:j1", SlotName.TARGET_STAGE: "7:to be seen", SlotName.REASON: "3"}
SOAP_VALUES = {**VALUES, SlotName.TARGET_STAGE: "offer"}


def guard(**changes):
    return Guard(**{"vendor": VENDOR, "base": BASE, "scheme": Signs(), "permits": Permits(), **changes})


def refuses(why, request, *, by=None):
    with pytest.raises(GuardError, match=why):
        (by or guard()).admit(request, None)


def intent(**changes):
    state = State("1:new", ApplicationStatus.ACTIVE)
    own = {
        "intent_id": "i",
        "application": Ref("c", Kind.APPLICATION, "p1:j1"),
        "action": Action.MOVE,
        "expected": state,
        "target": evolve(state, stage="7:to be seen"),
    }
    return Intent(**{**own, **changes})


# -- SOAP --


def test_a_soap_read_has_its_declared_root():
    assert guard().admit(ASK, None) == f"{BASE}/soap"
    refuses("declare this body", evolve(ASK, body=Element(f"{NS}Put")))
    refuses("declare this body", evolve(ASK, body=Element("{urn:other}Get")))
    refuses("declare this body", evolve(ASK, body={"Get": 1}))
    refuses("declare this body", evolve(ASK, body=None))
    refuses("declare this body", Request(operation="list", method="GET", url="/people", body=ASK.body))
    refuses("declare this body", Request(operation="search", method="POST", url="/search", body=ASK.body))


def test_a_soap_body_is_plain_all_the_way_down():
    refuses("of plain values", evolve(ASK, body=Element(f"{NS}Get", (Element(f"{NS}a", text=1),))))
    refuses("of plain values", evolve(ASK, body=Element(f"{NS}Get", [Element(f"{NS}a")])))


class Turning(tuple):
    """Attributes that are others whenever they are looked at."""


HIDING = {
    "a tag": Element("a/></n:Get><n:Move>x</n:Move><n:Get><b"),
    "a namespace": Element('{x" y="1}a'),
    "a half namespace": Element("{x a"),
    "no name": Element(""),
    "an attribute": Element("a", attributes=(('q="1"/><Move z', "1"),)),
    "attributes of a kind of their own": Element("a", attributes=Turning((("q", "1"),))),
    "attributes in a list": Element("a", attributes=[("q", "1")]),
    "an attribute in a list": Element("a", attributes=(["q", "1"],)),
    "an attribute without a value": Element("a", attributes=(("q", None),)),
    "an attribute twice": Element("a", attributes=(("q", "1"), ("q", "2"))),
}


@pytest.mark.parametrize("child", HIDING.values(), ids=HIDING)
def test_no_name_hides_another_element(child):
    """Names are written as they are: one with markup in it would be an operation that nobody declared."""
    refuses("of plain values", evolve(ASK, body=Element(f"{NS}Get", (child,))))
    refuses("of plain values", evolve(ASK, blocks=(Element(f"{NS}Security", (child,)),)))


def test_a_scheme_adds_its_own_block_and_no_other():
    assert guard().admit(evolve(ASK, blocks=(BLOCK,)), None)
    refuses("adds an element", evolve(ASK, blocks=(Element(f"{NS}Other"),)))
    refuses("of plain values", evolve(ASK, blocks=(Element(f"{NS}Security", text=1),)))
    refuses("adds an element", evolve(ASK, blocks=(BLOCK,)), by=guard(scheme=Scheme()))
    refuses("adds an element", evolve(ASK, blocks=(BLOCK, BLOCK)))
    refuses("plain Request", evolve(ASK, blocks=[BLOCK]))
    refuses(
        "only a SOAP message",
        Request(operation="search", method="POST", url="/search", body={}, blocks=(BLOCK,)),
    )


def test_a_vendor_has_one_constant_block_beside_the_schemes():
    constant = Element(f"{NS}Common", (Element(f"{NS}Names", text="1"),))
    by = guard(vendor=evolve(VENDOR, block=constant))
    for blocks in ((), (constant,), (BLOCK,), (constant, BLOCK)):
        assert by.admit(evolve(ASK, blocks=blocks), None)
    refuses("adds an element", evolve(ASK, blocks=(evolve(constant, children=()),)), by=by)
    refuses("adds an element", evolve(ASK, blocks=(constant,)))
    unsigned = guard(vendor=evolve(VENDOR, block=constant), scheme=Scheme())
    assert unsigned.admit(evolve(ASK, blocks=(constant,)), None)
    refuses("adds an element", evolve(ASK, blocks=(constant, BLOCK)), by=unsigned)
    refuses(
        "only a SOAP message",
        Request(operation="search", method="POST", url="/search", body={}, blocks=(constant,)),
        by=by,
    )


REPORTS = "https://{sub}.toy.example/reports"
REPORT = Read(name="report", path="/all/{id}", segments={"id": WORD}, query=frozenset({"of"}), below=REPORTS)


def test_a_read_can_be_below_another_address_with_the_same_slots():
    by = guard(vendor=evolve(VENDOR, reads=(*VENDOR.reads, REPORT)))
    there = "https://north.toy.example/reports/all/one"
    ask = Request(operation="report", method="GET", url=there, query=(("of", "1"),))
    assert by.admit(ask, None) == f"{there}?of=1"
    for url in (
        "https://south.toy.example/reports/all/one",
        "https://north.toy.example/v1/all/one",
        "https://north.toy.example/reportsall/one",
        "/all/one",
    ):
        refuses("not below", evolve(ask, url=url), by=by)
    refuses("no read", evolve(ask, url="https://north.toy.example/reports/other/one"), by=by)
    refuses("query keys", evolve(ask, query=(("by", "1"),)), by=by)
    refuses("not below", evolve(ask, operation="list"), by=by)
    # Reads below the data address stay where they are.
    assert by.admit(Request(operation="list", method="GET", url="/people"), None) == f"{BASE}/people"


def test_where_credentials_go_and_what_every_message_carries_is_part_of_the_surface():
    more = evolve(VENDOR, reads=(*VENDOR.reads, REPORT)), evolve(VENDOR, block=BLOCK)
    assert len({vendor.surface_digest for vendor in (VENDOR, *more)}) == 3
    reading, saying = (vendor.surface() for vendor in more)
    assert reading["below"] == [REPORTS] and saying["block"]["element"] == BLOCK.tag
    assert {"below", "block"}.isdisjoint(VENDOR.surface())


def test_a_permit_is_for_the_body_before_auth():
    request = SOAP_MOVE.render(SOAP_VALUES)
    url = full_url(BASE, request)
    assert digest(url, request) == digest(url, evolve(request, blocks=(BLOCK,)))
    assert request.content()[0] != evolve(request, blocks=(BLOCK,)).content()[0]
    assert request.content() == (request.unsigned_content(), "text/xml; charset=utf-8")
    permits = Permits()
    permit = permits.mint("i", write="soap_move", digest=digest(url, request), send_by=9e9)
    assert guard(permits=permits).admit(evolve(request, blocks=(BLOCK,)), permit) == url


def test_a_rendered_soap_write_is_exactly_this():
    request = SOAP_MOVE.render(SOAP_VALUES)
    assert request.body == Element(
        f"{NS}Move",
        (
            Element(f"{NS}Who", text="p1:j1", attributes=((f"{NS}type", "id"),)),
            Element(f"{NS}To", (Element(f"{NS}Id", text="offer"),), attributes=((f"{NS}why", "3"),)),
        ),
        attributes=((f"{NS}version", "1"),),
    )
    assert match_write(SOAP_MOVE, request) == {
        "application": "p1:j1",
        "target_stage": "offer",
        "reason": "3",
    }


def _changed(change):
    body = SOAP_MOVE.render(SOAP_VALUES).body
    who, to = body.children
    return {
        "another tag": evolve(body, tag=f"{NS}Delete"),
        "a child more": evolve(body, children=(*body.children, Element(f"{NS}Note", text="x"))),
        "a child less": evolve(body, children=(who,)),
        "the other order": evolve(body, children=(to, who)),
        "an attribute more": evolve(body, attributes=(*body.attributes, ("a", "b"))),
        "an attribute less": evolve(body, attributes=()),
        "another constant": evolve(body, attributes=((f"{NS}version", "2"),)),
        "a text where none is": evolve(body, text="x"),
        "another form": evolve(body, children=(evolve(who, text="p1/../j1"), to)),
        "a number": evolve(body, children=(evolve(who, text=1), to)),
        "no element": {"Move": "x"},
        "nothing": None,
    }[change]


SOAP_CHANGES = [
    "another tag", "a child more", "a child less", "the other order", "an attribute more",
    "an attribute less", "another constant", "a text where none is", "another form", "a number",
    "no element", "nothing",
]  # fmt: skip


@pytest.mark.parametrize("change", SOAP_CHANGES)
def test_a_changed_soap_write_is_none(change):
    assert match_write(SOAP_MOVE, evolve(SOAP_MOVE.render(SOAP_VALUES), body=_changed(change))) is None


def test_a_soap_read_cannot_carry_a_write():
    refuses("declare this body", evolve(ASK, body=SOAP_MOVE.render(SOAP_VALUES).body))


# -- composite ids --


def test_a_composite_id_goes_where_its_parts_belong():
    request = PAIRED.render(VALUES)
    assert (request.url, request.body) == ("/people/p1/jobs/j1/move", {"phase": 7, "state": "to be seen"})
    assert authorise(VENDOR, intent(), token=None, request=request) is PAIRED


def test_what_has_no_source_has_no_part():
    assert [slot.take(None) for slot in (PERSON, JOB, WHOLE)] == [None, None, None]
    assert [slot.take("p1") for slot in (PERSON, JOB, WHOLE)] == ["p1", None, "p1"]


def test_a_slot_that_is_declared_and_not_carried_names_nothing():
    """Of both parts the path has one: the other is the engine's to know, and not the vendor's."""
    lame = evolve(HALF, slots=(PERSON, JOB, STAGE))
    vendor = evolve(VENDOR, writes=(lame,))
    values = {**VALUES, SlotName.TARGET_STAGE: "offer"}
    with pytest.raises(GuardError, match="declares no write of the form"):
        authorise(vendor, intent(), token=None, request=lame.render(values))


@pytest.mark.parametrize("slot", [WHOLE, evolve(PERSON, alone=True)])
def test_a_whole_id_or_a_part_that_names_the_record_alone_is_enough(slot):
    lame = evolve(HALF, path=f"/people/{{{slot.key}}}/move", slots=(slot, STAGE))
    one = intent(
        application=Ref("c", Kind.APPLICATION, "p1" if slot is WHOLE else "p1:j1"),
        target=State("offer", ApplicationStatus.ACTIVE),
    )
    values = {SlotName.APPLICATION: one.application.id, SlotName.TARGET_STAGE: "offer"}
    found = authorise(evolve(VENDOR, writes=(lame,)), one, token=None, request=lame.render(values))
    assert found is lame


def test_a_host_slot_with_a_group_of_its_own_is_an_error():
    with pytest.raises(ValueError, match="zip"):
        match_host("https://{sub}.toy.example", {"sub": "(a|b)"}, "https://a.toy.example")


def test_the_surface_of_a_soap_write_shows_its_elements():
    assert SOAP_MOVE.surface()["body"] == {
        "element": f"{NS}Move",
        "attributes": {f"{NS}version": {"constant": "1"}},
        "text": {"constant": None},
        "children": [
            {
                "element": f"{NS}Who",
                "attributes": {f"{NS}type": {"constant": "id"}},
                "text": {"slot": "application"},
                "children": [],
            },
            {
                "element": f"{NS}To",
                "attributes": {f"{NS}why": {"slot": "reason"}},
                "text": {"constant": None},
                "children": [
                    {
                        "element": f"{NS}Id",
                        "attributes": {},
                        "text": {"slot": "target_stage"},
                        "children": [],
                    }
                ],
            },
        ],
    }
    assert PAIRED.surface()["media"] == "application/vnd.toy.action+json"


def test_the_surface_names_hosts_slots_and_headers():
    shown = VENDOR.surface()
    assert {name: shown[name] for name in ("vendor", "hosts", "host_slots", "headers")} == {
        "vendor": "toy",
        "hosts": {"main": "https://{sub}.toy.example/v1"},
        "host_slots": {"sub": r"[a-z]{1,9}", "domain": r"idcs-[a-z]{1,9}"},
        "headers": [["X-Version", "4"]],
    }


def test_the_second_part_is_all_after_the_first_separator():
    values = {**VALUES, SlotName.TARGET_STAGE: "7:a:b"}
    assert PAIRED.render(values).body == {"phase": 7, "state": "a:b"}


def test_an_id_without_a_second_part_is_not_rendered():
    for name in (SlotName.APPLICATION, SlotName.TARGET_STAGE):
        with pytest.raises(GuardError, match=f"needs a value for {name}.1"):
            PAIRED.render({**VALUES, name: "7"})


@pytest.mark.parametrize(
    "values",
    [
        {SlotName.APPLICATION: "p2:j1"},
        {SlotName.APPLICATION: "p1:j2"},
        {SlotName.APPLICATION: "j1:p1"},
        {SlotName.TARGET_STAGE: "8:to be seen"},
        {SlotName.TARGET_STAGE: "7:other"},
    ],
)
def test_a_part_of_another_id_is_not_authorised(values):
    with pytest.raises(GuardError, match="not its intent's"):
        authorise(VENDOR, intent(), token=None, request=PAIRED.render({**VALUES, **values}))


def test_a_write_names_both_parts_of_what_it_writes():
    with pytest.raises(GuardError, match="no write of the form"):
        authorise(VENDOR, intent(), token=None, request=HALF.render(SOAP_VALUES))
    with pytest.raises(GuardError, match="moves nothing"):
        authorise(VENDOR, intent(), token=None, request=HALF_A_STAGE.render(VALUES))


def test_a_slot_that_is_not_listed_comes_from_nowhere():
    hidden = evolve(PAIRED, slots=(PERSON, JOB, PHASE), body={**PAIRED.body, "why": REASON})
    request = evolve(PAIRED, slots=(*PAIRED.slots, REASON), body=hidden.body).render(VALUES)
    with pytest.raises(GuardError, match="moves nothing"):
        authorise(evolve(VENDOR, writes=(hidden,)), intent(), token=None, request=request)
    with pytest.raises(GuardError, match=r"not its intent's: \['reason', 'target_stage.1'\]"):
        authorise(evolve(VENDOR, writes=(hidden,)), intent(action=Action.REJECT), token=None, request=request)


# -- media types and constant headers --


def test_a_write_has_its_declared_media_type():
    request = PAIRED.render(VALUES)
    assert request.content()[1] == "application/vnd.toy.action+json"
    assert match_write(PAIRED, request) is not None
    assert match_write(PAIRED, evolve(request, media="")) is None
    assert match_write(HALF, evolve(HALF.render(SOAP_VALUES), media="text/plain")) is None


def test_a_read_has_no_media_type_of_its_own():
    search = Request(operation="search", method="POST", url="/search", body={"q": 1})
    assert guard().admit(search, None)
    refuses("declare this body", evolve(search, media="application/vnd.toy.action+json"))
    refuses("declare this body", Request(operation="list", method="GET", url="/people", media="text/plain"))


def test_the_vendors_constant_headers_and_no_others():
    read = Request(operation="list", method="GET", url="/people", signature=(("X-Version", "4"),))
    assert guard().admit(read, None)
    refuses("neither vendor nor auth scheme", evolve(read, signature=(("X-Version", "5"),)))
    refuses("neither vendor nor auth scheme", evolve(read, signature=(("X-Other", "4"),)))
    refuses("not a plain one", evolve(read, signature=(), headers=(("X-Version", "4"),)))
    keyed = guard(scheme=KeyHeader(name="X-Key", key="hush"))
    both = evolve(read, signature=(*read.signature, *keyed.scheme.headers(None)))
    assert keyed.admit(both, None)


def test_headers_media_types_and_slots_are_part_of_the_surface():
    plain = VENDOR.surface_digest
    assert evolve(VENDOR, headers=()).surface_digest != plain
    assert evolve(VENDOR, host_slots={**VENDOR.host_slots, "sub": ".*"}).surface_digest != plain
    assert evolve(VENDOR, writes=(evolve(PAIRED, media=""), *VENDOR.writes[1:])).surface_digest != plain
    assert '"slot": "application.1"' not in str(PAIRED.surface()["slots"])
    assert set(PAIRED.surface()["slots"]) == {
        "application.0", "application.1", "target_stage.0", "target_stage.1",
    }  # fmt: skip
    shown = SOAP_MOVE.surface()["body"]
    assert shown["children"][0]["text"] == {"slot": "application"}
    assert shown["attributes"] == {f"{NS}version": {"constant": "1"}}


# -- hosts and token endpoints with slots --


def test_a_template_gives_its_slots():
    patterns = {"a": "[a-z]+", "b": "[0-9]+"}
    assert match_host("https://{a}.x/{b}", patterns, "https://q.x/1") == {"a": "q", "b": "1"}
    assert match_host("https://{a}.x/{a}", patterns, "https://q.x/q") == {"a": "q"}
    assert match_host("https://{a}.x/{a}", patterns, "https://q.x/r") is None
    assert match_host("https://{a}.x", patterns, "https://qqx") is None
    assert match_host("https://{c}.x", patterns, "https://q.x") is None
    assert match_host("https://{a}.x", {"a": r"[a-z\n]+"}, "https://q\n.x") is None
    assert match_host("https://fix.x", {}, "https://fix.x") == {}


def token_request(url, **parts):
    scheme = RefreshToken(
        token_endpoint=ENDPOINT, url=url, client_id="i", client_secret="hush", first="first", **parts
    )
    return guard(scheme=scheme), scheme.token_request(None)


def test_a_token_endpoint_is_of_the_same_account():
    for url in ("https://north.toy.example/token", "https://idcs-any.id.example/token"):
        by, wanted = token_request(url)
        assert by.admit(wanted, None) == url
    for url in (
        "https://south.toy.example/token",
        "https://north.toy.example/token/x",
        "https://north.toy.example.evil.example/token",
        "https://any.id.example/token",
        "http://north.toy.example/token",
    ):
        by, wanted = token_request(url)
        refuses("elsewhere than its endpoint", wanted, by=by)


def test_a_token_form_has_the_declared_extra_keys_alone():
    by, wanted = token_request("https://north.toy.example/token", extra=(("audience", "x"),))
    assert wanted.purpose is Purpose.TOKEN
    refuses("does not declare|do not declare|form keys", wanted, by=by)
