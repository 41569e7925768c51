"""A certificate authority of a test's own, made by openssl and gone with its folder."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")


@dataclass(frozen=True)
class Authority:
    """One certificate authority, and the certificate that it gave the servers of this machine."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir()
        names = self.folder / "names"
        names.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        ca = ("-keyout", self.folder / "ca.key", "-out", self.certificate, "-subj", f"/CN=shop-test-{self.folder.name}")
        openssl("req", "-x509", *KEY, *ca)
        request = self.folder / "server.csr"
        openssl("req", "-new", *KEY[:-2], "-keyout", self.key, "-out", request, "-subj", "/CN=localhost")
        signer = ("-CA", self.certificate, "-CAkey", self.folder / "ca.key", "-CAcreateserial", "-days", "2")
        openssl("x509", "-req", "-in", request, *signer, "-extfile", names, "-out", self.server)
        self.both.write_text(self.key.read_text() + self.server.read_text())

    @property
    def certificate(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def key(self) -> Path:
        return self.folder / "server.key"

    @property
    def server(self) -> Path:
        return self.folder / "server.crt"

    @property
    def both(self) -> Path:
        """Key and certificate in one file, as a broker takes them."""
        return self.folder / "server.pem"


def openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)
