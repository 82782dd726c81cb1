"""The command line and its help: dyntop's own flags, and all commands.

Imports nothing slow: it runs before the command is known.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from tui import __version__
from tui.cli import help_examples as examples
from tui.cli.arguments.changing import add_drain, add_restore, add_unregister
from tui.cli.arguments.flags import add_common, add_dashboard, add_log, add_no_audit, add_shell
from tui.cli.arguments.looking import (
    add_check,
    add_config,
    add_diff,
    add_doctor,
    add_events,
    add_history,
    add_list,
    add_record,
    add_replay,
    add_report,
    add_show,
    add_stats,
    add_tap,
    add_wait,
    add_watch,
)
from tui.cli.arguments.parser import Parser


class Command(NamedTuple):
    """A command, as `dyntop --help` lists it."""

    name: str
    summary: str
    examples: str
    """Printed below its flags by `dyntop NAME --help`."""
    add: Callable[[argparse.ArgumentParser], None]
    """Adds what it takes, but for the flags of all commands."""
    store: bool = True
    """Whether it has the flags of a store."""


COMMANDS = (
    Command("list", "print registered records", examples.LIST_EXAMPLES, add_list),
    Command(
        "show", "print one process, key or model with all details", examples.SHOW_EXAMPLES, add_show
    ),
    Command(
        "diff",
        "print what changed between two revisions of etcd or NATS",
        examples.DIFF_EXAMPLES,
        add_diff,
    ),
    Command("watch", "print every change as a line", examples.WATCH_EXAMPLES, add_watch),
    Command(
        "record",
        "write all changes into a file, for days",
        examples.RECORD_EXAMPLES,
        add_record,
    ),
    Command(
        "check", "print findings: records that are not alive", examples.CHECK_EXAMPLES, add_check
    ),
    Command("wait", "wait until a model is served, or gone", examples.WAIT_EXAMPLES, add_wait),
    Command("tap", "print the messages of an event channel", examples.TAP_EXAMPLES, add_tap),
    Command("unregister", "remove keys", examples.UNREGISTER_EXAMPLES, add_unregister),
    Command(
        "drain",
        "take a worker out of routing; it keeps running",
        examples.DRAIN_EXAMPLES,
        add_drain,
    ),
    Command("restore", "put removed keys back", examples.RESTORE_EXAMPLES, add_restore),
    Command(
        "history",
        "print earlier removals and restores",
        examples.HISTORY_EXAMPLES,
        add_history,
        store=False,
    ),
    Command(
        "events",
        "print what happened in a recording, when, and why",
        examples.EVENTS_EXAMPLES,
        add_events,
        store=False,
    ),
    Command(
        "replay",
        "show a recording in the dashboard, with a timeline",
        examples.REPLAY_EXAMPLES,
        add_replay,
        store=False,
    ),
    Command(
        "stats",
        "print the figures of NATS services: requests, errors, processing time",
        examples.STATS_EXAMPLES,
        add_stats,
    ),
    Command(
        "doctor",
        "find out where the way to the store fails",
        examples.DOCTOR_EXAMPLES,
        add_doctor,
    ),
    Command(
        "report",
        "write one file for a bug report",
        examples.REPORT_EXAMPLES,
        add_report,
    ),
    Command(
        "config",
        "print the settings and where they come from, or check the files",
        examples.CONFIG_EXAMPLES,
        add_config,
    ),
    Command(
        "completion",
        "print the completion script of a shell",
        examples.COMPLETION_EXAMPLES,
        add_shell,
        store=False,
    ),
)
"""In the order of the help."""


def build_parser() -> Parser:
    """Return the parser of the whole command line."""
    parser = Parser(
        prog="dyntop",
        description="A live view of NVIDIA Dynamo's service discovery. "
        "Without a command it starts the dashboard.",
        epilog=examples.EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"dyntop {__version__}")
    add_common(parser, first=True)
    add_log(parser, first=True)
    add_no_audit(parser, first=True)
    add_dashboard(parser)
    added = parser.add_subparsers(dest="command", metavar="COMMAND")
    for command in COMMANDS:
        one = added.add_parser(
            command.name,
            help=command.summary,
            description=f"{command.summary[0].upper()}{command.summary[1:]}.",
            epilog=command.examples,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        one.add_later = partial(_add_arguments, command)
    return parser


def _add_arguments(command: Command, parser: Parser) -> None:
    command.add(parser)
    if command.store:
        add_common(parser, first=False)
    add_log(parser, first=False)
