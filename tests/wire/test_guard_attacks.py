"""A rogue adapter tries everything else than what it declared, on the real wires.

Ten thousand requests are made from a seed: each begins as a declared read, the
token request, or a rendered write with its permit, and is then spoiled in one
or several ways. Every one must be refused before a socket is opened. That the
same wires do send what is declared is shown beside it.
"""

from __future__ import annotations

import asyncio
import importlib
import random
import re
import socket
import sys
import tomllib
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import define, evolve, field

from atsbridge.drivers._httpx import AsyncWire, SyncWire
from atsbridge.errors import GuardError
from atsbridge.model import Action, ApplicationStatus, Intent, Kind, Ref, State
from atsbridge.simulators.interface import SimResponse
from atsbridge.simulators.serve import serve
from atsbridge.wire.auth import Basic, ClientCredentials, Scheme
from atsbridge.wire.effects import Permit, Purpose, Request
from atsbridge.wire.guard import Guard, Permits, authorise, digest, full_url, match_write
from atsbridge.wire.vendor import SEPARATOR, SlotName
from atsbridge.wire.xml import Element

pytestmark = pytest.mark.loopback

ATTEMPTS = 10_000
PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
REGISTERED = tomllib.loads(PYPROJECT.read_text())["project"]["entry-points"]["atsbridge.ats"]
SAMPLES = (
    "1001", "2002", "abc-1", "0d5f3d0a-5b0e-4a52-9a52-2a8f3f7f9c11", "a",
    "7c1e2b4d-93af-4e0c-8d55-6b1f0a2c3d4e", "c0ffee00c0ffee00c0ffee00c0ffee02",
    "5a1f0e7d2c9b4a3e8d6c1b2a39485f60", "STEP_B__ACTION_7", "STEP_C__ACTION_2", "v40.0",
    "wd5-services1.myworkday.com", "api4.successfactors.com", "acme.fa.us2.oraclecloud.com",
    "idcs-0a1b2c3d.identity.oraclecloud.com", "api.icims.com", "api-eu.icims.com", "NEW", "OFFERED",
    "IN_REVIEW", "INTERVIEW", "REJECTED", "WITHDRAWN", "&", "|", ">", "job.id", "D10100", "C38356",
)  # fmt: skip

METHODS = (
    "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "get", "put",
    "POST ", "P\r\n", "",
)  # fmt: skip
PATHS = (
    "/notes", "/emails", "/offers", "/graphql", "/batch", "/candidates/1", "/people/1/contact", "/", "",
    "/opportunities/1/addTags", "/applications/1/transfer_to_job", "/webhooks", "/uploads",
    "/users/1/delete",
)  # fmt: skip
HOSTILE = (
    "..", ".", "../candidates/9", "a/../../notes", "%2e%2e", "%2E%2E%2Fnotes", "a%2fb", "a%2Fb",
    "a%252Fb", "a%5Cb", "a\\b", "a/b/c", "a//b", "a?_method=DELETE", "a?x", "a#b", "a;_method=DELETE",
    "a%00", "a\x00", "a\r\nX-A: b", "a%0d%0aX-A:b", "a\n", "a b", "a\t", "ä", "a\u2025b",
    "\u2024\u2024", "\uff0e\uff0e", "a\u2215b", "\U0001f600", "%c0%ae", "@evil.example",
    "https://evil.example/", "//evil.example", "ines@example.com", "Ines Duarte", "a" * 9000, "%",
    "%zz",
)  # fmt: skip
LINKS = (
    "https://evil.example{path}", "https://{host}@evil.example{path}", "https://{host}:443{path}",
    "//evil.example{path}", "https://evil.example/{host}{path}", "https://{host}.evil.example{path}",
    "https://{host}\\@evil.example{path}", "https://evil.example#{host}{path}",
    "https://evil.example?{host}{path}", "http://{host}{path}", "ftp://{host}{path}",
    "HTTPS://{host}{path}", "https://user:pw@{host}{path}", "https://{host}{path}#x",
    "https://{host}%2eevil.example{path}", "https://{host}\t{path}", " https://{host}{path}",
    "https:/{host}{path}", "https:\\\\{host}{path}", "javascript:{path}", "https://127.0.0.1{path}",
    "https://[::1]{path}", "https://2130706433{path}", "file:///etc/passwd", "{host}{path}",
    "https://{host}./v1{path}", "https://{host}/v0{path}", "https://{host}/../v1{path}",
    "https://evil.example/v1{path}",
)  # fmt: skip
OVERRIDES = (
    "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "x-http-method-override",
    "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Host", "Host", "Content-Type", "Content-Length",
    "Transfer-Encoding", "Cookie", "On-Behalf-Of", "Accept\r\nX-A", "Accept ", "", "Äccept",
    "Connection", "Upgrade", "Expect", "If-Match",
)  # fmt: skip
KEYS = (
    "_method", "email", "name", "phone", "note", "X-HTTP-Method-Override", "method", "send_email",
    "notify[]", "access_token", "",
)  # fmt: skip
PERSONAL = (
    "ines@example.com",
    "Ines Duarte",
    "+351 555 010 100",
    "She said she is pregnant",
    "\u202ereversed",
)
GRAPHQL = {"query": 'mutation { updateCandidate(id: 1, email: "x") { id } }', "variables": {}}
BATCH = {"requests": [{"method": "PATCH", "url": "/candidates/1", "body": {"email": "x"}}]}


# -- what is opened --


@define
class Connects:
    """Every `socket.connect` of this process while it watches."""

    watching: bool = False
    seen: list[object] = field(factory=list)

    def hook(self, event, arguments):
        if self.watching and event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            self.seen.append(arguments[1])


CONNECTS = Connects()
sys.addaudithook(CONNECTS.hook)  # it cannot be taken away again


@contextmanager
def connects():
    CONNECTS.seen.clear()
    CONNECTS.watching = True
    try:
        yield CONNECTS.seen
    finally:
        CONNECTS.watching = False


class Answers:
    """A vendor who says yes to everything."""

    limits = None

    def respond(self, request):
        return SimResponse(200, (("Content-Type", "application/json"),), b"{}")


# -- declared requests --


def sample(pattern, *, other=False):
    fitting = [text for text in SAMPLES if re.fullmatch(pattern, text)]
    return fitting[1 if other else 0]


def sample_rows(declared):
    """One row, and where it has rows of its own one of these."""
    return [{key: sample(p) if isinstance(p, str) else sample_rows(p) for key, p in declared.items()}]


def source(write, name, *, other=False):
    """What the slots of a name take their values of: the whole id, or its halves, one perhaps free."""
    slots = {slot.part: sample(slot.pattern, other=other) for slot in write.slots if slot.name is name}
    return slots[None] if None in slots else SEPARATOR.join(slots.get(part, "x") for part in (0, 1))


def is_read(vendor, path):
    """Whether a vendor declares a read at this path."""
    return any(
        re.fullmatch(re.sub(r"\{(\w+)\}", lambda slot, read=read: read.segments[slot[1]], read.path), path)
        for read in vendor.reads
    )


def free(slot):
    """Whether a slot takes words that are the customer's own, a stage's name, say."""
    return re.fullmatch(slot.pattern, PERSONAL[1]) is not None


@define
class Account:
    """One vendor's declarations, and requests that they allow."""

    vendor: object
    permits: Permits = field(factory=Permits)
    scheme: Scheme = field(init=False)
    guard: Guard = field(init=False)

    def __attrs_post_init__(self):
        self.scheme = Basic(user="canary")
        if self.vendor.tokens:
            first = self.vendor.tokens[0]
            self.scheme = ClientCredentials(
                token_endpoint=first,
                url=self.filled(first.urls[0]),
                client_id="canary",
                client_secret="canary",
            )
        hosts = self.vendor.hosts.values()
        base = next((host for host in hosts if "{" not in host), self.filled(next(iter(hosts))))
        self.guard = Guard(vendor=self.vendor, base=base, scheme=self.scheme, permits=self.permits)

    def filled(self, address):
        """An address with a value in each slot."""
        return re.sub(r"\{(\w+)\}", lambda slot: sample(self.vendor.host_slots[slot[1]]), address)

    @property
    def base(self):
        return self.guard.base

    def reads(self):
        for read in self.vendor.reads:
            path = read.path
            for name, pattern in read.segments.items():
                path = path.replace("{" + name + "}", sample(pattern))
            query = tuple((key, "1") for key in sorted(read.query))
            named = {key: sample(pattern) for key, pattern in read.values.items()}
            rows = {key: sample_rows(declared) for key, declared in read.rows.items()}
            body = {**dict.fromkeys(read.body, "1"), **named, **rows} or None
            if read.root:
                body = Element(read.root)
            url = self.filled(read.below) + path if read.below else path
            yield Request(operation=read.name, method=read.method, url=url, query=query, body=body)

    def writes(self, *, other=()):
        """Every declared write; ``other`` names the slots that get another value."""
        for write in self.vendor.writes:
            names = {slot.name for slot in write.slots}
            yield write.render({name: source(write, name, other=name in other) for name in names})

    def token(self):
        form = tuple((key, "1") for key in sorted(self.scheme.endpoint.form)) if self.vendor.tokens else ()
        return Request(
            operation="token",
            method="POST",
            url=self.filled(self.scheme.endpoint.urls[0]) if self.vendor.tokens else "/token",
            body=form,
            purpose=Purpose.TOKEN,
        )

    def permit(self, request):
        """What the engine would give for exactly this request; for no request at all where there is none."""
        try:
            sealed = digest(full_url(self.base, request), request)
        except (GuardError, TypeError, ValueError):
            sealed = "0" * 64
        return self.permits.mint("i1", write=request.operation, digest=sealed, send_by=9e9)


def account(name):
    module, _, attribute = REGISTERED[name].partition(":")
    return Account(getattr(importlib.import_module(module), attribute).VENDOR)


VENDORS = sorted(REGISTERED)


# -- spoiling them --


class Rogue:
    """Makes attempts from a seed; each is a name, a request, and the permit that is shown with it."""

    def __init__(self, account, seed):
        self.account = account
        self.random = random.Random(seed)
        self._reads = list(account.reads())
        self._writes = list(account.writes())
        self._others = list(account.writes(other=tuple(SlotName)))

    def attempt(self):
        kinds = [self.read, self.read, self.write, self.write, self.write]
        if self.account.vendor.tokens:
            kinds.append(self.token)
        return self.random.choice(kinds)()

    def pick(self, *choices):
        return self.random.choice(choices)

    # reads

    def read(self):
        asked = self.pick(*self._reads)
        spoil = self.pick(
            self.method, self.path, self.elsewhere, self.id, self.key, self.header, self.payload,
            self.named, self.purpose, self.permitted, self.subclass, self.pairs,
        )  # fmt: skip
        return (f"read {spoil.__name__}", *self.twice(spoil(asked)))

    def twice(self, attempt):
        """One attempt in four is spoiled once more, where that cannot mend it."""
        request, permit = attempt
        if self.random.random() < 0.25:
            request = self.pick(self.header, self.key)(request)[0]
        return request, permit

    def method(self, asked):
        return evolve(asked, method=self.pick(*(m for m in METHODS if m != asked.method))), None

    def path(self, asked):
        # What is nobody's business at most vendors is where one of them lists its jobs.
        foreign = [path for path in PATHS if not is_read(self.account.vendor, path)]
        other = self.pick(*foreign, asked.url + "/notes", asked.url + "/", asked.url.upper(), asked.url[1:])
        return evolve(asked, url=other), None

    def elsewhere(self, asked):
        host = self.account.base.removeprefix("https://").partition("/")[0]
        return evolve(asked, url=self.pick(*LINKS).format(host=host, path=asked.url), query=()), None

    def id(self, asked):
        """A hostile id where the path has one, at its end where it has none."""
        place = next((s for s in SAMPLES if f"/{s}" in asked.url), None)
        hostile = self.pick(*HOSTILE)
        url = asked.url.replace(f"/{place}", f"/{hostile}", 1) if place else f"{asked.url}/{hostile}"
        return evolve(asked, url=url, query=self.pick((), asked.query)), None

    def key(self, asked):
        key, value = self.pick(*KEYS), self.pick("DELETE", *PERSONAL)
        pairs = [*asked.query, (key, value)]
        self.random.shuffle(pairs)
        return evolve(asked, query=tuple(pairs)), None

    def header(self, asked):
        where = self.pick("headers", "signature")
        name, value = self.pick(*OVERRIDES), self.pick("DELETE", "/notes", "evil.example")
        if self.random.random() < 0.3:
            name, value = (
                self.pick("Accept", "Authorization"),
                self.pick("a\r\nX-A: b", "a\nb", "a\x00", "\r"),
            )
        return evolve(asked, **{where: ((name, value),)}), None

    def payload(self, asked):
        bodies = [GRAPHQL, BATCH, [GRAPHQL], "text", b"<xml/>", (("email", "x"),), 1, True, [[]]]
        return evolve(asked, body=self.pick(*bodies)), None

    def named(self, asked):
        others = [w.operation for w in self._writes]
        return evolve(asked, operation=self.pick("", "nothing", asked.operation + " ", *others)), None

    def purpose(self, asked):
        return evolve(
            asked, purpose=self.pick(Purpose.WRITE, Purpose.TOKEN, "write", "read", "token", None)
        ), None

    def permitted(self, asked):
        return asked, self.account.permit(asked)

    def subclass(self, asked):
        class Other(Request):
            def content(self):
                return b"{}", "application/json"

        names = ("operation", "method", "url", "query", "body", "purpose")
        return Other(**{name: getattr(asked, name) for name in names}), None

    def pairs(self, asked):
        wrong = self.pick(
            {"limit": "1"}, (("limit", 1),), (("limit",),), (["limit", "1"],), (("limit", None),), ("ab",)
        )
        return evolve(asked, query=wrong), None

    # tokens

    def token(self):
        asked = self.account.token()
        spoil = self.pick(
            self.method, self.elsewhere, self.path, self.key, self.header, self.form, self.token_purpose
        )
        return (f"token {spoil.__name__}", *spoil(asked))

    def form(self, asked):
        more = ((self.pick(*KEYS), self.pick(*PERSONAL)),)
        forms = [
            (*asked.body, *more),
            (*asked.body, asked.body[0]),
            dict(asked.body),
            b"a=b",
            None,
            ("ab",),
            [("a", "b")],
        ]
        return evolve(asked, body=self.pick(*forms)), None

    def token_purpose(self, asked):
        return evolve(asked, purpose=self.pick(Purpose.READ, Purpose.WRITE)), self.pick(
            None, self.account.permit(asked)
        )

    # writes

    def write(self):
        place = self.random.randrange(len(self._writes))
        asked, other = self._writes[place], self._others[place]
        if self.random.random() < 0.2:
            return self.misused(asked, other)
        spoil = self.pick(
            self.method, self.path, self.elsewhere, self.id, self.key, self.query, self.header, self.unlisted,
            self.body, self.body, self.body, self.leaf, self.leaf, self.smuggled, self.subclass,
        )  # fmt: skip
        request, _ = spoil(asked)
        # Its own permit, none, or even one that the engine was brought to give for exactly this.
        permit = self.pick(
            self.account.permit(asked), self.account.permit(request), self.account.permit(request), None
        )
        if spoil == self.smuggled or self.is_free(request):
            permit = self.pick(None, self.account.permit(asked))
        return f"write {spoil.__name__}", request, permit

    def is_free(self, request):
        """Whether only a slot for the customer's own words differs: their form tells nothing.

        For such a request the engine gives no permit: see `test_words_of_the_customers_are_the_intents_own`.
        """
        write = next((w for w in self.account.vendor.writes if w.name == request.operation), None)
        return write is not None and any(map(free, write.slots)) and match_write(write, request) is not None

    def misused(self, asked, other):
        real = self.account.permit(asked)
        forged = Permit(intent_id="i1", write=real.write, digest=real.digest, send_by=9e9, nonce="0" * 32)
        match self.random.randrange(6):
            case 0:
                return "no permit", asked, None
            case 1:
                return "forged permit", asked, forged
            case 2:
                return "permit for another request", other, real
            case 3:
                self.account.permits.spend(real)
                return "replayed permit", asked, real
            case 4:
                return "permit that lives longer", asked, evolve(real, send_by=9e12)
            case _:
                return (
                    "permit of another connection",
                    asked,
                    Permits().mint("i1", write=real.write, digest=real.digest, send_by=9e9),
                )

    def query(self, asked):
        pairs = list(asked.query)
        wrong = [(*pairs, ("_method", "DELETE")), (*pairs, ("email", "ines@example.com"))]
        if pairs:
            wrong += [(), (*pairs, pairs[0]), ((pairs[0][0].upper(), pairs[0][1]),)]
            wrong += [((pairs[0][0], text), *pairs[1:]) for text in (*PERSONAL, "a/b", "")]
        return evolve(asked, query=self.pick(*wrong)), None

    def unlisted(self, asked):
        return self.pick(
            evolve(asked, operation="note", url="/notes", body={"text": "x"}),
            evolve(asked, operation="patch", method="PATCH", body={"email": "x"}),
            evolve(asked, operation="delete", method="DELETE", query=(), body=None),
            evolve(asked, operation=asked.operation.upper()),
        ), None

    def smuggled(self, asked):
        return evolve(asked, purpose=self.pick(Purpose.READ, Purpose.TOKEN, "write", None)), None

    def body(self, asked):
        own = asked.body
        wrong = [
            GRAPHQL,
            BATCH,
            [own],
            (("stage", "x"),),
            b'{"stage":"a","stage":"b"}',
            "text",
            1,
            True,
            [],
            (),
        ]
        if isinstance(own, Element):
            wrong += [None, {}, *self.elements(own)]
        elif own is None:
            wrong.append({})
        else:
            wrong += [
                None,
                {**own, self.pick(*KEYS): self.pick(*PERSONAL)},
                {"data": own},
                {**own, "x": None},
            ]
            if len(own) > 1:
                wrong.append(dict(reversed(own.items())))
            for key in own:
                wrong += [{k: v for k, v in own.items() if k != key}, {k.upper(): v for k, v in own.items()}]
        return evolve(asked, body=self.pick(*wrong)), None

    def elements(self, own):
        """An element with one thing about it or in it changed."""
        more = Element("{urn:com.workday/bsvc}Comment_Data", text=self.pick(*PERSONAL))
        yield evolve(own, children=(*own.children, more))
        yield evolve(own, tag=own.tag + "s")
        yield evolve(own, attributes=(*own.attributes, ("Add_Only", "true")))
        yield evolve(own, text=self.pick(*PERSONAL, *HOSTILE))
        for name, value in own.attributes:
            yield evolve(own, attributes=((name, value + "1"),))
        for place, child in enumerate(own.children):
            before, after = own.children[:place], own.children[place + 1 :]
            yield evolve(own, children=(*before, *after))
            yield evolve(own, children=(*before, child, child, *after))
            for changed in self.elements(child):
                yield evolve(own, children=(*before, changed, *after))

    def leaf(self, asked):
        """One value of another type, or with a person in it."""
        if not asked.body:
            return self.body(asked)
        if isinstance(asked.body, Element):
            return evolve(asked, body=self.pick(*self.elements(asked.body))), None
        key = self.pick(*asked.body)
        value = asked.body[key]
        wrong = [True, False, 1.5, float(7), [value], {"id": value}, {}, [], *PERSONAL, *HOSTILE]
        wrong += (
            []
            if value is None
            else [None, int(value) if str(value).isdigit() and isinstance(value, str) else str(value) + " "]
        )
        if isinstance(value, int):
            wrong += [str(value), -value, 0, float(value)]
        return evolve(asked, body={**asked.body, key: self.pick(*wrong)}), None


def attempts(name, *, seed, count=ATTEMPTS):
    """The account, and its attempts."""
    one = account(name)
    rogue = Rogue(one, f"{name} {seed}")
    return one, (rogue.attempt() for _ in range(count))


# -- the tests --


def check(kinds, sent, seen, server):
    assert sent == []
    assert seen == []
    assert list(server.requests) == []
    assert sum(kinds.values()) == ATTEMPTS
    assert len(kinds) >= 30, kinds
    assert min(kinds.values()) >= 20, kinds


@pytest.mark.parametrize("name", VENDORS)
def test_ten_thousand_attempts_open_no_socket(name):
    one, made = attempts(name, seed=1)
    kinds, sent = Counter(), []
    with serve(Answers()) as server:
        wire = SyncWire(one.guard, loopback=server.url)
        with connects() as seen:
            for kind, request, permit in made:
                kinds[kind] += 1
                try:
                    wire.exchange(request, permit)
                except GuardError:
                    continue
                sent.append((kind, request.method, request.url, request.body))
        wire.close()
        check(kinds, sent, seen, server)


@pytest.mark.parametrize("name", VENDORS)
def test_nor_do_they_on_the_event_loop(name):
    one, made = attempts(name, seed=2)
    kinds, sent = Counter(), []

    async def attack(server):
        wire = AsyncWire(one.guard, loopback=server.url)
        for kind, request, permit in made:
            kinds[kind] += 1
            try:
                await wire.exchange(request, permit)
            except GuardError:
                continue
            sent.append((kind, request.method, request.url, request.body))
        await wire.aclose()

    with serve(Answers()) as server:
        with connects() as seen:
            asyncio.run(attack(server))
        check(kinds, sent, seen, server)


def allowed(one):
    """Every declared request, with its permit."""
    token = [one.token()] if one.vendor.tokens else []
    for request in (*one.reads(), *token):
        yield request, None
    for request in one.writes():
        yield request, one.permit(request)


def target(one, request):
    url = request.url if request.purpose is Purpose.TOKEN else full_url(one.base, request)
    return "/" + url.removeprefix("https://").partition("/")[2]


@pytest.mark.parametrize("name", VENDORS)
def test_every_declared_request_is_sent_by_the_same_wires(name):
    one = account(name)
    with serve(Answers()) as server:
        wire = SyncWire(one.guard, loopback=server.url)
        expected = []
        with connects() as seen:
            for request, permit in allowed(one):
                assert wire.exchange(request, permit).status == 200
                expected.append((request.method, target(one, request), 200))
        wire.close()
        assert seen
        assert list(server.requests) == expected
        assert len(expected) == len(one.vendor.reads) + len(one.vendor.writes) + bool(one.vendor.tokens)

        async def again():
            wire = AsyncWire(one.guard, loopback=server.url)
            for request, permit in allowed(one):
                assert (await wire.exchange(request, permit)).status == 200
            await wire.aclose()

        asyncio.run(again())
        assert list(server.requests) == expected * 2


FREE = [
    (name, write) for name in VENDORS for write in account(name).vendor.writes if any(map(free, write.slots))
]


@pytest.mark.parametrize(("name", "write"), FREE, ids=[f"{name}-{write.name}" for name, write in FREE])
def test_words_of_the_customers_are_the_intents_own(name, write):
    """Their form cannot tell a stage from a person: the engine gives a permit for its intent's alone."""
    own = {slot.name: source(write, slot.name) for slot in write.slots}
    state = State(own.get(SlotName.TARGET_STAGE), ApplicationStatus.ACTIVE, own.get(SlotName.REASON))
    intent = Intent(
        intent_id="i1",
        application=Ref("acme", Kind.APPLICATION, own[SlotName.APPLICATION]),
        action=Action.MOVE if SlotName.TARGET_STAGE in own else Action.REJECT,
        target=state,
        expected=state,
    )
    vendor = account(name).vendor
    assert authorise(vendor, intent, token=None, request=write.render(own)) is write
    for slot in filter(free, write.slots):
        for words in (*PERSONAL, *HOSTILE):
            if not re.fullmatch(slot.pattern, words):
                continue
            spoilt = {**own, slot.name: own[slot.name].replace(slot.take(own[slot.name]), words)}
            with pytest.raises(GuardError, match="are not its intent's"):
                authorise(vendor, intent, token=None, request=write.render(spoilt))


class Redirects:
    """Sends everybody to another address."""

    limits = None

    def __init__(self, status, elsewhere):
        self.answer = SimResponse(status, (("Location", elsewhere), ("Content-Type", "text/html")), b"gone")

    def respond(self, request):
        return self.answer


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize("name", VENDORS)
def test_no_redirect_is_followed(name, status):
    one = account(name)
    with socket.create_server(("127.0.0.1", 0)) as second:
        second.setblocking(False)
        elsewhere = f"http://127.0.0.1:{second.getsockname()[1]}/"
        with serve(Redirects(status, elsewhere)) as first:
            wire = SyncWire(one.guard, loopback=first.url)
            for request, permit in allowed(one):
                signed = evolve(request, signature=(("Authorization", "Bearer canary"),))
                assert wire.exchange(signed, permit).status == status
            wire.close()

            async def again():
                wire = AsyncWire(one.guard, loopback=first.url)
                for request, permit in allowed(one):
                    assert (await wire.exchange(request, permit)).status == status
                await wire.aclose()

            asyncio.run(again())
            assert len(first.requests) == 2 * len(list(allowed(one)))
        with pytest.raises(BlockingIOError):
            second.accept()
