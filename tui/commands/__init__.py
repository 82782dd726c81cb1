"""The commands for scripts, one a file, and what they share.

Standard output has the data only; every message goes to standard error.
"""

from __future__ import annotations

import argparse
import errno
import gc
import io
import os
import select
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import TextIO

from backends.ids import Kind
from backends.queries import Query
from backends.store import TimeToLive
from tui.complaints import Exit
from tui.plain import plain
from tui.settings import Settings, as_name

BUCKETS: dict[str, frozenset[Kind]] = {
    "endpoints": frozenset({Kind.ENDPOINT}),
    "models": frozenset({Kind.MODEL}),
    "channels": frozenset({Kind.EVENT_CHANNEL}),
    "sources": frozenset({Kind.EVENT_SOURCE}),
    "workers": frozenset(Kind),
    "all": frozenset(Kind),
}
"""What can be listed, by the word on the command line."""

LINES_IN_A_WRITE = 500


class OutputFailed(Exception):
    """Standard output cannot take what is written; the text says why."""


def say(sentence: str) -> None:
    """A message to the person, on standard error; made harmless."""
    # Without a standard error there is nobody to tell.
    with suppress(OSError, ValueError):
        print(f"dyntop: {plain(sentence)}", file=sys.stderr, flush=True)


def write_lines(lines: Iterable[str], out: TextIO | None = None) -> None:
    """Data to standard output, flushed.

    Raises BrokenPipeError if nobody reads it any more, `OutputFailed` for a full disk and the like.
    """
    out = sys.stdout if out is None else out
    # Closed by the shell (`>&-`): there is no such object then.
    if out is None:
        raise OutputFailed("standard output is closed")
    waiting: list[str] = []
    try:
        for line in lines:
            waiting.append(f"{line}\n")
            if len(waiting) == LINES_IN_A_WRITE:
                out.write("".join(waiting))
                waiting.clear()
        out.write("".join(waiting))
        out.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        problem = error.strerror or errno.errorcode.get(error.errno or 0, "input or output failed")
        raise OutputFailed(f"cannot write to standard output: {problem}") from error


def check_for_reader() -> None:
    """Raises BrokenPipeError if standard output is a pipe that nobody reads any more."""
    if sys.stdout is None:
        return
    try:
        number = sys.stdout.fileno()
    except io.UnsupportedOperation:
        return  # no file at all, so no pipe
    poll = select.poll()
    poll.register(number, 0)
    if any(event & select.POLLERR for _, event in poll.poll(0)):
        raise BrokenPipeError


def speaks_utf8(out: TextIO | None) -> bool:
    """Whether characters that are not ASCII reach the reader as they are."""
    encoding = getattr(out, "encoding", None) or "ascii"
    return encoding.lower().replace("_", "-") in ("utf-8", "utf8")


def end_at_once_on_interrupt() -> None:
    """For a command that only reads: Ctrl-C ends it wherever it is, also in a write that blocks.

    There is nothing to tidy up: no lease, no file, no change of the terminal.
    """
    # Somebody who started us with Ctrl-C ignored (nohup, a script's background) meant it.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: os._exit(Exit.INTERRUPTED))


def keep_all() -> None:
    """For a command that makes tens of thousands of records and drops none before its end:
    searching them for garbage again and again would be a fifth of the time."""
    gc.disable()


def query_of(settings: Settings, arguments: argparse.Namespace) -> Query:
    """What a command was asked to list or watch, by its `what` and its filters."""
    names = (arguments.component, arguments.endpoint, arguments.topic)
    return query(settings, arguments.what, *names)


def query(
    settings: Settings, what: str, component: str | None, endpoint: str | None, topic: str | None
) -> Query:
    """What to list or watch; a name that is None is any, an empty component is one of its own."""
    return Query(
        BUCKETS[what],
        namespace=settings.namespace,
        component=_name(component),
        endpoint=_name(endpoint),
        topic=_name(topic),
        nested=True,
    )


def _name(given: str | None) -> str | None:
    return None if given is None else as_name(given)


def described(settings: Settings) -> str:
    """The filter on the namespace and where it came from, to end a sentence with."""
    if settings.namespace is None:
        return ""
    return f" in namespace {settings.namespace} ({settings.namespace_source})"


def say_nothing_found(settings: Settings, arguments: argparse.Namespace, where: str) -> None:
    """That the filters match nothing, and which they are. `where` is the store."""
    what = "nothing" if arguments.what == "all" else f"no {arguments.what}"
    named = ("component", "endpoint", "topic")
    filters = [
        f", {name} {text}" for name in named if (text := getattr(arguments, name)) is not None
    ]
    say(f"{what} found in {where}{described(settings)}{''.join(filters)}")


def life(ttl: TimeToLive | None) -> str:
    """Seconds left, and granted."""
    if ttl is None:
        return "none"
    if ttl.granted is None:
        return "over"
    # More than was granted, where the clock of whoever touched a file is ahead.
    return f"{min(ttl.remaining, ttl.granted):.0f}/{ttl.granted:.0f}s"
