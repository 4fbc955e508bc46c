"""Payloads: whatever a body holds, it is an error with a name, a quarantined record, or what it says."""

from __future__ import annotations

import json
import random
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from types import MappingProxyType
from typing import Any, TypeVar

import pytest

from ...errors import AtsBridgeError
from ...simulators.interface import SimRequest, SimResponse
from ...wire.effects import Purpose
from ...wire.vendor import SEPARATOR
from ..account import Account
from ..direct import Respond
from .subject import Subject, operation_of

T = TypeVar("T")
Change = Callable[[bytes], bytes]
NONSENSE = "zzz-nonsense"

WHOLE: dict[str, Change] = {
    "empty": lambda _body: b"",
    "half": lambda body: body[: len(body) // 2],
    "not UTF-8": lambda body: body[:-1] + b"\xff" + body[-1:],
    "a byte order mark": lambda body: b"\xef\xbb\xbf" + body,
    "null": lambda _body: b"null",
    "a number": lambda _body: b"1",
    "an empty list": lambda _body: b"[]",
    "an empty object": lambda _body: b"{}",
    "NaN": lambda _body: b'{"data": NaN}',
    "a key twice": lambda _body: b'{"data": [], "data": []}',
    "nested deep": lambda _body: b"[" * 100_000 + b"]" * 100_000,
    "a huge number": lambda _body: b'{"data": 1e400}',
    "a DTD": lambda body: b'<!DOCTYPE a [<!ENTITY b "c">]>' + body.partition(b"?>")[2],
    "another document": lambda _body: b"<a/>",
}
"""What can be wrong with a body as a whole."""

VALUES: dict[str, Any] = {
    "null": None,
    "a number": 12345,
    "a fraction": 1.5,
    "a word": NONSENSE,
    "an empty text": "",
    "a list": [],
    "an object": {},
    "true": True,
    "a time far away": "9999-12-31T23:59:59Z",
    "a surrogate": "\udce4",
}
"""What can stand where something else should. A missing field is one more."""

ODD_IDS: dict[str, Any] = {
    "a path": "a/../b",
    "nothing": "",
    "a list": [],
    "a fraction": 1.5,
    "another alphabet": "\u00e4\u0660",
}
"""What no request can carry in the place of an id."""

_GATE = 25
"""Beside the mutated answers of every run; the campaign takes them all."""


def _some(choices: Iterable[T], seed: int) -> list[T]:
    """As many as every run takes."""
    shuffled = list(choices)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - a choice of tests
    return shuffled[:_GATE]


class Payloads(Subject):
    """Bodies that are broken, and records that are not what was promised."""

    def test_a_broken_body_is_an_error_with_a_name_and_loses_nothing(self, seed: int) -> None:
        for operation, name in _some(product(self._operations(), WHOLE), seed):
            self._try_whole(operation, name)

    @pytest.mark.campaign
    def test_every_broken_body_of_every_request(self) -> None:
        for operation, name in product(self._operations(), WHOLE):
            self._try_whole(operation, name)

    def _try_whole(self, operation: str, name: str) -> None:
        account = self._small()
        self._alter(account, operation, WHOLE[name])
        told = _pull_or_error(account)
        account.driver.meddle = None
        account.time.sleep(3600)
        # An empty list that is a whole answer cannot be told from the truth.
        _ = account.bridge.pull(full=not told and name.startswith("an empty"))
        assert account.differences() == {}, (operation, name)

    def test_a_value_of_another_kind_never_crashes_and_never_invents(self, seed: int) -> None:
        for operation, path, name in _some(self._alterations(), seed):
            self._try(operation, path, name)

    @pytest.mark.campaign
    def test_every_value_of_another_kind(self) -> None:
        for operation, path, name in self._alterations():
            self._try(operation, path, name)

    def _try(self, operation: str, path: tuple[Any, ...], name: str) -> None:
        account = self._small()
        self._alter(account, operation, lambda body: _altered(body, path, name))
        _pull_or_error(account)
        truth = account.truth()
        for id, (stage, status) in account.mirror().items():
            if name == "a word" and id in truth:
                assert stage in (truth[id].stage, None, NONSENSE), (operation, path, name)
                assert status in (truth[id].status, "unknown"), (operation, path, name)
        account.driver.meddle = None
        account.time.sleep(3600)
        _ = account.bridge.pull(full=True)
        # An id that was altered to another is a record that nobody has.
        _ = account.bridge.sweep(limit=1.0)
        assert account.differences() == {}, (operation, path, name)

    # -- ids that no request can carry --

    def test_a_listed_id_of_another_form_costs_its_own_record(self) -> None:
        """Quarantined or left out by itself: the rest is read, by pull and sweep, and nothing seems gone."""
        for number, (operation, path) in enumerate(self._named()):
            self._try_id(operation, path, list(ODD_IDS)[number % len(ODD_IDS)])

    @pytest.mark.campaign
    def test_every_listed_id_of_every_other_form(self) -> None:
        for operation, path in self._named():
            for name in ODD_IDS:
                self._try_id(operation, path, name)

    def _named(self) -> list[tuple[str, tuple[Any, ...]]]:
        """Places where an entry of a listing names a record, or one that it belongs to."""
        account = self._small()
        known = {id for one in _concerned(account).values() for id in one}
        return [
            (operation, path)
            for operation, body in sorted(self._bodies().items())
            for path in _places(body)
            if (path[0] == "xml" or _in_a_row(path)) and _value_at(body, path) in known
        ]

    def _try_id(self, operation: str, path: tuple[Any, ...], name: str) -> None:
        account, place = self._small(), (operation, path, name)
        concerned, hurt = _concerned(account), set[str]()

        def change(body: bytes) -> bytes:
            # What is one record's alone is named as a whole, in its path.
            found = _beside(body, () if "*" in operation and path[0] != "xml" else path)
            hurt.update(found & {id for one in concerned.values() for id in one})
            return _altered(body, path, name, ODD_IDS)

        self._alter(account, operation, change)
        report = account.bridge.pull()
        whole = {id for id, one in concerned.items() if not one & hurt}
        for _ in range(2):
            lost = account.differences()
            assert not lost.keys() & whole, place
            missing = [id for id, (_, shown) in lost.items() if shown is None]
            assert not missing or report.quarantined + report.waiting, place
            _ = account.bridge.sweep(limit=1.0)
        _ = account.driver.run(account.bridge.client.run(account.ats.check_access()))
        account.driver.meddle = None
        account.time.sleep(3600)
        _ = account.bridge.pull(full=True)
        _ = account.bridge.sweep(limit=1.0)
        assert account.differences() == {}, place

    # -- which bodies, and which places in them --

    def _small(self) -> Account:
        return self.open(applications=6)

    def _operations(self) -> list[str]:
        return sorted(self._bodies())

    def _bodies(self) -> dict[str, bytes]:
        """The first body that each kind of request of a pull was answered with."""
        account, found = self._small(), dict[str, bytes]()

        def note(request: SimRequest, respond: Respond, purpose: Purpose) -> SimResponse:
            answer = respond(request)
            if answer.status == 200 and purpose is Purpose.READ:
                found.setdefault(operation_of(request), answer.body)
            return answer

        account.driver.meddle = note
        _ = account.bridge.pull()
        return found

    def _alterations(self) -> Iterator[tuple[str, tuple[Any, ...], str]]:
        for operation, body in sorted(self._bodies().items()):
            for path in _places(body):
                for name in (*VALUES, "missing"):
                    yield operation, path, name

    def _alter(self, account: Account, operation: str, change: Change) -> None:
        """Alter the first answers to one kind of request, as often as it is asked again."""

        def meddle(request: SimRequest, respond: Respond, purpose: Purpose) -> SimResponse:
            answer = respond(request)
            if answer.status != 200 or operation_of(request) != operation:
                return answer
            return SimResponse(answer.status, answer.headers, change(answer.body))

        account.driver.meddle = meddle


def _pull_or_error(account: Account) -> bool:
    """Whether the pull ended in an error; whatever happens, it has a name."""
    try:
        _ = account.bridge.pull()
    except AtsBridgeError as error:
        assert str(error)
        return True
    return False


def _places(body: bytes) -> list[tuple[Any, ...]]:
    """Every place in a body that can be altered: of lists, in their first two entries."""
    if body.lstrip().startswith(b"<"):
        root = ElementTree.fromstring(body)  # noqa: S314 - the simulator's own
        return [("xml", number) for number, _ in enumerate(root.iter())][1:200]
    return list(_paths(json.loads(body))) if body else []


def _paths(data: Any) -> Iterator[tuple[Any, ...]]:
    pairs: list[tuple[Any, Any]] = []
    if isinstance(data, dict):
        pairs = list(data.items())
    elif isinstance(data, list):
        pairs = list(enumerate(data[:2]))
    for key, value in pairs:
        yield (key,)
        yield from ((key, *rest) for rest in _paths(value))


def _concerned(account: Account) -> dict[str, set[str]]:
    """The ids that each application is known by: its own, its parts, its candidate's and its job's."""
    return {
        id: {part for part in (id, *id.split(SEPARATOR), one.candidate, one.job) if part}
        for id, one in account.truth().items()
    }


def _in_a_row(path: tuple[Any, ...]) -> bool:
    """Whether it is a field of a listing's entry, or of an object in it."""
    rows = [place for place, part in enumerate(path) if isinstance(part, int)]
    return len(rows) == 1 and rows[0] <= 2 and 1 <= len(path) - 1 - rows[0] <= 2


def _value_at(body: bytes, path: tuple[Any, ...]) -> str | None:
    if path[0] == "xml":
        elements = list(ElementTree.fromstring(body).iter())  # noqa: S314 - the simulator's own
        return elements[path[1]].text if path[1] < len(elements) else None
    value: Any = json.loads(body)
    try:
        for part in path:
            value = value[part]
    except (KeyError, IndexError, TypeError):
        return None  # a later page is shorter
    return str(value) if isinstance(value, (str, int)) else None


def _beside(body: bytes, path: tuple[Any, ...]) -> set[str]:
    """The texts of the entry that a place is in: what it costs at the most. Of XML the place's own.

    Args:
        path: none is the whole body.
    """
    if path and path[0] == "xml":
        return {_value_at(body, path) or ""}
    data: Any = json.loads(body)
    row = next((place + 1 for place, part in enumerate(path) if isinstance(part, int)), 0)
    try:
        for part in path[:row]:
            data = data[part]
    except (KeyError, IndexError, TypeError):
        return set()
    found = (_value_at(body, (*path[:row], *inner)) for inner in _paths(data))
    return {text for text in found if text is not None}


def _altered(
    body: bytes, path: tuple[Any, ...], name: str, values: Mapping[str, Any] = MappingProxyType(VALUES)
) -> bytes:
    if path and path[0] == "xml":
        return _altered_xml(body, path[1], name, values)
    data: Any = json.loads(body) if body else None
    try:
        inner = data
        for part in path[:-1]:
            inner = inner[part]
        if name == "missing":
            del inner[path[-1]]
        else:
            inner[path[-1]] = values[name]
    except (KeyError, IndexError, TypeError):
        return body  # a later page is shorter
    return json.dumps(data).encode()


def _altered_xml(body: bytes, number: int, name: str, values: Mapping[str, Any]) -> bytes:
    root = ElementTree.fromstring(body)  # noqa: S314 - the simulator's own
    elements = list(root.iter())
    if number >= len(elements):
        return body
    element, value = elements[number], values.get(name)
    if name == "missing":
        for parent in elements:
            if element in list(parent):
                parent.remove(element)
    else:
        for child in list(element):
            element.remove(child)
        element.text = "" if value is None else str(value).encode("ascii", "replace").decode()
    changed: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return changed
