"""From the command line to a command, and one place where every error becomes a sentence.

Imports little: what a command needs is imported when it is chosen.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from tui.arguments import build_parser

if TYPE_CHECKING:
    from tui.complaints import Exit
    from tui.settings import Settings

DEBUG = "DYNTOP_DEBUG"
"""Environment name: `1` shows tracebacks."""

ONLY_LOOKING = ("list", "watch", "check", "stats", "tap")
"""Commands that never remove anything."""


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

    if not environ.get(DEBUG):
        # asyncio logs what went wrong in the background, tracebacks and all, if nobody listens.
        logging.getLogger().addHandler(logging.NullHandler())
    if arguments.command == "history":
        from backends.audit import default_path
        from tui.commands import history

        return history.run(default_path(environ), arguments)
    from backends.lookout import Probing
    from tui import contexts
    from tui.settings import Settings

    settings = Settings.from_environment(
        environ,
        # A demo needs no file, and is in no context's store.
        context=None if arguments.demo else contexts.chosen(environ, arguments.context),
        backend=arguments.backend,
        endpoints=arguments.endpoints,
        file_store=arguments.file_store,
        nats=arguments.nats,
        namespace=arguments.namespace,
        read_only=arguments.read_only,
        demo=arguments.demo,
        probing=Probing(arguments.probing),
        lease_rate=arguments.lease_rate,
        metrics=arguments.metrics,
        # Who only looks needs no home to write to.
        no_audit=arguments.no_audit or arguments.command in ONLY_LOOKING,
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
        case "check":
            from tui.commands import check

            return check.run
        case "tap":
            from tui.commands import tap

            return tap.run
        case "drain":
            from tui.commands import drain

            return drain.run
        case "restore":
            from tui.commands import restore

            return restore.run
        case "stats":
            from tui.commands import stats

            return stats.run
        case _:
            from tui.app import run

            return lambda settings, _: run(settings)


def _explained(error: Exception, store: str = "") -> int:
    """Says what happened in one sentence, and returns the exit code."""
    from backends.acts import RestoreRefused
    from backends.audit import AuditFailed
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
        case StoreError() | RestoreRefused() | AuditFailed():
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
