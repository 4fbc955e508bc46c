"""The wire over real loopback sockets, sync and async alike."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import itertools
import json
import logging
import socket
import ssl
import threading
import time
import traceback
import warnings
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atsbridge.drivers._httpx import AsyncWire, Caps, SyncWire, _Flight
from atsbridge.drivers.addresses import is_public
from atsbridge.drivers.body import Body
from atsbridge.errors import BadPayload, ConfigurationError, GuardError, NoAnswer, TooLate, Untrusted
from atsbridge.simulators import certificates
from atsbridge.simulators.certificates import Certificate
from atsbridge.simulators.interface import SimResponse
from atsbridge.simulators.serve import serve
from atsbridge.wire.effects import Permit, Purpose, Request

from .loopback import half_closed, proxy_to, raw_server, reset

CANARY = "canary-7d1f"
HOST = "api.vendor.example"


class Guard:
    """Admits everything, at the vendor's address."""

    def __init__(self, refuse=False):
        self.refuse, self.seen = refuse, []

    def admit(self, request, permit):
        self.seen.append(request)
        if self.refuse:
            raise GuardError()
        return f"https://{HOST}{request.url}"


class Answers:
    """A simulator that answers by path."""

    limits = None

    def __init__(self, **answers):
        self.answers, self.seen = answers, []

    def respond(self, request):
        self.seen.append(request)
        path = request.target.partition("?")[0]
        return self.answers.get(path.strip("/"), SimResponse(200, (("Content-Type", "x/y"),), b"hello"))


def sync_exchange(*asked, guard=None, permit=None, **options):
    wire = SyncWire(guard or Guard(), **options)
    try:
        return [wire.exchange(one, permit) for one in asked]
    finally:
        wire.close()


def async_exchange(*asked, guard=None, permit=None, **options):
    async def main():
        wire = AsyncWire(guard or Guard(), **options)
        try:
            return [await wire.exchange(one, permit) for one in asked]
        finally:
            await wire.aclose()

    return asyncio.run(main())


@pytest.fixture(params=[sync_exchange, async_exchange], ids=["sync", "async"])
def exchange(request):
    return request.param


@pytest.fixture
def connects(monkeypatch):
    """Every address a socket of either wire is opened to."""
    seen = []
    sync_connect = httpcore.SyncBackend.connect_tcp
    async_connect = httpcore.AnyIOBackend.connect_tcp

    def connect(self, host, *args, **kwargs):
        seen.append(host)
        return sync_connect(self, host, *args, **kwargs)

    async def aconnect(self, host, *args, **kwargs):
        seen.append(host)
        return await async_connect(self, host, *args, **kwargs)

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", aconnect)
    return seen


def get(path="/v1/things", **fields):
    return Request(operation="list_things", **{"method": "GET", "url": path, **fields})


def put(**fields):
    return get(method="PUT", purpose=Purpose.WRITE, body={"stage": "s1"}, **fields)


def permit(send_by):
    return Permit(intent_id="i", write="move", digest="", send_by=send_by, nonce="n")


# -- what is sent, and what comes back --


def test_the_request_arrives_as_admitted(exchange):
    simulator = Answers()
    asked = get(
        "/v1/a%2Fb?offset=%255B1%255D&q=a%20b&empty=",
        method="POST",
        body={"name": "Zoë"},
        headers=(("Accept", "application/json"),),
        signature=(("Authorization", "Bearer x"),),
    )
    with serve(simulator) as server:
        [response] = exchange(asked, loopback=server.url)
    [seen] = simulator.seen
    assert (seen.method, seen.target) == ("POST", "/v1/a%2Fb?offset=%255B1%255D&q=a%20b&empty=")
    assert seen.body == '{"name":"Zoë"}'.encode()
    assert seen.headers["host"] == HOST
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["authorization"] == "Bearer x"
    assert (response.status, response.body, response.headers["content-type"]) == (200, b"hello", "x/y")


def test_one_connection_serves_many_requests(exchange, connects):
    with serve(Answers()) as server:
        exchange(*[get() for _ in range(5)], loopback=server.url)
    assert connects == ["127.0.0.1"]


def test_a_large_answer_comes_gzipped_and_is_inflated(exchange):
    body = b"x" * 300_000
    with serve(Answers(big=SimResponse(200, (), body))) as server:
        [response] = exchange(get("/big"), loopback=server.url, caps=Caps(wire_bytes=10_000))
    assert response.body == body
    assert response.headers["content-encoding"] == "gzip"


def test_an_answer_of_several_gzip_members_is_whole(exchange):
    body = gzip.compress(b"one ") + gzip.compress(b"two")
    answer = SimResponse(200, (("Content-Encoding", "gzip"),), body)
    with serve(Answers(members=answer)) as server:
        [response] = exchange(get("/members"), loopback=server.url)
    assert response.body == b"one two"


def test_repeated_headers_are_joined_and_cookies_neither_kept_nor_sent(exchange):
    headers = (("Link", "<a>"), ("LINK", "<b>"), ("Set-Cookie", f"session={CANARY}; Path=/"))
    simulator = Answers(login=SimResponse(200, headers, b""))
    with serve(simulator) as server:
        first, second = exchange(get("/login"), get("/login"), loopback=server.url)
    assert first.headers["link"] == "<a>, <b>"
    assert "set-cookie" not in first.headers | second.headers
    assert "cookie" not in simulator.seen[1].headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_the_other_host_sees_nothing(exchange, status):
    with raw_server() as elsewhere:
        to = (("Location", elsewhere.url + "/steal"),)
        with serve(Answers(move=SimResponse(status, to, b""))) as server:
            [response] = exchange(get("/move", method="POST", body={"a": 1}), loopback=server.url)
        assert (response.status, elsewhere.count) == (status, [])


def test_an_html_page_is_handed_on_as_it_is(exchange):
    page = SimResponse(200, (("Content-Type", "text/html"),), b"<html>maintenance</html>")
    with serve(Answers(page=page)) as server:
        [response] = exchange(get("/page"), loopback=server.url)
    assert response.body.startswith(b"<html>")


def test_the_environment_decides_nothing(exchange, monkeypatch, tmp_path):
    with raw_server() as proxy, serve(Answers()) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        (tmp_path / ".netrc").write_text(f"machine {HOST} login a password {CANARY}")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
        [response] = exchange(get(), loopback=server.url)
        assert (response.status, proxy.count) == (200, [])
        assert "authorization" not in server.simulator.seen[0].headers
    assert not (tmp_path / "keys").exists()


def test_a_proxy_that_is_named_is_used_and_asked_for_a_tunnel(exchange):
    with raw_server(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n") as proxy:
        with pytest.raises(NoAnswer, match="proxy") as caught:
            exchange(get(), proxy=proxy.url.replace("http://", f"http://user:{CANARY}@"))
        assert proxy.count == [1]
    assert caught.value.sent is False
    assert CANARY not in everything(caught.value)


@pytest.mark.parametrize(
    "proxy",
    [
        "http://me:{}@host:99999999999",
        "http://me:{}@host:port",
        "http://me:{}/x@host:1",
        "socks5://me:{}@host:1",
        "me:{}@host:1",
        "http://me:{}@",
        "http://me:{}@ho\u00e9st:1",
        "env:{}",
        "",
    ],
)
@pytest.mark.parametrize("wire", [SyncWire, AsyncWire])
def test_a_proxy_that_cannot_be_one_is_said_without_its_login(wire, proxy):
    with pytest.raises(ConfigurationError, match="the proxy is not") as caught:
        wire(Guard(), proxy=proxy.format(CANARY))
    error = caught.value
    assert CANARY not in f"{error!r} {error.advice} {error.__cause__!r} {error.__context__!r}"


@pytest.fixture
def vendor(monkeypatch):
    """A TLS server that has the vendor's certificate; `HOST` leads to it behind a proxy alone."""
    monkeypatch.setattr(Certificate.__init__, "__defaults__", ((HOST, "localhost"),))
    with serve(Answers(), tls=True) as server:
        yield server


def port_of(server):
    return int(server.url.rpartition(":")[2])


@pytest.fixture(params=["http", "https"])
def proxy(request, vendor):
    """Makes a proxy of either kind in front of the vendor."""

    def make(certificate=vendor._certificate, **options):
        tls = certificate if request.param == "https" else None
        return proxy_to(port_of(vendor), certificate=tls, **options)

    return make


def test_behind_a_proxy_the_vendor_gets_the_request_and_the_proxy_the_hosts_name(exchange, vendor, proxy):
    with proxy() as tunnel:
        answers = exchange(
            put(signature=(("Authorization", CANARY),)),
            put(),
            permit=permit(time.monotonic() + 60),
            proxy=tunnel.url.replace("://", "://user:pass@"),
            ca_file=vendor.ca_file,
        )
    assert [answer.status for answer in answers] == [200, 200]
    assert len(vendor.requests) == 2
    [asked] = tunnel.seen  # one tunnel serves both
    assert asked.startswith(f"CONNECT {HOST}:443 HTTP/1.1\r\n")
    assert CANARY not in asked


def test_a_slow_proxy_cannot_carry_a_write_past_its_time(exchange, vendor, proxy):
    send_by = time.monotonic() + 0.5

    def wait():
        time.sleep(max(0, send_by - time.monotonic()) + 0.1)

    with proxy(before=wait) as tunnel, pytest.raises(TooLate):
        exchange(put(), permit=permit(send_by), proxy=tunnel.url, ca_file=vendor.ca_file)
    assert len(tunnel.seen) == 1
    assert list(vendor.requests) == []


def test_the_time_spent_at_a_proxy_is_not_the_answers_time(exchange, vendor, proxy):
    with proxy(before=lambda: time.sleep(0.6)) as tunnel:
        before = datetime.now(UTC)
        [answer] = exchange(get(deadline_seconds=0.5), proxy=tunnel.url, ca_file=vendor.ca_file)
    assert answer.sent_at - before >= timedelta(seconds=0.6)


def test_a_certificate_behind_a_proxy_is_looked_at_and_no_outage(exchange, vendor, proxy):
    with contextlib.closing(Certificate()) as other, proxy(certificate=other) as tunnel:
        with pytest.raises(Untrusted) as caught:
            exchange(put(), permit=permit(time.monotonic() + 60), proxy=tunnel.url, ca_file=other.ca_file)
        assert len(tunnel.seen) == 1
    assert caught.value.sent is False
    assert list(vendor.requests) == []


@pytest.mark.parametrize("answer", [b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", b"what?\r\n\r\n", b""])
def test_what_a_proxy_refuses_was_not_sent(exchange, answer):
    with raw_server(answer) as tunnel, pytest.raises(NoAnswer) as caught:
        exchange(put(), permit=permit(time.monotonic() + 60), proxy=tunnel.url)
    assert caught.value.sent is False


def test_a_dripping_proxy_is_left_in_time_and_nothing_was_sent(exchange):
    with raw_server(b"HTTP/1.1 200 OK\r\nX-A: ", drip=b"a") as tunnel, pytest.raises(NoAnswer) as caught:
        exchange(put(), permit=permit(time.monotonic() + 60), proxy=tunnel.url, connect_seconds=0.1)
    assert caught.value.sent is False


# -- before anything is sent --


def test_what_the_guard_refuses_opens_no_socket(exchange, connects):
    with pytest.raises(GuardError), serve(Answers()) as server:
        exchange(get(), guard=Guard(refuse=True), loopback=server.url)
    assert connects == []


def test_after_the_permits_time_no_socket_is_opened(exchange, connects):
    with serve(Answers()) as server:
        with pytest.raises(TooLate):
            exchange(put(), permit=permit(time.monotonic() - 0.001), loopback=server.url)
        assert (connects, list(server.requests)) == ([], [])
        exchange(put(), permit=permit(time.monotonic() + 60), loopback=server.url)
        assert len(server.requests) == 1


def test_a_slow_resolver_cannot_carry_a_write_past_its_time(exchange, connects):
    def slow(host, port):
        time.sleep(0.1)
        return ["127.0.0.1"]

    with serve(Answers()) as server, pytest.raises(TooLate):
        exchange(put(), permit=permit(time.monotonic() + 0.05), loopback=server.url, resolve=slow)
    assert connects == []


def test_a_kept_connection_is_no_way_around_the_permits_time(connects, monkeypatch):
    clock = [0.0]
    with serve(Answers()) as server:
        wire = SyncWire(Guard(), loopback=server.url)
        wire.exchange(get())
        handle = type(wire._transport).handle_request

        def late(self, outgoing):  # the process sleeps between the check and the system call
            clock[0] += 100
            return handle(self, outgoing)

        monkeypatch.setattr(type(wire._transport), "handle_request", late)
        monkeypatch.setattr("atsbridge.drivers._httpx.time.monotonic", lambda: clock[0])
        with pytest.raises(TooLate) as caught:
            wire.exchange(put(signature=(("X-Key", CANARY),)), permit(50.0))
        wire.close()
        assert CANARY not in everything(caught.value)
        assert len(server.requests) == 1


def test_a_body_that_changes_after_admission_is_not_what_is_sent(exchange):
    body = {"stage": "s1"}

    class Turncoat(Guard):
        def admit(self, request, permit):
            body["stage"] = "other"
            return super().admit(request, permit)

    simulator = Answers()
    with serve(simulator) as server:
        exchange(get(method="PUT", body=body), guard=Turncoat(), loopback=server.url)
    assert simulator.seen[0].body == b'{"stage":"s1"}'


@pytest.mark.parametrize("name", ["Host", "Cookie", "content-length", "Transfer-Encoding", "X-Ü"])
def test_headers_that_belong_to_the_wire_are_refused(exchange, connects, name):
    with pytest.raises(GuardError), serve(Answers()) as server:
        exchange(get(headers=((name, "1"),)), loopback=server.url)
    assert connects == []


@pytest.mark.parametrize(
    "url",
    [
        "http://api.vendor.example/",
        "https://user@api.vendor.example/",
        "https://api.vendor.example\\@evil.example/",
        "https://api.vendor.example/a b",
        "https://api.vendor.example/\r\nX: y",
        "https://api.vendor.example/ü",
        "//api.vendor.example/",
        "file:///etc/passwd",
        "",
    ],
)
def test_only_a_plain_https_url_is_opened(exchange, connects, url):
    guard = Guard()
    guard.admit = lambda request, permit: url
    with pytest.raises(GuardError):
        exchange(get(), guard=guard, resolve=lambda host, port: ["8.8.8.8"])
    assert connects == []


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.168.1.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b:1::7f00:1",
        "fec0::1",
        "5f00::1",
        "3fff::1",
        "fe80::1%eth0",
        "fc00::1",
        "::ffff:10.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::a00:1",
        "2002:a00:1::",
    ],
)
def test_a_name_that_leads_inside_is_refused(exchange, connects, address):
    for addresses in ([address], ["8.8.8.8", address]):
        with pytest.raises(GuardError, match="not public"):
            exchange(get(), resolve=lambda host, port, found=addresses: found)
    assert connects == []


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "64:ff9b::808:808"])
def test_public_addresses_are_fine(address):
    assert is_public(address)


def test_the_checked_address_is_the_one_connected_to(exchange, connects, monkeypatch):
    asked = []

    def once(host, port):
        asked.append((host, port))
        return ["192.88.98.1", "8.8.8.8"]

    def refuse(*args, **kwargs):
        raise OSError("no network in tests")

    monkeypatch.setattr("socket.create_connection", refuse)
    monkeypatch.setattr("anyio.connect_tcp", refuse)
    with pytest.raises(NoAnswer) as caught:
        exchange(get(), resolve=once)
    assert asked == [(HOST, 443)]
    assert connects == ["192.88.98.1", "8.8.8.8"]
    assert caught.value.sent is False


def test_to_look_a_name_up_is_part_of_connecting(exchange, connects):
    """However long the system takes for it; who waits is told as where nobody answers."""
    asked, over = threading.Event(), threading.Event()

    def hang(host, port):
        asked.set()
        assert over.wait(60)
        return ["8.8.8.8"]

    try:
        with pytest.raises(NoAnswer) as caught:
            exchange(get(), resolve=hang, connect_seconds=0.05)
    finally:
        over.set()
    assert asked.is_set() and caught.value.sent is False and connects == []


def test_all_addresses_of_a_name_have_the_time_of_one(exchange, monkeypatch):
    now = [0.0]

    def dead(*args, **kwargs):
        now[0] += 4.0
        raise TimeoutError

    monkeypatch.setattr("socket.create_connection", dead)
    monkeypatch.setattr("anyio.connect_tcp", dead)
    monkeypatch.setattr("atsbridge.drivers._httpx._now", lambda: now[0])
    with pytest.raises(NoAnswer):
        exchange(get(), resolve=lambda host, port: [f"8.8.8.{n}" for n in range(12)], connect_seconds=10.0)
    assert now[0] == 12.0


def test_a_loopback_origin_may_not_lead_out(exchange, connects):
    with pytest.raises(GuardError):
        exchange(get(), loopback="http://localhost:1", resolve=lambda host, port: ["8.8.8.8"])
    assert connects == []


@pytest.mark.parametrize(
    "origin",
    ["http://example.com", "http://127.0.0.1.evil.example:80", "ftp://127.0.0.1", "http://127.0.0.1/x"],
)
def test_nothing_else_is_a_loopback_origin(origin):
    with pytest.raises(ConfigurationError):
        SyncWire(Guard(), loopback=origin)


# -- when it goes wrong --


def test_no_listener_is_no_answer_with_nothing_sent(exchange):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NoAnswer) as caught:
        exchange(get(), loopback=f"http://127.0.0.1:{port}")
    assert caught.value.sent is False


def test_an_unknown_name_is_no_answer_with_nothing_sent(exchange):
    def unknown(host, port):
        raise socket.gaierror("no such name")

    with pytest.raises(NoAnswer) as caught:
        exchange(get(), resolve=unknown)
    assert caught.value.sent is False


def test_a_connection_dropped_without_an_answer_may_have_been_sent(exchange):
    with raw_server() as server, pytest.raises(NoAnswer) as caught:
        exchange(get(), loopback=server.url)
    assert caught.value.sent is True


def test_no_answer_before_the_deadline(exchange):
    with raw_server(hold=True) as server, pytest.raises(NoAnswer, match=r"within 0.05 seconds") as caught:
        exchange(get(deadline_seconds=0.05), loopback=server.url)
    assert caught.value.sent is True


@pytest.mark.parametrize(
    ("start", "drip"),
    [
        (b"HTTP/1.1 200 OK\r\nX-A: ", b"a"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b"a"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"a"),
    ],
    ids=["head", "body", "endless"],
)
def test_a_dripping_answer_ends_with_the_deadline(exchange, start, drip):
    with raw_server(start, drip=drip) as server, pytest.raises(NoAnswer) as caught:
        exchange(get(deadline_seconds=0.1), loopback=server.url)
    assert caught.value.sent is True


def test_a_deadline_that_passes_between_two_reads_is_no_answer(exchange, monkeypatch):
    feed = Body.feed
    monkeypatch.setattr(Body, "feed", lambda self, chunk: (time.sleep(0.6), feed(self, chunk)))
    with serve(Answers()) as server, pytest.raises(NoAnswer, match="within"):
        exchange(get(deadline_seconds=0.5), loopback=server.url)


def test_a_short_body_is_bad(exchange):
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"
    with raw_server(answer) as server, pytest.raises(BadPayload, match="cut short") as caught:
        exchange(get(), loopback=server.url)
    assert caught.value.status == 200
    assert caught.value.operation == "list_things"


def test_chunks_without_an_end_are_bad(exchange):
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"
    with raw_server(answer) as server, pytest.raises(BadPayload, match="cut short"):
        exchange(get(), loopback=server.url)


@pytest.mark.parametrize(
    "first",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
    ],
    ids=["length", "chunks", "no body"],
)
@pytest.mark.parametrize(
    "more", [b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", b"HT"], ids=["whole", "begun"]
)
def test_what_comes_after_an_answer_is_not_the_next_one(exchange, first, more):
    with raw_server(first + more, hold=True) as server:
        answers = exchange(get(), get(), loopback=server.url)
    assert [a.status for a in answers] == [int(first[9:12])] * 2
    assert len(server.count) == 2


def test_a_gzip_bomb_is_refused(exchange):
    bomb = SimResponse(200, (("Content-Encoding", "gzip"),), gzip.compress(bytes(5_000_000)))
    with serve(Answers(bomb=bomb)) as server, pytest.raises(BadPayload, match="inflated"):
        exchange(get("/bomb"), loopback=server.url, caps=Caps(inflated_bytes=1_000_000))


@pytest.mark.parametrize("length", [b"Content-Length: 2000\r\n", b""])
def test_an_answer_over_the_cap_on_the_wire_is_refused(exchange, length):
    answer = b"HTTP/1.1 200 OK\r\n" + length + b"\r\n" + b"x" * 2000
    with raw_server(answer) as server, pytest.raises(BadPayload, match="received"):
        exchange(get(), loopback=server.url, caps=Caps(wire_bytes=1999))


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, gzip"])
def test_a_coding_that_was_not_asked_for_is_refused(exchange, coding):
    answer = SimResponse(200, (("Content-Encoding", coding),), b"x")
    with serve(Answers(x=answer)) as server, pytest.raises(BadPayload, match="coding"):
        exchange(get("/x"), loopback=server.url)


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_may_speak_of_gzip(exchange, status):
    answer = SimResponse(status, (("Content-Encoding", "gzip"),), b"")
    with serve(Answers(x=answer)) as server:
        [response] = exchange(get("/x"), loopback=server.url)
    assert (response.status, response.body) == (status, b"")


def test_gzip_cut_at_any_byte_is_bad():
    whole = gzip.compress(b'{"data": [1, 2, 3]}')
    for end in range(len(whole) + 1):
        body = Body(Caps(), {"content-encoding": "gzip"})
        body.feed(whole[:end])
        if end == len(whole):
            assert body.whole(empty_is_fine=False) == b'{"data": [1, 2, 3]}'
        else:
            with pytest.raises(BadPayload):
                body.whole(empty_is_fine=False)


@given(st.binary(max_size=3000), st.lists(st.integers(0, 3000), max_size=6), st.integers(0, 3000))
def test_gzip_in_any_pieces_is_the_same_and_never_above_the_cap(content, cuts, cap):
    packed = gzip.compress(content)
    edges = sorted({0, len(packed), *(cut for cut in cuts if cut < len(packed))})
    body = Body(Caps(inflated_bytes=cap), {"content-encoding": "gzip"})
    try:
        for start, end in itertools.pairwise(edges):
            body.feed(packed[start:end])
        assert body.whole(empty_is_fine=False) == content
        assert len(content) <= cap
    except BadPayload:
        assert len(content) > cap


@pytest.mark.parametrize("filler", [b"[],", b"<a/>", b" "])
def test_what_inflates_beyond_all_measure_is_refused_before_it_fills_the_memory(filler):
    packed, body = gzip.compress(filler * 4_000_000), Body(Caps(), {"content-encoding": "gzip"})
    with pytest.raises(BadPayload, match="inflated bytes"):
        body.feed(packed)
    assert sum(map(len, body._parts)) <= len(packed) * Caps().ratio


def test_a_large_listing_of_like_records_is_no_bomb():
    row = {"firstName": "Ana", "stage": None, "tags": [], "links": []}
    rows = [{"id": f"{n:032x}", **row} for n in range(50_000)]
    whole = json.dumps({"data": rows}).encode()
    body = Body(Caps(), {"content-encoding": "gzip"})
    body.feed(gzip.compress(whole, 9))
    assert body.whole(empty_is_fine=False) == whole


@pytest.mark.parametrize(
    "damage", [b"not gzip at all", gzip.compress(b"x") + b"trailing", b""], ids=["other", "more", "nothing"]
)
def test_what_is_not_gzip_is_bad(damage):
    body = Body(Caps(), {"content-encoding": "gzip"})
    with pytest.raises(BadPayload):
        body.feed(damage)
        body.whole(empty_is_fine=False)


def test_the_deadline_counts_from_the_first_byte(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("atsbridge.drivers._httpx.time.monotonic", lambda: clock[0])
    flight = _Flight(get(deadline_seconds=7), None, 3.0)
    clock[0] = 150.0
    assert flight.left(TimeoutError) == 3.0
    flight.leave()
    clock[0] = 155.0
    flight.leave()
    assert flight.left(TimeoutError) == 2.0
    clock[0] = 157.0
    with pytest.raises(TimeoutError):
        flight.left(TimeoutError)


@pytest.mark.parametrize("end", [reset, half_closed])
@pytest.mark.parametrize(
    ("start", "raised"),
    [
        (b"", NoAnswer),
        (b"HTTP/1.1 2", NoAnswer),
        (b"HTTP/1.1 200 OK\r\nContent-Type: x", NoAnswer),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", (BadPayload, NoAnswer)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", (BadPayload, NoAnswer)),
    ],
    ids=["nothing", "status", "head", "body", "chunks"],
)
def test_a_connection_that_is_broken_off_is_no_answer(exchange, end, start, raised):
    """Never a shorter one; and what was asked may have been done."""
    with raw_server(start, end=end, hold=end is half_closed) as server, pytest.raises(raised) as caught:
        exchange(put(), permit=permit(time.monotonic() + 60), loopback=server.url)
    assert getattr(caught.value, "sent", True) is True


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"a" * 1000 + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\nX-A: ", b"a" * 1000),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 50),
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 50),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 50_000),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"ff\r\n" + b"x" * 255 + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;" + b"a" * 5000),
    ],
    ids=["headers", "one header", "continue", "hints", "body", "chunks", "chunk extensions"],
)
def test_what_never_ends_is_left(exchange, start, more):
    """As fast as the other side can: there are caps; and where there is none, there is the deadline."""
    with raw_server(start, drip=more, pause=0) as server, pytest.raises((NoAnswer, BadPayload)):
        exchange(get(deadline_seconds=1.0), loopback=server.url, caps=Caps(wire_bytes=200_000))


@pytest.mark.parametrize(
    "length",
    [
        b"-1", b"+2", b"2.0", b"0x2", b"2 2", b"2, 3", b"", b"two", b"9" * 30, b"\xc2\xb2",
        b"2\r\nContent-Length: 3",
    ],
)  # fmt: skip
def test_a_length_that_is_none_is_no_answer(exchange, length):
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: " + length + b"\r\n\r\n{}"
    with raw_server(answer) as server, pytest.raises((NoAnswer, BadPayload)):
        exchange(get(), loopback=server.url)


def test_chunks_and_a_length_make_no_second_answer(exchange):
    """Where the two differ, a proxy may see two answers in it."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
    smuggled = b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"
    with raw_server(head + b"2\r\n{}\r\n0\r\n\r\n" + smuggled, hold=True) as server:
        answers = exchange(get(), get(), loopback=server.url)
    assert [(a.status, a.body) for a in answers] == [(200, b"{}")] * 2
    assert len(server.count) == 2


NO_HTTP = (
    b"HTTP/1.1 99 No\r\n\r\n",
    b"HTTP/1.1 1000 No\r\n\r\n",
    b"HTTP/1.1 OK\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\n",
    b"\x16\x03\x01\x02\x00",
    b"\x00" * 200,
    b"SSH-2.0-a\r\n",
    b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n: x\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX-A: \x00\r\n\r\n",
    *(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + coding + b"\r\n\r\n" + body
        for coding, body in (
            (b"gzip, chunked", b"0\r\n\r\n"),
            (b"chunked", b"zz\r\n{}\r\n0\r\n\r\n"),
            (b"chunked", b"-2\r\n{}\r\n0\r\n\r\n"),
        )
    ),
)


@pytest.mark.parametrize("answer", NO_HTTP)
def test_what_is_no_http_is_no_answer(exchange, answer):
    with raw_server(answer) as server, pytest.raises((NoAnswer, BadPayload)) as caught:
        exchange(put(), permit=permit(time.monotonic() + 60), loopback=server.url)
    assert getattr(caught.value, "sent", True) is True


@pytest.mark.parametrize("status", [101, 199])
def test_another_protocol_is_no_answer(exchange, status):
    answer = f"HTTP/1.1 {status} Go\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n".encode()
    with raw_server(answer, hold=True) as server:
        try:
            [response] = exchange(get(deadline_seconds=0.5), loopback=server.url)
        except (NoAnswer, BadPayload):
            return
    assert (response.status, response.body) == (status, b"")


def test_gzip_of_many_empty_members_is_nothing_and_no_work():
    body = Body(Caps(), {"content-encoding": "gzip"})
    body.feed(gzip.compress(b"") * 20_000)
    assert body.whole(empty_is_fine=False) == b""


def test_gzip_within_gzip_is_unpacked_once(exchange):
    """A bomb in a bomb is a small body that is no JSON."""
    inner = gzip.compress(bytes(50_000_000))
    answer = SimResponse(200, (("Content-Encoding", "gzip"),), gzip.compress(inner))
    with serve(Answers(nested=answer)) as server:
        [response] = exchange(get("/nested"), loopback=server.url)
    assert response.body == inner


# -- TLS --


def test_the_simulators_own_certificate_is_accepted_where_named_and_else_refused(exchange):
    with serve(Answers(), tls=True) as server:
        [response] = exchange(get(), loopback=server.url, ca_file=server.ca_file)
        assert response.status == 200
        with pytest.raises(NoAnswer, match="certificate") as caught:
            exchange(get(), loopback=server.url)
        assert caught.value.sent is False
        assert len(server.requests) == 1


def test_a_certificate_of_another_host_is_refused(exchange, monkeypatch):
    monkeypatch.setattr(Certificate.__init__, "__defaults__", (("other.example",),))
    with serve(Answers(), tls=True) as server:
        with pytest.raises(NoAnswer, match="certificate"):
            exchange(get(), loopback=server.url, ca_file=server.ca_file)
        assert list(server.requests) == []


def test_a_certificate_that_has_run_out_is_refused(exchange, monkeypatch):
    class Then(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) - timedelta(days=400)

    clock = SimpleNamespace(datetime=Then, timedelta=timedelta, UTC=UTC)
    monkeypatch.setattr(certificates, "datetime", clock)
    with serve(Answers(), tls=True) as server:
        monkeypatch.undo()
        with pytest.raises(Untrusted, match="certificate"):
            exchange(put(), permit=permit(time.monotonic() + 60), loopback=server.url, ca_file=server.ca_file)
        assert list(server.requests) == []


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
def test_an_old_version_of_tls_is_refused(exchange, version):
    with serve(Answers(), tls=True) as server:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            server._tls.minimum_version = ssl.TLSVersion[version]
            server._tls.maximum_version = ssl.TLSVersion[version]
        server._tls.set_ciphers("ALL:@SECLEVEL=0")  # or the server would not offer it
        with pytest.raises(NoAnswer) as caught:
            exchange(put(), permit=permit(time.monotonic() + 60), loopback=server.url, ca_file=server.ca_file)
        assert caught.value.sent is False
        assert list(server.requests) == []


def test_who_speaks_no_tls_gets_nothing(exchange):
    """Downgraded by somebody in between: nothing is sent in clear."""
    with raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as server:
        with pytest.raises(NoAnswer) as caught:
            exchange(
                put(), permit=permit(time.monotonic() + 60), loopback=server.url.replace("http:", "https:")
            )
        assert caught.value.sent is False


def test_no_server_is_offered_http_2(exchange):
    """iCIMS answers it with 505: https://developer.icims.com/REST-API/Connecting-Authenticating."""
    with serve(Answers(), tls=True) as server:
        # It would rather speak that, and cannot: whoever offered it would get no answer.
        server._tls.set_alpn_protocols(["h2", "http/1.1"])
        [response] = exchange(get(), loopback=server.url, ca_file=server.ca_file)
        assert response.status == 200


# -- nothing of it shows --


def everything(error):
    """All that a curious log handler could print: messages, causes, and the locals of every frame."""
    texts, todo = [], [error]
    while todo:
        one = todo.pop()
        texts += [repr(one), str(one)]
        stack = traceback.TracebackException.from_exception(one, capture_locals=True)
        frames = [
            f for f in stack.stack if "atsbridge/drivers" in f.filename or "site-packages" in f.filename
        ]
        texts += [str(frame.locals) for frame in frames]
        todo += [cause for cause in (one.__cause__, one.__context__) if cause is not None]
    return "\n".join(texts)


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + CANARY[:5].encode(), b"nonsense\r\n\r\n"],
)
def test_no_error_shows_the_request_nor_the_answer(exchange, answer):
    secret = get(
        f"/v1/{CANARY}?key={CANARY}",
        method="POST",
        body={"mail": CANARY},
        signature=(("Authorization", CANARY),),
    )
    with raw_server(answer) as server, pytest.raises((NoAnswer, BadPayload)) as caught:
        exchange(secret, loopback=server.url)
    assert CANARY not in everything(caught.value)
    assert CANARY[:5] not in everything(caught.value)


def test_no_log_record_shows_the_request_nor_the_answer(exchange, caplog):
    caplog.set_level(logging.DEBUG)
    answer = SimResponse(200, (("X-Name", CANARY), ("Set-Cookie", CANARY)), CANARY.encode())
    with serve(Answers(**{CANARY: answer})) as server:
        exchange(get(f"/{CANARY}", signature=(("X-Key", CANARY),)), loopback=server.url)
    assert CANARY not in caplog.text
    logging.getLogger("httpcore.connection").info("others may still log")
    assert "others may still log" in caplog.text
