"""Posts a simulator's web hooks to receivers on loopback, as the vendor would to anywhere."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from .interface import HookPost

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_LOOK_EVERY_SECONDS = 0.05


def on_loopback(url: str) -> bool:
    """Whether a hook's address is a plain one of this machine: the only ones that are posted to."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "http" and parts.hostname in _LOOPBACK and (parts.port or 80) > 0
    except ValueError:
        return False


class Poster:
    """One thread that posts what is due, from `begin` to `stop`.

    Args:
        due: takes the posts that are due.
        lock: held around whatever touches the simulator.
    """

    def __init__(self, due: Callable[[], Sequence[HookPost]], lock: threading.Lock) -> None:
        self._due = due
        self._lock = lock
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Nothing, if it has begun already."""
        if self._thread is None and not self._ending.is_set():
            self._thread = threading.Thread(target=self._run, name="hooks", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(_LOOK_EVERY_SECONDS):
            with self._lock:
                posts = tuple(self._due())
            for post in posts:
                status = None if self._ending.is_set() else _status(post)
                with self._lock:
                    post.answered(status)


def _status(post: HookPost) -> int | None:
    answer = ask(post.url, dict(post.headers), post.body, answer_seconds=post.answer_seconds)
    return answer and answer[0]


def ask(
    url: str, headers: Mapping[str, str], body: bytes, *, answer_seconds: float
) -> tuple[int, Mapping[str, str]] | None:
    """POST to a receiver; its status and headers, names in lower case, or None where it gave none."""
    parts = urlsplit(url)
    client = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=answer_seconds)
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    try:
        client.request("POST", target, body, dict(headers))
        answer = client.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        client.close()
