"""Flags that several commands have."""

from __future__ import annotations

import argparse

from tui.cli.arguments.values import ANY_END, cap, name_or_start
from tui.config.log_levels import DEFAULT_LEVEL, LEVELS

STARTS = f"'START{ANY_END}': all with this prefix"


def add_common(parser: argparse.ArgumentParser, *, first: bool) -> None:
    """Add the flags that may stand before and after the command."""
    group = parser.add_argument_group("store and view")
    # After the command, a missing flag must not undo the one given before it.
    nothing = None if first else argparse.SUPPRESS
    off = False if first else argparse.SUPPRESS
    group.add_argument(
        "--context",
        metavar="NAME",
        default=nothing,
        help="the store and view of that name in settings.toml (see dyntop --help); '' for none "
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


def add_log(parser: argparse.ArgumentParser, *, first: bool) -> None:
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


def add_dashboard(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("dashboard")
    group.add_argument(
        "--probe",
        # Separate from the `--probe` of `check`, which has other choices.
        dest="probing",
        choices=("never", "visible", "all", "deep"),
        default=None,
        help="the addresses to probe: none, those on screen and of late records (the default), "
        "all, or those on screen with a deep probe every 10 s",
    )
    group.add_argument(
        "--lease-rate",
        metavar="N",
        type=cap,
        default=None,
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
    group.add_argument(
        "--notify",
        choices=("off", "bell", "osc9", "osc777"),
        default=None,
        help="how the terminal is told, in the dashboard, that something became wrong: not (the "
        "default), by its bell, or by a notification (OSC 9 as iTerm2, Windows Terminal and kitty "
        "know it, or OSC 777 as urxvt, foot and Ghostty do)",
    )
    group.add_argument(
        "--metrics-always",
        action="store_true",
        help="scrape the servers of --metrics every 15 s also while nothing shows them, so that "
        "charts have the whole hour",
    )


def add_metrics(parser: argparse.ArgumentParser, how_often: str = "once ") -> None:
    """Add the flag that also exists before the command."""
    parser.add_argument(
        "--metrics",
        metavar="URLS",
        action="append",
        default=argparse.SUPPRESS,
        help=f"frontends to query {how_often}for the models they serve: http://host:port, "
        "separated by commas; may be repeated",
    )


def add_no_audit(parser: argparse.ArgumentParser, *, first: bool) -> None:
    parser.add_argument(
        "--no-audit",
        action="store_true",
        default=False if first else argparse.SUPPRESS,
        help="write no audit: removed keys cannot be restored",
    )


def add_removal(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    parser.add_argument("--dry-run", action="store_true", help="remove nothing, show the keys")
    add_no_audit(parser, first=False)


def add_probe(parser: argparse.ArgumentParser, when: str = "") -> None:
    parser.add_argument(
        "--probe",
        nargs="?",
        const="connect",
        choices=("connect", "deep"),
        help=f"{when}probe each address once; --probe=deep: more than a connection",
    )


def add_probe_first(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--probe",
        choices=("never", "connect", "deep"),
        help=f"how to probe the addresses before anything is removed; {default}",
    )


def add_what(parser: argparse.ArgumentParser, *choices: str) -> None:
    parser.add_argument(
        "what",
        nargs="?",
        choices=choices,
        default="all",
        help="all, the default, includes keys that dyntop does not know",
    )


def add_filters(parser: argparse.ArgumentParser, when: str = "") -> None:
    only = f"{when}only this"
    add_place(parser, only)
    parser.add_argument(
        "-t",
        "--topic",
        metavar="NAME",
        type=name_or_start,
        help=f"{only} topic (channels and sources); {STARTS}",
    )


def add_place(parser: argparse.ArgumentParser, only: str) -> None:
    for letter, part in (("c", "component"), ("e", "endpoint")):
        parser.add_argument(
            f"-{letter}",
            f"--{part}",
            metavar="NAME",
            type=name_or_start,
            help=f"{only} {part}; {STARTS}",
        )


def add_recorded_namespace(parser: argparse.ArgumentParser) -> None:
    """Add the flag that also exists before the command, for commands without a store."""
    parser.add_argument(
        "-n",
        "--namespace",
        metavar="NS",
        default=argparse.SUPPRESS,
        help=f"only this namespace and those nested in it; {STARTS}",
    )


def add_shell(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="bash, zsh or fish")
