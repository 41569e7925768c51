"""What counts as a change of a credential: another content, however the file got there; and which files are watched."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from cm_api.settings import ConsumerSettings, QuerySettings
from cm_server.settings import ServerSettings
from shop_core.config.credential_rotation import CREDENTIAL_FILES, READ_AGAIN
from shop_core.config.reloading import ChangeDetector
from shop_core.http import gunicorn_hooks


def swap(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)


def test_another_file_that_says_the_same_is_no_change(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("one")
    changes = ChangeDetector([str(password), "", str(tmp_path / "not-there")])
    swap(password, "one")
    assert not changes.any()
    password.unlink()
    assert not changes.any()
    password.write_text("two")
    assert changes.any()


@pytest.mark.parametrize("name", CREDENTIAL_FILES)
def test_a_change_while_a_worker_starts_is_seen(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Worker:
        credentials: ChangeDetector

    secret, worker = tmp_path / "secret", Worker()
    secret.write_text("one")
    monkeypatch.setenv(name, str(secret))
    gunicorn_hooks.post_fork(None, worker)
    swap(secret, "two")  # the app, made after the fork, may have read either
    assert worker.credentials.any()


@pytest.mark.parametrize("settings", [ServerSettings, QuerySettings, ConsumerSettings])
def test_every_file_of_a_service_is_watched_by_somebody(settings: Any) -> None:
    named = {field.metadata["env"] for field in fields(settings)}
    files = {name for name in named if name.endswith("_FILE")}
    assert files <= {*CREDENTIAL_FILES, *READ_AGAIN}
    assert "LIMITS_URL_FILE" not in READ_AGAIN and "CACHE_URL_FILE" not in READ_AGAIN
