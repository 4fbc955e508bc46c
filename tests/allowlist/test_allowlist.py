"""What the adapters declare, held against lists written from the vendors' pages by another hand.

The list of a vendor is `tests/allowlist/<name>.json`. Neither side is made from
the other, names of reads and writes are nobody's business, and a difference is
a question to put to the vendor's page: one of the two is wrong.
"""

from __future__ import annotations

import importlib
import json
import re
import tomllib
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atsbridge.wire.vendor import Read, Slot, SlotName, StatusWrite
from atsbridge.wire.xml import Element

HERE = Path(__file__).resolve().parent
PYPROJECT = HERE.parents[1] / "pyproject.toml"
REGISTERED = tomllib.loads(PYPROJECT.read_text())["project"]["entry-points"]["atsbridge.ats"]
VENDORS = sorted(REGISTERED)

NOT_STATUS = frozenset(
    """
    address attachment bcc birth calendar cc clean comment compensation convert cover custom date delete
    email event feedback field file first form gdpr headline interview interviews job last link mail merge
    message method name note notes notify offer opening owner password phone photo private prospect recipient
    recruiter referral requisition resume salary schedule score send source subject tag task template text
    title url user website
    """.split()  # noqa: SIM905 - as a list it would be a page long
)
"""Words in a key that stand for anything but a step, a status or its reason."""

HOSTILE = [
    *(
        "",
        " ",
        ".",
        "..",
        "a/b",
        "a%2Fb",
        "%2e%2e",
        "a\\b",
        "a?b=c",
        "a#b",
        "a&b=c",
        "a;b",
        "a=b",
        "a@b",
        "a:b",
    ),
    *("a b", "a\n", "\na", "a\r\nX-A: b", "a\x00", "a\x7f", "ä", "\u202e", "\uff11", "\u0663", "{a}", "$a"),
    *(
        "ines@example.com",
        "Ines Duarte",
        "+351555010100",
        '"',
        "'",
        "<",
        "null ",
        "1.0",
        "a,b",
        "-1 ",
        "a" * 5000,
    ),
]

FREE = re.compile(r"(?!\s)[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]{1,100}(?<!\s)")
"""What the customer's own words may be."""


def vendor_of(name):
    module, _, attribute = REGISTERED[name].partition(":")
    return getattr(importlib.import_module(module), attribute).VENDOR


def list_of(name):
    return json.loads((HERE / f"{name}.json").read_text())


# -- both sides in the same words --


def _shown(shape):
    """A declared body or query value: slots as their source and JSON type, constants as JSON."""
    if isinstance(shape, Slot):
        return f"<{shape.key}: {'integer' if shape.type is int else 'string'}>".join(shape.frame)
    if isinstance(shape, Element):
        within = [_shown(child) for child in shape.children] or [_shown(shape.text)]
        return _xml(shape.tag, {name: _shown(value) for name, value in shape.attributes}, within)
    if isinstance(shape, dict):
        return "{" + ", ".join(f"{json.dumps(k)}: {_shown(v)}" for k, v in shape.items()) + "}"
    if isinstance(shape, (list, tuple)):
        return "[" + ", ".join(map(_shown, shape)) + "]"
    return json.dumps(shape)


def _xml(tag, attributes, within):
    return f"<{tag} {attributes}>{''.join(within)}</{tag}>"


def _listed(shape, types):
    """The same for the list's: `{"slot": ..., "type": ...}` is a slot, `{"xml": ...}` an element.

    A slot inside a longer text has a ``frame``: what stands before and after it.
    """
    if _is_slot(shape):
        return f"<{shape['slot']}: {types[shape['type']]['json']}>".join(shape.get("frame", ("", "")))
    if isinstance(shape, dict) and "xml" in shape:
        attributes = {name: _listed(value, types) for name, value in shape.get("attributes", {}).items()}
        children = [_listed(child, types) for child in shape.get("children", ())]
        return _xml(shape["xml"], attributes, children or [_listed(shape.get("text"), types)])
    if isinstance(shape, dict):
        return "{" + ", ".join(f"{json.dumps(k)}: {_listed(v, types)}" for k, v in shape.items()) + "}"
    if isinstance(shape, list):
        return "[" + ", ".join(_listed(v, types) for v in shape) + "]"
    return json.dumps(shape)


def _is_slot(shape):
    return isinstance(shape, dict) and {"slot", "type"} <= set(shape) <= {"slot", "type", "frame"}


def _line(method, path, query, body):
    keys = "&".join(f"{key}={value}" for key, value in sorted(query.items()))
    return f"{method} {path}{'?' + keys if keys else ''} with the body {body}"


def declared_writes(vendor):
    return {
        _line(w.method, w.path, {k: _shown(v) for k, v in w.query}, _shown(w.body)): w for w in vendor.writes
    }


def listed_writes(allowed):
    types = allowed["types"]
    return {
        _line(
            row["method"],
            re.sub(r"\{([\w.]+):\w+\}", r"{\1}", row["path"]),
            {k: _listed(v, types) if isinstance(v, dict) else v for k, v in row["query"].items()},
            _listed(row["body"], types),
        ): row
        for row in allowed["writes"]
    }


def segment_types(path):
    return dict(re.findall(r"\{([\w.]+):(\w+)\}", path))


def slot_types(row):
    """The type of every slot of a listed write, wherever it stands."""
    found = segment_types(row["path"])
    todo = [row["query"], row["body"]]
    while todo:
        shape = todo.pop()
        if _is_slot(shape):
            found[shape["slot"]] = shape["type"]
        elif isinstance(shape, dict):
            todo.extend(shape.values())
        elif isinstance(shape, list):
            todo.extend(shape)
    return found


# -- the comparison --


def pattern_faults(where, pattern, wanted):
    """What is wrong with the pattern of an id, by the examples of the list."""
    for text in wanted["accepts"]:
        if not re.fullmatch(pattern, text):
            yield f"{where}: the adapter's pattern {pattern} refuses the vendor's own id {text!r}"
    # Words that are the customer's own cannot be told from others by their form: only the body may have such.
    hostile = [text for text in HOSTILE if not FREE.fullmatch(text)] if wanted.get("free") else HOSTILE
    for text in (*wanted["refuses"], *hostile):
        if re.fullmatch(pattern, text):
            yield f"{where}: the adapter's pattern {pattern} lets {text!r} through"


def write_faults(vendor, allowed):
    ours, theirs = declared_writes(vendor), listed_writes(allowed)
    for line in ours.keys() - theirs.keys():
        yield f"the adapter writes what the list does not allow: {line}"
    for line in theirs.keys() - ours.keys():
        yield f"the list names a write that the adapter does not have: {line}"
    for line in ours.keys() & theirs.keys():
        types = slot_types(theirs[line])
        slots = {slot.key: slot for slot in ours[line].slots}
        if slots.keys() != types.keys():
            yield f"{line}: the adapter's slots are {sorted(slots)}, the list's are {sorted(types)}"
        for name in slots.keys() & types.keys():
            yield from pattern_faults(f"{line}: {name}", slots[name].pattern, allowed["types"][types[name]])


def read_faults(vendor, allowed):
    """Every declared read is on the list; an adapter may well read less."""
    rows = {_place(row["method"], row["path"], row.get("root", "")): row for row in allowed["reads"]}
    for read in vendor.reads:
        row = rows.get(_place(read.method, read.below + read.path, read.root))
        if row is None:
            yield f"the adapter reads what the list does not allow: {read.method} {read.path}"
            continue
        extra = read.query - set(row["query"])
        if extra:
            yield f"{read.method} {read.path}: the list does not allow the query keys {sorted(extra)}"
        body = read.body - set(row.get("body", ()))
        if body:
            yield f"{read.method} {read.path}: the list does not allow the body keys {sorted(body)}"
        for pattern, type in zip(read.segments.values(), segment_types(row["path"]).values(), strict=True):
            yield from pattern_faults(f"{read.method} {read.path}", pattern, allowed["types"][type])
        for key, type in row.get("values", {}).items():
            if key in read.body:
                where, pattern = f"{read.method} {read.path}: {key}", read.values.get(key, ".*")
                yield from pattern_faults(where, pattern, allowed["types"][type])
        wanted = {key: each for key, each in row.get("rows", {}).items() if key in read.body}
        yield from rows_faults(f"{read.method} {read.path}", read.rows, wanted, allowed["types"])


def rows_faults(where, ours, theirs, types):
    """The lists of objects in a body, their keys and the forms of what is in them."""
    if ours.keys() != theirs.keys():
        yield f"{where}: the adapter's rows have the keys {sorted(ours)}, the list's {sorted(theirs)}"
    for key in ours.keys() & theirs.keys():
        mine, wanted = ours[key], theirs[key]
        if isinstance(mine, str) and isinstance(wanted, str):
            yield from pattern_faults(f"{where}: {key}", mine, types[wanted])
        elif isinstance(mine, str) or isinstance(wanted, str):
            yield f"{where}: {key} is rows to one and a text to the other"
        else:
            yield from rows_faults(f"{where}: {key}", mine, wanted, types)


def _place(method, path, root):
    return method, re.sub(r"\{.*?\}", "{}", path), root


def token_faults(vendor, allowed):
    ours = {url: endpoint for endpoint in vendor.tokens for url in endpoint.urls}
    theirs = {url: row for row in allowed["tokens"] for url in row["urls"]}
    for url in ours.keys() ^ theirs.keys():
        whose = "the adapter" if url in ours else "the list"
        yield f"only {whose} asks for tokens at {url}"
    for url in ours.keys() & theirs.keys():
        forms = [set(form) for form in theirs[url]["forms"]]
        extra = ours[url].form - set().union(*forms)
        if extra:
            yield f"{url}: the list does not allow the form keys {sorted(extra)}"
        if not any(form <= ours[url].form for form in forms):
            yield f"{url}: the form keys {sorted(ours[url].form)} make no whole token request"
        if ours[url].headers != {"authorization"}:
            yield f"{url}: a token request has no other header than Authorization"


def faults(vendor, allowed):
    found = [*write_faults(vendor, allowed), *read_faults(vendor, allowed), *token_faults(vendor, allowed)]
    if _shown(vendor.block) != _listed(allowed.get("block"), allowed["types"]):
        found.append(f"the adapter's constant block is {_shown(vendor.block)}")
    for host in set(vendor.hosts.values()) ^ set(allowed["hosts"]):
        whose = "the adapter" if host in vendor.hosts.values() else "the list"
        found.append(f"only {whose} names the data address {host}")
    return sorted(found)


# -- the tests --


def test_every_registered_vendor_has_a_list_and_every_list_its_vendor():
    assert sorted(path.stem for path in HERE.glob("*.json")) == VENDORS


@pytest.mark.parametrize("name", VENDORS)
def test_the_adapter_declares_exactly_what_the_list_allows(name):
    assert faults(vendor_of(name), list_of(name)) == []


@pytest.mark.parametrize("name", VENDORS)
def test_a_lists_own_patterns_fit_its_examples(name):
    """What no adapter may let through is measured by them."""
    for type, row in list_of(name)["types"].items():
        wrong = [text for text in row["accepts"] if not re.fullmatch(row["pattern"], text)]
        wrong += [text for text in row["refuses"] if re.fullmatch(row["pattern"], text)]
        assert wrong == [], type
        assert not row.get("free") or not any(map(FREE.fullmatch, row["refuses"])), type


@pytest.mark.parametrize("name", VENDORS)
def test_no_list_allows_anything_but_status(name):
    """The lists are written by people too."""
    for row in list_of(name)["writes"]:
        sources = {slot.partition(".")[0] for slot in slot_types(row)}
        assert "application" in sources
        outside = [
            *segment_types(row["path"]).values(),
            *(v["type"] for v in row["query"].values() if _is_slot(v)),
        ]
        assert not any(list_of(name)["types"][type].get("free") for type in outside), row["means"]
        keys = [*row["query"], *_keys(row["body"])]
        wrong = [key for key in keys if NOT_STATUS & words(key)]
        assert wrong == [], row["means"]
        assert sources <= {name.value for name in SlotName}


def words(key):
    """The words of a key; an interview stage is a stage, and a job application an application."""
    plain = re.sub(r"([A-Z])", r"_\1", key).lower().replace("__", "_")
    for longer, word in (("interview_stage", "stage"), ("job_application", "application")):
        plain = plain.replace(longer, word)
    return set(re.findall(r"[a-z]+", plain))


def test_keys_are_read_word_by_word():
    assert words("cleanInterviews") & NOT_STATUS == {"clean", "interviews"}
    assert words("rejection_email") & NOT_STATUS == {"email"}
    assert words("from_stage_id") & NOT_STATUS == set()
    assert words("interviewStageId") & NOT_STATUS == set()
    assert words("interviewScheduleId") & NOT_STATUS == {"interview", "schedule"}


def _keys(shape):
    if isinstance(shape, dict) and "xml" in shape:
        yield shape["xml"].rpartition("}")[2]
        yield from (name.rpartition("}")[2] for name in shape.get("attributes", {}))
        for child in shape.get("children", ()):
            yield from _keys(child)
    elif isinstance(shape, dict) and not _is_slot(shape):
        for key, value in shape.items():
            yield key
            yield from _keys(value)


@pytest.mark.parametrize("name", VENDORS)
def test_a_declaration_names_only_the_segments_it_describes(name):
    vendor = vendor_of(name)
    for write in vendor.writes:
        slots = {slot.key for slot in write.slots}
        assert set(re.findall(r"\{([\w.]+)\}", write.path)) <= slots
        assert set(re.findall(r"<([\w.]+):", _shown(dict(write.query)) + _shown(write.body))) <= slots
        assert len(slots) == len(write.slots)
        assert SlotName.APPLICATION in {slot.name for slot in write.slots}
    for read in vendor.reads:
        assert set(re.findall(r"\{(\w+)\}", read.path)) == set(read.segments)
    for url in (*vendor.hosts.values(), *(url for t in vendor.tokens for url in t.urls)):
        assert url.startswith("https://")
        assert not url.endswith("/")


@pytest.mark.parametrize("name", VENDORS)
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_pattern_lets_through_more_than_the_lists(name, data):
    vendor, allowed = vendor_of(name), list_of(name)
    widest = "|".join(f"(?:{row['pattern']})" for row in allowed["types"].values())
    patterns = {s.pattern for w in vendor.writes for s in w.slots}
    patterns |= {p for r in vendor.reads for p in r.segments.values()}
    pattern = data.draw(st.sampled_from(sorted(patterns)))
    text = data.draw(st.from_regex(pattern, fullmatch=True))
    assert re.fullmatch(widest, text), (pattern, text)


# -- a list that nothing contradicts would prove nothing: planted differences --

LEVER = vendor_of("lever")
MOVE = LEVER.writes[0]


def _changed(**changes):
    return evolve(LEVER, writes=(evolve(MOVE, **changes), *LEVER.writes[1:]))


def _wide(slot):
    return Slot(slot.name, r".+", slot.type)


@pytest.mark.parametrize(
    ("vendor", "named"),
    [
        (_changed(body={**MOVE.body, "cleanInterviews": True}), '"cleanInterviews": true'),
        (_changed(body={"stage": "offer"}), 'with the body {"stage": "offer"}'),
        (_changed(body=None), "with the body null"),
        (_changed(query=()), "PUT /opportunities/{application}/stage with"),
        (_changed(query=(*MOVE.query, ("notify", "true"))), 'notify="true"'),
        (_changed(method="POST"), "POST /opportunities/{application}/stage"),
        (_changed(path="/opportunities/{application}/notes"), "/opportunities/{application}/notes"),
        (_changed(slots=tuple(map(_wide, MOVE.slots))), "lets 'a/b' through"),
        (_changed(slots=MOVE.slots[:2]), "the adapter's slots are"),
        (evolve(LEVER, writes=LEVER.writes[1:]), "the list names a write that the adapter does not have"),
        (
            evolve(
                LEVER,
                writes=(*LEVER.writes, StatusWrite(name="n", method="POST", path="/notes", slots=())),
            ),
            "the adapter writes what the list does not allow: POST /notes",
        ),
        (evolve(LEVER, reads=(Read(name="r", path="/opportunities/{id}/notes"),)), "the adapter reads what"),
        (evolve(LEVER, reads=(Read(name="r", method="POST", path="/opportunities"),)), "reads what"),
        (
            evolve(LEVER, reads=(Read(name="r", path="/stages", query=frozenset({"_method"})),)),
            "does not allow the query keys ['_method']",
        ),
        (
            evolve(LEVER, reads=(Read(name="r", path="/stages", body=frozenset({"query"})),)),
            "does not allow the body keys ['query']",
        ),
        (
            evolve(LEVER, reads=(Read(name="r", path="/users/{id}", segments={"id": r"\S+"}),)),
            "lets 'a%2Fb' through",
        ),
        (evolve(LEVER, hosts={"x": "https://evil.example"}), "only the adapter names the data address"),
        (evolve(LEVER, tokens=()), "only the list asks for tokens"),
        (
            evolve(LEVER, tokens=(evolve(LEVER.tokens[0], urls=("https://evil.example/t",)),)),
            "only the adapter asks for tokens at https://evil.example/t",
        ),
        (
            evolve(LEVER, tokens=(evolve(LEVER.tokens[0], form=frozenset({"grant_type"})),)),
            "make no whole token request",
        ),
        (
            evolve(LEVER, tokens=(evolve(LEVER.tokens[0], form=LEVER.tokens[0].form | {"email"}),)),
            "does not allow the form keys ['email']",
        ),
        (
            evolve(LEVER, tokens=(evolve(LEVER.tokens[0], headers=frozenset({"x-method"})),)),
            "no other header",
        ),
    ],
)
def test_a_difference_is_named(vendor, named):
    found = faults(vendor, list_of("lever"))
    assert any(named in fault for fault in found), found


def test_an_integer_is_no_string():
    ours = Slot(SlotName.TARGET_STAGE, r"[0-9]+", int)
    assert _shown({"a": [ours, None]}) == '{"a": [<target_stage: integer>, null]}'
    listed = {"a": [{"slot": "target_stage", "type": "id"}, None]}
    assert _listed(listed, {"id": {"json": "string"}}) == '{"a": [<target_stage: string>, null]}'


def _rows_changes():
    """A search whose filters are not quite those of the list."""
    icims = vendor_of("icims")
    search = icims.reads[0]
    filters, group = search.rows["filters"], search.rows["children"]
    for rows, named in (
        ({}, "the adapter's rows have the keys []"),
        ({"filters": filters}, "the adapter's rows have the keys ['filters']"),
        ({**search.rows, "more": filters}, "['children', 'filters', 'more']"),
        ({**search.rows, "filters": {**filters, "note": r"\d"}}, "'note'"),
        ({**search.rows, "filters": {**filters, "name": r"[a-z.]+"}}, "lets 'person.email' through"),
        ({**search.rows, "children": {**group, "operator": "[|&]"}}, "lets '&' through"),
        ({**search.rows, "children": {**group, "operator": "&"}}, "refuses the vendor's own id '|'"),
        ({**search.rows, "children": {**group, "filters": ">"}}, "rows to one and a text to the other"),
        (
            {**search.rows, "children": {**group, "filters": {**filters, "operator": ".*"}}},
            "lets '=' through",
        ),
    ):
        yield evolve(icims, reads=(evolve(search, rows=rows),)), named


def test_a_planted_difference_in_the_filters_of_a_search_is_named():
    for vendor, named in _rows_changes():
        assert any(named in fault for fault in faults(vendor, list_of("icims"))), named


def _xml_changes():
    workday = vendor_of("workday")
    move = workday.writes[0]
    comment = Element("{urn:com.workday/bsvc}Comment_Data")
    first, *rest = move.body.children
    later = evolve(move.body, attributes=(("{urn:com.workday/bsvc}version", "v45.0"),))
    more = evolve(move.body, children=(evolve(first, children=(*first.children, comment)), *rest))
    for body, named in ((more, "Comment_Data"), (later, "v45.0"), (evolve(move.body, children=()), "write")):
        yield evolve(workday, writes=(evolve(move, body=body), *workday.writes[1:])), named
    yield evolve(workday, block=None), "constant block"
    yield evolve(workday, reads=(evolve(workday.reads[0], root="{urn:com.workday/bsvc}Put"),)), "reads"


def test_a_planted_difference_in_xml_is_named():
    for vendor, named in _xml_changes():
        assert any(named in fault for fault in faults(vendor, list_of("workday"))), named
