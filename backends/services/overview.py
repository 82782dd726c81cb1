"""Join services to registered instances by subject; rates; totals. Pure.

The subject in an instance's record (`{"nats_tcp": subject}`) and the endpoint's subject in STATS
are the same text, in Dynamo 0.6.1 to 1.6.1.
"""

from __future__ import annotations

import re
from collections import Counter as Counts
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

import msgspec

from backends.dynamo import naming
from backends.dynamo.records import EndpointInstance
from backends.services.types import EndpointStats, Service, StatsScrape, mean_ms

NATS_TRANSPORT = "nats_tcp"

_WITH_INSTANCE = re.compile(r"(.+)-([0-9a-f]{1,16})")

Counter = tuple[str, str]
"""Identifies a counter: a service's id, which is new after each restart, and a subject."""


class Answering(Enum):
    """Whether a registered endpoint has a service that answers."""

    ANSWERS = "answers"
    SILENT = "silent"
    """Registered, but no service that answers has it. A paused service looks the same."""
    UNREGISTERED = "not registered"
    """A service answers for it, but nothing is registered. Never used before the store was read."""
    NOT_ASKED = "not asked"
    """Registered after the last scrape, or NATS cannot be reached since. The service's counts are
    those of the last scrape.
    """


class Usage(msgspec.Struct, frozen=True):
    """One endpoint of one process: its registrations and its service's counts."""

    subject: str
    namespace: str
    """Empty: not known."""
    component: str
    """If it is neither registered nor known, the service's name."""
    endpoint: str
    instance_id: int | None
    records: tuple[EndpointInstance, ...]
    """The records that name this subject: one or none; more if a record was copied. The first is
    the one whose names fit the subject.
    """
    service: Service | None
    stats: EndpointStats | None
    rate: float | None = None
    """Requests a second between the last two scrapes. None: not known, or the counter was reset."""
    store_read: bool = True
    """Whether `records` is complete. If not, more may be registered."""
    asked: bool = True
    """Whether the last scrape reached its service."""

    @property
    def answering(self) -> Answering:
        if not self.asked:
            return Answering.NOT_ASKED
        if self.service is None:
            return Answering.SILENT
        if self.records or not self.store_read:
            return Answering.ANSWERS
        return Answering.UNREGISTERED

    @property
    def counter(self) -> Counter:
        return ("" if self.service is None else self.service.id, self.subject)


class Total(msgspec.Struct, frozen=True):
    """The sum of several usages. None: not known."""

    requests: int | None
    errors: int | None
    rate: float | None
    """None also if one service that answered has no rate yet: the sum would be too low."""
    processing_ns: int | None
    mean_ms: float | None
    """Mean time of a request, weighted by requests."""
    last_error: str
    """From the service with the most errors."""
    started: float | None
    """Start of the service that started last, in POSIX seconds."""
    services: int
    """Processes that answered."""
    numbers: Mapping[Answering, int]
    """The number of usages in each state."""


def subjects(records: Iterable[EndpointInstance]) -> set[str]:
    """Return the registered subjects: their services should answer."""
    return {
        record.transport.address
        for record in records
        if record.transport is not None
        and record.transport.kind == NATS_TRANSPORT
        and record.transport.address
    }


def join(
    scrape: StatsScrape | None,
    records: Iterable[EndpointInstance],
    rates: Mapping[Counter, float],
    known: Iterable[tuple[str, str]] = (),
    *,
    complete: bool = True,
) -> list[Usage]:
    """Return the usage of each endpoint of each service that answered, and of each instance on NATS
    without one.

    `known` are namespaces and components that may have services without a registered instance: they
    give a service's name a meaning. Without a scrape no usage is returned, and unless `records` are
    `complete` none is called unregistered.
    """
    if scrape is None:
        return []
    registered: dict[str, list[EndpointInstance]] = {}
    names = {naming.service_name(*one): one for one in known}
    for record in records:
        if record.id.namespace is not None and record.id.component is not None:
            one = (record.id.namespace, record.id.component)
            names[naming.service_name(*one)] = one
        for subject in subjects([record]):
            registered.setdefault(subject, []).append(record)
    for subject, same in registered.items():
        if len(same) > 1:
            same.sort(key=lambda record: (not _is_own(subject, record), record.key))
    found = []
    answered = set()
    for service in scrape.services:
        for stats in service.endpoints:
            answered.add(stats.subject)
            rate = rates.get((service.id, stats.subject))
            if same := registered.get(stats.subject, []):
                found.append(_registered(stats.subject, same, service, stats, rate))
            else:
                found.append(_unregistered(service, stats, rate, names, complete))
    silent = (one for one in registered.items() if one[0] not in answered)
    found += (_registered(subject, same, None, None, None) for subject, same in silent)
    return found


def rates(before: StatsScrape | None, now: StatsScrape, late: float) -> dict[Counter, float]:
    """Return the requests a second of each counter in both scrapes, between the times of the two
    answers, at most `late` seconds apart.

    A counter that fell was reset, e.g. by a restart, and has no rate yet.
    """
    if before is None:
        return {}
    old = _requests(before)
    found = {}
    for counter, (requests, moment) in _requests(now).items():
        had, then = old.get(counter, (0, moment))
        if 0 < moment - then <= late and requests >= had:
            found[counter] = (requests - had) / (moment - then)
    return found


def total(usages: Sequence[Usage]) -> Total:
    """Return the sum of these usages."""
    # Two records of one subject share one counter.
    counters = {one.counter: one for one in usages}.values()
    figures = [one.stats.figures for one in counters if one.stats is not None and one.stats.figures]
    rates = [one.rate for one in counters if one.stats is not None and one.stats.figures]
    known_rates = [rate for rate in rates if rate is not None]
    services = {one.service.id: one.service for one in usages if one.service is not None}
    started = [one.started for one in services.values() if one.started is not None]
    failing = max(figures, key=lambda one: (one.errors, bool(one.last_error)), default=None)
    numbers = Counts(one.answering for one in usages)
    requests = sum(one.requests for one in figures)
    processing_ns = sum(one.processing_ns for one in figures)
    return Total(
        requests=requests if figures else None,
        errors=sum(one.errors for one in figures) if figures else None,
        rate=sum(known_rates) if rates and len(known_rates) == len(rates) else None,
        processing_ns=processing_ns if figures else None,
        mean_ms=mean_ms(processing_ns, requests),
        last_error="" if failing is None else failing.last_error,
        started=max(started, default=None),
        services=len(services),
        numbers={answering: numbers[answering] for answering in Answering},
    )


def _is_own(subject: str, record: EndpointInstance) -> bool:
    """Return whether the subject begins with the record's namespace and component."""
    name = naming.service_name(record.id.namespace or "", record.id.component or "")
    return subject.startswith(f"{name}.")


def _requests(scrape: StatsScrape) -> dict[Counter, tuple[int, float]]:
    """Return each counter's requests, with the time of its answer."""
    return {
        (service.id, stats.subject): (stats.figures.requests, service.moment)
        for service in scrape.services
        for stats in service.endpoints
        if stats.figures is not None
    }


def _registered(
    subject: str,
    records: Sequence[EndpointInstance],
    service: Service | None,
    stats: EndpointStats | None,
    rate: float | None,
) -> Usage:
    at = records[0].id
    names = (at.namespace or "", at.component or "", at.endpoint or "")
    return Usage(subject, *names, at.instance_id, tuple(records), service, stats, rate)


def _unregistered(
    service: Service,
    stats: EndpointStats,
    rate: float | None,
    names: Mapping[str, tuple[str, str]],
    complete: bool,
) -> Usage:
    namespace, component = names.get(service.name, ("", service.name))
    endpoint, instance_id = stats.subject.removeprefix(f"{service.name}."), None
    if match := _WITH_INSTANCE.fullmatch(endpoint):
        endpoint, instance_id = match[1], int(match[2], 16)
    at = (namespace, component, endpoint, instance_id)
    return Usage(stats.subject, *at, (), service, stats, rate, complete)
