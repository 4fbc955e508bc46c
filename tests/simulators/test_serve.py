"""A simulator on a port, over real sockets."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import os
import signal
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atsbridge.simulators.interface import Limits, SimResponse
from atsbridge.simulators.serve import Cut, Served, run, serve


class Echo:
    """Answers with what it was asked; counts how many ask at a time."""

    limits = None

    def __init__(self):
        self.now = self.most = 0

    def respond(self, request):
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            if request.target == "/boom":
                raise KeyError("boom")
            if request.target == "/empty":
                return SimResponse(204)
            said = [request.method, request.target, request.headers, request.body.decode(), request.caller]
            return SimResponse(200, (("Content-Type", "application/json"),), json.dumps(said).encode())
        finally:
            self.now -= 1


@pytest.fixture
def server():
    with serve(Echo()) as server:
        yield server


@pytest.fixture
def client(server):
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    yield client
    client.close()


def ask(client, method, target, body=None, **headers):
    client.request(method, target, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = client.getresponse()
    return answer.status, answer.headers, answer.read()


def raw(server, data):
    """Send bytes, close our half, read to the end."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        got = b""
        while part := connection.recv(65536):
            got += part
    return got


def test_the_simulator_sees_the_request_as_it_was_sent(server, client):
    status, headers, body = ask(client, "PUT", "/v1/a%2Fb?x=%5B1%5D", b'{"a":1}', X_Key="one")
    method, target, seen, content, caller = json.loads(body)
    assert (status, method, target, content, caller) == (
        200,
        "PUT",
        "/v1/a%2Fb?x=%5B1%5D",
        '{"a":1}',
        "127.0.0.1",
    )
    assert seen["x-key"] == "one"
    assert headers["Content-Type"] == "application/json"
    assert list(server.requests) == [Served("PUT", "/v1/a%2Fb?x=%5B1%5D", 200)]


def test_one_connection_serves_many_requests(server, client):
    client.connect()
    sock = client.sock
    for n in range(5):
        assert ask(client, "GET", f"/{n}")[0] == 200
    assert client.sock is sock
    assert ask(client, "GET", "/", Connection="close")[1]["Connection"] == "close"


def test_answers_without_a_body_do_not_end_the_connection(client):
    assert ask(client, "HEAD", "/")[2] == b""
    assert ask(client, "GET", "/empty")[0] == 204
    assert ask(client, "GET", "/")[0] == 200


def test_large_answers_are_gzipped_for_those_who_take_it(server, client):
    _, headers, body = ask(client, "POST", "/", b"x" * 2000, Accept_Encoding="gzip")
    assert headers["Content-Encoding"] == "gzip"
    assert b"x" * 2000 in gzip.decompress(body)
    for size, accept in ((10, "gzip"), (2000, "identity")):
        assert "Content-Encoding" not in ask(client, "POST", "/", b"x" * size, Accept_Encoding=accept)[1]


def test_gzip_can_be_switched_off():
    with serve(Echo(), compress=False) as server:
        answer = raw(
            server, b"POST / HTTP/1.1\r\nAccept-Encoding: gzip\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2000
        )
    assert b"x" * 2000 in answer


def test_the_simulator_is_asked_one_at_a_time(server):
    def work(_):
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        try:
            return [ask(client, "GET", "/")[0] for _ in range(20)]
        finally:
            client.close()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [[200] * 20] * 8
    assert server.simulator.most == 1
    assert len(server.requests) == 160


def test_a_simulator_that_raises_is_a_500_and_goes_on(server, client):
    status, _, body = ask(client, "GET", "/boom")
    assert (status, body) == (500, b"the simulator failed: KeyError")
    assert isinstance(server.failures[0], KeyError)
    assert ask(client, "GET", "/")[0] == 200


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/3\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\n", 505),
        (b"GET http://elsewhere/ HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n folded: x\r\n\r\n", 400),
        (b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", 413),
    ],
)
def test_a_bad_request_is_answered_as_such(server, client, data, status):
    assert raw(server, data).startswith(f"HTTP/1.1 {status} ".encode())
    assert list(server.requests) == []
    assert ask(client, "GET", "/")[0] == 200


@pytest.mark.parametrize(
    "data", [b"", b"GET /", b"GET / HTTP/1.1\r\nX: y", b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab"]
)
def test_a_client_that_goes_away_is_forgotten(server, client, data):
    assert raw(server, data) == b""
    assert list(server.requests) == []
    assert ask(client, "GET", "/")[0] == 200


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_bring_it_down(fuzzed, data):
    raw(fuzzed, data)
    assert raw(fuzzed, b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")


@pytest.fixture(scope="module")
def fuzzed():
    with serve(Echo()) as server:
        yield server


@pytest.mark.parametrize("end", [b"0\r\n\r\n", b"0\r\nX-Sum: 1\r\n\r\n", b"00;last\r\n\r\n"])
def test_a_body_may_come_in_chunks(server, end):
    head = b"POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\nConnection: close\r\n\r\n"
    answer = raw(server, head + b"3\r\nab\r\r\nA;x=y\r\n0123456789\r\n" + end)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])[3] == "ab\r0123456789"
    assert raw(server, head + b"3\r\nab") == b""


def test_expect_continue_is_answered(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"ok")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")


def test_stop_leaves_no_thread_behind_whatever_clients_do():
    before = set(threading.enumerate())
    server = serve(Echo(), tls=True)
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
    context = ssl.create_default_context(cafile=server.ca_file)
    spoken = context.wrap_socket(
        socket.create_connection(("127.0.0.1", server.port)), server_hostname="127.0.0.1"
    )
    spoken.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert spoken.recv(20).startswith(b"HTTP/1.1 200")
    server.stop()
    server.stop()
    assert set(threading.enumerate()) == before
    for connection in (*idle, spoken):
        connection.close()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", server.port)).close()


def test_it_speaks_tls_with_a_certificate_of_its_own():
    with serve(Echo(), tls=True) as server:
        assert server.url == f"https://127.0.0.1:{server.port}"
        trusting = ssl.create_default_context(cafile=server.ca_file)
        for host in ("127.0.0.1", "localhost"):
            client = http.client.HTTPSConnection(host, server.port, context=trusting, timeout=10)
            assert ask(client, "GET", "/")[0] == 200
            client.close()
        with pytest.raises(ssl.SSLError), socket.create_connection(("127.0.0.1", server.port)) as connection:
            ssl.create_default_context().wrap_socket(connection, server_hostname="127.0.0.1")
        assert len(server.requests) == 2
    assert not Path(server.ca_file).exists()


def test_limits_are_put_in_place_of_the_simulators_own():
    simulator, limits = Echo(), Limits.read("x10")
    with serve(simulator, limits=limits):
        assert simulator.limits is limits


def test_latency_is_waited_by_each_connection_on_its_own(monkeypatch):
    together = threading.Barrier(4)
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        together.wait(10)  # passes only if four wait at the same time

    monkeypatch.setattr("atsbridge.simulators.serve.time.sleep", sleep)
    with serve(Echo(), latency_seconds=0.02) as server, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: raw(server, b"GET / HTTP/1.0\r\n\r\n"), range(4)))
    assert all(answer.startswith(b"HTTP/1.1 200") for answer in answers)
    assert waits == [0.02] * 4


def test_an_interceptor_stands_in_between():
    def intercept(request, respond):
        if request.target == "/drop":
            return None
        answer = respond(request)
        return Cut(answer, 3) if request.target == "/cut" else SimResponse(418, (), answer.body)

    with serve(Echo(), intercept=intercept) as server:
        assert raw(server, b"GET /drop HTTP/1.1\r\n\r\n") == b""
        assert raw(server, b"GET /cut HTTP/1.1\r\n\r\n").endswith(b'\r\n\r\n["G')
        assert raw(server, b"GET /tea HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 418 ")
        assert [one.status for one in server.requests] == [0, 0, 418]


def test_run_serves_until_ctrl_c():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    answers = []

    def client():
        while not answers:
            with contextlib.suppress(ConnectionError):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                answers.append(ask(connection, "GET", "/")[0])
            connection.close()
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=client)
    # A program started in the background ignores it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        thread.start()
        run(Echo(), port)
    finally:
        signal.signal(signal.SIGINT, before)
    thread.join()
    assert answers == [200]


def test_what_is_on_its_way_side_by_side_is_told_to_the_simulator():
    both, seen = threading.Barrier(2), []

    def meet(request, respond):
        if request.target != "/alone":
            both.wait(10)
        seen.append(request)
        return respond(request)

    def get(target):
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        with contextlib.closing(client):
            return ask(client, "GET", target)

    with serve(Echo(), intercept=meet) as server:
        with ThreadPoolExecutor(2) as pool:
            _ = list(pool.map(get, ("/one", "/two")))
        _ = get("/alone")
    beside = {request.target: [other.target for other in request.beside] for request in seen}
    assert beside["/one"] + beside["/two"] in (["/one"], ["/two"]) and beside["/alone"] == []
