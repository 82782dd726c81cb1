"""What changed at the owner of an object while its entries stayed as they were. Pure.

Kubernetes changes the revision of all entries of an object with each of them, and the readiness of
a pod without any. Neither changes a record.
"""

from __future__ import annotations

from collections import OrderedDict

from backends.discovery.reasons import Reason, ReasonKind
from backends.dynamo.records import AnyRecord
from backends.store import Entry
from backends.store.owner import Owner, PodExistence, Readiness

_OF_LABELS = (ReasonKind.TAKEN_OUT, ReasonKind.LABEL_BACK)

OBJECTS_KEPT = 20_000
"""Objects whose last change is remembered. Of a forgotten one each entry may be an event."""


def holds_the_same(record: AnyRecord, previous: AnyRecord | None) -> bool:
    """Return whether an object's entry was replaced by one with the same content: at most its
    revision, and what is known of the object's owner, changed.
    """
    if previous is None or record.entry.owner is None or previous.entry.owner is None:
        return False
    return _content(record.entry) == _content(previous.entry)


def why_owner_changed(before: Owner, now: Owner) -> Reason | None:
    """Return the most telling change of an object's owner. None: nothing that bears on whether
    clients discover its process.

    That this user may not read something, or may read it again, is no change.
    """
    kind = _kind_of_change(before, now)
    if kind is None:
        return None
    return Reason(
        kind,
        pod=now.pod_name,
        container=now.container_name,
        readiness=now.readiness.value if kind is ReasonKind.NOT_READY else "",
        label=_label(before, now) if kind in _OF_LABELS else "",
        restarts=_restarts(now) if kind is ReasonKind.RESTARTED else 0,
    )


class OwnerChanges:
    """Reports one change of an object once, though each of its entries changes with it."""

    def __init__(self) -> None:
        self._last: OrderedDict[str, tuple[object, ...]] = OrderedDict()
        """What was last reported of each object."""

    def take(self, before: Owner, now: Owner) -> Reason | None:
        """Return the change of an object's owner. None: there is none, or it was reported for
        another of its entries.
        """
        reason = why_owner_changed(before, now)
        standing = _standing(now)
        if reason is None or self._last.get(now.path) == standing:
            return None
        self._last[now.path] = standing
        self._last.move_to_end(now.path)
        if len(self._last) > OBJECTS_KEPT:
            self._last.popitem(last=False)
        return reason


def _kind_of_change(before: Owner, now: Owner) -> ReasonKind | None:
    if now.existence is not before.existence and now.existence is PodExistence.GONE:
        return ReasonKind.POD_GONE
    if _is_replaced(before, now):
        return ReasonKind.POD_REPLACED
    if now.pod_is_ending and not before.pod_is_ending:
        return ReasonKind.POD_ENDING
    if before.pod is not None and _restarts(now) > _restarts(before):
        return ReasonKind.RESTARTED
    if now.readiness is before.readiness or Readiness.UNKNOWN in (now.readiness, before.readiness):
        return None
    if now.readiness is Readiness.TAKEN_OUT:
        return ReasonKind.TAKEN_OUT
    if now.readiness is Readiness.DISCOVERABLE:
        return ReasonKind.READY
    is_back = before.readiness is Readiness.TAKEN_OUT and now.readiness is Readiness.NO_ENDPOINT
    return ReasonKind.LABEL_BACK if is_back else ReasonKind.NOT_READY


def _label(before: Owner, now: Owner) -> str:
    label = now.taken_out_by or before.taken_out_by
    return "" if label is None else label.text


def _content(entry: Entry) -> tuple[object, ...]:
    return entry.value, entry.lease, entry.expired_at, entry.unread, entry.problem


def _standing(owner: Owner) -> tuple[object, ...]:
    uid = "" if owner.pod is None else owner.pod.uid
    return (
        owner.readiness,
        owner.existence,
        uid,
        owner.pod_uid,
        _restarts(owner),
        owner.pod_is_ending,
    )


def _is_replaced(before: Owner, now: Owner) -> bool:
    if now.existence is PodExistence.REPLACED and now.existence is not before.existence:
        return True
    return bool(before.pod_uid and now.pod_uid) and before.pod_uid != now.pod_uid


def _restarts(owner: Owner) -> int:
    return 0 if owner.container is None else owner.container.restarts
