"""Services joined to what is registered, by subject; rates; totals. Pure.

`{"nats_tcp": subject}` in an instance's record and the subject of an endpoint in STATS are the same
text, in Dynamo 0.6.1 to 1.6.1.
"""

from __future__ import annotations

import re
from collections import Counter as Counts
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from backends import naming
from backends.records import EndpointInstance
from backends.services.types import EndpointStats, Scrape, Service, mean_ms

NATS_TRANSPORT = "nats_tcp"

_WITH_INSTANCE = re.compile(r"(.+)-([0-9a-f]{1,16})")

Counter = tuple[str, str]
"""What tells a counter from all others: a service's id, which is new after each restart, and a
subject."""


class Answering(Enum):
    """How it stands with an endpoint of a process."""

    ANSWERS = "answers"
    SILENT = "silent"
    """It is registered, and no service that answers has it. A paused one looks the same."""
    UNREGISTERED = "not registered"
    """A service answers for it, and nothing of it is registered. Never said before the store was
    read."""


@dataclass(frozen=True, slots=True)
class Usage:
    """One endpoint of one process: what is registered of it and what its service counted."""

    subject: str
    namespace: str
    """Empty: it cannot be told."""
    component: str
    """Of what is not registered and cannot be told, the service's name."""
    endpoint: str
    instance_id: int | None
    records: tuple[EndpointInstance, ...]
    """Those that name this subject: one, or none; more if somebody copied one. The first is where
    the subject itself says that it belongs."""
    service: Service | None
    stats: EndpointStats | None
    rate: float | None = None
    """Requests a second between the last two scrapes. None: not known, or it was reset."""
    store_read: bool = True
    """Whether `records` are all there are. If not, more of it may be registered."""

    @property
    def answering(self) -> Answering:
        if self.service is None:
            return Answering.SILENT
        if self.records or not self.store_read:
            return Answering.ANSWERS
        return Answering.UNREGISTERED

    @property
    def counter(self) -> Counter:
        return ("" if self.service is None else self.service.id, self.subject)


@dataclass(frozen=True, slots=True)
class Total:
    """Many taken together. None: nobody told."""

    requests: int | None
    errors: int | None
    rate: float | None
    """None also where of one that answered it is not known: the others' would be too little."""
    processing_ns: int | None
    mean_ms: float | None
    """Of a request: those who had many count as much more."""
    last_error: str
    """Of the one with the most errors."""
    started: float | None
    """Of the one that started last, in POSIX seconds."""
    services: int
    """Processes that answered."""
    numbers: Mapping[Answering, int]
    """How many there are of each."""


def subjects(records: Iterable[EndpointInstance]) -> set[str]:
    """The subjects that are registered: whoever serves them should answer."""
    return {
        record.transport.address
        for record in records
        if record.transport is not None
        and record.transport.kind == NATS_TRANSPORT
        and record.transport.address
    }


def join(
    scrape: Scrape | None,
    records: Iterable[EndpointInstance],
    rates: Mapping[Counter, float],
    known: Iterable[tuple[str, str]] = (),
    *,
    complete: bool = True,
) -> list[Usage]:
    """Each endpoint of each service that answered, and each instance on NATS that none has.

    `known` are namespaces and components that may have services though no instance of theirs is
    registered: only by them is the name of a service more than a text. Without a scrape nobody is
    called silent, and unless the store was read, so that `records` are `complete`, nobody
    unregistered.
    """
    if scrape is None:
        return []
    registered: dict[str, list[EndpointInstance]] = {}
    places = {naming.service_name(*place): place for place in known}
    for record in records:
        if record.id.namespace is not None and record.id.component is not None:
            place = (record.id.namespace, record.id.component)
            places[naming.service_name(*place)] = place
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
                found.append(_unregistered(service, stats, rate, places, complete))
    silent = (one for one in registered.items() if one[0] not in answered)
    found += (_registered(subject, same, None, None, None) for subject, same in silent)
    return found


def rates(before: Scrape | None, now: Scrape, late: float) -> dict[Counter, float]:
    """Requests a second of each counter that both scrapes have, from when its service answered one
    to when it answered the other; no more than `late` seconds. One that went down was reset, as by
    a restart: of it nothing is known yet."""
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
    """All of these taken together."""
    # Two records of one subject are one counter.
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
    """Whether its namespace and component are those that the subject begins with."""
    name = naming.service_name(record.id.namespace or "", record.id.component or "")
    return subject.startswith(f"{name}.")


def _requests(scrape: Scrape) -> dict[Counter, tuple[int, float]]:
    """And when it was told."""
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
    place = records[0].id
    names = (place.namespace or "", place.component or "", place.endpoint or "")
    return Usage(subject, *names, place.instance_id, tuple(records), service, stats, rate)


def _unregistered(
    service: Service,
    stats: EndpointStats,
    rate: float | None,
    places: Mapping[str, tuple[str, str]],
    complete: bool,
) -> Usage:
    namespace, component = places.get(service.name, ("", service.name))
    endpoint, instance_id = stats.subject.removeprefix(f"{service.name}."), None
    if match := _WITH_INSTANCE.fullmatch(endpoint):
        endpoint, instance_id = match[1], int(match[2], 16)
    place = (namespace, component, endpoint, instance_id)
    return Usage(stats.subject, *place, (), service, stats, rate, complete)
