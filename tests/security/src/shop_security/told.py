"""What a run tells the shop in confidence, and the search for it where it must not be: in logs and metrics."""

from __future__ import annotations

import re
import urllib.parse
import uuid
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

# Long, and with eight hexadecimal digits in a row: no word that a log may have for another reason.
UNMISTAKABLE = re.compile(r"(?=\S{10,}$)\S*[0-9a-f]{8}")
WORD = re.compile(r"[\w.~-]{10,}")
PERSONAL = ("userid", "username", "user", "text", "displayName")


class Told:
    """The names and secrets of one run, as the fixtures that make them say."""

    def __init__(self) -> None:
        self.canary = f"canary{uuid.uuid4().hex}"
        self.secrets: set[str] = set()

    def secret(self, *texts: str) -> None:
        self.secrets.update(text for text in texts if text)

    def found_in(self, text: str, names: Collection[str]) -> set[str]:
        """Which of the secrets, of `names` and of the canary's forms `text` has."""
        plain = urllib.parse.unquote(text)
        searched = {self.canary, self.canary.upper(), *self.secrets}
        return {word for word in searched if word in plain} | ({*WORD.findall(plain)} & {*names})


def names_in(db: Any) -> set[str]:
    """Everybody whom the documents of a database name, and what they said, as far as it is unmistakable."""
    found = {str(doc["_id"]) for doc in db["users"].find({}, {"_id": 1})}
    for collection in db.list_collection_names():
        for doc in db[collection].find({}, dict.fromkeys(PERSONAL, 1)):
            found.update(words_of(doc))
    return {name for name in found if UNMISTAKABLE.match(name)}


def words_of(doc: Mapping[str, Any]) -> Iterable[str]:
    return [doc[field] for field in PERSONAL if isinstance(doc.get(field), str)]


def logs_below(folder: Path) -> dict[Path, str]:
    """Each log below `folder`, older generations too; Kafka calls the files of its topics logs as well."""
    kept = (path for path in folder.rglob("*.log*") if path.is_file() and "data" not in path.parts)
    return {path: path.read_text(errors="replace") for path in kept}
