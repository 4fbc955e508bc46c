"""Bodies are read strictly, the same with and without msgspec, and nothing but our own errors comes out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atsbridge.errors import BadPayload, BadRecord
from atsbridge.wire import payload, reading
from atsbridge.wire.payload import Raw, read_json, read_list

PATHS = ["standard library"] + (["msgspec"] if payload.msgspec is not None else [])
BODY = json.dumps(
    {
        "data": [{"id": "a", "name": "Zoë", "n": 1.5, "deep": {"list": [1, None, True]}}, {"id": "b"}],
        "hasNext": True,
        "next": "token",
    },
    ensure_ascii=False,
).encode()


@pytest.fixture(params=PATHS)
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    choose(request.param, monkeypatch)
    return str(request.param)


def choose(path: str, patch: pytest.MonkeyPatch) -> None:
    if path == "standard library":
        patch.setattr(payload, "msgspec", None)


def outcome(body: bytes, key: str | None = "data") -> tuple[Any, list[Any]] | str:
    """What a body comes to: its envelope and records, the refused ones as a word; or a word for the whole."""
    try:
        envelope, raws = read_list(body, key)
    except BadPayload:
        return "BadPayload"
    return dict(envelope), [record(raw) for raw in raws]


def record(raw: Raw) -> Any:
    try:
        return raw.data
    except BadRecord:
        return BadRecord


def test_a_listing_is_split_into_envelope_and_records(path: str) -> None:
    envelope, raws = read_list(BODY, "data")
    assert envelope == {"hasNext": True, "next": "token"}
    assert [raw.data["id"] for raw in raws] == ["a", "b"]
    assert raws[0].data == json.loads(BODY)["data"][0]


def test_a_record_keeps_its_own_bytes(path: str) -> None:
    body = '[ {"id" : "é"} ,\n{"id":2}]'.encode()
    _, raws = read_list(body)
    assert [raw.content for raw in raws] == ['{"id" : "é"}'.encode(), b'{"id":2}']
    assert raws[0].digest == Raw('{"id" : "é"}'.encode()).digest != raws[1].digest


@pytest.mark.parametrize("body", [b"[]", b" [ ] ", b"\n[\t]\r"])
def test_an_empty_list_is_a_list(path: str, body: bytes) -> None:
    assert read_list(body) == ({}, [])


REFUSED = {
    "nothing": b"",
    "space": b"  ",
    "an object where a list should be": b"{}",
    "a list in a list's place, cut off": b'[{"id": 1}',
    "cut off within a record": b'[{"id": 1',
    "more after the end": b"[] []",
    "a comma too many": b"[1,]",
    "a missing comma": b"[1 2]",
    "HTML": b"<!doctype html><title>Log in</title>",
    "a byte order mark": b"\xef\xbb\xbf[]",
    "not UTF-8": b'["\xff"]',
    "UTF-16": "[]".encode("utf-16"),
    "half a character": '["é"]'.encode()[:-3],
    "single quotes": b"['a']",
    "a comment": b"[/* none */]",
    "a control character in a string": b'["a\x00b"]',
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_a_body_that_is_no_list_is_refused_as_a_whole(path: str, body: bytes) -> None:
    with pytest.raises(BadPayload):
        read_list(body)


MANY = {
    "numbers": b"[" + b"0," * 2_000_000 + b"0]",
    "objects": b"[" + b"{}," * 1_000_000 + b"{}]",
    "lists": b"[" + b"[]," * 1_000_000 + b"[]]",
    "depth": b"[" * 2_000_001 + b"]" * 2_000_001,
    "one record": b"[[" + b"0," * 2_000_000 + b"0]]",
}


@pytest.mark.parametrize("body", MANY.values(), ids=MANY)
def test_a_body_of_too_many_values_is_refused_before_any_is_made(
    path: str, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> Any:
        raise AssertionError("it was parsed")

    monkeypatch.setattr(payload, "_split", never)
    monkeypatch.setattr(payload, "_strict", never)
    for read in (read_list, read_json):
        with pytest.raises(BadPayload, match="more than 2,000,000 values"):
            read(body)


def test_a_large_body_of_few_values_is_read(path: str) -> None:
    body = b'["' + b"x" * 3_000_000 + b'"]'
    assert len(read_list(body)[1]) == 1


BROKEN_ENVELOPES = {
    "no such key": b'{"items": []}',
    "null in the list's place": b'{"data": null}',
    "an object in the list's place": b'{"data": {}}',
    "text in the list's place": b'{"data": "none"}',
    "a bare list": b"[]",
    "cut off": b'{"data": [], "more": ',
    "a comma too many": b'{"data": [],}',
    "NaN beside the list": b'{"data": [], "n": NaN}',
    "1e400 beside the list": b'{"data": [], "n": 1e400}',
    "a key twice inside the envelope's values": b'{"data": [], "page": {"a": 1, "a": 2}}',
    "half a surrogate pair": b'{"data": [], "next": "\\ud800"}',
    "the list twice": b'{"data": [], "data": [1]}',
    "a key of the envelope twice": b'{"data": [], "next": 1, "next": 2}',
    "half a surrogate pair in a key of the envelope": b'{"data": [], "\\ud800": 1}',
    "number as a key": b'{1: 2, "data": []}',
}


@pytest.mark.parametrize("body", BROKEN_ENVELOPES.values(), ids=BROKEN_ENVELOPES)
def test_a_broken_envelope_is_refused_as_a_whole(path: str, body: bytes) -> None:
    with pytest.raises(BadPayload):
        read_list(body, "data")


DOUBTFUL = {
    "a key twice": b'{"id": 1, "id": 2}',
    "a key twice, written in two ways": b'{"id": 1, "\\u0069d": 2}',
    "a key twice, deep inside": b'{"a": [{"b": 1, "b": 1}]}',
    "NaN": b'{"n": NaN}',
    "Infinity": b'{"n": -Infinity}',
    "1e400": b'{"n": 1e400}',
    "half a surrogate pair": b'{"name": "\\ud83d"}',
    "half a surrogate pair, the other half": b'{"name": "\\uDE00 x"}',
    "half a surrogate pair in a key": b'{"\\ud83d": 1}',
    "too many digits": b'{"n": ' + b"9" * 5000 + b"}",
    "nested too deep": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
}


@pytest.mark.parametrize("text", DOUBTFUL.values(), ids=DOUBTFUL)
def test_a_doubtful_record_never_becomes_data(path: str, text: bytes) -> None:
    """The whole listing is refused, or the one record when it is read; its neighbour may live on."""
    found = outcome(b'{"data": [{"id": "fine"}, ' + text + b"]}")
    if found != "BadPayload":
        assert found[1] == [{"id": "fine"}, BadRecord]
    with pytest.raises(BadPayload):
        read_json(text)


@pytest.mark.parametrize("text", DOUBTFUL.values(), ids=DOUBTFUL)
def test_an_error_never_repeats_the_value(path: str, text: bytes) -> None:
    word = b'"Zaphod"'
    for body in (b"[" + word + b", " + text + b"]", b"[" + word + b" " + word + b"]"):
        for read in (lambda body=body: read_json(body), lambda body=body: read_list(body)[1][1].data):
            with pytest.raises((BadPayload, BadRecord)) as caught:
                read()
            assert "Zaphod" not in str(caught.value)
            assert caught.value.__context__ is None  # json's own error holds the whole text


def test_whole_pairs_big_integers_and_high_characters_are_kept(path: str) -> None:
    body = '[{"face": "\\ud83d\\ude00", "n": 123456789012345678901234567890, "c": "𝕏"}]'.encode()
    assert read_list(body)[1][0].data == {"face": "😀", "n": 123456789012345678901234567890, "c": "𝕏"}


def test_a_field_can_be_looked_at_after_the_record_was_refused() -> None:
    """Who names a record, and sets it aside, need not do it in this order."""
    _, (raw, whole) = read_list(b'[{"id": "a", "note": "\\udce4"}, {"id": "b"}]')
    assert raw.peek("id") == "a"
    for _ in range(2):
        with pytest.raises(BadRecord):
            _ = raw.data
        assert raw.peek("id") == "a"
    assert whole.data == {"id": "b"} and whole.peek("id") == "b"


def test_a_part_is_read_as_strictly_as_the_whole() -> None:
    assert _part(Raw(b'{"id": 1, "part": {"a": 2}}')) == {"a": 2}
    assert _part(Raw(b'{"id": 1}')) is None
    twice = Raw(b'{"id": 1, "part": {"a": 2, "a": 3}}')
    assert twice.peek("part") is not None
    with pytest.raises(BadRecord, match="twice"):
        _part(twice)
    with pytest.raises(BadRecord, match="object"):
        _part(Raw(b"[]"))


def _part(raw: Raw) -> Any:
    return reading.record(raw.data).get("part")


def test_a_record_of_null_is_null(path: str) -> None:
    assert read_list(b"[null]")[1][0].data is None


def test_merged_answers_have_the_digest_of_their_content() -> None:
    assert Raw.of({"a": 1, "b": 2}).digest == Raw.of({"b": 2, "a": 1}).digest != Raw.of({"a": 1}).digest
    assert read_json(Raw.of({"a": [1]}).content) == Raw.of({"a": [1]}).data


def test_a_record_does_not_show_itself() -> None:
    assert repr(Raw(b'{"name": "Ada"}', {"name": "Ada"})) == "<Raw 15 bytes>"


# -- fuzz --

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A body with bytes cut out, put in, doubled or changed."""
    body = bytearray(BODY)
    tokens = [
        b"NaN",
        b"1e400",
        b"-",
        b'"',
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\\ud800",
        b"\xef\xbb\xbf",
        b"\xff",
    ]
    tokens += [b"null", b"\\", b"\x00", b'"data":[],', b'"id":1,', b"0" * 30, b"<html>"]
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(body)))
        match draw(st.sampled_from(("cut", "put", "double", "end"))):
            case "cut":
                del body[at : at + draw(st.integers(1, 8))]
            case "put":
                body[at:at] = draw(st.sampled_from(tokens))
            case "double":
                body[at:at] = body[at : at + draw(st.integers(1, 20))]
            case "end":
                del body[at:]
    return bytes(body)


@given(body=mutations() | st.binary(max_size=60), key=st.sampled_from(("data", None)))
def test_nothing_but_our_own_errors_comes_out_and_both_ways_agree(body: bytes, key: str | None) -> None:
    """Where one way refuses the whole and the other one record, neither gives doubtful data.

    That is the one difference allowed: the standard library parses each record
    as it splits, msgspec scans it; what only a parse sees (1e400) is then
    refused with the page, or with its record alone.
    """
    found = {}
    for path in PATHS:
        with pytest.MonkeyPatch.context() as patch:
            choose(path, patch)
            found[path] = outcome(body, key)
    results = list(found.values())
    assert found["standard library"] == "BadPayload" or "BadPayload" not in results
    for one in results:
        if one == "BadPayload":
            assert all(other == "BadPayload" or BadRecord in other[1] for other in results), found
        else:
            assert all(other in ("BadPayload", one) for other in results), found


@pytest.mark.parametrize("text", ["\\ud800", "\\uDE00 x", "Jo \\ud83d\\ud83d\\ude00"])
@pytest.mark.parametrize("key", ["data", None])
def test_half_a_surrogate_pair_costs_its_own_record_alone(path: str, text: str, key: str | None) -> None:
    listed = f'[{{"id": "a", "name": "{text}"}}, {{"id": "b", "name": "Zoë"}}]'
    body = listed if key is None else f'{{"data": {listed}, "next": null}}'
    _, raws = read_list(body.encode(), key)
    assert [raw.peek("id") for raw in raws] == ["a", "b"]
    assert [record(raw) for raw in raws] == [BadRecord, {"id": "b", "name": "Zoë"}]


@given(body=mutations() | st.binary(max_size=60))
def test_a_whole_body_is_strict_json_or_refused(body: bytes) -> None:
    try:
        data = read_json(body)
    except BadPayload:
        return
    assert json.loads(body) == data


@given(
    envelope=st.dictionaries(st.text(max_size=6), json_values, max_size=4),
    records=st.lists(json_values, max_size=5),
)
def test_whatever_is_json_is_read_as_it_is(envelope: dict[str, Any], records: list[Any]) -> None:
    text = json.dumps({**envelope, "data": records}, ensure_ascii=True)
    envelope.pop("data", None)
    for path in PATHS:
        with pytest.MonkeyPatch.context() as patch:
            choose(path, patch)
            assert outcome(text.encode()) == (envelope, records)


def test_a_list_that_begins_like_one_before_it_is_told_from_that() -> None:
    alike = ",".join(f'{{"id":"{n:030}"}}' for n in range(5))
    body = f'{{"first":[{alike}],"data":[{alike},{{"id":"x"}}]}}'.encode()
    envelope, raws = read_list(body, "data")
    assert [raw.data["id"] for raw in raws][-1] == "x" and len(raws) == 6
    assert len(envelope["first"]) == 5
    with pytest.raises(BadPayload):
        read_list(body[:-1] + b',"first":1}', "data")
