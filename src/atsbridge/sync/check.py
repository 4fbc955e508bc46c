"""Preflight: the three requirements of every rollout, each answered without writing."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import evolve, frozen

from ..ats.interface import Finding, Proof
from ..crm.interface import Abilities, CrmFinding
from ..mapping import MappingFinding, Severity, WriteMode, check_mapping
from ..model import Job
from ..wire.effects import Failed, Flow, together
from ..wire.retry import Retry
from .context import Context
from .inbound import read_configuration


@frozen(kw_only=True)
class CheckReport:
    """What `check` found.

    Args:
        access: reach, credential and each permission.
        mapping: how the mapping lines up with the ATS's stages and statuses.
        crm: whether the CRM can be read and written.
        surface: the digest of what may be written, and whether it was approved.
    """

    access: tuple[Finding, ...]
    mapping: tuple[MappingFinding, ...]
    crm: tuple[CrmFinding, ...]
    surface: str
    surface_approved: bool
    write_mode: str

    @property
    def exit_code(self) -> int:
        """0: all proved; 1: something is missing or faulty; 3: something could not be proved."""
        missing = any(f.proof is Proof.MISSING for f in self.access)
        faulty = any(f.severity is Severity.FAULT for f in self.mapping)
        writes = self.write_mode in (WriteMode.PILOT, WriteMode.ON)
        if missing or faulty or not all(f.ok for f in self.crm) or (writes and not self.surface_approved):
            return 1
        return 3 if any(f.proof is Proof.UNPROVEN for f in self.access) else 0

    def as_dict(self) -> dict[str, Any]:
        return {
            **attrs.asdict(self, value_serializer=_plain),
            "exit_code": self.exit_code,
        }


def _plain(_owner: Any, _field: Any, value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value


def check(ctx: Context) -> Flow[CheckReport]:
    """Ask the ATS, hold the mapping against its live configuration, ask the CRM. Writes nothing."""
    # Somebody is waiting for the answer: what does not come at the second try is told as it is.
    client = evolve(ctx.client, retry=Retry(attempts=2, base_seconds=0.5), budgets=None)
    access = yield from client.run(ctx.ats.check_access())
    # Where no token could be had, the findings say so already.
    (token,) = yield from together([client.token()], 1)
    access = ctx.ats.with_grant(access, None if isinstance(token, Failed) else token.value)
    if why := next((finding.void for finding in access if finding.void), ""):
        access = tuple(_not_looked_at(finding, why) for finding in access)
    crm = yield from ctx.crm.check_access()
    mapping: tuple[MappingFinding, ...] = ()
    if not any(f.needed_for == "reach" and f.proof is Proof.MISSING for f in access):
        mapping = yield from _check_mapping(ctx)
    if Abilities.BASE not in ctx.crm.abilities:
        crm = (*crm, CrmFinding(what="the CRM stores the base of a change", ok=True, why="no: inbound only"))
    return CheckReport(
        access=tuple(access),
        mapping=mapping,
        crm=tuple(crm),
        surface=ctx.ats.VENDOR.surface_digest,
        surface_approved=ctx.surface_approved,
        write_mode=ctx.mapping.writing.mode.value,
    )


def _not_looked_at(finding: Finding, why: str) -> Finding:
    """Of a credential that is refused, or an API that is away, nobody can say what is lacking beside."""
    if finding.void or finding.proof is Proof.PROVED:
        return finding
    return evolve(finding, proof=Proof.UNPROVEN, tried=f"nothing that counts: {why}", ask="")


def _check_mapping(ctx: Context) -> Flow[tuple[MappingFinding, ...]]:
    if ctx.ats.lacks_stages:
        return (_no_stages(ctx),)
    (outcome,) = yield from together([read_configuration(ctx)], 1)
    if isinstance(outcome, Failed):
        what = f"the ATS's stages could not be read: {outcome.error}"
        return (MappingFinding(severity=Severity.FAULT, what=what, where="stages"),)
    found = outcome.value
    jobs: tuple[Job, ...] = tuple(found.jobs.values())
    findings = check_mapping(ctx.mapping, jobs=jobs, catalogues=found.catalogues()).findings
    if ctx.mapping.scope.confidential and not ctx.ats.reads_confidential:
        findings += (_leaves_out_confidential(ctx),)
    return findings


def _no_stages(ctx: Context) -> MappingFinding:
    """Of a vendor that lists no stages, whose customer has not named them."""
    return MappingFinding(
        severity=Severity.FAULT,
        what=f"{ctx.ats.VENDOR.title} lists no stages, and the connection names none: no step can line up",
        where=f"ats.{ctx.ats.STAGES_IN}",
        mend=f"list the customer's as {ctx.ats.STAGES_IN}, under [ats] in the connection file",
    )


def _leaves_out_confidential(ctx: Context) -> MappingFinding:
    return MappingFinding(
        severity=Severity.WARNING,
        what="confidential records are in scope, and the connection does not read them",
        where="scope.confidential",
        mend="set confidential = true under [ats] in the connection file as well",
        line=ctx.mapping.lines.get(("scope", "confidential")),
    )
