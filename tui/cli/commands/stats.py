"""`dyntop stats`: show the counts of NATS services as a table, as JSON, or as Prometheus text."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from backends.dynamo.ids import Kind
from backends.dynamo.queries import Query, is_named
from backends.dynamo.records import EndpointInstance
from backends.services.exposition import exposition
from backends.services.latest import LATE, LatestStats
from backends.services.overview import Answering, Total, Usage, subjects, total
from backends.services.types import NotScraped
from backends.store import Misconfigured, StoreError
from tui.cli.output import described
from tui.cli.shared.prometheus_label import as_label
from tui.cli.shared.reading import Clock
from tui.cli.tables import write_table
from tui.config.settings import Settings, as_name
from tui.runtime.standard_streams import end_at_once_on_interrupt, print_message, write_lines
from tui.session import Session, open_session
from tui.text.errors import Exit, explain
from tui.text.format import NOTHING
from tui.text.json_export import as_json, hex_or_none, json_list
from tui.text.services import figure
from tui.text.timestamps import utc_stamp

HEADER = (
    *("NAMESPACE", "COMPONENT", "ENDPOINT", "INSTANCE", "ANSWER", "REQUESTS", "ERRORS", "REQ/S"),
    *("ACCEPT_MS", "STARTED", "LAST_ERROR"),
)

Place = tuple[str, ...]
"""Namespace and component, and of a total of one endpoint its name too."""


def run(settings: Settings, arguments: argparse.Namespace, clock: Clock = time.time) -> Exit:
    """Ask once and print, or repeatedly until the reader closes or the user interrupts.

    Raises `StoreError`, for no NATS too, `OutputFailed`, BrokenPipeError.
    """
    end_at_once_on_interrupt()
    if arguments.output == "prometheus" and arguments.interval is not None:
        raise Misconfigured("--interval", "does not go with -o prometheus: it is of one moment")
    if settings.nats is None and not settings.demo:
        raise Misconfigured("--nats", "no NATS server is named: set it, or NATS_SERVER")
    try:
        asyncio.run(_ask(settings, arguments, clock))
    except NotScraped as why:
        print_message(f"{why.reason}: check {why.check}" if why.check else why.reason)
        if isinstance(why.__cause__, Misconfigured):
            return Exit.USAGE
        return Exit.NOT_AUTHORISED if why.denied else Exit.UNREACHABLE
    return Exit.DONE


async def _ask(settings: Settings, arguments: argparse.Namespace, clock: Clock) -> None:
    """Ask and print. Raises `NotScraped` and `StoreError` the first time; later ones are
    printed."""
    # Who asks rarely wants what came since.
    board, printed = LatestStats(max(LATE, 3 * (arguments.interval or 0.0))), ""
    async with open_session(settings) as session:
        while True:
            try:
                usages = await _usages(session, board, settings, arguments)
            except (NotScraped, StoreError) as error:
                if board.scrape is None:
                    raise
                problem = _sentence(error, session.discovery.store.name)
                if problem != printed:
                    print_message(f"{problem}; still asking")
                printed = problem
            else:
                printed = ""
                _print(usages, arguments, clock)
                if not usages and arguments.output == "table":
                    print_message(f"no NATS service found{described(settings)}")
            if arguments.interval is None:
                return
            await asyncio.sleep(arguments.interval)


async def _usages(
    session: Session, board: LatestStats, settings: Settings, arguments: argparse.Namespace
) -> list[Usage]:
    """Return the counts in the order of their scopes. Raises `NotScraped`, `StoreError`."""
    assert session.services is not None
    # All of the namespace: what is not listed would look as if it were not registered.
    query = Query(frozenset({Kind.ENDPOINT}), settings.namespace, nested=True)
    listed = await session.discovery.list(query)
    records = [record for record in listed if isinstance(record, EndpointInstance)]
    board.take(await session.services.scrape(subjects(records)))
    wanted = _matcher(settings, arguments)
    return sorted(filter(wanted, board.usages(records)), key=_place_and_subject)


def _matcher(settings: Settings, arguments: argparse.Namespace) -> Callable[[Usage], bool]:
    component, endpoint = (
        None if name is None else as_name(name)
        for name in (arguments.component, arguments.endpoint)
    )

    def matches(usage: Usage) -> bool:
        # With only one namespace looked at, who else is registered is not known.
        nowhere = settings.namespace is not None and not usage.namespace
        return (
            not nowhere
            and is_named(usage.component, component)
            and is_named(usage.endpoint, endpoint)
        )

    return matches


def _place_and_subject(usage: Usage) -> tuple[str, ...]:
    return (usage.namespace, usage.component, usage.endpoint, usage.subject)


def _print(usages: Sequence[Usage], arguments: argparse.Namespace, clock: Clock) -> None:
    again = arguments.interval is not None
    match arguments.output:
        case "json":
            at = utc_stamp(clock())
            lines = (_json(*row, at) for row in _rows(usages))
            write_lines(lines if again else json_list(lines))
        case "prometheus":
            write_lines([exposition(usages, as_label).rstrip("\n")])
        case _:
            write_table(HEADER, (_cells(*row) for row in _rows(usages)))
            if again:
                write_lines([""])


def _rows(usages: Sequence[Usage]) -> Iterator[tuple[Place, Usage | None, Total]]:
    """Yield the totals of each component and endpoint before their parts; without a usage, a
    total."""
    for component, of_component in groupby(usages, lambda one: (one.namespace, one.component)):
        in_component = list(of_component)
        yield component, None, total(in_component)
        for endpoint, of_endpoint in groupby(in_component, lambda one: one.endpoint):
            place, in_endpoint = (*component, endpoint), list(of_endpoint)
            yield place, None, total(in_endpoint)
            for usage in in_endpoint:
                yield place, usage, total([usage])


def _cells(place: Place, usage: Usage | None, whole: Total) -> tuple[str, ...]:
    names = (*place, "")[:3]
    instance = "total"
    if usage is not None:
        instance = NOTHING if usage.instance_id is None else f"{usage.instance_id:x}"
    return (
        *names,
        instance,
        _answer(usage, whole),
        *(NOTHING if one is None else str(one) for one in (whole.requests, whole.errors)),
        *(figure(one) for one in (whole.rate, whole.mean_ms)),
        _time(whole.started) or "",
        whole.last_error or ("" if usage is None or usage.stats is None else usage.stats.problem),
    )


def _answer(usage: Usage | None, whole: Total) -> str:
    if usage is not None:
        return usage.answering.value
    numbers = whole.numbers
    return f"{numbers[Answering.ANSWERS]}/{sum(numbers.values())}"


def _json(place: Place, usage: Usage | None, whole: Total, at: str) -> str:
    """Return a row for JSON. A value without meaning for it, or unknown, is null."""
    stats = None if usage is None else usage.stats
    service = None if usage is None else usage.service
    namespace, component, endpoint = (*place, None)[:3]
    level = ("component", "endpoint")[len(place) - 2] if usage is None else "instance"
    return as_json(
        {
            "time": at,
            "level": level,
            "namespace": namespace or None,
            "component": component,
            "endpoint": endpoint,
            "instance_id": usage and hex_or_none(usage.instance_id),
            "subject": usage and usage.subject,
            "answer": usage and usage.answering.value,
            **{f"{one.name.lower()}": number for one, number in whole.numbers.items()},
            "requests": whole.requests,
            "errors": whole.errors,
            "rate": whole.rate,
            "mean_accept_ms": whole.mean_ms,
            "last_error": whole.last_error or None,
            "started": _time(whole.started),
            "service": service and service.name,
            "service_id": service and service.id,
            "version": service and service.version,
            "data": json.loads(stats.data) if stats is not None and stats.data else None,
        }
    )


def _time(at: float | None) -> str | None:
    if at is None:
        return None
    try:
        return utc_stamp(at, "seconds")
    except (ValueError, OverflowError, OSError):
        return None


def _sentence(error: NotScraped | StoreError, store: str) -> str:
    return error.reason if isinstance(error, NotScraped) else explain(error, store).sentence
