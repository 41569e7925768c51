"""gunicorn's thread worker in which a client holds a thread only while a route works for it.

gunicorn's own gives a thread to a connection and lets it read there, so that a few clients which send slowly, or
nothing, or take no answer, hold them all. Here one loop reads for everybody and hands over requests that are whole
(`shop_core.http.worker`); a route whose answer needs no body is asked before that. Answers go out the same way.
Requests that were sent one after the other without waiting are answered one after the other. An answer that tells what
is yet to come goes on without its thread (`streams`). Liveness has a thread of its own.
"""

from __future__ import annotations

import os
import re
import resource
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from gunicorn.workers import gthread

from shop_core.http.worker import bad_requests
from shop_core.http.worker.bad_requests import Refused
from shop_core.http.worker.body import BodyWanted
from shop_core.http.worker.connection import BUSY, ENDED, LEAVING, READING, SENDING, STREAMING, Connection
from shop_core.http.worker.connections import MOST_BYTES, ConnectionTable
from shop_core.http.worker.loop_calls import LoopCalls
from shop_core.http.worker.request_threads import RequestThreads
from shop_core.http.worker.streams import STREAM, Stream
from shop_core.http.worker.thread_slots import ASIDE, THREADS_A_TURN, ThreadSlots
from shop_core.http.worker.write_buffer import WriteBuffer

DEFAULT_READ_SECONDS = 20
ANSWER_SECONDS = 30  # longest wait for a client that takes nothing of its answer
LEAVE_SECONDS = 5  # so long a connection that ends is listened to, that its client may read the answer
LEAVE_BYTES = 4 * 1024 * 1024
HEAD_FIRST_SECONDS = 0.05  # a body that comes with its head is waited for so long before the head alone is judged
PIECE = 64 * 1024
DEFAULT_CONNECTIONS = 4096
WEIGH_AFTER = MOST_BYTES // 8  # bytes that came or were left to send, or a second
_HEALTH = re.compile(r"(?:/[^/]+)?/healthz")


class ReadTimeoutWorker(gthread.ThreadWorker):  # type: ignore[misc]
    """The worker class that `shop_core.cli` starts."""

    wsgi: Any

    def init_process(self) -> None:
        seconds = float(os.environ.get("HTTP_READ_TIMEOUT", DEFAULT_READ_SECONDS))
        self.read_seconds, self.pause = seconds, min(1.0, seconds / 4)
        most = most_connections(int(os.environ.get("HTTP_CONNECTIONS", DEFAULT_CONNECTIONS)))
        self.places = ConnectionTable(most)
        self.worker_connections = 2 * most  # it is `places` that makes room, so none waits to be accepted
        self.to_judge: deque[tuple[float, Connection, int]] = deque()
        self.health = RequestThreads(1, "health")
        self.turns = ThreadSlots(self.cfg.threads, self._start)
        self.looked, self.came = time.monotonic(), 0
        self.method_queue = LoopCalls()
        # gunicorn asks for some 25 settings at each request, and looks each up by two calls; none changes any more.
        for name, setting in self.cfg.settings.items():
            self.cfg.__dict__[name] = setting.get()
        super().init_process()

    def load_wsgi(self) -> None:
        super().load_wsgi()
        app: Any = self.wsgi
        self.app_made = app  # what gunicorn's hooks look into

        def kept(environ: dict[str, Any], start_response: Any) -> Any:
            sock = environ["gunicorn.socket"]
            environ["shop.kept"] = sock.kept
            environ[ASIDE] = self.aside
            environ[STREAM] = partial(self.stream, sock)
            return app(environ, start_response)

        self.wsgi = kept

    def get_thread_pool(self) -> RequestThreads:
        """As many work at once as gunicorn is told; the other threads are for those who wait."""
        return RequestThreads(self.cfg.threads * THREADS_A_TURN, "request")

    def run(self) -> None:
        try:
            super().run()
        finally:
            for threads in (self.tpool, self.health):
                threads.shutdown(wait=False)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """The request whose thread this is only waits while the block lasts."""
        self.method_queue.defer(self.turns.done)
        try:
            yield
        finally:
            self.method_queue.defer(self.turns.back)

    def stream(self, sock: WriteBuffer, seconds: float) -> Stream:
        """The answer that is written to `sock` goes on when its route has ended, for so many seconds at most."""
        sock.stream = Stream(seconds, lambda stream: self.method_queue.defer(self._poured, stream))
        return sock.stream

    # The loop's side: everything from here to `handle` runs in the main thread.

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        now = time.monotonic()
        until = min(now + timeout, self.looked + self.pause)
        if self.to_judge:
            until = min(until, self.to_judge[0][0])
        super().wait_for_and_dispatch_events(max(0.0, until - now))
        now = time.monotonic()
        while self.to_judge and self.to_judge[0][0] <= now:
            _, conn, number = self.to_judge.popleft()
            if conn.state == READING and conn.taken == number and conn.head and not conn.judged:
                self._submit(conn)
        if now - self.looked >= self.pause or self.came > WEIGH_AFTER:
            self._look(now)

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled)
        if not self.alive:
            self.wait_for_and_dispatch_events(timeout=0)  # what was said until now is answered yet
            for conn in [conn for conn in self.places if conn.idle]:
                self._end(conn)
            for stream in [conn.sock.stream for conn in self.places if conn.state == STREAMING]:
                if stream is not None:
                    stream.end()

    def accept(self, listener: Any) -> None:
        try:
            plug, client = listener.accept()
        except OSError:  # taken by another worker, or gone
            return
        with suppress(OSError):
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        conn = Connection(plug, client, listener.getsockname(), self.cfg)
        conn.due = time.monotonic() + self.cfg.keepalive
        self.nr_conns += 1
        self.places.add(conn)
        self._watch(conn, selectors.EVENT_READ, self._readable)
        if (leaving := self.places.surplus()) is not None:
            self._end(leaving)

    def _watch(self, conn: Connection, event: int, callback: Callable[..., None]) -> None:
        """Have the poller call `callback` for this event of the connection, and for no other."""
        if conn.watched == event:
            return
        change = self.poller.modify if conn.watched else self.poller.register
        change(conn.plug, event, partial(callback, conn))
        conn.watched = event

    def _unwatch(self, conn: Connection) -> None:
        if conn.watched:
            self.poller.unregister(conn.plug)
            conn.watched = 0

    def _readable(self, conn: Connection, plug: socket.socket) -> None:
        if conn.state == BUSY:
            self._unwatch(conn)  # what comes before its answer is out waits in the socket
            return
        if conn.state not in (READING, STREAMING, LEAVING):
            return  # the event is older than what another one, of the same look at the poller, did to the connection
        try:
            data = plug.recv(PIECE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._end(conn)
            return
        self.came += len(data)
        if conn.state == LEAVING:
            conn.discarded += len(data)
            if not data or conn.discarded > LEAVE_BYTES:
                self._end(conn)
        elif conn.state == STREAMING:
            conn.buffer += data  # its next request, which comes after this answer
            if not data:
                self._end(conn)
        elif data:
            if conn.idle:
                conn.due = time.monotonic() + self.read_seconds
            conn.buffer += data
            self._go_on(conn)
        elif conn.idle:
            self._end(conn)
        else:
            self._refuse(conn, Refused(400, "The request ended before it was whole."))
        if self.came > WEIGH_AFTER:
            self._look(time.monotonic())

    def _go_on(self, conn: Connection) -> None:
        """See whether what has come is a request, and run it."""
        known = conn.taken
        try:
            conn.take()
        except Refused as error:
            self._refuse(conn, error)
            return
        if conn.runs:
            self._submit(conn)
        elif conn.taken > known and conn.head:
            if conn.head.expects_continue or (conn.head.length or 0) > PIECE:
                self._submit(conn)  # by its head alone
            else:
                self.to_judge.append((time.monotonic() + HEAD_FIRST_SECONDS, conn, conn.taken))

    def _submit(self, conn: Connection) -> None:
        """Run the route. The poller still watches: few clients send more before they are answered, and leaving and
        entering it for each request costs more than a call for those who do."""
        conn.state = BUSY
        if conn.whole:
            self.places.used(conn)
        is_health = conn.whole and conn.head is not None and _HEALTH.fullmatch(conn.head.request.path or "")
        if is_health:
            self.health.run(partial(self._answer, conn, self._finish))
        else:
            self.turns.take(conn)

    def _start(self, conn: Connection) -> None:
        self.tpool.run(partial(self._answer, conn, self._worked))

    def _worked(self, conn: Connection, outcome: bool | BaseException) -> None:
        self.turns.done()
        self._finish(conn, outcome)

    def _finish(self, conn: Connection, outcome: bool | BaseException) -> None:
        """The thread has answered, or wants the body first."""
        if isinstance(outcome, BodyWanted):
            try:
                conn.wants(outcome.most)
                conn.sock.flush()
            except Refused as error:
                self._refuse(conn, error)
                return
            except OSError:
                self._end(conn)
                return
            if conn.runs:
                self._submit(conn)
                return
            conn.state = READING
            self._watch(conn, selectors.EVENT_READ, self._readable)
        elif isinstance(outcome, BaseException):
            self._end(conn)
        else:
            self._answered(conn, stays=outcome and self.alive)

    def _answered(self, conn: Connection, stays: bool) -> None:
        if conn.sock.waiting:
            conn.state = SENDING
            conn.due = time.monotonic() + ANSWER_SECONDS
            self._watch(conn, selectors.EVENT_WRITE, partial(self._writable, stays=stays))
            self.came += len(conn.sock.waiting)
        elif conn.sock.stream is not None:
            conn.state = STREAMING
            conn.due = time.monotonic() + conn.sock.stream.seconds
            self._watch(conn, selectors.EVENT_READ, self._readable)
            self._poured(conn.sock.stream)
            if not self.alive:
                conn.sock.stream.end()
        elif stays:
            self._next(conn)
        else:
            self._leave(conn)

    def _writable(self, conn: Connection, plug: socket.socket, stays: bool) -> None:
        if conn.state != SENDING:
            return
        before = len(conn.sock.waiting)
        try:
            done = conn.sock.flush()
        except OSError:
            self._end(conn)
            return
        if len(conn.sock.waiting) < before:
            conn.due = time.monotonic() + ANSWER_SECONDS
        if done:
            self._answered(conn, stays and self.alive)

    def _poured(self, stream: Stream) -> None:
        """A stream has something to send, or ends. Who does not even take these few bytes has gone."""
        conn = stream.conn
        if conn is None or conn.state != STREAMING:
            return  # its route still works, its beginning is still being sent, or nobody is there
        over = stream.pour()
        try:
            out = conn.sock.flush()
        except OSError:
            self._end(conn)
            return
        if over:
            conn.sock.stream = None
            self._answered(conn, stream.stays and self.alive)
        elif not out:
            self._end(conn)

    def _next(self, conn: Connection) -> None:
        """Wait for the connection's next request, which may have come already."""
        conn.next()
        conn.state = READING
        conn.due = time.monotonic() + (self.read_seconds if conn.buffer else self.cfg.keepalive)
        self._watch(conn, selectors.EVENT_READ, self._readable)
        if conn.buffer:
            self._go_on(conn)

    def _refuse(self, conn: Connection, error: Refused) -> None:
        conn.sock.sendall(bad_requests.answer(error))
        try:
            conn.sock.flush()
        except OSError:
            self._end(conn)
            return
        self._answered(conn, stays=False)

    def _leave(self, conn: Connection) -> None:
        """Say that nothing more comes, and discard what the client still sends: else it may lose the answer to a reset
        (RFC 9112 §9.6)."""
        try:
            conn.plug.shutdown(socket.SHUT_WR)
        except OSError:
            self._end(conn)
            return
        conn.next()
        conn.buffer.clear()
        conn.state = LEAVING
        conn.due = time.monotonic() + LEAVE_SECONDS
        self._watch(conn, selectors.EVENT_READ, self._readable)

    def _end(self, conn: Connection) -> None:
        self._unwatch(conn)
        conn.plug.close()
        conn.state = ENDED
        if conn.sock.stream is not None:
            conn.sock.stream.gone = True
        self.places.remove(conn)
        self.nr_conns -= 1

    def _look(self, now: float) -> None:
        """End what is late, and what there is no room for."""
        self.looked, self.came = now, 0
        for conn in [conn for conn in self.places if conn.due <= now and conn.state != BUSY]:
            if conn.state == READING and not conn.idle:
                self._refuse(conn, Refused(408, "The request took too long to come."))
            else:
                self._end(conn)
        for conn in self.places.heavy():
            if conn.state == READING:
                self._refuse(conn, Refused(503, "Too much that is not whole is kept here already: send it again."))
            else:
                self._end(conn)

    # A thread's side.

    def _answer(self, conn: Connection, done: Callable[[Connection, bool | BaseException], None]) -> None:
        """Run the route, then have the loop call `done` with whether the connection may stay, or what was raised."""
        try:
            outcome: bool | BaseException = self.handle(conn)
        except BaseException as error:
            outcome = error
        self.method_queue.defer(done, conn, outcome)

    def handle(self, conn: Connection) -> bool:
        """Run the route; whether the connection may stay. Raises `BodyWanted`."""
        try:
            stays = bool(self.handle_request(conn.request(), conn))
        except Exception as error:
            self.log.exception("Error handling request: %s", type(error).__name__)
            conn.sock.waiting.clear()
            conn.sock.stream = None
            conn.sock.sendall(bad_requests.answer(Refused(500, "The service failed; its log has the request.")))
            stays = False
        if conn.sock.stream is not None:
            conn.sock.stream.begin(conn, stays)
        with suppress(OSError):
            conn.sock.flush()
        return stays


def most_connections(wanted: int) -> int:
    """How many connections this process may hold, with files left for all else."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = 2 * wanted if hard == resource.RLIM_INFINITY else min(hard, 2 * wanted)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(allowed, soft), hard))
    return min(wanted, max(64, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 256))
