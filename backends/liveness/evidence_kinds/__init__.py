"""The kinds of evidence, each with its values. `backends.liveness.sentences` words them. Pure.

A value is what was read, asked or compared: numbers, ids, names, addresses. Texts in it come from a
store, a server or another machine, and may hold anything. `names` has the names of the kinds,
`of_objects` the kinds that objects and pods in Kubernetes give.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from backends.liveness.evidence_kinds.names import EvidenceKind as EvidenceKind
from backends.liveness.evidence_kinds.of_objects import ContainerDown as ContainerDown
from backends.liveness.evidence_kinds.of_objects import HidesWorker as HidesWorker
from backends.liveness.evidence_kinds.of_objects import IdNotOfObject as IdNotOfObject
from backends.liveness.evidence_kinds.of_objects import IdRounded as IdRounded
from backends.liveness.evidence_kinds.of_objects import LeftByShutdown as LeftByShutdown
from backends.liveness.evidence_kinds.of_objects import NotReady as NotReady
from backends.liveness.evidence_kinds.of_objects import PodEnding as PodEnding
from backends.liveness.evidence_kinds.of_objects import PodGone as PodGone
from backends.liveness.evidence_kinds.of_objects import PodReplaced as PodReplaced
from backends.liveness.evidence_kinds.of_objects import PreviousProcess as PreviousProcess
from backends.liveness.evidence_kinds.of_objects import Ready as Ready
from backends.liveness.evidence_kinds.of_objects import RightMissing as RightMissing
from backends.liveness.evidence_kinds.of_objects import TakenOut as TakenOut
from backends.probe.types import ProbeAnswer, ProbeMethod


class _Bare(msgspec.Struct, frozen=True):
    """A kind that says it all."""


class _Detail(msgspec.Struct, frozen=True):
    """What a text says."""

    detail: str
    """Why it is so, as whatever found it has it."""


class _LeaseTime(msgspec.Struct, frozen=True):
    """A reading of a lease."""

    remaining: float
    granted: float
    """Seconds that are left, and that it was granted."""
    reset_ago: float | None
    """Seconds since the store's new leader gave it its full time. None: what is known of it is
    from after that."""


class _FileTime(msgspec.Struct, frozen=True):
    """A reading of a file's time."""

    touched_ago: float
    """Seconds. Below 0: the clock that touched it is ahead of this host's."""
    granted: float
    """Seconds that it is kept without a touch."""


class _OnEndpoint(msgspec.Struct, frozen=True):
    """What is wrong on an endpoint."""

    endpoint: str | None
    """`namespace/component/endpoint`. None: the key does not name it."""


class NothingAsked(_Bare, frozen=True):
    """Nothing was asked about the record yet."""

    kind: ClassVar = EvidenceKind.NOTHING_ASKED


# --- the record itself -------------------------------------------------------------------------


class Unread(_Detail, frozen=True):
    """Its value is not known in full."""

    kind: ClassVar = EvidenceKind.UNREAD


class Malformed(_Detail, frozen=True):
    """It is not as Dynamo writes it, and Dynamo skips it."""

    kind: ClassVar = EvidenceKind.MALFORMED


class OddKey(_Detail, frozen=True):
    """Its key is not as Dynamo writes it, but clients go by its body."""

    kind: ClassVar = EvidenceKind.ODD_KEY


class NamesAnother(_Detail, frozen=True):
    """Its body names another record than its key."""

    kind: ClassVar = EvidenceKind.NAMES_ANOTHER


class TimeRanOut(_Bare, frozen=True):
    """Its time to live ran out, and it is still there; `at` is when it ran out."""

    kind: ClassVar = EvidenceKind.TIME_RAN_OUT


class AddressUnusable(msgspec.Struct, frozen=True):
    """Its address is one that no client can connect to."""

    kind: ClassVar = EvidenceKind.ADDRESS_UNUSABLE
    address: str
    """As the record has it."""
    detail: str
    """What is wrong with it."""


# --- its lease, its file, its bucket -----------------------------------------------------------


class LeaseLeft(_LeaseTime, frozen=True):
    """Its lease was read, and no renewal is overdue."""

    kind: ClassVar = EvidenceKind.LEASE_LEFT


class LeaseLate(_LeaseTime, frozen=True):
    """A keep-alive of its lease was missed."""

    kind: ClassVar = EvidenceKind.LEASE_LATE


class LeaseUnproved(msgspec.Struct, frozen=True):
    """The store's new leader gave its lease its full time, and no keep-alive was seen since."""

    kind: ClassVar = EvidenceKind.LEASE_UNPROVED
    remaining: float
    granted: float
    """Seconds that are left, and that it was granted."""
    reset_ago: float
    """Seconds since the leader did so."""


class LeaseGone(_Bare, frozen=True):
    """Its lease does not exist any more."""

    kind: ClassVar = EvidenceKind.LEASE_GONE


class NoLease(_Bare, frozen=True):
    """It has no lease, in a store that has leases."""

    kind: ClassVar = EvidenceKind.NO_LEASE


class RenewalAwaited(_Bare, frozen=True):
    """Its next renewal will show whether its worker lives."""

    kind: ClassVar = EvidenceKind.RENEWAL_AWAITED


class FileTouched(_FileTime, frozen=True):
    """Its file was touched within half of its time to live."""

    kind: ClassVar = EvidenceKind.FILE_TOUCHED


class FileLate(_FileTime, frozen=True):
    """Its file was not touched when it was due."""

    kind: ClassVar = EvidenceKind.FILE_LATE


class KeptAlive(_Bare, frozen=True):
    """Its file has not expired; when it was touched was not asked."""

    kind: ClassVar = EvidenceKind.KEPT_ALIVE


class BucketKeeps(msgspec.Struct, frozen=True):
    """No worker renews it; its bucket keeps it for a time."""

    kind: ClassVar = EvidenceKind.BUCKET_KEEPS
    remaining: float
    granted: float
    """Seconds that are left, and in all."""


class NotRenewed(_Bare, frozen=True):
    """No worker renews it, so the key alone shows nothing of its worker."""

    kind: ClassVar = EvidenceKind.NOT_RENEWED


# --- addresses ---------------------------------------------------------------------------------


class AddressProbed(msgspec.Struct, frozen=True):
    """An address of its worker was asked, or several of one method that came to the same."""

    kind: ClassVar = EvidenceKind.PROBED
    method: ProbeMethod
    answer: ProbeAnswer
    address: str
    """Of several, the first by length and letters."""
    addresses: int
    """How many, that one included."""
    detail: str
    """What was seen, to follow the address: `refuses connections`."""


class AddressProbedFromHere(msgspec.Struct, frozen=True):
    """The same of an address that failed, where that may be the network's fault."""

    kind: ClassVar = EvidenceKind.PROBED_FROM_HERE
    method: ProbeMethod
    answer: ProbeAnswer
    address: str
    addresses: int
    detail: str
    """These as in `AddressProbed`."""
    host: str | None
    """The host that tried. None: its name is not known."""
    lease_renewed_ago: float | None
    """Seconds since its lease was renewed. None: it has none, or no renewal is known."""
    file_touched_ago: float | None
    """Seconds since its file was touched. None: it is no file, or no touch is known."""


class NatsNotAsked(_Bare, frozen=True):
    """It is carried by a NATS server that was not asked."""

    kind: ClassVar = EvidenceKind.NATS_NOT_ASKED


# --- its worker --------------------------------------------------------------------------------


class WorkerGone(msgspec.Struct, frozen=True):
    """Its worker has no instance, nor a lease where there are leases."""

    kind: ClassVar = EvidenceKind.WORKER_GONE
    worker: int
    has_leases: bool
    """Whether the store has leases."""


class InstancesUnusable(msgspec.Struct, frozen=True):
    """Its worker has instances, and all are expired or malformed."""

    kind: ClassVar = EvidenceKind.INSTANCES_UNUSABLE
    worker: int
    instances: int
    """How many."""


class WorkerUnknown(_Bare, frozen=True):
    """Nothing that is registered shows which worker it belongs to."""

    kind: ClassVar = EvidenceKind.WORKER_UNKNOWN


class NoSource(msgspec.Struct, frozen=True):
    """It is a channel in a file that no source joins to its worker."""

    kind: ClassVar = EvidenceKind.NO_SOURCE
    has_address: bool
    """Whether it has an address of its own that can fail; not so over NATS."""


class Drained(msgspec.Struct, frozen=True):
    """Its worker was drained; `at` is when."""

    kind: ClassVar = EvidenceKind.DRAINED
    user: str | None
    host: str | None
    """By whom and on which host, as the audit has it. None: by this process."""
    act: str | None
    """The id that `dyntop restore` takes. None: it is not known."""


class DrainedOrDeleted(msgspec.Struct, frozen=True):
    """Its worker has no instance while it lives; nothing says who took it away."""

    kind: ClassVar = EvidenceKind.DRAINED_OR_DELETED
    has_leases: bool
    """True: its lease is alive. False: its worker's other files are kept alive."""


# --- what a request needs ----------------------------------------------------------------------


class NoInstance(_OnEndpoint, frozen=True):
    """Its worker has no instance on its endpoint."""

    kind: ClassVar = EvidenceKind.NO_INSTANCE


class InstanceDead(_OnEndpoint, frozen=True):
    """Its worker's instance on its endpoint is dead."""

    kind: ClassVar = EvidenceKind.INSTANCE_DEAD


class InstanceAddressUnusable(_OnEndpoint, frozen=True):
    """Its worker's instance on its endpoint has an address that no client can connect to."""

    kind: ClassVar = EvidenceKind.INSTANCE_ADDRESS_UNUSABLE


class NeedsNotMet(msgspec.Struct, frozen=True):
    """Its model needs workers of other roles that are not routable."""

    kind: ClassVar = EvidenceKind.NEEDS_NOT_MET
    missing: tuple[str, ...]
    """The roles."""
    namespace: str | None
    """In which. None: the key does not name it."""


class CardSort(msgspec.Struct, frozen=True):
    """The cards of a worker set that are alike."""

    workers: int
    """How many have this card."""
    routable: int
    """How many of them a request reaches."""
    known_for: float
    """Seconds since the first of the cards was seen."""
    was_there: bool
    """Whether it was there when dyntop looked first: then it is at least as old."""
    differs_in: tuple[str, ...]
    """In which fields from the record's own sort; empty for that."""


class CardsDiffer(msgspec.Struct, frozen=True):
    """Its worker set has several sorts of card."""

    kind: ClassVar = EvidenceKind.CARDS_DIFFER
    number: int
    """How many sorts. 0: they were not compared in full."""
    sorts: tuple[CardSort, ...]
    """The record's own first, then the oldest three of the others."""


Values = (
    NothingAsked
    | Unread
    | Malformed
    | OddKey
    | NamesAnother
    | TimeRanOut
    | AddressUnusable
    | LeaseLeft
    | LeaseLate
    | LeaseUnproved
    | LeaseGone
    | NoLease
    | RenewalAwaited
    | FileTouched
    | FileLate
    | KeptAlive
    | BucketKeeps
    | NotRenewed
    | Ready
    | NotReady
    | TakenOut
    | ContainerDown
    | PodEnding
    | PodGone
    | PodReplaced
    | PreviousProcess
    | LeftByShutdown
    | IdNotOfObject
    | IdRounded
    | HidesWorker
    | RightMissing
    | AddressProbed
    | AddressProbedFromHere
    | NatsNotAsked
    | WorkerGone
    | InstancesUnusable
    | WorkerUnknown
    | NoSource
    | Drained
    | DrainedOrDeleted
    | NoInstance
    | InstanceDead
    | InstanceAddressUnusable
    | NeedsNotMet
    | CardsDiffer
)
"""The values of one piece of evidence; their type is its kind."""
