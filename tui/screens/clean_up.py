"""What is stale, proposed for removal: all of it, each with its evidence, each to be left out."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from backends.records import AnyRecord
from tui.columns import Cell, Column
from tui.consequences import consequences, plain_sentence
from tui.plain import plain, plain_key
from tui.screens.asking import Asking
from tui.screens.unregister import LOOK_INTERVAL
from tui.targets import Meanwhile, Targets, dated, out_of_date
from tui.view import View
from tui.widgets.list_table import ListTable
from tui.words import NOTHING, SHORT_KIND_NAMES, STATES, count, hex_id, name_of, revision_word

FEW = 5
"""Rows up to which the dialog is only as high as it needs to be."""
HINTS = "space toggles   a all or none   Y removes what is ticked   n leaves"


class ProposalTable(ListTable[AnyRecord]):
    """Records with a tick each, all ticked at first. Enter ticks, too: it never says yes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,enter", "mark", "Toggle", show=False),
        Binding("a,asterisk", "mark_all", "All or none", show=False),
    ]

    DEFAULT_CSS = """
    ProposalTable { height: auto; }
    """

    def __init__(self, columns: Sequence[Column[AnyRecord]], records: Sequence[AnyRecord]) -> None:
        ticks = Column("tick", "", 3, self._tick)
        super().__init__((ticks, *columns))
        self.ticked: set[bytes] = {record.key for record in records}
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
        self.tick_as(set(keys[first : last + 1]), self._ticked_last.key in self.ticked)

    def action_mark_all(self) -> None:
        """Tick all rows; if all are, none."""
        every = {row.key for row in self.rows}
        self.tick_as(every, self.ticked != every)

    def tick_as(self, keys: set[bytes], ticked: bool) -> None:
        """Tick these rows, or take their ticks away."""
        self.ticked = self.ticked | keys if ticked else self.ticked - keys
        self.refresh()
        self.post_message(self.Marked(self))

    def _tick(self, record: AnyRecord) -> Cell:
        return Cell("[x]", "accent") if record.key in self.ticked else Cell("[ ]", "dim")


class CleanUpScreen(Asking[list[AnyRecord] | None]):
    """Answers with what to remove; None: nothing.

    What stops being stale while it is open loses its tick, and cannot be ticked again.
    """

    CSS_PATH = "dialog.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [
        # A capital, so that no letter typed for something else says yes.
        Binding("Y", "yes", "Yes, remove"),
        Binding("n,escape,q", "no", "No"),
    ]

    def __init__(self, view: View, records: Sequence[AnyRecord], where: str) -> None:
        """`records`: all stale, in the order to be shown. `where`: from which store, with its name
        and address in full."""
        super().__init__()
        self.view = view
        self.targets = Targets(view, records)
        self._where = where
        columns = [
            Column("state", "STATE", 13, self._state),
            Column("kind", "KIND", 8, _kind, drop=3),
            Column("name", "NAME", 12, name_of, share=3, most=56, path=True),
            Column("id", "ID", 16, _id, drop=2),
            Column("evidence", "EVIDENCE", 20, self._evidence, share=4, drop=4),
        ]
        self._table = ProposalTable(columns, self.targets.records)

    def compose(self) -> ComposeResult:
        with Vertical(
            classes=f"dialog -wide {'' if len(self.targets.records) <= FEW else '-full'}"
        ):
            yield Static(classes="dialog--title")
            yield Static(plain(self._where), classes="dialog--where", markup=False)
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
        """Answers with what is ticked, if nothing of it has stopped being stale by now."""
        if not self.can_be_read:
            return
        ticked = set(self._table.ticked)
        self._look_again()
        if (why := out_of_date(self.view)) is not None:
            self._say(f"{why} Nothing is removed.")
        elif lost := len(ticked - self._table.ticked):
            self._say(f"{count(lost, 'key')} stopped being stale, and lost the tick. Look again.")
        elif not ticked:
            self._say("Nothing is ticked: space ticks, n leaves.")
        else:
            self.dismiss([one for one in self.targets.records if one.key in ticked])

    def action_no(self) -> None:
        self.dismiss(None)

    def on_list_table_marked(self) -> None:
        if refused := self._table.ticked & self._no_longer_stale():
            self._table.ticked -= refused
            self._say("That is not stale any more: d on its row drains it.")
        else:
            self._say(HINTS)
        self._show_title()

    def on_list_table_highlighted(self) -> None:
        self._show_about()

    # --- showing ------------------------------------------------------------------------------

    def _look_again(self) -> None:
        if self.targets.look_again():
            self._table.ticked -= self._no_longer_stale()
            self._show_title()
        self._table.refresh()
        self._show_about()

    def _no_longer_stale(self) -> set[bytes]:
        """Of what is there as it was shown. The rest is nothing that could be removed."""
        verdicts = self.view.monitor.verdicts
        return {
            one.key
            for one in self.targets.records
            if self.targets.meanwhile(one) is None
            and not verdicts.would_be_stale(self.targets.verdict(one), one)
        }

    def _show_title(self) -> None:
        ticked, of = len(self._table.ticked), len(self.targets.records)
        number = f"{ticked:,} of {of:,}" if ticked < of else f"{of:,}"
        title = Text(f"Clean up {number} stale {'key' if of == 1 else 'keys'}?", "bold")
        self.query_one(".dialog--title", Static).update(title)

    def _say(self, text: str) -> None:
        hint = self.query_one(".dialog--hint", Static)
        hint.update(text)
        hint.set_class(text is not HINTS, "-said")

    def _show_about(self) -> None:
        """All that is known of the row that the cursor is on."""
        record = self._table.row
        if record is None:
            return
        now = self.view.clock()
        about = Text(plain_key(record.key), "bold")
        lease = NOTHING if record.lease is None else hex_id(record.lease)
        revision = plain(revision_word(record.revision))
        about.append(f"  revision {revision}, lease {lease}", "not bold dim")
        evidence = self.view.judgement(record).evidence
        if self.targets.meanwhile(record) is None:
            lines = [dated(one, now) for one in evidence]
        else:
            lines = [self.targets.note(record).text]
        does = consequences(
            record,
            verdict=self.targets.verdict(record),
            leases=self.view.monitor.verdicts.has_leases,
            kept_alive=self.view.monitor.verdicts.is_kept_alive,
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
        return Cell(str(state), state.tone)

    def _evidence(self, record: AnyRecord) -> Cell:
        """What decided it, without the time, which the lines below have."""
        if self.targets.meanwhile(record) is not None:
            return self.targets.note(record)
        return Cell(self.view.judgement(record).evidence[0].text, "dim")


def _kind(record: AnyRecord) -> str:
    return SHORT_KIND_NAMES[record.kind]


def _id(record: AnyRecord) -> Cell:
    return Cell(hex_id(record.id.instance_id), "accent")


def _index_in(records: Sequence[AnyRecord]) -> Callable[[Hashable], int | None]:
    places: dict[Hashable, int] = {record.key: index for index, record in enumerate(records)}
    return places.get
