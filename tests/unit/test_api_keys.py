"""API keys: made, read again, revoked, expired; the file holds no secret, and a broken one keeps the last good keys."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shop_core import api_keys
from shop_core.api_keys import ApiKeys
from shop_core.auth import Unauthenticated
from shop_core.config import reloading
from shop_core.errors import ConfigError
from shopctl.main import main


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "api-keys.json"


@pytest.fixture
def look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reloading, "LOOK_SECONDS", 0.0)


def refused(keys: ApiKeys, text: str) -> bool:
    try:
        keys.caller(text)
    except Unauthenticated:
        return True
    return False


@pytest.mark.security(13)
def test_a_key_is_its_caller_and_the_file_holds_no_secret(file: Path) -> None:
    key, text = api_keys.create(file, "till", "purchases:write catalog:write", userid="ada-1")
    caller = ApiKeys(str(file)).caller(text)
    assert (caller.id, caller.subject) == (f"key:{key.id}", "ada-1")
    assert caller.scopes == {"purchases:write", "catalog:write"}
    assert text[-43:] not in file.read_text() and file.stat().st_mode & 0o077 == 0


@pytest.mark.security(20)
def test_what_is_not_a_key_is_nobody(file: Path) -> None:
    key, text = api_keys.create(file, "a", "admin")
    _, other = api_keys.create(file, "b", "")
    keys = ApiKeys(str(file))
    mixed = f"shop_{key.id}_{other[-43:]}"
    for bad in ("", "shop_", mixed, text[:-1], text + "A", text.upper(), f"shop_{key.id}_", f"x{text}", key.hash):
        assert refused(keys, bad), bad
    assert not refused(keys, text)


def test_keys_made_revoked_and_expired_count_without_a_restart(file: Path, look_at_once: None) -> None:
    _, first = api_keys.create(file, "first", "")
    keys = ApiKeys(str(file))
    second_key, second = api_keys.create(file, "second", "admin")
    _, late = api_keys.create(file, "late", "", expires=datetime.now(UTC) - timedelta(seconds=1))
    assert not refused(keys, first) and not refused(keys, second) and refused(keys, late)
    api_keys.revoke(file, second_key.id)
    assert refused(keys, second) and not refused(keys, first)


def test_a_file_that_breaks_keeps_the_last_good_keys(file: Path, look_at_once: None) -> None:
    _, text = api_keys.create(file, "a", "")
    keys = ApiKeys(str(file))
    for broken in ("", "{", '{"keys": [{}]}', '{"keys": [], "more": 1}'):
        file.write_text(broken)
        assert not refused(keys, text), broken
    file.unlink()
    assert not refused(keys, text)
    file.write_text('{"keys": []}')
    assert refused(keys, text)


def test_a_file_that_is_not_there_stops_the_start(file: Path) -> None:
    with pytest.raises(ConfigError, match="can't be used"):
        ApiKeys(str(file))


def test_the_command_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place: Callable[..., list[str]] = lambda *words: ["keys", *words, "--file", str(file)]  # noqa: E731
    assert main(place("create", "--name", "till", "--scope", "purchases:write", "--expires", "90d")) == 0
    text = capsys.readouterr().out.strip()
    assert not refused(ApiKeys(str(file)), text)
    assert main(place("list", "--json")) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["name"], row["scopes"], row["state"]) == ("till", "purchases:write", "active")
    assert main(place("revoke", row["id"])) == 0
    assert main(place("list")) == 0
    assert "revoked" in capsys.readouterr().out
    assert refused(ApiKeys(str(file)), text)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["create", "--name", "x", "--scope", "everything"], "has no scope 'everything'"),
        (["create", "--name", "x", "--expires", "soon"], "give days or hours"),
        (["revoke", "nobody"], "has no key nobody"),
    ],
)
def test_faults_are_one_sentence(file: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert main(["keys", *words, "--file", str(file)]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.security(38)
def test_a_revocation_through_a_link_reaches_the_file_that_services_read(file: Path, tmp_path: Path) -> None:
    key, _ = api_keys.create(file, "first", "admin")
    link = tmp_path / "elsewhere" / "keys.json"
    link.parent.mkdir()
    link.symlink_to(file)
    api_keys.create(link, "second", "admin")
    api_keys.revoke(link, key.id)
    assert link.is_symlink()
    assert [each.revoked is not None for each in api_keys.read(file)] == [True, False]


@pytest.mark.security(38)
def test_a_file_stays_readable_for_the_service_that_owns_it(file: Path) -> None:
    """An administrator who is another user revokes; as that takes root, otherwise the owner is this user."""
    key, _ = api_keys.create(file, "first", "admin")
    owner = 12345 if os.geteuid() == 0 else os.geteuid()
    os.chown(file, owner, -1)
    api_keys.revoke(file, key.id)
    assert (file.stat().st_uid, file.stat().st_mode & 0o777) == (owner, 0o600)


@pytest.mark.security(38)
def test_no_revocation_is_lost_where_many_write(file: Path) -> None:
    for _ in range(10):
        key, _ = api_keys.create(file, "first", "admin")
        before = len(api_keys.read(file))
        with ThreadPoolExecutor(4) as pool:
            made = [pool.submit(api_keys.create, file, f"more-{number}", "") for number in range(3)]
            pool.submit(api_keys.revoke, file, key.id).result()
        after = {each.id: each for each in api_keys.read(file)}
        assert len(after) == before + 3 and {done.result()[0].id for done in made} <= set(after)
        assert after[key.id].revoked is not None
