"""The command line and its help.

Imports nothing slow: it runs before the command is known.
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
    """An argument parser whose errors are one sentence of harmless text, as all of dyntop's."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse, and also accept names that follow a flag.

        argparse takes no more names once a flag has followed the first word, and takes any word
        after a flag for its value, even if the value is optional.
        """
        given = sys.argv[1:] if args is None else list(args)
        parsed, left = super().parse_known_args(self._with_values(given), namespace)
        if left and getattr(parsed, "names", None) is not None:
            parsed.names += [one for one in left if not one.startswith("-")]
            left = [one for one in left if one.startswith("-")]
        return parsed, left

    def _with_values(self, args: Sequence[str]) -> list[str]:
        """Return the words of a command line, with its default value added to each flag whose
        optional value is missing."""
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
    "an id in hex, or in decimal as Dynamo logs it, a key, an address, a host, a pod, a model, or "
    "NAMESPACE/COMPONENT/ENDPOINT"
)

_ANY_END = "*"
"""Equal to `backends.dynamo.queries.ANY_END`, whose module is slow to import."""
_STARTS = f"'START{_ANY_END}': all with this prefix"

_N = TypeVar("_N", int, float)
_Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
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
    parser = _add_command(commands, "list", "print registered records", LIST_EXAMPLES)
    _add_what(parser, "endpoints", "models", "channels", "sources", "workers", "all")
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"only these: {_NAMES}")
    _add_filters(parser)
    parser.add_argument("-o", "--output", choices=("table", "json", "name"), default="table")
    parser.add_argument(
        "--liveness",
        action="store_true",
        help="also check leases, and print each verdict with its evidence",
    )
    _add_probe(parser, "as --liveness, and ")


def _add_show(commands: _Commands) -> None:
    summary = "print one process, key or model with all details"
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
    parser = _add_command(
        commands, "check", "print findings: records that are not alive", CHECK_EXAMPLES
    )
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
    parser.add_argument("--model", metavar="NAME", required=True, help="the model or adapter")
    wanted = parser.add_mutually_exclusive_group()
    wanted.add_argument(
        "--workers",
        metavar="N",
        type=_count,
        default=1,
        help="until N of its workers are routable at every frontend (default 1)",
    )
    wanted.add_argument(
        "--gone", action="store_true", help="until no card of that name is registered"
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=_rate,
        help="give up after this time, with exit code 5 (default: never)",
    )
    _add_metrics(parser, "")


def _add_tap(commands: _Commands) -> None:
    summary = "print the messages of an event channel"
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
        "--for", metavar="SECONDS", dest="seconds", type=_rate, help="end after this time"
    )


def _add_unregister(commands: _Commands) -> None:
    parser = _add_command(commands, "unregister", "remove keys", UNREGISTER_EXAMPLES)
    parser.add_argument(
        "keys",
        metavar="KEY",
        nargs="*",
        help="a key as dyntop list -o name prints it; -: read keys from standard input, one a line",
    )
    parser.add_argument("--stale", action="store_true", help="remove stale keys instead of KEYs")
    _add_filters(parser, "with --stale: ")
    _add_removal(parser)
    _add_probe_first(parser, "default connect with --stale, never with a KEY")
    parser.add_argument("--revision", metavar="N", help="remove KEY only at this revision")


def _add_drain(commands: _Commands) -> None:
    summary = "take a worker out of routing; it keeps running"
    parser = _add_command(commands, "drain", summary, DRAIN_EXAMPLES)
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
    _add_removal(parser)
    _add_probe_first(parser, "default connect")


def _add_restore(commands: _Commands) -> None:
    parser = _add_command(commands, "restore", "put removed keys back", RESTORE_EXAMPLES)
    parser.add_argument(
        "id",
        metavar="ID",
        nargs="?",
        help="of an act, or ID.N for one key, as dyntop history prints it; or the name of a pod "
        "that a lasting drain took out of discovery; default: list these pods",
    )
    parser.add_argument("--dry-run", action="store_true", help="change nothing, show the outcome")


def _add_history(commands: _Commands) -> None:
    summary = "print earlier removals and restores"
    parser = _add_command(commands, "history", summary, HISTORY_EXAMPLES, store=False)
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    parser.add_argument("-N", "--last", metavar="N", type=_count, help="only the last N acts")


def _add_stats(commands: _Commands) -> None:
    summary = "print the figures of NATS services: requests, errors, processing time"
    parser = _add_command(commands, "stats", summary, STATS_EXAMPLES)
    _add_place(parser, "only this")
    parser.add_argument("-o", "--output", choices=("table", "json", "prometheus"), default="table")
    parser.add_argument(
        "--interval",
        metavar="S",
        type=_rate,
        help="repeat every S seconds until interrupted, and print rates too",
    )


def _add_command(
    commands: _Commands, name: str, summary: str, examples: str, *, store: bool = True
) -> _Parser:
    """Add a command. `store`: it has the flags of a store."""
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
    """Add the flags that may stand before and after the command."""
    group = parser.add_argument_group("store and view")
    # After the command, a missing flag must not undo the one given before it.
    nothing = None if first else argparse.SUPPRESS
    off = False if first else argparse.SUPPRESS
    group.add_argument(
        "--context",
        metavar="NAME",
        default=nothing,
        help="the store and view of that name in contexts.toml (see dyntop --help); '' for none "
        "(overrides DYNTOP_CONTEXT)",
    )
    group.add_argument(
        "--backend",
        choices=("auto", "etcd", "file", "kubernetes", "nats", "memory"),
        default=nothing,
        help="the kind of store; auto, the default, takes it from the context, else from "
        "DYN_DISCOVERY_BACKEND; in a pod without either it is kubernetes",
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
        help="of NATS, separated by commas: the store with --backend nats, else the server whose "
        "services are shown beside another store; '' for none (overrides NATS_SERVER)",
    )
    group.add_argument(
        "--kube-context",
        metavar="NAME",
        default=nothing,
        help="of Kubernetes: a context of the kubeconfig (default: the current one)",
    )
    group.add_argument(
        "--kube-namespace",
        metavar="NAME",
        default=nothing,
        help="of Kubernetes: its namespace, which Dynamo's namespaces lie within; '*' for all "
        "(default: POD_NAMESPACE, else the context's)",
    )
    group.add_argument(
        "-n",
        "--namespace",
        metavar="NS",
        default=nothing,
        help="only this namespace and those nested in it, or 'START*' for all with this prefix; '' "
        "for all (overrides DYN_NAMESPACE)",
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
        help="write a log to this file, without secrets; '' for none (overrides DYNTOP_LOG)",
    )
    group.add_argument(
        "--log-level",
        choices=LEVELS,
        default=nothing,
        help=f"the log's level (default {DEFAULT_LEVEL})",
    )


def _add_dashboard(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("dashboard")
    group.add_argument(
        "--probe",
        # Separate from the `--probe` of `check`, which has other choices.
        dest="probing",
        choices=("never", "visible", "all", "deep"),
        default="visible",
        help="the addresses to probe: none, those on screen and of late records (the default), "
        "all, or those on screen with a deep probe every 10 s",
    )
    group.add_argument(
        "--lease-rate",
        metavar="N",
        type=_cap,
        default=50.0,
        help="lease queries per second at most (default 50); with 0 dyntop queries no leases, and "
        "records without a probed address are unknown",
    )
    group.add_argument(
        "--metrics",
        metavar="URLS",
        action="append",
        default=None,
        help="frontends and workers for the tab Metrics, besides the system servers named by "
        "cards: http://host:port, separated by commas; may be repeated. Models, check, show and "
        "wait also show which models these frontends serve",
    )


def _add_metrics(parser: argparse.ArgumentParser, how_often: str = "once ") -> None:
    """Add the flag that also exists before the command."""
    parser.add_argument(
        "--metrics",
        metavar="URLS",
        action="append",
        default=argparse.SUPPRESS,
        help=f"frontends to query {how_often}for the models they serve: http://host:port, "
        "separated by commas; may be repeated",
    )


def _add_no_audit(parser: argparse.ArgumentParser, *, first: bool) -> None:
    parser.add_argument(
        "--no-audit",
        action="store_true",
        default=False if first else argparse.SUPPRESS,
        help="write no audit: removed keys cannot be restored",
    )


def _add_removal(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    parser.add_argument("--dry-run", action="store_true", help="remove nothing, show the keys")
    _add_no_audit(parser, first=False)


def _add_probe(parser: argparse.ArgumentParser, when: str = "") -> None:
    parser.add_argument(
        "--probe",
        nargs="?",
        const="connect",
        choices=("connect", "deep"),
        help=f"{when}probe each address once; --probe=deep: more than a connection",
    )


def _add_probe_first(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--probe",
        choices=("never", "connect", "deep"),
        help=f"how to probe the addresses before anything is removed; {default}",
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
    only = f"{when}only this"
    _add_place(parser, only)
    parser.add_argument(
        "-t",
        "--topic",
        metavar="NAME",
        type=_name_or_start,
        help=f"{only} topic (channels and sources); {_STARTS}",
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
    """Return a name, or `START*`, as given."""
    if _ANY_END in text[: -len(_ANY_END)]:
        raise argparse.ArgumentTypeError(
            f"{text!r} has a {_ANY_END} before its end: write START{_ANY_END} for all with a prefix"
        )
    return text


def _rate(text: str) -> float:
    rate = _number(float, text)
    if not 0 < rate < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not more than 0")
    return rate


def _cap(text: str) -> float:
    """Return a rate, or 0: never."""
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
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid number") from None
