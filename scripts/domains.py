"""Writes what follows from the domains, so that a new one is a module of `shop_core.events` and nothing else: the table
of domains, the ACLs, the charts' consumers, and what pages say of topics. `make generate` runs it with the others.

A domain is a module there that says `DOMAIN = Domain(…`. The known ones keep their order, a new one comes last. What is
said of a chart's consumer is tuned by hand: only one that is missing is added."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from shop_core.events.envelope import Domain

ROOT = Path(__file__).resolve().parents[1]
EVENTS = ROOT / "core" / "src" / "shop_core" / "events"
TABLE = EVENTS / "domains.py"
# Whose topic cm-api follows without a group, so that what it has in memory is right to the second.
FOLLOWED = ("campaigns",)
CONSUMER = "-consumer"
DAYS = "the broker's default (7 days)"
FOR_EVER = "for ever (`retention.ms=-1`)"


def domains() -> list[Domain]:
    """Every domain that there is, in the order of the table."""
    there = {path.stem for path in EVENTS.glob("*.py") if re.search(r"^DOMAIN = Domain\(", path.read_text(), re.M)}
    known = re.findall(r"^    (\w+)\.DOMAIN,$", TABLE.read_text(), re.M) if TABLE.exists() else []
    names = [name for name in known if name in there] + sorted(there.difference(known))
    return [import_module(f"shop_core.events.{name}").DOMAIN for name in names]


def table(every: Sequence[Domain], text: str = "") -> str:
    imported = "\n".join(f"    {domain.name}," for domain in sorted(every, key=lambda domain: domain.name))
    listed = "\n".join(f"    {domain.name}.DOMAIN," for domain in every)
    return (
        '"""The domains: the modules here that say DOMAIN. Made by scripts/domains.py (`make generate`)."""\n\n'
        "from __future__ import annotations\n\n"
        f"from shop_core.events import (\n{imported}\n)\nfrom shop_core.events.envelope import Domain\n\n"
        f"EVERY: tuple[Domain, ...] = (\n{listed}\n)\n"
    )


def acls(every: Sequence[Domain], text: str) -> str:
    """Who may do what at the brokers, a line for each right. Principals that follow from no domain stay as they are."""
    before = {
        "cm-server": _named(
            "publishes what callers send; reads nothing", [_topic(each.topic, "WRITE") for each in every]
        ),
        **{f"{each.name}{CONSUMER}": _consumer(each) for each in every},
        "cm-api": _named(
            f"follows the {' and '.join(FOLLOWED)} without a group, so that its live set is right to the second; "
            "asks how far topics reach",
            [_topic(each.topic, "READ") for each in every if each.name in FOLLOWED]
            + [_topic(each.topic, "DESCRIBE") for each in every if each.name not in FOLLOWED],
        ),
        "cm-ops": _named(
            "tells how far the topics reach and who reads them; follows an event; sends dead letters again",
            [
                {"resource": kind, "name": prefix, "pattern": "PREFIXED", "operations": ["DESCRIBE"]}
                for kind, prefix in (("TOPIC", "shop."), ("GROUP", "cm-api-"))
            ]
            + [right for each in every for right in (_topic(each.topic, "READ", "WRITE"), _topic(each.dlq, "READ"))],
        ),
    }
    after = {
        "shopctl": _named(
            "a person's: lag, dead letters (redriven to their topic), seed, rebuild and verify",
            [right for each in every for right in (_topic(each.topic, "READ", "WRITE"), _topic(each.dlq, "READ"))]
            + [_topic(topic, "DESCRIBE") for each in every for topic in each.derived]
            + [{"resource": "GROUP", "name": "cm-api-", "pattern": "PREFIXED", "operations": ["DESCRIBE"]}],
        ),
    }
    written: dict[str, Any] = json.loads(text)["principals"]
    others = {
        user: said
        for user, said in written.items()
        if user not in before and user not in after and not user.endswith(CONSUMER)
    }
    blocks = [_principal(user, said) for user, said in (before | others | after).items()]
    return '{\n  "principals": {\n' + ",\n".join(blocks) + "\n  }\n}\n"


def _named(why: str, may: Sequence[Any]) -> dict[str, Any]:
    return {"why": why, "may": list(may)}


def _consumer(domain: Domain) -> dict[str, Any]:
    why = "reads its topic in its group; writes what it refuses" + (" and what it derives" if domain.derived else "")
    written = [_topic(topic, "WRITE") for topic in (domain.dlq, *domain.derived)]
    group = {"resource": "GROUP", "name": domain.group, "operations": ["READ"]}
    return _named(why, [_topic(domain.topic, "READ"), *written, group])


def _topic(name: str, *operations: str) -> dict[str, Any]:
    return {"resource": "TOPIC", "name": name, "operations": list(operations)}


def _principal(user: str, said: dict[str, Any]) -> str:
    rights = ",\n".join(f"        {json.dumps(right)}" for right in said["may"])
    return f'    "{user}": {{\n      "why": {json.dumps(said["why"])},\n      "may": [\n{rights}\n      ]\n    }}'


def values(every: Sequence[Domain], text: str) -> str:
    """The umbrella's values, with a consumer for each domain that has none."""
    said = yaml.safe_load(text)["shop"]["consumers"]
    missing = "".join(_consumer_values(domain) for domain in every if domain.name not in said)
    # The comment of what comes after the consumers stands two characters in, as they do.
    return re.sub(r"(?ms)^  consumers:\n.*?(?=^  \S)", lambda found: found[0] + missing, text, count=1)


def _consumer_values(domain: Domain) -> str:
    lines = [f"    # {domain.name.capitalize()}.", f"    {domain.name}:"]
    if domain.topic_config:
        lines += ["      # What its topic is made with.", "      topicConfig:"]
        for name, value in domain.topic_config.items():
            lines += [f"        # Kafka's {name}.", f"        {name}: {json.dumps(value)}"]
    if domain.derived:
        lines += ["      # Topics that it writes for other services.", f"      derivedTopics: {_flow(domain.derived)}"]
    return "\n".join(
        [
            *lines,
            "      # Pods without any lag; 0 lets it sleep.",
            "      minReplicas: 1",
            "      # Pods at most; more than partitions never help.",
            "      maxReplicas: 12",
            "      # Lag in events that one pod may have.",
            "      lagThreshold: 100",
            "      # What a pod asks for and may use.",
            "      resources: *consumer\n",
        ]
    )


def _flow(names: Any) -> str:
    return f"[{', '.join(names)}]"


def small_values(every: Sequence[Domain], text: str) -> str:
    """The same of the values for a laptop."""
    said = yaml.safe_load(text)["shop"]["consumers"]
    missing = "".join(f"    {domain.name}: *small\n" for domain in every if domain.name not in said)
    return re.sub(r"(?m)(?:^    \w+: \*small\n)+", lambda found: found[0] + missing, text, count=1)


def names(every: Sequence[Domain], text: str) -> str:
    return between(text, "domains", ", ".join(domain.name for domain in every))


def topics(every: Sequence[Domain], text: str) -> str:
    """The table of topics, a row each."""
    rows = [f"| `{each.topic}` | 12 | {FOR_EVER if each.topic_config else DAYS} |" for each in every]
    rows += [
        f"| `{topic}`, which the consumer of {each.name} writes for others | 12 | {DAYS} |"
        for each in every
        for topic in each.derived
    ]
    dead = f"| `shop.<domain>.dlq` | 1 | {FOR_EVER}, also after a person redrove or discarded a letter |"
    return between(text, "topics", "\n".join(["", "| topic | partitions | kept |", "|---|---|---|", *rows, dead, ""]))


def compose(every: Sequence[Domain], text: str) -> str:
    """A consumer for each domain."""
    made = [
        f"  {domain.name}-consumer:\n    <<: *consumer\n    command: [cm-api-consumer, --domain, {domain.name}]\n"
        for domain in every
    ]
    return between(text, "consumers", "\n" + "\n".join(made) + "  ", "# {}")


def between(text: str, what: str, content: str, comment: str = "<!-- {} -->") -> str:
    """A file's text with `content` between its two markers, which are comments of its language."""
    begin, end = comment.format(f"{what}: made by scripts/domains.py"), comment.format(f"/{what}")
    head, _, rest = text.partition(begin)
    return f"{head}{begin}{content}{end}{rest.partition(end)[2]}"


FILES: dict[Path, Callable[[Sequence[Domain], str], str]] = {
    TABLE: table,
    ROOT / "kafka" / "acls.json": acls,
    ROOT / "charts" / "scalable-shop" / "values.yaml": values,
    ROOT / "charts" / "scalable-shop" / "values-dev.yaml": small_values,
    ROOT / "compose.yaml": compose,
    ROOT / "kafka" / "README.md": topics,
    ROOT / "README.md": names,
}


def filled() -> dict[Path, str]:
    """Every file as it should be."""
    every = domains()
    return {path: make(every, path.read_text() if path.exists() else "") for path, make in FILES.items()}


if __name__ == "__main__":
    for path, text in filled().items():
        path.write_text(text)
        sys.stdout.write(f"{path.relative_to(ROOT)} is fresh\n")
