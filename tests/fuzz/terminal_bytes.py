"""Bytes for the dashboard in a real terminal, from the first millisecond on: whole, torn and false.

What the driver and its parser make of them is part of what is tried.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support.running import COMMAND
from tests.support.terminal import Terminal

KEYS = [
    *"12345678jkgGlhsSfobwpyivdcutx!/?*",
    " ",
    "\r",
    "\r\r",
    "\x1b",
    "\t",
    "\x7f",
    "\x10",
    "prod",
]
"""None of them quits, and none says yes."""
SEQUENCES = [
    *(f"\x1b[{code}" for code in ("A", "B", "C", "D", "H", "F", "Z", "5~", "6~", "1;5C", "3~")),
    *("\x1bOP", "\x1b[I", "\x1b[O", "\x1b[?2026;2$y", "\x1b[?1u", "\x1b[97;5u", "\x1b[57399;1u"),
    *("\x1b[99999999999u", "\x1b[97;;55296u", "\x1b[48;30;100;0;0t", "\x1b[48;0;0;0;0t"),
    *("\x1b[30;1R", "\x1b[<0;;5M", "\x1b[<99999;1;1M", "\x1b[<0;1", "\x1b[M   ", "\x1b[M\xff"),
    *("\x1b[200~prod\x1b[201~", "\x1b[200~\x1b[A\x00\x1b[201~", "\x1b[201~", "\x1b]52;c;eA==\x07"),
    *("\x1bP1$r0m\x1b\\", "\x1b[", "\x1bO", "\x1b[<"),
]
FALSE = [b"\xff", b"\xc3", b"\xe2\x82", b"\xed\xa0\x80", b"\xf0\x9f\x98", b"\x80\x80", b"\x00"]
"""No UTF-8, or the half of it."""
SIZES = [(120, 40), (80, 24), (60, 20), (200, 50)]


def mouse(chance: random.Random, columns: int = 120, rows: int = 40) -> str:
    """Press, let go, move, scroll: a few reports on one cell, now and then outside."""
    x, y = chance.randrange(1, columns + 9), chance.randrange(1, rows + 4)
    button = chance.choice((0, 0, 0, 1, 2, 32, 35, 64, 65))
    ends = chance.choice(("M", "Mm", "MmMm", "MmMmMm", "m"))
    return "".join(f"\x1b[<{button};{x};{y}{end}" for end in ends)


def chunks(chance: random.Random, size: int) -> Iterator[bytes]:
    """At least so many bytes, split anywhere."""
    made = bytearray()
    while len(made) < size:
        match chance.randrange(8):
            case 0 | 1 | 2:
                made += chance.choice(KEYS).encode()
            case 3:
                made += chance.choice(SEQUENCES).encode("latin-1")
            case 4 | 5:
                made += mouse(chance).encode()
            case 6:
                made += chance.choice(FALSE)
            case _:
                made += b"\x1b[200~" + b"prod " * chance.choice((1, 1, 2000)) + b"\x1b[201~"
    while made:
        end = chance.choice((1, 2, 3, 5, 8, 40, 400, 4096))
        yield bytes(made[:end])
        del made[:end]


def fuzz(seed: int, size: int, state: Path) -> None:
    """Send so many bytes to `dyntop --demo`, which nothing may be removed of."""
    chance = random.Random(seed)
    command = [*COMMAND, "--demo", "--probe", "never"]
    env = {"XDG_STATE_HOME": str(state)}
    try:
        with Terminal(command, env=env) as terminal:
            for chunk in chunks(chance, size):
                terminal.send(chunk)
                if chance.random() < 0.2:
                    time.sleep(chance.uniform(0, 0.05))
                if chance.random() < 0.02:
                    terminal.resize(*chance.choice(SIZES))
                assert terminal.process.poll() is None, terminal.wait_for("not to have ended")
            _is_well(terminal)
    except BaseException as error:
        error.add_note(f"seed {seed}")
        raise
    assert not (state / "dyntop" / "audit.jsonl").exists(), f"something was removed (seed {seed})"


def _is_well(terminal: Terminal) -> None:
    """It shows how it stands, and answers keys."""
    terminal.resize(120, 40)

    def is_free(text: str) -> bool:
        # Whatever is open closes; what was begun is no sequence any more. What came before may
        # still have to be handled, so it is pressed until the tab is there.
        terminal.press("escape")
        time.sleep(0.15)
        terminal.press("3")
        time.sleep(0.15)
        return "COMPONENT▲" in text and "▔" not in text and "╭" not in text

    terminal.wait_for(is_free, deadline=90)
    terminal.press("?")
    terminal.wait_for("dyntop: keys and")
    terminal.press("escape")
    terminal.wait_until_gone("dyntop: keys and")
