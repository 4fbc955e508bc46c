"""Put a simulator on a loopback port.

::

    with serve(simulator) as server:
        print(server.url)          # http://127.0.0.1:43210

A small HTTP/1.1 server, one thread per connection: keep-alive, one write per
answer, gzip where the client takes it, TLS with a throw-away certificate. It
listens on 127.0.0.1 alone, and whatever a client sends, it answers or hangs up.
"""

from __future__ import annotations

import gzip
import re
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from io import BufferedReader
from types import TracebackType
from typing import NamedTuple, Self, TypeAlias, cast

from attrs import evolve, frozen

from .interface import Limits, SimRequest, SimResponse, Simulator
from .posting import Poster

_LINE_BYTES = 32 * 1024
_HEADERS = 100
_BODY_BYTES = 8 * 1024 * 1024
_GZIP_FROM_BYTES = 1024
_HANDSHAKE_SECONDS = 10.0

Respond: TypeAlias = Callable[[SimRequest], SimResponse]


@frozen
class Cut:
    """An answer of which only the first ``keep`` bytes of the body are sent before the line goes dead."""

    response: SimResponse
    keep: int


Intercept: TypeAlias = Callable[[SimRequest, Respond], "SimResponse | Cut | None"]
"""Stands between the port and the simulator.

It is given the request and the simulator's own answer function, and gives
what is to be sent; None hangs up without an answer. It is called by many
threads at a time; the function it is given is not, a lock sees to that. If it
has a method ``stop``, that is called when the server stops.
"""


class Served(NamedTuple):
    """One request as the server saw it; ``status`` is 0 where no whole answer was sent."""

    method: str
    target: str
    status: int


class Server:
    """A simulator on a port, from `serve` until `stop`.

    Attributes:
        url: its origin.
        ca_file: the certificate to trust, PEM; None without TLS.
        requests: the last 100,000 requests, oldest first.
        failures: what the simulator itself raised; the client saw a 500.
    """

    def __init__(
        self,
        simulator: Simulator,
        *,
        port: int = 0,
        tls: bool = False,
        limits: Limits | None = None,
        intercept: Intercept | None = None,
        latency_seconds: float = 0.0,
        compress: bool = True,
    ) -> None:
        if limits is not None:
            simulator.limits = limits
        self.simulator = simulator
        self.requests: deque[Served] = deque(maxlen=100_000)
        self.failures: list[Exception] = []
        self.latency_seconds = latency_seconds
        self._compress = compress
        self._intercept = intercept
        self._lock = threading.Lock()
        self._poster = Poster(lambda: self.simulator.hooks_due(), self._lock)
        self._open: dict[socket.socket, threading.Thread] = {}
        self._on_their_way: list[SimRequest] = []
        self._counting = threading.Lock()
        self._stopping = False
        self._tls: ssl.SSLContext | None = None
        self.ca_file: str | None = None
        if tls:
            from .certificates import Certificate

            self._certificate = Certificate()
            self.ca_file, self._tls = self._certificate.ca_file, self._certificate.context
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._accepting = threading.Thread(target=self._accept, name="simulator", daemon=True)
        self._accepting.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Hang up on everybody; no thread or socket is left when it returns."""
        if self._stopping:
            return
        self._stopping = True
        with suppress(OSError):  # the one sure way to wake a thread from accept()
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        self._accepting.join()
        self._listener.close()
        self._poster.stop()
        if callable(ending := getattr(self._intercept, "stop", None)):
            ending()
        with self._lock:
            left = dict(self._open)
        for connection, thread in left.items():
            _hang_up(connection)
            thread.join()
        if self._tls is not None:
            self._certificate.close()

    def respond(self, request: SimRequest) -> SimResponse:
        """The simulator's own answer, as a client would get it; one at a time."""
        with self._lock:
            try:
                response = self.simulator.respond(request)
                if getattr(self.simulator, "posts_hooks", False):  # a test's own may only answer
                    self._poster.begin()
                return response
            except Exception as error:
                self.failures.append(error)
                return SimResponse(500, (), f"the simulator failed: {type(error).__name__}".encode())

    # -- connections --

    def _accept(self) -> None:
        while not self._stopping:
            try:
                connection, peer = self._listener.accept()
            except OSError:
                time.sleep(0.05)  # out of descriptors, say
                continue
            if self._stopping:
                connection.close()
                return
            try:
                self._begin(connection, peer[0])
            except OSError:  # the client has gone again
                connection.close()

    def _begin(self, connection: socket.socket, caller: str) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            connection.settimeout(_HANDSHAKE_SECONDS)
        thread = threading.Thread(target=self._serve, args=(connection, caller), name="client", daemon=True)
        with self._lock:
            self._open[connection] = thread
        thread.start()

    def _serve(self, connection: socket.socket, caller: str) -> None:
        try:
            if isinstance(connection, ssl.SSLSocket):
                connection.do_handshake()
                connection.settimeout(None)
            with cast(BufferedReader, connection.makefile("rb", 64 * 1024)) as reader:
                while not self._stopping and self._exchange(connection, reader, caller):
                    pass
        except OSError:
            pass  # the client went away, or did not want our certificate
        finally:
            with self._lock:
                self._open.pop(connection, None)
            _hang_up(connection)
            connection.close()

    def _exchange(self, connection: socket.socket, reader: BufferedReader, caller: str) -> bool:
        """One request and its answer; False ends the connection."""
        try:
            read = _read_request(connection, reader, caller)
        except _BadRequest as bad:
            body = bad.args[0].encode()
            connection.sendall(_render(SimResponse(bad.status, (), body), body, head=False, close=True))
            return False
        if read is None:
            return False
        request, keep = read
        if self._tls is not None:
            request = evolve(request, headers={**request.headers, "x-forwarded-proto": "https"})
        answer = self._answered(request)
        if isinstance(answer, SimResponse):
            answer = self._squeeze(answer, request.headers)
            self.requests.append(Served(request.method, request.target, answer.status))
            connection.sendall(_render(answer, answer.body, head=request.method == "HEAD", close=not keep))
            return keep
        self.requests.append(Served(request.method, request.target, 0))
        if isinstance(answer, Cut):
            whole = self._squeeze(answer.response, request.headers)
            connection.sendall(_render(whole, whole.body[: answer.keep], head=False, close=True))
        return False

    def _answered(self, request: SimRequest) -> SimResponse | Cut | None:
        """The answer, its latency over; until then the request is one of those on their way."""
        with self._counting:
            beside = tuple(self._on_their_way)
            self._on_their_way.append(request)
        asked = evolve(request, beside=beside)
        try:
            answer = self._intercept(asked, self.respond) if self._intercept else self.respond(asked)
            if self.latency_seconds:
                time.sleep(self.latency_seconds)
            return answer
        finally:
            with self._counting:
                self._on_their_way.remove(request)

    def _squeeze(self, response: SimResponse, headers: Mapping[str, str]) -> SimResponse:
        fits = self._compress and len(response.body) > _GZIP_FROM_BYTES
        if (
            not fits
            or "gzip" not in headers.get("accept-encoding", "")
            or response.header("content-encoding")
        ):
            return response
        body = gzip.compress(response.body, compresslevel=1, mtime=0)
        return SimResponse(response.status, (*response.headers, ("Content-Encoding", "gzip")), body)


def serve(
    simulator: Simulator,
    *,
    port: int = 0,
    tls: bool = False,
    limits: Limits | None = None,
    intercept: Intercept | None = None,
    latency_seconds: float = 0.0,
    compress: bool = True,
) -> Server:
    """Start serving; use it as a context manager, or call ``stop``.

    Args:
        port: 0 takes a free one.
        tls: with a certificate made for the occasion; needs the extra ``serve``.
        limits: put in place of the simulator's own.
        intercept: see `Intercept`; `atsbridge.testing.network.Faults` is one.
        latency_seconds: waited before each answer, by each connection on its own.
        compress: gzip bodies above one kilobyte for clients that take it.
    """
    return Server(
        simulator,
        port=port,
        tls=tls,
        limits=limits,
        intercept=intercept,
        latency_seconds=latency_seconds,
        compress=compress,
    )


def run(simulator: Simulator, port: int, *, tls: bool = False, limits: Limits | None = None) -> None:
    """Serve until KeyboardInterrupt."""
    # In this order an interrupt that comes while the server begins is one, too.
    with suppress(KeyboardInterrupt), serve(simulator, port=port, tls=tls, limits=limits):
        threading.Event().wait()


# -- HTTP --


class _BadRequest(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def _read_request(
    connection: socket.socket, reader: BufferedReader, caller: str
) -> tuple[SimRequest, bool] | None:
    """The next request and whether to keep the connection; None where there is none."""
    if not reader.peek(1):
        return None
    line = _read_line(reader)
    parts = line.split(" ")
    if len(parts) == 3 and parts[2].startswith("HTTP/") and parts[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise _BadRequest(505, "HTTP/1.1 alone is spoken here")
    if len(parts) != 3 or parts[2] not in ("HTTP/1.1", "HTTP/1.0") or not parts[1].startswith("/"):
        raise _BadRequest(400, "bad request line")
    headers = _read_headers(reader)
    body = _read_body(connection, reader, headers)
    wish = headers.get("connection", "").lower()
    keep = wish == "keep-alive" if parts[2] == "HTTP/1.0" else wish != "close"
    return SimRequest(parts[0], parts[1], headers, body, caller), keep


def _read_line(reader: BufferedReader) -> str:
    line = reader.readline(_LINE_BYTES + 1)
    if len(line) > _LINE_BYTES:
        raise _BadRequest(431, "a line of the head is too long")
    if not line.endswith(b"\n"):
        raise ConnectionError("the client went away")
    return line.decode("latin-1").rstrip("\r\n")


def _read_headers(reader: BufferedReader) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(_HEADERS):
        line = _read_line(reader)
        if line == "":
            return headers
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise _BadRequest(400, "bad header")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    raise _BadRequest(431, "too many headers")


def _read_body(connection: socket.socket, reader: BufferedReader, headers: Mapping[str, str]) -> bytes:
    length = _length(headers)
    if headers.get("expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    return _read_chunks(reader) if length is None else _read_exactly(reader, length)


def _length(headers: Mapping[str, str]) -> int | None:
    """Of the body; None where it comes in chunks."""
    if "transfer-encoding" in headers:
        if headers["transfer-encoding"].lower() != "chunked":
            raise _BadRequest(501, "no transfer coding but chunked is known")
        if "content-length" in headers:
            raise _BadRequest(400, "a body in chunks has no Content-Length")
        return None
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()):
        raise _BadRequest(400, "bad Content-Length")
    if len(text) > 12 or int(text) > _BODY_BYTES:
        raise _BadRequest(413, "the body is too large")
    return int(text)


def _read_chunks(reader: BufferedReader) -> bytes:
    """As clients send a body whose length they do not know beforehand."""
    body = bytearray()
    while size := _chunk_size(reader):
        if len(body) + size > _BODY_BYTES:
            raise _BadRequest(413, "the body is too large")
        body += _read_exactly(reader, size)
        if _read_line(reader) != "":
            raise _BadRequest(400, "bad chunk")
    _ = _read_headers(reader)  # trailers, of which nothing is wanted
    return bytes(body)


def _chunk_size(reader: BufferedReader) -> int:
    text = _read_line(reader).partition(";")[0].strip()
    if not re.fullmatch("[0-9a-fA-F]{1,8}", text):
        raise _BadRequest(400, "bad chunk size")
    return int(text, 16)


def _read_exactly(reader: BufferedReader, size: int) -> bytes:
    body = reader.read(size)
    if len(body) < size:
        raise ConnectionError("the client went away")
    return body


def _render(response: SimResponse, body: bytes, *, head: bool, close: bool) -> bytes:
    """The answer's bytes; its length is that of the whole body, whatever part of it is sent."""
    try:
        phrase = HTTPStatus(response.status).phrase
    except ValueError:
        phrase = "Answer"
    lines = [f"HTTP/1.1 {response.status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in response.headers if name.lower() != "content-length"]
    bare = response.status in (204, 304)
    if not bare:
        lines.append(f"Content-Length: {len(response.body)}")
    if close:
        lines.append("Connection: close")
    text = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
    return text if head or bare else text + body


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        # Not SSLSocket.shutdown, which takes the TLS layer from under a thread that is reading.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
