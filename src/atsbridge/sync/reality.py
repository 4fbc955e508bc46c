"""The ATS's configuration as last read: jobs, stages, reasons, and the mapping compiled against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from attrs import define, evolve, field, frozen
from cattrs.preconf.json import make_converter

from ..ats.interface import Ats, Catalogue
from ..mapping import Engine, MappingConfig, compile_mapping
from ..mapping.engine import restated
from ..mapping.kinds import standing_in
from ..mapping.plans import JobPlan
from ..model import Application, ApplicationStatus, Job, Kind, Reason, Record, Ref, Stage, StageKind
from .bindings import Bindings
from .ledger import Control, Known, Txn, Where
from .meanings import Meanings

CONFIGURATION = (Kind.JOB, Kind.STAGE, Kind.REASON)
_TYPES: Mapping[str, type[Record]] = {Kind.JOB: Job, Kind.STAGE: Stage, Kind.REASON: Reason}
_CONVERTER = make_converter(omit_if_default=True)


def pack(record: Record) -> str | None:
    """A job, stage or reason as text for the ledger; people and long texts left out."""
    if record.ref.kind not in CONFIGURATION:
        return None
    if isinstance(record, Job):
        record = evolve(record, hiring_team=(), postings=(), description_html=None)
    return _CONVERTER.dumps(evolve(record, custom={}))


def unpack(row: Known) -> Record:
    return _unpacked(row.kind, row.content or "")


@lru_cache(4096)
def _unpacked(kind: str, content: str) -> Record:
    """Every run reads the whole configuration, of which hardly anything has changed since the last one."""
    return _CONVERTER.loads(content, _TYPES[kind])


@frozen
class Reality:
    """What is configured in the ATS, by id."""

    jobs: Mapping[str, Job] = field(factory=dict)
    stages: Mapping[str, Stage] = field(factory=dict)
    reasons: Mapping[str, Reason] = field(factory=dict)
    bindings: Bindings = field(factory=Bindings, repr=False)
    fitted: str = ""
    """The digest of the mapping that fitted last."""

    @classmethod
    def of(cls, records: Iterable[Record], bindings: Bindings | None = None, *, fitted: str = "") -> Reality:
        found: dict[type[Record], dict[str, Any]] = {Job: {}, Stage: {}, Reason: {}}
        for record in records:
            table = found.get(type(record))
            if table is None:
                continue
            if record.deleted is None:
                table[record.ref.id] = record
            else:
                table.pop(record.ref.id, None)
        return cls(found[Job], found[Stage], found[Reason], bindings or Bindings(), fitted)

    @classmethod
    def load(cls, txn: Txn, connection: str) -> Reality:
        where = Where(equal={"connection": connection, "deleted": None}, among={"kind": list(CONFIGURATION)})
        records = [unpack(row) for row in txn.find(Known, where) if row.content is not None]
        row = txn.get(Control, connection) or Control(connection=connection)
        fitted = Meanings.parse(row.meanings).fitted
        return cls.of(records, Bindings.parse(row.mapping), fitted=fitted)

    def with_records(self, records: Iterable[Record]) -> Reality:
        held = [*self.jobs.values(), *self.stages.values(), *self.reasons.values()]
        return Reality.of([*held, *records], self.bindings, fitted=self.fitted)

    def catalogues(self) -> dict[str | None, Catalogue]:
        """Per job where stages belong to jobs or to their pipelines, and the whole account's under None."""
        by_job: dict[str | None, list[Stage]] = {}
        by_pipeline: dict[str, list[Stage]] = {}
        for stage in self.stages.values():
            if stage.job is None and stage.pipeline is not None:
                by_pipeline.setdefault(stage.pipeline, []).append(stage)
            else:
                by_job.setdefault(stage.job.id if stage.job else None, []).append(stage)
        for job in self.jobs.values():
            for pipeline in job.pipelines:
                if pipeline in by_pipeline:
                    by_job.setdefault(job.ref.id, []).extend(by_pipeline[pipeline])
        shared = by_job.pop(None, [])
        reasons = tuple(self.reasons.values())
        found: dict[str | None, Catalogue] = {None: Catalogue(None, tuple(shared), reasons)}
        for job_id, stages in by_job.items():
            owner = self.jobs.get(job_id or "")
            ref = owner.ref if owner else stages[0].job
            found[job_id] = Catalogue(ref, (*shared, *stages), reasons)
        return found

    def compile(self, config: MappingConfig) -> Engine:
        """Raises `MappingError` with every fault at once, unless this mapping has fitted before."""
        stages, reasons = self.bindings.under_old_names(
            config, list(self.stages.values()), list(self.reasons.values())
        )
        named = Reality.of([*self.jobs.values(), *stages, *reasons])
        return compile_mapping(
            config,
            jobs=tuple(self.jobs.values()),
            catalogues=named.catalogues(),
            fitted=config.digest == self.fitted,
        )

    def bind(self, config: MappingConfig) -> Bindings:
        """What the mapping's names mean now: earlier bindings stay as long as what they name lives."""
        stages, reasons = self.bindings.under_old_names(
            config, list(self.stages.values()), list(self.reasons.values())
        )
        return Bindings.of(config, stages, reasons)


@define
class Interpreter:
    """Gives an application its canonical status where only its reason or its stage tells how it ended.

    The vendor's own word for a reason comes first, the mapping's classification on top.
    """

    engine: Engine
    outcomes: Mapping[str, ApplicationStatus]
    stage_decides: bool = False

    @classmethod
    def of(cls, ats: Ats, reality: Reality, engine: Engine) -> Interpreter:
        outcomes = {id: r.outcome for id, r in reality.reasons.items() if r.outcome is not None}
        return cls(engine, outcomes, ats.STAGE_DECIDES)

    def kinds(self) -> dict[str, StageKind]:
        """What each stage is for, where that decides a status."""
        stages = {id: stage for plan in self._plans() for id, stage in plan.stages.items()}
        return {id: stage.kind for id, stage in stages.items()} if self.stage_decides else {}

    def steps(self) -> set[tuple[str, str]]:
        """Each stage that the mapping has a step for, with that step."""
        return {pair for plan in self._plans() for pair in plan.steps.items()}

    def words(self) -> set[tuple[str, str]]:
        """Each reason that the mapping has a word for, with that word."""
        return {pair for plan in self._plans() for pair in plan.reason_words.items()}

    def _plans(self) -> tuple[JobPlan, ...]:
        return (self.engine.resolution.account, *self.engine.resolution.plans.values())

    def application(self, application: Application) -> Application:
        told = self._told_by_stage(application) if self.stage_decides else None
        if application.status is ApplicationStatus.UNKNOWN and application.reason is not None:
            told = self.outcomes.get(application.reason.id, told)
        if told is not None and told is not application.status:
            application = restated(application, told)
        return self.engine.reinterpret(application)

    def _told_by_stage(self, application: Application) -> ApplicationStatus | None:
        """How an application stands in its stage; None where nobody has said what that stage is for."""
        job, stage = application.job, application.stage
        known = self.engine.catalogue(job.id if job else None).stage(stage.id if stage else None)
        return None if known is None else standing_in(known.kind)


def application_from(row: Known) -> Application:
    """As much of an application as the ledger remembers: enough to map it."""

    def ref(kind: Kind, id: str | None) -> Ref | None:
        return Ref(row.connection, kind, id) if id else None

    return Application(
        ref=Ref(row.connection, Kind.APPLICATION, row.id),
        read_at=datetime.fromtimestamp(row.read_at, UTC),
        job=ref(Kind.JOB, row.job),
        stage=ref(Kind.STAGE, row.stage),
        status=ApplicationStatus(row.status or ApplicationStatus.UNKNOWN),
        reason=ref(Kind.REASON, row.reason),
    )
