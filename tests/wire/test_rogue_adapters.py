"""A rogue adapter inside a whole bridge: what it is asked to write is not what it asks for.

The simulator keeps a log of every request. Whatever an adapter returns or
yields, the log shows reads alone, and the recruiter's change ends REFUSED.
"""

from __future__ import annotations

import tomllib

import pytest
from attrs import evolve
from world import world

from atsbridge.ats.lever import VENDOR, Lever
from atsbridge.errors import GuardError
from atsbridge.model import Result
from atsbridge.wire.effects import Permit, Purpose, Request, Send, request
from atsbridge.wire.operations import Call, Routine
from atsbridge.wire.vendor import StatusWrite

pytestmark = pytest.mark.loopback

OTHER = "00000000-1111-4222-8333-444444444444"


def other_application(intent, wanted):
    return evolve(wanted, url=wanted.url.replace(intent.application.id, OTHER))


def other_stage(intent, wanted):
    return evolve(wanted, body={"stage": "offer" if intent.target.stage != "offer" else "lead-new"})


def other_user(intent, wanted):
    return evolve(wanted, query=(("perform_as", OTHER),))


def extra_key(intent, wanted):
    return evolve(wanted, body={**wanted.body, "email": "ines@example.com"})


def extra_query(intent, wanted):
    return evolve(wanted, query=(*wanted.query, ("_method", "DELETE")))


def candidate_patch(intent, wanted):
    url = f"/opportunities/{intent.application.id}"
    return evolve(wanted, operation="patch", method="PATCH", url=url, body={"name": "Ines"})


def candidate_patch_under_the_name_of_a_move(intent, wanted):
    url = f"/opportunities/{intent.application.id}"
    return evolve(wanted, method="PATCH", url=url, body={"name": "Ines"})


def note(intent, wanted):
    url = f"/opportunities/{intent.application.id}/notes"
    return evolve(wanted, operation="note", method="POST", url=url, body={"value": "x"})


def another_declared_write(intent, wanted):
    url = f"/opportunities/{intent.application.id}/archived"
    return evolve(wanted, operation="archive", url=url, body={"reason": OTHER})


def elsewhere(intent, wanted):
    return evolve(wanted, url=f"https://evil.example{wanted.url}")


def override(intent, wanted):
    return evolve(wanted, headers=(("X-HTTP-Method-Override", "DELETE"),))


class TwoFaced(Call):
    """Another request each time it is asked for."""

    asked = 0

    def __getattribute__(self, name):
        if name != "request":
            return super().__getattribute__(name)
        honest = super().__getattribute__("request")
        TwoFaced.asked += 1
        return honest if TwoFaced.asked % 2 else evolve(honest, url=honest.url.replace("/stage", "x/stage"))


def subclass(intent, wanted):
    class Other(Request):
        def content(self):
            return b'{"email":"ines@example.com"}', "application/json"

    names = ("operation", "method", "url", "query", "body", "purpose")
    return Other(**{name: getattr(wanted, name) for name in names})


ROGUES = [
    other_application, other_stage, other_user, extra_key, extra_query, candidate_patch,
    candidate_patch_under_the_name_of_a_move, note, another_declared_write, elsewhere, override, subclass,
]  # fmt: skip


def rogue(spoil):
    class Rogue(Lever):
        def write_status(self, intent, current, catalogue):
            honest = super().write_status(intent, current, catalogue)
            return Call(spoil(intent, honest.request), honest.parse)

    return Rogue


def like(ats, adapter, **changes):
    """The same connection under another adapter class."""
    names = ("connection", "api_key", "acting_user", "confidential", "withdrawn_reasons")
    return adapter(**{**{name: getattr(ats, name) for name in names}, **changes})


def asks_for_a_move(w):
    """A recruiter moves one active application to another stage; its id."""
    mapping = tomllib.loads(w.mapping)
    for id, view in sorted(w.views().items()):
        if view.confirmed.status == "active" and view.confirmed.stage is not None:
            step = next(step for step, stage in mapping["steps"].items() if view.step != step)
            w.change(id, step=step)
            return id
    raise AssertionError("no active application")


def writes(w):
    return [r for r in w.server.requests if r.method != "GET"]


def push_as(w, adapter):
    w.bridge.pull()
    id = asks_for_a_move(w)
    with w.reopen(ats=like(w.ats, adapter)) as bridge:
        return id, bridge.push()


def test_an_honest_adapter_moves_the_application(tmp_path):
    with world("lever", tmp_path, applications=8) as w:
        id, report = push_as(w, Lever)
        assert [r.result for r in report.receipts] == [Result.APPLIED]
        assert [r.target.partition("?")[0] for r in writes(w)] == [f"/v1/opportunities/{id}/stage"]


@pytest.mark.parametrize("spoil", ROGUES, ids=lambda spoil: spoil.__name__)
def test_a_write_that_is_not_the_intents_is_refused(spoil, tmp_path):
    with world("lever", tmp_path, applications=8) as w:
        _, report = push_as(w, rogue(spoil))
        assert [r.result for r in report.receipts] == [Result.REFUSED]
        assert report.receipts[0].attempts == 0
        assert writes(w) == []
        assert w.simulator.accepted == []


def test_a_call_that_changes_between_two_looks_sends_nothing_but_its_intent(tmp_path):
    class Rogue(Lever):
        def write_status(self, intent, current, catalogue):
            honest = super().write_status(intent, current, catalogue)
            return TwoFaced(honest.request, honest.parse)

    with world("lever", tmp_path, applications=8) as w:
        TwoFaced.asked = 0
        id, report = push_as(w, Rogue)
        assert TwoFaced.asked
        assert [r.result for r in report.receipts] == [Result.APPLIED]
        assert [r.target.partition("?")[0] for r in writes(w)] == [f"/v1/opportunities/{id}/stage"]


def test_a_body_that_is_changed_after_it_was_authorised_is_sent_as_it_was(tmp_path):
    given = []

    class Rogue(Lever):
        def write_status(self, intent, current, catalogue):
            call = super().write_status(intent, current, catalogue)
            given.append(call.request.body)
            return call

        def declared(self, intent):
            for body in given:
                body["stage"] = OTHER
            return super().declared(intent)

        @property
        def host(self):
            """Looked at once more before the send."""
            for body in given:
                body["stage"] = OTHER
            return super().host

    with world("lever", tmp_path, applications=8) as w:
        _, report = push_as(w, Rogue)
        assert given
        assert [r.result for r in report.receipts] == [Result.APPLIED]
        (entry,) = w.simulator.accepted
        assert OTHER not in str(entry)


@pytest.mark.parametrize("name", ["unarchive", "archive", "hire"])
@pytest.mark.parametrize("consistent", [True, False])
def test_a_write_of_another_meaning_is_refused(name, consistent, tmp_path):
    """Whether the adapter names it so on both occasions, or only on one."""

    class Rogue(Lever):
        def declared(self, intent):
            return self.VENDOR.write(name)

        def write_status(self, intent, current, catalogue):
            if consistent:
                intent = evolve(intent, target=evolve(intent.target, reason=OTHER))
                return super().write_status(intent, current, catalogue)
            return Lever.write_status(w.ats, intent, current, catalogue)

    with world("lever", tmp_path, applications=8) as w:
        _, report = push_as(w, Rogue)
        assert [r.result for r in report.receipts] == [Result.REFUSED]
        assert writes(w) == []


def test_an_unapproved_surface_writes_nothing(tmp_path):
    """An upgrade or a plugin that declares another write."""
    note = StatusWrite(
        name="note",
        method="POST",
        path="/opportunities/{application}/notes",
        slots=VENDOR.writes[0].slots[:1],
        body={"value": "x"},
    )

    class Rogue(Lever):
        VENDOR = evolve(VENDOR, writes=(*VENDOR.writes, note))

        def write_status(self, intent, current, catalogue):
            honest = super().write_status(intent, current, catalogue)
            url = f"/opportunities/{intent.application.id}/notes"
            wanted = evolve(honest.request, operation="note", method="POST", url=url, query=())
            return Call(evolve(wanted, body={"value": "x"}), honest.parse)

    with world("lever", tmp_path, applications=8) as w:
        w.bridge.pull()
        asks_for_a_move(w)
        approved = w.ats.VENDOR.surface_digest
        with w.reopen(ats=like(w.ats, Rogue), approved=approved) as bridge:
            report = bridge.push()
        assert report.held_back
        assert report.receipts == []
        assert writes(w) == []


PERMIT = Permit(intent_id="i1", write="move", digest="0" * 64, send_by=9e9, nonce="0" * 32)
WRITE = Request(
    operation="move",
    method="PUT",
    url=f"/opportunities/{OTHER}/stage",
    query=(("perform_as", OTHER),),
    body={"stage": "offer"},
    purpose=Purpose.WRITE,
)
YIELDED = {
    "a send": Send(WRITE, PERMIT),
    "a write as a request": WRITE,
    "a write as a read": evolve(WRITE, purpose=Purpose.READ),
    "a write as a token request": evolve(WRITE, purpose=Purpose.TOKEN, method="POST"),
    "a token request": Request(
        operation="token",
        method="POST",
        url="https://auth.lever.co/oauth/token",
        body=(("grant_type", "Ines Duarte"),),
        purpose=Purpose.TOKEN,
    ),
    "a read signed by itself": Request(
        operation="list_stages",
        method="GET",
        url="/stages",
        signature=(("Authorization", "x"),),
    ),
    "an undeclared read": Request(operation="list_notes", method="GET", url=f"/opportunities/{OTHER}/notes"),
    "a read elsewhere": Request(operation="list_stages", method="GET", url="https://evil.example/v1/stages"),
}


@pytest.mark.parametrize("what", YIELDED)
def test_a_flow_that_yields_anything_but_a_declared_read_sends_nothing(what, tmp_path):
    def steal():
        yield YIELDED[what]

    class Rogue(Lever):
        def catalogue(self, job):
            return Routine(steal)

        def check_access(self):
            return Routine(steal)

    with world("lever", tmp_path, applications=8) as w:
        with w.reopen(ats=like(w.ats, Rogue)) as bridge:
            before = len(w.server.requests)
            with pytest.raises(GuardError):
                bridge.check()
            assert len(w.server.requests) == before
        assert w.simulator.accepted == []


def test_a_flow_that_yields_a_declared_read_is_answered(tmp_path):
    """So that refusing everything would not pass here."""

    def honest():
        answer = yield from request(Request(operation="list_stages", method="GET", url="/stages"))
        assert answer.status == 200
        return ()

    class Other(Lever):
        def check_access(self):
            return Routine(honest)

    with world("lever", tmp_path, applications=8) as w, w.reopen(ats=like(w.ats, Other)) as bridge:
        assert bridge.check().access == ()


def test_an_address_that_the_vendor_does_not_declare_opens_no_bridge(tmp_path):
    class Rogue(Lever):
        @property
        def host(self):
            return "https://evil.example/v1"

    with world("lever", tmp_path, applications=8) as w:
        before = len(w.server.requests)
        with pytest.raises(GuardError, match="declares no such data address"):
            w.reopen(ats=like(w.ats, Rogue))
        assert len(w.server.requests) == before
