"""The line on top that never lies: which store, how it stands with it, and what it holds."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from backends.ids import Kind
from backends.store import Store
from tui.complaints import explain
from tui.monitor import Link
from tui.plain import clip, plain, width
from tui.settings import Settings
from tui.view import View
from tui.words import count, duration

STALE_AFTER = 5.0
"""Seconds of silence after which the age of the data is shown: twice a store's usual beat."""

ROOM_FOR_NAME = 90
"""Cells from which on the program says its name; below it says more important things."""
LEAST_ADDRESS = 12
"""Cells of the store's address that are worth more than the number of instances."""
LONGEST_TROUBLE = 1_000
"""Cells of what is wrong: more than there is room for. A server may say 100 KB."""
ENVIRONMENT = ("DYNTOP_CONTEXT", "DYN_NAMESPACE")
"""What names a context or namespace without a person typing it now."""

_GLYPHS = {
    Link.CONNECTING: ("◌", "text-warning"),
    Link.LOADING: ("◌", "text-warning"),
    Link.CONNECTED: ("●", "text-success"),
    Link.DISCONNECTED: ("✗", "text-error"),
}


class StoreHeader(Vertical):
    """One line, and what is wrong below it while something is."""

    DEFAULT_CSS = """
    StoreHeader { height: auto; background: $panel; }
    StoreHeader > Static { height: 1; padding: 0 1; }
    StoreHeader > #trouble {
        display: none; height: auto; max-height: 3; color: $text-error; background: $error-muted;
    }
    StoreHeader > #trouble.-shown { display: block; }
    """

    def __init__(self, view: View, store: Store, settings: Settings) -> None:
        super().__init__()
        self.view = view
        self._store = store.name
        self._address = f"{store.name} {store.address}"
        self._names = [
            *_named("ctx", settings.context, settings.context_source),
            *_named("ns", settings.namespace, settings.namespace_source),
        ]
        self._shown: tuple[object, ...] = ()
        self._shown_trouble = ""

    def compose(self) -> ComposeResult:
        yield Static(id="line")
        yield Static(id="trouble")

    def on_resize(self) -> None:
        self.update()

    def update(self) -> None:
        """Say how it is now. Draws only if that differs from what is on screen."""
        line, trouble = self._line(), clip(self._trouble(), LONGEST_TROUBLE)
        if (shown := (line.plain, line.spans)) != self._shown:
            self._shown = shown
            self.query_one("#line", Static).update(line, layout=False)
        # The screen is laid out anew for this one, so not each time that a count changes.
        if trouble != self._shown_trouble:
            self._shown_trouble = trouble
            troubled = self.query_one("#trouble", Static)
            troubled.update(Text(trouble))
            troubled.set_class(bool(trouble), "-shown")

    def _line(self) -> Text:
        room = max(0, self.size.width - 2)
        left = self._link()
        if room >= ROOM_FOR_NAME:
            left.insert(0, ("dyntop", "bold"))
        right, modes = self._counts(), self._modes()
        # Always said: a frozen or narrowed view must not look like a live and whole one.
        used = sum(width(text) + 2 for text, _ in (*left, *modes))
        # What matters least goes first: the counts but the first, then the end of the address.
        address = plain(self._address)
        while right and used + width(address) + _cells(right) > room:
            if len(right) == 1 and used + LEAST_ADDRESS + _cells(right) <= room:
                break
            right.pop()
        right_width = _cells(right)
        address = clip(address, max(0, room - used - right_width))
        left += [(address, ""), *modes]
        line = Text(no_wrap=True)
        for number, (text, style) in enumerate(left):
            line.append("  " if number else "").append(text, style)
        if right:
            joined = "  ".join(text for text, _ in right)
            line.append(" " * max(2, room - line.cell_len - len(joined)))
            for number, (text, style) in enumerate(right):
                line.append("  " if number else "").append(text, style)
        return line

    def _link(self) -> list[tuple[str, str]]:
        state, now = self.view.monitor.store, self.view.clock()
        glyph, colour = _GLYPHS[state.link]
        style = self.app.theme_variables.get(colour, "")
        text = f"{glyph} {state.link.value}"
        if state.link is Link.DISCONNECTED:
            text += f" since {datetime.fromtimestamp(state.since):%H:%M:%S}"
        elif state.link is Link.CONNECTING and now - state.since >= 1:
            text += f" for {duration(now - state.since)}"
        if state.loading is not None:
            total = "" if state.loading.total is None else f" of {state.loading.total:,}"
            text += f" {state.loading.done:,}{total}"
        parts = [(text, style)]
        if state.heard_at is not None and now - state.heard_at > STALE_AFTER:
            parts.append((f"data {duration(now - state.heard_at)} old", "bold"))
        return parts

    def _modes(self) -> list[tuple[str, str]]:
        monitor = self.view.monitor
        modes = [(f"◌ {doing}", "bold") for doing in self.view.under_way]
        if self.view.marked:
            modes.append((f"▪ {self.view.marked:,} marked", "reverse"))
        if monitor.only_findings:
            modes.append(("! only what is not live", "reverse"))
        if monitor.frozen:
            modes.append((f"❄ frozen, {count(monitor.waiting, 'change')} waiting", "reverse"))
        modes += [(name, "bold") for name in self._names]
        if self.view.read_only:
            modes.append(("read-only", "dim"))
        if self.view.trouble:
            modes.append((f"no evidence: {plain(self.view.trouble)}", "bold"))
        if self.view.sweep_age:
            modes.append((f"leases read up to {duration(self.view.sweep_age)} ago", "dim"))
        return modes

    def _counts(self) -> list[tuple[str, str]]:
        """The most important first. None at all before a whole snapshot was seen."""
        monitor = self.view.monitor
        if not monitor.complete:
            return []
        cluster = monitor.cluster
        channels = cluster.count(Kind.EVENT_CHANNEL)
        not_live = len(monitor.verdicts.not_live())
        error = self.app.theme_variables.get("text-error", "bold")
        return [
            (count(cluster.count(Kind.ENDPOINT), "instance"), "bold"),
            *([(f"{not_live:,} not live", error)] if not_live else []),
            (count(len(self.view.monitor.models), "model"), ""),
            (count(channels, "channel"), ""),
            (f"{monitor.rate(self.view.clock()):.1f} changes/s", "dim"),
        ]

    def _trouble(self) -> str:
        """What is wrong, in a sentence. Empty: nothing is."""
        state = self.view.monitor.store
        if state.link is Link.DISCONNECTED and state.error is not None:
            return explain(state.error, self._store).sentence
        return f"{self._store} says: " + ", ".join(state.warnings) if state.warnings else ""


def _named(label: str, name: str | None, source: str | None) -> list[str]:
    """What was named, and who named it if that may be a surprise. Empty: nothing was."""
    if not name:
        return []
    # A flag is what the person just typed, and a context is shown itself.
    named_by = f" ({source})" if source in ENVIRONMENT else ""
    return [plain(f"{label} {name}{named_by}")]


def _cells(parts: list[tuple[str, str]]) -> int:
    return sum(width(text) + 2 for text, _ in parts)
