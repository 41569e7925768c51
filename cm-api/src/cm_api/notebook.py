"""What a check of the log has read so far, in a file: memory stays bounded for a log of any size, and a check that was
interrupted goes on where it stood.

`things` is what the log says there has to be, folded event by event; `ids` are the commands that have to be known.
Whatever one batch tells is written by one transaction with how far was read.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shop_core.errors import ConfigError

Field = str | int | None
Fields = Mapping[str, Field]
Key = tuple[str, str]
"""Kind and id of a thing."""
LONGEST_KEPT = 64
PIECE = 500
_SCHEMA = """
create table if not exists places (partition integer primary key, next integer);
create table if not exists notes (name text primary key, value text) without rowid;
create table if not exists counts (name text primary key, number integer) without rowid;
create table if not exists lost (about text);
create table if not exists suspects (kind text, id text, primary key (kind, id)) without rowid;
create table if not exists ids (id text primary key, digest text, receipt text, expires real) without rowid;
create table if not exists things (kind text, id text, parent text, owner text, partition integer, fields text,
                                   primary key (kind, id)) without rowid;
create index if not exists parents on things (parent) where parent <> '';
create index if not exists owners on things (owner) where owner <> '';
"""
_TABLES = ("places", "notes", "counts", "lost", "suspects", "ids", "things")


@dataclass(frozen=True, slots=True)
class Command:
    """One that has to be known: its digest and receipt, and until when it is (seconds since 1970, None: for good)."""

    id: str
    digest: str
    receipt: str
    expires: float | None = None


class Notebook:
    """One domain's. Closed, everything that was committed is kept."""

    def __init__(self, file: Path) -> None:
        try:
            self._db = sqlite3.connect(file, timeout=1)
            self._db.execute("pragma locking_mode = exclusive")
            self._db.execute("pragma journal_mode = wal")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise ConfigError(f"{file} can't be used ({error}): give another --work, or remove it.") from None

    def close(self) -> None:
        self._db.close()

    def commit(self) -> None:
        self._db.commit()

    def clear(self) -> None:
        """Forget everything."""
        for table in _TABLES:
            self._db.execute(f"delete from {table}")  # one of the names above  # nosec B608

    def note(self, name: str, value: str) -> None:
        self._db.execute("insert or replace into notes values (?, ?)", (name, value))

    def noted(self, name: str) -> str:
        row = self._db.execute("select value from notes where name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def stand(self, places: Mapping[int, int]) -> None:
        """How far each partition was read: its next offset."""
        self._db.executemany("insert or replace into places values (?, ?)", places.items())

    def places(self) -> dict[int, int]:
        return dict(self._db.execute("select partition, next from places"))

    def count(self, name: str, number: int = 1) -> None:
        self._db.execute(
            "insert into counts values (?, ?) on conflict (name) do update set number = number + excluded.number",
            (name, number),
        )

    def counts(self) -> dict[str, int]:
        return dict(self._db.execute("select name, number from counts"))

    def lose(self, about: str) -> None:
        """Keep what was said of an event that is lost by itself, and is not looked at again."""
        self._db.execute("insert into lost values (?)", (about,))

    def lost(self) -> list[str]:
        return [about for (about,) in self._db.execute("select about from lost")]

    def command(self, id: str) -> Command | None:
        row = self._db.execute("select id, digest, receipt, expires from ids where id = ?", (id,)).fetchone()
        return Command(*row) if row else None

    def expect(self, command: Command) -> None:
        """It has to be known."""
        row = (command.id, command.digest, command.receipt, command.expires)
        self._db.execute("insert or replace into ids values (?, ?, ?, ?)", row)

    def commands(self) -> Iterator[list[Command]]:
        """All of them, some at a time."""
        last = ""
        query = "select id, digest, receipt, expires from ids where id > ? order by id limit ?"
        while page := [Command(*row) for row in self._db.execute(query, (last, PIECE))]:
            yield page
            last = page[-1].id

    def put(
        self, kind: str, id: str, fields: Fields, *, parent: str = "", owner: str = "", partition: int = -1
    ) -> None:
        """A thing is there, and shows this."""
        row = (kind, id, parent, owner, partition, _text(fields))
        self._db.execute("insert or replace into things values (?, ?, ?, ?, ?, ?)", row)

    def change(self, kind: str, id: str, fields: Fields) -> None:
        """These fields of a thing are others now; of one from before the log's beginning nothing is known."""
        if (had := self.thing(kind, id)) is not None:
            query = "update things set fields = ? where kind = ? and id = ?"
            self._db.execute(query, (_text({**had, **fields}), kind, id))

    def drop(self, kind: str, id: str) -> None:
        """A thing is gone, and whatever belongs to it."""
        self._db.execute("delete from things where kind = ? and id = ?", (kind, id))
        self._db.execute("delete from things where parent = ? and parent <> ''", (id,))

    def forget(self, owner: str, partition: int | None) -> None:
        """What was said by somebody in a partition, or anywhere, is gone."""
        query = "delete from things where owner = ? and owner <> '' and (? is null or partition = ?)"
        self._db.execute(query, (owner, partition, partition))

    def thing(self, kind: str, id: str) -> dict[str, Field] | None:
        row = self._db.execute("select fields from things where kind = ? and id = ?", (kind, id)).fetchone()
        return json.loads(row[0]) if row else None

    def things(self, kind: str) -> Iterator[dict[str, dict[str, Field]]]:
        """All of a kind by id, some at a time."""
        last = ""
        query = "select id, fields from things where kind = ? and id > ? order by id limit ?"
        while page := {id: json.loads(fields) for id, fields in self._db.execute(query, (kind, last, PIECE))}:
            yield page
            last = max(page)

    def alike(self, kind: str, fields: Fields) -> str | None:
        """The id of a thing that shows the same."""
        query = "select id from things where kind = ? and fields = ? limit 1"
        row = self._db.execute(query, (kind, _text(fields))).fetchone()
        return str(row[0]) if row else None

    def total(self, table: str, kind: str | None = None) -> int:
        where = "" if kind is None else " where kind = ?"
        query = f"select count(*) from {table}{where}"  # both are words of ours  # nosec B608
        return int(self._db.execute(query, () if kind is None else (kind,)).fetchone()[0])

    def suspect(self, kind: str, ids: Iterable[str]) -> None:
        """To be looked at again, at one moment with the log."""
        self._db.executemany("insert or ignore into suspects values (?, ?)", ((kind, id) for id in ids))

    def suspects(self) -> Sequence[Key]:
        """The next ones, of one kind."""
        first = self._db.execute("select kind from suspects order by kind limit 1").fetchone()
        query = "select kind, id from suspects where kind = ? order by id limit ?"
        return list(self._db.execute(query, (first[0], PIECE))) if first else []

    def clear_up(self, suspects: Iterable[Key]) -> None:
        self._db.executemany("delete from suspects where kind = ? and id = ?", suspects)


def kept(value: Field) -> Field:
    """As it is compared: of a long text its hash, so that the notebook stays smaller than the log."""
    if isinstance(value, str) and len(value) > LONGEST_KEPT:
        return "sha256:" + hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()
    return value


def _text(fields: Fields) -> str:
    return json.dumps({name: kept(value) for name, value in fields.items()}, sort_keys=True)
