"""The cases by which it was found out that strangers stop a domain, each with its nearest relatives."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shop_arrivals.draws import Client, Codec, Domain, Draw, Key, Repeat, State
from shop_arrivals.lag import behind
from shop_arrivals.records import Foreign, made
from shop_arrivals.rounds import Rounds
from shop_arrivals.shop import Told, sent_now, until
from shop_arrivals.topic import Committed, read_topic, source_of
from shop_arrivals.topics import configured
from shop_arrivals.values import plain

LETTER_SECONDS = 60.0
DLQ_BYTES = 2 * 1024 * 1024

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def outcome(rounds: Rounds, receipt: str, seconds: float = 30) -> Told:
    """What became of a record, within `seconds`."""
    told = rounds.shop.await_results(sent_now([receipt]), seconds).get(receipt)
    assert told is not None, f"{receipt} stays accepted"
    return told


def letters_about(rounds: Rounds, receipt: str) -> list[Committed]:
    """The dead letters of one record."""
    topic = receipt.rsplit("-", 2)[0]
    with read_topic(rounds.shop.platform.bootstrap, f"{topic}.dlq") as letters:
        return [letter for letter in letters if source_of(letter) == receipt]


def letter(rounds: Rounds, receipt: str) -> Committed:
    """The dead letter of a record, as soon as it is there."""
    until(lambda: letters_about(rounds, receipt), f"the letter about {receipt}", LETTER_SECONDS)
    return letters_about(rounds, receipt)[0]


def shown(rounds: Rounds, record: Foreign) -> bool:
    """Whether a purchase can be seen."""
    return rounds.shop.request("GET", f"/v1/users/{record.marker}").status == 200


@pytest.mark.parametrize("client", list(Client))
@pytest.mark.parametrize("codec", list(Codec))
def test_a01_every_codec_of_the_protocol_is_read(rounds: Rounds, codec: Codec, client: Client) -> None:
    draw = Draw(Domain.ANALYTICS, 4, client, codec)
    receipt = rounds.send(draw)
    rounds.beside_and_behind(Domain.ANALYTICS, [4])
    assert outcome(rounds, receipt).state == "stored"


@pytest.mark.parametrize("codec", [codec for codec in Codec if codec is not Codec.NONE])
def test_a01_a_topic_that_compresses_by_itself_is_read(rounds: Rounds, codec: Codec) -> None:
    after = {"compression.type": None}
    with configured(rounds.shop.platform.bootstrap, "shop.campaigns", {"compression.type": codec.value}, after):
        rounds.beside_and_behind(Domain.CAMPAIGNS, range(12))


@pytest.mark.parametrize("client", list(Client))
@pytest.mark.parametrize("header", ["ce_id", "ce_type", "ce_specversion", "x-trace", "ce_tenant"])
def test_a02_a_refused_record_with_a_header_without_a_value_has_its_letter(
    rounds: Rounds, header: str, client: Client
) -> None:
    draw = Draw(Domain.PURCHASES, 7, client, value="name a number")
    record = rounds.record(draw)
    kept = tuple((name, value) for name, value in record.headers if name != header)
    receipt = rounds.senders.send_one(replace(record, headers=(*kept, (header, None))))
    rounds.beside_and_behind(Domain.PURCHASES, [7])
    assert outcome(rounds, receipt).state == "rejected"
    assert not letter(rounds, receipt).header(header)


@pytest.mark.parametrize("codec", [Codec.GZIP, Codec.ZSTD])
@pytest.mark.parametrize("part", ["value", "key", "header"])
def test_a03_a_refused_record_that_is_large_when_it_is_unpacked_is_kept_cut(
    rounds: Rounds, part: str, codec: Codec
) -> None:
    large = b"a" * 3_000_000
    record = rounds.record(Draw(Domain.CAMPAIGNS, 2, codec=codec, value="half"))
    changed: dict[str, Any] = {
        "value": {"value": b'{"name":"' + large + b'"}'},
        "key": {"key": large},
        "header": {"headers": (*record.headers, ("x-large", large))},
    }
    record = replace(record, **changed[part])
    receipt = rounds.senders.send_one(record)
    rounds.beside_and_behind(Domain.CAMPAIGNS, [2])
    assert outcome(rounds, receipt).state == "rejected"
    assert letter(rounds, receipt).size < DLQ_BYTES
    told = rounds.shop.platform.shopctl("dlq", "show", receipt, "--domain", "campaigns")
    assert told.returncode == 0, told.stderr
    if part == "value":
        assert record.value is not None
        numbers = re.sub(r"(?<=\d)[,_ ](?=\d{3})", "", told.stdout)
        assert str(len(record.value)) in numbers and hashlib.sha256(record.value).hexdigest() in told.stdout


@pytest.mark.parametrize("client", list(Client))
def test_a05_what_is_not_committed_is_never_seen(rounds: Rounds, client: Client) -> None:
    open_ = rounds.record(Draw(Domain.PURCHASES, 3, client, Codec.LZ4, State.OPEN))
    rounds.senders.send([open_])
    # The consumer reads all its partitions in one go: when the others are stored, this one was looked at.
    rounds.beside(Domain.PURCHASES, [3])
    assert not shown(rounds, open_)
    rounds.senders.release()
    rounds.beside_and_behind(Domain.PURCHASES, [3])
    assert not shown(rounds, open_)

    aborted, committed = (rounds.record(Draw(Domain.PURCHASES, 3, client, Codec.LZ4, state)) for state in (
        State.ABORTED, State.COMMITTED))  # fmt: skip
    rounds.senders.send([aborted, committed])
    rounds.beside_and_behind(Domain.PURCHASES, [3])
    assert not shown(rounds, aborted) and shown(rounds, committed)


@pytest.mark.parametrize("state", [State.COMMITTED, State.ABORTED])
@pytest.mark.parametrize("domain", list(Domain))
def test_a06_behind_a_transaction_marker_the_lag_is_0_and_its_receipt_settles(
    rounds: Rounds, domain: Domain, state: State
) -> None:
    record = rounds.record(Draw(domain, 5, Client.JAVA, state=state))
    rounds.senders.send([record])
    topic = rounds.ledgers[domain].topic
    marker = f"{topic.name}-5-{topic.end(5) - 1}"
    assert outcome(rounds, marker).state == "stored"
    until(lambda: not behind(rounds), f"the lag is 0 ({behind(rounds)})", 60)
    assert rounds.shop.status_lag(domain) == 0
    assert rounds.shop.request("GET", f"/v1/products?limit=1&after={marker}").status == 200


@pytest.mark.parametrize("domain", list(Domain))
def test_a08_an_event_is_known_by_its_source_and_its_id(rounds: Rounds, domain: Domain) -> None:
    draw = Draw(domain, 9, repeat=Repeat.OTHER_SOURCE)
    first = rounds.record(draw)
    named = (*first.headers, ("ce_digest", first.marker.encode())) if domain is Domain.ANALYTICS else first.headers
    first = replace(first, headers=named)
    again = replace(first, number=first.number + 1)
    other = replace(made(draw, first.number + 2, f"{first.marker}-o", first.marker, "/arrivals/2"))
    same_body = replace(first, number=first.number + 3, headers=tuple(
        (name, b"/arrivals/3" if name == "ce_source" else value) for name, value in named))  # fmt: skip
    used = replace(made(draw, first.number + 4, f"{first.marker}-u", first.marker, "/arrivals/1"))
    rounds.figures.records += 4
    states = [outcome(rounds, rounds.senders.send_one(record)).state for record in (first, again, other, used)]
    assert states == ["stored", "stored", "stored", "rejected"]
    if domain is Domain.PURCHASES:
        assert outcome(rounds, rounds.senders.send_one(same_body)).state == "stored"
        assert rounds.shop.request("GET", f"/v1/users/{first.marker}").json()["count"] == 2


@pytest.mark.parametrize(
    ("change", "state"),
    [
        (lambda moment: moment, "stored"),
        (lambda moment: moment // 1000, "rejected"),
        (lambda moment: moment * 1000, "rejected"),
        (lambda moment: moment + 2 * 86_400_000, "rejected"),
    ],
    ids=["milliseconds", "seconds", "microseconds", "in two days"],
)
def test_a15_a_moment_in_another_unit_is_refused(rounds: Rounds, change: Callable[[int], int], state: str) -> None:
    record = rounds.record(Draw(Domain.ANALYTICS, 1, key=Key.NULL))
    assert record.value is not None
    moment = int(re.findall(rb'"timestamp": (\d+)', record.value)[0])
    data = {"user": record.marker, "kind": "click", "timestamp": change(moment)}
    assert outcome(rounds, rounds.senders.send_one(replace(record, value=plain(data)))).state == state
    answer = rounds.shop.request("POST", f"/analytics?timestamp={change(moment)}&user={record.marker}&click")
    assert (answer.status < 300) == (state == "stored"), answer.data


@pytest.mark.parametrize("moment", ["2026-11-21T09:30:00z", "2026-11-21t09:30:00Z", "2026-11-21T09:30:00.204+05:30"])
def test_a23_a_moment_of_rfc_3339_is_taken_everywhere(rounds: Rounds, moment: str) -> None:
    record = rounds.record(Draw(Domain.PURCHASES, 1))
    headers = tuple((name, moment.encode() if name == "ce_time" else value) for name, value in record.headers)
    data = {"username": record.marker, "userid": record.marker, "price": "1", "timestamp": moment}
    receipt = rounds.senders.send_one(replace(record, headers=headers, value=plain(data)))
    assert outcome(rounds, receipt).state == "stored"
    assert rounds.shop.request("POST", "/buy", data).status == 200


@pytest.mark.parametrize("moment", ["2026-11-21T09:30:00+05:30:15", "2026-W47-6T09:30:00Z", "yesterday"])
def test_a23_what_is_no_such_moment_is_refused_everywhere(rounds: Rounds, moment: str) -> None:
    record = rounds.record(Draw(Domain.PURCHASES, 1))
    headers = tuple((name, moment.encode() if name == "ce_time" else value) for name, value in record.headers)
    assert outcome(rounds, rounds.senders.send_one(replace(record, headers=headers))).state == "rejected"
    data = {"username": record.marker, "userid": record.marker, "price": "1", "timestamp": moment}
    assert rounds.shop.request("POST", "/buy", data).status == 422
