"""The command line, `python -m shop_cluster up|prepare|down|status|load|base`; the Makefile calls it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from shop_cluster import addons, box, cluster
from shop_cluster.commands import ClusterError
from shop_cluster.images import base_archives
from shop_cluster.places import place_of


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="shop_cluster", description="A real one-node Kubernetes on this machine.")
    parser.add_argument("--state-dir", type=Path, help="the cluster's folder (default: .cluster in the clone)")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start a cluster, building what the cache lacks")
    up.add_argument("--without", action="append", default=[], choices=addons.OPTIONAL, help="leave a part out")
    up.add_argument("--no-fronts", action="store_true", help="do not bind 127.0.0.1:80 and :443")
    up.add_argument("--no-images", action="store_true", help="do not build the project's images")
    commands.add_parser("prepare", help="build what the cache lacks, without starting anything")
    commands.add_parser("down", help="stop it, leaving nothing")
    commands.add_parser("status", help="whether it runs, and where its kubeconfig is")
    load = commands.add_parser("load", help="load image archives (docker-archive) into it")
    load.add_argument("archive", nargs="+", type=Path)
    commands.add_parser("base", help="make the base images for the project's Dockerfiles; prints their archives")
    return parser


def main() -> int:
    options = _parser().parse_args()
    place = place_of(options.state_dir)
    try:
        if options.command == "up":
            without = frozenset(options.without)
            cluster.up(place, without=without, fronts=not options.no_fronts, project=not options.no_images)
        elif options.command == "prepare":
            cluster.prepare(place)
        elif options.command == "down":
            cluster.down(place)
        elif options.command == "load":
            cluster.load(place, options.archive)
        elif options.command == "base":
            print(*base_archives())
        else:
            running = box.runs(place)
            print(f"running: export KUBECONFIG={place.kubeconfig}" if running else f"no cluster in {place.state}")
            return 0 if running else 1
    except ClusterError as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
