"""Replayed: an adapter's operations, one page or record each, run again and again with one answer changed.

::

    replay = Replay.of(Account.open("lever", applications=10))
    subject = replay.subjects[0]
    replay.run(subject)                                    # as it was
    replay.run(subject, changed=subject.asked[0], body=b"[]")

No pull, no ledger and no CRM: what one operation makes of an answer, some hundred times a second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, TypeAlias

from attrs import define, evolve, field, frozen

from ..ats.interface import Fresh
from ..model import ApplicationStatus, Intent, Kind, Ref, State
from ..simulators.interface import SimRequest, SimResponse
from ..wire.auth import MemoryTokens
from ..wire.client import Client
from ..wire.effects import Flow
from ..wire.guard import Guard, Permits, digest, full_url
from ..wire.operations import Call, Operation
from ..wire.retry import Retry
from ..wire.streams import Page, Stream, StreamScope
from . import acts
from .account import Account
from .direct import DirectDriver
from .mutations import Specimen

Key: TypeAlias = tuple[str, str, bytes]
"""Method, target and body of a request."""

_LEFT_OUT = frozenset({"delete", "anonymise", "merge", "rename_stage", "deactivate_stage"})
"""What takes away what the mapping, or an operation here, is about."""
_JOBS = 2
TOKEN = "a token"  # noqa: S105 - what it is called
_PAGES = 2
_ONCE = Retry(attempts=1)


def _key(request: SimRequest) -> Key:
    return request.method, request.target, request.body


@define(eq=False)
class _Answers:
    """Stands in for a simulator, and gives the same answers to the same requests."""

    simulator: Any
    changed: Key | None = None
    body: bytes = b""
    noting: bool = False
    known: dict[Key, SimResponse] = field(factory=dict)
    asked: list[Key] = field(factory=list)

    def respond(self, request: SimRequest) -> SimResponse:
        key = _key(request)
        self.asked.append(key)
        answer = self.known.get(key) or self.simulator.respond(request)
        if self.noting:
            self.known[key] = answer
        return evolve(answer, body=self.body) if key == self.changed else answer


@frozen(kw_only=True)
class Replayed:
    """One operation, what it asked, and what it came to.

    Args:
        stream: the name of its stream; empty where it is no page of one.
        asked: the requests whose answers have a body; ``specimens`` are these bodies, in the same order.
    """

    name: str
    stream: str = ""
    flow: Callable[[], Flow[Any]] = field(repr=False)
    asked: Sequence[Key]
    specimens: Sequence[Specimen]
    value: Any


@define(eq=False)
class Replay:
    """The operations of one account.

    They are of every stream, from its start and since a watermark; fresh reads in every status and of
    what is gone; a catalogue, the preflight, what confirms a deletion; the token request; a write.
    """

    account: Account
    client: Client
    driver: DirectDriver
    answers: _Answers
    permits: Permits
    subjects: list[Replayed] = field(factory=list)

    @classmethod
    def of(cls, account: Account) -> Self:
        """The operations of an account in which people have done all that they do."""
        ats, time, answers = account.ats, account.time, _Answers(account.simulator)
        scheme, permits = ats.auth(), Permits()
        guard = Guard(vendor=ats.VENDOR, base=ats.host, scheme=scheme, permits=permits)
        made = cls(
            account=account,
            client=Client(
                vendor=ats.VENDOR, connection=ats.connection, scheme=scheme, base=ats.host, rate_factor=None,
                retry=_ONCE, now=time.wall, clock=time.now,
            ),
            driver=DirectDriver(guard, answers, time, request_seconds=0.0),  # type: ignore[arg-type]
            answers=answers,
            permits=permits,
        )  # fmt: skip
        made._fill()
        return made

    def run(self, subject: Replayed, *, changed: Key | None = None, body: bytes = b"") -> Any:
        """What the operation comes to, where the answer to one of its requests has this body."""
        self.answers.changed, self.answers.body = changed, body
        self.answers.asked.clear()
        self.driver.requests.clear()
        try:
            return self.driver.run(subject.flow())
        finally:
            self.answers.changed = None

    def read(self, operation: Operation[Any]) -> Any:
        """What an operation comes to, with every answer as the ATS gives it."""
        return self.driver.run(self.client.run(operation))

    def streams(self) -> list[Stream]:
        """Those of a pull, and those of a sweep that are others."""
        ats = self.account.ats
        pulled = {stream.name for stream in ats.streams()}
        return [*ats.streams(), *(s for s in ats.sweeps() if s.name not in pulled)]

    # -- filling --

    def _fill(self) -> None:
        account = self.account
        since = self._read_all({})
        account.time.sleep(3600)
        for name in sorted(acts.ACTS.keys() - _LEFT_OUT):
            _ = acts.play(account.simulator, name, seed=1)
        account.time.sleep(3600)
        account.driver.request_seconds = 0.0  # from here on no time passes: two runs are alike
        move = self._move()
        # The account's own bridge has asked for a token, and a new one may revoke the one before.
        self.client = evolve(self.client, tokens=MemoryTokens())
        self._note_token()
        _ = self._read_all({}, note=True)
        _ = self._read_all(since, note=True)
        self._note_records()
        if move is not None:
            _ = self._noted("a write", lambda: self._written(move))

    def _read_all(
        self, watermarks: Mapping[tuple[str, str | None], Any], *, note: bool = False
    ) -> dict[tuple[str, str | None], Any]:
        """Every stream to its end, those of a sweep too; its first pages are noted."""
        found: dict[tuple[str, str | None], Any] = {}
        jobs: list[str] = []
        for stream in self.streams():
            for job in jobs[:_JOBS] if stream.scope is StreamScope.JOB else [None]:
                cursor, pages = stream.start(watermarks.get((stream.name, job)), job), 0
                while cursor is not None:
                    operation, pages = stream.page(cursor), pages + 1
                    kept = note and pages <= _PAGES
                    name = f"a page of {stream.name}"
                    page: Page = (
                        self._note(name, operation, stream=stream.name) if kept else self.read(operation)
                    )
                    jobs += [item.ids[0][1] for item in page.items if item.ids[0][0] is Kind.JOB]
                    cursor, found[stream.name, job] = page.next, page.watermark
        return found

    def _note_token(self) -> None:
        if self.client.scheme.endpoint is not None:
            _ = self._noted(TOKEN, lambda: evolve(self.client, tokens=MemoryTokens()).token())

    def _note_records(self) -> None:
        account = self.account
        ats, truth = account.ats, account.truth()
        standing = {now.status: id for id, now in sorted(truth.items(), reverse=True)}
        for status, id in sorted(standing.items()):
            _ = self._note(f"a fresh read ({status})", ats.get_application(account.ref(id)))
        id = standing.get("active", next(iter(sorted(truth))))
        named = {Kind.APPLICATION: id, Kind.CANDIDATE: truth[id].candidate, Kind.JOB: truth[id].job}
        refs = {kind: Ref(ats.connection, kind, name) for kind, name in named.items() if name}
        for kind, ref in refs.items():
            _ = self._note(f"whether it is gone ({kind})", ats.confirm_gone(ref))
        _ = self._note("a catalogue", ats.catalogue(refs.get(Kind.JOB)))
        _ = self._note("the preflight", ats.check_access())

    def _move(self) -> Call[Fresh | None] | None:
        """A move, where there is one."""
        account = self.account
        for id, now in sorted(account.truth().items()):
            if now.status != ApplicationStatus.ACTIVE or not account.ats.VENDOR.writes:
                continue
            for stage in account.simulator.stages_for(id):
                if stage != now.stage and not account.ends(now.job, stage):
                    return self._call(id, stage)
        return None

    def _call(self, application: str, stage: str) -> Call[Fresh | None]:
        account, ats, ref = self.account, self.account.ats, self.account.ref(application)
        fresh = account.fresh(application)
        assert isinstance(fresh, Fresh)  # noqa: S101 - it is there
        catalogue = account.engine.catalogue(account.truth()[application].job)
        first = ats.plan_writes(fresh.state, State(stage, ApplicationStatus.ACTIVE), catalogue)[0]
        intent = Intent(
            intent_id="i1", application=ref, action=first.action, target=first.target,
            expected=first.expected, acting_user=ats.default_acting_user,
        )  # fmt: skip
        return ats.write_status(intent, fresh, catalogue)

    def _written(self, call: Call[Fresh | None]) -> Flow[Fresh | None]:
        wanted = call.request
        sealed = digest(full_url(self.client.base, wanted), wanted)
        permit = self.permits.mint("i1", write=wanted.operation, digest=sealed, send_by=float("inf"))
        return call.parse((yield from self.client.send(wanted, permit)))

    def _note(self, name: str, operation: Operation[Any], *, stream: str = "") -> Any:
        return self._noted(name, lambda: self.client.run(operation), stream=stream)

    def _noted(self, name: str, flow: Callable[[], Flow[Any]], *, stream: str = "") -> Any:
        """Run it once as it is, and keep what it asked and came to."""
        answers = self.answers
        answers.asked.clear()
        answers.noting = True
        value = self.driver.run(flow())
        answers.noting = False
        asked = [key for key in dict.fromkeys(answers.asked) if answers.known[key].body]
        specimens = [Specimen.of(answers.known[key].body) for key in asked]
        self.subjects.append(
            Replayed(name=name, stream=stream, flow=flow, asked=asked, specimens=specimens, value=value)
        )
        return value
