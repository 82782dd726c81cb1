"""The command line: flags to settings, and one place where every error becomes a sentence.

Imports little: what a command needs is imported when it is chosen.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

from tui import __version__

if TYPE_CHECKING:
    from tui.complaints import Exit
    from tui.settings import Settings

DEBUG = "DYNTOP_DEBUG"
"""Environment name: `1` shows tracebacks."""

EXAMPLES = """\
examples:
  dyntop                                   the dashboard, on the store that Dynamo's settings name
  dyntop --demo                            the dashboard on a cluster in memory; needs nothing
  dyntop --endpoints http://etcd-0:2379    ... on this etcd
  dyntop --file-store /data/dynamo_kv      ... on this folder of Dynamo's file store
  dyntop -n prod --read-only               ... on namespace prod and those in it (prod.*)
  dyntop list models -o json               for scripts; see dyntop list --help

environment (Dynamo's own names; flags go before them):
  DYN_DISCOVERY_BACKEND  etcd (default) or file
  ETCD_ENDPOINTS         http://host:port,... (default http://localhost:2379)
  ETCD_AUTH_USERNAME, ETCD_AUTH_PASSWORD
  ETCD_AUTH_CA, ETCD_AUTH_CLIENT_CERT, ETCD_AUTH_CLIENT_KEY    a path or the PEM text itself
  DYN_FILE_KV            the file store's folder (default $TMPDIR/dynamo_store_kv)
  DYN_NAMESPACE          as --namespace
  DYNTOP_READ_ONLY       1: as --read-only

exit codes: 0 done, 1 refused or nothing to remove, 2 usage, 3 store unreachable, 4 not authorised
"""

LIST_EXAMPLES = """\
examples:
  dyntop list                                      everything, as a table
  dyntop list endpoints -n prod -c backend         one component's instances
  dyntop list models -o json | jq -r '.[].model_name'
  dyntop list channels -t kv-events --liveness     and how long each lease still has
  dyntop list -o name | grep 7d7ba1fd2395771f      keys, as dyntop unregister takes them
"""

WATCH_EXAMPLES = """\
Each line is one object: {"event": "added", "time", "record"}, {"event": "removed", "time", "id"} or
{"event": "resync", "time", "revision"}. First comes an added for each record there is, then one
resync, then every change; a changed value is added again. After a gap the differences come, then a
resync.

examples:
  dyntop watch                                     everything
  dyntop watch endpoints -n prod -c backend
  dyntop watch | jq -r 'select(.event == "removed") | .id.key'
"""

UNREGISTER_EXAMPLES = """\
A key is removed only in the revision that it has when it is looked at. A live worker that loses its
key runs on, and clients do not route to it any more until it restarts.

examples:
  dyntop unregister v1/instances/prod/backend/generate/7d7ba1fd2395771f
  dyntop unregister --dry-run KEY...               shows what would go, and removes nothing
  dyntop unregister --yes --revision 42 KEY        for scripts: this revision or nothing
  dyntop list -o name -n old | xargs -d '\\n' dyntop unregister --yes
"""


class _Parser(argparse.ArgumentParser):
    """Complains as all of dyntop does: one sentence, harmless text."""

    def error(self, message: str) -> NoReturn:
        from tui.plain import plain

        self.exit(2, f"dyntop: {plain(message)}; see {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run `dyntop` and return its exit code. Never raises."""
    try:
        return _main(sys.argv[1:] if argv is None else argv, os.environ)
    except SystemExit as end:
        # argparse: 0 after --help and --version, 2 for usage.
        return _flushed(end.code if isinstance(end.code, int) else 1)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return _explained(error)


def _main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    arguments = build_parser().parse_args(argv)
    # From here on it costs time: pydantic, and the library of the store.
    import logging

    from tui.settings import Settings

    if not environ.get(DEBUG):
        # asyncio logs what went wrong in the background, tracebacks and all, if nobody listens.
        logging.getLogger().addHandler(logging.NullHandler())
    settings = Settings.from_environment(
        environ,
        backend=arguments.backend,
        endpoints=arguments.endpoints,
        file_store=arguments.file_store,
        namespace=arguments.namespace,
        read_only=arguments.read_only,
        demo=arguments.demo,
    )
    try:
        return _command(arguments.command)(settings, arguments)
    except Exception as error:
        return _explained(error, "memory" if settings.demo else settings.connection.backend)


def _command(name: str | None) -> Callable[[Settings, argparse.Namespace], int | Exit]:
    match name:
        case "list":
            from tui.commands import list as listing

            return listing.run
        case "watch":
            from tui.commands import watch

            return watch.run
        case "unregister":
            from tui.commands import unregister

            return unregister.run
        case _:
            from tui.app import run

            return lambda settings, _: run(settings)


def _explained(error: Exception, store: str = "") -> int:
    """Says what happened in one sentence, and returns the exit code."""
    from backends.store import StoreError
    from tui.commands import OutputFailed, say
    from tui.complaints import Exit, explain

    if os.environ.get(DEBUG):
        import traceback

        traceback.print_exception(error)
    match error:
        case BrokenPipeError():
            _give_up_output()
            return Exit.OUTPUT_CLOSED
        case OutputFailed():
            _give_up_output()
            say(str(error))
            return Exit.REFUSED
        case StoreError():
            complaint = explain(error, store)
            say(complaint.sentence)
            return complaint.exit_code
    # The error's own text is not shown: it may hold anything, also a secret.
    say(
        f"stopped by a fault of its own ({type(error).__name__}): please report it to dyntop's "
        f"issue tracker, with what {DEBUG}=1 shows"
    )
    return Exit.REFUSED


def _flushed(code: int) -> int:
    """Write out what argparse printed: whoever reads it may be gone, or the disk full."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        _give_up_output()
        return 141 if isinstance(error, BrokenPipeError) else 1
    return code


def _give_up_output() -> None:
    """Let nothing more be written: Python would try once more at its end, and complain."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    listing = _add_command(commands, "list", "print what is registered", LIST_EXAMPLES)
    _add_filters(listing)
    listing.add_argument("-o", "--output", choices=("table", "json", "name"), default="table")
    listing.add_argument(
        "--liveness", action="store_true", help="ask for each lease's time to live too"
    )

    watching = _add_command(commands, "watch", "print every change as a line", WATCH_EXAMPLES)
    _add_filters(watching)
    watching.add_argument("-o", "--output", choices=("json",), default="json")

    removing = _add_command(commands, "unregister", "remove keys", UNREGISTER_EXAMPLES)
    removing.add_argument(
        "keys", metavar="KEY", nargs="+", help="in full, as dyntop list -o name prints it"
    )
    removing.add_argument("-y", "--yes", action="store_true", help="ask nothing")
    removing.add_argument("--revision", metavar="N", help="only if the KEY has this revision")
    removing.add_argument("--dry-run", action="store_true", help="remove nothing, show what would")
    return parser


def _add_command(
    commands: argparse._SubParsersAction[_Parser], name: str, summary: str, examples: str
) -> _Parser:
    parser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_common(parser, first=False)
    return parser


def _add_common(parser: argparse.ArgumentParser, *, first: bool) -> None:
    """The flags that may stand before the command and after it."""
    group = parser.add_argument_group("store and view")
    # After the command a flag that is not given must not undo the one given before it.
    nothing = None if first else argparse.SUPPRESS
    off = False if first else argparse.SUPPRESS
    group.add_argument(
        "--backend",
        choices=("auto", "etcd", "file", "nats", "memory"),
        default=nothing,
        help="which kind of store; auto, the default, goes by DYN_DISCOVERY_BACKEND",
    )
    group.add_argument(
        "--endpoints", metavar="URLS", default=nothing, help="of etcd, separated by commas"
    )
    group.add_argument(
        "--file-store", metavar="DIR", default=nothing, help="the folder of Dynamo's file store"
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


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        nargs="?",
        choices=("endpoints", "models", "channels", "sources", "all"),
        default="all",
        help="all, the default, includes keys that dyntop does not know",
    )
    parser.add_argument("-c", "--component", metavar="NAME")
    parser.add_argument("-e", "--endpoint", metavar="NAME")
    parser.add_argument("-t", "--topic", metavar="NAME", help="of channels and sources")
