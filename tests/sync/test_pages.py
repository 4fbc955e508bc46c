"""From a page to deliveries and rows: what is new, unchanged, stale, poison, out of scope, or early."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import count
from typing import Any

import pytest
from attrs import evolve
from sync_world import MAPPING, START, rules
from tiny_ats import (
    CONNECTION,
    TinyAts,
    moment,
    read_application,
    read_candidate,
    read_job,
    read_reason,
    read_stage,
)

from atsbridge.crm.interface import Delivery, WriteResult, Written
from atsbridge.errors import BadRecord
from atsbridge.mapping import load_mapping
from atsbridge.model import (
    Application,
    Base,
    Candidate,
    CustomValue,
    Email,
    Kind,
    Record,
    Ref,
    Tombstone,
    TombstoneKind,
)
from atsbridge.sync.ledger import Known, Quarantined, Waiting
from atsbridge.sync.pages import LOOKED_AT, Seen, Sorted, Sorter, is_unchanged, item_digest, salt, tombstone
from atsbridge.sync.reality import Interpreter, Reality
from atsbridge.wire.payload import Raw
from atsbridge.wire.streams import Item, Page

AT = moment(START)
WALL = 5.0
CONFIGURATION: tuple[Record, ...] = (
    read_job({"id": "j1", "title": "Job"}, AT),
    *(read_stage({"id": s, "name": s}, AT) for s in "ABCH"),
    *(read_reason({"id": i, "name": n}, AT) for i, n in (("r1", "Unfit"), ("r2", "Left"))),
)
PARENTS: Mapping[Kind, Mapping[str, object]] = {Kind.JOB: {"j1": 1}, Kind.CANDIDATE: {"p1": 1}}
NONE: Mapping[Kind, Mapping[str, object]] = {Kind.JOB: {}, Kind.CANDIDATE: {}}


def sorter(mapping: str = MAPPING, **more: Any) -> Sorter:
    config = load_mapping(mapping)
    reality = Reality.of(CONFIGURATION)
    engine = reality.compile(config)
    return Sorter(
        connection=CONNECTION,
        interpreter=Interpreter.of(TinyAts(), reality, engine),
        jobs=more.pop("jobs", reality.jobs),
        mixed_with=salt("1", engine.digest),
        numbers=count(100),
        **{"wall": WALL, **more},
    )


def app(id: str = "1", stage: str | None = "A", status: str = "active", **more: Any) -> dict[str, Any]:
    return {"id": id, "job": "j1", "candidate": "p1", "stage": stage, "status": status, **more}


def item(data: dict[str, Any], *, at: datetime = AT, reader: Any = read_application) -> Item:
    return Item(((Kind.APPLICATION, data["id"]),), Raw.of(data), lambda raw: (reader(raw, at),))


def both(data: dict[str, Any], *, at: datetime = AT) -> Item:
    """An entry that is an application and its candidate."""
    person = {"id": data["candidate"], "name": "N"}
    return Item(
        ((Kind.APPLICATION, data["id"]), (Kind.CANDIDATE, data["candidate"])),
        Raw.of(data),
        lambda raw: (read_candidate(person, at), read_application(raw, at)),
    )


def known(id: str = "1", *, kind: Kind = Kind.APPLICATION, **changes: Any) -> dict[tuple[str, str], Known]:
    row: dict[str, Any] = {"digest": None, "read_at": AT.timestamp() - 1, "delivery": 7}
    row |= {"stage": "A", "status": "active"} if kind is Kind.APPLICATION else {}
    return {(kind.value, id): Known(connection=CONNECTION, kind=kind.value, id=id, **{**row, **changes})}


def sort(s: Sorter, *items: Item, known: Any = None, parents: Any = PARENTS) -> Sorted:
    rows, digests = known or {}, s.digests(items)
    held = [rows.get(item.ids[0]) for item in items]
    same = [looked_at(row) == (digest, None) for row, digest in zip(held, digests, strict=True)]
    return s.sort(items, digests, Seen(known=rows, parents=parents, unchanged=same))


def looked_at(row: Known | None) -> tuple[object, ...] | None:
    return None if row is None else tuple(getattr(row, name) for name in LOOKED_AT)


KEY = ("application", "1")


# -- digests --


def test_an_item_is_unchanged_by_bytes_reader_and_mapping_together() -> None:
    """The raw digest, the reader's revision and the mapping's digest: another of any makes it new."""
    one = item(app())
    digest = item_digest(one, salt("1", "m"))
    there = looked_at(known(digest=digest)[KEY])
    assert is_unchanged(digest, there)
    for other in (
        item_digest(item(app(stage="B")), salt("1", "m")),
        item_digest(one, salt("2", "m")),
        item_digest(one, salt("1", "n")),
    ):
        assert not is_unchanged(other, there)


def test_an_item_that_was_buried_or_never_seen_is_new() -> None:
    one = item(app())
    digest = item_digest(one, b"s")
    assert not is_unchanged(digest, looked_at(known(digest=digest, deleted="deleted")[KEY]))
    assert not is_unchanged(digest, looked_at(known(digest=None)[KEY]))
    assert not is_unchanged(digest, None)


def test_what_is_unchanged_is_not_read() -> None:
    def fail(*_: Any) -> Any:
        raise AssertionError

    s = sorter()
    one = item(app(), reader=fail)
    out = sort(s, one, known=known(digest=s.digests([one])[0]))
    assert (out.unchanged, out.read, out.deliveries, out.known) == (1, 0, {}, {})


def test_a_sweep_marks_what_is_unchanged_too() -> None:
    s = sorter(run=4)
    one = both(app())
    rows = known(digest=s.digests([one])[0]) | known("p1", kind=Kind.CANDIDATE)
    out = sort(s, one, known=rows)
    assert {key: row.seen for key, row in out.known.items()} == {KEY: 4, ("candidate", "p1"): 4}
    assert out.unchanged == 1 and not out.deliveries


# -- what is new --


def test_a_new_application_is_delivered_in_the_crms_words_with_its_base() -> None:
    out = sort(sorter(), item(app(stage="B", reason="r1", version=3)))
    one = out.deliveries[KEY]
    assert (one.step, one.status, one.reason) == ("B", "Active", "Unfit")
    assert one.base == Base("B", one.record.state.status, 100, "3")  # type: ignore[attr-defined]
    assert out.known[KEY] == Known(
        connection=CONNECTION,
        kind="application",
        id="1",
        digest=sorter().digests([item(app(stage="B", reason="r1", version=3))])[0],
        read_at=AT.timestamp(),
        job="j1",
        stage="B",
        status="active",
        reason="r1",
        token="3",
        delivery=100,
    )
    assert (out.read, out.unchanged, len(out.left_out), out.overtaken) == (1, 0, 0, 0)


@pytest.mark.parametrize(
    "before, number",
    [
        ({}, 7),
        ({"stage": "B"}, 100),
        ({"status": "rejected"}, 100),
        ({"delivery": 0}, 100),
        ({"reason": "r1"}, 7),
    ],
)
def test_a_delivery_has_a_new_number_where_stage_or_status_changed(
    before: dict[str, Any], number: int
) -> None:
    out = sort(sorter(), item(app()), known=known(**before))
    assert out.known[KEY].delivery == number
    base = out.deliveries[KEY].base
    assert base is not None and base.delivery == number


def test_other_records_have_no_base() -> None:
    s = sorter()
    one = Item(
        ((Kind.CANDIDATE, "p1"),),
        Raw.of({"id": "p1"}),
        lambda _: (read_candidate({"id": "p1", "name": "N"}, AT),),
    )
    out = sort(s, one)
    assert out.deliveries["candidate", "p1"].base is None
    assert (out.known["candidate", "p1"].delivery, out.known["candidate", "p1"].status) == (1, None)


def test_of_an_entry_with_two_records_only_the_first_ids_row_has_the_digest() -> None:
    out = sort(sorter(), both(app()))
    assert out.known[KEY].digest is not None and out.known["candidate", "p1"].digest is None
    assert set(out.deliveries) == {KEY, ("candidate", "p1")}


def test_a_run_marks_what_it_read_and_without_one_the_old_mark_stays() -> None:
    assert sort(sorter(run=4), item(app()), known=known(seen=2)).known[KEY].seen == 4
    assert sort(sorter(), item(app()), known=known(seen=2)).known[KEY].seen == 2


# -- which read is the later one --


@pytest.mark.parametrize("later, beaten", [(1.0, True), (0.0, False), (-1.0, False)])
def test_an_application_older_than_what_is_held_is_not_taken_but_read_again(
    later: float, beaten: bool
) -> None:
    rows = known(read_at=AT.timestamp() + later, stage="C")
    out = sort(sorter(wall=AT.timestamp() + 2), item(app()), known=rows)
    assert (out.overtaken, KEY in out.deliveries, KEY in out.known) == (int(beaten), not beaten, not beaten)
    assert [(w.id, w.parent_id) for w in out.waiting] == [("1", "1")] * beaten


def test_what_is_held_from_a_time_that_has_not_come_is_older_and_lends_its_time() -> None:
    ahead = AT.timestamp() + 86_400
    out = sort(sorter(wall=AT.timestamp() + 2), item(app()), known=known(read_at=ahead, stage="C"))
    assert (out.overtaken, out.waiting) == (0, [])
    assert (out.known[KEY].stage, out.known[KEY].read_at) == ("A", ahead)
    assert out.deliveries[KEY].record.read_at.timestamp() == ahead


def test_nobody_reads_a_candidate_but_the_inbound_worker_so_none_is_overtaken() -> None:
    key, at = ("candidate", "p1"), AT.timestamp() + 1
    rows = {key: evolve(known()[KEY], kind="candidate", id="p1", read_at=at)}
    out = sort(sorter(wall=at + 1), both(app()), known=rows)
    assert (out.overtaken, out.known[key].read_at) == (0, at)
    assert out.deliveries[key].record.read_at.timestamp() == at


def test_of_the_same_record_twice_on_a_page_the_later_read_is_held() -> None:
    twice = item(app(stage="B"), at=moment(START + 5)), item(app(stage="A"))
    out = sort(sorter(wall=AT.timestamp() + 60), *twice)
    assert (out.known[KEY].stage, out.overtaken) == ("B", 1)


# -- parents --


@pytest.mark.parametrize(
    "parents, waits_for",
    [
        (NONE, ("job", "j1")),
        ({Kind.JOB: {"j1": 1}, Kind.CANDIDATE: {}}, ("candidate", "p1")),
        (PARENTS, None),
    ],
)
def test_an_application_waits_for_its_parents(parents: Any, waits_for: Any) -> None:
    out = sort(sorter(), item(app()), parents=parents)
    if waits_for is None:
        assert not out.waiting
        return
    kind, id = waits_for
    assert out.waiting == [
        Waiting(connection=CONNECTION, kind="application", id="1", parent_kind=kind, parent_id=id, since=WALL)
    ]
    assert not out.deliveries and not out.known


def test_a_parent_on_the_same_page_is_there() -> None:
    out = sort(sorter(), both(app()), parents={Kind.JOB: {"j1": 1}, Kind.CANDIDATE: {}})
    assert not out.waiting and len(out.deliveries) == 2


def test_a_prospect_and_a_tombstone_wait_for_nobody() -> None:
    assert not sort(sorter(), item(app(job=None, candidate=None)), parents=NONE).waiting
    gone = evolve(read_application(app(), AT), deleted=Tombstone(TombstoneKind.DELETED))
    entry = Item(((Kind.APPLICATION, "1"),), Raw.of({}), lambda _: (gone,))
    out = sort(sorter(), entry, parents=NONE)
    assert not out.waiting and out.known[KEY].deleted == "deleted"


# -- scope --

NO_PROSPECTS = rules(prospects="prospects = false")


def test_what_is_out_of_scope_is_remembered_and_not_delivered() -> None:
    out = sort(sorter(NO_PROSPECTS), item(app(job=None)))
    assert (len(out.left_out), out.deliveries, out.known[KEY].delivery) == (1, {}, 0)


def test_what_leaves_the_scope_is_still_told_to_a_crm_that_holds_it() -> None:
    out = sort(sorter(NO_PROSPECTS), item(app(job=None, stage="B")), known=known())
    base = out.deliveries[KEY].base
    assert len(out.left_out) == 1 and base is not None and (base.stage, base.delivery) == ("B", 7)


def test_what_was_left_out_and_still_is_is_not_delivered() -> None:
    out = sort(sorter(NO_PROSPECTS), item(app(job=None, stage="B")), known=known(delivery=0))
    assert not out.deliveries and out.known[KEY].stage == "B"


def test_what_comes_into_scope_is_delivered_under_a_new_number() -> None:
    out = sort(sorter(), item(app(job=None)), known=known(delivery=0))
    assert out.known[KEY].delivery == 100


def test_the_candidate_of_an_application_that_is_left_out_is_left_out_with_it() -> None:
    out = sort(sorter(NO_PROSPECTS), both(app(job=None)))
    assert not out.deliveries and set(out.known) == {KEY}


def test_a_tombstone_goes_to_whoever_holds_the_record_in_scope_or_not() -> None:
    gone = evolve(read_application(app(job=None), AT), deleted=Tombstone(TombstoneKind.DELETED))
    entry = Item(((Kind.APPLICATION, "1"),), Raw.of({}), lambda _: (gone,))
    out = sort(sorter(NO_PROSPECTS), entry, known=known())
    assert out.deliveries[KEY].record.deleted is not None


def test_a_status_that_its_reason_tells_is_what_is_delivered() -> None:
    s = sorter(MAPPING.replace('reasons = ["Left"]', 'reasons = ["Left"]\nstatus = "withdrawn"'))
    out = sort(s, item(app(status="rejected", reason="r2")))
    assert (out.deliveries[KEY].status, out.known[KEY].status) == ("Withdrawn", "withdrawn")


# -- poison --


def test_a_record_that_cannot_be_read_is_set_aside_with_its_path_and_the_page_goes_on() -> None:
    bad = {"id": "1", "stage": "A"}
    out = sort(sorter(), item(bad), item(app("2")))
    assert out.quarantined == [
        Quarantined(
            connection=CONNECTION,
            kind="application",
            id="1",
            path="status",
            why="expected text",
            digest=sorter().digests([item(bad)])[0],
            first_at=WALL,
            last_at=WALL,
        )
    ]
    assert set(out.deliveries) == {("application", "2")} and out.read == 1


@pytest.mark.parametrize("error", [TypeError, ValueError, KeyError, AttributeError, RecursionError])
def test_a_reader_that_stumbles_sets_one_record_aside(error: type[Exception]) -> None:
    def stumbling(*_: Any) -> Any:
        raise error("what it said may hold a name")

    (row,) = sort(sorter(), item(app(), reader=stumbling)).quarantined
    assert (row.path, row.why) == ("", f"the reader failed: {error.__name__}")


def test_bytes_that_are_no_json_set_one_record_aside() -> None:
    broken = Item(((Kind.APPLICATION, "1"),), Raw(b'{"a":1,"a":2}'), lambda raw: (read_application(raw, AT),))
    (row,) = sort(sorter(), broken).quarantined
    assert row.id == "1" and "a key stands twice" in row.why


def test_any_other_error_of_a_reader_is_not_hidden() -> None:
    def fault(*_: Any) -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        sort(sorter(), item(app(), reader=fault))


def test_entries_without_an_id_are_kept_under_their_place() -> None:
    page = Page(rejected=[("[0].id", "expected text"), ("[1].id", "expected text")])
    one, other = sorter().unreadable("applications", page)
    assert (one.kind, one.path, one.why, one.first_at) == ("applications", "[0].id", "expected text", WALL)
    assert one.id.startswith("?") and one.id != other.id
    assert sorter().unreadable("applications", page)[0].id == one.id


def test_what_the_crm_refuses_for_good_is_set_aside() -> None:
    ref = Ref(CONNECTION, Kind.CANDIDATE, "p1")
    written = [
        Written(ref=ref, result=WriteResult.FAILED, why="no such country"),
        Written(ref=ref, result=WriteResult.UPDATED),
    ]
    batch = [Delivery(record=Candidate(ref=ref, read_at=AT))] * 2
    (row,) = sorter().refused(batch, written)
    assert (row.kind, row.id, row.why) == ("candidate", "p1", "the CRM refused it: no such country")


PERSON = Candidate(
    ref=Ref(CONNECTION, Kind.CANDIDATE, "p1"),
    read_at=AT,
    given_name="Zoë Ann",
    emails=(Email("zoe.quux@example.org"),),
    custom={"iban": CustomValue("text", "DE89370400440532013000", "Bank")},
)


@pytest.mark.parametrize("why", ["'quux' is no name", "ZOË is there already", "bad: de89370400440532013000"])
def test_a_crms_words_about_a_person_are_not_kept(why: str) -> None:
    written = [Written(ref=PERSON.ref, result=WriteResult.FAILED, why=why)]
    (row,) = sorter().refused([Delivery(record=PERSON)], written)
    assert row.why.startswith("the CRM refused it: its reason repeats the record's data")


@pytest.mark.parametrize("why", ["the text of the bank e-mail is too long", "field p1 at 3", ""])
def test_a_crms_other_words_are(why: str) -> None:
    written = [Written(ref=PERSON.ref, result=WriteResult.FAILED, why=why)]
    (row,) = sorter().refused([Delivery(record=PERSON)], written)
    assert row.why == f"the CRM refused it: {why}"


# -- tombstones --


@pytest.mark.parametrize("kind", list(Kind))
def test_a_tombstone_says_that_it_is_gone_and_nothing_else(kind: Kind) -> None:
    ref, into = Ref(CONNECTION, kind, "1"), Ref(CONNECTION, kind, "2")
    record = tombstone(ref, TombstoneKind.MERGED, AT, into=into)
    assert record.deleted == Tombstone(TombstoneKind.MERGED, None, into)
    assert (record.ref, record.read_at) == (ref, AT)
    assert isinstance(record, Application) is (kind is Kind.APPLICATION)


def test_bad_record_says_where() -> None:
    with pytest.raises(BadRecord) as caught:
        read_application({"id": "1"}, AT)
    assert caught.value.path == "status"


# -- what the mapping reads and leaves out --

CUSTOM = MAPPING + '\n[fields.notice]\nof = "application"\npath = "custom.notice"\n'


def test_custom_fields_come_from_the_vendors_own_record() -> None:
    one = sort(sorter(CUSTOM), item(app(custom={"notice": "3 months"}))).deliveries[KEY]
    assert one.record.custom["notice"].value == "3 months"


def test_custom_fields_of_other_records_too() -> None:
    mapping = CUSTOM.replace('"application"', '"candidate"')
    data = {"id": "p1", "name": "N", "custom": {"notice": "3 months"}}
    entry = Item(((Kind.CANDIDATE, "p1"),), Raw.of(data), lambda raw: (read_candidate(raw, AT),))
    one = sort(sorter(mapping), entry).deliveries["candidate", "p1"]
    assert one.record.custom["notice"].value == "3 months"


def test_an_entry_that_is_no_object_has_no_custom_fields() -> None:
    whole = read_application(app(), AT)
    entry = Item(((Kind.APPLICATION, "1"),), Raw.of([1]), lambda _: (whole,))
    assert sort(sorter(CUSTOM), entry).deliveries[KEY].record.custom == {}


def test_a_candidate_stays_while_one_of_its_applications_is_in_scope() -> None:
    person = read_candidate({"id": "p1", "name": "N"}, AT)
    inside, outside = read_application(app(), AT), read_application(app("2", job=None), AT)
    ids = ((Kind.CANDIDATE, "p1"), (Kind.APPLICATION, "1"), (Kind.APPLICATION, "2"))
    entry = Item(ids, Raw.of({"id": "p1"}), lambda _: (person, inside, outside))
    out = sort(sorter(NO_PROSPECTS), entry)
    assert set(out.deliveries) == {KEY, ("candidate", "p1")} and len(out.left_out) == 1


def test_the_scope_of_an_application_is_that_of_its_job() -> None:
    confidential = evolve(read_job({"id": "j1", "title": "Job"}, AT), confidential=True)
    out = sort(sorter(jobs={"j1": confidential}), item(app()))
    assert len(out.left_out) == 1 and not out.deliveries


def test_poison_that_is_shown_in_a_sweep_is_marked_as_seen() -> None:
    bad = {"id": "1", "stage": "A"}
    assert sort(sorter(run=4), item(bad), known=known()).known[KEY].seen == 4
    assert sort(sorter(run=4), item(bad)).known == {}
    assert sort(sorter(), item(bad), known=known()).known == {}


# -- ids that no request can carry --


def test_an_application_that_no_request_can_name_is_set_aside() -> None:
    """Neither a fresh read nor a write could ask for it: one record's fault, and no other's."""
    s = sorter(can_name=lambda id: id.isdigit())
    out = sort(s, item(app("a/b")), item(app("2")))
    assert [(q.id, q.path) for q in out.quarantined] == [("a/b", "id")]
    assert list(out.deliveries) == [("application", "2")]


def test_what_the_mapping_leaves_out_waits_for_nobody() -> None:
    out = sort(
        sorter(MAPPING.replace("prospects = true", "prospects = false")),
        item(app() | {"job": None}),
        parents=NONE,
    )
    assert out.waiting == [] and len(out.left_out) == 1
