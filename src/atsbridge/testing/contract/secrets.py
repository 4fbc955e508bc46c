"""Secrets and people: neither shows in what an adapter says of itself or of its errors."""

from __future__ import annotations

import pickle
from typing import Any, cast

import attrs
import pytest

from ...errors import AtsBridgeError
from ...simulators.interface import SimResponse
from ...wire.secrets import Secret
from ..account import Account
from .subject import Subject


class Secrecy(Subject):
    """Credentials are `Secret`s; an error tells what and where, never who or with which key."""

    def _secrets(self, account: Account) -> list[str]:
        values = [getattr(account.ats, field.name) for field in attrs.fields(cast(Any, type(account.ats)))]
        return [value.reveal() for value in values if isinstance(value, Secret)]

    def test_credentials_are_secrets(self, account: Account) -> None:
        given = [v for v in account.simulator.credentials.values() if isinstance(v, str)]
        hidden = self._secrets(account)
        shown = repr(account.ats)
        named = {str(v) for k, v in account.simulator.credentials.items() if _is_secret(k)}
        assert named <= set(hidden), "a credential that is not a Secret"
        assert not any(text in shown for text in hidden if len(text) > 3)
        assert given or hidden

    def test_secrets_are_not_pickled(self, account: Account) -> None:
        if not self._secrets(account):
            pytest.skip("this adapter has no secret")
        with pytest.raises(TypeError):
            _ = pickle.dumps(account.ats)

    def test_an_error_names_neither_key_nor_person(self, account: Account) -> None:
        people = [v.candidate_name for v in account.views().values() if v.candidate_name]
        secrets = self._secrets(account)
        body = ("{" + f'"errors": ["{people[0] if people else ""}"], "code": "x"' + "}").encode()
        for status in (400, 401, 403, 404, 409, 422, 500):
            account.driver.meddle = lambda *_, s=status: SimResponse(
                s, (("Content-Type", "application/json"),), body
            )
            try:
                _ = account.bridge.pull(full=True)
            except AtsBridgeError as error:
                said = f"{error} {error!r} {error.advice}"
                assert not any(text in said for text in secrets if len(text) > 3), status
                assert "@" not in said
            account.time.sleep(7200)


def _is_secret(name: str) -> bool:
    words: tuple[Any, ...] = ("key", "secret", "password", "token")
    return any(word in name for word in words)
