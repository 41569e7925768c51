"""An older version of the project beside this one: its sources from Git, its images, its chart.

It is kept in the state folder."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from shop_cluster import cluster
from shop_cluster.commands import ClusterError
from shop_cluster.images import PREFIX
from shop_cluster.places import ROOT, Place


@dataclass(frozen=True)
class OlderVersion:
    place: Place
    commit: str

    @property
    def sources(self) -> Path:
        return self.place.state / "older" / self.commit

    @property
    def repository(self) -> str:
        """Its images may have the version of ours, hence another place."""
        return f"{PREFIX}-{self.commit}"

    @property
    def chart(self) -> Path:
        return self.sources / "charts" / "scalable-shop"

    @property
    def definitions(self) -> Path:
        return self.sources / "charts" / "shop-operator" / "crds"

    def load(self) -> None:
        """Its images into the cluster that runs; the first time they are built."""
        if not self.sources.is_dir():
            self.sources.mkdir(parents=True)
            archive = subprocess.run(("git", "archive", self.commit), cwd=ROOT, capture_output=True, check=False)
            if archive.returncode:
                self.sources.rmdir()
                raise ClusterError(f"commit {self.commit} is needed (git fetch --unshallow): {archive.stderr.decode()}")
            subprocess.run(("tar", "-x"), cwd=self.sources, input=archive.stdout, check=True)
        images = cluster.build_project_images(self.place, self.sources, self.repository)
        cluster.load(self.place, sorted(images.glob("*.tar")))
