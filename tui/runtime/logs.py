"""Log the work of dyntop: in a file (`--log`), and the last lines in memory. Nothing of it reaches
the screen or standard error.

A line is plain text, whoever wrote its parts, and has no secret. Logging never waits: a thread
writes.
"""

from __future__ import annotations

import logging
import queue
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from backends.redact import Mask
from backends.removal.audit.disk import AuditFailed, translated
from backends.removal.audit.file import AppendedFile
from backends.store import Misconfigured
from tui.config.log_levels import DEFAULT_LEVEL, LEVELS
from tui.text.sanitize import ELLIPSIS, plain
from tui.text.timestamps import utc_stamp

LOG = "DYNTOP_LOG"
LEVEL = "DYNTOP_LOG_LEVEL"
"""Environment names: as `--log` and `--log-level`."""

OWN = ("backends", "tui")
"""Loggers whose lines are written from the chosen level on; of others only warnings."""

LAST = 100
"""Lines in memory, for a crash report."""

LONGEST = 2000
"""Characters of a message or of a line of a traceback."""
LONGEST_READ = 8000
"""The most characters of a text that are processed: names may be 100 KB."""
MOST_LINES = 200
"""Of one traceback, the last ones."""

OnProblem = Callable[[str], None]


class LogLimits(msgspec.Struct, frozen=True):
    """Limits of a log file."""

    rotate_at: int = 4 * 1024 * 1024
    """Bytes; beyond it a new file begins."""
    kept: int = 3
    """Files kept besides the one that is written."""
    most_waiting: int = 10_000
    """Entries that wait for the disk; further ones are counted, and dropped."""
    at_a_time: int = 1000
    """Lines in one write."""
    grace: float = 1.0
    """Seconds that the disk gets at the end."""


DEFAULT_LIMITS = LogLimits()


def log_options(environ: Mapping[str, str], path: str | None, level: str | None) -> tuple[str, str]:
    """Return the file ("" for none) and the level. Flags go before the environment.

    Raises `Misconfigured`.
    """
    level = level or environ.get(LEVEL) or DEFAULT_LEVEL
    if level not in LEVELS:
        raise Misconfigured(LEVEL, f"{level!r} is none of {', '.join(LEVELS)}")
    return environ.get(LOG, "") if path is None else path, level


class Logs(logging.Handler):
    """Takes log records of all libraries, from any thread."""

    def __init__(self, mask: Mask) -> None:
        super().__init__()
        self.last: deque[str] = deque(maxlen=LAST)
        """The newest lines, oldest first."""
        self.mask = mask
        self._file: LogFile | None = None

    def begin(self, path: str, level: str, limits: LogLimits = DEFAULT_LIMITS) -> None:
        """Set the level, and log to a file from now on; "": no file. Call it within
        `logging_to`."""
        set_level(level)
        if path:
            self._file = LogFile(Path(path), limits)

    def report_problem_to(self, on_problem: OnProblem) -> None:
        """Report once, as a sentence, that the file cannot be written. Called from any thread."""
        if self._file is not None:
            self._file.report_problem_to(on_problem)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            lines = list(self._lines(record))
        except Exception:
            # Whoever logs must not fail by it, and nobody looks at standard error.
            at = utc_stamp(record.created)
            lines = [f"{at} a line of {plain(record.name)} could not be made"]
        self.last.extend(lines)
        if self._file is not None:
            self._file.put(lines)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        super().close()

    def _lines(self, record: logging.LogRecord) -> Iterator[str]:
        text = harmless(record.getMessage(), self.mask)
        yield f"{utc_stamp(record.created)} {record.levelname} {plain(record.name)}: {text}"
        if record.exc_info and record.exc_info[1] is not None:
            yield from traceback_of(record.exc_info[1], self.mask)


def harmless(text: str, mask: Mask) -> str:
    """Return any text as one plain line without secrets, and not too long."""
    text = mask(text[:LONGEST_READ])
    return plain(text if len(text) <= LONGEST else text[:LONGEST] + ELLIPSIS)


def traceback_of(error: BaseException, mask: Mask) -> list[str]:
    """Return a traceback as indented lines, so that none can be taken for the next entry. It has
    the code's own lines and the errors' texts, and no values of variables."""
    # Each is one part of its own, as some errors' texts are: of a key in several lines, say.
    parts = [mask(part[:LONGEST_READ]) for part in traceback.format_exception(error)]
    lines = [line for part in parts for line in part.splitlines()]
    shown = [f"    {plain(line[:LONGEST])}" for line in lines[-MOST_LINES:]]
    return shown if len(shown) == len(lines) else [f"    {ELLIPSIS}", *shown]


class LogFile:
    """Appends lines to a file in a thread of its own. The file is for this user alone, and rotated.

    Not with `QueueListener`, whose end waits for the disk however long that takes, nor with
    `RotatingFileHandler`, which follows symbolic links, writes files that others can read, and
    writes each line by itself.
    """

    def __init__(self, path: Path, limits: LogLimits = DEFAULT_LIMITS) -> None:
        self._path = path.absolute()
        self._limits = limits
        self._file = AppendedFile(self._path, limits.rotate_at, limits.kept, durable=False)
        # Its put never waits and may be called where the same thread is just within it.
        self._waiting: queue.SimpleQueue[list[str] | None] = queue.SimpleQueue()
        self._missing = 0
        """Lines that were not written since the last one that was."""
        self._on_problem: OnProblem | None = None
        self._problem: str | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._write, name="dyntop-log", daemon=True)
        self._thread.start()

    def put(self, lines: list[str]) -> None:
        if self._waiting.qsize() < self._limits.most_waiting:
            self._waiting.put(lines)
        else:
            self._missing += len(lines)

    def report_problem_to(self, on_problem: OnProblem) -> None:
        with self._lock:
            self._on_problem, known = on_problem, self._problem
        if known is not None:
            on_problem(known)

    def close(self) -> None:
        """Write the waiting lines, if the disk takes them in a moment."""
        self._waiting.put(None)
        self._thread.join(self._limits.grace)

    def _write(self) -> None:
        ended = False
        while not ended:
            lines: list[str] = []
            more = self._waiting.get()
            while more is not None:
                lines += more
                if len(lines) >= self._limits.at_a_time or self._waiting.empty():
                    break
                more = self._waiting.get()
            ended = more is None
            if lines:
                self._append(lines)

    def _append(self, lines: list[str]) -> None:
        missing, self._missing = self._missing, 0
        gap = [f"{utc_stamp(time.time())} … {missing:,} lines are missing"] if missing else []
        text = "".join(f"{line}\n" for line in (*gap, *lines))
        try:
            with translated(self._path):
                self._file.append(text.encode("utf-8", "backslashreplace"))
        except AuditFailed as error:
            self._missing += missing + len(lines)
            self._complain(f"the log cannot be written ({error.path}: {error.reason})")

    def _complain(self, problem: str) -> None:
        with self._lock:
            on_problem = self._on_problem if self._problem is None else None
            self._problem = self._problem or problem
        if on_problem is not None:
            on_problem(problem)


def set_level(level: str) -> None:
    """Set the level from which on dyntop's own lines are kept; of others at least warnings."""
    at_least = logging.getLevelNamesMapping()[level.upper()]
    for name in OWN:
        logging.getLogger(name).setLevel(at_least)
    logging.getLogger().setLevel(max(at_least, logging.WARNING))


@contextmanager
def logging_to(logs: Logs) -> Iterator[None]:
    """Send all log records to a handler during the block, and none to standard error: also what
    Python would print of failing threads, and of objects that cannot be cleared away."""
    root = logging.getLogger()
    before = {logger: logger.level for logger in (root, *map(logging.getLogger, OWN))}
    hooks = threading.excepthook, sys.unraisablehook

    def of_thread(failed: threading.ExceptHookArgs) -> None:
        if failed.exc_value is not None:
            name = None if failed.thread is None else failed.thread.name
            root.error("the thread %s failed", name, exc_info=failed.exc_value)

    def of_object(failed: sys.UnraisableHookArgs) -> None:
        what = failed.err_msg or "an error without a handler"
        root.error("%s", what, exc_info=failed.exc_value)

    set_level(DEFAULT_LEVEL)
    root.addHandler(logs)
    threading.excepthook, sys.unraisablehook = of_thread, of_object
    try:
        yield
    finally:
        threading.excepthook, sys.unraisablehook = hooks
        root.removeHandler(logs)
        for logger, level in before.items():
            logger.setLevel(level)
        logs.close()
