"""Textual's parser of terminal input, which continues after input that it cannot read.

The parser of Textual 8.2.8 raises for a mouse report after a window report without pixels, and for
a key code that is no character. That ends the app. And while a paste has no end, which may be lost
with the rest of an overlong line, it takes every key for a part of it.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Iterator

from textual import events
from textual._parser import Peek1, Read1, TokenCallback
from textual._time import get_time
from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.keys import Keys
from textual.message import Message

_log = logging.getLogger(__name__)

MOST_CELLS = 2000
"""Columns or lines of the largest window that is accepted: each is drawn."""
UNFINISHED = 2.0
"""Seconds of silence after which a paste is given up. Esc gives it up at once."""


class TerminalParser(XTermParser):
    """Skips input that cannot be read."""

    _pastes = False
    """Whether a paste began and has not ended."""
    _last = ""
    """The end of the last input, where a sequence may have begun."""
    _fed_at = 0.0

    def parse(self, token_callback: TokenCallback[Message]) -> Generator[Read1 | Peek1, str, None]:
        def take(token: Message) -> None:
            if _can_be(token):
                token_callback(token)

        return super().parse(take)

    def feed(self, data: str) -> Iterable[Message]:
        now = get_time()
        if self._pastes and now - self._fed_at > UNFINISHED:
            self._begin_anew()
        self._fed_at = now
        seen = self._last + data
        begin, end = seen.rfind(BRACKETED_PASTE_START), seen.rfind(BRACKETED_PASTE_END)
        if begin != end:
            self._pastes = begin > end
        self._last = seen[1 - len(BRACKETED_PASTE_END) :]
        return self._read_on(super().feed(data))

    def tick(self) -> Iterable[Message]:
        keys = list(self._read_on(super().tick()))
        if self._pastes and keys:
            self._begin_anew()  # Esc, with nothing after it
        return keys

    def parse_mouse_code(self, code: str) -> Message | None:
        self.mouse_pixels = bool(
            self.mouse_pixels and self.terminal_size and self.terminal_pixel_size
        )
        return super().parse_mouse_code(code)

    def _parse_extended_key(  # type: ignore[override]  # kept in a cache there
        self, sequence: str
    ) -> list[events.Key] | None:
        try:
            return super()._parse_extended_key(sequence)
        except (ValueError, OverflowError):
            return [events.Key(Keys.Ignore, sequence)]

    def _read_on(self, messages: Iterable[Message]) -> Iterator[Message]:
        try:
            yield from messages
        except Exception:
            # Input from the same read is lost with it.
            _log.exception("unreadable input from the terminal")
            self._begin_anew()

    def _begin_anew(self) -> None:
        self._pastes, self._last = False, ""
        self._tokens.clear()
        self._timeout_time = None
        self._gen = self.parse(self._tokens.append)
        self._awaiting = next(self._gen)


def _can_be(token: Message) -> bool:
    if isinstance(token, events.Resize):
        return all(0 < cells <= MOST_CELLS for cells in token.size)
    if isinstance(token, events.Key) and token.character is not None:
        return not any("\ud800" <= char <= "\udfff" for char in token.character)
    return True
