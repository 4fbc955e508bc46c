"""The surface: what is declared is enough, is all that ever leaves, and holds nothing but step and status."""

from __future__ import annotations

import re
from typing import Any, cast

import attrs
import pytest
from attrs import evolve

from ...ats.interface import Ats, Unplannable
from ...errors import GuardError
from ...model import Action, Intent
from ...wire.guard import authorise, digest, full_url
from ...wire.vendor import Slot, StatusWrite
from ...wire.xml import Element
from ..account import Account
from .subject import Subject, active, elsewhere, first_of

HOSTILE = (
    "", ".", "..", "a/b", "a%2Fb", "%2e%2e", "a\\b", "a?b=c", "a#b", "a&b", "a;b", "a b", "a\n", "a\x00",
    "\u202e", "{a}", "1/../2", "x" * 5000, "Ines Duarte", "ines@example.com", "<a/>",
)  # fmt: skip


class Surface(Subject):
    """The guard stands in front of every request of every test here; these look at the lists themselves."""

    def test_the_vendor_says_what_it_is(self) -> None:
        vendor = self.adapter.VENDOR
        assert vendor.name == self.vendor
        assert vendor.title and vendor.api_version and vendor.docs.startswith("https://")
        assert all(address.startswith("https://") for address in vendor.hosts.values())
        assert all(url.startswith("https://") for endpoint in vendor.tokens for url in endpoint.urls)
        names = [read.name for read in vendor.reads] + [write.name for write in vendor.writes]
        assert len(set(names)) == len(names)
        settings = {field.name for field in attrs.fields(cast(Any, self.adapter))}
        assert set(vendor.unconfirmed) <= settings, "an unconfirmed fact is a setting"

    def test_nothing_but_declared_requests_is_ever_made(self, account: Account) -> None:
        """What the guard admits it has matched; this says that the lists hold no more than is used."""
        id = first_of(active(account), "application that can be moved")
        _ = account.ask(id, stage=elsewhere(account, id)[0])
        _ = account.bridge.check()
        _ = account.bridge.sync()
        _ = account.bridge.sweep()
        _ = account.bridge.verify()
        made = {request.method for request, _ in account.driver.requests}
        vendor = account.ats.VENDOR
        declared = {read.method for read in vendor.reads} | {write.method for write in vendor.writes}
        assert made <= declared | ({"POST"} if vendor.tokens else set())

    def test_every_value_of_a_write_has_a_source(self) -> None:
        for write in self.adapter.VENDOR.writes:
            listed = {slot.key for slot in write.slots}
            assert set(_slots(write)) <= listed, write.name
            assert set(re.findall(r"\{([\w.]+)\}", write.path)) <= listed, write.name

    def test_an_id_that_is_none_never_leaves(self, account: Account) -> None:
        before = len(account.driver.requests)
        client = account.bridge.client
        for text in HOSTILE:
            operation = account.ats.get_application(account.ref(text))
            with pytest.raises(Exception) as seen:
                _ = account.driver.run(client.run(operation))
            assert isinstance(seen.value, (GuardError, ValueError)) or hasattr(seen.value, "advice"), text
        asked = [request.target for request, _ in account.driver.requests[before:]]
        for target in asked:
            path = target.partition("?")[0]
            assert "/../" not in f"{path}/" and "%2F" not in path and "\n" not in target, target

    @pytest.mark.usefixtures("writes")
    def test_a_write_carries_its_intents_values_alone(self, account: Account) -> None:
        id = first_of(active(account), "application that can be moved")
        there = elsewhere(account, id)[0]
        fresh = account.fresh(id)
        intent = _move(account.ats, account, id, there)
        catalogue = account.engine.catalogue(account.truth()[id].job)
        call = account.ats.write_status(intent, fresh, catalogue)  # type: ignore[arg-type]
        token = fresh.application.token  # type: ignore[union-attr]
        vendor = account.ats.VENDOR
        assert (
            authorise(vendor, intent, token=token, request=call.request).name
            == account.ats.declared(intent).name
        )
        others = [i for i in active(account) if i != id]
        stranger = evolve(intent, application=account.ref(first_of(others, "second application")))
        with pytest.raises(GuardError):
            _ = authorise(vendor, stranger, token=token, request=call.request)
        sealed = digest(full_url(account.ats.host, call.request), call.request)
        assert sealed == digest(full_url(account.ats.host, call.request), call.request)
        assert call.request.headers == () and call.request.signature == ()

    def test_hostile_values_are_not_rendered(self, account: Account) -> None:
        id = first_of(active(account), "application that can be moved")
        fresh = account.fresh(id)
        catalogue = account.engine.catalogue(account.truth()[id].job)
        for text in HOSTILE:
            if text and re.fullmatch(r"[\w .@-]+", text):
                continue  # a vendor whose stages are free texts may take it
            intent = _move(account.ats, account, id, text)
            with pytest.raises((GuardError, Unplannable, ValueError)):
                _ = account.ats.write_status(intent, fresh, catalogue)  # type: ignore[arg-type]


def _move(ats: Ats, account: Account, id: str, stage: str) -> Intent:
    here = account.fresh(id).state  # type: ignore[union-attr]
    acting = ats.default_acting_user
    return Intent(
        intent_id="i", application=account.ref(id), action=Action.MOVE, expected=here,
        target=evolve(here, stage=stage), acting_user=acting,
    )  # fmt: skip


def _slots(write: StatusWrite) -> list[str]:
    found: list[str] = []
    todo: list[object] = [write.body, *(value for _, value in write.query)]
    while todo:
        shape = todo.pop()
        if isinstance(shape, Slot):
            found.append(shape.key)
        elif isinstance(shape, Element):
            todo.extend((*shape.parts, *shape.children))
        elif isinstance(shape, dict):
            todo.extend(shape.values())
        elif isinstance(shape, (list, tuple)):
            todo.extend(shape)
    return found
