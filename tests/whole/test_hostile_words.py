"""Words that a sink may trip over, wherever the ATS lets people write: kept as they are, and harmless."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from postgres_server import PostgresServer

from atsbridge.crm.sql import SqlCrm
from atsbridge.ledgers.postgres import PostgresLedger
from atsbridge.ledgers.sqlite import SqliteLedger
from atsbridge.simulators.interface import Limits, SimRequest, SimResponse
from atsbridge.simulators.lever import LeverSimulator
from atsbridge.sync.ledger import Ledger
from atsbridge.testing import Account, VirtualTime
from atsbridge.testing.account import adapter_for
from atsbridge.testing.direct import Respond
from atsbridge.wire.effects import Purpose

WORDS = {
    "a formula": '=HYPERLINK("http://evil.example","a")',
    "another formula": "@SUM(1+1)*cmd|' /C calc'!A0",
    "a terminal's orders": "\x1b[2J\x1b]0;owned\x07",
    "a line break": "a\r\n2026-01-01 INFO all is well",
    "a NUL": "a\x00b",
    "the other way round": "\u202eevil\u2066",
    "markup": "<script>alert(1)</script>&amp;",
    "SQL": "'); DROP TABLE applications; --",
    "a template": "{{7*7}} ${7*7} %(name)s {0.__class__} %n%n",
    "not in the first plane": "\U0001f469\u200d\U0001f680\U0002f800",
    "what composes": "e\u0301\u0327" + "\u0300" * 50,
    "a megabyte": "x" * 1_000_000,
    "a path": "../../etc/passwd",
    "blanks": "\u00a0\u2003a\u3000",
}


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


@pytest.fixture
def sqlite(tmp_path: Path, time: VirtualTime) -> Iterator[Ledger]:
    with closing(SqliteLedger(tmp_path / "ledger.sqlite")) as made:
        made.clock = time
        yield made


@pytest.fixture
def in_postgres(postgres: PostgresServer, time: VirtualTime) -> Iterator[Ledger]:
    with closing(PostgresLedger(postgres.dsn, schema=postgres.schema())) as made:
        made.clock = time
        yield made


def opened(ledger: Ledger, crm: SqlCrm, time: VirtualTime) -> Account:
    simulator = LeverSimulator.generate(8, limits=Limits(None), clock=time.vendor)
    return Account.of(simulator, lambda sim: adapter_for("lever", sim), ledger=ledger, crm=crm, time=time)


WRITTEN = {"name", "text", "headline", "location", "tags", "title", "value", "company", "source"}
LISTED = ("/v1/opportunities", "/v1/postings", "/v1/requisitions", "/v1/users")


def everywhere(words: str) -> Any:
    """Stands between: these words in every text that people write. The mapping's own names stay."""

    def spoilt(data: Any, name: str = "") -> Any:
        if isinstance(data, dict):
            return {key: spoilt(value, key) for key, value in data.items()}
        if isinstance(data, list):
            return [spoilt(one, name) for one in data]
        return words if isinstance(data, str) and name in WRITTEN else data

    def meddle(request: SimRequest, respond: Respond, purpose: Purpose) -> SimResponse:
        answer = respond(request)
        if not request.target.startswith(LISTED):
            return answer
        return evolve(answer, body=json.dumps(spoilt(json.loads(answer.body))).encode())

    return meddle


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
def test_what_people_write_is_kept_as_it_is_and_stays_on_its_line(
    words: str, sqlite: Ledger, time: VirtualTime, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with closing(SqlCrm(":memory:")) as crm:
        account = opened(sqlite, crm, time)
        account.driver.meddle = everywhere(words)
        report = account.bridge.pull()
        views = crm.applications()
        assert {view.ref.id for view in views} == set(account.truth())
        assert {view.candidate_name for view in views} == {words}
        assert report.quarantined == 0
        told = [account.bridge.explain(views[0].ref).as_dict(), account.bridge.status().as_dict()]
        assert json.loads(json.dumps(told, default=str))
        assert all("\n" not in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
def test_on_postgres_too(words: str, in_postgres: Ledger, time: VirtualTime) -> None:
    with closing(SqlCrm(":memory:")) as crm:
        account = opened(in_postgres, crm, time)
        account.driver.meddle = everywhere(words)
        _ = account.bridge.pull()
        assert {view.candidate_name for view in crm.applications()} == {words}


@pytest.mark.parametrize("where", ["sqlite", "in_postgres"])
@pytest.mark.parametrize("name", ["contact", "posting", "reason", "id"])
def test_an_id_that_no_database_keeps_costs_its_own_record(
    name: str, where: str, request: pytest.FixtureRequest, time: VirtualTime
) -> None:
    """And no other, nor the pull."""
    ledger: Ledger = request.getfixturevalue(where)
    with closing(SqlCrm(":memory:")) as crm:
        account = opened(ledger, crm, time)
        odd = sorted(account.truth())[0]

        def meddle(asked: SimRequest, respond: Respond, purpose: Purpose) -> SimResponse:
            answer = respond(asked)
            if not asked.target.startswith("/v1/opportunities?"):
                return answer
            body = json.loads(answer.body)
            for row in body["data"]:
                if row["id"] == odd:
                    row.update({name: "a\x00b"} if name != "reason" else {"archived": {"reason": "a\x00b"}})
            return evolve(answer, body=json.dumps(body).encode())

        account.driver.meddle = meddle
        _ = account.bridge.pull()
        left = {view.ref.id for view in crm.applications()}
        assert left >= set(account.truth()) - {odd}
        account.driver.meddle = None
        time.sleep(7200)
        _ = account.bridge.pull(full=True)
        _ = account.bridge.sweep(limit=1.0)
        assert account.differences() == {}
