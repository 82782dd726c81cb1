"""A terminal behind a slow line, which takes all at once, as ssh does, and passes it on slowly."""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import threading
import time
from collections.abc import Mapping, Sequence

from tests.support.terminal import Terminal

_ASK = b"\x1b[5n"
_ANSWER = b"\x1b[0n"
PIECE = 64
"""Bytes that go over the line at once."""


class SlowLine(Terminal):
    """`rate` bytes a second, `latency` seconds each way."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        rate: float,
        latency: float,
        columns: int = 120,
        rows: int = 35,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._rate = rate
        self._latency = latency
        self._towards: queue.SimpleQueue[tuple[float, bytes] | None] = queue.SimpleQueue()
        self._back: queue.SimpleQueue[tuple[float, bytes] | None] = queue.SimpleQueue()
        self.asked = 0
        """Requests that were sent so far."""
        self.answered = 0
        """Answers that came back so far."""
        self.most_ahead = 0
        """The most requests that were on their way at once."""
        self.most_bytes_ahead = 0
        """The most bytes that were on their way at once."""
        self.taken = 0
        """Bytes that went in at the near end."""
        super().__init__(command, columns=columns, rows=rows, env=env, answers=False)
        self._threads = [
            threading.Thread(target=run, daemon=True) for run in (self._far, self._near)
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        super().close()
        self._towards.put(None)
        self._back.put(None)
        for thread in self._threads:
            thread.join()

    def _write(self, text: str) -> None:
        self._back.put((time.monotonic() + self._latency, text.encode()))

    def _take(self, chunk: bytes) -> None:
        """At the near end."""
        self.taken += len(chunk)
        self.most_bytes_ahead = max(self.most_bytes_ahead, self.taken - self.received)
        self.asked += chunk.count(_ASK)
        self.most_ahead = max(self.most_ahead, self.asked - self.answered)
        self._towards.put((time.monotonic(), chunk))

    def _far(self) -> None:
        """At the far end."""
        free = time.monotonic()
        asked = b""
        while (item := self._towards.get()) is not None:
            taken, chunk = item
            for start in range(0, len(chunk), PIECE):
                piece = chunk[start : start + PIECE]
                free = max(free, taken) + len(piece) / self._rate
                _sleep_until(free + self._latency)
                super()._take(piece)
                asked += piece
                for _ in range(asked.count(_ASK)):
                    self._back.put((time.monotonic() + self._latency, _ANSWER))
                asked = asked.rpartition(_ASK)[2][-3:]

    def _near(self) -> None:
        while (item := self._back.get()) is not None:
            at, typed = item
            _sleep_until(at)
            self.answered += typed.count(_ANSWER)
            with contextlib.suppress(OSError):
                os.write(self._master, typed)


def _sleep_until(at: float) -> None:
    time.sleep(max(0.0, at - time.monotonic()))


class SlowProxy:
    """A TCP port that leads to another one over a slow line, for one connection at a time."""

    def __init__(self, to: int, *, rate: float, latency: float) -> None:
        self._to = to
        self._rate = rate
        self._latency = latency
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # it is closed
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                for source, target in ((near, far), (far, near)):
                    passed: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
                    for run, end in ((self._take, source), (self._pass_on, target)):
                        threading.Thread(target=run, args=(end, passed), daemon=True).start()

    def _take(self, source: socket.socket, passed: queue.SimpleQueue[tuple[float, bytes]]) -> None:
        data = b"-"
        while data:
            try:
                data = source.recv(65536)
            except OSError:
                data = b""
            passed.put((time.monotonic(), data))

    def _pass_on(self, to: socket.socket, passed: queue.SimpleQueue[tuple[float, bytes]]) -> None:
        free = 0.0
        with to, contextlib.suppress(OSError):  # it is closed
            while (item := passed.get())[1]:
                taken, data = item
                for start in range(0, len(data), PIECE):
                    piece = data[start : start + PIECE]
                    free = max(free, taken) + len(piece) / self._rate
                    _sleep_until(free + self._latency)
                    to.sendall(piece)
            with contextlib.suppress(OSError):
                to.shutdown(socket.SHUT_RDWR)
