"""The whole command line, without what its commands need: help, version and mistakes are answered at once.

Each command names what runs it as `module:function`, imported when it is called. Nothing here may import a client.
"""

from __future__ import annotations

import argparse
import difflib
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

from shop_core.admin import arguments as server_arguments
from shop_core.auth import SCOPES
from shop_core.events import DOMAINS
from shopctl.load.options import add_load
from shopctl.options import add_arguments, add_state_dir
from shopctl.scale import options as scale_options
from shopctl.verify.options import add_live, add_log

EXIT_CODES = (
    "exit codes: 0 done; 1 not done, a sentence on stderr says why; 2 the command line is wrong; "
    "3 done, and something is not as it should be (not running, differs, rejected again); 130 interrupted"
)


class Parser(argparse.ArgumentParser):
    """One that says what a mistyped word may have meant. Its subparsers are of the same class."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **more})

    def error(self, message: str) -> NoReturn:
        wrong = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        if wrong and (near := difflib.get_close_matches(wrong[1], re.findall(r"'([^']*)'", wrong[2]), 1)):
            message += f"; did you mean {near[0]!r}?"
        super().error(message)


def build_parser() -> argparse.ArgumentParser:
    """The parser of every command; the parsed arguments' `run` says what to call."""
    parser = Parser(
        prog="shopctl",
        description="Starts, stops and looks into a scalable-shop platform.",
        epilog=EXIT_CODES,
    )
    parser.add_argument("--version", action="version", version=f"shopctl {version('shopctl')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (_platform, _logs, _dlq, _trace, _skip, _read_models, _seed, _load, _scale, _keys, _servers):
        add(commands)
    return parser


def _command(commands: Any, name: str, about: str, run: str, **more: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about, **more)
    parser.set_defaults(run=run)
    return parser


def _platform(commands: Any) -> None:
    add_arguments(_command(commands, "up", "start the platform and watch over it", "shopctl.up:run"))
    add_state_dir(_command(commands, "down", "stop a running platform", "shopctl.down:run"))
    status = _command(commands, "status", "show processes and lag", "shopctl.status:run")
    add_state_dir(status)
    how = status.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="as JSON")
    how.add_argument("--watch", action="store_true", help="again every two seconds, until Ctrl-C")


def _logs(commands: Any) -> None:
    logs = _command(commands, "logs", "show the log of a process", "shopctl.logs:run")
    logs.add_argument("name", metavar="NAME", help="the process, as `shopctl status` has it, e.g. cm-server")
    logs.add_argument("-f", "--follow", action="store_true", help="go on with each new line, until Ctrl-C")
    logs.add_argument("-n", "--lines", type=int, default=50, metavar="N", help="the last N lines (default: 50)")
    add_state_dir(logs)


def _dlq(commands: Any) -> None:
    actions = _actions(commands, "dlq", "dead letters: list, show, redrive, discard")
    for name, about, run in (
        ("list", "the letters that nobody has dealt with", "list_letters"),
        ("show", "one letter, whole", "show"),
        ("redrive", "send letters to their topic again, under the same event id", "redrive"),
        ("discard", "put letters aside for good", "discard"),
    ):
        action = _command(actions, name, about, f"shopctl.dlq:{run}")
        action.add_argument("--domain", choices=sorted(DOMAINS), help="one domain only (default: all)")
        add_state_dir(action)
        if name == "list":
            action.add_argument("--json", action="store_true", help="one JSON object a line")
            action.add_argument("--all", action="store_true", help="also those already dealt with")
        else:
            many = None if name == "show" else "?"
            action.add_argument("receipt", nargs=many, help="the source: topic-partition-offset")
        if name in ("redrive", "discard"):
            action.add_argument("--all", action="store_true", help="every letter that nobody has dealt with")
            action.add_argument("--yes", action="store_true", help="don't ask before --all")
            action.add_argument("--dry-run", action="store_true", help="say what would be done, change nothing")
        if name == "show":
            action.add_argument("--value", action="store_true", help="nothing but the bytes of its value, for a file")
        if name == "redrive":
            action.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="mend a field first")
            action.add_argument("--value", type=Path, metavar="FILE", help="the whole value, mended by hand")


def _trace(commands: Any) -> None:
    about = "the way of one event: when it came, where it is in the log, what became of it"
    trace = _command(commands, "trace", about, "shopctl.trace:run")
    trace.add_argument("receipt", nargs="?", metavar="RECEIPT", help="topic-partition-offset")
    trace.add_argument("--id", metavar="ID", help="what it is known by; the newest events are looked through")
    trace.add_argument("--request-id", metavar="ID", help="the X-Request-Id it came by, or its trace's id; likewise")
    trace.add_argument("--json", action="store_true", help="as JSON")
    add_state_dir(trace)


def _skip(commands: Any) -> None:
    about = "go past a batch that can't be read; without RECEIPT, list the partitions that stand still"
    skip = _command(commands, "skip", about, "shopctl.skip:run")
    skip.add_argument("receipt", nargs="?", metavar="RECEIPT", help="topic-partition-offset, as the list has it")
    skip.add_argument("--to", type=int, metavar="OFFSET", help="read on from here (default: behind the batch)")
    skip.add_argument("--yes", action="store_true", help="do not ask")
    add_state_dir(skip)


def _read_models(commands: Any) -> None:
    verify = _actions(commands, "verify", "prove that nothing is lost, doubled or wrong")
    about = "hold each domain's log against its read models, and take every sum once more; changes nothing"
    add_log(_command(verify, "log", about, "shopctl.verify.log:run"))
    about = "send purchases of canaries through the public door while you break things, and judge by the public answers"
    add_live(_command(verify, "live", about, "shopctl.verify.live:run"))
    about = "recount each product's ratings from the stored reviews, and compare"
    add_state_dir(_command(verify, "ratings", about, "shopctl.readmodels:verify_ratings"))
    about = "make read models anew from their topic, compare, and swap them in"
    rebuild = _command(commands, "rebuild", about, "shopctl.readmodels:rebuild")
    kept = "one that is kept in generations; any other is refused with their names"
    rebuild.add_argument("domain", metavar="DOMAIN", help=kept)
    rebuild.add_argument("--check", action="store_true", help="compare only, change nothing")
    rebuild.add_argument("--repair", action="store_true", help="swap even where the rebuilt ones differ")
    add_state_dir(rebuild)


def _seed(commands: Any) -> None:
    seed = _command(commands, "seed", "fill the catalog with believable products and reviews", "shopctl.seed:run")
    seed.add_argument("--products", type=int, default=1000, metavar="N", help="how many products (default: 1000)")
    seed.add_argument("--reviews", type=int, default=50_000, metavar="N", help="how many reviews (default: 50000)")
    seed.add_argument("--seed", type=int, default=1, metavar="N", help="another number, another catalog (default: 1)")
    add_state_dir(seed)


def _load(commands: Any) -> None:
    about = "send requests as users do, at a fixed rate, and tell how they were answered"
    add_load(_command(commands, "load", about, "shopctl.load.command:run"))


def _scale(commands: Any) -> None:
    actions = _actions(commands, "scale", "the pods of a consumer in a cluster: why, pin, unpin, record, simulate")
    for name, about, run in (
        ("why", "which rule decides on the number of pods, and by what", "command:why"),
        ("pin", "hold a number of pods, whatever the lag", "command:pin"),
        ("unpin", "let the lag decide again", "command:unpin"),
        ("record", "write what comes in and what is stored, as CSV, for simulate", "command:record"),
        (
            "simulate",
            "replay a history against other settings: pods and delay, as numbers and as an SVG",
            "simulate:run",
        ),
    ):
        action = _command(actions, name, about, f"shopctl.scale.{run}")
        if name == "simulate":
            scale_options.add_simulate(action)
        elif name == "record":
            scale_options.add_record(action)
        else:
            scale_options.add_consumer(action)
        if name == "pin":
            action.add_argument("replicas", type=scale_options.replicas, metavar="N", help="how many")


def _keys(commands: Any) -> None:
    actions = _actions(commands, "keys", "API keys: create, list, revoke")
    for name, about, run in (
        ("create", "make a key and show it once", "create"),
        ("list", "the keys of the file", "list_keys"),
        ("revoke", "let a key hold no more", "revoke"),
    ):
        action = _command(actions, name, about, f"shopctl.keys:{run}")
        action.add_argument("--file", type=Path, metavar="FILE", help="the file of keys (default: AUTH_API_KEYS_FILE)")
        if name == "create":
            action.add_argument("--name", required=True, help="what the key is for")
            scopes = f"may be repeated: {', '.join(SCOPES)}"
            action.add_argument("--scope", action="append", default=[], metavar="SCOPE", help=scopes)
            action.add_argument("--userid", help="bind the key to one user; without it, it is a service's")
            action.add_argument("--expires", metavar="SPAN", help="after so many days or hours, such as 90d or 12h")
        if name in ("create", "list"):
            action.add_argument("--json", action="store_true", help="as JSON")
        if name == "revoke":
            action.add_argument("id", help="the key's id, as `list` shows it")


def _servers(commands: Any) -> None:
    kafka = _actions(commands, "kafka", "bring brokers to what is wanted: users and ACLs of a table, topics")
    about = "bring to a table's state: users and ACLs of the brokers, as their super user"
    server_arguments.kafka_acls(_command(kafka, "acls", about, "shop_core.admin.kafka_acls:run"))
    about = "each domain's topics, made where missing, as whoever may create them"
    server_arguments.kafka_topics(_command(kafka, "topics", about, "shop_core.admin.kafka_topics:run"))
    about = "bring to a table's state: users and roles of the database, as a user administrator"
    mongodb = _actions(commands, "mongodb", about)
    server_arguments.mongo_users(_command(mongodb, "users", about, "shop_core.admin.mongo_users:run"))


def _actions(commands: Any, name: str, about: str) -> Any:
    return commands.add_parser(name, help=about).add_subparsers(dest="action", required=True, metavar="ACTION")
