"""The top line: which store, the state of its connection, and counts; and below it where the
dashboard is. It never shows outdated data as current."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from backends.dynamo.ids import Kind
from tui.runtime.open_files import why_none_left
from tui.runtime.textual_theme import rich_colour
from tui.state.dashboard import Dashboard
from tui.state.empty import why_not_updating
from tui.state.navigation.breadcrumb import BETWEEN, FROZEN, Breadcrumb, breadcrumb_of
from tui.state.record_states import STALE_AFTER
from tui.state.store_state import LinkState
from tui.text.errors import explain
from tui.text.format import count, duration
from tui.text.sanitize import clip, plain, width
from tui.text.timestamps import time_of_day
from tui.widgets.context_badge import context_badge

ROOM_FOR_NAME = 90
"""Cells from which the program's name is shown: narrower lines have no room for it."""
LEAST_ADDRESS = 12
"""Cells of the store's address that take precedence over the number of instances."""
LONGEST_TROUBLE = 1_000
"""Cells of an error: more than fit. A server may send 100 KB."""
LEAST_BREADCRUMB = 24
"""Cells of the breadcrumb in the top line of a short terminal, however many others there are."""

_GLYPHS = {
    LinkState.CONNECTING: ("◌", "text-warning"),
    LinkState.LOADING: ("◌", "text-warning"),
    LinkState.CONNECTED: ("●", "text-success"),
    LinkState.DISCONNECTED: ("✗", "text-error"),
    LinkState.NOT_UPDATING: ("✗", "text-error"),
}


class StoreHeader(Vertical):
    """One line, and below it where the dashboard is, if that is anywhere but at everything, and an
    error if there is one. In a short terminal the place is part of the line."""

    DEFAULT_CSS = """
    StoreHeader { height: auto; background: $panel; }
    StoreHeader > Static { height: 1; padding: 0 1; }
    StoreHeader.-past { color: black; background: $warning; }
    StoreHeader.-past:ansi { color: ansi_black; background: ansi_yellow; }
    StoreHeader > #breadcrumb { display: none; }
    StoreHeader > #breadcrumb.-shown { display: block; }
    StoreHeader > #trouble {
        display: none; height: auto; max-height: 3; color: $text-error; background: $error-muted;
    }
    StoreHeader > #trouble.-shown { display: block; }
    """

    def __init__(self, dashboard: Dashboard) -> None:
        super().__init__()
        self.dashboard = dashboard
        self._store = dashboard.store.name
        self._shown: tuple[object, ...] = ()
        self._shown_breadcrumb: tuple[object, ...] = ()
        self._shown_trouble = ""
        self.set_class(dashboard.is_past, "-past")

    def compose(self) -> ComposeResult:
        yield Static(id="line")
        yield Static(id="breadcrumb")
        yield Static(id="trouble")

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self.update())

    def on_unmount(self) -> None:
        # Its function refers to this: it would never go.
        self.app.theme_changed_signal.unsubscribe(self)

    def on_resize(self) -> None:
        self.update()

    def update(self) -> None:
        """Draw the differences."""
        line, trouble = self._line(), clip(self._trouble(), LONGEST_TROUBLE)
        if (shown := (line.plain, line.spans)) != self._shown:
            self._shown = shown
            self.query_one("#line", Static).update(line, layout=False)
        breadcrumb = Text() if self._is_short else self._breadcrumb(max(0, self.size.width - 2))
        if (shown := (breadcrumb.plain, breadcrumb.spans)) != self._shown_breadcrumb:
            self._shown_breadcrumb = shown
            below = self.query_one("#breadcrumb", Static)
            below.update(breadcrumb, layout=False)
            below.set_class(bool(breadcrumb), "-shown")
        # A change here lays the screen out, so counts are not part of it.
        if trouble != self._shown_trouble:
            self._shown_trouble = trouble
            troubled = self.query_one("#trouble", Static)
            troubled.update(Text(trouble))
            troubled.set_class(bool(trouble), "-shown")

    @property
    def _is_short(self) -> bool:
        return self.screen.has_class("-short")

    def _line(self) -> Text:
        room = max(0, self.size.width - 2)
        right, modes = self._counts(), self._modes()
        if self.dashboard.is_past:
            left = self._place(self.dashboard.place_parts(), room - _cells([*right[:1], *modes]))
        else:
            left = self._link()
        if room >= ROOM_FOR_NAME:
            left.insert(0, Text("dyntop", "bold"))
        # Always shown: a frozen or filtered view must not look like a live and complete one.
        used = _cells([*left, *modes])
        if (read := self._leases_read()) and used + _cells([read]) + LEAST_ADDRESS <= room:
            modes.append(read)
            used += _cells([read])
        if self._is_short and (breadcrumb := self._breadcrumb(max(LEAST_BREADCRUMB, room - used))):
            left.append(breadcrumb)
            used += breadcrumb.cell_len + 2
        # The least important goes first: the counts except the first, then the end of the address.
        # Kubernetes: known once the kubeconfig is read.
        address = plain(f"{self._store} {self.dashboard.store.address}")
        while right and used + width(address) + _cells(right) > room:
            if len(right) == 1 and used + LEAST_ADDRESS + _cells(right) <= room:
                break
            right.pop()
        right_width = _cells(right)
        address = clip(address, max(0, room - used - right_width))
        left += [*([Text(address)] if address else []), *modes]
        line = Text(no_wrap=True)
        line.append(Text("  ").join(left))
        if right:
            joined = Text("  ").join(right)
            line.append(" " * max(2, room - line.cell_len - joined.cell_len)).append(joined)
        return line

    def _breadcrumb(self, room: int) -> Text:
        """Return where the dashboard is, in so many cells if that is possible. Empty: at all."""
        breadcrumb = breadcrumb_of(self.dashboard)
        if not breadcrumb:
            return Text()
        line = self._drawn(breadcrumb, room)
        if line.cell_len > room and breadcrumb.frozen:
            # That it is frozen matters more than how much waits.
            line = self._drawn(replace(breadcrumb, frozen=FROZEN), room)
        return line

    def _drawn(self, breadcrumb: Breadcrumb, room: int) -> Text:
        line = Text(no_wrap=True)
        signs = breadcrumb.signs()
        context = context_badge(self.app, self.dashboard.settings)
        kept = sum(width(text) + len(BETWEEN) for text in (context.plain, *signs) if text)
        line.append(context)
        for text in breadcrumb.steps(room - kept):
            line.append(BETWEEN if line else "", "dim").append(text, "bold")
        for text in signs:
            style = "reverse" if text == breadcrumb.frozen else "dim"
            line.append("  " if line else "").append(text, style)
        return line

    def _link(self) -> list[Text]:
        state, now = self.dashboard.view.store, self.dashboard.clock()
        glyph, colour = _GLYPHS[state.link]
        # Green means that all is well.
        verdicts = self.dashboard.view.verdicts
        is_denied = verdicts.serving.is_any_denied
        is_wrong = verdicts.findings or is_denied or state.warnings
        if state.link is LinkState.CONNECTED and is_wrong:
            colour = "text-warning"
        style = rich_colour(self.app.theme_variables, colour)
        text = f"{glyph} {state.link.value}"
        if state.link is LinkState.DISCONNECTED and state.last_contact is None:
            # It was never connected.
            text = f"{glyph} not connected, trying since "
            text += time_of_day(self.dashboard.clock.shown_at(state.since))
        elif state.link.is_outdated:
            text += f" since {time_of_day(self.dashboard.clock.shown_at(state.since))}"
        elif state.link is LinkState.CONNECTING and now - state.since >= 1:
            text += f" for {duration(now - state.since)}"
        if state.loading is not None:
            total = "" if state.loading.total is None else f" of {state.loading.total:,}"
            text += f" {state.loading.done:,}{total}"
        parts = [Text(text, style)]
        if state.last_contact is not None and now - state.last_contact > STALE_AFTER:
            parts.append(Text(f"data {duration(now - state.last_contact)} old", "bold"))
        return parts

    def _place(self, parts: Sequence[str], room: int) -> list[Text]:
        """Return that this is the past, and which moment: its first two parts, and of the others
        those that there is room for. With the state of the store then, if it was lost, and the
        age of what was known then, if that was old."""
        shown = [
            Text(f" {self.dashboard.past_word} ", "bold reverse"),
            *(Text(one, "bold") for one in parts[:2]),
        ]
        link, *age = self._link()
        outdated = self.dashboard.view.store.link.is_outdated
        shown += [Text(one.plain, "bold") for one in ([link] if outdated else []) + age]
        if trouble := self.dashboard.present_trouble():
            shown.append(Text(trouble, "bold"))
        for part in parts[2:]:
            if _cells([*shown, Text(part)]) <= room - LEAST_ADDRESS:
                shown.append(Text(part))
        return shown

    def _modes(self) -> list[Text]:
        modes = [Text(f"◌ {doing}", "bold") for doing in self.dashboard.under_way.texts]
        if self.dashboard.marked:
            modes.append(Text(f"▪ {self.dashboard.marked:,} marked", "reverse"))
        if self.dashboard.trouble:
            modes.append(Text(f"no evidence: {plain(self.dashboard.trouble)}", "bold"))
        return modes

    def _leases_read(self) -> Text:
        """Return how far leases are read. Empty: as they should be."""
        if not self.dashboard.sweep_age:
            return Text()
        read, leases = self.dashboard.leases_read
        age = f"leases read up to {duration(self.dashboard.sweep_age)} ago"
        return Text(f"{read:,} of {leases:,} leases read" if read < leases else age, "dim")

    def _counts(self) -> list[Text]:
        """Return the counts, the most important first. Empty: no complete snapshot yet."""
        view = self.dashboard.view
        if not view.complete:
            return []
        cluster = view.cluster
        channels = cluster.count(Kind.EVENT_CHANNEL)
        findings = len(view.verdicts.findings)
        models, not_served = len(view.models), self._not_served()
        serving = view.verdicts.serving
        unserved = serving.unserved or serving.denied
        error = rich_colour(self.app.theme_variables, "text-error") or "bold"
        if self.dashboard.is_past:
            # On the colour of the past it would be illegible.
            error = "bold"
        return [
            *([Text(count(findings, "finding"), error)] if findings else []),
            *([Text(not_served, error)] if not_served else []),
            Text(count(cluster.count_instances(), "instance"), "bold"),
            Text(count(view.verdicts.count_workers(), "worker")),
            *([] if unserved else [Text(count(models, "model"))]),
            Text(count(channels, "channel")),
            *([] if self.dashboard.is_past else [self._rate()]),
        ]

    def _rate(self) -> Text:
        return Text(f"{self.dashboard.view.rate(self.dashboard.clock()):.1f} changes/s", "dim")

    def _not_served(self) -> str:
        """Return how many models and adapters are not served, or by some frontends only. Empty: all
        are served."""
        serving = self.dashboard.view.verdicts.serving
        models = serving.unserved | serving.denied
        adapters = serving.unserved_adapters | serving.denied_adapters
        # What no request reaches by what is registered is served nowhere.
        in_part = serving.partly_denied - models, serving.partly_denied_adapters - adapters
        totals = (len(self.dashboard.view.models), serving.adapters)
        clauses = []
        for how, found in (("not", (models, adapters)), ("partly", in_part)):
            parts = [
                f"{len(names):,} of {count(total, noun)}"
                for names, total, noun in zip(found, totals, ("model", "LoRA"), strict=True)
                if names
            ]
            clauses += [f"{', '.join(parts)} {how} served"] if parts else []
        return ", ".join(clauses)

    def _trouble(self) -> str:
        """Return the error, in a sentence. Empty: none."""
        state = self.dashboard.view.store
        if state.link is LinkState.NOT_UPDATING:
            clock = self.dashboard.clock
            return why_not_updating(state, self._store, clock(), clock.shown_at)
        if state.link is LinkState.DISCONNECTED and state.error is not None:
            # A seeming fault of the store may be one of this process.
            return why_none_left() or explain(state.error, self._store).sentence
        return f"{self._store} reports: " + ", ".join(state.warnings) if state.warnings else ""


def _cells(parts: Iterable[Text]) -> int:
    return sum(part.cell_len + 2 for part in parts)
