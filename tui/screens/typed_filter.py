"""Narrow what is shown to what is typed behind `/`, while keys go on being answered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial

from textual.screen import Screen
from textual.worker import Worker

from tui.state.dashboard import Dashboard
from tui.widgets.filter_bar import FilterBar

FILTERING = "filtering"
"""The group of workers that look for what a filter shows."""


class TypedFilter:
    """Takes the text of the filter's line step by step. Keys are answered, and screens drawn,
    between two steps."""

    def __init__(self, dashboard: Dashboard, screen: Screen[None]) -> None:
        self._dashboard = dashboard
        self._screen = screen

    def open(self) -> None:
        """Begin to type."""
        self._bar.open()
        self._work_off(self._dashboard.view.prepare_filter())

    def type(self, text: str) -> None:
        """Show by what was typed so far."""
        self._stop()
        # Of a few thousand records the first step is all.
        steps = self._dashboard.filter_by(text)
        for _ in steps:
            self._work_off(steps)
            break

    def keep(self) -> None:
        """Show by the text at once: the next key may act on what is shown."""
        self._stop()
        self._dashboard.finish_filter()

    def set(self, text: str) -> None:
        """Have another text in the line, which narrows nothing by itself. Empty: none."""
        self._stop()
        self._bar.set(text)

    def clear(self) -> None:
        """Empty the line, which widens nothing by itself."""
        self._bar.clear()
        self._stop()

    def _work_off(self, steps: Iterator[None]) -> None:
        work = partial(_each, steps)
        _: Worker[None] = self._screen.run_worker(
            work, group=FILTERING, exclusive=True, exit_on_error=False
        )

    def _stop(self) -> None:
        self._screen.workers.cancel_group(self._screen, FILTERING)

    @property
    def _bar(self) -> FilterBar:
        return self._screen.query_one(FilterBar)


async def _each(steps: Iterator[None]) -> None:
    for _ in steps:
        await asyncio.sleep(0)
