"""List the removals that `d` offers for a selection: the drain of live workers first.

No Textual in here. Untrusted text is not escaped yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from backends.dynamo.records import AnyRecord, EndpointInstance, ModelCard
from backends.removal.drain_plan import of_workers, plan_drain
from backends.removal.lasting_drain import LastingDrain
from tui.state.cluster_view import ClusterView
from tui.text.consequences import workers_in_words
from tui.text.detail import keeps
from tui.text.format import count

Verb = Literal["drain", "unregister"]

MOST_LOOKED_AT = 1_000
"""Records of a row that `proposed_verb` looks at, in some 10 ms: a row may stand for ten times as
many."""


class RemovalOption(msgspec.Struct, frozen=True):
    """One removal that the dialog offers."""

    verb: Verb | None
    """None: decided by the verdicts while the dialog is open."""
    records: tuple[AnyRecord, ...]
    """The records it removes."""
    label: str
    """A line on what it does. Empty: it is the only one so far."""
    lasting: LastingDrain | None = None
    """The pod that it takes out of discovery, in place of removing the records. None: it removes
    them."""


def removal_options(view: ClusterView, records: Sequence[AnyRecord]) -> list[RemovalOption]:
    """Return the removals of these records, at least one; the first is proposed.

    For live records that is the drain of their workers, with the stale keys of the selection. The
    second option removes the selection itself: one endpoint alone, or the rest of a live worker.
    For LoRA adapters and channels the selection comes first, since their worker is not meant.
    """
    verdicts, there = view.verdicts, view.cluster.records
    living = [one for one in records if verdicts.may_live(one)]
    # A router or indexer is unregistered: nothing drains it.
    workers = list(of_workers(view.cluster, [one for one in living if one.key in there]))
    drain = plan_drain(view.cluster, workers)
    stale = [one for one in records if not verdicts.may_live(one)]
    # What is not known in full could not be put back, so it goes only where it is named alone.
    instances = [one for one in drain.instances if not one.unread]
    drained = {one.key: one for one in (*instances, *stale)}
    chosen = {one.key: one for one in records}
    if not instances or drained.keys() == chosen.keys():
        verb: Verb | None = None if workers or not living else "unregister"
        return [RemovalOption(verb, tuple(records), "")]
    number = count(len(instances), "endpoint instance")
    more = f", and {count(len(stale), 'stale key')}" if stale else ""
    whole = RemovalOption(
        "drain",
        tuple(drained.values()),
        f"Drain {workers_in_words(drain.workers)}: {number}{more}",
    )
    alone = RemovalOption("unregister", tuple(records), _selection(living, keeps(records)))
    if any(isinstance(one, EndpointInstance) or _is_base(one) for one in workers):
        return [whole, alone]
    return [alone, whole]


def with_lasting_drain(
    options: Sequence[RemovalOption], drain: LastingDrain
) -> list[RemovalOption]:
    """Return the options with a lasting drain as the last one, each with a line on how long it
    holds."""
    until = " (until the worker's own next change)"
    named = [replace(one, label=(one.label or _alone(one)) + until) for one in options]
    pod = drain.label.pod
    label = f"Lasting drain: take a label off pod {pod} (until undone)"
    records = drain.instances or (drain.record,)
    return [*named, RemovalOption("drain", records, label, drain)]


def drained_records(view: ClusterView, records: Sequence[AnyRecord]) -> list[AnyRecord]:
    """Return those of some records that are of live workers, which a drain is about."""
    may_live, cluster = view.verdicts.may_live, view.cluster
    living = [one for one in records if may_live(one) and one.key in cluster.records]
    return list(of_workers(cluster, living))


def proposed_verb(view: ClusterView, records: Sequence[AnyRecord]) -> Verb:
    """Return what the first option for these records does, without computing the options: the
    footer names it for each row that the cursor comes to.

    Of more than `MOST_LOOKED_AT` records the first decide.
    """
    cluster, may_live = view.cluster, view.verdicts.may_live
    has_base = has_instance = False
    living = (
        one
        for one in records[:MOST_LOOKED_AT]
        if isinstance(one, EndpointInstance | ModelCard)
        and may_live(one)
        and one.key in cluster.records
    )
    planned: set[tuple[int | None, int | None]] = set()
    for one in of_workers(cluster, living):
        if isinstance(one, EndpointInstance):
            return "drain"
        has_base |= _is_base(one)
        worker = (cluster.worker_of(one), one.id.instance_id)
        # One worker may have thousands of adapters.
        if not has_instance and worker not in planned:
            planned.add(worker)
            has_instance = any(not it.unread for it in plan_drain(cluster, [one]).instances)
        if has_base and has_instance:
            return "drain"
    return "unregister"


def _alone(option: RemovalOption) -> str:
    """Return the label of an option that was the only one."""
    drains = any(isinstance(one, EndpointInstance) for one in option.records)
    return f"{'Drain' if drains else 'Unregister'} {keeps(option.records)}"


def _is_base(record: AnyRecord) -> bool:
    return isinstance(record, ModelCard) and not record.is_lora


def _selection(living: Sequence[AnyRecord], what: str) -> str:
    """Return the label of removing the selection itself."""
    if all(isinstance(one, EndpointInstance) for one in living):
        which = "this endpoint" if len(living) == 1 else "these endpoints"
        return f"Remove {which} alone: {what}"
    if any(isinstance(one, EndpointInstance) for one in living):
        return f"Unregister everything: {what}"
    return f"Unregister the selection alone: {what}"
