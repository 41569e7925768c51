"""The letters of all dead-letter topics: a line of each in memory, read on at each look over connections that are kept.
Key, value and headers stay in Kafka, where one letter is read when somebody opens it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import islice

from cm_ops.looking import ANSWER_SECONDS, Away
from shop_core.dead_letters.letters import Letter, letter_of
from shop_core.errors import ShopError
from shop_core.events.envelope import REDRIVEN, Domain, Message
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.topic_reader import TopicReader, read_some, topic_log

# Of one domain; the oldest are left out beyond. A line is about half a kilobyte.
MOST = 50_000


@dataclass(frozen=True)
class Line:
    """A letter without what it says, its event's id, and the letter that the event was sent again for."""

    letter: Letter
    event: bytes
    redriven_of: str | None


class LetterBook:
    """Of one process. One look at a time; who waits for it too long is told that Kafka does not answer."""

    def __init__(self, kafka: KafkaConnection, domains: Sequence[Domain]) -> None:
        self._kafka = kafka
        self._shelves = [_Shelf(kafka, domain) for domain in domains]
        self._turn = threading.Lock()

    def lines(self) -> dict[str, Line]:
        """Every letter by its source, by domain and as they came."""
        with self._alone():
            return {line.letter.source: line for shelf in self._shelves for line in shelf.lines()}

    def whole(self, lines: Sequence[Line]) -> dict[str, Letter]:
        """By source, with key, value and headers; without those that left the log meanwhile."""
        places: dict[str, list[Message]] = {}
        domains = {line.letter.domain.dlq: line.letter.domain for line in lines}
        for line in lines:
            places.setdefault(line.letter.domain.dlq, []).append(line.letter.message)
        try:
            found = [
                letter_of(domains[dlq], message)
                for dlq, some in places.items()
                for message in read_some(self._kafka, dlq, [(each.partition, each.offset) for each in some])
            ]
        except ShopError as error:
            raise Away("Kafka") from error
        return {letter.source: letter for letter in found}

    def close(self) -> None:
        for shelf in self._shelves:
            shelf.close()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=ANSWER_SECONDS):
            raise Away("Kafka")
        try:
            yield
        except ShopError as error:
            raise Away("Kafka") from error
        finally:
            self._turn.release()


class _Shelf:
    """The letters of one domain."""

    def __init__(self, kafka: KafkaConnection, domain: Domain) -> None:
        self._kafka, self._domain = kafka, domain
        self._open = ExitStack()
        self._reader: TopicReader | None = None
        self._lines: dict[str, Line] = {}

    def lines(self) -> list[Line]:
        """After a look; a failure makes the next one begin anew."""
        try:
            self._read_on()
        except BaseException:
            self.close()
            raise
        return list(self._lines.values())

    def close(self) -> None:
        self._open.close()
        self._reader = None

    def _read_on(self) -> None:
        reader = self._reader
        if reader is None:
            reader = self._reader = self._open.enter_context(topic_log(self._kafka, self._domain.dlq))
            self._lines.clear()
        ends = reader.ends()
        for batch in reader.read(ends):
            for message in batch:
                line = line_of(self._domain, message)
                # The first of a source counts: a crash may have sent it twice.
                self._lines.setdefault(line.letter.source, line)
        for source in list(islice(self._lines, max(0, len(self._lines) - MOST))):
            del self._lines[source]
        if not ends:  # the topic is not there yet: the next look has to find it
            self.close()


def line_of(domain: Domain, message: Message) -> Line:
    letter = letter_of(domain, message)
    headers = dict(message.headers)
    sent_for = headers.get(REDRIVEN)
    bare = replace(message, key=None, value=None, headers=())
    return Line(
        replace(letter, message=bare),
        headers.get("ce_id") or letter.source.encode(),
        sent_for.decode(errors="backslashreplace") if sent_for else None,
    )
