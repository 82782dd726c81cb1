"""The kinds of evidence, each with its values. `backends.liveness.sentences` words them. Pure.

A value is what was read, asked or compared: numbers, ids, names, addresses. Texts in it come from a
store, a server or another machine, and may hold anything. `names` has the names of the kinds,
`of_objects` the kinds that objects and pods in Kubernetes give.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, get_args

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


# Making a dataclass takes 0.3 ms of every start, so kinds with the same values share one.
@dataclass(frozen=True, slots=True)
class _Bare:
    """A kind that says it all."""


@dataclass(frozen=True, slots=True)
class _Detail:
    """What a text says."""

    detail: str
    """Why it is so, as whatever found it has it."""


@dataclass(frozen=True, slots=True)
class _LeaseTime:
    """A reading of a lease."""

    remaining: float
    granted: float
    """Seconds that are left, and that it was granted."""
    reset_ago: float | None
    """Seconds since the store's new leader gave it its full time. None: what is known of it is
    from after that."""


@dataclass(frozen=True, slots=True)
class _FileTime:
    """A reading of a file's time."""

    touched_ago: float
    """Seconds. Below 0: the clock that touched it is ahead of this host's."""
    granted: float
    """Seconds that it is kept without a touch."""


@dataclass(frozen=True, slots=True)
class _OnEndpoint:
    """What is wrong on an endpoint."""

    endpoint: str | None
    """`namespace/component/endpoint`. None: the key does not name it."""


class NothingAsked(_Bare):
    """Nothing was asked about the record yet."""

    __slots__ = ()
    kind: ClassVar = EvidenceKind.NOTHING_ASKED


# --- the record itself -------------------------------------------------------------------------


class Unread(_Detail):
    """Its value is not known in full."""

    __slots__ = ()
    kind: ClassVar = EvidenceKind.UNREAD


class Malformed(_Detail):
    """It is not as Dynamo writes it, and Dynamo skips it."""

    __slots__ = ()
    kind: ClassVar = EvidenceKind.MALFORMED


class OddKey(_Detail):
    """Its key is not as Dynamo writes it, but clients go by its body."""

    __slots__ = ()
    kind: ClassVar = EvidenceKind.ODD_KEY


class NamesAnother(_Detail):
    """Its body names another record than its key."""

    __slots__ = ()
    kind: ClassVar = EvidenceKind.NAMES_ANOTHER


class TimeRanOut(_Bare):
    """Its time to live ran out, and it is still there; `at` is when it ran out."""

    __slots__ = ()
    kind: ClassVar = EvidenceKind.TIME_RAN_OUT


@dataclass(frozen=True, slots=True)
class AddressUnusable:
    """Its address is one that no client can connect to."""

    kind: ClassVar = EvidenceKind.ADDRESS_UNUSABLE
    address: str
    """As the record has it."""
    detail: str
    """What is wrong with it."""


# --- its lease, its file, its bucket -----------------------------------------------------------


class LeaseLeft(_LeaseTime):
    """Its lease was read, and no renewal is overdue."""

    __slots__ = ()
    kind: ClassVar = EvidenceKind.LEASE_LEFT


class LeaseLate(_LeaseTime):
    """A keep-alive of its lease was missed."""

    __slots__ = ()
    kind: ClassVar = EvidenceKind.LEASE_LATE


@dataclass(frozen=True, slots=True)
class LeaseUnproved:
    """The store's new leader gave its lease its full time, and no keep-alive was seen since."""

    kind: ClassVar = EvidenceKind.LEASE_UNPROVED
    remaining: float
    granted: float
    """Seconds that are left, and that it was granted."""
    reset_ago: float
    """Seconds since the leader did so."""


class LeaseGone(_Bare):
    """Its lease does not exist any more."""

    __slots__ = ()
    kind: ClassVar = EvidenceKind.LEASE_GONE


class NoLease(_Bare):
    """It has no lease, in a store that has leases."""

    __slots__ = ()
    kind: ClassVar = EvidenceKind.NO_LEASE


class RenewalAwaited(_Bare):
    """Its next renewal will show whether its worker lives."""

    __slots__ = ()
    kind: ClassVar = EvidenceKind.RENEWAL_AWAITED


class FileTouched(_FileTime):
    """Its file was touched within half of its time to live."""

    __slots__ = ()
    kind: ClassVar = EvidenceKind.FILE_TOUCHED


class FileLate(_FileTime):
    """Its file was not touched when it was due."""

    __slots__ = ()
    kind: ClassVar = EvidenceKind.FILE_LATE


class KeptAlive(_Bare):
    """Its file has not expired; when it was touched was not asked."""

    __slots__ = ()
    kind: ClassVar = EvidenceKind.KEPT_ALIVE


@dataclass(frozen=True, slots=True)
class BucketKeeps:
    """No worker renews it; its bucket keeps it for a time."""

    kind: ClassVar = EvidenceKind.BUCKET_KEEPS
    remaining: float
    granted: float
    """Seconds that are left, and in all."""


class NotRenewed(_Bare):
    """No worker renews it, so the key alone shows nothing of its worker."""

    __slots__ = ()
    kind: ClassVar = EvidenceKind.NOT_RENEWED


# --- addresses ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AddressProbed:
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


@dataclass(frozen=True, slots=True)
class AddressProbedFromHere:
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


class NatsNotAsked(_Bare):
    """It is carried by a NATS server that was not asked."""

    __slots__ = ()
    kind: ClassVar = EvidenceKind.NATS_NOT_ASKED


# --- its worker --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WorkerGone:
    """Its worker has no instance, nor a lease where there are leases."""

    kind: ClassVar = EvidenceKind.WORKER_GONE
    worker: int
    has_leases: bool
    """Whether the store has leases."""


@dataclass(frozen=True, slots=True)
class InstancesUnusable:
    """Its worker has instances, and all are expired or malformed."""

    kind: ClassVar = EvidenceKind.INSTANCES_UNUSABLE
    worker: int
    instances: int
    """How many."""


class WorkerUnknown(_Bare):
    """Nothing that is registered shows which worker it belongs to."""

    __slots__ = ()
    kind: ClassVar = EvidenceKind.WORKER_UNKNOWN


@dataclass(frozen=True, slots=True)
class NoSource:
    """It is a channel in a file that no source joins to its worker."""

    kind: ClassVar = EvidenceKind.NO_SOURCE
    has_address: bool
    """Whether it has an address of its own that can fail; not so over NATS."""


@dataclass(frozen=True, slots=True)
class Drained:
    """Its worker was drained; `at` is when."""

    kind: ClassVar = EvidenceKind.DRAINED
    user: str | None
    host: str | None
    """By whom and on which host, as the audit has it. None: by this process."""
    act: str | None
    """The id that `dyntop restore` takes. None: it is not known."""


@dataclass(frozen=True, slots=True)
class DrainedOrDeleted:
    """Its worker has no instance while it lives; nothing says who took it away."""

    kind: ClassVar = EvidenceKind.DRAINED_OR_DELETED
    has_leases: bool
    """True: its lease is alive. False: its worker's other files are kept alive."""


# --- what a request needs ----------------------------------------------------------------------


class NoInstance(_OnEndpoint):
    """Its worker has no instance on its endpoint."""

    __slots__ = ()
    kind: ClassVar = EvidenceKind.NO_INSTANCE


class InstanceDead(_OnEndpoint):
    """Its worker's instance on its endpoint is dead."""

    __slots__ = ()
    kind: ClassVar = EvidenceKind.INSTANCE_DEAD


class InstanceAddressUnusable(_OnEndpoint):
    """Its worker's instance on its endpoint has an address that no client can connect to."""

    __slots__ = ()
    kind: ClassVar = EvidenceKind.INSTANCE_ADDRESS_UNUSABLE


@dataclass(frozen=True, slots=True)
class NeedsNotMet:
    """Its model needs workers of other roles that are not routable."""

    kind: ClassVar = EvidenceKind.NEEDS_NOT_MET
    missing: tuple[str, ...]
    """The roles."""
    namespace: str | None
    """In which. None: the key does not name it."""


@dataclass(frozen=True, slots=True)
class CardSort:
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


@dataclass(frozen=True, slots=True)
class CardsDiffer:
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

VALUES_OF: Mapping[EvidenceKind, type[Values]] = {one.kind: one for one in get_args(Values)}
"""The type of the values of each kind."""
