"""The contract of every store: keys, bytes and revisions. It knows nothing of Dynamo.

`protocol` has the contract itself, `entries` what a store holds, `owner` the objects that hold
entries and `pod_labels` the labels of their pods (both Kubernetes), `events` what a watch yields,
`errors` the tree of errors. For authors of
stores: `resync_loop` (repeats a watch), `limited_gather` (many calls, few in flight), `closing`
(`async with`).
"""

from __future__ import annotations

from backends.store.entries import Entry, NoPuts, PutBack, Removal, Revision, TimeToLive
from backends.store.errors import (
    Cause,
    Forbidden,
    KeyNotAllowed,
    Misconfigured,
    NotAuthorised,
    Refused,
    StoreError,
    Unreachable,
)
from backends.store.events import Delete, Heartbeat, Loading, Lost, Put, Resync, StoreEvent
from backends.store.owner import (
    ContainerState,
    Mode,
    Owner,
    PodExistence,
    PodLabel,
    PodState,
    Readiness,
)
from backends.store.pod_labels import LabelOutcome, NoLabel, PodLabels
from backends.store.pods import PodEvent, PodEvents, Pods
from backends.store.protocol import Lifetime, Outcome, Store

__all__ = [
    "Cause",
    "ContainerState",
    "Delete",
    "Entry",
    "Forbidden",
    "Heartbeat",
    "KeyNotAllowed",
    "LabelOutcome",
    "Lifetime",
    "Loading",
    "Lost",
    "Misconfigured",
    "Mode",
    "NoLabel",
    "NoPuts",
    "NotAuthorised",
    "Outcome",
    "Owner",
    "PodEvent",
    "PodEvents",
    "PodExistence",
    "PodLabel",
    "PodLabels",
    "PodState",
    "Pods",
    "Put",
    "PutBack",
    "Readiness",
    "Refused",
    "Removal",
    "Resync",
    "Revision",
    "Store",
    "StoreError",
    "StoreEvent",
    "TimeToLive",
    "Unreachable",
]
