"""What came under Idempotency-Keys before, so that a key used for another command is refused at once.

The workers of this pod remember what they sent lately; of what is older or was sent by other pods, cm-api is asked,
briefly: no command waits for the read side, and one that passes here may still be refused by its consumer.
"""

from __future__ import annotations

import hashlib
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from cm_server.query_proxy.brief_lookup import BriefQuestions
from shop_core.errors import Conflict, FieldFault
from shop_core.events.envelope import Domain
from shop_core.events.receipts import Receipt
from shop_core.http.worker_memory import KEY_BYTES, WorkerMemory
from shop_core.responses.commands import Earlier, EarlierAsked

SENDING_SECONDS = 15.0  # a sender that said nothing for so long is gone
_RECORD = struct.Struct("<16siqd")  # digest, partition, offset, when; a negative offset: being sent
Digests = Mapping[str, str]


class KeyUsed(Conflict):
    """The key names another command."""

    def __init__(self, id: str) -> None:
        super().__init__(FieldFault("Idempotency-Key", "was used before for another command"))
        self.id = id


@dataclass(frozen=True)
class _Known:
    """What was sent under an id; `receipt` is None while it is being sent."""

    digest: str
    receipt: str | None = None


class UsedKeys:
    """One worker's view. Commands are given as digests by event id."""

    def __init__(self, questions: BriefQuestions, clock: Callable[[], float] = time.monotonic) -> None:
        self._questions = questions
        self._clock = clock
        self._memory = WorkerMemory(_RECORD.size)

    def others(self, domain: Domain, wanted: Digests, *, ask: bool = True) -> set[str]:
        """Those ids of `wanted` that are known for another command; the rest counts as being sent from now on.

        cm-api is asked about what nobody here remembers, unless `ask` is false.
        """
        known = {id: self._known(domain, id) for id in wanted}
        unknown = [id for id, found in known.items() if found is None]
        differ = {id: found for id, found in known.items() if found is not None and found.digest != wanted[id]}
        for id in unknown:
            self._note(domain, id, wanted[id])
        sent = {found.receipt: id for id, found in differ.items() if found.receipt}
        if not ask or not (unknown or sent):
            return set(differ)
        earlier = self._ask(domain, unknown, list(sent))
        refused = {sent[receipt] for receipt in earlier.refused if receipt in sent}
        for id in refused:  # nothing came of it: the key is free
            self._note(domain, id, wanted[id])
        others = differ.keys() - refused
        for id, digest in earlier.digests.items():
            if digest != wanted[id]:
                self._memory.drop(_place(domain, id))
                others.add(id)
        return set(others)

    def sent(self, domain: Domain, digests: Digests, receipts: Mapping[str, str]) -> None:
        """These were published."""
        for id, receipt in receipts.items():
            _, partition, offset = Receipt.parse(receipt, [domain.topic])
            self._note(domain, id, digests[id], partition, offset)

    def not_sent(self, domain: Domain, digests: Digests) -> None:
        """Kafka did not take these, as far as is known: whoever comes next is asked about anew."""
        for id, digest in digests.items():
            known = self._known(domain, id)
            if known is not None and known.receipt is None and known.digest == digest:
                self._memory.drop(_place(domain, id))

    def _known(self, domain: Domain, id: str) -> _Known | None:
        record = self._memory.get(_place(domain, id))
        if record is None:
            return None
        digest, partition, offset, at = _RECORD.unpack(record)
        if offset < 0:
            return _Known(digest.hex()) if self._clock() - at < SENDING_SECONDS else None
        return _Known(digest.hex(), str(Receipt(domain.topic, partition, offset)))

    def _note(self, domain: Domain, id: str, digest: str, partition: int = 0, offset: int = -1) -> None:
        record = _RECORD.pack(bytes.fromhex(digest), partition, offset, self._clock())
        self._memory.put(_place(domain, id), record)

    def _ask(self, domain: Domain, ids: list[str], receipts: list[str]) -> Earlier:
        """What cm-api knows of them; nothing when it doesn't answer in time."""
        answer = self._questions.ask(
            "/v1/commands", msgspec.json.encode(EarlierAsked(domain.name, ids, tuple(receipts)))
        )
        return Earlier({}, []) if answer is None else msgspec.json.decode(answer, type=Earlier)


def _place(domain: Domain, id: str) -> bytes:
    """Where a record is kept: one key may name a command in each domain."""
    return hashlib.sha256(f"{domain.name}\n{id}".encode()).digest()[:KEY_BYTES]
