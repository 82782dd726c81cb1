"""What the person asks to be done: the question first, the doing, and what is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from textual.screen import Screen

from backends.audit import Act, ActKind
from backends.lookout import Lookout, Probing
from backends.records import AnyRecord
from tui.detail import value_text
from tui.plain import plain, plain_key
from tui.probing import probed
from tui.removals import Removals, Told, proposals
from tui.screens.clean_up import CleanUpScreen
from tui.screens.outcomes import OutcomesScreen
from tui.screens.undo import UndoDialog
from tui.screens.unregister import UnregisterDialog
from tui.settings import Settings
from tui.view import View
from tui.words import count, hex_id

PROBE_INTERVAL = 2.0
"""Seconds within which `p` asks once: each deep probe is a line in a worker's log."""
SILENCE = 0.5
"""Seconds that a store gets to answer before it is said that it is still at work."""


class Acting:
    """Acts for a screen: its questions lie over the screen, and its work ends with it."""

    def __init__(
        self,
        screen: Screen[None],
        view: View,
        removals: Removals,
        lookout: Lookout,
        settings: Settings,
        where: str,
        *,
        after_acts: Callable[[], None],
        after_probes: Callable[[], None],
        show_under_way: Callable[[], None],
    ) -> None:
        """`where` names the store in a question. `after_acts` is called when something was removed
        or put back, `after_probes` when what was found is to be drawn, `show_under_way` when
        `View.under_way` is."""
        self._screen = screen
        self._view = view
        self._removals = removals
        self._lookout = lookout
        self._settings = settings
        self._where = where
        self._after_acts = after_acts
        self._after_probes = after_probes
        self._show_under_way = show_under_way

    def unregister(self, records: Sequence[AnyRecord]) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self._begin("acts", partial(self._remove, "unregister", records))

        dialog = UnregisterDialog(self._view, records, f"from {self._where}")
        self._screen.app.push_screen(dialog, answered)

    def clean_up(self) -> None:
        found = proposals(self._view)
        if not found:
            self.tell(Told("Nothing is stale, as far as there is evidence.", "information"))
            return

        def answered(chosen: list[AnyRecord] | None) -> None:
            if chosen:
                self._begin("acts", partial(self._remove, "clean up", chosen))

        proposal = CleanUpScreen(self._view, found, f"from {self._where}")
        self._screen.app.push_screen(proposal, answered)

    def undo(self) -> None:
        act = self._removals.last()
        if act is None:
            self.tell(Told("There is nothing to undo: this dyntop removed nothing.", "warning"))
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._begin("acts", partial(self._put_back, act))

        dialog = UndoDialog(self._view, act, f"into {self._where}")
        self._screen.app.push_screen(dialog, answered)

    def probe(self, records: Sequence[AnyRecord]) -> None:
        if self._settings.probing is Probing.NEVER:
            self.tell(Told("Probing is switched off (--probe never).", "warning"))
            return
        workers = self._screen.workers
        if any(worker.group == "probe" and not worker.is_finished for worker in workers):
            return  # a key that is held down is no new question
        self._begin("probe", partial(self._ask, records))

    def copy(self, record: AnyRecord, what: str) -> None:
        """`what` is `key`, `id` or `json`."""
        texts = {
            "key": plain_key(record.key),
            "id": "" if record.id.instance_id is None else hex_id(record.id.instance_id),
            "json": "\n".join(plain(line) for line in value_text(record).split("\n")),
        }
        if not texts[what]:
            self.tell(Told(f"It has no {what} to copy.", "warning"))
            return
        self._screen.app.copy_to_clipboard(texts[what])
        self.tell(Told(f"Copied the {what}, if the terminal allows it.", "information"))

    def tell(self, told: Told) -> None:
        self._screen.notify(told.text, severity=told.severity, markup=False)
        if told.report is not None:
            self._screen.app.push_screen(OutcomesScreen(told.report))

    # --- once a question was answered ---------------------------------------------------------

    def _begin(self, group: str, work: Callable[[], Awaitable[None]]) -> None:
        self._screen.run_worker(work, group=group, exit_on_error=False)

    @contextmanager
    def _under_way(self, doing: str) -> Iterator[None]:
        """Says what is being done if that takes a while, for as long as it does."""

        def say() -> None:
            self._view.under_way.append(doing)
            self._show_under_way()

        saying = asyncio.get_running_loop().call_later(SILENCE, say)
        try:
            yield
        finally:
            saying.cancel()
            if doing in self._view.under_way:
                self._view.under_way.remove(doing)
                self._show_under_way()

    async def _remove(self, kind: ActKind, records: Sequence[AnyRecord]) -> None:
        """Rows go when the watch says so, not before."""
        with self._under_way(f"removing {count(len(records), 'key')}"):
            outcome = await self._removals.remove(kind, records)
        for told in outcome:
            self.tell(told)
        self._after_acts()

    async def _put_back(self, act: Act) -> None:
        with self._under_way(f"putting {count(len(act.items), 'key')} back"):
            outcome = await self._removals.undo(act)
        for told in outcome:
            self.tell(told)
        self._after_acts()

    async def _ask(self, records: Sequence[AnyRecord]) -> None:
        readings = await self._lookout.probe(records, deep=True)
        self._after_probes()
        self.tell(probed(records, readings))
        await asyncio.sleep(PROBE_INTERVAL)
