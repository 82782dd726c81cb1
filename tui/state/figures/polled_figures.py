"""Poll figures only while something shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from backends.dynamo.records import EndpointInstance, ModelCard
from backends.metrics.hour import MetricsHour
from backends.metrics.overview import Joiner, Overview
from backends.metrics.poller import MetricsPoller
from backends.metrics.reports import reports
from backends.services.latest import LatestStats
from backends.services.poller import ServicesPoller
from tui.session import Session
from tui.state.cluster_view import ClusterView
from tui.state.observer import Job, Update, Updates
from tui.state.tabs import TabId


class PolledFigures:
    """Metrics of frontends and workers, and the statistics of NATS services."""

    has_charts = True
    """Whether charts can be opened."""

    def __init__(
        self,
        session: Session,
        view: ClusterView,
        clock: Callable[[], float],
        updates: Updates,
        *,
        tab: str,
        always: bool,
    ) -> None:
        """`clock` gives POSIX seconds. `tab`: the one that is open. `always`: metrics are polled
        whatever is shown."""
        self.services: ServicesPoller | None = None
        """Polls the statistics of NATS services. None: no NATS server is set."""
        if session.services is not None:
            self.services = ServicesPoller(
                session.services,
                lambda: view.cluster.of_type(EndpointInstance),
                clock,
                session.timer,
            )
        self.metrics = MetricsPoller(
            session.scrapes,
            lambda: view.cluster.of_type(ModelCard),
            timer=session.timer,
        )
        self.hour = MetricsHour()
        """The metrics of the last hour, as far as they were polled."""
        self.has_addresses = bool(session.scrapes.given)
        """Whether addresses were named whose metrics tell how models answer."""
        self._view = view
        self._clock = clock
        self._updates = updates
        self._joiner = Joiner()
        self._joined: Overview | None = None
        """The overview of the metrics that are just shown."""
        self._tab = tab
        self._charting = False
        """Whether charts are open."""
        self._always = always

    @property
    def stats(self) -> LatestStats | None:
        """The statistics of NATS services. None: no NATS server is set."""
        return None if self.services is None else self.services.latest

    def overview(self) -> Overview:
        """Return the last metrics, joined to what is registered."""
        if self._joined is not None:
            return self._joined
        return self._joiner.overview(
            self.metrics.latest,
            self._view.cluster,
            self.metrics.revealing,
            is_read=self._view.is_up_to_date,
        )

    def why_none(self) -> str:
        """Return why no metrics can be known. Empty: they can."""
        return ""

    def named_gap(self) -> str:
        """Return the line on metrics that are missing, where they may be missed. Empty: none."""
        return ""

    def age(self) -> str:
        """Return how old the metrics are, in words. Empty: they are of now."""
        return ""

    def jobs(self) -> Mapping[str, Job]:
        """Return the background jobs that poll, by name."""
        jobs: dict[str, Job] = {"metrics": lambda: self.metrics.run(self._metrics_came)}
        if (services := self.services) is not None:
            jobs["services"] = lambda: services.run(self._services_answered)
        return jobs

    # --- what is visible ----------------------------------------------------------------------

    def open_tab(self, tab: str) -> None:
        """Take in which tab is open."""
        self._tab = tab
        self.look()

    def show_charts(self, shown: bool) -> None:
        """Take in that charts are opened or closed."""
        self._charting = shown
        self.look()

    def look(self) -> None:
        """Poll what is visible, and nothing while the view is frozen."""
        tab = None if self._view.frozen else self._tab
        # What a model's row says rests on what the frontends say that were named.
        models = tab in (TabId.OVERVIEW, TabId.MODELS) and self.has_addresses
        all_of_them = tab == TabId.METRICS or (self._charting and not self._view.frozen)
        shown = all_of_them or models
        always = self._always and not self._view.frozen
        self.metrics.look(shown or always, at_all=all_of_them, seldom=not shown)
        if self.services is not None:
            self.services.look(tab == TabId.REQUESTS)

    # --- what came ----------------------------------------------------------------------------

    def hear_frontends(self) -> None:
        """Take the last reports of frontends. Reports that are too old count for nothing."""
        if self._view.frozen:
            return
        frontends = reports(self.metrics.latest, self._clock())
        if names := self._view.verdicts.serving.observe_frontends(frontends):
            self._updates.send(Update(served=names))

    def _metrics_came(self) -> None:
        if self._view.frozen:
            return
        self.hear_frontends()
        self._joined = self.overview()
        try:
            self.hour.take(self._joined)
            self._updates.send(Update(metrics=True, detail=True))
        finally:
            self._joined = None

    def _services_answered(self) -> None:
        if not self._view.frozen:
            self._updates.send(Update(requests=True, detail=True))
