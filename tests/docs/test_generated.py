"""What the docs generate or repeat is what the code says."""

from __future__ import annotations

import re
from importlib.resources import files

import attrs
import pytest
import tables
from pages import DOCS, ROOT, blocks

from atsbridge import connection, errors
from atsbridge.cli.exits import Exit
from atsbridge.mapping import load_mapping
from atsbridge.mapping.tables import Table
from atsbridge.model import Kind, Result, StageKind
from atsbridge.registry import Group, names
from atsbridge.sync.verify import Why

VENDORS = names(Group.ATS)


def text_of(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendors_page_has_all_that_its_adapter_declares(vendor: str) -> None:
    page, cls = tables.vendor_page(vendor), tables.adapter(vendor)
    declared = cls.VENDOR
    assert declared.surface_digest in page
    for write in declared.writes:
        assert f"{write.method} {write.path}" in page
        assert f"``{write.name}``" in page
        for slot in write.slots:
            assert slot.pattern in page
    for read in declared.reads:
        assert f"``{read.method} {read.path}``" in page
        assert all(f"``{key}``" in page for key in read.query)
    for name, why in declared.unconfirmed.items():
        assert f"``{name}``" in page
        assert why in page
    for field in attrs.fields(cls):
        assert f"``{field.name}``" in page or field.name == "connection"


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_write_shows_its_strength(vendor: str) -> None:
    declared = tables.adapter(vendor).VENDOR
    rows = tables.writes(declared).split("* - ")[2:]
    assert len(rows) == len(declared.writes)
    for row, write in zip(rows, declared.writes, strict=True):
        assert row.startswith(f"``{write.name}``")
        assert f"{write.cas.value.upper()}:" in row
        assert write.signal.value.upper() in row
        assert f"{write.visible_within_seconds:g} s" in row
        assert ("never" if write.resend.value == "never" else "once it has settled") in row
        assert all(f"``{effect.value}``" in row for effect in write.side_effects)


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_stream_of_a_vendor_is_listed(vendor: str) -> None:
    listed = tables.streams(tables.adapter(vendor))
    for stream in tables.sample(tables.adapter(vendor)).streams():
        assert f"``{stream.name}``" in listed


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendor_has_a_page_by_hand(vendor: str) -> None:
    page = text_of(f"vendors/{vendor}.rst")
    assert f".. vendor-tables:: {vendor}" in page
    assert "What surprised us" in page


@pytest.mark.parametrize("simulator", names(Group.SIMULATOR))
def test_every_setting_of_a_simulator_is_listed(simulator: str) -> None:
    assert f".. simulator-settings:: {simulator}" in text_of("simulators.rst")
    assert tables.simulator_settings(simulator).count("\n   * - ") > 1


def test_the_ledgers_tables_are_those_of_its_schema() -> None:
    sql = "".join(
        path.read_text(encoding="utf-8")
        for path in sorted((files("atsbridge.ledgers") / "migrations").iterdir(), key=lambda p: p.name)
        if path.name.endswith(".sql")
    )
    assert {tables.table_name(row) for row in tables.ledger_rows()} == set(
        re.findall(r"CREATE TABLE (\w+)", sql)
    )


def test_the_mapping_reference_has_every_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys are those that reading the page's own example asks for."""
    asked: set[str] = set()
    raw = Table.raw

    def remembered(table: Table, key: str) -> object:
        asked.add(key)
        return raw(table, key)

    monkeypatch.setattr(Table, "raw", remembered)
    page = text_of("reference/mapping.rst")
    (whole,) = (b for b in blocks(DOCS / "reference/mapping.rst") if b.language == "toml")
    assert load_mapping(whole.text)
    assert len(asked) >= 40
    # Outside the example: there a key stands without a word on what it means.
    named = " ".join(re.findall(r"``(.*?)``", page.replace(whole.text, "")))
    assert asked - set(re.findall(r"\w+", named)) == set()


@pytest.mark.parametrize("kind", [k for k in StageKind if k is not StageKind.UNMAPPED])
def test_the_mapping_reference_has_every_kind_of_stage(kind: StageKind) -> None:
    assert f"``{kind.value}``" in text_of("reference/mapping.rst")


def test_the_mapping_reference_has_every_kind_of_record() -> None:
    assert all(f"``{kind.value}``" in text_of("reference/mapping.rst") for kind in Kind)


def test_the_connection_files_reference_has_every_table() -> None:
    page = text_of("reference/connection-file.rst")
    for table, keys in connection._TABLES.items():
        assert f"``[{table}]``" in page
        if table != "tuning":
            assert all(f"``{key}``" in page for key in keys or ())


@pytest.mark.parametrize("result", list(Result))
def test_every_result_is_explained(result: Result) -> None:
    word = result.value.upper()
    assert re.search(rf"^   \* - {word}$", text_of("reference/receipts.rst"), re.M)
    assert re.search(rf"^\*\*{word}\.\*\*", text_of("howto/support.rst"), re.M)


@pytest.mark.parametrize("why", list(Why))
def test_every_difference_is_explained(why: Why) -> None:
    assert f"``{why.value}``" in text_of("howto/integration-specialist.rst")


def test_every_exit_code_is_listed() -> None:
    listed = tables.exit_codes()
    assert all(re.search(rf"\* - {code.value}\n", listed) for code in Exit)


def test_every_error_stands_in_the_tree() -> None:
    classes = {n for n, v in vars(errors).items() if isinstance(v, type) and issubclass(v, Exception)}
    drawn = set(re.findall(r"^ *[│ ]*(?:[├└]── )?([A-Z]\w+)(?:  |$)", errors.__doc__ or "", re.M))
    assert classes == drawn


def test_the_tests_that_show_a_promise_are_there() -> None:
    named = re.findall(r"``(tests/[\w/.]+)``", text_of("promises.rst"))
    assert len(named) > 15
    assert [path for path in named if not (ROOT / path).exists()] == []
