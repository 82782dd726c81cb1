"""Carry out the user's actions: ask first, act, and show the outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

from textual.screen import Screen, ScreenResultCallbackType, ScreenResultType

from backends.dynamo.parse import read
from backends.dynamo.records import AnyRecord
from backends.liveness.gathering import Probing
from backends.removal.audit.operation import Operation, OperationKind
from backends.removal.lasting_drain import LastingDrain
from backends.removal.removal_targets import RemovalTarget
from backends.store import PodLabel
from tui.state.dashboard import Dashboard
from tui.state.observer import Job
from tui.state.probe_results import nothing_stale_notice
from tui.state.removal_options import drained_records
from tui.state.reported_removals import Notice, proposals, undecided
from tui.text.detail import value_text
from tui.text.format import count, hex_id
from tui.text.sanitize import plain, plain_key

if TYPE_CHECKING:
    # The first paint need not wait for what a key opens.
    from tui.dialogs.unregister import UnregisterDialog


class ActionHost(Protocol):
    """What actions need of their screen. Jobs end with the screen."""

    def ask(
        self,
        question: Screen[ScreenResultType],
        answered: ScreenResultCallbackType[ScreenResultType] | None = None,
    ) -> None:
        """Open a dialog. It answers None if an error closed it."""

    def show_notice(self, notice: Notice) -> None:
        """Show a notice, and its report if it has one."""

    def begin(self, name: str, job: Job) -> None:
        """Start a background job, and report its error."""

    def is_at_work(self, name: str) -> bool:
        """Return whether a job of that name is running."""

    @property
    def is_covered(self) -> bool:
        """Return whether another screen lies over this one."""

    def copy(self, text: str) -> None:
        """Copy a text to the terminal's clipboard."""


class Actions:
    """Asks before anything is removed or put back, and shows the outcome."""

    def __init__(self, dashboard: Dashboard, host: ActionHost) -> None:
        self._dashboard = dashboard
        self._host = host

    def unregister(self, records: Sequence[AnyRecord]) -> None:
        if self._is_refused():
            return
        if len(records) > 1 and (unread := [one for one in records if one.unread]):
            # What cannot be put back is removed only where it is named by itself.
            records = [one for one in records if not one.unread]
            kept = f"Left out {count(len(unread), 'key')} that cannot be read here"
            key = self._dashboard.keys.shown("unregister")
            text = f"{kept}: {key} on such a row alone asks, since it could not be put back."
            self._host.show_notice(Notice(text, "warning"))
            if not records:
                return

        from tui.dialogs.unregister import UnregisterDialog

        dialog = UnregisterDialog(self._dashboard, records, f"from {self._dashboard.where}")
        shown: dict[bytes, RemovalTarget] = {}

        def answered(yes: bool | None) -> None:
            if yes and (drain := dialog.lasting) is not None:
                self._host.begin("removals", partial(self._take_out, drain))
            elif yes:
                targets = dialog.targets
                remove = partial(self._remove, targets.verb, targets.records, shown)
                self._host.begin("removals", remove)

        self._host.begin("judging", partial(self._dashboard.removals.judge, records, shown))
        self._host.ask(dialog, answered)
        if self._dashboard.has_pod_labels:
            drained = drained_records(self._dashboard.view, records)
            self._host.begin("lasting drain", partial(self._offer_lasting_drain, dialog, drained))

    async def _offer_lasting_drain(
        self, dialog: UnregisterDialog, records: Sequence[AnyRecord]
    ) -> None:
        if not records:
            return
        found = await self._dashboard.removals.plan_lasting_drain(records)
        if dialog.is_attached:
            dialog.offer(found)

    def clean_up(self) -> None:
        """Probe all concerned addresses, then propose all stale keys at once, and show those that a
        renewal will decide."""
        if not self._host.is_at_work("clean up"):
            self._host.begin("clean up", self._find_stale)

    async def _find_stale(self) -> None:
        readings = await self._dashboard.check_addresses()
        view = self._dashboard.view
        found, open_yet = proposals(view), undecided(view)
        if not found and not open_yet:
            awaited = len(view.verdicts.awaited)
            self._host.show_notice(nothing_stale_notice(readings, awaited))
        elif not self._is_refused():
            self._propose(found, open_yet)

    def _propose(self, found: Sequence[AnyRecord], open_yet: Sequence[AnyRecord]) -> None:
        if self._host.is_covered:
            # Another question is there by now.
            waits = f", {len(open_yet):,} undecided" if open_yet else ""
            proposes = f"{self._dashboard.keys.shown('clean-up')} proposes what to remove"
            text = f"{count(len(found), 'key')} found stale{waits}: {proposes}."
            self._host.show_notice(Notice(text, "information"))
            return

        shown: dict[bytes, RemovalTarget] = {}

        def answered(chosen: list[AnyRecord] | None) -> None:
            if chosen:
                self._host.begin("removals", partial(self._remove, "clean up", chosen, shown))

        dashboard = self._dashboard
        judge = partial(dashboard.removals.judge, [*found, *open_yet], shown)
        self._host.begin("judging", judge)
        from tui.dialogs.clean_up import CleanUpScreen

        proposal = CleanUpScreen(dashboard, found, f"from {dashboard.where}", open_yet)
        self._host.ask(proposal, answered)

    def _is_refused(self) -> bool:
        """Return whether nothing can be removed, since it cannot be written down; say so."""
        if (refusal := self._dashboard.removals.refusal()) is None:
            return False
        self._host.show_notice(refusal)
        return True

    def undo(self, record: AnyRecord | None) -> None:
        """Ask to put back the last removal. `record`: the selected one; if a label is off its pod,
        that is asked about instead, whoever took it off."""
        act = self._dashboard.removals.last()
        # In Events it is the record as it was then.
        if record is not None:
            record = self._dashboard.view.cluster.records.get(record.key)
        owner = None if record is None else record.entry.owner
        label = None if owner is None else owner.taken_out_by
        if record is not None and label is not None:
            self._put_label_back(record, label)
            return
        if act is None:
            self._host.show_notice(
                Notice(
                    "Nothing removed in this session; dyntop history lists earlier removals.",
                    "warning",
                )
            )
            return

        (first, *_) = act.items
        if first.label is not None:
            self._put_label_back(read(first.entry), first.label)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._host.begin("removals", partial(self._put_back, act))

        from tui.dialogs.undo import UndoDialog

        dialog = UndoDialog(self._dashboard, act, f"into {self._dashboard.where}")
        self._host.ask(dialog, answered)

    def _put_label_back(self, record: AnyRecord, label: PodLabel) -> None:
        dashboard = self._dashboard

        async def put_back() -> None:
            for notice in await dashboard.put_label_back(record, label):
                self._host.show_notice(notice)

        def answered(yes: bool | None) -> None:
            if yes:
                self._host.begin("removals", put_back)

        from tui.dialogs.label_back import LabelBackDialog

        self._host.ask(LabelBackDialog(dashboard, record, label, dashboard.where), answered)

    def probe(self, records: Sequence[AnyRecord]) -> None:
        if self._dashboard.settings.probing is Probing.NEVER:
            self._host.show_notice(Notice("Probing is switched off (--probe never).", "warning"))
            return
        if self._host.is_at_work("probe"):
            return  # a key that is held down is no new question
        self._host.begin("probe", partial(self._probe, records))

    def copy(self, record: AnyRecord, what: str) -> None:
        """Copy the key, id or JSON of a record. `what`: `key`, `id` or `json`."""
        texts = {
            "key": plain_key(record.key),
            "id": "" if record.id.instance_id is None else hex_id(record.id.instance_id),
            "json": "\n".join(plain(line) for line in value_text(record).split("\n")),
        }
        if what == "json" and record.unread:
            text = f"Its value is not known in full, since {record.unread}: nothing was copied."
            self._host.show_notice(Notice(text, "warning"))
            return
        if not texts[what]:
            self._host.show_notice(Notice(f"It has no {what} to copy.", "warning"))
            return
        self._host.copy(texts[what])
        self._host.show_notice(
            Notice(f"Copied the {what}, if the terminal allows it.", "information")
        )

    # --- once a question was answered ---------------------------------------------------------

    async def _remove(
        self,
        kind: OperationKind,
        records: Sequence[AnyRecord],
        shown: Mapping[bytes, RemovalTarget],
    ) -> None:
        for notice in await self._dashboard.remove(kind, records, shown):
            self._host.show_notice(notice)

    async def _take_out(self, drain: LastingDrain) -> None:
        for notice in await self._dashboard.take_out(drain):
            self._host.show_notice(notice)

    async def _put_back(self, act: Operation) -> None:
        for notice in await self._dashboard.put_back(act):
            self._host.show_notice(notice)

    async def _probe(self, records: Sequence[AnyRecord]) -> None:
        self._host.show_notice(await self._dashboard.probe(records))
        await asyncio.sleep(self._dashboard.timings.probing)
