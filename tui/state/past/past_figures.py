"""The figures of an earlier moment of a store: there are none. No Textual in here."""

from __future__ import annotations

from tui.state.empty import NO_FIGURES_THEN
from tui.state.figures.polled_figures import PolledFigures


class PastFigures(PolledFigures):
    """Polls nothing, whatever is visible."""

    has_charts = False

    def why_none(self) -> str:
        return NO_FIGURES_THEN

    def look(self) -> None:
        """Do nothing: there is nothing to poll."""

    def hear_frontends(self) -> None:
        """Do nothing: there are no reports that could grow old."""
