"""The threads in which requests run. A request needs no future: who waits for it is the loop, which is called when it
is done, and an executor's bookkeeping for each costs as much as reading one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

Job = Callable[[], None]  # may raise nothing


class RequestThreads:
    """At most `most` threads, each started when there is a job and nobody is idle. For one loop, in whose thread both
    methods are called."""

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = most, name
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._unclaimed = 0  # idle threads less waiting jobs; counted down here, up by each thread
        self._lock = threading.Lock()

    def run(self, job: Job) -> None:
        """Run `job` in one of the threads, or when one is free."""
        with self._lock:
            self._unclaimed -= 1
            short = self._unclaimed < 0
        if short and len(self._threads) < self._most:
            thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads)}")
            self._threads.append(thread)
            with self._lock:
                self._unclaimed += 1
            thread.start()
        self._jobs.put(job)

    def shutdown(self, wait: bool = True) -> None:
        """Let each thread end after the jobs that are there."""
        for _ in self._threads:
            self._jobs.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            with self._lock:
                self._unclaimed += 1
