"""Mutations are by seed, and of every kind; a reader that guesses is caught by them."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import pytest
from attrs import evolve

from atsbridge.ats import lever
from atsbridge.errors import BadPayload
from atsbridge.model import ApplicationStatus, Kind, Ref
from atsbridge.testing import Account
from atsbridge.testing.contract.mutated import Judge
from atsbridge.testing.mutations import STRANGE, TEXTS, VALUES, Specimen
from atsbridge.testing.replayed import Replay
from atsbridge.wire.payload import read_json

BODY = b'{"data": [{"id": "a", "n": 1, "o": {"x": null}}, {"id": "b\\"}", "l": []}], "more": false}'
XML = b'<?xml version="1.0"?><a:e xmlns:a="u"><a:b n="1">t</a:b><!-- c --><a:c/><a:b>u</a:b></a:e>'


def test_where_the_values_of_a_body_stand() -> None:
    found = {place.path: BODY[place.start : place.end] for place in Specimen.of(BODY).places}
    assert found == {
        "data.0.id": b'"a"', "data.0.n": b"1", "data.0.o.x": b"null", "data.0.o": b'{"x": null}',
        "data.0": b'{"id": "a", "n": 1, "o": {"x": null}}', "data.1.id": b'"b\\"}"', "data.1.l": b"[]",
        "data.1": b'{"id": "b\\"}", "l": []}', "more": b"false",
        "data": BODY[9 : BODY.index(b', "more"')],
    }  # fmt: skip


def test_where_the_elements_of_a_document_stand() -> None:
    found = [(place.path, XML[place.start : place.end]) for place in Specimen.of(XML).places]
    assert found[:3] == [("/a:e/a:b", b"t"), ("/a:e/a:c", b""), ("/a:e/a:b", b"u")]
    assert found[3][0] == "/a:e"


@pytest.mark.parametrize("body", [BODY, XML, b"", b"no JSON {", b"[]", b"}]}", b"</a></b>"])
def test_the_same_seed_changes_the_same_and_something_is_always_changed(body: bytes) -> None:
    one, two = ([Specimen.of(body).mutated(random.Random(n)) for n in range(200)] for _ in range(2))
    assert one == two
    assert [m.body for m in one] == [m.body for m in two]
    assert all(mutation.body != body for mutation in one)


@pytest.mark.parametrize(("body", "named"), [(BODY, VALUES), (XML, TEXTS)], ids=["JSON", "XML"])
def test_there_is_every_kind(body: bytes, named: Any) -> None:
    rng, specimen = random.Random(1), Specimen.of(body)
    seen = Counter(specimen.mutated(rng).name for _ in range(8000))
    assert set(named) <= set(seen)
    assert {"missing", "renamed", "swapped", "another's value", "twice", "cut", "a flipped bit"} <= set(seen)
    assert set(VALUES) | set(TEXTS) | {"a key twice"} >= STRANGE


def test_what_is_changed_in_one_record_leaves_the_others_bytes() -> None:
    rng, specimen = random.Random(2), Specimen.of(BODY)
    for mutation in (specimen.mutated(rng) for _ in range(2000)):
        if mutation.where.startswith("data.0.") and mutation.strange:
            assert BODY[9:].partition(b'{"id": "b')[2] in mutation.body
            try:
                assert read_json(mutation.body)["data"][1] == json.loads(BODY)["data"][1]
            except BadPayload:
                continue


# -- a reader that guesses --


def guesses_the_status(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = lever.read_application

    def read(*given: Any) -> Any:
        return evolve(honest(*given), status=ApplicationStatus.ACTIVE)

    monkeypatch.setattr(lever, "read_application", read)


def takes_the_neighbours_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    honest, last = lever.read_application, list[Any]()

    def read(*given: Any) -> Any:
        application = honest(*given)
        last[:] = [application.stage] if application.stage else last
        return application if application.stage else evolve(application, stage=last[0] if last else None)

    monkeypatch.setattr(lever, "read_application", read)


def has_a_stage_for_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = lever.read_application

    def read(*given: Any) -> Any:
        application = honest(*given)
        usual = Ref(application.ref.connection, Kind.STAGE, "hired-by-default")
        return application if application.stage else evolve(application, stage=usual)

    monkeypatch.setattr(lever, "read_application", read)


def stops_at_the_first_odd_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lever, "sort_out", lambda raws, make: ([make(raw) for raw in raws], []))


def leaves_out_what_it_cannot_read(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = lever.read_list

    def some(body: bytes, key: str | None = None) -> Any:
        envelope, raws = honest(body, key)
        return envelope, raws[: len(raws) if len(raws) < 2 or b"zzz" not in body else -1]

    monkeypatch.setattr(lever, "read_list", some)


def trusts_the_form_of_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = lever.next_token

    def token(envelope: Any, **names: str) -> Any:
        _ = envelope["hasNext"] + 0
        return honest(envelope, **names)

    monkeypatch.setattr(lever, "next_token", token)


@pytest.mark.parametrize(
    "plant",
    [
        guesses_the_status, takes_the_neighbours_stage, has_a_stage_for_everybody,
        stops_at_the_first_odd_record, leaves_out_what_it_cannot_read, trusts_the_form_of_answers,
    ],
)  # fmt: skip
def test_a_reader_with_one_fault_is_caught(plant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    replay, rng = Replay.of(Account.open("lever", applications=10)), random.Random(5)
    judges = [Judge(replay, one) for one in replay.subjects if one.stream == "opportunities"]
    plant(monkeypatch)
    with pytest.raises((AssertionError, TypeError, KeyError)):
        for _ in range(4000):
            rng.choice(judges).judge(rng)


def test_a_good_one_is_not() -> None:
    replay, rng = Replay.of(Account.open("lever", applications=10)), random.Random(5)
    judges = [Judge(replay, one) for one in replay.subjects if one.stream == "opportunities"]
    for _ in range(1000):
        rng.choice(judges).judge(rng)
