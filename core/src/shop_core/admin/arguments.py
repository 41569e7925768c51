"""The arguments of the administrator's commands, apart from these: to explain itself a command line needs no client."""

from __future__ import annotations

import argparse
from pathlib import Path


def count(text: str) -> int:
    """A whole number from 1 on."""
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, not {text}")
    return int(text)


def kafka_acls(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--file", type=Path, required=True, metavar="FILE", help="the table, such as kafka/acls.json")
    parser.add_argument(
        "--passwords", type=Path, metavar="DIR", help="set the password of each principal that has a file of its name"
    )
    parser.add_argument("--prune", action="store_true", help="also remove what the principals may beyond the table")
    parser.add_argument("--dry-run", action="store_true", help="change nothing; exit code 3 where something differs")
    parser.add_argument("--wait", type=float, default=0, metavar="SECONDS", help="how long brokers may need to answer")


def kafka_topics(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--partitions", type=count, default=12, metavar="N", help="of a domain's topic that is made (12)"
    )
    parser.add_argument(
        "--replication",
        type=count,
        default=-1,
        metavar="N",
        help="copies of what is made; without it as the brokers say",
    )
    parser.add_argument("--wait", type=float, default=0, metavar="SECONDS", help="how long brokers may need to answer")


def mongo_users(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--file", type=Path, required=True, metavar="FILE", help="the table, such as mongodb/users.json"
    )
    parser.add_argument(
        "--passwords", type=Path, required=True, metavar="DIR", help="a folder with a file for each user's password"
    )
    parser.add_argument("--wait", type=float, default=0, metavar="SECONDS", help="how long MongoDB may need to answer")
