"""The models and adapters that frontends report to serve, and not to serve. A frontend reports
nothing of a model of another namespace, or if it could not be asked.

Pure; takes reports as plain values. A frontend lists the models that it has registered itself:
in release 1.6.1 `/v1/models`, `/v1/models/{model}/ready` and the gauge `model_ready` go by that
alone, so a list proves no worker alive, while a name that is missing in it gets no answer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

import msgspec


class FailureCount(NamedTuple):
    """Requests that a frontend failed or refused for one reason, of all models together."""

    reason: str
    number: float
    """Since it started."""
    rate: float | None
    """In a second. None: it was asked only once."""


class FrontendReport(msgspec.Struct, frozen=True):
    """The last answers of a frontend."""

    name: str
    """As it is shown: its URL."""
    at: float
    """When that was, in POSIX seconds."""
    listed: frozenset[str] | None = None
    """The models and adapters that it lists. None: it gave no list."""
    lists_more: bool = False
    """Whether it lists more than that."""
    ready: Mapping[str, bool] = msgspec.field(default_factory=dict)
    """By model the value of its gauge `model_ready`; up to 1.2 there is none."""
    known: frozenset[str] = frozenset()
    """The models that it lists, counts requests of, or has such a gauge for."""
    since: Mapping[str, float] = msgspec.field(default_factory=dict)
    """By name when its present report of it began, if that was seen."""
    first_at: float | None = None
    """When it began to answer. It has reported the same of all other names since then, or
    longer."""
    trouble: str = ""
    """Why it could not be asked, to follow its name in a sentence. Empty: it answered."""
    failures: tuple[FailureCount, ...] = ()
    was_seen: bool = True
    """Whether it was ever seen to be a frontend. Not so: nothing but its address is known, which
    may as well be a worker's."""


class ModelStatus(StrEnum):
    """A frontend's report of one model or adapter."""

    LISTED = "listed"
    NOT_LISTED = "not listed"
    NOT_READY = "not ready"
    """Its gauge says 0: it knows the model, and waits for more workers or has none."""
    ELSEWHERE = "looks at another namespace"
    """It is known to look at no namespace of the model, so it reports nothing of it."""
    UNKNOWN = "not known"
    """It could not be asked, did not list all its models, or its namespace is not known."""


DENIALS = frozenset({ModelStatus.NOT_LISTED, ModelStatus.NOT_READY})


class ModelReport(msgspec.Struct, frozen=True):
    """The report of one frontend of one model or adapter."""

    frontend: str
    status: ModelStatus
    since: float | None = None
    """POSIX seconds. None: not known."""
    or_longer: bool = False
    """Whether it reported so when it was asked for the first time."""
    looks_at: tuple[str, ...] = ()
    """The namespaces that it is known to look at, in order."""
    trouble: str = ""
    """Why it is not known, to follow its name in a sentence. Empty: it is."""


class ModelReports(msgspec.Struct, frozen=True):
    """The reports of all frontends of one model or adapter, in the order of their names."""

    name: str
    reports: tuple[ModelReport, ...]
    """Empty: none of the addresses that were asked was ever seen to be a frontend."""
    is_denied: bool
    """Whether none of them serves it, and each namespace of it has one that denies it."""

    @property
    def denied_by(self) -> tuple[ModelReport, ...]:
        """Those that look at a namespace of it and do not serve it."""
        return tuple(one for one in self.reports if one.status in DENIALS)

    @property
    def only_elsewhere(self) -> bool:
        """Return whether frontends were asked, and none that is known to look at a namespace of
        it."""
        answered = [one for one in self.reports if one.status is not ModelStatus.UNKNOWN]
        return bool(answered) and all(one.status is ModelStatus.ELSEWHERE for one in answered)


def looks_at(
    listed: Mapping[str, Iterable[str]], namespaces: Mapping[str, Collection[str | None]]
) -> dict[str, frozenset[str | None]]:
    """Return the namespaces that each frontend is known to look at: it reports a model that is
    registered in that one alone.

    `listed`: by frontend the names that it lists, or counts requests of. `namespaces`: where each
    name is registered. A frontend's `/health` (1.6.1) does not show it: it names the endpoints of
    all namespaces, whichever it serves.
    """
    return {
        frontend: frozenset(
            namespace
            for name in names
            if len(where := namespaces.get(name, ())) == 1
            for namespace in where
        )
        for frontend, names in listed.items()
    }


class Frontends(msgspec.Struct):
    """The frontends that were asked, and where each looks."""

    reports: tuple[FrontendReport, ...] = ()
    """In the order of their names, also of addresses that were never seen to be a frontend."""
    looked: Mapping[str, frozenset[str | None]] = msgspec.field(default_factory=dict)
    """As `looks_at` has it."""

    def of(self, name: str, namespaces: Collection[str | None]) -> ModelReports | None:
        """Return their reports of a model or adapter that is registered there. None: none was
        asked."""
        if not self.reports:
            return None
        seen = (report for report in self.reports if report.was_seen)
        reports = tuple(self._report(report, name, namespaces) for report in seen)
        denied: set[str | None] = set()
        for one in reports:
            if one.status in DENIALS:
                denied |= self.looked[one.frontend]
        serves = any(one.status is ModelStatus.LISTED for one in reports)
        return ModelReports(
            name, reports, not serves and bool(namespaces) and denied >= {*namespaces}
        )

    def _report(
        self, report: FrontendReport, name: str, namespaces: Collection[str | None]
    ) -> ModelReport:
        looked = self.looked[report.name]
        status = _status_of(report, name, namespaces, looked)
        since = report.since.get(name)
        return ModelReport(
            report.name,
            status,
            report.first_at if since is None else since,
            since is None,
            tuple(sorted(one for one in looked if one)),
            _why_unknown(report) if status is ModelStatus.UNKNOWN else "",
        )


def _why_unknown(report: FrontendReport) -> str:
    if report.trouble:
        return f"could not be asked: it {report.trouble}"
    if report.listed is None:
        return "did not return its list of models"
    if report.lists_more:
        return "lists more models than are kept"
    return "lists no model that shows which namespace it looks at"


def _status_of(
    report: FrontendReport,
    name: str,
    namespaces: Collection[str | None],
    looked: frozenset[str | None],
) -> ModelStatus:
    if report.trouble:
        return ModelStatus.UNKNOWN
    if report.ready.get(name) is False:
        return ModelStatus.NOT_READY
    if report.listed is None:
        return ModelStatus.UNKNOWN
    if name in report.listed:
        return ModelStatus.LISTED
    if looked.isdisjoint(namespaces):
        return ModelStatus.ELSEWHERE if looked else ModelStatus.UNKNOWN
    return ModelStatus.UNKNOWN if report.lists_more else ModelStatus.NOT_LISTED
