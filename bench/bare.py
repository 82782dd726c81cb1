"""A Textual app that does nothing: what any dashboard on Textual costs at least.

python -m bench.bare
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

PAINTED = "nothing to do"
"""What its screen says."""


class BareApp(App[None]):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "quit", "Quit")]

    def compose(self) -> ComposeResult:
        yield Static(PAINTED)


if __name__ == "__main__":
    BareApp().run()
