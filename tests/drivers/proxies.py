"""A proxy on loopback, for the tests of the wire."""

from __future__ import annotations

import contextlib
import socket
import threading

import attrs


@contextlib.contextmanager
def proxy_to(port, *, certificate=None, before=None, refuse=None):
    """A proxy that makes every tunnel to this port, after `before()`; what it was asked is in `seen`."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop, seen, open_ends = threading.Event(), [], []

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
            connection.sendall(refuse or b"HTTP/1.1 200 Connection established\r\n\r\n")
            there = socket.create_connection(("127.0.0.1", port))
            open_ends.append(there)
            back = threading.Thread(target=copy, args=(there, connection))
            back.start()
            copy(connection, there)
            back.join()

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
    scheme = "http" if certificate is None else "https"
    url = f"{scheme}://localhost:{listener.getsockname()[1]}"
    try:
        yield attrs.make_class("Proxy", ["url", "seen"])(url, seen)
    finally:
        stop.set()
        socket.create_connection(listener.getsockname()).close()
        for end in open_ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        for end in open_ends:
            end.close()
        listener.close()
