"""The figures of a moment of a recording. No Textual in here."""

from __future__ import annotations

from collections.abc import Callable

from backends.metrics.overview import Overview
from backends.recording.recording_timeline import RecordingTimeline
from backends.timeline import FiguresRead, Moment, Opening
from backends.timeline.kept_figures import KeptFigures
from tui.session import Session
from tui.state.cluster_view import ClusterView
from tui.state.observer import Updates
from tui.state.past.past_figures import PastFigures
from tui.text.timeline.figure_ages import (
    age_of_figures,
    none_at_all,
    none_in_this_part,
    none_then,
    too_old,
)


class ReplayedFigures(PastFigures):
    """Shows the last figures that were recorded at a moment or before it, and the hour up to it."""

    def __init__(
        self,
        recording: RecordingTimeline,
        session: Session,
        view: ClusterView,
        clock: Callable[[], float],
        updates: Updates,
        moment: Callable[[], Moment | None],
    ) -> None:
        """`moment` returns the one that is shown. None: none is yet."""
        super().__init__(session, view, clock, updates, tab="", always=False)
        self._recording = recording
        self._moment = moment
        self._kept = KeptFigures()
        self.has_charts = self.has_addresses = recording.has_figures

    def overview(self) -> Overview:
        """Return the figures of the moment, joined to what was registered."""
        return self._kept.overview(self._view.cluster, self._clock())

    def why_none(self) -> str:
        if not self._recording.has_figures:
            return none_at_all(is_known=self._recording.scraped is not None)
        if (moment := self._moment()) is None:
            return ""
        if self._recording.scraped_at(moment) == ():
            return none_in_this_part()
        read_at, now = self._kept.at, self._clock()
        if read_at is None:
            return none_then(len(self._kept.silent))
        return too_old(now - read_at, read_at) if self._kept.ages(now) is None else ""

    def named_gap(self) -> str:
        return self.why_none()

    def age(self) -> str:
        ages = None if self.why_none() else self._kept.ages(self._clock())
        return "" if ages is None else age_of_figures(*ages)

    # --- what was read ------------------------------------------------------------------------

    def open_at(self, opening: Opening) -> None:
        """Begin at another moment."""
        self._kept.clear()
        self.hour.clear()
        for read in opening.figures:
            self.take(read)

    def take(self, read: FiguresRead) -> None:
        """Take in what was read next."""
        self._kept.take(read)
        if read.rows:
            self.hour.take_rows(read.rows)
