"""The connection file: references alone, closed keys, and words that repeat nothing secret."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from atsbridge.bridge import Bridge
from atsbridge.cli.init import connection_text
from atsbridge.connection import bridge_parts, parse_connection, read_connection, resolve_reference
from atsbridge.errors import ConfigurationError

CANARY = "s3cr3t-canary-9f8e7d"
GOOD = """
version = 1
name = "acme-lever"
[ats]
vendor = "lever"
api_key = "env:LEVER_API_KEY"
"""


def parse(text: str) -> object:
    return parse_connection(text, Path("/somewhere/atsbridge.toml"))


def test_a_small_file_has_defaults_beside_it() -> None:
    found = parse_connection(GOOD, Path("/somewhere/atsbridge.toml"))
    assert (found.name, found.ats.plugin, found.crm.plugin, found.ledger.plugin) == (
        "acme-lever",
        "lever",
        "sql",
        "sqlite",
    )
    assert found.mapping == Path("/somewhere/mapping.toml")
    assert found.crm.settings["path"] == "/somewhere/atsbridge-crm.sqlite"
    assert found.approved is None


@pytest.mark.parametrize(
    "line",
    [
        f'api_key = "{CANARY}"',
        f'client_secret = "{CANARY}"',
        f'api_key = "env: {CANARY}"',
        f'api_key = "ENV:{CANARY}"',
        f'api_key = ["{CANARY}"]',
        f'api_key = {{env = "{CANARY}"}}',
        "api_key = 12345",
        f'api_key = "env:LEVER_API_KEY"\n[crm]\nplugin = "sql"\npassword = "{CANARY}"',
        f'api_key = "env:LEVER_API_KEY"\n[ledger]\nplugin = "sqlite"\nurl = "postgresql://me:{CANARY}@host/db"',
        f'api_key = "env:LEVER_API_KEY"\n[network]\nproxy = "http://me:{CANARY}@proxy:3128"',
        f'api_key = "env:LEVER_API_KEY"\n[network]\nproxy = "http://me:a/{CANARY}@proxy:3128"',
        f'api_key = "env:LEVER_API_KEY"\n[network]\nproxy = "http://{CANARY}@proxy:3128"',
        f'api_key = "env:LEVER_API_KEY"\n[network]\nproxy = "me:{CANARY}@proxy:3128"',
    ],
)
def test_a_credential_in_clear_is_refused_and_not_repeated(line: str) -> None:
    text = GOOD.replace('api_key = "env:LEVER_API_KEY"', line)
    with pytest.raises(ConfigurationError) as caught:
        parse(text)
    assert "in clear" in caught.value.message
    assert "env:NAME" in caught.value.advice
    assert CANARY not in f"{caught.value!r} {caught.value.advice} {caught.value.__cause__!r}"


def test_a_proxy_that_asks_for_a_login_is_a_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mapping.toml").write_text("version = 1\n")
    text = GOOD + '[network]\nproxy = "env:THE_PROXY"\n'
    found = parse_connection(text, tmp_path / "atsbridge.toml")
    monkeypatch.delenv("THE_PROXY", raising=False)
    monkeypatch.setenv("LEVER_API_KEY", "k")
    assert found.missing_variables() == ["THE_PROXY"]
    monkeypatch.setenv("THE_PROXY", f"http://me:{CANARY}@proxy:3128")
    assert CANARY not in repr(found)
    parts = bridge_parts(found)
    assert parts["proxy"] == f"http://me:{CANARY}@proxy:3128"


def test_a_secret_of_the_adapter_is_refused_whatever_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from atsbridge import connection

    monkeypatch.setattr(connection, "_SECRET_NAME", connection.re.compile("never"))
    found = parse_connection(GOOD.replace("env:LEVER_API_KEY", CANARY), Path("/somewhere/atsbridge.toml"))
    with pytest.raises(ConfigurationError, match="in clear") as caught:
        found.make_ats()
    assert CANARY not in repr(caught.value) + repr(found)


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        ("[oops]\n", "oops"),
        ("[network]\nat = 'http://127.0.0.1:1'\n", "network.at"),
        ("[network]\nsimulator = 'http://127.0.0.1:1'\n", "network.simulator"),
        ("[tuning]\nwidht = 3\n", "tuning.widht"),
        ("[tuning]\nwidth = 'x'\n", "tuning.width"),
        ("[tuning]\nwidth = 0\n", "tuning.width"),
        ("[tuning]\nwidth = true\n", "tuning.width"),
        ("[tuning]\nlease_seconds = nan\n", "tuning.lease_seconds"),
        ("[tuning]\npatience_seconds = -1\n", "tuning.patience_seconds"),
        ("[tuning]\nrate_factor = inf\n", "tuning.rate_factor"),
        ("[tuning]\nmargin_seconds = 10\n", "tuning.margin_seconds"),
        ("[approved]\nsurface = 'yes'\n", "approved.surface"),
        ("[mapping]\npath = 'x'\n", "mapping.path"),
    ],
)
def test_what_is_not_known_is_refused_by_name(extra: str, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named.replace(".", r"\.")):
        parse(GOOD + extra)


def test_another_name_is_no_new_connection_unless_it_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "mapping.toml").write_text("version = 1\n")

    def parts(name: str, shared: str = "") -> dict[str, Any]:
        text = GOOD.replace("acme-lever", name) + shared
        return bridge_parts(parse_connection(text, tmp_path / "atsbridge.toml"))

    def close(made: dict[str, Any]) -> None:
        made["crm"].close()
        made["ledger"].close()

    first = parts("acme")
    Bridge(**first).pause("something is known of it")
    close(first)
    with pytest.raises(
        ConfigurationError, match="knows the connection acme, and none of the name acme-2"
    ) as no:
        parts("acme-2")
    assert "give it back its name" in no.value.advice and "shared = true" in no.value.advice
    second = parts("acme-2", "[ledger]\nshared = true\n")
    Bridge(**second).pause("and of this one")
    close(second)
    for name in ("acme", "acme-2"):
        close(parts(name))
    with pytest.raises(ConfigurationError, match=r"ledger\.shared \(line 8\): has to be true or false"):
        parts("acme", "[ledger]\nshared = 'yes'\n")


@pytest.mark.parametrize("version", ["true", "1.0", "2"])
def test_the_version_is_the_number_one(version: str) -> None:
    with pytest.raises(ConfigurationError, match=r"version \(line 2\): has to be 1"):
        parse(GOOD.replace("version = 1", f"version = {version}"))


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ("[crm]\nplugin = 'sql'\npath = 5\n", "crm.path: has to be text"),
        ("[crm]\nplugin = 'sql'\ndurable_writes = 'no'\n", "crm.durable_writes: has to be true or false"),
        ("[crm]\nplugin = 'sql'\nconnection = 1\n", "crm.connection: has to be text"),
        ("[ledger]\nplugin = 'sqlite'\npath = [1]\n", "ledger.path: has to be text"),
        ("[ledger]\nplugin = 'sqlite'\nclock = 'now'\n", "ledger.clock: no setting"),
        (
            "[ledger]\nplugin = 'postgres'\ndsn = 'env:THE_DSN'\nmost = -1\n",
            "ledger.most: has to be a whole number",
        ),
        ("[ledger]\nplugin = 'postgres'\nschema = 'x'\n", "ledger: it lacks dsn"),
        ("[ledger]\nplugin = 'postgres'\ndsn = 'env:THE_DSN'\nmost = 0\n", "ledger.most: is from 1"),
        ("[ledger]\nplugin = 'postgres'\ndsn = 'env:THE_DSN'\nschema = 5\n", "ledger.schema: has to be text"),
    ],
)
def test_a_setting_of_crm_or_ledger_that_does_not_fit_is_refused_by_name(
    table: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_DSN", "host=db")
    found = parse_connection(GOOD + table, Path("/somewhere/atsbridge.toml"))
    named = named.replace(".", r"\.").replace(":", r" \(line \d+\):")
    with pytest.raises(ConfigurationError, match=named):
        found.make_crm() if table.startswith("[crm]") else found.make_ledger()


@pytest.mark.parametrize("name", ["", "a b", "a/b", "x" * 101, "é"])
def test_a_connection_id_is_plain(name: str) -> None:
    with pytest.raises(ConfigurationError, match="name"):
        parse(GOOD.replace("acme-lever", name))


def test_broken_toml_says_where_and_repeats_nothing() -> None:
    with pytest.raises(ConfigurationError, match="line") as caught:
        parse(GOOD + f"\nx = {CANARY}\n")
    assert CANARY not in repr(caught.value)
    assert caught.value.__cause__ is None


def test_a_file_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_connection(tmp_path / "none.toml")
    assert "atsbridge init" in caught.value.advice


def test_a_setting_that_the_adapter_does_not_have_is_refused_with_those_it_has() -> None:
    found = parse_connection(GOOD + "regoin = 'eu'\n", Path("/somewhere/atsbridge.toml"))
    with pytest.raises(ConfigurationError, match=r"atsbridge\.toml: ats\.regoin \(line 7\)") as caught:
        found.make_ats()
    assert caught.value.advice == 'did you mean "region"?'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD + "[tunning]\n", ("tunning (line 7): unknown key", 'did you mean "tuning"?')),
        (GOOD + "[tuning]\nwidht = 3\n", ("tuning.widht (line 8): unknown key", 'did you mean "width"?')),
        (GOOD + "[mapping]\nx = 3\n", ("mapping.x (line 8): unknown key", "known are file")),
        (GOOD + "[network]\nproxy = 5\n", ("network.proxy (line 8): missing or not text", "write proxy =")),
        (GOOD + "[mapping]\nfile = ['a'", ("not valid TOML (at end of document)", "last line upwards")),
        (GOOD.replace("vendor", "vendr"), ("ats.vendor (line 4): missing or not text", "write vendor =")),
        ("version = 1\n", ("name: missing or not text", 'write name = "..."')),
        ("", ("version: has to be 1", "write version = 1")),
    ],
)
def test_what_is_wrong_has_its_line_and_how_to_mend_it(text: str, told: tuple[str, str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(text)
    assert told[0] in caught.value.message and told[1] in caught.value.advice


def test_an_environment_variable_is_looked_up_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEVER_API_KEY", raising=False)
    found = parse_connection(GOOD, Path("/somewhere/atsbridge.toml"))
    ats = found.make_ats()
    assert found.missing_variables() == ["LEVER_API_KEY"]
    with pytest.raises(ConfigurationError, match="LEVER_API_KEY is not set"):
        ats.api_key.reveal()
    monkeypatch.setenv("LEVER_API_KEY", CANARY)
    assert ats.api_key.reveal() == CANARY
    assert CANARY not in repr(ats)


def test_a_keyring_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring

    held = {("atsbridge", "acme"): CANARY}
    monkeypatch.setattr(keyring, "get_password", lambda service, user: held.get((service, user)))
    assert resolve_reference("keyring:atsbridge/acme") == CANARY
    with pytest.raises(ConfigurationError, match="holds nothing") as caught:
        resolve_reference("keyring:atsbridge/other")
    assert "keyring set atsbridge other" in caught.value.advice


@pytest.mark.parametrize(
    "line",
    [
        'PASSWORD = "{}"',
        'passwd = "{}"',
        'apikey = "{}"',
        'options = {{ password = "{}" }}',
        'options = {{ db = {{ pwd = "{}" }} }}',
        'urls = ["postgresql://u:{}@db/x"]',
        'conninfo = "host=db password={}"',
        'url = "https://db/x?token={}"',
    ],
)
def test_a_credential_is_found_wherever_it_stands(line: str, tmp_path: Path) -> None:
    text = GOOD + "[crm]\n" + 'plugin = "sql"\n' + line.format(CANARY) + "\n"
    with pytest.raises(ConfigurationError, match="holds a credential in clear") as caught:
        parse_connection(text, tmp_path / "atsbridge.toml")
    assert CANARY not in str(caught.value)


OAUTH = {"client_id": "env:A", "client_secret": "env:B", "refresh_token": "env:C"}


@pytest.mark.parametrize(("settings", "keeps"), [(OAUTH, True), ({"api_key": "env:A"}, False)])
def test_init_keeps_tokens_where_there_is_a_refresh_token(settings: dict[str, str], keeps: bool) -> None:
    """It may be good for one use: kept in memory alone, the second command would be logged out."""
    text = connection_text("lever", name="acme", settings=settings)
    assert ("\n[tokens]\nkeyring = " in text) is keeps and ("\n# [tokens]\n# keyring = " in text) is not keeps
    assert (tomllib.loads(text).get("tokens") == {"keyring": "atsbridge"}) is keeps
