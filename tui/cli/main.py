"""From the command line to a command. Each error ends here, worded by `tui/text/errors.py`.

Imports little: each command's modules are imported when it is chosen.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from tui import __version__
from tui.cli.arguments.commands import build_parser

if TYPE_CHECKING:
    from tui.config.other_contexts import OtherContexts
    from tui.config.settings import Settings
    from tui.runtime.logs import Logs
    from tui.text.errors import Exit

DEBUG = "DYNTOP_DEBUG"
"""Environment variable: `1` shows tracebacks."""

ASKED_BY_A_SHELL = "_ARGCOMPLETE"
"""Environment variable: set where a shell asks what a word can be (`tui/cli/completion/`)."""

KEEPING = ("list", "show", "diff", "events", "check", "doctor")
"""Commands that keep tens of thousands of records to their end. Searching them for garbage
repeatedly would take a fifth of the time."""
ONLY_LOOKING = (
    *("list", "show", "diff", "events", "watch", "record", "report"),
    *("check", "wait", "stats", "tap", "doctor"),
)
"""Commands that never remove keys."""
ONE_IS_AN_ANSWER = ("diff",)
"""Commands whose exit code 1 is no trouble: trouble is 2 or more, as of `diff` and `grep`."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `dyntop` and return its exit code. Never raises. Without `argv` it is that of the
    process, which ends here.
    """
    # gRPC's C core writes failed handshakes to standard error, over the screen. It reads the
    # variable at its first import. A value set by the user stays.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        if ASKED_BY_A_SHELL in os.environ:
            from tui.cli.completion.answering import answer

            return answer(build_parser())
        code = _main(sys.argv[1:] if argv is None else argv, os.environ)
        if argv is None:
            _end(code)
        return code
    except SystemExit as end:
        # argparse: 0 after --help and --version, 2 for usage.
        return _flushed(end.code if isinstance(end.code, int) else 1)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        # An error outside of `_logged`, e.g. a module of dyntop that cannot be imported.
        print(f"dyntop: crashed ({type(error).__name__})", file=sys.stderr)
        return 1


def _main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    arguments = build_parser().parse_args(argv)
    from tui.runtime.open_files import why_too_few

    # With very few open files gRPC would end this process without a message.
    if (problem := why_too_few()) is not None:
        print(f"dyntop: {problem}", file=sys.stderr)
        return 2
    # What is imported stays for the whole run, as do the dashboard's first contents. Searching them
    # for garbage repeatedly would take an eighth of the start.
    gc.disable()
    # Imports from here on take time.
    from tui.runtime.logs import Logs, logging_to
    from tui.runtime.redact import masks

    logs = Logs(masks(environ, (arguments.nats or "", *(arguments.metrics or ()))))
    with logging_to(logs):
        return _logged(arguments, environ, logs)


def _logged(arguments: argparse.Namespace, environ: Mapping[str, str], logs: Logs) -> int:
    import logging

    from tui.runtime.logs import log_options
    from tui.runtime.standard_streams import print_message

    log = logging.getLogger(__name__)
    settings: Settings | None = None
    try:
        logs.begin(*log_options(environ, arguments.log, arguments.log_level))
        if arguments.command is not None:
            # The dashboard shows it in the header.
            logs.report_problem_to(print_message)
        command = arguments.command or "the dashboard"
        log.info("dyntop %s, Python %d.%d.%d: %s", __version__, *sys.version_info[:3], command)
        if arguments.command == "history":
            from backends.removal.audit.location import default_path
            from tui.cli.commands import history

            code: int = history.run(default_path(environ), arguments)
        elif arguments.command == "config":
            from tui.cli.commands import config

            code = config.run(partial(_settings, arguments, environ), environ, logs.mask, arguments)
        elif arguments.command == "completion":
            from tui.cli.commands import completion

            code = completion.run(arguments)
        elif arguments.command == "replay":
            from tui.cli.commands import replay

            code = replay.run(environ, logs, arguments)
        else:
            settings = _settings(arguments, environ)
            contexts = _other_contexts(arguments, environ) if arguments.command is None else None
            run = _command(arguments.command, logs, contexts)
            if arguments.command not in (None, *KEEPING):
                gc.enable()
            code = run(settings, arguments)
    except Exception as error:
        from tui.text.errors import Exit

        code = _explained(error, settings, logs)
        if code == Exit.REFUSED and arguments.command in ONE_IS_AN_ANSWER:
            code = Exit.USAGE
    log.info("ended with exit code %d", code)
    return code


def _settings(arguments: argparse.Namespace, environ: Mapping[str, str]) -> Settings:
    from backends.liveness.gathering import Probing
    from tui.config.contexts import chosen
    from tui.config.settings import Settings

    file = None
    if arguments.command in (None, "config", "report"):
        from tui.config.settings_file import settings_file

        file = settings_file(environ)
    return Settings.from_environment(
        environ,
        # The demo reads no contexts file: its store is in no context.
        context=None if arguments.demo else chosen(environ, arguments.context),
        backend=arguments.backend,
        endpoints=arguments.endpoints,
        file_store=arguments.file_store,
        nats=arguments.nats,
        kube_context=arguments.kube_context,
        kube_namespace=arguments.kube_namespace,
        namespace=arguments.namespace,
        read_only=arguments.read_only,
        demo=arguments.demo,
        probing=None if arguments.probing is None else Probing(arguments.probing),
        lease_rate=arguments.lease_rate,
        notify=arguments.notify,
        metrics=arguments.metrics,
        metrics_always=arguments.metrics_always,
        # Commands that only read need no home folder to write to.
        no_audit=arguments.no_audit or arguments.command in ONLY_LOOKING,
        file=file,
    )


def _command(
    name: str | None, logs: Logs, contexts: OtherContexts | None = None
) -> Callable[[Settings, argparse.Namespace], int | Exit]:
    if name is None:
        from tui.app import run as dashboard

        return lambda settings, _: dashboard(settings, logs, contexts)
    run: Callable[[Settings, argparse.Namespace], int | Exit]
    run = import_module(f"tui.cli.commands.{name}").run
    return run


def _other_contexts(arguments: argparse.Namespace, environ: Mapping[str, str]) -> OtherContexts:
    """Return the contexts that the dashboard may go on with."""
    from backends.liveness.gathering import Probing
    from tui.config.other_contexts import KeptFlags, OtherContexts

    kept: KeptFlags = {
        "read_only": arguments.read_only,
        "probing": None if arguments.probing is None else Probing(arguments.probing),
        "lease_rate": arguments.lease_rate,
        "no_audit": arguments.no_audit,
    }
    return OtherContexts(environ, kept)


def _explained(error: Exception, settings: Settings | None, logs: Logs) -> int:
    """Print an error as one sentence. Return the exit code."""
    import logging

    from backends.removal.audit.disk import AuditFailed
    from backends.removal.errors import RestoreRefused
    from backends.store import StoreError
    from tui.runtime.standard_streams import OutputFailed, print_message
    from tui.text.errors import Exit, explain

    log = logging.getLogger(__name__)
    if os.environ.get(DEBUG):
        from tui.runtime.logs import traceback_of

        for line in traceback_of(error, logs.mask):
            print(line, file=sys.stderr)
    match error:
        case BrokenPipeError():
            _give_up_output()
            return Exit.OUTPUT_CLOSED
        case OutputFailed():
            _give_up_output()
            print_message(str(error))
            return Exit.REFUSED
        case StoreError() | RestoreRefused() | AuditFailed():
            problem = explain(error, _store(settings))
            log.error("%s", problem.sentence)
            log.debug("the error was", exc_info=error)
            print_message(logs.mask(problem.sentence))
            return problem.exit_code
    from tui.runtime.crash_report import write_report

    report = write_report(error, settings, logs)
    log.error("crashed", exc_info=error)
    # The error's own text is not shown: it may contain anything, even a secret.
    print_message(
        f"crashed ({type(error).__name__}): please report it to dyntop's issue tracker, "
        f"with {f'the traceback ({DEBUG}=1 shows it)' if report is None else report}"
    )
    return Exit.REFUSED


def _store(settings: Settings | None) -> str:
    if settings is None:
        return ""
    return "memory" if settings.demo else settings.connection.backend


def _end(code: int) -> None:
    """End the process without freeing each object first, which takes a tenth of a short run and
    longer after a large snapshot. Returns if a thread or standard output still has to be waited
    for, or fails: Python ends then as it always does.
    """
    if any(not one.daemon for one in threading.enumerate() if one is not threading.main_thread()):
        return
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        return
    os._exit(code)


def _flushed(code: int) -> int:
    """Flush what argparse printed: its reader may have closed, or the disk may be full."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        _give_up_output()
        return 141 if isinstance(error, BrokenPipeError) else 1
    return code


def _give_up_output() -> None:
    """Discard all further output: Python would flush once more at its end, and print an error."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
