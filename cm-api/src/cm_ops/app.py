"""Composition root of cm-ops."""

from __future__ import annotations

import os

from flask import Flask

from cm_ops import letter_routes, routes, trace_routes
from cm_ops.desk import Desk
from cm_ops.letter_book import LetterBook
from cm_ops.looking import Looking
from cm_ops.settings import OpsSettings
from shop_core.config.settings import load
from shop_core.events import DOMAINS
from shop_core.http import service_token
from shop_core.http.app import make_app
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.group_watch import GroupWatch
from shop_core.kafka.publisher import KafkaPublisher
from shop_core.mongo import client
from shop_core.mongo.positions import Positions
from shop_core.telemetry import logs

ELSEWHERE = (
    "This is cm-ops, which tells inside the platform how it does: clients go to cm-server, below "
    "/scalable-shop-cm-server."
)


def create_app(settings: OpsSettings | None = None) -> Flask:
    """The app of the one worker, made after the fork, with connections of its own."""
    settings = settings or load(OpsSettings, os.environ)
    logs.configure(settings)
    db, kafka = client.connect(settings, "cm-ops"), KafkaConnection.of(settings)
    looking = Looking(
        list(DOMAINS.values()),
        lambda domain: Positions(db, domain.group).accounts(domain.topic),
        GroupWatch(kafka, DOMAINS.values()),
    )
    app = make_app("cm_ops", {"mongodb": lambda: client.ping(db)}, elsewhere=ELSEWHERE)
    service_token.guard_inside(app, settings)
    book, publisher = LetterBook(kafka, list(DOMAINS.values())), KafkaPublisher(kafka)
    app.register_blueprint(routes.blueprint(looking))
    app.register_blueprint(letter_routes.blueprint(Desk(db, book, publisher)))
    app.register_blueprint(trace_routes.blueprint(trace_routes.Tracer(kafka, db)))
    looking.start()

    def close() -> None:
        looking.close()
        book.close()
        publisher.close()
        db.client.close()

    app.extensions["shop_close"] = close
    return app
