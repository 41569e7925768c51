"""Which connections are kept when there are too many: whoever holds most gives up what it used least recently.

So a few addresses with thousands of silent connections push out each other, and nobody else.
"""

from __future__ import annotations

from collections.abc import Iterator

from shop_core.http.worker.connection import BUSY, Connection

# Of requests that are not whole and answers that nobody took, in one process: six of the largest bodies at once.
MOST_BYTES = 6 * 1024 * 1024


class ConnectionTable:
    """At most `most` connections, by the network that they come from; the least recently used first."""

    def __init__(self, most: int, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._by_network: dict[str, dict[Connection, None]] = {}
        self.count = 0

    def __iter__(self) -> Iterator[Connection]:
        return iter([conn for held in self._by_network.values() for conn in held])

    def add(self, conn: Connection) -> None:
        self._by_network.setdefault(conn.network, {})[conn] = None
        self.count += 1

    def used(self, conn: Connection) -> None:
        """A request of it was whole."""
        held = self._by_network[conn.network]
        del held[conn]
        held[conn] = None

    def remove(self, conn: Connection) -> None:
        del self._by_network[conn.network][conn]
        self.count -= 1
        if not self._by_network[conn.network]:
            del self._by_network[conn.network]

    def surplus(self) -> Connection | None:
        """The connection that has to go for there to be room, None where there is."""
        if self.count <= self._most:
            return None
        for held in sorted(self._by_network.values(), key=len, reverse=True):
            for conn in held:
                if conn.state != BUSY:
                    return conn
        return None

    def heavy(self) -> list[Connection]:
        """Those that have to go for the bytes kept to be few enough: the heaviest networks' first."""
        weights = [
            (sum(conn.weight for conn in held), [conn for conn in held if conn.weight and conn.state != BUSY])
            for held in self._by_network.values()
        ]
        over = sum(weight for weight, _ in weights) - self._most_bytes
        leaving: list[Connection] = []
        for _, held in sorted(weights, key=lambda entry: entry[0], reverse=True):
            for conn in held:
                if over <= 0:
                    return leaving
                leaving.append(conn)
                over -= conn.weight
        return leaving
