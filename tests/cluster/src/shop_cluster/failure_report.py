"""What a namespace looked like when a test failed: a log of CI has to say it, as the cluster is gone by then."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from shop_cluster.commands import ClusterError

LOOKS = (
    ("get", "shop,shopconsumer,scaledobject,deployments,pods", "-o", "wide"),
    ("get", "events", "--sort-by=.lastTimestamp"),
)
LINES = 40


@runtime_checkable
class Kubectl(Protocol):
    """Anything with a namespace of its own: an installed release, a stage of the operator's tests."""

    def kubectl(self, *words: str) -> str: ...


def state(of: Kubectl) -> str:
    """Resources and the newest Events; never an error, as it comes beside one."""
    return "\n".join(_look(of, words) for words in LOOKS)


def _look(of: Kubectl, words: tuple[str, ...]) -> str:
    try:
        told = of.kubectl(*words).splitlines()
    except ClusterError as error:
        told = [str(error)]
    return "\n".join([f"$ kubectl {' '.join(words)}", *told[-LINES:]])
