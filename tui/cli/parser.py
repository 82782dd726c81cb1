"""What can be said on the command line, and its help.

Imports nothing that takes time: it is there before it is known what is wanted.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NoReturn, TypeAlias, TypeVar

from tui import __version__
from tui.cli.help_examples import (
    CHECK_EXAMPLES,
    DRAIN_EXAMPLES,
    EXAMPLES,
    HISTORY_EXAMPLES,
    LIST_EXAMPLES,
    RESTORE_EXAMPLES,
    SHOW_EXAMPLES,
    STATS_EXAMPLES,
    TAP_EXAMPLES,
    UNREGISTER_EXAMPLES,
    WAIT_EXAMPLES,
    WATCH_EXAMPLES,
)
from tui.config.log_levels import DEFAULT_LEVEL, LEVELS


class _Parser(argparse.ArgumentParser):
    """Complains as all of dyntop does: one sentence, harmless text."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As its base, which takes no more names once a flag has followed the first word, and takes
        any word behind a flag for its value, also where the flag needs none."""
        given = sys.argv[1:] if args is None else list(args)
        parsed, left = super().parse_known_args(self._with_values(given), namespace)
        if left and getattr(parsed, "names", None) is not None:
            parsed.names += [one for one in left if not one.startswith("-")]
            left = [one for one in left if one.startswith("-")]
        return parsed, left

    def _with_values(self, args: Sequence[str]) -> list[str]:
        """The words of a command line, where a flag that can go without a value and is not followed
        by one of its values is given that which stands for none."""
        found = list(args)
        flags = found.index("--") if "--" in found else len(found)
        for at, (flag, word) in enumerate(pairwise(found[:flags])):
            action = self._option_string_actions.get(flag)
            if action is not None and action.nargs == "?" and word not in (action.choices or ()):
                found[at] = f"{flag}={action.const}"
        return found

    def error(self, message: str) -> NoReturn:
        from tui.text.sanitize import plain

        self.exit(2, f"dyntop: {plain(message)}; see {self.prog} --help\n")


_NAMES = (
    "an id in hex, or in decimal as Dynamo logs it, a key, an address, a host, a model, or "
    "NAMESPACE/COMPONENT/ENDPOINT"
)

_ANY_END = "*"
"""As `backends.dynamo.queries.ANY_END`, whose module takes time to import."""
_STARTS = f"'START{_ANY_END}': of all that begin so"

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
    _add_show(commands)
    _add_watch(commands)
    _add_check(commands)
    _add_wait(commands)
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
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"only these: {_NAMES}")
    _add_filters(parser)
    parser.add_argument("-o", "--output", choices=("table", "json", "name"), default="table")
    parser.add_argument(
        "--liveness",
        action="store_true",
        help="ask for each lease's time to live too, and say of each what is thought of it",
    )
    _add_probe(parser, "as --liveness, and ")


def _add_show(commands: _Commands) -> None:
    summary = "print all that is known of one process, key or model"
    parser = _add_command(commands, "show", summary, SHOW_EXAMPLES)
    parser.add_argument("name", metavar="NAME", help=_NAMES)
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    _add_metrics(parser)
    _add_probe(parser)


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
    _add_metrics(parser)
    _add_probe(parser)
    parser.add_argument(
        "--model",
        metavar="NAME",
        help="only the workers of this model or adapter; exit code 0 only if it is served",
    )


def _add_wait(commands: _Commands) -> None:
    parser = _add_command(commands, "wait", "wait until a model is served, or gone", WAIT_EXAMPLES)
    parser.add_argument("--model", metavar="NAME", required=True, help="of a model or adapter")
    wanted = parser.add_mutually_exclusive_group()
    wanted.add_argument(
        "--workers",
        metavar="N",
        type=_count,
        default=1,
        help="until so many of its workers are routable at every frontend (default 1)",
    )
    wanted.add_argument(
        "--gone", action="store_true", help="until no card of that name is registered"
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=_rate,
        help="give up after so long, with exit code 5 (default: never)",
    )
    _add_metrics(parser, "")


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
    _add_probe_first(parser, "default connect with --stale, never with a KEY")
    parser.add_argument("--revision", metavar="N", help="only if the KEY has this revision")


def _add_drain(commands: _Commands) -> None:
    summary = "take a worker out of routing, while it runs on"
    parser = _add_command(commands, "drain", summary, DRAIN_EXAMPLES)
    parser.add_argument(
        "instance",
        metavar="INSTANCE",
        help="its instance id or lease, in hex as dyntop list workers has it or in decimal as "
        "Dynamo logs it, one of its keys, or its address or host; of several it asks which",
    )
    _add_removal(parser)
    _add_probe_first(parser, "default connect")


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
    _add_place(parser, "only of this")
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
        help="only this namespace and those nested in it, or 'START*' for all that begin so; '' "
        "for all, whatever DYN_NAMESPACE says",
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
        "servers that cards reveal: http://host:port, separated by commas; may be repeated. "
        "Models, check, show and wait say which models these frontends serve",
    )


def _add_metrics(parser: argparse.ArgumentParser, how_often: str = "once ") -> None:
    """As before the command."""
    parser.add_argument(
        "--metrics",
        metavar="URLS",
        action="append",
        default=argparse.SUPPRESS,
        help=f"frontends that are asked {how_often}which models they serve: http://host:port, "
        "separated by commas; may be repeated",
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


def _add_probe(parser: argparse.ArgumentParser, when: str = "") -> None:
    parser.add_argument(
        "--probe",
        nargs="?",
        const="connect",
        choices=("connect", "deep"),
        help=f"{when}ask each address once, too; --probe=deep for more than a connection",
    )


def _add_probe_first(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--probe",
        choices=("never", "connect", "deep"),
        help=f"how to ask the addresses before anything is removed; {default}",
    )


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
    _add_place(parser, only)
    parser.add_argument(
        "-t",
        "--topic",
        metavar="NAME",
        type=_name_or_start,
        help=f"{only} topic, of channels and sources; {_STARTS}",
    )


def _add_place(parser: argparse.ArgumentParser, only: str) -> None:
    for letter, part in (("c", "component"), ("e", "endpoint")):
        parser.add_argument(
            f"-{letter}",
            f"--{part}",
            metavar="NAME",
            type=_name_or_start,
            help=f"{only} {part}; {_STARTS}",
        )


def _name_or_start(text: str) -> str:
    """Return a name, or `START*`, as it was given."""
    if _ANY_END in text[: -len(_ANY_END)]:
        raise argparse.ArgumentTypeError(
            f"{text!r} has a {_ANY_END} before its end: all that begin so are START{_ANY_END}"
        )
    return text


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
