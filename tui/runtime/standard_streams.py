"""Standard output carries the data of a command, standard error its messages."""

from __future__ import annotations

import errno
import io
import os
import select
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import TextIO

from tui.text.errors import Exit
from tui.text.sanitize import plain

LINES_IN_A_WRITE = 500


class OutputFailed(Exception):
    """Standard output cannot be written to; the text gives the reason."""


def print_message(sentence: str) -> None:
    """Print a message to standard error, as harmless text."""
    # Without a standard error there is no place for it.
    with suppress(OSError, ValueError):
        print(f"dyntop: {plain(sentence)}", file=sys.stderr, flush=True)


def write_lines(lines: Iterable[str], out: TextIO | None = None) -> None:
    """Write data to standard output, and flush it. Characters that its encoding does not have are
    spelled out (`\\u25cf`).

    Raises BrokenPipeError if its reader has closed, `OutputFailed` for a full disk and the like.
    """
    out = sys.stdout if out is None else out
    # Closed by the shell (`>&-`): there is no such object then.
    if out is None:
        raise OutputFailed("standard output is closed")
    if isinstance(out, io.TextIOWrapper) and out.errors != "backslashreplace":
        out.reconfigure(errors="backslashreplace")
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
    """Raises BrokenPipeError if standard output is a pipe whose reader has closed."""
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


def terminal_columns(out: TextIO | None) -> int | None:
    """Return how many columns a stream's terminal has. None: it is no terminal, or says none."""
    try:
        if out is None or not out.isatty():
            return None
        return os.get_terminal_size(out.fileno()).columns or None
    except (OSError, ValueError):
        return None


def speaks_utf8(out: TextIO | None) -> bool:
    """Return whether characters beyond ASCII reach the reader unchanged."""
    encoding = getattr(out, "encoding", None) or "ascii"
    return encoding.lower().replace("_", "-") in ("utf-8", "utf8")


def as_written(text: str, out: TextIO | None) -> str:
    """Return a text as `write_lines` writes it, to align it."""
    if text.isascii() or speaks_utf8(out):
        return text
    encoding = getattr(out, "encoding", None) or "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def end_at_once_on_interrupt() -> None:
    """Let Ctrl-C end a command that only reads wherever it is, even in a blocking write.

    It has nothing to clean up: no lease, no file, no change of the terminal.
    """
    # The caller ignores Ctrl-C on purpose (nohup, a script's background): respect that.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: os._exit(Exit.INTERRUPTED))
