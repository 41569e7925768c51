"""What people touch first: pages in place of missing ones, what a problem's type leads to, files that browsers keep."""

from __future__ import annotations

import gzip
import re
from html import unescape
from urllib.parse import urljoin

import brotli
import pytest
from flask.testing import FlaskClient

from cm_server.context import PREFIX
from shop_core.http.problem_types import PLACE, TYPES
from shop_core.http.problems import ERROR_PAGE, problem
from shop_core.http.worker import bad_requests

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PACKED = {"gzip": gzip.decompress, "br": brotli.decompress}
FILES = re.compile(r'(?:href|src)="([^"]*ui/[^"]+)"')


def text_of(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.text


def files_of(client: FlaskClient, path: str) -> list[str]:
    return [urljoin(path, file) for file in FILES.findall(text_of(client, path))]


@pytest.mark.parametrize(
    ("path", "home", "meant"),
    [
        (f"{PREFIX}/catlog", "./", f'<a href="./catalog">{PREFIX}/catalog</a>'),
        (f"{PREFIX}/catalogue/", "../", f'<a href="../catalog">{PREFIX}/catalog</a>'),
        (f"{PREFIX}/v2/products/3", "../../", f"<code>GET {PREFIX}/v1/products/{{id}}</code>"),
        ("/campaigns", "scalable-shop-cm-server/", f"{PREFIX}/campaigns</a>"),
        (f"{PREFIX}/nothing-alike-at-all/a/b/c/d/e/f/g", "../../../../../../../", None),
    ],
)
def test_a_browser_gets_a_page_with_ways_to_go_on(client: FlaskClient, path: str, home: str, meant: str | None) -> None:
    answer = client.get(path, headers=BROWSER)
    assert (answer.status_code, answer.content_type) == (404, "text/html; charset=utf-8")
    assert f'<a href="{home}catalog">' in answer.text and "Accept" in answer.headers["Vary"]
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert meant in unescape(answer.text) if meant else "Perhaps" not in answer.text and "nearest" not in answer.text


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "text/html;q=0.5, application/json"])
def test_a_client_gets_a_problem_as_before(client: FlaskClient, accept: str | None) -> None:
    answer = client.get(f"{PREFIX}/catlog", headers={"Accept": accept} if accept else {})
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
    assert client.post(f"{PREFIX}/catlog", headers=BROWSER).content_type == "application/problem+json"


def test_what_was_asked_for_is_no_markup(client: FlaskClient) -> None:
    assert "<b>" not in client.get(f"{PREFIX}/<b>catalog</b>", headers=BROWSER).text


def test_no_route_that_is_meant_is_a_file_of_the_pages(client: FlaskClient) -> None:
    assert "{name}" not in client.get("/x/y").get_json()["detail"]


@pytest.mark.parametrize("status", sorted(TYPES))
def test_the_type_of_a_problem_leads_to_a_page_that_explains_it(client: FlaskClient, status: int) -> None:
    with client.application.test_request_context():
        said = problem(status, "It failed.").get_json()
    assert said["type"] == PLACE + TYPES[status].name
    page = unescape(text_of(client, said["type"]))
    for sentence in (TYPES[status].when, TYPES[status].remedy):
        assert re.sub(r"`(.*?)`", r"<code>\1</code>", sentence)[1:] in page
    assert TYPES[status].name in text_of(client, f"{PREFIX}/problems")


def test_what_the_parser_refuses_has_a_type_and_ends_its_line() -> None:
    answer = bad_requests.answer(bad_requests.Refused(431, "too long"))
    assert PLACE.encode() + b"request-header-fields-too-large" in answer and answer.endswith(b"}\n")


def test_an_unknown_kind_of_problem_is_missing(client: FlaskClient) -> None:
    assert client.get(f"{PREFIX}/problems/nothing").status_code == 404


@pytest.mark.parametrize("page", ["/", "/catalog", "/campaigns", "/ops/dead-letters", "/ops/trace", "/problems"])
def test_files_are_kept_for_good_below_a_folder_of_their_content(client: FlaskClient, page: str) -> None:
    files = files_of(client, PREFIX + page)
    folders = {file.rpartition("/")[0] for file in files}
    assert len(folders) == 1 and re.search("/ui/[0-9a-f]{12}$", folders.pop())
    for file in files:
        answer = client.get(file)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
        again = client.get(file, headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("folder", ["", "0123456789ab/"])
def test_a_file_below_another_folder_is_there_and_not_kept(client: FlaskClient, folder: str) -> None:
    answer = client.get(f"{PREFIX}/ui/{folder}app.css")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")


@pytest.mark.parametrize("page", ["/", "/catalog", "/campaigns", "/ops/dead-letters", "/ops/trace"])
def test_a_page_asks_for_all_of_its_modules_at_once(client: FlaskClient, page: str) -> None:
    asked = {file for file in files_of(client, PREFIX + page) if file.endswith(".js")}
    assert len(asked) > 4
    for file in asked:
        needed = re.findall(r'from "\./([\w.-]+)"', text_of(client, file))
        assert {f"{file.rpartition('/')[0]}/{name}" for name in needed} <= asked


@pytest.mark.parametrize("coding", PACKED)
@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/asyncapi.json", "/ui/app.css", "/ui/icon.svg"])
def test_texts_are_packed_and_revalidated_in_each_form(client: FlaskClient, path: str, coding: str) -> None:
    plain, packed = client.get(PREFIX + path), client.get(PREFIX + path, headers={"Accept-Encoding": coding})
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert packed.headers["ETag"] == plain.headers["ETag"] and packed.headers["ETag"].startswith("W/")
    if len(plain.data) < 1024:
        assert "Content-Encoding" not in packed.headers
    else:
        assert packed.headers["Content-Encoding"] == coding and len(packed.data) < len(plain.data) / 2
        assert PACKED[coding](packed.data) == plain.data
    again = client.get(PREFIX + path, headers={"If-None-Match": packed.headers["ETag"], "Accept-Encoding": coding})
    assert (again.status_code, again.data, again.headers["Vary"]) == (304, b"", "Accept-Encoding")
    refused = client.get(PREFIX + path, headers={"Accept-Encoding": "identity;q=0"})
    assert (refused.status_code, refused.headers["Vary"]) == (406, "Accept-Encoding")


def test_a_service_without_pages_answers_browsers_as_clients(client: FlaskClient) -> None:
    del client.application.extensions[ERROR_PAGE]
    assert client.get("/nowhere", headers=BROWSER).content_type == "application/problem+json"
