"""Payloads: whatever a body holds, it is an error with a name, a quarantined record, or what it says."""

from __future__ import annotations

import json
import random
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ...errors import AtsBridgeError
from ...simulators.interface import SimRequest, SimResponse
from ...wire.effects import Purpose
from ..account import Account
from ..direct import Respond
from .subject import Subject, operation_of

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

_GATE = 110


class Payloads(Subject):
    """Bodies that are broken, and records that are not what was promised."""

    def test_a_broken_body_is_an_error_with_a_name_and_loses_nothing(self) -> None:
        for operation in self._operations():
            for name, change in WHOLE.items():
                account = self._small()
                self._alter(account, operation, change)
                told = _pull_or_error(account)
                account.driver.meddle = None
                account.time.sleep(3600)
                # An empty list that is a whole answer cannot be told from the truth.
                _ = account.bridge.pull(full=not told and name.startswith("an empty"))
                assert account.differences() == {}, (operation, name)

    def test_a_value_of_another_kind_never_crashes_and_never_invents(self, seed: int) -> None:
        choices = list(self._alterations())
        random.Random(seed).shuffle(choices)  # noqa: S311 - a choice of tests
        for operation, path, name in choices[:_GATE]:
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


def _altered(body: bytes, path: tuple[Any, ...], name: str) -> bytes:
    if path and path[0] == "xml":
        return _altered_xml(body, path[1], name)
    data: Any = json.loads(body) if body else None
    try:
        inner = data
        for part in path[:-1]:
            inner = inner[part]
        if name == "missing":
            del inner[path[-1]]
        else:
            inner[path[-1]] = VALUES[name]
    except (KeyError, IndexError, TypeError):
        return body  # a later page is shorter
    return json.dumps(data).encode()


def _altered_xml(body: bytes, number: int, name: str) -> bytes:
    root = ElementTree.fromstring(body)  # noqa: S314 - the simulator's own
    elements = list(root.iter())
    if number >= len(elements):
        return body
    element, value = elements[number], VALUES.get(name)
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
