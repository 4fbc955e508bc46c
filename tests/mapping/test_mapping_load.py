"""Reading a mapping: every fault at once, where it stands, and nothing but MappingError."""

from __future__ import annotations

import json
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_world import PLAIN

from atsbridge.errors import MappingError
from atsbridge.mapping import Fault, MappingConfig, WriteMode, load_mapping
from atsbridge.mapping.lines import key_lines


def faults(source: Any) -> list[Fault]:
    with pytest.raises(MappingError) as caught:
        load_mapping(source)
    return [fault for fault in caught.value.faults if isinstance(fault, Fault)]


def test_defaults_write_nothing_and_hire_nobody() -> None:
    config = load_mapping({"version": 1})
    assert config.writing.mode is WriteMode.OFF
    assert config.rules.hire == ()
    assert not config.rules.reactivate
    assert not config.scope.confidential


def test_all_faults_come_at_once_with_path_line_and_mend() -> None:
    text = (
        "version = 2\n"
        "[scope]\n"
        "prospect = true\n"
        "[steps.'Phone Screen']\n"
        "stages = [\n"
        "  'a',  # ] not the end\n"
        "  {id = 'b', nam = 'c'},\n"
        "]\n"
        "write.id = 3\n"
        "[write]\n"
        "mode = 'pilott'\n"
    )
    found = {(f.path, f.line) for f in faults(text)}
    assert found >= {
        ("version", 1),
        ("scope.prospect", 3),
        ('steps."Phone Screen".stages[1].nam', 7),
        ('steps."Phone Screen".write.id', 9),
        ("write.mode", 11),
    }
    mends = {f.path: f.mend for f in faults(text)}
    assert mends["scope.prospect"] == 'did you mean "prospects"?'
    assert mends["write.mode"] == 'did you mean "pilot"?'


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("version = 1\n[steps.A]\n", "steps.A"),
        ("version = 1\n[statuses.A]\nis = 'gone'\n", "statuses.A.is"),
        ("version = 1\n[statuses.A]\nis = 'rejected'\nstep = 'B'\n", "statuses.A.step"),
        ("version = 1\n[statuses.A]\nis = 'rejected'\n[statuses.B]\nis = 'rejected'\n", "statuses.B.is"),
        ("version = 1\n[statuses.A]\nis = 'hired'\nwrite = true\n", "statuses.A.write"),
        ("version = 1\n[statuses.A]\nis = 'withdrawn'\nreason = 'B'\n", "statuses.A.reason"),
        ("version = 1\n[rules]\nhire = ['A']\n", "rules.hire"),
        ("version = 1\n[rules]\nnot_after_days = 0\n", "rules.not_after_days"),
        ("version = 1\n[reasons.A]\nreasons = ['x']\nstatus = 'active'\n", "reasons.A.status"),
        ("version = 1\n[kinds]\nA = 'unmapped'\n", "kinds.A"),
        ("version = 1\n[scope]\nfields = ['candidate.birthday']\n", "scope.fields"),
        ("version = 1\n[scope]\njobs = []\n", "scope.jobs"),
        ("version = 1\n[write]\nmode = 'pilot'\n", "write.pilot_jobs"),
        ("version = 1\n[fields.x]\nof = 'candidate'\n", "fields.x.path"),
        (
            "version = 1\n[fields.x]\npath = 'a'\nof = 'candidate'\ntransforms = ['eval']\n",
            "fields.x.transforms[0]",
        ),
        ("version = 1\n[steps.A]\nstages = ['']\n", "steps.A.stages[0]"),
        ("version = 1\nregex = '.*'\n", "regex"),
        ("version = true\n", "version"),
        ("", "version"),
        ("= nonsense", "text"),
        ('{"version": 1, "version": 1}', "text"),
        ('{"version": NaN}', "text"),
        ("[" * 100_000, "text"),
        ("{" + '"a":{' * 100_000, "text"),
        ("#" * 1_000_001, "text"),
    ],
)
def test_what_is_wrong_is_named(text: str, path: str) -> None:
    assert path in {fault.path for fault in faults(text)}


def test_too_many_entries_are_refused() -> None:
    assert (
        "more than 10000 entries"
        in faults({"version": 1, "kinds": {f"s{n}": "screen" for n in range(10_001)}})[0].what
    )


def test_a_key_that_is_no_text_is_refused() -> None:
    assert [fault.path for fault in faults({"version": 1, "kinds": {1: "screen"}})] == ["kinds"]


def test_a_dict_that_holds_itself_is_refused() -> None:
    loop: dict[str, Any] = {"version": 1}
    loop["steps"] = {"A": loop}
    assert faults(loop)


def test_names_of_recruiters_are_in_no_fault_and_no_repr() -> None:
    text = "version = 1\n[acting_user.by_actor]\n'canary@example.com' = 3\n"
    assert not any("canary" in str(fault) for fault in faults(text))
    odd = {"version": 1, "acting_user": {"by_actor": {"canary@example.com": b"", "canary2": []}}}
    assert not any("canary" in str(fault) for fault in faults(odd))
    config = load_mapping({"version": 1, "acting_user": {"by_actor": {"canary@example.com": "u1"}}})
    assert "canary" not in repr(config)


def test_file_text_json_and_dict_say_the_same(tmp_path: Path) -> None:
    text = PLAIN + "[scope]\napplied_since = 2024-01-31\n"
    data = tomllib.loads(text)
    assert data["scope"]["applied_since"] == date(2024, 1, 31)
    toml = tmp_path / "acme.toml"
    toml.write_text("\ufeff" + text, encoding="utf-8")
    as_json = json.dumps({**data, "scope": {"applied_since": "2024-01-31"}})
    configs = [load_mapping(toml), load_mapping(str(toml)), load_mapping(data), load_mapping(as_json)]
    assert len({config.digest for config in configs}) == 1
    assert configs[0].source_name == "acme.toml"


def test_the_digest_changes_with_the_content_and_not_with_comments_or_order() -> None:
    first = load_mapping("version = 1\n[kinds]\na = 'screen'\nb = 'offer'\n")
    assert load_mapping("# why\nversion = 1\n[kinds]\nb = 'offer'\na = 'screen'\n").digest == first.digest
    assert load_mapping("version = 1\n[kinds]\na = 'screen'\n").digest != first.digest


def test_a_missing_file_and_a_file_that_is_no_text(tmp_path: Path) -> None:
    assert "cannot be read" in faults(tmp_path / "none.toml")[0].what
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in faults(tmp_path / "x.toml")[0].what


def test_lines_of_every_form_of_key() -> None:
    text = (
        "# [not.a.table]\n"
        "a.b = 1 # c = 2\n"
        "s = '''\n"
        "x = 1\n"
        "'''\n"
        '[t."q.u"] # ]\n'
        "'k k'.z = [1,\n"
        "  [2, {m = 3}],\n"
        "]\n"
        "[[l]]\n"
        "x = 1\n"
        "[[l]]\n"
        'x = "\\""\n'
        "[l.sub]\n"
        "y = 1979-05-27 07:32:00\n"
    )
    assert tomllib.loads(text)
    lines = key_lines(text)
    assert {path: lines[path] for path in lines if path[-1] not in ("a", "t", "q.u", "l")} == {
        ("a", "b"): 2,
        ("s",): 3,
        ("t", "q.u", "k k"): 7,
        ("t", "q.u", "k k", "z"): 7,
        ("t", "q.u", "k k", "z", 0): 7,
        ("t", "q.u", "k k", "z", 1): 8,
        ("t", "q.u", "k k", "z", 1, 0): 8,
        ("t", "q.u", "k k", "z", 1, 1): 8,
        ("t", "q.u", "k k", "z", 1, 1, "m"): 8,
        ("l", 0): 10,
        ("l", 0, "x"): 11,
        ("l", 1): 12,
        ("l", 1, "x"): 13,
        ("l", 1, "sub"): 14,
        ("l", 1, "sub", "y"): 15,
    }


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.dates()
    | st.binary(max_size=2)
)
WORDS = st.sampled_from(
    [
        "version",
        "scope",
        "steps",
        "jobs",
        "stages",
        "write",
        "is",
        "reasons",
        "kinds",
        "fields",
        "path",
        "of",
        "rules",
        "hire",
        "mode",
        "id",
        "name",
        "statuses",
        "status",
        "acting_user",
        "by_actor",
        "match",
        "email",
    ]
)
TREES = st.recursive(
    SCALARS | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(WORDS | st.text(max_size=5) | st.integers(), inner, max_size=4)
    ),
    max_leaves=25,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(WORDS | st.text(max_size=5), TREES, max_size=6))
def test_any_dict_is_a_mapping_or_a_mapping_error(data: dict[Any, Any]) -> None:
    try:
        config = load_mapping(data)
    except MappingError as error:
        assert error.faults
        str(error).encode()
    else:
        assert isinstance(config, MappingConfig)
        assert config.digest


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_a_mapping_or_a_mapping_error(text: str) -> None:
    try:
        load_mapping(text)
    except MappingError as error:
        assert error.faults


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("version = 1\n[scope]\njobs = [", "look from the last line upwards"),
        ("version = 1\nx = = 2\n", "mend the line it names"),
    ],
)
def test_a_text_that_is_no_TOML_says_where_to_look(text: str, mend: str) -> None:
    (fault,) = faults(text)
    assert mend in fault.mend and (("line" in fault.what) is ("names" in mend))
