"""The canonical records: what their digests see, what their reprs hide, and what a target asks for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from typing import Any

import attrs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from atsbridge import model
from atsbridge.mapping import CROSSWALK
from atsbridge.model import (
    WORST_FIRST,
    Application,
    ApplicationStatus,
    Base,
    Candidate,
    CustomValue,
    Email,
    Job,
    Kind,
    Link,
    Location,
    Phone,
    Reason,
    Receipt,
    Record,
    Ref,
    Result,
    Source,
    SourceType,
    Stage,
    StageKind,
    State,
    StatusUpdate,
    TeamMember,
    Tombstone,
    TombstoneKind,
    Transition,
    User,
    personal_fields,
)

RECORDS: tuple[type[Record], ...] = (User, Reason, Job, Stage, Candidate, Application)
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
REF = Ref("acme", Kind.APPLICATION, "1")
HIDDEN = "Zaphod"

texts = st.none() | st.text(max_size=5)
refs = st.builds(Ref, st.just("acme"), st.sampled_from(Kind), st.sampled_from("123"))
times = st.none() | st.datetimes(timezones=st.just(UTC))
applications = st.builds(
    Application,
    ref=refs,
    read_at=st.just(AT),
    updated_at=times,
    deleted=st.none() | st.builds(Tombstone, st.sampled_from(TombstoneKind), times, st.none() | refs),
    url=texts,
    custom=st.dictionaries(st.sampled_from("ab"), st.builds(CustomValue, st.just("text"), texts), max_size=2),
    job=st.none() | refs,
    stage=st.none() | refs,
    status=st.sampled_from(ApplicationStatus),
    vendor_status=texts,
    source=st.none() | st.builds(Source, texts, st.sampled_from(SourceType)),
    history=st.lists(st.builds(Transition, times, st.sampled_from("AB")), max_size=2).map(tuple),
    token=texts,
)
statuses = st.sampled_from(ApplicationStatus)
states = st.builds(State, st.none() | st.sampled_from("AB"), statuses, st.none() | st.sampled_from("rs"))


# -- digests --


@given(applications)
def test_a_digest_is_of_the_content_alone(record: Application) -> None:
    again = attrs.evolve(record, read_at=AT + timedelta(days=1), custom=dict(reversed(record.custom.items())))
    assert again.digest == record.digest
    assert len(record.digest) == 32


@given(applications, applications)
def test_two_records_have_one_digest_only_if_they_are_equal(one: Application, other: Application) -> None:
    assert (one.digest == other.digest) is (one == other)


@given(applications, st.data())
@settings(max_examples=200)
def test_every_field_is_seen(record: Application, data: st.DataObject) -> None:
    """Whichever one field of another record is put in, the digest is another."""
    other = data.draw(applications)
    name = data.draw(st.sampled_from([f.name for f in attrs.fields(Application) if f.name != "read_at"]))
    assume(getattr(record, name) != getattr(other, name))
    assert attrs.evolve(record, **{name: getattr(other, name)}).digest != record.digest


@pytest.mark.parametrize("record_type", RECORDS)
def test_the_fields_of_every_record_are_seen(record_type: Any) -> None:
    bare = record_type(ref=REF, read_at=AT)
    for field in attrs.fields(record_type):
        if field.name in ("read_at", "ref"):
            continue
        assert attrs.evolve(bare, **{field.name: "another"}).digest != bare.digest, field.name


@pytest.mark.parametrize(
    "one, other",
    [
        ({"vendor_status": None}, {"vendor_status": ""}),
        ({"vendor_status": "None"}, {"vendor_status": None}),
        ({"vendor_status": "1"}, {"vendor_substatus": "1"}),
        ({"history": ()}, {"history": (Transition(None, ""),)}),
        ({"custom": {"a": CustomValue("int", 1)}}, {"custom": {"a": CustomValue("text", "1")}}),
        ({"applied_at": AT}, {"applied_at": AT + timedelta(microseconds=1)}),
    ],
)
def test_what_looks_alike_has_another_digest(one: Any, other: Any) -> None:
    made = [Application(ref=REF, read_at=AT, **fields) for fields in (one, other)]
    assert made[0].digest != made[1].digest


def test_another_revision_of_the_model_makes_every_record_new(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Application(ref=REF, read_at=AT).digest
    monkeypatch.setattr(model, "MODEL_REVISION", "next")
    assert Application(ref=REF, read_at=AT).digest != before


def test_half_a_surrogate_pair_has_a_digest_too() -> None:
    assert Candidate(ref=REF, read_at=AT, given_name="\ud800").digest


def test_the_digest_of_a_record_stays_what_it_is() -> None:
    """Stored in every ledger: another value here makes every record of every customer new."""
    record = Application(
        ref=REF,
        read_at=AT,
        stage=Ref("acme", Kind.STAGE, "A"),
        status=ApplicationStatus.ACTIVE,
        applied_at=AT,
        history=(Transition(AT, "A"),),
    )
    assert record.digest == "74c2f620f6d2397bcbffe6134c037016"


# -- what is personal --

FULL: Mapping[type, Mapping[str, Any]] = {
    User: {"name": HIDDEN, "email": HIDDEN},
    TeamMember: {"user_id": "u", "name": HIDDEN, "email": HIDDEN},
    Email: {"value": HIDDEN},
    Phone: {"value": HIDDEN},
    Link: {"url": HIDDEN},
    Location: dict.fromkeys(("raw", "city", "region", "postcode", "country"), HIDDEN),
    Candidate: {
        **dict.fromkeys(("given_name", "family_name", "display_name", "company", "title"), HIDDEN),
        "emails": (Email(HIDDEN),),
        "phones": (Phone(HIDDEN),),
        "links": (Link(HIDDEN),),
        "locations": (Location(HIDDEN),),
    },
}


@pytest.mark.parametrize("of", sorted(FULL, key=lambda t: t.__name__))
def test_personal_fields_are_named_and_never_shown(of: type) -> None:
    envelope = {"ref": REF, "read_at": AT} if issubclass(of, Record) else {}
    one = of(**envelope, **FULL[of])
    assert HIDDEN not in repr(one) and "<hidden>" in repr(one)
    assert set(personal_fields(of)) == set(FULL[of]) - {"user_id"}


@pytest.mark.parametrize("of", [Job, Stage, Reason, Application])
def test_other_records_have_none(of: type) -> None:
    assert personal_fields(of) == ()


def test_what_is_not_there_is_shown_not_to_be_there() -> None:
    assert "given_name=None" in repr(Candidate(ref=REF, read_at=AT))


def test_a_team_a_custom_value_and_an_actor_are_hidden_wherever_they_stand() -> None:
    job = Job(ref=REF, read_at=AT, hiring_team=(TeamMember("u", name=HIDDEN),))
    app = Application(ref=REF, read_at=AT, custom={"a": CustomValue("text", HIDDEN)})
    update = StatusUpdate(event_id="e", application=REF, actor=HIDDEN)
    for one in (job, app, update):
        assert HIDDEN not in repr(one)


def test_personal_fields_come_in_the_order_of_declaration() -> None:
    assert personal_fields(User) == ("name", "email")


# -- identity --


def test_a_ref_is_told_with_its_connection() -> None:
    assert str(REF) == "acme/application/1"
    assert Ref("acme", Kind.JOB, "1") != REF != Ref("globex", Kind.APPLICATION, "1")
    assert sorted([Ref("b", Kind.JOB, "1"), Ref("a", Kind.JOB, "2")])[0].connection == "a"


def test_everything_is_frozen_and_needs_no_more_than_its_identity() -> None:
    for record_type in RECORDS:
        record = record_type(ref=REF, read_at=AT)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            record.url = "x"  # type: ignore[misc]
        missing = [f.name for f in attrs.fields(record_type) if f.default is attrs.NOTHING]
        assert missing == ["ref", "read_at"]


def test_kinds_are_in_the_order_of_delivery() -> None:
    assert [k.value for k in Kind] == ["user", "reason", "job", "stage", "candidate", "application"]


# -- states --


@given(states, states)
def test_the_same_state_is_stage_and_status(one: State, other: State) -> None:
    expected = (one.stage, one.status) == (other.stage, other.status)
    assert one.same(other) is other.same(one) is expected


@given(states, states)
def test_a_target_is_met_where_all_that_it_names_is_there(state: State, target: State) -> None:
    named = [(target.status, state.status)]
    if target.stage is not None:
        named.append((target.stage, state.stage))  # type: ignore[arg-type]
    if target.reason is not None:
        named.append((target.reason, state.reason))  # type: ignore[arg-type]
    assert state.meets(target) is all(wanted == there for wanted, there in named)


@given(states)
def test_every_state_meets_itself(state: State) -> None:
    assert state.meets(state) and state.same(state)


def test_the_state_of_an_application_is_made_of_ids() -> None:
    app = Application(
        ref=REF,
        read_at=AT,
        stage=Ref("acme", Kind.STAGE, "A"),
        status=ApplicationStatus.REJECTED,
        reason=Ref("acme", Kind.REASON, "r"),
    )
    assert app.state == State("A", ApplicationStatus.REJECTED, "r")
    assert Application(ref=REF, read_at=AT).state == State(None, ApplicationStatus.UNKNOWN)
    assert Base("A", ApplicationStatus.ACTIVE, 3, "t").state == State("A", ApplicationStatus.ACTIVE)


# -- words --


def test_the_worst_comes_first() -> None:
    told = "DEAD REVIEW CONFLICT REFUSED SUPERSEDED APPLIED_OVER_CHANGE APPLIED ALREADY"
    assert [r.name for r in WORST_FIRST] == told.split()
    assert set(WORST_FIRST) == set(Result)


def test_every_word_is_its_own_name_in_lower_case() -> None:
    """Words are stored and shown by their value: a value that is another word's name would be misread."""
    for enum in vars(model).values():
        if isinstance(enum, type) and issubclass(enum, Enum) and enum.__module__ == model.__name__:
            assert [m.value for m in enum] == [m.name.lower() for m in enum], enum


def test_a_receipt_begins_with_nothing_claimed() -> None:
    receipt = Receipt(event_id="e", application=REF, result=Result.REFUSED)
    assert (receipt.progress, receipt.strength, receipt.gap.value) == ((0, 0), None, "not_applicable")
    assert receipt.evidence == {} and receipt.words is None


def test_the_crosswalk_speaks_in_words_of_the_model() -> None:
    for kind, status in CROSSWALK.values():
        assert isinstance(kind, StageKind) and isinstance(status, ApplicationStatus)


def test_times_that_are_the_same_moment_need_not_have_the_same_digest() -> None:
    """Times are UTC by rule: a reader that keeps another zone makes a record of its own."""
    other = AT.astimezone(timezone(timedelta(hours=2)))
    one, two = (Application(ref=REF, read_at=AT, applied_at=when) for when in (AT, other))
    assert one.digest != two.digest
