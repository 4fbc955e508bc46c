"""The wire: the one module of atsbridge that can send bytes.

Every request is shown to the guard first; what it admits is sent exactly as
admitted, once. Below `SyncWire` and `AsyncWire` stand httpx's own transports,
without `httpx.Client`: so there is no cookie jar, no redirect, no proxy or
``.netrc`` from the environment, no log line with a URL, and no second encoding
of the query, because the code that would do these things is never called.

No error that leaves this module carries a URL, a header or a body, nor a
traceback or cause in which one could be found.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import re
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, NoReturn, Protocol, TypeAlias
from urllib.parse import unquote_to_bytes

import attrs
import certifi
import httpcore
import httpx
from attrs import define, field

from ..errors import (
    AtsBridgeError,
    BadPayload,
    ConfigurationError,
    GuardError,
    NoAnswer,
    TooLate,
    Untrusted,
)
from ..wire.effects import Permit, Request, Response
from .addresses import is_loopback, is_public
from .body import Body, Caps

_URL = re.compile(r"https://((?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?)(/[\x21-\x7e]*)?")
_LOOPBACK = re.compile(r"(https?)://(127\.0\.0\.1|localhost|\[::1\])(?::([0-9]{1,5}))?/?")
_PROXY = re.compile(
    r"(https?)://(?:([^:@/?#\s]+)(?::([^@/?#\s]*))?@)?"
    r"((?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?)/?"
)
_OURS = frozenset(
    {"accept-encoding", "connection", "content-length", "cookie", "expect", "host", "te"}
    | {"trailer", "transfer-encoding", "upgrade"}
)
"""Headers that the wire sets itself, or that nobody may set."""

Resolve: TypeAlias = Callable[[str, int], Sequence[str]]
"""Host and port to every IP address, as text."""


class Admits(Protocol):
    """What the wire needs of a guard."""

    def admit(self, request: Request, permit: Permit | None) -> str:
        """The absolute https URL to open, query included; raises `GuardError`."""
        ...


def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


# -- one exchange --


@define(eq=False)
class _Flight:
    """One exchange under way: its deadlines, and how far it has come."""

    request: Request
    send_by: float | None
    connect_seconds: float
    deadline: float = 0.0
    sent_at: datetime | None = None
    status: int | None = None

    def check(self) -> None:
        if self.send_by is not None and time.monotonic() > self.send_by:
            raise TooLate()

    def leave(self, tunnels_left: int = 0) -> None:
        """Bytes are about to be written: to a proxy while tunnels are left to be made, else to the vendor."""
        if self.sent_at is not None:
            return
        self.check()
        now = time.monotonic()
        if tunnels_left == 0:
            self.sent_at = datetime.now(UTC)
            self.deadline = now + self.request.deadline_seconds
        elif not self.deadline:
            self.deadline = now + self.connect_seconds

    def left(self, late: type[Exception]) -> float:
        """Seconds that the next read or write may take."""
        if not self.deadline:
            return self.connect_seconds
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise late()
        return seconds


_flight: ContextVar[_Flight] = ContextVar("atsbridge_flight")


def _no_record(record: logging.LogRecord) -> bool:
    """httpcore's debug log shows headers; it says nothing while one of our requests is under way."""
    return _flight.get(None) is None


for _name in ("connection", "http11", "proxy"):
    logging.getLogger(f"httpcore.{_name}").addFilter(_no_record)


def _has_no_body(request: Request, response: httpx.Response) -> bool:
    length = response.headers.get("content-length")
    return request.method == "HEAD" or response.status_code in (204, 304) or length == "0"


def _more_has_come(stream: Any) -> bool:
    """Whether bytes are left over on the connection; an answer out of a recording came by none."""
    if isinstance(stream, httpx.ByteStream):
        return False
    more, _ = stream._httpcore_stream._stream._connection._h11_state.trailing_data  # there is no public way
    return bool(more)


def _read_headers(headers: httpx.Headers) -> dict[str, str]:
    """Names in lower case, repeated ones joined; cookies are dropped here."""
    joined: dict[str, str] = {}
    for name, value in headers.multi_items():
        if name != "set-cookie":
            joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


# -- what both wires share --


def _check_loopback(_wire: object, _field: object, value: str | None) -> None:
    if value is not None and not _LOOPBACK.fullmatch(value):
        raise ConfigurationError(
            "the simulator's address (--simulator; in Python at) is not http(s)://127.0.0.1:PORT",
            advice="give the one that `atsbridge simulate` printed; leave it out for the ATS itself",
        )


def _read_proxy(proxy: str) -> tuple[str, str | None, str | None, str]:
    """Scheme, user and password (percent-encoded) where it has them, and host with port."""
    match = _PROXY.fullmatch(proxy)
    if match is None or not proxy.isascii():
        raise ConfigurationError(
            "the proxy is not http(s)://[user:password@]host:port",
            advice="percent-encode what user and password have besides letters and digits",
        )
    scheme, user, password, address = match.groups()
    return scheme, user, password, address


def _check_proxy(_wire: object, _field: object, value: str | None) -> None:
    if value is not None:
        _read_proxy(value)


@define(eq=False)
class _Wire:
    """The settings of a wire, and all of an exchange but the waiting.

    Args:
        guard: admits every request before anything else happens.
        caps: on the size of an answer.
        ca_file: certificates to trust, PEM, instead of the built-in list.
        proxy: ``http://[user:password@]host:port``; the proxy then resolves the names.
        loopback: an origin such as ``http://127.0.0.1:8080`` that stands in for
            every host, data and token alike; the ``Host`` header stays the vendor's.
        connections: open at the same time.
        connect_seconds: for each of resolving, connecting, a proxy's tunnel and the TLS handshake.
        resolve: the resolver.
    """

    guard: Admits
    caps: Caps = field(factory=Caps, kw_only=True)
    ca_file: str | None = field(default=None, kw_only=True)
    proxy: str | None = field(default=None, kw_only=True, repr=False, validator=_check_proxy)
    loopback: str | None = field(default=None, kw_only=True, validator=_check_loopback)
    connections: int = field(default=20, kw_only=True)
    connect_seconds: float = field(default=10.0, kw_only=True)
    resolve: Resolve = field(default=resolve, kw_only=True, repr=False)

    def _admit(self, request: Request, permit: Permit | None) -> tuple[_Flight, httpx.Request]:
        # The guard sees, and the wire sends, a copy that nobody else can change in between.
        if isinstance(request.body, (dict, list)):
            request = attrs.evolve(request, body=copy.deepcopy(request.body))
        url = self.guard.admit(request, permit)
        send_by = None if permit is None else permit.send_by
        flight = _Flight(request, send_by, self.connect_seconds)
        outgoing = self._outgoing(request, url)
        flight.check()
        return flight, outgoing

    def _outgoing(self, request: Request, url: str) -> httpx.Request:
        match = _URL.fullmatch(url)
        if match is None:
            raise GuardError("only a plain https URL can be opened")
        host, target = match.group(1), match.group(2) or "/"
        content, content_type = request.content()
        headers = [("Host", host), ("Accept-Encoding", "gzip"), ("User-Agent", "atsbridge")]
        added = (*request.headers, *request.signature)
        names = {name.lower() for name, _ in added}
        if names & _OURS or not all(name.isascii() and value.isascii() for name, value in added):
            raise GuardError("a request sets a header that belongs to the wire, or one that is not ASCII")
        if content_type is not None and "content-type" not in names:
            headers.append(("Content-Type", content_type))
        headers.extend(added)
        origin = self.loopback.rstrip("/") if self.loopback else f"https://{host}"
        extensions = {
            "target": target.encode(),  # the admitted bytes; httpx would normalise them
            "timeout": {"connect": self.connect_seconds, "pool": request.deadline_seconds},
        }
        return httpx.Request(
            request.method, f"{origin}/", headers=headers, content=content, extensions=extensions
        )

    def _answer(self, flight: _Flight, response: httpx.Response, body: Body) -> Response:
        if _more_has_come(response.stream):  # it would be taken for the answer to the next request
            response.extensions["network_stream"].spoilt = True
        return Response(
            status=response.status_code,
            headers=_read_headers(response.headers),
            body=body.whole(empty_is_fine=_has_no_body(flight.request, response)),
            sent_at=flight.sent_at or datetime.now(UTC),
        )

    def _pool_settings(self, backend: Any) -> dict[str, Any]:
        return {
            "ssl_context": self._tls(),
            "max_connections": self.connections,
            "max_keepalive_connections": self.connections,
            "keepalive_expiry": 5.0,
            "retries": 0,
            "network_backend": backend,
        }

    def _proxy_settings(self) -> dict[str, Any] | None:
        if self.proxy is None or self.loopback is not None:
            return None
        scheme, user, password, address = _read_proxy(self.proxy)
        settings: dict[str, Any] = {"proxy_url": f"{scheme}://{address}/"}
        if user is not None:  # as bytes: httpcore takes ASCII text alone
            settings["proxy_auth"] = (unquote_to_bytes(user), unquote_to_bytes(password or ""))
        if scheme == "https":
            settings["proxy_ssl_context"] = self._tls()
        return settings

    def _tunnels(self) -> int:
        """Layers of TLS that come after a new connection's first byte: none where no proxy stands."""
        if self.proxy is None or self.loopback is not None:
            return 0
        return 2 if self.proxy.startswith("https:") else 1

    def _tls(self) -> ssl.SSLContext:
        # Not ssl.create_default_context: it writes the session keys where SSLKEYLOGFILE says.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if not (self.loopback or "").startswith("http:"):  # no TLS there, and reading the list is slow
            context.load_verify_locations(cafile=self.ca_file or certifi.where())
        return context

    def _allowed(self, addresses: Iterable[str]) -> list[str]:
        """The addresses, if every one may be connected to: a name that also leads inside is not trusted."""
        found = list(addresses)
        fine = is_loopback if self.loopback is not None else is_public
        if not all(fine(address) for address in found):
            raise GuardError("the host's name leads to an address that is not public; nothing was sent")
        return found

    def _explain(self, error: Exception, flight: _Flight) -> AtsBridgeError:
        """The error to raise, which knows what happened but not what was sent where."""
        where: dict[str, Any] = {"operation": flight.request.operation, "status": flight.status}
        if isinstance(error, BadPayload):
            return BadPayload(error.message, **where)
        if isinstance(error, AtsBridgeError):
            return error
        late = isinstance(error, (httpx.TimeoutException, httpcore.TimeoutException))
        if flight.sent_at is None:
            return _unsent(error, late=late, where=where)
        if late:
            seconds = f"{flight.request.deadline_seconds:g} seconds"
            return NoAnswer(f"no whole answer within {seconds}", sent=True, **where)
        if flight.status is not None:
            return BadPayload("the answer was cut short", **where)
        return NoAnswer("the connection ended before an answer came", sent=True, **where)


def _unsent(error: Exception, *, late: bool, where: dict[str, Any]) -> AtsBridgeError:
    if isinstance(error, httpx.LocalProtocolError):
        return GuardError("the request is not valid HTTP; nothing was sent")
    if isinstance(error, httpx.ProxyError):
        return NoAnswer("the proxy did not open a connection", sent=False, **where)
    if late:
        return NoAnswer("no connection could be opened in time", sent=False, **where)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = f"the server's certificate is not accepted (OpenSSL code {cause.verify_code})"
            return Untrusted(reason, **where)
        cause = cause.__cause__ or cause.__context__
    return NoAnswer("no connection could be opened", sent=False, **where)


def _raise(error: AtsBridgeError) -> NoReturn:
    """Raise without the frames and causes in which the request could be found."""
    error.__cause__ = error.__context__ = None
    raise error.with_traceback(None)


_FAULTS = (httpx.TransportError, httpcore.TimeoutException, AtsBridgeError, OSError)


# -- sync --


class _Stream(httpcore.NetworkStream):
    """A socket that knows the deadline of the request it serves, and how far behind proxies the vendor is.

    One that is ``spoilt`` is closed by its pool, and carries no other request.
    """

    def __init__(self, inner: httpcore.NetworkStream, tunnels_left: int) -> None:
        self._inner = inner
        self._tunnels_left = tunnels_left
        self.spoilt = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _flight.get().left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        flight = _flight.get()
        flight.leave(self._tunnels_left)
        self._inner.write(buffer, flight.left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        _flight.get().check()
        inner = self._inner.start_tls(ssl_context, server_hostname, timeout)
        return _Stream(inner, max(0, self._tunnels_left - 1))

    def get_extra_info(self, info: str) -> Any:
        return (info == "is_readable" and self.spoilt) or self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    """Resolves once, checks every address, and connects to the checked address."""

    def __init__(self, wire: _Wire, *, tunnels: int) -> None:
        self._wire = wire
        self._tunnels = tunnels
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        _flight.get().check()
        left = _countdown(timeout)
        addresses = _look_up_within(left(), self._wire.resolve, host, port)
        if not self._tunnels:
            addresses = self._wire._allowed(addresses)
        failure: Exception = httpcore.ConnectError()
        for address in addresses:
            _flight.get().check()
            try:
                inner = self._inner.connect_tcp(address, port, left())
                return _Stream(inner, self._tunnels)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


_now = time.monotonic


def _countdown(seconds: float | None) -> Callable[[], float | None]:
    """What is left of so many seconds, for looking up and for all addresses together.

    Raises (what is returned):
        ConnectTimeout: nothing is left.
    """
    if seconds is None:
        return lambda: None
    until = _now() + seconds

    def left() -> float:
        if (rest := until - _now()) <= 0:
            raise httpcore.ConnectTimeout()
        return rest

    return left


def _look_up_within(seconds: float | None, resolve: Resolve, host: str, port: int) -> Sequence[str]:
    """As `_look_up`, which no system lets one break off: a thread of its own may go on looking.

    Raises:
        ConnectTimeout: nothing was found in that time.
    """
    if seconds is None:
        return _look_up(resolve, host, port)
    found: Future[Sequence[str]] = Future()

    def look() -> None:
        try:
            found.set_result(_look_up(resolve, host, port))
        except BaseException as error:
            found.set_exception(error)

    threading.Thread(target=look, daemon=True).start()
    try:
        return found.result(timeout=seconds)
    except TimeoutError:
        raise httpcore.ConnectTimeout() from None


def _look_up(resolve: Resolve, host: str, port: int) -> Sequence[str]:
    try:
        return resolve(host, port)
    except (OSError, UnicodeError):  # UnicodeError: a label longer than 63 characters
        return ()


class _Proxy(httpcore.HTTPProxy):
    """A pool of tunnels.

    A request's URL has its target by now; what stays among the extensions
    httpcore would put into the CONNECT too, in place of the host.
    """

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        request.extensions = {k: v for k, v in request.extensions.items() if k != "target"}
        return super().handle_request(request)


class _Transport(httpx.HTTPTransport):
    """httpx's transport over a pool of our own making."""

    def __init__(self, wire: _Wire) -> None:
        proxy = wire._proxy_settings()
        settings = wire._pool_settings(_Backend(wire, tunnels=wire._tunnels()))
        if proxy is None:
            self._pool = httpcore.ConnectionPool(**settings)
        else:
            self._pool = _Proxy(**proxy, **settings)


@define(eq=False)
class SyncWire(_Wire):
    """The wire of the sync driver; any thread may use it."""

    _transport: _Transport = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._transport = _Transport(self)

    def exchange(self, request: Request, permit: Permit | None = None) -> Response:
        """Send one request, once, and read the whole answer.

        Raises:
            GuardError: the guard refuses it; `TooLate` after the permit's time. Nothing was sent.
            NoAnswer: no connection (``sent`` is False), or no answer before the deadline.
            BadPayload: the answer is too large, cut short, or not what its headers say.
        """
        result = self._fly(*self._admit(request, permit))
        if isinstance(result, AtsBridgeError):
            _raise(result)
        return result

    def _fly(self, flight: _Flight, outgoing: httpx.Request) -> Response | AtsBridgeError:
        token = _flight.set(flight)
        try:
            response = self._transport.handle_request(outgoing)
            try:
                return self._read(flight, response)
            finally:
                response.close()
        except _FAULTS as error:
            return self._explain(error, flight)
        finally:
            _flight.reset(token)

    def _read(self, flight: _Flight, response: httpx.Response) -> Response:
        flight.status = response.status_code
        body = Body(self.caps, response.headers)
        assert isinstance(response.stream, httpx.SyncByteStream)  # noqa: S101 - for the type checker
        for chunk in response.stream:
            body.feed(chunk)
            flight.left(httpcore.ReadTimeout)
        return self._answer(flight, response, body)

    def close(self) -> None:
        self._transport.close()


# -- async --


class _AsyncStream(httpcore.AsyncNetworkStream):
    """`_Stream` for the event loop."""

    def __init__(self, inner: httpcore.AsyncNetworkStream, tunnels_left: int) -> None:
        self._inner = inner
        self._tunnels_left = tunnels_left
        self.spoilt = False
        self._socket = inner.get_extra_info("socket")

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._inner.read(max_bytes, _flight.get().left(httpcore.ReadTimeout))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        flight = _flight.get()
        flight.leave(self._tunnels_left)
        await self._inner.write(buffer, flight.left(httpcore.WriteTimeout))

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        _flight.get().check()
        inner = await self._inner.start_tls(ssl_context, server_hostname, timeout)
        return _AsyncStream(inner, max(0, self._tunnels_left - 1))

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable" and self.spoilt:
            return True
        # The pool asks every idle connection before every request, and anyio looks long for the answer.
        if info == "is_readable" and hasattr(select, "poll") and self._socket.fileno() >= 0:
            poll = select.poll()
            poll.register(self._socket.fileno(), select.POLLIN)
            return bool(poll.poll(0))
        return self._inner.get_extra_info(info)


class _AsyncBackend(httpcore.AsyncNetworkBackend):
    """`_Backend` for the event loop."""

    def __init__(self, wire: _Wire, *, tunnels: int) -> None:
        self._wire = wire
        self._tunnels = tunnels
        self._inner: Any = httpcore.AnyIOBackend()  # its type depends on whether anyio is installed

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.AsyncNetworkStream:
        _flight.get().check()
        left = _countdown(timeout)
        looking = asyncio.get_running_loop().run_in_executor(None, _look_up, self._wire.resolve, host, port)
        try:
            addresses = await asyncio.wait_for(looking, left())
        except TimeoutError:
            raise httpcore.ConnectTimeout() from None
        if not self._tunnels:
            addresses = self._wire._allowed(addresses)
        failure: Exception = httpcore.ConnectError()
        for address in addresses:
            _flight.get().check()
            try:
                inner = await self._inner.connect_tcp(address, port, left())
                return _AsyncStream(inner, self._tunnels)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


class _AsyncProxy(httpcore.AsyncHTTPProxy):
    """`_Proxy` for the event loop."""

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        request.extensions = {k: v for k, v in request.extensions.items() if k != "target"}
        return await super().handle_async_request(request)


class _AsyncTransport(httpx.AsyncHTTPTransport):
    def __init__(self, wire: _Wire) -> None:
        proxy = wire._proxy_settings()
        settings = wire._pool_settings(_AsyncBackend(wire, tunnels=wire._tunnels()))
        if proxy is None:
            self._pool = httpcore.AsyncConnectionPool(**settings)
        else:
            self._pool = _AsyncProxy(**proxy, **settings)


@define(eq=False)
class AsyncWire(_Wire):
    """The wire of the async driver; one event loop uses it."""

    _transport: _AsyncTransport = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._transport = _AsyncTransport(self)

    async def exchange(self, request: Request, permit: Permit | None = None) -> Response:
        """As `SyncWire.exchange`."""
        result = await self._fly(*self._admit(request, permit))
        if isinstance(result, AtsBridgeError):
            _raise(result)
        return result

    async def _fly(self, flight: _Flight, outgoing: httpx.Request) -> Response | AtsBridgeError:
        token = _flight.set(flight)
        try:
            response = await self._transport.handle_async_request(outgoing)
            try:
                return await self._read(flight, response)
            finally:
                await response.aclose()
        except _FAULTS as error:
            return self._explain(error, flight)
        finally:
            _flight.reset(token)

    async def _read(self, flight: _Flight, response: httpx.Response) -> Response:
        flight.status = response.status_code
        body = Body(self.caps, response.headers)
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 - for the type checker
        async for chunk in response.stream:
            body.feed(chunk)
            flight.left(httpcore.ReadTimeout)
        return self._answer(flight, response, body)

    async def aclose(self) -> None:
        await self._transport.aclose()
