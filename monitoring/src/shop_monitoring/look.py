"""What the runbooks have in common: where one looks, in the commands and pages that there are."""

from __future__ import annotations

OPS = (
    "The page `/scalable-shop-cm-server/ops` ([how to read it](../watch.md)), or `shopctl status`; in a cluster "
    "`kubectl get shop,shopconsumer`."
)
LETTERS = (
    "`shopctl dlq list`, or the page `/scalable-shop-cm-server/ops/dead-letters`: what is refused, alike ones together."
)
READY = "`GET /readyz` of the service that fails: it names the dependency that does not answer."
OPERATOR = (
    "`kubectl describe shop` and `kubectl describe shopconsumer`: the conditions' messages, and the Events at the end."
)


def log(process: str, *events: str) -> str:
    """Lines of a log, locally and in a cluster."""
    named = ", ".join(f"`{event}`" for event in events)
    where = f"`kubectl logs -l app.kubernetes.io/name={process} --prefix --tail=-1`"
    here = {"consumer": "`shopctl logs purchases-consumer-1`", "shop-operator": ""}.get(
        process, f"`shopctl logs {process}`"
    )
    told = f"{here}, in a cluster {where}" if here else where
    return f"{told}: {named} ([what they say](../../reference/log-events.md))."
