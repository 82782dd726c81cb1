"""Remember what is chosen by key: in the settings file, shortly after it was chosen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from backends.aio.daemon_thread import in_daemon_thread
from backends.aio.timer import Timer

if TYPE_CHECKING:
    from tui.config.settings_writer import Place, Value


class Remembering:
    """Collects choices, and writes them in a thread."""

    def __init__(self, path: Path | None, timer: Timer, pause: float) -> None:
        """`path`: the settings file. None: nothing is remembered. `pause`: seconds from a choice
        until it is written; others may follow."""
        self._path = path
        self._timer = timer
        self._pause = pause
        self._unsaved: dict[Place, Value | None] = {}
        self._came = asyncio.Event()
        self._is_told = False
        self.report: Callable[[str], None] = lambda _: None
        """Called with the reason why the file cannot be written, once."""

    @property
    def is_on(self) -> bool:
        """Return whether anything is remembered."""
        return self._path is not None

    def choose(self, place: Place, value: Value | None) -> None:
        """Remember the value of a setting. None: it has its default again."""
        if self._path is not None:
            self._unsaved[place] = value
            self._came.set()

    async def run(self) -> NoReturn:
        """Write what is chosen, after a pause in which more may come."""
        while True:
            await self._came.wait()
            await self._timer.sleep(self._pause)
            await self.save()

    async def save(self) -> None:
        """Write what is not written yet."""
        self._came.clear()
        if self._path is None or not self._unsaved:
            return
        changes = dict(self._unsaved)
        problem = await in_daemon_thread(partial(_write, self._path, changes), "dyntop-settings")
        # What was chosen meanwhile is written next; what cannot be written is not tried again.
        for place, value in changes.items():
            if place in self._unsaved and self._unsaved[place] == value:
                del self._unsaved[place]
        if problem is not None and not self._is_told:
            self._is_told = True
            self.report(problem)


def _write(path: Path, changes: dict[Place, Value | None]) -> str | None:
    """Return why it was not written. None: it was."""
    # tomlkit is needed by this alone.
    from tui.config.settings_writer import NotWritten, write_settings

    try:
        write_settings(path, changes)
    except NotWritten as error:
        return str(error)
    return None
