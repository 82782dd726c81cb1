"""Show removals and restores that take a while. No Textual in here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SILENCE = 0.5
"""Seconds for the store's answer before the work is shown as under way."""


class UnderWay:
    """The operations that have not ended, and were begun a while ago."""

    def __init__(self, changed: Callable[[], None], *, after: float = SILENCE) -> None:
        """`changed` is called when `texts` is different. `after`: seconds that an operation goes
        on before it is one of them."""
        self.texts: list[str] = []
        """In words, oldest first."""
        self.after = after
        self._changed = changed

    @contextmanager
    def show(self, text: str, *, after: float | None = None) -> Iterator[None]:
        """Name an operation for as long as the block takes, if that is longer than `after`."""

        def add() -> None:
            self.texts.append(text)
            self._changed()

        delay = self.after if after is None else after
        adding = asyncio.get_running_loop().call_later(delay, add)
        try:
            yield
        finally:
            adding.cancel()
            if text in self.texts:
                self.texts.remove(text)
                self._changed()
