"""Where a connection may point, and where it may be led.

Every slot in the address of every vendor, under what is tried on such slots: a value that names another
host, in whatever disguise, makes no bridge, and nobody is even looked up by name. And the ways to a next
page, in headers and bodies: nothing that an answer says leads to another host.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import pytest

from atsbridge import Bridge
from atsbridge.crm.sql import SqlCrm
from atsbridge.errors import AtsBridgeError, ConfigurationError, GuardError
from atsbridge.registry import Group, load, names
from atsbridge.simulators.interface import SimRequest, SimResponse
from atsbridge.testing import Account
from atsbridge.testing.direct import Respond
from atsbridge.wire.effects import Purpose
from atsbridge.wire.guard import match_host
from atsbridge.wire.vendor import Vendor

HOSTILE = (
    "", " ", ".", "..", "-", "*", "%", "@", "#", "?", "/", "\\", "\x00", "a" * 300,
    # this machine, and what is near it, in every notation
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "localhost",
    "localhost.", "0", "0.0.0.0", "[::1]", "::1", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "169.254.169.254", "[fe80::1%25eth0]", "10.0.0.1",
    "metadata.google.internal", "127.0.0.1.nip.io", "①②⑦.⓪.⓪.①",
    # somebody else
    "evil.example", "evil.example.", "evil.example:443", "xn--80ak6aa92e.com", "//evil.example",
    "https://evil.example", "file:///etc/passwd", "evil.example/{good}", "evil.example#{good}",
    "evil.example?{good}", "evil.example\\{good}", "evil.example;{good}", "evil.example@{good}",
    "evil.example%23{good}", "evil.example%2f{good}", "evil.example%00{good}", "evil.example\r\n{good}",
    "evil.example {good}", "evil.example&{good}", "{good}.evil.example", "{good}@evil.example",
    "{good}:80@evil.example", "{good}%40evil.example", "{good}\\@evil.example", "{good}%2eevil.example",
    "{good}#@evil.example", "{good}?@evil.example", "{good}/@evil.example", "{good},evil.example",
    # the right one, and something more
    "{good}.", "{good}..", ".{good}", "{good}:443", "{good}:8443", "{good}:", "user@{good}", "user:pw@{good}",
    "{good}/", "{good}/x", "{good}/..", "{good}/../x", "{good}//x", "{good}%2f..", "{good}?", "{good}?a=b",
    "{good}#", "{good}#a", "{good}\\", "{good};a", "{good} ", " {good}", "{good}\t", "{good}\n", "\n{good}",
    "{good}\r\nHost: evil.example", "{good}\x00", "{good}\x00.evil.example", "{good}\x7f", "{good}\u2028",
    "{good}\u200b", "{good}\u00ad", "{good}\u3002evil.example", "{good}\uff0eevil.example",
    "{good}\u2025evil.example", "{good}%00", "{good}%0d%0aX:%20a", "{{good}}", "${{good}}", "{good}|{good}",
)  # fmt: skip
HOMOGRAPHS = str.maketrans(
    {"a": "\u0430", "c": "\u0441", "e": "\u0435", "i": "\u0456", "o": "\u043e", "s": "\u0455"}
)
LETTERS = str.maketrans({"1": "\u0661", "s": "\u017f", "k": "\u212a", "f": "\uff46", "o": "\u00ba"})
"""What some converter or other takes for the same letter or digit."""


PLAIN = re.compile("[A-Za-z0-9_]{1,60}")


class Looked:
    """Every name that is looked up and every address that is connected to, while it watches."""

    def __init__(self) -> None:
        self.watching, self.seen = False, list[object]()

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.watching and event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
            self.seen.append(arguments)


LOOKED = Looked()
sys.addaudithook(LOOKED.hook)  # it cannot be taken away again


@contextmanager
def looked() -> Iterator[list[object]]:
    LOOKED.seen.clear()
    LOOKED.watching = True
    try:
        yield LOOKED.seen
    finally:
        LOOKED.watching = False


UNLESS_SET = {"identity_domain": "idcs-0a1b2c3d.identity.oraclecloud.com", "api_host": "api.icims.com"}


def settings_of(vendor: str) -> dict[str, Any]:
    kind, simulator = load(Group.ATS, vendor), load(Group.SIMULATOR, vendor).generate(3)
    more = {name: value for name, value in UNLESS_SET.items() if name in kind.VENDOR.host_slots}
    return {**more, **simulator.settings_for(kind)}


def is_of_the_path(vendor: str, slot: str) -> bool:
    """A slot behind the host takes any plain word: it names an account, and leads nowhere else."""
    return all(f"{{{slot}}}" not in one.split("/")[2] for one in addresses(load(Group.ATS, vendor).VENDOR))


def slots() -> list[tuple[str, str]]:
    """Each vendor with each setting that is a slot of an address."""
    found = []
    for vendor in sorted(names(Group.ATS)):
        adapter = load(Group.ATS, vendor)
        settings = {field.name for field in attrs.fields(adapter)}
        found += [(vendor, slot) for slot in adapter.VENDOR.host_slots if slot in settings]
    return found


def disguised(good: str) -> list[str]:
    values = [text.replace("{good}", good) for text in HOSTILE]
    values += [good.translate(HOMOGRAPHS), good.translate(LETTERS)]
    return [value for value in values if value != good]


def hostile(vendor: str, slot: str, good: str) -> list[str]:
    """All that must not be taken; empty is unset, where that is the usual."""
    path, usual = is_of_the_path(vendor, slot), getattr(attrs.fields(load(Group.ATS, vendor)), slot).default
    return [v for v in disguised(good) if v != usual and not (path and PLAIN.fullmatch(v))]


SLOTS = slots()


def test_the_slots_are_those_that_are_declared() -> None:
    """One that no setting fills is one that this file would not try."""
    declared = {
        (vendor, slot) for vendor in names(Group.ATS) for slot in load(Group.ATS, vendor).VENDOR.host_slots
    }
    assert declared == set(SLOTS)


@pytest.mark.parametrize(("vendor", "slot"), SLOTS)
def test_no_other_value_makes_a_bridge_and_nobody_is_looked_up(vendor: str, slot: str) -> None:
    kind, usual = load(Group.ATS, vendor), settings_of(vendor)
    crm, ats = SqlCrm(":memory:"), kind(connection="acme", **usual)

    def bridge(value: str) -> Bridge:
        return Bridge(ats=attrs.evolve(ats, **{slot: value}), crm=crm, mapping={"version": 1})

    with looked() as seen:
        bridge(usual[slot]).close()  # so that refusing everything would not pass
        for value in hostile(vendor, slot, usual[slot]):
            with pytest.raises((ConfigurationError, GuardError)):
                bridge(value).close()
    assert seen == []
    crm.close()


def addresses(vendor: Vendor) -> list[str]:
    """Every template of an address: for data, for tokens, and of a read elsewhere."""
    below = [read.below for read in vendor.reads if read.below]
    return [*vendor.hosts.values(), *(url for t in vendor.tokens for url in t.urls), *below]


@pytest.mark.parametrize(("vendor", "slot"), SLOTS)
def test_no_template_takes_it_whoever_filled_it(vendor: str, slot: str) -> None:
    declared: Vendor = load(Group.ATS, vendor).VENDOR
    usual = {name: value for name, value in settings_of(vendor).items() if name in declared.host_slots}
    templates = [one for one in addresses(declared) if f"{{{slot}}}" in one]
    assert templates
    for template in templates:
        assert match_host(template, declared.host_slots, template.format(**usual)) is not None
        for value in hostile(vendor, slot, usual[slot]):
            filled = template.format(**{**usual, slot: value})
            assert match_host(template, declared.host_slots, filled) is None, value


# -- pages that lead elsewhere --

LINKS = (
    "https://evil.example/next?cursor=a",
    "https://{host}@evil.example/next",
    "http://{host}/next",
    "//evil.example/next",
    "https://{host}\\@evil.example/",
    "https://127.0.0.1/next",
    "/../../next?cursor=a",
    "/next\r\nX-A: b",
    "a" * 5000,
)
NEXT = re.compile("next|href|url|link|cursor|after", re.IGNORECASE)
"""In the names of what may lead on."""


def leading(data: Any, link: str) -> Any:
    """The same, with this in every place that may lead on, and where there is none beside the records."""
    if isinstance(data, list):
        return [leading(one, link) for one in data]
    if not isinstance(data, dict):
        return data
    return {
        name: link if NEXT.search(name) and isinstance(value, (str, type(None))) else leading(value, link)
        for name, value in data.items()
    }


def led(request: SimRequest, respond: Respond, purpose: Purpose, link: str) -> SimResponse:
    answer = respond(request)
    if purpose is not Purpose.READ or answer.status != 200:
        return answer
    there = link.replace("{host}", request.headers["host"])
    headers = (*answer.headers, ("Link", f'<{there}>; rel="next"'))
    if answer.body[:1] not in (b"{", b"["):
        return attrs.evolve(answer, headers=headers)
    body = leading(json.loads(answer.body), there)
    more = {"next": there, "hasNext": True, "moreDataAvailable": True, "nextCursor": there}
    body = {**body, **more, "nextPageId": there, "hasMore": True} if isinstance(body, dict) else body
    return SimResponse(200, headers, json.dumps(body).encode())


@pytest.mark.parametrize("vendor", sorted(names(Group.ATS)))
def test_no_page_leads_to_another_host(vendor: str) -> None:
    usual = Account.open(vendor, applications=4)
    _ = usual.bridge.pull()
    hosts = {request.headers["host"] for request, _ in usual.driver.requests}
    for link in LINKS:
        account = Account.open(vendor, applications=4)
        account.driver.meddle = lambda *asked, link=link: led(*asked, link)
        try:
            _ = account.bridge.pull()
        except AtsBridgeError as error:
            # Not by the guard, which is the last to look: a cursor that it refuses would be kept.
            assert not isinstance(error, GuardError), link
        assert {request.headers["host"] for request, _ in account.driver.requests} <= hosts
        account.driver.meddle = None
        account.time.sleep(7200)
        _ = account.bridge.pull()
        _ = account.bridge.pull(full=True)
        assert account.differences() == {}, link
