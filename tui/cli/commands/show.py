"""`dyntop show`: show one process, key or model in full, as text or JSON."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence

from backends.discovery import models
from backends.discovery.cluster import Cluster
from backends.discovery.models import Model
from backends.dynamo import lookup
from backends.dynamo.lookup import MatchedField, Named
from backends.dynamo.records import AnyRecord, ModelCard
from backends.liveness.judge import Verdict
from backends.liveness.survey import Survey
from backends.liveness.workers import SEVERITY, Worker, worker, worst
from backends.probe.probe_targets import targets_of
from backends.store import Misconfigured, Owner, PodEvents, Pods
from backends.store.pods import events_of
from tui.cli.commands import list_workers
from tui.cli.output import described, query
from tui.cli.shared.asked_frontends import (
    asked_frontends,
    failures_json,
    frontends_json,
    silent_json,
)
from tui.cli.shared.compared_cards import print_comparison
from tui.cli.shared.matching import in_a_line, records
from tui.cli.shared.other_namespaces import others_beside
from tui.cli.shared.reading import Clock, StoreLabel, looked_at, place_of
from tui.cli.shared.surveying import surveyed
from tui.cli.shared.worker_columns import LookedAtWorkers
from tui.config.settings import Settings
from tui.runtime.standard_streams import end_at_once_on_interrupt, print_message, write_lines
from tui.text.brief_evidence import brief_evidence
from tui.text.cards.model_summary import answer_fields, summarise
from tui.text.detail import Detail, detail_of, kind_and_name, worker_detail
from tui.text.detail_lines import lines_of
from tui.text.errors import Exit
from tui.text.format import STATES, State, count, hex_id, time_left
from tui.text.json_export import as_json, record_json
from tui.text.pod_events import exported_pod_events
from tui.text.sanitize import plain_key
from tui.text.serving import (
    frontend_fields,
    frontend_sentence,
    is_well_served,
    model_of_card,
    of_worker,
    routable_sentence,
    silent_addresses,
)

CELLS = 10_000
"""Columns after which a line of text is folded: no terminal has them, and a pipe needs no folds."""

MOST_EVIDENCE = 6
"""Pieces of it that are shown of a process: each of its records has its own in full."""

MOST_SILENT = 12
"""Addresses of `--metrics` that are named, of those that do not answer."""

_OF_PROCESSES = frozenset(
    {MatchedField.ID, MatchedField.ADDRESS, MatchedField.HOST, MatchedField.PATH, MatchedField.KEY}
)

_OF_SERVING = ("served", "workers", "routable", "routable_most", "not_routable", "missing")

Fields = list[tuple[str, str]]

Subject = Worker | Model | AnyRecord
"""The thing that a text names: a process, a model, or one key."""


def run(settings: Settings, arguments: argparse.Namespace, clock: Clock = time.time) -> Exit:
    """Print everything about the named thing. `REFUSED`: nothing matches, or several do.

    Raises `StoreError`, `OutputFailed`, BrokenPipeError.
    """
    end_at_once_on_interrupt()
    wanted = lookup.parse(arguments.name)
    if not wanted.given.strip():
        raise Misconfigured("NAME", "is empty: name an id, a key, an address or a model")
    seen, place, pod_events = asyncio.run(_look(settings, wanted, arguments.probe, clock))
    subjects = _subjects(seen.cluster, wanted)
    if not subjects:
        name = wanted.text or wanted.given
        beside = "" if seen.cluster.records else others_beside(settings)
        print_message(f"nothing is named {name} in {place}{described(settings)}{beside}")
        return Exit.REFUSED
    if len(subjects) > 1:
        print_message(f"{wanted.text} names {len(subjects):,} things: name one of them")
        for one in subjects:
            print_message(f"  {_in_a_line(one)}")
        return Exit.REFUSED
    if arguments.compare:
        cards = [one for one in _records(subjects[0]) if isinstance(one, ModelCard)]
        return print_comparison(wanted.text, cards, seen, clock(), arguments.output)
    if arguments.output == "json":
        write_lines([_with_pod_events(subjects[0], seen, pod_events)])
    else:
        detail = _detail(subjects[0], seen, clock(), pod_events)
        lines = [str(line).rstrip() for line in lines_of(detail, CELLS)]
        write_lines("\n".join(lines).rstrip().split("\n"))
    return Exit.DONE


async def _look(
    settings: Settings, wanted: Named, probe: str | None, clock: Clock
) -> tuple[Survey, StoreLabel, dict[Owner, PodEvents]]:
    def concerned(cluster: Cluster, _: Sequence[AnyRecord]) -> Sequence[AnyRecord]:
        found = [record for one in _subjects(cluster, wanted) for record in _records(one)]
        # How its models are served depends on which of their other workers are dead.
        return list({one.key: one for one in (*found, *models.beside(found, cluster))}.values())

    async with looked_at(settings, probe) as (discovery, probes):
        seen = await surveyed(
            settings,
            discovery,
            probes,
            query(settings, "all", None, None, None),
            probe=probe,
            choose=concerned,
            clock=clock,
        )
        place = place_of(discovery)
        subjects = _subjects(seen.cluster, wanted)
        pod_events = await _pod_events(discovery.store.pods, subjects)
    if any(isinstance(one, Model) for one in subjects):
        seen.verdicts.serving.observe_frontends(await asked_frontends(settings, clock))
    return seen, place, pod_events


async def _pod_events(pods: Pods | None, subjects: Sequence[Subject]) -> dict[Owner, PodEvents]:
    """Return what was written down about the pod of one process or key."""
    if pods is None or len(subjects) != 1 or isinstance(subjects[0], Model):
        return {}
    owners = dict.fromkeys(one.entry.owner for one in _records(subjects[0]) if one.entry.owner)
    return {one: await events_of(pods, one) for one in owners}


def _subjects(cluster: Cluster, wanted: Named) -> list[Subject]:
    """Return the things that a text may name, by its most exact match only: a key is no process."""
    if (exact := cluster.records.get(wanted.key or b"")) is not None:
        return [exact]
    found: dict[object, Subject] = {}
    for record in records(cluster, wanted):
        owner = cluster.worker_of(record)
        meanings = wanted.meanings(record, owner)
        if MatchedField.MODEL in meanings and isinstance(record, ModelCard):
            name = models.base_name(record, cluster)
            cards = [
                one for one in cluster.of_type(ModelCard) if models.base_name(one, cluster) == name
            ]
            found[name] = models.group(cards, cluster)[0]
        if meanings.isdisjoint(_OF_PROCESSES):
            continue
        process = None if owner is None else worker(cluster, owner)
        of_process = process is not None and not {
            process.id,
            *process.instance_ids,
            *process.leases,
        }.isdisjoint(wanted.ids)
        if process is None or (meanings == {MatchedField.ID} and not of_process):
            # A publisher's id is of its channel, or source, alone.
            found[record.key] = record
        else:
            found[process.id] = process
    return list(found.values())


def _records(subject: Subject) -> Sequence[AnyRecord]:
    match subject:
        case Worker():
            return subject.records
        case Model():
            return [*subject.cards, *(card for one in subject.adapters for card in one.cards)]
    return [subject]


def _in_a_line(subject: Subject) -> str:
    match subject:
        case Worker():
            return in_a_line(subject)
        case Model():
            return f"model {subject.name}"
    return plain_key(subject.key)


def _with_pod_events(subject: Subject, seen: Survey, pod_events: Mapping[Owner, PodEvents]) -> str:
    text = _json(subject, seen)
    if not pod_events:
        return text
    exported = [exported_pod_events(one) for one in pod_events.values()]
    known = [one for some in exported if some is not None for one in some]
    return as_json(json.loads(text) | {"pod_events": None if None in exported else known})


def _json(subject: Subject, seen: Survey) -> str:
    match subject:
        case Worker():
            whole = json.loads(list_workers.worker_json(subject, LookedAtWorkers(seen, asked=True)))
            return as_json(
                whole | {"records": [json.loads(_json(one, seen)) for one in subject.records]}
            )
        case Model():
            return as_json(
                {
                    "model": subject.name,
                    "verdict": worst(map(seen.verdict, _records(subject))).value,
                    **_serving_json(subject, seen),
                    "frontends": frontends_json(seen.verdicts.serving.at_frontends(subject.name)),
                    "failures": failures_json(seen.verdicts.serving.frontends),
                    "not_asked": silent_json(seen.verdicts.serving.frontends),
                    "adapters": [adapter.name for adapter in subject.adapters],
                    "records": [json.loads(_json(one, seen)) for one in _records(subject)],
                }
            )
    return record_json(
        subject,
        seen.cluster.worker_of(subject),
        seen.time_to_live(subject),
        seen.assessment(subject),
    )


def _serving_json(model: Model, seen: Survey) -> dict[str, object]:
    """Return how many of a model's workers are routable, and how many are not, by reason. In a
    conflict the number differs from frontend to frontend: the least, and the most."""
    serving = seen.verdicts.serving.model(model.name)
    if serving is None:
        # Of cards that cannot be read, or adapters alone, nothing is known.
        return dict.fromkeys(_OF_SERVING)
    figures = serving.figures
    return {
        "served": is_well_served(model.name, seen.verdicts.serving, model.cards),
        "workers": figures.total,
        "routable": figures.least,
        "routable_most": figures.most,
        "not_routable": {reason.value: number for reason, number in serving.reasons.items()},
        "missing": sorted({role for some in serving.missing.values() for role in some}),
    }


def _detail(
    subject: Subject, seen: Survey, now: float, pod_events: Mapping[Owner, PodEvents]
) -> Detail:
    def state_of(record: AnyRecord) -> State:
        return STATES[seen.verdict(record)]

    match subject:
        case Worker():
            state = STATES[worst(map(seen.verdict, subject.records))]
            worst_first = sorted(
                subject.records, key=lambda one: -SEVERITY.index(seen.verdict(one))
            )
            pieces = [piece for one in worst_first for piece in seen.assessment(one).evidence]
            evidence = list({piece.text: piece for piece in pieces}.values())[:MOST_EVIDENCE]
            ttls = [
                lease_ttl for one in subject.records if (lease_ttl := seen.verdicts.lease_ttl(one))
            ]
            lease_ttl = next((one for one in ttls if one.ttl.granted is not None), None)
            left = "" if lease_ttl is None else time_left(lease_ttl, now)
            return worker_detail(
                subject,
                state,
                state_of,
                now,
                evidence=evidence,
                serving=of_worker(subject, seen.verdicts.serving),
                lease_ttl=lease_ttl,
                left=left,
                pod_events=pod_events.get,
            )
        case Model():
            return _model_detail(subject, seen, now)
    return detail_of(
        subject,
        state_of(subject),
        seen.cluster,
        seen.verdicts.lease_ttl(subject),
        None,
        now,
        evidence=seen.assessment(subject).evidence,
        serving=model_of_card(subject, seen.cluster, seen.verdicts.serving),
        pod_events=pod_events.get,
    )


def _frontends(model: Model, seen: Survey) -> Fields:
    """Return the report of each frontend on a model and its adapters."""
    serving = seen.verdicts.serving
    base = serving.model(model.name)
    reached = base is None or bool(base.figures.most or base.figures.unknown)
    fields = frontend_fields(serving.at_frontends(model.name), serving.frontends, reached=reached)
    silent = silent_addresses(serving.frontends)[:MOST_SILENT]
    fields += [("metrics" if n == 0 else " ", sentence) for n, sentence in enumerate(silent)]
    for adapter in model.adapters:
        reports = serving.at_frontends(adapter.name)
        for one in () if reports is None else reports.denied_by:
            fields.append((" ", f"adapter {adapter.name}: {frontend_sentence(one)}"))
    return fields


def _reason(card: ModelCard, seen: Survey) -> str:
    """Return the evidence that decides a card's state, in few words. Empty: it is live."""
    judged = seen.assessment(card)
    if judged.verdict is Verdict.LIVE or not judged.evidence:
        return ""
    own = {target.address for target in targets_of(seen.cluster.instance_of(card) or card)}
    return brief_evidence(judged.evidence[0].values, own)


def _model_detail(model: Model, seen: Survey, now: float) -> Detail:
    verdicts = Counter(map(seen.verdict, _records(model)))
    worst_of_all = worst(verdicts)
    state, number = STATES[worst_of_all], verdicts[worst_of_all]
    # As the row in Models has it: one of four that is drained does not make the model drained.
    title = str(state) if number == verdicts.total() else f"{state.glyph} {number:,} {state.word}"
    # The base of an adapter may not be registered.
    of = model.cards or [card for adapter in model.adapters for card in adapter.cards]
    owners = models.workers_of(of, seen.cluster)
    serving = seen.verdicts.serving.model(model.name)
    summary = summarise(
        model.name, model.cards, seen.cluster, seen.verdicts.serving, seen.verdicts.of
    )
    types = sorted({card.worker_type for card in model.cards if card.worker_type})
    cards = [
        f"{STATES[seen.verdict(one)]}  {kind_and_name(one)}  {one.id.path()}  "
        f"{hex_id(one.id.instance_id)}"
        for one in _records(model)
    ]
    fields = [
        ("model", model.name),
        ("serving", "" if serving is None else routable_sentence(serving)),
        *answer_fields(
            summary,
            now,
            reason_of=lambda card: _reason(card, seen),
            path_of=lambda key: seen.cluster.records[key].id.path(),
        ),
        *_frontends(model, seen),
        ("workers", count(len(owners), "worker") + (f" ({', '.join(types)})" if types else "")),
        ("adapters", ", ".join(adapter.name for adapter in model.adapters)),
        *(("cards" if number == 0 else " ", card) for number, card in enumerate(cards)),
    ]
    shown = tuple((label, text) for label, text in fields if text)
    return Detail(f"{title}  model {model.name}", state.tone, shown, "")
