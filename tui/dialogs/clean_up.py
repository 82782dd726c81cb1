"""Propose stale keys for removal: each with its evidence and a tick that can be taken away.

Undecided keys are shown too. They join if they turn out stale while the question is open.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from math import ceil
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Static

from backends.dynamo.records import AnyRecord
from backends.liveness.renewal_wait import longest_wait
from tui.actions import Place
from tui.dialogs.question import Alert, QuestionScreen
from tui.dialogs.unregister import LOOK_INTERVAL
from tui.runtime.textual_bindings import bindings
from tui.state.column import NAMES, REASONS, Cell, Column
from tui.state.dashboard import Dashboard
from tui.state.removal_review import KeyChange, RemovalReview, out_of_date, text_with_age
from tui.state.reported_removals import is_undecided
from tui.text.consequences import consequences, plain_sentence
from tui.text.format import NOTHING, SHORT_KIND_NAMES, STATES, count, hex_id, name_of, revision_of
from tui.text.sanitize import plain, plain_key
from tui.widgets.context_badge import QuestionedStore
from tui.widgets.table.list_table import ListTable

FEW = 5
"""Rows up to which the dialog is only as high as needed."""
HINTS = "space select   a all/none   Y remove selected   Esc cancel"


class ProposalTable(ListTable[AnyRecord]):
    """Records with a tick each, all ticked at first. Enter ticks too: it never confirms."""

    ACTIONS: ClassVar[dict[str, str]] = {
        "mark-range": "mark_range",
        "tick": "mark",
        "tick-all": "mark_all",
    }
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    DEFAULT_CSS = """
    ProposalTable { height: auto; }
    """

    class Refused(Message):
        """Rows were to be ticked that may have no tick."""

        def __init__(self, keys: set[bytes]) -> None:
            super().__init__()
            self.keys = keys

    def __init__(self, columns: Sequence[Column[AnyRecord]], ticked: Sequence[AnyRecord]) -> None:
        """`ticked`: the records that have a tick at first. Only they may have one."""
        ticks = Column("tick", "", 3, self._tick)
        super().__init__((ticks, *columns))
        self.ticked: set[bytes] = {record.key for record in ticked}
        self.may_tick: set[bytes] = set(self.ticked)
        """Rows that may have a tick."""
        self._ticked_last: AnyRecord | None = None

    def action_mark(self) -> None:
        """Toggle the row's tick, and move to the next row."""
        self.action_choose()
        self.action_cursor(1)

    def action_choose(self) -> None:
        """Toggle the row's tick."""
        if self.row is not None:
            self._ticked_last = self.row
            self.tick_as({self.row.key}, self.row.key not in self.ticked)

    def action_mark_range(self) -> None:
        """Set the tick of all rows from the last toggled one to the cursor's as that one."""
        if self._ticked_last is None or self.row is None:
            return
        keys = [row.key for row in self.rows]
        first, last = sorted(keys.index(row.key) for row in (self._ticked_last, self.row))
        wanted = self.may_tick.intersection(keys[first : last + 1])
        self.tick_as(wanted, self._ticked_last.key in self.ticked)

    def action_mark_all(self) -> None:
        """Tick all rows that may have a tick. All are ticked: take all ticks away."""
        self.tick_as(self.may_tick, self.ticked != self.may_tick)

    def tick_as(self, keys: set[bytes], ticked: bool) -> None:
        """Set or remove the tick of these rows, if they may have one."""
        if ticked and (refused := keys - self.may_tick):
            self.post_message(self.Refused(refused))
            return
        self.ticked = self.ticked | keys if ticked else self.ticked - keys
        self.refresh()
        self.post_message(self.Marked(self))

    def _tick(self, record: AnyRecord) -> Cell:
        if record.key in self.ticked:
            return Cell("[x]", "accent")
        return Cell("[ ]" if record.key in self.may_tick else "", "dim")


class CleanUpScreen(QuestionScreen[list[AnyRecord] | None]):
    """Answers with the records to remove. None: nothing.

    A key that stops being stale while the question is open loses its tick and cannot be ticked
    again. A key that becomes stale meanwhile is ticked if all others are, and no yes counts until
    it could be seen. If the user has unticked some, the selection stays as it is.
    """

    CSS_PATH = "dialog.tcss"

    PLACE = Place.CLEAN_UP
    # Yes is a capital letter: a letter typed for something else must not confirm.
    ACTIONS: ClassVar[dict[str, str]] = {"yes": "yes", "no": "no", "help": "app.help"}
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(
        self,
        dashboard: Dashboard,
        records: Sequence[AnyRecord],
        where: str,
        undecided: Sequence[AnyRecord] = (),
    ) -> None:
        """`records`: the stale ones, in the order shown. `where`: the store's name and address in
        full. `undecided`: shown below, as they may turn out stale."""
        super().__init__(dashboard.timings.reading)
        self.dashboard = dashboard
        self.targets = RemovalReview(
            dashboard.states, [*records, *undecided], writes_down=dashboard.writes_down
        )
        self._where = where
        self._proposed = {record.key for record in records}
        """Keys that were stale at any look."""
        self._waited = False
        """At least one key was undecided at any look."""
        columns = [
            Column("state", "STATE", 13, self._state),
            Column("kind", "KIND", 8, _kind, drop=7),
            Column("name", "NAME", 12, name_of, grow=NAMES, path=True),
            Column("id", "ID", 16, _id, drop=4),
            Column("evidence", "EVIDENCE", 20, self._evidence, drop=2, grow=REASONS),
        ]
        self._table = ProposalTable(columns, records)

    def compose(self) -> ComposeResult:
        with Vertical(
            classes=f"dialog -wide {'' if len(self.targets.records) <= FEW else '-full'}"
        ):
            yield Static(classes="dialog--title")
            yield QuestionedStore(self.dashboard.settings, self._where)
            yield Alert()
            yield Static(classes="dialog--summary", markup=False)
            yield self._table
            with VerticalScroll(classes="dialog--about", can_focus=False):
                yield Static(classes="dialog--lines")
            yield Static(HINTS, classes="dialog--hint", markup=False)

    def on_mount(self) -> None:
        self._table.show(self.targets.records, _index_in(self.targets.records))
        self._table.focus()
        self._show_title()
        self.set_interval(LOOK_INTERVAL, self._look_again)

    # --- answering ----------------------------------------------------------------------------

    def action_yes(self) -> None:
        """Answer with the ticked records, if they were seen ticked and all are still stale."""
        if not self.takes_yes:
            return
        ticked = set(self._table.ticked)
        self._look_again()
        if (why := out_of_date(self.dashboard.view)) is not None:
            self._say(f"{why} Nothing is removed.")
        elif self._table.ticked - ticked:
            return  # A key decided at this very look is shown, and must be seen first.
        elif lost := len(ticked - self._table.ticked):
            self._say(
                f"{count(lost, 'key')} stopped being stale and left the selection. Look again."
            )
        elif not ticked:
            self._say("Nothing is selected: space selects, Esc cancels.")
        else:
            self.dismiss([one for one in self.targets.records if one.key in ticked])

    def action_no(self) -> None:
        self.dismiss(None)

    def on_list_table_marked(self) -> None:
        if refused := self._table.ticked & self._not_stale():
            self._table.ticked -= refused
            self._say_why_not(refused)
        else:
            self._say(HINTS)
        self._show_title()

    def on_proposal_table_refused(self, message: ProposalTable.Refused) -> None:
        not_stale = self._not_stale()
        if refused := message.keys & not_stale:
            self._say_why_not(refused)
            self._show_title()
        elif became_stale := message.keys & {one.key for one in self.targets.there()}:
            # Since the last look.
            self._look_again()
            self._table.tick_as(became_stale & self._table.may_tick, True)

    def _say_why_not(self, refused: set[bytes]) -> None:
        """Show why some rows may have no tick."""
        if refused.intersection(one.key for one in self._undecided()):
            self._say("That is undecided: the next renewal of its lease shows whether it lives.")
        elif refused & self._proposed:
            drain = self.dashboard.keys.shown("drain")
            self._say(f"That is no longer stale: {drain} on its row drains it.")
        else:
            self._say("That is not stale: its lease is renewed.")

    def on_list_table_highlighted(self) -> None:
        self._show_about()

    # --- showing ------------------------------------------------------------------------------

    def _look_again(self) -> None:
        self.targets.look_again()
        self._take_in_what_was_decided()
        self._show_title()
        self._table.refresh()
        self._show_about()

    def _take_in_what_was_decided(self) -> None:
        table, not_stale = self._table, self._not_stale()
        there = {one.key for one in self.targets.there()}
        had_all = table.ticked >= (table.may_tick & there) - not_stale
        table.ticked -= not_stale
        decided = there - not_stale - self._proposed
        self._proposed |= decided
        # A key that went or changed keeps tick and tick box: it is not removed anyway.
        table.may_tick = (table.may_tick | decided) - not_stale
        if not decided:
            return
        number = count(len(decided), "key")
        verb = "is" if len(decided) == 1 else "are"
        if had_all:
            table.ticked |= decided
            self._say(f"{number} {verb} stale now, too, and selected. Look again.")
            # A yes on its way was for the earlier selection.
            self.must_be_read()
        else:
            self._say(f"{number} {verb} stale now, too: space selects.")

    def _not_stale(self) -> set[bytes]:
        """Return the keys that are unchanged and not stale. A yes would leave the rest alone."""
        verdicts = self.dashboard.view.verdicts
        return {one.key for one in self.targets.there() if not verdicts.is_stale(one)}

    def _undecided(self) -> list[AnyRecord]:
        """Return the unchanged records that become stale unless their lease is renewed."""
        verdicts = self.dashboard.view.verdicts
        return [one for one in self.targets.there() if is_undecided(verdicts, one)]

    def _within(self, records: Sequence[AnyRecord]) -> str:
        """Return when the renewals of these are due. Empty: none of their leases was read yet."""
        ttls = map(self.dashboard.view.verdicts.lease_ttl, records)
        known = [lease_ttl for lease_ttl in ttls if lease_ttl is not None]
        if not known:
            return ""
        seconds = ceil(longest_wait(known, self.dashboard.clock()))
        return f" within {seconds} s" if seconds > 0 else " any moment now"

    def _show_title(self) -> None:
        # Keys that went or changed meanwhile are not removed.
        there = {record.key for record in self.targets.there()}
        stale = there & self._proposed
        ticked, of = len(self._table.ticked & there), len(stale)
        number = f"{ticked:,} of {of:,}" if ticked < of else f"{of:,}"
        title = Text(f"Clean up {number} stale {'key' if of == 1 else 'keys'}?", "bold")
        undecided = self._undecided()
        if not there:
            title = Text("All of these keys are gone or changed.", "bold")
        elif not stale:
            title = Text(f"Nothing is stale{' yet' if undecided else ''}.", "bold")
        self.query_one(".dialog--title", Static).update(title)
        self.query_one(Alert).set_sentences(self.targets.cannot_be_undone())
        self._show_undecided(undecided)

    def _show_undecided(self, undecided: Sequence[AnyRecord]) -> None:
        summary = self.query_one(".dialog--summary", Static)
        # It stays once shown, so that no row moves under the mouse.
        summary.display = self._waited = self._waited or bool(undecided)
        if not undecided:
            summary.update("No key is undecided any more.")
            return
        are = "is" if len(undecided) == 1 else "are"
        summary.update(
            f"{count(len(undecided), 'key')} {are} undecided: the next renewal of the lease "
            f"shows{self._within(undecided)} whether the worker lives."
        )

    def _say(self, text: str) -> None:
        hint = self.query_one(".dialog--hint", Static)
        hint.update(text)
        hint.set_class(text is not HINTS, "-said")

    def _show_about(self) -> None:
        """Show the details of the row under the cursor."""
        record = self._table.row
        if record is None:
            return
        now = self.dashboard.clock()
        about = Text(plain_key(record.key), "bold")
        content = plain(revision_of(record))
        if record.entry.owner is None:
            lease = NOTHING if record.lease is None else hex_id(record.lease)
            content += f", lease {lease}"
        about.append(f"  {content}", "not bold dim")
        evidence = self.dashboard.states.assess(record).evidence
        if self.targets.key_change(record) is None:
            lines = [text_with_age(one, now) for one in evidence]
        else:
            lines = [self.targets.note(record).text]
        does = consequences(
            record,
            verdict=self.targets.verdict(record),
            lifetime=self.dashboard.view.verdicts.lifetime,
        )
        # Some consequences repeat the evidence.
        said = {one.text for one in evidence}
        lines += [sentence for sentence in does if sentence.removesuffix(".") not in said]
        about.append("".join(f"\n• {plain_sentence(line)}" for line in lines), "not bold")
        self.query_one(".dialog--lines", Static).update(about)

    def _state(self, record: AnyRecord) -> Cell:
        match self.targets.key_change(record):
            case KeyChange.GONE:
                return Cell("† gone", "dim")
            case KeyChange.CHANGED:
                return Cell("~ changed", "warn")
        state = STATES[self.targets.verdict(record)]
        return Cell(state.in_column, state.tone)

    def _evidence(self, record: AnyRecord) -> Cell:
        """Return the deciding evidence. Its time is in the lines below."""
        if self.targets.key_change(record) is not None:
            return self.targets.note(record)
        evidence = self.dashboard.states.assess(record).evidence[0].text
        if is_undecided(self.dashboard.view.verdicts, record):
            return Cell(f"decided{self._within([record])}: {evidence}", "warn")
        return Cell(evidence, "dim")


def _kind(record: AnyRecord) -> str:
    return SHORT_KIND_NAMES[record.kind]


def _id(record: AnyRecord) -> Cell:
    return Cell(hex_id(record.id.instance_id), "accent")


def _index_in(records: Sequence[AnyRecord]) -> Callable[[Hashable], int | None]:
    places: dict[Hashable, int] = {record.key: index for index, record in enumerate(records)}
    return places.get
