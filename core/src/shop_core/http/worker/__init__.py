"""How requests come in: bytes of a connection become whole requests before a thread is taken for them.

Nothing here knows Flask or a route. `shop_core.http.worker.read_timeout_worker` is the worker that drives it.
"""
