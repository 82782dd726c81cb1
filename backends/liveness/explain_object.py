"""Gathers what an object in Kubernetes shows of a record, as evidence; what decides comes first.

Pure; `explain` puts it beside the rest.
"""

from __future__ import annotations

from backends.dynamo.keys import spell
from backends.dynamo.records import EventChannel, EventSource
from backends.liveness import evidence_kinds as kinds
from backends.liveness.evidence import Evidence
from backends.liveness.judge import JudgeInput, Verdict
from backends.liveness.owned import (
    container_is_down,
    has_id_of_object,
    id_of_object,
    is_taken_out,
    is_undiscovered,
    started_after_change,
)
from backends.store.owner import Owner, PodExistence, Readiness

_DECIDED_BY_READINESS = frozenset({Verdict.LIVE, Verdict.UNKNOWN})
_DECIDED_BY_OBJECT = frozenset({Verdict.ORPHANED, Verdict.LEFTOVER, Verdict.NOT_READY})


def object_decides(facts: JudgeInput, verdict: Verdict) -> bool:
    """Return whether a verdict rests on the object that holds the record, rather than on an address
    or on the record's own text."""
    owner = facts.record.entry.owner
    if owner is None:
        return False
    if verdict is Verdict.DRAINED:
        return is_taken_out(owner)
    if verdict in _DECIDED_BY_READINESS:
        return not facts.probed.runs and not facts.record.unread
    return verdict in _DECIDED_BY_OBJECT


def evidence_of_object(facts: JudgeInput, verdict: Verdict) -> list[Evidence]:
    """Return the evidence that a record's object and its pod give. Empty: no object holds it."""
    owner = facts.record.entry.owner
    if owner is None:
        return []
    found = _of_pod(owner)
    if verdict is Verdict.LEFTOVER:
        found.insert(0, kinds.LeftByShutdown(facts.record.id.path() or None))
    readiness = _of_readiness(owner)
    decides = verdict in _DECIDED_BY_READINESS
    if verdict is Verdict.NOT_READY:
        # Else the container decides: it is down, which clients have not noticed.
        decides = is_undiscovered(owner)
    if verdict is Verdict.DRAINED:
        decides = is_taken_out(owner)
    found.insert(0 if decides else len(found), readiness)
    if facts.hidden_by is not None:
        found.append(kinds.HidesWorker(owner.path, spell(facts.hidden_by)))
    found += _of_rounding(facts)
    return [Evidence(values, facts.stored_at) for values in found]


def ids_differ(facts: JudgeInput) -> list[Evidence]:
    """Return the evidence that the id in a key is not that of its object. Empty: it is."""
    record, expected = facts.record, id_of_object(facts.record)
    found, owner = record.id.instance_id, record.entry.owner
    if owner is None or expected is None or found is None or has_id_of_object(record):
        return []
    return [Evidence(kinds.IdNotOfObject(owner.path, expected, found), facts.stored_at)]


def _of_pod(owner: Owner) -> list[kinds.Values]:
    """Return what the pod of an object shows against its process."""
    of_pod = (owner.path, owner.pod_name or None, owner.container_name or None)
    found: list[kinds.Values] = []
    if owner.existence is PodExistence.GONE:
        found.append(kinds.PodGone(*of_pod))
    elif owner.existence is PodExistence.REPLACED:
        found.append(kinds.PodReplaced(*of_pod))
    if (container := owner.container) is not None:
        if (after := started_after_change(owner)) is not None:
            found.append(kinds.PreviousProcess(container.name, after, container.restarts))
        if container_is_down(owner):
            found.append(
                kinds.ContainerDown(
                    container.name,
                    container.state,
                    container.reason or None,
                    container.exit_code,
                    container.restarts,
                )
            )
    if owner.pod_is_ending:
        found.append(kinds.PodEnding(*of_pod))
    return found


def _of_readiness(owner: Owner) -> kinds.Values:
    pod, container = owner.pod_name or None, owner.container_name or None
    if owner.readiness is Readiness.UNKNOWN:
        return kinds.RightMissing(owner.unread)
    if (label := owner.taken_out_by) is not None:
        return kinds.TakenOut(owner.path, label.pod_path, label.text)
    if is_undiscovered(owner):
        return kinds.NotReady(owner.path, pod, container, owner.readiness)
    return kinds.Ready(owner.path, pod, container)


def _of_rounding(facts: JudgeInput) -> list[kinds.Values]:
    record = facts.record
    if not isinstance(record, EventChannel | EventSource):
        return []
    in_key, in_body = record.id.instance_id, record.rounded_id
    return [] if in_key is None or in_body is None else [kinds.IdRounded(in_key, in_body)]
