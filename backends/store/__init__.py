"""The contract of every store: keys, bytes and revisions. It knows nothing of Dynamo.

`protocol` has the contract itself, `entries` what a store holds, `owner` the objects that hold
entries and `pod_labels` the labels of their pods (both Kubernetes), `events` what a watch yields,
`past` what some stores know of earlier revisions, `errors` the tree of errors. For authors of
stores: `resync_loop` (repeats a watch), `limited_gather` (many calls, few in flight), `closing`
(`async with`), `regular_file` (files that settings name).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from backends.store.entries import Entry, NoPuts, PutBack, Removal, Revision, TimeToLive
from backends.store.errors import (
    Cause,
    Compacted,
    Forbidden,
    KeyNotAllowed,
    Misconfigured,
    NoPast,
    NotAuthorised,
    NotYet,
    Refused,
    StoreError,
    Unreachable,
)
from backends.store.events import Delete, Heartbeat, Loading, Lost, Put, Resync, StoreEvent
from backends.store.protocol import Lifetime, Outcome, Store

if TYPE_CHECKING:
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

_OF_KUBERNETES = ("owner", "pod_labels", "pods")
"""Modules that only entries with an owner need: imported when one of their names is first used
(PEP 562), since defining their classes takes longer than those of all other stores."""

__all__ = [
    "Cause",
    "Compacted",
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
    "NoPast",
    "NoPuts",
    "NotAuthorised",
    "NotYet",
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


def __getattr__(name: str) -> object:
    if name in __all__:
        for module in _OF_KUBERNETES:
            if hasattr(found := import_module(f"{__name__}.{module}"), name):
                value = globals()[name] = getattr(found, name)
                return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
