"""Play one history to its end, and say whether all held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from attrs import define, frozen

from ...errors import MappingError, Unauthorized
from ..protocol import Violation
from .accounts import sorts
from .crew import Worker
from .judging import judge
from .kinds import CREDENTIAL_REFUSED, KINDS
from .script import Deed, Odds, Round, Script, drawn, smaller
from .world import Tenant, World

STEPS = 20_000
"""More than any history needs: one that takes more does not come to rest."""

Standing = tuple[str | None, str]


@frozen(kw_only=True)
class Outcome:
    """What a history came to.

    Args:
        violation: what did not hold; None where all did.
        hits: how often each kind of fault came about.
        trace_hash: of everything that happened, in order.
        trace: the same in words, where it was asked for or something did not hold.
    """

    script: Script
    violation: Violation | None
    hits: Counter[str]
    writes: int
    changes: int
    steps: int
    requests: int
    trace_hash: str
    trace: tuple[str, ...] = ()


def odds_of(vendor: str) -> Odds:
    """How often what happens to a vendor's accounts."""
    return Odds(
        kinds={name: kind.weight for name, kind in KINDS.items() if not kind.act},
        acts={name: kind.weight for name, kind in KINDS.items() if kind.act},
        accounts=sorts(vendor),
    )


def history(vendor: str, seed: int) -> Script:
    """The history of a seed."""
    return drawn(vendor, seed, odds_of(vendor))


def play(script: Script, *, tracing: bool = False) -> Outcome:
    """Play it; a violation is told, not raised."""
    world = World.open(script)
    violation: Violation | None = None
    try:
        _Play(world).play()
    except Violation as found:
        violation = found
    except Exception as error:
        # What is no error of the bridge's own has come out of it: nobody could have handled that.
        violation = Violation("I4", f"{type(error).__name__} came out of the bridge: {error}")
        violation.__cause__ = error
    finally:
        world.close()
    return Outcome(
        script=script,
        violation=violation,
        hits=world.hits,
        writes=sum(len(tenant.witness.writes) for tenant in world.tenants),
        changes=sum(len(tenant.asked) for tenant in world.tenants),
        steps=world.steps,
        requests=world.requests,
        trace_hash=world.trace_hash(),
        trace=tuple(world.trace) if tracing or violation else (),
    )


OF_PEOPLE = b"@example.com"
"""Every address that the simulators invent has it."""


@define
class _Play:
    world: World

    def play(self) -> None:
        for round in self.world.script.rounds:
            self._round(round)
        self._heal()
        for tenant in self.world.tenants:
            self._rest(tenant)
        for tenant in self.world.tenants:
            self._meet(tenant)
            judge(tenant.witness, tenant.asked.values(), self.world.told(tenant))
        self._look_for_people()

    def _look_for_people(self) -> None:
        """I9: neither the ledger nor a receipt has anybody's address."""
        told = "".join(f"{receipt.why}{receipt.overwritten}" for receipt in self.world.crm.receipts)
        for what, text in (("the ledger", self.world.disk.keep()), ("a receipt", told.encode())):
            if OF_PEOPLE in text:
                raise Violation("I9", f"{what} has a person's address")

    def _round(self, round: Round) -> None:
        world = self.world
        deeds = list(round.deeds)
        begun = world.steps
        self._do(deeds, 0)
        tenants = world.tenants
        for place, verb in enumerate(round.verbs):
            if verb:
                world.hire(tenants[place % len(tenants)]).start(verb)
        self._run(deeds, begun)
        # Who acts, acts; what would have hit a worker has come too late.
        for deed in deeds:
            if KINDS[deed.kind].act:
                self._put(deed)
        self._look()
        world.pass_until(world.time.seconds + round.seconds)
        self._wake()

    def _look(self) -> None:
        """I7: the CRM shows no stage of the ATS's that an application was never in."""
        for tenant in self.world.tenants:
            for view in self.world.crm.applications():
                stage, stood = view.confirmed.stage, tenant.witness.stood.get(view.ref.id)
                if view.ref.connection != tenant.connection.name or stood is None:
                    continue
                if stage in tenant.connection.stages and stage not in stood:
                    raise Violation("I7", f"{view.ref.id} is shown in {stage}, and has only been in {stood}")

    def _do(self, deeds: list[Deed], step: int) -> None:
        while deeds and deeds[0].at <= step:
            self._put(deeds.pop(0))

    def _put(self, deed: Deed) -> None:
        done = KINDS[deed.kind].put(self.world, deed)
        if done:
            self.world.hits[done] += 1
            self.world.tell(f"deed: {deed}")

    def _run(self, deeds: list[Deed], begun: int) -> None:
        world = self.world
        while True:
            self._do(deeds, world.steps - begun)
            self._wake()
            if world.step():
                self._bound()
                continue
            if not world.wait():
                return

    def _bound(self) -> None:
        if self.world.steps > STEPS:
            raise Violation("I10", f"{STEPS} steps, and it has not come to rest")

    def _wake(self, *, all: bool = False) -> None:
        for worker in self.world.workers:
            until = worker.asleep_until
            if until is not None and (all or until <= self.world.time.seconds):
                worker.asleep_until = None

    def _heal(self) -> None:
        """Nothing goes wrong any more; who stood still goes on."""
        world = self.world
        world.armed.clear()
        world.crm.dice = None
        world.crm.before = lambda _method: None
        world.time.wall_ahead = 0.0
        self._wake(all=True)
        self._run([], world.steps)
        world.tell("all is quiet")

    def _verb(self, tenant: Tenant, verb: str) -> Worker:
        """A verb, by a new process, to its end."""
        worker = self.world.hire(tenant)
        worker.start(verb)
        self._run([], self.world.steps)
        if worker.error is not None:
            self.world.tell(f"{verb} failed: {type(worker.error).__name__}")
        return worker

    def _rest(self, tenant: Tenant) -> None:
        """Push until nothing waits."""
        world, why = self.world, ""
        for turn in range(16):
            done = self._verb(tenant, "push")
            report = done.report
            why = f"{type(done.error).__name__}: {done.error}" if report is None else f"{report.as_dict()}"
            refused = isinstance(done.error, Unauthorized)
            if refused or (report is not None and report.stopped):
                _ = self._authorised_anew(tenant)
                _ = self._verb(tenant, "resume")
            elif report is not None and not report.settling + report.pending:
                return
            if isinstance(done.error, MappingError):
                _ = self._verb(tenant, "pull")  # the account has never been read to its end
            world.pass_until(world.time.seconds + (130.0, 1000.0)[turn % 2])
        raise Violation("I10", f"it does not come to rest: {why}")

    def _authorised_anew(self, tenant: Tenant) -> bool:
        """Whether a person had to authorise the connection anew, and has."""
        if not (self.world.token_lost and tenant.authorise_anew()):
            return False
        self.world.token_lost = False
        return True

    def _meet(self, tenant: Tenant) -> None:
        """I7: both sides are equal once the bridge has read; a deletion may take a sweep."""
        world = self.world
        if world.furthest_ahead > 0:
            # A CRM that was told something by a clock that was ahead, and whose bridge died before it had
            # kept that, takes nothing older until that time has come.
            world.pass_until(world.time.seconds + world.furthest_ahead)
        error: Exception | None = None
        for _ in range(3):
            world.pass_until(world.time.seconds + 700.0)
            error = self._verb(tenant, "pull").error
            if error is None:
                break
            if isinstance(error, Unauthorized) and self._authorised_anew(tenant):
                _ = self._verb(tenant, "resume")
        if error is not None:
            raise Violation("I10", f"a pull fails with nothing wrong: {error!r}")
        apart = differences(world, tenant)
        if apart:
            self._may_be_apart(tenant, apart)
            done = self._verb(tenant, "sweep")
            if done.error is not None:
                raise Violation("I10", f"a sweep fails with nothing wrong: {done.error!r}")
            _ = self._verb(tenant, "pull")
            apart = differences(world, tenant)
        unlisted = world.hits[CREDENTIAL_REFUSED] and not tenant.connection.ats.sweeps()
        if apart and (world.lied or unlisted or self._verb(tenant, "status").report.quarantined):
            # A sweep may list ids alone, or, where the vendor tells its deletions, nothing at all.
            _ = self._verb(tenant, "full pull")
            apart = differences(world, tenant)
        if apart and (world.power_went):
            # What the CRM was given and the ledger does not know, and the ATS has not any more.
            _ = self._verb(tenant, "repair")
            apart = differences(world, tenant)
        if apart:
            raise Violation("I7", f"the ATS's and the CRM's: {apart}")

    def _may_be_apart(self, tenant: Tenant, apart: Apart) -> None:
        """What an ordinary pull may leave to a sweep: what is gone, told wrongly, or set aside."""
        world = self.world
        if world.lied or world.script.account == "silent":
            return
        if world.gone and all(real is None for real, _ in apart.values()):
            return
        if self._verb(tenant, "status").report.quarantined:
            return
        raise Violation("I7", f"a pull has missed, and nobody is told: {apart}")


Apart = Mapping[str, tuple[Standing | None, Standing | None]]


def differences(world: World, tenant: Tenant) -> Apart:
    """Where ATS and CRM do not agree: what the ATS says, then the CRM; None where it is not there."""
    name = tenant.connection.name
    mirror = {
        view.ref.id: (view.confirmed.stage, view.confirmed.status.value)
        for view in world.crm.applications()
        if not view.deleted and view.ref.connection == name
    }
    real = {id: (truth.stage, truth.status) for id, truth in tenant.simulator.truth().items()}
    for id, (stage, status) in real.items():
        if status == "unknown" and id in mirror:  # whatever stood there means nothing to the ATS any more
            real[id] = (stage, mirror[id][1])
    ids = sorted(mirror.keys() | real.keys())
    return {id: (real.get(id), mirror.get(id)) for id in ids if mirror.get(id) != real.get(id)}


def shrunk(script: Script, *, tries: int = 300) -> Outcome:
    """The smallest history found that breaks the same invariant; the script's own outcome where it holds."""
    best = play(script)
    if best.violation is None:
        return best
    invariant = best.violation.invariant
    left, again = tries, True
    while again and left > 0:
        again = False
        for candidate in smaller(best.script):
            left -= 1
            outcome = play(candidate)
            if outcome.violation is not None and outcome.violation.invariant == invariant:
                best, again = outcome, True
                break
            if left <= 0:
                break
    return best
