"""Recordings: they replay under both drivers, show nobody, and a simulator is held against them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from atsbridge import AsyncBridge, Bridge
from atsbridge.ats.interface import Ats
from atsbridge.ats.lever import Lever
from atsbridge.crm.sql import SqlCrm
from atsbridge.mapping import load_mapping
from atsbridge.registry import Group, load
from atsbridge.simulators.interface import Limits, SimRequest, SimResponse, Simulator
from atsbridge.simulators.serve import serve
from atsbridge.testing.account import Standing, adapter_for, opened_wide
from atsbridge.testing.canaries import Watch
from atsbridge.testing.recording import NotRecorded, conforms_to, recorder
from atsbridge.testing.recording.parts import Addresses, rewrite_body, values_of
from atsbridge.testing.recording.scrubbing import Scrubber

LEVER = ("hasNext", "?limit", "?confidentiality", "?expand", "?includeDeactivated")
WORKDAY = (
    "Response_Results.*", "Response_Filter.Page", "Response_Filter.Count", "Include_*", "Exclude_*",
    "Job_Requisition_Status_Reference.*", "@Skip_*", "@type", "@version", "@mustUnderstand", "?format",
    "{owner}", "{report}",
)  # fmt: skip


@frozen
class Told:
    """What came of a pull: the applications as the CRM has them."""

    mirror: dict[str, Standing]
    requests: int


def _mirror(crm: SqlCrm) -> dict[str, Standing]:
    return {v.ref.id: (v.confirmed.stage, v.confirmed.status.value) for v in crm.applications()}


def pull_sync(ats: Ats, **parts: Any) -> Told:
    crm = SqlCrm(":memory:")
    with Bridge(ats=ats, crm=crm, mapping={"version": 1}, **parts) as bridge:
        return Told(requests=bridge.pull().requests, mirror=_mirror(crm))


def pull_async(ats: Ats, **parts: Any) -> Told:
    async def run() -> Told:
        crm = SqlCrm(":memory:")
        async with AsyncBridge(ats=ats, crm=crm, mapping={"version": 1}, **parts) as bridge:
            return Told(requests=(await bridge.pull()).requests, mirror=_mirror(crm))

    return asyncio.run(run())


def generated(vendor: str) -> Simulator:
    made: Simulator = load(Group.SIMULATOR, vendor).generate(12, limits=Limits(None))
    return made


def record(vendor: str, keep: tuple[str, ...], path: Path, do: Callable[..., Any]) -> tuple[Any, Simulator]:
    """Do something with a simulator's account behind a port, and have it recorded."""
    simulator = generated(vendor)
    ats = adapter_for(vendor, simulator)
    with serve(simulator) as server, recorder(ats.VENDOR, keep=keep).use_cassette(path):
        return do(ats, at=server.url), simulator


BOTH = pytest.mark.parametrize(("vendor", "keep"), [("lever", LEVER), ("workday", WORKDAY)])


# -- replaying --


@BOTH
@pytest.mark.loopback
def test_a_recording_replays_under_both_drivers(vendor: str, keep: tuple[str, ...], tmp_path: Path) -> None:
    """At the vendor's own address: one request that bypassed the cassette would be refused a socket."""
    path = tmp_path / "pull.yaml"
    recorded, simulator = record(vendor, keep, path, pull_sync)
    told = []
    for pull in (pull_sync, pull_async):
        ats = adapter_for(vendor, simulator)
        with recorder(ats.VENDOR, keep=keep).use_cassette(path) as cassette:
            told.append(pull(ats))
            assert cassette.all_played
    assert told[0] == told[1]
    assert told[0].requests == recorded.requests
    assert len(told[0].mirror) == len(recorded.mirror) == 12
    assert not set(told[0].mirror) & set(recorded.mirror)
    # The same by the same: as many stages as there were, and as many at each.
    assert _counts(told[0]) == _counts(recorded)


def _counts(told: Told) -> list[int]:
    stages = [stage for stage, _ in told.mirror.values()]
    return sorted(stages.count(stage) for stage in set(stages))


@BOTH
@pytest.mark.loopback
def test_the_async_driver_records_too(vendor: str, keep: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "pull.yaml"
    recorded, simulator = record(vendor, keep, path, pull_async)
    ats = adapter_for(vendor, simulator)
    with recorder(ats.VENDOR, keep=keep).use_cassette(path):
        assert len(pull_sync(ats).mirror) == len(recorded.mirror)


@pytest.mark.loopback
def test_what_is_not_recorded_is_an_error_that_tells_no_value(tmp_path: Path) -> None:
    path = tmp_path / "pull.yaml"
    _, simulator = record("lever", LEVER, path, pull_sync)
    ats = adapter_for("lever", simulator)
    bridge = Bridge(ats=ats, crm=SqlCrm(":memory:"), mapping={"version": 1})
    with recorder(Lever.VENDOR, keep=LEVER).use_cassette(path), bridge:
        _ = bridge.pull()
        with pytest.raises(NotRecorded) as seen:
            _ = bridge.sweep()
    assert "the cassette has no answer left for this GET" in str(seen.value)
    assert "api.lever.co" not in str(seen.value) and seen.value.advice


@pytest.mark.loopback
def test_what_is_named_must_be_the_same_at_replay(tmp_path: Path) -> None:
    path = tmp_path / "pull.yaml"
    _, simulator = record("lever", LEVER, path, pull_sync)
    text = path.read_text().replace("limit=100", "limit=99")
    path.write_text(text)
    ats = adapter_for("lever", simulator)
    with recorder(Lever.VENDOR, keep=LEVER).use_cassette(path), pytest.raises(NotRecorded, match=r"\?limit"):
        _ = pull_sync(ats)


@pytest.mark.loopback
def test_a_key_calls_the_same_thing_by_the_same_name_in_several_cassettes(tmp_path: Path) -> None:
    simulator = generated("lever")
    ats = adapter_for("lever", simulator)
    ids = []
    for name, key in (("a", b"one"), ("b", b"one"), ("c", b"two")):
        path = tmp_path / name
        with serve(simulator) as server, recorder(Lever.VENDOR, keep=LEVER, key=key).use_cassette(path):
            _ = pull_sync(ats, at=server.url)
        ids.append(set(re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-\S{4}-\S{4}-[0-9a-f]{12}", path.read_text())))
    assert ids[0] == ids[1]
    assert not ids[0] & ids[2]


# -- showing nobody --


def played(ats: Ats, **parts: Any) -> int:
    """A preflight, a pull, and a move that is written: by then single records are asked for, too."""
    crm = SqlCrm(":memory:")
    approved = ats.VENDOR.surface_digest
    with Bridge(ats=ats, crm=crm, mapping={"version": 1}, **parts) as bridge:
        mapping = opened_wide(bridge.suggest(), bridge.configuration())
    with Bridge(ats=ats, crm=crm, mapping=mapping, approved=approved, **parts) as bridge:
        _ = bridge.check()
        _ = bridge.pull()
        plan = bridge.configuration().compile(load_mapping(mapping))
        for view in crm.applications():
            if view.confirmed.status.value == "active":
                words = plan.plan(view.job.id if view.job else None).steps
                other = next(word for stage, word in words.items() if stage != view.confirmed.stage)
                _ = crm.change_step(view.ref, actor="recruiter", step=other)
                break
        return len(bridge.push().receipts)


@BOTH
@pytest.mark.loopback
def test_no_person_and_no_credential_is_in_the_file(
    vendor: str, keep: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "all.yaml"
    _, simulator = record(vendor, keep, path, played)
    text = path.read_text()
    watch = Watch()
    watch.look("cassette", text)
    assert watch.hits == []
    assert [id for id in simulator.truth() if id in text] == []
    for name, value in simulator.configuration().items():
        if isinstance(value, str) and ("secret" in name or "key" in name or "password" in name):
            assert value not in text


@BOTH
@pytest.mark.loopback
def test_the_canaries_would_be_in_a_file_that_keeps_all(
    vendor: str, keep: tuple[str, ...], tmp_path: Path
) -> None:
    """So that the test above can fail."""
    path = tmp_path / "all.yaml"
    _ = record(vendor, ("*",), path, pull_sync)
    watch = Watch()
    watch.look("cassette", path.read_text())
    assert {hit.about.value for hit in watch.hits} >= {"person"}


# -- what becomes of a value --


def scrubber(*keep: str) -> Scrubber:
    return Scrubber(Addresses.of(Lever.VENDOR), tuple(tuple(name.split(".")) for name in keep))


@given(st.lists(st.text() | st.integers() | st.uuids().map(str) | st.emails(), unique_by=str, max_size=40))
def test_each_value_has_one_stand_in_and_no_two_have_the_same(values: list[Any]) -> None:
    change = scrubber()
    made = [change(("id",), value) for value in values]
    assert made == [change(("id",), value) for value in values]
    assert [type(value) for value in made] == [type(value) for value in values]
    assert len({str(value) for value in made}) == len({str(value) for value in values})
    for before, after in zip(values, made, strict=True):
        if re.search(r"[^\W_]", str(before)):
            assert before != after


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("0a1b2c3d-0a1b-4c2d-8e3f-0a1b2c3d4e5f", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        ("Ana.Prata+jobs@example.com", r"[A-Z][a-z]{2}\.[A-Z][a-z]{4}\+[a-z]{4}@[a-z]{7}\.[a-z]{3}"),
        ("+351 912 345 678", r"\+\d{3} \d{3} \d{3} \d{3}"),
        (1732550400000, r"[1-9]\d{12}"),
        (-12, r"-[1-9]\d"),
        (12.5, r"[1-9]\d\.\d+"),
        ("/Date(1732550400000+0000)/", r"/Date\([1-9]\d{12}\+0000\)/"),
        ("https://www.linkedin.com/in/ana-prata", r"https://[a-z]{3}\.[a-z]{8}\.[a-z]{3}/[a-z]{2}/[a-z]{3}-[a-z]{5}"),
        ("Ana wants to move", r"[A-Z][a-z]{2} [a-z]{5} [a-z]{2} [a-z]{4}"),
    ],
)  # fmt: skip
def test_its_form_stays(value: Any, form: str) -> None:
    made = scrubber()(("anything",), value)
    assert re.fullmatch(form, str(made)) and made != value


@pytest.mark.parametrize("text", ["2026-11-25", "2026-11-25T10:15:00Z", "2026-11-25T10:15:00.123456+01:00"])
def test_a_time_becomes_another_time(text: str) -> None:
    made = scrubber()(("born",), text)
    assert isinstance(made, str) and made != text and len(made) == len(text)
    assert datetime.fromisoformat(made).utcoffset() == datetime.fromisoformat(text).utcoffset()


def test_what_is_composed_of_ids_still_is() -> None:
    change = scrubber()
    assert change(("id",), "12:77") == f"{change(('a',), 12)}:{change(('b',), '77')}"


@pytest.mark.parametrize("value", [None, True, False, "", " ", [], {}, "--"])
def test_what_tells_nothing_stays(value: Any) -> None:
    assert scrubber()(("x",), value) == value


def test_only_what_is_named_stays() -> None:
    change = scrubber("stage.text", "@type", "Include_*")
    body = {"stage": {"text": "Offer"}, "text": "Offer", "Include_Name": "yes", "other": {"stage": "Offer"}}
    made = json.loads(rewrite_body(json.dumps(body).encode(), "application/json", change))
    assert made["stage"] == {"text": "Offer"} and made["Include_Name"] == "yes"
    assert made["text"] == made["other"]["stage"] != "Offer"


@pytest.mark.parametrize(
    "key", ["ana@example.com", "7f3a9e12-0000-4000-8000-000000000001", "12345", "Ana Prata"]
)
def test_a_key_that_is_a_value_is_replaced_as_one(key: str) -> None:
    change = scrubber()
    made = json.loads(rewrite_body(json.dumps({"people": {key: 1}}).encode(), "", change))
    assert list(made["people"]) == [change((), key)] != [key]


def test_a_key_that_looks_like_a_field_is_a_value_where_the_object_is_named_as_a_map() -> None:
    change = Scrubber(Addresses.of(Lever.VENDOR), (), (("owners", "by"),))
    body = {"owners": {"by": {"Ana": {"by": 1}, "Bela": {"by": 2}}}, "by": {"text": 3}}
    made = json.loads(rewrite_body(json.dumps(body).encode(), "", change, is_map=change.is_map))
    ana, bela = made["owners"]["by"]
    assert "Ana" not in ana and "Bela" not in bela and ana != bela
    assert list(made["owners"]["by"][ana]) == ["by"] and list(made["by"]) == ["text"]
    # Read again, it is no field of its own.
    assert {place for place, _ in values_of(json.dumps(made).encode(), "")} == {
        ("owners", "by", "*"),
        ("owners", "by", "*", "by"),
        ("by", "text"),
    }


@pytest.mark.parametrize(
    ("named", "place"),
    [("?limit", "xlimit"), ("limit", "?limit"), ("stage.text", "text"), ("a[bc]", "ab"), ("In_*", "XIn_A")],
)
def test_a_name_names_nothing_else(named: str, place: str) -> None:
    change = scrubber(named)
    assert not change.keeps((place,))
    assert change.keeps(tuple(named.replace("*", "A").split(".")))


def test_a_page_link_keeps_its_words_and_loses_its_values() -> None:
    change = scrubber("?limit")
    made = change.url("https://api.lever.co/v1/opportunities/abc-1?limit=100&offset=xyz")
    (id,) = re.findall(r"opportunities/([^?]+)", made)
    assert made == f"https://api.lever.co/v1/opportunities/{id}?limit=100&offset={change.text('xyz')}"
    assert id == change.text("abc-1") != "abc-1"


def test_a_key_of_a_query_or_a_form_that_nobody_declares_is_a_value() -> None:
    change = scrubber()
    made = change.url("https://api.lever.co/v1/opportunities?limit=1&ana@example.com=2&anaprata=3")
    assert made.startswith("https://api.lever.co/v1/opportunities?limit=")
    assert not re.search("example|anaprata", made)
    form = rewrite_body(b"ana%40example.com=1&grant_type=2", "application/x-www-form-urlencoded", change)
    assert b"ana" not in form and b"grant_type=" in form


class Answered:
    """What vcrpy hands over of one exchange."""

    def __init__(self, uri: str) -> None:
        self.uri, self.headers, self.body = uri, {"Authorization": "secret"}, b""


def test_of_an_answers_words_and_links_only_what_leads_to_a_page_stays() -> None:
    made = recorder(Lever.VENDOR, keep=("?limit",))
    link = '<https://api.lever.co/v1/opportunities?limit=5&offset=xyz>; rel="next"; title="Ana Prata"; by=ana'
    answer = {
        "status": {"code": 404, "message": "Ana Prata is not found"},
        "headers": {"Link": [link], "X-Who": ["Ana"]},
        "body": {"string": b"{}"},
    }
    request: Any = Answered("https://api.lever.co/v1/opportunities?limit=5")
    _, kept = made.before_save_interaction(request, answer)
    assert kept["status"] == {"code": 404, "message": ""}
    (said,) = kept["headers"].pop("Link")
    assert re.fullmatch(r'<https://api\.lever\.co/v1/opportunities\?limit=5&offset=\w+>; rel="next"', said)
    assert "xyz" not in said and kept["headers"] == {}


@pytest.mark.parametrize(
    ("body", "media"),
    [
        (b'{"a": [1, {"b": "c d"}], "e": null}', "application/json"),
        (b'<a xmlns="urn:x" k="v"><b>text</b><b/></a>', "text/xml"),
        (b"a=1&b=two+words", "application/x-www-form-urlencoded"),
        (b"neither, of the three", "text/plain"),
    ],
)
def test_every_value_is_seen_and_the_rest_stays(body: bytes, media: str) -> None:
    made = rewrite_body(body, media, lambda place, value: value)
    assert values_of(made, media) == values_of(body, media)
    assert b"qq" not in made
    changed = rewrite_body(body, media, lambda place, value: "qq" if isinstance(value, str) else value)
    assert changed.count(b"qq") == sum(isinstance(value, str) for _, value in values_of(body, media))


# -- holding a simulator against a recording --


@BOTH
@pytest.mark.loopback
def test_an_honest_simulator_conforms(vendor: str, keep: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    # A move is written, too, where any step will do.
    _ = record(vendor, keep, path, played if vendor == "lever" else pull_sync)
    assert conforms_to(generated(vendor), path) == []


def falsified(vendor: str, change: Callable[[SimRequest, SimResponse], SimResponse]) -> Simulator:
    simulator = generated(vendor)
    honest = simulator.respond
    simulator.respond = lambda request: change(request, honest(request))  # type: ignore[method-assign]
    return simulator


def edited(old: bytes, new: bytes) -> Callable[[SimRequest, SimResponse], SimResponse]:
    return lambda _request, answer: SimResponse(answer.status, answer.headers, answer.body.replace(old, new))


def _without(name: str, answer: SimResponse) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in answer.headers if pair[0].lower() != name)


LIES: list[tuple[str, Any, str]] = [
    ("lever", edited(b'"archived":', b'"old":'), "the recording has data[].archived, the simulator never"),
    ("lever", edited(b'"archived":', b'"old":'), "the simulator has data[].old, the recording never"),
    ("lever", edited(b'"hasNext":false', b'"hasNext":"no"'), "hasNext is bool in the recording, and text in"),
    (
        "lever",
        lambda request, answer: SimResponse(404) if "/stages" in request.target else answer,
        "GET /v1/stages: the recording answers 200, the simulator 404",
    ),
    (
        "lever",
        lambda _request, answer: SimResponse(answer.status, (("Content-Type", "text/html"),), answer.body),
        "the content type is application/json, the simulator's text/html",
    ),
    (
        "lever",
        lambda _request, answer: SimResponse(answer.status, _without("date", answer), answer.body),
        "the recording has the header date, the simulator has not",
    ),
    ("workday", edited(b"Total_Pages", b"Pages"), "Response_Results[].Total_Pages, the simulator never"),
]  # fmt: skip


@pytest.mark.parametrize(("vendor", "lie", "said"), LIES)
@pytest.mark.loopback
def test_a_falsified_simulator_is_caught(vendor: str, lie: Any, said: str, tmp_path: Path) -> None:
    path = tmp_path / "pull.yaml"
    keep = {"lever": LEVER, "workday": WORKDAY}[vendor]
    _ = record(vendor, keep, path, pull_sync)
    found = conforms_to(falsified(vendor, lie), path)
    assert any(said in difference for difference in found), found


@pytest.mark.loopback
def test_what_could_not_be_asked_is_said(tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    _ = record("lever", LEVER, path, played)
    empty = load(Group.SIMULATOR, "lever").generate(0, limits=Limits(None))
    what = "GET /v1/opportunities/{id}: could not be asked, the simulator's account has nothing in its place"
    assert what in conforms_to(empty, path)
