"""The cluster's programs, built from the Go modules in tests/cluster/go.

Each folder there pins its modules by go.mod and go.sum; what it builds is cached under a name that changes with them.
Some modules also hold files that are needed later (manifests, templates): these are copied beside the programs, so
that a warm start needs no Go at all."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from shop_cluster.commands import ClusterError, run, tool
from shop_cluster.places import CACHE, SOURCES
from shop_cluster.progress import Forecast, step

RECIPE = "1"


@dataclass(frozen=True)
class GoModule:
    """One folder of tests/cluster/go: its programs (name → package), and what else is taken from the module."""

    name: str
    programs: dict[str, str]
    # What it took on two cores with every cache empty, those before it done; downloads included.
    minutes: float
    flags: Callable[[Path], str] = lambda _folder: ""
    # name of a copy → (module, path inside it)
    copies: dict[str, tuple[str, str]] = field(default_factory=dict)
    # build tags
    tags: str = ""

    @property
    def source(self) -> Path:
        return SOURCES / "go" / self.name

    @property
    def folder(self) -> Path:
        """Where the built programs are, or will be."""
        recipe: tuple[object, ...] = (RECIPE, self.programs, self.copies, self.flags(self.source))
        # Without tags as before there were any, so that what is built stays.
        recipe += (self.tags,) if self.tags else ()
        digest = hashlib.sha256(repr(recipe).encode())
        for path in sorted(self.source.iterdir()):
            digest.update(path.name.encode() + path.read_bytes())
        return CACHE / "bin" / f"{self.name}-{digest.hexdigest()[:12]}"


def _pinned(source: Path, module: str) -> str:
    found = re.search(rf"\b{re.escape(module)} (v\S+)", (source / "go.mod").read_text())
    if found is None:
        raise ClusterError(f"{source}/go.mod names no version of {module}.")
    return found[1]


def _kubernetes_flags(source: Path) -> str:
    """Without its version a component calls itself v0.0.0, at which kubectl and KEDA stumble."""
    version = _pinned(source, "k8s.io/kubernetes")
    major, minor = version.removeprefix("v").split(".")[:2]
    stamp = "k8s.io/component-base/version"
    return f" -X {stamp}.gitVersion={version} -X {stamp}.gitMajor={major} -X {stamp}.gitMinor={minor}"


def _helm_flags(source: Path) -> str:
    return f" -X helm.sh/helm/v4/internal/version.version={_pinned(source, 'helm.sh/helm/v4')}"


KUBERNETES = GoModule("kubernetes", {"kubernetes": "."}, 4.7, _kubernetes_flags)
HELM = GoModule("helm", {"helm": "helm.sh/helm/v4/cmd/helm"}, 3, _helm_flags)
KUBECONFORM = GoModule("kubeconform", {"kubeconform": "github.com/yannh/kubeconform/cmd/kubeconform"}, 0.2)
COREDNS = GoModule("coredns", {"coredns": "github.com/coredns/coredns"}, 1.6)
KEDA_MODULE = "github.com/kedacore/keda/v2"
KEDA = GoModule(
    "keda",
    {
        "keda": f"{KEDA_MODULE}/cmd/operator",
        "keda-adapter": f"{KEDA_MODULE}/cmd/adapter",
        "keda-admission-webhooks": f"{KEDA_MODULE}/cmd/webhooks",
    },
    6,
    copies={"config": (KEDA_MODULE, "config")},
)
INGRESS_NGINX = GoModule(
    "ingress-nginx",
    {"nginx-ingress-controller": "k8s.io/ingress-nginx/cmd/nginx"},
    1.3,
    copies={"nginx": ("k8s.io/ingress-nginx", "rootfs/etc/nginx")},
)
LOCAL_PATH = GoModule("local-path", {"local-path-provisioner": "github.com/rancher/local-path-provisioner"}, 1.3)
PAUSE = GoModule("pause", {"pause": "."}, 0.1)
GATEWAY_API = GoModule("gateway-api", {}, 0.1, copies={"crd": ("sigs.k8s.io/gateway-api", "config/crd/standard")})
# No part of a cluster, and built when first asked for. Without discoveries, each of which brings the client of a cloud.
PROMETHEUS_MODULE = "github.com/prometheus/prometheus"
PROMETHEUS = GoModule(
    "prometheus",
    {name: f"{PROMETHEUS_MODULE}/cmd/{name}" for name in ("prometheus", "promtool")},
    9,
    tags="remove_all_sd",
)
# By the reference implementation of the Compose Specification: it refuses what an engine refuses.
COMPOSE = GoModule("compose", {"compose": "."}, 0.6)
# Those that the cluster cannot start without come first, so that a broken build shows early.
MODULES = (KUBERNETES, PAUSE, COREDNS, LOCAL_PATH, HELM, KUBECONFORM, GATEWAY_API, INGRESS_NGINX, KEDA)


def program(module: GoModule, name: str) -> Path:
    return module.folder / name


def built(module: GoModule, name: str) -> Path:
    """A program, which is compiled first where it is not there yet."""
    if not module.folder.is_dir():
        _build(module)
    return program(module, name)


def build_all() -> None:
    missing = [module for module in MODULES if not module.folder.is_dir()]
    if not missing:
        return
    forecast = Forecast({module.name: module.minutes for module in missing})
    print(
        f"{len(missing)} of the {len(MODULES)} Go modules that a cluster is made of are not built yet: "
        f"{forecast.whole()} on two cores. They stay in {CACHE}.",
        flush=True,
    )
    for module in missing:
        where = forecast.begin(module.name)
        print(f"Building {module.name} from its Go module ({where})", flush=True)
        with step(f"Built {module.name}"):
            _build(module)


def _build(module: GoModule) -> None:
    # Built beside the final folder and renamed: an interrupted build is never taken for a finished one.
    target = module.folder.with_name(f"{module.folder.name}.{os.getpid()}")
    target.mkdir(parents=True)
    environment = os.environ | {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-buildvcs=false -trimpath"}
    flags = f"-s -w{module.flags(module.source)}"
    go = tool("go")
    try:
        for name, package in module.programs.items():
            words = ("nice", go, "build", "-tags", module.tags, "-ldflags", flags, "-o", target / name, package)
            run(*words, cwd=module.source, env=environment)
        for name, (path, inside) in module.copies.items():
            place = downloaded(path, module.source, environment)
            # Go keeps its module cache read-only; a copy must be removable again.
            shutil.copytree(place / inside, target / name, copy_function=shutil.copyfile)
            run("chmod", "-R", "u+w", target / name)
        target.rename(module.folder)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


def downloaded(module: str, source: Path, environment: dict[str, str]) -> Path:
    """The module's folder in Go's cache; `go list` alone prints an empty one for what was never fetched."""
    go = tool("go")
    run(go, "mod", "download", module, cwd=source, env=environment)
    return Path(run(go, "list", "-m", "-f", "{{.Dir}}", module, cwd=source, env=environment).strip())
