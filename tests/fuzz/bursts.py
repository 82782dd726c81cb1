"""What a hand, a mouse, a terminal and a slow line may send, at random."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from textual import events
from textual.geometry import Size

NAMES = {
    "/": "slash",
    "?": "question_mark",
    "!": "exclamation_mark",
    "*": "asterisk",
    " ": "space",
    "\r": "enter",
    "\x1b": "escape",
    "\t": "tab",
    ".": "full_stop",
    "-": "minus",
    "+": "plus",
    "_": "underscore",
}
"""Textual's names of characters that are not their own name."""
PRESSED = [*"12345678jkgGlhsSfobwpyidvcutx!/?* \r\r\r\x1b\x1b\x1b\tanrz0", "up", "down", "right"]
PRESSED += ["left", "pageup", "pagedown", "home", "end", "shift+tab", "backspace", "delete"]
PRESSED += ["ctrl+p", "ctrl+p", "ctrl+a", "ctrl+w", "ctrl+u", "ctrl+z", "ctrl+end", "ctrl+home"]
PRESSED += ["f1", "f12", "ctrl+@", "alt+x", "shift+up", "ctrl+right", "q", "ignore", "é"]
CONFIRMS = "Y"

SEQUENCES = [
    *("/prod\r", "/\x1b", "/zzz\r", "2/acme\r", "??", "?q", "d\x1b", "dd", "d\r", "d\r\r", "cc"),
    *("c \r\r", "c*\x1b", "ca\x1b", "4w", "4w\x1b", "4wrf\r\r\x1b", "4w \x1b", "u", "u\r", "\r\r"),
    *("*d\r", "vjjvd", "*d\x1b", "yiY", "tt", "xx", "ff", "7\r", "2lllhh", "5jj", "6\r", "8\r"),
    *("ob", "oooobbbb", "sSsSsS", "!!", "G\r", "gv", "\t\t\t\t", "\x1b\x1b\x1b"),
]
"""What leads somewhere, at once."""
COMMANDS = ["theme\r\r", "thm\r", "freeze\r\r", "unregister\r\r", "clean\r", "help\r", "keys\r", ""]
COMMANDS += ["zzzz\r\r", "copy\r", "tree\r\r", "maximize\r", "screenshot\x1b", "undo\r", "gone\r"]
"""What is typed into the palette."""
SIZES = [(200, 50), (120, 40), (110, 30), (80, 24), (60, 20), (40, 12), (20, 5), (9, 3), (1, 1)]
TEXTS = ["prod", "7d7b", "\x1b[31mred\x07", "a\nb\r\nc", "\u202eabc", "日本語" * 9, "\x00\x7f", ""]


@dataclass(frozen=True, slots=True)
class Resized:
    """The window has another size."""

    size: Size


Input = events.Event | Resized


class Bursts:
    """Makes one burst after the other."""

    def __init__(self, seed: int, *, confirms: bool = True) -> None:
        """`confirms`: whether a yes may be among them."""
        self._random = random.Random(seed)
        self._size = Size(110, 30)
        self._confirms = confirms
        self._kinds: list[tuple[int, Callable[[], list[Input]]]] = [
            (8, self._keys),
            (6, self._sequence),
            (3, self._command),
            (1, self._paste),
            (5, self._clicks),
            (2, self._drag),
            (2, self._scrolls),
            (2, self._moves),
            (1, self._let_go),
            (1, self._focus),
            (1, self._resizes),
        ]

    def next(self) -> list[Input]:
        weights = [weight for weight, _ in self._kinds]
        make = self._random.choices([make for _, make in self._kinds], weights)[0]
        return make()

    def key(self, name: str) -> events.Key:
        return events.Key(NAMES.get(name, name), name if len(name) == 1 else None)

    def typed(self, text: str) -> list[Input]:
        return [self.key(char) for char in text]

    def _keys(self) -> list[Input]:
        keys = [*PRESSED, *(CONFIRMS * 2 if self._confirms else "")]
        number = self._random.choice((1, 1, 2, 2, 3, 6, 20))
        chosen = self._random.choices(keys, k=number)
        if self._random.random() < 0.2:
            chosen = chosen[:1] * number
        return [self.key(name) for name in chosen]

    def _sequence(self) -> list[Input]:
        behind = self._random.choice(("", "", "Y", "\rY", "YY")) if self._confirms else ""
        return self.typed(self._random.choice(SEQUENCES) + behind)

    def _command(self) -> list[Input]:
        return [self.key("ctrl+p"), *self.typed(self._random.choice(COMMANDS))]

    def _paste(self) -> list[Input]:
        text = self._random.choice(TEXTS) * self._random.choice((1, 1, 3, 2000))
        return [events.Paste(text)]

    def _clicks(self) -> list[Input]:
        place = self._place()
        times = self._random.choice((1, 1, 1, 2, 3, 4))
        button = self._random.choice((1, 1, 1, 1, 2, 3))
        pairs = (events.MouseDown, events.MouseUp) * times
        return [self._mouse(kind, place, button) for kind in pairs]

    def _drag(self) -> list[Input]:
        begin, end = self._place(), self._place()
        steps = self._random.randrange(6)
        moves = [self._mouse(events.MouseMove, self._place(), 1) for _ in range(steps)]
        last = [self._mouse(events.MouseUp, end, 1)] if self._random.random() < 0.8 else []
        return [self._mouse(events.MouseDown, begin, 1), *moves, *last]

    def _scrolls(self) -> list[Input]:
        kind = self._random.choice(
            (
                events.MouseScrollUp,
                events.MouseScrollDown,
                events.MouseScrollLeft,
                events.MouseScrollRight,
            )
        )
        place = self._place()
        return [self._mouse(kind, place, 0) for _ in range(self._random.randrange(1, 9))]

    def _moves(self) -> list[Input]:
        number = self._random.randrange(1, 12)
        return [self._mouse(events.MouseMove, self._place(), 0) for _ in range(number)]

    def _let_go(self) -> list[Input]:
        return [self._mouse(events.MouseUp, self._place(), 1)]

    def _focus(self) -> list[Input]:
        away: list[Input] = [events.AppBlur()]
        return away + [events.AppFocus()] * self._random.randrange(3)

    def _resizes(self) -> list[Input]:
        sizes = self._random.choices(SIZES, k=self._random.choice((1, 1, 5)))
        # What is too small for anything does not stay.
        sizes.append(self._random.choice(SIZES[:5]))
        self._size = Size(*sizes[-1])
        return [Resized(Size(*size)) for size in sizes]

    def _place(self) -> tuple[int, int]:
        """A cell, now and then outside of the window; more often where messages and buttons are."""
        width, height = self._size
        match self._random.randrange(10):
            case 0:
                return self._random.choice(((width, height), (width + 50, 2), (5000, 5000)))
            case 1 | 2:
                return max(0, width - self._random.randrange(1, 40)), max(0, height - 4)
            case 3 | 4:
                return width // 2 + self._random.randrange(-20, 20), height // 2
            case _:
                return self._random.randrange(width), self._random.randrange(height)

    def _mouse(
        self, kind: type[events.MouseEvent], place: tuple[int, int], button: int
    ) -> events.MouseEvent:
        shift, ctrl = self._random.random() < 0.05, self._random.random() < 0.05
        return kind(None, *place, 0, 0, button, shift, False, ctrl, *place)
