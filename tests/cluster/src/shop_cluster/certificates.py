"""The cluster's certificates and kubeconfigs: one authority, made anew at each start and gone with the cluster."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from shop_cluster.commands import run
from shop_cluster.places import API_ADDRESS, NODE, Place

DAYS = "30"
EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Subject:
    """One certificate: its file's name, who it says it is, and the names it serves under."""

    file: str
    subject: str
    names: str = ""


def _subjects(place: Place) -> tuple[Subject, ...]:
    service = ",".join(
        f"DNS:kubernetes{tail}" for tail in ("", ".default", ".default.svc", ".default.svc.cluster.local")
    )
    addresses = f"IP:127.0.0.1,IP:{place.address},IP:{API_ADDRESS}"
    return (
        Subject("apiserver", "/CN=kube-apiserver", f"DNS:localhost,{service},{addresses}"),
        Subject("apiserver-kubelet", "/O=system:masters/CN=apiserver-kubelet"),
        Subject("front-proxy", "/CN=front-proxy-client"),
        Subject("admin", "/O=system:masters/CN=admin"),
        Subject("controller-manager", "/CN=system:kube-controller-manager"),
        Subject("scheduler", "/CN=system:kube-scheduler"),
        Subject("kubelet", f"/O=system:nodes/CN=system:node:{NODE}", f"DNS:{NODE},IP:{place.address}"),
        Subject("kube-proxy", "/CN=system:kube-proxy"),
    )


def make_certificates(place: Place) -> None:
    pki = place.pki
    pki.mkdir(parents=True)
    pki.chmod(0o700)
    make_authority(pki)
    for subject in _subjects(place):
        sign(pki, subject)
        _write_kubeconfig(place, subject.file, pki / f"{subject.file}.kubeconfig")
    run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-out", pki / "sa.key")
    run("openssl", "pkey", "-in", pki / "sa.key", "-pubout", "-out", pki / "sa.pub")


def make_authority(pki: Path) -> None:
    authority = ("-keyout", pki / "ca.key", "-out", pki / "ca.crt", "-days", DAYS, "-subj", "/CN=shop-cluster")
    run("openssl", "req", "-x509", *EC, *authority)


def sign(pki: Path, subject: Subject) -> None:
    """A new key and certificate in the folder, by the authority there."""
    request, extensions = pki / "request.pem", pki / "extensions"
    names = f"subjectAltName={subject.names}\n" if subject.names else ""
    extensions.write_text(f"extendedKeyUsage=clientAuth,serverAuth\n{names}")
    key, certificate = pki / f"{subject.file}.key", pki / f"{subject.file}.crt"
    run("openssl", "req", "-new", *EC, "-keyout", key, "-out", request, "-subj", subject.subject)
    signer = ("-CA", pki / "ca.crt", "-CAkey", pki / "ca.key", "-CAcreateserial", "-days", DAYS)
    run("openssl", "x509", "-req", "-in", request, *signer, "-extfile", extensions, "-out", certificate)


def _write_kubeconfig(place: Place, user: str, target: Path) -> None:
    """With everything inside, so that the file works wherever it is copied. JSON is YAML, too."""

    def data(name: str) -> str:
        return base64.b64encode((place.pki / name).read_bytes()).decode()

    login = {"client-certificate-data": data(f"{user}.crt"), "client-key-data": data(f"{user}.key")}
    cluster = {"server": place.api, "certificate-authority-data": data("ca.crt")}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": place.name, "cluster": cluster}],
        "users": [{"name": user, "user": login}],
        "contexts": [{"name": place.name, "context": {"cluster": place.name, "user": user}}],
        "current-context": place.name,
    }
    target.write_text(json.dumps(document, indent=2))
    target.chmod(0o600)
