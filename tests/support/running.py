"""The command as a person or script runs it: its own process, its own environment."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import queue
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from tests.support.programs import clean_environment
from tests.support.starter import Leads, starter

REPOSITORY = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "tui"]

STATE = tempfile.TemporaryDirectory(prefix="dyntop-state-")
"""What runs of tests write down, where a test names no other place; gone with this process."""

DEADLINE = 60.0
"""Seconds within which what is waited for must come: generous, these machines are shared."""


def environment(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Without settings of this machine, and able to import what is under test from anywhere."""
    given = {"XDG_STATE_HOME": STATE.name, **(env or {})}
    ours = clean_environment(PYTHONPATH=str(REPOSITORY), **given)
    # Output is buffered for people, so it is here.
    ours.pop("PYTHONUNBUFFERED", None)
    return ours


@dataclass(frozen=True, slots=True)
class Ended:
    """What a run left."""

    code: int
    out: bytes
    err: str

    @property
    def records(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)

    @property
    def act(self) -> str:
        """The id of the act that it said can be undone."""
        _, hint, rest = self.err.partition("undo with: dyntop restore ")
        assert hint, self.err
        return rest.split()[0]

    @property
    def lines(self) -> list[str]:
        return self.out.decode().splitlines()

    def one_sentence(self) -> str:
        """What it complained about: exactly one line on standard error, beginning `dyntop: `."""
        start, end = "dyntop: ", "\n"
        assert self.err.startswith(start), self.err
        assert self.err.endswith(end), self.err
        sentence = self.err[len(start) : -len(end)]
        assert sentence, self.err
        assert sentence.isprintable(), self.err
        return sentence


def dyntop(
    *args: str | bytes, env: Mapping[str, str] | None = None, stdin: bytes | int | None = None
) -> Ended:
    """Run `dyntop` to its end, in a process of its own."""
    ours = environment(env)
    if stdin is None and (fast := starter(environment())) is not None and fast.can_start(ours):
        code, out, err = fast.run(args, ours, DEADLINE)
        return Ended(code, out, err.decode())
    given: dict[str, Any] = {"stdin": subprocess.DEVNULL if stdin is None else stdin}
    if isinstance(stdin, bytes):
        given = {"input": stdin}
    done = subprocess.run(
        [*COMMAND, *args],
        env=ours,
        capture_output=True,
        timeout=DEADLINE,
        check=False,
        **given,
    )
    return Ended(done.returncode, done.stdout, done.stderr.decode())


async def dyntop_meanwhile(*args: str, env: Mapping[str, str] | None = None) -> Ended:
    """Run `dyntop` to its end while this process does other things."""
    starter(environment())  # which no thread but this one can start
    return await asyncio.to_thread(dyntop, *args, env=env)


def put_file(root: Path, key: bytes, value: bytes) -> Path:
    """Write a record as Dynamo's file store does: the key's last part has its own encoding."""
    bucket, _, name = key.removeprefix(b"v1/").partition(b"/")
    folder = root / ("v1" if key.startswith(b"v1/") else "") / bucket.decode()
    folder.mkdir(parents=True, exist_ok=True)
    encoded = "".join(
        chr(byte) if chr(byte).isascii() and chr(byte).isalnum() else f"%{byte:02X}"
        for byte in name
    )
    (folder / encoded).write_bytes(value)
    return folder / encoded


def _started(
    args: Sequence[str], env: Mapping[str, str], terminal: int | None = None
) -> subprocess.Popen[bytes]:
    """Start `dyntop` with a pipe for what it prints. Without a `terminal` it has no input, and
    another pipe for what it complains of; with one it leads a session of its own."""
    if (fast := starter(environment())) is None or not fast.can_start(env):
        return subprocess.Popen(
            [*COMMAND, *args],
            env=env,
            stdin=subprocess.DEVNULL if terminal is None else terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if terminal is None else terminal,
            start_new_session=terminal is not None,
        )
    out, told_out = os.pipe()
    if terminal is not None:
        process = fast.fork(args, env, [terminal, told_out, terminal], Leads.OWN)
    else:
        err, told_err = os.pipe()
        with open(os.devnull, "rb") as none:
            process = fast.fork(args, env, [none.fileno(), told_out, told_err])
        os.close(told_err)
        process.stderr = os.fdopen(err, "rb")
    os.close(told_out)
    process.stdout = os.fdopen(out, "rb")
    return process


class Watching:
    """A `dyntop watch` that runs, or another command that follows the store."""

    def __init__(
        self, *args: str, env: Mapping[str, str] | None = None, command: str = "watch"
    ) -> None:
        self.process = _started([command, *args], environment(env))
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._complaints: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._readers = [
            threading.Thread(target=_pass_on, args=pair, daemon=True)
            for pair in (
                (self.process.stdout, self._lines),
                (self.process.stderr, self._complaints),
            )
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()

    def event(self) -> Any:
        """The next line, parsed."""
        return json.loads(self.line())

    def line(self) -> str:
        """The next line, as it is."""
        return self._lines.get(timeout=DEADLINE).decode().removesuffix("\n")

    def until(self, condition: Callable[[Any], bool]) -> list[Any]:
        """The next events, up to the first that is meant."""
        events = [self.event()]
        while not condition(events[-1]):
            events.append(self.event())
        return events

    def until_resync(self) -> list[Any]:
        return self.until(lambda event: event["event"] == "resync")

    def complaint(self) -> str:
        """The next line on standard error."""
        return self._complaints.get(timeout=DEADLINE).decode()

    def until_complaint(self, of: str) -> str:
        """The next line on standard error that has these words. A lost store is told of anew
        whenever it is lost in another way."""
        while of not in (said := self.complaint()):
            pass
        return said

    def interrupt(self) -> int:
        """Ctrl-C; returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(DEADLINE)

    def rest_of_complaints(self) -> list[str]:
        """What was complained of and not read yet, once it has ended."""
        self._readers[1].join(DEADLINE)
        rest = []
        while not self._complaints.empty():
            rest.append(self._complaints.get().decode())
        return rest


class AtTerminal:
    """A run with a person: standard input and error are a terminal, standard output is not."""

    def __init__(self, *args: str, env: Mapping[str, str] | None = None) -> None:
        self._ours, theirs = pty.openpty()
        self._process = _started(args, environment(env), theirs)
        os.close(theirs)
        self._shown = b""
        self._answered = 0
        """Bytes shown up to the last question that was answered."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        os.close(self._ours)

    @property
    def shown(self) -> str:
        """All that stood on the terminal so far."""
        return self._shown.decode()

    def wait_for(self, question: str) -> None:
        """Until that stands there and was not answered yet."""
        deadline = time.monotonic() + DEADLINE
        while question.encode() not in self._shown[self._answered :]:
            assert time.monotonic() < deadline, self.shown
            assert self._read(), self.shown

    def answer(self, question: str, answer: bytes) -> None:
        """Type it once that is asked."""
        self.wait_for(question)
        self._answered = len(self._shown)
        os.write(self._ours, answer)

    def end(self) -> tuple[int, str]:
        """Wait for the end; the exit code and standard output."""
        deadline = time.monotonic() + DEADLINE
        while self._read():
            assert time.monotonic() < deadline, self.shown
        assert self._process.stdout is not None
        out = self._process.stdout.read().decode()
        return self._process.wait(DEADLINE), out

    def _read(self) -> bool:
        """Take what comes within a moment; whether more may come."""
        if select.select([self._ours], [], [], 0.1)[0]:
            try:
                self._shown += os.read(self._ours, 65536)
            except OSError:  # its end is closed: it has ended
                return False
        return True


def _pass_on(pipe: IO[bytes], lines: queue.SimpleQueue[bytes]) -> None:
    for line in pipe:
        lines.put(line)
