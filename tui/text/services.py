"""Figures of NATS services as text. No Textual in here. Untrusted text is not escaped yet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from backends.services.latest import LatestStats
from backends.services.overview import Answering, Total, Usage, total
from backends.services.types import Service
from tui.text.detail import Detail
from tui.text.format import NOTHING, State, count, duration, hex_id
from tui.text.host_clock import ShownAt, as_it_is
from tui.text.timestamps import time_of_day

NO_NATS = "No NATS server is set: use NATS_SERVER or --nats."
SHORT_DATA = 120
"""Characters of user data that are also shown beside the figures."""
ASKING = "Asking NATS services …"
NOBODY = "NATS answers, but no service does: workers on the TCP request plane have none."

NOT_READ = "answers; not known to be registered until the store has been read"

ANSWERS = {
    Answering.ANSWERS: State("●", "answers", "good"),
    Answering.SILENT: State("○", "silent", "warn"),
    Answering.UNREGISTERED: State("◇", "unregistered", "warn"),
    Answering.NOT_ASKED: State("?", "not asked", "dim"),
}

_MEANINGS = {
    Answering.SILENT: "no answering service has its subject; a paused one looks the same",
    Answering.UNREGISTERED: "a service answers at this subject, but no instance names it",
    Answering.NOT_ASKED: "NATS cannot be reached, or it is newer than the last answers",
}


def figure(number: float | None) -> str:
    """Return a rate or milliseconds in at most three digits, from 100 on as a whole number."""
    if number is None:
        return NOTHING
    if 0 < number < 0.01:
        return "<0.01"
    digits = 2 if 0 < number < 10 else 1 if 0 < number < 100 else 0
    return f"{number:,.{digits}f}"


def counted(number: float | None) -> str:
    """Return a count, rounded from ten million on so that it fits."""
    if number is None:
        return NOTHING
    for unit, size in (("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6)):
        if number >= max(size, 1e7):
            return f"{number / size:,.1f}{unit}"
    return f"{number:,}"


def answer(whole: Total) -> State:
    """Return the state of a row; of many endpoints, the worst with its number."""
    many = sum(whole.numbers.values())
    for answering in (Answering.SILENT, Answering.UNREGISTERED, Answering.NOT_ASKED):
        if number := whole.numbers[answering]:
            state = ANSWERS[answering]
            return state if many == number else replace(state, word=f"{number:,} {state.word}")
    return ANSWERS[Answering.ANSWERS]


def empty_text(board: LatestStats | None, other: str, shown_at: ShownAt = as_it_is) -> str:
    """Return the tab's text without rows. `other`: the text on the store."""
    if board is None:
        return NO_NATS
    if board.scrape is None:
        return (
            ASKING
            if board.trouble is None
            else f"{_trouble(board, shown_at)}: asked again every 5 s"
        )
    return other if any(one.endpoints for one in board.scrape.services) else NOBODY


def line(
    board: LatestStats | None, whole: Total, now: float, shown_at: ShownAt = as_it_is
) -> tuple[str, str]:
    """Return a line on the last scrape, and its tone. Empty: no scrape yet.

    `whole`: the total of the shown rows. `shown_at`: what the host's clock showed.
    """
    if board is None or (age := board.age(now)) is None or board.scrape is None:
        return "", ""
    if board.trouble is not None:
        return f"✗ {_trouble(board, shown_at)}; figures of {duration(age)} ago", "bad"
    there = len(board.scrape.services)
    here = "" if whole.services == there else f", {whole.services:,} of them here"
    parts = [
        f"{count(there, 'service')} answered {duration(age)} ago{here}",
        *(
            f"{number:,} {ANSWERS[answering].word}"
            for answering in (Answering.SILENT, Answering.UNREGISTERED)
            if (number := whole.numbers[answering])
        ),
    ]
    if board.scrape.ignored:
        parts.append(f"{count(board.scrape.ignored, 'answer')} not understood")
    if board.scrape.left_out:
        parts.append(f"{count(board.scrape.left_out, 'answer')} left out: too many")
    return "  ".join(parts), ""


def detail_of_instance(
    usage: Usage,
    board: LatestStats,
    record: Detail | None,
    now: float,
    shown_at: ShownAt = as_it_is,
) -> Detail:
    """Return the figures of one endpoint of a process, followed by its record's detail."""
    whole = total([usage])
    fields = [
        ("answer", _answer(usage)),
        *_figures(whole, board, now, shown_at),
        ("no figures", "" if usage.stats is None else usage.stats.problem),
        ("service", _service(usage.service)),
        ("subject", usage.subject if record is None else ""),
        ("user data", _user_data(usage)),
    ]
    data = "" if usage.stats is None else _laid_out(usage.stats.data)
    shown = tuple((label, text) for label, text in fields if text)
    if record is None:
        state = ANSWERS[usage.answering]
        name = "/".join(filter(None, (usage.namespace, usage.component, usage.endpoint)))
        number = "" if usage.instance_id is None else f"  {hex_id(usage.instance_id)}"
        return Detail(f"{state.glyph} {state.word}  {name}{number}", state.tone, shown, data)
    both = "\n\n".join(filter(None, (data, record.json)))
    return replace(record, fields=(*shown, *record.fields), json=both)


def detail_of_total(
    name: str, usages: Sequence[Usage], board: LatestStats, now: float, shown_at: ShownAt = as_it_is
) -> Detail:
    """Return the figures of a component, or of one of its endpoints."""
    whole = total(usages)
    numbers = ", ".join(
        f"{number:,} {ANSWERS[answering].word}"
        for answering, number in whole.numbers.items()
        if number
    )
    fields = [("instances", numbers), *_figures(whole, board, now, shown_at)]
    shown = tuple((label, text) for label, text in fields if text)
    return Detail(f"Σ {name}", "", shown, "")


def _figures(
    whole: Total, board: LatestStats, now: float, shown_at: ShownAt
) -> list[tuple[str, str]]:
    age = board.age(now)
    asked = "" if age is None else f"{duration(age)} ago"
    if board.trouble is not None:
        asked = f"{asked}; {_trouble(board, shown_at)}"
    fields = [("asked", asked)]
    if whole.requests is not None:
        rate = "" if whole.rate is None else f", {figure(whole.rate)}/s recently"
        mean = "" if whole.mean_ms is None else f"mean {figure(whole.mean_ms)} ms"
        fields += [
            ("requests", f"{whole.requests:,}{rate}"),
            ("errors", f"{whole.errors:,}"),
            ("last error", whole.last_error),
            ("accepted in", mean and f"{mean}, until the worker has the request (not its answer)"),
        ]
    if whole.started is not None:
        # By the clock of the worker's host, compared with this host's.
        ago = duration(shown_at(now) - whole.started)
        fields.append(("started", f"{_moment(whole.started)}, {ago} ago"))
    return fields


def _trouble(board: LatestStats, shown_at: ShownAt) -> str:
    reason = "" if board.trouble is None else board.trouble.reason
    return f"{reason} since {time_of_day(shown_at(board.trouble_since))}"


def _moment(at: float) -> str:
    try:
        return f"{datetime.fromtimestamp(at):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return NOTHING


def _answer(usage: Usage) -> str:
    if usage.answering is Answering.ANSWERS:
        return "" if usage.records else NOT_READ
    return f"{ANSWERS[usage.answering].word}: {_MEANINGS[usage.answering]}"


def _service(service: Service | None) -> str:
    if service is None:
        return ""
    parts = (service.name, service.version, f"id {service.id}", service.description)
    return "  ".join(filter(None, parts))


def _user_data(usage: Usage) -> str:
    if usage.stats is None or not usage.stats.data:
        return ""
    if len(usage.stats.data) <= SHORT_DATA:
        return usage.stats.data
    return "below, before the record" if usage.records else "below"


def _laid_out(data: str) -> str:
    return json.dumps(json.loads(data), indent=2, ensure_ascii=False) if data else ""
