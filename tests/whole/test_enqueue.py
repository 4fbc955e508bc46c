"""A CRM in the ledger's own database hands a change over within its own transaction."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy
from attrs import define
from postgres_server import PostgresServer
from psycopg.rows import args_row, dict_row, namedtuple_row, scalar_row
from sqlalchemy.orm import Session
from test_at_most_once import STILL
from world import World, world

from atsbridge.errors import ConfigurationError, LedgerError, UnsupportedPair
from atsbridge.ledgers.postgres import enqueue
from atsbridge.model import Result, StatusUpdate


@define
class Recruiter:
    """Who changes an application in a CRM that keeps its notes beside the ledger."""

    w: World
    server: PostgresServer
    schema: str

    def engine(self) -> sqlalchemy.Engine:
        return sqlalchemy.create_engine(
            "postgresql+psycopg://",
            creator=lambda: psycopg.connect(self.server.dsn),
            poolclass=sqlalchemy.NullPool,
        )

    def change(self, number: int = 0, **changes: Any) -> StatusUpdate:
        """A move to another stage, of the n-th application that can be moved."""
        ids = [id for id, t in sorted(self.w.truth().items()) if t.status == "active"]
        id = [id for id in ids if len(self.w.simulator.stages_for(id)) > 1][number]
        view = self.w.crm.application(self.w.ref(id))
        there = {self.w.truth()[id].stage}
        stage = next(s for s in self.w.simulator.stages_for(id) if s not in there)
        told: dict[str, Any] = {
            "event_id": f"event-{number}",
            "application": view.ref,
            "step": self.w.simulator.stage_name(stage),
            "base": view.base,
            "sequence": 1,
            **changes,
        }
        return StatusUpdate(**told)


@pytest.fixture
def recruiter(postgres: PostgresServer, tmp_path: Path) -> Iterator[Recruiter]:
    schema = postgres.schema()
    told = {"plugin": "postgres", "dsn": postgres.dsn, "schema": schema}
    with world("lever", tmp_path, applications=30, tuning=STILL, ledger=told) as w:
        w.bridge.pull()
        yield Recruiter(w, postgres, schema)


@contextmanager
def of_psycopg(r: Recruiter) -> Iterator[Any]:
    with psycopg.connect(r.server.dsn) as database:
        yield database


@contextmanager
def of_sqlalchemy(r: Recruiter) -> Iterator[Any]:
    with r.engine().begin() as connection:
        yield connection


@contextmanager
def of_a_session(r: Recruiter) -> Iterator[Any]:
    with Session(r.engine()) as session, session.begin():
        yield session


@pytest.mark.parametrize("of", [of_psycopg, of_sqlalchemy, of_a_session])
def test_a_change_is_kept_with_its_transaction_or_not_at_all(recruiter: Recruiter, of: Any) -> None:
    lost, kept = recruiter.change(0), recruiter.change(1)
    with pytest.raises(RuntimeError), of(recruiter) as connection:
        enqueue(connection, lost, schema=recruiter.schema)
        raise RuntimeError("the business data were not good")
    with of(recruiter) as connection:
        enqueue(connection, kept, schema=recruiter.schema)
        assert recruiter.w.bridge.push().taken == 0  # not committed yet: neither seen nor passed by
    planned = recruiter.w.bridge.plan()
    assert planned.writes == 1
    report = recruiter.w.bridge.push()
    assert (report.taken, report.writes) == (1, 1)
    assert [r.result for r in report.receipts] == [Result.APPLIED]
    assert report.receipts[0].event_id == kept.event_id
    assert recruiter.w.bridge.push().taken == 0


@pytest.mark.parametrize("id", ["sub \x1a", "nul \0", "both \0\x1a1\x1a0", "'; DROP"])
@pytest.mark.parametrize("of", [of_psycopg, of_sqlalchemy, of_a_session])
def test_whatever_its_id_is_a_change_is_taken_in_once(recruiter: Recruiter, of: Any, id: str) -> None:
    change = recruiter.change(event_id=id)
    for _ in range(2):
        with of(recruiter) as connection:
            enqueue(connection, change, schema=recruiter.schema)
    report = recruiter.w.bridge.push()
    assert report.taken == 1 and [r.event_id for r in report.receipts] == [id]
    assert recruiter.w.bridge.push().taken == 0


@pytest.mark.parametrize("rows", [dict_row, namedtuple_row, scalar_row, args_row(lambda *found: found)])
def test_whatever_rows_the_callers_connection_gives(recruiter: Recruiter, rows: Any) -> None:
    change = recruiter.change()
    with psycopg.connect(recruiter.server.dsn, row_factory=rows) as connection:
        for _ in range(2):
            enqueue(connection, change, schema=recruiter.schema)
    assert recruiter.w.bridge.push().taken == 1


def test_a_role_that_asks_for_fewer_digits_changes_nothing(recruiter: Recruiter) -> None:
    """What is read back of a row is compared with what was written."""
    with psycopg.connect(recruiter.server.dsn, autocommit=True) as db:
        db.execute("ALTER ROLE CURRENT_USER SET extra_float_digits = 0")
        db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
    try:
        with of_psycopg(recruiter) as connection:
            enqueue(connection, recruiter.change(), schema=recruiter.schema)
        assert [r.result for r in recruiter.w.bridge.push().receipts] == [Result.APPLIED]
    finally:
        with psycopg.connect(recruiter.server.dsn, autocommit=True) as db:
            db.execute("ALTER ROLE CURRENT_USER RESET extra_float_digits")


def test_the_same_change_twice_is_one(recruiter: Recruiter) -> None:
    change = recruiter.change()
    for _ in range(2):
        for _ in range(2):
            with of_psycopg(recruiter) as connection:
                enqueue(connection, change, schema=recruiter.schema)
        recruiter.w.bridge.push()
    assert len(recruiter.w.simulator.accepted) == 1


@pytest.mark.parametrize("of", [of_psycopg, of_sqlalchemy, of_a_session])
def test_another_change_under_an_id_that_waits_is_not_dropped_in_silence(
    recruiter: Recruiter, of: Any
) -> None:
    first = recruiter.change(0)
    other = recruiter.change(1, event_id=first.event_id)
    with of(recruiter) as connection:
        enqueue(connection, first, schema=recruiter.schema)
    with pytest.raises(LedgerError, match="used before"), of(recruiter) as connection:
        enqueue(connection, other, schema=recruiter.schema)
    with of(recruiter) as connection:
        enqueue(connection, recruiter.change(0, sequence=2), schema=recruiter.schema)  # as intake: a repeat
    recruiter.w.bridge.push()
    assert [a.application for a in recruiter.w.simulator.accepted] == [first.application.id]


def test_another_change_under_an_id_that_was_taken_in_gets_its_receipt(recruiter: Recruiter) -> None:
    first = recruiter.change(0)
    other = recruiter.change(1, event_id=first.event_id)
    for change in (first, other):
        with of_psycopg(recruiter) as connection:
            enqueue(connection, change, schema=recruiter.schema)
        report = recruiter.w.bridge.push()
    assert [(r.application, r.result) for r in report.receipts] == [(other.application, Result.REFUSED)]


PAGE = Path(__file__).parents[2] / "docs/howto/service-developer.rst"
RIGHTS = re.findall(r"^   (GRANT .* TO crm;)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("lacking", ["", "USAGE", "SELECT, ", "INSERT, ", ", UPDATE"])
def test_a_role_needs_the_rights_that_the_page_grants_and_no_others(
    recruiter: Recruiter, lacking: str
) -> None:
    role = f"crm_of_{recruiter.schema}"
    with psycopg.connect(recruiter.server.dsn) as db:
        db.execute(f"CREATE ROLE {role}")
        for right in RIGHTS:
            if lacking != "USAGE" or lacking not in right:
                mine = right.replace("atsbridge", recruiter.schema).replace("crm;", role)
                db.execute(mine.replace(lacking, "", 1) if lacking else mine)
        db.execute(f"SET ROLE {role}")
        if lacking:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                enqueue(db, recruiter.change(), schema=recruiter.schema)
            db.rollback()
            return
        enqueue(db, recruiter.change(), schema=recruiter.schema)
    assert [r.result for r in recruiter.w.bridge.push().receipts] == [Result.APPLIED]


def test_more_than_one_transaction_takes_are_all_taken_in(recruiter: Recruiter) -> None:
    change = recruiter.change()
    with of_psycopg(recruiter) as connection:
        for number in range(401):
            event = recruiter.change(event_id=f"e{number}", sequence=number, step=f"step \0 {number}")
            enqueue(connection, event, schema=recruiter.schema)
        enqueue(connection, recruiter.change(sequence=500), schema=recruiter.schema)
    report = recruiter.w.bridge.push()
    assert report.taken == 402 and report.results[Result.APPLIED] == 1
    assert change.application.id in {a.application for a in recruiter.w.simulator.accepted}


class Asynchronous:
    """As SQLAlchemy's AsyncConnection and AsyncSession are."""

    def run_sync(self) -> None: ...
    def connection(self) -> None: ...


def test_what_cannot_be_a_schema_or_a_connection_is_refused(recruiter: Recruiter) -> None:
    async def late() -> None:
        async with await psycopg.AsyncConnection.connect(recruiter.server.dsn) as connection:
            enqueue(connection, recruiter.change())

    with pytest.raises(UnsupportedPair, match="synchronous"):
        asyncio.run(late())
    for other, why in ((Asynchronous(), "run_sync"), (object(), "cannot use a object")):
        with pytest.raises(UnsupportedPair, match=why):
            enqueue(other, recruiter.change())
    with of_psycopg(recruiter) as connection, pytest.raises(ConfigurationError, match="schema's name"):
        enqueue(connection, recruiter.change(), schema="x; DROP TABLE")
