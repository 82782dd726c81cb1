"""A program in a real terminal: a pseudo-terminal, and an emulator that keeps its screen.

    with Terminal(["dyntop", "--demo"]) as terminal:
        terminal.wait_for("connected")
        terminal.press("/", "p", "r", "o", "d", "enter")

What is waited for is seen on the screen, and a failure shows the screen as it was last. Each frame
is looked at that came since the last look or the last key, so that what passes while this process
is given no time is seen too.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import pyte

from tests.support.running import COMMAND
from tests.support.starter import Leads, starter

DEADLINE = 60.0
"""Seconds within which an awaited screen must come: generous, these machines are shared."""

UNFINISHED = 10.0
"""Seconds after which a frame that does not end is shown as far as it came."""

REPOSITORY = Path(__file__).parents[2]

# Makes the terminal the controlling one, so that resizing and hanging up send their signals, and
# ends with the process that started it. Not between fork and exec of this process: there the fork
# handlers of gRPC run, which may hang. argv: parent's pid, then the command.
LAUNCHER = """
import ctypes, fcntl, os, signal, sys, termios
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
if os.getppid() == int(sys.argv[1]):
    os.execvp(sys.argv[2], sys.argv[2:])
"""

KEYS = {
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "shift+tab": "\x1b[Z",
    "space": " ",
    "backspace": "\x7f",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "f2": "\x1bOQ",
    **{f"ctrl+{chr(code + 96)}": chr(code) for code in range(1, 27)},
}
"""What a terminal sends. A key of one character sends that."""

# pyte 0.8.2 does not know that `<`, `=` and `>` may stand first in a control sequence: of
# `ESC [ < u`, with which Textual leaves the kitty keyboard protocol, it would draw the `u`.
_TOO_NEW = re.compile(rb"\x1b\[[<=>][0-?]*[ -/]*[@-~]")
_UNFINISHED = re.compile(rb"\x1b(\[[0-?]*[ -/]*)?\Z")
_PRIVATE_MODE = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")
_SWITCHES_SCREEN = re.compile(rb"(\x1b\[\?1049[hl])")

CURSOR = 25
ALTERNATE_SCREEN = 1049
SYNCHRONIZED_OUTPUT = 2026
"""Between its on and its off a program draws one frame, of which nothing is shown before the end.
Programs use it where the terminal answers that it knows it, so this one does."""

_ASKS_FOR_FRAMES = b"\x1b[?2026$p"
_KNOWS_FRAMES = b"\x1b[?2026;2$y"
_ASKS_FOR_STATUS = b"\x1b[5n"
_IS_WELL = b"\x1b[0n"
_UP_TO_END_OF_FRAME = re.compile(rb".*?\x1b\[\?2026l|.+", re.DOTALL)

_forks = False
"""Whether a start may be shorter than what users see. Not where it is measured."""

Observer = Callable[[float, pyte.Screen], object]
"""Told of a frame: when its end was read (seconds of `time.monotonic`), and the screen with it."""


class Terminal:
    """A command that runs in a terminal of its own until `close`.

    `env` is added to a clean environment: no proxies, no settings of this machine. Without an
    `alternate_screen` there is one screen only, as in GNU screen and mosh. It `answers` requests
    for its status, as every terminal does. A crash report fails the test, also of a fault that was
    survived, unless it `may_fail`. It is started `anew` where the start itself is tested, and not
    forked.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 120,
        rows: int = 40,
        env: Mapping[str, str] | None = None,
        alternate_screen: bool = True,
        may_fail: bool = False,
        answers: bool = True,
        anew: bool = False,
    ) -> None:
        self._may_fail = may_fail
        self._config = tempfile.TemporaryDirectory(prefix="dyntop-config-")
        """In which it may remember what is chosen by key, unless it has a home of its own."""
        self._env = _environment(env or {})
        if not {"HOME", "XDG_CONFIG_HOME"} & {*(env or {})}:
            self._env["XDG_CONFIG_HOME"] = self._config.name
        self._screen = pyte.Screen(columns, rows)
        self._alternate_screen = alternate_screen
        self._answers = answers
        self._asked = b""
        """The end of what was read, which may be the beginning of a request."""
        self._main: _Kept | None = None
        """The main screen, while the alternate one is shown."""
        self._stream = pyte.ByteStream(self._screen)
        self._showing = threading.Lock()
        self._unshown: deque[tuple[float, bytes]] = deque()
        """What was read and not drawn yet, and when. Drawing takes the emulator longer than most
        programs take to write, so that is done only when somebody looks."""
        self._pieces: deque[tuple[float, bytes]] = deque()
        """Of what was read first: each up to the end of a frame, and when it was read."""
        self.received = 0
        """Bytes that were read so far."""
        self._is_held = False
        """A condition is looking at one frame: no later one is drawn meanwhile."""
        self._pending = b""
        self._modes: dict[int, bool] = {}
        self._shown: list[str] | None = None
        self._stopped, self._stop = os.pipe()
        self._master, slave = pty.openpty()
        try:
            self._set_size(columns, rows)
            self.process = self._started(command, slave, may_fork=_forks and not anew)
        finally:
            os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _started(
        self, command: Sequence[str], terminal: int, *, may_fork: bool
    ) -> subprocess.Popen[bytes]:
        ours = len(COMMAND)
        if may_fork and list(command[:ours]) == COMMAND:
            fast = starter(_environment({}), draws=True)
            if fast is not None and fast.can_start(self._env):
                return fast.fork(command[ours:], self._env, [terminal] * 3, Leads.AT_TERMINAL)
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", LAUNCHER, str(os.getpid()), *command],
            env=self._env,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        self.close()
        if failed is None and not self._may_fail:
            for report in self.crash_reports():
                raise AssertionError(f"it met a fault of its own:\n{report.read_text()}")

    def crash_reports(self) -> list[Path]:
        """What dyntop wrote about faults of its own."""
        state = self._env.get("XDG_STATE_HOME") or f"{self._env.get('HOME')}/.local/state"
        return sorted(Path(state).glob(f"dyntop/crash-*-{self.process.pid}.txt"))

    # What can be seen.

    def lines(self) -> list[str]:
        """The screen, without spaces at the ends of its lines."""
        if self._is_held:
            return self._drawn()
        self.follow(_nobody)
        until = time.monotonic() + UNFINISHED
        while self._modes.get(SYNCHRONIZED_OUTPUT) and time.monotonic() < until:
            time.sleep(0.005)
            self.follow(_nobody)
        return self._drawn()

    def _drawn(self) -> list[str]:
        """The screen as far as it was drawn."""
        with self._showing:
            if self._shown is None:
                self._shown = [line.rstrip() for line in self._displayed()]
            return self._shown

    def _displayed(self) -> list[str]:
        return list(self._screen.display)

    def text(self) -> str:
        """The screen, as one text."""
        return "\n".join(self.lines())

    def mode(self, number: int) -> bool | None:
        """Whether a private mode, such as `ALTERNATE_SCREEN`, is on. None: nobody said."""
        if not self._is_held:
            self.follow(_nobody)
        return self._modes.get(number)

    def follow(self, observe: Observer) -> None:
        """Draw what was read and not drawn yet, and tell of each frame in it.

        Of a program that does not say where its frames end, each piece that was read is one.
        """
        while self._draw_frame(observe):
            pass

    def _draw_frame(self, observe: Observer) -> bool:
        """Draw what was read up to the end of the next frame, or all; whether it was a frame."""
        with self._showing:
            while self._pieces or self._unshown:
                if not self._pieces:
                    at, chunk = self._unshown.popleft()
                    self._pieces.extend((at, piece) for piece in self._split(chunk))
                    continue
                at, piece = self._pieces.popleft()
                self._show(piece)
                if not self._modes.get(SYNCHRONIZED_OUTPUT):
                    observe(at, self._screen)
                    return True
        return False

    def wait_for(self, what: str | Callable[[str], object], deadline: float = DEADLINE) -> str:
        """Wait until the screen has a text, or a condition holds for it; returns the screen."""
        return self._wait(
            (lambda text: what in text) if isinstance(what, str) else what, repr(what), deadline
        )

    def wait_until_gone(self, what: str, deadline: float = DEADLINE) -> str:
        """Wait until a text is not on the screen any more; returns the screen."""
        return self._wait(lambda text: what not in text, f"no {what!r}", deadline)

    def _wait(self, holds: Callable[[str], object], what: str, deadline: float) -> str:
        until = time.monotonic() + deadline
        unfinished_until = math.inf
        while True:
            in_frame = self._modes.get(SYNCHRONIZED_OUTPUT)
            if not in_frame or time.monotonic() > unfinished_until:
                text = "\n".join(self._drawn())
                if self._holds(holds, text):
                    return text
            # What it said last may still have to be read when it has ended.
            ended = self.process.poll() is not None and not self._reader.is_alive()
            over = time.monotonic() > until
            if not over and self._draw_frame(_nobody):
                unfinished_until = math.inf
                continue
            if over or ended:
                text = self.text()
                if self._holds(holds, text):
                    return text
                how = "it ended before" if ended else f"not within {deadline} s"
                raise AssertionError(f"{what}: {how}, {self._last(text)}")
            if in_frame:
                unfinished_until = min(unfinished_until, time.monotonic() + UNFINISHED)
            time.sleep(0.02)

    def _holds(self, holds: Callable[[str], object], text: str) -> bool:
        """Whether a condition holds for the screen as it is drawn by now, whatever it looks at."""
        self._is_held = True
        try:
            return bool(holds(text))
        finally:
            self._is_held = False

    def _last(self, text: str) -> str:
        frame = "─" * self._screen.columns
        return f"exit code {self.process.poll()}, the last screen:\n{frame}\n{text}\n{frame}"

    # What can be done.

    def press(self, *keys: str) -> None:
        """Press keys, by name (see `KEYS`) or character.

        A key right behind `escape` is read as one with Alt: wait for what escape does.
        """
        self.follow(_nobody)
        self.press_and_keep(*keys)

    def press_and_keep(self, *keys: str) -> None:
        """Press keys as `press`, but leave the frames that were not looked at yet to `follow`."""
        self._write("".join(KEYS.get(key, key) for key in keys))

    def type(self, text: str) -> None:
        """Press the key of each character."""
        self.follow(_nobody)
        self._write(text)

    def resize(self, columns: int, rows: int) -> None:
        """As if a person dragged the window."""
        self.follow(_nobody)
        with self._showing:
            self._screen.resize(rows, columns)
            self._shown = None
        self._set_size(columns, rows)

    def signal(self, number: int) -> None:
        """Send a signal to the program."""
        self.follow(_nobody)
        self.process.send_signal(number)

    def stall(self) -> None:
        """Take nothing any more, as behind a connection that hangs: what is written soon waits."""
        os.write(self._stop, b"!")
        self._reader.join(DEADLINE)

    def hang_up(self) -> None:
        """Close the window; the kernel sends SIGHUP, and nothing can be written any more."""
        self.stall()
        self._close_master()

    def clear(self) -> None:
        """Forget what was drawn, so that what is seen then was drawn since."""
        self.follow(_nobody)
        with self._showing:
            self._screen.reset()
            if self._main is not None:
                self._main = _Kept({}, (0, 0))
            self._shown = None

    def echoes(self) -> bool:
        """Whether it is as a shell wants it: lines, shown as they are typed, with Ctrl+C."""
        wanted = termios.ECHO | termios.ICANON | termios.ISIG
        flags: int = termios.tcgetattr(self._master)[3]
        return flags & wanted == wanted

    def wait_for_end(self, deadline: float = DEADLINE) -> int:
        """Wait until it has ended by itself and all it wrote is read; returns the exit code."""
        try:
            code = self.process.wait(deadline)
        except subprocess.TimeoutExpired as error:
            message = f"the end: not within {deadline} s, {self._last(self.text())}"
            raise AssertionError(message) from error
        self._reader.join(deadline)
        return code

    def close(self) -> None:
        """Ask it to quit (`q`), kill it if it does not, and give the terminal back."""
        try:
            if self.process.poll() is None:
                with contextlib.suppress(OSError):
                    self.press("q")
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(3)
        finally:
            self.process.kill()
            self.process.wait()
            self._reader.join(DEADLINE)
            self._close_master()
            for end in (self._stopped, self._stop):
                os.close(end)
            self._config.cleanup()

    # The terminal itself.

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, typed: bytes) -> None:
        """Send bytes as they are, as far as the program reads them."""
        while typed:
            if not select.select([], [self._master], [], DEADLINE)[1]:
                raise AssertionError(f"it does not read any more: {self._last(self.text())}")
            typed = typed[os.write(self._master, typed[:1024]) :]

    def _write(self, text: str) -> None:
        os.write(self._master, text.encode())

    def _close_master(self) -> None:
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def _read(self) -> None:
        while self._stopped not in select.select([self._master, self._stopped], [], [])[0]:
            try:
                chunk = os.read(self._master, 65536)
            except OSError:  # Linux's way to say that the other side is closed
                return
            if not chunk:
                return
            self._take(chunk)

    def _take(self, chunk: bytes) -> None:
        """What was read arrives at the terminal."""
        self._unshown.append((time.monotonic(), chunk))
        self.received += len(chunk)
        if _ASKS_FOR_FRAMES in chunk:
            os.write(self._master, _KNOWS_FRAMES)
        if self._answers:
            asked = self._asked + chunk
            if requests := asked.count(_ASKS_FOR_STATUS):
                os.write(self._master, _IS_WELL * requests)
            self._asked = asked.rpartition(_ASKS_FOR_STATUS)[2][-3:]

    def _split(self, chunk: bytes) -> list[bytes]:
        """What can be drawn of what was read by now, up to the end of each frame."""
        chunk = self._pending + chunk
        unfinished = _UNFINISHED.search(chunk)
        end = len(chunk) if unfinished is None else unfinished.start()
        chunk, self._pending = chunk[:end], chunk[end:]
        return _UP_TO_END_OF_FRAME.findall(chunk)

    def _show(self, piece: bytes) -> None:
        for modes, switch in _PRIVATE_MODE.findall(piece):
            self._modes |= dict.fromkeys(map(int, modes.split(b";")), switch == b"h")
        for part in _SWITCHES_SCREEN.split(_TOO_NEW.sub(b"", piece)):
            if self._alternate_screen and _SWITCHES_SCREEN.fullmatch(part):
                self._switch_screen(to_alternate=part.endswith(b"h"))
            else:
                self._stream.feed(part)
        self._shown = None

    def _switch_screen(self, *, to_alternate: bool) -> None:
        """As xterm does: the alternate screen begins empty, and the main one comes back as it was.
        pyte 0.8.2 knows one screen only."""
        screen = self._screen
        if to_alternate and self._main is None:
            lines = {row: dict(line) for row, line in screen.buffer.items()}
            self._main = _Kept(lines, (screen.cursor.y, screen.cursor.x))
            screen.erase_in_display(2)
        elif not to_alternate and self._main is not None:
            screen.erase_in_display(2)
            for row, line in self._main.lines.items():
                screen.buffer[row].update(line)
            row, column = self._main.cursor
            screen.cursor_position(row + 1, column + 1)
            self._main = None


class _Kept(NamedTuple):
    """The main screen, behind the alternate one."""

    lines: dict[int, dict[int, pyte.screens.Char]]
    cursor: tuple[int, int]


def fork_dashboards() -> None:
    """From here on fork dyntop at a terminal from a process that imported the dashboard."""
    global _forks
    _forks = True


def _nobody(_at: float, _screen: pyte.Screen) -> None:
    """Observes nothing."""


def _environment(env: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("HOME", "PATH", "TMPDIR") if name in os.environ}
    ours = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONPATH": str(REPOSITORY)}
    return kept | ours | dict(env)
