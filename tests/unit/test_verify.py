"""`shopctl verify`: order by receipts and profiles, the verdict on a run of canaries, and the page that tells it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cm_api.notebook import Command as Expected
from cm_api.notebook import Notebook
from cm_api.pipeline.log_check.progress import line
from shop_core.errors import ConfigError
from shopctl.arguments import build_parser
from shopctl.main import main
from shopctl.proof.checker import Verdict
from shopctl.proof.history import Answer, Command, History, Kind
from shopctl.verify.canaries import USERS, Canaries
from shopctl.verify.order import disordered
from shopctl.verify.outcome import Judged, Outcome, Second, json_of, text_of
from shopctl.verify.page import page_of
from shopctl.verify.verdict import Judgement, outcome_of


def bought(history: History, place: str, at: float, ended: float, receipt: str, status: int = 202) -> None:
    """A purchase of one user."""
    sent = history.add(Command(len(history.sent), Kind.PURCHASE, place, {"userid": "u", "price": "1"}), at)
    sent.answers.append(Answer(at, ended - at, status, receipt))


def test_what_was_sent_after_an_acknowledgement_is_behind_it() -> None:
    history = History()
    bought(history, "a", 1.0, 2.0, "t-0-5")
    bought(history, "b", 1.5, 3.0, "t-0-4")  # on its way together with a: either may be first
    bought(history, "c", 2.5, 3.5, "t-0-6")
    bought(history, "d", 4.0, 5.0, "t-1-0")  # in another partition there is no order
    assert list(disordered(history, {"u": "d"})) == []
    bought(history, "e", 6.0, 7.0, "t-0-3")
    [found] = disordered(history, {"u": "e"})
    assert found == "e is at t-0-3, and c at t-0-6 was acknowledged before it was sent"


def test_the_newest_purchase_of_a_profile_is_one_of_the_last_sent() -> None:
    history = History()
    bought(history, "a", 1.0, 2.0, "t-0-0")
    bought(history, "b", 3.0, 4.0, "t-0-1")
    bought(history, "c", 3.5, 4.5, "t-0-2")
    assert list(disordered(history, {"u": "b"})) == list(disordered(history, {"u": "c"})) == []
    assert ["u shows a as the newest" in found for found in disordered(history, {"u": "a"})] == [True]


def outcome(judgement: Judgement, slow: float = 5.0) -> Outcome:
    return outcome_of(judgement, "http://x", "2026-01-01T00:00:00Z", "run", slow)


def run_of(*statuses: int, took: float = 0.1) -> History:
    history = History()
    for number, status in enumerate(statuses):
        bought(history, f"p{number}", number, number + took, f"t-0-{number}" if status == 202 else "", status)
    return history


@pytest.mark.parametrize(
    ("judgement", "state", "code", "says"),
    [
        (Judgement(run_of(202, 202), Verdict(), 2), "all well", 0, "All is well"),
        (Judgement(run_of(202), Verdict(lost=["p0"])), "faults", 3, "Not all is well: 1 lost."),
        (Judgement(run_of(202), Verdict(), unstored=["t-0-0"]), "faults", 3, "1 slow"),
        (Judgement(run_of(503, 0), Verdict()), "no verdict", 4, "no purchase was acknowledged (503, no answer)"),
        (Judgement(run_of(202), why="http://x does not answer"), "no verdict", 4, "does not answer"),
        (Judgement(run_of(202), why="it was interrupted", interrupted=True), "interrupted", 130, "interrupted"),
    ],
)
def test_each_end_has_its_state_code_and_sentence(judgement: Judgement, state: str, code: int, says: str) -> None:
    found = outcome(judgement)
    assert (found.state, found.code) == (state, code)
    assert says in found.sentence and says in list(text_of(found))[-1]
    said = json.loads(json_of(found))
    assert (said["state"], said["exitCode"], said["facts"]["run"]) == (state, code, "run")


def test_an_attempt_that_took_too_long_is_slow() -> None:
    judgement = Judgement(run_of(202, 503, took=6.0), Verdict())
    [slow] = [each for each in outcome(judgement).judged if each.number]
    assert (slow.name, slow.lines) == ("slow", ["p0: an attempt took 6.0 s (202)", "p1: an attempt took 6.0 s (503)"])
    assert outcome(judgement, slow=7.0).state == "all well"


def test_answers_are_counted_by_the_second_in_which_they_came() -> None:
    assert outcome(Judgement(run_of(202, 503, 202, took=1.0), Verdict())).seconds == [
        Second(0, 0, 0.0), Second(1, 0, 1.0), Second(0, 1, 1.0), Second(1, 0, 1.0),
    ]  # fmt: skip


def test_more_lines_than_are_shown_are_counted() -> None:
    judged = Judged("lost", "", 25, [f"x{number}" for number in range(25)])
    told = list(text_of(Outcome("log", "here", "now", "faults", (), [judged])))
    assert told[-2:] == ["lost: 5 more", "Not all is well: 25 lost."] and len(told) == 22


def test_the_page_needs_nothing_from_elsewhere_and_escapes_what_strangers_wrote() -> None:
    judged = [Judged("lost", "gone", 1, ["<script>alert(1)</script>\x1b[2J"])]
    seconds = [Second(number % 7, number % 3, 0.5) for number in range(1000)]
    page = page_of(Outcome("live", "http://x/&", "now", "faults", [("run", "<b>")], judged, ["a note"], "", seconds))
    assert not re.search(r"<script|<link|<img|src=|@import|url\(", page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[2J" in page and "<b>" not in page.replace("<b>1</b>", "")
    assert "prefers-color-scheme: dark" in page and 'name="viewport"' in page
    assert page.count("<rect") <= 2 * 240 and "a column is 5 s" in page


def test_a_page_without_a_verdict_has_no_figures_that_look_like_one() -> None:
    page = page_of(outcome(Judgement(run_of(202), why="http://x does not answer")))
    assert "No verdict: http://x does not answer" in page and 'class="tiles"' not in page


@pytest.mark.parametrize(
    "words", ["--rate 501", "--rate 0", "--rate nan", "--for 0s", "--for 2h", "--for 10x", "--slow 0"]
)
def test_rate_and_time_are_bounded(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        build_parser().parse_args(["verify", "live", *words.split()])
    assert "give " in capsys.readouterr().err


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1h", 3600), ("2.5", 2.5)])
def test_a_span_has_a_unit_or_is_seconds(text: str, seconds: float) -> None:
    assert build_parser().parse_args(["verify", "live", "--for", text]).seconds == seconds


def test_more_canaries_than_fit_into_memory_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["verify", "live", "--url", "http://localhost:9", "--rate", "500", "--for", "1h"]
    assert main(words) == 1
    assert "over 200,000 purchases" in capsys.readouterr().err


@pytest.mark.parametrize("words", ["live --url http://shop.example", "log nowhere"])
def test_it_goes_to_nobody_by_accident(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        assert main(["verify", *words.split()]) == 1
    except SystemExit as wrong:
        assert wrong.code == 2
    said = capsys.readouterr().err
    assert "add --yes-this-host shop.example" in said or "there is no domain 'nowhere'" in said


def test_canaries_have_names_of_their_own_run() -> None:
    canaries = Canaries("abc")
    made = [canaries.next() for _ in range(2 * USERS)]
    assert len({each.place for each in made}) == 2 * USERS
    assert {each.content["userid"] for each in made} == set(canaries.users)
    assert all(each.place.startswith("abc-") and user.startswith("canary-abc-")
               for each, user in zip(made, canaries.users * 2, strict=True))  # fmt: skip


def test_a_notebook_is_kept_by_what_was_committed(tmp_path: Path) -> None:
    book = Notebook(tmp_path / "a.sqlite")
    book.put("review", "r1", {"text": "x" * 100, "stars": 5}, parent="p1", owner="u", partition=1)
    book.put("review", "r2", {"text": "short"}, parent="p1", owner="u", partition=2)
    book.put("product", "p1", {"name": "lamp"})
    book.expect(Expected("id", "digest", "t-0-0"))
    book.stand({0: 7})
    book.commit()
    book.change("product", "p1", {"name": "cage"})
    book.close()
    book = Notebook(tmp_path / "a.sqlite")
    assert (book.places(), book.thing("product", "p1")) == ({0: 7}, {"name": "lamp"})
    assert book.alike("review", {"stars": 5, "text": "x" * 100}) == "r1" and book.command("id") is not None
    book.forget("u", 1)
    assert (book.thing("review", "r1"), book.thing("review", "r2")) == (None, {"text": "short"})
    book.change("review", "unknown", {"text": "y"})
    assert book.thing("review", "unknown") is None, "of what is older than the log nothing is known"
    book.drop("product", "p1")
    assert list(book.things("review")) == []
    with pytest.raises(ConfigError, match="can't be used"):
        Notebook(tmp_path / "a.sqlite")
    book.close()


def test_a_line_of_progress_tells_how_long_it_goes_on() -> None:
    told = line("reading", 250, 1000, 10.0)
    assert told.startswith("reading [########") and told.endswith("]  25 %  250 of 1,000, 25/s, 30 s left")
    assert line("sums", 0, 0, 0.0).endswith("100 %  0 of 0, 0/s")
