"""Web hooks: what the vendor sent is believed to be a hint, and what anybody else sent is not."""

from __future__ import annotations

from typing import Any, cast

import pytest
from attrs import evolve

from ...ats.interface import Ats, HookHint, HookReply
from .. import acts
from ..account import Account
from .subject import Subject


class Hooks(Subject):
    """Deliveries of the simulator, whole and tampered with."""

    def _delivered(self) -> Account:
        if self.adapter.read_hook is Ats.read_hook:
            pytest.skip("this adapter reads no web hooks")
        account = self.open()
        for name in ("apply", "move", "reject", "hire", "delete"):
            _ = acts.play(account.simulator, name, seed=1)
        if not account.simulator.deliveries():
            pytest.skip("the simulator sends no web hooks")
        return account

    def test_a_delivery_is_a_hint_to_read_again(self) -> None:
        account = self._delivered()
        known = set(account.truth()) | set(account.simulator.deleted())
        hints = 0
        for sent in account.simulator.deliveries():
            read = account.ats.read_hook(sent.headers, sent.body)
            assert read is not None, sent.headers
            if isinstance(read, HookHint):
                hints += 1
                assert isinstance(read.delivery_id, str)  # empty: each has to be followed
                assert {r.id for r in read.refs if r.kind == "application"} <= known
                assert all(r.connection == account.ats.connection for r in read.refs)
            else:
                assert isinstance(read, HookReply)
        assert hints

    def test_a_delivery_without_its_signature_is_nothing(self) -> None:
        account = self._delivered()
        for sent in account.simulator.deliveries():
            if not isinstance(account.ats.read_hook(sent.headers, sent.body), HookHint):
                continue
            forged = account.simulator.unsigned(sent)
            assert account.ats.read_hook(forged.headers, forged.body) is None

    def test_a_delivery_under_another_secret_is_nothing(self) -> None:
        account = self._delivered()
        secrets = [name for name in account.simulator.configuration() if name.startswith("hook_")]
        wrong = evolve(cast(Any, account.ats), **dict.fromkeys(secrets, "another"))
        assert secrets, "the secret of its web hooks is part of an account's configuration"
        for sent in account.simulator.deliveries():
            assert not isinstance(wrong.read_hook(sent.headers, sent.body), HookHint)

    def test_garbage_is_nothing(self) -> None:
        account = self._delivered()
        for body in (b"", b"{}", b"null", b"[]", b"\xff", b"<a/>", b"[" * 100_000):
            assert not isinstance(account.ats.read_hook({}, body), HookHint)

    def test_a_delivery_of_any_size_is_not_read(self) -> None:
        """Anybody can send one: what is as long as no event needs is nothing, whatever it says."""
        account = self._delivered()
        for sent in account.simulator.deliveries():
            assert account.ats.read_hook(sent.headers, sent.body + b" " * (1 << 20)) is None
