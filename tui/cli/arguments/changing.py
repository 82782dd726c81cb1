"""What commands take that remove or put back."""

from __future__ import annotations

import argparse

from tui.cli.arguments.flags import add_filters, add_probe_first, add_removal


def add_unregister(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "keys",
        metavar="KEY",
        nargs="*",
        help="a key as dyntop list -o name prints it; -: read keys from standard input, one a line",
    )
    parser.add_argument("--stale", action="store_true", help="remove stale keys instead of KEYs")
    add_filters(parser, "with --stale: ")
    add_removal(parser)
    add_probe_first(parser, "default connect with --stale, never with a KEY")
    parser.add_argument("--revision", metavar="N", help="remove KEY only at this revision")


def add_drain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "instance",
        metavar="INSTANCE",
        help="its instance id or lease, in hex as dyntop list workers prints it or in decimal as "
        "Dynamo logs it, one of its keys, or its address or host; asks if it matches several",
    )
    parser.add_argument(
        "--lasting",
        action="store_true",
        help="Kubernetes: take a label off the worker's pod instead, which lasts until undone",
    )
    add_removal(parser)
    add_probe_first(parser, "default connect")


def add_restore(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "id",
        metavar="ID",
        nargs="?",
        help="of an act, or ID.N for one key, as dyntop history prints it; or the name of a pod "
        "that a lasting drain took out of discovery; default: list these pods",
    )
    parser.add_argument("--dry-run", action="store_true", help="change nothing, show the outcome")
