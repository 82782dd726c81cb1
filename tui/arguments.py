"""What can be said on the command line, and its help.

Imports nothing that takes time: it is there before it is known what is wanted.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import NoReturn, TypeAlias, TypeVar

from tui import __version__
from tui.examples import (
    CHECK_EXAMPLES,
    DRAIN_EXAMPLES,
    EXAMPLES,
    HISTORY_EXAMPLES,
    LIST_EXAMPLES,
    RESTORE_EXAMPLES,
    STATS_EXAMPLES,
    TAP_EXAMPLES,
    UNREGISTER_EXAMPLES,
    WATCH_EXAMPLES,
)
from tui.levels import DEFAULT_LEVEL, LEVELS


class _Parser(argparse.ArgumentParser):
    """Complains as all of dyntop does: one sentence, harmless text."""

    def error(self, message: str) -> NoReturn:
        from tui.plain import plain

        self.exit(2, f"dyntop: {plain(message)}; see {self.prog} --help\n")


_N = TypeVar("_N", int, float)
_Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = _Parser(
        prog="dyntop",
        description="A live view of NVIDIA Dynamo's service discovery. "
        "Without a command it starts the dashboard.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"dyntop {__version__}")
    _add_common(parser, first=True)
    _add_log(parser, first=True)
    _add_no_audit(parser, first=True)
    _add_dashboard(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    _add_list(commands)
    _add_watch(commands)
    _add_check(commands)
    _add_tap(commands)
    _add_unregister(commands)
    _add_drain(commands)
    _add_restore(commands)
    _add_history(commands)
    _add_stats(commands)
    return parser


def _add_list(commands: _Commands) -> None:
    parser = _add_command(commands, "list", "print what is registered", LIST_EXAMPLES)
    _add_what(parser, "endpoints", "models", "channels", "sources", "workers", "all")
    _add_filters(parser)
    parser.add_argument("-o", "--output", choices=("table", "json", "name"), default="table")
    parser.add_argument(
        "--liveness",
        action="store_true",
        help="ask for each lease's time to live too, and say of each what is thought of it",
    )


def _add_watch(commands: _Commands) -> None:
    parser = _add_command(commands, "watch", "print every change as a line", WATCH_EXAMPLES)
    _add_what(parser, "endpoints", "models", "channels", "sources", "all")
    _add_filters(parser)
    parser.add_argument("-o", "--output", choices=("json",), default="json")


def _add_check(commands: _Commands) -> None:
    parser = _add_command(commands, "check", "print what is not alive", CHECK_EXAMPLES)
    _add_what(parser, "endpoints", "models", "channels", "sources", "all")
    _add_filters(parser)
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    parser.add_argument(
        "--probe",
        nargs="?",
        const="connect",
        choices=("connect", "deep"),
        help="ask each address once, too; --probe=deep for more than a connection",
    )


def _add_tap(commands: _Commands) -> None:
    summary = "print what is published on an event channel"
    parser = _add_command(commands, "tap", summary, TAP_EXAMPLES)
    parser.add_argument(
        "channel",
        metavar="CHANNEL",
        help="a key, as dyntop list channels -o name prints it, or "
        "NAMESPACE[/COMPONENT[/ENDPOINT]]/TOPIC",
    )
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    parser.add_argument("--count", metavar="N", type=_count, help="end after N messages")
    parser.add_argument(
        "--for", metavar="SECONDS", dest="seconds", type=_rate, help="end after so long"
    )


def _add_unregister(commands: _Commands) -> None:
    parser = _add_command(commands, "unregister", "remove keys", UNREGISTER_EXAMPLES)
    parser.add_argument(
        "keys",
        metavar="KEY",
        nargs="*",
        help="in full, as dyntop list -o name prints it; - for one in each line of standard input",
    )
    parser.add_argument(
        "--stale", action="store_true", help="in place of KEYs: whatever is stale, and why"
    )
    _add_filters(parser, "with --stale: ")
    _add_removal(parser)
    parser.add_argument("--revision", metavar="N", help="only if the KEY has this revision")


def _add_drain(commands: _Commands) -> None:
    summary = "take a worker out of routing, while it runs on"
    parser = _add_command(commands, "drain", summary, DRAIN_EXAMPLES)
    parser.add_argument(
        "instance", metavar="INSTANCE", help="its instance id in hex, as dyntop list workers has it"
    )
    _add_removal(parser)


def _add_restore(commands: _Commands) -> None:
    parser = _add_command(commands, "restore", "put back what was removed", RESTORE_EXAMPLES)
    parser.add_argument(
        "id", metavar="ID", help="of an act, or ID.N of one of its keys, as dyntop history has it"
    )
    parser.add_argument("--dry-run", action="store_true", help="change nothing, show what would be")


def _add_history(commands: _Commands) -> None:
    summary = "print what was removed and put back"
    parser = _add_command(commands, "history", summary, HISTORY_EXAMPLES, store=False)
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    parser.add_argument("-N", "--last", metavar="N", type=_count, help="only the last N acts")


def _add_stats(commands: _Commands) -> None:
    summary = "print what NATS services count: requests, errors, processing time"
    parser = _add_command(commands, "stats", summary, STATS_EXAMPLES)
    only = "only of this"
    parser.add_argument("-c", "--component", metavar="NAME", help=f"{only} component")
    parser.add_argument("-e", "--endpoint", metavar="NAME", help=f"{only} endpoint")
    parser.add_argument("-o", "--output", choices=("table", "json", "prometheus"), default="table")
    parser.add_argument(
        "--interval",
        metavar="S",
        type=_rate,
        help="ask every S seconds until interrupted, and tell rates too",
    )


def _add_command(
    commands: _Commands, name: str, summary: str, examples: str, *, store: bool = True
) -> _Parser:
    """`store`: whether it looks at one."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    if store:
        _add_common(parser, first=False)
    _add_log(parser, first=False)
    return parser


def _add_common(parser: argparse.ArgumentParser, *, first: bool) -> None:
    """The flags that may stand before the command and after it."""
    group = parser.add_argument_group("store and view")
    # After the command a flag that is not given must not undo the one given before it.
    nothing = None if first else argparse.SUPPRESS
    off = False if first else argparse.SUPPRESS
    group.add_argument(
        "--context",
        metavar="NAME",
        default=nothing,
        help="the store and view of that name in contexts.toml (see dyntop --help); '' for none, "
        "whatever DYNTOP_CONTEXT says",
    )
    group.add_argument(
        "--backend",
        choices=("auto", "etcd", "file", "nats", "memory"),
        default=nothing,
        help="which kind of store; auto, the default, goes by the context, else by "
        "DYN_DISCOVERY_BACKEND",
    )
    group.add_argument(
        "--endpoints", metavar="URLS", default=nothing, help="of etcd, separated by commas"
    )
    group.add_argument(
        "--file-store", metavar="DIR", default=nothing, help="the folder of Dynamo's file store"
    )
    group.add_argument(
        "--nats",
        metavar="URLS",
        default=nothing,
        help="of NATS, separated by commas: of the store with --backend nats, else where NATS "
        "services are asked next to another store; '' for nowhere, whatever NATS_SERVER says",
    )
    group.add_argument(
        "-n",
        "--namespace",
        metavar="NS",
        default=nothing,
        help="only this namespace and those nested in it; '' for all, whatever DYN_NAMESPACE says",
    )
    group.add_argument("--read-only", action="store_true", default=off, help="remove nothing")
    group.add_argument(
        "--demo", action="store_true", default=off, help="a living cluster in memory"
    )


def _add_log(parser: argparse.ArgumentParser, *, first: bool) -> None:
    nothing = None if first else argparse.SUPPRESS
    group = parser.add_argument_group("log")
    group.add_argument(
        "--log",
        metavar="FILE",
        default=nothing,
        help="write down what happens, without secrets; '' for nowhere, whatever DYNTOP_LOG says",
    )
    group.add_argument(
        "--log-level",
        choices=LEVELS,
        default=nothing,
        help=f"how much of it (default {DEFAULT_LEVEL})",
    )


def _add_dashboard(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("dashboard")
    group.add_argument(
        "--probe",
        # Not that of `check`, which has choices of its own.
        dest="probing",
        choices=("never", "visible", "all", "deep"),
        default="visible",
        help="whose addresses to connect to: nobody's, those on screen (the default) and what is "
        "late, all, or those on screen with a deeper look every 10 s",
    )
    group.add_argument(
        "--lease-rate",
        metavar="N",
        type=_cap,
        default=50.0,
        help="questions about leases that the store is asked in a second at most (default 50); "
        "0 asks none, and what no address tells of is unknown",
    )
    group.add_argument(
        "--metrics",
        metavar="URLS",
        action="append",
        default=None,
        help="frontends and workers whose metrics the tab Metrics shows, besides the system "
        "servers that cards reveal: http://host:port, separated by commas; may be repeated",
    )


def _add_no_audit(parser: argparse.ArgumentParser, *, first: bool) -> None:
    parser.add_argument(
        "--no-audit",
        action="store_true",
        default=False if first else argparse.SUPPRESS,
        help="do not write down what is removed, so that it cannot be restored",
    )


def _add_removal(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-y", "--yes", action="store_true", help="ask nothing")
    parser.add_argument("--dry-run", action="store_true", help="remove nothing, show what would")
    _add_no_audit(parser, first=False)


def _add_what(parser: argparse.ArgumentParser, *choices: str) -> None:
    parser.add_argument(
        "what",
        nargs="?",
        choices=choices,
        default="all",
        help="all, the default, includes keys that dyntop does not know",
    )


def _add_filters(parser: argparse.ArgumentParser, when: str = "") -> None:
    only = f"{when}only of this"
    parser.add_argument("-c", "--component", metavar="NAME", help=f"{only} component")
    parser.add_argument("-e", "--endpoint", metavar="NAME", help=f"{only} endpoint")
    parser.add_argument(
        "-t", "--topic", metavar="NAME", help=f"{only} topic, of channels and sources"
    )


def _rate(text: str) -> float:
    rate = _number(float, text)
    if not 0 < rate < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not more than 0")
    return rate


def _cap(text: str) -> float:
    """As a rate, or 0: never."""
    return 0.0 if _number(float, text) == 0 else _rate(text)


def _count(text: str) -> int:
    number = _number(int, text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is less than 1")
    return number


def _number(kind: Callable[[str], _N], text: str) -> _N:
    try:
        return kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no such number") from None
