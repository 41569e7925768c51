"""`shopctl keys`: make, list and revoke API keys in the file that cm-server reads (AUTH_API_KEYS_FILE).

The file holds hashes, so it may be looked at and put into a Secret; a key itself is shown once, when it is made.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from shop_core import api_keys
from shop_core.api_keys import ApiKey
from shop_core.errors import ConfigError
from shop_core.events.instants import format_instant
from shopctl.status import table

_SPAN = re.compile(r"([1-9][0-9]{0,4})([dh])")


def create(options: argparse.Namespace) -> int:
    """Make a key; it goes to stdout alone, so that it can be piped, and what to know of it to no log."""
    expires = None if options.expires is None else datetime.now(UTC).replace(microsecond=0) + span(options.expires)
    key, text = api_keys.create(file_of(options), options.name, " ".join(options.scope), options.userid, expires)
    print(json.dumps(shown(key) | {"key": text}) if options.json else text)
    return 0


def list_keys(options: argparse.Namespace) -> int:
    """Print every key, the revoked ones too."""
    rows = [shown(key) for key in api_keys.read(file_of(options))]
    if options.json:
        print(json.dumps(rows))
        return 0
    head = ("ID", "NAME", "SCOPES", "USERID", "CREATED", "EXPIRES", "STATE")
    cells = [tuple(str(row[name.lower()] or "-") for name in head) for row in rows]
    print("\n".join(table(head, cells)))
    return 0


def revoke(options: argparse.Namespace) -> int:
    """Mark the key; cm-server refuses it within a second, a cluster once the Secret has the new file."""
    key = api_keys.revoke(file_of(options), options.id)
    print(f"{key.id}\trevoked")
    return 0


def file_of(options: argparse.Namespace) -> Path:
    named = options.file or os.environ.get("AUTH_API_KEYS_FILE", "")
    if not named:
        raise ConfigError("No file of keys is named: give --file or set AUTH_API_KEYS_FILE.")
    return Path(named)


def span(text: str) -> timedelta:
    """A span such as 90d or 12h."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ConfigError(f"--expires {text}: give days or hours, such as 90d or 12h.")
    count = int(found.group(1))
    return timedelta(days=count) if found.group(2) == "d" else timedelta(hours=count)


def shown(key: ApiKey) -> dict[str, Any]:
    """A key as a person may see it, without its hash."""
    return {
        "id": key.id,
        "name": key.name,
        "scopes": " ".join(key.scopes),
        "userid": key.userid,
        "created": format_instant(key.created),
        "expires": None if key.expires is None else format_instant(key.expires),
        "state": key.state(datetime.now(UTC)),
    }
