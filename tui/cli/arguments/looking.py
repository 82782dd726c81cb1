"""What commands take that change nothing."""

from __future__ import annotations

import argparse

from tui.cli.arguments.bounds import age, size
from tui.cli.arguments.compared import add_compared
from tui.cli.arguments.flags import (
    add_filters,
    add_metrics,
    add_no_audit,
    add_place,
    add_probe,
    add_recorded_namespace,
    add_what,
)
from tui.cli.arguments.values import count, file_name, filled, past_time, rate, revision_or

NAMES = (
    "an id in hex, or in decimal as Dynamo logs it, a key, an address, a host, a pod, a model, or "
    "NAMESPACE/COMPONENT/ENDPOINT"
)


def add_list(parser: argparse.ArgumentParser) -> None:
    add_what(parser, "endpoints", "models", "channels", "sources", "workers", "all")
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"only these: {NAMES}")
    add_filters(parser)
    parser.add_argument(
        "-o",
        "--output",
        choices=("table", "wide", "json", "ndjson", "yaml", "name"),
        default="table",
        help="table (the default), or wide with all columns; json, ndjson (one object a line) and "
        "yaml have the same data; name: keys",
    )
    parser.add_argument(
        "--columns",
        metavar="A,B,C",
        help="only these columns of the table, in this order, by their headers in any case; also "
        "those of -o wide; an empty cell is <none>",
    )
    parser.add_argument(
        "--sort",
        metavar="COLUMN",
        help="sort by this column, numbers by their size, state with the worst first; rows without "
        "a value come last; in any output",
    )
    parser.add_argument("--reverse", action="store_true", help="in reverse order")
    parser.add_argument("--no-headers", action="store_true", help="print no header of the table")
    parser.add_argument(
        "-w",
        "--watch",
        action="store_true",
        help="then print each change as a line, until interrupted; with -o ndjson as dyntop watch",
    )
    parser.add_argument(
        "--revision",
        metavar="N",
        type=count,
        help="as all was registered at this revision of etcd or NATS, as far as it is known",
    )
    parser.add_argument(
        "--liveness",
        action="store_true",
        help="also check leases, and print each verdict with its evidence",
    )
    add_probe(parser, "as --liveness, and ")


def add_diff(parser: argparse.ArgumentParser) -> None:
    add_compared(parser)
    parser.add_argument(
        "--from",
        dest="after",
        metavar="N",
        type=revision_or("oldest"),
        help="the earlier revision of etcd or NATS; oldest: the oldest of which all is known",
    )
    parser.add_argument(
        "--to",
        dest="until",
        metavar="M",
        type=revision_or("now"),
        default="now",
        help="the later revision; now, the default: the newest",
    )
    parser.add_argument(
        "--events",
        action="store_true",
        help="print every change in between, in order, instead of what differs at the end",
    )
    add_filters(parser)
    parser.add_argument(
        "-o", "--output", choices=("table", "json", "ndjson", "yaml"), default="table"
    )


def add_show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help=NAMES)
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parser.add_argument(
        "--compare",
        action="store_true",
        help="compare the cards of a conflict field by field, one of each sort",
    )
    add_metrics(parser)
    add_probe(parser)


def add_watch(parser: argparse.ArgumentParser) -> None:
    add_what(parser, "endpoints", "models", "channels", "sources", "all")
    add_filters(parser)
    parser.add_argument("-o", "--output", choices=("json",), default="json")


def add_record(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        metavar="FILE",
        type=file_name,
        help="the recording; one that is there is put away as FILE.1, and so on",
    )
    parser.add_argument(
        "--max-size",
        metavar="SIZE",
        type=size,
        default="1G",
        help="of all its files together, e.g. 500M or 2G: beyond it the oldest is dropped; none "
        "for no bound (default 1G)",
    )
    parser.add_argument(
        "--max-age",
        metavar="AGE",
        type=age,
        default="none",
        help="drop files whose last line is older, e.g. 12h or 7d (default none)",
    )
    parser.add_argument(
        "--probe",
        dest="probing",
        choices=("never", "all"),
        default=argparse.SUPPRESS,
        help="the addresses to probe, from this host: none (the default), or all",
    )
    parser.add_argument(
        "--metrics",
        metavar="URLS",
        action="append",
        default=argparse.SUPPRESS,
        help="frontends and workers whose figures are recorded, too, every 15 s: http://host:port, "
        "separated by commas; may be repeated",
    )


def add_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE", type=file_name, help="the report; one that is there is left alone"
    )
    parser.add_argument(
        "--from",
        dest="recording",
        metavar="RECORDING",
        type=file_name,
        help="a recording, whose last part is put into it; without it the last changes that the "
        "store still knows are, if it does",
    )
    parser.add_argument(
        "--last",
        metavar="AGE",
        type=age,
        help="so much of the recording, up to its end, e.g. 30m or 2h (default 30m)",
    )
    parser.add_argument(
        "--probe",
        choices=("never", "connect", "deep"),
        help="how to probe the addresses, once; by default as --probe before the command says",
    )


def add_check(parser: argparse.ArgumentParser) -> None:
    add_what(parser, "endpoints", "models", "channels", "sources", "all")
    add_filters(parser)
    parser.add_argument(
        "-o",
        "--output",
        choices=("table", "json", "prometheus"),
        default="table",
        help="the findings as a table (the default) or json; prometheus: metrics for a textfile "
        "collector",
    )
    add_metrics(parser)
    add_probe(parser)
    of = parser.add_mutually_exclusive_group()
    of.add_argument(
        "--model",
        type=filled,
        metavar="NAME",
        help="only the workers of this model or adapter; exit code 0 only if it is served",
    )
    of.add_argument(
        "--host",
        type=filled,
        metavar="HOST",
        help="only the workers at this host, as their addresses have it; in Kubernetes also a node "
        "or a pod; exit code 0 only if something is there and nothing there is a finding",
    )


def add_wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", metavar="NAME", type=filled, required=True, help="the model or adapter"
    )
    wanted = parser.add_mutually_exclusive_group()
    wanted.add_argument(
        "--workers",
        metavar="N",
        type=count,
        default=1,
        help="until N of its workers are routable at every frontend (default 1)",
    )
    wanted.add_argument(
        "--gone", action="store_true", help="until no card of that name is registered"
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=rate,
        help="give up after this time, with exit code 5 (default: never)",
    )
    add_metrics(parser, "")


def add_tap(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "channel",
        metavar="CHANNEL",
        help="a key, as dyntop list channels -o name prints it, or "
        "NAMESPACE[/COMPONENT[/ENDPOINT]]/TOPIC for all publishers there",
    )
    parser.add_argument(
        "--filter",
        metavar="TEXT",
        help="only messages with these words, or fields: 'stored dp_rank:1'",
    )
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    parser.add_argument("--count", metavar="N", type=count, help="end after N messages")
    parser.add_argument(
        "--for", metavar="SECONDS", dest="seconds", type=rate, help="end after this time"
    )


def add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=rate,
        default=10.0,
        help="give up a step after this time (default 10)",
    )
    add_metrics(parser)


def add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        choices=("show", "check"),
        help="show: every setting with where it comes from; check: what is wrong in settings.toml "
        "and contexts.toml",
    )
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    add_metrics(parser)
    add_no_audit(parser, first=False)


def add_history(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    parser.add_argument("-N", "--last", metavar="N", type=count, help="only the last N acts")


def add_events(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE", type=file_name, help="a recording, as dyntop record writes it"
    )
    parser.add_argument(
        "--since",
        metavar="TIME",
        type=past_time,
        help="only from then on: 14:02, 14:02:31, 2026-11-21T14:02:31Z, or 10m, before the end",
    )
    parser.add_argument("--until", metavar="TIME", type=past_time, help="only up to then")
    parser.add_argument(
        "--filter",
        metavar="TEXT",
        help="only events with these words, as in the dashboard: names, ids, addresses, reasons, "
        "kind:model",
    )
    parser.add_argument(
        "--causes",
        action="store_true",
        help="print one line for each cause: a worker's start or end, with its keys",
    )
    add_recorded_namespace(parser)
    parser.add_argument(
        "-o", "--output", choices=("table", "json", "ndjson", "yaml"), default="table"
    )


def add_replay(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=file_name, help="a recording, or a report")
    parser.add_argument(
        "--at",
        metavar="TIME",
        type=past_time,
        help="open at this time: 14:02, 14:02:31, 2026-11-21T14:02:31Z, 10m (before the end), "
        "start or end (default: start, of a report end)",
    )
    parser.add_argument("--play", action="store_true", help="play at once")
    parser.add_argument(
        "--speed",
        metavar="N",
        type=rate,
        default=1.0,
        help="how many seconds of the recording pass in one while it plays (default 1)",
    )
    add_recorded_namespace(parser)


def add_stats(parser: argparse.ArgumentParser) -> None:
    add_place(parser, "only this")
    parser.add_argument("-o", "--output", choices=("table", "json", "prometheus"), default="table")
    parser.add_argument(
        "--interval",
        metavar="S",
        type=rate,
        help="repeat every S seconds until interrupted, and print rates too",
    )
