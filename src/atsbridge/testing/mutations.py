"""Mutations: what may become of an answer on its way, or of an API behind its own pages. By seed, and pure.

A `Specimen` is a body that was looked at once, to know where its values stand. `Specimen.mutated` changes
one thing of it by splicing, so that every other byte stays what it was::

    specimen = Specimen.of(b'{"data": [{"id": "a"}], "hasNext": false}')
    mutation = specimen.mutated(random.Random(1))
    mutation.name, mutation.where, mutation.body
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Self

from attrs import define, field, frozen

NONSENSE = "zzz-nonsense"
"""A word that no vendor has."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_TAG = re.compile(r"<(/?)([A-Za-z_][\w:.-]*)((?:\s[^<>]*?)?)(/?)>")
_DEEP = 100_000

VALUES: Mapping[str, bytes] = {
    "null": b"null",
    "a number": b"12345",
    "a fraction": b"1.5",
    "a negative number": b"-1",
    "a word": json.dumps(NONSENSE).encode(),
    "an empty text": b'""',
    "a blank": b'" "',
    "an empty list": b"[]",
    "an empty object": b"{}",
    "true": b"true",
    "false": b"false",
    "a list of nulls": b"[null, null]",
    "a nested object": b'{"value": {"id": "zzz-nonsense", "name": null}}',
    "NaN": b"NaN",
    "minus infinity": b"-Infinity",
    "a number out of range": b"1e400",
    "a huge number": b"9" * 400,
    "a number of too many digits": b"9" * 5000,
    "a number of 64 bits and one": b"18446744073709551616",
    "a time far away": b'"9999-12-31T23:59:59Z"',
    "a time of no calendar": b'"2026-02-30T25:61:00Z"',
    "a time without a zone": b'"2026-02-03T04:05:06"',
    "half a surrogate pair": b'"\\udce4"',
    "a NUL": b'"a\\u0000b"',
    "a line break": b'"a\\r\\nX-Injected: b"',
    "an escape of a terminal": b'"\\u001b[2J\\u202e"',
    "a path": b'"../../candidates/9"',
    "an encoded path": b'"a%2f..%2fb"',
    "a query": b'"a?_method=DELETE#b"',
    "an address elsewhere": b'"https://evil.example/v1/next?token=a"',
    "an address of this machine": b'"http://127.0.0.1:1/next"',
    "an address without a scheme": b'"//evil.example/next"',
    "a formula": b'"=cmd|calc!A1"',
    "a prototype": b'{"__proto__": {"id": "a"}, "constructor": null}',
    "nested deep": b"[" * 2_000 + b"]" * 2_000,
    "nested very deep": b"[" * _DEEP + b"]" * _DEEP,
    "a long text": b'"' + b"x" * 70_000 + b'"',
}
"""What can stand where something else should: JSON."""

TEXTS: Mapping[str, bytes] = {
    "nothing": b"",
    "a word": NONSENSE.encode(),
    "a number": b"12345",
    "a huge number": b"9" * 5000,
    "not a number": b"NaN",
    "a blank": b" \n ",
    "a time far away": b"9999-12-31T23:59:59Z",
    "a time of no calendar": b"2026-02-30",
    "true": b"true",
    "an element": b"<a><b>c</b></a>",
    "an entity of its own": b"&own;",
    "a character that is none": b"&#0;",
    "a section": b"<![CDATA[<a>]]>",
    "a comment": b"<!-- a -->",
    "a path": b"../../candidates/9",
    "an escape of a terminal": "\u202ea".encode(),
    "a long text": b"x" * 70_000,
    "nested deep": b"<a>" * 2_000 + b"</a>" * 2_000,
}
"""The same for XML."""


STRANGE = frozenset({
    "a word", "a fraction", "a list of nulls", "a nested object", "NaN", "minus infinity", "a huge number",
    "a number out of range", "a number of too many digits", "a time of no calendar", "half a surrogate pair",
    "a NUL", "a line break", "an escape of a terminal", "a path", "an encoded path", "a query", "a formula",
    "an address elsewhere", "an address of this machine", "an address without a scheme", "a prototype",
    "a long text", "not a number", "an entity of its own", "a character that is none",
    "a key twice",
})  # fmt: skip
"""Names of what no vendor says."""


@frozen
class Place:
    """Where a value stands in a body, in bytes.

    Args:
        outer: where its member begins: the key of an object's member, an element's tag.
        start, end: the value itself; of an element what is between its tags.
        close: where the member ends.
        key: its name; empty in a list.
        path: for people.
        form: ``{``, ``[``, a quote, or ``1`` for any other JSON; ``<`` for an element.
    """

    outer: int
    start: int
    end: int
    close: int
    key: str
    path: str
    form: str


@frozen
class Mutation:
    """One changed body: how, where in it, and the whole of it.

    ``strange`` says that what was put in has no meaning in any vendor's words: it can make nothing true.
    """

    name: str
    where: str
    body: bytes = field(repr=False)

    @property
    def strange(self) -> bool:
        return self.name in STRANGE


@define(eq=False)
class Specimen:
    """A body, and where its values stand: ``groups`` are the members of one object, list or element."""

    body: bytes
    places: Sequence[Place]
    groups: Sequence[Sequence[Place]]

    @classmethod
    def of(cls, body: bytes) -> Self:
        groups = list(_elements(body) if body.lstrip().startswith(b"<") else _values(body))
        return cls(body, [place for group in groups for place in group], [g for g in groups if len(g) > 1])

    def mutated(self, rng: random.Random) -> Mutation:
        """The body with one thing changed, or with two in one case of ten."""
        mutation = self._once(rng)
        if rng.random() < 0.1 and len(mutation.body) < 2 * len(self.body):
            again = Specimen.of(mutation.body)._once(rng)
            return Mutation(f"{mutation.name}, {again.name}", f"{mutation.where}, {again.where}", again.body)
        return mutation

    def _once(self, rng: random.Random) -> Mutation:
        while True:
            kinds = _IN_XML if self.places and self.places[0].form == "<" else _IN_JSON
            change = rng.choice(kinds if self.places and rng.random() < 0.75 else _IN_BYTES)
            found = change(self, rng)
            if found is not None and found.body != self.body:
                return found

    def _spliced(self, name: str, place: Place, start: int, end: int, new: bytes) -> Mutation:
        return Mutation(name, place.path, self.body[:start] + new + self.body[end:])


Change = Callable[[Specimen, random.Random], Mutation | None]


# -- where values stand --


@define
class _Open:
    """An object or list that has begun."""

    outer: int
    start: int
    key: str
    path: str
    form: str
    within: list[Place] = field(factory=list)
    next_key: tuple[int, str] | None = None

    def member(self, start: int) -> tuple[int, str, str]:
        """Where the next member begins, its key and its path."""
        at, key = self.next_key or (start, "")
        self.next_key = None
        name = key if self.form == "{" else str(len(self.within))
        return at, key, f"{self.path}.{name}" if self.path else name.strip("0")


def _values(body: bytes) -> Iterator[list[Place]]:
    """The members of each object and list of a JSON body; none of a body that is no JSON."""
    text = body.decode("latin-1")  # a character a byte
    stack = [_Open(0, 0, "", "", "[")]
    for token in _TOKEN.finditer(text):
        here, (start, end), mark = stack[-1], token.span(), token[0][0]
        if mark in "{[":
            outer, key, path = here.member(start)
            stack.append(_Open(outer, start, key, path, mark))
        elif mark in "}]":
            if len(stack) == 1:
                return
            done = stack.pop()
            place = Place(done.outer, done.start, end, end, done.key, done.path, done.form)
            stack[-1].within.append(place)
            yield done.within
        elif mark == '"' and here.form == "{" and here.next_key is None:
            here.next_key = (start, token[0][1:-1])
        elif mark not in ",:":
            outer, key, path = here.member(start)
            here.within.append(Place(outer, start, end, end, key, path, '"' if mark == '"' else "1"))


def _elements(body: bytes) -> Iterator[list[Place]]:
    """The children of each element of an XML body, and the root."""
    stack = [_Open(0, 0, "", "", "<")]
    for tag in _TAG.finditer(body.decode("latin-1")):
        start, end = tag.span()
        if tag[1]:
            if len(stack) == 1:
                return
            done = stack.pop()
            stack[-1].within.append(Place(done.outer, done.start, start, end, done.key, done.path, "<"))
            yield done.within
        else:
            path = f"{stack[-1].path}/{tag[2]}"
            if tag[4]:
                stack[-1].within.append(Place(start, end, end, end, tag[2], path, "<"))
            else:
                stack.append(_Open(start, end, tag[2], path, "<"))
    yield stack[0].within


# -- changes of bytes --


def _at(name: str, body: bytes, at: int, *, skip: int = 0, new: bytes = b"") -> Mutation:
    return Mutation(name, f"byte {at}", body[:at] + new + body[at + skip :])


def _flip(specimen: Specimen, rng: random.Random) -> Mutation | None:
    body = specimen.body
    if not body:
        return None
    at = rng.randrange(len(body))
    return _at("a flipped bit", body, at, skip=1, new=bytes([body[at] ^ 1 << rng.randrange(8)]))


def _cut(specimen: Specimen, rng: random.Random) -> Mutation:
    at = rng.randrange(len(specimen.body) + 1)
    return Mutation("cut", f"byte {at}", specimen.body[:at])


def _beheaded(specimen: Specimen, rng: random.Random) -> Mutation:
    at = rng.randrange(len(specimen.body) + 1)
    return Mutation("beheaded", f"byte {at}", specimen.body[at:])


def _hole(specimen: Specimen, rng: random.Random) -> Mutation:
    at, length = rng.randrange(len(specimen.body) + 1), rng.choice((1, 1, 2, 5, 20, 300))
    return _at("a hole", specimen.body, at, skip=length)


def _echo(specimen: Specimen, rng: random.Random) -> Mutation:
    body = specimen.body
    at, length = rng.randrange(len(body) + 1), rng.choice((1, 2, 5, 20, 300))
    return _at("a piece twice", body, at, new=body[at : at + length])


_INSERTED = (
    b"\x00", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\r\n", b"\x1b[2J", b"{", b"}", b"[",
    b"]", b'"', b"\\", b",", b":", b"<", b">", b"&", b"0", b"-", b"e", b".", b" ", b"\xe2\x80\xa8",
)  # fmt: skip


def _insert(specimen: Specimen, rng: random.Random) -> Mutation:
    return _at(
        "something inserted",
        specimen.body,
        rng.randrange(len(specimen.body) + 1),
        new=rng.choice(_INSERTED),
    )


_WHOLE: Mapping[str, Callable[[bytes], bytes]] = {
    "empty": lambda _body: b"",
    "a byte order mark": lambda body: b"\xef\xbb\xbf" + body,
    "UTF-16": lambda body: body.decode("utf-8", "replace").encode("utf-16"),
    "latin-1": lambda body: body.decode("utf-8", "replace").encode("latin-1", "replace"),
    "twice": lambda body: body + body,
    "null": lambda _body: b"null",
    "a number": lambda _body: b"1",
    "a text": lambda _body: b'"a"',
    "an empty list": lambda _body: b"[]",
    "an empty object": lambda _body: b"{}",
    "in a list": lambda body: b"[" + body + b"]",
    "in an object": lambda body: b'{"data": ' + body + b"}",
    "nested very deep": lambda _body: b"[" * _DEEP + b"]" * _DEEP,
    "a page": lambda _body: b"<html><body>Sign in</body></html>",
    "another document": lambda _body: b"<a/>",
    "a DTD": lambda body: b'<!DOCTYPE a [<!ENTITY own "c">]>' + body.partition(b"?>")[2],
    "space behind": lambda body: body + b" \r\n\t",
    "something behind": lambda body: body + b"x",
}


def _whole(specimen: Specimen, rng: random.Random) -> Mutation:
    name = rng.choice(list(_WHOLE))
    return Mutation(f"the whole: {name}", "", _WHOLE[name](specimen.body))


_IN_BYTES: tuple[Change, ...] = (
    _flip, _flip, _flip, _cut, _beheaded, _hole, _hole, _echo, _insert, _insert, _whole,
)  # fmt: skip


# -- changes of what is said --


def _replaced(specimen: Specimen, rng: random.Random) -> Mutation:
    place, name = rng.choice(specimen.places), rng.choice(list(VALUES))
    return specimen._spliced(name, place, place.start, place.end, VALUES[name])


def _nothing(specimen: Specimen, rng: random.Random) -> Mutation:
    place = rng.choice(specimen.places)
    return specimen._spliced("null", place, place.start, place.end, b"null")


def _retyped(specimen: Specimen, rng: random.Random) -> Mutation | None:
    """A number as text, a text as a number, one value as a list of it, a list as its first."""
    place = rng.choice(specimen.places)
    value = specimen.body[place.start : place.end]
    match place.form:
        case "1":
            new = b'"' + value + b'"'
        case '"' if value[1:-1].isdigit():
            new = value[1:-1].lstrip(b"0") or b"0"
        case '"':
            new = b'{"id": ' + value + b', "name": ' + value + b"}"
        case "[":
            new = b'{"0": ' + value[1:-1] + b"}" if rng.random() < 0.5 else value[1:-1]
        case _:
            new = b"[" + value + b"]"
    return specimen._spliced("of another type", place, place.start, place.end, new or b"null")


def _dropped(specimen: Specimen, rng: random.Random) -> Mutation | None:
    """A member less, with its comma."""
    if not specimen.groups:
        return None
    group = rng.choice(specimen.groups)
    at = rng.randrange(len(group))
    place = group[at]
    if at + 1 < len(group):
        return specimen._spliced("missing", place, place.outer, group[at + 1].outer, b"")
    return specimen._spliced("missing", place, group[at - 1].close, place.close, b"")


def _renamed(specimen: Specimen, rng: random.Random) -> Mutation | None:
    place = rng.choice(specimen.places)
    if not place.key:
        return None
    new = rng.choice((place.key + "_v2", place.key.swapcase(), "_" + place.key)).encode("latin-1")
    quote = place.outer + 1
    return specimen._spliced("renamed", place, quote, quote + len(place.key), new)


def _key_twice(specimen: Specimen, rng: random.Random) -> Mutation | None:
    place = rng.choice(specimen.places)
    if not place.key:
        return None
    again = specimen.body[place.outer : place.start] + rng.choice(list(VALUES.values())[:12])
    return specimen._spliced("a key twice", place, place.close, place.close, b", " + again)


def _added(specimen: Specimen, rng: random.Random) -> Mutation | None:
    """A member more: a new field, or in a list a new entry."""
    if not specimen.groups:
        return None
    place = rng.choice(rng.choice(specimen.groups))
    name = rng.choice(list(VALUES))
    key = b'"zzzNew": ' if place.key else b""
    return specimen._spliced(f"more: {name}", place, place.outer, place.outer, key + VALUES[name] + b", ")


def _swapped(specimen: Specimen, rng: random.Random) -> Mutation | None:
    """Two members of one object or list change places; in an object, their values do."""
    if not specimen.groups:
        return None
    one, two = sorted(rng.sample(rng.choice(specimen.groups), 2), key=lambda place: place.outer)
    body = specimen.body
    between = body[one.end : two.start]
    new = body[two.start : two.end] + between + body[one.start : one.end]
    return specimen._spliced("swapped", one, one.start, two.end, new)


def _anothers(specimen: Specimen, rng: random.Random) -> Mutation | None:
    """The value of the same key elsewhere in the body."""
    place = rng.choice(specimen.places)
    others = [other for other in specimen.places if other.key == place.key and other is not place]
    if not place.key or not others:
        return None
    other = rng.choice(others)
    value = specimen.body[other.start : other.end]
    return specimen._spliced("another's value", place, place.start, place.end, value)


def _doubled(specimen: Specimen, rng: random.Random) -> Mutation | None:
    """An entry of a list, or an element, a second time."""
    place = rng.choice(specimen.places)
    if place.key and place.form != "<":
        return None
    comma = b"" if place.form == "<" else b", "
    again = comma + specimen.body[place.outer : place.close]
    return specimen._spliced("twice", place, place.close, place.close, again)


def _recased(specimen: Specimen, rng: random.Random) -> Mutation | None:
    place = rng.choice(specimen.places)
    value = specimen.body[place.start : place.end]
    if place.form not in ('"', "<") or b"<" in value:
        return None
    return specimen._spliced("in other letters", place, place.start, place.end, value.swapcase())


_IN_JSON: tuple[Change, ...] = (
    _replaced, _replaced, _replaced, _nothing, _retyped, _dropped, _dropped, _renamed, _key_twice, _added,
    _swapped, _anothers, _doubled, _recased,
)  # fmt: skip


def _refilled(specimen: Specimen, rng: random.Random) -> Mutation:
    place, name = rng.choice(specimen.places), rng.choice(list(TEXTS))
    return specimen._spliced(name, place, place.start, place.end, TEXTS[name])


def _renamed_element(specimen: Specimen, rng: random.Random) -> Mutation:
    """Another name, in one of its tags or in both."""
    place = rng.choice(specimen.places)
    body, name = specimen.body, place.key.encode("latin-1")
    new = rng.choice((name + b"_v2", name.rpartition(b":")[2], b"other:" + name.rpartition(b":")[2]))
    opened = body[place.outer : place.start].replace(name, new, 1)
    closed = body[place.end : place.close]
    closed = closed.replace(name, new, 1) if rng.random() < 0.8 else closed
    whole = opened + body[place.start : place.end] + closed
    return specimen._spliced("renamed", place, place.outer, place.close, whole)


def _attributed(specimen: Specimen, rng: random.Random) -> Mutation | None:
    """An attribute less, more, or with another value."""
    place = rng.choice(specimen.places)
    tag = specimen.body[place.outer : place.start]
    found = list(re.finditer(rb'\s[\w:.-]+="[^"]*"', tag))
    if not found:
        at = 1 + len(place.key)
        new = tag[:at] + rng.choice((b' zzz="a"', b' nil="true"', b" zzz=a")) + tag[at:]
    else:
        one = rng.choice(found)
        name = one[0].partition(b"=")[0]
        other = rng.choice((b"", name + b'=""', name + b'="zzz-nonsense"', one[0] + one[0]))
        new = tag[: one.start()] + other + tag[one.end() :]
    return specimen._spliced("an attribute", place, place.outer, place.start, new)


_IN_XML: tuple[Change, ...] = (
    _refilled, _refilled, _refilled, _dropped, _dropped, _renamed_element, _attributed, _swapped, _anothers,
    _doubled, _recased,
)  # fmt: skip
