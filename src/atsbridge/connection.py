"""The connection file: one customer's link, as a file that may be shown to anybody.

A TOML file names the adapter and its settings, the CRM, the ledger, the mapping
and the approved write surface. Credentials stand in it only as references::

    env:NAME                 the environment variable NAME
    keyring:SERVICE/USER     the system's keyring (extra ``keyring``)

A credential in clear is refused, and so is every unknown key. Relative paths
are taken from where the file is.
"""

from __future__ import annotations

import inspect
import os
import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen

from .errors import ConfigurationError
from .mapping import load_mapping
from .mapping.faults import Fault, Faults, KeyPath, written
from .mapping.lines import key_lines, mend_toml
from .registry import Group, load
from .sync.context import Tuning
from .sync.ledger import Control, Ledger, Where
from .tokens import KeyringTokens
from .wire.secrets import Secret
from .wire.settings import misfit, settable

VERSION = 1

_TABLES: Mapping[str, frozenset[str] | None] = {
    "ats": None,
    "crm": None,
    "ledger": None,
    "mapping": frozenset({"file"}),
    "approved": frozenset({"surface"}),
    "network": frozenset({"proxy", "ca_file"}),
    "tokens": frozenset({"keyring"}),
    "tuning": frozenset(a.name for a in attrs.fields(Tuning)),
}
"""The tables and their keys; None: those of the plugin's settings."""

_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|keyring:[^/]+/.+", re.DOTALL)
_SECRET_NAME = re.compile(
    r"(?i)(^|_)(key|apikey|secret|token|password|passwd|pwd|passphrase|credential|credentials|dsn)$"
)
_ASSIGNED = re.compile(r"(?i)\b(password|passwd|pwd|secret|token|api_?key)\s*=")
"""As a database's address holds one."""
_LOGIN_IN_URL = re.compile(r"://.*@", re.DOTALL)
"""A password may hold what no URL should, such as a slash; a name alone may be a token."""
_CONNECTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PATHS = frozenset({"path", "file", "ca_file"})


def _hidden(settings: Mapping[str, Any]) -> str:
    return f"<{', '.join(settings) or 'none'}>"


@frozen
class _Place:
    """A connection file, whose faults are told as a mapping's: key, line, what is wrong, how to mend it."""

    path: Path
    lines: Mapping[KeyPath, int]

    def fault(self, key: KeyPath, what: str, mend: str) -> ConfigurationError:
        place = Fault(written(key), Faults(self.lines).line(key), what, mend).place
        return ConfigurationError(f"{self.path}: {place}: {what}", advice=mend)

    def unknown(self, key: KeyPath, known: Collection[str], what: str = "unknown key") -> ConfigurationError:
        otherwise = f"known are {', '.join(known)}"
        return self.fault(key, what, Faults(self.lines).near(str(key[-1]), known, otherwise=otherwise))

    def within(self, table: str, error: ConfigurationError, *, known: Collection[str]) -> ConfigurationError:
        """A plugin's own fault; where its words begin with one of its settings, at that setting."""
        name, _, rest = error.message.partition(" ")
        if name in known:
            return self.fault((table, name), rest, error.advice)
        return self.fault((table,), error.message, error.advice)

    def in_clear(self, key: KeyPath) -> ConfigurationError:
        setting = next(part for part in reversed(key) if isinstance(part, str))
        return self.fault(
            key,
            "holds a credential in clear; the connection file takes references alone",
            f'write {setting} = "env:NAME" and export NAME, or "keyring:SERVICE/USER";'
            " and renew the credential, since the file may have been copied",
        )


@frozen(kw_only=True)
class PluginSettings:
    """A plugin by its registered name, with its settings as the file has them."""

    plugin: str
    settings: Mapping[str, Any] = field(factory=dict, repr=_hidden)


@frozen(kw_only=True)
class ConnectionFile:
    """What a connection file says. References are not looked up before they are needed.

    Args:
        name: the connection's globally unique id.
        approved: the digest of the write surface that was approved, or None.
        tokens_in: the keyring service that keeps access and refresh tokens between runs, or None.
        shared: whether the ledger is other connections' as well, so that a new name may come to it.
    """

    path: Path
    name: str
    ats: PluginSettings
    crm: PluginSettings
    ledger: PluginSettings
    mapping: Path
    approved: str | None = None
    tokens_in: str | None = None
    shared: bool = False
    proxy: str | None = field(default=None, repr=False)
    """Its URL or, where it asks for a login, a reference to it."""
    ca_file: str | None = None
    tuning: Tuning = field(factory=Tuning)
    lines: Mapping[KeyPath, int] = field(factory=dict, eq=False, repr=False)
    """Where each key stands, for what is found wrong with one later."""

    def make_ats(self) -> Any:
        """The adapter, configured; its secrets are looked up when a request is signed."""
        adapter = load(Group.ATS, self.ats.plugin)
        return self._make(adapter, {"connection": self.name, **self.ats.settings}, where="ats")

    def make_crm(self) -> Any:
        return self._make(load(Group.CRM, self.crm.plugin), dict(self.crm.settings), where="crm")

    def make_ledger(self) -> Any:
        """The ledger, open.

        Raises:
            ConfigurationError: it is other connections', and this one is neither known to it nor shares it.
        """
        plugin = load(Group.LEDGER, self.ledger.plugin)
        ledger = self._make(plugin, dict(self.ledger.settings), where="ledger")
        if not self.shared and (others := _strangers(ledger, self.name)):
            ledger.close()
            raise ConfigurationError(
                f"the ledger knows the connection {others}, and none of the name {self.name}: under a new"
                " name everything would be created anew",
                advice=f"give it back its name in {self.path}; or, if this is another connection, give it a"
                " ledger of its own, or set shared = true under [ledger]",
            )
        return ledger

    def _make(self, plugin: Any, settings: dict[str, Any], *, where: str) -> Any:
        return _make(plugin, settings, where=where, place=_Place(self.path, self.lines))

    def missing_variables(self) -> list[str]:
        """The environment variables that are named and not set."""
        texts = [v for part in (self.ats, self.crm, self.ledger) for v in part.settings.values()]
        texts.append(self.proxy)
        named = [t.removeprefix("env:") for t in texts if isinstance(t, str) and t.startswith("env:")]
        return sorted({name for name in named if not os.environ.get(name)})


def read_connection(path: Path) -> ConnectionFile:
    """Read a connection file; credentials are not looked up yet.

    Raises:
        ConfigurationError: it cannot be read, has unknown keys, or holds a credential in clear.
    """
    advice = "name it by --connection, or write one with `atsbridge init VENDOR`"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(f"there is no connection file {path}", advice=advice) from None
    except (OSError, UnicodeDecodeError) as error:
        wrong = type(error).__name__
    else:
        return parse_connection(text, path)
    raise ConfigurationError(f"the connection file {path} cannot be read: {wrong}", advice=advice)


def parse_connection(text: str, path: Path) -> ConnectionFile:
    """The same from its text.

    Args:
        path: where it is or will be; relative paths in it are taken from there.
    """
    tables = _parse(text, path)
    place = _Place(path, key_lines(text))
    _check_keys(tables, place)
    name = _text(tables, ("name",), place)
    if not _CONNECTION.fullmatch(name):
        raise place.fault(
            ("name",),
            "no connection's id",
            "an id has letters, digits, '.', '_' and '-' alone, at most 100, and no sign first",
        )
    folder = path.resolve().parent
    network = tables.get("network", {})
    for key, value in network.items():
        _refuse_clear(("network", key), value, place)
    ca_file = _text(tables, ("network", "ca_file"), place) if "ca_file" in network else None
    shared = tables.get("ledger", {}).get("shared", False)
    if not isinstance(shared, bool):
        raise place.fault(("ledger", "shared"), "has to be true or false", "write true or false")
    return ConnectionFile(
        path=path,
        name=name,
        shared=shared,
        ats=_plugin(tables, ("ats", "vendor"), place, folder=folder),
        crm=_plugin(tables, ("crm", "plugin"), place, folder=folder, default="sql"),
        ledger=_plugin(tables, ("ledger", "plugin"), place, folder=folder, default="sqlite"),
        mapping=folder / _text(tables, ("mapping", "file"), place, default="mapping.toml"),
        approved=_approved(tables, place),
        tokens_in=_text(tables, ("tokens", "keyring"), place) if "tokens" in tables else None,
        proxy=_text(tables, ("network", "proxy"), place) if "proxy" in network else None,
        ca_file=str(folder / ca_file) if ca_file else None,
        tuning=_tuning(tables.get("tuning", {}), place),
        lines=place.lines,
    )


def resolve_reference(text: str) -> str:
    """What a reference stands for.

    Raises:
        ConfigurationError: the variable is not set, or the keyring holds nothing there.
    """
    if text.startswith("env:"):
        name = text.removeprefix("env:")
        value = os.environ.get(name)
        if not value:
            raise ConfigurationError(
                f"the environment variable {name} is not set", advice=f"export {name}, then run this again"
            )
        return value
    service, _, user = text.removeprefix("keyring:").partition("/")
    try:
        import keyring
    except ImportError as error:
        raise ConfigurationError(
            "a keyring reference needs the package keyring", advice="pip install 'atsbridge[keyring]'"
        ) from error
    value = keyring.get_password(service, user)
    if not value:
        raise ConfigurationError(
            f"the keyring holds nothing for {service}/{user}", advice=f"keyring set {service} {user}"
        )
    return str(value)


def secret_settings(plugin: Any) -> frozenset[str]:
    """The settings of an attrs adapter that are credentials."""
    if not attrs.has(plugin):
        return frozenset()
    return frozenset(a.name for a in attrs.fields(plugin) if "Secret" in str(a.type))


# -- reading ------------------------------------------------------------------------------------


def _parse(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # Neither the parser's words nor the cause: either may repeat what stands there.
        place = re.search(r"\(at [^)]*\)", str(error))
        mend = mend_toml(error)
    where = f" {place.group(0)}" if place else ""
    raise ConfigurationError(f"the connection file {path} is not valid TOML{where}", advice=mend)


def _check_keys(tables: Mapping[str, Any], place: _Place) -> None:
    version = tables.get("version")
    if version != VERSION or not isinstance(version, int) or isinstance(version, bool):
        raise place.fault(("version",), f"has to be {VERSION}", f"write version = {VERSION}")
    keys = ("version", "name", *_TABLES)
    for name in sorted(set(tables) - {*keys}):
        raise place.unknown((name,), keys)
    for name, within in _TABLES.items():
        table = tables.get(name, {})
        if not isinstance(table, Mapping):
            raise place.fault((name,), "has to be a table", f"write [{name}] and its keys below")
        for extra in sorted(set(table) - within) if within is not None else ():
            raise place.unknown((name, extra), sorted(within or ()))


def _text(
    tables: Mapping[str, Any], key: tuple[str, ...], place: _Place, *, default: str | None = None
) -> str:
    *within, name = key
    table = tables.get(within[0], {}) if within else tables
    value = table.get(name, default)
    if not isinstance(value, str) or not value:
        raise place.fault(key, "missing or not text", f'write {name} = "..."')
    return value


def _plugin(
    tables: Mapping[str, Any],
    key: tuple[str, str],
    place: _Place,
    *,
    folder: Path,
    default: str | None = None,
) -> PluginSettings:
    name, kind = key
    table = dict(tables.get(name, {}))
    plugin = _text(tables, key, place, default=default)
    for ours in (kind, "shared") if name == "ledger" else (kind,):
        table.pop(ours, None)
    for setting, value in table.items():
        _refuse_clear((name, setting), value, place)
        if setting in _PATHS and isinstance(value, str) and value != ":memory:":
            table[setting] = value if _is_reference(value) else str(folder / value)
    if name == "ledger" and plugin == "sqlite":
        table.setdefault("path", str(folder / "atsbridge-ledger.sqlite"))
    if name == "crm" and plugin == "sql":
        table.setdefault("path", str(folder / "atsbridge-crm.sqlite"))
    return PluginSettings(plugin=plugin, settings=table)


def _is_reference(value: object) -> bool:
    return isinstance(value, str) and _REFERENCE.fullmatch(value) is not None


def _refuse_clear(key: KeyPath, value: object, place: _Place) -> None:
    """Refuse a credential that is written out, also one inside a table or a list."""
    setting = next(part for part in reversed(key) if isinstance(part, str))
    if isinstance(value, (Mapping, list)) and _SECRET_NAME.search(setting):
        raise place.in_clear(key)
    if isinstance(value, (Mapping, list)):
        for part, within in value.items() if isinstance(value, Mapping) else enumerate(value):
            _refuse_clear((*key, part), within, place)
        return
    if _is_reference(value):
        return
    assigned = isinstance(value, str) and _ASSIGNED.search(value)
    login = isinstance(value, str) and (_LOGIN_IN_URL.search(value) or (setting == "proxy" and "@" in value))
    if login or assigned or _SECRET_NAME.search(setting):
        raise place.in_clear(key)


def _approved(tables: Mapping[str, Any], place: _Place) -> str | None:
    surface = tables.get("approved", {}).get("surface") or None
    if surface is not None and not (isinstance(surface, str) and _DIGEST.fullmatch(surface)):
        raise place.fault(
            ("approved", "surface"), "not the digest of a write surface", "run `atsbridge vendors approve`"
        )
    return surface


def _tuning(table: Mapping[str, Any], place: _Place) -> Tuning:
    try:
        return Tuning(**table)
    except ConfigurationError as error:
        fault = place.within("tuning", error, known=table)
    raise fault


# -- making -------------------------------------------------------------------------------------


def _strangers(ledger: Ledger, name: str) -> str:
    """The connections that a ledger knows, where it does not know this one; nothing where it does."""
    rows = ledger.look(lambda txn: txn.find(Control, Where(), order=("connection",)))
    known = [row.connection for row in rows]
    return "" if name in known else ", ".join(known[:3]) + (" and others" if len(known) > 3 else "")


@frozen
class _Setting:
    """A setting that a plugin can be given, as its class declares it."""

    annotation: object
    default: object
    converted: bool = False

    @property
    def is_needed(self) -> bool:
        return self.default is attrs.NOTHING or self.default is inspect.Parameter.empty


def _make(plugin: Any, settings: dict[str, Any], *, where: str, place: _Place) -> Any:
    """The plugin with its settings; what is wrong with them is said without their values."""
    secrets = secret_settings(plugin)
    known = _known_settings(plugin)
    for name, value in settings.items():
        if known is not None and name not in known:
            usable = sorted(set(known) - {"connection"})
            raise place.unknown((where, name), usable, "no setting of this plugin")
        if name in secrets and not _is_reference(value):
            raise place.in_clear((where, name))
        if known is not None and name not in secrets and not known[name].converted:
            fault = misfit(name, known[name].annotation, value, default=known[name].default)
            if fault is not None:
                raise place.within(where, fault, known=known)
    needed = [name for name, one in (known or {}).items() if one.is_needed and name not in settings]
    if needed:
        lacking = ", ".join(needed)
        raise place.fault((where,), f"it lacks {lacking}", "add it: the plugin cannot do without")
    values = {name: _value(value, secret=name in secrets) for name, value in settings.items()}
    refused: ConfigurationError | None = None
    wrong = ""
    try:
        return plugin(**values)
    except ConfigurationError as error:
        refused = error
    except (TypeError, ValueError) as error:
        wrong = type(error).__name__  # its text and its cause may repeat a value
    if refused is not None:
        raise place.within(where, refused, known=known or ())
    given = ", ".join(sorted(settings)) or "none"
    raise place.fault(
        (where,),
        f"its settings do not fit the plugin ({wrong}); given were {given}",
        f"known are {', '.join(known)}" if known else "see the plugin's own documentation",
    )


def _known_settings(plugin: Any) -> dict[str, _Setting] | None:
    """What a plugin can be given by a file; None where it takes anything."""
    if attrs.has(plugin):
        found = {
            a.alias or a.name: _Setting(a.type, a.default, a.converter is not None)
            for a in attrs.fields(plugin)
            if a.init
        }
    else:
        parameters = inspect.signature(plugin).parameters.values()
        if any(p.kind is p.VAR_KEYWORD for p in parameters):
            return None
        found = {p.name: _Setting(p.annotation, p.default) for p in parameters}
    return {name: setting for name, setting in found.items() if settable(setting.annotation)}


def _value(value: Any, *, secret: bool) -> Any:
    if not _is_reference(value):
        return value
    reference: str = value
    return Secret(lambda: resolve_reference(reference)) if secret else resolve_reference(reference)


def bridge_parts(connection: ConnectionFile, *, mapping: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Everything `Bridge` or `AsyncBridge` takes, but for ``at``, ``progress`` and ``now``.

    CRM and ledger are the caller's to close.

    Args:
        mapping: in place of the file's.

    Raises:
        ConfigurationError: a plugin, a setting or the mapping is not usable.
    """
    if mapping is None and not connection.mapping.is_file():
        raise ConfigurationError(
            f"there is no mapping at {connection.mapping}",
            advice="`atsbridge init` suggests a first one from the ATS's live stages",
        )
    return {
        "mapping": load_mapping(connection.mapping if mapping is None else mapping),
        "ats": connection.make_ats(),
        "ledger": connection.make_ledger(),
        "crm": connection.make_crm(),
        "approved": connection.approved,
        "tokens": KeyringTokens(connection.tokens_in) if connection.tokens_in else None,
        "tuning": connection.tuning,
        "proxy": None if connection.proxy is None else _value(connection.proxy, secret=False),
        "ca_file": connection.ca_file,
    }
