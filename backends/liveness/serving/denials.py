"""The models and adapters that no frontend serves, or not every one.

Pure; `frontends` has what one frontend reports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from backends.liveness.frontends import FrontendReport, Frontends, ModelReports, looks_at

Namespaces = Callable[[str], frozenset[str | None]]
"""Gives the namespaces in which a name is registered."""


class _Denied(NamedTuple):
    """The names of base models and adapters that frontends do not serve."""

    models: set[str]
    adapters: set[str]
    models_in_part: set[str]
    """Those that one of the frontends does not serve, and another may."""
    adapters_in_part: set[str]


class Denials:
    """The names that frontends deny, worked out when they are asked for."""

    def __init__(
        self,
        namespaces: Namespaces,
        models: Callable[[], Iterable[str]],
        adapters: Callable[[], Iterable[str]],
    ) -> None:
        """`models`, `adapters`: give the names that are registered."""
        self._namespaces = namespaces
        self._models = models
        self._adapters = adapters
        self._frontends = Frontends()
        self._denied: _Denied | None = None
        """None: not worked out since something changed."""

    @property
    def reports(self) -> tuple[FrontendReport, ...]:
        """The last report of each frontend, in the order of their names."""
        return self._frontends.reports

    @property
    def models(self) -> set[str]:
        """The base models that no frontend serves, with one that denies it in each namespace."""
        return self._all().models

    @property
    def adapters(self) -> set[str]:
        """As `models`, of adapters."""
        return self._all().adapters

    @property
    def models_in_part(self) -> set[str]:
        """The base models that one of the frontends does not serve, and another may."""
        return self._all().models_in_part

    @property
    def adapters_in_part(self) -> set[str]:
        """As `models_in_part`, of adapters."""
        return self._all().adapters_in_part

    @property
    def is_any(self) -> bool:
        """Return whether a frontend does not serve a model or adapter of where it looks."""
        return any(self._all())

    def at_frontends(self, name: str) -> ModelReports | None:
        """Return the reports of a name. None: no frontend was asked, or it is not registered."""
        namespaces = self._namespaces(name)
        return self._frontends.of(name, namespaces) if namespaces else None

    def registered_anew(self) -> None:
        """Work the names out again: a model, an adapter or a namespace of one came or went."""
        self._denied = None

    def take(self, reports: Iterable[FrontendReport]) -> set[str]:
        """Replace all reports. Returns the registered names whose reports changed."""
        before = self._frontends
        now = tuple(sorted(reports, key=lambda one: one.name))
        if now == before.reports:
            return set()
        names = {one.name: one.known for one in now}
        where = {name: self._namespaces(name) for name in set().union(*names.values())}
        self._frontends = Frontends(now, looks_at(names, where))
        self._denied = None
        return {
            name
            for name in {*self._models(), *self._adapters()}
            if before.of(name, spaces := self._namespaces(name)) != self._frontends.of(name, spaces)
        }

    def _all(self) -> _Denied:
        if self._denied is None:
            self._denied = _Denied(set(), set(), set(), set())
            if self._frontends.reports:
                models, models_in_part = self._denied_of(self._models())
                adapters, adapters_in_part = self._denied_of(self._adapters())
                self._denied = _Denied(models, adapters, models_in_part, adapters_in_part)
        return self._denied

    def _denied_of(self, names: Iterable[str]) -> tuple[set[str], set[str]]:
        """Return the names that no frontend serves, and those that only some do not serve."""
        found = ((name, self.at_frontends(name)) for name in names)
        denied = [(name, one) for name, one in found if one is not None and one.denied_by]
        whole = {name for name, one in denied if one.is_denied}
        return whole, {name for name, _ in denied} - whole
