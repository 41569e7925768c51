"""API keys: `shop_<id>_<secret>`. The file holds their hashes only, and is read again when it changes.

A secret is 256 random bits, so one round of SHA-256 is enough: there is no dictionary to try it with, and the check
costs microseconds. Whoever can read the file can't call with it; whoever can write it can make keys.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import re
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from shop_core.auth import Caller, Unauthenticated, scopes_of
from shop_core.config.reloading import ReloadingFile
from shop_core.errors import ConfigError
from shop_core.events.fields import check_text

MARK = "shop_"
_KEY = re.compile(r"shop_([a-z0-9]{12})_([A-Za-z0-9_-]{43})")
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


class ApiKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One key as the file keeps it. `userid` binds it to one user; without one it is a service's."""

    id: str
    hash: str
    name: str
    scopes: list[str]
    created: datetime
    userid: str | None = None
    expires: datetime | None = None
    revoked: datetime | None = None

    def state(self, now: datetime) -> str:
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now else "active"

    def caller(self) -> Caller:
        return Caller(f"key:{self.id}", self.userid, frozenset(self.scopes))


class KeyFile(msgspec.Struct, forbid_unknown_fields=True):
    """The file."""

    keys: list[ApiKey] = []


def hash_of(secret: str) -> str:
    return "sha256:" + hashlib.sha256(secret.encode()).hexdigest()


def parse(text: str) -> dict[str, ApiKey]:
    """The file's keys by id; `ValueError` for anything that is not such a file."""
    keys = msgspec.json.decode(text, type=KeyFile).keys
    for key in keys:
        scopes_of(" ".join(key.scopes))
    return {key.id: key for key in keys}


class ApiKeys:
    """`shop_core.auth.Authenticator` by the file at `path`."""

    def __init__(self, path: str) -> None:
        self._keys: ReloadingFile[Mapping[str, ApiKey]] = ReloadingFile(path, parse)

    def recognises(self, credentials: str) -> bool:
        return credentials.startswith(MARK)

    def caller(self, credentials: str) -> Caller:
        found = _KEY.fullmatch(credentials)
        key = self._keys.get().get(found.group(1)) if found else None
        # Compare something in any case, so that the time taken doesn't tell which ids there are.
        same = hmac.compare_digest(hash_of(found.group(2) if found else ""), key.hash if key else hash_of("-"))
        if key is None or not same:
            raise Unauthenticated("unknown API key")
        if (state := key.state(datetime.now(UTC))) != "active":
            raise Unauthenticated(f"API key {key.id} is {state}")
        return key.caller()


def create(
    path: Path, name: str, scopes: str, userid: str | None = None, expires: datetime | None = None
) -> tuple[ApiKey, str]:
    """Add a key to the file; the key and the text to call with, which is kept nowhere."""
    try:
        wanted = sorted(scopes_of(scopes))
    except ValueError as error:
        raise ConfigError(f"--scope {error}.") from None
    if userid is not None:
        check_text("userid", userid)
    id, secret = "".join(secrets.choice(_ALPHABET) for _ in range(12)), secrets.token_urlsafe(32)
    key = ApiKey(id, hash_of(secret), name, wanted, datetime.now(UTC).replace(microsecond=0), userid, expires)
    path = path.resolve()  # behind a link: services read the file that it leads to
    with _held(path):
        _write(path, [*read(path), key])
    return key, f"{MARK}{id}_{secret}"


def revoke(path: Path, id: str) -> ApiKey:
    """Mark a key as revoked; it stays in the file for the record."""
    path = path.resolve()
    with _held(path):
        keys = {key.id: key for key in read(path)}
        if id not in keys:
            raise ConfigError(f"{path} has no key {id}: `shopctl keys list` shows those that there are.")
        if keys[id].revoked is None:
            keys[id] = msgspec.structs.replace(keys[id], revoked=datetime.now(UTC).replace(microsecond=0))
            _write(path, list(keys.values()))
        return keys[id]


def read(path: Path) -> list[ApiKey]:
    """The keys of the file, none where there is no file yet."""
    if not path.exists():
        return []
    try:
        return list(parse(path.read_text()).values())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is not a file of API keys ({error}).") from None


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Nobody else reads and rewrites the file meanwhile. Its folder is what is locked: the file itself is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _write(path: Path, keys: list[ApiKey]) -> None:
    """Replace the file in one step, so that no reader ever sees a half of it; only its owner may read it, who stays
    the same: a service that could not read it would go on with the keys of before. What is on the disk then is read
    back: a revocation that ends well has happened."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            if path.exists():
                os.fchown(handle, path.stat().st_uid, path.stat().st_gid)
            file.write(msgspec.json.format(msgspec.json.encode(KeyFile(keys)), indent=2) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    if read(path) != keys:
        raise ConfigError(f"{path} was changed by another program at the same time: look at it, and try again.")
