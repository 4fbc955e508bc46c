"""Servers on loopback that do what no good server does, and a proxy; for the tests of the wire."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

import attrs


@contextlib.contextmanager
def serving(serve_one):
    """Give each connection to `serve_one` on a thread of its own; gives the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def accept():
        while True:
            connection, _ = listener.accept()
            if stop.is_set():
                connection.close()
                return
            threads.append(threading.Thread(target=serve_one, args=(connection,)))
            threads[-1].start()

    threads = [threading.Thread(target=accept)]
    threads[0].start()
    try:
        yield listener.getsockname()[1]
    finally:
        stop.set()
        socket.create_connection(listener.getsockname()).close()
        for thread in threads:
            thread.join()
        listener.close()


@contextlib.contextmanager
def raw_server(*pieces, drip=None, hold=False, pause=0.01, end=None):
    """Answers every connection with these bytes, whatever was asked.

    Args:
        drip: goes on after them, with a `pause` each time, until the other side has enough.
        hold: keeps the connection open.
        end: does something else to the connection than to close it, `reset` or `half_closed`.
    """
    stop, count = threading.Event(), []

    def serve_one(connection):
        count.append(1)
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            for piece in pieces:
                connection.sendall(piece)
            while drip and not stop.wait(pause):
                connection.sendall(drip)
            if end is not None:
                end(connection)
            if hold:
                stop.wait(10)

    with serving(serve_one) as port:
        try:
            yield attrs.make_class("Raw", ["url", "count"])(f"http://127.0.0.1:{port}", count)
        finally:
            stop.set()


def reset(connection):
    """No more, and nothing of what is under way: what a crashed machine or a firewall sends."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def half_closed(connection):
    """No more from here; the other side may go on."""
    connection.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def proxy_to(port, *, certificate=None, before=None):
    """A proxy that makes every tunnel to this port, after `before()`; what it was asked is in `seen`."""
    seen, open_ends = [], []

    def copy(source, target):
        with contextlib.suppress(OSError, ValueError):
            while data := source.recv(65536):
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve_one(connection):
        with contextlib.suppress(OSError):
            if certificate is not None:
                connection = certificate.context.wrap_socket(connection, server_side=True)
            open_ends.append(connection)
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                if not (data := connection.recv(65536)):
                    return
                head += data
            seen.append(head.decode())
            if before is not None:
                before()
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            there = socket.create_connection(("127.0.0.1", port))
            open_ends.append(there)
            back = threading.Thread(target=copy, args=(there, connection))
            back.start()
            copy(connection, there)
            back.join()

    scheme = "http" if certificate is None else "https"
    with serving(serve_one) as own:
        try:
            yield attrs.make_class("Proxy", ["url", "seen"])(f"{scheme}://localhost:{own}", seen)
        finally:
            for end in open_ends:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
    for end in open_ends:
        end.close()
