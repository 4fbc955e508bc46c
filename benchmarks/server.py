"""A loopback server in a process of its own: pre-rendered pages, and opportunities that can be moved.

It answers in Lever's shape (`harvest` in Greenhouse's), but with
`account.PAGE` records a page whatever the ``limit`` says: what is measured is
the bridge, not the number of answers. A path under ``/_/`` is the benchmark's
own way to tell it what comes next.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from account import PAGE, USERS, configuration, opportunity
from answers import answer
from harvest import Harvest

_SPAN = "/v1/opportunities"


def _listing(records: list[Any], following: int | None = None) -> bytes:
    more = {"hasNext": False} if following is None else {"hasNext": True, "next": str(following)}
    return answer({"data": records, **more})


class Account:
    """All answers of one Lever account, rendered before the first request."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.lists = {path: _listing(records) for path, records in configuration().items()}
        self.pages = [self._page(start) for start in range(0, size, PAGE)] or [_listing([])]
        self.changed = _listing([])
        self.records: dict[str, dict[str, Any]] = {}
        self.delay = 0.0
        self.writes = 0

    def _page(self, start: int) -> bytes:
        end = min(start + PAGE, self.size)
        return _listing([opportunity(n) for n in range(start, end)], end if end < self.size else None)

    def respond(self, method: str, target: str, body: bytes) -> bytes:
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        if parts.path == _SPAN:
            if "updated_at_start" in query:
                return self.changed
            return self.pages[int(query.get("offset", ["0"])[0]) // PAGE]
        return self.lists.get(parts.path) or self._one(method, parts.path.split("/"), body)

    def tell_changed(self, count: int) -> None:
        """So many records, spread over the account, are listed as changed."""
        step = self.size // count if count else 0
        self.changed = _listing([opportunity(n * step, changed=True) for n in range(count)])

    def tell_single(self, count: int) -> None:
        """The first so many can be read and moved one by one."""
        self.records = {(one := opportunity(n))["id"]: one for n in range(count)}

    def _one(self, method: str, path: list[str], body: bytes) -> bytes:
        record = self.records[path[3]]
        if method == "PUT":
            stage, at = json.loads(body)["stage"], record["updatedAt"] + 1000
            self.writes += 1
            move = {"toStageId": stage, "toStageIndex": 0, "updatedAt": at, "userId": USERS[0]}
            changes = [*record["stageChanges"], move]
            record = {**record, "stage": stage, "updatedAt": at, "stageChanges": changes}
            self.records[path[3]] = record
        return answer({"data": record})


def _told(account: Any, what: str, value: str) -> bytes:
    """How slow to be, which records have changed, or which can be read and moved one by one."""
    if what == "delay":
        account.delay = float(value)
    else:
        getattr(account, f"tell_{what}")(int(value))
    return answer({"writes": account.writes})


class _Connection(asyncio.Protocol):
    def __init__(self, account: Any) -> None:
        self.account = account
        self.held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.held += data
        head, end, rest = self.held.partition(b"\r\n\r\n")
        if not end:
            return
        lines = head.decode("latin-1").split("\r\n")
        lengths = [int(line[15:]) for line in lines if line.lower().startswith("content-length:")]
        length = lengths[0] if lengths else 0
        if len(rest) < length:
            return
        self.held = rest[length:]
        method, target, _ = lines[0].split(" ")
        if target.startswith("/_/"):
            self.transport.write(_told(self.account, *target.split("/")[2:]))
            return
        told = self.account.respond(method, target, rest[:length])
        if self.account.delay:
            asyncio.get_running_loop().call_later(self.account.delay, self.transport.write, told)
        else:
            self.transport.write(told)


ACCOUNTS: dict[str, Any] = {"lever": Account, "greenhouse": Harvest}


async def _serve(vendor: str, size: int) -> None:
    account = ACCOUNTS[vendor](size)
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(account), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


@contextmanager
def serving(size: int, vendor: str = "lever") -> Iterator[str]:
    """A server of an account of that many applications; gives its origin."""
    command = [sys.executable, __file__, vendor, str(size)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()
            process.wait(timeout=10)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2])))
