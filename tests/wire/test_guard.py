"""What the guard lets through, and everything beside it that it must not.

`tests/mutation/mutants.py` runs these functions against every mutant of
the guard: they take no fixtures, and every name of the code under test is
looked up when the module is executed.
"""

from __future__ import annotations

import hashlib
import math
from datetime import date
from decimal import Decimal

import pytest
from attrs import evolve, frozen

from atsbridge.errors import GuardError
from atsbridge.model import Action, ApplicationStatus, Intent, Kind, Ref, State
from atsbridge.wire.auth import Basic, ClientCredentials, TokenEndpoint
from atsbridge.wire.effects import Permit, Purpose, Request
from atsbridge.wire.guard import Guard, Permits, authorise, digest, full_url, match_path, match_write
from atsbridge.wire.vendor import Read, Resend, Slot, SlotName, StatusWrite, Vendor
from atsbridge.wire.xml import Element

BASE = "https://api.toy.example/v2"
AUTH = "https://auth.toy.example/token"
WORD, NUMBER = r"[a-z0-9-]{1,20}", r"[1-9][0-9]{0,9}"

APPLICATION = Slot(SlotName.APPLICATION, WORD)
USER = Slot(SlotName.ACTING_USER, WORD)
STAGE = Slot(SlotName.TARGET_STAGE, WORD)
FROM = Slot(SlotName.EXPECTED_STAGE, NUMBER, int)
REASON = Slot(SlotName.REASON, WORD)
TOKEN = Slot(SlotName.TOKEN, WORD)

MOVE = StatusWrite(
    name="move",
    method="PUT",
    path="/people/{application}/stage",
    slots=(APPLICATION, USER, STAGE, FROM),
    query=(("perform_as", USER), ("via", "sync")),
    body={"stage": STAGE, "from": {"id": FROM}, "flags": [True, 1, None, "x"]},
)
RESET = StatusWrite(name="reset", method="POST", path="/people/{application}/reset", slots=(APPLICATION,))
TWICE = StatusWrite(
    name="twice",
    method="PATCH",
    path="/people/{application}",
    slots=(APPLICATION, TOKEN, REASON),
    body={"id": APPLICATION, "again": [APPLICATION], "lock": TOKEN, "why": REASON},
)
NAMELESS = StatusWrite(
    name="nameless", method="POST", path="/bulk", slots=(REASON,), body={"everybody": REASON}
)
ENDPOINT = TokenEndpoint(
    name="token", urls=(AUTH,), form=frozenset({"grant_type", "sub"}), headers=frozenset({"authorization"})
)
TOY = Vendor(
    name="toy",
    title="Toy",
    api_version="2",
    docs="https://toy.example/docs",
    docs_read=date(2026, 1, 1),
    hosts={"main": BASE, "eu": "https://{sub}.eu.toy.example/v2"},
    host_slots={"sub": r"[a-z]{1,9}"},
    reads=(
        Read(name="list_people", path="/people", query=frozenset({"limit", "offset"})),
        Read(name="get_person", path="/people/{id}", segments={"id": WORD}),
        Read(name="get_pair", path="/pairs/{id}/{id}", segments={"id": WORD}),
        Read(name="get_loose", path="/loose/{id}", segments={"id": r"(?s).+"}),
        Read(name="search", method="POST", path="/search", body=frozenset({"cursor", "limit"})),
    ),
    writes=(MOVE, RESET, TWICE, NAMELESS),
    tokens=(ENDPOINT,),
)
SCHEME = ClientCredentials(
    token_endpoint=ENDPOINT, url=AUTH, client_id="canary-id", client_secret="canary-secret"
)
VALUES = {
    SlotName.APPLICATION: "p1",
    SlotName.ACTING_USER: "u1",
    SlotName.TARGET_STAGE: "offer",
    SlotName.EXPECTED_STAGE: "41",
    SlotName.REASON: "why-1",
    SlotName.TOKEN: "etag-1",
}
LIST = Request(operation="list_people", method="GET", url="/people", query=(("limit", "5"),))
GET = Request(operation="get_person", method="GET", url="/people/p1")
SEARCH = Request(operation="search", method="POST", url="/search", body={"cursor": "c", "limit": 5})
MINT = SCHEME.token_request(None)
SIGNED = (("Authorization", "Bearer x"),)


def connection(**changes):
    permits = Permits()
    return Guard(**{"vendor": TOY, "base": BASE, "scheme": SCHEME, "permits": permits, **changes}), permits


def permit_for(permits, request, *, write=None, base=BASE):
    return permits.mint(
        "i1", write=write or request.operation, digest=digest(full_url(base, request), request), send_by=9e9
    )


def refuses(why, request, *, guard=None, permit=None):
    with pytest.raises(GuardError, match=why):
        (guard or connection()[0]).admit(request, permit)


def refuses_write(why, request, *, write="move"):
    """Even where the engine itself was brought to give a permit for exactly this request."""
    guard, permits = connection()
    refuses(why, request, guard=guard, permit=permit_for(permits, request, write=write))
    assert not permits._live or len(permits._live) == 1


# -- what may pass --


def test_every_declared_read_passes():
    guard, _ = connection()
    assert guard.admit(LIST, None) == f"{BASE}/people?limit=5"
    assert guard.admit(evolve(LIST, query=()), None) == f"{BASE}/people"
    assert guard.admit(GET, None) == f"{BASE}/people/p1"
    assert guard.admit(evolve(GET, operation="get_pair", url="/pairs/a/a"), None) == f"{BASE}/pairs/a/a"
    assert guard.admit(SEARCH, None) == f"{BASE}/search"
    assert guard.admit(evolve(SEARCH, body=None), None) == f"{BASE}/search"
    assert guard.admit(evolve(SEARCH, body={}), None) == f"{BASE}/search"


def test_a_read_may_have_several_paths():
    twice = (Read(name="list_people", path="/staff", query=frozenset({"limit"})), *TOY.reads)
    guard, _ = connection(vendor=evolve(TOY, reads=twice))
    assert guard.admit(LIST, None) == f"{BASE}/people?limit=5"
    assert guard.admit(evolve(LIST, url="/staff"), None) == f"{BASE}/staff?limit=5"


def test_a_page_link_below_the_base_passes_as_it_came():
    guard, _ = connection()
    link = f"{BASE}/people?offset=%5B1%2C2%5D&limit="
    assert guard.admit(evolve(LIST, url=link, query=()), None) == link
    bare = f"{BASE}/people"
    assert guard.admit(evolve(LIST, url=bare), None) == f"{bare}?limit=5"


def test_a_signed_read_with_a_plain_header_passes():
    guard, _ = connection()
    signed = evolve(LIST, headers=(("Accept", "application/json"),), signature=SIGNED)
    assert guard.admit(signed, None) == f"{BASE}/people?limit=5"


def test_the_declared_token_request_passes():
    guard, _ = connection()
    assert guard.admit(MINT, None) == AUTH
    assert guard.admit(evolve(MINT, body=(("grant_type", "x"), ("sub", "7"))), None) == AUTH


@pytest.mark.parametrize("write", [MOVE, RESET, TWICE], ids=lambda w: w.name)
def test_every_declared_write_passes_with_its_permit(write):
    guard, permits = connection()
    request = write.render(VALUES)
    url = guard.admit(evolve(request, signature=SIGNED), permit_for(permits, request))
    assert url == full_url(BASE, request)


def test_a_rendered_write_is_exactly_this():
    assert MOVE.render(VALUES, deadline_seconds=7.0) == Request(
        operation="move",
        method="PUT",
        url="/people/p1/stage",
        query=(("perform_as", "u1"), ("via", "sync")),
        body={"stage": "offer", "from": {"id": 41}, "flags": [True, 1, None, "x"]},
        purpose=Purpose.WRITE,
        deadline_seconds=7.0,
    )
    assert MOVE.render(VALUES).deadline_seconds == 30.0
    assert RESET.render(VALUES).body is None
    spaced = StatusWrite(
        name="s", method="PUT", path="/p/{application}", slots=(Slot(SlotName.APPLICATION, r".+"),)
    )
    assert spaced.render({SlotName.APPLICATION: "a/b ü"}).url == "/p/a%2Fb%20%C3%BC"


@pytest.mark.parametrize("name", [n for n in VALUES if n in {s.name for s in MOVE.slots}])
def test_a_write_is_not_rendered_without_a_value(name):
    with pytest.raises(GuardError, match=f"needs a value for {name}"):
        MOVE.render({k: v for k, v in VALUES.items() if k is not name})


@pytest.mark.parametrize("name", [s.name for s in MOVE.slots])
def test_a_write_is_not_rendered_with_a_value_of_another_form(name):
    for value in ("", "A", "a/b", "..", "1\n", "ä"):
        with pytest.raises(GuardError, match=f"the {name} of a write is not of the form"):
            MOVE.render({**VALUES, name: value})


def test_the_two_hosts_that_are_declared_and_no_other():
    for base in (BASE, "https://acme.eu.toy.example/v2"):
        guard, _ = connection(base=base)
        assert guard.admit(GET, None) == f"{base}/people/p1"
    for base in (
        "https://evil.example/v2",
        "http://api.toy.example/v2",
        f"{BASE}/",
        f"{BASE}/people",
        f"{BASE}\n",
        "https://apixtoy.example/v2",
        "https://a.b.eu.toy.example/v2",
        "https://evil.example/.eu.toy.example/v2",
        "https://ABC.eu.toy.example/v2",
        "https://.eu.toy.example/v2",
        "",
    ):
        with pytest.raises(GuardError, match="declares no such data address"):
            connection(base=base)


def test_a_host_slot_without_a_pattern_fits_nothing():
    for base in ("https://acme.eu.toy.example/v2", "https://.eu.toy.example/v2"):
        with pytest.raises(GuardError, match="declares no such data address"):
            connection(vendor=evolve(TOY, host_slots={}), base=base)


def test_every_slot_of_a_host_is_checked():
    two = evolve(
        TOY, hosts={"it": "https://{sub}.{region}.toy.example/v2"}, host_slots={"sub": "a", "region": "b"}
    )
    assert connection(vendor=two, base="https://a.b.toy.example/v2")
    for base in ("https://b.b.toy.example/v2", "https://a.a.toy.example/v2", "https://a..toy.example/v2"):
        with pytest.raises(GuardError, match="declares no such data address"):
            connection(vendor=two, base=base)


def test_a_slot_pattern_cannot_hide_a_line_end():
    loose = evolve(TOY, host_slots={"sub": r"(?s:.+)"})
    with pytest.raises(GuardError, match="declares no such data address"):
        connection(vendor=loose, base="https://a\nb.eu.toy.example/v2")


def test_alternatives_in_a_host_slot_stay_inside_it():
    loose = evolve(TOY, host_slots={"sub": r"a|https://evil"})
    with pytest.raises(GuardError, match="declares no such data address"):
        connection(vendor=loose, base="https://a")


def test_an_application_is_one_that_every_write_can_name():
    assert TOY.can_name("p1")
    for odd in ("", "P1", "p1 ", "p1/x", "a" * 21):
        assert not TOY.can_name(odd), odd
    halves = tuple(Slot(SlotName.APPLICATION, WORD, part=part) for part in (0, 1))
    pair = StatusWrite(
        name="pair", method="PUT", path="/{application.0}/{application.1}", slots=(*halves, REASON)
    )
    for writes in ((pair,), (MOVE, pair)):
        assert evolve(TOY, writes=writes).can_name("p1:j1") is (MOVE not in writes)
    for odd in ("p1", "p1:", ":j1", "p1:J1"):
        assert not evolve(TOY, writes=(pair,)).can_name(odd), odd


# -- reads --


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"method": "POST"}, "declares no read"),
        ({"method": "DELETE"}, "declares no read"),
        ({"method": "get"}, "declares no read"),
        ({"operation": "get_person"}, "declares no read"),
        ({"operation": "nothing"}, "declares no read"),
        ({"url": "/People"}, "declares no read"),
        ({"url": "/people/p1/notes"}, "declares no read"),
        ({"url": "people"}, "not below the vendor's address"),
        ({"url": ""}, "not below the vendor's address"),
        ({"url": "/people/"}, "empty or a dot segment"),
        ({"url": "//people"}, "empty or a dot segment"),
        ({"url": "/./people"}, "empty or a dot segment"),
        ({"url": "/x/../people"}, "empty or a dot segment"),
        ({"url": "/x/%2e%2E/people"}, "empty or a dot segment"),
        ({"url": "/people\n"}, "no place in it"),
        ({"url": "/people\x7f"}, "no place in it"),
        ({"url": "/people#x"}, "no place in it"),
        ({"url": "/people;x=1"}, "no place in it"),
        ({"url": "/people\\x"}, "no place in it"),
        ({"url": "/people x"}, "no place in it"),
        ({"url": "/peoplé"}, "no place in it"),
        ({"url": "@evil.example/people"}, "no place in it"),
        ({"url": ".evil.example/people"}, "not below the vendor's address"),
        ({"url": "https://evil.example/v2/people"}, "not below the vendor's address"),
        ({"url": "https://api.toy.example/people"}, "not below the vendor's address"),
        ({"url": "https://api.toy.example/v2people"}, "not below the vendor's address"),
        ({"url": "http://api.toy.example/v2/people"}, "not below the vendor's address"),
        ({"url": "HTTPS://api.toy.example/v2/people"}, "not below the vendor's address"),
        ({"url": "https://api.toy.example:444/v2/people"}, "not below the vendor's address"),
        ({"query": (("limit", "5"), ("_method", "DELETE"))}, r"query keys \['_method'\]"),
        ({"query": (("Limit", "5"),)}, "query keys"),
        ({"url": "/people?%5fmethod=DELETE", "query": ()}, r"query keys \['_method'\]"),
        ({"url": "/people?limit=5;_method=DELETE", "query": ()}, "no place in it"),
        ({"url": "/people?limit=5&_method=", "query": ()}, r"query keys \['_method'\]"),
        ({"url": "/people?limit", "query": ()}, "not made of keys and values"),
        ({"url": "/people?x", "query": (("limit", "5"),)}, "either a query of its own or a page link's"),
        ({"url": "/people?limit=5"}, "either a query of its own or a page link's"),
        ({"query": {"limit": "5"}}, "plain Request"),
        ({"query": (("limit", 5),)}, "plain Request"),
        ({"query": (("limit", "5", "6"),)}, "plain Request"),
        ({"query": (["limit", "5"],)}, "plain Request"),
        ({"headers": (["Accept", "x"],)}, "plain Request"),
        ({"signature": (["Authorization", "x"],)}, "plain Request"),
        ({"body": {}}, "does not declare this body"),
        ({"body": {"cursor": 1}}, "does not declare this body"),
        ({"body": b""}, "of plain values"),
        ({"purpose": Purpose.WRITE}, "a read, a token request, or a status write"),
        ({"purpose": "read"}, "of plain values"),
        ({"purpose": "write"}, "of plain values"),
        ({"purpose": None}, "of plain values"),
        ({"purpose": Purpose.TOKEN}, "goes elsewhere"),
    ],
)
def test_a_changed_read_is_refused(change, why):
    refuses(why, evolve(LIST, **change))


@pytest.mark.parametrize(
    "body", [{"cursor": 1, "name": "x"}, {"query": "mutation"}, [], [{"cursor": 1}], "cursor", b"{}", (), 1]
)
def test_a_read_by_post_sends_no_other_body(body):
    refuses("does not declare this body|of plain values", evolve(SEARCH, body=body))


@pytest.mark.parametrize("id", ["", "A", "a.b", "p1\n", "../p1", 1, None, True, ["p1"], {"id": "p1"}])
def test_a_read_by_post_names_what_it_reads_in_the_declared_form_alone(id):
    ask = Read(name="ask", method="POST", path="/ask", body=frozenset({"id", "limit"}), values={"id": WORD})
    guard, _ = connection(vendor=evolve(TOY, reads=(ask,)))
    asked = evolve(SEARCH, operation="ask", url="/ask", body={"id": "p1", "limit": 5})
    assert guard.admit(asked, None).endswith("/ask")
    assert guard.admit(evolve(asked, body={"limit": 5}), None).endswith("/ask")
    refuses("does not declare this body", evolve(asked, body={"id": id}), guard=guard)


@pytest.mark.parametrize(
    "rows",
    [
        {"name": "job.id"},
        [{"name": "job.id"}],
        [{"name": "job.id", "value": ["1"], "more": "1"}],
        [{"name": "jobs", "value": ["1"]}],
        [{"name": "job.id", "value": ["Ines"]}],
        [{"name": "job.id", "value": [["1"]]}],
        [{"name": "job.id", "value": [{"a": "1"}]}],
        [{"name": "job.id", "value": 1}],
        [{"name": ["job.id", "jobs"], "value": "1"}],
        [{"name": "job.id", "value": "1 or more"}],
        [["name", "value"]],
        ["job.id"],
        "job.id",
        {},
        "",
        None,
    ],
)
def test_a_search_asks_with_its_declared_filters_alone(rows):
    search = Read(
        name="seek",
        method="POST",
        path="/seek",
        body=frozenset({"filters"}),
        rows={"filters": {"name": r"job\.id", "value": r"\d+"}},
    )
    guard, _ = connection(vendor=evolve(TOY, reads=(search,)))
    asked = evolve(SEARCH, operation="seek", url="/seek", body={"filters": []})
    for fine in ([], [{"name": "job.id", "value": ["1", "2"]}, {"name": "job.id", "value": "3"}]):
        assert guard.admit(evolve(asked, body={"filters": fine}), None)
    refuses("does not declare this body", evolve(asked, body={"filters": rows}), guard=guard)


@pytest.mark.parametrize(
    "groups",
    [
        {"filters": [{"id": "1"}], "operator": "|"},
        ["|"],
        [{"filters": [{"id": "1"}]}],
        [{"filters": [{"id": "1"}], "operator": "&"}],
        [{"filters": [{"id": "1"}], "operator": "|", "children": []}],
        [{"filters": {"id": "1"}, "operator": "|"}],
        [{"filters": "1", "operator": "|"}],
        [{"filters": ["1"], "operator": "|"}],
        [{"filters": [{"id": "Ines"}], "operator": "|"}],
        [{"filters": [{"id": "1", "name": "Ines"}], "operator": "|"}],
        [{"filters": [{"id": [{"id": "1"}]}], "operator": "|"}],
        [{"filters": [], "operator": [{"id": "1"}]}],
    ],
)
def test_a_search_asks_with_its_declared_groups_of_filters_alone(groups):
    filters = {"id": r"\d+"}
    search = Read(
        name="seek",
        method="POST",
        path="/seek",
        body=frozenset({"groups"}),
        rows={"groups": {"filters": filters, "operator": r"\|"}},
    )
    guard, _ = connection(vendor=evolve(TOY, reads=(search,)))
    asked = evolve(SEARCH, operation="seek", url="/seek")
    one = {"filters": [{"id": "1"}, {"id": ["2", "3"]}], "operator": "|"}
    for fine in ([], [one], [one, {"filters": [], "operator": "|"}]):
        assert guard.admit(evolve(asked, body={"groups": fine}), None)
    refuses("does not declare this body", evolve(asked, body={"groups": groups}), guard=guard)


def test_a_get_never_has_a_body():
    odd = evolve(TOY, reads=(Read(name="list_people", path="/people", body=frozenset({"q"})),))
    guard, _ = connection(vendor=odd)
    refuses("does not declare this body", evolve(LIST, query=(), body={"q": 1}), guard=guard)


@pytest.mark.parametrize("id", ["", "A", "a.b", "p1\n", "a%2Fb", "%61", "a%00", "a+b", "ä", "p1/notes"])
def test_an_id_of_another_form_names_no_read(id):
    with pytest.raises(GuardError):
        connection()[0].admit(evolve(GET, url=f"/people/{id}"), None)


@pytest.mark.parametrize(
    "id", ["a%2Fb", "a%5Cb", "a%252Fb", "a%3Fb", "a%23b", "a%3Bb", "a%00", "a%0D%0Ab", "a%7F", "%61", "a%2fb"]
)
def test_even_a_loose_pattern_takes_one_plain_segment_only(id):
    """The pattern of this read takes anything; servers and proxies decode where they like."""
    refuses("declares no read", evolve(GET, operation="get_loose", url=f"/loose/{id}"))


def test_a_segment_named_twice_has_one_value():
    refuses("declares no read", evolve(GET, operation="get_pair", url="/pairs/a/b"))


def test_a_read_has_no_permit():
    guard, permits = connection()
    permit = permit_for(permits, LIST)
    refuses("only a status write may have a permit", LIST, guard=guard, permit=permit)
    refuses("only a status write may have a permit", MINT, guard=guard, permit=permit)
    assert permits._live == {permit.nonce: permit}


@frozen(kw_only=True)
class TwoFaced(Request):
    """Shows the guard one body, and the wire another."""

    def content(self):
        return b'{"email":"x"}', "application/json"


def test_a_subclass_of_request_is_refused():
    refuses("plain Request", TwoFaced(operation="list_people", method="GET", url="/people"))
    refuses("plain Request", LIST.__class__.__mro__[1]())


class Word(str):
    """Says one thing and is another."""

    def encode(self, *_how):
        return b"other"


class Ledger(dict):
    def items(self):
        return {"email": "p@example.com"}.items()


class Row(list):
    def __iter__(self):
        return iter(["other"])


class Two(tuple):
    def __iter__(self):
        return iter((("x", "y"),))


DISGUISED = [
    {"operation": Word("list_people")},
    {"method": Word("GET")},
    {"url": Word("/people")},
    {"media": Word("")},
    {"query": Two((("limit", "5"),))},
    {"query": ((Word("limit"), "5"),)},
    {"query": (("limit", Word("5")),)},
    {"query": (Two(("limit", "5")),)},
    {"headers": ((Word("Accept"), "x"),)},
    {"headers": Two((("Accept", "x"),))},
    {"signature": (("Authorization", Word("x")),)},
    {"blocks": (type("Block", (), {})(),)},
]


@pytest.mark.parametrize("change", DISGUISED)
def test_no_part_of_a_request_is_a_subclass_of_what_it_should_be(change):
    refuses("of plain values", evolve(LIST, **change))


@pytest.mark.parametrize(
    "body",
    [
        Ledger(cursor=1),
        {Word("cursor"): 1},
        {"cursor": Word("x")},
        {"cursor": Row([1])},
        {"cursor": [Word("x")]},
        {"cursor": Decimal(1)},
        {"cursor": b"x"},
        {"cursor": {1, 2}},
        {1: "cursor"},
    ],
)
def test_no_part_of_a_body_is_a_subclass_of_what_it_should_be(body):
    assert connection()[0].admit(evolve(SEARCH, body={"cursor": 1}), None)
    refuses("of plain values", evolve(SEARCH, body=body))


def test_no_part_of_a_write_is_a_subclass_of_what_it_should_be():
    fine = MOVE.render(VALUES)
    for body in (
        Ledger(fine.body),
        {**fine.body, "stage": Word("offer")},
        {**fine.body, "flags": Row([True, 1, None, "x"])},
    ):
        refuses_write("of plain values", evolve(fine, body=body))


def test_a_body_that_nests_without_end_is_refused():
    deep = endless = []
    for _ in range(100_000):
        deep = [deep]
    endless.append(endless)
    for body in ({"cursor": deep}, {"cursor": endless}):
        refuses("of plain values", evolve(SEARCH, body=body))


@pytest.mark.parametrize("value", [{}, {"email": "x"}, [["x"]], [{"email": "x"}], ["x", {}]])
def test_a_read_by_post_asks_with_single_values_or_lists_of_them(value):
    assert connection()[0].admit(evolve(SEARCH, body={"cursor": ["a", 1, None, True, 1.5]}), None)
    refuses("does not declare this body", evolve(SEARCH, body={"cursor": value}))


# -- headers --


@pytest.mark.parametrize("where", ["headers", "signature"])
@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("X-HTTP-Method-Override", "DELETE", "another request"),
        ("X-Method-Override", "DELETE", "another request"),
        ("X-HTTP-METHOD", "DELETE", "another request"),
        ("X-Override", "1", "another request"),
        ("X-Original-URL", "/notes", "another request"),
        ("X-Rewrite-Url", "/notes", "another request"),
        ("X-Forwarded-Host", "evil.example", "another request"),
        ("Content-Type", "text/html", "another request"),
        ("Host", "evil.example", "another request"),
        ("Accept\r\nX-A", "x", "forbidden characters"),
        ("Acc ept", "x", "forbidden characters"),
        ("", "x", "forbidden characters"),
        ("Accept", "x\r\nX-A: y", "forbidden characters"),
        ("Accept", "x\x00", "forbidden characters"),
        ("Authorization", "x\n", "forbidden characters"),
        ("Authorization", "x\x7f", "forbidden characters"),
        ("Cookie", "a=b", "an operation adds|the signature adds"),
    ],
)
def test_no_header_turns_a_request_into_another(where, name, value, why):
    refuses(why, evolve(LIST, **{where: ((name, value),)}))


def test_a_header_is_one_of_its_own_list():
    refuses("an operation adds", evolve(LIST, headers=SIGNED))
    refuses("the signature adds", evolve(LIST, signature=(("Accept", "x"),)))


def test_a_scheme_of_the_adapter_cannot_declare_such_a_header():
    class Turning(Basic):
        adds = frozenset({"x-http-method-override"})

    guard, _ = connection(scheme=Turning(user="u"))
    refuses("another request", evolve(LIST, signature=(("X-HTTP-Method-Override", "PUT"),)), guard=guard)


# -- token requests --


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"method": "GET"}, "goes elsewhere"),
        ({"method": "PUT"}, "goes elsewhere"),
        ({"url": "https://evil.example/token"}, "goes elsewhere"),
        ({"url": f"{AUTH}/"}, "goes elsewhere"),
        ({"url": f"{AUTH}?x=1"}, "goes elsewhere"),
        ({"url": f"{BASE}/people/p1"}, "goes elsewhere"),
        ({"url": "/token"}, "goes elsewhere"),
        ({"query": (("x", "1"),)}, "goes elsewhere"),
        ({"body": None}, "carries a form"),
        ({"body": {"grant_type": "x"}}, "carries a form"),
        ({"body": b"grant_type=x"}, "of plain values"),
        ({"body": (["grant_type", "x"],)}, "of plain values"),
        ({"body": ("grant_type",)}, "of plain values"),
        ({"body": (("grant_type", "x"), ("email", "a@example.com"))}, "form keys"),
        ({"body": (("grant_type", "x"), ("grant_type", "y"))}, "form keys"),
        ({"purpose": Purpose.READ}, "not below the vendor's address"),
        ({"purpose": Purpose.WRITE}, "a read, a token request, or a status write"),
    ],
)
def test_a_changed_token_request_is_refused(change, why):
    refuses(why, evolve(MINT, **change))


def test_the_token_endpoint_is_one_that_the_vendor_declares():
    elsewhere = TokenEndpoint(
        name="token", urls=("https://evil.example/t",), form=frozenset({"grant_type", "name"})
    )
    rogue = ClientCredentials(
        token_endpoint=elsewhere, url=elsewhere.urls[0], client_id="canary", client_secret="canary"
    )
    guard, _ = connection(scheme=rogue)
    refuses("declares no such token endpoint", rogue.token_request(None), guard=guard)


def test_a_scheme_without_tokens_asks_for_none():
    guard, _ = connection(scheme=Basic(user="canary"))
    refuses("declares no such token endpoint", MINT, guard=guard)


def test_a_token_request_has_the_headers_of_its_endpoint_alone():
    bare = evolve(ENDPOINT, headers=frozenset())
    guard, _ = connection(vendor=evolve(TOY, tokens=(bare,)), scheme=evolve(SCHEME, token_endpoint=bare))
    refuses("headers that its endpoint", MINT, guard=guard)
    assert guard.admit(evolve(MINT, signature=()), None) == AUTH


# -- writes --


def test_a_write_without_a_permit_is_refused():
    refuses("a read, a token request, or a status write with a permit", MOVE.render(VALUES))


def test_a_write_under_another_purpose_is_refused():
    request = MOVE.render(VALUES)
    refuses("declares no read", evolve(request, purpose=Purpose.READ))
    refuses("goes elsewhere", evolve(request, purpose=Purpose.TOKEN))
    refuses("goes elsewhere", evolve(request, purpose=Purpose.TOKEN, method="POST"))


def test_a_permit_is_good_for_one_send():
    guard, permits = connection()
    request = MOVE.render(VALUES)
    permit = permit_for(permits, request)
    guard.admit(request, permit)
    assert permits._live == {}
    refuses("never given out, or has been used", request, guard=guard, permit=permit)


def test_a_forged_permit_is_refused():
    guard, permits = connection()
    request = MOVE.render(VALUES)
    real = permit_for(permits, request)
    forged = Permit(intent_id="i1", write="move", digest=real.digest, send_by=9e9, nonce="00")
    refuses("never given out, or has been used", request, guard=guard, permit=forged)
    assert guard.admit(request, real)
    later = permit_for(permits, request)
    refuses("never given out", request, guard=guard, permit=evolve(later, send_by=math.inf))


def test_permits_of_another_connection_are_refused():
    guard, _ = connection()
    _, others = connection()
    request = MOVE.render(VALUES)
    refuses("never given out", request, guard=guard, permit=permit_for(others, request))


def test_every_permit_has_a_nonce_of_its_own_that_nobody_guesses():
    permits = Permits()
    made = {permit_for(permits, MOVE.render(VALUES)).nonce for _ in range(50)}
    assert len(made) == 50
    assert all(len(nonce) == 32 for nonce in made)


def test_a_minted_permit_says_what_it_is_for():
    permit = Permits().mint("i7", write="move", digest="d", send_by=3.5)
    assert (permit.intent_id, permit.write, permit.digest, permit.send_by) == ("i7", "move", "d", 3.5)
    assert permit.nonce not in repr(permit)
    permits = Permits()
    assert permit_for(permits, MOVE.render(VALUES)).nonce not in repr(permits)


def test_permits_begin_with_none_given_out():
    with pytest.raises(TypeError):
        Permits({"nonce": Permit(intent_id="i", write="move", digest="d", send_by=9e9, nonce="nonce")})


def test_nothing_is_written_where_there_are_no_permits():
    guard, permits = connection()
    request = MOVE.render(VALUES)
    refuses(
        "nothing may be written on this connection",
        request,
        guard=evolve(guard, permits=None),
        permit=permit_for(permits, request),
    )


@pytest.mark.parametrize(
    "other",
    [
        MOVE.render({**VALUES, SlotName.APPLICATION: "p2"}),
        MOVE.render({**VALUES, SlotName.TARGET_STAGE: "hired"}),
        MOVE.render({**VALUES, SlotName.ACTING_USER: "u2"}),
        MOVE.render({**VALUES, SlotName.EXPECTED_STAGE: "42"}),
    ],
)
def test_a_permit_is_for_one_request(other):
    guard, permits = connection()
    permit = permit_for(permits, MOVE.render(VALUES))
    refuses("not the one that the permit was given for", other, guard=guard, permit=permit)
    assert permits._live == {permit.nonce: permit}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"url": "https://api.toy.example/v2/people/p1/stage"}, "below the vendor's address"),
        ({"url": "people/p1/stage"}, "below the vendor's address"),
        ({"url": "//people/p1/stage"}, "declared form of move"),
        ({"url": "/people/p1/stage/"}, "declared form of move"),
        ({"url": "/people/p1/notes"}, "declared form of move"),
        ({"url": "/people/p1"}, "declared form of move"),
        ({"url": "/people/../stage"}, "declared form of move"),
        ({"url": "/people/p%31/stage"}, "declared form of move"),
        ({"url": "/people/p1%2Fx/stage"}, "declared form of move"),
        ({"url": "/people/P1/stage"}, "declared form of move"),
        ({"url": "/people/p1/stage?x=1", "query": ()}, "declared form of move"),
        ({"method": "POST"}, "declared form of move"),
        ({"method": "put"}, "declared form of move"),
        ({"headers": (("Accept", "x"),)}, "declared form of move"),
        ({"query": ()}, "declared form of move"),
        ({"query": (("perform_as", "u1"),)}, "declared form of move"),
        ({"query": (("via", "sync"), ("perform_as", "u1"))}, "declared form of move"),
        ({"query": (("perform_as", "u1"), ("via", "mail"))}, "declared form of move"),
        ({"query": (("perform_as", "u1"), ("via", "sync"), ("x", "1"))}, "declared form of move"),
        ({"query": (("perform_as", "u1"), ("via", "sync"), ("via", "sync"))}, "declared form of move"),
        ({"query": (("perform_as", "U 1"), ("via", "sync"))}, "declared form of move"),
        ({"operation": "reset"}, "declares no write of this name"),
        ({"operation": "other"}, "declares no write of this name"),
    ],
)
def test_a_changed_write_is_refused(change, why):
    refuses_write(why, evolve(MOVE.render(VALUES), **change))


FINE = {"stage": "offer", "from": {"id": 41}, "flags": [True, 1, None, "x"]}


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        [FINE],
        Element("stage", text="offer"),
        (("stage", "offer"),),
        {"stage": "offer"},
        {**FINE, "email": "p@example.com"},
        {**FINE, "_method": "DELETE"},
        {"query": "mutation { deletePerson }"},
        {"from": {"id": 41}, "stage": "offer", "flags": [True, 1, None, "x"]},
        {**FINE, "stage": 5},
        {**FINE, "stage": None},
        {**FINE, "stage": "Offer"},
        {**FINE, "stage": ["offer"]},
        {**FINE, "stage": {"id": "offer"}},
        {**FINE, "stage": "offer\n"},
        {**FINE, "from": {"id": "41"}},
        {**FINE, "from": {"id": 41.0}},
        {**FINE, "from": {"id": True}},
        {**FINE, "from": {"id": -41}},
        {**FINE, "from": {"id": 41, "name": "x"}},
        {**FINE, "from": {}},
        {**FINE, "from": [41]},
        {**FINE, "from": 41},
        {**FINE, "flags": [True, 1, None]},
        {**FINE, "flags": [True, 1, None, "x", "x"]},
        {**FINE, "flags": [1, 1, None, "x"]},
        {**FINE, "flags": [True, True, None, "x"]},
        {**FINE, "flags": [False, 1, None, "x"]},
        {**FINE, "flags": [True, 2, None, "x"]},
        {**FINE, "flags": [True, 1.0, None, "x"]},
        {**FINE, "flags": [True, 1, False, "x"]},
        {**FINE, "flags": [True, 1, None, "y"]},
        {**FINE, "flags": [True, 1, None, {"x": 1}]},
        {**FINE, "flags": (True, 1, None, "x")},
        {**FINE, "flags": {"0": True}},
        {**FINE, "flags": None},
        {**FINE, "flags": "x"},
    ],
)
def test_a_write_with_another_body_is_refused(body):
    refuses_write("declared form of move|of plain values", evolve(MOVE.render(VALUES), body=body))


@pytest.mark.parametrize("body", [{}, [], (), Element("x"), "", 0, False, {"name": "x"}])
def test_a_write_without_a_body_stays_without(body):
    refuses_write("declared form of reset", evolve(RESET.render(VALUES), body=body), write="reset")


@pytest.mark.parametrize(
    "body",
    [
        {"id": "p2", "again": ["p1"], "lock": "etag-1", "why": "why-1"},
        {"id": "p1", "again": ["p2"], "lock": "etag-1", "why": "why-1"},
        {"id": "p2", "again": ["p2"], "lock": "etag-1", "why": "why-1"},
    ],
)
def test_a_slot_named_twice_has_one_value(body):
    refuses_write("declared form of twice", evolve(TWICE.render(VALUES), body=body), write="twice")


def test_what_is_not_declared_is_refused_with_a_permit_too():
    for method, url, body in (
        ("PATCH", "/people/p1", {"email": "p@example.com"}),
        ("DELETE", "/people/p1", None),
        ("POST", "/people/p1/notes", {"text": "x"}),
    ):
        request = Request(operation="note", method=method, url=url, body=body, purpose=Purpose.WRITE)
        refuses_write("declares no write of this name", request, write="note")


def test_a_write_is_sent_below_the_base_only():
    """A base that ends in a path of dots would lead the declared path elsewhere."""
    dotted = evolve(TOY, hosts={"main": f"{BASE}/x"}, writes=(evolve(RESET, path="/../{application}/reset"),))
    guard, permits = connection(vendor=dotted, base=f"{BASE}/x")
    request = evolve(RESET.render(VALUES), url="/../p1/reset")
    permit = permit_for(permits, request, base=f"{BASE}/x")
    refuses("empty or a dot segment", request, guard=guard, permit=permit)
    assert permits._live == {permit.nonce: permit}


# -- the pure parts --


def test_a_digest_covers_method_url_and_body():
    base = MOVE.render(VALUES)
    url = full_url(BASE, base)
    assert url == f"{BASE}/people/p1/stage?perform_as=u1&via=sync"
    assert digest(url, base) == digest(url, evolve(base, signature=SIGNED))
    others = {
        digest(url, evolve(base, method="POST")),
        digest(f"{url}x", base),
        digest(url, evolve(base, body={})),
        digest(url, evolve(base, body=None)),
        digest(url[:-1], evolve(base, method="PUTc")),
        digest(url, base),
    }
    assert len(others) == 6
    parts = (b"GET", b"https://x", b"")
    assert (
        digest("https://x", evolve(LIST))
        == hashlib.sha256(b"".join(len(p).to_bytes(8, "big") + p for p in parts)).hexdigest()
    )


def test_a_percent_sign_in_a_query_is_encoded_again():
    request = evolve(LIST, query=(("offset", "%5B1 +/;&=%5D"),))
    assert full_url(BASE, request) == f"{BASE}/people?offset=%255B1%20%2B%2F%3B%26%3D%255D"


def test_match_path_gives_the_values_of_the_segments():
    assert match_path("/a/{x}/b/{y}", {"x": WORD, "y": NUMBER}, "/a/q/b/7") == {"x": "q", "y": "7"}
    assert match_path("/a", {}, "/a") == {}
    assert match_path("/a", {}, "/a/b") is None
    assert match_path("/a/b", {}, "/a") is None
    assert match_path("/a/{x}", {"x": WORD}, "/b/q") is None
    assert match_path("/a/{x", {"x": WORD, "{x": WORD}, "/a/q") is None
    assert match_path("/a/x}", {"x": WORD, "x}": WORD}, "/a/q") is None
    assert match_path("/a/{x}", {"x": r".+"}, "/a/%C3%BC") == {"x": "ü"}
    assert match_path("/a/{x}", {"x": r".+"}, "/a/ü") is None


def test_match_path_takes_a_value_between_constant_texts():
    template, patterns = "/a/P({x}L)/b", {"x": NUMBER}
    assert match_path(template, patterns, "/a/P(7L)/b") == {"x": "7"}
    broken = "P(7) P(L) P(7L (7L) P(7L)x xP(7L) P(7L)(7L) P%287L%29 P(07L) PL) Q(7L) P[7L)"
    for path in broken.split():
        assert match_path(template, patterns, f"/a/{path}/b") is None, path
    assert match_path("/a/{x}{y}", {"x": ".*", "y": ".*"}, "/a/qq") is None
    # What stands around a value must not be taken from the value.
    assert match_path("/aba{x}aba", {"x": ".*"}, "/aba") is None
    assert match_path("/aba{x}aba", {"x": ".*"}, "/ababa") is None
    assert match_path("/aba{x}aba", {"x": ".*"}, "/abaaba") == {"x": ""}
    assert match_path("/P({x})", {"x": r"(?s).+"}, "/P(a%2Fb)") is None
    assert match_path("/P({x})", {"x": r"(?s).+"}, "/P(a%29)") == {"x": "a)"}


def test_match_write_gives_the_values_of_the_slots():
    assert match_write(MOVE, MOVE.render(VALUES)) == {
        SlotName.APPLICATION: "p1",
        SlotName.ACTING_USER: "u1",
        SlotName.TARGET_STAGE: "offer",
        SlotName.EXPECTED_STAGE: "41",
    }
    assert match_write(RESET, RESET.render(VALUES)) == {SlotName.APPLICATION: "p1"}
    numbered = StatusWrite(name="n", method="PUT", path="/p", slots=(FROM,), query=(("from", FROM),))
    assert match_write(numbered, numbered.render(VALUES)) == {SlotName.EXPECTED_STAGE: "41"}


FRAMED = Slot(SlotName.APPLICATION, NUMBER, frame=("P(", "L)"))


def test_a_slot_inside_a_longer_text():
    assert FRAMED.value("7") == "P(7L)"
    assert FRAMED.text("P(7L)") == "7"
    for value in (
        "7",
        "P(7)",
        "(7L)",
        "P(7L)L)",
        "P(P(7L)",
        "P()",
        "P(L)",
        "P(L",
        "P(07L)",
        "Q(7L)",
        7,
        None,
    ):
        assert FRAMED.text(value) is None, value
    assert Slot(SlotName.APPLICATION, ".*", frame=("aba", "aba")).text("ababa") is None
    numbered = Slot(SlotName.APPLICATION, NUMBER, int, frame=("", "L"))
    assert (numbered.value("7"), numbered.text("7L"), numbered.text(7)) == ("7L", "7", None)
    numbered = Slot(SlotName.APPLICATION, NUMBER, int, frame=("P", ""))
    assert (numbered.value("7"), numbered.text("P7"), numbered.text(7)) == ("P7", "7", None)
    begun = StatusWrite(name="f", method="POST", path="/f", slots=(numbered,), body=numbered)
    assert begun.surface()["body"] == {"slot": "application", "frame": ["P", ""]}
    with pytest.raises(GuardError):
        FRAMED.value("7L)/Other(1")
    write = StatusWrite(name="f", method="POST", path="/f", slots=(FRAMED,), body={"uri": FRAMED})
    assert write.render(VALUES | {SlotName.APPLICATION: "7"}).body == {"uri": "P(7L)"}
    assert write.surface()["body"] == {"uri": {"slot": "application", "frame": ["P(", "L)"]}}
    assert match_write(write, evolve(write.render({SlotName.APPLICATION: "7"}), body={"uri": "P(8L)"})) == {
        "application": "8"
    }


def test_a_slot_reads_back_what_it_gave():
    assert FROM.value("41") == 41
    assert type(FROM.value("41")) is int
    assert STAGE.value("offer") == "offer"
    assert FROM.text(41) == "41"
    assert STAGE.text("offer") == "offer"
    for wrong in ("41", True, 41.0, None, -1, 0):
        assert FROM.text(wrong) is None
    for wrong in (41, None, b"offer", "Offer", "offer\n", ""):
        assert STAGE.text(wrong) is None


# -- an intent's own values --


def intent(**changes):
    return Intent(
        **{
            "intent_id": "i1",
            "application": Ref("c", Kind.APPLICATION, "p1"),
            "action": Action.MOVE,
            "target": State(stage="offer", status=ApplicationStatus.ACTIVE, reason="why-1"),
            "expected": State(stage="41", status=ApplicationStatus.ACTIVE),
            "acting_user": "u1",
            **changes,
        }
    )


def test_a_write_with_its_intents_values_is_authorised():
    assert authorise(TOY, intent(), token="etag-1", request=MOVE.render(VALUES)) is MOVE
    for write in (MOVE, RESET, TWICE):
        other = intent(action=Action.REJECT)
        assert authorise(TOY, other, token="etag-1", request=write.render(VALUES)) is write


def test_a_move_names_its_stage():
    for write in (RESET, TWICE):
        with pytest.raises(GuardError, match=f"the write {write.name} moves nothing"):
            authorise(TOY, intent(), token="etag-1", request=write.render(VALUES))


@pytest.mark.parametrize(("write", "action"), [(MOVE, Action.MOVE), (TWICE, Action.REJECT)])
def test_a_write_with_any_other_value_is_not(write, action):
    for slot in write.slots:
        request = write.render({**VALUES, slot.name: "99"})
        with pytest.raises(GuardError, match=rf"not its intent's: \[.*{slot.name.value}"):
            authorise(TOY, intent(action=action), token="etag-1", request=request)


def test_a_value_that_the_intent_does_not_have_comes_from_nowhere():
    request = MOVE.render(VALUES)
    with pytest.raises(GuardError, match="not its intent's"):
        authorise(TOY, intent(acting_user=None), token=None, request=request)
    with pytest.raises(GuardError, match="not its intent's"):
        authorise(TOY, intent(action=Action.REJECT), token=None, request=TWICE.render(VALUES))


def test_only_a_declared_write_is_authorised():
    request = MOVE.render(VALUES)
    for other in (
        evolve(request, operation="other"),
        evolve(request, operation="reset"),
        evolve(request, body={**request.body, "email": "x"}),
        evolve(request, method="POST"),
    ):
        with pytest.raises(GuardError, match="declares no write of the form"):
            authorise(TOY, intent(), token="etag-1", request=other)


def test_a_subclass_of_request_is_not_authorised():
    asked = RESET.render(VALUES)
    names = ("operation", "method", "url", "query", "body", "purpose")
    other = TwoFaced(**{name: getattr(asked, name) for name in names})
    with pytest.raises(GuardError, match="declares no write of the form"):
        authorise(TOY, intent(), token="etag-1", request=other)


def test_a_write_names_its_application():
    with pytest.raises(GuardError, match="declares no write of the form"):
        authorise(TOY, intent(), token="etag-1", request=NAMELESS.render(VALUES))


# -- the surface --


def test_the_surface_shows_all_that_a_write_can_carry():
    assert MOVE.surface() == {
        "name": "move",
        "method": "PUT",
        "path": "/people/{application}/stage",
        "slots": {
            "application": {"pattern": WORD, "type": "str"},
            "acting_user": {"pattern": WORD, "type": "str"},
            "target_stage": {"pattern": WORD, "type": "str"},
            "expected_stage": {"pattern": NUMBER, "type": "int"},
        },
        "query": {"perform_as": {"slot": "acting_user"}, "via": {"constant": "sync"}},
        "body": {
            "stage": {"slot": "target_stage"},
            "from": {"id": {"slot": "expected_stage"}},
            "flags": [{"constant": True}, {"constant": 1}, {"constant": None}, {"constant": "x"}],
        },
        "media": "",
        "resend": "never",
    }
    assert set(MOVE.semantics()) == {
        "cas",
        "signal",
        "visible_within_seconds",
        "side_effects",
        "note",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"method": "POST"},
        {"path": "/people/{application}/other"},
        {"query": ()},
        {"query": (("perform_as", USER), ("via", "mail"))},
        {"body": {"stage": STAGE}},
        {"body": {"stage": "offer", "from": {"id": FROM}, "flags": [True, 1, None, "x"]}},
        {"slots": (APPLICATION, USER, STAGE, Slot(SlotName.EXPECTED_STAGE, ".*", int))},
        {"slots": (APPLICATION, USER, STAGE, Slot(SlotName.EXPECTED_STAGE, NUMBER, str))},
    ],
)
def test_another_surface_has_another_digest(change):
    other = evolve(TOY, writes=(evolve(MOVE, **change), RESET, TWICE, NAMELESS))
    assert other.surface_digest != TOY.surface_digest


def test_the_surface_digest_is_of_the_writes_and_hosts_whatever_their_order():
    assert evolve(TOY, writes=(NAMELESS, TWICE, RESET, MOVE)).surface_digest == TOY.surface_digest
    assert evolve(TOY, title="Other", reads=()).surface_digest == TOY.surface_digest
    assert evolve(TOY, hosts={"main": BASE}).surface_digest != TOY.surface_digest
    assert evolve(TOY, writes=TOY.writes[1:]).surface_digest != TOY.surface_digest
    assert evolve(TOY, name="toy2").surface_digest != TOY.surface_digest
    assert TOY.write("reset") is RESET


def test_the_surface_digest_is_the_same_in_every_release():
    """A customer has approved this number: another text for the same surface would stop their writes."""
    one = evolve(TOY, writes=(RESET, TWICE))
    text = (
        '{"headers":[],"host_slots":{"sub":"[a-z]{1,9}"},'
        '"hosts":{"eu":"https://{sub}.eu.toy.example/v2","main":"https://api.toy.example/v2"},'
        '"tokens":[{"form":["grant_type","sub"],"headers":["authorization"],"name":"token","urls":["AUTH"]}],'
        '"vendor":"toy",'
        '"writes":[{"body":{"constant":null},"media":"","method":"POST","name":"reset",'
        '"path":"/people/{application}/reset","query":{},"resend":"never","slots":{"application":{"pattern":"[a-z0-9-]{1,20}","type":"str"}}},'
        '{"body":{"again":[{"slot":"application"}],"id":{"slot":"application"},"lock":{"slot":"token"},'
        '"why":{"slot":"reason"}},"media":"","method":"PATCH","name":"twice","path":"/people/{application}",'
        '"query":{},"resend":"never","slots":{"application":{"pattern":"[a-z0-9-]{1,20}","type":"str"},'
        '"reason":{"pattern":"[a-z0-9-]{1,20}","type":"str"},"token":{"pattern":"[a-z0-9-]{1,20}","type":"str"}}}]}'
    )
    assert one.surface_digest == hashlib.sha256(text.replace("AUTH", AUTH).encode()).hexdigest()


def test_where_credentials_go_and_how_often_a_write_is_sent_are_part_of_the_surface():
    for change in (
        {"urls": ("https://evil.example/token",)},
        {"form": frozenset({"grant_type"})},
        {"headers": frozenset()},
        {"name": "other"},
    ):
        other = evolve(TOY, tokens=(evolve(ENDPOINT, **change),))
        assert other.surface_digest != TOY.surface_digest
    again = evolve(RESET, resend=Resend.AFTER_SETTLE)
    assert evolve(TOY, writes=(MOVE, again, TWICE, NAMELESS)).surface_digest != TOY.surface_digest
    second = evolve(ENDPOINT, name="second")
    both = [evolve(TOY, tokens=tokens).surface_digest for tokens in ((ENDPOINT, second), (second, ENDPOINT))]
    assert both[0] == both[1] != TOY.surface_digest


def nested(kind, depth):
    """A body that is so many lists, or objects, deep below its own."""
    value = 1
    for _ in range(depth):
        value = [value] if kind is list else {"x": value}
    return {"cursor": value}


@pytest.mark.parametrize("kind", [list, dict])
def test_how_deep_a_body_may_nest(kind):
    refuses("does not declare this body", evolve(SEARCH, body=nested(kind, 9)))
    refuses("of plain values", evolve(SEARCH, body=nested(kind, 10)))


def test_a_vendor_without_variable_hosts_names_no_slots() -> None:
    plain = Vendor(
        name="plain",
        title="Plain",
        api_version="1",
        docs="https://plain.example/docs",
        docs_read=date(2026, 1, 1),
        hosts={"main": BASE},
        reads=(),
        writes=(),
    )
    assert plain.host_slots == {}
    assert Guard(vendor=plain, base=BASE, scheme=Basic(user="u")).base == BASE
