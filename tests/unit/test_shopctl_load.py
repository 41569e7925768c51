"""`shopctl load`: when it sends what, what it tells at the end, and that it sends to nobody by accident."""

from __future__ import annotations

import itertools
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from urllib.parse import unquote

import pytest

from cm_server.domains.purchases import BuyRequest
from shop_core.errors import ConfigError
from shop_core.events.reading import decode_json
from shopctl.arguments import build_parser
from shopctl.layout import Layout
from shopctl.load import options, profiles, sender
from shopctl.load.profiles import Request
from shopctl.load.tally import MOST_RECEIPTS, Outcome, Receipts, Tally, percentile, summary
from shopctl.main import main
from shopctl.state import PlatformState, StateDirectory

STEADY = ["load", "--profile", "steady", "--rate", "40", "--for", "1"]
PRODUCTS = [f"p{number}" for number in range(50)]


class Shop(BaseHTTPRequestHandler):
    """A small shop over real HTTP; what is wrong with it is said on the class."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    numbers = itertools.count()
    seen: list[tuple[float, str, str]]
    lines: list[str]
    slow = 0.0
    status = 202
    products: list[str] = PRODUCTS
    state = "stored"

    def do_GET(self) -> None:
        self._note()
        path = unquote(self.path.removeprefix("/shop"))
        if path.startswith("/v1/receipts/"):
            self._answer(200, {"state": type(self).state})
        elif path.startswith("/v1/products?"):
            self._answer(200, {"products": [{"id": id} for id in type(self).products], "next": None})
        else:
            self._answer(200, {})

    def do_POST(self) -> None:
        self._note()
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(type(self).slow)  # as slow a shop as the test wants
        self._answer(type(self).status, {"receipt": f"shop.purchases-0-{next(self.numbers)}", "of": body["userid"]})

    def log_message(self, *_: object) -> None:
        """Tests are silent."""

    def _note(self) -> None:
        self.seen.append((time.monotonic(), self.command, self.path))
        self.lines.append(self.headers.get("Authorization", ""))

    def _answer(self, status: int, said: object) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    request_queue_size = 128  # with its 5, a connection more waits a second


@pytest.fixture
def shop() -> Iterator[tuple[type[Shop], str]]:
    handler = type("ThisShop", (Shop,), {"seen": [], "lines": []})
    with Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield handler, f"http://127.0.0.1:{server.server_port}/shop"
        server.shutdown()


def test_a_steady_load_is_due_at_equal_distances() -> None:
    moments = list(profiles.schedule("steady", 10, 2))
    assert len(moments) == 20
    assert moments == pytest.approx([number / 10 for number in range(20)])
    assert list(profiles.schedule("browse", 10, 2)) == moments
    assert list(profiles.schedule("steady", 0.1, 1)) == [0]


def test_a_black_friday_rises_to_its_peak_and_falls_again() -> None:
    moments = list(profiles.schedule("black-friday", 100, 10))
    a_second = Counter(int(moment) for moment in moments)
    assert max(moments) < 10
    assert a_second[0] < a_second[1] < a_second[2] < a_second[3] < a_second[4]
    assert a_second[9] < a_second[8] < a_second[7] < a_second[6] < a_second[5]
    assert a_second[4] == pytest.approx(100, abs=2) and a_second[0] == pytest.approx(21, abs=2)
    assert profiles.rate_at("black-friday", 100, 10, 5) == 100
    assert profiles.rate_at("black-friday", 100, 10, 0) == profiles.rate_at("black-friday", 100, 10, 10) == 10


def drawn(profile: str, products: list[str]) -> list[Request]:
    return list(islice(profiles.requests(profile, products, random.Random(1)), 2000))


def test_browsing_is_mostly_reading() -> None:
    requests = drawn("browse", PRODUCTS)
    bought = [request for request in requests if request.body is not None]
    reviews = [request for request in requests if request.path.endswith("/reviews")]
    assert len(bought) == pytest.approx(200, abs=60) and len(reviews) == pytest.approx(300, abs=60)
    assert sum(request.path.startswith("/v1/products?") for request in requests) == pytest.approx(800, abs=100)
    assert profiles.needs_products("browse") and not profiles.needs_products("steady")


def test_a_black_friday_is_about_few_products() -> None:
    requests = drawn("black-friday", PRODUCTS)
    bought = Counter(json.loads(request.body)["productid"] for request in requests if request.body is not None)
    assert bought.total() == pytest.approx(1600, abs=100)
    assert sum(count for _, count in bought.most_common(profiles.FEW)) > 0.85 * bought.total()


def test_steady_purchases_need_no_catalog_and_are_right_by_the_shops_rules() -> None:
    requests = drawn("steady", [])
    for request in requests:
        assert request.body is not None and request.path == "/v1/purchases"
        decode_json(request.body, BuyRequest)
    assert len({json.loads(request.body or b"")["userid"] for request in requests}) > 500


def test_a_products_id_is_one_segment_of_a_path() -> None:
    paths = {request.path for request in drawn("browse", ["a/b ?"]) if request.body is None}
    assert paths == {"/v1/products?limit=20", "/v1/products/a%2Fb%20%3F", "/v1/products/a%2Fb%20%3F/reviews"}


def test_percentiles_are_by_the_nearest_rank() -> None:
    hundred = [float(number) for number in range(1, 101)]
    assert [percentile(hundred, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert percentile([7.0], 0.5) == percentile([7.0], 1.0) == 7


def tally_of(*outcomes: Outcome) -> Tally:
    tally = Tally(random.Random(1))
    for outcome in outcomes:
        tally.add_due()
        tally.add(outcome)
    return tally


def test_the_summary_tells_statuses_latency_and_what_became_of_receipts() -> None:
    tally = tally_of(
        *(Outcome(202, number / 1000, 0, f"r{number}") for number in range(1, 99)),
        Outcome(503, 0.5, 0.2),
        Outcome(None, 10, 0),
    )
    tally.add_due()
    tally.add_unsent()
    assert tally.errors == 3
    assert summary(tally, 10, Receipts({"stored": 90, "accepted": 6, "rejected": 2}, 98, 3.04)) == [
        "sent      100 of 101 in 10.0 s (10.0/s)",
        "statuses  202: 98  503: 1  no answer: 1",
        "latency   p50 50.0  p95 95.0  p99 500.0  max 500.0 ms, from the moment that each request was due",
        "late      1 began over 100 ms late, 1 were given up: all connections were busy",
        "receipts  stored 90  rejected 2  still accepted 6  (of all 98, after 3.0 s)",
    ]


def test_the_summary_of_nothing_is_short() -> None:
    assert summary(tally_of(), 0, None) == ["sent      0 of 0 in 0.0 s (0.0/s)", "statuses  none"]


def test_of_many_receipts_a_fair_sample_is_kept() -> None:
    many = 20 * MOST_RECEIPTS
    tally = tally_of(*(Outcome(202, 0.001, 0, str(number)) for number in range(many)))
    assert (len(tally.receipts), tally.receipts_given) == (MOST_RECEIPTS, many)
    late = sum(int(receipt) >= many // 2 for receipt in tally.receipts)
    assert late == pytest.approx(MOST_RECEIPTS / 2, rel=0.2)
    assert "drawn from 20,000" in summary(tally, 1, Receipts({"stored": MOST_RECEIPTS}, many, 1))[-1]


def test_a_line_a_second_tells_rate_in_flight_and_errors() -> None:
    tally = tally_of(*(Outcome(202, 0.1, 0) for _ in range(7)), Outcome(429, 0.1, 0))
    tally.add_due()
    assert tally.live(3, 2).split() == ["3", "s", "6/s", "answered", "1", "in", "flight", "1", "errors"]


def test_it_sends_on_time_though_answers_are_slow(
    shop: tuple[type[Shop], str], capsys: pytest.CaptureFixture[str]
) -> None:
    handler, url = shop
    handler.slow = 0.3
    assert main([*STEADY, "--url", url]) == 0
    began = [at for at, method, _ in handler.seen if method == "POST"]
    assert len(began) == 40
    assert began[-1] - began[0] < 3, "one after the other would take 12 s"
    told = capsys.readouterr()
    assert "sent      40 of 40" in told.out and "statuses  202: 40" in told.out
    assert "receipts  stored 40  rejected 0  still accepted 0  (of all 40" in told.out
    assert "1 s " in told.err and "in flight" in told.err


@pytest.mark.parametrize(
    ("status", "state", "shown"),
    [
        (503, "stored", "statuses  503: 40"),
        (202, "rejected", "stored 0  rejected 40"),
        (202, "accepted", "still accepted 40"),
        (307, "stored", "statuses  307: 40"),
    ],
)
def test_what_went_wrong_is_shown_and_exit_code_3(
    shop: tuple[type[Shop], str], capsys: pytest.CaptureFixture[str], status: int, state: str, shown: str
) -> None:
    handler, url = shop
    handler.status, handler.state = status, state
    assert main([*STEADY, "--settle", "0.3", "--url", url]) == 3
    assert shown in capsys.readouterr().out


def test_browsing_reads_and_sends_its_key(shop: tuple[type[Shop], str], tmp_path: Path) -> None:
    handler, url = shop
    (tmp_path / "key").write_text("secret\n")
    words = ["load", "--profile", "browse", "--rate", "60", "--for", "1", "--url", url]
    assert main([*words, "--key-file", str(tmp_path / "key")]) == 0
    assert sum(method == "GET" for _, method, _ in handler.seen) > 30
    assert set(handler.lines) == {"Bearer secret"}


def test_a_catalog_without_products_is_told(shop: tuple[type[Shop], str], capsys: pytest.CaptureFixture[str]) -> None:
    handler, url = shop
    handler.products = []
    assert main(["load", "--profile", "browse", "--rate", "60", "--for", "1", "--url", url]) == 1
    assert "`shopctl seed` fills it" in capsys.readouterr().err
    assert len(handler.seen) == 1
    assert main([*STEADY, "--url", url]) == 0


def test_an_address_where_nobody_listens_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*STEADY, "--url", "http://127.0.0.1:1/shop"]) == 1
    assert "does not answer" in capsys.readouterr().err


def heed_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_ends_it_with_a_summary(shop: tuple[type[Shop], str]) -> None:
    _, url = shop
    command = [sys.executable, "-m", "shopctl.main", *STEADY[:-1], "60", "--url", url]
    # A test run in the background ignores Ctrl-C, and what it starts would too.
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed_ctrl_c
    ) as loading:
        assert loading.stderr is not None
        while "answered" not in loading.stderr.readline():
            assert loading.poll() is None
        loading.send_signal(signal.SIGINT)
        out, _ = loading.communicate(timeout=30)
    assert loading.returncode == 130
    assert out.startswith("sent ") and "202: " in out and "receipts" not in out


def test_what_waits_too_long_for_a_connection_is_given_up(
    shop: tuple[type[Shop], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    handler, url = shop
    handler.slow = 0.2
    monkeypatch.setattr(sender, "GIVEN_UP_AFTER", 0.1)
    tally = Tally(random.Random(1))
    with sender.Sender(url, {}, 1, tally) as one_thread:
        one_thread.drive((0.0, Request("/v1/purchases", b'{"userid":"a"}')) for _ in range(5))
    assert (tally.due, tally.sent, tally.unsent) == (5, 1, 4)


@pytest.mark.parametrize(
    "words",
    [["--rate", "2001"], ["--rate", "0"], ["--rate", "nan"], ["--for", "601"], ["--for", "x"], ["--settle", "61"]],
)
def test_rate_and_time_are_bounded(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*STEADY, *words])
    assert "give " in capsys.readouterr().err
    assert sender.threads_for(1) == 16 and sender.threads_for(2000) == 200


def base_of(*words: str) -> str:
    return options.base_of(build_parser().parse_args([*STEADY, *words]))


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "127.9.9.9:1", "[::1]:8080"])
def test_this_machine_needs_no_more_than_its_address(host: str) -> None:
    assert base_of("--url", f"http://{host}/shop/") == f"http://{host}/shop"


@pytest.mark.parametrize("host", ["shop.example", "10.0.0.1", "localhost.example", "0.0.0.0"])
def test_another_machine_must_be_named_twice(host: str) -> None:
    url = f"https://{host}:8443/shop"
    for words in ([], ["--yes-this-host", "localhost"]):
        with pytest.raises(ConfigError, match=f"add --yes-this-host {host} "):
            base_of("--url", url, *words)
    assert base_of("--url", url, "--yes-this-host", host) == url


@pytest.mark.parametrize(
    "url",
    ["localhost:8080", "ftp://localhost/", "http://", "http://a:b@localhost/", "http://localhost:x/", "http://[/"],
)
def test_what_is_no_address_is_told(url: str) -> None:
    with pytest.raises(ConfigError, match="give http:// or https://"):
        base_of("--url", url)


def test_without_an_address_it_is_the_platform_that_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No platform runs"):
        base_of("--state-dir", str(tmp_path))
    with pytest.raises(ConfigError, match="goes with --url"):
        base_of("--yes-this-host", "localhost", "--state-dir", str(tmp_path))
    directory = StateDirectory(Layout(tmp_path))
    directory.acquire()
    try:
        directory.write(PlatformState(1, True, "http://127.0.0.1:9000/shop", "127.0.0.1:9092"))
        assert base_of("--state-dir", str(tmp_path)) == "http://127.0.0.1:9000/shop"
    finally:
        directory.release()


def test_a_key_that_is_none_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "two").write_text("one\ntwo\n")
    for name, what in (("two", "must hold one API key"), ("none", "cannot be read")):
        assert main([*STEADY, "--url", "http://localhost:1", "--key-file", str(tmp_path / name)]) == 1
        assert what in capsys.readouterr().err
