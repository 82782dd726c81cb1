"""What is stale, proposed for removal: all of it, each with its evidence, each to be left out.

And what may be: that joins it when it turns out to be so while the question is open.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from math import ceil
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from backends.dynamo.records import AnyRecord
from backends.liveness.renewals import longest_wait
from tui.actions import Place
from tui.dialogs.question import Alert, Asking
from tui.dialogs.unregister import LOOK_INTERVAL
from tui.runtime.textual_bindings import bindings
from tui.state.columns import Cell, Column
from tui.state.dashboard import Dashboard
from tui.state.removal_review import Meanwhile, RemovalReview, dated, out_of_date
from tui.state.reported_removals import is_undecided
from tui.text.consequences import consequences, plain_sentence
from tui.text.format import NOTHING, SHORT_KIND_NAMES, STATES, count, hex_id, name_of, revision_word
from tui.text.sanitize import plain, plain_key
from tui.widgets.table.list_table import ListTable

FEW = 5
"""Rows up to which the dialog is only as high as it needs to be."""
HINTS = "space select   a all/none   Y remove selected   Esc cancel"


class ProposalTable(ListTable[AnyRecord]):
    """Records with a tick each, all ticked at first. Enter ticks, too: it never says yes."""

    ACTIONS: ClassVar[dict[str, str]] = {
        "mark-range": "mark_range",
        "tick": "mark",
        "tick-all": "mark_all",
    }
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    DEFAULT_CSS = """
    ProposalTable { height: auto; }
    """

    def __init__(self, columns: Sequence[Column[AnyRecord]], ticked: Sequence[AnyRecord]) -> None:
        """`ticked`: the records that have a tick at first, and may have one."""
        ticks = Column("tick", "", 3, self._tick)
        super().__init__((ticks, *columns))
        self.ticked: set[bytes] = {record.key for record in ticked}
        self.may_tick: set[bytes] = set(self.ticked)
        """The rows that may have a tick."""
        self._ticked_last: AnyRecord | None = None

    def action_mark(self) -> None:
        """Tick the row or take its tick away, and go on to the next."""
        self.action_choose()
        self.action_cursor(1)

    def action_choose(self) -> None:
        """Tick the row or take its tick away."""
        if self.row is not None:
            self._ticked_last = self.row
            self.tick_as({self.row.key}, self.row.key not in self.ticked)

    def action_mark_range(self) -> None:
        """All from the row that was toggled last to the cursor's, as that one."""
        if self._ticked_last is None or self.row is None:
            return
        keys = [row.key for row in self.rows]
        first, last = sorted(keys.index(row.key) for row in (self._ticked_last, self.row))
        wanted = self.may_tick.intersection(keys[first : last + 1])
        self.tick_as(wanted, self._ticked_last.key in self.ticked)

    def action_mark_all(self) -> None:
        """Tick all rows that may have a tick; if all of them have one, none."""
        self.tick_as(self.may_tick, self.ticked != self.may_tick)

    def tick_as(self, keys: set[bytes], ticked: bool) -> None:
        """Tick these rows, or take their ticks away."""
        self.ticked = self.ticked | keys if ticked else self.ticked - keys
        self.refresh()
        self.post_message(self.Marked(self))

    def _tick(self, record: AnyRecord) -> Cell:
        if record.key in self.ticked:
            return Cell("[x]", "accent")
        return Cell("[ ]" if record.key in self.may_tick else "", "dim")


class CleanUpScreen(Asking[list[AnyRecord] | None]):
    """Answers with what to remove; None: nothing.

    What stops being stale while it is open loses its tick, and cannot be ticked again. What a
    renewal decides while it is open gets a tick where all have one, and no yes counts until that
    was seen; where some were taken away, the selection is the person's and stays as it is.
    """

    CSS_PATH = "dialog.tcss"

    PLACE = Place.CLEAN_UP
    # Yes is a capital, so that no letter typed for something else says it.
    ACTIONS: ClassVar[dict[str, str]] = {"yes": "yes", "no": "no", "help": "app.help"}
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(
        self,
        dashboard: Dashboard,
        records: Sequence[AnyRecord],
        where: str,
        undecided: Sequence[AnyRecord] = (),
    ) -> None:
        """`records`: all stale, in the order to be shown. `where`: from which store, with its name
        and address in full. `undecided`: what is shown below, as it may turn out to be stale."""
        super().__init__()
        self.dashboard = dashboard
        self.targets = RemovalReview(
            dashboard.states, [*records, *undecided], writes_down=dashboard.writes_down
        )
        self._where = where
        self._proposed = {record.key for record in records}
        """What was stale at any look."""
        self._waited = False
        """Whether anything was undecided at any look."""
        columns = [
            Column("state", "STATE", 13, self._state),
            Column("kind", "KIND", 8, _kind, drop=3),
            Column("name", "NAME", 12, name_of, share=3, most=56, path=True),
            Column("id", "ID", 16, _id, drop=2),
            Column("evidence", "EVIDENCE", 20, self._evidence, share=4, prose=True, drop=4),
        ]
        self._table = ProposalTable(columns, records)

    def compose(self) -> ComposeResult:
        with Vertical(
            classes=f"dialog -wide {'' if len(self.targets.records) <= FEW else '-full'}"
        ):
            yield Static(classes="dialog--title")
            yield Static(plain(self._where), classes="dialog--where", markup=False)
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
        """Answers with what is ticked, if that is what was seen and all of it is stale by now."""
        if not self.takes_yes:
            return
        ticked = set(self._table.ticked)
        self._look_again()
        if (why := out_of_date(self.dashboard.monitor)) is not None:
            self._say(f"{why} Nothing is removed.")
        elif self._table.ticked - ticked:
            return  # What was decided at this very look is said, and to be seen first.
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
            if refused.intersection(one.key for one in self._undecided()):
                self._say(
                    "That is undecided: the next renewal of its lease shows whether it lives."
                )
            elif refused & self._proposed:
                drain = self.dashboard.keys.shown("drain")
                self._say(f"That is not stale any more: {drain} on its row drains it.")
            else:
                self._say("That is not stale: its lease is renewed.")
        else:
            self._say(HINTS)
        self._show_title()

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
        # What went or changed keeps its tick box, as it keeps its tick: nothing of it is removed.
        table.may_tick = (table.may_tick | decided) - not_stale
        if not decided:
            return
        number = count(len(decided), "key")
        verb = "is" if len(decided) == 1 else "are"
        if had_all:
            table.ticked |= decided
            self._say(f"{number} {verb} stale now, too, and selected. Look again.")
            # A yes that was on its way was for what was there before.
            self.must_be_read()
        else:
            self._say(f"{number} {verb} stale now, too: space selects.")

    def _not_stale(self) -> set[bytes]:
        """Of what is there as it was shown. The rest is nothing that could be removed."""
        verdicts = self.dashboard.monitor.verdicts
        return {one.key for one in self.targets.there() if not verdicts.is_stale(one)}

    def _undecided(self) -> list[AnyRecord]:
        """What is there as it was shown, and is stale only if it is not renewed."""
        verdicts = self.dashboard.monitor.verdicts
        return [one for one in self.targets.there() if is_undecided(verdicts, one)]

    def _within(self, records: Sequence[AnyRecord]) -> str:
        """When the renewals of these are there, or missed; empty where no lease was read yet."""
        lives = map(self.dashboard.monitor.verdicts.life, records)
        known = [life for life in lives if life is not None]
        if not known:
            return ""
        seconds = ceil(longest_wait(known, self.dashboard.clock()))
        return f" within {seconds} s" if seconds > 0 else " any moment now"

    def _show_title(self) -> None:
        # Of what went or changed meanwhile nothing is removed.
        there = {record.key for record in self.targets.there()}
        stale = there & self._proposed
        ticked, of = len(self._table.ticked & there), len(stale)
        number = f"{ticked:,} of {of:,}" if ticked < of else f"{of:,}"
        title = Text(f"Clean up {number} stale {'key' if of == 1 else 'keys'}?", "bold")
        undecided = self._undecided()
        if not there:
            title = Text("Nothing of this is left as it was shown.", "bold")
        elif not stale:
            title = Text(f"Nothing is stale{' yet' if undecided else ''}.", "bold")
        self.query_one(".dialog--title", Static).update(title)
        self.query_one(Alert).say(self.targets.cannot_be_undone())
        self._show_undecided(undecided)

    def _show_undecided(self, undecided: Sequence[AnyRecord]) -> None:
        summary = self.query_one(".dialog--summary", Static)
        # It stays, so that no row moves under the mouse.
        summary.display = self._waited = self._waited or bool(undecided)
        if not undecided:
            summary.update("All that was undecided is decided.")
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
        """All that is known of the row that the cursor is on."""
        record = self._table.row
        if record is None:
            return
        now = self.dashboard.clock()
        about = Text(plain_key(record.key), "bold")
        lease = NOTHING if record.lease is None else hex_id(record.lease)
        revision = plain(revision_word(record.revision))
        about.append(f"  revision {revision}, lease {lease}", "not bold dim")
        evidence = self.dashboard.states.assess(record).evidence
        if self.targets.meanwhile(record) is None:
            lines = [dated(one, now) for one in evidence]
        else:
            lines = [self.targets.note(record).text]
        does = consequences(
            record,
            verdict=self.targets.verdict(record),
            lifetime=self.dashboard.monitor.verdicts.lifetime,
        )
        # Some evidence is a consequence, too.
        said = {one.text for one in evidence}
        lines += [sentence for sentence in does if sentence.removesuffix(".") not in said]
        about.append("".join(f"\n• {plain_sentence(line)}" for line in lines), "not bold")
        self.query_one(".dialog--lines", Static).update(about)

    def _state(self, record: AnyRecord) -> Cell:
        match self.targets.meanwhile(record):
            case Meanwhile.GONE:
                return Cell("† gone", "dim")
            case Meanwhile.CHANGED:
                return Cell("~ changed", "warn")
        state = STATES[self.targets.verdict(record)]
        return Cell(state.in_column, state.tone)

    def _evidence(self, record: AnyRecord) -> Cell:
        """What decided it, without the time, which the lines below have."""
        if self.targets.meanwhile(record) is not None:
            return self.targets.note(record)
        evidence = self.dashboard.states.assess(record).evidence[0].text
        if is_undecided(self.dashboard.monitor.verdicts, record):
            return Cell(f"decided{self._within([record])}: {evidence}", "warn")
        return Cell(evidence, "dim")


def _kind(record: AnyRecord) -> str:
    return SHORT_KIND_NAMES[record.kind]


def _id(record: AnyRecord) -> Cell:
    return Cell(hex_id(record.id.instance_id), "accent")


def _index_in(records: Sequence[AnyRecord]) -> Callable[[Hashable], int | None]:
    places: dict[Hashable, int] = {record.key: index for index, record in enumerate(records)}
    return places.get
