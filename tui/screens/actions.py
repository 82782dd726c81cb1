"""What the person asks to be done: the question first, the doing, and what is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

from textual.screen import Screen

from backends.aio.timer import LOOP, Timer
from backends.dynamo.records import AnyRecord
from backends.liveness.collector import EvidenceCollector, Probing
from backends.liveness.survey import probe_to_be_sure
from backends.probe.types import ProbeResult
from backends.removal.audit import ActKind, Operation
from backends.removal.targets import RemovalTarget
from tui.config.settings import Settings
from tui.dialogs.clean_up import CleanUpScreen
from tui.dialogs.outcomes import OutcomesScreen
from tui.dialogs.undo import UndoDialog
from tui.dialogs.unregister import UnregisterDialog
from tui.runtime.screen_work import is_at_work
from tui.state.probe_results import nothing_stale, probed
from tui.state.reported_removals import Notice, ReportedRemovals, proposals, undecided
from tui.state.view import View
from tui.text.detail import value_text
from tui.text.format import count, hex_id
from tui.text.sanitize import plain, plain_key

PROBE_INTERVAL = 2.0
"""Seconds within which `p` asks once: each deep probe is a line in a worker's log."""
SILENCE = 0.5
"""Seconds that a store gets to answer before it is said that it is still at work."""


class Actions:
    """Acts for a screen: its questions lie over the screen, and its work ends with it."""

    def __init__(
        self,
        screen: Screen[None],
        view: View,
        removals: ReportedRemovals,
        collector: EvidenceCollector,
        settings: Settings,
        where: str,
        *,
        after_acts: Callable[[], None],
        after_probes: Callable[[], None],
        show_under_way: Callable[[], None],
        timer: Timer = LOOP,
    ) -> None:
        """`where` names the store in a question. `after_acts` is called when something was removed
        or put back, `after_probes` when what was found is to be drawn, `show_under_way` when
        `View.under_way` is. `timer` waits between two looks at an address."""
        self._screen = screen
        self._view = view
        self._removals = removals
        self._collector = collector
        self._settings = settings
        self._where = where
        self._after_acts = after_acts
        self._after_probes = after_probes
        self._show_under_way = show_under_way
        self._timer = timer

    def unregister(self, records: Sequence[AnyRecord]) -> None:
        if self._is_refused():
            return
        if len(records) > 1 and (unread := [one for one in records if one.unread]):
            # What cannot be put back is removed only where it is named by itself.
            records = [one for one in records if not one.unread]
            kept = f"Left out {count(len(unread), 'key')} that cannot be read here"
            key = self._view.keys.shown("unregister")
            text = f"{kept}: {key} on such a row alone asks, since it could not be put back."
            self.tell(Notice(text, "warning"))
            if not records:
                return

        dialog = UnregisterDialog(self._view, records, f"from {self._where}")
        shown: dict[bytes, RemovalTarget] = {}

        def answered(yes: bool | None) -> None:
            if yes:
                targets = dialog.targets
                self._begin("acts", partial(self._remove, targets.verb, targets.records, shown))

        self._begin("judging", partial(self._removals.judge, records, shown))
        self._screen.app.push_screen(dialog, answered)

    def clean_up(self) -> None:
        """Probe everything concerned, then propose all that is stale at once, and show what a
        renewal is still to decide."""
        if not is_at_work(self._screen, "clean up"):
            self._begin("clean up", self._find_stale)

    async def _find_stale(self) -> None:
        readings = await self._check_addresses()
        found, open_yet = proposals(self._view), undecided(self._view)
        if not found and not open_yet:
            self.tell(nothing_stale(readings, len(self._view.monitor.verdicts.awaited)))
        elif not self._is_refused():
            self._propose(found, open_yet)

    async def _check_addresses(self) -> list[ProbeResult] | None:
        """Probe all that is registered. None: nothing is probed here."""
        if self._settings.probing is Probing.NEVER:
            return None
        records = list(self._view.monitor.cluster.records.values())
        verdicts = self._view.monitor.verdicts
        addresses = {target for record in records for target in verdicts.targets(record)}
        if not addresses:
            return []
        with self._under_way(f"checking {count(len(addresses), 'address')}", after=0.0):
            readings = await probe_to_be_sure(verdicts, records, self._probe_once, self._timer)
        self._after_probes()
        return readings

    async def _probe_once(self, records: Sequence[AnyRecord]) -> list[ProbeResult]:
        readings = await self._collector.probe(records, deep=False)
        self._after_probes()
        return readings

    def _propose(self, found: Sequence[AnyRecord], open_yet: Sequence[AnyRecord]) -> None:
        if self._screen.app.screen is not self._screen:
            # Another question is there by now.
            waits = f", {len(open_yet):,} undecided" if open_yet else ""
            proposes = f"{self._view.keys.shown('clean-up')} proposes what to remove"
            text = f"{count(len(found), 'key')} found stale{waits}: {proposes}."
            self.tell(Notice(text, "information"))
            return

        shown: dict[bytes, RemovalTarget] = {}

        def answered(chosen: list[AnyRecord] | None) -> None:
            if chosen:
                self._begin("acts", partial(self._remove, "clean up", chosen, shown))

        self._begin("judging", partial(self._removals.judge, [*found, *open_yet], shown))
        proposal = CleanUpScreen(self._view, found, f"from {self._where}", open_yet)
        self._screen.app.push_screen(proposal, answered)

    def _is_refused(self) -> bool:
        """Return whether nothing can be removed, since it cannot be written down; say so."""
        if (refusal := self._removals.refusal()) is None:
            return False
        self.tell(refusal)
        return True

    def undo(self) -> None:
        act = self._removals.last()
        if act is None:
            self.tell(
                Notice(
                    "Nothing removed in this session; dyntop history lists earlier removals.",
                    "warning",
                )
            )
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._begin("acts", partial(self._put_back, act))

        dialog = UndoDialog(self._view, act, f"into {self._where}")
        self._screen.app.push_screen(dialog, answered)

    def probe(self, records: Sequence[AnyRecord]) -> None:
        if self._settings.probing is Probing.NEVER:
            self.tell(Notice("Probing is switched off (--probe never).", "warning"))
            return
        if is_at_work(self._screen, "probe"):
            return  # a key that is held down is no new question
        self._begin("probe", partial(self._ask, records))

    def copy(self, record: AnyRecord, what: str) -> None:
        """`what` is `key`, `id` or `json`."""
        texts = {
            "key": plain_key(record.key),
            "id": "" if record.id.instance_id is None else hex_id(record.id.instance_id),
            "json": "\n".join(plain(line) for line in value_text(record).split("\n")),
        }
        if what == "json" and record.unread:
            text = f"Its value is not known in full, since {record.unread}: nothing was copied."
            self.tell(Notice(text, "warning"))
            return
        if not texts[what]:
            self.tell(Notice(f"It has no {what} to copy.", "warning"))
            return
        self._screen.app.copy_to_clipboard(texts[what])
        self.tell(Notice(f"Copied the {what}, if the terminal allows it.", "information"))

    def tell(self, told: Notice) -> None:
        self._screen.notify(told.text, severity=told.severity, markup=False)
        if told.report is not None:
            self._screen.app.push_screen(OutcomesScreen(told.report))

    # --- once a question was answered ---------------------------------------------------------

    def _begin(self, group: str, work: Callable[[], Awaitable[None]]) -> None:
        self._screen.run_worker(work, group=group, exit_on_error=False)

    @contextmanager
    def _under_way(self, doing: str, *, after: float = SILENCE) -> Iterator[None]:
        """Says what is being done if it takes longer than `after` seconds, for as long as it
        does."""

        def say() -> None:
            self._view.under_way.append(doing)
            self._show_under_way()

        saying = asyncio.get_running_loop().call_later(after, say)
        try:
            yield
        finally:
            saying.cancel()
            if doing in self._view.under_way:
                self._view.under_way.remove(doing)
                self._show_under_way()

    async def _remove(
        self, kind: ActKind, records: Sequence[AnyRecord], shown: Mapping[bytes, RemovalTarget]
    ) -> None:
        """Rows go when the watch says so, not before."""
        with self._under_way(f"removing {count(len(records), 'key')}"):
            outcome = await self._removals.remove(kind, records, shown)
        for told in outcome:
            self.tell(told)
        self._after_acts()

    async def _put_back(self, act: Operation) -> None:
        with self._under_way(f"putting {count(len(act.items), 'key')} back"):
            outcome = await self._removals.undo(act)
        for told in outcome:
            self.tell(told)
        self._after_acts()

    async def _ask(self, records: Sequence[AnyRecord]) -> None:
        readings = await self._collector.probe(records, deep=True)
        self._after_probes()
        self.tell(probed(records, readings))
        await asyncio.sleep(PROBE_INTERVAL)
