"""`dyntop check`: whether all that is registered is alive, and served by the frontends that were
named; for scripts and monitors."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from backends.aio.timer import LOOP, Timer
from backends.discovery.cluster import Cluster
from backends.discovery.models import adapter_name
from backends.dynamo.records import AnyRecord, ModelCard
from backends.liveness.frontends import ModelReports, ModelStatus
from backends.liveness.judge import FINDINGS, TOLERATED, Verdict
from backends.liveness.renewal_wait import RenewalWait
from backends.liveness.survey import Survey
from backends.liveness.workers import SEVERITY
from backends.probe.hosts import hosts_in
from backends.probe.probe_targets import unusable
from backends.probe.types import ProbeAnswer
from tui.cli.output import described, query_of
from tui.cli.shared.asked_frontends import (
    asked_frontends,
    denials_json,
    frontends_json,
    warn_unasked,
)
from tui.cli.shared.at_host import workers_at
from tui.cli.shared.other_namespaces import others_beside
from tui.cli.shared.reading import Clock, StoreLabel, acted_on, looked_at
from tui.cli.shared.surveying import print_waiting, surveyed
from tui.cli.tables import write_table
from tui.config.settings import Settings
from tui.runtime.standard_streams import end_at_once_on_interrupt, print_message, write_lines
from tui.text.errors import Exit
from tui.text.format import SHORT_KIND_NAMES, count
from tui.text.json_export import as_json, json_list, record_json
from tui.text.sanitize import plain, plain_key
from tui.text.serving import (
    cards_of,
    failures_line,
    frontend_sentence,
    is_well_served,
    standing_of,
    state_at_frontends,
    unasked,
)
from tui.text.suggestions import did_you_mean

MOST_WAIT = 30.0
"""Seconds that a renewal is waited for, to tell a firewall that refuses from a worker that died."""
MOST_NAMED = 20
"""Addresses that are named of those that no client can use, and models of those that frontends do
not serve."""

ALIVE = TOLERATED | {Verdict.LIVE}
"""Verdicts that count as alive."""

HEADER = ("VERDICT", "KIND", "NAME", "ID", "EVIDENCE")


def run(
    settings: Settings,
    arguments: argparse.Namespace,
    clock: Clock = time.time,
    timer: Timer = LOOP,
) -> Exit:
    """Print the records that are not live, with their evidence, and the models that frontends do
    not serve. Returns `FINDINGS` for any finding beyond unreachable from here, or with `--model` if
    a frontend does not serve that model. With `--host` or `--namespace` something must be there,
    too.

    Raises `StoreError`, `OutputFailed`, BrokenPipeError.
    """
    end_at_once_on_interrupt()
    seen, place = asyncio.run(_look(settings, arguments, clock, timer))
    found = [record for record in seen.records if seen.verdict(record) in FINDINGS]
    denied = _denied(seen)
    untried = [
        one for one in seen.readings if one.answer in (ProbeAnswer.AWAY, ProbeAnswer.UNTRIED)
    ]
    match arguments.output:
        case "json":
            models = (_denied_json(one, seen) for one in denied)
            write_lines(json_list([*(_json(seen, record) for record in found), *models]))
        case "prometheus":
            # Imported here: most checks write no metrics.
            from tui.cli.shared.check_metrics import check_metrics

            words = {one.name: _denied_word(one) for one in denied}
            silent = len(untried) + len(unasked(seen.verdicts.serving.frontends))
            text = check_metrics(seen, found, words, unasked=silent, model=arguments.model)
            write_lines([text.rstrip("\n")])
        case _:
            write_table(HEADER, [*_rows(seen, found), *map(_denied_row, denied)])
    where = f"in {place}{described(settings)}"
    if arguments.host is not None:
        where = f"at host {plain(arguments.host)} {where}"
    if arguments.model is None:
        beside = "" if seen.records else _beside(settings, arguments.host, seen)
        print_message(f"{_summary(seen, found)} {where}{beside}")
        if denied:
            names = ", ".join(one.name for one in denied[:MOST_NAMED])
            print_message(f"frontends do not serve {names}" + ", …" * (len(denied) > MOST_NAMED))
    else:
        beside = "" if seen.cluster.records else others_beside(settings)
        standing = standing_of(arguments.model, seen.verdicts.serving, seen.records)
        print_message(f"{standing} {where}{beside}")
    for one in place.no_puts:
        print_message(f"keys removed now cannot be put back: {one.reason}")
    if untried:
        first = untried[0]
        addresses = count(len(untried), "address")
        print_message(
            f"{addresses} could not be asked: {plain(first.target.address)} {plain(first.text)}"
        )
    _print_unusable(seen)
    _print_frontend_reports(seen)
    if arguments.model is not None:
        served = is_well_served(arguments.model, seen.verdicts.serving, seen.records)
        return Exit.DONE if served else Exit.FINDINGS
    failing = denied or any(seen.verdict(record) not in TOLERATED for record in found)
    # A place that was named is checked as a model is: that nothing is wrong there is not enough.
    if arguments.host is not None or settings.is_namespace_flag:
        failing = failing or not any(seen.verdict(one) in ALIVE for one in seen.records)
    return Exit.FINDINGS if failing else Exit.DONE


def _beside(settings: Settings, host: str | None, seen: Survey) -> str:
    """Return a hint at what was meant, where nothing was found."""
    if host is None:
        return others_beside(settings)
    return did_you_mean(host, hosts_in(seen.cluster.records.values()))


async def _look(
    settings: Settings, arguments: argparse.Namespace, clock: Clock, timer: Timer
) -> tuple[Survey, StoreLabel]:
    wanted = query_of(settings, arguments)
    choose = None
    if arguments.model is not None:
        choose = partial(_workers_of, arguments.model)
    elif arguments.host is not None:
        choose = partial(workers_at, arguments.host)
    async with looked_at(settings, arguments.probe) as (discovery, probes):
        wait = RenewalWait(print_waiting, MOST_WAIT)
        seen = await surveyed(
            settings,
            discovery,
            probes,
            wanted,
            probe=arguments.probe,
            choose=choose,
            wait=wait,
            clock=clock,
            timer=timer,
        )
        place = await acted_on(discovery)
    seen.verdicts.serving.observe_frontends(await asked_frontends(settings, clock))
    return seen, place


def _workers_of(name: str, cluster: Cluster, records: Sequence[AnyRecord]) -> Iterable[AnyRecord]:
    """Return the records of the workers of a model or adapter, and of its peers' roles, that match
    the filters."""
    cards = cards_of(name, cluster.of_type(ModelCard))
    keys = {one.key for one in cluster.with_siblings(cards)}
    return (record for record in records if record.key in keys)


def _rows(seen: Survey, found: Sequence[AnyRecord]) -> Iterator[tuple[str, ...]]:
    for record in found:
        assessment = seen.assessment(record)
        names = (record.id.path(), record.model_name)
        number = record.id.instance_id
        # Who is not told by names is told by the key.
        nameless = record.id.namespace is None or number is None
        yield (
            assessment.verdict.value,
            SHORT_KIND_NAMES[record.kind],
            plain_key(record.key) if nameless else " ".join(filter(None, names)),
            "" if number is None else f"{number:x}",
            assessment.evidence[0].text,
        )


def _denied(seen: Survey) -> list[ModelReports]:
    """Return the reports on the chosen models and adapters that a frontend does not serve. If no
    request reaches a worker by the registered records, that is the finding instead."""
    serving = seen.verdicts.serving
    cards = [one for one in seen.records if isinstance(one, ModelCard)]
    names = sorted({adapter_name(one) for one in cards})
    dead = serving.unserved | serving.unserved_adapters
    reports = (serving.at_frontends(name) for name in names if name not in dead)
    return [one for one in reports if one is not None and one.denied_by]


def _denied_row(reports: ModelReports) -> tuple[str, ...]:
    return (_denied_word(reports), "model", reports.name, "", _denied_text(reports))


def _denied_word(reports: ModelReports) -> str:
    state = state_at_frontends(reports)
    return "" if state is None else state.word


def _denied_text(reports: ModelReports) -> str:
    return "; ".join(frontend_sentence(one) for one in reports.denied_by)


def _denied_json(reports: ModelReports, seen: Survey) -> str:
    """A model that frontends do not serve is no key; the fields of one that it has are as there."""
    return as_json(
        {
            "kind": "model",
            "key": None,
            "model_name": reports.name,
            "verdict": _denied_word(reports),
            "evidence": [frontend_sentence(one) for one in reports.denied_by],
            "evidence_data": denials_json(reports, seen.verdicts.serving.frontends),
            "frontends": frontends_json(reports),
        }
    )


def _print_frontend_reports(seen: Survey) -> None:
    """Print the frontends that could not be asked, their failures, and the models that none of them
    watches."""
    serving = seen.verdicts.serving
    warn_unasked(serving.frontends)
    if failures := failures_line(serving.frontends):
        print_message(f"requests that frontends failed or refused: {failures}")
    cards = [one for one in seen.records if isinstance(one, ModelCard)]
    answered = {one.name for one in serving.frontends if one.was_seen and not one.trouble}
    unknown: dict[str, list[str]] = {}
    for name in sorted({adapter_name(one) for one in cards}):
        reports = serving.at_frontends(name)
        if reports is None:
            continue
        if reports.only_elsewhere:
            texts = "; ".join(map(frontend_sentence, reports.reports))
            print_message(f"of {name} no frontend that watches its namespace was asked: {texts}")
        elif all(one.status is ModelStatus.UNKNOWN for one in reports.reports):
            for one in reports.reports:
                if one.frontend in answered:
                    unknown.setdefault(frontend_sentence(one), []).append(name)
    for sentence, names in unknown.items():
        of = names[0] if len(names) == 1 else count(len(names), "model")
        print_message(f"{sentence}: whether it serves {of} is not known")


def _print_unusable(seen: Survey) -> None:
    """Name the addresses that no client can connect to: requests that are routed there fail,
    whatever their leases do."""
    named = [pair for record in seen.records for pair in unusable(record)]
    for shown, why in named[:MOST_NAMED]:
        print_message(f"no client can connect to {shown or 'an empty address'}: it {why}")
    if len(named) > 1:
        print_message(f"{count(len(named), 'address')} in all that no client can connect to")


def _json(seen: Survey, record: AnyRecord) -> str:
    worker = seen.cluster.worker_of(record)
    return record_json(record, worker, seen.time_to_live(record), seen.assessment(record))


def _summary(seen: Survey, found: Sequence[AnyRecord]) -> str:
    """Return the summary in one clause. Records without evidence are no finding, but counted."""
    total = len(seen.records)
    if not total:
        return "nothing found"
    records = count(total, "record")
    unknown = sum(seen.verdict(record) is Verdict.UNKNOWN for record in seen.records)
    if not found and not unknown:
        # What a lease says of a worker says nothing of whether its address can be used.
        by_lease = any(unusable(record) for record in seen.records)
        by = f" by {'their leases' if total > 1 else 'its lease'}" if by_lease else ""
        return f"all {records} are live{by}" if total > 1 else f"the one record is live{by}"
    parts = []
    if found:
        verb = "is" if len(found) == 1 else "are"
        verdicts = Counter(seen.verdict(record) for record in found)
        kinds = ", ".join(
            f"{number:,} {verdict.value}"
            for verdict, number in sorted(verdicts.items(), key=lambda one: -SEVERITY.index(one[0]))
        )
        parts.append(f"{len(found):,} of {records} {verb} not live ({kinds})")
    if unknown:
        parts.append(f"{unknown:,} of {records} {'is' if unknown == 1 else 'are'} unknown")
    return ", ".join(parts)
