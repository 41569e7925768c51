"""Both producers against the broker that asks: what they lack is said in one line while readiness says no, and a worker
that finds it in the changed file sells at once."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from shop_security.authority import Authority
from shop_security.secured import BIN, Secured
from shopctl.layout import HOST, PREFIX
from shopctl.supervisor import spawn

if TYPE_CHECKING:
    from tests.security.live.conftest import Shop

LOGIN = "refuses the user cm-server: look at its password"
NO_PASSWORD, NO_AUTHORITY = "KAFKA_SASL_PASSWORD_FILE", "KAFKA_SSL_CA_FILE"
# The client, the file that is wrong, whether there is one, and what is said of it.
CASES = (
    ("python", NO_PASSWORD, True, LOGIN),
    ("python", NO_AUTHORITY, True, "does not answer"),
    ("native", NO_PASSWORD, True, "SASL authentication error: Authentication failed"),
    ("native", NO_AUTHORITY, True, "certificate verify failed"),
    ("native", NO_PASSWORD, False, "KAFKA_SASL_PASSWORD_FILE can't be read"),
    ("native", NO_AUTHORITY, False, "ssl.ca.location failed"),
)


@dataclass
class Till:
    """A cm-server of its own that can't get at the broker yet."""

    name: str
    url: str
    file: Path
    right: str
    log: Path
    process: subprocess.Popen[bytes]
    http: urllib3.PoolManager

    def request(self, method: str, path: str, **options: Any) -> urllib3.BaseHTTPResponse:
        return self.http.request(method, f"{self.url}{path}", retries=False, timeout=5, **options)

    def kafka(self) -> bool | None:
        """What readiness says of the broker; None before anybody answers."""
        try:
            return bool(self.request("GET", "/readyz").json()["dependencies"]["kafka"]["ok"])
        except urllib3.exceptions.HTTPError:
            return None

    def buy(self) -> int:
        body = json.dumps({"username": self.name, "userid": self.name, "price": "1"})
        headers = {"Content-Type": "application/json"}
        return int(self.request("POST", "/v1/purchases", body=body, headers=headers).status)

    def says(self) -> list[str]:
        lines = self.log.read_text().splitlines()
        return [json.loads(line)["error"] for line in lines if '"kafka_unreachable"' in line]


def terminate(tills: list[Till]) -> None:
    for till in tills:
        till.process.terminate()


@pytest.fixture
def tills(
    secured: Secured, any_port: Callable[[], int], make_authority: Callable[[Path], Authority], tmp_path: Path
) -> Iterator[list[Till]]:
    wrong = {NO_PASSWORD: "wrong", NO_AUTHORITY: make_authority(tmp_path / "unknown").certificate.read_text()}
    with ExitStack() as stack:
        http = urllib3.PoolManager()
        stack.callback(http.clear)
        found: list[Till] = []
        for number, (client, file, there, _) in enumerate(CASES):
            path, log, port = tmp_path / f"file-{number}", tmp_path / f"cm-server-{number}.log", any_port()
            if there:
                path.write_text(wrong[file])
            own = {"KAFKA_CLIENT": client, "HTTP_HOST": HOST, "HTTP_PORT": str(port), "HTTP_WORKERS": "1"}
            environ = secured.environ("cm-server", **own)
            right = Path(environ[file]).read_text()
            process = spawn([str(BIN / "cm-server")], environ | {file: str(path)}, log)
            stack.callback(process.wait, 60)
            name, url = f"till-{number}-{client}", f"http://{HOST}:{port}{PREFIX}"
            found.append(Till(name, url, path, right, log, process, http))
        stack.callback(terminate, found)
        yield found


@pytest.mark.security(14)
def test_what_a_producer_lacks_is_said_and_taken_once_it_is_there(
    shop: Shop,
    secured: Secured,
    tills: list[Till],
    until: Callable[..., None],
    replace_file: Callable[[Path, str], None],
) -> None:
    for till, (*_, words) in zip(tills, CASES, strict=True):
        until(till.says, f"{till.name} says why it has no broker")
        assert all(words in said for said in till.says()), till.says()
        assert till.kafka() is False and till.buy() == 503
        assert "Traceback" not in till.log.read_text()

    for till in tills:
        replace_file(till.file, till.right)
    for till in tills:
        until(till.kafka, f"{till.name} has read the file and is ready")
        until(lambda till=till: till.buy() == 202, f"{till.name} sells")
        assert till.process.poll() is None
    with secured.database() as db:
        for till in tills:
            until(lambda name=till.name: db["purchases"].count_documents({"userid": name}), f"{till.name} is stored")
