"""`dyntop drain`: take a worker out of routing, while its process runs on."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Iterable, Sequence

import msgspec

from backends.discovery import models
from backends.discovery.cluster import Cluster
from backends.discovery.record_index import object_of
from backends.dynamo import lookup
from backends.dynamo.lookup import MatchedField, Named
from backends.dynamo.records import AnyRecord, EndpointInstance
from backends.dynamo.roles import Role
from backends.liveness.judge import Verdict
from backends.liveness.survey import Survey
from backends.liveness.workers import Worker
from backends.metrics.in_flight import DrainWatch, InFlight
from backends.removal.removal_targets import RemovalTarget, targets_of
from backends.store import Misconfigured
from tui.cli.output import described, query
from tui.cli.shared.lasting_drains import describe_lasting, planned, take_out
from tui.cli.shared.matching import NAMES_A_PROCESS, in_a_line, processes
from tui.cli.shared.other_namespaces import others_beside
from tui.cli.shared.reading import Clock, StoreLabel, acted_on, looked_at
from tui.cli.shared.removing import (
    ask,
    can_ask,
    describe,
    exit_code,
    is_refused,
    remove,
    report,
    warn_irreversible,
)
from tui.cli.shared.surveying import probe_by_default, surveyed
from tui.config.settings import Settings
from tui.runtime.standard_streams import print_message, write_lines
from tui.session import open_session
from tui.text.aftermath import conflicting_cards_text, kept_text, remaining_workers_text
from tui.text.consequences import as_clause, ids_in_words, no_worker
from tui.text.errors import Exit
from tui.text.format import count, in_flight_words
from tui.text.sanitize import plain

LOOK_AGAIN = 1.0
"""Seconds until a worker without a request is looked at once more."""


class _Found(msgspec.Struct, frozen=True):
    """The survey."""

    place: StoreLabel
    candidates: list[Worker]
    """The processes with instances that are named."""
    targets: list[RemovalTarget]
    """The instances of all of them."""
    seen: Survey

    def leavings(self, targets: Sequence[RemovalTarget]) -> list[str]:
        """Return the sentences on what remains of each model and of the worker."""
        records = [target.record for target in targets]
        cluster = self.seen.cluster
        return [
            *remaining_workers_text(cluster, self.seen.verdicts, records),
            *conflicting_cards_text(cluster, self.seen.verdicts, records),
            *kept_text(cluster, records),
        ]


def run(settings: Settings, arguments: argparse.Namespace, clock: Clock = time.time) -> Exit:
    """Remove a worker's endpoint instances and nothing else; one line of output for each. With
    `lasting`, take its pod out of discovery by a label instead, and leave its keys.

    Raises `StoreError`, `OutputFailed`.
    """
    wanted = lookup.parse(arguments.instance)
    if not wanted.text:
        raise Misconfigured("INSTANCE", "is empty: name an id, a key or an address")
    if is_refused(settings, "drain", dry_run=arguments.dry_run):
        return Exit.REFUSED
    probe = probe_by_default(settings, arguments.probe)
    found = asyncio.run(_look(settings, wanted, probe, clock))
    place = found.place
    if not found.candidates:
        beside = "" if found.seen.cluster.records else others_beside(settings)
        where = f"in {place}{described(settings)}"
        print_message(
            f"nothing is registered {where}{beside}"
            if beside
            else _why_nothing(found.seen, wanted, where)
        )
        return Exit.REFUSED
    chosen = _chosen(found.candidates, wanted, ask_which=not (arguments.yes or arguments.dry_run))
    if chosen is None:
        return Exit.REFUSED
    if chosen.role is not Role.WORKER:
        print_message(f"{no_worker(chosen)}. `dyntop unregister KEY` removes one key")
        return Exit.REFUSED
    instances = _meant(chosen, wanted)
    if len(objects := _objects_of(instances)) > 1:
        # Pods of one name in two Kubernetes namespaces have one id.
        print_message(f"{chosen.id:x} is the id of {count(len(objects), 'process')}:")
        for one in objects:
            print_message(f"  {plain(one)}")
        print_message("nothing was removed: name the object of one of them")
        return Exit.REFUSED
    ids = {one.id.instance_id for one in instances}
    meant = chosen.id if len(ids) > 1 else ids.pop() or chosen.id
    if arguments.lasting:
        ended = _drain_lastingly(settings, arguments, found, instances, meant)
        if ended is Exit.DONE and not arguments.dry_run:
            _print_requests_left(settings, chosen)
        return ended
    keys = {record.key for record in instances}
    targets = [target for target in found.targets if target.record.key in keys]
    if arguments.dry_run or not arguments.yes:
        for target in targets:
            describe(target, place)
        for line in found.leavings(targets):
            print_message(plain(as_clause(line)))
    warn_irreversible(settings, targets, place)
    if arguments.dry_run:
        report([target.record for target in targets], "would remove")
        return Exit.DONE
    if place.read_only:
        return Exit.REFUSED
    if not arguments.yes and not _is_meant(meant):
        return Exit.REFUSED
    asked = not arguments.yes
    failures = remove(settings, "drain", targets, place, asked=asked)
    if not failures:
        _print_requests_left(settings, chosen)
    return exit_code(failures)


def _drain_lastingly(
    settings: Settings,
    arguments: argparse.Namespace,
    found: _Found,
    instances: Sequence[EndpointInstance],
    meant: int,
) -> Exit:
    """Take the pod of some instances out of discovery by one of its labels. `meant`: the id that
    the person has to type."""
    drain = planned(settings, found.seen, instances)
    if isinstance(drain, Exit):
        return drain
    if arguments.dry_run or not arguments.yes:
        describe_lasting(drain)
        cluster, verdicts = found.seen.cluster, found.seen.verdicts
        for line in (
            *remaining_workers_text(cluster, verdicts, drain.instances),
            *conflicting_cards_text(cluster, verdicts, drain.instances),
        ):
            print_message(plain(as_clause(line)))
    if arguments.dry_run:
        write_lines([plain(f"would take out {drain.label.pod_path} {drain.label.text}")])
        return Exit.DONE
    if not arguments.yes and not _is_meant(meant):
        return Exit.REFUSED
    return take_out(settings, drain, found.seen)


def _print_requests_left(settings: Settings, drained: Worker) -> None:
    if (left := asyncio.run(_requests_left(settings, drained))) is not None:
        print_message(f"requests at {drained.id:x}: {in_flight_words(left)}")


async def _requests_left(settings: Settings, drained: Worker) -> InFlight | None:
    """Return the unfinished requests of a drained worker. None: no metrics show them."""
    async with open_session(settings) as session:
        watch = DrainWatch(session.scrapes)
        if not watch.can_look(drained):
            return None
        found = await watch.look(drained)
        if found is not None and not found.requests:
            # A router may have chosen it a moment before its instance went.
            await asyncio.sleep(LOOK_AGAIN)
            found = await watch.look(drained)
    return found


async def _look(settings: Settings, wanted: Named, probe: str | None, clock: Clock) -> _Found:
    def concerned(cluster: Cluster, _: Sequence[AnyRecord]) -> Sequence[AnyRecord]:
        instances = [record for one in _candidates(cluster, wanted) for record in one.instances]
        # What the drain leaves depends on which of the other workers are dead.
        return [*instances, *models.beside(instances, cluster)]

    async with looked_at(settings, probe) as (discovery, probes):
        seen = await surveyed(
            settings,
            discovery,
            probes,
            query(settings, "endpoints", None, None, None),
            probe=probe,
            choose=concerned,
            clock=clock,
        )
        place = await acted_on(discovery)
    instances = [record for record in seen.records if isinstance(record, EndpointInstance)]
    targets = targets_of(seen, instances)
    return _Found(place, _candidates(seen.cluster, wanted), targets, seen)


def _why_nothing(seen: Survey, wanted: Named, where: str) -> str:
    """Return why a text names no instance that can be drained, as a clause without its full
    stop."""
    for one in processes(seen.cluster, wanted, NAMES_A_PROCESS):
        judged = (seen.assessment(record) for record in one.records)
        drained = next((found for found in judged if found.verdict is Verdict.DRAINED), None)
        if drained is not None:
            why = drained.evidence[0].text
            return f"{one.id:x} has no endpoint instance {where}, nothing to drain: {why}"
    meanings = {MatchedField.MODEL: "model", MatchedField.PATH: "place"}
    for meaning, word in meanings.items():
        named = processes(seen.cluster, wanted, {meaning})
        if not named:
            continue
        is_a = f"{wanted.text} is a {word} {where}, and one worker is drained at a time"
        there = [one.id for one in named if one.instances and one.role is Role.WORKER]
        if not there:
            return f"{is_a}: none of it has an endpoint instance"
        which = "its worker is" if len(there) == 1 else "name the id of one of"
        return f"{is_a}: {which} {ids_in_words(there)}"
    return (
        f"no endpoint instance of {wanted.text} {where}: `dyntop list workers` prints all workers"
    )


def _candidates(cluster: Cluster, wanted: Named) -> list[Worker]:
    """Return the named processes that have instances."""
    return [one for one in processes(cluster, wanted, NAMES_A_PROCESS) if one.instances]


def _chosen(candidates: Sequence[Worker], wanted: Named, *, ask_which: bool) -> Worker | None:
    """Return the named process. None: there are several, and none was chosen; prints so."""
    if len(candidates) == 1:
        return candidates[0]
    print_message(f"{wanted.text} names {count(len(candidates), 'process')}:")
    for one in candidates:
        print_message(f"  {in_a_line(one)}")
    if not ask_which or not can_ask():
        print_message("nothing was removed: name the id of one of them")
        return None
    ids = lookup.ids_of(ask("Which one? Type its id:"))
    meant = [one for one in candidates if one.id in ids]
    if len(meant) == 1:
        return meant[0]
    print_message("nothing was removed: that names none of them")
    return None


def _objects_of(instances: Iterable[EndpointInstance]) -> list[str]:
    """Return the objects that hold some instances, in a store with owners."""
    return sorted({object_of(one) for one in instances} - {""})


def _meant(chosen: Worker, wanted: Named) -> list[EndpointInstance]:
    """Return the named instances: all of the process. Of several ids on a lease with another number
    only the named one, as from its row in the dashboard; of several objects only the named one."""
    of_object = [one for one in chosen.instances if object_of(one) == wanted.text]
    if of_object:
        return of_object
    named_ids = set(wanted.ids)
    for one in chosen.records:
        if one.key == wanted.key and one.id.instance_id is not None:
            named_ids.add(one.id.instance_id)
    if not named_ids.isdisjoint(chosen.leases):
        return chosen.instances
    of_named = [one for one in chosen.instances if one.id.instance_id in named_ids]
    return of_named or chosen.instances


def _is_meant(wanted: int) -> bool:
    """Return whether the person at the terminal types the id once more."""
    if not can_ask():
        return False
    if wanted in lookup.ids_of(ask(f"Type {wanted:x} to drain it:")):
        return True
    print_message(f"kept {wanted:x}")
    return False
