"""Requests to that API server, by the administrator or as anybody else: a process of kubectl for each would be slow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

Manifest = dict[str, Any]
MANAGER = "test"


@dataclass(frozen=True)
class Answer:
    """What the API server said."""

    status: int
    body: Manifest

    @property
    def ok(self) -> bool:
        return 200 <= self.status <= 299

    @property
    def message(self) -> str:
        return "" if self.ok else str(self.body.get("message", ""))


class Api:
    """`user` of a request is whom the administrator acts for: rights and admission are that user's."""

    def __init__(self, address: str, pki: Path, kubeconfig: Path) -> None:
        self.address, self.pki, self.kubeconfig = address, pki, kubeconfig
        self._pool = urllib3.PoolManager(
            cert_file=str(pki / "admin.crt"),
            key_file=str(pki / "admin.key"),
            ca_certs=str(pki / "ca.crt"),
            maxsize=8,
            timeout=60,
            retries=False,
        )
        self._plurals: dict[tuple[str, str], str] = {}

    def ready(self) -> bool:
        try:
            return self._pool.request("GET", f"{self.address}/readyz").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def call(self, method: str, path: str, body: Any = None, user: str = "", form: str = "application/json") -> Answer:
        headers = {"Accept": "application/json", "Content-Type": form} | ({"Impersonate-User": user} if user else {})
        sent = None if body is None else json.dumps(body).encode()
        answer = self._pool.request(method, self.address + path, body=sent, headers=headers)
        # What is not served at all is answered in plain text.
        told = "json" in answer.headers.get("Content-Type", "")
        return Answer(answer.status, json.loads(answer.data) if told else {"message": answer.data.decode()})

    def apply(self, manifest: Manifest) -> Manifest:
        """Server-side apply by the administrator; the object as it is then."""
        path = f"{self.path(manifest)}/{manifest['metadata']['name']}?fieldManager={MANAGER}&force=true"
        answer = self.call("PATCH", path, manifest, form="application/apply-patch+yaml")
        assert answer.ok, f"{manifest['kind']} {manifest['metadata']['name']}: {answer.message}"
        return answer.body

    def create(self, manifest: Manifest, user: str = "", *, dry: bool = False) -> Answer:
        return self.call("POST", self.path(manifest) + ("?dryRun=All" if dry else ""), manifest, user)

    def merge(
        self, manifest: Manifest, patch: Manifest, user: str = "", subresource: str = "", *, dry: bool = False
    ) -> Answer:
        """A merge patch of an object, or of its status."""
        path = f"{self.path(manifest)}/{manifest['metadata']['name']}" + (f"/{subresource}" if subresource else "")
        path += "?dryRun=All" if dry else ""
        return self.call("PATCH", path, patch, user, "application/merge-patch+json")

    def delete(self, manifest: Manifest, user: str = "") -> Answer:
        return self.call("DELETE", f"{self.path(manifest)}/{manifest['metadata']['name']}", None, user)

    def get(self, version: str, kind: str, namespace: str, name: str) -> Manifest | None:
        place = {"apiVersion": version, "kind": kind, "metadata": {"namespace": namespace}}
        answer = self.call("GET", f"{self.path(place)}/{name}")
        return answer.body if answer.ok else None

    def list(self, version: str, kind: str, namespace: str) -> list[Manifest]:
        place = {"apiVersion": version, "kind": kind, "metadata": {"namespace": namespace}}
        found: list[Manifest] = self.call("GET", self.path(place)).body.get("items", [])
        return found

    def path(self, manifest: Mapping[str, Any]) -> str:
        """Where objects of this kind are, in their namespace."""
        version, namespace = manifest["apiVersion"], manifest["metadata"].get("namespace")
        root = f"/api/{version}" if version == "v1" else f"/apis/{version}"
        place = f"/namespaces/{namespace}" if namespace else ""
        return f"{root}{place}/{self._plural(root, version, manifest['kind'])}"

    def _plural(self, root: str, version: str, kind: str) -> str:
        if (version, kind) not in self._plurals:
            for entry in self.call("GET", root).body.get("resources", []):
                if "/" not in entry["name"]:
                    self._plurals[version, entry["kind"]] = entry["name"]
        return self._plurals[version, kind]
