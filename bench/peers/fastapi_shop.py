"""The peer that a Python developer would write instead: FastAPI and aiokafka, one idempotent producer a process, acks
of all in-sync replicas, keyed by user. No limits, callers, metrics, idempotency keys or receipts that can be asked."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from aiokafka import AIOKafkaProducer
from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field

TOPIC = os.environ["TOPIC"]
Name = Annotated[str, Field(min_length=1, max_length=128)]


class Purchase(BaseModel):
    """The body of a purchase; a missing time is the moment of arrival."""

    model_config = ConfigDict(extra="forbid")
    username: Name
    userid: Name
    price: Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2)]
    timestamp: Annotated[datetime, Field(default_factory=lambda: datetime.now(UTC))]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """A producer for as long as the process serves."""
    producer = AIOKafkaProducer(
        bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"], acks="all", enable_idempotence=True
    )
    async with producer:
        app.state.producer = producer
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/buy")
async def buy(purchase: Purchase, request: Request) -> dict[str, str]:
    """Answered once every in-sync replica has the record."""
    stored = await request.app.state.producer.send_and_wait(
        TOPIC,
        purchase.model_dump_json().encode(),
        key=purchase.userid.encode(),
        headers=[("ce_id", uuid.uuid4().hex.encode())],
    )
    return {"status": "Ok!", "receipt": f"{stored.topic}-{stored.partition}-{stored.offset}"}
