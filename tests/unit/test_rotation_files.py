"""What counts as a change of a credential: another content, however the file got there."""

from __future__ import annotations

from pathlib import Path

import pytest

from shop_core import gunicorn_hooks
from shop_core.watched import Changes


def swap(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)


def test_another_file_that_says_the_same_is_no_change(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("one")
    changes = Changes([str(password), "", str(tmp_path / "not-there")])
    swap(password, "one")
    assert not changes.any()
    password.unlink()
    assert not changes.any()
    password.write_text("two")
    assert changes.any()


def test_a_change_while_a_worker_starts_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Worker:
        credentials: Changes

    password, worker = tmp_path / "password", Worker()
    password.write_text("one")
    monkeypatch.setenv("KAFKA_SASL_PASSWORD_FILE", str(password))
    gunicorn_hooks.post_fork(None, worker)
    swap(password, "two")  # the app, made after the fork, may have read either
    assert worker.credentials.any()
