"""What can be said on the command line, and its help.

Imports nothing that takes time: it is there before it is known what is wanted.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import NoReturn, TypeAlias, TypeVar

from tui import __version__

EXAMPLES = """\
examples:
  dyntop                                   the dashboard, on the store that Dynamo's settings name
  dyntop --demo                            the dashboard on a cluster in memory; needs nothing
  dyntop --endpoints http://etcd-0:2379    ... on this etcd
  dyntop --file-store /data/dynamo_kv      ... on this folder of Dynamo's file store
  dyntop --backend nats --nats nats://n0   ... on the KV buckets of this NATS
  dyntop -n prod --read-only               ... on namespace prod and those in it (prod.*)
  dyntop --context prod                    ... as [prod] in contexts.toml says, see below
  dyntop --probe never                     ... and connect to no worker
  dyntop list models -o json               for scripts; see dyntop list --help
  dyntop check                             whether all is alive; see dyntop check --help
  dyntop tap prod/backend/kv-events        what is published; see dyntop tap --help

contexts, in dyntop/contexts.toml in $XDG_CONFIG_HOME (default ~/.config); flags go before them, and
they before the environment, where all that they do not say comes from, passwords too:
  [prod]
  backend = "etcd"                         or "file" or "nats"
  endpoints = ["https://etcd-0:2379"]      for the file store: file_store = "/data/dynamo_kv"
  nats = "nats://nats-0:4222"              as --nats
  namespace = "prod"
  read_only = true                         no flag and no environment name undoes it
  metrics = ["http://frontend-0:8000"]     as --metrics

environment (Dynamo's own names; flags go before them):
  DYN_DISCOVERY_BACKEND  etcd (default) or file
  ETCD_ENDPOINTS         http://host:port,... (default http://localhost:2379)
  ETCD_AUTH_USERNAME, ETCD_AUTH_PASSWORD
  ETCD_AUTH_CA, ETCD_AUTH_CLIENT_CERT, ETCD_AUTH_CLIENT_KEY    a path or the PEM text itself
  DYN_FILE_KV            the file store's folder (default $TMPDIR/dynamo_store_kv)
  NATS_SERVER            as --nats (default, for the nats store: nats://localhost:4222)
  NATS_AUTH_USERNAME, NATS_AUTH_PASSWORD, NATS_AUTH_TOKEN, NATS_AUTH_NKEY,
  NATS_AUTH_CREDENTIALS_FILE, NATS_TLS_CA_CERT_PATH, NATS_TLS_CLIENT_CERT_PATH,
  NATS_TLS_CLIENT_KEY_PATH
  DYN_NAMESPACE          as --namespace
  DYNTOP_CONTEXT         as --context
  DYNTOP_READ_ONLY       1: as --read-only
  DYNTOP_METRICS         as --metrics
  DYNTOP_LOG, DYNTOP_LOG_LEVEL    as --log and --log-level
  XDG_STATE_HOME         where removals are written down, and faults of dyntop's own (default
                         ~/.local/state)

exit codes: 0 done, 1 refused, nothing to remove, or (check) findings, 2 usage,
  3 store unreachable, 4 not authorised
"""

LIST_EXAMPLES = """\
examples:
  dyntop list                                      everything, as a table
  dyntop list endpoints -n prod -c backend         one component's instances
  dyntop list models -o json | jq -r '.[].model_name'
  dyntop list workers                              what each process registered, together
  dyntop list channels -t kv-events --liveness     and whether they live, and why that is thought
  dyntop list -o name | grep 7d7ba1fd2395771f      keys, as dyntop unregister takes them
"""

WATCH_EXAMPLES = """\
Each line is one object: {"event": "added", "time", "record"}, {"event": "removed", "time", "id"} or
{"event": "resync", "time", "revision"}. First comes an added for each record there is, then one
resync, then every change; a changed value is added again. After a gap the differences come, then a
resync. In a file store the worker of a channel is null until its source is there.

examples:
  dyntop watch                                     everything
  dyntop watch endpoints -n prod -c backend
  dyntop watch | jq -r 'select(.event == "removed") | .id.key'
"""

CHECK_EXAMPLES = """\
Each lease is asked for once. With --probe, so is each address: connect asks whether anybody
listens there, deep also whether the process itself answers, which is a line in a worker's log.
What nobody knows (unknown) is no finding; how many there are is said on standard error.
Exit codes: 0 all is live, 1 findings, 3 store unreachable, 4 not authorised.

examples:
  dyntop check                                     everything, by the leases
  dyntop check endpoints -n prod --probe           and whether anybody listens
  dyntop check --probe=deep -o json | jq -r '.[] | [.verdict, .key, .evidence[0]] | @tsv'
"""

TAP_EXAMPLES = """\
It only listens: it subscribes to the channel's subject (NATS_SERVER or --nats says of which NATS),
or connects to its publisher's ZMQ address. What is published while nobody listens is gone.

With -o json each line is one object: {"time", "channel", "topic", "publisher", "sequence",
"published_at", "size", "codec", "summary", "payload", "problem", "raw"}; ids and hashes are
lower-case hex, raw is base64 of what could not be decoded, and only of that.

examples:
  dyntop tap prod/backend/kv-events                all its publishers, if they share a subject
  dyntop tap v1/event_channels/...                 one channel, by its key
  dyntop tap prod/backend/kv_metrics --count 1 -o json | jq .payload
  dyntop tap prod/backend/kv-events --for 10 > /dev/null     how many there are in 10 s
"""

UNREGISTER_EXAMPLES = """\
A key is removed only in the revision that it has when it is looked at. A live worker that loses its
key runs on, and clients do not route to it any more until it restarts. What is removed is written
down first: dyntop restore puts it back.

Stale is what nothing else will remove, or nobody can use: expired, orphaned, malformed, and what
does not answer and hangs on no lease.

examples:
  dyntop unregister v1/instances/prod/backend/generate/7d7ba1fd2395771f
  dyntop unregister --dry-run KEY...               shows what would go, and removes nothing
  dyntop unregister --yes --revision 42 KEY        for scripts: this revision or nothing
  dyntop list -o name -n old | dyntop unregister --yes -
  dyntop unregister --stale -n prod --dry-run      what is stale, and why
  dyntop unregister --stale                        asks for each
"""

DRAIN_EXAMPLES = """\
Removes the worker's endpoint instances, and only those: its process runs on, its cards stay, and
clients do not route to it any more. dyntop restore puts them back.

examples:
  dyntop list workers                              to find the id
  dyntop drain 7d7ba1fd2395771f                    asks for the id once more
  dyntop drain --dry-run 7d7ba1fd2395771f          shows what would go, and removes nothing
"""

RESTORE_EXAMPLES = """\
Puts back the same bytes under the same key and lease. A key that is there is never replaced, and
what hung on a lease that has ended cannot be put back.

examples:
  dyntop history                                   to find the id
  dyntop restore 20261121-134501-3f2a              all of an act
  dyntop restore 20261121-134501-3f2a.2            its second key
  dyntop restore --dry-run 20261121-134501-3f2a    shows what would come back
"""

HISTORY_EXAMPLES = """\
Reads what was removed from the audit, by whichever dyntop of this user; needs no store.

examples:
  dyntop history                                   all that is kept, the newest last
  dyntop history -N 1                              the last act
  dyntop history -o json | jq -r '.[] | select(.act == "drain") | .id'
"""

STATS_EXAMPLES = """\
Asks all services of the NATS that NATS_SERVER or --nats names, once, within a second, and joins
what they say to the instances in the store. Workers of the NATS request plane have such services,
those of the TCP request plane have none. One that is paused looks like one that is gone.
With -o json it is a list of objects; with --interval too, one object a line.
Exit codes: 0 done, 2 usage (also: no NATS is named), 3 store or NATS unreachable, 4 not authorised.

examples:
  dyntop stats                                     totals, and each instance
  dyntop stats -n prod -c backend --interval 5     with rates
  dyntop stats -o json | jq -r '.[] | select(.answer == "silent") | .subject'
  dyntop stats -o prometheus | sponge /var/lib/node_exporter/dynamo.prom
"""


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
        # As tui.logs.LEVELS, which is not imported for this.
        choices=("debug", "info", "warning", "error"),
        default=nothing,
        help="how much of it (default info)",
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
