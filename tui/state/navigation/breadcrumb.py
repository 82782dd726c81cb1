"""Where the dashboard is: the place, what narrows it, and its modes; and what Esc steps out of.

No Textual in here.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum, unique
from typing import TYPE_CHECKING

import msgspec

from tui.text.format import count
from tui.text.sanitize import clip_middle, clip_path, plain, width

if TYPE_CHECKING:
    from tui.config.settings import Settings
    from tui.state.dashboard import Dashboard

ENVIRONMENT = ("DYNTOP_CONTEXT", "DYN_NAMESPACE")
"""Sources of context and namespace that the user did not type now."""
NO_NAMESPACE = "(no namespace)"
FROZEN = "❄ frozen"
BETWEEN = " › "
"""Between two steps."""
LEAST = 20
"""Cells that a place, and a filter, keep if there is no room for all."""


@unique
class BreadcrumbStep(StrEnum):
    """What Esc steps out of: the last in the breadcrumb first."""

    SCOPE = "scope"
    FINDINGS = "findings"
    FILTER = "filter"


class Breadcrumb(msgspec.Struct, frozen=True):
    """The texts of a breadcrumb, in their order."""

    context: str = ""
    """Empty: none is chosen."""
    fixed: str = ""
    """The namespace to which all that is watched is limited. Empty: to none."""
    place: tuple[str, ...] = ()
    """Namespace, component and endpoint that are selected."""
    findings: str = ""
    filter: str = ""
    frozen: str = ""
    read_only: str = ""

    def __bool__(self) -> bool:
        """Return whether there is anything but everything."""
        return self != Breadcrumb()

    def steps(self, room: int) -> list[str]:
        """Return the fixed namespace and what Esc steps out of, each behind the one that it is
        within. Where they do not fit into so many cells, place and filter are cut."""
        texts = [self.fixed, *self.place, self.findings, self.filter]
        if _cells(texts) <= room:
            return [*filter(None, texts)]
        place, sought = "/".join(self.place), self.filter
        left = room - _cells([self.fixed, self.findings])
        if sought:
            # The names matter more: who typed the filter knows it.
            beside = width(place) + len(BETWEEN) if place else 0
            sought = clip_middle(sought, max(LEAST, left - beside - len(BETWEEN)))
            left -= width(sought) + len(BETWEEN)
        place = clip_path(place, max(LEAST, left - len(BETWEEN)))
        return [*filter(None, [self.fixed, place, self.findings, sought])]

    def signs(self) -> list[str]:
        """Return the modes, which Esc leaves as they are."""
        return [*filter(None, [self.frozen, self.read_only])]


def breadcrumb_of(dashboard: Dashboard) -> Breadcrumb:
    """Return where a dashboard is now."""
    view, settings = dashboard.view, dashboard.settings
    findings, frozen = "", ""
    if view.only_findings:
        findings = f"{dashboard.keys.shown('not-live')} not live only"
    if view.frozen:
        frozen = f"{FROZEN}, {count(view.waiting, 'change')} waiting"
    read_only = ""
    if dashboard.is_read_only and not dashboard.is_past:
        why = view.store.read_only
        read_only = f"read-only: {plain(why)}" if why else "read-only"
    return Breadcrumb(
        context=context_text(settings),
        fixed=_named("ns ", settings.namespace, settings.namespace_source),
        place=tuple(plain(name) or NO_NAMESPACE for name in dashboard.scope),
        findings=findings,
        filter=f"filter “{plain(view.filter)}”" if view.filter else "",
        frozen=frozen,
        read_only=read_only,
    )


def context_text(settings: Settings) -> str:
    """Return the context's name, with its source if that may be a surprise. Empty: none."""
    return _named("ctx ", settings.context, settings.context_source)


def next_step(dashboard: Dashboard) -> BreadcrumbStep | None:
    """Return what Esc steps out of. None: nothing is left.

    Not of a freeze: what it holds is lost once it goes on, so only its own key ends it. Nor of a
    context or read-only, which hold until something else is chosen.
    """
    if dashboard.view.filter:
        return BreadcrumbStep.FILTER
    if dashboard.view.only_findings:
        return BreadcrumbStep.FINDINGS
    return BreadcrumbStep.SCOPE if dashboard.scope else None


def _named(label: str, name: str | None, source: str | None) -> str:
    if not name:
        return ""
    named_by = f" ({source})" if (source or "").startswith(ENVIRONMENT) else ""
    return plain(f"{label}{name}{named_by}")


def _cells(texts: Sequence[str]) -> int:
    """Return how many cells texts take, each with what is between it and the next."""
    return sum(width(text) + len(BETWEEN) for text in texts if text)
