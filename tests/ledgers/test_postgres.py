"""The PostgreSQL ledger keeps the contract, and what it has besides."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import attrs
import psycopg
import pytest
from postgres_server import PostgresServer
from psycopg_pool.base import AttemptWithBackoff

from atsbridge import Secret
from atsbridge.errors import ConfigurationError, LedgerError, LedgerUnavailable
from atsbridge.ledgers import postgres as ledgers
from atsbridge.ledgers._sql import migrations
from atsbridge.ledgers.postgres import PostgresLedger, PostgresTxn
from atsbridge.sync.ledger import ROWS, Control, IntentRow, Known, Ledger, Turn, Txn, Waiting, Where
from atsbridge.sync.overlay import OverlayLedger
from atsbridge.testing import LedgerContract
from atsbridge.testing.contract.ledger import PREFIX, known


class TestPostgresLedger(LedgerContract):
    @pytest.fixture(autouse=True)
    def _server(self, postgres: PostgresServer) -> None:
        self.dsn, self.schema = postgres.dsn, postgres.schema()

    def make(self, folder: Path) -> Ledger:
        return PostgresLedger(self.dsn, schema=self.schema)


class TestOverlayOnPostgres(TestPostgresLedger):
    shared = False

    def make(self, folder: Path) -> Ledger:
        return OverlayLedger(super().make(folder))


@pytest.fixture
def schema(postgres: PostgresServer) -> str:
    return postgres.schema()


@pytest.fixture
def ledger(postgres: PostgresServer, schema: str) -> Iterator[PostgresLedger]:
    made = PostgresLedger(postgres.dsn, schema=schema)
    yield made
    made.close()


def paused(ledger: Ledger, connection: str = "acme") -> int | None:
    row = ledger.look(lambda txn: txn.get(Control, connection))
    return row.paused if row else None


def asked(ledger: PostgresLedger, text: str) -> str:
    """What the server says within a durable transaction, and within another."""
    said = []
    for durable in (True, False):
        with ledger.transaction(durable=durable) as txn:
            assert isinstance(txn, PostgresTxn)
            said.append(txn.run(text, (), connection="acme").fetchone()[0])
    return " ".join(said)


# -- the schema --


def test_the_schema_has_the_columns_of_the_rows(
    postgres: PostgresServer, ledger: PostgresLedger, schema: str
) -> None:
    with psycopg.connect(postgres.dsn) as database:
        for row_type in ROWS:
            found = database.execute(
                "SELECT column_name, is_nullable FROM information_schema.columns"
                " WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
                [schema, row_type.TABLE],
            ).fetchall()
            assert [name for name, _ in found] == list(row_type.columns())
            # That a column can be NULL is known from its row type, and decides the order of rows.
            told = {f.name for f in attrs.fields(row_type) if "None" in str(f.type)}
            assert {name for name, nullable in found if nullable == "YES"} == told


STEPS = migrations("postgres")


@pytest.mark.parametrize("number", [n for n, _ in STEPS])
def test_every_earlier_schema_is_brought_up(
    number: int, postgres: PostgresServer, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("atsbridge.ledgers.postgres.migrations", lambda _: [s for s in STEPS if s[0] <= number])
        PostgresLedger(postgres.dsn, schema=schema).close()
    with psycopg.connect(postgres.dsn) as database:
        database.execute(f"INSERT INTO {schema}.waiting VALUES ('acme', 'application', '1', 'job', '2', 0)")
    ledger = PostgresLedger(postgres.dsn, schema=schema)
    assert ledger.look(lambda txn: txn.get(Waiting, "acme", "application", "1")) is not None
    assert version(postgres, schema) == STEPS[-1][0]
    ledger.close()


def version(postgres: PostgresServer, schema: str) -> int:
    with psycopg.connect(postgres.dsn) as database:
        ((number,),) = database.execute(f"SELECT max(number) FROM {schema}.schema_version").fetchall()
        return int(number)


def test_workers_of_the_release_before_go_on(
    postgres: PostgresServer, ledger: PostgresLedger, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration waits for whoever is in a transaction, and then adds to what they go on to use."""
    newer = [*STEPS, (999, "ALTER TABLE control ADD COLUMN later TEXT NOT NULL DEFAULT '';")]
    with ThreadPoolExecutor() as pool:
        with ledger.transaction() as txn:
            txn.put([Control(connection="acme", paused=1)])
            monkeypatch.setattr("atsbridge.ledgers.postgres.migrations", lambda _: newer)
            opening = pool.submit(PostgresLedger, postgres.dsn, schema=schema)
            time.sleep(0.3)
            assert not opening.done()
            assert txn.get(Control, "acme") is not None
        new = opening.result(20)
    monkeypatch.undo()
    assert version(postgres, schema) == 999
    new.do(lambda txn: txn.put([Control(connection="acme", paused=2)]))
    assert paused(ledger) == 2
    ledger.do(lambda txn: txn.put([Control(connection="globex", paused=3)]))
    assert paused(new, "globex") == 3
    new.close()
    with pytest.raises(LedgerError, match="newer than this release knows"):
        PostgresLedger(postgres.dsn, schema=schema)


def test_two_schemas_know_nothing_of_each_other(postgres: PostgresServer, ledger: PostgresLedger) -> None:
    other = PostgresLedger(postgres.dsn, schema=postgres.schema())
    with ledger.transaction() as txn:
        txn.put([Control(connection="acme", paused=1)])
        other.do(lambda txn: txn.put([Control(connection="acme", paused=2)]))
    assert (paused(ledger), paused(other)) == (1, 2)
    other.close()


def test_who_may_not_make_a_schema_uses_one_that_is_there(postgres: PostgresServer, schema: str) -> None:
    PostgresLedger(postgres.dsn, schema=schema).close()
    with psycopg.connect(postgres.dsn) as database:
        database.execute(f"CREATE ROLE r{schema} LOGIN; GRANT USAGE ON SCHEMA {schema} TO r{schema}")
        database.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO r{schema}")
    dsn = postgres.dsn.replace("user=postgres", f"user=r{schema}")
    ledger = PostgresLedger(dsn, schema=schema)
    ledger.do(lambda txn: txn.put([Control(connection="acme", paused=1)]))
    assert paused(ledger) == 1
    ledger.close()
    with pytest.raises(LedgerError, match="SQLSTATE 42501"):
        PostgresLedger(dsn, schema=f"{schema}x")


@pytest.mark.parametrize("name", ["", "A", "a b", "a;b", 'a"', "1a", "x" * 64, "a-b"])
def test_a_schemas_name_is_a_plain_word(name: str) -> None:
    with pytest.raises(ConfigurationError, match="a schema's name"):
        PostgresLedger("host=/nowhere", schema=name)


# -- reaching it --


@pytest.mark.parametrize("dsn", ["postgresql://u:hunter2@[h/d", "password=hunter2 nonsense"])
def test_a_dsn_that_is_none_is_not_repeated(dsn: str) -> None:
    with pytest.raises(ConfigurationError, match="DSN cannot be read") as caught:
        PostgresLedger(Secret(dsn))
    assert "hunter2" not in f"{caught.value!r} {caught.value.__context__!r} {caught.value.__cause__!r}"


def test_a_server_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable, match=r"cannot be reached: .*\.s\.PGSQL\.5432") as caught:
        PostgresLedger(f"host={tmp_path} user=me password=hunter2")
    assert caught.value.retryable and "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None and caught.value.__cause__ is None


def test_a_value_beyond_the_servers_limits_is_no_reason_to_try_again(ledger: PostgresLedger) -> None:
    incompressible = random.Random(1).randbytes(6000).hex()
    with pytest.raises(LedgerError, match="SQLSTATE 54000") as caught:
        ledger.do(lambda txn: txn.put([known(incompressible)]))
    assert not caught.value.retryable and not isinstance(caught.value, LedgerUnavailable)


def test_a_text_that_is_none_is_said_without_it(ledger: PostgresLedger) -> None:
    with pytest.raises(LedgerError, match="none in Unicode") as caught:
        ledger.do(lambda txn: txn.put([known("\ud800 Jo")]))
    assert "Jo" not in f"{caught.value!r}{caught.value.__context__!r}{caught.value.__cause__!r}"


def test_a_schema_may_be_called_as_a_word_of_sql(postgres: PostgresServer) -> None:
    for name in ("user", "order"):
        with closing(PostgresLedger(postgres.dsn, schema=name)) as one:
            one.do(lambda txn: txn.put([known("1")]))
            assert one.look(lambda txn: txn.count(Known, Where())) == 1


def test_a_server_that_lets_nobody_in_is_no_server_that_is_away(postgres: PostgresServer) -> None:
    """To try again is no use: a person has to mend the DSN."""
    with pytest.raises(LedgerError, match=r"turns the connection away: .*does not exist") as caught:
        PostgresLedger(f"{postgres.dsn} user=nobody_of_this_name password=hunter2")
    assert not caught.value.retryable and "hunter2" not in str(caught.value)
    assert "pg_hba" in caught.value.advice


def test_a_dsn_with_an_option_that_is_none_is_a_mistake_in_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="invalid integer value"):
        PostgresLedger(f"host={tmp_path} port=abc")


def test_an_error_of_the_server_repeats_no_value(postgres: PostgresServer, ledger: PostgresLedger) -> None:
    with pytest.raises(LedgerError) as caught, ledger.transaction() as txn:
        txn.set(Control, Where(equal={"connection": "acme"}, at_least={"paused": "hunter2"}), paused=1)
    where = f"the ledger's server at {postgres.folder}, port 5432,"
    assert str(caught.value) == f"{where} failed: UndefinedFunction, SQLSTATE 42883"
    assert caught.value.__context__ is None and caught.value.__cause__ is None


@pytest.mark.parametrize(("written", "why"), [(True, "had failed"), (False, "SQLSTATE 25P02")])
def test_a_failed_transaction_is_never_taken_for_committed(
    written: bool, why: str, ledger: PostgresLedger
) -> None:
    with pytest.raises(LedgerError, match=why), ledger.transaction() as txn:
        txn.put([Control(connection="acme", paused=1)])
        if written:
            txn.count(Control, Where(equal={"connection": "acme"}))
        with suppress(LedgerError):
            txn.get(Control, 1.5)  # no text; whoever hides this must not believe that the put is kept
            txn.set(Control, Where(at_least={"paused": "x"}), paused=1)
    assert paused(ledger) is None


def test_after_a_restart_of_the_server_it_goes_on(tmp_path: Path, postgres: PostgresServer) -> None:
    with PostgresServer.running(postgres.programs) as own:
        ledger = PostgresLedger(own.dsn)
        ledger.do(lambda txn: txn.put([Control(connection="acme", paused=1)]))
        with pytest.raises(LedgerUnavailable), ledger.transaction() as txn:
            txn.put([Control(connection="acme", paused=2)])
            own.stop()
            own.start()
        assert paused(ledger) == 1
        # And a connection that died unused in the pool costs nobody an error.
        own.stop()
        own.start()
        ledger.do(lambda txn: txn.put([Control(connection="acme", paused=3)]))
        assert paused(ledger) == 3
        ledger.close()


def test_that_the_server_is_back_is_seen_soon_however_long_it_was_away(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool doubles its pauses from a second on, which here, as all the times, is much shorter."""
    monkeypatch.setattr(AttemptWithBackoff, "INITIAL_DELAY", 0.03)
    monkeypatch.setattr(ledgers, "_RECONNECT_SECONDS", 0.15)
    monkeypatch.setattr(ledgers, "_TURN_SECONDS", 0.22)
    monkeypatch.setattr(ledgers, "WAIT_SECONDS", 0.8)
    with PostgresServer.running(postgres.programs) as own:
        ledger = PostgresLedger(own.dsn, most=1)
        ledger.do(lambda txn: txn.put([Control(connection="acme", paused=1)]))
        own.stop()
        until, took = time.monotonic() + 2.0, list[float]()
        while time.monotonic() < until:
            begun = time.monotonic()
            with pytest.raises(LedgerUnavailable, match=r"cannot be reached: .*\.s\.PGSQL\.5432"):
                paused(ledger)
            took.append(time.monotonic() - begun)
        # It is waited for; whoever has to tidy up then is not kept as long again.
        assert took[0] >= 0.8 and min(took) < 0.6 * took[0]
        own.start()
        assert paused(ledger) == 1
        ledger.close()


def test_more_at_once_than_there_are_connections(
    postgres: PostgresServer, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledgers, "WAIT_SECONDS", 0.1)
    ledger = PostgresLedger(postgres.dsn, schema=schema, most=1)
    with ledger.transaction() as txn:
        txn.put([Control(connection="acme")])
        with pytest.raises(LedgerUnavailable, match="was free within") as caught:
            paused(ledger)
    assert "`most`" in caught.value.advice
    ledger.close()


def test_a_server_that_takes_no_changes_is_said(postgres: PostgresServer, ledger: PostgresLedger) -> None:
    """As one that stands by for another, or was set to be read alone."""
    dsn = f"{postgres.dsn} options='-c default_transaction_read_only=on'"
    standby = PostgresLedger(dsn, schema=ledger.schema)
    with pytest.raises(LedgerError, match=r"the ledger's server at .* SQLSTATE 25006") as caught:
        standby.do(lambda txn: txn.put([Control(connection="acme", paused=1)]))
    assert "primary" in caught.value.advice
    standby.close()


# -- locks, time and the disk --


def test_a_change_waits_for_those_of_its_connection_alone(ledger: PostgresLedger) -> None:
    def pause(connection: str) -> None:
        ledger.do(lambda txn: txn.put([Control(connection=connection, paused=2)]))

    with ThreadPoolExecutor() as pool:
        with ledger.transaction() as txn:
            assert txn.get(Control, "acme") is None  # who has looked may write
            pause("globex")
            waits = pool.submit(pause, "acme")
            time.sleep(0.3)
            assert not waits.done() and paused(ledger, "globex") == 2
            txn.put([Control(connection="acme", paused=1)])
        waits.result(10)
    assert paused(ledger) == 2


def test_who_claims_waits_for_nobody(ledger: PostgresLedger) -> None:
    def turn(verb: str) -> Turn:
        return Turn(connection="acme", verb=verb, due_at=0.0, boot="b")

    def claim(txn: Txn) -> list[Turn]:
        return txn.claim(Turn, Where(at_most={"due_at": 1.0}), order=("verb",), limit=1)

    ledger.do(lambda txn: txn.put([turn("pull"), turn("push")]))
    with ledger.transaction() as one, ledger.transaction() as other, ledger.transaction() as third:
        assert [claim(txn) for txn in (one, other, third)] == [[turn("pull")], [turn("push")], []]
    assert ledger.do(claim) == [turn("pull")]


def test_who_reads_alone_waits_for_nobody(ledger: PostgresLedger) -> None:
    with ledger.transaction() as txn:
        txn.put([Control(connection="acme", paused=1)])
        assert paused(ledger) is None
    assert paused(ledger) == 1


def test_a_worker_stopped_within_a_transaction_holds_nobody_up(
    postgres: PostgresServer, ledger: PostgresLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atsbridge.ledgers.postgres.FROZEN_SECONDS", 1.0)
    frozen = PostgresLedger(postgres.dsn, schema=ledger.schema)
    with pytest.raises(LedgerError), frozen.transaction() as txn:
        txn.put([Control(connection="acme", paused=1)])
        ledger.do(lambda txn: txn.put([Control(connection="acme", paused=2)]))
    assert paused(ledger) == 2
    frozen.do(lambda txn: txn.put([Control(connection="acme", paused=3)]))
    frozen.close()


def test_time_is_the_servers(ledger: PostgresLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's clock may say what it likes; and what went by while a lock was waited for has passed."""
    monkeypatch.setattr(time, "monotonic", lambda: 5.0)
    ledger.look(lambda txn: txn.count(Control, Where()))
    first = ledger.clock.now()
    assert abs(first - time.time()) < 5.0
    monkeypatch.undo()
    with ThreadPoolExecutor() as pool:
        with ledger.transaction() as txn:
            txn.get(Control, "acme")

            def look() -> float:
                with ledger.transaction() as txn:
                    txn.get(Control, "acme")
                    return ledger.clock.now()

            waits = pool.submit(look)
            time.sleep(0.5)
        assert waits.result(10) >= first + 0.5


def test_only_what_must_survive_a_power_cut_waits_for_the_disk(ledger: PostgresLedger) -> None:
    assert asked(ledger, "SHOW synchronous_commit") == "on off"


def test_nothing_walks_all_that_a_connection_ever_had(
    postgres: PostgresServer, ledger: PostgresLedger, schema: str
) -> None:
    """A first load not even before the server has counted, when a connection looks like a good key."""
    intent = IntentRow(
        connection="acme", intent_id="0", event_id="0", application="0", number=0, part=0, parts=1,
        action="move", target_stage=None, target_status="active", target_reason=None, expected_stage=None,
        expected_status="active", state="closed",
    )  # fmt: skip
    intents = [
        attrs.evolve(intent, intent_id=f"{n}", event_id=f"{n}", application=f"{n}", number=n)
        for n in range(5000)
    ]
    ledger.do(lambda txn: txn.put([*intents, attrs.evolve(intent, intent_id="open", state="pending")]))
    ledger.do(lambda txn: txn.put([known(f"{n}") for n in range(20_000)]))
    mine = {"connection": "acme", "application": "1"}
    open_ones = ["pending", "leased", "in_flight", "settling"]
    asked: list[tuple[str, Any]] = []
    with ledger.snapshot() as txn:
        assert isinstance(txn, PostgresTxn)
        run = txn.run
        txn.run = lambda text, values, **told: asked.append((text, values)) or run(text, values, **told)  # type: ignore
        txn.find(IntentRow, Where(equal={**mine, "event_id": "e"}), order=("part",))
        txn.find(IntentRow, Where(equal=mine, among={"state": open_ones}), order=("number", "part"), limit=1)
        txn.find(
            IntentRow,
            Where(equal={"connection": "acme"}, among={"state": open_ones}),
            order=("number", "part"),
        )
        assert len(txn.get_many(Known, PREFIX, [f"{n}" for n in range(50)])) == 50
    with psycopg.connect(postgres.dsn, autocommit=True) as database:
        database.execute(f"SET search_path TO {schema}")
        for text, values in asked:
            if "known" not in text:
                database.execute("ANALYZE intent")
            found = database.execute(f"EXPLAIN (ANALYZE, COSTS OFF) {text}".encode(), values)
            plan = "\n".join(row[0] for row in found)
            walked = [int(n) for n in re.findall(r"Removed by Filter: (\d+)", plan)]
            assert sum(walked) < 10, plan
            assert "known" in text or ("Index" in plan and "Seq Scan" not in plan), plan
