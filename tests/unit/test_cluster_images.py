"""Image archives as containerd reads them, and names that follow from the state folder."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

import pytest

from shop_cluster.archive import Image, Layer, add_bytes, write_archive, write_layer
from shop_cluster.commands import ClusterError, run
from shop_cluster.places import Place


def layer_with(folder: Path, name: str, content: bytes) -> Layer:
    return write_layer(folder, lambda tar: add_bytes(tar, name, content, 0o755))


def test_a_layer_is_named_by_its_digest_and_made_the_same_twice(tmp_path: Path) -> None:
    layer = layer_with(tmp_path, "bin/program", b"x" * 5000)
    assert hashlib.sha256(layer.path.read_bytes()).hexdigest() == layer.digest
    assert layer_with(tmp_path, "bin/program", b"x" * 5000) == layer
    assert [path.name for path in tmp_path.iterdir()] == [layer.path.name]


def test_an_archive_holds_a_shared_layer_once_and_names_each_image(tmp_path: Path) -> None:
    base, program = layer_with(tmp_path, "etc/base", b"base"), layer_with(tmp_path, "program", b"program")
    images = [Image("localhost/a:1", [base, program], ["/program"], "10001"), Image("localhost/b:1", [base])]
    write_archive(tmp_path / "images.tar", images)
    with tarfile.open(tmp_path / "images.tar") as tar:
        names = tar.getnames()
        manifest = json.loads(tar.extractfile("manifest.json").read())  # type: ignore[union-attr]
        config = json.loads(tar.extractfile(manifest[0]["Config"]).read())  # type: ignore[union-attr]
    assert names.count(f"{base.digest}.tar") == 1
    assert [entry["RepoTags"] for entry in manifest] == [["localhost/a:1"], ["localhost/b:1"]]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{base.digest}", f"sha256:{program.digest}"]
    assert (config["config"]["User"], config["config"]["Entrypoint"]) == ("10001", ["/program"])


def test_names_follow_from_the_state_folder_and_fit_the_kernel(tmp_path: Path) -> None:
    one, again, other = Place(tmp_path / "a"), Place(tmp_path / "a"), Place(tmp_path / "b")
    assert (one.name, one.address) == (again.name, again.address)
    assert one.name != other.name
    # The inner end of the pair has one letter more; the kernel takes 15.
    assert len(one.interface) < 15
    last = [int(address.rpartition(".")[2]) for address in (one.host_address, one.address)]
    assert last[1] - last[0] == 1
    assert last[0] % 4 == 1


def test_a_failed_command_says_what_it_said_and_a_missing_one_what_to_do() -> None:
    with pytest.raises(ClusterError, match=r"failed with code 3:\nno disk"):
        run("sh", "-c", "echo no disk >&2; exit 3")
    with pytest.raises(ClusterError, match="no-such-program is missing: install it"):
        run("no-such-program")
